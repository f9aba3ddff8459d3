//! The end of a run is a value that everybody can read, and runs do not depend on those who watch or wait.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use azure_asset_sync::{
    Error, ErrorKind, Prefix, Scan, Store,
    lifecycle::Event,
    sink::{Batch, Delivery, Sink},
    store::{ListRequest, Page, ReadRequest},
    sync::{Ending, Handle, Job, Jobs, Outcome, Phase, StatusWatch},
    testing::TestDisk,
};
use bytes::Bytes;
use futures::StreamExt as _;
use tokio::time::{Instant, sleep, timeout};

use crate::outage::{Down, Outage};

const HOUR: Duration = Duration::from_secs(3600);

fn job(service: &Outage, disk: &TestDisk) -> Job {
    let scan = Scan::new(service.clone(), &Prefix::default());
    disk.job(scan.page_size(10.try_into().unwrap()))
}

/// Pauses a run for a moment, after which it repeats the requests that hang.
async fn repeat_requests(run: &Handle) {
    run.pause();
    sleep(Duration::from_millis(1)).await;
    run.resume();
}

#[test]
fn handles_and_jobs_can_be_shared_between_threads() {
    fn is_shared<T: Clone + Send + Sync + 'static>() {}
    fn is_sent<T: Send + Unpin + 'static>() {}
    is_shared::<Handle>();
    is_shared::<Jobs>();
    is_shared::<Outcome>();
    is_sent::<StatusWatch>();
}

#[tokio::test(start_paused = true)]
async fn the_error_of_a_run_reaches_everybody_who_asks() {
    let disk = TestDisk::new(10);
    let run = job(&Outage::new(20, Some(Down::Refuses(2 * HOUR))), &disk).start(());
    let waits: Vec<_> = (0..3)
        .map(|_| {
            let run = run.clone();
            tokio::spawn(async move { run.wait().await })
        })
        .collect();
    let watches: Vec<_> = (0..3).map(|_| tokio::spawn(run.watch().collect::<Vec<_>>())).collect();
    let mut outcomes = Vec::new();
    for wait in waits {
        outcomes.push(wait.await.unwrap());
    }
    for watch in watches {
        outcomes.extend(watch.await.unwrap().pop().unwrap().outcome);
    }
    // Also later, and more than once.
    for _ in 0..2 {
        outcomes.extend([run.wait().await, run.outcome().unwrap(), run.status().outcome.unwrap()]);
        outcomes.push(run.clone().await);
    }
    assert_eq!(outcomes.len(), 14);
    for outcome in outcomes {
        let error = outcome.error().unwrap();
        assert_eq!((error.kind(), error.status()), (ErrorKind::Throttled, Some(503)));
        assert_eq!((error.retry_after(), error.is_transient()), (Some(2 * HOUR), true));
        assert_eq!(outcome.to_string(), error.to_string());
        let message = error.to_string();
        assert_eq!(outcome.into_result().unwrap_err().to_string(), message);
    }
    assert_eq!((run.status().phase, run.has_ended()), (Phase::Failed, true));
}

#[tokio::test(start_paused = true)]
async fn an_outcome_has_one_form_in_json() {
    let text = |run: &Handle| serde_json::to_value(run.status()).unwrap()["outcome"].take();
    let disk = TestDisk::new(10);
    let service = Outage::new(20, Some(Down::Refuses(Duration::from_millis(200_500))));
    let run = job(&service, &disk).start(());
    assert_eq!(text(&run), serde_json::Value::Null);
    run.wait().await;
    let message = text(&run)["error"]["message"].take();
    assert!(message.as_str().is_some_and(|message| message.len() > 20), "{message}");
    let failed = serde_json::json!({
        "outcome": "failed",
        "error": {
            "kind": "throttled",
            "message": message,
            "status": 503,
            "code": "ServerBusy",
            "retry_after": "PT3M20.5S",
        },
    });
    assert_eq!(text(&run), failed);

    service.set(Some(Down::Panics));
    let run = job(&service, &disk).start(());
    run.wait().await;
    let panicked =
        serde_json::json!({ "outcome": "panicked", "message": "the store has a mistake" });
    assert_eq!(text(&run), panicked);

    service.set(Some(Down::Hangs));
    let run = job(&service, &disk).start(());
    sleep(Duration::from_secs(1)).await;
    run.abort();
    run.wait().await;
    assert_eq!(text(&run), serde_json::json!({ "outcome": "aborted" }));

    let run = job(&service, &disk).start(());
    sleep(Duration::from_secs(1)).await;
    run.cancel();
    assert_eq!(serde_json::to_value(run.status().phase).unwrap(), "cancelling");
    run.wait().await;
    let cancelled = text(&run);
    assert_eq!(cancelled["outcome"], "cancelled");
    assert_eq!(cancelled["summary"]["counts"]["added"], 0);

    service.set(None);
    let run = job(&service, &disk).start(());
    run.wait().await;
    let complete = text(&run);
    assert_eq!(complete["outcome"], "complete");
    assert_eq!(complete["summary"]["counts"]["added"], 20);
}

/// A sink that panics in one of its calls.
struct Panics(&'static str);

impl Panics {
    fn enter(&self, call: &str) {
        if self.0 == call {
            // Longer than the limit, with a character across it.
            std::panic::panic_any(format!("{call} {}", "ä".repeat(10_000)));
        }
    }
}

#[async_trait::async_trait]
impl Sink for Panics {
    async fn accept(&mut self, _: Batch<'_>) -> Result<(), Error> {
        self.enter("accept");
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), Error> {
        self.enter("flush");
        Ok(())
    }

    async fn finish(&mut self) -> Result<(), Error> {
        self.enter("finish");
        Ok(())
    }

    fn delivery(&self) -> Delivery {
        self.enter("delivery");
        Delivery::Idempotent
    }
}

#[tokio::test]
async fn a_panic_is_a_failed_run_with_the_text_of_the_panic() {
    let folder = tempfile::tempdir().unwrap();
    let service = Outage::new(20, None);
    let job = || Job::new(Scan::new(service.clone(), &Prefix::default()), folder.path());
    service.set(Some(Down::Panics));
    let outcome = job().start(()).await;
    assert!(
        matches!(&outcome, Outcome::Panicked { message } if message == "the store has a mistake"),
        "{outcome:?}"
    );
    service.set(None);
    for call in ["delivery", "accept", "flush", "finish"] {
        let run = job().start(Panics(call));
        for _ in 0..2 {
            let outcome = run.wait().await;
            let Outcome::Panicked { message } = &outcome else { panic!("{outcome:?}") };
            assert!(message.starts_with(&format!("{call} äää")), "{message}");
            assert!((1020..=1024).contains(&message.len()), "{}", message.len());
            let error = outcome.into_result().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Panicked);
            assert!(error.to_string().contains(call) && !error.is_transient(), "{error}");
        }
        assert_eq!(run.status().phase, Phase::Failed);
        assert!(run.watch().next().await.unwrap().outcome.is_some());
    }
    // The state is free at once, and the next run resumes.
    let summary = job().start(()).await.into_result().unwrap();
    assert_eq!((summary.ending, summary.is_resumed), (Ending::Complete, true));
}

#[tokio::test(start_paused = true)]
async fn a_run_continues_when_everybody_who_waits_for_it_is_gone() {
    let (service, disk) = (Outage::new(20, Some(Down::Hangs)), TestDisk::new(10));
    let run = job(&service, &disk).start(());
    for _ in 0..3 {
        assert!(timeout(Duration::from_secs(10), run.wait()).await.is_err());
        let mut watch = run.watch();
        assert!(
            timeout(Duration::from_secs(10), async { while watch.next().await.is_some() {} })
                .await
                .is_err()
        );
    }
    service.set(None);
    repeat_requests(&run).await;
    drop(run);
    for _ in 0..10 {
        sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(disk.manifest().unwrap().unwrap().assets(), 20);
}

#[tokio::test(start_paused = true)]
async fn an_aborted_run_drops_everything_and_the_next_one_resumes_it() {
    let (service, disk) = (Outage::new(20, Some(Down::Hangs)), TestDisk::new(10));
    // Before the task was polled for the first time, and in the middle of a request.
    for wait in [Duration::ZERO, Duration::from_secs(1)] {
        let run = job(&service, &disk).start(());
        if !wait.is_zero() {
            sleep(wait).await;
            assert_eq!(service.in_flight(), 1);
        }
        run.abort();
        let outcome = run.wait().await;
        assert!(matches!(outcome, Outcome::Aborted), "{outcome:?}");
        assert_eq!(run.status().phase, Phase::Ended);
        assert_eq!(outcome.into_result().unwrap_err().kind(), ErrorKind::Cancelled);
        sleep(Duration::from_millis(1)).await;
        assert_eq!(service.in_flight(), 0);
        // What ends later does not replace the outcome.
        run.cancel();
        run.abort();
        assert!(matches!(run.wait().await, Outcome::Aborted));
    }
    service.set(None);
    assert_eq!(job(&service, &disk).run(()).await.unwrap().counts.added, 20);
}

#[tokio::test(start_paused = true)]
async fn each_outcome_is_an_event_of_the_connection() {
    type End = fn(&Handle);
    let cases: [(Option<Down>, Option<End>, Event); 5] = [
        (Some(Down::Refuses(2 * HOUR)), None, Event::SyncFailed),
        (Some(Down::Panics), None, Event::SyncFailed),
        (Some(Down::Hangs), Some(Handle::abort), Event::Cancelled),
        (Some(Down::Hangs), Some(Handle::cancel), Event::Cancelled),
        (None, None, Event::SyncSucceeded),
    ];
    for (down, end, event) in cases {
        let run = job(&Outage::new(20, down), &TestDisk::new(10)).start(());
        sleep(Duration::from_secs(1)).await;
        end.into_iter().for_each(|end| end(&run));
        assert_eq!(Event::from(&run.wait().await), event, "{down:?}");
    }
}

#[test]
fn a_run_is_aborted_when_its_runtime_is_shut_down() {
    let (service, disk) = (Outage::new(20, Some(Down::Hangs)), TestDisk::new(10));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let run = runtime.block_on(async {
        let run = job(&service, &disk).start(());
        assert!(run.watch().next().await.is_some());
        run
    });
    assert!(!run.has_ended());
    drop(runtime);
    assert!(matches!(run.outcome(), Some(Outcome::Aborted)));
}

/// A listing with one blob a page, which takes five milliseconds for each.
struct Endless(Arc<AtomicU64>);

#[async_trait::async_trait]
impl Store for Endless {
    async fn list(&self, request: ListRequest) -> Result<Page, Error> {
        sleep(Duration::from_millis(5)).await;
        self.0.fetch_add(1, Ordering::SeqCst);
        let number = request.marker.map_or(0, |marker| marker.as_str().parse::<u64>().unwrap());
        let blob = azure_asset_sync::Blob::new(format!("{number:09}.jpg"), 1);
        Ok(Page::new(vec![blob], (number + 1).to_string().into()))
    }

    async fn read(&self, _: ReadRequest) -> Result<Bytes, Error> {
        unreachable!()
    }
}

#[tokio::test(start_paused = true)]
async fn watchers_see_each_phase_at_once_and_progress_ten_times_a_second() {
    let (pages, disk) = (Arc::new(AtomicU64::new(0)), TestDisk::new(10));
    let scan = Scan::new(Endless(Arc::clone(&pages)), &Prefix::default());
    let run = disk.job(scan).start(());
    let watched = |watch: StatusWatch| {
        tokio::spawn(async move {
            let (mut seen, start) = (Vec::new(), Instant::now());
            let mut watch = watch;
            while let Some(status) = watch.next().await {
                seen.push((start.elapsed(), status));
            }
            // The stream has ended for good.
            assert!(watch.next().await.is_none());
            seen
        })
    };
    let (often, seldom) = (watched(run.watch()), watched(run.watch().every(HOUR)));
    let ignored = run.watch();
    sleep(Duration::from_secs(2)).await;
    run.pause();
    sleep(Duration::from_millis(7)).await;
    run.resume();
    sleep(Duration::from_secs(2)).await;
    run.cancel();
    let (often, seldom) = (often.await.unwrap(), seldom.await.unwrap());
    let pages = pages.load(Ordering::SeqCst);
    assert!(pages > 500, "{pages} pages");
    assert!((30..=50).contains(&often.len()), "{} of {pages} pages", often.len());
    for (seen, most) in [(&often, 50), (&seldom, 8)] {
        assert!(seen.len() <= most, "{}", seen.len());
        let mut phases: Vec<_> = seen.iter().map(|(_, status)| status.phase).collect();
        phases.dedup();
        if phases.first() == Some(&Phase::Opening) {
            phases.remove(0);
        }
        phases.retain(|phase| *phase != Phase::Cancelling);
        assert_eq!(phases, [Phase::Listing, Phase::Paused, Phase::Listing, Phase::Ended]);
        let paused = seen.iter().find(|(_, status)| status.phase == Phase::Paused).unwrap();
        let late = paused.0.saturating_sub(Duration::from_secs(2));
        assert!(late < Duration::from_millis(5), "{late:?}");
        let added: Vec<_> = seen.iter().map(|(_, status)| status.counts.added).collect();
        assert!(added.is_sorted(), "{added:?}");
        let (last, others) = seen.split_last().unwrap();
        assert!(matches!(last.1.outcome, Some(Outcome::Cancelled { .. })));
        assert!(others.iter().all(|(_, status)| status.outcome.is_none()));
    }
    // A watcher that comes to it late has the end only.
    assert_eq!(ignored.collect::<Vec<_>>().await.len(), 1);
    assert_eq!(run.watch().collect::<Vec<_>>().await.len(), 1);
}
