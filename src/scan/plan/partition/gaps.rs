//! Proves that nothing lies between two ranges.
//!
//! A range ends with the first name after it. If the next range begins with that very name, nothing lies
//! between the two. If it begins with a later name, the store has not started at the requested name, and
//! the range before lists what was missing. If it begins with an earlier name, a [`GapCheck`] finds out
//! why.
//!
//! For example, `a..m` has received `b` and `k`, and has ended with `n`:
//!
//! | the range from `m` begins with | conclusion |
//! | --- | --- |
//! | `n` | nothing lies between |
//! | `p` | the store has started too late: the first range lists up to `p` |
//! | `m1` | `m1` was created meanwhile, or is not between `k` and `n` in the listing: check |
//! | nothing yet | too early to tell |

use super::Partition;
use crate::{
    scan::plan::{
        gap_check::GapCheck,
        order_state::OrderState,
        range::Range,
        requests::{PendingRequest, Requests},
        settings::Settings,
        start_from::StartFrom,
    },
    store::NameOrder,
};

/// The first name that the ranges from some index on have received.
enum FirstName {
    /// No page has arrived yet.
    Unknown,
    /// This name, or none, and the index of the range that has it.
    Known(Option<String>, usize),
}

/// A conclusion from the names around the end of a range.
enum Finding {
    /// Nothing lies between the range and the next one.
    Joined,
    /// The ranges between this one and `owner` have missed names up to `to`.
    Gap { to: Option<String>, first: Option<String>, owner: usize },
    /// Whether a name was missed depends on where the listing has this name.
    Doubtful(String),
    /// The next range has not begun.
    TooEarly,
}

impl Partition {
    /// Looks at the end of each range that can be looked at.
    pub(in crate::scan::plan) fn join(
        &mut self,
        order: &OrderState,
        start_from: StartFrom,
        settings: &Settings,
        requests: &mut Requests,
    ) {
        let order = order.current();
        let mut index = 0;
        while let Some(range) = self.ranges.get(index) {
            if range.has_ended() && !range.is_joined() && !range.is_awaiting_check() {
                match self.find_gap(index, order) {
                    Finding::TooEarly => {}
                    Finding::Joined => {
                        if let Some(range) = self.ranges.get_mut(index) {
                            range.join();
                        }
                    }
                    Finding::Gap { to, first, owner } => {
                        self.fill_gap(index, to, first, owner, order)
                    }
                    Finding::Doubtful(name) => {
                        // Everything else about this end waits for the check.
                        let number = requests.next_number();
                        if let Some(range) = self.ranges.get_mut(index) {
                            let request = range.request(settings, order, start_from);
                            let past = range.past().map(str::to_owned);
                            range.await_check(number);
                            let check = GapCheck::new(range.id(), number, request, name, past);
                            requests.push_first(PendingRequest::GapCheck(check));
                        }
                    }
                }
            }
            index += 1;
        }
    }

    /// Compares the name with which a range has ended to the one with which the next range begins.
    ///
    /// Ranges between the two that have received nothing are skipped: a range without names could be one
    /// that the store has started too late.
    fn find_gap(&self, index: usize, order: NameOrder) -> Finding {
        let Some(range) = self.ranges.get(index) else { return Finding::TooEarly };
        let is_next_listed = |next: &Range| next.start().starts_with(range.prefix());
        let is_next_listed = self.ranges.get(index + 1).is_some_and(is_next_listed);
        // INVARIANT: an empty range proves nothing; the range before it must come as far as its end.
        if !self.is_contiguous(index) || !is_next_listed || range.is_empty_range() {
            return Finding::Joined;
        }
        let (first, owner) = match self.first_from(index + 1) {
            FirstName::Unknown => return Finding::TooEarly,
            FirstName::Known(first, owner) => (first, owner),
        };
        // The end of the last adjacent range: what lies after it does not matter here.
        let mut last = index;
        while self.is_contiguous(last) {
            last += 1;
        }
        let limit = self.ranges.get(last).and_then(Range::end);
        // A range does not receive names of other prefixes, and the ranges after `limit` are another
        // shard: neither says anything about a gap here.
        let is_seen = |name: &str| {
            name.starts_with(range.prefix())
                && limit.is_none_or(|limit| order.compare(name, limit).is_lt())
        };
        let first = first.filter(|name| is_seen(name));
        let past = range.past().filter(|name| is_seen(name));
        match (past, first) {
            (Some(past), first)
                if first.as_ref().is_none_or(|first| order.compare(past, first).is_lt()) =>
            {
                let to = first.clone().or(limit.map(str::to_owned));
                Finding::Gap { to, first, owner }
            }
            // The range has ended after the first name of the next one, or at the end of the listing,
            // and has not received that name.
            (past, Some(first)) if past != Some(first.as_str()) => Finding::Doubtful(first),
            _ => Finding::Joined,
        }
    }

    /// Returns the first name of the ranges from an index on.
    ///
    /// Adjacent ranges that have ended without a name are skipped.
    fn first_from(&self, index: usize) -> FirstName {
        let mut index = index;
        while let Some(range) = self.ranges.get(index) {
            if let Some(first) = range.first() {
                return FirstName::Known(Some(first.to_owned()), index);
            }
            if !range.has_ended() {
                return FirstName::Unknown;
            }
            index += 1;
            if !self.is_contiguous(index - 1) {
                break;
            }
        }
        FirstName::Known(None, index)
    }

    /// Lists from the range at `index` what the ranges before `owner` have missed.
    fn fill_gap(
        &mut self,
        index: usize,
        to: Option<String>,
        first: Option<String>,
        owner: usize,
        order: NameOrder,
    ) {
        if let Some(range) = self.ranges.get_mut(index) {
            range.fill_gap_up_to(to);
        }
        // The ranges between have received nothing, so the first range can list their names as well.
        let owner = owner.min(self.ranges.len());
        self.ranges.drain(index + 1..owner.max(index + 1));
        match (first, self.ranges.get_mut(index + 1)) {
            // INVARIANT: the two ranges meet at the first name of the second.
            (Some(first), Some(next)) if next.has(&first, order) => next.start_at(first),
            _ => {}
        }
    }
}
