//! A disk in memory whose writes can fail and whose power can be cut.
//!
//! A state store, as those that jobs use. Only what was synced survives a power cut for certain.

use std::{
    collections::HashMap,
    io,
    sync::{Arc, Mutex, MutexGuard},
};

use crate::{
    error::{Error, ErrorKind},
    scan::Scan,
    sync::{Job, Manifest, StateFiles, StateStore},
};

/// A disk in memory for the state of jobs, whose power can be cut.
///
/// Bytes that were appended to a file and not synced may be lost in a power cut, all or some of
/// them. Clones share one disk, which one job at a time locks. Changes are counted from 0, and each can be made to fail:
///
/// ```
/// use azure_asset_sync::{Blob, ErrorKind, MemoryStore, Prefix, Scan, testing::TestDisk};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let scan = || Scan::new(MemoryStore::from_iter([Blob::new("a.jpg", 1)]), &Prefix::default());
/// let disk = TestDisk::new(100);
/// disk.fail_at(8, std::io::ErrorKind::StorageFull);
/// assert_eq!(disk.job(scan()).run(()).await.unwrap_err().kind(), ErrorKind::State);
/// // The disk has space again, so the next run resumes the first one.
/// let summary = disk.job(scan()).run(()).await?;
/// assert!(summary.is_resumed);
/// # Ok::<(), azure_asset_sync::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct TestDisk {
    inner: Arc<Mutex<Inner>>,
    // Small blocks let a test with few rows have many of them.
    rows_per_block: usize,
}

/// The content of the disk and the failure that is scheduled.
#[derive(Debug, Default)]
struct Inner {
    files: HashMap<String, File>,
    /// The number of changes so far, failed ones included.
    operations: u64,
    /// The number of the change that fails, and how.
    failure: Option<(u64, Failure)>,
    /// Whether the power is cut.
    is_off: bool,
    /// The number of the lock that is held.
    holder: Option<u64>,
    /// How often the disk was locked.
    locks: u64,
}

/// The bytes of a file.
#[derive(Clone, Debug, Default)]
struct File {
    /// Shared with the files of readers until it is changed.
    bytes: Arc<Vec<u8>>,
    // INVARIANT: at most `bytes.len()`. The bytes before this survive a power cut.
    synced: usize,
}

/// How a change fails.
#[derive(Clone, Copy, Debug)]
enum Failure {
    /// With this error, once.
    Error(io::ErrorKind),
    /// With all later operations, until the restart.
    PowerCut,
}

impl TestDisk {
    /// Creates an empty disk.
    ///
    /// A manifest on it has `rows_per_block` rows in a block, up to one and a half times as many.
    pub fn new(rows_per_block: usize) -> Self {
        Self { inner: Arc::default(), rows_per_block }
    }

    /// Creates a job with its state on this disk.
    pub fn job(&self, scan: Scan) -> Job {
        Job::with_state(scan, self.clone()).rows_per_block(self.rows_per_block)
    }

    /// Opens the manifest on the disk, or returns `None` if there is none.
    ///
    /// # Errors
    /// As [`Manifest::open`].
    pub fn manifest(&self) -> Result<Option<Manifest>, Error> {
        Manifest::read(self)
    }

    /// Returns the number of changes so far, failed ones included.
    pub fn operations(&self) -> u64 {
        self.inner().operations
    }

    /// Makes a later change fail with this error; 0 is the next change.
    ///
    /// A failed append writes the first half of its bytes.
    pub fn fail_at(&self, operation: u64, kind: io::ErrorKind) {
        let mut inner = self.inner();
        inner.failure = Some((inner.operations + operation, Failure::Error(kind)));
    }

    /// Cuts the power at a later change; 0 is the next change.
    ///
    /// An append at that point writes the first half of its bytes. Every later operation fails
    /// until [`restart`](Self::restart).
    pub fn cut_power_at(&self, operation: u64) {
        let mut inner = self.inner();
        inner.failure = Some((inner.operations + operation, Failure::PowerCut));
    }

    /// Takes the lock away from its holder, as if a lease had expired.
    ///
    /// Every later change of the holder fails.
    pub fn break_lock(&self) {
        self.inner().holder = None;
    }

    /// Restores the power, and removes the failure that is scheduled, and the lock.
    ///
    /// For each file, `keep` gets the number of bytes that were not synced, and returns how many of
    /// them survive.
    pub fn restart(&self, mut keep: impl FnMut(usize) -> usize) {
        let mut inner = self.inner();
        (inner.failure, inner.is_off, inner.holder) = (None, false, None);
        for file in inner.files.values_mut() {
            let unsynced = file.bytes.len() - file.synced;
            // A test may return a larger number, which then means all of them.
            let kept = file.synced + keep(unsynced).min(unsynced);
            Arc::make_mut(&mut file.bytes).truncate(kept);
            file.synced = kept;
        }
    }

    /// Changes the bytes of a file, as a damaged disk or another program would.
    ///
    /// # Panics
    /// Panics if there is no such file.
    #[expect(clippy::panic, reason = "documented, and for tests only")]
    pub fn damage(&self, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
        match self.inner().files.get_mut(name) {
            Some(file) => {
                change(Arc::make_mut(&mut file.bytes));
                file.synced = file.bytes.len();
            }
            None => panic!("no file `{name}`"),
        }
    }

    /// Removes a file, if it exists.
    pub fn remove(&self, name: &str) {
        self.inner().files.remove(name);
    }

    /// Returns the names of all files, in order.
    pub fn files(&self) -> Vec<String> {
        let mut names: Vec<_> = self.inner().files.keys().cloned().collect();
        names.sort();
        names
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // A test that has failed may still look at the disk.
        self.inner.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl StateStore for TestDisk {
    fn lock(&self) -> Result<Box<dyn StateFiles>, Error> {
        let mut inner = self.inner();
        if inner.holder.is_some() {
            return Err(Error::new(ErrorKind::StateBusy, "another run is using the disk"));
        }
        inner.locks += 1;
        inner.holder = Some(inner.locks);
        Ok(Box::new(Files { disk: self.clone(), lock: inner.locks }))
    }

    fn open_to_read(&self) -> Result<Box<dyn StateFiles>, Error> {
        let inner = self.inner();
        inner.check_power().map_err(|error| Error::state("open the disk", error))?;
        Ok(Box::new(Snapshot(inner.files.clone())))
    }
}

/// The files of the disk, for the holder of the lock.
#[derive(Debug)]
struct Files {
    disk: TestDisk,
    /// The number of the lock of this holder.
    lock: u64,
}

impl Files {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.disk.inner()
    }

    /// Counts a change, and fails if it is the one that should fail.
    ///
    /// # Errors
    /// The scheduled failure, or the power cut, or that the lock was lost.
    fn begin_change(&self) -> io::Result<MutexGuard<'_, Inner>> {
        let mut inner = self.inner();
        inner.check_power()?;
        if inner.holder != Some(self.lock) {
            return Err(io::Error::new(io::ErrorKind::ResourceBusy, "the lock was lost"));
        }
        let number = inner.operations;
        // A failed change counts too, so that a test can fail each one in turn.
        inner.operations += 1;
        match inner.failure {
            Some((at, failure)) if at == number => {
                // One failure only: the next attempt succeeds, as after space was freed.
                inner.failure = None;
                match failure {
                    Failure::Error(kind) => Err(kind.into()),
                    // The change itself fails, and so does everything after it.
                    Failure::PowerCut => {
                        inner.is_off = true;
                        inner.check_power()?;
                        Ok(inner)
                    }
                }
            }
            _ => Ok(inner),
        }
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let mut inner = self.inner();
        inner.holder = inner.holder.filter(|holder| *holder != self.lock);
    }
}

impl Inner {
    fn check_power(&self) -> io::Result<()> {
        if self.is_off { Err(io::Error::other("the power is off")) } else { Ok(()) }
    }

    fn file_mut(&mut self, name: &str) -> io::Result<&mut File> {
        self.files.get_mut(name).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl File {
    fn read(&self, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        // A read after the end is an error, never a short read.
        let bytes = self.bytes.get(start..).and_then(|bytes| bytes.get(..length));
        bytes.map(<[u8]>::to_vec).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}

impl StateFiles for Files {
    fn size(&mut self, name: &str) -> io::Result<Option<u64>> {
        let inner = self.inner();
        inner.check_power()?;
        Ok(inner.files.get(name).map(|file| file.bytes.len() as u64))
    }

    fn read(&mut self, name: &str, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let inner = self.inner();
        inner.check_power()?;
        inner.files.get(name).ok_or(io::ErrorKind::NotFound)?.read(offset, length)
    }

    fn append(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let changed = self.begin_change().map(drop);
        // A holder without the lock changes nothing.
        if self.inner().holder != Some(self.lock) {
            return changed;
        }
        // A failed append is a torn one: the first half of its bytes is on the disk.
        let done = if changed.is_ok() { bytes.len() } else { bytes.len() / 2 };
        let inner = &mut self.inner();
        let file = inner.files.entry(name.to_owned()).or_default();
        Arc::make_mut(&mut file.bytes).extend(bytes.iter().take(done));
        changed
    }

    fn truncate(&mut self, name: &str, size: u64) -> io::Result<()> {
        let mut inner = self.begin_change()?;
        let file = inner.file_mut(name)?;
        Arc::make_mut(&mut file.bytes).truncate(usize::try_from(size).unwrap_or(usize::MAX));
        // A truncated file has no synced bytes after its end.
        file.synced = file.synced.min(file.bytes.len());
        Ok(())
    }

    fn sync(&mut self, name: &str) -> io::Result<()> {
        let mut inner = self.begin_change()?;
        let file = inner.file_mut(name)?;
        file.synced = file.bytes.len();
        Ok(())
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        let mut inner = self.begin_change()?;
        // A rename is atomic and durable here.
        let file = inner.files.remove(from).ok_or(io::ErrorKind::NotFound)?;
        inner.files.insert(to.to_owned(), file);
        Ok(())
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        self.begin_change()?.files.remove(name);
        Ok(())
    }
}

/// The files of the disk when they were opened to read.
#[derive(Debug)]
struct Snapshot(HashMap<String, File>);

impl StateFiles for Snapshot {
    fn size(&mut self, name: &str) -> io::Result<Option<u64>> {
        Ok(self.0.get(name).map(|file| file.bytes.len() as u64))
    }

    fn read(&mut self, name: &str, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        self.0.get(name).ok_or(io::ErrorKind::NotFound)?.read(offset, length)
    }

    fn append(&mut self, _: &str, _: &[u8]) -> io::Result<()> {
        read_only()
    }

    fn truncate(&mut self, _: &str, _: u64) -> io::Result<()> {
        read_only()
    }

    fn sync(&mut self, _: &str) -> io::Result<()> {
        read_only()
    }

    fn rename(&mut self, _: &str, _: &str) -> io::Result<()> {
        read_only()
    }

    fn remove(&mut self, _: &str) -> io::Result<()> {
        read_only()
    }
}

/// The error of a change of files that are open to read only.
fn read_only() -> io::Result<()> {
    Err(io::Error::other("the disk is open to read only"))
}
