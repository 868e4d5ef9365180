//! JUnit XML in the flavour of smalltalkCI, which CI servers of Smalltalk projects already read.
//!
//! The class name is the test's category with dots for hyphens, then its class. What is neither passed nor
//! broken (skipped, excluded, needs a compiler) is a `skipped` element with the reason.

use std::fmt::Write as _;

use crate::tests::{TestCase, TestOutcome, TestRun, Trouble};

/// The document for one run.
pub fn junit_xml(run: &TestRun) -> String {
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let failures = run
        .cases
        .iter()
        .filter(|case| matches!(case.outcome, TestOutcome::Failed(_)))
        .count();
    let errors = run
        .cases
        .iter()
        .filter(|case| is_error(&case.outcome))
        .count();
    let name = escaped(&run.name);
    // Writing to a String cannot fail.
    let _ = writeln!(
        xml,
        "<testsuite name=\"{name}\" tests=\"{}\" failures=\"{failures}\" errors=\"{errors}\" time=\"{:.3}\">",
        run.cases.len(),
        run.seconds()
    );
    for case in &run.cases {
        put_case(&mut xml, case);
    }
    xml.push_str("<system-out><![CDATA[]]></system-out>\n<system-err><![CDATA[]]></system-err>\n</testsuite>\n");
    xml
}

fn is_error(outcome: &TestOutcome) -> bool {
    matches!(
        outcome,
        TestOutcome::Errored(_) | TestOutcome::Pruned(_) | TestOutcome::TimedOut(_)
    )
}

fn put_case(xml: &mut String, case: &TestCase) {
    let category = case.category.replace('-', ".");
    let class_name = if category.is_empty() {
        case.class.clone()
    } else {
        format!("{category}.{}", case.class)
    };
    let _ = write!(
        xml,
        "<testcase classname=\"{}\" name=\"{}\" time=\"{:.3}\"",
        escaped(&class_name),
        escaped(&case.selector),
        case.seconds
    );
    match &case.outcome {
        TestOutcome::Passed => xml.push_str("/>\n"),
        TestOutcome::Failed(trouble) => put_trouble(xml, "failure", trouble),
        TestOutcome::Errored(trouble) | TestOutcome::Pruned(trouble) => {
            put_trouble(xml, "error", trouble)
        }
        TestOutcome::TimedOut(limit) => {
            let message = format!("did not end within {limit} s");
            let trouble = Trouble {
                exception: "TestTookTooMuchTime".into(),
                message,
                ..Trouble::default()
            };
            put_trouble(xml, "error", &trouble);
        }
        TestOutcome::Skipped(reason) => put_skipped(xml, reason),
        TestOutcome::NeedsCompiler => put_skipped(xml, "needs a compiler"),
        TestOutcome::Excluded(reason) => {
            put_skipped(xml, &format!("fails in the full image too: {reason}"))
        }
    }
}

fn put_trouble(xml: &mut String, element: &str, trouble: &Trouble) {
    let stack: Vec<&str> = trouble
        .stack
        .iter()
        .map(|frame| frame.method.as_str())
        .collect();
    let _ = writeln!(
        xml,
        ">\n<{element} type=\"{}\" message=\"{}\">{}</{element}>\n</testcase>",
        escaped(&trouble.exception),
        escaped(&trouble.message),
        escaped(&stack.join("\n"))
    );
}

fn put_skipped(xml: &mut String, reason: &str) {
    let _ = writeln!(
        xml,
        ">\n<skipped message=\"{}\"/>\n</testcase>",
        escaped(reason)
    );
}

/// Text fit for an attribute or an element. Characters that XML 1.0 cannot hold become question marks.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '"' => safe.push_str("&quot;"),
            '<' => safe.push_str("&lt;"),
            '\n' | '\t' => safe.push(character),
            '\r' => safe.push('\n'),
            unfit if unfit.is_control() || matches!(unfit, '\u{fffe}' | '\u{ffff}') => {
                safe.push('?')
            }
            plain => safe.push(plain),
        }
    }
    safe
}

#[cfg(test)]
mod checks {
    use super::*;
    use crate::tests::checks::sample;

    #[test]
    fn a_run_gives_the_document_that_ci_servers_read() {
        assert_eq!(
            junit_xml(&sample()),
            include_str!("../goldens/run.junit.xml")
        );
    }

    #[test]
    fn characters_that_xml_cannot_hold_are_replaced() {
        assert_eq!(escaped("a\u{0}b\u{b}<\r&\u{ffff}"), "a?b?&lt;\n&amp;?");
    }
}
