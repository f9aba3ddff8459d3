//! The handle of a run in a task of its own.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::task::{JoinError, JoinHandle};

use super::{
    control::{JobControl, Request},
    status::Status,
    summary::Summary,
};
use crate::error::{Error, ErrorKind};

/// A run in a task of its own, started by [`Job::start`](super::Job::start).
///
/// A future of the [`Summary`]. It panics if the store or the sink has panicked. Dropping the handle
/// aborts the run; the next run with the same state resumes it.
#[must_use = "dropping the handle aborts the run"]
#[derive(Debug)]
pub struct Handle {
    control: JobControl,
    task: JoinHandle<Result<Summary, Error>>,
}

impl Handle {
    /// Takes a task that was spawned for the run with this control.
    pub(super) fn new(control: JobControl, task: JoinHandle<Result<Summary, Error>>) -> Self {
        Self { control, task }
    }

    /// Returns how far the run is.
    pub fn status(&self) -> Status {
        self.control.status()
    }

    pub(super) fn control(&self) -> &JobControl {
        &self.control
    }

    /// Returns whether the run is over, so that awaiting the handle takes no time.
    pub fn has_ended(&self) -> bool {
        self.task.is_finished()
    }

    /// Pauses the run after the current page. Requests that are in flight still complete.
    ///
    /// The time of the pause is in [`Status::paused`], and does not count in [`Status::rate`].
    pub fn pause(&self) {
        self.control.request(Request::Pause);
    }

    /// Resumes a paused run.
    pub fn resume(&self) {
        self.control.request(Request::Run);
    }

    /// Cancels the run after the current page. The next run with the same state resumes it.
    ///
    /// A run that has listed everything is completed instead. A cancellation cannot be withdrawn.
    pub fn cancel(&self) {
        self.control.request(Request::Cancel);
    }
}

impl Future for Handle {
    type Output = Result<Summary, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(joined(ready!(Pin::new(&mut self.task).poll(cx))))
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Returns the result of a task that has ended, and passes on its panic.
fn joined<T>(result: Result<Result<T, Error>, JoinError>) -> Result<T, Error> {
    result.unwrap_or_else(|error| match error.is_panic() {
        // The panic of a store or a sink is that of the caller.
        true => std::panic::resume_unwind(error.into_panic()),
        // The task is aborted only when the handle is dropped, and then nobody polls it.
        false => {
            Err(Error::new(ErrorKind::Unavailable, "the runtime shut down before the run ended"))
        }
    })
}
