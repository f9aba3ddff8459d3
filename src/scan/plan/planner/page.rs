//! The evaluation of a page: whether its names ascend, whether it begins where it should, and what
//! it shows about the distribution of names.
//!
//! The checks come before anything is recorded, so a page that fails one of them leaves the range as it
//! was, and can be taken again in another order.

use super::Planner;
use crate::{
    scan::plan::{
        batch::Batch, fault::Fault, order_proof::OrderProof, order_state::OrderState, range::Range,
        requests::PendingRequest, start_from::StartFrom,
    },
    store::Page,
};

/// The number of names of a page that show which characters names have.
const SAMPLES: usize = 32;

/// The number of names of a page that are checked for the order of a plain loop. Such a loop relies on
/// no order; the check only finds out which order to state for the shards that remain.
const UNSTRICT_CHECKS: usize = 256;

impl Planner {
    /// Takes a page of a range.
    ///
    /// If its names contradict the order, the page is taken again in the order that explains them. Each
    /// such change excludes an order, so that ends.
    ///
    /// # Errors
    /// [`Fault::Error`] if the listing cannot be right, whatever follows.
    pub(super) fn take_page(&mut self, id: u32, has_start: bool, page: Page) -> Result<(), Fault> {
        let Some(index) = self.partition.index_of(id) else { return Ok(()) };
        let Some(range) = self.partition.get_mut(index) else { return Ok(()) };
        if self.order.is_unsorted() {
            return self.outbox.give_unsorted(range, page, &self.order);
        }
        let has_repeats = match check_order(range, &page, &mut self.order) {
            Ok(has_repeats) => has_repeats,
            Err(Fault::Disorder { first, second }) => {
                let is_late = range.has_strays();
                self.contradicted(&first, &second).map_err(Fault::Error)?;
                // Without an order the listing starts again, so the page is not needed.
                if is_late && self.order.is_unsorted() {
                    return Ok(());
                }
                // In another order the names that came late may be where they belong.
                let index = self.partition.index_of(id);
                if let Some(range) = index.and_then(|index| self.partition.get_mut(index)) {
                    range.forget_strays();
                }
                return self.take_page(id, has_start, page);
            }
            Err(fault) => return Err(fault),
        };
        self.order.count_checked(page.blobs.len() as u64);
        if has_start && !self.starts_as_requested(index, &page) {
            // A page that does not begin where it should may begin anywhere, so none of it is used.
            self.drop_page(index, id);
            return Ok(());
        }
        self.take_checked_page(index, page, has_repeats)
    }

    /// Takes a page whose names ascend and begin where they should.
    fn take_checked_page(
        &mut self,
        index: usize,
        page: Page,
        has_repeats: bool,
    ) -> Result<(), Fault> {
        let Some(range) = self.partition.get_mut(index) else { return Ok(()) };
        // Before the page is taken: afterwards the range is no longer new.
        let is_new = range.first().is_none();
        // The page is consumed by the range, so the marker to continue after it is kept now.
        let proof = match self.order.is_proven() {
            true => None,
            false => OrderProof::after(&page),
        };
        let batch = range.take(page, has_repeats, &self.order.mode())?;
        // The range has ended at a name, but too few names have come to trust that they ascend.
        if let Some(proof) = proof.filter(|_| range.past().is_some()) {
            let number = self.requests.next_number();
            range.await_check(number);
            let proof = proof.for_range(range, number);
            self.requests.push_first(PendingRequest::OrderProof(proof));
        }
        if range.is_split() && is_new {
            self.splitter.note_split(batch.blobs.is_empty());
        }
        self.names += batch.blobs.len() as u64;
        // The batch is read before it is handed out or held.
        self.learn_from(index, &batch, is_new);
        match (self.settings.is_ascending, self.partition.get_mut(index)) {
            (true, Some(range)) => range.hold(batch),
            _ => self.outbox.give(batch, &self.order),
        }
        Ok(())
    }

    /// Learns from a page where ranges can be split.
    ///
    /// A scan with one request in flight never splits, so it does not pay for samples.
    fn learn_from(&mut self, index: usize, batch: &Batch, is_new: bool) {
        let Some(range) = self.partition.get(index) else { return };
        let continues = !range.has_ended();
        if self.settings.in_flight > 1 {
            // Evenly over the page, with the last name, which shows how far it has come.
            let stride = (batch.blobs.len() / SAMPLES).max(1);
            let names = batch.blobs.iter().step_by(stride).chain(batch.blobs.last());
            self.discovery.sample(names.map(|blob| blob.name.as_str()));
            if let (true, Some(first), Some(last)) =
                (is_new && continues, batch.blobs.first(), batch.blobs.last())
            {
                let (names, start_from) =
                    ((first.name.as_str(), last.name.as_str()), self.start_from);
                let (settings, requests) = (&self.settings, &mut self.requests);
                self.discovery.explore(range.root(), names, start_from, settings, requests);
            }
        }
        if !continues {
            self.splitter.note_end(range, &self.discovery, self.order.current());
        }
    }

    /// Returns whether the first page of a range begins at the requested start, and records whether the
    /// store supports `start_from`.
    fn starts_as_requested(&mut self, index: usize, page: &Page) -> bool {
        let order = self.order.current();
        let range = self.partition.get(index);
        let range = range.filter(|range| range.first().is_none() && range.requested_first());
        let Some(from) = range.and_then(|range| range.requested_start(order)) else { return true };
        // An empty page shows nothing about its start.
        let Some(first) = page.blobs.first() else { return true };
        if order.compare(&first.name, from).is_lt() {
            return false;
        }
        if self.start_from == StartFrom::Unknown {
            self.start_from = StartFrom::Supported;
        }
        true
    }
}

/// Checks that the names of a page ascend, and follow those of the range; returns whether some entries
/// come twice and must be dropped.
fn check_order(range: &Range, page: &Page, order: &mut OrderState) -> Result<bool, Fault> {
    let is_strict = order.is_strict();
    let some = page.blobs.get(..UNSTRICT_CHECKS).filter(|_| !is_strict).unwrap_or(&page.blobs);
    let mut possible = order.possible();
    let checked = range.check_order(some, page.next.is_none(), &order.mode(), &mut possible);
    // Also if the names do not ascend: that is how the other orders are excluded.
    order.restrict_to(possible);
    checked.map(|has_repeats| has_repeats && is_strict)
}
