//! Scopes and variables: what the analysis finds out and the generator reads.
//!
//! Each method and block has a scope. A block compiled in place has one too, but no activation of
//! its own: its *function* is the nearest scope around it that has. A variable lives
//!
//! ```text
//!   in a temporary of its function       nobody else sees it
//!   there, and copied into closures      others only read it, after its last write
//!   in its scope's temp vector           written from elsewhere, or after it was captured;
//!                                        the vector itself is what gets copied
//! ```

use imprint_syntax::Span;

use crate::names::Resolved;

/// A scope, by position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ScopeId(pub(crate) u32);

/// A variable, by position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct VariableId(pub(crate) u32);

/// The scope of a method or block.
#[derive(Debug)]
pub(crate) struct Scope {
    pub(crate) parent: Option<ScopeId>,
    /// The scope whose activation this one shares; itself, but for blocks compiled in place.
    pub(crate) function: ScopeId,
    /// Whether this is compiled in place as the body of a loop.
    pub(crate) is_loop: bool,
    /// Whether this or a scope around it is such a body.
    pub(crate) in_loop: bool,
    /// Arguments and temporaries, in order.
    pub(crate) variables: Vec<VariableId>,
    /// Those that live in this scope's temp vector, in order.
    pub(crate) vector: Vec<VariableId>,
    /// Of a function: what its closure copies, in the order of first use.
    pub(crate) copied: Vec<Capture>,
}

/// What a closure copies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Capture {
    /// The value of a variable.
    Variable(VariableId),
    /// The temp vector of a scope.
    Vector(ScopeId),
}

/// What a variable is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum VariableKind {
    /// Of the method or a block; not assigned to.
    Argument,
    /// Declared between bars.
    Temporary,
    /// Gets a primitive's error before the code begins.
    ErrorCode,
}

/// How far a variable is seen from other closures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Escape {
    No,
    Read,
    Write,
}

/// How a variable is used, the strongest use so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Usage {
    Unused,
    Read,
    Write,
    /// Written inside a loop that is compiled in place.
    RepeatedWrite,
}

/// An argument or temporary.
#[derive(Debug)]
pub(crate) struct Variable<'t> {
    pub(crate) name: &'t str,
    pub(crate) span: Span,
    pub(crate) scope: ScopeId,
    pub(crate) kind: VariableKind,
    pub(crate) escape: Escape,
    pub(crate) usage: Usage,
    /// Whether a variable of the same name was in sight when this one was declared.
    pub(crate) shadows: bool,
}

/// What a name in the tree refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reference {
    /// Not a name, or a faulty one.
    None,
    Local(VariableId),
    /// A name outside the method, by position among them.
    External(u32),
    Receiver,
    Super,
    ThisContext,
    ThisProcess,
}

/// A name that no scope declares, and what it means.
#[derive(Debug)]
pub(crate) struct External<'t> {
    pub(crate) name: &'t str,
    pub(crate) resolved: Resolved,
}

impl Variable<'_> {
    /// Notes a read, from another closure or not.
    pub(crate) fn note_read(&mut self, captured: bool, in_loop: bool) {
        if self.usage == Usage::Unused {
            self.usage = Usage::Read;
        }
        if !captured {
            return;
        }
        if self.escape == Escape::No {
            self.escape = Escape::Read;
        }
        // Each turn of the loop makes another closure, and the writes go on between them.
        if in_loop && self.usage == Usage::RepeatedWrite {
            self.escape = Escape::Write;
        }
    }

    /// Notes a write, from another closure or not.
    pub(crate) fn note_write(&mut self, captured: bool, in_loop: bool) {
        // A copy made before this write would be stale after it.
        if captured || self.escape != Escape::No {
            self.escape = Escape::Write;
        }
        self.usage = if in_loop {
            Usage::RepeatedWrite
        } else {
            Usage::Write
        };
    }
}

/// The names that always mean the same.
pub(crate) fn pseudo_variable(name: &str) -> Option<Reference> {
    match name {
        "self" => Some(Reference::Receiver),
        "super" => Some(Reference::Super),
        "thisContext" => Some(Reference::ThisContext),
        "thisProcess" => Some(Reference::ThisProcess),
        _ => None,
    }
}

/// Whether a name cannot be declared or assigned to.
pub(crate) fn is_reserved(name: &str) -> bool {
    pseudo_variable(name).is_some() || matches!(name, "nil" | "true" | "false")
}
