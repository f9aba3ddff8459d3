//! A scan follows pages, retries transient errors within its deadlines, can be cancelled, and reports
//! its progress. The clock is paused.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use azure_asset_sync::{
    Backoff, Blob, Error, ErrorKind, MemoryStore, Prefix, Reason, Rules, Scan, Store, Verdict,
    store::{Include, ListRequest, Malformed, Marker, Page, ReadRequest},
    validate::Action,
};
use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _};
use proptest::prelude::*;
use tokio::time::Instant;

/// A store with scripted answers, which records the requests.
#[derive(Default)]
struct Script {
    answers: Mutex<VecDeque<Result<Page, Error>>>,
    requests: Mutex<Vec<ListRequest>>,
}

impl Script {
    fn new(answers: impl IntoIterator<Item = Result<Page, Error>>) -> Arc<Self> {
        Arc::new(Self { answers: Mutex::new(answers.into_iter().collect()), ..Self::default() })
    }

    fn requests(&self) -> Vec<ListRequest> {
        self.requests.lock().unwrap().clone()
    }
}

#[async_trait::async_trait]
impl Store for Script {
    async fn list(&self, request: ListRequest) -> Result<Page, Error> {
        self.requests.lock().unwrap().push(request);
        self.answers.lock().unwrap().pop_front().expect("no more answers")
    }

    async fn read(&self, _: ReadRequest) -> Result<Bytes, Error> {
        unreachable!("a scan reads no content")
    }
}

fn blobs(names: &[&str]) -> Vec<Blob> {
    names.iter().map(|name| Blob::new(*name, 1)).collect()
}

fn page(names: &[&str], next: &str) -> Result<Page, Error> {
    Ok(match next {
        "" => Page::last(blobs(names)),
        next => Page::new(blobs(names), Marker::from(next.to_owned())),
    })
}

fn scan(store: impl Store + 'static) -> Scan {
    Scan::new(store, &Prefix::default())
}

async fn names(scan: Scan) -> Result<Vec<String>, Error> {
    scan.verdicts().map_ok(|verdict| verdict.name().unwrap().to_owned()).try_collect().await
}

#[tokio::test]
async fn empty_pages_are_skipped_and_markers_are_sent_unchanged() {
    let store = Script::new([
        page(&[], "m1"),
        page(&["a.jpg"], "m2"),
        page(&[], "m3"),
        page(&["b.jpg"], ""),
    ]);
    assert_eq!(names(scan(store.clone())).await.unwrap(), ["a.jpg", "b.jpg"]);
    let markers: Vec<_> = store.requests().into_iter().map(|r| r.marker).collect();
    let want = [None, Some("m1"), Some("m2"), Some("m3")];
    assert_eq!(markers, want.map(|marker| marker.map(|m| Marker::from(m.to_owned()))));
}

#[tokio::test]
async fn ten_thousand_empty_pages_end() {
    let empty = (0..10_000).map(|n| page(&[], &format!("m{n}")));
    let store = Script::new(empty.chain([page(&["a.jpg"], "")]));
    assert_eq!(names(scan(store)).await.unwrap(), ["a.jpg"]);
}

#[tokio::test]
async fn a_repeated_marker_is_an_error() {
    for circle in [1, 2, 7] {
        let markers = (0..100).map(|n| format!("m{}", if n < 5 { 100 + n } else { n % circle }));
        let store = Script::new(markers.map(|marker| page(&[], &marker)).collect::<Vec<_>>());
        let error = names(scan(store.clone())).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::RepeatedMarker);
        assert!(store.requests().len() < 40, "{}", store.requests().len());
    }
}

#[tokio::test]
async fn a_blob_that_is_repeated_at_a_page_border_is_delivered_once() {
    let mut snapshot = Blob::new("b.jpg", 1);
    snapshot.snapshot = Some("t".into());
    let second = Page::last([blobs(&["b.jpg"]), vec![snapshot], blobs(&["c.jpg"])].concat());
    let store = Script::new([page(&["a.jpg", "b.jpg"], "m"), Ok(second)]);
    assert_eq!(names(scan(store)).await.unwrap(), ["a.jpg", "b.jpg", "b.jpg", "c.jpg"]);
}

#[tokio::test]
async fn a_request_has_the_options_of_the_scan() {
    let store = Script::new([page(&[], "")]);
    let prefix: Prefix = "images/".parse().unwrap();
    let scan = Scan::new(store.clone(), &prefix)
        .page_size(7.try_into().unwrap())
        .include([Include::Metadata, Include::Versions]);
    scan.run(()).await.unwrap();
    let mut want = ListRequest::new("images/");
    want.max_results = 7.try_into().ok();
    want.include = vec![Include::Metadata, Include::Versions];
    assert_eq!(store.requests(), [want]);
}

#[tokio::test]
async fn a_malformed_entry_is_a_rejection_and_the_stream_continues() {
    let mut odd = Page::new(blobs(&["a.jpg"]), Marker::from("m".to_owned()));
    odd.malformed.push(Malformed::new(None, "it has no name"));
    let store = Script::new([Ok(odd), page(&["b.jpg"], "")]);
    let verdicts: Vec<Verdict> = scan(store).verdicts().try_collect().await.unwrap();
    assert_eq!(verdicts.len(), 3);
    let rejection = verdicts[0].rejection().unwrap();
    assert_eq!((rejection.reason, &rejection.name), (Reason::Malformed, &None));
    assert_eq!(rejection.detail, "it has no name");
}

fn busy(retry_after: Option<u64>) -> Result<Page, Error> {
    let error = Error::from_response(503, Some("ServerBusy"));
    Err(match retry_after {
        Some(seconds) => error.with_retry_after(Duration::from_secs(seconds)),
        None => error,
    })
}

#[tokio::test(start_paused = true)]
async fn a_transient_error_is_retried_on_the_same_page() {
    let store = Script::new([page(&["a.jpg"], "m"), busy(None), busy(None), page(&["b.jpg"], "")]);
    let scan = scan(store.clone());
    let progress = scan.progress();
    assert_eq!(names(scan).await.unwrap(), ["a.jpg", "b.jpg"]);
    let requests = store.requests();
    assert_eq!(requests.len(), 4);
    assert!(requests[1..].windows(2).all(|pair| pair[0] == pair[1]));
    let report = progress.report();
    assert_eq!((report.requests, report.pages, report.accepted()), (4, 2, 2));
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_respected() {
    let start = Instant::now();
    let store = Script::new([busy(Some(40)), page(&[], "")]);
    names(scan(store)).await.unwrap();
    assert_eq!(start.elapsed().as_secs(), 40);
}

#[tokio::test(start_paused = true)]
async fn a_retry_after_beyond_the_deadline_ends_the_scan_at_once() {
    for seconds in [181, 1_000_000_000, u64::MAX] {
        let start = Instant::now();
        let error = names(scan(Script::new([busy(Some(seconds))]))).await.unwrap_err();
        assert_eq!((error.kind(), error.status()), (ErrorKind::Throttled, Some(503)));
        assert_eq!(start.elapsed(), Duration::ZERO);
    }
}

#[tokio::test(start_paused = true)]
async fn retries_end_at_the_deadline_with_an_error_that_says_so() {
    let start = Instant::now();
    let store = Script::new(std::iter::repeat_with(|| busy(None)).take(100_000));
    let scan = scan(store).page_deadline(Duration::from_secs(60));
    let error = names(scan).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Throttled);
    assert!(error.to_string().starts_with("gave up after"), "{error}");
    assert!(start.elapsed() <= Duration::from_secs(60));
}

#[tokio::test]
async fn a_permanent_error_is_not_retried() {
    for (status, code) in [(403, "AuthorizationPermissionMismatch"), (404, "ContainerNotFound")] {
        let store = Script::new([Err(Error::from_response(status, Some(code)))]);
        let error = names(scan(store.clone())).await.unwrap_err();
        assert_eq!((error.status(), error.code()), (Some(status), Some(code)));
        assert_eq!(store.requests().len(), 1);
    }
}

#[tokio::test]
async fn the_stream_delivers_earlier_verdicts_before_an_error_and_then_ends() {
    let refused = Err(Error::from_response(403, None));
    let mut verdicts = scan(Script::new([page(&["a.jpg"], "m"), refused])).verdicts();
    assert!(verdicts.next().await.unwrap().is_ok());
    assert!(verdicts.next().await.unwrap().is_err());
    assert!(verdicts.next().await.is_none());
    assert!(verdicts.next().await.is_none());
}

/// A store that never answers, and counts the futures that are dropped.
struct Silent(Arc<AtomicUsize>);

#[async_trait::async_trait]
impl Store for Silent {
    async fn list(&self, _: ListRequest) -> Result<Page, Error> {
        struct Guard(Arc<AtomicUsize>);
        impl Drop for Guard {
            fn drop(&mut self) {
                self.0.fetch_add(1, Ordering::SeqCst);
            }
        }
        let _guard = Guard(Arc::clone(&self.0));
        std::future::pending().await
    }

    async fn read(&self, _: ReadRequest) -> Result<Bytes, Error> {
        unreachable!()
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_store_is_a_timeout_at_the_deadline() {
    let dropped = Arc::new(AtomicUsize::new(0));
    let start = Instant::now();
    let scan = scan(Silent(Arc::clone(&dropped))).page_deadline(Duration::from_secs(9));
    assert_eq!(names(scan).await.unwrap_err().kind(), ErrorKind::Timeout);
    assert_eq!((start.elapsed().as_secs(), dropped.load(Ordering::SeqCst)), (9, 1));
}

#[tokio::test]
async fn a_dropped_stream_cancels_its_request() {
    let dropped = Arc::new(AtomicUsize::new(0));
    let mut verdicts = scan(Silent(Arc::clone(&dropped))).verdicts();
    // One poll starts the request.
    assert!(futures::poll!(verdicts.next()).is_pending());
    tokio::task::yield_now().await;
    assert_eq!(dropped.load(Ordering::SeqCst), 0);
    drop(verdicts);
    tokio::task::yield_now().await;
    assert_eq!(dropped.load(Ordering::SeqCst), 1);
}

/// A listing that never ends, which counts its pages.
struct Endless(AtomicUsize);

#[async_trait::async_trait]
impl Store for Endless {
    async fn list(&self, _: ListRequest) -> Result<Page, Error> {
        let n = self.0.fetch_add(1, Ordering::SeqCst);
        page(&[&format!("{n:09}.jpg")], &format!("{n}"))
    }

    async fn read(&self, _: ReadRequest) -> Result<Bytes, Error> {
        unreachable!()
    }
}

#[tokio::test]
async fn pages_are_requested_only_as_the_consumer_takes_verdicts() {
    let store = Arc::new(Endless(AtomicUsize::new(0)));
    let mut verdicts = scan(Arc::clone(&store)).prefetch(3).verdicts();
    for consumed in 1..50 {
        verdicts.next().await.unwrap().unwrap();
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        let requests = store.0.load(Ordering::SeqCst);
        assert!(
            requests >= consumed + 2 && requests <= consumed + 3,
            "{requests} pages at {consumed}"
        );
    }
}

struct Broken;

#[async_trait::async_trait]
impl Store for Broken {
    async fn list(&self, _: ListRequest) -> Result<Page, Error> {
        panic!("the store is broken")
    }

    async fn read(&self, _: ReadRequest) -> Result<Bytes, Error> {
        unreachable!()
    }
}

#[tokio::test]
#[should_panic(expected = "the store is broken")]
async fn a_panic_of_the_store_reaches_the_caller() {
    let _ = names(scan(Broken)).await;
}

#[tokio::test]
async fn the_report_counts_everything() {
    let store = MemoryStore::from_iter(
        ["a.jpg", "b.png", "c.mp4", "d.txt", "e/", "f.jpeg", "g.tga", "h.xbm", "x/a.jpg"]
            .map(|name| Blob::new(name, 10)),
    );
    // The rules do not know the formats of two of the blobs.
    let rules = Rules::default().on(Reason::UnsupportedFormat, Action::Note);
    let scan = scan(store).rules(rules).page_size(2.try_into().unwrap());
    let progress = scan.progress();
    assert_eq!(progress.report().total(), 0);
    let report = scan.run(()).await.unwrap();
    assert_eq!((report.accepted(), report.rejected(), report.total()), (7, 2, 9));
    assert_eq!((report.pages, report.requests, report.bytes), (5, 5, 70));
    let text = format!(
        "{:?} {:?} {:?} {:?}",
        report.kinds, report.formats, report.rejections, report.findings
    );
    assert_eq!(
        text,
        "{Image: 6, Video: 1} {\"image/jpeg\": 3, \"image/png\": 1, \"image/x-tga\": 1, \
         \"image/x-xbitmap\": 1, \"video/mp4\": 1} {NoExtension: 1, UnsupportedFormat: 1} \
         {UnsupportedFormat: 2, BaseNameCollision: 1}"
    );
    let after = progress.report();
    assert_eq!((after.total(), after.pages), (9, 5));
    assert_eq!(serde_json::to_value(&report).unwrap()["rejections"]["no_extension"], 1);
}

#[tokio::test]
async fn the_elapsed_time_stops_when_the_scan_ends() {
    tokio::time::pause();
    let scan = scan(MemoryStore::new());
    let progress = scan.progress();
    let report = scan.run(()).await.unwrap();
    tokio::time::advance(Duration::from_secs(60)).await;
    assert_eq!(progress.report().elapsed, report.elapsed);
}

#[test]
fn delays_stay_within_their_limits() {
    let backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(1));
    let most: Vec<_> = backoff.delays(|| 1.0).take(6).map(|delay| delay.as_millis()).collect();
    assert_eq!(most, [100, 200, 400, 800, 1000, 1000]);
    assert!(backoff.delays(|| 0.0).take(6).all(|delay| delay.is_zero()));
    let longest = Backoff::new(Duration::MAX, Duration::MAX).delays(|| 0.5).nth(100).unwrap();
    assert!(longest < Duration::MAX);
}

#[test]
fn streams_and_errors_are_send_and_sync() {
    fn send<T: Send + 'static>() {}
    fn sync<T: Sync>() {}
    send::<azure_asset_sync::Verdicts>();
    send::<Scan>();
    sync::<Error>();
    sync::<azure_asset_sync::Progress>();
    assert_eq!(size_of::<Error>(), size_of::<usize>());
    fn object(_: &dyn Store, _: &dyn azure_asset_sync::Sink) {}
    object(&MemoryStore::new(), &());
}

proptest! {
    #[test]
    fn any_split_into_pages_gives_the_same_verdicts(
        sizes in prop::collection::vec(0..4_usize, 0..30),
        repeat: u64,
    ) {
        let total: usize = sizes.iter().sum();
        let all: Vec<String> = (0..total).map(|n| format!("{n:04}.jpg")).collect();
        let mut rest = &all[..];
        let mut last: Option<&String> = None;
        let mut answers = Vec::new();
        for (n, size) in sizes.iter().enumerate() {
            let (head, tail) = rest.split_at(*size);
            // Some pages start with the last name of the preceding page.
            let twice = last.filter(|_| repeat >> (n % 64) & 1 == 1);
            let names: Vec<_> = twice.into_iter().chain(head).map(String::as_str).collect();
            answers.push(page(&names, &format!("m{n}")));
            last = head.last().or(last);
            rest = tail;
        }
        answers.push(page(&[], ""));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let listed = runtime.block_on(names(scan(Script::new(answers)))).unwrap();
        prop_assert_eq!(listed, all);
    }
}
