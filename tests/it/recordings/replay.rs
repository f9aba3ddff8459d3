//! Serves recordings over TLS, and requests them with a store as users of the crate do.

use std::{
    convert::Infallible,
    iter,
    sync::{Arc, Mutex},
};

use azure_asset_sync::{
    AzureStore, Connection, Credential, Diagnosis, Error, Store as _, TenantId,
    store::{
        Include, Inspect as _, ListRequest, Page, Question, ReadRequest, azure::AzureStoreBuilder,
    },
};
use bytes::Bytes;
use futures::stream;
use http_body_util::{BodyExt as _, Full, StreamBody, combinators::BoxBody};
use hyper::{Response, body::Frame};

use super::{
    outcome,
    recording::{Kind, Recording},
};
use crate::scripted_server::ScriptedServer;

/// The longest range of a read. A longer response must be refused.
const MOST: u64 = 16 << 20;

/// The response to the next requests.
#[derive(Default)]
struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: Body,
}

enum Body {
    /// A body with `Content-Length`.
    Whole(Bytes),
    /// A chunked body.
    Chunks(Vec<Bytes>),
    /// The same bytes repeated up to a length, with `Content-Length`.
    Repeated { piece: Bytes, length: u64 },
}

impl Default for Body {
    fn default() -> Self {
        Self::Whole(Bytes::new())
    }
}

/// The responses to requests without and with `Authorization`.
#[derive(Default)]
struct Replies {
    always: Reply,
    authorized: Option<Reply>,
}

/// A server for recordings, and a store that uses it.
pub struct Replay {
    server: ScriptedServer,
    connection: Connection,
    replies: Arc<Mutex<Replies>>,
    /// A store without a credential.
    store: AzureStore,
}

/// Returns a builder of stores that can connect to the loopback port.
fn builder(server: &ScriptedServer, connection: &Connection) -> AzureStoreBuilder {
    server.builder(connection)
}

impl Replay {
    pub async fn start() -> Self {
        let replies = Arc::new(Mutex::new(Replies::default()));
        let next = Arc::clone(&replies);
        let server = ScriptedServer::start(move |request| {
            let replies = next.lock().unwrap();
            let authorized = request.headers().contains_key("authorization");
            let special = replies.authorized.as_ref().filter(|_| authorized);
            special.unwrap_or(&replies.always).response()
        })
        .await;
        let connection = server.connection();
        let store = builder(&server, &connection).build(Credential::Anonymous).unwrap();
        Self { server, connection, replies, store }
    }

    fn serve(&self, recording: &Recording, body: Body) {
        let always = Reply::new(recording, body);
        *self.replies.lock().unwrap() = Replies { always, authorized: None };
    }

    /// Returns the tenant that is discovered if the responses with and without `Authorization` differ.
    pub async fn tenant(
        &self,
        anonymous: &Recording,
        authorized: &Recording,
    ) -> Result<TenantId, Error> {
        let reply = |recording: &Recording| {
            Reply::new(recording, Body::Whole(recording.body.clone().into()))
        };
        let (always, authorized) = (reply(anonymous), Some(reply(authorized)));
        *self.replies.lock().unwrap() = Replies { always, authorized };
        builder(&self.server, &self.connection).discover_tenant().await
    }

    /// Returns the page of a listing whose body is sent in these chunks.
    pub async fn list(&self, recording: &Recording, chunks: Vec<Bytes>) -> Result<Page, Error> {
        self.serve(recording, Body::Chunks(chunks));
        let mut request = ListRequest::new("");
        // The decoder may skip parts that were not requested, so all of them are requested.
        request.include = vec![Include::Metadata, Include::Snapshots, Include::Versions];
        self.store.list(request).await
    }

    /// Returns the crate's result for a recording that is not a list.
    pub async fn outcome(&self, recording: &Recording) -> String {
        match recording.kind {
            Kind::List => panic!("{}: a list has no outcome", recording.id),
            Kind::Read => self.read(recording).await,
            Kind::Error => self.refusal(recording).await,
            Kind::Challenge => {
                let refusal = self.refusal(recording).await;
                let found = builder(&self.server, &self.connection).discover_tenant().await;
                let challenge = recording.header("www-authenticate").unwrap_or_default();
                format!("{refusal} {}", outcome::of_tenant(&found, challenge))
            }
            Kind::Token => self.sign_in(recording).await,
            Kind::Arm => Diagnosis::of_text(&recording.body)
                .map_or("unknown".to_owned(), |found| outcome::of_diagnosis(&found)),
        }
    }

    async fn read(&self, recording: &Recording) -> String {
        let length = recording.content_length();
        let (start, mut end) = (0, length.clamp(1, MOST));
        let (start, end) = match recording.range() {
            Some((first, last, of)) => {
                end = if last == of { last + 10 } else { last };
                (first, end)
            }
            None => (start, end),
        };
        let known = Bytes::from(recording.known_bytes());
        let piece = if known.is_empty() { Bytes::from_static(b"recorded") } else { known };
        self.serve(recording, Body::Repeated { piece: piece.clone(), length });
        match self.store.read(ReadRequest::new("a.jpg", start..end)).await {
            Ok(bytes) => {
                let whole = pieces(&piece, length).collect::<Vec<_>>().concat();
                assert!(bytes == whole, "{}: other bytes", recording.id);
                format!("ok {}", bytes.len())
            }
            Err(error) => outcome::of_error(&error),
        }
    }

    /// Returns the error of a refusal, which must be the same for every kind of request.
    async fn refusal(&self, recording: &Recording) -> String {
        self.serve(recording, Body::Whole(recording.body.clone().into()));
        let listed = self.store.list(ListRequest::new("")).await.unwrap_err();
        let read = self.store.read(ReadRequest::new("a.jpg", 0..1)).await.unwrap_err();
        let probed =
            self.store.inspect(Question::List { prefix: String::new() }).await.unwrap_err();
        let [listed, read, probed] = [listed, read, probed].map(|error| outcome::of_error(&error));
        assert_eq!((&read, &probed), (&listed, &listed), "{}", recording.id);
        listed
    }

    async fn sign_in(&self, recording: &Recording) -> String {
        self.serve(recording, Body::Whole(recording.body.clone().into()));
        let credential = Credential::ClientSecret {
            client_id: "77777777-7777-4777-8777-777777777777".into(),
            secret: "canary".into(),
        };
        let store = builder(&self.server, &self.connection).build(credential).unwrap();
        let error = store.list(ListRequest::new("")).await.unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(error.is_in_sign_in() && !text.contains("canary"), "{text}");
        outcome::of_error(&error)
    }
}

impl Reply {
    fn new(recording: &Recording, body: Body) -> Self {
        let headers = recording.headers().map(|(name, value)| (name.into(), value.into()));
        Self { status: recording.status, headers: headers.collect(), body }
    }

    fn response(&self) -> Response<BoxBody<Bytes, Infallible>> {
        let mut response = Response::builder().status(self.status);
        for (name, value) in &self.headers {
            response = response.header(name, value);
        }
        let body = match &self.body {
            Body::Whole(bytes) => Full::new(bytes.clone()).boxed(),
            Body::Chunks(chunks) => streamed(chunks.clone().into_iter()),
            Body::Repeated { piece, length } => {
                response = response.header("content-length", *length);
                streamed(pieces(piece, *length))
            }
        };
        response.body(body).unwrap()
    }
}

fn streamed(
    pieces: impl Iterator<Item = Bytes> + Send + Sync + 'static,
) -> BoxBody<Bytes, Infallible> {
    StreamBody::new(stream::iter(pieces.map(|piece| Ok(Frame::data(piece))))).boxed()
}

/// Returns a piece repeatedly, up to a length.
fn pieces(piece: &Bytes, length: u64) -> impl Iterator<Item = Bytes> + Send + Sync + use<> {
    let size = piece.len().max(1) as u64;
    // Larger pieces for large bodies, because each piece costs time.
    let piece = Bytes::from(piece.repeat(usize::try_from((65_536 / size).max(1)).unwrap()));
    let mut left = length;
    iter::from_fn(move || {
        let take = left.min(piece.len() as u64);
        left -= take;
        (take > 0).then(|| piece.slice(..usize::try_from(take).unwrap()))
    })
}
