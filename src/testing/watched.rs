//! A job whose state folder reports each change, for tests that kill the process.

use std::{
    fmt, io,
    path::Path,
    sync::{Arc, Mutex},
};

use crate::{
    error::Error,
    scan::Scan,
    sync::{Job, StateFiles, StateFolder, StateStore},
};

/// Is called before each change.
type Before = Arc<Mutex<dyn FnMut(&'static str) + Send>>;

/// Returns a job with its state in a real folder that calls `before` right before each change.
///
/// A test can end its process in `before`, and so stop the job at any point. An append is made in
/// two halves, with a call before each. `before` gets the name of the change, for example `append`
/// or `sync`. A manifest has `rows_per_block` rows in a block, up to one and a half times as many.
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
/// watched_job(scan, folder.path(), 100, move |change| seen.lock().unwrap().push(change))
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
    before: impl FnMut(&'static str) + Send + 'static,
) -> Job {
    let (folder, before) = (StateFolder::new(folder), Arc::new(Mutex::new(before)));
    Job::with_state(scan, WatchedFolder { folder, before }).rows_per_block(rows_per_block)
}

/// A state folder that reports each change before it is made.
struct WatchedFolder {
    folder: StateFolder,
    before: Before,
}

impl fmt::Debug for WatchedFolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.folder.fmt(f)
    }
}

impl StateStore for WatchedFolder {
    fn lock(&self) -> Result<Box<dyn StateFiles>, Error> {
        let files = self.folder.lock()?;
        Ok(Box::new(Watched { files, before: Arc::clone(&self.before) }))
    }

    fn open_to_read(&self) -> Result<Box<dyn StateFiles>, Error> {
        self.folder.open_to_read()
    }
}

/// The files of a folder, with a report before each change.
struct Watched {
    files: Box<dyn StateFiles>,
    before: Before,
}

impl Watched {
    fn before(&self, change: &'static str) {
        // A test that has failed in the function before may still go on.
        (self.before.lock().unwrap_or_else(|poisoned| poisoned.into_inner()))(change);
    }
}

impl fmt::Debug for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.files.fmt(f)
    }
}

impl StateFiles for Watched {
    fn size(&mut self, name: &str) -> io::Result<Option<u64>> {
        self.files.size(name)
    }

    fn read(&mut self, name: &str, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        self.files.read(name, offset, length)
    }

    fn append(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.before("append");
        // A process that ends between the halves leaves a torn record, as a full disk would.
        let (first, second) = bytes.split_at(bytes.len() / 2);
        // Each half is written by itself, so that a kill between them leaves the first on the disk.
        self.files.append(name, first)?;
        self.before("append");
        self.files.append(name, second)
    }

    fn truncate(&mut self, name: &str, size: u64) -> io::Result<()> {
        self.before("truncate");
        self.files.truncate(name, size)
    }

    fn sync(&mut self, name: &str) -> io::Result<()> {
        self.before("sync");
        self.files.sync(name)
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        self.before("rename");
        self.files.rename(from, to)
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        self.before("remove");
        self.files.remove(name)
    }
}
