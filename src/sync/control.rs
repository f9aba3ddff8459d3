//! The state that the task of a run and its handles share: requests in one direction, progress in the other.

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use tokio::sync::watch;

use super::{
    counts::Counts,
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
    /// To pause after the current page.
    Pause,
    /// To end after the current page, so that the next run resumes.
    Cancel,
}

/// The control of one run. All clones control the same run.
///
/// The task of the run publishes its progress and reads requests. Handles do the opposite.
#[derive(Clone, Debug)]
pub(super) struct JobControl {
    shown: Arc<Mutex<Shown>>,
    progress: Progress,
    requests: watch::Sender<Request>,
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

impl JobControl {
    /// Creates the control of a run whose scan counts into `progress`.
    pub(super) fn new(progress: Progress) -> Self {
        Self { shown: Arc::default(), progress, requests: watch::Sender::new(Request::Run) }
    }

    /// Returns whether both control the same run.
    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shown, &other.shown)
    }

    /// Returns whether the run has ended, well or with an error.
    pub(super) fn has_ended(&self) -> bool {
        matches!(self.shown().phase, Phase::Ended | Phase::Failed)
    }

    /// Requests something of the run. A cancellation cannot be withdrawn.
    pub(super) fn request(&self, new: Request) {
        // A watch channel, because only the last request counts and waiting must be cheap.
        let is_changed = self.requests.send_if_modified(|request| {
            let is_new = *request != Request::Cancel && *request != new;
            if is_new {
                *request = new;
            }
            is_new
        });
        if is_changed {
            // Counted here and not by the task, because a pause begins with the request even if the
            // task is still waiting for a page.
            let now = self.progress.report().elapsed;
            let pauses = &mut self.shown().pauses;
            pauses.over = pauses.total(now);
            pauses.since = (new == Request::Pause).then_some(now);
        }
    }

    /// Waits while the run is paused; returns whether it was cancelled.
    pub(super) async fn wait_while_paused(&self) -> bool {
        let mut request = self.requests.subscribe();
        // Fails only if the sender is gone, and this is the sender.
        let _ = request.wait_for(|request| *request != Request::Pause).await;
        *self.requests.borrow() == Request::Cancel
    }

    /// Sets what the run does now.
    pub(super) fn set_phase(&self, phase: Phase) {
        self.shown().phase = phase;
    }

    /// Marks the run as failed unless it has ended.
    pub(super) fn fail_unless_ended(&self) {
        let mut shown = self.shown();
        if shown.phase != Phase::Ended {
            shown.phase = Phase::Failed;
        }
    }

    /// Sets how far the run is.
    pub(super) fn set_progress(&self, run: RunId, counts: Counts, expected: Option<u64>) {
        let mut shown = self.shown();
        (shown.run, shown.counts, shown.expected) = (Some(run), counts, expected);
    }

    /// Returns what was listed since the run was started.
    pub(super) fn report(&self) -> Report {
        self.progress.report()
    }

    /// Returns what was listed, for those who observe the end of the run.
    pub(super) fn counted(&self) -> Counted {
        self.progress.counted()
    }

    /// Returns how far the run is.
    pub(super) fn status(&self) -> Status {
        let report = self.progress.report();
        let shown = self.shown();
        let is_paused = *self.requests.borrow() == Request::Pause;
        Status {
            paused: shown.pauses.total(report.elapsed),
            phase: match shown.phase {
                // Other phases do not pause.
                Phase::Listing | Phase::Sorting if is_paused => Phase::Paused,
                phase => phase,
            },
            run: shown.run,
            counts: shown.counts,
            report,
            expected: shown.expected,
        }
    }

    /// Locks the published progress. No lock is held across an await.
    fn shown(&self) -> MutexGuard<'_, Shown> {
        // No change can panic halfway, so a poisoned value is still consistent.
        self.shown.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}
