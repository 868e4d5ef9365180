//! The bytecodes with an operand that names a variable or a literal (128 to 134).

use crate::handlers::{push, store};
use crate::machine::Vm;
use crate::send;
use crate::stack::Registers;
use crate::stop::{Flow, out_of_line};

/// What the upper two bits of an operand name.
#[derive(Clone, Copy)]
enum Variable {
    Receiver,
    Temp,
    Literal,
    Binding,
}

impl Variable {
    #[inline(always)]
    fn of(byte: u8) -> (Variable, usize) {
        let kind = match byte >> 6 {
            0 => Variable::Receiver,
            1 => Variable::Temp,
            2 => Variable::Literal,
            _ => Variable::Binding,
        };
        (kind, usize::from(byte & 63))
    }
}

#[inline(always)]
pub(super) fn step(vm: &mut Vm, r: &mut Registers, opcode: u8) -> Flow {
    let byte = r.byte(1);
    let operand = usize::from(byte);
    match opcode {
        128 => push_variable(vm, r, byte),
        129 => store_variable(vm, r, byte, store::Keep::Top),
        130 => store_variable(vm, r, byte, store::Keep::Pop),
        131 => send::literal(vm, r, operand & 31, operand >> 5, 2),
        132 => doubly(vm, r, operand),
        133 => out_of_line(vm, r, |vm, r| {
            send::to_super(vm, r, operand & 31, operand >> 5, 0, 2)
        }),
        _ => send::literal(vm, r, operand & 63, operand >> 6, 2),
    }
}

#[inline(always)]
fn push_variable(vm: &mut Vm, r: &mut Registers, byte: u8) -> Flow {
    match Variable::of(byte) {
        (Variable::Receiver, index) => push::long_receiver_variable(vm, r, index, 2),
        (Variable::Temp, index) => push::temp(r, index, 2),
        (Variable::Literal, index) => push::literal(vm, r, index, 2),
        (Variable::Binding, index) => push::literal_variable(vm, r, index, 2),
    }
}

#[inline(always)]
fn store_variable(vm: &mut Vm, r: &mut Registers, byte: u8, keep: store::Keep) -> Flow {
    match Variable::of(byte) {
        (Variable::Receiver, index) => store::long_receiver_variable(vm, r, index, keep, 2),
        (Variable::Temp, index) if keep == store::Keep::Pop => store::pop_temp(r, index, 2),
        (Variable::Temp, index) => store::temp(r, index),
        (Variable::Literal, _) => out_of_line(vm, r, send::unused_bytecode),
        (Variable::Binding, index) => store::literal_variable(vm, r, index, keep, 2),
    }
}

/// The bytecode of three bytes that does one of eight things.
fn doubly(vm: &mut Vm, r: &mut Registers, operand: usize) -> Flow {
    let index = usize::from(r.byte(2));
    let low = operand & 31;
    match operand >> 5 {
        0 => send::literal(vm, r, index, low, 3),
        1 => out_of_line(vm, r, |vm, r| send::to_super(vm, r, index, low, 0, 3)),
        2 => push::long_receiver_variable(vm, r, index, 3),
        3 => push::literal(vm, r, index, 3),
        4 => push::literal_variable(vm, r, index, 3),
        5 => store::long_receiver_variable(vm, r, index, store::Keep::Top, 3),
        6 => store::long_receiver_variable(vm, r, index, store::Keep::Pop, 3),
        _ => store::literal_variable(vm, r, index, store::Keep::Top, 3),
    }
}
