//! The scanner: reads a page as it arrives, in the form in which Azure writes it.
//!
//! The scanner is not an XML parser. It knows the elements of a List Blobs answer, and gives up
//! with [`Stop::Fallback`] at anything else, however legal. What it does read, it must read exactly
//! as the XML reader would: `tests.rs` compares the two on valid and on damaged pages.

use memchr::{memchr, memchr2};

use super::{
    draft::Draft,
    element::{Open, Tag, content, is_name, leaf, resolved, tag},
    field::Field,
    limits::{Limit, MAX_MARKER, MAX_PAIRS},
    name::{Name, checked, common_prefix, percent_decode},
    stop::Stop,
    template::{Leaf, Templates},
    values::Values,
};
use crate::store::{Blob, Malformed, Page};

/// The deepest nesting that is skipped, more than Azure writes.
const MAX_DEPTH: usize = 16;

/// The position in a page, and what was learned from its blobs.
#[derive(Default)]
pub(super) struct Scanner {
    state: State,
    values: Values,
    templates: Templates,
    /// The leaves of the current blob; kept between blobs for its capacity.
    leaves: Vec<Leaf>,
    /// Whether the listing was requested with metadata.
    keeps_metadata: bool,
    /// How many pairs of metadata the page has.
    pairs: usize,
}

/// The part of the page that comes next.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Prolog,
    /// The children of the root element.
    Root,
    /// The children of `Blobs`.
    Blobs,
    /// The text after the root element: only blanks.
    End,
}

impl Scanner {
    /// Creates a scanner at the start of a page. Without `keeps_metadata` it skips metadata.
    pub(super) fn new(keeps_metadata: bool) -> Self {
        Self { keeps_metadata, ..Self::default() }
    }

    /// Reads as much of the text as possible into the page.
    ///
    /// Returns how many bytes were read, and why the scanner stopped. The bytes that were read are
    /// complete entries or elements, so a call with the rest of the text, and more of the page,
    /// continues there.
    pub(super) fn scan(&mut self, text: &[u8], page: &mut Page) -> (usize, Stop) {
        let mut taken = 0;
        loop {
            // Checked at each step, because entries of a few bytes could otherwise fill the memory
            // from a single piece.
            if page.has_too_many_entries() {
                return (taken, Stop::OverLimit(Limit::Entries));
            }
            if self.pairs > MAX_PAIRS {
                return (taken, Stop::OverLimit(Limit::Pairs));
            }
            match self.step(text, taken, page) {
                // INVARIANT: `taken` is a boundary between entries or elements. On an error the
                // text after it has left no trace in the page, so it can be read again, by either
                // reader.
                Ok(end) => taken = end,
                Err(stop) => return (taken, stop),
            }
        }
    }

    /// Returns the start of a page in which the same elements are open.
    ///
    /// Together with the text that is not read, it is a page that the XML reader can read.
    pub(super) fn open(&self) -> &'static [u8] {
        match self.state {
            State::Prolog => b"",
            State::Root => b"<EnumerationResults>",
            State::Blobs => b"<EnumerationResults><Blobs>",
            State::End => b"<EnumerationResults></EnumerationResults>",
        }
    }

    /// Returns the number of templates.
    #[cfg(test)]
    pub(super) fn templates(&self) -> usize {
        self.templates.count()
    }

    /// Returns whether an entry comes next.
    pub(super) fn is_in_blobs(&self) -> bool {
        self.state == State::Blobs
    }

    /// Returns whether the root element has ended.
    pub(super) fn is_done(&self) -> bool {
        self.state == State::End
    }

    /// Reads the next entry or element; returns the offset after it.
    ///
    /// Changes the page only if the entry or element is complete.
    fn step(&mut self, text: &[u8], at: usize, page: &mut Page) -> Result<usize, Stop> {
        match self.state {
            State::Prolog => {
                // Nothing was read before, so the text begins with the page.
                let end = prolog(text)?;
                self.state = State::Root;
                Ok(end)
            }
            State::Root => match tag(text, at)? {
                Tag::Open(open) if open.name == b"Blobs" => {
                    // `<Blobs />` is the empty listing, and has no end tag.
                    if !open.empty {
                        self.state = State::Blobs;
                    }
                    Ok(open.end)
                }
                Tag::Open(open) if open.name == b"NextMarker" => {
                    let (marker, end) = leaf(text, open)?;
                    let marker = resolved(marker)?;
                    if marker.len() > MAX_MARKER {
                        return Err(Stop::OverLimit(Limit::Marker));
                    }
                    // If there are several markers, an empty one does not end the listing.
                    if !marker.is_empty() {
                        page.next = Some(marker.into_owned().into());
                    }
                    Ok(end)
                }
                // For example `Prefix` and `MaxResults`, which repeat the request.
                Tag::Open(open) => skip(text, open),
                Tag::Close { name: b"EnumerationResults", end } => {
                    self.state = State::End;
                    Ok(end)
                }
                Tag::Close { .. } => Err(Stop::Fallback),
            },
            State::Blobs => {
                // Templates read nearly all blobs. What they do not recognize, be it a blob of a
                // new form or no blob at all, costs a comparison of a few bytes.
                let blob = text.get(at..).unwrap_or_default();
                match self.templates.read(blob, &mut self.values, page)? {
                    Some(length) => Ok(at + length),
                    None => self.within_blobs(text, at, page),
                }
            }
            State::End => match text.get(at) {
                None => Err(Stop::NeedMore),
                Some(byte) if byte.is_ascii_whitespace() => Ok(at + 1),
                Some(_) => Err(Stop::Fallback),
            },
        }
    }

    /// Reads a child of `Blobs` without a template; returns the offset after it.
    fn within_blobs(&mut self, text: &[u8], at: usize, page: &mut Page) -> Result<usize, Stop> {
        match tag(text, at)? {
            Tag::Open(open) if open.name == b"Blob" && !open.empty => {
                let begin = || Blob::new(String::new(), 0);
                Draft::add(page, begin, |draft| {
                    let end = self.blob(text, at, open.end, draft)?;
                    draft.limit_length(end - open.end);
                    Ok(end)
                })
            }
            Tag::Open(open) if open.name == b"BlobPrefix" && !open.empty => {
                let (entry, end) = prefix(text, open.end)?;
                match entry {
                    Ok(prefix) => page.prefixes.push(prefix),
                    Err(entry) => page.push_malformed(entry),
                }
                Ok(end)
            }
            Tag::Close { name: b"Blobs", end } => {
                self.state = State::Root;
                Ok(end)
            }
            _ => Err(Stop::Fallback),
        }
    }

    /// Reads the rest of a blob, and makes a template of it.
    ///
    /// `start` is the offset of the blob, and `at` the offset after its start tag.
    fn blob(
        &mut self,
        text: &[u8],
        start: usize,
        at: usize,
        draft: &mut Draft<'_>,
    ) -> Result<usize, Stop> {
        self.leaves.clear();
        let mut is_regular = true;
        let mut at = at;
        loop {
            let open = match tag(text, at)? {
                Tag::Open(open) => open,
                Tag::Close { name: b"Blob", end } => {
                    at = end;
                    break;
                }
                Tag::Close { .. } => return Err(Stop::Fallback),
            };
            at = match open.name {
                b"Properties" if !open.empty => self.properties(text, start, open.end, draft)?,
                b"Metadata" if !open.empty && self.keeps_metadata => {
                    // A template has no slots for metadata, whose keys differ from blob to blob.
                    is_regular = false;
                    let end = metadata(text, open.end, draft)?;
                    self.pairs += draft.blob().metadata.len();
                    end
                }
                _ => self.leaf(text, start, open, Field::of_blob(open), draft)?,
            };
        }
        if is_regular {
            let text = text.get(start..at).unwrap_or_default();
            self.templates.learn(text, &self.leaves, draft.blob());
        }
        Ok(at)
    }

    /// Reads the children of `Properties`; returns the offset after its end tag.
    fn properties(
        &mut self,
        text: &[u8],
        start: usize,
        at: usize,
        draft: &mut Draft<'_>,
    ) -> Result<usize, Stop> {
        let mut at = at;
        loop {
            at = match tag(text, at)? {
                Tag::Open(open) => {
                    self.leaf(text, start, open, Field::of_properties(open), draft)?
                }
                Tag::Close { name: b"Properties", end } => return Ok(end),
                Tag::Close { .. } => return Err(Stop::Fallback),
            };
        }
    }

    /// Reads an element of the blob that starts at `start`, or skips an unknown one; returns the
    /// offset after it.
    fn leaf(
        &mut self,
        text: &[u8],
        start: usize,
        open: Open<'_>,
        field: Field,
        draft: &mut Draft<'_>,
    ) -> Result<usize, Stop> {
        let (found, end) = match field {
            Field::Unread => {
                // Skipped first: an element with children is valid, and is part of the literals.
                let end = skip(text, open)?;
                match content(text, open.end, open.name) {
                    Ok((content, _)) if !open.empty && may_vary(content) => (content, end),
                    _ => return Ok(end),
                }
            }
            _ => leaf(text, open)?,
        };
        let length = (!open.empty).then_some(found.len());
        self.leaves.push(Leaf { field, start: open.end - start, length });
        self.values.take(field, found, draft)?;
        Ok(end)
    }
}

/// Returns whether the text of an unknown element is likely to differ in the next blob.
///
/// A guess, which decides whether a template compares the text or skips it. Words such as
/// `unlocked` are the same in most blobs; numbers, dates and digests are not. A wrong guess costs
/// time, not correctness.
fn may_vary(content: &[u8]) -> bool {
    content.iter().any(|byte| byte.is_ascii_digit() || *byte == b'=')
}

/// Returns the offset after the start tag of the root element.
fn prolog(text: &[u8]) -> Result<usize, Stop> {
    const ROOT: &[u8] = b"<EnumerationResults";
    const BOM: &[u8] = b"\xef\xbb\xbf";
    let mut at = if text.starts_with(BOM) { BOM.len() } else { 0 };
    let rest = |at: usize| text.get(at..).unwrap_or_default();
    let blanks = |at: usize| at + rest(at).len() - rest(at).trim_ascii_start().len();
    at = blanks(at);
    // The encoding is not read: Azure writes UTF-8, and each text is checked to be UTF-8.
    if rest(at).starts_with(b"<?xml ") {
        let end = memchr(b'>', rest(at)).ok_or(Stop::NeedMore)?;
        if !rest(at).get(..end).is_some_and(|declaration| declaration.ends_with(b"?")) {
            return Err(Stop::Fallback);
        }
        at = blanks(at + end + 1);
    }
    let end = memchr(b'>', rest(at)).ok_or(Stop::NeedMore)?;
    let start = rest(at).get(..end).unwrap_or_default();
    let attributes = start.strip_prefix(ROOT).ok_or(Stop::Fallback)?;
    // With an even number of quotes and no `<`, no `>` in the value of an attribute can have ended
    // the tag too early.
    let quotes = attributes.iter().filter(|byte| **byte == b'"').count();
    let plain = matches!(attributes.first(), None | Some(b' '))
        && quotes % 2 == 0
        && !attributes.contains(&b'\'')
        && !attributes.contains(&b'<')
        && attributes.last() != Some(&b'/');
    if plain { Ok(at + end + 1) } else { Err(Stop::Fallback) }
}

/// Skips an element with all its children; returns the offset after it.
fn skip(text: &[u8], open: Open<'_>) -> Result<usize, Stop> {
    if !is_name(open.name) {
        return Err(Stop::Fallback);
    }
    if open.empty {
        return Ok(open.end);
    }
    match content(text, open.end, open.name) {
        // The entity may be undefined, which makes the page invalid; the XML reader decides.
        Ok((content, _)) if memchr(b'&', content).is_some() => return Err(Stop::Fallback),
        Ok((_, end)) => return Ok(end),
        Err(Stop::Fallback) => {}
        Err(stop) => return Err(stop),
    }
    // A stack of names, not recursion, so that the depth costs no stack of the thread.
    let mut names = vec![open.name];
    let mut at = open.end;
    while let Some(name) = names.last().copied() {
        let rest = text.get(at..).unwrap_or_default();
        let start = memchr2(b'<', b'&', rest).ok_or(Stop::NeedMore)?;
        if rest.get(start) == Some(&b'&') {
            return Err(Stop::Fallback);
        }
        at += start;
        at = match tag(text, at)? {
            Tag::Open(open) => {
                if !open.empty {
                    names.push(open.name);
                }
                if names.len() > MAX_DEPTH || !is_name(open.name) {
                    return Err(Stop::Fallback);
                }
                open.end
            }
            Tag::Close { name: closed, end } => {
                if closed != name {
                    return Err(Stop::Fallback);
                }
                names.pop();
                end
            }
        };
    }
    Ok(at)
}

/// Reads the children of `Metadata` into the draft; returns the offset after its end tag.
fn metadata(text: &[u8], at: usize, draft: &mut Draft<'_>) -> Result<usize, Stop> {
    let mut at = at;
    loop {
        let open = match tag(text, at)? {
            Tag::Open(open) => open,
            Tag::Close { name: b"Metadata", end } => return Ok(end),
            Tag::Close { .. } => return Err(Stop::Fallback),
        };
        // Keys are chosen by the owner, so they are compared with nothing that would prove them
        // names.
        if !is_name(open.name) {
            return Err(Stop::Fallback);
        }
        let (value, end) = leaf(text, open)?;
        let value = resolved(value)?;
        // A value that does not decode is kept as written: it is the owner's text, and nothing
        // depends on it.
        let value = match open.encoded {
            true => percent_decode(&value).unwrap_or_else(|_| value.into_owned()),
            false => value.into_owned(),
        };
        draft.add_metadata(open.name, value);
        at = end;
    }
}

/// Reads a `Name`; returns the name, or why it is unusable, and the offset after the element.
fn given_name(text: &[u8], open: Open<'_>) -> Result<(Name, usize), Stop> {
    let (content, end) = leaf(text, open)?;
    let text = resolved(content)?;
    let decoded = open.encoded.then(|| percent_decode(&text));
    let name = decoded.unwrap_or_else(|| Ok(text.into_owned()));
    Ok((name.and_then(checked), end))
}

/// Reads the rest of a `BlobPrefix`; returns the prefix, or a malformed entry, and the offset after
/// it.
///
/// In accounts with a hierarchical namespace a prefix has properties, which are skipped.
fn prefix(text: &[u8], at: usize) -> Result<(Result<String, Malformed>, usize), Stop> {
    let mut name: Option<Name> = None;
    let mut at = at;
    loop {
        at = match tag(text, at)? {
            // As in a blob, a later name replaces an earlier one.
            Tag::Open(open) if open.name == b"Name" => {
                let (given, end) = given_name(text, open)?;
                name = Some(given);
                end
            }
            Tag::Open(open) => skip(text, open)?,
            Tag::Close { name: b"BlobPrefix", end } => return Ok((common_prefix(name), end)),
            Tag::Close { .. } => return Err(Stop::Fallback),
        };
    }
}
