//! Merges a listing into the rows of the base: what has changed, range by range.
//!
//! A scan returns ranges of names in any order, each with everything that the listing has there. The
//! rows of the base are in blocks. Verdicts are buffered until a whole block has been listed, because
//! then its fingerprint shows whether anything has changed without reading the block. Everything that
//! is listed between blocks is new.

mod in_doubt;
mod partial_block;
mod rows;
mod step;

use std::collections::{BTreeMap, VecDeque};

use self::{
    in_doubt::with_doubt,
    partial_block::{Part, PartialBlock, rows_between},
};
pub(super) use self::{
    in_doubt::{InDoubt, keep_in_doubt},
    step::Step,
};
use super::{
    block::Block,
    format::damaged,
    index::Base,
    limits::MOST_BUFFERED,
    row::{Row, RunContext, most_text_of},
};
use crate::{
    error::Error,
    scan::{Bound, NameRange, RangeSet},
    store::NameOrder,
    validate::{Reason, Verdict},
};

/// The merge of one pass over a listing.
///
/// Memory: the buffered verdicts, which are bounded for each block, and the rows in doubt.
pub(super) struct Merge {
    /// The order in which names ascend, or `None` before the first blob.
    order: Option<NameOrder>,
    run: RunContext,
    /// How many verdicts of a block may be buffered: with more, the block is read and compared row by
    /// row. A step with more new rows than this ends.
    most: usize,
    /// The ranges of names that no page has covered yet.
    left: RangeSet,
    in_doubt: InDoubt,
    /// Entries that came with a page and belong to a range that is listed later.
    out_of_range: Vec<Verdict>,
    /// Bounds after which an entry without a readable name may be.
    ambiguous_at: Vec<Bound>,
    /// Whether an entry without a readable name may be anywhere.
    is_ambiguous: bool,
    /// Whether names were compared before their order was known.
    has_guessed: bool,
    /// Ranges that are listed and not compared yet.
    pending: VecDeque<Part>,
    /// Partly listed blocks, by their position.
    partial: BTreeMap<usize, PartialBlock>,
}

/// The initial state of a merge.
pub(super) struct Start {
    /// The order of the base, or `None` if nothing shows an order yet.
    pub(super) order: Option<NameOrder>,
    pub(super) run: RunContext,
    /// How many verdicts of a block may be buffered.
    pub(super) most: usize,
    /// The prefix of the listing.
    pub(super) prefix: String,
    /// The ranges of names with that prefix that are still to be listed.
    pub(super) left: RangeSet,
    /// The rows in doubt, oldest batch first.
    pub(super) in_doubt: Vec<Row>,
}

impl Merge {
    /// Begins a pass, or resumes one.
    ///
    /// # Errors
    /// Fails if a block that was decided in part cannot be read.
    pub(super) fn new(start: Start, base: &mut Base<'_>) -> Result<Self, Error> {
        let Start { order, run, most, prefix, left, in_doubt } = start;
        // Before the first blob any order will do: there is nothing to compare.
        let by_name = order.unwrap_or_default();
        let done = left.complement(&prefix, by_name);
        let mut merge = Self {
            order,
            run,
            most,
            left,
            in_doubt: InDoubt::new(in_doubt, by_name, run.reported_through),
            out_of_range: Vec::new(),
            ambiguous_at: Vec::new(),
            is_ambiguous: false,
            has_guessed: false,
            pending: VecDeque::new(),
            partial: BTreeMap::new(),
        };
        for (from, to) in done.into_iter().map(NameRange::into_bounds) {
            merge.resume(from, to, by_name, base)?;
        }
        Ok(merge)
    }

    /// Returns the ranges of names that are still to be listed.
    pub(super) fn left(&self) -> &RangeSet {
        &self.left
    }

    /// Returns the order in which names ascend, once it is known.
    pub(super) fn order(&self) -> Option<NameOrder> {
        self.order
    }

    /// Takes the listing between two bounds; [`advance`](Self::advance) then compares it.
    ///
    /// Returns `None`, and takes nothing, if the listing has another order than the base.
    ///
    /// A page of a scan covers all blobs of its range. Blobs outside are dropped: another page
    /// covers them, or they were created after their range was listed, and the next run reports them.
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
            // A page without blobs shows no order.
            _ if !named.iter().any(is_blob) => self.order.unwrap_or_default(),
            Some(order) if order != listed => return None,
            // Must be sorted first, like any other change of the order.
            None if listed == NameOrder::Unsorted => return None,
            // Malformed entries were compared in the default order before the first blob showed
            // another one.
            None if self.has_guessed && listed != NameOrder::default() => return None,
            _ => *self.order.insert(listed),
        };
        self.has_guessed |= self.order.is_none() && !named.is_empty();
        step.nameless = nameless.len() as u64;
        step.changes.extend(nameless.into_iter().map(Into::into));
        // A sort puts entries without a name first, so their place in the listing is lost.
        self.is_ambiguous |= has_nameless && order == NameOrder::Unsorted;
        // Such an entry may be after the last blob of its page, so the next range is ambiguous too.
        let is_ambiguous = has_nameless || self.is_ambiguous || self.ambiguous_at.contains(from);
        self.ambiguous_at.retain(|bound| bound != from);
        if is_ambiguous && (has_nameless || from == to) {
            self.ambiguous_at.push(to.clone());
        }
        // Entries of earlier pages may belong to this range.
        named.append(&mut self.out_of_range);
        sort(&mut named, order);
        self.queue(named, (from, to), is_ambiguous, order);
        Some(step)
    }

    /// Divides the verdicts of a range into those parts of it that were not listed before.
    fn queue(
        &mut self,
        mut rest: Vec<Verdict>,
        (from, to): (&Bound, &Bound),
        is_ambiguous: bool,
        order: NameOrder,
    ) {
        let range = NameRange::new(from.clone(), to.clone());
        for (from, to) in self.left.remove(&range, order).into_iter().map(NameRange::into_bounds) {
            // Blobs in a range that was listed before were created since. The next run reports them.
            let before = count_before(&rest, &from, order);
            self.out_of_range.extend(rest.drain(..before));
            let after = rest.split_off(count_before(&rest, &to, order));
            self.pending.push_back(Part::listed(from, to, rest, is_ambiguous));
            rest = after;
        }
        self.out_of_range.append(&mut rest);
        // A page covers all of its blobs, but not all of its malformed entries. After a sort, there
        // are no later ranges.
        self.out_of_range.retain(|verdict| !is_blob(verdict) && order != NameOrder::Unsorted);
    }

    /// Returns whether more follows from the pages that were taken.
    pub(super) fn has_more(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Compares what was taken, up to a bounded number of rows.
    ///
    /// # Errors
    /// Fails if a block cannot be read.
    pub(super) fn advance(&mut self, step: &mut Step, base: &mut Base<'_>) -> Result<(), Error> {
        while let Some(part) = self.pending.pop_front() {
            if let Some(rest) = self.distribute(step, part, base)? {
                self.pending.push_front(rest);
                break;
            }
        }
        step.drop_empty_sequences();
        Ok(())
    }

    /// Returns the ranges about which nothing is decided yet, by ascending name.
    pub(super) fn undecided(&self) -> Vec<(Bound, Bound)> {
        let order = self.order.unwrap_or_default();
        let partial = self.partial.values().flat_map(PartialBlock::undecided);
        let parts = partial.chain(&self.pending).map(|part| (part.from.clone(), part.to.clone()));
        // Three kinds of ranges are undecided: not listed, buffered, and listed but not compared.
        let left = self.left.ranges().iter().cloned().map(NameRange::into_bounds);
        let mut all: Vec<_> = left.chain(parts).collect();
        all.sort_by(|(a, _), (b, _)| a.compare(b, order));
        all
    }

    /// Returns the rows in doubt, by ascending name.
    pub(super) fn in_doubt(&self) -> &[Row] {
        self.in_doubt.rows()
    }

    /// Ends the listing: ranges that no page has covered have no blobs.
    pub(super) fn end(&mut self) {
        let order = self.order.unwrap_or_default();
        for range in self.left.ranges().to_vec() {
            let parts = self.left.remove(&range, order);
            for (from, to) in parts.into_iter().map(NameRange::into_bounds) {
                // Other entries belong to a range that is handled later in this loop.
                let is_inside = |verdict: &Verdict| {
                    let name = verdict.name().unwrap_or_default();
                    from.is_before(name, order) && !to.is_before(name, order)
                };
                let entries = std::mem::take(&mut self.out_of_range);
                let (mut verdicts, others) = entries.into_iter().partition(is_inside);
                self.out_of_range = others;
                sort(&mut verdicts, order);
                let is_ambiguous = self.is_ambiguous || self.ambiguous_at.contains(&from);
                self.pending.push_back(Part::listed(from, to, verdicts, is_ambiguous));
            }
        }
    }

    /// Checks, after the last step, that every block is decided.
    ///
    /// # Errors
    /// [`StateInvalid`](crate::ErrorKind::StateInvalid) if one is not, because blocks overlap.
    pub(super) fn check_complete(&self) -> Result<(), Error> {
        if self.partial.is_empty() { Ok(()) } else { Err(damaged("blocks overlap")) }
    }

    /// Gives the parts of a range to the blocks that it touches. What is between blocks is new.
    ///
    /// Returns the rest of the range if the step has become full: a page covers many blocks if, for
    /// example, a folder with many blobs was deleted.
    ///
    /// A range ends at the borders of blocks, so that each part belongs to one block or to the
    /// space between two.
    fn distribute(
        &mut self,
        step: &mut Step,
        part: Part,
        base: &mut Base<'_>,
    ) -> Result<Option<Part>, Error> {
        let (order, index) = (self.order.unwrap_or_default(), base.index());
        let Part { mut from, to, mut verdicts, is_ambiguous, .. } = part;
        step.end_sequence();
        // Binary search once; the blocks after that follow one another.
        let mut next = index.first_after(&from, order);
        while from.compare(&to, order).is_lt() {
            if step.is_full(self.most) {
                return Ok(Some(Part::listed(from, to, verdicts, is_ambiguous)));
            }
            let (end, block) = match index.get(next) {
                None => (Bound::End, None),
                Some(block) if from.compare(&block.from(), order).is_lt() => (block.from(), None),
                Some(block) => (block.to(), Some(block)),
            };
            let end = if end.compare(&to, order).is_lt() { end } else { to.clone() };
            let (end, count, text) = bounded(&verdicts, end, self.most, order);
            let after = verdicts.split_off(count);
            let here = std::mem::replace(&mut verdicts, after);
            if let Some(block) = block {
                let part = Part { text, ..Part::listed(from, end.clone(), here, is_ambiguous) };
                self.add_part(step, (next, block), part, order, base)?;
                // A part that ends inside the block leaves the rest of the block for the next
                // round.
                next += usize::from(end == block.to());
            } else {
                let in_doubt = rows_between(self.in_doubt.rows(), &from, &end, order);
                let old = with_doubt(Vec::new(), in_doubt, &here, is_ambiguous, order, &self.run);
                step.compare(old, here, is_ambiguous, order, &self.run);
                step.done.push((from, end.clone()));
            }
            from = end;
        }
        Ok(None)
    }

    /// Adds a part to a block, and decides about the block if that is possible.
    ///
    /// Three outcomes: the block is unchanged and stays, it waits for more parts, or it is read and
    /// compared.
    fn add_part(
        &mut self,
        step: &mut Step,
        (position, block): (usize, &Block),
        part: Part,
        order: NameOrder,
        base: &mut Base<'_>,
    ) -> Result<(), Error> {
        let mut partial = self.partial.remove(&position).unwrap_or_default();
        partial.add(part, order);
        let is_complete = partial.is_complete(block);
        // Rows in doubt cannot be compared by a fingerprint, because the sink may have another row.
        let in_doubt = rows_between(self.in_doubt.rows(), &block.from(), &block.to(), order);
        let can_compare_as_one = is_complete && in_doubt.is_empty() && !partial.has_rows();
        if can_compare_as_one && partial.is_unchanged(block, &self.run) {
            step.end_sequence();
            step.kept.push(position);
            step.unchanged += block.listed;
            step.done.push((block.from(), block.to()));
            return Ok(());
        }
        if !is_complete && partial.can_wait(self.most) {
            self.partial.insert(position, partial);
            return Ok(());
        }
        let rows = match partial.take_rows() {
            Some(rows) => rows,
            None => base.rows(block)?,
        };
        partial.compare(step, rows, self.in_doubt.rows(), order, &self.run);
        if !is_complete {
            self.partial.insert(position, partial);
        }
        Ok(())
    }

    /// Marks a range as decided by the run that was interrupted.
    fn resume(
        &mut self,
        mut from: Bound,
        to: Bound,
        order: NameOrder,
        base: &mut Base<'_>,
    ) -> Result<(), Error> {
        let index = base.index();
        for position in index.first_after(&from, order).. {
            let Some(block) = index.get(position) else { break };
            if block.from().compare(&to, order).is_ge() {
                break;
            }
            let start =
                if from.compare(&block.from(), order).is_lt() { block.from() } else { from };
            let end = if block.to().compare(&to, order).is_lt() { block.to() } else { to.clone() };
            from = end.clone();
            let mut partial = self.partial.remove(&position).unwrap_or_default();
            partial.add(Part::decided(start, end), order);
            if !partial.is_complete(block) {
                // The fingerprint covers the whole block, so the rest is compared row by row.
                let rows = match partial.take_rows() {
                    Some(rows) => rows,
                    None => base.rows(block)?,
                };
                partial.set_rows(rows);
                self.partial.insert(position, partial);
            }
        }
        Ok(())
    }
}

/// Returns how many verdicts are before a bound, and the bytes of their text.
///
/// If these are too many to be compared in one step, the bound is moved to an earlier name.
fn bounded(verdicts: &[Verdict], end: Bound, most: usize, order: NameOrder) -> (Bound, usize, u64) {
    let (all, mut text) = (count_before(verdicts, &end, order), 0);
    let (mut count, mut last) = (0, None);
    for verdict in verdicts.iter().take(all) {
        let length = most_text_of(verdict);
        // At least one verdict, so that each step makes progress.
        if count > 0 && (count >= most || text + length > MOST_BUFFERED) {
            let end = last.map_or(end, |last: &str| Bound::After(last.to_owned()));
            return (end, count, text);
        }
        (count, text, last) = (count + 1, text + length, verdict.name());
    }
    (end, count, text)
}

/// Returns whether a verdict is on a blob, and not on an entry that cannot be read.
///
/// A malformed entry counts as an entry and not as a blob, even if it has a name.
fn is_blob(verdict: &Verdict) -> bool {
    verdict.rejection().is_none_or(|rejection| rejection.reason != Reason::Malformed)
}

/// Returns how many of the sorted verdicts are before a bound.
/// Verdicts without a name come first.
fn count_before(verdicts: &[Verdict], bound: &Bound, order: NameOrder) -> usize {
    verdicts
        .partition_point(|verdict| verdict.name().is_some_and(|name| !bound.is_before(name, order)))
}

/// Sorts verdicts with names, and keeps one for each name.
///
/// Pages usually ascend, and then nothing is moved.
fn sort(verdicts: &mut Vec<Verdict>, order: NameOrder) {
    let compare = |a: &Verdict, b: &Verdict| {
        order.compare(a.name().unwrap_or_default(), b.name().unwrap_or_default())
    };
    if verdicts.is_sorted_by(|a, b| compare(a, b).is_lt()) {
        return;
    }
    // If a blob and a malformed entry have the same name, keep the blob, which comes later.
    verdicts.reverse();
    verdicts.sort_by(compare);
    verdicts.dedup_by(|a, b| a.name() == b.name());
}
