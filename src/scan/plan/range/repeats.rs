//! Checks the start of a page against the page before: which entries are repeated, and whether names
//! ascend.
//!
//! Services sometimes repeat entries at a page border (for example Apache Hadoop, HADOOP-19543). A
//! repetition is dropped; a name that comes late is not a repetition, because an earlier scan may have
//! assumed that it does not exist.
//!
//! The entries that follow distinguish the two. A repetition goes back some entries and then continues with
//! entries that came before. So a *stray*, which is a name from before the start of the range, is
//! remembered until the page after it shows which of the two it was.

use super::{ListingMode, Range, overlap::is_same};
use crate::{
    scan::plan::fault::Fault,
    store::{Blob, Orders},
};

/// The entries that the start of a page repeats.
pub(super) struct Repeated {
    /// The number of blobs that came before.
    pub(super) count: usize,
    /// The number of names from before the start of the range that come last, if the page has nothing
    /// else.
    pub(super) strays: usize,
    /// Whether strays on the page before were late names, because this page does not continue with
    /// names that came before.
    is_late: bool,
}

impl Range {
    /// Returns which blobs at the start of a page came before.
    ///
    /// A repetition may reach back before the start of the range, but only over `max_strays` names, and
    /// it continues with names of the range. Other names from before the start come late.
    pub(super) fn repeated(&self, blobs: &[Blob], mode: &ListingMode) -> Repeated {
        let overlap = &self.overlap;
        let (skipped, stray) = (overlap.skipped(), overlap.strays());
        let has_begun = self.last.is_some() || !skipped.is_empty();
        let (mut strays, mut count) = (stray.map_or(0, |(count, _)| *count), 0);
        for (at, blob) in blobs.iter().enumerate() {
            // Entries before a known one belong to the same repetition.
            if overlap.is_known(blob) || skipped.contains(&blob.name) {
                (strays, count) = (0, at + 1);
            } else if has_begun && strays < mode.max_strays && self.is_stray(&blob.name, mode) {
                strays += 1;
            } else {
                return Repeated { count, strays: 0, is_late: count == 0 && stray.is_some() };
            }
        }
        if self.last.is_none() && strays > 0 {
            // The listing has not reached the start of the range: these names continue the listing, or
            // are repeated.
            let edge = skipped.last().zip(blobs.first());
            let is_repeated =
                edge.is_some_and(|(edge, first)| mode.order.compare(&first.name, edge).is_lt());
            let count = if is_repeated { blobs.len() } else { count };
            return Repeated { count, strays: 0, is_late: false };
        }
        Repeated { count: blobs.len(), strays, is_late: false }
    }

    /// Returns the names that may come again on the next page, the last one first.
    ///
    /// An order proof continues where the range has ended, and must recognize them as well.
    pub(in crate::scan::plan) fn last_names(&self) -> impl Iterator<Item = &String> {
        let tail = self.overlap.tail().iter().map(|blob| &blob.name).rev();
        tail.chain(self.overlap.skipped().iter().rev())
    }

    /// Returns whether a name comes before the start of the range in every possible order.
    pub(in crate::scan::plan) fn is_stray(&self, name: &str, mode: &ListingMode) -> bool {
        let orders = Orders::that_have(name, self.lower_name(mode.order)).unwrap_or(Orders::NONE);
        orders.and(mode.possible) == mode.possible
    }

    /// Returns whether the last names were from before the start of the range.
    pub(in crate::scan::plan) fn has_strays(&self) -> bool {
        self.overlap.strays().is_some()
    }

    /// Forgets that the last names were from before the start of the range.
    pub(in crate::scan::plan) fn forget_strays(&mut self) {
        self.overlap.take_strays();
    }

    /// Drops copies of the last name that came before, even if new copies stand before them.
    ///
    /// Snapshots and versions of one name have no documented order, so those of the last name cannot be
    /// dropped as a whole.
    pub(super) fn drop_copies(&self, blobs: &mut Vec<Blob>, from: usize) {
        let Some(last) = &self.last else { return };
        // Copies of one name are adjacent, so the first other name ends the loop.
        let mut at = from;
        while let Some(blob) = blobs.get(at).filter(|blob| blob.name == *last) {
            match self.overlap.is_known(blob) {
                true => drop(blobs.remove(at)),
                false => at += 1,
            }
        }
    }

    /// Checks that the names of a page ascend and follow those of the page before.
    ///
    /// Reduces `possible` to the orders in which all these names ascend. Returns whether some entries
    /// come twice.
    ///
    /// # Errors
    /// [`Fault::Disorder`] if the names do not ascend in the order of `mode`.
    pub(in crate::scan::plan) fn check_order(
        &self,
        blobs: &[Blob],
        is_last: bool,
        mode: &ListingMode,
        possible: &mut Orders,
    ) -> Result<bool, Fault> {
        // Names before the start of the range must ascend, too: a late name may be one that an earlier
        // scan has assumed to be listed.
        let edge = self.overlap.skipped().last().map(String::as_str);
        let edge = edge.filter(|_| !self.requested_first());
        // A page that is listed again begins before the last name.
        let last = self.last.as_deref().or(edge).filter(|_| !self.is_relisting);
        let mut skip = 0;
        if let Some(last) = last {
            let repeated = self.repeated(blobs, mode);
            if repeated.is_late || is_last && repeated.strays > 0 {
                let here = blobs.last().filter(|_| !repeated.is_late).map(|blob| &blob.name);
                let stray = here.or(self.overlap.strays().map(|(_, name)| name));
                return Err(Fault::disorder(last, stray.map_or("", String::as_str)));
            }
            skip = repeated.count;
        }
        // One look at each pair of neighbors finds all orders in which they ascend.
        let blobs = blobs.get(skip..).unwrap_or_default();
        let (mut page, mut repeats) = (Orders::ALL, false);
        if let (Some(last), Some(first)) = (last, blobs.first()) {
            page = Orders::that_have(last, &first.name).unwrap_or(page);
        }
        for (a, b) in blobs.iter().zip(blobs.iter().skip(1)) {
            match Orders::that_have(&a.name, &b.name) {
                Some(orders) => page = page.and(orders),
                // Equal names are copies, or the same entry twice.
                None => repeats |= is_same(a, b),
            }
        }
        *possible = possible.and(page);
        if page.has(mode.order) {
            return Ok(repeats);
        }
        let names = last.into_iter().chain(blobs.iter().map(|blob| blob.name.as_str()));
        let descends = |(a, b): &(&str, &str)| mode.order.compare(a, b).is_gt();
        // For the message: the first two names that do not ascend.
        let pair = names.clone().zip(names.skip(1)).find(descends);
        let (a, b) = pair.unwrap_or_default();
        Err(Fault::disorder(a, b))
    }
}
