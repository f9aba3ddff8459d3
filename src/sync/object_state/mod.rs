//! A state in an object store, for services whose machines have no disk, or that run several replicas.
//!
//! # Objects
//! All objects of a state are below its prefix:
//!
//! | object | content |
//! | --- | --- |
//! | `heads/VERSION` | which files there are, their segments, and who holds the lock until when (`head.rs`) |
//! | `data/LOCK-HOLDER-NUMBER` | a segment of a file: bytes that never change (`content.rs`) |
//!
//! `VERSION` has 20 decimal digits. The head with the highest version is the state; every change
//! creates the next one, on the condition that it does not exist (`lease.rs`). So changes have one
//! order whoever makes them, and a holder that was overtaken cannot make one: the version that it would
//! create is that of the head with which the next holder took the lock. These heads are kept.
//!
//! `LOCK` is the version of that head. A holder removes only objects and heads of locks before its own,
//! or its own, so a holder that was overtaken removes nothing that anybody needs.

mod cache;
mod content;
mod files;
mod head;
mod lease;
mod reader;
mod remote;

use std::{fmt, sync::Arc, time::Duration};

use object_store::{ObjectStore, path::Path};

use self::{
    files::HolderFiles,
    head::{LEASES, failed, latest},
    lease::Lease,
    reader::ReaderFiles,
    remote::Remote,
};
use super::state_store::{StateFiles, StateStore};
use crate::{
    clock::{Clock, SystemClock},
    error::Error,
};

/// A state in an object store: Azure Blob Storage, Amazon S3, Google Cloud Storage and others.
///
/// For services without a disk, and with several replicas: any replica that reaches the object store
/// resumes the run of another one. A state is a prefix in the store, and each source needs its own.
///
/// ```
/// use std::sync::Arc;
/// use azure_asset_sync::{
///     Blob, MemoryStore, Prefix, Scan,
///     sync::{Job, Manifest, ObjectStoreState},
/// };
/// use object_store::memory::InMemory;
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// // In a service, for example `object_store::azure::MicrosoftAzureBuilder`.
/// let objects = Arc::new(InMemory::new());
/// let state = ObjectStoreState::new(objects, "states/hall-3");
/// let store = MemoryStore::from_iter([Blob::new("a.jpg", 10)]);
/// Job::with_state(Scan::new(store, &Prefix::default()), state.clone()).run(()).await?;
/// assert_eq!(Manifest::open_in(state).await?.expect("a run has ended").assets(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
///
/// # What the object store must do
/// Reads and listings must show what was written before, and [`PutMode::Create`] must write only if
/// there is no object. The stores of `object_store` for Azure, S3 and Google do so, and so do
/// [`LocalFileSystem`](https://docs.rs/object_store/0.14/object_store/local/struct.LocalFileSystem.html)
/// and `InMemory`. A store that ignores the condition makes the lock worthless. Give the client timeouts,
/// because a request that never ends keeps a thread that the states of a process share.
///
/// # Lease
/// The lock is a lease. A run renews it while it is under way and gives it back at its end, so that the
/// next run starts at once. After a crash the next run fails with
/// [`StateBusy`](crate::ErrorKind::StateBusy) until the lease has expired. Two replicas whose clocks differ
/// by more than the lease can take it from each other, but never damage the state: the run that was
/// overtaken ends with `StateBusy` at its next change.
///
/// # Access
/// Whoever may write below the prefix can remove or forge the state. Checksums find accidental changes
/// only. The service must be allowed to read, list, write and delete objects there.
///
/// # Cost
/// A batch of changes writes about six objects, and a page without a change almost none. Nothing is on
/// a local disk: sorts, which only a listing in no order needs, are written to the object store, too. A
/// run has up to about 16 MiB in memory for segments that it writes and parts that it has read.
///
/// # Panics
/// Blocks like every [`StateStore`], in the context of a Tokio runtime, and panics on a thread that
/// drives asynchronous tasks. Call its methods, and iterate over [`Rows`](super::Rows), in
/// [`spawn_blocking`](tokio::task::spawn_blocking); [`Job`](super::Job),
/// [`Manifest::open_in`](super::Manifest::open_in), [`Manifest::export`](super::Manifest::export) and
/// [`interrupted_in`](super::interrupted_in) do so by themselves. Clients that need threads of their own
/// to block on need more of them than the 16, or four for each core, that states use at once; the default
/// of Tokio is 512.
///
/// [`PutMode::Create`]: object_store::PutMode::Create
#[derive(Clone)]
pub struct ObjectStoreState {
    remote: Remote,
    lease: Duration,
    clock: Arc<dyn Clock>,
}

impl ObjectStoreState {
    /// Names a state by its prefix in a store, without a request.
    pub fn new(store: Arc<dyn ObjectStore>, prefix: impl Into<Path>) -> Self {
        Self {
            remote: Remote::new(store, prefix.into()),
            lease: Duration::from_secs(60),
            clock: Arc::new(SystemClock),
        }
    }

    /// Sets how long the lock lasts without a renewal. The default is a minute.
    ///
    /// At least a second and at most an hour: any other value is taken for the nearest of these. A run
    /// renews the lock after a third of this time.
    pub fn lease(mut self, length: Duration) -> Self {
        self.lease = length.clamp(LEASES.0, LEASES.1);
        self
    }

    /// Sets the clock by which leases expire.
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }
}

impl StateStore for ObjectStoreState {
    fn lock(&self) -> Result<Box<dyn StateFiles>, Error> {
        let lease = Lease::take(self.remote.clone(), Arc::clone(&self.clock), self.lease)?;
        Ok(Box::new(HolderFiles::new(lease)))
    }

    fn open_to_read(&self) -> Result<Box<dyn StateFiles>, Error> {
        let latest = latest(&self.remote)
            .map_err(|error| failed("read the state in the object store", error))?;
        let files = latest.map(|(_, head)| head.files).unwrap_or_default();
        Ok(Box::new(ReaderFiles::new(self.remote.clone(), files)))
    }
}

impl fmt::Debug for ObjectStoreState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The store is not shown: it is not known to hide its credentials.
        f.debug_struct("ObjectStoreState")
            .field("prefix", &self.remote)
            .field("lease", &self.lease)
            .finish_non_exhaustive()
    }
}
