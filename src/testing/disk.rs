use std::{
    collections::HashMap,
    fmt, io,
    path::Path,
    sync::{Arc, Mutex, MutexGuard},
};

use crate::{
    error::Error,
    scan::Scan,
    sync::{Disk, Job, Manifest, StateFolder},
};

/// A disk in memory for the state of jobs, whose power can fail
///
/// What was appended to a file and not synced may be lost, in part or as a whole, when it does. Cheap
/// to clone: all clones are one disk.
///
/// ```
/// use azure_asset_sync::{Blob, ErrorKind, MemoryStore, Prefix, Scan, testing::TestDisk};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let scan = || Scan::new(MemoryStore::from_iter([Blob::new("a.jpg", 1)]), &Prefix::default());
/// let disk = TestDisk::new(100);
/// disk.fail_at(8, std::io::ErrorKind::StorageFull);
/// assert_eq!(disk.job(scan()).run(()).await.unwrap_err().kind(), ErrorKind::State);
/// // There is room again, and the run goes on.
/// let summary = disk.job(scan()).run(()).await?;
/// assert!(summary.is_resumed);
/// # Ok::<(), azure_asset_sync::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct TestDisk {
    inner: Arc<Mutex<Inner>>,
    rows_per_block: usize,
}

#[derive(Debug, Default)]
struct Inner {
    files: HashMap<String, Bytes>,
    /// How many changes were made, or failed
    operations: u64,
    failure: Option<(u64, Failure)>,
    is_off: bool,
}

#[derive(Clone, Debug, Default)]
struct Bytes {
    all: Vec<u8>,
    /// How many of them are there for good
    synced: usize,
}

#[derive(Clone, Copy, Debug)]
enum Failure {
    Error(io::ErrorKind),
    PowerCut,
}

impl TestDisk {
    /// An empty one; a manifest on it has blocks of so many rows, or of half as many more
    pub fn new(rows_per_block: usize) -> Self {
        Self { inner: Arc::default(), rows_per_block }
    }

    /// A job with its state on this disk
    ///
    /// Any number may hold it at a time: it is for the test to see to that.
    pub fn job(&self, scan: Scan) -> Job {
        Job::on_disk(scan, Box::new(self.clone()), self.rows_per_block)
    }

    /// The manifest on it
    ///
    /// # Errors
    /// As [`Manifest::open`].
    pub fn manifest(&self) -> Result<Option<Manifest>, Error> {
        Manifest::on_disk(Box::new(self.clone()))
    }

    /// How many changes were made until now, or failed
    pub fn operations(&self) -> u64 {
        self.inner().operations
    }

    /// Lets the change with this number fail, half done where it can be: the next is 0
    pub fn fail_at(&self, operation: u64, kind: io::ErrorKind) {
        let mut inner = self.inner();
        inner.failure = Some((inner.operations + operation, Failure::Error(kind)));
    }

    /// Cuts the power at the change with this number: it is half done, and all that follow fail
    pub fn cut_power_at(&self, operation: u64) {
        let mut inner = self.inner();
        inner.failure = Some((inner.operations + operation, Failure::PowerCut));
    }

    /// Switches the power on again: of what was not synced, `keep` says how many bytes have survived,
    /// when it is given how many there are
    pub fn restart(&self, mut keep: impl FnMut(usize) -> usize) {
        let mut inner = self.inner();
        (inner.failure, inner.is_off) = (None, false);
        for file in inner.files.values_mut() {
            let open = file.all.len() - file.synced;
            let kept = file.synced + keep(open).min(open);
            file.all.truncate(kept);
            file.synced = kept;
        }
    }

    /// Changes the bytes of a file
    ///
    /// # Panics
    /// Where there is no such file.
    #[expect(clippy::panic, reason = "documented, and for tests alone")]
    pub fn damage(&self, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
        match self.inner().files.get_mut(name) {
            Some(file) => {
                change(&mut file.all);
                file.synced = file.all.len();
            }
            None => panic!("no file `{name}`"),
        }
    }

    /// Removes a file, where it is there
    pub fn remove(&self, name: &str) {
        self.inner().files.remove(name);
    }

    /// The names of the files on it, in order
    pub fn files(&self) -> Vec<String> {
        let mut names: Vec<_> = self.inner().files.keys().cloned().collect();
        names.sort();
        names
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // A test that panics elsewhere may still look at it.
        self.inner.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Whether the next change is made; `Err` says how it fails
    fn change(&self) -> io::Result<MutexGuard<'_, Inner>> {
        let mut inner = self.inner();
        inner.look()?;
        let number = inner.operations;
        inner.operations += 1;
        match inner.failure {
            Some((at, failure)) if at == number => {
                inner.failure = None;
                match failure {
                    Failure::Error(kind) => Err(kind.into()),
                    Failure::PowerCut => {
                        inner.is_off = true;
                        inner.look()?;
                        Ok(inner)
                    }
                }
            }
            _ => Ok(inner),
        }
    }
}

impl Inner {
    fn look(&self) -> io::Result<()> {
        if self.is_off { Err(io::Error::other("the power is off")) } else { Ok(()) }
    }

    fn file(&self, name: &str) -> io::Result<&Bytes> {
        self.look()?;
        self.files.get(name).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl Disk for TestDisk {
    fn size(&mut self, name: &str) -> io::Result<Option<u64>> {
        match self.inner().file(name) {
            Ok(file) => Ok(Some(file.all.len() as u64)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn read(&mut self, name: &str, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let inner = self.inner();
        let bytes = inner.file(name)?.all.get(start..).and_then(|bytes| bytes.get(..length));
        bytes.map(<[u8]>::to_vec).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    fn append(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let changed = self.change().map(drop);
        // What fails is half done.
        let done = if changed.is_ok() { bytes.len() } else { bytes.len() / 2 };
        let file = &mut self.inner();
        let file = file.files.entry(name.to_owned()).or_default();
        file.all.extend(bytes.iter().take(done));
        changed
    }

    fn truncate(&mut self, name: &str, size: u64) -> io::Result<()> {
        let mut inner = self.change()?;
        let file = inner.files.get_mut(name).ok_or(io::ErrorKind::NotFound)?;
        file.all.truncate(usize::try_from(size).unwrap_or(usize::MAX));
        file.synced = file.synced.min(file.all.len());
        Ok(())
    }

    fn sync(&mut self, name: &str) -> io::Result<()> {
        let mut inner = self.change()?;
        let file = inner.files.get_mut(name).ok_or(io::ErrorKind::NotFound)?;
        file.synced = file.all.len();
        Ok(())
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        let mut inner = self.change()?;
        let file = inner.files.remove(from).ok_or(io::ErrorKind::NotFound)?;
        inner.files.insert(to.to_owned(), file);
        Ok(())
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        self.change().map(drop)?;
        TestDisk::remove(self, name);
        Ok(())
    }
}

/// A job with its state in a real folder, which tells of each change right before it is made
///
/// So that a test can end its process there. What is appended is appended in two halves. A manifest
/// has blocks of so many rows, or of half as many more.
///
/// # Errors
/// As [`Job::run`], where the folder cannot be opened.
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
        let (first, second) = bytes.split_at(bytes.len() / 2);
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
