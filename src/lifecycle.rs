//! What becomes of a connection in a service: its states, and what leads from one to the next.
//!
//! A service stores the [`State`] beside the [`Connection`](crate::Connection) and tells it each
//! [`Event`]; [`State::on`] gives the next state, or says that the event cannot be. Pure values: nothing
//! is awaited, and nothing but the state is remembered. What went wrong is in the
//! [`Health`] or the error that the event came from.
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
//! The whole table; `–` stands for an event that cannot be:
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
//! An event that comes too late cannot be either, and so does no harm: the test of a connection that
//! was edited meanwhile connects nothing. What failed or drifted is tested before it is synced again,
//! since a test that passes means a scan that starts.

use std::fmt;

use serde::{Deserialize, Serialize};

#[cfg(feature = "sync")]
use crate::sync::{Ending, Summary};
use crate::{
    error::{Error, ErrorKind},
    probe::{Drift, EndReason, Health, Outlook, WaitOutcome},
};

macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
        }

        impl $name {
            /// All of them
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The stable name, as in JSON
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

named! {
    /// Where a connection stands
    ///
    /// ```
    /// use azure_asset_sync::lifecycle::{Event, State};
    ///
    /// let state = State::default().on(Event::GrantIssued)?.on(Event::TestStarted)?;
    /// assert_eq!(state, State::Testing);
    /// let error = state.on(Event::SyncStarted).unwrap_err();
    /// assert!(error.to_string().starts_with("`sync_started` cannot be while `testing`"));
    /// # Ok::<(), azure_asset_sync::Error>(())
    /// ```
    State {
        /// It is being typed
        Draft = "draft",
        /// The customer has the commands, and may have run them
        AwaitingGrant = "awaiting_grant",
        /// A probe asks whether it works
        Testing = "testing",
        /// It does not yet, and may by itself: a grant takes minutes to reach every front end
        Propagating = "propagating",
        /// It works; what there is has not been synced, or not to the end
        Connected = "connected",
        /// A sync goes on
        Syncing = "syncing",
        /// The last sync went to its end
        Synced = "synced",
        /// The same, and left out what it could not take
        SyncedWithErrors = "synced_with_errors",
        /// The last test or sync failed, and does not heal by itself
        Failed = "failed",
        /// It worked, and a later look found it changed
        Drifted = "drifted",
        /// It is not used any more; what was synced is the service's to keep or to drop
        Disconnected = "disconnected",
    }
}

named! {
    /// What happens to a connection
    ///
    /// Those of a test come from what a probe gives: from a [`Health`], from the [`WaitOutcome`] of a wait, from
    /// the [drift](Self::of_drift) between two of them.
    Event {
        /// The customer was given the commands of a grant
        GrantIssued = "grant_issued",
        /// A probe has begun
        TestStarted = "test_started",
        /// It says that it does not work yet and may by itself
        PropagationNoted = "propagation_noted",
        /// It says that it works
        TestPassed = "test_passed",
        /// It says that somebody must change something
        TestFailed = "test_failed",
        /// A sync has begun
        SyncStarted = "sync_started",
        /// It is at its end, and took all that the rules let in
        SyncSucceeded = "sync_succeeded",
        /// It is at its end, and some blobs could not be taken
        SyncHadErrors = "sync_had_errors",
        /// It came to no end
        SyncFailed = "sync_failed",
        /// Somebody stopped the test or the sync
        Cancelled = "cancelled",
        /// A later look found another access than before
        DriftFound = "drift_found",
        /// What it names was changed: account, container, prefix, tenant
        Edited = "edited",
        /// Somebody ended it
        Disconnected = "disconnected",
        /// Somebody took it up again
        Reconnected = "reconnected",
    }
}

impl Default for State {
    /// Where every connection begins
    fn default() -> Self {
        Self::Draft
    }
}

impl State {
    /// The next state
    ///
    /// # Errors
    /// [`ErrorKind::Config`] where the event cannot be in this state; the message names both, and the
    /// events that can.
    pub fn on(self, event: Event) -> Result<Self, Error> {
        self.next(event).ok_or_else(|| {
            let can: Vec<_> = self.events().map(Event::as_str).collect();
            let what =
                format!("`{event}` cannot be while `{self}`; what can is {}", can.join(", "));
            Error::new(ErrorKind::Config, what)
        })
    }

    /// The events that can be in this state: what buttons to show
    pub fn events(self) -> impl Iterator<Item = Event> {
        Event::ALL.iter().copied().filter(move |event| self.next(*event).is_some())
    }

    fn next(self, event: Event) -> Option<Self> {
        use Event as E;
        use State::*;
        Some(match (self, event) {
            (Draft | AwaitingGrant | Failed | Drifted, E::GrantIssued) => AwaitingGrant,
            (Testing | Syncing | Disconnected, E::TestStarted) => return None,
            (_, E::TestStarted) => Testing,
            (Testing | Propagating, E::PropagationNoted) => Propagating,
            (Testing | Propagating, E::TestPassed) => Connected,
            (Testing | Propagating, E::TestFailed) => Failed,
            // What access there is nobody knows.
            (Testing | Propagating, E::Cancelled) => AwaitingGrant,
            (Connected | Synced | SyncedWithErrors, E::SyncStarted) => Syncing,
            (Syncing, E::SyncSucceeded) => Synced,
            (Syncing, E::SyncHadErrors) => SyncedWithErrors,
            (Syncing, E::SyncFailed) => Failed,
            (Syncing, E::Cancelled) => Connected,
            // A sync finds out for itself.
            (Connected | Synced | SyncedWithErrors | Drifted, E::DriftFound) => Drifted,
            (Syncing | Disconnected, E::Edited) => return None,
            (_, E::Edited) => Draft,
            (Disconnected, E::Disconnected) => return None,
            (_, E::Disconnected) => Disconnected,
            // The grant may have been revoked meanwhile.
            (Disconnected, E::Reconnected) => AwaitingGrant,
            _ => return None,
        })
    }
}

impl From<&Health> for Event {
    /// What one pass of a probe says
    fn from(health: &Health) -> Self {
        match health.outlook {
            Outlook::Ready => Self::TestPassed,
            Outlook::Wait => Self::PropagationNoted,
            Outlook::Stop => Self::TestFailed,
        }
    }
}

impl From<&WaitOutcome> for Event {
    /// What a wait says: one that ran out of time says no more than before
    fn from(ended: &WaitOutcome) -> Self {
        match ended.reason {
            EndReason::Connected => Self::TestPassed,
            EndReason::Permanent => Self::TestFailed,
            EndReason::Deadline | EndReason::Unconfirmed => Self::PropagationNoted,
        }
    }
}

#[cfg(feature = "sync")]
#[cfg_attr(docsrs, doc(cfg(feature = "sync")))]
impl From<&Summary> for Event {
    /// Returns the event that the end of a sync means: a sync that has left something out had errors.
    fn from(summary: &Summary) -> Self {
        match summary.ending {
            Ending::Cancelled => Self::Cancelled,
            Ending::RemovalsWithheld { .. } => Self::SyncHadErrors,
            // Entries without a name are only in the report. Those before an interruption are only in
            // the difference between the two numbers.
            Ending::Complete if summary.report.rejected() > 0 => Self::SyncHadErrors,
            Ending::Complete if summary.listed != summary.assets => Self::SyncHadErrors,
            Ending::Complete => Self::SyncSucceeded,
        }
    }
}

impl Event {
    /// What a later look says, by [`Health::drift`]; `None` where nothing changed for the worse
    pub fn of_drift(drift: &[Drift]) -> Option<Self> {
        let is_worse = |drift: &Drift| {
            !matches!(drift, Drift::Mended(_) | Drift::Narrowed(_) | Drift::ContainerPrivate)
        };
        drift.iter().any(is_worse).then_some(Self::DriftFound)
    }
}
