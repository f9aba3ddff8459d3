//! Spans, events and metrics are those of the documented tables, in every kind of run.

mod recorder;
mod runs;
mod trace;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use azure_asset_sync::{
    Blob, MemoryStore, Prefix, Scan, Store,
    observe::{EVENTS, METRICS, MetricKind, SPANS, event, metric, span},
    testing::{Fault, Refusal, TestDisk},
};

use self::{recorder::Sums, runs::RUNS, trace::Trace};

/// The tables of the documentation.
const DOCUMENTED: &str = include_str!("../../src/observe/names.md");

/// Returns the rows of the table below a heading: name, and the other cells without the last one.
fn rows(heading: &str) -> BTreeMap<String, Vec<String>> {
    let (_, text) = DOCUMENTED.split_once(&format!("# {heading}\n")).unwrap();
    let text = text.split("\n# ").next().unwrap();
    let rows = text.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let mut cells: Vec<_> = row.trim_matches('|').split(" | ").map(plain).collect();
        assert!(cells.pop().unwrap().ends_with('.'), "{row}");
        (cells.remove(0), cells)
    })
    .collect()
}

fn plain(cell: &str) -> String {
    cell.replace(['`', ','], "").replace('–', "").trim().to_owned()
}

#[test]
fn the_tables_of_the_documentation_are_those_of_the_code() {
    for (heading, signals) in [("Spans", SPANS), ("Events", EVENTS)] {
        let code = signals.iter().map(|signal| {
            (signal.name.to_owned(), vec![signal.level.to_owned(), signal.fields.join(" ")])
        });
        assert_eq!(rows(heading), code.collect(), "{heading}");
    }
    let code = METRICS.iter().map(|metric| {
        let cells = [metric.kind.as_str(), metric.unit, &metric.labels.join(" ")];
        (metric.name.to_owned(), cells.map(str::to_owned).to_vec())
    });
    assert_eq!(rows("Metrics"), code.collect());
}

/// Metrics are named as exporters of Prometheus expect.
#[test]
fn names_of_metrics_follow_the_conventions() {
    for metric in METRICS {
        assert!(metric.name.starts_with("azure_asset_sync_"), "{}", metric.name);
        let is_word = |c: char| c.is_ascii_lowercase() || c == '_';
        assert!(metric.name.chars().all(is_word), "{}", metric.name);
        let is_total = metric.name.ends_with("_total");
        assert_eq!(is_total, metric.kind == MetricKind::Counter, "{}", metric.name);
        let suffix = metric.name.trim_end_matches("_total");
        let has_unit = metric.unit == "count" || suffix.ends_with(metric.unit);
        assert!(has_unit, "{}", metric.name);
    }
}

#[test]
fn scripted_runs_emit_what_is_documented_and_every_documented_name_occurs() {
    let mut seen = BTreeSet::new();
    for (what, expected, run) in RUNS {
        let trace = Trace::of(run());
        let names: Vec<_> = trace.names().into_iter().collect();
        assert_eq!(names.join(" "), *expected, "{what}");
        for signal in trace.all() {
            let table = if signal.is_span { SPANS } else { EVENTS };
            let documented = table.iter().find(|other| other.name == signal.name);
            let documented = documented.unwrap_or_else(|| panic!("{what}: {signal:?}"));
            assert_eq!(signal.level, documented.level, "{what}: {signal:?}");
            let fields: BTreeSet<_> = documented.fields.iter().copied().collect();
            assert_eq!(signal.declared, fields, "{what}: {signal:?}");
            assert_eq!(
                signal.fields.contains_key("message"),
                !signal.is_span,
                "{what}: {signal:?}"
            );
            seen.insert((signal.is_span, signal.name));
        }
    }
    let spans = SPANS.iter().map(|span| (true, span.name));
    let documented: BTreeSet<_> = spans.chain(EVENTS.iter().map(|e| (false, e.name))).collect();
    assert_eq!(seen, documented);
}

fn trace_of(what: &str) -> Trace {
    let (.., run) = RUNS.iter().find(|(name, ..)| *name == what).unwrap();
    Trace::of(run())
}

#[test]
fn requests_in_tasks_of_their_own_are_below_the_span_of_the_scan() {
    let trace = trace_of("parallel");
    let pages = trace.find(span::PAGE);
    assert!(pages.len() > 50, "{}", pages.len());
    for page in &pages {
        assert_eq!(trace.path(page), [span::SCAN]);
        assert_eq!(page.fields["container"], "assets");
        assert!(page.fields.contains_key("connection") && page.fields.contains_key("account"));
    }
    for fetched in trace.find(event::TOKEN_FETCHED) {
        assert_eq!(trace.path(&fetched), [span::PAGE, span::SCAN]);
    }
    let scan = trace.only(span::SCAN);
    assert_eq!(scan.fields["outcome"], "complete");
    assert_eq!(scan.fields["run"].len(), 32);
    assert_eq!(trace.path(&trace.only(event::ENDED)), [span::SCAN]);
    let trace = trace_of("preview");
    assert_eq!(trace.path(&trace.only(span::PAGE)), [span::SCAN, span::PREVIEW]);
    let trace = trace_of("probe");
    assert_eq!(trace.path(&trace.only(span::VIEW_LINK_KEY)), [span::PROBE]);
}

/// A task has no current span, so that of the caller is passed on.
#[test]
fn a_job_in_a_task_of_its_own_is_below_the_span_of_its_caller() {
    let trace = Trace::of(async {
        let caller = tracing::info_span!(target: azure_asset_sync::observe::TARGET, "caller");
        let disk = TestDisk::new(10);
        let job = disk.job(runs::memory_scan(&["a.jpg"]));
        let handle = caller.in_scope(|| job.start(()));
        drop(caller);
        handle.await.into_result().unwrap();
    });
    assert_eq!(trace.path(&trace.only(span::PAGE)), [span::SCAN, span::JOB, "caller"]);
    let commit = trace.only(event::COMMIT);
    assert_eq!(trace.path(&commit), [span::JOB, "caller"]);
    assert_eq!((&*commit.fields["batch"], &*commit.fields["changes"]), ("1", "1"));
    let run = &trace.only(event::JOB_STARTED).fields["run"];
    assert_eq!(trace.only(span::JOB).fields["run"], *run);
    assert_eq!(run.len(), 32);
}

#[test]
fn the_end_of_a_run_says_how_it_ended() {
    let kinds = |what: &str| -> Vec<String> {
        let ends = trace_of(what).all();
        let ends = ends.iter().filter(|end| end.fields.contains_key("kind"));
        ends.map(|end| match end.name {
            event::FAILED => format!("{} {}", end.fields["kind"], end.fields["error"]),
            _ => format!("{} {}", end.fields["kind"], end.fields["outcome"]),
        })
        .collect()
    };
    for (what, expected) in [
        ("scan", &["scan complete"][..]),
        ("failure", &["scan permission_denied"]),
        ("dropped", &["scan dropped"]),
        ("probe", &["probe ready"]),
        ("wait", &["probe_wait connected"]),
        ("preview", &["scan complete", "preview complete"]),
        ("job", &["scan complete", "job complete"]),
        ("withheld", &["scan complete", "job removals_withheld"]),
        ("cancelled", &["job cancelled"]),
        ("resumed", &["scan dropped", "job sink", "scan complete", "job complete"]),
        ("busy", &["job state_busy", "scan complete", "job complete"]),
    ] {
        assert_eq!(kinds(what), expected, "{what}");
    }
    let resumed = trace_of("resumed").find(event::JOB_STARTED);
    let resumed: Vec<_> = resumed.iter().map(|e| e.fields["is_resumed"].as_str()).collect();
    assert_eq!(resumed, ["false", "true"]);
    let failed = trace_of("failure").only(event::FAILED);
    assert_eq!(failed.fields["status"], "403");
    assert_eq!(failed.fields["code"], "AuthorizationPermissionMismatch");
    assert_eq!(failed.fields["request_id"].len(), 36);
    let retry = trace_of("throttle").only(event::RETRY);
    assert_eq!((&*retry.fields["error"], &*retry.fields["attempt"]), ("throttled", "1"));
    let withheld = trace_of("withheld").only(event::REMOVALS_WITHHELD);
    assert_eq!((&*withheld.fields["missing"], &*withheld.fields["assets"]), ("2", "2"));
}

/// Four pages of 5,000 blobs emit as much as four pages of one blob, and no value is the name of a blob.
#[test]
fn nothing_is_emitted_for_each_blob() {
    let signals = |blobs: u16, page: u16| {
        let store: MemoryStore =
            (0..blobs).map(|n| Blob::new(format!("canary-{n:05}.jpg"), 1)).collect();
        let store: Arc<dyn Store> = Arc::new(store);
        let trace = Trace::of(async move {
            let scan = || {
                let scan = Scan::new(Arc::clone(&store), &Prefix::default());
                scan.page_size(page.try_into().unwrap())
            };
            scan().run(()).await.unwrap();
            TestDisk::new(5000).job(scan()).run(()).await.unwrap();
        });
        for signal in trace.all() {
            let leaked = signal.fields.values().find(|value| value.contains("canary"));
            assert_eq!(leaked, None, "{signal:?}");
        }
        trace.all().len()
    };
    let (few, many) = (signals(4, 1), signals(20_000, 5000));
    assert!(few.abs_diff(many) <= 4, "{few} for 4 blobs, {many} for 20,000");
}

fn recorded(run: impl Future<Output = ()>) -> Sums {
    let sums = Sums::default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    metrics::with_local_recorder(&sums, || {
        azure_asset_sync::observe::describe_metrics();
        runtime.block_on(run);
        drop(runtime);
    });
    sums
}

#[test]
fn scripted_runs_record_the_documented_metrics() {
    let sums = recorded(async {
        for (.., run) in RUNS {
            run().await;
        }
    });
    let mut seen = BTreeSet::new();
    for (kind, name, labels) in sums.all().into_keys() {
        let documented = METRICS.iter().find(|metric| metric.name == name);
        let documented = documented.unwrap_or_else(|| panic!("{name} is not documented"));
        assert_eq!(kind, documented.kind.as_str(), "{name}");
        let expected: Vec<_> = documented.labels.iter().map(|label| (*label).to_owned()).collect();
        let mut labels: Vec<_> = labels.into_keys().collect();
        labels.sort();
        assert_eq!(
            labels,
            {
                let mut e = expected;
                e.sort();
                e
            },
            "{name}"
        );
        seen.insert(name);
    }
    assert_eq!(seen, METRICS.iter().map(|metric| metric.name.to_owned()).collect());
    let units = sums.described();
    assert_eq!(units, METRICS.iter().map(|m| (m.name.to_owned(), m.unit)).collect());
}

/// No label has a value that a customer chooses.
#[test]
fn labels_have_few_values() {
    let sums = recorded(async {
        for (.., run) in RUNS {
            run().await;
        }
    });
    for (_, name, labels) in sums.all().into_keys() {
        for (label, value) in labels {
            let allowed: &[&str] = match label.as_str() {
                "service" => &["storage", "sign_in"],
                "status" => &["2xx", "4xx", "5xx", "none"],
                "kind" => &["probe", "probe_wait", "scan", "preview", "job"],
                "outcome" => &[
                    "complete",
                    "removals_withheld",
                    "cancelled",
                    "dropped",
                    "failed",
                    "ready",
                    "connected",
                    "fetched",
                    "panicked",
                ],
                "error" => &["throttled", "truncated", "unreachable"],
                "reason" => &["policy", "reserved_address", "unsupported_format"],
                _ => &[],
            };
            assert!(allowed.contains(&value.as_str()), "{name} {label}={value}");
        }
    }
}

#[test]
fn metrics_count_requests_pages_and_blobs() {
    let sums = recorded(async {
        let cloud = runs::cloud(20).await;
        cloud.put(azure_asset_sync::testing::Seed::new("notes.txt", "x"));
        let store = runs::store(&cloud);
        cloud.inject(Fault::Refuse(Refusal::new(503, "ServerBusy").retry_after(Duration::ZERO)));
        let scan = runs::scan_of(store).page_size(10.try_into().unwrap());
        let report = scan.run(()).await.unwrap();
        assert_eq!((report.pages, report.requests), (3, 4));
    });
    let sum = |name, labels: &[(&str, &str)]| sums.of(name, labels).sum();
    let storage = [("service", "storage")];
    assert_eq!(sum(metric::REQUESTS, &[("service", "storage"), ("status", "2xx")]), 3.0);
    assert_eq!(sum(metric::REQUESTS, &[("service", "storage"), ("status", "5xx")]), 1.0);
    assert_eq!(sum(metric::REQUESTS, &[("service", "sign_in"), ("status", "2xx")]), 1.0);
    assert_eq!(sums.of(metric::REQUEST_DURATION, &storage).count(), 4);
    assert_eq!(sum(metric::REQUESTS_IN_FLIGHT, &storage), 0.0, "all requests have ended");
    assert_eq!(sums.of(metric::REQUESTS_IN_FLIGHT, &storage).most(), 1);
    assert_eq!(sum(metric::RETRIES, &[("error", "throttled")]), 1.0);
    assert_eq!(sum(metric::THROTTLES, &[]), 1.0);
    assert_eq!(sum(metric::PAGES, &[]), 3.0);
    assert!(sum(metric::PAGE_BYTES, &[]) > 21.0 * 300.0);
    assert_eq!(sum(metric::BLOBS_LISTED, &[]), 21.0);
    assert_eq!(sum(metric::BLOBS_ACCEPTED, &[]), 20.0);
    assert_eq!(sum(metric::BLOBS_REJECTED, &[("reason", "unsupported_format")]), 1.0);
    let scan = [("kind", "scan"), ("outcome", "complete")];
    assert_eq!((sum(metric::RUNS, &scan), sums.of(metric::RUN_DURATION, &scan).count()), (1.0, 1));
    assert_eq!(sum(metric::TOKENS, &[("outcome", "fetched")]), 1.0);
    assert!(sums.total(metric::CHANGES) == 0.0);
}
