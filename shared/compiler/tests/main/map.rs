//! The source map: from an instruction back to what it stands for.

use imprint_compiler::source_map;

use crate::{World, site_of};

const SOURCE: &str =
    "foo: x\n\tself a: 1 b: (x c).\n\t^ v1 do: [ :each |\n\t\teach d ifTrue: [ ^ x e: each ] ]";

/// The piece of source for each instruction, joined.
fn pieces(path: &[u16]) -> Vec<String> {
    let map = source_map(SOURCE, &site_of("methods.txt"), &World).expect("the source compiles");
    let code = map
        .codes()
        .iter()
        .find(|code| code.path == path)
        .expect("the code is there");
    code.places
        .iter()
        .map(|&(offset, span)| format!("{offset} {}", span.text(SOURCE).replace(['\n', '\t'], "")))
        .collect()
}

#[test]
fn each_send_maps_to_its_selector() {
    assert_eq!(
        pieces(&[]),
        [
            "0 self",
            "1 1",
            "2 x",
            "3 c",
            "4 a:",
            "5 self a: 1 b: (x c)",
            "6 v1",
            "7 [ :each |each d ifTrue: [ ^ x e: each ] ]",
            "8 [ :each |each d ifTrue: [ ^ x e: each ] ]",
            "11 do:",
            "12 ^ v1 do: [ :each |each d ifTrue: [ ^ x e: each ] ]"
        ]
    );
}

#[test]
fn a_block_has_a_map_of_its_own() {
    let places = pieces(&[2]);
    assert!(places.contains(&"2 ifTrue:".to_owned()), "{places:?}");
    assert!(places.contains(&"5 e:".to_owned()), "{places:?}");
}

#[test]
fn an_offset_inside_an_instruction_belongs_to_it() {
    let map = source_map(SOURCE, &site_of("methods.txt"), &World).expect("the source compiles");
    assert_eq!(
        map.span_at(&[], 10).map(|span| &span.text(SOURCE)[..1]),
        Some("[")
    );
    assert_eq!(
        map.span_at(&[], 11).map(|span| span.text(SOURCE)),
        Some("do:")
    );
    assert_eq!(map.span_at(&[7], 0), None);
}

#[test]
fn a_faulty_source_has_no_map() {
    assert!(source_map("foo ^", &site_of("methods.txt"), &World).is_none());
}
