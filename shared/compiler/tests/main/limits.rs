//! Limits of the machine, met by sources made to meet them: each is a finding, never a crash.

use imprint_isa::draft::Body;

use crate::{compile, shown};

fn messages(source: &str) -> Vec<String> {
    let compilation = compile(source, "methods.txt");
    assert!(compilation.method.is_none());
    compilation
        .diagnostics
        .into_iter()
        .filter(|finding| finding.is_error())
        .map(|finding| finding.message)
        .collect()
}

#[test]
fn a_jump_over_too_much_code_is_refused() {
    let statements = "self a: 'a' b: 'b' c: 'c' d: 'd'. ".repeat(5_000);
    assert_eq!(
        messages(&format!("foo v1 ifTrue: [ {statements} ]")),
        ["this jumps over too much code"]
    );
}

#[test]
fn a_jump_over_just_enough_code_is_taken() {
    let statements = "self a: 'a' b: 'b' c: 'c' d: 'd'. ".repeat(4_000);
    assert!(
        compile(&format!("foo v1 ifTrue: [ {statements} ]"), "methods.txt")
            .method
            .is_some()
    );
}

#[test]
fn too_many_literals_are_refused() {
    let numbers: String = (2..33_000)
        .map(|number| format!("self a: {number}. "))
        .collect();
    assert_eq!(
        messages(&format!("foo {numbers}")),
        ["more than 32767 literals"]
    );
}

#[test]
fn hostile_numbers_of_names_are_refused_in_time() {
    let selectors: String = (0..200_000)
        .map(|number| format!("self a{number}. "))
        .collect();
    assert_eq!(
        messages(&format!("foo {selectors}")),
        ["more than 32767 literals"]
    );
    let names: String = (0..200_000).map(|number| format!("t{number} ")).collect();
    assert_eq!(
        messages(&format!("foo | {names} |")),
        ["too many variables are declared here"]
    );
    let loops = "v1 timesRepeat: [ v2 ]. ".repeat(40_000);
    assert_eq!(
        messages(&format!("foo {loops}")),
        ["more than 63 temporaries, with those of loops and closures"]
    );
}

#[test]
fn too_many_variables_in_one_vector_are_refused() {
    let names: String = (0..130).map(|index| format!("t{index} ")).collect();
    let stores: String = (0..130).map(|index| format!("t{index} := 1. ")).collect();
    let found = messages(&format!("foo | {names} | [ {stores} ] value"));
    assert_eq!(
        found,
        ["more than 127 variables are shared with blocks here"]
    );
}

#[test]
fn temporaries_in_a_vector_do_not_count_as_temporaries() {
    let names: String = (0..100).map(|index| format!("t{index} ")).collect();
    let stores: String = (0..100).map(|index| format!("t{index} := 1. ")).collect();
    assert!(
        shown(
            &format!("foo | {names} | [ {stores} ] value"),
            "methods.txt"
        )
        .starts_with("args 0 temps 1\n")
    );
}

#[test]
fn deep_nesting_compiles_up_to_the_limit_of_the_parser() {
    for (open, close) in [
        ("[ v1 foo: ", " ]"),
        ("(v1 foo: ", ")"),
        ("{ v1. ", " }"),
        ("v1 ifTrue: [ ", " ]"),
    ] {
        let source = format!("foo ^ {} v2 {}", open.repeat(45), close.repeat(45));
        assert!(compile(&source, "methods.txt").method.is_some(), "{open}");
        let source = format!("foo ^ {} v2 {}", open.repeat(190), close.repeat(190));
        shown(&source, "methods.txt");
    }
    let source = format!("foo ^ v1 {}", "foo ".repeat(900));
    assert!(compile(&source, "methods.txt").method.is_some());
}

#[test]
fn a_thousand_blocks_are_a_thousand_locals() {
    let source = format!("foo {}", "v1 do: [ :a | a foo ]. ".repeat(1_000));
    let method = compile(&source, "methods.txt").method.expect("compiles");
    let blocks = method
        .draft
        .locals
        .iter()
        .filter(|local| matches!(local.body, Body::Code(_)));
    assert_eq!(blocks.count(), 1_000);
}
