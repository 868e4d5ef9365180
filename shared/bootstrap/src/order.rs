//! Puts classes in an order in which each comes after its superclass.

use std::collections::HashMap;

use imprint_loader::{ClassDefinition, PackageDefinition};

use crate::error::BuildError;

/// All classes of the packages, superclasses first; else in the order of packages and names.
///
/// # Errors
/// Where a superclass is missing, a class is defined twice, or classes inherit in a circle: all of
/// these, one a line.
pub fn in_order(packages: &[PackageDefinition]) -> Result<Vec<&ClassDefinition>, BuildError> {
    let mut faults = Vec::new();
    let mut by_name: HashMap<&str, &ClassDefinition> = HashMap::new();
    let all: Vec<&ClassDefinition> = packages
        .iter()
        .flat_map(|package| &package.classes)
        .collect();
    for class in &all {
        if let Some(other) = by_name.insert(&class.name, class) {
            faults.push(format!(
                "class {} is defined in {} and in {}",
                class.name, other.package, class.package
            ));
        }
    }
    let mut ordering = Ordering {
        by_name,
        state: HashMap::new(),
        ordered: Vec::new(),
        faults,
    };
    for class in all {
        ordering.visit(class);
    }
    if ordering.faults.is_empty() {
        Ok(ordering.ordered)
    } else {
        Err(BuildError::Order(ordering.faults.join("\n")))
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Entered,
    Done,
}

struct Ordering<'a> {
    by_name: HashMap<&'a str, &'a ClassDefinition>,
    state: HashMap<&'a str, State>,
    ordered: Vec<&'a ClassDefinition>,
    faults: Vec<String>,
}

impl<'a> Ordering<'a> {
    fn visit(&mut self, class: &'a ClassDefinition) {
        match self.state.get(class.name.as_str()) {
            Some(State::Done) => return,
            Some(State::Entered) => {
                self.faults
                    .push(format!("class {} inherits from itself", class.name));
                return;
            }
            None => {}
        }
        self.state.insert(&class.name, State::Entered);
        if let Some(name) = &class.superclass {
            match self.by_name.get(name.as_str()).copied() {
                Some(superclass) => self.visit(superclass),
                None => self.faults.push(format!(
                    "class {} has the superclass {name}, which no loaded package defines",
                    class.name
                )),
            }
        }
        self.state.insert(&class.name, State::Done);
        self.ordered.push(class);
    }
}
