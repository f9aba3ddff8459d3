//! Takes pages in no known order: one page after the other, from the start of the prefix.
//!
//! Positions in such a listing are names that the service has listed, wherever it lists them. What the
//! listing has up to such a name is finished; the bounds of the shard select names byte by byte.
//!
//! The listing itself is assumed to be the same each time. That is checked as far as possible: a scan
//! that resumes after a name fails if the listing does not have that name any more.

use super::{ListingMode, Next, Range, unsorted_state::Awaited};
use crate::{
    error::{Error, ErrorKind},
    scan::{
        Shard,
        interval::{Bound, NameRange},
        plan::{
            batch::{Batch, Coverage},
            cycle::MarkerCycle,
            fault::Fault,
        },
    },
    store::{Blob, NameOrder, Orders, Page},
};

impl Range {
    /// Returns the name after which the listing continues.
    pub(in crate::scan::plan) fn unsorted_position(&self) -> Option<&str> {
        self.unsorted.position.as_deref()
    }

    /// Makes the range list all of a shard in the order of the service, after the last page or from the
    /// start.
    ///
    /// If the shard remains from an ordered scan, its bounds are positions in the listing. Otherwise
    /// they select names.
    pub(in crate::scan::plan) fn list_unsorted(&mut self, shard: &Shard, has_copies: bool) {
        if self.overlap.take_strays() {
            // The page before had names that came late.
            self.next = Next::First;
            self.await_last();
            self.markers = MarkerCycle::default();
        } else if self.has_ended() || self.is_relisting {
            // Names that were left to later ranges belong to this range now.
            self.next = self.requested.clone();
            if self.has_recent {
                self.await_last();
            }
        }
        self.unsorted.position = match &self.last {
            None => self.await_start_of(shard),
            // More entries of the last name may follow, so the position is before it.
            Some(last) if has_copies => {
                let mut names = self.overlap.tail().iter().rev().map(|blob| &blob.name);
                names.find(|name| *name != last).cloned()
            }
            Some(last) => Some(last.clone()),
        };
        self.unsorted.until.clone_from(&shard.until);
        (self.start, self.end) = (shard.start.clone().unwrap_or_default(), shard.end.clone());
        if shard.is_from_ordered_scan() {
            self.unsorted.until = self.end.take();
            self.start.clear();
        }
        (self.after, self.past) = (None, None);
        (self.is_busy, self.is_joined) = (false, false);
        (self.is_split, self.is_relisting) = (false, false);
    }

    /// Awaits the last name received, since its page is listed again.
    fn await_last(&mut self) {
        self.unsorted.awaited = self.last.clone().map(Awaited::after);
        self.overlap.forget_tail();
    }

    /// Awaits the position at which a shard begins; returns the name after which that is.
    fn await_start_of(&mut self, shard: &Shard) -> Option<String> {
        let order = shard.order.unwrap_or(NameOrder::Unsorted);
        if let Some(start) = shard.start.as_ref().filter(|_| shard.is_from_ordered_scan())
            && shard.after.as_ref().is_none_or(|after| order.compare(after, start).is_lt())
        {
            let start = Awaited { is_included: true, ..Awaited::after(start.clone()) };
            self.unsorted.awaited = Some(start);
            return None;
        }
        self.unsorted.awaited = shard.after.clone().map(Awaited::after);
        shard.after.clone()
    }

    /// Takes the answer to the last request and returns what belongs to the shard and was not handed out
    /// before. `was_handed_out` is called in the order of the listing.
    ///
    /// # Errors
    /// [`Fault::Error`] if the name to resume after is gone, if the marker has come before, or if the
    /// listing contradicts what was handed out.
    pub(in crate::scan::plan) fn take_unsorted(
        &mut self,
        mut page: Page,
        mode: &ListingMode,
        mut was_handed_out: impl FnMut(&Blob) -> Result<bool, Fault>,
    ) -> Result<Batch, Fault> {
        let (order, has_copies) = (NameOrder::Unsorted, mode.has_copies);
        // Without an order no name can be a stray.
        let mode = ListingMode { order, possible: Orders::ALL, max_strays: 0, ..*mode };
        self.is_busy = false;
        let skip = self.repeated(&page.blobs, &mode).count;
        page.blobs.drain(..skip);
        page.malformed.retain(|entry| entry.at >= skip && self.unsorted.awaited.is_none());
        // Recorded before the entries are filtered: repetitions concern the listing, not the shard.
        let before = self.last.clone();
        self.note_received(&page.blobs);
        let mut blobs = Vec::with_capacity(page.blobs.len());
        let last = page.blobs.last().map(|blob| blob.name.clone());
        // The position is the last name that is finished for sure.
        // If a name can have copies, more entries of the last name may follow on the next page.
        let mut position = before.filter(|before| has_copies && Some(before) != last.as_ref());
        for blob in page.blobs {
            if self.unsorted.is_finished(&blob.name) {
                continue;
            }
            if self.unsorted.until.as_ref() == Some(&blob.name) {
                // The shard ends here, whatever the listing has after it.
                page.next = None;
                break;
            }
            if !has_copies || Some(&blob.name) != last.as_ref() {
                position.get_or_insert_default().clone_from(&blob.name);
            }
            if self.has(&blob.name, order)
                && blob.name.starts_with(&self.prefix)
                && !was_handed_out(&blob)?
            {
                blobs.push(blob);
            }
        }
        // While a name is awaited, everything listed was finished by an earlier scan.
        if self.unsorted.awaited.is_none() && position.is_some() {
            self.unsorted.position = position;
        }
        self.continue_at(page.next)?;
        if let (Next::Ended, Some(Awaited { name, is_found: false, .. })) =
            (&self.next, &self.unsorted.awaited)
        {
            return Err(resume_name_gone(name));
        }
        let to = match (&self.next, &self.unsorted.position) {
            (Next::Ended, _) => Bound::End,
            (_, Some(position)) => Bound::After(position.clone()),
            (_, None) => Bound::Before(String::new()),
        };
        let names = NameRange::new(Bound::Before(String::new()), to);
        Ok(Batch::new(blobs, page.malformed, 1, Coverage::new(&self.root, names, order)))
    }
}

/// The listing has ended without the name to resume after, so nobody knows what was finished.
#[cold]
fn resume_name_gone(name: &str) -> Fault {
    Fault::Error(Error::new(
        ErrorKind::OutOfOrder,
        format!(
            "the service lists names in no known order, and `{}`, after which the scan should resume, no longer exists; scan again from the start",
            name.escape_debug()
        ),
    ))
}
