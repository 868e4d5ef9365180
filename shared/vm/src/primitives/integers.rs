//! SmallIntegers: numbers 1 to 17 and 159.
//!
//! What does not fit in 61 bits fails, as in Pharo: the method's body goes on with large integers.

use imprint_model::{ClassIndex, Oop};

use super::arguments::{receiver, small_integer, small_integer_receiver};
use crate::args::Args;
use crate::failure::{Failure, PrimitiveError};
use crate::machine::Vm;

fn operands(vm: &Vm, args: Args) -> Result<(i64, i64), Failure> {
    Ok((
        small_integer_receiver(vm, args)?,
        small_integer(vm, args, 0)?,
    ))
}

fn fitting(value: Option<i64>) -> Result<Oop, Failure> {
    value
        .and_then(Oop::small_integer)
        .ok_or(PrimitiveError::Generic.into())
}

macro_rules! arithmetic {
    ($($(#[$doc:meta])* $name:ident = $operation:expr;)*) => {
        $($(#[$doc])*
        ///
        /// # Errors
        /// Where an operand is no SmallInteger, or there is no such SmallInteger.
        pub fn $name(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
            let (receiver, argument) = operands(vm, args)?;
            let operation: fn(i64, i64) -> Option<i64> = $operation;
            fitting(operation(receiver, argument))
        })*
    };
}

arithmetic! {
    /// The sum.
    add = |a, b| a.checked_add(b);
    /// The difference.
    subtract = |a, b| a.checked_sub(b);
    /// The product.
    multiply = |a, b| a.checked_mul(b);
    /// The quotient, where the division leaves no rest.
    divide = |a, b| (a.checked_rem(b)? == 0).then(|| a / b);
    /// The rest of the division that rounds down; it has the sign of the divisor.
    modulo = |a, b| Some(a - floor_quotient(a, b)? * b);
    /// The quotient rounded down.
    floor_divide = floor_quotient;
    /// The quotient rounded towards zero.
    quotient = |a, b| a.checked_div(b);
    /// The bits that both have.
    bit_and = |a, b| Some(a & b);
    /// The bits that either has.
    bit_or = |a, b| Some(a | b);
    /// The bits that one of both has.
    bit_xor = |a, b| Some(a ^ b);
    /// The receiver shifted left, or right where the argument is negative.
    bit_shift = shifted;
}

fn floor_quotient(dividend: i64, divisor: i64) -> Option<i64> {
    let quotient = dividend.checked_div(divisor)?;
    let has_rest = quotient * divisor != dividend;
    let is_negative = (dividend < 0) != (divisor < 0);
    Some(quotient - i64::from(has_rest && is_negative))
}

fn shifted(value: i64, shift: i64) -> Option<i64> {
    if shift <= 0 {
        return Some(value >> shift.unsigned_abs().min(63));
    }
    if value == 0 {
        return Some(0);
    }
    let shift = u32::try_from(shift).ok().filter(|shift| *shift < 63)?;
    let result = value << shift;
    (result >> shift == value).then_some(result)
}

macro_rules! comparison {
    ($($(#[$doc:meta])* $name:ident = $operator:tt;)*) => {
        $($(#[$doc])*
        ///
        /// # Errors
        /// Where an operand is no SmallInteger.
        pub fn $name(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
            let (receiver, argument) = operands(vm, args)?;
            Ok(vm.heap.boolean(receiver $operator argument))
        })*
    };
}

comparison! {
    /// Whether the receiver is less.
    less_than = <;
    /// Whether the receiver is greater.
    greater_than = >;
    /// Whether the receiver is less or equal.
    less_or_equal = <=;
    /// Whether the receiver is greater or equal.
    greater_or_equal = >=;
    /// Whether both are equal.
    equal = ==;
    /// Whether both differ.
    not_equal = !=;
}

/// The position of the highest bit, from 1; 0 of 0.
///
/// # Errors
/// Bad receiver where it is negative, or no SmallInteger.
pub fn high_bit(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let value = receiver(vm, args)?.as_small_integer();
    match value.and_then(|value| u64::try_from(value).ok()) {
        Some(value) => Ok(Oop::small((u64::BITS - value.leading_zeros()) as i32)),
        None => Err(PrimitiveError::BadReceiver.into()),
    }
}

/// The factor of string hashes and of `hashMultiply`.
const HASH_FACTOR: u32 = 1664525;
/// Hashes keep 28 bits.
const HASH_BITS: u32 = 0x0FFF_FFFF;

/// The low 28 bits of the product with the factor of Pharo's hashes; of a LargePositiveInteger
/// its low 32 bits are taken.
///
/// # Errors
/// Bad receiver where it is another object.
pub fn hash_multiply(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let receiver = receiver(vm, args)?;
    let low = match receiver.as_small_integer() {
        Some(value) => value as u32,
        None if vm.heap.class_index_of(receiver) == ClassIndex::LARGE_POSITIVE => {
            low_word(vm.heap.bytes(receiver))
        }
        None => return Err(PrimitiveError::BadReceiver.into()),
    };
    Ok(Oop::small(
        (low.wrapping_mul(HASH_FACTOR) & HASH_BITS) as i32,
    ))
}

fn low_word(bytes: &[u8]) -> u32 {
    let mut word = [0; 4];
    let length = bytes.len().min(4);
    word[..length].copy_from_slice(&bytes[..length]);
    u32::from_le_bytes(word)
}
