//! Begins a run's listing anew, with all that is known put into another order.
//!
//! A listing can turn out to be in another order than was assumed: in the middle of it, or because
//! the account was given another one since the run before. What sinks were given until then must
//! neither be lost nor pass for a complete listing. So it goes into a file of its own, sorted anew,
//! from which the next pass of the run goes out. The manifest of the last complete run stays.

use super::{Ledger, end::clear_pass};
use crate::{
    error::Error,
    scan::Cut,
    store::NameOrder,
    sync::{
        block::damaged,
        disk::Disk,
        entries::Entries,
        index::{Blocks, Known},
        journal::{self, Counts},
        left::Left,
        limits::MOST_TEXT,
        manifest::{Index, PARTIAL, Partial, read_block},
        merge::{Merge, Start, Step, in_doubt},
        row::Row,
        sort::{Sorted, Sorter},
    },
};

impl Ledger {
    /// Puts what is known into this order, and lets the listing begin anew
    ///
    /// What was found missing stays so without being told, until a listing has it or has it not.
    pub(in crate::sync) fn relist(&mut self, order: NameOrder) -> Result<(), Error> {
        self.sorting = None;
        // What was done since the last commit is in no block yet.
        self.write(false)?;
        let mut sorter = Sorter::new(order, self.sizes.sort, &mut *self.disk)?;
        self.sort_decided(&mut sorter)?;
        self.sort_undecided(&mut sorter)?;
        let mut sorted = sorter.finish(&mut *self.disk)?.finish(&mut *self.disk)?;
        self.write_partial(order, &mut sorted)?;
        self.begin_pass(order)
    }

    /// The rows of names that this pass has listed
    fn sort_decided(&mut self, sorter: &mut Sorter) -> Result<(), Error> {
        let mut walk = self.walk()?;
        while let Some((block, file)) = self.walked(&mut walk)? {
            for row in read_block(&mut *self.disk, file, &block)? {
                push(sorter, &mut *self.disk, &row)?;
            }
        }
        Ok(())
    }

    /// The rows of all other names, with what a sink may know of them
    fn sort_undecided(&mut self, sorter: &mut Sorter) -> Result<(), Error> {
        let order = self.merge.order().unwrap_or_default();
        let undecided = self.merge.undecided();
        let has = |name: &str| {
            let end = undecided.partition_point(|(from, _)| from.is_before(name, order));
            let last = end.checked_sub(1).and_then(|last| undecided.get(last));
            last.is_some_and(|(_, to)| !to.is_before(name, order))
        };
        let touches = |from: &Cut, to: &Cut| {
            let end = undecided.partition_point(|(start, _)| start.compare(to, order).is_lt());
            let last = end.checked_sub(1).and_then(|last| undecided.get(last));
            last.is_some_and(|(_, end)| from.compare(end, order).is_lt())
        };
        let maybe = self.merge.maybe();
        let mut seen = vec![false; maybe.len()];
        let mut old = Known { disk: &mut *self.disk, blocks: &mut self.blocks };
        for place in 0..old.blocks.len() {
            let Some(block) = old.block(place)? else { break };
            if !touches(&block.from(), &block.to()) {
                continue;
            }
            for mut row in old.rows(&block)?.into_iter().filter(|row| has(&row.name)) {
                let place = maybe.binary_search_by(|maybe| order.compare(&maybe.name, &row.name));
                if let Ok(place) = place
                    && let (Some(maybe), Some(seen)) = (maybe.get(place), seen.get_mut(place))
                {
                    *seen = true;
                    row = in_doubt(Some(row), maybe);
                }
                push(sorter, old.disk, &row)?;
            }
        }
        for (row, _) in maybe.iter().zip(seen).filter(|(row, seen)| !seen && has(&row.name)) {
            push(sorter, old.disk, &in_doubt(None, row))?;
        }
        Ok(())
    }

    fn write_partial(&mut self, order: NameOrder, sorted: &mut Sorted) -> Result<(), Error> {
        let told = self.run.told;
        let mut new = self.begin_manifest(Some(order), told)?;
        let nameless = self.partial.as_ref().map_or(0, |partial| partial.nameless) + self.nameless;
        new.index.partial = Some(Partial {
            base: self.header.base,
            pass: self.header.pass + 1,
            batches: self.batches,
            counts: Counts { unchanged: 0, ..self.counts },
            nameless,
        });
        let (mut rows, mut text): (Vec<Row>, _) = (Vec::new(), 0);
        loop {
            let record = sorted.next(&mut *self.disk)?;
            let length = record.as_ref().map_or(0, |record| record.content.len() as u64 + 1);
            let is_full = rows.len() >= self.sizes.rows || text + length > MOST_TEXT;
            if !rows.is_empty() && (is_full || record.is_none()) {
                let (frame, block) = self.packer.pack(&rows, new.size, told)?;
                new.add(&mut *self.disk, &frame, block)?;
                rows.clear();
                text = 0;
            }
            let Some(record) = record else { break };
            text += length;
            let row = serde_json::from_slice(&record.content);
            rows.push(row.map_err(|error| Error::state("sort the rows of a run", error.into()))?);
        }
        new.end(&mut *self.disk, PARTIAL)
    }

    /// Lets the listing begin anew, from what was just written
    fn begin_pass(&mut self, order: NameOrder) -> Result<(), Error> {
        clear_pass(&mut *self.disk)?;
        let lost = || damaged(format_args!("`{PARTIAL}` has gone"));
        let index = Index::unfinished(&mut *self.disk)?.ok_or_else(lost)?;
        self.held = index.held();
        let partial = index.partial.ok_or_else(lost)?;
        self.header.pass = partial.pass;
        journal::write(&mut *self.disk, &self.header)?;
        (self.counts, self.nameless) = (partial.counts, 0);
        self.partial = Some(partial);
        self.blocks = Blocks::new(PARTIAL, index.leaves, self.sizes.leaves);
        self.entries = Entries::new(self.sizes);
        let start = Start {
            order: Some(order),
            run: self.run,
            most: 2 * self.sizes.rows,
            prefix: &self.header.prefix,
            left: Left::all(&self.header.prefix),
            maybe: Vec::new(),
        };
        let mut old = Known { disk: &mut *self.disk, blocks: &mut self.blocks };
        self.merge = Merge::new(start, &mut old)?;
        (self.open, self.pages, self.rows) = (Step::default(), 0, 0);
        (self.ends, self.expected) = (false, None);
        Ok(())
    }
}

fn push(sorter: &mut Sorter, disk: &mut dyn Disk, row: &Row) -> Result<(), Error> {
    let content = serde_json::to_vec(row)
        .map_err(|error| Error::state("sort the rows of a run", error.into()))?;
    sorter.push(disk, Some(&row.name), &content)
}
