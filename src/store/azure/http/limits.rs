//! Limits for all stores of a client together: requests in flight, and the memory of their bodies.
//!
//! Stores wait in a queue in which each store has at most one place, so a store with many waiting calls
//! does not delay the others: the stores take turns.

use std::{num::NonZero, sync::Arc};

use tokio::sync::{Mutex, OwnedMutexGuard, OwnedSemaphorePermit, Semaphore};

use super::super::MAX_PAGE_BYTES;
use crate::{
    error::{Error, ErrorKind},
    units,
};

/// The memory that a listing reserves at first: 8 MiB. 5,000 blobs without metadata have less.
const RESERVED_FOR_PAGE: usize = 8 << 20;

/// The smallest memory limit: one page of ordinary size and one of the largest size.
const MIN_MEMORY: usize = RESERVED_FOR_PAGE + MAX_PAGE_BYTES;

/// The unit of reservations: 1 KiB, so that a semaphore of 32 bits can count 4 TiB.
const UNIT: usize = 1 << 10;

/// Limits for all stores that share an [`HttpClient`](super::HttpClient).
///
/// Without limits a service with many tenants is bounded only by each scan: a thousand scans with 16
/// requests in flight are 16,000 requests. A call that exceeds a limit waits. The waiting calls of one
/// store use one place in the queue, so that stores take turns, however many calls each has. The
/// time in the queue does not count against a store's
/// [request deadline](super::super::AzureStoreBuilder::request_deadline), but it does count against
/// the page deadline of a [`Scan`](crate::Scan).
///
/// ```
/// use azure_asset_sync::{HttpClient, store::azure::Limits};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let limits = Limits::new()
///     .requests(64.try_into()?) // in flight over all tenants
///     .memory(512 << 20); // bytes of bodies that are being received
/// let http = HttpClient::builder().limits(limits).build()?;
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct Limits {
    requests: Option<NonZero<usize>>,
    memory: Option<usize>,
}

impl Limits {
    /// Creates limits that limit nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets how many calls of all stores may be in flight at a time.
    ///
    /// A call is a `list`, `read` or `inspect`, a request for a key, or a check of ownership, each from
    /// its sign-in to its last byte.
    pub fn requests(mut self, most: NonZero<usize>) -> Self {
        self.requests = Some(most);
        self
    }

    /// Sets how many bytes of bodies all stores may receive at a time; at least 72 MiB.
    ///
    /// Each listing reserves 8 MiB, and each `read` its range. One listing at a time may exceed its
    /// reservation, up to 64 MiB; this is part of the limit. A page that was returned is no longer
    /// counted: how many pages a scan holds is limited by
    /// [`Scan::in_flight`](crate::Scan::in_flight).
    pub fn memory(mut self, bytes: usize) -> Self {
        self.memory = Some(bytes);
        self
    }

    /// Returns the gate that enforces the limits, or their fault.
    pub(super) fn gate(self) -> Result<Gate, String> {
        if self.memory.is_some_and(|bytes| bytes < MIN_MEMORY) {
            let least = units::Bytes(MIN_MEMORY as u64);
            return Err(format!("limits: the memory limit must be at least {least}"));
        }
        let requests = self.requests.map(|most| most.get().min(Semaphore::MAX_PERMITS));
        Ok(Gate {
            requests: requests.map(|most| Arc::new(Semaphore::new(most))),
            memory: self.memory.map(|bytes| {
                // INVARIANT: reservations and one excess are at most the limit together.
                let units = u32::try_from((bytes - MAX_PAGE_BYTES) / UNIT).unwrap_or(u32::MAX);
                let units = units.min(u32::try_from(Semaphore::MAX_PERMITS).unwrap_or(u32::MAX));
                let pool = Arc::new(Semaphore::new(units as usize));
                Memory { pool, units, excess: Arc::default() }
            }),
        })
    }
}

/// Enforces the limits of a client.
#[derive(Debug)]
pub(in crate::store::azure) struct Gate {
    requests: Option<Arc<Semaphore>>,
    memory: Option<Memory>,
}

#[derive(Debug)]
struct Memory {
    pool: Arc<Semaphore>,
    units: u32,
    /// Held by the one listing that exceeds its reservation.
    excess: Arc<Mutex<()>>,
}

/// The turn of a store in the queue. Clones of a store share it.
#[derive(Clone, Debug, Default)]
pub(in crate::store::azure) struct Turn(Arc<Mutex<()>>);

/// The memory that a call needs.
#[derive(Clone, Copy)]
pub(in crate::store::azure) enum Need {
    /// Less than a page; not counted.
    Little,
    /// A page of a listing, whose size is not known in advance.
    Page,
    /// A body of at most this many bytes.
    Bytes(usize),
}

/// A place among the calls in flight. Dropping it lets the next call in.
#[derive(Debug, Default)]
pub(in crate::store::azure) struct Place {
    _request: Option<OwnedSemaphorePermit>,
    _memory: Option<OwnedSemaphorePermit>,
    /// For a listing under a memory limit.
    excess: Option<Arc<Mutex<()>>>,
    holds_excess: Option<OwnedMutexGuard<()>>,
}

impl Gate {
    /// Waits until the call of a store may start.
    ///
    /// # Errors
    /// [`ErrorKind::TooLarge`] if the call needs more memory than the limit.
    pub(in crate::store::azure) async fn enter(
        &self,
        turn: &Turn,
        need: Need,
    ) -> Result<Place, Error> {
        if self.requests.is_none() && self.memory.is_none() {
            return Ok(Place::default());
        }
        let bytes = match need {
            Need::Little => 0,
            Need::Page => RESERVED_FOR_PAGE,
            Need::Bytes(bytes) => bytes,
        };
        // The other calls of the store wait here, and not in the queues of the semaphores.
        let _turn = turn.0.lock().await;
        let mut place = Place::default();
        // INVARIANT: all calls acquire in this order, and a call in flight needs nothing that a waiting
        // call holds, so calls cannot wait for each other.
        if let Some(requests) = &self.requests {
            // A gate never closes its semaphores, so the only error cannot happen.
            place._request = Arc::clone(requests).acquire_owned().await.ok();
        }
        if let Some(memory) = self.memory.as_ref().filter(|_| bytes > 0) {
            let units = u32::try_from(bytes.div_ceil(UNIT)).ok().filter(|n| *n <= memory.units);
            let units = units.ok_or_else(|| {
                let most = units::Bytes(u64::from(memory.units) * UNIT as u64);
                let what = format!("the range exceeds the client's memory limit for one range, {most}; read a shorter range or raise the limit");
                Error::new(ErrorKind::TooLarge, what)
            })?;
            place._memory = Arc::clone(&memory.pool).acquire_many_owned(units).await.ok();
            place.excess = matches!(need, Need::Page).then(|| Arc::clone(&memory.excess));
        }
        Ok(place)
    }
}

impl Place {
    /// Waits until a listing may have received this many bytes.
    pub(in crate::store::azure) async fn grow(&mut self, received: usize) {
        if received > RESERVED_FOR_PAGE
            && self.holds_excess.is_none()
            && let Some(excess) = &self.excess
        {
            // The holder never waits for memory, so it ends and lets the next one in.
            self.holds_excess = Some(Arc::clone(excess).lock_owned().await);
        }
    }
}
