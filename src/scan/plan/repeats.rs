//! What the start of a page has in common with the page before it, and whether its names ascend.

use super::{
    Next, Range,
    range::{Fault, is_same},
};
use crate::store::{Blob, NameOrder, Orders};

/// What is known of the blobs at the start of a page
pub(super) struct Repeated {
    /// How many came before
    pub(super) count: usize,
    /// How many names from before the start of the range come last, if nothing else is on the page
    pub(super) strays: usize,
    /// Whether such names of the page before came late, since the page does not go on with what came
    /// before
    is_late: bool,
}

impl Range {
    /// Which blobs at the start of a page came before
    ///
    /// Services repeat some at a page border now and then (Hadoop's HADOOP-19543 tells of it). Such a
    /// repetition can reach back before the start of the range, but only over so many names, and it
    /// goes on with names of the range. Other names from before the start come late.
    pub(super) fn repeated(
        &self,
        blobs: &[Blob],
        order: NameOrder,
        orders: Orders,
        most: usize,
    ) -> Repeated {
        let has_begun = self.last.is_some() || !self.skipped.is_empty();
        let (mut strays, mut count) = (self.stray.as_ref().map_or(0, |(count, _)| *count), 0);
        for (at, blob) in blobs.iter().enumerate() {
            if self.tail.iter().any(|known| is_same(known, blob))
                || self.skipped.contains(&blob.name)
            {
                (strays, count) = (0, at + 1);
            } else if has_begun && strays < most && self.is_stray(&blob.name, order, orders) {
                strays += 1;
            } else {
                return Repeated { count, strays: 0, is_late: count == 0 && self.stray.is_some() };
            }
        }
        if self.last.is_none() && strays > 0 {
            // The listing has not come to the start of the range: these names go on, or come again.
            let edge = self.skipped.last().zip(blobs.first());
            let is_again =
                edge.is_some_and(|(edge, first)| order.compare(&first.name, edge).is_lt());
            let count = if is_again { blobs.len() } else { count };
            return Repeated { count, strays: 0, is_late: false };
        }
        Repeated { count: blobs.len(), strays, is_late: false }
    }

    /// The names that may come again on the next page, the last one first
    pub(super) fn last_names(&self) -> impl Iterator<Item = &String> {
        self.tail.iter().map(|blob| &blob.name).rev().chain(self.skipped.iter().rev())
    }

    /// Whether a name is before the start in every order that is possible
    pub(super) fn is_stray(&self, name: &str, order: NameOrder, orders: Orders) -> bool {
        let have = Orders::that_have(name, self.begin(order)).unwrap_or(Orders::NONE);
        have.and(orders) == orders
    }

    /// Drops copies of the last name that came before, though new ones stand before them
    pub(super) fn drop_copies(&self, blobs: &mut Vec<Blob>, from: usize) {
        let Some(last) = &self.last else { return };
        let is_known = |blob: &Blob| self.tail.iter().any(|known| is_same(known, blob));
        let mut at = from;
        while let Some(blob) = blobs.get(at).filter(|blob| blob.name == *last) {
            match is_known(blob) {
                true => drop(blobs.remove(at)),
                false => at += 1,
            }
        }
    }

    /// Checks that the names of a page ascend, behind those of the page before; returns whether some
    /// entries come twice
    ///
    /// Leaves in `orders` those that have all these names ascend.
    ///
    /// # Errors
    /// [`Fault::Disorder`] if they do not ascend in this order.
    pub(super) fn check_order(
        &self,
        blobs: &[Blob],
        is_last: bool,
        order: NameOrder,
        orders: &mut Orders,
        strays: usize,
    ) -> Result<bool, Fault> {
        // Names before the start of the range must ascend, too: one that comes late may be one that an
        // earlier scan has taken for listed.
        let edge = self.skipped.last().map(String::as_str);
        let edge = edge.filter(|_| self.asked != Next::First);
        // A page that is listed again begins before the last name.
        let last = self.last.as_deref().or(edge).filter(|_| !self.resumes);
        let mut skip = 0;
        if let Some(last) = last {
            let repeated = self.repeated(blobs, order, *orders, strays);
            if repeated.is_late || is_last && repeated.strays > 0 {
                let here = blobs.last().filter(|_| !repeated.is_late).map(|blob| &blob.name);
                let stray = here.or(self.stray.as_ref().map(|(_, name)| name));
                let second = stray.cloned().unwrap_or_default();
                return Err(Fault::Disorder { first: last.to_owned(), second });
            }
            skip = repeated.count;
        }
        let blobs = blobs.get(skip..).unwrap_or_default();
        let (mut page, mut repeats) = (Orders::ALL, false);
        if let (Some(last), Some(first)) = (last, blobs.first()) {
            page = Orders::that_have(last, &first.name).unwrap_or(page);
        }
        for (a, b) in blobs.iter().zip(blobs.iter().skip(1)) {
            match Orders::that_have(&a.name, &b.name) {
                Some(have) => page = page.and(have),
                None => repeats |= is_same(a, b),
            }
        }
        *orders = orders.and(page);
        if page.has(order) {
            return Ok(repeats);
        }
        let names = last.into_iter().chain(blobs.iter().map(|blob| blob.name.as_str()));
        let descends = |(a, b): &(&str, &str)| order.compare(a, b).is_gt();
        let pair = names.clone().zip(names.skip(1)).find(descends);
        let (a, b) = pair.unwrap_or_default();
        Err(Fault::Disorder { first: a.to_owned(), second: b.to_owned() })
    }
}
