//! What the connections of a small cloud share.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime},
};

use super::{
    Behavior, CONTAINER, CorsRule, Fault, Quirk, Refusal, SignInRefusal, StorageState,
    access::Access, container::Container, log::Log, token::Tokens, user_delegation::DelegationKeys,
};
use crate::{clock::Clock, store::MAX_PAGE};

/// All that the connections of a cloud share
pub(super) struct State {
    pub(super) secret: String,
    pub(super) signature: String,
    pub(super) certificate: Option<String>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) skew: Skew,
    pub(super) token_lifetime: Duration,
    pub(super) ragged_pages: bool,
    pub(super) is_versioned: bool,
    pub(super) behavior: Behavior,
    pub(super) quirks: BTreeSet<Quirk>,
    /// The continuation markers that listings were asked for
    pub(super) used_markers: Mutex<BTreeSet<String>>,
    pub(super) tokens: Mutex<Tokens>,
    pub(super) keys: Mutex<DelegationKeys>,
    pub(super) containers: Mutex<BTreeMap<String, Arc<Container>>>,
    pub(super) access: Mutex<Access>,
    pub(super) script: Mutex<Script>,
    pub(super) log: Mutex<Log>,
    /// How many connections are open
    pub(super) connections: AtomicUsize,
    /// How many requests are under way that count for [`ConcurrencyLimit`]
    pub(super) in_flight: AtomicUsize,
}

/// From how many requests on the blob service has too much to do
#[derive(Clone)]
pub(super) struct ConcurrencyLimit {
    pub(super) most: usize,
    pub(super) each: Duration,
    pub(super) refusal: Refusal,
}

/// Counts one for as long as it lives
pub(super) struct CountGuard<'a> {
    count: &'a AtomicUsize,
    /// How many there were before
    pub(super) before: usize,
}

impl<'a> CountGuard<'a> {
    pub(super) fn new(count: &'a AtomicUsize) -> Self {
        Self { count, before: count.fetch_add(1, Ordering::SeqCst) }
    }
}

impl Drop for CountGuard<'_> {
    fn drop(&mut self) {
        self.count.fetch_sub(1, Ordering::SeqCst);
    }
}

/// What a test has set, and may set again while it runs
#[derive(Default)]
pub(super) struct Script {
    pub(super) storage_state: StorageState,
    pub(super) faults: VecDeque<Fault>,
    pub(super) always: Option<Fault>,
    pub(super) busy: Option<ConcurrencyLimit>,
    pub(super) sign_ins: VecDeque<SignInRefusal>,
    pub(super) always_sign_in: Option<SignInRefusal>,
    pub(super) cors: Vec<CorsRule>,
    pub(super) public: bool,
    pub(super) challenge: Option<String>,
}

/// How far the cloud's time of day is from its clock
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Skew {
    #[default]
    None,
    Ahead(Duration),
    Behind(Duration),
}

impl Skew {
    /// A time by the cloud's time of day, within the range of HTTP dates
    pub(super) fn shift(self, time: SystemTime) -> SystemTime {
        const LAST: Duration = Duration::from_secs(253_402_300_799);
        let last = SystemTime::UNIX_EPOCH + LAST;
        let shifted = match self {
            Self::None => time,
            Self::Ahead(by) => time.checked_add(by).unwrap_or(last),
            Self::Behind(by) => time.checked_sub(by).unwrap_or(SystemTime::UNIX_EPOCH),
        };
        shifted.clamp(SystemTime::UNIX_EPOCH, last)
    }
}

impl State {
    pub(super) fn has(&self, quirk: Quirk) -> bool {
        self.quirks.contains(&quirk)
    }

    /// The cloud's time of day
    pub(super) fn now(&self) -> SystemTime {
        self.skew.shift(self.clock.time())
    }

    /// The container, for somebody who may request for it
    pub(super) fn container(&self, name: &str) -> Result<Arc<Container>, Refusal> {
        let absent = || Refusal::new(404, "ContainerNotFound");
        match lock(&self.script).storage_state {
            StorageState::ContainerMissing if name == CONTAINER => return Err(absent()),
            StorageState::ContainerBeingDeleted if name == CONTAINER => {
                return Err(Refusal::new(409, "ContainerBeingDeleted"));
            }
            _ => {}
        }
        lock(&self.containers).get(name).cloned().ok_or_else(absent)
    }

    /// The most entries of this page: as many as the request allows, or fewer if pages are ragged
    pub(super) fn page_size(&self, requested: Option<u16>) -> usize {
        let limit = self.quirks.iter().find_map(|quirk| match quirk {
            Quirk::PageLimit(most) => Some(*most),
            _ => None,
        });
        let most = limit.unwrap_or(MAX_PAGE).min(MAX_PAGE);
        let full = requested.unwrap_or(most).min(most).into();
        if self.ragged_pages { fastrand::usize(0..=full) } else { full }
    }
}

/// Seconds since 1970, as tokens count them
pub(super) fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// No critical section can panic halfway, so the value behind a poisoned lock is consistent
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// A time to 100 ns, as error bodies and versions have it
pub(super) fn ticks(time: SystemTime) -> String {
    let time = humantime::format_rfc3339_nanos(time).to_string();
    time.get(..27).map_or(time.clone(), |time| format!("{time}Z"))
}

/// The id of an answer of the blob service, in the form that real ones have
pub(super) fn request_id() -> String {
    let (a, b, c, d, e) = (
        fastrand::u32(..),
        fastrand::u16(..4096),
        fastrand::u8(..),
        fastrand::u16(..),
        fastrand::u32(..1 << 24),
    );
    format!("{a:08x}-{b:03x}e-00{c:02x}-{d:04x}-{e:06x}000000")
}

/// A random id of any form
pub(super) fn guid() -> String {
    let mut id = random();
    for at in [20, 16, 12, 8] {
        id.insert(at, '-');
    }
    id
}

pub(super) fn random() -> String {
    format!("{:032x}", fastrand::u128(..))
}
