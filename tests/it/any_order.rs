//! A scan, a preview and a resumed scan return what a plain page loop returns, whatever the order in
//! which the store lists names and whether it states that order correctly. None of them starts from a
//! name that the service mishandles.

use std::{
    cmp::Ordering,
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use azure_asset_sync::{
    Blob, Error, Prefix, Preview, Scan, Store,
    scan::{Order, Shard},
    store::{ListRequest, Marker, NameOrder, Page, ReadRequest},
};
use bytes::Bytes;
use futures::TryStreamExt as _;

/// The order in which a store lists names.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Listing {
    Known(NameOrder),
    Reversed,
    Caseless,
    /// Numbers in a name are compared by value.
    Natural,
    /// Accents and punctuation are compared last, as a locale does.
    Collated,
    Random,
}

const KNOWN: [NameOrder; 4] =
    [NameOrder::Bytes, NameOrder::Utf16, NameOrder::Segments, NameOrder::SegmentsUtf16];

impl Listing {
    /// Compares two names. Shares no code with the crate, so that it can check the crate's own orders.
    fn compare(self, a: &str, b: &str) -> Ordering {
        let segment = |unit: u32| if unit == u32::from('/') { 0 } else { unit + 1 };
        let units = |name: &str| name.encode_utf16().map(u32::from).collect::<Vec<_>>();
        let by_rank = |rank: &dyn Fn(&str) -> Vec<u32>| rank(a).cmp(&rank(b));
        match self {
            Self::Known(NameOrder::Utf16) => units(a).cmp(&units(b)),
            Self::Known(NameOrder::Segments) => {
                by_rank(&|name| name.chars().map(|c| segment(c.into())).collect())
            }
            Self::Known(NameOrder::SegmentsUtf16) => {
                by_rank(&|name| units(name).into_iter().map(segment).collect())
            }
            Self::Known(_) => a.cmp(b),
            Self::Reversed => b.cmp(a),
            Self::Caseless => a.to_lowercase().cmp(&b.to_lowercase()).then(a.cmp(b)),
            Self::Natural => {
                let parts = |name: &str| {
                    let mut parts = vec![(0, String::new())];
                    for c in name.chars() {
                        match (c.to_digit(10), parts.last_mut().unwrap()) {
                            (Some(digit), (number, text)) if text.is_empty() => {
                                *number = *number * 10 + u64::from(digit);
                            }
                            (Some(digit), _) => parts.push((digit.into(), String::new())),
                            (None, (_, text)) => text.push(c),
                        }
                    }
                    parts
                };
                parts(a).cmp(&parts(b)).then(a.cmp(b))
            }
            Self::Collated => {
                let letters = |name: &str| -> String {
                    name.chars()
                        .filter(|c| c.is_alphanumeric())
                        .flat_map(char::to_lowercase)
                        .collect()
                };
                letters(a).cmp(&letters(b)).then(a.cmp(b))
            }
            Self::Random => Ordering::Equal,
        }
    }
}

/// What a store does with `start_from`.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Starts {
    Kept,
    Ignored,
    Refused,
}

struct Odd {
    /// The names in the order of the listing.
    names: Vec<String>,
    listing: Listing,
    stated: NameOrder,
    starts: Starts,
    has_delimiter: bool,
    most: usize,
    random: Mutex<fastrand::Rng>,
    requests: AtomicUsize,
}

/// Returns whether the service would begin a listing from this text at a wrong place. Knows only some
/// characters of each category, listed by hand.
fn is_mishandled(prefix: &str, from: &str) -> bool {
    let first = from.strip_prefix(prefix).unwrap_or(from).chars().next();
    first.is_some_and(|first| {
        matches!(first, '^' | '`' | '¨' | '´' | '\u{2b0}'..='\u{36f}' | '\u{200b}'..='\u{200f}' | '\u{ad}')
            || matches!(first, '\u{20d0}'..='\u{20f0}' | '\u{feff}' | '\u{ff70}' | '\u{ff40}' | '\u{1f3fb}'..='\u{1f3ff}')
    })
}

impl Odd {
    fn draw(&self, most: usize) -> usize {
        self.random.lock().unwrap().usize(..=most)
    }

    fn list(&self, request: &ListRequest) -> Result<Page, Error> {
        assert!(self.requests.fetch_add(1, SeqCst) < 20_000, "the listing does not end");
        let from = request.start_from.as_deref().filter(|_| request.marker.is_none());
        assert!(!from.is_some_and(|from| is_mishandled(&request.prefix, from)), "{request:?}");
        let mut at = match (&request.marker, from) {
            (Some(marker), _) => marker.as_str().split_once('#').unwrap().0.parse().unwrap(),
            (None, Some(_)) if self.starts == Starts::Refused => {
                return Err(Error::from_response(400, Some("InvalidQueryParameterValue")));
            }
            (None, Some(from)) if self.starts == Starts::Kept => {
                let is_behind = |name: &String| match self.listing {
                    Listing::Random => name.as_str() >= from,
                    listing => listing.compare(name, from).is_ge(),
                };
                self.names.iter().position(is_behind).unwrap_or(self.names.len())
            }
            _ => 0,
        };
        if request.marker.is_some() && self.draw(5) == 0 {
            at = at.saturating_sub(1 + self.draw(2));
        }
        let most = request.max_results.map_or(self.most, |n| usize::from(n.get()));
        let most = if self.draw(4) == 0 { self.draw(most) } else { most };
        let delimiter = request.delimiter.as_deref().filter(|_| self.has_delimiter);
        let mut page = Page::default();
        page.order = self.stated;
        let mut count = 0;
        while let Some(name) = self.names.get(at) {
            if let Some(inside) = name.strip_prefix(&request.prefix) {
                let folder = delimiter
                    .and_then(|delimiter| Some(inside.find(delimiter)? + delimiter.len()))
                    .map(|end| format!("{}{}", request.prefix, &inside[..end]));
                if folder.is_none() || !page.prefixes.contains(folder.as_ref().unwrap()) {
                    if count == most {
                        break;
                    }
                    count += 1;
                    match folder {
                        Some(folder) => page.prefixes.push(folder),
                        None => page.blobs.push(Blob::new(name.clone(), 1)),
                    }
                }
            }
            at += 1;
        }
        if at < self.names.len() {
            let nonce = self.requests.load(SeqCst);
            page.next = Some(Marker::from(format!("{at}#{nonce}")));
        }
        Ok(page)
    }
}

#[async_trait::async_trait]
impl Store for Odd {
    async fn list(&self, request: ListRequest) -> Result<Page, Error> {
        for _ in 0..self.draw(6) {
            tokio::task::yield_now().await;
        }
        Odd::list(self, &request)
    }

    async fn read(&self, _: ReadRequest) -> Result<Bytes, Error> {
        unreachable!("a scan reads no content")
    }
}

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
    store: Arc<Odd>,
    told: String,
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
        names.sort_by(|a, b| listing.compare(a, b));
        let stated = match listing {
            Listing::Known(order) if random.bool() => order,
            _ => *random.choice(&KNOWN).unwrap(),
        };
        let starts = [Starts::Kept, Starts::Kept, Starts::Ignored, Starts::Refused];
        let store = Odd {
            names,
            listing,
            stated,
            starts: *random.choice(&starts).unwrap(),
            has_delimiter: random.u8(..4) > 0,
            most: random.usize(1..40),
            random: Mutex::new(random.fork()),
            requests: AtomicUsize::new(0),
        };
        let told = format!("{listing:?} stated as {stated:?}, starts {:?}", store.starts);
        Self { store: Arc::new(store), told, random }
    }

    fn scan(&mut self, order: Order) -> Scan {
        let in_flight = *self.random.choice(&[1, 4, 16]).unwrap();
        self.told.push_str(&format!("; {in_flight} in flight {order:?}"));
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
        let name = |random: &mut fastrand::Rng| random.choice(&self.store.names).cloned();
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
        let missing: Vec<_> = self.store.names.iter().filter(|n| !got.contains_key(*n)).collect();
        let doubled: Vec<_> = got.iter().filter(|(_, count)| **count > 1).collect();
        match missing.is_empty() && doubled.is_empty() {
            true => Ok(()),
            false => Err(format!("missing {missing:?}, doubled {doubled:?}")),
        }
    }

    /// Runs a complete scan of the container or of all its shards.
    async fn whole(&mut self) -> Result<(), String> {
        let order = *self.random.choice(&[Order::Ascending, Order::AsCompleted]).unwrap();
        let mut scan = self.scan(order);
        let is_one = self.random.u8(..3) > 0;
        if !is_one {
            let shards = self.shards();
            self.told.push_str(&format!("; {shards:?}"));
            scan = scan.shards(shards);
        }
        let verdicts: Vec<_> = scan.verdicts().try_collect().await.map_err(|e| e.to_string())?;
        let mut got = BTreeMap::new();
        let names: Vec<_> = verdicts.iter().map(|v| v.name().unwrap()).collect();
        names.iter().for_each(|name| *got.entry((*name).to_owned()).or_default() += 1);
        self.check(&got)?;
        let is_in_order = is_one || matches!(self.store.listing, Listing::Known(_));
        if order == Order::Ascending && is_in_order && names != self.store.names {
            return Err(format!("{names:?} instead of {:?}", self.store.names));
        }
        Ok(())
    }

    /// Interrupts a scan, and resumes it.
    async fn resumed(&mut self) -> Result<(), String> {
        let order = *self.random.choice(&[Order::Ascending, Order::AsCompleted]).unwrap();
        // If the service mishandles the name at which the scan resumes, the scan starts from an
        // earlier name, which only a known order can provide.
        let is_mishandled = |name: &String| is_mishandled("", name);
        if !matches!(self.store.listing, Listing::Known(_))
            && self.store.names.iter().any(is_mishandled)
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
            self.told.push_str(&format!("; then {shards:?}"));
        }
        unreachable!("the last part has no end")
    }

    async fn preview(&mut self) -> Result<(), String> {
        let report = Preview::new(self.scan(Order::default())).run().await;
        let report = report.map_err(|error| error.to_string())?;
        match (report.total.blobs(), report.total.is_exact()) {
            (blobs, true) if blobs == self.store.names.len() as u64 => Ok(()),
            total => Err(format!("{total:?} of {}", self.store.names.len())),
        }
    }
}

fn all(what: &str, run: impl AsyncFn(&mut Case) -> Result<(), String>) {
    let cases: u64 = std::env::var("CASES").map_or(1000, |cases| cases.parse().unwrap());
    let first: u64 = std::env::var("SEED").map_or(0, |seed| seed.parse().unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let mut wrong = Vec::new();
    for seed in first..first + cases {
        let mut case = Case::new(seed);
        let limit = Duration::from_secs(3_000_000);
        let ended = runtime.block_on(async { tokio::time::timeout(limit, run(&mut case)).await });
        match ended {
            Ok(Ok(())) => {}
            Ok(Err(what)) => wrong.push(format!("SEED={seed}: {}: {what}", case.told)),
            Err(_) => wrong.push(format!("SEED={seed}: {}: it hangs", case.told)),
        }
    }
    let count = wrong.len();
    wrong.truncate(10);
    assert_eq!(count, 0, "{what}, of {cases}:\n{}", wrong.join("\n"));
}

#[test]
fn a_scan_returns_what_a_plain_page_loop_returns() {
    all("scan", Case::whole);
}

#[test]
fn a_resumed_scan_returns_the_remaining_names() {
    all("resume", Case::resumed);
}

#[test]
fn a_preview_counts_what_a_plain_page_loop_returns() {
    all("preview", Case::preview);
}

/// Returns a container of 40,000 names.
fn large(names: Vec<String>, listing: Listing, starts: Starts) -> Arc<Odd> {
    let mut names = names;
    names.sort_by(|a, b| listing.compare(a, b));
    Arc::new(Odd {
        names,
        listing,
        stated: NameOrder::Utf16,
        starts,
        has_delimiter: false,
        most: 500,
        random: Mutex::new(fastrand::Rng::with_seed(1)),
        requests: AtomicUsize::new(0),
    })
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
        for starts in [Starts::Kept, Starts::Ignored] {
            for order in [Order::Ascending, Order::AsCompleted] {
                let names = plain.clone().chain(late.map(str::to_owned)).collect();
                let store = large(names, listing, starts);
                let scan = Scan::new(Arc::clone(&store), &Prefix::default()).in_flight(16);
                let scan = scan.page_size(500.try_into().unwrap()).order(order);
                let progress = scan.progress();
                let verdicts: Vec<_> = scan.verdicts().try_collect().await.unwrap();
                let mut got: Vec<_> =
                    verdicts.iter().map(|v| v.name().unwrap().to_owned()).collect();
                if order == Order::AsCompleted {
                    got.sort_by(|a, b| listing.compare(a, b));
                }
                assert!(got == store.names, "{listing:?} {starts:?} {order:?}");
                let requests = progress.report().requests;
                println!("{listing:?} {starts:?} {order:?}: {requests} requests");
            }
        }
    }
}
