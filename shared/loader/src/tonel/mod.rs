//! Tonel: one file a class, trait or extension, in one folder a package.
//!
//! ```text
//! "The comment."                       \ optional
//! Class { #name : 'Counter', ... }     | STON
//!                                      |
//! { #category : 'accessing' }          \ optional, STON
//! Counter >> count [                   | pattern up to the bracket
//!     ^ count                          | raw text: brackets balance, except in strings, comments, $[
//! ]                                    /
//! ```
//! Read leniently: version 1 writes names as symbols, version 2 as strings, newer files add `#package` and
//! `#tag`; all are accepted everywhere, and unknown keys are skipped.

#[cfg(test)]
mod tests;

use crate::body::skip_body;
use crate::definition::{
    ClassDefinition, MethodDefinition, Origin, PackageDefinition, TraitDefinition, narrow,
};
use crate::header::{self, Header};
use crate::pattern::selector_of;
use crate::problem::{Defect, Problem, excerpt};
use crate::repository::SourceFile;
use crate::scanner::{LineCounter, Scanner};
use crate::ston::{Reader, Value};

/// What one Tonel file defines.
#[derive(Clone, Debug, PartialEq)]
pub enum TonelFile {
    /// `package.st`: the package's name, and what runs before and after it is installed.
    Package {
        /// `#name`
        name: String,
        /// `#before`
        before: String,
        /// `#after`
        after: String,
    },
    /// `*.class.st`
    Class(ClassDefinition),
    /// `*.trait.st`
    Trait(TraitDefinition),
    /// `*.extension.st`: methods for a class or trait of another package.
    Extension(Vec<MethodDefinition>),
}

/// Reads one file. `file` is the number that goes into each [`Origin`]; faults are added to `problems`, and
/// what could be read beside them is answered.
pub fn read_file(
    source: SourceFile<'_>,
    file: u32,
    problems: &mut Vec<Problem>,
) -> Option<TonelFile> {
    let mut reader = FileReader {
        source,
        file,
        scanner: Scanner::new(source.text),
        lines: LineCounter::new(source.text),
        problems,
    };
    reader.read()
}

/// Adds what a file defines to its package.
pub(crate) fn add_to_package(package: &mut PackageDefinition, file: TonelFile) {
    match file {
        TonelFile::Package {
            name,
            before,
            after,
        } => {
            package.name = name;
            package.before = before;
            package.after = after;
        }
        TonelFile::Class(class) => package.classes.push(class),
        TonelFile::Trait(definition) => package.traits.push(definition),
        TonelFile::Extension(methods) => package.extensions.extend(methods),
    }
}

struct FileReader<'text, 'problems> {
    source: SourceFile<'text>,
    file: u32,
    scanner: Scanner<'text>,
    lines: LineCounter<'text>,
    problems: &'problems mut Vec<Problem>,
}

impl<'text> FileReader<'text, '_> {
    fn read(&mut self) -> Option<TonelFile> {
        self.scanner.eat_text("\u{feff}");
        let comment = self.comment()?;
        let start = self.scanner.position();
        let keyword = self.scanner.take_identifier();
        if !matches!(keyword, "Package" | "Class" | "Trait" | "Extension") {
            let found = excerpt(self.scanner.slice(start, self.source.text.len()));
            let expected = "Package, Class, Trait or Extension";
            self.note(start, Defect::Unexpected { expected, found });
            return None;
        }
        let value = self.ston()?;
        let header = self.header(&value, start)?;
        if keyword == "Package" {
            return Some(TonelFile::Package {
                name: header.name,
                before: header.before,
                after: header.after,
            });
        }
        let origin = Origin::contiguous(self.file, self.lines.line_of(start), start);
        let methods = self.methods(&header.name);
        Some(match keyword {
            "Class" => TonelFile::Class(header.into_class(comment, methods, origin)),
            "Trait" => TonelFile::Trait(header.into_trait(comment, methods, origin)),
            _ => TonelFile::Extension(methods),
        })
    }

    fn header(&mut self, value: &Value, start: usize) -> Option<Header> {
        let (header, defects) = Header::read(value, &header::TONEL);
        for defect in defects {
            self.note(start, defect);
        }
        header
    }

    /// The comment before the definition: without its quotes, and without the line ends that Tonel puts
    /// inside them.
    fn comment(&mut self) -> Option<String> {
        self.scanner.skip_space();
        let start = self.scanner.position();
        if self.scanner.peek() != Some(b'"') {
            return Some(String::new());
        }
        if !self.scanner.skip_quoted() {
            self.note(
                start,
                Defect::OpenText {
                    what: "comment",
                    close: '"',
                },
            );
            return None;
        }
        let quoted = self.scanner.slice(start + 1, self.scanner.position() - 1);
        self.scanner.skip_space_and_comments();
        Some(trim_line_ends(quoted).replace("\"\"", "\""))
    }

    fn ston(&mut self) -> Option<Value> {
        let mut reader = Reader::new(self.source.text, self.scanner.position());
        match reader.single_value() {
            Ok(value) => {
                self.scanner.set_position(reader.offset());
                Some(value)
            }
            Err(error) => {
                self.note(error.offset, Defect::Ston(error));
                None
            }
        }
    }

    fn methods(&mut self, owner: &str) -> Vec<MethodDefinition> {
        let mut methods: Vec<MethodDefinition> = Vec::new();
        loop {
            self.skip_blank();
            if self.scanner.peek().is_none() {
                return methods;
            }
            match self.method(owner) {
                Some(method) => methods.push(method),
                None => self.skip_to_next_method(),
            }
        }
    }

    fn skip_blank(&mut self) {
        self.scanner.skip_space();
        let start = self.scanner.position();
        if !self.scanner.skip_space_and_comments() {
            self.note(
                start,
                Defect::OpenText {
                    what: "comment",
                    close: '"',
                },
            );
        }
    }

    fn method(&mut self, owner: &str) -> Option<MethodDefinition> {
        let protocol = self.protocol()?;
        self.scanner.skip_space_and_comments();
        let start = self.scanner.position();
        let (class_name, is_meta) = self.class_and_side()?;
        let (selector, pattern_offset, pattern) = self.pattern(start)?;
        let body_offset = self.scanner.position() + 1;
        let body = self.body(start)?;
        let method = MethodDefinition {
            class_name: class_name.to_owned(),
            is_meta,
            selector,
            protocol,
            source: [pattern, body].concat(),
            origin: Origin {
                file: self.file,
                line: self.lines.line_of(start),
                pattern_offset: narrow(pattern_offset),
                pattern_length: narrow(pattern.len()),
                body_offset: narrow(body_offset),
            },
        };
        self.check_owner(&method, owner, start);
        Some(method)
    }

    fn check_owner(&mut self, method: &MethodDefinition, owner: &str, start: usize) {
        if method.class_name != owner {
            let method = method.full_name();
            self.note(
                start,
                Defect::ForeignMethod {
                    method,
                    owner: owner.to_owned(),
                },
            );
        }
    }

    /// The protocol in the map before a method; empty if there is none.
    fn protocol(&mut self) -> Option<String> {
        if self.scanner.peek() != Some(b'{') {
            return Some(String::new());
        }
        let metadata = self.ston()?;
        let category = metadata.at("category").or_else(|| metadata.at("protocol"));
        Some(category.and_then(Value::text).unwrap_or("").to_owned())
    }

    /// `Counter class >>`; leaves the cursor at the pattern.
    fn class_and_side(&mut self) -> Option<(&'text str, bool)> {
        let start = self.scanner.position();
        let class_name = self.scanner.take_identifier();
        self.scanner.skip_space();
        let is_meta = match self.scanner.peek() {
            Some(b'>') => false,
            _ => matches!(
                self.scanner.take_identifier(),
                "class" | "classSide" | "classTrait"
            ),
        };
        self.scanner.skip_space();
        if class_name.is_empty() || !self.scanner.eat_text(">>") {
            let found = excerpt(self.scanner.slice(start, self.source.text.len()));
            self.note(
                start,
                Defect::Unexpected {
                    expected: "'Class >> selector ['",
                    found,
                },
            );
            return None;
        }
        self.scanner.skip_space();
        Some((class_name, is_meta))
    }

    /// Selector, place and text of the pattern; leaves the cursor at the opening bracket.
    fn pattern(&mut self, start: usize) -> Option<(String, usize, &'text str)> {
        let offset = self.scanner.position();
        let text = self.scanner.take_while(|byte| byte != b'[').trim_end();
        match whole_pattern(text) {
            Some(selector) => Some((selector, offset, text)),
            None => {
                let header = excerpt(self.scanner.slice(start, offset + text.len()));
                self.scanner.set_position(offset);
                self.note(start, Defect::BadPattern { header });
                None
            }
        }
    }

    /// The text between the brackets, without the blanks at its end.
    fn body(&mut self, start: usize) -> Option<&'text str> {
        let offset = self.scanner.position() + 1;
        if skip_body(&mut self.scanner) {
            return Some(
                self.scanner
                    .slice(offset, self.scanner.position() - 1)
                    .trim_end(),
            );
        }
        let method = excerpt(self.scanner.slice(start, offset - 1).trim_end());
        self.scanner.set_position(offset);
        self.note(start, Defect::OpenBody { method });
        None
    }

    /// After a fault: to the next line that begins with a map or a header.
    fn skip_to_next_method(&mut self) {
        while let Some(length) = self.scanner.rest().find('\n') {
            self.scanner
                .set_position(self.scanner.position() + length + 1);
            let line = self.scanner.rest().lines().next().unwrap_or("");
            if line.starts_with('{') || is_header(line) {
                return;
            }
        }
        self.scanner.set_position(self.source.text.len());
    }

    fn note(&mut self, offset: usize, defect: Defect) {
        let line = self.lines.line_of(offset);
        self.problems.push(Problem {
            path: self.source.path.to_owned(),
            line,
            defect,
        });
    }
}

/// The selector of a pattern that fills its text.
fn whole_pattern(text: &str) -> Option<String> {
    let (selector, end) = selector_of(text)?;
    let mut rest = Scanner::at(text, end);
    let closed = rest.skip_space_and_comments();
    (closed && rest.peek().is_none()).then_some(selector)
}

/// Whether a line looks like `Counter class >> count [`.
fn is_header(line: &str) -> bool {
    let beginning = line.split_once(">>").map_or("", |(beginning, _)| beginning);
    line.contains('[') && beginning.starts_with(char::is_uppercase)
}

fn trim_line_ends(text: &str) -> &str {
    text.trim_matches(|character| matches!(character, '\n' | '\r'))
}
