//! HTTP over TLS on a loopback port.
//!
//! Routes each request to the token endpoint or to the blob service, and keeps the log. All
//! connections end with the task of [`serve`].

use std::{io, sync::Arc};

use http_body_util::{BodyExt as _, Limited};
use hyper::{
    Request, Response,
    body::Incoming,
    header::{DATE, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio::{net::TcpListener, task::JoinSet};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, pki_types::PrivatePkcs8KeyDer},
};

use super::{
    blob_service,
    body::Body,
    log,
    resettable::{Reset, ResettableStream},
    sign_in,
    state::State,
};
use crate::tls::{NO_PROVIDER, provider};

/// The longest request body that is read: 64 KiB.
const MAX_BODY: usize = 64 << 10;

/// Returns a listener on a free port of 127.0.0.1, its TLS settings, and the certificate authority
/// to trust, as PEM.
///
/// # Errors
/// Fails if there is no free port, or no TLS provider.
pub(super) async fn listen() -> io::Result<(TcpListener, TlsAcceptor, String)> {
    let (config, authority) = tls().map_err(io::Error::other)?;
    // Port 0 lets the system choose, so that tests can run in parallel.
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    Ok((listener, TlsAcceptor::from(Arc::new(config)), authority))
}

/// Creates a certificate authority and a certificate for the loopback names.
fn tls() -> Result<(ServerConfig, String), Box<dyn std::error::Error + Send + Sync>> {
    // A new authority for each cloud: a client that trusts one cloud does not trust another.
    let mut params = CertificateParams::new([])?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate()?;
    let authority = params.self_signed(&key)?.pem();
    let issuer = Issuer::new(params, key);

    let key = KeyPair::generate()?;
    let names = ["127.0.0.1".to_owned(), "localhost".to_owned()];
    let certificate = CertificateParams::new(names)?.signed_by(&key, &issuer)?;
    // The provider is explicit, because the process may have installed none, or a different one.
    let config = ServerConfig::builder_with_provider(provider().ok_or(NO_PROVIDER)?)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
        )?;
    Ok((config, authority))
}

/// Accepts connections until the task is aborted.
pub(super) async fn serve(listener: TcpListener, acceptor: TlsAcceptor, state: Arc<State>) {
    // Dropping the set aborts the connections.
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        // Removes the connections that have ended.
        while connections.try_join_next().is_some() {}
        // Without it a small TLS record waits up to 40 ms for the acknowledgement of the previous
        // one.
        let _ = stream.set_nodelay(true);
        let (acceptor, state) = (acceptor.clone(), Arc::clone(&state));
        connections.spawn(async move {
            let _open = state.count_connection();
            let reset = Reset::default();
            let stream = ResettableStream::new(stream, reset.clone());
            let Ok(stream) = acceptor.accept(stream).await else { return };
            let service = service_fn(|request| answer(request, Arc::clone(&state), reset.clone()));
            // A client that disconnects is not an error of the server.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

/// Answers one request and logs it.
///
/// # Errors
/// An error closes the connection without an answer.
async fn answer(
    request: Request<Incoming>,
    state: Arc<State>,
    reset: Reset,
) -> io::Result<Response<Body>> {
    // Both services share the port; the path decides.
    let is_sign_in = log::is_sign_in(request.uri().path());
    // Sign-ins do not reach a front end, so they do not change the turn.
    let front_end = (!is_sign_in).then(|| state.access().next_front_end());
    // Logs before the body is read, so that a request without an answer is in the log too.
    let at = state.log().begin(&request, front_end);
    let (parts, body) = request.into_parts();
    let body = Limited::new(body, MAX_BODY).collect().await.map_err(io::Error::other)?;
    let request = Request::from_parts(parts, body.to_bytes());
    let mut response = match front_end {
        None => sign_in::answer(&request, &state)?,
        Some(front_end) => blob_service::answer(&request, front_end, &state, &reset).await?,
    };
    // From the cloud's time of day, so that a client can detect a wrong clock.
    let date = httpdate::fmt_http_date(state.now());
    response.headers_mut().insert(DATE, HeaderValue::from_str(&date).map_err(io::Error::other)?);
    state.log().end(at, response.status().as_u16());
    Ok(response)
}
