//! Any valid program compiles to sound code: every path keeps the stack in order, jumps land on
//! instructions, and what an instruction names is there; and the draft survives its byte form.

use imprint_isa::Instruction;
use imprint_isa::bytecode::{STORE_ERROR_CODE, decode};
use imprint_isa::draft::{Body, CodeBody, Draft, MethodDraft};
use imprint_isa::draft_bytes;
use imprint_isa::special_selectors::SPECIAL_SELECTORS;
use proptest::prelude::{
    BoxedStrategy, Just, ProptestConfig, Strategy, prop, prop_oneof, proptest,
};

use crate::{compile, listing};

/// Looks at the code of a method and its blocks.
pub fn assert_sound(draft: &MethodDraft) {
    let blocks = draft.locals.iter().filter_map(|local| match &local.body {
        Body::Code(code) => Some(code),
        _ => None,
    });
    for code in std::iter::once(&draft.code).chain(blocks) {
        if let Err(fault) = check(code) {
            panic!("{fault}\n{}", listing::of(draft));
        }
    }
    let whole = Draft::Method(draft.clone());
    assert_eq!(draft_bytes::decode(&draft_bytes::encode(&whole)), Ok(whole));
}

/// Follows every path once, with the height of the stack.
fn check(code: &CodeBody) -> Result<(), String> {
    let mut heights = vec![None; code.bytecodes.len()];
    let mut open = vec![(0usize, 0i32)];
    let frame = i32::try_from(code.header.frame_slots()).expect("a frame is small");
    while let Some((at, height)) = open.pop() {
        let seen = heights
            .get_mut(at)
            .ok_or(format!("the end is reached from before {at}"))?;
        match seen {
            Some(known) if *known == height => continue,
            Some(known) => {
                return Err(format!(
                    "{at} is reached with {known} and {height} operands"
                ));
            }
            None => *seen = Some(height),
        }
        let decoded = decode(&code.bytecodes, at).map_err(|error| error.to_string())?;
        check_operands(decoded.instruction, code).map_err(|fault| format!("{at}: {fault}"))?;
        let (taken, left) = effect(decoded.instruction);
        let after = height - taken + left;
        if height < taken || after + i32::from(code.header.temp_count) > frame {
            return Err(format!(
                "{at} takes {taken} of {height} and leaves {after} in a frame of {frame}"
            ));
        }
        let next = at + decoded.length;
        let target = |distance: i32| {
            usize::try_from(i64::try_from(next).expect("small") + i64::from(distance))
                .map_err(|_| format!("{at} jumps out"))
        };
        match decoded.instruction {
            Instruction::Jump(distance) => open.push((target(distance)?, after)),
            Instruction::JumpTrue(distance) | Instruction::JumpFalse(distance) => {
                open.push((target(distance)?, after));
                open.push((next, after));
            }
            Instruction::ReturnReceiver
            | Instruction::ReturnTrue
            | Instruction::ReturnFalse
            | Instruction::ReturnNil
            | Instruction::ReturnTop
            | Instruction::BlockReturnTop => {}
            // The machine itself stores the error of a primitive, and goes on behind the store.
            Instruction::CallPrimitive(_)
                if code.bytecodes.get(next) == Some(&STORE_ERROR_CODE) =>
            {
                open.push((next + 2, after));
            }
            _ => open.push((next, after)),
        }
    }
    Ok(())
}

fn check_operands(instruction: Instruction, code: &CodeBody) -> Result<(), String> {
    let temps = code.header.temp_count;
    let literal = match instruction {
        Instruction::PushLiteral(index)
        | Instruction::PushLiteralVariable(index)
        | Instruction::PopLiteralVariable(index)
        | Instruction::StoreLiteralVariable(index) => Some(index),
        Instruction::Send { literal, .. }
        | Instruction::SendSuper { literal, .. }
        | Instruction::PushClosure { literal, .. } => Some(literal),
        _ => None,
    };
    let temp = match instruction {
        Instruction::PushTemp(index)
        | Instruction::PopTemp(index)
        | Instruction::StoreTemp(index) => Some(index),
        Instruction::PushRemoteTemp { vector, .. }
        | Instruction::PopRemoteTemp { vector, .. }
        | Instruction::StoreRemoteTemp { vector, .. } => Some(vector),
        _ => None,
    };
    if literal.is_some_and(|index| usize::from(index) + 1 >= code.literals.len()) {
        return Err(format!("{instruction:?} has no literal"));
    }
    if temp.is_some_and(|index| index >= temps) {
        return Err(format!("{instruction:?} with {temps} temporaries"));
    }
    match instruction {
        Instruction::Unused(_) | Instruction::Nop => {
            Err(format!("{instruction:?} is never emitted"))
        }
        _ => Ok(()),
    }
}

/// Operands taken from the stack, and left there.
fn effect(instruction: Instruction) -> (i32, i32) {
    match instruction {
        Instruction::Dup => (1, 2),
        Instruction::Pop | Instruction::ReturnTop | Instruction::BlockReturnTop => (1, 0),
        Instruction::JumpTrue(_) | Instruction::JumpFalse(_) => (1, 0),
        Instruction::PopTemp(_) | Instruction::PopLiteralVariable(_) => (1, 0),
        Instruction::PopReceiverVariable { .. } | Instruction::PopRemoteTemp { .. } => (1, 0),
        Instruction::StoreTemp(_) | Instruction::StoreLiteralVariable(_) => (1, 1),
        Instruction::StoreReceiverVariable { .. } | Instruction::StoreRemoteTemp { .. } => (1, 1),
        Instruction::SendSpecial(position) => {
            (1 + i32::from(SPECIAL_SELECTORS[usize::from(position)].1), 1)
        }
        Instruction::Send { arguments, .. } => (1 + i32::from(arguments), 1),
        Instruction::SendSuper {
            arguments,
            directed,
            ..
        } => (1 + i32::from(directed) + i32::from(arguments), 1),
        Instruction::PopIntoArray(count) => (i32::from(count), 1),
        Instruction::PushClosure { copied, .. } => (i32::from(copied), 1),
        Instruction::CallPrimitive(_) | Instruction::Jump(_) => (0, 0),
        Instruction::ReturnReceiver
        | Instruction::ReturnTrue
        | Instruction::ReturnFalse
        | Instruction::ReturnNil => (0, 0),
        _ => (0, 1),
    }
}

/// A valid expression; `p q` are temporaries of the method, `i x` arguments of blocks around.
fn expression() -> BoxedStrategy<String> {
    let leaf = prop_oneof![
        prop::sample::select(
            &[
                "p",
                "q",
                "self",
                "v1",
                "Shared",
                "nil",
                "3",
                "'s'",
                "#s",
                "thisContext",
                "Unknown",
                "1.5",
                "i",
                "x"
            ][..]
        )
        .prop_map(str::to_owned),
        Just("[]".to_owned()),
    ];
    leaf.prop_recursive(5, 40, 3, |inner| {
        let one = inner.clone();
        let two = || (inner.clone(), inner.clone());
        let three = || (inner.clone(), inner.clone(), inner.clone());
        prop_oneof![
            one.clone().prop_map(|a| format!("({a} foo)")),
            two().prop_map(|(a, b)| format!("({a} + {b})")),
            three().prop_map(|(a, b, c)| format!("({a} at: {b} put: {c})")),
            one.clone().prop_map(|a| format!("(p := {a})")),
            one.clone()
                .prop_map(|a| format!("(Shared := v2 := q := {a})")),
            two().prop_map(|(a, b)| format!("({a} foo; bar: {b}; baz)")),
            two().prop_map(|(a, b)| format!("{{ {a}. {b} }}")),
            two().prop_map(|(a, b)| format!("[ {a}. {b} ]")),
            two().prop_map(|(a, b)| format!("[ :x | | t | t := {a}. p := {b}. t ]")),
            one.clone().prop_map(|a| format!("[ ^ {a} ]")),
            one.clone().prop_map(|a| format!("(super foo: {a})")),
            two().prop_map(|(a, b)| format!("({a} ifTrue: [ {b} ])")),
            three().prop_map(|(a, b, c)| format!("({a} ifFalse: [ {b} ] ifTrue: [ ^ {c} ])")),
            three().prop_map(|(a, b, c)| format!("({a} ifNil: [ {b} ] ifNotNil: [ :x | {c}. x ])")),
            two().prop_map(|(a, b)| format!("({a} ifNotNil: [ :x | {b} ])")),
            two().prop_map(|(a, b)| format!("({a} and: [ {b} or: [ p ] ])")),
            two().prop_map(|(a, b)| format!("([ {a} ] whileTrue: [ | t | t := {b}. [ t ] ])")),
            two().prop_map(|(a, b)| format!(
                "({a} to: {b} do: [ :i | | t | t := i. [ t + i ] value. q := i ])"
            )),
            two().prop_map(|(a, b)| format!("({a} timesRepeat: [ {b} ])")),
            one.clone().prop_map(|a| format!("([ {a}. ^ q ] repeat)")),
            three().prop_map(|(a, b, c)| format!(
                "({a} caseOf: {{ [ 1 ] -> [ {b} ]. [ p ] -> [ {c} ] }} otherwise: [ q ])"
            )),
        ]
    })
    .boxed()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_valid_program_compiles_to_sound_code(statements in prop::collection::vec(expression(), 1..4)) {
        let source = format!("foo: i bar: x\n\t| p q |\n\t{}", statements.join(".\n\t"));
        let compilation = compile(&source, "methods.txt");
        // Only what is too large for a frame may be refused.
        let faults: Vec<_> = compilation.diagnostics.iter().filter(|finding| finding.is_error()).collect();
        assert!(faults.iter().all(|fault| fault.message.contains("slots") || fault.message.contains("temporaries")), "{source}\n{faults:?}");
        if let Some(method) = compilation.method {
            assert_sound(&method.draft);
        }
    }
}
