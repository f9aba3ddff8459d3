//! The handle on a run in a task of its own.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::task::{JoinError, JoinHandle};

use super::{
    status::{JobControl, Request, Status},
    summary::Summary,
};
use crate::error::{Error, ErrorKind};

/// A run in a task of its own; made by [`Job::start`](super::Job::start)
///
/// A future of what the run comes to; it panics where the store or the sink has. Dropping it ends the
/// run, as if it was interrupted.
#[must_use = "a run ends with its handle"]
#[derive(Debug)]
pub struct Handle {
    pub(super) control: JobControl,
    pub(super) task: JoinHandle<Result<Summary, Error>>,
}

impl Handle {
    /// How far it is
    pub fn status(&self) -> Status {
        self.control.status()
    }

    pub(super) fn control(&self) -> &JobControl {
        &self.control
    }

    /// Whether it is over, so that to await it takes no time
    pub fn has_ended(&self) -> bool {
        self.task.is_finished()
    }

    /// Lets it rest behind the page at hand, with the requests that are under way
    pub fn pause(&self) {
        self.control.request(Request::Pause);
    }

    /// Lets it go on
    pub fn resume(&self) {
        self.control.request(Request::Run);
    }

    /// Ends it behind the page at hand; the next run goes on with it
    ///
    /// Once all is listed it comes to its end all the same.
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

fn joined<T>(result: Result<Result<T, Error>, JoinError>) -> Result<T, Error> {
    result.unwrap_or_else(|error| match error.is_panic() {
        true => std::panic::resume_unwind(error.into_panic()),
        false => {
            Err(Error::new(ErrorKind::Unavailable, "the runtime shut down before the run ended"))
        }
    })
}
