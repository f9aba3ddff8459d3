//! The peers, each used as its documentation shows.

use azure_asset_sync_peers::{ACCOUNT, CONTAINER, Error, SIGNATURE, Tally};
use azure_storage_blob::BlobContainerClient;
use futures::StreamExt as _;
use object_store::{
    ObjectStore as _,
    azure::{AzureConfigKey, MicrosoftAzureBuilder},
};
use opendal::{Operator, services::Azblob};

/// Lists with object_store.
pub async fn object_store(url: &str) -> Result<Tally, Error> {
    let store = MicrosoftAzureBuilder::new()
        .with_account(ACCOUNT)
        .with_container_name(CONTAINER)
        .with_endpoint(format!("{url}/{ACCOUNT}"))
        .with_config(AzureConfigKey::SasKey, SIGNATURE)
        .with_allow_http(true)
        .build()?;
    let mut tally = Tally::default();
    let mut list = store.list(None);
    while let Some(object) = list.next().await {
        let object = object?;
        tally.add(object.location.as_ref(), object.size);
    }
    Ok(tally)
}

/// Lists with OpenDAL.
pub async fn opendal(url: &str) -> Result<Tally, Error> {
    opendal_http_transport_reqwest::install_default();
    let builder = Azblob::default()
        .endpoint(&format!("{url}/{ACCOUNT}"))
        .account_name(ACCOUNT)
        .container(CONTAINER)
        .sas_token(SIGNATURE);
    let mut tally = Tally::default();
    let mut list = Operator::new(builder)?.lister_with("/").recursive(true).await?;
    while let Some(entry) = list.next().await {
        let entry = entry?;
        if entry.metadata().is_file() {
            tally.add(entry.path(), entry.metadata().content_length());
        }
    }
    Ok(tally)
}

/// Lists with the official SDK.
pub async fn azure_storage_blob(url: &str) -> Result<Tally, Error> {
    let mut tally = Tally::default();
    let mut list = container(url)?.list_blobs(None)?;
    while let Some(blob) = list.next().await {
        let blob = blob?;
        let size = blob.properties.and_then(|properties| properties.content_length);
        let name = blob.name.ok_or("a blob has no name")?;
        tally.add(&name, size.ok_or("a blob has no size")?);
    }
    Ok(tally)
}

/// Reads pages with the official SDK without decoding them, and returns their size in bytes.
pub async fn azure_storage_blob_pages(url: &str) -> Result<u64, Error> {
    let mut bytes = 0;
    let mut pages = container(url)?.list_blobs(None)?.into_pages();
    while let Some(page) = pages.next().await {
        let page = page?;
        bytes += page.into_body().len() as u64;
    }
    Ok(bytes)
}

/// Returns a client for the container.
fn container(url: &str) -> Result<BlobContainerClient, Error> {
    let url = format!("{url}/{ACCOUNT}/{CONTAINER}?{SIGNATURE}");
    Ok(BlobContainerClient::new(url.parse()?, None, None)?)
}
