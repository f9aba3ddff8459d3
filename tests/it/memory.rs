//! A scan of a million blobs takes at most 64 MiB more memory than a scan of ten thousand blobs.
//!
//! Each measurement runs this program again as a child, because the peak of resident memory belongs to
//! a process.
#![cfg(target_os = "linux")]

use std::process::Command;

use azure_asset_sync::{
    Blob, Error, Prefix, Scan, Store,
    sink::callback,
    store::{ListRequest, Marker, Page, ReadRequest},
};
use bytes::Bytes;

/// A store that generates its pages on request: a number of blobs, and their names.
struct Generated(u64, fn(u64) -> String);

/// Returns the name with this number. The last remembered name is the first that is not in lower case,
/// so that all names before it are looked up only then. This takes the most memory.
fn numbered(n: u64) -> String {
    let plant = if n + 1 == REMEMBERED { "Plant" } else { "plant" };
    format!("{plant}-07/camera-{:03}/{n:09}.jpg", n % 500)
}

/// Returns names that differ only in the case of their letters.
fn cased(n: u64) -> String {
    let letter = |bit: u32| if n >> bit & 1 == 0 { 'a' } else { 'A' };
    (0..20).map(letter).chain(".jpg".chars()).collect()
}

#[async_trait::async_trait]
impl Store for Generated {
    async fn list(&self, request: ListRequest) -> Result<Page, Error> {
        let start: u64 = request.marker.map_or(0, |marker| marker.as_str().parse().unwrap());
        let end = (start + 5000).min(self.0);
        let blobs = (start..end).map(|n| {
            let mut blob = Blob::new(self.1(n), n + 1);
            blob.etag = Some(format!("0x8DD0C7A1B{n:06X}").as_str().into());
            blob.content_type = Some("image/jpeg".into());
            blob
        });
        let blobs = blobs.collect();
        Ok(match end == self.0 {
            true => Page::last(blobs),
            false => Page::new(blobs, Marker::from(end.to_string())),
        })
    }

    async fn read(&self, _: ReadRequest) -> Result<Bytes, Error> {
        unreachable!("a scan reads no content")
    }
}

/// How many names a scan remembers to find collisions.
const REMEMBERED: u64 = 917_504;

const VARIABLE: &str = "BLOBS_TO_SCAN";

/// Runs a scan in a child process, and prints the peak of its resident memory.
#[tokio::test]
async fn child() {
    let Ok(blobs) = std::env::var(VARIABLE) else { return };
    let blobs: u64 = blobs.parse().unwrap();
    let mut seen = 0;
    let counting = callback(|_| {
        seen += 1;
        Ok(())
    });
    let report =
        Scan::new(Generated(blobs, numbered), &Prefix::default()).run(counting).await.unwrap();
    assert_eq!((report.accepted(), seen), (blobs, blobs));
    assert_eq!(report.collisions_unchecked, blobs.saturating_sub(REMEMBERED));
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    println!("PEAK {} of {blobs}", peak.split_whitespace().nth(1).unwrap());
}

fn peak_kib(blobs: u64) -> u64 {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "memory::child", "--nocapture"])
        .env(VARIABLE, blobs.to_string())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let peak = text.split("PEAK ").nth(1).unwrap_or_else(|| panic!("{output:?}"));
    peak.split_whitespace().next().unwrap().parse().unwrap()
}

#[test]
fn a_million_blobs_take_at_most_64_mib_more_than_ten_thousand() {
    let (few, many) = (peak_kib(10_000), peak_kib(1_000_000));
    println!("peak resident: {few} KiB for 10,000 blobs, {many} KiB for 1,000,000");
    assert!(many < few + (64 << 10), "{few} KiB, {many} KiB");
}

#[tokio::test]
async fn names_that_differ_only_in_letter_case_are_remembered_within_the_same_limit() {
    let scan = Scan::new(Generated(1_000_000, cased), &Prefix::default());
    let report = scan.run(()).await.unwrap();
    assert_eq!(report.collisions_unchecked, 1_000_000 - REMEMBERED);
    assert_eq!(report.findings.values().sum::<u64>(), REMEMBERED - 1);
}
