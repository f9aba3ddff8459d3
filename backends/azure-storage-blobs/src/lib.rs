//! A [`Store`] on a container client of `azure_storage_blobs` 0.21, for services that still hold
//! one.
//!
//! The crate is separate, so that the advisories of the abandoned SDK do not affect the main crate.
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![warn(missing_docs, missing_debug_implementations, unreachable_pub)]

mod convert;

use std::num::NonZeroU32;

use async_trait::async_trait;
use azure_asset_sync::{
    Error, ErrorKind, Store,
    store::{Include, ListRequest, Page, ReadRequest},
};
use azure_core::request_options::{IfMatchCondition, MaxResults, NextMarker, Range};
use azure_storage_blobs::prelude::ContainerClient;
use bytes::Bytes;
use futures::StreamExt as _;

/// A store that uses a container client of `azure_storage_blobs` 0.21.
///
/// Build the client with `RetryOptions::none()`. A scan retries by itself, within its own deadline.
///
/// Names with spaces at either end lose them, because the SDK trims them. Names that XML cannot
/// represent become malformed entries, because the SDK does not decode them. [`check`] of the
/// conformance suite shows what else differs from the official SDK.
///
/// [`check`]: https://docs.rs/azure-asset-sync/latest/azure_asset_sync/testing/conformance/fn.check.html
///
/// ```no_run
/// # async fn example(client: azure_storage_blobs::prelude::ContainerClient) -> Result<(), azure_asset_sync::Error> {
/// use azure_asset_sync::{Prefix, Scan};
/// use azure_asset_sync_azure_storage_blobs::LegacyStore;
///
/// let report = Scan::new(LegacyStore::new(client), &Prefix::default()).run(()).await?;
/// println!("{report}");
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct LegacyStore {
    client: ContainerClient,
}

impl LegacyStore {
    /// Creates a store for the container of the client, with its credential, transport and retries.
    pub fn new(client: ContainerClient) -> Self {
        Self { client }
    }
}

#[async_trait]
impl Store for LegacyStore {
    async fn list(&self, request: ListRequest) -> Result<Page, Error> {
        let has = |include| request.include.contains(&include);
        let mut list = self
            .client
            .list_blobs()
            .include_metadata(has(Include::Metadata))
            .include_snapshots(has(Include::Snapshots))
            .include_versions(has(Include::Versions));
        if !request.prefix.is_empty() {
            list = list.prefix(request.prefix.clone());
        }
        // The service version of the SDK is older than `startFrom`, which a store may ignore.
        if let Some(delimiter) = request.delimiter {
            list = list.delimiter(delimiter);
        }
        if let Some(marker) = &request.marker {
            list = list.marker(NextMarker::new(marker.as_str().to_owned()));
        }
        if let Some(most) = request.max_results {
            list = list.max_results(MaxResults::new(NonZeroU32::from(most)));
        }
        // Takes only the first page of the stream, because a scan requests each page itself.
        match list.into_stream().next().await {
            Some(Ok(page)) => Ok(convert::page(page)),
            Some(Err(error)) => Err(convert::error(&error, "list the container")),
            None => Err(Error::new(ErrorKind::UnexpectedAnswer, "the SDK returned no page")),
        }
    }

    async fn read(&self, request: ReadRequest) -> Result<Bytes, Error> {
        let length = request.range.end.saturating_sub(request.range.start);
        if length == 0 {
            return Err(Error::new(ErrorKind::RangeNotSatisfiable, "the range is empty"));
        }
        // The SDK resolves `.` and `..` in the path and drops a slash at the end, so it would read
        // a different blob.
        let leads_elsewhere = |segment| matches!(segment, "." | "..");
        if request.name.is_empty()
            || request.name.ends_with('/')
            || request.name.split('/').any(leads_elsewhere)
        {
            return Err(Error::new(
                ErrorKind::BadRequest,
                "azure_storage_blobs would read a different blob, because the name has a segment `.` or `..`, or a slash at the end; use the official SDK",
            ));
        }
        let range = Range::new(request.range.start, request.range.end);
        // One chunk, so that there is one request, and all bytes are of one version.
        let mut get = self.client.blob_client(&request.name).get().range(range).chunk_size(length);
        if let Some(etag) = &request.if_match {
            get = get.if_match(IfMatchCondition::Match(etag.as_str().to_owned()));
        }
        let failed = |error: &_| convert::error(error, "read a blob");
        match get.into_stream().next().await {
            Some(Ok(response)) => response.data.collect().await.map_err(|error| failed(&error)),
            Some(Err(error)) => Err(failed(&error)),
            None => Err(Error::new(ErrorKind::UnexpectedAnswer, "the SDK returned no response")),
        }
    }
}
