//! The quick way of immediate floats: an operation, and those that follow it and take its value.
//!
//! To put a double into a word and take it out again costs more than to add two. So a value is
//! kept as a double while the next bytecodes do nothing but go on with it:
//!
//! ```text
//!  multiply                the value of what came first
//!  add                     ... is added to the operand below
//!  push a temporary        ... and the temporary is taken from it: a variable or a literal too
//!  subtract
//!  pop into a temporary    only this value is put into a word
//! ```
//!
//! What lies between is seen by nobody, so it need not fit into a word. Nothing is written before
//! the last value does: where it does not, or an operand is something else than an immediate
//! float, nothing has happened, and the first operation is done by itself.

use imprint_model::Oop;

use super::arithmetic::{ADD, DIVIDE, MULTIPLY, POP_TEMP, SUBTRACT, holds};
use super::jump;
use crate::machine::Vm;
use crate::stack::Registers;

/// `+` `-` `*` `/` of two immediate floats, and what follows.
#[inline(always)]
pub(crate) fn operate(vm: &mut Vm, r: &mut Registers, opcode: u8) -> bool {
    let (left, right) = (r.operand(1), r.operand(0));
    let (Some(left), Some(right)) = (left.as_small_float(), right.as_small_float()) else {
        return false;
    };
    // Its own place among the operands is the top one from here on.
    r.drop(1);
    match operation(opcode, left, right) {
        Some(value) => go_on(vm, r, value),
        None => false,
    }
}

/// `<` `>` `<=` `>=` `=` `~=` of two immediate floats.
#[inline(always)]
pub(crate) fn compare(vm: &mut Vm, r: &mut Registers, opcode: u8) -> bool {
    let (left, right) = (r.operand(1), r.operand(0));
    let (Some(left), Some(right)) = (left.as_small_float(), right.as_small_float()) else {
        return false;
    };
    r.drop(1);
    jump::on(vm, r, holds(opcode, left, right), 1).is_continue()
}

/// What an operation makes of two numbers; a quotient by zero is an error.
#[inline(always)]
fn operation(opcode: u8, left: f64, right: f64) -> Option<f64> {
    match opcode {
        ADD => Some(left + right),
        SUBTRACT => Some(left - right),
        MULTIPLY => Some(left * right),
        DIVIDE if right != 0.0 => Some(left / right),
        _ => None,
    }
}

/// The pc is at an operation whose value this is.
#[inline(always)]
fn go_on(vm: &mut Vm, r: &mut Registers, mut value: f64) -> bool {
    while let Some(step) = next_step(vm, r, value) {
        r.drop(step.dropped);
        r.advance(step.length);
        if matches!(step.opcode, 98..=103) {
            let condition = holds(step.opcode, step.left, step.right);
            return jump::on(vm, r, condition, 1).is_continue();
        }
        match operation(step.opcode, step.left, step.right) {
            Some(made) => value = made,
            None => return false,
        }
    }
    finish(r, value)
}

/// An operation that takes a value.
struct Step {
    opcode: u8,
    left: f64,
    right: f64,
    /// Operands that are gone by it.
    dropped: usize,
    /// How far it is from the operation before.
    length: usize,
}

/// What comes next and takes the value, with an operand that is here.
#[inline(always)]
fn next_step(vm: &Vm, r: &Registers, value: f64) -> Option<Step> {
    let next = r.byte(1);
    if is_operation(next) {
        return Some(Step {
            opcode: next,
            left: r.operand(1).as_small_float()?,
            right: value,
            dropped: 1,
            length: 1,
        });
    }
    let pushed = pushed(vm, r, next)?;
    let opcode = r.byte(2);
    if !is_operation(opcode) {
        return None;
    }
    Some(Step {
        opcode,
        left: value,
        right: pushed.as_small_float()?,
        dropped: 0,
        length: 2,
    })
}

#[inline(always)]
fn is_operation(opcode: u8) -> bool {
    (ADD..=DIVIDE).contains(&opcode)
}

/// What the next bytecode pushes, where that is a variable or a literal.
#[inline(always)]
fn pushed(vm: &Vm, r: &Registers, next: u8) -> Option<Oop> {
    match next {
        0..=15 => Some(vm.heap.slot(r.receiver(), usize::from(next))),
        32..=63 => Some(vm.heap.literal(r.method(), usize::from(next & 31))),
        64..=75 => Some(r.temp(usize::from(next - 64))),
        _ => None,
    }
}

/// Puts the value where it goes, if it is an immediate float.
#[inline(always)]
fn finish(r: &mut Registers, value: f64) -> bool {
    let Some(oop) = Oop::small_float(value) else {
        return false;
    };
    let next = r.byte(1);
    if next & !7 == POP_TEMP {
        r.drop(1);
        r.set_temp(usize::from(next & 7), oop);
        r.advance(2);
    } else {
        r.set_top(oop);
        r.advance(1);
    }
    true
}
