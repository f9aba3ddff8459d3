//! The pace of a scan: how many requests may be under way, and how many may be sent again.
//!
//! Pure arithmetic over given times, which are those of [`Clock::elapsed`](crate::Clock::elapsed). One [`Pace`] serves all requests of a scan, because throttling
//! applies to an account and not to a range of names.
//!
//! With 64 requests in flight, for example, one round of throttling lowers the limit to 32. About 32
//! successes raise it by one, so it recovers within a few thousand pages.

use std::time::Duration;

/// The part of a retry that a success pays for: in the long run one request in ten is sent again.
const REFILL: f64 = 0.1;

/// How often a retry is granted without payment, so that a scan survives an outage.
const GRANTED_EVERY: Duration = Duration::from_secs(1);

/// Limits the requests under way and the retries of a scan.
///
/// Throttling halves the number of requests under way, and each success raises it by a fraction, as TCP
/// does (additive increase, multiplicative decrease). Retries are paid from a bucket that successes
/// refill. So many requests that fail at once do not multiply the load of an overloaded service.
#[derive(Debug)]
pub(super) struct Pace {
    /// The highest limit.
    most: f64,
    limit: f64,
    /// The retries in the bucket.
    retries: f64,
    capacity: f64,
    /// When the last retry was granted without payment.
    granted: Duration,
    /// When the limit was lowered last.
    lowered: Duration,
    /// Nothing may be sent before this.
    resume: Duration,
}

impl Pace {
    /// Returns the pace at the start: full speed, and a full bucket of retries.
    pub(super) fn new(in_flight: usize, now: Duration) -> Self {
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

    /// Returns how many requests may be under way.
    pub(super) fn limit(&self) -> usize {
        self.limit as usize
    }

    /// Returns when the next request may be sent.
    pub(super) fn resume(&self) -> Duration {
        self.resume
    }

    /// Records a success.
    pub(super) fn succeeded(&mut self) {
        self.limit = (self.limit + 1.0 / self.limit).min(self.most);
        self.retries = (self.retries + REFILL).min(self.capacity);
    }

    /// Records that a request was throttled that was sent at `sent`; `wait` is its `Retry-After`.
    pub(super) fn throttled(&mut self, sent: Duration, now: Duration, wait: Option<Duration>) {
        // Requests that were under way together are throttled together, and count once.
        if sent >= self.lowered {
            self.limit = (self.limit / 2.0).max(1.0);
            self.lowered = now;
        }
        if let Some(wait) = wait {
            self.resume = self.resume.max(now.saturating_add(wait));
        }
    }

    /// Pays for a retry that is due at `due`; returns when it may be sent.
    pub(super) fn retry(&mut self, due: Duration) -> Duration {
        if self.retries >= 1.0 {
            self.retries -= 1.0;
            return due;
        }
        // One grant follows the other, so many requests that wait do not all retry at once.
        self.granted = self.granted.saturating_add(GRANTED_EVERY).max(due);
        self.granted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn throttling_halves_the_limit_and_success_raises_it() {
        let start = Duration::from_secs(7);
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
    fn retries_are_limited_until_requests_succeed() {
        let start = Duration::from_secs(7);
        let mut pace = Pace::new(64, start);
        let hour = Duration::from_secs(3600);
        let sent = (0..100_000).map(|_| pace.retry(start)).filter(|at| *at < start + hour).count();
        assert!(sent <= 64 + 10 + 3600, "{sent}");
        let mut pace = Pace::new(64, start);
        (0..74).for_each(|_| assert_eq!(pace.retry(start), start));
        assert!(pace.retry(start) > start);
        // In floating point ten tenths are a little less than one.
        (0..11).for_each(|_| pace.succeeded());
        assert_eq!(pace.retry(start), start);
    }
}
