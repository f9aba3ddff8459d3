//! The page decoder: a List Blobs answer as it arrives, in one pass, without a document in memory.
//!
//! A scanner that knows the form in which Azure writes does the work. From where a page has another
//! form on, however legal, a general XML reader takes over, and the two read the same. Format:
//! Microsoft Learn, "List Blobs", "Response body".

mod date;
mod element;
mod fast;
mod field;
mod slow;
mod template;

use self::fast::{Scanner, Stop};
use super::{NameOrder, Page};
use crate::error::Error;

pub(super) fn decode(body: &[u8]) -> Result<Page, Error> {
    let mut decoder = Decoder::default();
    decoder.push(body);
    decoder.finish()
}

/// States the order of accounts without a hierarchical namespace, unless a blob shows that there is
/// one; a page without blobs shows nothing
fn ordered(mut page: Page) -> Page {
    if page.order == NameOrder::default() && !page.blobs.is_empty() {
        page.order = NameOrder::Utf16;
    }
    page
}

/// How much of a piece is put behind the rest of the one before at first: more than a blob has
const STEP: usize = 1 << 10;

/// Takes the body of a page piece by piece, and keeps no more of it than a blob or two
///
/// But for a page in another form than Azure's, which is kept from there on: the caller bounds it.
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
    /// Whether there is too much of it
    is_full: bool,
}

impl Decoder {
    /// Takes the next piece
    pub(in crate::store) fn push(&mut self, piece: &[u8]) {
        if self.is_full {
            return;
        }
        let mut piece = piece;
        // The rest is completed with the start of this piece, until the piece itself can be read on.
        while !self.is_odd && !self.rest.is_empty() && !piece.is_empty() {
            let before = self.rest.len();
            let lacks = self.enough.saturating_sub(before).max(STEP).min(piece.len());
            let (head, behind) = piece.split_at_checked(lacks).unwrap_or_default();
            self.rest.extend_from_slice(head);
            if self.rest.len() < self.enough {
                return;
            }
            let (taken, stop) = self.scanner.scan(&self.rest, &mut self.page);
            if let Some(taken) = taken.checked_sub(before) {
                piece = piece.get(taken..).unwrap_or_default();
                self.rest.clear();
            } else {
                piece = behind;
                self.rest.drain(..taken);
            }
            self.stopped(stop, taken, self.rest.len());
        }
        if !self.is_odd && !piece.is_empty() {
            let (taken, stop) = self.scanner.scan(piece, &mut self.page);
            piece = piece.get(taken..).unwrap_or_default();
            self.stopped(stop, taken, piece.len());
        }
        self.rest.extend_from_slice(piece);
    }

    /// Takes note of why the scanner stopped, and before how much
    fn stopped(&mut self, stop: Stop, taken: usize, left: usize) {
        match stop {
            // An element that does not end is looked at again only when there is twice as much.
            Stop::Short => self.enough = if taken == 0 { left * 2 } else { 0 },
            Stop::Full => self.is_full = true,
            Stop::Odd => {
                self.is_odd = true;
                // Room for the rest begins with the elements that are open.
                self.rest.splice(..0, self.scanner.open().iter().copied());
            }
        }
    }

    /// The page, once the body is whole
    pub(in crate::store) fn finish(self) -> Result<Page, Error> {
        self.whole().map(ordered)
    }

    fn whole(mut self) -> Result<Page, Error> {
        if !self.is_odd && !self.is_full {
            let (taken, stop) = self.scanner.scan(&self.rest, &mut self.page);
            self.rest.drain(..taken);
            self.is_full = stop == Stop::Full;
        }
        if self.is_full {
            return Err(slow::too_many());
        }
        if !self.is_odd {
            if self.scanner.is_done() && self.rest.is_empty() {
                return Ok(self.page);
            }
            self.rest.splice(..0, self.scanner.open().iter().copied());
        }
        let mut rest = slow::decode(&self.rest)?;
        rest.malformed.iter_mut().for_each(|entry| entry.at += self.page.blobs.len());
        if rest.order == NameOrder::Segments {
            self.page.order = NameOrder::Segments;
        }
        self.page.blobs.extend(rest.blobs);
        self.page.prefixes.extend(rest.prefixes);
        self.page.malformed.extend(rest.malformed);
        self.page.next = rest.next.or(self.page.next);
        if self.page.is_over() {
            return Err(slow::too_many());
        }
        Ok(self.page)
    }
}

#[cfg(test)]
mod tests;
