//! Any valid program compiles to sound code: every path keeps the stack in order, jumps land on
//! instructions, and what an instruction names is there; and the draft survives its byte form.

use imprint_isa::draft::{Draft, MethodDraft};
use imprint_isa::draft_bytes;
use imprint_isa::verifier::verify;
use proptest::prelude::{
    BoxedStrategy, Just, ProptestConfig, Strategy, prop, prop_oneof, proptest,
};

use crate::{compile, listing};

/// Looks at the code of a method and its blocks.
pub fn assert_sound(draft: &MethodDraft) {
    let whole = Draft::Method(draft.clone());
    if let Err(rejection) = verify(&whole, None) {
        panic!("{rejection}\n{}", listing::of(draft));
    }
    assert_eq!(draft_bytes::decode(&draft_bytes::encode(&whole)), Ok(whole));
}

fn expression() -> BoxedStrategy<String> {
    let leaf = prop_oneof![
        prop::sample::select(
            &[
                "p",
                "q",
                "self",
                "v1",
                "Shared",
                "nil",
                "3",
                "'s'",
                "#s",
                "thisContext",
                "Unknown",
                "1.5",
                "i",
                "x"
            ][..]
        )
        .prop_map(str::to_owned),
        Just("[]".to_owned()),
    ];
    leaf.prop_recursive(5, 40, 3, |inner| {
        let one = inner.clone();
        let two = || (inner.clone(), inner.clone());
        let three = || (inner.clone(), inner.clone(), inner.clone());
        prop_oneof![
            one.clone().prop_map(|a| format!("({a} foo)")),
            two().prop_map(|(a, b)| format!("({a} + {b})")),
            three().prop_map(|(a, b, c)| format!("({a} at: {b} put: {c})")),
            one.clone().prop_map(|a| format!("(p := {a})")),
            one.clone()
                .prop_map(|a| format!("(Shared := v2 := q := {a})")),
            two().prop_map(|(a, b)| format!("({a} foo; bar: {b}; baz)")),
            two().prop_map(|(a, b)| format!("{{ {a}. {b} }}")),
            two().prop_map(|(a, b)| format!("[ {a}. {b} ]")),
            two().prop_map(|(a, b)| format!("[ :x | | t | t := {a}. p := {b}. t ]")),
            one.clone().prop_map(|a| format!("[ ^ {a} ]")),
            one.clone().prop_map(|a| format!("(super foo: {a})")),
            two().prop_map(|(a, b)| format!("({a} ifTrue: [ {b} ])")),
            three().prop_map(|(a, b, c)| format!("({a} ifFalse: [ {b} ] ifTrue: [ ^ {c} ])")),
            three().prop_map(|(a, b, c)| format!("({a} ifNil: [ {b} ] ifNotNil: [ :x | {c}. x ])")),
            two().prop_map(|(a, b)| format!("({a} ifNotNil: [ :x | {b} ])")),
            two().prop_map(|(a, b)| format!("({a} and: [ {b} or: [ p ] ])")),
            two().prop_map(|(a, b)| format!("([ {a} ] whileTrue: [ | t | t := {b}. [ t ] ])")),
            two().prop_map(|(a, b)| format!(
                "({a} to: {b} do: [ :i | | t | t := i. [ t + i ] value. q := i ])"
            )),
            two().prop_map(|(a, b)| format!("({a} timesRepeat: [ {b} ])")),
            one.clone().prop_map(|a| format!("([ {a}. ^ q ] repeat)")),
            three().prop_map(|(a, b, c)| format!(
                "({a} caseOf: {{ [ 1 ] -> [ {b} ]. [ p ] -> [ {c} ] }} otherwise: [ q ])"
            )),
        ]
    })
    .boxed()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_valid_program_compiles_to_sound_code(statements in prop::collection::vec(expression(), 1..4)) {
        let source = format!("foo: i bar: x\n\t| p q |\n\t{}", statements.join(".\n\t"));
        let compilation = compile(&source, "methods.txt");
        // Only what is too large for a frame may be refused.
        let faults: Vec<_> = compilation.diagnostics.iter().filter(|finding| finding.is_error()).collect();
        assert!(faults.iter().all(|fault| fault.message.contains("slots") || fault.message.contains("temporaries")), "{source}\n{faults:?}");
        if let Some(method) = compilation.method {
            assert_sound(&method.draft);
        }
    }
}
