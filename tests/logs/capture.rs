//! Captures everything that this crate and its dependencies log at any level, with `tracing` and with
//! `log`, for example the HTTP client and TLS.

use std::{
    fmt::{Debug, Write as _},
    sync::{
        Mutex, Once, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

static LOG: Mutex<String> = Mutex::new(String::new());

/// Records every span and event of every level.
struct Everything(AtomicU64);

struct Line<'a>(&'a mut String);

impl Visit for Line<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        writeln!(self.0, "{field}={value:?}").unwrap();
    }
}

impl Subscriber for Everything {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &span::Attributes<'_>) -> span::Id {
        let (mut log, metadata) = (LOG.lock().unwrap(), span.metadata());
        writeln!(log, "span {} {}", metadata.target(), metadata.name()).unwrap();
        span.record(&mut Line(&mut log));
        span::Id::from_u64(self.0.fetch_add(1, Ordering::Relaxed) + 1)
    }

    fn record(&self, _: &span::Id, values: &span::Record<'_>) {
        values.record(&mut Line(&mut LOG.lock().unwrap()));
    }

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let (mut log, metadata) = (LOG.lock().unwrap(), event.metadata());
        writeln!(log, "event {} {}", metadata.target(), metadata.name()).unwrap();
        event.record(&mut Line(&mut log));
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

impl log::Log for Everything {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        writeln!(LOG.lock().unwrap(), "{}", record.args()).unwrap();
    }

    fn flush(&self) {}
}

/// Starts to capture. The log belongs to the caller until the guard is dropped, so that no other test of
/// the process takes a part of it.
#[must_use]
pub fn start() -> impl Drop {
    static RECORDS: Everything = Everything(AtomicU64::new(0));
    static START: Once = Once::new();
    static TURN: Mutex<()> = Mutex::new(());
    START.call_once(|| {
        tracing::subscriber::set_global_default(Everything(AtomicU64::new(0))).unwrap();
        log::set_logger(&RECORDS).unwrap();
        log::set_max_level(log::LevelFilter::Trace);
    });
    // A failed test does not invalidate the log for the next one.
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns what was logged since the last call.
pub fn take() -> String {
    std::mem::take(&mut LOG.lock().unwrap())
}
