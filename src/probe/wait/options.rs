//! How long a wait goes on, and when it is satisfied.
//!
//! The numbers have defaults that were chosen for the propagation of role assignments.

use std::time::Duration;

use crate::backoff::Backoff;

/// How long to wait for a connection, and how many successes to require.
///
/// Two limits apply: the deadline, which starts with the wait, and the time since the grant was applied
/// ([`Probe::granted`](crate::Probe::granted)). After the longest time that a role assignment takes,
/// a missing permission ends the wait even before the deadline.
///
/// ```
/// use std::time::Duration;
///
/// use azure_asset_sync::{Connection, MemoryStore, Probe, probe::WaitOptions};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let connection = Connection::builder("hall 3").account("contosovision").container("training").build()?;
/// let probe = Probe::of_store(&connection, MemoryStore::new());
/// let options = WaitOptions::new(Duration::from_secs(600)).successes(1);
/// let ended = probe.wait(options).ended().await.ok_or("the wait was polled before")?;
/// assert!(ended.is_connected());
/// # Ok(()) }
/// ```
#[doc(alias = "timeout")]
#[doc(alias = "retry")]
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct WaitOptions {
    deadline: Duration,
    successes: u32,
    backoff: Backoff,
    awaits_optional: bool,
}

impl WaitOptions {
    /// Waits for at most this time. The last pass starts no later than at the deadline.
    ///
    /// Azure documents 10 min for a role assignment to take effect.
    pub fn new(deadline: Duration) -> Self {
        Self {
            deadline,
            // Twenty misses one of ten front ends with a probability of 12 %, and one of three with
            // 0.03 %.
            successes: 20,
            // Short at first: many assignments take effect within seconds.
            backoff: Backoff::new(Duration::from_secs(4), Duration::from_secs(30)),
            awaits_optional: false,
        }
    }

    /// Sets how many successes in a row make a connection. The default is 20, and the minimum is 1.
    /// There is 1 s between two successes.
    ///
    /// Front ends learn of an assignment one after the other, so one success proves little. Each
    /// confirming list uses a connection of its own and so reaches any of the front ends. If one of
    /// `n` front ends has not learned of the assignment, `k` lists in a row all miss it with
    /// probability `(1 - 1/n)^k`.
    ///
    /// A transient failure, such as a throttled request, does not reset the count. Any other failure
    /// does, and the wait then requires twice this number, or three times the longest run of successes
    /// that a failure ended, whichever is more. If the grant is older than the longest time that an
    /// assignment takes, and no pass has failed, one success is enough.
    pub fn successes(mut self, successes: u32) -> Self {
        self.successes = successes.max(1);
        self
    }

    /// Sets the delays between passes that fail. The default starts at 4 s and grows to 30 s.
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// Also waits for optional checks that fail but can still start to work, for example because a CORS
    /// rule was just set.
    ///
    /// By default a wait ends as soon as a scan can start. Optional checks never make it fail: at the
    /// deadline, or if they cannot start to work without a change, it ends as it would without them, and
    /// [`Health::optional_failures`](crate::Health::optional_failures) has them.
    pub fn optional_checks(mut self) -> Self {
        self.awaits_optional = true;
        self
    }

    /// Returns whether a connection that works waits for optional checks.
    pub(super) fn awaits_optional(&self) -> bool {
        self.awaits_optional
    }

    /// Returns the time that is left before the deadline.
    pub(super) fn left(&self, elapsed: Duration) -> Duration {
        self.deadline.saturating_sub(elapsed)
    }

    /// Returns how many successes in a row are required before any pass has failed.
    pub(super) fn needed(&self) -> u32 {
        self.successes
    }

    /// Returns a new sequence of delays, from the shortest on.
    pub(super) fn delays(&self) -> Box<dyn Iterator<Item = Duration> + Send> {
        Box::new(self.backoff.delays(fastrand::f64))
    }
}
