//! Bodies of responses: complete ones with a length, and chunked ones without.

use std::{convert::Infallible, io};

use bytes::Bytes;
use futures::stream;
use http_body_util::{BodyExt as _, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::Frame;

/// The body of every response; an error ends the connection in the middle of the body.
pub(super) type Body = UnsyncBoxBody<Bytes, io::Error>;

/// The size of one chunk of a body without a length: 64 KiB.
const CHUNK: usize = 64 << 10;

/// Returns a body that is sent in chunks, without a `Content-Length`.
pub(super) fn chunked(body: Bytes) -> Body {
    let pieces = stream::unfold(body, |mut rest| async {
        if rest.is_empty() {
            return None;
        }
        // A large page in one chunk would hide errors of clients that read chunk by chunk.
        let piece = rest.split_to(CHUNK.min(rest.len()));
        Some((Ok(Frame::data(piece)), rest))
    });
    StreamBody::new(pieces).boxed_unsync()
}

/// Returns a body that is sent at once, with a `Content-Length`.
pub(super) fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never: Infallible| match never {}).boxed_unsync()
}
