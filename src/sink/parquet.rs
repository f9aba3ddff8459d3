//! [`Parquet`]: the assets as a Parquet file.
//!
//! The only file that names the `parquet` crate, and none of its types is public, so that its major
//! versions are not ours. Columns are written directly, so a build does not need the crates of
//! Arrow.

use std::{
    io, mem,
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use ::parquet::{
    basic::{Compression, Encoding},
    column::writer::ColumnWriter,
    data_type::ByteArray,
    errors::ParquetError,
    file::{properties::WriterProperties, writer::SerializedFileWriter},
    schema::{parser::parse_message_type, types::ColumnPath},
};
use async_trait::async_trait;
use bytes::Bytes;

use super::{
    Batch, Delivery, Sink,
    atomic_file::AtomicFile,
    columns::{COLUMNS, COUNT, Cell, Column, Type, cells},
};
use crate::{
    error::{Error, ErrorKind},
    validate::Asset,
};

/// The most rows of a row group, which are in memory until they are written together.
const ROWS: usize = 100_000;

/// The most bytes of text of a row group: 64 MiB. Rows with long names are written earlier.
const TEXT: usize = 64 << 20;

/// A Parquet file with a row for each asset.
///
/// ```no_run
/// # async fn example(scan: azure_asset_sync::Scan) -> Result<(), azure_asset_sync::Error> {
/// use azure_asset_sync::sink::Parquet;
///
/// scan.run(Parquet::assets("assets.parquet")?).await?;
/// # Ok(()) }
/// ```
///
/// The [columns](crate::sink#columns) are strings, except `size`, a signed 64-bit integer, which
/// holds any size that a store can list; `is_current`, a Boolean; and `last_modified` and
/// `created`, timestamps in microseconds, UTC. Absent values are null. The file is compressed with
/// Snappy, which every reader supports.
///
/// # How to read it
/// The file contains its types, so no reader guesses them:
///
/// ```python
/// import duckdb
/// table = duckdb.sql("SELECT * FROM read_parquet('assets.parquet')")
/// ```
///
/// ```python
/// import pandas
/// table = pandas.read_parquet("assets.parquet")
/// ```
///
/// ```python
/// import polars
/// table = polars.read_parquet("assets.parquet")
/// ```
///
/// ```python
/// from datasets import load_dataset
/// table = load_dataset("parquet", data_files="assets.parquet", split="train")
/// ```
///
/// At most 100,000 rows, or 64 MiB of text, are in memory until they are written as a row group. A
/// flush writes nothing, because an incomplete file is removed anyway. Names are untrusted, and
/// exactly as stored; use [`file_name`](super::file_name) to derive a path from a name.
///
/// # After a failed run
/// The file of the previous run stays as it was, and the temporary file is removed, as for
/// [`JsonLines`](crate::JsonLines#after-a-failed-run). Writes block the calling task.
#[doc(alias = "columnar")]
#[doc(alias = "Arrow")]
#[derive(Debug)]
pub struct Parquet {
    path: PathBuf,
    state: State,
    group: Group,
}

/// Whether the file can still be written.
#[derive(Debug)]
enum State {
    Open(Box<SerializedFileWriter<AtomicFile>>),
    Finished,
    Failed,
}

impl Parquet {
    /// Creates a sink that writes the assets to this path.
    ///
    /// # Errors
    /// [`ErrorKind::Sink`] if no file can be created in the folder.
    pub fn assets(path: impl Into<PathBuf>) -> Result<Self, Error> {
        let path = path.into();
        let file = AtomicFile::create(path.clone())?;
        let writer = open(file).map_err(|error| failed(&path, error))?;
        Ok(Self { path, state: State::Open(Box::new(writer)), group: Group::default() })
    }

    /// Calls a function that writes. If it fails, the file is removed, and later calls fail.
    fn write(
        &mut self,
        put: impl FnOnce(&mut SerializedFileWriter<AtomicFile>, &mut Group) -> Result<(), ParquetError>,
    ) -> Result<(), Error> {
        let why = match &mut self.state {
            State::Open(writer) => match put(writer, &mut self.group) {
                Ok(()) => return Ok(()),
                Err(error) => {
                    (self.state, self.group) = (State::Failed, Group::default());
                    return Err(failed(&self.path, error));
                }
            },
            State::Finished => "was finished",
            State::Failed => "has failed",
        };
        let path = self.path.display();
        let what = format!("the sink for `{path}` {why} before; create a new one");
        Err(Error::new(ErrorKind::Sink, what))
    }
}

/// Opens a writer with the schema of [`COLUMNS`].
fn open(file: AtomicFile) -> Result<SerializedFileWriter<AtomicFile>, ParquetError> {
    let columns = COLUMNS.map(|column| {
        let presence = if column.is_required { "REQUIRED" } else { "OPTIONAL" };
        match column.data_type {
            Type::Text => format!("{presence} BYTE_ARRAY {} (STRING);", column.name),
            Type::Flag => format!("{presence} BOOLEAN {};", column.name),
            Type::Number => format!("{presence} INT64 {};", column.name),
            Type::Time => format!("{presence} INT64 {} (TIMESTAMP(MICROS,true));", column.name),
        }
    });
    // From the shared list of columns, so the schema cannot differ from the values.
    let schema = parse_message_type(&format!("message assets {{ {} }}", columns.concat()))?;
    let mut properties = WriterProperties::builder().set_compression(Compression::SNAPPY);
    // Nearly every row has another value, so a dictionary would cost memory and save nothing.
    for unique in ["name", "etag", "content_md5"] {
        let path = ColumnPath::from(unique);
        properties = properties
            .set_column_dictionary_enabled(path.clone(), false)
            .set_column_encoding(path, Encoding::PLAIN);
    }
    SerializedFileWriter::new(file, Arc::new(schema), Arc::new(properties.build()))
}

/// Returns the error of a write, with the error of the file if there is one.
fn failed(path: &Path, error: ParquetError) -> Error {
    let error = match error {
        ParquetError::External(error) => match error.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(error) => io::Error::other(error),
        },
        error => io::Error::other(error),
    };
    Error::sink(&format!("write `{}`", path.display()), error)
}

/// The rows of the next row group.
#[derive(Debug, Default)]
struct Group {
    rows: usize,
    text: usize,
    columns: [Values; COUNT],
}

/// The values of a row group in one column.
#[derive(Debug, Default)]
struct Values {
    /// 1 for each row with a value and 0 for each without one: definition levels in the words of
    /// Parquet.
    levels: Vec<i16>,
    numbers: Vec<i64>,
    flags: Vec<bool>,
    /// All texts in one buffer, because an allocation for each would cost more than the text.
    texts: Vec<u8>,
    /// The end of each text in the buffer.
    ends: Vec<usize>,
}

impl Group {
    /// Adds a row.
    fn push(&mut self, asset: &Asset) -> Result<(), ParquetError> {
        for (values, cell) in self.columns.iter_mut().zip(cells(asset)) {
            let is_there = match cell {
                Cell::Absent => false,
                Cell::Text(text) => {
                    self.text += text.len();
                    values.texts.extend_from_slice(text.as_bytes());
                    values.ends.push(values.texts.len());
                    true
                }
                Cell::Number(number) => {
                    // Signed, because not every reader supports unsigned integers.
                    values.numbers.push(number.try_into()?);
                    true
                }
                Cell::Flag(flag) => {
                    values.flags.push(flag);
                    true
                }
                Cell::Time(time) => {
                    // A time that does not fit counts as absent.
                    let micros = micros(time);
                    values.numbers.extend(micros);
                    micros.is_some()
                }
            };
            values.levels.push(is_there.into());
        }
        self.rows += 1;
        Ok(())
    }

    /// Returns whether the group has to be written.
    fn is_full(&self) -> bool {
        self.rows >= ROWS || self.text >= TEXT
    }

    /// Writes the rows as a row group, and empties the group.
    fn write(&mut self, writer: &mut SerializedFileWriter<AtomicFile>) -> Result<(), ParquetError> {
        // Taken first, so that rows are not written twice after an error.
        let group = mem::take(self);
        let mut out = writer.next_row_group()?;
        for (column, values) in COLUMNS.iter().zip(group.columns) {
            let Some(mut writer) = out.next_column()? else { break };
            values.write(column, writer.untyped())?;
            writer.close()?;
        }
        out.close()?;
        Ok(())
    }
}

impl Values {
    /// Writes the values of the column.
    fn write(self, column: &Column, writer: &mut ColumnWriter<'_>) -> Result<(), ParquetError> {
        // A required column has no levels.
        let levels = (!column.is_required).then_some(&*self.levels);
        match writer {
            ColumnWriter::Int64ColumnWriter(writer) => {
                writer.write_batch(&self.numbers, levels, None)?;
            }
            ColumnWriter::BoolColumnWriter(writer) => {
                writer.write_batch(&self.flags, levels, None)?;
            }
            ColumnWriter::ByteArrayColumnWriter(writer) => {
                // Slices of one shared buffer, without a copy.
                let texts = Bytes::from(self.texts);
                let mut start = 0;
                let values: Vec<ByteArray> = self
                    .ends
                    .into_iter()
                    .map(|end| texts.slice(mem::replace(&mut start, end)..end).into())
                    .collect();
                writer.write_batch(&values, levels, None)?;
            }
            _ => {
                return Err(ParquetError::General(
                    "a column has a type that is not in the schema".to_owned(),
                ));
            }
        }
        Ok(())
    }
}

/// Returns the microseconds since 1970, or `None` if they exceed 64 bits.
fn micros(time: SystemTime) -> Option<i64> {
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => since.as_micros().try_into().ok(),
        Err(before) => i64::try_from(before.duration().as_micros()).ok().map(|micros| -micros),
    }
}

#[async_trait]
impl Sink for Parquet {
    async fn accept(&mut self, batch: Batch<'_>) -> Result<(), Error> {
        self.write(|writer, group| {
            for asset in batch.assets() {
                group.push(asset)?;
                if group.is_full() {
                    group.write(writer)?;
                }
            }
            Ok(())
        })
    }

    /// Writes nothing; fails if an earlier call has failed.
    async fn flush(&mut self) -> Result<(), Error> {
        // A row group per flush would make a file that is slow to read, and nobody sees the file
        // before it is finished. The call only reports an earlier failure.
        self.write(|_, _| Ok(()))
    }

    /// Writes the last rows and the footer, and moves the file to its path. Later calls fail.
    async fn finish(&mut self) -> Result<(), Error> {
        self.write(|writer, group| if group.rows > 0 { group.write(writer) } else { Ok(()) })?;
        // Taking the writer out of the state makes later calls fail.
        match mem::replace(&mut self.state, State::Finished) {
            State::Open(writer) => {
                // Also writes the footer.
                let file = writer.into_inner();
                let persisted = file
                    .map_err(|error| failed(&self.path, error))
                    .and_then(|mut file| file.persist());
                if persisted.is_err() {
                    self.state = State::Failed;
                }
                persisted
            }
            _ => Ok(()),
        }
    }

    /// Returns [`Delivery::Replace`]: the file of an incomplete scan is removed.
    fn delivery(&self) -> Delivery {
        Delivery::Replace
    }
}
