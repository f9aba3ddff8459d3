//! The result of a run, for the caller.

use std::fmt;

use serde::Serialize;

use super::counts::Counts;
use crate::{scan::Report, sink::RunId, store::NameOrder};

/// The result of a run: counts and ending. Returned by [`Job::run`](super::Job::run).
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Summary {
    /// The id of the run.
    pub run: RunId,
    /// The number of the run, from 1. A run that finds no change leaves its number to the next run.
    pub number: u64,
    /// Whether the run was interrupted before.
    pub is_resumed: bool,
    /// The counts of the changes that the sink was given, also before an interruption.
    pub counts: Counts,
    /// How many blobs the listing had, also before an interruption. `None` if the run was cancelled.
    pub listed: Option<u64>,
    /// How many of the listed blobs are assets. The others are rejected, since this run or before.
    pub assets: Option<u64>,
    /// The order in which the service lists names, or `None` if it listed none.
    ///
    /// [`NameOrder::Unsorted`] if no order that this crate knows explains the listing. Such a
    /// container is listed with one request in flight and sorted on the disk of the state, which takes
    /// longer.
    pub order: Option<NameOrder>,
    /// The counts of the listing since the run was started or resumed.
    pub report: Report,
    /// How the run has ended.
    pub ending: Ending,
}

/// How a run has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Ending {
    /// Everything was listed, and the sink was given all changes.
    Complete,
    /// Everything was listed, but the sink was given no removals, because too many assets are missing.
    ///
    /// [`Job::max_removals`](super::Job::max_removals) sets the limit. All other changes were
    /// reported. If the assets may be removed, run again with a higher share.
    RemovalsWithheld {
        /// How many assets are missing.
        missing: u64,
        /// How many assets there were.
        of: u64,
    },
    /// The run was cancelled. The next run with the same state resumes it.
    Cancelled,
}

impl Ending {
    /// Returns the word for spans and metrics.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::RemovalsWithheld { .. } => "removals_withheld",
            Self::Cancelled => "cancelled",
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts { added, changed, restored, removed, rejected, unchanged } = self.counts;
        write!(
            f,
            "{added} added, {changed} changed, {restored} restored, {removed} removed, {rejected} rejected, {unchanged} unchanged"
        )?;
        match self.ending {
            Ending::Complete => Ok(()),
            // The remedy depends on whether the assets may be removed, so none is named here.
            Ending::RemovalsWithheld { missing, of } => {
                write!(
                    f,
                    "\n{missing} of {of} assets are missing (not listed, or no longer accepted); their removal was withheld"
                )
            }
            Ending::Cancelled => write!(f, "\ncancelled; the next run resumes it"),
        }
    }
}
