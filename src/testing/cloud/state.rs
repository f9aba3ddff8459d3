//! The state that all connections of a small cloud share.
//!
//! Each part with rules of its own is a type of its own (`Access`, `Tokens`, `DelegationKeys`,
//! `Script`, `Log`). `State` adds the locks, the clock, and the questions that need more than one
//! part.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime},
};

use super::{
    access::{Access, RequiredAccess},
    behavior::Behavior,
    container::Container,
    delegation_key::DelegationKeys,
    identity::CONTAINER,
    log::Log,
    quirk::Quirk,
    refusal::Refusal,
    script::Script,
    seed::Seed,
    token::Tokens,
    values::{LAST_SECOND, lock, random, time_of},
};
use crate::{
    clock::{Clock, SystemClock},
    store::MAX_PAGE,
};

/// The settings that do not change after the start.
#[derive(Debug)]
pub(super) struct Settings {
    /// The answers to open questions about the real service.
    pub(super) behavior: Behavior,
    /// The differences from the real service.
    pub(super) quirks: BTreeSet<Quirk>,
    /// The certificate that the application may sign in with, as PEM.
    pub(super) certificate: Option<String>,
    /// The source of the time.
    pub(super) clock: Arc<dyn Clock>,
    /// The difference between the cloud's time of day and that of the clock.
    pub(super) skew: Skew,
    /// The lifetime of tokens.
    pub(super) token_lifetime: Duration,
    /// Whether pages have a random number of entries.
    pub(super) ragged_pages: bool,
    /// Whether the account keeps versions of blobs.
    pub(super) is_versioned: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            behavior: Behavior::default(),
            quirks: BTreeSet::new(),
            certificate: None,
            clock: Arc::new(SystemClock),
            skew: Skew::None,
            // Entra's usual lifetime: an hour, less the second that the request takes.
            token_lifetime: Duration::from_secs(3599),
            ragged_pages: false,
            is_versioned: false,
        }
    }
}

/// The difference between the cloud's time of day and that of its clock.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Skew {
    #[default]
    None,
    Ahead(Duration),
    Behind(Duration),
}

impl Skew {
    /// Shifts a time of the clock to the cloud's time of day, within the range of HTTP dates.
    pub(super) fn shift(self, time: SystemTime) -> SystemTime {
        // `Date` must stay within four digits of the year, however large the skew is.
        let last = time_of(LAST_SECOND);
        let shifted = match self {
            Self::None => time,
            Self::Ahead(by) => time.checked_add(by).unwrap_or(last),
            Self::Behind(by) => time.checked_sub(by).unwrap_or(SystemTime::UNIX_EPOCH),
        };
        shifted.clamp(SystemTime::UNIX_EPOCH, last)
    }
}

/// A counter that was incremented, until this guard is dropped.
pub(super) struct CountGuard<'a> {
    counter: &'a AtomicUsize,
    before: usize,
}

impl<'a> CountGuard<'a> {
    fn increment(counter: &'a AtomicUsize) -> Self {
        // Sequential consistency, because tests read the counter from other threads and expect
        // exact values.
        Self { counter, before: counter.fetch_add(1, Ordering::SeqCst) }
    }

    /// Returns the value of the counter before it was incremented.
    pub(super) fn before(&self) -> usize {
        self.before
    }
}

impl Drop for CountGuard<'_> {
    fn drop(&mut self) {
        self.counter.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The state that all connections of a cloud share.
pub(super) struct State {
    settings: Settings,
    secret: String,
    signature: String,
    // Each part has a lock of its own, and no method holds two of them at a time, so that there is
    // no order of locks to keep.
    used_markers: Mutex<BTreeSet<String>>,
    tokens: Mutex<Tokens>,
    delegation_keys: Mutex<DelegationKeys>,
    containers: Mutex<BTreeMap<String, Arc<Container>>>,
    access: Mutex<Access>,
    script: Mutex<Script>,
    log: Mutex<Log>,
    open_connections: AtomicUsize,
    /// The number of requests that count for a
    /// [`ConcurrencyLimit`](super::script::ConcurrencyLimit).
    requests_in_flight: AtomicUsize,
}

impl State {
    /// Creates the state of a new cloud, with a random secret and a random signature.
    pub(super) fn new(
        settings: Settings,
        containers: BTreeMap<String, Arc<Container>>,
        access: Access,
        script: Script,
    ) -> Self {
        Self {
            settings,
            // Random, so that a test that searches outputs for the secret cannot find it by
            // accident.
            secret: random(),
            signature: random(),
            used_markers: Mutex::default(),
            tokens: Mutex::default(),
            delegation_keys: Mutex::default(),
            containers: Mutex::new(containers),
            access: Mutex::new(access),
            script: Mutex::new(script),
            log: Mutex::default(),
            open_connections: AtomicUsize::new(0),
            requests_in_flight: AtomicUsize::new(0),
        }
    }

    /// Returns the settings of the start.
    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Returns the answers to the open questions about the real service.
    pub(super) fn behavior(&self) -> &Behavior {
        &self.settings.behavior
    }

    /// Returns whether the cloud has a quirk.
    pub(super) fn has(&self, quirk: Quirk) -> bool {
        self.settings.quirks.contains(&quirk)
    }

    /// Returns the clock, which may be slower or faster than that of the machine.
    pub(super) fn clock(&self) -> &Arc<dyn Clock> {
        &self.settings.clock
    }

    /// Returns the cloud's time of day, which is the clock's time with the skew.
    pub(super) fn now(&self) -> SystemTime {
        self.settings.skew.shift(self.settings.clock.time())
    }

    /// Returns the client secret of the application.
    pub(super) fn secret(&self) -> &str {
        &self.secret
    }

    /// Returns the signature of the container's shared access signature (SAS).
    pub(super) fn signature(&self) -> &str {
        &self.signature
    }

    /// Locks the script.
    pub(super) fn script(&self) -> MutexGuard<'_, Script> {
        lock(&self.script)
    }

    /// Locks the role assignments.
    pub(super) fn access(&self) -> MutexGuard<'_, Access> {
        lock(&self.access)
    }

    /// Locks the tokens.
    pub(super) fn tokens(&self) -> MutexGuard<'_, Tokens> {
        lock(&self.tokens)
    }

    /// Locks the user delegation keys.
    pub(super) fn delegation_keys(&self) -> MutexGuard<'_, DelegationKeys> {
        lock(&self.delegation_keys)
    }

    /// Locks the log.
    pub(super) fn log(&self) -> MutexGuard<'_, Log> {
        lock(&self.log)
    }

    /// Returns the names of all containers, in ascending order.
    pub(super) fn container_names(&self) -> Vec<String> {
        lock(&self.containers).keys().cloned().collect()
    }

    /// Returns a container.
    ///
    /// Call this after authorization: the refusal reveals whether the container exists.
    ///
    /// # Errors
    /// Fails if there is no such container, or if the storage state says that it is not available.
    pub(super) fn container(&self, name: &str) -> Result<Arc<Container>, Refusal> {
        let storage_state = self.script().storage_state();
        if name == CONTAINER
            && let Some(refusal) = storage_state.container_refusal()
        {
            return Err(refusal);
        }
        // The lock is released before the container is read. A request sees one state of the
        // container.
        let container = lock(&self.containers).get(name).cloned();
        container.ok_or_else(|| Refusal::new(404, "ContainerNotFound"))
    }

    /// Puts a blob into the container `assets`, and replaces a blob with the same name.
    pub(super) fn put(&self, seed: Seed) {
        if let Some(container) = lock(&self.containers).get_mut(CONTAINER) {
            // Requests that are being answered keep the container as they found it.
            Arc::make_mut(container).insert(seed);
        }
    }

    /// Records that a continuation marker was used; returns whether this is the first use.
    pub(super) fn is_first_use(&self, marker: &str) -> bool {
        lock(&self.used_markers).insert(marker.to_owned())
    }

    /// Returns how many entries a page has at most; a random number if pages are ragged.
    pub(super) fn page_size(&self, requested: Option<u16>) -> usize {
        // The limit is a value inside the quirk, so it cannot be looked up with `has`.
        let limit = self.settings.quirks.iter().find_map(|quirk| match quirk {
            Quirk::PageLimit(most) => Some(*most),
            _ => None,
        });
        let most = limit.unwrap_or(MAX_PAGE).min(MAX_PAGE);
        // The service reduces a larger `maxresults` silently to its own limit.
        let full = requested.unwrap_or(most).min(most).into();
        if self.settings.ragged_pages { fastrand::usize(0..=full) } else { full }
    }

    /// Counts an open connection until the guard is dropped.
    pub(super) fn count_connection(&self) -> CountGuard<'_> {
        CountGuard::increment(&self.open_connections)
    }

    /// Counts a request to the blob service until the guard is dropped.
    pub(super) fn count_request(&self) -> CountGuard<'_> {
        CountGuard::increment(&self.requests_in_flight)
    }

    /// Returns the number of open connections.
    pub(super) fn open_connections(&self) -> usize {
        self.open_connections.load(Ordering::SeqCst)
    }

    /// Checks that a role assignment allows a request, at this front end and at this time.
    ///
    /// # Errors
    /// Fails with 403 `AuthorizationPermissionMismatch` if no assignment allows it.
    pub(super) fn authorize(
        &self,
        required: &RequiredAccess<'_>,
        front_end: usize,
    ) -> Result<(), Refusal> {
        if self.access().allows(required, front_end, self.clock().elapsed()) {
            return Ok(());
        }
        Err(Refusal::new(403, "AuthorizationPermissionMismatch"))
    }
}
