//! Injected time, so that code that waits for minutes is tested in milliseconds.

use std::{
    fmt,
    sync::{Arc, OnceLock},
    time::{Duration, Instant, SystemTime},
};

use async_trait::async_trait;

/// A clock that can be read and waited on.
///
/// [`SystemClock`] is the clock of this machine. `testing::ManualClock` advances only when somebody
/// waits on it, so tests of long waits end at once. Object safe, and implemented by `Arc<C>`.
///
/// # Contract
/// - [`elapsed`](Self::elapsed) never goes back, and measures waits and deadlines.
/// - [`time`](Self::time) may jump, and is used only for times that people or Azure see.
/// - [`sleep`](Self::sleep) can be dropped at any time.
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
}

/// The clock of this machine.
///
/// [`sleep`](Clock::sleep) panics outside of a Tokio runtime with time enabled.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    fn elapsed(&self) -> Duration {
        // The first call of the process is the start. `Instant` alone cannot be a plain duration.
        static START: OnceLock<Instant> = OnceLock::new();
        START.get_or_init(Instant::now).elapsed()
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
}
