//! Compares this SDK with the official one on 10,000 unusual names in the emulator Azurite.

#[path = "../../../tests/it/azurite/harness.rs"]
mod harness;
#[path = "../../../tests/it/azurite/odd_names.rs"]
mod odd_names;

use std::{collections::BTreeSet, sync::Arc};

use azure_asset_sync::{
    AzureStore, Cloud, Connection, Credential, Endpoint, Prefix, Scan, Store, Verdict,
};
use azure_asset_sync_azure_storage_blobs::LegacyStore;
use azure_core::{RetryOptions, TransportOptions};
use azure_storage::{CloudLocation, StorageCredentials};
use azure_storage_blobs::prelude::ClientBuilder;
use futures::TryStreamExt as _;

use self::harness::{ACCOUNT, Azurite, SECRET, Seed, TENANT, Token};

const CONTAINER: &str = "assets";

fn legacy(azurite: &Azurite) -> LegacyStore {
    let pem = azurite.certificate_authority().as_bytes();
    let client = reqwest::Client::builder()
        .add_root_certificate(reqwest::Certificate::from_pem(pem).unwrap())
        .build()
        .unwrap();
    let location =
        CloudLocation::Custom { account: ACCOUNT.to_owned(), uri: azurite.endpoint(ACCOUNT) };
    let client = ClientBuilder::with_location(
        location,
        StorageCredentials::bearer_token(Token::Valid.issue()),
    )
    .retry(RetryOptions::none())
    .transport(TransportOptions::new(Arc::new(client)))
    .container_client(CONTAINER);
    LegacyStore::new(client)
}

fn official(azurite: &Azurite) -> AzureStore {
    let endpoint = Endpoint::new(&azurite.endpoint(ACCOUNT)).unwrap();
    let connection = Connection::builder("azurite")
        .account(ACCOUNT)
        .container(CONTAINER)
        .tenant(TENANT)
        .cloud(Cloud::Custom(endpoint.with_authority(&azurite.sign_in()).unwrap()))
        .build()
        .unwrap();
    let credential =
        Credential::ClientSecret { client_id: Token::Valid.client_id(), secret: SECRET.into() };
    AzureStore::builder(&connection)
        .policy(azure_asset_sync::testing::trust(&connection))
        .certificate_authority(azurite.certificate_authority())
        .build(credential)
        .unwrap()
}

async fn names(store: impl Store + 'static) -> BTreeSet<String> {
    let verdicts = Scan::new(store, &Prefix::default()).verdicts();
    let name = |verdict: Verdict| async move { Ok(verdict.name().unwrap().to_owned()) };
    let names: Vec<String> = verdicts.and_then(name).try_collect().await.unwrap();
    let set: BTreeSet<_> = names.iter().cloned().collect();
    assert_eq!(set.len(), names.len(), "a name is listed twice");
    set
}

#[tokio::test]
async fn ten_thousand_names_differ_only_where_they_are_known_to() {
    let Some(azurite) = Azurite::start().await else { return };
    azurite.create_container(CONTAINER).await;
    azurite.seed(CONTAINER, odd_names::all().map(|name| Seed::new(name.clone(), name))).await;

    let official = names(official(&azurite)).await;
    let legacy = names(legacy(&azurite)).await;
    assert_eq!(official.len(), 10_000);
    // The SDK removes spaces at both ends, which is known. No other name may differ.
    let (cut, plain): (Vec<_>, Vec<_>) = official.into_iter().partition(|name| name.trim() != name);
    let wrong: BTreeSet<_> = cut.iter().map(|name| name.trim().to_owned()).collect();
    let expected: BTreeSet<_> = plain.iter().cloned().chain(wrong).collect();
    println!("{} names agree, {} differ as expected", plain.len(), cut.len());
    assert!(!cut.is_empty());
    let missing: Vec<_> = expected.difference(&legacy).take(20).collect();
    let extra: Vec<_> = legacy.difference(&expected).take(20).collect();
    assert!(legacy == expected, "missing {missing:?}, not expected {extra:?}");
}
