//! The special sends that look at objects: subscripts, identity, class, blocks.

use imprint_model::{ClassIndex, Oop};

use crate::handlers::{closure, jump};
use crate::machine::Vm;
use crate::send;
use crate::stack::Registers;
use crate::stop::{Flow, NEXT};

#[inline(always)]
pub(crate) fn at(vm: &mut Vm, r: &mut Registers) -> Flow {
    let (receiver, subscript) = (r.operand(1), r.operand(0));
    let element = match position(receiver, subscript) {
        Some(index) => element(vm, receiver, index),
        None => None,
    };
    match element {
        Some(value) => {
            r.replace_two(value);
            r.advance(1);
            NEXT
        }
        None => send::special(vm, r, 112),
    }
}

/// The 0-based position, where the receiver may have one.
#[inline(always)]
fn position(receiver: Oop, subscript: Oop) -> Option<usize> {
    let is_candidate = receiver.is_object() & subscript.is_small_integer();
    is_candidate.then(|| ((subscript.bits() as i64 >> 3) as usize).wrapping_sub(1))
}

#[inline(always)]
fn element(vm: &Vm, receiver: Oop, index: usize) -> Option<Oop> {
    match vm.heap.class_index_of(receiver) {
        ClassIndex::ARRAY => {
            (index < vm.heap.slot_count(receiver)).then(|| vm.heap.slot(receiver, index))
        }
        ClassIndex::BYTE_STRING => {
            let byte = vm.heap.bytes(receiver).get(index)?;
            Some(Oop::character(u32::from(*byte)))
        }
        ClassIndex::BYTE_ARRAY => {
            let byte = vm.heap.bytes(receiver).get(index)?;
            Some(Oop::small(i32::from(*byte)))
        }
        _ => None,
    }
}

#[inline(always)]
pub(crate) fn at_put(vm: &mut Vm, r: &mut Registers) -> Flow {
    let (receiver, subscript, value) = (r.operand(2), r.operand(1), r.operand(0));
    let is_stored = match position(receiver, subscript) {
        Some(index) => store_element(vm, receiver, index, value),
        None => false,
    };
    if !is_stored {
        return send::special(vm, r, 113);
    }
    r.drop(2);
    r.set_top(value);
    r.advance(1);
    NEXT
}

#[inline(always)]
fn store_element(vm: &mut Vm, receiver: Oop, index: usize, value: Oop) -> bool {
    let header = vm.heap.header(receiver);
    if header.is_read_only() {
        return false;
    }
    match header.class_index() {
        ClassIndex::ARRAY if index < vm.heap.slot_count(receiver) => {
            vm.heap.store(receiver, index, value);
            true
        }
        ClassIndex::BYTE_STRING => store_byte(vm, receiver, index, value.as_character()),
        ClassIndex::BYTE_ARRAY => {
            let byte = value
                .as_small_integer()
                .and_then(|value| u32::try_from(value).ok());
            store_byte(vm, receiver, index, byte)
        }
        _ => false,
    }
}

#[inline(always)]
fn store_byte(vm: &mut Vm, receiver: Oop, index: usize, value: Option<u32>) -> bool {
    let byte = value.and_then(|value| u8::try_from(value).ok());
    match (byte, vm.heap.bytes_mut(receiver).get_mut(index)) {
        (Some(byte), Some(place)) => {
            *place = byte;
            true
        }
        _ => false,
    }
}

#[inline(always)]
pub(crate) fn size(vm: &mut Vm, r: &mut Registers) -> Flow {
    let receiver = r.top();
    let size = match vm.heap.class_index_of(receiver) {
        ClassIndex::ARRAY => vm.heap.slot_count(receiver),
        ClassIndex::BYTE_STRING | ClassIndex::BYTE_ARRAY => vm.heap.byte_count(receiver),
        _ => return send::special(vm, r, 114),
    };
    r.set_top(Oop::index(size));
    r.advance(1);
    NEXT
}

/// `==` and `~~` (118, 120): no lookup, and the conditional jump that follows.
#[inline(always)]
pub(crate) fn identical(vm: &mut Vm, r: &mut Registers, opcode: u8) -> Flow {
    let right = r.pop();
    let left = r.top();
    let is_same = left == right || stand_for_the_same(vm, left, right);
    jump::on(vm, r, is_same == (opcode == 118), 1)
}

/// Whether different words name one object: a ghost of a present one. (Forwarders are met by nobody:
/// `become:` replaces all references at once.)
#[inline(always)]
fn stand_for_the_same(vm: &Vm, left: Oop, right: Oop) -> bool {
    (left.is_ghost() | right.is_ghost()) && vm.identity(left) == vm.identity(right)
}

#[inline(always)]
pub(crate) fn class(vm: &mut Vm, r: &mut Registers) -> Flow {
    let receiver = r.top();
    match vm.heap.class_at(vm.heap.class_index_of(receiver)) {
        Some(class) if !receiver.is_ghost() => {
            r.set_top(class);
            r.advance(1);
            NEXT
        }
        _ => send::special(vm, r, 119),
    }
}

/// `value` and `value:` (121, 122).
#[inline(always)]
pub(crate) fn value(vm: &mut Vm, r: &mut Registers, opcode: u8) -> Flow {
    let arguments = usize::from(opcode - 121);
    let closure = r.operand(arguments);
    if vm.heap.class_index_of(closure) == ClassIndex::FULL_BLOCK_CLOSURE
        && closure::takes(vm, closure, arguments)
        && r.has_room()
    {
        r.advance(1);
        closure::activate(vm, r, closure, arguments);
        return vm.count_down(r);
    }
    send::special(vm, r, opcode)
}
