//! What a replay log records.

use bincode::{Decode, Encode};

use crate::Fingerprint;

/// One thing that happened.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Record {
    /// A run began or went on.
    Session(SessionStart),
    /// A draft was installed: canonical bytes, with its place.
    Draft(Vec<u8>),
    /// What ran: ids of the pristine image, by what ran them (a test, or the name of a phase).
    Marks {
        /// What ran them.
        epoch: String,
        /// The ids.
        ids: Vec<u64>,
    },
    /// A test ended.
    Test {
        /// Its class.
        class: String,
        /// Its selector.
        selector: String,
        /// How.
        outcome: LoggedOutcome,
        /// What went wrong; empty where nothing did.
        text: String,
        /// Microseconds it took.
        micros: u64,
    },
    /// An image was written.
    Snapshot {
        /// The file.
        path: String,
        /// Its fingerprint.
        fingerprint: Fingerprint,
        /// The entry expression; empty for none.
        entry: String,
        /// Options by name.
        options: Vec<(String, String)>,
    },
    /// What was kept though nothing reached it, and for what reason.
    Kept {
        /// The reason.
        because: String,
        /// The ids.
        ids: Vec<u64>,
    },
    /// Classes that were declared by index: name, index of the class, index of its metaclass.
    Classes(Vec<(String, u32, u32)>),
    /// How the slave was called: its arguments, so that a run that was cut short can go on.
    Arguments(Vec<String>),
    /// Code was put over what runs.
    Push(PushRecord),
    /// Pushes were taken back.
    Rollback {
        /// The push that is in force since; 0 for none.
        number: u32,
        /// Microseconds since 1970, UTC.
        when_micros: u64,
    },
}

/// A push into a running image.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct PushRecord {
    /// Its number.
    pub number: u32,
    /// What it was, in a user's words.
    pub title: String,
    /// Who pushed.
    pub origin: String,
    /// Microseconds since 1970, UTC.
    pub when_micros: u64,
    /// Whether it was forced.
    pub is_forced: bool,
    /// What was lost by that, a phrase each.
    pub losses: Vec<String>,
    /// Canonical bytes of classes, then of methods.
    pub drafts: Vec<Vec<u8>>,
    /// The texts of the methods, in their order.
    pub sources: Vec<String>,
    /// Methods that were taken out, as `Class>>selector`.
    pub removed: Vec<String>,
}

/// Of what a run is.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct SessionStart {
    /// The program that wrote the log.
    pub program_version: String,
    /// Of the pristine image that ids mean.
    pub image_fingerprint: Fingerprint,
    /// Of the seed, where it is not empty.
    pub seed_fingerprint: Option<Fingerprint>,
    /// Microseconds since 1970, UTC.
    pub started_micros: u64,
}

/// How a test ended, as the log holds it; the order is part of the file's form.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub enum LoggedOutcome {
    /// As it should.
    Passed,
    /// An assertion did not hold.
    Failed,
    /// An error nobody handled.
    Errored,
    /// It reached something pruned.
    Pruned,
    /// It took too long.
    TimedOut,
    /// It said that it does not apply.
    Skipped,
    /// It needs a compiler.
    NeedsCompiler,
}

impl From<crate::message::Outcome> for LoggedOutcome {
    fn from(outcome: crate::message::Outcome) -> LoggedOutcome {
        use crate::message::Outcome;
        match outcome {
            Outcome::Passed => LoggedOutcome::Passed,
            Outcome::Failed => LoggedOutcome::Failed,
            Outcome::Errored => LoggedOutcome::Errored,
            Outcome::Pruned => LoggedOutcome::Pruned,
            Outcome::TimedOut => LoggedOutcome::TimedOut,
            Outcome::Skipped => LoggedOutcome::Skipped,
            Outcome::NeedsCompiler => LoggedOutcome::NeedsCompiler,
        }
    }
}
