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
//! draft ──► awaiting_grant ──► testing ──► connected ──► syncing ──► synced, synced_with_errors,
//!                              │ ▲  │      ▲   ▲         │  │ │      removals_withheld
//!                              ▼ │  │      │   └ cancelled  │ └────► sync_failed, sync_interrupted
//!                          propagating ────┘                │
//!                              │    │                       │ sync_lost_access
//!                              └────┴─► failed ◄────────────┘
//!
//! failed ──► testing, awaiting_grant
//! connected, synced, synced_with_errors, removals_withheld, sync_failed, sync_interrupted
//!     ── sync_started ──► syncing
//!     ── test_started ──► retesting ──► connected, propagating, failed
//!     ── drift_found ───► drifted ──► testing, awaiting_grant
//! syncing ── sync_busy ──► syncing_elsewhere ── sync_started ──► syncing
//! testing, propagating ── cancelled ──► awaiting_grant
//! all but syncing, syncing_elsewhere and disconnected ── edited ──► draft
//! all ── disconnected ──► disconnected ── reconnected ──► awaiting_grant
//! ```
//!
//! # What the states promise
//! - *An outage changes nothing.* Throttling, network failures and a token endpoint that does not answer
//!   lead neither to `failed` nor to `drifted`. A test that they disturb is
//!   [undecided](Event::TestUndecided), and a sync that they end can start again at once.
//! - *Drift lasts.* [`Event::of_drift`] takes a [`DriftWatch`], which confirms a finding only if two probes
//!   have found it, apart in time.
//! - *`synced` means that nothing is wrong.* A blob that a rule or the filter skips is no error.
//!   `synced_with_errors` means that something could not be processed, and `removals_withheld` that so
//!   many assets vanished that no removal was reported.
//! - *Only lost access needs a new test.* After any other end of a sync, `sync_started` is possible: after
//!   an outage, a full disk, or the death of the process, and while another process runs the sync.
//! - *Optional checks block nothing.* View links and CORS that do not work are in
//!   [`Health::optional_failures`], and have no influence on the state.
//!
//! A service that starts finds connections in a state whose task died with its former process. Apply
//! [`Event::SyncInterrupted`] to those that are `syncing` without a run, and [`Event::Cancelled`] to those
//! that are `testing` or `retesting`.
//!
//! # Transitions
//! `–` means that the event is not possible:
//!
//! | from | grant_issued | test_started | propagation_noted | test_undecided | test_passed | test_failed |
//! | --- | --- | --- | --- | --- | --- | --- |
//! | `draft` | awaiting_grant | testing | – | – | – | – |
//! | `awaiting_grant` | awaiting_grant | testing | – | – | – | – |
//! | `testing` | – | – | propagating | awaiting_grant | connected | failed |
//! | `retesting` | – | – | propagating | connected | connected | failed |
//! | `propagating` | – | testing | propagating | propagating | connected | failed |
//! | `connected` | – | retesting | – | – | – | – |
//! | `syncing` | – | – | – | – | – | – |
//! | `syncing_elsewhere` | – | – | – | – | – | – |
//! | `synced` | – | retesting | – | – | – | – |
//! | `synced_with_errors` | – | retesting | – | – | – | – |
//! | `removals_withheld` | – | retesting | – | – | – | – |
//! | `sync_failed` | – | retesting | – | – | – | – |
//! | `sync_interrupted` | – | retesting | – | – | – | – |
//! | `failed` | awaiting_grant | testing | – | – | – | – |
//! | `drifted` | awaiting_grant | testing | – | – | – | – |
//! | `disconnected` | – | – | – | – | – | – |
//!
//! | from | sync_started | sync_succeeded | sync_had_errors | sync_withheld_removals |
//! | --- | --- | --- | --- | --- |
//! | `draft` | – | – | – | – |
//! | `awaiting_grant` | – | – | – | – |
//! | `testing` | – | – | – | – |
//! | `retesting` | – | – | – | – |
//! | `propagating` | – | – | – | – |
//! | `connected` | syncing | – | – | – |
//! | `syncing` | – | synced | synced_with_errors | removals_withheld |
//! | `syncing_elsewhere` | syncing | synced | synced_with_errors | removals_withheld |
//! | `synced` | syncing | – | – | – |
//! | `synced_with_errors` | syncing | – | – | – |
//! | `removals_withheld` | syncing | – | – | – |
//! | `sync_failed` | syncing | – | – | – |
//! | `sync_interrupted` | syncing | – | – | – |
//! | `failed` | – | – | – | – |
//! | `drifted` | – | – | – | – |
//! | `disconnected` | – | – | – | – |
//!
//! | from | sync_failed | sync_busy | sync_interrupted | sync_lost_access | cancelled |
//! | --- | --- | --- | --- | --- | --- |
//! | `draft` | – | – | – | – | – |
//! | `awaiting_grant` | – | – | – | – | – |
//! | `testing` | – | – | – | – | awaiting_grant |
//! | `retesting` | – | – | – | – | connected |
//! | `propagating` | – | – | – | – | awaiting_grant |
//! | `connected` | – | – | – | – | – |
//! | `syncing` | sync_failed | syncing_elsewhere | sync_interrupted | failed | connected |
//! | `syncing_elsewhere` | sync_failed | syncing_elsewhere | sync_interrupted | failed | connected |
//! | `synced` | – | – | – | – | – |
//! | `synced_with_errors` | – | – | – | – | – |
//! | `removals_withheld` | – | – | – | – | – |
//! | `sync_failed` | – | – | – | – | – |
//! | `sync_interrupted` | – | – | – | – | – |
//! | `failed` | – | – | – | – | – |
//! | `drifted` | – | – | – | – | – |
//! | `disconnected` | – | – | – | – | – |
//!
//! | from | drift_found | edited | disconnected | reconnected |
//! | --- | --- | --- | --- | --- |
//! | `draft` | – | draft | disconnected | – |
//! | `awaiting_grant` | – | draft | disconnected | – |
//! | `testing` | – | draft | disconnected | – |
//! | `retesting` | – | draft | disconnected | – |
//! | `propagating` | – | draft | disconnected | – |
//! | `connected` | drifted | draft | disconnected | – |
//! | `syncing` | – | – | disconnected | – |
//! | `syncing_elsewhere` | – | – | disconnected | – |
//! | `synced` | drifted | draft | disconnected | – |
//! | `synced_with_errors` | drifted | draft | disconnected | – |
//! | `removals_withheld` | drifted | draft | disconnected | – |
//! | `sync_failed` | drifted | draft | disconnected | – |
//! | `sync_interrupted` | drifted | draft | disconnected | – |
//! | `failed` | – | draft | disconnected | – |
//! | `drifted` | drifted | draft | disconnected | – |
//! | `disconnected` | – | – | – | awaiting_grant |
//!
//! An event that arrives too late is not possible either, and so does no harm: if a connection was
//! edited during a test, the result of that test does not connect it. After a failed test, lost access or
//! drift a connection must be tested before it is synced again, because a test that passes means that
//! a scan can start.

#[cfg(feature = "sync")]
use crate::sync::{Ending, Outcome, Summary};
use crate::{
    coded::coded_enum,
    error::{Error, ErrorKind},
    probe::{DriftWatch, EndReason, Health, Outlook, Retry, WaitOutcome},
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
        /// A probe is testing a connection that works. If the test decides nothing, it still counts as
        /// working.
        Retesting = "retesting",
        /// Access is not there yet but may come by itself: a role assignment takes minutes to propagate.
        Propagating = "propagating",
        /// The connection works. No sync has completed since its last test, or the last one was cancelled.
        Connected = "connected",
        /// A sync is running.
        Syncing = "syncing",
        /// Another process runs a sync of the connection, and holds its state. Whoever notices the end of
        /// that run applies its event; until then a sync can be tried again.
        SyncingElsewhere = "syncing_elsewhere",
        /// The last sync completed. Every blob is an asset, or is skipped by a rule or the filter.
        Synced = "synced",
        /// The last sync completed, but some blobs could not be processed.
        SyncedWithErrors = "synced_with_errors",
        /// The last sync completed, but reported no removals, because too many assets are missing.
        /// Somebody must decide whether they may be removed.
        RemovalsWithheld = "removals_withheld",
        /// The last sync failed for another reason than lost access, for example an outage or a full disk.
        /// The next one resumes it.
        SyncFailed = "sync_failed",
        /// The process of the last sync died, or was stopped. The next sync resumes it.
        SyncInterrupted = "sync_interrupted",
        /// The last test failed, or a sync lost its access, and somebody must change something.
        Failed = "failed",
        /// The connection worked, and later checks found its access changed.
        Drifted = "drifted",
        /// The connection is no longer used. The service decides whether to keep the synced assets.
        Disconnected = "disconnected",
    }
}

coded_enum! {
    /// An event in the life of a connection.
    ///
    /// The events of a test convert from a [`Health`] and from the [`WaitOutcome`] of a wait, that of drift
    /// from a [`DriftWatch`](Self::of_drift), and the events of a sync from its summary or its [`Error`].
    pub enum Event by as_str {
        /// The customer received the commands of a grant.
        GrantIssued = "grant_issued",
        /// A probe has started.
        TestStarted = "test_started",
        /// The probe found no access yet, but access may come by itself.
        PropagationNoted = "propagation_noted",
        /// The probe could not find out: the service was throttled, unavailable or unreachable.
        TestUndecided = "test_undecided",
        /// The probe found that the connection works.
        TestPassed = "test_passed",
        /// The probe found a problem that somebody must fix.
        TestFailed = "test_failed",
        /// A sync has started.
        SyncStarted = "sync_started",
        /// The sync completed, and processed every blob that is not skipped by a rule or the filter.
        SyncSucceeded = "sync_succeeded",
        /// The sync completed, but some blobs could not be processed.
        SyncHadErrors = "sync_had_errors",
        /// The sync completed, but withheld removals, because too many assets are missing.
        SyncWithheldRemovals = "sync_withheld_removals",
        /// The sync did not complete, for another reason than lost access.
        SyncFailed = "sync_failed",
        /// The sync did not begin, because another process holds the state.
        SyncBusy = "sync_busy",
        /// The process that ran the sync died, or was stopped, so nobody reports its end.
        SyncInterrupted = "sync_interrupted",
        /// The sync did not complete, because the connection has lost its access.
        SyncLostAccess = "sync_lost_access",
        /// Somebody stopped the test or the sync, or the process that ran the test died.
        Cancelled = "cancelled",
        /// Later checks found that the access has changed.
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

    /// Returns whether the last test has passed, no access was lost since, and nothing runs.
    fn works(self) -> bool {
        use State::*;
        matches!(
            self,
            Connected | Synced | SyncedWithErrors | RemovalsWithheld | SyncFailed | SyncInterrupted
        )
    }

    /// Returns the state after an event, or `None` if the event is not possible.
    fn next(self, event: Event) -> Option<Self> {
        use Event as E;
        use State::*;
        // The run may be that of another process, which has noticed its end in either state.
        if matches!(self, Syncing | SyncingElsewhere)
            && let Some(end) = event.sync_end()
        {
            return Some(end);
        }
        Some(match (self, event) {
            // A grant repairs a failure or a drift, so both can start again from here.
            (Draft | AwaitingGrant | Failed | Drifted, E::GrantIssued) => AwaitingGrant,
            // One test at a time, and none beside a sync. All other states allow a test.
            (Draft | AwaitingGrant | Propagating | Failed | Drifted, E::TestStarted) => Testing,
            (state, E::TestStarted) if state.works() => Retesting,
            (Testing | Retesting | Propagating, E::PropagationNoted) => Propagating,
            (Testing | Retesting | Propagating, E::TestPassed) => Connected,
            (Testing | Retesting | Propagating, E::TestFailed) => Failed,
            // Proves nothing, so the known state of the access stays. The test before has passed.
            (Retesting, E::TestUndecided | E::Cancelled) => Connected,
            (Propagating, E::TestUndecided) => Propagating,
            (Testing, E::TestUndecided) | (Testing | Propagating, E::Cancelled) => AwaitingGrant,
            // If another process holds the state, it may have ended by now.
            (SyncingElsewhere, E::SyncStarted) => Syncing,
            (state, E::SyncStarted) if state.works() => Syncing,
            // Not while syncing: a sync reports an access error itself.
            (Drifted, E::DriftFound) => Drifted,
            (state, E::DriftFound) if state.works() => Drifted,
            // Editing would change the container below a running sync: cancel the sync first.
            (Syncing | SyncingElsewhere | Disconnected, E::Edited) => return None,
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

impl Event {
    /// Returns the state after the end of a sync, or `None` if the event is not such an end.
    fn sync_end(self) -> Option<State> {
        Some(match self {
            Self::SyncSucceeded => State::Synced,
            Self::SyncHadErrors => State::SyncedWithErrors,
            Self::SyncWithheldRemovals => State::RemovalsWithheld,
            Self::SyncFailed => State::SyncFailed,
            Self::SyncBusy => State::SyncingElsewhere,
            Self::SyncInterrupted => State::SyncInterrupted,
            Self::SyncLostAccess => State::Failed,
            // The access is still there, and the next sync resumes from the checkpoint.
            Self::Cancelled => State::Connected,
            _ => return None,
        })
    }
}

impl From<&Health> for Event {
    /// Returns the event for the result of one probe.
    ///
    /// Only the required checks count. If the cause of a failure is [transient](Retry::Transient), the
    /// test is undecided.
    fn from(health: &Health) -> Self {
        match health.outlook {
            Outlook::Ready => Self::TestPassed,
            // An outlook of a newer version proves nothing.
            Outlook::Wait | Outlook::Other => Self::of_waiting(health),
            Outlook::Stop => Self::TestFailed,
        }
    }
}

impl From<&WaitOutcome> for Event {
    /// Returns the event for the result of a wait.
    ///
    /// A wait that reached its deadline is still propagating, or undecided: it proves nothing new.
    fn from(ended: &WaitOutcome) -> Self {
        match ended.reason {
            EndReason::Connected => Self::TestPassed,
            EndReason::Permanent => Self::TestFailed,
            // Not a failure: the role assignment may still propagate.
            EndReason::Unconfirmed | EndReason::Other => Self::PropagationNoted,
            EndReason::Deadline => Self::of_waiting(&ended.health),
        }
    }
}

#[cfg(feature = "sync")]
#[cfg_attr(docsrs, doc(cfg(feature = "sync")))]
impl From<&Outcome> for Event {
    /// Returns the event for the end of a sync that was started, in whatever way it has ended.
    ///
    /// A run that was aborted counts as cancelled, because the next one resumes it.
    fn from(outcome: &Outcome) -> Self {
        match (outcome.summary(), outcome) {
            (Some(summary), _) => Self::from(summary),
            (None, Outcome::Failed { error }) => Self::from(error),
            (None, Outcome::Panicked { .. }) => Self::SyncFailed,
            (None, _) => Self::Cancelled,
        }
    }
}

#[cfg(feature = "sync")]
#[cfg_attr(docsrs, doc(cfg(feature = "sync")))]
impl From<&Summary> for Event {
    /// Returns the event for the end of a sync.
    ///
    /// Blobs that a rule or the filter skips are no errors. Withheld removals weigh more than errors.
    fn from(summary: &Summary) -> Self {
        match summary.ending {
            Ending::Cancelled => Self::Cancelled,
            Ending::RemovalsWithheld { .. } => Self::SyncWithheldRemovals,
            // An ending of a newer version is not known to be a success.
            Ending::Other => Self::SyncHadErrors,
            Ending::Complete if summary.errors() > 0 => Self::SyncHadErrors,
            Ending::Complete => Self::SyncSucceeded,
        }
    }
}

impl From<&Error> for Event {
    /// Returns the event for the error that ended a sync, by its [kind](Self::of_sync_error).
    fn from(error: &Error) -> Self {
        Self::of_sync_error(error.kind())
    }
}

impl Event {
    /// Returns the event for a test whose failure can pass without a change.
    fn of_waiting(health: &Health) -> Self {
        match health.diagnosis.as_ref().map(|diagnosis| diagnosis.retry()) {
            Some(Retry::Transient) => Self::TestUndecided,
            _ => Self::PropagationNoted,
        }
    }

    /// Returns the event for the kind of the error that ended a sync.
    ///
    /// - [`SyncLostAccess`](Self::SyncLostAccess) if the customer's side refused the sync: the credential,
    ///   the role, the account or the container. The connection needs a new test.
    /// - [`SyncBusy`](Self::SyncBusy) if another process holds the state.
    /// - [`SyncFailed`](Self::SyncFailed) otherwise, for example in an outage or if the disk is full. The
    ///   sync can start again. If the error [is transient](Error::is_transient), it can do so without any
    ///   change.
    ///
    /// ```
    /// use azure_asset_sync::{
    ///     Error, ErrorKind,
    ///     lifecycle::{Event, State},
    /// };
    ///
    /// let outage = Error::from_response(503, Some("ServerBusy"));
    /// let state = State::Syncing.on(Event::from(&outage))?;
    /// assert_eq!(state, State::SyncFailed);
    /// assert_eq!(state.on(Event::SyncStarted)?, State::Syncing);
    ///
    /// let denied = State::Syncing.on(Event::of_sync_error(ErrorKind::PermissionDenied))?;
    /// assert_eq!(denied, State::Failed);
    /// assert!(denied.on(Event::SyncStarted).is_err());
    /// # Ok::<(), azure_asset_sync::Error>(())
    /// ```
    pub fn of_sync_error(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::StateBusy => Self::SyncBusy,
            ErrorKind::HostRefused
            | ErrorKind::TenantMismatch
            | ErrorKind::TenantNotFound
            | ErrorKind::CredentialRejected
            | ErrorKind::Unauthenticated
            | ErrorKind::PermissionDenied
            | ErrorKind::AccountNotFound
            | ErrorKind::ContainerNotFound => Self::SyncLostAccess,
            // Nothing that says that the access has changed, so no test is needed. A new kind is not
            // taken for a loss either.
            _ => Self::SyncFailed,
        }
    }

    /// Returns [`DriftFound`](Self::DriftFound) if a watch has confirmed a change after which the
    /// connection must be [tested again](crate::probe::Drift::needs_test), or `None`.
    pub fn of_drift(watch: &DriftWatch) -> Option<Self> {
        watch.confirmed().any(|drift| drift.needs_test()).then_some(Self::DriftFound)
    }
}
