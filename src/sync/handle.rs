//! The handle of a run in a task of its own.

use futures::future::BoxFuture;
use tokio::task::AbortHandle;

use super::{
    control::{JobControl, Request},
    outcome::Outcome,
    status::Status,
    status_watch::StatusWatch,
};

/// A handle of a run in a task of its own, started by [`Job::start`](super::Job::start).
///
/// All clones are handles of the same run. The run does not depend on them: if all are dropped, it
/// continues in the background until it ends, or until its runtime is shut down.
///
/// | to end a run | takes effect | the outcome |
/// | --- | --- | --- |
/// | [`cancel`](Self::cancel) | within a second | [`Cancelled`](Outcome::Cancelled), or complete if it was about to end |
/// | [`abort`](Self::abort) | when the run next waits for anything | [`Aborted`](Outcome::Aborted) |
///
/// After either, the next run with the same state resumes.
///
/// ```
/// use std::time::Duration;
/// use azure_asset_sync::{Blob, MemoryStore, Prefix, Scan, sync::{Ending, Job}};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// # let folder = tempfile::tempdir()?;
/// let store = MemoryStore::from_iter([Blob::new("a.jpg", 10)]);
/// let run = Job::new(Scan::new(store, &Prefix::default()), folder.path()).start(());
///
/// // A wait that times out leaves the run as it is.
/// if tokio::time::timeout(Duration::from_secs(30), run.wait()).await.is_err() {
///     run.cancel();
/// }
/// let summary = run.wait().await.into_result()?;
/// assert_eq!(summary.ending, Ending::Complete);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
#[doc(alias = "JoinHandle")]
#[derive(Clone, Debug)]
pub struct Handle {
    control: JobControl,
    task: AbortHandle,
}

impl Handle {
    /// Takes the task that was spawned for the run with this control.
    pub(super) fn new(control: JobControl, task: AbortHandle) -> Self {
        Self { control, task }
    }

    /// Returns how far the run is, and how it has ended if it has.
    pub fn status(&self) -> Status {
        self.control.status()
    }

    /// Returns the statuses of the run as a stream, from the present one to the last one.
    ///
    /// Any number of watchers can follow a run, for example one for each open page of a user interface.
    #[doc(alias = "subscribe")]
    #[doc(alias = "events")]
    #[doc(alias = "progress")]
    pub fn watch(&self) -> StatusWatch {
        StatusWatch::new(self.control.clone())
    }

    /// Waits until the run ends, and returns how.
    ///
    /// Any number of callers can wait, also after the run has ended. Dropping the future, for example in
    /// a timeout, does not change the run. If the store or the sink panics, the outcome is
    /// [`Panicked`](Outcome::Panicked); the caller does not panic.
    ///
    /// Once the run has ended, its sink is dropped. Its state is released, too, except that after an abort,
    /// or after a cancellation that reached its limit, a write that is in progress is completed first.
    #[doc(alias = "join")]
    pub async fn wait(&self) -> Outcome {
        self.control.ended().await
    }

    /// Returns how the run has ended, or `None` while it runs.
    pub fn outcome(&self) -> Option<Outcome> {
        self.control.outcome()
    }

    /// Returns whether the run has ended, in whatever way.
    #[doc(alias = "is_finished")]
    pub fn has_ended(&self) -> bool {
        self.control.has_ended()
    }

    /// Pauses the run. The status shows [`Paused`](super::Phase::Paused) at once.
    ///
    /// Requests in flight are dropped, and sent again with a new deadline when the run is
    /// [resumed](Self::resume), so a pause is a way through an outage. A batch that the sink was given
    /// before is completed, and nothing is given to it after that. A run that
    /// [finishes](super::Phase::Finishing) does not pause.
    ///
    /// The time of the pause is in [`Status::paused`], and does not count in [`Status::rate`]. A paused
    /// run keeps its state locked.
    pub fn pause(&self) {
        self.control.request(Request::Pause);
    }

    /// Resumes a paused run.
    pub fn resume(&self) {
        self.control.request(Request::Run);
    }

    /// Cancels the run. It ends within a second, usually at once, and the next run with the same state
    /// resumes it.
    ///
    /// Nothing that the run waits for delays this: requests to a service that is down, delays between
    /// retries, a pause. The status shows [`Cancelling`](super::Phase::Cancelling) until the run has ended.
    /// A sink or a state in the middle of a call gets 0.7 s to complete it, so that the batch is committed.
    /// After that the call is dropped, and the next run delivers that batch again. Only code that blocks
    /// its thread can delay the end.
    ///
    /// The outcome is [`Cancelled`](Outcome::Cancelled), also if an error occurs in the meantime. A run
    /// that was about to end may still complete. Removals are interrupted, too: if the sink was given some,
    /// the next run gives it the others, whatever the limit for removals is then.
    ///
    /// A cancellation cannot be withdrawn.
    #[doc(alias = "stop")]
    pub fn cancel(&self) {
        self.control.request(Request::Cancel);
    }

    /// Aborts the run where it waits next. The next run with the same state resumes it.
    ///
    /// The sink is dropped in the middle of a call, without `flush` and `finish`. The batch is delivered
    /// again by the next run. A write to the disk that is in progress is completed in the background, and
    /// the state stays locked until then. Prefer [`cancel`](Self::cancel), which completes the batch.
    #[doc(alias = "kill")]
    pub fn abort(&self) {
        self.task.abort();
    }
}

/// Waits for the end, as [`Handle::wait`] does.
impl IntoFuture for Handle {
    type Output = Outcome;
    type IntoFuture = BoxFuture<'static, Outcome>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { self.wait().await })
    }
}
