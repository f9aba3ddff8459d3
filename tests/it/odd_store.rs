//! A store that uses every freedom of the contract, and breaks some of its rules: names in any order,
//! stated correctly or not, short and empty pages, entries that are repeated at page borders, entries
//! that exist only for some time, and requests that fail.

use std::{
    cmp::Ordering,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
};

use azure_asset_sync::{
    Blob, Error, Store,
    store::{ListRequest, Malformed, Marker, NameOrder, Page, ReadRequest},
};
use bytes::Bytes;

/// The order in which a store lists names.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Listing {
    Known(NameOrder),
    Reversed,
    Caseless,
    /// Numbers in a name are compared by value.
    Natural,
    /// Accents and punctuation are compared last, as a locale does.
    Collated,
    /// The order in which the entries were given.
    Random,
}

pub const KNOWN: [NameOrder; 4] =
    [NameOrder::Bytes, NameOrder::Utf16, NameOrder::Segments, NameOrder::SegmentsUtf16];

impl Listing {
    /// Compares two names. Shares no code with the crate, so that it can check the crate's own orders.
    pub fn compare(self, a: &str, b: &str) -> Ordering {
        let segment = |unit: u32| if unit == u32::from('/') { 0 } else { unit + 1 };
        let units = |name| str::encode_utf16(name).map(u32::from);
        match self {
            Self::Known(NameOrder::Utf16) => units(a).cmp(units(b)),
            Self::Known(NameOrder::Segments) => {
                let rank = |c: char| segment(c.into());
                a.chars().map(rank).cmp(b.chars().map(rank))
            }
            Self::Known(NameOrder::SegmentsUtf16) => {
                units(a).map(segment).cmp(units(b).map(segment))
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
pub enum StartFrom {
    Supported,
    Ignored,
    Refused,
    /// The store compares names without regard to case.
    Caseless,
}

/// An entry of a listing.
#[derive(Clone, Debug)]
pub struct Entry {
    pub name: String,
    /// Identifies the entry: a blob has this size.
    pub number: u64,
    /// Whether the entry is malformed, and if so, whether it has a name.
    pub bad: Option<bool>,
    /// The numbers of the requests during which the entry exists.
    pub life: std::ops::Range<usize>,
}

impl Entry {
    pub fn new(name: impl Into<String>, number: u64) -> Self {
        Self { name: name.into(), number, bad: None, life: 0..usize::MAX }
    }

    pub fn is_stable(&self) -> bool {
        self.life == (0..usize::MAX)
    }
}

pub struct OddStore {
    /// The entries in the order of the listing.
    pub entries: Vec<Entry>,
    pub listing: Listing,
    /// The order that the pages state.
    pub stated: NameOrder,
    /// Whether a page without blobs states the order, too.
    pub empty_pages_state_order: bool,
    pub starts: StartFrom,
    pub has_delimiter: bool,
    /// Whether the blobs are versions.
    pub has_versions: bool,
    /// How many of a hundred requests fail.
    pub failures: usize,
    /// The maximum number of entries on a page.
    pub most: usize,
    /// One page in this number is shorter than it could be; none if this is 0.
    pub short: usize,
    /// One page in this number repeats entries of the preceding page; none if this is 0.
    pub repeats: usize,
    /// One blob in this number is listed twice; none if this is 0.
    pub doubles: usize,
    /// Each response is delayed by up to this number of turns, so that responses overtake each other.
    pub delays: usize,
    pub random: Mutex<fastrand::Rng>,
    pub requests: AtomicUsize,
}

/// Returns whether the service would begin a listing from this text at a wrong place. Knows only some
/// characters of each category, listed by hand.
pub fn is_mishandled(prefix: &str, from: &str) -> bool {
    let first = from.strip_prefix(prefix).unwrap_or(from).chars().next();
    first.is_some_and(|first| {
        matches!(first, '^' | '`' | '¨' | '´' | '\u{2b0}'..='\u{36f}' | '\u{200b}'..='\u{200f}' | '\u{ad}')
            || matches!(first, '\u{20d0}'..='\u{20f0}' | '\u{feff}' | '\u{ff70}' | '\u{ff40}' | '\u{1f3fb}'..='\u{1f3ff}')
    })
}

impl OddStore {
    /// Returns a store that lists these names in the order of `listing`, on pages of at most `most`
    /// entries.
    ///
    /// The store states its order if that is a known one, supports `start_from`, and does nothing unusual.
    pub fn new(
        names: impl IntoIterator<Item = impl Into<String>>,
        listing: Listing,
        most: usize,
    ) -> Self {
        Self::of(names.into_iter().map(|name| Entry::new(name, 1)).collect(), listing, most)
    }

    /// Returns such a store with these entries.
    pub fn of(mut entries: Vec<Entry>, listing: Listing, most: usize) -> Self {
        entries.sort_by(|a, b| listing.compare(&a.name, &b.name));
        Self {
            entries,
            listing,
            stated: match listing {
                Listing::Known(order) => order,
                _ => NameOrder::default(),
            },
            empty_pages_state_order: true,
            starts: StartFrom::Supported,
            has_delimiter: true,
            has_versions: false,
            failures: 0,
            most,
            short: 0,
            repeats: 0,
            doubles: 0,
            delays: 0,
            random: Mutex::new(fastrand::Rng::with_seed(1)),
            requests: AtomicUsize::new(0),
        }
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|entry| entry.name.as_str())
    }

    fn draw(&self, most: usize) -> usize {
        if most == 0 { 0 } else { self.random.lock().unwrap().usize(..=most) }
    }

    /// Returns `true` once in this number of calls, at random; never if the number is 0.
    fn happens(&self, once_in: usize) -> bool {
        once_in > 0 && self.draw(once_in - 1) == 0
    }

    /// Returns the place at which a listing from this text begins.
    fn start(&self, from: &str) -> usize {
        let folded = from.to_lowercase();
        let first = |is_from_on: &dyn Fn(&str) -> bool| {
            let place = self.entries.iter().position(|entry| is_from_on(&entry.name));
            place.unwrap_or(self.entries.len())
        };
        match (self.starts, self.listing) {
            (StartFrom::Caseless, _) => first(&|name| name.to_lowercase() >= folded),
            (_, Listing::Random) => first(&|name| name >= from),
            (_, listing) => {
                self.entries.partition_point(|e| listing.compare(&e.name, from).is_lt())
            }
        }
    }

    /// Returns the place at which the page of a request begins.
    fn place(&self, request: &ListRequest) -> Result<usize, Error> {
        let marker = request.marker.as_ref().map(|marker| {
            // A marker is a place and a number that makes it unique.
            let (place, _) = marker.as_str().split_once('#').unwrap();
            place.parse().unwrap()
        });
        if let (None, Some(from)) = (marker, &request.start_from) {
            assert!(!is_mishandled(&request.prefix, from), "a listing starts wrongly: {request:?}");
        }
        match (marker, &request.start_from, self.starts) {
            // An entry that is created among repeated entries would look like disorder.
            (Some(place), ..) if self.entries.iter().all(Entry::is_stable) => {
                let again = if self.happens(self.repeats) { 1 + self.draw(2) } else { 0 };
                Ok(usize::saturating_sub(place, again))
            }
            (Some(place), ..) => Ok(place),
            (None, Some(_), StartFrom::Refused) => {
                Err(Error::from_response(400, Some("InvalidQueryParameterValue")))
            }
            (None, Some(from), StartFrom::Supported | StartFrom::Caseless) => Ok(self.start(from)),
            (None, ..) => Ok(0),
        }
    }

    fn page(&self, request: &ListRequest) -> Result<Page, Error> {
        let now = self.requests.fetch_add(1, SeqCst);
        assert!(now < 50_000, "the listing does not end");
        if self.failures > 0 && self.draw(99) < self.failures {
            let (status, code) = [(503, "ServerBusy"), (500, "InternalError")][self.draw(1)];
            return Err(Error::from_response(status, Some(code)));
        }
        let mut at = self.place(request)?;
        let most = request.max_results.map_or(self.most, |n| usize::from(n.get()));
        let most = if self.happens(self.short) { self.draw(most) } else { most };
        let delimiter = request.delimiter.as_deref().filter(|_| self.has_delimiter);
        let is_sorted = matches!(self.listing, Listing::Known(_));
        let mut page = Page::default();
        let mut count = 0;
        while let Some(entry) = self.entries.get(at) {
            let inside = entry.name.strip_prefix(&request.prefix);
            let inside = inside.filter(|_| entry.life.contains(&now));
            let folder = inside.zip(delimiter).and_then(|(inside, delimiter)| {
                let end = inside.find(delimiter)? + delimiter.len();
                Some(format!("{}{}", request.prefix, &inside[..end]))
            });
            let is_there = folder.as_ref().is_some_and(|folder| match is_sorted {
                true => page.prefixes.last() == Some(folder),
                false => page.prefixes.contains(folder),
            });
            if inside.is_some() && !is_there {
                if count == most {
                    break;
                }
                count += 1;
                match folder {
                    Some(folder) => page.prefixes.push(folder),
                    None => self.push(entry, &mut page),
                }
            }
            at += 1;
        }
        if at < self.entries.len() {
            page.next = Some(Marker::from(format!("{at}#{now}")));
        }
        if self.empty_pages_state_order || !page.blobs.is_empty() {
            page.order = self.stated;
        }
        Ok(page)
    }

    fn push(&self, entry: &Entry, page: &mut Page) {
        if let Some(has_name) = entry.bad {
            let name = has_name.then(|| entry.name.clone());
            let mut bad = Malformed::new(name, entry.number.to_string());
            bad.at = page.blobs.len();
            return page.malformed.push(bad);
        }
        let mut blob = Blob::new(entry.name.clone(), entry.number);
        if self.has_versions {
            blob.version_id = Some(entry.number.to_string().as_str().into());
        }
        if self.happens(self.doubles) {
            page.blobs.push(blob.clone());
        }
        page.blobs.push(blob);
    }
}

#[async_trait::async_trait]
impl Store for OddStore {
    async fn list(&self, request: ListRequest) -> Result<Page, Error> {
        for _ in 0..self.draw(self.delays) {
            tokio::task::yield_now().await;
        }
        self.page(&request)
    }

    async fn read(&self, _: ReadRequest) -> Result<Bytes, Error> {
        unreachable!("a listing reads no content")
    }
}
