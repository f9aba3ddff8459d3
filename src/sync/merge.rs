//! What was known, and what is listed: what has changed, interval by interval.
//!
//! A scan gives intervals of names in any order, each with all that the listing has there. The rows
//! of the run before are in blocks. What is listed of a block is held until there is all of it, since
//! then a fingerprint tells whether anything has changed, without reading the block. What is listed
//! between blocks is new.

use std::collections::{BTreeMap, VecDeque};

use super::{
    block::{Block, damaged},
    doubt::with_doubt,
    held::{Held, Part, between},
    index::Known,
    limits::{MOST_HELD, most_text, most_text_of},
    row::{Row, Run, meet},
};
use crate::{
    error::Error,
    scan::{Bound, NameRange, RangeSet},
    sink::Change,
    store::NameOrder,
    validate::{Reason, Verdict},
};

pub(super) struct Merge {
    /// How names ascend; unknown before the first
    order: Option<NameOrder>,
    run: Run,
    /// How many verdicts of a block may be held: with more it is read, and compared row by row. A
    /// step with as many rows ends.
    most: usize,
    left: RangeSet,
    /// What a sink may have been told of before the run was interrupted, by name
    maybe: Vec<Row>,
    /// Entries that came with a page, and whose place is in a later one
    early: Vec<Verdict>,
    /// Places behind which an entry without a name may be
    vague: Vec<Bound>,
    /// Whether such an entry may be anywhere
    is_vague: bool,
    /// Whether names were compared before it was known how they ascend
    has_guessed: bool,
    /// What is listed, and not compared yet
    pending: VecDeque<Part>,
    /// Blocks of which a part was listed, by their place
    held: BTreeMap<usize, Held>,
}

/// What a merge begins with
pub(super) struct Start<'a> {
    pub(super) order: Option<NameOrder>,
    pub(super) run: Run,
    /// How many verdicts of a block may be held
    pub(super) most: usize,
    pub(super) prefix: &'a str,
    /// What is left of all names with that prefix
    pub(super) left: RangeSet,
    /// What a sink may have been told of before the run was interrupted
    pub(super) maybe: Vec<Row>,
}

/// What follows from a page
#[derive(Debug, Default)]
pub(super) struct Step {
    /// What a sink is told
    pub(super) changes: Vec<Change>,
    /// The blocks that stay as they are, by their place
    pub(super) kept: Vec<usize>,
    /// New rows, in runs without a name of others between
    pub(super) rows: Vec<Vec<Row>>,
    /// What is done with, and need not be listed again
    pub(super) done: Vec<(Bound, Bound)>,
    /// How many blobs are as they were
    pub(super) unchanged: u64,
    /// How many entries have no readable name
    pub(super) nameless: u64,
    /// How many bytes the rows have as text at most
    text: u64,
}

impl Step {
    fn has_more_than(&self, rows: usize) -> bool {
        self.text > MOST_HELD || self.rows.iter().map(Vec::len).sum::<usize>() > rows
    }

    /// The next rows are not behind the last ones without others between
    pub(super) fn part_rows(&mut self) {
        if self.rows.last().is_some_and(|rows| !rows.is_empty()) {
            self.rows.push(Vec::new());
        }
    }

    fn meet(&mut self, old: Option<Row>, new: Option<Verdict>, run: &Run) {
        let (is_listed, before) = (new.is_some(), self.changes.len());
        let row = meet(old, new, run, &mut self.changes);
        let is_pending = row.as_ref().is_some_and(|row| row.gone.is_some());
        let is_same = self.changes.len() == before;
        self.unchanged += u64::from(is_listed && is_same && !is_pending);
        row.into_iter().for_each(|row| self.push(row));
    }

    fn push(&mut self, row: Row) {
        self.text += most_text(&row);
        match self.rows.last_mut() {
            Some(rows) => rows.push(row),
            None => self.rows.push(vec![row]),
        }
    }

    /// Compares what was and what is listed, both of one interval
    pub(super) fn compare(
        &mut self,
        old: Vec<Row>,
        new: Vec<Verdict>,
        is_vague: bool,
        order: NameOrder,
        run: &Run,
    ) {
        let mut new = new.into_iter().peekable();
        for row in old {
            let is_behind = |verdict: &Verdict| {
                verdict.name().is_some_and(|name| order.compare(name, &row.name).is_lt())
            };
            while let Some(verdict) = new.next_if(is_behind) {
                self.meet(None, Some(verdict), run);
            }
            match new.next_if(|verdict| verdict.name() == Some(&row.name)) {
                // One of the entries that cannot be read may be it.
                None if is_vague => self.push(row.not_missing(run.told)),
                verdict => self.meet(Some(row), verdict, run),
            }
        }
        new.for_each(|verdict| self.meet(None, Some(verdict), run));
    }
}

impl Merge {
    /// Begins, or goes on where the run was interrupted
    pub(super) fn new(start: Start<'_>, old: &mut Known<'_>) -> Result<Self, Error> {
        let Start { order, run, most, prefix, left, mut maybe } = start;
        let by_name = order.unwrap_or_default();
        // Of two rows of a name the later one is what may have been told last.
        maybe.reverse();
        maybe.sort_by(|a, b| by_name.compare(&a.name, &b.name));
        maybe.dedup_by(|a, b| a.name == b.name);
        let done = left.complement(prefix, by_name).into_iter().map(NameRange::into_bounds);
        let (early, vague, held) = (Vec::new(), Vec::new(), BTreeMap::new());
        let pending = VecDeque::new();
        let (is_vague, has_guessed) = (false, false);
        let mut merge = Self {
            order,
            run,
            most,
            left,
            maybe,
            early,
            vague,
            is_vague,
            has_guessed,
            pending,
            held,
        };
        for (from, to) in done {
            merge.resume(from, to, by_name, old)?;
        }
        Ok(merge)
    }

    /// What is left to list
    pub(super) fn left(&self) -> &RangeSet {
        &self.left
    }

    /// How names ascend, once that is known
    pub(super) fn order(&self) -> Option<NameOrder> {
        self.order
    }

    /// Takes a page: what is listed of an interval, and follows from it step by step
    ///
    /// `None` if the listing has another order than what was known is in, and nothing was taken.
    pub(super) fn take(
        &mut self,
        verdicts: Vec<Verdict>,
        (from, to): (&Bound, &Bound),
        listed: NameOrder,
    ) -> Option<Step> {
        let mut step = Step::default();
        let (mut named, nameless): (Vec<_>, Vec<_>) =
            verdicts.into_iter().partition(|verdict| verdict.name().is_some());
        let has_nameless = !nameless.is_empty();
        let order = match self.order {
            // A page without blobs does not know.
            _ if !named.iter().any(is_blob) => self.order.unwrap_or_default(),
            Some(order) if order != listed => return None,
            None if listed == NameOrder::Unsorted => return None,
            None if self.has_guessed && listed != NameOrder::default() => return None,
            _ => *self.order.insert(listed),
        };
        self.has_guessed |= self.order.is_none() && !named.is_empty();
        step.nameless = nameless.len() as u64;
        step.changes.extend(nameless.into_iter().map(Change::from));
        // Sorted, it stands before all names, and may be any of them.
        self.is_vague |= has_nameless && order == NameOrder::Unsorted;
        // An entry that cannot be read may stand behind the last blob of its page.
        let is_vague = has_nameless || self.is_vague || self.vague.contains(from);
        self.vague.retain(|place| place != from);
        if is_vague && (has_nameless || from == to) {
            self.vague.push(to.clone());
        }
        named.append(&mut self.early);
        sort(&mut named, order);
        let mut rest = named;
        let range = NameRange::new(from.clone(), to.clone());
        for (from, to) in self.left.remove(&range, order).into_iter().map(NameRange::into_bounds) {
            // What is in an interval that was listed before came into being since; the next run sees it.
            let before = place(&rest, &from, order);
            self.early.extend(rest.drain(..before));
            let behind = rest.split_off(place(&rest, &to, order));
            let verdicts = rest;
            self.pending.push_back(Part { from, to, verdicts, text: 0, is_vague, is_done: false });
            rest = behind;
        }
        self.early.append(&mut rest);
        // Of blobs each is in what its page covers, and once sorted, all are.
        self.early.retain(|verdict| !is_blob(verdict) && order != NameOrder::Unsorted);
        Some(step)
    }

    /// Whether something is to follow yet from what was taken
    pub(super) fn has_more(&self) -> bool {
        !self.pending.is_empty()
    }

    /// What follows next: of a page that covers many blocks, a part of it
    ///
    /// # Errors
    /// Where a block cannot be read.
    pub(super) fn go_on(&mut self, step: &mut Step, old: &mut Known<'_>) -> Result<(), Error> {
        while let Some(part) = self.pending.pop_front() {
            if let Some(rest) = self.distribute(step, part, old)? {
                self.pending.push_front(rest);
                break;
            }
        }
        step.rows.retain(|rows| !rows.is_empty());
        Ok(())
    }

    /// The intervals, by ascending name, about which nothing is decided yet
    pub(super) fn undecided(&self) -> Vec<(Bound, Bound)> {
        let order = self.order.unwrap_or_default();
        let held = self.held.values().flat_map(|held| &held.parts).filter(|part| !part.is_done);
        let parts = held.chain(&self.pending).map(|part| (part.from.clone(), part.to.clone()));
        let mut all: Vec<_> =
            self.left.ranges().iter().cloned().map(NameRange::into_bounds).chain(parts).collect();
        all.sort_by(|(a, _), (b, _)| a.compare(b, order));
        all
    }

    /// What a sink may have been told of before the run was interrupted, by ascending name
    pub(super) fn maybe(&self) -> &[Row] {
        &self.maybe
    }

    /// Ends the listing: where no page came there is nothing
    pub(super) fn end(&mut self) {
        let order = self.order.unwrap_or_default();
        for range in self.left.ranges().to_vec() {
            for (from, to) in
                self.left.remove(&range, order).into_iter().map(NameRange::into_bounds)
            {
                // The others are of a later interval.
                let (mut verdicts, early) =
                    std::mem::take(&mut self.early).into_iter().partition(|v| {
                        let name = v.name().unwrap_or_default();
                        from.is_before(name, order) && !to.is_before(name, order)
                    });
                self.early = early;
                sort(&mut verdicts, order);
                let is_vague = self.is_vague || self.vague.contains(&from);
                let part = Part { from, to, verdicts, text: 0, is_vague, is_done: false };
                self.pending.push_back(part);
            }
        }
    }

    /// Whether there was an answer to each block, once nothing more follows from the end
    pub(super) fn check(&self) -> Result<(), Error> {
        if self.held.is_empty() { Ok(()) } else { Err(damaged("blocks overlap")) }
    }

    /// Gives an interval to the blocks that it touches, and takes what is between them as new
    ///
    /// What is left of it, once the step has many rows: where a folder is gone, a page covers all of it.
    fn distribute(
        &mut self,
        step: &mut Step,
        part: Part,
        old: &mut Known<'_>,
    ) -> Result<Option<Part>, Error> {
        let order = self.order.unwrap_or_default();
        let Part { mut from, to, mut verdicts, text: _, is_vague, is_done } = part;
        step.part_rows();
        let mut next = old.first_behind(&from, order)?;
        while from.compare(&to, order).is_lt() {
            if step.has_more_than(self.most) {
                return Ok(Some(Part { from, to, verdicts, text: 0, is_vague, is_done }));
            }
            let block = old.block(next)?;
            let (end, block) = match block {
                None => (Bound::End, None),
                Some(block) if from.compare(&block.from(), order).is_lt() => (block.from(), None),
                Some(block) => (block.to(), Some(block)),
            };
            let end = if end.compare(&to, order).is_lt() { end } else { to.clone() };
            let (end, count, text) = bounded(&verdicts, end, self.most, order);
            let behind = verdicts.split_off(count);
            let here = std::mem::replace(&mut verdicts, behind);
            if let Some(block) = block {
                let (to, verdicts) = (end.clone(), here);
                let part = Part { from, to, verdicts, text, is_vague, is_done: false };
                self.hold(step, (next, &block), part, order, old)?;
                next += usize::from(end == block.to());
            } else {
                let maybe = between(&self.maybe, &from, &end, order);
                step.compare(
                    with_doubt(Vec::new(), maybe, &here, is_vague, order, &self.run),
                    here,
                    is_vague,
                    order,
                    &self.run,
                );
                step.done.push((from, end.clone()));
            }
            from = end;
        }
        Ok(None)
    }

    /// Adds a part to a block, and comes to an answer where that is possible
    fn hold(
        &mut self,
        step: &mut Step,
        (place, block): (usize, &Block),
        part: Part,
        order: NameOrder,
        old: &mut Known<'_>,
    ) -> Result<(), Error> {
        let mut held = self.held.remove(&place).unwrap_or_default();
        held.add(part, order);
        held.join();
        let is_whole = held.is_whole(block);
        let is_sure = between(&self.maybe, &block.from(), &block.to(), order).is_empty();
        if is_whole && is_sure && held.rows.is_none() && held.is_as(block, &self.run) {
            step.part_rows();
            step.kept.push(place);
            step.unchanged += block.listed;
            step.done.push((block.from(), block.to()));
            return Ok(());
        }
        let fits = held.count() <= self.most && held.text() <= MOST_HELD;
        if !is_whole && held.rows.is_none() && fits {
            self.held.insert(place, held);
            return Ok(());
        }
        let rows = match held.rows.take() {
            Some(rows) => rows,
            None => old.rows(block)?,
        };
        held.rows = Some(held.compare(step, rows, &self.maybe, order, &self.run));
        if !is_whole {
            self.held.insert(place, held);
        }
        Ok(())
    }

    /// Marks an interval as done with in a run before this one was interrupted
    fn resume(
        &mut self,
        mut from: Bound,
        to: Bound,
        order: NameOrder,
        old: &mut Known<'_>,
    ) -> Result<(), Error> {
        for place in old.first_behind(&from, order)?.. {
            let Some(block) = old.block(place)? else { break };
            if block.from().compare(&to, order).is_ge() {
                break;
            }
            let start =
                if from.compare(&block.from(), order).is_lt() { block.from() } else { from };
            let end = if block.to().compare(&to, order).is_lt() { block.to() } else { to.clone() };
            from = end.clone();
            let mut held = self.held.remove(&place).unwrap_or_default();
            let verdicts = Vec::new();
            held.add(
                Part { from: start, to: end, verdicts, text: 0, is_vague: false, is_done: true },
                order,
            );
            if !held.is_whole(&block) {
                // A part was done with, so that the rest is compared row by row.
                held.rows = Some(match held.rows.take() {
                    Some(rows) => rows,
                    None => old.rows(&block)?,
                });
                self.held.insert(place, held);
            }
        }
        Ok(())
    }
}

/// Returns how many verdicts there are up to a cut, and their text: up to an earlier cut if they are
/// too many to be compared in one step
fn bounded(verdicts: &[Verdict], end: Bound, most: usize, order: NameOrder) -> (Bound, usize, u64) {
    let (all, mut text) = (place(verdicts, &end, order), 0);
    let (mut count, mut last) = (0, None);
    for verdict in verdicts.iter().take(all) {
        let length = most_text_of(verdict);
        if count > 0 && (count >= most || text + length > MOST_HELD) {
            let end = last.map_or(end, |last: &str| Bound::After(last.to_owned()));
            return (end, count, text);
        }
        (count, text, last) = (count + 1, text + length, verdict.name());
    }
    (end, count, text)
}

/// Whether it is of a blob, and not of an entry that cannot be read
fn is_blob(verdict: &Verdict) -> bool {
    verdict.rejection().is_none_or(|rejection| rejection.reason != Reason::Malformed)
}

/// How many verdicts are before a place
fn place(verdicts: &[Verdict], cut: &Bound, order: NameOrder) -> usize {
    verdicts
        .partition_point(|verdict| verdict.name().is_some_and(|name| !cut.is_before(name, order)))
}

/// Sorts what has a name, of each name one
fn sort(verdicts: &mut Vec<Verdict>, order: NameOrder) {
    let compare = |a: &Verdict, b: &Verdict| {
        order.compare(a.name().unwrap_or_default(), b.name().unwrap_or_default())
    };
    if verdicts.is_sorted_by(|a, b| compare(a, b).is_lt()) {
        return;
    }
    // Of a blob and an entry of its name that cannot be read, the blob: it comes behind.
    verdicts.reverse();
    verdicts.sort_by(compare);
    verdicts.dedup_by(|a, b| a.name() == b.name());
}
