//! One new token is enough for all requests of a scan whose token was refused.

use std::sync::Arc;

use azure_asset_sync::{
    AzureStore, Error, Scan, Store as _,
    scan::Verdicts,
    store::ListRequest,
    testing::{Seed, SmallCloud},
};
use futures::TryStreamExt as _;
use tokio::task::JoinSet;

const FOLDERS: usize = 100;
const IN_FOLDER: usize = 10;
const IN_FLIGHT: usize = 64;

fn names() -> impl Iterator<Item = String> {
    (0..FOLDERS).flat_map(|dir| (0..IN_FOLDER).map(move |n| format!("day-{dir:03}/{n:02}.jpg")))
}

async fn cloud() -> SmallCloud {
    let seeds = names().map(|name| Seed::new(name, "x"));
    SmallCloud::builder().blobs(seeds).start().await.unwrap()
}

fn verdicts(cloud: &SmallCloud, store: AzureStore) -> Verdicts {
    let connection = cloud.connection().build().unwrap();
    // All requests are in flight from the start.
    let cuts = (1..IN_FLIGHT).map(|n| format!("day-{:03}/", n * FOLDERS / IN_FLIGHT));
    Scan::new(store, connection.prefix())
        .page_size(2.try_into().unwrap())
        .in_flight(IN_FLIGHT)
        .cuts(cuts)
        .verdicts()
}

fn sign_ins(cloud: &SmallCloud) -> usize {
    cloud.log().iter().filter(|request| request.is_sign_in()).count()
}

/// Returns the number of requests whose token the blob service has refused.
fn refused(cloud: &SmallCloud) -> usize {
    cloud
        .log()
        .iter()
        .filter(|request| request.status == Some(401) && !request.is_sign_in())
        .count()
}

/// Lists all names. The tokens expire after this number of names.
async fn list(cloud: &SmallCloud, expire_at: usize) -> Result<Vec<String>, Error> {
    let store = cloud.store(&cloud.connection().build().unwrap())?;
    let mut verdicts = verdicts(cloud, store);
    let mut names = Vec::new();
    while let Some(verdict) = verdicts.try_next().await? {
        if names.len() == expire_at {
            cloud.expire_tokens();
        }
        names.push(verdict.name().unwrap().to_owned());
    }
    names.sort();
    Ok(names)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_token_that_is_refused_to_many_requests_is_renewed_once() {
    let rounds: usize = std::env::var("CASES").map_or(10, |cases| cases.parse().unwrap());
    let stored: Vec<_> = names().collect();
    let mut most = 0;
    for round in 0..rounds {
        let cloud = cloud().await;
        let listed = list(&cloud, 100 + round * 37 % 500).await;
        let refused = refused(&cloud);
        match listed {
            Ok(listed) => assert!(listed == stored, "round {round}: {} names", listed.len()),
            Err(error) => panic!("round {round}, {refused} refused: {error}"),
        }
        assert_eq!(sign_ins(&cloud), 2, "round {round}, {refused} refused");
        assert!(refused > 0, "round {round}: no request was refused");
        most = most.max(refused);
    }
    println!("{rounds} scans, up to {most} requests refused together");
}

/// Requests that are refused while others sign in must not invalidate the token of the others.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn tokens_that_expire_repeatedly_are_not_taken_for_a_failing_credential() {
    let cloud = SmallCloud::builder().blob(Seed::new("a.jpg", "x")).start().await.unwrap();
    let store = Arc::new(cloud.store(&cloud.connection().build().unwrap()).unwrap());
    store.list(ListRequest::new("")).await.unwrap();
    let rounds: usize = std::env::var("CASES").map_or(20, |cases| cases.parse().unwrap());
    let mut refused = 0;
    for round in 0..rounds {
        let before = sign_ins(&cloud);
        cloud.expire_tokens();
        let mut requests = JoinSet::new();
        for _ in 0..IN_FLIGHT {
            let store = Arc::clone(&store);
            requests.spawn(async move { store.list(ListRequest::new("")).await.map(drop) });
        }
        for answer in requests.join_all().await {
            answer.unwrap_or_else(|error| panic!("round {round}: {error}"));
        }
        assert_eq!(sign_ins(&cloud) - before, 1, "round {round}");
        refused = self::refused(&cloud);
    }
    println!("{rounds} times, {refused} requests refused");
}
