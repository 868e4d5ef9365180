//! SmallIntegers.

use imprint_model::oop::{SMALL_INTEGER_MAX, SMALL_INTEGER_MIN};
use imprint_model::{ClassIndex, Oop};
use proptest::prelude::*;

use crate::failure::PrimitiveError::{BadArgument, BadReceiver, Generic};
use crate::primitives::testing::World;

fn oop(value: i64) -> Oop {
    Oop::small_integer(value).expect("61 bits")
}

/// Number, receiver, argument, answer; `None` where the primitive fails.
const CASES: &[(u16, i64, i64, Option<i64>)] = &[
    (1, 3, 4, Some(7)),
    (1, SMALL_INTEGER_MAX, 1, None),
    (1, SMALL_INTEGER_MIN, -1, None),
    (2, 3, 4, Some(-1)),
    (2, SMALL_INTEGER_MIN, 1, None),
    (9, -3, 4, Some(-12)),
    (9, SMALL_INTEGER_MAX, 2, None),
    (9, i32::MAX as i64, i32::MAX as i64, None),
    (10, 12, 4, Some(3)),
    (10, 13, 4, None),
    (10, 1, 0, None),
    (10, SMALL_INTEGER_MIN, -1, None),
    (11, 7, 3, Some(1)),
    (11, -7, 3, Some(2)),
    (11, 7, -3, Some(-2)),
    (11, 7, 0, None),
    (12, 7, 3, Some(2)),
    (12, -7, 3, Some(-3)),
    (12, -6, 3, Some(-2)),
    (12, 7, 0, None),
    (13, -7, 3, Some(-2)),
    (13, 7, 0, None),
    (14, 12, 10, Some(8)),
    (14, -1, 10, Some(10)),
    (15, 12, 10, Some(14)),
    (16, 12, 10, Some(6)),
    (17, 1, 4, Some(16)),
    (17, -1, 4, Some(-16)),
    (17, 1, 59, Some(1 << 59)),
    (17, 1, 60, None),
    (17, -1, 60, Some(SMALL_INTEGER_MIN)),
    (17, 1, 200, None),
    (17, 0, 200, Some(0)),
    (17, 16, -4, Some(1)),
    (17, -1, -200, Some(-1)),
    (17, 5, -200, Some(0)),
];

#[test]
fn arithmetic_answers_or_fails_at_the_bounds() {
    let mut world = World::new();
    for (number, receiver, argument, expected) in CASES {
        let operands = [oop(*receiver), oop(*argument)];
        match expected {
            Some(value) => assert_eq!(
                world.call(*number, &operands),
                Ok(oop(*value)),
                "primitive {number} of {receiver} and {argument}"
            ),
            None => world.fails(*number, &operands, Generic),
        }
    }
}

#[test]
fn comparisons_answer_booleans() {
    let mut world = World::new();
    let cases: [(u16, [bool; 3]); 6] = [
        (3, [true, false, false]),
        (4, [false, false, true]),
        (5, [true, true, false]),
        (6, [false, true, true]),
        (7, [false, true, false]),
        (8, [true, false, true]),
    ];
    for (number, expected) in cases {
        for (argument, holds) in [6, 5, 4].into_iter().zip(expected) {
            let answer = world.call(number, &[oop(5), oop(argument)]);
            assert_eq!(answer, Ok(world.boolean(holds)), "primitive {number}");
        }
    }
}

#[test]
fn other_objects_are_refused() {
    let mut world = World::new();
    let float = world.float(1.5);
    let nil = world.nil();
    for number in 1..=17 {
        for wrong in [float, nil, Oop::character(65)] {
            world.fails(number, &[oop(1), wrong], BadArgument);
            world.fails(number, &[wrong, oop(1)], BadReceiver);
        }
    }
}

#[test]
fn hash_multiply_keeps_28_bits() {
    let mut world = World::new();
    assert_eq!(world.call(159, &[oop(1)]), Ok(oop(1664525)));
    assert_eq!(
        world.call(159, &[oop(-1)]),
        Ok(oop((-1664525i64) & 0x0FFF_FFFF))
    );
    let large = world.integer((1 << 64) + 1);
    assert_eq!(world.call(159, &[large]), Ok(oop(1664525)));
    let short = world.bytes(ClassIndex::LARGE_POSITIVE, &[2]);
    assert_eq!(world.call(159, &[short]), Ok(oop(2 * 1664525)));
    let nil = world.nil();
    world.fails(159, &[nil], BadReceiver);
}

proptest! {
    #[test]
    fn division_agrees_with_euclid(
        a in SMALL_INTEGER_MIN..=SMALL_INTEGER_MAX,
        b in -1000i64..1000,
    ) {
        prop_assume!(b != 0 && a != SMALL_INTEGER_MIN);
        let mut world = World::new();
        let operands = [oop(a), oop(b)];
        let floor = world.call(12, &operands).map(|answer| answer.as_small_integer());
        let rest = world.call(11, &operands).map(|answer| answer.as_small_integer());
        let (floor, rest) = (floor.unwrap().unwrap(), rest.unwrap().unwrap());
        prop_assert_eq!(floor * b + rest, a);
        prop_assert!(rest == 0 || (rest < 0) == (b < 0));
        prop_assert!(rest.abs() < b.abs());
    }
}
