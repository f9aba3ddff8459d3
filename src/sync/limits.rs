//! How large the parts of a state may be.
//!
//! A checksum finds bytes that changed by accident. Somebody who may write to the folder can make the
//! checksum fit, so every length and number that is read is checked before it is used: a forged state
//! must not take more memory than the limits here allow. Writers keep the same limits, so that a run
//! never writes what the next run refuses. This file knows none of the records that it limits.

use super::format::damaged;
use crate::error::{Error, ErrorKind};

/// The most bytes of the footer of a manifest.
pub(super) const MOST_FOOTER: u64 = 64 << 20;

/// The most bytes of an index frame: a few blocks, with two names each.
pub(super) const MOST_INDEX_FRAME: u64 = 4 << 20;

/// The most bytes of all index frames of a manifest, which are in memory during a run.
///
/// Enough for more than a billion rows with names of 40 bytes.
pub(super) const MOST_INDEX: u64 = 256 << 20;

/// The most bytes of a line of the journal.
pub(super) const MOST_LINE: u64 = 8 << 20;

/// The most bytes of the rows of a block before compression.
pub(super) const MOST_TEXT: u64 = 16 << 20;

/// The most bytes of a compressed block: Zstandard adds at most 1/256 to what it cannot compress.
pub(super) const MOST_FRAME: u64 = MOST_TEXT + (MOST_TEXT >> 8) + (64 << 10);

/// The most bytes of text that may be listed, or wait for the rest of a block, before they are compared.
pub(super) const MOST_BUFFERED: u64 = MOST_TEXT;

/// The most rows in doubt of a journal: all of them are in memory when a run resumes.
const MOST_IN_DOUBT: Volume = Volume { rows: 200_000, text: 128 << 20 };

/// With more rows in doubt than this, a run that resumes lists again, which empties its journal.
///
/// One batch more stays below [`MOST_IN_DOUBT`], because the steps of a run are bounded too.
const MANY_IN_DOUBT: Volume = Volume { rows: 50_000, text: 32 << 20 };

/// No count, file size or run number reaches this value.
const MOST: u64 = 1 << 53;

/// A number of rows, and their bytes as text.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Volume {
    /// The number of rows.
    rows: u64,
    /// Their length as JSON, in bytes.
    text: u64,
}

impl Volume {
    /// Adds the rows of a block.
    pub(super) fn add(&mut self, rows: u64, text: u64) {
        // Saturating, because forged numbers may overflow.
        self.rows = self.rows.saturating_add(rows);
        self.text = self.text.saturating_add(text);
    }

    /// Refuses a journal with more rows in doubt than a run ever leaves.
    pub(super) fn check(self) -> Result<(), Error> {
        match self.exceeds(MOST_IN_DOUBT) {
            true => Err(damaged("the journal has more rows in doubt than a run writes")),
            false => Ok(()),
        }
    }

    /// Refuses to write a prepare record that the next run could not resume from.
    pub(super) fn check_writable(self) -> Result<(), Error> {
        match self.exceeds(MOST_IN_DOUBT) {
            true => Err(Error::new(
                ErrorKind::TooLarge,
                format!(
                    "a batch has {} rows with {} bytes; the limits are {} rows and {} bytes ({} MiB); the blob names are too long for a sync",
                    self.rows,
                    self.text,
                    MOST_IN_DOUBT.rows,
                    MOST_IN_DOUBT.text,
                    MOST_IN_DOUBT.text >> 20
                ),
            )),
            false => Ok(()),
        }
    }

    /// Returns whether there are so many rows in doubt that a run should list again.
    pub(super) fn is_much(self) -> bool {
        self.exceeds(MANY_IN_DOUBT)
    }

    fn exceeds(self, most: Self) -> bool {
        self.rows > most.rows || self.text > most.text
    }
}

/// Returns a length that was read, if it is within its limit.
///
/// # Errors
/// [`StateInvalid`](ErrorKind::StateInvalid) if the length is above the limit.
pub(super) fn length(what: &str, length: u64, most: u64) -> Result<usize, Error> {
    // On 32-bit systems a length may not fit, whatever its limit.
    usize::try_from(length).ok().filter(|_| length <= most).ok_or_else(|| {
        damaged(format_args!("{what} claims to have {length} bytes; the limit is {most} bytes"))
    })
}

/// Refuses to write what the next run would refuse to read.
///
/// # Errors
/// [`TooLarge`](ErrorKind::TooLarge) if the length is above the limit.
pub(super) fn writable(what: &str, length: u64, most: u64) -> Result<(), Error> {
    match length <= most {
        true => Ok(()),
        false => Err(Error::new(
            ErrorKind::TooLarge,
            format!(
                "{what} of the state has {length} bytes; the limit is {most} bytes ({} MiB); the blob names are too long for a sync",
                most >> 20
            ),
        )),
    }
}

/// Refuses numbers that would overflow the sums in which they are used.
pub(super) fn numbers<const N: usize>(what: &str, numbers: [u64; N]) -> Result<(), Error> {
    match numbers.iter().all(|number| *number <= MOST) {
        true => Ok(()),
        false => Err(damaged(format_args!("{what} has a number above 2^53"))),
    }
}

/// Returns the most bytes that a row with texts of this many bytes can have as JSON.
pub(super) fn most_json(texts: usize) -> u64 {
    // JSON writes a control character as six bytes; everything else in a row is below 512 bytes.
    texts as u64 * 6 + 512
}
