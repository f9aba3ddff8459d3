//! Runs that wait have no thread of their own: 300 of them take a few threads and little memory.
//!
//! The threads of a process are counted, so the test runs this program again as a child, in which no
//! other test runs.
#![cfg(target_os = "linux")]

use std::{
    env, fs,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use azure_asset_sync::{
    Blob, Error, MemoryStore, Prefix, Scan, Store,
    store::{ListRequest, Page, ReadRequest},
    sync::{Handle, Job, Phase},
};
use bytes::Bytes;

const RUNS: usize = 300;

/// The most threads that may exist beside those of the test: those on which states are read and written.
///
/// Twice as many as steps, because a thread that has just ended a step is not idle yet when the next
/// step looks for one.
fn most_threads() -> usize {
    let cores = std::thread::available_parallelism().unwrap().get();
    2 * (4 * cores).max(16)
}

/// A store that never answers.
struct Silent(Arc<AtomicUsize>);

#[async_trait::async_trait]
impl Store for Silent {
    async fn list(&self, _: ListRequest) -> Result<Page, Error> {
        self.0.fetch_add(1, Ordering::SeqCst);
        std::future::pending().await
    }

    async fn read(&self, _: ReadRequest) -> Result<Bytes, Error> {
        std::future::pending().await
    }
}

/// Returns a value of this process in the unit of the kernel: a number, or KiB.
fn status(name: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Waits until a condition holds. The limit is only for a test that fails.
async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(300), "{what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Starts runs that wait for their store and runs that are paused, and prints what they take.
#[test]
fn child() {
    let Ok(kind) = env::var("RUNS_THAT_WAIT") else { return };
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let requests = Arc::new(AtomicUsize::new(0));
        let job = |number: usize| {
            let scan = match kind.as_str() {
                "silent" => Scan::new(Silent(Arc::clone(&requests)), &Prefix::default()),
                _ => {
                    let store = MemoryStore::from_iter([Blob::new("a.jpg", 1)]);
                    Scan::new(store, &Prefix::default())
                }
            };
            Job::new(scan, folder.path().join(number.to_string()))
        };
        let before = [status("Threads:"), status("VmRSS:")];
        let handles: Vec<_> = (0..RUNS)
            .map(|number| {
                let handle = job(number).start(());
                if kind == "paused" {
                    handle.pause();
                }
                handle
            })
            .collect();
        match kind.as_str() {
            "silent" => {
                until("all runs list", || requests.load(Ordering::SeqCst) >= RUNS).await;
            }
            _ => {
                // A pause is shown at once, also while the state of the run is still being opened.
                let is_paused = |handle: &Handle| {
                    let status = handle.status();
                    status.phase == Phase::Paused && status.run.is_some()
                };
                until("all runs are paused", || handles.iter().all(is_paused)).await;
            }
        }
        let after = [status("Threads:"), status("VmRSS:")];
        let locked =
            (0..RUNS).filter(|number| folder.path().join(format!("{number}/lock")).exists());
        assert_eq!(locked.count(), RUNS);
        let [threads, kib] = [0, 1].map(|value| after[value].saturating_sub(before[value]));
        println!("WAITING {threads} threads, {kib} KiB");
        drop(handles);
    });
}

#[test]
fn three_hundred_runs_that_wait_have_no_threads_of_their_own() {
    for kind in ["silent", "paused"] {
        let output = Command::new(env::current_exe().unwrap())
            .args(["--exact", "sync_threads::child", "--nocapture"])
            .env("RUNS_THAT_WAIT", kind)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        let line = text.lines().find_map(|line| line.split_once("WAITING "));
        let (_, line) = line.unwrap_or_else(|| panic!("{output:?}"));
        println!("{RUNS} runs, {kind}: {line}");
        let threads: usize = line.split_whitespace().next().unwrap().parse().unwrap();
        assert!(threads <= most_threads(), "{kind}: {line}");
    }
}
