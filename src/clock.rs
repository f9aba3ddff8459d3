//! Time, handed in: what waits for minutes is tested in milliseconds.

use std::{
    fmt,
    sync::{Arc, OnceLock},
    time::{Duration, Instant, SystemTime},
};

use async_trait::async_trait;

/// A clock, and a way to wait by it
///
/// [`SystemClock`] is the one of this machine; `testing::ManualClock` moves only where somebody
/// waits by it. Object safe.
#[async_trait]
pub trait Clock: fmt::Debug + Send + Sync {
    /// The time since a moment that stays the same; never goes back
    fn elapsed(&self) -> Duration;

    /// The time of day
    fn time(&self) -> SystemTime;

    /// Waits for so long; dropping the future ends the wait
    async fn sleep(&self, duration: Duration);
}

/// The clock of this machine; waiting takes a Tokio runtime with time enabled
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    fn elapsed(&self) -> Duration {
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
