//! Goldens and properties of the compiler. Each golden file holds cases: `=== title`, the source,
//! `---`, and what is expected. `BLESS=1` rewrites the expectations; the diff is read in review.
//! Files named `doit*` hold expression sequences, all others methods of the class `Probe`.

mod kernel;
mod limits;
mod listing;
mod map;
mod properties;
mod soundness;

use std::fs;
use std::path::{Path, PathBuf};

use imprint_compiler::{Compilation, Names, Resolved, Site, compile_doit, compile_method};
use imprint_isa::draft::BehaviorName;

/// The world of the tests: `Probe` has 20 instance variables `v0` to `v19`, the class variable
/// `Shared` and the pool `Letters`; the globals are few.
pub struct World;

impl Names for World {
    fn resolve(&self, name: &str) -> Resolved {
        if let Some(index) = name
            .strip_prefix('v')
            .and_then(|digits| digits.parse().ok())
            .filter(|&index| index < 20)
        {
            return Resolved::InstanceVariable(index);
        }
        match name {
            "Shared" => Resolved::ClassVariable {
                class: "Probe".into(),
                name: name.into(),
            },
            "Alpha" => Resolved::ClassVariable {
                class: "Letters".into(),
                name: name.into(),
            },
            "Object" | "Array" | "Probe" => Resolved::Global {
                name: name.into(),
                is_class: true,
            },
            "Transcript" => Resolved::Global {
                name: name.into(),
                is_class: false,
            },
            _ => Resolved::Undeclared,
        }
    }
}

/// Where the cases of a file go.
fn site_of(file_name: &str) -> Site {
    let behavior = if file_name.contains("meta") {
        BehaviorName::meta("Probe")
    } else {
        BehaviorName::class("Probe")
    };
    Site {
        is_context: file_name.contains("context"),
        ..Site::new(behavior)
    }
}

fn compile(source: &str, file_name: &str) -> Compilation {
    let site = site_of(file_name);
    if file_name.starts_with("doit") {
        compile_doit(source, &site, &World)
    } else {
        compile_method(source, &site, &World)
    }
}

fn shown(source: &str, file_name: &str) -> String {
    let compilation = compile(source, file_name);
    let mut text = String::new();
    if let Some(method) = &compilation.method {
        soundness::assert_sound(&method.draft);
        text.push_str(&listing::of(&method.draft));
    }
    text.push_str(&compilation.report("st", source));
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
    let file_name = file
        .file_name()
        .expect("a file has a name")
        .to_string_lossy();
    let mut blessed = String::new();
    let mut cases = 0;
    for case in text.split("=== ").skip(1) {
        let (title, rest) = case.split_once('\n').expect("a title ends its line");
        let (source, _) = rest
            .split_once("\n---\n")
            .unwrap_or((rest.trim_end_matches('\n'), ""));
        let outcome = shown(source, &file_name);
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
    assert!(cases >= 100, "{cases} cases were found");
}
