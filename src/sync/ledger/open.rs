use std::collections::HashMap;

use super::{Intent, Ledger, end::clear};
use crate::{
    error::{Error, ErrorKind},
    sink::RunId,
    sync::{
        block::{Packer, damaged},
        disk::Disk,
        entries::{ASIDE, Entries},
        index::{Blocks, Known, Sizes},
        journal::{self, Commit, Header, Journal},
        left::Left,
        manifest::{self, FORMAT, Index, read_block},
        merge::{Merge, Start, Step},
        row::Run,
    },
};

impl Ledger {
    /// Begins a run, or goes on with the one that was interrupted
    pub(in crate::sync) fn open(mut disk: Box<dyn Disk>, intent: Intent) -> Result<Self, Error> {
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
        let mut kept = Journal::open(&mut *disk)?;
        if let Some(Journal { header, .. }) = &kept {
            same(&header.prefix, &header.source)?;
            if Some(header.run) == base {
                // It had come to its end, and only was not cleared away.
                clear(&mut *disk)?;
                kept = None;
            } else if header.base != base {
                return Err(damaged("what is kept of a run goes out from another manifest"));
            }
        }
        let header = match &kept {
            Some(kept) => kept.header.clone(),
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
                header
            }
        };
        let run = Run {
            number: header.number,
            at: header.at,
            told: old.as_ref().map_or(0, |old| old.told),
            tombstones: intent.tombstones,
            rules: intent.rules,
        };
        let mut ledger = Self::with(disk, header, (run, intent.sizes), old, kept)?;
        if ledger.settles {
            ledger.finish(false)?;
            return Self::open(ledger.disk, intent);
        }
        Ok(ledger)
    }

    fn with(
        mut disk: Box<dyn Disk>,
        header: Header,
        (run, sizes): (Run, Sizes),
        mut old: Option<Index>,
        kept: Option<Journal>,
    ) -> Result<Self, Error> {
        let is_resumed = kept.is_some();
        let leaves = old.as_mut().map_or_else(Vec::new, |old| std::mem::take(&mut old.leaves));
        let mut blocks = Blocks::new(manifest::FILE, leaves, sizes.leaves);
        let order = kept
            .as_ref()
            .and_then(|kept| kept.order)
            .or_else(|| old.as_ref().filter(|_| blocks.len() > 0).and_then(|old| old.order));
        let failed = |error| Error::state("go on with the rows of a run", error);
        // They are put aside anew.
        disk.remove(ASIDE).map_err(failed)?;
        let mut entries = Entries::new(sizes);
        let (mut left, mut maybe) = (Left::all(&header.prefix), Vec::new());
        let (mut last, mut is_open) = (Commit::default(), false);
        let mut journal = kept;
        let mut next = |disk: &mut dyn Disk| match &mut journal {
            Some(journal) => journal.next(disk),
            None => Ok(None),
        };
        let mut ahead = next(&mut *disk)?;
        while let Some(mut commit) = ahead {
            ahead = next(&mut *disk)?;
            if commit.is_open && ahead.as_ref().is_none_or(|next| next.voids) {
                maybe.append(&mut commit.new);
                (last.rows, last.order) = (commit.rows, commit.order);
                is_open = ahead.is_none();
                continue;
            }
            for (start, end) in commit.kept.drain(..) {
                entries.keep(start, end, &blocks)?;
            }
            for (from, to) in commit.done.drain(..) {
                left.take(&from, &to, order.unwrap_or_default());
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
            sizes,
            packer: Packer::new()?,
            merge,
            old,
            blocks,
            entries,
            open: Step::default(),
            pages: 0,
            rows: last.rows,
            ends: false,
            is_listed: last.is_listed,
            settles: last.settles,
            told: last.told,
            telling: last.told,
            batches: last.batches,
            counts: last.counts,
            moves: HashMap::new(),
            is_resumed,
            farewell: None,
        })
    }
}
