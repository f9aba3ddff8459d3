//! Scans, previews and jobs wait by the injected clock alone, so an outage of minutes passes at once.

use std::{num::NonZeroU16, time::Duration};

use azure_asset_sync::{
    Backoff, Blob, Clock, Error, ErrorKind, Job, MemoryStore, Prefix, Preview, Scan,
    preview::{StopAfter, Total},
    sync::Manifest,
    testing::{CallOutcome, ManualClock, On, ScriptedStore, StoreFault},
};

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn blobs(count: usize) -> MemoryStore {
    (0..count).map(|n| Blob::new(format!("{n:05}.jpg"), 1)).collect()
}

fn store(count: usize, clock: &ManualClock) -> ScriptedStore<MemoryStore> {
    ScriptedStore::new(blobs(count)).clock(clock.clone())
}

fn scan(store: &ScriptedStore<MemoryStore>, clock: &ManualClock) -> Scan {
    Scan::new(store.clone(), &Prefix::default())
        .page_size(NonZeroU16::new(10).unwrap())
        .clock(clock.clone())
}

fn busy(seconds: u64) -> StoreFault {
    StoreFault::error_with(move || {
        Error::from_response(503, Some("ServerBusy")).with_retry_after(secs(seconds))
    })
}

#[tokio::test]
async fn an_outage_is_given_up_at_once_after_three_minutes_of_the_clock() {
    for in_flight in [1, 16] {
        let clock = ManualClock::auto_advancing();
        let store = store(100, &clock);
        store.inject(On::list(), StoreFault::error(ErrorKind::Unavailable));
        let scan = scan(&store, &clock).in_flight(in_flight);
        let progress = scan.progress();
        let error = scan.run(()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.to_string().starts_with("gave up after"), "{error}");
        assert!((secs(60)..=secs(180)).contains(&clock.advanced()), "{clock:?}");
        let report = progress.report();
        assert_eq!(
            (report.elapsed, report.requests),
            (clock.advanced(), store.calls().len() as u64)
        );
    }
}

#[tokio::test]
async fn a_scan_survives_an_outage_that_ends_in_time() {
    let clock = ManualClock::auto_advancing();
    let store = store(100, &clock);
    store.inject(On::page(4).calls(1..=5), busy(20));
    let report = scan(&store, &clock).run(()).await.unwrap();
    assert_eq!((report.accepted(), report.pages, report.requests), (100, 10, 15));
    assert!((secs(100)..secs(180)).contains(&report.elapsed), "{:?}", report.elapsed);
}

#[tokio::test]
async fn a_manual_clock_shows_each_wait() {
    let clock = ManualClock::new();
    let store = store(5, &clock);
    store.inject(On::list().calls(1..=2), busy(40));
    let run = tokio::spawn(
        scan(&store, &clock).backoff(Backoff::new(Duration::ZERO, Duration::ZERO)).run(()),
    );
    for n in 1..=2 {
        clock.wait_for_sleepers(1).await;
        assert_eq!(store.calls().len(), n);
        clock.advance(secs(39));
        clock.wait_for_sleepers(1).await;
        assert_eq!(store.calls().len(), n, "not before the service wants it");
        assert_eq!(clock.advance_to_next_sleep().await, secs(1));
    }
    let report = run.await.unwrap().unwrap();
    assert_eq!((report.accepted(), report.requests, report.elapsed), (5, 3, secs(80)));
}

#[tokio::test]
async fn a_store_that_hangs_is_a_timeout_at_the_page_deadline() {
    let clock = ManualClock::new();
    let store = store(5, &clock);
    store.inject(On::list(), StoreFault::Hang);
    let run = tokio::spawn(scan(&store, &clock).page_deadline(secs(90)).run(()));
    clock.wait_for_sleepers(1).await;
    clock.advance(secs(89));
    assert_eq!(store.calls()[0].outcome, CallOutcome::Pending);
    clock.advance(secs(1));
    assert_eq!(run.await.unwrap().unwrap_err().kind(), ErrorKind::Timeout);
    assert_eq!(store.calls()[0].outcome, CallOutcome::Dropped);
    assert_eq!((store.calls().len(), clock.advanced()), (1, secs(90)));

    // With the automatic mode nobody has to advance the clock.
    let clock = ManualClock::auto_advancing();
    let store = store.clock(clock.clone());
    let run = scan(&store, &clock).page_deadline(secs(90)).in_flight(4).run(());
    assert_eq!(run.await.unwrap_err().kind(), ErrorKind::Timeout);
    assert_eq!(clock.advanced(), secs(90));
}

#[tokio::test]
async fn a_slow_page_within_the_deadline_is_no_timeout() {
    let clock = ManualClock::auto_advancing();
    let store = store(30, &clock);
    store.inject(On::list(), StoreFault::Delay(secs(170)));
    let report = scan(&store, &clock).run(()).await.unwrap();
    assert_eq!((report.accepted(), report.requests), (30, 3));
    assert_eq!(report.elapsed, secs(3 * 170));
}

#[tokio::test]
async fn parallel_requests_wait_side_by_side() {
    let clock = ManualClock::auto_advancing();
    let store = store(1000, &clock);
    store.inject(On::list(), StoreFault::Delay(secs(10)));
    let report = scan(&store, &clock).in_flight(16).run(()).await.unwrap();
    assert_eq!(report.accepted(), 1000);
    let one_by_one = secs(10) * report.requests as u32;
    assert!(report.elapsed < one_by_one / 4, "{:?} of {one_by_one:?}", report.elapsed);
}

#[tokio::test]
async fn huge_delays_and_deadlines_do_not_overflow() {
    let clock = ManualClock::auto_advancing();
    clock.advance(secs(1000));
    let store = store(5, &clock);
    store.inject(On::list().call(1), busy(u64::MAX / 4));
    store.inject(On::list().call(2), busy(u64::MAX));
    let scan = scan(&store, &clock).page_deadline(Duration::MAX);
    // The second wait would end after the end of time.
    assert_eq!(scan.run(()).await.unwrap_err().kind(), ErrorKind::Throttled);
    assert_eq!(clock.advanced(), secs(1000 + u64::MAX / 4));
}

#[tokio::test]
async fn a_preview_stops_by_the_clock_of_its_scan() {
    let clock = ManualClock::auto_advancing();
    let store = store(1000, &clock);
    store.inject(On::list(), StoreFault::Delay(secs(10)));
    let limit = StopAfter::Time(secs(55));
    let report = Preview::new(scan(&store, &clock)).stop_after(limit).run().await.unwrap();
    assert_eq!(report.total, Total::AtLeast { blobs: 50, limit });
    assert_eq!((clock.advanced(), report.counts.elapsed), (secs(55), secs(55)));
}

#[tokio::test]
async fn a_job_waits_and_is_dated_by_one_clock() {
    let folder = tempfile::tempdir().unwrap();
    let clock = ManualClock::auto_advancing();
    clock.advance(secs(3600));
    let store = store(50, &clock);
    store.inject(On::page(3), StoreFault::error(ErrorKind::Unavailable));
    let job = |by_job: bool| {
        let scan =
            Scan::new(store.clone(), &Prefix::default()).page_size(NonZeroU16::new(10).unwrap());
        match by_job {
            true => Job::new(scan, folder.path()).clock(clock.clone()),
            false => Job::new(scan.clock(clock.clone()), folder.path()),
        }
    };
    // The outage ends the run, and the next run resumes it.
    let began = clock.time();
    let error = job(true).run(()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(clock.time() > began + secs(60));
    store.clear_faults();
    store.inject(On::list(), StoreFault::Delay(secs(100)));
    let resumed = clock.time();
    let summary = job(false).run(()).await.unwrap();
    assert!(summary.is_resumed);
    assert_eq!(
        (summary.counts.added, summary.report.elapsed),
        (50, clock.time().duration_since(resumed).unwrap())
    );
    assert!(summary.report.elapsed >= secs(300));
    let manifest = Manifest::open(folder.path()).unwrap().unwrap();
    assert!([began, resumed].contains(&manifest.at()), "{:?}", manifest.at());
}

/// A clock of a service, which has only the required methods.
#[derive(Debug)]
struct Plain(ManualClock);

#[async_trait::async_trait]
impl Clock for Plain {
    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    fn time(&self) -> std::time::SystemTime {
        self.0.time()
    }

    async fn sleep(&self, duration: Duration) {
        self.0.sleep(duration).await;
    }
}

#[tokio::test]
async fn a_clock_with_only_the_required_methods_is_enough() {
    let clock = ManualClock::auto_advancing();
    let store = store(20, &clock);
    store.inject(On::page(2).calls(..=3), busy(30));
    // Without an answer that waits, no deadline is slept for.
    let scan = scan(&store, &clock).clock(std::sync::Arc::new(Plain(clock.clone())));
    let progress = scan.progress();
    let report = scan.run(()).await.unwrap();
    assert_eq!(report.accepted(), 20);
    assert!(report.elapsed >= secs(90));
    assert_eq!(progress.report(), report);
}
