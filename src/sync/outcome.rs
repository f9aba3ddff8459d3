//! How a run has ended, as a value that can be kept, sent and stored.

use std::{any::Any, fmt};

use serde::{Deserialize, Serialize};

use super::summary::Summary;
use crate::error::{Error, ErrorKind};

/// The most bytes of the text of a panic.
const MOST_TEXT: usize = 1024;

/// How a run that was started has ended.
///
/// [`Handle::wait`](super::Handle::wait) returns it to each caller, and [`Status`](super::Status) has it
/// once the run has ended. A value without a link to the run: it can be cloned, stored and sent.
///
/// ```
/// use azure_asset_sync::{Blob, MemoryStore, Prefix, Scan, sync::{Job, Outcome}};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// # let folder = tempfile::tempdir()?;
/// let store = MemoryStore::from_iter([Blob::new("a.jpg", 10)]);
/// let run = Job::new(Scan::new(store, &Prefix::default()), folder.path()).start(());
/// match run.wait().await {
///     Outcome::Complete { summary } => println!("{summary}"),
///     Outcome::Cancelled { .. } | Outcome::Aborted => println!("the next run resumes"),
///     Outcome::Failed { error } if error.is_transient() => println!("try again later: {error}"),
///     failed => println!("{failed}"),
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
///
/// In JSON the kind of the end is in `outcome`:
///
/// ```json
/// {"outcome": "panicked", "message": "index out of bounds: the len is 3 but the index is 3"}
/// ```
#[doc(alias = "result")]
#[doc(alias = "JoinError")]
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "outcome", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Outcome {
    /// The run has listed everything. [`Summary::ending`] says whether removals were withheld.
    Complete {
        /// What the run did.
        summary: Summary,
    },
    /// The run was cancelled. The next run with the same state resumes it.
    Cancelled {
        /// What the run did until then, or `None` if its state was not open yet.
        summary: Option<Summary>,
    },
    /// The run has failed. What was committed until then is kept, and the next run resumes.
    Failed {
        /// The first error of the store, the sink or the state.
        error: Error,
    },
    /// The store or the sink has panicked. What was committed until then is kept.
    Panicked {
        /// The text of the panic, at most 1 KiB.
        message: String,
    },
    /// The run was aborted, or its runtime was shut down. What was committed until then is kept.
    Aborted,
    /// An outcome that this version of the crate does not know, read from JSON that a newer version wrote.
    #[serde(other)]
    Other,
}

impl Outcome {
    /// Returns what the run did, if it is complete or was cancelled.
    pub fn summary(&self) -> Option<&Summary> {
        match self {
            Self::Complete { summary } => Some(summary),
            Self::Cancelled { summary } => summary.as_ref(),
            _ => None,
        }
    }

    /// Returns the error of a run that has failed.
    #[doc(alias = "errors")]
    pub fn error(&self) -> Option<&Error> {
        match self {
            Self::Failed { error } => Some(error),
            _ => None,
        }
    }

    /// Returns the summary of a run that is complete or was cancelled, for `?`.
    ///
    /// # Errors
    /// - The error of a run that has [failed](Self::Failed).
    /// - [`Panicked`](ErrorKind::Panicked) with the text of a panic.
    /// - [`Cancelled`](ErrorKind::Cancelled) if the run was aborted, or was cancelled before its state was
    ///   open.
    /// - [`Other`](ErrorKind::Other) for an outcome of a newer version.
    #[doc(alias = "unwrap")]
    pub fn into_result(self) -> Result<Summary, Error> {
        let kind = match self {
            Self::Complete { summary } | Self::Cancelled { summary: Some(summary) } => {
                return Ok(summary);
            }
            Self::Failed { error } => return Err(error),
            Self::Panicked { .. } => ErrorKind::Panicked,
            Self::Cancelled { summary: None } | Self::Aborted => ErrorKind::Cancelled,
            Self::Other => ErrorKind::Other,
        };
        Err(Error::new(kind, self.to_string()))
    }

    /// Returns the word for spans and metrics.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Complete { summary } => summary.ending.code(),
            Self::Cancelled { .. } => "cancelled",
            Self::Failed { .. } => "failed",
            Self::Panicked { .. } => "panicked",
            Self::Aborted => "aborted",
            // Only values that were read have it, and those are not emitted.
            Self::Other => "other",
        }
    }

    /// Returns the outcome for the payload of a panic.
    pub(super) fn of_panic(payload: &(dyn Any + Send)) -> Self {
        let text = payload.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| payload.downcast_ref::<&str>().copied());
        let text = text.unwrap_or("a panic without a text");
        let characters = text.char_indices();
        let kept = characters.take_while(|(at, character)| at + character.len_utf8() <= MOST_TEXT);
        Self::Panicked { message: kept.map(|(_, character)| character).collect() }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Complete { summary } | Self::Cancelled { summary: Some(summary) } => {
                summary.fmt(f)
            }
            Self::Cancelled { summary: None } => {
                f.write_str("the run was cancelled before its state was open")
            }
            Self::Failed { error } => error.fmt(f),
            Self::Panicked { message } => {
                write!(f, "the store or the sink of the run has panicked: {message}")
            }
            Self::Aborted => f.write_str("the run was aborted; the next run resumes it"),
            Self::Other => {
                f.write_str("the run has ended in a way that this version does not know")
            }
        }
    }
}
