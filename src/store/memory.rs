//! [`MemoryStore`]: a container in memory.
//!
//! Keeps the contract of [`Store`] as Azure does, so that tests against it hold for the service:
//! names in order, pages of at most [`MAX_PAGE`] blobs, prefixes that are rolled up, ETags.

use std::{
    collections::BTreeMap,
    ops::Bound,
    sync::{PoisonError, RwLock},
};

use async_trait::async_trait;
use bytes::Bytes;

use super::{Blob, ETag, ListRequest, MAX_PAGE, Marker, Page, ReadRequest, Store};
use crate::error::{Error, ErrorKind};

/// A container in memory, for tests and demonstrations.
///
/// Keeps the contract of [`Store`], including the service's limit of blobs per page. Names are
/// listed in [`NameOrder::Bytes`](super::NameOrder::Bytes). Changes are visible to listings that
/// are under way.
///
/// ```
/// use azure_asset_sync::{Prefix, Scan, store::{Blob, MemoryStore}};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
/// let store = MemoryStore::from_iter([Blob::new("a.jpg", 10), Blob::new("b/c.png", 20)]);
/// store.put("d.gif", b"GIF89a".as_slice());
///
/// let report = Scan::new(store, &Prefix::default()).run(()).await?;
/// assert_eq!(report.total(), 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "InMemory")]
#[doc(alias = "mock")]
#[doc(alias = "fake")]
#[derive(Debug, Default)]
pub struct MemoryStore {
    /// By name, whose order in a `BTreeMap` is the order of the listing.
    blobs: RwLock<BTreeMap<String, (Blob, Bytes)>>,
}

impl MemoryStore {
    /// Creates an empty container.
    pub fn new() -> Self {
        Self::default()
    }

    /// Stores content under a name; returns its new ETag.
    ///
    /// Replaces a blob of the same name. The other properties of the new blob are absent.
    ///
    /// ```
    /// use azure_asset_sync::MemoryStore;
    ///
    /// let store = MemoryStore::new();
    /// assert_ne!(store.put("a.jpg", "old"), store.put("a.jpg", "new"));
    /// ```
    pub fn put(&self, name: impl Into<String>, content: impl Into<Bytes>) -> ETag {
        let (name, content) = (name.into(), content.into());
        let mut blobs = self.blobs.write().unwrap_or_else(PoisonError::into_inner);
        // Counts the versions of a name, so that the ETag differs from each earlier one.
        let generation = blobs.get(&name).map_or(0, |(old, _)| {
            let text = old.etag.as_ref().map_or("", ETag::as_str);
            text.strip_prefix("0x").and_then(|hex| u64::from_str_radix(hex, 16).ok()).unwrap_or(0)
        });
        let etag = ETag::from(format!("0x{:016X}", generation + 1).as_str());
        let mut blob = Blob::new(name.clone(), content.len() as u64);
        blob.etag = Some(etag.clone());
        blobs.insert(name, (blob, content));
        etag
    }

    /// Stores a blob with these properties, and without content: each read fails with
    /// [`RangeNotSatisfiable`](ErrorKind::RangeNotSatisfiable).
    pub fn insert(&self, blob: Blob) {
        let mut blobs = self.blobs.write().unwrap_or_else(PoisonError::into_inner);
        blobs.insert(blob.name.clone(), (blob, Bytes::new()));
    }

    /// Removes a blob; returns whether there was one.
    pub fn remove(&self, name: &str) -> bool {
        let mut blobs = self.blobs.write().unwrap_or_else(PoisonError::into_inner);
        blobs.remove(name).is_some()
    }
}

impl FromIterator<Blob> for MemoryStore {
    /// Creates a container of blobs without content. If a name appears twice, the last blob counts.
    fn from_iter<I: IntoIterator<Item = Blob>>(blobs: I) -> Self {
        let blobs = blobs.into_iter().map(|b| (b.name.clone(), (b, Bytes::new()))).collect();
        Self { blobs: RwLock::new(blobs) }
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn list(&self, request: ListRequest) -> Result<Page, Error> {
        let limit = request.max_results.map_or(MAX_PAGE, |n| n.get().min(MAX_PAGE));
        let limit = usize::from(limit);
        let blobs = self.blobs.read().unwrap_or_else(PoisonError::into_inner);
        let (prefix, delimiter) = (request.prefix.as_str(), request.delimiter.as_deref());
        // A marker is the first name of the next page, or the prefix that begins there.
        let from = request.marker.as_ref().map(Marker::as_str).or(request.start_from.as_deref());
        // A start before the prefix would list nothing: iteration ends at the first name without
        // it.
        let start = from.unwrap_or_default().max(prefix);
        let mut page = Page::default();
        for (name, (blob, _)) in blobs
            .range::<str, _>((Bound::Included(start), Bound::Unbounded))
            .take_while(|(name, _)| name.starts_with(prefix))
        {
            let rolled = delimiter.and_then(|delimiter| roll_up(name, prefix, delimiter));
            // Names are in order, so all names of a common prefix follow one another.
            if rolled.is_some() && rolled == page.prefixes.last().map(String::as_str) {
                continue;
            }
            // Checked when another entry is found, so that the last page has no marker.
            if page.blobs.len() + page.prefixes.len() == limit {
                page.next = Some(Marker::from(rolled.unwrap_or(name).to_owned()));
                break;
            }
            match rolled {
                Some(rolled) => page.prefixes.push(rolled.to_owned()),
                None => page.blobs.push(blob.clone()),
            }
        }
        Ok(page)
    }

    async fn read(&self, request: ReadRequest) -> Result<Bytes, Error> {
        let blobs = self.blobs.read().unwrap_or_else(PoisonError::into_inner);
        let Some((blob, content)) = blobs.get(&request.name) else {
            return Err(Error::from_response(404, Some("BlobNotFound")));
        };
        if request.if_match.is_some() && request.if_match != blob.etag {
            return Err(Error::from_response(412, Some("ConditionNotMet")));
        }
        let len = content.len();
        // On a 32-bit machine a larger offset is beyond any content.
        let start = usize::try_from(request.range.start).unwrap_or(usize::MAX);
        let end = usize::try_from(request.range.end).unwrap_or(usize::MAX).min(len);
        if start >= end {
            return Err(Error::new(
                ErrorKind::RangeNotSatisfiable,
                format!(
                    "the range {:?} contains no byte of the blob, which has {len} bytes",
                    request.range
                ),
            ));
        }
        Ok(content.slice(start..end))
    }
}

/// Returns the common prefix of a name: its text up to and including the first delimiter after the
/// prefix.
fn roll_up<'a>(name: &'a str, prefix: &str, delimiter: &str) -> Option<&'a str> {
    let at = name.strip_prefix(prefix)?.find(delimiter).filter(|_| !delimiter.is_empty())?;
    name.get(..prefix.len() + at + delimiter.len())
}
