//! The record of the calls of a scripted store.

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use crate::{
    error::ErrorKind,
    store::{ListRequest, Question, ReadRequest},
};

/// A request to a store.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreRequest {
    /// [`Store::list`](crate::Store::list).
    List(ListRequest),
    /// [`Store::read`](crate::Store::read).
    Read(ReadRequest),
    /// [`Inspect::inspect`](crate::store::Inspect::inspect).
    Inspect(Question),
}

/// A call of a [`ScriptedStore`](super::ScriptedStore).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoreCall {
    /// What was requested.
    pub request: StoreRequest,
    /// When the call began, by [`Clock::elapsed`](crate::Clock::elapsed) of the store's clock.
    pub at: Duration,
    /// How the call has ended.
    pub outcome: CallOutcome,
}

/// How a call of a [`ScriptedStore`](super::ScriptedStore) has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CallOutcome {
    /// The call is under way.
    Pending,
    /// The store has returned a result.
    Answered,
    /// The store has returned an error of this kind.
    Failed(ErrorKind),
    /// The caller has dropped the call before it ended, for example because of a timeout.
    Dropped,
}

/// The calls so far. Clones share them.
#[derive(Clone, Default)]
pub(super) struct Recording(Arc<Mutex<Vec<StoreCall>>>);

impl Recording {
    /// Records a call that begins now.
    pub(super) fn begin(&self, request: &StoreRequest, at: Duration) -> Recorded<'_> {
        let mut calls = self.lock();
        calls.push(StoreCall { request: request.clone(), at, outcome: CallOutcome::Pending });
        Recorded { recording: self, index: calls.len() - 1 }
    }

    pub(super) fn calls(&self) -> Vec<StoreCall> {
        self.lock().clone()
    }

    pub(super) fn count(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<StoreCall>> {
        // No change can panic half-way.
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// A call under way, which counts as dropped unless its end is recorded.
pub(super) struct Recorded<'a> {
    recording: &'a Recording,
    index: usize,
}

impl Recorded<'_> {
    /// Records the end: an error of this kind, or a result.
    pub(super) fn end(self, error: Option<ErrorKind>) {
        self.set(error.map_or(CallOutcome::Answered, CallOutcome::Failed));
    }

    fn set(&self, outcome: CallOutcome) {
        if let Some(call) = self.recording.lock().get_mut(self.index)
            && call.outcome == CallOutcome::Pending
        {
            call.outcome = outcome;
        }
    }
}

impl Drop for Recorded<'_> {
    fn drop(&mut self) {
        self.set(CallOutcome::Dropped);
    }
}
