//! The calls of the `metrics` facade. Without the feature they do nothing.

use std::time::Duration;

use super::names::metric;

/// Registers the descriptions and units of all metrics with the recorder of the process.
///
/// Call it once, after the recorder was installed. Exporters show the texts, for example as `# HELP`.
///
/// ```
/// // Install the recorder of your exporter first, for example with `metrics-exporter-prometheus`.
/// azure_asset_sync::observe::describe_metrics();
/// ```
#[cfg(feature = "metrics")]
pub fn describe_metrics() {
    use super::names::{METRICS, MetricKind};
    for one in METRICS {
        let unit = match one.unit {
            "bytes" => metrics::Unit::Bytes,
            "seconds" => metrics::Unit::Seconds,
            _ => metrics::Unit::Count,
        };
        match one.kind {
            MetricKind::Counter => metrics::describe_counter!(one.name, unit, one.description),
            MetricKind::Gauge => metrics::describe_gauge!(one.name, unit, one.description),
            MetricKind::Histogram => metrics::describe_histogram!(one.name, unit, one.description),
            // The table has none.
            MetricKind::Other => {}
        }
    }
}

/// A label and its value.
pub(super) type Label = (&'static str, &'static str);

/// Adds to a counter.
pub(super) fn add<const N: usize>(name: &'static str, labels: [Label; N], count: u64) {
    #[cfg(feature = "metrics")]
    metrics::counter!(name, &labels).increment(count);
    #[cfg(not(feature = "metrics"))]
    let _ = (name, labels, count);
}

/// Records a duration in a histogram.
pub(super) fn record<const N: usize>(name: &'static str, labels: [Label; N], time: Duration) {
    #[cfg(feature = "metrics")]
    metrics::histogram!(name, &labels).record(time.as_secs_f64());
    #[cfg(not(feature = "metrics"))]
    let _ = (name, labels, time);
}

/// Changes a gauge by a difference.
#[cfg(feature = "azure")]
pub(super) fn change<const N: usize>(name: &'static str, labels: [Label; N], difference: f64) {
    #[cfg(feature = "metrics")]
    metrics::gauge!(name, &labels).increment(difference);
    #[cfg(not(feature = "metrics"))]
    let _ = (name, labels, difference);
}

/// Counts the verdicts of a page, or of several.
pub(crate) fn judged(
    pages: u64,
    accepted: u64,
    rejected: impl Iterator<Item = (&'static str, u64)>,
) {
    add(metric::PAGES, [], pages);
    add(metric::BLOBS_ACCEPTED, [], accepted);
    for (reason, count) in rejected.filter(|(_, count)| *count > 0) {
        add(metric::BLOBS_REJECTED, [("reason", reason)], count);
    }
}
