//! A service that chooses no TLS provider for the crate.
//!
//! A store needs a client of the service, or the provider that the service installed for the process.

use azure_asset_sync::{AzureStore, Connection, Credential, ErrorKind, HttpClient};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let connection = Connection::builder("x").account("contoso").container("training").build()?;
    let build = || AzureStore::new(&connection, Credential::Anonymous);
    let error = build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    for word in ["rustls-ring", "rustls-aws-lc", "reqwest-0-13"] {
        assert!(error.to_string().contains(word), "{error}");
    }
    println!("{error}");

    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let tls = rustls::ClientConfig::builder_with_provider(provider.clone().into())
        .with_safe_default_protocol_versions()?
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    let client = reqwest::Client::builder().tls_backend_preconfigured(tls).build()?;
    let http = HttpClient::builder().reqwest_client(client).build()?;
    AzureStore::builder(&connection).http_client(http).build(Credential::Anonymous)?;
    build().unwrap_err();

    provider.install_default().map_err(|_| "a provider was installed before")?;
    build()?;
    println!("DONE");
    Ok(())
}
