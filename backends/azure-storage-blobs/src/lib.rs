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

/// A container behind a client of `azure_storage_blobs` 0.21
///
/// Build the client with `RetryOptions::none()`: a scan retries by itself, within its deadline.
#[derive(Clone, Debug)]
pub struct LegacyStore {
    client: ContainerClient,
}

impl LegacyStore {
    /// The client's container, with the client's credential, transport and retries
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
        // Its service version is older than `startFrom`, so that wish is left aside.
        if let Some(delimiter) = request.delimiter {
            list = list.delimiter(delimiter);
        }
        if let Some(marker) = &request.marker {
            list = list.marker(NextMarker::new(marker.as_str().to_owned()));
        }
        if let Some(most) = request.max_results {
            list = list.max_results(MaxResults::new(NonZeroU32::from(most)));
        }
        // The stream would go on; the scan asks for each page itself.
        match list.into_stream().next().await {
            Some(Ok(page)) => Ok(convert::page(page)),
            Some(Err(error)) => Err(convert::error(&error, "list the container")),
            None => Err(Error::new(ErrorKind::UnexpectedAnswer, "the SDK gave no page")),
        }
    }

    async fn read(&self, request: ReadRequest) -> Result<Bytes, Error> {
        let length = request.range.end.saturating_sub(request.range.start);
        if length == 0 {
            return Err(Error::new(ErrorKind::RangeNotSatisfiable, "the range is empty"));
        }
        // The client makes the address segment by segment: it resolves `.` and `..`, and drops an
        // empty last one, so that it would read another blob.
        let leads_elsewhere = |segment| matches!(segment, "." | "..");
        if request.name.is_empty()
            || request.name.ends_with('/')
            || request.name.split('/').any(leads_elsewhere)
        {
            return Err(Error::new(
                ErrorKind::BadRequest,
                "azure_storage_blobs would read another blob for a name with a segment `.` or `..`, or a slash at the end; read it with the official SDK",
            ));
        }
        let range = Range::new(request.range.start, request.range.end);
        // One chunk, so that it is one request, of one version.
        let mut get = self.client.blob_client(&request.name).get().range(range).chunk_size(length);
        if let Some(etag) = &request.if_match {
            get = get.if_match(IfMatchCondition::Match(etag.as_str().to_owned()));
        }
        let failed = |error: &_| convert::error(error, "read a blob");
        match get.into_stream().next().await {
            Some(Ok(response)) => response.data.collect().await.map_err(|error| failed(&error)),
            Some(Err(error)) => Err(failed(&error)),
            None => Err(Error::new(ErrorKind::UnexpectedAnswer, "the SDK gave no answer")),
        }
    }
}
