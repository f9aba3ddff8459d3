//! Rearranges the ranges when the listing turns out to be in another order.
//!
//! Nothing is lost and nothing was handed out twice by then: a range hands out only names between its
//! bounds, and its end is joined only if the next range begins with the very name with which it has
//! ended. So the parts that have begun stay as they are, and only what was expected between them
//! changes.
//!
//! A bound that was guessed has no meaning in another order. A name that was received has one, because the
//! listing of the service has it at the same place as before. So bounds move to names that were received.

use super::{Continuation, Partition};
use crate::{
    error::Error,
    scan::{Shard, plan::range::Range, shard::check_disjoint},
    store::NameOrder,
};

impl Partition {
    /// Checks that no name belongs to two shards in this order.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) if two shards overlap.
    pub(in crate::scan::plan) fn check_disjoint(&self, order: NameOrder) -> Result<(), Error> {
        check_disjoint(&self.shards, order)
    }

    /// Returns whether the ranges ascend in this order.
    pub(in crate::scan::plan) fn is_sorted(&self, order: NameOrder) -> bool {
        let starts = self.ranges.iter().map(|range| range.beginning(order));
        starts.is_sorted_by(|a, b| order.compare(a, b).is_le())
    }

    /// Makes one range for each shard in another order, before any name was received.
    ///
    /// Requests under way keep their ranges. Answers to ranges that are gone are ignored.
    pub(in crate::scan::plan) fn restart(&mut self, order: NameOrder) {
        self.shards.sort_by(|a, b| order.compare(a.first(order), b.first(order)));
        let mut before = std::mem::take(&mut self.ranges);
        for shard in self.shards.clone() {
            let at = before.iter().position(|range| range.starts_shard(&shard));
            let known = at.map(|at| before.swap_remove(at));
            // A range that needs `start_from` in this order may have received an answer from elsewhere.
            let mut range = match known.filter(|range| range.start_from(order).is_none()) {
                Some(range) => range,
                // The range has ended, or was merged into the one before.
                None => Range::of_shard(self.next_id(), &shard),
            };
            range.cover_shard(&shard);
            self.ranges.push(range);
        }
    }

    /// Rearranges the ranges in another order, in which all names so far ascend.
    ///
    /// Ranges that have received nothing are merged into the ones before. The others then end where the
    /// next one has begun.
    pub(in crate::scan::plan) fn rearrange(&mut self, order: NameOrder) {
        self.ranges.iter_mut().for_each(Range::forget_check);
        for index in (0..self.ranges.len()).rev() {
            if self.ranges.get(index).is_some_and(Range::is_empty_range) {
                self.merge_into_previous(index);
            }
        }
        (0..self.ranges.len()).for_each(|index| self.meet_next(index, order));
        // Shards may have changed places; the ranges of one shard have not.
        self.ranges.sort_by(|a, b| order.compare(a.beginning(order), b.beginning(order)));
    }

    /// Lets a range end at the first name of the next one, and continue if it has ended before that.
    fn meet_next(&mut self, index: usize, order: NameOrder) {
        let is_contiguous = self.is_contiguous(index);
        let first = self.ranges.get(index + 1).and_then(Range::first).map(str::to_owned);
        let Some(range) = self.ranges.get_mut(index) else { return };
        range.unjoin();
        let meets = |first: &String| is_contiguous && first.starts_with(range.prefix());
        if let Some(first) = first.filter(meets) {
            // INVARIANT: both ranges change, so they still meet.
            range.end_at(Some(first.clone()));
            if let Some(next) = self.ranges.get_mut(index + 1) {
                next.start_at(first);
            }
        }
        // In the former order the name after the range was beyond its end.
        let Some(range) = self.ranges.get_mut(index) else { return };
        if range.has_more_after_end(order) {
            range.reopen(range.end().map(str::to_owned));
        }
    }

    /// Returns how a listing in no known order can continue; `None` if the scan cannot tell what was
    /// handed out. `remembers_all` says that every name handed out is remembered.
    pub(in crate::scan::plan) fn continuation(
        &self,
        handed_out: u64,
        is_ascending: bool,
        remembers_all: bool,
    ) -> Option<Continuation> {
        let first = self.ranges.first().filter(|_| self.shards.len() == 1);
        let has_only_first = first
            .is_some_and(|range| range.starts_unbounded_shard() && range.names() == handed_out);
        // With several shards or prefixes a listing from the start would have another sequence.
        let is_single = self.shards.len() == 1 && !self.has_folders;
        // In ascending order, everything handed out comes before what the first range holds.
        let is_first_enough = has_only_first || is_single && is_ascending && !remembers_all;
        match is_first_enough {
            true if first.is_some() => Some(Continuation::AfterFirst),
            true => Some(Continuation::FromStart),
            false => (is_single || remembers_all).then_some(Continuation::FromStart),
        }
    }

    /// Keeps only the first range, which lists the only shard from now on.
    ///
    /// The names that the other ranges have received were not handed out, and are listed again.
    pub(in crate::scan::plan) fn keep_first(&mut self, has_copies: bool) {
        if let (Some(range), Some(shard)) = (self.ranges.first_mut(), self.shards.first()) {
            range.list_unsorted(shard, has_copies);
        }
        self.ranges.truncate(1);
    }

    /// Removes all ranges. Answers to their requests are ignored from now on.
    pub(in crate::scan::plan) fn clear(&mut self) {
        self.ranges.clear();
    }

    /// Makes sure that each shard is listed in the order of the service; returns the shards that remain.
    pub(in crate::scan::plan) fn list_unsorted(&mut self) -> Vec<Shard> {
        if self.ranges.is_empty() {
            for shard in self.shards.clone() {
                let (id, prefix) = (self.next_id(), &shard.prefix);
                let mut range = Range::new(id, prefix, prefix, "", None);
                range.list_unsorted(&shard, false);
                self.ranges.push(range);
            }
        }
        let order = Some(NameOrder::Unsorted);
        let remaining = self.shards.iter().zip(&self.ranges);
        let remaining = remaining.map(|(shard, range)| match range.unsorted_position() {
            Some(name) => shard.resumed_after(name.to_owned()),
            None if shard.is_from_ordered_scan() => shard.clone(),
            None => Shard { order, ..shard.clone() },
        });
        remaining.collect()
    }
}
