//! The status of a run as a stream, for as many watchers as a service has.
//!
//! The run only wakes watchers; each watcher then reads the status itself, at most once in an interval.
//! So a run does the same work for a watcher that is slow, or for none.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use futures::{
    Stream, StreamExt as _,
    stream::{self, BoxStream, FusedStream},
};
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

use super::{control::JobControl, status::Status};

/// The least time between two statuses that differ only in counts.
const INTERVAL: Duration = Duration::from_millis(100);

/// A stream of the statuses of a run. [`Handle::watch`](super::Handle::watch) returns it.
///
/// The first status is the present one. A change of the [phase](Status::phase) follows at once, and other
/// progress at most ten times a second, so statuses may be left out. The last status has the
/// [outcome](Status::outcome); it is never left out, and the stream ends after it. If the run has ended
/// before, the stream is that one status.
///
/// Watchers do not slow the run, and dropping a watcher does not end it.
///
/// ```
/// use azure_asset_sync::{Blob, MemoryStore, Prefix, Scan, sync::Job};
/// use futures::StreamExt as _;
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// # let folder = tempfile::tempdir()?;
/// let store = MemoryStore::from_iter([Blob::new("a.jpg", 10)]);
/// let run = Job::new(Scan::new(store, &Prefix::default()), folder.path()).start(());
/// let mut statuses = run.watch();
/// while let Some(status) = statuses.next().await {
///     println!("{:?}: {} blobs", status.phase, status.report.total());
///     if let Some(outcome) = status.outcome {
///         println!("{outcome}");
///     }
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
#[must_use = "streams do nothing unless polled"]
pub struct StatusWatch {
    control: JobControl,
    statuses: stream::Fuse<BoxStream<'static, Status>>,
}

impl StatusWatch {
    /// Watches the run with this control.
    pub(super) fn new(control: JobControl) -> Self {
        Self::with_interval(control, INTERVAL)
    }

    fn with_interval(control: JobControl, interval: Duration) -> Self {
        let [phases, steps] = control.changes();
        let watching = Watching { control: control.clone(), phases, steps, interval, last: None };
        let statuses = stream::unfold(Some(watching), |watching| async move {
            let mut watching = watching?;
            let status = watching.next().await;
            let has_ended = status.outcome.is_some();
            Some((status, (!has_ended).then_some(watching)))
        });
        Self { control, statuses: statuses.boxed().fuse() }
    }

    /// Sets the least time between two statuses of the same phase; 100 ms by default.
    ///
    /// The stream begins again with the present status.
    #[doc(alias = "throttle")]
    pub fn every(self, interval: Duration) -> Self {
        Self::with_interval(self.control, interval)
    }

    /// Returns the present status, without waiting. The stream stays where it is.
    #[doc(alias = "borrow")]
    pub fn status(&self) -> Status {
        self.control.status()
    }
}

impl Stream for StatusWatch {
    type Item = Status;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Status>> {
        self.statuses.poll_next_unpin(cx)
    }
}

impl FusedStream for StatusWatch {
    fn is_terminated(&self) -> bool {
        self.statuses.is_terminated()
    }
}

impl fmt::Debug for StatusWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StatusWatch").finish_non_exhaustive()
    }
}

/// A watcher between two statuses.
struct Watching {
    control: JobControl,
    phases: watch::Receiver<()>,
    steps: watch::Receiver<()>,
    interval: Duration,
    /// When the last status was read. `None` before the first one.
    last: Option<Instant>,
}

impl Watching {
    /// Waits until there is something new, and returns the status.
    async fn next(&mut self) -> Status {
        // An interval that no clock can represent never ends.
        match self.last.map(|last| last.checked_add(self.interval)) {
            None => {}
            Some(due) => {
                let (phases, steps) = (&mut self.phases, &mut self.steps);
                let step = async {
                    match due {
                        // Not woken by each page in the meantime.
                        Some(due) => sleep_until(due).await,
                        None => std::future::pending().await,
                    }
                    steps.changed().await
                };
                // Both fail only if the control is gone, which `self` has.
                tokio::select! {
                    _ = phases.changed() => {}
                    _ = step => {}
                }
            }
        }
        // Before the status is read, so that a later change is noticed.
        self.phases.borrow_and_update();
        self.steps.borrow_and_update();
        self.last = Some(Instant::now());
        self.control.status()
    }
}
