//! [`Csv`]: the assets as comma-separated values.
//!
//! CSV has no types and no escapes, and names come from strangers. So there are two forms: one in
//! which every text is exact, for programs, and one that a spreadsheet cannot mistake for a
//! formula.

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

/// A CSV file of the assets, for programs or for spreadsheets.
///
/// ```no_run
/// # async fn example(scan: azure_asset_sync::Scan) -> Result<(), azure_asset_sync::Error> {
/// use azure_asset_sync::sink::Csv;
///
/// scan.run((Csv::assets("assets.csv")?, Csv::for_spreadsheets("sheet.csv")?)).await?;
/// # Ok(()) }
/// ```
///
/// The first row names the [columns](crate::sink#columns). The header and every text are quoted as
/// in RFC 4180, so that readers which sample the first rows recognize the dialect. Numbers and
/// `true` or `false` are not quoted. An absent value is an empty cell. Rows end with CR and LF.
///
/// # How to read it
/// CSV has no types, and a reader that guesses them changes values: `0001` becomes 1, an ETag
/// becomes a hexadecimal number, a version ID a time with one digit less. These calls return each
/// value as it is in the file.
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
/// # After a failed run
/// The file of the previous run stays as it was, and the temporary file is removed, as for
/// [`JsonLines`](crate::JsonLines#after-a-failed-run). Writes block the calling task.
///
/// # Names are untrusted
/// Anyone who can write to the container chooses names. In the file of [`assets`](Self::assets)
/// each name is exactly as stored, because the format cannot escape control characters, and an
/// altered name would find no blob. So do not print the file to a terminal, and do not open it in a
/// spreadsheet, which evaluates a cell that begins with `=`, `+`, `-` or `@` as a formula: write
/// [`for_spreadsheets`](Self::for_spreadsheets) instead. Use [`file_name`](super::file_name) to
/// derive a path from a name.
#[derive(Debug)]
pub struct Csv {
    file: AtomicFile,
    reader: Reader,
}

/// The kind of program that reads the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reader {
    /// Gets every text as it is.
    Program,
    /// Gets texts that it displays and does not evaluate.
    Spreadsheet,
}

impl Csv {
    /// Creates a sink that writes the assets to this path, with each text as it is.
    ///
    /// # Errors
    /// [`ErrorKind::Sink`](crate::ErrorKind::Sink) if no file can be created in the folder.
    pub fn assets(path: impl Into<PathBuf>) -> Result<Self, Error> {
        Self::create(path.into(), Reader::Program)
    }

    /// Creates a sink that writes the assets to this path, so that a spreadsheet displays each text
    /// and evaluates none.
    ///
    /// A text gets a `'` in front if it begins with `=`, `+`, `-`, `@`, their full-width forms, a
    /// tab, a line break or `'`, or if a spreadsheet could read it as a number, a date or a truth
    /// value, such as `0001` or `MAR1`. To restore the text, remove one `'` from the front of each
    /// text that has one. Control characters and line separators become an escape such as `\u{1b}`,
    /// which cannot be reversed. A byte order mark makes Excel read the file as UTF-8.
    ///
    /// Cells are separated by commas. If a spreadsheet expects semicolons, choose the comma when
    /// you import the file. Otherwise a text with a semicolon is split into two cells, and the
    /// second one is not guarded.
    ///
    /// # Errors
    /// As [`assets`](Self::assets).
    #[doc(alias = "Excel")]
    #[doc(alias = "CSV injection")]
    pub fn for_spreadsheets(path: impl Into<PathBuf>) -> Result<Self, Error> {
        Self::create(path.into(), Reader::Spreadsheet)
    }

    /// Creates the file with its header.
    fn create(path: PathBuf, reader: Reader) -> Result<Self, Error> {
        let mut file = AtomicFile::create(path)?;
        file.write(|out| {
            // Excel takes a file without a byte order mark for one in the code page of the machine.
            if reader == Reader::Spreadsheet {
                out.write_all("\u{feff}".as_bytes())?;
            }
            let names = COLUMNS.map(|column| format!("\"{}\"", column.name));
            write!(out, "{}\r\n", names.join(","))
        })?;
        Ok(Self { file, reader })
    }
}

/// Writes a cell, quoted if its column has texts.
fn write_cell(out: &mut impl Write, cell: Cell<'_>, reader: Reader) -> io::Result<()> {
    // Times are quoted like texts, so that no reader converts them by itself.
    let has_quotes = matches!(cell, Cell::Text(_) | Cell::Time(_));
    let Some(mut text) = cell.into_text() else { return Ok(()) };
    if !has_quotes {
        return out.write_all(text.as_bytes());
    }
    if reader == Reader::Spreadsheet {
        text = guarded(&text).into();
    }
    // RFC 4180: a quote within a text is doubled.
    write!(out, "\"{}\"", text.replace('"', "\"\""))
}

/// Returns the text in a form that a spreadsheet displays and does not evaluate.
fn guarded(text: &str) -> String {
    // The full-width forms too, which some spreadsheets treat as the ASCII characters.
    let is_risky = text.starts_with([
        '=', '+', '-', '@', '\'', '\t', '\r', '\n', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}',
    ]) || may_be_converted(text);
    let mut safe = String::with_capacity(text.len() + 1);
    safe.extend(is_risky.then_some('\''));
    for character in text.chars() {
        // A spreadsheet would show nothing, or a line break within the cell.
        match is_unsafe(character) {
            true => safe.extend(character.escape_unicode()),
            false => safe.push(character),
        }
    }
    safe
}

/// Returns whether a spreadsheet could read a text as a number, a date, a time or a truth value.
///
/// Errs on the side of a guard: every run of letters in such a text is a month or one of a few
/// words, and long texts are none.
fn may_be_converted(text: &str) -> bool {
    // In numbers (`1e5`), times (`10:30 PM`, `2026-11-24T08:49`) and truth values.
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

    /// Moves the file to its path. Later calls fail.
    async fn finish(&mut self) -> Result<(), Error> {
        self.file.persist()
    }

    /// Returns [`Delivery::Replace`]: the file of an incomplete scan is removed.
    fn delivery(&self) -> Delivery {
        Delivery::Replace
    }
}
