//! The limits of a page, which bound the memory that a malicious answer can take.
//!
//! Both readers keep the same limits. An entry beyond a limit of entries becomes a malformed entry;
//! a page beyond a limit of pages is an error. Each limit is above anything that Azure sends.

use super::problem::{METADATA_TOO_LARGE, property_too_long};
use crate::{
    error::{Error, ErrorKind},
    store::Metadata,
};

/// The most characters of a name (Microsoft Learn, "Naming and referencing containers, blobs, and
/// metadata").
///
/// It is not documented whether a character above U+FFFF counts as one or as two. Names that Azure
/// accepts are within the limit by either count.
pub(super) const MAX_NAME: usize = 1024;

/// The most bytes of a property. Azure's own values are below 100; the others are headers of an
/// upload.
const MAX_PROPERTY: usize = 1024;

/// The most characters of a blob's metadata, keys and values together (same page).
const MAX_METADATA: usize = 8 << 10;

/// The most pairs of metadata in a page: fifty for each blob of a full page.
pub(super) const MAX_PAIRS: usize = 250_000;

/// The most bytes of a continuation marker, which becomes a part of the next request's URL.
///
/// Azure's markers hold a name in base64, and a name has up to 4 KiB in UTF-8.
pub(super) const MAX_MARKER: usize = 16 << 10;

/// The most bytes of the text of an entry, or of another element of the page.
pub(super) const MAX_ENTRY: usize = 256 << 10;

/// The most bytes that are buffered for the XML reader, which needs the rest of the page at once.
pub(super) const MAX_FALLBACK: usize = 16 << 20;

/// A limit of a whole page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Limit {
    /// Four times as many entries as Azure puts into a page.
    Entries,
    /// [`MAX_PAIRS`].
    Pairs,
    /// [`MAX_MARKER`].
    Marker,
    /// [`MAX_ENTRY`], for an element that cannot be left out as a malformed entry.
    Element,
    /// [`MAX_FALLBACK`].
    Fallback,
}

impl Limit {
    /// Returns the error for a page beyond this limit. No retry would help.
    pub(super) fn error(self) -> Error {
        let what = match self {
            Self::Entries => {
                "a page of the listing has more than 20,000 entries; Azure returns at most 5,000; check the endpoint"
            }
            Self::Pairs => {
                "a page of the listing has more than 250,000 pairs of metadata; set a smaller page size"
            }
            Self::Marker => {
                "the continuation marker of the listing is longer than 16 KiB, so no request can return it; check the endpoint"
            }
            Self::Element => {
                "a page of the listing has an element larger than 256 KiB; check the endpoint"
            }
            Self::Fallback => {
                "a page of the listing has more than 16 MiB of XML in a form that Azure does not write; set a smaller page size, or check the endpoint"
            }
        };
        Error::new(ErrorKind::TooLarge, what)
    }
}

/// Returns whether a name has more than [`MAX_NAME`] characters.
#[inline]
pub(super) fn is_long_name(name: &str) -> bool {
    // Characters are counted only if the bytes do not settle it: a character has one to four of
    // them.
    name.len() > MAX_NAME && (name.len() > 4 * MAX_NAME || name.chars().count() > MAX_NAME)
}

/// Converts the text of a property; returns `None` for an empty text, and for one that is too long,
/// which also sets `problem` and so makes the entry malformed.
pub(super) fn property<T: for<'a> From<&'a str>>(
    text: &str,
    what: &str,
    problem: &mut Option<String>,
) -> Option<T> {
    if text.len() > MAX_PROPERTY {
        *problem = Some(property_too_long(what));
        return None;
    }
    (!text.is_empty()).then(|| text.into())
}

/// How many more characters of metadata a blob may have.
#[derive(Debug)]
pub(super) struct MetadataBudget(usize);

impl Default for MetadataBudget {
    /// The budget of a blob without metadata.
    fn default() -> Self {
        Self(MAX_METADATA)
    }
}

impl MetadataBudget {
    /// Adds a pair to the metadata. Beyond the budget it sets `problem`, which makes the entry
    /// malformed.
    pub(super) fn insert(
        &mut self,
        metadata: &mut Metadata,
        key: &[u8],
        value: String,
        problem: &mut Option<String>,
    ) {
        // Azure's keys are ASCII, so their bytes are their characters.
        let characters = key.len().saturating_add(value.chars().count());
        match self.0.checked_sub(characters) {
            Some(left) => {
                self.0 = left;
                metadata.insert(String::from_utf8_lossy(key).into_owned(), value);
            }
            None => {
                // No later pair is stored either, however short, because the entry is malformed
                // anyway.
                self.0 = 0;
                *problem = Some(METADATA_TOO_LARGE.to_owned());
            }
        }
    }
}
