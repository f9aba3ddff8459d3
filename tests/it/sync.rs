//! Jobs report each change once, withhold suspicious removals, refuse invalid set-ups, and keep the old
//! manifest after a failure.

mod runs;

use std::{
    num::NonZeroU16,
    sync::{Arc, Mutex},
};

use azure_asset_sync::{
    Blob, Error, ErrorKind, JsonLines, MemoryStore, Prefix, Reason, Rules, Scan, Store,
    sink::{Change, Sink, callback},
    store::{ContentMd5, ETag, Include, ListRequest, Malformed, NameOrder, Page, ReadRequest},
    sync::{Ending, Job},
    testing::TestDisk,
    validate::Action,
};
use bytes::Bytes;

fn blob(name: &str, etag: &str) -> Blob {
    let mut blob = Blob::new(name, 10);
    blob.etag = Some(ETag::from(etag));
    blob
}

/// Names and ETags.
type Blobs = [(&'static str, &'static str)];

fn store(blobs: &[(&str, &str)]) -> MemoryStore {
    blobs.iter().map(|(name, etag)| blob(name, etag)).collect()
}

fn scan(store: impl Store + 'static) -> Scan {
    Scan::new(store, &Prefix::default()).page_size(NonZeroU16::new(2).unwrap())
}

/// Returns a short form of a change: a character for its type, and the name.
fn describe(change: &Change) -> String {
    let what = match change {
        Change::Added(_) => "+",
        Change::Changed(_) => "~",
        Change::Restored(_) => "^",
        Change::Removed(_) => "-",
        _ => "!",
    };
    format!("{what}{}", change.name().unwrap_or("?"))
}

type Reported = Arc<Mutex<Vec<String>>>;

fn reporting_sink() -> (Reported, impl Sink + 'static) {
    let all = Reported::default();
    let sink = {
        let all = Arc::clone(&all);
        callback(move |change| {
            all.lock().unwrap().push(describe(change));
            Ok(())
        })
    };
    (all, sink)
}

/// Runs a job to its end. Returns how it ended, and the reported changes.
async fn run(job: Job) -> (Ending, Vec<String>) {
    let (all, sink) = reporting_sink();
    let summary = job.run(sink).await.unwrap();
    let all = all.lock().unwrap().clone();
    (summary.ending, all)
}

#[tokio::test]
async fn each_kind_of_change_is_reported() {
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
        let (ending, reported) = run(disk.job(scan(store(blobs))).max_removals(1.0)).await;
        assert_eq!(
            (ending, reported),
            (Ending::Complete, want.iter().map(|t| t.to_string()).collect()),
            "{round}"
        );
    }
}

#[tokio::test]
async fn changed_rules_change_which_blobs_are_assets() {
    let disk = TestDisk::new(2);
    let job = |rules: &Rules| {
        let store = store(&[("a.jpg", "1"), ("b.png", "1"), ("c.dcm", "1")]);
        disk.job(scan(store).rules(rules.clone())).max_removals(1.0)
    };
    assert_eq!(run(job(&Rules::default())).await.1, ["+a.jpg", "+b.png", "!c.dcm"]);
    let no_png = Rules::default().refuse("png");
    // The removal is reported before the rejection.
    assert_eq!(run(job(&no_png)).await.1, ["-b.png", "!b.png"]);
    assert_eq!(run(job(&no_png)).await.1, [""; 0]);
    assert_eq!(run(job(&Rules::default())).await.1, ["^b.png"]);
}

#[tokio::test]
async fn many_removals_are_withheld_until_they_are_allowed() {
    let disk = TestDisk::new(2);
    let all = [("a.jpg", "1"), ("b.jpg", "1"), ("c.jpg", "1")];
    run(disk.job(scan(store(&all)))).await;
    let few = || scan(store(&[("a.jpg", "1"), ("n.jpg", "1")]));
    let withheld = Ending::RemovalsWithheld { missing: 2, of: 3 };
    assert_eq!(run(disk.job(few())).await, (withheld, vec!["+n.jpg".to_owned()]));
    // While removals are withheld, nothing is repeated, blobs that return are not reported, and changes
    // are.
    let withheld = Ending::RemovalsWithheld { missing: 2, of: 4 };
    assert_eq!(run(disk.job(few())).await, (withheld, vec![]));
    let back = store(&[("a.jpg", "1"), ("b.jpg", "1"), ("c.jpg", "2"), ("n.jpg", "1")]);
    assert_eq!(run(disk.job(scan(back))).await, (Ending::Complete, vec!["~c.jpg".to_owned()]));

    assert_eq!(run(disk.job(few())).await.1, [""; 0]);
    let manifest = disk.manifest().unwrap().unwrap();
    assert_eq!((manifest.listed(), manifest.assets(), manifest.withheld()), (2, 2, 2));
    assert_eq!(manifest.export(callback(|_| Ok(()))).await.unwrap(), 2);
    let reported = run(disk.job(few()).max_removals(0.5)).await;
    assert_eq!(reported, (Ending::Complete, vec!["-b.jpg".to_owned(), "-c.jpg".to_owned()]));
    assert_eq!(run(disk.job(few())).await, (Ending::Complete, vec![]));
    assert_eq!(disk.manifest().unwrap().unwrap().withheld(), 0);
}

#[tokio::test]
async fn a_tombstone_is_kept_for_a_number_of_runs() {
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
async fn a_moved_asset_is_reported_with_its_new_name() {
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

/// The answers of a store: pages or errors.
type Script = Vec<Result<Page, ErrorKind>>;

/// A description, the answers of the store, and the reported changes or the error.
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
async fn blobs_that_were_not_listed_are_not_removed() {
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
        let (all, sink) = reporting_sink();
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
                assert!(!all.iter().any(|reported| reported.starts_with('-')), "{what}: {all:?}");
            }
        }
    }
}

#[tokio::test]
async fn names_are_compared_by_segments_if_they_are_listed_by_segments() {
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
    let (_, reported) = run(disk.job(by_segments(&fewer)).max_removals(0.5)).await;
    assert_eq!(reported, ["+f-2/b.jpg", "-f/b.jpg"]);
    // The same account without a hierarchical namespace lists names in another order.
    let other = || scan(Pages(vec![Ok(page(&["f-2/a.jpg", "f/a.jpg"]))]));
    let (_, reported) = run(disk.job(other()).max_removals(1.0)).await;
    assert_eq!(reported, ["-f-2/b.jpg", "-g.jpg"]);
    assert_eq!(run(disk.job(other())).await.1, [""; 0]);
}

#[tokio::test]
async fn scans_that_a_job_cannot_use_are_refused() {
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
    assert!(!folder.path().join("state").exists(), "a refused job has created a folder");
}

#[tokio::test]
async fn a_state_belongs_to_one_prefix_and_one_source() {
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
async fn a_disk_that_is_full_at_any_write_keeps_the_old_manifest() {
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
                assert!(at > 50, "no write failed: {at}");
                break;
            }
            Ok(_) => panic!("the run reports success after a failed write at {at}"),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::State, "{at}: {error}");
                assert!(std::error::Error::source(&error).is_some());
            }
        }
        // After the commit only the removal of old files remains.
        if rows(&disk) != before {
            continue;
        }
        disk.restart(|open| open);
        let summary = disk.job(scan(store(&second))).run(()).await.unwrap();
        assert_eq!((summary.counts.changed, summary.counts.removed), (27, 3), "{at}");
    }
}

#[tokio::test]
async fn damage_anywhere_in_a_manifest_is_detected() {
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
        // Each row has changed, so each is read.
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
                assert_eq!(now, damaged, "the damaged manifest was overwritten");
            }
        }
        for file in made.files().iter().filter(|file| file.as_str() != "manifest.jsonl.zst") {
            made.remove(file);
        }
    }
    // The header of the skippable frame, whose length this crate does not need.
    assert!(harmless <= 8, "{harmless}");
}
