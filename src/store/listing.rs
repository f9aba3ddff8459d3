//! A page of a listing: blobs, common prefixes, and entries that cannot be read.

use super::{Blob, Marker, NameOrder};

/// The most blobs of a page that the service returns: 5,000 (Microsoft Learn, "List Blobs").
#[doc(alias = "page size")]
pub const MAX_PAGE: u16 = 5000;

/// One page of a listing.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
/// use azure_asset_sync::store::{Blob, ListRequest, MemoryStore, Store};
///
/// let store = MemoryStore::from_iter(["a.jpg", "b.jpg", "c.jpg"].map(|name| Blob::new(name, 1)));
/// let mut request = ListRequest::new("");
/// request.max_results = std::num::NonZeroU16::new(2);
/// let mut names = Vec::new();
/// loop {
///     let page = store.list(request.clone()).await?;
///     names.extend(page.blobs.into_iter().map(|blob| blob.name));
///     request.marker = page.next;
///     if request.marker.is_none() {
///         break;
///     }
/// }
/// assert_eq!(names, ["a.jpg", "b.jpg", "c.jpg"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A [`Scan`](crate::Scan) does this with several requests in flight, retries and checks.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Page {
    /// The blobs, in the order of the listing.
    pub blobs: Vec<Blob>,
    /// The common prefixes, ascending. Empty unless the request has a delimiter.
    ///
    /// Each is a text up to and including the delimiter, for example `photos/2026/`.
    #[doc(alias = "folders")]
    pub prefixes: Vec<String>,
    /// Entries of the page that cannot be read as a blob.
    pub malformed: Vec<Malformed>,
    /// Where the listing continues; `None` on the last page.
    #[doc(alias = "continuation")]
    pub next: Option<Marker>,
    /// The order in which the names of the listing ascend: the same on all its pages with blobs.
    ///
    /// A scan starts with this order. If the names contradict it, the scan follows the names. On a page
    /// without blobs the value has no meaning.
    pub order: NameOrder,
}

impl Page {
    /// Creates a page that another page follows.
    pub fn new(blobs: Vec<Blob>, next: Marker) -> Self {
        Self { blobs, next: Some(next), ..Self::default() }
    }

    /// Creates the last page of a listing.
    pub fn last(blobs: Vec<Blob>) -> Self {
        Self { blobs, ..Self::default() }
    }

    /// Adds an entry that cannot be read, after the blobs so far.
    #[cfg(any(feature = "azure", feature = "object-store"))]
    pub(super) fn push_malformed(&mut self, mut entry: Malformed) {
        // INVARIANT: `malformed` is in the order of the page, so `at` never decreases.
        entry.at = self.blobs.len();
        self.malformed.push(entry);
    }

    /// Returns whether the page has more than four times as many entries as any page of the
    /// service.
    ///
    /// Bounds the memory: a few bytes of text can make an entry that takes twenty times as many.
    #[cfg(feature = "azure")]
    pub(super) fn has_too_many_entries(&self) -> bool {
        self.blobs.len() + self.prefixes.len() + self.malformed.len() > 4 * usize::from(MAX_PAGE)
    }
}

/// An entry of a page that cannot be read as a blob.
///
/// A scan rejects such an entry as [`Reason::Malformed`](crate::Reason::Malformed), so that it
/// appears in the report instead of being skipped silently.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Malformed {
    /// The name, if it could be read.
    pub name: Option<String>,
    /// The mistake in the entry.
    pub detail: String,
    /// How many blobs of the page come before the entry.
    ///
    /// So a reader of the page knows between which names the entry was listed.
    pub at: usize,
}

impl Malformed {
    /// Creates an entry at the start of its page.
    pub fn new(name: Option<String>, detail: impl Into<String>) -> Self {
        Self { name, detail: detail.into(), at: 0 }
    }
}
