//! Ways for a request to the blob service to fail.

use std::{io, time::Duration};

use bytes::Bytes;
use futures::{StreamExt as _, stream};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::{
    Request, Response,
    body::{Body as _, Frame},
    header::{CONTENT_LENGTH, CONTENT_TYPE},
};

use super::{
    Refusal, State, blob_service,
    resettable::Reset,
    server::{Body, chunked, full},
};

/// A way for a request to the blob service to fail
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Fault {
    /// An error of the service
    Refuse(Refusal),
    /// The right answer, broken off after so many bytes of its body, if it has as many
    ///
    /// A listing, which is sent in chunks, breaks off also after its last byte, before the chunk that
    /// ends it.
    CloseAfter(usize),
    /// The right answer, silent after so many bytes of its body, if it has as many
    StallAfter(usize),
    /// The right answer, never begun
    Stall,
    /// The right answer, its body in pieces of so many bytes, with a pause between them
    Slow {
        /// The size of a piece, in bytes
        chunk: usize,
        /// How long it waits between two of them, by the cloud's clock
        pause: Duration,
    },
    /// Another answer, as of a proxy: status, content type and body, and no header of Azure's
    Replace(u16, &'static str, Bytes),
    /// The connection is closed without an answer
    Close,
    /// The connection is reset without an answer: TCP's RST, not even TLS says goodbye
    Reset,
}

pub(super) async fn apply(
    fault: Fault,
    normal: impl FnOnce() -> io::Result<Response<Body>>,
    request: &Request<Bytes>,
    state: &State,
    reset: &Reset,
) -> io::Result<Response<Body>> {
    match fault {
        Fault::Refuse(refusal) => blob_service::finish(request, Err(refusal), state),
        Fault::Replace(status, content_type, body) => Response::builder()
            .status(status)
            .header(CONTENT_TYPE, content_type)
            .body(full(body))
            .map_err(io::Error::other),
        Fault::Close => Err(io::ErrorKind::ConnectionAborted.into()),
        Fault::Reset => {
            reset.order();
            Err(io::ErrorKind::ConnectionReset.into())
        }
        Fault::Stall => std::future::pending().await,
        Fault::CloseAfter(at) => {
            let broken = stream::once(async {
                // A turn of the runtime, in which the bytes so far are sent.
                tokio::task::yield_now().await;
                Err(io::ErrorKind::ConnectionAborted.into())
            });
            head(normal()?, at, broken).await
        }
        Fault::StallAfter(at) => head(normal()?, at, stream::pending()).await,
        Fault::Slow { chunk, pause } => {
            let clock = state.clock.clone();
            let (parts, body) = promised(normal()?).await?;
            let pieces = stream::unfold((body, true), move |(mut rest, is_first)| {
                let clock = clock.clone();
                async move {
                    if rest.is_empty() {
                        return None;
                    }
                    if !is_first {
                        clock.sleep(pause).await;
                    }
                    let piece = rest.split_to(chunk.clamp(1, rest.len()));
                    Some((Ok(Frame::data(piece)), (rest, false)))
                }
            });
            Ok(Response::from_parts(parts, StreamBody::new(pieces).boxed_unsync()))
        }
    }
}

/// The body of an answer, and its head, which says the length of the body unless that is chunked
async fn promised(response: Response<Body>) -> io::Result<(hyper::http::response::Parts, Bytes)> {
    let (mut parts, body) = response.into_parts();
    if let Some(length) = body.size_hint().exact()
        && !parts.headers.contains_key(CONTENT_LENGTH)
    {
        parts.headers.insert(CONTENT_LENGTH, length.into());
    }
    Ok((parts, body.collect().await?.to_bytes()))
}

/// The first bytes of an answer, and then what follows instead of the rest
async fn head(
    response: Response<Body>,
    at: usize,
    then: impl futures::Stream<Item = io::Result<Frame<Bytes>>> + Send + 'static,
) -> io::Result<Response<Body>> {
    let (parts, body) = promised(response).await?;
    if at > body.len() {
        return Ok(Response::from_parts(parts, chunked(body)));
    }
    let head = body.slice(..at);
    let head = stream::once(async { Ok(Frame::data(head)) });
    Ok(Response::from_parts(parts, StreamBody::new(head.chain(then)).boxed_unsync()))
}
