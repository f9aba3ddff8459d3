//! Reads a journal line by line, and drops what a crash has left at its end.
//!
//! One line is in memory at a time, because a long run has many.

use xxhash_rust::xxh3::xxh3_64;

use super::record::{Begin, Record};
use crate::{
    error::Error,
    store::NameOrder,
    sync::{
        format::{JOURNAL, check_format, damaged},
        limits::{self, MOST_LINE},
        state_store::StateFiles,
    },
};

/// The length of the checksum at the start of a line: 16 hexadecimal digits and a space.
const CHECKSUM: usize = 17;

/// The most bytes to read for the first line, which is far shorter.
const BEGIN: usize = 1 << 16;

/// How many bytes to read at once.
const CHUNK: usize = 1 << 14;

/// The journal of a run that did not end.
pub(in crate::sync) struct Journal {
    begin: Begin,
    order: Option<NameOrder>,
    /// The valid lines after the first.
    lines: Lines,
}

impl Journal {
    /// Opens the journal, or returns `None` if there is none.
    ///
    /// Truncates the file after the last valid line: what follows was being written in a crash.
    ///
    /// # Errors
    /// [`StateInvalid`](crate::ErrorKind::StateInvalid) if a valid line follows an invalid one, because
    /// a crash leaves no such file.
    pub(in crate::sync) fn open(disk: &mut dyn StateFiles) -> Result<Option<Self>, Error> {
        let Some(size) = disk.size(JOURNAL).map_err(failed)? else { return Ok(None) };
        let mut lines = Lines { size, read: 0, bytes: Vec::new() };
        let Some(line) = lines.next_valid(disk)? else {
            // The run crashed before its first record was durable, so it has done nothing.
            disk.remove(JOURNAL).map_err(failed)?;
            return Ok(None);
        };
        let begin = parse_begin(&line)?;
        begin.check()?;
        // To resume, the order of names must be known before the first record is applied, and only
        // the last record has it. So all lines are read once before.
        let after_begin = line.len() as u64;
        let (mut valid, mut last) = (after_begin, None);
        while let Some(line) = lines.next_valid(disk)? {
            valid += line.len() as u64;
            last = Some(line);
        }
        // Parsed only now: the lines before are parsed when they are applied.
        let last = last.map(|line| parse_record(&line)).transpose()?;
        let order = last.and_then(|record| record.progress().order);
        if valid < size {
            disk.truncate(JOURNAL, valid).map_err(failed)?;
        }
        let lines = Lines { size: valid, read: after_begin, bytes: Vec::new() };
        Ok(Some(Self { begin, order, lines }))
    }

    /// Returns the begin record.
    pub(in crate::sync) fn begin(&self) -> &Begin {
        &self.begin
    }

    /// Returns the order of names that the last record states.
    pub(in crate::sync) fn order(&self) -> Option<NameOrder> {
        self.order
    }

    /// Reads the next record, or returns `None` after the last one.
    ///
    /// # Errors
    ///
    /// [`StateInvalid`](crate::ErrorKind::StateInvalid) if the line is not a record that a run
    /// writes.
    pub(in crate::sync) fn next(
        &mut self,
        disk: &mut dyn StateFiles,
    ) -> Result<Option<Record>, Error> {
        self.lines.next(disk)?.map(|line| parse_record(&line)).transpose()
    }
}

/// Reads the begin record without changing the file, or returns `None` if it is not complete yet.
pub(super) fn read_begin(disk: &mut dyn StateFiles) -> Result<Option<Begin>, Error> {
    let size = disk.size(JOURNAL).map_err(failed)?.unwrap_or_default();
    // A run may be writing the line at this moment, so nothing is truncated here.
    let length = usize::try_from(size).unwrap_or(usize::MAX).min(BEGIN);
    let bytes = disk.read(JOURNAL, 0, length).map_err(failed)?;
    let line = bytes.split_inclusive(|byte| *byte == b'\n').next().unwrap_or_default();
    json_of(line).map(|_| parse_begin(line)).transpose()
}

/// The lines of the journal, read in chunks.
struct Lines {
    /// The size of the file in bytes.
    size: u64,
    /// How many bytes of the file were read.
    read: u64,
    /// The bytes that were read and not returned yet.
    bytes: Vec<u8>,
}

impl Lines {
    /// Returns the next line with its line feed, or the bytes after the last line feed.
    fn next(&mut self, disk: &mut dyn StateFiles) -> Result<Option<Vec<u8>>, Error> {
        let mut searched = 0;
        loop {
            if let Some(end) = self.bytes.iter().skip(searched).position(|byte| *byte == b'\n') {
                let rest = self.bytes.split_off(searched + end + 1);
                return Ok(Some(std::mem::replace(&mut self.bytes, rest)));
            }
            searched = self.bytes.len();
            // A forged file without a line feed must not be read into memory as a whole.
            limits::length("a line of the journal", searched as u64, MOST_LINE)?;
            let unread = usize::try_from(self.size.saturating_sub(self.read)).unwrap_or(usize::MAX);
            if unread == 0 {
                return Ok(Some(std::mem::take(&mut self.bytes)).filter(|line| !line.is_empty()));
            }
            let mut chunk = disk.read(JOURNAL, self.read, unread.min(CHUNK)).map_err(failed)?;
            self.read += chunk.len() as u64;
            self.bytes.append(&mut chunk);
        }
    }

    /// Returns the next line if its checksum is right, or `None` from the first invalid line on.
    fn next_valid(&mut self, disk: &mut dyn StateFiles) -> Result<Option<Vec<u8>>, Error> {
        let Some(line) = self.next(disk)? else { return Ok(None) };
        if json_of(&line).is_some() {
            return Ok(Some(line));
        }
        // A crash can leave half of the last line, or a part of it that never reached the disk. It
        // cannot leave a valid line after that.
        while let Some(line) = self.next(disk)? {
            if json_of(&line).is_some() {
                return Err(mismatch());
            }
        }
        Ok(None)
    }
}

/// Checks the format before the other keys, because another version may have others.
fn parse_begin(line: &[u8]) -> Result<Begin, Error> {
    let json = json_of(line).ok_or_else(mismatch)?;
    check_format(json)?;
    serde_json::from_slice(json)
        .map_err(|error| damaged(format_args!("the first line of the journal: {error}")))
}

/// The checksum is checked again, because the file may have changed since it was opened.
fn parse_record(line: &[u8]) -> Result<Record, Error> {
    Record::read(json_of(line).ok_or_else(mismatch)?)
}

/// Returns the JSON of a line, or `None` if the line is incomplete or its checksum is wrong.
fn json_of(line: &[u8]) -> Option<&[u8]> {
    let (checksum, json) = line.strip_suffix(b"\n")?.split_at_checked(CHECKSUM)?;
    (checksum == format!("{:016x} ", xxh3_64(json)).as_bytes()).then_some(json)
}

/// The error of bytes that changed after they were written.
fn mismatch() -> Error {
    damaged("a line of the journal does not match its checksum")
}

fn failed(error: std::io::Error) -> Error {
    Error::state("read the journal of the run", error)
}
