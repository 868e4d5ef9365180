//! What was reached though it was pruned: counted, and written down as a keep list for the next
//! shrink.
//!
//! A line each, the first time: a class, `CLASS>>selector`, or a remark behind `#` for an object
//! that has no name. The file comes into being with its first line.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// The line of an object that no keep list can name.
const NAMELESS: &str = "# an object without a name";

/// The log of one machine; clones share it.
#[derive(Clone, Debug, Default)]
pub struct PrunedLog {
    state: Rc<RefCell<State>>,
}

#[derive(Debug, Default)]
struct State {
    counts: BTreeMap<String, u64>,
    has_unhandled: bool,
    path: Option<PathBuf>,
}

impl PrunedLog {
    /// Has it written to a file as well, behind what the file holds.
    pub fn write_to(&self, path: &Path) {
        self.state.borrow_mut().path = Some(path.to_path_buf());
    }

    /// Counts what was reached: `CLASS>>selector`, or the name of a class.
    pub fn note(&self, name: &str) {
        let mut state = self.state.borrow_mut();
        let count = state.counts.entry(name.to_string()).or_insert(0);
        *count += 1;
        if *count == 1
            && let Some(path) = &state.path
        {
            // A log that cannot be written must not change what the image does.
            let file = File::options().create(true).append(true).open(path);
            let _ = file.and_then(|mut file| writeln!(file, "{name}"));
        }
    }

    /// Counts an object that was reached, by name where it has one; a class side is kept with its
    /// class.
    pub fn note_object(&self, name: Option<&str>) {
        let name = name.map(|name| name.strip_suffix(" class").unwrap_or(name));
        self.note(name.unwrap_or(NAMELESS));
    }

    /// Notes that nobody handled what was signalled.
    pub fn note_unhandled(&self) {
        self.state.borrow_mut().has_unhandled = true;
    }

    /// Whether something was signalled that nobody handled.
    pub fn has_unhandled(&self) -> bool {
        self.state.borrow().has_unhandled
    }

    /// How often anything was reached.
    pub fn total(&self) -> u64 {
        self.state.borrow().counts.values().sum()
    }

    /// What was reached and how often, by name.
    pub fn counts(&self) -> BTreeMap<String, u64> {
        self.state.borrow().counts.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_reached_is_written_once_and_counted_each_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pruned.log");
        let log = PrunedLog::default();
        log.write_to(&path);
        assert!(!path.exists(), "there is nothing to write yet");
        let shared = log.clone();
        shared.note("Counter>>renderCsvOn:");
        shared.note("Counter>>renderCsvOn:");
        shared.note_object(Some("Report class"));
        shared.note_object(None);
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            "Counter>>renderCsvOn:\nReport\n# an object without a name\n"
        );
        assert_eq!((log.total(), log.counts()["Counter>>renderCsvOn:"]), (4, 2));
        assert!(!log.has_unhandled());
        shared.note_unhandled();
        assert!(log.has_unhandled());
    }
}
