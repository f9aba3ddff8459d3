//! All stores of this crate pass the public conformance suite.

use azure_asset_sync::{
    AzureStore, MemoryStore,
    testing::{
        Seed, SmallCloud,
        conformance::{Names, check, seed},
        trust,
    },
};

fn assert_all(cases: Vec<azure_asset_sync::testing::conformance::Case>) {
    assert_eq!(cases.len(), 18);
    let broken: Vec<_> = cases.iter().filter(|case| case.outcome.is_err()).collect();
    assert!(broken.is_empty(), "{broken:#?}");
}

#[tokio::test]
async fn the_memory_store_conforms() {
    let store = MemoryStore::new();
    for (name, content) in seed(Names::Any) {
        store.put(name, content);
    }
    assert_all(check(&store, Names::Any).await);
}

async fn cloud() -> SmallCloud {
    let seeds = seed(Names::Any).into_iter().map(|(name, content)| Seed::new(name, content));
    SmallCloud::builder().blobs(seeds).start().await.unwrap()
}

#[tokio::test]
async fn the_azure_store_conforms_with_a_token() {
    let cloud = cloud().await;
    let store = cloud.store(&cloud.connection().build().unwrap()).unwrap();
    assert_all(check(&store, Names::Any).await);
}

#[tokio::test]
async fn the_azure_store_conforms_with_a_signature() {
    let cloud = cloud().await;
    let connection = cloud.connection().build().unwrap();
    let store = AzureStore::builder(&connection)
        .policy(trust(&connection))
        .certificate_authority(cloud.certificate_authority())
        .build(cloud.sas())
        .unwrap();
    assert_all(check(&store, Names::Any).await);
}
