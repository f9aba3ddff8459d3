//! What a scan does when names contradict the order that it relies on.
//!
//! Nothing is lost and nothing has come twice by then: a range hands out only names between its
//! bounds, and a border is crossed only if one range ends with the very name that the next one begins
//! with. So the parts that have begun stay as they are, and only what was expected between them
//! changes.
//!
//! - If all names ascend in another known order, the scan continues in that order.
//! - If they ascend in none, the scan lists one page after the other from the start, and skips what it
//!   has handed out before.

use super::{Job, Planner, Range, StartFrom, batch::Batch, handed::Handed, range::Fault};
use crate::{
    error::{Error, ErrorKind},
    scan::{Shard, shard::check_disjoint},
    store::{NameOrder, Orders, Page},
};

impl Planner {
    /// Goes on in another order, since the service listed the first name before the second
    ///
    /// # Errors
    /// [`ErrorKind::OutOfOrder`] if the scan insists on the order, or if it cannot tell any more what
    /// was handed out; [`ErrorKind::Config`] if shards overlap in the order that is found.
    pub(super) fn contradicted(&mut self, first: &str, second: &str) -> Result<(), Error> {
        self.orders = self.orders.and(Orders::that_have(first, second).unwrap_or(Orders::ALL));
        // If these names ascend, no order explains what is wrong with them.
        let instead = match self.orders.has(self.order) {
            true => NameOrder::Unsorted,
            false => self.orders.instead_of(self.order),
        };
        if self.settings.insists {
            self.explanation = Some(instead);
            return Err(disorder(first, second, "run again, which then assumes another order"));
        }
        // Names know better than what pages state.
        self.settings.assumed = Some(instead);
        match instead {
            NameOrder::Unsorted => self.give_up_order(first, second),
            order => self.change_to(order),
        }
    }

    /// Goes on in another order, in which all names so far ascend
    fn change_to(&mut self, order: NameOrder) -> Result<(), Error> {
        check_disjoint(&self.shards, order)?;
        self.order = order;
        self.forget_questions();
        for index in (0..self.ranges.len()).rev() {
            let is_void = |range: &Range| range.first.is_none() && range.is_cut;
            if self.ranges.get(index).is_some_and(is_void) {
                self.merge_into_previous(index);
            }
        }
        (0..self.ranges.len()).for_each(|index| self.meet_next(index));
        self.ranges.sort_by(|a, b| order.compare(a.beginning(order), b.beginning(order)));
        let has_copies = self.has_copies();
        let left = self.ranges.iter().filter_map(|range| range.left(order, has_copies)).collect();
        self.out.push_back(Batch::restating(left, order));
        Ok(())
    }

    /// Lets a range end with the first name of the next one, and go on if it has ended before that
    fn meet_next(&mut self, index: usize) {
        let is_contiguous = self.is_contiguous(index);
        let first = self.ranges.get(index + 1).and_then(|next| next.first.clone());
        let order = self.order;
        let Some(range) = self.ranges.get_mut(index) else { return };
        range.is_joined = false;
        let meets = |first: &String| is_contiguous && first.starts_with(&range.prefix);
        if let Some(first) = first.filter(meets) {
            range.end = Some(first.clone());
            if let Some(next) = self.ranges.get_mut(index + 1) {
                next.start = first;
            }
        }
        let Some(range) = self.ranges.get_mut(index) else { return };
        let has_more = |past: &String| range.has(past, order) && past.starts_with(&range.prefix);
        if range.has_ended() && range.past.as_ref().is_some_and(has_more) {
            range.reopen(range.end.clone());
        }
    }

    /// Forgets what was to be looked at, since answers mean something else in another order
    fn forget_questions(&mut self) {
        self.pending.clear();
        self.kept.clear();
        self.jobs.retain(|_, job| matches!(job, Job::Page { .. }));
        self.ranges.iter_mut().for_each(|range| range.checking = None);
    }

    /// Lists page after page from here on, since names ascend in no known order
    fn give_up_order(&mut self, first: &str, second: &str) -> Result<(), Error> {
        check_disjoint(&self.shards, NameOrder::Unsorted)?;
        let is_alone = self.shards.len() == 1 && !self.has_folders;
        let keeps_front = self.is_front_alone()
            || is_alone && self.settings.is_ascending && !self.handed.is_complete();
        if !(keeps_front || is_alone || self.handed.is_complete()) {
            let what = "and in no known order; it has handed out too much by now to go on page after page; scan again without shards and with `in_flight(1)`";
            return Err(disorder(first, second, what));
        }
        let handed = std::mem::replace(&mut self.handed, Handed::new());
        self.forget_questions();
        self.jobs.clear();
        match (keeps_front, self.ranges.first_mut(), self.shards.first()) {
            (true, Some(front), Some(shard)) => {
                let has_copies = Self::lists_copies(&self.settings);
                front.go_unsorted(shard, has_copies);
                self.ranges.truncate(1);
            }
            _ => {
                self.skipped = handed.into_skipped(&self.ranges);
                self.ranges.clear();
            }
        }
        self.list_unsorted();
        Ok(())
    }

    /// Whether all that was handed out is of the first range, which has listed from the start
    fn is_front_alone(&self) -> bool {
        let front = self.ranges.first().filter(|_| self.shards.len() == 1);
        front.is_some_and(|front| {
            front.prefix == front.root
                && front.names == self.given
                && front.start.is_empty()
                && front.after.is_none()
                && !front.is_cut
        })
    }

    /// Lists each shard from the start of its prefix, one page after the other, but for one that is
    /// listed already
    pub(super) fn list_unsorted(&mut self) {
        self.order = NameOrder::Unsorted;
        self.is_strict = false;
        // A bound may be anywhere.
        self.starts = StartFrom::Ignored;
        (self.settings.in_flight, self.settings.is_ascending) = (1, false);
        self.marks.clear();
        if self.ranges.is_empty() {
            for shard in self.shards.clone() {
                let mut range = self.range(&shard.prefix, &shard.prefix, "", None);
                range.go_unsorted(&shard, false);
                self.ranges.push(range);
            }
        }
        let order = Some(NameOrder::Unsorted);
        let left =
            self.shards.iter().zip(&self.ranges).map(|(shard, range)| match &range.position {
                Some(name) => shard.resumed_after(name.clone()),
                None if shard.is_from_ordered_scan() => shard.clone(),
                None => Shard { order, ..shard.clone() },
            });
        self.out.push_back(Batch::restating(left.collect(), self.order));
    }

    /// Takes a page of a listing in no known order
    pub(super) fn take_unsorted(&mut self, index: usize, page: Page) -> Result<(), Fault> {
        let has_copies = self.has_copies();
        let Some(range) = self.ranges.get_mut(index) else { return Ok(()) };
        let batch = range.take_unsorted(page, &mut self.skipped, has_copies)?;
        range.is_joined = true;
        if range.has_ended() {
            // Only of a listing of one shard stretches are left out.
            self.skipped.end()?;
        }
        self.out.push_back(batch);
        Ok(())
    }
}

#[cold]
fn disorder(first: &str, second: &str, advice: &str) -> Error {
    Error::new(
        ErrorKind::OutOfOrder,
        format!(
            "the service listed `{}` before `{}`, against the order of names, {advice}",
            first.escape_debug(),
            second.escape_debug()
        ),
    )
}
