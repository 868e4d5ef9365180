//! Goldens and properties of the parser. Each golden file holds cases: `=== title`, the source,
//! `---`, and what is expected. `BLESS=1` rewrites the expectations; the diff is read in review.
//! Files named `doit*` hold expression sequences, all others methods.

use std::fs;
use std::path::{Path, PathBuf};

use imprint_syntax::{SourceText, outline, parse_doit, parse_method};
use proptest::prelude::{ProptestConfig, any, prop, proptest};

/// What is shown for one source: the tree, then the findings.
fn shown(source: &str, is_doit: bool) -> String {
    let (tree, diagnostics) = if is_doit {
        parse_doit(source)
    } else {
        parse_method(source)
    };
    let mut text = outline(&tree);
    text.push_str(&SourceText::new("st", source).render_all(&diagnostics));
    text
}

fn golden_files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens");
    let entries = fs::read_dir(folder).expect("the goldens are in the crate");
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.expect("readable").path())
        .collect();
    files.sort();
    files
}

fn check(file: &Path) -> usize {
    let text = fs::read_to_string(file).expect("a golden is a readable text");
    let is_doit = file
        .file_name()
        .is_some_and(|name| name.to_string_lossy().starts_with("doit"));
    let mut blessed = String::new();
    let mut cases = 0;
    for case in text.split("=== ").skip(1) {
        let (title, rest) = case.split_once('\n').expect("a title ends its line");
        let (source, _) = rest
            .split_once("\n---\n")
            .unwrap_or((rest.trim_end_matches('\n'), ""));
        let outcome = shown(source, is_doit);
        blessed.push_str(&format!("=== {title}\n{source}\n---\n{outcome}\n"));
        cases += 1;
    }
    if std::env::var_os("BLESS").is_some() {
        fs::write(file, &blessed).expect("a golden is writable");
        return cases;
    }
    assert_eq!(
        text,
        blessed,
        "{} differs; BLESS=1 rewrites it",
        file.display()
    );
    cases
}

#[test]
fn every_golden_is_as_it_was() {
    let cases: usize = golden_files().iter().map(|file| check(file)).sum();
    assert!(cases >= 60, "{cases} cases were found");
}

#[test]
fn ten_faulty_statements_give_ten_findings() {
    let mut source = String::from("foo: x\n\t| a |\n");
    for index in 0..10 {
        source.push_str(
            [
                "\ta := ).\n",
                "\tx at: .\n",
                "\t#[1 ; 2] foo.\n",
                "\t(1. 2).\n",
                "\ta b: + 3.\n",
            ][index % 5],
        );
    }
    let (_, diagnostics) = parse_method(&source);
    assert_eq!(
        diagnostics.len(),
        10,
        "{}",
        SourceText::new("st", &source).render_all(&diagnostics)
    );
}

#[test]
fn deep_nesting_is_refused_and_not_a_crash() {
    for (open, close) in [
        ("(", ")"),
        ("[", "]"),
        ("{", "}"),
        ("#(", ")"),
        ("a := ", ""),
        ("a foo: (", ")"),
        ("[:a | ", ""),
    ] {
        let source = format!("{}1{}", open.repeat(50_000), close.repeat(50_000));
        let (_, diagnostics) = parse_doit(&source);
        assert!(!diagnostics.is_empty(), "{open}");
        assert!(
            diagnostics.len() < 5,
            "{open} gave {} findings",
            diagnostics.len()
        );
    }
}

#[test]
fn long_chains_are_refused_and_not_a_crash() {
    for source in [
        "a foo".to_owned() + &" foo".repeat(50_000),
        "1".to_owned() + &" + 1".repeat(50_000),
    ] {
        assert!(!parse_doit(&source).1.is_empty());
    }
    assert!(
        parse_doit(&("'a'".to_owned() + &" , 'b'".repeat(900)))
            .1
            .is_empty()
    );
}

const VALID: &str = "at: index put: value\n\t\"Stores.\"\n\t<primitive: 61 error: ec>\n\t| a b |\n\ta := #(1 $a foo: #bar 'it''s' (1 2) [3 4] -5 1.5e-3 1.5s2 16r1F true nil).\n\tb := [ :x :y | | t | t := x foo: y; bar; + 3. t ] value: 1 value: -2.\n\t^ { a. b. self } collect: [ :each | each ifNil: [ ^ super at: 1 ] ]\n";

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_parsed_without_panic(source in any::<String>()) {
        shown(&source, false);
        shown(&source, true);
    }

    #[test]
    fn any_smalltalk_like_text_is_parsed_without_panic(
        pieces in prop::collection::vec(prop::sample::select(&[
            "[", "]", "(", ")", "{", "}", "#(", "#[", "|", "||", ":", ":=", ";", ".", "^", "<", ">", "-", "foo", "foo:",
            "at:put:", "'", "''", "\"", "$", "$ ", "#", "##", "#foo", "#+", "1", "1.", "16r", "1e", "2r1e3", "é", "\u{1F600}", " ", "\n", "nil", "|a|",
        ][..]), 0..40)
    ) {
        let source = pieces.concat();
        shown(&source, false);
        shown(&source, true);
    }

    #[test]
    fn a_damaged_method_is_parsed_without_panic(at in 0..VALID.len(), length in 0usize..12, put in "[\\[\\](){}#|:.'\"$<>;^ a-c0-9]{0,4}") {
        let mut source = VALID.to_owned();
        let end = (at + length).min(source.len());
        source.replace_range(at..end, &put);
        shown(&source, false);
    }
}

#[test]
fn the_undamaged_method_is_without_fault() {
    assert!(parse_method(VALID).1.is_empty());
}
