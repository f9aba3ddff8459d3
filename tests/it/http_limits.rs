//! The limits of a client hold over all of its stores, and stores take turns.
//!
//! The server holds each answer until the test releases it, so nothing depends on time.

use std::{
    convert::Infallible,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use azure_asset_sync::{
    AzureStore, Connection, Credential, Endpoint, ErrorKind, HttpClient, Store,
    store::{ListRequest, ReadRequest, azure::Limits},
    testing::trust,
};
use bytes::Bytes;
use futures::stream;
use http_body_util::{Full, StreamBody};
use hyper::{Request, Response, body::Frame};
use tokio::{sync::Semaphore, task::JoinSet};

use crate::scripted_server::{ACCOUNT, ScriptedServer};

const PAGE: &str = "<?xml version=\"1.0\"?><EnumerationResults><Blobs/></EnumerationResults>";

/// A server that holds its answers.
#[derive(Default)]
struct Held {
    /// The containers of all requests, in the order of their arrival.
    arrived: Mutex<Vec<String>>,
    /// How many answers were released.
    released: AtomicUsize,
    /// The largest number of requests without an answer.
    most: AtomicUsize,
}

impl Held {
    async fn start() -> (Arc<Self>, Arc<Semaphore>, ScriptedServer) {
        let (held, permits) = (Arc::<Self>::default(), Arc::new(Semaphore::new(0)));
        let (shared, answers) = (Arc::clone(&held), Arc::clone(&permits));
        let server = ScriptedServer::start(move |request: Request<Bytes>| {
            let container = request.uri().path().rsplit('/').next().unwrap().to_owned();
            let mut arrived = shared.arrived.lock().unwrap();
            arrived.push(container);
            let in_flight = arrived.len() - shared.released.load(Ordering::SeqCst);
            shared.most.fetch_max(in_flight, Ordering::SeqCst);
            let answers = Arc::clone(&answers);
            let body = stream::once(async move {
                answers.acquire().await.unwrap().forget();
                Ok::<_, Infallible>(Frame::data(Bytes::from_static(PAGE.as_bytes())))
            });
            let body = StreamBody::new(Box::pin(body));
            Response::builder().header("content-type", "application/xml").body(body).unwrap()
        });
        (held, permits, server.await)
    }

    /// Waits until this many requests have arrived.
    async fn wait_for(&self, requests: usize) {
        while self.arrived.lock().unwrap().len() < requests {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

fn connection(server: &ScriptedServer, container: &str) -> Connection {
    let endpoint = Endpoint::new(&format!("https://{}/{ACCOUNT}", server.address())).unwrap();
    let builder = Connection::builder("x").account(ACCOUNT).container(container);
    builder.cloud(endpoint.into()).build().unwrap()
}

fn store(server: &ScriptedServer, http: &HttpClient, container: &str) -> AzureStore {
    let builder = AzureStore::builder(&connection(server, container)).http_client(http.clone());
    builder.build(Credential::Anonymous).unwrap()
}

fn client(server: &ScriptedServer, limits: Limits) -> HttpClient {
    HttpClient::builder()
        .policy(trust(&connection(server, "assets")))
        .certificate_authority(server.certificate_authority())
        .limits(limits)
        .build()
        .unwrap()
}

#[tokio::test]
async fn stores_take_turns_within_the_limit_of_requests_or_of_memory() {
    let two_pages = Limits::new().memory((64 + 2 * 8) << 20);
    for limits in [Limits::new().requests(2.try_into().unwrap()), two_pages] {
        let (held, permits, server) = Held::start().await;
        let http = client(&server, limits);
        let (noisy, quiet) = (store(&server, &http, "noisy"), store(&server, &http, "quiet"));
        let mut calls = JoinSet::new();
        // The tasks of this thread start in this order.
        for store in std::iter::repeat_n(&noisy, 10).chain([&quiet, &quiet]) {
            let store = store.clone();
            calls.spawn(async move { store.list(ListRequest::new("")).await });
        }
        for released in 1..=12 {
            held.wait_for((released + 1).min(12)).await;
            held.released.store(released, Ordering::SeqCst);
            permits.add_permits(1);
        }
        while let Some(result) = calls.join_next().await {
            result.unwrap().unwrap();
        }
        assert_eq!(held.most.load(Ordering::SeqCst), 2, "{limits:?}");
        // Two calls of `noisy` are in flight before `quiet` starts, and one waits. Then both alternate.
        let arrived = held.arrived.lock().unwrap();
        let quiet: Vec<_> =
            (0..).zip(&*arrived).filter(|(_, name)| *name == "quiet").map(|(n, _)| n).collect();
        assert!(quiet[1] <= 6, "{limits:?}: {arrived:?}");
    }
}

#[tokio::test]
async fn a_dropped_call_gives_its_place_back() {
    let (held, permits, server) = Held::start().await;
    let http = client(&server, Limits::new().requests(1.try_into().unwrap()));
    let store = store(&server, &http, "assets");
    for n in 1..=3 {
        let call = tokio::spawn({
            let store = store.clone();
            async move { store.list(ListRequest::new("")).await }
        });
        held.wait_for(n).await;
        call.abort();
        assert!(call.await.unwrap_err().is_cancelled());
    }
    permits.add_permits(4);
    store.list(ListRequest::new("")).await.unwrap();
}

#[tokio::test]
async fn pages_beyond_their_reservation_are_received_one_after_the_other() {
    let name = "n".repeat(1000);
    let blob = |n: u32| {
        format!(
            "<Blob><Name>{name}{n}</Name><Properties><Content-Length>1</Content-Length></Properties></Blob>"
        )
    };
    let blobs: String = (0..9000).map(blob).collect();
    let page = format!(
        "<?xml version=\"1.0\"?><EnumerationResults><Blobs>{blobs}</Blobs><NextMarker/></EnumerationResults>"
    );
    assert!(page.len() > 9 << 20);
    let page = Bytes::from(page);
    let server = ScriptedServer::start(move |_: Request<Bytes>| {
        let response = Response::builder().header("content-type", "application/xml");
        response.body(Full::from(page.clone())).unwrap()
    });
    let server = server.await;
    let http = client(&server, Limits::new().memory((64 + 3 * 8) << 20));
    let calls = ["first", "second", "third", "fourth"].map(|container| {
        let store = store(&server, &http, container);
        tokio::spawn(async move { store.list(ListRequest::new("")).await })
    });
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap().blobs.len(), 9000);
    }
    // A range that can never fit is an error, and not a call that waits forever.
    let store = store(&server, &http, "assets");
    let error = store.read(ReadRequest::new("a.jpg", 0..25 << 20)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    assert!(error.to_string().contains("24 MiB"), "{error}");
}
