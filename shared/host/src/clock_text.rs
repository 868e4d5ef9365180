//! Moments as people read them, in the local time zone.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::timezone;

/// Microseconds since 1970, UTC.
pub fn now_micros() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |since| since.as_micros() as u64)
}

/// `14:02:11`.
pub fn time_of_day(micros: u64) -> String {
    let seconds = local_seconds(micros).rem_euclid(86_400);
    format!(
        "{:02}:{:02}:{:02}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    )
}

/// `2026-11-21 14:02:11`.
pub fn date_and_time(micros: u64) -> String {
    let (year, month, day) = date(local_seconds(micros).div_euclid(86_400));
    format!("{year}-{month:02}-{day:02} {}", time_of_day(micros))
}

fn local_seconds(micros: u64) -> i64 {
    let seconds = (micros / 1_000_000) as i64;
    seconds + timezone::local().offset_seconds(seconds)
}

/// Year, month and day of a day counted from 1970, in the Gregorian calendar: years are taken to begin in
/// March, so that the leap day comes last.
fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_their_dates() {
        let cases = [
            (0, (1970, 1, 1)),
            (59, (1970, 3, 1)),
            (789, (1972, 2, 29)),
            (11_016, (2000, 2, 29)),
            (20_778, (2026, 11, 21)),
            (47_540, (2100, 2, 28)),
            (47_541, (2100, 3, 1)),
        ];
        for (days, expected) in cases {
            assert_eq!(date(days), expected, "{days}");
        }
    }
}
