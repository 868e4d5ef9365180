//! The machine on one screen: fetch, decode, call the handler, stop on `Break`.
//!
//! This is what every bytecode means. The common ones have a quick way beside it, in `threads`,
//! which comes here for what it does not do.
//!
//! Handlers are grouped by family in `handlers` and inlined here, and what is long or rare is called
//! with a copy of the registers, so they stay in those of the processor. Prefixed bytecodes are
//! rare but for the backward jump; they go through [`extended`].

use crate::handlers::{arithmetic, closure, jump, push, returns, special, store};
use crate::machine::Vm;
use crate::send;
use crate::stack::Registers;
use crate::stop::{Flow, NEXT, Stop, out_of_line};
use crate::threads;
use crate::v3;

/// Runs bytecodes until something stops it: the loop of the set, or sets, that the heap holds. The
/// registers are in the stack, before and after.
pub(crate) fn interpret(vm: &mut Vm) -> Stop {
    vm.loop_sets = vm.heap.bytecode_sets();
    vm.loop_sets.sista |= !vm.loop_sets.v3;
    match (vm.loop_sets.sista, vm.loop_sets.v3) {
        (_, false) => interpret_sista(vm),
        (false, true) => v3::interpret(vm),
        (true, true) => v3::interpret_both(vm),
    }
}

fn interpret_sista(vm: &mut Vm) -> Stop {
    let mut registers = vm.stack.load();
    loop {
        registers = threads::run(vm, registers);
        if step(vm, &mut registers).is_break() {
            break;
        }
    }
    vm.pending_stop
        .take()
        .expect("whoever breaks the loop says why")
}

/// What an opcode does; one handler each.
#[derive(Clone, Copy)]
enum Family {
    PushReceiverVariable,
    PushLiteralVariable,
    PushLiteral,
    PushTemp,
    PushReceiver,
    PushConstant,
    PushBit,
    PushThisContext,
    Duplicate,
    ReturnReceiver,
    ReturnConstant,
    ReturnTop,
    ReturnFromBlock,
    Nothing,
    Add,
    Subtract,
    LessThan,
    GreaterThan,
    AtMost,
    AtLeast,
    Equal,
    NotEqual,
    Multiply,
    Arithmetic,
    At,
    AtPut,
    Size,
    Identical,
    Class,
    Value,
    SendSpecial,
    Send,
    Jump,
    JumpIfTrue,
    JumpIfFalse,
    PopReceiverVariable,
    PopTemp,
    Pop,
    Extended,
    PushLong,
    JumpLongIfFalse,
    JumpLongIfTrue,
    JumpLong,
    PushClosure,
    PushRemoteTemp,
    StoreRemoteTemp,
    PopRemoteTemp,
    Operand,
}

/// The family of each opcode: the table that decodes.
const FAMILIES: [Family; 256] = {
    let mut families = [Family::Operand; 256];
    let mut opcode = 0;
    while opcode < 256 {
        families[opcode] = family(opcode as u8);
        opcode += 1;
    }
    families
};

const fn family(opcode: u8) -> Family {
    match opcode {
        0..=15 => Family::PushReceiverVariable,
        16..=31 => Family::PushLiteralVariable,
        32..=63 => Family::PushLiteral,
        64..=75 => Family::PushTemp,
        76 => Family::PushReceiver,
        77..=79 => Family::PushConstant,
        80..=81 => Family::PushBit,
        82 => Family::PushThisContext,
        83 => Family::Duplicate,
        88 => Family::ReturnReceiver,
        89..=91 => Family::ReturnConstant,
        92 => Family::ReturnTop,
        93..=94 => Family::ReturnFromBlock,
        95 => Family::Nothing,
        96 => Family::Add,
        97 => Family::Subtract,
        98 => Family::LessThan,
        99 => Family::GreaterThan,
        100 => Family::AtMost,
        101 => Family::AtLeast,
        102 => Family::Equal,
        103 => Family::NotEqual,
        104 => Family::Multiply,
        105..=111 => Family::Arithmetic,
        112 => Family::At,
        113 => Family::AtPut,
        114 => Family::Size,
        118 | 120 => Family::Identical,
        119 => Family::Class,
        121..=122 => Family::Value,
        115..=117 | 123..=127 => Family::SendSpecial,
        128..=175 => Family::Send,
        176..=183 => Family::Jump,
        184..=191 => Family::JumpIfTrue,
        192..=199 => Family::JumpIfFalse,
        200..=207 => Family::PopReceiverVariable,
        208..=215 => Family::PopTemp,
        216 => Family::Pop,
        224..=225 => Family::Extended,
        229 => Family::PushLong,
        237 => Family::JumpLong,
        238 => Family::JumpLongIfTrue,
        239 => Family::JumpLongIfFalse,
        249 => Family::PushClosure,
        251 => Family::PushRemoteTemp,
        252 => Family::StoreRemoteTemp,
        253 => Family::PopRemoteTemp,
        _ => Family::Operand,
    }
}

/// One bytecode.
#[inline(always)]
pub(crate) fn step(vm: &mut Vm, r: &mut Registers) -> Flow {
    let opcode = r.byte(0);
    let low = |mask: u8| usize::from(opcode & mask);
    match FAMILIES[usize::from(opcode)] {
        Family::PushReceiverVariable => push::receiver_variable(vm, r, low(15), 1),
        Family::PushLiteralVariable => push::literal_variable(vm, r, low(15), 1),
        Family::PushLiteral => push::literal(vm, r, low(31), 1),
        Family::PushTemp => push::temp(r, low(15), 1),
        Family::PushReceiver => push::receiver(r),
        Family::PushConstant => push::constant(vm, r, opcode),
        Family::PushBit => push::bit(r, opcode),
        Family::PushThisContext => closure::this_context(vm, r, 0),
        Family::Duplicate => push::duplicate(r),
        Family::ReturnReceiver => returns::receiver(vm, r),
        Family::ReturnConstant => returns::constant(vm, r, opcode),
        Family::ReturnTop => returns::top(vm, r),
        Family::ReturnFromBlock => returns::from_block(vm, r, opcode),
        Family::Nothing => push::nothing(r),
        Family::Add => arithmetic::add(vm, r),
        Family::Subtract => arithmetic::subtract(vm, r),
        Family::LessThan => arithmetic::compare(vm, r, 98),
        Family::GreaterThan => arithmetic::compare(vm, r, 99),
        Family::AtMost => arithmetic::compare(vm, r, 100),
        Family::AtLeast => arithmetic::compare(vm, r, 101),
        Family::Equal => arithmetic::compare(vm, r, 102),
        Family::NotEqual => arithmetic::compare(vm, r, 103),
        Family::Multiply => arithmetic::multiply(vm, r),
        Family::Arithmetic => arithmetic::other(vm, r, opcode),
        Family::At => special::at(vm, r),
        Family::AtPut => special::at_put(vm, r),
        Family::Size => special::size(vm, r),
        Family::Identical => special::identical(vm, r, opcode),
        Family::Class => special::class(vm, r),
        Family::Value => special::value(vm, r, opcode),
        Family::SendSpecial => send::special(vm, r, opcode),
        Family::Send => send::literal(vm, r, low(15), usize::from(opcode >> 4) - 8, 1),
        Family::Jump => jump::forward(r, low(7) + 1, 1),
        Family::JumpIfTrue => jump::if_true(vm, r, low(7) + 1, 1),
        Family::JumpIfFalse => jump::if_false(vm, r, low(7) + 1, 1),
        Family::PopReceiverVariable => store::pop_receiver_variable(vm, r, low(7), 1),
        Family::PopTemp => store::pop_temp(r, low(7), 1),
        Family::Pop => push::pop(r),
        Family::Extended if r.byte(0) == 225 && r.byte(2) == 237 => jump::long(vm, r),
        Family::PushLong => push::temp(r, usize::from(r.byte(1)), 2),
        Family::JumpLong => jump::forward(r, usize::from(r.byte(1)), 2),
        Family::JumpLongIfTrue => jump::if_true(vm, r, usize::from(r.byte(1)), 2),
        Family::JumpLongIfFalse => jump::if_false(vm, r, usize::from(r.byte(1)), 2),
        Family::PushClosure => closure::push(vm, r, usize::from(r.byte(1))),
        Family::PushRemoteTemp => push::remote_temp(vm, r),
        Family::StoreRemoteTemp => store::remote_temp(vm, r),
        Family::PopRemoteTemp => store::pop_remote_temp(vm, r),
        Family::Extended | Family::Operand => out_of_line(vm, r, extended),
    }
}

/// A bytecode with prefixes, or one that is rare. One that stops and restarts does so from its
/// first prefix.
#[inline(never)]
fn extended(vm: &mut Vm, mut r: Registers) -> Flow {
    let start = r.pc;
    let (mut a, mut b) = (0usize, 0isize);
    let mut signed_prefixes = 0;
    let opcode = loop {
        let (opcode, byte) = (r.byte(0), r.byte(1));
        match opcode {
            224 => a = (a << 8 | usize::from(byte)) & 0xFFFF,
            225 if signed_prefixes == 0 => b = isize::from(byte as i8),
            225 => b = b << 8 | isize::from(byte),
            _ => break opcode,
        }
        signed_prefixes += usize::from(opcode == 225);
        r.advance(2);
    };
    let flow = operand(vm, &mut r, opcode, a, b);
    if flow == NEXT {
        vm.stack.save(&r);
    } else if vm.pending_stop.as_ref().is_some_and(Stop::restarts) {
        vm.stack.set_pc(start);
    }
    flow
}

/// A bytecode with operand bytes and what its prefixes gave.
#[inline(always)]
fn operand(vm: &mut Vm, r: &mut Registers, opcode: u8, a: usize, b: isize) -> Flow {
    let byte = usize::from(r.byte(1));
    let index = a * 256 + byte;
    let distance = b * 256 + byte as isize;
    match opcode {
        82 => closure::this_context(vm, r, b),
        226 => push::long_receiver_variable(vm, r, index, 2),
        227 => push::literal_variable(vm, r, index, 2),
        228 => push::literal(vm, r, index, 2),
        229 => push::temp(r, byte, 2),
        231 => push::array(vm, r, byte),
        232 => push::integer(r, distance),
        233 => push::character(r, distance),
        234 => {
            let arguments = b as usize * 8 + (byte & 7);
            send::literal(vm, r, a * 32 + (byte >> 3), arguments, 2)
        }
        235 => out_of_line(vm, r, |vm, r| {
            send::to_super(vm, r, a * 32 + (byte >> 3), byte & 7, b, 2)
        }),
        236 => push::nothing_long(r, 2),
        237 => jump::by(vm, r, distance, 2),
        238 => jump::if_true(vm, r, distance as usize, 2),
        239 => jump::if_false(vm, r, distance as usize, 2),
        240 => store::long_receiver_variable(vm, r, index, store::Keep::Pop, 2),
        241 => store::literal_variable(vm, r, index, store::Keep::Pop, 2),
        242 => store::pop_temp(r, byte, 2),
        243 => store::long_receiver_variable(vm, r, index, store::Keep::Top, 2),
        244 => store::literal_variable(vm, r, index, store::Keep::Top, 2),
        245 => store::temp(r, byte),
        248 => push::nothing_long(r, 3),
        249 => closure::push(vm, r, index),
        _ => out_of_line(vm, r, send::unused_bytecode),
    }
}
