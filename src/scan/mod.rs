//! Scans: one pass over a container, from pages of a [`Store`] to [`Verdict`](crate::Verdict)s.
//!
//! [`Scan`] configures the pass: what to list, by which [`Rules`], with how many requests in flight. Its
//! verdicts are a stream, or go into a [`Sink`]. A scan owns retries, prefetching and backpressure.
//!
//! The data passes through these files:
//!
//! 1. `plan` decides which page to request next, and proves that nothing is missed. It does no I/O.
//! 2. `pages` keeps requests under way, with the help of `attempts` (retries) and `pace` (throttling).
//! 3. [`Verdicts`] judges the blobs of each page by the rules, and counts them in a [`Report`].
//!
//! Names are divided with the types of `interval`; a [`Shard`] is the public form of such a division.
//!
//! A scan keeps no state. [`Verdicts::remaining`] says what it has yet to list, which is a checkpoint for
//! the caller to store.

mod attempts;
mod batches;
mod interval;
mod options;
mod pace;
mod pages;
mod plan;
mod report;
mod shard;
mod tally;
mod verdicts;

use std::{num::NonZeroU16, sync::Arc, time::Duration};

pub(crate) use self::options::ScanOptions;
pub use self::{
    batches::Batches,
    report::{Progress, Report},
    shard::Shard,
    verdicts::Verdicts,
};
#[cfg(feature = "sync")]
pub(crate) use self::{
    interval::{Bound, NameRange, RangeSet},
    plan::Coverage,
};
use crate::{
    backoff::Backoff,
    clock::Clock,
    error::Error,
    name::Prefix,
    sink::Sink,
    store::{Include, Store},
    validate::Rules,
};

/// One pass over a container, or over the part of it with a prefix.
///
/// Every entry of the listing gets a verdict: it is an asset, or it is rejected for a reason. Nothing is
/// skipped silently.
///
/// ```
/// use azure_asset_sync::{Prefix, Scan, store::{Blob, MemoryStore}};
/// use futures::StreamExt as _;
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let store = MemoryStore::from_iter([Blob::new("a.jpg", 10), Blob::new("notes.txt", 20)]);
/// let mut verdicts = Scan::new(store, &Prefix::default()).verdicts();
/// while let Some(verdict) = verdicts.next().await {
///     let verdict = verdict?;
///     match verdict.asset() {
///         Some(asset) => println!("{} is a {}", asset.blob.name, asset.kind),
///         None => println!("{:?}", verdict.rejection()),
///     }
/// }
/// # Ok::<(), azure_asset_sync::Error>(())
/// # }).unwrap();
/// ```
#[doc(alias = "list")]
#[must_use = "a scan does nothing until it is run or its stream is polled"]
pub struct Scan(ScanOptions);

impl std::fmt::Debug for Scan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl Scan {
    /// Creates a scan of all blobs with this prefix; [`Prefix::default`] is the whole container.
    pub fn new(store: impl Store + 'static, prefix: &Prefix) -> Self {
        Self(ScanOptions::new(Arc::new(store), prefix))
    }

    /// Returns the options, for a job or a preview that lists the same.
    pub(crate) fn into_options(self) -> ScanOptions {
        self.0
    }

    /// Sets the rules to judge by; [`Rules::default`] by default.
    pub fn rules(mut self, rules: Rules) -> Self {
        self.0.rules = rules;
        self
    }

    /// Limits the number of blobs on a page; 5,000, the limit of the service, by default.
    pub fn page_size(mut self, blobs: NonZeroU16) -> Self {
        self.0.settings.page_size = Some(blobs);
        self
    }

    /// Lists more than the current blobs and their properties, for example snapshots or versions.
    pub fn include(mut self, include: impl IntoIterator<Item = Include>) -> Self {
        self.0.settings.include = include.into_iter().collect();
        self
    }

    /// Sets how many requests may be under way at a time; 1 by default, at least 1.
    ///
    /// The service returns each page only after the one before, so more than one request needs parts
    /// of the container that are listed side by side. The scan finds them: it lists folders, looks at
    /// names that it guesses, and splits large parts until there is work for all requests. A wrong
    /// guess costs a request and never a blob. A request that only looks for parts may fail.
    ///
    /// With 16 requests in flight, a scan of a million blobs takes a quarter to a half more requests
    /// than there are pages, and a scan of ten million takes less than a tenth more. A container of one
    /// page takes one request. If the service throttles, the scan sends fewer at a time.
    ///
    /// Which of two names that collide is the earlier one depends on which page arrives first.
    ///
    /// ```
    /// # use azure_asset_sync::{MemoryStore, Prefix, Scan};
    /// let scan = Scan::new(MemoryStore::new(), &Prefix::default()).in_flight(16);
    /// ```
    #[doc(alias = "concurrency")]
    #[doc(alias = "parallelism")]
    pub fn in_flight(mut self, requests: usize) -> Self {
        self.0.settings.in_flight = requests.max(1);
        self
    }

    /// Sets the order of the verdicts; [`Order::AsCompleted`] by default.
    pub fn order(mut self, order: Order) -> Self {
        self.0.settings.is_ascending = order == Order::Ascending;
        self
    }

    /// Gives names that divide the container into about even parts, for example from an earlier listing.
    ///
    /// A scan with more than one request in flight then need not search for parts. A name that no longer
    /// divides evenly costs a little balance, and nothing else.
    pub fn cuts(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.0.cuts = names.into_iter().map(Into::into).collect();
        self
    }

    /// Lists these shards instead of all blobs with the prefix.
    ///
    /// ```
    /// use azure_asset_sync::{Blob, MemoryStore, Prefix, Scan, scan::Shard};
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
    /// let store = || MemoryStore::from_iter(["a.jpg", "b.jpg", "c.jpg"].map(|name| Blob::new(name, 1)));
    /// let [low, high] = Shard::new(&Prefix::default()).cut_at("b");
    /// let first = Scan::new(store(), &Prefix::default()).shards([low]).run(()).await?;
    /// let second = Scan::new(store(), &Prefix::default()).shards([high]).run(()).await?;
    /// assert_eq!((first.accepted(), second.accepted()), (1, 2));
    /// # Ok::<(), azure_asset_sync::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// Use it to list a share of a container, or to resume with what [`Verdicts::remaining`] has
    /// returned. The shards replace the prefix that the scan was created with. If two of them overlap,
    /// the scan fails with [`Config`](crate::ErrorKind::Config). Names collide only within one scan. If
    /// the store cannot start from a name, as with a hierarchical namespace, a shard is listed from the
    /// start of its prefix, and other names are dropped.
    #[doc(alias = "resume")]
    pub fn shards(mut self, shards: impl IntoIterator<Item = Shard>) -> Self {
        self.0.shards = shards.into_iter().collect();
        self
    }

    /// Sets how many pages may wait for the consumer; 2 by default, at least 1.
    ///
    /// Together with [`in_flight`](Self::in_flight) this bounds the memory of a scan in any order: a
    /// page of 5,000 blobs takes about 1.3 MiB.
    #[doc(alias = "buffer")]
    pub fn prefetch(mut self, pages: usize) -> Self {
        self.0.prefetch = pages.max(1);
        self
    }

    /// Sets the delays between the attempts at a page.
    #[doc(alias = "retry")]
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.0.backoff = backoff;
        self
    }

    /// Limits the time for one page, with all attempts and delays; 3 min by default.
    ///
    /// This is the only deadline of a scan. A longer `Retry-After` ends the scan at once, because a
    /// retry could not succeed in time. To limit a whole scan, wrap its future in a timeout.
    #[doc(alias = "timeout")]
    pub fn page_deadline(mut self, deadline: Duration) -> Self {
        self.0.page_deadline = deadline;
        self
    }

    /// Sets the clock of delays, of the page deadline and of the time in reports; [`SystemClock`] by
    /// default.
    ///
    /// A [`Preview`](crate::Preview) and a `Job` take over the clock of their scan. With
    /// `testing::ManualClock` a test of an outage of minutes ends at once. The timeouts of a store, such as
    /// `AzureStoreBuilder::request_deadline`, are the store's own and not measured by this clock.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
    /// use std::time::Duration;
    /// use azure_asset_sync::{
    ///     ErrorKind, MemoryStore, Prefix, Scan,
    ///     testing::{ManualClock, On, ScriptedStore, StoreFault},
    /// };
    ///
    /// let clock = ManualClock::auto_advancing();
    /// let store = ScriptedStore::new(MemoryStore::new());
    /// store.inject(On::list(), StoreFault::error(ErrorKind::Unavailable));
    /// let scan = Scan::new(store, &Prefix::default()).clock(clock.clone());
    ///
    /// // The scan retries for almost three minutes of its clock, and gives up.
    /// assert_eq!(scan.run(()).await.unwrap_err().kind(), ErrorKind::Unavailable);
    /// assert!(clock.advanced() > Duration::from_secs(60));
    /// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// [`SystemClock`]: crate::SystemClock
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.0.clock = Arc::new(clock);
        self
    }

    /// Returns a handle that reports from any task how far the scan has come.
    ///
    /// Take it before the scan is run. It stays valid after the scan has ended, and has the final counts.
    ///
    /// ```
    /// # use azure_asset_sync::{Blob, MemoryStore, Prefix, Scan};
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
    /// let store = MemoryStore::from_iter(["a.jpg", "b.jpg"].map(|name| Blob::new(name, 10)));
    /// let scan = Scan::new(store, &Prefix::default());
    /// let progress = scan.progress();
    /// scan.run(()).await?;
    /// assert_eq!(progress.report().accepted(), 2);
    /// # Ok::<(), azure_asset_sync::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn progress(&self) -> Progress {
        self.0.progress()
    }

    /// Returns the verdicts as a stream, in the order that was set by [`Scan::order`].
    ///
    /// The scan starts when the stream is first polled, which must be inside a Tokio runtime with time
    /// enabled. Dropping the stream cancels the requests under way. The stream ends after the first
    /// error: everything before the error is right, and what would have come after it is unknown.
    pub fn verdicts(self) -> Verdicts {
        self.0.verdicts()
    }

    /// Runs the scan into a sink: `()` discards the verdicts, and `(a, b)` is two sinks.
    ///
    /// Dropping the future cancels the scan. The sink is then neither flushed nor finished.
    ///
    /// # Errors
    /// Fails with the first error of the store or of the sink. The sink is not finished then, so a file
    /// of an earlier run stays as it was. The counts so far are in [`Scan::progress`].
    pub async fn run(self, sink: impl Sink) -> Result<Report, Error> {
        self.verdicts().run(sink).await
    }
}

/// The order in which verdicts come.
///
/// Deliberately exhaustive: there are no other orders to choose from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Order {
    /// As pages arrive, which is the fastest. With one request in flight this is the order of the
    /// listing.
    #[default]
    AsCompleted,
    /// In the order of the listing, which is ascending by name.
    ///
    /// How names ascend depends on the account; [`NameOrder`](crate::store::NameOrder) has the orders.
    /// If names ascend in none of them, this is the order in which the service lists them. Snapshots
    /// and versions of a name are adjacent, and entries without a readable name come before the blobs
    /// of their page.
    ///
    /// Pages that arrive early wait for their turn, and they wait in the room for pages that the scan
    /// has in any case. So parallelism is limited: with 16 requests in flight this order is up to twice
    /// as fast as one request after the other.
    Ascending,
}
