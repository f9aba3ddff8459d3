//! What a run does to its state. Nothing here waits for anything but the disk.

mod end;
mod open;
mod relist;
mod sorted;

use std::{collections::HashMap, time::SystemTime};

use self::{end::Farewell, relist::Relisting, sorted::Sorting};
use super::{
    block::{Packer, damaged, pieces},
    disk::Disk,
    entries::{Entries, Places},
    index::{Blocks, Known, Sizes},
    journal::{self, Commit, Counts, Header},
    limits,
    manifest::{Index, Partial},
    merge::{Merge, Step},
    row::Run,
};
use crate::{
    error::Error,
    scan::{Coverage, Shard},
    sink::{Change, RunId},
    store::{ContentMd5, NameOrder},
    validate::Verdict,
};

/// After how many pages without a change it is noted how far the run is
const PAGES: u32 = 64;

/// Of how many added assets it is remembered where they are, to find what was moved
const MOVES: usize = 1 << 16;

/// What a run is to be
pub(super) struct Intent {
    pub(super) prefix: String,
    pub(super) source: Option<String>,
    /// The fingerprint of the rules
    pub(super) rules: u64,
    pub(super) tombstones: u64,
    pub(super) sizes: Sizes,
    pub(super) now: SystemTime,
}

/// How a run stands
#[derive(Clone, Copy, Debug)]
pub(super) struct View {
    pub(super) run: RunId,
    pub(super) number: u64,
    /// Whether it goes on with a run that was interrupted
    pub(super) is_resumed: bool,
    pub(super) is_listed: bool,
    /// Whether there is more that follows from the page at hand
    pub(super) has_more: bool,
    /// Whether something was done that must be committed before the next page
    pub(super) is_due: bool,
    /// How many batches were committed, which is the number of the next
    pub(super) batches: u64,
    pub(super) counts: Counts,
    /// How many blobs the listing of the run before had
    pub(super) expected: Option<u64>,
    /// In which order names ascend, as far as that is known
    pub(super) order: Option<NameOrder>,
    /// The order to expect of the listing, if what is known is in another one
    pub(super) other_order: Option<NameOrder>,
    /// Set if the run must first list again, with what it knows in this order
    pub(super) relist: Option<NameOrder>,
}

pub(super) struct Ledger {
    disk: Box<dyn Disk>,
    header: Header,
    run: Run,
    /// The fingerprint of the rules of the next pass; those of this one are in its header
    rules: u64,
    sizes: Sizes,
    /// Of the last complete run, without its leaves
    manifest: Option<Index>,
    /// What this run carries from a pass before
    partial: Option<Partial>,
    /// How many assets a sink had when this pass began
    held: u64,
    /// The blocks of that pass, or of the last complete run
    blocks: Blocks,
    packer: Packer,
    merge: Merge,
    entries: Entries,
    /// What is done and not committed
    open: Step,
    /// For how many pages
    pages: u32,
    /// The size of the file of rows
    rows: u64,
    /// Whether no page comes any more
    ends: bool,
    is_listed: bool,
    /// The order to expect of the next listing, if it is not that of this one
    expected: Option<NameOrder>,
    /// A listing that must be sorted
    sorting: Option<Sorting>,
    /// Set if the run must list again: in which order
    relist: Option<NameOrder>,
    relisting: Option<Relisting>,
    /// How many rows that are gone were told of, and are as soon as the batch at hand is
    told: u64,
    telling: u64,
    batches: u64,
    counts: Counts,
    /// How many entries of the listing have no readable name
    nameless: u64,
    moves: HashMap<(ContentMd5, u64), String>,
    is_resumed: bool,
    /// How far the sink was told of what is gone, once it is
    farewell: Option<Farewell>,
}

impl Ledger {
    /// How things stand
    pub(super) fn view(&self) -> View {
        let reported = self.partial.as_ref().map_or(0, Partial::reported);
        let unchanged = self.counts.unchanged.saturating_sub(reported);
        View {
            run: self.header.run,
            number: self.header.number,
            is_resumed: self.is_resumed,
            is_listed: self.is_listed,
            has_more: self.merge.has_more(),
            is_due: !self.open.rows.is_empty() || self.pages >= PAGES || self.is_listed,
            batches: self.batches,
            counts: Counts { unchanged, ..self.counts },
            expected: self.manifest.as_ref().map(|manifest| manifest.sums.listed),
            order: self.merge.order(),
            other_order: self.expected.filter(|_| !self.is_listed),
            relist: self.relist,
        }
    }

    /// What is left to list
    pub(super) fn left(&self) -> Vec<crate::scan::Shard> {
        Shard::of_ranges(&self.header.prefix, self.merge.left().ranges())
    }

    /// Names that cut what was known into so many even parts, or fewer
    pub(super) fn cuts(&mut self, parts: usize) -> Result<Vec<String>, Error> {
        let count = self.blocks.len();
        let step = count.div_ceil(parts.max(1)).max(1);
        let mut cuts = Vec::new();
        for place in (step..count).step_by(step) {
            cuts.extend(self.known().block(place)?.map(|block| block.first.into_string()));
        }
        Ok(cuts)
    }

    /// Takes a page; gives what a sink must be told before [`commit`](Self::commit)
    ///
    /// `None` if the listing has another order than what is known, which must be
    /// [put into that order](Self::relist) first.
    pub(super) fn take(
        &mut self,
        verdicts: Vec<Verdict>,
        coverage: &Coverage,
    ) -> Result<Option<Vec<Change>>, Error> {
        let interval = (coverage.names().from(), coverage.names().to());
        let Some(step) = self.merge.take(verdicts, interval, coverage.order()) else {
            return Ok(None);
        };
        self.pages += 1;
        self.follow(step).map(Some)
    }

    /// Ends the listing
    pub(super) fn end_listing(&mut self) -> Result<Vec<Change>, Error> {
        self.merge.end();
        self.ends = true;
        self.go_on()
    }

    /// What follows next from a page, or from the end, while [`View::has_more`] says so
    pub(super) fn go_on(&mut self) -> Result<Vec<Change>, Error> {
        self.follow(Step::default())
    }

    fn follow(&mut self, mut step: Step) -> Result<Vec<Change>, Error> {
        let mut old = Known { disk: &mut *self.disk, blocks: &mut self.blocks };
        self.merge.go_on(&mut step, &mut old)?;
        if self.ends && !self.merge.has_more() {
            self.merge.check()?;
            self.is_listed = true;
        }
        Ok(self.note(step))
    }

    /// The run before
    fn known(&mut self) -> Known<'_> {
        Known { disk: &mut *self.disk, blocks: &mut self.blocks }
    }

    fn note(&mut self, mut step: Step) -> Vec<Change> {
        self.open.kept.append(&mut step.kept);
        self.open.rows.append(&mut step.rows);
        for (from, to) in step.done {
            match self.open.done.last_mut() {
                Some((_, end)) if *end == from => *end = to,
                _ => self.open.done.push((from, to)),
            }
        }
        self.counts.unchanged += step.unchanged;
        self.nameless += step.nameless;
        for change in &step.changes {
            match change {
                Change::Added(asset) => {
                    self.counts.added += 1;
                    if let (Some(md5), true) = (asset.blob.content_md5, self.manifest.is_some())
                        && self.moves.len() < MOVES
                    {
                        self.moves.insert((md5, asset.blob.size), asset.blob.name.clone());
                    }
                }
                Change::Changed(_) => self.counts.changed += 1,
                Change::Restored(_) => self.counts.restored += 1,
                Change::Removed(_) => self.counts.removed += 1,
                Change::Rejected(_) => self.counts.rejected += 1,
            }
        }
        step.changes
    }

    /// Makes durable what a sink is about to be told of
    ///
    /// Should the run be interrupted then, the sink may know of it. The blobs may be gone before they
    /// are listed again, and it would never be told of that.
    pub(super) fn prepare(&mut self) -> Result<(), Error> {
        if self.open.rows.is_empty() { Ok(()) } else { self.write(true) }
    }

    /// Makes final what was done; `is_told` says that a sink has made a batch durable before
    pub(super) fn commit(&mut self, is_told: bool) -> Result<(), Error> {
        self.batches += u64::from(is_told);
        self.told = self.telling;
        self.write(false)?;
        self.pages = 0;
        Ok(())
    }

    fn write(&mut self, is_open: bool) -> Result<(), Error> {
        let failed = |error| Error::state("write the rows of a run", error);
        let mut new = Vec::new();
        for rows in std::mem::take(&mut self.open.rows) {
            for rows in pieces(&rows, self.sizes.rows) {
                let (frame, block) = self.packer.pack(rows, self.rows, self.run.told)?;
                self.disk.append(journal::ROWS, &frame).map_err(failed)?;
                self.rows += block.length;
                new.push(block);
            }
        }
        if !new.is_empty() {
            self.disk.sync(journal::ROWS).map_err(failed)?;
        }
        let mut kept = Places::default();
        for place in std::mem::take(&mut self.open.kept) {
            if !kept.add(place, place + 1) {
                return Err(damaged("a block is kept twice"));
            }
        }
        limits::writable_commit(is_open, &new)?;
        let commit = Commit {
            batches: self.batches,
            order: self.merge.order(),
            rows: self.rows,
            kept: kept.ranges(),
            new,
            done: std::mem::take(&mut self.open.done),
            is_listed: self.is_listed,
            told: self.told,
            counts: self.counts,
            nameless: self.nameless,
            relist: self.relist,
            is_open,
            voids: false,
        };
        journal::write(&mut *self.disk, &commit)?;
        for (start, end) in commit.kept {
            self.entries.keep(start, end, &self.blocks)?;
        }
        self.entries.add(commit.new, self.merge.order(), &mut *self.disk)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        name::Prefix,
        scan::Scan,
        store::{Blob, MemoryStore},
        testing::TestDisk,
    };

    #[tokio::test]
    async fn an_end_of_many_steps_that_is_cut_off_is_none() {
        let disk = TestDisk::new(1);
        let store: MemoryStore = (0..30).map(|n| Blob::new(format!("{n:02}.jpg"), 1)).collect();
        disk.job(Scan::new(store, &Prefix::default())).run(()).await.unwrap();
        let open = || {
            let intent = Intent {
                prefix: String::new(),
                source: None,
                rules: 0,
                tombstones: 1,
                sizes: Sizes::of_rows(1),
                now: SystemTime::UNIX_EPOCH,
            };
            Ledger::open(Box::new(disk.clone()), intent).unwrap()
        };
        let mut ledger = open();
        ledger.end_listing().unwrap();
        assert!(ledger.view().has_more);
        ledger.commit(false).unwrap();
        drop(ledger);

        let mut ledger = open();
        assert!(ledger.view().is_resumed && !ledger.view().is_listed);
        ledger.end_listing().unwrap();
        while ledger.view().has_more {
            ledger.commit(false).unwrap();
            ledger.go_on().unwrap();
        }
        ledger.commit(false).unwrap();
        assert!(ledger.view().is_listed);
        assert_eq!(ledger.removals().unwrap(), (30, 30));
    }
}
