//! A job whose state folder reports each change, for tests that kill the process.

use std::{fmt, io, path::Path};

use crate::{
    error::Error,
    scan::Scan,
    sync::{Disk, Job, StateFolder},
};

/// Returns a job with its state in a real folder that calls `before` right before each change.
///
/// A test can end its process in `before`, and so stop the job at any point. An append is made in
/// two halves, with a call before each. `before` gets the name of the change, for example `append`
/// or `sync`. A manifest has `rows_per_block` rows in a block, up to one and a half times as many.
///
/// # Errors
/// As [`Job::run`] if the folder cannot be opened.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
/// use std::sync::{Arc, Mutex};
/// use azure_asset_sync::{Blob, MemoryStore, Prefix, Scan, testing::watched_job};
///
/// let folder = tempfile::tempdir()?;
/// let scan = Scan::new(MemoryStore::from_iter([Blob::new("a.jpg", 1)]), &Prefix::default());
/// let changes = Arc::new(Mutex::new(Vec::new()));
/// let seen = Arc::clone(&changes);
/// watched_job(scan, folder.path(), 100, move |change| seen.lock().unwrap().push(change))?
///     .run(())
///     .await?;
/// assert!(changes.lock().unwrap().contains(&"sync"));
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn watched_job(
    scan: Scan,
    folder: impl AsRef<Path>,
    rows_per_block: usize,
    before: impl FnMut(&'static str) + Send + Sync + 'static,
) -> Result<Job, Error> {
    let folder = StateFolder::open(folder.as_ref())?;
    let disk = Watched { folder, before: Box::new(before) };
    Ok(Job::on_disk(scan, Box::new(disk), rows_per_block))
}

/// A state folder that reports each change before it is made.
struct Watched {
    folder: StateFolder,
    before: Box<dyn FnMut(&'static str) + Send + Sync>,
}

impl fmt::Debug for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.folder.fmt(f)
    }
}

impl Disk for Watched {
    fn size(&mut self, name: &str) -> io::Result<Option<u64>> {
        self.folder.size(name)
    }

    fn read(&mut self, name: &str, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        self.folder.read(name, offset, length)
    }

    fn append(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        (self.before)("append");
        // A process that ends between the halves leaves a torn record, as a full disk would.
        let (first, second) = bytes.split_at(bytes.len() / 2);
        // Each half is written by itself, so that a kill between them leaves the first on the disk.
        self.folder.append(name, first)?;
        (self.before)("append");
        self.folder.append(name, second)
    }

    fn truncate(&mut self, name: &str, size: u64) -> io::Result<()> {
        (self.before)("truncate");
        self.folder.truncate(name, size)
    }

    fn sync(&mut self, name: &str) -> io::Result<()> {
        (self.before)("sync");
        self.folder.sync(name)
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        (self.before)("rename");
        self.folder.rename(from, to)
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        (self.before)("remove");
        self.folder.remove(name)
    }
}
