//! The assets as comma-separated values.

use std::{
    io::{self, Write},
    path::PathBuf,
};

use async_trait::async_trait;

use super::{
    Batch, Delivery, Sink,
    atomic_file::AtomicFile,
    columns::{COLUMNS, Cell, cells},
    json::is_unsafe,
};
use crate::error::Error;

/// A table of the assets as text, for programs or for spreadsheets
///
/// The first row names the [columns](crate::sink#columns). The header and every text are in quotes, as
/// in RFC 4180, so that the first rows show the dialect to readers that sample them. Numbers and
/// `true` or `false` have no quotes. An absent value is an empty cell. Rows end with CR and LF.
///
/// Replaced when the scan is complete, as [`JsonLines`](crate::JsonLines) are, and writes block as
/// theirs do.
///
/// # How to read it
/// CSV has no types. A reader that guesses them changes values: `0001` becomes 1, an ETag a
/// hexadecimal number, a version id a time with one digit less. These calls return each value as it
/// is in the file.
///
/// DuckDB:
///
/// ```python
/// import duckdb
/// table = duckdb.sql("""
///     SELECT * REPLACE (size::BIGINT AS size, is_current::BOOLEAN AS is_current)
///     FROM read_csv('assets.csv', header = true, delim = ',', quote = '"', escape = '"',
///                   all_varchar = true)
/// """)
/// ```
///
/// pandas:
///
/// ```python
/// import pandas
/// table = pandas.read_csv("assets.csv", dtype=str, keep_default_na=False)
/// table = table.astype({"size": "int64"})
/// ```
///
/// Polars:
///
/// ```python
/// import polars
/// table = polars.read_csv("assets.csv", infer_schema=False)
/// table = table.with_columns(polars.col("size").cast(polars.Int64))
/// ```
///
/// # Names are untrusted
/// Anybody who may write to the container chooses names. In the table of [`assets`](Self::assets) each
/// name is exactly as stored: the format cannot escape control characters, and an altered name finds
/// no blob. So do not print this file to a terminal, and do not open it in a spreadsheet, which
/// computes a cell that begins with `=`, `+`, `-` or `@` as a formula. Use
/// [`for_spreadsheets`](Self::for_spreadsheets) for that. Use [`file_name`](super::file_name) to make
/// a path of a name.
#[derive(Debug)]
pub struct Csv {
    file: AtomicFile,
    reader: Reader,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reader {
    Program,
    Spreadsheet,
}

impl Csv {
    /// Writes the assets, with each text as it is
    ///
    /// # Errors
    /// [`ErrorKind::Sink`](crate::ErrorKind::Sink) where no file can be made in the folder.
    pub fn assets(path: impl Into<PathBuf>) -> Result<Self, Error> {
        Self::create(path.into(), Reader::Program)
    }

    /// Writes the assets so that a spreadsheet shows each text and computes none
    ///
    /// A text gets a `'` in front if it begins with `=`, `+`, `-`, `@`, their wide forms, a tab, a
    /// line break or `'`, or if a spreadsheet could take it for a number, a date or a truth value, such
    /// as `0001` or `MAR1`. To get the text back, remove one `'` from the front of each text that has
    /// one. Control characters and line separators become `\u{1b}` and the like, which cannot be
    /// reversed. A byte order mark tells Excel that the file is UTF-8.
    ///
    /// Cells are separated by commas. If a spreadsheet expects semicolons, choose the comma when you
    /// import the file: otherwise a text with a semicolon falls into two cells, the second of them
    /// unguarded.
    ///
    /// # Errors
    /// As [`assets`](Self::assets).
    pub fn for_spreadsheets(path: impl Into<PathBuf>) -> Result<Self, Error> {
        Self::create(path.into(), Reader::Spreadsheet)
    }

    fn create(path: PathBuf, reader: Reader) -> Result<Self, Error> {
        let mut file = AtomicFile::create(path)?;
        file.write(|out| {
            if reader == Reader::Spreadsheet {
                out.write_all("\u{feff}".as_bytes())?;
            }
            let names = COLUMNS.map(|column| format!("\"{}\"", column.name));
            write!(out, "{}\r\n", names.join(","))
        })?;
        Ok(Self { file, reader })
    }
}

fn write_cell(out: &mut impl Write, cell: Cell<'_>, reader: Reader) -> io::Result<()> {
    let has_quotes = matches!(cell, Cell::Text(_) | Cell::Time(_));
    let Some(mut text) = cell.into_text() else { return Ok(()) };
    if !has_quotes {
        return out.write_all(text.as_bytes());
    }
    if reader == Reader::Spreadsheet {
        text = guarded(&text).into();
    }
    write!(out, "\"{}\"", text.replace('"', "\"\""))
}

/// The text in a form that a spreadsheet shows and does not compute
fn guarded(text: &str) -> String {
    let is_risky = text.starts_with([
        '=', '+', '-', '@', '\'', '\t', '\r', '\n', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}',
    ]) || may_be_converted(text);
    let mut safe = String::with_capacity(text.len() + 1);
    safe.extend(is_risky.then_some('\''));
    for character in text.chars() {
        match is_unsafe(character) {
            true => safe.extend(character.escape_unicode()),
            false => safe.push(character),
        }
    }
    safe
}

/// Whether a spreadsheet could take a text for a number, a date, a time or a truth value
///
/// Each word of such a text is made of digits, or is one of few words.
fn may_be_converted(text: &str) -> bool {
    const WORDS: [&str; 6] = ["true", "false", "e", "am", "pm", "t"];
    const MONTHS: [&str; 12] =
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let is_known = |word: &str| {
        let word = word.to_lowercase();
        word.is_empty()
            || WORDS.contains(&&*word)
            || word.get(..3).is_some_and(|start| MONTHS.contains(&start))
    };
    let mut words = text.split(|c: char| !c.is_alphabetic());
    !text.is_empty() && text.len() <= 64 && words.all(is_known)
}

#[async_trait]
impl Sink for Csv {
    async fn accept(&mut self, batch: Batch<'_>) -> Result<(), Error> {
        let reader = self.reader;
        self.file.write(|out| {
            for asset in batch.assets() {
                for (at, cell) in cells(asset).into_iter().enumerate() {
                    if at > 0 {
                        out.write_all(b",")?;
                    }
                    write_cell(out, cell, reader)?;
                }
                out.write_all(b"\r\n")?;
            }
            Ok(())
        })
    }

    async fn flush(&mut self) -> Result<(), Error> {
        self.file.flush()
    }

    async fn finish(&mut self) -> Result<(), Error> {
        self.file.persist()
    }

    /// The file of a scan that is not complete is removed
    fn delivery(&self) -> Delivery {
        Delivery::Replace
    }
}
