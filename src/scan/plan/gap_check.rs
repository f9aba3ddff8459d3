//! Where two ranges meet: nothing may fall between them.

use super::{
    Next, PendingRequest, Planner, StartFrom,
    cycle::{MarkerCycle, repeated_marker},
    range::Fault,
};
use crate::store::{Blob, ListRequest, NameOrder, Orders, Page};

/// Checks that the first name of a range follows the range before it in the listing as well
///
/// The range before ended with another name. So the name was created or deleted meanwhile, or the
/// listing is in another order.
#[derive(Debug)]
pub(super) struct Check {
    pub(super) request: ListRequest,
    /// The range that has ended, which waits for this check alone
    range: u32,
    number: u64,
    name: String,
    /// With which name it has ended
    past: Option<String>,
    /// Whether the listing has come to that name
    has_past: bool,
    /// Whether it is the page that the range has received
    is_first: bool,
    /// Set once it was not there: a name that the listing has in its place. Whether there is still
    /// such a blob is asked then, since it can be gone.
    behind: Option<String>,
    seen: MarkerCycle,
}

/// What is known of the first name behind a border
enum First {
    NotYet,
    Name(Option<String>),
}

impl Planner {
    /// Looks at each border that can be looked at
    pub(super) fn join(&mut self) {
        let mut index = 0;
        while let Some(range) = self.ranges.get(index) {
            if range.has_ended() && !range.is_joined && range.checking.is_none() {
                self.join_at(index);
            }
            index += 1;
        }
    }

    pub(super) fn is_contiguous(&self, index: usize) -> bool {
        match (self.ranges.get(index), self.ranges.get(index + 1)) {
            // One that an earlier run has begun does not begin where it starts.
            (Some(a), Some(b)) => {
                a.root == b.root && a.end.as_ref() == Some(&b.start) && b.after.is_none()
            }
            _ => false,
        }
    }

    /// The first name that the ranges from here on have, and which range has it
    fn first_from(&self, index: usize) -> (First, usize) {
        let mut index = index;
        while let Some(range) = self.ranges.get(index) {
            if range.first.is_some() {
                return (First::Name(range.first.clone()), index);
            }
            if !range.has_ended() {
                return (First::NotYet, index);
            }
            index += 1;
            if !self.is_contiguous(index - 1) {
                break;
            }
        }
        (First::Name(None), index)
    }

    fn join_at(&mut self, index: usize) {
        let is_contiguous = self.is_contiguous(index);
        let Some(range) = self.ranges.get(index) else { return };
        let is_prefix_listed =
            self.ranges.get(index + 1).is_some_and(|n| n.start.starts_with(&range.prefix));
        // A range without names vouches for nothing: the one before it must come as far.
        let is_void = range.is_cut && range.first.is_none();
        if !is_contiguous || !is_prefix_listed || is_void {
            if let Some(range) = self.ranges.get_mut(index) {
                range.is_joined = true;
            }
            return;
        }
        let (first, owner) = match self.first_from(index + 1) {
            (First::NotYet, _) => return,
            (First::Name(first), owner) => (first, owner),
        };
        // Behind the shard nobody looks.
        let mut last = index;
        while self.is_contiguous(last) {
            last += 1;
        }
        let limit = self.ranges.get(last).and_then(|range| range.end.clone());
        let order = self.order;
        // Of other prefixes this range sees no name.
        let within = |name: &String| {
            name.starts_with(&range.prefix)
                && limit.as_deref().is_none_or(|limit| order.compare(name, limit).is_lt())
        };
        let first = first.filter(within);
        let past = range.past.clone().filter(within);
        let request = self.page_of(index);
        let Some(range) = self.ranges.get_mut(index) else { return };
        range.is_joined = true;
        if is_before(order, past.as_deref(), first.as_deref()) {
            // The store began behind where it was asked to: what it left out is listed from this side.
            range.reopen(first.clone().or(limit));
            range.is_mend = true;
            let owner = owner.min(self.ranges.len());
            self.ranges.drain(index + 1..owner.max(index + 1));
            match (first, self.ranges.get_mut(index + 1)) {
                (Some(first), Some(next)) if next.has(&first, order) => next.start = first,
                _ => {}
            }
        } else if let Some(first) = first
            && past.as_ref() != Some(&first)
        {
            self.tickets += 1;
            (range.is_joined, range.checking) = (false, Some(self.tickets));
            self.pending.push_front(PendingRequest::Check(Check {
                request,
                range: range.id,
                number: self.tickets,
                name: first,
                past: range.past.clone(),
                has_past: false,
                is_first: true,
                behind: None,
                seen: MarkerCycle::default(),
            }));
        }
    }

    /// What an answer says of a name that must be there, if the listing is in order
    pub(super) fn take_check(&mut self, mut check: Check, page: &Page) -> Result<(), Fault> {
        let waits = |range: &&mut super::Range| {
            range.id == check.range && range.checking == Some(check.number)
        };
        let Some(range) = self.ranges.iter_mut().find(waits) else { return Ok(()) };
        let place = |name: &String| page.blobs.iter().position(|blob| blob.name == *name);
        let at = place(&check.name);
        let past = check.past.as_ref().and_then(place);
        if let (Some(at), Some(name), None) = (at, &check.past, &check.behind)
            && (check.has_past || past.is_some_and(|past| past < at))
        {
            // The range has ended too early.
            return Err(Fault::Disorder { first: name.clone(), second: check.name });
        }
        check.has_past |= past.is_some();
        // Behind it in every order that explains the names so far.
        let orders = self.orders;
        let is_behind = |blob: &Blob| {
            let have = Orders::that_have(&check.name, &blob.name);
            have.is_some_and(|have| have.and(orders) == orders)
        };
        let is_beyond = page.blobs.last().is_some_and(is_behind);
        // A name that was made between the page before and this one's marker is on neither.
        let begins_behind = check.is_first
            && check.request.marker.is_some()
            && page.blobs.first().is_some_and(is_behind);
        let last = page.blobs.last().map(|blob| blob.name.clone());
        // An empty page tells nothing of where it begins.
        check.is_first &= page.blobs.is_empty();
        match (at.is_some(), &check.behind) {
            (true, Some(behind)) => {
                return Err(Fault::Disorder { first: behind.clone(), second: check.name });
            }
            (true, None) => {}
            (false, None) if begins_behind => {}
            // A page may be short or empty, and others may have come before the name.
            _ if !is_beyond && page.next.is_some() => {
                if page.next.as_ref().is_some_and(|next| check.seen.before(next)) {
                    return Err(Fault::Error(repeated_marker()));
                }
                check.request.start_from = None;
                check.request.marker.clone_from(&page.next);
                self.pending.push_front(PendingRequest::Check(check));
                return Ok(());
            }
            (false, Some(_)) => {}
            (false, None) => {
                check.request = self.request(&check.name);
                check.seen = MarkerCycle::default();
                check.behind = Some(last.unwrap_or_default());
                self.pending.push_front(PendingRequest::Check(check));
                return Ok(());
            }
        }
        (range.is_joined, range.checking) = (true, None);
        Ok(())
    }

    /// Gives a range of which nothing is known back to the one before it; says whether there is one
    pub(super) fn merge_into_previous(&mut self, index: usize) -> bool {
        let Some(before) = index.checked_sub(1).filter(|before| self.is_contiguous(*before)) else {
            return false;
        };
        let same = |range: Option<&super::Range>| range.map(|range| range.prefix.clone());
        if same(self.ranges.get(before)) != same(self.ranges.get(index)) {
            return false;
        }
        let end = self.ranges.remove(index).end;
        if let Some(range) = self.ranges.get_mut(before) {
            match range.has_ended() {
                true => range.reopen(end),
                false => {
                    range.end = end;
                    range.is_joined = false;
                }
            }
        }
        true
    }

    /// The store does not begin where it is asked to
    pub(super) fn ignore_start_from(&mut self) {
        if self.starts == StartFrom::Ignored {
            return;
        }
        self.starts = StartFrom::Ignored;
        self.pending.retain(|wish| !matches!(wish, PendingRequest::Probe(_)));
        let order = self.order;
        for index in (0..self.ranges.len()).rev() {
            let is_untouched = |range: &super::Range| {
                let is_new = range.first.is_none() && range.next == Next::First;
                is_new && !range.is_busy && range.from(order).is_some()
            };
            if self.ranges.get(index).is_some_and(is_untouched) {
                self.merge_into_previous(index);
            }
        }
    }
}

/// Whether a name comes before another, where none is behind all
fn is_before(order: NameOrder, a: Option<&str>, b: Option<&str>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => order.compare(a, b).is_lt(),
        (Some(_), None) => true,
        (None, _) => false,
    }
}
