//! A state in an object store: conformance, replicas that take over from each other, leases that are
//! renewed or expire, requests that fail, and what stays in the store.

mod flaky;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use azure_asset_sync::{
    Blob, Clock, Error, ErrorKind, MemoryStore, Prefix, Scan, Store,
    sink::{Batch, Change, Delivery, Sink},
    store::{ListRequest, Marker, Page, ReadRequest},
    sync::{Ending, Job, Manifest, ObjectStoreState, StateStore, interrupted_in},
    testing::{ManualClock, TestDisk, conformance::check_state},
};
use bytes::Bytes;
use flaky::{Failure, Flaky};
use futures::TryStreamExt as _;
use object_store::{ObjectStore, local::LocalFileSystem, memory::InMemory};
use tokio::{sync::Semaphore, task::spawn_blocking, time::Instant};

use crate::state_conformance::assert_all;

const LEASE: Duration = Duration::from_secs(3600);

/// Returns the state with a number, for one of several replicas.
fn state(store: &Arc<dyn ObjectStore>, number: u32, clock: &ManualClock) -> ObjectStoreState {
    // An hour, so that no renewal is due while a test runs, however slow the machine is.
    ObjectStoreState::new(Arc::clone(store), format!("states/{number}"))
        .lease(LEASE)
        .clock(clock.clone())
}

fn memory() -> Arc<dyn ObjectStore> {
    Arc::new(InMemory::new())
}

fn scan(names: impl IntoIterator<Item = String>) -> Scan {
    let store: MemoryStore = names.into_iter().map(|name| Blob::new(name, 10)).collect();
    Scan::new(store, &Prefix::default())
}

fn names(count: u32) -> impl Iterator<Item = String> {
    (0..count).map(|n| format!("{n:05}.jpg"))
}

/// A sink that keeps the assets, and waits for a permit before each batch.
#[derive(Clone)]
struct Assets {
    names: Arc<Mutex<BTreeMap<String, u32>>>,
    /// How many batches have come, and for how many there was a permit.
    batches: Arc<AtomicU64>,
    gate: Arc<Semaphore>,
}

impl Assets {
    fn new(permits: usize) -> Self {
        let gate = Arc::new(Semaphore::new(permits));
        Self { names: Arc::default(), batches: Arc::default(), gate }
    }

    fn open() -> Self {
        Self::new(Semaphore::MAX_PERMITS)
    }

    fn batches(&self) -> u64 {
        self.batches.load(Ordering::SeqCst)
    }

    fn names(&self) -> Vec<String> {
        self.names.lock().unwrap().keys().cloned().collect()
    }
}

#[async_trait::async_trait]
impl Sink for Assets {
    async fn accept(&mut self, batch: Batch<'_>) -> Result<(), Error> {
        self.batches.fetch_add(1, Ordering::SeqCst);
        self.gate.acquire().await.unwrap().forget();
        let mut names = self.names.lock().unwrap();
        for change in batch.changes {
            match (change, change.name()) {
                (Change::Removed(_), Some(name)) => drop(names.remove(name)),
                (_, Some(name)) => *names.entry(name.to_owned()).or_default() += 1,
                _ => {}
            }
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }

    async fn finish(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn delivery(&self) -> Delivery {
        Delivery::Idempotent
    }
}

/// Waits until a condition holds. The limit is only for a test that fails.
async fn until(mut holds: impl AsyncFnMut() -> bool) {
    let start = std::time::Instant::now();
    while !holds().await {
        assert!(start.elapsed() < Duration::from_secs(300));
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test]
async fn states_in_object_stores_conform() {
    let folder = tempfile::tempdir().unwrap();
    let local = LocalFileSystem::new_with_prefix(folder.path()).unwrap();
    let stores: [Arc<dyn ObjectStore>; 2] = [Arc::new(InMemory::new()), Arc::new(local)];
    for store in stores {
        let clock = ManualClock::new();
        let check =
            move || check_state(|number| state(&store, number, &clock), |_| clock.advance(LEASE));
        assert_all(&spawn_blocking(check).await.unwrap());
    }
}

/// Opens a state, as another replica does.
type Open<'a> = &'a dyn Fn() -> Arc<dyn StateStore>;

#[tokio::test]
async fn a_replica_that_was_overtaken_loses_nothing_and_changes_nothing() {
    let (store, clock, disk) = (memory(), ManualClock::new(), TestDisk::new(10));
    let replicas: [(Open<'_>, &dyn Fn()); 2] = [
        (&|| Arc::new(state(&store, 1, &clock)), &|| clock.advance(LEASE)),
        (&|| Arc::new(disk.clone()), &|| disk.break_lock()),
    ];
    for (open, lose_lock) in replicas {
        let sink = Assets::open();
        Job::with_state(scan(names(30)), open()).run(sink.clone()).await.unwrap();

        // The first replica stalls while it delivers its second batch.
        let late = Assets::new(1);
        let stalled = Job::with_state(Scan::new(Paged(50), &Prefix::default()), open());
        let stalled = tokio::spawn(stalled.run(late.clone()));
        until(async || late.batches() == 2).await;
        let busy = Job::with_state(scan(names(60)), open()).run(()).await.unwrap_err();
        assert_eq!(busy.kind(), ErrorKind::StateBusy);

        lose_lock();
        let summary = Job::with_state(scan(names(60)), open()).run(sink.clone()).await.unwrap();
        assert!(summary.is_resumed && summary.ending == Ending::Complete);
        // What the first had committed is not reported again.
        assert_eq!(sink.names().len(), 50);

        late.gate.add_permits(100);
        let error = stalled.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StateBusy, "{error}");
        let manifest = Manifest::open_in(open()).await.unwrap().unwrap();
        assert_eq!((manifest.run(), manifest.assets()), (summary.run, 60));
        assert_eq!(interrupted_in(open()).await.unwrap(), None);
        let next = Job::with_state(scan(names(60)), open()).run(sink.clone()).await.unwrap();
        assert_eq!((next.counts.added, next.counts.unchanged), (0, 60));
    }
}

/// A store with this many blobs, ten on a page.
struct Paged(u32);

#[async_trait::async_trait]
impl Store for Paged {
    async fn list(&self, request: ListRequest) -> Result<Page, Error> {
        let start = request.marker.map_or(0, |marker| marker.as_str().parse::<u32>().unwrap());
        let blobs = names(self.0).skip(start as usize).take(10);
        let blobs = blobs.map(|name| Blob::new(name, 10)).collect();
        Ok(match start + 10 < self.0 {
            true => Page::new(blobs, Marker::from((start + 10).to_string())),
            false => Page::last(blobs),
        })
    }

    async fn read(&self, _: ReadRequest) -> Result<Bytes, Error> {
        unreachable!("a job reads no content")
    }
}

/// The paused clock of Tokio, which goes on when nothing else does.
#[derive(Debug)]
struct TokioClock(Instant);

#[async_trait::async_trait]
impl Clock for TokioClock {
    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    fn time(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600) + self.elapsed()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_waits_for_an_hour_keeps_a_lease_of_a_minute() {
    let (store, start) = (memory(), Instant::now());
    let open = || ObjectStoreState::new(Arc::clone(&store), "a").clock(TokioClock(start));
    let sink = Assets::new(0);
    let run = tokio::spawn(Job::with_state(scan(names(3)), open()).run(sink.clone()));
    for _ in 0..60 {
        tokio::time::sleep(Duration::from_secs(61)).await;
        let error = Job::with_state(scan(names(3)), open()).run(()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StateBusy);
    }
    sink.gate.add_permits(10);
    assert_eq!(run.await.unwrap().unwrap().counts.added, 3);
    Job::with_state(scan(names(3)), open()).run(()).await.unwrap();
}

#[tokio::test]
async fn a_run_that_is_dropped_gives_the_lock_back() {
    let (store, clock) = (memory(), ManualClock::new());
    let job =
        || Job::with_state(Scan::new(Paged(30), &Prefix::default()), state(&store, 1, &clock));
    for _ in 0..5 {
        let sink = Assets::new(0);
        let run = tokio::spawn(job().run(sink.clone()));
        until(async || sink.batches() == 1).await;
        run.abort();
        // In the background, as soon as the step that is under way has ended.
        until(async || {
            let state = state(&store, 1, &clock);
            spawn_blocking(move || state.lock().map(|files| files.release())).await.unwrap().is_ok()
        })
        .await;
    }
    let sink = Assets::open();
    assert!(job().run(sink).await.unwrap().is_resumed);
}

#[test]
fn a_process_that_dies_is_followed_when_its_lease_has_expired() {
    let (store, clock) = (memory(), ManualClock::new());
    let job =
        || Job::with_state(Scan::new(Paged(30), &Prefix::default()), state(&store, 1, &clock));
    let sink = Assets::new(1);
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let dying = runtime();
    dying.block_on(async {
        tokio::spawn(job().run(sink.clone()));
        until(async || sink.batches() == 2).await;
    });
    // Nothing polls the run any more, and nothing drops it.
    std::mem::forget(dying);
    runtime().block_on(async {
        let error = job().run(sink.clone()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StateBusy);
        assert!(error.to_string().contains("3600 s") || error.to_string().contains("3601 s"));
        assert!(interrupted_in(state(&store, 1, &clock)).await.unwrap().is_some());
        clock.advance(LEASE);
        sink.gate.add_permits(10);
        assert!(job().run(sink.clone()).await.unwrap().is_resumed);
        assert_eq!(sink.names().len(), 30);
    });
}

#[tokio::test]
async fn a_run_survives_each_request_that_fails() {
    for failure in [Failure::NotSent, Failure::AnswerLost] {
        let mut number = 0;
        loop {
            let (flaky, clock) = (Arc::new(Flaky::default()), ManualClock::new());
            let store: Arc<dyn ObjectStore> = flaky.clone();
            let job = |count: u32, first: u32| {
                let names = names(count).filter(move |name| *name >= format!("{first:05}.jpg"));
                Job::with_state(scan(names), state(&store, 1, &clock)).max_removals(1.0)
            };
            let sink = Assets::open();
            job(30, 0).run(sink.clone()).await.unwrap();
            flaky.fail_at(number, failure);
            let result = job(40, 5).run(sink.clone()).await;
            if !flaky.has_failed() {
                break;
            }
            let kind = result.as_ref().err().map(Error::kind);
            assert!(matches!(kind, None | Some(ErrorKind::State)), "{number}: {result:?}");
            // The lock may not have been given back.
            clock.advance(LEASE);
            let summary = job(40, 5).run(sink.clone()).await.unwrap();
            assert_eq!(summary.assets, Some(35), "{failure:?} {number}");
            let want: Vec<_> = names(40).skip(5).collect();
            assert_eq!(sink.names(), want, "{failure:?} {number}");
            // A batch is repeated at most once.
            assert!(sink.names.lock().unwrap().values().all(|times| *times <= 2));
            let manifest = Manifest::open_in(state(&store, 1, &clock)).await.unwrap().unwrap();
            let rows = spawn_blocking(|| manifest.rows().collect::<Result<Vec<_>, _>>());
            let rows = rows.await.unwrap().unwrap();
            let there = rows.into_iter().filter(|row| row.removed.is_none()).map(|row| row.name);
            assert_eq!(there.collect::<Vec<_>>(), want, "{failure:?} {number}");
            number += 1;
        }
        assert!(number > 20, "only {number} requests");
    }
}

/// A store with this many blobs in no order.
struct Shuffled(u64);

#[async_trait::async_trait]
impl Store for Shuffled {
    async fn list(&self, request: ListRequest) -> Result<Page, Error> {
        let start = request.marker.map_or(0, |marker| marker.as_str().parse::<u64>().unwrap());
        let end = (start + 5000).min(self.0);
        // The prime divides no number of blobs here, so each blob is listed once.
        let blobs = (start..end).map(|n| Blob::new(format!("{:06}.jpg", n * 7919 % self.0), 1));
        let blobs = blobs.collect();
        Ok(match end == self.0 {
            true => Page::last(blobs),
            false => Page::new(blobs, Marker::from(end.to_string())),
        })
    }

    async fn read(&self, _: ReadRequest) -> Result<Bytes, Error> {
        unreachable!("a job reads no content")
    }
}

#[tokio::test]
async fn a_listing_in_no_order_is_sorted_in_the_object_store() {
    const COUNT: u64 = 40_000;
    let (store, clock) = (memory(), ManualClock::new());
    let state = || state(&store, 1, &clock);
    let job = || Job::with_state(Scan::new(Shuffled(COUNT), &Prefix::default()), state());
    assert_eq!(job().run(()).await.unwrap().counts.added, COUNT);
    assert_eq!(job().run(()).await.unwrap().counts.unchanged, COUNT);
    let assets = Assets::open();
    let manifest = Manifest::open_in(state()).await.unwrap().unwrap();
    assert_eq!(manifest.export(assets.clone()).await.unwrap(), COUNT);
    assert!(assets.names().into_iter().eq((0..COUNT).map(|n| format!("{n:06}.jpg"))));
}

#[tokio::test]
async fn many_runs_leave_few_objects() {
    let (store, clock) = (memory(), ManualClock::new());
    for count in 1..150 {
        let scan = Scan::new(Paged(count), &Prefix::default());
        let job = Job::with_state(scan, state(&store, 1, &clock)).max_removals(1.0);
        assert_eq!(job.run(()).await.unwrap().assets, Some(u64::from(count)));
    }
    let objects: Vec<_> = store.list(None).try_collect().await.unwrap();
    let (heads, data): (Vec<_>, Vec<_>) =
        objects.iter().partition(|object| object.location.as_ref().contains("/heads/"));
    // The heads with which the last hundred runs took the lock, and the present one.
    assert!(heads.len() <= 102, "{} heads", heads.len());
    // A manifest, and the one before it.
    assert!(data.len() <= 10, "{} data objects", data.len());
}

#[tokio::test]
async fn a_run_that_is_refused_leaves_no_lock() {
    let (store, clock) = (memory(), ManualClock::new());
    let job = |source| Job::with_state(scan(names(3)), state(&store, 1, &clock)).source(source);
    job("one").run(()).await.unwrap();
    for _ in 0..2 {
        // The second error would be `StateBusy` if the first run had left its lock.
        let error = job("another").run(()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StateInvalid, "{error}");
    }
    assert_eq!(job("one").run(()).await.unwrap().counts.unchanged, 3);
}

#[test]
fn a_state_that_is_not_readable_is_named_and_left() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let store = memory();
    let path = object_store::path::Path::from("states/1/heads/00000000000000000007");
    runtime.block_on(async {
        for (text, want) in [
            ("{", "cannot be read"),
            (r#"{"format":9,"holder":"","locks":[],"files":{}}"#, "format is 9"),
        ] {
            object_store::ObjectStoreExt::put(&store, &path, text.into()).await.unwrap();
            let job = Job::with_state(scan(names(1)), state(&store, 1, &ManualClock::new()));
            let error = job.run(()).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::StateInvalid);
            assert!(error.to_string().contains(want), "{error}");
            assert_eq!(store.list(None).try_collect::<Vec<_>>().await.unwrap().len(), 1);
        }
    });
    // Without a runtime there is an error, not a panic.
    let error = state(&store, 2, &ManualClock::new()).lock().unwrap_err();
    assert!(error.to_string().contains("needs a Tokio runtime"), "{error}");
    assert!(!format!("{:?}", state(&store, 2, &ManualClock::new())).contains("InMemory"));
}
