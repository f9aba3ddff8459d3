//! The general reader: whatever XML a page may be.
//!
//! It reads one element of the page at each step, so that a caller can let other tasks run in between.

use quick_xml::{
    Reader, XmlVersion,
    escape::resolve_predefined_entity,
    events::{BytesStart, Event},
};

use super::field::Field;
use super::limits::{
    self, ENTRY_TOO_LARGE, Limit, MAX_ENTRY, MAX_MARKER, MAX_PAIRS, MetadataBudget, property,
};
use crate::{
    error::{Error, ErrorKind},
    store::{Blob, ContentMd5, ContentType, Malformed, NameOrder, Page},
};

/// Deeper than the format goes (metadata: 5), and shallow enough to hold on hostile input
const MAX_DEPTH: usize = 32;

/// A page that is being read
pub(super) struct XmlReader<'a> {
    events: Events<'a>,
    state: State,
}

#[derive(Clone, Copy)]
enum State {
    Root,
    Blobs,
    Epilog,
}

impl<'a> XmlReader<'a> {
    /// Reads up to the root element
    pub(super) fn new(body: &'a [u8], keeps_metadata: bool) -> Result<Self, Error> {
        let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
        let mut reader = Reader::from_reader(body);
        reader.config_mut().expand_empty_elements = true;
        let mut events = Events {
            reader,
            page: Page::default(),
            content_type: None,
            keeps_metadata,
            pairs: 0,
            start: 0,
        };
        match events.prolog()? {
            Some(root) if root == b"EnumerationResults" => {}
            Some(_) => {
                return Err(unexpected(
                    "the answer is XML of another kind than a listing; check the endpoint for a proxy",
                ));
            }
            None if body.is_empty() => return Err(truncated("the body is empty")),
            None => {
                return Err(unexpected("the answer is no listing; check the endpoint for a proxy"));
            }
        }
        Ok(Self { events, state: State::Root })
    }

    /// Reads the next element of the page; whether there was none
    pub(super) fn step(&mut self) -> Result<bool, Error> {
        let events = &mut self.events;
        events.start = events.position();
        self.state = match (self.state, events.next()?) {
            (State::Root, Event::Start(start)) => match start.name().as_ref() {
                b"Blobs" => State::Blobs,
                b"NextMarker" => {
                    events.marker()?;
                    State::Root
                }
                _ => {
                    events.skip(1)?;
                    State::Root
                }
            },
            (State::Root, Event::End(_)) => State::Epilog,
            (State::Blobs, Event::Start(start)) => {
                match start.name().as_ref() {
                    b"Blob" => events.blob()?,
                    b"BlobPrefix" => events.prefix()?,
                    _ => events.skip(2)?,
                }
                State::Blobs
            }
            (State::Blobs, Event::End(_)) => State::Root,
            (State::Root | State::Blobs, Event::Eof) => return Err(truncated("before its end")),
            (State::Epilog, Event::Eof) => return Ok(true),
            (State::Epilog, Event::Comment(_) | Event::PI(_)) => State::Epilog,
            (State::Epilog, Event::Text(text)) if text.iter().all(u8::is_ascii_whitespace) => {
                State::Epilog
            }
            (State::Epilog, _) => {
                return Err(unexpected("there is more behind the end of the listing"));
            }
            (at, _) => at,
        };
        Ok(false)
    }

    /// How many bytes have been read
    pub(super) fn position(&self) -> usize {
        self.events.position()
    }

    pub(super) fn finish(self) -> Page {
        self.events.page
    }
}

fn truncated(what: &str) -> Error {
    Error::new(ErrorKind::Truncated, format!("the listing broke off: {what}; try the page again"))
}

fn unexpected(what: &str) -> Error {
    Error::new(ErrorKind::UnexpectedAnswer, what)
}

struct Events<'a> {
    reader: Reader<&'a [u8]>,
    page: Page,
    /// The last Content-Type, shared by neighbours that have the same
    content_type: Option<ContentType>,
    keeps_metadata: bool,
    /// How many pairs of metadata the page has
    pairs: usize,
    /// Where the element of the page begins that is being read
    start: usize,
}

impl<'a> Events<'a> {
    fn position(&self) -> usize {
        usize::try_from(self.reader.buffer_position()).unwrap_or(usize::MAX)
    }

    fn next(&mut self) -> Result<Event<'a>, Error> {
        // Twice, so that an entry that is a little too large is found malformed.
        if self.position().saturating_sub(self.start) > 2 * MAX_ENTRY {
            return Err(Limit::Element.error());
        }
        match self.reader.read_event() {
            Ok(Event::DocType(_)) => {
                Err(unexpected("the listing has a DTD, which Azure's has not"))
            }
            Ok(event) => Ok(event),
            Err(quick_xml::Error::Syntax(_)) => Err(truncated("inside of a tag")),
            // The message of the decoder may hold blob names, so it is not passed on.
            Err(_) => Err(unexpected("the listing is no well-formed XML")),
        }
    }

    /// The name of the root element
    fn prolog(&mut self) -> Result<Option<Vec<u8>>, Error> {
        loop {
            match self.next()? {
                Event::Start(start) => return Ok(Some(start.name().as_ref().to_vec())),
                Event::Decl(_) | Event::Comment(_) | Event::PI(_) => {}
                Event::Text(text) if text.iter().all(u8::is_ascii_whitespace) => {}
                _ => return Ok(None),
            }
        }
    }

    fn marker(&mut self) -> Result<(), Error> {
        let marker = self.text(1)?;
        if marker.len() > MAX_MARKER {
            return Err(Limit::Marker.error());
        }
        if !marker.is_empty() {
            self.page.next = Some(marker.into());
        }
        Ok(())
    }

    /// Calls `child` with each child element, which it must consume, up to the end of this one
    fn children(
        &mut self,
        depth: usize,
        mut child: impl FnMut(&mut Self, &BytesStart<'a>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        if depth > MAX_DEPTH {
            return Err(unexpected("the listing is nested deeper than Azure's"));
        }
        loop {
            match self.next()? {
                Event::Start(start) => child(self, &start)?,
                Event::End(_) => return Ok(()),
                Event::Eof => return Err(truncated("before its end")),
                _ => {}
            }
        }
    }

    /// Leaves out an element with all that is in it
    fn skip(&mut self, depth: usize) -> Result<(), Error> {
        self.children(depth, |this, _| this.skip(depth + 1))
    }

    /// The text of an element, its children left out
    fn text(&mut self, depth: usize) -> Result<String, Error> {
        let foreign = || unexpected("the listing is not UTF-8");
        let mut out = String::new();
        loop {
            match self.next()? {
                Event::Text(text) => {
                    out.push_str(
                        &text.xml_content(XmlVersion::Implicit1_0).map_err(|_| foreign())?,
                    );
                }
                Event::CData(text) => {
                    out.push_str(
                        &text.xml_content(XmlVersion::Implicit1_0).map_err(|_| foreign())?,
                    );
                }
                Event::GeneralRef(entity) => {
                    let known = entity.resolve_char_ref().ok().flatten();
                    match (known, entity.decode().ok().as_deref()) {
                        (Some(c), _) => out.push(c),
                        (None, Some(name)) => out.push_str(
                            resolve_predefined_entity(name)
                                .ok_or_else(|| unexpected("the listing has an unknown entity"))?,
                        ),
                        (None, None) => return Err(foreign()),
                    }
                }
                Event::Start(_) => self.skip(depth + 1)?,
                Event::End(_) => return Ok(out),
                Event::Eof => return Err(truncated("before its end")),
                _ => {}
            }
        }
    }

    fn blob(&mut self) -> Result<(), Error> {
        let start = self.position();
        let mut budget = MetadataBudget::default();
        let mut blob = Blob::new(String::new(), 0);
        let mut name: Option<Result<String, &'static str>> = None;
        let mut size: Option<u64> = None;
        let mut problem: Option<String> = None;
        self.children(2, |this, start| {
            match start.name().as_ref() {
                b"Name" => name = Some(this.name(start)?),
                b"Snapshot" => {
                    blob.snapshot = property(&this.text(3)?, "Snapshot", &mut problem);
                }
                b"VersionId" => {
                    blob.version_id = property(&this.text(3)?, "VersionId", &mut problem);
                }
                b"IsCurrentVersion" => blob.is_current_version = Some(this.text(3)? == "true"),
                b"Properties" => this.children(3, |this, start| {
                    this.property(start, &mut blob, &mut size, &mut problem)
                })?,
                b"Metadata" if this.keeps_metadata => this.children(3, |this, start| {
                    let encoded = is_encoded(start);
                    let value = this.text(4)?;
                    let value =
                        if encoded { percent_decode(&value).unwrap_or(value) } else { value };
                    let key = start.name();
                    budget.insert(&mut blob.metadata, key.as_ref(), value, &mut problem);
                    Ok(())
                })?,
                other => this.state(Field::of_state(other), 3, &mut blob)?,
            }
            Ok(())
        })?;
        self.pairs += blob.metadata.len();
        if self.pairs > MAX_PAIRS {
            return Err(Limit::Pairs.error());
        }
        if self.position() - start > MAX_ENTRY {
            self.page.push_malformed(Malformed::new(None, ENTRY_TOO_LARGE));
            return self.check_count();
        }
        let (name, bad_name) = match name {
            Some(Ok(name)) => (Some(name), None),
            Some(Err(why)) => (None, Some(why)),
            None => (None, Some("it has no name")),
        };
        let missing = size.is_none().then(|| "it has no size".to_owned());
        match (name, size, bad_name.map(str::to_owned).or(problem).or(missing)) {
            (Some(name), Some(size), None) => {
                (blob.name, blob.size) = (name, size);
                self.page.blobs.push(blob);
            }
            (name, _, why) => {
                let why = why.unwrap_or_default();
                self.page.push_malformed(Malformed::new(name, why));
            }
        }
        self.check_count()
    }

    fn check_count(&self) -> Result<(), Error> {
        if self.page.has_too_many_entries() { Err(Limit::Entries.error()) } else { Ok(()) }
    }

    fn prefix(&mut self) -> Result<(), Error> {
        let mut name: Option<Result<String, &'static str>> = None;
        self.children(2, |this, start| {
            match start.name().as_ref() {
                b"Name" => name = Some(this.name(start)?),
                _ => this.skip(3)?,
            }
            Ok(())
        })?;
        match prefix(name) {
            Ok(prefix) => self.page.prefixes.push(prefix),
            Err(entry) => self.page.push_malformed(entry),
        }
        self.check_count()
    }

    /// The name that an element holds, or why there is none
    fn name(&mut self, start: &BytesStart<'a>) -> Result<Result<String, &'static str>, Error> {
        let encoded = is_encoded(start);
        let text = self.text(3)?;
        let name = if encoded { percent_decode(&text) } else { Ok(text) };
        Ok(name.and_then(limits::name))
    }

    fn property(
        &mut self,
        start: &BytesStart<'a>,
        blob: &mut Blob,
        size: &mut Option<u64>,
        problem: &mut Option<String>,
    ) -> Result<(), Error> {
        let date = |text: String, what: &str, problem: &mut Option<String>| {
            if text.is_empty() {
                return None;
            }
            let parsed = httpdate::parse_http_date(&text).ok();
            if parsed.is_none() {
                *problem = Some(format!("its {what} is no RFC 1123 date"));
            }
            parsed
        };
        match start.name().as_ref() {
            b"Content-Length" => {
                let text = self.text(4)?;
                *size = text.parse().ok();
                if size.is_none() && !text.is_empty() {
                    *problem = Some("its Content-Length is no size".to_owned());
                }
            }
            b"Etag" => {
                blob.etag = property(&self.text(4)?, "Etag", problem);
            }
            b"Last-Modified" => {
                blob.last_modified = date(self.text(4)?, "Last-Modified", problem);
            }
            b"Creation-Time" => blob.created = date(self.text(4)?, "Creation-Time", problem),
            b"Content-Type" => {
                let text = self.text(4)?;
                let last = self.content_type.as_ref().filter(|last| last.as_str() == text);
                blob.content_type = match last {
                    Some(last) => Some(last.clone()),
                    None => property(&text, "Content-Type", problem),
                };
                self.content_type.clone_from(&blob.content_type);
            }
            b"Content-Encoding" => {
                blob.content_encoding = property(&self.text(4)?, "Content-Encoding", problem);
            }
            // A digest that cannot be read is as good as none: it is only ever a hint.
            b"Content-MD5" => blob.content_md5 = ContentMd5::from_base64(self.text(4)?.as_bytes()),
            b"BlobType" => blob.blob_type = property(&self.text(4)?, "BlobType", problem),
            b"AccessTier" => blob.access_tier = property(&self.text(4)?, "AccessTier", problem),
            b"ResourceType" => {
                blob.is_directory = self.text(4)? == "directory";
                self.page.order = NameOrder::Segments;
            }
            other => self.state(Field::of_state(other), 4, blob)?,
        }
        Ok(())
    }

    /// Reads an element that can say that a blob cannot be read; skips any other
    fn state(&mut self, field: Field, depth: usize, blob: &mut Blob) -> Result<(), Error> {
        if field == Field::Unread {
            return self.skip(depth);
        }
        let why = field.unreadable(&self.text(depth)?);
        blob.unreadable = blob.unreadable.or(why);
        Ok(())
    }
}

/// Whether the element says `Encoded="true"`, as for names that XML cannot hold
fn is_encoded(start: &BytesStart<'_>) -> bool {
    start
        .try_get_attribute("Encoded")
        .ok()
        .flatten()
        .is_some_and(|attribute| attribute.value.eq_ignore_ascii_case(b"true"))
}

/// A common prefix, where there is what makes one
pub(super) fn prefix(name: Option<Result<String, &'static str>>) -> Result<String, Malformed> {
    let why = match name {
        Some(Ok(name)) => return Ok(name),
        Some(Err(why)) => why,
        None => "it has no name",
    };
    Err(Malformed::new(None, format!("a common prefix: {why}")))
}

pub(super) fn percent_decode(text: &str) -> Result<String, &'static str> {
    let decoded = percent_encoding::percent_decode_str(text).decode_utf8();
    decoded.map(Into::into).map_err(|_| "its encoded name is not UTF-8")
}
