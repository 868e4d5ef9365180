//! Operations on floats in a row, of variables and literals of every kind, against those of Rust:
//! also where a value on the way, or the last one, is no immediate float, or a quotient is none.

use imprint_heap::HeapSettings;
use imprint_integration_tests::dice::Dice;
use imprint_vm::VmSettings;

use crate::machine::Machine;

/// Chains that are computed.
const CHAINS: usize = 600;
/// What the operands hold: floats of every kind and integers.
const VALUES: &[(&str, f64)] = &[
    ("2.5", 2.5),
    ("-0.75", -0.75),
    ("3", 3.0),
    ("0.0", 0.0),
    ("1.0e38", 1.0e38),
    ("1.0e-38", 1.0e-38),
    ("7.0e200", 7.0e200),
    ("3.0e-200", 3.0e-200),
    ("-1", -1.0),
    ("1.1", 1.1),
];
/// Arguments, a temporary that holds the first, and variables of the receiver.
const NAMES: [&str; 5] = ["a", "b", "t", "key", "value"];

/// A chain: its text, and what it answers, which is nothing once something is divided by zero.
struct Chain {
    text: String,
    value: Option<f64>,
    is_integer: bool,
}

fn operand(dice: &mut Dice, variables: &[usize; 5]) -> Chain {
    let (text, value) = match dice.below(4) {
        0 => dice.pick(VALUES),
        _ => {
            let name = dice.below(NAMES.len());
            (NAMES[name], VALUES[variables[name]].1)
        }
    };
    Chain {
        text: text.to_string(),
        value: Some(value),
        is_integer: value == 3.0 || value == -1.0,
    }
}

fn combined(left: Chain, operator: &str, right: Chain) -> Chain {
    let compute = |left: f64, right: f64| match operator {
        "+" => Some(left + right),
        "-" => Some(left - right),
        "*" => Some(left * right),
        _ => (right != 0.0).then_some(left / right),
    };
    // Two integers would make a third, or a fraction.
    let convert = if left.is_integer && right.is_integer {
        " asFloat"
    } else {
        ""
    };
    let both = left.value.zip(right.value);
    Chain {
        text: format!("({}{convert} {operator} {})", left.text, right.text),
        is_integer: false,
        value: both.and_then(|(left, right)| compute(left, right)),
    }
}

fn chain(dice: &mut Dice, variables: &[usize; 5], depth: usize) -> Chain {
    let mut so_far = operand(dice, variables);
    for _ in 0..1 + dice.below(5) {
        let operator = dice.pick(&["+", "-", "*", "/"]);
        let other = match dice.below(3) {
            0 if depth > 0 => chain(dice, variables, depth - 1),
            _ => operand(dice, variables),
        };
        so_far = match dice.below(3) {
            0 => combined(other, operator, so_far),
            _ => combined(so_far, operator, other),
        };
    }
    so_far
}

fn printed(machine: &mut Machine, variables: &[usize; 5]) -> String {
    let [a, b, _, key, value] = variables.map(|index| VALUES[index].0);
    machine.print(&format!(
        "[((Association key: {key} value: {value}) chain: {a} with: {b}) asFloat] \
         on: ZeroDivide do: [:e | nil]"
    ))
}

#[test]
fn floats_in_a_row_are_those_of_rust() {
    let mut machine = Machine::new(HeapSettings::default(), VmSettings::default());
    let mut dice = Dice::new(31);
    for _ in 0..CHAINS {
        let mut variables = [0; 5].map(|_: i32| dice.below(VALUES.len()));
        variables[2] = variables[0];
        let chain = chain(&mut dice, &variables, 2);
        if chain.value.is_some_and(f64::is_nan) {
            continue;
        }
        let source = format!("chain: a with: b | t | t := a. t := {}. ^t", chain.text);
        machine.compile("Association", &source);
        let answer = printed(&mut machine, &variables);
        let value = match answer.as_str() {
            "nil" => None,
            "Float infinity" => Some(f64::INFINITY),
            "Float negativeInfinity" | "Float infinity negated" => Some(f64::NEG_INFINITY),
            number => Some(number.parse().expect("it is a number")),
        };
        assert_eq!(value, chain.value, "{source} {variables:?}: {answer}");
    }
}
