//! The small cloud follows the script of a test, and records the requests.

use std::time::Duration;

use azure_asset_sync::{
    Clock,
    testing::{
        Fault, ManualClock, PresentedCredential, Refusal, Seed, SignInRefusal, SmallCloud,
        SmallCloudBuilder, StorageState,
    },
};
use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::client::{Client, LIST};

const READ: &str = "smallcloud/assets/a.jpg";
const CONTAINERS: &str = "smallcloud/?comp=list";

fn builder() -> SmallCloudBuilder {
    SmallCloud::builder()
        .blob(Seed::new("a.jpg", "0123456789"))
        .blob(Seed::new("old.jpg", "x").archived())
        .container("backup", [])
        .container("other", [])
}

#[tokio::test]
async fn storage_states_last_and_are_checked_in_azures_order() {
    let client = Client::of(builder().public()).await;
    let token = client.token().await;
    // The code for an authorized client, and whether a client without a credential receives it too.
    for (storage_state, status, code, everybody) in [
        (StorageState::Firewall, 403, "AuthorizationFailure", true),
        (StorageState::AccountDisabled, 403, "AccountIsDisabled", true),
        (StorageState::AccountMissing, 404, "ResourceNotFound", true),
        (StorageState::ContainerMissing, 404, "ContainerNotFound", false),
        (StorageState::ContainerBeingDeleted, 409, "ContainerBeingDeleted", false),
    ] {
        client.cloud.set_storage_state(storage_state);
        client.cloud.set_public(everybody);
        for _ in 0..2 {
            for path in [LIST, READ] {
                let answer = client.get(&token, path).await;
                assert_eq!(answer.status_and_code(), (status, Some(code)), "{storage_state:?}");
            }
        }
        let anonymous = client.send(client.request(Method::GET, LIST)).await;
        let expected = match everybody {
            true => (status, Some(code)),
            false => (401, Some("NoAuthenticationInformation")),
        };
        assert_eq!(anonymous.status_and_code(), expected, "{storage_state:?}");
        let wrong = client.get("made-up", LIST).await;
        assert_eq!(wrong.status == 401, !everybody, "{storage_state:?}");
    }
    client.cloud.set_storage_state(StorageState::Normal);
    assert_eq!(client.get(&token, LIST).await.status, 200);
}

#[tokio::test]
async fn containers_are_listed_by_prefix_and_page() {
    let client = Client::of(builder()).await;
    let token = client.token().await;
    let names = async |query: &str| {
        let answer = client.get(&token, &format!("{CONTAINERS}{query}")).await;
        assert_eq!(answer.status, 200);
        let names = answer.body.split("<Name>").skip(1).map(|rest| rest.split('<').next().unwrap());
        (
            names.map(str::to_owned).collect::<Vec<_>>(),
            answer.element("NextMarker").map(str::to_owned),
        )
    };
    assert_eq!(names("").await, (["assets", "backup", "other"].map(str::to_owned).to_vec(), None));
    assert_eq!(names("&prefix=b").await.0, ["backup"]);
    let (first, next) = names("&maxresults=2").await;
    assert_eq!(first, ["assets", "backup"]);
    assert_eq!(names(&format!("&marker={}", next.unwrap())).await.0, ["other"]);
    let bad = client.get(&token, &format!("{CONTAINERS}&maxresults=0")).await;
    assert_eq!(bad.status_and_code(), (400, Some("OutOfRangeQueryParameterValue")));
    client.cloud.set_storage_state(StorageState::ContainerMissing);
    assert_eq!(names("").await.0, ["backup", "other"]);
}

#[tokio::test]
async fn a_delegation_key_is_well_formed_and_different_each_time() {
    let client = Client::of(builder().clock(ManualClock::new())).await;
    let token = client.token().await;
    let ask = async |body: &'static str| {
        let path = "smallcloud/?restype=service&comp=userdelegationkey";
        let request = client.request(Method::POST, path).bearer_auth(&token);
        client.send(request.header("x-ms-version", "2026-04-06").body(body)).await
    };
    let body = "<?xml version=\"1.0\"?><KeyInfo><Start>2026-01-01T00:00:00Z</Start><Expiry>2026-01-01T01:00:00Z</Expiry></KeyInfo>";
    let (key, another) = (ask(body).await, ask(body).await);
    assert_eq!(key.status, 200, "{key:?}");
    let text = key.body.trim_start_matches('\u{feff}');
    assert_eq!(
        roxmltree::Document::parse(text).unwrap().root_element().tag_name().name(),
        "UserDelegationKey"
    );
    assert_eq!(key.element("SignedOid"), Some(client.cloud.object_id()));
    assert_eq!(key.element("SignedExpiry"), Some("2026-01-01T01:00:00Z"));
    assert_eq!(key.element("SignedVersion"), Some("2026-04-06"));
    assert_ne!(key.element("Value").unwrap(), another.element("Value").unwrap());
    assert_eq!(ask("<KeyInfo/>").await.status_and_code(), (400, Some("InvalidXmlDocument")));
    // At most seven days by the service's clock, to the second.
    for (start, expiry, status) in [
        ("2026-01-01T00:00:00Z", "2026-01-08T00:00:00Z", 200),
        ("2026-01-01T00:00:00Z", "2026-01-08T00:00:01Z", 400),
        ("2025-12-25T00:00:00Z", "2026-01-01T01:00:00Z", 200),
        ("2025-12-24T00:00:00Z", "2026-01-01T01:00:00Z", 400),
        ("2026-01-01T02:00:00Z", "2026-01-01T01:00:00Z", 400),
        ("2025-12-31T00:00:00Z", "2026-01-01T00:00:00Z", 400),
    ] {
        let body = format!("<KeyInfo><Start>{start}</Start><Expiry>{expiry}</Expiry></KeyInfo>");
        let answer = ask(body.leak()).await;
        assert_eq!(answer.status, status, "{start} to {expiry}: {answer:?}");
        if status == 400 {
            assert_eq!(answer.header("x-ms-error-code"), Some("InvalidXmlNodeValue"));
        }
    }
}

#[tokio::test]
async fn heads_have_the_headers_and_no_body() {
    let client = Client::of(builder()).await;
    let token = client.token().await;
    let head = async |path: &str| {
        client.send(client.request(Method::HEAD, path).bearer_auth(&token)).await
    };
    let blob = head(READ).await;
    assert_eq!((blob.status, blob.header("content-length")), (200, Some("10")));
    assert_eq!(blob.header("x-ms-blob-type"), Some("BlockBlob"));
    assert_eq!(blob.body, "");
    let absent = head("smallcloud/assets/none").await;
    assert_eq!((absent.status_and_code(), absent.body.as_str()), ((404, Some("BlobNotFound")), ""));
    let container = head("smallcloud/assets?restype=container").await;
    assert_eq!((container.status, container.header("x-ms-lease-state")), (200, Some("available")));
    assert_eq!(head("smallcloud/assets/old.jpg").await.status, 200);
    let archived = client.get(&token, "smallcloud/assets/old.jpg").await;
    assert_eq!(archived.status_and_code(), (409, Some("BlobArchived")));
}

#[tokio::test]
async fn a_public_container_is_open_and_a_private_one_names_its_tenant() {
    let client = Client::of(builder().public()).await;
    let ask = async |path: &str| client.send(client.request(Method::GET, path)).await;
    assert_eq!((ask(LIST).await.status, ask(READ).await.status), (200, 200));
    assert_eq!(ask(CONTAINERS).await.status, 401, "an account cannot be public");
    assert_eq!(ask("smallcloud/other?restype=container&comp=list").await.status, 401);
    client.cloud.set_public(false);
    let private = ask(LIST).await;
    assert_eq!(private.status_and_code(), (401, Some("NoAuthenticationInformation")));
    assert!(private.header("www-authenticate").unwrap().contains(client.cloud.tenant()));
    let old = client.request(Method::GET, LIST).header("x-ms-version", "2019-02-02");
    assert_eq!(client.send(old).await.status_and_code(), (404, Some("ResourceNotFound")));

    let malicious = "Bearer authorization_uri=https://login.evil.example/x";
    client.cloud.set_challenge(Some(malicious.into()));
    assert_eq!(ask(LIST).await.header("www-authenticate"), Some(malicious));
    client.cloud.set_challenge(Some("a\r\nb: c".into()));
    assert_eq!(ask(LIST).await.header("www-authenticate"), None);
    client.cloud.set_challenge(None);
    assert!(ask(LIST).await.header("www-authenticate").unwrap().contains("login.microsoft"));
}

#[tokio::test]
async fn refusals_have_the_messages_of_azure_unless_a_test_sets_another() {
    let client = Client::of(builder().clock(ManualClock::new())).await;
    let rows = [
        (400, "AccountRequiresHttps", "The account being accessed does not support http."),
        (
            401,
            "NoAuthenticationInformation",
            "Server failed to authenticate the request. Please refer to the information in the www-authenticate header.",
        ),
        (
            400,
            "InvalidAuthenticationInfo",
            "Authentication information is not given in the correct format. Check the value of Authorization header.",
        ),
        (403, "AuthorizationFailure", "This request is not authorized to perform this operation."),
        (
            403,
            "KeyBasedAuthenticationNotPermitted",
            "Key based authentication is not permitted on this storage account.",
        ),
        (
            409,
            "PublicAccessNotPermitted",
            "Public access is not permitted on this storage account.",
        ),
        (404, "ContainerNotFound", "The specified container does not exist."),
        (503, "ServerBusy", "The server is busy."),
        (418, "SomethingNew", "SomethingNew"),
    ];
    for (status, code, message) in rows {
        client.cloud.inject(Fault::Refuse(Refusal::new(status, code)));
        let answer = client.signed(READ).await;
        assert_eq!((answer.status_and_code(), answer.message()), ((status, Some(code)), message));
        assert_eq!(answer.element("Code"), Some(code));
        assert_eq!(answer.header("retry-after"), None);
        assert!(answer.body.contains("Time:2026-01-01T00:00:00"), "{}", answer.body);
    }
    let refusal = Refusal::new(503, "ServerBusy")
        .message("Egress <is> over the account limit.")
        .detail("A detail.")
        .retry_after(Duration::from_secs(7))
        .without_code_header();
    client.cloud.inject_always(Some(Fault::Refuse(refusal)));
    client.cloud.inject(Fault::Replace(200, "text/html", "<html>".into()));
    let proxy = client.signed(READ).await;
    assert_eq!((proxy.body.as_str(), proxy.header("x-ms-request-id")), ("<html>", None));
    for _ in 0..2 {
        let answer = client.signed(READ).await;
        assert_eq!(
            (answer.status_and_code(), answer.header("retry-after")),
            ((503, None), Some("7"))
        );
        assert_eq!(answer.message(), "Egress &lt;is&gt; over the account limit.");
        assert_eq!(answer.element("AuthenticationErrorDetail"), Some("A detail."));
    }
    client.cloud.inject_always(None);
    assert_eq!(client.signed(READ).await.status, 200);
}

#[tokio::test]
async fn bodies_can_be_slow_or_incomplete() {
    let clock = ManualClock::auto_advancing();
    let client = Client::of(builder().clock(clock.clone()).public()).await;
    client.cloud.inject(Fault::Slow { chunk: 4, pause: Duration::from_secs(60) });
    let slow = client.send(client.request(Method::GET, READ)).await;
    assert_eq!((slow.body.as_str(), slow.header("content-length")), ("0123456789", Some("10")));
    assert_eq!(
        clock.elapsed(),
        Duration::from_secs(120),
        "there are two pauses between three chunks"
    );

    client.cloud.inject(Fault::CloseAfter(3));
    let cut = client.request(Method::GET, READ).send().await.unwrap();
    assert_eq!(cut.status(), StatusCode::OK);
    cut.bytes().await.unwrap_err();

    client.cloud.inject(Fault::StallAfter(3));
    let mut stalled = client.request(Method::GET, READ).send().await.unwrap();
    assert_eq!(stalled.headers()["content-length"], "10");
    assert_eq!(stalled.chunk().await.unwrap().unwrap(), "012");
    // Nothing more is sent, however often other tasks run.
    let mut rest = std::pin::pin!(stalled.chunk());
    for _ in 0..1000 {
        assert!(futures::poll!(rest.as_mut()).is_pending());
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_reset_and_a_close_have_different_errors() {
    let client = Client::of(builder().public()).await;
    let kind = async |fault| {
        client.cloud.inject(fault);
        let error = client.request(Method::GET, READ).send().await.unwrap_err();
        let mut source: Option<&(dyn std::error::Error + 'static)> = Some(&error);
        while let Some(error) = source {
            if let Some(error) = error.downcast_ref::<std::io::Error>() {
                return Some(error.kind());
            }
            source = error.source();
        }
        None
    };
    assert_eq!(kind(Fault::Reset).await, Some(std::io::ErrorKind::ConnectionReset));
    assert_ne!(kind(Fault::Close).await, Some(std::io::ErrorKind::ConnectionReset));
    assert_eq!(client.send(client.request(Method::GET, READ)).await.status, 200);
}

#[tokio::test]
async fn sign_ins_are_refused_as_entra_does() {
    let client = Client::of(builder().clock(ManualClock::new())).await;
    client.cloud.refuse_sign_in(400, "unauthorized_client", 700016, "No such \"application\".");
    let busy = SignInRefusal::new(429, "temporarily_unavailable", 90055, "Too many requests.");
    client.cloud.always_refuse_sign_in(Some(busy.retry_after(Duration::from_secs(20))));
    let refused = async || {
        let answer = client.sign_in().await;
        let json: Value = serde_json::from_str(&answer.body).unwrap();
        (answer, json)
    };
    let (once, json) = refused().await;
    assert_eq!((once.status, once.header("retry-after")), (400, None));
    assert_eq!(json["error"], "unauthorized_client");
    assert_eq!(json["error_codes"], serde_json::json!([700016]));
    let description = json["error_description"].as_str().unwrap();
    assert!(description.starts_with("AADSTS700016: No such \"application\".\r\nTrace ID: 3333"));
    assert_eq!(json["trace_id"], "33333333-3333-4333-8333-333333333333");
    for _ in 0..2 {
        let (busy, json) = refused().await;
        assert_eq!((busy.status, busy.header("retry-after")), (429, Some("20")));
        assert_eq!(json["error_codes"], serde_json::json!([90055]));
    }
    client.cloud.always_refuse_sign_in(None);
    assert_eq!(client.sign_in().await.status, 200);
    assert_eq!(client.sign_in().await.header("date"), Some("Thu, 01 Jan 2026 00:00:00 GMT"));
}

#[tokio::test]
async fn the_log_distinguishes_requests_and_contains_no_secret() {
    let client = Client::of(builder().clock(ManualClock::new())).await;
    let token = client.token().await;
    let request = client.request(Method::GET, READ).bearer_auth(&token);
    let request =
        request.header("x-ms-client-request-id", "mine").header("x-ms-version", "2026-04-06");
    let answer = client.send(request).await;
    assert_eq!(answer.header("x-ms-client-request-id"), Some("mine"));
    assert_eq!(answer.header("x-ms-version"), Some("2026-04-06"));
    assert_eq!(answer.header("date"), Some("Thu, 01 Jan 2026 00:00:00 GMT"));
    client.signed(LIST).await;
    let path = format!("{LIST}&%73IG={}", client.cloud.signature());
    client.send(client.request(Method::GET, &path)).await;
    client.cloud.inject(Fault::Close);
    client.request(Method::HEAD, READ).send().await.unwrap_err();
    let log = client.cloud.log();
    let rows: Vec<_> = log
        .iter()
        .map(|request| (request.method.as_str(), request.credential, request.status))
        .collect();
    assert_eq!(
        rows[..4],
        [
            ("POST", PresentedCredential::None, Some(200)),
            ("GET", PresentedCredential::Token, Some(200)),
            ("GET", PresentedCredential::Sas, Some(200)),
            ("GET", PresentedCredential::Sas, Some(401)),
        ]
    );
    assert!(
        rows[4..].iter().all(|row| *row == ("HEAD", PresentedCredential::None, None))
            && rows.len() > 4
    );
    assert!(log[0].is_sign_in() && !log[1].is_sign_in());
    assert_eq!((log[1].path.as_str(), log[1].query.as_str()), ("/smallcloud/assets/a.jpg", ""));
    assert_eq!(log[2].query, "restype=container&comp=list&sig=REDACTED");
    assert_eq!(client.cloud.requests(), log.len() as u64);
    let text = format!("{log:?}");
    for secret in [client.cloud.secret(), client.cloud.signature(), &token] {
        assert!(!text.contains(secret), "{text}");
    }
}
