//! Pushes: variables, literals, constants, arrays.

use imprint_model::layout::association;
use imprint_model::{ClassIndex, Format, Oop};

use crate::machine::Vm;
use crate::stack::Registers;
use crate::stop::{Flow, NEXT, out_of_line};

#[inline(always)]
fn finish(r: &mut Registers, value: Oop, length: usize) -> Flow {
    r.push(value);
    r.advance(length);
    NEXT
}

#[inline(always)]
pub(crate) fn receiver_variable(
    vm: &mut Vm,
    r: &mut Registers,
    index: usize,
    length: usize,
) -> Flow {
    finish(r, vm.heap.slot(r.receiver(), index), length)
}

/// The form that may meet a context.
#[inline(always)]
pub(crate) fn long_receiver_variable(
    vm: &mut Vm,
    r: &mut Registers,
    index: usize,
    length: usize,
) -> Flow {
    let receiver = r.receiver();
    if vm.heap.class_index_of(receiver) == ClassIndex::CONTEXT {
        return out_of_line(vm, r, |vm, r| context_variable(vm, r, index, length));
    }
    finish(r, vm.heap.slot(receiver, index), length)
}

/// As [`long_receiver_variable`], where the object is no context.
#[inline(always)]
pub(crate) fn long_receiver_variable_quickly(vm: &mut Vm, r: &mut Registers) -> bool {
    let receiver = r.receiver();
    if vm.heap.class_index_of(receiver) == ClassIndex::CONTEXT {
        return false;
    }
    let index = usize::from(r.byte(1));
    finish(r, vm.heap.slot(receiver, index), 2).is_continue()
}

#[inline(never)]
fn context_variable(vm: &mut Vm, mut r: Registers, index: usize, length: usize) -> Flow {
    vm.stack.save(&r);
    match vm.context_slot(r.receiver(), index) {
        Ok(value) => {
            r.push(value);
            r.advance(length);
            vm.stack.save(&r);
            NEXT
        }
        Err(space) => vm.stop(r, space),
    }
}

#[inline(always)]
pub(crate) fn literal_variable(
    vm: &mut Vm,
    r: &mut Registers,
    index: usize,
    length: usize,
) -> Flow {
    let binding = vm.heap.literal(r.method(), index);
    finish(r, vm.heap.slot(binding, association::VALUE), length)
}

#[inline(always)]
pub(crate) fn literal(vm: &mut Vm, r: &mut Registers, index: usize, length: usize) -> Flow {
    finish(r, vm.heap.literal(r.method(), index), length)
}

#[inline(always)]
pub(crate) fn temp(r: &mut Registers, index: usize, length: usize) -> Flow {
    finish(r, r.temp(index), length)
}

/// A temporary, and another one where the next bytecode pushes that. There is a next one, since no
/// code ends with a push.
#[inline(always)]
pub(crate) fn temps(r: &mut Registers, index: usize) -> bool {
    r.push(r.temp(index));
    let next = r.byte(1);
    if (64..=75).contains(&next) {
        r.push(r.temp(usize::from(next - 64)));
        r.advance(1);
    }
    r.advance(1);
    true
}

#[inline(always)]
pub(crate) fn receiver(r: &mut Registers) -> Flow {
    finish(r, r.receiver(), 1)
}

/// true, false, nil (77 to 79).
#[inline(always)]
pub(crate) fn constant(vm: &mut Vm, r: &mut Registers, opcode: u8) -> Flow {
    let value = match opcode {
        77 => vm.heap.true_object(),
        78 => vm.heap.false_object(),
        _ => vm.heap.nil(),
    };
    finish(r, value, 1)
}

/// 0 and 1 (80, 81).
#[inline(always)]
pub(crate) fn bit(r: &mut Registers, opcode: u8) -> Flow {
    finish(r, Oop::small(i32::from(opcode) - 80), 1)
}

#[inline(always)]
pub(crate) fn duplicate(r: &mut Registers) -> Flow {
    finish(r, r.top(), 1)
}

#[inline(always)]
pub(crate) fn pop(r: &mut Registers) -> Flow {
    r.drop(1);
    r.advance(1);
    NEXT
}

#[inline(always)]
pub(crate) fn nothing(r: &mut Registers) -> Flow {
    nothing_long(r, 1)
}

/// A bytecode that says something to others only: a primitive call that was tried already.
#[inline(always)]
pub(crate) fn nothing_long(r: &mut Registers, length: usize) -> Flow {
    r.advance(length);
    NEXT
}

#[inline(always)]
pub(crate) fn integer(r: &mut Registers, value: isize) -> Flow {
    finish(r, Oop::small(value as i32), 2)
}

#[inline(always)]
pub(crate) fn character(r: &mut Registers, code_point: isize) -> Flow {
    finish(r, Oop::character(code_point as u32), 2)
}

#[inline(always)]
pub(crate) fn remote_temp(vm: &mut Vm, r: &mut Registers) -> Flow {
    let vector = r.temp(usize::from(r.byte(2)));
    let value = vm.heap.slot(vector, usize::from(r.byte(1)));
    finish(r, value, 3)
}

/// A new Array: of nils, or (128 and above) of operands.
#[inline(always)]
pub(crate) fn array(vm: &mut Vm, r: &mut Registers, byte: usize) -> Flow {
    let size = byte & 127;
    let array = match vm.heap.allocate(ClassIndex::ARRAY, Format::ARRAY, size) {
        Ok(array) => array,
        Err(space) => return vm.stop(*r, space),
    };
    if byte > 127 {
        for index in 0..size {
            vm.heap.store(array, index, r.operand(size - 1 - index));
        }
        r.drop(size);
    }
    finish(r, array, 2)
}
