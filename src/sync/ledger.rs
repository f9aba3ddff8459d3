//! What a run does to its state. Nothing here waits for anything but the disk.

use std::{collections::HashMap, sync::Arc, time::SystemTime};

use super::{
    block::{Block, Packer, damaged, pieces, unpack},
    disk::Disk,
    journal::{self, Commit, Counts, Header},
    manifest::{self, FORMAT, Index, read_block, read_frame},
    merge::{Merge, Rest, Start, Step},
    row::{Row, Run, Told},
};
use crate::{
    error::{Error, ErrorKind},
    scan::{Covers, Cut},
    sink::{Change, RunId},
    store::{ContentMd5, NameOrder},
    validate::Verdict,
};

/// A manifest that is not whole yet
const NEW: &str = "manifest.new";

/// After how many pages without a change it is noted how far the run is
const PAGES: u32 = 64;

/// How many changes tell of what is gone at once
const FAREWELLS: usize = 1000;

/// Of how many added assets it is remembered where they are, to find what was moved
const MOVES: usize = 1 << 16;

/// What a run is to be
pub(super) struct Intent {
    pub(super) prefix: String,
    pub(super) source: Option<String>,
    /// The fingerprint of the rules
    pub(super) rules: u64,
    pub(super) tombstones: u64,
    /// How many rows a block has
    pub(super) block: usize,
    pub(super) now: SystemTime,
}

/// A block of the new manifest
enum Entry {
    /// In the manifest, by its place
    Kept(usize),
    /// In the file of rows: apart, since most are kept
    New(Box<Block>),
}

/// How a run stands
#[derive(Clone, Copy, Debug)]
pub(super) struct View {
    pub(super) run: RunId,
    pub(super) number: u64,
    /// Whether it goes on with a run that was interrupted
    pub(super) is_resumed: bool,
    pub(super) is_listed: bool,
    /// Whether something was done that must be committed before the next page
    pub(super) is_due: bool,
    /// How many batches were committed, which is the number of the next
    pub(super) batches: u64,
    pub(super) counts: Counts,
    /// How many blobs the listing of the run before had
    pub(super) expected: Option<u64>,
}

pub(super) struct Ledger {
    disk: Box<dyn Disk>,
    header: Header,
    run: Run,
    old: Option<Index>,
    /// Its blocks
    blocks: Arc<Vec<Block>>,
    packer: Packer,
    merge: Merge,
    entries: Vec<Entry>,
    /// What is done and not committed
    open: Step,
    /// For how many pages
    pages: u32,
    /// The size of the file of rows
    rows: u64,
    is_listed: bool,
    /// Whether it ends before all is listed
    settles: bool,
    /// How many rows that are gone were told of, and are as soon as the batch at hand is
    told: u64,
    telling: u64,
    batches: u64,
    counts: Counts,
    moves: HashMap<(ContentMd5, u64), String>,
    is_resumed: bool,
    /// The first block that may have rows to tell of, and how many were in those before
    farewell: (usize, u64),
}

impl Ledger {
    /// Begins a run, or goes on with the one that was interrupted
    pub(super) fn open(mut disk: Box<dyn Disk>, intent: Intent) -> Result<Self, Error> {
        let old = Index::read(&mut *disk)?;
        let same = |prefix: &str, source: &Option<String>| {
            let is_other = source.is_some() && intent.source.is_some() && *source != intent.source;
            if prefix == intent.prefix && !is_other {
                return Ok(());
            }
            let of = |prefix: &str, source: &Option<String>| {
                let place = source.as_deref().unwrap_or("a source that is not named");
                format!("the prefix `{}` in `{}`", prefix.escape_debug(), place.escape_debug())
            };
            Err(Error::new(
                ErrorKind::StateInvalid,
                format!(
                    "the state is of {}, and not of {}; give each its own state",
                    of(prefix, source),
                    of(&intent.prefix, &intent.source),
                ),
            ))
        };
        if let Some(old) = &old {
            same(&old.prefix, &old.source)?;
        }
        let base = old.as_ref().map(|old| old.run);
        let known = old.as_ref().and_then(|old| old.source.clone());
        let mut kept = journal::read(&mut *disk)?;
        if let Some((header, _)) = &kept {
            same(&header.prefix, &header.source)?;
            if Some(header.run) == base {
                // It had come to its end, and only was not cleared away.
                clear(&mut *disk)?;
                kept = None;
            } else if header.base != base {
                return Err(damaged("what is kept of a run goes out from another manifest"));
            }
        }
        let is_resumed = kept.is_some();
        let (header, commits) = match kept {
            Some(kept) => kept,
            None => {
                clear(&mut *disk)?;
                let number = old.as_ref().map_or(0, |old| old.number) + 1;
                let header = Header {
                    format: FORMAT,
                    run: RunId::random(),
                    number,
                    at: intent.now,
                    prefix: intent.prefix.clone(),
                    source: intent.source.clone().or(known),
                    base,
                };
                journal::write(&mut *disk, &header)?;
                (header, Vec::new())
            }
        };
        let run = Run {
            number: header.number,
            at: header.at,
            told: old.as_ref().map_or(0, |old| old.told),
            tombstones: intent.tombstones,
            block: intent.block,
            rules: intent.rules,
        };
        let mut ledger = Self::with(disk, header, run, old, commits, is_resumed)?;
        if ledger.settles {
            ledger.removals()?;
            ledger.finish(false)?;
            return Self::open(ledger.disk, intent);
        }
        Ok(ledger)
    }

    fn with(
        mut disk: Box<dyn Disk>,
        header: Header,
        run: Run,
        old: Option<Index>,
        commits: Vec<Commit>,
        is_resumed: bool,
    ) -> Result<Self, Error> {
        let blocks = old.as_ref().map_or_else(Arc::default, |old| Arc::clone(&old.blocks));
        let (mut entries, mut done, mut maybe) = (Vec::new(), Vec::<(Cut, Cut)>::new(), Vec::new());
        let (mut last, mut is_open) = (Commit::default(), false);
        let mut commits = commits.into_iter().peekable();
        while let Some(commit) = commits.next() {
            if commit.kept.iter().any(|place| *place >= blocks.len()) {
                return Err(damaged("a block of the manifest is missing"));
            }
            if commit.is_open && commits.peek().is_none_or(|next| next.voids) {
                maybe.extend(commit.new);
                (last.rows, last.is_by_segments) = (commit.rows, commit.is_by_segments);
                is_open = commits.peek().is_none();
                continue;
            }
            last = Commit { kept: Vec::new(), new: Vec::new(), done: Vec::new(), ..commit };
            entries.extend(commit.kept.into_iter().map(Entry::Kept));
            entries.extend(commit.new.into_iter().map(Box::new).map(Entry::New));
            done.extend(commit.done);
        }
        (last.is_open, last.voids) = (false, is_open);
        // What was written behind the last commit is none of the run's.
        let failed = |error| Error::state("go on with the rows of a run", error);
        let length = disk.size(journal::ROWS).map_err(failed)?.unwrap_or_default();
        if length < last.rows {
            return Err(damaged("rows of the run are missing"));
        }
        if length > last.rows {
            disk.truncate(journal::ROWS, last.rows).map_err(failed)?;
        }
        let order = manifest::order(last.is_by_segments)
            .or_else(|| old.as_ref().filter(|old| !old.blocks.is_empty()).and_then(Index::order));
        if last.voids {
            // Once, before another line could seem to make it final.
            journal::write(&mut *disk, &last)?;
        }
        let mut told = Vec::new();
        for block in maybe {
            told.append(&mut read_block(&mut *disk, journal::ROWS, &block)?);
        }
        let mut read = |block: &Block| read_block(&mut *disk, manifest::FILE, block);
        let start = Start {
            old: Arc::clone(&blocks),
            order,
            run,
            most: 2 * run.block,
            prefix: &header.prefix,
            done: &done,
            maybe: told,
        };
        let merge = Merge::new(start, &mut read)?;
        Ok(Self {
            disk,
            header,
            run,
            packer: Packer::new()?,
            merge,
            old,
            blocks,
            entries,
            open: Step::default(),
            pages: 0,
            rows: last.rows,
            is_listed: last.is_listed,
            settles: last.settles,
            told: last.told,
            telling: last.told,
            batches: last.batches,
            counts: last.counts,
            moves: HashMap::new(),
            is_resumed,
            farewell: (0, 0),
        })
    }

    /// How things stand
    pub(super) fn view(&self) -> View {
        View {
            run: self.header.run,
            number: self.header.number,
            is_resumed: self.is_resumed,
            is_listed: self.is_listed,
            is_due: !self.open.rows.is_empty() || self.pages >= PAGES || self.is_listed,
            batches: self.batches,
            counts: self.counts,
            expected: self.old.as_ref().map(Index::listed),
        }
    }

    /// What is left to list
    pub(super) fn left(&self) -> Vec<crate::scan::Shard> {
        self.merge.left().shards(&self.header.prefix)
    }

    /// Names that cut what was known into so many even parts, or fewer
    pub(super) fn cuts(&self, parts: usize) -> Vec<String> {
        let blocks = &self.blocks;
        let step = blocks.len().div_ceil(parts.max(1)).max(1);
        blocks.iter().step_by(step).skip(1).map(|block| block.first.to_string()).collect()
    }

    /// Takes a page; gives what a sink must be told before [`commit`](Self::commit)
    pub(super) fn take(
        &mut self,
        verdicts: Vec<Verdict>,
        covers: &Covers,
    ) -> Result<Vec<Change>, Error> {
        let mut read = |block: &Block| read_block(&mut *self.disk, manifest::FILE, block);
        let step = self.merge.take(verdicts, covers, &mut read)?;
        self.pages += 1;
        Ok(self.note(step))
    }

    /// Ends the listing
    pub(super) fn end_listing(&mut self) -> Result<Vec<Change>, Error> {
        let mut read = |block: &Block| read_block(&mut *self.disk, manifest::FILE, block);
        let step = self.merge.finish(&mut read)?;
        self.is_listed = true;
        Ok(self.note(step))
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
        for change in &step.changes {
            match change {
                Change::Added(asset) => {
                    self.counts.added += 1;
                    if let (Some(md5), true) = (asset.blob.content_md5, self.old.is_some())
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
            for rows in pieces(&rows, self.run.block) {
                let (frame, block) = self.packer.pack(rows, self.rows, self.run.told)?;
                self.disk.append(journal::ROWS, &frame).map_err(failed)?;
                self.rows += block.length;
                new.push(block);
            }
        }
        if !new.is_empty() {
            self.disk.sync(journal::ROWS).map_err(failed)?;
        }
        let commit = Commit {
            batches: self.batches,
            is_by_segments: self.is_by_segments(),
            rows: self.rows,
            kept: std::mem::take(&mut self.open.kept),
            new,
            done: std::mem::take(&mut self.open.done),
            is_listed: self.is_listed,
            told: self.told,
            counts: self.counts,
            is_open,
            settles: self.settles,
            voids: false,
        };
        journal::write(&mut *self.disk, &commit)?;
        self.entries.extend(commit.kept.into_iter().map(Entry::Kept));
        self.entries.extend(commit.new.into_iter().map(Box::new).map(Entry::New));
        Ok(())
    }

    fn is_by_segments(&self) -> Option<bool> {
        self.merge.order().map(|order| order == NameOrder::Segments)
    }

    /// Ends a run whose listing is not to be trusted: what was told is remembered, and else all is as
    /// it was, so that the next run lists all anew
    ///
    /// What was found missing stays so without being told, until a listing has it or has it not.
    pub(super) fn settle(&mut self) -> Result<(), Error> {
        self.settles = true;
        for place in 0..self.blocks.len() {
            match self.merge.give_up(place) {
                Some(Rest::Whole) => self.open.kept.push(place),
                Some(Rest::Rows(rows)) => self.open.rows.push(rows),
                None => {}
            }
        }
        self.open.rows.retain(|rows| !rows.is_empty());
        self.write(false)?;
        self.removals()?;
        self.finish(false)
    }

    /// How many assets are to be removed, and of how many
    ///
    /// Once all is listed and committed.
    pub(super) fn removals(&mut self) -> Result<(u64, u64), Error> {
        let order = self.merge.order().unwrap_or_default();
        let mut entries = std::mem::take(&mut self.entries);
        entries.sort_by(|a, b| order.compare(&self.block(a).first, &self.block(b).first));
        self.entries = entries;
        let mut missing = 0;
        let mut before: Option<&Block> = None;
        for block in self.entries.iter().map(|entry| self.block(entry)) {
            if before.is_some_and(|before| order.compare(&before.last, &block.first).is_ge()) {
                return Err(damaged("blocks of the run overlap"));
            }
            missing += block.missing(self.run.told);
            before = Some(block);
        }
        // Once the sink was told of some, it is told of all.
        let missing = if self.told > 0 { 0 } else { missing };
        let held = self.old.as_ref().map_or(0, Index::held);
        // What was added before an interruption, and is gone since, was not there before.
        Ok((missing, held.max(missing)))
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "each place came from these blocks, or was checked"
    )]
    fn block<'a>(&'a self, entry: &'a Entry) -> &'a Block {
        match entry {
            Entry::Kept(place) => &self.blocks[*place],
            Entry::New(block) => block,
        }
    }

    /// The block in a place of the new manifest, and the file in which it is
    fn entry(&self, place: usize) -> Option<(Block, &'static str)> {
        let entry = self.entries.get(place)?;
        let file = match entry {
            Entry::Kept(_) => manifest::FILE,
            Entry::New(_) => journal::ROWS,
        };
        Some((self.block(entry).clone(), file))
    }

    /// The next changes that tell of what is gone; none once all were told
    pub(super) fn farewells(&mut self) -> Result<Vec<Change>, Error> {
        let (told, mut changes) = (self.run.told, Vec::new());
        let (mut place, mut passed) = self.farewell;
        while let Some((block, file)) = self.entry(place) {
            self.farewell = (place, passed);
            place += 1;
            if block.newest_gone <= told {
                continue;
            }
            for row in read_block(&mut *self.disk, file, &block)? {
                if row.gone.is_none_or(|gone| gone.run <= told) {
                    continue;
                }
                passed += 1;
                if passed <= self.telling {
                    continue;
                }
                self.telling = passed;
                self.counts.removed += 1;
                let moved_to = row.content_md5.and_then(|md5| self.moves.get(&(md5, row.size)));
                let moved_to = moved_to.filter(|_| row.told(told) == Told::Asset);
                let farewell = row.farewell(moved_to.cloned());
                self.counts.rejected += u64::from(row.is_listed());
                changes.extend(farewell);
                if changes.len() >= FAREWELLS {
                    return Ok(changes);
                }
            }
        }
        self.farewell = (place, passed);
        Ok(changes)
    }

    /// Puts a new manifest in the place of the old one, and clears away what was kept of the run
    ///
    /// `are_told` says whether the sink was told of all that is gone.
    pub(super) fn finish(&mut self, are_told: bool) -> Result<(), Error> {
        let told = if are_told { self.run.number } else { self.run.told };
        let is_kept = |entry: &Entry| matches!(entry, Entry::Kept(_));
        let has_news = told > self.run.told
            && self.entries.iter().any(|entry| self.block(entry).newest_gone > self.run.told);
        if self.old.is_some()
            && self.entries.iter().all(is_kept)
            && self.entries.len() == self.blocks.len()
            && !has_news
        {
            // Nothing has changed, so that the manifest is right as it is.
            return clear(&mut *self.disk);
        }
        self.disk.remove(NEW).map_err(|error| Error::state("begin a new manifest", error))?;
        let (mut blocks, mut size) = (Vec::new(), 0);
        let (mut group, mut rows) = (Vec::new(), 0);
        for place in 0..self.entries.len() {
            let Some((block, file)) = self.entry(place) else { break };
            if rows + block.rows > self.run.block as u64 {
                self.write_group(std::mem::take(&mut group), &mut size, told, &mut blocks)?;
                rows = 0;
            }
            rows += block.rows;
            group.push((block, file));
        }
        self.write_group(group, &mut size, told, &mut blocks)?;
        let index = Index {
            format: FORMAT,
            run: self.header.run,
            number: self.header.number,
            at: self.header.at,
            prefix: self.header.prefix.clone(),
            source: self.header.source.clone(),
            is_by_segments: self.is_by_segments(),
            rules: self.run.rules,
            told,
            blocks: blocks.into(),
        };
        let mut write = || {
            let frame = index.frame(size)?;
            let mut persist = || {
                self.disk.append(NEW, &frame)?;
                self.disk.sync(NEW)?;
                self.disk.rename(NEW, manifest::FILE)
            };
            persist().map_err(|error| Error::state("write the manifest", error))
        };
        write()?;
        clear(&mut *self.disk)
    }

    /// Writes neighbours as one block
    fn write_group(
        &mut self,
        group: Vec<(Block, &'static str)>,
        size: &mut u64,
        told: u64,
        blocks: &mut Vec<Block>,
    ) -> Result<(), Error> {
        let failed = |error| Error::state("write the manifest", error);
        let mut frames = Vec::new();
        for (block, file) in group {
            frames.push((read_frame(&mut *self.disk, file, &block)?, block));
        }
        let (frame, block) = match frames.as_slice() {
            [] => return Ok(()),
            [(frame, block)] => (frame.clone(), Block { offset: *size, ..block.clone() }),
            frames => {
                let mut rows: Vec<Row> = Vec::new();
                for (frame, block) in frames {
                    rows.append(&mut unpack(frame, block)?);
                }
                self.packer.pack(&rows, *size, told)?
            }
        };
        self.disk.append(NEW, &frame).map_err(failed)?;
        *size += block.length;
        blocks.push(block);
        Ok(())
    }
}

/// Removes what is kept of a run under way
fn clear(disk: &mut dyn Disk) -> Result<(), Error> {
    // The journal first: without it the rest means nothing.
    [journal::FILE, journal::ROWS, NEW]
        .into_iter()
        .try_for_each(|name| disk.remove(name))
        .map_err(|error| Error::state("clear away what was kept of a run", error))
}
