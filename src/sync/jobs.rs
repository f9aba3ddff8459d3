//! Runs by an id, for services that start a run in one request and ask for it in another.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use futures::future::join_all;
use tokio::time::timeout;

use super::{
    handle::Handle, job::Job, outcome::Outcome, status::Status, status_watch::StatusWatch,
};
use crate::{
    error::{Error, ErrorKind},
    sink::Sink,
};

/// How many ended runs are kept by default.
const ENDED: usize = 1000;

/// How long a shutdown waits until runs that it has aborted have ended.
const ABORTING: Duration = Duration::from_secs(1);

/// Runs, each by an id that the caller chooses, such as that of a connection.
///
/// An id has one run at a time. Clones share the runs, so that each request of a service can have one.
/// Runs do not depend on this value: if all clones are dropped, they continue. Use
/// [`shutdown`](Self::shutdown) to end them.
///
/// A run that has ended stays here with its [`Status`] and [`Outcome`], until it is
/// [removed](Self::remove), until another run is started under its id, or until there are more than
/// [1,000](Self::with_ended) ended runs. Then starting a run forgets those that were started first.
///
/// ```
/// use std::time::Duration;
/// use azure_asset_sync::{Blob, MemoryStore, Prefix, Scan, sync::{Job, Jobs}};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// # let folder = tempfile::tempdir()?;
/// let store = MemoryStore::from_iter([Blob::new("a.jpg", 10)]);
/// let jobs = Jobs::new();
/// jobs.start("hall-3", Job::new(Scan::new(store, &Prefix::default()), folder.path()), ())?;
/// for (id, status) in jobs.list() {
///     println!("{id}: {:?}", status.phase);
/// }
/// let outcome = jobs.wait("hall-3").await.expect("it was started");
/// assert_eq!(outcome.into_result()?.counts.added, 1);
/// assert!(jobs.status("hall-3").is_some_and(|status| status.outcome.is_some()));
///
/// // Before the process ends: cancels all runs, and aborts those that have not ended after 10 s.
/// let aborted = jobs.shutdown(Duration::from_secs(10)).await;
/// assert!(aborted.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct Jobs {
    runs: Arc<Mutex<Runs>>,
    /// How many ended runs are kept.
    ended: usize,
}

#[derive(Debug, Default)]
struct Runs {
    by_id: HashMap<String, Run>,
    /// How many runs were started.
    started: u64,
    is_shut_down: bool,
}

#[derive(Debug)]
struct Run {
    handle: Handle,
    /// The number of the run, by which old ones are forgotten.
    number: u64,
}

impl Default for Jobs {
    fn default() -> Self {
        Self::new()
    }
}

impl Jobs {
    /// Creates an empty set of runs.
    pub fn new() -> Self {
        Self { runs: Arc::default(), ended: ENDED }
    }

    /// Sets how many ended runs are kept; 1,000 by default.
    ///
    /// An ended run takes a few kilobytes. With 0, the outcome of a run is known only to those that wait
    /// for it or watch it when it ends, as soon as another run is started.
    pub fn with_ended(mut self, runs: usize) -> Self {
        self.ended = runs;
        self
    }

    /// Starts a run under an id, and returns its handle.
    ///
    /// An ended run with this id is forgotten.
    ///
    /// # Errors
    /// [`StateBusy`](ErrorKind::StateBusy) if a run with this id has not ended, and
    /// [`Cancelled`](ErrorKind::Cancelled) after a [`shutdown`](Self::shutdown) has begun.
    ///
    /// # Panics
    /// Panics outside of a Tokio runtime with time enabled.
    #[doc(alias = "spawn")]
    pub fn start(
        &self,
        id: impl Into<String>,
        job: Job,
        sink: impl Sink + 'static,
    ) -> Result<Handle, Error> {
        let (id, mut runs) = (id.into(), self.runs());
        if runs.is_shut_down {
            let what = "the service shuts down, so no run is started; start it after the restart";
            return Err(Error::new(ErrorKind::Cancelled, what));
        }
        if runs.by_id.get(&id).is_some_and(|run| !run.handle.has_ended()) {
            let what = format!(
                "a run with the id `{}` has not ended; wait until it ends, or cancel it",
                id.escape_debug()
            );
            return Err(Error::new(ErrorKind::StateBusy, what));
        }
        // Under the lock, so that two callers cannot start the same id.
        let handle = job.start(sink);
        runs.started += 1;
        let run = Run { handle: handle.clone(), number: runs.started };
        runs.by_id.insert(id, run);
        runs.forget(self.ended);
        Ok(handle)
    }

    /// Returns the handle of a run, or `None` if there is no run with this id.
    pub fn get(&self, id: &str) -> Option<Handle> {
        self.runs().by_id.get(id).map(|run| run.handle.clone())
    }

    /// Returns how far a run is or how it has ended, or `None` if there is no run with this id.
    pub fn status(&self, id: &str) -> Option<Status> {
        self.get(id).map(|run| run.status())
    }

    /// Returns the statuses of a run as a stream, as [`Handle::watch`] does, or `None` if there is no run
    /// with this id.
    #[doc(alias = "subscribe")]
    #[doc(alias = "events")]
    pub fn watch(&self, id: &str) -> Option<StatusWatch> {
        self.get(id).map(|run| run.watch())
    }

    /// Returns all runs with their ids, by ascending id. Ended runs have an
    /// [outcome](Status::outcome).
    #[doc(alias = "iter")]
    pub fn list(&self) -> Vec<(String, Status)> {
        // Collected first: a status copies counts, which need not happen under the lock.
        let runs = self.handles(|_| true);
        runs.into_iter().map(|(id, run)| (id, run.status())).collect()
    }

    /// Returns the ids of all runs, in ascending order.
    pub fn ids(&self) -> Vec<String> {
        self.handles(|_| true).into_iter().map(|(id, _)| id).collect()
    }

    /// Pauses a run, as [`Handle::pause`] does; returns whether there is a run with this id.
    pub fn pause(&self, id: &str) -> bool {
        self.get(id).map(|run| run.pause()).is_some()
    }

    /// Resumes a run, as [`Handle::resume`] does; returns whether there is a run with this id.
    pub fn resume(&self, id: &str) -> bool {
        self.get(id).map(|run| run.resume()).is_some()
    }

    /// Cancels a run, as [`Handle::cancel`] does; returns whether there is a run with this id.
    #[doc(alias = "stop")]
    pub fn cancel(&self, id: &str) -> bool {
        self.get(id).map(|run| run.cancel()).is_some()
    }

    /// Aborts a run, as [`Handle::abort`] does; returns whether there is a run with this id.
    #[doc(alias = "kill")]
    pub fn abort(&self, id: &str) -> bool {
        self.get(id).map(|run| run.abort()).is_some()
    }

    /// Waits until a run ends, and returns how. The run stays here.
    ///
    /// Returns `None` if there is no run with this id. Any number of callers can wait, and dropping the
    /// future does not change the run.
    #[doc(alias = "join")]
    pub async fn wait(&self, id: &str) -> Option<Outcome> {
        Some(self.get(id)?.wait().await)
    }

    /// Removes a run that has ended, and returns its last status.
    ///
    /// Returns `None`, and removes nothing, if the run has not ended, or if there is no run with this id.
    pub fn remove(&self, id: &str) -> Option<Status> {
        let mut runs = self.runs();
        if !runs.by_id.get(id)?.handle.has_ended() {
            return None;
        }
        runs.by_id.remove(id).map(|run| run.handle.status())
    }

    /// Cancels all runs, waits until they have ended, and returns the ids of those that had to be aborted.
    ///
    /// From now on, [`start`](Self::start) fails. Runs usually end at once, and within a second if they are
    /// in the middle of a batch. Those that have not ended after `deadline` are aborted, and awaited for
    /// one more second; only code that blocks its thread takes longer. All of them resume when they are
    /// started again, by another process. Their outcomes stay here.
    ///
    /// Dropping the future leaves the runs cancelled, and aborts none. A second call waits for the same
    /// runs.
    #[doc(alias = "close")]
    #[doc(alias = "join_all")]
    pub async fn shutdown(&self, deadline: Duration) -> Vec<String> {
        self.runs().is_shut_down = true;
        let has_not_ended = |run: &Handle| !run.has_ended();
        let runs = self.handles(has_not_ended);
        runs.iter().for_each(|(_, run)| run.cancel());
        if timeout(deadline, join_all(runs.iter().map(|(_, run)| run.wait()))).await.is_ok() {
            return Vec::new();
        }
        let late: Vec<_> = runs.into_iter().filter(|(_, run)| has_not_ended(run)).collect();
        late.iter().for_each(|(_, run)| run.abort());
        let ends = join_all(late.iter().map(|(_, run)| run.wait()));
        // Not an error if it is too long: the caller wants to end in any case.
        let _ = timeout(ABORTING, ends).await;
        late.into_iter().map(|(id, _)| id).collect()
    }

    /// Returns the handles that a predicate accepts, by ascending id.
    fn handles(&self, accepts: impl Fn(&Handle) -> bool) -> Vec<(String, Handle)> {
        let runs = self.runs();
        let accepted = runs.by_id.iter().filter(|(_, run)| accepts(&run.handle));
        let mut handles: Vec<_> =
            accepted.map(|(id, run)| (id.clone(), run.handle.clone())).collect();
        drop(runs);
        handles.sort_by(|(a, _), (b, _)| a.cmp(b));
        handles
    }

    /// Locks the runs. No lock is held across an await.
    fn runs(&self) -> MutexGuard<'_, Runs> {
        // No change can panic halfway, so a poisoned map is still consistent.
        self.runs.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Runs {
    /// Forgets the ended runs that were started first, except this many.
    fn forget(&mut self, kept: usize) {
        let ended = self.by_id.values().filter(|run| run.handle.has_ended());
        let mut numbers: Vec<_> = ended.map(|run| run.number).collect();
        let Some(excess) = numbers.len().checked_sub(kept).filter(|excess| *excess > 0) else {
            return;
        };
        numbers.sort_unstable();
        numbers.truncate(excess);
        self.by_id.retain(|_, run| numbers.binary_search(&run.number).is_err());
    }
}
