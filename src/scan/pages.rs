//! The page loop: a task that keeps requests under way, a few pages ahead of the consumer.

use std::{
    collections::HashMap,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    sync::{
        Semaphore,
        mpsc::{self, Receiver, Sender},
    },
    task::{JoinHandle, JoinSet},
    time::{Instant, sleep_until, timeout},
};

use super::{
    Progress, Shard,
    pace::Pace,
    plan::{Batch, Planner, Settings, Ticket},
};
use crate::{
    backoff::Backoff,
    error::{Error, ErrorKind},
    store::{NameOrder, Page, Store},
};

pub(super) struct Plan {
    pub(super) store: Arc<dyn Store>,
    pub(super) shards: Vec<Shard>,
    pub(super) cuts: Vec<String>,
    pub(super) settings: Settings,
    pub(super) prefetch: usize,
    pub(super) backoff: Backoff,
    pub(super) page_deadline: Duration,
    pub(super) progress: Progress,
}

/// The pages of a listing, some ahead of the consumer
pub(super) enum Pages {
    Planned(Option<Plan>),
    Running { pages: Receiver<Result<Batch, Failure>>, task: Task },
}

/// Why a listing has ended before its end
pub(super) struct Failure {
    pub(super) error: Error,
    /// Which order explains all names, where they have contradicted the one insisted on
    pub(super) explanation: Option<NameOrder>,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { error, explanation: None }
    }
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

    pub(super) fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Batch, Failure>>> {
        if let Self::Planned(plan) = self
            && let Some(plan) = plan.take()
        {
            plan.progress.start();
            // More than that a channel cannot hold.
            let (sender, pages) = mpsc::channel(plan.prefetch.min(Semaphore::MAX_PERMITS));
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
            Err(_) => Poll::Ready(Some(Err(Failure::from(Error::new(
                ErrorKind::Unavailable,
                "the runtime shut down before the listing ended",
            ))))),
            Ok(()) => Poll::Ready(None),
        }
    }
}

/// A request, and what became of its attempts
struct Attempts {
    ticket: Ticket,
    delays: Box<dyn Iterator<Item = Duration> + Send>,
    count: u32,
    /// All attempts and delays together; the time in which it must wait for others is not its own
    spent: Duration,
    sent: Instant,
    /// When the first attempt was sent
    begun: Instant,
}

/// The requests of a listing that are under way
struct Requests<'a> {
    plan: &'a Plan,
    pace: Pace,
    running: JoinSet<(u64, Result<Page, Error>)>,
    sent: HashMap<u64, Attempts>,
    /// Those that failed, and when they may be sent again
    waiting: Vec<(Instant, Attempts)>,
    /// When a request came to its page last
    succeeded: Option<Instant>,
}

impl Plan {
    async fn run(mut self, pages: Sender<Result<Batch, Failure>>) {
        let shards = std::mem::take(&mut self.shards);
        let cuts = std::mem::take(&mut self.cuts);
        let mut planner = match Planner::new(shards, cuts, self.settings.clone()) {
            Ok(planner) => planner,
            Err(error) => {
                let _ = pages.send(Err(error.into())).await;
                return;
            }
        };
        let room = (self.settings.in_flight - 1).saturating_add(self.prefetch);
        let mut requests = Requests {
            plan: &self,
            pace: Pace::new(self.settings.in_flight, Instant::now()),
            running: JoinSet::new(),
            sent: HashMap::new(),
            waiting: Vec::new(),
            succeeded: None,
        };
        let mut ready: Option<Batch> = None;
        while !(planner.is_done() && ready.is_none()) {
            ready = ready.or_else(|| planner.output());
            let wake = requests.send_again();
            loop {
                // What is on its way has its place already: that is the backpressure. The range whose
                // turn it is must not wait for the room that later ones have taken.
                let queued = pages.max_capacity() - pages.capacity() + usize::from(ready.is_some());
                let left = room.saturating_sub(queued + planner.held() + requests.count());
                let waits = self.settings.is_ascending || !planner.is_proven();
                let is_short = waits && queued < self.prefetch;
                if !requests.may_send() || (left == 0 && !is_short) {
                    break;
                }
                let Some(ticket) = planner.next(left <= 1) else { break };
                requests.send_first(ticket);
            }
            tokio::select! {
                // Handing out comes first, so that a consumer is never kept waiting for requests.
                biased;
                // A full channel is waited for, since it makes room for a request.
                place = pages.reserve(), if ready.is_some() || pages.capacity() == 0 => {
                    let Ok(place) = place else { return };
                    if let Some(batch) = ready.take() {
                        place.send(Ok(batch));
                    }
                }
                Some(done) = requests.running.join_next() => {
                    let answer = match done {
                        Ok((ticket, answer)) => requests.took(ticket, answer),
                        Err(panic) if panic.is_panic() => {
                            std::panic::resume_unwind(panic.into_panic())
                        }
                        // Only the runtime ends a task otherwise, as it shuts down.
                        Err(_) => {
                            let what = "the runtime shut down before the listing ended";
                            let error = Error::new(ErrorKind::Unavailable, what);
                            let _ = pages.send(Err(error.into())).await;
                            return;
                        }
                    };
                    let taken = match answer {
                        Some((ticket, Ok(page))) => planner.take(ticket, page),
                        Some((ticket, Err(error))) => {
                            let is_refusal = error.kind() == ErrorKind::BadRequest;
                            match planner.failed(ticket, is_refusal) {
                                Ok(true) => Ok(()),
                                Ok(false) => Err(error),
                                Err(error) => Err(error),
                            }
                        }
                        None => Ok(()),
                    };
                    if let Err(error) = taken {
                        // What is right until then goes out first.
                        while let Some(batch) = ready.take().or_else(|| planner.output()) {
                            if pages.send(Ok(batch)).await.is_err() {
                                return;
                            }
                        }
                        let explanation = planner.explanation();
                        let _ = pages.send(Err(Failure { error, explanation })).await;
                        return;
                    }
                }
                () = sleep_until(wake.unwrap_or_else(Instant::now)), if wake.is_some() => {}
                () = pages.closed() => return,
            }
        }
    }
}

impl Requests<'_> {
    /// How many pages are expected
    fn count(&self) -> usize {
        self.running.len() + self.waiting.len()
    }

    fn may_send(&self) -> bool {
        self.running.len() < self.pace.limit() && Instant::now() >= self.pace.resume()
    }

    fn send_first(&mut self, ticket: Ticket) {
        let delays = Box::new(self.plan.backoff.delays(fastrand::f64));
        let sent = Instant::now();
        self.send(Attempts { ticket, delays, count: 0, spent: Duration::ZERO, sent, begun: sent });
    }

    fn send(&mut self, mut attempts: Attempts) {
        attempts.count += 1;
        attempts.sent = Instant::now();
        let left = self.plan.page_deadline.saturating_sub(attempts.spent);
        let (store, id) = (Arc::clone(&self.plan.store), attempts.ticket.id);
        let request = attempts.ticket.request.clone();
        self.plan.progress.requested();
        self.sent.insert(id, attempts);
        self.running.spawn(async move {
            let answer = timeout(left, store.list(request)).await;
            let late = || Error::new(ErrorKind::Timeout, "no answer within the page deadline");
            (id, answer.unwrap_or_else(|_| Err(late())))
        });
    }

    /// Sends what has waited long enough; when to look again, where something waits
    fn send_again(&mut self) -> Option<Instant> {
        let now = Instant::now();
        self.waiting.sort_by_key(|(due, _)| std::cmp::Reverse(*due));
        while self.may_send()
            && let Some((_, attempts)) = self.waiting.pop_if(|(due, _)| *due <= now)
        {
            self.send(attempts);
        }
        let due = self.waiting.last().map(|(due, _)| *due).into_iter();
        let paused = Some(self.pace.resume()).filter(|resume| *resume > now);
        match self.running.len() < self.pace.limit() {
            // What is due waits for an answer, and needs no clock.
            false => None,
            true => due.map(|due| due.max(self.pace.resume())).chain(paused).min(),
        }
    }

    /// What an attempt came to: an answer to take, or nothing where it is tried again
    fn took(
        &mut self,
        ticket: u64,
        answer: Result<Page, Error>,
    ) -> Option<(u64, Result<Page, Error>)> {
        let now = Instant::now();
        let mut attempts = self.sent.remove(&ticket)?;
        attempts.spent += now - attempts.sent;
        let error = match answer {
            Ok(page) => {
                self.pace.succeeded();
                self.succeeded = Some(now);
                return Some((ticket, Ok(page)));
            }
            Err(error) => error,
        };
        let delay = attempts.delays.next().unwrap_or_default();
        let delay = delay.max(error.retry_after().unwrap_or_default());
        let left = self.plan.page_deadline.saturating_sub(attempts.spent);
        // Others are waited for only while some of them succeed.
        let since = self.succeeded.map_or(attempts.begun, |at| at.max(attempts.begun));
        let is_outage = now - since >= self.plan.page_deadline;
        if !error.is_transient() || delay >= left || is_outage {
            let error = match attempts.count {
                1 => error,
                count => error.context(format_args!(
                    "gave up after {count} attempts in {:.1?}",
                    now - attempts.begun
                )),
            };
            return Some((ticket, Err(error)));
        }
        // `OperationTimedOut` is how a partition says that it has too much to do (Microsoft Learn,
        // "Scalability and performance targets for Blob storage").
        if error.kind() == ErrorKind::Throttled || error.code() == Some("OperationTimedOut") {
            self.pace.throttled(attempts.sent, now, error.retry_after());
        }
        attempts.spent += delay;
        let due = self.pace.retry(now + delay);
        self.waiting.push((due, attempts));
        None
    }
}
