//! Integers of any size, against 128-bit arithmetic and against dashu.

use dashu_int::IBig;
use imprint_model::{ClassIndex, Oop};
use proptest::prelude::*;

use crate::failure::Failure;
use crate::failure::PrimitiveError::{BadArgument, BadIndex, BadReceiver, Generic, LimitExceeded};
use crate::primitives::large_integers::{integer_value, new_integer};
use crate::primitives::testing::World;

const MODULE: &str = "LargeIntegers";

/// Number, and the operation on 128 bits that it must agree with.
type Oracle = (u16, fn(i128, i128) -> Option<i128>);

const ORACLES: &[Oracle] = &[
    (20, i128::checked_rem),
    (21, i128::checked_add),
    (22, i128::checked_sub),
    (29, i128::checked_mul),
    (30, |a, b| (a.checked_rem(b)? == 0).then(|| a / b)),
    (31, |a, b| Some(a - floor(a, b)? * b)),
    (32, floor),
    (33, i128::checked_div),
    (34, |a, b| Some(a & b)),
    (35, |a, b| Some(a | b)),
    (36, |a, b| Some(a ^ b)),
];

fn floor(a: i128, b: i128) -> Option<i128> {
    let quotient = a.checked_div_euclid(b)?;
    let rest = a.checked_rem_euclid(b)?;
    Some(if rest != 0 && b < 0 {
        quotient - 1
    } else {
        quotient
    })
}

/// Integers around the sizes where representations change.
fn operand() -> impl Strategy<Value = i128> {
    prop_oneof![
        -20i128..20,
        any::<i64>().prop_map(i128::from),
        ((1i128 << 60) - 3)..((1i128 << 60) + 3),
        any::<i64>().prop_map(|value| i128::from(value) * 1_000_003),
        any::<u64>().prop_map(|value| -i128::from(value)),
    ]
}

proptest! {
    #[test]
    fn arithmetic_agrees_with_128_bits(a in operand(), b in operand()) {
        let mut world = World::new();
        let operands = [world.integer(a), world.integer(b)];
        for (number, oracle) in ORACLES {
            match (world.call(*number, &operands), oracle(a, b)) {
                (Ok(answer), Some(expected)) => {
                    prop_assert_eq!(world.integer_value(answer), expected, "{} {} {}", number, a, b);
                    prop_assert!(is_normalised(&world, answer));
                }
                (Err(Failure::Code(Generic)), None) => {}
                // The oracle overflows where the primitive need not.
                (Ok(_), None) => prop_assert!(*number == 29, "{}", number),
                other => prop_assert!(false, "{} {} {} {:?}", number, a, b, other),
            }
        }
    }

    #[test]
    fn comparisons_agree_with_128_bits(a in operand(), b in operand()) {
        let mut world = World::new();
        let operands = [world.integer(a), world.integer(b)];
        let cases = [
            (23, a < b), (24, a > b), (25, a <= b), (26, a >= b), (27, a == b), (28, a != b),
        ];
        for (number, expected) in cases {
            prop_assert_eq!(world.call(number, &operands), Ok(world.boolean(expected)));
        }
        let compared = world.call_named(MODULE, "primDigitCompare", &operands);
        let expected = a.unsigned_abs().cmp(&b.unsigned_abs()) as i32;
        prop_assert_eq!(compared, Ok(Oop::small(expected)));
    }

    #[test]
    fn shifts_agree_with_128_bits(value in any::<i64>(), shift in -130i64..60) {
        let mut world = World::new();
        let value = i128::from(value);
        let operands = [world.integer(value), Oop::small(shift as i32)];
        let answer = world.call(37, &operands).expect("it fits");
        let distance = shift.unsigned_abs().min(127) as u32;
        let expected = if shift < 0 { value >> distance } else { value << distance };
        prop_assert_eq!(world.integer_value(answer), expected);
        let answer = world.call_named(MODULE, "primDigitBitShiftMagnitude", &operands);
        let magnitude = value.unsigned_abs() as i128;
        let shifted = if shift < 0 { magnitude >> distance } else { magnitude << distance };
        prop_assert_eq!(world.integer_value(answer.unwrap()), shifted * value.signum());
    }

    #[test]
    fn digit_primitives_agree_with_128_bits(a in any::<i64>(), b in any::<i64>(), negative: bool) {
        let mut world = World::new();
        let (a, b) = (i128::from(a), i128::from(b));
        let operands = [world.integer(a), world.integer(b)];
        let sign = if a < 0 { -1 } else { 1 };
        let sum = world.call_named(MODULE, "primDigitAdd", &operands).unwrap();
        prop_assert_eq!(world.integer_value(sum), sign * (a.abs() + b.abs()));
        let difference = world.call_named(MODULE, "primDigitSubtract", &operands).unwrap();
        prop_assert_eq!(world.integer_value(difference), sign * (a.abs() - b.abs()));
        let operands = [operands[0], operands[1], world.boolean(negative)];
        let asked = if negative { -1 } else { 1 };
        let product = world.call_named(MODULE, "primDigitMultiplyNegative", &operands).unwrap();
        prop_assert_eq!(world.integer_value(product), asked * a.abs() * b.abs());
        prop_assume!(b != 0);
        let pair = world.call_named(MODULE, "primDigitDivNegative", &operands).unwrap();
        let quotient = world.integer_value(world.vm.heap.slot(pair, 0));
        let rest = world.integer_value(world.vm.heap.slot(pair, 1));
        prop_assert_eq!(quotient, asked * (a.abs() / b.abs()));
        prop_assert_eq!(rest, sign * (a.abs() % b.abs()));
    }

    #[test]
    fn wide_division_is_undone_by_multiplication(
        a in prop::collection::vec(any::<u8>(), 1..60),
        b in prop::collection::vec(any::<u8>(), 1..40),
    ) {
        let mut world = World::new();
        let (a, b) = (IBig::from_le_bytes(&a), IBig::from_le_bytes(&b));
        prop_assume!(!b.is_zero());
        let operands = [
            new_integer(&mut world.vm, &a).unwrap(),
            new_integer(&mut world.vm, &b).unwrap(),
        ];
        for (divide, modulo) in [(32, 31), (33, 20)] {
            let quotient = world.call(divide, &operands).unwrap();
            let rest = world.call(modulo, &operands).unwrap();
            let product = world.call(29, &[quotient, operands[1]]).unwrap();
            let sum = world.call(21, &[product, rest]).unwrap();
            prop_assert_eq!(integer_value(&world.vm, sum), Some(a.clone()));
        }
    }

    #[test]
    fn any_bit_agrees_with_a_loop(value in any::<i64>(), first in 1i64..70, last in 0i64..70) {
        prop_assume!(last >= 1);
        let mut world = World::new();
        let receiver = world.integer(i128::from(value));
        let operands = [receiver, Oop::small(first as i32), Oop::small(last as i32)];
        let answer = world.call_named(MODULE, "primAnyBitFromTo", &operands);
        let magnitude = u128::from(value.unsigned_abs());
        let expected = (first..=last).any(|position| magnitude >> (position - 1) & 1 == 1);
        prop_assert_eq!(answer, Ok(world.boolean(expected)));
    }
}

fn is_normalised(world: &World, oop: Oop) -> bool {
    if oop.is_small_integer() {
        return true;
    }
    let value = world.integer_value(oop);
    let is_large = i64::try_from(value)
        .ok()
        .and_then(Oop::small_integer)
        .is_none();
    is_large && world.vm.heap.bytes(oop).last() != Some(&0)
}

#[test]
fn digits_lie_least_significant_first() {
    let mut world = World::new();
    let large = world.integer(-0x01_0203_0405_0607_0809);
    assert_eq!(
        world.vm.heap.class_index_of(large),
        ClassIndex::LARGE_NEGATIVE
    );
    assert_eq!(world.vm.heap.bytes(large), [9, 8, 7, 6, 5, 4, 3, 2, 1]);
}

#[test]
fn operands_filled_by_hand_need_not_be_normalised() {
    let mut world = World::new();
    let two = world.bytes(ClassIndex::LARGE_POSITIVE, &[2, 0, 0]);
    let zero = world.bytes(ClassIndex::LARGE_NEGATIVE, &[]);
    assert_eq!(world.call(21, &[two, two]), Ok(Oop::small(4)));
    assert_eq!(world.call(21, &[zero, two]), Ok(Oop::small(2)));
    assert_eq!(
        world.call(27, &[zero, Oop::small(0)]),
        Ok(world.boolean(true))
    );
    world.fails(33, &[two, zero], Generic);
}

#[test]
fn normalising_keeps_what_is_normalised_already() {
    let mut world = World::new();
    let large = world.integer(1 << 70);
    let same = world.call_named(MODULE, "primNormalizePositive", &[large]);
    assert_eq!(same, Ok(large));
    let padded = world.bytes(ClassIndex::LARGE_POSITIVE, &[0, 0, 0, 0, 0, 0, 0, 0, 1, 0]);
    let short = world
        .call_named(MODULE, "primNormalizePositive", &[padded])
        .unwrap();
    assert_eq!(world.vm.heap.bytes(short).len(), 9);
    let small = world.bytes(ClassIndex::LARGE_NEGATIVE, &[5, 0]);
    let small = world.call_named(MODULE, "primNormalizeNegative", &[small]);
    assert_eq!(small, Ok(Oop::small(-5)));
    world.fails_named(
        MODULE,
        "primNormalizePositive",
        &[Oop::small(1)],
        BadReceiver,
    );
}

#[test]
fn other_objects_are_refused() {
    let mut world = World::new();
    let large = world.integer(1 << 70);
    let string = world.string("digits");
    for number in 20..=36 {
        world.fails(number, &[large, string], BadArgument);
        world.fails(number, &[string, large], BadReceiver);
    }
    world.fails(37, &[string, Oop::small(1)], BadReceiver);
    world.fails(37, &[large, large], BadArgument);
    world.fails(37, &[large, Oop::index(1 << 40)], LimitExceeded);
    let yes = world.boolean(true);
    world.fails_named(
        MODULE,
        "primDigitDivNegative",
        &[large, Oop::small(0), yes],
        BadArgument,
    );
    world.fails_named(
        MODULE,
        "primDigitMultiplyNegative",
        &[large, large, large],
        BadArgument,
    );
    let operands = [large, Oop::small(0), Oop::small(4)];
    world.fails_named(MODULE, "primAnyBitFromTo", &operands, BadIndex);
}

#[test]
fn without_space_nothing_happens() {
    let mut world = World::new();
    let large = world.integer(1 << 70);
    world.exhaust();
    let answer = world.call(29, &[large, large]);
    assert!(matches!(answer, Err(Failure::NeedsSpace(_))));
}
