//! Storage: one page of a listing, and a range of the bytes of one version of a blob.
//!
//! [`Store`] is what a scan reads from. [`AzureStore`] reads from Azure, [`MemoryStore`] from memory,
//! `ObjectStoreAdapter` (feature `object-store`) from a store of the `object_store` crate, and a service
//! can bring its own store; [`testing::conformance`] checks whether it keeps the
//! contract. A probe asks more questions, through [`Inspect`].
//!
//! This module knows nothing of connections, rules or scans. Only `store::azure` names the SDK, and
//! only `store::page` knows the format of the service.
//!
//! [`testing::conformance`]: https://docs.rs/azure-asset-sync/latest/azure_asset_sync/testing/conformance/index.html
// Without the feature, the link leads to docs.rs. The link above always does, because this module must
// not use `testing`.
#![cfg_attr(feature = "azure", doc = "[`AzureStore`]: azure::AzureStore")]
#![cfg_attr(
    not(feature = "azure"),
    doc = "[`AzureStore`]: https://docs.rs/azure-asset-sync/latest/azure_asset_sync/struct.AzureStore.html"
)]

#[cfg(feature = "azure")]
pub mod azure;
mod blob;
mod content_type;
mod deserialize;
mod digest;
mod etag;
pub mod inspect;
mod link;
mod listing;
mod memory;
mod metadata;
#[cfg(feature = "object-store")]
mod object_store;
mod order;
#[cfg(feature = "azure")]
mod page;
mod request;
mod text;
mod time;
mod unreadable;

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

#[cfg(feature = "object-store")]
#[cfg_attr(docsrs, doc(cfg(feature = "object-store")))]
pub use self::object_store::ObjectStoreAdapter;
#[cfg(feature = "sync")]
pub(crate) use self::time::{deserialize_rfc3339 as read_rfc3339, serialize_rfc3339 as rfc3339};
pub use self::{
    blob::{AccessTier, Blob, BlobType},
    content_type::ContentType,
    digest::ContentMd5,
    etag::ETag,
    inspect::{Answer, Inspect, Question},
    link::{LinkRequest, LinkSigner, ViewLink},
    listing::{MAX_PAGE, Malformed, Page},
    memory::MemoryStore,
    metadata::Metadata,
    order::NameOrder,
    request::{Include, ListRequest, Marker, ReadRequest},
    text::Text,
    unreadable::Unreadable,
};
pub(crate) use self::{order::Orders, time::rfc3339_text};
use crate::{error::Error, observe::Labels};

/// A container that can be listed and read.
///
/// Implement this trait to scan another backend, or to wrap a store, for example with a cache or
/// with metrics. It is object safe, and implemented for `Arc<S>` and `Box<S>`.
///
/// ```
/// use azure_asset_sync::{Error, Prefix, Scan, store::{Blob, ListRequest, Page, ReadRequest, Store}};
/// use bytes::Bytes;
///
/// struct OneImage;
///
/// #[async_trait::async_trait]
/// impl Store for OneImage {
///     async fn list(&self, _: ListRequest) -> Result<Page, Error> {
///         Ok(Page::last(vec![Blob::new("a.jpg", 3)]))
///     }
///     async fn read(&self, _: ReadRequest) -> Result<Bytes, Error> {
///         Ok(Bytes::from_static(b"\xff\xd8\xff"))
///     }
/// }
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
/// let report = Scan::new(OneImage, &Prefix::default()).run(()).await?;
/// assert_eq!(report.total(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Contract
/// The suite in `testing::conformance` (feature `testing`) checks what can be checked from outside.
/// Run it against every store of your own:
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
/// use azure_asset_sync::{MemoryStore, testing::conformance::{Names, check, seed}};
///
/// let store = MemoryStore::new();
/// for (name, content) in seed(Names::Any) {
///     store.put(name, content);
/// }
/// for case in check(&store, Names::Any).await {
///     case.outcome.map_err(|why| format!("{}: {why}", case.name))?;
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// **Names.** Names are returned exactly as stored: not normalized, not decoded, not refused.
/// Whether a name is acceptable is decided by the rules of a scan. A prefix is a plain string
/// prefix, not a folder.
///
/// **Order.** The names of a listing ascend in one of the orders of [`NameOrder`], and each page
/// with blobs states which in [`Page::order`]. A scan that sees names contradict the stated order
/// continues in another known order, which costs a request or two. Names in no known order are
/// listed with one request in flight, and a job sorts them on its disk. Within a listing each entry
/// appears once.
///
/// **Pages and markers.** [`Page::next`] continues the listing after the page, if it is sent back
/// with the same prefix, delimiter and includes. It must work in any later call, also in another
/// task, because a scan lists ranges of names in parallel. A page may be empty and have a next
/// marker; only a page without one is the last. A page has at most [`ListRequest::max_results`]
/// blobs and common prefixes. A page is complete or an error. An entry that cannot be read becomes
/// a [`Malformed`] entry of its page, and is not skipped.
///
/// **`start_from`.** A first page with [`ListRequest::start_from`] begins with the first name that
/// is equal to `start_from` or after it in the store's order, and the listing continues as the
/// listing of all names would. A request with a marker continues at the marker, whatever its
/// `start_from`. A store that cannot start at a name ignores the field and lists from the
/// beginning. A scan notices that from the first names, and continues without the field.
///
/// A store that lists in no known order **must** ignore `start_from`. If such a store filters its
/// listing by `name >= start_from`, a scan that lists ranges in parallel sees only plausible names
/// and cannot detect that others are missing: names are lost without an error.
///
/// **`delimiter`.** Names that contain the delimiter after the prefix are rolled up: all names with
/// the same text up to the first delimiter become one entry of [`Page::prefixes`]. A store that
/// cannot roll up names ignores the field and lists all of them.
///
/// **Reads.** A range that begins within the blob and ends after it returns the bytes up to the
/// end. A range that begins at or after the end, or that is empty, is
/// [`RangeNotSatisfiable`](crate::ErrorKind::RangeNotSatisfiable). No more bytes than requested are
/// returned.
///
/// **ETags.** Each blob should have an [`ETag`] that changes whenever its content or properties
/// change. With [`ReadRequest::if_match`] a read returns bytes of exactly that version, or fails
/// with [`BlobChanged`](crate::ErrorKind::BlobChanged). Without ETags a read cannot detect that a
/// blob was replaced, and a job compares size and time instead.
///
/// **Errors.** Each call is one attempt: a store does not retry, because the scan does, if
/// [`Error::is_transient`] holds. [`BadRequest`](crate::ErrorKind::BadRequest) for a `start_from`
/// or a delimiter means that the store does not support it. Any other error that is not transient
/// ends the scan. Messages must not contain credentials.
///
/// **Cancellation.** Dropping a future cancels its request. Nothing continues in the background,
/// and the store remains usable.
///
/// **Concurrency.** Stores are `Send + Sync`, and a scan has several calls in flight at once, from
/// tasks of its own on a tokio runtime. Futures must not block the thread. A panic in a store
/// reaches the caller of the scan.
#[doc(alias = "backend")]
#[doc(alias = "ObjectStore")]
#[async_trait]
pub trait Store: Send + Sync {
    /// Returns one page of the container's blobs.
    ///
    /// # Errors
    /// An [`Error`] of any kind except [`ErrorKind::Sink`](crate::ErrorKind::Sink).
    async fn list(&self, request: ListRequest) -> Result<Page, Error>;

    /// Returns a range of a blob's bytes.
    ///
    /// # Errors
    /// - [`BlobChanged`](crate::ErrorKind::BlobChanged) if the blob no longer has the requested
    ///   ETag.
    /// - [`RangeNotSatisfiable`](crate::ErrorKind::RangeNotSatisfiable) if the range begins at or
    ///   after the end of the blob, or is empty.
    /// - [`BlobNotFound`](crate::ErrorKind::BlobNotFound) if there is no such blob.
    /// - An error of another kind, as for [`list`](Self::list).
    async fn read(&self, request: ReadRequest) -> Result<Bytes, Error>;

    /// Returns how spans name the store; by default they do not.
    ///
    /// A store that wraps another one returns the labels of that store.
    fn labels(&self) -> Labels<'_> {
        Labels::default()
    }
}

// Only pointers: a store behind a reference could not be moved into the tasks of a scan.
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

            fn labels(&self) -> Labels<'_> {
                (**self).labels()
            }
        }
    };
}

forward!(Arc);
forward!(Box);
