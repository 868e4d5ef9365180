//! The front door: a set of files in any of the source forms -> packages and faults.
//!
//! The caller lists files; this module tells their form by their names and contents, groups them into
//! packages, and settles what no single file can say: package and tag of each class, double definitions.

use std::collections::BTreeMap;

use crate::definition::{ClassDefinition, MethodDefinition, PackageDefinition, TraitDefinition};
use crate::problem::{Defect, LoadError, Problem};
use crate::tonel;

/// One file: its path relative to the folder that is being read (with `/` between the parts), and its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceFile<'text> {
    /// E.g. `Counter/Counter.class.st`.
    pub path: &'text str,
    /// What is in it.
    pub text: &'text str,
}

/// What a set of files defines, and what is wrong with it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// Paths of the files, at the positions that [`crate::Origin::file`] names.
    pub paths: Vec<String>,
    /// The packages, ordered by folder.
    pub packages: Vec<PackageDefinition>,
    /// Every fault found, in the order of the files.
    pub problems: Vec<Problem>,
}

impl Reading {
    /// The packages, if nothing was wrong.
    ///
    /// # Errors
    /// All problems of the reading.
    pub fn into_result(self) -> Result<(Vec<String>, Vec<PackageDefinition>), LoadError> {
        match self.problems.is_empty() {
            true => Ok((self.paths, self.packages)),
            false => Err(LoadError {
                problems: self.problems,
            }),
        }
    }
}

/// Reads all packages that lie in a set of files. Files of no source form (pictures' descriptions, notes,
/// `.properties`) are passed over.
pub fn read_packages<'text>(files: impl IntoIterator<Item = SourceFile<'text>>) -> Reading {
    let mut reading = Reading::default();
    let mut folders: BTreeMap<&str, PackageDefinition> = BTreeMap::new();
    for source in files {
        let file = u32::try_from(reading.paths.len()).unwrap_or(u32::MAX);
        reading.paths.push(source.path.to_owned());
        if !is_tonel(source.path) {
            continue;
        }
        let package = folders.entry(folder_of(source.path)).or_default();
        if let Some(defined) = tonel::read_file(source, file, &mut reading.problems) {
            tonel::add_to_package(package, defined);
        }
    }
    reading.packages = folders
        .into_iter()
        .map(|(folder, package)| settled(package, folder))
        .collect();
    note_duplicates(&mut reading);
    reading
}

fn is_tonel(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let suffixes = [".class.st", ".trait.st", ".extension.st"];
    name == "package.st" || suffixes.iter().any(|suffix| name.ends_with(suffix))
}

fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// Gives a package its name (its folder's where no `package.st` says another), and its classes their
/// package and tag.
fn settled(mut package: PackageDefinition, folder: &str) -> PackageDefinition {
    if package.name.is_empty() {
        package.name = folder.rsplit('/').next().unwrap_or(folder).to_owned();
    }
    let name = package.name.as_str();
    for class in &mut package.classes {
        settle_tag(name, &mut class.package, &mut class.tag);
    }
    for definition in &mut package.traits {
        settle_tag(name, &mut definition.package, &mut definition.tag);
    }
    package
}

/// Parts a category such as `Counter-Model` into the package `Counter` and the tag `Model`.
fn settle_tag(package_name: &str, package: &mut String, tag: &mut String) {
    if tag.is_empty() {
        let rest = package
            .strip_prefix(package_name)
            .and_then(|rest| rest.strip_prefix('-'));
        *tag = rest.unwrap_or("").to_owned();
    }
    package_name.clone_into(package);
}

fn note_duplicates(reading: &mut Reading) {
    let mut found = Vec::new();
    let mut first_paths: BTreeMap<&str, u32> = BTreeMap::new();
    for package in &reading.packages {
        let classes = package.classes.iter().map(Definition::of_class);
        for definition in classes.chain(package.traits.iter().map(Definition::of_trait)) {
            if let Some(first) = first_paths.insert(definition.name, definition.file) {
                let first_path = path_at(&reading.paths, first);
                let defect = Defect::DuplicateClass {
                    name: definition.name.to_owned(),
                    first_path,
                };
                found.push(problem(
                    &reading.paths,
                    definition.file,
                    definition.line,
                    defect,
                ));
            }
            duplicate_methods(&reading.paths, definition.methods, &mut found);
        }
    }
    reading.problems.extend(found);
}

fn duplicate_methods(paths: &[String], methods: &[MethodDefinition], found: &mut Vec<Problem>) {
    let mut first_lines: BTreeMap<(bool, &str), u32> = BTreeMap::new();
    for method in methods {
        let line = method.origin.line;
        if let Some(first_line) = first_lines.insert((method.is_meta, &method.selector), line) {
            let defect = Defect::DuplicateMethod {
                method: method.full_name(),
                first_line,
            };
            found.push(problem(paths, method.origin.file, line, defect));
        }
    }
}

/// What classes and traits have in common here.
struct Definition<'reading> {
    name: &'reading str,
    file: u32,
    line: u32,
    methods: &'reading [MethodDefinition],
}

impl<'reading> Definition<'reading> {
    fn of_class(class: &'reading ClassDefinition) -> Self {
        Self {
            name: &class.name,
            file: class.origin.file,
            line: class.origin.line,
            methods: &class.methods,
        }
    }

    fn of_trait(definition: &'reading TraitDefinition) -> Self {
        let origin = definition.origin;
        Self {
            name: &definition.name,
            file: origin.file,
            line: origin.line,
            methods: &definition.methods,
        }
    }
}

fn problem(paths: &[String], file: u32, line: u32, defect: Defect) -> Problem {
    Problem {
        path: path_at(paths, file),
        line,
        defect,
    }
}

fn path_at(paths: &[String], file: u32) -> String {
    usize::try_from(file)
        .ok()
        .and_then(|index| paths.get(index))
        .cloned()
        .unwrap_or_default()
}
