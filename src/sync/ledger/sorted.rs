//! A listing in no known order: it is sorted on the disk, and then compared like any other.
//!
//! All of it is listed before a sink is given anything. After an interruption it is listed and sorted
//! again, and what was committed is skipped.

use super::Ledger;
use crate::{
    error::Error,
    scan::Bound,
    sink::Change,
    store::{NameOrder, Orders},
    sync::{
        sort::{Merging, Record, Sorted, Sorter},
        spill,
    },
    validate::{Reason, Verdict},
};

/// How many verdicts are compared at a time
const PAGE: usize = 2500;

/// How far the sorting of a listing is
pub(super) enum Sorting {
    Listing { sorter: Sorter, seen: Seen },
    Merging(Merging),
    Reading(Reading),
}

/// The orders in which all names have ascended so far
pub(super) struct Seen {
    last: Option<String>,
    orders: Orders,
}

impl Seen {
    fn see(&mut self, name: &str) {
        if let Some(orders) = self.last.as_deref().and_then(|last| Orders::that_have(last, name)) {
            self.orders = self.orders.and(orders);
        }
        let last = self.last.get_or_insert_default();
        last.clear();
        last.push_str(name);
    }

    /// An order that explains the whole listing
    fn order(&self) -> Option<NameOrder> {
        Some(self.orders.instead_of(NameOrder::Unsorted))
            .filter(|order| *order != NameOrder::Unsorted)
    }
}

/// A sorted listing that is read page by page
pub(super) struct Reading {
    sorted: Sorted,
    /// The first record of the next page
    next: Option<Record>,
    /// Where the next page begins
    from: Bound,
}

impl Ledger {
    /// Puts a page of the listing aside
    pub(in crate::sync) fn collect(&mut self, verdicts: Vec<Verdict>) -> Result<(), Error> {
        let mut sorting = match self.sorting.take() {
            Some(sorting) => sorting,
            None => {
                // All of them come again, also those of before an interruption.
                self.nameless = 0;
                let order = NameOrder::Unsorted;
                let sorter = Sorter::new(order, self.sizes.sort, &mut *self.disk)?;
                Sorting::Listing { sorter, seen: Seen { last: None, orders: Orders::ALL } }
            }
        };
        if let Sorting::Listing { sorter, seen } = &mut sorting {
            for verdict in verdicts {
                let is_blob = !is_malformed(&verdict);
                let name = verdict.name().map(str::to_owned);
                if let Some(name) = name.as_deref().filter(|_| is_blob) {
                    seen.see(name);
                }
                let content = spill::write(verdict)?;
                sorter.push(&mut *self.disk, name.as_deref(), &content)?;
            }
        }
        self.sorting = Some(sorting);
        Ok(())
    }

    /// Sorts a part of what was put aside; returns whether there is more to sort
    pub(in crate::sync) fn sort(&mut self) -> Result<bool, Error> {
        if self.sorting.is_none() {
            self.collect(Vec::new())?;
        }
        let sorting = match self.sorting.take() {
            Some(Sorting::Listing { sorter, seen }) => {
                self.expected = seen.order();
                Sorting::Merging(sorter.finish(&mut *self.disk)?)
            }
            Some(Sorting::Merging(mut merging)) => match merging.step(&mut *self.disk)? {
                true => Sorting::Merging(merging),
                false => {
                    let mut sorted = merging.finish(&mut *self.disk)?;
                    let next = sorted.next(&mut *self.disk)?;
                    let from = Bound::Before(self.header.prefix.clone());
                    Sorting::Reading(Reading { sorted, next, from })
                }
            },
            Some(reading @ Sorting::Reading(_)) => reading,
            None => return Ok(false),
        };
        let has_more = !matches!(sorting, Sorting::Reading(_));
        self.sorting = Some(sorting);
        Ok(has_more)
    }

    /// Takes the next page of the sorted listing, as [`take`](Self::take) does; `None` after the last
    pub(in crate::sync) fn take_sorted(&mut self) -> Result<Option<Vec<Change>>, Error> {
        let Some(Sorting::Reading(reading)) = &mut self.sorting else { return Ok(None) };
        let mut verdicts: Vec<Verdict> = Vec::new();
        while let Some(record) = &reading.next {
            let verdict = spill::read(&record.content)?;
            let (is_full, last) = (verdicts.len() >= PAGE, verdicts.last_mut());
            match last.filter(|last| last.name().is_some() && last.name() == verdict.name()) {
                // The service has listed it twice: what came last is what is there, and a blob is more
                // than an entry that cannot be read.
                Some(last) if is_malformed(last) || !is_malformed(&verdict) => *last = verdict,
                Some(_) => {}
                None if is_full => break,
                None => verdicts.push(verdict),
            }
            reading.next = reading.sorted.next(&mut *self.disk)?;
        }
        if verdicts.is_empty() {
            self.sorting = None;
            return Ok(None);
        }
        let last = verdicts.last().and_then(Verdict::name);
        let to = last.map_or_else(|| reading.from.clone(), |last| Bound::After(last.to_owned()));
        let from = std::mem::replace(&mut reading.from, to.clone());
        // Both are in the same order, so that the page is always taken.
        let step = self.merge.take(verdicts, (&from, &to), NameOrder::Unsorted);
        self.pages += 1;
        self.follow(step.unwrap_or_default()).map(Some)
    }

    /// The order of the rows of the new manifest, and the one to expect of the next listing
    ///
    /// A listing that has ascended after all was only out of order for a while.
    pub(super) fn orders(&self) -> (Option<NameOrder>, Option<NameOrder>) {
        match (self.merge.order(), self.expected) {
            // Rows that are not in the order of the listing are in that of bytes.
            (Some(NameOrder::Unsorted), Some(NameOrder::Bytes)) => (Some(NameOrder::Bytes), None),
            (order, expected) => (order, expected),
        }
    }
}

fn is_malformed(verdict: &Verdict) -> bool {
    verdict.rejection().is_some_and(|rejection| rejection.reason == Reason::Malformed)
}
