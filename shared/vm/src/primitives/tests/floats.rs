//! Floats of both kinds.

use imprint_model::{ClassIndex, Format, Oop};
use proptest::prelude::*;

use crate::failure::PrimitiveError::{BadArgument, BadIndex, BadReceiver, NoModification};
use crate::primitives::testing::World;

/// Offset from the numbers of boxed floats to those of immediate ones.
const SMALL: u16 = 500;

fn boxed(world: &mut World, value: f64) -> Oop {
    let oop = world
        .vm
        .heap
        .allocate(ClassIndex::BOXED_FLOAT, Format::WORDS_64, 1)
        .expect("it fits");
    world.vm.heap.set_word(oop, 0, value.to_bits());
    oop
}

fn value(world: &World, oop: Oop) -> f64 {
    world.vm.heap.float_value(oop).expect("a float")
}

type Oracle = (u16, fn(f64, f64) -> f64);

const ORACLES: &[Oracle] = &[
    (41, |a, b| a + b),
    (42, |a, b| a - b),
    (49, |a, b| a * b),
    (50, |a, b| a / b),
];

proptest! {
    #[test]
    fn arithmetic_is_that_of_doubles(a in any::<f64>(), b in any::<f64>()) {
        prop_assume!(b != 0.0);
        let mut world = World::new();
        let operands = [boxed(&mut world, a), world.float(b)];
        for (number, oracle) in ORACLES {
            for number in [*number, number + SMALL] {
                let answer = world.call(number, &operands).unwrap();
                let (found, expected) = (value(&world, answer), oracle(a, b));
                prop_assert!(found == expected || found.is_nan() && expected.is_nan());
            }
        }
    }

    #[test]
    fn comparisons_are_those_of_doubles(a in any::<f64>(), b in any::<f64>()) {
        let mut world = World::new();
        let operands = [world.float(a), world.float(b)];
        let cases = [
            (43, a < b), (44, a > b), (45, a <= b), (46, a >= b), (47, a == b), (48, a != b),
        ];
        for (number, expected) in cases {
            prop_assert_eq!(world.call(number, &operands), Ok(world.boolean(expected)));
        }
    }

    #[test]
    fn truncation_and_fraction_make_up_the_value(a in -1e30f64..1e30) {
        let mut world = World::new();
        let float = world.float(a);
        let whole = world.call(51, &[float]).unwrap();
        let fraction = world.call(52, &[float]).unwrap();
        prop_assert_eq!(world.integer_value(whole), a.trunc() as i128);
        prop_assert_eq!(value(&world, fraction), a.fract());
    }

    #[test]
    fn scaling_by_the_exponent_is_undone(a in any::<f64>(), power in -3000i64..3000) {
        prop_assume!(a.is_normal());
        let mut world = World::new();
        let float = world.float(a);
        let exponent = world.call(53, &[float]).unwrap().as_small_integer().unwrap();
        prop_assume!((-1022..1024).contains(&(exponent + power)));
        let scaled = world.call(54, &[float, Oop::index(0)]).unwrap();
        prop_assert_eq!(value(&world, scaled), a);
        let power = Oop::small_integer(power).unwrap();
        let scaled = world.call(54, &[float, power]).unwrap();
        let back = Oop::small_integer(-power.as_small_integer().unwrap()).unwrap();
        let back = world.call(54, &[scaled, back]).unwrap();
        prop_assert_eq!(value(&world, back), a);
    }
}

#[test]
fn small_integers_are_arguments_but_no_receivers() {
    let mut world = World::new();
    let half = world.float(0.5);
    let sum = world.call(541, &[half, Oop::small(2)]).unwrap();
    assert_eq!(value(&world, sum), 2.5);
    assert_eq!(
        world.call(543, &[half, Oop::small(1)]),
        Ok(world.boolean(true))
    );
    for number in [41, 42, 43, 44, 45, 46, 47, 48, 49, 50] {
        world.fails(number, &[Oop::small(2), half], BadReceiver);
        let nil = world.nil();
        world.fails(number, &[half, nil], BadArgument);
        let large = world.integer(1 << 80);
        world.fails(number + SMALL, &[half, large], BadArgument);
    }
}

#[test]
fn comparison_with_an_integer_sees_what_rounding_would_hide() {
    let mut world = World::new();
    let float = world.float(2f64.powi(53));
    let above = Oop::small_integer((1 << 53) + 1).unwrap();
    assert_eq!(world.call(547, &[float, above]), Ok(world.boolean(false)));
    assert_eq!(world.call(543, &[float, above]), Ok(world.boolean(true)));
}

#[test]
fn division_by_zero_fails() {
    let mut world = World::new();
    let one = world.float(1.0);
    let zero = world.float(-0.0);
    world.fails(50, &[one, zero], BadArgument);
    world.fails(550, &[one, Oop::small(0)], BadArgument);
}

#[test]
fn what_is_not_finite_has_no_integer_part_and_no_exponent() {
    let mut world = World::new();
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let float = world.float(value);
        world.fails(51, &[float], BadReceiver);
        world.fails(53, &[float], BadReceiver);
    }
    let nil = world.nil();
    for number in [51, 52, 53, 55, 56, 57, 58, 59] {
        world.fails(number, &[nil], BadReceiver);
    }
}

#[test]
fn fractions_of_the_infinite_are_zero() {
    let mut world = World::new();
    let float = world.float(f64::NEG_INFINITY);
    let fraction = world.call(52, &[float]).unwrap();
    assert_eq!(value(&world, fraction).to_bits(), (-0.0f64).to_bits());
}

#[test]
fn exponents_are_those_of_frexp_less_one() {
    let mut world = World::new();
    let cases = [
        (1.0, 0),
        (0.5, -1),
        (3.0, 1),
        (0.0, -1),
        (f64::from_bits(1), -1074),
    ];
    for (value, exponent) in cases {
        let float = world.float(value);
        assert_eq!(
            world.call(53, &[float]),
            Ok(Oop::small(exponent)),
            "{value}"
        );
    }
}

#[test]
fn functions_are_those_of_the_library() {
    let mut world = World::new();
    let cases: [(u16, f64, f64); 5] = [
        (55, 2.0, 2f64.sqrt()),
        (56, 1.0, 1f64.sin()),
        (57, 1.0, 1f64.atan()),
        (58, 2.0, 2f64.ln()),
        (59, 1.0, 1f64.exp()),
    ];
    for (number, argument, expected) in cases {
        let float = world.float(argument);
        let answer = world.call(number, &[float]).unwrap();
        assert_eq!(value(&world, answer), expected);
    }
    for (number, outside) in [(55, -1.0), (58, -1.0), (58, 0.0)] {
        let float = world.float(outside);
        world.fails(number, &[float], BadReceiver);
    }
    let nan = world.float(f64::NAN);
    let root = world.call(55, &[nan]).unwrap();
    assert!(value(&world, root).is_nan());
}

#[test]
fn halves_are_counted_from_the_more_significant() {
    let mut world = World::new();
    let float = boxed(&mut world, 1.0);
    assert_eq!(
        world.call(38, &[float, Oop::small(1)]),
        Ok(Oop::small(0x3FF0_0000))
    );
    assert_eq!(world.call(38, &[float, Oop::small(2)]), Ok(Oop::small(0)));
    world.fails(38, &[float, Oop::small(3)], BadIndex);
    world.fails(38, &[float, float], BadArgument);
    let high = Oop::index(0xC000_0000);
    assert_eq!(world.call(39, &[float, Oop::small(1), high]), Ok(high));
    assert_eq!(value(&world, float), -2.0);
    world.fails(
        39,
        &[float, Oop::small(1), Oop::index(1 << 32)],
        BadArgument,
    );
    let small = Oop::small_float(1.0).unwrap();
    world.fails(39, &[small, Oop::small(1), high], BadReceiver);
    world.lock(float);
    world.fails(39, &[float, Oop::small(1), high], NoModification);
}

#[test]
fn integers_become_the_nearest_float() {
    let mut world = World::new();
    let answer = world
        .call(40, &[Oop::small_integer((1 << 53) + 1).unwrap()])
        .unwrap();
    assert_eq!(value(&world, answer), 2f64.powi(53));
    let nil = world.nil();
    world.fails(40, &[nil], BadReceiver);
}

#[test]
fn single_floats_are_rounded_where_they_are_kept() {
    let mut world = World::new();
    let class = world.vm.heap.class_at(ClassIndex::BITMAP).unwrap();
    let array = world.new_instance(class, 2);
    let third = world.float(1.0 / 3.0);
    let module = "FloatArrayPlugin";
    let put = world.call_named(module, "primitiveAtPut", &[array, Oop::small(2), third]);
    assert_eq!(put, Ok(third));
    let read = world
        .call_named(module, "primitiveAt", &[array, Oop::small(2)])
        .unwrap();
    assert_eq!(value(&world, read), f64::from(1.0f32 / 3.0));
    world.fails_named(module, "primitiveAt", &[array, Oop::small(3)], BadIndex);
    world.fails_named(module, "primitiveAt", &[third, Oop::small(1)], BadReceiver);
}
