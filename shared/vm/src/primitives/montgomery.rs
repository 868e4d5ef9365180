//! Montgomery multiplication, of module `LargeIntegers`: what modular powers of large integers are made of.
//!
//! With digits of 32 bits and as many of them as the modulus has, it answers the product divided by the
//! power of two that those digits reach, modulo the modulus. The image looks the size of a digit up, since
//! its own code, for machines without this, has digits of eight bits.
//!
//! Source: P. L. Montgomery, "Modular multiplication without trial division", 1985.

use dashu_int::UBig;
use imprint_model::Oop;

use super::arguments::{argument, receiver};
use super::large_integers::{integer_value, new_integer};
use crate::args::Args;
use crate::failure::{Failure, PrimitiveError};
use crate::machine::Vm;

/// Bits of a digit.
const DIGIT_BITS: usize = 32;

/// The bits of a digit.
///
/// # Errors
/// None.
pub fn digit_length(_: &mut Vm, _: Args) -> Result<Oop, Failure> {
    Ok(Oop::index(DIGIT_BITS))
}

/// `first montgomeryTimes: second modulo: modulus mInvModB: inverse`: the inverse is that of the negated
/// modulus, modulo a digit.
///
/// # Errors
/// Where an operand is no positive integer or zero, a factor has more digits than the modulus, the
/// modulus is even or the inverse is not its inverse, or space is missing.
pub fn times_modulo(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let first = receiver(vm, args)?;
    let first = magnitude(vm, first).ok_or(PrimitiveError::BadReceiver)?;
    let second = positive_argument(vm, args, 0)?;
    let modulus = positive_argument(vm, args, 1)?;
    let inverse = u32::try_from(&positive_argument(vm, args, 2)?);
    let inverse = inverse.map_err(|_| PrimitiveError::BadArgument)?;
    let digits = digit_count(&modulus);
    let is_too_long = digit_count(&first) > digits || digit_count(&second) > digits;
    if is_too_long || inverse.wrapping_mul(lowest_digit(&modulus)) != u32::MAX {
        return Err(PrimitiveError::BadArgument.into());
    }
    let product = reduced(first * second, &modulus, inverse, digits);
    new_integer(vm, &product.into())
}

/// Takes a digit off the low end at a time, after a multiple of the modulus has made it zero.
fn reduced(product: UBig, modulus: &UBig, inverse: u32, digits: usize) -> UBig {
    let clear_lowest = |rest: UBig, _| {
        let factor = lowest_digit(&rest).wrapping_mul(inverse);
        (rest + modulus * factor) >> DIGIT_BITS
    };
    let rest = (0..digits).fold(product, clear_lowest);
    if rest >= *modulus {
        rest - modulus
    } else {
        rest
    }
}

fn lowest_digit(value: &UBig) -> u32 {
    let bytes = value.to_le_bytes();
    let digit = std::array::from_fn(|index| bytes.get(index).copied().unwrap_or(0));
    u32::from_le_bytes(digit)
}

fn digit_count(value: &UBig) -> usize {
    value.to_le_bytes().len().div_ceil(DIGIT_BITS / 8)
}

fn positive_argument(vm: &Vm, args: Args, index: usize) -> Result<UBig, Failure> {
    let oop = argument(vm, args, index)?;
    magnitude(vm, oop).ok_or(PrimitiveError::BadArgument.into())
}

/// The value of an integer that is not negative.
fn magnitude(vm: &Vm, oop: Oop) -> Option<UBig> {
    UBig::try_from(integer_value(vm, oop)?).ok()
}
