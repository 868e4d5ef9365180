//! Results of tests, as facts.

use serde::{Deserialize, Serialize};

/// A run of tests.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TestRun {
    /// What was tested, e.g. the project's name.
    pub name: String,
    /// The tests in the order in which they ran.
    pub cases: Vec<TestCase>,
}

/// One test that ran.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TestCase {
    /// The category of its class, e.g. `Counter-Tests`.
    pub category: String,
    /// Its class.
    pub class: String,
    /// Its selector.
    pub selector: String,
    /// How long it took.
    pub seconds: f64,
    /// How it ended.
    pub outcome: TestOutcome,
}

impl TestCase {
    /// `CounterTest>>testIncrease`
    pub fn name(&self) -> String {
        format!("{}>>{}", self.class, self.selector)
    }
}

/// How a test ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "ended", content = "because")]
pub enum TestOutcome {
    /// As it should.
    Passed,
    /// An assertion did not hold.
    Failed(Trouble),
    /// An error nobody handled.
    Errored(Trouble),
    /// It reached something that was pruned.
    Pruned(Trouble),
    /// It took longer than it may; the limit in seconds.
    TimedOut(f64),
    /// It said itself that it does not apply.
    Skipped(String),
    /// It compiles code, and where it ran there is no compiler.
    NeedsCompiler,
    /// It fails where nothing was shrunk, too, so it says nothing about shrinking.
    Excluded(String),
}

impl TestOutcome {
    /// The same outcome of a test that ran in the full image alone: what does not pass there is
    /// left out of the run, with what it says.
    pub fn excluded(&self) -> TestOutcome {
        match self {
            TestOutcome::Failed(trouble)
            | TestOutcome::Errored(trouble)
            | TestOutcome::Pruned(trouble) => TestOutcome::Excluded(trouble.sentence()),
            TestOutcome::TimedOut(limit) => {
                TestOutcome::Excluded(format!("it does not end within {limit} s"))
            }
            other => other.clone(),
        }
    }
}

impl Trouble {
    /// The exception and its text.
    pub fn sentence(&self) -> String {
        match (self.exception.as_str(), self.message.as_str()) {
            (exception, "") => exception.to_string(),
            ("", message) => message.to_string(),
            (exception, message) => format!("{exception}: {message}"),
        }
    }
}

/// What went wrong in a test, and where.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Trouble {
    /// The exception's class.
    pub exception: String,
    /// Its text.
    pub message: String,
    /// The frames from where it was signalled to the test.
    pub stack: Vec<Frame>,
    /// What to do about it; empty if there is nothing to say.
    pub advice: String,
}

/// One frame of a Smalltalk stack.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Frame {
    /// `Counter>>increase`, as the stack shows it.
    pub method: String,
    /// `file:line`, where that is known.
    pub place: Option<String>,
    /// The source line, where that is known.
    pub source_line: Option<String>,
}

/// How many tests ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestCounts {
    /// Passed.
    pub passed: u64,
    /// Failed, errored, timed out, or reached something pruned.
    pub failed: u64,
    /// Skipped by themselves.
    pub skipped: u64,
    /// Need a compiler.
    pub needs_compiler: u64,
    /// Fail in the full image as well.
    pub excluded: u64,
}

impl TestCounts {
    /// Tests that had to pass.
    pub fn total(&self) -> u64 {
        self.passed + self.failed
    }

    /// Counts one more.
    pub fn add(&mut self, outcome: &TestOutcome) {
        let counter = match outcome {
            TestOutcome::Passed => &mut self.passed,
            TestOutcome::Skipped(_) => &mut self.skipped,
            TestOutcome::NeedsCompiler => &mut self.needs_compiler,
            TestOutcome::Excluded(_) => &mut self.excluded,
            TestOutcome::Failed(_)
            | TestOutcome::Errored(_)
            | TestOutcome::Pruned(_)
            | TestOutcome::TimedOut(_) => &mut self.failed,
        };
        *counter += 1;
    }

    /// `24 of 24`, and what is not among them.
    pub fn summary(&self) -> String {
        let mut text = format!("{} of {}", self.passed, self.total());
        for (number, words) in [
            (self.skipped, "skipped"),
            (self.needs_compiler, "need a compiler"),
            (self.excluded, "excluded"),
        ] {
            if number > 0 {
                text.push_str(&format!(", {number} {words}"));
            }
        }
        text
    }
}

impl TestRun {
    /// How many ended how.
    pub fn counts(&self) -> TestCounts {
        let mut counts = TestCounts::default();
        for case in &self.cases {
            counts.add(&case.outcome);
        }
        counts
    }

    /// Seconds of all tests together.
    pub fn seconds(&self) -> f64 {
        self.cases.iter().map(|case| case.seconds).sum()
    }

    /// What a user must know of the tests that did not pass: a paragraph for each failure, a line for each
    /// test that was left out. Empty if all passed.
    pub fn details(&self) -> String {
        self.cases.iter().map(details_of).collect()
    }
}

fn details_of(case: &TestCase) -> String {
    let name = case.name();
    match &case.outcome {
        TestOutcome::Passed => String::new(),
        TestOutcome::Failed(trouble) => trouble_text(&name, "failed", trouble),
        TestOutcome::Errored(trouble) => trouble_text(&name, "ended with an error", trouble),
        TestOutcome::Pruned(trouble) => trouble_text(&name, "reached something pruned", trouble),
        TestOutcome::TimedOut(limit) => {
            format!("{name} did not end within {limit} s; give it more with   --timeout SECONDS\n")
        }
        TestOutcome::Skipped(reason) => format!("{name} skipped: {reason}\n"),
        TestOutcome::NeedsCompiler => {
            format!(
                "{name} needs a compiler, and a slim image has none; it says nothing about shrinking\n"
            )
        }
        TestOutcome::Excluded(reason) => {
            format!("{name} excluded: it does not pass in the full image either: {reason}\n")
        }
    }
}

fn trouble_text(name: &str, ended: &str, trouble: &Trouble) -> String {
    let mut text = format!("{name} {ended}: {}\n", trouble.sentence());
    for frame in &trouble.stack {
        text.push_str(&frame_text(frame));
    }
    if !trouble.advice.is_empty() {
        text.push_str(&format!("    {}\n", trouble.advice));
    }
    text
}

fn frame_text(frame: &Frame) -> String {
    let place = frame
        .place
        .as_ref()
        .map_or_else(String::new, |place| format!("   {place}"));
    let source = frame
        .source_line
        .as_ref()
        .map_or_else(String::new, |line| format!("        | {}\n", line.trim()));
    format!("    {}{place}\n{source}", frame.method)
}

#[cfg(test)]
pub(crate) mod checks {
    use super::*;

    pub(crate) fn sample() -> TestRun {
        let case = |selector: &str, seconds, outcome| TestCase {
            category: "Counter-Tests".into(),
            class: "CounterTest".into(),
            selector: selector.into(),
            seconds,
            outcome,
        };
        let trouble = Trouble {
            exception: "TestFailure".into(),
            message: "Got 1 < 2 & \"x\"".into(),
            stack: vec![
                Frame {
                    method: "CounterTest(TestCase)>>assert:".into(),
                    ..Frame::default()
                },
                Frame {
                    method: "CounterTest>>testIncrease".into(),
                    place: Some("src/CounterTest.class.st:12".into()),
                    source_line: Some("\tself assert: counter count = 2".into()),
                },
            ],
            advice: String::new(),
        };
        let pruned = Trouble {
            exception: "PrunedBehavior".into(),
            message: "Counter>>reset was not exercised".into(),
            stack: Vec::new(),
            advice: "keep it with   --keep 'Counter>>reset'".into(),
        };
        TestRun {
            name: "Counter".into(),
            cases: vec![
                case("testNew", 0.0124, TestOutcome::Passed),
                case("testIncrease", 0.5, TestOutcome::Failed(trouble)),
                case("testReset", 0.0, TestOutcome::Pruned(pruned)),
                case("testLong", 30.0, TestOutcome::TimedOut(30.0)),
                case(
                    "testWindows",
                    0.0,
                    TestOutcome::Skipped("no Windows here".into()),
                ),
                case("testCompile", 0.0, TestOutcome::NeedsCompiler),
                case(
                    "testBroken",
                    0.0,
                    TestOutcome::Excluded("ZeroDivide".into()),
                ),
            ],
        }
    }

    #[test]
    fn each_outcome_is_counted_once() {
        let counts = sample().counts();
        assert_eq!(
            counts.summary(),
            "1 of 4, 1 skipped, 1 need a compiler, 1 excluded"
        );
        assert_eq!(
            TestCounts {
                passed: 24,
                ..TestCounts::default()
            }
            .summary(),
            "24 of 24"
        );
    }

    #[test]
    fn what_did_not_pass_is_told_with_its_stack_and_what_to_do() {
        assert_eq!(
            sample().details(),
            "CounterTest>>testIncrease failed: TestFailure: Got 1 < 2 & \"x\"\n\
            \x20   CounterTest(TestCase)>>assert:\n\
            \x20   CounterTest>>testIncrease   src/CounterTest.class.st:12\n\
            \x20       | self assert: counter count = 2\n\
            CounterTest>>testReset reached something pruned: PrunedBehavior: Counter>>reset was not exercised\n\
            \x20   keep it with   --keep 'Counter>>reset'\n\
            CounterTest>>testLong did not end within 30 s; give it more with   --timeout SECONDS\n\
            CounterTest>>testWindows skipped: no Windows here\n\
            CounterTest>>testCompile needs a compiler, and a slim image has none; it says nothing about shrinking\n\
            CounterTest>>testBroken excluded: it does not pass in the full image either: ZeroDivide\n"
        );
    }
}
