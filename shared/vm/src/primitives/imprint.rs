//! Module `ImprintPlugin`: what our kernel asks of our machine, each with a body in Smalltalk for
//! machines that lack it.
//!
//! Most take their operand as receiver or as only argument, whichever the method has.

use imprint_model::{Known, Oop};

use super::arguments::{aligned, new_string, receiver, small_integer, text_of};
use super::large_integers::integer_value;
use crate::args::Args;
use crate::failure::{Failure, PrimitiveError};
use crate::machine::Vm;

/// The unique Symbol of a text.
///
/// # Errors
/// Bad receiver where it is no String, or space is missing.
pub fn intern_symbol(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let args = aligned(args, 0, 0)?;
    let string = receiver(vm, args)?;
    if string.is_object() && vm.heap.is_symbol(string) {
        return Ok(string);
    }
    let text = text_of(vm, string).ok_or(PrimitiveError::BadReceiver)?;
    Ok(vm.heap.intern(&text)?)
}

// === numbers as text ===

/// The shortest decimal digits that read back as the receiver, in Pharo's form: `0.1`, `100.0`,
/// `1.0e10`, `1.0e-5`.
///
/// # Errors
/// Bad receiver where it is no finite Float, or space is missing.
pub fn print_float(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let args = aligned(args, 0, 0)?;
    let float = receiver(vm, args)?;
    let value = vm
        .heap
        .float_value(float)
        .filter(|value| value.is_finite())
        .ok_or(PrimitiveError::BadReceiver)?;
    new_string(vm, float_text(value).as_bytes())
}

/// Pharo writes plain digits from 0.0001 up to below a million, and an exponent elsewhere.
fn float_text(value: f64) -> String {
    if value == 0.0 {
        let sign = if value.is_sign_negative() { "-" } else { "" };
        return format!("{sign}0.0");
    }
    let mut buffer = zmij::Buffer::new();
    let shortest = buffer.format_finite(value.abs());
    let (digits, point) = digits_and_point(shortest);
    let body = match point {
        1..=6 => with_point(&digits, point as usize),
        -3..=0 => format!("0.{}{digits}", "0".repeat(point.unsigned_abs() as usize)),
        _ => format!("{}e{}", with_point(&digits, 1), point - 1),
    };
    if value < 0.0 {
        format!("-{body}")
    } else {
        body
    }
}

/// Digits with no zeros around them, and the power of ten of the point before them.
fn digits_and_point(text: &str) -> (String, i32) {
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{whole}{fraction}");
    let leading_zeros = all.len() - all.trim_start_matches('0').len();
    let digits = all.trim_matches('0').to_string();
    let exponent: i32 = exponent.parse().expect("the printer writes a number there");
    let point = whole.len() as i32 - leading_zeros as i32 + exponent;
    (digits, point)
}

fn with_point(digits: &str, point: usize) -> String {
    if digits.len() <= point {
        return format!("{digits:0<point$}.0");
    }
    format!("{}.{}", &digits[..point], &digits[point..])
}

/// The Float nearest to decimal digits: `12.5e3`, `-1`, `1.e5`.
///
/// # Errors
/// Bad argument where the text is no such number, or space is missing.
pub fn parse_float(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let args = aligned(args, 0, 0)?;
    let string = receiver(vm, args)?;
    let text = text_of(vm, string).ok_or(PrimitiveError::BadArgument)?;
    let value = parsed_float(&text).ok_or(PrimitiveError::BadArgument)?;
    Ok(vm.heap.new_float(value)?)
}

/// Rust also reads `inf` and `nan`, which no Smalltalk literal is.
fn parsed_float(text: &str) -> Option<f64> {
    let is_numeric = |byte: u8| byte.is_ascii_digit() || b"+-.e".contains(&byte);
    if !text.bytes().all(is_numeric) {
        return None;
    }
    text.parse().ok()
}

/// The digits of an integer in a base from 2 to 36, 10 where none is given; upper case, with a
/// sign where it is negative.
///
/// # Errors
/// Bad receiver where it is no integer, bad argument where the base is none, or space is missing.
pub fn print_integer(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let integer = receiver(vm, args)?;
    let value = integer_value(vm, integer).ok_or(PrimitiveError::BadReceiver)?;
    let base = match args.count() {
        0 => 10,
        _ => small_integer(vm, args, 0)?,
    };
    if !(2..=36).contains(&base) {
        return Err(PrimitiveError::BadArgument.into());
    }
    let digits = value.in_radix(base as u8).to_string();
    let digits = digits.to_ascii_uppercase();
    new_string(vm, digits.as_bytes())
}

// === machine ===

/// Names the Semaphore that is signalled when the process is asked to end; nil for none. Answers
/// it.
///
/// # Errors
/// Bad argument where it is neither.
pub fn set_termination_semaphore(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let args = aligned(args, 0, 0)?;
    let semaphore = receiver(vm, args)?;
    if semaphore != vm.heap.nil() && !super::system::is_semaphore(vm, semaphore) {
        return Err(PrimitiveError::BadArgument.into());
    }
    vm.heap.set_known(Known::InterruptSemaphore, semaphore);
    Ok(semaphore)
}

/// Succeeds: this machine waits by itself where nothing can run, and needs no idle process.
///
/// # Errors
/// None.
pub fn needs_no_idle(vm: &mut Vm, _: Args) -> Result<Oop, Failure> {
    Ok(vm.heap.true_object())
}
