//! Blocks of about 2,500 rows, each compressed and described separately.
//!
//! A block is the unit that a run keeps, reads or replaces. Rows in a block ascend by name, and blocks
//! of one file do not overlap. Everything that is read here is checked against `limits.rs`.

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::{
    disk::Disk,
    fingerprint::Fingerprint,
    format::damaged,
    limits::{self, MOST_FRAME, MOST_TEXT},
    row::{Reported, Row},
};
use crate::{error::Error, scan::Bound, sink::write_json, validate::Reason};

/// How many rows a block has. Smaller blocks compress worse, larger ones are read for fewer changes.
pub(super) const ROWS: usize = 2500;

/// The most rows of a block that is read. Writers make fewer than twice [`ROWS`].
const MOST_ROWS: u64 = 2 * ROWS as u64;

/// The compression level of Zstandard: higher ones save little for their time.
const LEVEL: i32 = 3;

/// The description of a block: where it is, and what it holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Block {
    /// The name of the first row.
    pub(super) first: Box<str>,
    /// The name of the last row.
    pub(super) last: Box<str>,
    /// Where the frame starts in its file, in bytes.
    pub(super) offset: u64,
    /// The length of the frame in bytes.
    pub(super) length: u64,
    /// The length of the rows before compression, in bytes.
    pub(super) text: u64,
    /// The XXH3-64 of the frame.
    frame: u64,
    /// The number of rows, with those of removed blobs.
    pub(super) rows: u64,
    /// The number of rows that the listing had.
    pub(super) listed: u64,
    /// The number of assets.
    pub(super) assets: u64,
    /// The number of listed rows that could not be processed. Manifests of earlier builds lack it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) errors: u64,
    /// The number of assets whose removal was not reported when the block was written.
    #[serde(default, skip_serializing_if = "is_zero")]
    missing: u64,
    /// The first run that found one of the rows removed, or 0.
    #[serde(rename = "oldest_gone", default, skip_serializing_if = "is_zero")]
    pub(super) oldest_removed: u64,
    /// The last run that found one of the rows removed, or 0.
    #[serde(rename = "newest_gone", default, skip_serializing_if = "is_zero")]
    pub(super) newest_removed: u64,
    /// The [`Fingerprint`] of the listed rows.
    #[serde(with = "hexadecimal")]
    print: u128,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Block {
    /// Returns the bound before the first row.
    pub(super) fn from(&self) -> Bound {
        Bound::Before(self.first.to_string())
    }

    /// Returns the bound after the last row.
    pub(super) fn to(&self) -> Bound {
        Bound::After(self.last.to_string())
    }

    /// Returns the description of the same frame at another place.
    pub(super) fn moved_to(&self, offset: u64) -> Self {
        Self { offset, ..self.clone() }
    }

    /// Returns how many assets are removed without a report.
    ///
    /// A block is not written again when its removals are reported, so `missing` counts only if the
    /// block has removals after the last run whose removals were reported.
    pub(super) fn unreported_removals(&self, reported_through: u64) -> u64 {
        if self.newest_removed > reported_through { self.missing } else { 0 }
    }

    /// Returns whether a listing with this many entries and this fingerprint has changed nothing.
    pub(super) fn has_fingerprint(&self, listed: u64, fingerprint: u128) -> bool {
        self.listed == listed && self.print == fingerprint
    }

    /// Checks the numbers of a description that was read.
    ///
    /// # Errors
    ///
    /// [`StateInvalid`](crate::ErrorKind::StateInvalid) if a number is above its limit.
    pub(super) fn check(&self) -> Result<(), Error> {
        let Self { offset, length, text, rows, listed, assets, errors, missing, .. } = *self;
        limits::numbers("a block", [offset, length, self.oldest_removed, self.newest_removed])?;
        limits::length("a block", length, MOST_FRAME)?;
        limits::length("the text of a block", text, MOST_TEXT)?;
        // Before rows are allocated by this number.
        if rows > MOST_ROWS || [listed, assets, errors, missing].iter().any(|part| *part > rows) {
            return Err(damaged(format_args!(
                "a block claims to have {rows} rows and {listed} listed rows"
            )));
        }
        Ok(())
    }

    /// Reads the frame of the block, and checks it.
    ///
    /// # Errors
    ///
    /// [`StateInvalid`](crate::ErrorKind::StateInvalid) if the bytes differ from those that were
    /// written.
    pub(super) fn read_frame(&self, disk: &mut dyn Disk, file: &str) -> Result<Vec<u8>, Error> {
        self.check()?;
        let length = limits::length("a block", self.length, MOST_FRAME)?;
        let frame = read_bytes(disk, file, self.offset, length)?;
        match frame.len() as u64 == self.length && xxh3_64(&frame) == self.frame {
            true => Ok(frame),
            false => Err(damaged("a block does not match its checksum")),
        }
    }

    /// Returns the rows of a frame that [`read_frame`](Self::read_frame) has checked.
    ///
    /// # Errors
    ///
    /// [`StateInvalid`](crate::ErrorKind::StateInvalid) if the rows do not match the description.
    pub(super) fn decode(&self, frame: &[u8]) -> Result<Vec<Row>, Error> {
        let length = limits::length("the text of a block", self.text, MOST_TEXT)?;
        // The length bounds the buffer: a frame that would be longer is an error.
        let text = zstd::bulk::decompress(frame, length)
            .map_err(|error| damaged(format_args!("a block cannot be decompressed: {error}")))?;
        // Bounded by the check of the description.
        let mut rows = Vec::with_capacity(usize::try_from(self.rows).unwrap_or_default());
        for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let row: Row = serde_json::from_slice(line)
                .map_err(|error| damaged(format_args!("a row cannot be read: {error}")))?;
            row.check()?;
            if rows.len() as u64 == self.rows {
                return Err(damaged("a block has more rows than its description"));
            }
            rows.push(row);
        }
        if rows.len() as u64 != self.rows {
            return Err(damaged("a block has fewer rows than its description"));
        }
        Ok(rows)
    }

    /// Reads the rows of the block.
    pub(super) fn read_rows(&self, disk: &mut dyn Disk, file: &str) -> Result<Vec<Row>, Error> {
        self.decode(&self.read_frame(disk, file)?)
    }
}

/// Reads bytes that a run has written.
///
/// # Errors
/// [`StateInvalid`](crate::ErrorKind::StateInvalid) if the file ends before the last of them.
pub(super) fn read_bytes(
    disk: &mut dyn Disk,
    file: &str,
    offset: u64,
    length: usize,
) -> Result<Vec<u8>, Error> {
    disk.read(file, offset, length).map_err(|error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => damaged(format_args!("`{file}` is truncated")),
        _ => Error::state("read a part of the state", error),
    })
}

/// 128 bits as text, because many readers of JSON lose digits of such numbers.
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

/// Compresses rows into blocks, with buffers that are allocated once.
pub(super) struct Packer {
    compressor: zstd::bulk::Compressor<'static>,
    /// The rows of the block that is being written, as JSON Lines.
    text: Vec<u8>,
}

impl Packer {
    pub(super) fn new() -> Result<Self, Error> {
        let make = || {
            let mut compressor = zstd::bulk::Compressor::new(LEVEL)?;
            // For other tools: a run checks the XXH3 of the frame, which other readers do not know.
            compressor.include_checksum(true)?;
            Ok(Self { compressor, text: Vec::new() })
        };
        make().map_err(failed)
    }

    /// Returns the frame of rows and its description. There must be at least one row.
    ///
    /// `offset` is where the caller will write the frame; `reported_through` is the last run whose
    /// removals were reported.
    ///
    /// # Errors
    /// [`TooLarge`](crate::ErrorKind::TooLarge) if the rows are longer than a block may be.
    pub(super) fn pack(
        &mut self,
        rows: &[Row],
        offset: u64,
        reported_through: u64,
    ) -> Result<(Vec<u8>, Block), Error> {
        let mut fingerprint = Fingerprint::default();
        let (mut listed, mut assets, mut errors, mut missing) = (0, 0, 0, 0);
        self.text.clear();
        for row in rows {
            write_json(&mut self.text, row).map_err(failed)?;
            self.text.push(b'\n');
            if row.is_listed() {
                listed += 1;
                errors += u64::from(row.reason.is_some_and(Reason::is_error));
                fingerprint.add_row(row);
            }
            assets += u64::from(row.is_asset());
            let has_asset = row.last_reported(reported_through) == Reported::Asset;
            // Also rejections that were assets: a sink still has these.
            missing += u64::from(!row.is_asset() && has_asset);
        }
        // Names have a limit in Azure, but not in other services.
        limits::writable("a block", self.text.len() as u64, MOST_TEXT)?;
        let frame = self.compressor.compress(&self.text).map_err(failed)?;
        let name = |row: Option<&Row>| row.map_or("", |row| &row.name).into();
        let removed = || rows.iter().filter_map(|row| row.removed).map(|removed| removed.run);
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
            errors,
            missing,
            oldest_removed: removed().min().unwrap_or_default(),
            newest_removed: removed().max().unwrap_or_default(),
            print: fingerprint.finish(),
        };
        Ok((frame, block))
    }
}

fn failed(error: std::io::Error) -> Error {
    Error::state("compress rows", error)
}

/// Splits rows into the blocks that they will make.
///
/// A block has at least `size` rows and fewer than twice as many, or fewer if their texts are long.
pub(super) fn split_into_blocks(rows: &[Row], size: usize) -> impl Iterator<Item = &[Row]> {
    let count = (rows.len() / size.max(1)).max(1);
    // Parts of the same size: a short last block would cost as much as a full one to read.
    let parts = rows.chunks(rows.len().div_ceil(count).max(1));
    parts.flat_map(|part| {
        let mut text = 0;
        part.chunk_by(move |_, next| {
            // Starts with the second row: the first one fits alone, by the limit on names.
            text += next.most_text();
            let fits = text <= MOST_TEXT / 2;
            text = if fits { text } else { 0 };
            fits
        })
    })
}
