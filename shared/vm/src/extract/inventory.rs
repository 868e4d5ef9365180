//! The code of an image, class by class, in a form that says nothing of the image: what two images are
//! compared by.
//!
//! ```text
//!   class ── its draft, that of its class side, the methods of both, its variables, its global
//!              └── each apart from its numbers; identity = first 8 bytes of the outline's BLAKE3
//!   digest of the class = the same over the identities of its parts, in order
//!   a global that is no class: its binding alone
//! ```
//!
//! Parts stand in an order that depends on names alone, so two classes with one digest have the same
//! parts at the same places. Values of variables are data, of which each image has its own: where they
//! differ, the part differs.

use imprint_heap::Heap;
use imprint_isa::draft_bytes::numbers::{Numbers, split};
use imprint_isa::draft_bytes::{digest, short_identity};
use imprint_isa::{BehaviorName, Draft, Name, Placed, Ref};
use imprint_model::layout::behavior;
use imprint_model::{ClassIndex, Oop};

use super::{Extractor, Place};
use crate::install::MethodDictionary;

/// A class with its code, or a global that is none.
pub struct ClassParts {
    /// Its name.
    pub name: Name,
    /// The hash of its shape and that of its class side; 0 where not all of it is known.
    pub shape: u64,
    /// What tells it from other classes of the name.
    pub digest: u64,
    /// The indices of class and metaclass.
    pub indices: (u32, u32),
    /// Its parts.
    pub parts: Vec<Part>,
}

/// Something that travels by itself.
pub struct Part {
    /// The draft, without what only this image knows.
    pub outline: Draft,
    /// What only this image knows.
    pub numbers: Numbers,
    /// What tells the outline from others.
    pub identity: u64,
}

impl Part {
    /// The id by which this image finds it.
    pub fn id(&self) -> u64 {
        match self.outline {
            Draft::Meta(_) => self.numbers.meta_id,
            _ => self.numbers.id,
        }
    }

    fn of(placed: Placed<Draft>) -> Part {
        let (outline, numbers) = split(placed);
        let identity = short_identity(&outline);
        Part {
            outline,
            numbers,
            identity,
        }
    }
}

impl ClassParts {
    /// Whether it is a class, and no other global.
    pub fn is_class(&self) -> bool {
        self.indices != (0, 0)
    }
}

impl Extractor<'_> {
    /// All classes with their code, and behind them the other globals, each by name.
    pub fn inventory(&self) -> Vec<ClassParts> {
        let names = self.index().names();
        let mut classes: Vec<&Name> = names.class_names().collect();
        classes.sort();
        let classes = classes
            .into_iter()
            .filter_map(|name| self.class_parts(name));
        let is_class = |name: &Name| names.class_object(self.heap(), name).is_some();
        let globals = names.globals_by_name().into_iter();
        let others = globals.filter(|(name, _)| !is_class(name));
        let others = others.map(|(name, binding)| self.global_parts(name, binding));
        classes.chain(others).collect()
    }

    fn global_parts(&self, name: Name, binding: Oop) -> ClassParts {
        let reference = Ref::Global(name.clone());
        let part = Part::of(self.binding(binding, &reference).map(Draft::Object));
        ClassParts {
            name,
            shape: 0,
            digest: digest([part.identity]),
            indices: (0, 0),
            parts: vec![part],
        }
    }

    fn class_parts(&self, name: &Name) -> Option<ClassParts> {
        let names = self.index().names();
        let class = names.class_object(self.heap(), name)?;
        let mut drafts = vec![self.draft(class)];
        let sides = [
            BehaviorName::class(name.clone()),
            BehaviorName::meta(name.clone()),
        ];
        let behaviors = sides.iter().map(|side| names.behavior(self.heap(), side));
        let behaviors: Vec<Oop> = behaviors.flatten().collect();
        drafts.extend(behaviors.get(1).map(|meta| self.draft(*meta)));
        for behavior in behaviors {
            drafts.extend(self.methods(behavior).into_iter().map(|it| self.draft(it)));
        }
        let global = names.global(name).map(|it| (Ref::Global(name.clone()), it));
        let variables = names.class_variables_of(name).into_iter();
        let variables = variables.map(|(variable, oop)| {
            let class = name.clone();
            let reference = Ref::ClassVariable {
                class,
                name: variable,
            };
            (reference, oop)
        });
        for (reference, binding) in global.into_iter().chain(variables) {
            drafts.push(self.binding(binding, &reference).map(Draft::Object));
        }
        drafts.retain(is_portable);
        let parts: Vec<Part> = drafts.into_iter().map(Part::of).collect();
        let entry = names.class(name)?;
        Some(ClassParts {
            name: name.clone(),
            shape: self.shapes(&sides),
            digest: digest(parts.iter().map(|part| part.identity)),
            indices: (entry.index, entry.meta_index),
            parts,
        })
    }

    fn shapes(&self, sides: &[BehaviorName]) -> u64 {
        let names = self.index().names();
        digest(sides.iter().map(|side| names.shape_of(side).unwrap_or(0)))
    }

    /// The methods of a behaviour, by selector.
    fn methods(&self, oop: Oop) -> Vec<Oop> {
        let heap: &Heap = self.heap();
        let dictionary = heap.slot(oop, behavior::METHOD_DICTIONARY);
        if !dictionary.is_object() || dictionary == heap.nil() {
            return Vec::new();
        }
        let entries = MethodDictionary(dictionary).entries(heap).into_iter();
        let mut methods: Vec<(&Name, Oop)> = entries
            .filter_map(|(_, value)| match self.index().place(value) {
                Some(Place::Method(_, selector)) => Some((selector, value)),
                _ => None,
            })
            .collect();
        methods.sort();
        methods.into_iter().map(|(_, method)| method).collect()
    }
}

/// Whether a draft names all classes of what it holds: an index of the class table that images choose
/// means another class in another image.
fn is_portable(placed: &Placed<Draft>) -> bool {
    let is_chosen = |class: &Ref| matches!(class, Ref::SmallInteger(index) if *index >= i64::from(ClassIndex::FIRST_FREE));
    let mut locals = placed.draft.locals().iter();
    !locals.any(|local| is_chosen(&local.class))
}
