//! A service principal can sign in with a certificate that OpenSSL has made.

use azure_asset_sync::{
    AzureStore, Connection, Credential, ErrorKind, Store,
    store::ListRequest,
    testing::{Seed, SmallCloud, trust},
};

use crate::openssl;

async fn cloud(certificate: &str) -> (SmallCloud, Connection) {
    let seed = Seed::new("a.jpg", "x");
    let cloud = SmallCloud::builder().blob(seed).certificate(certificate).start().await.unwrap();
    let connection = cloud.connection().build().unwrap();
    (cloud, connection)
}

fn store(cloud: &SmallCloud, connection: &Connection, pem: &str) -> AzureStore {
    let client_id = cloud.client_id().to_owned();
    AzureStore::builder(connection)
        .policy(trust(connection))
        .certificate_authority(cloud.certificate_authority())
        .build(Credential::ClientCertificate { client_id, pem: pem.into() })
        .unwrap()
}

#[tokio::test]
async fn a_registered_certificate_signs_in_and_another_does_not() {
    let (pem, certificate) = openssl::make(&["-newkey", "rsa:2048"]);
    let (cloud, connection) = cloud(&certificate).await;
    let page = store(&cloud, &connection, &pem).list(ListRequest::new("")).await.unwrap();
    assert_eq!(page.blobs.len(), 1);

    let (stranger, _) = openssl::make(&["-newkey", "rsa:2048"]);
    let error = store(&cloud, &connection, &stranger).list(ListRequest::new("")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CredentialRejected);
    assert_eq!(error.code(), Some("AADSTS700027"));
    assert!(!format!("{error:?}").contains("PRIVATE KEY"), "{error:?}");
}

#[tokio::test]
async fn a_key_that_entra_does_not_accept_is_refused_without_a_request() {
    let (pem, certificate) =
        openssl::make(&["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]);
    let (cloud, connection) = cloud(&certificate).await;
    let client_id = cloud.client_id().to_owned();
    let credential = Credential::ClientCertificate { client_id, pem: pem.as_str().into() };
    let store = AzureStore::builder(&connection).policy(trust(&connection));
    let error = store.build(credential).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("RSA"), "{error}");
}
