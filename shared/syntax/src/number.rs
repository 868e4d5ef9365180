//! Number literals: how far one reaches, and what it means.
//!
//! ```text
//! number   = digits [ 'r' digits-of-radix ] [ '.' digits ] [ exponent | scale ]
//! exponent = ('e' | 'd' | 'q') ['-'] decimal-digits      a power of the radix
//! scale    = 's' [decimal-digits]                         not before a letter
//! ```
//! Underscores may stand between digits. A letter that is a digit of the radix is a digit:
//! `16r1e3` is 483, `2r1e3` is 8.

use dashu_int::ops::{BitTest, Gcd};
use dashu_int::{IBig, UBig};

use crate::tree::{Integer, Literal};

/// Numbers above this many bits are refused: no program means one, and a short text could ask
/// for all memory (`1e999999999`).
const BITS_MAX: usize = 1 << 20;

/// The parts of a number, as ranges of its text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Parts {
    radix: u32,
    /// Where the digits before the point begin and end.
    whole: (usize, usize),
    /// Where the digits behind the point begin and end, if there is a point.
    fraction: Option<(usize, usize)>,
    /// Where the exponent's digits begin and end, with its sign.
    exponent: Option<(usize, usize)>,
    /// Where the scale's digits begin and end; empty for a bare `s`.
    scale: Option<(usize, usize)>,
    end: usize,
}

/// How many bytes the number at the start of `text` takes; the first byte is a decimal digit.
pub(crate) fn length(text: &[u8]) -> usize {
    split(text, 0).end
}

/// What the whole of `text` means; `Err` holds what is wrong with it.
pub(crate) fn value(text: &str, negative: bool) -> Result<Literal<'static>, &'static str> {
    let minus_after_radix = text.contains("r-");
    let cleaned;
    let text = if text.contains('_') || minus_after_radix {
        cleaned = text.replace('_', "").replace("r-", "r");
        cleaned.as_str()
    } else {
        text
    };
    let negative = negative != minus_after_radix;
    let parts = split(text.as_bytes(), 0);
    if !(2..=36).contains(&parts.radix) {
        return Err("a radix is between 2 and 36");
    }
    if parts.whole.0 == parts.whole.1 {
        return Err("digits are missing after the radix");
    }
    let exponent = exponent(text, parts)?;
    if parts.scale.is_some() {
        return scaled(text, parts, negative);
    }
    if parts.fraction.is_some() {
        return float(text, parts, exponent, negative);
    }
    integer(text, parts, exponent, negative)
}

fn split(text: &[u8], start: usize) -> Parts {
    let mut parts = Parts {
        radix: 10,
        ..Parts::default()
    };
    let mut position = skip_digits(text, start, 10);
    parts.whole = (start, position);
    if text.get(position) == Some(&b'r') {
        let digits = text[start..position].iter().filter(|&&digit| digit != b'_');
        parts.radix = digits.fold(0, |radix: u32, &digit| {
            radix
                .saturating_mul(10)
                .saturating_add(u32::from(digit - b'0'))
        });
        position += 1;
        if text.get(position) == Some(&b'-') {
            position += 1;
        }
        let digits = position;
        position = skip_digits(text, digits, parts.radix.clamp(2, 36));
        parts.whole = (digits, position);
    }
    if let Some(end) = fraction_end(text, position, parts.radix) {
        parts.fraction = Some((position + 1, end));
        position = end;
    }
    if let Some((digits, end)) = exponent_end(text, position) {
        parts.exponent = Some((digits, end));
        position = end;
    } else if let Some(end) = scale_end(text, position) {
        parts.scale = Some((position + 1, end));
        position = end;
    }
    parts.end = position;
    parts
}

fn skip_digits(text: &[u8], start: usize, radix: u32) -> usize {
    let is_digit = |byte: u8| (byte as char).is_digit(radix);
    let mut position = start;
    while let Some(&byte) = text.get(position) {
        let joins = byte == b'_'
            && position > start
            && text.get(position + 1).is_some_and(|&next| is_digit(next));
        if !is_digit(byte) && !joins {
            break;
        }
        position += 1;
    }
    position
}

/// Digits behind a point. A small letter begins no fraction: `16r10.foo bar` is two statements.
fn fraction_end(text: &[u8], position: usize, radix: u32) -> Option<usize> {
    let first = *text.get(position + 1)?;
    let begins = text[position] == b'.'
        && (first as char).is_digit(radix.clamp(2, 36))
        && !first.is_ascii_lowercase();
    begins.then(|| skip_digits(text, position + 1, radix.clamp(2, 36)))
}

fn exponent_end(text: &[u8], position: usize) -> Option<(usize, usize)> {
    if !matches!(text.get(position), Some(b'e' | b'd' | b'q')) {
        return None;
    }
    let sign = usize::from(text.get(position + 1) == Some(&b'-'));
    let digits = position + 1 + sign;
    let end = skip_digits(text, digits, 10);
    (end > digits).then_some((position + 1, end))
}

fn scale_end(text: &[u8], position: usize) -> Option<usize> {
    if text.get(position) != Some(&b's') {
        return None;
    }
    let end = skip_digits(text, position + 1, 10);
    let follows = text
        .get(end)
        .is_some_and(|&next| next.is_ascii_alphabetic() || next == b'_' || !next.is_ascii());
    (!follows).then_some(end)
}

fn exponent(text: &str, parts: Parts) -> Result<i64, &'static str> {
    let Some((start, end)) = parts.exponent else {
        return Ok(0);
    };
    text[start..end]
        .parse()
        .map_err(|_| "this exponent is too large")
}

fn integer(
    text: &str,
    parts: Parts,
    exponent: i64,
    negative: bool,
) -> Result<Literal<'static>, &'static str> {
    let digits = &text[parts.whole.0..parts.whole.1];
    if exponent == 0
        && let Ok(value) = i64::from_str_radix(digits, parts.radix)
    {
        return Ok(Literal::Integer(Integer::Small(if negative {
            -value
        } else {
            value
        })));
    }
    let magnitude = natural(digits, parts.radix)?;
    let power = power(parts.radix, exponent)?;
    if exponent >= 0 {
        return Ok(Literal::Integer(whole(magnitude * power, negative)));
    }
    let (numerator, denominator) = reduced(magnitude, power);
    if denominator == UBig::ONE {
        return Ok(Literal::Integer(whole(numerator, negative)));
    }
    Ok(Literal::Fraction {
        numerator: whole(numerator, negative),
        denominator: whole(denominator, false),
    })
}

fn scaled(text: &str, parts: Parts, negative: bool) -> Result<Literal<'static>, &'static str> {
    let (digits, behind_point) = joined_digits(text, parts);
    let numerator = natural(&digits, parts.radix)?;
    let denominator = power(parts.radix, i64::try_from(behind_point).unwrap_or(i64::MAX))?;
    let (start, end) = parts.scale.unwrap_or_default();
    let scale = match &text[start..end] {
        "" => u32::try_from(behind_point).map_err(|_| "this number is too long")?,
        given => given.parse().map_err(|_| "this scale is too large")?,
    };
    let (numerator, denominator) = reduced(numerator, denominator);
    Ok(Literal::Scaled {
        numerator: whole(numerator, negative),
        denominator: whole(denominator, false),
        scale,
    })
}

fn float(
    text: &str,
    parts: Parts,
    exponent: i64,
    negative: bool,
) -> Result<Literal<'static>, &'static str> {
    let magnitude = if parts.radix == 10 {
        decimal_float(text, parts)?
    } else {
        radix_float(text, parts, exponent)?
    };
    if magnitude.is_infinite() {
        return Err("this number is too large for a float");
    }
    Ok(Literal::Float(if negative {
        -magnitude
    } else {
        magnitude
    }))
}

fn decimal_float(text: &str, parts: Parts) -> Result<f64, &'static str> {
    let end = parts.fraction.map_or(parts.whole.1, |fraction| fraction.1);
    let parsed = match parts.exponent {
        None => text[parts.whole.0..end].parse(),
        Some((start, stop)) => {
            format!("{}e{}", &text[parts.whole.0..end], &text[start..stop]).parse()
        }
    };
    parsed.map_err(|_| "this number cannot be read")
}

/// The double nearest to digits of another radix, ties to even: the quotient is taken with more
/// bits than a double holds, and a remainder leaves its mark in the lowest one.
fn radix_float(text: &str, parts: Parts, exponent: i64) -> Result<f64, &'static str> {
    let (digits, behind_point) = joined_digits(text, parts);
    let mut numerator = natural(&digits, parts.radix)?;
    let behind_point = i64::try_from(behind_point).unwrap_or(i64::MAX);
    let shift = exponent.saturating_sub(behind_point);
    let scale = power(parts.radix, shift)?;
    let mut denominator = UBig::ONE;
    if shift >= 0 {
        numerator *= scale;
    } else {
        denominator = scale;
    }
    if numerator == UBig::ZERO {
        return Ok(0.0);
    }
    let up = (denominator.bit_len() + 70).saturating_sub(numerator.bit_len());
    let numerator = numerator << up;
    let (quotient, remainder) = (&numerator / &denominator, &numerator % &denominator);
    let sticky = if remainder == UBig::ZERO {
        quotient
    } else {
        quotient | UBig::ONE
    };
    let down = i32::try_from(up).map_err(|_| "this number is too long")?;
    Ok(sticky.to_f64().value() * 2f64.powi(-(down / 2)) * 2f64.powi(-(down - down / 2)))
}

/// All digits without the point, and how many stood behind it.
fn joined_digits(text: &str, parts: Parts) -> (String, usize) {
    let mut digits = text[parts.whole.0..parts.whole.1].to_owned();
    let (start, end) = parts.fraction.unwrap_or_default();
    digits.push_str(&text[start..end]);
    (digits, end - start)
}

fn natural(digits: &str, radix: u32) -> Result<UBig, &'static str> {
    // A digit holds at most six bits: the test comes before the work.
    if digits.len() > BITS_MAX / 6 {
        return Err("this number is too long");
    }
    UBig::from_str_radix(digits, radix).map_err(|_| "this number cannot be read")
}

fn power(radix: u32, exponent: i64) -> Result<UBig, &'static str> {
    let exponent = usize::try_from(exponent.unsigned_abs()).unwrap_or(usize::MAX);
    if exponent > BITS_MAX / 6 {
        return Err("this number is too large");
    }
    Ok(UBig::from(radix).pow(exponent))
}

fn reduced(numerator: UBig, denominator: UBig) -> (UBig, UBig) {
    if numerator == UBig::ZERO {
        return (numerator, UBig::ONE);
    }
    let common = (&numerator).gcd(&denominator);
    (numerator / &common, denominator / common)
}

fn whole(magnitude: UBig, negative: bool) -> Integer {
    let bytes = magnitude.to_le_bytes();
    let signed = if negative {
        -IBig::from(magnitude)
    } else {
        IBig::from(magnitude)
    };
    match i64::try_from(signed) {
        Ok(value) => Integer::Small(value),
        Err(_) => Integer::Large {
            negative,
            magnitude: bytes.into(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::{length, value};
    use crate::tree::{Integer, Literal};

    fn small(value: i64) -> Literal<'static> {
        Literal::Integer(Integer::Small(value))
    }

    #[test]
    fn a_number_ends_where_its_grammar_ends() {
        let cases = [
            ("3.", 1),
            ("3.5.", 3),
            ("3even", 1),
            ("3e5x", 3),
            ("1s2 ", 3),
            ("1sin", 1),
            ("1.5s)", 4),
            ("16r1F.", 5),
            ("16r1e3", 6),
            ("2r1e3", 5),
            ("1_000_", 5),
            ("16r10.foo", 5),
            ("1e-3", 4),
            ("1e-x", 1),
            ("16r-1F", 6),
            ("3_x", 1),
        ];
        for (text, expected) in cases {
            assert_eq!(length(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn integers_of_every_form_have_their_value() {
        let cases = [
            ("0", 0),
            ("16r1F", 31),
            ("16rff", 255),
            ("2r1e3", 8),
            ("16r1e3", 483),
            ("1e3", 1000),
            ("1_000", 1000),
            ("36rZZ", 1295),
            ("100e-2", 1),
            ("9223372036854775807", i64::MAX),
            ("16r-1F", -31),
        ];
        for (text, expected) in cases {
            assert_eq!(value(text, false), Ok(small(expected)), "{text}");
        }
        assert_eq!(value("16r1", true), Ok(small(-1)));
        assert_eq!(value("9223372036854775808", true), Ok(small(i64::MIN)));
    }

    #[test]
    fn a_large_integer_keeps_all_its_bytes() {
        let expected = Integer::Large {
            negative: true,
            magnitude: vec![0, 0, 0, 0, 0, 0, 0, 0, 1],
        };
        assert_eq!(
            value("16r10000000000000000", true),
            Ok(Literal::Integer(expected))
        );
    }

    #[test]
    fn floats_of_every_radix_are_rounded_right() {
        let cases = [
            ("1.5", 1.5),
            ("1.5e-3", 0.0015),
            ("2r1.1", 1.5),
            ("16r1.8", 1.5),
            ("3r0.1", 1.0 / 3.0),
            ("2r1.0e10", 1024.0),
            ("1.0e-400", 0.0),
            ("5r0.1e-2", 0.008),
            ("1.0d2", 100.0),
        ];
        for (text, expected) in cases {
            assert_eq!(value(text, false), Ok(Literal::Float(expected)), "{text}");
        }
    }

    #[test]
    fn scaled_numbers_are_reduced_and_keep_their_scale() {
        let scaled = |n, d, scale| Literal::Scaled {
            numerator: Integer::Small(n),
            denominator: Integer::Small(d),
            scale,
        };
        assert_eq!(value("1.50s2", false), Ok(scaled(3, 2, 2)));
        assert_eq!(value("1.25s", true), Ok(scaled(-5, 4, 2)));
        assert_eq!(value("1s", false), Ok(scaled(1, 1, 0)));
        assert_eq!(value("0.00s3", false), Ok(scaled(0, 1, 3)));
    }

    #[test]
    fn a_negative_exponent_makes_a_fraction() {
        let expected = Literal::Fraction {
            numerator: Integer::Small(-3),
            denominator: Integer::Small(200),
        };
        assert_eq!(value("15e-3", true), Ok(expected));
    }

    #[test]
    fn what_no_program_means_is_refused() {
        for text in [
            "1e999999999",
            "1e99999999999999999999",
            "37r1",
            "1r0",
            "16r",
            "1.0e400",
            "0r1",
        ] {
            assert!(value(text, false).is_err(), "{text}");
        }
    }
}
