//! A probe, scan, preview or job under way: its span, and the signals at its end.

use tokio::time::Instant;
use tracing::{Span, field::Empty};

use super::{
    counters,
    events::millis,
    labels::Labels,
    names::{TARGET, event, metric, span},
};
use crate::error::Error;

/// What a listing has counted.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counted {
    requests: Option<u64>,
    pages: Option<u64>,
    accepted: Option<u64>,
    rejected: Option<u64>,
}

impl Counted {
    /// Returns these counts.
    pub(crate) fn new(requests: u64, pages: u64, accepted: u64, rejected: u64) -> Self {
        let (requests, pages) = (Some(requests), Some(pages));
        Self { requests, pages, accepted: Some(accepted), rejected: Some(rejected) }
    }
}

/// A probe, scan, preview or job under way. If it is dropped before its end, it ends as `dropped` or
/// `panicked`.
#[derive(Debug)]
pub(crate) struct Activity {
    /// The name of the span, which is also the label `kind`.
    kind: &'static str,
    span: Span,
    started: Instant,
    has_ended: bool,
}

/// Creates a span at level info, below the current one.
macro_rules! begin {
    ($name:path, $labels:ident, $prefix:ident $(, $field:ident)*) => {
        Self::new(
            $name,
            tracing::info_span!(
                target: TARGET,
                $name,
                connection = $labels.connection,
                account = $labels.account,
                container = $labels.container,
                prefix = $prefix,
                $($field = Empty,)*
                outcome = Empty,
            ),
        )
    };
}

impl Activity {
    /// Begins a pass of a probe.
    pub(crate) fn probe(labels: Labels<'_>, prefix: &str) -> Self {
        begin!(span::PROBE, labels, prefix)
    }

    /// Begins a wait.
    pub(crate) fn probe_wait(labels: Labels<'_>, prefix: &str) -> Self {
        begin!(span::PROBE_WAIT, labels, prefix)
    }

    /// Begins a scan.
    pub(crate) fn scan(labels: Labels<'_>, prefix: &str) -> Self {
        begin!(span::SCAN, labels, prefix, run)
    }

    /// Begins a preview.
    pub(crate) fn preview(labels: Labels<'_>, prefix: &str) -> Self {
        begin!(span::PREVIEW, labels, prefix)
    }

    /// Begins a run of a job.
    #[cfg(feature = "sync")]
    pub(crate) fn job(labels: Labels<'_>, prefix: &str) -> Self {
        begin!(span::JOB, labels, prefix, run)
    }

    fn new(kind: &'static str, span: Span) -> Self {
        Self { kind, span, started: Instant::now(), has_ended: false }
    }

    /// Notes the id of the run, by which a sink knows it.
    pub(crate) fn set_run(&self, run: impl std::fmt::Display) {
        self.span.record("run", tracing::field::display(run));
    }

    /// Returns the span, to attach it to the future of the work.
    pub(crate) fn span(&self) -> Span {
        self.span.clone()
    }

    /// Ends because the work was dropped: by its caller, or by a panic of the store or the sink.
    pub(crate) fn drop_with(&mut self, counted: Counted) {
        self.end(Ok(if std::thread::panicking() { "panicked" } else { "dropped" }), counted);
    }

    /// Ends with an outcome, which is one of a few words, or with an error. Only the first call counts.
    pub(crate) fn end(&mut self, result: Result<&'static str, &Error>, counted: Counted) {
        if std::mem::replace(&mut self.has_ended, true) {
            return;
        }
        let (kind, elapsed) = (self.kind, self.started.elapsed());
        let outcome = result.unwrap_or("failed");
        self.span.record("outcome", outcome);
        let Counted { requests, pages, accepted, rejected } = counted;
        let elapsed_ms = millis(elapsed);
        match result {
            Ok(_) => tracing::event!(
                name: event::ENDED, target: TARGET, parent: &self.span, tracing::Level::INFO,
                { kind, outcome, elapsed_ms, requests, pages, accepted, rejected },
                "a {kind} has ended: {outcome}"
            ),
            Err(error) => tracing::event!(
                name: event::FAILED, target: TARGET, parent: &self.span, tracing::Level::WARN,
                {
                    kind, elapsed_ms, requests, pages, accepted, rejected,
                    error = error.kind().as_str(), status = error.status(), code = error.code(),
                    request_id = error.request_id(),
                },
                "a {kind} has failed: {error}"
            ),
        }
        let labels = [("kind", kind), ("outcome", outcome)];
        counters::add(metric::RUNS, labels, 1);
        counters::record(metric::RUN_DURATION, labels, elapsed);
    }
}

impl Drop for Activity {
    fn drop(&mut self) {
        self.drop_with(Counted::default());
    }
}
