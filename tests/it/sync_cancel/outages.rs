//! Cancelling and pausing runs over HTTP while storage or the authority is down.

use std::time::Duration;

use azure_asset_sync::{
    AzureStore, Credential, ErrorKind, Prefix, Scan,
    sync::Phase,
    testing::{Fault, Refusal, Seed, SignInRefusal, SmallCloud, TestDisk, trust},
};
use tokio::time::sleep;

use super::cancelled;
use crate::{
    refused_port::RefusedPort,
    scripted_server::{Trap, connection},
    silence,
};

/// The most time that a cancellation may take, and one step of the clock.
const MOST: Duration = Duration::from_secs(1);

fn store(cloud: &SmallCloud) -> AzureStore {
    cloud.store(&cloud.connection().build().unwrap()).unwrap()
}

async fn cloud() -> SmallCloud {
    let seeds = (0..50).map(|n| Seed::new(format!("{n:02}.jpg"), "x"));
    SmallCloud::builder().blobs(seeds).start().await.unwrap()
}

fn scan(store: AzureStore) -> Scan {
    Scan::new(store, &Prefix::default()).page_size(10.try_into().unwrap())
}

/// Returns a store whose storage and authority are at this address.
fn store_at(address: std::net::SocketAddr) -> AzureStore {
    let connection = connection(&address.to_string(), &address.to_string());
    let client_id = "22222222-2222-4222-8222-222222222222".to_owned();
    let credential = Credential::ClientSecret { client_id, secret: "secret".into() };
    AzureStore::builder(&connection).policy(trust(&connection)).build(credential).unwrap()
}

#[test]
fn a_run_is_cancelled_within_a_second_while_storage_is_down() {
    let busy = |wait| Refusal::new(503, "ServerBusy").retry_after(Duration::from_secs(wait));
    let faults = [
        Fault::Stall,
        Fault::StallAfter(20),
        Fault::Refuse(busy(120)),
        Fault::Refuse(busy(1)),
        Fault::Close,
        Fault::Reset,
    ];
    for fault in faults {
        for in_flight in [1, 8] {
            silence::run(async {
                let (cloud, disk) = (cloud().await, TestDisk::new(10));
                cloud.inject_always(Some(fault.clone()));
                let run = disk.job(scan(store(&cloud)).in_flight(in_flight)).start(());
                sleep(Duration::from_secs(20)).await;
                assert_eq!(run.status().phase, Phase::Listing, "{fault:?}: {:?}", run.outcome());
                assert!(cloud.requests() > 0, "{fault:?}");
                let (time, summary) = cancelled(&run).await;
                assert!(time <= MOST, "{fault:?}: {time:?}");
                // The next run resumes it.
                cloud.inject_always(None);
                let again = disk.job(scan(store(&cloud))).run(()).await.unwrap();
                assert_eq!((again.run, again.counts.added), (summary.run, 50), "{fault:?}");
            });
        }
    }
}

#[test]
fn a_run_is_cancelled_within_a_second_while_nobody_can_sign_in() {
    silence::run(async {
        let hanging = Trap::set();
        let refused = RefusedPort::bind();
        let cloud = cloud().await;
        let busy = SignInRefusal::new(429, "temporarily_unavailable", 90055, "Too many requests.");
        cloud.always_refuse_sign_in(Some(busy.retry_after(Duration::from_secs(120))));
        let stores = [
            ("hanging", store_at(hanging.address())),
            ("refused", store_at(refused.address())),
            ("busy", store(&cloud)),
        ];
        for (what, store) in stores {
            let run = TestDisk::new(10).job(scan(store)).start(());
            sleep(Duration::from_secs(20)).await;
            assert_eq!(run.status().phase, Phase::Listing, "{what}: {:?}", run.outcome());
            let (time, _) = cancelled(&run).await;
            assert!(time <= MOST, "{what}: {time:?}");
        }
    });
}

#[test]
fn a_pause_is_a_way_through_an_outage_that_would_fail_the_run() {
    let busy = Refusal::new(503, "ServerBusy").retry_after(Duration::from_secs(20));
    for pauses in [false, true] {
        silence::run(async {
            let (cloud, disk) = (cloud().await, TestDisk::new(10));
            cloud.inject_always(Some(Fault::Refuse(busy.clone())));
            let run = disk.job(scan(store(&cloud))).start(());
            sleep(Duration::from_secs(60)).await;
            if pauses {
                run.pause();
                assert_eq!(run.status().phase, Phase::Paused);
                sleep(MOST).await;
            }
            let requests = cloud.requests();
            sleep(Duration::from_secs(130)).await;
            assert_eq!(cloud.requests() == requests, pauses);
            cloud.inject_always(None);
            run.resume();
            match run.wait().await.into_result() {
                Ok(summary) => assert_eq!((pauses, summary.counts.added), (true, 50)),
                Err(error) => assert_eq!((pauses, error.kind()), (false, ErrorKind::Throttled)),
            }
        });
    }
}
