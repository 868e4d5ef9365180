//! What a replay log tells, read as a story: which run, what came during what, how tests ended.
//!
//! A log writes drafts first and behind them the phase that they came in; here each draft stands with
//! its phase.

use std::path::Path;

use anyhow::Result;
use imprint_isa::Draft;
use imprint_isa::draft_bytes::decode_placed;
use imprint_trace::Kind;
use imprint_wire::log::{LogReader, LoggedOutcome, PushRecord, Record, SessionStart, Torn};

/// The phase of drafts that came before a crash, so that nobody wrote during what.
const CUT_OFF: &str = "(the log was cut off)";

/// A log, read.
pub struct Story {
    /// What happened, in order.
    pub steps: Vec<Step>,
    /// What is wrong at its end, where something is.
    pub torn: Option<Torn>,
}

/// A thing that happened.
pub enum Step {
    /// A run began or went on.
    Session(SessionStart),
    /// Drafts came.
    Came {
        /// During this test or phase, or for this reason.
        phase: String,
        /// What came.
        things: Vec<Thing>,
    },
    /// A test ended.
    Test {
        /// `Class>>selector`.
        name: String,
        /// How.
        outcome: LoggedOutcome,
        /// What went wrong; empty where nothing did.
        text: String,
        /// Microseconds it took.
        micros: u64,
    },
    /// Code was put over what ran.
    Push(PushRecord),
    /// Pushes were taken back; the one of this number is in force since, 0 for none.
    Rollback(u32),
    /// An image was written.
    Snapshot {
        /// The file.
        path: String,
        /// Its entry expression; empty for none.
        entry: String,
    },
}

/// A draft that came.
pub struct Thing {
    /// `Foo`, `Foo class>>bar:`, `an object`.
    pub title: String,
    /// What it is.
    pub kind: Kind,
    /// Bytes in canonical form.
    pub bytes: u64,
}

impl Story {
    /// Reads a log.
    ///
    /// # Errors
    /// Where the file is no log, or holds a draft that is none.
    pub fn read(path: &Path) -> Result<Story> {
        let mut reader = LogReader::open(path)?;
        let mut steps = Vec::new();
        let mut waiting = Vec::new();
        while let Some(record) = reader.next_record()? {
            match record {
                Record::Draft(bytes) => waiting.push(thing(&bytes)?),
                Record::Marks { epoch, .. } => steps.push(Step::Came {
                    phase: epoch,
                    things: std::mem::take(&mut waiting),
                }),
                Record::Kept { because, .. } => steps.push(Step::Came {
                    phase: because,
                    things: std::mem::take(&mut waiting),
                }),
                other => steps.extend(step(other)),
            }
        }
        if !waiting.is_empty() {
            let phase = CUT_OFF.to_string();
            let things = waiting;
            steps.push(Step::Came { phase, things });
        }
        let torn = reader.torn().cloned();
        Ok(Story { steps, torn })
    }

    /// All that came, each with its phase.
    pub fn things(&self) -> impl Iterator<Item = (&str, &Thing)> {
        self.steps.iter().flat_map(|step| {
            let (phase, things) = match step {
                Step::Came { phase, things } => (phase.as_str(), things.as_slice()),
                _ => ("", [].as_slice()),
            };
            things.iter().map(move |thing| (phase, thing))
        })
    }

    /// What has this name: a class with its methods, a class side, or one method.
    pub fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (&'a str, &'a Thing)> {
        self.things().filter(move |(_, thing)| thing.is(name))
    }
}

impl Thing {
    fn is(&self, name: &str) -> bool {
        is_named(&self.title, name)
    }
}

/// Whether a title is that of a class or method with this name, or of something that the class has.
pub fn is_named(title: &str, name: &str) -> bool {
    match title.strip_prefix(name) {
        Some(rest) => rest.is_empty() || rest.starts_with(">>") || rest.starts_with(" class"),
        None => false,
    }
}

/// What a draft is, as people count.
pub fn kind_of(draft: &Draft) -> Kind {
    match draft {
        Draft::Class(_) | Draft::Meta(_) => Kind::Class,
        Draft::Method(_) => Kind::Method,
        Draft::Object(_) => Kind::Object,
    }
}

fn thing(bytes: &[u8]) -> Result<Thing> {
    let placed = decode_placed(bytes)?;
    Ok(Thing {
        title: placed.draft.to_string(),
        kind: kind_of(&placed.draft),
        bytes: bytes.len() as u64,
    })
}

/// A record that says all by itself.
fn step(record: Record) -> Option<Step> {
    match record {
        Record::Session(start) => Some(Step::Session(start)),
        Record::Test {
            class,
            selector,
            outcome,
            text,
            micros,
        } => Some(Step::Test {
            name: format!("{class}>>{selector}"),
            outcome,
            text,
            micros,
        }),
        Record::Snapshot { path, entry, .. } => Some(Step::Snapshot { path, entry }),
        Record::Push(push) => Some(Step::Push(push)),
        Record::Rollback { number, .. } => Some(Step::Rollback(number)),
        Record::Draft(_)
        | Record::Marks { .. }
        | Record::Kept { .. }
        | Record::Classes(_)
        | Record::Arguments(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_is_asked_for_with_its_methods_and_nothing_that_only_begins_alike() {
        let thing = |title: &str| Thing {
            title: title.to_string(),
            kind: Kind::Method,
            bytes: 0,
        };
        for (title, name, is) in [
            ("Foo", "Foo", true),
            ("Foo>>bar", "Foo", true),
            ("Foo class>>bar", "Foo", true),
            ("Foo>>bar", "Foo>>bar", true),
            ("Foo>>bar:", "Foo>>bar", false),
            ("Foobar", "Foo", false),
            ("Foo", "Foo>>bar", false),
        ] {
            assert_eq!(thing(title).is(name), is, "{title} by {name}");
        }
    }
}
