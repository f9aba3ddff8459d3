//! A clock for tests that moves only when a test moves it, or when everything sleeps.
//!
//! Whoever waits is in one ordered list, with the time at which the wait ends. Advancing the clock wakes
//! the waits that are over, in the order of their ends. The automatic mode is a small loop in the sleep
//! itself, so that nothing runs in the background.

use std::{
    collections::BTreeMap,
    fmt,
    future::poll_fn,
    ops::Bound,
    sync::{Arc, Mutex, MutexGuard},
    task::{Poll, Waker},
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use tokio::sync::watch;

use crate::clock::Clock;

/// How often other tasks get their turn before the clock advances by itself.
///
/// In each turn a current-thread runtime of Tokio polls its main future once and up to 61 tasks. So chains
/// of many wake-ups end before the clock moves. A turn takes about a microsecond.
const TURNS: u32 = 16;

/// A clock that advances only when the test advances it.
///
/// Clones share one time. A task that sleeps by the clock waits until the test has advanced the clock to
/// the end of its sleep. Sleeps of several tasks overlap, as those of a real clock do.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// use std::time::Duration;
/// use azure_asset_sync::{Clock, testing::ManualClock};
///
/// let clock = ManualClock::new();
/// let sleep = |seconds| {
///     let clock = clock.clone();
///     tokio::spawn(async move { clock.sleep(Duration::from_secs(seconds)).await })
/// };
/// let (short, long) = (sleep(10), sleep(30));
/// clock.wait_for_sleepers(2).await;
///
/// clock.advance(Duration::from_secs(10));
/// short.await?;
/// assert!(!long.is_finished());
/// assert_eq!(clock.advance_to_next_sleep().await, Duration::from_secs(20));
/// long.await?;
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Waits that should only end
/// [`auto_advancing`](Self::auto_advancing) creates a clock for tests that do not care when a wait ends.
/// Give a clone to a probe and another one to a small cloud, and five minutes of propagation take as long
/// as the requests:
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
/// let clock = ManualClock::auto_advancing();
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
///
/// # Sleeps and deadlines
/// A [deadline](Clock::deadline) limits other work, for example the time for a page of a scan. Deadlines
/// pass when the clock is advanced, but they are not sleepers: they do not count for
/// [`wait_for_sleepers`](Self::wait_for_sleepers), and a clock in automatic mode does not advance for
/// them alone. Otherwise each request would be cut short by its own time limit.
#[derive(Clone)]
pub struct ManualClock {
    start: SystemTime,
    is_automatic: bool,
    state: Arc<Mutex<State>>,
    /// Notifies whoever waits for the number of sleepers.
    changes: watch::Sender<()>,
}

/// The time, and who waits for a later one.
#[derive(Default)]
struct State {
    elapsed: Duration,
    /// The waits by their end, and then in the order in which they began.
    waits: BTreeMap<Key, Wait>,
    /// The number of the next wait.
    next: u64,
    /// Counts the changes of this state, so that the automatic mode notices when nothing changes.
    changes: u64,
}

/// When a wait ends, and its number.
type Key = (Duration, u64);

struct Wait {
    is_sleep: bool,
    /// `None` if the automatic mode polls the wait.
    waker: Option<Waker>,
}

impl State {
    /// Returns the waits that are not over. Others stay in the list until their task is polled.
    fn waiting(&self) -> impl Iterator<Item = (Duration, &Wait)> {
        let range = (Bound::Excluded((self.elapsed, u64::MAX)), Bound::Unbounded);
        self.waits.range(range).map(|((end, _), wait)| (*end, wait))
    }

    /// Returns when the next wait ends. A wait for the end of time never ends.
    fn next_end(&self) -> Option<Duration> {
        self.waiting().map(|(end, _)| end).next().filter(|end| *end < Duration::MAX)
    }

    fn sleepers(&self) -> usize {
        self.waiting().filter(|(_, wait)| wait.is_sleep).count()
    }
}

impl ManualClock {
    /// Creates a clock that starts at 2026-01-01T00:00:00Z.
    pub fn new() -> Self {
        Self::starting(SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600))
    }

    /// Creates a clock that starts at this time.
    pub fn starting(at: SystemTime) -> Self {
        Self {
            start: at,
            is_automatic: false,
            state: Arc::default(),
            changes: watch::Sender::default(),
        }
    }

    /// Creates a clock that starts as [`new`](Self::new) does and advances when tasks sleep by it.
    ///
    /// When a task sleeps, other tasks that are ready run first, so that they can begin their own sleeps.
    /// Then the clock advances to the earliest end of all sleeps and deadlines, and so on. So sleeps
    /// overlap, and end in the order of their ends.
    ///
    /// A clock cannot know about work that waits for something else: a response of a socket, a thread, or
    /// the clock of the machine. It advances while such work is under way. With one sleeping task and
    /// any number of requests that is right in most tests, because a deadline alone does not advance the
    /// clock. If several tasks compute, use a current-thread runtime, on which all of them get their
    /// turn.
    pub fn auto_advancing() -> Self {
        Self::new().into_auto_advancing()
    }

    /// Changes a new clock into one that advances when tasks sleep by it, for example one that was
    /// created by [`starting`](Self::starting).
    ///
    /// Applies to this clone and to those that are made of it.
    #[must_use]
    pub fn into_auto_advancing(self) -> Self {
        Self { is_automatic: true, ..self }
    }

    /// Advances the clock for all clones, and wakes the sleeps that are over in the order of their ends.
    ///
    /// A task that sleeps several times in a row sleeps from the new time on. To stop at the end of each
    /// sleep, call [`advance_to_next_sleep`](Self::advance_to_next_sleep) repeatedly.
    pub fn advance(&self, by: Duration) {
        let state = self.state();
        let elapsed = state.elapsed.saturating_add(by);
        self.set(state, elapsed);
    }

    /// Waits until a task sleeps, and advances the clock to the next end of a sleep or deadline.
    ///
    /// Returns by how much the clock was advanced. A sleep that never ends, such as that of
    /// [`StoreFault::Hang`](super::StoreFault::Hang), counts as a sleeper and has no end to advance to.
    ///
    /// # Cancellation
    /// Dropping the future leaves the clock unchanged.
    pub async fn advance_to_next_sleep(&self) -> Duration {
        let mut changes = self.changes.subscribe();
        loop {
            if let Some(by) = self.advance_to_next_end() {
                return by;
            }
            // Fails only if the sender is gone, and this clock has it.
            let _ = changes.changed().await;
        }
    }

    /// Advances the clock to the next end if a task sleeps; returns by how much.
    fn advance_to_next_end(&self) -> Option<Duration> {
        let state = self.state();
        let end = state.next_end().filter(|_| state.sleepers() > 0)?;
        let by = end.saturating_sub(state.elapsed);
        self.set(state, end);
        Some(by)
    }

    /// Waits until at least this many tasks sleep by the clock.
    ///
    /// Returns at once if they do. Other tasks run while this waits, so a test can start tasks and then
    /// wait until all of them sleep.
    pub async fn wait_for_sleepers(&self, count: usize) {
        let mut changes = self.changes.subscribe();
        // Fails only if the sender is gone, and this clock has it.
        let _ = changes.wait_for(|()| self.sleepers() >= count).await;
    }

    /// Returns how many tasks sleep by the clock.
    pub fn sleepers(&self) -> usize {
        self.state().sleepers()
    }

    /// Returns by how much the clock has advanced since it was created.
    pub fn advanced(&self) -> Duration {
        self.state().elapsed
    }

    /// Waits until an end, as a sleep or as a deadline.
    async fn wait(&self, end: impl FnOnce(Duration) -> Duration, is_sleep: bool) {
        let waiting = {
            let mut state = self.state();
            // Read and registered under one lock, so that no advance in between is missed.
            let end = end(state.elapsed);
            if end <= state.elapsed {
                None
            } else {
                let key = (end, state.next);
                (state.next, state.changes) = (state.next + 1, state.changes + 1);
                state.waits.insert(key, Wait { is_sleep, waker: None });
                drop(state);
                self.changes.send_replace(());
                Some(Waiting { clock: self, key })
            }
        };
        match waiting {
            // Lets other tasks run, as a real sleep would.
            None => tokio::task::yield_now().await,
            Some(waiting) if self.is_automatic && is_sleep => waiting.advance_when_idle().await,
            Some(waiting) => waiting.until_over().await,
        }
    }

    /// Sets the time, and wakes the waits that are over in the order of their ends.
    fn set(&self, mut state: MutexGuard<'_, State>, elapsed: Duration) {
        state.elapsed = elapsed;
        state.changes += 1;
        let over = state.waits.range_mut(..=(elapsed, u64::MAX));
        let over: Vec<_> = over.filter_map(|(_, wait)| wait.waker.take()).collect();
        // Not under the lock, because a waker may run code that reads the clock.
        drop(state);
        over.into_iter().for_each(Waker::wake);
        self.changes.send_replace(());
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No change can panic half-way, so the value of a poisoned lock is right.
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// A wait in the list, which is removed when the wait ends or is dropped.
struct Waiting<'a> {
    clock: &'a ManualClock,
    key: Key,
}

impl Waiting<'_> {
    /// Waits until somebody has advanced the clock far enough.
    async fn until_over(&self) {
        poll_fn(|cx| {
            let mut state = self.clock.state();
            if state.elapsed >= self.key.0 {
                return Poll::Ready(());
            }
            if let Some(wait) = state.waits.get_mut(&self.key) {
                wait.waker = Some(cx.waker().clone());
            }
            Poll::Pending
        })
        .await;
    }

    /// Waits, and advances the clock to the next end whenever nothing has changed for some turns.
    async fn advance_when_idle(&self) {
        let (mut seen, mut turns) = (None, 0);
        while !self.is_over() {
            // Polls every task that is ready once, and the driver of sockets.
            tokio::task::yield_now().await;
            let changes = Some(self.clock.state().changes);
            turns = if seen == changes { turns + 1 } else { 0 };
            seen = changes;
            // Without an end, everything waits for the end of time until something else ends that.
            if turns >= TURNS && !self.is_over() && self.clock.advance_to_next_end().is_none() {
                self.until_there_is_an_end().await;
            }
        }
    }

    fn is_over(&self) -> bool {
        self.clock.state().elapsed >= self.key.0
    }

    /// Waits until there is a wait with an end.
    async fn until_there_is_an_end(&self) {
        let mut changes = self.clock.changes.subscribe();
        // Fails only if the sender is gone, and the clock has it.
        let _ = changes.wait_for(|()| self.clock.state().next_end().is_some()).await;
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut state = self.clock.state();
        let removed = state.waits.remove(&self.key);
        state.changes += 1;
        drop(state);
        // Not under the lock, because dropping a waker may drop a task that also sleeps.
        drop(removed);
        self.clock.changes.send_replace(());
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for ManualClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        f.debug_struct("ManualClock")
            .field("elapsed", &state.elapsed)
            .field("sleepers", &state.sleepers())
            .field("is_automatic", &self.is_automatic)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Clock for ManualClock {
    fn elapsed(&self) -> Duration {
        self.advanced()
    }

    fn time(&self) -> SystemTime {
        self.start + self.advanced()
    }

    async fn sleep(&self, duration: Duration) {
        self.wait(|now| now.saturating_add(duration), true).await;
    }

    async fn sleep_until(&self, at: Duration) {
        self.wait(|_| at, true).await;
    }

    async fn deadline(&self, at: Duration) {
        self.wait(|_| at, false).await;
    }
}
