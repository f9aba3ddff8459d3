//! The number of requests stays limited if the service is overloaded or the consumer is slow.

use std::time::Duration;

use azure_asset_sync::{
    AzureStore, ErrorKind, Prefix, Scan,
    testing::{Fault, LoggedRequest, Refusal, Seed, SmallCloud},
};
use futures::TryStreamExt as _;
use tokio::time::{Instant, sleep};

use crate::silence;

const FOLDERS: usize = 40;
const IN_FOLDER: usize = 20;
const IN_FLIGHT: usize = 64;

fn names() -> impl Iterator<Item = String> {
    (0..FOLDERS).flat_map(|dir| (0..IN_FOLDER).map(move |n| format!("line-{dir:02}/{n:03}.jpg")))
}

async fn cloud() -> SmallCloud {
    let seeds = names().map(|name| Seed::new(name, "x"));
    SmallCloud::builder().blobs(seeds).start().await.unwrap()
}

fn store(cloud: &SmallCloud) -> AzureStore {
    cloud.store(&cloud.connection().build().unwrap()).unwrap()
}

/// Returns a scan of 200 pages of four blobs.
fn scan(cloud: &SmallCloud) -> Scan {
    let scan = Scan::new(store(cloud), &Prefix::default()).in_flight(IN_FLIGHT);
    scan.page_size(4.try_into().unwrap())
}

/// Returns cuts that allow all requests in flight from the start.
fn cuts() -> impl Iterator<Item = String> {
    let cuts = (1..IN_FLIGHT).map(|n| n * FOLDERS * IN_FOLDER / IN_FLIGHT);
    cuts.map(|n| format!("line-{:02}/{:03}", n / IN_FOLDER, n % IN_FOLDER))
}

async fn listed(scan: Scan) -> Vec<String> {
    let name = |verdict: azure_asset_sync::Verdict| verdict.name().unwrap().to_owned();
    let mut names: Vec<_> = scan.verdicts().map_ok(name).try_collect().await.unwrap();
    names.sort();
    names
}

fn listings(cloud: &SmallCloud) -> Vec<LoggedRequest> {
    cloud.log().into_iter().filter(|request| !request.is_sign_in()).collect()
}

/// Asserts that the retries stay within the retry budget. The budget starts with one retry for each
/// request in flight and ten more, and grows by a tenth for each success and by one a second.
fn assert_retries_are_bounded(cloud: &SmallCloud, elapsed: Duration) {
    let listings = listings(cloud);
    let well = listings.iter().filter(|request| request.status == Some(200)).count();
    let most = IN_FLIGHT + 10 + well / 10 + elapsed.as_secs() as usize + 1;
    let refused = listings.len() - well;
    println!("{well} answered and {refused} refused in {elapsed:.1?}, at most {most} allowed");
    assert!(refused > 0, "nothing was refused");
    assert!(refused <= most, "{refused} refused, at most {most} allowed");
}

#[test]
fn a_service_that_accepts_few_concurrent_requests_is_listed_completely() {
    for (status, code) in [(503, "ServerBusy"), (500, "OperationTimedOut")] {
        for cuts in [Vec::new(), cuts().collect()] {
            silence::run(async {
                let cloud = cloud().await;
                cloud.limit_concurrency(4, silence::STEP / 2, Refusal::new(status, code));
                let start = Instant::now();
                let deadline = Duration::from_secs(3600);
                let names = listed(scan(&cloud).cuts(cuts).page_deadline(deadline)).await;
                assert!(names == self::names().collect::<Vec<_>>(), "{code}: {}", names.len());
                assert_retries_are_bounded(&cloud, start.elapsed());
            });
        }
    }
}

#[test]
fn a_service_that_is_busy_for_a_while_is_listed_completely() {
    for (status, code) in [(503, "ServerBusy"), (500, "OperationTimedOut")] {
        silence::run(async {
            let cloud = cloud().await;
            let wait = Duration::from_secs(2);
            for n in 0..100 {
                let refusal = Refusal::new(status, code);
                cloud.inject(Fault::Refuse(if n % 10 == 0 {
                    refusal.retry_after(wait)
                } else {
                    refusal
                }));
            }
            let start = Instant::now();
            let names = listed(scan(&cloud).cuts(cuts())).await;
            assert!(names == self::names().collect::<Vec<_>>(), "{code}: {}", names.len());
            assert_retries_are_bounded(&cloud, start.elapsed());
        });
    }
}

#[test]
fn a_scan_of_a_service_that_stays_busy_gives_up_after_few_requests() {
    for cuts in [Vec::new(), cuts().collect()] {
        let at_once = cuts.len() + 1;
        silence::run(async {
            let cloud = cloud().await;
            cloud.inject_always(Some(Fault::Refuse(Refusal::new(503, "ServerBusy"))));
            let start = Instant::now();
            let error = scan(&cloud).cuts(cuts).run(()).await.unwrap_err();
            let (elapsed, sent) = (start.elapsed(), listings(&cloud).len());
            println!("{at_once} at once: {sent} requests, given up after {elapsed:.1?}: {error}");
            assert_eq!(error.kind(), ErrorKind::Throttled, "{error}");
            let most = at_once + IN_FLIGHT + 10 + elapsed.as_secs() as usize + 1;
            assert!(sent <= most, "{sent} requests, at most {most} allowed");
            assert!(elapsed <= Duration::from_secs(181), "{elapsed:?}");
        });
    }
}

const FEW: usize = 16;
const PREFETCH: usize = 3;
/// How many guesses of a cut can be wrong.
const GUESSES: usize = 16;

#[test]
fn a_consumer_that_stops_reading_stops_the_requests() {
    silence::run(async {
        let cloud = cloud().await;
        let scan = scan(&cloud).in_flight(FEW).prefetch(PREFETCH);
        let progress = scan.progress();
        let mut verdicts = scan.verdicts();
        let mut taken = 0;
        for step in [1, 4, 100, 200] {
            for _ in 0..step {
                verdicts.try_next().await.unwrap().unwrap();
                taken += 1;
            }
            sleep(Duration::from_secs(20)).await;
            let listings = listings(&cloud);
            // A request that searches for cuts lists no page.
            let is_look = |request: &&LoggedRequest| {
                request.query.contains("delimiter=") || request.query.ends_with("maxresults=1")
            };
            let looks = listings.iter().filter(is_look).count();
            let pages = listings.len() - looks;
            // A wrong guess of a cut lists no page either, and frees no place for another one.
            let taken_pages = progress.report().pages as usize + 1;
            let most = taken_pages + FEW + PREFETCH + GUESSES;
            println!(
                "{taken} verdicts taken: {pages} pages asked for, {most} may be, and {looks} looks"
            );
            assert!(pages <= most, "{pages} pages, at most {most} allowed");
            assert!(looks <= 2 * FEW, "{looks} looks");
            sleep(Duration::from_secs(60)).await;
            assert_eq!(self::listings(&cloud).len(), listings.len(), "the scan has continued");
        }
    });
}

#[test]
fn a_dropped_stream_closes_its_connections_and_sends_nothing_more() {
    for is_silent in [false, true] {
        silence::run(async {
            let cloud = cloud().await;
            let scan = scan(&cloud).in_flight(FEW).cuts(cuts());
            let mut verdicts = scan.verdicts();
            // The parallel listing starts when enough names have shown that they are ascending.
            for _ in 0..64 {
                verdicts.try_next().await.unwrap().unwrap();
            }
            if is_silent {
                cloud.inject_always(Some(Fault::Stall));
                for _ in 0..(FEW + PREFETCH) * 4 {
                    // Without waiting, so that as many requests as possible are in flight.
                    tokio::select! {
                        biased;
                        verdict = verdicts.try_next() => drop(verdict.unwrap().unwrap()),
                        () = sleep(Duration::from_secs(1)) => break,
                    }
                }
                let unanswered =
                    listings(&cloud).iter().filter(|request| request.status.is_none()).count();
                assert!(unanswered >= FEW / 2, "only {unanswered} requests are in flight");
            }
            assert!(cloud.connections() > 1, "{} connections", cloud.connections());
            drop(verdicts);
            sleep(Duration::from_secs(1)).await;
            let sent = cloud.requests();
            assert_eq!(cloud.connections(), 0, "connections are open");
            sleep(Duration::from_secs(60)).await;
            assert_eq!(cloud.requests(), sent, "requests were sent");
        });
    }
}
