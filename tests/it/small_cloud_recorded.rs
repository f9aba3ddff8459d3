//! The responses of the small cloud agree with recorded responses of the real service.
//!
//! The recordings are not part of the project: the tests read the file that `RECORDINGS` names, or a
//! file next to the project. Without either, the tests print a notice and check nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
};

use azure_asset_sync::{
    store::NameOrder,
    testing::{
        Behavior, CorsRule, Fault, Refusal, Seed, SignInRefusal, SmallCloud, SmallCloudBuilder,
    },
};
use reqwest::Method;
use serde::Deserialize;
use serde_json::Value;

use crate::client::{Answer, Client, LIST};

const READ: &str = "smallcloud/assets/a.jpg";

#[derive(Deserialize)]
struct Recording {
    id: String,
    kind: String,
    method: String,
    status: u16,
    headers: BTreeMap<String, String>,
    body: String,
}

impl Recording {
    fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    fn header_names(&self) -> BTreeSet<String> {
        self.headers.keys().map(|name| name.to_ascii_lowercase()).collect()
    }
}

/// Returns the recordings of these kinds.
fn recorded(kinds: &[&str]) -> Vec<Recording> {
    let given = env::var_os("RECORDINGS").unwrap_or_else(|| {
        concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/recordings/recordings.jsonl").into()
    });
    let Ok(text) = fs::read_to_string(&given) else {
        println!("NOT CHECKED: no recordings of the real service; set RECORDINGS=<file>");
        return Vec::new();
    };
    let all = text.lines().map(|line| serde_json::from_str::<Recording>(line).unwrap());
    let found: Vec<_> = all.filter(|one| kinds.contains(&&*one.kind)).collect();
    assert!(!found.is_empty(), "{}: nothing of {kinds:?}", given.display());
    found
}

/// Returns whether a header depends on the service. The recording tool has omitted some others.
fn is_of_the_answer(name: &str) -> bool {
    let others = ["connection", "keep-alive", "vary", "content-length", "date"];
    !others.contains(&name) && !name.starts_with("access-control-")
}

fn header_names(answer: &Answer) -> BTreeSet<String> {
    answer
        .headers
        .keys()
        .map(|name| name.as_str().to_owned())
        .filter(|name| is_of_the_answer(name))
        .collect()
}

async fn cloud(order: NameOrder) -> Client {
    let mut behavior = Behavior::default();
    behavior.order = order;
    let rule = CorsRule::new("*").methods(["GET", "HEAD"]).exposed_headers(["*"]);
    let seed = Seed::new("d/a.jpg", "x").metadata("k", "v").tags(2);
    let builder: SmallCloudBuilder = SmallCloud::builder().behavior(behavior).cors(rule);
    Client::of(builder.blob(seed).blob(Seed::new("a.jpg", "0123456789")).versioned()).await
}

/// Returns the children of each `Blob`, with the children of `Properties` in its place.
fn order_of_elements(xml: &str) -> Vec<Vec<String>> {
    let document = roxmltree::Document::parse(xml.trim_start_matches('\u{feff}')).unwrap();
    let is_blob = |node: &roxmltree::Node<'_, '_>| {
        node.has_tag_name("Blob") || node.has_tag_name("BlobPrefix")
    };
    let mut all = vec![];
    let root = document.root_element();
    all.push(root.children().map(|node| node.tag_name().name().to_owned()).collect());
    for blob in document.descendants().filter(is_blob) {
        let mut names = Vec::new();
        for child in blob.children().filter(roxmltree::Node::is_element) {
            names.push(child.tag_name().name().to_owned());
            if child.has_tag_name("Properties") {
                let inner = child.children().filter(roxmltree::Node::is_element);
                names.extend(inner.map(|node| node.tag_name().name().to_owned()));
            }
        }
        all.push(names);
    }
    all
}

#[tokio::test]
async fn lists_have_recorded_headers_and_elements_in_recorded_order() {
    let mut ours = Vec::new();
    for order in [NameOrder::Utf16, NameOrder::Segments] {
        let client = cloud(order).await;
        for query in ["", "delimiter=%2F", "maxresults=1&prefix=a&include=metadata"] {
            ours.push(client.signed(&format!("{LIST}&{query}")).await);
        }
    }
    let orders: Vec<_> = ours.iter().flat_map(|list| order_of_elements(&list.body)).collect();
    for recording in recorded(&["list"]) {
        let names: BTreeSet<_> =
            recording.header_names().into_iter().filter(|name| is_of_the_answer(name)).collect();
        assert_eq!(header_names(&ours[0]), names, "{}", recording.id);
        for name in ["content-type", "server", "transfer-encoding"] {
            assert_eq!(ours[0].header(name), recording.header(name), "{}: {name}", recording.id);
        }
        // Elements that both have must be in the same order.
        for theirs in order_of_elements(&recording.body) {
            for ours in &orders {
                let common = |a: &[String], b: &[String]| {
                    a.iter().filter(|name| b.contains(name)).cloned().collect::<Vec<_>>()
                };
                assert_eq!(common(ours, &theirs), common(&theirs, ours), "{}", recording.id);
            }
        }
    }
}

#[tokio::test]
async fn reads_have_recorded_headers() {
    let client = cloud(NameOrder::Utf16).await;
    for recording in recorded(&["read"]) {
        let method: Method = recording.method.parse().unwrap();
        let path = format!("{READ}?sig={}", client.cloud.signature());
        let mut request = client.request(method, &path);
        if recording.status == 206 {
            request = request.header("range", "bytes=0-3");
        }
        let ours = client.send(request).await;
        let names = recording.header_names();
        // Headers that every recorded read has; most of the others depend on the blob.
        for name in header_names(&ours).difference(&names) {
            let of_the_blob = [
                "accept-ranges",
                "content-range",
                "content-type",
                "x-ms-access-tier",
                "x-ms-access-tier-inferred",
                "x-ms-creation-time",
                "x-ms-is-current-version",
                "x-ms-lease-state",
                "x-ms-lease-status",
                "x-ms-server-encrypted",
                "x-ms-version-id",
            ];
            assert!(of_the_blob.contains(&name.as_str()), "{}: {name}", recording.id);
        }
        for name in ["server", "accept-ranges", "x-ms-lease-status"] {
            let theirs = recording.header(name).filter(|theirs| *theirs != "locked");
            assert!(theirs.is_none() || ours.header(name) == theirs, "{}: {name}", recording.id);
        }
    }
}

/// Returns whether a response differs from the other recorded responses with its code.
fn is_odd(recording: &Recording) -> bool {
    // The headers belong to another response, or the version of the request is unknown.
    ["iss-503-busy", "iss-409-public"].contains(&recording.id.as_str())
        // Services before 2018 sent no code in the header.
        || recording.header("x-ms-error-code").is_none()
        || recording.status == 304
}

#[tokio::test]
async fn errors_have_recorded_headers_messages_and_elements() {
    let client = cloud(NameOrder::Utf16).await;
    let mut messages = 0;
    for recording in recorded(&["error", "challenge"]).into_iter().filter(|one| !is_odd(one)) {
        let id = &recording.id;
        let code = recording.header("x-ms-error-code").unwrap();
        let is_json = recording.header("content-type").is_some_and(|kind| kind.contains("json"));
        let is_hdfs = recording.header("server").is_some_and(|server| server.contains("HDFS"));
        let mut refusal = Refusal::new(recording.status, code);
        if is_hdfs {
            refusal = refusal.by_dfs_endpoint();
        } else if code == "AuthorizationFailure" && recording.header("x-ms-version").is_some() {
            refusal = refusal.by_blob_service();
        }
        client.cloud.inject(Fault::Refuse(refusal));
        let method = if recording.method == "HEAD" { Method::HEAD } else { Method::GET };
        let path = format!("{READ}?sig={}", client.cloud.signature());
        let request = client.request(method, &path).header("origin", "https://a.test");
        let ours = client.send(request).await;
        // A HEAD does not say how its body would be sent, and only a read has the size of a range.
        let skipped = ["transfer-encoding", "content-range", "x-ms-existing-resource-type"];
        let names = recording.header_names().into_iter().filter(|name| is_of_the_answer(name));
        let names: BTreeSet<_> = names.filter(|name| !skipped.contains(&name.as_str())).collect();
        assert_eq!(header_names(&ours), names, "{id} {code}");
        assert_eq!(ours.header("server"), recording.header("server"), "{id} {code}");
        assert_eq!(ours.header("content-type"), recording.header("content-type"), "{id} {code}");
        if let Some(theirs) = recording.header("access-control-expose-headers") {
            let set = |list: &str| {
                let optional = ["x-ms-client-request-id", "Content-Length", "Date"];
                let optional = [&optional[..], &["Transfer-Encoding"]].concat();
                let names = list.split(',').filter(|name| !optional.contains(name));
                names.map(str::to_owned).collect::<BTreeSet<_>>()
            };
            let ours = ours.header("access-control-expose-headers").unwrap();
            assert_eq!(set(ours), set(theirs), "{id} {code}");
        }
        if recording.body.is_empty() || is_json {
            continue;
        }
        let theirs = roxmltree::Document::parse(recording.body.trim_start_matches('\u{feff}'));
        let theirs = theirs.unwrap();
        let message = theirs.descendants().find(|node| node.has_tag_name("Message")).unwrap();
        let message = message.text().unwrap().split('\n').next().unwrap();
        // The small cloud uses the code as the message if it does not know the message.
        if ours.message() != code {
            messages += 1;
            assert_eq!(ours.message(), message, "{id} {code}");
            assert_eq!(ours.reason.as_deref(), Some(message), "{id} {code}");
        }
        if let Some(challenge) = recording.header("www-authenticate") {
            let (start, _) = challenge.split_once("login.microsoftonline.com/").unwrap();
            let (_, end) = challenge.split_once("/oauth2").unwrap();
            let ours = ours.header("www-authenticate").unwrap();
            assert!(ours.starts_with(start) && ours.ends_with(end), "{ours} beside {challenge}");
        }
    }
    println!("{messages} messages compared");
}

#[tokio::test]
async fn sign_in_errors_have_recorded_fields_and_headers() {
    let client = cloud(NameOrder::Utf16).await;
    for recording in recorded(&["token"]) {
        let theirs: Value = serde_json::from_str(&recording.body).unwrap();
        let number = theirs["error_codes"][0].as_u64().unwrap().try_into().unwrap();
        let error = theirs["error"].as_str().unwrap();
        client.cloud.inject_sign_in(SignInRefusal::new(recording.status, error, number, "A text."));
        let ours = client.sign_in().await;
        let names: BTreeSet<_> =
            recording.header_names().into_iter().filter(|name| is_of_the_answer(name)).collect();
        assert_eq!(header_names(&ours), names, "{}", recording.id);
        for name in ["cache-control", "content-type", "strict-transport-security"] {
            assert_eq!(ours.header(name), recording.header(name), "{}: {name}", recording.id);
        }
        let ours: Value = serde_json::from_str(&ours.body).unwrap();
        // Only some causes have claims and a second error; the oldest recordings have fewer fields.
        let fields = |json: &Value| {
            let own = json.as_object().unwrap().keys();
            own.filter(|name| !["claims", "suberror"].contains(&name.as_str()))
                .cloned()
                .collect::<BTreeSet<_>>()
        };
        assert!(fields(&theirs).is_subset(&fields(&ours)), "{}", recording.id);
        assert_eq!(ours["error"], theirs["error"]);
    }
}
