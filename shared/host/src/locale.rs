//! Module `LocalePlugin`: language, country and time zone, as the environment tells them.
//!
//! `LC_ALL`, `LC_MESSAGES` and `LANG` are looked at in this order (POSIX, chapter 8.2); where none says
//! more than `C`, the conventions are those of the POSIX locale: English of the United States.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use imprint_model::Oop;
use imprint_vm::primitives::arguments::new_string;
use imprint_vm::{Args, Failure, Primitive, Vm};

use crate::environment::value_of;
use crate::outside::{SECONDS_1901_TO_1970, now_micros};
use crate::timezone;

/// Module, name and function of each primitive.
pub const PRIMITIVES: &[(&str, &str, Primitive)] = &[
    ("LocalePlugin", "primitiveCountry", country),
    ("LocalePlugin", "primitiveDaylightSavings", daylight_savings),
    ("LocalePlugin", "primitiveLanguage", language),
    ("LocalePlugin", "primitiveMeasurementMetric", is_metric),
    ("LocalePlugin", "primitiveTimezoneOffset", timezone_offset),
    ("LocalePlugin", "primitiveVMOffsetToUTC", machine_offset),
];

/// Variables that name the locale, the strongest first.
const VARIABLES: [&[u8]; 3] = [b"LC_ALL", b"LC_MESSAGES", b"LANG"];
/// Countries (ISO 3166) that do not measure in metres: United States, Liberia, Myanmar.
const WITHOUT_METRES: [&str; 3] = ["US", "LR", "MM"];

/// A language (ISO 639) and a country (ISO 3166).
#[derive(Clone, PartialEq, Eq, Debug)]
struct Locale {
    language: String,
    country: String,
}

impl Locale {
    /// That of the environment as the image sees it.
    fn of(vm: &Vm) -> Locale {
        let values = VARIABLES.iter().filter_map(|name| value_of(vm, name));
        let name = values.into_iter().find(|value| !value.is_empty());
        Locale::named(&String::from_utf8_lossy(&name.unwrap_or_default()))
    }

    /// `language_COUNTRY.encoding@modifier`, all but the language may be absent.
    fn named(name: &str) -> Locale {
        let plain = name.split(['.', '@']).next().unwrap_or_default();
        let (language, country) = plain.split_once('_').unwrap_or((plain, ""));
        let is_language =
            language.len() >= 2 && language.bytes().all(|byte| byte.is_ascii_lowercase());
        if !is_language {
            return Locale {
                language: "en".to_string(),
                country: "US".to_string(),
            };
        }
        Locale {
            language: language.to_string(),
            country: country.to_string(),
        }
    }
}

/// The name of the locale of this process, e.g. `en_GB.UTF-8`; `C` where nothing names another.
pub fn name() -> String {
    let variable = |name: &&[u8]| std::env::var_os(OsStr::from_bytes(name));
    let values = VARIABLES.iter().filter_map(variable);
    chosen(values.map(|value| value.to_string_lossy().into_owned()))
}

/// The first name that says something.
fn chosen(mut values: impl Iterator<Item = String>) -> String {
    match values.find(|value| !value.is_empty()) {
        Some(name) if name != "POSIX" => name,
        _ => "C".to_string(),
    }
}

fn language(vm: &mut Vm, _: Args) -> Result<Oop, Failure> {
    let language = Locale::of(vm).language;
    new_string(vm, language.as_bytes())
}

fn country(vm: &mut Vm, _: Args) -> Result<Oop, Failure> {
    let country = Locale::of(vm).country;
    new_string(vm, country.as_bytes())
}

fn is_metric(vm: &mut Vm, _: Args) -> Result<Oop, Failure> {
    let is_metric = !WITHOUT_METRES.contains(&Locale::of(vm).country.as_str());
    Ok(vm.heap.boolean(is_metric))
}

fn unix_seconds() -> i64 {
    (now_micros() / 1_000_000) as i64 - SECONDS_1901_TO_1970 as i64
}

fn daylight_savings(vm: &mut Vm, _: Args) -> Result<Oop, Failure> {
    let is_summer = timezone::local().is_summer(unix_seconds());
    Ok(vm.heap.boolean(is_summer))
}

/// Minutes that local time is ahead of UTC now.
fn timezone_offset(_: &mut Vm, _: Args) -> Result<Oop, Failure> {
    let minutes = timezone::local().offset_seconds(unix_seconds()) / 60;
    Ok(Oop::small(minutes as i32))
}

/// The machine's clock is UTC.
fn machine_offset(_: &mut Vm, _: Args) -> Result<Oop, Failure> {
    Ok(Oop::small(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strongest_name_that_says_something_counts() {
        let cases: [(&[&str], &str); 4] = [
            (&[], "C"),
            (&["POSIX"], "C"),
            (&["", "de_DE.UTF-8"], "de_DE.UTF-8"),
            (&["C.UTF-8", "de_DE.UTF-8"], "C.UTF-8"),
        ];
        for (values, expected) in cases {
            assert_eq!(chosen(values.iter().map(ToString::to_string)), expected);
        }
    }
    use crate::environment::Environment;
    use crate::testing::World;

    #[test]
    fn names_have_language_and_country() {
        let rows = [
            ("de_CH.UTF-8", "de", "CH"),
            ("fr_FR@euro", "fr", "FR"),
            ("eo", "eo", ""),
            ("C.UTF-8", "en", "US"),
            ("POSIX", "en", "US"),
            ("", "en", "US"),
        ];
        for (name, language, country) in rows {
            let locale = Locale::named(name);
            assert_eq!(
                (&*locale.language, &*locale.country),
                (language, country),
                "{name}"
            );
        }
    }

    #[test]
    fn the_environment_names_the_locale() {
        for (name, language, is_metric) in [("sv_SE.UTF-8", "sv", true), ("en_US", "en", false)] {
            let mut world = World::new();
            let environment = Environment::of("LC_ALL", Some(name));
            world.vm.extensions.insert(environment);
            let told = world
                .call("LocalePlugin", "primitiveLanguage", &[])
                .unwrap();
            assert_eq!(world.contents(told), language.as_bytes());
            let told = world.call("LocalePlugin", "primitiveMeasurementMetric", &[]);
            assert_eq!(told, Ok(world.boolean(is_metric)), "{name}");
        }
    }

    #[test]
    fn the_offset_is_of_some_place_on_earth() {
        let mut world = World::new();
        let minutes = world
            .call("LocalePlugin", "primitiveTimezoneOffset", &[])
            .unwrap();
        assert!((-12 * 60..=14 * 60).contains(&minutes.as_small_integer().unwrap()));
    }
}
