//! The states of a connection in a service, and the events that change them.
//!
//! A service stores the [`State`] beside the [`Connection`](crate::Connection). For each [`Event`],
//! [`State::on`] returns the next state, or an error if the event is not possible in the current state.
//! These are pure values: nothing is awaited, and the state has no history. The reason for a failure is
//! in the [`Health`] or the error that the event came from.
//!
//! ```
//! use azure_asset_sync::lifecycle::{Event, State};
//!
//! let mut state = State::Draft;
//! for event in [Event::GrantIssued, Event::TestStarted, Event::TestPassed, Event::SyncStarted] {
//!     state = state.on(event)?;
//! }
//! assert_eq!(state, State::Syncing);
//! let buttons: Vec<_> = state.events().map(Event::as_str).collect();
//! assert!(buttons.contains(&"cancelled"));
//! # Ok::<(), azure_asset_sync::Error>(())
//! ```
//!
//! ```text
//! draft ──► awaiting_grant ──► testing ──► connected ──► syncing ──► synced, synced_with_errors
//!                              │ ▲  │      ▲   ▲         │   │
//!                              ▼ │  │      │   └ cancelled   └─────► failed
//!                          propagating ────┘
//!                              │    │
//!                              └────┴─► failed ──► testing, awaiting_grant
//!
//! connected, synced, synced_with_errors ── sync_started ──► syncing
//!                                       ── test_started ──► testing
//!                                       ── drift_found ───► drifted ──► testing, awaiting_grant
//! testing, propagating ── cancelled ──► awaiting_grant
//! all but syncing and disconnected ── edited ──► draft
//! all ── disconnected ──► disconnected ── reconnected ──► awaiting_grant
//! ```
//!
//! The complete table of transitions. `–` means that the event is not possible:
//!
//! | from | grant_issued | test_started | propagation_noted | test_passed | test_failed |
//! | --- | --- | --- | --- | --- | --- |
//! | `draft` | awaiting_grant | testing | – | – | – |
//! | `awaiting_grant` | awaiting_grant | testing | – | – | – |
//! | `testing` | – | – | propagating | connected | failed |
//! | `propagating` | – | testing | propagating | connected | failed |
//! | `connected` | – | testing | – | – | – |
//! | `syncing` | – | – | – | – | – |
//! | `synced` | – | testing | – | – | – |
//! | `synced_with_errors` | – | testing | – | – | – |
//! | `failed` | awaiting_grant | testing | – | – | – |
//! | `drifted` | awaiting_grant | testing | – | – | – |
//! | `disconnected` | – | – | – | – | – |
//!
//! | from | sync_started | sync_succeeded | sync_had_errors | sync_failed | cancelled |
//! | --- | --- | --- | --- | --- | --- |
//! | `draft` | – | – | – | – | – |
//! | `awaiting_grant` | – | – | – | – | – |
//! | `testing` | – | – | – | – | awaiting_grant |
//! | `propagating` | – | – | – | – | awaiting_grant |
//! | `connected` | syncing | – | – | – | – |
//! | `syncing` | – | synced | synced_with_errors | failed | connected |
//! | `synced` | syncing | – | – | – | – |
//! | `synced_with_errors` | syncing | – | – | – | – |
//! | `failed` | – | – | – | – | – |
//! | `drifted` | – | – | – | – | – |
//! | `disconnected` | – | – | – | – | – |
//!
//! | from | drift_found | edited | disconnected | reconnected |
//! | --- | --- | --- | --- | --- |
//! | `draft` | – | draft | disconnected | – |
//! | `awaiting_grant` | – | draft | disconnected | – |
//! | `testing` | – | draft | disconnected | – |
//! | `propagating` | – | draft | disconnected | – |
//! | `connected` | drifted | draft | disconnected | – |
//! | `syncing` | – | – | disconnected | – |
//! | `synced` | drifted | draft | disconnected | – |
//! | `synced_with_errors` | drifted | draft | disconnected | – |
//! | `failed` | – | draft | disconnected | – |
//! | `drifted` | drifted | draft | disconnected | – |
//! | `disconnected` | – | – | – | awaiting_grant |
//!
//! An event that arrives too late is not possible either, and so does no harm: if a connection was
//! edited during a test, the result of that test does not connect it. After a failure or drift a
//! connection must be tested before it is synced again, because a test that passes means that a scan
//! can start.

#[cfg(feature = "sync")]
use crate::sync::{Ending, Summary};
use crate::{
    coded::coded_enum,
    error::{Error, ErrorKind},
    probe::{Drift, EndReason, Health, Outlook, WaitOutcome},
};

coded_enum! {
    /// The state of a connection.
    ///
    /// ```
    /// use azure_asset_sync::lifecycle::{Event, State};
    ///
    /// let state = State::default().on(Event::GrantIssued)?.on(Event::TestStarted)?;
    /// assert_eq!(state, State::Testing);
    /// let error = state.on(Event::SyncStarted).unwrap_err();
    /// assert!(error.to_string().starts_with("`sync_started` is not possible in state `testing`"));
    /// # Ok::<(), azure_asset_sync::Error>(())
    /// ```
    pub enum State by as_str {
        /// The connection is being typed.
        Draft = "draft",
        /// The customer has the commands of the grant, and may have run them.
        AwaitingGrant = "awaiting_grant",
        /// A probe is testing the connection.
        Testing = "testing",
        /// Access is not there yet but may come by itself: a role assignment takes minutes to propagate.
        Propagating = "propagating",
        /// The connection works. No sync has completed since its last test, or the last one was cancelled.
        Connected = "connected",
        /// A sync is running.
        Syncing = "syncing",
        /// The last sync completed.
        Synced = "synced",
        /// The last sync completed, but some blobs could not be processed.
        SyncedWithErrors = "synced_with_errors",
        /// The last test or sync failed, and somebody must change something.
        Failed = "failed",
        /// The connection worked, and a later check found its access changed.
        Drifted = "drifted",
        /// The connection is no longer used. The service decides whether to keep the synced assets.
        Disconnected = "disconnected",
    }
}

coded_enum! {
    /// An event in the life of a connection.
    ///
    /// The events of a test convert from a [`Health`], from the [`WaitOutcome`] of a wait, and from the
    /// [drift](Self::of_drift) between two healths.
    pub enum Event by as_str {
        /// The customer received the commands of a grant.
        GrantIssued = "grant_issued",
        /// A probe has started.
        TestStarted = "test_started",
        /// The probe found no access yet, but access may come by itself.
        PropagationNoted = "propagation_noted",
        /// The probe found that the connection works.
        TestPassed = "test_passed",
        /// The probe found a problem that somebody must fix.
        TestFailed = "test_failed",
        /// A sync has started.
        SyncStarted = "sync_started",
        /// The sync completed, with every blob that the rules accept.
        SyncSucceeded = "sync_succeeded",
        /// The sync completed, but some blobs could not be processed.
        SyncHadErrors = "sync_had_errors",
        /// The sync did not complete.
        SyncFailed = "sync_failed",
        /// Somebody stopped the test or the sync.
        Cancelled = "cancelled",
        /// A later check found that the access has changed.
        DriftFound = "drift_found",
        /// A field of the connection was edited: account, container, prefix or tenant.
        Edited = "edited",
        /// Somebody disconnected the connection.
        Disconnected = "disconnected",
        /// Somebody reconnected the connection.
        Reconnected = "reconnected",
    }
}

impl Default for State {
    /// Returns [`State::Draft`], the first state of every connection.
    fn default() -> Self {
        Self::Draft
    }
}

impl State {
    /// Returns the state after an event.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if the event is not possible in this state. The message names both, and
    /// the possible events. Keep the old state then; a late event is no reason to change it.
    pub fn on(self, event: Event) -> Result<Self, Error> {
        self.next(event).ok_or_else(|| {
            let possible: Vec<_> = self.events().map(Event::as_str).collect();
            let what = format!(
                "`{event}` is not possible in state `{self}`; possible events are {}",
                possible.join(", ")
            );
            Error::new(ErrorKind::Config, what)
        })
    }

    /// Returns the events that are possible in this state, for example to show buttons.
    pub fn events(self) -> impl Iterator<Item = Event> {
        Event::ALL.iter().copied().filter(move |event| self.next(*event).is_some())
    }

    /// Returns the state after an event, or `None` if the event is not possible.
    fn next(self, event: Event) -> Option<Self> {
        use Event as E;
        use State::*;
        Some(match (self, event) {
            // A grant repairs a failure or a drift, so both can start again from here.
            (Draft | AwaitingGrant | Failed | Drifted, E::GrantIssued) => AwaitingGrant,
            // One test at a time, and none beside a sync. All other states allow a test.
            (Testing | Syncing | Disconnected, E::TestStarted) => return None,
            (_, E::TestStarted) => Testing,
            (Testing | Propagating, E::PropagationNoted) => Propagating,
            (Testing | Propagating, E::TestPassed) => Connected,
            (Testing | Propagating, E::TestFailed) => Failed,
            // A cancelled test proves nothing about the access.
            (Testing | Propagating, E::Cancelled) => AwaitingGrant,
            (Connected | Synced | SyncedWithErrors, E::SyncStarted) => Syncing,
            (Syncing, E::SyncSucceeded) => Synced,
            (Syncing, E::SyncHadErrors) => SyncedWithErrors,
            (Syncing, E::SyncFailed) => Failed,
            // The access is still there, and the next sync resumes from the checkpoint.
            (Syncing, E::Cancelled) => Connected,
            // Not while syncing: a sync reports an access error itself.
            (Connected | Synced | SyncedWithErrors | Drifted, E::DriftFound) => Drifted,
            // Editing would change the container below a running sync: cancel the sync first.
            (Syncing | Disconnected, E::Edited) => return None,
            (_, E::Edited) => Draft,
            // A second click is an event that arrives too late.
            (Disconnected, E::Disconnected) => return None,
            (_, E::Disconnected) => Disconnected,
            // The role assignment may have been removed in the meantime.
            (Disconnected, E::Reconnected) => AwaitingGrant,
            _ => return None,
        })
    }
}

impl From<&Health> for Event {
    /// Returns the event for the result of one probe.
    fn from(health: &Health) -> Self {
        match health.outlook {
            Outlook::Ready => Self::TestPassed,
            // An outlook of a newer version proves nothing.
            Outlook::Wait | Outlook::Other => Self::PropagationNoted,
            Outlook::Stop => Self::TestFailed,
        }
    }
}

impl From<&WaitOutcome> for Event {
    /// Returns the event for the result of a wait.
    ///
    /// A wait that reached its deadline is still propagating: it proves nothing new.
    fn from(ended: &WaitOutcome) -> Self {
        match ended.reason {
            EndReason::Connected => Self::TestPassed,
            EndReason::Permanent => Self::TestFailed,
            // Not a failure: the role assignment may still propagate.
            EndReason::Deadline | EndReason::Unconfirmed | EndReason::Other => {
                Self::PropagationNoted
            }
        }
    }
}

#[cfg(feature = "sync")]
#[cfg_attr(docsrs, doc(cfg(feature = "sync")))]
impl From<&Summary> for Event {
    /// Returns the event for the end of a sync.
    ///
    /// A run that left out a blob, or withheld removals, had errors.
    fn from(summary: &Summary) -> Self {
        match summary.ending {
            Ending::Cancelled => Self::Cancelled,
            // An ending of a newer version is not known to be a success.
            Ending::RemovalsWithheld { .. } | Ending::Other => Self::SyncHadErrors,
            // Entries without a name are only in the report. Those before an interruption are only in
            // the difference between the two numbers.
            Ending::Complete if summary.report.rejected() > 0 => Self::SyncHadErrors,
            Ending::Complete if summary.listed != summary.assets => Self::SyncHadErrors,
            Ending::Complete => Self::SyncSucceeded,
        }
    }
}

impl Event {
    /// Returns the event for the result of [`Health::drift`], or `None` if nothing got worse.
    ///
    /// Repaired access, narrower access and a container that is no longer public are improvements.
    pub fn of_drift(drift: &[Drift]) -> Option<Self> {
        let is_worse = |drift: &Drift| {
            // Every kind that is not listed is worse, also a kind that is added later.
            !matches!(drift, Drift::Mended(_) | Drift::Narrowed(_) | Drift::ContainerPrivate)
        };
        drift.iter().any(is_worse).then_some(Self::DriftFound)
    }
}
