//! What is read of a blob: which elements, and what their text means.

use std::{mem, time::SystemTime};

use super::{
    date::Dates,
    element::{Open, after, before_tag, resolved},
    limits::{self, ENTRY_TOO_LARGE, MetadataBudget, is_long_name},
    scanner::Stop,
    xml_reader::percent_decode,
};
use crate::store::{
    Blob, ContentMd5, ContentType, ETag, MAX_PAGE, Malformed, NameOrder, Page, Unreadable,
};

/// How many different Content-Types of a page are shared by its blobs
const MAX_SHARED_TYPES: usize = 8;

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
    Deleted,
    HasVersionsOnly,
    CustomerKey,
    ArchiveStatus,
    CopyStatus,
    IncrementalCopy,
    /// One that this crate does not read
    Unread,
}

impl Field {
    pub(super) fn is_name(self) -> bool {
        matches!(self, Self::Name | Self::EncodedName)
    }

    /// Whether most blobs of a container have this text alike
    pub(super) fn is_shared(self) -> bool {
        matches!(
            self,
            Self::ContentEncoding
                | Self::BlobType
                | Self::AccessTier
                | Self::ResourceType
                | Self::Deleted
                | Self::HasVersionsOnly
                | Self::CustomerKey
                | Self::ArchiveStatus
                | Self::CopyStatus
                | Self::IncrementalCopy
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
            other => Self::of_state(other),
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
            other => Self::of_state(other),
        }
    }

    /// Returns the element of this name if it can say that a blob cannot be read
    pub(super) fn of_state(name: &[u8]) -> Self {
        match name {
            b"Deleted" => Self::Deleted,
            b"HasVersionsOnly" => Self::HasVersionsOnly,
            b"CustomerProvidedKeySha256" => Self::CustomerKey,
            b"ArchiveStatus" => Self::ArchiveStatus,
            b"CopyStatus" => Self::CopyStatus,
            b"IncrementalCopy" => Self::IncrementalCopy,
            _ => Self::Unread,
        }
    }

    /// Returns why a blob cannot be read if this element has this text
    pub(super) fn unreadable(self, text: &str) -> Option<Unreadable> {
        let (is_so, why) = match self {
            Self::Deleted => (text == "true", Unreadable::Deleted),
            Self::HasVersionsOnly => (text == "true", Unreadable::NoCurrentVersion),
            Self::CustomerKey => (!text.is_empty(), Unreadable::CustomerKey),
            Self::ArchiveStatus => (text.starts_with("rehydrate-pending"), Unreadable::Rehydrating),
            Self::CopyStatus => {
                (matches!(text, "pending" | "aborted" | "failed"), Unreadable::CopyIncomplete)
            }
            Self::IncrementalCopy => (text == "true", Unreadable::IncrementalCopy),
            _ => return None,
        };
        is_so.then_some(why)
    }
}

/// A blob of which not all is read yet
pub(super) struct Draft<'a> {
    /// In the page already: to copy it there would take a good part of the time that reading does
    pub(super) blob: &'a mut Blob,
    /// Whether there is a name, or why there is none
    name: Option<Result<(), &'static str>>,
    size: Option<u64>,
    problem: Option<String>,
    /// Whether it says what only an account with a hierarchical namespace says
    has_path: bool,
    /// Whether its text is longer than an entry can be
    pub(super) is_large: bool,
    /// How much more metadata it may have
    budget: MetadataBudget,
}

impl Draft<'_> {
    /// Adds a blob to a page, where there is what makes one: it begins as what `begin` makes, and `read`
    /// takes the rest
    #[inline]
    pub(super) fn add<T>(
        page: &mut Page,
        begin: impl FnMut() -> Blob,
        read: impl FnOnce(&mut Draft<'_>) -> Result<T, Stop>,
    ) -> Result<T, Stop> {
        reserve_blobs(&mut page.blobs);
        // Made in its place, which is there already: else it would be copied there.
        page.blobs.resize_with(page.blobs.len() + 1, begin);
        let Some(blob) = page.blobs.last_mut() else { return Err(Stop::Fallback) };
        let mut draft = Draft {
            blob,
            name: None,
            size: None,
            problem: None,
            has_path: false,
            is_large: false,
            budget: MetadataBudget::default(),
        };
        let read = read(&mut draft);
        let Draft { blob, name, size, problem, has_path, is_large, budget: _ } = draft;
        if let (Ok(_), Some(Ok(())), Some(size), None, false) =
            (&read, name, size, &problem, is_large)
        {
            blob.size = size;
        } else {
            let name = name.map(|name| name.map(|()| mem::take(&mut blob.name)));
            page.blobs.pop();
            if read.is_ok() {
                page.push_malformed(match is_large {
                    true => Malformed::new(None, ENTRY_TOO_LARGE),
                    false => malformed(name, problem),
                });
            }
        }
        if has_path && read.is_ok() {
            page.order = NameOrder::Segments;
        }
        read
    }

    /// Names the blob by a text without marks
    #[inline]
    pub(super) fn set_plain_name(&mut self, name: &[u8]) -> Result<(), Stop> {
        // The copy is checked rather than the text, because the copy is aligned.
        if name.len() <= limits::MAX_NAME {
            self.set_name(Ok(String::from_utf8(name.to_vec()).map_err(|_| Stop::Fallback)?));
            return Ok(());
        }
        let name = str::from_utf8(name).map_err(|_| Stop::Fallback)?;
        self.set_name(if is_long_name(name) {
            Err(limits::NAME_TOO_LONG)
        } else {
            Ok(name.to_owned())
        });
        Ok(())
    }

    fn set_name(&mut self, name: Name) {
        self.name = Some(name.map(|name| self.blob.name = name));
    }

    /// Adds a pair of metadata
    pub(super) fn add_metadata(&mut self, key: &[u8], value: String) {
        self.budget.insert(&mut self.blob.metadata, key, value, &mut self.problem);
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
fn reserve_blobs(blobs: &mut Vec<Blob>) {
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
    dates: Dates,
}

impl Fields {
    /// Takes the text that something begins with, as [`take`](Self::take) would if it ended behind the
    /// length that this gives, which is the caller's to see; `None` where that does not work
    #[inline]
    pub(super) fn take_prefix(
        &mut self,
        field: Field,
        rest: &[u8],
        draft: &mut Draft<'_>,
    ) -> Option<usize> {
        // What is taken here means what is written: it has no entity, or was looked up as it is written.
        let blob = &mut *draft.blob;
        Some(match field {
            Field::LastModified | Field::CreationTime => {
                let time = self.dates.read(rest.first_chunk()?)?;
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
                let (content, is_plain) = before_tag(rest)?;
                if !is_plain {
                    return None;
                }
                ETag::put_ascii(&mut blob.etag, content)?;
                content.len()
            }
            Field::Unread => {
                let (content, is_plain) = before_tag(rest)?;
                if !is_plain {
                    return None;
                }
                content.len()
            }
            Field::ContentType => {
                let is_next =
                    |text: &[u8]| after(rest, text).is_some_and(|rest| rest.first() == Some(&b'<'));
                let (text, known) = self.types.iter().find(|(text, _)| is_next(text))?;
                blob.content_type = Some(known.clone());
                text.len()
            }
            Field::ContentMd5 => {
                blob.content_md5 = Some(ContentMd5::from_base64(rest.first_chunk::<24>()?)?);
                24
            }
            _ => return None,
        })
    }

    /// Takes the text that something begins with, up to the next `<`: its length; not inlined, since it is
    /// rare where it is called
    #[inline(never)]
    pub(super) fn take_until_tag(
        &mut self,
        field: Field,
        rest: &[u8],
        draft: &mut Draft<'_>,
    ) -> Result<usize, Stop> {
        let (found, _) = before_tag(rest).ok_or(Stop::NeedMore)?;
        self.take(field, found, draft)?;
        Ok(found.len())
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
            Field::Name => {
                let name = resolved(content)?;
                let is_long = is_long_name(&name);
                draft.set_name(if is_long {
                    Err(limits::NAME_TOO_LONG)
                } else {
                    Ok(name.into_owned())
                });
            }
            Field::EncodedName => {
                draft.set_name(percent_decode(&resolved(content)?).and_then(limits::name));
            }
            Field::Snapshot => blob.snapshot = some(content, "Snapshot", &mut draft.problem)?,
            Field::VersionId => blob.version_id = some(content, "VersionId", &mut draft.problem)?,
            Field::IsCurrentVersion => blob.is_current_version = Some(resolved(content)? == "true"),
            Field::ContentLength => {
                let text = resolved(content)?;
                draft.size = text.parse().ok();
                if draft.size.is_none() && !text.is_empty() {
                    draft.problem = Some("its Content-Length is no size".to_owned());
                }
            }
            Field::Etag => blob.etag = some(content, "Etag", &mut draft.problem)?,
            Field::LastModified => {
                blob.last_modified = self.date(content, "Last-Modified", &mut draft.problem)?;
            }
            Field::CreationTime => {
                blob.created = self.date(content, "Creation-Time", &mut draft.problem)?;
            }
            Field::ContentType => {
                blob.content_type = self.content_type(content, &mut draft.problem)?;
            }
            Field::ContentEncoding => {
                blob.content_encoding = some(content, "Content-Encoding", &mut draft.problem)?;
            }
            // A digest that cannot be read is as good as none: it is only ever a hint.
            Field::ContentMd5 => {
                blob.content_md5 = ContentMd5::from_base64(resolved(content)?.as_bytes());
            }
            Field::BlobType => blob.blob_type = some(content, "BlobType", &mut draft.problem)?,
            Field::AccessTier => {
                blob.access_tier = some(content, "AccessTier", &mut draft.problem)?;
            }
            Field::ResourceType => {
                blob.is_directory = resolved(content)? == "directory";
                draft.has_path = true;
            }
            Field::Deleted
            | Field::HasVersionsOnly
            | Field::CustomerKey
            | Field::ArchiveStatus
            | Field::CopyStatus
            | Field::IncrementalCopy => {
                // The first reason stays: an element without one does not take it back.
                let why = field.unreadable(&resolved(content)?);
                blob.unreadable = blob.unreadable.or(why);
            }
            // An entity may be broken, which is the general reader's to say.
            Field::Unread if content.contains(&b'&') => return Err(Stop::Fallback),
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
            && let Some(time) = self.dates.read(text)
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

    fn content_type(
        &mut self,
        content: &[u8],
        problem: &mut Option<String>,
    ) -> Result<Option<ContentType>, Stop> {
        if let Some((_, known)) = self.types.iter().find(|(text, _)| **text == *content) {
            return Ok(Some(known.clone()));
        }
        let new: Option<ContentType> = some(content, "Content-Type", problem)?;
        if let Some(new) = &new
            && self.types.len() < MAX_SHARED_TYPES
        {
            self.types.push((content.into(), new.clone()));
        }
        Ok(new)
    }
}

/// The number that something begins with, and how many digits it has: from 1 to 15, which always fit;
/// `None` of more, and near the end of what has arrived
#[inline]
fn digits(text: &[u8]) -> Option<(u64, usize)> {
    const WORD: usize = 8;
    let (number, length) = some_digits(*text.first_chunk()?);
    if length < WORD {
        return (length > 0).then_some((number, length));
    }
    let (more, length) = some_digits(*text.get(WORD..)?.first_chunk()?);
    let shift = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000];
    Some((number * shift.get(length)? + more, WORD + length))
}

/// The number that eight bytes begin with, and how many digits it has
#[inline]
fn some_digits(text: [u8; 8]) -> (u64, usize) {
    const HIGHEST: u64 = u64::from_le_bytes([0x80; 8]);
    const TO_HIGHEST: u64 = u64::from_le_bytes([0x80 - 10; 8]);
    // Nothing is left of a digit but its value. What is carried goes into bytes behind the first that
    // is no digit.
    let left = u64::from_le_bytes(text) ^ u64::from_le_bytes([b'0'; 8]);
    let others = (left | left.wrapping_add(TO_HIGHEST)) & HIGHEST;
    let length = others.trailing_zeros() as usize / 8;
    // Zeros before the digits, in the place of what is behind them: one number of eight digits.
    let ones = left.checked_shl(64 - 8 * length as u32).unwrap_or(0);
    let tens = ones.wrapping_mul(10).wrapping_add(ones >> 8) & 0x00ff_00ff_00ff_00ff;
    let hundreds = tens.wrapping_mul(100).wrapping_add(tens >> 16) & 0x0000_ffff_0000_ffff;
    (hundreds.wrapping_mul(10_000).wrapping_add(hundreds >> 32) & 0xffff_ffff, length)
}

/// What a text makes, if there is any
fn some<T: for<'a> From<&'a str>>(
    content: &[u8],
    what: &str,
    problem: &mut Option<String>,
) -> Result<Option<T>, Stop> {
    Ok(limits::property(&resolved(content)?, what, problem))
}

#[cfg(test)]
mod tests {
    use super::digits;

    #[test]
    fn digits_are_the_number_that_something_begins_with() {
        let mut rng = fastrand::Rng::with_seed(4);
        for behind in ["<", "/", ":", "0", "\u{0}", "\u{7f}", "\u{ff}"] {
            for length in 0..16 {
                for _ in 0..1000 {
                    let number: String = (0..length).map(|_| rng.digit(10)).collect();
                    let text = format!("{number}{behind}{}", rng.char(..)).into_bytes();
                    let text = [text.as_slice(), b"</Content-Length>"].concat();
                    let end = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(0);
                    let known = str::from_utf8(&text[..end]).unwrap().parse().ok();
                    let known = known.filter(|_| end < 16).map(|number: u64| (number, end));
                    assert_eq!(digits(&text), known, "{:?}", String::from_utf8_lossy(&text));
                }
            }
        }
        // What may go on with what has not arrived yet is no number yet.
        for length in 0..8 {
            assert_eq!(digits(&b"12345678"[..length]), None);
            assert_eq!(digits(&b"1234567812345678"[..8 + length]), None);
        }
    }
}
