//! What the answer to each request means, and when it is taken.

use super::{
    Job, PendingRequest, Planner, Range, StartFrom,
    proof::Proof,
    range::{Fault, Next, STRAYS},
};
use crate::{
    error::Error,
    scan::shard::check_disjoint,
    store::{NameOrder, Page},
};

/// How many names of a page show which characters names have
const SAMPLES: usize = 32;

/// How many names must ascend before a range may end with the first name after it, and before the
/// names of other ranges are taken
///
/// A listing in no order at all shows that long before.
const PROOF: u64 = 32;

/// How many names of a page are checked for the order of a plain loop, which relies on none: it only
/// says in what order names are left
const SOME: usize = 256;

impl Planner {
    /// What an answer means
    ///
    /// # Errors
    /// Where the listing cannot be right whatever follows.
    pub(in crate::scan) fn take(&mut self, ticket: u64, page: Page) -> Result<(), Error> {
        // A page without blobs has the order that is the default, and does not know better.
        if page.order != self.order
            && page.order != NameOrder::default()
            && page.order != NameOrder::Unsorted
            && self.names == 0
            && self.settings.assumed.is_none()
            && check_disjoint(&self.shards, page.order).is_ok()
        {
            self.begin_with(page.order);
        }
        self.take_answer(ticket, page)?;
        self.take_early()
    }

    /// Takes the answers whose turn it is now
    fn take_early(&mut self) -> Result<(), Error> {
        while let Some(at) = self.early.iter().position(|(ticket, _)| !self.is_early(*ticket)) {
            let (ticket, page) = self.early.remove(at);
            self.take_answer(ticket, page)?;
        }
        Ok(())
    }

    /// Whether an answer must wait until names of the first range have shown that they have an order
    fn is_early(&self, ticket: u64) -> bool {
        let Some(Job::Page { range, .. }) = self.jobs.get(&ticket) else { return false };
        let is_under_way = |range: &Range| !range.has_ended() || range.checking.is_some();
        let first = self.ranges.iter().position(is_under_way);
        !self.is_proven() && self.position(*range).is_some_and(|at| Some(at) != first)
    }

    /// Whether names have shown that they have an order, or none is relied on
    pub(in crate::scan) fn is_proven(&self) -> bool {
        !self.is_strict || self.checked >= PROOF
    }

    fn take_answer(&mut self, ticket: u64, page: Page) -> Result<(), Error> {
        if self.is_early(ticket) {
            self.early.push((ticket, page));
            return Ok(());
        }
        let taken = match self.jobs.remove(&ticket) {
            Some(Job::Page { range, has_start }) => self.take_page(range, has_start, page),
            Some(Job::Survey(level)) => {
                self.take_level(level, page);
                Ok(())
            }
            Some(Job::Probe(look)) => {
                self.take_probe(look, &page);
                Ok(())
            }
            Some(Job::Check(check)) => self.take_check(check, &page),
            Some(Job::Proof(proof)) => self.take_proof(proof, &page),
            None => Ok(()),
        };
        match taken {
            Ok(()) => {}
            Err(Fault::Disorder { first, second }) => self.contradicted(&first, &second)?,
            Err(Fault::Error(error)) => return Err(error),
        }
        self.settle();
        Ok(())
    }

    /// Takes note of a request that failed for good or was refused as malformed; returns whether the
    /// listing can continue without it
    ///
    /// # Errors
    /// As [`take`](Self::take).
    pub(in crate::scan) fn failed(&mut self, ticket: u64, is_refusal: bool) -> Result<bool, Error> {
        let goes_on = self.does_without(ticket, is_refusal);
        self.settle();
        self.take_early()?;
        Ok(goes_on)
    }

    fn does_without(&mut self, ticket: u64, is_refusal: bool) -> bool {
        match self.jobs.get(&ticket) {
            // It is gone, and so is the question.
            Some(Job::Page { range, .. }) if self.position(*range).is_none() => {
                self.jobs.remove(&ticket).is_some()
            }
            Some(Job::Page { .. }) if !is_refusal => false,
            Some(Job::Page { range: id, has_start }) => {
                let (id, has_start) = (*id, *has_start);
                match self.position(id).and_then(|index| self.ranges.get_mut(index)) {
                    Some(range) if has_start => range.is_busy = false,
                    _ => return false,
                }
                self.jobs.remove(&ticket);
                self.ignore_start_from();
                if let Some(index) = self.position(id) {
                    self.merge_into_previous(index);
                }
                true
            }
            Some(Job::Probe(_)) => {
                self.jobs.remove(&ticket);
                if is_refusal || self.starts == StartFrom::Unknown {
                    self.ignore_start_from();
                }
                true
            }
            // What is wrong with more than a look, pages will tell.
            Some(Job::Survey(_)) => self.jobs.remove(&ticket).is_some(),
            Some(Job::Check(..) | Job::Proof(..)) => false,
            None => true,
        }
    }

    fn take_page(&mut self, id: u32, has_start: bool, page: Page) -> Result<(), Fault> {
        let Some(index) = self.position(id) else { return Ok(()) };
        if self.order == NameOrder::Unsorted {
            return self.take_unsorted(index, page);
        }
        let (order, is_strict) = (self.order, self.is_strict);
        let Some(range) = self.ranges.get_mut(index) else { return Ok(()) };
        // A run that insists on its order can list again; a name that comes late may be one that it lacks.
        let strays = if self.settings.insists { 0 } else { STRAYS };
        // All that follows relies on it.
        let some = page.blobs.get(..SOME).filter(|_| !is_strict).unwrap_or(&page.blobs);
        let repeats =
            match range.check_order(some, page.next.is_none(), order, &mut self.orders, strays) {
                Ok(repeats) => repeats && is_strict,
                Err(Fault::Disorder { first, second }) => {
                    let is_late = range.stray.is_some();
                    self.contradicted(&first, &second).map_err(Fault::Error)?;
                    // Without an order the listing begins anew, so a page with late names is done with.
                    if is_late && self.order == NameOrder::Unsorted {
                        return Ok(());
                    }
                    // In another order the late names may be in their place.
                    if let Some(index) = self.position(id)
                        && let Some(range) = self.ranges.get_mut(index)
                    {
                        range.stray = None;
                    }
                    return self.take_page(id, has_start, page);
                }
                Err(fault) => return Err(fault),
            };
        self.checked += page.blobs.len() as u64;
        let is_proven = self.is_proven();
        if has_start && !self.keeps_start(index, &page) {
            self.ignore_start_from();
            // A page that does not begin where it should may begin anywhere: its shard is listed from
            // the start of its prefix.
            if let Some(range) = self.ranges.get_mut(index) {
                range.is_busy = false;
            }
            self.merge_into_previous(index);
            return Ok(());
        }
        let has_copies = self.has_copies();
        let Some(range) = self.ranges.get_mut(index) else { return Ok(()) };
        let is_new = range.first.is_none();
        let proof = (!is_proven).then(|| Proof::of(&page)).flatten();
        let orders = self.orders;
        let batch = range.take(page, order, is_strict, has_copies, repeats, (orders, strays))?;
        if let Some(proof) = proof.filter(|_| range.past.is_some()) {
            self.tickets += 1;
            range.checking = Some(self.tickets);
            self.pending.push_front(PendingRequest::Proof(proof.of_range(range, self.tickets)));
        }
        match range.is_cut && is_new {
            true if batch.blobs.is_empty() => self.empty_splits += 1,
            true => self.full_splits += 1,
            false => {}
        }
        let root = range.root.clone();
        let goes_on = !range.has_ended();
        self.names += batch.blobs.len() as u64;
        if self.settings.in_flight > 1 {
            let stride = (batch.blobs.len() / SAMPLES).max(1);
            let names = batch.blobs.iter().step_by(stride).chain(batch.blobs.last());
            self.keyspace.see(names.map(|blob| blob.name.as_str()));
            if let (true, Some(first), Some(last)) =
                (is_new && goes_on, batch.blobs.first(), batch.blobs.last())
            {
                self.wish(&root, &first.name, &last.name);
            }
        }
        if let Some(range) = self.ranges.get(index).filter(|range| range.has_ended()) {
            self.covered += self.covered_by(range);
        }
        match (self.settings.is_ascending, self.ranges.get_mut(index)) {
            (true, Some(range)) => range.hold(batch),
            _ => self.give(batch),
        }
        Ok(())
    }

    /// Returns whether a first page begins at the requested start, and records whether the store supports
    /// `start_from`
    fn keeps_start(&mut self, index: usize, page: &Page) -> bool {
        let Some(range) = self.ranges.get(index).filter(|range| range.first.is_none()) else {
            return true;
        };
        let (Next::First, Some(from)) = (&range.asked, range.request_from(self.order)) else {
            return true;
        };
        let Some(first) = page.blobs.first() else { return true };
        if self.order.compare(&first.name, &from).is_lt() {
            return false;
        }
        if self.starts == StartFrom::Unknown {
            self.starts = StartFrom::Supported;
        }
        true
    }
}
