//! Runs by id, what the end of one is to a connection, and files made from a manifest.

use std::{fs, sync::Arc};

use azure_asset_sync::{
    Blob, Error, ErrorKind, JsonLines, MemoryStore, Prefix, Scan,
    lifecycle::{Event, State},
    sink::{Batch, Delivery, Sink},
    sync::{Ending, Job, Jobs, Manifest},
    testing::TestDisk,
};
use tokio::sync::Semaphore;

fn scan(names: &[&str]) -> Scan {
    let store: MemoryStore = names.iter().map(|name| Blob::new(*name, 10)).collect();
    Scan::new(store, &Prefix::default())
}

/// Takes a batch once it may
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
async fn an_id_has_one_run_at_a_time() {
    let (jobs, gate, disk) = (Jobs::default(), Arc::new(Semaphore::new(0)), TestDisk::new(10));
    let start = |id: &str, disk: &TestDisk| {
        jobs.start(id, disk.job(scan(&["a.jpg"])), Gate(Arc::clone(&gate)))
    };
    assert!(jobs.status("a").is_none() && !jobs.pause("a") && jobs.wait("a").await.is_none());
    start("a", &disk).unwrap();
    assert_eq!(start("a", &disk).unwrap_err().kind(), ErrorKind::StateBusy);
    start("b", &TestDisk::new(10)).unwrap();
    let mut ids = jobs.ids();
    ids.sort();
    assert_eq!(ids, ["a", "b"]);
    assert!(jobs.pause("a") && jobs.resume("a"));
    gate.add_permits(2);
    assert_eq!(jobs.wait("a").await.unwrap().unwrap().ending, Ending::Complete);
    assert_eq!(jobs.wait("b").await.unwrap().unwrap().counts.added, 1);
    start("a", &disk).unwrap();
    assert!(jobs.cancel("a"));
    assert!(jobs.wait("a").await.unwrap().is_ok());
}

#[tokio::test]
async fn the_end_of_a_run_is_an_event_of_its_connection() {
    let disk = TestDisk::new(10);
    let cases: [(&[&str], f64, Event, State); 4] = [
        (&["a.jpg", "b.jpg"], 0.3, Event::SyncSucceeded, State::Synced),
        (&["a.jpg", "b.jpg", "c.txt"], 0.3, Event::SyncHadErrors, State::SyncedWithErrors),
        (&["a.jpg"], 0.3, Event::SyncHadErrors, State::SyncedWithErrors),
        (&["a.jpg"], 1.0, Event::SyncSucceeded, State::Synced),
    ];
    for (names, share, event, state) in cases {
        let summary = disk.job(scan(names)).max_removals(share).run(()).await.unwrap();
        assert_eq!(Event::from(&summary), event, "{names:?}");
        assert_eq!(State::Syncing.on(event).unwrap(), state);
    }
}

/// Fails at its end, as where a disk is full
struct Unfinished;

#[async_trait::async_trait]
impl Sink for Unfinished {
    async fn accept(&mut self, _: Batch<'_>) -> Result<(), Error> {
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }

    async fn finish(&mut self) -> Result<(), Error> {
        Err(Error::from_response(507, None))
    }

    fn delivery(&self) -> Delivery {
        Delivery::Idempotent
    }
}

#[tokio::test]
async fn a_run_that_goes_on_behind_its_listing_knows_what_was_rejected_before() {
    for (names, event) in [
        (&["a.jpg", "b.txt"][..], Event::SyncHadErrors),
        (&["a.jpg", "b.jpg"], Event::SyncSucceeded),
    ] {
        let disk = TestDisk::new(10);
        disk.job(scan(names)).run(Unfinished).await.unwrap_err();
        let summary = disk.job(scan(names)).run(()).await.unwrap();
        assert!(summary.is_resumed && summary.report.total() == 0);
        assert_eq!(Event::from(&summary), event);
        let assets = names.iter().filter(|name| name.ends_with("jpg")).count() as u64;
        assert_eq!((summary.listed, summary.assets), (Some(2), Some(assets)));
    }
}

#[tokio::test]
async fn whole_files_are_made_from_the_manifest() {
    let folder = tempfile::tempdir().unwrap();
    let (state, file) = (folder.path().join("state"), folder.path().join("assets.jsonl"));
    let names: Vec<String> = (0..2300).map(|n| format!("{n:04}.jpg")).collect();
    let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
    names.push("notes.txt");
    Job::new(scan(&names), &state).run(()).await.unwrap();
    // One is gone, and has a row that tells so.
    Job::new(scan(&names[1..]), &state).run(()).await.unwrap();
    let manifest = Manifest::open(&state).unwrap().unwrap();
    let count = manifest.export(JsonLines::assets(&file).unwrap()).await.unwrap();
    assert_eq!(count, 2299);
    let lines = fs::read_to_string(&file).unwrap();
    assert_eq!(lines.lines().count(), 2299);
    assert!(lines.starts_with(r#"{"name":"0001.jpg","size":10,"#), "{lines:.60}");
}
