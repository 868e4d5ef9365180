//! The local time zone: how far its clocks are ahead of UTC at a moment.
//!
//! It is read once from the file that `TZ` or `/etc/localtime` names (RFC 9636): a table of
//! changes, and a rule in a line at the end for all times after the last. Anything unreadable
//! means UTC.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// Where named zones lie.
const ZONES: &str = "/usr/share/zoneinfo";

/// A time zone.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Timezone {
    /// Moments and the seconds ahead of UTC from then on, in order.
    changes: Vec<(i64, i64)>,
    /// Seconds ahead before the first change, and after the last where there is no rule.
    standard: i64,
    rule: Option<Rule>,
}

/// Standard time and summer time, each year.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Rule {
    standard: i64,
    summer: Option<Summer>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Summer {
    offset: i64,
    start: Date,
    end: Date,
}

/// Weekday `weekday` (0 is Sunday) in week `week` (5 is the last) of `month`, and seconds of local
/// time in that day.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Date {
    month: i64,
    week: i64,
    weekday: i64,
    seconds: i64,
}

/// The zone of this process.
pub fn local() -> &'static Timezone {
    static LOCAL: OnceLock<Timezone> = OnceLock::new();
    LOCAL.get_or_init(|| {
        let name = std::env::var("TZ").ok();
        named(name.as_deref()).unwrap_or_default()
    })
}

/// The name of the zone of this process, e.g. `Europe/Berlin`.
pub fn name() -> String {
    let said = std::env::var("TZ").ok();
    said.map_or_else(linked_name, |said| plain(&said))
}

/// What `/etc/localtime` is a link to, or `/etc/timezone` says.
fn linked_name() -> String {
    let link = std::fs::read_link("/etc/localtime").unwrap_or_default();
    let link = link.to_string_lossy();
    match link.split_once("zoneinfo/") {
        Some((_, name)) => plain(name),
        None => plain(&std::fs::read_to_string("/etc/timezone").unwrap_or_default()),
    }
}

/// A zone without what only says where its file is; universal time has one name.
fn plain(name: &str) -> String {
    let name = name.trim();
    let name = name.strip_prefix(':').unwrap_or(name);
    let name = name.strip_prefix("Etc/").unwrap_or(name);
    match name {
        "" | "UTC0" | "UCT" | "Universal" | "Zulu" => "UTC".to_string(),
        name => name.to_string(),
    }
}

fn named(name: Option<&str>) -> Option<Timezone> {
    let Some(name) = name else {
        return read(Path::new("/etc/localtime"));
    };
    let name = name.strip_prefix(':').unwrap_or(name);
    if name.is_empty() {
        return None;
    }
    let path: PathBuf = Path::new(ZONES).join(name);
    read(&path).or_else(|| {
        let rule = parse_rule(name)?;
        Some(Timezone {
            standard: rule.standard,
            rule: Some(rule),
            changes: Vec::new(),
        })
    })
}

fn read(path: &Path) -> Option<Timezone> {
    parse_file(&std::fs::read(path).ok()?)
}

impl Timezone {
    /// Whether clocks are ahead of what they show in the other half of the year.
    pub fn is_summer(&self, unix_seconds: i64) -> bool {
        const HALF_A_YEAR: i64 = 182 * 86_400;
        self.offset_seconds(unix_seconds) > self.offset_seconds(unix_seconds + HALF_A_YEAR)
    }

    /// Seconds that local time is ahead of UTC at a moment.
    pub fn offset_seconds(&self, unix_seconds: i64) -> i64 {
        let after = self
            .changes
            .partition_point(|(moment, _)| *moment <= unix_seconds);
        match (&self.rule, after) {
            (Some(rule), position) if position == self.changes.len() => rule.offset(unix_seconds),
            (_, 0) => self.standard,
            (_, position) => self.changes[position - 1].1,
        }
    }
}

// === the file ===

/// Big-endian numbers, one after another.
struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.bytes.split_at_checked(count)?;
        self.bytes = rest;
        Some(taken)
    }

    fn u32(&mut self) -> Option<usize> {
        let bytes = self.take(4)?.try_into().ok()?;
        Some(u32::from_be_bytes(bytes) as usize)
    }
}

/// Counts in the header of a block.
struct Counts {
    utc: usize,
    standard: usize,
    leaps: usize,
    changes: usize,
    kinds: usize,
    names: usize,
}

fn parse_counts(reader: &mut Reader<'_>) -> Option<Counts> {
    if reader.take(4)? != b"TZif" {
        return None;
    }
    reader.take(16)?;
    Some(Counts {
        utc: reader.u32()?,
        standard: reader.u32()?,
        leaps: reader.u32()?,
        changes: reader.u32()?,
        kinds: reader.u32()?,
        names: reader.u32()?,
    })
}

/// The second block, of 64-bit moments, holds all that the first does.
fn parse_file(bytes: &[u8]) -> Option<Timezone> {
    let mut reader = Reader { bytes };
    let first = parse_counts(&mut reader)?;
    reader.take(
        first.changes * 5
            + first.kinds * 6
            + first.names
            + first.leaps * 8
            + first.standard
            + first.utc,
    )?;
    let counts = parse_counts(&mut reader)?;
    let moments = reader.take(counts.changes.checked_mul(8)?)?;
    let indices = reader.take(counts.changes)?;
    let kinds = reader.take(counts.kinds.checked_mul(6)?)?;
    reader.take(counts.names + counts.leaps * 12 + counts.standard + counts.utc)?;
    let footer = std::str::from_utf8(reader.bytes).ok()?.trim_matches('\n');
    let offset = |kind: usize| {
        let bytes = kinds.get(kind * 6..kind * 6 + 4)?.try_into().ok()?;
        Some(i64::from(i32::from_be_bytes(bytes)))
    };
    let changes = moments
        .chunks_exact(8)
        .zip(indices)
        .map(|(moment, kind)| {
            let moment = i64::from_be_bytes(moment.try_into().ok()?);
            Some((moment, offset(usize::from(*kind))?))
        })
        .collect::<Option<Vec<_>>>()?;
    Some(Timezone {
        changes,
        standard: offset(0)?,
        rule: parse_rule(footer),
    })
}

// === the rule ===

/// `CET-1CEST,M3.5.0,M10.5.0/3`: names, seconds *behind* UTC, and from when to when summer time
/// holds.
fn parse_rule(text: &str) -> Option<Rule> {
    let (zone, dates) = match text.split_once(',') {
        Some((zone, dates)) => (zone, Some(dates)),
        None => (text, None),
    };
    let after_name = skip_name(zone)?;
    let (standard, rest) = parse_time(after_name)?;
    let standard = -standard;
    if rest.is_empty() {
        return Some(Rule {
            standard,
            summer: None,
        });
    }
    let after_name = skip_name(rest)?;
    let offset = match parse_time(after_name) {
        Some((behind, _)) => -behind,
        None => standard + 3600,
    };
    let (start, end) = dates?.split_once(',')?;
    Some(Rule {
        standard,
        summer: Some(Summer {
            offset,
            start: parse_date(start)?,
            end: parse_date(end)?,
        }),
    })
}

fn skip_name(text: &str) -> Option<&str> {
    if let Some(rest) = text.strip_prefix('<') {
        return rest.split_once('>').map(|(_, rest)| rest);
    }
    let rest = text.trim_start_matches(|character: char| character.is_ascii_alphabetic());
    (rest.len() + 3 <= text.len()).then_some(rest)
}

/// `[-]h[:m[:s]]` in seconds, and what follows.
fn parse_time(text: &str) -> Option<(i64, &str)> {
    let is_part = |character: char| character.is_ascii_digit() || ":+-".contains(character);
    let rest = text.trim_start_matches(is_part);
    let time = &text[..text.len() - rest.len()];
    let (sign, digits) = match time.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, time.strip_prefix('+').unwrap_or(time)),
    };
    let mut seconds = 0;
    for (part, unit) in digits.split(':').zip([3600, 60, 1]) {
        seconds += part.parse::<i64>().ok()?.checked_mul(unit)?;
    }
    Some((sign * seconds, rest))
}

/// `M3.5.0/2`; the other forms of the rule are not used by any zone of today.
fn parse_date(text: &str) -> Option<Date> {
    let (day, time) = text.split_once('/').unwrap_or((text, "2"));
    let mut parts = day.strip_prefix('M')?.split('.').map(str::parse::<i64>);
    let mut part = |range: std::ops::RangeInclusive<i64>| {
        parts.next()?.ok().filter(|value| range.contains(value))
    };
    Some(Date {
        month: part(1..=12)?,
        week: part(1..=5)?,
        weekday: part(0..=6)?,
        seconds: parse_time(time)?.0,
    })
}

impl Rule {
    fn offset(&self, unix_seconds: i64) -> i64 {
        let Some(summer) = &self.summer else {
            return self.standard;
        };
        let year = year_of(unix_seconds.saturating_add(self.standard));
        let start = summer.start.moment(year) - self.standard;
        let end = summer.end.moment(year) - summer.offset;
        let is_summer = if start < end {
            (start..end).contains(&unix_seconds)
        } else {
            !(end..start).contains(&unix_seconds)
        };
        if is_summer {
            summer.offset
        } else {
            self.standard
        }
    }
}

impl Date {
    /// Seconds from 1970 to this date in `year`, by a clock of local time.
    fn moment(&self, year: i64) -> i64 {
        let first = days_before(year, self.month);
        let weekday_of_first = (first + 4).rem_euclid(7);
        let mut day = (self.weekday - weekday_of_first).rem_euclid(7) + (self.week - 1) * 7;
        let month_length = match self.month {
            12 => 31,
            month => days_before(year, month + 1) - first,
        };
        if day >= month_length {
            day -= 7;
        }
        (first + day) * 86_400 + self.seconds
    }
}

/// Days from 1970 to the first of a month (Howard Hinnant's `days_from_civil`).
fn days_before(year: i64, month: i64) -> i64 {
    let shifted_year = if month <= 2 { year - 1 } else { year };
    let era = shifted_year.div_euclid(400);
    let year_of_era = shifted_year - era * 400;
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

fn year_of(seconds: i64) -> i64 {
    let day = seconds.div_euclid(86_400);
    let mut year = 1970 + day.div_euclid(366);
    while days_before(year + 1, 1) <= day {
        year += 1;
    }
    year
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn universal_time_has_one_name_however_it_is_said() {
        for said in ["", "UTC", ":Etc/UTC", "UTC0", "Zulu", "Etc/UTC\n"] {
            assert_eq!(plain(said), "UTC", "{said:?}");
        }
        assert_eq!(plain(":Europe/Berlin"), "Europe/Berlin");
    }

    const BERLIN: &str = "CET-1CEST,M3.5.0,M10.5.0/3";

    fn zone(text: &str) -> Timezone {
        Timezone {
            rule: parse_rule(text),
            ..Timezone::default()
        }
    }

    #[test]
    fn summer_time_begins_and_ends_by_the_rule() {
        let berlin = zone(BERLIN);
        // 2026-03-29 01:00 UTC and 2026-10-25 01:00 UTC.
        for (moment, before, after) in [(1_774_746_000, 3600, 7200), (1_792_890_000, 7200, 3600)] {
            assert_eq!(berlin.offset_seconds(moment - 1), before);
            assert_eq!(berlin.offset_seconds(moment), after);
        }
    }

    #[test]
    fn the_south_has_summer_over_new_year() {
        let sydney = zone("AEST-10AEDT,M10.1.0,M4.1.0/3");
        // 2026-01-01 and 2026-07-01.
        assert_eq!(sydney.offset_seconds(1_767_225_600), 39_600);
        assert_eq!(sydney.offset_seconds(1_782_864_000), 36_000);
        assert!(sydney.is_summer(1_767_225_600) && !sydney.is_summer(1_782_864_000));
        assert!(zone(BERLIN).is_summer(1_782_864_000) && !zone("UTC0").is_summer(1_782_864_000));
    }

    #[test]
    fn zones_without_summer_time_and_with_odd_offsets_are_read() {
        assert_eq!(zone("UTC0").offset_seconds(0), 0);
        assert_eq!(zone("<+0545>-5:45").offset_seconds(0), 20_700);
        assert_eq!(zone("EST5").offset_seconds(0), -18_000);
        assert_eq!(parse_rule(""), None);
        assert_eq!(parse_rule("nonsense"), None);
    }

    #[test]
    fn years_begin_where_the_calendar_says() {
        assert_eq!(days_before(1970, 1), 0);
        assert_eq!(days_before(2000, 3), 11_017);
        assert_eq!(year_of(-1), 1969);
        assert_eq!(year_of(1_767_225_599), 2025);
        assert_eq!(year_of(1_767_225_600), 2026);
    }

    /// A file with one change, from UTC to an hour ahead at moment 100.
    fn file(footer: &str) -> Vec<u8> {
        let header = |counts: [u32; 6]| {
            let mut bytes = b"TZif2".to_vec();
            bytes.extend([0; 15]);
            counts
                .iter()
                .for_each(|count| bytes.extend(count.to_be_bytes()));
            bytes
        };
        let mut bytes = header([0; 6]);
        bytes.extend(header([0, 0, 0, 1, 2, 4]));
        bytes.extend(100i64.to_be_bytes());
        bytes.push(1);
        bytes.extend([0, 0, 0, 0, 0, 0]);
        bytes.extend(3600i32.to_be_bytes());
        bytes.extend([0, 0]);
        bytes.extend(b"UTC\0");
        bytes.extend(format!("\n{footer}\n").bytes());
        bytes
    }

    #[test]
    fn files_hold_changes_and_a_rule_for_later() {
        let zone = parse_file(&file("")).unwrap();
        assert_eq!(zone.offset_seconds(99), 0);
        assert_eq!(zone.offset_seconds(100), 3600);
        let zone = parse_file(&file("EET-2")).unwrap();
        assert_eq!(zone.offset_seconds(99), 0);
        assert_eq!(zone.offset_seconds(100), 7200);
    }

    #[test]
    fn a_file_cut_anywhere_is_refused_or_read() {
        let whole = file("EET-2");
        for length in 0..whole.len() {
            let _ = parse_file(&whole[..length]);
        }
        assert_eq!(parse_file(b"not a zone"), None);
    }
}
