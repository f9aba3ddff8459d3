//! Pages become verdicts.

use std::{
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll, ready},
    vec,
};

use futures::{Stream, stream::FusedStream};

use super::{
    Progress, Report,
    interval::Bound,
    pages::{Failure, Pages, Plan},
    plan::{self, Coverage},
    shard::Shard,
    tally::Tally,
};
use crate::{
    error::Error,
    sink::{Batch, Change, RunId, Sink},
    store::{Blob, Malformed, NameOrder},
    validate::{Action, Asset, Collisions, Judgement, Reason, Rejection, Rules, Seen, Verdict},
};

/// How many verdicts a batch has at most
const BATCH: usize = 1000;

/// How many blobs are judged at once, at most: they and their judgements fit into a cache
const CHUNK: usize = 128;

/// How much work one poll does before it lets other tasks run, in estimated nanoseconds
///
/// The estimates are high, so that a poll takes less than 10 ms on a slow machine too.
const WORK: usize = 4_000_000;

/// The estimated work of judging a blob and handing it out, and more for each byte of its name
///
/// Names are scanned, folded to lower case and compared; a filter adds its own cost for each byte.
const WORK_PER_BLOB: usize = 1500;
const WORK_PER_BYTE: usize = 10;

/// A verdict for each entry of the listing; made by [`Scan::verdicts`](super::Scan::verdicts)
#[must_use = "streams do nothing unless polled"]
pub struct Verdicts {
    pages: Pages,
    rules: Rules,
    collisions: Option<Collisions>,
    blobs: vec::IntoIter<Blob>,
    /// What is known already of the first of these blobs
    judged: vec::IntoIter<Judged>,
    /// Handed out before the blobs
    malformed: vec::IntoIter<Malformed>,
    /// Which names the page at hand stands for
    coverage: Option<Coverage>,
    /// If the names of the page at hand are in no known order: those judged last, and before them the
    /// last two different names handed out
    listed: Vec<String>,
    /// What no page stood for yet
    left: Vec<Shard>,
    tally: Tally,
    progress: Progress,
    done: bool,
    /// The estimated work for a byte of a name
    per_byte: usize,
    /// The estimated work since other tasks could run
    spent: usize,
    /// Which order explains all names, where they have contradicted the one insisted on
    explanation: Option<NameOrder>,
}

impl Verdicts {
    pub(super) fn new(plan: Plan, rules: Rules) -> Self {
        let remembers = |reason| rules.action(reason) != Action::Ignore;
        let collisions = remembers(Reason::CaseCollision) || remembers(Reason::BaseNameCollision);
        Self {
            progress: plan.progress.clone(),
            left: plan.shards.clone(),
            coverage: None,
            listed: Vec::new(),
            pages: Pages::new(plan),
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

    /// Returns the shards of which nothing was handed out yet: what a scan that goes on must list
    ///
    /// There are none once the stream has ended. If snapshots or versions are listed, all entries of a
    /// name come together again if some of them may be left. An entry that cannot be read may come
    /// again, too, because such entries come before the blobs of their page.
    ///
    /// If names turn out to be in no known order only after requests were under way side by side, the
    /// scan lists all names again from the start, and leaves out those it has handed out. If that is
    /// interrupted, names that it had yet to leave out come again.
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
    pub fn remaining(&self) -> Vec<Shard> {
        let mut left = self.left.clone();
        if let Some(coverage) = &self.coverage {
            match self.blobs.as_slice().first() {
                // Entries that cannot be read come first, from anywhere in the page.
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

    /// Returns the same verdicts in batches, each with what needs no waiting
    ///
    /// For callers that write verdicts in batches. A batch has at least one verdict and at most 1,000;
    /// it has fewer if judging so many would keep other tasks waiting. Taking verdicts one by one is
    /// as good if each is handled alone.
    ///
    /// ```
    /// use azure_asset_sync::{Prefix, Scan, store::{Blob, MemoryStore}};
    /// use futures::TryStreamExt as _;
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
    /// let store = MemoryStore::from_iter([Blob::new("a.jpg", 10), Blob::new("notes.txt", 20)]);
    /// let mut batches = Scan::new(store, &Prefix::default()).verdicts().batches();
    /// while let Some(batch) = batches.try_next().await? {
    ///     println!("{} rows to insert", batch.len());
    /// }
    /// # Ok::<(), azure_asset_sync::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn batches(self) -> Batches {
        Batches(self)
    }

    /// All verdicts into a sink, which is told of the end
    pub(super) async fn run(mut self, mut sink: impl Sink) -> Result<Report, Error> {
        let progress = self.progress.clone();
        let (run, mut changes) = (RunId::random(), Vec::<Change>::new());
        for sequence in 0.. {
            if poll_fn(|cx| self.poll_batch(cx, &mut changes)).await.transpose()?.is_none() {
                break;
            }
            sink.accept(Batch::new(&run, sequence, &changes)).await?;
            changes.clear();
        }
        sink.flush().await?;
        sink.finish().await?;
        Ok(progress.report())
    }

    /// Fills an empty batch with what needs no waiting; waits where that would be nothing
    fn poll_batch<T: From<Verdict>>(
        &mut self,
        cx: &mut Context<'_>,
        batch: &mut Vec<T>,
    ) -> Poll<Option<Result<(), Error>>> {
        // A batch of ordinary blobs is half of the work at most, so that it is never cut short.
        if self.spent > WORK / 2 {
            return self.yield_now(cx);
        }
        loop {
            let at_hand = (self.blobs.len() + self.malformed.len()).min(BATCH);
            batch.reserve(at_hand);
            batch.extend(std::iter::from_fn(|| self.affordable(T::from)).take(at_hand));
            if at_hand > 0 {
                return Poll::Ready(Some(Ok(())));
            }
            match ready!(self.poll_page(cx)) {
                Some(Ok(())) => {}
                end => return Poll::Ready(end),
            }
        }
    }

    /// Returns all verdicts of the next page, and the names that the page coverage
    ///
    /// Dropping the future loses the verdicts that it has taken already.
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
            self.spent = 0;
            tokio::task::yield_now().await;
        }
    }

    /// Lets other tasks run before more work is done
    #[cold]
    fn yield_now<T>(&mut self, cx: &Context<'_>) -> Poll<T> {
        self.spent = 0;
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Whether this poll has done its share of work: checked before more blobs are judged
    #[inline]
    fn has_worked_enough(&self) -> bool {
        self.judged.len() == 0 && self.spent > WORK
    }

    /// The next verdict of the page at hand, unless this poll has done its share of work
    #[inline]
    fn affordable<T>(&mut self, given: impl FnOnce(Verdict) -> T) -> Option<T> {
        if self.has_worked_enough() { None } else { self.next_verdict(given) }
    }

    /// The order that explains all names received, after a scan that insists on an order has ended in
    /// an error of kind [`OutOfOrder`](crate::ErrorKind::OutOfOrder)
    ///
    /// [`NameOrder::Unsorted`] if no order explains them; `None` after any other end.
    #[cfg(feature = "sync")]
    pub(crate) fn explanation(&self) -> Option<NameOrder> {
        self.explanation
    }

    /// Takes the next page, once all of the one before is handed out
    #[inline(never)]
    fn poll_page(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<(), Error>>> {
        if self.done {
            return Poll::Ready(None);
        }
        let page = loop {
            let Poll::Ready(page) = self.pages.poll_next(cx) else {
                self.spent = 0;
                return Poll::Pending;
            };
            match page {
                // All pages before it are handed out.
                Some(Ok(plan::Batch { remaining: Some(left), .. })) => {
                    (self.left, self.coverage) = (left, None);
                }
                page => break page,
            }
        };
        self.progress.publish(&mut self.tally, &self.rules);
        if let Some(coverage) = self.coverage.take() {
            coverage.remove_from(&mut self.left);
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
                self.end();
                Some(Err(error))
            }
            None => {
                // The listing has ended, and with it what no page stood for: there was nothing.
                self.left.clear();
                self.end();
                None
            }
        })
    }

    /// The next verdict of the page at hand, made into something else
    ///
    /// Not inlined, and the blob moved last: else it would be copied more than once on its way from the
    /// page to the caller.
    #[inline(never)]
    fn next_verdict<T>(&mut self, given: impl FnOnce(Verdict) -> T) -> Option<T> {
        if self.malformed.len() > 0 {
            return self.unreadable().map(given);
        }
        if self.judged.len() == 0 {
            self.judge();
        }
        let Judged { judgement, is_unseen } = self.judged.as_slice().first()?;
        self.tally.unremembered += u64::from(*is_unseen);
        self.tally.count(judgement, self.blobs.as_slice().first()?.size);
        match self.judged.next()?.judgement {
            Judgement::Accept { kind, media_type, findings, format: _ } => {
                let blob = self.blobs.next()?;
                Some(given(Verdict::Accept(Asset { blob, kind, media_type, findings })))
            }
            rejected => Some(given(rejected.verdict(self.blobs.next()?))),
        }
    }

    /// The next entry that cannot be read
    #[cold]
    fn unreadable(&mut self) -> Option<Verdict> {
        self.spent += WORK_PER_BLOB;
        let rejection = Rejection::from(self.malformed.next()?);
        self.tally.rejections[rejection.reason] += 1;
        Some(Verdict::Reject(rejection))
    }

    /// Judges the next blobs, and leaves them where they are
    #[inline(never)]
    fn judge(&mut self) {
        let blobs = self.blobs.as_slice();
        let blobs = blobs.get(..CHUNK).unwrap_or(blobs);
        // As many as are a quarter of the work, and one at least.
        let mut work = 0;
        let count = blobs.iter().take_while(|blob| {
            let is_within = work < WORK / 4;
            work += if is_within { WORK_PER_BLOB + blob.name.len() * self.per_byte } else { 0 };
            is_within
        });
        let blobs = blobs.get(..count.count()).unwrap_or(blobs);
        self.spent += work;
        if self.coverage.as_ref().is_some_and(|coverage| coverage.order() == NameOrder::Unsorted) {
            // Cloned with the work of a few blobs: all names of a large page take too long for one poll.
            let last = self.listed.pop();
            let other = self.listed.drain(..).rfind(|name| Some(name) != last.as_ref());
            self.listed.extend(other.into_iter().chain(last));
            self.listed.extend(blobs.iter().map(|blob| blob.name.clone()));
        }
        let judged = blobs.iter().map(|blob| self.rules.judge(blob));
        let judged = judged.map(|judgement| Judged { judgement, is_unseen: false });
        self.judged = judged.collect::<Vec<_>>().into_iter();
        let Some(collisions) = &mut self.collisions else { return };

        let judged = self.judged.as_slice();
        let compared = blobs.iter().zip(judged).filter(|(blob, judged)| judged.is_compared(blob));
        let seen = collisions.see(compared.map(|(blob, _)| blob.name.as_str()));
        let compared = blobs.iter().zip(self.judged.as_mut_slice());
        let compared = compared.filter(|(blob, judged)| judged.is_compared(blob));
        for ((_, judged), seen) in compared.zip(seen) {
            judged.is_unseen = *seen == Seen::Nothing;
            for finding in seen.findings() {
                self.rules.find_too(finding, &mut judged.judgement);
            }
        }
    }

    fn end(&mut self) {
        self.done = true;
        self.progress.publish(&mut self.tally, &self.rules);
        self.progress.end();
    }
}

/// What is known of a blob before it is handed out
struct Judged {
    judgement: Judgement,
    /// Whether its name was not compared, since there were too many to remember
    is_unseen: bool,
}

impl Judged {
    /// Whether the name is compared with others
    ///
    /// Snapshots and versions have the name of their blob without colliding with it.
    fn is_compared(&self, blob: &Blob) -> bool {
        matches!(self.judgement, Judgement::Accept { .. })
            && blob.snapshot.is_none()
            && blob.version_id.is_none()
    }
}

impl Stream for Verdicts {
    type Item = Result<Verdict, Error>;

    // In the caller's code, where a verdict is copied less on its way.
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

/// Verdicts in batches; made by [`Verdicts::batches`]
#[derive(Debug)]
#[must_use = "streams do nothing unless polled"]
pub struct Batches(Verdicts);

impl Stream for Batches {
    type Item = Result<Vec<Verdict>, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut batch = Vec::new();
        let polled = ready!(self.0.poll_batch(cx, &mut batch));
        Poll::Ready(polled.map(|result| result.map(|()| batch)))
    }
}

impl FusedStream for Batches {
    fn is_terminated(&self) -> bool {
        self.0.is_terminated()
    }
}
