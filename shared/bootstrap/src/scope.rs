//! What names mean in the methods of one behaviour: the register of names, as the compiler asks.

use imprint_compiler::{Names as Visible, Resolved, Site};
use imprint_isa::{BehaviorName, Name, Surroundings};
use imprint_model::family::PHARO;
use imprint_vm::install::Names;

/// Classes whose instances may be contexts; their variables have forms of their own.
const CONTEXT_CLASSES: [&str; 2] = ["Context", "InstructionStream"];

/// The scope of a behaviour's methods.
pub struct Scope<'a> {
    names: &'a Names,
    behavior: BehaviorName,
    variables: Vec<Name>,
    /// What is otherwise where the behaviour is, if that is elsewhere.
    elsewhere: Option<&'a Surroundings>,
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
            elsewhere: None,
        }
    }

    /// The same for a behaviour of another machine, which knows better what is its own.
    pub fn elsewhere(
        names: &'a Names,
        behavior: BehaviorName,
        surroundings: &'a Surroundings,
    ) -> Scope<'a> {
        let mut scope = Scope::new(names, behavior);
        if surroundings.shape != 0 {
            scope.variables.clone_from(&surroundings.instance_variables);
        }
        scope.elsewhere = Some(surroundings);
        scope
    }

    /// The place to compile for.
    pub fn site(&self, protocol: &str) -> Site {
        Site {
            protocol: protocol.into(),
            shape: self.shape(),
            is_context: !self.behavior.meta && CONTEXT_CLASSES.contains(&&*self.behavior.class),
            has_constant_blocks: self.names.family == PHARO
                || self.names.class("ConstantBlockClosure").is_some(),
            ..Site::new(self.behavior.clone())
        }
    }

    fn shape(&self) -> u64 {
        let told = self.elsewhere.map_or(0, |elsewhere| elsewhere.shape);
        match told {
            0 => self.names.shape_of(&self.behavior).unwrap_or(0),
            told => told,
        }
    }

    /// The class variable that `name` means in the other machine: its own, or those of this side's
    /// classes that it inherits from.
    fn variable_elsewhere(&self, elsewhere: &Surroundings, name: &Name) -> Option<Resolved> {
        let own = |class: &Name| {
            let variables = elsewhere.class_variables.iter();
            let found = variables
                .filter(|(owner, _)| owner == class)
                .any(|(_, variable)| variable == name);
            found.then(|| class.clone())
        };
        let mut lineage = elsewhere.lineage.iter();
        let owner = lineage.find_map(|class| own(class).or_else(|| self.owner(class, name)))?;
        let name = name.clone();
        Some(Resolved::ClassVariable { class: owner, name })
    }

    /// Whose the variable is: the class's own, or that of one of its pools.
    fn owner(&self, class: &Name, name: &Name) -> Option<Name> {
        let shape = self.names.class(class)?.shape.as_ref()?;
        let mut owners = std::iter::once(class).chain(&shape.pools);
        let found = owners.find(|owner| self.names.class_variable(owner, name).is_some());
        found.cloned()
    }

    /// The class variable that `name` means: the class's own, those of its pools, then the
    /// superclass's.
    fn class_variable(&self, name: &Name) -> Option<Resolved> {
        let mut class = self.behavior.class.clone();
        loop {
            if let Some(owner) = self.owner(&class, name) {
                let name = name.clone();
                return Some(Resolved::ClassVariable { class: owner, name });
            }
            class = self
                .names
                .class(&class)?
                .shape
                .as_ref()?
                .superclass
                .clone()?;
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
        let far = self.elsewhere;
        let variable = far.and_then(|it| self.variable_elsewhere(it, &name));
        if let Some(variable) = variable.or_else(|| self.class_variable(&name)) {
            return variable;
        }
        let mut globals = far.iter().flat_map(|it| &it.globals);
        if let Some((_, is_class)) = globals.find(|(global, _)| *global == name) {
            let is_class = *is_class;
            return Resolved::Global { name, is_class };
        }
        if self.names.global(&name).is_some() {
            let is_class = self.names.class(&name).is_some();
            return Resolved::Global { name, is_class };
        }
        Resolved::Undeclared
    }
}
