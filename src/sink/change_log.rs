//! [`ChangeLog`]: a file to which changes are appended as lines.
//!
//! After a crash the file may end with a part of a line, which is cut off when the log is opened
//! again. So every line that a reader finds followed by a line end is complete. Assumes one writer
//! at a time.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    path::PathBuf,
};

use super::{
    Change,
    atomic_file::{open_in_place, sync_folder},
    json,
    object::ChangeObject,
};
use crate::error::{Error, ErrorKind};

/// The start of each line, because `change` is the first key. Tells a log from any other file.
const START: &[u8] = br#"{"change":""#;

/// How many bytes are buffered before they are written.
const ENOUGH: usize = 1 << 16;

/// A log of changes, one JSON object per line.
// INVARIANT: after an error nothing is written any more, so that no line can follow lines that were
// lost.
#[derive(Debug)]
pub(super) struct ChangeLog {
    path: PathBuf,
    file: File,
    /// The offset after the last line that was written completely.
    end: u64,
    /// The lines that are not written yet.
    lines: Vec<u8>,
    has_failed: bool,
}

impl ChangeLog {
    /// Opens or creates a log, and cuts off an incomplete last line.
    ///
    /// Fails, and leaves the file unchanged, if the file does not begin like a log.
    pub(super) fn open(path: PathBuf) -> Result<Self, Error> {
        let open = || -> io::Result<(File, u64)> {
            let mut options = OpenOptions::new();
            // Not in append mode, which would ignore the position after the last complete line.
            options.read(true).write(true).create(true).truncate(false);
            let mut file = open_in_place(&mut options, &path)?;
            if !file.metadata()?.is_file() {
                return Err(io::Error::other("it is not a regular file"));
            }
            let end = end_of_lines(&file)?;
            // Cuts off what a crash has left after the last line end.
            file.set_len(end)?;
            file.seek(SeekFrom::Start(end))?;
            file.sync_all()?;
            sync_folder(&path)?;
            Ok((file, end))
        };
        match open() {
            Ok((file, end)) => Ok(Self { path, file, end, lines: Vec::new(), has_failed: false }),
            Err(error) => Err(Error::sink(&format!("open `{}`", path.display()), error)),
        }
    }

    /// Appends changes; they are durable after the next flush.
    pub(super) fn push(&mut self, changes: &[Change]) -> Result<(), Error> {
        self.attempt(|log| {
            for change in changes {
                json::write(&mut log.lines, &ChangeObject(change))?;
                log.lines.push(b'\n');
                if log.lines.len() >= ENOUGH {
                    log.write()?;
                }
            }
            Ok(())
        })
    }

    /// Writes the buffered lines, and waits until they are durable.
    pub(super) fn flush(&mut self) -> Result<(), Error> {
        self.attempt(|log| {
            log.write()?;
            log.file.sync_data()
        })
    }

    /// Writes the buffered lines.
    fn write(&mut self) -> io::Result<()> {
        if let Err(error) = self.file.write_all(&self.lines) {
            // Removes a part of a line. If that fails too, the next `open` does it, and the first
            // error is the one to report.
            let _ = self.file.set_len(self.end);
            return Err(error);
        }
        self.end += self.lines.len() as u64;
        self.lines.clear();
        Ok(())
    }

    /// Calls a function unless an earlier call has failed, and records whether it fails.
    fn attempt(&mut self, what: impl FnOnce(&mut Self) -> io::Result<()>) -> Result<(), Error> {
        if self.has_failed {
            let path = self.path.display();
            let why = format!("the sink for `{path}` has failed before; create a new one");
            return Err(Error::new(ErrorKind::Sink, why));
        }
        what(self).map_err(|error| {
            self.has_failed = true;
            Error::sink(&format!("write `{}`", self.path.display()), error)
        })
    }
}

/// Returns the offset after the last line end, searching backwards in blocks.
fn end_of_lines(mut file: &File) -> io::Result<u64> {
    let mut start = Vec::with_capacity(START.len());
    file.take(START.len() as u64).read_to_end(&mut start)?;
    if !START.starts_with(&start) {
        // The file belongs to something else, so it must not be truncated.
        return Err(io::Error::other("it is not a change log, and was not modified"));
    }
    // Backwards, because a log can be large and its last line is short.
    let mut block = Vec::new();
    let mut end = file.metadata()?.len();
    while end > 0 {
        let from = end.saturating_sub(ENOUGH as u64);
        file.seek(SeekFrom::Start(from))?;
        block.clear();
        file.take(end - from).read_to_end(&mut block)?;
        if let Some(at) = block.iter().rposition(|byte| *byte == b'\n') {
            return Ok(from + at as u64 + 1);
        }
        end = from;
    }
    Ok(0)
}
