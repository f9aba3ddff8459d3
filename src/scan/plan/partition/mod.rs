//! The ranges that a listing is divided into, and the proof that they leave no gap.
//!
//! The ranges of a shard are adjacent: each ends where the next begins. Ranges are made only by
//! splitting one in two after the names that it has received, and removed only when they are finished
//! or merged into the range before. [`gaps`] proves, from what ranges have received, that nothing lies
//! between two of them; [`by_folder`] divides a range by prefixes; [`reorder`] rearranges the ranges
//! when the order of the listing turns out to be another one.
//!
//! Why nothing is missed, by induction over the ranges of a shard: the first range lists from the start of
//! the shard. A range that has ended has received every name up to the first one after it, because the
//! listing is in order. If the next range begins with that name, every name up to the end of the next range was
//! received as well. If the listing is in no order, a name can be missed only where few names have come,
//! which is what [`OrderProof`](super::order_proof) excludes.

mod by_folder;
mod gaps;
mod reorder;

use super::{
    batch::Batch, folders::Level, order_state::OrderState, range::Range, start_from::StartFrom,
};
use crate::{scan::Shard, store::NameOrder};

/// All ranges of a listing.
#[derive(Debug)]
pub(super) struct Partition {
    shards: Vec<Shard>,
    // INVARIANT: ascending by their beginning, and disjoint. A name of a shard is in a range, or was
    // covered by a range that is finished.
    ranges: Vec<Range>,
    last_id: u32,
    /// Whether a range was divided by folders.
    has_folders: bool,
}

impl Partition {
    /// Starts without ranges; the shards must be disjoint.
    pub(super) fn new(mut shards: Vec<Shard>, order: NameOrder) -> Self {
        shards.sort_by(|a, b| order.compare(a.first(order), b.first(order)));
        Self { shards, ranges: Vec::new(), last_id: 0, has_folders: false }
    }

    /// Adds one range for each shard.
    pub(super) fn add_shards(&mut self) {
        for shard in self.shards.clone() {
            let range = Range::of_shard(self.next_id(), &shard);
            self.ranges.push(range);
        }
    }

    /// Returns a new ID. IDs are never reused, so that late answers cannot reach another range.
    fn next_id(&mut self) -> u32 {
        self.last_id += 1;
        self.last_id
    }

    /// Returns the ranges in ascending order.
    pub(super) fn ranges(&self) -> &[Range] {
        &self.ranges
    }

    /// Returns whether all ranges are finished.
    pub(super) fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Returns the range at an index. Indices change with every split and merge.
    pub(super) fn get(&self, index: usize) -> Option<&Range> {
        self.ranges.get(index)
    }

    /// Returns the range at an index for changes that keep its neighbors right.
    pub(super) fn get_mut(&mut self, index: usize) -> Option<&mut Range> {
        self.ranges.get_mut(index)
    }

    /// Returns the index of the range with an ID.
    pub(super) fn index_of(&self, id: u32) -> Option<usize> {
        self.ranges.iter().position(|range| range.id() == id)
    }

    /// Returns the range with an ID.
    pub(super) fn by_id(&self, id: u32) -> Option<&Range> {
        self.ranges.iter().find(|range| range.id() == id)
    }

    /// Returns the range with an ID, if it waits for the check with this number.
    pub(super) fn awaiting(&mut self, id: u32, number: u64) -> Option<&mut Range> {
        self.ranges.iter_mut().find(|range| range.is_awaiting(id, number))
    }

    /// Returns the index of the first range that has not ended.
    pub(super) fn first_open(&self) -> Option<usize> {
        self.ranges.iter().position(|range| !range.has_ended())
    }

    /// Returns whether the range at this index may take its page.
    ///
    /// Until names have shown that they have an order, only the first range may that has not ended, or
    /// whose end is still being checked.
    pub(super) fn may_take(&self, index: usize, order: &OrderState) -> bool {
        let is_under_way = |range: &Range| !range.has_ended() || range.is_awaiting_check();
        order.is_proven() || self.ranges.iter().position(is_under_way) == Some(index)
    }

    /// Returns the index of the range whose page should be requested next, or `None` if each open range has
    /// a request under way.
    pub(super) fn next_ready(&self, is_ascending: bool) -> Option<usize> {
        let mut ranges = self.ranges.iter();
        let first = ranges.position(Range::is_ready);
        if is_ascending {
            return first;
        }
        // Ranges that have begun come first: they are nearer to their ends, and markers expire.
        let begun = self.ranges.iter().position(|range| range.is_ready() && range.has_begun());
        begun.or(first)
    }

    /// Splits a range at a name; returns the index of the second part.
    ///
    /// The name must lie between the position of the range and its end; see
    /// [`Range::can_split_at`].
    pub(super) fn split(&mut self, index: usize, name: String) -> usize {
        let id = self.next_id();
        let Some(range) = self.ranges.get_mut(index) else { return index };
        // INVARIANT: the name lies after what was received, so the first part keeps all of that.
        let second = range.split_at(id, name);
        self.ranges.insert(index + 1, second);
        index + 1
    }

    /// Returns whether the next range begins exactly where this one ends.
    fn is_contiguous(&self, index: usize) -> bool {
        match (self.ranges.get(index), self.ranges.get(index + 1)) {
            (Some(range), Some(next)) => range.is_contiguous_with(next),
            _ => false,
        }
    }

    /// Merges a range about which nothing is known into the one before; returns whether it could.
    ///
    /// It cannot if the range before belongs to another shard, does not end where this one begins, or is
    /// listed with another prefix. The range is then listed from the start of its own prefix.
    pub(super) fn merge_into_previous(&mut self, index: usize) -> bool {
        let Some(before) = index.checked_sub(1).filter(|before| self.is_contiguous(*before)) else {
            return false;
        };
        let prefix = |index: usize| self.ranges.get(index).map(Range::prefix);
        // With another prefix the range before would not receive the names of this one.
        if prefix(before) != prefix(index) {
            return false;
        }
        let end = self.ranges.remove(index).end().map(str::to_owned);
        if let Some(range) = self.ranges.get_mut(before) {
            // INVARIANT: the range before now covers the names of both.
            match range.has_ended() {
                true => range.reopen(end),
                false => range.end_at(end),
            }
        }
        true
    }

    /// Merges the ranges that need `start_from` and have not begun into those before.
    pub(super) fn merge_unstarted(&mut self, order: NameOrder) {
        for index in (0..self.ranges.len()).rev() {
            let is_untouched = |range: &Range| {
                let is_new = range.first().is_none() && !range.has_begun();
                is_new && !range.is_busy() && range.start_from(order).is_some()
            };
            if self.ranges.get(index).is_some_and(is_untouched) {
                self.merge_into_previous(index);
            }
        }
    }

    /// Removes the finished ranges; returns them, and the pages whose turn it is now.
    ///
    /// Pages wait only if they are handed out in ascending order: then those of the first range have their
    /// turn, and those of the next one once the first is finished.
    pub(super) fn take_finished(&mut self) -> (Vec<Batch>, Vec<Range>) {
        let (mut batches, mut finished) = (Vec::new(), Vec::new());
        while let Some(range) = self.ranges.first_mut() {
            batches.extend(range.take_held());
            if !range.is_finished() {
                break;
            }
            finished.push(self.ranges.remove(0));
        }
        // A later range may go once the gap before it was looked at, which is done from the range
        // before it.
        let mut is_before_joined = true;
        let is_removable = |range: &mut Range| {
            let is_removable = range.is_finished() && is_before_joined;
            // The gap before an empty range is looked at together with the gap after it.
            is_before_joined = range.is_joined() && (is_before_joined || range.first().is_some());
            is_removable
        };
        finished.extend(self.ranges.extract_if(.., is_removable));
        (batches, finished)
    }

    /// Returns the pages that wait for those of earlier ranges.
    pub(super) fn held(&self) -> impl Iterator<Item = &Batch> {
        self.ranges.iter().flat_map(Range::held)
    }

    /// Marks the next page of a range as requested.
    pub(super) fn begin_request(&mut self, index: usize, start_from: StartFrom) {
        if let Some(range) = self.ranges.get_mut(index) {
            range.begin_request(start_from);
        }
    }

    /// Returns the shards that remain once everything but the held pages is handed out.
    pub(super) fn remaining(&self, order: NameOrder, has_copies: bool) -> Vec<Shard> {
        self.ranges.iter().filter_map(|range| range.remaining(order, has_copies)).collect()
    }
}

/// The result of dividing a range by a level.
pub(super) enum Division {
    /// The level cannot be used yet.
    Postponed(Level),
    /// The level does not help.
    Useless,
    /// The range was divided. This many names were received with the level; these pages of them can be
    /// handed out at once.
    Divided { names: u64, batches: Vec<Batch> },
}

/// How a listing in no known order can continue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Continuation {
    /// After the page that the first range has received last.
    AfterFirst,
    /// From the start, without the entries that were handed out.
    FromStart,
}
