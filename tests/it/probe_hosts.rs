//! Credentials are sent only to the hosts of the connection, whatever people type and whatever other
//! hosts a service names.

use std::sync::{Arc, Mutex};

use azure_asset_sync::{
    AzureStore, Cloud, Connection, ConnectionBuilder, Credential, Endpoint, ErrorKind, Probe,
    Store,
    store::{
        Inspect, ListRequest, Question, ReadRequest,
        inspect::{AUTHORITIES, Challenge},
    },
    testing::{Seed, SmallCloud, trust},
};
use azure_core::credentials::{AccessToken, TokenCredential, TokenRequestOptions};
use bytes::Bytes;
use fastrand::Rng;
use http_body_util::Full;
use hyper::{Request, Response};
use url::Url;

use crate::scripted_server::{ScriptedServer, TENANT, Trap, is_sign_in};

const CASES: u64 = 10_000;

const SUFFIXES: &[&str] = &[
    "blob.core.windows.net",
    "blob.core.usgovcloudapi.net",
    "blob.core.chinacloudapi.cn",
    "z07.blob.storage.azure.net",
];

fn pick<'a>(rng: &mut Rng, of: &[&'a str]) -> &'a str {
    of[rng.usize(..of.len())]
}

/// Returns a host that imitates a good one, and in rare cases the good one.
fn host(rng: &mut Rng, good: &str, evil: &str) -> String {
    let dotless = good.replace('.', "\u{3002}");
    match rng.u8(0..26) {
        0..6 => good.to_owned(),
        6 => format!("{good}.{evil}"),
        7 => format!("{evil}/#{good}"),
        8 => format!("{evil}?{good}"),
        9 => format!("{evil}\\.{good}"),
        10 => format!("{good}\\@{evil}"),
        11 => format!("{good}@{evil}"),
        12 => format!("user:password@{good}"),
        13 => format!("{good}."),
        14 => format!("{good}:{}", pick(rng, &["80", "443", "8443", "", "0443", "65536", "x"])),
        15 => dotless,
        16 => good.replacen('.', "%2e", 1),
        17 => good.to_ascii_uppercase(),
        18 => good.replacen('o', pick(rng, &["\u{43e}", "\u{ff4f}", "\t", "\n", "\0", "%00"]), 1),
        19 => pick(rng, &["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "2130706433"]).to_owned(),
        20 => pick(rng, &["0177.0.0.1", "0x7f.1", "127.1", "localhost", "", "."]).to_owned(),
        21 => format!("evil{good}"),
        22 => format!("evil-{good}"),
        23 => format!("{}.{good}", "x".repeat(rng.usize(1..300))),
        24 => format!("xn--{good}"),
        _ => evil.to_owned(),
    }
}

const SCHEMES: &str = "http://|HTTPS://|https:|https:/|https:///|https:\\\\|//||ht\ttps://| https://|\
    ftp://|file://|javascript:|data:|blob:https://|https://https://";

const PATHS: &str = "/training|/training/|/training/a/|/||/..|/%2e%2e/x|//evil.test/x|/TRAINING|\
    /training@evil.test|/training\\x|/training/a?sig=x|/training#x|/training/\0";

fn scheme(rng: &mut Rng) -> &'static str {
    match rng.u8(0..3) {
        0 => pick(rng, &SCHEMES.split('|').collect::<Vec<_>>()),
        _ => "https://",
    }
}

fn path(rng: &mut Rng) -> String {
    match rng.u8(0..8) {
        0 => format!("/training/{}", "x".repeat(rng.usize(..3000))),
        1..4 => "/training".to_owned(),
        _ => pick(rng, &PATHS.split('|').collect::<Vec<_>>()).to_owned(),
    }
}

/// Asserts that a connection leads only to the hosts of its account.
fn assert_known(connection: &Connection, typed: &str) {
    let account = connection.account().as_str();
    let letters = account.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    assert!(letters && (3..=24).contains(&account.len()), "{typed:?}");
    for url in [connection.container_url(), connection.blob_url("@evil.test/x").unwrap()] {
        let text = url.as_str();
        let start = SUFFIXES.iter().map(|suffix| format!("https://{account}.{suffix}/"));
        assert!(start.into_iter().any(|start| text.starts_with(&start)), "{typed:?}: {text}");
        let plain = (url.username(), url.password(), url.port());
        assert_eq!(plain, ("", None, None), "{typed:?}: {text}");
    }
    let authority = connection.cloud().authority();
    let host = authority.trim_start_matches("https://").trim_end_matches('/');
    assert!(AUTHORITIES.contains(&host), "{typed:?}: {authority}");
    if let Some(tenant) = connection.tenant() {
        // The SDK builds the URL in this way.
        let url = Url::parse(authority).unwrap().join(&format!("/{tenant}/oauth2/v2.0/token"));
        assert_eq!(url.unwrap().host_str(), Some(host), "{typed:?}");
    }
}

#[test]
fn a_crafted_address_is_refused_or_leads_to_its_account() {
    let mut rng = Rng::with_seed(1);
    let (mut accepted, mut refused) = (0, 0);
    for _ in 0..CASES {
        let good = format!("contoso.{}", pick(&mut rng, SUFFIXES));
        let typed = match rng.bool() {
            true => format!("https://{}/training", host(&mut rng, &good, "evil.test")),
            false => format!(
                "{}{}{}",
                scheme(&mut rng),
                host(&mut rng, &good, "evil.test"),
                path(&mut rng)
            ),
        };
        let built = ConnectionBuilder::from_url(&typed).ok().and_then(|b| b.name("x").build().ok());
        match built {
            Some(connection) => {
                accepted += 1;
                assert_known(&connection, &typed);
                let (read, url) = (Url::parse(typed.trim()).unwrap(), connection.container_url());
                assert_eq!(read.host_str(), url.host_str(), "{typed:?}");
            }
            None => refused += 1,
        }
    }
    println!("addresses: {accepted} accepted, {refused} refused");
    assert!(accepted > 1000 && refused > 1000);
}

#[test]
fn a_crafted_field_is_refused_or_leads_to_its_account() {
    let mut rng = Rng::with_seed(2);
    let (mut accepted, mut refused) = (0, 0);
    for _ in 0..CASES {
        let mut field = |good: &str| match rng.u8(0..4) {
            0 => host(&mut rng, good, "evil.test"),
            _ => good.to_owned(),
        };
        let (account, container) = (field("contoso"), field("training"));
        let tenant = field(TENANT);
        let cloud = match rng.u8(0..5) {
            0 => Cloud::UsGovernment,
            1 => Cloud::China,
            2 => Cloud::DnsZone(7.try_into().unwrap()),
            _ => Cloud::Public,
        };
        let typed = format!("{account} {container} {tenant}");
        let builder = Connection::builder("x").account(account).container(container);
        match builder.tenant(tenant).cloud(cloud).build() {
            Ok(connection) => {
                accepted += 1;
                assert_known(&connection, &typed);
            }
            Err(_) => refused += 1,
        }
    }
    println!("fields: {accepted} accepted, {refused} refused");
    assert!(accepted > 1000 && refused > 1000);
}

#[test]
fn a_custom_endpoint_cannot_hide_another_host_in_user_info() {
    let mut rng = Rng::with_seed(3);
    let (mut accepted, mut refused) = (0, 0);
    for _ in 0..CASES {
        let typed =
            format!("{}{}/x", scheme(&mut rng), host(&mut rng, "private.test", "evil.test"));
        let endpoint = Endpoint::new(&typed).and_then(|endpoint| {
            endpoint.with_authority(typed.strip_suffix("/x").unwrap_or_default())
        });
        let Ok(endpoint) = endpoint else {
            refused += 1;
            continue;
        };
        accepted += 1;
        let builder = Connection::builder("x").account("contoso").container("training");
        let connection = builder.cloud(endpoint.into()).build().unwrap();
        let (url, authority) = (connection.container_url(), connection.cloud().authority());
        let authority = Url::parse(authority).unwrap();
        assert_eq!((url.scheme(), url.host_str()), ("https", authority.host_str()), "{typed:?}");
        for url in [url, authority] {
            let bare = (url.username(), url.password(), url.query(), url.fragment());
            assert_eq!(bare, ("", None, None, None), "{typed:?}");
        }
    }
    println!("endpoints: {accepted} accepted, {refused} refused");
    assert!(accepted > 1000 && refused > 1000);
}

fn challenge(rng: &mut Rng, evil: &str) -> String {
    let good = AUTHORITIES[rng.usize(..AUTHORITIES.len())];
    let host = host(rng, good, evil);
    let tenant = match rng.u8(0..4) {
        0 => pick(rng, &["", "common", "contoso.test", "..", "@evil.test", "%2e%2e", "0123abcd.x"]),
        _ => TENANT,
    };
    let uri = format!("{}{host}/{tenant}/oauth2/authorize", scheme(rng));
    let uri = if rng.u8(0..4) == 0 { format!("\"{uri}\"") } else { uri };
    let resource = match rng.u8(0..6) {
        0 => pick(rng, &["https://evil.test", "https://storage.azure.com.evil.test", "", "\"x"]),
        1 => "https://storage.azure.com/",
        _ => "https://storage.azure.com",
    };
    let kind = if rng.u8(0..8) == 0 {
        pick(rng, &["bearer ", "Basic ", "Bearer", "", "Bearer\t"])
    } else {
        "Bearer "
    };
    let between = pick(
        rng,
        &[" ", " ", " ", ", ", ",", "\t", ";", " authorization_uri=https://evil.test/x "],
    );
    match rng.bool() {
        true => format!("{kind}authorization_uri={uri}{between}resource_id={resource}"),
        false => format!("{kind}resource_id={resource}{between}authorization_uri={uri}"),
    }
}

/// Asserts that a challenge was read correctly. Shares no code with the crate.
fn assert_honest(header: &str, found: &Challenge) {
    assert!(AUTHORITIES.contains(&&*found.host), "{header:?}");
    let (_, rest) = header.split_once("authorization_uri=").unwrap();
    let uri = rest.trim_start_matches('"').to_ascii_lowercase();
    let start = format!("https://{}/{}/", found.host, found.tenant);
    assert!(uri.starts_with(&start), "{header:?}: {found:?}");
    assert_eq!(found.tenant.as_str(), TENANT, "{header:?}");
}

#[test]
fn a_crafted_challenge_is_refused_or_names_a_known_authority() {
    let mut rng = Rng::with_seed(4);
    let (mut accepted, mut refused) = (0, 0);
    for _ in 0..CASES {
        let header = challenge(&mut rng, "evil.test");
        match Challenge::parse(&header) {
            Some(found) => {
                accepted += 1;
                assert_honest(&header, &found);
            }
            None => refused += 1,
        }
    }
    println!("challenges: {accepted} accepted, {refused} refused");
    assert!(accepted > 500 && refused > 1000);
}

#[tokio::test]
async fn no_host_that_a_challenge_names_is_contacted() {
    let trap = Trap::set();
    let cloud = SmallCloud::builder().blob(Seed::new("a.jpg", "x")).start().await.unwrap();
    let connection = cloud.connection().build().unwrap();
    let builder = || {
        AzureStore::builder(&connection)
            .policy(trust(&connection))
            .certificate_authority(cloud.certificate_authority())
    };
    let mut rng = Rng::with_seed(5);
    let (mut named, mut unnamed) = (0, 0);
    for _ in 0..100 {
        let header = challenge(&mut rng, &trap.address().to_string());
        cloud.set_challenge(Some(header.clone()));
        let before = cloud.log().len();
        match builder().discover_tenant().await {
            Ok(tenant) => {
                named += 1;
                assert_eq!(tenant.as_str(), TENANT, "{header:?}");
            }
            Err(_) => unnamed += 1,
        }
        let health = Probe::new(&connection, cloud.store(&connection).unwrap()).run().await;
        assert!(health.is_ready(), "{header:?}: {health}");
        // The sign-in went to the connection's own authority, once.
        let log = cloud.log();
        let sign_ins = log[before..].iter().filter(|request| request.is_sign_in());
        assert_eq!(sign_ins.count(), 1, "{header:?}");
        trap.assert_untouched(&header);
    }
    println!("challenges of a cloud: {named} named a tenant, {unnamed} did not");
    assert!(named > 5 && unnamed > 5);
}

/// The current response of a server: status, `Location`, and whether it is for sign-ins or for all other
/// requests.
type Turn = Arc<Mutex<(u16, String, bool)>>;

async fn redirecting(turn: Turn) -> ScriptedServer {
    ScriptedServer::start(move |request: Request<Bytes>| {
        let (status, location, at_sign_in) = turn.lock().unwrap().clone();
        if is_sign_in(&request) != at_sign_in {
            let token = r#"{"token_type":"Bearer","expires_in":3600,"access_token":"canary"}"#;
            return Response::new(Full::from(token));
        }
        let response = Response::builder().status(status).header("location", location);
        response.body(Full::default()).unwrap()
    })
    .await
}

#[tokio::test]
async fn no_redirect_is_followed() {
    let trap = Trap::set();
    let turn = Turn::default();
    let server = redirecting(Arc::clone(&turn)).await;
    let connection = server.connection();
    let mut refused = 0;
    for status in [301, 302, 303, 307, 308] {
        for start in ["https://", "http://", "//", "https://u:p@"] {
            for at_sign_in in [false, true] {
                let location = format!("{start}{}/x?sig=canary", trap.address());
                let what = format!("{status} to {location}");
                *turn.lock().unwrap() = (status, location, at_sign_in);
                for credential in [
                    Credential::ClientSecret {
                        client_id: "77777777-7777-4777-8777-777777777777".into(),
                        secret: "canary".into(),
                    },
                    Credential::Sas("sv=1&sig=canary".into()),
                ] {
                    let is_sas = matches!(credential, Credential::Sas(_));
                    let store = Arc::new(server.builder(&connection).build(credential).unwrap());
                    let errors = ask_all(&store).await;
                    refused += errors;
                    // A shared access signature needs no sign-in, so only its requests can fail.
                    assert!(errors > 0, "{what}");
                    let health = Probe::new(&connection, store).run().await;
                    assert!(!health.is_ready() || is_sas && at_sign_in, "{what}: {health}");
                    trap.assert_untouched(&what);
                }
            }
        }
    }
    println!("redirects: {refused} refused");
    assert!(refused > 300);
}

/// Calls every method of a store, and returns the number of errors.
async fn ask_all(store: &AzureStore) -> u64 {
    let origin = || "https://app.example".to_owned();
    let container = || "assets".parse().unwrap();
    let mut failed = u64::from(store.list(ListRequest::new("")).await.is_err());
    failed += u64::from(store.read(ReadRequest::new("a.jpg", 0..1)).await.is_err());
    for question in [
        Question::Challenge,
        Question::Token,
        Question::List { prefix: String::new() },
        Question::BrowserRead { blob: "a.jpg".into(), origin: origin() },
        Question::DelegationKey,
        Question::Preflight { origin: origin() },
        Question::ListOther { container: container(), prefix: String::new() },
        Question::ReadOther { container: container(), blob: "a.jpg".into() },
        Question::ListContainers,
    ] {
        failed += u64::from(store.inspect(question).await.is_err());
    }
    failed
}

#[derive(Debug)]
struct Unasked;

#[async_trait::async_trait]
impl TokenCredential for Unasked {
    async fn get_token(
        &self,
        _: &[&str],
        _: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        panic!("a token was requested, although it cannot be sent without TLS")
    }
}

#[tokio::test]
async fn a_token_credential_is_refused_without_tls_before_any_request() {
    let trap = Trap::set();
    let mut refused = 0;
    for start in ["http://", "HTTP://", "http:", "http:\\\\"] {
        let endpoint = Endpoint::new(&format!("{start}{}/x", trap.address())).unwrap();
        let builder = Connection::builder("x").account("contoso").container("training");
        let connection = builder.tenant(TENANT).cloud(endpoint.into()).build().unwrap();
        for credential in [
            Credential::ClientSecret {
                client_id: "77777777-7777-4777-8777-777777777777".into(),
                secret: "canary".into(),
            },
            Credential::ManagedIdentity { client_id: None },
            Credential::Token(Arc::new(Unasked)),
        ] {
            let store = AzureStore::builder(&connection).policy(trust(&connection));
            let error = store.build(credential).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config, "{start}: {error}");
            refused += 1;
        }
        trap.assert_untouched(start);
    }
    println!("without TLS: {refused} refused");
    assert_eq!(refused, 12);
}
