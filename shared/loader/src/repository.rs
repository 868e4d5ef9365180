//! The front door: a set of files in any of the source forms -> packages and faults.
//!
//! The caller lists files; this module tells their form by their names and contents, groups them into
//! packages, and settles what no single file can say: package and tag of each class, double definitions.

use std::collections::BTreeMap;

use crate::definition::{ClassDefinition, MethodDefinition, PackageDefinition, TraitDefinition};
use crate::problem::{Defect, LoadError, Problem};
use crate::{bracket, chunk, filetree, tonel};

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

/// Reads all packages that lie in a set of files. Files of no source form (notes, `.properties`) are passed
/// over; so are plain `.st` files beside packages of Tonel or FileTree, which are scripts, not sources.
pub fn read_packages<'text>(files: impl IntoIterator<Item = SourceFile<'text>>) -> Reading {
    let mut folders = Folders::default();
    for source in files {
        folders.add(source);
    }
    folders.finish()
}

/// The form a file is written in, as its path tells.
enum Form<'text> {
    Tonel {
        folder: &'text str,
    },
    FileTree {
        folder: &'text str,
        within: &'text str,
    },
    Plain {
        name: &'text str,
    },
    Other,
}

impl<'text> Form<'text> {
    fn of(path: &'text str) -> Self {
        if let Some((folder, within)) = filetree::split_path(path) {
            return Self::FileTree { folder, within };
        }
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let tonel = [".class.st", ".trait.st", ".extension.st"];
        if name == "package.st" || tonel.iter().any(|suffix| name.ends_with(suffix)) {
            return Self::Tonel { folder };
        }
        let plain = [".pck.st", ".cs.st", ".st", ".cs"]
            .iter()
            .find_map(|suffix| name.strip_suffix(suffix));
        plain.map_or(Self::Other, |name| Self::Plain { name })
    }
}

/// Files by the package they belong to.
#[derive(Default)]
struct Folders<'text> {
    reading: Reading,
    tonel: BTreeMap<&'text str, PackageDefinition>,
    filetree: BTreeMap<&'text str, filetree::Collector<'text>>,
    plain: Vec<(&'text str, SourceFile<'text>, u32)>,
}

impl<'text> Folders<'text> {
    fn add(&mut self, source: SourceFile<'text>) {
        let file = u32::try_from(self.reading.paths.len()).unwrap_or(u32::MAX);
        self.reading.paths.push(source.path.to_owned());
        match Form::of(source.path) {
            Form::Tonel { folder } => {
                let package = self.tonel.entry(folder).or_default();
                if let Some(defined) = tonel::read_file(source, file, &mut self.reading.problems) {
                    tonel::add_to_package(package, defined);
                }
            }
            Form::FileTree { folder, within } => {
                self.filetree
                    .entry(folder)
                    .or_default()
                    .add(within, source, file);
            }
            Form::Plain { name } => self.plain.push((name, source, file)),
            Form::Other => {}
        }
    }

    fn finish(mut self) -> Reading {
        if self.tonel.is_empty() && self.filetree.is_empty() {
            self.read_plain();
        }
        let packages = self
            .tonel
            .into_iter()
            .map(|(folder, package)| settled(package, folder));
        self.reading.packages.extend(packages);
        for (folder, collector) in self.filetree {
            let package = collector.finish(folder, &mut self.reading.problems);
            self.reading.packages.push(settled(package, folder));
        }
        note_duplicates(&mut self.reading);
        self.reading
    }

    fn read_plain(&mut self) {
        for &(name, source, file) in &self.plain {
            let problems = &mut self.reading.problems;
            let package = match bracket::is_bracket_syntax(source.text) {
                true => bracket::read_file(source, file, name, problems),
                false => chunk::read_file(source, file, name, problems),
            };
            self.reading.packages.push(settled(package, name));
        }
    }
}

/// Gives a package its name (its folder's where no `package.st` says another), and its classes their
/// package and tag.
pub(crate) fn settled(mut package: PackageDefinition, folder: &str) -> PackageDefinition {
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
