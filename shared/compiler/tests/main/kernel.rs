//! The embedded kernel and the examples compile, without an error and without an undeclared name.

use std::fs;
use std::path::{Path, PathBuf};

use imprint_compiler::{ClassDescription, Compilation, Library, compile_method};
use imprint_isa::draft::{BehaviorName, Name};
use imprint_loader::{ClassDefinition, MethodDefinition, Reading, SourceFile, read_packages};
use imprint_model::InstanceSpec;
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

fn library_of(reading: &Reading) -> Library {
    let mut library = Library::default();
    for class in reading.packages.iter().flat_map(|package| &package.classes) {
        library.declare_class(class.name.as_str(), description_of(class));
    }
    for global in GLOBALS {
        library.declare_global(global);
    }
    library
}

fn description_of(class: &ClassDefinition) -> ClassDescription {
    let names = |texts: &[String]| {
        texts
            .iter()
            .map(|text| Name::from(text.as_str()))
            .collect::<Vec<Name>>()
    };
    ClassDescription {
        superclass: class.superclass.as_deref().map(Name::from),
        spec: InstanceSpec {
            spec: 1,
            fixed_fields: 0,
        },
        instance_variables: names(&class.instance_variables),
        class_instance_variables: names(&class.class_instance_variables),
        class_variables: names(&class.class_variables),
        pools: names(&class.pools),
    }
}

fn compile(library: &Library, method: &MethodDefinition) -> Compilation {
    let behavior = BehaviorName {
        class: method.class_name.as_str().into(),
        meta: method.is_meta,
    };
    let names = library.names(&behavior);
    compile_method(
        &method.source,
        &names.site(method.protocol.as_str()),
        &names,
    )
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

use crate::soundness::assert_sound;

#[test]
fn every_method_of_the_kernel_and_the_examples_compiles() {
    let sources = Sources::of(&["shared/kernel", "deploy/examples"]);
    let reading = sources.read();
    let library = library_of(&reading);
    let mut report = String::new();
    for problem in &reading.problems {
        report.push_str(&format!("{problem}\n"));
    }
    for method in methods(&reading) {
        let compilation = compile(&library, method);
        if let Some(method) = &compilation.method {
            assert_sound(&method.draft);
        }
        for finding in compilation.diagnostics.into_iter().filter(is_wrong) {
            let (path, text) = &sources.files[method.origin.file as usize];
            let place = method.origin.file_offset(finding.span.start);
            let shifted = finding.clone().shifted(place - finding.span.start);
            report.push_str(&SourceText::new(path, text).render(&shifted));
        }
    }
    assert!(report.is_empty(), "\n{report}");
}
