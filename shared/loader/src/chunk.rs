//! File-outs: texts parted by bangs, as Squeak, Cuis and old Pharo write them, and as an `.mcz` holds them.
//!
//! ```text
//! Object subclass: #Counter ... category: 'Counter'!     an expression: a definition, or a do-it
//! !Counter methodsFor: 'accessing' stamp: 'x'!           a bang first: what follows are methods ...
//! count
//!     ^ count! !                                         ... up to an empty chunk
//! !Counter commentStamp: 'x' prior: 0!
//! I count.!                                              the comment
//! ```
//! A bang in a text is doubled; behind one, columns in [`Origin`] are off by one, lines are right.

use imprint_syntax::{ExprId, Tree, parse_doit};

use crate::class_message::{self, Defined};
use crate::definition::{
    ClassDefinition, DoIt, MethodDefinition, Origin, PackageDefinition, TraitDefinition,
};
use crate::expression::{Sent, messages, text, variable};
use crate::pattern::selector_of;
use crate::problem::{Defect, Problem, excerpt};
use crate::repository::SourceFile;
use crate::scanner::{LineCounter, Scanner};

/// Reads one file as one package. Its name is what `!provides:` says, else `name`.
pub(crate) fn read_file(
    source: SourceFile<'_>,
    file: u32,
    name: &str,
    problems: &mut Vec<Problem>,
) -> PackageDefinition {
    let mut reader = ChunkReader {
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
    reader.read();
    reader.package
}

struct ChunkReader<'text, 'problems> {
    source: SourceFile<'text>,
    file: u32,
    scanner: Scanner<'text>,
    lines: LineCounter<'text>,
    package: PackageDefinition,
    problems: &'problems mut Vec<Problem>,
}

/// A chunk's text, bangs undoubled, and where it begins.
struct Chunk {
    text: String,
    offset: usize,
}

/// What a chunk behind a bang announces.
enum Announcement {
    Methods {
        class_name: String,
        is_meta: bool,
        protocol: String,
    },
    Comment {
        class_name: String,
    },
    Provides(String),
    /// The order of methods in protocols, in the next chunk: it says nothing that the methods did not.
    Order,
    Nothing,
}

impl ChunkReader<'_, '_> {
    fn read(&mut self) {
        self.scanner.eat_text("\u{feff}");
        loop {
            self.scanner.skip_space();
            match self.scanner.peek() {
                None => return,
                Some(b'!') => self.announced(),
                Some(_) => self.expression(),
            }
        }
    }

    fn announced(&mut self) {
        self.scanner.next();
        let chunk = self.chunk();
        match announcement(&chunk.text) {
            Some(Announcement::Methods {
                class_name,
                is_meta,
                protocol,
            }) => {
                self.methods(&class_name, is_meta, &protocol);
            }
            Some(Announcement::Comment { class_name }) => {
                let comment = self.chunk();
                self.set_comment(&class_name, comment.text);
            }
            Some(Announcement::Provides(name)) => self.package.name = name,
            Some(Announcement::Order) => {
                self.chunk();
            }
            Some(Announcement::Nothing) => {}
            None => self.do_it(chunk),
        }
    }

    fn expression(&mut self) {
        let chunk = self.chunk();
        match class_message::read(&chunk.text) {
            Some(defined) => self.define(defined, chunk.offset),
            None => self.do_it(chunk),
        }
    }

    fn define(&mut self, defined: Defined, offset: usize) {
        let origin = Origin::contiguous(self.file, self.lines.line_of(offset), offset);
        match defined {
            Defined::Class(class) => self
                .package
                .classes
                .push(ClassDefinition { origin, ..*class }),
            Defined::Trait(definition) => {
                self.package.traits.push(TraitDefinition {
                    origin,
                    ..*definition
                });
            }
            Defined::Comment {
                class_name,
                comment,
            } => self.set_comment(&class_name, comment),
            Defined::ClassSide {
                class_name,
                variables,
            } => {
                let class = self
                    .package
                    .classes
                    .iter_mut()
                    .find(|class| class.name == class_name);
                if let Some(class) = class {
                    class.class_instance_variables = variables;
                }
            }
        }
    }

    fn set_comment(&mut self, class_name: &str, comment: String) {
        if let Some(class) = self
            .package
            .classes
            .iter_mut()
            .find(|class| class.name == class_name)
        {
            class.comment = comment;
        } else if let Some(found) = self
            .package
            .traits
            .iter_mut()
            .find(|found| found.name == class_name)
        {
            found.comment = comment;
        }
    }

    /// Anything that is neither definition nor comment is an expression to evaluate.
    fn do_it(&mut self, chunk: Chunk) {
        let (tree, _) = parse_doit(&chunk.text);
        if tree.body.statements.is_empty() || is_housekeeping(&tree) {
            return;
        }
        let origin = Origin::contiguous(self.file, self.lines.line_of(chunk.offset), chunk.offset);
        self.package.do_its.push(DoIt {
            source: chunk.text,
            origin,
        });
    }

    fn methods(&mut self, class_name: &str, is_meta: bool, protocol: &str) {
        loop {
            let chunk = self.chunk();
            if chunk.text.is_empty() {
                return;
            }
            self.method(chunk, class_name, is_meta, protocol);
        }
    }

    fn method(&mut self, chunk: Chunk, class_name: &str, is_meta: bool, protocol: &str) {
        let line = self.lines.line_of(chunk.offset);
        let Some((selector, _)) = selector_of(&chunk.text) else {
            let defect = Defect::BadPattern {
                header: excerpt(&chunk.text),
            };
            self.problems.push(Problem {
                path: self.source.path.to_owned(),
                line,
                defect,
            });
            return;
        };
        let method = MethodDefinition {
            class_name: class_name.to_owned(),
            is_meta,
            selector,
            protocol: protocol.to_owned(),
            source: chunk.text,
            origin: Origin::contiguous(self.file, line, chunk.offset),
        };
        self.package.add_method(method);
    }

    /// The text up to the next single bang, without the blanks around it.
    fn chunk(&mut self) -> Chunk {
        self.scanner.skip_space();
        let offset = self.scanner.position();
        let mut text = String::new();
        loop {
            text.push_str(self.scanner.take_while(|byte| byte != b'!'));
            self.scanner.next();
            if !self.scanner.eat(b'!') {
                break;
            }
            text.push('!');
        }
        text.truncate(text.trim_end().len());
        Chunk { text, offset }
    }
}

fn announcement(chunk: &str) -> Option<Announcement> {
    for (word, is_name) in [("provides:", true), ("requires:", false)] {
        if let Some(rest) = chunk.strip_prefix(word) {
            let name = rest.split('\'').nth(1).unwrap_or("").to_owned();
            return Some(if is_name {
                Announcement::Provides(name)
            } else {
                Announcement::Nothing
            });
        }
    }
    let (tree, _) = parse_doit(chunk);
    let statement = tree.body.statements.first()?;
    let sent = *messages(&tree, statement.value).first()?;
    let (class_name, is_meta) = class_and_side(&tree, sent.receiver)?;
    if let Some(protocol) = sent.argument("methodsFor:") {
        let protocol = text(&tree, protocol).unwrap_or_default();
        return Some(Announcement::Methods {
            class_name,
            is_meta,
            protocol,
        });
    }
    match sent.selector {
        "commentStamp:prior:" | "commentStamp:" => Some(Announcement::Comment { class_name }),
        "reorganize" => Some(Announcement::Order),
        _ => None,
    }
}

fn class_and_side(tree: &Tree<'_>, receiver: ExprId) -> Option<(String, bool)> {
    if let Some(name) = variable(tree, receiver) {
        return Some((name.to_owned(), false));
    }
    let sent = *messages(tree, receiver).first()?;
    let is_meta = matches!(sent.selector, "class" | "classTrait" | "classSide");
    is_meta.then_some(())?;
    variable(tree, sent.receiver).map(|name| (name.to_owned(), true))
}

/// What an expression that has no effect looks like: a constant (the line that says where the file comes
/// from), or an entry in the old image's books of categories.
fn is_housekeeping(tree: &Tree<'_>) -> bool {
    let [statement] = tree.body.statements.as_slice() else {
        return false;
    };
    let of_books = |sent: &Sent<'_>| {
        matches!(
            variable(tree, sent.receiver),
            Some("SystemOrganization" | "SystemOrganizer")
        )
    };
    text(tree, statement.value).is_some() || messages(tree, statement.value).iter().any(of_books)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (PackageDefinition, Vec<Problem>) {
        let mut problems = Vec::new();
        let source = SourceFile {
            path: "Counter.st",
            text,
        };
        (read_file(source, 0, "Counter", &mut problems), problems)
    }

    const COUNTER: &str = "'From Squeak'!\n\
        \"Comment!! with a bang\"!\n\
        Object subclass: #Counter\n\tinstanceVariableNames: 'count'\n\tclassVariableNames: ''\n\t\
        poolDictionaries: ''\n\tcategory: 'Counter-Core'!\n\
        !Counter commentStamp: 'x 1/1/2020 10:00' prior: 0!\nI count!!\n!\n\n\
        !Counter methodsFor: 'accessing' stamp: 'x'!\ncount\n\t^ count! !\n\n\
        !Counter methodsFor: 'arithmetic'!\n+ other\n\t^ 'a!!b'!\n\nincrease\n\tcount := count + 1! !\n\n\
        Counter class\n\tinstanceVariableNames: 'default'!\n\
        !Counter class methodsFor: 'making'!\nnew\n\t^ super new! !\n\
        !Object methodsFor: '*counter'!\nfoo\n\t^ 1! !\n\
        SystemOrganization addCategory: 'Counter-Core'!\n!Counter reorganize!\n('accessing' count)\n!\nCounter initialize!\n";

    #[test]
    fn a_file_out_is_read_to_its_end() {
        let (package, problems) = read(COUNTER);
        assert_eq!(problems, []);
        let class = &package.classes[0];
        assert_eq!(
            (class.name.as_str(), class.comment.as_str()),
            ("Counter", "I count!")
        );
        assert_eq!(class.class_instance_variables, ["default"]);
        let names: Vec<_> = class
            .methods
            .iter()
            .map(|method| method.full_name())
            .collect();
        assert_eq!(
            names,
            [
                "Counter>>count",
                "Counter>>+",
                "Counter>>increase",
                "Counter class>>new"
            ]
        );
        assert_eq!(class.methods[1].source, "+ other\n\t^ 'a!b'");
        assert_eq!(class.methods[0].origin.line, 13);
        assert_eq!(package.extensions[0].full_name(), "Object>>foo");
        let do_its: Vec<_> = package
            .do_its
            .iter()
            .map(|do_it| do_it.source.as_str())
            .collect();
        assert_eq!(do_its, ["Counter initialize"]);
    }

    #[test]
    fn carriage_returns_and_cuis_headers_are_understood() {
        let (package, problems) = read(
            "!provides: 'Kit' 1 45!\r!requires: 'Cuis-Base' 6 3 nil!\r\
             Object subclass: #K instanceVariableNames: '' category: 'Kit'!\r\
             !K methodsFor: 'x'!\rfoo\r\t^ 1! !\r",
        );
        assert_eq!(problems, []);
        assert_eq!(package.name, "Kit");
        assert_eq!(
            (
                package.classes[0].methods[0].origin.line,
                package.do_its.len()
            ),
            (5, 0)
        );
    }

    #[test]
    fn a_method_without_a_pattern_is_reported_and_the_rest_is_read() {
        let (package, problems) = read("!Foo methodsFor: 'x'!\n3 + 4!\nbar ^ 1! !\n");
        assert_eq!(
            problems[0].to_string(),
            "Counter.st:2: '3 + 4' is no method pattern; write 'selector', '+ argument' or 'key: argument'"
        );
        assert_eq!(package.extensions.len(), 1);
    }
}
