//! The output of the planner: the blobs of a page, and the names for which that page is complete.
//!
//! The coverage of all batches adds up to the shards that were listed, so whoever counts it knows at any
//! time what remains. A job relies on that: a name that was covered and not listed is gone.

use crate::{
    scan::{
        Shard,
        interval::{Bound, NameRange},
    },
    store::{Blob, Malformed, NameOrder},
};

/// The names for which a page, with the pages before it, has everything that the listing has.
#[derive(Clone, Debug)]
pub(crate) struct Coverage {
    /// The prefix of the shard that was listed.
    root: String,
    names: NameRange,
    order: NameOrder,
}

impl Coverage {
    /// Returns the coverage of a page of a shard with the prefix `root`.
    pub(super) fn new(root: &str, names: NameRange, order: NameOrder) -> Self {
        Self { root: root.to_owned(), names, order }
    }

    /// Returns the covered range, in which names are compared by [`order`](Self::order).
    ///
    /// In no known order a page covers no range of names. The upper bound is then the position of the
    /// listing, and the lower bound has no meaning.
    pub(crate) fn names(&self) -> &NameRange {
        &self.names
    }

    /// Returns the order of the listing.
    pub(crate) fn order(&self) -> NameOrder {
        self.order
    }

    /// Returns the part up to a bound.
    pub(in crate::scan) fn until(&self, to: Bound) -> Self {
        Self { names: self.names.until(to), ..self.clone() }
    }

    /// Removes the covered names from the shards that remain to be listed.
    pub(in crate::scan) fn remove_from(&self, shards: &mut Vec<Shard>) {
        if self.order == NameOrder::Unsorted {
            return self.remove_from_first(shards);
        }
        let mut index = 0;
        while let Some(shard) = shards.get(index) {
            // A scan may have many shards, and a page touches one or two of them.
            if *shard.prefix != self.root || shard.is_apart(&self.names, self.order) {
                index += 1;
                continue;
            }
            // What remains is before or after the page, and neither part needs another look.
            let rest = shard.without(&self.names, self.order);
            let count = rest.len();
            shards.splice(index..=index, rest);
            index += count;
        }
    }

    /// In no known order shards are listed one after the other, each from its start.
    fn remove_from_first(&self, shards: &mut Vec<Shard>) {
        match self.names.to() {
            Bound::Before(_) => {}
            Bound::After(name) => {
                if let Some(first) = shards.first_mut() {
                    *first = first.resumed_after(name.clone());
                }
            }
            Bound::End => drop(shards.drain(..shards.len().min(1))),
        }
    }
}

/// The entries of one page that belong to one range.
#[derive(Debug)]
pub(in crate::scan) struct Batch {
    /// The blobs, in the order of the listing.
    pub(in crate::scan) blobs: Vec<Blob>,
    /// The entries that cannot be read.
    pub(in crate::scan) malformed: Vec<Malformed>,
    /// How many pages of the listing the batch stands for.
    pub(in crate::scan) pages: u64,
    /// The names that are finished once this batch is handed out.
    pub(in crate::scan) coverage: Coverage,
    /// The shards that remain once all earlier batches are handed out, if they must be stated again.
    /// The batch then has no entries.
    pub(in crate::scan) remaining: Option<Vec<Shard>>,
}

impl Batch {
    /// Returns the batch of a page. It stands for no page if its blobs came with other requests.
    pub(super) fn new(
        blobs: Vec<Blob>,
        malformed: Vec<Malformed>,
        pages: u64,
        coverage: Coverage,
    ) -> Self {
        Self { blobs, malformed, pages, coverage, remaining: None }
    }

    /// Returns a batch without entries that replaces the shards still to be listed.
    pub(super) fn restating(remaining: Vec<Shard>, order: NameOrder) -> Self {
        let coverage = Coverage::new("", NameRange::new(Bound::End, Bound::End), order);
        let (blobs, malformed) = (Vec::new(), Vec::new());
        Self { blobs, malformed, pages: 0, coverage, remaining: Some(remaining) }
    }

    /// Returns whether the batch has no entries.
    pub(super) fn is_empty(&self) -> bool {
        self.blobs.is_empty() && self.malformed.is_empty()
    }

    /// Adds the page count and the covered names of a later batch without entries.
    pub(super) fn absorb_empty(&mut self, later: Self) {
        self.pages += later.pages;
        self.coverage.names.extend_to(later.coverage.names.into_bounds().1);
    }
}
