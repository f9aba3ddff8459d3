//! A clock for tests that moves only when a test or a waiting task moves it.

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, SystemTime},
};

use async_trait::async_trait;

use crate::clock::Clock;

/// A clock that advances only when a task sleeps by it, or when [`advance`](Self::advance) is
/// called.
///
/// Clones share one time. Give a clone to a probe and another one to a small cloud, and five
/// minutes of propagation take as long as the requests.
///
/// Sleeping advances the clock and returns at once. If several tasks sleep at the same time, the
/// clock advances by the sum of their durations, not by the longest one. So a test of concurrent
/// waits must not expect exact times.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// use std::time::Duration;
/// use azure_asset_sync::{
///     Probe, condition::Role, probe::{EndReason, WaitEvent, WaitOptions},
///     testing::{Assignment, ManualClock, SmallCloud},
/// };
/// use futures::StreamExt as _;
///
/// let clock = ManualClock::new();
/// let cloud = SmallCloud::builder()
///     .clock(clock.clone())
///     .assignment(Assignment::new(Role::BlobDataReader).after(Duration::from_secs(240)))
///     .start()
///     .await?;
/// let connection = cloud.connection().build()?;
/// let probe = Probe::new(&connection, cloud.store(&connection)?).clock(clock);
/// let mut events = probe.wait(WaitOptions::new(Duration::from_secs(600)));
/// let mut reason = None;
/// while let Some(event) = events.next().await {
///     if let WaitEvent::Ended(outcome) = event {
///         reason = Some(outcome.reason);
///     }
/// }
/// assert_eq!(reason, Some(EndReason::Connected));
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct ManualClock {
    start: SystemTime,
    elapsed: Arc<Mutex<Duration>>,
}

impl ManualClock {
    /// Creates a clock that starts at 2026-01-01T00:00:00Z.
    pub fn new() -> Self {
        Self::starting(SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600))
    }

    /// Creates a clock that starts at this time.
    pub fn starting(at: SystemTime) -> Self {
        Self { start: at, elapsed: Arc::default() }
    }

    /// Advances the clock, for all clones.
    pub fn advance(&self, by: Duration) {
        let mut elapsed = self.state();
        *elapsed = elapsed.saturating_add(by);
    }

    fn state(&self) -> MutexGuard<'_, Duration> {
        // A saturating addition cannot panic, so the value of a poisoned lock is right.
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
        // Lets other tasks run, as a real sleep would.
        tokio::task::yield_now().await;
    }
}
