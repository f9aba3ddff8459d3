//! A parallel listing returns all names exactly once, and in order if requested, for any names, pages,
//! shards and stores.

use std::{
    cell::Cell,
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use azure_asset_sync::{
    Error, Prefix, Scan,
    scan::{Order, Shard},
    store::NameOrder,
};
use futures::TryStreamExt as _;

use crate::{
    campaign,
    odd_store::{Listing, OddStore, StartFrom},
};

const WORDS: &[&str] = &[
    "a",
    "b",
    "A",
    "Z",
    "cat",
    "dog",
    "dog-2",
    "img",
    "x.y",
    "\u{4e2d}\u{6587}",
    "\u{1f600}",
    " ",
];

fn names(random: &mut fastrand::Rng) -> BTreeSet<String> {
    let count = match random.u8(..4) {
        0 => random.usize(0..5),
        1 => random.usize(0..60),
        _ => random.usize(0..400),
    };
    let kind = random.u8(..6);
    let (depth, spread) = (random.usize(1..4), random.usize(1..12));
    let name = |random: &mut fastrand::Rng| match kind {
        // Numbered names, as cameras write them.
        0 => format!("img-{:06}", random.u32(..1000)),
        // Hashes.
        1 => format!("{:08x}", random.u32(..)),
        // Folders.
        2 | 3 => {
            let mut name = String::new();
            for _ in 0..random.usize(..=depth) {
                let word = WORDS[random.usize(..spread.min(WORDS.len()))];
                name.push_str(&format!("{word}{}/", random.usize(..spread)));
            }
            format!("{name}{:03}.jpg", random.u32(..300))
        }
        // A few letters in both cases.
        4 => (0..random.usize(1..5))
            .map(|_| random.choice(['a', 'b', 'B', 'z', '0', '9', '/', '-']).unwrap())
            .collect(),
        // Any words.
        _ => (0..random.usize(1..4)).map(|_| *random.choice(WORDS).unwrap()).collect(),
    };
    (0..count).map(|_| name(random)).collect()
}

/// Divides a prefix into shards, each time at a random place. Ignores cuts outside of that shard.
fn divide(prefix: &Prefix, cuts: Vec<String>, random: &mut fastrand::Rng) -> Vec<Shard> {
    let mut shards = vec![Shard::new(prefix)];
    for at in cuts {
        let index = random.usize(..shards.len());
        let shard = &shards[index];
        if shard.start.as_ref().is_none_or(|start| at > *start)
            && shard.end.as_ref().is_none_or(|end| at < *end)
            && !at.is_empty()
            && at.starts_with(prefix.as_str())
        {
            let [low, high] = shards.remove(index).cut_at(at);
            shards.extend([low, high]);
        }
    }
    shards
}

/// Lists one container in one way. Returns the number of requests and of pages, or what is wrong.
async fn case(seed: u64) -> Result<(usize, usize), String> {
    let mut random = fastrand::Rng::with_seed(seed);
    let order = *random.choice(&[NameOrder::Bytes, NameOrder::Bytes, NameOrder::Segments]).unwrap();
    let mut names: Vec<_> = names(&mut random).into_iter().collect();
    names.sort_by(|a, b| order.compare(a, b));
    let starts = *random
        .choice(&[
            StartFrom::Supported,
            StartFrom::Supported,
            StartFrom::Ignored,
            StartFrom::Refused,
            StartFrom::Caseless,
        ])
        .unwrap();
    let prefix = match random.u8(..4) {
        0 => names.get(random.usize(..names.len().max(1))).map_or("", |name| {
            let end = name.char_indices().nth(1).map_or(name.len(), |(at, _)| at);
            // A prefix cannot begin with a slash.
            Some(&name[..end]).filter(|prefix| *prefix != "/").unwrap_or_default()
        }),
        _ => "",
    };
    let want: Vec<_> = names.iter().filter(|name| name.starts_with(prefix)).cloned().collect();
    let most = random.usize(1..30);
    let mut store = OddStore::new(names.clone(), Listing::Known(order), most);
    store.starts = starts;
    store.has_delimiter = random.u8(..4) > 0;
    (store.short, store.repeats, store.doubles, store.delays) = (5, 4, 21, 6);
    store.random = Mutex::new(random.fork());
    let store = Arc::new(store);
    let is_ascending = random.bool();
    let in_flight = random.usize(1..12);
    let prefix: Prefix = prefix.parse().unwrap();
    let mut scan = Scan::new(Arc::clone(&store), &prefix)
        .in_flight(in_flight)
        .prefetch(random.usize(1..4))
        .page_size(u16::try_from(most).unwrap().try_into().unwrap())
        .order(if is_ascending { Order::Ascending } else { Order::AsCompleted });
    let any_name = |random: &mut fastrand::Rng| match random.u8(..4) {
        0 => "m".to_owned(),
        _ => names.get(random.usize(..names.len().max(1))).cloned().unwrap_or_default(),
    };
    if random.u8(..3) == 0 {
        let cuts: Vec<_> = (0..random.usize(..20)).map(|_| any_name(&mut random)).collect();
        scan = scan.cuts(cuts);
    }
    // `divide` compares bounds by bytes.
    if random.u8(..3) == 0 && order == NameOrder::Bytes {
        let cuts: Vec<_> = (0..random.usize(..5)).map(|_| any_name(&mut random)).collect();
        scan = scan.shards(divide(&prefix, cuts, &mut random));
    }
    let progress = scan.progress();
    let verdicts: Result<Vec<_>, Error> = scan.verdicts().try_collect().await;
    let verdicts = match verdicts {
        Ok(verdicts) => verdicts,
        Err(error) => return Err(format!("{error}")),
    };
    let mut got: Vec<_> = verdicts.iter().map(|v| v.name().unwrap().to_owned()).collect();
    if !is_ascending {
        if in_flight == 1 {
            got.dedup();
        }
        got.sort_by(|a, b| order.compare(a, b));
        if in_flight == 1 {
            got.dedup();
        }
    }
    if got != want {
        let missing: Vec<_> = want.iter().filter(|name| !got.contains(name)).collect();
        let doubled: Vec<_> = got.windows(2).filter(|pair| pair[0] == pair[1]).collect();
        return Err(format!(
            "{order:?} {starts:?} {in_flight} in flight, ascending {is_ascending}: missing {missing:?}, doubled {doubled:?}"
        ));
    }
    let requests = usize::try_from(progress.report().requests).unwrap();
    Ok((requests, want.len().div_ceil(most)))
}

#[test]
fn all_names_are_listed_once() {
    let (requests, pages) = (Cell::new(0), Cell::new(0));
    campaign::run(5000, async |seed| {
        let (sent, least) = case(seed).await?;
        requests.set(requests.get() + sent);
        pages.set(pages.get() + least);
        Ok(())
    });
    println!("{} requests for {} pages", requests.get(), pages.get());
}
