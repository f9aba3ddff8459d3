//! A subscriber that remembers the spans and events of this crate.
//!
//! For one thread: everything that a run emits comes from its runtime, which has one thread.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
    sync::{Arc, Mutex},
};

use azure_asset_sync::observe::TARGET;
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};
use tracing_core::span::Current;

/// A span or an event.
#[derive(Clone, Debug)]
pub struct Signal {
    pub name: &'static str,
    pub level: String,
    pub is_span: bool,
    /// The fields that it can have, except for the message.
    pub declared: BTreeSet<&'static str>,
    pub fields: BTreeMap<&'static str, String>,
    /// The number of the span that it is in.
    parent: Option<usize>,
    metadata: &'static Metadata<'static>,
    /// How many handles of the span exist.
    handles: usize,
}

#[derive(Default)]
struct Signals {
    all: Vec<Signal>,
    /// The spans that are entered, the current one last.
    entered: Vec<usize>,
}

#[derive(Clone, Default)]
pub struct Trace(Arc<Mutex<Signals>>);

struct Fields<'a>(&'a mut BTreeMap<&'static str, String>);

impl Visit for Fields<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
}

impl Trace {
    /// Runs a future on a runtime of its own, and returns what was emitted until everything was dropped.
    pub fn of<T>(future: impl Future<Output = T>) -> Self {
        let trace = Self::default();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        tracing::subscriber::with_default(trace.clone(), || {
            runtime.block_on(future);
            drop(runtime);
        });
        trace.assert_all_ended();
        trace
    }

    fn assert_all_ended(&self) {
        let signals = self.0.lock().unwrap();
        assert!(signals.entered.is_empty(), "a span is still entered");
        let open: Vec<_> = signals.all.iter().filter(|signal| signal.handles > 0).collect();
        assert!(open.is_empty(), "these spans did not close: {open:?}");
    }

    pub fn all(&self) -> Vec<Signal> {
        self.0.lock().unwrap().all.clone()
    }

    pub fn names(&self) -> BTreeSet<&'static str> {
        self.all().iter().map(|signal| signal.name).collect()
    }

    pub fn find(&self, name: &str) -> Vec<Signal> {
        self.all().into_iter().filter(|signal| signal.name == name).collect()
    }

    /// Returns the only span or event with this name.
    pub fn only(&self, name: &str) -> Signal {
        let mut found = self.find(name);
        assert_eq!(found.len(), 1, "{name}: {found:?}");
        found.remove(0)
    }

    /// Returns the names of the spans around a span or event, from the inside to the outside.
    pub fn path(&self, signal: &Signal) -> Vec<&'static str> {
        let all = self.all();
        let parents = std::iter::successors(signal.parent, |parent| all[*parent].parent);
        parents.map(|parent| all[parent].name).collect()
    }
}

impl Signals {
    fn push(&mut self, metadata: &'static Metadata<'static>, parent: Option<usize>) -> &mut Signal {
        let fields = metadata.fields().iter().map(|field| field.name());
        self.all.push(Signal {
            name: metadata.name(),
            level: metadata.level().as_str().to_lowercase(),
            is_span: metadata.is_span(),
            declared: fields.filter(|name| *name != "message").collect(),
            fields: BTreeMap::new(),
            parent,
            metadata,
            handles: usize::from(metadata.is_span()),
        });
        self.all.last_mut().unwrap()
    }

    /// Returns the parent: the one that was named, or the current span.
    fn parent(&self, named: Option<&span::Id>, is_contextual: bool) -> Option<usize> {
        match is_contextual {
            true => self.entered.last().copied(),
            false => named.map(number),
        }
    }
}

fn number(id: &span::Id) -> usize {
    usize::try_from(id.into_u64()).unwrap() - 1
}

impl Subscriber for Trace {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == TARGET
    }

    fn new_span(&self, span: &span::Attributes<'_>) -> span::Id {
        let mut signals = self.0.lock().unwrap();
        let parent = signals.parent(span.parent(), span.is_contextual());
        let signal = signals.push(span.metadata(), parent);
        span.record(&mut Fields(&mut signal.fields));
        span::Id::from_u64(signals.all.len() as u64)
    }

    fn record(&self, id: &span::Id, values: &span::Record<'_>) {
        values.record(&mut Fields(&mut self.0.lock().unwrap().all[number(id)].fields));
    }

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut signals = self.0.lock().unwrap();
        let parent = signals.parent(event.parent(), event.is_contextual());
        event.record(&mut Fields(&mut signals.push(event.metadata(), parent).fields));
    }

    fn enter(&self, id: &span::Id) {
        self.0.lock().unwrap().entered.push(number(id));
    }

    fn exit(&self, id: &span::Id) {
        // A guard that is held across an await would be left in another order.
        assert_eq!(self.0.lock().unwrap().entered.pop(), Some(number(id)));
    }

    fn current_span(&self) -> Current {
        let signals = self.0.lock().unwrap();
        let current = signals.entered.last().map(|number| {
            let id = span::Id::from_u64(*number as u64 + 1);
            Current::new(id, signals.all[*number].metadata)
        });
        current.unwrap_or_else(Current::none)
    }

    fn clone_span(&self, id: &span::Id) -> span::Id {
        self.0.lock().unwrap().all[number(id)].handles += 1;
        id.clone()
    }

    fn try_close(&self, id: span::Id) -> bool {
        let mut signals = self.0.lock().unwrap();
        let handles = &mut signals.all[number(&id)].handles;
        *handles -= 1;
        *handles == 0
    }
}
