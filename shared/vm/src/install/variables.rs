//! Instance variables of objects by name, and what classes say with them.

use imprint_heap::Heap;
use imprint_isa::{BehaviorName, Name};
use imprint_model::Oop;
use imprint_model::layout::class;

use super::Names;

impl Names {
    /// The 0-based slot of an instance variable.
    pub fn variable_slot(&self, class: &str, variable: &str) -> Option<usize> {
        let all = self.all_instance_variables(&BehaviorName::class(class))?;
        all.iter().position(|name| &**name == variable)
    }

    /// The object in an instance variable of an object of a class that has it.
    pub fn variable(&self, heap: &Heap, oop: Oop, variable: &str) -> Option<Oop> {
        if !oop.is_object() {
            return None;
        }
        let behavior = self.behavior_at(heap.class_index_of(oop))?;
        let slot = self.variable_slot(&behavior.class, variable)?;
        (slot < heap.pointer_slot_count(oop)).then(|| heap.follow(heap.slot(oop, slot)))
    }

    /// The instance variables of a class itself, beyond those that every class has, with their slots.
    pub fn class_side_slots(&self, class: &str) -> Vec<(usize, Name)> {
        let all = self.all_instance_variables(&BehaviorName::meta(class));
        let of_every = self.all_instance_variables(&BehaviorName::class("Class"));
        let (all, of_every) = (all.unwrap_or_default(), of_every.unwrap_or_default());
        let slots = all.into_iter().enumerate();
        slots.skip(of_every.len()).collect()
    }

    /// The package and tag that a class says it belongs to; empty where it says none.
    pub fn package_of(&self, heap: &Heap, class_object: Oop) -> (Name, Name) {
        let text = |oop: Option<Oop>| {
            oop.and_then(|oop| heap.string_text(oop))
                .map_or(Name::from(""), Name::from)
        };
        let tag = self.family.package_tag;
        let tag = tag.map_or(heap.nil(), |slot| heap.slot(class_object, slot));
        let package = self.variable(heap, tag, "package");
        let package_name = package.and_then(|package| self.variable(heap, package, "name"));
        (text(package_name), text(self.variable(heap, tag, "name")))
    }

    /// The names of the shared pools that a class says it uses.
    pub fn pools_of(&self, heap: &Heap, class_object: Oop) -> Vec<Name> {
        let pools = heap.slot(class_object, class::SHARED_POOLS);
        if !pools.is_object() || pools == heap.nil() {
            return Vec::new();
        }
        let slots = 0..heap.pointer_slot_count(pools);
        slots
            .filter_map(|slot| super::class_name(heap, heap.slot(pools, slot)))
            .collect()
    }

    /// Forgets the classes that left the image: those whose object has another name now. Their bindings
    /// are no roots any more.
    pub fn forget_renamed(&mut self, heap: &Heap) {
        let is_gone = |name: &Name| {
            let class = self.class_object(heap, name);
            class.is_some_and(|oop| super::class_name(heap, oop).as_ref() != Some(name))
        };
        let gone: Vec<Name> = self
            .class_names()
            .filter(|name| is_gone(name))
            .cloned()
            .collect();
        for name in gone {
            self.forget_all_of(&name);
        }
    }
}
