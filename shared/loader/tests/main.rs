//! Any text may come: nothing panics, places lie within the text, and what is written reads back.

use imprint_loader::ston::{self, Body, Value};
use imprint_loader::{
    Baseline, PackageDefinition, Project, SourceFile, flatten_traits, read_archive, read_packages,
    read_project,
};
use proptest::prelude::*;

/// Pieces that the formats give a meaning to, so that random texts get past the first letter.
const PIECES: &[&str] = &[
    "Class",
    "Trait",
    "Extension",
    "Package",
    " ",
    "\n",
    "\r",
    "{",
    "}",
    "[",
    "]",
    "#name",
    ":",
    "#A",
    "'A'",
    ",",
    "A",
    " class",
    " >> ",
    "foo",
    "at: x",
    "+ y",
    "\"",
    "'",
    "$",
    "!",
    "!!",
    "^ 1",
    "methodsFor:",
    "subclass:",
    "Eval",
    "extend",
    "|",
    "<comment:",
    ">",
    ":=",
    ".",
    "é",
    "@1",
    "1/2",
    "-",
    "\\u00",
    "#superclass",
    "#(",
    ")",
    "instanceVariableNames:",
    "commentStamp:",
    "reorganize",
    "<baseline>",
    "spec package: 'A'",
    ";",
];

const PATHS: &[&str] = &[
    "P/A.class.st",
    "P/package.st",
    "P.package/A.class/properties.json",
    "P.package/A.class/instance/x.st",
    "A.st",
];

fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        8 => proptest::sample::select(PIECES).prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
    ];
    proptest::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

fn value() -> impl Strategy<Value = Value> {
    let name = "[ -~éλ\\n\\t]{0,8}";
    let leaf = prop_oneof![
        Just(Value::Nil),
        any::<bool>().prop_map(Value::Boolean),
        any::<i64>().prop_map(Value::Integer),
        "-?[1-9][0-9]{20,30}".prop_map(Value::LargeInteger),
        any::<f64>()
            .prop_filter("finite", |float| float.is_finite())
            .prop_map(Value::Float),
        name.prop_map(Value::String),
        name.prop_map(Value::Symbol),
        any::<u32>().prop_map(Value::Reference),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        let list = proptest::collection::vec(inner.clone(), 0..5);
        let map = proptest::collection::vec((inner.clone(), inner.clone()), 0..5);
        prop_oneof![
            list.clone().prop_map(Value::List),
            map.clone().prop_map(Value::Map),
            ("[A-Z][a-z]{0,5}", list).prop_map(|(class, elements)| Value::Object {
                class,
                body: Body::List(elements)
            }),
            ("[A-Z][a-z]{0,5}", map).prop_map(|(class, pairs)| Value::Object {
                class,
                body: Body::Map(pairs)
            }),
        ]
    })
}

fn check_origins(package: &PackageDefinition, text: &str) {
    let classes = package.classes.iter().flat_map(|class| &class.methods);
    for method in classes.chain(&package.extensions) {
        assert!(method.origin.line >= 1);
        let last = u32::try_from(method.source.len()).expect("small");
        assert!(method.origin.file_offset(0) as usize <= text.len());
        assert!(method.origin.file_offset(last) as usize <= text.len());
    }
}

proptest! {
    #[test]
    fn any_text_under_any_name_is_read_or_reported(text in text(), path in proptest::sample::select(PATHS)) {
        let reading = read_packages([SourceFile { path, text: &text }]);
        for package in &reading.packages {
            check_origins(package, &text);
            for class in &package.classes {
                let _ = Baseline::read(class, path, &["pharo"]);
            }
        }
        for problem in &reading.problems {
            prop_assert!(problem.line >= 1);
            prop_assert!(!problem.to_string().is_empty());
        }
    }

    #[test]
    fn any_text_is_a_project_or_a_fault(text in text()) {
        let _ = ston::read_json(&text);
        let _ = Project::read("p", &text);
        let _ = Project::read("p", &format!("SmalltalkCISpec {{ #testing : {text} }}"));
    }

    #[test]
    fn any_texts_are_a_loaded_project_or_faults(texts in proptest::array::uniform4(text())) {
        let baseline = format!("Class {{ #name : #BaselineOfA }}\nBaselineOfA >> baseline: spec [ <baseline> {} ]", texts[0]);
        let user = format!("Class {{ #name : #A, #traits : '{}' }}", texts[1].replace('\'', ""));
        let own = format!("Trait {{ #name : #T, #traits : 'T + {}' }}\n{}", texts[2].replace('\'', ""), texts[3]);
        let files = [
            (".smalltalk.ston", "SmalltalkCISpec { #loading : [ SCIMetacelloLoadSpec { #baseline : 'A' } ] }"),
            ("BaselineOfA/BaselineOfA.class.st", &baseline),
            ("A/A.class.st", &user),
            ("A/T.trait.st", &own),
        ];
        let files = files.map(|(path, text)| SourceFile { path, text });
        let _ = read_project(files);
        let mut reading = read_packages(files);
        flatten_traits(&mut reading.packages, &reading.paths);
        prop_assert!(reading.packages.iter().all(|package| package.traits.is_empty()));
    }

    #[test]
    fn any_bytes_are_an_archive_or_a_fault(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let reading = read_archive("a.mcz", &bytes);
        prop_assert!(reading.packages.is_empty() != reading.problems.is_empty());
    }

    #[test]
    fn every_value_is_written_so_that_it_reads_back(value in value()) {
        prop_assert_eq!(ston::read(&ston::write(&value)), Ok(value));
    }
}
