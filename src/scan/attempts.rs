//! The attempts at each request: timeouts, retries, and how many requests are under way.
//!
//! All requests of a scan share one [`Pace`]. A request that fails with a transient error is sent again
//! after a delay, until the page deadline would pass. The SDK's own retries are off, so that this file
//! alone decides.
//!
//! The deadline of a request counts its attempts and its delays. A request may also wait because the pace
//! is slow; that time is not its own fault and is not counted, as long as others succeed.
//!
//! All times are those of the scan's clock.

use std::{collections::HashMap, sync::Arc, time::Duration};

use tokio::task::{JoinError, JoinSet};

use super::{options::ScanOptions, pace::Pace, plan::Ticket};
use crate::{
    clock::until,
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
    sent: Duration,
    /// When the first attempt was sent.
    begun: Duration,
}

impl Attempt {
    /// Returns a request that was not sent yet.
    fn new(ticket: Ticket, options: &ScanOptions, now: Duration) -> Self {
        let delays = Box::new(options.backoff.delays(fastrand::f64));
        Self { ticket, delays, count: 0, spent: Duration::ZERO, sent: now, begun: now }
    }
}

/// The requests that are under way, or that wait to be sent again.
pub(super) struct Attempts<'a> {
    options: &'a ScanOptions,
    pace: Pace,
    running: JoinSet<Answer>,
    sent: HashMap<u64, Attempt>,
    /// The requests that failed, and when each may be sent again.
    waiting: Vec<(Duration, Attempt)>,
    /// When the last request succeeded.
    succeeded: Option<Duration>,
}

impl<'a> Attempts<'a> {
    /// Returns an empty set of requests.
    pub(super) fn new(options: &'a ScanOptions) -> Self {
        Self {
            options,
            pace: Pace::new(options.settings.in_flight, options.clock.elapsed()),
            running: JoinSet::new(),
            sent: HashMap::new(),
            waiting: Vec::new(),
            succeeded: None,
        }
    }

    /// Returns the time of the scan's clock.
    fn now(&self) -> Duration {
        self.options.clock.elapsed()
    }

    /// Returns how many answers are expected.
    pub(super) fn count(&self) -> usize {
        self.running.len() + self.waiting.len()
    }

    /// Returns whether the pace allows another request now.
    pub(super) fn may_send(&self) -> bool {
        self.running.len() < self.pace.limit() && self.now() >= self.pace.resume()
    }

    /// Sends a request for the first time.
    pub(super) fn send_first(&mut self, ticket: Ticket) {
        let attempt = Attempt::new(ticket, self.options, self.now());
        self.send(attempt);
    }

    /// Drops the requests under way. They and those that wait are sent again as if for the first time,
    /// when [`send_again`](Self::send_again) is called.
    pub(super) fn recall(&mut self) {
        // Dropping the set aborts its tasks.
        self.running = JoinSet::new();
        let (now, options) = (self.now(), self.options);
        let waiting = self.waiting.drain(..).map(|(_, attempt)| attempt);
        let all = self.sent.drain().map(|(_, attempt)| attempt).chain(waiting);
        let mut tickets: Vec<_> = all.map(|attempt| attempt.ticket).collect();
        // The first request is sent first, and the last entry is taken first.
        tickets.sort_by_key(|ticket| std::cmp::Reverse(ticket.id));
        let again = tickets.into_iter().map(|ticket| (now, Attempt::new(ticket, options, now)));
        self.waiting = again.collect();
    }

    /// Sends a request in a task of its own, within the rest of its deadline.
    fn send(&mut self, mut attempt: Attempt) {
        attempt.sent = self.now();
        if attempt.count == 0 {
            attempt.begun = attempt.sent;
        }
        attempt.count += 1;
        let left = self.options.page_deadline.saturating_sub(attempt.spent);
        let (clock, deadline) =
            (Arc::clone(&self.options.clock), attempt.sent.saturating_add(left));
        let (store, id) = (Arc::clone(&self.options.store), attempt.ticket.id);
        let request = attempt.ticket.request.clone();
        // Retries count as requests, because the service bills them.
        self.options.progress.requested();
        let span = observe::page_span(store.labels(), attempt.count);
        self.sent.insert(id, attempt);
        self.running.spawn(async move {
            // The deadline covers the body as well: a store returns complete pages.
            let late = || Error::new(ErrorKind::Timeout, "no answer within the page deadline");
            let answer = async {
                let answer = until(&*clock, deadline, store.list(request)).await;
                answer.unwrap_or_else(|| Err(late()))
            };
            let entries = |page: &Page| page.blobs.len() + page.malformed.len();
            (id, observe::page(span, answer, entries).await)
        });
    }

    /// Sends again what has waited long enough; returns when to call this again, or `None` if that need
    /// not be before another answer arrives.
    pub(super) fn send_again(&mut self) -> Option<Duration> {
        let now = self.now();
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
        let now = self.now();
        let mut attempt = self.sent.remove(&ticket)?;
        attempt.spent = attempt.spent.saturating_add(now.saturating_sub(attempt.sent));
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
        let is_outage = now.saturating_sub(since) >= self.options.page_deadline;
        // A retry after the deadline could not succeed, so the request fails now and not after the delay.
        if !error.is_transient() || delay >= left || is_outage {
            let error = match attempt.count {
                1 => error,
                count => error.context(format_args!(
                    "gave up after {count} attempts in {:.1?}",
                    now.saturating_sub(attempt.begun)
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
        let due = self.pace.retry(now.saturating_add(delay));
        observe::retry(attempt.count, due.saturating_sub(now), &error);
        self.waiting.push((due, attempt));
        None
    }
}
