//! Pages become verdicts.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    vec,
};

use futures::{Stream, StreamExt as _, stream::FusedStream};

use super::{
    Progress, Report,
    pages::{Pages, Plan},
    tally::Tally,
};
use crate::{
    error::Error,
    sink::Sink,
    store::{Blob, Malformed, Page},
    validate::{Action, Collisions, Judgement, Reason, Rules, Verdict},
};

/// How many verdicts a sink gets at once, at most
const BATCH: usize = 1000;

/// A verdict for each entry of the listing; made by [`Scan::verdicts`](super::Scan::verdicts)
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
    pub(super) fn new(plan: Plan, rules: Rules) -> Self {
        let remembers = |reason| rules.action(reason) != Action::Ignore;
        let collisions = remembers(Reason::CaseCollision) || remembers(Reason::BaseNameCollision);
        Self {
            progress: plan.progress.clone(),
            pages: Pages::new(plan),
            rules,
            collisions: collisions.then(Collisions::default),
            blobs: Vec::new().into_iter(),
            malformed: Vec::new().into_iter(),
            tally: Tally::default(),
            done: false,
        }
    }

    /// All verdicts into a sink, which is told of the end
    pub(super) async fn run(mut self, mut sink: impl Sink) -> Result<Report, Error> {
        let progress = self.progress.clone();
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            match self.next().await.transpose()? {
                Some(verdict) => batch.push(verdict),
                None => break,
            }
            self.fill(&mut batch);
            sink.accept(&batch).await?;
            batch.clear();
        }
        sink.flush().await?;
        sink.finish().await?;
        Ok(progress.report())
    }

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
        let mut judgement = self.rules.judge(&blob);
        // Snapshots and versions have the name of their blob without colliding with it.
        if let Some(collisions) = &mut self.collisions
            && matches!(judgement, Judgement::Accept { .. })
            && blob.snapshot.is_none()
            && blob.version_id.is_none()
        {
            match collisions.see(&blob.name) {
                Some(found) => found
                    .into_iter()
                    .flatten()
                    .for_each(|finding| self.rules.find_too(finding, &mut judgement)),
                None => self.tally.unremembered += 1,
            }
        }
        judgement.verdict(blob)
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
