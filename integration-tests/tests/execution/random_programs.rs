//! Random programs on machines that differ in what must make no difference: caches, pages, when
//! collections come. All must answer the same.

use imprint_heap::{HeapSettings, Zeal};
use imprint_integration_tests::dice::Dice;
use imprint_vm::VmSettings;

use crate::machine::Machine;

/// Programs of one run.
const PROGRAMS: usize = 150;
/// Deepest nesting of one program.
const DEPTH_MAX: usize = 5;

/// An expression over the temporaries a, b and c.
fn expression(dice: &mut Dice, depth: usize) -> String {
    if depth == 0 {
        let leaves = [
            "a",
            "b",
            "c",
            "1",
            "0",
            "-3",
            "7.5",
            "nil",
            "true",
            "'text' copy",
            "#sym",
            "$x",
            "(1 bitShift: 70)",
            "(3 / 4)",
            "#(1 2 3) copy",
            "thisContext method selector",
        ];
        return dice.pick(&leaves).to_string();
    }
    let mut part = |below: usize| expression(dice, depth - 1 - below.min(depth - 1));
    let (x, y, z) = (part(0), part(1), part(2));
    let binary = dice.pick(&[
        "+", "-", "*", "//", "<", "=", "==", "->", "@", ",", "max:", "at:",
    ]);
    let unary = dice.pick(&[
        "printString",
        "class",
        "hash class",
        "isNil",
        "yourself",
        "copy",
        "size",
        "negated",
        "reversed",
        "first",
    ]);
    match dice.below(14) {
        0 | 1 => format!("({x} {binary} {y})"),
        2 | 3 => format!("({x} {unary})"),
        4 => format!("[b := {x}. b] value"),
        5 => format!("([:k | {y}] value: {x})"),
        6 => format!("({x} isNil ifTrue: [{y}] ifFalse: [{z}])"),
        7 => format!("([{x}] on: Error do: [:e | e return: {y}])"),
        8 => format!("([{x}] ensure: [c := {y}])"),
        9 => format!("((1 to: 4) collect: [:i | a := i. {x}])"),
        10 => format!("({{{x}. {y}. {z}}} collect: [:each | [each] value])"),
        11 => format!("([:k :l | c := k. {x}] valueWithArguments: {{{y}. {z}}})"),
        12 => format!("({x} perform: #-> with: {y})"),
        _ => format!("([1 to: 9 do: [:i | i > 6 ifTrue: [{x}. b := i]]. {y}] value)"),
    }
}

fn program(dice: &mut Dice) -> String {
    let depth = 2 + dice.below(DEPTH_MAX - 1);
    let body = expression(dice, depth);
    format!("| a b c | a := 3. b := 'b' copy. c := nil. |> [{body}] on: Error do: [:e | e class]")
}

#[test]
fn random_programs_answer_the_same_on_every_machine() {
    let plain = Machine::new(HeapSettings::default(), VmSettings::default());
    let without_caches = VmSettings {
        caches: false,
        ..VmSettings::default()
    };
    let small_pages = VmSettings {
        stack_pages: 2,
        page_words: 600,
        ..VmSettings::default()
    };
    let small_eden = HeapSettings {
        eden_bytes: 64 << 10,
        ..HeapSettings::default()
    };
    let mut zealous = Machine::new(small_eden, small_pages);
    zealous.set_zeal(Zeal::every(31));
    let mut machines = [
        ("plain", plain),
        (
            "without caches",
            Machine::new(HeapSettings::default(), without_caches),
        ),
        ("zealous", zealous),
    ];
    let mut dice = Dice::new(99);
    for _ in 0..PROGRAMS {
        let program = program(&mut dice);
        let answers: Vec<String> = machines
            .iter_mut()
            .map(|(_, machine)| machine.print(&program))
            .collect();
        for ((name, _), answer) in machines.iter().zip(&answers) {
            assert_eq!(*answer, answers[0], "{name}: {program}");
        }
    }
}
