//! A job: a scan with a state. Its settings, what it refuses, and how it is started.

use std::{
    fmt,
    panic::{AssertUnwindSafe, resume_unwind},
    path::Path,
    sync::Arc,
    time::Duration,
};

use futures::FutureExt as _;
use tracing::Instrument as _;

use super::{
    control::JobControl,
    handle::Handle,
    outcome::Outcome,
    run::RunLoop,
    state::{Intent, Sizes, SyncState, View},
    state_folder::StateFolder,
    state_store::StateStore,
    summary::{Ending, Summary},
    worker::Worker,
};
use crate::{
    clock::Clock,
    error::{Error, ErrorKind},
    observe::{self, Activity},
    scan::{Scan, ScanOptions, Shard},
    sink::{Delivery, Sink},
    validate::{Action, Reason},
};

/// How long a sink or a state may complete its call after a cancellation.
const GRACE: Duration = Duration::from_millis(700);

/// How long the state may take until it is released after a cancellation, from the request on.
const GRACE_TO_CLOSE: Duration = Duration::from_millis(900);

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
    state: Arc<dyn StateStore>,
    source: Option<String>,
    max_removals: f64,
    tombstones: u64,
    /// The sizes of blocks and sorts, which only tests change.
    sizes: Sizes,
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
        Self::with_state(scan, StateFolder::new(state))
    }

    /// Creates a job that keeps its state in a store, such as one that all replicas of a service reach.
    ///
    /// [`new`](Self::new) says what a state belongs to, and what the scan must not do.
    ///
    /// ```
    /// use azure_asset_sync::{
    ///     Blob, MemoryStore, Prefix, Scan,
    ///     sync::{Job, Manifest, StateFolder, interrupted_in},
    /// };
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path();
    /// let state = StateFolder::new(path);
    /// let store = MemoryStore::from_iter([Blob::new("a.jpg", 10)]);
    /// Job::with_state(Scan::new(store, &Prefix::default()), state.clone()).run(()).await?;
    /// assert_eq!(interrupted_in(state.clone()).await?, None);
    /// let manifest = Manifest::open_in(state).await?.expect("a run has ended");
    /// assert_eq!(manifest.assets(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # }).unwrap();
    /// ```
    pub fn with_state(scan: Scan, state: impl StateStore + 'static) -> Self {
        Self {
            scan: scan.into_options(),
            state: Arc::new(state),
            source: None,
            max_removals: 0.3,
            tombstones: 10,
            sizes: Sizes::default(),
        }
    }

    /// Sets how many rows a block has, so that tests with few rows have many blocks.
    #[cfg(feature = "testing")]
    pub(crate) fn rows_per_block(mut self, rows: usize) -> Self {
        self.sizes = Sizes::of_rows(rows);
        self
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

    /// Sets the clock that dates the run, and that its scan waits by; that of the scan by default.
    ///
    /// The same as [`Scan::clock`] before the job is created.
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.scan = self.scan.with_clock(Arc::new(clock));
        self
    }

    /// Runs to the end, and returns what the run did.
    ///
    /// Resumes a run that was interrupted, for any reason. Dropping the future ends the run at any
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
    ///
    /// # Panics
    /// Panics if the store or the sink panics, with that panic. [`start`](Self::start) reports it as an
    /// [`Outcome`] instead.
    #[doc(alias = "resume")]
    pub async fn run(self, sink: impl Sink) -> Result<Summary, Error> {
        let control = JobControl::new(self.scan.progress());
        self.observed(sink, &control).await?.into_result()
    }

    /// Runs in a task of its own, and returns a handle to watch, pause or cancel it.
    ///
    /// The run continues if its handles are dropped. Its end is an [`Outcome`], which can be read from
    /// any handle.
    ///
    /// # Panics
    /// Panics outside of a Tokio runtime with time enabled.
    #[doc(alias = "spawn")]
    pub fn start(self, sink: impl Sink + 'static) -> Handle {
        let control = JobControl::new(self.scan.progress());
        // The guard is moved in, so that it also ends a task that is aborted before its first poll. Fields
        // of a tuple are dropped in their order: the sink before the guard announces the end.
        let work = (self, sink, EndGuard(control.clone()));
        let run = async move {
            let (job, sink, end) = work;
            let EndGuard(control) = &end;
            let run = AssertUnwindSafe(job.observed(sink, control)).catch_unwind().await;
            // The sink is dropped and the state released, so that the caller can start the next run at once.
            control.end(match run {
                Ok(Ok(outcome)) => outcome,
                Ok(Err(error)) => Outcome::Failed { error },
                Err(panic) => Outcome::of_panic(&*panic),
            });
        };
        // A task has no current span, so that of the caller is passed on.
        let task = tokio::spawn(run.in_current_span());
        Handle::new(control, task.abort_handle())
    }

    /// Runs to the end, in a span of its own.
    async fn observed(self, sink: impl Sink, control: &JobControl) -> Result<Outcome, Error> {
        let mut activity = Activity::job(self.scan.store().labels(), self.scan.prefix());
        let result = self.run_loop(sink, control).instrument(activity.span()).await;
        activity.end(result.as_ref().map(Outcome::code), control.counted());
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

    /// Opens the state, runs, and releases the state.
    ///
    /// # Panics
    /// Passes on a panic of the store or the sink, after the state is released.
    async fn run_loop(self, sink: impl Sink, control: &JobControl) -> Result<Outcome, Error> {
        let prefix = self.check(sink.delivery())?;
        let intent = Intent {
            prefix,
            source: self.source,
            // A fingerprint is enough to notice that rules have changed.
            rules: self.scan.rules().fingerprint(),
            tombstones: self.tombstones,
            sizes: self.sizes,
            now: self.scan.clock().time(),
        };
        let state = self.state;
        let open = move || SyncState::open(state.lock()?, intent);
        let scan = self.scan.paused_by(control.listing_pause());
        let unopened = || Ok(Outcome::Cancelled { summary: None });
        let mut run = match control.within(GRACE, Worker::open(open)).await {
            Some(Ok(worker)) => {
                let View { run, number, is_resumed, .. } = worker.view();
                observe::job_started(run, number, is_resumed);
                RunLoop::new(worker, control)
            }
            Some(Err(error)) if !control.is_cancelled() => {
                observe::state_not_opened(&error);
                return Err(error);
            }
            _ => return unopened(),
        };
        let running = AssertUnwindSafe(run.run(scan, sink, self.max_removals)).catch_unwind();
        let result = control.within(GRACE, running).await;
        let cancelled = run.summary(Ending::Cancelled);
        // Also after an error or a panic, so that the caller can start the next run at once.
        let closed = control.within(GRACE_TO_CLOSE, run.close()).await;
        observe::state_released();
        let result = result.transpose().unwrap_or_else(|panic| resume_unwind(panic));
        match result {
            Some(Ok(summary)) if summary.ending != Ending::Cancelled => {
                closed.transpose()?;
                Ok(Outcome::Complete { summary })
            }
            // What fails after a cancellation is met again by the next run.
            Some(Err(error)) if !control.is_cancelled() => Err(error),
            _ => Ok(Outcome::Cancelled { summary: Some(cancelled) }),
        }
    }
}

/// Ends a run that has no other outcome: its task was aborted, or its runtime was shut down.
struct EndGuard(JobControl);

impl Drop for EndGuard {
    fn drop(&mut self) {
        self.0.end(Outcome::Aborted);
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
