//! Runs under way by an id, for services that start a run in one request and ask for it in another.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard},
};

use super::{
    control::{JobControl, Request},
    handle::Handle,
    job::Job,
    status::Status,
    summary::Summary,
};
use crate::{
    error::{Error, ErrorKind},
    sink::Sink,
};

/// Runs under way, each by an id that the caller chooses, such as that of a connection.
///
/// An id has one run at a time. The result of a run is kept until it is taken, or until the next run
/// with the same id is started. Dropping this aborts all runs.
///
/// ```
/// use azure_asset_sync::{Blob, MemoryStore, Prefix, Scan, sync::{Job, Jobs}};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// # let folder = tempfile::tempdir()?;
/// let store = MemoryStore::from_iter([Blob::new("a.jpg", 10)]);
/// let jobs = Jobs::default();
/// jobs.start("hall-3", Job::new(Scan::new(store, &Prefix::default()), folder.path()), ())?;
/// println!("{:?}", jobs.status("hall-3").map(|status| status.phase));
/// let summary = jobs.wait("hall-3").await.expect("it was started")?;
/// assert_eq!(summary.counts.added, 1);
/// assert!(jobs.status("hall-3").is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
#[derive(Debug, Default)]
pub struct Jobs(Mutex<HashMap<String, Entry>>);

#[derive(Debug)]
struct Entry {
    /// Stays here while somebody waits, so that the status can still be read.
    control: JobControl,
    /// `None` while somebody waits for the run.
    handle: Option<Handle>,
}

impl Jobs {
    /// Starts a run under an id.
    ///
    /// # Errors
    /// [`StateBusy`](ErrorKind::StateBusy) if a run with this id has not ended.
    ///
    /// # Panics
    /// Panics outside of a Tokio runtime with time enabled.
    pub fn start(
        &self,
        id: impl Into<String>,
        job: Job,
        sink: impl Sink + 'static,
    ) -> Result<(), Error> {
        let (id, mut all) = (id.into(), self.all());
        if all.get(&id).is_some_and(|entry| !entry.control.has_ended()) {
            let what = format!(
                "a run with the id `{}` has not ended; wait until it ends, or cancel it",
                id.escape_debug()
            );
            return Err(Error::new(ErrorKind::StateBusy, what));
        }
        // Under the lock, so that two callers cannot start the same id.
        let handle = job.start(sink);
        all.insert(id, Entry { control: handle.control().clone(), handle: Some(handle) });
        Ok(())
    }

    /// Returns how far a run is, or `None` if there is no run with this id.
    pub fn status(&self, id: &str) -> Option<Status> {
        self.all().get(id).map(|entry| entry.control.status())
    }

    /// Returns the ids of all runs, in no particular order.
    pub fn ids(&self) -> Vec<String> {
        self.all().keys().cloned().collect()
    }

    /// Pauses a run, as [`Handle::pause`] does; returns whether there is a run with this id.
    pub fn pause(&self, id: &str) -> bool {
        self.request(id, Request::Pause)
    }

    /// Resumes a run, as [`Handle::resume`] does; returns whether there is a run with this id.
    pub fn resume(&self, id: &str) -> bool {
        self.request(id, Request::Run)
    }

    /// Cancels a run, as [`Handle::cancel`] does; returns whether there is a run with this id.
    pub fn cancel(&self, id: &str) -> bool {
        self.request(id, Request::Cancel)
    }

    /// Requests something of a run; returns whether there is a run with this id.
    fn request(&self, id: &str, request: Request) -> bool {
        self.all().get(id).map(|entry| entry.control.request(request)).is_some()
    }

    /// Waits until a run ends, and takes its result.
    ///
    /// Returns `None` if there is no run with this id, or if somebody waits for it already. Dropping
    /// the future aborts the run, so use [`status`](Self::status) rather than a timeout around this
    /// future to look after a run.
    pub async fn wait(&self, id: &str) -> Option<Result<Summary, Error>> {
        // Taken out while it is awaited, because the lock must not be held across an await.
        let handle = self.all().get_mut(id)?.handle.take()?;
        let control = handle.control().clone();
        let result = handle.await;
        let mut all = self.all();
        // Another run may have been started under the id in the meantime.
        if all.get(id).is_some_and(|entry| entry.control.is(&control)) {
            all.remove(id);
        }
        Some(result)
    }

    /// Locks the runs. No lock is held across an await.
    fn all(&self) -> MutexGuard<'_, HashMap<String, Entry>> {
        // No change can panic halfway, so a poisoned map is still consistent.
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}
