//! How far a run is, as others see it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{counts::Counts, outcome::Outcome};
use crate::{scan::Report, sink::RunId};

/// How far a run is, and how it has ended. Returned by [`Handle::status`](super::Handle::status).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[doc(alias = "progress")]
#[non_exhaustive]
pub struct Status {
    /// The current phase.
    pub phase: Phase,
    /// The id of the run, once its state is open. It stays the same after an interruption.
    pub run: Option<RunId>,
    /// The counts of the changes that the sink was given, also before an interruption.
    pub counts: Counts,
    /// The counts of the listing since the run was started, with pages, requests and reasons.
    pub report: Report,
    /// How many blobs the listing of the last complete run had, or `None` in the first run.
    pub expected: Option<u64>,
    /// How long the run was paused, out of the elapsed time of the report. In JSON: ISO 8601.
    #[serde(with = "crate::iso::duration")]
    #[cfg_attr(feature = "schema", schemars(with = "crate::iso::schema::Iso8601"))]
    pub paused: Duration,
    /// How the run has ended, or `None` while it runs.
    pub outcome: Option<Outcome>,
}

impl Status {
    /// Returns the blobs per second since the run was started, without the time of pauses.
    pub fn rate(&self) -> f64 {
        let seconds = self.report.elapsed.saturating_sub(self.paused).as_secs_f64();
        if seconds > 0.0 { self.report.total() as f64 / seconds } else { 0.0 }
    }

    /// Returns an estimate of how many blobs remain, or `None` in the first run.
    pub fn left(&self) -> Option<u64> {
        let counts = &self.counts;
        let done =
            [counts.added, counts.changed, counts.restored, counts.rejected, counts.unchanged];
        Some(self.expected?.saturating_sub(done.iter().sum()))
    }

    /// Returns an estimate of how long the rest of the listing takes at the present rate.
    ///
    /// Returns `None` in the first run, and before anything was listed.
    #[doc(alias = "eta")]
    pub fn time_left(&self) -> Option<Duration> {
        let seconds = self.left()? as f64 / self.rate();
        // Fails for infinity and for NaN, which is what a rate of 0 gives.
        Duration::try_from_secs_f64(seconds).ok()
    }
}

/// The phase of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(transform = crate::coded::open))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Phase {
    /// Opens its state.
    #[default]
    Opening,
    /// Lists the container, and reports what has changed.
    Listing,
    /// Sorts names that the service lists in no known order, before it reports what has changed.
    Sorting,
    /// Waits until it is resumed. A batch that the sink was given before may still be completed.
    Paused,
    /// Was cancelled, and is about to end.
    Cancelling,
    /// Reports removals.
    Removing,
    /// Writes the manifest.
    Finishing,
    /// Has ended, or was cancelled or aborted. [`Status::outcome`] says which.
    Ended,
    /// Has ended with an error or a panic, which is in [`Status::outcome`].
    Failed,
    /// A phase that this version of the crate does not know, read from JSON that a newer version wrote.
    #[serde(other)]
    Other,
}
