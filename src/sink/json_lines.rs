//! [`JsonLines`]: one JSON object per line, for assets, rejections or changes.
//!
//! Assets and rejections are snapshots of the container, so their files are replaced; changes are a
//! log.

use std::{
    io::{self, Write},
    path::PathBuf,
};

use async_trait::async_trait;
use serde::Serialize;

use super::{
    Batch, Change, Delivery, Sink,
    atomic_file::AtomicFile,
    change_log::ChangeLog,
    json,
    object::{AssetObject, RejectionObject},
};
use crate::error::Error;

/// A file with one JSON object per line.
///
/// ```no_run
/// # async fn example(scan: azure_asset_sync::Scan) -> Result<(), azure_asset_sync::Error> {
/// use azure_asset_sync::JsonLines;
///
/// let sinks = (JsonLines::assets("assets.jsonl")?, JsonLines::rejections("rejected.jsonl")?);
/// let report = scan.run(sinks).await?;
/// # Ok(()) }
/// ```
///
/// Each line has the same keys, and each key always has the same type, because many readers learn
/// both from the first lines. An absent text is `""`, and an empty text means nothing else. The
/// `size` of a rejection is `null` if the listing does not have it.
///
/// # How to read it
/// Readers that guess types change values: `0001` becomes 1, a version ID a time with one digit
/// less. These calls return each value as it is in the file; `jq` and `datasets` need no options.
/// `datasets` reads a column as times if every text in 10 MB of the file is a date; use
/// `sink::Parquet` for such a container.
///
/// DuckDB:
///
/// ```python
/// import duckdb
/// table = duckdb.sql("""
///     SELECT * FROM read_json('assets.jsonl', format = 'newline_delimited', columns = {
///         name: 'VARCHAR', size: 'BIGINT', kind: 'VARCHAR', media_type: 'VARCHAR', etag: 'VARCHAR',
///         last_modified: 'VARCHAR', created: 'VARCHAR', content_type: 'VARCHAR',
///         content_encoding: 'VARCHAR', content_md5: 'VARCHAR', blob_type: 'VARCHAR',
///         access_tier: 'VARCHAR', version_id: 'VARCHAR', is_current: 'BOOLEAN',
///         snapshot: 'VARCHAR', findings: 'VARCHAR', metadata: 'VARCHAR'})
/// """)
/// ```
///
/// pandas:
///
/// ```python
/// import pandas
/// table = pandas.read_json("assets.jsonl", lines=True, dtype=False, convert_dates=False)
/// ```
///
/// Polars:
///
/// ```python
/// import polars
/// table = polars.read_ndjson("assets.jsonl")
/// ```
///
/// `datasets`:
///
/// ```python
/// from datasets import load_dataset
/// table = load_dataset("json", data_files="assets.jsonl", split="train")
/// ```
///
/// # After a failed run
/// The files of [`assets`](Self::assets) and [`rejections`](Self::rejections) are replaced when the
/// scan is complete. Until then, lines are written to a temporary file in the same folder. If the
/// scan fails or is cancelled, the temporary file is removed, and the file of the previous run
/// stays as it was. If the process is killed, the next run that writes the same file removes the
/// temporary file. A symbolic link at the path is replaced, not followed.
///
/// The log of [`changes`](Self::changes) grows from run to run, and keeps what a failed run has
/// flushed.
///
/// # Names are untrusted
/// Control characters and line separators are escaped, so that a line can be printed. Use
/// [`file_name`](super::file_name) to derive a path from a name. Writes block the calling task
/// until the operating system has taken the data.
#[doc(alias = "NDJSON")]
#[doc(alias = "JSONL")]
#[derive(Debug)]
pub struct JsonLines(Lines);

/// The content of the lines, and the file for them.
#[derive(Debug)]
enum Lines {
    Assets(AtomicFile),
    Rejections(AtomicFile),
    Changes(ChangeLog),
}

impl JsonLines {
    /// Creates a sink that writes the assets to this path, with all [columns](crate::sink#columns).
    ///
    /// # Errors
    /// [`ErrorKind::Sink`](crate::ErrorKind::Sink) if no file can be created in the folder.
    pub fn assets(path: impl Into<PathBuf>) -> Result<Self, Error> {
        AtomicFile::create(path.into()).map(|file| Self(Lines::Assets(file)))
    }

    /// Creates a sink that writes the rejections to this path.
    ///
    /// The keys are `name`, `size`, `etag`, `version_id`, `snapshot`, `reason` and `detail`.
    ///
    /// # Errors
    /// [`ErrorKind::Sink`](crate::ErrorKind::Sink) if no file can be created in the folder.
    pub fn rejections(path: impl Into<PathBuf>) -> Result<Self, Error> {
        AtomicFile::create(path.into()).map(|file| Self(Lines::Rejections(file)))
    }

    /// Opens or creates a log at this path, and appends each [`Change`] to it.
    ///
    /// The keys are `change`, which names the kind of change, all [columns](crate::sink#columns),
    /// `moved_to`, `reason` and `detail`.
    ///
    /// Text after the last line end was left by a crash, and is cut off. Each flush writes the
    /// lines and waits until they are on the disk. If the disk is full, no incomplete line remains.
    /// Readers may follow the file while it is written, by one writer at a time. A batch that a job
    /// delivers twice appears twice.
    ///
    /// A symbolic link at the path is an error, so that nobody who can write to the folder can
    /// redirect the log to another file.
    ///
    /// # Errors
    /// [`ErrorKind::Sink`](crate::ErrorKind::Sink) if the file cannot be opened, or does not begin
    /// like a log of changes. The file is then unchanged.
    #[doc(alias = "append")]
    #[doc(alias = "audit log")]
    pub fn changes(path: impl Into<PathBuf>) -> Result<Self, Error> {
        ChangeLog::open(path.into()).map(|log| Self(Lines::Changes(log)))
    }
}

/// Writes each object on a line of its own.
fn write<T: Serialize>(
    out: &mut impl Write,
    mut objects: impl Iterator<Item = T>,
) -> io::Result<()> {
    objects.try_for_each(|object| {
        json::write(out, &object)?;
        out.write_all(b"\n")
    })
}

#[async_trait]
impl Sink for JsonLines {
    async fn accept(&mut self, batch: Batch<'_>) -> Result<(), Error> {
        let changes = batch.changes;
        match &mut self.0 {
            Lines::Assets(file) => file.write(|out| write(out, batch.assets().map(AssetObject))),
            Lines::Rejections(file) => file.write(|out| {
                write(out, changes.iter().filter_map(Change::rejection).map(RejectionObject))
            }),
            Lines::Changes(log) => log.push(changes),
        }
    }

    async fn flush(&mut self) -> Result<(), Error> {
        match &mut self.0 {
            Lines::Assets(file) | Lines::Rejections(file) => file.flush(),
            Lines::Changes(log) => log.flush(),
        }
    }

    /// Moves a file to its path, after which calls fail; flushes a log.
    async fn finish(&mut self) -> Result<(), Error> {
        match &mut self.0 {
            Lines::Assets(file) | Lines::Rejections(file) => file.persist(),
            // A log has no end: the next run continues it.
            Lines::Changes(log) => log.flush(),
        }
    }

    /// Returns [`Delivery::AppendOnly`] for a log, and [`Delivery::Replace`] for the other files.
    fn delivery(&self) -> Delivery {
        match self.0 {
            Lines::Assets(_) | Lines::Rejections(_) => Delivery::Replace,
            Lines::Changes(_) => Delivery::AppendOnly,
        }
    }
}
