//! What differs between two states of the same sources, or all of one: what is to be put over the code
//! of a running image.

use std::collections::HashMap;

use imprint_isa::{BehaviorName, ClassDraft, MethodDraft, Name};
use imprint_loader::{ClassDefinition, MethodDefinition, PackageDefinition};

use crate::compile::{Job, behavior_of, compile_all};
use crate::error::BuildError;
use crate::order::in_order;
use crate::sketch::Sketch;
use crate::sources::PackageSet;

/// A method and the package whose file it stands in.
#[derive(Clone, PartialEq, Debug)]
pub struct OwnedMethod {
    /// The package.
    pub package: String,
    /// The method.
    pub method: MethodDefinition,
}

impl OwnedMethod {
    /// The behaviour that it is for.
    pub fn behavior(&self) -> BehaviorName {
        behavior_of(&self.method)
    }

    /// The protocol that an image shows for it: that of an extension names its package.
    pub fn shown_protocol(&self, own_package: Option<&str>) -> String {
        match own_package == Some(&*self.package) {
            true if self.method.protocol.is_empty() => "as yet unclassified".to_string(),
            true => self.method.protocol.clone(),
            false => format!("*{}", self.package),
        }
    }
}

/// What differs.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Difference {
    /// Classes that are new or defined otherwise, superclasses first.
    pub classes: Vec<ClassDefinition>,
    /// Methods that are new or have another text or protocol.
    pub methods: Vec<OwnedMethod>,
    /// Methods that are gone.
    pub removed: Vec<(BehaviorName, Name)>,
    /// Classes that are gone.
    pub removed_classes: Vec<Name>,
}

impl Difference {
    /// What is otherwise in `new` than in `old`.
    ///
    /// # Errors
    /// Where the new classes cannot be ordered.
    pub fn between(
        old: &[PackageDefinition],
        new: &[PackageDefinition],
    ) -> Result<Difference, BuildError> {
        let ordered = in_order(new)?.into_iter();
        // Most packages are just the same: nothing of them is looked at any closer.
        let (old, new) = (&differing(old, new)[..], &differing(new, old)[..]);
        let known: HashMap<&str, &ClassDefinition> = classes(old).map(named).collect();
        let is_same = |class: &ClassDefinition| {
            let known = known.get(class.name.as_str());
            known.is_some_and(|known| has_same_definition(known, class))
        };
        let kept: HashMap<&str, &ClassDefinition> = classes(new).map(named).collect();
        let is_gone = |class: &&ClassDefinition| !kept.contains_key(class.name.as_str());
        let before = by_name(old);
        let after = by_name(new);
        let is_changed = |(key, method): &(MethodKey, &OwnedMethod)| {
            before.get(key).is_none_or(|known| {
                (&known.method.source, &known.method.protocol)
                    != (&method.method.source, &method.method.protocol)
            })
        };
        let all = methods(new);
        let with_keys = all.iter().map(|method| (key_of(method), method));
        let mut removed: Vec<_> = before
            .keys()
            .filter(|key| !after.contains_key(*key) && !is_of_gone(key, &kept, &known))
            .map(|(class, meta, selector)| {
                let class = class.as_str().into();
                (
                    BehaviorName { class, meta: *meta },
                    selector.as_str().into(),
                )
            })
            .collect();
        removed.sort();
        Ok(Difference {
            classes: ordered
                .filter(|it| kept.contains_key(it.name.as_str()) && !is_same(it))
                .cloned()
                .collect(),
            methods: with_keys
                .filter(is_changed)
                .map(|(_, method)| method.clone())
                .collect(),
            removed,
            removed_classes: classes(old)
                .filter(is_gone)
                .map(|class| class.name.as_str().into())
                .collect(),
        })
    }

    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        *self == Difference::default()
    }

    /// Whether nothing is to be entered or taken out.
    pub fn is_without_code(&self) -> bool {
        self.classes.is_empty() && self.methods.is_empty() && self.removed.is_empty()
    }

    /// What it is, in a user's words: the class or method where there is one, else how many.
    pub fn title(&self) -> String {
        let classes = self.classes.iter().map(|class| class.name.clone());
        let methods = self.methods.iter().map(|owned| owned.method.full_name());
        let removed = self.removed.iter();
        let removed = removed.map(|(behavior, selector)| format!("{behavior}>>{selector}"));
        let all: Vec<String> = classes.chain(methods).chain(removed).collect();
        match all.as_slice() {
            [one] => one.clone(),
            [first, rest @ ..] => format!("{first} and {} more", rest.len()),
            [] => String::new(),
        }
    }

    /// The drafts of the classes, by a sketch of the new sources.
    ///
    /// # Errors
    /// Where a superclass is not there.
    pub fn class_drafts(&self, sketch: &Sketch) -> Result<Vec<ClassDraft>, BuildError> {
        self.classes.iter().map(|it| sketch.draft(it)).collect()
    }

    /// The drafts of the methods, by a sketch of the new sources; `set` has their files, for messages.
    ///
    /// # Errors
    /// Every finding of every method that does not compile.
    pub fn method_drafts(
        &self,
        sketch: &Sketch,
        set: &PackageSet,
    ) -> Result<Vec<MethodDraft>, BuildError> {
        let job = |owned: &'_ OwnedMethod| owned.behavior();
        let behaviors: Vec<BehaviorName> = self.methods.iter().map(job).collect();
        let jobs: Vec<Job<'_>> = self
            .methods
            .iter()
            .zip(behaviors)
            .map(|(owned, behavior)| Job {
                package: &owned.package,
                behavior,
                method: &owned.method,
            })
            .collect();
        compile_all(&jobs, set, sketch.names())
    }
}

type MethodKey = (String, bool, String);

fn key_of(owned: &OwnedMethod) -> MethodKey {
    let method = &owned.method;
    (
        method.class_name.clone(),
        method.is_meta,
        method.selector.clone(),
    )
}

/// The packages of which the others have none that is just the same.
fn differing<'a>(
    packages: &'a [PackageDefinition],
    others: &[PackageDefinition],
) -> Vec<&'a PackageDefinition> {
    let is_other = |package: &&PackageDefinition| !others.iter().any(|other| *package == other);
    packages.iter().filter(is_other).collect()
}

fn classes<'a>(packages: &[&'a PackageDefinition]) -> impl Iterator<Item = &'a ClassDefinition> {
    let each = packages.iter().flat_map(|package| &package.classes);
    each.collect::<Vec<_>>().into_iter()
}

fn named(class: &ClassDefinition) -> (&str, &ClassDefinition) {
    (class.name.as_str(), class)
}

/// Methods of a class that is gone go with it.
fn is_of_gone(
    key: &MethodKey,
    kept: &HashMap<&str, &ClassDefinition>,
    known: &HashMap<&str, &ClassDefinition>,
) -> bool {
    known.contains_key(key.0.as_str()) && !kept.contains_key(key.0.as_str())
}

fn methods(packages: &[&PackageDefinition]) -> Vec<OwnedMethod> {
    let of = |package: &&PackageDefinition| {
        let own = package.classes.iter().flat_map(|class| &class.methods);
        let all = own.chain(&package.extensions).cloned();
        let name = package.name.clone();
        all.map(move |method| OwnedMethod {
            package: name.clone(),
            method,
        })
        .collect::<Vec<_>>()
    };
    packages.iter().flat_map(of).collect()
}

fn by_name(packages: &[&PackageDefinition]) -> HashMap<MethodKey, OwnedMethod> {
    let all = methods(packages).into_iter();
    all.map(|method| (key_of(&method), method)).collect()
}

/// Whether two definitions say the same of the class itself.
fn has_same_definition(one: &ClassDefinition, other: &ClassDefinition) -> bool {
    let bare = |class: &ClassDefinition| ClassDefinition {
        methods: Vec::new(),
        origin: Default::default(),
        ..class.clone()
    };
    bare(one) == bare(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(name: &str, variables: &[&str], methods: &[(&str, &str)]) -> ClassDefinition {
        let method = |(selector, source): &(&str, &str)| MethodDefinition {
            class_name: name.to_string(),
            selector: (*selector).to_string(),
            source: (*source).to_string(),
            ..MethodDefinition::default()
        };
        ClassDefinition {
            name: name.to_string(),
            instance_variables: variables.iter().map(|it| (*it).to_string()).collect(),
            methods: methods.iter().map(method).collect(),
            ..ClassDefinition::default()
        }
    }

    fn package(classes: Vec<ClassDefinition>) -> Vec<PackageDefinition> {
        vec![PackageDefinition {
            name: "P".to_string(),
            classes,
            ..PackageDefinition::default()
        }]
    }

    #[test]
    fn only_what_changed_differs() {
        let old = package(vec![
            class("A", &["x"], &[("one", "one ^ 1"), ("two", "two ^ 2")]),
            class("Gone", &[], &[("three", "three")]),
        ]);
        let mut changed = package(vec![
            class("A", &["x"], &[("one", "one ^ 11")]),
            class("New", &[], &[("four", "four")]),
        ]);
        // Where a method stands is no difference.
        changed[0].classes[0].methods[0].origin.line = 7;
        let none = Difference::between(&old, &old).expect("they are in order");
        assert!(none.is_empty());
        let found = Difference::between(&old, &changed).expect("they are in order");
        let names = |classes: &[ClassDefinition]| -> Vec<String> {
            classes.iter().map(|it| it.name.clone()).collect()
        };
        assert_eq!(names(&found.classes), ["New"]);
        let selectors = found.methods.iter().map(|it| it.method.selector.as_str());
        assert_eq!(selectors.collect::<Vec<_>>(), ["one", "four"]);
        assert_eq!(found.removed, [(BehaviorName::class("A"), "two".into())]);
        assert_eq!(found.removed_classes, ["Gone".into()]);
        let reshaped = package(vec![class("A", &["x", "y"], &[])]);
        let found = Difference::between(&old[..], &reshaped).expect("they are in order");
        assert_eq!(names(&found.classes), ["A"]);
    }

    #[test]
    fn an_extension_shows_its_package_as_protocol() {
        let method = |package: &str, protocol: &str| OwnedMethod {
            package: package.to_string(),
            method: MethodDefinition {
                protocol: protocol.to_string(),
                ..MethodDefinition::default()
            },
        };
        let own = Some("P");
        assert_eq!(method("P", "accessing").shown_protocol(own), "accessing");
        assert_eq!(method("P", "").shown_protocol(own), "as yet unclassified");
        assert_eq!(method("Q", "accessing").shown_protocol(own), "*Q");
        assert_eq!(method("Q", "accessing").shown_protocol(None), "*Q");
    }
}
