//! The machine on one screen: fetch, decode, call the handler, stop on `Break`.
//!
//! Handlers are grouped by family in `handlers` and inlined here, so the registers stay in those
//! of the processor. Prefixed bytecodes are rare but for the backward jump; they go through
//! [`extended`].

use crate::handlers::{arithmetic, closure, jump, push, returns, special, store};
use crate::machine::Vm;
use crate::send;
use crate::stack::Registers;
use crate::stop::{Flow, NEXT, Stop};

/// Runs bytecodes until something stops it. The registers are in the stack, before and after.
pub(crate) fn interpret(vm: &mut Vm) -> Stop {
    let mut registers = vm.stack.load();
    while step(vm, &mut registers).is_continue() {}
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
        16..=31 => push::literal_variable(vm, r, low(15), 1),
        32..=63 => push::literal(vm, r, low(31), 1),
        64..=75 => push::temp(r, low(15), 1),
        76 => push::receiver(r),
        77..=79 => push::constant(vm, r, opcode),
        80..=81 => push::bit(r, opcode),
        82 => closure::this_context(vm, r, 0),
        83 => push::duplicate(r),
        88 => returns::receiver(vm, r),
        89..=91 => returns::constant(vm, r, opcode),
        92 => returns::top(vm, r),
        93..=94 => returns::from_block(vm, r, opcode),
        95 => push::nothing(r),
        96 => arithmetic::add(vm, r),
        97 => arithmetic::subtract(vm, r),
        98..=103 => arithmetic::compare(vm, r, opcode),
        104 => arithmetic::multiply(vm, r),
        105..=111 => arithmetic::other(vm, r, opcode),
        112 => special::at(vm, r),
        113 => special::at_put(vm, r),
        114 => special::size(vm, r),
        118 | 120 => special::identical(vm, r, opcode),
        119 => special::class(vm, r),
        121..=122 => special::value(vm, r, opcode),
        112..=127 => send::special(vm, r, opcode),
        128..=143 => send::literal(vm, r, low(15), 0, 1),
        144..=159 => send::literal(vm, r, low(15), 1, 1),
        160..=175 => send::literal(vm, r, low(15), 2, 1),
        176..=183 => jump::forward(r, low(7) + 1, 1),
        184..=191 => jump::if_true(vm, r, low(7) + 1, 1),
        192..=199 => jump::if_false(vm, r, low(7) + 1, 1),
        200..=207 => store::pop_receiver_variable(vm, r, low(7), 1),
        208..=215 => store::pop_temp(r, low(7), 1),
        216 => push::pop(r),
        225 if r.byte(2) == 237 => jump::long(vm, r),
        224..=225 => extended(vm, r),
        251 => push::remote_temp(vm, r),
        252 => store::remote_temp(vm, r),
        253 => store::pop_remote_temp(vm, r),
        _ => operand(vm, r, opcode, 0, 0),
    }
}

/// A bytecode with operand bytes and what its prefixes gave.
#[inline(always)]
fn operand(vm: &mut Vm, r: &mut Registers, opcode: u8, a: usize, b: isize) -> Flow {
    let byte = usize::from(r.byte(1));
    let index = a * 256 + byte;
    match opcode {
        226 => push::long_receiver_variable(vm, r, index),
        227 => push::literal_variable(vm, r, index, 2),
        228 => push::literal(vm, r, index, 2),
        229 => push::temp(r, byte, 2),
        231 => push::array(vm, r, byte),
        232 => push::integer(r, b * 256 + byte as isize),
        233 => push::character(r, b * 256 + byte as isize),
        234 => {
            let arguments = b as usize * 8 + (byte & 7);
            send::literal(vm, r, a * 32 + (byte >> 3), arguments, 2)
        }
        235 => send::to_super(vm, r, a * 32 + (byte >> 3), byte & 7, b),
        236 => push::nothing_long(r, 2),
        237 => jump::by(vm, r, b * 256 + byte as isize, 2),
        238 => jump::if_true(vm, r, b as usize * 256 + byte, 2),
        239 => jump::if_false(vm, r, b as usize * 256 + byte, 2),
        240 => store::long_receiver_variable(vm, r, index, store::Keep::Pop),
        241 => store::literal_variable(vm, r, index, store::Keep::Pop),
        242 => store::pop_temp(r, byte, 2),
        243 => store::long_receiver_variable(vm, r, index, store::Keep::Top),
        244 => store::literal_variable(vm, r, index, store::Keep::Top),
        245 => store::temp(r, byte),
        248 => push::nothing_long(r, 3),
        249 => closure::push(vm, r, index),
        82 => closure::this_context(vm, r, b),
        _ => send::unused_bytecode(vm, r),
    }
}

/// A bytecode with prefixes. One that stops and restarts does so from its first prefix.
fn extended(vm: &mut Vm, registers: &mut Registers) -> Flow {
    // A copy: the loop's own registers must not have their address taken.
    let mut r = *registers;
    let start = r.pc;
    let (mut a, mut b) = (0usize, 0isize);
    let mut prefixes = 0;
    let opcode = loop {
        match (r.byte(0), usize::from(r.byte(1))) {
            (224, byte) => a = (a << 8 | byte) & 0xFFFF,
            (225, byte) if prefixes == 0 => b = byte as u8 as i8 as isize,
            (225, byte) => b = b << 8 | byte as isize,
            (opcode, _) => break opcode,
        }
        prefixes += usize::from(r.byte(0) == 225);
        r.advance(2);
    };
    let flow = operand(vm, &mut r, opcode, a, b);
    if flow == NEXT {
        *registers = r;
    } else if vm.pending_stop.as_ref().is_some_and(Stop::restarts) {
        vm.stack.set_pc(start);
    }
    flow
}
