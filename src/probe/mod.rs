//! Checks whether a connection works, whether waiting helps, and what the customer must do.
//!
//! A [`Probe`] sends the requests that a scan sends, and further ones that show *why* a request fails.
//! The result is a [`Health`]: named checks, an outlook, and, if something fails, a [`Diagnosis`] with
//! the wizard step to repeat and the command to run. [`Probe::wait`] repeats the probe while a role
//! assignment takes effect.
//!
//! Data flows in one direction: `plan` (settings) → `checks` (requests) → `facts` (what the answers
//! showed) → `infer` (the cause) → `health`. `pass` runs the checks once, `wait` repeats passes.
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
//!     .granted(SystemTime::now()) // when the customer confirmed the grant
//!     .origin("https://app.example")?
//!     .view_links();
//!
//! let mut wait = probe.wait(WaitOptions::new(Duration::from_secs(600)));
//! while let Some(event) = wait.next().await {
//!     match event {
//!         WaitEvent::Checked(checked) => println!("{checked}"),
//!         WaitEvent::Retrying(retrying) => println!("{retrying}"),
//!         WaitEvent::Ended(ended) => println!("{}", ended.health),
//!         _ => {}
//!     }
//! }
//! # Ok(()) }
//! ```

mod cause;
mod check;
mod checked;
mod checks;
mod class;
mod code;
mod diagnosis;
mod drift;
mod drift_watch;
mod evidence;
mod facts;
mod health;
mod infer;
mod pass;
mod plan;
mod privilege;
mod time;
mod wait;

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use tracing::Instrument as _;

pub use self::{
    cause::Cause,
    check::{Check, Outcome},
    checked::Checked,
    class::{Layer, PropagationTime, Retry, WizardStep},
    diagnosis::{Confidence, Diagnosis},
    drift::Drift,
    drift_watch::{DriftWatch, Suspicion},
    evidence::Evidence,
    health::{Health, Outlook},
    privilege::{Privileges, SeenShape},
    wait::{EndReason, Retrying, Tier, Wait, WaitEvent, WaitOptions, WaitOutcome},
};
use self::{
    pass::Pass,
    plan::{Plan, Subject},
};
use crate::{
    clock::Clock,
    connection::Connection,
    grant::{Form, Grant, check_origin},
    name::InvalidName,
    observe::{Activity, Counted},
    store::{Inspect, Store},
};

/// Checks a connection, from the names that were entered to the bytes that are read.
///
/// A pass usually sends six requests with all options except least privilege: challenge, token, list,
/// read, delegation key and preflight. [`least_privilege`](Self::least_privilege) adds four, and the
/// delegation key if view links were not requested. No request writes, and only least privilege sends
/// requests that the grant does not cover.
///
/// Cheap to clone. Dropping the future of a pass, or a [`Wait`], cancels the request in progress.
///
/// ```
/// use azure_asset_sync::{Connection, MemoryStore, Probe, probe::Check};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let connection = Connection::builder("hall 3").account("contosovision").container("training").build()?;
/// let store = MemoryStore::new();
/// store.put("hall-3/a.jpg", b"\xff\xd8\xff".as_slice());
/// let health = Probe::of_store(&connection, store).run().await;
/// assert!(health.is_ready(), "{health}");
/// assert!(health.check(Check::Read).is_some());
/// # Ok(()) }
/// ```
#[doc(alias = "health check")]
#[doc(alias = "diagnose")]
#[derive(Clone)]
#[must_use]
pub struct Probe(Arc<Plan>);

impl Probe {
    /// Creates a probe of a store that can also inspect its surroundings, such as an `AzureStore`.
    pub fn new(connection: &Connection, store: impl Inspect + 'static) -> Self {
        let subject = Subject::Inspected(Arc::new(store));
        Self(Arc::new(Plan::new(connection.clone(), subject)))
    }

    /// Creates a probe of any store. It checks whether the store lists and reads; the other checks are
    /// skipped.
    ///
    /// If [`origin`](Self::origin) or [`view_links`](Self::view_links) was called, the checks for
    /// these pass with the warning [`NotProbed`](Cause::NotProbed).
    pub fn of_store(connection: &Connection, store: impl Store + 'static) -> Self {
        let subject = Subject::Plain(Arc::new(store));
        Self(Arc::new(Plan::new(connection.clone(), subject)))
    }

    /// Copies the plan if another probe or a wait shares it, so that these are not affected.
    fn with(mut self, change: impl FnOnce(&mut Plan)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }

    /// Takes the commands of remedies from this grant, in this form.
    ///
    /// The probe then also detects a role that is assigned to another principal than the one that signs
    /// in, and a grant for another container.
    ///
    /// ```no_run
    /// use azure_asset_sync::{Connection, MemoryStore, Probe, grant::{Form, Grant}};
    ///
    /// # async fn example(connection: Connection, grant: Grant) {
    /// let probe = Probe::of_store(&connection, MemoryStore::new()).grant(&grant, Form::AzBash);
    /// let health = probe.run().await;
    /// if let Some(command) = health.diagnosis.and_then(|diagnosis| diagnosis.command) {
    ///     println!("run this:\n{command}");
    /// }
    /// # }
    /// ```
    pub fn grant(self, grant: &Grant, form: Form) -> Self {
        self.with(|plan| plan.set_grant(grant.clone(), form))
    }

    /// Sets when the customer applied the grant. The default assumes that it was just now.
    ///
    /// If the grant is older than the longest time that an assignment takes, a missing permission is
    /// reported as permanent.
    pub fn granted(self, at: SystemTime) -> Self {
        self.with(|plan| plan.set_granted(at))
    }

    /// Also checks whether pages of this origin may play videos, for example `https://app.example`.
    ///
    /// # Errors
    /// [`InvalidName`] if the text is not an origin as browsers send it: scheme, host and port, without
    /// a slash at the end.
    #[doc(alias = "cors")]
    pub fn origin(self, origin: &str) -> Result<Self, InvalidName> {
        check_origin(origin)?;
        Ok(self.with(|plan| plan.set_origin(origin.to_owned())))
    }

    /// Also checks whether view links can be created, which takes a role on the account.
    ///
    /// A key for view links belongs to the account, so a role on the container is not enough.
    #[doc(alias = "presigned")]
    #[doc(alias = "SAS")]
    pub fn view_links(self) -> Self {
        self.with(Plan::enable_view_links)
    }

    /// Also sends requests that should be refused: for another container, for names outside the prefix
    /// and for the names of all containers. Requests a delegation key as well, because it shows on which
    /// scope the role is assigned.
    ///
    /// The requests only read, and reveal no data: the other container and the other prefix have random
    /// names, for which the service answers 403 to a principal without access and 404 to one with
    /// access. The requests go beyond the grant, and the customer's log shows them.
    ///
    /// The result is in [`Health::privileges`] and, check by check, in [`Health::warnings`].
    pub fn least_privilege(self) -> Self {
        self.with(Plan::enable_least_privilege)
    }

    /// Sets how long one request may take, measured by Tokio's clock. The default is 30 s.
    ///
    /// A request that takes longer fails with the cause [`RequestTimeout`](Cause::RequestTimeout),
    /// which is transient.
    pub fn request_timeout(self, timeout: Duration) -> Self {
        self.with(|plan| plan.set_request_timeout(timeout))
    }

    /// Uses this clock for delays and for the time of day, instead of the machine's clock.
    ///
    /// For tests: `testing::ManualClock` lets a wait of minutes take milliseconds.
    pub fn clock(self, clock: impl Clock + 'static) -> Self {
        self.with(|plan| plan.set_clock(Arc::new(clock)))
    }

    /// Runs all checks once.
    ///
    /// A check that fails is a part of the result, so this never returns an error.
    ///
    /// Cancel safe: dropping the future stops the request in progress and no other state is kept.
    pub async fn run(&self) -> Health {
        let connection = self.0.connection();
        let mut activity = Activity::probe(connection.labels(), connection.prefix().as_str());
        let pass = async {
            let mut pass = Pass::first(Arc::clone(&self.0));
            while pass.step().await.is_some() {}
            pass.finish().into_health()
        };
        let health = pass.instrument(activity.span()).await;
        activity.end(Ok(health.outlook.code()), Counted::default());
        health
    }

    /// Repeats passes until the connection works, cannot work, or the deadline has passed.
    ///
    /// Sends nothing before the stream is polled, and the deadline counts from the first poll. A success
    /// is confirmed by lists over connections of their own, and by one pass over all checks at the end.
    #[doc(alias = "poll")]
    pub fn wait(&self, options: WaitOptions) -> Wait {
        Wait::new(Arc::clone(&self.0), options)
    }
}

impl fmt::Debug for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Probe")
            .field("connection", self.0.connection())
            .field("origin", &self.0.origin())
            .field("view_links", &self.0.view_links())
            .field("least_privilege", &self.0.least_privilege())
            .finish_non_exhaustive()
    }
}
