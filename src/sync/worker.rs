//! A thread of its own for the state of a run, because every step may wait for the disk.

use std::{
    sync::mpsc,
    thread::{self, JoinHandle},
};

use tokio::task::spawn_blocking;

use super::state::{SyncState, View};
use crate::error::{Error, ErrorKind};

/// A unit of work for the thread.
type Task = Box<dyn FnOnce(&mut SyncState) + Send>;

/// The state of a run, on its thread.
///
/// One thread, and not a pool, because the allocator keeps memory for each thread: with a pool the
/// peak would grow with the number of threads. Dropping the worker ends the thread after the current
/// task, and releases the lock of the state then.
pub(super) struct Worker {
    tasks: mpsc::Sender<Task>,
    thread: JoinHandle<()>,
    /// How the run stands after the last task.
    view: View,
}

impl Worker {
    /// Starts the thread, and opens a state there.
    ///
    /// # Errors
    ///
    /// Returns the error of `open`, or [`State`](ErrorKind::State) if no thread can be started.
    pub(super) async fn open(
        open: impl FnOnce() -> Result<SyncState, Error> + Send + 'static,
    ) -> Result<Self, Error> {
        let (tasks, queue) = mpsc::channel::<Task>();
        let (sender, receiver) = mpsc::channel();
        let work = move || {
            let mut state = match open() {
                Ok(state) => state,
                Err(error) => return drop(sender.send(Err(error))),
            };
            // Fails if the caller has been dropped. The queue is then closed, too.
            drop(sender.send(Ok(state.view())));
            queue.into_iter().for_each(|task| task(&mut state));
        };
        let thread = thread::Builder::new().name("asset-sync-state".to_owned());
        let thread = thread.spawn(work).map_err(|error| Error::state("start a thread", error))?;
        // Two errors: the thread may have ended, or `open` may have failed.
        let view = answer(receiver).await??;
        Ok(Self { tasks, thread, view })
    }

    /// Runs a task with the state, and returns its result.
    ///
    /// Dropping the future does not interrupt the task: the thread completes it, so that no write
    /// is cut off in the middle.
    pub(super) async fn run<T: Send + 'static>(
        &mut self,
        task: impl FnOnce(&mut SyncState) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (sender, receiver) = mpsc::channel();
        let task = move |state: &mut SyncState| {
            // The view is sent with each result, so that the caller reads it without asking the
            // thread.
            let result = task(state);
            drop(sender.send((result, state.view())));
        };
        self.tasks.send(Box::new(task)).map_err(|_| lost())?;
        let (result, view) = answer(receiver).await?;
        self.view = view;
        result
    }

    /// Ends the thread, and waits until the lock of the state is released.
    pub(super) async fn close(self) -> Result<(), Error> {
        // The thread ends when the queue is closed.
        drop(self.tasks);
        let thread = self.thread;
        spawn_blocking(move || thread.join()).await.ok().and_then(Result::ok).ok_or_else(lost)
    }

    /// Returns how the run stands after the last task.
    pub(super) fn view(&self) -> View {
        self.view
    }
}

/// Waits for an answer of the thread.
///
/// Waits on a blocking thread of the runtime and not with an async channel, because a paused clock
/// of a test would advance while the runtime is idle.
async fn answer<T: Send + 'static>(receiver: mpsc::Receiver<T>) -> Result<T, Error> {
    spawn_blocking(move || receiver.recv()).await.ok().and_then(Result::ok).ok_or_else(lost)
}

/// The error if the thread has panicked, or if the runtime shuts down.
fn lost() -> Error {
    Error::new(
        ErrorKind::State,
        "the thread that keeps the state of the run has ended; run again to resume",
    )
}
