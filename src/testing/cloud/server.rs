//! HTTP over TLS on a loopback port.

use std::{convert::Infallible, io, sync::Arc};

use bytes::Bytes;
use futures::stream;
use http_body_util::{BodyExt as _, Full, Limited, StreamBody, combinators::UnsyncBoxBody};
use hyper::{
    Request, Response,
    body::{Frame, Incoming},
    header::{DATE, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio::{net::TcpListener, task::JoinSet};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, crypto::ring::default_provider, pki_types::PrivatePkcs8KeyDer},
};

use super::{
    State, blob_service, lock, log,
    resettable::{Reset, ResettableStream},
    sign_in,
    state::CountGuard,
};

pub(super) type Body = UnsyncBoxBody<Bytes, io::Error>;

/// A listener on a free port, its TLS, and the authority to trust
pub(super) async fn listen() -> io::Result<(TcpListener, TlsAcceptor, String)> {
    let (config, authority) = tls().map_err(io::Error::other)?;
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    Ok((listener, TlsAcceptor::from(Arc::new(config)), authority))
}

fn tls() -> Result<(ServerConfig, String), Box<dyn std::error::Error + Send + Sync>> {
    let mut params = CertificateParams::new([])?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate()?;
    let authority = params.self_signed(&key)?.pem();
    let issuer = Issuer::new(params, key);

    let key = KeyPair::generate()?;
    let names = ["127.0.0.1".to_owned(), "localhost".to_owned()];
    let certificate = CertificateParams::new(names)?.signed_by(&key, &issuer)?;
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
        )?;
    Ok((config, authority))
}

pub(super) async fn serve(listener: TcpListener, acceptor: TlsAcceptor, state: Arc<State>) {
    // Ends with this task, and so do its connections.
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        while connections.try_join_next().is_some() {}
        // Else a small record waits up to 40 ms for the acknowledgement of the one before.
        let _ = stream.set_nodelay(true);
        let (acceptor, state) = (acceptor.clone(), Arc::clone(&state));
        connections.spawn(async move {
            let _open = CountGuard::new(&state.connections);
            let reset = Reset::default();
            let stream = ResettableStream::new(stream, reset.clone());
            let Ok(stream) = acceptor.accept(stream).await else { return };
            let service = service_fn(|request| answer(request, Arc::clone(&state), reset.clone()));
            // A client that goes away is no failure of the server.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

/// The longest body of a request that is read
const MAX_BODY: usize = 64 << 10;

/// An error ends the connection without an answer
async fn answer(
    request: Request<Incoming>,
    state: Arc<State>,
    reset: Reset,
) -> io::Result<Response<Body>> {
    let is_sign_in = log::is_sign_in(request.uri().path());
    let front_end = (!is_sign_in).then(|| lock(&state.access).next_front_end());
    let at = lock(&state.log).begin(&request, front_end);
    let (parts, body) = request.into_parts();
    let body = Limited::new(body, MAX_BODY).collect().await.map_err(io::Error::other)?;
    let request = Request::from_parts(parts, body.to_bytes());
    let mut response = match front_end {
        None => sign_in::answer(&request, &state)?,
        Some(front_end) => blob_service::answer(&request, front_end, &state, &reset).await?,
    };
    let date = httpdate::fmt_http_date(state.now());
    response.headers_mut().insert(DATE, HeaderValue::from_str(&date).map_err(io::Error::other)?);
    lock(&state.log).end(at, response.status().as_u16());
    Ok(response)
}

/// The size of the pieces that a body without a length is sent in
const CHUNK: usize = 64 << 10;

/// A body in chunks, without a Content-Length
pub(super) fn chunked(body: Bytes) -> Body {
    let pieces = stream::unfold(body, |mut rest| async {
        if rest.is_empty() {
            return None;
        }
        let piece = rest.split_to(CHUNK.min(rest.len()));
        Some((Ok(Frame::data(piece)), rest))
    });
    StreamBody::new(pieces).boxed_unsync()
}

/// A body that is at hand
pub(super) fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never: Infallible| match never {}).boxed_unsync()
}
