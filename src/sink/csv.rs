//! The assets as comma-separated values.

use std::{
    io::{self, Write},
    path::PathBuf,
};

use async_trait::async_trait;

use super::{
    Batch, Delivery, Sink,
    columns::{COLUMNS, cells},
    json::is_unsafe,
    whole::Whole,
};
use crate::error::Error;

/// A table of the assets as text, for programs or for spreadsheets
///
/// The first row names the [columns](crate::sink#columns). What is unknown is an empty cell, and an
/// empty text is `""`. Rows end in CR and LF. A cell is in quotes, as RFC 4180 has it, if it has a comma,
/// a quote, a space at an end, a control character, or a line break of any kind, U+2028 and U+2029
/// included. Replaced as a whole when the scan is complete, as
/// [`JsonLines`](crate::JsonLines) are, and writes block as theirs do.
///
/// Readers guess the types of columns, and an ETag looks like a hexadecimal number: DuckDB wants to be
/// told `types = {'etag': 'VARCHAR'}`.
///
/// # Names are untrusted
/// Whoever may write to the container chooses them. In the table of [`assets`](Self::assets) each
/// stands exactly as stored: the format can escape no control characters, and a name that was
/// altered finds no blob. So do not print this file to a terminal; and do not open it in a
/// spreadsheet, which takes a cell that begins with `=`, `+`, `-` or `@` for a formula, and computes
/// it. The table [`for_spreadsheets`](Self::for_spreadsheets) is for that.
#[derive(Debug)]
pub struct Csv {
    file: Whole,
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
    /// A text that begins with `=`, `+`, `-`, `@`, their wide forms, a tab, a line break or `'` gets
    /// a `'` in front; to have the text back, take one `'` from the front of each that has any.
    /// Control characters and line separators become `\u{1b}` and the like, and there is no way back from that. A byte
    /// order mark tells Excel that it is UTF-8. The cells are apart by commas, and where a
    /// spreadsheet expects semicolons it must be told so when it imports the file: a text with a
    /// semicolon would fall into two cells, the second of them unguarded.
    ///
    /// # Errors
    /// As [`assets`](Self::assets).
    pub fn for_spreadsheets(path: impl Into<PathBuf>) -> Result<Self, Error> {
        Self::create(path.into(), Reader::Spreadsheet)
    }

    fn create(path: PathBuf, reader: Reader) -> Result<Self, Error> {
        let mut file = Whole::create(path)?;
        file.write(|out| {
            if reader == Reader::Spreadsheet {
                out.write_all("\u{feff}".as_bytes())?;
            }
            let names: Vec<_> = COLUMNS.iter().map(|column| column.name).collect();
            write!(out, "{}\r\n", names.join(","))
        })?;
        Ok(Self { file, reader })
    }
}

fn cell(out: &mut impl Write, text: &str) -> io::Result<()> {
    let is_plain = !text.is_empty()
        && !text.starts_with(' ')
        && !text.ends_with(' ')
        && !text.contains([',', '"'])
        && !text.contains(is_unsafe);
    if is_plain {
        out.write_all(text.as_bytes())
    } else {
        write!(out, "\"{}\"", text.replace('"', "\"\""))
    }
}

/// The text as a spreadsheet may have it
fn guarded(text: &str) -> String {
    let is_risky = text.starts_with([
        '=', '+', '-', '@', '\'', '\t', '\r', '\n', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}',
    ]);
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

#[async_trait]
impl Sink for Csv {
    async fn accept(&mut self, batch: Batch<'_>) -> Result<(), Error> {
        let reader = self.reader;
        self.file.write(|out| {
            for asset in batch.assets() {
                for (at, value) in cells(asset).into_iter().enumerate() {
                    if at > 0 {
                        out.write_all(b",")?;
                    }
                    match (value.into_text(), reader) {
                        (Some(text), Reader::Program) => cell(out, &text)?,
                        (Some(text), Reader::Spreadsheet) => cell(out, &guarded(&text))?,
                        (None, _) => {}
                    }
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

    /// What is not finished is removed
    fn delivery(&self) -> Delivery {
        Delivery::Whole
    }
}
