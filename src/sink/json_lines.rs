use std::{
    io::{self, Write},
    path::PathBuf,
};

use async_trait::async_trait;
use serde::Serialize;

use super::{Batch, Change, Delivery, Sink, json, log::Log, whole::Whole};
use crate::error::Error;

/// A file with one JSON object a line
///
/// That of the [`assets`](Self::assets) and that of the [`rejections`](Self::rejections) are
/// replaced as a whole when the scan is complete: until then the lines go to a temporary file in the
/// same folder; where the scan fails or is cancelled that is removed, and a file of an earlier run
/// stays as it was. The log of [`changes`](Self::changes) grows from run to run.
///
/// Blob names are untrusted text: control characters are escaped, and the path is the
/// caller's alone. Writes block the calling task for as long as the operating system takes a buffer.
///
/// ```no_run
/// # async fn example(scan: azure_asset_sync::Scan) -> Result<(), azure_asset_sync::Error> {
/// use azure_asset_sync::JsonLines;
///
/// let sinks = (JsonLines::assets("assets.jsonl")?, JsonLines::rejections("rejected.jsonl")?);
/// let report = scan.run(sinks).await?;
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct JsonLines(Lines);

#[derive(Debug)]
enum Lines {
    Assets(Whole),
    Rejections(Whole),
    Changes(Log),
}

impl JsonLines {
    /// Writes the assets
    ///
    /// # Errors
    /// [`ErrorKind::Sink`](crate::ErrorKind::Sink) where no file can be made in the folder.
    pub fn assets(path: impl Into<PathBuf>) -> Result<Self, Error> {
        Whole::create(path.into()).map(|file| Self(Lines::Assets(file)))
    }

    /// Writes the rejections
    ///
    /// # Errors
    /// [`ErrorKind::Sink`](crate::ErrorKind::Sink) where no file can be made in the folder.
    pub fn rejections(path: impl Into<PathBuf>) -> Result<Self, Error> {
        Whole::create(path.into()).map(|file| Self(Lines::Rejections(file)))
    }

    /// Writes each [`Change`] behind those that the file already has, and `change` tells which
    ///
    /// What stands behind the last line's end is what a crash has left, and is cut off. Each flush
    /// is a write and a wait for the disk. Where the disk is full no half line stays. One writer at
    /// a time; readers may follow the file, and see a change that comes twice twice.
    ///
    /// # Errors
    /// [`ErrorKind::Sink`](crate::ErrorKind::Sink) where the file cannot be opened, or begins as no
    /// log of changes does: then it is left as it is.
    pub fn changes(path: impl Into<PathBuf>) -> Result<Self, Error> {
        Log::open(path.into()).map(|log| Self(Lines::Changes(log)))
    }
}

fn write<'a, T: Serialize + 'a>(
    out: &mut impl Write,
    changes: &'a [Change],
    of: impl Fn(&'a Change) -> Option<&'a T>,
) -> io::Result<()> {
    for value in changes.iter().filter_map(of) {
        json::write(out, value)?;
        out.write_all(b"\n")?;
    }
    Ok(())
}

#[async_trait]
impl Sink for JsonLines {
    async fn accept(&mut self, batch: Batch<'_>) -> Result<(), Error> {
        let changes = batch.changes;
        match &mut self.0 {
            Lines::Assets(file) => file.write(|out| write(out, changes, Change::asset)),
            Lines::Rejections(file) => file.write(|out| write(out, changes, Change::rejection)),
            Lines::Changes(log) => log.push(changes),
        }
    }

    async fn flush(&mut self) -> Result<(), Error> {
        match &mut self.0 {
            Lines::Assets(file) | Lines::Rejections(file) => file.flush(),
            Lines::Changes(log) => log.flush(),
        }
    }

    async fn finish(&mut self) -> Result<(), Error> {
        match &mut self.0 {
            Lines::Assets(file) | Lines::Rejections(file) => file.persist(),
            Lines::Changes(log) => log.flush(),
        }
    }

    /// A log grows; what is not finished of another is removed
    fn delivery(&self) -> Delivery {
        match self.0 {
            Lines::Assets(_) | Lines::Rejections(_) => Delivery::Whole,
            Lines::Changes(_) => Delivery::AppendOnly,
        }
    }
}
