//! V3PlusClosures: the bytecode set of older Squeak, Cuis and Pharo images, on the same frames.
//!
//! One table decodes it (below), and most rows go to the handlers of Sista V1. What is its own: the
//! blocks lie inside the bytes of their method ([`closures`]), and no prefixes exist. Which set a
//! code is in is said by the sign of its header; a machine runs the loop of the one set that its
//! heap holds, or, where it holds both, asks each frame ([`interpret_both`]).
//!
//! Source: VMMaker's `initializeBytecodeTableForSqueakV3PlusClosures`.

mod arithmetic;
pub(crate) mod closures;
mod extended;

#[cfg(test)]
mod tests;

use imprint_model::{BytecodeSet, Oop};

use crate::dispatch;
use crate::handlers::{closure, jump, push, returns, special, store};
use crate::machine::Vm;
use crate::send;
use crate::stack::Registers;
use crate::stop::{Flow, Stop};

/// Runs bytecodes of this set until something stops it.
pub(crate) fn interpret(vm: &mut Vm) -> Stop {
    let mut registers = vm.stack.load();
    while step(vm, &mut registers).is_continue() {}
    vm.pending_stop
        .take()
        .expect("whoever breaks the loop says why")
}

/// Runs bytecodes of both sets, as the header of each frame's code says.
pub(crate) fn interpret_both(vm: &mut Vm) -> Stop {
    let mut r = vm.stack.load();
    loop {
        let flow = match vm.set_of(r.method()) {
            BytecodeSet::SistaV1 => dispatch::step(vm, &mut r),
            BytecodeSet::V3PlusClosures => step(vm, &mut r),
        };
        if flow.is_break() {
            break;
        }
    }
    vm.pending_stop
        .take()
        .expect("whoever breaks the loop says why")
}

/// One bytecode.
#[inline(always)]
fn step(vm: &mut Vm, r: &mut Registers) -> Flow {
    let opcode = r.byte(0);
    let low = |mask: u8| usize::from(opcode & mask);
    match opcode {
        0..=15 => push::receiver_variable(vm, r, low(15), 1),
        16..=31 => push::temp(r, low(15), 1),
        32..=63 => push::literal(vm, r, low(31), 1),
        64..=95 => push::literal_variable(vm, r, low(31), 1),
        96..=103 => store::pop_receiver_variable(vm, r, low(7), 1),
        104..=111 => store::pop_temp(r, low(7), 1),
        112 => push::receiver(r),
        113..=115 => push::constant(vm, r, opcode - 113 + 77),
        116..=119 => small_constant(r, opcode),
        120 => returns::receiver(vm, r),
        121..=123 => returns::constant(vm, r, opcode - 121 + 89),
        124 => returns::top(vm, r),
        125 => returns::from_block(vm, r, 94),
        128..=134 => extended::step(vm, r, opcode),
        135 => push::pop(r),
        136 => push::duplicate(r),
        137 => closure::this_context(vm, r, 0),
        138 => {
            let operand = usize::from(r.byte(1));
            push::array(vm, r, operand)
        }
        139 => push::nothing_long(r, 3),
        140 => push::remote_temp(vm, r),
        141 => store::remote_temp(vm, r),
        142 => store::pop_remote_temp(vm, r),
        143 => closures::push(vm, r),
        144..=151 => jump::forward(r, low(7) + 1, 1),
        152..=159 => jump::if_false(vm, r, low(7) + 1, 1),
        160..=175 => long_jump(vm, r, opcode),
        176 => arithmetic::add(vm, r),
        177 => arithmetic::subtract(vm, r),
        178..=183 => arithmetic::compare(vm, r, opcode),
        184 => arithmetic::multiply(vm, r),
        190..=191 => arithmetic::bits(vm, r, opcode),
        192 => special::at(vm, r),
        193 => special::at_put(vm, r),
        194 => special::size(vm, r),
        198 => arithmetic::identical(vm, r),
        199 => special::class(vm, r),
        201..=202 => closures::value(vm, r, opcode),
        185..=189 | 195..=197 | 200 | 203..=207 => send::special(vm, r, opcode - 176),
        208..=255 => send::literal(vm, r, low(15), usize::from(opcode >> 4) - 13, 1),
        126..=127 => crate::stop::out_of_line(vm, r, send::unused_bytecode),
    }
}

/// -1, 0, 1, 2 (116 to 119).
#[inline(always)]
fn small_constant(r: &mut Registers, opcode: u8) -> Flow {
    r.push(Oop::small(i32::from(opcode) - 117));
    push::nothing_long(r, 1)
}

/// Jumps with one operand byte (160 to 175): always, if true, if false.
#[inline(always)]
fn long_jump(vm: &mut Vm, r: &mut Registers, opcode: u8) -> Flow {
    let byte = usize::from(r.byte(1));
    let far = usize::from(opcode & 3) * 256 + byte;
    match opcode {
        160..=167 => jump::by(
            vm,
            r,
            (isize::from(opcode & 7) - 4) * 256 + byte as isize,
            2,
        ),
        168..=171 => jump::if_true(vm, r, far, 2),
        _ => jump::if_false(vm, r, far, 2),
    }
}

impl Vm {
    /// The set that a code is in.
    #[inline(always)]
    pub(crate) fn set_of(&self, code: Oop) -> BytecodeSet {
        closure::header_of(self, code).set
    }
}
