//! The end of a method's body in Tonel and in bracket syntax: the bracket that balances the first.

use crate::scanner::Scanner;

/// Skips `[ ... ]`, the cursor at the opening bracket. Brackets in strings, comments and character literals
/// do not count. False if the text ends first.
pub(crate) fn skip_body(scanner: &mut Scanner<'_>) -> bool {
    let mut depth = 0_u32;
    loop {
        scanner.take_while(is_plain);
        let Some(byte) = scanner.peek() else {
            return false;
        };
        match byte {
            b'\'' | b'"' => {
                if !scanner.skip_quoted() {
                    return false;
                }
                continue;
            }
            b'$' => scanner.set_position(scanner.position() + 1),
            b'[' => depth = depth.saturating_add(1),
            _ => depth = depth.saturating_sub(1),
        }
        scanner.next();
        if depth == 0 {
            return true;
        }
    }
}

/// Whether a byte has no part in balancing brackets.
fn is_plain(byte: u8) -> bool {
    !matches!(byte, b'\'' | b'"' | b'$' | b'[' | b']')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, rest: &str) {
        let mut scanner = Scanner::new(text);
        assert!(skip_body(&mut scanner), "{text}");
        assert_eq!(scanner.rest(), rest, "{text}");
    }

    #[test]
    fn brackets_in_strings_comments_and_characters_do_not_count() {
        check("[ ^ ']' ] x", " x");
        check("[ \"]\" ] x", " x");
        check("[ ^ $] ] x", " x");
        check("[ ^ $' ] x", " x");
        check("[ ^ 'it''s ]' ] x", " x");
        check("[ #[1 2] do: [ :each | $[ ] ] x", " x");
        check("[] x", " x");
        check("[ ^ $é ] x", " x");
    }

    #[test]
    fn a_body_without_end_is_seen() {
        for text in ["[", "[ [ ]", "[ ']", "[ \"]", "[ $]", "[ $"] {
            assert!(!skip_body(&mut Scanner::new(text)), "{text}");
        }
    }
}
