//! Checks whether a name was missed between two ranges.
//!
//! A range ends with the first name after it, and the next range must begin with that very name. If it
//! begins with another one, either a blob was created or deleted meanwhile, or the listing is in another
//! order. A gap check finds out which, by looking for the first name of the next range in the listing
//! of the range before.
//!
//! 1. The last page of the range is listed again, and the pages after it until the name must have come.
//! 2. If the name is there, and not after the one with which the range has ended, the name was created
//!    meanwhile, or the other one was deleted: nothing is wrong.
//! 3. If it is not there, it is listed by itself, as a prefix. If it does not exist any more, nothing is
//!    wrong either.
//! 4. If it exists, or comes after the end of the range, the listing is not in the assumed order.

use super::{cycle::MarkerCycle, fault::Fault, order_state::OrderState, settings::Settings};
use crate::store::{Blob, ListRequest, Page};

/// A check that the first name of a range follows the range before it in the listing as well.
#[derive(Debug)]
pub(super) struct GapCheck {
    /// The next request.
    request: ListRequest,
    /// The range that has ended, which waits for the check with this number.
    range: u32,
    /// The number that the range knows the check by.
    number: u64,
    /// The first name of the next range.
    name: String,
    /// The name with which the range has ended.
    past: Option<String>,
    /// Whether the listing has reached that name.
    has_past: bool,
    /// Whether the next answer is the page that the range has received last.
    is_first: bool,
    /// Set once the name was not found: the name that the listing has in its place. The check then asks
    /// whether the blob still exists, because it may have been deleted.
    instead: Option<String>,
    markers: MarkerCycle,
}

impl GapCheck {
    /// Returns a check that begins with `request`, the request for the last page of the range.
    pub(super) fn new(
        range: u32,
        number: u64,
        request: ListRequest,
        name: String,
        past: Option<String>,
    ) -> Self {
        Self {
            request,
            range,
            number,
            name,
            past,
            has_past: false,
            is_first: true,
            instead: None,
            markers: MarkerCycle::default(),
        }
    }

    /// Returns the ID of the range that waits for this check.
    pub(super) fn range(&self) -> u32 {
        self.range
    }

    /// Returns the number under which the range waits.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Returns the next request.
    pub(super) fn request(&self) -> ListRequest {
        self.request.clone()
    }

    /// Takes a page; returns the check again if another request is needed.
    ///
    /// # Errors
    /// [`Fault::Disorder`] if the name stands elsewhere in the listing, so that the order is not the
    /// assumed one; [`Fault::Error`] if markers repeat.
    pub(super) fn take(
        mut self,
        page: &Page,
        order: &OrderState,
        settings: &Settings,
    ) -> Result<Option<Self>, Fault> {
        let position = |name: &String| page.blobs.iter().position(|blob| blob.name == *name);
        let at = position(&self.name);
        let past = self.past.as_ref().and_then(position);
        if let (Some(at), Some(name), None) = (at, &self.past, &self.instead)
            && (self.has_past || past.is_some_and(|past| past < at))
        {
            // The name follows one that lies after the range: the range has ended too early.
            return Err(Fault::disorder(name, &self.name));
        }
        self.has_past |= past.is_some();
        let is_after = |blob: &Blob| order.is_surely_before(&self.name, &blob.name);
        // The name would have come by now, whichever of the possible orders is the true one.
        let is_beyond = page.blobs.last().is_some_and(is_after);
        // A name that was created between the page before and the page of this marker is on neither.
        let begins_after = self.is_first
            && self.request.marker.is_some()
            && page.blobs.first().is_some_and(is_after);
        // An empty page does not show where it begins.
        self.is_first &= page.blobs.is_empty();
        match (at.is_some(), &self.instead) {
            // The blob exists, and the listing does not have it at its place.
            (true, Some(instead)) => Err(Fault::disorder(instead, &self.name)),
            // The blob is at its place; it was created after the page was received.
            (true, None) => Ok(None),
            (false, None) if begins_after => Ok(None),
            // A page may be short or empty, and other names may have come before this one.
            _ if !is_beyond && page.next.is_some() => {
                page.next.as_ref().map_or(Ok(()), |next| self.markers.check(next))?;
                // A marker already says where to continue.
                self.request.start_from = None;
                self.request.marker.clone_from(&page.next);
                Ok(Some(self))
            }
            // The blob was deleted after the next range had received it.
            (false, Some(_)) => Ok(None),
            (false, None) => {
                // Listed as a prefix, the name comes first in every order.
                self.request = settings.request(&self.name);
                self.markers = MarkerCycle::default();
                let last = page.blobs.last().map(|blob| blob.name.clone());
                self.instead = Some(last.unwrap_or_default());
                Ok(Some(self))
            }
        }
    }
}
