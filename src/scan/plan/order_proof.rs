//! Proves that names ascend at all, if few names have come when a range ends.
//!
//! A range ends with the first name after it, which is taken to mean that no other of its names follows.
//! In a listing in no order one may follow, and a few names can ascend by chance. So the pages after
//! the end are listed as well, until enough names have ascended.
//!
//! The pages are not handed out: they belong to later ranges, which list them again. That happens only at
//! the start of a listing, until enough names have ascended.

use std::collections::VecDeque;

use super::{
    cycle::MarkerCycle,
    fault::Fault,
    order_state::OrderState,
    range::{MAX_STRAYS, Range},
    settings::Settings,
};
use crate::store::{ListRequest, Marker, Page};

/// The number of names at the end of a page that are recognized on the next.
const TAIL: usize = 64;

/// A look at the pages after the one on which a range has ended.
#[derive(Debug)]
pub(super) struct OrderProof {
    /// The range that has ended, which waits for the proof with this number.
    range: u32,
    number: u64,
    /// The prefix of the range.
    prefix: String,
    /// Where the next page begins.
    marker: Marker,
    /// The last names listed.
    tail: VecDeque<String>,
    /// The number of names from before the start of the range that came last, and the last of them.
    stray: Option<(usize, String)>,
    markers: MarkerCycle,
}

impl OrderProof {
    /// Returns a proof that continues after a page, or `None` if that page is the last.
    pub(super) fn after(page: &Page) -> Option<Self> {
        let marker = page.next.clone()?;
        let start = page.blobs.len().saturating_sub(TAIL);
        let names = page.blobs.iter().skip(start).map(|blob| blob.name.clone());
        Some(Self {
            range: 0,
            number: 0,
            prefix: String::new(),
            marker,
            tail: names.collect(),
            stray: None,
            markers: MarkerCycle::default(),
        })
    }

    /// Returns the same proof for a range that waits for it under a number.
    pub(super) fn for_range(mut self, range: &Range, number: u64) -> Self {
        // A page may repeat names of several pages before.
        for name in range.last_names() {
            if !self.tail.contains(name) {
                self.tail.push_front(name.clone());
            }
        }
        Self { range: range.id(), number, prefix: range.prefix().to_owned(), ..self }
    }

    /// Returns the ID of the range that waits for this proof.
    pub(super) fn range(&self) -> u32 {
        self.range
    }

    /// Returns the number under which the range waits.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Returns the request for the next page.
    pub(super) fn request(&self, settings: &Settings) -> ListRequest {
        ListRequest { marker: Some(self.marker.clone()), ..settings.request(&self.prefix) }
    }

    /// Takes a page; returns the proof again if more names are needed. `range` is the waiting range, if
    /// it still exists.
    ///
    /// # Errors
    /// [`Fault::Disorder`] if names do not ascend, [`Fault::Error`] if markers repeat.
    pub(super) fn take(
        mut self,
        page: &Page,
        range: Option<&Range>,
        order: &mut OrderState,
    ) -> Result<Option<Self>, Fault> {
        for blob in &page.blobs {
            if self.tail.contains(&blob.name) {
                self.stray = None;
                continue;
            }
            // What a stray was shows only after it, so it does not count until then.
            if self.is_stray(range, &blob.name, order) {
                let count = self.stray.map_or(0, |(count, _)| count);
                self.stray = Some((count + 1, blob.name.clone()));
                continue;
            }
            self.check_stray()?;
            if let Some(last) = self.tail.back()
                && !order.observe(last, &blob.name)
            {
                return Err(Fault::disorder(last, &blob.name));
            }
            order.count_checked(1);
            self.tail.push_back(blob.name.clone());
        }
        self.tail.drain(..self.tail.len().saturating_sub(TAIL));
        match &page.next {
            Some(next) if !order.is_proven() || self.stray.is_some() => {
                self.markers.check(next)?;
                self.marker = next.clone();
                Ok(Some(self))
            }
            _ => self.check_stray().map(|()| None),
        }
    }

    /// Returns whether a name is one of a few from before the range, which a page border may repeat.
    fn is_stray(&self, range: Option<&Range>, name: &str, order: &OrderState) -> bool {
        let count = self.stray.as_ref().map_or(0, |(count, _)| *count);
        count < MAX_STRAYS && range.is_some_and(|range| range.is_stray(name, &order.mode()))
    }

    /// Checks that no name from before the range came late: a repetition continues with names that came
    /// before.
    fn check_stray(&self) -> Result<(), Fault> {
        match (&self.stray, self.tail.back()) {
            (Some((_, stray)), Some(last)) => Err(Fault::disorder(last, stray)),
            _ => Ok(()),
        }
    }
}
