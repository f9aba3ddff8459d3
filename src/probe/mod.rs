//! Does it work, will it if we wait, and what exactly must the customer do?
//!
//! A probe asks the very questions that a scan will ask, and those that tell *why* they fail. It
//! ends with a [`Health`]: named checks, an outlook, and where it is not good a [`Diagnosis`] with
//! the step of the wizard to do again and the command to run. [`Probe::wait`] repeats it while a
//! role assignment takes effect.
//!
//! ```no_run
//! use std::time::{Duration, SystemTime};
//!
//! use azure_asset_sync::{AzureStore, Connection, Credential, Probe, probe::{WaitEvent, WaitOptions}};
//! use futures::StreamExt as _;
//!
//! # async fn example(connection: Connection, credential: Credential) -> Result<(), Box<dyn std::error::Error>> {
//! let store = AzureStore::new(&connection, credential)?;
//! let probe = Probe::new(&connection, store)
//!     .granted(SystemTime::now()) // when the customer said "done"
//!     .origin("https://app.example")?
//!     .view_links();
//!
//! let mut wait = probe.wait(WaitOptions::new(Duration::from_secs(600)));
//! while let Some(event) = wait.next().await {
//!     match event {
//!         WaitEvent::Checked(checked) => println!("{checked}"),
//!         WaitEvent::Retrying(again) => println!("{again}"),
//!         WaitEvent::Ended(ended) => println!("{}", ended.health),
//!         _ => {}
//!     }
//! }
//! # Ok(()) }
//! ```

mod cause;
mod check;
mod checks;
mod class;
mod code;
mod diagnosis;
mod drift;
mod health;
mod infer;
mod pass;
mod privilege;
mod wait;

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

pub use self::{
    cause::Cause,
    check::{Check, Checked, Evidence, Outcome},
    class::{Layer, PropagationTime, Retry, WizardStep},
    diagnosis::{Confidence, Diagnosis},
    drift::Drift,
    health::{Health, Outlook},
    privilege::{Privileges, SeenShape},
    wait::{EndReason, Retrying, Tier, Wait, WaitEvent, WaitOptions, WaitOutcome},
};
use crate::{
    clock::{Clock, SystemClock},
    connection::Connection,
    grant::{Form, Grant, check_origin},
    name::InvalidName,
    store::{Inspect, Store},
};

/// Checks a connection, from the names that were typed to the bytes that are read
///
/// A pass takes at most six requests with everything switched on: challenge, token, list, read,
/// delegation key, preflight. The proof of [least privilege](Self::least_privilege) takes four more,
/// and the delegation key where that was not asked for. Nothing is written, and nothing is asked
/// that the grant does not cover, but for that proof.
///
/// Cheap to clone. Dropping the future of a pass, or a [`Wait`], cancels it at once.
#[derive(Clone)]
#[must_use]
pub struct Probe(Arc<Plan>);

#[derive(Clone)]
struct Plan {
    connection: Connection,
    store: Subject,
    grant: Option<(Grant, Form)>,
    origin: Option<String>,
    view_links: bool,
    least_privilege: bool,
    granted: Option<SystemTime>,
    request_timeout: Duration,
    clock: Arc<dyn Clock>,
}

impl Plan {
    /// How old the grant is; nothing where nobody knows, since it may have just been given
    fn age(&self) -> Duration {
        let now = self.clock.time();
        // A grant of the future has just been given too.
        self.granted.and_then(|at| now.duration_since(at).ok()).unwrap_or_default()
    }
}

/// What is probed
#[derive(Clone)]
enum Subject {
    Plain(Arc<dyn Store>),
    Inspected(Arc<dyn Inspect>),
}

impl Probe {
    /// A probe of a store that can look around its container, such as an `AzureStore`
    pub fn new(connection: &Connection, store: impl Inspect + 'static) -> Self {
        Self::of(connection, Subject::Inspected(Arc::new(store)))
    }

    /// A probe of any store: whether it lists and reads; other checks are left out
    pub fn of_store(connection: &Connection, store: impl Store + 'static) -> Self {
        Self::of(connection, Subject::Plain(Arc::new(store)))
    }

    fn of(connection: &Connection, store: Subject) -> Self {
        Self(Arc::new(Plan {
            connection: connection.clone(),
            store,
            grant: None,
            origin: None,
            view_links: false,
            least_privilege: false,
            granted: None,
            request_timeout: Duration::from_secs(30),
            clock: Arc::new(SystemClock),
        }))
    }

    fn with(mut self, change: impl FnOnce(&mut Plan)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }

    /// Takes the commands of its remedies from this grant, in this form
    ///
    /// Also tells a role that was given to another principal than the one that signs in, and a
    /// grant that is for another container.
    pub fn grant(self, grant: &Grant, form: Form) -> Self {
        self.with(|plan| plan.grant = Some((grant.clone(), form)))
    }

    /// When the customer applied the grant; without it, it may have been just now
    ///
    /// Later than the longest time that an assignment takes, what is missing is missing for good.
    pub fn granted(self, at: SystemTime) -> Self {
        self.with(|plan| plan.granted = Some(at))
    }

    /// Asks too whether pages of this origin may play videos, such as `https://app.example`
    ///
    /// # Errors
    /// [`InvalidName`] where it is no origin as browsers send it: scheme, host and port, without a
    /// slash at the end.
    pub fn origin(self, origin: &str) -> Result<Self, InvalidName> {
        check_origin(origin)?;
        Ok(self.with(|plan| plan.origin = Some(origin.to_owned())))
    }

    /// Asks too whether view links can be made, which takes a role on the account
    pub fn view_links(self) -> Self {
        self.with(|plan| plan.view_links = true)
    }

    /// Asks too what should be refused: another container, names outside the prefix, the names of
    /// all containers; and for a delegation key, which tells the shapes of grants apart
    ///
    /// Read-only, and it reveals nothing: the other container and the other prefix have made-up
    /// names, of which the service says 403 to who may not and 404 to who may. So what is asked is
    /// wider than the grant, and the customer's log shows it.
    pub fn least_privilege(self) -> Self {
        self.with(|plan| plan.least_privilege = true)
    }

    /// How long one request may take; 30 seconds by default, by Tokio's clock
    pub fn request_timeout(self, timeout: Duration) -> Self {
        self.with(|plan| plan.request_timeout = timeout)
    }

    /// Waits and tells the time by this clock, in the place of the machine's
    pub fn clock(self, clock: impl Clock + 'static) -> Self {
        self.with(|plan| plan.clock = Arc::new(clock))
    }

    /// One pass over the checks
    ///
    /// What fails is in the health, so there is no error.
    pub async fn run(&self) -> Health {
        let mut pass = pass::Pass::first(Arc::clone(&self.0));
        while pass.step().await.is_some() {}
        pass.finish().health
    }

    /// Passes, until the connection works, cannot work, or the patience is at its end
    ///
    /// Nothing is asked, and no time runs, before the stream is polled. What works is confirmed by
    /// lists over connections of their own, and by a whole pass at the end.
    pub fn wait(&self, options: WaitOptions) -> Wait {
        Wait::new(Arc::clone(&self.0), options)
    }
}

impl fmt::Debug for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Probe")
            .field("connection", &self.0.connection)
            .field("origin", &self.0.origin)
            .field("view_links", &self.0.view_links)
            .field("least_privilege", &self.0.least_privilege)
            .finish_non_exhaustive()
    }
}
