//! `Jobs` manages runs by ID, the end of a run is an event of its connection, and tables and files are
//! correct after it.

use std::{fs, sync::Arc, time::Duration};

use azure_asset_sync::{
    Blob, Error, ErrorKind, JsonLines, MemoryStore, Prefix, Scan,
    lifecycle::{Event, State},
    sink::{Batch, Change, Delivery, Sink, Sqlite, callback},
    store::{AccessTier, ContentMd5, ETag, Unreadable},
    sync::{Ending, Job, Jobs, Manifest, Outcome, Phase, Status, Summary},
    testing::TestDisk,
};
use futures::StreamExt as _;
use tokio::{
    sync::Semaphore,
    time::{Instant, sleep, timeout},
};

use crate::outage::{Down, Outage};

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
    assert!(jobs.get("a").is_none() && jobs.watch("a").is_none() && !jobs.abort("a"));
    start("a", &disk).unwrap();
    assert_eq!(start("a", &disk).unwrap_err().kind(), ErrorKind::StateBusy);
    start("b", &TestDisk::new(10)).unwrap();
    assert_eq!(jobs.ids(), ["a", "b"]);
    assert!(jobs.pause("a") && jobs.resume("a"));
    gate.add_permits(2);
    assert_eq!(result(&jobs, "a").await.unwrap().ending, Ending::Complete);
    assert_eq!(result(&jobs, "b").await.unwrap().counts.added, 1);
    start("a", &disk).unwrap();
    assert!(jobs.cancel("a"));
    assert!(result(&jobs, "a").await.is_ok());
}

async fn result(jobs: &Jobs, id: &str) -> Result<Summary, Error> {
    jobs.wait(id).await.unwrap().into_result()
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

fn hanging(disk: &TestDisk) -> Job {
    disk.job(Scan::new(Outage::new(10, Some(Down::Hangs)), &Prefix::default()))
}

#[tokio::test(start_paused = true)]
async fn any_number_of_callers_watch_and_wait_for_a_run_by_its_id() {
    let (jobs, disk) = (Jobs::new(), TestDisk::new(10));
    let service = Outage::new(10, Some(Down::Hangs));
    jobs.start("x", disk.job(Scan::new(service.clone(), &Prefix::default())), ()).unwrap();
    let waiting: Vec<_> = (0..3)
        .map(|_| {
            let jobs = jobs.clone();
            tokio::spawn(async move { result(&jobs, "x").await.unwrap().counts.added })
        })
        .collect();
    for _ in 0..3 {
        // A wait that is dropped or times out changes nothing.
        assert!(timeout(Duration::from_secs(10), jobs.wait("x")).await.is_err());
        drop(jobs.watch("x"));
        assert!(jobs.status("x").is_some_and(|status| status.phase == Phase::Listing));
        assert_eq!(jobs.start("x", hanging(&disk), ()).unwrap_err().kind(), ErrorKind::StateBusy);
    }
    service.set(None);
    // After a pause, the requests that hang are repeated.
    assert!(jobs.pause("x"));
    sleep(Duration::from_millis(1)).await;
    assert!(jobs.resume("x"));
    for wait in waiting {
        assert_eq!(wait.await.unwrap(), 10);
    }
    assert_eq!(result(&jobs, "x").await.unwrap().counts.added, 10);
}

#[tokio::test(start_paused = true)]
async fn runs_are_listed_removed_aborted_and_cancelled_by_id() {
    let jobs = Jobs::new();
    for id in ["c", "a", "b"] {
        let run = jobs.start(id, hanging(&TestDisk::new(10)), ()).unwrap();
        assert!(!run.has_ended());
    }
    sleep(Duration::from_secs(1)).await;
    let list = jobs.list();
    let phases: Vec<_> = list.iter().map(|(id, status)| (id.as_str(), status.phase)).collect();
    assert_eq!(phases, ["a", "b", "c"].map(|id| (id, Phase::Listing)));
    // Only ended runs are removed.
    assert!(jobs.remove("a").is_none() && jobs.remove("none").is_none());
    assert!(jobs.cancel("a") && jobs.abort("b"));
    assert!(matches!(jobs.wait("a").await, Some(Outcome::Cancelled { .. })));
    assert!(matches!(jobs.wait("b").await, Some(Outcome::Aborted)));
    assert!(!jobs.get("c").unwrap().has_ended());
    let removed = jobs.remove("a").unwrap();
    assert!(matches!(removed.outcome, Some(Outcome::Cancelled { .. })));
    assert_eq!(jobs.ids(), ["b", "c"]);
    jobs.shutdown(Duration::from_secs(1)).await;
}

#[tokio::test]
async fn ended_runs_are_kept_up_to_a_bound() {
    let jobs = Jobs::new().with_ended(3);
    let hangs = jobs.start("00", hanging(&TestDisk::new(10)), ()).unwrap();
    for n in 1..=10 {
        let run = jobs.start(format!("{n:02}"), TestDisk::new(10).job(scan(&["a.jpg"])), ());
        run.unwrap().wait().await;
    }
    // The run that has not ended is the oldest one, and is kept. The last one has ended since.
    assert_eq!(jobs.ids(), ["00", "07", "08", "09", "10"]);
    hangs.abort();
    hangs.wait().await;
    jobs.start("11", TestDisk::new(10).job(scan(&["a.jpg"])), ()).unwrap().wait().await;
    assert_eq!(jobs.ids(), ["08", "09", "10", "11"]);
    assert!(jobs.get("00").is_none() && hangs.outcome().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_cancels_all_runs_and_refuses_new_ones() {
    let (jobs, disk) = (Jobs::new(), TestDisk::new(10));
    for id in ["a", "b"] {
        jobs.start(id, hanging(&TestDisk::new(10)), ()).unwrap();
    }
    let late = disk.job(scan(&["a.jpg"]));
    let never = Gate(Arc::new(Semaphore::new(0)));
    jobs.start("late", late, never).unwrap();
    sleep(Duration::from_secs(1)).await;
    let start = Instant::now();
    // Shorter than what a sink gets after a cancellation.
    let aborted = jobs.clone().shutdown(Duration::from_millis(100)).await;
    assert_eq!((aborted, start.elapsed()), (vec!["late".to_owned()], Duration::from_millis(100)));
    let outcomes = jobs.list().into_iter().map(|(_, status)| status.outcome.unwrap());
    let outcomes: Vec<_> = outcomes.collect();
    assert!(
        matches!(
            outcomes[..],
            [Outcome::Cancelled { .. }, Outcome::Cancelled { .. }, Outcome::Aborted]
        ),
        "{outcomes:?}"
    );
    let refused = jobs.start("new", hanging(&TestDisk::new(10)), ()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Cancelled);
    assert!(refused.to_string().contains("shuts down"), "{refused}");
    assert!(jobs.shutdown(Duration::ZERO).await.is_empty());
    // Another process would resume.
    assert!(disk.job(scan(&["a.jpg"])).run(()).await.unwrap().is_resumed);
}

#[tokio::test(start_paused = true)]
async fn three_hundred_runs_wait_while_their_watchers_come_and_go() {
    let jobs = Jobs::new();
    for n in 0..300 {
        let run = jobs.start(format!("{n:03}"), hanging(&TestDisk::new(10)), ()).unwrap();
        let mut watch = run.watch();
        assert!(watch.next().await.is_some_and(|status| status.outcome.is_none()));
        if n % 2 == 0 {
            run.pause();
        }
    }
    sleep(Duration::from_secs(60)).await;
    let phases = jobs.list().into_iter().map(|(_, status)| status.phase);
    let expected = [Phase::Paused, Phase::Listing].into_iter().cycle().take(300);
    assert!(phases.eq(expected));
    let start = Instant::now();
    assert!(jobs.shutdown(Duration::from_secs(60)).await.is_empty());
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    let is_cancelled = |status: Status| matches!(status.outcome, Some(Outcome::Cancelled { .. }));
    assert!(jobs.list().into_iter().all(|(_, status)| is_cancelled(status)));
}

#[tokio::test(start_paused = true)]
async fn runs_continue_without_the_jobs_that_started_them() {
    let service = Outage::new(10, Some(Down::Hangs));
    let jobs = Jobs::new();
    let job = TestDisk::new(10).job(Scan::new(service.clone(), &Prefix::default()));
    let run = jobs.start("x", job, ()).unwrap();
    drop(jobs);
    sleep(Duration::from_secs(1)).await;
    service.set(None);
    run.pause();
    sleep(Duration::from_millis(1)).await;
    run.resume();
    assert_eq!(run.wait().await.into_result().unwrap().counts.added, 10);
}
