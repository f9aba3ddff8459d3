//! Sends a request through the store's pipeline and reads its body up to a bound.
//!
//! The pipeline adds the credential and does not retry. Every answer is returned, also a refusal:
//! the caller decides which statuses are errors. The limit is checked while the body arrives, so a
//! malicious server cannot fill the memory, whatever its `Content-Length` says.

use azure_core::http::{
    AsyncRawResponse, Context, Pipeline, PipelineStreamOptions, Request, headers::HeaderName,
    response::AsyncResponseBody,
};
use bytes::{Bytes, BytesMut};
use futures::TryStreamExt as _;

use super::{failure, http::Place, transport::VERSION};
use crate::{
    error::{Error, ErrorKind},
    units,
};

/// The reason why a blob cannot be addressed, for messages.
pub(super) const NO_URL: &str = "the blob name has no URL: it is empty, or it has a segment `.` or `..`, which HTTP clients remove";

/// The number of bytes of a body that are processed before other tasks may run: 512 KiB.
const BYTES_BETWEEN_YIELDS: usize = 512 << 10;

/// Sends one request with the credential of the pipeline.
///
/// # Errors
/// Those of the sign-in and of the network. A status that is not a success is an answer here.
pub(super) async fn send(
    pipeline: &Pipeline,
    mut request: Request,
) -> Result<AsyncRawResponse, Error> {
    request.insert_header(HeaderName::from_static("x-ms-version"), VERSION);
    // Without `skip_checks` the SDK would turn a refusal into its own error and drop headers.
    let options = PipelineStreamOptions { skip_checks: true, ..Default::default() };
    pipeline
        .stream(&Context::new(), &mut request, Some(options))
        .await
        .map_err(|error| failure::from_sdk(&error))
}

/// Collects a body of at most `max_bytes`, without an allocation in advance.
///
/// # Errors
/// [`ErrorKind::TooLarge`] for a longer body, and those of the network.
pub(super) async fn collect(body: AsyncResponseBody, max_bytes: usize) -> Result<Bytes, Error> {
    let mut collected = BytesMut::new();
    let take = |chunk: &[u8]| collected.extend_from_slice(chunk);
    for_each_chunk(body, max_bytes, &mut Place::default(), take).await?;
    Ok(collected.freeze())
}

/// Calls `take` with each chunk of a body as it arrives, and fails if the sum exceeds `max_bytes`.
/// Returns the sum.
///
/// Waits if the body exceeds the memory that `place` reserves.
///
/// # Errors
/// [`ErrorKind::TooLarge`] for a longer body, and those of the network.
pub(super) async fn for_each_chunk(
    mut body: AsyncResponseBody,
    max_bytes: usize,
    place: &mut Place,
    mut take: impl FnMut(&[u8]),
) -> Result<usize, Error> {
    let (mut length, mut since_yield) = (0_usize, 0);
    while let Some(piece) = body.try_next().await.map_err(|error| failure::from_body(&error))? {
        length = length.saturating_add(piece.len());
        if length > max_bytes {
            return Err(Error::new(
                ErrorKind::TooLarge,
                format!(
                    "the answer exceeds the limit of {}; request a smaller page or range",
                    units::Bytes(max_bytes as u64)
                ),
            ));
        }
        place.grow(length).await;
        // A body that has already arrived would otherwise be processed in a single poll, however
        // large it is, and block the other tasks of this thread.
        for chunk in piece.chunks(BYTES_BETWEEN_YIELDS) {
            since_yield += chunk.len();
            if since_yield > BYTES_BETWEEN_YIELDS {
                since_yield = chunk.len();
                tokio::task::yield_now().await;
            }
            take(chunk);
        }
    }
    Ok(length)
}
