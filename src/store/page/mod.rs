//! The page decoder: a List Blobs answer as it arrives, in one pass, without a document in memory.
//!
//! A scanner that knows the form in which Azure writes does the work. From where a page has another
//! form on, however legal, a general XML reader takes over, and the two read the same. Format:
//! Microsoft Learn, "List Blobs", "Response body".

mod date;
mod discard;
mod element;
mod field;
mod limits;
mod scanner;
mod template;
mod xml_reader;

use self::{
    discard::Discard,
    limits::{ENTRY_TOO_LARGE, Limit, MAX_ENTRY, MAX_FALLBACK},
    scanner::{Scanner, Stop},
    xml_reader::XmlReader,
};
use super::{Malformed, NameOrder, Page};
use crate::error::Error;

pub(super) fn decode(body: &[u8]) -> Result<Page, Error> {
    let mut decoder = Decoder::new(true);
    decoder.push(body);
    decoder.finish()
}

/// How many bytes the general reader reads before other tasks may run
const YIELD_EVERY: usize = 64 << 10;

/// How much of a piece is put behind the rest of the one before at first: more than a blob has
const JOIN_STEP: usize = 1 << 10;

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
    min_rest: usize,
    /// Whether the general reader decodes the rest, once it is whole
    uses_fallback: bool,
    /// The entry that is left out because it is too large
    discard: Option<Discard>,
    /// Which limit the page is beyond
    exceeded: Option<Limit>,
}

impl Decoder {
    /// Begins a page; metadata that was not requested is skipped
    pub(in crate::store) fn new(keeps_metadata: bool) -> Self {
        Self {
            scanner: Scanner::new(keeps_metadata),
            page: Page::default(),
            keeps_metadata,
            rest: Vec::new(),
            min_rest: 0,
            uses_fallback: false,
            discard: None,
            exceeded: None,
        }
    }

    /// Takes the next piece
    pub(in crate::store) fn push(&mut self, piece: &[u8]) {
        if self.exceeded.is_some() {
            return;
        }
        let Some(mut piece) = self.discarded(piece) else { return };
        // The rest is completed with the start of this piece, until the piece itself can be read on.
        while !self.uses_fallback && !self.rest.is_empty() && !piece.is_empty() {
            let before = self.rest.len();
            let lacks = self.min_rest.saturating_sub(before).max(JOIN_STEP).min(piece.len());
            let (head, behind) = piece.split_at_checked(lacks).unwrap_or_default();
            self.rest.extend_from_slice(head);
            if self.rest.len() < self.min_rest {
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
            self.record_stop(stop, taken, self.rest.len());
            if self.has_large_entry() {
                self.start_discard();
                return self.push(piece);
            }
        }
        if !self.uses_fallback && !piece.is_empty() {
            let (taken, stop) = self.scanner.scan(piece, &mut self.page);
            piece = piece.get(taken..).unwrap_or_default();
            self.record_stop(stop, taken, piece.len());
        }
        if self.uses_fallback && self.rest.len().saturating_add(piece.len()) > MAX_FALLBACK {
            self.exceeded = Some(Limit::Fallback);
        }
        if self.exceeded.is_some() {
            self.rest = Vec::new();
            return;
        }
        self.rest.extend_from_slice(piece);
        if self.has_large_entry() {
            self.start_discard();
        }
    }

    /// Whether the entry that the rest begins with would have ended by now, were it not too large
    fn has_large_entry(&self) -> bool {
        !self.uses_fallback && self.exceeded.is_none() && self.rest.len() > 2 * MAX_ENTRY
    }

    /// Leaves out what belongs to an entry that is too large; what follows it
    fn discarded<'a>(&mut self, piece: &'a [u8]) -> Option<&'a [u8]> {
        let Some(discard) = &mut self.discard else { return Some(piece) };
        match discard.push(piece) {
            Ok(None) => None,
            Ok(Some(end)) => {
                self.discard = None;
                self.page.push_malformed(Malformed::new(None, ENTRY_TOO_LARGE));
                piece.get(end..)
            }
            Err(exceeded) => {
                self.exceeded = Some(exceeded);
                None
            }
        }
    }

    /// Leaves out the entry that the rest begins with
    fn start_discard(&mut self) {
        let rest = std::mem::take(&mut self.rest);
        self.min_rest = 0;
        if !self.scanner.is_in_blobs() {
            self.exceeded = Some(Limit::Element);
            return;
        }
        self.discard = Some(Discard::default());
        self.push(&rest);
    }

    /// Takes note of why the scanner stopped, and before how much
    fn record_stop(&mut self, stop: Stop, taken: usize, left: usize) {
        match stop {
            // An element that does not end is looked at again only when there is twice as much.
            Stop::NeedMore if taken == 0 => self.min_rest = (left * 2).min(2 * MAX_ENTRY + 1),
            Stop::NeedMore => self.min_rest = 0,
            Stop::OverLimit(exceeded) => self.exceeded = Some(exceeded),
            Stop::Fallback => {
                self.uses_fallback = true;
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
        let mut reader = XmlReader::new(&rest, keeps_metadata)?;
        while !reader.step()? {}
        joined(page, reader.finish()).map(with_order)
    }

    /// The page, once the body is whole; lets other tasks run in between
    pub(in crate::store) async fn finish_in_parts(self) -> Result<Page, Error> {
        let keeps_metadata = self.keeps_metadata;
        let (page, rest) = self.end()?;
        let Some(rest) = rest else { return Ok(with_order(page)) };
        let mut reader = XmlReader::new(&rest, keeps_metadata)?;
        let mut next = YIELD_EVERY;
        while !reader.step()? {
            if reader.position() >= next {
                next = reader.position() + YIELD_EVERY;
                tokio::task::yield_now().await;
            }
        }
        joined(page, reader.finish()).map(with_order)
    }

    /// Ends the body: the page so far, and the rest of it that the general reader decodes
    fn end(mut self) -> Result<(Page, Option<Vec<u8>>), Error> {
        if !self.uses_fallback && self.exceeded.is_none() && self.discard.is_none() {
            let (taken, stop) = self.scanner.scan(&self.rest, &mut self.page);
            self.rest.drain(..taken);
            if let Stop::OverLimit(exceeded) = stop {
                self.exceeded = Some(exceeded);
            }
        }
        if let Some(exceeded) = self.exceeded {
            return Err(exceeded.error());
        }
        if !self.uses_fallback {
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
    if page.has_too_many_entries() {
        return Err(Limit::Entries.error());
    }
    Ok(page)
}

#[cfg(test)]
mod tests;
