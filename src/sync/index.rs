//! The index in two levels: leaves that describe some blocks each, and a list of the leaves.
//!
//! Only the list is in memory, and the leaves that were asked for last.

use std::{collections::VecDeque, fmt::Display};

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::{
    block::{self, Block, damaged},
    disk::Disk,
    entries::ASIDE,
    limits,
    manifest::{read_block, read_bytes},
    row::Row,
    sort::Limits,
};
use crate::{
    error::{Error, ErrorKind},
    scan::Bound,
    store::NameOrder,
};

/// The start of a frame that decompressors skip (RFC 8878, section 3.1.2)
const SKIPPED: [u8; 4] = 0x184d_2a5a_u32.to_le_bytes();

/// How long the head of such a frame is
pub(super) const HEAD: usize = SKIPPED.len() + size_of::<u32>();

/// A frame that decompressors skip
pub(super) fn skipped(content: &[u8]) -> Result<Vec<u8>, Error> {
    let length = u32::try_from(content.len())
        .map_err(|_| Error::new(ErrorKind::TooLarge, "the manifest's index is over 4 GiB"))?;
    Ok([&SKIPPED, &length.to_le_bytes()[..], content].concat())
}

/// How much of what is in a state, and what of it is in memory
#[derive(Clone, Copy, Debug)]
pub(super) struct Sizes {
    /// How many rows a block has
    pub(super) rows: usize,
    /// How many blocks a leaf describes
    pub(super) leaf: usize,
    /// How many leaves of the run before are in memory
    pub(super) leaves: usize,
    /// For a listing that must be sorted
    pub(super) sort: Limits,
}

impl Default for Sizes {
    fn default() -> Self {
        Self { rows: block::ROWS, leaf: 16, leaves: 8, sort: Limits::default() }
    }
}

impl Sizes {
    /// So small that a few names have many leaves, which leave the memory and come again
    #[cfg(feature = "testing")]
    pub(super) fn of_rows(rows: usize) -> Self {
        let sort = Limits { run: 2000 * (1 + rows), frame: 400 * (1 + rows), runs: 2 + rows % 3 };
        Self { rows, leaf: 1 + rows % 4, leaves: 1 + rows % 3, sort }
    }
}

/// A part of the index that describes some neighbours
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Leaf {
    /// The name of the last row
    last: Box<str>,
    /// How many blocks there are up to its end
    end: usize,
    /// The place of its frame in the file, in bytes
    offset: u64,
    length: usize,
    /// The XXH3 of the frame
    frame: u64,
}

impl Leaf {
    /// Its blocks, of which the first is in a place
    fn read(&self, disk: &mut dyn Disk, file: &str, start: usize) -> Result<Vec<Block>, Error> {
        let length = limits::length("a part of an index", self.length as u64, limits::MOST_LEAF)?;
        let bytes = read_bytes(disk, file, self.offset, length)?;
        let wrong = |what: &dyn Display| damaged(format_args!("a part of an index {what}"));
        if xxh3_64(&bytes) != self.frame {
            return Err(wrong(&"has other bytes than were written"));
        }
        let json = bytes.get(HEAD..).unwrap_or_default();
        let blocks: Vec<Block> = serde_json::from_slice(json)
            .map_err(|error| wrong(&format_args!("cannot be read: {error}")))?;
        blocks.iter().try_for_each(limits::check_block)?;
        match start.checked_add(blocks.len()) == Some(self.end) {
            true => Ok(blocks),
            false => Err(wrong(&"has another number of blocks than it had")),
        }
    }
}

/// Adds what describes some blocks behind a file that has so many bytes, and to the list
pub(super) fn append_leaf(
    disk: &mut dyn Disk,
    file: &str,
    size: &mut u64,
    leaves: &mut Vec<Leaf>,
    blocks: &[Block],
) -> Result<(), Error> {
    let failed = |error| Error::state("write an index", error);
    let Some(last) = blocks.last() else { return Ok(()) };
    let json = serde_json::to_vec(blocks).map_err(|error| failed(error.into()))?;
    let frame = skipped(&json)?;
    limits::writable("a part of an index", frame.len(), limits::MOST_LEAF)?;
    leaves.push(Leaf {
        last: last.last.clone(),
        end: leaves.last().map_or(0, |leaf| leaf.end) + blocks.len(),
        offset: *size,
        length: frame.len(),
        frame: xxh3_64(&frame),
    });
    *size += frame.len() as u64;
    disk.append(file, &frame).map_err(failed)
}

/// Blocks that ascend and do not overlap, in the leaves of a file
#[derive(Debug)]
pub(super) struct Blocks {
    file: &'static str,
    leaves: Vec<Leaf>,
    /// Those that were read, by their number; the one that was asked for last is the last
    read: VecDeque<(usize, Vec<Block>)>,
    /// How many that may be
    most: usize,
}

impl Blocks {
    pub(super) fn new(file: &'static str, leaves: Vec<Leaf>, most: usize) -> Self {
        Self { file, leaves, read: VecDeque::new(), most }
    }

    /// The file that they are in
    pub(super) fn file(&self) -> &'static str {
        self.file
    }

    /// How many there are
    pub(super) fn len(&self) -> usize {
        self.leaves.last().map_or(0, |leaf| leaf.end)
    }

    /// Adds a leaf of blocks behind them, at the end of the file, which has so many bytes
    pub(super) fn append(
        &mut self,
        disk: &mut dyn Disk,
        size: &mut u64,
        blocks: &[Block],
    ) -> Result<(), Error> {
        append_leaf(disk, self.file, size, &mut self.leaves, blocks)
    }

    /// The block in a place
    pub(super) fn get(
        &mut self,
        disk: &mut dyn Disk,
        place: usize,
    ) -> Result<Option<Block>, Error> {
        let number = self.leaves.partition_point(|leaf| leaf.end <= place);
        let inside = place.saturating_sub(self.start(number));
        Ok(self.leaf(disk, number)?.get(inside).cloned())
    }

    /// The place of the first block that ends behind a cut
    fn first_behind(
        &mut self,
        disk: &mut dyn Disk,
        cut: &Bound,
        order: NameOrder,
    ) -> Result<usize, Error> {
        let number = self.leaves.partition_point(|leaf| !cut.is_before(&leaf.last, order));
        let leaf = self.leaf(disk, number)?;
        let inside = leaf.partition_point(|block| !cut.is_before(&block.last, order));
        Ok(self.start(number) + inside)
    }

    /// The place of a leaf's first block
    fn start(&self, number: usize) -> usize {
        let before = number.checked_sub(1).and_then(|before| self.leaves.get(before));
        before.map_or(0, |leaf| leaf.end)
    }

    /// The blocks of a leaf; none behind the last one
    fn leaf(&mut self, disk: &mut dyn Disk, number: usize) -> Result<&[Block], Error> {
        let known = self.read.iter().position(|(other, _)| *other == number);
        let known = known.and_then(|place| self.read.remove(place));
        let known = match (known, self.leaves.get(number)) {
            (Some(known), _) => known,
            (None, None) => return Ok(&[]),
            (None, Some(leaf)) => {
                // First, so that there is never one more.
                while self.read.len() >= self.most.max(1) {
                    self.read.pop_front();
                }
                let blocks = leaf.read(disk, self.file, self.start(number));
                // What a run puts aside is made anew, where all else is as it should be.
                let anew = |error: Error| match (self.file, error.kind()) {
                    (ASIDE, kind) if kind != ErrorKind::State => Error::new(
                        ErrorKind::State,
                        format!(
                            "`{ASIDE}`, which a run makes for itself, has other bytes than were written; run it again, and it goes on"
                        ),
                    ),
                    _ => error,
                };
                let blocks = blocks.map_err(anew)?;
                (number, blocks)
            }
        };
        self.read.push_back(known);
        Ok(self.read.back().map_or(&[], |(_, blocks)| blocks))
    }
}

/// What is known of the run before, and where to read it
pub(super) struct Known<'a> {
    pub(super) disk: &'a mut dyn Disk,
    pub(super) blocks: &'a mut Blocks,
}

impl Known<'_> {
    /// The block in a place; `None` behind the last one
    pub(super) fn block(&mut self, place: usize) -> Result<Option<Block>, Error> {
        self.blocks.get(self.disk, place)
    }

    /// The place of the first block that ends behind a cut
    pub(super) fn first_behind(&mut self, cut: &Bound, order: NameOrder) -> Result<usize, Error> {
        self.blocks.first_behind(self.disk, cut, order)
    }

    /// The rows of a block
    pub(super) fn rows(&mut self, block: &Block) -> Result<Vec<Row>, Error> {
        read_block(self.disk, self.blocks.file(), block)
    }
}
