//! Two texts of a method, line by line.

use similar::{ChangeTag, TextDiff};

/// What is otherwise `here` than `there`: lines of both behind a blank, lines that only the image has behind
/// a minus, lines that only the sources have behind a plus.
pub fn method_diff(there: Option<&str>, here: Option<&str>) -> String {
    let (there, here) = (with_end(there), with_end(here));
    let diff = TextDiff::from_lines(&there, &here);
    let mut text = String::new();
    for change in diff.iter_all_changes() {
        let sign = match change.tag() {
            ChangeTag::Equal => ' ',
            ChangeTag::Delete => '-',
            ChangeTag::Insert => '+',
        };
        text.push(sign);
        text.push_str(change.value());
    }
    text
}

/// A text whose last line ends like the others.
fn with_end(text: Option<&str>) -> String {
    let text = text.unwrap_or_default().trim_end();
    match text {
        "" => String::new(),
        _ => format!("{text}\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_say_whose_they_are() {
        let cases = [
            (Some("a\n\t^ 1"), Some("a\n\t^ 2\n"), " a\n-\t^ 1\n+\t^ 2\n"),
            (None, Some("a"), "+a\n"),
            (Some("a\n\t^ 1"), None, "-a\n-\t^ 1\n"),
            (Some("a"), Some("a"), " a\n"),
        ];
        for (there, here, expected) in cases {
            assert_eq!(method_diff(there, here), expected);
        }
    }
}
