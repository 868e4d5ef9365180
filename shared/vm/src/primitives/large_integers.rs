//! Integers of any size: numbers 20 to 37, and module `LargeIntegers`.
//!
//! A large integer is an object of bytes, least significant first; its class says the sign. What
//! is answered is *normalised*: the fewest bytes, and a SmallInteger where 61 bits suffice. What
//! is given need not be: Smalltalk code fills large integers byte by byte.
//!
//! Operands of up to 64 bits take a path of machine words; the others go through dashu.

use std::cmp::Ordering;

use dashu_int::ops::BitTest;
use dashu_int::{IBig, Sign, UBig};
use imprint_model::{ClassIndex, Oop};

use super::arguments::{argument, boolean, new_array, receiver, small_integer};
use crate::args::Args;
use crate::failure::{Failure, PrimitiveError};
use crate::machine::Vm;

/// Most bits that a shift may produce; beyond it the primitive fails with "limit exceeded".
const SHIFT_BITS_MAX: usize = 1 << 32;

/// The value of an integer object; `None` for any other.
pub fn integer_value(vm: &Vm, oop: Oop) -> Option<IBig> {
    if let Some(value) = oop.as_small_integer() {
        return Some(IBig::from(value));
    }
    let sign = sign_of(vm, oop)?;
    let magnitude = UBig::from_le_bytes(vm.heap.bytes(oop));
    Some(IBig::from_parts(sign, magnitude))
}

/// The sign that a large integer's class says; `None` for any other object.
fn sign_of(vm: &Vm, oop: Oop) -> Option<Sign> {
    match vm.heap.class_index_of(oop) {
        ClassIndex::LARGE_POSITIVE => Some(Sign::Positive),
        ClassIndex::LARGE_NEGATIVE => Some(Sign::Negative),
        _ => None,
    }
}

/// The value of an integer of at most 64 bits and a sign.
fn narrow_value(vm: &Vm, oop: Oop) -> Option<i128> {
    if let Some(value) = oop.as_small_integer() {
        return Some(i128::from(value));
    }
    let sign = sign_of(vm, oop)?;
    let bytes = vm.heap.bytes(oop);
    if bytes.len() > 8 {
        return None;
    }
    let mut word = [0; 8];
    word[..bytes.len()].copy_from_slice(bytes);
    let magnitude = i128::from(u64::from_le_bytes(word));
    Some(if sign == Sign::Negative {
        -magnitude
    } else {
        magnitude
    })
}

/// The integer object of a value, normalised.
///
/// # Errors
/// Where space is missing.
pub fn new_integer(vm: &mut Vm, value: &IBig) -> Result<Oop, Failure> {
    if let Some(small) = i64::try_from(value).ok().and_then(Oop::small_integer) {
        return Ok(small);
    }
    let bytes = value.clone().into_parts().1.to_le_bytes();
    new_large(vm, value.sign(), &bytes)
}

/// The integer object of a machine value, normalised.
///
/// # Errors
/// Where space is missing.
pub fn new_narrow_integer(vm: &mut Vm, value: i128) -> Result<Oop, Failure> {
    if let Some(small) = i64::try_from(value).ok().and_then(Oop::small_integer) {
        return Ok(small);
    }
    let bytes = value.unsigned_abs().to_le_bytes();
    let sign = if value < 0 {
        Sign::Negative
    } else {
        Sign::Positive
    };
    new_large(vm, sign, &bytes)
}

fn new_large(vm: &mut Vm, sign: Sign, magnitude: &[u8]) -> Result<Oop, Failure> {
    let class_index = match sign {
        Sign::Positive => ClassIndex::LARGE_POSITIVE,
        Sign::Negative => ClassIndex::LARGE_NEGATIVE,
    };
    let used = magnitude
        .iter()
        .rposition(|byte| *byte != 0)
        .map_or(0, |last| last + 1);
    Ok(vm.heap.allocate_bytes(class_index, &magnitude[..used])?)
}

/// Receiver and argument, still as oops, both integers.
fn operands(vm: &Vm, args: Args) -> Result<(Oop, Oop), Failure> {
    let receiver = receiver(vm, args)?;
    let argument = argument(vm, args, 0)?;
    check_integer(vm, receiver, PrimitiveError::BadReceiver)?;
    check_integer(vm, argument, PrimitiveError::BadArgument)?;
    Ok((receiver, argument))
}

fn check_integer(vm: &Vm, oop: Oop, error: PrimitiveError) -> Result<(), Failure> {
    if oop.is_small_integer() || sign_of(vm, oop).is_some() {
        Ok(())
    } else {
        Err(error.into())
    }
}

/// The value of what [`check_integer`] let pass.
fn checked_value(vm: &Vm, oop: Oop) -> Result<IBig, Failure> {
    integer_value(vm, oop).ok_or(PrimitiveError::BadArgument.into())
}

type Narrow = fn(i128, i128) -> Option<i128>;
type Wide = fn(&IBig, &IBig) -> Option<IBig>;

/// Computes with machine words where these hold operands and result, else with any size.
fn compute(vm: &mut Vm, args: Args, narrow: Narrow, wide: Wide) -> Result<Oop, Failure> {
    let (receiver, argument) = operands(vm, args)?;
    if let (Some(a), Some(b)) = (narrow_value(vm, receiver), narrow_value(vm, argument))
        && let Some(result) = narrow(a, b)
    {
        return new_narrow_integer(vm, result);
    }
    let a = checked_value(vm, receiver)?;
    let b = checked_value(vm, argument)?;
    let result = wide(&a, &b).ok_or(PrimitiveError::Generic)?;
    new_integer(vm, &result)
}

macro_rules! arithmetic {
    ($($(#[$doc:meta])* $name:ident = $narrow:expr, $wide:expr;)*) => {
        $($(#[$doc])*
        ///
        /// # Errors
        /// Where an operand is no integer, there is no such integer, or space is missing.
        pub fn $name(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
            compute(vm, args, $narrow, $wide)
        })*
    };
}

arithmetic! {
    /// The sum.
    add = i128::checked_add, |a, b| Some(a + b);
    /// The difference.
    subtract = i128::checked_sub, |a, b| Some(a - b);
    /// The product.
    multiply = i128::checked_mul, |a, b| Some(a * b);
    /// The quotient, where the division leaves no rest.
    divide = |a, b| (a.checked_rem(b)? == 0).then(|| a / b), exact_quotient;
    /// The rest of the division that rounds down.
    modulo = |a, b| Some(a - narrow_floor(a, b)? * b), floor_modulo;
    /// The quotient rounded down.
    floor_divide = narrow_floor, wide_floor;
    /// The quotient rounded towards zero.
    quotient = i128::checked_div, |a, b| divisible(b).then(|| a / b);
    /// The rest of the division that rounds towards zero.
    remainder = i128::checked_rem, |a, b| divisible(b).then(|| a % b);
    /// The bits that both have, in two's complement.
    bit_and = |a, b| Some(a & b), |a, b| Some(a & b);
    /// The bits that either has.
    bit_or = |a, b| Some(a | b), |a, b| Some(a | b);
    /// The bits that one of both has.
    bit_xor = |a, b| Some(a ^ b), |a, b| Some(a ^ b);
}

fn divisible(divisor: &IBig) -> bool {
    !divisor.is_zero()
}

fn exact_quotient(a: &IBig, b: &IBig) -> Option<IBig> {
    (divisible(b) && (a % b).is_zero()).then(|| a / b)
}

fn narrow_floor(a: i128, b: i128) -> Option<i128> {
    let quotient = a.checked_div(b)?;
    let rounded_up = quotient * b != a && (a < 0) != (b < 0);
    Some(quotient - i128::from(rounded_up))
}

fn floor_modulo(a: &IBig, b: &IBig) -> Option<IBig> {
    if !divisible(b) {
        return None;
    }
    let rest = a % b;
    let wrong_sign = !rest.is_zero() && rest.sign() != b.sign();
    Some(if wrong_sign { rest + b } else { rest })
}

fn wide_floor(a: &IBig, b: &IBig) -> Option<IBig> {
    let rest = floor_modulo(a, b)?;
    Some((a - rest) / b)
}

fn compare(vm: &Vm, args: Args) -> Result<Ordering, Failure> {
    let (receiver, argument) = operands(vm, args)?;
    if let (Some(a), Some(b)) = (narrow_value(vm, receiver), narrow_value(vm, argument)) {
        return Ok(a.cmp(&b));
    }
    Ok(checked_value(vm, receiver)?.cmp(&checked_value(vm, argument)?))
}

macro_rules! comparison {
    ($($(#[$doc:meta])* $name:ident = $test:ident;)*) => {
        $($(#[$doc])*
        ///
        /// # Errors
        /// Where an operand is no integer.
        pub fn $name(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
            let holds = compare(vm, args)?.$test();
            Ok(vm.heap.boolean(holds))
        })*
    };
}

comparison! {
    /// Whether the receiver is less.
    less_than = is_lt;
    /// Whether the receiver is greater.
    greater_than = is_gt;
    /// Whether the receiver is less or equal.
    less_or_equal = is_le;
    /// Whether the receiver is greater or equal.
    greater_or_equal = is_ge;
    /// Whether both are equal.
    equal = is_eq;
    /// Whether both differ.
    not_equal = is_ne;
}

/// The receiver shifted left, or right (rounding down) where the argument is negative.
///
/// # Errors
/// Where an operand is no integer, the result has too many bits, or space is missing.
pub fn bit_shift(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let (value, shift) = shift_operands(vm, args)?;
    let result = if shift < 0 {
        value >> right_shift(shift)
    } else {
        shifted_left(value, shift)?
    };
    new_integer(vm, &result)
}

fn shift_operands(vm: &Vm, args: Args) -> Result<(IBig, i64), Failure> {
    let receiver = receiver(vm, args)?;
    let value = integer_value(vm, receiver).ok_or(PrimitiveError::BadReceiver)?;
    Ok((value, small_integer(vm, args, 0)?))
}

/// A shift right by more bits than any integer has is the same as this one.
fn right_shift(shift: i64) -> usize {
    (shift.unsigned_abs() as usize).min(1 << 40)
}

fn shifted_left(value: IBig, shift: i64) -> Result<IBig, Failure> {
    if value.is_zero() {
        return Ok(value);
    }
    let bits = value.bit_len().saturating_add(shift as usize);
    if bits > SHIFT_BITS_MAX {
        return Err(PrimitiveError::LimitExceeded.into());
    }
    Ok(value << shift as usize)
}

// === module LargeIntegers ===

/// Both operands as magnitudes, and the sign of the receiver.
fn magnitudes(vm: &Vm, args: Args) -> Result<(Sign, UBig, UBig), Failure> {
    let (receiver, argument) = operands(vm, args)?;
    let (sign, a) = checked_value(vm, receiver)?.into_parts();
    let (_, b) = checked_value(vm, argument)?.into_parts();
    Ok((sign, a, b))
}

fn signed(sign: Sign, magnitude: UBig) -> IBig {
    IBig::from_parts(sign, magnitude)
}

/// The sum of both magnitudes, with the receiver's sign.
///
/// # Errors
/// Where an operand is no integer, or space is missing.
pub fn digit_add(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let (sign, a, b) = magnitudes(vm, args)?;
    new_integer(vm, &signed(sign, a + b))
}

/// The difference of both magnitudes, times the receiver's sign.
///
/// # Errors
/// Where an operand is no integer, or space is missing.
pub fn digit_subtract(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let (sign, a, b) = magnitudes(vm, args)?;
    let difference = IBig::from(a) - IBig::from(b);
    let result = match sign {
        Sign::Positive => difference,
        Sign::Negative => -difference,
    };
    new_integer(vm, &result)
}

fn sign_argument(vm: &Vm, args: Args, index: usize) -> Result<Sign, Failure> {
    Ok(if boolean(vm, args, index)? {
        Sign::Negative
    } else {
        Sign::Positive
    })
}

/// The product of both magnitudes, negative where the second argument says so.
///
/// # Errors
/// Where an operand is no integer or no Boolean, or space is missing.
pub fn digit_multiply(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let (_, a, b) = magnitudes(vm, args)?;
    let sign = sign_argument(vm, args, 1)?;
    new_integer(vm, &signed(sign, a * b))
}

/// An Array of the quotient of both magnitudes, negative where the second argument says so, and
/// the rest, which has the receiver's sign.
///
/// # Errors
/// Where an operand is no integer or no Boolean, the divisor is zero, or space is missing.
pub fn digit_divide(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let (rest_sign, a, b) = magnitudes(vm, args)?;
    let sign = sign_argument(vm, args, 1)?;
    if b.is_zero() {
        return Err(PrimitiveError::BadArgument.into());
    }
    let quotient = new_integer(vm, &signed(sign, &a / &b))?;
    let rest = new_integer(vm, &signed(rest_sign, a % b))?;
    new_array(vm, &[quotient, rest])
}

/// -1, 0 or 1 as the receiver's magnitude is less, equal or greater than the argument's.
///
/// # Errors
/// Where an operand is no integer.
pub fn digit_compare(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let (_, a, b) = magnitudes(vm, args)?;
    Ok(Oop::small(a.cmp(&b) as i32))
}

/// The receiver's magnitude shifted, with its sign; a shift right cuts off.
///
/// # Errors
/// Where an operand is no integer, the result has too many bits, or space is missing.
pub fn digit_shift_magnitude(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let (value, shift) = shift_operands(vm, args)?;
    let (sign, magnitude) = value.into_parts();
    let shifted = if shift < 0 {
        IBig::from(magnitude >> right_shift(shift))
    } else {
        shifted_left(IBig::from(magnitude), shift)?
    };
    new_integer(vm, &signed(sign, shifted.into_parts().1))
}

/// Whether a bit of the receiver's magnitude is set between two 1-based positions, both included.
///
/// # Errors
/// Where the receiver is no integer or a position is less than 1.
pub fn any_bit_from_to(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let receiver = receiver(vm, args)?;
    let value = integer_value(vm, receiver).ok_or(PrimitiveError::BadReceiver)?;
    let first = bit_position(vm, args, 0)?;
    let last = bit_position(vm, args, 1)?;
    let magnitude = value.into_parts().1;
    let within = magnitude >> (first - 1);
    let any = last >= first
        && within
            .trailing_zeros()
            .is_some_and(|zeros| zeros <= last - first);
    Ok(vm.heap.boolean(any))
}

fn bit_position(vm: &Vm, args: Args, index: usize) -> Result<usize, Failure> {
    match small_integer(vm, args, index)? {
        position if position >= 1 => Ok(position as usize),
        _ => Err(PrimitiveError::BadIndex.into()),
    }
}

/// The receiver, a large integer, normalised; itself where it already is.
///
/// # Errors
/// Where the receiver is no large integer, or space is missing.
pub fn normalize(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let receiver = receiver(vm, args)?;
    let sign = sign_of(vm, receiver).ok_or(PrimitiveError::BadReceiver)?;
    let magnitude = UBig::from_le_bytes(vm.heap.bytes(receiver));
    let is_short = vm.heap.bytes(receiver).last() != Some(&0);
    let value = signed(sign, magnitude);
    let fits = i64::try_from(&value).ok().and_then(Oop::small_integer);
    match fits {
        Some(small) => Ok(small),
        None if is_short => Ok(receiver),
        None => new_integer(vm, &value),
    }
}
