//! An outline, by what is looked for in it.

use std::collections::HashMap;

use imprint_isa::{BehaviorName, Name};
use imprint_wire::live::{MethodName, Outline};

/// The classes of a library, who implements what, and who inherits from whom.
#[derive(Default)]
pub(super) struct Map {
    superclasses: HashMap<Name, Option<Name>>,
    implementors: HashMap<Name, Vec<BehaviorName>>,
    selectors: HashMap<BehaviorName, Vec<Name>>,
}

impl Map {
    /// The map of an outline.
    pub(super) fn of(outline: &Outline) -> Map {
        let mut map = Map::default();
        for class in &outline.classes {
            let name = Name::from(class.name.as_str());
            let superclass = class.superclass.as_deref().map(Name::from);
            map.superclasses.insert(name.clone(), superclass);
            map.note(BehaviorName::class(name.clone()), &class.selectors);
            map.note(BehaviorName::meta(name), &class.class_selectors);
        }
        map
    }

    fn note(&mut self, behavior: BehaviorName, selectors: &[String]) {
        let selectors: Vec<Name> = selectors.iter().map(|it| it.as_str().into()).collect();
        for selector in &selectors {
            let implementors = self.implementors.entry(selector.clone()).or_default();
            implementors.push(behavior.clone());
        }
        self.selectors.insert(behavior, selectors);
    }

    /// Whether the library has a class.
    pub(super) fn has_class(&self, name: &Name) -> bool {
        self.superclasses.contains_key(name)
    }

    /// A class and all that it inherits from.
    pub(super) fn lineage<'a>(&'a self, class: &'a Name) -> impl Iterator<Item = &'a Name> {
        let superclass = |name: &&'a Name| self.superclasses.get(*name)?.as_ref();
        std::iter::successors(Some(class), superclass).take(self.superclasses.len() + 1)
    }

    /// The methods of a selector.
    pub(super) fn implementors(&self, selector: &Name) -> impl Iterator<Item = MethodName> {
        let behaviors = self.implementors.get(selector).into_iter().flatten();
        behaviors.map(|behavior| MethodName {
            behavior: behavior.clone(),
            selector: selector.clone(),
        })
    }

    /// Whether the library has a method.
    pub(super) fn has_method(&self, name: &MethodName) -> bool {
        let selectors = self.selectors.get(&name.behavior);
        selectors.is_some_and(|selectors| selectors.contains(&name.selector))
    }

    /// The methods of one side of a class.
    pub(super) fn methods_of(&self, behavior: &BehaviorName) -> Vec<MethodName> {
        let selectors = self.selectors.get(behavior).into_iter().flatten();
        selectors
            .map(|selector| MethodName {
                behavior: behavior.clone(),
                selector: selector.clone(),
            })
            .collect()
    }

    /// Whether a class is another one or inherits from it.
    pub(super) fn inherits(&self, class: &Name, from: &str) -> bool {
        self.lineage(class).any(|it| **it == *from)
    }

    /// Where lookup for a message to super begins.
    pub(super) fn above(&self, behavior: &BehaviorName) -> Option<BehaviorName> {
        match (self.superclasses.get(&behavior.class)?, behavior.meta) {
            (Some(class), meta) => Some(BehaviorName {
                class: class.clone(),
                meta,
            }),
            (None, true) => Some(BehaviorName::class("Class")),
            (None, false) => None,
        }
    }

    /// The method that lookup finds from a behaviour on.
    pub(super) fn lookup(&self, behavior: &BehaviorName, selector: &Name) -> Option<MethodName> {
        let chain = std::iter::successors(Some(behavior.clone()), |it| self.above(it));
        let name = |behavior| MethodName {
            behavior,
            selector: selector.clone(),
        };
        // Twice, since class sides inherit from a class.
        let mut chain = chain.take(2 * self.superclasses.len() + 2).map(name);
        chain.find(|name| self.has_method(name))
    }

    /// How many classes inherit from one.
    pub(super) fn heirs(&self, class: &Name) -> usize {
        let all = self.superclasses.keys();
        all.filter(|it| self.inherits(it, class)).count() - usize::from(self.has_class(class))
    }
}
