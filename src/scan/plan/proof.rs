//! Whether names ascend at all: looked at behind the end of a range, if few names have come so far.
//!
//! A range ends with the first name behind it, which says that no other of its names follows. In a
//! listing in no order one may follow, and a few names can ascend by chance.

use std::collections::VecDeque;

use super::{
    PendingRequest, Planner, Range,
    cycle::{MarkerCycle, repeated_marker},
    range::{Fault, STRAYS},
};
use crate::store::{ListRequest, Marker, Orders, Page};

/// How many names at the end of a page may come again on the next
const TAIL: usize = 64;

/// A look at what follows the page on which a range has ended
#[derive(Debug)]
pub(super) struct Proof {
    range: u32,
    number: u64,
    prefix: String,
    marker: Marker,
    /// The last names listed
    tail: VecDeque<String>,
    /// How many names from before the start of the range were the last to come, and the last one
    stray: Option<(usize, String)>,
    seen: MarkerCycle,
}

impl Proof {
    /// A look behind a page; `None` if it is the last
    pub(super) fn of(page: &Page) -> Option<Self> {
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
            seen: MarkerCycle::default(),
        })
    }

    /// The same for a range that waits for it
    pub(super) fn of_range(mut self, range: &Range, number: u64) -> Self {
        for name in range.last_names() {
            if !self.tail.contains(name) {
                self.tail.push_front(name.clone());
            }
        }
        Self { range: range.id, number, prefix: range.prefix.clone(), ..self }
    }

    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Checks that no name from before the range came late: a repetition goes on with names that came
    /// before
    fn check_stray(&self) -> Result<(), Fault> {
        match (&self.stray, self.tail.back()) {
            (Some((_, stray)), Some(last)) => {
                Err(Fault::Disorder { first: last.clone(), second: stray.clone() })
            }
            _ => Ok(()),
        }
    }

    pub(super) fn request(&self, plain: ListRequest) -> ListRequest {
        ListRequest { marker: Some(self.marker.clone()), ..plain }
    }
}

impl Planner {
    /// Whether a name is one of few from before the range, which may have come again at a page border
    fn is_stray(&self, proof: &Proof, name: &str) -> bool {
        let range = self.ranges.iter().find(|range| range.id == proof.range);
        let count = proof.stray.as_ref().map_or(0, |(count, _)| *count);
        let is_stray = |range: &Range| range.is_stray(name, self.order, self.orders);
        count < STRAYS && range.is_some_and(is_stray)
    }

    /// What the next page says of the order
    pub(super) fn take_proof(&mut self, mut proof: Proof, page: &Page) -> Result<(), Fault> {
        for blob in &page.blobs {
            if proof.tail.contains(&blob.name) {
                proof.stray = None;
                continue;
            }
            if self.is_stray(&proof, &blob.name) {
                let count = proof.stray.map_or(0, |(count, _)| count);
                proof.stray = Some((count + 1, blob.name.clone()));
                continue;
            }
            proof.check_stray()?;
            if let Some(last) = proof.tail.back() {
                let have = Orders::that_have(last, &blob.name).unwrap_or(Orders::ALL);
                self.orders = self.orders.and(have);
                if !self.orders.has(self.order) {
                    return Err(Fault::Disorder { first: last.clone(), second: blob.name.clone() });
                }
            }
            self.checked += 1;
            proof.tail.push_back(blob.name.clone());
        }
        proof.tail.drain(..proof.tail.len().saturating_sub(TAIL));
        match &page.next {
            Some(next) if !self.is_proven() || proof.stray.is_some() => {
                if proof.seen.before(next) {
                    return Err(Fault::Error(repeated_marker()));
                }
                proof.marker = next.clone();
                self.pending.push_front(PendingRequest::Proof(proof));
            }
            _ => {
                proof.check_stray()?;
                let waits = |range: &&mut Range| {
                    range.id == proof.range && range.checking == Some(proof.number)
                };
                let range = self.ranges.iter_mut().find(waits);
                range.into_iter().for_each(|range| range.checking = None);
            }
        }
        Ok(())
    }
}
