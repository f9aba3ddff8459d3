//! Runs are cancelled and paused at once, whatever they wait for: a service that is down, a retry, a
//! sign-in, a sink, a pause. What was committed until then stays exact.

mod outages;
mod sinks;

use std::time::Duration;

use azure_asset_sync::{
    Prefix, Preview, Scan,
    sync::{Ending, Handle, Outcome, Phase, Summary},
    testing::TestDisk,
};
use tokio::time::{Instant, sleep, timeout};

use crate::outage::{Down, Outage};

const HOUR: Duration = Duration::from_secs(3600);

/// On the paused clock, time enough for all tasks to do what they can do without waiting.
const MOMENT: Duration = Duration::from_millis(1);

fn scan(store: &Outage) -> Scan {
    Scan::new(store.clone(), &Prefix::default()).page_size(10.try_into().unwrap())
}

/// Cancels a run. Returns how long that took, and what the run did until then.
async fn cancelled(run: &Handle) -> (Duration, Summary) {
    let start = Instant::now();
    run.cancel();
    assert_eq!(run.status().phase, Phase::Cancelling);
    let outcome = run.wait().await;
    let Outcome::Cancelled { summary: Some(summary) } = outcome else { panic!("{outcome:?}") };
    assert_eq!((run.status().phase, summary.ending), (Phase::Ended, Ending::Cancelled));
    (start.elapsed(), summary)
}

#[tokio::test(start_paused = true)]
async fn a_cancellation_drops_the_requests_and_the_retries_of_a_run() {
    for down in [Down::Hangs, Down::Refuses(Duration::ZERO), Down::Refuses(2 * HOUR / 100)] {
        for in_flight in [1, 16] {
            let (store, disk) = (Outage::new(200, None), TestDisk::new(10));
            disk.job(scan(&store)).run(()).await.unwrap();
            store.set(Some(down));
            let run = disk.job(scan(&store).in_flight(in_flight)).start(());
            sleep(Duration::from_secs(50)).await;
            assert_eq!(run.status().phase, Phase::Listing, "{down:?}");
            let (time, _) = cancelled(&run).await;
            assert_eq!(time, Duration::ZERO, "{down:?}");
            sleep(MOMENT).await;
            assert_eq!(store.in_flight(), 0, "{down:?}");
            let requests = store.requests();
            sleep(HOUR).await;
            assert_eq!(store.requests(), requests, "{down:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_paused_run_is_cancelled_at_once() {
    let (store, disk) = (Outage::new(200, Some(Down::Hangs)), TestDisk::new(10));
    let run = disk.job(scan(&store)).start(());
    sleep(Duration::from_secs(1)).await;
    run.pause();
    sleep(HOUR).await;
    assert_eq!(run.status().phase, Phase::Paused);
    assert_eq!(cancelled(&run).await.0, Duration::ZERO);
    // Nothing withdraws a cancellation.
    run.resume();
    assert!(matches!(run.wait().await, Outcome::Cancelled { .. }));
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_cancelled_before_it_begins_ends_as_cancelled() {
    let (store, disk) = (Outage::new(20, Some(Down::Hangs)), TestDisk::new(10));
    let run = disk.job(scan(&store)).start(());
    run.cancel();
    assert!(matches!(run.wait().await, Outcome::Cancelled { .. }));
    store.set(None);
    assert_eq!(disk.job(scan(&store)).run(()).await.unwrap().counts.added, 20);
}

#[tokio::test(start_paused = true)]
async fn a_pause_drops_requests_at_once_and_outlasts_an_outage() {
    for down in [Down::Hangs, Down::Refuses(Duration::from_secs(1))] {
        for in_flight in [1, 16] {
            let (store, disk) = (Outage::new(200, Some(down)), TestDisk::new(10));
            let run = disk.job(scan(&store).in_flight(in_flight)).start(());
            sleep(Duration::from_secs(100)).await;
            assert_eq!(run.status().phase, Phase::Listing, "{down:?}");
            run.pause();
            assert_eq!(run.status().phase, Phase::Paused);
            sleep(MOMENT).await;
            let requests = store.requests();
            assert_eq!(store.in_flight(), 0, "{down:?}");
            // Longer than the deadline of a page, which a pause does not use up.
            sleep(HOUR).await;
            assert_eq!(store.requests(), requests, "{down:?}");
            run.resume();
            assert_eq!(run.status().phase, Phase::Listing);
            sleep(Duration::from_secs(100)).await;
            assert_eq!(run.status().phase, Phase::Listing, "{down:?}: {:?}", run.outcome());
            store.set(None);
            // A request that hangs does not notice that the service is back.
            run.pause();
            sleep(MOMENT).await;
            run.resume();
            let summary = run.wait().await.into_result().unwrap();
            assert_eq!((summary.ending, summary.counts.added), (Ending::Complete, 200));
            assert!(run.status().paused >= HOUR);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_with_a_pause_at_any_page_reports_each_blob_once() {
    for in_flight in [1, 4] {
        let (store, disk) = (Outage::new(300, None), TestDisk::new(10));
        let run = disk.job(scan(&store).in_flight(in_flight)).start(());
        let mut pauses = 0;
        while !run.has_ended() {
            run.pause();
            sleep(MOMENT).await;
            run.resume();
            // The next pause comes at another point.
            for _ in 0..pauses % 11 {
                tokio::task::yield_now().await;
            }
            pauses += 1;
            assert!(pauses < 10_000, "the run does not get on: {:?}", run.status());
        }
        let summary = run.wait().await.into_result().unwrap();
        assert_eq!((summary.counts.added, summary.listed), (300, Some(300)));
        assert!(pauses > 3, "{pauses}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_dropped_scan_preview_or_run_leaves_no_request_behind() {
    let store = Outage::new(20, Some(Down::Hangs));
    let time = Duration::from_secs(1);
    let is_idle = async || {
        sleep(MOMENT).await;
        store.in_flight() == 0
    };
    assert!(timeout(time, scan(&store).run(())).await.is_err() && is_idle().await);
    assert!(timeout(time, Preview::new(scan(&store)).run()).await.is_err() && is_idle().await);
    let disk = TestDisk::new(10);
    assert!(timeout(time, disk.job(scan(&store)).run(())).await.is_err() && is_idle().await);
    assert_eq!(store.requests(), 3);
}
