//! Malicious responses: endless ones, slow ones without a pause that is long enough for a timeout, and
//! numbers that overflow. Each call ends with an error within its deadline, and takes little memory.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use azure_asset_sync::{
    AzureStore, Backoff, Credential, Error, ErrorKind, LinkRequest, OwnerMarker, Prefix, Probe,
    Scan, Store,
    store::{Inspect, ListRequest, Question, ReadRequest},
};
use azure_core::{
    credentials::{AccessToken, TokenCredential, TokenRequestOptions},
    time::OffsetDateTime,
};
use bytes::Bytes;
use futures::{FutureExt as _, StreamExt as _, future::BoxFuture, stream};
use http_body_util::StreamBody;
use hyper::{Request, Response, body::Frame};

use tokio::time::timeout;

use crate::{
    counting_allocator::peak,
    scripted_server::{ScriptedServer, TENANT, ThreadedServer, is_sign_in},
    silence,
};

type Chunks = Pin<Box<dyn futures::Stream<Item = Result<Frame<Bytes>, Infallible>> + Send>>;
type Body = StreamBody<Chunks>;

fn body(chunks: impl futures::Stream<Item = Bytes> + Send + 'static) -> Body {
    StreamBody::new(Box::pin(chunks.map(|chunk| Ok(Frame::data(chunk)))))
}

fn one_chunk(text: impl Into<Bytes>) -> Body {
    let text = text.into();
    body(stream::once(async { text }))
}

const TOKEN: &str = r#"{"token_type":"Bearer","expires_in":3600,"access_token":"canary"}"#;

fn secret() -> Credential {
    Credential::ClientSecret {
        client_id: "77777777-7777-4777-8777-777777777777".into(),
        secret: "canary".into(),
    }
}

/// A call of the public API.
type Call = fn(Arc<AzureStore>) -> BoxFuture<'static, Result<(), Error>>;

macro_rules! calls {
    ($($name:literal: $store:ident => $call:expr;)+) => {
        &[$(($name, |$store| async move { $call.await.map(|_| ()) }.boxed())),+]
    };
}

const ORIGIN: &str = "https://app.example";

const CALLS: &[(&str, Call)] = calls! {
    "list": store => store.list(ListRequest::new(""));
    "read": store => store.read(ReadRequest::new("a.jpg", 0..4096));
    "marker": store => store.verify_marker(&OwnerMarker::generate().unwrap());
    "link": store => store.view_links().unwrap().link(LinkRequest::new("a.jpg"));
    "challenge": store => store.inspect(Question::Challenge);
    "preflight": store => store.inspect(Question::Preflight { origin: ORIGIN.into() });
    "list one": store => store.inspect(Question::List { prefix: String::new() });
    "key": store => store.inspect(Question::DelegationKey);
    "containers": store => store.inspect(Question::ListContainers);
    "browser": store => store.inspect(Question::BrowserRead {
        blob: "a.jpg".into(),
        origin: ORIGIN.into(),
    });
};

/// Returns these calls and the sign-in.
fn calls() -> impl Iterator<Item = (&'static str, Call)> {
    let token: Call =
        |store| async move { store.inspect(Question::Token).await.map(|_| ()) }.boxed();
    CALLS.iter().copied().chain([("token", token)])
}

/// An endless response, and the number of bytes sent.
struct Endless {
    status: u16,
    at_sign_in: bool,
    sent: Arc<AtomicU64>,
}

#[test]
fn an_endless_body_is_read_up_to_a_limit() {
    // Each body has 1 GiB. Sockets and TLS buffer some bytes beyond the limit.
    const SIZE: u64 = 1 << 30;
    const SLACK: u64 = 16 << 20;
    // A page is decoded while it is read; other bodies are read up to a limit.
    const MEMORY: usize = 8 << 20;
    static CHUNK: [u8; 64 << 10] = [b' '; 64 << 10];
    let endless = Endless { status: 200, at_sign_in: false, sent: Arc::default() };
    let endless = Arc::new(Mutex::new(endless));
    let server = ThreadedServer::start({
        let endless = Arc::clone(&endless);
        move |request: Request<Bytes>| {
            let endless = endless.lock().unwrap();
            if is_sign_in(&request) != endless.at_sign_in {
                return Response::new(one_chunk(TOKEN));
            }
            // Each row has its own counter, because a connection of the preceding row can still send.
            let sent = Arc::clone(&endless.sent);
            let chunks = stream::iter(0..SIZE / CHUNK.len() as u64).map(move |_| {
                sent.fetch_add(CHUNK.len() as u64, Ordering::SeqCst);
                Bytes::from_static(&CHUNK)
            });
            let response = Response::builder().status(endless.status);
            response.header("content-type", "application/xml").body(body(chunks)).unwrap()
        }
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut largest = (0, String::new());
    for status in [200, 206, 400, 403, 404, 409, 503] {
        for (name, call) in calls() {
            let sent = Arc::new(AtomicU64::new(0));
            let at_sign_in = name == "token";
            *endless.lock().unwrap() = Endless { status, at_sign_in, sent: Arc::clone(&sent) };
            let (result, memory) = peak(|| {
                let store = Arc::new(server.builder().build(secret()).unwrap());
                runtime.block_on(call(store))
            });
            let sent = sent.load(Ordering::SeqCst);
            // The headers are sufficient for a challenge, a preflight and a first byte.
            let answered = ["challenge", "preflight", "browser"].contains(&name);
            assert!(result.is_err() || answered, "{name}, {status}");
            let most = if name == "list" && status < 300 { 64 << 20 } else { 0 };
            assert!(sent <= most + SLACK, "{name}, {status}: {sent} bytes were sent");
            if let Err(error) = result {
                assert_ne!(error.kind(), ErrorKind::Timeout, "{name}, {status}: {error}");
            }
            assert!(memory <= MEMORY, "{name}, {status}: {} KiB of memory", memory >> 10);
            largest = largest.max((memory, format!("{name}, {status}")));
        }
    }
    println!("at most {} KiB of memory: {}", largest.0 >> 10, largest.1);
}

#[test]
fn a_slow_body_does_not_extend_the_deadline() {
    silence::run(async {
        const DEADLINE: Duration = Duration::from_secs(1);
        let (at_sign_in, requests) =
            (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let server = ScriptedServer::start({
            let (at_sign_in, requests) = (at_sign_in.clone(), requests.clone());
            move |request: Request<Bytes>| {
                if is_sign_in(&request) != at_sign_in.load(Ordering::SeqCst) {
                    return Response::new(one_chunk(TOKEN));
                }
                requests.fetch_add(1, Ordering::SeqCst);
                let drops = stream::unfold((), |()| async {
                    tokio::time::sleep(silence::STEP).await;
                    Some((Bytes::from_static(b" "), ()))
                });
                let status = if request.uri().path().ends_with(".jpg") { 206 } else { 200 };
                let response = Response::builder().status(status);
                response.header("content-type", "application/xml").body(body(drops)).unwrap()
            }
        })
        .await;
        let connection = server.connection();
        let builder = server.builder(&connection).request_deadline(DEADLINE);
        for (name, call) in calls() {
            // The headers are sufficient for a first byte, and they end.
            if name == "browser" {
                continue;
            }
            for during_sign_in in [false, true] {
                let is_anonymous = ["challenge", "preflight"].contains(&name);
                // Only one byte is read for an owner marker.
                let ends = name == "marker" && !during_sign_in;
                if during_sign_in && is_anonymous || name == "token" && !during_sign_in || ends {
                    continue;
                }
                at_sign_in.store(during_sign_in, Ordering::SeqCst);
                let store = Arc::new(builder.clone().build(secret()).unwrap());
                let waiters = (0..4).map(|_| call(Arc::clone(&store)));
                let all = timeout(DEADLINE + silence::STEP, futures::future::join_all(waiters));
                for result in all.await.unwrap_or_else(|_| panic!("{name} does not end")) {
                    let error = result.unwrap_err();
                    assert_eq!(error.kind(), ErrorKind::Timeout, "{name}: {error}");
                    assert!(error.to_string().contains("deadline of 1s"), "{name}: {error}");
                }
            }
        }
        at_sign_in.store(false, Ordering::SeqCst);
        assert_eq!(builder.discover_tenant().await.unwrap_err().kind(), ErrorKind::Timeout);
        let tenant = TENANT.parse().unwrap();
        assert_eq!(builder.verify_tenant(&tenant).await.unwrap_err().kind(), ErrorKind::Timeout);
        // Links share the request for a key, even while it hangs.
        let store = builder.build(secret()).unwrap();
        let links = store.view_links().unwrap();
        requests.store(0, Ordering::SeqCst);
        let waiters = (0..50).map(|_| links.link(LinkRequest::new("a.jpg")));
        for result in futures::future::join_all(waiters).await {
            assert_eq!(result.unwrap_err().kind(), ErrorKind::Timeout);
        }
        assert_eq!(requests.load(Ordering::SeqCst), 1);
    });
}

/// Returns a store whose authority sends this response.
async fn signing_in_with(answer: String) -> (ScriptedServer, Arc<AzureStore>) {
    let server = ScriptedServer::start(move |request: Request<Bytes>| {
        let text = if is_sign_in(&request) { answer.clone() } else { String::new() };
        Response::new(one_chunk(text))
    })
    .await;
    let connection = server.connection();
    let store = Arc::new(server.builder(&connection).build(secret()).unwrap());
    (server, store)
}

#[tokio::test]
async fn a_token_response_that_makes_a_dependency_panic_is_an_error() {
    let token = |rest: &str| format!(r#"{{"token_type":"Bearer","access_token":"canary"{rest}}}"#);
    let answers = [
        token(r#","expires_in":9223372036854775807"#),
        token(r#","expires_in":"9223372036854775807""#),
        token(r#","expires_in":-9223372036854775808"#),
        token(r#","expires_in":-1"#),
        token(r#","expires_in":253402300800"#),
        token(r#","expires_in":1e300"#),
        token(r#","expires_in":0.5"#),
        token(r#","expires_in":{}"#),
        token(r#","expires_on":"99999999999999""#),
        token(r#","expires_in":3599,"expires_on":99999999999999"#),
        r#"{"access_token":"a\r\nx: y","expires_in":3599}"#.to_owned(),
        r#"{"access_token":"\u00e9","expires_in":3599}"#.to_owned(),
        r#"{"access_token":"","expires_in":3599}"#.to_owned(),
        "[".repeat(100_000),
        "<html>Sign in to the hotel</html>".to_owned(),
    ];
    for answer in answers {
        let (server, store) = signing_in_with(answer.clone()).await;
        for (name, call) in calls() {
            if ["challenge", "preflight"].contains(&name) {
                continue;
            }
            let error = call(Arc::clone(&store)).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::UnexpectedAnswer, "{name}: {error}");
            assert!(error.is_in_sign_in() && !error.is_transient(), "{name}: {error:?}");
            assert!(!format!("{error} {error:?}").contains("canary"), "{name}: {error:?}");
        }
        let scan = Scan::new(Arc::clone(&store), &Prefix::default()).run(()).await;
        assert_eq!(scan.unwrap_err().kind(), ErrorKind::UnexpectedAnswer, "{answer}");
        let health = Probe::new(&server.connection(), store).run().await;
        assert!(!health.is_ready(), "{answer}: {health}");
    }
    // Fields that are not needed are not parsed.
    for rest in [
        r#","expires_in":3599,"ext_expires_in":-1,"refresh_in":1e400"#.replace("1e400", "1e99"),
        r#","expires_in":"3599","not_before":"x","expires_on":"4000000000""#
            .replace("4000000000", "1"),
    ] {
        let (_server, store) = signing_in_with(token(&rest)).await;
        store.inspect(Question::Token).await.unwrap();
    }
}

/// A credential of the caller that panics.
#[derive(Debug)]
struct Panicking;

#[async_trait::async_trait]
impl TokenCredential for Panicking {
    async fn get_token(
        &self,
        _: &[&str],
        _: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        let lifetime = azure_core::time::Duration::seconds(i64::MAX);
        Ok(AccessToken::new("canary", OffsetDateTime::now_utc() + lifetime))
    }
}

#[tokio::test]
async fn a_credential_that_panics_is_an_error_each_time() {
    let server = ScriptedServer::start(|_| Response::new(one_chunk(""))).await;
    let connection = server.connection();
    let credential = Credential::Token(Arc::new(Panicking));
    let store = Arc::new(server.builder(&connection).build(credential).unwrap());
    for (name, call) in calls() {
        if ["challenge", "preflight"].contains(&name) {
            continue;
        }
        for _ in 0..2 {
            let error = call(Arc::clone(&store)).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::UnexpectedAnswer, "{name}: {error}");
        }
    }
}

#[tokio::test]
async fn headers_with_extreme_values_cause_at_most_an_error() {
    let rows: &[(&str, &[u8])] = &[
        ("retry-after", b"18446744073709551615"),
        ("retry-after", b"18446744073709551616"),
        ("retry-after", b"-1"),
        ("retry-after", b"Fri, 31 Dec 9999 23:59:59 GMT"),
        ("x-ms-retry-after-ms", b"18446744073709551615"),
        ("x-ms-retry-after-ms", b"9223372036854775807"),
        ("retry-after-ms", b"9223372036854775807"),
        ("date", b"Fri, 31 Dec 9999 23:59:59 GMT"),
        ("date", b"Thu, 01 Jan 0001 00:00:00 GMT"),
        ("date", b"Thu, 99 Jan 1970 99:99:99 GMT"),
        ("content-range", b"bytes 0-18446744073709551615/18446744073709551615"),
        ("content-range", b"bytes 18446744073709551615-0/0"),
        ("content-range", b"bytes */99999999999999999999999"),
        ("etag", b"\xff\xfe"),
        ("x-ms-request-id", b"\xff\xfe"),
        ("x-ms-error-code", b"\xe9\xe9"),
        ("access-control-max-age", b"18446744073709551615"),
        ("x-ms-blob-content-length", b"-9223372036854775808"),
    ];
    let turn = Arc::new(Mutex::new((200, 0)));
    let turns = Arc::clone(&turn);
    let server = ScriptedServer::start(move |request: Request<Bytes>| {
        if is_sign_in(&request) {
            return Response::new(one_chunk(TOKEN));
        }
        let (status, row): (u16, usize) = *turns.lock().unwrap();
        let mut response = Response::builder().status(status);
        // The current date, from which a retry delay until a date is computed.
        if rows[row].0 != "date" {
            response = response.header("date", "Mon, 30 Nov 2026 00:00:00 GMT");
        }
        response.header(rows[row].0, rows[row].1).body(one_chunk("xyz")).unwrap()
    })
    .await;
    let connection = server.connection();
    let store = Arc::new(server.builder(&connection).build(secret()).unwrap());
    for (n, row) in rows.iter().enumerate() {
        for status in [200, 206, 403, 416, 429, 503] {
            *turn.lock().unwrap() = (status, n);
            for (_, call) in calls() {
                if let Err(error) = call(Arc::clone(&store)).await {
                    let wait = error.retry_after().unwrap_or_default();
                    assert!(wait <= Duration::from_secs(24 * 60 * 60), "{row:?}: {error:?}");
                    assert!(!error.to_string().contains("panic"), "{row:?}: {error}");
                }
            }
        }
        let scan = Scan::new(Arc::clone(&store), &Prefix::default())
            .page_deadline(Duration::from_millis(100))
            .backoff(Backoff::new(Duration::ZERO, Duration::ZERO));
        scan.run(()).await.unwrap_err();
        let health = Probe::new(&connection, Arc::clone(&store)).run().await;
        assert!(!health.is_ready(), "{row:?}: {health}");
    }
}

#[tokio::test]
async fn a_response_that_ignores_the_range_is_refused() {
    let server = ScriptedServer::start(|request: Request<Bytes>| {
        let text = if is_sign_in(&request) { TOKEN } else { "0123456789" };
        Response::new(one_chunk(text))
    })
    .await;
    let connection = server.connection();
    let store = server.builder(&connection).build(secret()).unwrap();
    let error = store.read(ReadRequest::new("a.jpg", 4..8)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnexpectedAnswer, "{error}");
    let error = store.read(ReadRequest::new("a.jpg", 0..4)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge, "{error}");
    assert_eq!(store.read(ReadRequest::new("a.jpg", 0..10)).await.unwrap(), "0123456789");
}
