//! The scanner: pages in the form in which Azure writes them.

use std::{borrow::Cow, time::SystemTime};

use memchr::{memchr, memchr2};

use super::{
    date::imf_fixdate,
    element::{Open, Tag, content, is_name, resolved, tag},
    slow::{percent_decode, prefix},
};
use crate::store::{Blob, ContentMd5, ContentType, Malformed, Page};

/// Deeper than Azure nests what this crate does not read
const MAX_DEPTH: usize = 16;

/// How many different Content-Types of a page are shared by its blobs
const SHARED_TYPES: usize = 8;

/// A name, or why there is none
type Name = Result<String, &'static str>;

/// Why the scanner stops
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// More of the page is needed
    Short,
    /// The page has another form from here on
    Odd,
}

/// Where in a page it is, and what it shares between blobs
#[derive(Default)]
pub(super) struct Scanner {
    at: At,
    /// Content-Types that were seen, for blobs to share
    types: Vec<ContentType>,
    /// The date that was read last: neighbours often have the same
    date: Option<(Vec<u8>, SystemTime)>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum At {
    #[default]
    Prolog,
    Root,
    Blobs,
    End,
}

impl Scanner {
    /// Reads as far as it can, into the page; how much that was, and why it stopped
    pub(super) fn scan(&mut self, text: &[u8], page: &mut Page) -> (usize, Stop) {
        let mut taken = 0;
        loop {
            match self.step(text, taken, page) {
                Ok(end) => taken = end,
                Err(stop) => return (taken, stop),
            }
        }
    }

    /// The elements that are open, as a page would begin with them
    pub(super) fn open(&self) -> &'static [u8] {
        match self.at {
            At::Prolog => b"",
            At::Root => b"<EnumerationResults>",
            At::Blobs => b"<EnumerationResults><Blobs>",
            At::End => b"<EnumerationResults></EnumerationResults>",
        }
    }

    /// Whether the page is whole
    pub(super) fn is_done(&self) -> bool {
        self.at == At::End
    }

    /// Reads the next unit; the place behind it
    fn step(&mut self, text: &[u8], at: usize, page: &mut Page) -> Result<usize, Stop> {
        match self.at {
            At::Prolog => {
                let end = prolog(text)?;
                self.at = At::Root;
                Ok(end)
            }
            At::Root => match tag(text, at)? {
                Tag::Open(open) if open.name == b"Blobs" => {
                    if !open.empty {
                        self.at = At::Blobs;
                    }
                    Ok(open.end)
                }
                Tag::Open(open) if open.name == b"NextMarker" => {
                    let (marker, end) = leaf(text, open)?;
                    page.next = (!marker.is_empty()).then(|| marker.into_owned().into());
                    Ok(end)
                }
                Tag::Open(open) => skip(text, open),
                Tag::Close { name: b"EnumerationResults", end } => {
                    self.at = At::End;
                    Ok(end)
                }
                Tag::Close { .. } => Err(Stop::Odd),
            },
            At::Blobs => match tag(text, at)? {
                Tag::Open(open) if open.name == b"Blob" && !open.empty => {
                    let (entry, end) = self.blob(text, open.end)?;
                    match entry {
                        Ok(blob) => page.blobs.push(blob),
                        Err(entry) => page.malformed.push(entry),
                    }
                    Ok(end)
                }
                Tag::Open(open) if open.name == b"BlobPrefix" && !open.empty => {
                    let (entry, end) = common_prefix(text, open.end)?;
                    match entry {
                        Ok(prefix) => page.prefixes.push(prefix),
                        Err(entry) => page.malformed.push(entry),
                    }
                    Ok(end)
                }
                Tag::Close { name: b"Blobs", end } => {
                    self.at = At::Root;
                    Ok(end)
                }
                _ => Err(Stop::Odd),
            },
            At::End => match text.get(at) {
                None => Err(Stop::Short),
                Some(byte) if byte.is_ascii_whitespace() => Ok(at + 1),
                Some(_) => Err(Stop::Odd),
            },
        }
    }

    fn blob(&mut self, text: &[u8], at: usize) -> Result<(Result<Blob, Malformed>, usize), Stop> {
        let mut blob = Blob::new(String::new(), 0);
        let mut name: Option<Name> = None;
        let mut size: Option<u64> = None;
        let mut problem: Option<String> = None;
        let mut at = at;
        loop {
            let open = match tag(text, at)? {
                Tag::Open(open) => open,
                Tag::Close { name: b"Blob", end } => {
                    at = end;
                    break;
                }
                Tag::Close { .. } => return Err(Stop::Odd),
            };
            at = match open.name {
                b"Name" => {
                    let (given, end) = given_name(text, open)?;
                    name = Some(given);
                    end
                }
                b"Properties" if !open.empty => {
                    self.properties(text, open.end, &mut blob, &mut size, &mut problem)?
                }
                b"Metadata" if !open.empty => metadata(text, open.end, &mut blob)?,
                b"Snapshot" => {
                    let (text, end) = leaf(text, open)?;
                    blob.snapshot = some(text);
                    end
                }
                b"VersionId" => {
                    let (text, end) = leaf(text, open)?;
                    blob.version_id = some(text);
                    end
                }
                b"IsCurrentVersion" => {
                    let (text, end) = leaf(text, open)?;
                    blob.is_current_version = Some(text == "true");
                    end
                }
                _ => skip(text, open)?,
            };
        }
        Ok((entry(blob, name, size, problem), at))
    }

    fn properties(
        &mut self,
        text: &[u8],
        at: usize,
        blob: &mut Blob,
        size: &mut Option<u64>,
        problem: &mut Option<String>,
    ) -> Result<usize, Stop> {
        let mut at = at;
        loop {
            let open = match tag(text, at)? {
                Tag::Open(open) => open,
                Tag::Close { name: b"Properties", end } => return Ok(end),
                Tag::Close { .. } => return Err(Stop::Odd),
            };
            let known = matches!(
                open.name,
                b"Content-Length"
                    | b"Etag"
                    | b"Last-Modified"
                    | b"Creation-Time"
                    | b"Content-Type"
                    | b"Content-Encoding"
                    | b"Content-MD5"
                    | b"BlobType"
                    | b"AccessTier"
                    | b"ResourceType"
            );
            if !known {
                at = skip(text, open)?;
                continue;
            }
            let (text, end) = leaf(text, open)?;
            at = end;
            match open.name {
                b"Content-Length" => {
                    *size = text.parse().ok();
                    if size.is_none() && !text.is_empty() {
                        *problem = Some("its Content-Length is no size".to_owned());
                    }
                }
                b"Etag" => blob.etag = (!text.is_empty()).then(|| (*text).into()),
                b"Last-Modified" => {
                    blob.last_modified = self.date(&text, "Last-Modified", problem);
                }
                b"Creation-Time" => blob.created = self.date(&text, "Creation-Time", problem),
                b"Content-Type" => blob.content_type = self.content_type(&text),
                b"Content-Encoding" => blob.content_encoding = some(text),
                // A digest that cannot be read is as good as none: it is only ever a hint.
                b"Content-MD5" => blob.content_md5 = ContentMd5::from_base64(&text),
                b"BlobType" => blob.blob_type = (!text.is_empty()).then(|| (*text).into()),
                b"AccessTier" => blob.access_tier = (!text.is_empty()).then(|| (*text).into()),
                _ => blob.is_directory = text == "directory",
            }
        }
    }

    fn date(&mut self, text: &str, what: &str, problem: &mut Option<String>) -> Option<SystemTime> {
        if text.is_empty() {
            return None;
        }
        if let Some((last, time)) = &self.date
            && last.as_slice() == text.as_bytes()
        {
            return Some(*time);
        }
        let parsed = imf_fixdate(text.as_bytes()).or_else(|| httpdate::parse_http_date(text).ok());
        match parsed {
            Some(time) => {
                let (last, of) = self.date.get_or_insert_with(|| (Vec::new(), time));
                last.clear();
                last.extend_from_slice(text.as_bytes());
                *of = time;
            }
            None => *problem = Some(format!("its {what} is no RFC 1123 date")),
        }
        parsed
    }

    fn content_type(&mut self, text: &str) -> Option<ContentType> {
        if text.is_empty() {
            return None;
        }
        if let Some(known) = self.types.iter().find(|known| known.as_str() == text) {
            return Some(known.clone());
        }
        let new = ContentType::from(text);
        if self.types.len() < SHARED_TYPES {
            self.types.push(new.clone());
        }
        Some(new)
    }
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
        let end = memchr(b'>', rest(at)).ok_or(Stop::Short)?;
        if !rest(at).get(..end).is_some_and(|declaration| declaration.ends_with(b"?")) {
            return Err(Stop::Odd);
        }
        at = blanks(at + end + 1);
    }
    let end = memchr(b'>', rest(at)).ok_or(Stop::Short)?;
    let start = rest(at).get(..end).unwrap_or_default();
    let attributes = start.strip_prefix(ROOT).ok_or(Stop::Odd)?;
    let quotes = attributes.iter().filter(|byte| **byte == b'"').count();
    let plain = matches!(attributes.first(), None | Some(b' '))
        && quotes % 2 == 0
        && !attributes.contains(&b'\'')
        && !attributes.contains(&b'<')
        && attributes.last() != Some(&b'/');
    if plain { Ok(at + end + 1) } else { Err(Stop::Odd) }
}

/// The text of an element without children, and the place behind it
fn leaf<'a>(text: &'a [u8], open: Open<'_>) -> Result<(Cow<'a, str>, usize), Stop> {
    if open.empty {
        return Ok((Cow::Borrowed(""), open.end));
    }
    let (content, end) = content(text, open.end, open.name)?;
    Ok((resolved(content)?, end))
}

/// The place behind an element, whatever is in it
fn skip(text: &[u8], open: Open<'_>) -> Result<usize, Stop> {
    if !is_name(open.name) {
        return Err(Stop::Odd);
    }
    if open.empty {
        return Ok(open.end);
    }
    match content(text, open.end, open.name) {
        // An entity may be broken, which is the general reader's to say.
        Ok((content, _)) if memchr(b'&', content).is_some() => return Err(Stop::Odd),
        Ok((_, end)) => return Ok(end),
        Err(Stop::Short) => return Err(Stop::Short),
        Err(Stop::Odd) => {}
    }
    let mut names = vec![open.name];
    let mut at = open.end;
    while let Some(name) = names.last().copied() {
        let behind = text.get(at..).unwrap_or_default();
        let start = memchr2(b'<', b'&', behind).ok_or(Stop::Short)?;
        if behind.get(start) == Some(&b'&') {
            return Err(Stop::Odd);
        }
        at += start;
        at = match tag(text, at)? {
            Tag::Open(open) => {
                if !open.empty {
                    names.push(open.name);
                }
                if names.len() > MAX_DEPTH || !is_name(open.name) {
                    return Err(Stop::Odd);
                }
                open.end
            }
            Tag::Close { name: closed, end } => {
                if closed != name {
                    return Err(Stop::Odd);
                }
                names.pop();
                end
            }
        };
    }
    Ok(at)
}

fn metadata(text: &[u8], at: usize, blob: &mut Blob) -> Result<usize, Stop> {
    let mut at = at;
    loop {
        let open = match tag(text, at)? {
            Tag::Open(open) => open,
            Tag::Close { name: b"Metadata", end } => return Ok(end),
            Tag::Close { .. } => return Err(Stop::Odd),
        };
        if !is_name(open.name) {
            return Err(Stop::Odd);
        }
        let (value, end) = leaf(text, open)?;
        let value = match open.encoded {
            true => percent_decode(&value).unwrap_or_else(|_| value.into_owned()),
            false => value.into_owned(),
        };
        blob.metadata.insert(String::from_utf8_lossy(open.name).into_owned(), value);
        at = end;
    }
}

/// What a `Name` holds, or why that is no name; and the place behind it
fn given_name(text: &[u8], open: Open<'_>) -> Result<(Name, usize), Stop> {
    let (text, end) = leaf(text, open)?;
    let decoded = open.encoded.then(|| percent_decode(&text));
    Ok((decoded.unwrap_or_else(|| Ok(text.into_owned())), end))
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
            Tag::Close { .. } => return Err(Stop::Odd),
        };
    }
}

fn some<T: for<'a> From<&'a str>>(text: Cow<'_, str>) -> Option<T> {
    (!text.is_empty()).then(|| (*text).into())
}

/// A blob, where there is what makes one
fn entry(
    mut blob: Blob,
    name: Option<Name>,
    size: Option<u64>,
    problem: Option<String>,
) -> Result<Blob, Malformed> {
    let (name, bad_name) = match name {
        Some(Ok(name)) => (Some(name), None),
        Some(Err(why)) => (None, Some(why)),
        None => (None, Some("it has no name")),
    };
    let missing = || size.is_none().then(|| "it has no size".to_owned());
    let why = bad_name.map(str::to_owned).or(problem).or_else(missing);
    match (name, size, why) {
        (Some(name), Some(size), None) => {
            (blob.name, blob.size) = (name, size);
            Ok(blob)
        }
        (name, _, why) => Err(Malformed::new(name, why.unwrap_or_default())),
    }
}
