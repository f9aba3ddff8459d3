use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, SystemTime},
};

use async_trait::async_trait;

use crate::clock::Clock;

/// A clock that moves only where somebody waits by it, or moves it
///
/// Clones are the same clock: give one to a probe and one to a small cloud, and five minutes of
/// propagation take as long as the requests.
#[derive(Clone, Debug)]
pub struct ManualClock {
    start: SystemTime,
    elapsed: Arc<Mutex<Duration>>,
}

impl ManualClock {
    /// A clock that begins at 2026-01-01T00:00:00Z
    pub fn new() -> Self {
        Self::starting(SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600))
    }

    /// A clock that begins at this time of day
    pub fn starting(at: SystemTime) -> Self {
        Self { start: at, elapsed: Arc::default() }
    }

    /// Moves it forward
    pub fn advance(&self, by: Duration) {
        let mut elapsed = self.state();
        *elapsed = elapsed.saturating_add(by);
    }

    fn state(&self) -> MutexGuard<'_, Duration> {
        // An addition that saturates cannot panic half-way.
        self.elapsed.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Clock for ManualClock {
    fn elapsed(&self) -> Duration {
        *self.state()
    }

    fn time(&self) -> SystemTime {
        self.start + *self.state()
    }

    async fn sleep(&self, duration: Duration) {
        self.advance(duration);
        // A turn for others, as a real wait gives.
        tokio::task::yield_now().await;
    }
}
