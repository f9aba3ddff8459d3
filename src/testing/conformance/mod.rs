//! Suites that check whether a store keeps the contract of [`Store`](crate::Store), a sink that of
//! [`Sink`](crate::Sink), and the state of a job that of `StateStore`.
//!
//! For a store, put the blobs of [`seed`] into an empty container in any way, and call [`check`].
//! For a sink, call [`check_sink`] with a function that opens the sink, and one that reads what it
//! has written. For a state, call `check_state` with a function that opens the state, and one that takes
//! its lock away. Each returns one [`Case`] for each rule. If an implementation is known to break a
//! rule, or a backend cannot store a name, say so with [`Conformance`] or [`except`], and the suite
//! fails as soon as that is no longer true.
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! use azure_asset_sync::testing::{Seed, SmallCloud, conformance::{Names, check, seed}};
//!
//! // Use your own store here.
//! let seeds = seed(Names::Any).into_iter().map(|(name, content)| Seed::new(name, content));
//! let cloud = SmallCloud::builder().blobs(seeds).start().await?;
//! let store = cloud.store(&cloud.connection().build()?)?;
//!
//! let cases = check(&store, Names::Any).await;
//! assert!(cases.iter().all(|case| case.outcome.is_ok()), "{cases:#?}");
//! # Ok::<(), Box<dyn std::error::Error>>(()) })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod case;
mod names;
mod sink;
#[cfg(feature = "sync")]
mod state;
mod store;

#[cfg(feature = "sync")]
#[cfg_attr(docsrs, doc(cfg(feature = "sync")))]
pub use self::state::check_state;
pub use self::{
    case::{Case, except},
    names::{Names, seed},
    sink::check_sink,
    store::{Conformance, check},
};
