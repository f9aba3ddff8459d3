//! The settings of a probe, shared by all its passes.
//!
//! A [`Plan`] is a value: nothing here sends a request. [`Probe`](super::Probe) changes it while it is
//! built, and the passes read it through methods.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use crate::{
    clock::{Clock, SystemClock},
    connection::Connection,
    grant::{Form, Grant},
    store::{Inspect, Store},
};

/// How long one request may take unless the caller says otherwise.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// The store that is probed.
#[derive(Clone)]
pub(super) enum Subject {
    /// A store that can only list and read. Checks that need more are skipped.
    Plain(Arc<dyn Store>),
    /// A store that can also answer the questions of [`Inspect`].
    Inspected(Arc<dyn Inspect>),
}

impl Subject {
    /// Returns the store as the two questions that every store answers.
    pub(super) fn store(&self) -> &dyn Store {
        match self {
            Self::Plain(store) => store,
            Self::Inspected(store) => store,
        }
    }

    /// Returns the store if it answers the questions of [`Inspect`].
    pub(super) fn inspect(&self) -> Option<&dyn Inspect> {
        match self {
            // The checks that need more are then skipped or warned about.
            Self::Plain(_) => None,
            Self::Inspected(store) => Some(store),
        }
    }
}

/// The settings of a probe.
#[derive(Clone)]
pub(super) struct Plan {
    connection: Connection,
    subject: Subject,
    grant: Option<(Grant, Form)>,
    origin: Option<String>,
    view_links: bool,
    least_privilege: bool,
    granted: Option<SystemTime>,
    request_timeout: Duration,
    clock: Arc<dyn Clock>,
}

impl Plan {
    /// Returns the default settings: only the checks that a scan depends on.
    pub(super) fn new(connection: Connection, subject: Subject) -> Self {
        Self {
            connection,
            subject,
            grant: None,
            origin: None,
            view_links: false,
            least_privilege: false,
            granted: None,
            request_timeout: REQUEST_TIMEOUT,
            clock: Arc::new(SystemClock),
        }
    }

    /// Sets where remedies take their commands from.
    pub(super) fn set_grant(&mut self, grant: Grant, form: Form) {
        self.grant = Some((grant, form));
    }

    /// Sets when the customer applied the grant.
    pub(super) fn set_granted(&mut self, at: SystemTime) {
        self.granted = Some(at);
    }

    /// Requests the checks of CORS. INVARIANT: the origin was checked by `check_origin`.
    pub(super) fn set_origin(&mut self, origin: String) {
        self.origin = Some(origin);
    }

    /// Makes a refused user delegation key a failure.
    pub(super) fn enable_view_links(&mut self) {
        self.view_links = true;
    }

    /// Requests the checks of requests that should be refused.
    pub(super) fn enable_least_privilege(&mut self) {
        self.least_privilege = true;
    }

    /// Sets how long one request may take.
    pub(super) fn set_request_timeout(&mut self, timeout: Duration) {
        self.request_timeout = timeout;
    }

    /// Sets the clock for delays, ages and the time of day.
    pub(super) fn set_clock(&mut self, clock: Arc<dyn Clock>) {
        self.clock = clock;
    }

    /// The connection that is checked.
    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The store that answers the requests.
    pub(super) fn subject(&self) -> &Subject {
        &self.subject
    }

    /// The grant that remedies take their commands from, and the form of these commands.
    pub(super) fn grant(&self) -> Option<(&Grant, Form)> {
        self.grant.as_ref().map(|(grant, form)| (grant, *form))
    }

    /// The origin of the pages that play videos, if the caller wants CORS to be checked.
    pub(super) fn origin(&self) -> Option<&str> {
        self.origin.as_deref()
    }

    /// Whether the caller needs view links, which take a user delegation key.
    pub(super) fn view_links(&self) -> bool {
        self.view_links
    }

    /// Whether the caller wants to know what the principal can do beyond its needs.
    pub(super) fn least_privilege(&self) -> bool {
        self.least_privilege
    }

    /// How long one request may take.
    pub(super) fn request_timeout(&self) -> Duration {
        self.request_timeout
    }

    /// The clock for delays, ages and the time of day.
    pub(super) fn clock(&self) -> &dyn Clock {
        &self.clock
    }

    /// Whether the caller said when the grant was applied.
    pub(super) fn knows_grant_time(&self) -> bool {
        self.granted.is_some()
    }

    /// Returns the age of the grant, or zero if the time of the grant is not known.
    ///
    /// Zero is the safe assumption: a missing permission is then waited for.
    pub(super) fn age(&self) -> Duration {
        let now = self.clock.time();
        // The clocks of the service and of this machine may differ, so the grant can lie in the future.
        self.granted.and_then(|at| now.duration_since(at).ok()).unwrap_or_default()
    }
}
