//! The spans of single requests.

use tracing::{Instrument as _, Span, field::Empty};

use super::{
    counters,
    labels::Labels,
    names::{TARGET, metric, span},
};
use crate::error::Error;

/// Returns the span of one attempt at a page, below the current span.
///
/// Create it before the task of the request is spawned: a task has no current span.
pub(crate) fn page_span(labels: Labels<'_>, attempt: u32) -> Span {
    tracing::debug_span!(
        target: TARGET,
        span::PAGE,
        connection = labels.connection,
        account = labels.account,
        container = labels.container,
        attempt,
        entries = Empty,
        error = Empty,
    )
}

/// Waits for a page in its span; `entries` counts what the page has.
pub(crate) async fn page<T>(
    span: Span,
    answer: impl Future<Output = Result<T, Error>>,
    entries: impl FnOnce(&T) -> usize,
) -> Result<T, Error> {
    let answer = within(span.clone(), answer).await;
    if let Ok(page) = &answer {
        let entries = entries(page) as u64;
        span.record("entries", entries);
        counters::add(metric::BLOBS_LISTED, [], entries);
    }
    answer
}

/// Returns the span of a read, below the current span. It does not name the blob.
#[cfg(feature = "azure")]
pub(crate) fn read_span(labels: Labels<'_>, bytes: usize) -> Span {
    tracing::debug_span!(
        target: TARGET,
        span::READ,
        connection = labels.connection,
        account = labels.account,
        container = labels.container,
        bytes,
        error = Empty,
    )
}

/// Returns the span of a request for the key of view links, below the current span.
#[cfg(feature = "azure")]
pub(crate) fn view_link_key_span(labels: Labels<'_>) -> Span {
    tracing::debug_span!(
        target: TARGET,
        span::VIEW_LINK_KEY,
        connection = labels.connection,
        account = labels.account,
        container = labels.container,
        error = Empty,
    )
}

/// Waits for a result in a span, and records the kind of its error there.
pub(crate) async fn within<T>(
    span: Span,
    future: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let result = future.instrument(span.clone()).await;
    if let Err(error) = &result {
        span.record("error", error.kind().as_str());
    }
    result
}
