//! The page loop: one small function, run by a task that stays a few pages ahead.

use std::{
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    sync::mpsc::{self, Receiver, Sender},
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};

use super::Progress;
use crate::{
    backoff::Backoff,
    error::{Error, ErrorKind},
    store::{Blob, ListRequest, Marker, Page, Store},
};

pub(super) struct Plan {
    pub(super) store: Arc<dyn Store>,
    pub(super) request: ListRequest,
    pub(super) prefetch: usize,
    pub(super) backoff: Backoff,
    pub(super) page_deadline: Duration,
    pub(super) progress: Progress,
}

/// The pages of a listing, some ahead of the consumer
pub(super) enum Pages {
    Planned(Option<Plan>),
    Running { pages: Receiver<Result<Page, Error>>, task: Task },
}

/// A task that ends with its handle: a dropped stream leaves nothing running
pub(super) struct Task(JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Pages {
    pub(super) fn new(plan: Plan) -> Self {
        Self::Planned(Some(plan))
    }

    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Page, Error>>> {
        if let Self::Planned(plan) = self
            && let Some(plan) = plan.take()
        {
            plan.progress.start();
            let (sender, pages) = mpsc::channel(plan.prefetch);
            *self = Self::Running { pages, task: Task(tokio::spawn(plan.run(sender))) };
        }
        let Self::Running { pages, task } = self else { return Poll::Ready(None) };
        if let Some(page) = ready!(pages.poll_recv(cx)) {
            return Poll::Ready(Some(page));
        }
        // The channel closes when the task ends: well, or by a panic of the store, which is the
        // caller's own and must not pass for the end of the listing.
        match ready!(std::pin::Pin::new(&mut task.0).poll(cx)) {
            Err(panic) if panic.is_panic() => std::panic::resume_unwind(panic.into_panic()),
            Err(_) => Poll::Ready(Some(Err(Error::new(
                ErrorKind::Unavailable,
                "the runtime shut down before the listing ended",
            )))),
            Ok(()) => Poll::Ready(None),
        }
    }
}

impl Plan {
    async fn run(mut self, pages: Sender<Result<Page, Error>>) {
        let mut seen = Seen::default();
        let mut last: Option<Blob> = None;
        loop {
            // The place is reserved before the page is asked for: that is the backpressure.
            let Ok(place) = pages.reserve().await else { return };
            let mut page = match self.fetch().await {
                Ok(page) => page,
                Err(error) => return place.send(Err(error)),
            };
            fold(&mut page, last.as_ref());
            if let Some(blob) = page.blobs.last() {
                last = Some(blob.clone());
            }
            self.request.marker = page.next.take();
            let again = self.request.marker.as_ref().is_some_and(|marker| seen.before(marker));
            place.send(Ok(page));
            if again {
                let _ = pages.send(Err(Error::new(
                    ErrorKind::RepeatedMarker,
                    "the service gave a marker a second time, so its listing would never end; report it with the container's name",
                )))
                .await;
                return;
            }
            if self.request.marker.is_none() {
                return;
            }
        }
    }

    /// One page, tried until the deadline
    async fn fetch(&self) -> Result<Page, Error> {
        let start = Instant::now();
        let left = || self.page_deadline.saturating_sub(start.elapsed());
        let mut delays = self.backoff.delays(fastrand::f64);
        let mut attempts = 0_u32;
        loop {
            attempts += 1;
            self.progress.requested();
            let error = match timeout(left(), self.store.list(self.request.clone())).await {
                Ok(Ok(page)) => return Ok(page),
                Ok(Err(error)) => error,
                Err(_) => Error::new(ErrorKind::Timeout, "no answer within the page deadline"),
            };
            let delay =
                delays.next().unwrap_or_default().max(error.retry_after().unwrap_or_default());
            if !error.is_transient() || delay >= left() {
                return Err(match attempts {
                    1 => error,
                    _ => error.context(format_args!(
                        "gave up after {attempts} attempts in {:.1?}",
                        start.elapsed()
                    )),
                });
            }
            sleep(delay).await;
        }
    }
}

/// Leaves out blobs at the start of a page that the page before ended with
///
/// Services repeat one at a page border now and then (Hadoop's HADOOP-19543 tells of it).
fn fold(page: &mut Page, last: Option<&Blob>) {
    let Some(last) = last else { return };
    let key = |b: &Blob| (b.name.clone(), b.snapshot.clone(), b.version_id.clone());
    if page.blobs.first().is_some_and(|first| first.name == last.name) {
        let last = key(last);
        let repeated = page.blobs.iter().take_while(|blob| key(blob) == last).count();
        page.blobs.drain(..repeated);
    }
}

/// Finds that markers go in a circle, with one of them in memory (Brent's algorithm)
#[derive(Default)]
struct Seen {
    kept: Option<Marker>,
    steps: u64,
    keep_for: u64,
}

impl Seen {
    fn before(&mut self, marker: &Marker) -> bool {
        if self.kept.as_ref() == Some(marker) {
            return true;
        }
        if self.steps == self.keep_for {
            self.kept = Some(marker.clone());
            self.steps = 0;
            self.keep_for = (self.keep_for * 2).max(1);
        }
        self.steps += 1;
        false
    }
}
