//! The bounds of a range: which names belong to it, where it begins, and where its listing can start.
//!
//! A range has two lower bounds. The start is inclusive and comes from a shard or a split. The other one is
//! exclusive, and is the last name that an earlier scan has finished. Which of the two applies depends on
//! the order.

use super::Range;
use crate::{
    scan::{Shard, interval::Bound, plan::start_from},
    store::NameOrder,
};

impl Range {
    /// Returns whether a name lies between the position of the range and its end, and the service can
    /// start from that name.
    pub(in crate::scan::plan) fn can_split_at(&self, name: &str, order: NameOrder) -> bool {
        start_from::is_safe(&self.prefix, name)
            && order.compare(self.position(order), name).is_lt()
            && !self.upper().is_before(name, order)
    }

    /// Returns whether the range lists a shard from its start.
    pub(in crate::scan::plan) fn starts_shard(&self, shard: &Shard) -> bool {
        !self.is_split
            && self.root == shard.prefix
            && self.prefix == shard.prefix
            && self.start == shard.start.as_deref().unwrap_or_default()
            && self.after == shard.after
    }

    /// Returns whether the range lists from the start of its shard, which has no lower bound.
    pub(in crate::scan::plan) fn starts_unbounded_shard(&self) -> bool {
        self.prefix == self.root && self.start.is_empty() && self.after.is_none() && !self.is_split
    }

    /// Returns whether another range begins exactly where this one ends.
    pub(in crate::scan::plan) fn is_contiguous_with(&self, next: &Self) -> bool {
        // A range with `after` does not begin at its start, but somewhere after it.
        self.root == next.root && self.end.as_ref() == Some(&next.start) && next.after.is_none()
    }

    /// Returns the lower bound that applies in this order.
    pub(super) fn lower(&self, order: NameOrder) -> Bound<&str> {
        match &self.after {
            Some(after) if order.compare(after, &self.start).is_ge() => Bound::After(after),
            _ => Bound::Before(&self.start),
        }
    }

    /// Returns the upper bound.
    pub(super) fn upper(&self) -> Bound<&str> {
        self.end.as_deref().map_or(Bound::End, Bound::Before)
    }

    /// Returns the name of the lower bound.
    pub(super) fn lower_name(&self, order: NameOrder) -> &str {
        match self.lower(order) {
            Bound::Before(name) | Bound::After(name) => name,
            Bound::End => "",
        }
    }

    /// Returns the greatest of the prefix and the lower bounds.
    pub(in crate::scan::plan) fn beginning(&self, order: NameOrder) -> &str {
        let names = [self.prefix.as_str(), &self.start, self.after.as_deref().unwrap_or_default()];
        names.into_iter().max_by(|a, b| order.compare(a, b)).unwrap_or_default()
    }

    /// Returns the position of the listing: the last name received, or the lower bound.
    pub(in crate::scan::plan) fn position(&self, order: NameOrder) -> &str {
        self.last.as_deref().unwrap_or(self.lower_name(order))
    }

    /// Returns whether a name lies between the bounds.
    pub(in crate::scan::plan) fn has(&self, name: &str, order: NameOrder) -> bool {
        self.lower(order).is_before(name, order) && !self.upper().is_before(name, order)
    }

    /// Returns the name that the first request should start from, or `None` if that is the start of the
    /// prefix.
    pub(in crate::scan::plan) fn start_from(&self, order: NameOrder) -> Option<&str> {
        let start = self.lower_name(order);
        // A start before the prefix has no effect, and neither has one that the prefix begins with.
        let is_in_prefix = order.compare(start, &self.prefix).is_gt();
        (is_in_prefix && !self.prefix.starts_with(start)).then_some(start)
    }

    /// Returns the name that the first request starts from, if the service can start from that name.
    ///
    /// Otherwise the range is listed from the start of its prefix. An earlier name to start from would
    /// be earlier only if the assumed order is the true one, which nothing has shown yet.
    pub(in crate::scan::plan) fn requested_start(&self, order: NameOrder) -> Option<&str> {
        self.start_from(order).filter(|from| start_from::is_safe(&self.prefix, from))
    }
}
