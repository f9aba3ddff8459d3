//! This crate: a scan, a job, and the store alone.

use std::{fs, num::NonZeroUsize};

use azure_asset_sync::{
    AzureStore, Cloud, Connection, Credential, Endpoint, HostPolicy, Prefix, Scan, Store as _,
    Verdict, scan::Order, sink::callback, store::ListRequest, sync::Job,
};
use azure_asset_sync_peers::{ACCOUNT, CONTAINER, Error, SIGNATURE, Tally};
use futures::StreamExt as _;

use crate::Options;

/// The number of names between two cuts: two cuts for each page.
const EVERY: u64 = 2500;

/// Returns the scan of the command line.
fn scan(options: &Options) -> Result<Scan, Error> {
    let order = if options.ordered { Order::Ascending } else { Order::AsCompleted };
    let in_flight = options.in_flight.map_or(1, NonZeroUsize::get);
    let scan =
        Scan::new(store(&options.url)?, &Prefix::default()).in_flight(in_flight).order(order);
    let Some(file) = &options.cuts else { return Ok(scan) };
    Ok(scan.cuts(fs::read_to_string(file)?.lines()))
}

/// Lists the container, and writes cuts if the command line says so.
pub async fn list(options: &Options) -> Result<Tally, Error> {
    let scan = scan(options)?;
    let Some(file) = &options.write_cuts else { return verdicts(scan, options, |_, _| {}).await };
    let mut cuts = String::new();
    let cut = |n: u64, name: &str| {
        if n.is_multiple_of(EVERY) {
            cuts.push_str(name);
            cuts.push('\n');
        }
    };
    let tally = verdicts(scan.order(Order::Ascending), options, cut).await?;
    fs::write(file, cuts)?;
    Ok(tally)
}

/// Consumes the public stream of verdicts, and calls `see` with the number and the name of each
/// blob.
async fn verdicts(
    scan: Scan,
    options: &Options,
    mut see: impl FnMut(u64, &str),
) -> Result<Tally, Error> {
    let mut tally = Tally::default();
    let mut verdicts = scan.verdicts();
    while options.consume != Some(tally.blobs)
        && let Some(verdict) = verdicts.next().await
    {
        let verdict = verdict?;
        let (name, size) = match &verdict {
            Verdict::Accept(asset) => (asset.blob.name.as_str(), asset.blob.size),
            Verdict::Reject(rejection) => (
                rejection.name.as_deref().ok_or("a blob has no name")?,
                rejection.size.ok_or("a blob has no size")?,
            ),
        };
        tally.add(name, size);
        see(tally.blobs, name);
        if !options.pause.is_zero() {
            tokio::time::sleep(options.pause).await;
        }
    }
    Ok(tally)
}

/// Runs a job and returns the number of changes that it reports.
pub async fn sync(options: &Options) -> Result<u64, Error> {
    let mut changes = 0;
    let sink = callback(|_| {
        changes += 1;
        Ok(())
    });
    let state = options.state.as_ref().ok_or("--state is missing")?;
    Job::new(scan(options)?, state).run(sink).await?;
    Ok(changes)
}

/// Lists with the store alone, without rules and without requests ahead of the consumer.
pub async fn pages(options: &Options) -> Result<Tally, Error> {
    let store = store(&options.url)?;
    let mut tally = Tally::default();
    let mut request = ListRequest::new("");
    loop {
        let page = store.list(request.clone()).await?;
        page.blobs.iter().for_each(|blob| tally.add(&blob.name, blob.size));
        request.marker = page.next;
        if request.marker.is_none() {
            return Ok(tally);
        }
    }
}

/// Returns a store for the server.
fn store(url: &str) -> Result<AzureStore, Error> {
    let endpoint = Endpoint::new(&format!("{url}/{ACCOUNT}"))?;
    let connection = Connection::builder("benchmark")
        .account(ACCOUNT)
        .container(CONTAINER)
        .cloud(Cloud::Custom(endpoint))
        .build()?;
    let policy = HostPolicy::azure().allow_endpoint(url)?;
    let store = AzureStore::builder(&connection).policy(policy);
    Ok(store.build(Credential::Sas(SIGNATURE.into()))?)
}
