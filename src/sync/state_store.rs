//! Where states are kept: the traits that a job needs of a folder, a database or an object store.
//!
//! Everything that must survive a crash goes through [`StateFiles`], so that a test can simulate the
//! crash.

use std::{fmt, io, sync::Arc, time::Duration};

use crate::error::Error;

/// A place that keeps the state of one source: a container and prefix.
///
/// [`StateFolder`](super::StateFolder) keeps it in a folder, which is what
/// [`Job::new`](super::Job::new) uses. A store that several machines reach, such as an object store or
/// a database, lets any replica of a service resume the run of another one.
/// `testing::conformance::check_state` has a case for each rule below.
///
/// # Contract
/// - A state has one holder at a time: while one has it locked, [`lock`](Self::lock) fails with
///   [`StateBusy`](crate::ErrorKind::StateBusy). It does not wait.
/// - A lock that a process may lose without noticing, because the process stalls or loses its network,
///   is a *lease*: it expires unless it is [renewed](StateFiles::renew). The store must then *fence* its
///   former holder: after somebody else has the lock, no change of the former holder has any effect,
///   and each fails with [`ResourceBusy`](io::ErrorKind::ResourceBusy). A lease alone is not enough,
///   because a stalled process cannot check a time and write in one step. Make each change
///   conditional on something that every new holder changes, for example on a number that a
///   database compares in the transaction of the write.
/// - [`open_to_read`](Self::open_to_read) needs no lock, and works while somebody else holds it.
///
/// # Threads
/// All methods block. The crate calls them on threads on which blocking is allowed
/// ([`spawn_blocking`](tokio::task::spawn_blocking)), in the context of the runtime of the job. So an
/// implementation over an async client may call
/// `tokio::runtime::Handle::current().block_on(request)`. Each call must end by itself, with a timeout
/// if it waits for a network, because all states of a process share a few of these threads.
///
/// # Example
///
/// A folder that counts how often it was locked:
///
/// ```
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use azure_asset_sync::{
///     Blob, Error, MemoryStore, Prefix, Scan,
///     sync::{Job, StateFiles, StateFolder, StateStore},
/// };
///
/// #[derive(Debug)]
/// struct Counted {
///     folder: StateFolder,
///     locks: AtomicU64,
/// }
///
/// impl StateStore for Counted {
///     fn lock(&self) -> Result<Box<dyn StateFiles>, Error> {
///         self.locks.fetch_add(1, Ordering::Relaxed);
///         self.folder.lock()
///     }
///
///     fn open_to_read(&self) -> Result<Box<dyn StateFiles>, Error> {
///         self.folder.open_to_read()
///     }
/// }
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path();
/// use std::sync::Arc;
///
/// let state = Arc::new(Counted { folder: StateFolder::new(path), locks: AtomicU64::new(0) });
/// let store = MemoryStore::from_iter([Blob::new("a.jpg", 10)]);
/// let scan = Scan::new(store, &Prefix::default());
/// Job::with_state(scan, Arc::clone(&state)).run(()).await?;
/// assert_eq!(state.locks.load(Ordering::Relaxed), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait StateStore: fmt::Debug + Send + Sync {
    /// Locks the state for one run, and returns its files.
    ///
    /// Creates an empty state if there is none.
    ///
    /// # Errors
    /// [`StateBusy`](crate::ErrorKind::StateBusy) if somebody else holds the lock,
    /// [`State`](crate::ErrorKind::State) if the state cannot be reached,
    /// [`StateInvalid`](crate::ErrorKind::StateInvalid) if it is damaged.
    fn lock(&self) -> Result<Box<dyn StateFiles>, Error>;

    /// Opens the files to read, without the lock.
    ///
    /// A state that does not exist has no files. Every change of these files fails. A file that the
    /// holder replaces while it is read returns bytes of the old file or an error, and never bytes of
    /// both.
    ///
    /// # Errors
    /// [`State`](crate::ErrorKind::State) if the state cannot be reached,
    /// [`StateInvalid`](crate::ErrorKind::StateInvalid) if it is damaged.
    fn open_to_read(&self) -> Result<Box<dyn StateFiles>, Error>;
}

impl<S: StateStore + ?Sized> StateStore for Arc<S> {
    fn lock(&self) -> Result<Box<dyn StateFiles>, Error> {
        (**self).lock()
    }

    fn open_to_read(&self) -> Result<Box<dyn StateFiles>, Error> {
        (**self).open_to_read()
    }
}

/// The files of a state, as [`StateStore`] has opened them.
///
/// Names are flat: at most 64 bytes of `a` to `z`, `0` to `9`, `-` and `.`, and there are no folders. A
/// state has fewer than ten files. A lock that does not expire is given back when the files are dropped,
/// which must not wait for anything; a lease is given back by [`release`](Self::release), or expires.
///
/// # Contract
/// - What was appended is read back at once by these files. It is durable, and visible to others, after
///   [`sync`](Self::sync) at the latest. Earlier, a crash may lose it, or keep any first part of it.
/// - A [`rename`](Self::rename), a [`remove`](Self::remove) and a [`truncate`](Self::truncate) are each
///   one step: others see the state before or after it. The first two are durable when they
///   return.
/// - A change that returns is not undone by a later one that fails. After a change has failed, the run
///   ends; the next holder sees the state before or after that change.
/// - If the lock was lost, every change fails with [`ResourceBusy`](io::ErrorKind::ResourceBusy) and has
///   no effect. The error of a run is then [`StateBusy`](crate::ErrorKind::StateBusy).
///
/// The texts of errors are shown to people, and must not contain a secret.
pub trait StateFiles: fmt::Debug + Send {
    /// Returns the size of a file in bytes, or `None` if there is no such file.
    fn size(&mut self, name: &str) -> io::Result<Option<u64>>;

    /// Reads exactly `length` bytes from an offset.
    ///
    /// # Errors
    /// [`UnexpectedEof`](io::ErrorKind::UnexpectedEof) if the file ends before, without allocating
    /// `length` bytes, because a damaged state may ask for any length.
    /// [`NotFound`](io::ErrorKind::NotFound) if there is no such file.
    fn read(&mut self, name: &str, offset: u64, length: usize) -> io::Result<Vec<u8>>;

    /// Appends bytes to a file, which is created if it does not exist.
    ///
    /// A run appends at most a few hundred MiB between two syncs of a file, in pieces of less than
    /// 64 MiB, and reads them back before the sync when it sorts.
    fn append(&mut self, name: &str, bytes: &[u8]) -> io::Result<()>;

    /// Truncates a file to a size in bytes, which is at most its present size.
    ///
    /// # Errors
    /// [`NotFound`](io::ErrorKind::NotFound) if there is no such file.
    fn truncate(&mut self, name: &str, size: u64) -> io::Result<()>;

    /// Makes the file and everything that was appended to it durable.
    ///
    /// # Errors
    /// [`NotFound`](io::ErrorKind::NotFound) if there is no such file.
    fn sync(&mut self, name: &str) -> io::Result<()>;

    /// Renames a synced file, and replaces the file of the new name in one step.
    ///
    /// # Errors
    /// [`NotFound`](io::ErrorKind::NotFound) if there is no such file; the file of the new name stays.
    fn rename(&mut self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file, if it exists.
    fn remove(&mut self, name: &str) -> io::Result<()>;

    /// Returns how often to call [`renew`](Self::renew) while the run waits, or `None` if the lock does
    /// not expire, which is the default.
    fn renew_every(&self) -> Option<Duration> {
        None
    }

    /// Renews the lease. Does nothing by default.
    ///
    /// Called while the run waits for its store or its sink. It is not called while another method is
    /// under way, so a lease must also be renewed by the other methods.
    ///
    /// # Errors
    /// [`ResourceBusy`](io::ErrorKind::ResourceBusy) if the lock was lost. After any error the run goes
    /// on, and ends at its next change if the lock is lost.
    fn renew(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Gives the lock back, so that the next run need not wait until a lease expires.
    ///
    /// Called once, as the last method, on a thread that may block. Files without a lease may be dropped
    /// instead. There is no error, because the run
    /// has ended: a lock that cannot be given back expires. By default the files are dropped.
    fn release(self: Box<Self>) {}
}
