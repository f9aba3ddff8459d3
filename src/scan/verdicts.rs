//! The stream of verdicts: takes pages, judges their blobs by the rules, counts, and hands out.
//!
//! Blobs are judged in chunks, and stay in the page until they are handed out, because moving a blob costs
//! as much as judging it. Work is counted, so that one poll never keeps other tasks waiting for long. The
//! shards that remain follow from the coverage of the pages that were handed out.

use std::{
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll, ready},
    vec,
};

use futures::{Stream, stream::FusedStream};

use super::{
    interval::Bound,
    options::ScanOptions,
    pages::{Failure, Pages},
    plan::{self, Coverage},
    report::{Progress, Report},
    shard::Shard,
    tally::Tally,
};
use crate::{
    error::Error,
    sink::{Batch, Change, RunId, Sink},
    store::{Blob, Malformed, NameOrder},
    validate::{
        Action, Asset, Classification, CollisionCheck, Collisions, Reason, Rejection, Rules,
        Verdict,
    },
};

/// The most verdicts in a batch.
const BATCH: usize = 1000;

/// The most blobs that are judged at once, so that they and their verdicts fit into a cache.
const CHUNK: usize = 128;

/// The work that one poll does before it lets other tasks run, in estimated nanoseconds: 4 ms.
///
/// The estimates are high, so that a poll takes less than 10 ms on a slow machine, too.
const WORK: usize = 4_000_000;

/// The estimated work of judging a blob and handing it out, in nanoseconds.
const WORK_PER_BLOB: usize = 1500;

/// The estimated work for each byte of a name, in nanoseconds, without the filter.
///
/// Names are scanned, folded to lower case and compared. A filter adds its own cost.
const WORK_PER_BYTE: usize = 10;

/// A stream with one verdict for each entry of the listing.
///
/// The stream judges blobs when it is polled, in the task of the consumer. It lets other tasks run after
/// about 4 ms of work, even if pages are always available.
///
/// Created by [`Scan::verdicts`](super::Scan::verdicts). The stream ends after the first error.
#[must_use = "streams do nothing unless polled"]
pub struct Verdicts {
    pages: Pages,
    rules: Rules,
    collisions: Option<Collisions>,
    blobs: vec::IntoIter<Blob>,
    /// The verdicts of the first of these blobs.
    judged: vec::IntoIter<Compared>,
    /// The unreadable entries of the page, which are handed out before the blobs.
    malformed: vec::IntoIter<Malformed>,
    /// The names that the current page covers.
    coverage: Option<Coverage>,
    /// In no known order: the names of the blobs judged last, and before them the last two different
    /// names handed out.
    listed: Vec<String>,
    /// The shards that no page has covered yet.
    remaining: Vec<Shard>,
    tally: Tally,
    progress: Progress,
    done: bool,
    /// The estimated work for each byte of a name.
    per_byte: usize,
    /// The estimated work since other tasks could run.
    spent: usize,
    /// The order that explains all names, if they have contradicted the one that the scan insists on.
    explanation: Option<NameOrder>,
}

impl ScanOptions {
    /// Returns the stream of verdicts. The listing starts when the stream is first polled.
    pub(crate) fn verdicts(self) -> Verdicts {
        Verdicts::new(self.resolved())
    }
}

impl Verdicts {
    /// Returns a stream that starts the listing when it is first polled.
    fn new(mut options: ScanOptions) -> Self {
        let rules = std::mem::take(&mut options.rules);
        let remembers = |reason| rules.action(reason) != Action::Ignore;
        // Names are remembered only if a collision would have a consequence.
        let collisions = remembers(Reason::CaseCollision) || remembers(Reason::BaseNameCollision);
        Self {
            progress: options.progress(),
            remaining: options.shards.clone(),
            coverage: None,
            listed: Vec::new(),
            pages: Pages::new(options),
            per_byte: WORK_PER_BYTE + rules.cost(),
            spent: 0,
            rules,
            collisions: collisions.then(Collisions::default),
            blobs: Vec::new().into_iter(),
            judged: Vec::new().into_iter(),
            malformed: Vec::new().into_iter(),
            tally: Tally::default(),
            done: false,
            explanation: None,
        }
    }

    /// Returns the shards from which nothing was handed out yet, as a checkpoint to resume from.
    ///
    /// Pass them to [`Scan::shards`](super::Scan::shards). There are none once the stream has ended. If
    /// the scan lists snapshots or versions and some entries of a name may be left, all entries of that
    /// name come again. An unreadable entry may come again, too, because such entries come before the
    /// blobs of their page.
    ///
    /// If names turn out to be in no known order only after several requests were in flight, the scan
    /// lists all names again from the start and drops those it has handed out. If that is interrupted,
    /// names that it had yet to drop come again.
    ///
    /// ```
    /// use azure_asset_sync::{Blob, MemoryStore, Prefix, Scan};
    /// use futures::TryStreamExt as _;
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
    /// let store = || MemoryStore::from_iter(["a.jpg", "b.jpg", "c.jpg"].map(|name| Blob::new(name, 1)));
    /// let mut verdicts = Scan::new(store(), &Prefix::default()).verdicts();
    /// verdicts.try_next().await?;
    /// let left = verdicts.remaining();
    /// let rest = Scan::new(store(), &Prefix::default()).shards(left).run(()).await?;
    /// assert_eq!(rest.accepted(), 2);
    /// # Ok::<(), azure_asset_sync::Error>(())
    /// # }).unwrap();
    /// ```
    #[doc(alias = "checkpoint")]
    #[doc(alias = "resume")]
    pub fn remaining(&self) -> Vec<Shard> {
        let mut left = self.remaining.clone();
        if let Some(coverage) = &self.coverage {
            match self.blobs.as_slice().first() {
                // Unreadable entries come first, from anywhere in the page.
                _ if self.malformed.len() > 0 => {}
                Some(next) if coverage.order() == NameOrder::Unsorted => {
                    let given = self.listed.len() - self.judged.len();
                    let mut given = self.listed.iter().take(given).rev();
                    let last = given.find(|name| **name != next.name);
                    let to = last.map(|name| Bound::After(name.clone()));
                    to.into_iter().for_each(|to| coverage.until(to).remove_from(&mut left));
                }
                Some(next) => {
                    coverage.until(Bound::Before(next.name.clone())).remove_from(&mut left)
                }
                None => coverage.remove_from(&mut left),
            }
        }
        left
    }

    /// Sends all verdicts to a sink, and flushes and finishes the sink.
    ///
    /// # Errors
    /// Fails with the first error of the listing or of the sink. The sink is not finished then.
    pub(super) async fn run(mut self, mut sink: impl Sink) -> Result<Report, Error> {
        let progress = self.progress.clone();
        let (run, mut changes) = (RunId::random(), Vec::<Change>::new());
        // The buffer is reused, so that a long scan allocates it once.
        for sequence in 0.. {
            if poll_fn(|cx| self.poll_batch(cx, &mut changes)).await.transpose()?.is_none() {
                break;
            }
            if sequence == 0 {
                self.pages.activity().into_iter().for_each(|activity| activity.set_run(run));
            }
            sink.accept(Batch::new(&run, sequence, &changes)).await?;
            changes.clear();
        }
        sink.flush().await?;
        sink.finish().await?;
        Ok(progress.report())
    }

    /// Fills an empty batch with the verdicts that are available; waits if there are none.
    ///
    /// Returns `None` at the end of the listing.
    pub(super) fn poll_batch<T: From<Verdict>>(
        &mut self,
        cx: &mut Context<'_>,
        batch: &mut Vec<T>,
    ) -> Poll<Option<Result<(), Error>>> {
        // A batch of ordinary blobs is at most half of the work, so it is never cut short.
        if self.spent > WORK / 2 {
            return self.yield_now(cx);
        }
        loop {
            let available = (self.blobs.len() + self.malformed.len()).min(BATCH);
            // Exactly enough room: `extend` alone would grow the batch several times.
            batch.reserve(available);
            batch.extend(std::iter::from_fn(|| self.affordable(T::from)).take(available));
            if available > 0 {
                return Poll::Ready(Some(Ok(())));
            }
            match ready!(self.poll_page(cx)) {
                Some(Ok(())) => {}
                end => return Poll::Ready(end),
            }
        }
    }

    /// Returns all verdicts of the next page, and the names that the page covers.
    ///
    /// Not cancel safe: dropping the future loses the verdicts that it has taken already.
    #[cfg(feature = "sync")]
    pub(crate) async fn next_page(&mut self) -> Option<Result<(Vec<Verdict>, Coverage), Error>> {
        if let Err(error) = poll_fn(|cx| self.poll_page(cx)).await? {
            return Some(Err(error));
        }
        let coverage = self.coverage.clone()?;
        let mut verdicts = Vec::with_capacity(self.blobs.len() + self.malformed.len());
        loop {
            verdicts.extend(std::iter::from_fn(|| self.affordable(|verdict| verdict)));
            if self.blobs.len() + self.malformed.len() == 0 {
                return Some(Ok((verdicts, coverage)));
            }
            // A large page takes several shares of work.
            self.spent = 0;
            tokio::task::yield_now().await;
        }
    }

    /// Lets other tasks run before more work is done.
    #[cold]
    fn yield_now<T>(&mut self, cx: &Context<'_>) -> Poll<T> {
        self.spent = 0;
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Returns whether this poll has done its share of work. Blobs that are judged already are handed out
    /// in any case.
    #[inline]
    fn has_worked_enough(&self) -> bool {
        self.judged.len() == 0 && self.spent > WORK
    }

    /// Returns the next verdict of the current page, unless this poll has done its share of work.
    #[inline]
    fn affordable<T>(&mut self, given: impl FnOnce(Verdict) -> T) -> Option<T> {
        if self.has_worked_enough() { None } else { self.next_verdict(given) }
    }

    /// Returns the order that explains all names received, after a scan that insists on an order has
    /// ended with an error of kind [`OutOfOrder`](crate::ErrorKind::OutOfOrder).
    ///
    /// [`NameOrder::Unsorted`] means that no order explains them. Returns `None` after any other end.
    #[cfg(feature = "sync")]
    pub(crate) fn explanation(&self) -> Option<NameOrder> {
        self.explanation
    }

    /// Takes the next page. The current page must be handed out completely.
    #[inline(never)]
    fn poll_page(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<(), Error>>> {
        if self.done {
            return Poll::Ready(None);
        }
        let page = loop {
            let Poll::Ready(page) = self.pages.poll_next(cx) else {
                // Other tasks run now, so the next poll has all of its share of work.
                self.spent = 0;
                return Poll::Pending;
            };
            match page {
                // INVARIANT: all earlier pages are handed out, so the statement is true now.
                Some(Ok(plan::Batch { remaining: Some(remaining), .. })) => {
                    (self.remaining, self.coverage) = (remaining, None);
                }
                page => break page,
            }
        };
        // Everything counted so far was handed out, and covered by the page before.
        self.progress.publish(&mut self.tally, &self.rules);
        if let Some(coverage) = self.coverage.take() {
            coverage.remove_from(&mut self.remaining);
        }
        Poll::Ready(match page {
            Some(Ok(plan::Batch { blobs, malformed, pages, coverage, .. })) => {
                self.tally.pages += pages;
                self.listed.clear();
                self.coverage = Some(coverage);
                self.blobs = blobs.into_iter();
                self.malformed = malformed.into_iter();
                Some(Ok(()))
            }
            Some(Err(Failure { error, explanation })) => {
                self.explanation = explanation;
                self.end(Some(Err(&error)));
                Some(Err(error))
            }
            None => {
                // The listing has ended, so the names that no page has covered do not exist.
                self.remaining.clear();
                self.end(Some(Ok(())));
                None
            }
        })
    }

    /// Converts the next verdict of the current page.
    ///
    /// Not inlined, and the blob is moved last. Otherwise the blob would be copied more than once on its
    /// way from the page to the caller.
    #[inline(never)]
    fn next_verdict<T>(&mut self, given: impl FnOnce(Verdict) -> T) -> Option<T> {
        if self.malformed.len() > 0 {
            return self.unreadable().map(given);
        }
        if self.judged.len() == 0 {
            self.judge();
        }
        let Compared { verdict, is_unchecked } = self.judged.as_slice().first()?;
        self.tally.unchecked += u64::from(*is_unchecked);
        self.tally.count(verdict, self.blobs.as_slice().first()?.size);
        match self.judged.next()?.verdict {
            Classification::Accept { kind, media_type, findings, format: _ } => {
                let blob = self.blobs.next()?;
                Some(given(Verdict::Accept(Asset { blob, kind, media_type, findings })))
            }
            rejected => Some(given(rejected.verdict(self.blobs.next()?))),
        }
    }

    /// Returns the verdict for the next unreadable entry.
    #[cold]
    fn unreadable(&mut self) -> Option<Verdict> {
        self.spent += WORK_PER_BLOB;
        let rejection = Rejection::from(self.malformed.next()?);
        self.tally.rejections[rejection.reason] += 1;
        Some(Verdict::Reject(rejection))
    }

    /// Judges the next blobs, and leaves them in the page.
    ///
    /// At most [`CHUNK`] of them, so that verdicts are still in the cache when they are handed out.
    #[inline(never)]
    fn judge(&mut self) {
        let blobs = self.blobs.as_slice();
        let blobs = blobs.get(..CHUNK).unwrap_or(blobs);
        // As many as take a quarter of the work, and at least one.
        let mut work = 0;
        // The limit is in work and not in blobs, because names may be long and filters expensive.
        let count = blobs.iter().take_while(|blob| {
            let is_within = work < WORK / 4;
            work += if is_within { WORK_PER_BLOB + blob.name.len() * self.per_byte } else { 0 };
            is_within
        });
        let blobs = blobs.get(..count.count()).unwrap_or(blobs);
        self.spent += work;
        if self.coverage.as_ref().is_some_and(|coverage| coverage.order() == NameOrder::Unsorted) {
            // Names are cloned chunk by chunk, because all names of a large page take too long for one
            // poll.
            let last = self.listed.pop();
            let other = self.listed.drain(..).rfind(|name| Some(name) != last.as_ref());
            self.listed.extend(other.into_iter().chain(last));
            self.listed.extend(blobs.iter().map(|blob| blob.name.clone()));
        }
        let judged = blobs.iter().map(|blob| self.rules.classify(blob));
        let judged = judged.map(|verdict| Compared { verdict, is_unchecked: false });
        self.judged = judged.collect::<Vec<_>>().into_iter();
        // Collisions change verdicts, so they are looked up before anything is handed out.
        let Some(collisions) = &mut self.collisions else { return };

        let judged = self.judged.as_slice();
        let compared = blobs.iter().zip(judged).filter(|(blob, judged)| judged.is_compared(blob));
        let seen = collisions.check(compared.map(|(blob, _)| blob.name.as_str()));
        let compared = blobs.iter().zip(self.judged.as_mut_slice());
        let compared = compared.filter(|(blob, judged)| judged.is_compared(blob));
        for ((_, judged), seen) in compared.zip(seen) {
            judged.is_unchecked = *seen == CollisionCheck::Forgotten;
            for finding in seen.findings() {
                self.rules.add_finding(finding, &mut judged.verdict);
            }
        }
    }

    /// Publishes the last counts and stops the time. `result` is `None` if the stream was dropped.
    fn end(&mut self, result: Option<Result<(), &Error>>) {
        self.done = true;
        self.progress.publish(&mut self.tally, &self.rules);
        self.progress.end();
        let counted = self.progress.counted();
        match (self.pages.activity(), result) {
            (None, _) => {}
            (Some(activity), None) => activity.drop_with(counted),
            (Some(activity), Some(result)) => activity.end(result.map(|()| "complete"), counted),
        }
    }
}

/// The verdict of a blob, with the result of comparing its name with others.
///
/// Kept for the blobs of one chunk, until they are handed out.
struct Compared {
    verdict: Classification,
    /// Whether the name was not compared, because there were too many to remember.
    is_unchecked: bool,
}

impl Compared {
    /// Returns whether the name is compared with others.
    ///
    /// Snapshots and versions have the name of their blob and do not collide with it.
    fn is_compared(&self, blob: &Blob) -> bool {
        matches!(self.verdict, Classification::Accept { .. })
            && blob.snapshot.is_none()
            && blob.version_id.is_none()
    }
}

impl Stream for Verdicts {
    type Item = Result<Verdict, Error>;

    // Inlined into the caller, so that a verdict is copied less often on its way.
    #[inline]
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if self.blobs.len() + self.malformed.len() > 0 {
                if self.has_worked_enough() {
                    return self.yield_now(cx);
                }
                return Poll::Ready(self.next_verdict(Ok));
            }
            match ready!(self.poll_page(cx)) {
                Some(Ok(())) => {}
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
    }
}

impl Drop for Verdicts {
    /// Counts what was handed out, even if the consumer stops half-way.
    fn drop(&mut self) {
        self.end(None);
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
