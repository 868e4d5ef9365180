//! Methods in V3PlusClosures, byte by byte: what they answer.

use std::time::{Duration, Instant};

use imprint_model::{BytecodeSet, ClassIndex, MethodHeader, Oop};

use crate::outcome::{Outcome, RunLimits};
use crate::primitives::testing::World;

/// A method of a class that is none, run with 7 as its receiver.
fn run(temps: u8, literals: &[Oop], bytes: &[u8]) -> Outcome {
    run_in(&mut World::new(), temps, literals, bytes)
}

fn run_in(world: &mut World, temps: u8, literals: &[Oop], bytes: &[u8]) -> Outcome {
    let header = MethodHeader {
        set: BytecodeSet::V3PlusClosures,
        literal_count: literals.len() as u16,
        temp_count: temps,
        ..MethodHeader::default()
    };
    let heap = &mut world.vm.heap;
    let code = heap
        .allocate_code(ClassIndex::BYTE_ARRAY, header, bytes)
        .expect("it fits");
    for (index, literal) in literals.iter().enumerate() {
        heap.store(code, index + 1, *literal);
    }
    let process = world.vm.spawn(code, Oop::small(7), 40).expect("it fits");
    let limits = RunLimits {
        deadline: Some(Instant::now() + Duration::from_secs(5)),
        ..RunLimits::default()
    };
    world.vm.run_until(process, limits)
}

fn answers(temps: u8, bytes: &[u8], expected: i32) {
    let literals = [Oop::small(100), Oop::small(1000)];
    let outcome = run(temps, &literals, bytes);
    let is_expected = matches!(outcome, Outcome::Returned(value) if value == Oop::small(expected));
    assert!(is_expected, "{bytes:?} ended with {outcome:?}");
}

#[test]
fn straight_code_answers_what_its_bytes_say() {
    let table: &[(u8, &[u8], i32)] = &[
        // self; a constant; a literal, short, extended and doubly extended
        (0, &[112, 124], 7),
        (0, &[116, 124], -1),
        (0, &[33, 124], 1000),
        (0, &[128, 0x80, 124], 100),
        (0, &[132, 0x60, 1, 124], 1000),
        // temporaries: popped, stored, pushed by operand
        (2, &[119, 104, 16, 124], 2),
        (2, &[119, 129, 0x41, 135, 128, 0x41, 124], 2),
        (2, &[119, 130, 0x41, 17, 124], 2),
        // dup, arithmetic, bits
        (0, &[119, 136, 176, 124], 4),
        (0, &[33, 32, 177, 124], 900),
        (0, &[33, 32, 184, 124], 100_000),
        (0, &[112, 119, 190, 124], 2),
        (0, &[112, 119, 191, 124], 7),
        // a new array of two elements, its size and second element
        (0, &[32, 33, 138, 0x82, 194, 124], 2),
        (0, &[32, 33, 138, 0x82, 119, 192, 124], 1000),
    ];
    for (temps, bytes, expected) in table {
        answers(*temps, bytes, *expected);
    }
}

#[test]
fn jumps_go_where_they_say() {
    let table: &[(&[u8], i32)] = &[
        // 1 < 2 ifTrue: [100] ifFalse: [1000], the comparison joined with its jump
        (&[118, 119, 178, 153, 32, 144, 33, 124], 100),
        (&[119, 118, 178, 153, 32, 144, 33, 124], 1000),
        // the same with the long jumps, and the Boolean on the stack
        (&[118, 119, 178, 172, 2, 32, 124, 33, 124], 100),
        (&[119, 118, 178, 172, 2, 32, 124, 33, 124], 1000),
        (&[113, 168, 2, 32, 124, 33, 124], 1000),
        (&[114, 168, 2, 32, 124, 33, 124], 100),
        // self == self joined with its jump
        (&[112, 112, 198, 153, 32, 124, 33, 124], 100),
    ];
    for (bytes, expected) in table {
        answers(0, bytes, *expected);
    }
    // [temp < 1000] whileTrue: [temp := temp + 1]; temp
    let counting = [
        117, 104, 16, 33, 178, 157, 16, 118, 176, 104, 163, 0xF6, 16, 124,
    ];
    answers(1, &counting, 1000);
}

#[test]
fn a_closure_sees_what_it_copied_and_the_vector_it_shares() {
    // | a | a := 2. [:x | x + a] value: 100, the block with one copied value
    let copied = [
        119, 104, 16, 143, 0x11, 0, 4, 16, 17, 176, 125, 32, 202, 124,
    ];
    answers(1, &copied, 102);
    // | v | v := vector of one. [v[0] := 1000] value. v[0]
    let vector = [
        138, 1, 104, 16, 143, 0x10, 0, 5, 33, 141, 0, 0, 125, 201, 135, 140, 0, 0, 124,
    ];
    answers(1, &vector, 1000);
    // The block's own temporary lies behind what it copied: [| t | t := 2. t + a] value
    let own = [
        119, 104, 16, 143, 0x10, 0, 7, 115, 119, 105, 17, 16, 176, 125, 201, 124,
    ];
    answers(1, &own, 4);
    // self is that of the method
    answers(0, &[143, 0, 0, 2, 112, 125, 201, 124], 7);
}

#[test]
fn a_return_in_a_block_leaves_its_method() {
    // [^1000] value. ^100
    answers(0, &[143, 0, 0, 2, 33, 124, 201, 135, 32, 124], 1000);
    // [[^2] value] value. ^100
    let nested = [
        143, 0, 0, 8, 143, 0, 0, 2, 119, 124, 201, 125, 201, 135, 32, 124,
    ];
    answers(0, &nested, 2);
}

#[test]
fn closures_outlive_their_page_and_a_collection() {
    let mut world = World::new();
    // Answers [:x | x + a] with a = 2.
    let maker = [119, 104, 16, 143, 0x11, 0, 4, 16, 17, 176, 125, 124];
    let outcome = run_in(&mut world, 1, &[], &maker);
    let Outcome::Returned(closure) = outcome else {
        panic!("it ended with {outcome:?}");
    };
    assert_eq!(
        world.vm.heap.class_index_of(closure),
        ClassIndex::BLOCK_CLOSURE
    );
    // literal value: self
    let outcome = run_in(&mut world, 0, &[closure], &[32, 112, 202, 124]);
    assert!(
        matches!(outcome, Outcome::Returned(value) if value == Oop::small(9)),
        "{outcome:?}"
    );
}

#[test]
fn a_closure_that_is_none_does_not_run() {
    let mut world = World::new();
    let heap = &mut world.vm.heap;
    let broken = heap
        .allocate_old(
            ClassIndex::BLOCK_CLOSURE,
            imprint_model::Format::FIXED_AND_INDEXED,
            3,
        )
        .expect("it fits");
    heap.store(broken, 2, Oop::small(0));
    assert!(super::closures::block_of(&world.vm, broken).is_none());
}
