//! The input of a run, and how much of its state is in memory.

use std::time::SystemTime;

use crate::{
    error::{Error, ErrorKind},
    sync::{block, sort::Limits},
};

/// The task of a run.
pub(in crate::sync) struct Intent {
    /// The prefix that the scan lists.
    pub(in crate::sync) prefix: String,
    /// The caller's name for the source, if there is one.
    pub(in crate::sync) source: Option<String>,
    /// The fingerprint of the rules.
    pub(in crate::sync) rules: u64,
    /// For how many runs the row of a removed blob is kept.
    pub(in crate::sync) tombstones: u64,
    pub(in crate::sync) sizes: Sizes,
    /// When the run was started, by the clock of the job.
    pub(in crate::sync) now: SystemTime,
}

impl Intent {
    /// Checks that a state has the names that this run lists.
    ///
    /// A source is compared only if both sides name one, because it is optional.
    pub(super) fn check(&self, prefix: &str, source: Option<&str>) -> Result<(), Error> {
        let is_other =
            source.is_some() && self.source.is_some() && source != self.source.as_deref();
        if prefix == self.prefix && !is_other {
            return Ok(());
        }
        let describe = |prefix: &str, source: Option<&str>| {
            let source = source.unwrap_or("an unnamed source");
            format!("the prefix `{}` in `{}`", prefix.escape_debug(), source.escape_debug())
        };
        Err(Error::new(
            ErrorKind::StateInvalid,
            format!(
                "the state belongs to {}, not to {}; use a state folder for each",
                describe(prefix, source),
                describe(&self.prefix, self.source.as_deref()),
            ),
        ))
    }
}

/// The sizes of the parts of a state.
#[derive(Clone, Copy, Debug)]
pub(in crate::sync) struct Sizes {
    /// How many rows a block has.
    pub(in crate::sync) rows: usize,
    /// How many blocks an index frame describes.
    pub(in crate::sync) blocks_per_frame: usize,
    /// The limits of a sort.
    pub(in crate::sync) sort: Limits,
}

impl Default for Sizes {
    fn default() -> Self {
        // An index frame of 16 blocks has about 5 KB, and a footer lists 250 of them for ten
        // million rows.
        Self { rows: block::ROWS, blocks_per_frame: 16, sort: Limits::default() }
    }
}

impl Sizes {
    /// Returns sizes so small that a few names have many blocks, index frames and sorted runs.
    ///
    /// The sizes vary with the number of rows, so that tests with several numbers cover several
    /// ratios.
    #[cfg(feature = "testing")]
    pub(in crate::sync) fn of_rows(rows: usize) -> Self {
        let sort = Limits { run: 2000 * (1 + rows), frame: 400 * (1 + rows), runs: 2 + rows % 3 };
        Self { rows, blocks_per_frame: 1 + rows % 4, sort }
    }
}
