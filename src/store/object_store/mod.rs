//! [`ObjectStoreAdapter`]: a store of the `object_store` crate as a [`Store`].
//!
//! Only this folder names that crate. `pages.rs` lists stores that have pages, `walk.rs` all others;
//! `verify.rs` finds names that the crate has shortened; `convert.rs` converts paths, descriptors and
//! errors.

mod convert;
mod pages;
mod verify;
mod walk;

use std::{fmt, sync::Arc};

use ::object_store::{
    GetOptions, GetRange, GetResult, ObjectStore, list::PaginatedListStore, path::Path,
};
use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::TryStreamExt as _;

use self::{
    convert::{Doing, failure, path},
    pages::Pages,
    walk::Walk,
};
use super::{ListRequest, NameOrder, Page, ReadRequest, Store};
use crate::error::{Error, ErrorKind};

/// A [`Store`] that reads from a store of the `object_store` crate.
///
/// For Azure, prefer [`AzureStore`](super::azure::AzureStore): `object_store` lists neither content
/// types nor checksums nor access tiers, and cannot represent every name. This adapter is for
/// services that read from other places as well, for example from Amazon S3 or from a local folder.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
/// use std::sync::Arc;
///
/// use azure_asset_sync::{Prefix, Scan, store::ObjectStoreAdapter};
/// use object_store::{ObjectStore, memory::InMemory, path::Path};
///
/// let photos = InMemory::new();
/// photos.put_opts(&Path::from("hall/a.jpg"), "\u{ff}".into(), Default::default()).await?;
///
/// let store = ObjectStoreAdapter::new(Arc::new(photos));
/// let report = Scan::new(store, &Prefix::try_from("hall/")?).run(()).await?;
/// assert_eq!(report.accepted(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Versions of `object_store`
/// The feature `object-store` works with `object_store` 0.13 and 0.14. Cargo chooses the newest, which
/// is a different crate than the one of a service that depends on 0.13. If the compiler says that a
/// trait is not implemented, select the version of the service:
/// `cargo update -p object_store@0.14.2 --precise 0.13.2`.
///
/// # Listings
/// [`paginated`](Self::paginated) is for stores with pages of their own: Amazon S3, Google Cloud
/// Storage and Azure. A page of a scan is one request, and ranges of names are listed in parallel. The
/// first page of a listing takes a request more, which looks for names that would be listed wrongly.
///
/// [`new`](Self::new) takes any store. `ObjectStore::list` has no pages and no order, so the adapter
/// reads the complete listing for each 20,000 names, keeps those 20,000 in memory, and returns them in
/// order. A `start_from` and a delimiter are ignored. A folder of a million files is read 50 times, so
/// use [`paginated`](Self::paginated) if the store has it.
///
/// # Names
/// An `object_store` path has no empty segment, no segment `.` or `..`, and no ASCII control
/// character. Its parser drops a slash at either end of a name. The adapter never lists a name that it
/// knows to be shortened:
///
/// - A read of a name that is no such path fails with [`BadRequest`](ErrorKind::BadRequest).
/// - A listing that meets a name with an empty or relative segment or a control character fails with
///   [`UnexpectedAnswer`](ErrorKind::UnexpectedAnswer), and so does the listing of a container with
///   names that begin with a slash. The message has the name.
/// - An object that is empty, that has the name of a folder, or that is out of order is looked up, and
///   so is a name that may be an encoded one. If no such object exists, the slash at the end of its
///   name was dropped, or Azure encoded a name that XML cannot represent, which `object_store` does
///   not decode. It becomes a [`Malformed`](super::Malformed) entry.
///
/// Two cases remain. If a name ends with a slash, the object is not empty, and no object is below it,
/// then it is listed without the slash, and a read of it fails. And after [`new`](Self::new), Azure and
/// Amazon S3 are less exact: an object whose name is the prefix can be missing, and names that begin
/// with a slash are listed without it.
///
/// # Errors and retries
/// Stores of `object_store` retry by themselves, for up to three minutes. A scan retries too, within
/// its own deadline, so set `RetryConfig::max_retries` to 0.
#[derive(Clone)]
pub struct ObjectStoreAdapter {
    store: Arc<dyn ObjectStore>,
    listing: Listing,
}

/// How the store is listed.
#[derive(Clone)]
enum Listing {
    Pages(Pages),
    Walk(Arc<Walk>),
}

impl ObjectStoreAdapter {
    /// Creates an adapter for any store. Each 20,000 names take a complete listing.
    pub fn new(store: Arc<dyn ObjectStore>) -> Self {
        let walk = Walk::new(Arc::clone(&store));
        Self { store, listing: Listing::Walk(Arc::new(walk)) }
    }

    /// Creates an adapter for a store that lists in pages: Amazon S3, Google Cloud Storage, Azure.
    pub fn paginated<S: ObjectStore + PaginatedListStore>(store: Arc<S>) -> Self {
        let pages = Pages::new(Arc::clone(&store) as _, Arc::clone(&store) as _);
        Self { store, listing: Listing::Pages(pages) }
    }

    /// Sets the order in which a store with pages lists names; by default [`NameOrder::Bytes`].
    ///
    /// Amazon S3 and Google Cloud Storage list in that order, Azure in [`NameOrder::Utf16`], or in
    /// [`NameOrder::Segments`] with a hierarchical namespace. A scan notices if the order is another
    /// one, and needs a few requests more. Without effect after [`new`](Self::new), because the
    /// adapter itself sorts the names.
    #[must_use]
    pub fn order(mut self, order: NameOrder) -> Self {
        if let Listing::Pages(pages) = &mut self.listing {
            pages.set_order(order);
        }
        self
    }

    /// Fails with `RangeNotSatisfiable` if that is why a read has failed, which `object_store` does
    /// not tell; otherwise with the error of the read.
    async fn out_of_range(&self, path: &Path, start: u64, error: Error) -> Error {
        if !matches!(error.kind(), ErrorKind::Unavailable) {
            return error;
        }
        let options = GetOptions { head: true, ..GetOptions::default() };
        match self.store.get_opts(path, options).await {
            Ok(found) if found.meta.size <= start => no_such_range(found.meta.size),
            _ => error,
        }
    }
}

/// Returns the error for a range without bytes of a blob of this size.
fn no_such_range(size: u64) -> Error {
    let what = format!("the range contains no byte of the blob, which has {size} bytes");
    Error::new(ErrorKind::RangeNotSatisfiable, what)
}

/// Shows the store as it describes itself, because its `Debug` may have credentials.
impl fmt::Debug for ObjectStoreAdapter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ObjectStoreAdapter").field(&format_args!("{}", self.store)).finish()
    }
}

#[async_trait]
impl Store for ObjectStoreAdapter {
    async fn list(&self, request: ListRequest) -> Result<Page, Error> {
        match &self.listing {
            Listing::Pages(pages) => pages.list(request).await,
            Listing::Walk(walk) => walk.list(request).await,
        }
    }

    async fn read(&self, request: ReadRequest) -> Result<Bytes, Error> {
        let path = path(&request.name)?;
        let range = request.range;
        if range.is_empty() {
            return Err(Error::new(ErrorKind::RangeNotSatisfiable, "the range is empty"));
        }
        let options = GetOptions {
            range: Some(GetRange::Bounded(range.clone())),
            if_match: request.if_match.map(|etag| etag.as_str().to_owned()),
            ..GetOptions::default()
        };
        let doing = || Doing::Read(&request.name);
        let found = match self.store.get_opts(&path, options).await {
            Ok(found) => found,
            Err(error) => {
                let error = failure(error, doing());
                return Err(self.out_of_range(&path, range.start, error).await);
            }
        };
        if found.range.start != range.start || found.range.end > range.end {
            let what = format!(
                "the store returned bytes {:?} for the range {range:?}; report it to its author",
                found.range
            );
            return Err(Error::new(ErrorKind::UnexpectedAnswer, what));
        }
        bytes(found, range.end - range.start, doing).await
    }
}

/// Reads at most `limit` bytes.
async fn bytes<'a>(
    found: GetResult,
    limit: u64,
    doing: impl Fn() -> Doing<'a>,
) -> Result<Bytes, Error> {
    let mut stream = found.into_stream();
    let mut bytes = BytesMut::new();
    while let Some(chunk) = stream.try_next().await.map_err(|error| failure(error, doing()))? {
        if (bytes.len() + chunk.len()) as u64 > limit {
            let what = format!("the store returned more than the {limit} bytes of the range");
            return Err(Error::new(ErrorKind::TooLarge, what));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes.freeze())
}
