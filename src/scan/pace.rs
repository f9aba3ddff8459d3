//! How many requests a scan may have under way, and how many it may send again.

use std::time::Duration;

use tokio::time::Instant;

/// What a success gives back of a retry: at most one request in ten is sent again for long
const REFILL: f64 = 0.1;

/// How often a retry is granted whatever else happens, so that an outage can be waited out
const GRANTED_EVERY: Duration = Duration::from_secs(1);

/// One pace for all requests to an account
///
/// Throttling halves the number of requests under way, and each success raises it by a fraction, as
/// TCP does. Retries are paid from a bucket that successes refill: many shards that fail at once do
/// not multiply the load of a service that has too much of it.
#[derive(Debug)]
pub(super) struct Pace {
    most: f64,
    limit: f64,
    retries: f64,
    capacity: f64,
    granted: Instant,
    /// When the limit was lowered last
    lowered: Instant,
    /// Nothing is sent before
    resume: Instant,
}

impl Pace {
    pub(super) fn new(in_flight: usize, now: Instant) -> Self {
        let most = in_flight.max(1) as f64;
        let capacity = most + 10.0;
        Self {
            most,
            limit: most,
            retries: capacity,
            capacity,
            granted: now,
            lowered: now,
            resume: now,
        }
    }

    /// How many requests may be under way
    pub(super) fn limit(&self) -> usize {
        self.limit as usize
    }

    /// When the next request may be sent
    pub(super) fn resume(&self) -> Instant {
        self.resume
    }

    pub(super) fn succeeded(&mut self) {
        self.limit = (self.limit + 1.0 / self.limit).min(self.most);
        self.retries = (self.retries + REFILL).min(self.capacity);
    }

    /// A request that was sent then was throttled
    pub(super) fn throttled(&mut self, sent: Instant, now: Instant, wait: Option<Duration>) {
        // Those that were sent together are throttled together, and count once.
        if sent >= self.lowered {
            self.limit = (self.limit / 2.0).max(1.0);
            self.lowered = now;
        }
        if let Some(wait) = wait {
            self.resume = self.resume.max(now + wait);
        }
    }

    /// Pays for a retry that is due then; when it may be sent
    pub(super) fn retry(&mut self, due: Instant) -> Instant {
        if self.retries >= 1.0 {
            self.retries -= 1.0;
            return due;
        }
        self.granted = (self.granted + GRANTED_EVERY).max(due);
        self.granted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn throttling_halves_and_success_raises() {
        let start = Instant::now();
        let mut pace = Pace::new(64, start);
        let later = start + Duration::from_secs(1);
        for _ in 0..64 {
            pace.throttled(start, later, None);
        }
        assert_eq!(pace.limit(), 32, "one round of throttling counts once");
        for _ in 0..100 {
            pace.throttled(later, later, None);
        }
        assert_eq!(pace.limit(), 1);
        for _ in 0..5000 {
            pace.succeeded();
        }
        assert_eq!(pace.limit(), 64);
    }

    #[test]
    fn retries_are_bounded() {
        let start = Instant::now();
        let mut pace = Pace::new(64, start);
        let hour = Duration::from_secs(3600);
        let sent = (0..100_000).map(|_| pace.retry(start)).filter(|at| *at < start + hour).count();
        assert!(sent <= 64 + 10 + 3600, "{sent}");
        let mut pace = Pace::new(64, start);
        (0..74).for_each(|_| assert_eq!(pace.retry(start), start));
        assert!(pace.retry(start) > start);
        // Ten tenths are a little less than one.
        (0..11).for_each(|_| pace.succeeded());
        assert_eq!(pace.retry(start), start);
    }
}
