//! Requests to a store: for a page of a listing, or for a range of a blob's bytes.
//!
//! Requests are plain values with public fields, so that stores outside of this crate can read
//! them. They are `#[non_exhaustive]`: create one with a constructor, and set the fields that
//! differ.

use std::{num::NonZeroU16, ops::Range};

use super::{Blob, ETag};

/// A request for one page of a listing.
///
/// ```
/// use azure_asset_sync::store::{Include, ListRequest};
///
/// let mut request = ListRequest::new("photos/");
/// request.max_results = std::num::NonZeroU16::new(100);
/// request.include = vec![Include::Metadata];
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListRequest {
    /// The start of the names to return, as a plain string prefix.
    ///
    /// Not a folder: `photos` matches `photos/a.jpg` and `photos-old.zip`.
    pub prefix: String,
    /// The first name to return, inclusive. Applies to the first page of a listing, without a
    /// marker.
    ///
    /// A hint: see the contract of [`Store`](super::Store) for stores that do not support it.
    pub start_from: Option<String>,
    /// Rolls up names that contain this text after the prefix, into
    /// [`Page::prefixes`](super::Page::prefixes).
    #[doc(alias = "hierarchy")]
    #[doc(alias = "folder")]
    pub delimiter: Option<String>,
    /// Where the previous page ended; `None` for the first page.
    pub marker: Option<Marker>,
    /// The most blobs and common prefixes of the page. `None` leaves the number to the service,
    /// which returns up to [`MAX_PAGE`](super::MAX_PAGE).
    #[doc(alias = "page_size")]
    #[doc(alias = "limit")]
    pub max_results: Option<NonZeroU16>,
    /// The items to return beyond the current blobs and their properties.
    ///
    /// A store that has no snapshots or versions, for example, ignores the value.
    pub include: Vec<Include>,
}

impl ListRequest {
    /// Creates a request for the first page of the names with this prefix.
    pub fn new(prefix: impl Into<String>) -> Self {
        Self { prefix: prefix.into(), ..Self::default() }
    }
}

/// Something that a listing can return beyond the current blobs and their properties.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Include {
    /// User metadata.
    Metadata,
    /// Snapshots.
    Snapshots,
    /// Earlier versions.
    Versions,
    /// The state of copies into blobs, which a scan needs to reject unfinished copies.
    Copies,
}

impl Include {
    /// Returns the value in the `include` parameter of the service.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Metadata => "metadata",
            Self::Snapshots => "snapshots",
            Self::Versions => "versions",
            Self::Copies => "copy",
        }
    }
}

/// A continuation marker: the position after a page, as opaque text of the service.
///
/// A marker is valid only with the prefix, delimiter and includes of the listing that returned it,
/// and for an unspecified time. Never build or parse one.
#[doc(alias = "continuation token")]
#[doc(alias = "next_marker")]
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Marker(String);

impl Marker {
    /// Returns the text as the service sent it, to send it back in a request.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for Marker {
    fn from(text: String) -> Self {
        Self(text)
    }
}

/// A request for a range of a blob's bytes.
///
/// ```
/// use azure_asset_sync::store::{Blob, ReadRequest};
///
/// let mut blob = Blob::new("a.jpg", 48_000);
/// blob.etag = Some("0x8D".into());
///
/// // Fails with `BlobChanged` if the blob is no longer the one that was listed.
/// let request = ReadRequest::of(&blob, 0..512);
/// assert_eq!(request.if_match, blob.etag);
/// ```
#[doc(alias = "range request")]
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReadRequest {
    /// The name of the blob, exactly as listed.
    pub name: String,
    /// The bytes, counted from 0; the end is exclusive.
    pub range: Range<u64>,
    /// The ETag that the blob must still have; `None` reads any version.
    pub if_match: Option<ETag>,
}

impl ReadRequest {
    /// Creates a request for bytes of a blob, whatever its version.
    pub fn new(name: impl Into<String>, range: Range<u64>) -> Self {
        Self { name: name.into(), range, if_match: None }
    }

    /// Creates a request for bytes of the very version that was listed.
    ///
    /// A blob that was listed without an ETag is read whatever its version.
    pub fn of(blob: &Blob, range: Range<u64>) -> Self {
        Self { name: blob.name.clone(), range, if_match: blob.etag.clone() }
    }
}
