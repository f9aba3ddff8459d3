//! Opens a state: begins a run, or goes on with one that was interrupted.

use std::collections::HashMap;

use super::{
    Intent, Ledger,
    end::{clear, clear_pass, clear_temporary},
};
use crate::{
    error::{Error, ErrorKind},
    scan::{NameRange, RangeSet},
    sink::RunId,
    store::NameOrder,
    sync::{
        block::{Packer, damaged},
        disk::Disk,
        entries::Entries,
        index::{Blocks, Known},
        journal::{self, Commit, Header, Journal},
        limits::Volume,
        manifest::{FILE, FORMAT, Index, PARTIAL, Partial, read_block},
        merge::{Merge, Start, Step},
        row::Run,
    },
};

/// What a state has
struct Found {
    /// Of the last complete run
    manifest: Option<Index>,
    /// Of a run that must list again
    unfinished: Option<Index>,
    /// Of the pass over the listing that was interrupted
    journal: Option<Journal>,
}

impl Found {
    /// Reads it, and clears away what a later step of an interrupted run has made superfluous
    fn read(disk: &mut dyn Disk, intent: &Intent) -> Result<Self, Error> {
        let manifest = Index::read(disk)?;
        let complete = manifest.as_ref().map(|manifest| manifest.run);
        let unfinished = Index::unfinished(disk)?;
        let mut journal = Journal::open(disk)?;
        for index in manifest.iter().chain(&unfinished) {
            intent.check(&index.prefix, index.source.as_deref())?;
        }
        if let Some(Journal { header, .. }) = &journal {
            intent.check(&header.prefix, header.source.as_deref())?;
        }
        let runs = [
            unfinished.as_ref().map(|index| index.run),
            journal.as_ref().map(|journal| journal.header.run),
        ];
        if complete.is_some() && runs.contains(&complete) {
            // The run had come to its end, and only was not cleared away.
            clear(disk)?;
            return Ok(Self { manifest, unfinished: None, journal: None });
        }
        let partial = unfinished.as_ref().and_then(|index| index.partial.as_ref());
        let pass = partial.map_or(0, |partial| partial.pass);
        if unfinished.is_some() && partial.is_none_or(|partial| partial.base != complete) {
            return Err(damaged(format_args!("`{PARTIAL}` goes out from another manifest")));
        }
        if let (Some(Journal { header, .. }), Some(index)) = (&journal, &unfinished)
            && header.run == index.run
            && header.pass < pass
        {
            // The next pass was about to begin.
            clear_pass(disk)?;
            journal = None;
        }
        if let Some(Journal { header, .. }) = &journal {
            let is_other = unfinished.as_ref().is_some_and(|index| index.run != header.run);
            if header.base != complete || header.pass != pass || is_other {
                return Err(damaged("what is kept of a run goes out from another manifest"));
            }
        }
        Ok(Self { manifest, unfinished, journal })
    }

    /// The first line of the journal: of a run that goes on, or of a new one
    fn header(&self, intent: &Intent) -> Header {
        if let Some(journal) = &self.journal {
            return journal.header.clone();
        }
        let base = self.manifest.as_ref().map(|manifest| manifest.run);
        let source = self.manifest.as_ref().and_then(|manifest| manifest.source.clone());
        let begun = self.unfinished.as_ref();
        let source = begun.and_then(|begun| begun.source.clone()).or(source);
        Header {
            format: FORMAT,
            run: begun.map_or_else(RunId::random, |begun| begun.run),
            number: begun.map_or_else(
                || self.manifest.as_ref().map_or(0, |manifest| manifest.number) + 1,
                |begun| begun.number,
            ),
            at: begun.map_or(intent.now, |begun| begun.at),
            prefix: intent.prefix.clone(),
            source: intent.source.clone().or(source),
            rules: intent.rules,
            base,
            pass: begun.and_then(|begun| begun.partial.as_ref()).map_or(0, |partial| partial.pass),
        }
    }
}

impl Intent {
    /// That a state is of the same names
    fn check(&self, prefix: &str, source: Option<&str>) -> Result<(), Error> {
        let is_other =
            source.is_some() && self.source.is_some() && source != self.source.as_deref();
        if prefix == self.prefix && !is_other {
            return Ok(());
        }
        let of = |prefix: &str, source: Option<&str>| {
            let place = source.unwrap_or("a source that is not named");
            format!("the prefix `{}` in `{}`", prefix.escape_debug(), place.escape_debug())
        };
        Err(Error::new(
            ErrorKind::StateInvalid,
            format!(
                "the state is of {}, and not of {}; give each its own state",
                of(prefix, source),
                of(&self.prefix, self.source.as_deref()),
            ),
        ))
    }
}

impl Ledger {
    /// Begins a run, or goes on with the one that was interrupted
    pub(in crate::sync) fn open(mut disk: Box<dyn Disk>, intent: Intent) -> Result<Self, Error> {
        let found = Found::read(&mut *disk, &intent)?;
        let header = found.header(&intent);
        if found.journal.is_none() {
            clear_pass(&mut *disk)?;
            journal::write(&mut *disk, &header)?;
        }
        let base = found.unfinished.as_ref().or(found.manifest.as_ref());
        let run = Run {
            number: header.number,
            at: header.at,
            told: base.map_or(0, |base| base.told),
            tombstones: intent.tombstones,
        };
        Self::with(disk, header, (run, intent), found)
    }

    fn with(
        mut disk: Box<dyn Disk>,
        mut header: Header,
        (run, Intent { rules, sizes, .. }): (Run, Intent),
        found: Found,
    ) -> Result<Self, Error> {
        let Found { mut manifest, mut unfinished, mut journal } = found;
        let is_resumed = journal.is_some() || unfinished.is_some();
        let leaves = |index: &mut Option<Index>| {
            index.as_mut().map_or_else(Vec::new, |index| std::mem::take(&mut index.leaves))
        };
        let (of_manifest, of_unfinished) = (leaves(&mut manifest), leaves(&mut unfinished));
        let (file, leaves) = match unfinished {
            Some(_) => (PARTIAL, of_unfinished),
            None => (FILE, of_manifest),
        };
        let base = unfinished.as_ref().or(manifest.as_ref());
        let (order, expected) = base.map_or((None, None), |base| (base.order, base.expected));
        let held = base.map_or(0, Index::held);
        let partial = unfinished.as_ref().and_then(|index| index.partial.clone());
        let mut blocks = Blocks::new(file, leaves, sizes.leaves);
        // Names that are gone do not bind those to come.
        let is_bound = partial.is_some() || order == Some(NameOrder::Unsorted);
        let order = journal
            .as_ref()
            .and_then(|journal| journal.order)
            .or_else(|| order.filter(|_| is_bound || blocks.len() > 0))
            .or_else(|| (blocks.len() > 0).then(NameOrder::default));
        let failed = |error| Error::state("go on with the rows of a run", error);
        // Blocks are put aside anew, and what was to be sorted or replaced is begun anew.
        clear_temporary(&mut *disk)?;
        let mut entries = Entries::new(sizes);
        let (mut left, mut maybe) = (RangeSet::all(&header.prefix), Vec::new());
        let carried = partial.clone().unwrap_or_default();
        let Partial { batches, counts, .. } = carried;
        let mut last = Commit { batches, counts, ..Commit::default() };
        let (mut is_open, mut in_doubt) = (false, Volume::default());
        let mut has_commits = false;
        let mut next = |disk: &mut dyn Disk| match &mut journal {
            Some(journal) => journal.next(disk),
            None => Ok(None),
        };
        let mut ahead = next(&mut *disk)?;
        while let Some(mut commit) = ahead {
            ahead = next(&mut *disk)?;
            has_commits = true;
            if commit.is_open && ahead.as_ref().is_none_or(|next| next.voids) {
                in_doubt.add(&commit.new)?;
                maybe.append(&mut commit.new);
                (last.rows, last.order) = (commit.rows, commit.order);
                is_open = ahead.is_none();
                continue;
            }
            for (start, end) in commit.kept.drain(..) {
                entries.keep(start, end, &blocks)?;
            }
            for (from, to) in commit.done.drain(..) {
                left.remove(&NameRange::new(from, to), order.unwrap_or_default());
            }
            entries.add(std::mem::take(&mut commit.new), order, &mut *disk)?;
            last = commit;
        }
        (last.is_open, last.voids) = (false, is_open);
        // What was written behind the last commit is none of the run's.
        let length = disk.size(journal::ROWS).map_err(failed)?.unwrap_or_default();
        if length < last.rows {
            return Err(damaged("rows of the run are missing"));
        }
        if length > last.rows {
            disk.truncate(journal::ROWS, last.rows).map_err(failed)?;
        }
        if last.voids {
            // Once, before another line could seem to make it final.
            journal::write(&mut *disk, &last)?;
        }
        // What was judged by other rules is judged again, unless a sink knows already what follows from
        // all of it. Retries that each failed in a batch must not fill the journal.
        if header.rules != rules && !has_commits {
            // Nothing was judged yet.
            clear_pass(&mut *disk)?;
            header.rules = rules;
            journal::write(&mut *disk, &header)?;
        }
        let is_judged_again = header.rules != rules && last.told == 0;
        let is_much = in_doubt.is_much() && !last.is_listed;
        let known = last.order.or(order).unwrap_or_default();
        let relist = last.relist.or((is_judged_again || is_much).then_some(known));
        let mut told = Vec::new();
        for block in maybe {
            told.append(&mut read_block(&mut *disk, journal::ROWS, &block)?);
        }
        let prefix = &header.prefix;
        let start = Start { order, run, most: 2 * sizes.rows, prefix, left, maybe: told };
        let merge = Merge::new(start, &mut Known { disk: &mut *disk, blocks: &mut blocks })?;
        Ok(Self {
            disk,
            header,
            run,
            rules,
            sizes,
            packer: Packer::new()?,
            merge,
            manifest,
            partial,
            held,
            blocks,
            entries,
            open: Step::default(),
            pages: 0,
            rows: last.rows,
            ends: false,
            is_listed: last.is_listed,
            expected: expected.filter(|expected| Some(*expected) != order),
            sorting: None,
            relist,
            relisting: None,
            told: last.told,
            telling: last.told,
            batches: last.batches,
            counts: last.counts,
            nameless: last.nameless,
            moves: HashMap::new(),
            is_resumed,
            farewell: None,
        })
    }
}
