//! The page decoder with a page as Azure sends it: 5,000 blobs with all their properties.
//!
//! Run it with `cargo bench --bench decode`. It prints the time for a page, and blobs and bytes per
//! second.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a benchmark may panic"
)]

use azure_asset_sync::store::Page;
use divan::{
    Bencher,
    counter::{BytesCount, ItemsCount},
};

#[path = "data/mod.rs"]
mod data;

fn main() {
    divan::main();
}

#[divan::bench]
fn page_of_5000(bencher: Bencher<'_, '_>) {
    let xml = data::page(5000);
    bencher
        .counter(ItemsCount::new(5000_usize))
        .counter(BytesCount::of_str(&xml))
        .bench(|| Page::from_xml(divan::black_box(xml.as_bytes())));
}
