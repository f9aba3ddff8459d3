//! Opens a state: begins a run, or resumes the run that was interrupted.
//!
//! The table in `format.rs` lists what a crash can leave. This file reads the files, removes what a
//! later step of an interrupted run has made superfluous, and refuses combinations that no crash leaves.

use super::{
    cleanup::{clear_pass, clear_run, clear_temporary},
    intent::Intent,
    replay::Replay,
};
use crate::{
    error::Error,
    sink::RunId,
    store::NameOrder,
    sync::{
        footer::{Carried, Footer, Totals},
        format::{BASE, FORMAT, MANIFEST, damaged},
        index::{Base, BlockIndex},
        journal::{self, Begin, Journal, Progress},
        merge::{Merge, Start},
        row::RunContext,
        state_store::StateFiles,
    },
};

/// A run that is ready to list, or that has listed everything.
pub(super) struct Recovered {
    pub(super) begin: Begin,
    pub(super) run: RunContext,
    /// Whether the run was interrupted before.
    pub(super) is_resumed: bool,
    /// The footer of the last complete run, without its index.
    pub(super) manifest: Option<Footer>,
    /// The results that the run carries from the pass before.
    pub(super) carried: Option<Carried>,
    /// How many assets a sink had when the pass began.
    pub(super) assets_before: u64,
    pub(super) base: BlockIndex,
    /// The order to expect of the listing, if it is not the order of the base.
    pub(super) expected: Option<NameOrder>,
    /// The sum of the records of the journal.
    pub(super) replay: Replay,
    /// The merge, with the ranges of names that are still to be listed.
    pub(super) merge: Merge,
}

/// The files of a state that belong together.
struct Files {
    /// The footer of the last complete run.
    manifest: Option<Footer>,
    /// The footer of `run.base`.
    run_base: Option<Footer>,
    /// The journal of the pass that was interrupted.
    journal: Option<Journal>,
}

impl Files {
    /// Reads what there is, and checks that it belongs to the source and prefix of this run.
    fn read(disk: &mut dyn StateFiles, intent: &Intent) -> Result<Self, Error> {
        let manifest = Footer::read_manifest(disk)?;
        let run_base = Footer::read_base(disk)?;
        let journal = Journal::open(disk)?;
        for footer in manifest.iter().chain(&run_base) {
            intent.check(&footer.prefix, footer.source.as_deref())?;
        }
        if let Some(begin) = journal.as_ref().map(Journal::begin) {
            intent.check(&begin.prefix, begin.source.as_deref())?;
        }
        Self { manifest, run_base, journal }.without_superfluous(disk)
    }

    /// Removes files that a later step of the interrupted run has made superfluous.
    ///
    /// # Errors
    /// [`StateInvalid`](crate::ErrorKind::StateInvalid) if files belong to different runs.
    fn without_superfluous(mut self, disk: &mut dyn StateFiles) -> Result<Self, Error> {
        // A run is complete if it has written the manifest.
        let complete = self.manifest.as_ref().map(|manifest| manifest.run);
        let base_run = self.run_base.as_ref().map(|base| base.run);
        let journal_run = self.journal.as_ref().map(|journal| journal.begin().run);
        // `None` would match a state without a base, so a first run is excluded.
        if complete.is_some() && [base_run, journal_run].contains(&complete) {
            // The run has ended, and crashed before it had removed its files.
            clear_run(disk)?;
            return Ok(Self { run_base: None, journal: None, ..self });
        }
        let carried = self.run_base.as_ref().and_then(Footer::carried);
        let pass = carried.map_or(0, |carried| carried.pass);
        if self.run_base.is_some() && carried.is_none_or(|carried| carried.base != complete) {
            return Err(damaged(format_args!("`{BASE}` was not made from this manifest")));
        }
        let Some(begin) = self.journal.as_ref().map(Journal::begin) else { return Ok(self) };
        if Some(begin.run) == base_run && begin.pass < pass {
            // `run.base` is complete, and the next pass has not begun.
            clear_pass(disk)?;
            self.journal = None;
            return Ok(self);
        }
        let is_other_run = base_run.is_some_and(|run| run != begin.run);
        if begin.base != complete || begin.pass != pass || is_other_run {
            return Err(damaged("the journal does not belong to this manifest"));
        }
        Ok(self)
    }

    /// Returns the begin record: of the interrupted run, or of a new one.
    fn begin(&self, intent: &Intent) -> Begin {
        if let Some(journal) = &self.journal {
            return journal.begin().clone();
        }
        let (manifest, run_base) = (self.manifest.as_ref(), self.run_base.as_ref());
        let next_number = || manifest.map_or(0, |manifest| manifest.number) + 1;
        let source = run_base.and_then(|base| base.source.clone());
        let source = source.or_else(|| manifest.and_then(|manifest| manifest.source.clone()));
        Begin {
            format: FORMAT,
            run: run_base.map_or_else(RunId::random, |base| base.run),
            // A run keeps its id, number and time in all passes.
            number: run_base.map_or_else(next_number, |base| base.number),
            at: run_base.map_or(intent.now, |base| base.at),
            prefix: intent.prefix.clone(),
            // A source that was named once stays, also if a later run names none.
            source: intent.source.clone().or(source),
            rules: intent.rules,
            base: manifest.map(|manifest| manifest.run),
            pass: run_base.and_then(Footer::carried).map_or(0, |carried| carried.pass),
        }
    }

    /// Reads the index of the rows that the pass compares with.
    fn read_base(&self, disk: &mut dyn StateFiles) -> Result<BlockIndex, Error> {
        match (&self.run_base, &self.manifest) {
            (Some(footer), _) => footer.read_index(disk, BASE),
            (None, Some(footer)) => footer.read_index(disk, MANIFEST),
            (None, None) => BlockIndex::read(disk, MANIFEST, &[]),
        }
    }
}

impl Recovered {
    /// Reads a state, and repairs what a crash has left.
    ///
    /// # Errors
    /// [`State`](crate::ErrorKind::State) if it cannot be read or written,
    /// [`StateInvalid`](crate::ErrorKind::StateInvalid) if it is damaged or belongs to another source.
    pub(super) fn read(disk: &mut dyn StateFiles, intent: &Intent) -> Result<Self, Error> {
        // The order of these steps matters: a file is checked before it is changed. Only the end of a
        // journal that a crash has cut off is removed at once.
        let mut files = Files::read(disk, intent)?;
        // Read before anything is written, so that a damaged index leaves the files as they are.
        let base = files.read_base(disk)?;
        let mut begin = files.begin(intent);
        // Removes rows that a crash has left without a journal, before a new journal could name
        // them.
        if files.journal.is_none() {
            clear_pass(disk)?;
            journal::append_begin(disk, &begin)?;
        }
        // Also after `run.base` was written: the run has the same id and number then.
        let is_resumed = files.journal.is_some() || files.run_base.is_some();
        let footer = files.run_base.as_ref().or(files.manifest.as_ref());
        let run = RunContext {
            number: begin.number,
            at: begin.at,
            reported_through: footer.map_or(0, |footer| footer.reported_through),
            tombstones: intent.tombstones,
        };
        let assets_before = footer.map(Footer::totals).as_ref().map_or(0, Totals::held);
        // Only `run.base` has it.
        let carried = files.run_base.as_ref().and_then(Footer::carried).cloned();
        let order = known_order(files.journal.as_ref(), footer, carried.is_some(), &base);
        let expected = footer.and_then(|footer| footer.expected);
        // Sorts and manifests that were being written are begun again. They cannot be continued,
        // because they were never synced.
        clear_temporary(disk)?;
        let Carried { batches, counts, .. } = carried.clone().unwrap_or_default();
        // A later pass continues the counts of the pass before.
        let progress = Progress { batches, counts, ..Progress::default() };
        let mut replay = Replay::new(progress, &begin.prefix);
        if let Some(journal) = &mut files.journal {
            replay.apply(disk, journal, &base, order.unwrap_or_default())?;
        }
        replay.repair(disk)?;
        decide_relist(disk, intent, &mut begin, &mut replay, order)?;
        let start = Start {
            order,
            run,
            most: 2 * intent.sizes.rows,
            prefix: begin.prefix.clone(),
            left: replay.left.clone(),
            in_doubt: replay.read_in_doubt(disk)?,
        };
        let merge = Merge::new(start, &mut Base::new(disk, &base))?;
        if let Some(manifest) = &mut files.manifest {
            // Only the totals and the order are needed until the end. The index is in `base`.
            manifest.drop_index();
        }
        let (manifest, expected) = (files.manifest, expected.filter(|_| expected != order));
        Ok(Self {
            begin,
            run,
            is_resumed,
            manifest,
            carried,
            assets_before,
            base,
            expected,
            replay,
            merge,
        })
    }
}

/// Returns the order in which names are compared, or `None` if nothing shows an order yet.
fn known_order(
    journal: Option<&Journal>,
    footer: Option<&Footer>,
    is_later_pass: bool,
    base: &BlockIndex,
) -> Option<NameOrder> {
    let has_blocks = base.len() > 0;
    let of_base = footer.and_then(|footer| footer.order);
    // If the base has no rows, its order says nothing about names to come. The next pass of a run
    // keeps it, because the run has seen it, and so does a listing that was sorted.
    let is_bound = is_later_pass || of_base == Some(NameOrder::Unsorted);
    journal
        .and_then(Journal::order)
        .or_else(|| of_base.filter(|_| is_bound || has_blocks))
        .or_else(|| has_blocks.then(NameOrder::default))
}

/// Decides whether the run must list again, and begins the pass again if nothing was judged yet.
///
/// Blobs that were judged by other rules are judged again, unless a sink has been given removals, which
/// follow from everything that was judged.
///
/// A run with very many rows in doubt lists again as well, because that empties its journal.
fn decide_relist(
    disk: &mut dyn StateFiles,
    intent: &Intent,
    begin: &mut Begin,
    replay: &mut Replay,
    order: Option<NameOrder>,
) -> Result<(), Error> {
    if begin.rules != intent.rules && !replay.has_records() {
        clear_pass(disk)?;
        begin.rules = intent.rules;
        journal::append_begin(disk, begin)?;
    }
    let Progress { is_listed, removals_reported, .. } = replay.progress;
    let must_judge_again = begin.rules != intent.rules && removals_reported == 0;
    let has_many_in_doubt = replay.has_many_in_doubt() && !is_listed;
    // The order of the last record, because the order of names is a fact even if the batch is not
    // final.
    let known = replay.progress.order.or(order).unwrap_or_default();
    let relist = (must_judge_again || has_many_in_doubt).then_some(known);
    replay.progress.relist = replay.progress.relist.or(relist);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use crate::{
        name::Prefix,
        scan::Scan,
        store::{Blob, MemoryStore},
        sync::{
            StateStore as _,
            state::{Intent, Sizes, SyncState},
        },
        testing::TestDisk,
    };

    #[tokio::test]
    async fn an_end_of_many_steps_that_is_interrupted_is_not_an_end() {
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
            SyncState::open(disk.lock().unwrap(), intent).unwrap()
        };
        let mut state = open();
        state.end_listing().unwrap();
        assert!(state.view().has_more);
        state.commit(false).unwrap();
        drop(state);

        let mut state = open();
        assert!(state.view().is_resumed && !state.view().is_listed);
        state.end_listing().unwrap();
        while state.view().has_more {
            state.commit(false).unwrap();
            state.advance().unwrap();
        }
        state.commit(false).unwrap();
        assert!(state.view().is_listed);
        assert_eq!(state.removals().unwrap(), (30, 30));
    }
}
