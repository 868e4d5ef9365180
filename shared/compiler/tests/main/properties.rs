//! What holds of any source: no panic, and code that can be decoded.

use proptest::prelude::{ProptestConfig, any, prop, proptest};

use crate::shown;

const VALID: &str = "at: index put: value\n\t<primitive: 61 error: ec>\n\t| a b c |\n\ta := #(1 $a foo 'it''s').\n\t1 to: a size do: [ :i | | t | t := i. b := [ t + c ] ].\n\t[ c := 3. a isNil ] whileFalse: [ a := a ifNil: [ ^ super at: 1 ] ifNotNil: [ :x | [ x ] value ] ].\n\tb foo; bar: (c caseOf: { [1] -> [2]. [3] -> [^ 4] }); + v1.\n\tUnknown := v2 := Shared := thisContext.\n\t^ { a. b. [ super foo: Unknown ] }\n";

#[test]
fn the_undamaged_method_compiles() {
    let text = shown(VALID, "methods.txt");
    assert!(text.starts_with("args 2"), "{text}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_compiled_without_panic(source in any::<String>()) {
        shown(&source, "methods.txt");
        shown(&source, "doit.txt");
    }

    #[test]
    fn any_smalltalk_like_text_is_compiled_without_panic(
        pieces in prop::collection::vec(prop::sample::select(&[
            "[", "]", "(", ")", "{", "}", "#(", "|", ":a", ":=", ";", ".", "^", "a", "b", "foo", "foo:", "ifTrue:", "ifNil:", "to:", "do:",
            "whileTrue:", "whileTrue", "repeat", "caseOf:", "->", "1", "'x'", "super", "self", "v1", " ", "\n", "nil", "| a b |", "[:a |", "[", "]", "[ a := b ]",
        ][..]), 0..40)
    ) {
        let source = pieces.join(" ");
        shown(&source, "doit.txt");
    }

    #[test]
    fn a_damaged_method_is_compiled_without_panic(at in 0..VALID.len(), length in 0usize..12, put in "[\\[\\](){}#|:.'\"$<>;^ a-c0-9]{0,4}") {
        let mut source = VALID.to_owned();
        let end = (at + length).min(source.len());
        source.replace_range(at..end, &put);
        shown(&source, "methods.txt");
    }
}
