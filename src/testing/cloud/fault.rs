//! Ways in which a request to the blob service can fail.
//!
//! `apply` turns a normal response into a broken one. It knows neither the service nor its state.

use std::{io, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::{StreamExt as _, stream};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::{
    Response,
    body::{Body as _, Frame},
    header::{CONTENT_LENGTH, CONTENT_TYPE},
};

use super::{
    body::{Body, chunked, full},
    refusal::Refusal,
    resettable::Reset,
};
use crate::clock::Clock;

/// A way in which a request to the blob service fails.
///
/// [`SmallCloud::inject`](super::SmallCloud::inject) applies it to the next request, and
/// [`SmallCloud::inject_always`](super::SmallCloud::inject_always) to every request.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// use azure_asset_sync::{
///     ErrorKind, Scan, Store, store::ListRequest, testing::{Fault, Seed, SmallCloud},
/// };
///
/// let cloud = SmallCloud::builder().blob(Seed::new("a.jpg", "x")).start().await?;
/// let connection = cloud.connection().build()?;
///
/// // The store reports the truncated response; a scan repeats the request.
/// cloud.inject(Fault::CloseAfter(10));
/// let error = cloud.store(&connection)?.list(ListRequest::new("")).await.unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Truncated);
/// cloud.inject(Fault::CloseAfter(10));
/// let report = Scan::new(cloud.store(&connection)?, connection.prefix()).run(()).await?;
/// assert_eq!(report.accepted(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Fault {
    /// Answers with an error of the service.
    Refuse(Refusal),
    /// Sends this many bytes of the normal body, and then closes the connection.
    ///
    /// Has no effect if the body is shorter. A listing is sent in chunks, so a value equal to its
    /// length closes the connection before the chunk that ends the body.
    CloseAfter(usize),
    /// Sends this many bytes of the normal body, and then nothing more.
    ///
    /// Has no effect if the body is shorter.
    StallAfter(usize),
    /// Never begins to answer.
    Stall,
    /// Sends the normal body in small pieces, with a pause between them.
    Slow {
        /// The size of a piece, in bytes.
        chunk: usize,
        /// The pause between two pieces, by the cloud's clock.
        pause: Duration,
    },
    /// Answers with this status, content type and body instead, without Azure's headers, as a proxy
    /// would.
    Replace(u16, &'static str, Bytes),
    /// Closes the connection without an answer.
    Close,
    /// Resets the connection without an answer: TCP RST, without the end of the TLS session.
    Reset,
}

/// Answers a request with a fault.
///
/// `respond` returns the normal response, or that of a refusal.
///
/// # Errors
/// An error closes the connection without an answer, which is what some faults are for.
pub(super) async fn apply(
    fault: Fault,
    respond: impl FnOnce(Option<Refusal>) -> io::Result<Response<Body>>,
    clock: &Arc<dyn Clock>,
    reset: &Reset,
) -> io::Result<Response<Body>> {
    match fault {
        Fault::Refuse(refusal) => respond(Some(refusal)),
        Fault::Replace(status, content_type, body) => Response::builder()
            .status(status)
            .header(CONTENT_TYPE, content_type)
            .body(full(body))
            .map_err(io::Error::other),
        Fault::Close => Err(io::ErrorKind::ConnectionAborted.into()),
        Fault::Reset => {
            // The server closes the connection because of the error; the order makes it a reset.
            reset.order();
            Err(io::ErrorKind::ConnectionReset.into())
        }
        // Ends when the client closes the connection, or with the cloud.
        Fault::Stall => std::future::pending().await,
        Fault::CloseAfter(at) => {
            let broken = stream::once(async {
                // Lets the runtime send the bytes so far before the connection closes.
                tokio::task::yield_now().await;
                Err(io::ErrorKind::ConnectionAborted.into())
            });
            truncate(respond(None)?, at, broken).await
        }
        Fault::StallAfter(at) => truncate(respond(None)?, at, stream::pending()).await,
        Fault::Slow { chunk, pause } => {
            let clock = Arc::clone(clock);
            // The body is in memory already, so collecting it costs little.
            let (parts, body) = with_length(respond(None)?).await?;
            let pieces = stream::unfold((body, true), move |(mut rest, is_first)| {
                let clock = Arc::clone(&clock);
                async move {
                    if rest.is_empty() {
                        return None;
                    }
                    if !is_first {
                        clock.sleep(pause).await;
                    }
                    // At least one byte, so that a chunk size of 0 does not loop forever.
                    let piece = rest.split_to(chunk.clamp(1, rest.len()));
                    Some((Ok(Frame::data(piece)), (rest, false)))
                }
            });
            Ok(Response::from_parts(parts, StreamBody::new(pieces).boxed_unsync()))
        }
    }
}

/// Returns the head and the whole body of a response.
///
/// Adds the `Content-Length` that the HTTP library would have added, because a streamed body no
/// longer has a known length. Chunked bodies stay without.
async fn with_length(
    response: Response<Body>,
) -> io::Result<(hyper::http::response::Parts, Bytes)> {
    let (mut parts, body) = response.into_parts();
    if let Some(length) = body.size_hint().exact()
        && !parts.headers.contains_key(CONTENT_LENGTH)
    {
        parts.headers.insert(CONTENT_LENGTH, length.into());
    }
    Ok((parts, body.collect().await?.to_bytes()))
}

/// Returns a response with the first `at` bytes of its body, followed by `then` instead of the
/// rest.
async fn truncate(
    response: Response<Body>,
    at: usize,
    then: impl futures::Stream<Item = io::Result<Frame<Bytes>>> + Send + 'static,
) -> io::Result<Response<Body>> {
    let (parts, body) = with_length(response).await?;
    // Not `>=`: a chunked body can break off after its last byte and before the final chunk.
    if at > body.len() {
        return Ok(Response::from_parts(parts, chunked(body)));
    }
    let head = body.slice(..at);
    let head = stream::once(async { Ok(Frame::data(head)) });
    Ok(Response::from_parts(parts, StreamBody::new(head.chain(then)).boxed_unsync()))
}
