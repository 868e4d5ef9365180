//! Returns: from methods, from blocks, and from a block's home.

use imprint_model::Oop;

use crate::machine::Vm;
use crate::stack::{Frame, Registers};
use crate::stop::{Flow, NEXT};

#[inline(always)]
pub(crate) fn receiver(vm: &mut Vm, r: &mut Registers) -> Flow {
    from_method(vm, r, r.receiver())
}

/// Returns of true, false and nil (89 to 91).
#[inline(always)]
pub(crate) fn constant(vm: &mut Vm, r: &mut Registers, opcode: u8) -> Flow {
    let value = constant_of(vm, opcode);
    from_method(vm, r, value)
}

#[inline(always)]
pub(crate) fn constant_of(vm: &Vm, opcode: u8) -> Oop {
    match opcode {
        89 => vm.heap.true_object(),
        90 => vm.heap.false_object(),
        _ => vm.heap.nil(),
    }
}

/// As a return from a method to the caller beside it in the page.
#[inline(always)]
pub(crate) fn from_method_quickly(vm: &mut Vm, r: &mut Registers, value: Oop) -> bool {
    let frame = r.frame();
    if frame.context.bits() | frame.closure.bits() != 0 {
        return frame.closure == Frame::NO_CLOSURE && widowing(vm, r, value);
    }
    r.pop_frame(value);
    true
}

/// As [`from_block`], to the caller beside it in the page.
#[inline(always)]
pub(crate) fn from_block_quickly(vm: &mut Vm, r: &mut Registers, opcode: u8) -> bool {
    let value = if opcode == 93 { vm.heap.nil() } else { r.top() };
    if r.frame().context != Frame::SINGLE {
        return widowing(vm, r, value);
    }
    r.pop_frame(value);
    true
}

/// Leaves a married frame that is not the base of its page; its context is dead then.
#[inline(always)]
fn widowing(vm: &mut Vm, r: &mut Registers, value: Oop) -> bool {
    match r.frame().spouse() {
        Some(context) if !vm.stack.is_active_base(r) => {
            vm.make_dead(context);
            r.pop_frame(value);
            true
        }
        _ => false,
    }
}

#[inline(always)]
pub(crate) fn top(vm: &mut Vm, r: &mut Registers) -> Flow {
    from_method(vm, r, r.top())
}

#[inline(always)]
fn from_method(vm: &mut Vm, r: &mut Registers, value: Oop) -> Flow {
    let frame = r.frame();
    if frame.context.bits() | frame.closure.bits() == 0 {
        r.pop_frame(value);
        return NEXT;
    }
    if frame.closure == Frame::NO_CLOSURE {
        return slowly(vm, r, value, Vm::return_to_caller);
    }
    slowly(vm, r, value, Vm::return_from_home)
}

/// Returns of nil and the top from a block to its caller (93, 94).
#[inline(always)]
pub(crate) fn from_block(vm: &mut Vm, r: &mut Registers, opcode: u8) -> Flow {
    let value = if opcode == 93 { vm.heap.nil() } else { r.top() };
    if r.frame().context == Frame::SINGLE {
        r.pop_frame(value);
        return NEXT;
    }
    slowly(vm, r, value, Vm::return_to_caller)
}

/// A return that meets contexts or leaves the page.
#[inline(always)]
fn slowly(vm: &mut Vm, r: &mut Registers, value: Oop, how: fn(&mut Vm, Oop) -> Flow) -> Flow {
    vm.stack.save(r);
    let flow = how(vm, value);
    if flow == NEXT {
        *r = vm.stack.load();
    }
    flow
}
