//! Jumps. A backward jump counts towards the next look at the world.

use imprint_model::Known;

use crate::machine::Vm;
use crate::send;
use crate::stack::Registers;
use crate::stop::{Flow, NEXT, out_of_line};

#[inline(always)]
pub(crate) fn forward(r: &mut Registers, distance: usize, length: usize) -> Flow {
    r.advance(length + distance);
    NEXT
}

/// Any distance.
#[inline(always)]
pub(crate) fn by(vm: &mut Vm, r: &mut Registers, distance: isize, length: usize) -> Flow {
    r.advance(length);
    r.jump(distance);
    if distance < 0 { vm.count_down(r) } else { NEXT }
}

/// The jump with one prefix: what closes each loop.
#[inline(always)]
pub(crate) fn long(vm: &mut Vm, r: &mut Registers) -> Flow {
    let distance = isize::from(r.byte(1) as i8) * 256 + isize::from(r.byte(3));
    by(vm, r, distance, 4)
}

/// As [`long`], where it is what closes a loop and no look at the world is due.
#[inline(always)]
pub(crate) fn back_quickly(vm: &mut Vm, r: &mut Registers) -> bool {
    let high = isize::from(r.byte(1) as i8);
    if r.byte(2) != 237 || high >= 0 || vm.countdown <= 1 {
        return false;
    }
    vm.countdown -= 1;
    let distance = high * 256 + isize::from(r.byte(3));
    r.jump(4 + distance);
    true
}

/// A conditional jump, where the operand is a Boolean.
#[inline(always)]
pub(crate) fn if_quickly(
    vm: &Vm,
    r: &mut Registers,
    when: bool,
    distance: usize,
    length: usize,
) -> bool {
    let condition = r.top();
    if condition == vm.heap.boolean(when) {
        r.advance(length + distance);
    } else if condition == vm.heap.boolean(!when) {
        r.advance(length);
    } else {
        return false;
    }
    r.drop(1);
    true
}

#[inline(always)]
pub(crate) fn if_true(vm: &mut Vm, r: &mut Registers, distance: usize, length: usize) -> Flow {
    let condition = r.top();
    if condition == vm.heap.false_object() {
        r.advance(length);
    } else if condition == vm.heap.true_object() {
        r.advance(length + distance);
    } else {
        return out_of_line(vm, r, |vm, r| {
            send::known(vm, r, Known::MustBeBoolean, 0, length)
        });
    }
    r.drop(1);
    NEXT
}

#[inline(always)]
pub(crate) fn if_false(vm: &mut Vm, r: &mut Registers, distance: usize, length: usize) -> Flow {
    let condition = r.top();
    if condition == vm.heap.true_object() {
        r.advance(length);
    } else if condition == vm.heap.false_object() {
        r.advance(length + distance);
    } else {
        return out_of_line(vm, r, |vm, r| {
            send::known(vm, r, Known::MustBeBoolean, 0, length)
        });
    }
    r.drop(1);
    NEXT
}

/// Takes the conditional jump that follows a comparison at once, where there is one; else pushes
/// the Boolean. `length` is that of the comparison, whose operands are dropped already but one.
#[inline(always)]
pub(crate) fn on(vm: &mut Vm, r: &mut Registers, condition: bool, length: usize) -> Flow {
    let next = r.byte(length);
    match next {
        192..=199 if !condition => r.advance(length + 1 + usize::from(next & 7) + 1),
        239 if !condition => r.advance(length + 2 + usize::from(r.byte(length + 1))),
        192..=199 => r.advance(length + 1),
        239 => r.advance(length + 2),
        184..=191 if condition => r.advance(length + 1 + usize::from(next & 7) + 1),
        184..=191 => r.advance(length + 1),
        _ => {
            r.set_top(vm.heap.boolean(condition));
            r.advance(length);
            return NEXT;
        }
    }
    r.drop(1);
    NEXT
}
