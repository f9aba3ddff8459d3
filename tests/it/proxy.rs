//! Requests to storage go through a configured proxy, requests to an identity endpoint never do, and a
//! private certificate authority is trusted only for custom endpoints.
//!
//! The proxy is configured by environment variables, so each case runs this program again as a child,
//! which makes one call and prints the result. The proxy, the storage and the identity endpoint run in
//! the parent.

use std::{
    env,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener},
    sync::{Arc, Mutex},
    time::Duration,
};

use azure_asset_sync::{
    AzureStore, Connection, Credential, Endpoint, Error, HostPolicy, Store,
    store::{Inspect, ListRequest, Question},
};
use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, Response};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::scripted_server::{ScriptedServer, TENANT, is_sign_in};

const ACCOUNT_HOST: &str = "contoso.blob.core.windows.net";

/// A proxy that records the heads of all requests. All tunnels lead to the same server.
struct Proxy {
    address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    async fn start(server: SocketAddr) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, heads) = (listener.local_addr().unwrap(), Arc::default());
        let kept: Arc<Mutex<Vec<String>>> = Arc::clone(&heads);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let kept = Arc::clone(&kept);
                tokio::spawn(async move {
                    let mut head = Vec::new();
                    while !head.ends_with(b"\r\n\r\n") {
                        let Ok(byte) = stream.read_u8().await else { break };
                        head.push(byte);
                    }
                    let head = String::from_utf8_lossy(&head).into_owned();
                    let is_tunnel = head.starts_with("CONNECT ");
                    kept.lock().unwrap().push(head);
                    if !is_tunnel {
                        // The proxy invents a token, so that a request that reaches it is noticed.
                        let token = r#"{"access_token":"proxy","expires_on":"4000000000"}"#;
                        let answer = format!(
                            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{token}",
                            token.len()
                        );
                        let _ = stream.write_all(answer.as_bytes()).await;
                        return;
                    }
                    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
                    let mut onward = tokio::net::TcpStream::connect(server).await.unwrap();
                    let _ = tokio::io::copy_bidirectional(&mut stream, &mut onward).await;
                });
            }
        });
        Self { address, heads }
    }

    /// Returns the first lines of the requests since the last call.
    fn lines(&self) -> Vec<String> {
        let heads = std::mem::take(&mut *self.heads.lock().unwrap());
        heads.iter().map(|head| head.lines().next().unwrap_or_default().to_owned()).collect()
    }
}

/// Starts an identity endpoint over plain HTTP. The expiry of the token at `/huge` overflows.
fn identity_endpoint() -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, heads) = (listener.local_addr().unwrap(), Arc::default());
    let kept: Arc<Mutex<Vec<String>>> = Arc::clone(&heads);
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                if stream.read_exact(&mut byte).is_err() {
                    break;
                }
                head.push(byte[0]);
            }
            let head = String::from_utf8_lossy(&head).into_owned();
            let expires_on = match head.starts_with("GET /huge") {
                true => i64::MAX.to_string(),
                false => (now() + 3600).to_string(),
            };
            kept.lock().unwrap().push(head);
            let token = format!(
                r#"{{"access_token":"own","expires_on":"{expires_on}","token_type":"Bearer","resource":"x"}}"#
            );
            let answer =
                format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{token}", token.len());
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    (address, heads)
}

fn now() -> u64 {
    std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs()
}

/// Runs a case in a child process, and returns what it printed.
async fn run(case: &str, variables: &[(&str, &str)]) -> String {
    let mut command = tokio::process::Command::new(env::current_exe().unwrap());
    for name in ["IDENTITY_ENDPOINT", "IDENTITY_HEADER", "MSI_ENDPOINT", "REQUEST_METHOD"] {
        command.env_remove(name);
    }
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"] {
        command.env_remove(name).env_remove(name.to_ascii_lowercase());
    }
    command.args(["--exact", "proxy::one_case", "--nocapture"]).env("CASE", case);
    command.envs(variables.iter().copied());
    let output = command.output().await.unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let result = text.lines().find_map(|line| line.split_once("RESULT ")).map(|(_, result)| result);
    result.unwrap_or_else(|| panic!("{case}: {output:?}")).to_owned()
}

/// Runs one case in a child process. Does nothing if `CASE` is not set.
#[tokio::test]
async fn one_case() {
    let Ok(case) = env::var("CASE") else { return };
    let result = call(&case).await;
    println!("RESULT {}", result.map_or_else(|error| error.kind().as_str(), |()| "ok"));
}

async fn call(case: &str) -> Result<(), Error> {
    let connection = Connection::builder("x").account("contoso").container("training");
    let connection = connection.tenant(TENANT);
    let sas = Credential::Sas("sv=2026-04-06&sig=canary".into());
    let identity = Credential::ManagedIdentity { client_id: None };
    let secret = Credential::ClientSecret {
        client_id: "77777777-7777-4777-8777-777777777777".into(),
        secret: "canary".into(),
    };
    let (endpoint, credential) = match case {
        "public" => (None, sas),
        "identity" => (None, identity),
        "endpoint with a signature" => (Some(env::var("ENDPOINT").unwrap()), sas),
        "endpoint with a secret" => (Some(env::var("ENDPOINT").unwrap()), secret),
        _ => panic!("{case}"),
    };
    let is_identity = matches!(credential, Credential::ManagedIdentity { .. });
    let connection = match &endpoint {
        Some(endpoint) => connection.cloud(Endpoint::new(endpoint).unwrap().into()),
        None => connection,
    };
    let connection = connection.build().unwrap();
    let mut builder = AzureStore::builder(&connection).request_deadline(Duration::from_secs(60));
    if let Some(endpoint) = endpoint.filter(|_| env::var("REFUSED").is_err()) {
        let policy = HostPolicy::azure().allow_endpoint(&endpoint).unwrap();
        builder = builder.policy(policy).certificate_authority(env::var("CA").unwrap());
    }
    if let Ok(address) = env::var("RESOLVED") {
        let address: SocketAddr = address.parse().unwrap();
        // Resolves only the account and the proxy.
        builder = builder.resolve_by(move |name| match name {
            "proxy.test" => Ok(vec![env::var("PROXY_AT").unwrap().parse().unwrap()]),
            _ => Ok(vec![address]),
        });
    }
    let store = builder.build(credential)?;
    match is_identity {
        true => store.inspect(Question::Token).await.map(|_| ()),
        false => store.list(ListRequest::new("")).await.map(|_| ()),
    }
}

/// Starts a server that answers every listing, and records the requests.
async fn storage(names: &[&str]) -> (ScriptedServer, Arc<Mutex<Vec<String>>>) {
    let requests: Arc<Mutex<Vec<String>>> = Arc::default();
    let kept = Arc::clone(&requests);
    let server = ScriptedServer::start_as(names, move |request: Request<Bytes>| {
        kept.lock().unwrap().push(format!("{} {:?}", request.uri(), request.body()));
        let text = match is_sign_in(&request) {
            true => r#"{"token_type":"Bearer","expires_in":3600,"access_token":"canary"}"#,
            false => "<?xml version=\"1.0\"?><EnumerationResults><Blobs/></EnumerationResults>",
        };
        let response = Response::builder().header("content-type", "application/xml");
        response.body(Full::from(text)).unwrap()
    });
    (server.await, requests)
}

// The metadata service of a virtual machine uses the same client, but a test must not contact it.
#[tokio::test(flavor = "multi_thread")]
async fn no_identity_endpoint_is_contacted_through_a_proxy() {
    let (server, _) = storage(&["127.0.0.1"]).await;
    let proxy = Proxy::start(server.address()).await;
    let (identity, heads) = identity_endpoint();
    let at = format!("http://{}", proxy.address);
    for variable in ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] {
        for host in ["127.0.0.1", "localhost"] {
            for (path, expected) in [("token", "ok"), ("huge", "unexpected_answer")] {
                let endpoint = format!("http://{host}:{}/{path}", identity.port());
                let variables = [
                    (variable, &*at),
                    ("IDENTITY_ENDPOINT", &endpoint),
                    ("IDENTITY_HEADER", "canary-of-the-header"),
                ];
                let result = run("identity", &variables).await;
                assert_eq!(result, expected, "{variables:?}");
                let heads = std::mem::take(&mut *heads.lock().unwrap());
                assert!(heads.len() == 1 && heads[0].contains("canary-of-the-header"), "{heads:?}");
                assert_eq!(proxy.lines(), [""; 0], "{variables:?}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_to_storage_use_the_proxy_unless_storage_is_this_machine() {
    let (server, requests) = storage(&["127.0.0.1", "localhost"]).await;
    let proxy = Proxy::start(server.address()).await;
    let at = format!("http://{}", proxy.address);
    let tunnel = format!("CONNECT {ACCOUNT_HOST}:443 HTTP/1.1");
    for variable in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"] {
        // The tunnel leads to a server with an untrusted certificate.
        assert_eq!(run("public", &[(variable, &at)]).await, "untrusted");
        assert_eq!(proxy.lines(), [&*tunnel]);
        // A proxy with a name that resolves to a loopback address is allowed, because the operator
        // has configured it.
        let named = format!("http://proxy.test:{}", proxy.address.port());
        let local = proxy.address.to_string();
        let variables = [(variable, &*named), ("PROXY_AT", &local), ("RESOLVED", "127.0.0.1:9")];
        assert_eq!(run("public", &variables).await, "untrusted");
        assert_eq!(proxy.lines(), [&*tunnel]);
        // Without the proxy the store checks the address itself.
        let variables = [(variable, &*at), ("NO_PROXY", ".core.windows.net"), variables[2]];
        assert_eq!(run("public", &variables).await, "host_refused");
        // In CGI a request could set HTTP_PROXY, so the variable is ignored.
        let variables = [(variable, &*at), ("REQUEST_METHOD", "GET"), variables[2]];
        assert_eq!(run("public", &variables).await, "host_refused");
        assert_eq!((proxy.lines(), requests.lock().unwrap().len()), (vec![], 0));

        for host in ["127.0.0.1", "localhost"] {
            let endpoint = format!("https://{host}:{}", server.address().port());
            let variables =
                [(variable, &*at), ("ENDPOINT", &endpoint), ("CA", server.certificate_authority())];
            assert_eq!(run("endpoint with a signature", &variables).await, "ok");
            assert_eq!(std::mem::take(&mut *requests.lock().unwrap()).len(), 1);
            assert_eq!(proxy.lines(), [""; 0]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_certificate_authority_is_trusted_for_the_endpoint_and_not_for_azure() {
    let names = ["storage.test", "login.microsoftonline.com", ACCOUNT_HOST];
    let (server, requests) = storage(&names).await;
    let proxy = Proxy::start(server.address()).await;
    let at = format!("http://{}", proxy.address);
    let variables = [
        ("HTTPS_PROXY", &*at),
        ("ENDPOINT", "https://storage.test"),
        ("CA", server.certificate_authority()),
    ];
    assert_eq!(run("endpoint with a signature", &variables).await, "ok");
    assert_eq!(std::mem::take(&mut *requests.lock().unwrap()).len(), 1);
    assert_eq!(proxy.lines(), ["CONNECT storage.test:443 HTTP/1.1"]);
    // The same certificate is refused for the host that receives a secret.
    assert_eq!(run("endpoint with a secret", &variables).await, "untrusted");
    assert_eq!(*requests.lock().unwrap(), [""; 0]);
    assert_eq!(proxy.lines(), ["CONNECT login.microsoftonline.com:443 HTTP/1.1"]);
    // The name is checked before the proxy is contacted.
    let [proxy_variable, endpoint, authority] = variables;
    let variables = [proxy_variable, endpoint, authority, ("REFUSED", "1")];
    assert_eq!(run("endpoint with a signature", &variables).await, "host_refused");
    assert_eq!(proxy.lines(), [""; 0]);
}
