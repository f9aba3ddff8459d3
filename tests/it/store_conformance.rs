//! All stores of this crate pass the public conformance suite, and the suite can be told what a store
//! is known not to support.

use azure_asset_sync::{
    AzureStore, Error, MemoryStore, Store,
    store::{ListRequest, Page, ReadRequest},
    testing::{
        Seed, SmallCloud,
        conformance::{Case, Conformance, Names, check, seed},
        trust,
    },
};
use bytes::Bytes;

fn assert_all(cases: Vec<Case>) {
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

/// A store that lists one name wrongly.
struct Renames(MemoryStore);

#[async_trait::async_trait]
impl Store for Renames {
    async fn list(&self, request: ListRequest) -> Result<Page, Error> {
        let mut page = self.0.list(request).await?;
        for blob in page.blobs.iter_mut().filter(|blob| blob.name == "trailing.dot.") {
            blob.name.pop();
        }
        Ok(page)
    }

    async fn read(&self, request: ReadRequest) -> Result<Bytes, Error> {
        let mut request = request;
        request.name = request.name.replace("//", "/");
        self.0.read(request).await
    }
}

fn failed(cases: &[Case]) -> Vec<&str> {
    cases.iter().filter(|case| case.outcome.is_err()).map(|case| case.name).collect()
}

#[tokio::test]
async fn the_suite_can_be_told_which_rules_are_broken() {
    let store = Renames(MemoryStore::new());
    let suite = Conformance::new(Names::Any);
    for (name, content) in suite.seed() {
        store.0.put(name, content);
    }
    let broken = suite.check(&store).await;
    let rules = ["every_name_is_listed_exactly_as_stored", "any_name_can_be_read"];
    for rule in rules {
        assert!(failed(&broken).contains(&rule), "{broken:#?}");
    }

    // Every broken rule is excepted, so all pass, with the reason.
    let known: Vec<_> = failed(&broken).into_iter().map(|rule| (rule, "it renames")).collect();
    let cases = suite.clone().except(known.clone()).check(&store).await;
    assert_eq!(failed(&cases), [""; 0], "{cases:#?}");
    for case in &cases {
        let is_known = known.iter().any(|(rule, _)| *rule == case.name);
        let exception = case.exception.as_deref();
        assert_eq!(exception.is_some_and(|why| why.starts_with("it renames: ")), is_known);
    }

    // One exception less, one too many, and one for no rule.
    let (one, others) = known.split_first().unwrap();
    let cases = suite.clone().except(others.to_vec()).check(&store).await;
    assert_eq!(failed(&cases), [one.0]);
    let cases = suite.clone().except(known.clone()).except([("every_blob_has_an_etag", "no")]);
    let cases = cases.check(&store).await;
    assert_eq!(failed(&cases), ["every_blob_has_an_etag"]);
    let cases = suite.except(known).except([("every_blob_has_a_tag", "no")]).check(&store).await;
    assert_eq!(failed(&cases), ["every_exception_is_of_a_rule"]);
    assert!(format!("{cases:?}").contains("the suite has no rule `every_blob_has_a_tag`"));
}

#[tokio::test]
async fn a_name_that_was_left_out_must_not_be_read_as_another() {
    let store = Renames(MemoryStore::new());
    let suite = Conformance::new(Names::Portable)
        .without(|name| name == "a//b.jpg" || name == "trailing.dot." || name == "a.jpg");
    // `a.jpg` is the sample of many rules.
    assert_eq!(suite.left_out(), ["a//b.jpg", "trailing.dot."]);
    for (name, content) in suite.seed() {
        store.0.put(name, content);
    }
    store.0.put("trailing.dot.", "another");
    let cases = suite.check(&store.0).await;
    assert!(failed(&cases).contains(&"a_name_that_was_left_out_is_refused"), "{cases:#?}");
    store.0.remove("trailing.dot.");
    assert_all(suite.check(&store.0).await);
    // This store reads `a/b.jpg` instead of `a//b.jpg`.
    assert_eq!(failed(&suite.check(&store).await), ["a_name_that_was_left_out_is_refused"]);
}
