//! What the end of a run means to whoever started it: a sentence and an exit code.

use imprint_image::ImageError;
use imprint_isa::Miss;
use imprint_vm::{Outcome, OutsideError};

/// The exit codes of both programs as the numbers that runs and orders carry, where a program's own
/// number may stand too. Which there are, [`imprint_daemon::ExitCode`] alone says.
pub mod code {
    use imprint_daemon::ExitCode;

    /// Done and proven.
    pub const DONE: u8 = ExitCode::Done.number();
    /// A test or the proof failed, or the program ended in an error.
    pub const FAILED: u8 = ExitCode::Failed.number();
    /// Wrong usage, or something could not be loaded.
    pub const USAGE: u8 = ExitCode::Usage.number();
    /// There is no master.
    pub const NO_MASTER: u8 = ExitCode::NoMaster.number();
    /// Something pruned was reached.
    pub const PRUNED: u8 = ExitCode::Pruned.number();
    /// A bad image.
    pub const BAD_IMAGE: u8 = ExitCode::BadImage.number();
    /// A defect of ours.
    pub const DEFECT: u8 = ExitCode::Bug.number();
    /// Interrupted.
    pub const INTERRUPTED: u8 = ExitCode::Interrupted.number();
}

/// Whether an error says that an image is bad. A file that could not be read or written is none.
pub fn is_of_image(error: &anyhow::Error) -> bool {
    let mut images = error.chain().filter_map(|cause| cause.downcast_ref());
    images.any(|image: &ImageError| image.problem.is_of_image())
}

/// The exit code of an outcome, and what is to be said on standard error.
pub fn ending(outcome: &Outcome) -> (u8, Option<String>) {
    match outcome {
        Outcome::Returned(_) => (code::DONE, None),
        Outcome::Quit(status) => (*status as u8, None),
        // The image has said what happened by itself.
        Outcome::Terminated { error } => (code::FAILED, error.clone()),
        Outcome::Pruned { sentence } => (code::PRUNED, Some(sentence.clone())),
        Outcome::TimedOut => (
            code::FAILED,
            Some("the time was up before it ended".to_string()),
        ),
        // An image alone was never to ask anybody: what it misses was pruned.
        Outcome::NoSource {
            miss,
            error: OutsideError::NoMaster,
        } => (code::PRUNED, Some(pruned_sentence(miss))),
        Outcome::NoSource { miss, error } => (
            code_without_source(error),
            Some(format!("{} is missing: {error}", name_of(miss))),
        ),
        Outcome::Deadlock => (
            code::FAILED,
            Some("no process can run any more, and nothing can wake one".to_string()),
        ),
        Outcome::Interrupted => (code::INTERRUPTED, Some("interrupted".to_string())),
        Outcome::Ordered(_) | Outcome::Snapshot => (code::DONE, None),
        Outcome::Wanted(wanted) => (
            code::PRUNED,
            Some(format!(
                "{wanted} was not exercised, so it is not in this image"
            )),
        ),
        Outcome::OutOfMemory => (
            code::FAILED,
            Some(
                "the image needs more memory than its limit; raise it with --memory-limit"
                    .to_string(),
            ),
        ),
        Outcome::Corrupt(what) => (
            code::BAD_IMAGE,
            Some(format!("the image is damaged: {what}")),
        ),
    }
}

/// The exit code where what was missed did not come.
pub fn code_without_source(error: &OutsideError) -> u8 {
    match error {
        OutsideError::NoMaster => code::PRUNED,
        OutsideError::Lost(_) => code::NO_MASTER,
        OutsideError::LimitReached { .. } => code::FAILED,
        OutsideError::Refused(_) => code::USAGE,
        OutsideError::Unsound(_) => code::BAD_IMAGE,
    }
}

/// What is missing, in a user's words.
fn name_of(miss: &Miss) -> String {
    match miss {
        Miss::Method {
            behavior, selector, ..
        } => format!("{behavior}>>{selector}"),
        Miss::Class(name) | Miss::Global(name) => name.to_string(),
        Miss::Known(known) => known.text().to_string(),
        Miss::Object(ghost) => format!("the object {}", ghost.id),
        Miss::ClassIndex(index) => format!("the class {index}"),
    }
}

/// What was pruned, and what keeps it.
fn pruned_sentence(miss: &Miss) -> String {
    if matches!(miss, Miss::Object(_) | Miss::ClassIndex(_)) {
        return "an object that was not exercised was reached, and it is not in this image; \
                add a test that reaches it"
            .to_string();
    }
    let name = name_of(miss);
    format!(
        "{name} was not exercised, so it is not in this image; keep it with   --keep '{name}'   \
         or add a test that reaches it"
    )
}

/// An error and its causes as one sentence; a cause that the words before it tell already is not
/// told again.
pub fn sentence_of(error: &anyhow::Error) -> String {
    let mut sentence = String::new();
    for cause in error.chain() {
        let words = cause.to_string();
        if sentence.is_empty() {
            sentence = words;
        } else if !sentence.contains(&words) {
            sentence = format!("{sentence}: {words}");
        }
    }
    sentence
}
