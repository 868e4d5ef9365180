//! Strings and byte arrays.

use imprint_model::hash::{STRING_HASH_SEED, string_hash};
use imprint_model::{ClassIndex, Oop};

use crate::failure::PrimitiveError::{
    BadArgument, BadIndex, BadReceiver, Inappropriate, NoModification,
};
use crate::primitives::testing::World;

const MODULE: &str = "MiscPrimitivePlugin";

fn i(value: i32) -> Oop {
    Oop::small(value)
}

fn identity_table(world: &mut World) -> Oop {
    let bytes: Vec<u8> = (0..=255).collect();
    world.byte_array(&bytes)
}

/// Maps lower case letters to upper case ones.
fn upper_table(world: &mut World) -> Oop {
    let bytes: Vec<u8> = (0..=255u8).map(|byte| byte.to_ascii_uppercase()).collect();
    world.byte_array(&bytes)
}

#[test]
fn raw_objects_of_one_format_are_compared() {
    let mut world = World::new();
    let left = world.byte_array(b"abc");
    let right = world.byte_array(b"abc");
    let other = world.byte_array(b"abcd");
    assert_eq!(world.call(156, &[left, right]), Ok(world.boolean(true)));
    assert_eq!(world.call(156, &[left, left]), Ok(world.boolean(true)));
    assert_eq!(world.call(156, &[left, other]), Ok(world.boolean(false)));
    let array = world.array(&[]);
    world.fails(156, &[left, array], Inappropriate);
    world.fails(156, &[left, i(3)], BadArgument);
    world.fails(156, &[i(3), left], BadReceiver);
}

#[test]
fn comparing_is_by_byte_or_by_rank() {
    let mut world = World::new();
    let lower = world.string("abc");
    let upper = world.string("ABD");
    let table = upper_table(&mut world);
    assert_eq!(world.call(158, &[lower, upper]), Ok(i(97 - 65)));
    assert_eq!(world.call(158, &[lower, upper, table]), Ok(i(-1)));
    assert_eq!(world.call(158, &[lower, lower]), Ok(i(0)));
    let short = world.string("a");
    assert_eq!(world.call(158, &[short, lower]), Ok(i(-2)));
    world.fails(158, &[lower, short, short], BadArgument);
    world.fails(158, &[lower, i(3)], BadArgument);
    world.fails(158, &[i(3), lower], BadReceiver);
    let nil = world.nil();
    let answer = world.call_named(
        MODULE,
        "primitiveCompareString",
        &[nil, lower, upper, table],
    );
    assert_eq!(answer, Ok(i(1)));
}

#[test]
fn the_first_byte_of_a_set_is_found() {
    let mut world = World::new();
    let nil = world.nil();
    let string = world.string("hello");
    let mut set = [0; 256];
    set[usize::from(b'l')] = 1;
    let set = world.byte_array(&set);
    let mut find = |start| {
        world.call_named(
            MODULE,
            "primitiveFindFirstInString",
            &[nil, string, set, i(start)],
        )
    };
    assert_eq!(find(1), Ok(i(3)));
    assert_eq!(find(4), Ok(i(4)));
    assert_eq!(find(5), Ok(i(0)));
    assert_eq!(find(50), Ok(i(0)));
    let name = "primitiveFindFirstInString";
    world.fails_named(MODULE, name, &[nil, string, set, i(0)], BadIndex);
    world.fails_named(MODULE, name, &[nil, i(1), set, i(1)], BadArgument);
}

#[test]
fn substrings_are_found_through_the_match_table() {
    let mut world = World::new();
    let nil = world.nil();
    let body = world.string("Small Smalltalk");
    let key = world.string("smallt");
    let exact = identity_table(&mut world);
    let folded = upper_table(&mut world);
    let name = "primitiveFindSubstring";
    let mut find =
        |key, start, table| world.call_named(MODULE, name, &[nil, key, body, i(start), table]);
    assert_eq!(find(key, 1, folded), Ok(i(7)));
    assert_eq!(find(key, 8, folded), Ok(i(0)));
    assert_eq!(find(key, 1, exact), Ok(i(0)));
    assert_eq!(find(key, -4, folded), Ok(i(7)));
    let empty = world.string("");
    let answer = world.call_named(MODULE, name, &[nil, empty, body, i(1), exact]);
    assert_eq!(answer, Ok(i(0)));
    world.fails_named(MODULE, name, &[nil, key, body, i(1), key], BadArgument);
    world.fails_named(MODULE, name, &[nil, key, body, nil, exact], BadArgument);
}

#[test]
fn a_byte_is_found() {
    let mut world = World::new();
    let nil = world.nil();
    let string = world.string("hello");
    let name = "primitiveIndexOfAsciiInString";
    let answer = world.call_named(MODULE, name, &[nil, i(108), string, i(1)]);
    assert_eq!(answer, Ok(i(3)));
    let answer = world.call_named(MODULE, name, &[nil, i(1000), string, i(1)]);
    assert_eq!(answer, Ok(i(0)));
    world.fails_named(MODULE, name, &[nil, i(108), string, i(0)], BadIndex);
    world.fails_named(MODULE, name, &[nil, string, string, i(1)], BadArgument);
}

#[test]
fn hashes_are_those_of_the_model() {
    let mut world = World::new();
    let nil = world.nil();
    let string = world.string("printOn:");
    let seed = i(STRING_HASH_SEED as i32);
    let expected = string_hash(
        b"printOn:".iter().map(|byte| u32::from(*byte)),
        STRING_HASH_SEED,
    );
    let answer = world.call_named(MODULE, "primitiveStringHash", &[nil, string, seed]);
    assert_eq!(answer, Ok(i(expected as i32)));
    world.fails_named(
        MODULE,
        "primitiveStringHash",
        &[nil, nil, seed],
        BadArgument,
    );
}

#[test]
fn translation_touches_the_range_alone() {
    let mut world = World::new();
    let nil = world.nil();
    let string = world.string("hello");
    let table = upper_table(&mut world);
    let name = "primitiveTranslateStringWithTable";
    let answer = world.call_named(MODULE, name, &[nil, string, i(2), i(3), table]);
    assert_eq!(answer, Ok(nil));
    assert_eq!(world.text(string), "hELlo");
    assert!(
        world
            .call_named(MODULE, name, &[nil, string, i(3), i(2), table])
            .is_ok()
    );
    world.fails_named(MODULE, name, &[nil, string, i(0), i(3), table], BadIndex);
    world.fails_named(MODULE, name, &[nil, string, i(1), i(6), table], BadIndex);
    world.fails_named(
        MODULE,
        name,
        &[nil, string, i(1), i(2), string],
        BadArgument,
    );
    world.lock(string);
    world.fails_named(
        MODULE,
        name,
        &[nil, string, i(1), i(2), table],
        NoModification,
    );
}

#[test]
fn symbols_are_bytes_too() {
    let mut world = World::new();
    let symbol = world.vm.heap.intern("size").unwrap();
    assert_ne!(
        world.vm.heap.class_index_of(symbol),
        ClassIndex::BYTE_STRING
    );
    let string = world.string("size");
    assert_eq!(world.call(158, &[symbol, string]), Ok(i(0)));
}
