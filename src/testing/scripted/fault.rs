//! The faults of a scripted store, and what each changes in a result.

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;

use crate::{
    error::{Error, ErrorKind},
    store::{ListRequest, NameOrder, Page},
};

/// A way in which a call of a [`ScriptedStore`](super::ScriptedStore) goes wrong.
///
/// Faults of pages have no effect on reads, and the other way round.
///
/// ```
/// use std::time::Duration;
/// use azure_asset_sync::{Error, ErrorKind, testing::StoreFault};
///
/// let down = StoreFault::error(ErrorKind::Unavailable);
/// let busy = StoreFault::error_with(|| {
///     Error::from_response(503, Some("ServerBusy")).with_retry_after(Duration::from_secs(7))
/// });
/// let page_without_first_blob = StoreFault::change_page_with(|page| {
///     page.blobs.drain(..1);
/// });
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub enum StoreFault {
    /// Waits before the call, by the store's clock.
    Delay(Duration),
    /// Never answers. The call ends when the caller drops it.
    Hang,
    /// Fails with the error that the function creates. See [`error`](Self::error).
    Error(Arc<dyn Fn() -> Error + Send + Sync>),
    /// Panics with this message, as a store with a bug would.
    Panic(&'static str),
    /// Limits the entries of a page; the listing continues with the next entry on another page.
    ///
    /// Of 0, the page is empty and another page follows, as the service does when it has searched long
    /// enough. Empty pages follow one another for as long as the fault matches.
    ShortPage(usize),
    /// Returns the marker of the request as that of the next page, so that a listing would never end.
    ///
    /// Without effect on a request without a marker, which is that of a first page.
    RepeatMarker,
    /// Returns the blobs of the page in the reverse order.
    Reverse,
    /// Returns the blobs of the page in an order that this seed decides.
    Shuffle(u64),
    /// States another order of names than the names have.
    StateOrder(NameOrder),
    /// Changes the page. See [`change_page_with`](Self::change_page_with).
    ChangePage(Arc<dyn Fn(&mut Page) + Send + Sync>),
    /// Returns only the first bytes of a read.
    Truncate(usize),
}

impl StoreFault {
    /// Fails with an error of this kind.
    pub fn error(kind: ErrorKind) -> Self {
        Self::error_with(move || Error::new(kind, "a fault that the test has injected"))
    }

    /// Fails with the error that the function creates, for example with a status and a `Retry-After`.
    pub fn error_with(error: impl Fn() -> Error + Send + Sync + 'static) -> Self {
        Self::Error(Arc::new(error))
    }

    /// Changes the page that the wrapped store has returned.
    pub fn change_page_with(change: impl Fn(&mut Page) + Send + Sync + 'static) -> Self {
        Self::ChangePage(Arc::new(change))
    }

    /// Returns the most entries of a page.
    pub(super) fn page_limit(&self) -> Option<usize> {
        match self {
            Self::ShortPage(limit) => Some(*limit),
            _ => None,
        }
    }

    /// Changes the page of a request.
    pub(super) fn change_page(&self, request: &ListRequest, page: &mut Page) {
        match self {
            Self::RepeatMarker => page.next = request.marker.clone().or(page.next.take()),
            Self::Reverse => page.blobs.reverse(),
            Self::Shuffle(seed) => fastrand::Rng::with_seed(*seed).shuffle(&mut page.blobs),
            Self::StateOrder(order) => page.order = *order,
            Self::ChangePage(change) => change(page),
            _ => {}
        }
    }

    /// Changes the bytes of a read.
    pub(super) fn change_bytes(&self, bytes: Bytes) -> Bytes {
        match self {
            Self::Truncate(length) => bytes.slice(..bytes.len().min(*length)),
            _ => bytes,
        }
    }
}

impl fmt::Debug for StoreFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Delay(delay) => f.debug_tuple("Delay").field(delay).finish(),
            Self::Hang => f.write_str("Hang"),
            Self::Error(error) => f.debug_tuple("Error").field(&error().kind()).finish(),
            Self::Panic(message) => f.debug_tuple("Panic").field(message).finish(),
            Self::ShortPage(limit) => f.debug_tuple("ShortPage").field(limit).finish(),
            Self::RepeatMarker => f.write_str("RepeatMarker"),
            Self::Reverse => f.write_str("Reverse"),
            Self::Shuffle(seed) => f.debug_tuple("Shuffle").field(seed).finish(),
            Self::StateOrder(order) => f.debug_tuple("StateOrder").field(order).finish(),
            Self::ChangePage(_) => f.debug_tuple("ChangePage").finish_non_exhaustive(),
            Self::Truncate(length) => f.debug_tuple("Truncate").field(length).finish(),
        }
    }
}
