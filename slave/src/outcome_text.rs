//! How a test ended, as the image tells it in text and the machine by its outcome.

use imprint_report::{Frame, TestOutcome, Trouble};
use imprint_vm::Outcome;

/// Reads what `TestCase class>>imprintRun:` answers: a word, a colon, the text, then the stack, a
/// line each.
pub fn outcome_of(text: &str) -> TestOutcome {
    let (head, stack) = text.split_once('\n').unwrap_or((text, ""));
    let (kind, rest) = head.split_once(": ").unwrap_or((head, ""));
    let (exception, message) = rest.split_once(": ").unwrap_or((rest, ""));
    let mut trouble = trouble(exception, message);
    trouble.stack = stack
        .lines()
        .map(|line| Frame {
            method: line.to_string(),
            place: None,
            source_line: None,
        })
        .collect();
    match kind {
        "pass" => TestOutcome::Passed,
        "skip" => TestOutcome::Skipped(rest.to_string()),
        _ if imprint_shrink::proof::needs_compiler(text) => TestOutcome::NeedsCompiler,
        "failure" => TestOutcome::Failed(trouble),
        "pruned" => TestOutcome::Pruned(trouble),
        _ => TestOutcome::Errored(trouble),
    }
}

fn trouble(exception: &str, message: &str) -> Trouble {
    Trouble {
        exception: exception.to_string(),
        message: message.to_string(),
        stack: Vec::new(),
        advice: String::new(),
    }
}

/// What a run that did not return means to the test in it.
pub fn ended(outcome: &Outcome) -> TestOutcome {
    match outcome {
        Outcome::Pruned { sentence } => TestOutcome::Pruned(trouble("PrunedBehavior", sentence)),
        Outcome::NoSource { miss, .. } => {
            TestOutcome::Pruned(trouble("PrunedBehavior", &format!("{miss:?}")))
        }
        Outcome::Terminated { error } => TestOutcome::Errored(trouble(
            "the process was terminated",
            error.as_deref().unwrap_or_default(),
        )),
        other => TestOutcome::Errored(trouble("the run ended", &format!("{other:?}"))),
    }
}
