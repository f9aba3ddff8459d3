//! `Jobs` manages runs by ID, the end of a run is an event of its connection, and tables and files are
//! correct after it.

use std::{fs, sync::Arc, time::Duration};

use azure_asset_sync::{
    Blob, Error, ErrorKind, JsonLines, MemoryStore, Prefix, Scan, Store,
    lifecycle::{Event, State},
    sink::{Batch, Change, Delivery, Sink, Sqlite, callback},
    store::{AccessTier, ContentMd5, ETag, ListRequest, Page, ReadRequest, Unreadable},
    sync::{Ending, Job, Jobs, Manifest, Phase},
    testing::TestDisk,
};
use bytes::Bytes;
use tokio::sync::Semaphore;

/// The name of a blob that nobody can read.
const UNREADABLE: &str = "unreadable.jpg";

fn scan(names: &[&str]) -> Scan {
    let blobs = names.iter().map(|name| {
        let mut blob = Blob::new(*name, 10);
        blob.unreadable = (*name == UNREADABLE).then_some(Unreadable::CustomerKey);
        blob
    });
    Scan::new(MemoryStore::from_iter(blobs), &Prefix::default())
}

/// A sink that waits for permission before each batch.
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
async fn each_id_has_one_run_at_a_time() {
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
        (&["a.jpg", "b.jpg", "c.txt"], 0.3, Event::SyncSucceeded, State::Synced),
        (&["a.jpg"], 0.3, Event::SyncWithheldRemovals, State::RemovalsWithheld),
        (&["a.jpg"], 1.0, Event::SyncSucceeded, State::Synced),
    ];
    for (names, share, event, state) in cases {
        let summary = disk.job(scan(names)).max_removals(share).run(()).await.unwrap();
        assert_eq!(Event::from(&summary), event, "{names:?}");
        assert_eq!(State::Syncing.on(event).unwrap(), state);
    }
}

/// A sink that fails in `finish`, as on a full disk.
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
async fn a_run_that_is_resumed_after_its_listing_knows_the_earlier_rejections() {
    for (names, errors) in
        [(&["a.jpg", "b.txt"][..], 0), (&["a.jpg", "b.jpg"], 0), (&["a.jpg", UNREADABLE], 1)]
    {
        let disk = TestDisk::new(10);
        disk.job(scan(names)).run(Unfinished).await.unwrap_err();
        let summary = disk.job(scan(names)).run(()).await.unwrap();
        assert!(summary.is_resumed && summary.report.total() == 0);
        let event = if errors > 0 { Event::SyncHadErrors } else { Event::SyncSucceeded };
        assert_eq!(Event::from(&summary), event);
        let jpg = names.iter().filter(|name| name.ends_with("jpg")).count() as u64;
        assert_eq!((summary.listed, summary.assets), (Some(2), Some(jpg - errors)));
        assert_eq!((summary.errors(), summary.skipped()), (errors, 2 - jpg));
    }
}

#[tokio::test]
async fn complete_files_can_be_written_from_the_manifest() {
    let folder = tempfile::tempdir().unwrap();
    let (state, file) = (folder.path().join("state"), folder.path().join("assets.jsonl"));
    let names: Vec<String> = (0..2300).map(|n| format!("{n:04}.jpg")).collect();
    let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
    names.push("notes.txt");
    Job::new(scan(&names), &state).run(()).await.unwrap();
    // One asset is gone, and its row is a tombstone.
    Job::new(scan(&names[1..]), &state).run(()).await.unwrap();
    let manifest = Manifest::open(&state).unwrap().unwrap();
    let count = manifest.export(JsonLines::assets(&file).unwrap()).await.unwrap();
    assert_eq!(count, 2299);
    let lines = fs::read_to_string(&file).unwrap();
    assert_eq!(lines.lines().count(), 2299);
    assert!(lines.starts_with(r#"{"name":"0001.jpg","size":10,"#), "{lines:.60}");
}

#[tokio::test]
async fn a_change_without_a_new_etag_is_reported_and_reaches_tables() {
    let folder = tempfile::tempdir().unwrap();
    let table = folder.path().join("assets.sqlite");
    // The neighbors in the same block do not change.
    let with = |tier: Option<AccessTier>, md5: u8| {
        let mut blobs = ["a.jpg", "b.jpg", "c.jpg"].map(|name| Blob::new(name, 10));
        blobs.iter_mut().for_each(|blob| blob.etag = Some(ETag::from("1")));
        blobs[1].access_tier = tier;
        blobs[1].content_md5 = Some(ContentMd5::from([md5; 16]));
        let scan = Scan::new(MemoryStore::from_iter(blobs), &Prefix::default());
        Job::new(scan, folder.path().join("state")).max_removals(1.0)
    };
    let (hot, cold) = (Some(AccessTier::Hot), Some(AccessTier::Cold));
    let archive = Some(AccessTier::Archive);
    let steps: [(_, u8, &[&str], Option<&str>); 8] = [
        (hot.clone(), 1, &["+a.jpg", "+b.jpg", "+c.jpg"], Some("Hot")),
        (hot.clone(), 1, &[], Some("Hot")),
        (cold.clone(), 1, &["~b.jpg"], Some("Cold")),
        (cold.clone(), 1, &[], Some("Cold")),
        (archive, 1, &["-b.jpg", "!b.jpg"], None),
        (None, 1, &["^b.jpg"], None),
        (cold.clone(), 2, &["~b.jpg"], Some("Cold")),
        (cold, 2, &[], Some("Cold")),
    ];
    for (step, (tier, md5, want, tier_in_table)) in steps.into_iter().enumerate() {
        let mut reported = Vec::new();
        let sink = callback(|change| {
            let what = match change {
                Change::Added(_) => "+",
                Change::Changed(_) => "~",
                Change::Restored(_) => "^",
                Change::Removed(_) => "-",
                _ => "!",
            };
            reported.push(format!("{what}{}", change.name().unwrap()));
            Ok(())
        });
        with(tier, md5).run((Sqlite::open(&table).unwrap(), sink)).await.unwrap();
        assert_eq!(reported, want, "{step}");
        let database = rusqlite::Connection::open(&table).unwrap();
        let query = "SELECT max(access_tier) FROM assets WHERE name = 'b.jpg'";
        let found: Option<String> = database.query_row(query, [], |row| row.get(0)).unwrap();
        assert_eq!(found.as_deref(), tier_in_table, "{step}");
        let mut exported = Vec::new();
        let sink = callback(|change| {
            exported.push(change.asset().unwrap().blob.access_tier.clone());
            Ok(())
        });
        let manifest = Manifest::open(folder.path().join("state")).unwrap().unwrap();
        manifest.export(sink).await.unwrap();
        let exported = exported.iter().flatten().next();
        assert_eq!(exported.map(AccessTier::as_str), tier_in_table, "{step}");
    }
}

/// A store that never answers.
struct Never;

#[async_trait::async_trait]
impl Store for Never {
    async fn list(&self, _: ListRequest) -> Result<Page, Error> {
        std::future::pending().await
    }

    async fn read(&self, _: ReadRequest) -> Result<Bytes, Error> {
        unreachable!()
    }
}

#[tokio::test(start_paused = true)]
async fn the_status_of_a_run_is_available_while_another_call_waits_for_it() {
    let (jobs, folder) = (Jobs::default(), tempfile::tempdir().unwrap());
    let job = || Job::new(Scan::new(Never, &Prefix::default()), folder.path());
    jobs.start("x", job(), ()).unwrap();
    let wait = jobs.wait("x");
    tokio::select! {
        _ = wait => unreachable!(),
        () = tokio::time::sleep(Duration::from_secs(1)) => {
            assert!(jobs.status("x").is_some_and(|status| status.phase != Phase::Failed));
            assert_eq!(jobs.start("x", job(), ()).unwrap_err().kind(), ErrorKind::StateBusy);
            assert!(jobs.pause("x") && jobs.wait("x").await.is_none());
        }
    }
}
