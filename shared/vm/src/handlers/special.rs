//! The special sends that look at objects: subscripts, identity, class, blocks.

use imprint_heap::Heap;
use imprint_model::{ClassIndex, Oop};

use crate::handlers::{closure, jump};
use crate::machine::Vm;
use crate::send;
use crate::stack::Registers;
use crate::stop::{Flow, NEXT, out_of_line};

/// The bytecode that pops the top operand.
const POP: u8 = 216;

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

/// As [`at`], for arrays.
#[inline(always)]
pub(crate) fn at_of_array(vm: &Vm, r: &mut Registers) -> bool {
    let (receiver, subscript) = (r.operand(1), r.operand(0));
    let Some(index) = position(receiver, subscript) else {
        return false;
    };
    let is_within = vm.heap.class_index_of(receiver) == ClassIndex::ARRAY
        && index < vm.heap.slot_count(receiver);
    if !is_within {
        return false;
    }
    r.replace_two(vm.heap.slot(receiver, index));
    r.advance(1);
    true
}

/// As [`at_put`], for arrays that need not be remembered.
#[inline(always)]
pub(crate) fn at_put_of_array(vm: &mut Vm, r: &mut Registers) -> bool {
    let (receiver, subscript, value) = (r.operand(2), r.operand(1), r.operand(0));
    let Some(index) = position(receiver, subscript) else {
        return false;
    };
    let header = vm.heap.header(receiver);
    let is_within = header.class_index() == ClassIndex::ARRAY
        && !header.is_read_only()
        && index < vm.heap.slot_count(receiver);
    if !is_within || !vm.heap.store_quickly(receiver, index, value) {
        return false;
    }
    // A statement: nobody wants the value.
    if r.byte(1) == POP {
        r.drop(3);
        r.advance(2);
    } else {
        r.drop(2);
        r.set_top(value);
        r.advance(1);
    }
    true
}

/// As [`at`], for arrays, strings and byte arrays.
#[inline(always)]
pub(crate) fn at_quickly(vm: &Vm, r: &mut Registers) -> bool {
    let (receiver, subscript) = (r.operand(1), r.operand(0));
    let found = position(receiver, subscript).and_then(|index| element(vm, receiver, index));
    let Some(value) = found else {
        return false;
    };
    r.replace_two(value);
    r.advance(1);
    true
}

/// As [`at_put`], for arrays, strings and byte arrays that need not be remembered.
#[inline(always)]
pub(crate) fn at_put_quickly(vm: &mut Vm, r: &mut Registers) -> bool {
    let (receiver, subscript, value) = (r.operand(2), r.operand(1), r.operand(0));
    let is_stored = match position(receiver, subscript) {
        Some(index) => store_element(vm, receiver, index, value, Heap::store_quickly),
        None => false,
    };
    if is_stored {
        r.drop(2);
        r.set_top(value);
        r.advance(1);
    }
    is_stored
}

#[inline(always)]
pub(crate) fn at_put(vm: &mut Vm, r: &mut Registers) -> Flow {
    let (receiver, subscript, value) = (r.operand(2), r.operand(1), r.operand(0));
    let is_stored = match position(receiver, subscript) {
        Some(index) => store_element(vm, receiver, index, value, remembering),
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

/// [`Heap::store`] where an answer is wanted.
#[inline(always)]
fn remembering(heap: &mut Heap, receiver: Oop, index: usize, value: Oop) -> bool {
    heap.store(receiver, index, value);
    true
}

#[inline(always)]
fn store_element(
    vm: &mut Vm,
    receiver: Oop,
    index: usize,
    value: Oop,
    store: fn(&mut Heap, Oop, usize, Oop) -> bool,
) -> bool {
    let header = vm.heap.header(receiver);
    if header.is_read_only() {
        return false;
    }
    match header.class_index() {
        ClassIndex::ARRAY if index < vm.heap.slot_count(receiver) => {
            store(&mut vm.heap, receiver, index, value)
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
    if size_quickly(vm, r) {
        return NEXT;
    }
    send::special(vm, r, 114)
}

/// As [`size`], for arrays, strings and byte arrays.
#[inline(always)]
pub(crate) fn size_quickly(vm: &Vm, r: &mut Registers) -> bool {
    let receiver = r.top();
    let size = match vm.heap.class_index_of(receiver) {
        ClassIndex::ARRAY => vm.heap.slot_count(receiver),
        ClassIndex::BYTE_STRING | ClassIndex::BYTE_ARRAY => vm.heap.byte_count(receiver),
        _ => return false,
    };
    r.set_top(Oop::index(size));
    r.advance(1);
    true
}

/// `==` and `~~` (118, 120): no lookup, and the conditional jump that follows.
#[inline(always)]
pub(crate) fn identical(vm: &mut Vm, r: &mut Registers, opcode: u8) -> Flow {
    let right = r.pop();
    let left = r.top();
    let is_same = left == right || stand_for_the_same(vm, left, right);
    jump::on(vm, r, is_same == (opcode == 118), 1)
}

/// As [`identical`], where no ghost needs a second look.
#[inline(always)]
pub(crate) fn identical_quickly(vm: &mut Vm, r: &mut Registers, opcode: u8) -> bool {
    let (left, right) = (r.operand(1), r.operand(0));
    if left != right && (left.is_ghost() | right.is_ghost()) {
        return false;
    }
    r.drop(1);
    jump::on(vm, r, (left == right) == (opcode == 118), 1).is_continue()
}

/// Whether different words name one object: a ghost of a present one. (Forwarders are met by nobody:
/// `become:` replaces all references at once.)
#[inline(always)]
fn stand_for_the_same(vm: &Vm, left: Oop, right: Oop) -> bool {
    (left.is_ghost() | right.is_ghost()) && vm.identity(left) == vm.identity(right)
}

#[inline(always)]
pub(crate) fn class(vm: &mut Vm, r: &mut Registers) -> Flow {
    if class_quickly(vm, r) {
        return NEXT;
    }
    send::special(vm, r, 119)
}

/// As [`class`], of what is here.
#[inline(always)]
pub(crate) fn class_quickly(vm: &Vm, r: &mut Registers) -> bool {
    let receiver = r.top();
    match vm.heap.class_at(vm.heap.class_index_of(receiver)) {
        Some(class) if !receiver.is_ghost() => {
            r.set_top(class);
            r.advance(1);
            true
        }
        _ => false,
    }
}

/// As [`value`], of a closure that takes so many arguments.
#[inline(always)]
pub(crate) fn value_quickly(vm: &mut Vm, r: &mut Registers, arguments: usize) -> bool {
    let closure = r.operand(arguments);
    vm.heap.class_index_of(closure) == ClassIndex::FULL_BLOCK_CLOSURE
        && closure::evaluate_quickly(vm, r, arguments, 1)
}

/// `value` and `value:` (121, 122).
#[inline(always)]
pub(crate) fn value(vm: &mut Vm, r: &mut Registers, opcode: u8) -> Flow {
    let arguments = usize::from(opcode - 121);
    let closure = r.operand(arguments);
    let is_closure = vm.heap.class_index_of(closure) == ClassIndex::FULL_BLOCK_CLOSURE;
    if !is_closure || !closure::takes(vm, closure, arguments) {
        return send::special(vm, r, opcode);
    }
    if !r.has_room() {
        return out_of_line(vm, r, |vm, r| value_on_new_page(vm, r, closure, arguments));
    }
    r.advance(1);
    closure::activate(vm, r, closure, arguments);
    vm.count_down(r)
}

/// A block's frame where the page is full. It is no send either: an image that never ran the method
/// need not hold it.
#[cold]
fn value_on_new_page(vm: &mut Vm, before: Registers, closure: Oop, arguments: usize) -> Flow {
    let mut r = before;
    r.advance(1);
    vm.stack.save(&r);
    match vm.activate_closure(closure, arguments) {
        Ok(()) => NEXT,
        Err(stop) => vm.stop(before, stop),
    }
}
