//! A scan finds the same blobs, and a probe reaches the same verdict, under every behavior of the small
//! cloud. The behaviors cover what is unknown about the real service.

use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
};

use azure_asset_sync::{
    Probe, Scan, Verdict,
    probe::{Cause, Check, Outcome},
    store::{NameOrder, Page},
    testing::{Behavior, CorsRule, MisplacedStart, ReversedRange, Seed, SmallCloud, StartFrom},
};
use fastrand::Rng;
use futures::TryStreamExt as _;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::client::{Client, LIST};

/// Names that the orders sort differently, or that contain a combining mark or a modifier.
const NAMES: &[&str] = &[
    "B.jpg",
    "^.jpg",
    "`b.jpg",
    "a-b.jpg",
    "a.jpg",
    "a/1.jpg",
    "a/\u{301}2.jpg",
    "a/\u{ff08}.jpg",
    "a/\u{1f600}.jpg",
    "a0.jpg",
    "b.jpg",
    "e\u{301}.jpg",
    "\u{a8}.jpg",
    "\u{300}x.jpg",
    "\u{e000}.jpg",
    "\u{ff83}/1.jpg",
    "\u{ff83}/\u{2b0}.jpg",
    "\u{1f600}.jpg",
    "\u{20bb7}/1.jpg",
];

fn seeds() -> impl Iterator<Item = Seed> {
    NAMES.iter().map(|name| Seed::new(*name, "x"))
}

/// Returns the behaviors that differ in listings.
fn listings() -> impl Iterator<Item = Behavior> {
    let mut seen = HashSet::new();
    Behavior::all().filter(move |behavior| {
        let Behavior { order, start_from, misplaced_start, reversed_range, .. } = *behavior;
        seen.insert((order, start_from, misplaced_start, reversed_range))
    })
}

/// Returns the behaviors that differ in other responses.
fn answers() -> impl Iterator<Item = Behavior> {
    let mut seen = HashSet::new();
    Behavior::all().filter(move |behavior| {
        let Behavior { anonymous, preflight, sign_in_text, .. } = *behavior;
        seen.insert((anonymous, preflight, sign_in_text))
    })
}

#[test]
fn each_combination_exists_once() {
    let all: Vec<_> = Behavior::all().collect();
    assert_eq!(all.len(), all.iter().collect::<HashSet<_>>().len());
    assert_eq!(all[0], Behavior::default(), "the default is the first");
    assert_eq!((listings().count(), answers().count()), (5 * 3 * 2 * 3, 3 * 2 * 2));
}

#[tokio::test]
async fn a_scan_finds_the_same_blobs_under_all_behaviors() {
    for behavior in listings() {
        let cloud = SmallCloud::builder().blobs(seeds()).behavior(behavior).start().await.unwrap();
        let connection = cloud.connection().build().unwrap();
        let store = Arc::new(cloud.store(&connection).unwrap());
        for (prefix, in_flight) in
            ["", "a", "a/", "\u{ff83}/"].into_iter().flat_map(|p| [(p, 1), (p, 4)])
        {
            let scan = Scan::new(Arc::clone(&store), &prefix.parse().unwrap())
                .page_size(3.try_into().unwrap())
                .in_flight(in_flight);
            let verdicts: Vec<_> = scan.verdicts().try_collect().await.unwrap();
            let accepted = verdicts.iter().filter(|verdict| matches!(verdict, Verdict::Accept(_)));
            let names: Vec<_> = accepted.filter_map(Verdict::name).collect();
            let set: BTreeSet<_> = names.iter().copied().collect();
            assert_eq!(set.len(), names.len(), "{behavior:?}: a name is repeated");
            let expected: BTreeSet<_> =
                NAMES.iter().copied().filter(|name| name.starts_with(prefix)).collect();
            assert_eq!(set, expected, "{behavior:?}, prefix {prefix:?}, {in_flight} in flight");
        }
    }
}

#[tokio::test]
async fn a_probe_reaches_the_same_verdict_under_all_behaviors() {
    const ORIGIN: &str = "https://vision.example";
    for behavior in answers() {
        let rule = CorsRule::new(ORIGIN)
            .methods(["GET", "HEAD", "OPTIONS"])
            .allowed_headers(["Range", "x-ms-*"])
            .exposed_headers(["Content-Range"]);
        let cloud = SmallCloud::builder()
            .blobs(seeds())
            .behavior(behavior)
            .cors(rule)
            .start()
            .await
            .unwrap();
        let connection = cloud.connection().build().unwrap();
        let run = async || {
            let probe = Probe::new(&connection, cloud.store(&connection).unwrap());
            probe.origin(ORIGIN).unwrap().view_links().run().await
        };
        let health = run().await;
        assert!(health.is_ready() && health.warnings().next().is_none(), "{behavior:?}\n{health}");
        assert_eq!(health.tenant.as_deref(), Some(cloud.tenant()), "{behavior:?}");
        assert_eq!(health.public, Some(false), "{behavior:?}");
        let preflight = health.check(Check::Preflight).unwrap();
        assert_eq!(preflight.outcome, Outcome::Passed, "{behavior:?}");

        cloud.refuse_sign_in(401, "invalid_client", 7_000_222, "The keys are expired.");
        let health = run().await;
        assert_eq!(health.diagnosis.unwrap().cause, Cause::SecretExpired, "{behavior:?}");
    }
}

async fn names(client: &Client, query: &str) -> Vec<String> {
    let page = client.signed(&format!("{LIST}&{query}")).await;
    assert_eq!(page.status, 200, "{query}");
    let page = Page::from_xml(page.body.as_bytes()).unwrap();
    page.blobs.into_iter().filter(|blob| !blob.is_directory).map(|blob| blob.name).collect()
}

#[tokio::test]
async fn names_are_listed_in_the_order_of_the_account() {
    let names_of =
        ["d-2/\u{ff08}", "d/\u{1f600}", "d/\u{ff08}", "d/a", "d0", "\u{1f600}", "\u{e000}"];
    let rows: [(NameOrder, [&str; 7]); 4] = [
        (
            NameOrder::Utf16,
            ["d-2/\u{ff08}", "d/a", "d/\u{1f600}", "d/\u{ff08}", "d0", "\u{1f600}", "\u{e000}"],
        ),
        (
            NameOrder::Bytes,
            ["d-2/\u{ff08}", "d/a", "d/\u{ff08}", "d/\u{1f600}", "d0", "\u{e000}", "\u{1f600}"],
        ),
        (
            NameOrder::Segments,
            ["d/a", "d/\u{ff08}", "d/\u{1f600}", "d-2/\u{ff08}", "d0", "\u{e000}", "\u{1f600}"],
        ),
        (
            NameOrder::SegmentsUtf16,
            ["d/a", "d/\u{1f600}", "d/\u{ff08}", "d-2/\u{ff08}", "d0", "\u{1f600}", "\u{e000}"],
        ),
    ];
    let cloud = async |order: NameOrder| {
        let mut behavior = Behavior::default();
        behavior.order = order;
        let seeds = names_of.map(|name| Seed::new(name, "x"));
        Client::of(SmallCloud::builder().blobs(seeds).behavior(behavior)).await
    };
    for (order, expected) in rows {
        let client = cloud(order).await;
        assert_eq!(names(&client, "").await, expected, "{order:?}");
        // A listing continues in its order, from any name and from any page.
        let (mut paged, mut marker) = (Vec::new(), String::new());
        loop {
            let query = format!("{LIST}&maxresults=1&marker={marker}");
            let page = client.signed(&query).await;
            let page = Page::from_xml(page.body.as_bytes()).unwrap();
            paged.extend(page.blobs.into_iter().filter(|b| !b.is_directory).map(|b| b.name));
            match page.next {
                Some(next) => next.as_str().clone_into(&mut marker),
                None => break,
            }
        }
        assert_eq!(paged, expected, "{order:?}");
    }
    let client = cloud(NameOrder::Unsorted).await;
    let unsorted = names(&client, "").await;
    assert_eq!(unsorted, names(&client, "").await, "the order is the same each time");
    let set = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(unsorted.into_iter().collect::<BTreeSet<_>>(), set(&names_of));
    let folder = names(&client, "prefix=d%2F").await;
    assert_eq!(folder.into_iter().collect::<BTreeSet<_>>(), set(&names_of[1..4]));
}

/// Returns names with characters of all planes. Many share a prefix.
fn random_names(rng: &mut Rng) -> BTreeSet<String> {
    let pieces = ["a", "B", "-", "/", "\u{301}", "\u{d7ff}", "\u{e000}", "\u{ffee}", "\u{10000}"];
    let name = |rng: &mut Rng| {
        let length = rng.usize(1..6);
        let text: String = (0..length).map(|_| *rng.choice(&pieces).unwrap()).collect();
        // Removes empty segments, which hierarchical accounts cannot store.
        text.split('/').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/")
    };
    let names: BTreeSet<_> = (0..60).map(|_| name(rng)).filter(|name| !name.is_empty()).collect();
    let is_folder = |name: &str| names.iter().any(|other| other.starts_with(&format!("{name}/")));
    names.iter().filter(|name| !is_folder(name)).cloned().collect()
}

#[tokio::test]
async fn random_names_are_listed_in_every_order_from_every_name() {
    let mut rng = Rng::with_seed(7);
    for round in 0..10 {
        let all = random_names(&mut rng);
        for order in Behavior::all().map(|behavior| behavior.order).collect::<HashSet<_>>() {
            let mut behavior = Behavior::default();
            behavior.order = order;
            let seeds = all.iter().map(|name| Seed::new(name, "x"));
            let client = Client::of(SmallCloud::builder().blobs(seeds).behavior(behavior)).await;
            let mut expected: Vec<_> = all.iter().cloned().collect();
            expected.sort_by(|a, b| order.compare(a, b));
            let mut listed = names(&client, "").await;
            if order == NameOrder::Unsorted {
                listed.sort();
            }
            assert_eq!(listed, expected, "{order:?}, round {round}");
            // A listing starts at the name, unless the name begins with a combining mark.
            let start = rng.choice(&expected).unwrap();
            if !start.starts_with('\u{301}') {
                let query = utf8_percent_encode(start, NON_ALPHANUMERIC);
                let mut listed = names(&client, &format!("startFrom={query}")).await;
                if order == NameOrder::Unsorted {
                    listed.sort();
                }
                let at = expected.iter().position(|name| name == start).unwrap();
                assert_eq!(listed, expected[at..], "{order:?}, round {round} from {start:?}");
            }
        }
    }
}

#[tokio::test]
async fn the_bounds_of_a_listing_are_those_of_the_service() {
    use MisplacedStart::{Earlier, Later};
    use StartFrom::{Exclusive, Ignored, Inclusive};
    // In UTF-16: B ^ `b a-b a. a/1 a0 b e' ...
    let few = ["B", "^x", "`b", "a", "a/^1", "a/`2", "a/b", "b"];
    let rows: &[(StartFrom, MisplacedStart, &str, &[&str])] = &[
        (Inclusive, Later, "startFrom=a", &["a", "a/^1", "a/`2", "a/b", "b"]),
        (Exclusive, Later, "startFrom=a", &["a/^1", "a/`2", "a/b", "b"]),
        (Ignored, Later, "startFrom=a", &few),
        (Inclusive, Later, "startFrom=a&endBefore=b", &["a", "a/^1", "a/`2", "a/b"]),
        (Inclusive, Later, "endBefore=a", &["B", "^x", "`b"]),
        (Ignored, Later, "startFrom=a&endBefore=A", &few),
        // ^ and ` are modifiers: a listing that starts with one starts at a wrong place.
        (Inclusive, Later, "startFrom=%5E", &["`b", "a", "a/^1", "a/`2", "a/b", "b"]),
        (Inclusive, Earlier, "startFrom=%60", &few),
        (Exclusive, Earlier, "startFrom=%60", &few),
        (Inclusive, Later, "prefix=a%2F&startFrom=a%2F%5E1", &["a/`2", "a/b"]),
        (Inclusive, Earlier, "prefix=a%2F&startFrom=a%2F%60", &["a/^1", "a/`2", "a/b"]),
        // The start is right if the modifier is not the first character after the prefix.
        (Inclusive, Later, "startFrom=a%2F%60", &["a/`2", "a/b", "b"]),
    ];
    for (start_from, misplaced_start, query, expected) in rows {
        let mut behavior = Behavior::default();
        behavior.start_from = *start_from;
        behavior.misplaced_start = *misplaced_start;
        let seeds = few.map(|name| Seed::new(name, "x"));
        let client = Client::of(SmallCloud::builder().blobs(seeds).behavior(behavior)).await;
        assert_eq!(names(&client, query).await, *expected, "{behavior:?} {query}");
    }
    // The two bounds are compared without regard to case.
    for (reversed_range, code) in [
        (ReversedRange::InvalidQueryParameterValue, "InvalidQueryParameterValue"),
        (ReversedRange::OutOfRangeQueryParameterValue, "OutOfRangeQueryParameterValue"),
        (ReversedRange::InvalidInput, "InvalidInput"),
    ] {
        let mut behavior = Behavior::default();
        behavior.reversed_range = reversed_range;
        let client = Client::of(SmallCloud::builder().behavior(behavior)).await;
        for query in
            ["startFrom=b&endBefore=B", "startFrom=B&endBefore=b", "startFrom=Z&endBefore=a"]
        {
            let answer = client.signed(&format!("{LIST}&{query}")).await;
            assert_eq!(answer.status_and_code(), (400, Some(code)), "{query}");
        }
        assert_eq!(names(&client, "startFrom=Z&endBefore=zz").await, [""; 0]);
    }
}

#[tokio::test]
async fn a_hierarchical_account_lists_each_directory_once_and_groups_by_it() {
    for order in [NameOrder::Segments, NameOrder::SegmentsUtf16] {
        let mut behavior = Behavior::default();
        behavior.order = order;
        let seeds = ["a.jpg", "d/e/1.jpg", "d/e/2.jpg", "d-2.jpg"].map(|n| Seed::new(n, "x"));
        let cloud =
            SmallCloud::builder().behavior(behavior).blobs(seeds).blob(Seed::directory("empty"));
        let client = Client::of(cloud).await;
        client.cloud.put(Seed::new("d/f/3.jpg", "x"));
        let page = client.signed(LIST).await;
        let page = Page::from_xml(page.body.as_bytes()).unwrap();
        let listed: Vec<_> = page.blobs.iter().map(|b| (b.name.as_str(), b.is_directory)).collect();
        let expected = [
            ("a.jpg", false),
            ("d", true),
            ("d/e", true),
            ("d/e/1.jpg", false),
            ("d/e/2.jpg", false),
            ("d/f", true),
            ("d/f/3.jpg", false),
            ("d-2.jpg", false),
            ("empty", true),
        ];
        assert_eq!(listed, expected, "{order:?}");
        let page = client.signed(&format!("{LIST}&delimiter=%2F")).await;
        let page = Page::from_xml(page.body.as_bytes()).unwrap();
        assert_eq!(page.prefixes, ["d/", "empty/"], "{order:?}");
        let blobs: Vec<_> = page.blobs.iter().map(|blob| blob.name.as_str()).collect();
        assert_eq!(blobs, ["a.jpg", "d-2.jpg"], "{order:?}");
        let token = client.token().await;
        let directory = client.get(&token, "smallcloud/assets/d").await;
        assert_eq!(directory.header("x-ms-resource-type"), Some("directory"));
        assert_eq!(directory.header("x-ms-meta-hdi_isfolder"), Some("true"));
    }
}

#[tokio::test]
async fn elements_that_a_seed_adds_have_the_position_of_the_service() {
    let seed = Seed::new("a.jpg", "x")
        .listed("Deleted", "true")
        .listed("CustomerProvidedKeySha256", "a2V5")
        .listed("HasVersionsOnly", "true")
        .listed("ArchiveStatus", "rehydrate-pending-to-hot");
    let client = Client::of(SmallCloud::builder().blob(seed)).await;
    let page = client.signed(LIST).await.body;
    let beside = "<Name>a.jpg</Name><Deleted>true</Deleted><HasVersionsOnly>true</HasVersionsOnly>";
    let within = "<CustomerProvidedKeySha256>a2V5</CustomerProvidedKeySha256><ArchiveStatus>rehydrate-pending-to-hot</ArchiveStatus></Properties>";
    assert!(page.contains(beside) && page.contains(within), "{page}");
    Page::from_xml(page.as_bytes()).unwrap();
}
