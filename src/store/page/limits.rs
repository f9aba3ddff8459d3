//! What a page may have, so that a page that means ill takes no more memory than an ordinary one by far.
//!
//! Both readers keep the same limits. An entry beyond one of them is a malformed entry; a page beyond
//! one of them is an error.

use crate::{
    error::{Error, ErrorKind},
    store::Metadata,
};

/// How many characters a name may have (Microsoft Learn, "Naming and referencing containers, blobs,
/// and metadata")
///
/// Whether a character above U+FFFF counts as one or two is not documented. No name that Azure takes
/// has more by either count.
pub(super) const MAX_NAME: usize = 1024;

/// How many bytes a property may have; Azure's own are below 100, the rest are headers of an upload
const MAX_PROPERTY: usize = 1024;

/// How many characters the keys and values of a blob's metadata may have together (same page)
const MAX_METADATA: usize = 8 << 10;

/// How many keys and values a page may have: fifty for each blob of a full page
pub(super) const MAX_PAIRS: usize = 250_000;

/// How many bytes a marker may have: it becomes a part of the next request's URL
///
/// Azure's hold a name, of up to 4 KiB in UTF-8, in base64.
pub(super) const MAX_MARKER: usize = 16 << 10;

/// How many bytes an entry, or another element of the page, may have as text
pub(super) const MAX_ENTRY: usize = 256 << 10;

/// How many bytes of a page that Azure would write in another form are kept to be read as a whole
pub(super) const MAX_FALLBACK: usize = 16 << 20;

pub(super) const NAME_TOO_LONG: &str = "its name has more than 1,024 characters";
pub(super) const ENTRY_TOO_LARGE: &str = "it is larger than 256 KiB, which no entry of Azure's is";

/// Which limit a page is beyond
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Limit {
    Entries,
    Pairs,
    Marker,
    Element,
    Fallback,
}

impl Limit {
    /// The error for the whole page; no retry would help
    pub(super) fn error(self) -> Error {
        let what = match self {
            Self::Entries => {
                "a page of the listing has more than 20,000 entries, and Azure's have at most 5,000; check the endpoint"
            }
            Self::Pairs => {
                "a page of the listing has more than 250,000 pairs of metadata; set a smaller page size"
            }
            Self::Marker => {
                "the continuation marker of the listing is longer than 16 KiB, which no request can send back; check the endpoint"
            }
            Self::Element => {
                "a page of the listing has an element of more than 256 KiB; check the endpoint"
            }
            Self::Fallback => {
                "a page of the listing has more than 16 MiB in a form that Azure does not write; set a smaller page size, or check the endpoint"
            }
        };
        Error::new(ErrorKind::TooLarge, what)
    }
}

/// Whether a name is longer than names can be
#[inline]
pub(super) fn is_long_name(name: &str) -> bool {
    name.len() > MAX_NAME && (name.len() > 4 * MAX_NAME || name.chars().count() > MAX_NAME)
}

/// A name, unless it is longer than names can be
pub(super) fn name(text: String) -> Result<String, &'static str> {
    if is_long_name(&text) { Err(NAME_TOO_LONG) } else { Ok(text) }
}

/// What the text of a property makes, if there is any; a long one makes the entry malformed
pub(super) fn property<T: for<'a> From<&'a str>>(
    text: &str,
    what: &str,
    problem: &mut Option<String>,
) -> Option<T> {
    if text.len() > MAX_PROPERTY {
        *problem = Some(format!("its {what} is longer than 1 KiB"));
        return None;
    }
    (!text.is_empty()).then(|| text.into())
}

/// How much more metadata a blob may have
#[derive(Debug)]
pub(super) struct MetadataBudget(usize);

impl Default for MetadataBudget {
    fn default() -> Self {
        Self(MAX_METADATA)
    }
}

impl MetadataBudget {
    /// Adds a pair; too much makes the entry malformed
    pub(super) fn insert(
        &mut self,
        metadata: &mut Metadata,
        key: &[u8],
        value: String,
        problem: &mut Option<String>,
    ) {
        let characters = key.len().saturating_add(value.chars().count());
        match self.0.checked_sub(characters) {
            Some(left) => {
                self.0 = left;
                metadata.insert(String::from_utf8_lossy(key).into_owned(), value);
            }
            None => {
                self.0 = 0;
                *problem = Some("its metadata has more than 8 KiB".to_owned());
            }
        }
    }
}
