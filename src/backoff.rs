//! How long to wait before trying again.

use std::{iter, time::Duration};

/// Delays that double from `initial` up to `cap`, each drawn evenly from zero to that ("full jitter")
///
/// Full jitter keeps clients that failed together from coming back together, and never exceeds the
/// cap. Source: AWS Architecture Blog, "Exponential Backoff and Jitter".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    initial: Duration,
    cap: Duration,
}

impl Backoff {
    /// Delays from this one on, up to that one
    pub fn new(initial: Duration, cap: Duration) -> Self {
        Self { initial: initial.min(cap), cap }
    }

    /// The delays, endless; `random` gives numbers from 0 to 1
    pub fn delays(self, mut random: impl FnMut() -> f64) -> impl Iterator<Item = Duration> {
        let cap = self.cap;
        iter::successors(Some(self.initial), move |bound| Some(bound.saturating_mul(2).min(cap)))
            .map(move |bound| {
                let delay = bound.as_secs_f64() * random().clamp(0.0, 1.0);
                // What rounding takes beyond the bound, or beyond what can be told, is the bound.
                Duration::try_from_secs_f64(delay).map_or(bound, |delay| delay.min(bound))
            })
    }
}

impl Default for Backoff {
    /// From 200 ms up to 30 s
    fn default() -> Self {
        Self::new(Duration::from_millis(200), Duration::from_secs(30))
    }
}
