//! The pages that are ready for the consumer, and what was handed out before.
//!
//! Entries that were handed out are remembered only while the order may turn out to be unknown: then
//! everything is listed again, and the outbox drops what the consumer has received.

use std::collections::VecDeque;

use super::{
    batch::Batch,
    fault::Fault,
    handed::{Handed, Skipped},
    order_state::OrderState,
    range::Range,
};
use crate::{
    scan::Shard,
    store::{NameOrder, Page},
};

/// The pages that are ready, in the order in which the consumer receives them.
#[derive(Debug)]
pub(super) struct Outbox {
    batches: VecDeque<Batch>,
    /// The number of blobs handed out.
    blobs: u64,
    handed: Handed,
    /// The entries that a listing in no known order must leave out.
    skipped: Skipped,
}

impl Outbox {
    /// Returns an outbox from which nothing was handed out.
    pub(super) fn new() -> Self {
        let (batches, skipped) = (VecDeque::new(), Skipped::default());
        Self { batches, blobs: 0, handed: Handed::new(), skipped }
    }

    /// Hands out a page of a listing in a known order.
    ///
    /// Its names are remembered if the order may still prove wrong.
    pub(super) fn give(&mut self, batch: Batch, order: &OrderState) {
        self.blobs += batch.blobs.len() as u64;
        if order.needs_memory() {
            self.handed.note(&batch.blobs);
        }
        self.batches.push_back(batch);
    }

    /// States again which shards remain once everything before is handed out.
    ///
    /// Needed if ranges were rearranged: the coverage of pages would no longer add up.
    pub(super) fn restate(&mut self, remaining: Vec<Shard>, order: NameOrder) {
        self.batches.push_back(Batch::restating(remaining, order));
    }

    /// Records a finished range, in case names turn out to be in no known order.
    pub(super) fn note_range(&mut self, range: &Range) {
        self.handed.note_range(range);
    }

    /// Returns the number of blobs handed out.
    pub(super) fn blobs(&self) -> u64 {
        self.blobs
    }

    /// Returns what was handed out, as far as it is remembered.
    pub(super) fn handed(&self) -> &Handed {
        &self.handed
    }

    /// Leaves out of the coming listing the names that these and all finished ranges have received.
    pub(super) fn skip_handed(&mut self, ranges: &[Range]) {
        self.skipped = std::mem::replace(&mut self.handed, Handed::new()).into_skipped(ranges);
    }

    /// Forgets what was handed out, because the listing continues after it.
    pub(super) fn forget_handed(&mut self) {
        self.handed = Handed::new();
    }

    /// Takes a page of a listing in no known order and hands out what is new in it.
    ///
    /// # Errors
    /// Those of [`Range::take_unsorted`].
    pub(super) fn give_unsorted(
        &mut self,
        range: &mut Range,
        page: Page,
        order: &OrderState,
    ) -> Result<(), Fault> {
        let batch = range.take_unsorted(page, &order.mode(), |blob| self.skipped.has(blob))?;
        // In no known order each shard has one range, so nothing has to be joined.
        range.join();
        if range.has_ended() {
            // Stretches are left out only if the scan has a single shard.
            self.skipped.end()?;
        }
        self.batches.push_back(batch);
        Ok(())
    }

    /// Returns the next page for the consumer.
    pub(super) fn pop(&mut self) -> Option<Batch> {
        self.batches.pop_front()
    }

    /// Returns whether no page is ready.
    pub(super) fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    /// Returns the pages that are ready.
    pub(super) fn batches(&self) -> impl Iterator<Item = &Batch> {
        self.batches.iter()
    }
}
