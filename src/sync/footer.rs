//! The footer of a manifest: which run has written it, its totals, and where its index frames are.
//!
//! The footer is the last frame of the file and is read first. A file without a valid footer is not
//! a manifest, so half a manifest can never be taken for a complete one.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::{
    block::Block,
    counts::Counts,
    disk::Disk,
    format::{BASE, FORMAT, MANIFEST, SKIPPABLE_HEADER, check_format, damaged, skippable_frame},
    index::{BlockIndex, IndexFrame},
    limits::{self, MOST_FOOTER, MOST_INDEX},
    row_json::required_time,
};
use crate::{error::Error, sink::RunId, store::NameOrder};

/// The last bytes of a manifest.
const END: [u8; 8] = *b"AASYNC\r\n";

/// The length of the trailer: offset, length and XXH3-64 of the JSON, and [`END`].
const TRAILER: usize = 32;

/// The JSON object of a footer.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Footer {
    format: u32,
    /// The run that has written the file.
    pub(super) run: RunId,
    /// The number of that run, from 1.
    pub(super) number: u64,
    /// When that run began.
    #[serde(with = "required_time")]
    pub(super) at: SystemTime,
    /// The prefix that was listed. A state belongs to one.
    pub(super) prefix: String,
    /// The caller's name for the source, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) source: Option<String>,
    /// The order of the rows, which is the order of the listing. `None` if there was no blob.
    pub(super) order: Option<NameOrder>,
    /// The order to expect of the next listing, if it is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) expected: Option<NameOrder>,
    /// The fingerprint of the rules.
    pub(super) rules: u64,
    /// The removals that runs up to this number noticed were reported.
    // The JSON keeps the words of format 3, here and below.
    #[serde(rename = "told")]
    pub(super) reported_through: u64,
    /// How many entries of the listing had no readable name.
    #[serde(default)]
    pub(super) nameless: u64,
    #[serde(rename = "sums")]
    totals: Totals,
    /// Only in `run.base`.
    #[serde(rename = "partial", default, skip_serializing_if = "Option::is_none")]
    carried: Option<Carried>,
    #[serde(rename = "leaves")]
    index: Vec<IndexFrame>,
}

/// The results that a run carries from a pass into the next one, in `run.base`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Carried {
    /// The run whose manifest the run started from.
    pub(super) base: Option<RunId>,
    /// The number of the pass that begins with this file. The first pass of a run is 0.
    pub(super) pass: u64,
    /// How many batches a sink has taken.
    pub(super) batches: u64,
    /// The counts of the changes that were reported in the passes before.
    pub(super) counts: Counts,
    /// How many entries without a readable name were reported in the passes before.
    #[serde(default)]
    pub(super) nameless: u64,
}

impl Carried {
    /// Returns how many listed blobs the passes before have reported.
    ///
    /// The next pass finds these blobs unchanged, but they do not count as such.
    pub(super) fn reported(&self) -> u64 {
        let Counts { added, changed, restored, rejected, .. } = self.counts;
        (added + changed + restored + rejected).saturating_sub(self.nameless)
    }
}

/// The sums over all blocks, so that most questions need no block index.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct Totals {
    /// How many blobs the listing had.
    pub(super) listed: u64,
    /// How many of them are assets.
    pub(super) assets: u64,
    /// How many of them could not be processed.
    #[serde(default)]
    pub(super) errors: u64,
    /// How many assets are removed without a report.
    pub(super) missing: u64,
    /// The last run that found rows removed, or 0.
    #[serde(rename = "newest_gone")]
    pub(super) newest_removed: u64,
}

impl Totals {
    /// Adds a block, where `reported_through` is the last run whose removals were reported.
    pub(super) fn add(&mut self, block: &Block, reported_through: u64) {
        self.listed += block.listed;
        self.assets += block.assets;
        self.errors += block.errors;
        self.missing += block.unreported_removals(reported_through);
        self.newest_removed = self.newest_removed.max(block.newest_removed);
    }

    /// Returns how many assets a sink has, as far as it was given them.
    pub(super) fn held(&self) -> u64 {
        self.assets + self.missing
    }
}

/// The facts about a manifest that are known before its first row is written.
///
/// Apart from [`Footer`], so that a writer cannot set totals or index frames itself.
#[derive(Clone)]
pub(super) struct Identity {
    pub(super) run: RunId,
    pub(super) number: u64,
    pub(super) at: SystemTime,
    pub(super) prefix: String,
    pub(super) source: Option<String>,
    pub(super) order: Option<NameOrder>,
    pub(super) expected: Option<NameOrder>,
    pub(super) rules: u64,
    pub(super) reported_through: u64,
    pub(super) nameless: u64,
    /// Set if the file is to be `run.base`.
    pub(super) carried: Option<Carried>,
}

impl Footer {
    /// Returns the footer of a manifest without rows.
    pub(super) fn new(identity: Identity) -> Self {
        // Field by field, so that the compiler reports a field that is not used.
        let Identity { run, number, at, prefix, source, order, expected, .. } = identity;
        let Identity { rules, reported_through, nameless, carried, .. } = identity;
        Self {
            format: FORMAT,
            run,
            number,
            at,
            prefix,
            source,
            order,
            expected,
            rules,
            reported_through,
            nameless,
            totals: Totals::default(),
            carried,
            index: Vec::new(),
        }
    }

    /// Adds a block to the totals.
    pub(super) fn add_block(&mut self, block: &Block) {
        self.totals.add(block, self.reported_through);
    }

    /// Appends the index frame of some blocks to a file of `size` bytes.
    ///
    /// # Errors
    ///
    /// [`TooLarge`](crate::ErrorKind::TooLarge) if the names are too long for an index frame, or if the
    /// index becomes longer than the next run reads.
    pub(super) fn append_index_frame(
        &mut self,
        disk: &mut dyn Disk,
        file: &str,
        size: &mut u64,
        blocks: &[Block],
    ) -> Result<(), Error> {
        let frame = IndexFrame::append(disk, file, size, blocks, self.index.last())?;
        self.index.extend(frame);
        let total = self.index.iter().map(IndexFrame::length).sum::<u64>();
        limits::writable("the index", total, MOST_INDEX)
    }

    /// Returns the sums over all blocks.
    pub(super) fn totals(&self) -> Totals {
        self.totals
    }

    /// Returns what the run carries from the pass before, if this is `run.base`.
    pub(super) fn carried(&self) -> Option<&Carried> {
        self.carried.as_ref()
    }

    /// Reads the block index of the file with this footer.
    ///
    /// # Errors
    ///
    /// [`StateInvalid`](crate::ErrorKind::StateInvalid) if an index frame is damaged.
    pub(super) fn read_index(
        &self,
        disk: &mut dyn Disk,
        file: &'static str,
    ) -> Result<BlockIndex, Error> {
        BlockIndex::read(disk, file, &self.index)
    }

    /// Returns the descriptions of the index frames.
    pub(super) fn into_index(self) -> Vec<IndexFrame> {
        self.index
    }

    /// Forgets the descriptions of the index frames, once the index was read.
    pub(super) fn drop_index(&mut self) {
        self.index = Vec::new();
    }

    /// Returns the last frame of the file, which starts at this offset.
    ///
    /// # Errors
    ///
    /// [`TooLarge`](crate::ErrorKind::TooLarge) if the index has too many frames.
    pub(super) fn frame(&self, offset: u64) -> Result<Vec<u8>, Error> {
        let mut content = serde_json::to_vec(self)
            .map_err(|error| Error::state("write the footer of the manifest", error.into()))?;
        limits::writable("the footer", content.len() as u64, MOST_FOOTER)?;
        let trailer = [offset + SKIPPABLE_HEADER as u64, content.len() as u64, xxh3_64(&content)];
        content.extend(trailer.map(u64::to_le_bytes).as_flattened());
        content.extend(END);
        skippable_frame(&content)
    }

    /// Reads the footer of the manifest, or returns `None` if there is no manifest.
    ///
    /// # Errors
    ///
    /// [`StateInvalid`](crate::ErrorKind::StateInvalid) if the file is truncated, damaged or of
    /// another format version.
    pub(super) fn read_manifest(disk: &mut dyn Disk) -> Result<Option<Self>, Error> {
        match Self::read(disk, MANIFEST)? {
            // Somebody has renamed `run.base`: it looks like a manifest, but the listing was not
            // complete.
            Some(Self { carried: Some(_), .. }) => {
                Err(damaged("the manifest belongs to a run that has not ended"))
            }
            footer => Ok(footer),
        }
    }

    /// Reads the footer of `run.base`, or returns `None` if there is no such file.
    pub(super) fn read_base(disk: &mut dyn Disk) -> Result<Option<Self>, Error> {
        Self::read(disk, BASE)
    }

    /// Reads the trailer, then the JSON that it points to.
    fn read(disk: &mut dyn Disk, file: &str) -> Result<Option<Self>, Error> {
        let failed = |error| Error::state("read the manifest", error);
        let Some(size) = disk.size(file).map_err(failed)? else { return Ok(None) };
        let truncated = || damaged("the manifest is truncated");
        // The trailer has a fixed length, so that a reader finds it from the end.
        let at = size.checked_sub(TRAILER as u64).ok_or_else(truncated)?;
        let trailer = disk.read(file, at, TRAILER).map_err(failed)?;
        let (numbers, _) = trailer.as_chunks::<8>();
        let [start, length, checksum, end] = *numbers else { return Err(truncated()) };
        let [start, length, checksum] = [start, length, checksum].map(u64::from_le_bytes);
        // The JSON must end at the trailer. Otherwise the file has grown or shrunk since.
        if end != END || start.checked_add(length) != Some(at) {
            return Err(truncated());
        }
        let length = limits::length("the footer of the manifest", length, MOST_FOOTER)?;
        let json = disk.read(file, start, length).map_err(failed)?;
        if xxh3_64(&json) != checksum {
            return Err(damaged("the footer of the manifest does not match its checksum"));
        }
        // Before the keys are read, because another version may have others.
        check_format(&json)?;
        let footer: Self = serde_json::from_slice(&json)
            .map_err(|error| damaged(format_args!("the footer of the manifest: {error}")))?;
        footer.check()?;
        Ok(Some(footer))
    }

    /// Checks the numbers of a footer that was read.
    ///
    /// The texts need no check: their length is bounded by that of the footer.
    fn check(&self) -> Result<(), Error> {
        const WHAT: &str = "the footer of the manifest";
        // Totals are added and subtracted, and must not overflow.
        let Totals { listed, assets, errors, missing, newest_removed } = self.totals;
        limits::numbers(WHAT, [self.number, self.reported_through, self.nameless])?;
        limits::numbers(WHAT, [listed, assets, errors, missing, newest_removed])?;
        let Some(carried) = &self.carried else { return Ok(()) };
        limits::numbers(WHAT, [carried.pass, carried.batches, carried.nameless])?;
        carried.counts.check(WHAT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{error::ErrorKind, testing::TestDisk};

    fn footer(format: u32) -> Footer {
        let identity = Identity {
            run: RunId::random(),
            number: 7,
            at: SystemTime::UNIX_EPOCH,
            prefix: "a/".into(),
            source: None,
            order: None,
            expected: None,
            rules: 0,
            reported_through: 3,
            nameless: 0,
            carried: None,
        };
        Footer { format, ..Footer::new(identity) }
    }

    #[test]
    fn other_format_versions_are_named_and_refused() {
        for (format, want) in [(FORMAT, None), (0, Some("an older")), (99, Some("a newer"))] {
            let mut disk = TestDisk::new(1);
            disk.append(MANIFEST, &footer(format).frame(0).unwrap()).unwrap();
            match (Footer::read_manifest(&mut disk), want) {
                (Ok(Some(read)), None) => {
                    assert_eq!((read.number, read.reported_through), (7, 3));
                }
                (Err(error), Some(want)) => {
                    assert_eq!(error.kind(), ErrorKind::StateInvalid);
                    assert!(error.to_string().contains(want), "{error}");
                }
                other => panic!("{format}: {other:?}"),
            }
        }
    }
}
