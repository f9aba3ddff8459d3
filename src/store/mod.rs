//! Storage as two questions: one page of names, and a range of this version of a blob.
//!
//! [`Store`] is what a scan reads from. `AzureStore` asks Azure, [`MemoryStore`] answers from memory,
//! and a service can bring its own; the suite in `testing::conformance` tells whether it is right.

#[cfg(feature = "azure")]
pub mod azure;
mod blob;
mod digest;
pub mod inspect;
mod memory;
mod order;
#[cfg(feature = "azure")]
mod page;
mod read_back;
mod unreadable;

use std::{num::NonZeroU16, ops::Range, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;

#[cfg(feature = "sync")]
pub(crate) use self::read_back::rfc3339 as read_rfc3339;
pub use self::{
    blob::{AccessTier, Blob, BlobType, ContentType, ETag, Metadata, Text},
    digest::ContentMd5,
    inspect::{Answer, Inspect, Question},
    memory::MemoryStore,
    order::NameOrder,
    unreadable::Unreadable,
};
pub(crate) use self::{
    blob::{rfc3339, rfc3339_text},
    order::Orders,
};
use crate::error::Error;

/// The largest page that the service gives: 5,000 blobs (Microsoft Learn, "List Blobs")
pub const MAX_PAGE: u16 = 5000;

/// A container that can be listed and read
///
/// # Contract
/// - Names are given exactly as stored: not normalised, not refused. Oddness is the rules' matter.
/// - Names ascend within a listing in one of the orders that [`NameOrder`] knows, and pages state
///   which. A scan finds out by the names if that is not so: another order that it knows costs a
///   request or two, and no order at all costs the speed of several requests in flight.
/// - A store that cannot start from a name, or cannot roll names up, ignores these fields of the
///   request and returns the listing without them. A scan finds out and does without them.
/// - A listing that starts from a name goes on in the same order as the whole listing.
/// - A page may be empty and still have a next marker. The last page has none.
/// - A page is whole or an error; an entry that cannot be read is a [`Malformed`] of its page.
/// - A dropped future cancels its request; nothing goes on in the background.
/// - Every call is one attempt: the caller retries where [`Error::is_transient`] says so.
///
/// Object safe, and implemented by `Arc<S>` and `Box<S>`.
///
/// ```
/// use azure_asset_sync::{Error, store::{Blob, ListRequest, Page, ReadRequest, Store}};
/// use bytes::Bytes;
///
/// struct Mock;
///
/// #[async_trait::async_trait]
/// impl Store for Mock {
///     async fn list(&self, _: ListRequest) -> Result<Page, Error> {
///         Ok(Page::last(vec![Blob::new("a.jpg", 3)]))
///     }
///     async fn read(&self, _: ReadRequest) -> Result<Bytes, Error> {
///         Ok(Bytes::from_static(b"\xff\xd8\xff"))
///     }
/// }
/// ```
#[async_trait]
pub trait Store: Send + Sync {
    /// One page of the container's blobs
    ///
    /// # Errors
    /// [`Error`] of any kind but [`ErrorKind::Sink`](crate::ErrorKind::Sink).
    async fn list(&self, request: ListRequest) -> Result<Page, Error>;

    /// A range of a blob's bytes
    ///
    /// A range that begins within the blob and ends behind it gives what there is.
    ///
    /// # Errors
    /// [`BlobChanged`](crate::ErrorKind::BlobChanged) where the ETag is no longer the blob's,
    /// [`RangeNotSatisfiable`](crate::ErrorKind::RangeNotSatisfiable) where the range begins at or
    /// behind its end, [`BlobNotFound`](crate::ErrorKind::BlobNotFound) where it is gone.
    async fn read(&self, request: ReadRequest) -> Result<Bytes, Error>;
}

macro_rules! forward {
    ($pointer:ident) => {
        #[async_trait]
        impl<S: Store + ?Sized> Store for $pointer<S> {
            async fn list(&self, request: ListRequest) -> Result<Page, Error> {
                (**self).list(request).await
            }

            async fn read(&self, request: ReadRequest) -> Result<Bytes, Error> {
                (**self).read(request).await
            }
        }
    };
}

forward!(Arc);
forward!(Box);

/// Which page to give
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListRequest {
    /// The start of the names to give, as a plain string prefix
    pub prefix: String,
    /// The first name to give, inclusive; for the first page of a listing, without a marker
    pub start_from: Option<String>,
    /// Rolls names up that have this text behind the prefix, into [`Page::prefixes`]
    pub delimiter: Option<String>,
    /// Where the page before left off
    pub marker: Option<Marker>,
    /// At most so many blobs; `None` leaves it to the service, which gives [`MAX_PAGE`]
    pub max_results: Option<NonZeroU16>,
    /// What to give beyond the current blobs and their properties
    pub include: Vec<Include>,
}

impl ListRequest {
    /// The first page of the names with this prefix
    pub fn new(prefix: impl Into<String>) -> Self {
        Self { prefix: prefix.into(), ..Self::default() }
    }
}

/// What a listing can give beyond the current blobs and their properties
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Include {
    /// User metadata
    Metadata,
    /// Snapshots
    Snapshots,
    /// Earlier versions
    Versions,
    /// The state of copies into blobs, by which a scan rejects a copy that has not finished
    Copies,
}

impl Include {
    /// The value of the service's `include` parameter
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Metadata => "metadata",
            Self::Snapshots => "snapshots",
            Self::Versions => "versions",
            Self::Copies => "copy",
        }
    }
}

/// Where a listing goes on: opaque text of the service
///
/// Valid for the same listing only, and for an unstated time. Never build or read one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Marker(String);

impl Marker {
    /// The text as the service gave it
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for Marker {
    fn from(text: String) -> Self {
        Self(text)
    }
}

/// Which bytes to give
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReadRequest {
    /// The blob, by the name that the listing gave
    pub name: String,
    /// The bytes, counted from 0
    pub range: Range<u64>,
    /// The version that must still be the blob's; `None` reads what there is
    pub if_match: Option<ETag>,
}

impl ReadRequest {
    /// These bytes of the blob, whatever its version
    pub fn new(name: impl Into<String>, range: Range<u64>) -> Self {
        Self { name: name.into(), range, if_match: None }
    }

    /// These bytes of the very version that was listed
    pub fn of(blob: &Blob, range: Range<u64>) -> Self {
        Self { name: blob.name.clone(), range, if_match: blob.etag.clone() }
    }
}

/// One page of a listing
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Page {
    /// The blobs, in the order of the listing
    pub blobs: Vec<Blob>,
    /// The common prefixes, where the listing asked for a delimiter, ascending
    pub prefixes: Vec<String>,
    /// Entries of the page that are no readable blob
    pub malformed: Vec<Malformed>,
    /// Where the listing goes on; `None` on the last page
    pub next: Option<Marker>,
    /// The order in which the names of the listing ascend: the same on all its pages with blobs
    ///
    /// A scan begins with this order. Names that contradict it have precedence.
    pub order: NameOrder,
}

impl Page {
    /// A page with another after it
    pub fn new(blobs: Vec<Blob>, next: Marker) -> Self {
        Self { blobs, next: Some(next), ..Self::default() }
    }

    /// The last page
    pub fn last(blobs: Vec<Blob>) -> Self {
        Self { blobs, ..Self::default() }
    }

    /// Adds an entry that cannot be read, behind the blobs so far
    #[cfg(feature = "azure")]
    fn push_malformed(&mut self, mut entry: Malformed) {
        entry.at = self.blobs.len();
        self.malformed.push(entry);
    }

    /// Whether there is more in it than in any page of the service, by far
    ///
    /// A short text can make an entry that takes twenty times its room.
    #[cfg(feature = "azure")]
    fn has_too_many_entries(&self) -> bool {
        self.blobs.len() + self.prefixes.len() + self.malformed.len() > 4 * usize::from(MAX_PAGE)
    }

    /// Decodes the body of a List Blobs answer
    ///
    /// For stores with a transport of their own. Tolerates any order of elements, unknown and
    /// missing ones, a byte order mark, and names with `Encoded="true"`. An entry with a name, a
    /// size or a date that cannot be read becomes a [`Malformed`] and does not spoil its page.
    ///
    /// # Errors
    /// [`Truncated`](crate::ErrorKind::Truncated) where the document breaks off, and
    /// [`UnexpectedAnswer`](crate::ErrorKind::UnexpectedAnswer) where it is no List Blobs answer,
    /// such as the page of a captive portal, which must never pass for an empty container;
    /// [`TooLarge`](crate::ErrorKind::TooLarge) where it has over 20,000 entries, four times what the
    /// service gives.
    #[cfg(feature = "azure")]
    #[cfg_attr(docsrs, doc(cfg(feature = "azure")))]
    pub fn from_xml(body: &[u8]) -> Result<Self, Error> {
        page::decode(body)
    }
}

/// An entry of a page that is no readable blob
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Malformed {
    /// The name, where there was one
    pub name: Option<String>,
    /// What is wrong with it
    pub detail: String,
    /// How many blobs of the page stand before it
    pub at: usize,
}

impl Malformed {
    /// An entry that cannot be read, and why; at the start of its page
    pub fn new(name: Option<String>, detail: impl Into<String>) -> Self {
        Self { name, detail: detail.into(), at: 0 }
    }
}
