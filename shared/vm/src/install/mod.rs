//! Puts drafts into a heap: the only way in.
//!
//! ```text
//!   Placed<Draft> ── check (every reference can be resolved) ── reserve space ── make, link, note id
//!                       │                                          │
//!                  InstallError::Missing                    InstallError::NeedsSpace
//! ```
//!
//! An install is all or nothing: what could fail is looked at first, so a draft that is refused
//! has left no trace. What an image keeps beyond what a virtual machine reads (layouts, protocols,
//! packages, the dictionary of globals) is not made here: a class that was pulled brings it as
//! ghosts, and a class that was built has the image's own code make it.
//!
//! Reading order: [`names`] (what can be found by name), [`references`], [`class`], [`code`],
//! [`object`], [`dictionary`], [`bulk`] (many methods at once), [`restating`] (for classes that were reshaped).

mod bulk;
mod class;
mod code;
mod dictionary;
mod names;
mod object;
mod references;
mod restating;
mod scan;
mod surroundings;
mod variables;

use std::fmt::Display;

use imprint_heap::{Heap, NeedsSpace};
use imprint_isa::verifier::Rejection;
use imprint_isa::{Draft, Miss, Name, Placed};
use imprint_model::Oop;
use thiserror::Error;

pub use bulk::{InstalledMethod, InstalledMethods};
pub use code::{TRAILER_BYTES, source_pointer, source_pointer_in};
pub use dictionary::MethodDictionary;
pub use names::{ClassEntry, ClassShape, Fields, Names};
pub(crate) use restating::{Changed, Restated, place_of};
pub use scan::{class_name, family_of, is_class, is_metaclass, own_variables};
pub(crate) use surroundings::lineage;

use crate::presence::Presence;

/// Why a draft was not installed.
#[derive(Clone, PartialEq, Debug, Error)]
pub enum InstallError {
    /// Something that the draft needs has not come.
    #[error("{title} needs {miss:?}, which is not here")]
    Missing {
        /// The draft.
        title: String,
        /// What it needs.
        miss: Box<Miss>,
    },
    /// Space is missing; after a collection it can be tried again.
    #[error("space is missing for {0} bytes")]
    NeedsSpace(usize),
    /// The method was compiled for a class of another shape.
    #[error("{0} was compiled for another shape of its class, which must come along")]
    Shape(String),
    /// The verifier refused it.
    #[error("{0}")]
    Rejected(Box<Rejection>),
    /// The draft contradicts itself or the heap.
    #[error("{title}: {what}")]
    Malformed {
        /// The draft.
        title: String,
        /// What is wrong.
        what: &'static str,
    },
}

impl From<Rejection> for InstallError {
    fn from(rejection: Rejection) -> InstallError {
        InstallError::Rejected(Box::new(rejection))
    }
}

impl From<NeedsSpace> for InstallError {
    fn from(space: NeedsSpace) -> InstallError {
        InstallError::NeedsSpace(space.bytes)
    }
}

/// What to do where a draft names a global that nothing has bound.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unbound {
    /// Make the binding, holding nil: a first heap is being built.
    Create,
    /// Refuse with [`InstallError::Missing`]: the master has it.
    Refuse,
}

/// Where and how drafts are installed.
pub struct Installer<'a> {
    /// The heap.
    pub heap: &'a mut Heap,
    /// What can be found by name in it.
    pub names: &'a mut Names,
    /// What can be found by id.
    pub presence: &'a mut Presence,
    /// What to do about unbound globals.
    pub unbound: Unbound,
}

impl Installer<'_> {
    /// Installs a draft and answers its class, metaclass, method or root object.
    ///
    /// # Errors
    /// Where something it needs is not here, space is missing, or it is malformed; then nothing
    /// was changed.
    pub fn install(&mut self, placed: &Placed<Draft>) -> Result<Oop, InstallError> {
        match &placed.draft {
            Draft::Class(class) => self.install_class(class, placed),
            Draft::Meta(meta) => self.install_meta(meta, placed),
            Draft::Method(method) => self.install_method(method, placed, 0),
            Draft::Object(object) => self.install_object(object, placed),
        }
    }

    /// Notes that the object with this id is here.
    fn note(&mut self, id: u64, oop: Oop) {
        if id != 0 {
            self.presence.insert(id, oop);
        }
    }

    /// The present object with this id.
    fn present(&self, id: u64) -> Option<Oop> {
        if id == 0 { None } else { self.presence.get(id) }
    }
}

/// The error that says `miss` is needed by the draft called `title`.
fn missing(title: &dyn Display, miss: Miss) -> InstallError {
    InstallError::Missing {
        title: title.to_string(),
        miss: Box::new(miss),
    }
}

/// The error that says a class must come first.
fn missing_class(title: &dyn Display, name: &Name) -> InstallError {
    missing(title, Miss::Class(name.clone()))
}
