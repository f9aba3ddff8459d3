//! A thread of its own for the state of a run: what it does may wait for the disk.

use std::{
    sync::mpsc,
    thread::{self, JoinHandle},
};

use tokio::task::spawn_blocking;

use super::{
    state::{SyncState, View},
    status::JobControl,
};
use crate::error::{Error, ErrorKind};

type Task = Box<dyn FnOnce(&mut SyncState) + Send>;

/// The state of a run, on its thread
///
/// One thread, so that what is taken for rows again and again is taken from one place: with a pool
/// each of its threads keeps as much. It ends when this is dropped, behind what it does just then,
/// and the hold on the state with it.
pub(super) struct Worker {
    tasks: mpsc::Sender<Task>,
    thread: JoinHandle<()>,
    /// How things stand behind the last task
    view: View,
}

impl Worker {
    pub(super) async fn open(
        open: impl FnOnce() -> Result<SyncState, Error> + Send + 'static,
    ) -> Result<Self, Error> {
        let (tasks, queue) = mpsc::channel::<Task>();
        let (tell, told) = mpsc::channel();
        let work = move || {
            let mut state = match open() {
                Ok(state) => state,
                Err(error) => return drop(tell.send(Err(error))),
            };
            // Who does not wait any more has dropped the other end, and with it the queue's.
            drop(tell.send(Ok(state.view())));
            queue.into_iter().for_each(|task| task(&mut state));
        };
        let thread = thread::Builder::new().name("asset-sync-state".to_owned());
        let thread = thread.spawn(work).map_err(|error| Error::state("start a thread", error))?;
        let view = answer(told).await??;
        Ok(Self { tasks, thread, view })
    }

    /// Does something with the state
    pub(super) async fn run<T: Send + 'static>(
        &mut self,
        task: impl FnOnce(&mut SyncState) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (tell, told) = mpsc::channel();
        let task = move |state: &mut SyncState| {
            let done = task(state);
            drop(tell.send((done, state.view())));
        };
        self.tasks.send(Box::new(task)).map_err(|_| lost())?;
        let (done, view) = answer(told).await?;
        self.view = view;
        done
    }

    /// Ends the thread, and with it the hold on the state
    pub(super) async fn close(self) -> Result<(), Error> {
        drop(self.tasks);
        let thread = self.thread;
        spawn_blocking(move || thread.join()).await.ok().and_then(Result::ok).ok_or_else(lost)
    }

    pub(super) fn view(&self) -> View {
        self.view
    }

    pub(super) fn show(&self, control: &JobControl) {
        let mut shown = control.show();
        shown.run = Some(self.view.run);
        (shown.expected, shown.counts) = (self.view.expected, self.view.counts);
    }
}

/// Waits for an answer of the thread
///
/// By a thread for that, so that a paused clock of a test stands still meanwhile.
async fn answer<T: Send + 'static>(told: mpsc::Receiver<T>) -> Result<T, Error> {
    spawn_blocking(move || told.recv()).await.ok().and_then(Result::ok).ok_or_else(lost)
}

/// The thread has ended by a panic, or the runtime is shutting down
fn lost() -> Error {
    Error::new(ErrorKind::State, "the state of the run was given up; run it again, to go on")
}
