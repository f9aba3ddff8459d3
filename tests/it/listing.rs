//! Regression tests of parallel listings: each case once lost or repeated a name, was refused or did
//! not end.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use azure_asset_sync::{
    Blob, Error, ErrorKind, Prefix, Scan, Store,
    scan::{Order, Shard},
    store::{Include, ListRequest, Malformed, Marker, NameOrder, Page, ReadRequest},
};
use bytes::Bytes;
use futures::TryStreamExt as _;

/// A store that answers with a function of the request and the number of earlier requests.
struct Fake<F>(F, AtomicUsize);

fn fake<F: Fn(&ListRequest, usize) -> Result<Page, Error> + Send + Sync>(
    answer: F,
) -> Arc<Fake<F>> {
    Arc::new(Fake(answer, AtomicUsize::new(0)))
}

#[async_trait::async_trait]
impl<F: Fn(&ListRequest, usize) -> Result<Page, Error> + Send + Sync> Store for Fake<F> {
    async fn list(&self, request: ListRequest) -> Result<Page, Error> {
        tokio::task::yield_now().await;
        self.0(&request, self.1.fetch_add(1, Ordering::SeqCst))
    }

    async fn read(&self, _: ReadRequest) -> Result<Bytes, Error> {
        unreachable!("a scan reads no content")
    }
}

/// Returns the requested page of a container with these blobs, in this order.
fn page(blobs: &[Blob], order: NameOrder, keeps_start: bool, request: &ListRequest) -> Page {
    let mut page = Page::default();
    let mut at = match (&request.marker, &request.start_from) {
        (Some(marker), _) => marker.as_str().parse().unwrap(),
        (None, Some(from)) if keeps_start => blobs
            .iter()
            .position(|blob| order.compare(&blob.name, from).is_ge())
            .unwrap_or(blobs.len()),
        _ => 0,
    };
    let most = request.max_results.map_or(5000, |n| usize::from(n.get()));
    while let Some(blob) = blobs.get(at) {
        if let Some(inside) = blob.name.strip_prefix(&request.prefix) {
            let folder = request.delimiter.as_deref().and_then(|delimiter| {
                Some(format!("{}{}", request.prefix, &inside[..inside.find(delimiter)? + 1]))
            });
            if folder.is_none() || page.prefixes.last() != folder.as_ref() {
                if page.blobs.len() + page.prefixes.len() == most {
                    page.next = Some(Marker::from(at.to_string()));
                    break;
                }
                match folder {
                    Some(folder) => page.prefixes.push(folder),
                    None => page.blobs.push(blob.clone()),
                }
            }
        }
        at += 1;
    }
    // Only the properties of blobs reveal the order.
    if !page.blobs.is_empty() {
        page.order = order;
    }
    page
}

fn blobs<const N: usize>(names: [&str; N]) -> Vec<Blob> {
    names.map(|name| Blob::new(name, 1)).to_vec()
}

/// Reads shards from JSON, as an application stores them between two runs.
fn shards(json: &str) -> Vec<Shard> {
    serde_json::from_str(json).unwrap()
}

fn scan(store: Arc<impl Store + 'static>) -> Scan {
    Scan::new(store, &Prefix::default())
}

async fn names(scan: Scan) -> Result<Vec<String>, Error> {
    let verdicts: Vec<_> = scan.verdicts().try_collect().await?;
    Ok(verdicts.iter().map(|verdict| verdict.name().unwrap_or("?").to_owned()).collect())
}

#[tokio::test]
async fn a_shard_that_ends_before_the_order_is_known_does_not_change_the_others() {
    let all = blobs(["b/a", "b/z"]);
    let store = fake(move |request, _| Ok(page(&all, NameOrder::Segments, true, request)));
    let shards = shards(r#"[{"prefix":"a/","end":"a/m"},{"prefix":"b/"}]"#);
    assert_eq!(names(scan(store).shards(shards)).await.unwrap(), ["b/a", "b/z"]);
}

#[tokio::test]
async fn shards_of_several_prefixes_are_ascending() {
    for json in [
        r#"[{"prefix":"","start":"m"},{"prefix":"b"}]"#,
        r#"[{"prefix":"","after":"l"},{"prefix":"","start":"b","end":"c"}]"#,
    ] {
        for order in [NameOrder::Bytes, NameOrder::Segments] {
            let all = blobs(["a", "b1", "b2", "m1", "m2"]);
            let store = fake(move |request, _| Ok(page(&all, order, true, request)));
            let scan = scan(store).shards(shards(json)).order(Order::Ascending).in_flight(2);
            assert_eq!(names(scan).await.unwrap(), ["b1", "b2", "m1", "m2"], "{json} {order:?}");
        }
    }
}

#[tokio::test]
async fn shards_are_ascending_by_segments() {
    let all = blobs(["d/x", "d-2"]);
    let store = fake(move |request, _| Ok(page(&all, NameOrder::Segments, false, request)));
    let shards = shards(r#"[{"prefix":"d-"},{"prefix":"d/"}]"#);
    let scan = scan(store).shards(shards).order(Order::Ascending).in_flight(2);
    assert_eq!(names(scan).await.unwrap(), ["d/x", "d-2"]);
}

#[tokio::test]
async fn a_store_whose_first_page_from_a_start_is_empty_is_listed_in_parallel() {
    let all: Vec<_> = (0..2000).map(|n| Blob::new(format!("{:02}/{n:04}", n / 50), 1)).collect();
    let parts = Arc::new(AtomicUsize::new(0));
    let begun = Arc::clone(&parts);
    let store = fake(move |request, _| {
        let mut answer = page(&all, NameOrder::Bytes, true, request);
        if request.start_from.is_some() {
            begun
                .fetch_add(usize::from(request.max_results != 1.try_into().ok()), Ordering::SeqCst);
            let at = all.partition_point(|blob| Some(&blob.name) < request.start_from.as_ref());
            answer = Page::default();
            answer.next = Some(Marker::from(at.to_string()));
        }
        Ok(answer)
    });
    let scan = scan(store).in_flight(4).page_size(20.try_into().unwrap());
    assert_eq!(names(scan).await.unwrap().len(), 2000);
    assert!(parts.load(Ordering::SeqCst) >= 3);
}

#[tokio::test]
async fn folders_that_are_listed_before_the_order_is_known_keep_their_ends() {
    for in_flight in [2, 4, 8] {
        let all: Vec<_> = (0..400).map(|n| Blob::new(format!("{:02}/{n:04}", n / 10), 1)).collect();
        let want = all.len();
        let store = fake(move |request, _| {
            if request.start_from.is_some() {
                return Err(Error::from_response(400, Some("InvalidQueryParameterValue")));
            }
            if request.delimiter.is_none() && request.marker.is_none() {
                let mut empty = Page::default();
                empty.next = Some(Marker::from("0".to_owned()));
                return Ok(empty);
            }
            Ok(page(&all, NameOrder::Segments, true, request))
        });
        let shards = shards(r#"[{"prefix":"","start":"0"}]"#);
        let scan =
            scan(store).in_flight(in_flight).page_size(50.try_into().unwrap()).shards(shards);
        let mut got = names(scan).await.unwrap();
        got.sort();
        let len = got.len();
        got.dedup();
        assert_eq!((got.len(), len), (want, want));
    }
}

#[tokio::test]
async fn a_refusal_without_a_start_is_final() {
    let store = fake(|_, n| {
        assert!(n < 1000, "the requests do not end");
        Err(Error::from_response(400, Some("InvalidQueryParameterValue")))
    });
    let shards = shards(r#"[{"prefix":"","start":"b"}]"#);
    let error = names(scan(store).shards(shards)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadRequest);
}

#[tokio::test]
async fn a_name_that_one_shard_has_delivered_is_not_repeated_by_its_neighbor() {
    for keeps_start in [true, false] {
        for in_flight in [1, 4] {
            let all = blobs(["b", "d", "m1", "m2", "p", "q"]);
            let store =
                fake(move |request, _| Ok(page(&all, NameOrder::Bytes, keeps_start, request)));
            let shards = shards(
                r#"[{"prefix":"","end":"m","after":"b"},{"prefix":"","start":"m","after":"p"}]"#,
            );
            let scan = scan(store).shards(shards).in_flight(in_flight).order(Order::Ascending);
            assert_eq!(names(scan).await.unwrap(), ["d", "q"], "{keeps_start} {in_flight}");
        }
    }
}

fn versions() -> Vec<Blob> {
    // The size identifies a blob, and a rejection has it too.
    let version = |(name, size): (&str, u64)| {
        let mut blob = Blob::new(name, size);
        blob.version_id = Some(size.to_string().as_str().into());
        blob
    };
    [("a", 1), ("b", 1), ("b", 2), ("b", 3), ("c", 1)].map(version).to_vec()
}

#[tokio::test]
async fn versions_after_a_page_border_remain_for_the_resumed_scan() {
    for given in 0..=5 {
        let store =
            || fake(move |request, _| Ok(page(&versions(), NameOrder::Bytes, true, request)));
        let scan = || scan(store()).include([Include::Versions]).page_size(2.try_into().unwrap());
        let mut first = scan().verdicts();
        let mut count = BTreeMap::<_, usize>::new();
        let id = |v: &azure_asset_sync::Verdict| {
            let version = v.rejection().unwrap();
            (version.name.clone(), version.size)
        };
        for _ in 0..given {
            *count.entry(id(&first.try_next().await.unwrap().unwrap())).or_default() += 1;
        }
        let rest: Vec<_> = scan().shards(first.remaining()).verdicts().try_collect().await.unwrap();
        rest.iter().for_each(|v| *count.entry(id(v)).or_default() += 1);
        assert_eq!(count.len(), 5, "after {given}: {count:?}");
    }
}

#[tokio::test]
async fn an_entry_without_a_name_does_not_cause_repeated_blobs() {
    for given in 0..=4 {
        let store = || {
            fake(|request, _| {
                let all = blobs(["a", "b", "c"]);
                let mut page = page(&all, NameOrder::Bytes, true, request);
                page.malformed.push(Malformed::new(None, "it has no name"));
                Ok(page)
            })
        };
        let mut first = scan(store()).verdicts();
        let mut all = Vec::new();
        for _ in 0..given {
            all.extend(first.try_next().await.unwrap().unwrap().name().map(str::to_owned));
        }
        let rest: Vec<_> =
            scan(store()).shards(first.remaining()).verdicts().try_collect().await.unwrap();
        all.extend(rest.iter().filter_map(|v| v.name().map(str::to_owned)));
        assert_eq!(all, ["a", "b", "c"], "after {given}");
    }
}

#[tokio::test]
async fn a_name_that_is_created_and_deleted_during_the_listing_is_not_taken_for_disorder() {
    let store = fake(|request, _| {
        Ok(match &request.start_from {
            Some(_) => page(&blobs(["a", "m1", "n"]), NameOrder::Bytes, true, request),
            None => page(&blobs(["a", "n"]), NameOrder::Bytes, true, request),
        })
    });
    let shards = shards(r#"[{"prefix":"","end":"m"},{"prefix":"","start":"m"}]"#);
    let got = names(scan(store).shards(shards).in_flight(2).order(Order::Ascending)).await;
    assert_eq!(got.unwrap(), ["a", "m1", "n"]);
}

#[tokio::test(start_paused = true)]
async fn requests_that_only_improve_speed_may_fail() {
    for what in ["folders", "probes"] {
        for error in [403, 404, 414, 500] {
            let all: Vec<_> =
                (0..2000).map(|n| Blob::new(format!("{:02}/{n:04}", n / 100), 1)).collect();
            let of = all.clone();
            let store = fake(move |request, _| {
                let is_probe =
                    request.start_from.is_some() && request.max_results == 1.try_into().ok();
                let fails = if what == "folders" { request.delimiter.is_some() } else { is_probe };
                if fails {
                    return Err(Error::from_response(error, None));
                }
                Ok(page(&all, NameOrder::Bytes, true, request))
            });
            let scan = scan(store).in_flight(8).page_size(50.try_into().unwrap());
            let scan =
                scan.order(Order::Ascending).page_deadline(std::time::Duration::from_millis(300));
            let got = names(scan).await;
            assert_eq!(
                got.map_err(|e| e.to_string()).map(|got| got.len()),
                Ok(of.len()),
                "{what} {error}"
            );
        }
    }
}

#[tokio::test]
async fn options_can_have_their_largest_values() {
    for (in_flight, prefetch) in [(usize::MAX, 1), (1, usize::MAX), (usize::MAX, usize::MAX)] {
        for keeps_start in [true, false] {
            let all: Vec<_> =
                (0..2000).map(|n| Blob::new(format!("{:02}/{n:04}", n / 100), 1)).collect();
            let store =
                fake(move |request, _| Ok(page(&all, NameOrder::Bytes, keeps_start, request)));
            let scan = scan(store).page_size(50.try_into().unwrap());
            let got = tokio::time::timeout(
                // Detects a hang, so that a slow machine passes.
                std::time::Duration::from_secs(300),
                names(scan.in_flight(in_flight).prefetch(prefetch)),
            )
            .await;
            assert_eq!(got.unwrap().unwrap().len(), 2000);
        }
    }
}

#[tokio::test]
async fn shards_must_be_disjoint_in_the_order_of_the_names() {
    // The remaining shards of a container with a hierarchical namespace, which sorts `/` before `-`.
    let json = r#"[{"prefix":"","end":"d/m"},{"prefix":"","start":"d-"}]"#;
    for (order, is_fine) in [(NameOrder::Segments, true), (NameOrder::Bytes, false)] {
        let all = match order {
            NameOrder::Segments => blobs(["d/a", "d/x", "d-2"]),
            _ => blobs(["d-2", "d/a", "d/x"]),
        };
        let store = fake(move |request, _| Ok(page(&all, order, true, request)));
        let got = names(scan(store).shards(shards(json)).order(Order::Ascending)).await;
        match is_fine {
            true => assert_eq!(got.unwrap(), ["d/a", "d-2"]),
            false => assert_eq!(got.unwrap_err().kind(), ErrorKind::Config),
        }
    }
}

#[tokio::test]
async fn a_shard_does_not_include_names_before_its_start() {
    // The remaining shards of an interrupted scan.
    let json = r#"[{"prefix":"","end":"m","after":"b"},{"prefix":"","start":"p","after":"b"}]"#;
    for given in 0..=5 {
        let all = || blobs(["a", "c", "d", "p", "q", "r"]);
        let store = || fake(move |request, _| Ok(page(&all(), NameOrder::Bytes, true, request)));
        // The second shard is listed first.
        let mut scans = shards(json);
        scans.reverse();
        let scan = scan(store()).shards(scans).in_flight(2).page_size(1.try_into().unwrap());
        let mut first = scan.verdicts();
        let mut got = Vec::new();
        for _ in 0..given {
            got.extend(first.try_next().await.unwrap().unwrap().name().map(str::to_owned));
        }
        let rest = Scan::new(store(), &Prefix::default()).shards(first.remaining());
        got.extend(names(rest).await.unwrap());
        got.sort();
        assert_eq!(got, ["c", "d", "p", "q", "r"], "after {given}");
    }
}

#[tokio::test]
async fn folders_that_form_a_circle_are_not_followed() {
    for circle in ["", "d/", "e/"] {
        for keeps_start in [true, false] {
            let all: Vec<_> = (0..60).map(|n| Blob::new(format!("d/{n:02}/x"), 1)).collect();
            let want: Vec<_> = all.iter().map(|blob| blob.name.clone()).collect();
            let store = fake(move |request, _| {
                let mut page = page(&all, NameOrder::Bytes, keeps_start, request);
                if request.delimiter.is_some() {
                    page.prefixes = vec![circle.to_owned()];
                    page.next = None;
                }
                Ok(page)
            });
            let scan = scan(store).in_flight(4).page_size(5.try_into().unwrap());
            assert_eq!(names(scan.order(Order::Ascending)).await.unwrap(), want, "{circle:?}");
        }
    }
}
