//! From a store to verdicts: pages, prefetch, retries, backpressure.

mod pages;
mod report;
mod tally;

use std::{
    num::NonZeroU16,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
    vec,
};

use futures::{Stream, StreamExt as _, stream::FusedStream};

pub use self::report::{Progress, Report};
use self::{
    pages::{Pages, Plan},
    tally::Tally,
};
use crate::{
    backoff::Backoff,
    error::Error,
    name::Prefix,
    sink::Sink,
    store::{Blob, Include, ListRequest, Malformed, Page, Store},
    validate::{Action, Collisions, Rules, Verdict},
};

/// How many verdicts a sink gets at once, at most
const BATCH: usize = 1000;

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
        let remembers = |reason| self.rules.action(reason) != Action::Ignore;
        let collisions =
            remembers(crate::Reason::CaseCollision) || remembers(crate::Reason::BaseNameCollision);
        Verdicts {
            pages: Pages::new(Plan {
                store: self.store,
                request: self.request,
                prefetch: self.prefetch,
                backoff: self.backoff,
                page_deadline: self.page_deadline,
                progress: self.progress.clone(),
            }),
            rules: self.rules,
            collisions: collisions.then(Collisions::default),
            blobs: Vec::new().into_iter(),
            malformed: Vec::new().into_iter(),
            tally: Tally::default(),
            progress: self.progress,
            done: false,
        }
    }

    /// Runs the scan into a sink: `()` discards, `(a, b)` is two sinks
    ///
    /// Cancelled by dropping the future; the sink is then neither flushed nor finished.
    ///
    /// # Errors
    /// The first error of the store or of the sink. The sink is then not finished, so that a file
    /// of an earlier run stays as it was; what was counted is in [`Scan::progress`].
    pub async fn run(self, mut sink: impl Sink) -> Result<Report, Error> {
        let progress = self.progress();
        let mut verdicts = self.verdicts();
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            match verdicts.next().await.transpose()? {
                Some(verdict) => batch.push(verdict),
                None => break,
            }
            verdicts.fill(&mut batch);
            sink.accept(&batch).await?;
            batch.clear();
        }
        sink.flush().await?;
        sink.finish().await?;
        Ok(progress.report())
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

/// A verdict for each entry of the listing; made by [`Scan::verdicts`]
#[must_use = "streams do nothing unless polled"]
pub struct Verdicts {
    pages: Pages,
    rules: Rules,
    collisions: Option<Collisions>,
    blobs: vec::IntoIter<Blob>,
    malformed: vec::IntoIter<Malformed>,
    tally: Tally,
    progress: Progress,
    done: bool,
}

impl Verdicts {
    /// The next verdict of the page at hand
    fn at_hand(&mut self) -> Option<Verdict> {
        let verdict = match self.blobs.next() {
            Some(blob) => self.judge(blob),
            None => Verdict::Reject(self.malformed.next()?.into()),
        };
        self.tally.count(&verdict);
        Some(verdict)
    }

    fn judge(&mut self, blob: Blob) -> Verdict {
        let mut asset = match self.rules.check(blob) {
            Verdict::Accept(asset) => asset,
            rejected => return rejected,
        };
        let Some(collisions) = &mut self.collisions else { return Verdict::Accept(asset) };
        // Snapshots and versions have the name of their blob without colliding with it.
        if asset.blob.snapshot.is_some() || asset.blob.version_id.is_some() {
            return Verdict::Accept(asset);
        }
        let Some(found) = collisions.see(&asset.blob.name) else {
            self.tally.unremembered += 1;
            return Verdict::Accept(asset);
        };
        for finding in found.into_iter().flatten() {
            match self.rules.action(finding.reason) {
                Action::Reject => return Verdict::Reject(asset.reject(finding)),
                Action::Note => asset.findings.push(finding),
                Action::Ignore => {}
            }
        }
        Verdict::Accept(asset)
    }

    fn end(&mut self) {
        self.done = true;
        self.progress.publish(&mut self.tally);
        self.progress.end();
    }

    /// Fills a batch with what needs no waiting
    fn fill(&mut self, batch: &mut Vec<Verdict>) {
        while batch.len() < BATCH
            && let Some(verdict) = self.at_hand()
        {
            batch.push(verdict);
        }
    }
}

impl Stream for Verdicts {
    type Item = Result<Verdict, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(verdict) = self.at_hand() {
                return Poll::Ready(Some(Ok(verdict)));
            }
            if self.done {
                return Poll::Ready(None);
            }
            let this = &mut *self;
            let page = ready!(this.pages.poll_next(cx));
            this.progress.publish(&mut this.tally);
            match page {
                Some(Ok(Page { blobs, malformed, .. })) => {
                    this.tally.pages += 1;
                    this.blobs = blobs.into_iter();
                    this.malformed = malformed.into_iter();
                }
                Some(Err(error)) => {
                    this.end();
                    return Poll::Ready(Some(Err(error)));
                }
                None => this.end(),
            }
        }
    }
}

impl Drop for Verdicts {
    /// What was given is counted, also where the consumer stops half-way
    fn drop(&mut self) {
        self.end();
    }
}

impl FusedStream for Verdicts {
    fn is_terminated(&self) -> bool {
        self.done && self.blobs.len() == 0 && self.malformed.len() == 0
    }
}

impl std::fmt::Debug for Verdicts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verdicts").field("done", &self.done).finish_non_exhaustive()
    }
}
