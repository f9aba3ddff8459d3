//! The state of a run, on threads that may block, because every step may wait for a disk or a network.
//!
//! The state moves into a step and back, so a run that waits for its store or its sink has no thread.

use std::{
    num::NonZeroUsize,
    sync::{Arc, LazyLock, Mutex, Weak},
    thread,
    time::Duration,
};

use tokio::{
    runtime::Handle,
    sync::Semaphore,
    task::{JoinHandle, spawn_blocking},
    time::sleep,
};

use super::state::{SyncState, View};
use crate::error::{Error, ErrorKind};

/// How many steps of all runs of a process may be under way at once, on a machine with few cores.
const FEW_CORES: usize = 16;

/// How many steps may be under way for each core. Steps mostly wait for the disk.
const STEPS_PER_CORE: usize = 4;

/// A permit for each step of all runs of the process.
///
/// Without a limit, hundreds of runs that start together would start as many threads, and the
/// allocator keeps memory for each.
static STEPS: LazyLock<Semaphore> = LazyLock::new(|| {
    let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    Semaphore::new(FEW_CORES.max(STEPS_PER_CORE * cores))
});

/// The state of a run, which its steps take in turn.
type Shared = Arc<Mutex<Held>>;

/// Runs the steps of a state, one after the other.
///
/// Dropping the worker lets the step that is under way complete, and releases the lock of the state
/// then.
pub(super) struct Worker {
    state: Shared,
    /// Renews the lock while the run waits, if the lock expires.
    renewal: Option<JoinHandle<()>>,
    /// How the run stands after the last step.
    view: View,
}

impl Worker {
    /// Opens a state.
    ///
    /// # Errors
    ///
    /// Returns the error of `open`.
    pub(super) async fn open(
        open: impl FnOnce() -> Result<SyncState, Error> + Send + 'static,
    ) -> Result<Self, Error> {
        // Wrapped at once, because the future may be dropped before it receives the state.
        let open =
            move || open().map(|state| (state.view(), state.renew_every(), Held(Some(state))));
        let (view, renew_every, state) = blocking(open).await??;
        let state = Arc::new(Mutex::new(state));
        let renewal = renew_every.map(|every| tokio::spawn(renew(Arc::downgrade(&state), every)));
        Ok(Self { state, renewal, view })
    }

    /// Runs a step with the state, and returns its result.
    ///
    /// Dropping the future does not interrupt a step that has begun, so that no write is cut off in
    /// the middle.
    pub(super) async fn run<T: Send + 'static>(
        &mut self,
        step: impl FnOnce(&mut SyncState) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let state = Arc::clone(&self.state);
        let step = move || {
            // Poisoned if a step has panicked: the state may then be inconsistent.
            let mut held = state.lock().map_err(|_| lost())?;
            let state = held.0.as_mut().ok_or_else(lost)?;
            let result = step(state);
            // The view is returned with each result, so that the caller need not lock the state.
            Ok::<_, Error>((result, state.view()))
        };
        let (result, view) = blocking(step).await??;
        self.view = view;
        result
    }

    /// Waits for a step that is still under way, and releases the lock of the state.
    pub(super) async fn close(self) -> Result<(), Error> {
        let state = Arc::clone(&self.state);
        let release = move || {
            let mut held = state.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            held.0.take().into_iter().for_each(SyncState::release);
        };
        blocking(release).await
    }

    /// Returns how the run stands after the last step.
    pub(super) fn view(&self) -> View {
        self.view
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.renewal.iter().for_each(JoinHandle::abort);
    }
}

/// A state that gives its lock back when it is dropped.
///
/// INVARIANT: `None` only after the state was released.
struct Held(Option<SyncState>);

impl Drop for Held {
    fn drop(&mut self) {
        // A lock that does not expire is free as soon as the state is dropped, so that the next run can
        // begin at once.
        let lease = self.0.take().filter(|state| state.renew_every().is_some());
        // A lease is not given back here, because that takes requests, and a future can be dropped on
        // any thread. If there is no runtime, or if it shuts down, the lease expires.
        if let (Some(state), Ok(runtime)) = (lease, Handle::try_current()) {
            drop(runtime.spawn(async { blocking(move || state.release()).await }));
        }
    }
}

/// Renews the lock of a state again and again, until the state is dropped.
async fn renew(state: Weak<Mutex<Held>>, every: Duration) {
    loop {
        sleep(every).await;
        let Some(state) = state.upgrade() else { return };
        let renew = move || {
            // If a step is under way, the step renews the lock.
            if let Ok(mut held) = state.try_lock() {
                held.0.iter_mut().for_each(SyncState::renew);
            }
        };
        // Fails if the runtime shuts down, and this task ends with it.
        if blocking(renew).await.is_err() {
            return;
        }
    }
}

/// Runs a function on a thread that may block, as one of a few.
async fn blocking<T: Send + 'static>(
    function: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Error> {
    let permit = STEPS.acquire().await.map_err(|_| lost())?;
    let function = move || {
        // Moved in, because the function goes on if the caller is dropped.
        let _permit = permit;
        function()
    };
    spawn_blocking(function).await.map_err(|_| lost())
}

/// The error if a step has panicked, or if the runtime shuts down.
fn lost() -> Error {
    Error::new(
        ErrorKind::State,
        "the state of the run is no longer in use, because a step has panicked or the runtime shuts down; run again to resume",
    )
}
