//! A recorder that sums metrics, for the thread of a test.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use azure_asset_sync::observe::TARGET;
use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder,
    SharedString, Unit,
};

/// The values of one metric with its labels.
#[derive(Debug, Default)]
pub struct Values {
    sum: AtomicU64,
    count: AtomicU64,
    /// The highest value of a gauge.
    most: AtomicU64,
}

impl Values {
    fn add(&self, value: f64) {
        let sum = f64::from_bits(self.sum.load(Ordering::SeqCst)) + value;
        self.sum.store(sum.to_bits(), Ordering::SeqCst);
        self.count.fetch_add(1, Ordering::SeqCst);
        self.most.fetch_max(sum.max(0.0) as u64, Ordering::SeqCst);
    }

    pub fn sum(&self) -> f64 {
        f64::from_bits(self.sum.load(Ordering::SeqCst))
    }

    pub fn count(&self) -> u64 {
        self.count.load(Ordering::SeqCst)
    }

    pub fn most(&self) -> u64 {
        self.most.load(Ordering::SeqCst)
    }
}

impl CounterFn for Values {
    fn increment(&self, value: u64) {
        self.add(value as f64);
    }

    fn absolute(&self, value: u64) {
        panic!("a counter was set to {value}");
    }
}

impl GaugeFn for Values {
    fn increment(&self, value: f64) {
        self.add(value);
    }

    fn decrement(&self, value: f64) {
        self.add(-value);
    }

    fn set(&self, value: f64) {
        panic!("a gauge was set to {value}");
    }
}

impl HistogramFn for Values {
    fn record(&self, value: f64) {
        self.add(value);
    }
}

/// The kind, the name and the labels of a metric.
pub type Id = (&'static str, String, BTreeMap<String, String>);

#[derive(Clone, Default)]
pub struct Sums {
    values: Arc<Mutex<BTreeMap<Id, Arc<Values>>>>,
    /// The names that were described, with their units.
    described: Arc<Mutex<BTreeSet<(String, &'static str)>>>,
}

impl Sums {
    fn get(&self, kind: &'static str, key: &Key, metadata: &Metadata<'_>) -> Arc<Values> {
        assert!(metadata.target().starts_with(TARGET), "{key}");
        let labels = key.labels().map(|l| (l.key().to_owned(), l.value().to_owned())).collect();
        let mut values = self.values.lock().unwrap();
        Arc::clone(values.entry((kind, key.name().to_owned(), labels)).or_default())
    }

    fn describe(&self, name: &KeyName, unit: Option<Unit>, text: &SharedString) {
        assert!(text.ends_with('.'), "{text}");
        let unit = unit.unwrap().as_str();
        self.described.lock().unwrap().insert((name.as_str().to_owned(), unit));
    }

    pub fn described(&self) -> BTreeSet<(String, &'static str)> {
        self.described.lock().unwrap().clone()
    }

    pub fn all(&self) -> BTreeMap<Id, Arc<Values>> {
        self.values.lock().unwrap().clone()
    }

    /// Returns the values of a metric with these labels.
    pub fn of(&self, name: &str, labels: &[(&str, &str)]) -> Arc<Values> {
        let labels: BTreeMap<String, String> =
            labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let all = self.all();
        let found = all.iter().find(|((_, other, with), _)| other == name && *with == labels);
        let Some((_, values)) = found else { panic!("no {name} with {labels:?}: {all:#?}") };
        Arc::clone(values)
    }

    /// Returns the sum of a metric over all labels.
    pub fn total(&self, name: &str) -> f64 {
        let all = self.all();
        all.iter().filter(|((_, other, _), _)| other == name).map(|(_, values)| values.sum()).sum()
    }
}

impl Recorder for Sums {
    fn describe_counter(&self, name: KeyName, unit: Option<Unit>, text: SharedString) {
        self.describe(&name, unit, &text);
    }

    fn describe_gauge(&self, name: KeyName, unit: Option<Unit>, text: SharedString) {
        self.describe(&name, unit, &text);
    }

    fn describe_histogram(&self, name: KeyName, unit: Option<Unit>, text: SharedString) {
        self.describe(&name, unit, &text);
    }

    fn register_counter(&self, key: &Key, metadata: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.get("counter", key, metadata))
    }

    fn register_gauge(&self, key: &Key, metadata: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.get("gauge", key, metadata))
    }

    fn register_histogram(&self, key: &Key, metadata: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.get("histogram", key, metadata))
    }
}
