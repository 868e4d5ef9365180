//! Where the code of a push is taken from: sources, or another running image.

use anyhow::Result;
use imprint_bootstrap::{Difference, PackageSet};
use imprint_loader::MethodDefinition;
use imprint_wire::Controller;
use imprint_wire::live::{Outline, OutlinedClass, Push};

use crate::companions::Companions;
use crate::pushing::SourceState;

/// What code is taken from.
pub trait Library {
    /// All classes and methods that it has.
    ///
    /// # Errors
    /// Where it cannot be asked.
    fn outline(&mut self) -> Result<Outline>;

    /// Companions alone, to be read.
    ///
    /// # Errors
    /// Where it has not got them.
    fn companions(&mut self, wanted: &Companions) -> Result<Push>;

    /// What is pushed, with its companions.
    ///
    /// # Errors
    /// Where it has not got them, or they do not compile.
    fn push(&mut self, companions: &Companions) -> Result<Push>;
}

/// Sources, and what is pushed of them.
pub struct SourceLibrary<'a> {
    /// The sources.
    pub state: &'a SourceState,
    /// What is pushed.
    pub difference: Difference,
    /// What it is called.
    pub title: String,
    /// How things were before, where somebody knows.
    pub base: Option<&'a SourceState>,
}

impl Library for SourceLibrary<'_> {
    fn outline(&mut self) -> Result<Outline> {
        Ok(self.state.outline())
    }

    fn companions(&mut self, wanted: &Companions) -> Result<Push> {
        let difference = self.state.joined(&Difference::default(), wanted)?;
        self.state.push(&difference, String::new(), self.base)
    }

    fn push(&mut self, companions: &Companions) -> Result<Push> {
        let difference = self.state.joined(&self.difference, companions)?;
        self.state.push(&difference, self.title.clone(), self.base)
    }
}

/// Another running image, and what is taken of it.
pub struct ImageLibrary {
    /// The way to it.
    pub image: Controller,
    /// What is pushed.
    pub names: Vec<String>,
}

impl ImageLibrary {
    fn take(&mut self, mut names: Vec<String>, companions: &Companions) -> Result<Push> {
        names.extend(companions.methods.iter().map(ToString::to_string));
        let definitions = companions.classes.iter().map(ToString::to_string);
        Ok(self.image.take(names, definitions.collect())?)
    }
}

impl Library for ImageLibrary {
    fn outline(&mut self) -> Result<Outline> {
        Ok(self.image.outline()?)
    }

    fn companions(&mut self, wanted: &Companions) -> Result<Push> {
        self.take(Vec::new(), wanted)
    }

    fn push(&mut self, companions: &Companions) -> Result<Push> {
        let mut push = self.take(self.names.clone(), companions)?;
        push.title = self.names.join(", ");
        Ok(push)
    }
}

/// The classes and methods of some packages.
pub fn outline_of(set: &PackageSet) -> Outline {
    let mut outline = Outline::default();
    let mut places = std::collections::HashMap::new();
    for class in set.packages.iter().flat_map(|it| &it.classes) {
        places.insert(class.name.as_str(), outline.classes.len());
        let mut outlined = OutlinedClass {
            name: class.name.clone(),
            superclass: class.superclass.clone(),
            ..OutlinedClass::default()
        };
        class.methods.iter().for_each(|it| note(it, &mut outlined));
        outline.classes.push(outlined);
    }
    for method in set.packages.iter().flat_map(|it| &it.extensions) {
        if let Some(place) = places.get(method.class_name.as_str()) {
            note(method, &mut outline.classes[*place]);
        }
    }
    outline
}

fn note(method: &MethodDefinition, class: &mut OutlinedClass) {
    let selectors = match method.is_meta {
        true => &mut class.class_selectors,
        false => &mut class.selectors,
    };
    selectors.push(method.selector.clone());
}
