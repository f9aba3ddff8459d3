//! What is kept of a run under way: a line for each commit.

use std::{path::Path, time::SystemTime};

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::{
    block::{Block, damaged},
    disk::{Disk, StateFolder},
    limits::{self, MOST_LINE},
    manifest::{Index, check_format},
    row::time,
};
use crate::{error::Error, scan::Bound, sink::RunId, store::NameOrder};

/// The names of the files: commits, and the rows that they speak of
pub(super) const FILE: &str = "run.journal";
pub(super) const ROWS: &str = "run.jsonl.zst";

/// How many hexadecimal digits stand before a line, and a space
const PRINT: usize = 17;

/// The first line is shorter by far
const HEADER: usize = 1 << 16;

/// How many bytes are read at once
const PIECE: usize = 1 << 14;

/// The first line
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Header {
    pub(super) format: u32,
    pub(super) run: RunId,
    pub(super) number: u64,
    #[serde(with = "time")]
    pub(super) at: SystemTime,
    pub(super) prefix: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) source: Option<String>,
    /// The fingerprint of the rules that judge what this pass lists
    pub(super) rules: u64,
    /// The run whose manifest it goes out from
    pub(super) base: Option<RunId>,
    /// How often the run has begun to list anew, because names came in another order
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) pass: u64,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// The other lines: what was done since the one before
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Commit {
    /// How many batches the sink has
    pub(super) batches: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) order: Option<NameOrder>,
    /// The size of the file of rows
    pub(super) rows: u64,
    /// Blocks of the manifest that stay: from a place up to another
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) kept: Vec<(usize, usize)>,
    /// Blocks in the file of rows
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) new: Vec<Block>,
    /// Which names are done with
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) done: Vec<(Bound, Bound)>,
    /// Whether all is listed
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) is_listed: bool,
    /// How many rows that are gone the sink was told of
    #[serde(default)]
    pub(super) told: u64,
    pub(super) counts: Counts,
    /// How many entries of the listing have no readable name
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) nameless: u64,
    /// Set if the run must list again, with what it knows in this order
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) relist: Option<NameOrder>,
    /// Whether a sink is being told of it, so that the next line makes it final
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) is_open: bool,
    /// Whether the line before, which is open, is not final: a sink may know of its rows
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) voids: bool,
}

/// What a sink was told of, and what not
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Counts {
    /// Assets that were not there before
    pub added: u64,
    /// Assets with another version, or judged otherwise
    pub changed: u64,
    /// Assets that were removed, and are there again
    pub restored: u64,
    /// Blobs that are gone, and assets that are none any more
    pub removed: u64,
    /// Blobs that are no assets, and were not told of before
    pub rejected: u64,
    /// Blobs that are as they were, of which a sink is told nothing
    pub unchanged: u64,
}

fn line(value: &impl Serialize) -> Result<Vec<u8>, Error> {
    let json = serde_json::to_vec(value)
        .map_err(|error| Error::state("write the journal", error.into()))?;
    let mut line = format!("{:016x} ", xxh3_64(&json)).into_bytes();
    line.extend(json);
    line.push(b'\n');
    Ok(line)
}

/// Writes a line, which is durable then: a later one must not reach the disk before it
pub(super) fn write(disk: &mut dyn Disk, value: &impl Serialize) -> Result<(), Error> {
    let line = line(value)?;
    limits::writable("a line of the journal", line.len(), MOST_LINE)?;
    let mut write = || {
        disk.append(FILE, &line)?;
        disk.sync(FILE)
    };
    write().map_err(|error| Error::state("write the journal of the run", error))
}

/// What was kept of a run that did not come to its end, a line in memory at a time
pub(super) struct Journal {
    pub(super) header: Header,
    /// As the last line has it
    pub(super) order: Option<NameOrder>,
    /// Those that are whole, behind the first
    lines: Lines,
}

impl Journal {
    /// The journal, where there is one
    ///
    /// What was being written when the run was interrupted is cut off.
    pub(super) fn open(disk: &mut dyn Disk) -> Result<Option<Self>, Error> {
        let Some(size) = disk.size(FILE).map_err(failed)? else { return Ok(None) };
        let mut lines = Lines { size, read: 0, bytes: Vec::new() };
        let Some(line) = lines.next_whole(disk)? else {
            // It ended before its first line was written, so that nothing was done.
            disk.remove(FILE).map_err(failed)?;
            return Ok(None);
        };
        let json = checked(&line).unwrap_or_default();
        check_format(json)?;
        let header = serde_json::from_slice(json).map_err(unreadable)?;
        limits::check_header(&header)?;
        // Once to the end: to go on it is needed how names ascend, and the last line says it.
        let begin = line.len() as u64;
        let (mut good, mut last) = (begin, None);
        while let Some(line) = lines.next_whole(disk)? {
            good += line.len() as u64;
            last = Some(line);
        }
        let last = last.map(|line| commit(&line)).transpose()?;
        let order = last.and_then(|commit| commit.order);
        if good < size {
            disk.truncate(FILE, good).map_err(failed)?;
        }
        let lines = Lines { size: good, read: begin, bytes: Vec::new() };
        Ok(Some(Self { header, order, lines }))
    }

    /// The next commit
    pub(super) fn next(&mut self, disk: &mut dyn Disk) -> Result<Option<Commit>, Error> {
        self.lines.next(disk)?.map(|line| commit(&line)).transpose()
    }
}

/// The lines of the file
struct Lines {
    size: u64,
    /// How much of it was read
    read: u64,
    /// What was read and is not given yet
    bytes: Vec<u8>,
}

impl Lines {
    /// The next line with its end, or what is behind the last
    fn next(&mut self, disk: &mut dyn Disk) -> Result<Option<Vec<u8>>, Error> {
        let mut seen = 0;
        loop {
            if let Some(end) = self.bytes.iter().skip(seen).position(|byte| *byte == b'\n') {
                let behind = self.bytes.split_off(seen + end + 1);
                return Ok(Some(std::mem::replace(&mut self.bytes, behind)));
            }
            seen = self.bytes.len();
            limits::length("a line of the journal", seen as u64, MOST_LINE)?;
            let left = usize::try_from(self.size.saturating_sub(self.read)).unwrap_or(usize::MAX);
            if left == 0 {
                return Ok(Some(std::mem::take(&mut self.bytes)).filter(|line| !line.is_empty()));
            }
            let mut piece = disk.read(FILE, self.read, left.min(PIECE)).map_err(failed)?;
            self.read += piece.len() as u64;
            self.bytes.append(&mut piece);
        }
    }

    /// The next line that is as it was written; none from the one on that was being written
    fn next_whole(&mut self, disk: &mut dyn Disk) -> Result<Option<Vec<u8>>, Error> {
        let Some(line) = self.next(disk)? else { return Ok(None) };
        if checked(&line).is_some() {
            return Ok(Some(line));
        }
        // The last line may be half of one, or a part of it that never reached the disk.
        while let Some(line) = self.next(disk)? {
            if checked(&line).is_some() {
                return Err(damaged("a line of the journal has other bytes than were written"));
            }
        }
        Ok(None)
    }
}

fn commit(line: &[u8]) -> Result<Commit, Error> {
    let json = checked(line)
        .ok_or_else(|| damaged("a line of the journal has other bytes than were written"))?;
    let commit = serde_json::from_slice(json).map_err(unreadable)?;
    limits::check_commit(&commit)?;
    Ok(commit)
}

fn unreadable(error: serde_json::Error) -> Error {
    damaged(format_args!("a line of the journal: {error}"))
}

fn failed(error: std::io::Error) -> Error {
    Error::state("read the journal of a run", error)
}

/// The run that did not come to its end in a state folder; `None` where there is none
///
/// The next job with this state goes on with it. May be asked at any time: one that is under way has
/// not come to its end either.
///
/// What it has listed so far is in no [`Manifest`](super::Manifest): that is of the last complete run.
///
/// # Errors
/// [`State`](crate::ErrorKind::State) where the folder cannot be read,
/// [`StateInvalid`](crate::ErrorKind::StateInvalid) where what is in it is damaged or of another version.
pub fn interrupted(folder: impl AsRef<Path>) -> Result<Option<RunId>, Error> {
    let mut disk = StateFolder::to_read(folder.as_ref());
    let Some(size) = disk.size(FILE).map_err(failed)? else {
        // Between two passes of a run there is no journal.
        let Some(Index { run, .. }) = Index::unfinished(&mut disk)? else { return Ok(None) };
        let complete = Index::read(&mut disk)?.map(|manifest| manifest.run);
        return Ok(Some(run).filter(|run| Some(*run) != complete));
    };
    let length = usize::try_from(size).unwrap_or(usize::MAX).min(HEADER);
    let bytes = disk.read(FILE, 0, length).map_err(failed)?;
    let Some(json) = bytes.split_inclusive(|byte| *byte == b'\n').next().and_then(checked) else {
        return Ok(None);
    };
    check_format(json)?;
    let header: Header = serde_json::from_slice(json).map_err(unreadable)?;
    Ok(Some(header.run))
}

/// The JSON of a line that is whole
fn checked(line: &[u8]) -> Option<&[u8]> {
    let (print, json) = line.strip_suffix(b"\n")?.split_at_checked(PRINT)?;
    (print == format!("{:016x} ", xxh3_64(json)).as_bytes()).then_some(json)
}
