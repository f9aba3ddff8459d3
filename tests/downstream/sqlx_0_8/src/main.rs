//! A service with sqlx 0.8, TLS by aws-lc-rs, and `object_store`: all of them in one build with the
//! stores and the SQLite sink of the crate.
//!
//! Two containers are synchronized, one through `object_store` and one of a simulated Azure, and sqlx
//! reads the tables.

use std::{path::Path, sync::Arc};

use azure_asset_sync::{
    AzureStore, HttpClient, Job, Prefix, Scan, Store,
    sink::Sqlite,
    store::ObjectStoreAdapter,
    testing::{Seed, SmallCloud, trust},
};
use object_store::{ObjectStore, PutOptions, memory::InMemory};
use rustls::{ClientConfig, RootCertStore};
use sqlx::{ConnectOptions, sqlite::SqliteConnectOptions};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    // The service's own TLS, which panics if two providers are compiled in.
    let tls = ClientConfig::builder().with_root_certificates(RootCertStore::empty());
    assert!(!tls.with_no_client_auth().crypto_provider().cipher_suites.is_empty());

    let photos = Arc::new(InMemory::new());
    for name in ["hall/a.jpg", "hall/b.png", "yard/c.jpg"] {
        photos.put_opts(&name.into(), "x".into(), PutOptions::default()).await?;
    }
    let folder = tempfile::tempdir()?;
    let store = ObjectStoreAdapter::new(photos.clone());
    let names = sync(store, &"hall/".parse()?, &folder.path().join("photos")).await?;
    assert_eq!(names, ["hall/a.jpg", "hall/b.png"]);
    photos.put_opts(&"hall/d.gif".into(), "x".into(), PutOptions::default()).await?;
    let store = ObjectStoreAdapter::new(photos);
    let names = sync(store, &"hall/".parse()?, &folder.path().join("photos")).await?;
    assert_eq!(names, ["hall/a.jpg", "hall/b.png", "hall/d.gif"]);

    let seeds = ["a.jpg", "b.png"].map(|name| Seed::new(name, "x"));
    let cloud = SmallCloud::builder().blobs(seeds).start().await?;
    let connection = cloud.connection().build()?;
    let http = HttpClient::builder()
        .policy(trust(&connection))
        .certificate_authority(cloud.certificate_authority())
        .build()?;
    let store = AzureStore::builder(&connection).http_client(http).build(cloud.credential())?;
    let names = sync(store, connection.prefix(), &folder.path().join("azure")).await?;
    assert_eq!(names, ["a.jpg", "b.png"]);
    println!("DONE");
    Ok(())
}

/// Synchronizes a container into a table, and returns the names that sqlx finds in the table.
async fn sync(store: impl Store + 'static, prefix: &Prefix, folder: &Path) -> Result<Vec<String>> {
    let table = folder.with_extension("sqlite");
    let summary = Job::new(Scan::new(store, prefix), folder).run(Sqlite::open(&table)?).await?;
    println!("{summary}");
    let options = SqliteConnectOptions::new().filename(&table).read_only(true);
    let mut connection = options.connect().await?;
    let names = sqlx::query_scalar("SELECT name FROM assets ORDER BY name");
    Ok(names.fetch_all(&mut connection).await?)
}
