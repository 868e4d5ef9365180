//! Packages: drafts for other images, with what an image keeps of code beside the drafts, and with
//! what they need of the image they go to.
//!
//! ```text
//! Package ── needs      what it names and does not bring
//!        ├── lineage    ClassDraft: how the classes look that it stands on
//!        ├── classes    ClassDraft (with its class side), comment
//!        ├── methods    MethodDraft, text: of its own classes, and extensions of others'
//!        ├── objects    values of globals and class variables
//!        └── before, after      expressions, compiled where it was made
//! ```
//!
//! All references are by name: no package holds an id of the image it was made from.

use std::fmt;

use crate::draft::{ClassDraft, MethodDraft, Name, ObjectDraft};

/// A package.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Package {
    /// Its name.
    pub name: Name,
    /// What its maker calls this state of it; may be empty.
    pub version: Name,
    /// What it needs of the image, or of packages that are installed with it.
    pub needs: Vec<Need>,
    /// How classes look that it does not bring, of which its own inherit or which it extends, superclasses
    /// first: an image that
    /// has forgotten the names of their variables believes it, where their number agrees.
    pub lineage: Vec<ClassDraft>,
    /// Its classes, superclasses first.
    pub classes: Vec<PackagedClass>,
    /// The methods of its classes, and those that it adds to classes of others.
    pub methods: Vec<PackagedMethod>,
    /// Objects that come along: each is the value of the global or class variable that its root names.
    pub objects: Vec<ObjectDraft>,
    /// What runs in the image before anything of the package is there.
    pub before: Option<MethodDraft>,
    /// What runs once everything is there and its classes are initialised.
    pub after: Option<MethodDraft>,
}

/// A class of a package.
#[derive(Clone, PartialEq, Debug)]
pub struct PackagedClass {
    /// The class with its class side.
    pub draft: ClassDraft,
    /// Its comment; empty for none.
    pub comment: Name,
}

/// A method of a package.
#[derive(Clone, PartialEq, Debug)]
pub struct PackagedMethod {
    /// The method.
    pub draft: MethodDraft,
    /// Its source; empty where nobody had it.
    pub text: Name,
}

/// Something that a package names and does not bring.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Need {
    /// What it is.
    pub kind: NeedKind,
    /// Its name; of a class variable `Class>>Variable`.
    pub name: Name,
    /// Who needs it: a class, or `Class>>selector`.
    pub by: Name,
    /// The package that had it where this one was made; empty where none had.
    pub from: Name,
}

/// What a package may need.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum NeedKind {
    /// A class that one of its classes inherits from.
    Superclass,
    /// A shared pool.
    Pool,
    /// A class that it adds methods to.
    Extended,
    /// A class that code names, or that objects are instances of.
    Class,
    /// A global that code names and that is no class.
    Global,
    /// A class variable of another package's class.
    ClassVariable,
}

/// All kinds with what they are called; the position is the byte in files.
pub(crate) const NEED_KINDS: [(NeedKind, &str); 6] = [
    (NeedKind::Superclass, "superclass"),
    (NeedKind::Pool, "shared pool"),
    (NeedKind::Extended, "class to be extended"),
    (NeedKind::Class, "class"),
    (NeedKind::Global, "global"),
    (NeedKind::ClassVariable, "class variable"),
];

impl fmt::Display for NeedKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = NEED_KINDS.iter().find(|(kind, _)| kind == self);
        formatter.write_str(found.map_or("", |(_, word)| word))
    }
}

impl fmt::Display for Need {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Need { kind, name, by, .. } = self;
        write!(formatter, "{by} needs the {kind} {name}")?;
        if self.from.is_empty() {
            Ok(())
        } else {
            write!(formatter, " of the package {}", self.from)
        }
    }
}

impl Package {
    /// The texts of its methods.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.methods.iter().map(|method| &*method.text)
    }

    /// The names of the packages that it needs something of, each once, by name.
    pub fn needed_packages(&self) -> Vec<&Name> {
        let mut names: Vec<&Name> = self.needs.iter().map(|need| &need.from).collect();
        names.retain(|name| !name.is_empty());
        names.sort();
        names.dedup();
        names
    }
}
