//! The page decoder: a List Blobs answer as it arrives, in one pass, without a document in memory.
//!
//! A scanner that knows the form in which Azure writes does the work. From where a page has another
//! form on, however legal, a general XML reader takes over, and the two read the same. Format:
//! Microsoft Learn, "List Blobs", "Response body".

mod date;
mod discard;
mod element;
mod fast;
mod field;
mod limits;
mod slow;
mod template;

use self::{
    discard::Discard,
    fast::{Scanner, Stop},
    limits::{Excess, LARGE_ENTRY, MOST_ENTRY, MOST_ODD},
    slow::Reading,
};
use super::{Malformed, NameOrder, Page};
use crate::error::Error;

pub(super) fn decode(body: &[u8]) -> Result<Page, Error> {
    let mut decoder = Decoder::new(true);
    decoder.push(body);
    decoder.finish()
}

/// How many bytes the general reader reads before other tasks may run
const PART: usize = 64 << 10;

/// How much of a piece is put behind the rest of the one before at first: more than a blob has
const STEP: usize = 1 << 10;

/// Takes the body of a page piece by piece, and keeps no more of it than an entry or two
///
/// A page in another form than Azure's is kept from there on, up to 16 MiB.
pub(in crate::store) struct Decoder {
    scanner: Scanner,
    page: Page,
    /// Whether metadata is kept, which a listing has only if it was requested
    keeps_metadata: bool,
    /// What is not decoded yet
    rest: Vec<u8>,
    /// How long the rest must be before it is looked at again
    enough: usize,
    /// Whether the general reader decodes the rest, once it is whole
    is_odd: bool,
    /// The entry that is left out because it is too large
    discard: Option<Discard>,
    /// Which limit the page is beyond
    excess: Option<Excess>,
}

impl Decoder {
    /// Begins a page; metadata that was not requested is skipped
    pub(in crate::store) fn new(keeps_metadata: bool) -> Self {
        Self {
            scanner: Scanner::new(keeps_metadata),
            page: Page::default(),
            keeps_metadata,
            rest: Vec::new(),
            enough: 0,
            is_odd: false,
            discard: None,
            excess: None,
        }
    }

    /// Takes the next piece
    pub(in crate::store) fn push(&mut self, piece: &[u8]) {
        if self.excess.is_some() {
            return;
        }
        let Some(mut piece) = self.discarded(piece) else { return };
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
            if self.has_large_entry() {
                self.begin_discard();
                return self.push(piece);
            }
        }
        if !self.is_odd && !piece.is_empty() {
            let (taken, stop) = self.scanner.scan(piece, &mut self.page);
            piece = piece.get(taken..).unwrap_or_default();
            self.stopped(stop, taken, piece.len());
        }
        if self.is_odd && self.rest.len().saturating_add(piece.len()) > MOST_ODD {
            self.excess = Some(Excess::Odd);
        }
        if self.excess.is_some() {
            self.rest = Vec::new();
            return;
        }
        self.rest.extend_from_slice(piece);
        if self.has_large_entry() {
            self.begin_discard();
        }
    }

    /// Whether the entry that the rest begins with would have ended by now, were it not too large
    fn has_large_entry(&self) -> bool {
        !self.is_odd && self.excess.is_none() && self.rest.len() > 2 * MOST_ENTRY
    }

    /// Leaves out what belongs to an entry that is too large; what follows it
    fn discarded<'a>(&mut self, piece: &'a [u8]) -> Option<&'a [u8]> {
        let Some(discard) = &mut self.discard else { return Some(piece) };
        match discard.push(piece) {
            Ok(None) => None,
            Ok(Some(end)) => {
                self.discard = None;
                self.page.set_aside(Malformed::new(None, LARGE_ENTRY));
                piece.get(end..)
            }
            Err(excess) => {
                self.excess = Some(excess);
                None
            }
        }
    }

    /// Leaves out the entry that the rest begins with
    fn begin_discard(&mut self) {
        let rest = std::mem::take(&mut self.rest);
        self.enough = 0;
        if !self.scanner.is_in_blobs() {
            self.excess = Some(Excess::Element);
            return;
        }
        self.discard = Some(Discard::default());
        self.push(&rest);
    }

    /// Takes note of why the scanner stopped, and before how much
    fn stopped(&mut self, stop: Stop, taken: usize, left: usize) {
        match stop {
            // An element that does not end is looked at again only when there is twice as much.
            Stop::Short if taken == 0 => self.enough = (left * 2).min(2 * MOST_ENTRY + 1),
            Stop::Short => self.enough = 0,
            Stop::Full(excess) => self.excess = Some(excess),
            Stop::Odd => {
                self.is_odd = true;
                // Room for the rest begins with the elements that are open.
                self.rest.splice(..0, self.scanner.open().iter().copied());
            }
        }
    }

    /// The page, once the body is whole
    pub(in crate::store) fn finish(self) -> Result<Page, Error> {
        let keeps_metadata = self.keeps_metadata;
        let (page, rest) = self.end()?;
        let Some(rest) = rest else { return Ok(with_order(page)) };
        let mut reading = Reading::new(&rest, keeps_metadata)?;
        while !reading.step()? {}
        joined(page, reading.finish()).map(with_order)
    }

    /// The page, once the body is whole; lets other tasks run in between
    pub(in crate::store) async fn finish_in_parts(self) -> Result<Page, Error> {
        let keeps_metadata = self.keeps_metadata;
        let (page, rest) = self.end()?;
        let Some(rest) = rest else { return Ok(with_order(page)) };
        let mut reading = Reading::new(&rest, keeps_metadata)?;
        let mut next = PART;
        while !reading.step()? {
            if reading.position() >= next {
                next = reading.position() + PART;
                tokio::task::yield_now().await;
            }
        }
        joined(page, reading.finish()).map(with_order)
    }

    /// Ends the body: the page so far, and the rest of it that the general reader decodes
    fn end(mut self) -> Result<(Page, Option<Vec<u8>>), Error> {
        if !self.is_odd && self.excess.is_none() && self.discard.is_none() {
            let (taken, stop) = self.scanner.scan(&self.rest, &mut self.page);
            self.rest.drain(..taken);
            if let Stop::Full(excess) = stop {
                self.excess = Some(excess);
            }
        }
        if let Some(excess) = self.excess {
            return Err(excess.error());
        }
        if !self.is_odd {
            if self.scanner.is_done() && self.rest.is_empty() {
                return Ok((self.page, None));
            }
            self.rest.splice(..0, self.scanner.open().iter().copied());
        }
        Ok((self.page, Some(self.rest)))
    }
}

/// The page with the order that accounts without a hierarchical namespace have
///
/// Only blobs show whether the account has one.
fn with_order(mut page: Page) -> Page {
    if page.order == NameOrder::Bytes && !page.blobs.is_empty() {
        page.order = NameOrder::Utf16;
    }
    page
}

/// A page, and the rest of it
fn joined(mut page: Page, mut rest: Page) -> Result<Page, Error> {
    rest.malformed.iter_mut().for_each(|entry| entry.at += page.blobs.len());
    if rest.order != page.order {
        page.order = NameOrder::Segments;
    }
    page.blobs.extend(rest.blobs);
    page.prefixes.extend(rest.prefixes);
    page.malformed.extend(rest.malformed);
    page.next = rest.next.or(page.next);
    if page.is_over() {
        return Err(Excess::Entries.error());
    }
    Ok(page)
}

#[cfg(test)]
mod tests;
