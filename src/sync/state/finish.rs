//! Writes the manifest of a run that has listed everything.
//!
//! Blocks that stay are copied without decompression. Neighbours that are small are combined, so that
//! a container that changes a little in every run does not end in many small blocks.

use crate::{
    error::Error,
    sync::{
        block::{Block, Packer},
        block_list::{BlockList, BlockSequence},
        footer::Totals,
        format::MANIFEST,
        index::BlockIndex,
        limits::MOST_TEXT,
        manifest_writer::ManifestWriter,
        row::Row,
        state_store::StateFiles,
    },
};

/// Writes all blocks of a sequence, replaces the manifest, and returns its totals.
///
/// The state must have room for the old and the new manifest at the same time.
///
/// # Errors
///
/// Fails if a block is damaged or the disk is full. The old manifest is then still in place.
pub(super) fn write_manifest(
    disk: &mut dyn StateFiles,
    (blocks, base): (&BlockList, &BlockIndex),
    mut sequence: BlockSequence,
    mut writer: ManifestWriter,
    (packer, rows_per_block): (&mut Packer, usize),
) -> Result<Totals, Error> {
    let (mut group, mut rows, mut text) = (Vec::new(), 0, 0);
    while let Some((block, file)) = sequence.next(blocks, base) {
        // Greedy: a group ends before the block that does not fit. Two neighbours are never both
        // below half of the size, so at most twice as many blocks are left as necessary.
        if rows + block.rows > rows_per_block as u64 || text + block.text > MOST_TEXT {
            write_group(disk, std::mem::take(&mut group), &mut writer, packer)?;
            (rows, text) = (0, 0);
        }
        (rows, text) = (rows + block.rows, text + block.text);
        group.push((block, file));
    }
    write_group(disk, group, &mut writer, packer)?;
    writer.finish(disk, MANIFEST)
}

/// Writes neighbours as one block.
///
/// A single block is copied byte by byte, without reading its rows. Several blocks are decompressed
/// and compressed as one.
fn write_group(
    disk: &mut dyn StateFiles,
    group: Vec<(&Block, &'static str)>,
    writer: &mut ManifestWriter,
    packer: &mut Packer,
) -> Result<(), Error> {
    // Offsets are those of the new file, wherever the block was before.
    let offset = writer.offset();
    let (frame, block) = match group.as_slice() {
        [] => return Ok(()),
        [(block, file)] => (block.read_frame(disk, file)?, block.moved_to(offset)),
        _ => {
            let mut rows: Vec<Row> = Vec::new();
            for (block, file) in group {
                rows.append(&mut block.read_rows(disk, file)?);
            }
            packer.pack(&rows, offset, writer.reported_through())?
        }
    };
    writer.add(disk, &frame, block)
}
