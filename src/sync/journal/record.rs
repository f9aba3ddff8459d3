//! The records of a journal, and their JSON.
//!
//! A run is a state machine: it begins, it prepares a batch before the sink receives it, and it
//! commits the batch after the sink has made it durable. A run that resumes aborts a batch that was
//! prepared and never committed. The JSON of these records is part of the on-disk format.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::{
    error::Error,
    scan::Bound,
    sink::RunId,
    store::NameOrder,
    sync::{
        block::Block,
        counts::Counts,
        format::damaged,
        limits::{self, Volume},
        row_json::required_time,
    },
};

/// The begin record: the first line of a journal.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::sync) struct Begin {
    pub(in crate::sync) format: u32,
    pub(in crate::sync) run: RunId,
    /// The number of the run, from 1.
    pub(in crate::sync) number: u64,
    /// When the run began. It stays the same when the run is resumed.
    #[serde(with = "required_time")]
    pub(in crate::sync) at: SystemTime,
    pub(in crate::sync) prefix: String,
    /// The caller's name for the source, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::sync) source: Option<String>,
    /// The fingerprint of the rules that judge the listing of this pass.
    pub(in crate::sync) rules: u64,
    /// The run whose manifest this run started from.
    pub(in crate::sync) base: Option<RunId>,
    /// How many times the run has begun to list again, because names came in another order.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(in crate::sync) pass: u64,
}

impl Begin {
    /// Checks the numbers of a record that was read.
    pub(super) fn check(&self) -> Result<(), Error> {
        limits::numbers("the journal", [self.number, self.pass])
    }
}

/// Any record after the begin record.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(into = "Line", try_from = "Line")]
pub(in crate::sync) enum Record {
    /// A sink is about to receive a batch. The next commit makes it final.
    Prepare(Progress, Delta),
    /// Everything since the commit before is final, with a prepared record between the two.
    Commit(Progress, Delta),
    /// The prepared record before this one is not final, but a sink may know its rows.
    Abort(Progress),
}

/// How far a run is.
///
/// Each record has all of it, so that the last valid record is enough to know where the run was.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::sync) struct Progress {
    /// How many batches a sink has taken.
    pub(in crate::sync) batches: u64,
    /// The order in which names ascend, if it is known.
    pub(in crate::sync) order: Option<NameOrder>,
    /// The size of the file of rows, in bytes.
    pub(in crate::sync) rows: u64,
    /// Whether everything is listed.
    pub(in crate::sync) is_listed: bool,
    /// How many removed rows were reported to a sink.
    pub(in crate::sync) removals_reported: u64,
    /// How many changes of each kind were reported, in all passes.
    pub(in crate::sync) counts: Counts,
    /// How many entries of the listing have no readable name.
    pub(in crate::sync) nameless: u64,
    /// The order in which the run must list again, if it must.
    pub(in crate::sync) relist: Option<NameOrder>,
}

/// The decisions since the record before.
///
/// The sum over all final records is the state of the run.
#[derive(Clone, Debug, Default)]
pub(in crate::sync) struct Delta {
    /// The blocks of the base that stay: from one position up to another.
    pub(in crate::sync) kept: Vec<(usize, usize)>,
    /// The new blocks in the file of rows.
    pub(in crate::sync) new: Vec<Block>,
    /// The ranges of names that need not be listed again.
    pub(in crate::sync) done: Vec<(Bound, Bound)>,
}

impl Delta {
    /// Adds the new rows to a volume of rows in doubt.
    pub(in crate::sync) fn add_to(&self, volume: &mut Volume) {
        self.new.iter().for_each(|block| volume.add(block.rows, block.text));
    }
}

/// The JSON of a record, where the flags tell the kinds apart.
#[derive(Clone, Serialize, Deserialize)]
struct Line {
    batches: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    order: Option<NameOrder>,
    rows: u64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    kept: Vec<(usize, usize)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    new: Vec<Block>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    done: Vec<(Bound, Bound)>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    is_listed: bool,
    #[serde(default)]
    told: u64,
    counts: Counts,
    #[serde(default, skip_serializing_if = "is_zero")]
    nameless: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    relist: Option<NameOrder>,
    /// Set in a prepare record.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    is_open: bool,
    /// Set in an abort record.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    voids: bool,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl From<Record> for Line {
    fn from(record: Record) -> Self {
        // Two flags, because format 3 has no field for the kind.
        let (is_open, voids) =
            (matches!(record, Record::Prepare(..)), matches!(record, Record::Abort(_)));
        let (progress, delta) = match record {
            Record::Prepare(progress, delta) | Record::Commit(progress, delta) => (progress, delta),
            Record::Abort(progress) => (progress, Delta::default()),
        };
        // Field by field, so that the compiler reports a field that is not written.
        let Progress { batches, order, rows, is_listed, removals_reported, .. } = progress;
        let Progress { counts, nameless, relist, .. } = progress;
        let (Delta { kept, new, done }, told) = (delta, removals_reported);
        Self {
            batches,
            order,
            rows,
            kept,
            new,
            done,
            is_listed,
            told,
            counts,
            nameless,
            relist,
            is_open,
            voids,
        }
    }
}

impl TryFrom<Line> for Record {
    type Error = &'static str;

    fn try_from(line: Line) -> Result<Self, Self::Error> {
        let Line { batches, order, rows, is_listed, told, counts, nameless, relist, .. } = line;
        let removals_reported = told;
        // The names differ: the JSON keeps the words of format 3.
        let progress = Progress {
            batches,
            order,
            rows,
            is_listed,
            removals_reported,
            counts,
            nameless,
            relist,
        };
        let delta = Delta { kept: line.kept, new: line.new, done: line.done };
        match (line.is_open, line.voids) {
            (true, false) => Ok(Self::Prepare(progress, delta)),
            // A line without flags is the usual one, and the shortest.
            (false, false) => Ok(Self::Commit(progress, delta)),
            // A forged abort with blocks would add rows that no commit has made final.
            (false, true) if delta.is_empty() => Ok(Self::Abort(progress)),
            (_, true) => Err("an abort record decides nothing"),
        }
    }
}

impl Delta {
    /// Returns whether nothing was decided.
    fn is_empty(&self) -> bool {
        self.kept.is_empty() && self.new.is_empty() && self.done.is_empty()
    }
}

impl Record {
    /// Reads the JSON of a record, and checks its numbers.
    ///
    /// # Errors
    ///
    /// [`StateInvalid`](crate::ErrorKind::StateInvalid) if the record is not one that a run writes.
    pub(super) fn read(json: &[u8]) -> Result<Self, Error> {
        const WHAT: &str = "a line of the journal";
        let record: Self = serde_json::from_slice(json)
            .map_err(|error| damaged(format_args!("{WHAT}: {error}")))?;
        let (progress, blocks) = match &record {
            Self::Prepare(progress, delta) | Self::Commit(progress, delta) => {
                (progress, delta.new.as_slice())
            }
            Self::Abort(progress) => (progress, &[][..]),
        };
        let Progress { batches, rows, removals_reported, nameless, counts, .. } = progress;
        limits::numbers(WHAT, [*batches, *rows, *removals_reported, *nameless])?;
        counts.check(WHAT)?;
        blocks.iter().try_for_each(Block::check)?;
        Ok(record)
    }

    /// Returns how far the run is.
    pub(super) fn progress(&self) -> &Progress {
        match self {
            Self::Prepare(progress, _) | Self::Commit(progress, _) | Self::Abort(progress) => {
                progress
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines that earlier builds have written, byte for byte.
    const LINES: [&str; 3] = [
        r#"{"batches":1,"order":"bytes","rows":77,"kept":[[0,2]],"done":[[{"at":"a"},"end"]],"told":0,"counts":{"added":1,"changed":0,"restored":0,"removed":0,"rejected":0,"unchanged":0},"is_open":true}"#,
        r#"{"batches":2,"rows":0,"is_listed":true,"told":3,"counts":{"added":0,"changed":0,"restored":0,"removed":3,"rejected":0,"unchanged":0},"nameless":1}"#,
        r#"{"batches":2,"rows":0,"told":0,"counts":{"added":0,"changed":0,"restored":0,"removed":0,"rejected":0,"unchanged":0},"relist":"utf16","voids":true}"#,
    ];

    #[test]
    fn records_are_read_and_written_as_by_earlier_builds() {
        let records = LINES.map(|line| Record::read(line.as_bytes()).unwrap());
        assert!(matches!(&records[0], Record::Prepare(_, delta) if delta.kept == [(0, 2)]));
        assert!(matches!(records[1], Record::Commit(progress, _) if progress.is_listed));
        assert!(matches!(records[2], Record::Abort(progress) if progress.relist.is_some()));
        for (line, record) in LINES.iter().zip(records) {
            assert_eq!(serde_json::to_string(&record).unwrap(), *line);
        }
    }

    #[test]
    fn an_abort_record_that_decides_something_is_refused() {
        for field in [r#""kept":[[0,2]],"voids":true"#, r#""is_open":true,"voids":true"#] {
            let line = format!(r#"{{"batches":0,"rows":0,"counts":{{}},{field}}}"#);
            Record::read(line.as_bytes()).unwrap_err();
        }
    }
}
