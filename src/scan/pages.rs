//! The page loop: a task that keeps requests under way, a few pages ahead of the consumer.
//!
//! [`Pages`] is the consumer's side. The task has three steps, which [`run`] repeats until the planner is
//! done: send what may be sent, wait for the next event, take the answer. The task ends with its handle.
//!
//! Memory is bounded by the pages that exist at a time: those in the channel, those that the planner
//! holds, and one for each request under way. Together they are at most `in_flight - 1 + prefetch`, except
//! that the range whose turn it is may always have one more.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    sync::{
        Semaphore,
        mpsc::{self, Receiver, Sender},
        watch,
    },
    task::{JoinError, JoinHandle},
};

use tracing::Instrument as _;

use super::{
    attempts::{Answer, Attempts},
    options::ScanOptions,
    plan::{Batch, Planner},
};
use crate::{
    error::{Error, ErrorKind},
    observe::Activity,
    store::NameOrder,
};

/// The pages of a listing, some of them ahead of the consumer.
pub(super) enum Pages {
    /// The listing starts with the first poll.
    Planned(Option<Box<ScanOptions>>),
    Running {
        pages: Receiver<Result<Batch, Failure>>,
        task: Task,
        activity: Activity,
    },
}

/// The reason why a listing has ended early.
pub(super) struct Failure {
    pub(super) error: Error,
    /// The order that explains all names, if they have contradicted the one that the scan insists on.
    pub(super) explanation: Option<NameOrder>,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { error, explanation: None }
    }
}

/// A task that ends with its handle, so that a dropped stream leaves nothing running.
pub(super) struct Task(JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Pages {
    /// Returns the pages of a listing that starts with the first poll.
    pub(super) fn new(options: ScanOptions) -> Self {
        Self::Planned(Some(Box::new(options)))
    }

    /// Returns the listing as others observe it, once it has started.
    pub(super) fn activity(&mut self) -> Option<&mut Activity> {
        match self {
            Self::Planned(_) => None,
            Self::Running { activity, .. } => Some(activity),
        }
    }

    /// Polls for the next page.
    ///
    /// # Panics
    /// Panics if the store has panicked, with the panic of the store.
    pub(super) fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Batch, Failure>>> {
        if let Self::Planned(options) = self
            && let Some(options) = options.take()
        {
            options.progress.start(&options.clock);
            // A channel with more permits would panic.
            let room = options.prefetch.min(Semaphore::MAX_PERMITS);
            let (sender, pages) = mpsc::channel(room);
            let activity = Activity::scan(options.store.labels(), options.prefix());
            let task = Task(tokio::spawn(run(options, sender).instrument(activity.span())));
            *self = Self::Running { pages, task, activity };
        }
        let Self::Running { pages, task, .. } = self else { return Poll::Ready(None) };
        if let Some(page) = ready!(pages.poll_recv(cx)) {
            return Poll::Ready(Some(page));
        }
        // The channel closes when the task ends. If it has ended by a panic of the store, that must not
        // be mistaken for the end of the listing.
        match ready!(Pin::new(&mut task.0).poll(cx)) {
            Err(panic) if panic.is_panic() => std::panic::resume_unwind(panic.into_panic()),
            Err(_) => Poll::Ready(Some(Err(Failure::from(runtime_gone())))),
            Ok(()) => Poll::Ready(None),
        }
    }
}

/// Lists everything and sends the pages, until the consumer is gone.
///
/// An error is sent after the pages that are right. The channel closes when the task ends, so the consumer
/// sees the end of the listing.
async fn run(mut options: Box<ScanOptions>, pages: Sender<Result<Batch, Failure>>) {
    let (shards, cuts) = (std::mem::take(&mut options.shards), std::mem::take(&mut options.cuts));
    let planner = match Planner::new(shards, cuts, options.settings.clone()) {
        Ok(planner) => planner,
        Err(error) => return drop(pages.send(Err(error.into())).await),
    };
    let attempts = Attempts::new(&options);
    let pause = options.pause.clone();
    let mut listing = Listing { options: &options, pages, planner, attempts, ready: None, pause };
    while !listing.is_done() {
        let wake = listing.send_requests();
        let taken = match listing.next_event(wake).await {
            Event::Progress => Ok(()),
            Event::Answer(answer) => listing.take(answer),
            Event::ConsumerGone => return,
            Event::RuntimeGone => Err(runtime_gone()),
        };
        if let Err(error) = taken {
            return listing.fail(error).await;
        }
    }
}

/// A listing under way.
struct Listing<'a> {
    options: &'a ScanOptions,
    pages: Sender<Result<Batch, Failure>>,
    planner: Planner,
    attempts: Attempts<'a>,
    /// The page that the channel takes next.
    ready: Option<Batch>,
    /// Whether the listing is paused. `None` if nobody can pause it.
    pause: Option<watch::Receiver<bool>>,
}

/// An event that the loop was waiting for.
enum Event {
    /// A page was handed out, there is room for another one, a request may be sent again, or the listing
    /// was paused or continues.
    Progress,
    Answer(Answer),
    ConsumerGone,
    /// The runtime is shutting down, and has ended the task of a request.
    RuntimeGone,
}

impl Listing<'_> {
    /// Returns whether everything was listed and handed out.
    fn is_done(&self) -> bool {
        self.planner.is_done() && self.ready.is_none()
    }

    /// Sends the requests for which there is room; returns when to look again, if a request waits.
    ///
    /// Retries go before new requests, because ranges wait for them.
    fn send_requests(&mut self) -> Option<Duration> {
        self.ready = self.ready.take().or_else(|| self.planner.output());
        if self.pause.as_mut().is_some_and(|pause| *pause.borrow_and_update()) {
            // A pause may outlast any deadline and any token, so nothing stays in flight.
            self.attempts.recall();
            return None;
        }
        let wake = self.attempts.send_again();
        let settings = &self.options.settings;
        let room = (settings.in_flight - 1).saturating_add(self.options.prefetch);
        loop {
            // Backpressure: a request under way already has its place among the pages that wait. But
            // the range whose turn it is must not wait for the room that later ranges have taken.
            let queued = self.pages.max_capacity() - self.pages.capacity()
                + usize::from(self.ready.is_some());
            let held = queued + self.planner.held() + self.attempts.count();
            let left = room.saturating_sub(held);
            let has_turn = settings.is_ascending || !self.planner.is_proven();
            let may_exceed = has_turn && queued < self.options.prefetch;
            if !self.attempts.may_send() || (left == 0 && !may_exceed) {
                return wake;
            }
            let Some(ticket) = self.planner.next(left <= 1) else { return wake };
            self.attempts.send_first(ticket);
        }
    }

    /// Hands out the page that is ready, or waits for something else.
    ///
    /// Cancel safe: no branch loses a page or an answer if another one completes.
    async fn next_event(&mut self, wake: Option<Duration>) -> Event {
        let has_ready = self.ready.is_some();
        tokio::select! {
            // Pages are handed out first, so that the consumer never waits for requests to be sent.
            biased;
            // If the channel is full, room in it allows another request.
            place = self.pages.reserve(), if has_ready || self.pages.capacity() == 0 => {
                let Ok(place) = place else { return Event::ConsumerGone };
                if let Some(batch) = self.ready.take() {
                    place.send(Ok(batch));
                }
                Event::Progress
            }
            Some(answer) = self.attempts.next() => match answer {
                Ok(answer) => Event::Answer(answer),
                Err(error) => Event::runtime_gone(error),
            },
            () = self.options.clock.sleep_until(wake.unwrap_or_default()), if wake.is_some() => {
                Event::Progress
            }
            () = changed(&mut self.pause) => Event::Progress,
            // Without this, a scan that waits for a slow store would not notice a dropped stream.
            () = self.pages.closed() => Event::ConsumerGone,
        }
    }

    /// Takes an answer, or has the request sent again.
    ///
    /// # Errors
    /// Fails if the listing cannot continue: the store has failed for good, or its answers contradict each
    /// other.
    fn take(&mut self, answer: Answer) -> Result<(), Error> {
        match self.attempts.take(answer) {
            Some((ticket, Ok(page))) => self.planner.take(ticket, page),
            Some((ticket, Err(error))) => {
                // A store may refuse a name to start from as malformed; the planner can do without it.
                let is_refusal = error.kind() == ErrorKind::BadRequest;
                match self.planner.failed(ticket, is_refusal)? {
                    true => Ok(()),
                    false => Err(error),
                }
            }
            None => Ok(()),
        }
    }

    /// Hands out the pages that are right, and then the error.
    async fn fail(mut self, error: Error) {
        while let Some(batch) = self.ready.take().or_else(|| self.planner.output()) {
            if self.pages.send(Ok(batch)).await.is_err() {
                return;
            }
        }
        let explanation = self.planner.explanation();
        // If the consumer is gone, nobody needs the error.
        let _ = self.pages.send(Err(Failure { error, explanation })).await;
    }
}

/// Waits until the listing is paused or continues; forever if nobody can pause it.
async fn changed(pause: &mut Option<watch::Receiver<bool>>) {
    if let Some(pause) = pause
        && pause.changed().await.is_ok()
    {
        return;
    }
    std::future::pending().await
}

impl Event {
    /// Passes on a panic of the store; otherwise only the runtime ends a task.
    fn runtime_gone(error: JoinError) -> Self {
        match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Self::RuntimeGone,
        }
    }
}

/// The runtime has ended a task of the listing, which is no error of the store.
#[cold]
fn runtime_gone() -> Error {
    Error::new(ErrorKind::Unavailable, "the runtime shut down before the listing ended")
}
