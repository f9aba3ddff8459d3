//! Writes a manifest from start to end: blocks, index frames and the footer.
//!
//! The file becomes visible by a rename after it is durable, so a crash leaves either the manifest of
//! before or the new one. In memory are the blocks of the next index frame and the footer.

use std::io;

use super::{
    block::Block,
    footer::{Footer, Identity, Totals},
    format::MANIFEST_NEW,
    state_store::StateFiles,
};
use crate::error::Error;

/// A manifest that is being written.
pub(super) struct ManifestWriter {
    /// Collects the totals and the index frames.
    footer: Footer,
    /// The size of the file in bytes.
    size: u64,
    /// How many blocks an index frame describes.
    blocks_per_frame: usize,
    /// The blocks of the next index frame.
    blocks: Vec<Block>,
}

impl ManifestWriter {
    /// Begins a manifest, and removes what an interrupted writer has left.
    pub(super) fn begin(
        disk: &mut dyn StateFiles,
        identity: Identity,
        blocks_per_frame: usize,
    ) -> Result<Self, Error> {
        disk.remove(MANIFEST_NEW).map_err(failed)?;
        let footer = Footer::new(identity);
        Ok(Self { footer, size: 0, blocks_per_frame, blocks: Vec::new() })
    }

    /// Returns where the next block will start, in bytes.
    pub(super) fn offset(&self) -> u64 {
        self.size
    }

    /// Returns the last run whose removals were reported, as the manifest will state it.
    pub(super) fn reported_through(&self) -> u64 {
        self.footer.reported_through
    }

    /// Appends a block, which must start at [`offset`](Self::offset).
    ///
    /// # Errors
    ///
    /// [`State`](crate::ErrorKind::State) if the disk is full or fails. The file is then removed by
    /// the next run.
    pub(super) fn add(
        &mut self,
        disk: &mut dyn StateFiles,
        frame: &[u8],
        block: Block,
    ) -> Result<(), Error> {
        // The frame first: an index frame describes only blocks that precede it.
        disk.append(MANIFEST_NEW, frame).map_err(failed)?;
        self.size += block.length;
        self.footer.add_block(&block);
        self.blocks.push(block);
        match self.blocks.len() >= self.blocks_per_frame {
            true => self.end_index_frame(disk),
            false => Ok(()),
        }
    }

    /// Writes the index frame of the blocks since the one before.
    fn end_index_frame(&mut self, disk: &mut dyn StateFiles) -> Result<(), Error> {
        self.footer.append_index_frame(disk, MANIFEST_NEW, &mut self.size, &self.blocks)?;
        self.blocks.clear();
        Ok(())
    }

    /// Makes the manifest durable, renames it to `file`, and returns its totals.
    ///
    /// # Errors
    ///
    /// [`State`](crate::ErrorKind::State) if the disk fails. The file of before is then still in
    /// place, or the new one is complete.
    pub(super) fn finish(mut self, disk: &mut dyn StateFiles, file: &str) -> Result<Totals, Error> {
        self.end_index_frame(disk)?;
        // The footer is last, so that a file without a footer is known to be incomplete.
        let frame = self.footer.frame(self.size)?;
        disk.append(MANIFEST_NEW, &frame).map_err(failed)?;
        // INVARIANT: synced before it is renamed, or a crash could leave an incomplete manifest.
        disk.sync(MANIFEST_NEW).map_err(failed)?;
        disk.rename(MANIFEST_NEW, file).map_err(failed)?;
        Ok(self.footer.totals())
    }
}

fn failed(error: io::Error) -> Error {
    Error::state("write the manifest", error)
}
