//! The special sends of numbers: SmallIntegers and floats at once, all others as messages.

use imprint_model::Oop;

use crate::handlers::jump;
use crate::machine::Vm;
use crate::send;
use crate::stack::Registers;
use crate::stop::{Flow, NEXT};

/// The tag that two tagged SmallIntegers have once too often in their sum.
const TAG: i64 = 1;
/// The first of the bytecodes that pop into a temporary, one for each of eight.
pub(crate) const POP_TEMP: u8 = 208;
pub(crate) const ADD: u8 = 96;
pub(crate) const SUBTRACT: u8 = 97;
pub(crate) const MULTIPLY: u8 = 104;
pub(crate) const DIVIDE: u8 = 105;

#[inline(always)]
fn are_small_integers(left: Oop, right: Oop) -> bool {
    left.bits() & right.bits() & 1 != 0
}

#[inline(always)]
fn answer(r: &mut Registers, value: Oop) -> Flow {
    r.replace_two(value);
    r.advance(1);
    NEXT
}

#[inline(always)]
pub(crate) fn add(vm: &mut Vm, r: &mut Registers) -> Flow {
    let (left, right) = (r.operand(1), r.operand(0));
    if are_small_integers(left, right) {
        let sum = (left.bits() as i64).checked_add(right.bits() as i64 - TAG);
        if let Some(sum) = sum {
            return answer(r, Oop::from_bits(sum as u64));
        }
    }
    floats(vm, r, |left, right| left + right)
}

/// As [`add`], of two SmallIntegers whose sum is one.
#[inline(always)]
pub(crate) fn add_quickly(r: &mut Registers) -> bool {
    integers_quickly(r, |left, right| left.checked_add(right - TAG))
}

/// As [`subtract`], under the same conditions.
#[inline(always)]
pub(crate) fn subtract_quickly(r: &mut Registers) -> bool {
    integers_quickly(r, |left, right| left.checked_sub(right - TAG))
}

/// As [`multiply`], under the same conditions.
#[inline(always)]
pub(crate) fn multiply_quickly(r: &mut Registers) -> bool {
    integers_quickly(r, |left, right| {
        Some((left - TAG).checked_mul(right >> 3)? + TAG)
    })
}

/// As `/` among [`other`], under the same conditions.
#[inline(always)]
pub(crate) fn divide_quickly(r: &mut Registers) -> bool {
    integers_quickly(r, |left, right| {
        integers(105, left >> 3, right >> 3).map(|word| word as i64)
    })
}

/// Replaces two SmallIntegers by what is made of their words, where that is one.
#[inline(always)]
fn integers_quickly(r: &mut Registers, make: impl Fn(i64, i64) -> Option<i64>) -> bool {
    let (left, right) = (r.operand(1), r.operand(0));
    if !are_small_integers(left, right) {
        return false;
    }
    let Some(word) = make(left.bits() as i64, right.bits() as i64) else {
        return false;
    };
    answer_or_keep(r, Oop::from_bits(word as u64));
    true
}

/// As [`answer`]; where the next bytecode pops the value into a temporary, it goes there at once.
/// There is a next one, since no code ends with an operation.
#[inline(always)]
fn answer_or_keep(r: &mut Registers, value: Oop) {
    let next = r.byte(1);
    if next & !7 == POP_TEMP {
        r.drop(2);
        r.set_temp(usize::from(next & 7), value);
        r.advance(2);
    } else {
        r.replace_two(value);
        r.advance(1);
    }
}

/// Adds a SmallInteger to the top operand, as [`add`] would with `value` pushed, where the next
/// bytecode does that or subtracts it, and both are SmallIntegers. `length` is that of the push.
#[inline(always)]
pub(crate) fn add_pushed(r: &mut Registers, value: i64, length: usize) -> bool {
    let (left, next) = (r.top(), r.byte(length));
    let value = match next {
        ADD => value,
        SUBTRACT => -value,
        _ => return false,
    };
    if !left.is_small_integer() {
        return false;
    }
    let Some(sum) = (left.bits() as i64).checked_add(value << 3) else {
        return false;
    };
    r.set_top(Oop::from_bits(sum as u64));
    r.advance(length + 1);
    true
}

/// What the special sends of numbers do with floats of any kind, and with one and a SmallInteger,
/// where there is space for the answer.
#[inline(always)]
pub(crate) fn numbers_quickly(vm: &mut Vm, r: &mut Registers) -> bool {
    let Some((left, right)) = mixed_doubles(vm, r.operand(1), r.operand(0)) else {
        return false;
    };
    let value = match r.byte(0) {
        ADD => left + right,
        SUBTRACT => left - right,
        MULTIPLY => left * right,
        DIVIDE if right != 0.0 => left / right,
        opcode @ 98..=103 => return decide(vm, r, holds(opcode, left, right)).is_continue(),
        _ => return false,
    };
    let Ok(oop) = vm.heap.new_float(value) else {
        return false;
    };
    answer_or_keep(r, oop);
    true
}

/// As [`compare`], of two SmallIntegers.
#[inline(always)]
pub(crate) fn compare_quickly(vm: &mut Vm, r: &mut Registers, opcode: u8) -> bool {
    let (left, right) = (r.operand(1), r.operand(0));
    let (left, right) = match are_small_integers(left, right) {
        true => (left.bits() as i64, right.bits() as i64),
        false => return false,
    };
    decide(vm, r, holds(opcode, left, right)).is_continue()
}

/// As [`other`], of two SmallIntegers.
#[inline(always)]
pub(crate) fn combine_quickly(r: &mut Registers, opcode: u8) -> bool {
    let (left, right) = (r.operand(1), r.operand(0));
    if !are_small_integers(left, right) {
        return false;
    }
    let word = match opcode {
        110 => Some(left.bits() & right.bits()),
        111 => Some(left.bits() | right.bits()),
        _ => integers(opcode, left.bits() as i64 >> 3, right.bits() as i64 >> 3),
    };
    let Some(word) = word else {
        return false;
    };
    r.replace_two(Oop::from_bits(word));
    r.advance(1);
    true
}

#[inline(always)]
pub(crate) fn subtract(vm: &mut Vm, r: &mut Registers) -> Flow {
    let (left, right) = (r.operand(1), r.operand(0));
    if are_small_integers(left, right) {
        let difference = (left.bits() as i64).checked_sub(right.bits() as i64 - TAG);
        if let Some(difference) = difference {
            return answer(r, Oop::from_bits(difference as u64));
        }
    }
    floats(vm, r, |left, right| left - right)
}

#[inline(always)]
pub(crate) fn multiply(vm: &mut Vm, r: &mut Registers) -> Flow {
    let (left, right) = (r.operand(1), r.operand(0));
    if are_small_integers(left, right) {
        let product = (left.bits() as i64 - TAG).checked_mul(right.bits() as i64 >> 3);
        if let Some(product) = product {
            return answer(r, Oop::from_bits((product + TAG) as u64));
        }
    }
    floats(vm, r, |left, right| left * right)
}

/// Both operands as doubles, where one at least is a float and the other a number that converts
/// exactly.
#[inline(always)]
fn doubles(vm: &Vm, r: &Registers) -> Option<(f64, f64)> {
    let (left, right) = (r.operand(1), r.operand(0));
    if let (Some(left), Some(right)) = (left.as_small_float(), right.as_small_float()) {
        return Some((left, right));
    }
    mixed_doubles(vm, left, right)
}

fn mixed_doubles(vm: &Vm, left: Oop, right: Oop) -> Option<(f64, f64)> {
    let exact = |oop: Oop| {
        let value = oop.as_small_integer()?;
        (value.unsigned_abs() < 1 << 53).then_some(value as f64)
    };
    match (vm.heap.float_value(left), vm.heap.float_value(right)) {
        (Some(left), Some(right)) => Some((left, right)),
        (Some(left), None) => Some((left, exact(right)?)),
        (None, Some(right)) => Some((exact(left)?, right)),
        (None, None) => None,
    }
}

#[inline(always)]
fn floats(vm: &mut Vm, r: &mut Registers, operation: fn(f64, f64) -> f64) -> Flow {
    if let Some((left, right)) = doubles(vm, r) {
        let value = operation(left, right);
        if let Some(oop) = Oop::small_float(value) {
            return answer(r, oop);
        }
        return match vm.heap.new_float(value) {
            Ok(oop) => answer(r, oop),
            Err(space) => vm.stop(*r, space),
        };
    }
    send::special(vm, r, r.byte(0))
}

/// `<` `>` `<=` `>=` `=` `~=` (98 to 103), with the conditional jump that follows.
#[inline(always)]
pub(crate) fn compare(vm: &mut Vm, r: &mut Registers, opcode: u8) -> Flow {
    let (left, right) = (r.operand(1), r.operand(0));
    if are_small_integers(left, right) {
        let (left, right) = (left.bits() as i64, right.bits() as i64);
        return decide(vm, r, holds(opcode, left, right));
    }
    if let Some((left, right)) = doubles(vm, r) {
        return decide(vm, r, holds(opcode, left, right));
    }
    send::special(vm, r, opcode)
}

#[inline(always)]
pub(crate) fn holds<T: PartialOrd>(opcode: u8, left: T, right: T) -> bool {
    match opcode {
        98 => left < right,
        99 => left > right,
        100 => left <= right,
        101 => left >= right,
        102 => left == right,
        _ => left != right,
    }
}

#[inline(always)]
fn decide(vm: &mut Vm, r: &mut Registers, condition: bool) -> Flow {
    r.drop(1);
    jump::on(vm, r, condition, 1)
}

/// `/` `\\` `@` `bitShift:` `//` `bitAnd:` `bitOr:` (105 to 111).
#[inline(always)]
pub(crate) fn other(vm: &mut Vm, r: &mut Registers, opcode: u8) -> Flow {
    let (left, right) = (r.operand(1), r.operand(0));
    if are_small_integers(left, right) {
        let tagged = match opcode {
            110 => Some(left.bits() & right.bits()),
            111 => Some(left.bits() | right.bits()),
            _ => integers(opcode, left.bits() as i64 >> 3, right.bits() as i64 >> 3),
        };
        if let Some(bits) = tagged {
            return answer(r, Oop::from_bits(bits));
        }
    } else if opcode == 105 && doubles(vm, r).is_some_and(|(_, divisor)| divisor != 0.0) {
        return floats(vm, r, |left, right| left / right);
    }
    send::special(vm, r, opcode)
}

/// The word of the answer, where it is a SmallInteger.
#[inline(always)]
fn integers(opcode: u8, left: i64, right: i64) -> Option<u64> {
    let value = match opcode {
        105 if right != 0 && left % right == 0 => left / right,
        106 if right != 0 => floored_remainder(left, right),
        108 => shifted(left, right)?,
        109 if right != 0 => left.div_euclid(right) - floor_correction(left, right),
        _ => return None,
    };
    Oop::small_integer(value).map(Oop::bits)
}

#[inline(always)]
fn floored_remainder(left: i64, right: i64) -> i64 {
    let remainder = left % right;
    if remainder != 0 && (remainder < 0) != (right < 0) {
        remainder + right
    } else {
        remainder
    }
}

/// What Euclid's quotient is above the floored one.
#[inline(always)]
fn floor_correction(left: i64, right: i64) -> i64 {
    i64::from(right < 0 && left.rem_euclid(right) != 0)
}

#[inline(always)]
fn shifted(value: i64, distance: i64) -> Option<i64> {
    if distance <= 0 {
        return Some(value >> (-distance).min(63));
    }
    if distance > 60 {
        return (value == 0).then_some(0);
    }
    let result = value << distance;
    (result >> distance == value).then_some(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn division_rounds_towards_minus_infinity() {
        for (left, right, quotient, remainder) in [
            (7, 2, 3, 1),
            (-7, 2, -4, 1),
            (7, -2, -4, -1),
            (-7, -2, 3, -1),
            (6, -2, -3, 0),
        ] {
            let word = |value| Oop::small_integer(value).map(Oop::bits);
            assert_eq!(
                integers(109, left, right),
                word(quotient),
                "{left} // {right}"
            );
            assert_eq!(
                integers(106, left, right),
                word(remainder),
                "{left} \\\\ {right}"
            );
        }
        assert_eq!(integers(109, 1, 0), None);
    }

    #[test]
    fn a_shift_that_loses_bits_is_left_to_large_integers() {
        assert_eq!(shifted(1, 59), Some(1 << 59));
        assert_eq!(integers(108, 1, 60), None);
        assert_eq!(shifted(-1, -70), Some(-1));
        assert_eq!(shifted(0, 1000), Some(0));
        assert_eq!(shifted(1, 1000), None);
    }
}
