//! A service whose own TLS uses aws-lc-rs, and which installs no provider for the process.
//!
//! `ClientConfig::builder()` panics if two providers are compiled in, so this program fails as soon as
//! the crate turns on `rustls/ring`.

use azure_asset_sync::{
    AzureStore, HttpClient, Job, JsonLines, Scan,
    testing::{Seed, SmallCloud, trust},
};
use rustls::{ClientConfig, RootCertStore, crypto::CryptoProvider};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let cloud = SmallCloud::builder().blobs([Seed::new("a.jpg", "x"), Seed::new("b.png", "x")]);
    let cloud = cloud.start().await?;
    let connection = cloud.connection().build()?;
    let http = HttpClient::builder()
        .policy(trust(&connection))
        .certificate_authority(cloud.certificate_authority())
        .build()?;
    let store = AzureStore::builder(&connection).http_client(http).build(cloud.credential())?;
    assert!(CryptoProvider::get_default().is_none(), "the crate installed a default provider");

    // The service's own TLS, after the crate's.
    let config = ClientConfig::builder().with_root_certificates(RootCertStore::empty());
    let config = config.with_no_client_auth();
    assert!(!config.crypto_provider().cipher_suites.is_empty());

    let folder = tempfile::tempdir()?;
    let changes = JsonLines::changes(folder.path().join("changes.jsonl"))?;
    let scan = Scan::new(store, connection.prefix());
    let summary = Job::new(scan, folder.path().join("state")).run(changes).await?;
    println!("{summary}");
    let text = std::fs::read_to_string(folder.path().join("changes.jsonl"))?;
    assert_eq!(text.lines().count(), 2, "{text}");
    println!("DONE");
    Ok(())
}
