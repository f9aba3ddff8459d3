//! Frames of records in a sort file: compressed, and checked when they are read.
//!
//! A frame starts with the length of its compressed bytes and of its records, as little-endian `u32`,
//! and the XXH3-64 of both lengths and the compressed bytes.

use std::{io, ops::Range};

use xxhash_rust::xxh3::Xxh3;

use super::record;
use crate::{
    error::{Error, ErrorKind},
    sync::state_store::StateFiles,
};

/// The compression level of Zstandard. It is low, because records are read only once or twice.
const LEVEL: i32 = 1;

/// The length of the header: two lengths and a checksum.
const HEADER: usize = 16;

/// No frame has as many bytes. A frame that claims to is damaged.
const MOST: u32 = 1 << 26;

/// Writes frames one after the other.
pub(super) struct FrameWriter {
    file: &'static str,
    /// The size of the file in bytes.
    size: u64,
    /// How many frames were written.
    frames: u64,
    /// After how many bytes of records a frame ends.
    most: usize,
    text: Vec<u8>,
    compressor: zstd::bulk::Compressor<'static>,
}

impl FrameWriter {
    /// Begins at the start of a file, which must not exist.
    pub(super) fn new(file: &'static str, most: usize) -> Result<Self, Error> {
        let compressor = zstd::bulk::Compressor::new(LEVEL).map_err(failed)?;
        Ok(Self { file, size: 0, frames: 0, most, text: Vec::new(), compressor })
    }

    /// Returns the size of the file in bytes.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Returns how many frames were written.
    pub(super) fn frames(&self) -> u64 {
        self.frames
    }

    /// Adds a record, and writes the frame if it has become long enough.
    pub(super) fn add(&mut self, disk: &mut dyn StateFiles, record: &[u8]) -> Result<(), Error> {
        self.text.extend(record);
        if self.text.len() >= self.most { self.end_frame(disk) } else { Ok(()) }
    }

    /// Writes the records that are in no frame yet, if there are any.
    pub(super) fn end_frame(&mut self, disk: &mut dyn StateFiles) -> Result<(), Error> {
        if self.text.is_empty() {
            return Ok(());
        }
        let frame = self.compressor.compress(&self.text).map_err(failed)?;
        // Both are below `MOST`: a frame ends with the record that makes it long enough, and a record
        // has at most 32 MiB.
        let lengths = [frame.len(), self.text.len()];
        let lengths = lengths.map(|length| u32::try_from(length).unwrap_or(u32::MAX));
        let mut bytes = Vec::with_capacity(HEADER + frame.len());
        bytes.extend(lengths.map(u32::to_le_bytes).as_flattened());
        bytes.extend(checksum(&bytes, &frame));
        bytes.extend(frame);
        disk.append(self.file, &bytes).map_err(failed)?;
        self.size += bytes.len() as u64;
        self.frames += 1;
        // Keeps the capacity, which every frame needs again.
        self.text.clear();
        Ok(())
    }
}

/// The records of one frame.
pub(super) struct Frame {
    /// The records, one after the other.
    pub(super) text: Vec<u8>,
    /// Where the records are in `text`.
    pub(super) records: Vec<Range<usize>>,
    /// How many bytes the frame has in its file.
    pub(super) size: u64,
}

impl Frame {
    /// Reads the frame at an offset.
    ///
    /// # Errors
    /// [`State`](ErrorKind::State) if the frame is not what was written.
    pub(super) fn read(disk: &mut dyn StateFiles, file: &str, offset: u64) -> Result<Self, Error> {
        let header = disk.read(file, offset, HEADER).map_err(failed)?;
        let Some((lengths, expected)) = header.split_first_chunk::<8>() else {
            return Err(damaged("it is truncated"));
        };
        let length = |bytes: Option<&[u8; 4]>| bytes.map_or(MOST, |b| u32::from_le_bytes(*b));
        let (packed, length) = (length(lengths.first_chunk()), length(lengths.last_chunk()));
        // Before anything is allocated: a damaged length could ask for 4 GiB.
        if packed >= MOST || length >= MOST {
            return Err(damaged("a frame is too long"));
        }
        let bytes = disk.read(file, offset + HEADER as u64, packed as usize).map_err(failed)?;
        if expected != checksum(lengths, &bytes) {
            return Err(damaged("a frame does not match its checksum"));
        }
        let text = zstd::bulk::decompress(&bytes, length as usize).map_err(failed)?;
        // Finds the records once, so that reading one needs no search.
        let (mut records, mut end) = (Vec::new(), 0);
        while let Some(size) = text.get(end..).and_then(record::size) {
            records.push(end..end + size);
            end += size;
        }
        if end != text.len() || records.is_empty() {
            return Err(damaged("a record is truncated"));
        }
        Ok(Self { text, records, size: (HEADER + bytes.len()) as u64 })
    }
}

/// Returns the checksum over both lengths and the compressed bytes.
fn checksum(lengths: &[u8], frame: &[u8]) -> [u8; 8] {
    let mut hash = Xxh3::new();
    hash.update(lengths);
    hash.update(frame);
    hash.digest().to_le_bytes()
}

/// Returns the error of an operation on a sort file.
///
/// A file that is missing or too short was removed or truncated by somebody else.
pub(super) fn failed(error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::NotFound => damaged("it is truncated"),
        _ => Error::state("sort the names of the listing", error),
    }
}

/// The error of a sort file that has changed. Running again helps, because each run writes its own.
pub(super) fn damaged(what: &str) -> Error {
    Error::new(
        ErrorKind::State,
        format!("a temporary file in which the run sorts names is damaged: {what}; run it again"),
    )
}
