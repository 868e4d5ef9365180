//! Stores: temporaries, instance variables, bindings, temp vectors.
//!
//! A store into a read-only object sends `attemptToAssign:withIndex:` to it.

use imprint_model::layout::association;
use imprint_model::{ClassIndex, Known, Oop};

use crate::machine::Vm;
use crate::send;
use crate::stack::Registers;
use crate::stop::{Flow, NEXT, out_of_line};

/// What a store does with the value on the stack.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Keep {
    /// Pops it.
    Pop,
    /// Leaves it.
    Top,
}

#[inline(always)]
pub(crate) fn pop_temp(r: &mut Registers, index: usize, length: usize) -> Flow {
    let value = r.pop();
    r.set_temp(index, value);
    r.advance(length);
    NEXT
}

#[inline(always)]
pub(crate) fn temp(r: &mut Registers, index: usize) -> Flow {
    r.set_temp(index, r.top());
    r.advance(2);
    NEXT
}

#[inline(always)]
pub(crate) fn pop_receiver_variable(
    vm: &mut Vm,
    r: &mut Registers,
    index: usize,
    length: usize,
) -> Flow {
    into_slot(vm, r, r.receiver(), index, length, Keep::Pop)
}

/// The form that may meet a context.
#[inline(always)]
pub(crate) fn long_receiver_variable(
    vm: &mut Vm,
    r: &mut Registers,
    index: usize,
    keep: Keep,
    length: usize,
) -> Flow {
    let receiver = r.receiver();
    if vm.heap.class_index_of(receiver) == ClassIndex::CONTEXT {
        return out_of_line(vm, r, |vm, r| context_variable(vm, r, index, keep, length));
    }
    into_slot(vm, r, receiver, index, length, keep)
}

#[inline(always)]
pub(crate) fn literal_variable(
    vm: &mut Vm,
    r: &mut Registers,
    index: usize,
    keep: Keep,
    length: usize,
) -> Flow {
    let binding = vm.heap.literal(r.method(), index);
    into_slot(vm, r, binding, association::VALUE, length, keep)
}

#[inline(always)]
pub(crate) fn remote_temp(vm: &mut Vm, r: &mut Registers) -> Flow {
    let vector = r.temp(usize::from(r.byte(2)));
    vm.heap.store(vector, usize::from(r.byte(1)), r.top());
    r.advance(3);
    NEXT
}

#[inline(always)]
pub(crate) fn pop_remote_temp(vm: &mut Vm, r: &mut Registers) -> Flow {
    let flow = remote_temp(vm, r);
    r.drop(1);
    flow
}

/// As [`pop_receiver_variable`], where the object may be written and need not be remembered.
#[inline(always)]
pub(crate) fn receiver_variable_quickly(
    vm: &mut Vm,
    r: &mut Registers,
    index: usize,
    keep: Keep,
    length: usize,
) -> bool {
    into_slot_quickly(vm, r, r.receiver(), index, keep, length)
}

/// As [`long_receiver_variable`], where the object is no context, may be written and need not be
/// remembered.
#[inline(always)]
pub(crate) fn long_receiver_variable_quickly(vm: &mut Vm, r: &mut Registers, keep: Keep) -> bool {
    let receiver = r.receiver();
    let index = usize::from(r.byte(1));
    vm.heap.class_index_of(receiver) != ClassIndex::CONTEXT
        && into_slot_quickly(vm, r, receiver, index, keep, 2)
}

/// As [`literal_variable`], where the binding may be written and need not be remembered.
#[inline(always)]
pub(crate) fn literal_variable_quickly(vm: &mut Vm, r: &mut Registers, keep: Keep) -> bool {
    let binding = vm.heap.literal(r.method(), usize::from(r.byte(1)));
    into_slot_quickly(vm, r, binding, association::VALUE, keep, 2)
}

#[inline(always)]
fn into_slot_quickly(
    vm: &mut Vm,
    r: &mut Registers,
    object: Oop,
    index: usize,
    keep: Keep,
    length: usize,
) -> bool {
    if vm.heap.header(object).is_read_only() || !vm.heap.store_quickly(object, index, r.top()) {
        return false;
    }
    r.drop(usize::from(keep == Keep::Pop));
    r.advance(length);
    true
}

/// As [`remote_temp`], where the vector need not be remembered.
#[inline(always)]
pub(crate) fn remote_temp_quickly(vm: &mut Vm, r: &mut Registers, keep: Keep) -> bool {
    let vector = r.temp(usize::from(r.byte(2)));
    if !vm
        .heap
        .store_quickly(vector, usize::from(r.byte(1)), r.top())
    {
        return false;
    }
    r.drop(usize::from(keep == Keep::Pop));
    r.advance(3);
    true
}

#[inline(always)]
fn into_slot(
    vm: &mut Vm,
    r: &mut Registers,
    object: Oop,
    index: usize,
    length: usize,
    keep: Keep,
) -> Flow {
    if vm.heap.header(object).is_read_only() {
        return out_of_line(vm, r, |vm, r| refused(vm, r, object, index, length, keep));
    }
    vm.heap.store(object, index, r.top());
    if keep == Keep::Pop {
        r.drop(1);
    }
    r.advance(length);
    NEXT
}

/// Goes through the frame of a married context. The machine may have to give up frames for that,
/// so the registers are loaded again.
#[inline(never)]
fn context_variable(
    vm: &mut Vm,
    mut r: Registers,
    index: usize,
    keep: Keep,
    length: usize,
) -> Flow {
    vm.stack.save(&r);
    let (receiver, value) = (r.receiver(), r.top());
    if !vm.can_go_on_with(receiver, index, value) {
        return refused(vm, r, receiver, index, length, keep);
    }
    if let Err(space) = vm.set_context_slot(receiver, index, value) {
        return vm.stop(r, space);
    }
    r = vm.stack.load();
    if keep == Keep::Pop {
        r.drop(1);
    }
    r.advance(length);
    vm.stack.save(&r);
    NEXT
}

#[cold]
fn refused(
    vm: &mut Vm,
    before: Registers,
    object: Oop,
    index: usize,
    length: usize,
    keep: Keep,
) -> Flow {
    let mut r = before;
    let value = r.top();
    if keep == Keep::Pop {
        r.drop(1);
    }
    for operand in [object, value, Oop::index(index + 1)] {
        r.push(operand);
    }
    let flow = send::known(vm, r, Known::AttemptToAssign, 2, length);
    if flow != NEXT {
        vm.restore_if_restarting(before);
    }
    flow
}
