//! A run takes the same memory for ten million rows as for ten thousand, except for the block index:
//! about 1 MB for ten million rows, and as much again if all blocks have changed.
//!
//! The default run has fewer rows. For ten million:
//! `ROWS=10000000 cargo test --release --test it sync_memory:: -- --nocapture`.
//!
//! Each measurement runs this program again as a child, because the peak of resident memory belongs to
//! a process.
#![cfg(target_os = "linux")]

use std::{env, fs, path::Path, process::Command};

use azure_asset_sync::{
    Blob, Error, Prefix, Reason, Rules, Scan, Store,
    store::{ETag, ListRequest, Marker, Page, ReadRequest},
    sync::{Ending, Job},
    validate::Action,
};
use bytes::Bytes;

/// A store that generates its blobs on request.
struct Generated {
    count: u64,
    /// The version of each thousandth blob.
    version: u64,
    /// The number of the first blob whose listing is refused.
    refused: u64,
    /// Whether the names are listed in no order.
    is_unsorted: bool,
}

#[async_trait::async_trait]
impl Store for Generated {
    async fn list(&self, request: ListRequest) -> Result<Page, Error> {
        let start: u64 = request.marker.map_or(0, |marker| marker.as_str().parse().unwrap());
        if start >= self.refused {
            return Err(Error::from_response(403, None));
        }
        let end = (start + 2500).min(self.count);
        let blobs = (start..end).map(|n| {
            // The prime divides no number of rows in these tests, so each blob is listed once.
            let n = if self.is_unsorted { n * 7919 % self.count } else { n };
            let mut blob =
                Blob::new(format!("plant-07/camera-{:03}/{n:09}.jpg", n / 20_000), n + 1);
            let version = if n % 1000 == 7 { self.version } else { 0 };
            blob.etag = Some(ETag::from(format!("0x8DD0C7A{version:X}B{n:06X}").as_str()));
            blob
        });
        let blobs = blobs.collect();
        Ok(match end == self.count {
            true => Page::last(blobs),
            false => Page::new(blobs, Marker::from(end.to_string())),
        })
    }

    async fn read(&self, _: ReadRequest) -> Result<Bytes, Error> {
        unreachable!("a job reads no content")
    }
}

/// The difference between two equal runs in KiB: the allocator fills its pages differently, and other
/// pages of the program are resident.
const NOISE: u64 = 256;

/// The most KiB of the block index: two descriptions of each block of 2,500 rows, of 250 bytes.
fn index_kib(rows: u64) -> u64 {
    rows / 2500 * 2 * 250 / 1024
}

/// The input and the expected result of a run.
#[derive(Clone, Copy, Default)]
struct Run {
    name: &'static str,
    state: &'static str,
    /// The number of rows.
    rows: u64,
    version: u64,
    /// How many blobs have another version than before.
    changed: u64,
    /// Whether the store refuses the listing after three quarters of the blobs.
    is_cut_off: bool,
    is_resumed: bool,
    /// Whether the container is empty.
    is_emptied: bool,
    /// Whether the names are listed in no order.
    is_unsorted: bool,
}

/// Runs a job in a child process, and prints the peak of its resident memory.
#[test]
fn child() {
    let Ok(folder) = env::var("STATE") else { return };
    let number = |name| env::var(name).unwrap().parse::<u64>().unwrap();
    let is_emptied = number("IS_EMPTIED") == 1;
    let count = if is_emptied { 0 } else { number("ROWS_OF_CHILD") };
    let is_cut_off = number("IS_CUT_OFF") == 1;
    let refused = if is_cut_off { count / 4 * 3 } else { u64::MAX };
    let is_unsorted = number("IS_UNSORTED") == 1;
    let store = Generated { count, version: number("VERSION"), refused, is_unsorted };
    // The names that are remembered to find collisions have a limit of their own.
    let rules = [Reason::CaseCollision, Reason::BaseNameCollision]
        .into_iter()
        .fold(Rules::default(), |rules, reason| rules.on(reason, Action::Ignore));
    let job = Job::new(Scan::new(store, &Prefix::default()).rules(rules), folder);
    // One thread, because a varying number of threads would change the figures.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .max_blocking_threads(1)
        .build()
        .unwrap();
    let result = runtime.block_on(job.run(()));
    if is_cut_off {
        assert_eq!(result.unwrap_err().status(), Some(403));
    } else {
        let summary = result.unwrap();
        let is_withheld = matches!(summary.ending, Ending::RemovalsWithheld { .. });
        assert_eq!(is_withheld, is_emptied);
        assert_eq!(u64::from(summary.is_resumed), number("IS_RESUMED"));
        assert_eq!((summary.counts.changed, summary.counts.removed), (number("CHANGED"), 0));
    }
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    println!("PEAK {} of {count}", peak.split_whitespace().nth(1).unwrap());
}

fn peak_kib(folder: &Path, run: &Run) -> u64 {
    let output = Command::new(env::current_exe().unwrap())
        .args(["--exact", "sync_memory::child", "--nocapture"])
        // Freed memory is returned to the system at once. Otherwise the peak includes memory that
        // glibc keeps, which varies by more than the differences that the test looks for.
        .env("MALLOC_ARENA_MAX", "1")
        .env("MALLOC_MMAP_THRESHOLD_", "65536")
        .env("MALLOC_TRIM_THRESHOLD_", "65536")
        .env("STATE", folder.join(run.state))
        .env("ROWS_OF_CHILD", run.rows.to_string())
        .env("VERSION", run.version.to_string())
        .env("CHANGED", run.changed.to_string())
        .env("IS_CUT_OFF", u64::from(run.is_cut_off).to_string())
        .env("IS_RESUMED", u64::from(run.is_resumed).to_string())
        .env("IS_EMPTIED", u64::from(run.is_emptied).to_string())
        .env("IS_UNSORTED", u64::from(run.is_unsorted).to_string())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let peak = text.split("PEAK ").nth(1).unwrap_or_else(|| panic!("{output:?}"));
    peak.split_whitespace().next().unwrap().parse().unwrap()
}

/// Returns the peaks of runs with this number of rows, each with its own state folder.
fn peaks(rows: u64) -> Vec<(&'static str, u64)> {
    let folder = tempfile::tempdir().unwrap();
    let changed = rows / 1000;
    let run = Run { name: "first", state: "a", rows, ..Run::default() };
    let runs = [
        run,
        Run { name: "changed", version: 1, changed, ..run },
        Run { name: "unchanged", version: 1, ..run },
        Run { name: "first, cut off", state: "b", is_cut_off: true, ..run },
        Run { name: "first, gone on with", state: "b", is_resumed: true, ..run },
        Run { name: "changed, cut off", version: 2, is_cut_off: true, ..run },
        Run { name: "changed, gone on with", version: 2, changed, is_resumed: true, ..run },
        Run { name: "changed, all gone", is_emptied: true, ..run },
    ];
    runs.iter().map(|run| (run.name, peak_kib(folder.path(), run))).collect()
}

#[test]
fn millions_of_rows_take_no_more_memory_than_thousands() {
    let rows = env::var("ROWS").map_or(100_000, |rows| rows.parse().unwrap());
    // The largest of five runs, because it varies how many of the four pages are in memory.
    let few: Vec<_> = (0..5).map(|_| peaks(10_000)).collect();
    let most = |what: &str| {
        let peaks = few.iter().flatten().filter(|(name, _)| *name == what);
        peaks.map(|(_, kib)| *kib).max().unwrap()
    };
    for (name, many) in peaks(rows) {
        // A run of ten thousand rows that is cut off has three pages, and one more when resumed.
        let (what, _) = name.split_once(',').unwrap_or((name, ""));
        let few = most(what);
        println!("{name}: {many} KiB for {rows} rows, {few} KiB for 10,000");
        assert!(many <= few + few / 20 + NOISE + index_kib(rows), "{name}: {many} KiB, {few} KiB");
    }
}

#[test]
fn millions_of_unordered_names_take_no_more_memory_than_thousands() {
    let rows = env::var("ROWS").map_or(100_000, |rows| rows.parse().unwrap());
    let peaks = |rows: u64| {
        let folder = tempfile::tempdir().unwrap();
        let first = Run { state: "a", rows, is_unsorted: true, ..Run::default() };
        let changed = Run { version: 1, changed: rows / 1000, ..first };
        let unchanged = Run { version: 1, ..first };
        [first, changed, unchanged].map(|run| peak_kib(folder.path(), &run))
    };
    // More rows than one sorted run holds.
    let few = peaks(40_000);
    for ((what, few), many) in ["first", "changed", "unchanged"].iter().zip(few).zip(peaks(rows)) {
        println!("{what}: {many} KiB for {rows} rows in no order, {few} KiB for 40,000");
        assert!(many <= few + few / 20 + NOISE + index_kib(rows), "{what}: {many} KiB, {few} KiB");
    }
}
