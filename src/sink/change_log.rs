//! A log of changes: lines that are appended, and complete after any crash.

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

/// What each line of a log begins with, since `change` is the tag
const START: &[u8] = br#"{"change":""#;

/// How many bytes are kept before they are written
const ENOUGH: usize = 1 << 16;

/// A file of lines that grows at its end
///
/// What fails once is over: lines that are lost must not be followed by later ones.
#[derive(Debug)]
pub(super) struct ChangeLog {
    path: PathBuf,
    file: File,
    /// Where the last line ends that was written as a whole
    end: u64,
    /// Lines that are still to be written
    lines: Vec<u8>,
    has_failed: bool,
}

impl ChangeLog {
    pub(super) fn open(path: PathBuf) -> Result<Self, Error> {
        let open = || -> io::Result<(File, u64)> {
            let mut options = OpenOptions::new();
            options.read(true).write(true).create(true).truncate(false);
            let mut file = open_in_place(&mut options, &path)?;
            if !file.metadata()?.is_file() {
                return Err(io::Error::other("it is no ordinary file"));
            }
            let end = end_of_lines(&file)?;
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

    pub(super) fn flush(&mut self) -> Result<(), Error> {
        self.attempt(|log| {
            log.write()?;
            log.file.sync_data()
        })
    }

    fn write(&mut self) -> io::Result<()> {
        if let Err(error) = self.file.write_all(&self.lines) {
            // The error is the one to tell; what stays here is cut off when it is opened again.
            let _ = self.file.set_len(self.end);
            return Err(error);
        }
        self.end += self.lines.len() as u64;
        self.lines.clear();
        Ok(())
    }

    fn attempt(&mut self, what: impl FnOnce(&mut Self) -> io::Result<()>) -> Result<(), Error> {
        if self.has_failed {
            let path = self.path.display();
            let why = format!("the sink of `{path}` has failed before; make a new one");
            return Err(Error::new(ErrorKind::Sink, why));
        }
        what(self).map_err(|error| {
            self.has_failed = true;
            Error::sink(&format!("write `{}`", self.path.display()), error)
        })
    }
}

/// Where the last line ends that has an end
fn end_of_lines(mut file: &File) -> io::Result<u64> {
    let mut start = Vec::with_capacity(START.len());
    file.take(START.len() as u64).read_to_end(&mut start)?;
    if !START.starts_with(&start) {
        // Whatever it is, its end is not for us to cut.
        return Err(io::Error::other("it is no change log, and is left as it is"));
    }
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
