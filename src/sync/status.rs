//! What can be seen of a run from outside, and what can be asked of it: pause, resume, cancel.

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use serde::Serialize;
use tokio::sync::watch;

use super::journal::Counts;
use crate::{
    scan::{Progress, Report},
    sink::RunId,
};

/// How far a run is
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Status {
    /// What it does
    pub phase: Phase,
    /// Names the run, once its state is open; the same after an interruption
    pub run: Option<RunId>,
    /// What the sink was told of, also before an interruption
    pub counts: Counts,
    /// What was listed and judged since it was started, with pages, requests and reasons
    pub report: Report,
    /// How many blobs the listing had in the run before; `None` in the first
    pub expected: Option<u64>,
    /// How much of the report's time the run was paused
    pub paused: Duration,
}

impl Status {
    /// Returns the blobs per second since the run was started, without the time that it was paused
    pub fn rate(&self) -> f64 {
        let seconds = self.report.elapsed.saturating_sub(self.paused).as_secs_f64();
        if seconds > 0.0 { self.report.total() as f64 / seconds } else { 0.0 }
    }

    /// How many blobs are left, where the run before tells
    pub fn left(&self) -> Option<u64> {
        let counts = &self.counts;
        let done =
            [counts.added, counts.changed, counts.restored, counts.rejected, counts.unchanged];
        Some(self.expected?.saturating_sub(done.iter().sum()))
    }

    /// How long the rest of the listing takes at this rate, where that can be told
    pub fn time_left(&self) -> Option<Duration> {
        let seconds = self.left()? as f64 / self.rate();
        Duration::try_from_secs_f64(seconds).ok()
    }
}

/// What a run does
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Phase {
    /// It opens its state
    #[default]
    Opening,
    /// It lists, and tells what has changed
    Listing,
    /// It sorts names that the service lists in no known order, before it reports what has changed
    Sorting,
    /// It waits to be told to go on
    Paused,
    /// It tells what is removed
    Removing,
    /// It writes the manifest
    Finishing,
    /// It has ended, or was cancelled
    Ended,
    /// It has ended with an error
    Failed,
}

/// What a run shows of itself, and what it is told
#[derive(Clone, Debug)]
pub(super) struct JobControl {
    shown: Arc<Mutex<Shown>>,
    pub(super) progress: Progress,
    pub(super) requests: watch::Sender<Request>,
}

#[derive(Debug, Default)]
pub(super) struct Shown {
    pub(super) phase: Phase,
    pub(super) run: Option<RunId>,
    pub(super) counts: Counts,
    pub(super) expected: Option<u64>,
    pauses: Pauses,
}

/// For how long a run was paused, by the clock of its report, which starts with the listing
#[derive(Debug, Default)]
struct Pauses {
    over: Duration,
    /// When the present one began
    since: Option<Duration>,
}

impl Pauses {
    fn total(&self, now: Duration) -> Duration {
        self.over + self.since.map_or(Duration::ZERO, |since| now.saturating_sub(since))
    }
}

/// What a run is told to do
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Request {
    Run,
    Pause,
    Cancel,
}

impl JobControl {
    pub(super) fn new(progress: Progress) -> Self {
        Self { shown: Arc::default(), progress, requests: watch::Sender::new(Request::Run) }
    }

    /// Whether it is the control of the same run
    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shown, &other.shown)
    }

    pub(super) fn has_ended(&self) -> bool {
        matches!(self.show().phase, Phase::Ended | Phase::Failed)
    }

    /// Tells the run what to do; one that was cancelled stays so
    pub(super) fn request(&self, new: Request) {
        let is_changed = self.requests.send_if_modified(|request| {
            let is_new = *request != Request::Cancel && *request != new;
            if is_new {
                *request = new;
            }
            is_new
        });
        if is_changed {
            let now = self.progress.report().elapsed;
            let pauses = &mut self.show().pauses;
            pauses.over = pauses.total(now);
            pauses.since = (new == Request::Pause).then_some(now);
        }
    }

    pub(super) fn show(&self) -> MutexGuard<'_, Shown> {
        // Each change of it is whole, so that a poisoned one is still right.
        self.shown.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    pub(super) fn status(&self) -> Status {
        let report = self.progress.report();
        let shown = self.show();
        Status {
            paused: shown.pauses.total(report.elapsed),
            phase: match *self.requests.borrow() {
                Request::Pause if matches!(shown.phase, Phase::Listing | Phase::Sorting) => {
                    Phase::Paused
                }
                _ => shown.phase,
            },
            run: shown.run,
            counts: shown.counts,
            report,
            expected: shown.expected,
        }
    }
}
