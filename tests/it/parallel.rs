//! Parallel listings save time for a limited number of additional requests. Measured on a paused clock,
//! which only moves while the store waits.
//!
//! The containers have 200 small pages, and the store takes 100 ms for each. For larger containers:
//! `PAGES=2000 cargo test --release --test it parallel:: -- --nocapture`.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use azure_asset_sync::{
    Blob, Error, Prefix, Scan, Store,
    scan::Order,
    sink::callback,
    store::{ListRequest, Marker, Page, ReadRequest},
};
use bytes::Bytes;
use tokio::time::Instant;

const PAGE: u16 = 50;

struct Slow {
    names: Vec<String>,
    keeps_starts: bool,
    under_way: AtomicUsize,
    most: AtomicUsize,
}

#[async_trait::async_trait]
impl Store for Slow {
    async fn list(&self, request: ListRequest) -> Result<Page, Error> {
        let count = self.under_way.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(count, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(100)).await;
        self.under_way.fetch_sub(1, Ordering::SeqCst);
        let start = request.start_from.as_deref().filter(|_| self.keeps_starts).unwrap_or_default();
        let mut at = match &request.marker {
            Some(marker) => marker.as_str().parse().unwrap(),
            None => self.names.partition_point(|name| name.as_str() < start.max(&request.prefix)),
        };
        let most = usize::from(request.max_results.unwrap().get());
        let mut page = Page::default();
        while let Some(name) = self.names.get(at).filter(|name| name.starts_with(&request.prefix)) {
            if page.blobs.len() + page.prefixes.len() == most {
                page.next = Some(Marker::from(at.to_string()));
                break;
            }
            let inside = &name[request.prefix.len()..];
            match request.delimiter.as_deref().and_then(|delimiter| inside.find(delimiter)) {
                Some(end) => {
                    let folder = name[..request.prefix.len() + end + 1].to_owned();
                    at += self.names[at..].partition_point(|name| name.starts_with(&folder));
                    page.prefixes.push(folder);
                }
                None => {
                    page.blobs.push(Blob::new(name.clone(), 1));
                    at += 1;
                }
            }
        }
        Ok(page)
    }

    async fn read(&self, _: ReadRequest) -> Result<Bytes, Error> {
        unreachable!("a scan reads no content")
    }
}

/// Returns `count` names in folders whose sizes differ by a factor of up to a thousand.
fn uneven(folders: Vec<String>, count: usize) -> Vec<String> {
    let mut random = fastrand::Rng::with_seed(11);
    let weights: Vec<f64> = folders.iter().map(|_| (random.f64() * 10.0).exp2()).collect();
    let scale = count as f64 / weights.iter().sum::<f64>();
    let sizes = weights.iter().map(|weight| (weight * scale) as usize);
    let files = folders.iter().zip(sizes);
    files.flat_map(|(folder, n)| (0..n).map(move |n| format!("{folder}{n:06}.jpg"))).collect()
}

fn shapes(count: usize) -> Vec<(&'static str, bool, Vec<String>)> {
    let mut random = fastrand::Rng::with_seed(3);
    let mut halls = vec!["calibration/".to_owned()];
    for hall in 1..=12 {
        for camera in 1..=random.u32(1..=12) {
            for day in 1..=random.u32(1..=20) {
                halls.push(format!("hall-{hall:02}/cam-{camera:02}/2026-03-{day:02}/"));
            }
        }
    }
    let words = [
        "airplane", "apple", "bear", "bicycle", "boat", "bus", "car", "cat", "chair", "clock",
        "cow", "dog", "elephant", "fork", "giraffe", "horse", "kite", "laptop", "mouse", "oven",
        "person", "sheep", "truck", "vase", "zebra",
    ];
    let classes = ["test", "train", "val"]
        .iter()
        .flat_map(|part| words.iter().map(move |word| format!("{part}/{word}/")));
    let dates = (2024..=2026).flat_map(|y| {
        (1..=12).flat_map(move |m| (1..=28).map(move |d| format!("{y}/{m:02}/{d:02}/")))
    });
    let tiny = (0..count / 10).flat_map(|_| {
        let id = random.u64(..);
        (0..10).map(move |n| format!("{id:016x}/{n}.png"))
    });
    let mut tiny: Vec<_> = tiny.collect();
    tiny.sort_unstable();
    let mut hashes: Vec<_> = (0..count)
        .map(|n| match n % 4 {
            0 => format!("{:016x}.jpg", random.u64(..)),
            1 => format!("3f00{:012x}.jpg", random.u64(..) >> 16),
            2 => format!("img-{:09}.jpg", n / 4),
            _ => format!("scan-{:09}.jpg", n / 4),
        })
        .collect();
    hashes.sort_unstable();
    let one = (0..count).map(|n| match n % 50 {
        0 => format!("docs/{n:06}.txt"),
        _ => format!("images/{n:08}.jpg"),
    });
    let mut one: Vec<_> = one.collect();
    one.sort_unstable();
    let mut uuids: Vec<_> = (0..count).map(|_| format!("{:032x}", random.u128(..))).collect();
    uuids.sort_unstable();
    vec![
        ("halls", true, uneven(halls, count)),
        ("classes", true, uneven(classes.collect(), count)),
        ("dates", true, uneven(dates.collect(), count)),
        ("tiny folders", false, tiny),
        ("one large folder", false, one),
        ("hashes and numbers", false, hashes),
        ("numbers", false, (0..count).map(|n| format!("IMG_{n:07}.jpg")).collect()),
        ("uuids", false, uuids),
    ]
}

/// Returns the duration of a scan, as a number of page times, and its number of requests.
async fn list(store: &Arc<Slow>, cuts: &[String], in_flight: usize, order: Order) -> (f64, u64) {
    let start = Instant::now();
    let mut names = Vec::new();
    let keep = callback(|verdict| {
        names.push(verdict.name().unwrap().to_owned());
        Ok(())
    });
    let report = Scan::new(Arc::clone(store), &Prefix::default())
        .in_flight(in_flight)
        .page_size(PAGE.try_into().unwrap())
        .order(order)
        .cuts(cuts)
        .run(keep)
        .await
        .unwrap();
    if order == Order::AsCompleted {
        names.sort_unstable();
    }
    assert!(names == store.names);
    assert!(store.most.load(Ordering::SeqCst) <= in_flight);
    (start.elapsed().as_secs_f64() / 0.1, report.requests)
}

#[tokio::test(start_paused = true)]
async fn parallel_parts_are_faster_and_take_few_additional_requests() {
    let pages = std::env::var("PAGES").map_or(200, |n| n.parse().unwrap());
    for (shape, has_folders, names) in shapes(pages * usize::from(PAGE)) {
        let least = names.len().div_ceil(PAGE.into()) as f64;
        for keeps_starts in [true, false] {
            let (under_way, most) = Default::default();
            let store = Arc::new(Slow { names: names.clone(), keeps_starts, under_way, most });
            for in_flight in [16, 32] {
                let (time, requests) = list(&store, &[], in_flight, Order::AsCompleted).await;
                let (faster, cost) = (least / time, requests as f64 / least);
                println!(
                    "{shape:18} {in_flight} in flight, {}: {faster:4.1} times as fast, {cost:.2} requests a page",
                    if keeps_starts { "startFrom" } else { "without  " },
                );
                // The minimum speed, relative to a sequential listing, and the maximum number of
                // requests a page.
                let (want, most) = match (keeps_starts, has_folders, in_flight) {
                    (true, false, 16) => (9.0, 1.5),
                    (true, false, _) => (14.0, 1.65),
                    (true, true, 16) => (7.0, 1.5),
                    (true, true, _) => (7.0, 2.0),
                    (false, true, 16) => (7.0, 1.6),
                    (false, true, _) => (7.0, 2.1),
                    // Nothing helps: the listing is sequential, and a few requests search for cuts.
                    (false, false, 16) => (0.99, 1.15),
                    (false, false, _) => (0.99, 1.5),
                };
                assert!(faster >= want && cost <= most, "{shape}: {faster} at {cost}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn cuts_of_an_earlier_listing_save_the_search() {
    for (shape, _, names) in shapes(200 * usize::from(PAGE)) {
        let cuts: Vec<_> = names.iter().step_by(usize::from(PAGE) / 2).cloned().collect();
        let least = names.len().div_ceil(PAGE.into()) as f64;
        let (under_way, most) = Default::default();
        let store = Arc::new(Slow { names, keeps_starts: true, under_way, most });
        for (in_flight, want) in [(16, 14.0), (32, 25.0)] {
            let (time, requests) = list(&store, &cuts, in_flight, Order::AsCompleted).await;
            let (faster, cost) = (least / time, requests as f64 / least);
            assert!(faster >= want && cost <= 1.2, "{shape}: {faster} at {cost}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_ordered_scan_is_not_slower_than_a_sequential_one() {
    for (shape, _, names) in shapes(200 * usize::from(PAGE)) {
        let least = names.len().div_ceil(PAGE.into()) as f64;
        let (under_way, most) = Default::default();
        let store = Arc::new(Slow { names, keeps_starts: true, under_way, most });
        let (time, requests) = list(&store, &[], 16, Order::Ascending).await;
        let (faster, cost) = (least / time, requests as f64 / least);
        println!("{shape:18} in order: {faster:4.1} times as fast, {cost:.2} requests a page");
        assert!(faster >= 1.0 && cost <= 1.5, "{shape}: {faster} at {cost}");
    }
}
