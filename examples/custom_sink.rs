//! Writes your own sink: here, an index of assets by folder.
//!
//! Run it with `cargo run --example custom_sink`. It prints one line for each folder, with the
//! number of assets and their size.

use std::collections::BTreeMap;

use azure_asset_sync::{
    Blob, Error, MemoryStore, Prefix, Scan, Sink,
    sink::{Batch, Delivery},
};

/// The sizes of assets, by folder and name.
#[derive(Default)]
struct Folders(BTreeMap<String, BTreeMap<String, u64>>);

#[async_trait::async_trait]
impl Sink for Folders {
    async fn accept(&mut self, batch: Batch<'_>) -> Result<(), Error> {
        for asset in batch.assets() {
            let (folder, name) = asset.blob.name.rsplit_once('/').unwrap_or(("", &asset.blob.name));
            self.0.entry(folder.into()).or_default().insert(name.into(), asset.blob.size);
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), Error> {
        Ok(()) // a database would commit here
    }

    async fn finish(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn delivery(&self) -> Delivery {
        // The index is keyed by name, so a repeated batch changes nothing.
        Delivery::Idempotent
    }
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let names = ["a/1.jpg", "a/2.png", "b/1.mp4", "b/notes.txt"];
    let store = MemoryStore::from_iter(names.map(|name| Blob::new(name, 1000)));
    let mut folders = Folders::default();
    Scan::new(store, &Prefix::default()).run(&mut folders).await?;
    for (folder, assets) in &folders.0 {
        println!("{folder}: {} assets, {} bytes", assets.len(), assets.values().sum::<u64>());
    }
    assert_eq!(folders.0.len(), 2);
    Ok(())
}
