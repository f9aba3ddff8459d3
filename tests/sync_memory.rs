//! A run that compares takes the same memory for ten million rows as for ten thousand, but for the
//! index of the manifest: at most one KiB for a block of 2,500 rows.
//!
//! `ROWS=10000000 cargo test --release --test sync_memory -- --nocapture` is the whole of it.
#![cfg(target_os = "linux")]

use std::{env, fs, path::Path, process::Command};

use azure_asset_sync::{
    Blob, Error, Prefix, Reason, Rules, Scan, Store,
    store::{ETag, ListRequest, Marker, Page, ReadRequest},
    sync::{Ending, Job},
    validate::Action,
};
use bytes::Bytes;

/// Blobs that are made when they are asked for: so many, of which each thousandth has this version
struct Generated(u64, u64);

#[async_trait::async_trait]
impl Store for Generated {
    async fn list(&self, request: ListRequest) -> Result<Page, Error> {
        let start: u64 = request.marker.map_or(0, |marker| marker.as_str().parse().unwrap());
        let end = (start + 2500).min(self.0);
        let blobs = (start..end).map(|n| {
            let mut blob =
                Blob::new(format!("plant-07/camera-{:03}/{n:09}.jpg", n / 20_000), n + 1);
            let version = if n % 1000 == 7 { self.1 } else { 0 };
            blob.etag = Some(ETag::from(format!("0x8DD0C7A{version:X}B{n:06X}").as_str()));
            blob
        });
        let blobs = blobs.collect();
        Ok(match end == self.0 {
            true => Page::last(blobs),
            false => Page::new(blobs, Marker::from(end.to_string())),
        })
    }

    async fn read(&self, _: ReadRequest) -> Result<Bytes, Error> {
        unreachable!("a job reads no content")
    }
}

/// By how many KiB two runs of the same differ; a hundred thousand rows take fifty times as much
const NOISE: u64 = 4 << 10;

/// Runs in a process of its own, where nothing else has touched the peak
#[tokio::test]
async fn child() {
    let Ok(folder) = env::var("STATE") else { return };
    let number = |name| env::var(name).unwrap().parse::<u64>().unwrap();
    let (rows, version) = (number("ROWS_OF_CHILD"), number("VERSION"));
    // What is remembered of names to find those that collide has a bound of its own.
    let rules = [Reason::CaseCollision, Reason::BaseNameCollision]
        .into_iter()
        .fold(Rules::default(), |rules, reason| rules.set(reason, Action::Ignore));
    let scan = Scan::new(Generated(rows, version), &Prefix::default()).rules(rules);
    let summary = Job::new(scan, folder).run(()).await.unwrap();
    assert_eq!(summary.ending, Ending::Complete);
    let changed = number("CHANGED");
    assert_eq!((summary.counts.changed, summary.counts.removed), (changed, 0));
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    println!("PEAK {} of {rows}", peak.split_whitespace().nth(1).unwrap());
}

fn peak_kib(folder: &Path, rows: u64, version: u64, changed: u64) -> u64 {
    let output = Command::new(env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture"])
        .env("STATE", folder)
        .env("ROWS_OF_CHILD", rows.to_string())
        .env("VERSION", version.to_string())
        .env("CHANGED", changed.to_string())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let peak = text.split("PEAK ").nth(1).unwrap_or_else(|| panic!("{output:?}"));
    peak.split_whitespace().next().unwrap().parse().unwrap()
}

#[test]
fn rows_by_the_million_take_no_more_than_those_by_the_thousand_and_an_index() {
    let many = env::var("ROWS").map_or(100_000, |rows| rows.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    // A first run, one that finds each thousandth changed, and one that finds nothing.
    let runs = |rows: u64| {
        let state = folder.path().join(rows.to_string());
        [(0, 0), (1, rows / 1000), (1, 0)]
            .map(|(version, changed)| peak_kib(&state, rows, version, changed))
    };
    let (few, many_kib) = (runs(10_000), runs(many));
    println!("peak resident, KiB: {few:?} for 10,000 rows, {many_kib:?} for {many}");
    for (few, many_kib) in few.iter().zip(many_kib) {
        assert!(many_kib <= few + NOISE + many / 2500, "{few} KiB, {many_kib} KiB");
    }
}
