//! One HTTP client for many stores: its settings reach the wire, and settings that would change the
//! meaning of a request, or the host that it goes to, are refused.

use std::{
    io::{Read as _, Write as _},
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use azure_asset_sync::{
    AzureStore, Connection, Credential, Detail, Endpoint, ErrorKind, HostPolicy, HttpClient, Store,
    store::{
        Inspect, ListRequest, Question,
        azure::{HttpClientBuilder, Limits},
    },
    testing::{Seed, SmallCloud, trust},
};
use bytes::Bytes;
use http_body_util::Full;
use hyper::{HeaderMap, Request, Response};

use crate::scripted_server::{ScriptedServer, TENANT, is_sign_in};

const ACCOUNT_HOST: &str = "contoso.blob.core.windows.net";

fn public() -> Connection {
    let builder = Connection::builder("x").account("contoso").container("training");
    builder.tenant(TENANT).build().unwrap()
}

fn secret() -> Credential {
    Credential::ClientSecret {
        client_id: "77777777-7777-4777-8777-777777777777".into(),
        secret: "canary".into(),
    }
}

/// A storage account and its authority, which record the headers of all requests.
async fn server(names: &[&str]) -> (ScriptedServer, Arc<Mutex<Vec<HeaderMap>>>) {
    let headers: Arc<Mutex<Vec<HeaderMap>>> = Arc::default();
    let kept = Arc::clone(&headers);
    let server = ScriptedServer::start_as(names, move |request: Request<Bytes>| {
        kept.lock().unwrap().push(request.headers().clone());
        let text = match is_sign_in(&request) {
            true => r#"{"token_type":"Bearer","expires_in":3600,"access_token":"token"}"#,
            false => "<?xml version=\"1.0\"?><EnumerationResults><Blobs/></EnumerationResults>",
        };
        Response::builder()
            .header("content-type", "application/xml")
            .body(Full::from(text))
            .unwrap()
    });
    (server.await, headers)
}

/// Returns a client builder that trusts the server.
fn trusting(server: &ScriptedServer) -> HttpClientBuilder {
    HttpClient::builder()
        .policy(trust(&server.connection()))
        .certificate_authority(server.certificate_authority())
}

fn problem(builder: HttpClientBuilder) -> String {
    let error = builder.build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    error.to_string()
}

#[tokio::test]
async fn user_agent_and_headers_reach_storage_and_the_authority() {
    let (server, headers) = server(&["127.0.0.1"]).await;
    let http = trusting(&server).user_agent("my-service/1.2").header("X-Egress-Team", "vision");
    let http = http.build().unwrap();
    let connection = server.connection();
    let store = AzureStore::builder(&connection).http_client(http).build(secret()).unwrap();
    store.list(ListRequest::new("")).await.unwrap();
    // A request without the credential.
    store.inspect(Question::Preflight { origin: "https://x.test".into() }).await.unwrap();
    let headers = std::mem::take(&mut *headers.lock().unwrap());
    assert_eq!(headers.len(), 3);
    for headers in &headers {
        let agents: Vec<_> = headers.get_all("user-agent").iter().collect();
        let version = env!("CARGO_PKG_VERSION");
        assert_eq!(agents, [&*format!("my-service/1.2 azure-asset-sync/{version}")]);
        assert_eq!(headers["x-egress-team"], "vision");
    }
}

#[test]
fn headers_of_a_request_are_refused_with_the_reason() {
    for (name, reason) in [
        ("Authorization", "the credential decides it"),
        ("x-ms-version", "the request decides it"),
        ("X-MS-Client-Request-Id", "the request decides it"),
        ("host", "the connection decides it"),
        ("User-Agent", "`user_agent`"),
        ("cookie", "no session"),
        ("range", "the request decides it"),
        ("if-match", "the request decides it"),
        ("accept-encoding", "never compressed"),
        ("content-length", "the body decides it"),
        ("Metadata", "identity endpoint"),
        ("x-identity-header", "identity endpoint"),
        ("proxy-authorization", "proxy URL"),
        ("transfer-encoding", "the HTTP client decides it"),
        ("origin", "CORS"),
        ("bad name", "characters that HTTP does not allow"),
        ("x\r\nauthorization: y", "characters that HTTP does not allow"),
        ("", "characters that HTTP does not allow"),
    ] {
        let text = problem(HttpClient::builder().header(name, "canary"));
        assert!(text.contains(reason) && !text.contains("canary"), "{name:?}: {text}");
    }
    for value in ["canary\r\nx-ms-version: 1", "canary\0"] {
        let text = problem(HttpClient::builder().header("x-team", value));
        assert!(text.contains("`x-team`") && !text.contains("canary"), "{text}");
    }
    let many = (0..33).fold(HttpClient::builder(), |b, n| b.header(format!("x-{n}"), "y"));
    assert!(problem(many).contains("at most 32"));
    let long = HttpClient::builder().header("x-team", "y".repeat((8 << 10) + 1));
    assert!(problem(long).contains("at most 8192"));
    let twice = HttpClient::builder().header("x-team", "a").header("X-Team", "b");
    assert!(problem(twice).contains("twice"));
    let allowed = HttpClient::builder().header("traceparent", "00-a-b-01").header("x-team", "");
    let allowed = allowed.header("x-longest", "y".repeat((8 << 10) - 9));
    allowed.build().unwrap();
}

#[test]
fn all_problems_are_reported_at_once_and_no_secret_is_shown() {
    let builder = HttpClient::builder()
        .header("authorization", "canary-value")
        .user_agent("a\nb")
        .proxy("ftp://user:canary-password@proxy.test")
        .certificate_authority("canary-pem")
        .addresses("10.0.0.1:80", [Ipv4Addr::LOCALHOST.into()])
        .addresses("empty.test", [])
        .limits(Limits::new().memory(1 << 20));
    let shown = format!("{builder:?}");
    let text = problem(builder);
    for part in ["authorization", "user_agent", "proxy", "PEM", "10.0.0.1:80", "empty.test", "72"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("canary") && !shown.contains("canary"), "{text} {shown}");
    for bad in ["", " ", "é", &"x".repeat(257)] {
        assert!(problem(HttpClient::builder().user_agent(bad)).contains("user_agent"), "{bad:?}");
    }
    for bad in ["", "socks5://proxy.test", "http://", "not a host", "file:///x"] {
        assert!(problem(HttpClient::builder().proxy(bad)).contains("the proxy"), "{bad:?}");
    }
}

#[tokio::test]
async fn a_setting_of_the_shared_client_cannot_be_set_at_one_store() {
    let http = HttpClient::new().unwrap();
    let connection = public();
    let builder = || AzureStore::builder(&connection).http_client(http.clone());
    let cases = [
        ("policy", builder().policy(HostPolicy::public_cloud())),
        ("connect_timeout", builder().connect_timeout(Duration::from_secs(1))),
        ("read_timeout", builder().read_timeout(Duration::from_secs(1))),
        ("certificate_authority", builder().certificate_authority("x")),
        ("resolve_by", builder().resolve_by(|_| Ok(vec![]))),
    ];
    for (name, builder) in cases {
        let error = builder.build(Credential::Anonymous).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains(&format!("`{name}`")), "{error}");
    }
    builder().request_deadline(Duration::from_secs(1)).build(Credential::Anonymous).unwrap();
    // The policy of the client decides for each store.
    let own = Connection::builder("x").account("contoso").container("training");
    let own = own.cloud(Endpoint::new("https://x.test").unwrap().into()).build().unwrap();
    let refused = AzureStore::builder(&own).http_client(http).build(Credential::Anonymous);
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::HostRefused);
}

#[tokio::test]
async fn set_addresses_are_used_and_checked() {
    // `.localhost` may have loopback addresses, and no resolver is asked.
    let (server, _) = server(&["store.localhost"]).await;
    let host = format!("https://store.localhost:{}", server.address().port());
    let connection = Connection::builder("x").account("contoso").container("training");
    let connection = connection.cloud(Endpoint::new(&host).unwrap().into()).build().unwrap();
    let http = HttpClient::builder()
        .policy(HostPolicy::azure().allow_endpoint(&host).unwrap())
        .certificate_authority(server.certificate_authority())
        .addresses("Store.LocalHost", [Ipv4Addr::LOCALHOST.into()])
        .build()
        .unwrap();
    let store = AzureStore::builder(&connection).http_client(http);
    store.build(Credential::Anonymous).unwrap().list(ListRequest::new("")).await.unwrap();

    let private: IpAddr = "10.1.2.3".parse().unwrap();
    for (address, detail) in [
        (private, Detail::PrivateAddress),
        (Ipv4Addr::LOCALHOST.into(), Detail::ReservedAddress),
        ("169.254.169.254".parse().unwrap(), Detail::ReservedAddress),
    ] {
        let http = HttpClient::builder().addresses(ACCOUNT_HOST, [address]).build().unwrap();
        let store = AzureStore::builder(&public()).http_client(http);
        let store = store.build(Credential::Anonymous).unwrap();
        let error = store.list(ListRequest::new("")).await.unwrap_err();
        assert_eq!((error.kind(), error.detail()), (ErrorKind::HostRefused, Some(detail)));
    }
    let policy = HostPolicy::azure().allow_private_addresses(ACCOUNT_HOST).unwrap();
    let http = HttpClient::builder().policy(policy).addresses(ACCOUNT_HOST, [private]);
    let store = AzureStore::builder(&public()).http_client(http.build().unwrap());
    let answer = store.build(Credential::Anonymous).unwrap().inspect(Question::Addresses).await;
    assert_eq!(answer.unwrap().addresses, [private]);
}

/// A proxy that records the head of each request and refuses it.
struct RefusingProxy {
    address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
}

impl RefusingProxy {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, heads) = (listener.local_addr().unwrap(), Arc::default());
        let kept: Arc<Mutex<Vec<String>>> = Arc::clone(&heads);
        thread::spawn(move || {
            while let Ok((mut stream, _)) = listener.accept() {
                let (mut head, mut byte) = (Vec::new(), [0]);
                while !head.ends_with(b"\r\n\r\n") && stream.read_exact(&mut byte).is_ok() {
                    head.push(byte[0]);
                }
                kept.lock().unwrap().push(String::from_utf8_lossy(&head).into_owned());
                let _ = stream.write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n");
            }
        });
        Self { address, heads }
    }

    fn heads(&self) -> Vec<String> {
        std::mem::take(&mut *self.heads.lock().unwrap())
    }
}

#[tokio::test]
async fn a_set_proxy_is_used_except_for_excepted_and_local_hosts() {
    let proxy = RefusingProxy::start();
    let port = proxy.address.port();
    let with = |builder: HttpClientBuilder| {
        // The only names are the proxy's, which is not checked, and the account's.
        let http = builder.resolve_by(move |name| match name {
            "proxy.test" => Ok(vec![SocketAddr::from(([127, 0, 0, 1], 0))]),
            _ => Ok(vec![SocketAddr::from(([10, 0, 0, 1], 0))]),
        });
        let store = AzureStore::builder(&public()).http_client(http.build().unwrap());
        store.build(Credential::Anonymous).unwrap()
    };
    for url in [
        format!("http://user:pass%40word@127.0.0.1:{port}"),
        format!("http://user:pass%40word@proxy.test:{port}/"),
        format!("user:pass%40word@proxy.test:{port}"),
    ] {
        let store = with(HttpClient::builder().proxy(&url).no_proxy("x.test"));
        store.list(ListRequest::new("")).await.unwrap_err();
        let heads = proxy.heads();
        assert_eq!(heads.len(), 1, "{url}");
        assert!(heads[0].starts_with(&format!("CONNECT {ACCOUNT_HOST}:443 ")), "{heads:?}");
        // user:pass@word
        let expected = "proxy-authorization: basic dxnlcjpwyxnzqhdvcmq=";
        assert!(heads[0].to_ascii_lowercase().contains(expected), "{heads:?}");
        for excepted in ["*", ACCOUNT_HOST, "x.test, .core.windows.net", "windows.net"] {
            let store = with(HttpClient::builder().proxy(&url).no_proxy(excepted));
            let error = store.list(ListRequest::new("")).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::HostRefused, "{excepted}: {error}");
        }
        let store = with(HttpClient::builder().proxy(&url).without_proxy());
        let error = store.list(ListRequest::new("")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::HostRefused, "{error}");
        let (server, headers) = server(&["127.0.0.1"]).await;
        let http = trusting(&server).proxy(&url).build().unwrap();
        let store = AzureStore::builder(&server.connection()).http_client(http);
        store.build(Credential::Anonymous).unwrap().list(ListRequest::new("")).await.unwrap();
        assert_eq!(headers.lock().unwrap().len(), 1);
        assert_eq!(proxy.heads(), [""; 0], "{url}");
    }
}

#[tokio::test]
async fn stores_and_sign_ins_share_connections_and_clones_share_the_token() {
    let cloud = SmallCloud::builder().blobs([Seed::new("a.jpg", "x")]).start().await.unwrap();
    let connection = cloud.connection().build().unwrap();
    let http = HttpClient::builder()
        .policy(trust(&connection))
        .certificate_authority(cloud.certificate_authority())
        .build()
        .unwrap();
    let store = |credential| {
        AzureStore::builder(&connection).http_client(http.clone()).build(credential).unwrap()
    };
    let first = store(cloud.credential());
    for store in [first.clone(), first.clone(), first, store(cloud.sas())] {
        assert_eq!(store.list(ListRequest::new("")).await.unwrap().blobs.len(), 1);
    }
    assert_eq!(cloud.log().iter().filter(|request| request.is_sign_in()).count(), 1);
    // The account and its authority are one server, so one connection has carried all five requests.
    assert_eq!((cloud.requests(), cloud.connections()), (5, 1));
}

#[tokio::test]
async fn a_client_of_the_service_sends_all_requests_and_has_its_own_settings() {
    let (server, headers) = server(&["127.0.0.1"]).await;
    let authority = server.certificate_authority().as_bytes();
    let authority = reqwest::Certificate::from_pem(authority).unwrap();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder()
        .tls_certs_only([authority])
        .redirect(reqwest::redirect::Policy::none())
        .default_headers(
            [("x-own".try_into().unwrap(), "1".try_into().unwrap())].into_iter().collect(),
        )
        .build()
        .unwrap();
    let connection = server.connection();
    let own = || HttpClient::builder().reqwest_client(client.clone());
    let http = own().policy(trust(&connection)).build().unwrap();
    let store = AzureStore::builder(&connection).http_client(http).build(secret()).unwrap();
    store.list(ListRequest::new("")).await.unwrap();
    let headers = headers.lock().unwrap();
    assert!(headers.len() == 2 && headers.iter().all(|headers| headers["x-own"] == "1"));
    // The name of the host is still checked.
    let http = own().build().unwrap();
    let refused = AzureStore::builder(&connection).http_client(http).build(secret());
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::HostRefused);
    let text = problem(own().user_agent("x/1").without_proxy().header("x-a", "b"));
    for name in ["user_agent", "proxy", "header"] {
        assert!(text.contains(&format!("{name}: set it at the `reqwest` client")), "{text}");
    }
}
