//! Rebuilds the register of names from a heap that was loaded from an image file.

use imprint_heap::Heap;
use imprint_isa::Name;
use imprint_model::layout::{association, behavior, class, metaclass};
use imprint_model::{InstanceSpec, Oop};

use super::names::{ClassShape, Names};

/// Slots of Pharo's layout objects, 0-based.
mod layout_slots {
    /// The scope of a layout with named fields.
    pub const SCOPE: usize = 1;
    /// The first slot of a class scope.
    pub const FIRST_SLOT: usize = 1;
    /// The name of a slot.
    pub const NAME: usize = 0;
}

impl Names {
    /// The names of everything in a heap.
    pub fn scan(heap: &Heap) -> Names {
        Names::scan_declared(heap, &[])
    }

    /// The names of everything in a heap where some classes may not have come: `declared` are name,
    /// index and metaclass index of classes that its objects may be instances of.
    pub fn scan_declared(heap: &Heap, declared: &[(Name, u32, u32)]) -> Names {
        let mut names = Names::default();
        for (name, index, meta_index) in declared {
            names.declare(name, *index, *meta_index);
        }
        let classes: Vec<(u32, Oop)> = heap
            .classes()
            .filter(|(_, oop)| is_class(heap, *oop))
            .collect();
        for (index, oop) in &classes {
            let Some(name) = class_name(heap, *oop) else {
                continue;
            };
            let meta_index = heap.class_index_of(*oop);
            let shape = shape(heap, *oop);
            let index = heap.header(*oop).hash().max(u32::from(*index == 0));
            names.declare(&name, index, meta_index).shape = shape;
        }
        names.scan_bindings(heap);
        names
    }

    fn scan_bindings(&mut self, heap: &Heap) {
        for (binding, key) in self.bindings_of(heap, "GlobalVariable") {
            self.bind_global(key, binding);
        }
        for (binding, key) in self.bindings_of(heap, "UndeclaredVariable") {
            self.undeclared.insert(key, binding);
        }
        for (binding, key) in self.bindings_of(heap, "ClassVariable") {
            let owner = heap.slot(binding, association::OWNING_CLASS);
            if let Some(owner) = class_name(heap, owner) {
                self.bind_class_variable(owner, key, binding);
            }
        }
        self.scan_meta_bindings(heap);
    }

    fn scan_meta_bindings(&mut self, heap: &Heap) {
        let Some(index) = self.class_index("LiteralVariable") else {
            return;
        };
        for binding in heap.instances_of(index) {
            let value = heap.slot(binding, association::VALUE);
            let is_meta =
                heap.slot(binding, association::KEY) == heap.nil() && is_metaclass(heap, value);
            let this_class = is_meta.then(|| heap.slot(value, metaclass::THIS_CLASS));
            if let Some(name) = this_class.and_then(|oop| class_name(heap, oop)) {
                self.meta_bindings.insert(name, binding);
            }
        }
    }

    fn bindings_of(&self, heap: &Heap, class: &str) -> Vec<(Oop, Name)> {
        let Some(index) = self.class_index(class) else {
            return Vec::new();
        };
        let keyed = |binding: Oop| {
            let key = heap.string_text(heap.slot(binding, association::KEY))?;
            Some((binding, Name::from(key)))
        };
        heap.instances_of(index)
            .into_iter()
            .filter_map(keyed)
            .collect()
    }
}

/// Whether an object in the class table is a class, and no metaclass.
pub fn is_class(heap: &Heap, oop: Oop) -> bool {
    oop.is_object()
        && heap.pointer_slot_count(oop) >= class::SIZE
        && class_name(heap, oop).is_some()
}

/// Whether an object is a metaclass whose class is here.
pub fn is_metaclass(heap: &Heap, oop: Oop) -> bool {
    let is_sized = oop.is_object() && heap.pointer_slot_count(oop) == metaclass::SIZE;
    is_sized && is_class(heap, heap.slot(oop, metaclass::THIS_CLASS))
}

/// The name of a class object.
pub fn class_name(heap: &Heap, oop: Oop) -> Option<Name> {
    if !oop.is_object() || heap.pointer_slot_count(oop) <= class::NAME {
        return None;
    }
    let name = heap.slot(oop, class::NAME);
    if name.is_object() && heap.is_symbol(name) {
        heap.string_text(name).map(Name::from)
    } else {
        None
    }
}

/// The shape of a class, from its layout; `None` where the layout is not here.
fn shape(heap: &Heap, oop: Oop) -> Option<ClassShape> {
    let spec =
        InstanceSpec::from_small_integer(heap.slot(oop, behavior::FORMAT).as_small_integer()?)?;
    let meta = heap.class_at(heap.class_index_of(oop));
    Some(ClassShape {
        superclass: class_name(heap, heap.slot(oop, behavior::SUPERCLASS)),
        spec,
        instance_variables: own_variables(heap, oop)?,
        class_variables_of_meta: meta.and_then(|meta| own_variables(heap, meta)),
        class_variables: Vec::new(),
        pools: Vec::new(),
    })
}

/// The names of a behaviour's own instance variables.
pub fn own_variables(heap: &Heap, oop: Oop) -> Option<Vec<Name>> {
    let layout = heap.slot(oop, behavior::LAYOUT);
    if !layout.is_object() || layout == heap.nil() {
        return None;
    }
    if heap.pointer_slot_count(layout) <= layout_slots::SCOPE {
        return Some(Vec::new());
    }
    let scope = heap.slot(layout, layout_slots::SCOPE);
    if !scope.is_object() || heap.pointer_slot_count(scope) < layout_slots::FIRST_SLOT {
        return Some(Vec::new());
    }
    let slots = layout_slots::FIRST_SLOT..heap.pointer_slot_count(scope);
    slots
        .map(|index| slot_name(heap, heap.slot(scope, index)))
        .collect()
}

fn slot_name(heap: &Heap, slot: Oop) -> Option<Name> {
    if !slot.is_object() || heap.pointer_slot_count(slot) == 0 {
        return None;
    }
    heap.string_text(heap.slot(slot, layout_slots::NAME))
        .map(Name::from)
}
