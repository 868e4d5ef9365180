//! What names mean in the methods of one behaviour: the register of names, as the compiler asks.

use imprint_compiler::{Names as Visible, Resolved, Site};
use imprint_isa::{BehaviorName, Name};
use imprint_model::family::PHARO;
use imprint_vm::install::Names;

/// Classes whose instances may be contexts; their variables have forms of their own.
const CONTEXT_CLASSES: [&str; 2] = ["Context", "InstructionStream"];

/// The scope of a behaviour's methods.
pub struct Scope<'a> {
    names: &'a Names,
    behavior: BehaviorName,
    variables: Vec<Name>,
}

impl<'a> Scope<'a> {
    /// The scope of `behavior` where `names` knows it; instance variables that are not known are
    /// taken to be none.
    pub fn new(names: &'a Names, behavior: BehaviorName) -> Scope<'a> {
        let variables = names.all_instance_variables(&behavior).unwrap_or_default();
        Scope {
            names,
            behavior,
            variables,
        }
    }

    /// The same with the instance variables that somebody else's class of this name has.
    pub fn with_variables(
        names: &'a Names,
        behavior: BehaviorName,
        variables: Vec<Name>,
    ) -> Scope<'a> {
        Scope {
            names,
            behavior,
            variables,
        }
    }

    /// The place to compile for.
    pub fn site(&self, protocol: &str) -> Site {
        Site {
            protocol: protocol.into(),
            shape: self.names.shape_of(&self.behavior).unwrap_or(0),
            is_context: !self.behavior.meta && CONTEXT_CLASSES.contains(&&*self.behavior.class),
            has_constant_blocks: self.names.family == PHARO
                || self.names.class("ConstantBlockClosure").is_some(),
            ..Site::new(self.behavior.clone())
        }
    }

    /// The class variable that `name` means: the class's own, those of its pools, then the
    /// superclass's.
    fn class_variable(&self, name: &Name) -> Option<Resolved> {
        let mut class = self.behavior.class.clone();
        loop {
            let shape = self.names.class(&class)?.shape.as_ref()?;
            let owners = std::iter::once(&class).chain(&shape.pools);
            let found = owners
                .into_iter()
                .find(|owner| self.names.class_variable(owner, name).is_some());
            if let Some(owner) = found {
                return Some(Resolved::ClassVariable {
                    class: owner.clone(),
                    name: name.clone(),
                });
            }
            class = shape.superclass.clone()?;
        }
    }
}

impl Visible for Scope<'_> {
    fn resolve(&self, name: &str) -> Resolved {
        if let Some(index) = self
            .variables
            .iter()
            .position(|variable| &**variable == name)
        {
            return Resolved::InstanceVariable(index as u16);
        }
        let name = Name::from(name);
        if let Some(variable) = self.class_variable(&name) {
            return variable;
        }
        if self.names.global(&name).is_some() {
            let is_class = self.names.class(&name).is_some();
            return Resolved::Global { name, is_class };
        }
        Resolved::Undeclared
    }
}
