//! The special sends of numbers: SmallIntegers at once, all others as messages, whose primitives
//! know the rest.

use imprint_model::Oop;

use crate::machine::Vm;
use crate::send;
use crate::stack::Registers;
use crate::stop::{Flow, NEXT};

/// The first opcode of the special sends.
const FIRST_SPECIAL: u8 = 176;
/// The tag that two tagged SmallIntegers have once too often in their sum.
const TAG: i64 = 1;

#[inline(always)]
fn operands(r: &Registers) -> Option<(i64, i64)> {
    let (left, right) = (r.operand(1).bits(), r.operand(0).bits());
    (left & right & 1 != 0).then_some((left as i64, right as i64))
}

/// Answers the tagged word of a SmallInteger, or sends the message where there is none.
#[inline(always)]
fn answer(vm: &mut Vm, r: &mut Registers, word: Option<i64>, opcode: u8) -> Flow {
    let Some(word) = word else {
        return send::special(vm, r, opcode - FIRST_SPECIAL);
    };
    r.replace_two(Oop::from_bits(word as u64));
    r.advance(1);
    NEXT
}

#[inline(always)]
pub(super) fn add(vm: &mut Vm, r: &mut Registers) -> Flow {
    let sum = operands(r).and_then(|(left, right)| left.checked_add(right - TAG));
    answer(vm, r, sum, 176)
}

#[inline(always)]
pub(super) fn subtract(vm: &mut Vm, r: &mut Registers) -> Flow {
    let difference = operands(r).and_then(|(left, right)| left.checked_sub(right - TAG));
    answer(vm, r, difference, 177)
}

#[inline(always)]
pub(super) fn multiply(vm: &mut Vm, r: &mut Registers) -> Flow {
    let product = operands(r).and_then(|(left, right)| (left - TAG).checked_mul(right >> 3));
    answer(vm, r, product.map(|product| product + TAG), 184)
}

/// `bitAnd:` and `bitOr:` (190, 191).
#[inline(always)]
pub(super) fn bits(vm: &mut Vm, r: &mut Registers, opcode: u8) -> Flow {
    let result = operands(r).map(|(left, right)| match opcode {
        190 => left & right,
        _ => left | right,
    });
    answer(vm, r, result, opcode)
}

/// `<` `>` `<=` `>=` `=` `~=` (178 to 183), with the conditional jump that follows.
#[inline(always)]
pub(super) fn compare(vm: &mut Vm, r: &mut Registers, opcode: u8) -> Flow {
    let Some((left, right)) = operands(r) else {
        return send::special(vm, r, opcode - FIRST_SPECIAL);
    };
    let condition = match opcode {
        178 => left < right,
        179 => left > right,
        180 => left <= right,
        181 => left >= right,
        182 => left == right,
        _ => left != right,
    };
    decide(vm, r, condition)
}

/// `==` (198): no lookup.
#[inline(always)]
pub(super) fn identical(vm: &mut Vm, r: &mut Registers) -> Flow {
    let (left, right) = (r.operand(1), r.operand(0));
    let is_same = left == right
        || (left.is_ghost() | right.is_ghost()) && vm.identity(left) == vm.identity(right);
    decide(vm, r, is_same)
}

/// Takes the conditional jump that follows a comparison at once, where there is one; else pushes
/// the Boolean.
#[inline(always)]
fn decide(vm: &mut Vm, r: &mut Registers, condition: bool) -> Flow {
    let next = r.byte(1);
    let (length, jumps_if, distance) = match next {
        152..=159 => (2, false, usize::from(next & 7) + 1),
        168..=175 => {
            let distance = usize::from(next & 3) * 256 + usize::from(r.byte(2));
            (3, next < 172, distance)
        }
        _ => {
            r.replace_two(vm.heap.boolean(condition));
            r.advance(1);
            return NEXT;
        }
    };
    r.drop(2);
    r.advance(length + if condition == jumps_if { distance } else { 0 });
    NEXT
}
