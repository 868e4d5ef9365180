//! Which package each class and method of an image belongs to.
//!
//! A class belongs to the package of its tag. A method belongs with its class, unless its protocol
//! begins with an asterisk: then the package is named there, as Monticello does it, possibly with a tag
//! behind a hyphen.

use imprint_heap::Heap;
use imprint_isa::{BehaviorName, Name};
use imprint_model::Oop;
use imprint_model::layout::behavior;
use imprint_vm::extract::{ImageIndex, Place};
use imprint_vm::install::MethodDictionary;
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;

/// A method of an image.
#[derive(Clone, Debug)]
pub struct Member {
    /// Where it stands.
    pub behavior: BehaviorName,
    /// Its selector.
    pub selector: Name,
    /// The compiled method.
    pub method: Oop,
}

/// What belongs to a package.
#[derive(Clone, Default, Debug)]
pub struct Members {
    /// The names of its classes, in order.
    pub classes: Vec<Name>,
    /// Its methods, by class, side and selector.
    pub methods: Vec<Member>,
}

/// What belongs to each package of an image.
pub struct Membership {
    packages: BTreeMap<Name, Members>,
    of_class: FxHashMap<Name, Name>,
    /// By protocol of extensions: the package that it names.
    extending: FxHashMap<Name, Name>,
}

impl Membership {
    /// Looks at all classes and methods of an image.
    pub fn of(heap: &Heap, index: &ImageIndex) -> Membership {
        let mut membership = Membership {
            packages: BTreeMap::new(),
            of_class: FxHashMap::default(),
            extending: FxHashMap::default(),
        };
        let mut classes: Vec<&Name> = index.names().class_names().collect();
        classes.sort();
        for name in &classes {
            if let Some(class) = index.names().class_object(heap, name) {
                let (package, _) = index.package_of(heap, class);
                membership.of_class.insert((*name).clone(), package.clone());
                let members = membership.packages.entry(package).or_default();
                members.classes.push((*name).clone());
            }
        }
        for name in classes {
            for meta in [false, true] {
                let class = name.clone();
                membership.add_methods(heap, index, &BehaviorName { class, meta });
            }
        }
        membership
    }

    /// What belongs to a package.
    pub fn members(&self, package: &str) -> Option<&Members> {
        self.packages.get(package)
    }

    /// The names of all packages that have something, in order.
    pub fn names(&self) -> impl Iterator<Item = &Name> {
        self.packages.keys().filter(|name| !name.is_empty())
    }

    /// The package of a class; empty where it says none.
    pub fn package_of(&self, class: &str) -> Name {
        self.of_class.get(class).cloned().unwrap_or_default()
    }

    fn add_methods(&mut self, heap: &Heap, index: &ImageIndex, behavior: &BehaviorName) {
        let Some(oop) = index.names().behavior(heap, behavior) else {
            return;
        };
        let dictionary = heap.slot(oop, behavior::METHOD_DICTIONARY);
        if !dictionary.is_object() || dictionary == heap.nil() {
            return;
        }
        let entries = MethodDictionary(dictionary).entries(heap).into_iter();
        let mut found: Vec<(&Name, Oop)> = entries
            .filter_map(|(_, method)| match index.place(method) {
                Some(Place::Method(_, selector)) => Some((selector, method)),
                _ => None,
            })
            .collect();
        found.sort_by(|one, other| one.0.cmp(other.0));
        for (selector, method) in found {
            let protocol = index.protocol(method);
            let package = match protocol.strip_prefix('*') {
                Some(extension) => self.package_extending(extension),
                None => self.package_of(&behavior.class),
            };
            self.packages
                .entry(package)
                .or_default()
                .methods
                .push(Member {
                    behavior: behavior.clone(),
                    selector: selector.clone(),
                    method,
                });
        }
    }

    fn package_extending(&mut self, extension: &str) -> Name {
        if let Some(known) = self.extending.get(extension) {
            return known.clone();
        }
        let package = self.extending(extension);
        self.extending.insert(extension.into(), package.clone());
        package
    }

    /// The package that a protocol of extensions names: the longest known name that it begins with,
    /// else the whole of it.
    fn extending(&self, extension: &str) -> Name {
        let begins = |name: &Name| {
            let head = extension.get(..name.len());
            let is_tagged = extension
                .as_bytes()
                .get(name.len())
                .is_none_or(|byte| *byte == b'-');
            is_tagged && head.is_some_and(|head| head.eq_ignore_ascii_case(name))
        };
        let known = self.packages.keys().filter(|name| !name.is_empty());
        let longest = known
            .filter(|name| begins(name))
            .max_by_key(|name| name.len());
        longest.cloned().unwrap_or_else(|| extension.into())
    }
}
