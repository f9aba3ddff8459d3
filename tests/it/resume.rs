//! A parallel listing returns each blob that exists all the time exactly once, although the container
//! changes, has versions and malformed entries, requests fail, and the scan is interrupted and resumed.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use azure_asset_sync::{
    Prefix, Scan, Verdict,
    backoff::Backoff,
    scan::{Order, Shard},
    store::{Include, NameOrder},
};
use futures::TryStreamExt as _;

use crate::{
    campaign,
    odd_store::{Entry, Listing, OddStore, StartFrom},
};

/// Returns the entries of a container. Some are versions, some are malformed, and some exist only for
/// some time.
fn entries(random: &mut fastrand::Rng, order: NameOrder, has_versions: bool) -> Vec<Entry> {
    let most = *random.choice(&[5, 60, 300]).unwrap();
    let count = random.usize(..most);
    let (kind, spread) = (random.u8(..3), random.u32(2..12));
    let mut names: Vec<String> = (0..count)
        .map(|_| match kind {
            0 => format!("img-{:05}", random.u32(..500)),
            1 => {
                let parts = (0..random.usize(1..4)).map(|_| {
                    format!("{}{}", random.choice(["a", "b-", "c"]).unwrap(), random.u32(..spread))
                });
                parts.collect::<Vec<_>>().join("/")
            }
            _ => (0..random.usize(1..5))
                .map(|_| random.choice(['a', 'b', 'B', 'z', '0', '/', '-']).unwrap())
                .collect(),
        })
        .collect();
    names.sort_by(|a, b| order.compare(a, b));
    names.dedup();
    let (churn, bad) = ([0, 0, 30][random.usize(..3)], [0, 0, 10][random.usize(..3)]);
    let mut entries = Vec::new();
    for name in names {
        let copies = if has_versions && random.u8(..3) == 0 { random.usize(1..5) } else { 1 };
        for _ in 0..copies {
            let born = if random.u8(..2) == 0 { 0 } else { random.usize(..100) };
            let life = match random.u8(..100) < churn {
                true => born..born + random.usize(1..100),
                false => 0..usize::MAX,
            };
            let bad = (random.u8(..100) < bad).then(|| random.bool());
            entries.push(Entry { name: name.clone(), number: entries.len() as u64, bad, life });
        }
    }
    entries
}

/// Returns the number of the entry that a verdict is about.
fn number(verdict: &Verdict) -> u64 {
    match (verdict.asset(), verdict.rejection()) {
        (Some(asset), _) => asset.blob.size,
        (_, Some(no)) => no.size.unwrap_or_else(|| no.detail.parse().unwrap()),
        _ => unreachable!("a verdict is an asset or a rejection"),
    }
}

async fn case(seed: u64) -> Result<(), String> {
    let mut random = fastrand::Rng::with_seed(seed);
    let order = *random.choice(&[NameOrder::Bytes, NameOrder::Bytes, NameOrder::Segments]).unwrap();
    let has_versions = random.u8(..3) == 0;
    let entries = entries(&mut random, order, has_versions);
    let starts =
        [StartFrom::Supported, StartFrom::Supported, StartFrom::Ignored, StartFrom::Refused];
    let mut store = OddStore::of(entries.clone(), Listing::Known(order), random.usize(1..30));
    store.starts = *random.choice(&starts).unwrap();
    store.has_delimiter = random.u8(..4) > 0;
    store.has_versions = has_versions;
    store.empty_pages_state_order = random.bool();
    store.failures = if random.bool() { 0 } else { random.usize(..20) };
    (store.short, store.repeats, store.delays) = (5, 4, 6);
    store.random = Mutex::new(random.fork());
    let store = Arc::new(store);
    let is_ascending = random.bool();
    let any_name = |random: &mut fastrand::Rng| match random.u8(..4) {
        0 => "b".to_owned(),
        _ => random.choice(&entries).map_or("c".to_owned(), |entry| entry.name.clone()),
    };
    let count = if random.bool() { random.usize(..5) } else { 0 };
    let mut shards = divide((0..count).map(|_| any_name(&mut random)), order);
    let description = format!(
        "{order:?} {:?}, empty pages state the order: {}, versions: {has_versions}, ascending: {is_ascending}",
        store.starts, store.empty_pages_state_order
    );
    // How often each entry was delivered.
    let mut seen = BTreeMap::<u64, usize>::new();
    let (mut ended, mut scans) = (false, 0);
    while !ended {
        scans += 1;
        let in_flight = random.usize(1..12);
        let cuts: Vec<_> = (0..random.usize(..6)).map(|_| any_name(&mut random)).collect();
        let most = u16::try_from(store.most).unwrap().try_into().unwrap();
        let scan = Scan::new(Arc::clone(&store), &Prefix::default())
            .in_flight(in_flight)
            .prefetch(random.usize(1..4))
            .page_size(most)
            .shards(shards.clone())
            .cuts(cuts)
            .include(has_versions.then_some(Include::Versions))
            .backoff(Backoff::default())
            .page_deadline(Duration::from_secs(100_000))
            .order(if is_ascending { Order::Ascending } else { Order::AsCompleted });
        let mut verdicts = scan.verdicts();
        let stop = if scans < 5 && random.u8(..3) > 0 { random.usize(..200) } else { usize::MAX };
        let mut last: Option<String> = None;
        for _ in 0..stop {
            let next =
                verdicts.try_next().await.map_err(|error| format!("{description}: {error}"))?;
            let Some(verdict) = next else {
                ended = true;
                break;
            };
            *seen.entry(number(&verdict)).or_default() += 1;
            if entries[number(&verdict) as usize].bad.is_none() && is_ascending {
                let name = verdict.name().unwrap().to_owned();
                if last.as_ref().is_some_and(|last| order.compare(last, &name).is_gt()) {
                    return Err(format!("{description}: {name:?} after {last:?}"));
                }
                last = Some(name);
            }
        }
        let remaining = verdicts.remaining();
        // If folders are listed by prefix, a shard without names can remain.
        let rest = |entry: &&Entry| remaining.iter().any(|shard| shard.has(&entry.name, order));
        let is_void = store.starts != StartFrom::Supported && !entries.iter().any(|e| rest(&e));
        if ended && !remaining.is_empty() && !is_void {
            return Err(format!("{description}: at the end {remaining:?} remain"));
        }
        shards = serde_json::from_str(&serde_json::to_string(&remaining).unwrap()).unwrap();
    }
    check_counts(&entries, &seen, has_versions && scans > 1)
        .map_err(|what| format!("{description}, {scans} scans: {what}"))
}

/// Divides the container into shards at these names.
fn divide(cuts: impl Iterator<Item = String>, order: NameOrder) -> Vec<Shard> {
    let mut shards = vec![Shard::new(&Prefix::default())];
    for at in cuts {
        let Some(index) = shards.iter().position(|shard| shard.has(&at, order)) else { continue };
        if shards[index].start.as_ref() != Some(&at) {
            let [low, high] = shards.remove(index).cut_at(at);
            shards.extend([high, low]);
        }
    }
    shards
}

/// Checks how often each entry was delivered.
fn check_counts(
    entries: &[Entry],
    seen: &BTreeMap<u64, usize>,
    versions_may_repeat: bool,
) -> Result<(), String> {
    for entry in entries {
        let count = seen.get(&entry.number).copied().unwrap_or(0);
        // Malformed entries can be repeated at the borders of pages and ranges.
        let may_repeat = entry.bad.is_some() || versions_may_repeat;
        // A malformed entry is lost if its range has no blob and is merged into the preceding range.
        let must_come = entry.bad.is_none() && entry.is_stable();
        if (must_come && count == 0) || (count > 1 && !may_repeat) {
            return Err(format!("{count} times {entry:?}"));
        }
    }
    Ok(())
}

#[test]
fn each_blob_that_exists_all_the_time_is_delivered_once() {
    campaign::run(3000, case);
}
