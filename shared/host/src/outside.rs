//! The outside of a machine that runs by itself: a clock, timers and readiness; no master, no
//! compiler. Masters and slaves wrap it and answer the rest.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use imprint_isa::{BehaviorName, MethodDraft, Miss};
use imprint_vm::install::Names;
use imprint_vm::{Answer, CompileRequest, Event, Outside, OutsideError};

use crate::reactor::{Reactor, Waker};

/// Seconds from the beginning of 1901 to that of 1970.
pub const SECONDS_1901_TO_1970: u64 = (69 * 365 + 17) * 86_400;

/// A machine's outside where there is no master.
pub struct LocalOutside {
    reactor: Reactor,
    pruned: PrunedLog,
}

/// What was reached though it was pruned: a keep-list for the next shrink.
#[derive(Default)]
pub struct PrunedLog {
    counts: BTreeMap<String, u64>,
    file: Option<File>,
}

impl LocalOutside {
    /// An outside with a reactor of its own.
    ///
    /// # Errors
    /// Where the system has no descriptors left.
    pub fn new() -> io::Result<LocalOutside> {
        Ok(LocalOutside {
            reactor: Reactor::new()?,
            pruned: PrunedLog::default(),
        })
    }

    /// Has everything pruned that is reached written to a file as well, a line each.
    ///
    /// # Errors
    /// Where the file cannot be opened.
    pub fn log_pruned_to(&mut self, path: &Path) -> io::Result<()> {
        let mut options = File::options();
        self.pruned.file = Some(options.create(true).append(true).open(path)?);
        Ok(())
    }

    /// What is shared with the modules of primitives: pass it to [`crate::register`].
    pub fn reactor(&self) -> &Reactor {
        &self.reactor
    }

    /// A handle by which another thread gives orders.
    pub fn waker(&self) -> Waker {
        self.reactor.waker()
    }

    /// What was reached though it was pruned.
    pub fn pruned_log(&self) -> &PrunedLog {
        &self.pruned
    }
}

impl PrunedLog {
    /// Counts it; the first time it is written to the file too.
    pub fn note(&mut self, class: &BehaviorName, selector: &str) {
        let line = format!("{class}>>{selector}");
        let count = self.counts.entry(line.clone()).or_insert(0);
        *count += 1;
        if *count == 1
            && let Some(file) = &mut self.file
        {
            // A log that cannot be written must not change what the image does.
            let _ = writeln!(file, "{line}");
        }
    }

    /// What was reached and how often, by name.
    pub fn counts(&self) -> impl Iterator<Item = (&str, u64)> {
        self.counts
            .iter()
            .map(|(name, count)| (name.as_str(), *count))
    }
}

/// UTC microseconds since the beginning of 1901, by the system's clock.
pub fn now_micros() -> u64 {
    let since_1970 = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |duration| duration.as_micros() as u64);
    since_1970 + SECONDS_1901_TO_1970 * 1_000_000
}

impl Outside for LocalOutside {
    fn request(&mut self, _: &[Miss]) -> Result<Answer, OutsideError> {
        Err(OutsideError::NoMaster)
    }

    fn wait(&mut self, deadline: Option<Instant>) -> Vec<Event> {
        self.reactor.wait(deadline)
    }

    fn poll(&mut self) -> Vec<Event> {
        self.reactor.poll()
    }

    fn compile(&mut self, _: CompileRequest, _: &Names) -> Result<MethodDraft, String> {
        Err("there is no compiler here, and no master to ask".to_string())
    }

    fn method_source(&mut self, _: &BehaviorName, _: &str) -> Option<String> {
        None
    }

    fn pruned(&mut self, class: &BehaviorName, selector: &str) {
        self.pruned.note(class, selector);
    }

    fn now_micros(&self) -> u64 {
        now_micros()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_counts_from_1901() {
        // The beginning of 2020 and of 2100.
        let range = 3_755_289_600_000_000..6_279_897_600_000_000;
        assert!(range.contains(&now_micros()));
    }

    #[test]
    fn what_is_reached_twice_is_written_once() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("pruned.log");
        let mut outside = LocalOutside::new().unwrap();
        outside.log_pruned_to(&path).unwrap();
        let class = BehaviorName::class("CounterComponent");
        outside.pruned(&class, "renderCsvOn:");
        outside.pruned(&class, "renderCsvOn:");
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text, "CounterComponent>>renderCsvOn:\n");
        let counts: Vec<_> = outside.pruned_log().counts().collect();
        assert_eq!(counts, [("CounterComponent>>renderCsvOn:", 2)]);
    }

    #[test]
    fn there_is_nobody_to_ask() {
        let mut outside = LocalOutside::new().unwrap();
        assert_eq!(outside.request(&[]), Err(OutsideError::NoMaster));
    }
}
