//! A response that is cut off or stalls at any byte costs one attempt and loses no name.

use std::{sync::Arc, time::Duration};

use azure_asset_sync::{
    AzureStore, Backoff, Blob, Prefix, Scan, Store,
    store::ListRequest,
    testing::{Fault, Seed, SmallCloud, trust},
};
use futures::TryStreamExt as _;

use crate::client::{Client, LIST};
use crate::silence;

/// The distance between two tested offsets in the default run, in bytes.
const STRIDE: usize = 9;

/// Returns the distance between two offsets: 1 if the variable `OFFSETS` is `all`.
fn stride() -> usize {
    match std::env::var("OFFSETS").as_deref() {
        Ok("all") => 1,
        _ => STRIDE,
    }
}

/// Returns nine blobs, for three pages of three.
fn seeds() -> impl Iterator<Item = Seed> {
    let folders = ["a", "b&c", "hall \u{e9}"];
    let names = folders.map(|dir| ["1.jpg", "2.png", "3.mp4"].map(|name| format!("{dir}/{name}")));
    names.into_iter().flatten().map(|name| Seed::new(name.clone(), name))
}

/// A response without a fault, as a placeholder in the queue of faults.
const WELL: Fault = Fault::Slow { chunk: usize::MAX, pause: Duration::ZERO };

async fn scan(store: &Arc<impl Store + 'static>, in_flight: usize) -> (Vec<Blob>, u64) {
    let scan = Scan::new(Arc::clone(store), &Prefix::default())
        .page_size(3.try_into().unwrap())
        .in_flight(in_flight)
        .backoff(Backoff::new(Duration::ZERO, Duration::ZERO));
    let progress = scan.progress();
    let verdicts: Vec<_> = scan.verdicts().try_collect().await.unwrap();
    let mut blobs: Vec<_> = verdicts.iter().map(|v| v.asset().unwrap().blob.clone()).collect();
    blobs.sort_by(|a, b| a.name.cmp(&b.name));
    (blobs, progress.report().requests)
}

/// Returns the length of each page in bytes.
async fn lengths(client: &Client) -> [usize; 3] {
    let mut lengths = [0; 3];
    let mut marker = String::new();
    for length in &mut lengths {
        let page = client.signed(&format!("{LIST}&maxresults=3&marker={marker}")).await;
        *length = page.body.len();
        marker = page.element("NextMarker").unwrap_or_default().to_owned();
    }
    assert_eq!(marker, "");
    lengths
}

/// Lets every other request fail at the same byte, for each byte up to the end of the longest page.
async fn at_each_byte(in_flight: usize, fault: fn(usize) -> Fault) {
    let client = Client::of(SmallCloud::builder().blobs(seeds())).await;
    let cloud = &client.cloud;
    let lengths = lengths(&client).await;
    let connection = cloud.connection().build().unwrap();
    let store = AzureStore::builder(&connection)
        .policy(trust(&connection))
        .certificate_authority(cloud.certificate_authority())
        .read_timeout(silence::STEP / 2)
        .build(cloud.credential())
        .unwrap();
    let store = Arc::new(store);
    let (clean, requests) = scan(&store, 1).await;
    assert_eq!((clean.len(), requests), (9, 3));

    let (mut scans, mut attempts) = (0_u64, 0);
    for at in (0..=*lengths.iter().max().unwrap()).step_by(stride()) {
        // A chunked body can also be cut off after its last byte, before the chunk that ends it.
        let hit: Vec<_> = lengths.iter().map(|length| at <= *length).collect();
        let mut faults = 0;
        for is_hit in &hit {
            cloud.inject(fault(at));
            faults += 1;
            // For the second attempt. With several requests in flight it can also be the first attempt
            // for another page.
            if *is_hit || in_flight > 1 {
                cloud.inject(WELL);
                faults += 1;
            }
        }
        let (blobs, requests) = scan(&store, in_flight).await;
        assert_eq!(blobs, clean, "{in_flight} in flight, {:?}", fault(at));
        let hit = hit.into_iter().filter(|is_hit| *is_hit).count() as u64;
        match in_flight {
            1 => assert_eq!(requests, 3 + hit, "{:?}", fault(at)),
            _ => assert!(requests > 3, "{requests}"),
        }
        (scans, attempts) = (scans + 1, attempts + requests);
        // Removes the remaining faults, so that they do not affect the next offset.
        for _ in requests..faults {
            let _ = store.list(ListRequest::new("")).await;
        }
    }
    println!("{:?}, {in_flight} in flight: {scans} scans, {attempts} requests", fault(0));
}

macro_rules! at_each_byte {
    ($($name:ident: $in_flight:literal, $fault:expr;)*) => {$(
        #[test]
        fn $name() {
            silence::run(at_each_byte($in_flight, $fault));
        }
    )*};
}

at_each_byte! {
    a_body_that_breaks_off_is_asked_for_again: 1, Fault::CloseAfter;
    bodies_that_break_off_side_by_side_are_asked_for_again: 4, Fault::CloseAfter;
    a_body_that_falls_silent_is_asked_for_again: 1, Fault::StallAfter;
    bodies_that_fall_silent_side_by_side_are_asked_for_again: 4, Fault::StallAfter;
}
