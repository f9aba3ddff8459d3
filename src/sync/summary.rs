//! What a run came to, for the caller.

use std::fmt;

use serde::Serialize;

use super::journal::Counts;
use crate::{scan::Report, sink::RunId, store::NameOrder};

/// What a run came to
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Summary {
    /// Names the run
    pub run: RunId,
    /// Its number: 1 is the first with this state; one that finds no change leaves its own to the next
    pub number: u64,
    /// Whether it went on with one that was interrupted
    pub is_resumed: bool,
    /// What the sink was told of, also before an interruption
    pub counts: Counts,
    /// How many blobs the listing had, also before an interruption; `None` of a run that was cancelled
    pub listed: Option<u64>,
    /// How many of them are assets; the others are rejected, in this run or since one before
    pub assets: Option<u64>,
    /// The order in which the service lists names; `None` if it listed none
    ///
    /// [`NameOrder::Unsorted`] if no order that this crate knows explains it: such a container is
    /// listed with one request in flight, and sorted on the disk of the state, which takes longer.
    pub order: Option<NameOrder>,
    /// What was listed and judged, since it went on
    pub report: Report,
    /// How it has ended
    pub ending: Ending,
}

/// How a run has ended
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Ending {
    /// All was listed, and the sink was told of all
    Complete,
    /// All was listed, and more assets are missing than [`Job::max_removals`](super::Job::max_removals) allows: the sink was
    /// told of no removal
    ///
    /// All else is remembered. Run again with a higher share if they may be removed.
    RemovalsWithheld {
        /// How many assets are missing
        missing: u64,
        /// Of how many
        of: u64,
    },
    /// It was cancelled; the next run goes on with it
    Cancelled,
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
            Ending::RemovalsWithheld { missing, of } => {
                write!(
                    f,
                    "\n{missing} of {of} assets are missing, and were not removed (not listed, or no longer accepted)"
                )
            }
            Ending::Cancelled => write!(f, "\ncancelled: the next run goes on with it"),
        }
    }
}
