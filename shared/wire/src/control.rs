//! Orders to a running daemon and what it says to them, as plain values.

use std::time::Duration;

use crate::Fingerprint;
use crate::message::{Event, TestName};

/// How a daemon is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct StatusReport {
    /// `master` or `slave`.
    pub program: String,
    /// Its version.
    pub version: String,
    /// What it does now, in a few words.
    pub state: String,
    /// The image it runs or serves.
    pub image: String,
    /// Of that image, where it has one.
    pub fingerprint: Option<Fingerprint>,
    /// How long it runs; whole milliseconds.
    pub uptime: Duration,
    /// Counters and gauges by name.
    pub figures: Vec<(String, u64)>,
}

/// What to run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Runnable {
    /// An expression.
    Expression(String),
    /// Named tests and all tests of packages; both empty means all tests.
    Tests {
        /// By name.
        tests: Vec<TestName>,
        /// By package.
        packages: Vec<String>,
    },
}

/// An order to run something.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RunOrder {
    /// What.
    pub what: Runnable,
    /// For how long at most; whole milliseconds.
    pub limit: Option<Duration>,
}

/// What happens while an order is carried out.
#[derive(Clone, PartialEq, Debug)]
pub enum Progress {
    /// Something happened.
    Event(Event),
    /// The last message: the exit code that a process would end with, and the result as text.
    Finished {
        /// See the table of exit codes.
        exit_code: u32,
        /// The expression's print string, or a summary.
        text: String,
    },
}

/// An order to write an image.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SnapshotOrder {
    /// The file, as the daemon sees it.
    pub path: String,
    /// Options by name.
    pub options: Vec<(String, String)>,
}

/// What was written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SnapshotReport {
    /// The file.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// Its fingerprint.
    pub fingerprint: Fingerprint,
    /// What the user should know, a sentence each.
    pub warnings: Vec<String>,
}
