//! The decisions of a run: the part that its journal has, and the part that the next record states.
//!
//! The only writer of records and rows while a run is under way. It may assume that the journal has
//! its begin record, and that the file of rows ends where the last record says.

use super::{
    moves::Moves,
    removals::{RemovalCursor, Source},
};
use crate::{
    error::Error,
    sink::Change,
    store::NameOrder,
    sync::{
        block::{Packer, split_into_blocks},
        block_list::{BlockList, BlockSequence, ranges},
        counts::Counts,
        format::ROWS,
        index::BlockIndex,
        journal::{self, Delta, Progress, Record},
        limits::Volume,
        merge::Step,
        state_store::StateFiles,
    },
};

/// After how many pages without a change the progress is committed.
const PAGES: u32 = 64;

/// The decisions of a run.
pub(super) struct RunLog {
    /// The progress that the next record will state.
    progress: Progress,
    /// The blocks of the next manifest that records name.
    blocks: BlockList,
    /// The decisions since the last record.
    uncommitted: Step,
    /// How many removed rows are reported once the current batch is committed.
    removals_in_batch: u64,
    pages_since_commit: u32,
    /// Added assets, or `None` in a first run, where nothing can have moved.
    moves: Option<Moves>,
    packer: Packer,
    rows_per_block: usize,
    /// The last run whose removals were reported before this run.
    reported_through: u64,
}

impl RunLog {
    /// Begins with what the journal has.
    ///
    /// `finds_moves` is false in a first run, where nothing can have moved.
    pub(super) fn new(
        progress: Progress,
        blocks: BlockList,
        reported_through: u64,
        rows_per_block: usize,
        finds_moves: bool,
    ) -> Result<Self, Error> {
        Ok(Self {
            progress,
            blocks,
            uncommitted: Step::default(),
            removals_in_batch: progress.removals_reported,
            pages_since_commit: 0,
            moves: finds_moves.then(Moves::default),
            packer: Packer::new()?,
            rows_per_block,
            reported_through,
        })
    }

    /// Begins a pass, with the counts that the run carries into it.
    pub(super) fn begin_pass(&mut self, counts: Counts) {
        // The batches go on counting: a sink must not see a sequence number twice.
        let batches = self.progress.batches;
        self.progress = Progress { batches, counts, ..Progress::default() };
        (self.blocks, self.uncommitted) = (BlockList::default(), Step::default());
        (self.removals_in_batch, self.pages_since_commit) = (0, 0);
    }

    /// Returns what the next record will state.
    pub(super) fn progress(&self) -> Progress {
        self.progress
    }

    /// Returns whether a commit is due before the next page.
    pub(super) fn is_due(&self) -> bool {
        !self.uncommitted.rows.is_empty()
            || self.pages_since_commit >= PAGES
            || self.progress.is_listed
    }

    /// Counts a page.
    pub(super) fn count_page(&mut self) {
        self.pages_since_commit += 1;
    }

    /// Notes that everything is listed.
    pub(super) fn set_listed(&mut self) {
        self.progress.is_listed = true;
    }

    /// Notes that the run must list again, in this order.
    pub(super) fn set_relist(&mut self, order: NameOrder) {
        self.progress.relist = Some(order);
    }

    /// Counts entries without a readable name from 0 again, because all of them come again.
    pub(super) fn reset_nameless(&mut self) {
        self.progress.nameless = 0;
    }

    /// Adds a step to what the next record will state, and returns its changes.
    ///
    /// The counts include these changes from now on, although a sink has not received them yet. If
    /// the run is interrupted before the commit, they are lost with the step.
    pub(super) fn record(&mut self, mut step: Step) -> Vec<Change> {
        // Blocks stay in no particular order here. They are sorted when a record is written.
        self.uncommitted.kept.append(&mut step.kept);
        self.uncommitted.rows.append(&mut step.rows);
        for (from, to) in step.done {
            match self.uncommitted.done.last_mut() {
                // Joined, because records must stay short.
                Some((_, end)) if *end == from => *end = to,
                _ => self.uncommitted.done.push((from, to)),
            }
        }
        self.progress.counts.unchanged += step.unchanged;
        self.progress.nameless += step.nameless;
        for change in &step.changes {
            let counts = &mut self.progress.counts;
            match change {
                Change::Added(asset) => {
                    counts.added += 1;
                    self.moves.iter_mut().for_each(|moves| moves.add(asset));
                }
                Change::Changed(_) => counts.changed += 1,
                Change::Restored(_) => counts.restored += 1,
                Change::Removed(_) => counts.removed += 1,
                Change::Rejected(_) => counts.rejected += 1,
                // A merge makes no such change; it is only read from JSON.
                Change::Other => {}
            }
        }
        step.changes
    }

    /// Appends a prepare record, if there are rows that a sink is about to learn of.
    ///
    /// Without rows there is nothing in doubt: removals have their rows in blocks already, and
    /// entries without a name have no rows.
    pub(super) fn prepare(
        &mut self,
        disk: &mut dyn StateFiles,
        base: &BlockIndex,
        order: Option<NameOrder>,
    ) -> Result<(), Error> {
        match self.uncommitted.rows.is_empty() {
            true => Ok(()),
            false => self.write(disk, base, order, Record::Prepare),
        }
    }

    /// Appends a commit record. `has_batch`: a sink has made a batch durable before.
    pub(super) fn commit(
        &mut self,
        disk: &mut dyn StateFiles,
        base: &BlockIndex,
        order: Option<NameOrder>,
        has_batch: bool,
    ) -> Result<(), Error> {
        self.progress.batches += u64::from(has_batch);
        self.progress.removals_reported = self.removals_in_batch;
        self.write(disk, base, order, Record::Commit)?;
        self.pages_since_commit = 0;
        Ok(())
    }

    /// Appends the uncommitted rows, and then a record that names them.
    ///
    /// # Errors
    ///
    /// [`TooLarge`](crate::ErrorKind::TooLarge) if the batch is too large to be recovered,
    /// [`State`](crate::ErrorKind::State) if the disk fails. The run must end then: rows that no
    /// record names are truncated by the next run.
    fn write(
        &mut self,
        disk: &mut dyn StateFiles,
        base: &BlockIndex,
        order: Option<NameOrder>,
        kind: fn(Progress, Delta) -> Record,
    ) -> Result<(), Error> {
        let failed = |error| Error::state("write the rows of a run", error);
        let mut new = Vec::new();
        for rows in std::mem::take(&mut self.uncommitted.rows) {
            // Each sequence makes blocks of its own: names of another block may come between two
            // sequences, and blocks must not overlap.
            for rows in split_into_blocks(&rows, self.rows_per_block) {
                let (frame, block) =
                    self.packer.pack(rows, self.progress.rows, self.reported_through)?;
                disk.append(ROWS, &frame).map_err(failed)?;
                // Counted even if a later append fails: the run ends then, and the next one
                // truncates the file.
                self.progress.rows += block.length;
                new.push(block);
            }
        }
        // INVARIANT: rows are durable before a record names them.
        if !new.is_empty() {
            disk.sync(ROWS).map_err(failed)?;
        }
        self.progress.order = order;
        let kept = ranges(std::mem::take(&mut self.uncommitted.kept))?;
        let done = std::mem::take(&mut self.uncommitted.done);
        let record = kind(self.progress, Delta { kept, new, done });
        if let Record::Prepare(_, delta) = &record {
            let mut volume = Volume::default();
            delta.add_to(&mut volume);
            // Refused now, and not when the next run would fail to resume.
            volume.check_writable()?;
        }
        journal::append(disk, &record)?;
        if let Record::Prepare(_, delta) | Record::Commit(_, delta) = record {
            for range in delta.kept {
                self.blocks.keep(range, base)?;
            }
            self.blocks.add(delta.new);
        }
        Ok(())
    }

    /// Returns the blocks of the next manifest by ascending name.
    pub(super) fn sequence(
        &mut self,
        order: NameOrder,
        base: &BlockIndex,
    ) -> Result<BlockSequence, Error> {
        self.blocks.sequence(order, base)
    }

    /// Returns the blocks of the next manifest, and what compresses new ones.
    pub(super) fn blocks(&mut self) -> (&BlockList, &mut Packer) {
        (&self.blocks, &mut self.packer)
    }

    /// Returns the next changes that report removals, or none after the last one.
    pub(super) fn report_removals(
        &mut self,
        cursor: &mut RemovalCursor,
        disk: &mut dyn StateFiles,
        base: &BlockIndex,
    ) -> Result<Vec<Change>, Error> {
        let mut source = Source {
            disk,
            blocks: &self.blocks,
            base,
            moves: self.moves.as_ref(),
            reported_through: self.reported_through,
        };
        cursor.next_changes(&mut source, &mut self.removals_in_batch, &mut self.progress.counts)
    }
}
