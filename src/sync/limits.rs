//! How large the parts of a state may be, so that a state which somebody has changed takes no more
//! memory than one that a run has written.
//!
//! A checksum shows that bytes have changed by accident. Whoever may write to the folder can make it
//! fit again, so each length and number that is read is checked before it is used. Writers keep the
//! same limits.

use super::{
    block::{Block, ROWS, damaged},
    journal::{Commit, Counts, Header},
    manifest::Index,
    row::Row,
};
use crate::{
    error::{Error, ErrorKind},
    validate::Verdict,
};

/// How many bytes the index of a manifest may have: enough for a thousand million rows
pub(super) const MOST_INDEX: u64 = 64 << 20;

/// How many bytes a part of the index may have: a few blocks, with two names each
pub(super) const MOST_LEAF: u64 = 4 << 20;

/// How many bytes a line of the journal may have
pub(super) const MOST_LINE: u64 = 8 << 20;

/// How many bytes the rows of a block may have as text
pub(super) const MOST_TEXT: u64 = 16 << 20;

/// How many bytes a block may have as it is stored: Zstandard adds a 256th to what it cannot compress
pub(super) const MOST_FRAME: u64 = MOST_TEXT + (MOST_TEXT >> 8) + (64 << 10);

/// How many rows a block may have; writers make at most half as many more than [`ROWS`]
const MOST_ROWS: u64 = 2 * ROWS as u64;

/// How many rows, and how many bytes of them as text, the commits of a journal may have that were
/// prepared and not made final: all of them are in memory when a run goes on
const MOST_IN_DOUBT: Volume = Volume { rows: 200_000, text: 128 << 20 };

/// With more than this a run that goes on lists again, which empties its journal. One batch more is
/// below the limit above, because the parts that a step is made of are bounded, too.
const MANY_IN_DOUBT: Volume = Volume { rows: 50_000, text: 32 << 20 };

/// How many bytes of text may be listed, or wait for the rest of their block, before they are compared
pub(super) const MOST_HELD: u64 = MOST_TEXT;

/// How many rows there are, and how many bytes of text they have
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Volume {
    rows: u64,
    text: u64,
}

impl Volume {
    /// Adds the blocks of a commit that is not final, as far as a state may have them
    pub(super) fn add(&mut self, blocks: &[Block]) -> Result<(), Error> {
        for block in blocks {
            self.rows = self.rows.saturating_add(block.rows);
            self.text = self.text.saturating_add(block.text);
        }
        match self.exceeds(MOST_IN_DOUBT) {
            true => Err(damaged("its journal has more rows than a run is in doubt about")),
            false => Ok(()),
        }
    }

    pub(super) fn is_much(self) -> bool {
        self.exceeds(MANY_IN_DOUBT)
    }

    fn exceeds(self, most: Self) -> bool {
        self.rows > most.rows || self.text > most.text
    }
}

/// Refuses to write a commit that a run could not go on with
pub(super) fn writable_commit(is_open: bool, blocks: &[Block]) -> Result<(), Error> {
    let mut volume = Volume::default();
    match volume.add(blocks) {
        Err(_) if is_open => Err(Error::new(
            ErrorKind::TooLarge,
            format!(
                "a batch has {} rows with {} bytes; the limits are {} and {}; the names of the container are too long",
                volume.rows, volume.text, MOST_IN_DOUBT.rows, MOST_IN_DOUBT.text
            ),
        )),
        _ => Ok(()),
    }
}

/// No count, size of a file or number of a run is as high
const MOST: u64 = 1 << 53;

/// A length that was read, if it is within its limit
pub(super) fn length(what: &str, length: u64, most: u64) -> Result<usize, Error> {
    usize::try_from(length).ok().filter(|_| length <= most).ok_or_else(|| {
        damaged(format_args!("{what} claims to have {length} bytes; the limit is {most}"))
    })
}

/// Refuses to write what could not be read again
pub(super) fn writable(what: &str, length: usize, most: u64) -> Result<(), Error> {
    match length as u64 <= most {
        true => Ok(()),
        false => Err(Error::new(
            ErrorKind::TooLarge,
            format!(
                "{what} of the state has {length} bytes; the limit is {most}; the names of the container are too long"
            ),
        )),
    }
}

fn numbers<const N: usize>(what: &str, numbers: [u64; N]) -> Result<(), Error> {
    match numbers.iter().all(|number| *number <= MOST) {
        true => Ok(()),
        false => Err(damaged(format_args!("{what} has a number above 2^53"))),
    }
}

pub(super) fn check_block(block: &Block) -> Result<(), Error> {
    let Block { offset, length, text, rows, listed, assets, missing, .. } = *block;
    numbers("a block", [offset, length, block.oldest_removed, block.newest_removed])?;
    self::length("a block", length, MOST_FRAME)?;
    self::length("the text of a block", text, MOST_TEXT)?;
    if rows > MOST_ROWS || listed > rows || assets > rows || missing > rows {
        return Err(damaged(format_args!(
            "a block claims to have {rows} rows and {listed} listed"
        )));
    }
    Ok(())
}

pub(super) fn check_index(index: &Index) -> Result<(), Error> {
    let sums = &index.sums;
    let all =
        [index.number, index.told, sums.listed, sums.assets, sums.missing, sums.newest_removed];
    numbers("the manifest's index", all)?;
    numbers("the manifest's index", [index.nameless])?;
    let Some(partial) = &index.partial else { return Ok(()) };
    numbers("the manifest's index", [partial.pass, partial.batches, partial.nameless])?;
    check_counts("the manifest's index", &partial.counts)
}

pub(super) fn check_header(header: &Header) -> Result<(), Error> {
    numbers("the journal", [header.number, header.pass])
}

fn check_counts(what: &str, counts: &Counts) -> Result<(), Error> {
    let Counts { added, changed, restored, removed, rejected, unchanged } = *counts;
    numbers(what, [added, changed, restored, removed, rejected, unchanged])
}

pub(super) fn check_commit(commit: &Commit) -> Result<(), Error> {
    let all = [commit.batches, commit.rows, commit.told, commit.nameless];
    numbers("a line of the journal", all)?;
    check_counts("a line of the journal", &commit.counts)?;
    commit.new.iter().try_for_each(check_block)
}

pub(super) fn check_row(row: &Row) -> Result<(), Error> {
    numbers("a row", [row.removed.map_or(0, |removed| removed.run)])
}

/// How many bytes a row has as text at most
pub(super) fn most_text(row: &Row) -> u64 {
    let etag = row.etag.as_ref().map_or(0, |etag| etag.as_str().len());
    let media_type = row.media_type.as_ref().map_or(0, |media_type| media_type.as_str().len());
    let detail = row.detail.as_ref().map_or(0, |detail| detail.len());
    most_of(row.name.len() + etag + media_type + detail)
}

/// How many bytes the row of a verdict has as text at most
pub(super) fn most_text_of(verdict: &Verdict) -> u64 {
    let name = verdict.name().map_or(0, str::len);
    most_of(match verdict {
        Verdict::Accept(asset) => {
            let etag = asset.blob.etag.as_ref().map_or(0, |etag| etag.as_str().len());
            name + etag + asset.media_type.as_str().len()
        }
        Verdict::Reject(rejection) => {
            let etag = rejection.etag.as_ref().map_or(0, |etag| etag.as_str().len());
            name + etag + rejection.detail.len()
        }
    })
}

fn most_of(texts: usize) -> u64 {
    // JSON writes a control character with six bytes; the rest of a row is short.
    texts as u64 * 6 + 512
}
