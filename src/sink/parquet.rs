//! The assets as a Parquet file.

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

/// How many rows a group has, which are in memory until they are written together
const ROWS: usize = 100_000;

/// How many bytes of text a group has at most: rows of long names are written earlier
const TEXT: usize = 64 << 20;

/// A Parquet file with a row for each asset
///
/// The [columns](crate::sink#columns) are strings, except `size`, a signed 64-bit integer, which holds
/// each size that a store can list; `is_current`, a Boolean; `last_modified` and `created`, timestamps
/// in microseconds, UTC. Absent values are null. Compressed with Snappy, which every reader has.
///
/// The file has its types, so that no reader guesses them:
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
/// flush writes none, because an incomplete file is removed. Replaced when the scan is complete, as
/// [`JsonLines`](crate::JsonLines) are, and writes block as theirs do. Names are untrusted, and exactly
/// as stored; use [`file_name`](super::file_name) to make a path of a name.
///
/// ```no_run
/// # async fn example(scan: azure_asset_sync::Scan) -> Result<(), azure_asset_sync::Error> {
/// use azure_asset_sync::sink::Parquet;
///
/// scan.run(Parquet::assets("assets.parquet")?).await?;
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Parquet {
    path: PathBuf,
    state: State,
    group: Group,
}

#[derive(Debug)]
enum State {
    Open(Box<SerializedFileWriter<AtomicFile>>),
    Finished,
    Failed,
}

impl Parquet {
    /// Writes the assets
    ///
    /// # Errors
    /// [`ErrorKind::Sink`] if no file can be made in the folder.
    pub fn assets(path: impl Into<PathBuf>) -> Result<Self, Error> {
        let path = path.into();
        let file = AtomicFile::create(path.clone())?;
        let writer = open(file).map_err(|error| failed(&path, error))?;
        Ok(Self { path, state: State::Open(Box::new(writer)), group: Group::default() })
    }

    /// Lets a function write; after an error of it there is no file any more
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
        let what = format!("the sink of `{path}` {why} before; make a new one");
        Err(Error::new(ErrorKind::Sink, what))
    }
}

fn open(file: AtomicFile) -> Result<SerializedFileWriter<AtomicFile>, ParquetError> {
    let columns = COLUMNS.map(|column| {
        let presence = if column.is_always { "REQUIRED" } else { "OPTIONAL" };
        match column.of {
            Type::Text => format!("{presence} BYTE_ARRAY {} (STRING);", column.name),
            Type::Flag => format!("{presence} BOOLEAN {};", column.name),
            Type::Number => format!("{presence} INT64 {};", column.name),
            Type::Time => format!("{presence} INT64 {} (TIMESTAMP(MICROS,true));", column.name),
        }
    });
    let schema = parse_message_type(&format!("message assets {{ {} }}", columns.concat()))?;
    let mut properties = WriterProperties::builder().set_compression(Compression::SNAPPY);
    // Each has its own: a dictionary would only be in the way.
    for unique in ["name", "etag", "content_md5"] {
        let path = ColumnPath::from(unique);
        properties = properties
            .set_column_dictionary_enabled(path.clone(), false)
            .set_column_encoding(path, Encoding::PLAIN);
    }
    SerializedFileWriter::new(file, Arc::new(schema), Arc::new(properties.build()))
}

/// The error of the file where it is one
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

/// Rows that are written together
#[derive(Debug, Default)]
struct Group {
    rows: usize,
    text: usize,
    columns: [Values; COUNT],
}

/// What a group has in a column
#[derive(Debug, Default)]
struct Values {
    /// For each row whether there is something
    levels: Vec<i16>,
    numbers: Vec<i64>,
    flags: Vec<bool>,
    /// Texts, one behind the other, and where each ends
    texts: Vec<u8>,
    ends: Vec<usize>,
}

impl Group {
    fn push(&mut self, asset: &Asset) -> Result<(), ParquetError> {
        for (values, cell) in self.columns.iter_mut().zip(cells(asset)) {
            let is_there = match cell {
                Cell::Nothing => false,
                Cell::Text(text) => {
                    self.text += text.len();
                    values.texts.extend_from_slice(text.as_bytes());
                    values.ends.push(values.texts.len());
                    true
                }
                Cell::Number(number) => {
                    values.numbers.push(number.try_into()?);
                    true
                }
                Cell::Flag(flag) => {
                    values.flags.push(flag);
                    true
                }
                Cell::Time(time) => {
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

    fn is_full(&self) -> bool {
        self.rows >= ROWS || self.text >= TEXT
    }

    fn write(&mut self, writer: &mut SerializedFileWriter<AtomicFile>) -> Result<(), ParquetError> {
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
    fn write(self, column: &Column, writer: &mut ColumnWriter<'_>) -> Result<(), ParquetError> {
        let levels = (!column.is_always).then_some(&*self.levels);
        match writer {
            ColumnWriter::Int64ColumnWriter(writer) => {
                writer.write_batch(&self.numbers, levels, None)?;
            }
            ColumnWriter::BoolColumnWriter(writer) => {
                writer.write_batch(&self.flags, levels, None)?;
            }
            ColumnWriter::ByteArrayColumnWriter(writer) => {
                let texts = Bytes::from(self.texts);
                let mut start = 0;
                let values: Vec<ByteArray> = self
                    .ends
                    .into_iter()
                    .map(|end| texts.slice(mem::replace(&mut start, end)..end).into())
                    .collect();
                writer.write_batch(&values, levels, None)?;
            }
            _ => return Err(ParquetError::General("a column of no known type".to_owned())),
        }
        Ok(())
    }
}

/// Microseconds since 1970; `None` where they are too many
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

    async fn flush(&mut self) -> Result<(), Error> {
        // A row group for each flush would be a poor file, and the file is not in its place.
        self.write(|_, _| Ok(()))
    }

    async fn finish(&mut self) -> Result<(), Error> {
        self.write(|writer, group| if group.rows > 0 { group.write(writer) } else { Ok(()) })?;
        match mem::replace(&mut self.state, State::Finished) {
            State::Open(writer) => {
                // Which writes the end of the file, too.
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

    /// The file of a scan that is not complete is removed
    fn delivery(&self) -> Delivery {
        Delivery::Replace
    }
}
