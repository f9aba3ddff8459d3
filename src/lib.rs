#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![warn(unreachable_pub)]
#![cfg_attr(
    test,
    allow(
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::string_slice,
        clippy::unwrap_used,
        reason = "a unit test fails by a panic"
    )
)]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod backoff;
pub mod clock;
pub mod cloud;
mod coded;
pub mod condition;
pub mod connection;
pub mod error;
pub mod grant;
pub mod lifecycle;
pub mod name;
pub mod preview;
pub mod probe;
pub mod scan;
pub mod sink;
pub mod store;
#[cfg(feature = "sync")]
#[cfg_attr(docsrs, doc(cfg(feature = "sync")))]
pub mod sync;
#[cfg(feature = "testing")]
#[cfg_attr(docsrs, doc(cfg(feature = "testing")))]
pub mod testing;
mod unicode;
mod units;
pub mod validate;
mod wildcard;

#[cfg(feature = "azure")]
#[cfg_attr(docsrs, doc(cfg(feature = "azure")))]
pub use self::store::azure::{
    AzureStore, Credential, LinkRequest, OwnerMarker, ViewLink, ViewLinks,
};
#[cfg(feature = "sync")]
#[cfg_attr(docsrs, doc(cfg(feature = "sync")))]
pub use self::sync::{Job, Manifest};
pub use self::{
    backoff::Backoff,
    clock::{Clock, SystemClock},
    cloud::{Cloud, Endpoint, HostPolicy},
    connection::{Connection, ConnectionBuilder, InvalidConnection},
    error::{Detail, Error, ErrorKind},
    name::{AccountName, ConnectionName, ContainerName, InvalidName, Prefix, TenantId},
    preview::{Preview, PreviewReport},
    probe::{Diagnosis, Health, Probe},
    scan::{Progress, Report, Scan, Verdicts},
    sink::{Change, JsonLines, Sink},
    store::{Blob, MemoryStore, Store},
    validate::{Asset, Finding, Format, Kind, Reason, Rejection, Rules, Verdict},
};
