//! The page decoder: reads a List Blobs answer as it arrives, in one pass and without a document in
//! memory.
//!
//! Three readers share the work:
//!
//! ```text
//! piece of the body ─► template   a blob written like an earlier one: compares bytes
//!                        │ no match
//!                        ▼
//!                      scanner    any page in the form in which Azure writes it
//!                        │ another form
//!                        ▼
//!                      XML reader the rest of the page, whatever legal XML it is
//! ```
//!
//! For a blob with all properties, a template takes 1,900 instructions, the scanner 15,000, and the
//! XML reader 27,000. All of them read the same values, which `tests.rs` checks. The first two read
//! pieces as they arrive; only the XML reader needs the rest of the page at once. Whatever a body
//! contains, the memory is bounded by `limits`, and the time is linear in the length of the body.
//!
//! Format: Microsoft Learn, "List Blobs", "Response body".

mod date;
mod discard;
mod draft;
mod element;
mod field;
mod limits;
mod name;
mod partial;
mod problem;
mod scanner;
mod stop;
mod swar;
mod template;
mod values;
mod xml_reader;

use self::{
    discard::Discard,
    limits::{Limit, MAX_ENTRY, MAX_FALLBACK},
    partial::PartialPage,
    problem::ENTRY_TOO_LARGE,
    scanner::Scanner,
    stop::Stop,
    xml_reader::XmlReader,
};
use super::{Malformed, NameOrder, Page};
use crate::error::Error;

impl Page {
    /// Decodes the body of a List Blobs answer.
    ///
    /// For stores with a transport of their own. Accepts elements in any order, unknown and missing
    /// elements, a byte order mark, and names with `Encoded="true"`. An entry whose name, size or
    /// date cannot be read becomes a [`Malformed`] entry, and the rest of the page is read all the
    /// same.
    ///
    /// ```
    /// use azure_asset_sync::store::Page;
    ///
    /// let body = br#"<?xml version="1.0" encoding="utf-8"?>
    /// <EnumerationResults><Blobs>
    ///   <Blob><Name>a.jpg</Name><Properties><Content-Length>3</Content-Length></Properties></Blob>
    /// </Blobs><NextMarker /></EnumerationResults>"#;
    /// let page = Page::from_xml(body)?;
    /// assert_eq!(page.blobs[0].name, "a.jpg");
    /// assert!(page.next.is_none());
    /// # Ok::<(), azure_asset_sync::Error>(())
    /// ```
    ///
    /// # Errors
    /// - [`Truncated`](crate::ErrorKind::Truncated) if the document breaks off.
    /// - [`UnexpectedAnswer`](crate::ErrorKind::UnexpectedAnswer) if the body is not a List Blobs
    ///   answer, for example the page of a captive portal, which must never be taken for an empty
    ///   container.
    /// - [`TooLarge`](crate::ErrorKind::TooLarge) if the page has over 20,000 entries, four times
    ///   what the service returns, or exceeds another limit that bounds the memory.
    #[cfg_attr(docsrs, doc(cfg(feature = "azure")))]
    pub fn from_xml(body: &[u8]) -> Result<Self, Error> {
        let mut decoder = Decoder::new(true);
        decoder.push(body);
        decoder.finish()
    }
}

/// How many bytes the XML reader reads before other tasks may run.
const YIELD_EVERY: usize = 64 << 10;

/// How many bytes of a new piece are first appended to the unread rest: more than most blobs have.
///
/// The rest usually ends within a blob. This much completes the blob, and the piece itself can then
/// be scanned where it is, without a copy.
const JOIN_STEP: usize = 1 << 10;

/// Decodes the body of a page piece by piece, and buffers no more of it than an entry or two.
///
/// From the first element in a form that Azure does not write, the rest of the page is buffered, up
/// to 16 MiB.
pub(in crate::store) struct Decoder {
    scanner: Scanner,
    page: PartialPage,
    /// Whether metadata is kept, which a listing has only if it was requested.
    keeps_metadata: bool,
    /// The bytes that are not decoded yet.
    rest: Vec<u8>,
    /// How many bytes `rest` must have before it is scanned again.
    min_rest: usize,
    /// Whether the XML reader decodes the rest, once the body is complete.
    uses_fallback: bool,
    /// The entry that is being left out because it is too large.
    discard: Option<Discard>,
    /// The limit that the page exceeds. No further piece is read then.
    exceeded: Option<Limit>,
}

impl Decoder {
    /// Creates a decoder for a page. Without `keeps_metadata` it skips metadata.
    pub(in crate::store) fn new(keeps_metadata: bool) -> Self {
        Self {
            scanner: Scanner::new(keeps_metadata),
            page: PartialPage::default(),
            keeps_metadata,
            rest: Vec::new(),
            min_rest: 0,
            uses_fallback: false,
            discard: None,
            exceeded: None,
        }
    }

    /// Decodes the next piece of the body.
    pub(in crate::store) fn push(&mut self, piece: &[u8]) {
        if self.exceeded.is_some() {
            return;
        }
        // Within an entry that is left out, the piece is skipped up to the end of the entry.
        let Some(mut piece) = self.discarded(piece) else { return };
        // The rest is completed with the start of this piece, until the piece itself can be
        // scanned.
        while !self.uses_fallback && !self.rest.is_empty() && !piece.is_empty() {
            let before = self.rest.len();
            // A little at a time, so that not all of a large piece is copied.
            let lacks = self.min_rest.saturating_sub(before).max(JOIN_STEP).min(piece.len());
            let (head, tail) = piece.split_at_checked(lacks).unwrap_or_default();
            self.rest.extend_from_slice(head);
            if self.rest.len() < self.min_rest {
                return;
            }
            let (taken, stop) = self.scanner.scan(&self.rest, &mut self.page);
            if let Some(taken) = taken.checked_sub(before) {
                // All of the old rest is read: what remains is in the piece.
                piece = piece.get(taken..).unwrap_or_default();
                self.rest.clear();
            } else {
                piece = tail;
                self.rest.drain(..taken);
            }
            self.record_stop(stop, taken, self.rest.len());
            if self.has_large_entry() {
                self.start_discard();
                return self.push(piece);
            }
        }
        // The usual case: nothing is left of the last piece, or it was completed above.
        if !self.uses_fallback && !piece.is_empty() {
            let (taken, stop) = self.scanner.scan(piece, &mut self.page);
            piece = piece.get(taken..).unwrap_or_default();
            self.record_stop(stop, taken, piece.len());
        }
        if self.uses_fallback && self.rest.len().saturating_add(piece.len()) > MAX_FALLBACK {
            self.exceeded = Some(Limit::Fallback);
        }
        if self.exceeded.is_some() {
            // Frees the memory: the page is lost, and the caller may still have pieces of it.
            self.rest = Vec::new();
            return;
        }
        self.rest.extend_from_slice(piece);
        if self.has_large_entry() {
            self.start_discard();
        }
    }

    /// Returns whether the rest begins with an entry that is too large.
    ///
    /// Twice the limit, because an entry slightly beyond it is cheaper to read than to leave out.
    fn has_large_entry(&self) -> bool {
        !self.uses_fallback && self.exceeded.is_none() && self.rest.len() > 2 * MAX_ENTRY
    }

    /// Drops the bytes that belong to an entry that is too large; returns the bytes after it, if
    /// any.
    fn discarded<'a>(&mut self, piece: &'a [u8]) -> Option<&'a [u8]> {
        let Some(discard) = &mut self.discard else { return Some(piece) };
        match discard.push(piece) {
            Ok(None) => None,
            Ok(Some(end)) => {
                self.discard = None;
                self.page.push_malformed(Malformed::new(None, ENTRY_TOO_LARGE));
                piece.get(end..)
            }
            Err(limit) => {
                self.exceeded = Some(limit);
                None
            }
        }
    }

    /// Leaves out the entry that the rest begins with. Only entries can be left out: a page with
    /// another element that large is an error.
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

    /// Records why the scanner stopped, after how many bytes it read, and before how many that are
    /// left.
    fn record_stop(&mut self, stop: Stop, taken: usize, left: usize) {
        match stop {
            // An element that does not end is scanned again only when twice as much has arrived.
            // Otherwise many small pieces would take quadratic time.
            Stop::NeedMore if taken == 0 => self.min_rest = (left * 2).min(2 * MAX_ENTRY + 1),
            Stop::NeedMore => self.min_rest = 0,
            Stop::OverLimit(limit) => self.exceeded = Some(limit),
            Stop::Fallback => {
                self.uses_fallback = true;
                // The XML reader needs the start tags of the elements that are open.
                self.rest.splice(..0, self.scanner.open().iter().copied());
            }
        }
    }

    /// Returns the page, once the body is complete.
    ///
    /// # Errors
    /// As [`Page::from_xml`].
    pub(in crate::store) fn finish(self) -> Result<Page, Error> {
        let keeps_metadata = self.keeps_metadata;
        let (page, rest) = self.end()?;
        let Some(rest) = rest else { return Ok(with_order(page.into_page())) };
        let mut reader = XmlReader::new(&rest, keeps_metadata)?;
        while !reader.step()? {}
        joined(page, reader.finish()).map(with_order)
    }

    /// Returns the page, once the body is complete; lets other tasks run in between.
    ///
    /// # Errors
    /// As [`Page::from_xml`].
    pub(in crate::store) async fn finish_in_parts(self) -> Result<Page, Error> {
        let keeps_metadata = self.keeps_metadata;
        let (page, rest) = self.end()?;
        let Some(rest) = rest else { return Ok(with_order(page.into_page())) };
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

    /// Ends the body; returns the page so far, and the rest of it that the XML reader has to
    /// decode.
    fn end(mut self) -> Result<(PartialPage, Option<Vec<u8>>), Error> {
        if !self.uses_fallback && self.exceeded.is_none() && self.discard.is_none() {
            let (taken, stop) = self.scanner.scan(&self.rest, &mut self.page);
            self.rest.drain(..taken);
            if let Stop::OverLimit(limit) = stop {
                self.exceeded = Some(limit);
            }
        }
        if let Some(limit) = self.exceeded {
            return Err(limit.error());
        }
        if !self.uses_fallback {
            if self.scanner.is_done() && self.rest.is_empty() {
                return Ok((self.page, None));
            }
            // The page breaks off, or has a form that Azure does not write. The XML reader finds
            // out which, so that errors come from one place.
            self.rest.splice(..0, self.scanner.open().iter().copied());
        }
        Ok((self.page, Some(self.rest)))
    }
}

/// Sets the order of names that accounts without a hierarchical namespace have, unless a blob has
/// shown that the account has one.
fn with_order(mut page: Page) -> Page {
    // A page without blobs shows nothing, and keeps the default.
    if page.order == NameOrder::Bytes && !page.blobs.is_empty() {
        page.order = NameOrder::Utf16;
    }
    page
}

/// Appends the part of a page that the XML reader has read to the part of the scanner.
fn joined(mut page: PartialPage, mut rest: PartialPage) -> Result<Page, Error> {
    let before = page.blobs.len();
    rest.malformed.iter_mut().for_each(|entry| entry.at += before);
    // Each part has the order `Bytes` until one of its blobs shows another one.
    if rest.order != page.order {
        page.order = NameOrder::Segments;
    }
    page.blobs.append(&mut rest.blobs);
    page.prefixes.append(&mut rest.prefixes);
    page.malformed.append(&mut rest.malformed);
    // The later marker counts, as within a part.
    page.next = rest.next.take().or(page.next.take());
    if page.has_too_many_entries() {
        return Err(Limit::Entries.error());
    }
    Ok(page.into_page())
}

#[cfg(test)]
mod tests;
