//! Floats: numbers 38 to 59 and 541 to 559. A row serves both kinds, boxed and immediate.
//!
//! The argument may be a SmallInteger: arithmetic takes the nearest Float, as `asFloat` does;
//! comparisons are exact, as Pharo's are.

use std::cmp::Ordering;

use dashu_int::IBig;
use imprint_model::{ClassIndex, Oop};

use super::arguments::{
    argument, check_writable, index_below, number, object_receiver, receiver, small_integer,
    unsigned_64,
};
use super::large_integers::new_integer;
use crate::args::Args;
use crate::failure::{Failure, PrimitiveError};
use crate::machine::Vm;

fn float_receiver(vm: &Vm, args: Args) -> Result<f64, Failure> {
    let oop = receiver(vm, args)?;
    vm.heap
        .float_value(oop)
        .ok_or(PrimitiveError::BadReceiver.into())
}

fn number_argument(vm: &Vm, args: Args) -> Result<f64, Failure> {
    let oop = argument(vm, args, 0)?;
    number(vm, oop).ok_or(PrimitiveError::BadArgument.into())
}

fn answer(vm: &mut Vm, value: f64) -> Result<Oop, Failure> {
    Ok(vm.heap.new_float(value)?)
}

macro_rules! arithmetic {
    ($($(#[$doc:meta])* $name:ident = $operator:tt;)*) => {
        $($(#[$doc])*
        ///
        /// # Errors
        /// Where an operand is no such number, or space is missing.
        pub fn $name(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
            let receiver = float_receiver(vm, args)?;
            let argument = number_argument(vm, args)?;
            answer(vm, receiver $operator argument)
        })*
    };
}

arithmetic! {
    /// The sum.
    add = +;
    /// The difference.
    subtract = -;
    /// The product.
    multiply = *;
}

/// The quotient.
///
/// # Errors
/// Where an operand is no such number, the divisor is zero, or space is missing.
pub fn divide(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let receiver = float_receiver(vm, args)?;
    let divisor = number_argument(vm, args)?;
    if divisor == 0.0 {
        return Err(PrimitiveError::BadArgument.into());
    }
    answer(vm, receiver / divisor)
}

/// Compares exactly; `None` where one is no number.
fn ordering(vm: &Vm, args: Args) -> Result<Option<Ordering>, Failure> {
    let receiver = float_receiver(vm, args)?;
    let oop = argument(vm, args, 0)?;
    if let Some(value) = oop.as_small_integer() {
        return Ok(compare_exactly(receiver, value));
    }
    match vm.heap.float_value(oop) {
        Some(value) => Ok(receiver.partial_cmp(&value)),
        None => Err(PrimitiveError::BadArgument.into()),
    }
}

fn compare_exactly(float: f64, integer: i64) -> Option<Ordering> {
    const BEYOND: f64 = 9_223_372_036_854_775_808.0;
    if float.is_nan() {
        return None;
    }
    if float >= BEYOND {
        return Some(Ordering::Greater);
    }
    if float < -BEYOND {
        return Some(Ordering::Less);
    }
    let whole = float.trunc();
    let rest = (float - whole).partial_cmp(&0.0)?;
    Some((whole as i64).cmp(&integer).then(rest))
}

macro_rules! comparison {
    ($($(#[$doc:meta])* $name:ident = $test:expr;)*) => {
        $($(#[$doc])*
        ///
        /// # Errors
        /// Where an operand is no such number.
        pub fn $name(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
            let test: fn(Option<Ordering>) -> bool = $test;
            let holds = test(ordering(vm, args)?);
            Ok(vm.heap.boolean(holds))
        })*
    };
}

comparison! {
    /// Whether the receiver is less.
    less_than = |found| found.is_some_and(Ordering::is_lt);
    /// Whether the receiver is greater.
    greater_than = |found| found.is_some_and(Ordering::is_gt);
    /// Whether the receiver is less or equal.
    less_or_equal = |found| found.is_some_and(Ordering::is_le);
    /// Whether the receiver is greater or equal.
    greater_or_equal = |found| found.is_some_and(Ordering::is_ge);
    /// Whether both are equal.
    equal = |found| found.is_some_and(Ordering::is_eq);
    /// Whether both differ; not-a-number differs from everything.
    not_equal = |found| found.is_none_or(Ordering::is_ne);
}

/// The nearest Float to a SmallInteger.
///
/// # Errors
/// Where the receiver is another object, or space is missing.
pub fn from_small_integer(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let value = super::arguments::small_integer_receiver(vm, args)?;
    answer(vm, value as f64)
}

/// The integer that is left when the fraction is cut off, large where it must be.
///
/// # Errors
/// Bad receiver where it is infinite or not a number.
pub fn truncated(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let value = float_receiver(vm, args)?;
    if !value.is_finite() {
        return Err(PrimitiveError::BadReceiver.into());
    }
    if value.abs() < 1e18 {
        return Oop::small_integer(value as i64).ok_or(PrimitiveError::Generic.into());
    }
    new_integer(vm, &whole_part(value))
}

/// A finite Float of at least 2^52 as an integer.
fn whole_part(value: f64) -> IBig {
    let bits = value.to_bits();
    let mantissa = (bits & ((1 << 52) - 1)) | (1 << 52);
    let exponent = (bits >> 52 & 0x7FF) as usize - 1075;
    let magnitude = IBig::from(mantissa) << exponent;
    if value < 0.0 { -magnitude } else { magnitude }
}

/// What [`truncated`] cuts off, with the sign of the receiver.
///
/// # Errors
/// Where the receiver is no Float, or space is missing.
pub fn fraction_part(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let value = float_receiver(vm, args)?;
    let fraction = if value.is_infinite() {
        0.0
    } else {
        value.fract()
    };
    answer(vm, fraction.copysign(value))
}

/// The exponent of two of the normalised receiver: 1.0 has 0.
///
/// # Errors
/// Bad receiver where it is infinite, not a number, or no Float.
pub fn exponent(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let value = float_receiver(vm, args)?;
    if !value.is_finite() {
        return Err(PrimitiveError::BadReceiver.into());
    }
    Ok(Oop::small(exponent_of(value)))
}

/// Zero has -1, by C's `frexp`, which the stock machine asks.
fn exponent_of(value: f64) -> i32 {
    let biased = (value.to_bits() >> 52 & 0x7FF) as i32;
    if value == 0.0 {
        -1
    } else if biased == 0 {
        exponent_of(value * TWO_TO_54) - 54
    } else {
        biased - 1023
    }
}

const TWO_TO_54: f64 = 18_014_398_509_481_984.0;

/// The receiver times a power of two.
///
/// # Errors
/// Where the argument is no SmallInteger, or space is missing.
pub fn times_two_power(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let value = float_receiver(vm, args)?;
    let power = small_integer(vm, args, 0)?;
    answer(vm, scaled(value, power))
}

/// `value * 2^power`, rounded once: the steps down keep 53 bits until the last.
fn scaled(mut value: f64, power: i64) -> f64 {
    let mut power = power.clamp(-4096, 4096) as i32;
    let up = f64::from_bits(2046 << 52);
    let down = f64::from_bits(1 << 52) * TWO_TO_54 / 2.0;
    while power > 1023 {
        value *= up;
        power -= 1023;
    }
    while power < -1022 {
        value *= down;
        power += 969;
    }
    value * f64::from_bits(((power + 1023) as u64) << 52)
}

macro_rules! functions {
    ($($(#[$doc:meta])* $name:ident = $function:expr, unless $is_outside:expr;)*) => {
        $($(#[$doc])*
        ///
        /// # Errors
        /// Where the receiver is no Float or has no such value, or space is missing.
        pub fn $name(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
            let value = float_receiver(vm, args)?;
            let is_outside: fn(f64) -> bool = $is_outside;
            if is_outside(value) {
                return Err(PrimitiveError::BadReceiver.into());
            }
            let function: fn(f64) -> f64 = $function;
            answer(vm, function(value))
        })*
    };
}

functions! {
    /// The square root; fails where the receiver is negative: the image raises DomainError.
    square_root = f64::sqrt, unless |value| value < 0.0;
    /// The sine of an angle in radians.
    sine = f64::sin, unless |_| false;
    /// The angle in radians of which the receiver is the tangent.
    arc_tangent = f64::atan, unless |_| false;
    /// The natural logarithm; fails where the receiver is not positive: the image raises DomainError.
    natural_logarithm = f64::ln, unless |value| value <= 0.0;
    /// e to the power of the receiver.
    exponential = f64::exp, unless |_| false;
}

/// Which half an index names: 1 is the more significant one, wherever it lies in memory.
fn half_shift(vm: &Vm, args: Args) -> Result<u32, Failure> {
    match small_integer(vm, args, 0)? {
        1 => Ok(32),
        2 => Ok(0),
        _ => Err(PrimitiveError::BadIndex.into()),
    }
}

/// A 32-bit half of the receiver's bits.
///
/// # Errors
/// Bad index where it is neither 1 nor 2.
pub fn word_at(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let value = float_receiver(vm, args)?;
    let shift = half_shift(vm, args)?;
    Ok(Oop::index((value.to_bits() >> shift) as u32 as usize))
}

/// Puts a 32-bit half into a boxed Float.
///
/// # Errors
/// Where the receiver is immediate or read-only, the index neither 1 nor 2, or the value does not
/// fit in 32 bits.
pub fn word_at_put(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let float = receiver(vm, args)?;
    if vm.heap.class_index_of(float) != ClassIndex::BOXED_FLOAT {
        return Err(PrimitiveError::BadReceiver.into());
    }
    let shift = half_shift(vm, args)?;
    let value = argument(vm, args, 1)?;
    let half = unsigned_64(vm, value)
        .and_then(|half| u32::try_from(half).ok())
        .ok_or(PrimitiveError::BadArgument)?;
    check_writable(vm, float)?;
    // Whoever makes an instance says how large it is.
    let words = vm.heap.words_64_mut(float);
    let word = words.first_mut().ok_or(PrimitiveError::BadReceiver)?;
    *word = *word & !(0xFFFF_FFFF << shift) | u64::from(half) << shift;
    Ok(value)
}

// === module FloatArrayPlugin ===

/// The receiver, of 32-bit words, and the 0-based index.
fn single_element(vm: &Vm, args: Args) -> Result<(Oop, usize), Failure> {
    let array = object_receiver(vm, args)?;
    if !vm.heap.format(array).is_words_32() {
        return Err(PrimitiveError::BadReceiver.into());
    }
    let size = vm.heap.words_32(array).len();
    Ok((array, index_below(vm, args, 0, size)?))
}

/// `at:` of an array of single-precision floats.
///
/// # Errors
/// Bad receiver where it has no 32-bit words, bad index, bad argument, or space is missing.
pub fn single_at(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let (array, index) = single_element(vm, args)?;
    let value = f32::from_bits(vm.heap.words_32(array)[index]);
    answer(vm, f64::from(value))
}

/// `at:put:` of an array of single-precision floats; the value is rounded, and answered as given.
///
/// # Errors
/// As [`single_at`]; no modification; bad argument where the value is no Float or SmallInteger.
pub fn single_at_put(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let (array, index) = single_element(vm, args)?;
    let oop = argument(vm, args, 1)?;
    let value = number(vm, oop).ok_or(PrimitiveError::BadArgument)?;
    check_writable(vm, array)?;
    vm.heap.words_32_mut(array)[index] = (value as f32).to_bits();
    Ok(oop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn exact_comparison_sees_the_last_bit() {
        let above = (1i64 << 53) + 1;
        assert_eq!(compare_exactly(2f64.powi(53), above), Some(Ordering::Less));
        assert_eq!(compare_exactly(0.5, 0), Some(Ordering::Greater));
        assert_eq!(compare_exactly(-0.5, 0), Some(Ordering::Less));
        assert_eq!(compare_exactly(-0.0, 0), Some(Ordering::Equal));
        assert_eq!(compare_exactly(f64::NAN, 0), None);
        assert_eq!(compare_exactly(1e300, 5), Some(Ordering::Greater));
        assert_eq!(compare_exactly(f64::NEG_INFINITY, 5), Some(Ordering::Less));
    }

    #[test]
    fn scaling_rounds_once_at_the_edge_of_the_subnormal() {
        let least = f64::from_bits(1);
        assert_eq!(scaled(1.0, -1074), least);
        assert_eq!(scaled(1.0, -1075), 0.0);
        assert_eq!(scaled(1.5, -1075), least);
        assert_eq!(scaled(least, 1074), 1.0);
        assert_eq!(scaled(1.0, 1024), f64::INFINITY);
        assert_eq!(scaled(least, 2097), 2f64.powi(1023));
        assert_eq!(scaled(3.0, 1), 6.0);
    }

    proptest! {
        #[test]
        fn exponents_bracket_the_value(bits in any::<u64>()) {
            let value = f64::from_bits(bits).abs();
            prop_assume!(value.is_finite() && value != 0.0);
            let mantissa = scaled(value, -i64::from(exponent_of(value)));
            prop_assert!((1.0..2.0).contains(&mantissa), "{value} {mantissa}");
        }

        #[test]
        fn whole_parts_agree_with_128_bits(value in -1.0e38f64..1.0e38) {
            prop_assume!(value.abs() >= 1e18);
            prop_assert_eq!(whole_part(value), IBig::from(value as i128));
        }

        #[test]
        fn exact_comparison_agrees_with_wide_integers(a in any::<i64>(), b in any::<i64>()) {
            let float = a as f64;
            prop_assert_eq!(compare_exactly(float, b), Some((float as i128).cmp(&(b as i128))));
        }
    }
}
