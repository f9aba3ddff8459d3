//! The state that the task of a run and its handles share: requests in one direction, progress in the other.

use std::{
    pin::pin,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

use super::{
    counts::Counts,
    outcome::Outcome,
    status::{Phase, Status},
};
use crate::{
    observe::Counted,
    scan::{Progress, Report},
    sink::RunId,
};

/// A request to a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Request {
    /// To run, or to continue after a pause.
    Run,
    /// To pause at once.
    Pause,
    /// To end at once, so that the next run resumes.
    Cancel,
}

/// The control of one run. All clones control the same run.
///
/// The task of the run publishes its progress and reads requests. Handles do the opposite.
#[derive(Clone, Debug)]
pub(super) struct JobControl(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    shown: Mutex<Shown>,
    progress: Progress,
    requests: watch::Sender<Request>,
    /// Whether the listing is paused.
    pause: watch::Sender<bool>,
    /// Wakes watchers of the phase, and waiters for the end.
    phases: watch::Sender<()>,
    /// Wakes watchers of the progress.
    steps: watch::Sender<()>,
}

/// The progress that the run has last published. The report is not here, because the scan updates it all
/// the time.
#[derive(Debug, Default)]
struct Shown {
    phase: Phase,
    run: Option<RunId>,
    counts: Counts,
    /// How many blobs the listing of the last complete run had.
    expected: Option<u64>,
    pauses: Pauses,
    cancelled_at: Option<Instant>,
    outcome: Option<Outcome>,
}

/// How long a run was paused, by the clock of its report, which starts with the listing.
#[derive(Debug, Default)]
struct Pauses {
    /// The total of the pauses that are over.
    over: Duration,
    /// When the present pause began.
    since: Option<Duration>,
}

impl Pauses {
    /// Returns the time of all pauses up to now, with the present one.
    fn total(&self, now: Duration) -> Duration {
        self.over + self.since.map_or(Duration::ZERO, |since| now.saturating_sub(since))
    }
}

/// The side of the handles.
impl JobControl {
    /// Creates the control of a run whose scan counts into `progress`.
    pub(super) fn new(progress: Progress) -> Self {
        Self(Arc::new(Shared {
            shown: Mutex::default(),
            progress,
            requests: watch::Sender::new(Request::Run),
            pause: watch::Sender::new(false),
            phases: watch::Sender::new(()),
            steps: watch::Sender::new(()),
        }))
    }

    /// Returns whether the run has ended, in whatever way.
    pub(super) fn has_ended(&self) -> bool {
        self.shown().outcome.is_some()
    }

    /// Requests something of the run. A cancellation cannot be withdrawn.
    pub(super) fn request(&self, new: Request) {
        let now = self.0.progress.report().elapsed;
        // Held throughout, so that two requests at a time do not mix.
        let mut shown = self.shown();
        // A watch channel, because only the last request counts and waiting must be cheap.
        let is_changed = self.0.requests.send_if_modified(|request| {
            let is_new = *request != Request::Cancel && *request != new;
            if is_new {
                *request = new;
            }
            is_new
        });
        if !is_changed {
            return;
        }
        // A listing that is cancelled may go on until it is dropped.
        self.0.pause.send_replace(new == Request::Pause);
        // Counted here and not by the task, because a pause begins with the request even if the sink
        // still takes a batch.
        shown.pauses.over = shown.pauses.total(now);
        shown.pauses.since = (new == Request::Pause).then_some(now);
        shown.cancelled_at = (new == Request::Cancel).then(Instant::now);
        drop(shown);
        self.0.phases.send_replace(());
    }

    /// Returns how the run has ended, if it has.
    pub(super) fn outcome(&self) -> Option<Outcome> {
        self.shown().outcome.clone()
    }

    /// Waits until the run has ended. Cancel safe.
    pub(super) async fn ended(&self) -> Outcome {
        let mut phases = self.0.phases.subscribe();
        loop {
            // Subscribed before, so that no end is missed.
            if let Some(outcome) = self.outcome() {
                return outcome;
            }
            // Fails only if the sender is gone, and this is the sender.
            let _ = phases.changed().await;
        }
    }

    /// Returns what wakes watchers at changes of the phase, and at progress.
    pub(super) fn changes(&self) -> [watch::Receiver<()>; 2] {
        [self.0.phases.subscribe(), self.0.steps.subscribe()]
    }

    /// Returns what was listed, for those who observe the end of the run.
    pub(super) fn counted(&self) -> Counted {
        self.0.progress.counted()
    }

    /// Returns how far the run is.
    pub(super) fn status(&self) -> Status {
        let shown = self.shown();
        // After the outcome was read, so that the report of a run that has ended is the final one.
        let report = self.0.progress.report();
        let request = *self.0.requests.borrow();
        Status {
            paused: shown.pauses.total(report.elapsed),
            phase: match (shown.phase, request) {
                (phase @ (Phase::Ended | Phase::Failed), _) => phase,
                (_, Request::Cancel) => Phase::Cancelling,
                // A run that finishes does not pause.
                (Phase::Finishing, _) => Phase::Finishing,
                (_, Request::Pause) => Phase::Paused,
                (phase, Request::Run) => phase,
            },
            run: shown.run,
            counts: shown.counts,
            report,
            expected: shown.expected,
            outcome: shown.outcome.clone(),
        }
    }

    /// Locks the published progress. No lock is held across an await.
    fn shown(&self) -> MutexGuard<'_, Shown> {
        // No change can panic halfway, so a poisoned value is still consistent.
        self.0.shown.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// The side of the run.
impl JobControl {
    /// Returns whether the listing is paused, and its changes.
    pub(super) fn listing_pause(&self) -> watch::Receiver<bool> {
        self.0.pause.subscribe()
    }

    /// Returns whether the run was cancelled.
    pub(super) fn is_cancelled(&self) -> bool {
        *self.0.requests.borrow() == Request::Cancel
    }

    /// Waits while the run is paused; returns whether it was cancelled.
    pub(super) async fn wait_while_paused(&self) -> bool {
        let mut request = self.0.requests.subscribe();
        // Fails only if the sender is gone, and this is the sender.
        let _ = request.wait_for(|request| *request != Request::Pause).await;
        self.is_cancelled()
    }

    /// Awaits a future, or returns `None` as soon as the run is cancelled. While the run is paused, the
    /// future is not polled.
    pub(super) async fn unless_cancelled<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        let mut request = self.0.requests.subscribe();
        let mut future = pin!(future);
        loop {
            if self.wait_while_paused().await {
                return None;
            }
            tokio::select! {
                biased;
                _ = request.wait_for(|request| *request != Request::Run) => {}
                output = &mut future => return Some(output),
            }
        }
    }

    /// Awaits a future, or returns `None` when this time has passed since the run was cancelled.
    pub(super) async fn within<T>(
        &self,
        grace: Duration,
        future: impl Future<Output = T>,
    ) -> Option<T> {
        let over = async {
            let mut request = self.0.requests.subscribe();
            let _ = request.wait_for(|request| *request == Request::Cancel).await;
            let cancelled_at = self.shown().cancelled_at;
            sleep_until(cancelled_at.unwrap_or_else(Instant::now) + grace).await;
        };
        tokio::select! {
            // What has ended in time counts, also if nobody has polled it until now.
            biased;
            output = future => Some(output),
            () = over => None,
        }
    }

    /// Sets what the run does now.
    pub(super) fn set_phase(&self, phase: Phase) {
        self.shown().phase = phase;
        self.0.phases.send_replace(());
    }

    /// Sets how far the run is.
    pub(super) fn set_progress(&self, run: RunId, counts: Counts, expected: Option<u64>) {
        let mut shown = self.shown();
        (shown.run, shown.counts, shown.expected) = (Some(run), counts, expected);
        drop(shown);
        self.0.steps.send_replace(());
    }

    /// Publishes how the run has ended. The first outcome counts.
    pub(super) fn end(&self, outcome: Outcome) {
        let mut shown = self.shown();
        if shown.outcome.is_none() {
            shown.phase = match outcome {
                Outcome::Failed { .. } | Outcome::Panicked { .. } => Phase::Failed,
                _ => Phase::Ended,
            };
            shown.outcome = Some(outcome);
        }
        drop(shown);
        self.0.phases.send_replace(());
    }

    /// Returns what was listed since the run was started.
    pub(super) fn report(&self) -> Report {
        self.0.progress.report()
    }
}
