//! GNU Smalltalk's bracket syntax.
//!
//! ```text
//! Object subclass: Counter [
//!     | count |                                  instance variables
//!     <comment: 'I count.'>                      pragmas of the class
//!     Default := 1.                              a class variable
//!     Counter class [ | instances | ]            the class side's variables
//!     Counter class >> new [ ^ super new ]       a method of the class side
//!     increase [ <category: 'counting'> ... ]    a method
//! ]
//! Object extend [ foo [ ^ 1 ] ]                  extensions
//! Eval [ Counter new increase ]                  an expression to evaluate
//! ```
//! Namespaces are read as if they were not there. Initial values of class variables are not kept: they are
//! expressions, and belong into an `Eval` or a class-side `initialize`.

use crate::body::skip_body;
use crate::definition::{
    ClassDefinition, ClassKind, DoIt, MethodDefinition, Origin, PackageDefinition, narrow,
};
use crate::pattern::selector_of;
use crate::problem::{Defect, Problem, excerpt};
use crate::repository::SourceFile;
use crate::scanner::{LineCounter, Scanner};

/// Whether a text is written in this syntax: somewhere a bracket opens behind the head of a class.
pub(crate) fn is_bracket_syntax(text: &str) -> bool {
    let mut scanner = Scanner::new(text);
    let mut start = 0;
    while let Some(byte) = scanner.peek() {
        match byte {
            b'\'' | b'"' => {
                scanner.skip_quoted();
                start = if byte == b'"' {
                    scanner.position()
                } else {
                    start
                };
                continue;
            }
            b'$' => scanner.set_position(scanner.position() + 1),
            b'[' if Head::read(scanner.slice(start, scanner.position())).is_some() => return true,
            b'.' | b'!' | b'[' | b']' => start = scanner.position() + 1,
            _ => {}
        }
        scanner.next();
    }
    false
}

/// Reads one file as one package.
pub(crate) fn read_file(
    source: SourceFile<'_>,
    file: u32,
    name: &str,
    problems: &mut Vec<Problem>,
) -> PackageDefinition {
    let mut reader = BracketReader {
        source,
        file,
        scanner: Scanner::new(source.text),
        lines: LineCounter::new(source.text),
        package: PackageDefinition {
            name: name.to_owned(),
            ..PackageDefinition::default()
        },
        problems,
    };
    reader.top_level();
    reader.package
}

/// What stands before a bracket at the top of a file.
#[derive(Debug, PartialEq)]
enum Head {
    Class {
        name: String,
        superclass: Option<String>,
    },
    Extension {
        name: String,
        is_meta: bool,
    },
    Eval,
    Namespace,
}

impl Head {
    fn read(text: &str) -> Option<Self> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let name = |word: &str| {
            word.trim_start_matches('#')
                .rsplit('.')
                .next()
                .unwrap_or(word)
                .to_owned()
        };
        Some(match words.as_slice() {
            ["Eval"] => Self::Eval,
            ["Namespace", "current:", ..] => Self::Namespace,
            [superclass, "subclass:", class] => Self::Class {
                name: name(class),
                superclass: Some(name(superclass)).filter(|name| name != "nil"),
            },
            [class, "extend"] => Self::Extension {
                name: name(class),
                is_meta: false,
            },
            [class, "class", "extend"] => Self::Extension {
                name: name(class),
                is_meta: true,
            },
            _ => return None,
        })
    }
}

struct BracketReader<'text, 'problems> {
    source: SourceFile<'text>,
    file: u32,
    scanner: Scanner<'text>,
    lines: LineCounter<'text>,
    package: PackageDefinition,
    problems: &'problems mut Vec<Problem>,
}

impl<'text> BracketReader<'text, '_> {
    fn top_level(&mut self) {
        loop {
            self.scanner.skip_space_and_comments();
            let start = self.scanner.position();
            match self.scanner.peek() {
                None => return,
                // The end of a namespace, or a stray terminator.
                Some(b']' | b'!' | b'.') => {
                    self.scanner.next();
                }
                Some(_) => self.top_level_item(start),
            }
        }
    }

    fn top_level_item(&mut self, start: usize) {
        let end = self.end_of_head();
        let head = Head::read(self.scanner.slice(start, end))
            .filter(|_| self.scanner.peek() == Some(b'['));
        match head {
            Some(Head::Class { name, superclass }) => self.class(name, superclass, start),
            Some(Head::Extension { name, is_meta }) => {
                let mut body = ClassDefinition {
                    name,
                    ..ClassDefinition::default()
                };
                self.class_body(&mut body, is_meta);
                self.package.extensions.append(&mut body.methods);
            }
            Some(Head::Namespace) => {
                self.scanner.next();
            }
            Some(Head::Eval) => self.eval(),
            None => self.statement(start),
        }
    }

    /// Moves to the next bracket, or to the end of a statement, outside strings and comments.
    fn end_of_head(&mut self) -> usize {
        while let Some(byte) = self.scanner.peek() {
            match byte {
                b'[' | b'!' | b'.' => break,
                b'\'' | b'"' => {
                    self.scanner.skip_quoted();
                }
                _ => {
                    self.scanner.next();
                }
            }
        }
        self.scanner.position()
    }

    fn class(&mut self, name: String, superclass: Option<String>, start: usize) {
        let origin = Origin::contiguous(self.file, self.lines.line_of(start), start);
        let mut class = ClassDefinition {
            name,
            superclass,
            origin,
            ..ClassDefinition::default()
        };
        self.class_body(&mut class, false);
        self.package.classes.push(class);
    }

    fn eval(&mut self) {
        let offset = self.scanner.position() + 1;
        if self.skip_brackets() {
            let text = self.scanner.slice(offset, self.scanner.position() - 1);
            self.add_do_it(text, offset);
        }
    }

    /// A statement outside all brackets: up to its full stop or bang, blocks included.
    fn statement(&mut self, start: usize) {
        while self.scanner.peek() == Some(b'[') {
            if !self.skip_brackets() {
                return;
            }
            self.end_of_head();
        }
        let text = self.scanner.slice(start, self.scanner.position());
        self.scanner.next();
        self.add_do_it(text, start);
    }

    fn add_do_it(&mut self, text: &str, offset: usize) {
        let origin = Origin::contiguous(self.file, self.lines.line_of(offset), offset);
        self.package.do_its.push(DoIt {
            source: text.trim_end().to_owned(),
            origin,
        });
    }

    fn class_body(&mut self, class: &mut ClassDefinition, is_meta: bool) {
        let open = self.scanner.position();
        self.scanner.next();
        loop {
            self.scanner.skip_space_and_comments();
            match self.scanner.peek() {
                None => {
                    return self.note(
                        open,
                        Defect::OpenBody {
                            method: class.name.clone(),
                        },
                    );
                }
                Some(b']') => break,
                Some(b'|') if !self.is_binary_method() => self.variables(class, is_meta),
                Some(b'<') if !self.is_binary_method() => self.class_pragma(class),
                Some(_) => self.member(class, is_meta),
            }
        }
        self.scanner.next();
    }

    /// Whether a bar or bracket begins a binary pattern: one argument, then the body.
    fn is_binary_method(&self) -> bool {
        let mut ahead = self.scanner;
        let pattern = ahead.take_while(|byte| !matches!(byte, b'[' | b']' | b'\'' | b'"'));
        let is_pattern =
            selector_of(pattern).is_some_and(|(_, end)| pattern[end..].trim().is_empty());
        is_pattern && ahead.peek() == Some(b'[')
    }

    fn variables(&mut self, class: &mut ClassDefinition, is_meta: bool) {
        self.scanner.next();
        let names = self.scanner.take_while(|byte| byte != b'|' && byte != b']');
        self.scanner.eat(b'|');
        let variables = if is_meta {
            &mut class.class_instance_variables
        } else {
            &mut class.instance_variables
        };
        variables.extend(names.split_whitespace().map(str::to_owned));
    }

    fn class_pragma(&mut self, class: &mut ClassDefinition) {
        let start = self.scanner.position();
        self.scanner.next();
        let keyword = self
            .scanner
            .take_while(|byte| !matches!(byte, b':' | b'>' | b']'));
        self.scanner.eat(b':');
        let argument = self.pragma_argument();
        if !self.scanner.eat(b'>') {
            self.note(
                start,
                Defect::OpenText {
                    what: "pragma",
                    close: '>',
                },
            );
        }
        match keyword.trim() {
            "comment" => class.comment = argument,
            "category" => class.package = argument,
            "import" => class.pools.push(argument),
            "shape" => class.kind = self.shape(&argument, start),
            _ => {}
        }
    }

    /// A string, symbol or name; nothing but these can stand in the pragmas that are read here.
    fn pragma_argument(&mut self) -> String {
        self.scanner.skip_space_and_comments();
        self.scanner.eat(b'#');
        let start = self.scanner.position();
        if self.scanner.peek() == Some(b'\'') {
            let closed = self.scanner.skip_quoted();
            let end = self.scanner.position() - usize::from(closed);
            let text = self.scanner.slice(start + 1, end).replace("''", "'");
            self.scanner.skip_space_and_comments();
            return text;
        }
        let text = self
            .scanner
            .take_while(|byte| !matches!(byte, b'>' | b']' | b'['));
        text.trim().to_owned()
    }

    fn shape(&mut self, name: &str, start: usize) -> ClassKind {
        match name {
            "nil" | "" => ClassKind::Normal,
            "pointer" | "inherit" => ClassKind::Variable,
            "byte" | "character" | "int8" | "utf32" => ClassKind::Bytes,
            "ushort" | "short" => ClassKind::DoubleBytes,
            "uint" | "int" => ClassKind::Words,
            "uint64" | "int64" => ClassKind::DoubleWords,
            _ => {
                self.note(
                    start,
                    Defect::UnknownKind {
                        name: name.to_owned(),
                    },
                );
                ClassKind::Normal
            }
        }
    }

    /// A class variable, a method, or the class side.
    fn member(&mut self, class: &mut ClassDefinition, is_meta: bool) {
        let start = self.scanner.position();
        let word = self.scanner.take_identifier();
        self.scanner.skip_space_and_comments();
        if !word.is_empty() && self.scanner.eat_text(":=") {
            class.class_variables.push(word.to_owned());
            self.skip_initial_value();
            return;
        }
        self.scanner.set_position(start);
        let head = self.scanner.take_while(|byte| byte != b'[' && byte != b']');
        if self.scanner.peek() != Some(b'[') {
            self.note(
                start,
                Defect::Unexpected {
                    expected: "a method",
                    found: excerpt(head),
                },
            );
            return;
        }
        match head.split_once(">>") {
            None if head.split_whitespace().eq([class.name.as_str(), "class"]) => {
                self.class_body(class, true)
            }
            Some((owner, pattern)) if is_owner(owner, &class.name) => {
                let offset = start + owner.len() + 2;
                self.method(
                    class,
                    is_meta || owner.trim_end().ends_with(" class"),
                    offset,
                    pattern,
                );
            }
            _ => self.method(class, is_meta, start, head),
        }
    }

    fn skip_initial_value(&mut self) {
        loop {
            self.end_of_head();
            match self.scanner.peek() {
                Some(b'[') => {
                    if !skip_body(&mut self.scanner) {
                        return;
                    }
                }
                _ => {
                    self.scanner.next();
                    return;
                }
            }
        }
    }

    /// A method whose pattern stands at `offset`, the cursor at its bracket.
    fn method(&mut self, class: &mut ClassDefinition, is_meta: bool, offset: usize, pattern: &str) {
        let blank = pattern.len() - pattern.trim_start().len();
        let (offset, pattern) = (offset + blank, pattern.trim());
        let body_offset = self.scanner.position() + 1;
        if !self.skip_brackets() {
            return;
        }
        let body = self
            .scanner
            .slice(body_offset, self.scanner.position() - 1)
            .trim_end();
        let Some((selector, _)) = selector_of(pattern) else {
            return self.note(
                offset,
                Defect::BadPattern {
                    header: excerpt(pattern),
                },
            );
        };
        class.methods.push(MethodDefinition {
            class_name: class.name.clone(),
            is_meta,
            selector,
            protocol: protocol_in(body),
            source: [pattern, body].concat(),
            origin: Origin {
                file: self.file,
                line: self.lines.line_of(offset),
                pattern_offset: narrow(offset),
                pattern_length: narrow(pattern.len()),
                body_offset: narrow(body_offset),
            },
        });
    }

    /// Skips `[ ... ]`; notes it where it does not end.
    fn skip_brackets(&mut self) -> bool {
        let open = self.scanner.position();
        let closed = skip_body(&mut self.scanner);
        if !closed {
            let line_start = self
                .scanner
                .slice(0, open)
                .rfind('\n')
                .map_or(0, |newline| newline + 1);
            let method = excerpt(self.scanner.slice(line_start, open).trim());
            self.note(open, Defect::OpenBody { method });
        }
        closed
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

/// Whether `Foo` or `Foo class` before `>>` names the class (and the arrow is no binary selector).
fn is_owner(text: &str, class_name: &str) -> bool {
    let mut words = text.split_whitespace();
    words.next() == Some(class_name) && matches!(words.next(), None | Some("class"))
}

/// The protocol that a method states in a pragma of its own.
fn protocol_in(body: &str) -> String {
    let mut scanner = Scanner::new(body);
    scanner.skip_space_and_comments();
    if !scanner.eat_text("<category:") {
        return String::new();
    }
    scanner.skip_space();
    let start = scanner.position();
    if scanner.peek() != Some(b'\'') || !scanner.skip_quoted() {
        return String::new();
    }
    scanner
        .slice(start + 1, scanner.position() - 1)
        .replace("''", "'")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (PackageDefinition, Vec<String>) {
        let mut problems = Vec::new();
        let source = SourceFile {
            path: "counter.st",
            text,
        };
        let package = read_file(source, 0, "counter", &mut problems);
        (package, problems.iter().map(ToString::to_string).collect())
    }

    const COUNTER: &str = r#""A counter [in brackets]."
Object subclass: Counter [
    | count step |
    <comment: 'I don''t stop.'>
    <category: 'Kit'>
    <shape: #byte>
    Default := [ 1 ] value.

    Counter class [ | instances | ]
    Counter class >> new [ <category: 'making'> ^super new ]
    at: i put: x [
        <category: 'accessing'>
        ^count at: i put: [ $] ] value
    ]
    | other [ ^self ]
    < other [ ^count < other ]
    >> other [ ^other ]
]
Object extend [ foo [ ^1 ] ]
Object class extend [ bar [ ^2 ] ]
Eval [ Counter new at: 1 put: 2 ]
Transcript showCr: 'a.b'; cr.
"#;

    #[test]
    fn a_class_in_brackets_gives_all_its_parts() {
        let (package, problems) = read(COUNTER);
        assert_eq!(problems, [""; 0]);
        let class = &package.classes[0];
        assert_eq!(
            (class.name.as_str(), class.superclass.as_deref()),
            ("Counter", Some("Object"))
        );
        assert_eq!(class.instance_variables, ["count", "step"]);
        assert_eq!(class.class_instance_variables, ["instances"]);
        assert_eq!(class.class_variables, ["Default"]);
        assert_eq!(
            (class.comment.as_str(), class.package.as_str()),
            ("I don't stop.", "Kit")
        );
        assert_eq!(class.kind, ClassKind::Bytes);
        let names: Vec<_> = class
            .methods
            .iter()
            .map(MethodDefinition::full_name)
            .collect();
        let expected = [
            "Counter class>>new",
            "Counter>>at:put:",
            "Counter>>|",
            "Counter>><",
            "Counter>>>>",
        ];
        assert_eq!(names, expected);
        assert_eq!(class.methods[1].protocol, "accessing");
    }

    #[test]
    fn extensions_and_expressions_stand_beside_classes() {
        let (package, _) = read(COUNTER);
        let names: Vec<_> = package
            .extensions
            .iter()
            .map(MethodDefinition::full_name)
            .collect();
        assert_eq!(names, ["Object>>foo", "Object class>>bar"]);
        let sources: Vec<_> = package
            .do_its
            .iter()
            .map(|do_it| do_it.source.trim())
            .collect();
        assert_eq!(
            sources,
            ["Counter new at: 1 put: 2", "Transcript showCr: 'a.b'; cr"]
        );
    }

    #[test]
    fn places_lead_back_into_the_file() {
        let (package, _) = read(COUNTER);
        let method = &package.classes[0].methods[1];
        let offset = method.source.find("count at:").expect("in the source");
        let place = method
            .origin
            .file_offset(u32::try_from(offset).expect("small")) as usize;
        assert!(COUNTER[place..].starts_with("count at:"));
        assert_eq!(method.origin.line, 11);
    }

    #[test]
    fn the_syntax_is_told_from_file_outs() {
        assert!(is_bracket_syntax(COUNTER));
        assert!(is_bracket_syntax("Eval [ 3 ]"));
        assert!(!is_bracket_syntax(
            "Object subclass: #A instanceVariableNames: '' category: ''!\n[ 1 ] value!"
        ));
        assert!(!is_bracket_syntax("!A methodsFor: 'x'!\nfoo ^ [ 1 ]! !"));
    }

    #[test]
    fn what_does_not_end_is_reported() {
        let (_, problems) = read("Object subclass: A [\n  foo [ ^ 1\n");
        assert_eq!(
            problems,
            [
                "counter.st:2: the body of foo has no closing bracket; end it with ']'",
                "counter.st:1: the body of A has no closing bracket; end it with ']'"
            ]
        );
    }
}
