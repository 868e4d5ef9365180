//! The embedded kernel and the examples compile, without an error and without an undeclared name.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use imprint_compiler::{Compilation, Names, Resolved, Site, compile_method};
use imprint_isa::draft::BehaviorName;
use imprint_loader::{ClassDefinition, MethodDefinition, Reading, SourceFile, read_packages};
use imprint_syntax::{Diagnostic, SourceText};

/// Globals that the image has and no source file declares.
const GLOBALS: [&str; 5] = [
    "Smalltalk",
    "Processor",
    "Transcript",
    "Undeclared",
    "SystemOrganization",
];

struct Sources {
    files: Vec<(String, String)>,
}

impl Sources {
    fn of(folders: &[&str]) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let mut files = Vec::new();
        for folder in folders {
            collect(&root, &root.join(folder), &mut files);
        }
        files.sort();
        Self { files }
    }

    fn read(&self) -> Reading {
        read_packages(
            self.files
                .iter()
                .map(|(path, text)| SourceFile { path, text }),
        )
    }
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<(String, String)>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for path in entries.map(|entry| entry.expect("readable").path()) {
        if path.is_dir() {
            collect(root, &path, files);
        } else if path.extension().is_some_and(|extension| extension == "st") {
            let name = path
                .strip_prefix(root)
                .map_or_else(|_| PathBuf::from(&path), Path::to_path_buf);
            files.push((
                name.to_string_lossy().into_owned(),
                fs::read_to_string(&path).expect("readable"),
            ));
        }
    }
}

/// All classes by name, and the names that a method of one of them can see.
struct Classes<'r> {
    by_name: HashMap<&'r str, &'r ClassDefinition>,
}

struct Scope<'c, 'r> {
    classes: &'c Classes<'r>,
    class: Option<&'r ClassDefinition>,
    is_meta: bool,
}

impl<'r> Classes<'r> {
    fn of(reading: &'r Reading) -> Self {
        let classes = reading.packages.iter().flat_map(|package| &package.classes);
        Self {
            by_name: classes.map(|class| (class.name.as_str(), class)).collect(),
        }
    }

    /// The class and its superclasses, from the class up.
    fn lineage(&self, class: Option<&'r ClassDefinition>) -> Vec<&'r ClassDefinition> {
        let superclass =
            |class: &&'r ClassDefinition| self.by_name.get(class.superclass.as_deref()?).copied();
        std::iter::successors(class, superclass).take(100).collect()
    }
}

impl Names for Scope<'_, '_> {
    fn resolve(&self, name: &str) -> Resolved {
        let lineage = self.classes.lineage(self.class);
        let shared = lineage.iter().find_map(|class| {
            let pools = class
                .pools
                .iter()
                .filter_map(|pool| self.classes.by_name.get(pool.as_str()));
            std::iter::once(class)
                .chain(pools)
                .find(|class| class.class_variables.iter().any(|known| known == name))
        });
        if let Some(class) = shared {
            return Resolved::ClassVariable {
                class: class.name.as_str().into(),
                name: name.into(),
            };
        }
        match self
            .fields(&lineage)
            .iter()
            .position(|field| *field == name)
        {
            Some(index) => Resolved::InstanceVariable(u16::try_from(index).expect("few fields")),
            None if self.classes.by_name.contains_key(name) => Resolved::Global {
                name: name.into(),
                is_class: true,
            },
            None if GLOBALS.contains(&name) => Resolved::Global {
                name: name.into(),
                is_class: false,
            },
            None => Resolved::Undeclared,
        }
    }
}

impl<'r> Scope<'_, 'r> {
    /// The names of all fields, inherited ones first. A class is an instance of its metaclass,
    /// which inherits from Class.
    fn fields(&self, lineage: &[&'r ClassDefinition]) -> Vec<&'r str> {
        let own = lineage.iter().rev();
        if !self.is_meta {
            return own
                .flat_map(|class| &class.instance_variables)
                .map(String::as_str)
                .collect();
        }
        let of_class = self
            .classes
            .lineage(self.classes.by_name.get("Class").copied());
        let of_class = of_class
            .into_iter()
            .rev()
            .flat_map(|class| &class.instance_variables);
        of_class
            .chain(own.flat_map(|class| &class.class_instance_variables))
            .map(String::as_str)
            .collect()
    }
}

fn compile<'r>(classes: &Classes<'r>, method: &MethodDefinition) -> Compilation {
    let class = classes.by_name.get(method.class_name.as_str()).copied();
    let name = method.class_name.as_str();
    let behavior = if method.is_meta {
        BehaviorName::meta(name)
    } else {
        BehaviorName::class(name)
    };
    let scope = Scope {
        classes,
        class,
        is_meta: method.is_meta,
    };
    compile_method(&method.source, &Site::new(behavior), &scope)
}

fn methods(reading: &Reading) -> impl Iterator<Item = &MethodDefinition> {
    reading.packages.iter().flat_map(|package| {
        let own = package.classes.iter().flat_map(|class| &class.methods);
        own.chain(&package.extensions)
    })
}

fn is_wrong(finding: &Diagnostic) -> bool {
    finding.is_error() || finding.message.ends_with("is not declared")
}

#[test]
fn every_method_of_the_kernel_and_the_examples_compiles() {
    let sources = Sources::of(&["shared/kernel", "deploy/examples"]);
    let reading = sources.read();
    let classes = Classes::of(&reading);
    let mut report = String::new();
    for problem in &reading.problems {
        report.push_str(&format!("{problem}\n"));
    }
    for method in methods(&reading) {
        for finding in compile(&classes, method)
            .diagnostics
            .into_iter()
            .filter(is_wrong)
        {
            let (path, text) = &sources.files[method.origin.file as usize];
            let place = method.origin.file_offset(finding.span.start);
            let shifted = finding.clone().shifted(place - finding.span.start);
            report.push_str(&SourceText::new(path, text).render(&shifted));
        }
    }
    assert!(report.is_empty(), "\n{report}");
}
