//! Changes that a sink may have stored, damaged files and failed sinks do not lose a change.

use std::{
    num::NonZeroU16,
    sync::{Arc, Mutex},
};

use azure_asset_sync::{
    Error, ErrorKind, MemoryStore, Rules, Store,
    store::{ListRequest, Page, ReadRequest},
    sync::{Ending, Phase},
    testing::TestDisk,
};
use bytes::Bytes;

use super::{Fails, Log, Pages, bad, blob, by_segments, fail, page, run, scan, store};

#[tokio::test]
async fn reported_removals_are_remembered_whatever_the_next_run_allows() {
    let disk = TestDisk::new(2);
    let all = [("a.jpg", "1"), ("b.jpg", "1"), ("c.jpg", "1")];
    run(disk.job(scan(store(&all)))).await;
    let few = || scan(store(&[("a.jpg", "1")]));
    let reported = fail(disk.job(few()).max_removals(1.0), Fails::AtFinish).await;
    assert_eq!(reported, ["-b.jpg", "-c.jpg"]);
    assert_eq!(run(disk.job(few())).await, (Ending::Complete, vec![]));
    assert_eq!(run(disk.job(scan(store(&all)))).await.1, ["^b.jpg", "^c.jpg"]);
}

#[tokio::test]
async fn changes_that_a_sink_may_have_are_reported_again_or_as_removed() {
    // The sink has stored two assets that are gone when the run is resumed.
    let disk = TestDisk::new(2);
    let both = store(&[("a.jpg", "1"), ("b.jpg", "1")]);
    fail(disk.job(scan(both)).max_removals(1.0), Fails::AfterStoring).await;
    let gone = vec!["-a.jpg".to_owned(), "-b.jpg".to_owned()];
    let none = disk.job(scan(store(&[]))).max_removals(1.0);
    assert_eq!(run(none).await, (Ending::Complete, gone));

    // The sink has stored another version, which no longer exists when the run is resumed.
    let disk = TestDisk::new(2);
    let version = |etag: &str| disk.job(scan(store(&[("a.jpg", etag), ("b.png", "1")])));
    run(version("1")).await;
    fail(version("2"), Fails::AfterStoring).await;
    assert_eq!(run(version("1")).await.1, ["~a.jpg"]);

    // The sink has not stored that another version of an earlier asset is rejected.
    let disk = TestDisk::new(2);
    let no_jpg = Rules::default().refuse("jpg");
    let version = |etag: &str, rules: &Rules| {
        let scan = scan(store(&[("a.jpg", etag), ("b.png", "1")])).rules(rules.clone());
        disk.job(scan).max_removals(1.0)
    };
    run(version("1", &Rules::default())).await;
    assert_eq!(run(version("1", &no_jpg)).await.1, ["-a.jpg", "!a.jpg"]);
    fail(version("2", &no_jpg), Fails::BeforeStoring).await;
    assert_eq!(run(version("2", &no_jpg)).await.1, ["!a.jpg"]);

    // The sink has not stored a blob whose entry is malformed when the run is resumed.
    let disk = TestDisk::new(2);
    let names = ["a.jpg", "b.jpg", "c.jpg"];
    let all = || disk.job(scan(Pages(vec![page(&names)])));
    fail(all(), Fails::BeforeStoring).await;
    let ambiguous = disk.job(scan(Pages(vec![bad(page(&["a.jpg", "c.jpg"]), None)])));
    let mut reported = run(ambiguous).await.1;
    reported.extend(run(all()).await.1);
    // The sink may have the blob, so it is reported as changed.
    assert!(reported.contains(&"~b.jpg".to_owned()), "{reported:?}");
}

#[tokio::test]
async fn a_blob_that_a_sink_may_have_and_a_nameless_entry_may_be_is_removed_when_it_is_gone() {
    let disk = TestDisk::new(2);
    let job = |page: Page| disk.job(scan(Pages(vec![page]))).max_removals(1.0);
    fail(job(page(&["a.jpg", "b.jpg"])), Fails::AfterStoring).await;
    let reported = run(job(bad(page(&["b.jpg"]), None))).await.1;
    assert!(!reported.contains(&"-a.jpg".to_owned()), "{reported:?}");
    assert_eq!(run(job(page(&["b.jpg"]))).await.1, ["-a.jpg"]);
}

#[tokio::test]
async fn a_long_page_is_ambiguous_to_its_end() {
    let disk = TestDisk::new(1);
    let names: Vec<_> = (0..30).map(|n| format!("{n:02}.jpg")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    run(disk.job(scan(Pages(vec![page(&names)])))).await;
    let (first, last) = (page(&["00.jpg"]), page(&["29.jpg"]));
    let mut ambiguous = bad(first, None);
    ambiguous.blobs.extend(last.blobs);
    let (ending, reported) = run(disk.job(scan(Pages(vec![ambiguous]))).max_removals(1.0)).await;
    assert_eq!((ending, reported), (Ending::Complete, vec!["!?".to_owned()]));
}

/// A store that swaps two names on some pages.
struct Disorder(Arc<MemoryStore>, Mutex<fastrand::Rng>);

#[async_trait::async_trait]
impl Store for Disorder {
    async fn list(&self, request: ListRequest) -> Result<Page, Error> {
        let mut page = self.0.list(request).await?;
        let mut random = self.1.lock().unwrap();
        if page.blobs.len() > 1 && random.u8(..15) == 0 {
            let at = random.usize(1..page.blobs.len());
            page.blobs.swap(at - 1, at);
        }
        Ok(page)
    }

    async fn read(&self, _: ReadRequest) -> Result<Bytes, Error> {
        unreachable!()
    }
}

#[tokio::test]
async fn no_blob_is_lost_if_names_are_out_of_order_in_one_of_many_ranges() {
    for seed in 0..8 {
        let mut random = fastrand::Rng::with_seed(seed);
        let disk = TestDisk::new(random.usize(3..20));
        let mut names = std::collections::BTreeSet::new();
        let mut add = |count: usize, random: &mut fastrand::Rng| {
            for _ in 0..count {
                names.insert(format!("{:04}.jpg", random.u16(..9999)));
            }
            Arc::new(names.iter().map(|name| blob(name, "1")).collect::<MemoryStore>())
        };
        let first = add(random.usize(3..14), &mut random);
        run(disk.job(scan(first))).await;
        let all = add(1000, &mut random);
        for _ in 0..3 {
            let store = Disorder(Arc::clone(&all), Mutex::new(random.fork()));
            let size = NonZeroU16::new(random.u16(2..40)).unwrap();
            let job = disk.job(scan(store).in_flight(4).page_size(size)).max_removals(1.0);
            let summary = job.run(()).await.unwrap();
            assert_eq!(summary.assets, Some(names.len() as u64), "SEED={seed}");
        }
        let summary = disk.job(scan(all)).max_removals(1.0).run(()).await.unwrap();
        assert_eq!(summary.counts.unchanged, names.len() as u64, "SEED={seed}");
    }
}

#[tokio::test]
async fn an_order_that_a_failed_batch_has_revealed_is_kept() {
    let disk = TestDisk::new(2);
    let first = by_segments(&["f/a.jpg", "f/b.jpg", "f-2/a.jpg", "g.jpg"]);
    fail(disk.job(scan(Pages(vec![first]))), Fails::AfterStoring).await;
    for want in [4, 0] {
        let job = disk.job(scan(Pages(vec![by_segments(&["g.jpg"])]))).max_removals(1.0);
        assert_eq!(run(job).await.1.len(), want);
    }
}

#[tokio::test]
async fn a_source_is_kept_once_it_is_set() {
    let disk = TestDisk::new(2);
    run(disk.job(scan(store(&[("a.jpg", "1")]))).source("https://one")).await;
    run(disk.job(scan(store(&[("a.jpg", "2")])))).await;
    let other = disk.job(scan(store(&[]))).source("https://two").run(()).await;
    assert_eq!(other.unwrap_err().kind(), ErrorKind::StateInvalid);
}

#[tokio::test]
async fn a_newly_rejected_asset_is_counted_as_removed_and_rejected() {
    let disk = TestDisk::new(2);
    let job = |rules| {
        disk.job(scan(store(&[("a.jpg", "1"), ("b.png", "1")])).rules(rules)).max_removals(1.0)
    };
    run(job(Rules::default())).await;
    let counts = job(Rules::default().refuse("png")).run(()).await.unwrap().counts;
    assert_eq!((counts.removed, counts.rejected, counts.unchanged), (1, 1, 1));
}

#[tokio::test]
async fn the_journal_ends_at_a_line_that_never_reached_the_disk() {
    let names: Vec<String> = (0..600).map(|n| format!("{n:04}.jpg")).collect();
    let all: Vec<_> = names.iter().map(|name| (name.as_str(), "1")).collect();
    for cut in 0..30 {
        let disk = TestDisk::new(2);
        run(disk.job(scan(store(&all)))).await;
        disk.cut_power_at(cut);
        let first = disk.job(scan(store(&all))).run(()).await;
        disk.restart(|_| 0);
        let again = disk.job(scan(store(&all))).run(()).await.unwrap();
        assert_eq!(again.counts.added, 0, "{cut}: {first:?}");
    }
}

#[tokio::test]
async fn a_run_fails_if_its_sink_panics() {
    let disk = TestDisk::new(2);
    let sink = Log(Arc::default(), Fails::ByPanic);
    let handle = disk.job(scan(store(&[("a.jpg", "1")]))).start(sink);
    while !handle.has_ended() {
        tokio::task::yield_now().await;
    }
    assert_eq!(handle.status().phase, Phase::Failed);
    // The next run resumes.
    assert_eq!(run(disk.job(scan(store(&[("a.jpg", "1")])))).await.1, ["+a.jpg"]);
}
