//! Numbers as people read them: `6,204`, `1.94 MB`, `58 ms`.

use std::time::Duration;

/// A count with commas between thousands.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count with its noun: `1 class`, `61 classes`.
pub fn plural(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

/// A size in bytes, three digits and a unit: `612 bytes`, `97.2 KB`, `1.94 MB`. A KB is 1,000 bytes.
pub fn byte_size(bytes: u64) -> String {
    let (number, unit) = size_parts(bytes);
    format!("{number} {unit}")
}

/// Number and unit apart, for columns that align the numbers.
pub(crate) fn size_parts(bytes: u64) -> (String, &'static str) {
    const UNITS: [&str; 3] = ["KB", "MB", "GB"];
    if bytes < 1_000 {
        return (bytes.to_string(), if bytes == 1 { "byte" } else { "bytes" });
    }
    let mut scaled = bytes as f64 / 1_000.0;
    let mut unit = 0;
    // 999.5 and more would be shown as 1000.
    while scaled >= 999.5 && unit + 1 < UNITS.len() {
        scaled /= 1_000.0;
        unit += 1;
    }
    (three_digits(scaled), UNITS[unit])
}

/// A time: `870 us`, `58 ms`, `0.41 s`, `2 min 5 s`.
pub fn duration(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    match seconds {
        under if under < 0.001 => format!("{} us", time.as_micros()),
        under if under < 0.1 => format!("{} ms", time.as_millis()),
        under if under < 100.0 => format!("{seconds:.2} s"),
        _ => format!("{} min {} s", time.as_secs() / 60, time.as_secs() % 60),
    }
}

fn three_digits(number: f64) -> String {
    match number {
        under if under < 9.995 => format!("{number:.2}"),
        under if under < 99.95 => format!("{number:.1}"),
        _ => format!("{number:.0}"),
    }
}

#[cfg(test)]
mod checks {
    use super::*;

    #[test]
    fn counts_have_commas() {
        let shown: Vec<_> = [0, 7, 999, 1_000, 41_877, 1_234_567].map(count).into();
        assert_eq!(shown, ["0", "7", "999", "1,000", "41,877", "1,234,567"]);
        assert_eq!(plural(1, "class", "classes"), "1 class");
        assert_eq!(plural(2_000, "class", "classes"), "2,000 classes");
    }

    #[test]
    fn sizes_have_three_digits_and_never_show_a_thousand() {
        for (bytes, shown) in [
            (0, "0 bytes"),
            (1, "1 byte"),
            (612, "612 bytes"),
            (1_000, "1.00 KB"),
            (41_300, "41.3 KB"),
            (97_249, "97.2 KB"),
            (999_499, "999 KB"),
            (999_500, "1.00 MB"),
            (1_940_000, "1.94 MB"),
            (2_000_000_000, "2.00 GB"),
        ] {
            assert_eq!(byte_size(bytes), shown);
        }
        assert_eq!(byte_size(u64::MAX), "18446744074 GB");
    }

    #[test]
    fn times_choose_their_unit() {
        let shown = |micros| duration(Duration::from_micros(micros));
        assert_eq!(shown(870), "870 us");
        assert_eq!(shown(58_400), "58 ms");
        assert_eq!(shown(190_000), "0.19 s");
        assert_eq!(shown(125_000_000), "2 min 5 s");
    }
}
