//! Begins a run's listing again, with all that is known put into another order.
//!
//! A listing can turn out to be in another order than was assumed: in the middle of it, or because
//! the account was given another one since the run before. The rules can be others when an interrupted
//! run goes on. What sinks were given until then must neither be lost nor pass for a complete listing.
//! So it goes into a file of its own, sorted anew, from which the next pass of the run goes out. The
//! manifest of the last complete run stays.
//!
//! A commit first says that the run must list again, so that a run which is cancelled or killed
//! meanwhile begins this anew. A step reads or writes one block, or sorts a bounded part.

use super::{Ledger, end::clear_pass};
use crate::{
    error::Error,
    scan::{Bound, RangeSet},
    store::NameOrder,
    sync::{
        block::damaged,
        disk::Disk,
        doubt::in_doubt,
        entries::{Entries, Walk},
        index::{Blocks, Known},
        journal::{self, Counts},
        limits::MOST_TEXT,
        manifest::{Index, Making, PARTIAL, Partial, read_block},
        merge::{Merge, Start, Step},
        row::Row,
        sort::{Merging, Record, Sorted, Sorter},
    },
};

/// How far a run is that puts what it knows into another order
pub(super) enum Relisting {
    /// Collects the rows of names that this pass has listed
    Decided {
        sorter: Sorter,
        walk: Walk,
    },
    /// Collects the rows of all other names
    Undecided {
        sorter: Sorter,
        names: Undecided,
        next: usize,
    },
    Sorting(Merging),
    Writing {
        sorted: Sorted,
        next: Option<Record>,
        new: Making,
    },
}

/// The names that this pass has not decided about
pub(super) struct Undecided {
    order: NameOrder,
    /// In ascending order
    intervals: Vec<(Bound, Bound)>,
    /// Which of the rows in doubt were collected with what was known for sure
    seen: Vec<bool>,
}

impl Undecided {
    fn has(&self, name: &str) -> bool {
        let end = self.intervals.partition_point(|(from, _)| from.is_before(name, self.order));
        let last = end.checked_sub(1).and_then(|last| self.intervals.get(last));
        last.is_some_and(|(_, to)| !to.is_before(name, self.order))
    }

    fn touches(&self, from: &Bound, to: &Bound) -> bool {
        let is_before = |start: &Bound| start.compare(to, self.order).is_lt();
        let end = self.intervals.partition_point(|(start, _)| is_before(start));
        let last = end.checked_sub(1).and_then(|last| self.intervals.get(last));
        last.is_some_and(|(_, end)| from.compare(end, self.order).is_lt())
    }
}

impl Ledger {
    /// Begins to put what is known into this order, which [`relist_on`](Self::relist_on) continues
    pub(in crate::sync) fn relist(&mut self, order: NameOrder) -> Result<(), Error> {
        self.sorting = None;
        self.relist = Some(order);
        // What was done since the last commit is in no block yet.
        self.write(false)?;
        let sorter = Sorter::new(order, self.sizes.sort, &mut *self.disk)?;
        self.relisting = Some(Relisting::Decided { sorter, walk: self.walk()? });
        Ok(())
    }

    /// Does a bounded part of it; returns whether there is more, and else the listing begins again
    ///
    /// What was found missing stays so without being reported, until a listing has it or has it not.
    pub(in crate::sync) fn relist_on(&mut self) -> Result<bool, Error> {
        self.relisting = match self.relisting.take() {
            Some(Relisting::Decided { sorter, walk }) => Some(self.collect_decided(sorter, walk)?),
            Some(Relisting::Undecided { sorter, names, next }) => {
                Some(self.collect_undecided(sorter, names, next)?)
            }
            Some(Relisting::Sorting(merging)) => Some(self.sort_known(merging)?),
            Some(Relisting::Writing { sorted, next, new }) => {
                self.write_known(sorted, next, new)?
            }
            None => None,
        };
        Ok(self.relisting.is_some())
    }

    fn collect_decided(&mut self, mut sorter: Sorter, mut walk: Walk) -> Result<Relisting, Error> {
        if let Some((block, file)) = self.walked(&mut walk)? {
            for row in read_block(&mut *self.disk, file, &block)? {
                push(&mut sorter, &mut *self.disk, &row)?;
            }
            return Ok(Relisting::Decided { sorter, walk });
        }
        let names = Undecided {
            order: self.merge.order().unwrap_or_default(),
            intervals: self.merge.undecided(),
            seen: vec![false; self.merge.maybe().len()],
        };
        Ok(Relisting::Undecided { sorter, names, next: 0 })
    }

    /// The rows of other names, with what a sink may know of them
    fn collect_undecided(
        &mut self,
        mut sorter: Sorter,
        mut names: Undecided,
        next: usize,
    ) -> Result<Relisting, Error> {
        let (order, told, maybe) = (names.order, self.run.told, self.merge.maybe());
        let mut old = Known { disk: &mut *self.disk, blocks: &mut self.blocks };
        let Some(block) = old.block(next)? else {
            for (row, seen) in maybe.iter().zip(&names.seen) {
                if !seen && names.has(&row.name) {
                    push(&mut sorter, old.disk, &in_doubt(None, row, told))?;
                }
            }
            return sorter.finish(old.disk).map(Relisting::Sorting);
        };
        let rows = match names.touches(&block.from(), &block.to()) {
            true => old.rows(&block)?,
            false => Vec::new(),
        };
        for mut row in rows {
            if !names.has(&row.name) {
                continue;
            }
            let place = maybe.binary_search_by(|maybe| order.compare(&maybe.name, &row.name));
            if let Ok(place) = place
                && let (Some(maybe), Some(seen)) = (maybe.get(place), names.seen.get_mut(place))
            {
                *seen = true;
                row = in_doubt(Some(row), maybe, told);
            }
            push(&mut sorter, old.disk, &row)?;
        }
        Ok(Relisting::Undecided { sorter, names, next: next + 1 })
    }

    fn sort_known(&mut self, mut merging: Merging) -> Result<Relisting, Error> {
        if merging.step(&mut *self.disk)? {
            return Ok(Relisting::Sorting(merging));
        }
        let (order, told) = (self.relist, self.run.told);
        let mut sorted = merging.finish(&mut *self.disk)?;
        let mut new = self.begin_manifest(order, told)?;
        let nameless = self.partial.as_ref().map_or(0, |partial| partial.nameless) + self.nameless;
        new.index.partial = Some(Partial {
            base: self.header.base,
            pass: self.header.pass + 1,
            batches: self.batches,
            counts: Counts { unchanged: 0, ..self.counts },
            nameless,
        });
        let next = sorted.next(&mut *self.disk)?;
        Ok(Relisting::Writing { sorted, next, new })
    }

    /// Writes a block; after the last one the listing begins again
    fn write_known(
        &mut self,
        mut sorted: Sorted,
        mut next: Option<Record>,
        mut new: Making,
    ) -> Result<Option<Relisting>, Error> {
        let (mut rows, mut text): (Vec<Row>, _) = (Vec::new(), 0);
        while let Some(record) = &next {
            let length = record.content.len() as u64 + 1;
            if rows.len() >= self.sizes.rows.max(1)
                || (!rows.is_empty() && text + length > MOST_TEXT)
            {
                break;
            }
            text += length;
            let row = serde_json::from_slice(&record.content);
            rows.push(row.map_err(|error| Error::state("sort the rows of a run", error.into()))?);
            next = sorted.next(&mut *self.disk)?;
        }
        if !rows.is_empty() {
            let (frame, block) = self.packer.pack(&rows, new.size, new.index.told)?;
            new.add(&mut *self.disk, &frame, block)?;
            return Ok(Some(Relisting::Writing { sorted, next, new }));
        }
        let order = new.index.order;
        new.end(&mut *self.disk, PARTIAL)?;
        self.begin_pass(order)?;
        Ok(None)
    }

    /// Lets the listing begin again, from what was just written
    fn begin_pass(&mut self, order: Option<NameOrder>) -> Result<(), Error> {
        clear_pass(&mut *self.disk)?;
        let lost = || damaged(format_args!("`{PARTIAL}` has gone"));
        let index = Index::unfinished(&mut *self.disk)?.ok_or_else(lost)?;
        self.held = index.held();
        let partial = index.partial.ok_or_else(lost)?;
        (self.header.pass, self.header.rules) = (partial.pass, self.rules);
        journal::write(&mut *self.disk, &self.header)?;
        (self.counts, self.nameless) = (partial.counts, 0);
        self.partial = Some(partial);
        self.blocks = Blocks::new(PARTIAL, index.leaves, self.sizes.leaves);
        self.entries = Entries::new(self.sizes);
        let start = Start {
            order,
            run: self.run,
            most: 2 * self.sizes.rows,
            prefix: &self.header.prefix,
            left: RangeSet::all(&self.header.prefix),
            maybe: Vec::new(),
        };
        let mut old = Known { disk: &mut *self.disk, blocks: &mut self.blocks };
        self.merge = Merge::new(start, &mut old)?;
        (self.open, self.pages, self.rows) = (Step::default(), 0, 0);
        (self.ends, self.is_listed) = (false, false);
        (self.expected, self.relist) = (None, None);
        (self.told, self.telling) = (0, 0);
        Ok(())
    }
}

fn push(sorter: &mut Sorter, disk: &mut dyn Disk, row: &Row) -> Result<(), Error> {
    let content = serde_json::to_vec(row)
        .map_err(|error| Error::state("sort the rows of a run", error.into()))?;
    sorter.push(disk, Some(&row.name), &content)
}
