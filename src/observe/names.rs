//! The names as constants and as tables. `names.md` describes the same for people; a test compares the two.

use crate::coded::coded_enum;

/// The target of all spans and events, to filter by.
pub const TARGET: &str = "azure_asset_sync";

/// A span or an event: its name, level and fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Signal {
    /// The name in the metadata of the span or event.
    pub name: &'static str,
    /// The level: `warn`, `info` or `debug`.
    pub level: &'static str,
    /// The fields that it can have. A field without a value is absent.
    pub fields: &'static [&'static str],
}

/// A metric: its name, kind, unit and labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metric {
    /// The name of the metric.
    pub name: &'static str,
    /// What its values mean.
    pub kind: MetricKind,
    /// The unit: `count`, `bytes` or `seconds`.
    pub unit: &'static str,
    /// Its labels. Each has a small, fixed set of values.
    pub labels: &'static [&'static str],
    /// What it counts, in one sentence.
    pub description: &'static str,
}

coded_enum! {
    /// The kind of a [`Metric`].
    pub enum MetricKind by as_str {
        /// A sum that only grows.
        Counter = "counter",
        /// A value that goes up and down.
        Gauge = "gauge",
        /// A distribution of values.
        Histogram = "histogram",
    }
}

/// Declares names as constants, and the table of them.
macro_rules! signals {
    (
        $(#[$list_meta:meta])* pub const $list:ident;
        $(#[$module_meta:meta])* pub mod $module:ident {}
        $($(#[$meta:meta])* $constant:ident = $name:literal $level:ident [$($field:ident)*],)+
    ) => {
        $(#[$module_meta])*
        pub mod $module {
            $($(#[$meta])* pub const $constant: &str = $name;)+
        }

        $(#[$list_meta])*
        pub const $list: &[Signal] = &[$(Signal {
            name: $name,
            level: stringify!($level),
            fields: &[$(stringify!($field)),*],
        },)+];
    };
}

signals! {
    /// All spans.
    pub const SPANS;
    /// The names of spans.
    pub mod span {}
    /// One pass of [`Probe::run`](crate::Probe::run).
    PROBE = "probe" info [connection account container prefix outcome],
    /// A wait of [`Probe::wait`](crate::Probe::wait), from its first poll to its end.
    PROBE_WAIT = "probe_wait" info [connection account container prefix outcome],
    /// A listing, from the first poll of its stream to its end.
    SCAN = "scan" info [connection account container prefix run outcome],
    /// A [`Preview`](crate::Preview). Its scan is a child.
    PREVIEW = "preview" info [connection account container prefix outcome],
    /// A run of a job. Its scans are children.
    JOB = "job" info [connection account container prefix run outcome],
    /// One attempt at a page of a listing, in a task of its own.
    PAGE = "page" debug [connection account container attempt entries error],
    /// A read of a range of a blob by `AzureStore`.
    READ = "read" debug [connection account container bytes error],
    /// The request for the key that signs view links.
    VIEW_LINK_KEY = "view_link_key" debug [connection account container error],
}

signals! {
    /// All events.
    pub const EVENTS;
    /// The names of events.
    pub mod event {}
    /// A check of a probe was made.
    CHECK = "check" debug [check outcome cause],
    /// A pass of a wait has ended, and another one follows.
    PROBE_RETRY = "probe_retry" info [attempt delay_ms successes needed cause],
    /// A request for a page failed with a transient error and is sent again.
    RETRY = "retry" info [attempt delay_ms error status code request_id],
    /// The service throttled a scan, which now has fewer requests in flight.
    THROTTLE = "throttle" warn [in_flight retry_after_ms],
    /// A range of names was split, so that its parts are listed side by side.
    SPLIT = "split" debug [ranges],
    /// Names contradicted the order that a scan relied on, so it continues in another one.
    ORDER_CHANGED = "order_changed" info [order],
    /// A job has opened its state: a run begins, or resumes.
    JOB_STARTED = "job_started" info [run number is_resumed],
    /// A batch is final: the sink has made it durable, and the journal says so.
    COMMIT = "commit" debug [batch changes],
    /// Progress without a batch is durable. An interrupted run resumes from here.
    CHECKPOINT = "checkpoint" debug [batches],
    /// A job must list again, because names are in another order than was assumed.
    RELIST = "relist" info [order],
    /// A job reports no removals, because too many assets are missing.
    REMOVALS_WITHHELD = "removals_withheld" warn [missing assets],
    /// A run has the lock of its state.
    STATE_LOCKED = "state_locked" debug [],
    /// A run ends at once, because another run has the lock of its state.
    STATE_BUSY = "state_busy" warn [],
    /// A run has released the lock of its state.
    STATE_RELEASED = "state_released" debug [],
    /// The authority, or another source of tokens, has returned a token.
    TOKEN_FETCHED = "token_fetched" info [expires_in_s],
    /// No token was returned. The old one is used as long as it is valid.
    TOKEN_FAILED = "token_failed" warn [is_old_valid],
    /// Storage refused a token, so a new one is requested.
    TOKEN_RENEWED = "token_renewed" info [is_sent_again],
    /// The host policy refused a host or one of its addresses.
    HOST_REFUSED = "host_refused" warn [reason],
    /// A probe, scan, preview or job has ended.
    ENDED = "ended" info [kind outcome elapsed_ms requests pages accepted rejected],
    /// A scan, preview or job has ended with an error.
    FAILED = "failed" warn [kind elapsed_ms requests pages accepted rejected error status code request_id],
}

/// Declares metrics as constants, and the table of them.
macro_rules! metrics {
    ($($(#[doc = $doc:literal])+ $constant:ident = $name:literal $kind:ident $unit:ident [$($label:ident)*],)+) => {
        /// The names of metrics.
        pub mod metric {
            $($(#[doc = $doc])+ pub const $constant: &str = $name;)+
        }

        /// All metrics.
        pub const METRICS: &[Metric] = &[$(Metric {
            name: $name,
            kind: MetricKind::$kind,
            unit: stringify!($unit),
            labels: &[$(stringify!($label)),*],
            description: concat!($($doc),+).trim_ascii(),
        },)+];
    };
}

metrics! {
    /// HTTP requests to storage and to the authority, by the class of their status.
    REQUESTS = "azure_asset_sync_requests_total" Counter count [service status],
    /// The time from sending a request to the end of its answer.
    REQUEST_DURATION = "azure_asset_sync_request_duration_seconds" Histogram seconds [service],
    /// Requests whose answers are not complete.
    REQUESTS_IN_FLIGHT = "azure_asset_sync_requests_in_flight" Gauge count [service],
    /// Requests for pages that failed and are sent again, by the kind of the error.
    RETRIES = "azure_asset_sync_retries_total" Counter count [error],
    /// Answers by which the service throttled a scan.
    THROTTLES = "azure_asset_sync_throttles_total" Counter count [],
    /// Pages of listings.
    PAGES = "azure_asset_sync_pages_total" Counter count [],
    /// Bytes of the bodies of pages.
    PAGE_BYTES = "azure_asset_sync_page_bytes_total" Counter bytes [],
    /// Entries of all listings, including those that a scan received twice or only looked at.
    BLOBS_LISTED = "azure_asset_sync_blobs_listed_total" Counter count [],
    /// Blobs that the rules accepted.
    BLOBS_ACCEPTED = "azure_asset_sync_blobs_accepted_total" Counter count [],
    /// Blobs that the rules rejected, by the reason.
    BLOBS_REJECTED = "azure_asset_sync_blobs_rejected_total" Counter count [reason],
    /// Changes that sinks have made durable.
    CHANGES = "azure_asset_sync_changes_total" Counter count [],
    /// Probes, scans, previews and jobs that have ended.
    RUNS = "azure_asset_sync_runs_total" Counter count [kind outcome],
    /// The time of a probe, scan, preview or job.
    RUN_DURATION = "azure_asset_sync_run_duration_seconds" Histogram seconds [kind outcome],
    /// Requests for tokens.
    TOKENS = "azure_asset_sync_tokens_total" Counter count [outcome],
    /// Hosts and addresses that the host policy refused.
    HOSTS_REFUSED = "azure_asset_sync_hosts_refused_total" Counter count [reason],
}
