//! Applies the records of an interrupted run, and separates final rows from rows in doubt.

use crate::{
    error::Error,
    scan::{NameRange, RangeSet},
    store::NameOrder,
    sync::{
        block::Block,
        block_list::BlockList,
        format::{ROWS, damaged},
        index::BlockIndex,
        journal::{self, Delta, Journal, Progress, Record},
        limits::Volume,
        row::Row,
        state_store::StateFiles,
    },
};

/// The sum of the records of a journal.
pub(super) struct Replay {
    pub(super) progress: Progress,
    /// The ranges of names that are still to be listed.
    pub(super) left: RangeSet,
    /// The blocks that final records name.
    pub(super) blocks: BlockList,
    /// Blocks of batches that were prepared and not committed, oldest first.
    in_doubt: Vec<Block>,
    /// How many rows are in doubt, and how long they are.
    volume: Volume,
    has_records: bool,
    /// Whether the last record is a prepare record.
    ends_prepared: bool,
}

impl Replay {
    /// Begins with what the run carries from the pass before.
    pub(super) fn new(progress: Progress, prefix: &str) -> Self {
        Self {
            progress,
            left: RangeSet::all(prefix),
            blocks: BlockList::default(),
            in_doubt: Vec::new(),
            volume: Volume::default(),
            has_records: false,
            ends_prepared: false,
        }
    }

    /// Applies all records of a journal.
    ///
    /// # Errors
    /// [`StateInvalid`](crate::ErrorKind::StateInvalid) if the records contradict the base, or if more
    /// rows are in doubt than a run leaves.
    pub(super) fn apply(
        &mut self,
        disk: &mut dyn StateFiles,
        journal: &mut Journal,
        base: &BlockIndex,
        order: NameOrder,
    ) -> Result<(), Error> {
        let mut ahead = journal.next(disk)?;
        while let Some(record) = ahead {
            // Whether a prepared batch is final depends on the record after it.
            ahead = journal.next(disk)?;
            self.has_records = true;
            match record {
                Record::Prepare(progress, delta)
                    if matches!(ahead, None | Some(Record::Abort(_))) =>
                {
                    delta.add_to(&mut self.volume);
                    self.volume.check()?;
                    self.in_doubt.extend(delta.new);
                    // The rows of the batch stay in the file, and the order of names is a fact.
                    (self.progress.rows, self.progress.order) = (progress.rows, progress.order);
                    self.ends_prepared = ahead.is_none();
                }
                Record::Prepare(progress, delta) | Record::Commit(progress, delta) => {
                    self.progress = progress;
                    self.commit(delta, base, order)?;
                }
                Record::Abort(progress) => self.progress = progress,
            }
        }
        Ok(())
    }

    /// Applies what a final record has decided.
    fn commit(&mut self, delta: Delta, base: &BlockIndex, order: NameOrder) -> Result<(), Error> {
        for range in delta.kept {
            self.blocks.keep(range, base)?;
        }
        for (from, to) in delta.done {
            self.left.remove(&NameRange::new(from, to), order);
        }
        self.blocks.add(delta.new);
        Ok(())
    }

    /// Truncates rows that no record names, and aborts a batch that was prepared last.
    ///
    /// # Errors
    /// [`StateInvalid`](crate::ErrorKind::StateInvalid) if rows are missing that a record names.
    pub(super) fn repair(&self, disk: &mut dyn StateFiles) -> Result<(), Error> {
        let failed = |error| Error::state("resume with the rows of a run", error);
        // The file is missing if no record names rows.
        let length = disk.size(ROWS).map_err(failed)?.unwrap_or_default();
        if length < self.progress.rows {
            return Err(damaged("rows of the run are missing"));
        }
        if length > self.progress.rows {
            disk.truncate(ROWS, self.progress.rows).map_err(failed)?;
        }
        if self.ends_prepared {
            // INVARIANT: an abort record follows before any commit. A later commit would make the
            // prepared batch final, although the sink may not have it.
            journal::append(disk, &Record::Abort(self.progress))?;
        }
        Ok(())
    }

    /// Returns whether the journal has records, so that something was judged.
    pub(super) fn has_records(&self) -> bool {
        self.has_records
    }

    /// Returns whether so many rows are in doubt that the run should list again.
    ///
    /// Otherwise runs that fail in a batch again and again would fill the journal and the memory.
    pub(super) fn has_many_in_doubt(&self) -> bool {
        self.volume.is_much()
    }

    /// Reads the rows in doubt, oldest batch first.
    ///
    /// # Errors
    ///
    /// Fails if a block is damaged or cannot be read.
    pub(super) fn read_in_doubt(&self, disk: &mut dyn StateFiles) -> Result<Vec<Row>, Error> {
        let mut rows = Vec::new();
        for block in &self.in_doubt {
            rows.append(&mut block.read_rows(disk, ROWS)?);
        }
        Ok(rows)
    }
}
