//! How a test ended, as the image tells it in text and the machine by its outcome.

use imprint_report::{TestOutcome, Trouble};
use imprint_shrink::judge;
use imprint_vm::install::Names;
use imprint_vm::{Outcome, OutsideError};

use crate::frames::{Lines, frames};

/// Reads what `TestCase class>>imprintRun:` answers: a word, a colon, the text, then the stack, a
/// line each; `lines` knows the sources.
pub fn outcome_of(text: &str, lines: &mut Lines<'_>) -> TestOutcome {
    let (head, stack) = text.split_once('\n').unwrap_or((text, ""));
    let (kind, rest) = head.split_once(": ").unwrap_or((head, ""));
    let (exception, message) = rest.split_once(": ").unwrap_or((rest, ""));
    let mut trouble = trouble(exception, message);
    trouble.stack = frames(stack, lines);
    match kind {
        "pass" => TestOutcome::Passed,
        "skip" => TestOutcome::Skipped(rest.to_string()),
        _ if imprint_shrink::proof::needs_compiler(text) => TestOutcome::NeedsCompiler,
        "failure" => TestOutcome::Failed(trouble),
        "pruned" => {
            trouble.advice = advice_for(&trouble.message);
            TestOutcome::Pruned(trouble)
        }
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

/// A trouble whose words and advice come in one sentence, as the image and the proof tell it; where
/// the advice is not told, the name in front is what to keep.
fn pruned(exception: &str, sentence: &str) -> Trouble {
    let (message, advice) = sentence.split_once('\n').unwrap_or((sentence, ""));
    let mut trouble = trouble(exception, message);
    trouble.advice = advice.trim().to_string();
    if trouble.advice.is_empty() {
        trouble.advice = advice_for(message);
    }
    trouble
}

/// The trouble of something pruned that was reached without the test noticing it.
pub fn pruned_by_name(name: &str) -> Trouble {
    let what = name.strip_prefix("# ").unwrap_or(name);
    let sentence = format!("{what} was not exercised, so it is not in this image.");
    let mut trouble = pruned("PrunedBehavior", &sentence);
    if what != name {
        trouble.advice = "Add a test that reaches it.".to_string();
    }
    trouble
}

fn advice_for(message: &str) -> String {
    let name = message
        .split_once(" was not exercised")
        .map(|(name, _)| name);
    name.map_or_else(String::new, |name| {
        format!("Keep it with   --keep '{name}'   or add a test that reaches it.")
    })
}

/// What a run that did not return means to the test in it.
pub fn ended(outcome: &Outcome, names: &Names) -> TestOutcome {
    match outcome {
        Outcome::Pruned { sentence } => TestOutcome::Pruned(pruned("PrunedBehavior", sentence)),
        Outcome::NoSource {
            miss,
            error: OutsideError::NoMaster,
        } => {
            let sentence = judge(miss, names, None).sentence();
            TestOutcome::Pruned(pruned("PrunedBehavior", &sentence))
        }
        Outcome::NoSource { miss, error } => {
            let missing = judge(miss, names, None).missing;
            TestOutcome::Errored(trouble(
                "no source",
                &format!("{missing} is missing: {error}"),
            ))
        }
        Outcome::Terminated { error } => TestOutcome::Errored(trouble(
            "the process was terminated",
            error.as_deref().unwrap_or_default(),
        )),
        other => TestOutcome::Errored(trouble("the run ended", &format!("{other:?}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frames::no_lines;
    use imprint_isa::{BehaviorName, Miss};
    use imprint_model::Ghost;

    const ADVICE: &str = "Keep it with   --keep 'Foo>>bar:'   or add a test that reaches it.";

    fn pruned_trouble(outcome: TestOutcome) -> Trouble {
        match outcome {
            TestOutcome::Pruned(trouble) => trouble,
            other => panic!("not pruned: {other:?}"),
        }
    }

    #[test]
    fn a_miss_with_no_master_names_the_keep_that_mends_it() {
        let outcome = Outcome::NoSource {
            miss: Box::new(Miss::Method {
                behavior: BehaviorName::class("Foo"),
                selector: "bar:".into(),
                ghost: Ghost { id: 3, hash: 1 },
            }),
            error: OutsideError::NoMaster,
        };
        let trouble = pruned_trouble(ended(&outcome, &Names::default()));
        assert_eq!(
            trouble.message,
            "Foo>>bar: was not exercised, so it is not in this image."
        );
        assert_eq!(trouble.advice, ADVICE);
    }

    #[test]
    fn what_the_image_says_of_something_pruned_comes_with_the_advice() {
        let text =
            "pruned: PrunedBehavior: Foo>>bar: was not exercised, so it is not in this image.";
        assert_eq!(
            pruned_trouble(outcome_of(text, &mut no_lines)).advice,
            ADVICE
        );
    }
}
