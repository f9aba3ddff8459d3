//! No name is lost or repeated, and each listing ends, if names are listed out of order, if bounds have
//! different places in different orders, or if the service starts at a wrong place.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex},
    time::Duration,
};

use azure_asset_sync::{
    Error, ErrorKind, Prefix, Scan, Store,
    scan::{Order, Shard},
    store::{ListRequest, Marker, NameOrder, Page, ReadRequest},
};
use bytes::Bytes;
use futures::TryStreamExt as _;

use crate::odd_store::{Listing, OddStore, StartFrom};

fn shard(json: &str) -> Shard {
    serde_json::from_str(json).unwrap()
}

/// Returns a scan of these shards with the page size of the store.
fn scan(store: &Arc<OddStore>, in_flight: usize, shards: impl IntoIterator<Item = Shard>) -> Scan {
    let size = u16::try_from(store.most).unwrap().try_into().unwrap();
    let scan = Scan::new(Arc::clone(store), &Prefix::default());
    scan.in_flight(in_flight).page_size(size).shards(shards)
}

async fn names(scan: Scan) -> Result<Vec<String>, Error> {
    let limited = tokio::time::timeout(Duration::from_secs(3600), scan.verdicts().try_collect());
    let verdicts: Vec<_> = limited.await.expect("the listing does not end")?;
    Ok(verdicts.iter().map(|verdict| verdict.name().unwrap().to_owned()).collect())
}

async fn sorted(scan: Scan) -> Result<Vec<String>, Error> {
    let mut names = names(scan).await?;
    names.sort();
    Ok(names)
}

/// `😀` sorts before `～` in UTF-16, and after it in bytes.
#[tokio::test(start_paused = true)]
async fn a_range_is_cut_between_its_bounds_in_the_order_of_the_listing() {
    let all = (0..60).flat_map(|n| [format!("😀{n:02}"), format!("～{n:02}")]);
    let store = Arc::new(OddStore::new(all, Listing::Known(NameOrder::Utf16), 5));
    for (json, cut) in [
        (r#"{"prefix":"","start":"😀00","after":"～30","order":"utf16"}"#, "～10"),
        (r#"{"prefix":"","start":"～30","after":"😀10","order":"utf16"}"#, "😀50"),
    ] {
        let shard = shard(json);
        let is_of = |name: &&str| shard.has(name, NameOrder::Utf16);
        let mut expected: Vec<_> = store.names().filter(is_of).collect();
        expected.sort_unstable();
        let scan = scan(&store, 4, [shard.clone()]).cuts([cut, "～40", "～45", "～50"]);
        assert_eq!(sorted(scan).await.unwrap(), expected, "{json}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_misplaced_name_at_the_start_of_a_page_is_not_taken_for_a_repeated_one() {
    // With pages of 10, the third page from `b00` starts with a name before `b00`.
    let all = || {
        let mut all: Vec<_> = (0..50).map(|n| format!("a{n:02}")).collect();
        all.extend((0..50).map(|n| format!("b{n:02}")));
        all.insert(70, "a99".into());
        all
    };
    for in_flight in [1, 4] {
        for order in [Order::AsCompleted, Order::Ascending] {
            let mut store = OddStore::new(all(), Listing::Random, 10);
            store.stated = NameOrder::Utf16;
            let store = Arc::new(store);
            let scan = scan(&store, in_flight, [Shard::default()]).cuts(["b00"; 4]).order(order);
            assert_eq!(sorted(scan).await.unwrap(), {
                let mut all = all();
                all.sort();
                all
            });
            let rest = shard(r#"{"prefix":"","after":"b00","order":"utf16"}"#);
            let got = sorted(self::scan(&store, in_flight, [rest]).order(order)).await.unwrap();
            let mut expected = all().split_off(51);
            expected.sort();
            assert_eq!(got, expected, "{in_flight} {order:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_place_in_an_unordered_listing_is_found_by_its_name() {
    // The listing continues after `a5`, the first name of a page, although the shard starts at `m`.
    let store = OddStore::new(["m1", "z1", "a5", "m2", "a1", "z2"], Listing::Random, 2);
    let store = Arc::new(store);
    let rest = shard(r#"{"prefix":"","start":"m","after":"a5","order":"unsorted"}"#);
    assert_eq!(names(scan(&store, 1, [rest])).await.unwrap(), ["m2", "z2"]);
}

#[tokio::test(start_paused = true)]
async fn a_folder_that_continues_after_another_is_listed_to_its_end() {
    // A service that ignores case lists one folder among the names of another.
    let mut lost = Vec::new();
    for most in [5, 10, 20] {
        for late in 60..90 {
            let mut all: Vec<_> = (0..100).map(|n| format!("A/{n:03}")).collect();
            all.insert(late, format!("a/{late:03}"));
            all.extend((0..200).map(|n| format!("c{}/{n:03}", n / 50)));
            for in_flight in [4, 16] {
                let mut store = OddStore::new(all.clone(), Listing::Random, most);
                (store.starts, store.has_delimiter) = (StartFrom::Ignored, true);
                let store = Arc::new(store);
                let got = sorted(scan(&store, in_flight, [Shard::default()])).await.unwrap();
                if got.len() != all.len() {
                    lost.push((most, late, in_flight, got.len()));
                }
            }
        }
    }
    assert_eq!(lost, []);
}

#[tokio::test(start_paused = true)]
async fn a_scan_resumes_correctly_although_the_service_mishandles_its_first_name() {
    // The scan has delivered `^1` and the names before it; the safe start `]` sorts after `b`.
    for (listed, at) in [
        (vec!["B", "^1", "b", "x", "a", "]", "c"], "^1"),
        (vec!["B", "^1", "b", "x", "]", "y"], "^1"),
        (vec!["A", "`", "c", "_", "b"], "`"),
        (vec!["\u{301}x", "\u{301}y", "\u{2af}"], "\u{301}x"),
    ] {
        for bound in ["after", "start"] {
            for in_flight in [1, 4] {
                let mut store = OddStore::new(listed.clone(), Listing::Random, 3);
                store.stated = NameOrder::Utf16;
                let store = Arc::new(store);
                let json = format!(r#"{{"prefix":"","{bound}":"{at}","order":"utf16"}}"#);
                let got = sorted(scan(&store, in_flight, [shard(&json)])).await.unwrap();
                let place = listed.iter().position(|name| *name == at).unwrap();
                let mut expected = listed[place + usize::from(bound == "after")..].to_vec();
                expected.sort_unstable();
                assert_eq!(got, expected, "{listed:?} {json} {in_flight}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn resuming_at_a_deleted_name_is_an_error_if_no_order_is_known() {
    // Without regard to case `D` and `e` sort after `c`, which is deleted.
    let store = Arc::new(OddStore::new(["a", "D", "e"], Listing::Caseless, 5));
    let rest = shard(r#"{"prefix":"","after":"c","order":"utf16"}"#);
    let error = names(scan(&store, 1, [rest])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutOfOrder, "{error}");
}

/// A store that answers a repeated request with empty pages whose markers form a circle.
struct Circle {
    store: OddStore,
    seen: Mutex<HashMap<String, usize>>,
}

#[async_trait::async_trait]
impl Store for Circle {
    async fn list(&self, request: ListRequest) -> Result<Page, Error> {
        let marker = request.marker.as_ref().map_or("", Marker::as_str);
        let next = match marker {
            "x" => Some("y"),
            "y" => Some("x"),
            _ => {
                let key = format!("{marker} {:?}", request.start_from);
                let mut seen = self.seen.lock().unwrap();
                let count = seen.entry(key).or_default();
                *count += 1;
                (*count > 1).then_some("x")
            }
        };
        match next {
            Some(next) => {
                tokio::time::sleep(Duration::from_secs(1)).await;
                let mut page = Page::default();
                page.next = Some(next.to_owned().into());
                Ok(page)
            }
            None => self.store.list(request).await,
        }
    }

    async fn read(&self, _: ReadRequest) -> Result<Bytes, Error> {
        unreachable!("a scan reads no content")
    }
}

#[tokio::test(start_paused = true)]
async fn each_check_of_the_listing_ends_if_markers_form_a_circle() {
    // The first check follows the page on which a range of few names has ended. The second looks for
    // a name that was created or deleted at the border of two ranges.
    let few = ["a1", "a2", "a3", "b1", "b2"];
    let many: Vec<_> =
        (0..40).map(|n| format!("a{n:02}")).chain(["b1".into(), "b2".into()]).collect();
    for (all, born) in [(few.map(str::to_owned).to_vec(), false), (many, true)] {
        let mut store = OddStore::new(all, Listing::Known(NameOrder::Bytes), 4);
        if born {
            // The entry exists only for the first request.
            let entry = store.entries.iter_mut().find(|entry| entry.name == "b1").unwrap();
            entry.life = 1..2;
        }
        let store = Arc::new(Circle { store, seen: Mutex::default() });
        let scan = Scan::new(store, &Prefix::default())
            .in_flight(2)
            .page_size(4.try_into().unwrap())
            .cuts(["b", "bb"]);
        match names(scan).await {
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), ErrorKind::RepeatedMarker, "{error}"),
        }
    }
}

/// Returns more than 1 MiB of names in folders, and two at the end that fit no order.
fn late() -> Vec<String> {
    let plain = (0..30_000).map(|n| format!("plant-{:02}/line/camera/picture-{n:08}.jpg", n / 999));
    let late = ["zz/b.jpg", "zz/C.jpg"].map(str::to_owned);
    plain.chain(late).collect()
}

#[tokio::test(start_paused = true)]
async fn the_advice_after_a_late_contradiction_works() {
    let mut store = OddStore::new(late(), Listing::Caseless, 500);
    store.starts = StartFrom::Ignored;
    let store = Arc::new(store);
    let all: BTreeMap<_, _> = store.names().map(|name| (name.to_owned(), 1)).collect();
    let parts = || Shard::default().cut_at("plant-15/");
    for in_flight in [1, 16] {
        for order in [Order::AsCompleted, Order::Ascending] {
            for shards in [vec![Shard::default()], parts().to_vec()] {
                let scan = scan(&store, in_flight, shards).order(order);
                let advice = match names(scan).await {
                    Ok(got) => {
                        assert_eq!(
                            got.into_iter().map(|name| (name, 1)).collect::<BTreeMap<_, _>>(),
                            all
                        );
                        continue;
                    }
                    Err(error) => error,
                };
                assert_eq!(advice.kind(), ErrorKind::OutOfOrder);
                let text = advice.to_string();
                assert!(
                    text.contains("without shards") && text.contains("`in_flight(1)`"),
                    "{text}"
                );
                let again =
                    Scan::new(Arc::clone(&store), &Prefix::default()).in_flight(1).order(order);
                let got = names(again).await.unwrap();
                assert_eq!(got.len(), all.len());
            }
        }
    }
}
