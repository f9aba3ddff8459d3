//! Delays between retries.
//!
//! A value and an iterator: nothing here waits, and randomness is passed in, so that every delay can
//! be tested.

use std::{iter, time::Duration};

/// Exponential delays with full jitter.
///
/// The limit of each delay doubles from `initial` up to `cap`. The delay itself is random, evenly
/// distributed from zero to that limit. Full jitter keeps clients that failed at the same time from
/// retrying at the same time, and never exceeds the cap. Source: AWS Architecture Blog, "Exponential
/// Backoff and Jitter".
///
/// ```
/// use std::time::Duration;
/// use azure_asset_sync::Backoff;
///
/// let backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(1));
/// // With the largest random numbers the delays are the limits themselves.
/// let limits: Vec<_> = backoff.delays(|| 1.0).take(4).collect();
/// assert_eq!(limits, [200, 400, 800, 1000].map(Duration::from_millis));
/// ```
#[doc(alias = "retry")]
#[doc(alias = "jitter")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    initial: Duration,
    cap: Duration,
}

impl Backoff {
    /// Creates delays whose limit starts at `initial` and grows to `cap`.
    ///
    /// An `initial` above the cap is reduced to the cap.
    pub fn new(initial: Duration, cap: Duration) -> Self {
        Self { initial: initial.min(cap), cap }
    }

    /// Returns the delays, without end.
    ///
    /// `random` returns numbers from 0 to 1. Numbers outside of that range are clamped.
    pub fn delays(self, mut random: impl FnMut() -> f64) -> impl Iterator<Item = Duration> {
        let cap = self.cap;
        iter::successors(Some(self.initial), move |limit| Some(limit.saturating_mul(2).min(cap)))
            .map(move |limit| {
                let delay = limit.as_secs_f64() * random().clamp(0.0, 1.0);
                // INVARIANT: a delay never exceeds its limit. Floating point can round above it, or
                // above what a `Duration` can hold; then the limit itself is used.
                Duration::try_from_secs_f64(delay).map_or(limit, |delay| delay.min(limit))
            })
    }
}

impl Default for Backoff {
    /// Returns delays of up to 200 ms at first and up to 30 s in the end.
    fn default() -> Self {
        Self::new(Duration::from_millis(200), Duration::from_secs(30))
    }
}
