//! Value -> STON text, in the shape in which Pharo's writer puts it: one line for what is short or flat,
//! a tab a level for the rest.

use super::value::{Body, Value};
use crate::scanner::is_word;

/// Writes a value; reading it back gives an equal one.
pub fn write(value: &Value) -> String {
    let mut out = String::new();
    put(&mut out, value, 0);
    out
}

fn put(out: &mut String, value: &Value, level: usize) {
    match value {
        Value::Nil => out.push_str("nil"),
        Value::Boolean(boolean) => out.push_str(if *boolean { "true" } else { "false" }),
        Value::Integer(integer) => out.push_str(&integer.to_string()),
        Value::LargeInteger(digits) => out.push_str(digits),
        Value::Fraction(numerator, denominator) => {
            out.push_str(&format!("{numerator}/{denominator}"))
        }
        Value::ScaledDecimal(numerator, denominator, scale) => {
            out.push_str(&format!("{numerator}/{denominator}s{scale}"));
        }
        Value::Float(float) => out.push_str(&format!("{float:?}")),
        Value::String(text) => put_string(out, text),
        Value::Symbol(name) => put_symbol(out, name),
        Value::Association(pair) => put_pair(out, pair, level),
        Value::List(elements) => put_list(out, elements, level),
        Value::Map(pairs) => put_map(out, pairs, level),
        Value::Object { class, body } => put_object(out, class, body, level),
        Value::Reference(number) => out.push_str(&format!("@{number}")),
    }
}

fn put_object(out: &mut String, class: &str, body: &Body, level: usize) {
    out.push_str(class);
    out.push(' ');
    match body {
        Body::List(elements) => put_list(out, elements, level),
        Body::Map(pairs) => put_map(out, pairs, level),
    }
}

fn put_list(out: &mut String, elements: &[Value], level: usize) {
    let flat = elements.iter().all(is_flat);
    put_enclosed(out, ['[', ']'], elements, flat, level, put);
}

fn put_map(out: &mut String, pairs: &[(Value, Value)], level: usize) {
    put_enclosed(out, ['{', '}'], pairs, pairs.is_empty(), level, put_pair);
}

fn put_pair(out: &mut String, pair: &(Value, Value), level: usize) {
    put(out, &pair.0, level);
    out.push_str(" : ");
    put(out, &pair.1, level);
}

fn put_enclosed<T>(
    out: &mut String,
    brackets: [char; 2],
    items: &[T],
    flat: bool,
    level: usize,
    put_item: fn(&mut String, &T, usize),
) {
    out.push(brackets[0]);
    for (index, item) in items.iter().enumerate() {
        out.push_str(if index == 0 { "" } else { "," });
        put_separator(out, flat, level + 1);
        put_item(out, item, level + 1);
    }
    if !items.is_empty() {
        put_separator(out, flat, level);
    }
    out.push(brackets[1]);
}

fn put_separator(out: &mut String, flat: bool, level: usize) {
    if flat {
        out.push(' ');
        return;
    }
    out.push('\n');
    out.extend(std::iter::repeat_n('\t', level));
}

fn is_flat(value: &Value) -> bool {
    !matches!(
        value,
        Value::List(_) | Value::Map(_) | Value::Object { .. } | Value::Association(_)
    )
}

fn put_symbol(out: &mut String, name: &str) {
    out.push('#');
    let is_simple = |byte: u8| byte.is_ascii() && (is_word(byte) || b"-./".contains(&byte));
    match !name.is_empty() && name.bytes().all(is_simple) {
        true => out.push_str(name),
        false => put_string(out, name),
    }
}

fn put_string(out: &mut String, text: &str) {
    out.push('\'');
    for character in text.chars() {
        match character {
            '\'' => out.push_str("\\'"),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            control if control.is_control() => {
                out.push_str(&format!("\\u{:04X}", u32::from(control)))
            }
            plain => out.push(plain),
        }
    }
    out.push('\'');
}

#[cfg(test)]
mod tests {
    use super::super::{read, read_json};
    use super::*;

    #[track_caller]
    fn round_trip(text: &str) {
        let value = read(text).expect("valid STON");
        assert_eq!(read(&write(&value)), Ok(value.clone()), "{}", write(&value));
    }

    #[test]
    fn what_is_written_reads_back_as_it_was() {
        for text in [
            "nil",
            "[ true, false, -3, 123456789012345678901234567890 ]",
            "[ 1/2, 314/100s2, 1.5e3, -0.25 ]",
            "'a\\'b\\\\c\\n\\u00e9\\uD834\\uDD1E'",
            "[ #name, #'with space', #a.b-c/d, #'' ]",
            "Point { #x : 1, #y : [ @1, #a : 2 ] }",
            "DateAndTime [ '2018-10-30T15:01:13+01:00' ]",
        ] {
            round_trip(text);
        }
    }

    #[test]
    fn nested_values_are_indented_and_flat_ones_stay_on_a_line() {
        let value = read("A { #load : [ 'x', 'y' ], #deep : [ [ 1 ] ] }").expect("valid STON");
        assert_eq!(
            write(&value),
            "A {\n\t#load : [ 'x', 'y' ],\n\t#deep : [\n\t\t[ 1 ]\n\t]\n}"
        );
    }

    #[test]
    fn references_count_objects_depth_first_and_no_primitives() {
        let value = read("[ 1, A { #x : [ 'p' ] }, { #k : B [ ] }, @4 ]").expect("valid STON");
        assert_eq!(value.resolve(1), Some(&value));
        assert_eq!(value.resolve(2).and_then(Value::class), Some("A"));
        assert_eq!(
            value.resolve(3),
            Some(&Value::List(vec![Value::String("p".into())]))
        );
        assert_eq!(value.resolve(5).and_then(Value::class), Some("B"));
        assert_eq!(value.resolve(6), None);
        assert_eq!(value.resolve(0), None);
    }

    #[test]
    fn comments_and_a_last_comma_are_tolerated() {
        let text = "// head\nA { /* why */ #x : 1, // one\n \"two\" #y : 2, }";
        assert_eq!(read(text), read("A{#x:1,#y:2}"));
    }

    #[test]
    fn faults_say_where_and_what() {
        for (text, offset, message) in [
            ("[ 1, 2", 0, "the list that begins here does not end"),
            ("'open", 0, "the string that begins here does not end"),
            ("{ #a 1 }", 5, "expected a colon after the key"),
            ("[ 1 2 ]", 4, "expected a comma or the closing bracket"),
            ("foo", 0, "expected nil, true, false or a class name"),
            ("nil nil", 4, "text after the end of the value; remove it"),
            (
                "1/0",
                3,
                "bad number; write 12, -3, 1/2, 314/100s2 or 1.5e3",
            ),
            (
                "'\\uD834x'",
                7,
                "unknown escape in a string; write a backslash as \\\\",
            ),
            ("", 0, "expected a value"),
        ] {
            let error = read(text).expect_err(text);
            assert_eq!(
                (error.offset, error.to_string().as_str()),
                (offset, message),
                "{text}"
            );
        }
    }

    #[test]
    fn nesting_beyond_the_limit_is_refused_and_not_recursed_into() {
        let error = read(&"[".repeat(100_000)).expect_err("too deep");
        assert_eq!(error.to_string(), "nested deeper than 200 levels");
        assert!(read(&"1:".repeat(100_000)).is_err());
    }

    #[test]
    fn json_is_read_with_its_own_quotes() {
        let value =
            read_json(r#"{ "name" : "It's", "vars" : [ "a", null, 1.5 ] }"#).expect("valid JSON");
        assert_eq!(value.at("name").and_then(Value::text), Some("It's"));
        assert_eq!(
            value
                .at("vars")
                .and_then(Value::elements)
                .map(<[Value]>::len),
            Some(3)
        );
    }
}
