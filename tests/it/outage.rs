//! A store whose service can go down and come back while a test runs.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use azure_asset_sync::{
    Blob, Error, ErrorKind, MemoryStore, Store,
    store::{ListRequest, Page, ReadRequest},
};
use bytes::Bytes;

/// What the service does while it is down.
#[derive(Clone, Copy, Debug)]
pub enum Down {
    /// Never answers.
    Hangs,
    /// Refuses each request, and asks for this wait before the next one.
    Refuses(Duration),
    /// Panics, as a store with a mistake does.
    Panics,
}

/// A store. Clones share one service.
#[derive(Clone)]
pub struct Outage(Arc<Service>);

struct Service {
    store: MemoryStore,
    down: Mutex<Option<Down>>,
    requests: AtomicUsize,
    in_flight: AtomicUsize,
}

impl Outage {
    /// Creates a service with this many blobs.
    pub fn new(blobs: usize, down: Option<Down>) -> Self {
        let store = (0..blobs).map(|n| Blob::new(format!("{n:05}.jpg"), 10)).collect();
        let (requests, in_flight) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Self(Arc::new(Service { store, down: Mutex::new(down), requests, in_flight }))
    }

    pub fn set(&self, down: Option<Down>) {
        *self.0.down.lock().unwrap() = down;
    }

    /// Returns the number of requests so far.
    pub fn requests(&self) -> usize {
        self.0.requests.load(Ordering::SeqCst)
    }

    /// Returns the number of requests that wait for an answer.
    pub fn in_flight(&self) -> usize {
        self.0.in_flight.load(Ordering::SeqCst)
    }
}

/// Counts a request until it is answered or dropped.
struct InFlight<'a>(&'a AtomicUsize);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[async_trait::async_trait]
impl Store for Outage {
    async fn list(&self, request: ListRequest) -> Result<Page, Error> {
        self.0.requests.fetch_add(1, Ordering::SeqCst);
        self.0.in_flight.fetch_add(1, Ordering::SeqCst);
        let _in_flight = InFlight(&self.0.in_flight);
        let down = *self.0.down.lock().unwrap();
        match down {
            None => self.0.store.list(request).await,
            Some(Down::Hangs) => std::future::pending().await,
            Some(Down::Panics) => panic!("the store has a mistake"),
            Some(Down::Refuses(wait)) => {
                Err(Error::from_response(503, Some("ServerBusy")).with_retry_after(wait))
            }
        }
    }

    async fn read(&self, _: ReadRequest) -> Result<Bytes, Error> {
        Err(Error::new(ErrorKind::BlobNotFound, "this store only lists"))
    }
}
