//! The conformance suite for stores, and the rules that this SDK is known to break.

use std::sync::Arc;

use azure_asset_sync::{
    Diagnosis, ErrorKind, Prefix, Reason, Scan, Store,
    probe::Cause,
    store::{ListRequest, ReadRequest},
    testing::{
        Fault, Refusal, Seed, SmallCloud,
        conformance::{Conformance, Names, seed},
    },
};
use azure_asset_sync_azure_storage_blobs::LegacyStore;
use azure_core::{
    RetryOptions, TransportOptions,
    auth::{AccessToken, TokenCredential},
};
use azure_storage::{CloudLocation, StorageCredentials};
use azure_storage_blobs::prelude::ClientBuilder;

/// The rules that the SDK breaks, and why.
const KNOWN: &[(&str, &str)] = &[
    ("every_name_is_listed_exactly_as_stored", "spaces at both ends of a name are removed"),
    ("names_ascend", "so the name is out of order"),
    ("sizes_are_those_of_the_content", "and has the size of a different name"),
    ("a_delimiter_is_supported_or_ignored", "and differs in folders too"),
    (
        "any_name_can_be_read",
        "a name with a slash at the end is refused, because a different blob would be read",
    ),
];

async fn cloud(names: Names) -> (SmallCloud, LegacyStore) {
    let seeds = seed(names).into_iter().map(|(name, content)| Seed::new(name, content));
    let cloud = SmallCloud::builder().blobs(seeds).start().await.unwrap();
    let store = store(&cloud);
    (cloud, store)
}

fn store(cloud: &SmallCloud) -> LegacyStore {
    let signature = format!("sv=2022-11-02&sp=rl&sig={}", cloud.signature());
    store_with(cloud, StorageCredentials::sas_token(signature).unwrap())
}

fn store_with(cloud: &SmallCloud, credentials: StorageCredentials) -> LegacyStore {
    let authority = reqwest::Certificate::from_pem(cloud.certificate_authority().as_bytes());
    let client = reqwest::Client::builder().add_root_certificate(authority.unwrap());
    let location = CloudLocation::Custom {
        account: "smallcloud".to_owned(),
        uri: format!("https://{}/smallcloud", cloud.address()),
    };
    let client = ClientBuilder::with_location(location, credentials)
        .retry(RetryOptions::none())
        .transport(TransportOptions::new(Arc::new(client.build().unwrap())))
        .container_client("assets");
    LegacyStore::new(client)
}

#[tokio::test]
async fn it_breaks_the_known_rules_and_no_others() {
    for names in [Names::Portable, Names::Any] {
        let (_cloud, store) = cloud(names).await;
        let suite = Conformance::new(names).except(KNOWN.iter().copied());
        let cases = suite.check(&store).await;
        let failed: Vec<_> = cases.iter().filter(|case| case.outcome.is_err()).collect();
        assert!(failed.is_empty(), "{names:?}: {failed:#?}");
    }
}

#[tokio::test]
async fn encoded_names_are_malformed_and_never_wrong() {
    let (_cloud, store) = cloud(Names::Any).await;
    let odd: Vec<_> = seed(Names::Any)
        .into_iter()
        .map(|(name, _)| name)
        .filter(|name| name.contains(['\u{1}', '\u{7}', '\u{fffe}']))
        .collect();
    let report = Scan::new(store.clone(), &Prefix::default()).run(()).await.unwrap();
    assert_eq!(report.rejections[&Reason::Malformed], odd.len() as u64);
    let page = store.list(ListRequest::new("")).await.unwrap();
    for entry in page.malformed {
        let name = entry.name.unwrap();
        let decoded = percent_encoding::percent_decode_str(&name).decode_utf8().unwrap();
        assert!(odd.contains(&decoded.into_owned()), "{name}");
        assert!(page.blobs.iter().all(|blob| blob.name != name));
    }
}

#[tokio::test]
async fn a_name_that_would_lead_to_another_blob_is_refused() {
    let (_cloud, store) = cloud(Names::Portable).await;
    for name in ["a/", "..", "a/../a.jpg", "./a.jpg", ""] {
        let error = store.read(ReadRequest::new(name, 0..4)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadRequest, "{name}");
    }
}

#[tokio::test]
async fn a_page_that_the_sdk_cannot_read_is_a_typed_error() {
    let cloud = SmallCloud::builder().blob(Seed::new("a.jpg", "x")).start().await.unwrap();
    // The access tier is newer than the SDK.
    let date = "Tue, 24 Nov 2026 08:49:37 GMT";
    let page = format!(
        "<EnumerationResults><Blobs><Blob><Name>a.jpg</Name><Properties><Creation-Time>{date}</Creation-Time>\
         <Last-Modified>{date}</Last-Modified><Etag>0x1</Etag><Content-Length>1</Content-Length>\
         <Content-Type>image/jpeg</Content-Type><BlobType>BlockBlob</BlobType><AccessTier>Smart</AccessTier>\
         </Properties></Blob></Blobs><NextMarker/></EnumerationResults>"
    );
    cloud.inject(Fault::Replace(200, "application/xml", page.into()));
    let error = store(&cloud).list(ListRequest::new("")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnexpectedAnswer);
    assert!(error.to_string().contains("official SDK"), "{error}");
    let text = format!("{error:?}");
    assert!(!text.contains("a.jpg") && !text.contains(cloud.signature()), "{text}");
}

#[tokio::test]
async fn errors_of_the_service_keep_their_kind() {
    let (cloud, store) = cloud(Names::Portable).await;
    for (status, code, kind) in [
        (403, "AuthorizationPermissionMismatch", ErrorKind::PermissionDenied),
        (404, "ContainerNotFound", ErrorKind::ContainerNotFound),
        (503, "ServerBusy", ErrorKind::Throttled),
    ] {
        cloud.inject(Fault::Refuse(Refusal::new(status, code)));
        let error = store.list(ListRequest::new("")).await.unwrap_err();
        assert_eq!((error.kind(), error.status(), error.code()), (kind, Some(status), Some(code)));
    }
    cloud.inject(Fault::Close);
    let error = store.list(ListRequest::new("")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    assert!(!format!("{error:?}").contains(cloud.signature()), "{error:?}");
}

/// A credential whose sign-in is refused.
#[derive(Debug)]
struct Refused;

#[async_trait::async_trait]
impl TokenCredential for Refused {
    async fn get_token(&self, _: &[&str]) -> azure_core::Result<AccessToken> {
        let answer = "AADSTS7000229: The client application is missing service principal";
        let inner = azure_core::Error::message(azure_core::error::ErrorKind::Credential, answer);
        Err(azure_core::Error::full(azure_core::error::ErrorKind::Credential, inner, "no token"))
    }

    async fn clear_cache(&self) -> azure_core::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn failures_have_the_same_diagnosis_as_with_the_official_sdk() {
    let (cloud, store) = cloud(Names::Portable).await;
    let expired = "Lifetime validation failed. The token is expired.";
    let rows = [
        (Refusal::new(403, "AuthorizationPermissionMismatch"), Cause::AccessMissing),
        (Refusal::new(403, "AuthorizationFailure"), Cause::Firewall),
        (Refusal::new(403, "AccountIsDisabled"), Cause::AccountDisabled),
        (Refusal::new(401, "InvalidAuthenticationInfo").detail(expired), Cause::TokenExpired),
        (Refusal::new(503, "ServerBusy"), Cause::Throttled),
    ];
    for (refusal, cause) in rows {
        cloud.inject(Fault::Refuse(refusal.clone()));
        let error = store.list(ListRequest::new("")).await.unwrap_err();
        assert_eq!(Diagnosis::of(&error).cause, cause, "{refusal:?}");
    }
    let credentials = StorageCredentials::token_credential(Arc::new(Refused));
    let error = store_with(&cloud, credentials).list(ListRequest::new("")).await.unwrap_err();
    assert_eq!(error.code(), Some("AADSTS7000229"), "{error}");
    assert_eq!(Diagnosis::of(&error).cause, Cause::ServicePrincipalMissing);
}
