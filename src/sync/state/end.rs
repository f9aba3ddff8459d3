//! The end of a run: removals, the new manifest, and the removal of what the run has kept.

use super::SyncState;
use crate::{
    error::Error,
    sink::Change,
    store::NameOrder,
    sync::{
        block::{Block, unpack},
        disk::Disk,
        entries::{SPILL, Walk},
        index::Known,
        journal,
        limits::MOST_TEXT,
        manifest::{
            FILE, FORMAT, Index, ManifestWriter, NEW, PARTIAL, Sums, read_block, read_frame,
        },
        row::{Reported, Row},
        sort,
    },
};

/// How many changes tell of what is removed at once
const MOST_CHANGES: usize = 1000;

/// How far a sink was told of what is removed
pub(super) struct RemovalCursor {
    walk: Walk,
    /// The block that may have more rows to tell of, and its file
    block: Option<(Block, &'static str)>,
    /// How many such rows were in those before
    passed: u64,
}

impl SyncState {
    /// How many assets are to be removed, and of how many
    ///
    /// Once all is listed and committed.
    pub(in crate::sync) fn removals(&mut self) -> Result<(u64, u64), Error> {
        let (mut walk, mut missing) = (self.walk()?, 0);
        while let Some((block, _)) = self.walked(&mut walk)? {
            missing += block.missing(self.run.told);
        }
        // Once the sink was told of some, it is told of all.
        let missing = if self.told > 0 { 0 } else { missing };
        // What the filter leaves out now is neither missing nor to be counted with.
        let before = self.partial.as_ref().map_or(0, |partial| partial.counts.removed);
        let filtered = if self.told > 0 { 0 } else { self.counts.removed.saturating_sub(before) };
        // What was added before an interruption, and is removed since, was not there before.
        Ok((missing, self.held.saturating_sub(filtered).max(missing)))
    }

    /// The blocks of the new manifest; none may be added meanwhile
    pub(super) fn walk(&mut self) -> Result<Walk, Error> {
        self.entries.walk(self.merge.order().unwrap_or_default(), &mut *self.disk)
    }

    /// The next of them, and the file in which its rows are
    pub(super) fn walked(
        &mut self,
        walk: &mut Walk,
    ) -> Result<Option<(Block, &'static str)>, Error> {
        let mut old = Known { disk: &mut *self.disk, blocks: &mut self.blocks };
        walk.next(&mut self.entries, &mut old)
    }

    /// The next changes that tell of what is removed; none once all were told
    pub(in crate::sync) fn next_removals(&mut self) -> Result<Vec<Change>, Error> {
        let mut cursor = match self.cursor.take() {
            Some(cursor) => cursor,
            None => {
                let mut walk = self.walk()?;
                RemovalCursor { block: self.walked(&mut walk)?, walk, passed: 0 }
            }
        };
        let changes = self.removals_of(&mut cursor)?;
        self.cursor = Some(cursor);
        Ok(changes)
    }

    fn removals_of(&mut self, cursor: &mut RemovalCursor) -> Result<Vec<Change>, Error> {
        let (told, mut changes) = (self.run.told, Vec::new());
        while let Some((block, file)) = &cursor.block {
            let mut passed = cursor.passed;
            let rows = match block.newest_removed > told {
                true => read_block(&mut *self.disk, file, block)?,
                false => Vec::new(),
            };
            for row in rows {
                if row.removed.is_none_or(|removed| removed.run <= told) {
                    continue;
                }
                passed += 1;
                if passed <= self.telling {
                    continue;
                }
                self.telling = passed;
                self.counts.removed += 1;
                let moved_to = row.content_md5.and_then(|md5| self.moves.get(&(md5, row.size)));
                let moved_to = moved_to.filter(|_| row.last_reported(told) == Reported::Asset);
                let cursor = row.removal_changes(moved_to.cloned());
                self.counts.rejected += u64::from(row.is_listed());
                changes.extend(cursor);
                if changes.len() >= MOST_CHANGES {
                    return Ok(changes);
                }
            }
            cursor.passed = passed;
            cursor.block = self.walked(&mut cursor.walk)?;
        }
        Ok(changes)
    }

    /// Puts a new manifest in the place of the old one, and clears away what was kept of the run
    ///
    /// Once all is listed: a manifest never has a part of a listing.
    ///
    /// `are_told` says whether the sink was told of all that is removed. Gives the sums of what is known now.
    pub(in crate::sync) fn finish(&mut self, are_told: bool) -> Result<Sums, Error> {
        let told = if are_told { self.run.number } else { self.run.told };
        let (order, expected) = self.orders();
        let is_right = |old: &&Index| {
            (told == self.run.told || old.sums.newest_removed <= self.run.told)
                && (old.order, old.expected, old.nameless) == (order, expected, self.nameless)
                && old.rules == self.header.rules
        };
        if let Some(old) = self.manifest.as_ref().filter(is_right)
            && self.partial.is_none()
            && self.entries.are(&self.blocks)
        {
            // Nothing has changed, so that the manifest is right as it is.
            clear(&mut *self.disk)?;
            return Ok(old.sums);
        }
        let mut new = self.begin_manifest(order, told)?;
        (new.index.expected, new.index.nameless) = (expected, self.nameless);
        let (mut group, mut rows, mut text) = (Vec::new(), 0, 0);
        let mut walk = self.walk()?;
        while let Some((block, file)) = self.walked(&mut walk)? {
            if rows + block.rows > self.sizes.rows as u64 || text + block.text > MOST_TEXT {
                self.write_group(std::mem::take(&mut group), &mut new)?;
                (rows, text) = (0, 0);
            }
            (rows, text) = (rows + block.rows, text + block.text);
            group.push((block, file));
        }
        self.write_group(group, &mut new)?;
        let sums = new.index.sums;
        new.end(&mut *self.disk, FILE)?;
        clear(&mut *self.disk)?;
        Ok(sums)
    }

    /// A manifest that has no rows yet
    pub(super) fn begin_manifest(
        &mut self,
        order: Option<NameOrder>,
        told: u64,
    ) -> Result<ManifestWriter, Error> {
        self.disk.remove(NEW).map_err(|error| Error::state("begin a new manifest", error))?;
        let index = Index {
            format: FORMAT,
            run: self.header.run,
            number: self.header.number,
            at: self.header.at,
            prefix: self.header.prefix.clone(),
            source: self.header.source.clone(),
            order,
            expected: None,
            rules: self.header.rules,
            told,
            nameless: 0,
            sums: Sums::default(),
            partial: None,
            leaves: Vec::new(),
        };
        Ok(ManifestWriter { index, size: 0, leaf: self.sizes.leaf, blocks: Vec::new() })
    }

    /// Writes neighbours as one block
    fn write_group(
        &mut self,
        group: Vec<(Block, &'static str)>,
        new: &mut ManifestWriter,
    ) -> Result<(), Error> {
        let mut frames = Vec::new();
        for (block, file) in group {
            frames.push((read_frame(&mut *self.disk, file, &block)?, block));
        }
        let (frame, block) = match frames.len() {
            0 | 1 => match frames.pop() {
                Some((frame, block)) => (frame, Block { offset: new.size, ..block }),
                None => return Ok(()),
            },
            _ => {
                let mut rows: Vec<Row> = Vec::new();
                for (frame, block) in &frames {
                    rows.append(&mut unpack(frame, block)?);
                }
                self.packer.pack(&rows, new.size, new.index.told)?
            }
        };
        new.add(&mut *self.disk, &frame, block)
    }
}

/// Removes what is kept of a run that has ended
pub(super) fn clear(disk: &mut dyn Disk) -> Result<(), Error> {
    clear_pass(disk)?;
    disk.remove(PARTIAL).map_err(not_cleared)
}

/// Removes what an interrupted run has left and nothing reads again
pub(super) fn clear_temporary(disk: &mut dyn Disk) -> Result<(), Error> {
    [SPILL, NEW].into_iter().try_for_each(|name| disk.remove(name)).map_err(not_cleared)?;
    sort::remove(disk)
}

/// Removes what is kept of one pass over the listing
pub(super) fn clear_pass(disk: &mut dyn Disk) -> Result<(), Error> {
    // The journal first: without it the rest means nothing.
    [journal::FILE, journal::ROWS]
        .into_iter()
        .try_for_each(|name| disk.remove(name))
        .map_err(not_cleared)?;
    clear_temporary(disk)
}

fn not_cleared(error: std::io::Error) -> Error {
    Error::state("clear away what was kept of a run", error)
}
