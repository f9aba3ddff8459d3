//! Runs lock the state, follow the speed of their sink, and can be paused, resumed and cancelled.

use std::{
    collections::BTreeSet,
    fs,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use azure_asset_sync::{
    Error, ErrorKind, Store,
    sink::{Batch, Delivery, Sink},
    store::{ListRequest, Page, ReadRequest},
    sync::{Ending, Job, Manifest, Outcome, Phase},
    testing::TestDisk,
};
use bytes::Bytes;

use super::{blob, run, scan, store};

#[tokio::test]
async fn a_folder_is_locked_by_one_run_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let job = || Job::new(scan(store(&[("a.jpg", "1")])), folder.path());
    let (entered, leave) =
        (Arc::new(tokio::sync::Notify::new()), Arc::new(tokio::sync::Notify::new()));
    let held = job().start(Waiting(Arc::clone(&entered), Arc::clone(&leave)));
    entered.notified().await;
    let error = job().run(()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StateBusy);
    assert!(error.to_string().contains(folder.path().to_str().unwrap()), "{error}");
    leave.notify_one();
    assert_eq!(held.await.into_result().unwrap().ending, Ending::Complete);
    assert_eq!(job().run(()).await.unwrap().counts.unchanged, 1);
}

/// A sink that signals when it receives a batch, and waits for permission to continue.
struct Waiting(Arc<tokio::sync::Notify>, Arc<tokio::sync::Notify>);

#[async_trait::async_trait]
impl Sink for Waiting {
    async fn accept(&mut self, _: Batch<'_>) -> Result<(), Error> {
        self.0.notify_one();
        self.1.notified().await;
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

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_folder_that_cannot_be_written_is_an_error_with_its_path() {
    let error = Job::new(scan(store(&[])), "/proc/no-state").run(()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::State);
    assert!(error.to_string().contains("/proc/no-state"), "{error}");

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "mine").unwrap();
    assert_eq!(
        Job::new(scan(store(&[])), &file).run(()).await.unwrap_err().kind(),
        ErrorKind::State
    );
    assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
}

/// A listing that never ends, with one blob a page, which counts its pages.
struct Endless(Arc<AtomicUsize>);

#[async_trait::async_trait]
impl Store for Endless {
    async fn list(&self, request: ListRequest) -> Result<Page, Error> {
        self.0.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(100)).await;
        let marker = request.marker.as_ref().map(|marker| marker.as_str());
        let start = request.start_from.as_deref().and_then(|name| name.get(..9));
        let number = marker.or(start).map_or(0, |number| number.parse::<u64>().unwrap());
        Ok(Page::new(vec![blob(&format!("{number:09}.jpg"), "1")], (number + 1).to_string().into()))
    }

    async fn read(&self, _: ReadRequest) -> Result<Bytes, Error> {
        unreachable!()
    }
}

/// A sink that takes a second for each change.
struct Slow;

#[async_trait::async_trait]
impl Sink for Slow {
    async fn accept(&mut self, batch: Batch<'_>) -> Result<(), Error> {
        tokio::time::sleep(Duration::from_secs(batch.changes.len() as u64)).await;
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

#[tokio::test(start_paused = true)]
async fn a_slow_sink_slows_the_listing_and_an_abort_ends_it() {
    let (folder, requests) = (tempfile::tempdir().unwrap(), Arc::new(AtomicUsize::new(0)));
    let job = || Job::new(scan(Endless(Arc::clone(&requests))), folder.path());
    let handle = job().start(Slow);
    tokio::time::sleep(Duration::from_secs(60)).await;
    let (reported, requested) =
        (handle.status().counts.added, requests.load(Ordering::SeqCst) as u64);
    assert!((55..=60).contains(&reported), "{reported}");
    assert!(requested <= reported + 5, "{requested} pages for {reported} blobs");
    handle.abort();
    assert!(matches!(handle.await, Outcome::Aborted));
    let requested = requests.load(Ordering::SeqCst);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(requests.load(Ordering::SeqCst), requested, "the run continues");
    // The lock is released when the worker thread has finished its disk access, which takes real time
    // and not time of the paused clock. Then the run is resumed.
    let mut handle = job().start(());
    for _ in 0..1000 {
        tokio::time::sleep(Duration::from_secs(10)).await;
        if handle.status().phase != Phase::Failed {
            break;
        }
        assert_eq!(handle.await.into_result().unwrap_err().kind(), ErrorKind::StateBusy);
        handle = job().start(());
    }
    assert!(handle.status().counts.added >= reported + 50);
}

#[tokio::test(start_paused = true)]
async fn a_run_can_be_paused_resumed_and_cancelled() {
    let (folder, requests) = (tempfile::tempdir().unwrap(), Arc::new(AtomicUsize::new(0)));
    let handle = Job::new(scan(Endless(Arc::clone(&requests))), folder.path()).start(());
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(handle.status().phase, Phase::Listing);
    let (run, rate) = (handle.status().run.unwrap(), handle.status().rate());
    handle.pause();
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(handle.status().phase, Phase::Paused);
    let (reported, requested) = (handle.status().counts.added, requests.load(Ordering::SeqCst));
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(
        (handle.status().counts.added, requests.load(Ordering::SeqCst)),
        (reported, requested)
    );
    let status = handle.status();
    assert!(status.paused >= Duration::from_secs(65) && rate > 0.0, "{status:?}");
    assert!(status.rate() > rate / 2.0, "{} after {rate}: the pause counts", status.rate());
    handle.resume();
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(handle.status().counts.added > reported);
    handle.cancel();
    let summary = handle.await.into_result().unwrap();
    assert_eq!(summary.ending, Ending::Cancelled);

    let handle = Job::new(scan(Endless(requests)), folder.path()).start(());
    tokio::time::sleep(Duration::from_secs(1)).await;
    let status = handle.status();
    assert_eq!(status.run, Some(run), "the same run is resumed");
    assert!(status.counts.added > summary.counts.added);
}

#[tokio::test]
async fn progress_estimates_the_remaining_work() {
    let disk = TestDisk::new(10);
    let blobs = [("a.jpg", "1"), ("b.jpg", "1"), ("c.jpg", "1"), ("d.jpg", "1")];
    run(disk.job(scan(store(&blobs)))).await;
    let (entered, leave) =
        (Arc::new(tokio::sync::Notify::new()), Arc::new(tokio::sync::Notify::new()));
    let later = [("a.jpg", "2"), ("b.jpg", "2"), ("c.jpg", "1"), ("d.jpg", "1")];
    let handle =
        disk.job(scan(store(&later))).start(Waiting(Arc::clone(&entered), Arc::clone(&leave)));
    entered.notified().await;
    let status = handle.status();
    assert_eq!((status.phase, status.expected), (Phase::Listing, Some(4)));
    assert!(status.left().unwrap() <= 4);
    leave.notify_one();
    assert_eq!(handle.await.into_result().unwrap().counts.changed, 2);
    let names: BTreeSet<_> =
        disk.manifest().unwrap().unwrap().rows().map(|r| r.unwrap().name).collect();
    assert_eq!(names.len(), 4);
}

#[tokio::test]
async fn a_manifest_can_be_opened_whether_or_not_it_exists() {
    let folder = tempfile::tempdir().unwrap();
    assert!(Manifest::open(folder.path()).unwrap().is_none());
    assert!(Manifest::open(folder.path().join("none")).unwrap().is_none());
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        0,
        "opening a manifest creates no file"
    );
    Job::new(scan(store(&[("a.jpg", "1"), ("b.txt", "1")])), folder.path()).run(()).await.unwrap();
    let manifest = Manifest::open(folder.path()).unwrap().unwrap();
    assert_eq!((manifest.number(), manifest.listed(), manifest.assets()), (1, 2, 1));
}
