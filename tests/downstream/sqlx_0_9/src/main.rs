//! A service with sqlx 0.9, which reads the table that the SQLite sink has written.

use azure_asset_sync::{Job, MemoryStore, Prefix, Scan, sink::Sqlite};
use sqlx::{ConnectOptions, sqlite::SqliteConnectOptions};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let table = folder.path().join("assets.sqlite");
    let store = MemoryStore::new();
    for name in ["a.jpg", "b.png"] {
        store.put(name, "x");
    }
    let scan = Scan::new(store, &Prefix::default());
    let job = Job::new(scan, folder.path().join("state"));
    println!("{}", job.run(Sqlite::open(&table)?).await?);

    let options = SqliteConnectOptions::new().filename(&table).read_only(true);
    let mut connection = options.connect().await?;
    let names = sqlx::query_scalar("SELECT name FROM assets ORDER BY name");
    let names: Vec<String> = names.fetch_all(&mut connection).await?;
    assert_eq!(names, ["a.jpg", "b.png"]);
    println!("DONE");
    Ok(())
}
