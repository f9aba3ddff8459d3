//! Scripted runs, and the names of the spans and events that each of them emits.

use std::{panic::AssertUnwindSafe, pin::Pin, time::Duration};

use azure_asset_sync::{
    AzureStore, Backoff, Blob, Connection, Credential, Endpoint, Error, ErrorKind, HostPolicy,
    LinkRequest, MemoryStore, Prefix, Preview, Probe, Scan, Store,
    probe::WaitOptions,
    sink::{Batch, Delivery, Sink},
    store::{Inspect as _, ListRequest, NameOrder, Page, Question, ReadRequest},
    sync::{Ending, Job},
    testing::{Fault, ManualClock, Refusal, Seed, SmallCloud, TestDisk},
};
use bytes::Bytes;
use futures::{FutureExt as _, StreamExt as _};

use crate::odd_store::{Listing, OddStore};

type Run = fn() -> Pin<Box<dyn Future<Output = ()>>>;

/// The runs: a name, the distinct spans and events in alphabetical order, and how to run it.
pub const RUNS: &[(&str, &str, Run)] = &[
    ("scan", "ended page scan token_fetched", || Box::pin(scan())),
    ("parallel", "ended page scan split token_fetched", || Box::pin(parallel())),
    ("throttle", "ended page retry scan throttle token_fetched", || {
        Box::pin(fault(Fault::Refuse(Refusal::new(503, "ServerBusy"))))
    }),
    ("retry", "ended page retry scan token_fetched", || Box::pin(fault(Fault::Close))),
    ("failure", "failed page scan token_fetched", || Box::pin(failure())),
    ("dropped", "ended page scan", || Box::pin(dropped())),
    ("panicked", "ended page scan", || Box::pin(panicked())),
    ("order", "ended order_changed page scan", || Box::pin(order())),
    ("read", "read token_fetched", || Box::pin(read())),
    ("links", "token_fetched view_link_key", || Box::pin(links())),
    ("probe", "check ended probe read token_fetched view_link_key", || Box::pin(probe())),
    ("wait", "check ended probe_retry probe_wait", || Box::pin(wait())),
    ("preview", "ended page preview scan", || Box::pin(preview())),
    (
        "job",
        "checkpoint commit ended job job_started page scan state_locked state_released",
        || Box::pin(job()),
    ),
    (
        "withheld",
        "checkpoint ended job job_started page removals_withheld scan state_locked state_released",
        || Box::pin(withheld()),
    ),
    ("cancelled", "ended job job_started state_locked state_released", || Box::pin(cancelled())),
    (
        "resumed",
        "checkpoint commit ended failed job job_started page scan state_locked state_released",
        || Box::pin(resumed()),
    ),
    (
        "relisted",
        "checkpoint commit ended failed job job_started page relist scan state_locked state_released",
        || Box::pin(relisted()),
    ),
    (
        "busy",
        "checkpoint commit ended failed job job_started page scan state_busy state_locked state_released",
        || Box::pin(busy()),
    ),
    ("renewal", "token_fetched token_renewed", || Box::pin(renewal())),
    ("no token", "failed page scan token_failed", || Box::pin(no_token())),
    ("refused host", "host_refused", || Box::pin(refused_host())),
    ("refused address", "host_refused", || Box::pin(refused_address())),
];

fn memory(names: &[&str]) -> MemoryStore {
    names.iter().map(|name| Blob::new(*name, 10)).collect()
}

pub fn memory_scan(names: &[&str]) -> Scan {
    Scan::new(memory(names), &Prefix::default())
}

/// Returns a cloud with this number of images.
pub async fn cloud(images: usize) -> SmallCloud {
    let seeds = (0..images).map(|n| Seed::new(format!("hall/{n:03}.jpg"), "xyz"));
    SmallCloud::builder().blobs(seeds).start().await.unwrap()
}

pub fn store(cloud: &SmallCloud) -> AzureStore {
    cloud.store(&cloud.connection().build().unwrap()).unwrap()
}

pub fn scan_of(store: AzureStore) -> Scan {
    let backoff = Backoff::new(Duration::from_millis(1), Duration::from_millis(4));
    Scan::new(store, &Prefix::default()).backoff(backoff)
}

async fn scan() {
    let cloud = cloud(3).await;
    scan_of(store(&cloud)).run(()).await.unwrap();
}

async fn parallel() {
    let cloud = cloud(200).await;
    let scan = scan_of(store(&cloud)).in_flight(8).page_size(4.try_into().unwrap());
    scan.run(()).await.unwrap();
}

/// Lists a cloud whose first answer to a request for a page is a fault.
pub async fn fault(fault: Fault) {
    let cloud = cloud(3).await;
    let store = store(&cloud);
    store.inspect(Question::Token).await.unwrap();
    cloud.inject(fault);
    scan_of(store).run(()).await.unwrap();
}

async fn failure() {
    let cloud = cloud(3).await;
    cloud.unassign_all();
    scan_of(store(&cloud)).run(()).await.unwrap_err();
}

async fn dropped() {
    let mut verdicts = memory_scan(&["a.jpg", "b.jpg"]).verdicts();
    verdicts.next().await.unwrap().unwrap();
}

/// A store with a fault.
struct Faulty;

#[async_trait::async_trait]
impl Store for Faulty {
    async fn list(&self, _: ListRequest) -> Result<Page, Error> {
        panic!("a store with a fault");
    }

    async fn read(&self, _: ReadRequest) -> Result<Bytes, Error> {
        unreachable!("a scan reads nothing");
    }
}

async fn panicked() {
    let run = Scan::new(Faulty, &Prefix::default()).run(());
    AssertUnwindSafe(run).catch_unwind().await.unwrap_err();
}

async fn order() {
    let names = (0..200).map(|n| format!("{n:03}.jpg"));
    let store = OddStore::new(names, Listing::Reversed, 20);
    Scan::new(store, &Prefix::default()).in_flight(4).run(()).await.unwrap();
}

async fn read() {
    let cloud = cloud(1).await;
    store(&cloud).read(ReadRequest::new("hall/000.jpg", 0..2)).await.unwrap();
}

async fn links() {
    let cloud = cloud(2).await;
    let links = store(&cloud).view_links().unwrap();
    for name in ["hall/000.jpg", "hall/001.jpg"] {
        links.link(LinkRequest::new(name)).await.unwrap();
    }
}

async fn probe() {
    let cloud = cloud(1).await;
    let connection = cloud.connection().build().unwrap();
    let health = Probe::new(&connection, store(&cloud)).view_links().run().await;
    assert!(health.is_ready(), "{health}");
}

pub fn connection() -> Connection {
    let builder = Connection::builder("hall 3").account("contoso").container("training");
    builder.prefix("hall-3/").build().unwrap()
}

async fn wait() {
    let store = memory(&["hall-3/a.jpg"]);
    let probe = Probe::of_store(&connection(), store).clock(ManualClock::auto_advancing());
    let options = WaitOptions::new(Duration::from_secs(600)).successes(2);
    probe.wait(options).ended().await.unwrap();
}

async fn preview() {
    Preview::new(memory_scan(&["a.jpg"])).run().await.unwrap();
}

async fn job() {
    let disk = TestDisk::new(10);
    disk.job(memory_scan(&["a.jpg", "b.txt"])).run(()).await.unwrap();
}

async fn withheld() {
    let disk = TestDisk::new(10);
    let first = disk.job(memory_scan(&["a.jpg", "b.jpg"])).run(());
    // Not observed: only the second run matters.
    unobserved(first).await.unwrap();
    let summary = disk.job(memory_scan(&[])).run(()).await.unwrap();
    assert_eq!(summary.ending, Ending::RemovalsWithheld { missing: 2, of: 2 });
}

/// Runs a future whose spans and events are not seen.
async fn unobserved<T>(future: impl Future<Output = T>) -> T {
    use tracing::instrument::WithSubscriber as _;
    future.with_subscriber(tracing::subscriber::NoSubscriber::default()).await
}

async fn cancelled() {
    let disk = TestDisk::new(10);
    let run = disk.job(memory_scan(&["a.jpg"])).start(());
    run.cancel();
    assert_eq!(run.await.into_result().unwrap().ending, Ending::Cancelled);
}

/// A sink that fails.
struct Full;

#[async_trait::async_trait]
impl Sink for Full {
    async fn accept(&mut self, _: Batch<'_>) -> Result<(), Error> {
        Err(Error::new(ErrorKind::Sink, "the disk is full"))
    }

    async fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }

    async fn finish(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn delivery(&self) -> Delivery {
        Delivery::Idempotent
    }
}

async fn resumed() {
    let disk = TestDisk::new(10);
    disk.job(memory_scan(&["a.jpg"])).run(Full).await.unwrap_err();
    assert!(disk.job(memory_scan(&["a.jpg"])).run(()).await.unwrap().is_resumed);
}

async fn relisted() {
    let disk = TestDisk::new(10);
    let names = (0..200).map(|n| format!("{n:03}.jpg"));
    let store = OddStore::new(names, Listing::Reversed, 20);
    let summary = disk.job(Scan::new(store, &Prefix::default())).run(()).await.unwrap();
    assert_eq!(summary.order, Some(NameOrder::Unsorted));
}

async fn busy() {
    let folder = tempfile::tempdir().unwrap();
    let job = || Job::new(memory_scan(&["a.jpg"]), folder.path());
    let first = job().start(());
    first.pause();
    while first.status().run.is_none() {
        tokio::task::yield_now().await;
    }
    job().run(()).await.unwrap_err();
    first.resume();
    first.await.into_result().unwrap();
}

async fn renewal() {
    let cloud = cloud(1).await;
    let store = store(&cloud);
    store.list(ListRequest::new("")).await.unwrap();
    cloud.expire_tokens();
    store.list(ListRequest::new("")).await.unwrap();
}

async fn no_token() {
    let cloud = cloud(1).await;
    cloud.refuse_sign_in(401, "invalid_client", 7_000_215, "Invalid client secret provided.");
    scan_of(store(&cloud)).run(()).await.unwrap_err();
}

async fn refused_host() {
    let endpoint = Endpoint::new("https://storage.evil.test").unwrap();
    let connection = Connection::builder("x").account("contoso").container("training");
    let connection = connection.cloud(endpoint.into()).build().unwrap();
    AzureStore::new(&connection, Credential::Anonymous).unwrap_err();
}

async fn refused_address() {
    let store = AzureStore::builder(&connection())
        .policy(HostPolicy::azure())
        .resolve_by(|_| Ok(vec!["127.0.0.1:0".parse().unwrap()]))
        .build(Credential::Anonymous)
        .unwrap();
    store.inspect(Question::Addresses).await.unwrap_err();
}
