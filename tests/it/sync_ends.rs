//! The end of a sync leaves the connection in a state that tells the truth, and from which there is a way
//! back: skipped blobs, errors, vanished assets, outages, full disks, busy states and dead processes.

use std::{io, sync::Arc, time::Duration};

use azure_asset_sync::{
    Backoff, Blob, Error, ErrorKind, MemoryStore, Prefix, Scan,
    lifecycle::{Event, State},
    sink::{Batch, Delivery, Sink},
    store::Unreadable,
    sync::{Ending, Job, Summary},
    testing::{Fault, Refusal, Seed, SmallCloud, StorageState, TestDisk},
    validate::{Filter, Rules},
};
use tokio::sync::Semaphore;

/// Returns a scan of blobs. Those below `unreadable/` need a key of the customer.
fn scan<'a>(names: impl IntoIterator<Item = &'a str>) -> Scan {
    let blobs = names.into_iter().map(|name| {
        let mut blob = Blob::new(name, 10);
        blob.unreadable = name.starts_with("unreadable/").then_some(Unreadable::CustomerKey);
        blob
    });
    Scan::new(MemoryStore::from_iter(blobs), &Prefix::default())
}

fn state_after(summary: &Summary) -> State {
    State::Syncing.on(Event::from(summary)).unwrap()
}

#[tokio::test]
async fn skipped_blobs_errors_and_vanished_assets_are_three_things() {
    let rules = || Rules::default().filter(Filter::builder().exclude("old/**").build().unwrap());
    // Names, then skipped, errors and withheld removals.
    let cases: [(&[&str], [u64; 3], State); 8] = [
        (&["a.jpg", "b.jpg"], [0, 0, 0], State::Synced),
        (&["a.jpg", "b.jpg", "README.md"], [1, 0, 0], State::Synced),
        (&["a.jpg", "b.jpg", "old/c.jpg"], [1, 0, 0], State::Synced),
        (&["a.jpg", "b.jpg", "empty", "notes.txt", "old/c.jpg"], [3, 0, 0], State::Synced),
        (&["a.jpg", "b.jpg", "unreadable/c.jpg"], [0, 1, 0], State::SyncedWithErrors),
        (&["a.jpg", "b.jpg", "README.md", "unreadable/c.jpg"], [1, 1, 0], State::SyncedWithErrors),
        (&["README.md"], [1, 0, 2], State::RemovalsWithheld),
        (&["unreadable/c.jpg"], [0, 1, 2], State::RemovalsWithheld),
    ];
    for (names, numbers, state) in cases {
        let disk = TestDisk::new(10);
        disk.job(scan(["a.jpg", "b.jpg"]).rules(rules())).run(()).await.unwrap();
        // The second run finds everything as before, and must not forget what is wrong.
        for _ in 0..2 {
            let job = disk.job(scan(names.iter().copied()).rules(rules()));
            let summary = job.run(()).await.unwrap();
            let found = [summary.skipped(), summary.errors(), summary.withheld()];
            assert_eq!(found, numbers, "{names:?}: {summary}");
            let report = &summary.report;
            assert_eq!([report.skipped(), report.errors()], numbers[..2], "{names:?}");
            assert_eq!(report.skipped() + report.errors(), report.rejected());
            assert_eq!(state_after(&summary), state, "{names:?}: {summary}");
            assert_eq!(state.on(Event::SyncStarted).unwrap(), State::Syncing);
            let json = serde_json::to_value(&summary).unwrap();
            assert_eq!(
                (&json["skipped"], &json["errors"]),
                (&numbers[0].into(), &numbers[1].into())
            );
        }
    }
}

#[tokio::test]
async fn a_filter_that_excludes_everything_ends_as_synced() {
    let disk = TestDisk::new(10);
    disk.job(scan(["a.jpg", "b.jpg"])).run(()).await.unwrap();
    let filter = Filter::builder().include("hall-3/**").build().unwrap();
    let job = disk.job(scan(["a.jpg", "b.jpg"]).rules(Rules::default().filter(filter)));
    let summary = job.run(()).await.unwrap();
    assert_eq!((summary.skipped(), summary.counts.removed), (2, 2), "{summary}");
    assert_eq!(state_after(&summary), State::Synced);
}

#[tokio::test]
async fn an_error_before_a_crash_is_not_forgotten() {
    let names: Vec<String> = (0..100).map(|n| format!("{n:03}.jpg")).collect();
    let names = || names.iter().map(String::as_str);
    for (extra, errors, skipped) in [("000.md", 0, 1), ("unreadable/0.jpg", 1, 0)] {
        let mut resumed = 0;
        for at in 0..40 {
            let disk = TestDisk::new(5);
            let scan = || {
                let page = std::num::NonZeroU16::new(10).unwrap();
                scan(names().chain([extra])).page_size(page)
            };
            disk.cut_power_at(at);
            let ended = disk.job(scan()).run(()).await;
            disk.restart(|_| 0);
            if ended.is_err() {
                let state = State::Syncing.on(Event::SyncInterrupted).unwrap();
                assert_eq!(state.on(Event::SyncStarted).unwrap(), State::Syncing);
            }
            let summary = disk.job(scan()).run(()).await.unwrap();
            resumed += usize::from(summary.is_resumed);
            assert_eq!((summary.errors(), summary.skipped()), (errors, skipped), "{at}: {summary}");
            let event = if errors > 0 { Event::SyncHadErrors } else { Event::SyncSucceeded };
            assert_eq!(Event::from(&summary), event, "{at}");
        }
        assert!(resumed > 5, "{resumed}");
    }
}

#[tokio::test]
async fn an_outage_fails_the_sync_and_lost_access_fails_the_connection() {
    let seeds = ["a.jpg", "b.jpg"].map(|name| Seed::new(name, "abc"));
    let cloud = SmallCloud::builder().blobs(seeds).start().await.unwrap();
    let connection = cloud.connection().build().unwrap();
    let disk = TestDisk::new(10);
    let job = || {
        let store = cloud.store(&connection).unwrap();
        let quick = Backoff::new(Duration::from_millis(1), Duration::from_millis(2));
        let scan = Scan::new(store, connection.prefix()).backoff(quick);
        disk.job(scan.page_deadline(Duration::from_millis(300)))
    };
    let busy = || Fault::Refuse(Refusal::new(503, "ServerBusy"));
    for fault in [busy(), Fault::Reset, Fault::Close, Fault::Stall] {
        cloud.inject_always(Some(fault.clone()));
        let error = job().run(()).await.unwrap_err();
        assert!(error.is_transient(), "{fault:?}: {error}");
        let state = State::Syncing.on(Event::from(&error)).unwrap();
        assert_eq!(state, State::SyncFailed, "{fault:?}: {error}");
        // No test of the connection: the sync can start again at once.
        cloud.inject_always(None);
        assert_eq!(state.on(Event::SyncStarted).unwrap(), State::Syncing);
        assert_eq!(state_after(&job().run(()).await.unwrap()), State::Synced);
    }
    for lost in [StorageState::Firewall, StorageState::ContainerMissing] {
        cloud.set_storage_state(lost);
        let error = job().run(()).await.unwrap_err();
        let state = State::Syncing.on(Event::from(&error)).unwrap();
        assert_eq!(state, State::Failed, "{lost:?}: {error}");
        assert!(state.on(Event::SyncStarted).is_err());
        cloud.set_storage_state(StorageState::Normal);
    }
    cloud.unassign_all();
    let error = job().run(()).await.unwrap_err();
    assert_eq!(Event::from(&error), Event::SyncLostAccess, "{error}");
}

#[tokio::test]
async fn a_full_disk_is_a_failed_sync_that_goes_on_when_there_is_room() {
    let names = ["a.jpg", "b.jpg", "c.jpg"];
    let mut failures = 0;
    for at in 0..30 {
        let disk = TestDisk::new(10);
        disk.fail_at(at, io::ErrorKind::StorageFull);
        let state = match disk.job(scan(names)).run(()).await {
            Ok(summary) => state_after(&summary),
            Err(error) => {
                failures += 1;
                assert_eq!(error.kind(), ErrorKind::State, "{at}: {error}");
                State::Syncing.on(Event::from(&error)).unwrap()
            }
        };
        assert!(matches!(state, State::Synced | State::SyncFailed), "{at}: {state}");
        assert_eq!(state.on(Event::SyncStarted).unwrap(), State::Syncing);
        let summary = disk.job(scan(names)).run(()).await.unwrap();
        assert_eq!((summary.assets, state_after(&summary)), (Some(3), State::Synced), "{at}");
    }
    assert!(failures > 5, "{failures}");
}

/// A sink that waits for permission before it takes a batch.
struct Gate(Arc<Semaphore>);

#[async_trait::async_trait]
impl Sink for Gate {
    async fn accept(&mut self, _: Batch<'_>) -> Result<(), Error> {
        self.0.acquire().await.unwrap().forget();
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

#[tokio::test]
async fn a_busy_state_means_that_another_process_syncs() {
    let folder = tempfile::tempdir().unwrap();
    let job = || Job::new(scan(["a.jpg"]), folder.path());
    let gate = Arc::new(Semaphore::new(0));
    let other = job().start(Gate(Arc::clone(&gate)));
    while other.status().run.is_none() {
        tokio::task::yield_now().await;
    }
    let error = job().run(()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StateBusy);
    let state = State::Syncing.on(Event::from(&error)).unwrap();
    assert_eq!(state, State::SyncingElsewhere);
    // The sync can be tried again, and the end of the other run counts.
    assert_eq!(state.on(Event::SyncStarted).unwrap(), State::Syncing);
    assert_eq!(state.on(Event::SyncInterrupted).unwrap(), State::SyncInterrupted);
    gate.add_permits(1);
    let summary = other.await.into_result().unwrap();
    assert_eq!(summary.ending, Ending::Complete);
    assert_eq!(state.on(Event::from(&summary)).unwrap(), State::Synced);
}
