//! The page decoder: a List Blobs answer as it arrives, in one pass, without a document in memory.
//!
//! A scanner that knows the form in which Azure writes does the work. From where a page has another
//! form on, however legal, a general XML reader takes over, and the two read the same. Format:
//! Microsoft Learn, "List Blobs", "Response body".

mod date;
mod element;
mod fast;
mod slow;

use self::fast::{Scanner, Stop};
use super::Page;
use crate::error::Error;

pub(super) fn decode(body: &[u8]) -> Result<Page, Error> {
    let mut decoder = Decoder::default();
    decoder.push(body);
    decoder.finish()
}

/// Takes the body of a page piece by piece, and keeps no more of it than a blob or two
#[derive(Default)]
pub(in crate::store) struct Decoder {
    scanner: Scanner,
    page: Page,
    /// What is not decoded yet
    rest: Vec<u8>,
    /// How long the rest must be before it is looked at again
    enough: usize,
    /// Whether the general reader decodes the rest, once it is whole
    is_odd: bool,
}

impl Decoder {
    /// Takes the next piece
    pub(in crate::store) fn push(&mut self, piece: &[u8]) {
        self.rest.extend_from_slice(piece);
        if self.is_odd || self.rest.len() < self.enough {
            return;
        }
        let (taken, stop) = self.scanner.scan(&self.rest, &mut self.page);
        self.rest.drain(..taken);
        match stop {
            // An element that does not end is looked at again only when there is twice as much.
            Stop::Short => self.enough = if taken == 0 { self.rest.len() * 2 } else { 0 },
            Stop::Odd => {
                self.is_odd = true;
                // Room for the rest begins with the elements that are open.
                self.rest.splice(..0, self.scanner.open().iter().copied());
            }
        }
    }

    /// The page, once the body is whole
    pub(in crate::store) fn finish(mut self) -> Result<Page, Error> {
        if !self.is_odd {
            let (taken, _) = self.scanner.scan(&self.rest, &mut self.page);
            self.rest.drain(..taken);
            if self.scanner.is_done() && self.rest.is_empty() {
                return Ok(self.page);
            }
            self.rest.splice(..0, self.scanner.open().iter().copied());
        }
        let rest = slow::decode(&self.rest)?;
        self.page.blobs.extend(rest.blobs);
        self.page.prefixes.extend(rest.prefixes);
        self.page.malformed.extend(rest.malformed);
        self.page.next = rest.next.or(self.page.next);
        Ok(self.page)
    }
}

#[cfg(test)]
mod tests;
