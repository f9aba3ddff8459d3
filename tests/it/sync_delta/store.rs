//! A store that lists names in an order that the test chooses.

use std::sync::atomic::{AtomicUsize, Ordering};

use azure_asset_sync::{
    Blob, Error, Prefix, Scan, Store,
    store::{ListRequest, Marker, NameOrder, Page, ReadRequest},
};
use bytes::Bytes;

use super::model::{Model, blob};

/// How a service sorts names.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sorted {
    By(NameOrder),
    Reversed,
    IgnoringCase,
    /// Names are sorted by a hash of the name and this number.
    Random(u64),
}

impl Sorted {
    pub fn draw(random: &mut fastrand::Rng) -> Self {
        match random.u8(..8) {
            0 => Self::By(NameOrder::Bytes),
            1 => Self::By(NameOrder::Utf16),
            2 => Self::By(NameOrder::Segments),
            3 => Self::By(NameOrder::SegmentsUtf16),
            4 => Self::Reversed,
            5 => Self::IgnoringCase,
            _ => Self::Random(random.u64(..)),
        }
    }

    fn compare(self, a: &str, b: &str) -> std::cmp::Ordering {
        match self {
            Self::By(order) => order.compare(a, b),
            Self::Reversed => b.cmp(a),
            Self::IgnoringCase => a.to_lowercase().cmp(&b.to_lowercase()).then(a.cmp(b)),
            Self::Random(seed) => hash(seed, a).cmp(&hash(seed, b)).then(a.cmp(b)),
        }
    }
}

/// Returns the FNV-1a hash.
fn hash(seed: u64, name: &str) -> u64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
    name.bytes().fold(seed ^ 0xcbf2_9ce4_8422_2325, step)
}

pub struct Listing {
    blobs: Vec<Blob>,
    sorted: Sorted,
    /// The order that the pages state, whether it is correct or not.
    stated: NameOrder,
    /// The number of the request that is refused.
    pub refuses: usize,
    requests: AtomicUsize,
}

impl Listing {
    pub fn new(model: &Model, sorted: Sorted, stated: NameOrder) -> Self {
        let mut blobs: Vec<_> = model.iter().map(|(name, v)| blob(name, *v)).collect();
        blobs.sort_by(|a, b| sorted.compare(&a.name, &b.name));
        Self { blobs, sorted, stated, refuses: usize::MAX, requests: AtomicUsize::new(0) }
    }

    /// Returns a store that states an order that a store could assume for its own.
    pub fn draw(model: &Model, sorted: Sorted, random: &mut fastrand::Rng) -> Self {
        let stated = match sorted {
            Sorted::By(order) if random.bool() => order,
            _ if random.u8(..8) == 0 => NameOrder::Unsorted,
            _ => NameOrder::Bytes,
        };
        Self::new(model, sorted, stated)
    }

    pub fn scan(self, random: &mut fastrand::Rng) -> Scan {
        let page = random.u16(1..30).try_into().unwrap();
        Scan::new(self, &Prefix::default()).in_flight(random.usize(1..5)).page_size(page)
    }

    /// Returns where a listing from a name begins. Hierarchical accounts and unknown services ignore the
    /// start.
    fn start(&self, name: &str) -> usize {
        match self.sorted {
            Sorted::By(order @ (NameOrder::Bytes | NameOrder::Utf16)) => {
                self.blobs.partition_point(|blob| order.compare(&blob.name, name).is_lt())
            }
            _ => 0,
        }
    }
}

#[async_trait::async_trait]
impl Store for Listing {
    async fn list(&self, request: ListRequest) -> Result<Page, Error> {
        if self.requests.fetch_add(1, Ordering::SeqCst) == self.refuses {
            return Err(Error::from_response(403, None));
        }
        let start = match (&request.marker, &request.start_from) {
            (Some(marker), _) => marker.as_str().parse().unwrap(),
            (None, Some(name)) => self.start(name),
            (None, None) => 0,
        };
        let most = request.max_results.map_or(5000, |most| usize::from(most.get()));
        let delimiter =
            request.delimiter.as_deref().filter(|_| matches!(self.sorted, Sorted::By(_)));
        let mut page = Page::default();
        for (place, blob) in self.blobs.iter().enumerate().skip(start) {
            let Some(rest) = blob.name.strip_prefix(&request.prefix) else { continue };
            let rolled = delimiter.and_then(|delimiter| rest.split_once(delimiter));
            let rolled = rolled.map(|(folder, _)| format!("{}{folder}/", request.prefix));
            if rolled.is_some() && rolled.as_ref() == page.prefixes.last() {
                continue;
            }
            if page.blobs.len() + page.prefixes.len() == most {
                page.next = Some(Marker::from(place.to_string()));
                break;
            }
            match rolled {
                Some(rolled) => page.prefixes.push(rolled),
                None => page.blobs.push(blob.clone()),
            }
        }
        page.order = self.stated;
        Ok(page)
    }

    async fn read(&self, _: ReadRequest) -> Result<Bytes, Error> {
        unreachable!("a job reads no content")
    }
}
