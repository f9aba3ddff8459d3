//! Scans, a preview, a job and a resumed scan return exactly the names of a container with many random
//! names over all of Unicode, in each order.
//!
//! `NAMES` sets how many names there are (4,000 by default), `SEED` the seed.

use std::{collections::BTreeSet, sync::Arc};

use azure_asset_sync::{
    Job, Prefix, Preview, Scan, Store as _,
    scan::{Order, Shard},
    store::{ListRequest, NameOrder},
    sync::{Ending, Manifest},
};
use futures::TryStreamExt as _;

use crate::odd_store::{KNOWN, Listing, OddStore, StartFrom};

fn setting(name: &str, default: usize) -> usize {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

/// Returns a character of one to four bytes: a letter, a mark, a fullwidth form, a private-use character
/// or a character of a higher plane.
fn character(rng: &mut fastrand::Rng) -> char {
    let range = match rng.u8(..10) {
        0..4 => 'a'..='z',
        4 => '!'..='~',
        5 => '\u{a1}'..='\u{17f}',
        6 => '\u{4e00}'..='\u{9fff}',
        7 => '\u{e000}'..='\u{fffd}',
        8 => '\u{1f300}'..='\u{1faff}',
        _ => '\u{10000}'..='\u{10ffff}',
    };
    rng.char(range)
}

fn names(count: usize, rng: &mut fastrand::Rng) -> BTreeSet<String> {
    let mut folders = vec![String::new()];
    let mut names = BTreeSet::new();
    while names.len() < count {
        let length = rng.usize(1..6);
        let segment: String = std::iter::repeat_with(|| character(rng)).take(length).collect();
        let segment = segment.replace(['/', '.'], "_");
        let folder = &folders[rng.usize(..folders.len())];
        let name = format!("{folder}{segment}");
        if folders.len() < count / 50 && rng.u8(..20) == 0 && name.len() < 200 {
            folders.push(format!("{name}/"));
        } else {
            names.insert(format!("{name}.jpg"));
        }
    }
    names
}

fn scan(store: &Arc<OddStore>, in_flight: usize) -> Scan {
    let size = u16::try_from(store.most).unwrap().try_into().unwrap();
    Scan::new(Arc::clone(store), &Prefix::default()).in_flight(in_flight).page_size(size)
}

async fn plain_loop(store: &OddStore) -> BTreeSet<String> {
    let mut request = ListRequest::new("");
    let mut names = BTreeSet::new();
    loop {
        let page = store.list(request.clone()).await.unwrap();
        names.extend(page.blobs.into_iter().map(|blob| blob.name));
        match page.next {
            Some(next) => request.marker = Some(next),
            None => return names,
        }
    }
}

/// Adds the names of a scan to `got`, and asserts that none is repeated.
async fn all(scan: Scan, got: &mut BTreeSet<String>) {
    let mut verdicts = scan.verdicts();
    while let Some(verdict) = verdicts.try_next().await.unwrap() {
        let name = verdict.name().unwrap().to_owned();
        assert!(got.insert(name.clone()), "{name:?} is repeated");
    }
}

async fn check(listing: Listing, starts: StartFrom) {
    let count = setting("NAMES", 4_000);
    let mut rng = fastrand::Rng::with_seed(setting("SEED", 1) as u64);
    let mut all_names: Vec<_> = names(count, &mut rng).into_iter().collect();
    rng.shuffle(&mut all_names);
    let mut store = OddStore::new(all_names, listing, (count / 40).clamp(50, 1_000));
    store.starts = starts;
    let store = Arc::new(store);
    let expected = plain_loop(&store).await;
    assert_eq!(expected.len(), count);

    for in_flight in [1, 4, 16] {
        for order in [Order::AsCompleted, Order::Ascending] {
            let mut got = BTreeSet::new();
            all(scan(&store, in_flight).order(order), &mut got).await;
            assert!(got == expected, "{listing:?}, {in_flight} in flight, {order:?}");
        }
    }

    let report = Preview::new(scan(&store, 16)).run().await.unwrap();
    assert_eq!((report.total.blobs(), report.total.is_exact()), (count as u64, true));

    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    for added in [count as u64, 0] {
        let sink = ();
        let summary = Job::new(scan(&store, 16), &state).run(sink).await.unwrap();
        assert_eq!(
            (summary.ending, summary.counts.added),
            (Ending::Complete, added),
            "{listing:?}"
        );
    }
    let rows = Manifest::open(&state).unwrap().unwrap().rows();
    let known: BTreeSet<_> = rows.map(|row| row.unwrap().name).collect();
    assert!(known == expected, "{listing:?}: the manifest");

    // The scan is interrupted at a random point. Without a known order names can be repeated.
    for in_flight in [1, 16] {
        let mut verdicts = scan(&store, in_flight).verdicts();
        let mut got = BTreeSet::new();
        for _ in 0..rng.usize(..count) {
            let Some(verdict) = verdicts.try_next().await.unwrap() else { break };
            got.insert(verdict.name().unwrap().to_owned());
        }
        let left: Vec<Shard> = verdicts.remaining();
        let mut rest = BTreeSet::new();
        all(scan(&store, in_flight).shards(left), &mut rest).await;
        if matches!(listing, Listing::Known(_)) {
            assert!(got.is_disjoint(&rest), "{listing:?}: names are repeated");
        }
        got.append(&mut rest);
        assert!(got == expected, "{listing:?}, {in_flight} in flight: the rest");
    }
}

#[tokio::test(start_paused = true)]
async fn names_in_utf_16_order() {
    check(Listing::Known(NameOrder::Utf16), StartFrom::Supported).await;
}

#[tokio::test(start_paused = true)]
async fn names_in_each_known_order_without_starts() {
    for order in KNOWN {
        check(Listing::Known(order), StartFrom::Ignored).await;
    }
}

#[tokio::test(start_paused = true)]
async fn names_in_each_other_known_order() {
    for order in KNOWN.into_iter().filter(|order| *order != NameOrder::Utf16) {
        check(Listing::Known(order), StartFrom::Supported).await;
    }
}

#[tokio::test(start_paused = true)]
async fn names_in_random_order() {
    check(Listing::Random, StartFrom::Ignored).await;
}
