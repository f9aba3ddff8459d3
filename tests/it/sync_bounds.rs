//! A job can read everything that it writes, files of interrupted runs are removed, and a run that lists
//! again can be cancelled between two blocks.

use std::sync::Arc;

use azure_asset_sync::{
    Blob, Error, ErrorKind, MemoryStore, Prefix, Rules, Scan, Store,
    sink::{Batch, Delivery, Sink, callback},
    store::{ListRequest, NameOrder, Page, ReadRequest},
    sync::{Ending, Jobs},
    testing::TestDisk,
};
use bytes::Bytes;

/// A sink that fails in its first batch, which it may have stored.
struct Fails;

#[async_trait::async_trait]
impl Sink for Fails {
    async fn accept(&mut self, _: Batch<'_>) -> Result<(), Error> {
        Err(Error::new(ErrorKind::Sink, "the sink fails as planned"))
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

/// A store with these pages, and a function that is called before each.
struct Pages<F>(Vec<Vec<String>>, F);

#[async_trait::async_trait]
impl<F: Fn(usize) -> Result<NameOrder, Error> + Send + Sync> Store for Pages<F> {
    async fn list(&self, request: ListRequest) -> Result<Page, Error> {
        let number = request.marker.map_or(0, |marker| marker.as_str().parse().unwrap());
        let order = (self.1)(number)?;
        let mut page = Page::last(self.0[number].iter().map(|name| Blob::new(name, 1)).collect());
        page.next = (number + 1 < self.0.len()).then(|| (number + 1).to_string().into());
        page.order = order;
        Ok(page)
    }

    async fn read(&self, _: ReadRequest) -> Result<Bytes, Error> {
        unreachable!()
    }
}

fn scan(store: impl Store + 'static) -> Scan {
    Scan::new(store, &Prefix::default())
}

fn size(disk: &TestDisk, file: &str) -> usize {
    let mut size = 0;
    if disk.files().iter().any(|name| name == file) {
        disk.damage(file, |bytes| size = bytes.len());
    }
    size
}

/// The page has far more blobs than a service lists at once.
#[tokio::test]
async fn a_very_long_page_is_written_in_parts_that_can_be_read_again() {
    let names: Vec<_> = (0..210_000).map(|n| format!("{n:06}.jpg")).collect();
    let disk = TestDisk::new(2500);
    let pages = || Pages(vec![names.clone()], |_| Ok(NameOrder::Bytes));
    disk.job(scan(pages())).run(Fails).await.unwrap_err();
    let mut largest = 0;
    let mut added = 0;
    let sink = callback(|change| {
        added += u64::from(change.asset().is_some());
        Ok(())
    });
    let summary = disk.job(scan(pages())).run(sink).await.unwrap();
    largest = largest.max(size(&disk, "run.journal"));
    assert_eq!((summary.ending, added, largest), (Ending::Complete, 210_000, 0));
}

/// The sink is down for days, while a job is started repeatedly.
#[tokio::test]
async fn batches_that_fail_repeatedly_do_not_fill_the_state() {
    let disk = TestDisk::new(2500);
    let store = || (0..5000).map(|n| Blob::new(format!("{n:04}.jpg"), 1)).collect::<MemoryStore>();
    let (mut largest, mut after_twenty) = (0, 0);
    for attempt in 0..60 {
        disk.job(scan(store())).run(Fails).await.unwrap_err();
        largest = largest.max(size(&disk, "run.jsonl.zst"));
        if attempt == 20 {
            after_twenty = largest;
        }
    }
    assert!(largest > 0 && largest == after_twenty, "{largest} bytes, {after_twenty} after 20");
    let mut names = std::collections::BTreeSet::new();
    let sink = callback(|change| {
        assert!(names.insert(change.name().unwrap().to_owned()), "{change:?} is repeated");
        Ok(())
    });
    let summary = disk.job(scan(store())).run(sink).await.unwrap();
    assert_eq!((summary.ending, summary.listed), (Ending::Complete, Some(5000)));
    assert_eq!(names.len(), 5000);
}

#[tokio::test]
async fn files_of_an_interrupted_run_are_removed_when_the_next_one_starts() {
    let names: Vec<_> = (0..40).map(|n| format!("{:02}.jpg", n * 7 % 40)).collect();
    let pages = || names.chunks(4).map(<[_]>::to_vec).collect::<Vec<_>>();
    let unsorted = |refuses: usize| {
        scan(Pages(pages(), move |number| match number >= refuses {
            true => Err(Error::new(ErrorKind::Config, "no")),
            false => Ok(NameOrder::Bytes),
        }))
    };
    let needed = ["manifest.jsonl.zst", "run.base", "run.journal", "run.jsonl.zst"];
    let mut seen = std::collections::BTreeSet::new();
    for at in 0.. {
        let disk = TestDisk::new(1);
        disk.fail_at(at, std::io::ErrorKind::StorageFull);
        let result = disk.job(unsorted(usize::MAX)).run(()).await;
        disk.restart(|_| 0);
        seen.extend(disk.files());
        // The run starts, and its first page is refused unless everything is listed.
        let _ = disk.job(unsorted(0)).run(()).await;
        for file in disk.files() {
            assert!(needed.contains(&file.as_str()), "{at}: {file}");
        }
        disk.job(unsorted(usize::MAX)).run(()).await.unwrap();
        assert_eq!(disk.files(), ["manifest.jsonl.zst"], "{at}");
        if result.is_ok() {
            break;
        }
    }
    for file in ["manifest.new", "run.base", "run.sort", "run.sort-2"] {
        assert!(seen.contains(file), "no run has created `{file}`: {seen:?}");
    }
}

#[tokio::test]
async fn a_run_that_lists_again_can_be_cancelled_between_two_blocks_and_resumed() {
    let mut names: Vec<_> = (0..400).map(|n| format!("{}/{n:03}.jpg", n % 7)).collect();
    names.extend((0..400).map(|n| format!("{}-/{n:03}.jpg", n % 7)));
    let by = |order: NameOrder| {
        let mut names = names.clone();
        names.sort_by(|a, b| order.compare(a, b));
        names.chunks(20).map(<[_]>::to_vec).collect::<Vec<_>>()
    };
    let disk = TestDisk::new(3);
    let first = Pages(by(NameOrder::Bytes), |_| Ok(NameOrder::Bytes));
    disk.job(scan(first)).run(()).await.unwrap();
    // The account has changed its order, which the first page shows. Then the run is cancelled.
    let jobs = Arc::new(Jobs::default());
    let store = |jobs: Option<Arc<Jobs>>| {
        Pages(by(NameOrder::Segments), move |_| {
            if let Some(jobs) = &jobs {
                jobs.cancel("one");
            }
            Ok(NameOrder::Segments)
        })
    };
    let job = disk.job(scan(store(Some(Arc::clone(&jobs)))));
    jobs.start("one", job, ()).unwrap();
    let before = disk.operations();
    let summary = jobs.wait("one").await.unwrap().into_result().unwrap();
    assert_eq!(summary.ending, Ending::Cancelled);
    assert!(!disk.files().contains(&"run.base".to_owned()), "{:?}", disk.files());
    assert!(disk.operations() - before < 60, "{} operations", disk.operations() - before);

    let mut count = 0;
    let sink = callback(|_| {
        count += 1;
        Ok(())
    });
    let summary = disk.job(scan(store(None)).rules(Rules::default())).run(sink).await.unwrap();
    assert_eq!((summary.ending, summary.is_resumed), (Ending::Complete, true));
    assert_eq!((count, summary.listed, summary.order), (0, Some(800), Some(NameOrder::Segments)));
}
