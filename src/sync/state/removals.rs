//! Reports removals, in batches, after everything was listed.

use super::moves::Moves;
use crate::{
    error::Error,
    sink::Change,
    sync::{
        block::Block,
        block_list::{BlockList, BlockSequence},
        counts::Counts,
        index::BlockIndex,
        row::Reported,
        state_store::StateFiles,
    },
};

/// After how many changes a batch of removals ends.
const BATCH: usize = 1000;

/// The position of a run in the removed rows of its blocks.
///
/// Memory: the rows of one block, and the changes of one batch.
pub(super) struct RemovalCursor {
    sequence: BlockSequence,
    /// The block that may have more removed rows, and its file.
    block: Option<(Block, &'static str)>,
    /// How many removed rows the blocks before have.
    passed: u64,
}

/// Where the rows are, and which removals were reported.
pub(super) struct Source<'a> {
    pub(super) disk: &'a mut dyn StateFiles,
    pub(super) blocks: &'a BlockList,
    pub(super) base: &'a BlockIndex,
    /// Added assets, if they are remembered.
    pub(super) moves: Option<&'a Moves>,
    /// The last run whose removals were reported before this run.
    pub(super) reported_through: u64,
}

impl RemovalCursor {
    /// Begins before the first block.
    pub(super) fn new(mut sequence: BlockSequence, blocks: &BlockList, base: &BlockIndex) -> Self {
        let block = next_block(&mut sequence, blocks, base);
        Self { sequence, block, passed: 0 }
    }

    /// Returns the next changes that report removals, or none after the last one.
    ///
    /// `reported` counts removed rows from the start of the run, also before an interruption: the
    /// rows up to that number are skipped.
    ///
    /// # Errors
    ///
    /// Fails if a block is damaged.
    pub(super) fn next_changes(
        &mut self,
        source: &mut Source<'_>,
        reported: &mut u64,
        counts: &mut Counts,
    ) -> Result<Vec<Change>, Error> {
        let (reported_through, mut changes) = (source.reported_through, Vec::new());
        while let Some((block, file)) = &self.block {
            let mut passed = self.passed;
            let rows = match block.newest_removed > reported_through {
                // Blocks without a new removal need not be read.
                true => block.read_rows(source.disk, file)?,
                false => Vec::new(),
            };
            for row in rows {
                if row.removed.is_none_or(|removed| removed.run <= reported_through) {
                    continue;
                }
                passed += 1;
                // Reported before an interruption, or in an earlier batch of this block.
                if passed <= *reported {
                    continue;
                }
                *reported = passed;
                counts.removed += 1;
                let is_asset = row.last_reported(reported_through) == Reported::Asset;
                // A rejection that is gone was not moved: a sink never had its content.
                let moved_to = source.moves.and_then(|moves| moves.target(&row));
                let moved_to = moved_to.filter(|_| is_asset);
                // Removed as an asset, and listed as a rejection: two changes.
                counts.rejected += u64::from(row.is_listed());
                changes.extend(row.removal_changes(moved_to.cloned()));
                if changes.len() >= BATCH {
                    // The rest of the block comes next time, after the rows that are skipped.
                    return Ok(changes);
                }
            }
            self.passed = passed;
            self.block = next_block(&mut self.sequence, source.blocks, source.base);
        }
        Ok(changes)
    }
}

/// Returns the next block, or `None` after the last one.
fn next_block(
    sequence: &mut BlockSequence,
    blocks: &BlockList,
    base: &BlockIndex,
) -> Option<(Block, &'static str)> {
    sequence.next(blocks, base).map(|(block, file)| (block.clone(), file))
}
