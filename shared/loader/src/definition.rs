//! What a source file defines: packages, classes, traits, methods.
//!
//! These are facts as written, not checked against each other: a superclass may be missing, a selector may
//! not match a caller. Whoever builds an image orders and checks them. Names are plain strings; source text
//! is kept as in the file (line ends included), without Tonel's closing bracket.

/// A package: what one folder, archive or file-out defines.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PackageDefinition {
    /// The package's name, e.g. `Counter-Tests`.
    pub name: String,
    /// The classes it defines, in the order of their files.
    pub classes: Vec<ClassDefinition>,
    /// The traits it defines.
    pub traits: Vec<TraitDefinition>,
    /// Methods it adds to classes or traits of other packages.
    pub extensions: Vec<MethodDefinition>,
    /// Expressions to evaluate after everything is loaded (file-outs and GNU Smalltalk's `Eval` only).
    pub do_its: Vec<DoIt>,
    /// An expression that runs in an image before a package file with it is installed there; empty for none.
    pub before: String,
    /// An expression that runs behind it; empty for none.
    pub after: String,
}

impl PackageDefinition {
    /// Adds a method to its class or trait where that is in the package, else to the extensions.
    pub(crate) fn add_method(&mut self, method: MethodDefinition) {
        if let Some(class) = self
            .classes
            .iter_mut()
            .find(|class| class.name == method.class_name)
        {
            class.methods.push(method);
        } else if let Some(found) = self
            .traits
            .iter_mut()
            .find(|found| found.name == method.class_name)
        {
            found.methods.push(method);
        } else {
            self.extensions.push(method);
        }
    }
}

/// The shape of a class's instances, by the names Pharo's class builder gives them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ClassKind {
    /// Named slots only.
    #[default]
    Normal,
    /// Named slots and indexable oops.
    Variable,
    /// Indexable bytes.
    Bytes,
    /// Indexable 16-bit units.
    DoubleBytes,
    /// Indexable 32-bit units.
    Words,
    /// Indexable 64-bit units.
    DoubleWords,
    /// Indexable oops that do not keep their referents alive.
    Weak,
    /// A key whose death is announced, and its value.
    Ephemeron,
    /// Instances live in the oop itself.
    Immediate,
    /// Literals followed by bytecodes.
    CompiledMethod,
}

impl ClassKind {
    /// Reads the `#type` of Tonel, the `type` of FileTree, or a layout class name of newer Pharo files.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "normal" | "FixedLayout" | "none" => Self::Normal,
            "variable" | "VariableLayout" => Self::Variable,
            "bytes" | "ByteLayout" | "variableByte" => Self::Bytes,
            "doubleBytes" | "DoubleByteLayout" => Self::DoubleBytes,
            "words" | "WordLayout" | "variableWord" => Self::Words,
            "doubleWords" | "DoubleWordLayout" => Self::DoubleWords,
            "weak" | "WeakLayout" => Self::Weak,
            "ephemeron" | "EphemeronLayout" => Self::Ephemeron,
            "immediate" | "ImmediateLayout" => Self::Immediate,
            "compiledMethod" | "CompiledMethodLayout" => Self::CompiledMethod,
            _ => return None,
        })
    }
}

/// One class as its file defines it, with the methods of both sides.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClassDefinition {
    /// The class's name.
    pub name: String,
    /// Its superclass's name; none for a root such as `ProtoObject`.
    pub superclass: Option<String>,
    /// The shape of its instances.
    pub kind: ClassKind,
    /// Instance variables of its own, in order.
    pub instance_variables: Vec<String>,
    /// Class variables.
    pub class_variables: Vec<String>,
    /// Shared pools, by name.
    pub pools: Vec<String>,
    /// Instance variables of the metaclass.
    pub class_instance_variables: Vec<String>,
    /// Trait composition expression of the instance side, e.g. `TComparable + TPrintable`; empty for none.
    pub traits: String,
    /// Trait composition expression of the class side.
    pub class_traits: String,
    /// The package that holds it.
    pub package: String,
    /// The tag inside the package; empty for none.
    pub tag: String,
    /// The class comment; empty for none.
    pub comment: String,
    /// Methods of both sides, in the order of the file.
    pub methods: Vec<MethodDefinition>,
    /// Where the definition begins.
    pub origin: Origin,
}

impl ClassDefinition {
    /// The category as Pharo shows it: package and tag joined by a hyphen.
    pub fn category(&self) -> String {
        match self.tag.as_str() {
            "" => self.package.clone(),
            tag => format!("{}-{tag}", self.package),
        }
    }
}

/// One trait with the methods of both sides.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TraitDefinition {
    /// The trait's name.
    pub name: String,
    /// Slots of a stateful trait.
    pub instance_variables: Vec<String>,
    /// Slots of its class side.
    pub class_instance_variables: Vec<String>,
    /// The traits it is composed of, as an expression; empty for none.
    pub traits: String,
    /// The same for its class side.
    pub class_traits: String,
    /// The package that holds it.
    pub package: String,
    /// The tag inside the package; empty for none.
    pub tag: String,
    /// The trait's comment; empty for none.
    pub comment: String,
    /// Methods of both sides, in the order of the file.
    pub methods: Vec<MethodDefinition>,
    /// Where the definition begins.
    pub origin: Origin,
}

/// One method: its place, its source, and where that source stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MethodDefinition {
    /// The class or trait it belongs to.
    pub class_name: String,
    /// Whether it belongs to the class side.
    pub is_meta: bool,
    /// Its selector, taken from the pattern.
    pub selector: String,
    /// Its protocol; empty for none.
    pub protocol: String,
    /// Pattern and body, as the compiler reads them.
    pub source: String,
    /// Where the source stands in its file.
    pub origin: Origin,
}

impl MethodDefinition {
    /// The name people use for it: `Counter class>>new`.
    pub fn full_name(&self) -> String {
        let side = if self.is_meta { " class" } else { "" };
        format!("{}{side}>>{}", self.class_name, self.selector)
    }
}

/// An expression that a file-out evaluates while it is loaded.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DoIt {
    /// The expression.
    pub source: String,
    /// Where it stands.
    pub origin: Origin,
}

/// Where a source text stands in its file.
///
/// Tonel puts a bracket between the pattern and the body, so a method's source is two pieces of the file:
/// ```text
/// file     Counter >> increase [ count := count + 1 ]
///                     ^pattern_offset
///                              ^body_offset (after the bracket)
/// source              increase   count := count + 1
///                             ^pattern_length
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// Position of the file in [`crate::Reading::paths`].
    pub file: u32,
    /// Line of the pattern, from 1.
    pub line: u32,
    /// Byte offset of the pattern in the file.
    pub pattern_offset: u32,
    /// Bytes of the source that belong to the pattern.
    pub pattern_length: u32,
    /// Byte offset of the rest of the source in the file.
    pub body_offset: u32,
}

impl Origin {
    /// The place of a text that stands in its file in one piece.
    pub(crate) fn contiguous(file: u32, line: u32, offset: usize) -> Self {
        let offset = narrow(offset);
        Self {
            file,
            line,
            pattern_offset: offset,
            pattern_length: 0,
            body_offset: offset,
        }
    }

    /// The byte offset in the file of a byte offset in the source.
    pub fn file_offset(&self, source_offset: u32) -> u32 {
        match source_offset.checked_sub(self.pattern_length) {
            None => self.pattern_offset.saturating_add(source_offset),
            Some(in_body) => self.body_offset.saturating_add(in_body),
        }
    }
}

/// Offsets are 32 bits: a source file of 4 GiB is refused long before it comes here.
pub(crate) fn narrow(offset: usize) -> u32 {
    u32::try_from(offset).unwrap_or(u32::MAX)
}
