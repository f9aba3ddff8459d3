//! The result of a run, for the caller.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::counts::Counts;
use crate::{scan::Report, sink::RunId, store::NameOrder};

/// The result of a run: counts and ending. Returned by [`Job::run`](super::Job::run).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
    /// The result of [`skipped`](Self::skipped).
    #[serde(default)]
    pub(super) skipped: u64,
    /// The result of [`errors`](Self::errors).
    #[serde(default)]
    pub(super) errors: u64,
    /// The order in which the service lists names, or `None` if it listed none.
    ///
    /// [`NameOrder::Unsorted`] if no order that this crate knows explains the listing. Such a
    /// container is listed with one request in flight and sorted on the disk of the state, which takes
    /// longer.
    #[serde(default, deserialize_with = "super::summary_json::order")]
    pub order: Option<NameOrder>,
    /// The counts of the listing since the run was started or resumed.
    pub report: Report,
    /// How the run has ended. In JSON its fields are beside those of the summary.
    #[serde(flatten)]
    pub ending: Ending,
}

impl Summary {
    /// Sets the numbers of a complete listing, also before an interruption.
    ///
    /// `errors` and `entries` come from the blocks of rows. Blocks of earlier builds do not know their
    /// errors, so the report counts if it has more.
    pub(super) fn with_errors(mut self, errors: u64, entries: u64) -> Self {
        self.errors = errors.max(self.report.errors());
        let others = self.assets.unwrap_or_default().saturating_add(self.errors);
        self.skipped = entries.saturating_sub(others);
        self
    }

    /// Returns how many listed blobs a rule or the filter has skipped, for example `README.md`.
    ///
    /// Also counts what was listed before an interruption, unless the run was cancelled.
    pub fn skipped(&self) -> u64 {
        self.skipped.max(self.report.skipped())
    }

    /// Returns how many entries of the listing could not be processed: unreadable entries and unreadable
    /// blobs, by [`Reason::is_error`](crate::validate::Reason::is_error).
    ///
    /// Also counts what was listed before an interruption, unless the run was cancelled.
    ///
    /// ```
    /// use azure_asset_sync::{Blob, MemoryStore, Prefix, Scan, sync::Job};
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
    /// let state = tempfile::tempdir()?;
    /// let store = MemoryStore::from_iter(["a.jpg", "README.md"].map(|name| Blob::new(name, 10)));
    /// let summary = Job::new(Scan::new(store, &Prefix::default()), state.path()).run(()).await?;
    /// assert_eq!((summary.skipped(), summary.errors(), summary.withheld()), (1, 0, 0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # }).unwrap();
    /// ```
    pub fn errors(&self) -> u64 {
        self.errors.max(self.report.errors())
    }

    /// Returns how many removals were withheld, because too many assets are missing.
    pub fn withheld(&self) -> u64 {
        match self.ending {
            Ending::RemovalsWithheld { missing, .. } => missing,
            Ending::Complete | Ending::Cancelled | Ending::Other => 0,
        }
    }
}

/// How a run has ended. In JSON: an object whose field `ending` names the variant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "ending", rename_all = "snake_case")]
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
    /// An ending that this version of the crate does not know, read from JSON that a newer version wrote.
    Other,
}

impl Ending {
    /// Returns the word for spans and metrics.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::RemovalsWithheld { .. } => "removals_withheld",
            Self::Cancelled => "cancelled",
            // Only values that were read have it, and those are not emitted.
            Self::Other => "other",
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
        if self.errors() > 0 {
            write!(f, "\n{} entries could not be processed", self.errors())?;
        }
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
            Ending::Other => write!(f, "\nended in a way that this version does not know"),
        }
    }
}
