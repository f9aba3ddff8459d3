//! What a service can observe: the names of the spans, events and metrics that this crate emits.
//!
//! Spans and events go to the [`tracing`](https://docs.rs/tracing) subscriber of the service, and cost next
//! to nothing if there is none. All of them have the target [`TARGET`]. Metrics go to the recorder of the
//! [`metrics`](https://docs.rs/metrics) facade, if the feature `metrics` is on. The guide has the
//! set-up and alert rules (`guide::observe`).
//!
//! Names, levels, fields and labels are stable: a change of one is a breaking change of this crate. The
//! tables are also values: [`SPANS`], [`EVENTS`] and [`METRICS`].
//!
//! Nothing here contains a secret or the name of a blob, and nothing is emitted for each blob: a span or an event
//! stands for a request, a batch or a decision, and counters are raised page by page. Customers choose the
//! names of connections, accounts, containers and prefixes, so these are fields of spans and never labels of
//! metrics.
//!
#![doc = include_str!("names.md")]
// One file for each kind of output. `names` has the data, the others emit. No other file of the crate
// calls `tracing` or `metrics`, except to attach a span from here to a future.

mod activity;
mod counters;
mod events;
mod labels;
mod names;
#[cfg(feature = "azure")]
mod request;
mod spans;

#[cfg(feature = "metrics")]
#[cfg_attr(docsrs, doc(cfg(feature = "metrics")))]
pub use self::counters::describe_metrics;
#[cfg(feature = "azure")]
pub(crate) use self::request::HttpRequest;
pub(crate) use self::{
    activity::{Activity, Counted},
    counters::judged,
    events::*,
    spans::*,
};
pub use self::{
    labels::Labels,
    names::{EVENTS, METRICS, Metric, MetricKind, SPANS, Signal, TARGET, event, metric, span},
};
