//! Takes a page in a known order: drops what came before, cuts the page to the bounds of the range, and
//! states for which names the page is complete.

use super::{ListingMode, Next, Range, overlap::is_same};
use crate::{
    scan::{
        interval::{Bound, NameRange},
        plan::{
            batch::{Batch, Coverage},
            fault::Fault,
        },
    },
    store::{Blob, Malformed, Marker, Page},
};

/// The part of a page that belongs to a range, as positions among its blobs.
struct PagePart {
    start: usize,
    end: usize,
    /// Whether the page is the first one of a range that begins at a split.
    is_at_split: bool,
    /// Whether the page has a blob after the range.
    is_past: bool,
}

impl Range {
    /// Takes the answer to the last request and returns the part of it that belongs to the range.
    ///
    /// `has_repeats` says that the page has some entries twice.
    ///
    /// # Errors
    /// [`Fault::Error`] if the marker of the page has come before.
    pub(in crate::scan::plan) fn take(
        &mut self,
        mut page: Page,
        has_repeats: bool,
        mode: &ListingMode,
    ) -> Result<Batch, Fault> {
        self.is_busy = false;
        // Repetitions go first: otherwise they would count as names that came before the start.
        let skip = self.skip_known(&page.blobs, mode);
        self.drop_copies(&mut page.blobs, skip);
        page.blobs.drain(..skip);
        // A plain loop hands out everything: it has one range without bounds, and relies on no order.
        if mode.is_strict {
            shift_entries(&mut page.malformed, skip);
            if has_repeats {
                page.blobs.dedup_by(|b, a| is_same(a, b));
            }
            self.cut_to_bounds(&mut page, mode);
        }
        if page.blobs.len() < page.blobs.capacity() / 2 {
            // The rest of a page must not keep the memory of all of it.
            page.blobs.shrink_to_fit();
        }
        let from = self.covered_from(&page.blobs, mode);
        if let (None, Some(blob)) = (&self.first, page.blobs.first()) {
            self.first = Some(blob.name.clone());
        }
        self.has_recent = !page.blobs.is_empty();
        self.note_received(&page.blobs);
        self.continue_at(page.next)?;
        let to = self.covered_to(&from, mode);
        let coverage = Coverage::new(&self.root, NameRange::new(from, to), mode.order);
        Ok(Batch::new(page.blobs, page.malformed, 1, coverage))
    }

    /// Returns how many blobs at the start of a page are known, and remembers strays among them.
    ///
    /// They are names that are listed again because the range was reopened, and names that a page border
    /// repeats.
    fn skip_known(&mut self, blobs: &[Blob], mode: &ListingMode) -> usize {
        let mut skip = 0;
        if self.is_relisting
            && let Some(last) = &self.last
        {
            // The last name itself is not skipped, because there may be copies that did not come yet.
            skip = blobs.partition_point(|blob| mode.order.compare(&blob.name, last).is_lt());
            self.is_relisting = skip == blobs.len();
        }
        let repeated = self.repeated(blobs.get(skip..).unwrap_or_default(), mode);
        self.overlap.set_strays(repeated.strays, blobs.last());
        skip + repeated.count
    }

    /// Drops the names of a page that lie outside the bounds.
    ///
    /// Names ascend here, so both bounds are found by binary search. Names with other prefixes come
    /// before or after all names of the range, because orders keep a prefix together.
    fn cut_to_bounds(&mut self, page: &mut Page, mode: &ListingMode) {
        let order = mode.order;
        let lower = self.lower(order);
        let start = page.blobs.partition_point(|blob| {
            !lower.is_before(&blob.name, order)
                || !blob.name.starts_with(&self.prefix)
                    && order.compare(&blob.name, &self.prefix).is_lt()
        });
        let rest = page.blobs.get(start..).unwrap_or_default();
        let upper = self.upper();
        let end = start
            + rest.partition_point(|blob| {
                !upper.is_before(&blob.name, order) && blob.name.starts_with(&self.prefix)
            });
        // Names before the start are remembered, because the next page may repeat them.
        let is_first = self.requested_first();
        self.overlap.skip(page.blobs.get(..start).unwrap_or_default(), is_first);
        self.past = page.blobs.get(end).map(|blob| blob.name.clone());
        let is_past = self.past.is_some();
        let part = PagePart { start, end, is_at_split: self.is_split && is_first, is_past };
        page.malformed.retain(|entry| self.has_entry(entry, &part, mode));
        page.blobs.truncate(end);
        page.blobs.drain(..start);
    }

    /// Returns whether an unreadable entry belongs to the range, by its name or by its position.
    ///
    /// Each entry belongs to exactly one range, so that it is reported once.
    fn has_entry(&self, entry: &Malformed, part: &PagePart, mode: &ListingMode) -> bool {
        match &entry.name {
            Some(name) => name.starts_with(&self.prefix) && self.has(name, mode.order),
            // An entry exactly between two ranges belongs to the first of them.
            None => {
                (entry.at > part.start || (entry.at == part.start && !part.is_at_split))
                    && (entry.at <= part.end || !part.is_past)
            }
        }
    }

    /// Returns the bound after a name, or before it if more entries of that name may come.
    fn bound_after(name: &str, mode: &ListingMode) -> Bound {
        match mode.has_copies {
            true => Bound::Before(name.to_owned()),
            false => Bound::After(name.to_owned()),
        }
    }

    /// Returns the bound from which a page is complete.
    ///
    /// Must be called before the blobs of the page are recorded.
    fn covered_from(&self, blobs: &[Blob], mode: &ListingMode) -> Bound {
        match (&self.last, &self.first, blobs.first()) {
            (Some(last), ..) => Self::bound_after(last, mode),
            // The range before this one must prove that nothing lies before the first name.
            (None, None, Some(blob)) if self.is_split => Bound::Before(blob.name.clone()),
            _ => match self.lower(mode.order) {
                Bound::Before(name) => Bound::Before(name.to_owned()),
                Bound::After(name) => Bound::After(name.to_owned()),
                Bound::End => Bound::End,
            },
        }
    }

    /// Returns the bound up to which the last page is complete.
    ///
    /// Must be called after the blobs of the page are recorded. A range that has ended covers the names
    /// up to the first one after it, because the next range begins with that name.
    fn covered_to(&self, from: &Bound, mode: &ListingMode) -> Bound {
        match (&self.next, &self.past, &self.last) {
            // INVARIANT: an empty range proves nothing, so the range before it must cover its names.
            (Next::Ended, ..) if self.is_empty_range() => from.clone(),
            (Next::Ended, Some(past), _) => Bound::Before(past.clone()),
            (Next::Ended, None, _) if self.prefix == self.root => Bound::End,
            (Next::Ended, None, _) => self.end.clone().map_or(Bound::End, Bound::Before),
            (_, _, Some(last)) => Self::bound_after(last, mode),
            (_, _, None) => from.clone(),
        }
    }

    /// Records the new blobs of a page.
    ///
    /// Must be called once for each page, with blobs that no earlier page has had.
    pub(super) fn note_received(&mut self, blobs: &[Blob]) {
        self.density.names += blobs.len() as u64;
        let Some(blob) = blobs.last() else { return };
        let folder = folder_of(&blob.name);
        let is_here = |blob: &Blob| folder_of(&blob.name) == folder;
        let continues = self.last.as_deref().is_some_and(|last| folder_of(last) == folder);
        let here = blobs.len() - blobs.partition_point(|blob| !is_here(blob));
        let earlier = if continues { self.density.in_folder } else { 0 };
        // If the whole page is in one folder that the page before has ended in, the count continues.
        self.density.in_folder = here as u64 + earlier;
        self.density.recent = blobs.len() as u64;
        self.density.before_recent = self.last.replace(blob.name.clone());
        self.overlap.keep_tail(blobs);
    }

    /// Continues at the marker of a page, or ends the range.
    ///
    /// # Errors
    /// [`Fault::Error`] if the marker has come before.
    pub(super) fn continue_at(&mut self, next: Option<Marker>) -> Result<(), Fault> {
        self.next = match next {
            // A name after the range was received, so the pages to come belong to later ranges.
            Some(_) if self.past.is_some() => Next::Ended,
            Some(marker) => {
                self.markers.check(&marker)?;
                Next::After(marker)
            }
            None => Next::Ended,
        };
        Ok(())
    }
}

/// Moves unreadable entries to their positions after the first `skip` blobs are dropped; drops those
/// that were before.
fn shift_entries(malformed: &mut Vec<Malformed>, skip: usize) {
    malformed.retain_mut(|entry| match entry.at.checked_sub(skip) {
        Some(at) => {
            entry.at = at;
            true
        }
        None => false,
    });
}

/// Returns a name up to its last slash.
fn folder_of(name: &str) -> &str {
    name.rsplit_once('/').map_or("", |(folder, _)| folder)
}
