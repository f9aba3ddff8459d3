//! The Azure store works against Azurite over HTTPS, signed in as a service principal.
//!
//! Azurite was written by others, so it finds errors that a fake of our own would repeat. The small
//! cloud tests what Azurite cannot store (control characters, `U+FFFE`, a backslash) and cannot refuse
//! (it has no roles). It sorts names by UTF-16 code units, which differs from the order of
//! bytes only between `U+E000`–`U+FFFF` and the characters beyond: the names of the conformance
//! suite have no such pair, and the ten thousand below, which have, are compared as sets.

pub mod harness;
mod odd_names;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    num::NonZeroU16,
    time::{Duration, Instant, SystemTime},
};

use azure_asset_sync::{
    AzureStore, Cloud, Connection, ConnectionBuilder, Credential, Endpoint, Error, ErrorKind,
    JsonLines, Kind, LinkRequest, Prefix, Probe, Reason, Report, Scan, Store as _, Verdict,
    probe::{Cause, Check, Retry, WaitOptions},
    scan::Order,
    store::{ListRequest, ReadRequest},
    testing::{
        ManualClock,
        conformance::{self, Names},
        trust,
    },
};
use futures::TryStreamExt as _;
use harness::{ACCOUNT, Azurite, EXPIRED_SECRET, SECRET, Seed, TENANT, Token};

const CONTAINER: &str = "assets";

/// Returns early, so that the test passes, if Node.js is missing; the harness has printed a notice.
macro_rules! azurite {
    () => {
        match Azurite::start().await {
            Some(azurite) => azurite,
            None => return,
        }
    };
}

fn connection(azurite: &Azurite, account: &str) -> ConnectionBuilder {
    let endpoint = Endpoint::new(&azurite.endpoint(account)).unwrap();
    let endpoint = endpoint.with_authority(&azurite.sign_in()).unwrap();
    Connection::builder("azurite")
        .account(account)
        .container(CONTAINER)
        .cloud(Cloud::Custom(endpoint))
        .tenant(TENANT)
}

fn principal(token: Token, secret: &str) -> Credential {
    Credential::ClientSecret { client_id: token.client_id(), secret: secret.into() }
}

fn open(azurite: &Azurite, connection: ConnectionBuilder, credential: Credential) -> AzureStore {
    let connection = connection.build().unwrap();
    AzureStore::builder(&connection)
        .policy(trust(&connection))
        .certificate_authority(azurite.certificate_authority())
        .build(credential)
        .unwrap()
}

fn store(azurite: &Azurite) -> AzureStore {
    open(azurite, connection(azurite, ACCOUNT), principal(Token::Valid, SECRET))
}

/// Returns the errors of a listing and of a read.
async fn failures(store: &AzureStore) -> [Error; 2] {
    let list = store.list(ListRequest::new("")).await.unwrap_err();
    let read = store.read(ReadRequest::new("a.jpg", 0..3)).await.unwrap_err();
    [list, read]
}

/// Returns everything that an error would write to a log.
fn printed(error: &Error) -> String {
    format!("{error} {error:?}")
}

#[tokio::test]
async fn a_service_principal_lists_and_reads() {
    let azurite = azurite!();
    azurite.create_container(CONTAINER).await;
    let photo = Seed::new("hall 3/photo.jpg", "\u{fffd}photo").content_type("image/jpeg");
    let others = [Seed::new("notes.txt", "notes"), Seed::new("empty.jpg", "")];
    azurite.seed(CONTAINER, [photo].into_iter().chain(others)).await;
    let store = store(&azurite);

    let page = store.list(ListRequest::new("hall 3/")).await.unwrap();
    let [blob] = &page.blobs[..] else { panic!("{page:?}") };
    assert_eq!(blob.name, "hall 3/photo.jpg");
    assert_eq!(blob.size, 8);
    assert_eq!(blob.content_type.as_ref().unwrap().as_str(), "image/jpeg");
    assert!(blob.etag.is_some() && blob.last_modified.is_some() && blob.created.is_some());
    assert!(blob.content_md5.is_some());
    assert_eq!((page.malformed.len(), page.next), (0, None));

    let read = store.read(ReadRequest::of(blob, 3..8)).await.unwrap();
    assert_eq!(read, "photo");
    // Every range starts beyond the end of an empty blob.
    let error = store.read(ReadRequest::new("empty.jpg", 0..3)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RangeNotSatisfiable, "{error}");
    assert_eq!(azurite.tokens_given(), 1, "all requests share one token");
}

#[tokio::test]
async fn azurite_accepts_the_signature_of_a_view_link() {
    let azurite = azurite!();
    azurite.create_container(CONTAINER).await;
    // Azurite cannot store a backslash, and its parser trims unusual characters at the end of a path.
    let names = ["a.jpg", "hall 3/R\u{e9}gion #1 100%.jpg", "a//b&c=d+e?.jpg", "\u{1f408}.mp4"];
    azurite.seed(CONTAINER, names.map(|name| Seed::new(name, name))).await;
    let links = store(&azurite).view_links().unwrap();
    for name in names {
        for shown_as in [None, Some("image/png")] {
            let mut request = LinkRequest::new(name);
            request.shown_as = shown_as.map(Into::into);
            let link = links.link(request).await.unwrap();
            let (status, body) = azurite.get_anonymously(link.url()).await;
            assert_eq!((status, body.as_slice()), (200, name.as_bytes()), "{name}");
            // The last character of the signature is `=`, so this changes the character before it.
            let (rest, end) = link.url().split_at(link.url().len() - 4);
            let other = if end.starts_with('A') { "B" } else { "A" };
            let tampered = format!("{rest}{other}{}", &end[1..]);
            assert_eq!(azurite.get_anonymously(&tampered).await.0, 403, "{name}");
        }
    }
    let link = links.link(LinkRequest::new("a.jpg")).await.unwrap();
    let other = link.url().replace("/a.jpg?", "/b.jpg?");
    assert_eq!(azurite.get_anonymously(&other).await.0, 403);
    assert_eq!(azurite.tokens_given(), 1);
}

#[tokio::test]
async fn a_blob_that_was_written_again_is_a_change() {
    let azurite = azurite!();
    azurite.create_container(CONTAINER).await;
    azurite.seed(CONTAINER, [Seed::new("a.jpg", "first")]).await;
    let store = store(&azurite);
    let listed = store.list(ListRequest::new("")).await.unwrap().blobs.remove(0);

    azurite.seed(CONTAINER, [Seed::new("a.jpg", "second")]).await;
    let error = store.read(ReadRequest::of(&listed, 0..5)).await.unwrap_err();
    match error.kind() {
        ErrorKind::BlobChanged => assert_eq!(error.status(), Some(412)),
        kind => panic!("{kind:?}: {error}"),
    }
}

#[tokio::test]
async fn the_azure_store_conforms() {
    let azurite = azurite!();
    azurite.create_container(CONTAINER).await;
    let seed = conformance::seed(Names::Portable);
    azurite.seed(CONTAINER, seed.into_iter().map(|(name, content)| Seed::new(name, content))).await;

    let cases = conformance::check(&store(&azurite), Names::Portable).await;
    assert_eq!(cases.len(), 18);
    let broken: Vec<_> = cases.iter().filter(|case| case.outcome.is_err()).collect();
    assert!(broken.is_empty(), "{broken:#?}");
}

#[tokio::test]
async fn ten_thousand_unusual_names_are_listed_as_an_independent_client_lists_them() {
    let azurite = azurite!();
    azurite.create_container(CONTAINER).await;
    let stored: BTreeSet<_> = odd_names::all().collect();
    assert_eq!(stored.len(), 10_000);
    let start = Instant::now();
    azurite.seed(CONTAINER, odd_names::all().map(|name| Seed::new(name.clone(), name))).await;
    println!("seeded {} blobs in {:.1?}", stored.len(), start.elapsed());

    let start = Instant::now();
    let independent = azurite.list_independently(CONTAINER, 5000).await;
    println!("the independent client lists {} in {:.1?}", independent.len(), start.elapsed());
    assert_same("the independent client", &independent, &stored);

    for page_size in [5000, 777] {
        let start = Instant::now();
        let (names, report) = scan(&azurite, page_size).await;
        println!(
            "pages of {page_size}: {} names on {} pages in {:.1?}",
            names.len(),
            report.pages,
            start.elapsed()
        );
        assert_same(&format!("pages of {page_size}"), &names, &stored);
        assert_eq!(report.total(), 10_000);
        assert_eq!(report.pages, 10_000_u64.div_ceil(page_size.into()));
        assert_eq!(report.requests, report.pages, "no request was retried");
        assert!(!report.rejections.contains_key(&Reason::Malformed), "{report}");
    }

    // One name of each kind: a name that can be listed cannot always be read.
    let store = store(&azurite);
    for name in odd_names::SORTS.map(|odd| odd.replace("{n}", "7")) {
        let read = store.read(ReadRequest::new(&name, 0..4096)).await;
        assert_eq!(read.unwrap_or_else(|error| panic!("{name:?}: {error}")), name);
    }
}

async fn scan(azurite: &Azurite, page_size: u16) -> (Vec<String>, Report) {
    let scan = Scan::new(store(azurite), &Prefix::default())
        .page_size(NonZeroU16::new(page_size).unwrap());
    let progress = scan.progress();
    let name = |verdict: Verdict| async move { Ok(verdict.name().unwrap().to_owned()) };
    let names = scan.verdicts().and_then(name).try_collect().await.unwrap();
    (names, progress.report())
}

#[tokio::test]
async fn concurrent_requests_list_the_same_names_as_sequential_requests() {
    let azurite = azurite!();
    azurite.create_container(CONTAINER).await;
    let sites = [("berlin", 130), ("a b", 7), ("oslo", 90), ("r\u{e9}gion", 40), ("z/deep/er", 31)];
    let folders = sites.iter().flat_map(|(site, count)| {
        (0..*count).map(move |n| format!("{site}/day-{:02}/{n:04}.jpg", n / 25))
    });
    let loose = ["index.jpg", "oslo.jpg"].map(str::to_owned);
    let stored: BTreeSet<_> = folders.chain(loose).collect();
    assert_eq!(stored.len(), 300);
    azurite.seed(CONTAINER, stored.iter().map(|name| Seed::new(name.clone(), "x"))).await;

    let (alone, _) = scan(&azurite, 10).await;
    assert_same("one in flight", &alone, &stored);
    for order in [Order::AsCompleted, Order::Ascending] {
        let scan = Scan::new(store(&azurite), &Prefix::default())
            .page_size(NonZeroU16::new(10).unwrap())
            .in_flight(8)
            .order(order);
        let progress = scan.progress();
        let name = |verdict: Verdict| async move { Ok(verdict.name().unwrap().to_owned()) };
        let names: Vec<_> = scan.verdicts().and_then(name).try_collect().await.unwrap();
        println!("{order:?}: {} requests", progress.report().requests);
        assert_same(&format!("eight in flight, {order:?}"), &names, &stored);
        if order == Order::Ascending {
            assert!(names.is_sorted(), "{names:?}");
        }
    }
}

/// Asserts that the listing has exactly the stored names, each once.
fn assert_same(who: &str, listed: &[String], stored: &BTreeSet<String>) {
    let set: BTreeSet<_> = listed.iter().cloned().collect();
    assert_eq!(set.len(), listed.len(), "{who}: a name comes twice");
    let missing: Vec<_> = stored.difference(&set).take(20).collect();
    let extra: Vec<_> = set.difference(stored).take(20).collect();
    assert!(set == *stored, "{who}: missing {missing:?}, not stored {extra:?}");
}

#[tokio::test]
async fn a_scan_into_json_lines_adds_up() {
    let azurite = azurite!();
    azurite.create_container(CONTAINER).await;
    let blob = |name: &str, size: usize, content_type: &str| {
        Seed::new(name, vec![b'x'; size]).content_type(content_type)
    };
    let blobs = [
        blob("in/1.jpg", 10, "image/jpeg"),
        blob("in/2.JPEG", 20, "application/octet-stream"),
        blob("in/3.png", 30, "image/png"),
        blob("in/a.mp4", 400, "video/mp4"),
        blob("in/b.mp4", 500, "application/octet-stream"),
        blob("in/empty.jpg", 0, "image/jpeg"),
        blob("in/notes.txt", 60, "text/plain"),
        blob("in/README", 70, "application/octet-stream"),
        blob("in/wrong.png", 80, "video/mp4"),
        blob("in/sub/1.jpg", 90, "image/jpeg"),
        blob("in/folder/", 0, "application/octet-stream"),
        blob("out/4.jpg", 100, "image/jpeg"),
    ];
    azurite.seed(CONTAINER, blobs).await;
    let connection = connection(&azurite, ACCOUNT).prefix("in/");
    let prefix = connection.clone().build().unwrap().prefix().clone();
    let store = open(&azurite, connection, principal(Token::Valid, SECRET));

    let folder = tempfile::tempdir().unwrap();
    let [assets, rejections] =
        ["assets.jsonl", "rejections.jsonl"].map(|name| folder.path().join(name));
    let sinks = (JsonLines::assets(&assets).unwrap(), JsonLines::rejections(&rejections).unwrap());
    let pages_of_four = NonZeroU16::new(4).unwrap();
    let report = Scan::new(store, &prefix).page_size(pages_of_four).run(sinks).await.unwrap();

    assert_eq!((report.total(), report.accepted(), report.rejected()), (11, 6, 5));
    assert_eq!(report.bytes, 10 + 20 + 30 + 400 + 500 + 90);
    assert_eq!(report.kinds, BTreeMap::from([(Kind::Image, 4), (Kind::Video, 2)]));
    let formats = [("image/jpeg", 3), ("image/png", 1), ("video/mp4", 2)];
    assert_eq!(report.formats, formats.map(|(format, n)| (format.to_owned(), n)).into());
    let reasons = [
        Reason::Directory,
        Reason::NoExtension,
        Reason::UnsupportedFormat,
        Reason::TypeMismatch,
        Reason::Empty,
    ];
    assert_eq!(report.rejections, reasons.map(|reason| (reason, 1)).into());
    assert_eq!(report.findings, BTreeMap::from([(Reason::BaseNameCollision, 1)]));
    assert_eq!((report.pages, report.requests), (3, 3));

    let lines = |path| -> Vec<serde_json::Value> {
        let text = fs::read_to_string(path).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let names = |lines: &[serde_json::Value]| -> Vec<String> {
        lines.iter().map(|line| line["name"].as_str().unwrap().to_owned()).collect()
    };
    let (assets, rejections) = (lines(assets), lines(rejections));
    assert_eq!(
        names(&assets),
        ["in/1.jpg", "in/2.JPEG", "in/3.png", "in/a.mp4", "in/b.mp4", "in/sub/1.jpg"]
    );
    assert_eq!(
        names(&rejections),
        ["in/README", "in/empty.jpg", "in/folder/", "in/notes.txt", "in/wrong.png"]
    );
    let sizes: u64 = assets.iter().map(|line| line["size"].as_u64().unwrap()).sum();
    assert_eq!(sizes, report.bytes);
}

#[tokio::test]
async fn the_refusals_of_a_sign_in_have_different_kinds() {
    let azurite = azurite!();
    let known = || connection(&azurite, ACCOUNT);
    let elsewhere = || known().tenant("66666666-6666-4666-8666-666666666666");
    let stranger = Credential::ClientSecret {
        client_id: "77777777-7777-4777-8777-777777777777".to_owned(),
        secret: SECRET.into(),
    };
    let wrong = "harness~wrong";
    let cases = [
        (known(), principal(Token::Valid, wrong), "AADSTS7000215"),
        (known(), principal(Token::Valid, EXPIRED_SECRET), "AADSTS7000222"),
        (known(), stranger, "AADSTS700016"),
        (elsewhere(), principal(Token::Valid, SECRET), "AADSTS90002"),
    ];
    for (connection, credential, code) in cases {
        for error in failures(&open(&azurite, connection, credential)).await {
            assert_eq!(error.code(), Some(code), "{error}");
            match (error.kind(), code) {
                (ErrorKind::TenantNotFound, "AADSTS90002") => {}
                (
                    ErrorKind::CredentialRejected,
                    "AADSTS7000215" | "AADSTS7000222" | "AADSTS700016",
                ) => {}
                (kind, _) => panic!("{code} is {kind:?}: {error}"),
            }
            assert!(!error.is_transient(), "{error}");
            for secret in [wrong, EXPIRED_SECRET, SECRET] {
                assert!(!printed(&error).contains(secret), "{}", printed(&error));
            }
        }
    }
    assert_eq!(azurite.tokens_given(), 0);
}

#[tokio::test]
async fn a_token_that_the_account_refuses_is_unauthenticated() {
    let azurite = azurite!();
    azurite.create_container(CONTAINER).await;
    for token in [Token::Expired, Token::NotYetValid, Token::OtherAudience, Token::OtherIssuer] {
        let store = open(&azurite, connection(&azurite, ACCOUNT), principal(token, SECRET));
        for error in failures(&store).await {
            match error.kind() {
                ErrorKind::Unauthenticated => {
                    assert_eq!(error.code(), Some("AuthenticationFailed"), "{error}");
                    assert!(error.request_id().is_some(), "{error}");
                    assert!(!printed(&error).contains("eyJ"), "{}", printed(&error));
                }
                kind => panic!("{token:?} is {kind:?}: {error}"),
            }
        }
    }
    assert_eq!(azurite.tokens_given(), 4, "each store signed in once, and the sign-in succeeded");
}

#[tokio::test]
async fn a_missing_container_and_a_missing_account_have_different_kinds() {
    let azurite = azurite!();
    azurite.create_container("another").await;
    let store = store(&azurite);
    for error in failures(&store).await {
        match error.kind() {
            ErrorKind::ContainerNotFound => assert_eq!(error.code(), Some("ContainerNotFound")),
            kind => panic!("{kind:?}: {error}"),
        }
    }
    let connection = connection(&azurite, "nosuchaccount");
    let store = open(&azurite, connection, principal(Token::Valid, SECRET));
    for error in failures(&store).await {
        match error.kind() {
            ErrorKind::AccountNotFound => assert_eq!(error.code(), Some("ResourceNotFound")),
            kind => panic!("{kind:?}: {error}"),
        }
    }
}

#[tokio::test]
async fn a_store_without_a_credential_is_denied() {
    let azurite = azurite!();
    azurite.create_container(CONTAINER).await;
    let store = open(&azurite, connection(&azurite, ACCOUNT), Credential::Anonymous);
    for error in failures(&store).await {
        match error.kind() {
            ErrorKind::PermissionDenied => {
                assert_eq!(error.code(), Some("AuthorizationFailure"));
                assert!(error.to_string().contains("or use a credential"), "{error}");
            }
            kind => panic!("{kind:?}: {error}"),
        }
    }
}

#[tokio::test]
async fn a_certificate_of_an_unknown_authority_is_not_trusted() {
    let azurite = azurite!();
    let connection = connection(&azurite, ACCOUNT).build().unwrap();
    for credential in [principal(Token::Valid, SECRET), Credential::Anonymous] {
        let store =
            AzureStore::builder(&connection).policy(trust(&connection)).build(credential).unwrap();
        for error in failures(&store).await {
            match error.kind() {
                ErrorKind::Untrusted => assert!(!error.is_transient()),
                kind => panic!("{kind:?}: {error}"),
            }
        }
    }
    assert_eq!(azurite.tokens_given(), 0, "no secret is sent to an untrusted server");
}

#[tokio::test]
async fn a_probe_connects_and_reports_failures() {
    let azurite = azurite!();
    azurite.create_container(CONTAINER).await;
    azurite.seed(CONTAINER, [Seed::new("a.jpg", "abc")]).await;
    let probe = |connection: ConnectionBuilder, credential| {
        let store = open(&azurite, connection.clone(), credential);
        Probe::new(&connection.build().unwrap(), store)
            .clock(ManualClock::starting(SystemTime::now()).into_auto_advancing())
    };
    let known = || connection(&azurite, ACCOUNT);

    let options = WaitOptions::new(Duration::from_secs(60));
    let complete = probe(known(), principal(Token::Valid, SECRET)).view_links();
    let ended = complete.wait(options).ended().await.unwrap();
    assert!(ended.is_connected(), "{}", ended.health);
    assert_eq!(ended.health.object_id, Some(Token::Valid.client_id()));

    let absent = known().container("no-such-container");
    let rows = [
        (known(), Token::Valid, "wrong", Check::Token, Cause::SecretWrong, Retry::Never),
        (known(), Token::Valid, EXPIRED_SECRET, Check::Token, Cause::SecretExpired, Retry::Never),
        (known(), Token::Expired, SECRET, Check::List, Cause::TokenExpired, Retry::Transient),
        (known(), Token::OtherAudience, SECRET, Check::List, Cause::TokenAudience, Retry::Never),
        (known(), Token::OtherIssuer, SECRET, Check::List, Cause::TokenIssuer, Retry::Never),
        (absent, Token::Valid, SECRET, Check::List, Cause::ContainerNotFound, Retry::Never),
        (
            known().tenant("66666666-6666-4666-8666-666666666666"),
            Token::Valid,
            SECRET,
            Check::Token,
            Cause::TenantNotFound,
            Retry::Never,
        ),
    ];
    for (connection, token, secret, check, cause, retry) in rows {
        let health = probe(connection, principal(token, secret)).run().await;
        let diagnosis = health.diagnosis.as_ref().unwrap_or_else(|| panic!("{token:?}: {health}"));
        assert_eq!((diagnosis.cause, diagnosis.retry()), (cause, retry), "{token:?}: {health}");
        let failed = health.check(check).unwrap();
        assert_eq!(failed.diagnosis.as_ref(), Some(diagnosis), "{health}");
        let printed = format!("{health} {health:?}");
        assert!(![SECRET, EXPIRED_SECRET, "eyJ"].iter().any(|s| printed.contains(s)), "{printed}");
    }
}
