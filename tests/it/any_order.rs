//! A scan, a preview and a resumed scan return what a plain page loop returns, whatever the order in
//! which the store lists names and whether it states that order correctly. None of them starts from a
//! name that the service mishandles.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use azure_asset_sync::{
    ErrorKind, Prefix, Preview, Scan,
    scan::{Order, Shard},
    store::NameOrder,
};
use futures::TryStreamExt as _;

use crate::{
    campaign,
    odd_store::{KNOWN, Listing, OddStore, StartFrom, is_mishandled},
};

fn names(random: &mut fastrand::Rng) -> Vec<String> {
    let count = match random.u8(..4) {
        0 => random.usize(0..10),
        1 => random.usize(0..80),
        _ => random.usize(0..500),
    };
    // Characters on both sides of U+E000 to U+FFFF, letters in both Unicode forms, and characters
    // that a start must not begin with.
    let letters: Vec<char> = match random.u8(..5) {
        0 => "ab/-".chars().collect(),
        1 => "aBbA10/-^`\u{301}\u{200d}é".chars().collect(),
        2 => "\u{e000}（～ﾃ\u{ffff}\u{10000}😀𠮷\u{10ffff}/".chars().collect(),
        3 => "a-/（😀\u{feff}\u{1f3fb}é\u{65}\u{301}".chars().collect(),
        _ => (0..20).map(|_| random.char('\u{1}'..)).chain("/-a".chars()).collect(),
    };
    let kind = random.u8(..4);
    let name = |random: &mut fastrand::Rng| -> String {
        let word = |random: &mut fastrand::Rng, most: usize| -> String {
            (0..random.usize(1..=most)).map(|_| *random.choice(&letters).unwrap()).collect()
        };
        match kind {
            // A few folders.
            0 => format!("{}/{}", word(random, 1), word(random, 4)),
            // Plain numbers, and rarely another kind of name.
            1 if random.u8(..20) > 0 => format!("img-{}", random.u32(..2000)),
            2 if random.u8(..50) > 0 => {
                format!("img-{:05}/{:03}", random.u32(..30), random.u32(..99))
            }
            _ => word(random, 6),
        }
    };
    let mut names: Vec<_> = (0..count).map(|_| name(random)).collect();
    names.sort();
    names.dedup();
    names
}

/// A store, and the options of a scan of it.
struct Case {
    store: Arc<OddStore>,
    /// The names in the order of the listing.
    names: Vec<String>,
    /// What was drawn, for messages.
    description: String,
    random: fastrand::Rng,
}

impl Case {
    fn new(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut names = names(&mut random);
        let others = [
            Listing::Reversed,
            Listing::Caseless,
            Listing::Natural,
            Listing::Collated,
            Listing::Random,
        ];
        let listing = match random.u8(..3) {
            0 => *random.choice(&others).unwrap(),
            _ => Listing::Known(*random.choice(&KNOWN).unwrap()),
        };
        random.shuffle(&mut names);
        let stated = match listing {
            Listing::Known(order) if random.bool() => order,
            _ => *random.choice(&KNOWN).unwrap(),
        };
        let starts =
            [StartFrom::Supported, StartFrom::Supported, StartFrom::Ignored, StartFrom::Refused];
        let mut store = OddStore::new(names, listing, random.usize(1..40));
        store.stated = stated;
        store.starts = *random.choice(&starts).unwrap();
        store.has_delimiter = random.u8(..4) > 0;
        (store.short, store.repeats, store.delays) = (5, 6, 6);
        store.random = Mutex::new(random.fork());
        let description = format!("{listing:?} stated as {stated:?}, starts {:?}", store.starts);
        let names = store.names().map(str::to_owned).collect();
        Self { store: Arc::new(store), names, description, random }
    }

    fn scan(&mut self, order: Order) -> Scan {
        let in_flight = *self.random.choice(&[1, 4, 16]).unwrap();
        self.description.push_str(&format!("; {in_flight} in flight {order:?}"));
        let scan = Scan::new(Arc::clone(&self.store), &Prefix::default())
            .in_flight(in_flight)
            .prefetch(self.random.usize(1..4))
            .page_size(u16::try_from(self.store.most).unwrap().try_into().unwrap())
            .page_deadline(Duration::from_secs(100_000))
            .order(order);
        match self.random.u8(..4) {
            0 => scan.cuts(self.some_names(8)),
            _ => scan,
        }
    }

    fn some_names(&mut self, most: usize) -> Vec<String> {
        let count = self.random.usize(..most);
        let name = |random: &mut fastrand::Rng| random.choice(&self.names).cloned();
        (0..count).filter_map(|_| name(&mut self.random)).collect()
    }

    /// Returns shards that divide the container at some of its names.
    fn shards(&mut self) -> Vec<Shard> {
        // If the order is unknown, the bounds of a shard are compared by bytes.
        let order = match self.store.listing {
            Listing::Known(order) => order,
            _ => NameOrder::Unsorted,
        };
        let mut whole = Shard::new(&Prefix::default());
        whole.order = (order != NameOrder::Unsorted).then_some(order);
        let mut shards = vec![whole];
        for at in self.some_names(5) {
            let index = shards.iter().position(|shard| shard.has(&at, order)).unwrap();
            if shards[index].start.as_ref() != Some(&at) {
                let [low, high] = shards.remove(index).cut_at(at);
                shards.extend([high, low]);
            }
        }
        shards
    }

    fn check(&self, got: &BTreeMap<String, usize>) -> Result<(), String> {
        let missing: Vec<_> = self.names.iter().filter(|n| !got.contains_key(*n)).collect();
        let doubled: Vec<_> = got.iter().filter(|(_, count)| **count > 1).collect();
        match missing.is_empty() && doubled.is_empty() {
            true => Ok(()),
            false => Err(format!("missing {missing:?}, doubled {doubled:?}")),
        }
    }

    /// Runs a complete scan of the container or of all its shards.
    async fn complete(&mut self) -> Result<(), String> {
        let order = *self.random.choice(&[Order::Ascending, Order::AsCompleted]).unwrap();
        let mut scan = self.scan(order);
        let is_one = self.random.u8(..3) > 0;
        let is_known = matches!(self.store.listing, Listing::Known(_));
        if !is_one {
            let shards = self.shards();
            self.description.push_str(&format!("; {shards:?}"));
            scan = scan.shards(shards);
        }
        let verdicts: Vec<_> = match scan.verdicts().try_collect().await {
            Ok(verdicts) => verdicts,
            // Names in an unknown order can all fit a known one, in which these shards overlap.
            Err(error) if !is_one && !is_known && error.kind() == ErrorKind::Config => {
                return Ok(());
            }
            Err(error) => return Err(error.to_string()),
        };
        let mut got = BTreeMap::new();
        let names: Vec<_> = verdicts.iter().map(|v| v.name().unwrap()).collect();
        names.iter().for_each(|name| *got.entry((*name).to_owned()).or_default() += 1);
        self.check(&got)?;
        let is_in_order = is_one || is_known;
        if order == Order::Ascending && is_in_order && names != self.names {
            return Err(format!("{names:?} instead of {:?}", self.names));
        }
        Ok(())
    }

    /// Interrupts a scan, and resumes it.
    async fn resumed(&mut self) -> Result<(), String> {
        let order = *self.random.choice(&[Order::Ascending, Order::AsCompleted]).unwrap();
        // If the service mishandles the name at which the scan resumes, the scan starts from an
        // earlier name, which only a known order can provide.
        let is_mishandled = |name: &String| is_mishandled("", name);
        if !matches!(self.store.listing, Listing::Known(_)) && self.names.iter().any(is_mishandled)
        {
            return Ok(());
        }
        let mut shards = vec![Shard::new(&Prefix::default())];
        let mut got = BTreeMap::new();
        for part in 0.. {
            let mut verdicts = self.scan(order).shards(shards).verdicts();
            let most = if part < 4 { self.random.usize(..200) } else { usize::MAX };
            for _ in 0..most {
                let Some(verdict) = verdicts.try_next().await.map_err(|e| e.to_string())? else {
                    // Without a known order a name can be repeated, as `remaining` documents.
                    if !matches!(self.store.listing, Listing::Known(_)) {
                        got.values_mut().for_each(|count| *count = 1);
                    }
                    return self.check(&got);
                };
                *got.entry(verdict.name().unwrap().to_owned()).or_default() += 1;
            }
            let left = verdicts.remaining();
            shards = serde_json::from_str(&serde_json::to_string(&left).unwrap()).unwrap();
            self.description.push_str(&format!("; then {shards:?}"));
        }
        unreachable!("the last part has no end")
    }

    async fn preview(&mut self) -> Result<(), String> {
        let report = Preview::new(self.scan(Order::default())).run().await;
        let report = report.map_err(|error| error.to_string())?;
        match (report.total.blobs(), report.total.is_exact()) {
            (blobs, true) if blobs == self.names.len() as u64 => Ok(()),
            total => Err(format!("{total:?} of {}", self.names.len())),
        }
    }
}

fn run(check: impl AsyncFn(&mut Case) -> Result<(), String>) {
    campaign::run(1000, async |seed| {
        let mut case = Case::new(seed);
        check(&mut case).await.map_err(|what| format!("{}: {what}", case.description))
    });
}

#[test]
fn a_scan_returns_what_a_plain_page_loop_returns() {
    run(Case::complete);
}

#[test]
fn a_resumed_scan_returns_the_remaining_names() {
    run(Case::resumed);
}

#[test]
fn a_preview_counts_what_a_plain_page_loop_returns() {
    run(Case::preview);
}

#[tokio::test(start_paused = true)]
async fn no_name_is_lost_if_the_stated_order_turns_out_late_to_be_wrong() {
    let plain = (0..40_000).map(|n| format!("plant/line/camera-{:02}/picture-{n:08}.jpg", n / 999));
    for (listing, late) in [
        (Listing::Known(NameOrder::Bytes), ["zz/～.jpg", "zz/😀.jpg"]),
        (Listing::Known(NameOrder::Segments), ["zz/a.jpg", "zz-/a.jpg"]),
        (Listing::Caseless, ["zz/b.jpg", "zz/C.jpg"]),
        (Listing::Natural, ["zz/9.jpg", "zz/10.jpg"]),
    ] {
        for starts in [StartFrom::Supported, StartFrom::Ignored] {
            for order in [Order::Ascending, Order::AsCompleted] {
                let names = plain.clone().chain(late.map(str::to_owned));
                let mut store = OddStore::new(names, listing, 500);
                (store.stated, store.starts) = (NameOrder::Utf16, starts);
                (store.has_delimiter, store.short, store.repeats) = (false, 5, 6);
                let store = Arc::new(store);
                let scan = Scan::new(Arc::clone(&store), &Prefix::default()).in_flight(16);
                let scan = scan.page_size(500.try_into().unwrap()).order(order);
                let progress = scan.progress();
                let verdicts: Vec<_> = scan.verdicts().try_collect().await.unwrap();
                let mut got: Vec<_> =
                    verdicts.iter().map(|v| v.name().unwrap().to_owned()).collect();
                if order == Order::AsCompleted {
                    got.sort_by(|a, b| listing.compare(a, b));
                }
                assert!(store.names().eq(&got), "{listing:?} {starts:?} {order:?}");
                let requests = progress.report().requests;
                println!("{listing:?} {starts:?} {order:?}: {requests} requests");
            }
        }
    }
}
