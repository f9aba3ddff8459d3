//! The responses of the small cloud have the headers and the elements that the real service has in
//! public recordings.

use azure_asset_sync::testing::{
    AnonymousAnswer, Assignment, Behavior, Fault, ManualClock, Refusal, Seed, SignInText,
    SmallCloud, SmallCloudBuilder, StorageState,
};
use azure_asset_sync::{condition::Role, store::NameOrder};
use reqwest::Method;
use serde_json::Value;

use crate::client::{Answer, Client, LIST};

const READ: &str = "smallcloud/assets/b/a.jpg";
const NONE: &str = "smallcloud/assets/none.jpg";
const BLOB_SERVICE: &str = "Windows-Azure-Blob/1.0 Microsoft-HTTPAPI/2.0";
const FRONT_END: &str = "Microsoft-HTTPAPI/2.0";

fn builder() -> SmallCloudBuilder {
    SmallCloud::builder()
        .clock(ManualClock::new())
        .blob(Seed::new("b/a.jpg", "0123456789").content_md5([7; 16]))
        .blob(Seed::new("b/old.mp4", "x").archived())
}

/// Returns whether a request ID has the form of the blob service.
fn is_request_id(id: &str) -> bool {
    let lengths: Vec<_> = id.split('-').map(str::len).collect();
    lengths == [8, 4, 4, 4, 12] && id.ends_with("000000") && id.get(14..16) == Some("00")
}

const ERROR: &str =
    "content-length content-type date server x-ms-error-code x-ms-request-id x-ms-version";
const EARLY: &str = "content-length content-type date server x-ms-error-code x-ms-request-id";
const EARLY_401: &str =
    "content-length content-type date server www-authenticate x-ms-error-code x-ms-request-id";

#[tokio::test]
async fn successful_responses_have_the_headers_of_the_service() {
    const GET: &str = "accept-ranges content-length content-md5 content-type date etag \
        last-modified server x-ms-access-tier x-ms-access-tier-inferred x-ms-blob-type \
        x-ms-creation-time x-ms-lease-state x-ms-lease-status x-ms-request-id \
        x-ms-server-encrypted x-ms-version";
    const RANGE: &str = "accept-ranges content-length content-range content-type date etag \
        last-modified server x-ms-access-tier x-ms-access-tier-inferred x-ms-blob-content-md5 \
        x-ms-blob-type x-ms-creation-time x-ms-lease-state x-ms-lease-status x-ms-request-id \
        x-ms-server-encrypted x-ms-version";
    const LISTED: &str = "content-type date server transfer-encoding x-ms-request-id x-ms-version";
    let client = Client::of(builder()).await;
    let token = client.token().await;
    let rows = [
        (Method::GET, READ, "", 200, GET),
        (Method::HEAD, READ, "", 200, GET),
        (Method::GET, READ, "bytes=0-3", 206, RANGE),
        (Method::GET, LIST, "", 200, LISTED),
        (Method::GET, "smallcloud/?comp=list", "", 200, LISTED),
    ];
    for (method, path, range, status, expected) in rows {
        let mut request = client.request(method.clone(), path).bearer_auth(&token);
        if !range.is_empty() {
            request = request.header("range", range);
        }
        let answer = client.send(request).await;
        assert_eq!((answer.status, answer.header_names().as_str()), (status, expected), "{path}");
        assert_eq!(answer.header("server"), Some(BLOB_SERVICE));
        assert_eq!(answer.header("x-ms-version"), Some("2026-04-06"));
        assert!(is_request_id(answer.header("x-ms-request-id").unwrap()), "{answer:?}");
        assert_eq!(answer.reason, None);
        if let Some(etag) = answer.header("etag") {
            assert!(etag.starts_with("\"0x") && etag.ends_with('"'), "{etag}");
        }
    }
}

#[tokio::test]
async fn refusals_have_the_headers_of_the_part_that_refuses() {
    let client = Client::of(
        builder().assignment(Assignment::new(Role::BlobDataReader).on_container("assets")),
    )
    .await;
    let token = client.token().await;
    let send = async |method: Method, path: &str, token: &str, range: &'static str| {
        let mut request = client.request(method, path);
        if !token.is_empty() {
            request = request.bearer_auth(token);
        }
        if !range.is_empty() {
            request = request.header("range", range);
        }
        client.send(request).await
    };
    let with_range = ERROR.replace("length ", "length content-range ");
    let with_challenge = ERROR.replace("server ", "server www-authenticate ");
    let bare = "date server x-ms-error-code x-ms-request-id x-ms-version";
    let early_bare = "date server www-authenticate x-ms-error-code x-ms-request-id";
    let other = "smallcloud/other?restype=container&comp=list";
    let signed = &format!("{LIST}&sig=wrong");
    let odd = "smallcloud/assets?comp=stats";
    let (get, head) = (Method::GET, Method::HEAD);
    #[rustfmt::skip]
    let rows = [
        (&get, NONE, &*token, "", 404, "BlobNotFound", BLOB_SERVICE, ERROR),
        (&head, NONE, &token, "", 404, "BlobNotFound", BLOB_SERVICE, bare),
        (&get, READ, &token, "bytes=10-", 416, "InvalidRange", BLOB_SERVICE, &with_range),
        (&get, other, &token, "", 403, "AuthorizationPermissionMismatch", BLOB_SERVICE, ERROR),
        (&get, odd, &token, "", 400, "InvalidQueryParameterValue", BLOB_SERVICE, ERROR),
        (&get, LIST, "", "", 401, "NoAuthenticationInformation", BLOB_SERVICE, &with_challenge),
        (&get, LIST, "none", "", 401, "InvalidAuthenticationInfo", FRONT_END, EARLY_401),
        (&head, READ, "none", "", 401, "InvalidAuthenticationInfo", FRONT_END, early_bare),
        (&get, signed, "", "", 403, "AuthenticationFailed", FRONT_END, EARLY),
    ];
    for (method, path, token, range, status, code, server, headers) in rows {
        let answer = send(method.clone(), path, token, range).await;
        assert_eq!(answer.status_and_code(), (status, Some(code)), "{path} {answer:?}");
        assert_eq!(answer.header_names(), headers, "{method} {path}");
        assert_eq!(answer.header("server"), Some(server), "{path}");
        let reason = answer.reason.as_deref().unwrap();
        assert!(reason.ends_with('.'), "{reason}");
        if *method == Method::GET {
            is_error_body(&answer, code, reason);
        } else {
            assert_eq!(answer.body, "");
        }
    }
    let after = send(get.clone(), READ, &token, "bytes=10-").await;
    assert_eq!(after.header("content-range"), Some("bytes */10"));
    client.cloud.set_storage_state(StorageState::Firewall);
    let walled = send(get, READ, &token, "").await;
    assert_eq!(walled.header_names(), EARLY);
    assert_eq!(walled.header("server"), Some(FRONT_END));
}

/// Asserts that a body starts with a byte order mark, and contains the message with the request ID and
/// the time in units of 100 ns.
fn is_error_body(answer: &Answer, code: &str, reason: &str) {
    let id = answer.header("x-ms-request-id").unwrap();
    let expected = format!(
        "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>{code}</Code><Message>{reason}\nRequestId:{id}\nTime:2026-01-01T00:00:00.0000000Z</Message>"
    );
    assert!(answer.body.starts_with(&expected), "{answer:?}");
    assert!(answer.body.ends_with("</Error>"), "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/xml"));
}

#[tokio::test]
async fn the_refusing_part_can_be_set_and_the_dfs_endpoint_writes_json() {
    let client = Client::of(builder()).await;
    let failure = || Refusal::new(403, "AuthorizationFailure");
    let dfs = Refusal::new(404, "PathNotFound").by_dfs_endpoint();
    for (refusal, server, headers) in [
        (failure(), FRONT_END, EARLY),
        (failure().by_blob_service(), BLOB_SERVICE, ERROR),
        (dfs, "Windows-Azure-HDFS/1.0 Microsoft-HTTPAPI/2.0", ERROR),
    ] {
        client.cloud.inject(Fault::Refuse(refusal));
        let answer = client.signed(READ).await;
        assert_eq!(answer.header("server"), Some(server));
        assert_eq!(answer.header_names(), headers);
        if answer.status == 404 {
            assert_eq!(answer.header("content-type"), Some("application/json;charset=utf-8"));
            let json: Value = serde_json::from_str(&answer.body).unwrap();
            assert_eq!(json["error"]["code"], "PathNotFound");
            let message = json["error"]["message"].as_str().unwrap();
            assert!(message.starts_with("The specified path does not exist.\nRequestId:"));
        }
    }
}

#[tokio::test]
async fn an_invalid_parameter_is_named_with_its_value() {
    let client = Client::of(builder()).await;
    let token = client.token().await;
    for (query, name, value) in [
        ("maxresults=0", "maxresults", "0"),
        ("marker=%21", "marker", "!"),
        ("startFrom=b&endBefore=B", "endBefore", "B"),
    ] {
        let answer = client.get(&token, &format!("{LIST}&{query}")).await;
        assert_eq!(answer.status, 400, "{query}");
        assert_eq!(answer.element("QueryParameterName"), Some(name), "{query}");
        assert_eq!(answer.element("QueryParameterValue"), Some(value), "{query}");
        assert!(answer.body.contains("<Reason />"), "{query}");
    }
    let request = client.request(Method::GET, LIST).header("x-ms-version", "soon");
    let answer = client.send(request.bearer_auth(&token)).await;
    assert_eq!(answer.status_and_code(), (400, Some("InvalidHeaderValue")));
    assert_eq!(answer.element("HeaderName"), Some("x-ms-version"));
    assert_eq!(answer.element("HeaderValue"), Some("soon"));
}

#[tokio::test]
async fn a_refused_signature_is_answered_with_the_string_to_sign_or_the_validity() {
    let client = Client::of(builder().container("expired-plates", [Seed::new("a.jpg", "x")])).await;
    let signature = client.cloud.signature().to_owned();
    let list = "smallcloud/expired-plates?restype=container&comp=list";
    let rows = [
        (
            format!("{list}&sv=2026-04-06&sr=c&sp=rl&se=2026-01-02T00:00:00Z&sig=wrong"),
            "Signature did not match. String to sign used was rl\n\n2026-01-02T00:00:00Z\n/blob/smallcloud/expired-plates\n\n\n\n2026-04-06\nc\n\n\n\n\n\n\n",
        ),
        (
            format!("{LIST}&st=2026-01-01T00:00:01Z&se=2026-01-02T00:00:00Z&sig={signature}"),
            "Signature not valid in the specified time frame: Start [Thu, 01 Jan 2026 00:00:01 GMT] - Expiry [Fri, 02 Jan 2026 00:00:00 GMT] - Current [Thu, 01 Jan 2026 00:00:00 GMT]",
        ),
        (
            format!("{LIST}&st=2025-12-30T00:00:00Z&se=2025-12-31T00:00:00Z&sig={signature}"),
            "Signature not valid in the specified time frame: Start [Tue, 30 Dec 2025 00:00:00 GMT] - Expiry [Wed, 31 Dec 2025 00:00:00 GMT] - Current [Thu, 01 Jan 2026 00:00:00 GMT]",
        ),
        (
            format!("{LIST}&se=2025-12-31T00:00:00Z&sig={signature}"),
            "Signed expiry time [Wed, 31 Dec 2025 00:00:00 GMT] must be after signed start time [Thu, 01 Jan 2026 00:00:00 GMT]",
        ),
    ];
    for (path, detail) in rows {
        let answer = client.send(client.request(Method::GET, &path)).await;
        assert_eq!(answer.status_and_code(), (403, Some("AuthenticationFailed")));
        assert_eq!(answer.element("AuthenticationErrorDetail"), Some(detail));
        assert_eq!(answer.header("www-authenticate"), None);
    }
}

#[tokio::test]
async fn the_response_to_an_anonymous_request_depends_on_the_version_and_the_account() {
    use AnonymousAnswer::{Challenge, PublicAccessNotPermitted, ResourceNotFound};
    let (challenge, absent, forbidden) = (
        (401, Some("NoAuthenticationInformation")),
        (404, Some("ResourceNotFound")),
        (409, Some("PublicAccessNotPermitted")),
    );
    // A list and a read, with a new version and with an old one.
    for (anonymous, expected) in [
        (Challenge, [challenge, challenge, absent, absent]),
        (PublicAccessNotPermitted, [forbidden; 4]),
        (ResourceNotFound, [challenge, absent, absent, absent]),
    ] {
        let mut behavior = Behavior::default();
        behavior.anonymous = anonymous;
        let client = Client::of(builder().behavior(behavior)).await;
        let mut shown = Vec::new();
        for version in ["2026-04-06", "2019-02-02"] {
            for path in [LIST, READ] {
                let request = client.request(Method::GET, path).header("x-ms-version", version);
                let answer = client.send(request).await;
                assert_eq!(answer.header("www-authenticate").is_some(), answer.status == 401);
                shown.push((answer.status, answer.header("x-ms-error-code").map(str::to_owned)));
            }
        }
        let expected = expected.map(|(status, code)| (status, code.map(str::to_owned)));
        assert_eq!(shown, expected, "{anonymous:?}");
        // An invalid token is always answered with a challenge.
        let wrong = client.get("none", LIST).await;
        assert_eq!(wrong.status_and_code(), (401, Some("InvalidAuthenticationInfo")));
        assert!(wrong.header("www-authenticate").is_some());
    }
}

/// Returns the names of the elements in document order, without the entries of metadata.
fn tags(xml: &str) -> Vec<String> {
    let document = roxmltree::Document::parse(xml.trim_start_matches('\u{feff}')).unwrap();
    let elements = document.descendants().filter(roxmltree::Node::is_element);
    elements.map(|node| node.tag_name().name().to_owned()).collect()
}

const PROPERTIES: &str = "Properties Creation-Time Last-Modified Etag Content-Length \
    Content-Type Content-Encoding Content-Language Content-CRC64 Content-MD5 Cache-Control \
    Content-Disposition BlobType AccessTier AccessTierInferred LeaseStatus LeaseState \
    ServerEncrypted";

#[tokio::test]
async fn lists_have_the_elements_of_the_service_in_its_order() {
    let blob = |name: &str| {
        Seed::new(name, "x")
            .content_encoding("gzip")
            .content_language("de")
            .content_md5([7; 16])
            .cache_control("max-age=60")
            .content_disposition("inline")
    };
    let flat = || SmallCloud::builder().blob(blob("a.jpg"));
    let list = async |builder: SmallCloudBuilder, query: &str| {
        let client = Client::of(builder).await;
        let answer = client.signed(&format!("{LIST}&{query}")).await;
        assert!(answer.body.starts_with("\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?><Enum"));
        answer.body
    };
    let hierarchical = || {
        let mut behavior = Behavior::default();
        behavior.order = NameOrder::Segments;
        SmallCloud::builder().behavior(behavior).blob(Seed::new("d/a.jpg", "x"))
    };
    let typed = PROPERTIES.replace("Etag", "Etag ResourceType");
    let archived = PROPERTIES.replace("AccessTierInferred", "AccessTierChangeTime");
    let rows = [
        (list(flat(), "").await, format!("Blobs Blob Name {PROPERTIES} OrMetadata NextMarker")),
        (list(flat(), "prefix=x").await, "Prefix Blobs NextMarker".to_owned()),
        (
            list(flat(), "maxresults=9&delimiter=%2F&prefix=a").await,
            format!(
                "Prefix MaxResults Delimiter Blobs Blob Name {PROPERTIES} OrMetadata NextMarker"
            ),
        ),
        (
            list(flat().versioned(), "").await,
            format!(
                "Blobs Blob Name VersionId IsCurrentVersion {PROPERTIES} OrMetadata NextMarker"
            ),
        ),
        (
            list(flat(), "include=metadata").await,
            format!("Blobs Blob Name {PROPERTIES} Metadata OrMetadata NextMarker"),
        ),
        (
            list(flat().blob(blob("a.jpg").tags(2).metadata("k", "v")), "include=metadata").await,
            format!("Blobs Blob Name {PROPERTIES} TagCount Metadata k OrMetadata NextMarker"),
        ),
        (
            list(SmallCloud::builder().blob(blob("a").archived()), "").await,
            format!("Blobs Blob Name {archived} OrMetadata NextMarker"),
        ),
        (
            list(hierarchical(), "").await,
            format!("Blobs Blob Name {typed} OrMetadata Blob Name {typed} OrMetadata NextMarker"),
        ),
        (
            list(hierarchical(), "delimiter=%2F").await,
            format!("Delimiter Blobs BlobPrefix Name {typed} NextMarker"),
        ),
    ];
    for (body, expected) in rows {
        assert_eq!(tags(&body).join(" "), format!("EnumerationResults {expected}"), "{body}");
    }
    let empty = list(SmallCloud::builder(), "").await;
    assert!(empty.ends_with("\"><Blobs /><NextMarker /></EnumerationResults>"), "{empty}");
    let blobs = list(flat(), "").await;
    assert!(blobs.contains("<Content-CRC64 />") && blobs.contains("<Etag>0x"), "{blobs}");
    let directories = list(hierarchical(), "include=metadata").await;
    assert!(directories.contains("<ResourceType>directory</ResourceType>"), "{directories}");
    assert!(directories.contains("<hdi_isfolder>true</hdi_isfolder>"), "{directories}");
}

#[tokio::test]
async fn names_and_markers_are_encoded_as_the_service_encodes_them() {
    let names = ["a \"b\" & <c>'.jpg", "x/100%-\u{fffe}_~.txt", "z.jpg"];
    let seeds = names.map(|name| Seed::new(name, "x"));
    let client = Client::of(SmallCloud::builder().blobs(seeds)).await;
    let page = client.signed(&format!("{LIST}&maxresults=2")).await;
    assert!(page.body.contains("<Name>a \"b\" &amp; &lt;c&gt;'.jpg</Name>"), "{}", page.body);
    let encoded = "<Name Encoded=\"true\">x%2F100%25-%EF%BF%BE_~.txt</Name>";
    assert!(page.body.contains(encoded), "{}", page.body);
    let marker = page.element("NextMarker").unwrap();
    let (length, text) = marker.strip_prefix("2!").unwrap().split_once('!').unwrap();
    assert_eq!(length.parse(), Ok(text.len()));
    assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_*".contains(&byte)));
    let next = client.signed(&format!("{LIST}&marker={marker}")).await;
    assert_eq!(next.element("Marker"), Some(marker));
    assert_eq!(next.element("Name"), Some("z.jpg"));
}

#[tokio::test]
async fn sign_ins_are_refused_with_the_fields_and_headers_of_the_authority() {
    const HEADERS: &str = "cache-control content-length content-type date \
        strict-transport-security x-content-type-options x-ms-clitelem x-ms-request-id";
    for text in SignInText::ALL {
        let mut behavior = Behavior::default();
        behavior.sign_in_text = *text;
        let client = Client::of(builder().behavior(behavior)).await;
        let cloud = &client.cloud;
        let zero = "00000000-0000-0000-0000-000000000000";
        let other = "66666666-6666-4666-8666-666666666666";
        let (id, secret) = (cloud.client_id(), cloud.secret());
        let rows = [
            (zero, id, secret, 400, "invalid_request", 900_021),
            ("undefined", id, secret, 400, "invalid_request", 900_023),
            (other, id, secret, 400, "invalid_tenant", 90_002),
            (cloud.tenant(), other, secret, 400, "unauthorized_client", 700_016),
            (cloud.tenant(), id, "", 401, "invalid_client", 7_000_216),
            (cloud.tenant(), id, "wrong", 401, "invalid_client", 7_000_215),
            (cloud.tenant(), id, secret, 400, "invalid_scope", 1_002_012),
        ];
        for (tenant, client_id, secret, status, error, number) in rows {
            let body = format!("client_id={client_id}&client_secret={secret}&scope=x");
            let path = format!("{tenant}/oauth2/v2.0/token");
            let request = client.request(Method::POST, &path).body(body);
            let answer = client.send(request.header("client-request-id", other)).await;
            assert_eq!((answer.status, answer.header_names().as_str()), (status, HEADERS));
            let json: Value = serde_json::from_str(&answer.body).unwrap();
            assert_eq!(json["error"], error);
            assert_eq!(json["error_codes"], serde_json::json!([number]));
            assert_eq!(json["correlation_id"], other);
            assert_eq!(json["timestamp"], "2026-01-01 00:00:00Z");
            let uri = format!("https://login.microsoftonline.com/error?code={number}");
            assert_eq!(json["error_uri"], uri);
            assert_eq!(answer.header("x-ms-clitelem"), Some(&*format!("1,{number},0,,")));
            let between = if *text == SignInText::Lines { "\r\n" } else { " " };
            let end = format!(
                "{between}Trace ID: {}{between}Correlation ID: {other}{between}Timestamp: 2026-01-01 00:00:00Z",
                json["trace_id"].as_str().unwrap()
            );
            let description = json["error_description"].as_str().unwrap();
            assert!(description.starts_with(&format!("AADSTS{number}: ")), "{description}");
            assert!(description.ends_with(&end), "{description}");
        }
    }
}
