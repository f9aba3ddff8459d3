//! A parallel scan over the network lists folders and numbered names completely and without repetition,
//! with few additional requests, with and without support for `startFrom`.

use std::collections::BTreeSet;

use azure_asset_sync::{
    Prefix, Scan, Verdict,
    scan::Order,
    testing::{Behavior, Seed, SmallCloud, StartFrom},
};
use futures::TryStreamExt as _;

const PAGE: u16 = 20;

/// Returns names in two levels of folders of very different sizes.
fn hierarchy() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (site, days) in [("berlin", 12), ("a b&c", 3), ("\u{4e2d}\u{6587}", 1), ("oslo", 7)] {
        for day in 0..days {
            let count = if day % 5 == 0 { 120 } else { 25 };
            names.extend((0..count).map(|n| format!("{site}/day-{day:02}/{n:04}.jpg")));
        }
    }
    names.extend(["index.jpg", "oslo.jpg", "oslo/map.png"].map(str::to_owned));
    names
}

/// Returns numbered names with gaps.
fn flat() -> BTreeSet<String> {
    (0..1000).map(|n| format!("img-{:06}.jpg", n * 7 + n / 300 * 50_000)).collect()
}

async fn cloud(names: &BTreeSet<String>, start_from: bool, is_ragged: bool) -> SmallCloud {
    let seeds = names.iter().map(|name| Seed::new(name, "x"));
    let mut behavior = Behavior::default();
    if !start_from {
        behavior.start_from = StartFrom::Ignored;
    }
    let builder = SmallCloud::builder().blobs(seeds).behavior(behavior);
    let builder = if is_ragged { builder.ragged_pages() } else { builder };
    builder.start().await.unwrap()
}

async fn all_come_once(what: &str, names: BTreeSet<String>, start_from: bool, is_ragged: bool) {
    let cloud = cloud(&names, start_from, is_ragged).await;
    let connection = cloud.connection().build().unwrap();
    let least = names.len().div_ceil(PAGE.into());
    for order in [Order::AsCompleted, Order::Ascending] {
        for in_flight in [1, 4, 16] {
            let how = format!("{what}, startFrom {start_from}, {order:?}, {in_flight} in flight");
            let scan = Scan::new(cloud.store(&connection).unwrap(), &Prefix::default())
                .page_size(PAGE.try_into().unwrap())
                .in_flight(in_flight)
                .order(order);
            let progress = scan.progress();
            let name = |verdict: Verdict| verdict.name().unwrap().to_owned();
            let listed: Vec<_> = scan.verdicts().map_ok(name).try_collect().await.unwrap();
            if order == Order::Ascending {
                assert!(listed.is_sorted(), "{how}: not in order");
            }
            let set: BTreeSet<_> = listed.iter().cloned().collect();
            assert_eq!(set.len(), listed.len(), "{how}: a name is repeated");
            let missing: Vec<_> = names.difference(&set).take(5).collect();
            assert!(set == names, "{how}: missing {missing:?}");
            let requests = progress.report().requests as usize;
            println!("{how}: {requests} requests, {least} at least");
            // The scan is not responsible for pages that are shorter than requested.
            let most = 2 * least + 3 * in_flight;
            assert!(
                is_ragged || requests <= most,
                "{how}: {requests} requests, at most {most} allowed"
            );
        }
    }
}

macro_rules! all_come_once {
    ($($name:ident: $names:ident, $start_from:literal, $is_ragged:literal;)*) => {$(
        #[tokio::test]
        async fn $name() {
            all_come_once(stringify!($names), $names(), $start_from, $is_ragged).await;
        }
    )*};
}

all_come_once! {
    folders_are_listed_whole: hierarchy, true, false;
    folders_are_listed_whole_without_start_from: hierarchy, false, false;
    numbers_are_listed_whole: flat, true, false;
    numbers_are_listed_whole_without_start_from: flat, false, false;
    folders_are_listed_whole_by_ragged_pages: hierarchy, true, true;
    folders_are_listed_whole_by_ragged_pages_without_start_from: hierarchy, false, true;
    numbers_are_listed_whole_by_ragged_pages: flat, true, true;
}
