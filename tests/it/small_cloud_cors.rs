//! The small cloud answers cross-origin requests as Azure does.

use std::{collections::BTreeSet, time::Duration};

use azure_asset_sync::testing::{
    Behavior, CorsRule, PreflightNames, Seed, SmallCloud, SmallCloudBuilder, StorageState,
};
use reqwest::Method;

use crate::client::{Answer, Client, LIST};

const READ: &str = "smallcloud/assets/a.jpg";

fn builder() -> SmallCloudBuilder {
    SmallCloud::builder().blob(Seed::new("a.jpg", "0123456789"))
}

async fn preflight(client: &Client, headers: &[(&str, &str)]) -> Answer {
    let mut request = client.request(Method::OPTIONS, READ);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    client.send(request).await
}

#[tokio::test]
async fn a_preflight_uses_the_first_rule_that_matches() {
    const APP: &str = "https://app.contoso.com";
    let (origin, method, headers) =
        ("origin", "access-control-request-method", "access-control-request-headers");
    let client = Client::of(builder()).await;
    let requested = [(origin, APP), (method, "GET"), (headers, "range,x-ms-version")];
    let none = preflight(&client, &requested).await;
    assert_eq!(none.status_and_code(), (403, Some("CorsPreflightFailure")));
    assert_eq!(none.message(), "CORS not enabled or no matching rule found for this request.");

    let narrow = CorsRule::new(APP).methods(["GET"]).max_age(Duration::from_secs(5));
    let wide = CorsRule::new(APP)
        .methods(["GET", "HEAD"])
        .allowed_headers(["range", "x-ms-*"])
        .exposed_headers(["x-ms-*", "ETag"])
        .max_age(Duration::from_secs(3600));
    client.cloud.set_cors(vec![narrow, wide]);
    type Expected = Result<&'static str, (u16, &'static str)>;
    let rows: [(&[_], Expected); 9] = [
        (&requested, Ok("3600")),
        (&[(origin, APP), (method, "GET")], Ok("5")),
        (&[(origin, APP), (method, "HEAD"), (headers, "X-MS-Date, Range")], Ok("3600")),
        (&[(method, "GET")], Err((400, "InvalidHeaderValue"))),
        (&[(origin, APP)], Err((400, "InvalidHeaderValue"))),
        (&[(origin, APP), (method, "PUT")], Err((403, "CorsPreflightFailure"))),
        (&[(origin, APP), (method, "get")], Err((403, "CorsPreflightFailure"))),
        (
            &[(origin, "https://App.contoso.com"), (method, "GET")],
            Err((403, "CorsPreflightFailure")),
        ),
        (
            &[(origin, APP), (method, "GET"), (headers, "range,if-match")],
            Err((403, "CorsPreflightFailure")),
        ),
    ];
    for (request, expected) in rows {
        let answer = preflight(&client, request).await;
        match expected {
            Ok(age) => {
                assert_eq!(answer.status, 200, "{request:?}");
                assert_eq!(answer.header("access-control-allow-origin"), Some(APP));
                assert_eq!(answer.header("access-control-allow-methods"), Some(request[1].1));
                let allowed = request.get(2).map(|(_, names)| *names);
                assert_eq!(answer.header("access-control-allow-headers"), allowed);
                assert_eq!(answer.header("access-control-max-age"), Some(age), "{request:?}");
                assert_eq!(answer.header("access-control-allow-credentials"), Some("true"));
            }
            Err((status, code)) => {
                assert_eq!(answer.status_and_code(), (status, Some(code)), "{request:?}")
            }
        }
    }
    client.cloud.set_storage_state(StorageState::Firewall);
    assert_eq!(
        preflight(&client, &requested).await.status_and_code(),
        (403, Some("AuthorizationFailure"))
    );
}

#[tokio::test]
async fn a_star_exposes_the_headers_that_are_set_before_content_range() {
    const SERVICE: &str = "x-ms-request-id,x-ms-client-request-id,Server,x-ms-version";
    const LATE: &str = "Content-Length,Date,Transfer-Encoding";
    const BLOB: &str = "Content-Type,Last-Modified,ETag,x-ms-access-tier,\
        x-ms-access-tier-inferred,x-ms-creation-time,x-ms-lease-status,x-ms-lease-state,\
        x-ms-blob-type,x-ms-server-encrypted,Accept-Ranges";
    let all = || CorsRule::new("*").methods(["GET", "HEAD"]).exposed_headers(["*"]);
    let client = Client::of(builder().public().cors(all())).await;
    let exposed = async |method: Method, path: &str, range: &'static str| {
        let request = client.request(method, path).header("origin", "https://a.test");
        let request = request.header("range", range).header("x-ms-client-request-id", "one");
        let answer = client.send(request).await;
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
        assert_eq!(answer.header("vary"), None);
        let names = answer.header("access-control-expose-headers").unwrap();
        names.split(',').map(str::to_owned).collect::<BTreeSet<_>>()
    };
    let set = |lists: &[&str]| {
        lists.iter().flat_map(|list| list.split(',')).map(str::to_owned).collect::<BTreeSet<_>>()
    };
    let ranged = exposed(Method::GET, READ, "bytes=0-1").await;
    assert_eq!(ranged, set(&[SERVICE, BLOB, LATE]));
    assert_eq!(exposed(Method::HEAD, READ, "bytes=0-1").await, ranged);
    let list = exposed(Method::GET, LIST, "bytes=0-1").await;
    assert_eq!(list, set(&[SERVICE, "Content-Type", LATE]));
    let after = exposed(Method::GET, READ, "bytes=99-").await;
    assert_eq!(after, set(&[SERVICE, "x-ms-error-code", LATE]));
    // Responses of the firewall have neither the name nor the version of the service.
    client.cloud.set_storage_state(StorageState::Firewall);
    let walled = exposed(Method::GET, READ, "bytes=0-1").await;
    let front = "x-ms-request-id,x-ms-client-request-id,x-ms-error-code";
    assert_eq!(walled, set(&[front, LATE]));
    client.cloud.set_storage_state(StorageState::Normal);
    // A header has the letter case of the rule, even if the response does not have the header.
    client.cloud.set_cors(vec![all().exposed_headers(["content-RANGE", "etag", "x-ms-meta-*"])]);
    assert_eq!(exposed(Method::GET, READ, "bytes=0-1").await, set(&["content-RANGE,etag"]));
}

#[tokio::test]
async fn a_preflight_names_the_headers_of_the_request_or_of_the_rule() {
    for names in PreflightNames::ALL {
        let mut behavior = Behavior::default();
        behavior.preflight = *names;
        let rule = CorsRule::new("*").methods(["GET"]).allowed_headers(["Range", "x-ms-*"]);
        let client = Client::of(builder().behavior(behavior).cors(rule)).await;
        let requested = [
            ("origin", "https://a.test"),
            ("access-control-request-method", "GET"),
            ("access-control-request-headers", "range,x-ms-date"),
        ];
        let answer = preflight(&client, &requested).await;
        let expected = match names {
            PreflightNames::Requested => "range,x-ms-date",
            PreflightNames::OfRule => "Range,x-ms-*",
            other => panic!("{other:?}"),
        };
        assert_eq!(answer.header("access-control-allow-headers"), Some(expected));
    }
}

#[tokio::test]
async fn responses_say_which_origins_can_read_them() {
    let exact = || CorsRule::new("https://a.test").methods(["GET"]).exposed_headers(["x-ms-*"]);
    let all = || CorsRule::new("*").methods(["GET"]).exposed_headers(["ETag"]);
    let client = Client::of(builder().public().cors(exact())).await;
    let get = async |origin: Option<&str>| {
        let mut request = client.request(Method::GET, READ);
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        let answer = client.send(request).await;
        ["access-control-allow-origin", "vary", "access-control-expose-headers"]
            .map(|name| answer.header(name).map(str::to_owned))
    };
    let [allowed, vary, exposed] = get(Some("https://a.test")).await;
    assert_eq!((allowed.as_deref(), vary.as_deref()), (Some("https://a.test"), Some("Origin")));
    let exposed = exposed.unwrap();
    assert!(exposed.contains("x-ms-request-id") && !exposed.contains("etag"), "{exposed}");
    for origin in [Some("https://b.test"), None] {
        assert_eq!(get(origin).await, [None, Some("Origin".into()), None]);
    }
    client.cloud.set_cors(vec![all()]);
    assert_eq!(get(Some("https://b.test")).await, [Some("*".into()), None, Some("ETag".into())]);
    assert_eq!(get(None).await, [None, None, None]);
    client.cloud.set_cors(vec![]);
    assert_eq!(get(Some("https://a.test")).await, [None, None, None]);
}
