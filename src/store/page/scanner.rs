//! The scanner: pages in the form in which Azure writes them.

use memchr::{memchr, memchr2};

use super::{
    element::{Open, Tag, content, is_name, leaf, resolved, tag},
    field::{Draft, Field, Fields, Name},
    limits::{self, Limit, MAX_ENTRY, MAX_MARKER, MAX_PAIRS},
    template::{Leaf, Templates},
    xml_reader::{percent_decode, prefix},
};
use crate::store::{Blob, Malformed, Page};

/// Deeper than Azure nests what this crate does not read
const MAX_DEPTH: usize = 16;

/// Why the scanner stops
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// More of the page is needed
    NeedMore,
    /// The page has another form from here on
    Fallback,
    /// The page is beyond a limit
    OverLimit(Limit),
}

/// Where in a page it is, and what it knows of the blobs before
#[derive(Default)]
pub(super) struct Scanner {
    state: State,
    fields: Fields,
    templates: Templates,
    /// The leaves of the blob that is read
    leaves: Vec<Leaf>,
    keeps_metadata: bool,
    /// How many pairs of metadata the page has
    pairs: usize,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Prolog,
    Root,
    Blobs,
    End,
}

impl Scanner {
    /// Begins a page; metadata that was not requested is skipped
    pub(super) fn new(keeps_metadata: bool) -> Self {
        Self { keeps_metadata, ..Self::default() }
    }

    /// Reads as far as it can, into the page; how much that was, and why it stopped
    pub(super) fn scan(&mut self, text: &[u8], page: &mut Page) -> (usize, Stop) {
        let mut taken = 0;
        loop {
            if page.has_too_many_entries() {
                return (taken, Stop::OverLimit(Limit::Entries));
            }
            if self.pairs > MAX_PAIRS {
                return (taken, Stop::OverLimit(Limit::Pairs));
            }
            match self.step(text, taken, page) {
                Ok(end) => taken = end,
                Err(stop) => return (taken, stop),
            }
        }
    }

    /// The elements that are open, as a page would begin with them
    pub(super) fn open(&self) -> &'static [u8] {
        match self.state {
            State::Prolog => b"",
            State::Root => b"<EnumerationResults>",
            State::Blobs => b"<EnumerationResults><Blobs>",
            State::End => b"<EnumerationResults></EnumerationResults>",
        }
    }

    #[cfg(test)]
    pub(super) fn templates(&self) -> usize {
        self.templates.count()
    }

    /// Whether an entry comes next
    pub(super) fn is_in_blobs(&self) -> bool {
        self.state == State::Blobs
    }

    /// Whether the page is whole
    pub(super) fn is_done(&self) -> bool {
        self.state == State::End
    }

    /// Reads the next unit; the place behind it
    fn step(&mut self, text: &[u8], at: usize, page: &mut Page) -> Result<usize, Stop> {
        match self.state {
            State::Prolog => {
                let end = prolog(text)?;
                self.state = State::Root;
                Ok(end)
            }
            State::Root => match tag(text, at)? {
                Tag::Open(open) if open.name == b"Blobs" => {
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
                    // One that is empty does not end a listing that another has gone on with.
                    if !marker.is_empty() {
                        page.next = Some(marker.into_owned().into());
                    }
                    Ok(end)
                }
                Tag::Open(open) => skip(text, open),
                Tag::Close { name: b"EnumerationResults", end } => {
                    self.state = State::End;
                    Ok(end)
                }
                Tag::Close { .. } => Err(Stop::Fallback),
            },
            State::Blobs => {
                let blob = text.get(at..).unwrap_or_default();
                match self.templates.read(blob, &mut self.fields, page)? {
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

    /// Reads any blob, or what is beside them; the place behind it
    fn within_blobs(&mut self, text: &[u8], at: usize, page: &mut Page) -> Result<usize, Stop> {
        match tag(text, at)? {
            Tag::Open(open) if open.name == b"Blob" && !open.empty => {
                let begin = || Blob::new(String::new(), 0);
                Draft::add(page, begin, |draft| {
                    let end = self.blob(text, at, open.end, draft)?;
                    draft.is_large = end - open.end > MAX_ENTRY;
                    Ok(end)
                })
            }
            Tag::Open(open) if open.name == b"BlobPrefix" && !open.empty => {
                let (entry, end) = common_prefix(text, open.end)?;
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

    /// Reads a blob that starts at `start` and has its first child, if any, at `at`
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
                    // Its keys are not leaves that a template knows.
                    is_regular = false;
                    let end = metadata(text, open.end, draft)?;
                    self.pairs += draft.blob.metadata.len();
                    end
                }
                _ => self.leaf(text, start, open, Field::of_blob(open), draft)?,
            };
        }
        if is_regular {
            let text = text.get(start..at).unwrap_or_default();
            self.templates.learn(text, &self.leaves, draft.blob);
        }
        Ok(at)
    }

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

    /// Reads an element of the blob that starts at `start`, or skips one that is not read
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
                let end = skip(text, open)?;
                match content(text, open.end, open.name) {
                    Ok((content, _)) if !open.empty && differs(content) => (content, end),
                    _ => return Ok(end),
                }
            }
            _ => leaf(text, open)?,
        };
        let length = (!open.empty).then_some(found.len());
        self.leaves.push(Leaf { field, start: open.end - start, length });
        self.fields.take(field, found, draft)?;
        Ok(end)
    }
}

/// Whether the text of an element that is not read may well be another in the next blob
///
/// A guess, so that a template fits more than one blob: words are the same in many, such as
/// `unlocked`; numbers, dates and digests are not.
fn differs(content: &[u8]) -> bool {
    content.iter().any(|byte| byte.is_ascii_digit() || *byte == b'=')
}

/// The place behind the start of the root element
fn prolog(text: &[u8]) -> Result<usize, Stop> {
    const ROOT: &[u8] = b"<EnumerationResults";
    const BOM: &[u8] = b"\xef\xbb\xbf";
    let mut at = if text.starts_with(BOM) { BOM.len() } else { 0 };
    let rest = |at: usize| text.get(at..).unwrap_or_default();
    let blanks = |at: usize| at + rest(at).len() - rest(at).trim_ascii_start().len();
    at = blanks(at);
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
    let quotes = attributes.iter().filter(|byte| **byte == b'"').count();
    let plain = matches!(attributes.first(), None | Some(b' '))
        && quotes % 2 == 0
        && !attributes.contains(&b'\'')
        && !attributes.contains(&b'<')
        && attributes.last() != Some(&b'/');
    if plain { Ok(at + end + 1) } else { Err(Stop::Fallback) }
}

/// The place behind an element, whatever is in it
fn skip(text: &[u8], open: Open<'_>) -> Result<usize, Stop> {
    if !is_name(open.name) {
        return Err(Stop::Fallback);
    }
    if open.empty {
        return Ok(open.end);
    }
    match content(text, open.end, open.name) {
        // An entity may be broken, which is the general reader's to say.
        Ok((content, _)) if memchr(b'&', content).is_some() => return Err(Stop::Fallback),
        Ok((_, end)) => return Ok(end),
        Err(Stop::Fallback) => {}
        Err(stop) => return Err(stop),
    }
    let mut names = vec![open.name];
    let mut at = open.end;
    while let Some(name) = names.last().copied() {
        let behind = text.get(at..).unwrap_or_default();
        let start = memchr2(b'<', b'&', behind).ok_or(Stop::NeedMore)?;
        if behind.get(start) == Some(&b'&') {
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

fn metadata(text: &[u8], at: usize, draft: &mut Draft<'_>) -> Result<usize, Stop> {
    let mut at = at;
    loop {
        let open = match tag(text, at)? {
            Tag::Open(open) => open,
            Tag::Close { name: b"Metadata", end } => return Ok(end),
            Tag::Close { .. } => return Err(Stop::Fallback),
        };
        if !is_name(open.name) {
            return Err(Stop::Fallback);
        }
        let (value, end) = leaf(text, open)?;
        let value = resolved(value)?;
        let value = match open.encoded {
            true => percent_decode(&value).unwrap_or_else(|_| value.into_owned()),
            false => value.into_owned(),
        };
        draft.add_metadata(open.name, value);
        at = end;
    }
}

/// What a `Name` holds, or why that is no name; and the place behind it
fn given_name(text: &[u8], open: Open<'_>) -> Result<(Name, usize), Stop> {
    let (content, end) = leaf(text, open)?;
    let text = resolved(content)?;
    let decoded = open.encoded.then(|| percent_decode(&text));
    let name = decoded.unwrap_or_else(|| Ok(text.into_owned()));
    Ok((name.and_then(limits::name), end))
}

/// A common prefix; accounts with a hierarchical namespace give it properties, which are left out
fn common_prefix(text: &[u8], at: usize) -> Result<(Result<String, Malformed>, usize), Stop> {
    let mut name: Option<Name> = None;
    let mut at = at;
    loop {
        at = match tag(text, at)? {
            Tag::Open(open) if open.name == b"Name" => {
                let (given, end) = given_name(text, open)?;
                name = Some(given);
                end
            }
            Tag::Open(open) => skip(text, open)?,
            Tag::Close { name: b"BlobPrefix", end } => return Ok((prefix(name), end)),
            Tag::Close { .. } => return Err(Stop::Fallback),
        };
    }
}
