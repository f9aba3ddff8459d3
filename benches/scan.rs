//! A complete scan of a store in memory: pages, rules, collision checks and counts.
//!
//! Run it with `cargo bench --bench scan`. It prints the time for 100,000 blobs, and blobs per
//! second.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a benchmark may panic"
)]

use std::sync::Arc;

use azure_asset_sync::{
    Blob, Kind, MemoryStore, Prefix, Reason, Rules, Scan,
    validate::{Action, Filter},
};
use divan::{Bencher, counter::ItemsCount};

fn main() {
    divan::main();
}

const BLOBS: usize = 100_000;

/// Returns a store with 100,000 images.
fn store() -> Arc<MemoryStore> {
    let blobs = (0..BLOBS).map(|n| {
        let mut blob = Blob::new(format!("plant-07/camera-{:02}/{n:08}.jpg", n / 7000), 40_000);
        blob.etag = Some(format!("0x8DD0C7A1B{n:06X}").as_str().into());
        blob.content_type = Some("image/jpeg".into());
        blob
    });
    Arc::new(blobs.collect())
}

/// Measures scans with these rules.
fn run(bencher: Bencher<'_, '_>, rules: Rules) {
    let store = store();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    bencher.counter(ItemsCount::new(BLOBS)).bench_local(|| {
        let scan = Scan::new(Arc::clone(&store), &Prefix::default()).rules(rules.clone());
        let report = runtime.block_on(scan.run(())).unwrap();
        assert_eq!(report.accepted(), BLOBS as u64);
    });
}

#[divan::bench]
fn default_rules(bencher: Bencher<'_, '_>) {
    run(bencher, Rules::default());
}

#[divan::bench]
fn without_collisions(bencher: Bencher<'_, '_>) {
    let rules = Rules::default()
        .on(Reason::CaseCollision, Action::Ignore)
        .on(Reason::BaseNameCollision, Action::Ignore);
    run(bencher, rules);
}

#[divan::bench]
fn with_a_filter(bencher: Bencher<'_, '_>) {
    let filter = Filter::builder()
        .include("plant-07/**/*.{jpg,jpeg,png,webp}")
        .exclude("**/thumbs/**")
        .exclude_regex("(?i)test")
        .min_size(1000)
        .kind(Kind::Image)
        .build();
    run(bencher, Rules::default().filter(filter.unwrap()));
}
