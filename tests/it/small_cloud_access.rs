//! The small cloud grants and denies access as Azure does, including the time of propagation.

use std::time::Duration;

use azure_asset_sync::{
    condition::{Condition, Limit, Role},
    grant::{Grant, Shape},
    testing::{Assignment, ManualClock, Propagation, Seed, SmallCloud, SmallCloudBuilder},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use reqwest::Method;

use crate::client::{Client, LIST};

const MISMATCH: (u16, Option<&str>) = (403, Some("AuthorizationPermissionMismatch"));
const OK: (u16, Option<&str>) = (200, None);
const LIST_OTHER: &str = "smallcloud/other?restype=container&comp=list";
const READ: &str = "smallcloud/assets/hall/a.jpg";
const READ_OTHER: &str = "smallcloud/other/b.jpg";
const CONTAINERS: &str = "smallcloud/?comp=list";
const PROPERTIES: &str = "smallcloud/assets?restype=container";
const KEY: &str = "smallcloud/?restype=service&comp=userdelegationkey";

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn builder() -> SmallCloudBuilder {
    SmallCloud::builder()
        .clock(ManualClock::new())
        .blobs(["hall/a.jpg", "yard/b.jpg"].map(|name| Seed::new(name, "x")))
        .container("other", [Seed::new("b.jpg", "x")])
}

async fn statuses<const N: usize>(client: &Client, token: &str, paths: [&str; N]) -> [u16; N] {
    let mut statuses = [0; N];
    for (status, path) in statuses.iter_mut().zip(paths) {
        let method = if path == KEY { Method::POST } else { Method::GET };
        let body = "<KeyInfo><Expiry>2026-01-02T00:00:00Z</Expiry></KeyInfo>";
        let mut request = client.request(method, path).bearer_auth(token);
        if path == KEY {
            request = request.body(body);
        }
        let answer = client.send(request).await;
        if answer.status == 403 {
            assert_eq!(answer.status_and_code(), MISMATCH);
            assert_eq!(
                answer.message(),
                "This request is not authorized to perform this operation using this permission."
            );
        }
        *status = answer.status;
    }
    statuses
}

#[tokio::test]
async fn each_role_and_scope_has_its_own_rights() {
    use Role::{BlobDataReader, BlobDelegator};
    let only = |condition: &str| condition.parse::<Condition>().unwrap();
    let in_assets = "@Resource[Microsoft.Storage/storageAccounts/blobServices/containers:name] StringEquals 'assets'";
    let rows: [(&str, Vec<Assignment>, [u16; 7]); 8] = [
        // List, read, list and read in another container, containers, properties, delegation key.
        ("none", vec![], [403; 7]),
        ("account", vec![Assignment::new(BlobDataReader)], [200; 7]),
        (
            "container",
            vec![Assignment::new(BlobDataReader).on_container("assets")],
            [200, 200, 403, 403, 403, 200, 403],
        ),
        (
            "account with condition",
            vec![Assignment::new(BlobDataReader).condition(only(in_assets))],
            [200, 200, 403, 403, 200, 200, 200],
        ),
        (
            "container and delegator",
            vec![
                Assignment::new(BlobDataReader).on_container("assets"),
                Assignment::new(BlobDelegator),
            ],
            [200, 200, 403, 403, 403, 200, 200],
        ),
        (
            "data only",
            vec![Assignment::data_only().on_container("assets")],
            [200, 200, 403, 403, 403, 403, 403],
        ),
        (
            "management reader",
            vec![Assignment::management_reader()],
            [403, 403, 403, 403, 200, 200, 403],
        ),
        (
            "delegator on a container",
            vec![Assignment::new(BlobDelegator).on_container("assets")],
            [403; 7],
        ),
    ];
    let client = Client::of(builder().without_assignments()).await;
    let token = client.token().await;
    for (name, assignments, expected) in rows {
        client.cloud.unassign_all();
        for assignment in assignments {
            client.cloud.assign(assignment);
        }
        let paths = [LIST, READ, LIST_OTHER, READ_OTHER, CONTAINERS, PROPERTIES, KEY];
        assert_eq!(statuses(&client, &token, paths).await, expected, "{name}");
    }
}

#[tokio::test]
async fn conditions_decide_request_by_request() {
    let container = "assets".parse().unwrap();
    let limit = Limit::container(&container).prefix(&"hall/".parse().unwrap());
    let both = limit.condition().unwrap();
    // A condition on the path without a clause for lists, as a portal writes it, denies every list.
    let path_only: Condition = "((!(ActionMatches{'Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read'})) OR (@Resource[Microsoft.Storage/storageAccounts/blobServices/containers/blobs:path] StringStartsWith 'hall/'))".parse().unwrap();
    // A prefix that is not sent is not an empty prefix: the attribute is missing.
    let empty_prefix = "@Request[Microsoft.Storage/storageAccounts/blobServices/containers/blobs:prefix] StringEquals ''".parse().unwrap();
    let until = |limit: Limit, time: &str| {
        limit.until(humantime::parse_rfc3339(time).unwrap()).condition().unwrap()
    };
    let current = Limit::container(&container).current_versions_only().condition().unwrap();
    let version = format!("{READ}?versionid=2026-01-01T00:00:00.0000000Z");
    let [right, none, empty, wrong] =
        ["&prefix=hall%2F", "", "&prefix=", "&prefix=yard%2F"].map(|end| format!("{LIST}{end}"));
    let paths = [&right, &none, &empty, &wrong, READ, "smallcloud/assets/yard/b.jpg", &version];
    let plain = || Limit::container(&container);
    let rows = [
        ("prefix, both clauses", both, [200, 403, 403, 403, 200, 403, 404]),
        ("path only", path_only, [403, 403, 403, 403, 200, 403, 404]),
        ("current versions", current, [200, 200, 200, 200, 200, 200, 403]),
        ("an empty prefix, sent", empty_prefix, [403, 403, 200, 403, 403, 403, 403]),
        ("past", until(plain(), "2025-12-31T23:59:59Z"), [403; 7]),
        ("not past", until(plain(), "2026-01-01T00:00:01Z"), [200, 200, 200, 200, 200, 200, 404]),
    ];
    let client = Client::of(builder().clock(ManualClock::new()).without_assignments()).await;
    let token = client.token().await;
    for (name, condition, expected) in rows {
        client.cloud.unassign_all();
        client.cloud.assign(Assignment::new(Role::BlobDataReader).condition(condition));
        assert_eq!(statuses(&client, &token, paths).await, expected, "{name}");
    }
}

#[tokio::test]
async fn an_assignment_reaches_each_front_end_at_its_own_time() {
    let clock = ManualClock::new();
    let assignment = Assignment::new(Role::BlobDataReader)
        .after(secs(240))
        .propagation([Propagation::at(secs(60)), Propagation::at(secs(120))]);
    let cloud = builder().clock(clock.clone()).front_ends(3).assignment(assignment);
    let client = Client::of(cloud).await;
    let token = client.token().await;
    for (wait, expected) in [
        (0, [403, 403, 403]),
        (59, [403, 403, 403]),
        (1, [200, 403, 403]),
        (60, [200, 200, 403]),
        (119, [200, 200, 403]),
        (1, [200, 200, 200]),
    ] {
        clock.advance(secs(wait));
        assert_eq!(statuses(&client, &token, [READ, LIST, READ]).await, expected);
    }
    let reached: Vec<_> = client.cloud.log().iter().map(|request| request.front_end).collect();
    assert_eq!(reached[..5], [None, Some(0), Some(1), Some(2), Some(0)]);

    client.cloud.unassign_all();
    assert_eq!(statuses(&client, &token, [READ, READ, READ]).await, [403; 3], "at once");
}

#[tokio::test]
async fn a_flapping_front_end_alternates_until_it_is_stable() {
    let clock = ManualClock::new();
    let spread = [Propagation::at(Duration::ZERO), Propagation::flapping(secs(60), secs(240))];
    let cloud = builder().clock(clock.clone()).without_assignments();
    let client = Client::of(cloud).await;
    let token = client.token().await;
    // The cloud has one front end for each propagation time.
    client.cloud.assign(Assignment::new(Role::BlobDataReader).propagation(spread));
    let paths = [READ, READ, LIST, READ, READ, LIST];
    assert_eq!(statuses(&client, &token, paths).await, [200, 403, 200, 403, 200, 403]);
    clock.advance(secs(60));
    assert_eq!(statuses(&client, &token, paths).await, [200, 200, 200, 403, 200, 200]);
    assert_eq!(statuses(&client, &token, paths).await, [200, 403, 200, 200, 200, 403]);
    clock.advance(secs(180));
    assert_eq!(statuses(&client, &token, paths).await, [200; 6]);
}

#[tokio::test]
async fn a_grant_is_applied_to_the_principal_that_it_names() {
    let clock = ManualClock::new();
    let client = Client::of(builder().clock(clock.clone()).without_assignments()).await;
    let (cloud, token) = (&client.cloud, client.token().await);
    let connection = cloud.connection().prefix("hall/").build().unwrap();
    let grant = |shape: Shape, principal: Option<&str>| {
        let mut grant = Grant::builder(&connection)
            .subscription("55555555-5555-4555-8555-555555555555")
            .resource_group("vision")
            .application(cloud.client_id())
            .shape(shape);
        if let Some(id) = principal {
            grant = grant.principal(id);
        }
        grant.build().unwrap()
    };
    let list = format!("{LIST}&prefix=hall%2F");
    let paths = [&list, READ, LIST, READ_OTHER, CONTAINERS, PROPERTIES, KEY];
    cloud.apply(&grant(Shape::CustomRole, Some(cloud.client_id())), Duration::ZERO);
    assert_eq!(statuses(&client, &token, paths).await, [403; 7], "an application ID");
    for (shape, expected) in [
        (Shape::AccountWithCondition, [200, 200, 403, 403, 200, 200, 200]),
        (Shape::ContainerAndDelegator, [200, 200, 403, 403, 403, 200, 200]),
        (Shape::CustomRole, [200, 200, 403, 403, 403, 403, 403]),
    ] {
        for principal in [None, Some(cloud.object_id())] {
            cloud.unassign_all();
            cloud.apply(&grant(shape, principal), secs(300));
            clock.advance(secs(299));
            assert_eq!(statuses(&client, &token, paths).await, [403; 7], "{shape}");
            clock.advance(secs(1));
            assert_eq!(statuses(&client, &token, paths).await, expected, "{shape}");
        }
    }
}

#[tokio::test]
async fn access_is_denied_before_existence_is_checked() {
    let client = Client::of(builder().without_assignments()).await;
    let token = client.token().await;
    let absent = ["smallcloud/none?restype=container&comp=list", "smallcloud/assets/none.jpg"];
    assert_eq!(statuses(&client, &token, absent).await, [403, 403]);
    client.cloud.assign(Assignment::new(Role::BlobDataReader));
    for (path, code) in absent.into_iter().zip(["ContainerNotFound", "BlobNotFound"]) {
        assert_eq!(client.get(&token, path).await.status_and_code(), (404, Some(code)));
    }
}

#[tokio::test]
async fn the_signature_reads_only_its_container_whatever_is_assigned() {
    let client = Client::of(builder().without_assignments()).await;
    for (path, expected) in [
        (LIST, OK),
        (READ, OK),
        (LIST_OTHER, (403, Some("AuthenticationFailed"))),
        (CONTAINERS, MISMATCH),
        (PROPERTIES, MISMATCH),
    ] {
        assert_eq!(client.signed(path).await.status_and_code(), expected, "{path}");
    }
    let wrong = client.request(Method::GET, &format!("{LIST}&sig=wrong"));
    assert_eq!(client.send(wrong).await.status_and_code(), (403, Some("AuthenticationFailed")));
}

fn claims(token: &str) -> serde_json::Value {
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    serde_json::from_slice(&claims).unwrap()
}

fn forged(claims: serde_json::Value) -> String {
    format!("e30.{}.AAAA", URL_SAFE_NO_PAD.encode(claims.to_string()))
}

#[tokio::test]
async fn tokens_are_refused_with_the_reason() {
    let clock = ManualClock::new();
    let client = Client::of(builder().clock(clock.clone()).token_lifetime(secs(600))).await;
    let token = client.token().await;
    let mut claims = claims(&token);
    assert_eq!(
        (&claims["oid"], &claims["tid"]),
        (&client.cloud.object_id().into(), &client.cloud.tenant().into())
    );
    assert_eq!(claims["appid"], client.cloud.client_id());
    assert_eq!(claims["exp"], 1_767_225_600 + 600);
    let detail = async |token: &str| {
        let answer = client.get(token, READ).await;
        assert_eq!(
            answer.status_and_code(),
            (401, Some("InvalidAuthenticationInfo")),
            "{answer:?}"
        );
        assert!(answer.header("www-authenticate").is_some());
        answer.element("AuthenticationErrorDetail").unwrap().to_owned()
    };
    let expired = "Lifetime validation failed. The token is expired.";
    let (mut other_tenant, mut other_audience) = (claims.clone(), claims.clone());
    other_tenant["iss"] = "https://sts.windows.net/66666666-6666-4666-8666-666666666666/".into();
    other_audience["aud"] = "https://management.azure.com/".into();
    assert!(detail(&forged(claims.clone())).await.starts_with("Signature"));
    assert_eq!(detail("made-up").await, "The access token was missing or malformed.");
    assert_eq!(
        detail(&forged(other_tenant)).await,
        "Issuer validation failed. Issuer did not match."
    );
    assert_eq!(
        detail(&forged(other_audience)).await,
        "Audience validation failed. Audience did not match."
    );
    claims["exp"] = 1.into();
    assert_eq!(detail(&forged(claims)).await, expired);

    clock.advance(secs(599));
    assert_eq!(client.get(&token, READ).await.status_and_code(), OK);
    clock.advance(secs(1));
    assert_eq!(detail(&token).await, expired);
    let token = client.token().await;
    assert_eq!(client.get(&token, READ).await.status_and_code(), OK);
    client.cloud.expire_tokens();
    assert_eq!(detail(&token).await, expired);
    assert_eq!(client.cloud.tokens().len(), 2, "expired tokens are included");
}

#[tokio::test]
async fn a_wrong_clock_affects_the_date_header_and_the_validity_of_tokens() {
    let begins = 1_767_225_600;
    let at = |seconds: i64| {
        let time = std::time::UNIX_EPOCH + secs((begins + seconds).try_into().unwrap());
        httpdate::fmt_http_date(time)
    };
    type Set = fn(SmallCloudBuilder) -> SmallCloudBuilder;
    let rows: [(Set, i64, Option<&str>); 5] = [
        (|cloud| cloud, 0, None),
        (|cloud| cloud.clock_ahead(secs(1200)), 1200, None),
        (|cloud| cloud.clock_behind(secs(240)), -240, None),
        (|cloud| cloud.clock_ahead(secs(7200)), 7200, Some("The token is expired.")),
        (|cloud| cloud.clock_behind(secs(600)), -600, Some("The token is not yet valid.")),
    ];
    for (set, seconds, detail) in rows {
        let client = Client::of(set(builder().clock(ManualClock::new()))).await;
        let token = client.token().await;
        let answer = client.get(&token, READ).await;
        assert_eq!(answer.header("date"), Some(at(seconds).as_str()));
        let shown = answer.element("AuthenticationErrorDetail");
        let expected = detail.map(|end| format!("Lifetime validation failed. {end}"));
        assert_eq!(shown, expected.as_deref(), "{seconds}");
    }
}
