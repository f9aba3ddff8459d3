//! What is read of a blob: which elements, and what their text means.

use std::{iter, time::SystemTime};

use super::{
    date::imf_fixdate,
    element::{Open, after, find, is_marked, resolved},
    fast::Stop,
    slow::percent_decode,
};
use crate::store::{Blob, ContentMd5, ContentType, ETag, MAX_PAGE, Malformed, NameOrder, Page};

/// How many different Content-Types of a page are shared by its blobs
const SHARED_TYPES: usize = 8;

/// A name, or why there is none
pub(super) type Name = Result<String, &'static str>;

/// An element without children
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Name,
    EncodedName,
    Snapshot,
    VersionId,
    IsCurrentVersion,
    ContentLength,
    Etag,
    LastModified,
    CreationTime,
    ContentType,
    ContentEncoding,
    ContentMd5,
    BlobType,
    AccessTier,
    ResourceType,
    /// One that this crate does not read
    Unread,
}

impl Field {
    pub(super) fn is_name(self) -> bool {
        matches!(self, Self::Name | Self::EncodedName)
    }

    /// Whether most blobs of a container have this text alike
    pub(super) fn is_alike(self) -> bool {
        matches!(
            self,
            Self::ContentEncoding | Self::BlobType | Self::AccessTier | Self::ResourceType
        )
    }

    /// What an element is directly in a blob
    pub(super) fn of_blob(open: Open<'_>) -> Self {
        match open.name {
            b"Name" if open.encoded => Self::EncodedName,
            b"Name" => Self::Name,
            b"Snapshot" => Self::Snapshot,
            b"VersionId" => Self::VersionId,
            b"IsCurrentVersion" => Self::IsCurrentVersion,
            _ => Self::Unread,
        }
    }

    /// What an element is in a blob's properties
    pub(super) fn of_properties(open: Open<'_>) -> Self {
        match open.name {
            b"Content-Length" => Self::ContentLength,
            b"Etag" => Self::Etag,
            b"Last-Modified" => Self::LastModified,
            b"Creation-Time" => Self::CreationTime,
            b"Content-Type" => Self::ContentType,
            b"Content-Encoding" => Self::ContentEncoding,
            b"Content-MD5" => Self::ContentMd5,
            b"BlobType" => Self::BlobType,
            b"AccessTier" => Self::AccessTier,
            b"ResourceType" => Self::ResourceType,
            _ => Self::Unread,
        }
    }
}

/// A blob of which not all is read yet
pub(super) struct Draft<'a> {
    /// In the page already: to copy it there would take a good part of the time that reading does
    pub(super) blob: &'a mut Blob,
    name: Option<Name>,
    size: Option<u64>,
    problem: Option<String>,
    /// Whether it says what only an account with a hierarchical namespace says
    has_path: bool,
}

impl Draft<'_> {
    /// Adds a blob to a page, where there is what makes one: `read` takes it and says where it ends
    #[inline]
    pub(super) fn add(
        page: &mut Page,
        read: impl FnOnce(&mut Draft<'_>) -> Result<usize, Stop>,
    ) -> Result<usize, Stop> {
        make_room(&mut page.blobs);
        // Made in its place, which is there already: else it would be copied there.
        page.blobs.extend(iter::once_with(|| Blob::new(String::new(), 0)));
        let Some(blob) = page.blobs.last_mut() else { return Err(Stop::Odd) };
        let mut draft = Draft { blob, name: None, size: None, problem: None, has_path: false };
        let end = read(&mut draft);
        let Draft { blob, name, size, problem, has_path } = draft;
        if has_path && end.is_ok() {
            page.order = NameOrder::Segments;
        }
        match (&end, name, size, problem) {
            (Ok(_), Some(Ok(name)), Some(size), None) => (blob.name, blob.size) = (name, size),
            (_, name, _, problem) => {
                page.blobs.pop();
                if end.is_ok() {
                    page.set_aside(malformed(name, problem));
                }
            }
        }
        end
    }
}

#[cold]
fn malformed(name: Option<Name>, problem: Option<String>) -> Malformed {
    let (name, bad_name) = match name {
        Some(Ok(name)) => (Some(name), None),
        Some(Err(why)) => (None, Some(why)),
        None => (None, Some("it has no name")),
    };
    let why = bad_name.map(str::to_owned).or(problem);
    Malformed::new(name, why.unwrap_or_else(|| "it has no size".to_owned()))
}

/// Grows in few steps: most pages are small or full, and what is not used costs no memory
fn make_room(blobs: &mut Vec<Blob>) {
    if blobs.len() == blobs.capacity() {
        let steps = [64, 640, usize::from(MAX_PAGE)];
        let step = steps.into_iter().find(|step| *step > blobs.len());
        blobs.reserve_exact(step.unwrap_or(blobs.len() * 2) - blobs.len());
    }
}

/// Reads the text of elements, and what the blobs of a page share
#[derive(Default)]
pub(super) struct Fields {
    /// Content-Types, each with the text that it was read from
    types: Vec<(Box<[u8]>, ContentType)>,
    /// The date that was read last: a blob's two are often the same
    date: Option<([u8; 29], SystemTime)>,
}

impl Fields {
    /// Takes the text that something begins with, up to the next `<`: as [`take`](Self::take) would,
    /// without a search for where the text ends; its length, or `None` where that does not work
    #[inline]
    pub(super) fn take_ahead(
        &mut self,
        field: Field,
        rest: &[u8],
        draft: &mut Draft<'_>,
    ) -> Option<usize> {
        // None of these texts can have a `<`, and none that is taken here an entity.
        let blob = &mut *draft.blob;
        let length = match field {
            Field::LastModified | Field::CreationTime => {
                let time = self.fixdate(rest.first_chunk()?)?;
                match field {
                    Field::LastModified => blob.last_modified = Some(time),
                    _ => blob.created = Some(time),
                }
                29
            }
            Field::ContentLength => {
                let (size, length) = digits(rest)?;
                draft.size = Some(size);
                length
            }
            Field::Etag => {
                let content = rest.get(..find(b'<', rest)?)?;
                ETag::put_ascii(&mut blob.etag, content).filter(|()| !is_marked(content))?;
                return Some(content.len());
            }
            Field::Unread => {
                let content = rest.get(..find(b'<', rest)?)?;
                return find(b'&', content).is_none().then_some(content.len());
            }
            Field::ContentType => {
                let is_next =
                    |text: &[u8]| after(rest, text).is_some_and(|rest| rest.first() == Some(&b'<'));
                let (text, known) = self.types.iter().find(|(text, _)| is_next(text))?;
                blob.content_type = Some(known.clone());
                text.len()
            }
            Field::ContentMd5 => {
                ContentMd5::put_base64(&mut blob.content_md5, rest.first_chunk::<24>()?)?;
                24
            }
            _ => return None,
        };
        (rest.get(length) == Some(&b'<')).then_some(length)
    }

    /// Takes an element's text, as it is written, into the draft
    pub(super) fn take(
        &mut self,
        field: Field,
        content: &[u8],
        draft: &mut Draft<'_>,
    ) -> Result<(), Stop> {
        let blob = &mut *draft.blob;
        match field {
            Field::Name => draft.name = Some(Ok(resolved(content)?.into_owned())),
            Field::EncodedName => draft.name = Some(percent_decode(&resolved(content)?)),
            Field::Snapshot => blob.snapshot = some(content)?,
            Field::VersionId => blob.version_id = some(content)?,
            Field::IsCurrentVersion => blob.is_current_version = Some(resolved(content)? == "true"),
            Field::ContentLength => {
                let text = resolved(content)?;
                draft.size = text.parse().ok();
                if draft.size.is_none() && !text.is_empty() {
                    draft.problem = Some("its Content-Length is no size".to_owned());
                }
            }
            Field::Etag => blob.etag = some(content)?,
            Field::LastModified => {
                blob.last_modified = self.date(content, "Last-Modified", &mut draft.problem)?;
            }
            Field::CreationTime => {
                blob.created = self.date(content, "Creation-Time", &mut draft.problem)?;
            }
            Field::ContentType => blob.content_type = self.content_type(content)?,
            Field::ContentEncoding => blob.content_encoding = some(content)?,
            // A digest that cannot be read is as good as none: it is only ever a hint.
            Field::ContentMd5 => {
                blob.content_md5 = ContentMd5::from_base64(resolved(content)?.as_bytes());
            }
            Field::BlobType => blob.blob_type = some(content)?,
            Field::AccessTier => blob.access_tier = some(content)?,
            Field::ResourceType => {
                blob.is_directory = resolved(content)? == "directory";
                draft.has_path = true;
            }
            // An entity may be broken, which is the general reader's to say.
            Field::Unread if find(b'&', content).is_some() => return Err(Stop::Odd),
            Field::Unread => {}
        }
        Ok(())
    }

    fn date(
        &mut self,
        content: &[u8],
        what: &str,
        problem: &mut Option<String>,
    ) -> Result<Option<SystemTime>, Stop> {
        if let Ok(text) = content.try_into()
            && let Some(time) = self.fixdate(text)
        {
            return Ok(Some(time));
        }
        let text = resolved(content)?;
        if text.is_empty() {
            return Ok(None);
        }
        let time = httpdate::parse_http_date(&text).ok();
        if time.is_none() {
            *problem = Some(format!("its {what} is no RFC 1123 date"));
        }
        Ok(time)
    }

    #[inline]
    fn fixdate(&mut self, text: &[u8; 29]) -> Option<SystemTime> {
        match &self.date {
            Some((last, time)) if last == text => Some(*time),
            _ => {
                let time = imf_fixdate(text)?;
                self.date = Some((*text, time));
                Some(time)
            }
        }
    }

    fn content_type(&mut self, content: &[u8]) -> Result<Option<ContentType>, Stop> {
        if let Some((_, known)) = self.types.iter().find(|(text, _)| **text == *content) {
            return Ok(Some(known.clone()));
        }
        let new: Option<ContentType> = some(content)?;
        if let Some(new) = &new
            && self.types.len() < SHARED_TYPES
        {
            self.types.push((content.into(), new.clone()));
        }
        Ok(new)
    }
}

/// The number that something begins with, and how many digits it has; `None` where it may be too large
fn digits(text: &[u8]) -> Option<(u64, usize)> {
    /// So many digits always fit.
    const MOST: usize = 19;
    let mut number = 0;
    for (length, byte) in text.iter().enumerate().take(MOST + 1) {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return (length > 0).then_some((number, length));
        }
        if length < MOST {
            number = number * 10 + u64::from(digit);
        }
    }
    None
}

/// What a text makes, if there is any
fn some<T: for<'a> From<&'a str>>(content: &[u8]) -> Result<Option<T>, Stop> {
    let text = resolved(content)?;
    Ok((!text.is_empty()).then(|| (*text).into()))
}
