//! What can be wrong with a source file, and how it is said.
//!
//! Readers never stop at the first fault: they note a [`Problem`], skip to the next place that makes sense
//! and go on. Every message names the thing and what to do about it.

use std::fmt;

use thiserror::Error;

use crate::ston::StonError;

/// One fault, with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    /// The file, as the caller named it.
    pub path: String,
    /// The line, from 1.
    pub line: u32,
    /// What is wrong there.
    pub defect: Defect,
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}: {}", self.path, self.line, self.defect)
    }
}

/// All the faults of one reading.
#[derive(Clone, Debug, Error, PartialEq)]
#[error("{}", list(.problems))]
pub struct LoadError {
    /// In the order of the files; never empty.
    pub problems: Vec<Problem>,
}

fn list(problems: &[Problem]) -> String {
    let lines: Vec<String> = problems.iter().map(Problem::to_string).collect();
    lines.join("\n")
}

/// The kinds of fault.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum Defect {
    /// The STON of a definition or a project file.
    #[error("{0}")]
    Ston(StonError),
    /// A file holds something else than its name promises.
    #[error("expected {expected}, found '{found}'; see the Tonel format for what may stand here")]
    Unexpected {
        /// What would have been right.
        expected: &'static str,
        /// The beginning of what stands there.
        found: String,
    },
    /// A definition lacks a key that it cannot do without.
    #[error("the definition has no #{key}; add it")]
    MissingKey {
        /// The key.
        key: &'static str,
    },
    /// A folder lacks a file that it cannot do without.
    #[error("the folder has no {name}; add it")]
    MissingFile {
        /// The file.
        name: &'static str,
    },
    /// A key holds a value of the wrong kind.
    #[error("#{key} must be {expected}")]
    WrongValue {
        /// The key.
        key: String,
        /// What it must be.
        expected: &'static str,
    },
    /// A STON file that is about something else.
    #[error("the file holds something else than {expected}")]
    WrongFile {
        /// What it should hold.
        expected: &'static str,
    },
    /// An unknown `#type`.
    #[error(
        "unknown class type '{name}'; use normal, variable, bytes, doubleBytes, words, doubleWords, weak, \
         ephemeron, immediate or compiledMethod"
    )]
    UnknownKind {
        /// The type as written.
        name: String,
    },
    /// A slot with behaviour of its own.
    #[error("slot '{slot}' is not a plain variable; declare it by its name alone")]
    SpecialSlot {
        /// The slot as written.
        slot: String,
    },
    /// A method's body does not end.
    #[error("the body of {method} has no closing bracket; end it with ']'")]
    OpenBody {
        /// The method.
        method: String,
    },
    /// A string or comment does not end.
    #[error("the {what} that begins here does not end; close it with {close}")]
    OpenText {
        /// String or comment.
        what: &'static str,
        /// The closing character.
        close: char,
    },
    /// A method header that names no selector.
    #[error("'{header}' is no method pattern; write 'selector', '+ argument' or 'key: argument'")]
    BadPattern {
        /// The header as written.
        header: String,
    },
    /// A method for another class than its file's.
    #[error("{method} stands in the file of {owner}; move it to an extension file")]
    ForeignMethod {
        /// The method.
        method: String,
        /// The class whose file it is.
        owner: String,
    },
    /// Two methods of one name.
    #[error("{method} is defined twice, first at line {first_line}; remove one")]
    DuplicateMethod {
        /// The method.
        method: String,
        /// Where the other one stands.
        first_line: u32,
    },
    /// Two classes or traits of one name.
    #[error("{name} is defined twice, first in {first_path}; remove one")]
    DuplicateClass {
        /// The class or trait.
        name: String,
        /// Where the other one stands.
        first_path: String,
    },
    /// An archive that cannot be read.
    #[error("the archive cannot be read: {reason}; save the version again")]
    BadArchive {
        /// What is wrong with it.
        reason: String,
    },
    /// A baseline that says something other than package, group, baseline and project messages.
    #[error(
        "'{text}' cannot be read without running it; use package:, baseline:, group: and for:do:"
    )]
    BadBaseline {
        /// The beginning of the expression.
        text: String,
    },
    /// A baseline that is asked for something it does not define.
    #[error("the baseline defines no package or group '{name}'; it defines {known}")]
    UnknownGroup {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// A baseline that a project names and does not have.
    #[error("there is no BaselineOf{name} in {folder}; check #baseline and #directory")]
    MissingBaseline {
        /// Its name, without `BaselineOf`.
        name: String,
        /// Where it should be.
        folder: String,
    },
    /// A package that a project names and does not have.
    #[error("there is no package {name} in {folder}; check its name and #directory")]
    MissingPackage {
        /// The package.
        name: String,
        /// Where it should be.
        folder: String,
    },
    /// A configuration: it names versions in repositories, and nothing is fetched.
    #[error("ConfigurationOf{name} names versions elsewhere; load a baseline instead")]
    Configuration {
        /// Its name, without `ConfigurationOf`.
        name: String,
    },
    /// Something that lies elsewhere.
    #[error("{name} is to come from {repository}; put a copy beside the project's packages")]
    ForeignProject {
        /// The project or packages.
        name: String,
        /// Where it lies.
        repository: String,
    },
    /// A trait that is used and not there.
    #[error("{user} uses the trait {name}, which is not there; load its package too")]
    MissingTrait {
        /// The class or trait that uses it.
        user: String,
        /// The trait.
        name: String,
    },
    /// A composition that cannot be read, or that comes back to itself.
    #[error(
        "{user} uses '{text}', which is no composition of traits; write TA + TB - {{ #x }} @ {{ #y -> #x }}"
    )]
    BadComposition {
        /// The class or trait that uses it.
        user: String,
        /// The composition.
        text: String,
    },
    /// One method from two traits.
    #[error(
        "{method} comes from both {one} and {other}; define it in the class, or leave one out with -"
    )]
    TraitConflict {
        /// The method in the class that uses both.
        method: String,
        /// One trait.
        one: String,
        /// The other.
        other: String,
    },
    /// A folder without packages.
    #[error("there is nothing to load; name a folder with Smalltalk packages")]
    NothingToLoad,
}

/// The beginning of a text, fit for a message.
pub(crate) fn excerpt(text: &str) -> String {
    let line = text.trim_start().lines().next().unwrap_or("");
    let mut short: String = line.chars().take(40).collect();
    if short.len() < line.len() {
        short.push_str("...");
    }
    if short.is_empty() {
        short.push_str("end of file");
    }
    short
}
