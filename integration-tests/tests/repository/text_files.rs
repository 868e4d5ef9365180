//! Rules for every text file: heads, sizes, names, nothing left for later, links that lead somewhere.

use std::path::Path;

use crate::ratchet;
use crate::tree::{TextFile, files_under, root, rust_files};

/// Lines a Rust file may have.
const LINES_MAX: usize = 700;

/// Files that are longer, with their present length.
const LONG_FILES: &[(&str, usize)] = &[];

/// Names that say nothing about what is inside.
const EMPTY_NAMES: &[&str] = &[
    "utils.rs",
    "util.rs",
    "common.rs",
    "helpers.rs",
    "types.rs",
    "misc.rs",
];

#[track_caller]
fn check_each(rule: &str, files: &[TextFile], breaks: impl Fn(&TextFile) -> bool) {
    let faults: Vec<&str> = files
        .iter()
        .filter(|file| breaks(file))
        .map(|file| file.path.as_str())
        .collect();
    assert!(faults.is_empty(), "{rule}:\n  {}", faults.join("\n  "));
}

#[test]
fn every_rust_file_begins_with_its_head() {
    check_each(
        "a file says in `//!` lines what it is",
        &rust_files(),
        |file| !file.text.starts_with("//!"),
    );
}

#[test]
fn no_rust_file_is_longer_than_a_reader_bears() {
    let files = rust_files();
    let sizes: Vec<_> = files
        .iter()
        .map(|file| (file.path.clone(), file.text.lines().count()))
        .collect();
    ratchet::check("lines of a file", LINES_MAX, LONG_FILES, &sizes);
}

#[test]
fn file_names_name_a_concept() {
    check_each("name the concept", &rust_files(), |file| {
        let name = file.path.rsplit('/').next().unwrap_or("");
        EMPTY_NAMES.contains(&name)
    });
}

#[test]
fn nothing_is_left_for_later() {
    // Put together here, so that this file does not break its own rule.
    let words = [
        ["TO", "DO"],
        ["FIX", "ME"],
        ["// XX", "X"],
        ["todo", "!("],
        ["unimplemented", "!("],
        ["#[ign", "ore"],
    ];
    let words = words.map(|parts| parts.concat());
    let mut files = files_under("");
    files.retain(|file| {
        [".rs", ".st", ".toml", ".md", ".proto"]
            .iter()
            .any(|end| file.path.ends_with(end))
    });
    for word in &words {
        check_each(&format!("{word} has no place here"), &files, |file| {
            has_word(&file.text, word)
        });
    }
}

/// Whether a word stands in a text on its own, and not within a longer one.
fn has_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(start, _)| {
        let before = text[..start].chars().next_back();
        let after = text[start + word.len()..].chars().next();
        let is_letter = |character: Option<char>| character.is_some_and(char::is_alphanumeric);
        let continues = word.ends_with(char::is_alphanumeric) && is_letter(after);
        !is_letter(before) && !continues
    })
}

#[test]
fn text_files_end_in_a_line_end_and_lines_in_no_blanks() {
    let mut files = files_under("");
    files.retain(|file| {
        [".rs", ".st", ".toml", ".md", ".proto", ".ston"]
            .iter()
            .any(|end| file.path.ends_with(end))
    });
    check_each(
        "blanks at a line's end, or no line end at the end",
        &files,
        |file| {
            let has_blanks = file.text.lines().any(|line| line.ends_with([' ', '\t']));
            has_blanks || !(file.text.is_empty() || file.text.ends_with('\n'))
        },
    );
}

#[test]
fn links_in_documents_lead_to_files() {
    let mut files = files_under("");
    files.retain(|file| file.path.ends_with(".md"));
    let mut faults = Vec::new();
    for file in &files {
        let folder = root()
            .join(&file.path)
            .parent()
            .map(Path::to_owned)
            .unwrap_or_default();
        for link in links(&file.text) {
            if !folder.join(link).exists() {
                faults.push(format!("{}: {link}", file.path));
            }
        }
    }
    assert!(faults.is_empty(), "dead links:\n  {}", faults.join("\n  "));
}

/// Targets of `[text](target)` inside the repository, without their `#part`.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let targets = text
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next());
    let inside = targets.filter(|target| !target.contains("://") && !target.starts_with('#'));
    inside.map(|target| target.split('#').next().unwrap_or(target))
}
