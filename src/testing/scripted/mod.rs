//! A store with scripted faults, which needs no port.
//!
//! `script` decides which call gets which fault, `fault` has the faults, `calls` is the record. This file
//! wraps the store: it counts a call, waits or fails as the script says, and changes what the wrapped
//! store has returned.

mod calls;
mod fault;
mod script;

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;

use self::{
    calls::Recording,
    script::{Asked, Script},
};
pub use self::{
    calls::{CallOutcome, StoreCall, StoreRequest},
    fault::StoreFault,
    script::On,
};
use crate::{
    clock::{Clock, SystemClock},
    error::Error,
    store::{Answer, Inspect, ListRequest, Page, Question, ReadRequest, Store},
};

/// A store that fails, waits and returns odd pages where a test wants it to.
///
/// Wraps any store, and is an [`Inspect`] if that store is one. Which call gets which fault is decided by
/// counting, so a test has the same faults each time. Clones share the script and the record, so a test
/// keeps one and gives another one to a scan.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
/// use std::time::Duration;
/// use azure_asset_sync::{
///     Blob, ErrorKind, MemoryStore, Prefix, Scan,
///     testing::{CallOutcome, ManualClock, On, ScriptedStore, StoreFault},
/// };
///
/// let clock = ManualClock::auto_advancing();
/// let blobs = MemoryStore::from_iter(["a.jpg", "b.jpg"].map(|name| Blob::new(name, 1)));
/// let store = ScriptedStore::new(blobs).clock(clock.clone());
/// // The first page arrives after a minute, and then the service is down for two requests.
/// store.inject(On::page(1).call(1), StoreFault::Delay(Duration::from_secs(60)));
/// store.inject(On::page(1), StoreFault::ShortPage(1));
/// store.inject(On::page(2).calls(1..=2), StoreFault::error(ErrorKind::Unavailable));
///
/// let report = Scan::new(store.clone(), &Prefix::default()).clock(clock).run(()).await?;
/// assert_eq!((report.accepted(), report.pages), (2, 2));
/// assert!(report.elapsed >= Duration::from_secs(60));
///
/// let calls = store.calls();
/// assert_eq!(calls.len(), 4);
/// assert_eq!(calls[1].outcome, CallOutcome::Failed(ErrorKind::Unavailable));
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Several faults of one call
/// All faults that match a call apply, in the order in which they were injected: a
/// [`Delay`](StoreFault::Delay) before an [`Error`](StoreFault::Error) is an error that takes its time.
///
/// # Time
/// Delays are measured by the store's [`clock`](Self::clock), which is [`SystemClock`] by default. Give
/// clones of one [`ManualClock`](super::ManualClock) to the store and to the scan.
pub struct ScriptedStore<S> {
    inner: Arc<S>,
    clock: Arc<dyn Clock>,
    script: Arc<Mutex<Script>>,
    recording: Recording,
}

impl<S> ScriptedStore<S> {
    /// Wraps a store, without faults.
    pub fn new(inner: S) -> Self {
        Self {
            inner: Arc::new(inner),
            clock: Arc::new(SystemClock),
            script: Arc::default(),
            recording: Recording::default(),
        }
    }

    /// Sets the clock of delays and of the record.
    ///
    /// Applies to this clone and to those that are made of it.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Injects a fault into the calls that match, from now on.
    ///
    /// Calls of [`On::call`] and [`On::calls`] are counted from this moment.
    pub fn inject(&self, on: On, fault: StoreFault) {
        self.script().add(on, fault);
    }

    /// Removes all faults. Calls that wait or hang go on with theirs.
    pub fn clear_faults(&self) {
        self.script().clear();
    }

    /// Returns all calls so far, in the order in which they began.
    pub fn calls(&self) -> Vec<StoreCall> {
        self.recording.calls()
    }

    /// Returns the wrapped store.
    pub fn inner(&self) -> &S {
        &self.inner
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        // No change of a script can panic half-way.
        self.script.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Records a call, and applies the faults that need no result: waits, errors and panics.
    async fn call<T>(
        &self,
        request: StoreRequest,
        work: impl AsyncFnOnce(Vec<StoreFault>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let recorded = self.recording.begin(&request, self.clock.elapsed());
        let faults = self.script().faults(&Asked::Request(&request));
        let result = match self.stop(&faults).await {
            Ok(()) => work(faults).await,
            Err(error) => Err(error),
        };
        recorded.end(result.as_ref().err().map(Error::kind));
        result
    }

    /// Waits or fails as the faults say, in their order.
    async fn stop(&self, faults: &[StoreFault]) -> Result<(), Error> {
        for fault in faults {
            match fault {
                StoreFault::Delay(delay) => self.clock.sleep(*delay).await,
                StoreFault::Hang => {
                    // A sleep, so that a manual clock knows that the call waits.
                    self.clock.sleep(Duration::MAX).await;
                    std::future::pending().await
                }
                StoreFault::Error(error) => return Err(error()),
                #[expect(clippy::panic, reason = "the test has asked for it")]
                StoreFault::Panic(message) => panic!("{message}"),
                _ => {}
            }
        }
        Ok(())
    }
}

impl<S: Store> ScriptedStore<S> {
    /// Lists a page, changed as the faults say.
    async fn page(&self, request: &ListRequest, faults: &[StoreFault]) -> Result<Page, Error> {
        let mut sent = self.script().resolve(request.clone());
        let limits = faults.iter().filter_map(StoreFault::page_limit);
        let limit = limits.chain(sent.max_results.map(|most| most.get().into())).min();
        let Some(limit) = limit.map(|limit| u16::try_from(limit).unwrap_or(u16::MAX)) else {
            return self.inner.list(sent).await;
        };
        match limit.try_into() {
            Ok(limit) => sent.max_results = Some(limit),
            // A page without entries, from which the listing continues where it is.
            Err(_) => return Ok(Page::new(Vec::new(), self.script().marker_of(sent))),
        }
        self.inner.list(sent).await
    }

    /// Lists a page, and then applies the faults of pages that have a certain blob.
    async fn list_as_scripted(
        &self,
        request: &ListRequest,
        mut faults: Vec<StoreFault>,
    ) -> Result<Page, Error> {
        let mut page = self.page(request, &faults).await?;
        let of_content = self.script().faults(&Asked::Content(&page));
        self.stop(&of_content).await?;
        if of_content.iter().any(|fault| fault.page_limit().is_some()) {
            page = self.page(request, &of_content).await?;
        }
        faults.extend(of_content);
        for fault in &faults {
            fault.change_page(request, &mut page);
        }
        self.script().number_next(request, &page);
        Ok(page)
    }
}

#[async_trait]
impl<S: Store> Store for ScriptedStore<S> {
    async fn list(&self, request: ListRequest) -> Result<Page, Error> {
        let work = async |faults| self.list_as_scripted(&request, faults).await;
        self.call(StoreRequest::List(request.clone()), work).await
    }

    async fn read(&self, request: ReadRequest) -> Result<Bytes, Error> {
        let work = async |faults: Vec<StoreFault>| {
            let bytes = self.inner.read(request.clone()).await?;
            Ok(faults.iter().fold(bytes, |bytes, fault| fault.change_bytes(bytes)))
        };
        self.call(StoreRequest::Read(request.clone()), work).await
    }
}

#[async_trait]
impl<S: Inspect> Inspect for ScriptedStore<S> {
    async fn inspect(&self, question: Question) -> Result<Answer, Error> {
        let work = async |_| self.inner.inspect(question.clone()).await;
        self.call(StoreRequest::Inspect(question.clone()), work).await
    }
}

impl<S> Clone for ScriptedStore<S> {
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
            clock: Arc::clone(&self.clock),
            script: Arc::clone(&self.script),
            recording: self.recording.clone(),
        }
    }
}

impl<S> fmt::Debug for ScriptedStore<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptedStore")
            .field("calls", &self.recording.count())
            .field("clock", &self.clock)
            .finish_non_exhaustive()
    }
}
