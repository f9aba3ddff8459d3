//! The state of a run: takes pages, decides what a sink receives, and makes progress durable.
//!
//! Everything here is synchronous and waits for nothing but the disk; `worker.rs` runs it on threads
//! that may block.
//! The caller alternates between steps ([`SyncState::take`], [`SyncState::advance`] and others, which
//! return changes) and commits: [`prepare`](SyncState::prepare), then the sink, then
//! [`commit`](SyncState::commit). The files, records and their order are described in `format.rs`.

mod cleanup;
mod finish;
mod intent;
mod moves;
mod recovery;
mod relist;
mod removals;
mod replay;
mod run_log;
mod unsorted;
mod view;

use std::time::Duration;

use self::{
    cleanup::{clear_pass, clear_run},
    recovery::Recovered,
    relist::{Known, Relisting},
    removals::RemovalCursor,
    run_log::RunLog,
    unsorted::UnsortedListing,
};
pub(super) use self::{
    intent::{Intent, Sizes},
    view::View,
};
use super::{
    block_list::BlockSequence,
    counts::Counts,
    footer::{Carried, Footer, Identity, Totals},
    format::{BASE, damaged},
    index::{Base, BlockIndex},
    journal::{self, Begin, Progress},
    manifest_writer::ManifestWriter,
    merge::{Merge, Start, Step},
    row::RunContext,
    state_store::StateFiles,
};
use crate::{
    error::Error,
    scan::{Coverage, RangeSet, Shard},
    sink::Change,
    store::NameOrder,
    validate::Verdict,
};

/// The state of one run.
///
/// Owns everything that a run needs between two pages. The log writes records, the merge compares,
/// and the other parts exist only while the run is in their stage.
pub(super) struct SyncState {
    disk: Box<dyn StateFiles>,
    begin: Begin,
    run: RunContext,
    is_resumed: bool,
    /// The rules of the next pass. Those of this pass are in the begin record.
    rules: u64,
    /// How much of the state is in memory.
    sizes: Sizes,
    /// The footer of the last complete run, without its index.
    manifest: Option<Footer>,
    /// The results that the run carries from the pass before.
    carried: Option<Carried>,
    /// How many assets a sink had when the pass began.
    assets_before: u64,
    /// The rows that the pass compares with.
    base: BlockIndex,
    merge: Merge,
    log: RunLog,
    /// Whether no page comes any more.
    has_ended: bool,
    /// The order to expect of the next listing, if it is not the order of this one.
    expected: Option<NameOrder>,
    /// A listing in no known order, while it is collected and read.
    unsorted: Option<UnsortedListing>,
    /// The `run.base` that is being written.
    relisting: Option<Relisting>,
    /// How far removals are reported, once that has begun.
    removals: Option<RemovalCursor>,
}

impl SyncState {
    /// Begins a run, or resumes the run that was interrupted.
    ///
    /// # Errors
    /// [`State`](crate::ErrorKind::State) if the state cannot be read or written,
    /// [`StateInvalid`](crate::ErrorKind::StateInvalid) if it is damaged or belongs to another source.
    pub(super) fn open(mut disk: Box<dyn StateFiles>, intent: Intent) -> Result<Self, Error> {
        match Self::recover(&mut *disk, &intent) {
            Ok((recovered, log)) => Ok(Self::assemble(disk, intent, recovered, log)),
            Err(error) => {
                // Otherwise a lease would last until it expires, although nobody uses the state.
                disk.release();
                Err(error)
            }
        }
    }

    /// Reads the state, and prepares the log of the run.
    fn recover(disk: &mut dyn StateFiles, intent: &Intent) -> Result<(Recovered, RunLog), Error> {
        let mut recovered = Recovered::read(disk, intent)?;
        let log = RunLog::new(
            recovered.replay.progress,
            std::mem::take(&mut recovered.replay.blocks),
            recovered.run.reported_through,
            intent.sizes.rows,
            recovered.manifest.is_some(),
        )?;
        Ok((recovered, log))
    }

    /// Makes the state of a run from what was read.
    fn assemble(
        disk: Box<dyn StateFiles>,
        intent: Intent,
        recovered: Recovered,
        log: RunLog,
    ) -> Self {
        Self {
            disk,
            begin: recovered.begin,
            run: recovered.run,
            is_resumed: recovered.is_resumed,
            rules: intent.rules,
            sizes: intent.sizes,
            manifest: recovered.manifest,
            carried: recovered.carried,
            assets_before: recovered.assets_before,
            base: recovered.base,
            merge: recovered.merge,
            log,
            has_ended: false,
            expected: recovered.expected,
            unsorted: None,
            relisting: None,
            removals: None,
        }
    }

    /// Returns how often to renew the lock while the run waits, if the lock expires.
    pub(super) fn renew_every(&self) -> Option<Duration> {
        self.disk.renew_every()
    }

    /// Renews the lock.
    pub(super) fn renew(&mut self) {
        // If the lock is lost, the next change fails. Any other error may be gone until the next
        // renewal.
        let _ = self.disk.renew();
    }

    /// Gives the lock back.
    pub(super) fn release(self) {
        self.disk.release();
    }

    /// Returns how the run stands.
    pub(super) fn view(&self) -> View {
        let Progress { is_listed, batches, counts, nameless, relist, .. } = self.log.progress();
        // Blobs that a pass before has reported are found unchanged in this one.
        // The counts of all passes are one sum, so that a status never goes back.
        let reported = self.carried.as_ref().map_or(0, Carried::reported);
        let unchanged = counts.unchanged.saturating_sub(reported);
        View {
            run: self.begin.run,
            number: self.begin.number,
            is_resumed: self.is_resumed,
            is_listed,
            has_more: self.merge.has_more(),
            is_due: self.log.is_due(),
            batches,
            counts: Counts { unchanged, ..counts },
            nameless,
            expected: self.manifest.as_ref().map(|manifest| manifest.totals().listed),
            order: self.merge.order(),
            other_order: self.expected.filter(|_| !is_listed),
            relist,
        }
    }

    /// Returns the ranges of names that are still to be listed.
    pub(super) fn left(&self) -> Vec<Shard> {
        Shard::of_ranges(&self.begin.prefix, self.merge.left().ranges())
    }

    /// Returns names that divide the base into at most this many parts of the same size.
    pub(super) fn split_names(&self, parts: usize) -> Vec<String> {
        self.base.split_names(parts)
    }

    /// Takes a page, and returns what a sink must receive before the next [`commit`](Self::commit).
    ///
    /// Returns `None` if the listing has another order than the base, which must be
    /// [brought into that order](Self::relist) first.
    ///
    /// # Errors
    ///
    /// Fails if a block of the base cannot be read.
    pub(super) fn take(
        &mut self,
        verdicts: Vec<Verdict>,
        coverage: &Coverage,
    ) -> Result<Option<Vec<Change>>, Error> {
        let range = (coverage.names().from(), coverage.names().to());
        let Some(step) = self.merge.take(verdicts, range, coverage.order()) else {
            return Ok(None);
        };
        self.log.count_page();
        self.continue_step(step).map(Some)
    }

    /// Ends the listing, and returns what a sink must receive.
    ///
    /// Everything that no page has covered is missing now.
    pub(super) fn end_listing(&mut self) -> Result<Vec<Change>, Error> {
        self.merge.end();
        self.has_ended = true;
        self.advance()
    }

    /// Returns what follows next from a page or from the end, while [`View::has_more`] is set.
    ///
    /// Commit before each call, so that memory stays bounded.
    pub(super) fn advance(&mut self) -> Result<Vec<Change>, Error> {
        self.continue_step(Step::default())
    }

    /// Compares what was taken, and records the result.
    fn continue_step(&mut self, mut step: Step) -> Result<Vec<Change>, Error> {
        self.merge.advance(&mut step, &mut Base::new(&mut *self.disk, &self.base))?;
        // Only now: a commit before would let the next run skip the rest of the end.
        if self.has_ended && !self.merge.has_more() {
            self.merge.check_complete()?;
            self.log.set_listed();
        }
        Ok(self.log.record(step))
    }

    /// Makes the rows of the next batch durable, before a sink receives the batch.
    ///
    /// If the run is interrupted then, the sink may know the batch. Without this record, a blob of the
    /// batch that is deleted before it is listed again would never be reported as removed.
    pub(super) fn prepare(&mut self) -> Result<(), Error> {
        self.log.prepare(&mut *self.disk, &self.base, self.merge.order())
    }

    /// Makes everything that was done final. `has_batch`: a sink has made a batch durable before.
    pub(super) fn commit(&mut self, has_batch: bool) -> Result<(), Error> {
        self.log.commit(&mut *self.disk, &self.base, self.merge.order(), has_batch)
    }

    /// Returns how many assets would be removed, and out of how many.
    ///
    /// Call it after everything is listed and committed.
    pub(super) fn removals(&mut self) -> Result<(u64, u64), Error> {
        let (mut sequence, mut missing) = (self.sequence()?, 0);
        let (blocks, _) = self.log.blocks();
        while let Some((block, _)) = sequence.next(blocks, &self.base) {
            missing += block.unreported_removals(self.run.reported_through);
        }
        let Progress { removals_reported, counts, .. } = self.log.progress();
        let has_begun = removals_reported > 0;
        // A sink that was given some removals is given all of them.
        let missing = if has_begun { 0 } else { missing };
        // Assets that the filter leaves out now are neither missing nor part of the total.
        let before = self.carried.as_ref().map_or(0, |carried| carried.counts.removed);
        let filtered = if has_begun { 0 } else { counts.removed.saturating_sub(before) };
        // An asset that was added before an interruption and is gone since was not there before, so
        // that more can be missing than a sink had.
        Ok((missing, self.assets_before.saturating_sub(filtered).max(missing)))
    }

    /// Returns the blocks of the next manifest.
    fn sequence(&mut self) -> Result<BlockSequence, Error> {
        self.log.sequence(self.merge.order().unwrap_or_default(), &self.base)
    }

    /// Returns the next changes that report removals, or none after the last one.
    pub(super) fn next_removals(&mut self) -> Result<Vec<Change>, Error> {
        let mut cursor = match self.removals.take() {
            Some(cursor) => cursor,
            None => {
                let sequence = self.sequence()?;
                RemovalCursor::new(sequence, self.log.blocks().0, &self.base)
            }
        };
        let changes = self.log.report_removals(&mut cursor, &mut *self.disk, &self.base)?;
        self.removals = Some(cursor);
        Ok(changes)
    }

    /// Replaces the manifest, removes the files of the run, and returns the totals.
    ///
    /// Call it after everything is listed. `are_reported`: a sink has received all removals.
    ///
    /// # Errors
    ///
    /// Fails if a block is damaged or the disk is full. The manifest of the last complete run is
    /// then still in place, and the next run resumes at the end of the listing.
    pub(super) fn finish(&mut self, are_reported: bool) -> Result<Totals, Error> {
        let reported_through =
            if are_reported { self.run.number } else { self.run.reported_through };
        // Rows that stay do not depend on these, but the next run does, so a difference makes a new
        // manifest.
        let (order, expected) = self.orders();
        let nameless = self.log.progress().nameless;
        // The manifest is right if it would be written again with the same content.
        let is_right = |old: &&Footer| {
            let has_no_removals = old.totals().newest_removed <= self.run.reported_through;
            (reported_through == self.run.reported_through || has_no_removals)
                && (old.order, old.expected, old.nameless) == (order, expected, nameless)
                && old.rules == self.begin.rules
        };
        if let Some(old) = self.manifest.as_ref().filter(is_right)
            && self.carried.is_none()
            && self.log.blocks().0.is_unchanged(&self.base)
        {
            // Nothing has changed, so the manifest stays, and with it the number of the run.
            let totals = old.totals();
            clear_run(&mut *self.disk)?;
            return Ok(totals);
        }
        let identity = Identity { expected, nameless, ..self.identity(order, reported_through) };
        let sequence = self.sequence()?;
        let disk = &mut *self.disk;
        let writer = ManifestWriter::begin(disk, identity, self.sizes.blocks_per_frame)?;
        let (blocks, packer) = self.log.blocks();
        let packer = (packer, self.sizes.rows);
        let totals = finish::write_manifest(disk, (blocks, &self.base), sequence, writer, packer)?;
        // After the rename. A crash in between leaves a manifest and a journal of the same run,
        // which the next run recognizes.
        clear_run(disk)?;
        Ok(totals)
    }

    /// Describes a manifest of this run.
    fn identity(&self, order: Option<NameOrder>, reported_through: u64) -> Identity {
        Identity {
            run: self.begin.run,
            number: self.begin.number,
            at: self.begin.at,
            prefix: self.begin.prefix.clone(),
            source: self.begin.source.clone(),
            order,
            expected: None,
            rules: self.begin.rules,
            reported_through,
            nameless: 0,
            carried: None,
        }
    }

    /// Returns the order of the rows of the next manifest, and the one to expect of the next listing.
    ///
    /// A sorted listing is in the order of bytes. If it came in that order after all, it was out of
    /// order only for a while, and the next run need not sort.
    fn orders(&self) -> (Option<NameOrder>, Option<NameOrder>) {
        match (self.merge.order(), self.expected) {
            (Some(NameOrder::Unsorted), Some(NameOrder::Bytes)) => (Some(NameOrder::Bytes), None),
            (order, expected) => (order, expected),
        }
    }

    /// Begins to write everything that is known in this order; [`relist_step`](Self::relist_step)
    /// continues.
    ///
    /// # Errors
    ///
    /// Fails if the record that announces it cannot be written. The run then ends, and the next one
    /// resumes with the order from before.
    pub(super) fn relist(&mut self, order: NameOrder) -> Result<(), Error> {
        self.unsorted = None;
        self.log.set_relist(order);
        // What was decided since the last record is in no block yet.
        self.log.commit(&mut *self.disk, &self.base, self.merge.order(), false)?;
        let nameless = self.carried.as_ref().map_or(0, |carried| carried.nameless);
        let progress = self.log.progress();
        let carried = Carried {
            base: self.begin.base,
            pass: self.begin.pass + 1,
            batches: progress.batches,
            counts: Counts { unchanged: 0, ..progress.counts },
            nameless: nameless + progress.nameless,
        };
        let identity = self.identity(Some(order), self.run.reported_through);
        let identity = Identity { carried: Some(carried), ..identity };
        let sequence = self.sequence()?;
        let relisting = Relisting::begin(&mut *self.disk, identity, self.sizes.sort, sequence)?;
        self.relisting = Some(relisting);
        Ok(())
    }

    /// Does a bounded part of it. Returns whether there is more; if not, the listing begins again.
    ///
    /// Blobs that were found missing stay so, without a report, until the next listing decides.
    pub(super) fn relist_step(&mut self) -> Result<bool, Error> {
        // Taken, because a step consumes its stage. After an error there is no stage to continue
        // with.
        let Some(relisting) = self.relisting.take() else { return Ok(false) };
        let (blocks, packer) = self.log.blocks();
        let known = Known {
            disk: &mut *self.disk,
            blocks,
            base: &self.base,
            merge: &self.merge,
            packer,
            rows_per_block: self.sizes.rows,
            blocks_per_frame: self.sizes.blocks_per_frame,
        };
        self.relisting = relisting.step(known)?;
        if self.relisting.is_none() {
            self.begin_pass()?;
        }
        Ok(self.relisting.is_some())
    }

    /// Begins the next pass, from the `run.base` that was just written.
    fn begin_pass(&mut self) -> Result<(), Error> {
        clear_pass(&mut *self.disk)?;
        let lost = || damaged(format_args!("`{BASE}` is missing"));
        let footer = Footer::read_base(&mut *self.disk)?.ok_or_else(lost)?;
        self.assets_before = footer.totals().held();
        let carried = footer.carried().cloned().ok_or_else(lost)?;
        // From here on the new rules judge: everything is listed again.
        (self.begin.pass, self.begin.rules) = (carried.pass, self.rules);
        journal::append_begin(&mut *self.disk, &self.begin)?;
        self.log.begin_pass(carried.counts);
        self.carried = Some(carried);
        self.base = footer.read_index(&mut *self.disk, BASE)?;
        let start = Start {
            order: footer.order,
            run: self.run,
            most: 2 * self.sizes.rows,
            prefix: self.begin.prefix.clone(),
            left: RangeSet::all(&self.begin.prefix),
            in_doubt: Vec::new(),
        };
        self.merge = Merge::new(start, &mut Base::new(&mut *self.disk, &self.base))?;
        (self.has_ended, self.expected) = (false, None);
        Ok(())
    }

    /// Collects a page of a listing in no known order.
    pub(super) fn collect(&mut self, verdicts: Vec<Verdict>) -> Result<(), Error> {
        if self.unsorted.is_none() {
            // After an interruption all entries come again, and count again.
            self.log.reset_nameless();
            self.unsorted = Some(UnsortedListing::new(&mut *self.disk, self.sizes.sort)?);
        }
        match &mut self.unsorted {
            Some(listing) => listing.collect(&mut *self.disk, verdicts),
            None => Ok(()),
        }
    }

    /// Sorts a bounded part of what was collected; returns whether there is more to sort.
    pub(super) fn sort(&mut self) -> Result<bool, Error> {
        // A listing without a page is empty, and sorted like any other.
        self.collect(Vec::new())?;
        let Some(listing) = self.unsorted.take() else { return Ok(false) };
        if let UnsortedListing::Collecting { seen, .. } = &listing {
            self.expected = seen.order();
        }
        let listing = listing.sort(&mut *self.disk, &self.begin.prefix)?;
        let has_more = !listing.is_sorted();
        self.unsorted = Some(listing);
        Ok(has_more)
    }

    /// Takes the next page of the sorted listing, as [`take`](Self::take) does.
    ///
    /// Returns `None` after the last page.
    pub(super) fn take_sorted(&mut self) -> Result<Option<Vec<Change>>, Error> {
        let Some(listing) = &mut self.unsorted else { return Ok(None) };
        let Some(page) = listing.next_page(&mut *self.disk)? else {
            self.unsorted = None;
            return Ok(None);
        };
        // The base was brought into the same order, so the page is always taken.
        let range = (&page.from, &page.to);
        let step = self.merge.take(page.verdicts, range, NameOrder::Unsorted);
        self.log.count_page();
        self.continue_step(step.unwrap_or_default()).map(Some)
    }
}
