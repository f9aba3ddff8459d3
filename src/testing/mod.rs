//! Tools for tests: a small Azure on a loopback port, a clock, a store and a disk that can fail, and
//! conformance suites for stores and sinks.
//!
//! | to test | use |
//! | --- | --- |
//! | a service that reads from Azure | [`SmallCloud`] |
//! | something that waits | [`ManualClock`] |
//! | what an outage, a slow store or an odd page does | [`ScriptedStore`] |
//! | a service that shows blobs | [`FakeLinks`] |
//! | your own [`Store`](crate::Store) or [`Sink`](crate::Sink) | [`conformance`] |
//! | a job that is interrupted, or whose disk is full | [`TestDisk`], [`watched_job`] |
//!
//! # The small cloud
//! A [`SmallCloud`] starts as a customer's Azure in which everything works. A test sets what does
//! not: with [`SmallCloudBuilder`] before the start, and with methods of [`SmallCloud`] at any time
//! after it. The time is that of the [`Clock`](crate::Clock) that the cloud is given, so that
//! minutes pass at once.
//!
//! Responses are those of the real service, including headers and XML elements. [`Behavior`] sets
//! what is not known of the service, or differs between accounts, for example the order of names; a
//! test can run for [all of its values](Behavior::all). [`Quirk`] is for single differences from
//! what is known.
//!
//! A role assignment that takes effect after four minutes:
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! use std::time::Duration;
//! use azure_asset_sync::{
//!     ErrorKind, Scan, condition::Role, testing::{Assignment, ManualClock, Seed, SmallCloud},
//! };
//!
//! let clock = ManualClock::new();
//! let cloud = SmallCloud::builder()
//!     .blob(Seed::new("a.jpg", "x"))
//!     .clock(clock.clone())
//!     .assignment(Assignment::new(Role::BlobDataReader).after(Duration::from_secs(240)))
//!     .start()
//!     .await?;
//! let connection = cloud.connection().build()?;
//! let scan = || cloud.store(&connection).map(|store| Scan::new(store, connection.prefix()));
//! assert_eq!(scan()?.run(()).await.unwrap_err().kind(), ErrorKind::PermissionDenied);
//! clock.advance(Duration::from_secs(240));
//! assert_eq!(scan()?.run(()).await?.accepted(), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(()) })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A throttled page, a firewall, an expired token:
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! use std::time::Duration;
//! use azure_asset_sync::{
//!     ErrorKind, Store, store::ListRequest,
//!     testing::{Fault, Refusal, Seed, SmallCloud, StorageState},
//! };
//!
//! let cloud = SmallCloud::builder().blob(Seed::new("a.jpg", "x")).start().await?;
//! let store = cloud.store(&cloud.connection().build()?)?;
//!
//! // Only the next request; `inject_always` is for all requests.
//! let busy = Refusal::new(503, "ServerBusy").retry_after(Duration::from_secs(7));
//! cloud.inject(Fault::Refuse(busy));
//! let error = store.list(ListRequest::new("")).await.unwrap_err();
//! assert_eq!(error.kind(), ErrorKind::Throttled);
//! assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
//!
//! cloud.set_storage_state(StorageState::Firewall);
//! let error = store.list(ListRequest::new("")).await.unwrap_err();
//! assert_eq!(error.code(), Some("AuthorizationFailure"));
//! cloud.set_storage_state(StorageState::Normal);
//!
//! // All tokens so far expire; the store notices, and signs in again.
//! cloud.expire_tokens();
//! assert_eq!(store.list(ListRequest::new("")).await?.blobs.len(), 1);
//!
//! // The log has every request, with its path and its kind of credential.
//! assert_eq!(cloud.log().iter().filter(|request| request.is_sign_in()).count(), 2);
//! # Ok::<(), Box<dyn std::error::Error>>(()) })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod clock;
mod cloud;
pub mod conformance;
#[cfg(feature = "sync")]
mod disk;
mod links;
mod policy;
mod scripted;
#[cfg(feature = "sync")]
mod watched;

pub use self::{
    clock::ManualClock,
    cloud::{
        AnonymousAnswer, Assignment, Behavior, CorsRule, Fault, LoggedRequest, MisplacedStart,
        PreflightNames, PresentedCredential, Propagation, Quirk, Refusal, ReversedRange, Seed,
        SignInRefusal, SignInText, SmallCloud, SmallCloudBuilder, StartFrom, StorageState,
    },
    links::FakeLinks,
    policy::trust,
    scripted::{CallOutcome, On, ScriptedStore, StoreCall, StoreFault, StoreRequest},
};
#[cfg(feature = "sync")]
#[cfg_attr(docsrs, doc(cfg(feature = "sync")))]
pub use self::{disk::TestDisk, watched::watched_job};
