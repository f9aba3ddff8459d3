//! Injected time, so that code that waits for minutes is tested in milliseconds.

use std::{
    fmt,
    sync::{Arc, OnceLock},
    time::{Duration, Instant, SystemTime},
};

use async_trait::async_trait;

/// A clock that can be read and waited on.
///
/// [`SystemClock`] is the clock of this machine. `testing::ManualClock` advances only when a test
/// advances it, so tests of long waits end at once. Object safe, and implemented by `Arc<C>`.
///
/// # Contract
/// - [`elapsed`](Self::elapsed) never goes back, and measures waits and deadlines.
/// - [`time`](Self::time) may jump, and is used only for times that people or Azure see.
/// - Sleeps overlap: two tasks that sleep for a second at the same time wake after one second.
/// - A sleep can be dropped at any time.
///
/// A clock needs only the three required methods. The other two have their own names because a clock of
/// a test must tell them apart: a *sleep* is a wait on purpose, and a *deadline* limits other work, which
/// normally ends first.
///
/// ```
/// use std::time::Duration;
/// use azure_asset_sync::{Clock, SystemClock};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
/// async fn measured_sleep(clock: &dyn Clock) -> Duration {
///     let start = clock.elapsed();
///     clock.sleep(Duration::from_millis(5)).await;
///     clock.elapsed() - start
/// }
/// assert!(measured_sleep(&SystemClock).await >= Duration::from_millis(5));
/// # });
/// # Ok::<(), std::io::Error>(())
/// ```
#[async_trait]
pub trait Clock: fmt::Debug + Send + Sync {
    /// Returns the time since a fixed start, which never goes back.
    fn elapsed(&self) -> Duration;

    /// Returns the time of day.
    fn time(&self) -> SystemTime;

    /// Waits for `duration`. Dropping the future ends the wait.
    async fn sleep(&self, duration: Duration);

    /// Waits until [`elapsed`](Self::elapsed) reaches `at`; returns at once if it has.
    ///
    /// Sleeps for the difference by default.
    async fn sleep_until(&self, at: Duration) {
        self.sleep(at.saturating_sub(self.elapsed())).await;
    }

    /// Waits until [`elapsed`](Self::elapsed) reaches `at`, as the time limit of other work.
    ///
    /// The caller drops the future when the work ends first. The same as
    /// [`sleep_until`](Self::sleep_until) by default.
    ///
    /// ```
    /// use std::time::Duration;
    /// use azure_asset_sync::Clock;
    ///
    /// async fn within<T>(clock: &dyn Clock, limit: Duration, work: impl Future<Output = T>) -> Option<T> {
    ///     let at = clock.elapsed() + limit;
    ///     tokio::select! {
    ///         biased;
    ///         result = work => Some(result),
    ///         () = clock.deadline(at) => None,
    ///     }
    /// }
    /// ```
    async fn deadline(&self, at: Duration) {
        self.sleep_until(at).await;
    }
}

/// Awaits work until a deadline by a clock; returns `None` if the deadline comes first.
///
/// Cancel safe if the work is.
pub(crate) async fn until<T>(
    clock: &dyn Clock,
    at: Duration,
    work: impl Future<Output = T>,
) -> Option<T> {
    tokio::select! {
        // A result that is there counts, even if the deadline has passed meanwhile.
        biased;
        result = work => Some(result),
        () = clock.deadline(at) => None,
    }
}

/// The clock of this machine.
///
/// [`sleep`](Clock::sleep) panics outside of a Tokio runtime with time enabled. In a runtime whose clock
/// is paused (`tokio::time::pause`), [`elapsed`](Clock::elapsed) and sleeps follow that clock, and
/// [`time`](Clock::time) is still that of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

/// What [`SystemClock`] shows at the first call of the process: a year.
///
/// Not zero, because the paused clock of a runtime may be slightly earlier than that first call.
const FIRST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

#[async_trait]
impl Clock for SystemClock {
    fn elapsed(&self) -> Duration {
        // `Instant` alone cannot be a plain duration.
        static START: OnceLock<Instant> = OnceLock::new();
        // Tokio's time, so that it agrees with the sleeps if a test has paused Tokio's clock.
        let now = tokio::time::Instant::now().into_std();
        let start = *START.get_or_init(|| now);
        let behind = start.saturating_duration_since(now);
        (FIRST + now.saturating_duration_since(start)).saturating_sub(behind)
    }

    fn time(&self) -> SystemTime {
        SystemTime::now()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

#[async_trait]
impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn elapsed(&self) -> Duration {
        (**self).elapsed()
    }

    fn time(&self) -> SystemTime {
        (**self).time()
    }

    async fn sleep(&self, duration: Duration) {
        (**self).sleep(duration).await;
    }

    async fn sleep_until(&self, at: Duration) {
        (**self).sleep_until(at).await;
    }

    async fn deadline(&self, at: Duration) {
        (**self).deadline(at).await;
    }
}
