//! View links: a client with only the link can read the blob and nothing else, for the stated time.

mod keys;

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use azure_asset_sync::{
    AzureStore, Blob, Connection, Credential, Endpoint, Error, ErrorKind, LinkRequest, ViewLink,
    ViewLinks,
    condition::{Limit, Role},
    testing::{
        Assignment, Fault, ManualClock, PresentedCredential, Refusal, Seed, SmallCloud,
        SmallCloudBuilder, trust,
    },
};
use reqwest::Method;
use serde_json::Value;

use crate::client::{Answer, Client};

const HOUR: u64 = 60 * 60;
const DAY: u64 = 24 * HOUR;
const FAILED: (u16, Option<&str>) = (403, Some("AuthenticationFailed"));
const MISMATCH: (u16, Option<&str>) = (403, Some("AuthorizationPermissionMismatch"));

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + secs(1_767_225_600)
}

/// A small cloud with a clock of its own, its store, and a client without a credential.
struct Scene {
    client: Client,
    clock: ManualClock,
    store: AzureStore,
}

impl Scene {
    async fn of(builder: SmallCloudBuilder) -> Self {
        let clock = ManualClock::auto_advancing();
        let client = Client::of(builder.clock(clock.clone())).await;
        let store = client.cloud.store(&client.cloud.connection().build().unwrap()).unwrap();
        Self { client, clock, store }
    }

    fn links(&self) -> ViewLinks {
        self.store.view_links().unwrap()
    }

    async fn link(&self, name: &str) -> ViewLink {
        self.links().link(LinkRequest::new(name)).await.unwrap()
    }

    async fn open(&self, method: Method, url: &str) -> Answer {
        self.client.send(self.client.http.request(method, url)).await
    }

    async fn get(&self, link: &ViewLink) -> Answer {
        self.open(Method::GET, link.url()).await
    }

    /// Returns how many delegation keys were requested, without requests whose token had expired.
    fn requests(&self) -> usize {
        let log = self.client.cloud.log();
        let keys = log.iter().filter(|request| request.query.contains("comp=userdelegationkey"));
        keys.filter(|request| request.status != Some(401)).count()
    }
}

fn vision() -> SmallCloudBuilder {
    SmallCloud::builder().blobs(["a.jpg", "b.jpg"].map(|name| Seed::new(name, name)))
}

/// Returns the query parameters of a link.
fn query(url: &str) -> BTreeMap<String, String> {
    url::Url::parse(url).unwrap().query_pairs().into_owned().collect()
}

#[tokio::test]
async fn a_link_reads_only_its_blob() {
    let scene = Scene::of(vision()).await;
    let link = scene.link("a.jpg").await;
    let answer = scene.get(&link).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "a.jpg"));
    assert_eq!(scene.open(Method::HEAD, link.url()).await.status, 200);
    let range = scene.client.http.get(link.url()).header("range", "bytes=2-3");
    let part = scene.client.send(range).await;
    assert_eq!((part.status, part.body.as_str()), (206, "jp"), "players read videos in ranges");

    let (base, signed) = link.url().split_once('?').unwrap();
    let container = base.strip_suffix("/a.jpg").unwrap();
    let service = container.strip_suffix("/assets").unwrap();
    for (url, expected) in [
        (format!("{container}/b.jpg?{signed}"), FAILED),
        (format!("{container}/a.jpg/?{signed}"), FAILED),
        (format!("{container}?restype=container&comp=list&{signed}"), FAILED),
        (format!("{service}/?comp=list&{signed}"), FAILED),
        (format!("{base}?{}", signed.replace("sr=b", "sr=c")), FAILED),
    ] {
        assert_eq!(scene.open(Method::GET, &url).await.status_and_code(), expected, "{url}");
    }
    for method in [Method::PUT, Method::DELETE, Method::POST, Method::PATCH] {
        let answer = scene.open(method.clone(), link.url()).await;
        assert_eq!(answer.status_and_code(), MISMATCH, "{method}");
    }
    let log = scene.client.cloud.log();
    assert!(log.iter().any(|request| request.credential == PresentedCredential::Sas));
}

#[tokio::test]
async fn a_changed_link_is_refused() {
    let scene = Scene::of(vision()).await;
    let request = LinkRequest::new("a.jpg").shown_as("image/jpeg".into());
    let link = scene.links().link(request).await.unwrap();
    let url = url::Url::parse(link.url()).unwrap();
    let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    assert_eq!(pairs.len(), 14, "{pairs:?}");
    let with = |change: &dyn Fn(&str, &str) -> Option<String>| {
        let mut url = url.clone();
        let kept = pairs.iter().filter_map(|(name, value)| Some((name, change(name, value)?)));
        url.query_pairs_mut().clear().extend_pairs(kept);
        url
    };
    let same = scene.open(Method::GET, with(&|_, value| Some(value.to_owned())).as_str()).await;
    assert_eq!(same.status, 200);
    for (changed, _) in &pairs {
        // Changes the last character to another of the same kind, and a date to another century.
        let other = |name: &str, value: &str| {
            let value = match value.as_bytes()[value.len() - 1] {
                _ if name != changed => value.to_owned(),
                b'Z' => value.replacen("20", "21", 1),
                b'=' if value.starts_with('A') => format!("B{}", &value[1..]),
                b'=' => format!("A{}", &value[1..]),
                b'0' => format!("{}1", &value[..value.len() - 1]),
                _ => format!("{}0", &value[..value.len() - 1]),
            };
            Some(value)
        };
        for url in [with(&other), with(&|name, value| (name != changed).then(|| value.to_owned()))]
        {
            if url == with(&|_, value| Some(value.to_owned())) {
                panic!("{changed} was not changed");
            }
            let answer = scene.open(Method::GET, url.as_str()).await;
            assert!(matches!(answer.status, 401 | 403), "{changed}: {url} {answer:?}");
        }
    }
    for added in ["st=2020-01-01T00%3A00%3A00Z", "sip=127.0.0.1", "rscc=no-cache", "saoid=1"] {
        let answer = scene.open(Method::GET, &format!("{url}&{added}")).await;
        assert_eq!(answer.status_and_code(), FAILED, "{added}");
    }
}

#[tokio::test]
async fn links_agree_with_an_independent_implementation() {
    let vectors: Value = serde_json::from_str(include_str!("../data/view_links.json")).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let key = &vectors["key"];
    let mut body =
        "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?><UserDelegationKey>".to_owned();
    for (tag, name) in [
        ("SignedOid", "oid"),
        ("SignedTid", "tid"),
        ("SignedStart", "start"),
        ("SignedExpiry", "expiry"),
        ("SignedService", "service"),
        ("SignedVersion", "version"),
        ("Value", "value"),
    ] {
        body.push_str(&format!("<{tag}>{}</{tag}>", text(&key[name])));
    }
    body.push_str("</UserDelegationKey>");
    let scene = Scene::of(vision()).await;
    scene.client.cloud.inject(Fault::Replace(200, "application/xml", body.into()));

    let rows = vectors["links"].as_array().unwrap();
    assert_eq!(rows.len(), 37);
    for row in rows {
        let mut request = LinkRequest::new(text(&row["name"]));
        request.version_id = row["version_id"].as_str().map(Into::into);
        request.snapshot = row["snapshot"].as_str().map(Into::into);
        request.shown_as = row["shown_as"].as_str().map(Into::into);
        let lifetime = row["lifetime"].as_u64().unwrap();
        let links = scene.links().lifetime(secs(lifetime)).unwrap();
        let link = links.link(request).await.unwrap();
        let (base, _) = link.url().split_once('?').unwrap();
        let path = base.strip_prefix(&format!("https://{}", scene.client.cloud.address())).unwrap();
        assert_eq!(path, text(&row["path"]), "{row}");
        let expected: BTreeMap<String, String> =
            serde_json::from_value(row["query"].clone()).unwrap();
        assert_eq!(query(link.url()), expected, "{row}");
        assert_eq!(link.expires_at(), now() + secs(lifetime), "{row}");
    }
    assert_eq!(scene.requests(), 1);
}

#[tokio::test]
async fn each_name_that_a_url_can_contain_can_be_linked() {
    let vectors: Value = serde_json::from_str(include_str!("../data/view_links.json")).unwrap();
    let names: Vec<&str> = vectors["links"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["name"].as_str().unwrap())
        .collect();
    let seeds = names.iter().map(|name| Seed::new(*name, format!("content of {name}")));
    let scene = Scene::of(SmallCloud::builder().blobs(seeds)).await;
    for name in &names {
        let answer = scene.get(&scene.link(name).await).await;
        assert_eq!(answer.status, 200, "{name:?}: {answer:?}");
        assert_eq!(answer.body, format!("content of {name}"));
    }
    for name in ["", ".", "..", "a/../b.jpg", "./a.jpg", "a/.", "a/..", "../a.jpg"] {
        let error = scene.links().link(LinkRequest::new(name)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadRequest, "{name:?}");
        assert!(error.to_string().contains("has no URL"), "{error}");
    }
    // A signature of such a name would also be valid for `a.jpg` with other fields.
    let mut requests = ["a.jpg\nx", "a\rb.jpg", "\n", "a.jpg", "a.jpg"].map(LinkRequest::new);
    requests[3].version_id = Some("2026\n".into());
    requests[4].snapshot = Some("\r".into());
    for request in requests {
        let error = scene.links().link(request.clone()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadRequest, "{request:?}");
    }
}

#[tokio::test]
async fn a_link_expires_at_its_stated_time() {
    let scene = Scene::of(vision()).await;
    for (lifetime, ends) in [(None, HOUR), (Some(1), 1), (Some(900), 900), (Some(6 * DAY), 6 * DAY)]
    {
        let links = match lifetime {
            None => scene.links(),
            Some(lifetime) => scene.links().lifetime(secs(lifetime)).unwrap(),
        };
        let link = links.link(LinkRequest::new("a.jpg")).await.unwrap();
        scene.clock.advance(secs(ends) - Duration::from_nanos(1));
        assert_eq!(scene.get(&link).await.status, 200, "{lifetime:?}");
        scene.clock.advance(Duration::from_nanos(1));
        let answer = scene.get(&link).await;
        assert_eq!(answer.status_and_code(), FAILED, "{lifetime:?}");
        let detail = answer.element("AuthenticationErrorDetail").unwrap();
        // Without a start time, the time of the request is used.
        assert!(detail.starts_with("Signed expiry time ["), "{detail}");
    }
    for lifetime in [Duration::ZERO, Duration::from_millis(999), secs(6 * DAY + 1), Duration::MAX] {
        let error = scene.links().lifetime(lifetime).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{lifetime:?}");
    }
}

#[tokio::test]
async fn links_work_if_the_clocks_differ() {
    type Set = fn(SmallCloudBuilder) -> SmallCloudBuilder;
    let rows: [(&str, Set, u16); 4] = [
        ("not at all", |cloud| cloud, 200),
        // The service refuses tokens if the clocks differ by more than 5 min.
        ("the service is behind", |cloud| cloud.clock_behind(secs(299)), 200),
        ("ahead", |cloud| cloud.clock_ahead(secs(HOUR - 1)), 200),
        ("by the lifetime", |cloud| cloud.clock_ahead(secs(HOUR)), 403),
    ];
    for (what, set, status) in rows {
        let scene = Scene::of(set(vision()).token_lifetime(secs(2 * HOUR))).await;
        let link = scene.link("a.jpg").await;
        assert_eq!(scene.get(&link).await.status, status, "{what}");
        let start = query(link.url())["skt"].clone();
        assert_eq!(start, "2025-12-31T23:45:00Z", "the start is 15 min before the request");
    }
}

#[tokio::test]
async fn a_missing_role_and_a_credential_without_keys_are_reported() {
    let reader = Assignment::new(Role::BlobDataReader).on_container("assets");
    let scene = Scene::of(vision().assignment(reader)).await;
    let error = scene.links().link(LinkRequest::new("a.jpg")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    assert_eq!(error.code(), Some("AuthorizationPermissionMismatch"));
    for part in ["view links", "Storage Blob Delegator", "on the storage account"] {
        assert!(error.to_string().contains(part), "{error}");
    }
    // After the role is assigned, a link can be created.
    scene.client.cloud.assign(Assignment::new(Role::BlobDelegator));
    assert_eq!(scene.get(&scene.link("a.jpg").await).await.status, 200);

    // A firewall is not reported as a missing role.
    scene.clock.advance(secs(2 * DAY));
    scene.client.cloud.inject(Fault::Refuse(Refusal::new(403, "AuthorizationFailure")));
    let error = scene.links().link(LinkRequest::new("a.jpg")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    assert!(error.to_string().contains("firewall") && !error.to_string().contains("Delegator"));

    let connection = scene.client.cloud.connection().build().unwrap();
    for credential in [scene.client.cloud.sas(), Credential::Anonymous] {
        let store =
            AzureStore::builder(&connection).policy(trust(&connection)).build(credential).unwrap();
        let error = store.view_links().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains("principal"), "{error}");
    }
}

#[tokio::test]
async fn a_link_grants_no_more_than_its_principal_can_read() {
    let container = "assets".parse().unwrap();
    let limit = Limit::container(&container).prefix(&"hall/".parse().unwrap());
    let reader = Assignment::new(Role::BlobDataReader).condition(limit.condition().unwrap());
    let blobs = ["hall/a.jpg", "yard/b.jpg"].map(|name| Seed::new(name, "x"));
    let scene = Scene::of(SmallCloud::builder().blobs(blobs).assignment(reader)).await;
    let (hall, yard) = (scene.link("hall/a.jpg").await, scene.link("yard/b.jpg").await);
    assert_eq!(scene.get(&hall).await.status, 200);
    assert_eq!(scene.get(&yard).await.status_and_code(), MISMATCH);
    assert_eq!(scene.get(&scene.link("hall/none.jpg").await).await.status, 404);
    scene.client.cloud.unassign_all();
    assert_eq!(scene.get(&hall).await.status_and_code(), MISMATCH);
}

#[tokio::test]
async fn a_link_leads_to_the_version_that_was_listed() {
    let mut blob = Blob::new("a.jpg", 5);
    let version = "2025-11-24T08:49:37.1234567Z";
    let rows = [
        (None, None, None, ("b", None, None)),
        (Some(version), Some(true), None, ("b", None, None)),
        (Some(version), None, None, ("bv", Some(version), None)),
        (Some(version), Some(false), None, ("bv", Some(version), None)),
        (None, None, Some(version), ("bs", None, Some(version))),
        (Some(version), None, Some(version), ("bs", None, Some(version))),
    ];
    let scene = Scene::of(vision()).await;
    for (version, is_current, snapshot, (resource, linked_version, linked_snapshot)) in rows {
        blob.version_id = version.map(Into::into);
        blob.is_current_version = is_current;
        blob.snapshot = snapshot.map(Into::into);
        let link = scene.links().link(LinkRequest::of(&blob)).await.unwrap();
        let query = query(link.url());
        let text = |name: &str| query.get(name).map(String::as_str);
        assert_eq!(text("sr"), Some(resource), "{blob:?}");
        assert_eq!((text("versionid"), text("snapshot")), (linked_version, linked_snapshot));
        // The small cloud keeps no old versions: a status 404 shows that the link itself is valid.
        let status = if resource == "b" { 200 } else { 404 };
        assert_eq!(scene.get(&link).await.status, status, "{blob:?}");
        let other = link.url().replace("37.1234567", "37.1234568");
        if resource != "b" {
            assert_eq!(scene.open(Method::GET, &other).await.status_and_code(), FAILED, "{blob:?}");
        }
    }
}

#[tokio::test]
async fn a_link_sets_the_content_type_if_it_is_known() {
    let seed = Seed::new("a.mp4", "x").content_type("application/octet-stream");
    let scene = Scene::of(SmallCloud::builder().blob(seed)).await;
    let stored = scene.get(&scene.link("a.mp4").await).await;
    assert_eq!(stored.header("content-type"), Some("application/octet-stream"));
    assert_eq!(stored.header("content-disposition"), Some("attachment"));
    let request = LinkRequest::new("a.mp4").shown_as("video/mp4".into());
    let shown = scene.get(&scene.links().link(request).await.unwrap()).await;
    assert_eq!(shown.header("content-type"), Some("video/mp4"));
    assert_eq!(shown.header("content-disposition"), Some("inline"));
    let saved = "text/html image/png,text/html image/ image/svg+xml image/svg Image/SVG+XML;q=1 application/pdf imag/png";
    for shown_as in saved.split(' ') {
        let request = LinkRequest::new("a.mp4").shown_as(shown_as.into());
        let shown = scene.get(&scene.links().link(request).await.unwrap()).await;
        assert_eq!(shown.header("content-disposition"), Some("attachment"), "{shown_as}");
    }
    for bad in ["video/mp4\r\nx: y", "vid\u{e9}o/mp4", "a\nb", "\u{7f}"] {
        let request = LinkRequest::new("a.mp4").shown_as(bad.into());
        let error = scene.links().link(request).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadRequest, "{bad:?}");
    }
}

#[tokio::test]
async fn a_response_without_a_valid_key_is_an_error() {
    let scene = Scene::of(vision()).await;
    let good = "<UserDelegationKey><SignedOid>44444444-4444-4444-8444-444444444444</SignedOid><SignedTid>11111111-1111-4111-8111-111111111111</SignedTid><SignedStart>2025-12-31T23:45:00Z</SignedStart><SignedExpiry>2026-01-02T00:00:00Z</SignedExpiry><SignedService>b</SignedService><SignedVersion>2026-04-06</SignedVersion><Value>AAEC</Value></UserDelegationKey>";
    let broken = [
        ("<html>Sign in to the hotel</html>".to_owned(), "contains no user delegation key"),
        (good.replace("44444444-", "4-"), "contains no user delegation key"),
        (good.replace("<SignedTid>1", "<SignedTid>&amp;"), "contains no user delegation key"),
        (good.replace("2025-12-31T", "yesterday "), "contains no user delegation key"),
        (good.replace("2026-01-02T", "2026-13-02T"), "contains no user delegation key"),
        (good.replace("<SignedService>b", "<SignedService>q"), "contains no user delegation key"),
        (good.replace("2026-04-06", "2026-04-06&"), "contains no user delegation key"),
        (good.replace("AAEC", "A"), "contains no user delegation key"),
        (good.replace("AAEC", ""), "contains no user delegation key"),
        (good.replace("2026-01-02T00:00:00Z", "2026-01-01T00:59:59Z"), "expires before"),
    ];
    for (body, part) in broken {
        scene.client.cloud.inject(Fault::Replace(200, "application/xml", body.clone().into()));
        let error = scene.links().link(LinkRequest::new("a.jpg")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedAnswer, "{body}");
        assert!(error.to_string().contains(part), "{error}");
    }
    scene.client.cloud.inject(Fault::Replace(200, "application/xml", good.into()));
    scene.link("a.jpg").await;
}

#[tokio::test]
async fn a_completely_wrong_clock_is_an_error() {
    let client = Client::of(vision()).await;
    let connection = client.cloud.connection().build().unwrap();
    for at in [253_402_300_800_u64, 253_402_300_800 - 60] {
        let clock = ManualClock::starting(SystemTime::UNIX_EPOCH + secs(at));
        let store = AzureStore::builder(&connection)
            .policy(trust(&connection))
            .certificate_authority(client.cloud.certificate_authority())
            .clock(clock)
            .build(client.cloud.credential())
            .unwrap();
        let error = store.view_links().unwrap().link(LinkRequest::new("a.jpg")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    }
}

/// Returns all texts of an error.
fn printed(error: &Error) -> String {
    format!("{error} {error:?} {error:#?}")
}

#[tokio::test]
async fn neither_the_signature_of_a_link_nor_a_key_is_ever_printed() {
    let scene = Scene::of(vision()).await;
    let links = scene.links();
    let link = scene.link("a.jpg").await;
    let signature = query(link.url())["sig"].clone();
    let shown = format!("{link:?} {link:#?} {links:?} {:?}", scene.store);
    assert!(shown.contains("/smallcloud/assets/a.jpg?(secret)"), "{shown}");
    let keys = scene.client.cloud.delegation_keys();
    assert_eq!(keys.len(), 1);
    let encoded = link.url().rsplit_once("sig=").unwrap().1;
    for secret in [&signature, encoded, &keys[0]] {
        assert!(secret.len() > 40 && !shown.contains(secret), "{shown}");
    }
    assert!(!shown.contains("sig="), "{shown}");

    // An unexpected response that contains a key.
    let body = format!("<UserDelegationKey><Value>{}</Value></UserDelegationKey>", keys[0]);
    links.forget_key();
    for fault in [
        Fault::Replace(200, "application/xml", body.clone().into()),
        Fault::Replace(403, "application/xml", body.into()),
        Fault::Refuse(Refusal::new(403, "AuthorizationFailure").message(keys[0].clone())),
        Fault::Close,
    ] {
        scene.client.cloud.inject(fault);
        let error = links.link(LinkRequest::new("a.jpg")).await.unwrap_err();
        assert!(!printed(&error).contains(&keys[0]), "{error:?}");
    }
}

#[tokio::test]
async fn links_of_every_cloud_are_signed_with_the_name_of_the_account() {
    let scene = Scene::of(vision()).await;
    // The name of the account is signed, even if the account has another address.
    let address = scene.client.cloud.address();
    let endpoint = Endpoint::new(&format!("https://localhost:{}/smallcloud", address.port()));
    let endpoint = endpoint.unwrap().with_authority(&format!("https://{address}")).unwrap();
    let connection: Connection =
        scene.client.cloud.connection().cloud(endpoint.into()).build().unwrap();
    let store = scene.client.cloud.store(&connection).unwrap();
    let link = store.view_links().unwrap().link(LinkRequest::new("a.jpg")).await.unwrap();
    assert!(link.url().starts_with("https://localhost:"), "{}", link.url());
    assert_eq!(scene.get(&link).await.status, 200);
}
