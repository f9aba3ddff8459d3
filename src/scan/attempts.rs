//! The attempts at each request: timeouts, retries, and how many requests are under way.
//!
//! All requests of a scan share one [`Pace`]. A request that fails with a transient error is sent again
//! after a delay, until the page deadline would pass. The SDK's own retries are off, so that this file
//! alone decides.
//!
//! The deadline of a request counts its attempts and its delays. A request may also wait because the pace
//! is slow; that time is not its own fault and is not counted, as long as others succeed.

use std::{collections::HashMap, sync::Arc, time::Duration};

use tokio::{
    task::{JoinError, JoinSet},
    time::{Instant, timeout},
};

use super::{options::ScanOptions, pace::Pace, plan::Ticket};
use crate::{
    error::{Error, ErrorKind},
    observe,
    store::Page,
};

/// The result of an attempt, with the number of its ticket.
pub(super) type Answer = (u64, Result<Page, Error>);

/// A request, and its attempts so far.
struct Attempt {
    ticket: Ticket,
    delays: Box<dyn Iterator<Item = Duration> + Send>,
    count: u32,
    /// The time of all attempts and delays. The time in which the request waits for others is not
    /// counted.
    spent: Duration,
    /// When the last attempt was sent.
    sent: Instant,
    /// When the first attempt was sent.
    begun: Instant,
}

/// The requests that are under way, or that wait to be sent again.
pub(super) struct Attempts<'a> {
    options: &'a ScanOptions,
    pace: Pace,
    running: JoinSet<Answer>,
    sent: HashMap<u64, Attempt>,
    /// The requests that failed, and when each may be sent again.
    waiting: Vec<(Instant, Attempt)>,
    /// When the last request succeeded.
    succeeded: Option<Instant>,
}

impl<'a> Attempts<'a> {
    /// Returns an empty set of requests.
    pub(super) fn new(options: &'a ScanOptions) -> Self {
        Self {
            options,
            pace: Pace::new(options.settings.in_flight, Instant::now()),
            running: JoinSet::new(),
            sent: HashMap::new(),
            waiting: Vec::new(),
            succeeded: None,
        }
    }

    /// Returns how many answers are expected.
    pub(super) fn count(&self) -> usize {
        self.running.len() + self.waiting.len()
    }

    /// Returns whether the pace allows another request now.
    pub(super) fn may_send(&self) -> bool {
        self.running.len() < self.pace.limit() && Instant::now() >= self.pace.resume()
    }

    /// Sends a request for the first time.
    pub(super) fn send_first(&mut self, ticket: Ticket) {
        let delays = Box::new(self.options.backoff.delays(fastrand::f64));
        let sent = Instant::now();
        self.send(Attempt { ticket, delays, count: 0, spent: Duration::ZERO, sent, begun: sent });
    }

    /// Sends a request in a task of its own, within the rest of its deadline.
    fn send(&mut self, mut attempt: Attempt) {
        attempt.count += 1;
        attempt.sent = Instant::now();
        let left = self.options.page_deadline.saturating_sub(attempt.spent);
        let (store, id) = (Arc::clone(&self.options.store), attempt.ticket.id);
        let request = attempt.ticket.request.clone();
        // Retries count as requests, because the service bills them.
        self.options.progress.requested();
        let span = observe::page_span(store.labels(), attempt.count);
        self.sent.insert(id, attempt);
        self.running.spawn(async move {
            // The deadline covers the body as well: a store returns complete pages.
            let answer =
                async { timeout(left, store.list(request)).await.unwrap_or_else(|_| late()) };
            let entries = |page: &Page| page.blobs.len() + page.malformed.len();
            (id, observe::page(span, answer, entries).await)
        });
    }

    /// Sends again what has waited long enough; returns when to call this again, or `None` if that need
    /// not be before another answer arrives.
    pub(super) fn send_again(&mut self) -> Option<Instant> {
        let now = Instant::now();
        // The earliest comes last, where it can be popped.
        self.waiting.sort_by_key(|(due, _)| std::cmp::Reverse(*due));
        while self.may_send()
            && let Some((_, attempt)) = self.waiting.pop_if(|(due, _)| *due <= now)
        {
            self.send(attempt);
        }
        let due = self.waiting.last().map(|(due, _)| *due).into_iter();
        let paused = Some(self.pace.resume()).filter(|resume| *resume > now);
        match self.running.len() < self.pace.limit() {
            // A request that is due waits for the answer to another one.
            false => None,
            true => due.map(|due| due.max(self.pace.resume())).chain(paused).min(),
        }
    }

    /// Waits for the next attempt to end; `None` if none is under way.
    ///
    /// # Errors
    /// Fails if the task of the attempt has panicked or was ended by the runtime.
    pub(super) async fn next(&mut self) -> Option<Result<Answer, JoinError>> {
        self.running.join_next().await
    }

    /// Takes the result of an attempt; returns the answer, or `None` if the request is sent again.
    pub(super) fn take(&mut self, (ticket, result): Answer) -> Option<Answer> {
        let now = Instant::now();
        let mut attempt = self.sent.remove(&ticket)?;
        attempt.spent += now - attempt.sent;
        let error = match result {
            Ok(page) => {
                // Also a sign that there is no outage; see below.
                self.pace.succeeded();
                self.succeeded = Some(now);
                return Some((ticket, Ok(page)));
            }
            Err(error) => error,
        };
        // The server knows better than the backoff how long it needs.
        let delay = attempt.delays.next().unwrap_or_default();
        let delay = delay.max(error.retry_after().unwrap_or_default());
        let left = self.options.page_deadline.saturating_sub(attempt.spent);
        // A request may wait for others, which its own deadline does not count. That ends once nothing
        // has succeeded for as long as the deadline.
        let since = self.succeeded.map_or(attempt.begun, |at| at.max(attempt.begun));
        let is_outage = now - since >= self.options.page_deadline;
        // A retry after the deadline could not succeed, so the request fails now and not after the delay.
        if !error.is_transient() || delay >= left || is_outage {
            let error = match attempt.count {
                1 => error,
                count => error.context(format_args!(
                    "gave up after {count} attempts in {:.1?}",
                    now - attempt.begun
                )),
            };
            return Some((ticket, Err(error)));
        }
        // With `OperationTimedOut` a partition reports that it is overloaded (Microsoft Learn,
        // "Scalability and performance targets for Blob storage").
        if error.kind() == ErrorKind::Throttled || error.code() == Some("OperationTimedOut") {
            self.pace.throttled(attempt.sent, now, error.retry_after());
            observe::throttle(self.pace.limit(), error.retry_after());
        }
        attempt.spent += delay;
        let due = self.pace.retry(now + delay);
        observe::retry(attempt.count, due - now, &error);
        self.waiting.push((due, attempt));
        None
    }
}

/// The answer of a store that took too long.
#[cold]
fn late() -> Result<Page, Error> {
    Err(Error::new(ErrorKind::Timeout, "no answer within the page deadline"))
}
