//! Manners of the Smalltalk sources we write: the kernel and the examples.

use imprint_loader::{
    ClassDefinition, MethodDefinition, PackageDefinition, Reading, SourceFile, read_packages,
    read_project,
};
use imprint_syntax::parse_method;

use crate::ratchet;
use crate::tree::{TextFile, files_under};

/// Lines a method may have, pattern, comment and pragmas included.
const METHOD_LINES_MAX: usize = 16;

/// Methods that are longer, with their present length.
const LONG_METHODS: &[(&str, usize)] = &[];

/// Folders that hold our Smalltalk.
const FOLDERS: &[&str] = &["shared/kernel", "deploy/examples"];

fn sources() -> Vec<TextFile> {
    let files = FOLDERS.iter().flat_map(|folder| files_under(folder));
    files.filter(|file| file.path.ends_with(".st")).collect()
}

fn read(files: &[TextFile]) -> Reading {
    read_packages(files.iter().map(|file| SourceFile {
        path: &file.path,
        text: &file.text,
    }))
}

fn methods(package: &PackageDefinition) -> impl Iterator<Item = &MethodDefinition> {
    let classes = package.classes.iter().flat_map(|class| &class.methods);
    let traits = package.traits.iter().flat_map(|found| &found.methods);
    classes.chain(traits).chain(&package.extensions)
}

fn place(reading: &Reading, method: &MethodDefinition) -> String {
    let file = usize::try_from(method.origin.file).expect("an index");
    format!(
        "{}:{} {}",
        reading.paths[file],
        method.origin.line,
        method.full_name()
    )
}

#[track_caller]
fn check_none(rule: &str, faults: Vec<String>) {
    assert!(faults.is_empty(), "{rule}:\n  {}", faults.join("\n  "));
}

#[test]
fn every_source_is_tonel_without_a_fault() {
    let reading = read(&sources());
    assert!(reading.packages.len() > 10, "the kernel is there");
    check_none(
        "faults",
        reading.problems.iter().map(ToString::to_string).collect(),
    );
}

#[test]
fn every_method_parses() {
    let reading = read(&sources());
    let mut faults = Vec::new();
    for method in reading.packages.iter().flat_map(methods) {
        let (_, diagnostics) = parse_method(&method.source);
        let errors = diagnostics
            .iter()
            .filter(|diagnostic| diagnostic.is_error());
        faults
            .extend(errors.map(|error| format!("{}: {}", place(&reading, method), error.message)));
    }
    check_none("syntax errors", faults);
}

#[test]
fn every_class_has_a_comment_in_the_first_person() {
    let reading = read(&sources());
    let is_bare = |class: &&ClassDefinition| !speaks_of_itself(&class.comment);
    let classes = reading.packages.iter().flat_map(|package| &package.classes);
    let faults = classes
        .filter(is_bare)
        .map(|class| format!("{}: '{}'", class.name, class.comment));
    check_none("a class says what it is: 'I am ...'", faults.collect());
}

fn speaks_of_itself(comment: &str) -> bool {
    let words: Vec<&str> = comment
        .split(|character: char| !character.is_alphanumeric() && character != '\'')
        .collect();
    words
        .iter()
        .any(|word| matches!(*word, "I" | "I'm" | "My" | "my" | "me" | "Me"))
}

#[test]
fn every_method_has_a_protocol() {
    let reading = read(&sources());
    let all = reading.packages.iter().flat_map(methods);
    let faults = all
        .filter(|method| method.protocol.is_empty())
        .map(|method| place(&reading, method));
    check_none("methods without a protocol", faults.collect());
}

#[test]
fn every_file_is_named_after_what_it_defines() {
    let mut faults = Vec::new();
    for file in sources() {
        let reading = read(std::slice::from_ref(&file));
        let package = reading.packages.first().expect("a package for each file");
        let stem = file
            .path
            .rsplit('/')
            .next()
            .and_then(|name| name.split('.').next())
            .unwrap_or("");
        let mut names: Vec<&str> = package
            .classes
            .iter()
            .map(|class| class.name.as_str())
            .collect();
        names.extend(package.traits.iter().map(|found| found.name.as_str()));
        names.extend(
            package
                .extensions
                .iter()
                .map(|method| method.class_name.as_str()),
        );
        if names.iter().any(|name| *name != stem) {
            faults.push(format!("{} defines {names:?}", file.path));
        }
    }
    check_none("a file defines the class it is named after", faults);
}

#[test]
fn every_package_has_its_tests_beside_it() {
    let reading = read(&sources());
    let names: Vec<&str> = reading
        .packages
        .iter()
        .map(|package| package.name.as_str())
        .collect();
    let is_tested = |name: &&&str| {
        name.ends_with("-Tests")
            || name.starts_with("BaselineOf")
            || names.contains(&format!("{name}-Tests").as_str())
    };
    let faults = names
        .iter()
        .filter(|name| !is_tested(name))
        .map(|name| (*name).to_owned());
    check_none("packages without tests", faults.collect());
}

#[test]
fn methods_are_short() {
    let reading = read(&sources());
    let all = reading.packages.iter().flat_map(methods);
    let sizes: Vec<_> = all
        .map(|method| (method.full_name(), method.source.lines().count()))
        .collect();
    ratchet::check("lines of a method", METHOD_LINES_MAX, LONG_METHODS, &sizes);
}

#[test]
fn every_example_is_a_project_that_names_what_it_loads_and_tests() {
    let files = files_under("deploy/examples");
    let examples = files
        .iter()
        .filter_map(|file| file.path.strip_suffix(".smalltalk.ston"));
    for example in examples {
        let inside = files.iter().filter_map(|file| {
            let path = file.path.strip_prefix(example)?;
            Some(SourceFile {
                path,
                text: &file.text,
            })
        });
        let loaded = read_project(inside).unwrap_or_else(|error| panic!("{example}:\n{error}"));
        let project = &loaded.project;
        let is_tested =
            |package: &PackageDefinition| project.testing.include.holds("", "", &package.name);
        assert!(
            loaded.packages.iter().any(is_tested),
            "{example} tests nothing"
        );
        assert!(project.entry.is_some(), "{example} has no entry");
        assert_eq!(project.unknown_keys, [""; 0], "{example}");
    }
}
