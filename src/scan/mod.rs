//! From a store to verdicts: pages, prefetch, retries, backpressure.

mod pages;
mod report;
mod tally;
mod verdicts;

use std::{num::NonZeroU16, sync::Arc, time::Duration};

use self::pages::Plan;
pub use self::{
    report::{Progress, Report},
    verdicts::{Batches, Verdicts},
};
use crate::{
    backoff::Backoff,
    error::Error,
    name::Prefix,
    sink::Sink,
    store::{Include, ListRequest, Store},
    validate::Rules,
};

/// One pass over a container, or over the part of one below a prefix
///
/// ```
/// use azure_asset_sync::{Prefix, Scan, store::{Blob, MemoryStore}};
/// use futures::TryStreamExt as _;
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let store = MemoryStore::from_iter([Blob::new("a.jpg", 10), Blob::new("notes.txt", 20)]);
/// let mut verdicts = Scan::new(store, &Prefix::default()).verdicts();
/// while let Some(verdict) = verdicts.try_next().await? {
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
    request: ListRequest,
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
            request: ListRequest::new(prefix.as_str()),
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
        self.request.max_results = Some(blobs);
        self
    }

    /// What to list beyond the current blobs and their properties; nothing by default
    pub fn include(mut self, include: impl IntoIterator<Item = Include>) -> Self {
        self.request.include = include.into_iter().collect();
        self
    }

    /// How many pages may wait for the consumer; 2 by default, at least 1
    ///
    /// With the one being consumed and the one on its way that bounds the memory of a scan: a page
    /// of 5,000 blobs takes about 3 MiB.
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

    /// The verdicts, in the order of the listing
    ///
    /// Starts when it is first polled, which must be inside a Tokio runtime with time enabled.
    /// Dropping it cancels the requests under way. It ends after the first error: what it gave
    /// until then is right, what comes after is unknown.
    pub fn verdicts(self) -> Verdicts {
        let plan = Plan {
            store: self.store,
            request: self.request,
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

impl std::fmt::Debug for Scan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scan")
            .field("request", &self.request)
            .field("prefetch", &self.prefetch)
            .field("page_deadline", &self.page_deadline)
            .finish_non_exhaustive()
    }
}
