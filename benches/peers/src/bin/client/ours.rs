//! The library that all of this is about.

use std::num::NonZeroUsize;

use azure_asset_sync::{
    AzureStore, Cloud, Connection, Credential, Endpoint, Prefix, Scan, Store as _, Verdict,
    scan::Order, store::ListRequest,
};
use azure_asset_sync_peers::{ACCOUNT, CONTAINER, Error, SIGNATURE, Tally};
use futures::TryStreamExt as _;

use crate::Options;

/// The scan that is measured, with what the command line asks of it
fn scan(options: &Options) -> Result<Scan, Error> {
    let order = if options.ordered { Order::Ascending } else { Order::AsCompleted };
    let in_flight = options.in_flight.map_or(1, NonZeroUsize::get);
    Ok(Scan::new(store(&options.url)?, &Prefix::default()).in_flight(in_flight).order(order))
}

/// The public stream: validated descriptors, one at a time
pub async fn verdicts(options: &Options) -> Result<Tally, Error> {
    let mut tally = Tally::default();
    let mut verdicts = scan(options)?.verdicts();
    while let Some(verdict) = verdicts.try_next().await? {
        match &verdict {
            Verdict::Accept(asset) => tally.add(&asset.blob.name, asset.blob.size),
            Verdict::Reject(rejection) => {
                let name = rejection.name.as_deref().ok_or("a blob has no name")?;
                tally.add(name, rejection.size.ok_or("a blob has no size")?);
            }
        }
    }
    Ok(tally)
}

/// The store alone: pages, neither validated nor ahead of the consumer
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

fn store(url: &str) -> Result<AzureStore, Error> {
    let endpoint = Endpoint::new(&format!("{url}/{ACCOUNT}"))?;
    let connection = Connection::builder("benchmark")
        .account(ACCOUNT)
        .container(CONTAINER)
        .cloud(Cloud::Custom(endpoint))
        .build()?;
    Ok(AzureStore::new(&connection, Credential::Sas(SIGNATURE.into()))?)
}
