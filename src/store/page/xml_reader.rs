//! The XML reader: reads a page whatever legal XML it is.
//!
//! Slower than the scanner, and complete: comments, CDATA, attributes, any order. It needs the rest
//! of the page at once, and reads one element of the page per step, so that a caller can let other
//! tasks run in between.

use quick_xml::{
    Reader, XmlVersion,
    escape::resolve_predefined_entity,
    events::{BytesStart, Event},
};

use super::{
    field::Field,
    limits::{Limit, MAX_ENTRY, MAX_MARKER, MAX_PAIRS, MetadataBudget, property},
    name::{Name, checked, common_prefix, percent_decode},
    partial::PartialPage,
    problem::{BAD_SIZE, ENTRY_TOO_LARGE, NO_NAME, NO_SIZE, bad_date},
};
use crate::{
    error::{Error, ErrorKind},
    store::{Blob, ContentMd5, ContentType, Malformed, NameOrder},
};

/// The deepest nesting that is read. The format has 5 levels, in metadata; the limit bounds the
/// recursion.
const MAX_DEPTH: usize = 32;

/// A page that is being read.
pub(super) struct XmlReader<'a> {
    events: Events<'a>,
    state: State,
}

/// The part of the page that comes next.
#[derive(Clone, Copy)]
enum State {
    /// The children of the root element.
    Root,
    /// The children of `Blobs`.
    Blobs,
    /// The text after the root element.
    Epilog,
}

impl<'a> XmlReader<'a> {
    /// Creates a reader, and reads the start tag of the root element.
    pub(super) fn new(body: &'a [u8], keeps_metadata: bool) -> Result<Self, Error> {
        // The byte order mark is not part of the document.
        let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
        let mut reader = Reader::from_reader(body);
        // An empty element then has a start and an end event, like any other element.
        reader.config_mut().expand_empty_elements = true;
        let mut events = Events {
            reader,
            page: PartialPage::default(),
            content_type: None,
            keeps_metadata,
            pairs: 0,
            start: 0,
        };
        match events.prolog()? {
            Some(root) if root == b"EnumerationResults" => {}
            Some(_) => {
                return Err(unexpected(
                    "the answer is XML, but not a listing of blobs; check whether a proxy answers for the endpoint",
                ));
            }
            // An empty body is the usual form of a connection that broke, so a retry can help.
            None if body.is_empty() => return Err(truncated("it is empty")),
            None => {
                return Err(unexpected(
                    "the answer is not a listing of blobs; check whether a proxy answers for the endpoint",
                ));
            }
        }
        Ok(Self { events, state: State::Root })
    }

    /// Reads the next element of the page; returns whether the page has ended.
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
            (State::Root | State::Blobs, Event::Eof) => {
                return Err(truncated("it ends before its last element"));
            }
            (State::Epilog, Event::Eof) => return Ok(true),
            (State::Epilog, Event::Comment(_) | Event::PI(_)) => State::Epilog,
            (State::Epilog, Event::Text(text)) if text.iter().all(u8::is_ascii_whitespace) => {
                State::Epilog
            }
            // A second document would mean that two answers were mixed.
            (State::Epilog, _) => {
                return Err(unexpected("the listing is followed by other content"));
            }
            // Comments, blanks and other texts between the elements.
            (state, _) => state,
        };
        Ok(false)
    }

    /// Returns how many bytes have been read.
    pub(super) fn position(&self) -> usize {
        self.events.position()
    }

    /// Returns the page. Its order of names is `Bytes` unless a blob shows another one.
    pub(super) fn finish(self) -> PartialPage {
        self.events.page
    }
}

/// Returns the error for a body that breaks off, which a retry can help against.
fn truncated(how: &str) -> Error {
    let what = format!("a page of the listing is truncated: {how}; request the page again");
    Error::new(ErrorKind::Truncated, what)
}

/// Returns the error for a body that no retry would change.
fn unexpected(what: &str) -> Error {
    Error::new(ErrorKind::UnexpectedAnswer, what)
}

/// The events of the XML library, and the page so far.
struct Events<'a> {
    reader: Reader<&'a [u8]>,
    page: PartialPage,
    /// The last Content-Type, which the next blob shares if it has the same.
    content_type: Option<ContentType>,
    keeps_metadata: bool,
    /// How many pairs of metadata the page has.
    pairs: usize,
    /// The position where the current element of the page begins.
    start: usize,
}

impl<'a> Events<'a> {
    /// Returns how many bytes have been read.
    fn position(&self) -> usize {
        usize::try_from(self.reader.buffer_position()).unwrap_or(usize::MAX)
    }

    /// Returns the next event, or an error if the current element is too large.
    fn next(&mut self) -> Result<Event<'a>, Error> {
        // Twice the limit, so that an entry slightly beyond it becomes a malformed entry.
        if self.position().saturating_sub(self.start) > 2 * MAX_ENTRY {
            return Err(Limit::Element.error());
        }
        match self.reader.read_event() {
            Ok(Event::DocType(_)) => {
                // Entities of a DTD could expand without bound.
                Err(unexpected("the listing has a DTD, which Azure never sends"))
            }
            Ok(event) => Ok(event),
            // The library reports a syntax error if a construct does not end.
            Err(quick_xml::Error::Syntax(_)) => Err(truncated("it ends within a tag")),
            // The message of the library may quote blob names, so it is not passed on.
            Err(_) => Err(unexpected("the listing is not well-formed XML")),
        }
    }

    /// Reads up to the root element; returns its name, or `None` if the body is not XML.
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

    /// Reads the continuation marker.
    fn marker(&mut self) -> Result<(), Error> {
        let marker = self.text(1)?;
        if marker.len() > MAX_MARKER {
            return Err(Limit::Marker.error());
        }
        // If there are several markers, an empty one does not end the listing.
        if !marker.is_empty() {
            self.page.next = Some(marker.into());
        }
        Ok(())
    }

    /// Calls `child` with each child of the current element, which `child` must read to its end.
    fn children(
        &mut self,
        depth: usize,
        mut child: impl FnMut(&mut Self, &BytesStart<'a>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        if depth > MAX_DEPTH {
            return Err(unexpected("the listing has elements nested more than 32 levels deep"));
        }
        loop {
            match self.next()? {
                Event::Start(start) => child(self, &start)?,
                Event::End(_) => return Ok(()),
                Event::Eof => return Err(truncated("it ends before its last element")),
                _ => {}
            }
        }
    }

    /// Skips the current element with all its children.
    fn skip(&mut self, depth: usize) -> Result<(), Error> {
        self.children(depth, |this, _| this.skip(depth + 1))
    }

    /// Reads the text of the current element, without that of its children.
    fn text(&mut self, depth: usize) -> Result<String, Error> {
        let foreign = || unexpected("the listing is not UTF-8");
        let mut out = String::new();
        loop {
            match self.next()? {
                // A text arrives in parts, between its entities and CDATA sections. `xml_content`
                // normalizes line ends.
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
                    // Only the five predefined entities and characters by number: without a DTD
                    // there are no others.
                    let known = entity.resolve_char_ref().ok().flatten();
                    match (known, entity.decode().ok().as_deref()) {
                        (Some(c), _) => out.push(c),
                        (None, Some(name)) => out
                            .push_str(resolve_predefined_entity(name).ok_or_else(|| {
                                unexpected("the listing has an undefined entity")
                            })?),
                        (None, None) => return Err(foreign()),
                    }
                }
                // An element where a text is expected is ignored, like any unknown element.
                Event::Start(_) => self.skip(depth + 1)?,
                Event::End(_) => return Ok(out),
                Event::Eof => return Err(truncated("it ends before its last element")),
                _ => {}
            }
        }
    }

    /// Reads a `Blob` into the page, as a blob or as a malformed entry.
    fn blob(&mut self) -> Result<(), Error> {
        let start = self.position();
        let mut budget = MetadataBudget::default();
        let mut blob = Blob::new(String::new(), 0);
        let mut name: Option<Name> = None;
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
                // Also skips `Metadata` that was not requested.
                other => this.state(Field::of_state(other), 3, &mut blob)?,
            }
            Ok(())
        })?;
        self.pairs += blob.metadata.len();
        if self.pairs > MAX_PAIRS {
            return Err(Limit::Pairs.error());
        }
        // Without the name, which may be the part that is too large.
        if self.position() - start > MAX_ENTRY {
            self.page.push_malformed(Malformed::new(None, ENTRY_TOO_LARGE));
            return self.check_count();
        }
        let (name, bad_name) = match name {
            Some(Ok(name)) => (Some(name), None),
            Some(Err(why)) => (None, Some(why)),
            None => (None, Some(NO_NAME)),
        };
        // The name is reported first, then a value that cannot be read, then a missing size: the
        // order of `Draft`, so that both readers give the same detail.
        let missing = size.is_none().then(|| NO_SIZE.to_owned());
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

    /// Fails if the page has more entries than the limit.
    fn check_count(&self) -> Result<(), Error> {
        if self.page.has_too_many_entries() { Err(Limit::Entries.error()) } else { Ok(()) }
    }

    /// Reads a `BlobPrefix` into the page.
    fn prefix(&mut self) -> Result<(), Error> {
        let mut name: Option<Name> = None;
        self.children(2, |this, start| {
            match start.name().as_ref() {
                b"Name" => name = Some(this.name(start)?),
                _ => this.skip(3)?,
            }
            Ok(())
        })?;
        match common_prefix(name) {
            Ok(prefix) => self.page.prefixes.push(prefix),
            Err(entry) => self.page.push_malformed(entry),
        }
        self.check_count()
    }

    /// Reads a `Name`; the inner result is the name, or why it is unusable.
    fn name(&mut self, start: &BytesStart<'a>) -> Result<Name, Error> {
        let encoded = is_encoded(start);
        let text = self.text(3)?;
        let name = if encoded { percent_decode(&text) } else { Ok(text) };
        Ok(name.and_then(checked))
    }

    /// Reads a child of `Properties` into the blob, its size, or the problem that makes it
    /// malformed.
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
                *problem = Some(bad_date(what));
            }
            parsed
        };
        match start.name().as_ref() {
            b"Content-Length" => {
                let text = self.text(4)?;
                *size = text.parse().ok();
                if size.is_none() && !text.is_empty() {
                    *problem = Some(BAD_SIZE.to_owned());
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
                // Only the last type is compared, because neighbors usually have the same one.
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
            // An unreadable digest counts as absent, because a digest is only a hint.
            b"Content-MD5" => blob.content_md5 = ContentMd5::from_base64(self.text(4)?.as_bytes()),
            b"BlobType" => blob.blob_type = property(&self.text(4)?, "BlobType", problem),
            b"AccessTier" => blob.access_tier = property(&self.text(4)?, "AccessTier", problem),
            b"ResourceType" => {
                blob.is_directory = self.text(4)? == "directory";
                // Only accounts with a hierarchical namespace have this property, and they list by
                // segments.
                self.page.order = NameOrder::Segments;
            }
            other => self.state(Field::of_state(other), 4, blob)?,
        }
        Ok(())
    }

    /// Reads an element that can mean that the blob is unreadable; skips any other element.
    fn state(&mut self, field: Field, depth: usize, blob: &mut Blob) -> Result<(), Error> {
        if field == Field::Unread {
            return self.skip(depth);
        }
        let why = field.unreadable(&self.text(depth)?);
        // The first reason stays, as in the scanner.
        blob.unreadable = blob.unreadable.or(why);
        Ok(())
    }
}

/// Returns whether an element has the attribute `Encoded="true"`.
fn is_encoded(start: &BytesStart<'_>) -> bool {
    start
        .try_get_attribute("Encoded")
        .ok()
        .flatten()
        .is_some_and(|attribute| attribute.value.eq_ignore_ascii_case(b"true"))
}
