//! The memory of the last page of a range, to recognize entries that the next page repeats.
//!
//! Repetitions are recognized by the entry, not by the order of names, so they are found in a listing in
//! no known order as well.

use crate::store::Blob;

/// The number of blobs at the end of a page that are recognized on the next.
const TAIL: usize = 64;

/// The end of what a range has received, to recognize repetitions.
#[derive(Debug, Default)]
pub(super) struct Overlap {
    /// The last blobs received.
    tail: Vec<Blob>,
    /// The last names that came before the start of the range.
    skipped: Vec<String>,
    /// The number of names from before the start of the range that came last, and the last of them.
    stray: Option<(usize, String)>,
}

impl Overlap {
    /// Returns the last blobs received, in the order of the listing.
    pub(super) fn tail(&self) -> &[Blob] {
        &self.tail
    }

    /// Returns the last names that came before the start of the range.
    pub(super) fn skipped(&self) -> &[String] {
        &self.skipped
    }

    /// Returns how many names from before the start of the range came last, and the last of them.
    pub(super) fn strays(&self) -> Option<&(usize, String)> {
        self.stray.as_ref()
    }

    /// Returns whether a blob was one of the last received.
    pub(super) fn is_known(&self, blob: &Blob) -> bool {
        self.tail.iter().any(|known| is_same(known, blob))
    }

    /// Forgets the last blobs, because they will be listed again.
    pub(super) fn forget_tail(&mut self) {
        self.tail.clear();
    }

    /// Records how many names from before the start came last, and the last blob of their page.
    ///
    /// A page without blobs changes nothing, because the names may continue on the page after it.
    pub(super) fn set_strays(&mut self, strays: usize, last: Option<&Blob>) {
        self.stray = match (strays, last) {
            (0, _) => None,
            (strays, Some(last)) => Some((strays, last.name.clone())),
            // An empty page decides nothing.
            (_, None) => self.stray.take(),
        };
    }

    /// Forgets strays; returns whether there were any.
    pub(super) fn take_strays(&mut self) -> bool {
        self.stray.take().is_some()
    }

    /// Records blobs at the start of a page that come before the start of the range.
    ///
    /// The first page of a range may begin with many of them, if the store cannot start from a name.
    pub(super) fn skip(&mut self, blobs: &[Blob], is_first: bool) {
        if is_first {
            self.skipped.clear();
        }
        let names = blobs.iter().map(|blob| blob.name.clone());
        self.skipped.extend(names.skip(blobs.len().saturating_sub(TAIL)));
        self.skipped.drain(..self.skipped.len().saturating_sub(TAIL));
    }

    /// Remembers blobs that may come again on the next page.
    pub(super) fn keep_tail(&mut self, blobs: &[Blob]) {
        let start = blobs.len().saturating_sub(TAIL);
        self.tail.extend_from_slice(blobs.get(start..).unwrap_or_default());
        self.tail.drain(..self.tail.len().saturating_sub(TAIL));
    }
}

/// Returns whether two entries are the same blob, snapshot or version.
pub(in crate::scan::plan) fn is_same(a: &Blob, b: &Blob) -> bool {
    a.name == b.name && a.snapshot == b.snapshot && a.version_id == b.version_id
}
