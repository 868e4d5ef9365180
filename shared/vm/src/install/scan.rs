//! Rebuilds the register of names from a heap that was loaded from an image file.

use imprint_heap::Heap;
use imprint_isa::Name;
use imprint_model::family::{PHARO, PHARO_BEFORE_TAGS, SQUEAK, SQUEAK_2};
use imprint_model::layout::{association, behavior, class};
use imprint_model::{ClassIndex, Family, InstanceSpec, Known, Oop, VariablesAt};
use rustc_hash::{FxHashMap, FxHashSet};

use super::names::{ClassShape, Names};
use crate::stand_in::PLACEHOLDER_CLASS;

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

    /// As [`Names::scan`], for whoever knows all instances of the binding classes already.
    pub fn scan_knowing(heap: &Heap, bindings: &[Oop]) -> Names {
        let mut names = Names::of_classes(heap, &[]);
        names.scan_bindings(heap, bindings);
        names
    }

    /// The names of everything in a heap where some classes may not have come: `declared` are name,
    /// index and metaclass index of classes that its objects may be instances of.
    pub fn scan_declared(heap: &Heap, declared: &[(Name, u32, u32)]) -> Names {
        let mut names = Names::of_classes(heap, declared);
        let bindings = names.known_bindings(heap);
        names.scan_bindings(heap, &bindings);
        names
    }

    fn of_classes(heap: &Heap, declared: &[(Name, u32, u32)]) -> Names {
        let family = family_of(heap);
        let mut names = Names::default();
        names.family = family;
        for (name, index, meta_index) in declared {
            names.declare(name, *index, *meta_index);
        }
        let classes: Vec<(u32, Oop)> = heap
            .classes()
            .filter(|(_, oop)| is_class(heap, family, *oop))
            .collect();
        let name_of = |(_, oop): &(u32, Oop)| Some((*oop, class_name(heap, *oop)?));
        let by_oop: FxHashMap<Oop, Name> = classes.iter().filter_map(name_of).collect();
        names.make_room(by_oop.len());
        for (index, oop) in &classes {
            let Some(name) = by_oop.get(oop) else {
                continue;
            };
            let meta_index = heap.class_index_of(*oop);
            let shape = shape(heap, family, *oop, |oop| {
                let known = by_oop.get(&oop).cloned();
                known.or_else(|| class_name(heap, oop))
            });
            let index = heap.header(*oop).hash().max(u32::from(*index == 0));
            names.declare(name, index, meta_index).shape = shape;
        }
        names
    }

    /// The instances of the classes of bindings, found in one walk.
    fn known_bindings(&self, heap: &Heap) -> Vec<Oop> {
        let indices = association::CLASSES.map(|name| self.class_index(name));
        let mut found = Vec::new();
        heap.for_each_object(|oop| {
            if indices.contains(&Some(heap.class_index_of(oop))) {
                found.push(oop);
            }
        });
        found
    }

    /// Takes in the globals that the register does not know yet.
    pub(super) fn note_globals(&mut self, heap: &Heap) {
        let all = self.known_bindings(heap);
        for (binding, name) in self.bindings_of(heap, association::GLOBAL, &all) {
            if self.global(&name).is_none() {
                self.bind_global(name, binding);
            }
        }
    }

    /// Takes in the globals that programs made since the register was, as far as the image lists them.
    pub fn note_listed_globals(&mut self, heap: &Heap) {
        for (name, binding) in globals_of(heap) {
            if self.global(&name).is_none() {
                self.bind_global(name, binding);
            }
        }
    }

    fn scan_bindings(&mut self, heap: &Heap, all: &[Oop]) {
        for (binding, key) in self.bindings_of(heap, association::GLOBAL, all) {
            self.bind_global(key, binding);
        }
        for (binding, key) in self.bindings_of(heap, association::UNDECLARED, all) {
            self.undeclared.insert(key, binding);
        }
        for (binding, key) in self.bindings_of(heap, association::CLASS_VARIABLE, all) {
            let has_owner = heap.pointer_slot_count(binding) > association::OWNING_CLASS;
            let owner = has_owner.then(|| heap.slot(binding, association::OWNING_CLASS));
            if let Some(owner) = owner.and_then(|owner| class_name(heap, owner)) {
                self.bind_class_variable(owner, key, binding);
            }
        }
        self.scan_meta_bindings(heap, all);
        if self.globals.is_empty() {
            for (key, binding) in globals_of(heap) {
                self.bind_global(key, binding);
            }
        }
        if self.class_variables.is_empty() {
            self.scan_class_pools(heap);
        }
    }

    /// Where the bindings of class variables do not name their class, the pools of the classes do.
    fn scan_class_pools(&mut self, heap: &Heap) {
        let classes: Vec<(Name, Oop)> = (self.class_names())
            .filter_map(|name| Some((name.clone(), self.class_object(heap, name)?)))
            .collect();
        for (owner, class) in classes {
            for (key, binding) in bindings_in(heap, heap.slot(class, class::CLASS_POOL)) {
                self.bind_class_variable(owner.clone(), key, binding);
            }
        }
    }

    fn scan_meta_bindings(&mut self, heap: &Heap, all: &[Oop]) {
        let Some(index) = self.class_index(association::LITERAL) else {
            return;
        };
        for binding in instances_among(heap, all, index) {
            let value = heap.slot(binding, association::VALUE);
            let is_meta = heap.slot(binding, association::KEY) == heap.nil()
                && is_metaclass(heap, self.family, value);
            let this_class = is_meta.then(|| heap.slot(value, self.family.this_class));
            if let Some(name) = this_class.and_then(|oop| class_name(heap, oop)) {
                self.meta_bindings.insert(name, binding);
            }
        }
    }

    fn bindings_of(&self, heap: &Heap, class: &str, all: &[Oop]) -> Vec<(Oop, Name)> {
        let Some(index) = self.class_index(class) else {
            return Vec::new();
        };
        let keyed = |binding: Oop| {
            let key = heap.string_text(heap.slot(binding, association::KEY))?;
            Some((binding, Name::from(key)))
        };
        instances_among(heap, all, index)
            .filter_map(keyed)
            .collect()
    }
}

fn instances_among(heap: &Heap, all: &[Oop], index: u32) -> impl Iterator<Item = Oop> {
    let is_instance = move |oop: &Oop| heap.class_index_of(*oop) == index;
    all.iter().copied().filter(is_instance)
}

/// How the classes of a heap look: told by class Array, which every image has.
pub fn family_of(heap: &Heap) -> Family {
    let Some(array) = heap.class_at(ClassIndex::ARRAY) else {
        return PHARO;
    };
    let meta = heap.class_of(array);
    let is_only = |slot: usize| {
        meta.is_object() && heap.pointer_slot_count(meta) > slot && heap.slot(meta, slot) == array
    };
    let count = heap.pointer_slot_count(array);
    if !is_only(SQUEAK.this_class) && is_only(SQUEAK_2.this_class) {
        return SQUEAK_2;
    }
    let described = (count > behavior::LAYOUT).then(|| heap.slot(array, behavior::LAYOUT));
    let has_names = described.is_some_and(|oop| is_list_of_names(heap, oop));
    match (has_names, count) {
        (true, _) => SQUEAK,
        (false, ..12) => PHARO_BEFORE_TAGS,
        (false, _) => PHARO,
    }
}

/// Whether an object is what Squeak's classes name their variables with: nil, or an Array.
fn is_list_of_names(heap: &Heap, oop: Oop) -> bool {
    oop == heap.nil() || oop.is_object() && heap.class_index_of(oop) == ClassIndex::ARRAY
}

/// Objects looked at, at most, on the way from `Smalltalk` to the dictionary of globals.
const GLOBALS_SEARCH_MAX: usize = 4096;

/// The bindings of the globals: those of the first dictionary, from the object `Smalltalk` on, that
/// binds the name Object.
fn globals_of(heap: &Heap) -> Vec<(Name, Oop)> {
    let mut waiting = std::collections::VecDeque::from([heap.known(Known::Smalltalk)]);
    let mut seen = FxHashSet::default();
    while let Some(oop) = waiting.pop_front() {
        let is_new = oop.is_object() && oop != heap.nil() && seen.insert(oop);
        if !is_new || seen.len() > GLOBALS_SEARCH_MAX || !heap.format(oop).is_pointers() {
            continue;
        }
        let found = bindings_in(heap, oop);
        if found.iter().any(|(key, _)| &**key == "Object") {
            return found;
        }
        waiting.extend((0..heap.pointer_slot_count(oop).min(64)).map(|slot| heap.slot(oop, slot)));
    }
    Vec::new()
}

/// The associations in a dictionary whose keys are symbols; none of anything else.
pub(super) fn bindings_in(heap: &Heap, dictionary: Oop) -> Vec<(Name, Oop)> {
    let is_pointers =
        |oop: Oop| oop.is_object() && oop != heap.nil() && heap.format(oop).is_pointers();
    if !is_pointers(dictionary) || heap.pointer_slot_count(dictionary) < 2 {
        return Vec::new();
    }
    let array = heap.slot(dictionary, 1);
    if !is_pointers(array) {
        return Vec::new();
    }
    let binding = |slot: usize| {
        let oop = heap.slot(array, slot);
        let is_pair = is_pointers(oop) && heap.pointer_slot_count(oop) > association::VALUE;
        let key = is_pair.then(|| heap.slot(oop, association::KEY))?;
        let text = heap.is_symbol(key).then(|| heap.string_text(key)).flatten();
        text.map(|text| (Name::from(text), oop))
    };
    (0..heap.pointer_slot_count(array))
        .filter_map(binding)
        .collect()
}

/// Whether an object in the class table is a class, and no metaclass.
pub fn is_class(heap: &Heap, family: Family, oop: Oop) -> bool {
    oop.is_object()
        && heap.pointer_slot_count(oop) >= family.class_slots_min
        && class_name(heap, oop).is_some()
}

/// Whether an object is a metaclass whose class is here.
pub fn is_metaclass(heap: &Heap, family: Family, oop: Oop) -> bool {
    let is_sized = oop.is_object() && heap.pointer_slot_count(oop) > family.this_class;
    is_sized && {
        let only = heap.slot(oop, family.this_class);
        is_class(heap, family, only) && heap.class_of(only) == oop
    }
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
pub(super) fn shape(
    heap: &Heap,
    family: Family,
    oop: Oop,
    name_of: impl Fn(Oop) -> Option<Name>,
) -> Option<ClassShape> {
    let spec =
        InstanceSpec::from_small_integer(heap.slot(oop, behavior::FORMAT).as_small_integer()?)?;
    let meta = heap.class_at(heap.class_index_of(oop));
    Some(ClassShape {
        superclass: name_of(heap.slot(oop, behavior::SUPERCLASS)),
        spec,
        instance_variables: own_variables(heap, family, oop)?,
        class_variables_of_meta: meta.and_then(|meta| own_variables(heap, family, meta)),
        class_variables: Vec::new(),
        pools: Vec::new(),
    })
}

/// The names of a behaviour's own instance variables.
pub fn own_variables(heap: &Heap, family: Family, oop: Oop) -> Option<Vec<Name>> {
    match family.variables {
        VariablesAt::Layout => variables_of_layout(heap, oop),
        VariablesAt::Names(slot) => listed_variables(heap, heap.slot(oop, slot)),
    }
}

/// Names in an Array of Strings; none for nil.
fn listed_variables(heap: &Heap, list: Oop) -> Option<Vec<Name>> {
    if !list.is_object() || list == heap.nil() {
        return Some(Vec::new());
    }
    let slots = 0..heap.pointer_slot_count(list);
    slots
        .map(|slot| heap.string_text(heap.slot(list, slot)).map(Name::from))
        .collect()
}

fn variables_of_layout(heap: &Heap, oop: Oop) -> Option<Vec<Name>> {
    let layout = heap.slot(oop, behavior::LAYOUT);
    if !layout.is_object() || layout == heap.nil() || is_placeholder(heap, layout) {
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

/// Whether an object only stands for one that was pruned.
fn is_placeholder(heap: &Heap, oop: Oop) -> bool {
    let class = heap.class_at(heap.class_index_of(oop));
    let name = class.and_then(|class| class_name(heap, class));
    name.as_deref() == Some(PLACEHOLDER_CLASS)
}

fn slot_name(heap: &Heap, slot: Oop) -> Option<Name> {
    if !slot.is_object() || heap.pointer_slot_count(slot) == 0 {
        return None;
    }
    heap.string_text(heap.slot(slot, layout_slots::NAME))
        .map(Name::from)
}

#[cfg(test)]
mod tests {
    use imprint_heap::HeapSettings;
    use imprint_model::known::KNOWN_COUNT;
    use imprint_model::layout::class;
    use imprint_model::{Format, Oop};

    use super::*;

    const META: u32 = 1100;

    /// A heap whose class Array has `slots` slots, and a metaclass that names it in `this_class`.
    fn heap_with(slots: usize, this_class: usize) -> (Heap, Oop) {
        let mut heap = Heap::new(HeapSettings::default()).expect("address space is there");
        let nil = heap.allocate_old(1024, Format::EMPTY, 0).expect("it fits");
        heap.set_singletons(nil, nil, nil);
        let known = heap
            .allocate_old(ClassIndex::ARRAY, Format::ARRAY, KNOWN_COUNT)
            .expect("it fits");
        heap.set_special_objects(known);
        let array = heap
            .allocate_old(META, Format::FIXED, slots)
            .expect("it fits");
        heap.enter_class(array, Some(ClassIndex::ARRAY));
        let meta = heap.allocate_old(1101, Format::FIXED, 8).expect("it fits");
        heap.store(meta, this_class, array);
        heap.enter_class(meta, Some(META));
        heap.set_symbol_classes(1029, 1030);
        let name = heap.intern("Array").expect("it fits");
        heap.store(array, class::NAME, name);
        (heap, array)
    }

    fn names_array(heap: &mut Heap, texts: &[&str]) -> Oop {
        let list = heap
            .allocate_old(ClassIndex::ARRAY, Format::ARRAY, texts.len())
            .expect("it fits");
        for (slot, text) in texts.iter().enumerate() {
            let name = heap.intern(text).expect("it fits");
            heap.store(list, slot, name);
        }
        list
    }

    #[test]
    fn a_family_is_told_by_its_class_array() {
        let (mut heap, array) = heap_with(12, PHARO.this_class);
        let layout = heap.allocate_old(1200, Format::FIXED, 2).expect("it fits");
        heap.store(array, behavior::LAYOUT, layout);
        assert_eq!(family_of(&heap), PHARO);
        let (mut heap, array) = heap_with(11, PHARO.this_class);
        let layout = heap.allocate_old(1200, Format::FIXED, 2).expect("it fits");
        heap.store(array, behavior::LAYOUT, layout);
        assert_eq!(family_of(&heap), PHARO_BEFORE_TAGS);
        let (heap, _) = heap_with(11, SQUEAK.this_class);
        assert_eq!(family_of(&heap), SQUEAK);
        let (heap, _) = heap_with(11, SQUEAK_2.this_class);
        assert_eq!(family_of(&heap), SQUEAK_2);
    }

    #[test]
    fn variables_and_globals_are_found_without_layouts_and_binding_classes() {
        let (mut heap, array) = heap_with(11, SQUEAK.this_class);
        let list = names_array(&mut heap, &["first", "second"]);
        heap.store(array, behavior::LAYOUT, list);
        let variables = own_variables(&heap, SQUEAK, array).expect("they are named");
        assert_eq!(variables, ["first".into(), "second".into()]);
        // Smalltalk -> environment -> dictionary -> Object
        let pair = heap.allocate_old(1201, Format::FIXED, 2).expect("it fits");
        let key = heap.intern("Object").expect("it fits");
        heap.store(pair, association::KEY, key);
        let elements = names_array(&mut heap, &["filler"]);
        heap.store(elements, 0, pair);
        let dictionary = heap.allocate_old(1202, Format::FIXED, 2).expect("it fits");
        heap.store(dictionary, 0, Oop::small(1));
        heap.store(dictionary, 1, elements);
        let environment = heap.allocate_old(1203, Format::FIXED, 3).expect("it fits");
        heap.store(environment, 2, dictionary);
        heap.set_known(Known::Smalltalk, environment);
        assert_eq!(globals_of(&heap), [("Object".into(), pair)]);
    }
}
