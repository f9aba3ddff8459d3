//! The encoding of a record: two lengths, a name that may be absent, and its content.

use std::{cmp::Ordering, ops::Range};

use crate::{
    error::{Error, ErrorKind},
    store::NameOrder,
};

/// The length of an absent name.
const NAMELESS: u32 = u32::MAX;

/// The most bytes of a name or content. Four times as much fits into a frame.
const MOST: usize = 16 << 20;

/// A name, and what belongs to it.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::sync) struct Record {
    pub(in crate::sync) name: Option<String>,
    pub(in crate::sync) content: Vec<u8>,
}

/// Appends a record to a buffer, and returns its place there.
///
/// # Errors
/// [`TooLarge`](ErrorKind::TooLarge) if the name or the content has 16 MiB or more.
pub(super) fn append(
    text: &mut Vec<u8>,
    name: Option<&str>,
    content: &[u8],
) -> Result<Range<usize>, Error> {
    let start = text.len();
    let name_length = name.map_or(Ok(NAMELESS), |name| length(name.as_bytes()))?;
    text.extend(name_length.to_le_bytes());
    text.extend(length(content)?.to_le_bytes());
    text.extend(name.unwrap_or_default().as_bytes());
    text.extend(content);
    Ok(start..text.len())
}

/// Returns the length of a name or content as it is written.
fn length(bytes: &[u8]) -> Result<u32, Error> {
    u32::try_from(bytes.len()).ok().filter(|_| bytes.len() < MOST).ok_or_else(|| {
        Error::new(ErrorKind::TooLarge, "an entry of the listing has more than 16 MiB")
    })
}

/// Returns the bytes of a record in a buffer.
///
/// Returns no bytes if the place is not in the buffer.
pub(super) fn at<'a>(text: &'a [u8], record: &Range<usize>) -> &'a [u8] {
    text.get(record.clone()).unwrap_or_default()
}

/// Returns the lengths of a record's name and content, and the bytes after them.
fn lengths(record: &[u8]) -> Option<(u32, u32, &[u8])> {
    let (name, rest) = record.split_first_chunk()?;
    let (content, rest) = rest.split_first_chunk()?;
    Some((u32::from_le_bytes(*name), u32::from_le_bytes(*content), rest))
}

/// Returns the size of the first record, or `None` if the bytes end within it.
pub(super) fn size(text: &[u8]) -> Option<usize> {
    let (name, content, rest) = lengths(text)?;
    let name = if name == NAMELESS { 0 } else { name as usize };
    let size = name.checked_add(content as usize)?;
    // The size counts the lengths and the bytes after them.
    (size <= rest.len()).then_some(text.len() - rest.len() + size)
}

/// Returns the name of a record, if it has one, and its content.
pub(super) fn parts(record: &[u8]) -> (Option<&[u8]>, &[u8]) {
    match lengths(record) {
        Some((NAMELESS, _, rest)) => (None, rest),
        Some((name, _, rest)) => {
            let (name, content) = rest.split_at_checked(name as usize).unwrap_or_default();
            (Some(name), content)
        }
        None => (None, &[]),
    }
}

/// Compares two records by name. A record without a name comes before all names.
pub(super) fn compare(a: &[u8], b: &[u8], order: NameOrder) -> Ordering {
    // Names were written from `str`, and a frame is checked before it is decoded. A name that is
    // not UTF-8 is an error when the record is returned.
    let text = |bytes| str::from_utf8(bytes).unwrap_or_default();
    match (parts(a).0, parts(b).0) {
        (Some(a), Some(b)) => order.compare(text(a), text(b)),
        (a, b) => a.is_some().cmp(&b.is_some()),
    }
}
