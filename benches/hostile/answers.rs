//! Responses that do not end, and large challenges and tokens.

use std::{convert::Infallible, pin::Pin, sync::mpsc, thread::JoinHandle};

use azure_asset_sync::{
    AzureStore, Connection, Credential, LinkRequest, Store,
    store::{Inspect, ListRequest, Question, ReadRequest, azure::AzureStoreBuilder},
    testing::trust,
};
use bytes::Bytes;
use futures::{Stream, StreamExt as _, stream};
use http_body_util::StreamBody;
use hyper::{
    Request, Response,
    body::{Body, Frame},
};
use tokio::sync::oneshot;

use crate::{
    measure::{KIB, MIB, Table, outcome},
    server::{ScriptedServer, connection, is_sign_in},
};

/// A server in its own thread, so that its work does not delay the client.
pub struct ServerThread {
    address: String,
    authority: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl ServerThread {
    /// Starts a server that answers each request with this function.
    pub fn start<B>(answer: impl Fn(&Request<Bytes>) -> Response<B> + Send + Sync + 'static) -> Self
    where
        B: Body<Data = Bytes, Error: std::error::Error + Send + Sync> + Send + 'static,
    {
        let (send, started) = mpsc::channel();
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let server = ScriptedServer::start(move |request| answer(&request)).await;
                let address = server.address().to_string();
                send.send((address, server.certificate_authority().to_owned())).unwrap();
                let _ = stopped.await;
            });
        });
        let (address, authority) = started.recv().unwrap();
        Self { address, authority, stop: Some(stop), thread: Some(thread) }
    }

    /// Returns a connection to the server.
    fn connection(&self) -> Connection {
        connection(&self.address, &self.address)
    }

    /// Returns a builder for a store that trusts the server.
    fn builder(&self) -> AzureStoreBuilder {
        let connection = self.connection();
        AzureStore::builder(&connection)
            .policy(trust(&connection))
            .certificate_authority(self.authority.as_str())
    }

    /// Returns a store with this credential.
    pub fn store(&self, credential: Credential) -> AzureStore {
        self.builder().build(credential).unwrap()
    }
}

impl Drop for ServerThread {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

type Chunks = Pin<Box<dyn Stream<Item = Result<Frame<Bytes>, Infallible>> + Send>>;

const CHUNK: usize = 64 * KIB;

/// Returns a body of this many bytes in chunks.
fn endless(bytes: usize) -> StreamBody<Chunks> {
    static SPACES: [u8; CHUNK] = [b' '; CHUNK];
    let chunks = stream::iter(0..bytes / CHUNK);
    let chunks = chunks.map(|_| Ok(Frame::data(Bytes::from_static(&SPACES))));
    StreamBody::new(Box::pin(chunks))
}

/// Returns a body with this text.
fn text(text: impl Into<Bytes>) -> StreamBody<Chunks> {
    let text = text.into();
    StreamBody::new(Box::pin(stream::once(async { Ok(Frame::data(text)) })))
}

const TOKEN: &str = r#"{"token_type":"Bearer","expires_in":3600,"access_token":"canary"}"#;

/// Returns a credential that signs in.
fn secret() -> Credential {
    Credential::ClientSecret {
        client_id: "99999999-8888-4777-8666-555555555555".into(),
        secret: "canary".into(),
    }
}

/// The memory of a connection, its buffers and TLS, without the body.
const CONNECTION: usize = 4 * MIB;

/// Measures all attacks of this file.
pub fn measure(table: &mut Table) {
    bodies(table);
    tokens(table);
    challenges(table);
}

/// Measures responses of 1 GiB to each kind of request.
fn bodies(table: &mut Table) {
    for status in [200, 403, 503] {
        let server = ServerThread::start(move |request: &Request<Bytes>| {
            if is_sign_in(request) {
                return Response::new(text(TOKEN));
            }
            let response = Response::builder().status(status);
            response.header("content-type", "application/xml").body(endless(1 << 30)).unwrap()
        });
        let limit = |bound: usize| bound + CONNECTION;
        let title = |call: &str| format!("answer {status} of 1 GiB to {call}");
        table.future(&title("a list"), limit(MIB), || {
            let store = server.store(secret());
            async move { outcome(store.list(ListRequest::new("")).await, |_| "taken".to_owned()) }
        });
        table.future(&title("a read of 4 KiB"), limit(MIB), || {
            let store = server.store(secret());
            async move {
                let read = store.read(ReadRequest::new("a.jpg", 0..4096));
                outcome(read.await, |_| "taken".to_owned())
            }
        });
        table.future(&title("a request for a key"), limit(MIB), || {
            let links = server.store(secret()).view_links().unwrap();
            async move {
                let link = links.link(LinkRequest::new("a.jpg"));
                outcome(link.await, |_| "taken".to_owned())
            }
        });
        // Two requests, each with a body up to the limit.
        table.future(&title("a request for the tenant"), limit(4 * MIB), || {
            let builder = server.builder();
            async move { outcome(builder.discover_tenant().await, |_| "taken".to_owned()) }
        });
    }
}

/// Measures large responses of the token endpoint.
fn tokens(table: &mut Table) {
    for (name, status, body) in [
        ("token answer 200 of 1 GiB", 200, None),
        ("token answer 400 of 1 GiB", 400, None),
        ("token answer with a token of 250 KiB", 200, Some("t".repeat(250 * KIB))),
        ("token answer with a token of 1 MiB", 200, Some("t".repeat(MIB))),
        ("token answer of 100,000 brackets", 200, Some("[".repeat(100_000))),
        ("token answer with claims of 180 KiB", 200, {
            Some(format!("h.{}.s", "eyJ4IjoieCJ9".repeat(15_000)))
        }),
    ] {
        let server = ServerThread::start(move |request: &Request<Bytes>| {
            if !is_sign_in(request) {
                return Response::new(text(""));
            }
            let body = match &body {
                None => endless(1 << 30),
                Some(token) if token.starts_with('[') => text(token.clone()),
                Some(token) => text(TOKEN.replace("canary", token)),
            };
            Response::builder().status(status).body(body).unwrap()
        });
        table.future(name, 2 * MIB + CONNECTION, || {
            let store = server.store(secret());
            async move { outcome(store.inspect(Question::Token).await, |_| "a token".to_owned()) }
        });
    }
}

/// Measures large challenges.
fn challenges(table: &mut Table) {
    for (name, challenge) in [
        ("challenge of 300 KiB", format!("Bearer {}", "x".repeat(300 * KIB))),
        ("challenge of 100,000 fields", format!("Bearer {}", "a=b,".repeat(75_000))),
        ("challenge with a tenant of 300 KiB", {
            let tenant = "x".repeat(300 * KIB);
            format!(
                "Bearer authorization_uri=https://login.microsoftonline.com/{tenant} resource_id=https://storage.azure.com"
            )
        }),
        ("challenge of 2 MiB", format!("Bearer {}", "x".repeat(2 * MIB))),
    ] {
        // The copies of the server are counted too, because it runs in the same process.
        let limit = 4 * challenge.len() + 2 * MIB + CONNECTION;
        let server = ServerThread::start(move |_: &Request<Bytes>| {
            let response = Response::builder().status(401);
            response.header("www-authenticate", &challenge).body(text("")).unwrap()
        });
        table.future(name, limit, || {
            let builder = server.builder();
            async move { outcome(builder.discover_tenant().await, |_| "a tenant".to_owned()) }
        });
    }
}
