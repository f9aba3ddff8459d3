//! An HTTP proxy on a free loopback port that terminates every tunnel itself, with a certificate for all
//! hosts of the fake.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    io,
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread::JoinHandle,
};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{
    Method, Response,
    body::Incoming,
    header::{AUTHORIZATION, CONTENT_TYPE},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use percent_encoding::percent_decode_str;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use serde_json::Value;
use tokio::{net::TcpListener, sync::oneshot};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, crypto::ring::default_provider, pki_types::PrivatePkcs8KeyDer},
};
use url::form_urlencoded;

use super::{Request, State, answer};

/// The role of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host {
    SignIn,
    ResourceManager,
    Graph,
}

/// The hosts of the public cloud and of the national clouds.
const HOSTS: [(&str, Host); 10] = [
    ("login.microsoftonline.com", Host::SignIn),
    ("management.azure.com", Host::ResourceManager),
    ("graph.microsoft.com", Host::Graph),
    ("login.microsoftonline.us", Host::SignIn),
    ("management.usgovcloudapi.net", Host::ResourceManager),
    ("graph.microsoft.us", Host::Graph),
    ("login.chinacloudapi.cn", Host::SignIn),
    ("login.partner.microsoftonline.cn", Host::SignIn),
    ("management.chinacloudapi.cn", Host::ResourceManager),
    ("microsoftgraph.chinacloudapi.cn", Host::Graph),
];

/// The longest request body in bytes.
const MAX_BODY: usize = 1 << 20;

/// Starts the server. Returns its port, the authority to trust, and its thread.
pub(super) fn start(
    state: Arc<Mutex<State>>,
    stopped: oneshot::Receiver<()>,
) -> (u16, String, JoinHandle<()>) {
    let (config, authority) = tls().unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let (send_port, port) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
            send_port.send(listener.local_addr().unwrap().port()).unwrap();
            tokio::select! {
                () = serve(listener, acceptor, state) => {}
                _ = stopped => {}
            }
        });
    });
    (port.recv().unwrap(), authority, thread)
}

fn tls() -> Result<(ServerConfig, String), Box<dyn std::error::Error>> {
    let mut params = CertificateParams::new([])?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.distinguished_name = named("Authority of a test");
    let key = KeyPair::generate()?;
    let authority = params.self_signed(&key)?.pem();
    let issuer = Issuer::new(params, key);

    let key = KeyPair::generate()?;
    let names: Vec<_> = HOSTS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names)?;
    // OpenSSL treats a certificate with the name of its issuer as self-signed.
    params.distinguished_name = named("Azure of a test");
    params.use_authority_key_identifier_extension = true;
    let certificate = params.signed_by(&key, &issuer)?;
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
        )?;
    Ok((config, authority))
}

fn named(name: &str) -> DistinguishedName {
    let mut names = DistinguishedName::new();
    names.push(DnType::CommonName, name);
    names
}

type Received = hyper::Request<Incoming>;
type Answer = Result<Response<Full<Bytes>>, Infallible>;

async fn serve(listener: TcpListener, acceptor: TlsAcceptor, state: Arc<Mutex<State>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (acceptor, state) = (acceptor.clone(), Arc::clone(&state));
        tokio::spawn(async move {
            let service =
                service_fn(|request| proxy(request, acceptor.clone(), Arc::clone(&state)));
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            // A client that closes the connection is not an error of the server.
            let _ = connection.with_upgrades().await;
        });
    }
}

/// Answers the request for a tunnel, and the requests in the tunnel.
async fn proxy(request: Received, acceptor: TlsAcceptor, state: Arc<Mutex<State>>) -> Answer {
    let target = request.uri().to_string();
    let host = target
        .strip_suffix(":443")
        .and_then(|name| HOSTS.iter().find(|(known, _)| *known == name).map(|(_, host)| *host));
    let (Some(host), &Method::CONNECT) = (host, request.method()) else {
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        state.strays.push(format!("{} {target}", request.method()));
        return Ok(response(403, Bytes::new()));
    };
    tokio::spawn(async move {
        let Ok(upgraded) = hyper::upgrade::on(request).await else { return };
        let Ok(stream) = acceptor.accept(TokioIo::new(upgraded)).await else { return };
        let service = service_fn(|request| handle(request, host, Arc::clone(&state)));
        let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
    });
    Ok(response(200, Bytes::new()))
}

async fn handle(request: Received, host: Host, state: Arc<Mutex<State>>) -> Answer {
    let line = format!("{} {}", request.method(), request.uri());
    let request = match read(request, host).await {
        Ok(request) => request,
        Err(error) => {
            let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
            state.strays.push(format!("{line}: {error}"));
            return Ok(response(400, Bytes::new()));
        }
    };
    let reply = answer(&mut state.lock().unwrap_or_else(PoisonError::into_inner), request);
    let body = match reply.body {
        Value::Null => Bytes::new(),
        body => body.to_string().into(),
    };
    Ok(response(reply.status, body))
}

async fn read(request: Received, host: Host) -> io::Result<Request> {
    let (parts, body) = request.into_parts();
    let body = Limited::new(body, MAX_BODY).collect().await.map_err(io::Error::other)?.to_bytes();
    let header = |name| parts.headers.get(name).and_then(|value| value.to_str().ok());
    let form = header(CONTENT_TYPE).is_some_and(|kind| kind.contains("form-urlencoded"));
    let pairs = |text: &[u8]| -> BTreeMap<String, String> {
        form_urlencoded::parse(text).into_owned().collect()
    };
    let body = match () {
        () if body.is_empty() => Value::Null,
        () if form => {
            pairs(&body).into_iter().map(|(key, value)| (key, Value::String(value))).collect()
        }
        // The CLI writes this key without quotes, and the service accepts that.
        () if parts.uri.path().contains("/deployments/") => {
            let body = String::from_utf8_lossy(&body);
            serde_json::from_str(&body.replacen(", template:{", ", \"template\":{", 1))?
        }
        () => serde_json::from_slice(&body)?,
    };
    let path = percent_decode_str(parts.uri.path()).decode_utf8().map_err(io::Error::other)?;
    Ok(Request {
        method: parts.method.to_string(),
        host,
        // The CLI writes a second slash before the ID of a resource.
        path: format!("/{}", path.trim_start_matches('/')),
        query: pairs(parts.uri.query().unwrap_or_default().as_bytes()),
        body,
        authorization: header(AUTHORIZATION).unwrap_or_default().to_owned(),
    })
}

fn response(status: u16, body: Bytes) -> Response<Full<Bytes>> {
    let builder = Response::builder()
        .status(status)
        .header(CONTENT_TYPE, "application/json; charset=utf-8")
        .header("x-ms-request-id", "5f0c9a44-1d2e-4b6a-9c1f-7e21d0a8b3c6");
    builder.body(Full::new(body)).expect("the headers are constants and the status is one of ours")
}
