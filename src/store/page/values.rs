//! Converts the text of an element to a value of a blob.
//!
//! [`Values::take_prefix`] is the fast way: it reads a value from the start of the remaining page,
//! before the end of the element is known. [`Values::take`] is the complete one, and defines what a
//! text means.

use std::time::SystemTime;

use super::{
    date::Dates,
    draft::Draft,
    element::resolved,
    field::Field,
    limits::{self, is_long_name},
    name::{checked, percent_decode},
    problem::{BAD_SIZE, NAME_TOO_LONG, bad_date},
    stop::Stop,
    swar::{before_tag, leading_digits, strip_start},
};
use crate::store::{ContentMd5, ContentType, ETag};

/// The most Content-Types of a page whose text its blobs share.
const MAX_SHARED_TYPES: usize = 8;

/// The length of a date of HTTP in its preferred form.
const DATE: usize = 29;

/// The length of an MD5 in base64.
const MD5: usize = 24;

/// Reads values, and remembers what the blobs of a page have in common.
#[derive(Default)]
pub(super) struct Values {
    /// Content-Types, each with the text as written.
    types: Vec<(Box<[u8]>, ContentType)>,
    dates: Dates,
}

impl Values {
    /// Reads a value from the start of a text; returns the length of what was read.
    ///
    /// The value is the one that [`take`](Self::take) would read if the element ended after that
    /// length, which the caller has to check. Returns `None` if this way does not apply; the draft
    /// is then unchanged.
    #[inline]
    pub(super) fn take_prefix(
        &mut self,
        field: Field,
        rest: &[u8],
        draft: &mut Draft<'_>,
    ) -> Option<usize> {
        // Each text that is accepted here is literal: it has no entity, or it was looked
        // up in the form in which it is written.
        Some(match field {
            Field::LastModified | Field::CreationTime => {
                let time = self.dates.read(rest.first_chunk::<DATE>()?)?;
                match field {
                    Field::LastModified => draft.blob().last_modified = Some(time),
                    _ => draft.blob().created = Some(time),
                }
                DATE
            }
            Field::ContentLength => {
                let (size, length) = leading_digits(rest)?;
                draft.set_size(Some(size));
                length
            }
            Field::Etag => {
                let (content, is_plain) = before_tag(rest)?;
                if !is_plain {
                    return None;
                }
                ETag::put_ascii(&mut draft.blob().etag, content)?;
                content.len()
            }
            // Plain, because an undefined entity would make the page invalid.
            Field::Unread => {
                let (content, is_plain) = before_tag(rest)?;
                if !is_plain {
                    return None;
                }
                content.len()
            }
            Field::ContentType => {
                // The text must end here: `image/jp` is not the type of `image/jp2`.
                let is_next = |text: &[u8]| {
                    strip_start(rest, text).is_some_and(|rest| rest.first() == Some(&b'<'))
                };
                let (text, known) = self.types.iter().find(|(text, _)| is_next(text))?;
                draft.blob().content_type = Some(known.clone());
                text.len()
            }
            Field::ContentMd5 => {
                let digest = ContentMd5::from_base64(rest.first_chunk::<MD5>()?)?;
                draft.blob().content_md5 = Some(digest);
                MD5
            }
            _ => return None,
        })
    }

    /// Reads the text up to the next `<`; returns its length.
    // Not inlined: it is rare where it is called, and would make the common case larger.
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

    /// Reads the text of an element, as written, into the draft.
    ///
    /// A text that cannot be a value makes the entry malformed. Only a text that the XML reader
    /// must decide about is an error.
    pub(super) fn take(
        &mut self,
        field: Field,
        content: &[u8],
        draft: &mut Draft<'_>,
    ) -> Result<(), Stop> {
        match field {
            Field::Name => {
                let name = resolved(content)?;
                let is_long = is_long_name(&name);
                // Checked before it is copied, because a name can be as long as an entry.
                draft.set_name(match is_long {
                    true => Err(NAME_TOO_LONG),
                    false => Ok(name.into_owned()),
                });
            }
            // Entities are resolved first, because the encoded name is the text of the element.
            Field::EncodedName => {
                draft.set_name(percent_decode(&resolved(content)?).and_then(checked));
            }
            Field::Snapshot => draft.blob().snapshot = property(content, "Snapshot", draft)?,
            Field::VersionId => draft.blob().version_id = property(content, "VersionId", draft)?,
            Field::IsCurrentVersion => {
                draft.blob().is_current_version = Some(resolved(content)? == "true");
            }
            Field::ContentLength => {
                let text = resolved(content)?;
                let size = text.parse().ok();
                draft.set_size(size);
                // An empty text counts as a missing element.
                if size.is_none() && !text.is_empty() {
                    *draft.problem() = Some(BAD_SIZE.to_owned());
                }
            }
            Field::Etag => draft.blob().etag = property(content, "Etag", draft)?,
            Field::LastModified => {
                draft.blob().last_modified = self.date(content, "Last-Modified", draft)?;
            }
            Field::CreationTime => {
                draft.blob().created = self.date(content, "Creation-Time", draft)?;
            }
            Field::ContentType => {
                draft.blob().content_type = self.content_type(content, draft)?;
            }
            Field::ContentEncoding => {
                draft.blob().content_encoding = property(content, "Content-Encoding", draft)?;
            }
            // An unreadable digest counts as absent, because a digest is only a hint.
            Field::ContentMd5 => {
                draft.blob().content_md5 = ContentMd5::from_base64(resolved(content)?.as_bytes());
            }
            Field::BlobType => draft.blob().blob_type = property(content, "BlobType", draft)?,
            Field::AccessTier => {
                draft.blob().access_tier = property(content, "AccessTier", draft)?;
            }
            Field::ResourceType => {
                draft.blob().is_directory = resolved(content)? == "directory";
                draft.set_has_path();
            }
            Field::Deleted
            | Field::HasVersionsOnly
            | Field::CustomerKey
            | Field::ArchiveStatus
            | Field::CopyStatus
            | Field::IncrementalCopy => {
                let why = field.unreadable(&resolved(content)?);
                // The first reason stays: a later element that gives none does not make a blob
                // readable.
                draft.blob().unreadable = draft.blob().unreadable.or(why);
            }
            // The entity may be undefined, which makes the page invalid; the XML reader decides.
            Field::Unread if content.contains(&b'&') => return Err(Stop::Fallback),
            Field::Unread => {}
        }
        Ok(())
    }

    /// Reads a date in any form of HTTP. An empty text is an absent date; another text is a
    /// problem.
    fn date(
        &mut self,
        content: &[u8],
        what: &str,
        draft: &mut Draft<'_>,
    ) -> Result<Option<SystemTime>, Stop> {
        // The preferred form, without a check for UTF-8 and entities: a match proves both.
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
            *draft.problem() = Some(bad_date(what));
        }
        Ok(time)
    }

    /// Reads a Content-Type, and shares its text with earlier blobs of the page if they have the
    /// same.
    fn content_type(
        &mut self,
        content: &[u8],
        draft: &mut Draft<'_>,
    ) -> Result<Option<ContentType>, Stop> {
        if let Some((_, known)) = self.types.iter().find(|(text, _)| **text == *content) {
            return Ok(Some(known.clone()));
        }
        let new: Option<ContentType> = property(content, "Content-Type", draft)?;
        if let Some(new) = &new
            // A malicious page could have another type for each blob, and each would be searched.
            && self.types.len() < MAX_SHARED_TYPES
        {
            self.types.push((content.into(), new.clone()));
        }
        Ok(new)
    }
}

/// Converts the text of a property, as written; returns `None` for an empty one.
fn property<T: for<'a> From<&'a str>>(
    content: &[u8],
    what: &str,
    draft: &mut Draft<'_>,
) -> Result<Option<T>, Stop> {
    Ok(limits::property(&resolved(content)?, what, draft.problem()))
}
