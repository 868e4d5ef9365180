//! What the compiler must be told about the world: what a name means that no temporary or
//! argument has. One trait; whoever compiles knows the classes and answers it.

use imprint_isa::Name;

/// What a name means in the methods of one behaviour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolved {
    /// An instance variable, by its 0-based position among all fields.
    InstanceVariable(u16),
    /// A class variable, or a variable of a pool (which is a class of its own).
    ClassVariable {
        /// The class, or pool, that declares it.
        class: Name,
        /// The variable.
        name: Name,
    },
    /// A global.
    Global {
        /// Its name.
        name: Name,
        /// Whether it names a class: such a name is not assigned to.
        is_class: bool,
    },
    /// Nothing declares it. Reading or writing it is noticed when it happens.
    Undeclared,
}

/// The names that methods of one behaviour can see. Order of search: instance variables; for the
/// class and then each superclass its class variables and pools; the globals.
pub trait Names {
    /// What `name` means. The answer for one name stays the same while a method is compiled.
    /// Names that a method declares are asked for too, to warn where they hide something: asking
    /// changes nothing.
    fn resolve(&self, name: &str) -> Resolved;
}

/// Names that shadow others: the bindings of a workspace or of a debugger.
pub struct Bindings<'a> {
    /// What is looked at first.
    pub extra: &'a [(&'a str, Resolved)],
    /// What is looked at then.
    pub names: &'a dyn Names,
}

impl Names for Bindings<'_> {
    fn resolve(&self, name: &str) -> Resolved {
        match self.extra.iter().find(|(known, _)| *known == name) {
            Some((_, resolved)) => resolved.clone(),
            None => self.names.resolve(name),
        }
    }
}
