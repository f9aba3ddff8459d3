//! Parallel listing: whatever the names, the pages and the store, all names come, once each, in
//! order where that was asked for.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use azure_asset_sync::{
    Blob, Error, Prefix, Scan, Store,
    scan::{Order, Shard},
    store::{ListRequest, Marker, NameOrder, Page, ReadRequest},
};
use bytes::Bytes;
use futures::TryStreamExt as _;

/// How a store treats `start_from`
#[derive(Clone, Copy, Debug, PartialEq)]
enum Starts {
    Kept,
    LeftAside,
    Refused,
    /// As if letters had no case
    Caseless,
}

/// A store with every freedom that the contract leaves, and some that it does not
struct Odd {
    /// In the order of the listing
    names: Vec<String>,
    order: NameOrder,
    starts: Starts,
    has_delimiter: bool,
    most: usize,
    random: Mutex<fastrand::Rng>,
    requests: AtomicUsize,
}

impl Odd {
    fn draw(&self, most: usize) -> usize {
        self.random.lock().unwrap().usize(..=most)
    }

    fn list(&self, request: &ListRequest) -> Result<Page, Error> {
        assert!(self.requests.fetch_add(1, Ordering::SeqCst) < 20_000, "the listing does not end");
        let mut page = Page::default();
        page.order = self.order;
        let mut at = match (&request.marker, &request.start_from) {
            (Some(marker), _) => {
                // A marker is a place, and tells itself apart from any other of that place.
                let (place, _) = marker.as_str().split_once('#').unwrap();
                place.parse().unwrap()
            }
            (None, None) => 0,
            (None, Some(_)) if self.starts == Starts::LeftAside => 0,
            (None, Some(_)) if self.starts == Starts::Refused => {
                return Err(Error::from_response(400, Some("InvalidQueryParameterValue")));
            }
            (None, Some(from)) => {
                let from_folded = from.to_lowercase();
                let is_behind = |name: &String| match self.starts {
                    Starts::Caseless => name.to_lowercase() >= from_folded,
                    _ => self.order.compare(name, from).is_ge(),
                };
                self.names.iter().position(is_behind).unwrap_or(self.names.len())
            }
        };
        // Some names come again at a border.
        let is_later = request.marker.is_some();
        if is_later && self.draw(3) == 0 {
            at = at.saturating_sub(1 + self.draw(2));
        }
        let most = request.max_results.map_or(self.most, |n| usize::from(n.get()));
        // Short and empty pages have markers too.
        let most = if self.draw(4) == 0 { self.draw(most) } else { most };
        let delimiter = request.delimiter.as_deref().filter(|_| self.has_delimiter);
        let mut count = 0;
        while let Some(name) = self.names.get(at) {
            let inside = name.strip_prefix(&request.prefix);
            let folder = inside.zip(delimiter).and_then(|(inside, delimiter)| {
                let end = inside.find(delimiter)? + delimiter.len();
                Some(format!("{}{}", request.prefix, &inside[..end]))
            });
            if inside.is_some() && (folder.is_none() || page.prefixes.last() != folder.as_ref()) {
                if count == most {
                    break;
                }
                count += 1;
                match folder {
                    Some(folder) => page.prefixes.push(folder),
                    None => {
                        page.blobs.push(Blob::new(name.clone(), 1));
                        if self.draw(20) == 0 {
                            page.blobs.push(Blob::new(name.clone(), 1));
                        }
                    }
                }
            }
            at += 1;
        }
        if at < self.names.len() {
            let nonce = self.requests.load(Ordering::SeqCst);
            page.next = Some(Marker::from(format!("{at}#{nonce}")));
        }
        Ok(page)
    }
}

#[async_trait::async_trait]
impl Store for Odd {
    async fn list(&self, request: ListRequest) -> Result<Page, Error> {
        // Answers overtake each other.
        for _ in 0..self.draw(6) {
            tokio::task::yield_now().await;
        }
        Odd::list(self, &request)
    }

    async fn read(&self, _: ReadRequest) -> Result<Bytes, Error> {
        unreachable!("a scan reads no content")
    }
}

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
        // Numbers, as cameras count
        0 => format!("img-{:06}", random.u32(..1000)),
        // Hashes
        1 => format!("{:08x}", random.u32(..)),
        // Folders
        2 | 3 => {
            let mut name = String::new();
            for _ in 0..random.usize(..=depth) {
                let word = WORDS[random.usize(..spread.min(WORDS.len()))];
                name.push_str(&format!("{word}{}/", random.usize(..spread)));
            }
            format!("{name}{:03}.jpg", random.u32(..300))
        }
        // A few letters, of either case
        4 => (0..random.usize(1..5))
            .map(|_| random.choice(['a', 'b', 'B', 'z', '0', '9', '/', '-']).unwrap())
            .collect(),
        // Anything
        _ => (0..random.usize(1..4)).map(|_| *random.choice(WORDS).unwrap()).collect(),
    };
    (0..count).map(|_| name(random)).collect()
}

/// One container, one store, one way to list it; says what is wrong
async fn case(seed: u64) -> Result<(usize, usize), String> {
    let mut random = fastrand::Rng::with_seed(seed);
    let order = *random.choice(&[NameOrder::Bytes, NameOrder::Bytes, NameOrder::Segments]).unwrap();
    let mut names: Vec<_> = names(&mut random).into_iter().collect();
    names.sort_by(|a, b| order.compare(a, b));
    let starts = *random
        .choice(&[Starts::Kept, Starts::Kept, Starts::LeftAside, Starts::Refused, Starts::Caseless])
        .unwrap();
    let prefix = match random.u8(..4) {
        0 => names.get(random.usize(..names.len().max(1))).map_or("", |name| {
            let end = name.char_indices().nth(1).map_or(name.len(), |(at, _)| at);
            // The connection's prefix does not begin with a slash.
            Some(&name[..end]).filter(|prefix| *prefix != "/").unwrap_or_default()
        }),
        _ => "",
    };
    let want: Vec<_> = names.iter().filter(|name| name.starts_with(prefix)).cloned().collect();
    let most = random.usize(1..30);
    let store = Arc::new(Odd {
        names: names.clone(),
        order,
        starts,
        has_delimiter: random.u8(..4) > 0,
        most,
        random: Mutex::new(random.fork()),
        requests: AtomicUsize::new(0),
    });
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
    let mut shards = vec![Shard::new(&prefix)];
    // Shards compare byte by byte.
    if random.u8(..3) == 0 && order == NameOrder::Bytes {
        for _ in 0..random.usize(..5) {
            let at = any_name(&mut random);
            let index = random.usize(..shards.len());
            let within = |end: &Option<String>| end.as_ref().is_none_or(|end| at < *end);
            if shards[index].start.as_ref().is_none_or(|start| at > *start)
                && within(&shards[index].end)
                && !at.is_empty()
                && at.starts_with(prefix.as_str())
            {
                let [low, high] = shards.remove(index).cut_at(at);
                shards.extend([low, high]);
            }
        }
        scan = scan.shards(shards);
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
fn all_names_come_once() {
    let cases: u64 = std::env::var("CASES").map_or(5000, |cases| cases.parse().unwrap());
    let first: u64 = std::env::var("SEED").map_or(0, |seed| seed.parse().unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let (mut requests, mut pages) = (0, 0);
    for seed in first..first + cases {
        let limit = std::time::Duration::from_secs(3600);
        match runtime.block_on(async { tokio::time::timeout(limit, case(seed)).await }) {
            Ok(Ok((asked, least))) => {
                requests += asked;
                pages += least;
            }
            Ok(Err(wrong)) => panic!("SEED={seed}: {wrong}"),
            Err(_) => panic!("SEED={seed}: it hangs"),
        }
    }
    println!("{cases} listings, {requests} requests for {pages} pages");
}
