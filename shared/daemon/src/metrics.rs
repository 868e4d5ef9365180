//! Counters and gauges, and their text for Prometheus.
//!
//! Our own few lines instead of a crate: names are static, values are one atomic word, and there
//! are no labels. Source of the text form: Prometheus exposition format 0.0.4.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What a number means over time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Counter,
    Gauge,
}

struct Row {
    name: &'static str,
    help: &'static str,
    kind: Kind,
    value: Arc<AtomicU64>,
}

/// All numbers of a daemon; clones share them.
#[derive(Clone, Default)]
pub struct Metrics {
    rows: Arc<Mutex<Vec<Row>>>,
}

/// A number that only grows.
#[derive(Clone, Debug)]
pub struct Counter(Arc<AtomicU64>);

/// A number that goes up and down.
#[derive(Clone, Debug)]
pub struct Gauge(Arc<AtomicU64>);

impl Counter {
    /// Counts more.
    pub fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }
}

impl Gauge {
    /// Is this from now on.
    pub fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// Is one more for as long as the answer is held.
    pub fn held(&self) -> Held {
        self.0.fetch_add(1, Ordering::Relaxed);
        Held(self.0.clone())
    }
}

/// One of those that a gauge counts.
#[derive(Debug)]
pub struct Held(Arc<AtomicU64>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Metrics {
    /// None yet.
    pub fn new() -> Metrics {
        Metrics::default()
    }

    /// The counter of this name (`imprint_..._total`); made at the first call.
    pub fn counter(&self, name: &'static str, help: &'static str) -> Counter {
        Counter(self.value(name, help, Kind::Counter))
    }

    /// The gauge of this name (`imprint_...`, unit last); made at the first call.
    pub fn gauge(&self, name: &'static str, help: &'static str) -> Gauge {
        Gauge(self.value(name, help, Kind::Gauge))
    }

    /// Names and values, in the order in which they were made.
    pub fn figures(&self) -> Vec<(String, u64)> {
        let rows = self.rows();
        let figure = |row: &Row| (row.name.to_string(), row.value.load(Ordering::Relaxed));
        rows.iter().map(figure).collect()
    }

    /// The text that Prometheus reads.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for row in self.rows().iter() {
            let kind = match row.kind {
                Kind::Counter => "counter",
                Kind::Gauge => "gauge",
            };
            let (name, value) = (row.name, row.value.load(Ordering::Relaxed));
            let _ = writeln!(text, "# HELP {name} {}", row.help);
            let _ = writeln!(text, "# TYPE {name} {kind}");
            let _ = writeln!(text, "{name} {value}");
        }
        text
    }

    fn value(&self, name: &'static str, help: &'static str, kind: Kind) -> Arc<AtomicU64> {
        let mut rows = self.rows();
        if let Some(row) = rows.iter().find(|row| row.name == name) {
            debug_assert_eq!(row.kind, kind, "{name} has one meaning");
            return row.value.clone();
        }
        let value = Arc::new(AtomicU64::new(0));
        rows.push(Row {
            name,
            help,
            kind,
            value: value.clone(),
        });
        value
    }

    /// A list of numbers is whole even where a thread died with it in hand.
    fn rows(&self) -> MutexGuard<'_, Vec<Row>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_shown_in_the_form_of_prometheus() {
        let metrics = Metrics::new();
        metrics
            .counter("imprint_pulls_total", "Pulls answered.")
            .add(2);
        metrics
            .counter("imprint_pulls_total", "Pulls answered.")
            .add(1);
        metrics.gauge("imprint_slaves", "Slaves connected.").set(4);
        let expected = "# HELP imprint_pulls_total Pulls answered.
# TYPE imprint_pulls_total counter
imprint_pulls_total 3
# HELP imprint_slaves Slaves connected.
# TYPE imprint_slaves gauge
imprint_slaves 4
";
        assert_eq!(metrics.text(), expected);
        assert_eq!(metrics.figures()[1], ("imprint_slaves".to_string(), 4));
    }

    #[test]
    fn a_gauge_counts_what_is_held_for_as_long_as_it_is() {
        let metrics = Metrics::new();
        let gauge = metrics.gauge("imprint_slaves", "Slaves connected.");
        let first = gauge.held();
        let second = gauge.held();
        assert_eq!(metrics.figures()[0].1, 2);
        drop(first);
        assert_eq!(metrics.figures()[0].1, 1);
        drop(second);
        assert_eq!(metrics.figures()[0].1, 0);
    }
}
