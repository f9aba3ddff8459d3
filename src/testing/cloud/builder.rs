//! The settings of a small cloud before it starts.

use std::{collections::BTreeMap, io, path::Path, sync::Arc, time::Duration};

use super::{
    access::Access,
    assignment::Assignment,
    behavior::Behavior,
    container::Container,
    cors::CorsRule,
    handle::SmallCloud,
    identity::CONTAINER,
    quirk::Quirk,
    script::Script,
    seed::{self, Seed},
    server,
    state::{Settings, Skew, State},
};
use crate::{clock::Clock, condition::Role};

impl SmallCloud {
    /// Returns a builder for a cloud whose container `assets` is empty.
    pub fn builder() -> SmallCloudBuilder {
        SmallCloudBuilder::new()
    }
}

/// The settings of a [`SmallCloud`] before it starts.
///
/// By default the service principal has the role Storage Blob Data Reader on the account, the cloud
/// has one front end, and its time is that of the machine.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// use std::time::Duration;
/// use azure_asset_sync::{Scan, testing::{ManualClock, Seed, SmallCloud}};
///
/// let cloud = SmallCloud::builder()
///     .blobs((0..10).map(|n| Seed::new(format!("hall-3/{n:04}.jpg"), "x")))
///     .clock(ManualClock::new())
///     .token_lifetime(Duration::from_secs(600))
///     .ragged_pages()
///     .start()
///     .await?;
/// let connection = cloud.connection().prefix("hall-3/").build()?;
/// let report = Scan::new(cloud.store(&connection)?, connection.prefix()).run(()).await?;
/// assert_eq!(report.accepted(), 10);
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use]
pub struct SmallCloudBuilder {
    settings: Settings,
    containers: BTreeMap<String, Vec<Seed>>,
    /// `None` for the default role.
    assignments: Option<Vec<Assignment>>,
    front_ends: usize,
    cors: Vec<CorsRule>,
    is_public: bool,
}

impl SmallCloudBuilder {
    fn new() -> Self {
        Self {
            settings: Settings::default(),
            containers: BTreeMap::from([(CONTAINER.to_owned(), Vec::new())]),
            assignments: None,
            front_ends: 1,
            cors: Vec::new(),
            is_public: false,
        }
    }

    /// Puts a blob into the container `assets`.
    pub fn blob(self, seed: Seed) -> Self {
        self.blobs([seed])
    }

    /// Puts blobs into the container `assets`. If two have the same name, the later one replaces
    /// the earlier one.
    pub fn blobs(self, seeds: impl IntoIterator<Item = Seed>) -> Self {
        self.container(CONTAINER, seeds)
    }

    /// Puts each file below a folder into the container `assets`, named by its path in the folder.
    ///
    /// Skips symbolic links, so that nothing outside the folder is served. The content is read when
    /// a client reads the blob.
    ///
    /// # Errors
    /// Fails if the folder cannot be read, or if a file name is not UTF-8.
    pub fn folder(mut self, folder: impl AsRef<Path>) -> io::Result<Self> {
        let seeds = self.containers.entry(CONTAINER.to_owned()).or_default();
        seed::add_folder(seeds, folder.as_ref(), String::new())?;
        Ok(self)
    }

    /// Adds another container to the account.
    pub fn container(
        mut self,
        name: impl Into<String>,
        seeds: impl IntoIterator<Item = Seed>,
    ) -> Self {
        // Repeated calls for one container add to it.
        self.containers.entry(name.into()).or_default().extend(seeds);
        self
    }

    /// Registers a certificate, as PEM, with which the application may sign in.
    pub fn certificate(mut self, pem: impl Into<String>) -> Self {
        self.settings.certificate = Some(pem.into());
        self
    }

    /// Returns pages with a random number of entries, at most `maxresults`, and empty pages with a
    /// marker. Azure may do both.
    pub fn ragged_pages(mut self) -> Self {
        self.settings.ragged_pages = true;
        self
    }

    /// Turns versioning on: listings and reads have the ID of each blob's current version.
    pub fn versioned(mut self) -> Self {
        self.settings.is_versioned = true;
        self
    }

    /// Sets how the cloud behaves if the real service is not known, or if accounts differ.
    pub fn behavior(mut self, behavior: Behavior) -> Self {
        self.settings.behavior = behavior;
        self
    }

    /// Adds a difference from the real service, in addition to those added before.
    pub fn quirk(mut self, quirk: Quirk) -> Self {
        self.settings.quirks.insert(quirk);
        self
    }

    /// Sets the clock; by default it is that of the machine.
    ///
    /// Token lifetimes, the propagation of role assignments, pauses, the `Date` header and the
    /// `UtcNow` attribute of conditions follow it. Client assertions do not: the clients that sign
    /// them take the time from the machine.
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.settings.clock = Arc::new(clock);
        self
    }

    /// Sets the cloud's time of day ahead of its clock.
    ///
    /// The difference shows in the `Date` header, in `UtcNow`, and in the checks of tokens and client
    /// assertions. Tokens are issued by the clock itself, so they expire too early.
    pub fn clock_ahead(mut self, by: Duration) -> Self {
        self.settings.skew = Skew::Ahead(by);
        self
    }

    /// Sets the cloud's time of day back from its clock.
    ///
    /// If it is set back by more than 5 min, new tokens are not valid yet.
    pub fn clock_behind(mut self, by: Duration) -> Self {
        self.settings.skew = Skew::Behind(by);
        self
    }

    /// Sets the lifetime of tokens, in whole seconds; by default 3,599 s, as in Entra.
    pub fn token_lifetime(mut self, lifetime: Duration) -> Self {
        self.settings.token_lifetime = lifetime;
        self
    }

    /// Assigns a role to the service principal at the start.
    ///
    /// The first call replaces the default role. Further calls add further roles.
    pub fn assignment(mut self, assignment: Assignment) -> Self {
        self.assignments.get_or_insert_default().push(assignment);
        self
    }

    /// Starts without any role assignment.
    pub fn without_assignments(mut self) -> Self {
        self.assignments = Some(Vec::new());
        self
    }

    /// Sets the number of front ends of the blob service, at least 1. Requests reach them in turn.
    pub fn front_ends(mut self, count: usize) -> Self {
        self.front_ends = count;
        self
    }

    /// Adds a CORS rule after those added before; by default there is none.
    pub fn cors(mut self, rule: CorsRule) -> Self {
        self.cors.push(rule);
        self
    }

    /// Makes the container `assets` public: anonymous callers may list and read it.
    pub fn public(mut self) -> Self {
        self.is_public = true;
        self
    }

    /// Starts the cloud on a free port of 127.0.0.1, in the Tokio runtime of the caller.
    ///
    /// # Errors
    /// Fails if there is no free port, or no TLS provider (features `rustls-ring` and `rustls-aws-lc`).
    ///
    /// # Panics
    /// Panics if it is not called in a Tokio runtime with I/O and time enabled.
    pub async fn start(self) -> io::Result<SmallCloud> {
        // All containers have the same order, because the namespace is a property of the account.
        let order = self.settings.behavior.order;
        let containers = self
            .containers
            .into_iter()
            .map(|(name, seeds)| (name, Arc::new(Container::new(order, seeds))));
        // Replaced as a whole by the first call of `assignment`; see there.
        let assignments =
            self.assignments.unwrap_or_else(|| vec![Assignment::new(Role::BlobDataReader)]);
        let mut access = Access::new(self.front_ends);
        for assignment in assignments {
            // Delays count from the start of the cloud.
            access.assign(assignment, self.settings.clock.elapsed());
        }
        let script = Script::new(self.cors, self.is_public);
        let state = Arc::new(State::new(self.settings, containers.collect(), access, script));
        let (listener, acceptor, authority) = server::listen().await?;
        let address = listener.local_addr()?;
        let task = tokio::spawn(server::serve(listener, acceptor, Arc::clone(&state)));
        Ok(SmallCloud::new(address, authority, state, task))
    }
}
