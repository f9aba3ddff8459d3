//! A small Azure on a loopback port: the blob service and the sign-in of Entra.
//!
//! The files depend on each other in one direction, from values to the server:
//!
//! | layer | files |
//! | --- | --- |
//! | formats of Azure | `values`, `identity`, `body`, `xml`, `message`, `marker`, `unicode_marks` |
//! | what a test sets | `behavior`, `quirk`, `seed`, `assignment`, `cors`, `fault`, `refusal`, `sign_in_refusal`, `storage_state` |
//! | owners of state | `container`, `access`, `token`, `delegation_key`, `script`, `log`; all in `state` |
//! | one request | `request`, `authentication`, `authorization` |
//! | operations | `list_blobs` with `bounds`, `read_blob`, `container_api`, `user_delegation` |
//! | the two services | `blob_service`; `sign_in` with `assertion` |
//! | the product | `server` with `resettable`, `handle`, `controls`, `builder` |
//!
//! Nothing here shares code with the code under test, except role assignment conditions, roles and
//! the wildcard matcher, which have tests of their own.

mod access;
mod assertion;
mod assignment;
mod authentication;
mod authorization;
mod behavior;
mod blob_service;
mod body;
mod bounds;
mod builder;
mod container;
mod container_api;
mod controls;
mod cors;
mod delegation_key;
mod fault;
mod handle;
mod identity;
mod list_blobs;
mod log;
mod marker;
mod message;
mod quirk;
mod read_blob;
mod refusal;
mod request;
mod resettable;
mod script;
mod seed;
mod server;
mod sign_in;
mod sign_in_refusal;
mod state;
mod storage_state;
mod token;
mod unicode_marks;
mod user_delegation;
mod values;
mod xml;

pub use self::{
    assignment::{Assignment, Propagation},
    behavior::{
        AnonymousAnswer, Behavior, MisplacedStart, PreflightNames, ReversedRange, SignInText,
        StartFrom,
    },
    builder::SmallCloudBuilder,
    cors::CorsRule,
    fault::Fault,
    handle::SmallCloud,
    log::{LoggedRequest, PresentedCredential},
    quirk::Quirk,
    refusal::Refusal,
    seed::Seed,
    sign_in_refusal::SignInRefusal,
    storage_state::StorageState,
};
