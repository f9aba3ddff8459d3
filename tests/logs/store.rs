//! A store and its dependencies log no secret at any level.

use azure_asset_sync::{
    AzureStore, Credential, LinkRequest, Scan, Store,
    store::ReadRequest,
    testing::{Fault, Refusal, Seed, SmallCloud, trust},
};

use crate::{capture, refused_port};

#[tokio::test]
async fn no_secret_is_logged_at_any_level() {
    let _log = capture::start();
    let cloud = SmallCloud::builder().blob(Seed::new("a.jpg", "x")).start().await.unwrap();
    let connection = cloud.connection().build().unwrap();
    let wrong = Credential::ClientSecret {
        client_id: cloud.client_id().to_owned(),
        secret: "canary-of-a-wrong-secret".into(),
    };
    let mut signatures = Vec::new();
    for credential in [cloud.credential(), cloud.sas(), wrong] {
        let store = AzureStore::builder(&connection)
            .policy(trust(&connection))
            .certificate_authority(cloud.certificate_authority())
            .build(credential)
            .unwrap();
        let _ = store.read(ReadRequest::new("a.jpg", 0..1)).await;
        if let Ok(links) = store.view_links() {
            cloud.inject(Fault::CloseAfter(10));
            let _ = links.link(LinkRequest::new("a.jpg")).await;
            let link = links.link(LinkRequest::new("a.jpg")).await;
            signatures
                .extend(link.map(|link| link.url().rsplit_once("sig=").unwrap().1.to_owned()));
        }
        cloud.inject(Fault::CloseAfter(10));
        cloud.inject(Fault::Refuse(Refusal::new(403, "AuthorizationFailure")));
        let _ = Scan::new(store, connection.prefix()).run(()).await;
    }
    assert!(!signatures.is_empty() && !cloud.delegation_keys().is_empty());
    // The error of a failed connection contains the complete address.
    let port = refused_port::RefusedPort::bind();
    let endpoint = format!("https://{}/smallcloud", port.address());
    let dead = cloud.connection().cloud(azure_asset_sync::Endpoint::new(&endpoint).unwrap().into());
    let dead = dead.build().unwrap();
    let store = AzureStore::builder(&dead).policy(trust(&dead)).build(cloud.sas()).unwrap();
    store.read(ReadRequest::new("a.jpg", 0..1)).await.unwrap_err();

    let log = capture::take();
    println!("{} bytes of log", log.len());
    assert!(log.len() > 10_000, "nothing was logged: {log}");
    let tokens = cloud.tokens();
    assert!(!tokens.is_empty());
    let mut secrets = vec![cloud.secret(), cloud.signature(), "canary-of-a-wrong-secret"];
    let keys = cloud.delegation_keys();
    secrets.extend(tokens.iter().chain(&keys).chain(&signatures).map(String::as_str));
    for secret in secrets {
        let at = log.find(secret);
        assert!(at.is_none(), "{}", &log[at.unwrap().saturating_sub(300)..at.unwrap() + 40]);
    }
}
