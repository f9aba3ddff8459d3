//! A job: a scan with a state. Its settings, what it refuses, and how it is started.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use tracing::Instrument as _;

use super::{
    control::JobControl,
    disk::Disk,
    handle::Handle,
    run::RunLoop,
    state::{Intent, Sizes, SyncState, View},
    state_folder::StateFolder,
    status::Phase,
    summary::Summary,
    worker::Worker,
};
use crate::{
    clock::{Clock, SystemClock},
    error::{Error, ErrorKind},
    observe::{self, Activity},
    scan::{Scan, ScanOptions, Shard},
    sink::{Delivery, Sink},
    validate::{Action, Reason},
};

/// A run that starts from what the last run has seen, and reports to a sink what has changed since.
///
/// ```
/// use azure_asset_sync::{Blob, MemoryStore, Prefix, Scan, sync::Job};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let state = tempfile::tempdir()?;
/// let store = MemoryStore::from_iter([Blob::new("a.jpg", 10), Blob::new("b.jpg", 20)]);
/// let summary = Job::new(Scan::new(store, &Prefix::default()), state.path())
///     .source("https://account.blob.core.windows.net/container")
///     .max_removals(0.1)
///     .run(())
///     .await?;
/// assert_eq!(summary.counts.added, 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
#[doc(alias = "sync")]
#[doc(alias = "delta")]
#[doc(alias = "incremental")]
#[must_use = "a job does nothing until it is run or started"]
pub struct Job {
    scan: ScanOptions,
    state: State,
    source: Option<String>,
    max_removals: f64,
    tombstones: u64,
    /// The sizes of blocks and sorts, which only tests change.
    sizes: Sizes,
    clock: Arc<dyn Clock>,
}

/// Where a job keeps its state.
enum State {
    Folder(PathBuf),
    #[cfg(feature = "testing")]
    Disk(Box<dyn Disk>),
}

impl Job {
    /// Creates a job that keeps its state in a folder, which is created if it does not exist.
    ///
    /// An existing folder must belong to the run's user or to root. Only these users and a group that
    /// the run is in may write to it, so a umask of 002 and the `fsGroup` of a Kubernetes pod work
    /// without changes. For any other folder the error names the command that helps, for example
    /// `chmod o-w`. Members of that group can remove a state, but they can neither read nor forge it;
    /// `chmod 700` keeps them out.
    ///
    /// A folder belongs to one container and prefix, and one run at a time uses it. The scan must not
    /// list snapshots or versions, and its rules must not reject names that collide, because which of
    /// two such names is rejected depends on which page arrives first.
    #[doc(alias = "checkpoint")]
    pub fn new(scan: Scan, state: impl AsRef<Path>) -> Self {
        Self {
            scan: scan.into_options(),
            state: State::Folder(state.as_ref().to_owned()),
            source: None,
            max_removals: 0.3,
            tombstones: 10,
            sizes: Sizes::default(),
            clock: Arc::new(SystemClock),
        }
    }

    /// Creates a job on the disk of a test, with blocks of this many rows.
    #[cfg(feature = "testing")]
    pub(crate) fn on_disk(scan: Scan, disk: Box<dyn Disk>, rows: usize) -> Self {
        Self { state: State::Disk(disk), sizes: Sizes::of_rows(rows), ..Self::new(scan, "") }
    }

    /// Names the source of the listing, for example by the URL of the container.
    ///
    /// A state that was made from another source is refused. The source is stored in the state, so
    /// it must not contain a secret.
    pub fn source(mut self, source: impl Into<String>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Sets the share of the assets that one run may remove, from 0 to 1. The default is 0.3.
    ///
    /// If more are missing, no removal is reported, because a wrong prefix or a lost permission must
    /// not empty a dataset. The run ends as
    /// [`Ending::RemovalsWithheld`](super::Ending::RemovalsWithheld), and a later run with a higher
    /// share reports the removals if the assets are still missing. 1.0 allows all removals.
    ///
    /// Assets that the filter leaves out do not count. Assets that other rules reject do.
    #[doc(alias = "max delete")]
    #[doc(alias = "max_delete")]
    #[doc(alias = "max_deletes")]
    pub fn max_removals(mut self, share: f64) -> Self {
        self.max_removals = share;
        self
    }

    /// Sets for how many runs a removed asset is remembered. The default is 10.
    ///
    /// Only runs that find changes count. An asset that comes back in that time is reported as
    /// [`Change::Restored`](crate::sink::Change::Restored), and later as
    /// [`Change::Added`](crate::sink::Change::Added).
    pub fn tombstones(mut self, runs: u64) -> Self {
        self.tombstones = runs;
        self
    }

    /// Sets the clock that dates the run.
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Runs to the end, and returns what the run did.
    ///
    /// Resumes a run that was interrupted, for any reason. Dropping the future cancels the run at any
    /// time; a write to the disk that is in progress is completed in the background, and the state stays
    /// locked until then.
    ///
    /// Names may come in any order. If they contradict the order that was assumed, the run lists them
    /// once more in an order that explains them, or else sorts them on the disk of the state. The sink
    /// receives nothing twice except entries without a readable name, which no listing can recognize.
    ///
    /// # Errors
    /// Returns the first error of the store, the sink or the state. What was committed until then is
    /// kept, and the [`Manifest`](super::Manifest) stays that of the last complete run.
    /// - [`Config`](ErrorKind::Config) if a job cannot use the scan or the sink.
    /// - [`StateBusy`](ErrorKind::StateBusy) if another run uses the state.
    /// - [`StateInvalid`](ErrorKind::StateInvalid) if the state is damaged, has another format version
    ///   or belongs to another source.
    #[doc(alias = "resume")]
    pub async fn run(self, sink: impl Sink) -> Result<Summary, Error> {
        let control = JobControl::new(self.scan.progress());
        self.drive(sink, control).await
    }

    /// Runs in a task of its own, and returns a handle to watch, pause or cancel it.
    ///
    /// The run is aborted when its handle is dropped.
    ///
    /// # Panics
    /// Panics outside of a Tokio runtime with time enabled.
    pub fn start(self, sink: impl Sink + 'static) -> Handle {
        let control = JobControl::new(self.scan.progress());
        // A task has no current span, so that of the caller is passed on.
        let task = tokio::spawn(self.drive(sink, control.clone()).in_current_span());
        Handle::new(control, task)
    }

    /// Runs to the end, and shows in the control how the run has ended.
    async fn drive(self, sink: impl Sink, control: JobControl) -> Result<Summary, Error> {
        // A guard, because the future may also be dropped, or panic in the store or the sink.
        let guard = FailureGuard(&control);
        let mut activity = Activity::job(self.scan.store().labels(), self.scan.prefix());
        let result = self.run_loop(sink, &control).instrument(activity.span()).await;
        activity.end(result.as_ref().map(|summary| summary.ending.code()), control.counted());
        if result.is_ok() {
            control.set_phase(Phase::Ended);
        }
        drop(guard);
        result
    }

    /// Checks that a job can use the scan and the sink, and returns the prefix of the scan.
    fn check(&self, delivery: Delivery) -> Result<String, Error> {
        let config = |what: &str| Err(Error::new(ErrorKind::Config, what));
        if delivery == Delivery::Replace {
            return config(
                "this sink replaces its whole output, and a job reports only what has changed; give the sink to Manifest::export after the run, or run the scan into it",
            );
        }
        // Rows are found by name, and copies of a blob share their name.
        if self.scan.lists_copies() {
            return config(
                "a job keeps one entry for each name; leave snapshots and versions out of the scan",
            );
        }
        let (shards, rules) = (self.scan.shards(), self.scan.rules());
        let collisions = [Reason::CaseCollision, Reason::BaseNameCollision];
        if collisions.iter().any(|reason| rules.action(*reason) == Action::Reject) {
            return config(
                "a job cannot reject names that collide, because which of two names comes first differs from run to run; note collisions, or ignore them",
            );
        }
        if !(0.0..=1.0).contains(&self.max_removals) {
            return config("max_removals must be a number from 0 to 1");
        }
        match shards {
            // The ranges that remain are shards, too, and two sets of shards do not combine.
            [Shard { prefix, start: None, end: None, after: None, .. }] => Ok(prefix.clone()),
            _ => config("a job chooses its own shards; give it a scan of a prefix without shards"),
        }
    }

    /// Opens the state on a thread of its own, runs, and releases the state.
    async fn run_loop(self, sink: impl Sink, control: &JobControl) -> Result<Summary, Error> {
        let prefix = self.check(sink.delivery())?;
        let intent = Intent {
            prefix,
            source: self.source,
            // A fingerprint is enough to notice that rules have changed.
            rules: self.scan.rules().fingerprint(),
            tombstones: self.tombstones,
            sizes: self.sizes,
            now: self.clock.time(),
        };
        let state = self.state;
        // Runs on the worker thread, because opening a state reads and writes files.
        let open = move || {
            let disk: Box<dyn Disk> = match state {
                State::Folder(path) => Box::new(StateFolder::open(&path)?),
                #[cfg(feature = "testing")]
                State::Disk(disk) => disk,
            };
            SyncState::open(disk, intent)
        };
        let worker = Worker::open(open).await.inspect_err(observe::state_not_opened)?;
        let View { run, number, is_resumed, .. } = worker.view();
        observe::job_started(run, number, is_resumed);
        let mut run = RunLoop::new(worker, control);
        let result = run.run(self.scan, sink, self.max_removals).await;
        // Also after an error, so that the caller can start the next run at once.
        run.close().await?;
        observe::state_released();
        result
    }
}

/// Marks a run as failed unless it has ended well: after an error, a panic, or when it is dropped.
struct FailureGuard<'a>(&'a JobControl);

impl Drop for FailureGuard<'_> {
    fn drop(&mut self) {
        self.0.fail_unless_ended();
    }
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job")
            .field("scan", &self.scan)
            .field("source", &self.source)
            .field("max_removals", &self.max_removals)
            .finish_non_exhaustive()
    }
}
