//! Waits for a change to take effect, by passes that repeat.
//!
//! [`Wait`] is the stream that a caller polls: it sleeps and runs the passes. `schedule` decides after
//! each pass, `options` and `event` are the values that go in and come out.

mod event;
mod options;
mod schedule;

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures::{
    Stream, StreamExt as _,
    stream::{self, BoxStream, FusedStream},
};

use tracing::Instrument as _;

use self::schedule::{Decision, Schedule};
pub use self::{
    event::{EndReason, Retrying, Tier, WaitEvent, WaitOutcome},
    options::WaitOptions,
};
use super::{
    health::Outlook,
    pass::{Finished, Pass},
    plan::Plan,
};
use crate::observe::{self, Activity, Counted};

/// A stream of the events of a wait. The last event is [`WaitEvent::Ended`].
///
/// [`Probe::wait`](crate::Probe::wait) returns it. Dropping the stream cancels the request or the delay
/// in progress at once; nothing continues in the background.
///
/// ```
/// use std::time::Duration;
///
/// use azure_asset_sync::{Connection, MemoryStore, Probe, probe::{EndReason, WaitEvent, WaitOptions}};
/// use futures::StreamExt as _;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let connection = Connection::builder("hall 3").account("contosovision").container("training").build()?;
/// let probe = Probe::of_store(&connection, MemoryStore::new());
/// let mut wait = probe.wait(WaitOptions::new(Duration::from_secs(600)).successes(1));
/// while let Some(event) = wait.next().await {
///     match event {
///         WaitEvent::Checked(checked) => println!("{checked}"),
///         WaitEvent::Retrying(retrying) => println!("{retrying}"),
///         WaitEvent::Ended(ended) => assert_eq!(ended.reason, EndReason::Connected),
///         _ => {}
///     }
/// }
/// # Ok(()) }
/// ```
pub struct Wait {
    events: stream::Fuse<BoxStream<'static, WaitEvent>>,
}

impl Wait {
    pub(super) fn new(plan: Arc<Plan>, options: WaitOptions) -> Self {
        let events = stream::unfold(Stage::Planned(plan, options), |stage| async move {
            let running = match stage {
                // The time starts with the first poll, not when the stream is made.
                Stage::Planned(plan, options) => Running::new(plan, options),
                Stage::Running(running) => *running,
                Stage::Over => return None,
            };
            let span = running.activity.span();
            Some(running.next().instrument(span).await)
        });
        Self { events: events.boxed().fuse() }
    }

    /// Waits for the end and discards the events before it.
    ///
    /// Returns `None` if the stream has already returned its last event.
    pub async fn ended(mut self) -> Option<WaitOutcome> {
        while let Some(event) = self.next().await {
            if let WaitEvent::Ended(ended) = event {
                return Some(*ended);
            }
        }
        None
    }
}

impl Stream for Wait {
    type Item = WaitEvent;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<WaitEvent>> {
        self.events.poll_next_unpin(cx)
    }
}

impl FusedStream for Wait {
    fn is_terminated(&self) -> bool {
        self.events.is_terminated()
    }
}

impl fmt::Debug for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wait").finish_non_exhaustive()
    }
}

/// The state between two events.
enum Stage {
    /// Not polled yet.
    Planned(Arc<Plan>, WaitOptions),
    Running(Box<Running>),
    Over,
}

/// A wait in progress.
///
/// Boxed in [`Stage`], because a pass is large compared with the other stages.
struct Running {
    plan: Arc<Plan>,
    schedule: Schedule,
    /// The pass in progress, or the next one if there is a pause.
    pass: Pass,
    /// The delay before the pass starts.
    pause: Option<Duration>,
    activity: Activity,
}

impl Running {
    fn new(plan: Arc<Plan>, options: WaitOptions) -> Self {
        let schedule = Schedule::new(plan.clock().elapsed(), options);
        let connection = plan.connection();
        let activity = Activity::probe_wait(connection.labels(), connection.prefix().as_str());
        Self { pass: Pass::first(Arc::clone(&plan)), plan, schedule, pause: None, activity }
    }

    /// Makes the next check, or decides what follows the pass that has ended.
    ///
    /// Returns the event and the state that follows it.
    async fn next(mut self) -> (WaitEvent, Stage) {
        if let Some(pause) = self.pause.take() {
            self.plan.clock().sleep(pause).await;
        }
        // One event for each check, so that a user interface can show progress.
        if let Some(checked) = self.pass.step().await {
            return (WaitEvent::Checked(checked), Stage::Running(Box::new(self)));
        }
        let Self { plan, mut schedule, pass, mut activity, .. } = self;
        let finished = pass.finish();
        let now = plan.clock().elapsed();
        // If nobody knows when the grant was applied, it may have been just before the wait.
        let age = if plan.knows_grant_time() { plan.age() } else { schedule.elapsed(now) };
        let diagnosis = finished.health().diagnosis.clone();
        let optional = finished.health().optional_failures();
        let optional = optional.filter_map(|failed| failed.diagnosis.clone()).collect();
        match schedule.decide(now, age, diagnosis, optional, finished.retry_after()) {
            Decision::Retrying(retrying) => {
                let pause = Some(retrying.next_in);
                let cause = retrying.diagnosis.as_ref().map(|diagnosis| diagnosis.cause.as_str());
                let successes = (retrying.successes, retrying.needed);
                observe::probe_retry(retrying.attempt, retrying.next_in, successes, cause);
                let pass = next_pass(&plan, &retrying, finished);
                let running = Self { plan, schedule, pass, pause, activity };
                (WaitEvent::Retrying(retrying), Stage::Running(Box::new(running)))
            }
            Decision::Ended(reason) => {
                activity.end(Ok(reason.code()), Counted::default());
                let mut health = finished.into_health();
                // The schedule knows more than the last pass, for example how long a cause has lasted.
                health.outlook = match reason {
                    EndReason::Connected | EndReason::Unconfirmed => Outlook::Ready,
                    EndReason::Permanent => Outlook::Stop,
                    EndReason::Deadline | EndReason::Other => Outlook::Wait,
                };
                let (attempts, elapsed) = (schedule.attempts(), schedule.elapsed(now));
                let ended = WaitOutcome { reason, health, attempts, elapsed };
                (WaitEvent::Ended(Box::new(ended)), Stage::Over)
            }
        }
    }
}

/// Returns the pass that follows: only the list to confirm a success, and more otherwise.
fn next_pass(plan: &Arc<Plan>, retrying: &Retrying, finished: Finished) -> Pass {
    let plan = Arc::clone(plan);
    let is_success = retrying.diagnosis.is_none();
    // The last pass repeats all checks, because the others have had time to change meanwhile.
    if is_success && retrying.successes + 1 < retrying.needed {
        Pass::confirm(plan, finished)
    } else {
        Pass::again(plan, finished)
    }
}
