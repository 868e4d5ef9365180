//! The pattern at the head of a method: its selector and where it ends.

use crate::scanner::Scanner;

/// Selector and length in bytes of the method pattern that `source` begins with; none if it begins with
/// no pattern. Comments may stand between the parts.
pub(crate) fn selector_of(source: &str) -> Option<(String, usize)> {
    let mut scanner = Scanner::new(source);
    if !scanner.skip_space_and_comments() {
        return None;
    }
    if scanner.peek().is_some_and(is_binary) {
        return binary(&mut scanner);
    }
    let word = scanner.take_identifier();
    if word.is_empty() {
        return None;
    }
    if is_keyword_end(&scanner) {
        return keywords(&mut scanner, word);
    }
    Some((word.to_owned(), scanner.position()))
}

/// Characters of binary selectors.
pub(crate) fn is_binary(byte: u8) -> bool {
    b"+-/\\*~<>=@%|&?,!".contains(&byte)
}

fn binary(scanner: &mut Scanner<'_>) -> Option<(String, usize)> {
    let operator = scanner.take_while(is_binary);
    argument(scanner)?;
    Some((operator.to_owned(), scanner.position()))
}

fn keywords(scanner: &mut Scanner<'_>, first: &str) -> Option<(String, usize)> {
    let mut selector = first.to_owned();
    loop {
        scanner.next();
        selector.push(':');
        argument(scanner)?;
        let end = scanner.position();
        match next_keyword(scanner) {
            Some(keyword) => selector.push_str(keyword),
            None => return Some((selector, end)),
        }
    }
}

fn argument(scanner: &mut Scanner<'_>) -> Option<()> {
    scanner.skip_space_and_comments();
    let name = scanner.take_identifier();
    (!name.is_empty() && !is_keyword_end(scanner)).then_some(())
}

/// The next keyword without its colon, the cursor at the colon; none (and the cursor anywhere) if what
/// follows is the body.
fn next_keyword<'text>(scanner: &mut Scanner<'text>) -> Option<&'text str> {
    scanner.skip_space_and_comments();
    let word = scanner.take_identifier();
    (!word.is_empty() && is_keyword_end(scanner)).then_some(word)
}

/// Whether the word just taken is a keyword, not the target of an assignment.
fn is_keyword_end(scanner: &Scanner<'_>) -> bool {
    scanner.peek() == Some(b':') && scanner.peek_second() != Some(b'=')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(source: &str, selector: &str, rest: &str) {
        let (found, end) = selector_of(source).expect("a pattern");
        assert_eq!(found, selector);
        assert_eq!(&source[end..], rest);
    }

    #[test]
    fn unary_binary_and_keyword_patterns_give_their_selectors() {
        check("size ^ 1", "size", " ^ 1");
        check("+ other ^ other", "+", " ^ other");
        check(">= b", ">=", "");
        check("at: index put: value\n\t^ value", "at:put:", "\n\t^ value");
    }

    #[test]
    fn comments_may_stand_between_the_parts_of_a_pattern() {
        check(
            "at: \"the index\" i \"and\" put: x \"why\"",
            "at:put:",
            " \"why\"",
        );
    }

    #[test]
    fn an_assignment_after_the_pattern_is_no_keyword() {
        check("reset count:= 0", "reset", " count:= 0");
        check("set: x count:=x", "set:", " count:=x");
    }

    #[test]
    fn what_is_no_pattern_gives_nothing() {
        for source in ["", "  ", "\"open", "at:", "+", "3 foo", "at: put: x"] {
            assert!(selector_of(source).is_none(), "{source:?}");
        }
    }
}
