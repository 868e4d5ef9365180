//! FileTree (Cypress): one file a method, one folder a class, one folder a package.
//!
//! ```text
//! Counter.package/
//!     properties.json, monticello.meta/...        passed over
//!     Counter.class/
//!         README.md                               the comment
//!         properties.json                         the definition
//!         instance/at.put..st                     first line the protocol, then the source
//!         class/new.st
//!     Object.extension/instance/foo.st
//!     TFoo.trait/...
//! ```
//! Selectors are taken from the sources, so the encoding of the file names does not matter.

use std::collections::BTreeMap;

use crate::definition::{MethodDefinition, Origin, PackageDefinition};
use crate::header::{FILETREE, Header};
use crate::pattern::selector_of;
use crate::problem::{Defect, Problem, excerpt};
use crate::repository::SourceFile;
use crate::scanner::LineCounter;
use crate::ston::read_json;

/// The package folder and the rest of the path, if a path leads into a FileTree package.
pub(crate) fn split_path(path: &str) -> Option<(&str, &str)> {
    let end = path.find(".package/")? + ".package".len();
    Some((&path[..end], &path[end + 1..]))
}

/// Collects the files of one package; [`Collector::finish`] makes it.
#[derive(Default)]
pub(crate) struct Collector<'text> {
    folders: BTreeMap<&'text str, Folder<'text>>,
}

/// What lies in `Foo.class`, `Foo.trait` or `Foo.extension`.
#[derive(Default)]
struct Folder<'text> {
    properties: Option<(u32, SourceFile<'text>)>,
    comment: &'text str,
    methods: Vec<Method<'text>>,
}

struct Method<'text> {
    file: u32,
    source: SourceFile<'text>,
    is_meta: bool,
}

impl<'text> Collector<'text> {
    /// Takes one file; `within` is its path inside the package folder.
    pub(crate) fn add(&mut self, within: &'text str, source: SourceFile<'text>, file: u32) {
        let Some((name, rest)) = within.split_once('/') else {
            return;
        };
        let is_definition = [".class", ".trait", ".extension"]
            .iter()
            .any(|suffix| name.ends_with(suffix));
        if !is_definition {
            return;
        }
        let folder = self.folders.entry(name).or_default();
        match rest.split_once('/') {
            None if rest == "properties.json" => folder.properties = Some((file, source)),
            None if rest == "README.md" => folder.comment = source.text,
            Some((side, method)) if method.ends_with(".st") => {
                folder.methods.push(Method {
                    file,
                    source,
                    is_meta: side == "class",
                });
            }
            _ => {}
        }
    }

    /// The package; its name is its folder's, without the suffix.
    pub(crate) fn finish(self, folder: &str, problems: &mut Vec<Problem>) -> PackageDefinition {
        let folder_name = folder.rsplit('/').next().unwrap_or(folder);
        let name = folder_name.strip_suffix(".package").unwrap_or(folder_name);
        let mut package = PackageDefinition {
            name: name.to_owned(),
            ..PackageDefinition::default()
        };
        for (name, folder) in self.folders {
            folder.define(name, &mut package, problems);
        }
        package
    }
}

impl Folder<'_> {
    fn define(
        self,
        folder_name: &str,
        package: &mut PackageDefinition,
        problems: &mut Vec<Problem>,
    ) {
        let (stem, suffix) = folder_name.rsplit_once('.').unwrap_or((folder_name, ""));
        let methods = self.methods(stem, problems);
        if suffix == "extension" {
            package.extensions.extend(methods);
            return;
        }
        let Some((file, header)) = self.header(folder_name, problems) else {
            return;
        };
        let origin = Origin::contiguous(file, 1, 0);
        let comment = self.comment.trim_end().to_owned();
        match suffix {
            "trait" => package
                .traits
                .push(header.into_trait(comment, methods, origin)),
            _ => package
                .classes
                .push(header.into_class(comment, methods, origin)),
        }
    }

    fn header(&self, folder_name: &str, problems: &mut Vec<Problem>) -> Option<(u32, Header)> {
        let Some((file, source)) = self.properties else {
            let defect = Defect::MissingFile {
                name: "properties.json",
            };
            problems.push(Problem {
                path: folder_name.to_owned(),
                line: 1,
                defect,
            });
            return None;
        };
        let note = |line, defect| Problem {
            path: source.path.to_owned(),
            line,
            defect,
        };
        match read_json(source.text) {
            Ok(value) => {
                let (header, defects) = Header::read(&value, &FILETREE);
                problems.extend(defects.into_iter().map(|defect| note(1, defect)));
                header.map(|header| (file, header))
            }
            Err(error) => {
                let line = LineCounter::new(source.text).line_of(error.offset);
                problems.push(note(line, Defect::Ston(error)));
                None
            }
        }
    }

    fn methods(&self, class_name: &str, problems: &mut Vec<Problem>) -> Vec<MethodDefinition> {
        self.methods
            .iter()
            .filter_map(|method| method.define(class_name, problems))
            .collect()
    }
}

impl Method<'_> {
    fn define(&self, class_name: &str, problems: &mut Vec<Problem>) -> Option<MethodDefinition> {
        let text = self.source.text;
        let (protocol, source) = text.split_once('\n').unwrap_or((text, ""));
        let Some((selector, _)) = selector_of(source) else {
            let defect = Defect::BadPattern {
                header: excerpt(source),
            };
            problems.push(Problem {
                path: self.source.path.to_owned(),
                line: 2,
                defect,
            });
            return None;
        };
        Some(MethodDefinition {
            class_name: class_name.to_owned(),
            is_meta: self.is_meta,
            selector,
            protocol: protocol.trim().to_owned(),
            source: source.trim_end().to_owned(),
            origin: Origin::contiguous(self.file, 2, protocol.len() + 1),
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::repository::{Reading, SourceFile, read_packages};

    fn read(files: &[(&str, &str)]) -> Reading {
        read_packages(files.iter().map(|&(path, text)| SourceFile { path, text }))
    }

    #[test]
    fn a_package_of_folders_is_read() {
        let reading = read(&[
            ("src/Counter.package/properties.json", "{ }"),
            ("src/Counter.package/monticello.meta/version", "(name 'x')"),
            ("src/Counter.package/Counter.class/README.md", "I count.\n"),
            (
                "src/Counter.package/Counter.class/properties.json",
                r#"{ "category" : "Counter-Model", "classinstvars" : [ ], "classvars" : [ "Max" ], "commentStamp" : "",
                     "instvars" : [ "count" ], "name" : "Counter", "pools" : [ ], "super" : "Object", "type" : "normal" }"#,
            ),
            (
                "src/Counter.package/Counter.class/instance/at.put..st",
                "accessing\nat: a put: b\n\t^ b\n",
            ),
            (
                "src/Counter.package/Counter.class/class/^plus.st",
                "arithmetic\n+ x\n\t^ x",
            ),
            (
                "src/Counter.package/Object.extension/instance/foo.st",
                "*Counter\nfoo\n\t^ 1",
            ),
        ]);
        assert_eq!(reading.problems, []);
        let package = &reading.packages[0];
        assert_eq!(package.name, "Counter");
        let class = &package.classes[0];
        assert_eq!(
            (class.category().as_str(), class.comment.as_str()),
            ("Counter-Model", "I count.")
        );
        assert_eq!(
            (&class.class_variables[..], &class.instance_variables[..]),
            (&["Max".into()][..], &["count".into()][..])
        );
        let names: Vec<_> = class
            .methods
            .iter()
            .map(|method| method.full_name())
            .collect();
        assert_eq!(names, ["Counter>>at:put:", "Counter class>>+"]);
        assert_eq!(class.methods[0].source, "at: a put: b\n\t^ b");
        assert_eq!(class.methods[0].origin.file_offset(3), 13);
        assert_eq!(package.extensions[0].full_name(), "Object>>foo");
    }

    #[test]
    fn faults_name_the_file() {
        let reading = read(&[
            ("A.package/A.class/properties.json", "{\n\"name\" }"),
            ("A.package/A.class/instance/x.st", "accessing\n3"),
            ("A.package/B.class/instance/y.st", "accessing\ny ^ 1"),
        ]);
        let found: Vec<String> = reading.problems.iter().map(ToString::to_string).collect();
        assert_eq!(
            found,
            [
                "A.package/A.class/instance/x.st:2: '3' is no method pattern; write 'selector', '+ argument' \
                 or 'key: argument'",
                "A.package/A.class/properties.json:2: expected a colon after the key",
                "B.class:1: the folder has no properties.json; add it",
            ]
        );
    }
}
