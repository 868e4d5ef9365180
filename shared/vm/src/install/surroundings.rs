//! What names mean in the classes of a running image, told to a compiler that is elsewhere.
//!
//! The register of names learns of a class when it is installed. A program makes classes of its own and
//! changes those that came, and so this looks at the classes themselves, as far as they are here.

use imprint_heap::Heap;
use imprint_isa::{BehaviorName, Name, Surroundings};
use imprint_model::Oop;
use imprint_model::layout::{behavior as behavior_slots, class};

use super::names::{ClassShape, Names};
use super::scan::{bindings_in, class_name, family_of, is_class, is_metaclass, shape};

/// More superclasses than any class has; beyond them the chain goes round.
const SUPERCLASSES_MAX: usize = 1000;

/// The class of a behaviour and its superclasses, itself first.
pub(crate) fn lineage(heap: &Heap, behavior: Oop) -> Vec<Oop> {
    let family = family_of(heap);
    let mut first = behavior;
    if is_metaclass(heap, family, behavior) {
        first = heap.slot(behavior, family.this_class);
    }
    let checked = |oop: Oop| is_class(heap, family, oop).then_some(oop);
    let superclass = |oop: &Oop| checked(heap.slot(*oop, behavior_slots::SUPERCLASS));
    std::iter::successors(checked(first), superclass)
        .take(SUPERCLASSES_MAX)
        .collect()
}

impl Names {
    /// Takes over how a class and its superclasses look by now, as far as they say so here: a class that
    /// only came, and was never looked at, is as it came. Globals that the program made are noted too.
    pub fn renew(&mut self, heap: &Heap, behavior: Oop) {
        for class_object in lineage(heap, behavior) {
            self.renew_one(heap, class_object);
        }
        self.note_globals(heap);
    }

    fn renew_one(&mut self, heap: &Heap, class_object: Oop) {
        let Some(name) = class_name(heap, class_object) else {
            return;
        };
        if let Some(new) = shape(heap, self.family, class_object, |oop| class_name(heap, oop)) {
            let (index, meta_index) = (
                heap.header(class_object).hash(),
                heap.class_index_of(class_object),
            );
            self.note_former_shape(&name, &new);
            let entry = self.declare(&name, index, meta_index);
            (entry.index, entry.meta_index) = (index, meta_index);
            let old = entry.shape.take();
            entry.shape = Some(ClassShape {
                class_variables_of_meta: new
                    .class_variables_of_meta
                    .or_else(|| old.as_ref()?.class_variables_of_meta.clone()),
                class_variables: old
                    .as_ref()
                    .map_or_else(Vec::new, |old| old.class_variables.clone()),
                pools: old.map_or_else(Vec::new, |old| old.pools),
                ..new
            });
        }
        for (key, binding) in bindings_in(heap, heap.slot(class_object, class::CLASS_POOL)) {
            self.bind_class_variable(name.clone(), key, binding);
        }
    }

    /// Where a class has changed, keeps in mind how it came: methods may still come that were compiled for
    /// it, and for its subclasses, as they were.
    fn note_former_shape(&mut self, name: &Name, new: &ClassShape) {
        let old = self.class(name).and_then(|entry| entry.shape.clone());
        let told = |shape: &ClassShape| (shape.spec, shape.instance_variables.clone());
        let is_changed =
            |old: &ClassShape| old.superclass != new.superclass || told(old) != told(new);
        if let Some(old) = old.filter(is_changed) {
            self.former.entry(name.clone()).or_insert(old);
        }
    }

    /// What names mean in a behaviour here, those that a source names among the globals.
    pub fn surroundings(&self, of: &BehaviorName, source: &str) -> Surroundings {
        let lineage = self.lineage(&of.class);
        let variables = |class: &Name| {
            let names = self.class_variables_of(class).into_iter();
            let class = class.clone();
            names.map(move |(name, _)| (class.clone(), name))
        };
        Surroundings {
            shape: self.shape_of(of).unwrap_or(0),
            instance_variables: self.all_instance_variables(of).unwrap_or_default(),
            class_variables: lineage.iter().flat_map(variables).collect(),
            globals: self.globals_in(source),
            lineage,
        }
    }

    fn lineage(&self, class: &Name) -> Vec<Name> {
        let superclass = |name: &Name| self.class(name)?.shape.as_ref()?.superclass.clone();
        let classes = std::iter::successors(Some(class.clone()), superclass);
        classes.take(SUPERCLASSES_MAX).collect()
    }

    /// Words of a source that are globals here, each once.
    fn globals_in(&self, source: &str) -> Vec<(Name, bool)> {
        let is_inner = |letter: char| letter.is_alphanumeric() || letter == '_';
        let mut words: Vec<&str> = source.split(|letter| !is_inner(letter)).collect();
        words.sort_unstable();
        words.dedup();
        let known = words.into_iter().filter(|word| self.global(word).is_some());
        known
            .map(|word| (Name::from(word), self.class(word).is_some()))
            .collect()
    }
}
