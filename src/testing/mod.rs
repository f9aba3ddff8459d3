//! What tests need: a small Azure on a loopback port, and suites for stores and sinks of one's own.
//!
//! # Scripting the small cloud
//! A [`SmallCloud`] starts as a customer's Azure in which all is well. A test sets what is not: with
//! [`SmallCloudBuilder`] before the start, and with methods of [`SmallCloud`] at any time after it.
//! Its time is that of the [`Clock`](crate::Clock) that it is given, so that minutes pass in no time.
//!
//! Its answers are those of the real service, to the header and the element. [`Behavior`] sets what
//! is not known of the service, or differs by account, such as the order of names; a test can run
//! over [all of its values](Behavior::all). [`Quirk`] is for single differences from what is known.
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
//!     testing::{Fault, Refusal, Seed, StorageState, SmallCloud},
//! };
//!
//! let cloud = SmallCloud::builder().blob(Seed::new("a.jpg", "x")).start().await?;
//! let store = cloud.store(&cloud.connection().build()?)?;
//!
//! // The next request only; `always` is for all of them.
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
//! // All tokens so far; the store notices, and signs in again.
//! cloud.expire_tokens();
//! assert_eq!(store.list(ListRequest::new("")).await?.blobs.len(), 1);
//!
//! // Every request to the cloud, with its path and its kind of credential.
//! assert_eq!(cloud.log().iter().filter(|asked| asked.is_sign_in()).count(), 2);
//! # Ok::<(), Box<dyn std::error::Error>>(()) })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use crate::{cloud::HostPolicy, connection::Connection};

mod clock;
mod cloud;
pub mod conformance;
#[cfg(feature = "sync")]
mod disk;

#[cfg(feature = "sync")]
#[cfg_attr(docsrs, doc(cfg(feature = "sync")))]
pub use self::disk::{TestDisk, watched_job};
pub use self::{
    clock::ManualClock,
    cloud::{
        AnonymousAnswer, Assignment, Behavior, CorsRule, Fault, LoggedRequest, MisplacedStart,
        PreflightNames, PresentedCredential, Propagation, Quirk, Refusal, ReversedRange, Seed,
        SignInRefusal, SignInText, SmallCloud, SmallCloudBuilder, StartFrom, StorageState,
    },
};

/// A policy that allows the hosts of this connection beside Azure's
///
/// For tests, which write their connections themselves. A service that derived its policy from the
/// connections of its customers would have none.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use azure_asset_sync::{AzureStore, testing::{SmallCloud, trust}};
///
/// let cloud = SmallCloud::builder().start().await?;
/// let connection = cloud.connection().build()?;
/// let store = AzureStore::builder(&connection)
///     .policy(trust(&connection))
///     .certificate_authority(cloud.certificate_authority())
///     .build(cloud.sas())?;
/// # Ok(()) }
/// ```
pub fn trust(connection: &Connection) -> HostPolicy {
    let endpoint = connection.container_url().origin().ascii_serialization();
    let authority = connection.cloud().authority().trim_end_matches('/');
    let policy = HostPolicy::azure().allow_endpoint(&endpoint);
    // What no policy can allow is refused, with an error that says so.
    policy.and_then(|policy| policy.allow_authority(authority)).unwrap_or_default()
}
