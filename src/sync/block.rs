//! Rows in blocks: some thousand lines of JSON, compressed by themselves.

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::{
    limits::{MOST_TEXT, check_block, check_row, most_text, writable},
    row::{Print, Row, Told},
};
use crate::{
    error::{Error, ErrorKind},
    scan::Bound,
    sink::write_json,
};

/// How many rows a block has
pub(super) const ROWS: usize = 2500;

/// Of Zstandard: the figures of more are not worth their time
const LEVEL: i32 = 3;

/// Where a block is, and what is known of it without reading it
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Block {
    /// The names of its first and last row
    pub(super) first: Box<str>,
    pub(super) last: Box<str>,
    /// The place of its frame in the file, in bytes
    pub(super) offset: u64,
    pub(super) length: u64,
    /// The bytes of its rows as text
    pub(super) text: u64,
    /// The XXH3 of the frame
    pub(super) frame: u64,
    pub(super) rows: u64,
    /// How many of them the listing had
    pub(super) listed: u64,
    /// How many are assets
    pub(super) assets: u64,
    /// How many assets are gone without a sink being told
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) missing: u64,
    /// The first and the last run that found rows gone; 0 where none is
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) oldest_gone: u64,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) newest_gone: u64,
    /// The [`Print`] of what the listing had, in hexadecimal digits
    #[serde(with = "hexadecimal")]
    pub(super) print: u128,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Block {
    /// The place before its first row
    pub(super) fn from(&self) -> Bound {
        Bound::Before(self.first.to_string())
    }

    /// The place behind its last row
    pub(super) fn to(&self) -> Bound {
        Bound::After(self.last.to_string())
    }

    /// How many assets are gone without a sink being told, which was told of all up to a run
    pub(super) fn missing(&self, told: u64) -> u64 {
        if self.newest_gone > told { self.missing } else { 0 }
    }

    pub(super) fn has_print(&self, listed: u64, print: u128) -> bool {
        self.listed == listed && self.print == print
    }

    /// Whether its bytes are those that were written
    pub(super) fn check(&self, frame: &[u8]) -> Result<(), Error> {
        if frame.len() as u64 == self.length && xxh3_64(frame) == self.frame {
            return Ok(());
        }
        Err(damaged("a block has other bytes than were written"))
    }
}

/// 128 bits, of which many readers of JSON know no number
mod hexadecimal {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(number: &u128, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&format_args!("{number:032x}"))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<u128, D::Error> {
        let text = String::deserialize(from)?;
        u128::from_str_radix(&text, 16).map_err(D::Error::custom)
    }
}

/// A state that is not what was written
pub(super) fn damaged(what: impl std::fmt::Display) -> Error {
    Error::new(
        ErrorKind::StateInvalid,
        format!("the state is damaged: {what}; restore it, or move it away to begin anew"),
    )
}

/// Makes frames of rows, in room that is taken once
pub(super) struct Packer {
    compressor: zstd::bulk::Compressor<'static>,
    text: Vec<u8>,
}

impl Packer {
    pub(super) fn new() -> Result<Self, Error> {
        let make = || {
            let mut compressor = zstd::bulk::Compressor::new(LEVEL)?;
            compressor.include_checksum(true)?;
            Ok(Self { compressor, text: Vec::new() })
        };
        make().map_err(failed)
    }

    /// The frame and the description of rows, of which there must be one at least
    ///
    /// `told` is the last run whose removals were told.
    pub(super) fn pack(
        &mut self,
        rows: &[Row],
        offset: u64,
        told: u64,
    ) -> Result<(Vec<u8>, Block), Error> {
        let mut print = Print::default();
        let (mut listed, mut assets, mut missing) = (0, 0, 0);
        self.text.clear();
        for row in rows {
            write_json(&mut self.text, row).map_err(failed)?;
            self.text.push(b'\n');
            if row.is_listed() {
                listed += 1;
                print.add_row(row);
            }
            assets += u64::from(row.is_asset());
            missing += u64::from(!row.is_asset() && row.told(told) == Told::Asset);
        }
        writable("a block", self.text.len(), MOST_TEXT)?;
        let frame = self.compressor.compress(&self.text).map_err(failed)?;
        let name = |row: Option<&Row>| row.map_or("", |row| &row.name).into();
        let gone = || rows.iter().filter_map(|row| row.gone).map(|gone| gone.run);
        let block = Block {
            first: name(rows.first()),
            last: name(rows.last()),
            offset,
            length: frame.len() as u64,
            text: self.text.len() as u64,
            frame: xxh3_64(&frame),
            rows: rows.len() as u64,
            listed,
            assets,
            missing,
            oldest_gone: gone().min().unwrap_or_default(),
            newest_gone: gone().max().unwrap_or_default(),
            print: print.finish(),
        };
        Ok((frame, block))
    }
}

fn failed(error: std::io::Error) -> Error {
    Error::state("compress rows", error)
}

/// The rows of a frame
pub(super) fn unpack(frame: &[u8], block: &Block) -> Result<Vec<Row>, Error> {
    check_block(block)?;
    block.check(frame)?;
    let length = super::limits::length("the text of a block", block.text, MOST_TEXT)?;
    let text = zstd::bulk::decompress(frame, length)
        .map_err(|error| damaged(format_args!("a frame cannot be decompressed: {error}")))?;
    let mut rows = Vec::with_capacity(usize::try_from(block.rows).unwrap_or_default());
    for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let row: Row = serde_json::from_slice(line)
            .map_err(|error| damaged(format_args!("a row cannot be read: {error}")))?;
        check_row(&row)?;
        if rows.len() as u64 == block.rows {
            return Err(damaged("a block has more rows than it had"));
        }
        rows.push(row);
    }
    if rows.len() as u64 != block.rows {
        return Err(damaged("a block has another number of rows than it had"));
    }
    Ok(rows)
}

/// Rows in pieces that make a block each: of so many rows or up to half as many more, and of fewer if
/// they are too long together
pub(super) fn pieces(rows: &[Row], size: usize) -> impl Iterator<Item = &[Row]> {
    let count = (rows.len() / size.max(1)).max(1);
    let parts = rows.chunks(rows.len().div_ceil(count).max(1));
    parts.flat_map(|part| {
        let mut text = 0;
        part.chunk_by(move |_, next| {
            // What the rows of the piece have until then; the first one counts with the second.
            text += most_text(next);
            let fits = text <= MOST_TEXT / 2;
            text = if fits { text } else { 0 };
            fits
        })
    })
}
