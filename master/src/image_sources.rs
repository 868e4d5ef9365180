//! The code of an image as definitions, as if they had been read from files: what a running image gives
//! away to another.
//!
//! ```text
//!   class object    its shape, variables, package, comment ──> ClassDefinition
//!   dictionaries    selectors, protocols ────────────────────> MethodDefinition, no text yet
//!   changes         the text of those that are wanted
//! ```

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use imprint_bootstrap::{OwnedMethod, PackageSet, kind_of_spec};
use imprint_heap::Heap;
use imprint_isa::{BehaviorName, Name};
use imprint_loader::{ClassDefinition, MethodDefinition, PackageDefinition};
use imprint_model::Oop;
use imprint_model::layout::{behavior, class};
use imprint_slave::ending::sentence_of;
use imprint_slave::live::Giver;
use imprint_vm::Vm;
use imprint_vm::extract::ImageIndex;
use imprint_vm::install::{ClassShape, MethodDictionary, source_pointer_in};
use imprint_wire::live::{Outline, Push};

use crate::outside::SourceBook;
use crate::pushing::{given_by, outline_of_image};

/// What an image defines, without the texts of its methods.
pub struct ImageSources {
    /// All classes with their methods, by package.
    pub set: PackageSet,
    /// The globals that are no classes.
    pub globals: Vec<Name>,
}

impl ImageSources {
    /// Looks at all classes of a machine.
    pub fn of(vm: &Vm) -> ImageSources {
        let reader = Reader {
            heap: &vm.heap,
            index: &ImageIndex::scan(&vm.heap),
        };
        let names = reader.index.names();
        let globals = names.globals_by_name().into_iter();
        let is_class = |name: &Name| names.class_object(&vm.heap, name).is_some();
        ImageSources {
            set: reader.packages(),
            globals: globals
                .map(|(name, _)| name)
                .filter(|name| !is_class(name))
                .collect(),
        }
    }
}

/// The text of a method of a machine, and its stamp; `None` where the image keeps none.
pub fn text_of(vm: &Vm, book: &SourceBook, owned: &OwnedMethod) -> Option<(String, String)> {
    let behavior = owned.behavior();
    let selector = &owned.method.selector;
    let class = vm.names.behavior(&vm.heap, &behavior)?;
    let symbol = vm.heap.symbol(selector)?;
    let dictionary = MethodDictionary(vm.heap.slot(class, behavior::METHOD_DICTIONARY));
    let method = dictionary.at(&vm.heap, symbol)?;
    let pointer = source_pointer_in(&vm.heap, &vm.names, method);
    let text = book.text(&behavior, selector, pointer)?;
    let stamp = book.stamp(&behavior, selector, pointer);
    Some((text, stamp.unwrap_or_default()))
}

struct Reader<'a> {
    heap: &'a Heap,
    index: &'a ImageIndex,
}

impl Reader<'_> {
    fn packages(&self) -> PackageSet {
        let names = self.index.names();
        let mut packages: BTreeMap<String, PackageDefinition> = BTreeMap::new();
        let mut classes: Vec<&Name> = names.class_names().collect();
        classes.sort();
        for name in classes {
            let entry = names.class(name).and_then(|entry| entry.shape.as_ref());
            let object = names.class_object(self.heap, name);
            let (Some(shape), Some(object)) = (entry, object) else {
                continue;
            };
            let mut definition = self.class(name, shape, object);
            let own = definition.package.clone();
            for (package, method) in self.methods(name, &own) {
                match package == own {
                    true => definition.methods.push(method),
                    false => package_in(&mut packages, package).extensions.push(method),
                }
            }
            package_in(&mut packages, own).classes.push(definition);
        }
        PackageSet {
            packages: packages.into_values().collect(),
            ..PackageSet::default()
        }
    }

    fn class(&self, name: &Name, shape: &ClassShape, object: Oop) -> ClassDefinition {
        let names = self.index.names();
        let (package, tag) = self.index.package_of(self.heap, object);
        let texts =
            |names: &[Name]| -> Vec<String> { names.iter().map(ToString::to_string).collect() };
        let comment = self.heap.slot(object, class::COMMENT_SOURCE_POINTER);
        let own = names.class_variables_of(name).into_iter();
        ClassDefinition {
            name: name.to_string(),
            superclass: shape.superclass.as_ref().map(ToString::to_string),
            kind: kind_of_spec(shape.spec),
            instance_variables: texts(&shape.instance_variables),
            class_variables: own.map(|(variable, _)| variable.to_string()).collect(),
            pools: texts(&names.pools_of(self.heap, object)),
            class_instance_variables: texts(
                shape.class_variables_of_meta.as_deref().unwrap_or_default(),
            ),
            package: package.to_string(),
            tag: tag.to_string(),
            comment: self.heap.string_text(comment).unwrap_or_default(),
            ..ClassDefinition::default()
        }
    }

    /// The methods of both sides of a class, each with the package that it belongs to.
    fn methods(&self, name: &Name, own: &str) -> Vec<(String, MethodDefinition)> {
        let mut methods = Vec::new();
        for meta in [false, true] {
            let behavior = BehaviorName {
                class: name.clone(),
                meta,
            };
            let Some(object) = self.index.names().behavior(self.heap, &behavior) else {
                continue;
            };
            let dictionary = self.heap.slot(object, behavior::METHOD_DICTIONARY);
            let mut entries = MethodDictionary(dictionary).entries(self.heap);
            entries.retain(|(_, value)| value.is_object() && self.heap.format(*value).is_code());
            let method = |(selector, method): (Oop, Oop)| {
                let protocol = self.index.protocol(method);
                let (package, protocol) = match protocol.strip_prefix('*') {
                    Some(package) => (package, ""),
                    None => (own, &*protocol),
                };
                let definition = MethodDefinition {
                    class_name: name.to_string(),
                    is_meta: meta,
                    selector: self.heap.string_text(selector)?,
                    protocol: protocol.to_string(),
                    ..MethodDefinition::default()
                };
                Some((package.to_string(), definition))
            };
            methods.extend(entries.into_iter().filter_map(method));
        }
        methods.sort_by(|(_, a), (_, b)| (a.is_meta, &a.selector).cmp(&(b.is_meta, &b.selector)));
        methods
    }
}

fn package_in(
    packages: &mut BTreeMap<String, PackageDefinition>,
    name: String,
) -> &mut PackageDefinition {
    let package = || PackageDefinition {
        name: name.clone(),
        ..PackageDefinition::default()
    };
    packages.entry(name.clone()).or_insert_with(package)
}

/// Gives away what an image with texts has.
pub struct FullImageGiver {
    /// The texts.
    pub book: Rc<RefCell<SourceBook>>,
}

impl Giver for FullImageGiver {
    fn take(&self, vm: &Vm, names: &[String], definitions: &[String]) -> Result<Push, String> {
        let given = given_by(vm, &self.book.borrow(), names, definitions);
        given.map_err(|error| sentence_of(&error))
    }

    fn outline(&self, vm: &Vm) -> Result<Outline, String> {
        Ok(outline_of_image(vm))
    }
}
