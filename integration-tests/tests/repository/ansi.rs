//! The tables of examples for the class library: their form. Whether they hold is for the test that runs
//! them.

use std::collections::BTreeSet;

use imprint_syntax::parse_doit;

use crate::tree::files_under;

/// Rows that there must be, all tables together.
const ROWS_MIN: usize = 1_500;

/// Place and cells of every row; lines that begin with `#` are remarks.
fn rows() -> Vec<(String, Vec<String>)> {
    let mut rows = Vec::new();
    for file in files_under("integration-tests/ansi") {
        for (index, line) in file.text.lines().enumerate() {
            if !line.is_empty() && !line.starts_with('#') {
                let cells = line.split('\t').map(str::to_owned).collect();
                rows.push((format!("{}:{}", file.path, index + 1), cells));
            }
        }
    }
    rows
}

#[track_caller]
fn check_rows(rule: &str, is_right: impl Fn(&[String]) -> bool) {
    let all = rows();
    let faults: Vec<_> = all
        .iter()
        .filter(|(_, cells)| !is_right(cells))
        .map(|(place, _)| place.as_str())
        .collect();
    assert!(faults.is_empty(), "{rule}:\n  {}", faults.join("\n  "));
}

#[test]
fn there_are_enough_examples_and_none_twice() {
    let rows = rows();
    assert!(rows.len() >= ROWS_MIN, "{} rows", rows.len());
    // Two tables may share an example: kernel and collections both know Association.
    let mut seen = BTreeSet::new();
    let is_new = |place: &str, cells: &[String]| {
        let table = place.split(':').next().unwrap_or("").to_owned();
        seen.insert((table, cells.to_vec()))
    };
    let again = twice(&rows, is_new);
    assert!(again.is_empty(), "given twice:\n  {}", again.join("\n  "));
}

fn twice(
    rows: &[(String, Vec<String>)],
    mut is_new: impl FnMut(&str, &[String]) -> bool,
) -> Vec<&str> {
    let again = rows.iter().filter(|(place, cells)| !is_new(place, cells));
    again.map(|(place, _)| place.as_str()).collect()
}

#[test]
fn every_row_has_class_selector_example_and_result() {
    check_rows("four cells, none empty", |cells| {
        cells.len() == 4 && cells.iter().all(|cell| !cell.is_empty())
    });
}

#[test]
fn every_example_parses() {
    check_rows("syntax errors", |cells| {
        let (_, diagnostics) = parse_doit(cells.get(2).map_or("", String::as_str));
        !diagnostics.iter().any(imprint_syntax::Diagnostic::is_error)
    });
}
