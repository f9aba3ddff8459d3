//! The block index: the descriptions of all blocks of a manifest, by ascending name.
//!
//! On disk the index is cut into index frames that stand between the blocks, so that a manifest is
//! written from start to end. In memory it is one flat list: about 230 bytes for a block of 2,500 rows,
//! which is about 1 MB for ten million rows. A list needs no cache, no second file and no error
//! handling where it is used.

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::{
    block::{Block, read_bytes},
    format::{SKIPPABLE_HEADER, damaged, skippable_frame},
    limits::{self, MOST_INDEX, MOST_INDEX_FRAME},
    row::Row,
    state_store::StateFiles,
};
use crate::{error::Error, scan::Bound, store::NameOrder};

/// The description of an index frame, in the footer of a manifest.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct IndexFrame {
    /// The name of the last row that the frame covers.
    last: Box<str>,
    /// The number of blocks up to the end of the frame.
    end: usize,
    /// Where the frame starts in its file, in bytes.
    offset: u64,
    /// The length in bytes, with the header of the frame.
    length: usize,
    /// The XXH3-64 of the frame.
    frame: u64,
}

impl IndexFrame {
    /// Appends the index frame of some blocks to a file of `size` bytes, and describes it.
    ///
    /// Returns `None`, and writes nothing, if there are no blocks.
    ///
    /// # Errors
    ///
    /// [`TooLarge`](crate::ErrorKind::TooLarge) if the names are too long for an index frame.
    pub(super) fn append(
        disk: &mut dyn StateFiles,
        file: &str,
        size: &mut u64,
        blocks: &[Block],
        previous: Option<&Self>,
    ) -> Result<Option<Self>, Error> {
        let failed = |error| Error::state("write an index frame", error);
        let Some(last) = blocks.last() else { return Ok(None) };
        let json = serde_json::to_vec(blocks).map_err(|error| failed(error.into()))?;
        // Not compressed: the index is small, and readers need no decompressor for it.
        let frame = skippable_frame(&json)?;
        limits::writable("an index frame", frame.len() as u64, MOST_INDEX_FRAME)?;
        let described = Self {
            last: last.last.clone(),
            end: previous.map_or(0, |previous| previous.end) + blocks.len(),
            offset: *size,
            length: frame.len(),
            frame: xxh3_64(&frame),
        };
        *size += frame.len() as u64;
        disk.append(file, &frame).map_err(failed)?;
        Ok(Some(described))
    }

    /// Reads the blocks of the frame, where `start` is the position of the first one.
    ///
    /// # Errors
    ///
    /// [`StateInvalid`](crate::ErrorKind::StateInvalid) if the frame is damaged.
    pub(super) fn read(
        &self,
        disk: &mut dyn StateFiles,
        file: &str,
        start: usize,
    ) -> Result<Vec<Block>, Error> {
        let length = limits::length("an index frame", self.length as u64, MOST_INDEX_FRAME)?;
        let bytes = read_bytes(disk, file, self.offset, length)?;
        if xxh3_64(&bytes) != self.frame {
            return Err(damaged("an index frame does not match its checksum"));
        }
        let json = bytes.get(SKIPPABLE_HEADER..).unwrap_or_default();
        let blocks: Vec<Block> = serde_json::from_slice(json)
            .map_err(|error| damaged(format_args!("an index frame cannot be read: {error}")))?;
        blocks.iter().try_for_each(Block::check)?;
        // The positions of later blocks depend on this number.
        match start.checked_add(blocks.len()) == Some(self.end) {
            true => Ok(blocks),
            false => Err(damaged("an index frame has another number of blocks than it claims")),
        }
    }

    /// Returns the number of blocks up to the end of the frame.
    pub(super) fn end(&self) -> usize {
        self.end
    }

    /// Returns the length of the frame in bytes, as a limit counts it.
    pub(super) fn length(&self) -> u64 {
        self.length as u64
    }
}

/// The blocks of a file, by ascending name and without overlap.
#[derive(Debug)]
pub(super) struct BlockIndex {
    // INVARIANT: `blocks` ascend and do not overlap. A writer checks this before it writes them,
    // and lookups by name depend on it.
    file: &'static str,
    blocks: Vec<Block>,
}

impl BlockIndex {
    /// Reads the index of a file from its index frames.
    ///
    /// # Errors
    /// [`StateInvalid`](crate::ErrorKind::StateInvalid) if a frame is damaged, or if the frames
    /// overlap or are longer in total than a run writes.
    pub(super) fn read(
        disk: &mut dyn StateFiles,
        file: &'static str,
        frames: &[IndexFrame],
    ) -> Result<Self, Error> {
        let mut blocks = Vec::new();
        let (mut end, mut total) = (0, 0_u64);
        for frame in frames {
            // A forged footer could name the same frame many times, and fill the memory from a
            // small file. Frames that a run has written ascend.
            if frame.offset < end {
                return Err(damaged("index frames overlap"));
            }
            end = frame.offset.saturating_add(frame.length());
            total = total.saturating_add(frame.length());
            limits::length("the index of the manifest", total, MOST_INDEX)?;
            blocks.append(&mut frame.read(disk, file, blocks.len())?);
        }
        Ok(Self { file, blocks })
    }

    /// Returns the name of the file with the blocks.
    pub(super) fn file(&self) -> &'static str {
        self.file
    }

    /// Returns the number of blocks.
    pub(super) fn len(&self) -> usize {
        self.blocks.len()
    }

    /// Returns the block at a position, or `None` after the last one.
    pub(super) fn get(&self, position: usize) -> Option<&Block> {
        self.blocks.get(position)
    }

    /// Returns names that divide the rows into at most this many parts of the same size.
    pub(super) fn split_names(&self, parts: usize) -> Vec<String> {
        let step = self.len().div_ceil(parts.max(1)).max(1);
        self.blocks.iter().step_by(step).skip(1).map(|block| block.first.to_string()).collect()
    }

    /// Returns the position of the first block that has names after a bound.
    /// The result is the number of blocks if there is no such block.
    pub(super) fn first_after(&self, bound: &Bound, order: NameOrder) -> usize {
        self.blocks.partition_point(|block| !bound.is_before(&block.last, order))
    }
}

/// The rows that a pass compares a listing with, and the disk to read them from.
///
/// Borrowed for one step: the merge owns neither the disk nor the index.
pub(super) struct Base<'a> {
    disk: &'a mut dyn StateFiles,
    index: &'a BlockIndex,
}

impl<'a> Base<'a> {
    pub(super) fn new(disk: &'a mut dyn StateFiles, index: &'a BlockIndex) -> Self {
        Self { disk, index }
    }

    /// Returns the index of the rows.
    pub(super) fn index(&self) -> &'a BlockIndex {
        self.index
    }

    /// Reads the rows of a block.
    pub(super) fn rows(&mut self, block: &Block) -> Result<Vec<Row>, Error> {
        block.read_rows(self.disk, self.index.file)
    }
}
