//! A preview reports exact and bounded totals, samples, examples, collisions and costs, and suggests
//! similar prefixes if nothing is found.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use azure_asset_sync::{
    Blob, Error, ErrorKind, Kind, MemoryStore, Prefix, Preview, PreviewReport, Reason, Rules, Scan,
    Store,
    preview::{StopAfter, Total},
    store::{ListRequest, Marker, Page, ReadRequest},
    validate::{Action, Filter},
};
use bytes::Bytes;
use proptest::prelude::*;

/// A container that records the prefixes of its requests, and refuses some of them.
struct Watched {
    store: MemoryStore,
    refused: Vec<&'static str>,
    requests: Mutex<Vec<ListRequest>>,
}

impl Watched {
    fn new(names: &[&str]) -> Arc<Self> {
        Self::refusing(names, &[])
    }

    fn refusing(names: &[&str], refused: &[&'static str]) -> Arc<Self> {
        let store = MemoryStore::from_iter(names.iter().map(|name| Blob::new(*name, 1)));
        Arc::new(Self { store, refused: refused.to_vec(), requests: Mutex::default() })
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().iter().map(|request| request.prefix.clone()).collect()
    }
}

#[async_trait::async_trait]
impl Store for Watched {
    async fn list(&self, request: ListRequest) -> Result<Page, Error> {
        self.requests.lock().unwrap().push(request.clone());
        if self.refused.contains(&request.prefix.as_str()) {
            return Err(Error::from_response(403, Some("AuthorizationPermissionMismatch")));
        }
        self.store.list(request).await
    }

    async fn read(&self, _: ReadRequest) -> Result<Bytes, Error> {
        unreachable!("a preview reads no content")
    }
}

fn scan_of(store: impl Store + 'static) -> Scan {
    Scan::new(store, &Prefix::default())
}

fn container(names: impl IntoIterator<Item = impl Into<String>>) -> MemoryStore {
    names.into_iter().map(|name| Blob::new(name, 1)).collect()
}

/// Returns a container of ten folders with this number of blobs each.
fn ten_folders(each: usize) -> Arc<MemoryStore> {
    let names = (0..10 * each).map(|n| format!("hall-{}/{n:06}.jpg", n / each));
    Arc::new(container(names))
}

fn folders(report: &PreviewReport) -> BTreeSet<&str> {
    report.samples.iter().filter_map(|name| name.split('/').next()).collect()
}

#[tokio::test]
async fn an_unbounded_preview_is_exact_and_agrees_with_the_sync() {
    let store = Watched::new(&["a/1.jpg", "a/2.JPG", "b/3.mp4", "notes.txt", "c/1.jpg"]);
    let filter = Filter::builder().exclude("c/*").build().unwrap();
    let scan = || scan_of(store.clone()).rules(Rules::default().filter(filter.clone()));
    let report = Preview::new(scan())
        .price(5.0)
        .quota(|asset| if asset.kind == Kind::Video { 10 } else { 1 })
        .run()
        .await
        .unwrap();
    let mut synced = scan().run(()).await.unwrap();
    synced.elapsed = report.counts.elapsed;
    assert_eq!(report.counts, synced);
    assert_eq!(report.total, Total::Exact(5));
    assert_eq!(report.samples, ["a/1.jpg", "a/2.JPG", "b/3.mp4"]);
    assert_eq!((report.quota, report.requests, report.cost), (Some(12), 1, Some(0.0005)));
    let sync = report.sync;
    assert_eq!((sync.requests, sync.cost, sync.is_at_least), (1, Some(0.0005), false));
    let folders: Vec<_> =
        report.folders.largest.iter().map(|f| (f.name.as_str(), f.assets)).collect();
    assert_eq!(folders, [("a/", 2), ("b/", 1)]);
    let reasons: Vec<_> = report
        .rejections
        .iter()
        .map(|(reason, examples)| (*reason, examples[0].name.clone().unwrap()))
        .collect();
    assert_eq!(
        reasons,
        [(Reason::Filtered, "c/1.jpg".into()), (Reason::UnsupportedFormat, "notes.txt".into())]
    );
    assert_eq!(report.nearest, None);
}

#[tokio::test]
async fn no_price_and_no_quota_are_reported_unless_they_are_set() {
    let report = Preview::new(scan_of(container(["a.jpg"]))).run().await.unwrap();
    assert_eq!((report.quota, report.cost, report.sync.cost), (None, None, None));
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["total"], serde_json::json!({"total": "exact", "blobs": 1}));
    for field in ["quota", "cost", "nearest"] {
        assert!(json.get(field).is_none(), "{json}");
    }
    assert!(!report.to_string().contains("cost"), "{report}");
}

#[tokio::test]
async fn a_limit_of_blobs_is_respected_and_reported() {
    let store = ten_folders(100);
    for (bound, total) in [
        (0, Total::AtLeast { blobs: 0, limit: StopAfter::Blobs(0) }),
        (70, Total::AtLeast { blobs: 70, limit: StopAfter::Blobs(70) }),
        (999, Total::AtLeast { blobs: 999, limit: StopAfter::Blobs(999) }),
        (1000, Total::Exact(1000)),
        (1001, Total::Exact(1000)),
    ] {
        let scan = scan_of(store.clone()).page_size(100.try_into().unwrap());
        let report = Preview::new(scan).stop_after(StopAfter::Blobs(bound)).run().await.unwrap();
        assert_eq!((report.total, report.counts.total()), (total, total.blobs()));
        assert_eq!(report.sync.is_at_least, !total.is_exact());
        assert!(report.samples.len() <= total.blobs() as usize);
        let text = report.to_string();
        assert_eq!(text.contains("is no estimate for the rest"), !total.is_exact(), "{text}");
        assert_eq!(text.contains("takes at least"), !total.is_exact(), "{text}");
    }
}

/// A listing that never ends. Each page takes this time.
struct Endless(Duration);

#[async_trait::async_trait]
impl Store for Endless {
    async fn list(&self, request: ListRequest) -> Result<Page, Error> {
        if !self.0.is_zero() {
            tokio::time::sleep(self.0).await;
        }
        let n: u64 = request.marker.map_or(0, |marker| marker.as_str().parse().unwrap());
        let blobs = (0..10).map(|blob| Blob::new(format!("{:020}.jpg", n * 10 + blob), 1));
        Ok(Page::new(blobs.collect(), Marker::from((n + 1).to_string())))
    }

    async fn read(&self, _: ReadRequest) -> Result<Bytes, Error> {
        unreachable!("a preview reads no content")
    }
}

#[tokio::test(start_paused = true)]
async fn a_time_limit_is_respected_and_reported() {
    let bound = StopAfter::Time(Duration::from_millis(5500));
    let report = Preview::new(scan_of(Endless(Duration::from_secs(1))))
        .stop_after(bound)
        .run()
        .await
        .unwrap();
    assert_eq!(report.total, Total::AtLeast { blobs: 50, limit: bound });
    let report = Preview::new(scan_of(Endless(Duration::from_secs(1))))
        .stop_after(bound)
        .stop_after(StopAfter::Blobs(20))
        .run()
        .await
        .unwrap();
    assert_eq!(report.total, Total::AtLeast { blobs: 20, limit: StopAfter::Blobs(20) });
    // This time is beyond every clock, so it is no limit.
    let preview =
        Preview::new(scan_of(container(["a.jpg"]))).stop_after(StopAfter::Time(Duration::MAX));
    assert!(preview.run().await.unwrap().total.is_exact());
}

#[tokio::test]
async fn a_time_limit_ends_a_listing_that_never_waits() {
    let bound = StopAfter::Time(Duration::from_millis(20));
    let preview = Preview::new(scan_of(Endless(Duration::ZERO))).stop_after(bound);
    // Runs in a task, as in a service.
    let report = tokio::spawn(preview.run()).await.unwrap().unwrap();
    assert!(matches!(report.total, Total::AtLeast { .. }), "{report}");
}

#[tokio::test]
async fn samples_are_spread_and_do_not_depend_on_the_number_of_requests_in_flight() {
    let store = ten_folders(2000);
    let preview = |in_flight| {
        let scan = scan_of(store.clone()).in_flight(in_flight).page_size(500.try_into().unwrap());
        Preview::new(scan).samples(10)
    };
    let report = preview(1).run().await.unwrap();
    assert_eq!((report.samples.len(), folders(&report).len()), (10, 10), "{:?}", report.samples);
    assert!(report.samples.is_sorted());
    for _ in 0..3 {
        assert_eq!(preview(8).run().await.unwrap().samples, report.samples);
    }
    let other = preview(1).seed(7).run().await.unwrap();
    assert_ne!(other.samples, report.samples);
    assert_eq!(folders(&other).len(), 10);
    assert_eq!(report.folders.distinct, 10);
    assert!(report.folders.largest.iter().all(|folder| folder.assets == 2000));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn samples_are_distinct_assets_and_as_many_as_possible(
        names in prop::collection::btree_set("[ab]/[a-d]{1,3}[.](jpg|txt)", 0..60),
        (samples, examples) in (0_usize..12, 0_usize..4),
        seed in any::<u64>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let scan = scan_of(container(names.clone()));
        let preview = Preview::new(scan).samples(samples).examples(examples).seed(seed);
        let report = runtime.block_on(preview.run()).unwrap();
        let assets: BTreeSet<_> = names.iter().filter(|name| name.ends_with("jpg")).collect();
        let shown: BTreeSet<_> = report.samples.iter().collect();
        prop_assert_eq!(shown.len(), report.samples.len());
        prop_assert_eq!(shown.len(), samples.min(assets.len()));
        prop_assert!(shown.is_subset(&assets));
        for (reason, list) in &report.rejections {
            let count = report.counts.rejections[reason] as usize;
            prop_assert_eq!(list.len(), examples.min(count));
        }
        let size = report.sizes.map(|sizes| (sizes.min, sizes.max, sizes.median_at_most));
        prop_assert_eq!(size, (!assets.is_empty()).then_some((1, 1, 1)));
    }

    #[test]
    fn sizes_are_counted_by_powers_of_two(mut sizes in prop::collection::vec(prop_oneof![0_u64..9, 0..=1_u64 << 53], 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let blobs = sizes.iter().enumerate().map(|(n, size)| Blob::new(format!("{n}.jpg"), *size));
        let rules = [Reason::Empty, Reason::TooLarge]
            .into_iter()
            .fold(Rules::default(), |rules, reason| rules.on(reason, Action::Ignore));
        // Sums that overflow are tested elsewhere.
        prop_assume!(sizes.iter().try_fold(0_u64, |sum, size| sum.checked_add(*size)).is_some());
        let scan = scan_of(MemoryStore::from_iter(blobs)).rules(rules);
        let found = runtime.block_on(Preview::new(scan).run()).unwrap().sizes.unwrap();
        sizes.sort_unstable();
        prop_assert_eq!((found.min, found.max), (sizes[0], sizes[sizes.len() - 1]));
        let median = sizes[(sizes.len() - 1) / 2];
        prop_assert!(found.median_at_most >= median && found.median_at_most / 2 <= median, "{found:?}");
        let mut below = None;
        for bucket in &found.buckets {
            let is_in = |size: &&u64| **size <= bucket.at_most && below.is_none_or(|below| **size > below);
            prop_assert_eq!(bucket.blobs, sizes.iter().filter(is_in).count() as u64);
            below = Some(bucket.at_most);
        }
    }
}

#[tokio::test]
async fn colliding_names_are_reported_in_pairs() {
    let names = ["A/x.jpg", "B/x.jpg", "C/x.jpg", "a/x.jpg", "d/\u{c9}.jpg", "d/\u{e9}.jpg"];
    for action in [Action::Note, Action::Reject] {
        let rules = Rules::default()
            .on(Reason::CaseCollision, action)
            .on(Reason::BaseNameCollision, action);
        let scan = scan_of(container(names)).rules(rules);
        let report = Preview::new(scan).run().await.unwrap();
        let pairs: Vec<_> = report
            .collisions
            .iter()
            .flat_map(|(reason, list)| list.iter().map(|c| (*reason, c.other.as_deref(), &*c.name)))
            .collect();
        let mut case = pairs.iter().filter(|p| p.0 == Reason::CaseCollision).collect::<Vec<_>>();
        case.sort_unstable();
        let want = [
            &(Reason::CaseCollision, Some("A/x.jpg"), "a/x.jpg"),
            &(Reason::CaseCollision, Some("d/\u{c9}.jpg"), "d/\u{e9}.jpg"),
        ];
        assert_eq!(case, want);
        let base = (Reason::BaseNameCollision, Some("A/x.jpg"), "B/x.jpg");
        assert_eq!(pairs.iter().filter(|pair| pair.0 == base.0).collect::<Vec<_>>(), [&base]);
        assert!(report.to_string().contains("A/x.jpg and a/x.jpg"), "{report}");
    }
}

#[tokio::test]
async fn the_most_similar_prefixes_are_suggested_if_a_prefix_has_no_blobs() {
    let names: &[&str] = &[
        "Hall-3/cam-1/a.jpg",
        "Hall-3/cam-2/a.jpg",
        "hall-4/a.jpg",
        "line/b.jpg",
        "/slash/a.jpg",
        "cover-old.jpg",
    ];
    // The prefix, the part of it that exists, and the similar prefixes.
    let rows: &[(&str, &str, &[&str])] = &[
        ("hall-3/", "", &["Hall-3/", "hall-4/"]),
        ("hall-3/cam-1/", "", &["Hall-3/cam-1/", "hall-4/"]),
        ("hall-3/CAM_2/", "", &["Hall-3/cam-2/", "hall-4/"]),
        ("hall-3/nothing/", "", &["Hall-3/", "hall-4/"]),
        ("Hall-3/cam-11/", "Hall-3/", &["Hall-3/cam-1/", "Hall-3/cam-2/"]),
        ("Hall-3//cam-1/", "Hall-3/", &["Hall-3/cam-1/"]),
        ("training/Hall-3/", "", &["Hall-3/"]),
        ("slash/", "", &["/slash/"]),
        ("cover/", "", &["cover", "cover-old.jpg"]),
        ("nothing-like-it/", "", &[]),
        ("training/line/nothing-like-it/", "", &[]),
        ("line/nothing-like-it/", "line/", &[]),
    ];
    for (prefix, exists, similar) in rows {
        let store = Watched::new(names);
        let scan = Scan::new(store.clone(), &prefix.parse().unwrap());
        let report = Preview::new(scan).price(10_000.0).run().await.unwrap();
        let nearest = report.nearest.clone().unwrap();
        assert_eq!(nearest.exists.as_deref(), Some(*exists), "{prefix}");
        assert_eq!(nearest.similar, *similar, "{prefix}");
        let requests = store.requests().len() as u64;
        assert!(nearest.requests <= 8 && report.requests == requests, "{prefix}: {nearest:?}");
        assert_eq!((report.cost, report.sync.requests), (Some(requests as f64), 1), "{prefix}");
        for similar in nearest.similar {
            assert!(report.to_string().contains(&similar), "{report}");
            assert!(names.iter().any(|name| name.starts_with(&similar)), "{similar}");
        }
    }
}

#[tokio::test]
async fn an_empty_container_and_a_deep_prefix_take_few_requests() {
    let deep = "a/".repeat(40);
    for (prefix, requests) in [("a/b/", 2), (deep.as_str(), 8)] {
        let scan = Scan::new(MemoryStore::new(), &prefix.parse().unwrap());
        let nearest = Preview::new(scan).run().await.unwrap().nearest.unwrap();
        assert_eq!((nearest.requests, &nearest.exists), (requests, &None), "{nearest}");
    }
    let report = Preview::new(scan_of(MemoryStore::new())).run().await.unwrap();
    assert_eq!((report.nearest, report.requests), (None, 1));
}

#[tokio::test]
async fn a_grant_for_the_prefix_only_is_not_an_error() {
    let scan = |store| Scan::new(store, &"hall-3/".parse().unwrap());
    let store = Watched::refusing(&["Hall-3/a.jpg"], &[""]);
    let report = Preview::new(scan(store.clone())).run().await.unwrap();
    let nearest = report.nearest.unwrap();
    assert_eq!((nearest.requests, nearest.similar.len(), &nearest.exists), (1, 0, &None));
    assert!(nearest.refused.unwrap().contains("HTTP 403"));
    assert_eq!(store.requests(), ["hall-3/", ""]);

    let store = Watched::refusing(&["Hall-3/a.jpg"], &[""]);
    let preview = Preview::new(scan(store.clone())).only_below_prefix();
    assert_eq!(preview.run().await.unwrap().nearest, None);
    assert_eq!(store.requests(), ["hall-3/"], "a parent of the prefix was listed");

    let store = Watched::refusing(&["hall-3/a.jpg"], &["hall-3/"]);
    let error = Preview::new(scan(store.clone())).run().await.unwrap_err();
    assert_eq!((error.kind(), store.requests().len()), (ErrorKind::PermissionDenied, 1));
}

#[tokio::test]
async fn nothing_is_suggested_if_a_blob_was_found_or_the_preview_was_limited() {
    let store = Watched::new(&["hall-3/notes.txt"]);
    let scan = Scan::new(store.clone(), &"hall-3/".parse().unwrap());
    assert_eq!(Preview::new(scan).run().await.unwrap().nearest, None);
    let scan = Scan::new(store.clone(), &"Hall-3/".parse().unwrap());
    let bounded = Preview::new(scan).stop_after(StopAfter::Blobs(0)).run().await.unwrap();
    assert_eq!(bounded.nearest, None);
    assert!(store.requests().iter().all(|prefix| !prefix.is_empty()));
}

#[tokio::test]
async fn a_preview_prints_each_unusual_name_in_one_line() {
    let report =
        Preview::new(scan_of(container(["a\n\u{1b}[31m.jpg", "b\n.txt"]))).run().await.unwrap();
    let text = report.to_string();
    assert!(text.contains("a\\u{a}\\u{1b}[31m.jpg") && !text.contains('\u{1b}'), "{text}");
    assert!(text.lines().all(|line| line != ".txt"), "{text}");
}
