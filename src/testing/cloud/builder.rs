//! The settings of a small cloud before it starts.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::Path,
    sync::{Arc, Mutex, atomic::AtomicUsize},
    time::Duration,
};

use super::{
    Assignment, Behavior, CONTAINER, CorsRule, Quirk, Seed, SmallCloud, State,
    access::Access,
    container::Container,
    log::Log,
    random, seed, server,
    state::{Script, Skew},
    token::Tokens,
    user_delegation::DelegationKeys,
};
use crate::{
    clock::{Clock, SystemClock},
    condition::Role,
};

/// What a [`SmallCloud`] starts with
#[derive(Debug)]
#[must_use]
pub struct SmallCloudBuilder {
    containers: BTreeMap<String, Vec<Seed>>,
    ragged_pages: bool,
    is_versioned: bool,
    behavior: Behavior,
    quirks: BTreeSet<Quirk>,
    certificate: Option<String>,
    clock: Arc<dyn Clock>,
    skew: Skew,
    token_lifetime: Duration,
    /// `None` for the usual one
    assignments: Option<Vec<Assignment>>,
    front_ends: usize,
    cors: Vec<CorsRule>,
    is_public: bool,
}

impl SmallCloudBuilder {
    pub(super) fn new() -> Self {
        Self {
            containers: BTreeMap::from([(CONTAINER.to_owned(), Vec::new())]),
            ragged_pages: false,
            is_versioned: false,
            behavior: Behavior::default(),
            quirks: BTreeSet::new(),
            certificate: None,
            clock: Arc::new(SystemClock),
            skew: Skew::None,
            // Entra's usual, an hour less the second that the request takes.
            token_lifetime: Duration::from_secs(3599),
            assignments: None,
            front_ends: 1,
            cors: Vec::new(),
            is_public: false,
        }
    }

    /// Puts a blob into the container `assets`
    pub fn blob(self, seed: Seed) -> Self {
        self.blobs([seed])
    }

    /// Puts blobs into the container `assets`
    pub fn blobs(self, seeds: impl IntoIterator<Item = Seed>) -> Self {
        self.container(CONTAINER, seeds)
    }

    /// Puts each file below a folder into the container `assets`, by its path in the folder
    ///
    /// Skips symbolic links, so that nothing outside the folder is served.
    ///
    /// # Errors
    /// Fails if the folder cannot be read, or if a file's name is not UTF-8.
    pub fn folder(mut self, folder: impl AsRef<Path>) -> io::Result<Self> {
        let seeds = self.containers.entry(CONTAINER.to_owned()).or_default();
        seed::add_folder(seeds, folder.as_ref(), String::new())?;
        Ok(self)
    }

    /// Adds another container, beside `assets`
    pub fn container(
        mut self,
        name: impl Into<String>,
        seeds: impl IntoIterator<Item = Seed>,
    ) -> Self {
        self.containers.entry(name.into()).or_default().extend(seeds);
        self
    }

    /// Registers a certificate, as PEM, with the application, which may then sign in with it
    pub fn certificate(mut self, pem: impl Into<String>) -> Self {
        self.certificate = Some(pem.into());
        self
    }

    /// Returns pages shorter than `maxresults`, and empty ones with a marker, as Azure may
    pub fn ragged_pages(mut self) -> Self {
        self.ragged_pages = true;
        self
    }

    /// Turns versioning on: listings and reads have the id of each blob's current version
    pub fn versioned(mut self) -> Self {
        self.is_versioned = true;
        self
    }

    /// Sets what the real service is not known to do, and what differs by account
    pub fn behavior(mut self, behavior: Behavior) -> Self {
        self.behavior = behavior;
        self
    }

    /// Differs from the service in this way, beside those set before
    pub fn quirk(mut self, quirk: Quirk) -> Self {
        self.quirks.insert(quirk);
        self
    }

    /// Takes the time from this clock; by default from that of the machine
    ///
    /// Token lifetimes, the propagation of role assignments, pauses, `Date` and the `UtcNow` of
    /// conditions go by it. Only client assertions do not: those who sign them look at the clock of
    /// the machine.
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Sets the cloud's time of day ahead of its clock
    ///
    /// It shows in `Date`, in `UtcNow`, and where tokens and client assertions are checked. Tokens
    /// are issued by the clock as it is: they expire too early.
    pub fn clock_ahead(mut self, by: Duration) -> Self {
        self.skew = Skew::Ahead(by);
        self
    }

    /// Sets the cloud's time of day back from its clock
    ///
    /// By more than five minutes, and tokens are not valid yet.
    pub fn clock_behind(mut self, by: Duration) -> Self {
        self.skew = Skew::Behind(by);
        self
    }

    /// Sets the lifetime of tokens, in whole seconds; by default 3,599
    pub fn token_lifetime(mut self, lifetime: Duration) -> Self {
        self.token_lifetime = lifetime;
        self
    }

    /// Assigns a role to the service principal, at the start
    ///
    /// Without a call of this it is Storage Blob Data Reader on the account, effective at once.
    /// Further calls assign further roles.
    pub fn assignment(mut self, assignment: Assignment) -> Self {
        self.assignments.get_or_insert_default().push(assignment);
        self
    }

    /// Starts without any role assignment
    pub fn without_assignments(mut self) -> Self {
        self.assignments = Some(Vec::new());
        self
    }

    /// Sets the number of front ends of the blob service, at least 1; requests reach them in turn
    pub fn front_ends(mut self, count: usize) -> Self {
        self.front_ends = count;
        self
    }

    /// Adds a rule for cross-origin requests, after those added before; by default there is none
    pub fn cors(mut self, rule: CorsRule) -> Self {
        self.cors.push(rule);
        self
    }

    /// Makes the container `assets` public: anybody may list and read it
    pub fn public(mut self) -> Self {
        self.is_public = true;
        self
    }

    /// Starts it on a free port of 127.0.0.1, in the Tokio runtime that this is called in
    ///
    /// # Errors
    /// Fails if no port can be listened on.
    pub async fn start(self) -> io::Result<SmallCloud> {
        let order = self.behavior.order;
        let containers = self
            .containers
            .into_iter()
            .map(|(name, seeds)| (name, Arc::new(Container::of(order, seeds))));
        let assignments =
            self.assignments.unwrap_or_else(|| vec![Assignment::new(Role::BlobDataReader)]);
        let mut access = Access::new(self.front_ends);
        for assignment in assignments {
            access.assign(assignment, self.clock.elapsed());
        }
        let script = Script { cors: self.cors, public: self.is_public, ..Script::default() };
        let state = Arc::new(State {
            secret: random(),
            signature: random(),
            certificate: self.certificate,
            clock: self.clock,
            skew: self.skew,
            token_lifetime: self.token_lifetime,
            ragged_pages: self.ragged_pages,
            is_versioned: self.is_versioned,
            behavior: self.behavior,
            quirks: self.quirks,
            used_markers: Mutex::default(),
            tokens: Mutex::new(Tokens::default()),
            keys: Mutex::new(DelegationKeys::default()),
            containers: Mutex::new(containers.collect()),
            access: Mutex::new(access),
            script: Mutex::new(script),
            log: Mutex::new(Log::default()),
            connections: AtomicUsize::new(0),
            in_flight: AtomicUsize::new(0),
        });
        let (listener, acceptor, authority) = server::listen().await?;
        let address = listener.local_addr()?;
        let task = tokio::spawn(server::serve(listener, acceptor, Arc::clone(&state)));
        Ok(SmallCloud { address, authority, state, task })
    }
}
