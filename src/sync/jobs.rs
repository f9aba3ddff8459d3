use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard},
};

use super::{
    Handle, Job, Status, Summary,
    status::{JobControl, Request},
};
use crate::{
    error::{Error, ErrorKind},
    sink::Sink,
};

/// Runs under way, each by an id of the caller's choice, such as that of its connection
///
/// For services that answer "how far is it?" by an id. An id has one run at a time. What a run came to
/// is kept until it is taken, or the next one is started. Dropping it ends all of them.
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
    control: JobControl,
    /// Not here while somebody waits for it
    handle: Option<Handle>,
}

impl Jobs {
    /// Starts a run under an id
    ///
    /// Must be called inside a Tokio runtime with time enabled.
    ///
    /// # Errors
    /// [`StateBusy`](ErrorKind::StateBusy) where one with this id has not ended.
    pub fn start(
        &self,
        id: impl Into<String>,
        job: Job,
        sink: impl Sink + 'static,
    ) -> Result<(), Error> {
        let (id, mut all) = (id.into(), self.all());
        if all.get(&id).is_some_and(|entry| !entry.control.has_ended()) {
            let what = format!(
                "a run of `{}` is under way; wait for its end, or cancel it",
                id.escape_debug()
            );
            return Err(Error::new(ErrorKind::StateBusy, what));
        }
        let handle = job.start(sink);
        all.insert(id, Entry { control: handle.control().clone(), handle: Some(handle) });
        Ok(())
    }

    /// How far a run is; `None` where there is none with this id
    pub fn status(&self, id: &str) -> Option<Status> {
        self.all().get(id).map(|entry| entry.control.status())
    }

    /// The ids of all, in no order
    pub fn ids(&self) -> Vec<String> {
        self.all().keys().cloned().collect()
    }

    /// As [`Handle::pause`]; says whether there is such a run
    pub fn pause(&self, id: &str) -> bool {
        self.request(id, Request::Pause)
    }

    /// As [`Handle::resume`]; says whether there is such a run
    pub fn resume(&self, id: &str) -> bool {
        self.request(id, Request::Run)
    }

    /// As [`Handle::cancel`]; says whether there is such a run
    pub fn cancel(&self, id: &str) -> bool {
        self.request(id, Request::Cancel)
    }

    fn request(&self, id: &str, request: Request) -> bool {
        self.all().get(id).map(|entry| entry.control.request(request)).is_some()
    }

    /// Waits for the end of a run, and takes it out; `None` where there is none with this id, or where
    /// somebody waits for it already
    ///
    /// Dropping the future ends the run: to wait no longer than a time, ask for its status.
    pub async fn wait(&self, id: &str) -> Option<Result<Summary, Error>> {
        let handle = self.all().get_mut(id)?.handle.take()?;
        let control = handle.control().clone();
        let result = handle.await;
        let mut all = self.all();
        if all.get(id).is_some_and(|entry| entry.control.is(&control)) {
            all.remove(id);
        }
        Some(result)
    }

    fn all(&self) -> MutexGuard<'_, HashMap<String, Entry>> {
        // Each change of the map is whole, so that a poisoned one is still right.
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}
