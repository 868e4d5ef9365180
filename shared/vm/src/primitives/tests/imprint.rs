//! Module ImprintPlugin.

use imprint_model::{ClassIndex, Oop};
use proptest::prelude::*;

use crate::failure::Failure;
use crate::failure::PrimitiveError::{BadArgument, BadNumberOfArguments, BadReceiver};
use crate::primitives::testing::World;

const MODULE: &str = "ImprintPlugin";

fn printed(world: &mut World, value: f64) -> String {
    let float = world.float(value);
    let answer = world
        .call_named(MODULE, "primitivePrintFloat", &[float])
        .unwrap();
    world.text(answer)
}

#[test]
fn floats_print_as_in_pharo() {
    let cases = [
        (0.0, "0.0"),
        (-0.0, "-0.0"),
        (1.0, "1.0"),
        (0.1, "0.1"),
        (-2.5, "-2.5"),
        (100.0, "100.0"),
        (123.456, "123.456"),
        (999999.0, "999999.0"),
        (999999.5, "999999.5"),
        (1000000.0, "1.0e6"),
        (1234567.0, "1.234567e6"),
        (0.001, "0.001"),
        (0.00012, "0.00012"),
        (0.0001, "0.0001"),
        (0.00001, "1.0e-5"),
        (1e10, "1.0e10"),
        (1e100, "1.0e100"),
        (1.5e-300, "1.5e-300"),
        (f64::MAX, "1.7976931348623157e308"),
        (f64::from_bits(1), "5.0e-324"),
        (1.0 / 3.0, "0.3333333333333333"),
    ];
    let mut world = World::new();
    for (value, expected) in cases {
        assert_eq!(printed(&mut world, value), expected);
    }
}

proptest! {
    #[test]
    fn printed_floats_read_back(value in any::<f64>()) {
        prop_assume!(value.is_finite());
        let mut world = World::new();
        let text = printed(&mut world, value);
        prop_assert!(text.contains('.'), "{}", text);
        let string = world.string(&text);
        let nil = world.nil();
        let read = world.call_named(MODULE, "primitiveParseFloat", &[nil, string]).unwrap();
        let bits = world.vm.heap.float_value(read).map(f64::to_bits);
        prop_assert_eq!(bits, Some(value.to_bits()));
    }

    #[test]
    fn integers_print_in_any_base(value in any::<i128>(), base in 2i32..=36) {
        let mut world = World::new();
        let integer = world.integer(value);
        let operands = [integer, Oop::small(base)];
        let answer = world.call_named(MODULE, "primitivePrintInteger", &operands).unwrap();
        let text = world.text(answer);
        prop_assert_eq!(i128::from_str_radix(&text, base as u32), Ok(value));
        prop_assert_eq!(text.to_ascii_uppercase(), text);
    }
}

#[test]
fn what_is_no_finite_float_is_not_printed() {
    let mut world = World::new();
    for value in [f64::NAN, f64::INFINITY] {
        let float = world.float(value);
        world.fails_named(MODULE, "primitivePrintFloat", &[float], BadReceiver);
    }
    world.fails_named(MODULE, "primitivePrintFloat", &[Oop::small(1)], BadReceiver);
}

#[test]
fn only_digits_are_parsed() {
    let mut world = World::new();
    let nil = world.nil();
    for (text, value) in [
        ("1.e5", 1e5),
        ("12", 12.0),
        ("-3.25e-2", -0.0325),
        ("1.0e400", f64::INFINITY),
    ] {
        let string = world.string(text);
        let read = world
            .call_named(MODULE, "primitiveParseFloat", &[nil, string])
            .unwrap();
        assert_eq!(world.vm.heap.float_value(read), Some(value), "{text}");
    }
    for text in ["", ".", "inf", "nan", "1x", "1.5.2", "1,5", " 1", "e5"] {
        let string = world.string(text);
        world.fails_named(MODULE, "primitiveParseFloat", &[nil, string], BadArgument);
    }
    world.fails_named(MODULE, "primitiveParseFloat", &[nil, nil], BadArgument);
    world.fails_named(
        MODULE,
        "primitiveParseFloat",
        &[nil, nil, nil],
        BadNumberOfArguments,
    );
}

#[test]
fn bases_are_from_2_to_36() {
    let mut world = World::new();
    let large = world.integer(-(1 << 80));
    let answer = world
        .call_named(MODULE, "primitivePrintInteger", &[large])
        .unwrap();
    assert_eq!(world.text(answer), "-1208925819614629174706176");
    for base in [1, 37, 0, -10] {
        let operands = [large, Oop::small(base)];
        world.fails_named(MODULE, "primitivePrintInteger", &operands, BadArgument);
    }
    let nil = world.nil();
    world.fails_named(
        MODULE,
        "primitivePrintInteger",
        &[nil, Oop::small(10)],
        BadReceiver,
    );
}

#[test]
fn a_text_has_one_symbol() {
    let mut world = World::new();
    let nil = world.nil();
    let first = world.string("printOn:");
    let second = world.string("printOn:");
    let symbol = world
        .call_named(MODULE, "primitiveInternSymbol", &[nil, first])
        .unwrap();
    assert_eq!(
        world.call_named(MODULE, "primitiveInternSymbol", &[second]),
        Ok(symbol)
    );
    assert_eq!(
        world.call_named(MODULE, "primitiveInternSymbol", &[symbol]),
        Ok(symbol)
    );
    assert!(world.vm.heap.is_symbol(symbol));
    world.fails_named(MODULE, "primitiveInternSymbol", &[nil], BadReceiver);
    world.fails_named(
        MODULE,
        "primitiveInternSymbol",
        &[nil, Oop::small(1)],
        BadReceiver,
    );
}

#[test]
fn the_termination_semaphore_is_a_semaphore_or_nil() {
    let mut world = World::new();
    let nil = world.nil();
    let class = world.vm.heap.class_at(ClassIndex::SEMAPHORE).unwrap();
    let semaphore = world.new_instance(class, 0);
    let name = "primitiveSetTerminationSemaphore";
    assert_eq!(
        world.call_named(MODULE, name, &[nil, semaphore]),
        Ok(semaphore)
    );
    assert_eq!(world.call_named(MODULE, name, &[semaphore]), Ok(semaphore));
    assert_eq!(world.call_named(MODULE, name, &[nil]), Ok(nil));
    let string = world.string("semaphore");
    world.fails_named(MODULE, name, &[nil, string], BadArgument);
}

#[test]
fn without_space_printing_is_run_again() {
    let mut world = World::new();
    let float = world.float(0.5);
    world.exhaust();
    let answer = world.call_named(MODULE, "primitivePrintFloat", &[float]);
    assert!(matches!(answer, Err(Failure::NeedsSpace(_))));
}
