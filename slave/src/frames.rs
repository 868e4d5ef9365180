//! Activations as people read them: the name, and the line of the source that each is at.
//!
//! An image tells its stack as text, `[] in Foo>>bar:` and behind a tab the place in the code; the
//! machine tells its own as [`Activation`]s. The line comes from whoever has the sources, in a slave
//! from its master.

use imprint_isa::{BehaviorName, Name};
use imprint_report::Frame;
use imprint_vm::Activation;

/// Who knows sources: the line that an activation is at, counted from 1 in its method, and its text.
pub type Lines<'a> = dyn FnMut(&Activation) -> Option<(u32, String)> + 'a;

/// Nobody knows sources.
pub fn no_lines(_: &Activation) -> Option<(u32, String)> {
    None
}

/// The method that runs a test: what is below it belongs to SUnit.
const RUNNER: &str = "TestCase>>performTest";

/// The frames of a stack that an image told as text, down to the test.
pub fn frames(text: &str, lines: &mut Lines<'_>) -> Vec<Frame> {
    text.lines()
        .take_while(|line| !line.starts_with(RUNNER))
        .map(|line| match activation(line) {
            Some(activation) => frame(&activation, lines),
            None => named(line.split('\t').next().unwrap_or(line)),
        })
        .collect()
}

/// The frame of an activation.
pub fn frame(activation: &Activation, lines: &mut Lines<'_>) -> Frame {
    let found = lines(activation);
    Frame {
        place: found.as_ref().map(|(line, _)| format!("line {line}")),
        source_line: found.map(|(_, text)| text),
        ..named(&activation.to_string())
    }
}

fn named(method: &str) -> Frame {
    Frame {
        method: method.to_string(),
        place: None,
        source_line: None,
    }
}

/// Reads a line of a stack; `None` where it does not say where in the code it is.
fn activation(line: &str) -> Option<Activation> {
    let (name, place) = line.split_once('\t')?;
    let (behavior, selector) = name
        .strip_prefix("[] in ")
        .unwrap_or(name)
        .split_once(">>")?;
    let mut numbers = place.split(' ');
    let offset = numbers.next()?.parse().ok()?;
    let path = numbers.map(|number| number.parse().ok());
    Some(Activation {
        behavior: BehaviorName::parse(behavior),
        selector: Name::from(selector),
        path: path.collect::<Option<Vec<u16>>>()?,
        offset,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stack_is_told_down_to_the_test_with_its_lines() {
        let text = "[] in Foo class>>at:\t12 3 0\nBar>>testIt\t4\nplain\nTestCase>>performTest\t1\nX>>y\t1";
        let mut asked = Vec::new();
        let told = frames(text, &mut |activation| {
            asked.push(activation.clone());
            (activation.offset == 4).then(|| (2, "self fail".to_string()))
        });
        assert_eq!(asked.len(), 2);
        assert_eq!(asked[0].behavior, BehaviorName::meta("Foo"));
        assert_eq!(
            (asked[0].path.as_slice(), asked[0].offset),
            (&[3, 0][..], 12)
        );
        let shown: Vec<_> = told
            .iter()
            .map(|frame| {
                (
                    frame.method.as_str(),
                    frame.place.as_deref(),
                    frame.source_line.as_deref(),
                )
            })
            .collect();
        assert_eq!(
            shown,
            [
                ("[] in Foo class>>at:", None, None),
                ("Bar>>testIt", Some("line 2"), Some("self fail")),
                ("plain", None, None),
            ]
        );
    }
}
