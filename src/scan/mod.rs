//! From a store to verdicts: pages, prefetch, retries, backpressure.

mod interval;
mod pace;
mod pages;
mod plan;
mod report;
mod shard;
mod tally;
mod verdicts;

use std::{num::NonZeroU16, sync::Arc, time::Duration};

#[cfg(feature = "sync")]
pub(crate) use self::{
    interval::{Bound, NameRange, RangeSet},
    plan::Coverage,
};
use self::{pages::Plan, plan::Settings};
pub use self::{
    report::{Progress, Report},
    shard::Shard,
    verdicts::{Batches, Verdicts},
};
use crate::{
    backoff::Backoff,
    error::Error,
    name::Prefix,
    sink::Sink,
    store::{Include, NameOrder, Store},
    validate::Rules,
};

/// One pass over a container, or over the part of one below a prefix
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
#[must_use = "a scan does nothing until it is run or its stream is polled"]
pub struct Scan {
    store: Arc<dyn Store>,
    shards: Vec<Shard>,
    cuts: Vec<String>,
    settings: Settings,
    rules: Rules,
    prefetch: usize,
    backoff: Backoff,
    page_deadline: Duration,
    progress: Progress,
}

impl Scan {
    /// A scan of all blobs with this prefix; [`Prefix::default`] is the whole container
    pub fn new(store: impl Store + 'static, prefix: &Prefix) -> Self {
        Self {
            store: Arc::new(store),
            shards: vec![Shard::new(prefix)],
            cuts: Vec::new(),
            settings: Settings {
                in_flight: 1,
                is_ascending: false,
                page_size: None,
                include: Vec::new(),
                assumed: None,
                insists: false,
            },
            rules: Rules::default(),
            prefetch: 2,
            backoff: Backoff::default(),
            page_deadline: Duration::from_secs(180),
            progress: Progress::default(),
        }
    }

    /// The rules to judge by; [`Rules::default`] else
    pub fn rules(mut self, rules: Rules) -> Self {
        self.rules = rules;
        self
    }

    /// At most so many blobs a page; 5,000, the service's own limit, by default
    pub fn page_size(mut self, blobs: NonZeroU16) -> Self {
        self.settings.page_size = Some(blobs);
        self
    }

    /// What to list beyond the current blobs and their properties; nothing by default
    pub fn include(mut self, include: impl IntoIterator<Item = Include>) -> Self {
        self.settings.include = include.into_iter().collect();
        self
    }

    /// How many requests may be under way; 1 by default, at least 1
    ///
    /// A service gives each page only after the one before, so that more than one needs parts of
    /// the listing that are listed side by side. The scan finds them out: it looks at folders,
    /// starts from names that it guesses, and cuts what turns out to be large, until there is work
    /// for all. A wrong guess costs a request, and never a blob; a request that only looks for parts
    /// may fail. With 16 in flight it takes a quarter to a half more requests than there are pages
    /// for a million blobs, and less than a tenth more for ten million; a container of one page takes
    /// one request. Where the service throttles, fewer are sent.
    ///
    /// Which of two names that collide is the earlier one depends on which page arrives first.
    ///
    /// ```
    /// # use azure_asset_sync::{MemoryStore, Prefix, Scan};
    /// let scan = Scan::new(MemoryStore::new(), &Prefix::default()).in_flight(16);
    /// ```
    pub fn in_flight(mut self, requests: usize) -> Self {
        self.settings.in_flight = requests.max(1);
        self
    }

    /// In which order the verdicts come; [`Order::AsCompleted`] by default
    pub fn order(mut self, order: Order) -> Self {
        self.settings.is_ascending = order == Order::Ascending;
        self
    }

    /// Names that cut the container into about even parts, as an earlier listing tells
    ///
    /// They spare a scan with more than one request in flight the search for parts. A cut that fits
    /// no longer costs a little balance, and nothing else.
    pub fn cuts(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.cuts = names.into_iter().map(Into::into).collect();
        self
    }

    /// Lists these parts instead of all that has the prefix
    ///
    /// For a share of a container, and for what [`Verdicts::remaining`] said was left. They take the
    /// place of the prefix that the scan was made with. They must not overlap, which is an error of
    /// kind [`Config`](crate::ErrorKind::Config). Names collide only within one scan. Where the store
    /// cannot start from a name, as with a hierarchical namespace, a shard is listed from the start of
    /// its prefix, and what is not of it is left out.
    pub fn shards(mut self, shards: impl IntoIterator<Item = Shard>) -> Self {
        self.shards = shards.into_iter().collect();
        self
    }

    /// How many pages may wait for the consumer; 2 by default, at least 1
    ///
    /// With those in flight that bounds the memory of a scan, whatever its order: a page of 5,000
    /// blobs takes about 1.3 MiB.
    pub fn prefetch(mut self, pages: usize) -> Self {
        self.prefetch = pages.max(1);
        self
    }

    /// The delays between attempts at a page
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// How long one page may take, all attempts and delays together; 3 minutes by default
    ///
    /// The one deadline of a scan: a longer `Retry-After` ends it at once, since waiting for that
    /// could not succeed in time. To bound a whole scan, wrap it in a timeout and drop it.
    pub fn page_deadline(mut self, deadline: Duration) -> Self {
        self.page_deadline = deadline;
        self
    }

    /// A handle that tells how far the scan is, from anywhere, while it runs
    pub fn progress(&self) -> Progress {
        self.progress.clone()
    }

    /// The verdicts, in the order that [`Scan::order`] has chosen
    ///
    /// Starts when it is first polled, which must be inside a Tokio runtime with time enabled.
    /// Dropping it cancels the requests under way. It ends after the first error: what it gave
    /// until then is right, what comes after is unknown.
    pub fn verdicts(mut self) -> Verdicts {
        let orders = self.shards.iter().map(|shard| shard.order);
        if orders.chain([self.settings.assumed]).any(|order| order == Some(NameOrder::Unsorted)) {
            self.settings.assumed = Some(NameOrder::Unsorted);
            (self.settings.in_flight, self.settings.is_ascending) = (1, false);
        }
        let plan = Plan {
            store: self.store,
            shards: self.shards,
            cuts: self.cuts,
            settings: self.settings,
            prefetch: self.prefetch,
            backoff: self.backoff,
            page_deadline: self.page_deadline,
            progress: self.progress,
        };
        Verdicts::new(plan, self.rules)
    }

    /// Runs the scan into a sink: `()` discards, `(a, b)` is two sinks
    ///
    /// Cancelled by dropping the future; the sink is then neither flushed nor finished.
    ///
    /// # Errors
    /// The first error of the store or of the sink. The sink is then not finished, so that a file
    /// of an earlier run stays as it was; what was counted is in [`Scan::progress`].
    pub async fn run(self, sink: impl Sink) -> Result<Report, Error> {
        self.verdicts().run(sink).await
    }
}

/// What a sync asks of it
#[cfg(feature = "sync")]
impl Scan {
    /// What it lists
    pub(crate) fn store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.store)
    }

    /// The prefix of all that it lists, where it has one part
    pub(crate) fn prefix(&self) -> &str {
        match self.shards.as_slice() {
            [shard] => &shard.prefix,
            _ => "",
        }
    }

    /// How its names are told apart for a sync: the shards, and the rules
    pub(crate) fn parts(&self) -> (&[Shard], &Rules) {
        (&self.shards, &self.rules)
    }

    /// Whether it lists more than one entry of a name
    pub(crate) fn has_copies(&self) -> bool {
        let is_copy = |include: &Include| matches!(include, Include::Snapshots | Include::Versions);
        self.settings.include.iter().any(is_copy)
    }

    /// Begins with this order of names, whatever the first page states
    ///
    /// For a run that knows the order from an earlier one. Without [`insist`](Self::insist) it is an
    /// assumption that names overrule. [`NameOrder::Unsorted`] lists each shard from the start of
    /// its prefix, one page after the other: one request in flight, no `start_from`, and no check
    /// that names ascend. Verdicts then come in the order of the listing, and a page covers no
    /// interval of names: the [`Coverage`] of [`Verdicts::next_page`] mean nothing.
    pub(crate) fn assume(mut self, order: NameOrder) -> Self {
        self.settings.assumed = Some(order);
        self
    }

    /// Ends with an error of kind [`OutOfOrder`](crate::ErrorKind::OutOfOrder) if names contradict
    /// the order that the scan relies on, instead of going on in another
    ///
    /// The order is the assumed one, or else the one that the first page with blobs states. It is
    /// checked also with one request in flight. All that was returned until then is right, and the
    /// pages cover what they say. [`Verdicts::explanation`] then returns the order to assume next.
    /// Has no effect on a scan that assumes [`NameOrder::Unsorted`].
    pub(crate) fn insist(mut self) -> Self {
        self.settings.insists = true;
        self
    }

    /// The same scan once more, for a run that must list again
    ///
    /// Its progress counts on: requests and pages of both, and verdicts of the later one.
    pub(crate) fn again(&self) -> Self {
        Self {
            store: Arc::clone(&self.store),
            shards: self.shards.clone(),
            cuts: self.cuts.clone(),
            settings: self.settings.clone(),
            rules: self.rules.clone(),
            prefetch: self.prefetch,
            backoff: self.backoff,
            page_deadline: self.page_deadline,
            progress: self.progress.clone(),
        }
    }

    /// How many requests may be under way
    pub(crate) fn requests(&self) -> usize {
        self.settings.in_flight
    }
}

/// In which order verdicts come
///
/// Deliberately complete.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Order {
    /// As pages arrive: the fastest. With one request in flight it is the order of the listing,
    /// whatever that is.
    #[default]
    AsCompleted,
    /// In the order of the listing, which is by ascending name
    ///
    /// How names ascend depends on the account: [`NameOrder`] has the
    /// orders. If names ascend in none of them, this is the order in which the service lists them.
    ///
    /// Snapshots and versions of a name stand together, and entries without a readable name before
    /// the blobs of their page.
    ///
    /// Pages that arrive early wait for their turn, within the room for pages that a scan has
    /// anyway, so that parallelism reaches only so far ahead: with 16 requests in flight it is up to
    /// twice as fast as page after page.
    Ascending,
}

impl std::fmt::Debug for Scan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scan")
            .field("shards", &self.shards)
            .field("settings", &self.settings)
            .field("prefetch", &self.prefetch)
            .field("page_deadline", &self.page_deadline)
            .finish_non_exhaustive()
    }
}
