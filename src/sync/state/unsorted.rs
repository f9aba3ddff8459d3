//! A listing in no known order: sorted on disk, and then compared like any other listing.
//!
//! Everything is listed before a sink receives anything. After an interruption the run lists and sorts
//! again, and skips what was committed.

use crate::{
    error::Error,
    scan::Bound,
    store::{NameOrder, Orders},
    sync::{
        sort::{Limits, Merging, Record, Sorted, Sorter},
        spill,
        state_store::StateFiles,
    },
    validate::{Reason, Verdict},
};

/// How many verdicts are compared at a time.
const PAGE: usize = 2500;

/// A listing that is collected, sorted and then read page by page.
pub(super) enum UnsortedListing {
    /// Pages arrive, and are written to sorted runs.
    Collecting { sorter: Sorter, seen: SeenOrder },
    /// The sorted runs are merged.
    Sorting(Merging),
    /// Pages of the sorted listing are read.
    Reading(Reader),
}

/// The orders in which all names have ascended so far.
pub(super) struct SeenOrder {
    /// The name before.
    last: Option<String>,
    /// The orders that no pair of neighbours contradicts.
    orders: Orders,
}

/// A sorted listing, and where its next page begins.
pub(super) struct Reader {
    sorted: Sorted,
    /// The first record of the next page.
    next: Option<Record>,
    /// Where the next page begins.
    from: Bound,
}

/// A page of a sorted listing, and the bounds of its range of names.
pub(super) struct SortedPage {
    pub(super) verdicts: Vec<Verdict>,
    pub(super) from: Bound,
    pub(super) to: Bound,
}

impl SeenOrder {
    /// Rules out the orders in which this name does not come after the name before it.
    fn add(&mut self, name: &str) {
        if let Some(orders) = self.last.as_deref().and_then(|last| Orders::that_have(last, name)) {
            self.orders = self.orders.and(orders);
        }
        // Reuses the buffer: this runs once for each blob.
        let last = self.last.get_or_insert_default();
        last.clear();
        last.push_str(name);
    }

    /// Returns an order that explains the whole listing, if there is one.
    pub(super) fn order(&self) -> Option<NameOrder> {
        Some(self.orders.instead_of(NameOrder::Unsorted))
            .filter(|order| *order != NameOrder::Unsorted)
    }
}

impl UnsortedListing {
    /// Begins an empty listing.
    pub(super) fn new(disk: &mut dyn StateFiles, limits: Limits) -> Result<Self, Error> {
        let sorter = Sorter::new(NameOrder::Unsorted, limits, disk)?;
        Ok(Self::Collecting { sorter, seen: SeenOrder { last: None, orders: Orders::ALL } })
    }

    /// Adds a page of the listing. Does nothing once the listing is being sorted.
    pub(super) fn collect(
        &mut self,
        disk: &mut dyn StateFiles,
        verdicts: Vec<Verdict>,
    ) -> Result<(), Error> {
        let Self::Collecting { sorter, seen } = self else { return Ok(()) };
        for verdict in verdicts {
            // Malformed entries show no order: their names may be wrong.
            let is_blob = !is_malformed(&verdict);
            let name = verdict.name().map(str::to_owned);
            if let Some(name) = name.as_deref().filter(|_| is_blob) {
                seen.add(name);
            }
            let content = spill::write(verdict)?;
            sorter.push(disk, name.as_deref(), &content)?;
        }
        Ok(())
    }

    /// Sorts a bounded part of what was collected. [`is_sorted`](Self::is_sorted) tells the end.
    pub(super) fn sort(self, disk: &mut dyn StateFiles, prefix: &str) -> Result<Self, Error> {
        Ok(match self {
            Self::Collecting { sorter, .. } => Self::Sorting(sorter.finish(disk)?),
            Self::Sorting(mut merging) => match merging.step(disk)? {
                true => Self::Sorting(merging),
                false => {
                    let mut sorted = merging.finish(disk)?;
                    let next = sorted.next(disk)?;
                    Self::Reading(Reader { sorted, next, from: Bound::Before(prefix.to_owned()) })
                }
            },
            reading @ Self::Reading(_) => reading,
        })
    }

    /// Returns whether the pages can be read.
    pub(super) fn is_sorted(&self) -> bool {
        matches!(self, Self::Reading(_))
    }

    /// Returns the next page, or `None` after the last one or before the listing is sorted.
    pub(super) fn next_page(
        &mut self,
        disk: &mut dyn StateFiles,
    ) -> Result<Option<SortedPage>, Error> {
        let Self::Reading(reader) = self else { return Ok(None) };
        let mut verdicts: Vec<Verdict> = Vec::new();
        while let Some(record) = &reader.next {
            let verdict = spill::read(&record.content)?;
            let (is_full, last) = (verdicts.len() >= PAGE, verdicts.last_mut());
            match last.filter(|last| last.name().is_some() && last.name() == verdict.name()) {
                // The service has listed the name twice: the later entry is the present one. A
                // blob wins over an entry that cannot be read.
                Some(last) if is_malformed(last) || !is_malformed(&verdict) => *last = verdict,
                Some(_) => {}
                None if is_full => break,
                None => verdicts.push(verdict),
            }
            reader.next = reader.sorted.next(disk)?;
        }
        if verdicts.is_empty() {
            return Ok(None);
        }
        let last = verdicts.last().and_then(Verdict::name);
        let to = last.map_or_else(|| reader.from.clone(), |last| Bound::After(last.to_owned()));
        let from = std::mem::replace(&mut reader.from, to.clone());
        Ok(Some(SortedPage { verdicts, from, to }))
    }
}

/// Returns whether a verdict is on an entry that cannot be read.
fn is_malformed(verdict: &Verdict) -> bool {
    verdict.rejection().is_some_and(|rejection| rejection.reason == Reason::Malformed)
}
