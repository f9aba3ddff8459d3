//! A server on a loopback port that a test scripts: an authority and a blob service with arbitrary
//! responses, also malicious ones, over trusted TLS.

#![allow(dead_code, reason = "each binary that includes this file uses a part of it")]

use std::{
    convert::Infallible,
    io::Read as _,
    net::{SocketAddr, TcpListener},
    sync::{Arc, mpsc},
    thread,
};

use azure_asset_sync::{
    AzureStore, Connection, Endpoint, store::azure::AzureStoreBuilder, testing::trust,
};
use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::{
    Request, Response,
    body::{Body, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio::{runtime, sync::oneshot, task::JoinHandle};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, crypto::ring::default_provider, pki_types::PrivatePkcs8KeyDer},
};

pub const ACCOUNT: &str = "smallcloud";
pub const TENANT: &str = "11111111-1111-4111-8111-111111111111";

/// A server on the runtime of the test. Stops when dropped.
pub struct ScriptedServer {
    address: SocketAddr,
    authority: String,
    task: JoinHandle<()>,
}

impl ScriptedServer {
    pub async fn start<B>(
        answer: impl Fn(Request<Bytes>) -> Response<B> + Send + Sync + 'static,
    ) -> Self
    where
        B: Body<Data = Bytes, Error: std::error::Error + Send + Sync> + Send + 'static,
    {
        Self::start_as(&["127.0.0.1"], answer).await
    }

    /// Starts a server with a certificate for these names.
    pub async fn start_as<B>(
        names: &[&str],
        answer: impl Fn(Request<Bytes>) -> Response<B> + Send + Sync + 'static,
    ) -> Self
    where
        B: Body<Data = Bytes, Error: std::error::Error + Send + Sync> + Send + 'static,
    {
        let (config, authority) = tls(names);
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let answer = Arc::new(answer);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, answer) = (acceptor.clone(), Arc::clone(&answer));
                // A response in many small chunks must not wait for acknowledgements.
                let _ = stream.set_nodelay(true);
                tokio::spawn(async move {
                    let Ok(stream) = acceptor.accept(stream).await else { return };
                    let service = service_fn(|request: Request<Incoming>| {
                        let answer = Arc::clone(&answer);
                        async move {
                            let (parts, body) = request.into_parts();
                            let body = body.collect().await.unwrap_or_default().to_bytes();
                            Ok::<_, Infallible>(answer(Request::from_parts(parts, body)))
                        }
                    });
                    let _ =
                        http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        Self { address, authority, task }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn certificate_authority(&self) -> &str {
        &self.authority
    }

    /// Returns a connection with this server as storage and as authority.
    pub fn connection(&self) -> Connection {
        connection(&self.address.to_string(), &self.address.to_string())
    }

    pub fn builder(&self, connection: &Connection) -> AzureStoreBuilder {
        AzureStore::builder(connection)
            .policy(trust(connection))
            .certificate_authority(self.certificate_authority())
    }
}

impl Drop for ScriptedServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A server on a thread of its own, for tests that measure the memory of the client's thread.
pub struct ThreadedServer {
    builder: AzureStoreBuilder,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl ThreadedServer {
    pub fn start<B>(answer: impl Fn(Request<Bytes>) -> Response<B> + Send + Sync + 'static) -> Self
    where
        B: Body<Data = Bytes, Error: std::error::Error + Send + Sync> + Send + 'static,
    {
        let (ready, started) = mpsc::channel();
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = thread::spawn(move || {
            let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let server = ScriptedServer::start(answer).await;
                ready.send(server.builder(&server.connection())).unwrap();
                // Returns when the sender is dropped.
                let _ = stopped.await;
            });
        });
        Self { builder: started.recv().unwrap(), stop: Some(stop), thread: Some(thread) }
    }

    pub fn builder(&self) -> AzureStoreBuilder {
        self.builder.clone()
    }
}

impl Drop for ThreadedServer {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A second panic would hide the message of the first.
            assert!(thread.join().is_ok() || thread::panicking(), "the server has panicked");
        }
    }
}

/// Returns a connection whose storage and authority have these addresses.
pub fn connection(storage: &str, authority: &str) -> Connection {
    let endpoint = Endpoint::new(&format!("https://{storage}/{ACCOUNT}")).unwrap();
    let endpoint = endpoint.with_authority(&format!("https://{authority}")).unwrap();
    let builder = Connection::builder("scripted").account(ACCOUNT).container("assets");
    builder.tenant(TENANT).prefix("a/").cloud(endpoint.into()).build().unwrap()
}

pub fn is_sign_in(request: &Request<Bytes>) -> bool {
    request.uri().path().ends_with("/oauth2/v2.0/token")
}

/// Returns the TLS configuration of a server with a certificate for these names, and the PEM text of
/// the certificate authority.
pub fn tls(names: &[&str]) -> (ServerConfig, String) {
    let mut params = CertificateParams::new([]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let authority = params.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate().unwrap();
    let names: Vec<_> = names.iter().map(ToString::to_string).collect();
    let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();
    let key = PrivatePkcs8KeyDer::from(key.serialize_der());
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key.into())
        .unwrap();
    (config, authority)
}

/// A port to which no client should connect.
///
/// Nothing answers there: the system accepts connections, and `assert_untouched` looks for them.
pub struct Trap(TcpListener);

impl Trap {
    pub fn set() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        Self(listener)
    }

    pub fn address(&self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }

    /// Panics if a client has connected, with the first bytes that it sent.
    pub fn assert_untouched(&self, what: &str) {
        if let Ok((mut stream, _)) = self.0.accept() {
            let mut head = [0; 512];
            let n = stream.read(&mut head).unwrap_or_default();
            panic!("{what}: the trap was sent {:?}", String::from_utf8_lossy(&head[..n]));
        }
    }
}
