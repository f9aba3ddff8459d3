//! Connects a customer's Azure Blob Storage container to a service, and streams validated descriptors of
//! its images and videos into a sink. It reads the customer's storage and never writes to it.
//!
//! List a container and count its assets. [`MemoryStore`] takes the place of [`AzureStore`] in tests:
//!
//! ```
//! use azure_asset_sync::{Blob, MemoryStore, Prefix, Scan};
//!
//! # fn main() -> Result<(), azure_asset_sync::Error> {
//! # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
//! let store = MemoryStore::from_iter([Blob::new("cat.jpg", 48_000), Blob::new("notes.txt", 700)]);
//! let report = Scan::new(store, &Prefix::default()).run(()).await?;
//! assert_eq!((report.accepted(), report.rejected()), (1, 1));
//! # Ok(()) }) }
//! ```
//!
//! Connect to Azure, test the connection, and report what changed since the last run:
//!
//! ```no_run
//! use azure_asset_sync::{AzureStore, Connection, Credential, Job, JsonLines, Probe, Scan};
//!
//! # async fn example(credential: Credential) -> Result<(), Box<dyn std::error::Error>> {
//! let connection = Connection::builder("hall 3")
//!     .account("contosovision")
//!     .container("training")
//!     .prefix("hall-3/")
//!     .build()?;
//! let store = std::sync::Arc::new(AzureStore::new(&connection, credential)?);
//!
//! let health = Probe::new(&connection, store.clone()).run().await;
//! if !health.is_ready() {
//!     println!("{health}"); // what is wrong, and the command that repairs it
//!     return Ok(());
//! }
//!
//! let scan = Scan::new(store, connection.prefix()).in_flight(16);
//! let summary = Job::new(scan, "state").run(JsonLines::changes("changes.jsonl")?).await?;
//! println!("{summary}");
//! # Ok(()) }
//! ```
//!
//! # How data flows
//!
//! ```text
//! Connection ──┐                                       Rules
//!  (what)      ├─► AzureStore ──► Scan ──► Blob ─────────┴──► Verdict ─────► Sink ──► Report
//! Credential ──┘   or any Store   pages,   as listed          Accept(Asset)  JSON Lines,
//!  (who)                          retries                     Reject(reason) Parquet, yours
//! ```
//!
//! A [`Connection`] says what to list and a [`Credential`] says who reads, so a connection can be printed
//! and stored. A [`Store`] returns pages of a listing, a [`Scan`] walks over them, [`Rules`] turn each
//! [`Blob`] into a [`Verdict`], and a [`Sink`] takes the verdicts. Every blob gets a verdict.
//!
//! # Modules, in the order of the data
//!
//! - [`connection`], [`name`], [`cloud`]: what the customer typed, checked; which hosts a store may contact.
//! - [`grant`], [`condition`]: the role assignment to apply, and what it allows.
//! - [`store`]: the [`Store`] trait, [`AzureStore`], [`MemoryStore`], and the decoder of listings.
//! - [`probe`]: tests a connection, waits for propagation, and explains failures.
//! - [`scan`], [`validate`]: lists a container, and decides which blobs are assets.
//! - [`sink`]: files, tables and callbacks.
//! - [`preview`], [`sync`]: what a sync would find; what changed since the last run.
//! - [`lifecycle`]: the states of a connection in a service.
//! - [`error`], [`backoff`], [`clock`]: one [`Error`] type; delays between retries; injected time.
//! - [`observe`]: the names of spans, events and metrics.
//! - [`testing`]: conformance suites and a simulated Azure.
//!
//! The [`guide`] explains each step. The [features](https://docs.rs/crate/azure-asset-sync/latest/features) are
//! listed in the README.
#![cfg_attr(
    not(all(feature = "azure", feature = "sync", feature = "testing")),
    allow(rustdoc::broken_intra_doc_links, reason = "some items of this page belong to features")
)]
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
mod conversions;
pub mod error;
pub mod grant;
#[cfg(all(any(doc, doctest), feature = "azure", feature = "sync", feature = "testing"))]
pub mod guide;
mod iso;
pub mod lifecycle;
pub mod name;
pub mod observe;
pub mod preview;
pub mod probe;
pub mod scan;
mod schema;
pub mod sink;
pub mod store;
#[cfg(feature = "sync")]
#[cfg_attr(docsrs, doc(cfg(feature = "sync")))]
pub mod sync;
#[cfg(feature = "testing")]
#[cfg_attr(docsrs, doc(cfg(feature = "testing")))]
pub mod testing;
#[cfg(any(feature = "azure", feature = "testing"))]
mod tls;
mod unicode;
mod units;
pub mod validate;
mod wildcard;

#[cfg(feature = "azure")]
#[cfg_attr(docsrs, doc(cfg(feature = "azure")))]
pub use self::store::azure::{AzureStore, Credential, HttpClient, OwnerMarker, ViewLinks};
#[cfg(feature = "sync")]
#[cfg_attr(docsrs, doc(cfg(feature = "sync")))]
pub use self::sync::{Job, Manifest};
pub use self::{
    backoff::Backoff,
    clock::{Clock, SystemClock},
    cloud::{Cloud, Endpoint, HostPolicy},
    connection::{Connection, ConnectionBuilder, InvalidConnection},
    error::{Detail, Error, ErrorKind, UnknownCode},
    name::{AccountName, ConnectionName, ContainerName, InvalidName, Prefix, TenantId},
    preview::{Preview, PreviewReport},
    probe::{Diagnosis, Health, Probe},
    scan::{Progress, Report, Scan, Verdicts},
    sink::{Change, JsonLines, Sink},
    store::{Blob, LinkRequest, LinkSigner, MemoryStore, Store, ViewLink},
    validate::{Asset, Finding, Format, Kind, Reason, Rejection, Rules, Verdict},
};

/// Compiles the examples of the README.
#[cfg(all(doctest, feature = "azure", feature = "sync"))]
#[doc = include_str!("../README.md")]
struct ReadmeExamples;
