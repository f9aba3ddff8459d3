//! Each line of the kit can report "as assumed" and "different".

use std::{collections::BTreeSet, time::Duration};

use azure_asset_sync::{
    condition::Role,
    store::NameOrder,
    testing::{
        AnonymousAnswer, Assignment, Behavior, Fault, Quirk, Refusal, Seed, SmallCloud,
        SmallCloudBuilder, StartFrom,
    },
};

use super::{
    kit::{MAX_BYTES, MAX_REQUESTS, Outcome, table},
    lines, rule, run, run_as, seeds, usual,
};

fn with(set: impl FnOnce(&mut Behavior)) -> Behavior {
    let mut behavior = Behavior::default();
    set(&mut behavior);
    behavior
}

/// Returns a cloud with more blobs than fit on one page.
fn many() -> SmallCloudBuilder {
    usual().blobs((0..5001).map(|n| Seed::new(format!("many/{n:05}.jpg"), "x")))
}

/// Injects a fault for the second request; the first is answered as usual.
fn second(cloud: &SmallCloud, fault: Fault) {
    cloud.inject(Fault::Slow { chunk: usize::MAX, pause: Duration::ZERO });
    cloud.inject(fault);
}

fn busy() -> Refusal {
    Refusal::new(503, "ServerBusy")
}

type Row = (&'static [&'static str], SmallCloudBuilder, fn(&SmallCloud));

/// Returns clouds with the lines that are as assumed only for special containers or accounts.
fn special() -> Vec<Row> {
    let hierarchical = with(|behavior| behavior.order = NameOrder::Segments);
    vec![
        (&["order_segments", "order_folders"], usual().behavior(hierarchical), |_| ()),
        (&["start_marks"], usual().blob(Seed::new("^x.jpg", "x")), |_| ()),
        (&["page_full"], many(), |_| ()),
        (&["versions"], usual().versioned(), |_| ()),
        (&["retry_after"], usual(), |cloud| {
            second(cloud, Fault::Refuse(busy().retry_after(Duration::from_secs(7))));
        }),
    ]
}

/// Returns clouds that differ in one way, with the lines that report the difference.
fn different() -> Vec<Row> {
    let order = |order| usual().behavior(with(|behavior| behavior.order = order));
    let start = |start| usual().behavior(with(|behavior| behavior.start_from = start));
    let typed = seeds().into_iter().map(|seed| seed.listed("ResourceType", "file"));
    let anonymous = with(|b| b.anonymous = AnonymousAnswer::PublicAccessNotPermitted);
    let quirk = |quirk| usual().quirk(quirk);
    vec![
        (&["order"], order(NameOrder::Bytes), |_| ()),
        (&["order"], order(NameOrder::Unsorted), |_| ()),
        (&["order_segments", "order_folders"], SmallCloud::builder().blobs(typed), |_| ()),
        (&["order_folders"], order(NameOrder::SegmentsUtf16), |_| ()),
        (&["start_inclusive"], start(StartFrom::Exclusive), |_| ()),
        (&["start_inclusive", "start_between"], start(StartFrom::Ignored), |_| ()),
        (&["start_marks"], quirk(Quirk::StartAtMarks).blob(Seed::new("^x.jpg", "x")), |_| ()),
        (&["bounds_case"], quirk(Quirk::CaseSensitiveBounds), |_| ()),
        (&["marker_again"], quirk(Quirk::MarkersOnce), |_| ()),
        (&["marker_form"], quirk(Quirk::PlainMarkers), |_| ()),
        (&["page_full"], many().quirk(Quirk::PageLimit(1000)), |_| ()),
        (&["page_full", "page_limit"], quirk(Quirk::PageLimit(1)), |_| ()),
        (&["chunked"], quirk(Quirk::ListContentLength), |_| ()),
        (&["arrow"], quirk(Quirk::Arrow), |_| ()),
        (&["elements"], usual().blob(Seed::new("g.jpg", "x").listed("Colour", "x")), |_| ()),
        (&["metadata"], quirk(Quirk::NoMetadata), |_| ()),
        (&["versions"], quirk(Quirk::NoVersions), |_| ()),
        (&["delimiter"], quirk(Quirk::NoDelimiter), |_| ()),
        (&["etag"], quirk(Quirk::OtherEtags), |_| ()),
        (&["if_match"], quirk(Quirk::QuotedEtagsOnly), |_| ()),
        (&["if_match_other"], quirk(Quirk::NoIfMatch), |_| ()),
        (&["range_after_end"], quirk(Quirk::NoSizeIn416), |_| ()),
        (&["empty_blob"], quirk(Quirk::EmptyBlobRangeOk), |_| ()),
        (&["forbidden_first"], quirk(Quirk::ExistenceFirst), |_| ()),
        (&["error_code"], quirk(Quirk::NoCodeHeader), |_| ()),
        (&["reason_phrase"], quirk(Quirk::PlainReasons), |_| ()),
        (&["server"], quirk(Quirk::OtherServer), |_| ()),
        (&["request_id"], quirk(Quirk::NoRequestId), |_| ()),
        (&["version"], quirk(Quirk::NoVersion), |_| ()),
        (&["challenge"], usual().behavior(anonymous), |_| ()),
        (&["challenge", "challenge_token"], usual(), |cloud| {
            cloud.set_challenge(Some("Bearer realm=x".to_owned()));
        }),
        (&["delegation_key"], quirk(Quirk::NoDelegationKeys), |_| ()),
        (&["view_link"], quirk(Quirk::NoViewLinks), |_| ()),
        (&["view_link_headers"], quirk(Quirk::NoSignedHeaders), |_| ()),
        (&["preflight_refused"], quirk(Quirk::LaxPreflight), |_| ()),
        (&["preflight"], quirk(Quirk::NoAllowHeaders), |_| ()),
        (&["exposed_headers"], SmallCloud::builder().blobs(seeds()).cors(rule("*")), |_| ()),
        (&["retry_after"], usual(), |cloud| second(cloud, Fault::Refuse(busy()))),
    ]
}

#[tokio::test]
async fn each_line_can_be_as_assumed_and_different() {
    let report = run(&usual().start().await.unwrap()).await;
    assert!(!report.has_differences(), "{}", table(&report.lines));
    let all: BTreeSet<_> = report.lines.iter().map(|line| line.line).collect();

    let mut assumed = lines(&report, Outcome::AsAssumed);
    for (expected, builder, script) in special() {
        let cloud = builder.start().await.unwrap();
        script(&cloud);
        let report = run(&cloud).await;
        assert!(!report.has_differences(), "{expected:?}\n{}", table(&report.lines));
        let found = lines(&report, Outcome::AsAssumed);
        assert!(expected.iter().all(|line| found.contains(line)), "{}", table(&report.lines));
        assumed.extend(found);
    }
    assert_eq!(assumed, all);

    let mut differs = BTreeSet::new();
    for (at, (expected, builder, script)) in different().into_iter().enumerate() {
        let cloud = builder.start().await.unwrap();
        script(&cloud);
        let report = run(&cloud).await;
        let expected: BTreeSet<_> = expected.iter().copied().collect();
        let found = lines(&report, Outcome::Different);
        assert_eq!(found, expected, "row {at}\n{}", table(&report.lines));
        differs.extend(found);
    }
    assert_eq!(differs, all);
}

#[tokio::test]
async fn lines_that_an_account_cannot_decide_are_not_seen() {
    // Without a principal there are no keys; without blobs hardly a line can be decided.
    let cloud = SmallCloud::builder().start().await.unwrap();
    let report = run_as(&cloud, cloud.sas()).await;
    assert!(!report.has_differences(), "{}", table(&report.lines));
    let seen = lines(&report, Outcome::AsAssumed);
    let expected = [
        "arrow",
        "challenge",
        "challenge_token",
        "chunked",
        "error_code",
        "forbidden_first",
        "preflight_refused",
        "reason_phrase",
        "request_id",
        "server",
        "version",
    ];
    assert_eq!(seen, BTreeSet::from(expected), "{}", table(&report.lines));

    // A role on the container allows no key, and is refused elsewhere before existence is checked.
    let role = Assignment::new(Role::BlobDataReader).on_container("assets");
    let report = run(&usual().public().assignment(role).start().await.unwrap()).await;
    let not_seen = lines(&report, Outcome::NotSeen);
    assert!(!report.has_differences(), "{}", table(&report.lines));
    for line in ["challenge", "delegation_key", "view_link"] {
        assert!(not_seen.contains(line), "{line}\n{}", table(&report.lines));
    }
    let forbidden = report.lines.iter().find(|line| line.line == "forbidden_first").unwrap();
    assert!(forbidden.evidence.contains("AuthorizationPermissionMismatch"), "{forbidden:?}");
}

#[tokio::test]
async fn the_kit_only_reads_and_keeps_to_its_limits() {
    let cloud = many().versioned().start().await.unwrap();
    let report = run(&cloud).await;
    let log = cloud.log();
    for request in &log {
        let reads = match request.method.as_str() {
            "GET" | "HEAD" | "OPTIONS" => true,
            "POST" => request.is_sign_in() || request.query.ends_with("comp=userdelegationkey"),
            _ => false,
        };
        assert!(reads, "{request:?}");
    }
    // The sign-in and the key for the link are not counted by the report.
    assert!(report.requests <= MAX_REQUESTS && log.len() <= report.requests + 3, "{}", log.len());
    assert!(report.bytes > 1 << 20 && report.bytes <= MAX_BYTES, "{}", report.bytes);
    assert!(report.requests > 30, "{}", report.requests);
}

#[tokio::test]
async fn a_prefix_limits_all_listings_of_the_container() {
    let prefixed = seeds().into_iter().map(|seed| {
        let name = format!("hall 3/{}", seed.name());
        Seed::new(name, if seed.name() == "f-empty.jpg" { "" } else { "x" })
    });
    let cloud = SmallCloud::builder().blobs(seeds()).blobs(prefixed).start().await.unwrap();
    let connection = cloud.connection().prefix("hall 3/").build().unwrap();
    let store = cloud.store(&connection).unwrap();
    let report = super::kit::run(&store, &connection, None).await.unwrap();
    assert!(!report.has_differences(), "{}", table(&report.lines));
    let seen = lines(&report, Outcome::AsAssumed);
    for line in ["order", "start_inclusive", "start_between", "bounds_case", "empty_blob"] {
        assert!(seen.contains(line), "{line}\n{}", table(&report.lines));
    }
    let log = cloud.log();
    let lists = log.iter().filter(|request| request.path.ends_with("/assets"));
    let lists: Vec<_> = lists.filter(|request| request.query.contains("comp=list")).collect();
    assert!(lists.len() > 10);
    assert!(lists.iter().all(|request| request.query.contains("prefix=hall%203%2F")), "{lists:?}");
}

#[tokio::test]
async fn a_container_that_cannot_be_listed_is_an_error_with_the_reason() {
    let cloud = usual().without_assignments().start().await.unwrap();
    let connection = cloud.connection().build().unwrap();
    let store = cloud.store(&connection).unwrap();
    let Err(why) = super::kit::run(&store, &connection, None).await else {
        panic!("the principal has no role");
    };
    assert!(why.contains("403 AuthorizationPermissionMismatch"), "{why}");
}
