//! Resumed and repeated runs lose no change, whatever went wrong before.

mod failures;

use std::{
    num::NonZeroU16,
    sync::{Arc, Mutex},
};

use azure_asset_sync::{
    Blob, Error, ErrorKind, MemoryStore, Prefix, Scan, Store,
    sink::{Batch, Change, Delivery, Sink, callback},
    store::{ETag, ListRequest, Malformed, NameOrder, Page, ReadRequest},
    sync::{Ending, Job, Manifest, interrupted},
    testing::TestDisk,
};
use bytes::Bytes;

fn blob(name: &str, etag: &str) -> Blob {
    let mut blob = Blob::new(name, 10);
    blob.etag = Some(ETag::from(etag));
    blob
}

fn store(blobs: &[(&str, &str)]) -> MemoryStore {
    blobs.iter().map(|(name, etag)| blob(name, etag)).collect()
}

fn scan(store: impl Store + 'static) -> Scan {
    Scan::new(store, &Prefix::default()).page_size(NonZeroU16::new(2).unwrap())
}

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

/// When a sink fails.
#[derive(Clone, Copy, PartialEq)]
enum Fails {
    Never,
    BeforeStoring,
    AfterStoring,
    AtFinish,
    ByPanic,
}

struct Log(Arc<Mutex<Vec<String>>>, Fails);

#[async_trait::async_trait]
impl Sink for Log {
    async fn accept(&mut self, batch: Batch<'_>) -> Result<(), Error> {
        assert!(self.1 != Fails::ByPanic, "the sink fails as planned");
        if self.1 != Fails::BeforeStoring {
            self.0.lock().unwrap().extend(batch.changes.iter().map(describe));
        }
        match self.1 {
            Fails::BeforeStoring | Fails::AfterStoring => {
                Err(Error::new(ErrorKind::Sink, "the sink fails as planned"))
            }
            _ => Ok(()),
        }
    }

    async fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }

    async fn finish(&mut self) -> Result<(), Error> {
        match self.1 {
            Fails::AtFinish => Err(Error::new(ErrorKind::Sink, "the sink fails as planned")),
            _ => Ok(()),
        }
    }

    fn delivery(&self) -> Delivery {
        Delivery::Idempotent
    }
}

async fn run(job: Job) -> (Ending, Vec<String>) {
    let log = Arc::default();
    let summary = job.run(Log(Arc::clone(&log), Fails::Never)).await.unwrap();
    let log = log.lock().unwrap().clone();
    (summary.ending, log)
}

async fn fail(job: Job, fails: Fails) -> Vec<String> {
    let log = Arc::default();
    job.run(Log(Arc::clone(&log), fails)).await.unwrap_err();
    log.lock().unwrap().clone()
}

/// A store with these pages.
struct Pages(Vec<Page>);

#[async_trait::async_trait]
impl Store for Pages {
    async fn list(&self, request: ListRequest) -> Result<Page, Error> {
        let number = request.marker.map_or(0, |marker| marker.as_str().parse().unwrap());
        let mut page = self.0[number].clone();
        page.next = (number + 1 < self.0.len()).then(|| (number + 1).to_string().into());
        Ok(page)
    }

    async fn read(&self, _: ReadRequest) -> Result<Bytes, Error> {
        unreachable!()
    }
}

/// A store with these pages, which refuses one of them.
struct Refusing(Pages, usize);

#[async_trait::async_trait]
impl Store for Refusing {
    async fn list(&self, request: ListRequest) -> Result<Page, Error> {
        if request.marker.as_ref().is_some_and(|marker| marker.as_str() == self.1.to_string()) {
            return Err(Error::from_response(403, None));
        }
        self.0.list(request).await
    }

    async fn read(&self, _: ReadRequest) -> Result<Bytes, Error> {
        unreachable!()
    }
}

fn page(names: &[&str]) -> Page {
    Page::last(names.iter().map(|name| blob(name, "1")).collect())
}

/// Adds a malformed entry after the blobs of a page.
fn bad(mut page: Page, name: Option<&str>) -> Page {
    let mut entry = Malformed::new(name.map(str::to_owned), "bad");
    entry.at = page.blobs.len();
    page.malformed.push(entry);
    page
}

fn by_segments(names: &[&str]) -> Page {
    let mut page = page(names);
    page.order = NameOrder::Segments;
    page
}

#[tokio::test]
async fn a_malformed_entry_prevents_the_removal_of_each_blob_that_it_could_be() {
    let all = ["a.jpg", "b.jpg", "c.jpg", "d.jpg"];
    let cases: [(&str, Vec<Page>, &[&str]); 3] = [
        (
            "without a name, at the end of its page",
            vec![bad(page(&["a.jpg", "b.jpg"]), None), page(&["d.jpg"])],
            &["!?"],
        ),
        (
            "without a name, alone on its page",
            vec![page(&["a.jpg", "b.jpg"]), bad(page(&[]), None), page(&["d.jpg"])],
            &["!?"],
        ),
        (
            "with its name, at the end of its page",
            vec![bad(page(&["a.jpg", "b.jpg"]), Some("c.jpg")), page(&["d.jpg"])],
            &["-c.jpg", "!c.jpg"],
        ),
    ];
    for (what, pages, want) in cases {
        let disk = TestDisk::new(2);
        run(disk.job(scan(Pages(vec![page(&all)])))).await;
        assert_eq!(run(disk.job(scan(Pages(pages))).max_removals(1.0)).await.1, want, "{what}");
    }
    let pages = vec![bad(page(&["a.jpg", "b.jpg"]), Some("c.jpg")), page(&["d.jpg"])];
    let (_, reported) = run(TestDisk::new(2).job(scan(Pages(pages)))).await;
    assert!(reported.contains(&"!c.jpg".to_owned()), "{reported:?}");
    // A malformed entry does not reveal the order of the names either.
    let pages = vec![bad(page(&[]), Some("f/0.jpg")), by_segments(&["f/a.jpg", "f-2/a.jpg"])];
    assert_eq!(run(TestDisk::new(1).job(scan(Pages(pages)))).await.1.len(), 3);
}

#[tokio::test]
async fn a_listing_out_of_order_is_sorted_and_nothing_is_reported_twice() {
    let names = ["a.jpg", "b.jpg", "c.jpg", "d.jpg", "e.jpg"];
    for first in [&names[..], &["b.jpg", "e.jpg"]] {
        let disk = TestDisk::new(2);
        run(disk.job(scan(Pages(vec![page(first)])))).await;
        let pages = || vec![page(&["d.jpg", "e.jpg"]), page(&["a.jpg", "b.jpg", "c.jpg"])];
        let job = || disk.job(scan(Pages(pages()))).max_removals(1.0);
        let (ending, mut reported) = run(job()).await;
        reported.sort();
        let new = names.iter().filter(|name| !first.contains(name));
        assert_eq!(reported, new.map(|name| format!("+{name}")).collect::<Vec<_>>());
        assert_eq!(ending, Ending::Complete);
        assert_eq!(run(job()).await, (Ending::Complete, vec![]));
        // A listing in order again is like any other.
        let again = disk.job(scan(store(&names.map(|name| (name, "1"))))).max_removals(1.0);
        assert_eq!(run(again).await, (Ending::Complete, vec![]));
        assert_eq!(disk.files(), ["manifest.jsonl.zst"]);
    }
}

#[tokio::test]
async fn nothing_is_lost_if_names_are_out_of_order_after_an_interruption() {
    let disk = TestDisk::new(2);
    run(disk.job(scan(Pages(vec![page(&["a.jpg", "m.jpg", "n.jpg"])])))).await;
    // More rows than a block buffers, so new blobs are reported before the block ends.
    let pages = [["a.jpg", "b.jpg"], ["c.jpg", "d.jpg"], ["e.jpg", "f.jpg"], ["g.jpg", "h.jpg"]];
    let mut first: Vec<_> = pages.iter().map(|names| page(names)).collect();
    let refused = first.len();
    first.push(page(&[]));
    let log = Arc::default();
    let job = disk.job(scan(Refusing(Pages(first), refused)));
    job.run(Log(Arc::clone(&log), Fails::Never)).await.unwrap_err();
    let want: Vec<_> =
        ["b", "c", "d", "e", "f", "g", "h"].map(|name| format!("+{name}.jpg")).into();
    assert_eq!(*log.lock().unwrap(), want);
    // The blobs that the sink has, and has had before, are gone when the run is resumed.
    let second = vec![page(&["n.jpg", "i.jpg", "a.jpg"])];
    let (ending, reported) = run(disk.job(scan(Pages(second))).max_removals(1.0)).await;
    let gone = ["b", "c", "d", "e", "f", "g", "h", "m"].map(|name| format!("-{name}.jpg"));
    let want: Vec<_> = std::iter::once("+i.jpg".to_owned()).chain(gone).collect();
    assert_eq!((ending, reported), (Ending::Complete, want));
}

#[tokio::test]
async fn blobs_that_a_sink_may_have_are_removed_although_a_resumed_listing_is_out_of_order() {
    let disk = TestDisk::new(2);
    run(disk.job(scan(Pages(vec![page(&["m.jpg", "n.jpg"])])))).await;
    // The sink has stored `c.jpg` and another version of `m.jpg`, but the run does not know that.
    let mut first = page(&["c.jpg", "m.jpg", "n.jpg"]);
    first.blobs[1].etag = Some(ETag::from("2"));
    let job = disk.job(scan(Pages(vec![first]))).max_removals(1.0);
    assert_eq!(fail(job, Fails::AfterStoring).await, ["+c.jpg", "~m.jpg"]);
    let job = disk.job(scan(Pages(vec![page(&["n.jpg", "m.jpg", "a.jpg"])]))).max_removals(1.0);
    assert_eq!(run(job).await.1, ["+a.jpg", "~m.jpg", "-c.jpg"]);
}

#[tokio::test]
async fn an_entry_without_a_name_can_be_any_blob_of_an_unordered_listing() {
    let disk = TestDisk::new(2);
    run(disk.job(scan(Pages(vec![page(&["a.jpg", "b.jpg", "c.jpg", "d.jpg"])])))).await;
    let pages = vec![page(&["d.jpg"]), bad(page(&["a.jpg"]), None), page(&["e.jpg"])];
    let job = disk.job(scan(Pages(pages))).max_removals(1.0);
    let (ending, mut reported) = run(job).await;
    reported.sort();
    reported.dedup();
    assert_eq!((ending, reported), (Ending::Complete, vec!["!?".to_owned(), "+e.jpg".to_owned()]));
    assert_eq!(disk.manifest().unwrap().unwrap().nameless(), 1);
    let pages = vec![page(&["d.jpg"]), page(&["a.jpg"]), page(&["e.jpg"])];
    let reported = run(disk.job(scan(Pages(pages))).max_removals(1.0)).await.1;
    assert_eq!(reported, ["-b.jpg", "-c.jpg"]);
    assert_eq!(disk.manifest().unwrap().unwrap().nameless(), 0);
}

#[tokio::test]
async fn an_entry_without_a_name_is_counted_once_however_often_the_names_are_sorted() {
    let names: Vec<_> = (0..2600).map(|n| format!("{n:04}.jpg")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let disk = TestDisk::new(100);
    let job = || disk.job(scan(Pages(vec![page(&["z.jpg"]), bad(page(&names), None)])));
    // After the names that are compared together.
    let fails = callback(|change| match change.name() {
        Some("2599.jpg") => Err(Error::new(ErrorKind::Sink, "full")),
        _ => Ok(()),
    });
    assert_eq!(job().run(fails).await.unwrap_err().kind(), ErrorKind::Sink);
    run(job()).await;
    let manifest = disk.manifest().unwrap().unwrap();
    assert_eq!((manifest.listed(), manifest.nameless()), (2601, 1));
}

#[tokio::test]
async fn the_share_of_removals_of_a_relisting_first_run_is_that_of_the_sinks_assets() {
    let names: Vec<_> = (0..20).map(|n| format!("n{n:02}.jpg")).collect();
    let mut pages: Vec<_> = names.chunks(2).map(|two| page(&[&two[0], &two[1]])).collect();
    pages.push(page(&["b.jpg"]));
    let disk = TestDisk::new(2);
    let refused = pages.len();
    let failing = [&pages[..], &[page(&[])]].concat();
    disk.job(scan(Refusing(Pages(failing), refused))).run(()).await.unwrap_err();
    assert!(disk.files().contains(&"run.base".to_owned()), "{:?}", disk.files());
    pages[1] = page(&["n02.jpg"]);
    let (ending, reported) = run(disk.job(scan(Pages(pages)))).await;
    assert_eq!((ending, reported), (Ending::Complete, vec!["+b.jpg".into(), "-n03.jpg".into()]));
}

/// Rows that are too long for one block are written to several blocks, even if each is small.
#[tokio::test]
async fn long_rows_cause_no_block_that_is_too_large() {
    let etag = "e".repeat(7500);
    let names: Vec<_> = (0..2400).map(|n| format!("{n:04}.jpg")).collect();
    let blobs = names.iter().map(|name| blob(name, &etag)).collect::<Vec<_>>();
    for is_sorted in [true, false] {
        let disk = TestDisk::new(2500);
        let mut pages = vec![Page::last(blobs.clone())];
        if !is_sorted {
            pages.push(page(&["!.jpg"]));
        }
        run(disk.job(scan(Pages(pages)))).await;
        let rows = disk.manifest().unwrap().unwrap().rows();
        assert_eq!(rows.map(Result::unwrap).count(), 2400 + usize::from(!is_sorted));
    }
}

/// A store that repeats its first marker forever.
struct Endless(Page);

#[async_trait::async_trait]
impl Store for Endless {
    async fn list(&self, request: ListRequest) -> Result<Page, Error> {
        let mut page = if request.marker.is_none() { self.0.clone() } else { page(&[]) };
        page.next = Some("again".to_owned().into());
        Ok(page)
    }

    async fn read(&self, _: ReadRequest) -> Result<Bytes, Error> {
        unreachable!()
    }
}

#[tokio::test]
async fn a_listing_that_never_ends_keeps_the_manifest_and_can_be_resumed() {
    let folder = tempfile::tempdir().unwrap();
    let job = |store: Pages| Job::new(scan(store), folder.path()).max_removals(1.0);
    let rows = || {
        let manifest = Manifest::open(folder.path()).unwrap()?;
        Some((manifest.run(), manifest.rows().map(Result::unwrap).collect::<Vec<_>>()))
    };
    for first in [None, Some(["a.jpg", "c.jpg"])] {
        if let Some(first) = first {
            run(job(Pages(vec![page(&first)]))).await;
        }
        let before = rows();
        assert_eq!(before.is_some(), first.is_some());
        let log = Arc::default();
        let endless = Job::new(scan(Endless(page(&["b.jpg", "c.jpg"]))), folder.path());
        let error = endless.run(Log(Arc::clone(&log), Fails::Never)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::RepeatedMarker);
        assert_eq!(rows(), before);
        let unfinished = interrupted(folder.path()).unwrap();
        let mut reported = log.lock().unwrap().clone();
        let summary = {
            let log = Arc::default();
            let pages = Pages(vec![page(&["b.jpg", "c.jpg"])]);
            let summary = job(pages).run(Log(Arc::clone(&log), Fails::Never)).await.unwrap();
            reported.extend(log.lock().unwrap().clone());
            summary
        };
        assert!(summary.is_resumed && Some(summary.run) == unfinished);
        let want: &[_] =
            if first.is_some() { &["+b.jpg", "-a.jpg"] } else { &["+b.jpg", "+c.jpg"] };
        assert_eq!(reported, want);
        assert_eq!(interrupted(folder.path()).unwrap(), None);
        std::fs::remove_file(folder.path().join("manifest.jsonl.zst")).unwrap();
    }
}
