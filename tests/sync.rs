//! Jobs: what they refuse, what they withhold, and what a failure leaves behind.

use std::{
    collections::BTreeSet,
    fs,
    num::NonZeroU16,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use azure_asset_sync::{
    Blob, Error, ErrorKind, JsonLines, MemoryStore, Prefix, Reason, Rules, Scan, Store,
    sink::{Batch, Change, Delivery, Sink, callback},
    store::{ContentMd5, ETag, Include, ListRequest, Malformed, NameOrder, Page, ReadRequest},
    sync::{Ending, Job, Manifest, Phase},
    testing::TestDisk,
    validate::Action,
};
use bytes::Bytes;

fn blob(name: &str, etag: &str) -> Blob {
    let mut blob = Blob::new(name, 10);
    blob.etag = Some(ETag::from(etag));
    blob
}

/// Names and ETags
type Blobs = [(&'static str, &'static str)];

fn store(blobs: &[(&str, &str)]) -> MemoryStore {
    blobs.iter().map(|(name, etag)| blob(name, etag)).collect()
}

fn scan(store: impl Store + 'static) -> Scan {
    Scan::new(store, &Prefix::default()).page_size(NonZeroU16::new(2).unwrap())
}

/// What a change is, and of what
fn told(change: &Change) -> String {
    let what = match change {
        Change::Added(_) => "+",
        Change::Changed(_) => "~",
        Change::Restored(_) => "^",
        Change::Removed(_) => "-",
        _ => "!",
    };
    format!("{what}{}", change.name().unwrap_or("?"))
}

type Told = Arc<Mutex<Vec<String>>>;

fn telling() -> (Told, impl Sink + 'static) {
    let all = Told::default();
    let sink = {
        let all = Arc::clone(&all);
        callback(move |change| {
            all.lock().unwrap().push(told(change));
            Ok(())
        })
    };
    (all, sink)
}

/// Runs a job to its end; what it told
async fn run(job: Job) -> (Ending, Vec<String>) {
    let (all, sink) = telling();
    let summary = job.run(sink).await.unwrap();
    let all = all.lock().unwrap().clone();
    (summary.ending, all)
}

#[tokio::test]
async fn each_way_of_a_blob_is_told() {
    let disk = TestDisk::new(2);
    let steps: &[(&Blobs, &[&str])] = &[
        (&[("a.jpg", "1"), ("b.jpg", "1"), ("c.txt", "1")], &["+a.jpg", "+b.jpg", "!c.txt"]),
        (&[("a.jpg", "1"), ("b.jpg", "1"), ("c.txt", "1")], &[]),
        (&[("a.jpg", "2"), ("c.txt", "1"), ("d.jpg", "1")], &["~a.jpg", "+d.jpg", "-b.jpg"]),
        (&[("a.jpg", "2"), ("b.jpg", "1"), ("c.txt", "2"), ("d.jpg", "1")], &["^b.jpg", "!c.txt"]),
        (&[("a.jpg", "2"), ("b.jpg", "1")], &["-c.txt", "-d.jpg"]),
        (&[("a.jpg", "2"), ("b.jpg", "1")], &[]),
    ];
    for (round, (blobs, want)) in steps.iter().enumerate() {
        let (ending, told) = run(disk.job(scan(store(blobs))).max_removals(1.0)).await;
        assert_eq!(
            (ending, told),
            (Ending::Complete, want.iter().map(|t| t.to_string()).collect()),
            "{round}"
        );
    }
}

#[tokio::test]
async fn other_rules_change_what_is_an_asset() {
    let disk = TestDisk::new(2);
    let job = |rules: &Rules| {
        let store = store(&[("a.jpg", "1"), ("b.png", "1"), ("c.dcm", "1")]);
        disk.job(scan(store).rules(rules.clone())).max_removals(1.0)
    };
    assert_eq!(run(job(&Rules::default())).await.1, ["+a.jpg", "+b.png", "!c.dcm"]);
    let no_png = Rules::default().refuse("png");
    // First that it is removed, and then why.
    assert_eq!(run(job(&no_png)).await.1, ["-b.png", "!b.png"]);
    assert_eq!(run(job(&no_png)).await.1, [""; 0]);
    assert_eq!(run(job(&Rules::default())).await.1, ["^b.png"]);
}

#[tokio::test]
async fn a_storm_of_removals_is_withheld_until_it_may() {
    let disk = TestDisk::new(2);
    let all = [("a.jpg", "1"), ("b.jpg", "1"), ("c.jpg", "1")];
    run(disk.job(scan(store(&all)))).await;
    let few = || scan(store(&[("a.jpg", "1"), ("n.jpg", "1")]));
    let withheld = Ending::RemovalsWithheld { missing: 2, of: 3 };
    assert_eq!(run(disk.job(few())).await, (withheld, vec!["+n.jpg".to_owned()]));
    // Nothing comes twice while it lasts, what is back was never gone, and what changed meanwhile did.
    let withheld = Ending::RemovalsWithheld { missing: 2, of: 4 };
    assert_eq!(run(disk.job(few())).await, (withheld, vec![]));
    let back = store(&[("a.jpg", "1"), ("b.jpg", "1"), ("c.jpg", "2"), ("n.jpg", "1")]);
    assert_eq!(run(disk.job(scan(back))).await, (Ending::Complete, vec!["~c.jpg".to_owned()]));

    assert_eq!(run(disk.job(few())).await.1, [""; 0]);
    let manifest = disk.manifest().unwrap().unwrap();
    assert_eq!((manifest.listed(), manifest.assets(), manifest.withheld()), (2, 2, 2));
    assert_eq!(manifest.export(callback(|_| Ok(()))).await.unwrap(), 2);
    let told = run(disk.job(few()).max_removals(0.5)).await;
    assert_eq!(told, (Ending::Complete, vec!["-b.jpg".to_owned(), "-c.jpg".to_owned()]));
    assert_eq!(run(disk.job(few())).await, (Ending::Complete, vec![]));
    assert_eq!(disk.manifest().unwrap().unwrap().withheld(), 0);
}

#[tokio::test]
async fn a_tombstone_is_kept_for_so_many_runs() {
    let disk = TestDisk::new(2);
    let with = |n: usize| {
        let new = format!("n{n}.jpg");
        scan(store(&[("a.jpg", "1"), ("b.jpg", "1"), (&new, "1")]))
    };
    let job = |scan| disk.job(scan).tombstones(2).max_removals(1.0);
    run(job(with(0))).await;
    for n in 1..=4 {
        run(job(with(n))).await;
    }
    let rows: Vec<_> =
        disk.manifest().unwrap().unwrap().rows().map(|row| row.unwrap().name).collect();
    assert_eq!(rows, ["a.jpg", "b.jpg", "n1.jpg", "n2.jpg", "n3.jpg", "n4.jpg"]);
    assert_eq!(run(job(with(0))).await.1, ["+n0.jpg", "-n4.jpg"]);
}

#[tokio::test]
async fn what_was_moved_says_where_to() {
    let disk = TestDisk::new(10);
    let with = |name: &str| {
        let mut moved = blob(name, "1");
        moved.content_md5 = Some(ContentMd5::from([7; 16]));
        let other = blob("other.jpg", "1");
        scan(MemoryStore::from_iter([moved, other]))
    };
    run(disk.job(with("old.jpg"))).await;
    let mut moved = Vec::new();
    let sink = callback(|change| {
        moved.extend(change.removal().map(|removal| removal.moved_to.clone()));
        Ok(())
    });
    disk.job(with("new.jpg")).max_removals(0.5).run(sink).await.unwrap();
    assert_eq!(moved, [Some("new.jpg".to_owned())]);
}

/// Pages as they are written down, or an error
type Script = Vec<Result<Page, ErrorKind>>;

/// What happens, and what is told, or the error
type Case = (&'static str, Script, Result<&'static [&'static str], ErrorKind>);

struct Pages(Script);

#[async_trait::async_trait]
impl Store for Pages {
    async fn list(&self, request: ListRequest) -> Result<Page, Error> {
        let number = request.marker.map_or(0, |marker| marker.as_str().parse().unwrap());
        let mut page = match &self.0[number] {
            Ok(page) => page.clone(),
            Err(kind) => return Err(Error::new(*kind, "scripted")),
        };
        page.next = (number + 1 < self.0.len()).then(|| (number + 1).to_string().into());
        Ok(page)
    }

    async fn read(&self, _: ReadRequest) -> Result<Bytes, Error> {
        unreachable!()
    }
}

fn page(names: &[&str]) -> Page {
    Page::last(names.iter().map(|name| blob(name, "1")).collect())
}

#[tokio::test]
async fn what_was_not_listed_is_not_removed() {
    let names = ["a.jpg", "b.jpg", "c.jpg", "d.jpg", "e.jpg"];
    let nameless = {
        let mut page = page(&["a.jpg", "c.jpg"]);
        page.malformed.push(Malformed::new(None, "no name"));
        page
    };
    let cases: [Case; 4] = [
        (
            "a page is refused",
            vec![Ok(page(&["a.jpg"])), Err(ErrorKind::PermissionDenied)],
            Err(ErrorKind::PermissionDenied),
        ),
        (
            "names descend",
            vec![Ok(page(&["d.jpg", "e.jpg"])), Ok(page(&["a.jpg"]))],
            Ok(&["-b.jpg", "-c.jpg"]),
        ),
        (
            "an entry has no name that can be read, and may be any of its page or the next",
            vec![Ok(nameless), Ok(page(&["d.jpg"])), Ok(page(&["f.jpg"]))],
            Ok(&["!?", "+f.jpg", "-e.jpg"]),
        ),
        (
            "all was listed",
            vec![Ok(page(&["a.jpg"])), Ok(page(&["e.jpg"]))],
            Ok(&["-b.jpg", "-c.jpg", "-d.jpg"]),
        ),
    ];
    for (what, pages, want) in cases {
        let disk = TestDisk::new(2);
        run(disk.job(scan(Pages(vec![Ok(page(&names))])))).await;
        let (all, sink) = telling();
        let result = disk.job(scan(Pages(pages))).max_removals(1.0).run(sink).await;
        let all = all.lock().unwrap().clone();
        match want {
            Ok(want) => assert_eq!(
                (result.is_ok(), all),
                (true, want.iter().map(|t| t.to_string()).collect()),
                "{what}"
            ),
            Err(kind) => {
                assert_eq!(result.unwrap_err().kind(), kind, "{what}");
                assert!(!all.iter().any(|told| told.starts_with('-')), "{what}: {all:?}");
            }
        }
    }
}

#[tokio::test]
async fn names_that_ascend_by_segments_are_compared_so() {
    let by_segments = |names: &[&str]| {
        let mut page = page(names);
        page.order = NameOrder::Segments;
        scan(Pages(vec![Ok(page)]))
    };
    let disk = TestDisk::new(1);
    let names = ["f/a.jpg", "f/b.jpg", "f-2/a.jpg", "g.jpg"];
    assert_eq!(run(disk.job(by_segments(&names))).await.1.len(), 4);
    assert_eq!(run(disk.job(by_segments(&names))).await.1, [""; 0]);
    let fewer = ["f/a.jpg", "f-2/a.jpg", "f-2/b.jpg", "g.jpg"];
    let (_, told) = run(disk.job(by_segments(&fewer)).max_removals(0.5)).await;
    assert_eq!(told, ["+f-2/b.jpg", "-f/b.jpg"]);
    // The same account without folders, whose names come in another order.
    let other = || scan(Pages(vec![Ok(page(&["f-2/a.jpg", "f/a.jpg"]))]));
    let (_, told) = run(disk.job(other()).max_removals(1.0)).await;
    assert_eq!(told, ["-f-2/b.jpg", "-g.jpg"]);
    assert_eq!(run(disk.job(other())).await.1, [""; 0]);
}

#[tokio::test]
async fn what_a_job_cannot_be_made_of_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let scan = || scan(store(&[("a.jpg", "1")]));
    let job = |scan| Job::new(scan, folder.path().join("state"));
    let reject = Rules::default().on(Reason::CaseCollision, Action::Reject);
    let cases: [(&str, Job); 4] = [
        ("leave snapshots", job(scan().include([Include::Snapshots]))),
        ("names that collide", job(scan().rules(reject))),
        ("prefix without shards", job(scan().shards([]))),
        ("from 0 to 1", job(scan()).max_removals(30.0)),
    ];
    for (want, job) in cases {
        let error = job.run(()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{error}");
        assert!(error.to_string().contains(want), "{error}");
    }
    let whole = JsonLines::assets(folder.path().join("a.jsonl")).unwrap();
    assert_eq!(job(scan()).run(whole).await.unwrap_err().kind(), ErrorKind::Config);
    assert!(!folder.path().join("state").exists(), "a folder was made for nothing");
}

#[tokio::test]
async fn a_state_is_of_one_prefix_and_source() {
    let disk = TestDisk::new(10);
    run(disk.job(scan(store(&[("a/1.jpg", "1")]))).source("https://one")).await;
    let other = disk.job(scan(store(&[]))).source("https://two").run(()).await.unwrap_err();
    assert_eq!(other.kind(), ErrorKind::StateInvalid);
    let text = other.to_string();
    assert!(text.contains("https://one") && text.contains("https://two"), "{text}");
    let prefixed = Scan::new(store(&[]), &"a/".parse().unwrap());
    assert_eq!(disk.job(prefixed).run(()).await.unwrap_err().kind(), ErrorKind::StateInvalid);
    assert_eq!(run(disk.job(scan(store(&[("a/1.jpg", "1")])))).await.1, [""; 0]);
}

#[tokio::test]
async fn a_disk_that_is_full_at_any_write_leaves_the_old_manifest() {
    let names: Vec<String> = (0..30).map(|n| format!("{n:02}.jpg")).collect();
    let first: Vec<_> = names.iter().map(|name| (name.as_str(), "1")).collect();
    let second: Vec<_> = names.iter().skip(3).map(|name| (name.as_str(), "2")).collect();
    let rows = |disk: &TestDisk| -> Vec<_> {
        disk.manifest().unwrap().unwrap().rows().map(Result::unwrap).collect()
    };
    for at in 0.. {
        let disk = TestDisk::new(4);
        run(disk.job(scan(store(&first)))).await;
        let before = rows(&disk);
        disk.fail_at(at, std::io::ErrorKind::StorageFull);
        match disk.job(scan(store(&second))).run(()).await {
            Ok(_) if rows(&disk) != before => {
                assert!(at > 50, "it failed at no write: {at}");
                break;
            }
            Ok(_) => panic!("it says that all is well, at {at}"),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::State, "{at}: {error}");
                assert!(std::error::Error::source(&error).is_some());
            }
        }
        // At the very end what is left to do is to clear away.
        if rows(&disk) != before {
            continue;
        }
        disk.restart(|open| open);
        let summary = disk.job(scan(store(&second))).run(()).await.unwrap();
        assert_eq!((summary.counts.changed, summary.counts.removed), (27, 3), "{at}");
    }
}

#[tokio::test]
async fn a_manifest_that_is_damaged_anywhere_is_found_out() {
    let names: Vec<String> = (0..12).map(|n| format!("{n:02}.jpg")).collect();
    let all: Vec<_> = names.iter().map(|name| (name.as_str(), "1")).collect();
    let other: Vec<_> = names.iter().map(|name| (name.as_str(), "2")).collect();
    let made = TestDisk::new(4);
    run(made.job(scan(store(&all)))).await;
    let mut bytes = Vec::new();
    made.damage("manifest.jsonl.zst", |file| bytes = file.clone());
    let damages: Vec<Vec<u8>> = (0..bytes.len())
        .flat_map(|at| {
            let mut flipped = bytes.clone();
            flipped[at] ^= 0x10;
            [flipped, bytes[..at].to_vec()]
        })
        .collect();
    let mut harmless = 0;
    for damaged in damages {
        made.damage("manifest.jsonl.zst", |file| file.clone_from(&damaged));
        // Each row has changed, so that each is read.
        match made.job(scan(store(&other))).run(()).await {
            Ok(summary) => {
                assert_eq!(summary.counts.changed, 12, "a wrong difference");
                harmless += 1;
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::StateInvalid, "{error}");
                assert!(error.to_string().contains("start with a new state"), "{error}");
                let mut now = Vec::new();
                made.damage("manifest.jsonl.zst", |file| now = file.clone());
                assert_eq!(now, damaged, "it was written over");
            }
        }
        for file in made.files().iter().filter(|file| file.as_str() != "manifest.jsonl.zst") {
            made.remove(file);
        }
    }
    // The head of the frame that others skip, whose length nobody here needs.
    assert!(harmless <= 8, "{harmless}");
}

#[tokio::test]
async fn one_run_at_a_time_holds_a_folder() {
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
    assert_eq!(held.await.unwrap().ending, Ending::Complete);
    assert_eq!(job().run(()).await.unwrap().counts.unchanged, 1);
}

/// A sink that says when it has a batch, and waits until it may go on
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

/// Endless pages of one blob each, counted
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

/// A sink that takes a second for each change
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
async fn a_slow_sink_holds_the_listing_and_a_handle_that_is_dropped_ends_it() {
    let (folder, requests) = (tempfile::tempdir().unwrap(), Arc::new(AtomicUsize::new(0)));
    let job = || Job::new(scan(Endless(Arc::clone(&requests))), folder.path());
    let handle = job().start(Slow);
    tokio::time::sleep(Duration::from_secs(60)).await;
    let (told, asked) = (handle.status().counts.added, requests.load(Ordering::SeqCst) as u64);
    assert!((55..=60).contains(&told), "{told}");
    assert!(asked <= told + 5, "{asked} pages for {told} blobs");
    drop(handle);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let asked = requests.load(Ordering::SeqCst);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(requests.load(Ordering::SeqCst), asked, "something goes on");
    // The state is free again once its thread has ended what it did, which takes time of the disk and
    // not of this clock, and the run goes on.
    let mut handle = job().start(());
    for _ in 0..1000 {
        tokio::time::sleep(Duration::from_secs(10)).await;
        if handle.status().phase != Phase::Failed {
            break;
        }
        assert_eq!(handle.await.unwrap_err().kind(), ErrorKind::StateBusy);
        handle = job().start(());
    }
    assert!(handle.status().counts.added >= told + 50);
}

#[tokio::test(start_paused = true)]
async fn a_run_is_paused_goes_on_and_is_cancelled() {
    let (folder, requests) = (tempfile::tempdir().unwrap(), Arc::new(AtomicUsize::new(0)));
    let handle = Job::new(scan(Endless(Arc::clone(&requests))), folder.path()).start(());
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(handle.status().phase, Phase::Listing);
    let (run, rate) = (handle.status().run.unwrap(), handle.status().rate());
    handle.pause();
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(handle.status().phase, Phase::Paused);
    let (told, asked) = (handle.status().counts.added, requests.load(Ordering::SeqCst));
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!((handle.status().counts.added, requests.load(Ordering::SeqCst)), (told, asked));
    let status = handle.status();
    assert!(status.paused >= Duration::from_secs(65) && rate > 0.0, "{status:?}");
    assert!(status.rate() > rate / 2.0, "{} after {rate}: the pause counts", status.rate());
    handle.resume();
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(handle.status().counts.added > told);
    handle.cancel();
    let summary = handle.await.unwrap();
    assert_eq!(summary.ending, Ending::Cancelled);

    let handle = Job::new(scan(Endless(requests)), folder.path()).start(());
    tokio::time::sleep(Duration::from_secs(1)).await;
    let status = handle.status();
    assert_eq!(status.run, Some(run), "it goes on with the same run");
    assert!(status.counts.added > summary.counts.added);
}

#[tokio::test]
async fn progress_knows_how_much_is_left() {
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
    assert_eq!(handle.await.unwrap().counts.changed, 2);
    let names: BTreeSet<_> =
        disk.manifest().unwrap().unwrap().rows().map(|r| r.unwrap().name).collect();
    assert_eq!(names.len(), 4);
}

#[tokio::test]
async fn a_manifest_is_read_while_there_is_none_and_when_there_is_one() {
    let folder = tempfile::tempdir().unwrap();
    assert!(Manifest::open(folder.path()).unwrap().is_none());
    assert!(Manifest::open(folder.path().join("none")).unwrap().is_none());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "to read leaves no trace");
    Job::new(scan(store(&[("a.jpg", "1"), ("b.txt", "1")])), folder.path()).run(()).await.unwrap();
    let manifest = Manifest::open(folder.path()).unwrap().unwrap();
    assert_eq!((manifest.number(), manifest.listed(), manifest.assets()), (1, 2, 1));
}
