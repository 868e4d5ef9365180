//! Drafts: code and data in portable form. No addresses; names and ids only.
//!
//! ```text
//! Draft ── ClassDraft    shape, variables, every selector
//!      ├── MetaDraft     the like of the class side
//!      ├── MethodDraft   code + literals ──┐
//!      └── ObjectDraft   one root ─────────┴── locals: small objects that travel with their owner
//! ```
//!
//! A reference inside a draft is a [`Ref`]: by name wherever there is a name, and only else by
//! the id of an object in the master's pristine image. Drafts that the compiler makes, and those
//! in packages and pushes, hold no ids at all.
//!
//! What belongs to a place and not to the thing (its id in one image, the index of a class
//! there) stands beside the draft in [`Placed`], so the same code has the same identity wherever
//! it was found.

use std::fmt;
use std::sync::Arc;

use crate::bytecode::{self, DecodeError, Decoded};
use imprint_model::{Format, Ghost, InstanceSpec, Known, MethodHeader};

/// A name or selector as text.
pub type Name = Arc<str>;

/// A class, or (meta) the class of that class.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct BehaviorName {
    /// The name of the class.
    pub class: Name,
    /// Whether its metaclass is meant.
    pub meta: bool,
}

impl BehaviorName {
    /// The instance side of the class `name`.
    pub fn class(name: impl Into<Name>) -> BehaviorName {
        BehaviorName {
            class: name.into(),
            meta: false,
        }
    }

    /// The class side of the class `name`.
    pub fn meta(name: impl Into<Name>) -> BehaviorName {
        BehaviorName {
            class: name.into(),
            meta: true,
        }
    }

    /// Reads `Foo` or `Foo class`.
    pub fn parse(text: &str) -> BehaviorName {
        match text.strip_suffix(" class") {
            Some(name) => BehaviorName::meta(name),
            None => BehaviorName::class(text),
        }
    }
}

impl fmt::Display for BehaviorName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.class)?;
        if self.meta {
            formatter.write_str(" class")
        } else {
            Ok(())
        }
    }
}

/// A reference inside a draft.
#[derive(Clone, PartialEq, Debug)]
pub enum Ref {
    /// A SmallInteger; the value fits in 61 bits.
    SmallInteger(i64),
    /// A Character by code point.
    Character(u32),
    /// A SmallFloat64; the value is one that fits in an immediate.
    SmallFloat(f64),
    /// One of the known objects: nil, true, false, `Smalltalk`, a known selector or semaphore.
    Known(Known),
    /// The scheduler: each virtual machine has its own.
    Scheduler,
    /// The unique symbol with this text.
    Symbol(Name),
    /// The binding of a global; it comes into being, unbound, where there is none.
    Global(Name),
    /// The binding of a class variable.
    ClassVariable {
        /// The class that declares it.
        class: Name,
        /// The variable.
        name: Name,
    },
    /// A binding that nothing declares; reading it yields nil.
    Undeclared(Name),
    /// The binding at the end of a metaclass method's literals: no key, the metaclass as value.
    MetaBinding(Name),
    /// A class or metaclass itself.
    Class(BehaviorName),
    /// A method as an object.
    Method(BehaviorName, Name),
    /// The method that this draft is (from its own blocks and additional state).
    OwnMethod,
    /// The n-th local object of this draft.
    Local(u32),
    /// An object of the master, by its id in the pristine image and its identity hash.
    Master(Ghost),
}

impl Ref {
    /// nil.
    pub const NIL: Ref = Ref::Known(Known::Nil);
    /// true.
    pub const TRUE: Ref = Ref::Known(Known::True);
    /// false.
    pub const FALSE: Ref = Ref::Known(Known::False);

    /// The symbol with this text.
    pub fn symbol(text: impl Into<Name>) -> Ref {
        Ref::Symbol(text.into())
    }

    /// The class with this name.
    pub fn class(name: impl Into<Name>) -> Ref {
        Ref::Class(BehaviorName::class(name))
    }
}

/// What an object holds.
#[derive(Clone, PartialEq, Debug)]
pub enum Body {
    /// Oops: named fields first, then indexed ones.
    Slots(Vec<Ref>),
    /// Raw elements as they lie in memory, little-endian.
    Bytes(Vec<u8>),
    /// A compiled block.
    Code(CodeBody),
}

/// Compiled code: header, literals, bytecodes (no trailer).
#[derive(Clone, PartialEq, Debug, Default)]
pub struct CodeBody {
    /// The header; its literal count is that of `literals`.
    pub header: MethodHeader,
    /// The literals; of a method the last two are selector (or additional state) and class
    /// binding, of a block the last is the outer code.
    pub literals: Vec<Ref>,
    /// The bytecodes.
    pub bytecodes: Vec<u8>,
}

impl CodeBody {
    /// Decodes the instruction at `pc`, in the set that the header names.
    ///
    /// # Errors
    /// Where the bytes there are none.
    pub fn instruction_at(&self, pc: usize) -> Result<Decoded, DecodeError> {
        bytecode::decode_in(self.header.set, &self.bytecodes, pc)
    }
}

/// An object that travels with its owner.
#[derive(Clone, PartialEq, Debug)]
pub struct LocalObject {
    /// Its class.
    pub class: Ref,
    /// Its format, without the count of unused elements.
    pub format: Format,
    /// Its identity hash, 0 where none was asked for yet.
    pub hash: u32,
    /// Whether stores into it fail; literals are such.
    pub read_only: bool,
    /// What it holds.
    pub body: Body,
}

impl LocalObject {
    /// An object of the class with this name: it may be written, and nobody asked for its hash yet.
    pub fn mutable(class: &str, format: Format, body: Body) -> LocalObject {
        LocalObject {
            class: Ref::class(class),
            format,
            hash: 0,
            read_only: false,
            body,
        }
    }
}

/// A method with everything that travels with it: its blocks, literal arrays, strings, numbers.
#[derive(Clone, PartialEq, Debug)]
pub struct MethodDraft {
    /// Where it is installed.
    pub behavior: BehaviorName,
    /// Under which selector.
    pub selector: Name,
    /// In which protocol.
    pub protocol: Name,
    /// [`shape_hash`] of the behaviour it was compiled for.
    pub shape: u64,
    /// Its code.
    pub code: CodeBody,
    /// What its literals refer to as [`Ref::Local`].
    pub locals: Vec<LocalObject>,
}

/// An object and the small objects that travel with it.
#[derive(Clone, PartialEq, Debug)]
pub struct ObjectDraft {
    /// `Local(0)`, or the name by which the receiver already can find or make the object.
    pub root: Ref,
    /// The objects.
    pub locals: Vec<LocalObject>,
}

/// What it is, in a user's words.
impl fmt::Display for ObjectDraft {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let local = match &self.root {
            Ref::Local(index) => self.locals.get(*index as usize),
            _ => None,
        };
        match (&self.root, local.map(|local| &local.class)) {
            (Ref::Global(name), _) => write!(formatter, "the global {name}"),
            (Ref::ClassVariable { class, name }, _) => {
                write!(formatter, "the class variable {name} of {class}")
            }
            (_, Some(Ref::Class(behavior))) => {
                formatter.write_str(&with_article(&behavior.to_string()))
            }
            _ => formatter.write_str(NAMELESS),
        }
    }
}

/// Where it stands: `Foo class>>bar:`.
impl fmt::Display for MethodDraft {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}>>{}", self.behavior, self.selector)
    }
}

/// What it is, in a user's words: `Foo`, `Foo class>>bar:`, `the global Foo`, `an Array`.
impl fmt::Display for Draft {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Draft::Class(class) => formatter.write_str(&class.name),
            Draft::Meta(meta) => write!(formatter, "{} class", meta.name),
            Draft::Method(method) => method.fmt(formatter),
            Draft::Object(object) => object.fmt(formatter),
        }
    }
}

/// What an object is called of which not even the class has a name.
const NAMELESS: &str = "an object";

fn with_article(class: &str) -> String {
    let is_vowel = class.starts_with(['A', 'E', 'I', 'O', 'U']);
    format!("{} {class}", if is_vowel { "an" } else { "a" })
}

/// A selector that a behaviour defines, and the method's ghost where it stays behind.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MethodEntry {
    /// The selector.
    pub selector: Name,
    /// The ghost of the method; `None` in drafts that the compiler made.
    pub ghost: Option<Ghost>,
}

/// The instance side of a class: its shape and everything one must know to look up methods in it.
#[derive(Clone, PartialEq, Debug)]
pub struct ClassDraft {
    /// The name.
    pub name: Name,
    /// The superclass; `None` at the root.
    pub superclass: Option<Name>,
    /// Instance specification, fixed fields inherited ones included.
    pub instance_spec: InstanceSpec,
    /// Its own instance variables, without the inherited ones.
    pub instance_variables: Vec<Name>,
    /// The class variables.
    pub class_variables: Vec<Name>,
    /// The shared pools, by the name of their globals.
    pub pools: Vec<Name>,
    /// The package it belongs to.
    pub package: Name,
    /// The tag in that package; empty where none.
    pub tag: Name,
    /// All selectors; empty in drafts that the compiler made.
    pub methods: Vec<MethodEntry>,
    /// Of a class taken out of a heap: the slots of the class object from
    /// `layout::behavior::LAYOUT` on (ghosts, mostly). Empty in drafts that the compiler made.
    pub slots: Vec<Ref>,
    /// The class side, where it comes along; when pulling it comes by itself, once the class
    /// object is sent a message.
    pub meta: Option<MetaDraft>,
}

/// The class side of a class.
#[derive(Clone, PartialEq, Debug)]
pub struct MetaDraft {
    /// The name of the class whose side this is.
    pub name: Name,
    /// Where class-side lookup goes on: the superclass's metaclass, or class `Class` at the root.
    pub superclass: BehaviorName,
    /// Number of slots of the class object.
    pub class_slots: u16,
    /// The class-side instance variables, without the inherited ones.
    pub instance_variables: Vec<Name>,
    /// All selectors; empty in drafts that the compiler made.
    pub methods: Vec<MethodEntry>,
    /// As `slots` of [`ClassDraft`].
    pub slots: Vec<Ref>,
}

/// Code or data in portable form.
#[derive(Clone, PartialEq, Debug)]
pub enum Draft {
    /// A class, with or without its class side.
    Class(ClassDraft),
    /// A class side that comes after its class.
    Meta(MetaDraft),
    /// A method.
    Method(MethodDraft),
    /// An object.
    Object(ObjectDraft),
}

impl Draft {
    /// All references that it holds, those of the objects that travel with it too.
    pub fn references(&self) -> Vec<&Ref> {
        let own = match self {
            Draft::Class(class) => class.slots.as_slice(),
            Draft::Meta(meta) => &meta.slots,
            Draft::Method(method) => &method.code.literals,
            Draft::Object(_) => &[],
        };
        let locals = self.locals().iter().flat_map(|local| match &local.body {
            Body::Slots(slots) => slots.as_slice(),
            Body::Code(code) => &code.literals,
            Body::Bytes(_) => &[],
        });
        own.iter().chain(locals).collect()
    }

    /// The objects that travel with it.
    pub fn locals(&self) -> &[LocalObject] {
        match self {
            Draft::Class(_) | Draft::Meta(_) => &[],
            Draft::Method(method) => &method.locals,
            Draft::Object(object) => &object.locals,
        }
    }
}

/// A draft and its place in one image.
#[derive(Clone, PartialEq, Debug)]
pub struct Placed<D> {
    /// The draft.
    pub draft: D,
    /// The id of its root (class, method or first local) in the pristine image; 0 for none.
    pub id: u64,
    /// Of a class: the id of its metaclass. Else 0.
    pub meta_id: u64,
    /// Of a class or class side: the indices of class and metaclass in the class table. Else 0.
    pub class_indices: (u32, u32),
    /// The ids of the local objects, parallel to them; empty where none have ids.
    pub local_ids: Vec<u64>,
}

impl<D> Placed<D> {
    /// A draft with no place: fresh from the compiler or from a package.
    pub fn nowhere(draft: D) -> Placed<D> {
        Placed {
            draft,
            id: 0,
            meta_id: 0,
            class_indices: (0, 0),
            local_ids: Vec::new(),
        }
    }

    /// The id of a local object, where it has one.
    pub fn local_id(&self, index: usize) -> Option<u64> {
        self.local_ids.get(index).copied().filter(|id| *id != 0)
    }

    /// The same place with what `change` makes of the draft.
    pub fn map<E>(self, change: impl FnOnce(D) -> E) -> Placed<E> {
        Placed {
            draft: change(self.draft),
            id: self.id,
            meta_id: self.meta_id,
            class_indices: self.class_indices,
            local_ids: self.local_ids,
        }
    }
}

/// What a virtual machine lacks and asks its source for.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Miss {
    /// A ghost was met where the object is needed.
    Object(Ghost),
    /// A method that its class has, by the ghost in the method dictionary.
    Method {
        /// The class where lookup found the entry.
        behavior: BehaviorName,
        /// The selector.
        selector: Name,
        /// The ghost in the dictionary.
        ghost: Ghost,
    },
    /// A class, by its index in the class table.
    ClassIndex(u32),
    /// A class, by name.
    Class(Name),
    /// A known object that is not there.
    Known(Known),
    /// A global whose binding is not there.
    Global(Name),
}

/// What the machine may rely on when it reads fields by number: a hash over the kind of the
/// instances and all instance variable names, superclass first.
pub fn shape_hash<'a>(spec: InstanceSpec, variables: impl IntoIterator<Item = &'a str>) -> u64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&spec.to_small_integer().to_le_bytes());
    for variable in variables {
        hasher.update(variable.as_bytes()).update(&[0]);
    }
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
    u64::from_le_bytes(bytes)
}
