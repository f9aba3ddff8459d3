//! Keeps the state of jobs in a database of your own: here, SQLite.
//!
//! Run it with `cargo run --example custom_state`. It syncs a container twice, and prints what each
//! run has found.

mod sqlite;

use std::{sync::Arc, time::Duration};

use azure_asset_sync::{
    Blob, MemoryStore, Prefix, Scan, SystemClock,
    sync::{Job, Manifest},
};
use sqlite::SqliteState;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let state = SqliteState {
        database: folder.path().join("states.sqlite"),
        state: "hall-3".to_owned(),
        lease: Duration::from_secs(60),
        clock: Arc::new(SystemClock),
    };
    for names in [&["a.jpg", "b.jpg"][..], &["a.jpg", "b.jpg", "c.jpg"]] {
        let store: MemoryStore = names.iter().map(|name| Blob::new(*name, 1000)).collect();
        let job = Job::with_state(Scan::new(store, &Prefix::default()), state.clone());
        let counts = job.run(()).await?.counts;
        println!("{} added, {} unchanged", counts.added, counts.unchanged);
    }
    let manifest = Manifest::open_in(state).await?;
    assert_eq!(manifest.map(|manifest| manifest.assets()), Some(3));
    Ok(())
}
