//! What a user calls an object that is not there: the variable or the method that leads to it.
//!
//! ```text
//!   a global            Foo                the ghost is its value, or is reached from it
//!   a class variable    Foo>>Var           the same
//!   a class's own one   Foo class>>var     the same; `Foo class>>*` where nobody knows its name
//!   a method            Foo>>bar           one of its literals, or reached from one
//! ```
//!
//! Each name is a keep pattern that brings the object back. The walk goes breadth first from all of
//! these at once and enters none of them from another; the nearest names a ghost, and among equally
//! near ones the first of the list.

use std::collections::VecDeque;

use imprint_heap::Heap;
use imprint_isa::{BehaviorName, Name, Ref};
use imprint_model::layout::{association, behavior};
use imprint_model::{Format, Ghost, Known, Oop};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::install::{MethodDictionary, Names, class_name};

/// The names of all ghosts of a heap that variables or methods lead to.
#[derive(Debug, Default)]
pub struct Whereabouts {
    /// Name of a ghost, by its id.
    names: FxHashMap<u64, Name>,
}

impl Whereabouts {
    /// Looks through a heap; `names` are its own.
    pub fn of(heap: &Heap, names: &Names) -> Whereabouts {
        let mut walk = Walk {
            heap,
            seen: FxHashSet::default(),
            waiting: VecDeque::new(),
            found: Whereabouts::default(),
        };
        walk.close_doors(names);
        walk.enter_bindings(names);
        walk.enter_behaviors(names);
        while let Some((oop, name)) = walk.waiting.pop_front() {
            for slot in 0..heap.pointer_slot_count(oop) {
                walk.meet(heap.slot(oop, slot), &name);
            }
        }
        walk.found
    }

    /// The name of an object that is not there; `None` where nothing with a name leads to it.
    pub fn name(&self, ghost: Ghost) -> Option<&str> {
        self.names.get(&ghost.id).map(|name| &**name)
    }
}

/// The name that a binding gives to what it holds.
fn name_of_reference(reference: &Ref) -> Option<Name> {
    match reference {
        Ref::Global(name) | Ref::Undeclared(name) => Some(name.clone()),
        Ref::ClassVariable { class, name } => Some(name_of_variable(class, name)),
        _ => None,
    }
}

fn name_of_variable(class: &str, name: &str) -> Name {
    format!("{class}>>{name}").into()
}

/// The same of a binding that names do not know, since its class is not there: globals are known by
/// the class that the scheduler's binding has, class variables by the class that they name.
fn name_of_stray(heap: &Heap, oop: Oop) -> Option<Name> {
    if heap.format(oop) != Format::FIXED || heap.slot_count(oop) <= association::VALUE {
        return None;
    }
    let key = heap.slot(oop, association::KEY);
    let is_keyed = key.is_object() && heap.is_symbol(key);
    let key = is_keyed.then(|| heap.string_text(key)).flatten()?;
    let global = heap.class_index_of(heap.known(Known::SchedulerBinding));
    if heap.class_index_of(oop) == global {
        return Some(key.into());
    }
    let is_owned = heap.slot_count(oop) > association::OWNING_CLASS;
    let owner = is_owned.then(|| heap.slot(oop, association::OWNING_CLASS));
    let owner = owner.filter(|owner| owner.is_object() && is_of_table(heap, *owner))?;
    Some(name_of_variable(&class_name(heap, owner)?, &key))
}

/// Whether the class table has an object.
fn is_of_table(heap: &Heap, oop: Oop) -> bool {
    heap.class_at(heap.header(oop).hash()) == Some(oop)
}

struct Walk<'a> {
    heap: &'a Heap,
    seen: FxHashSet<Oop>,
    waiting: VecDeque<(Oop, Name)>,
    found: Whereabouts,
}

impl Walk<'_> {
    /// What no path goes through: all that has a name itself, and the machine's own registers.
    fn close_doors(&mut self, names: &Names) {
        let bindings = names.all_bindings().into_iter().map(|(_, oop)| oop);
        self.seen.extend(bindings);
        self.seen
            .extend(self.heap.classes().map(|(_, class)| class));
        let registers = [
            self.heap.special_objects(),
            self.heap.known(Known::Smalltalk),
        ];
        self.seen.extend(registers);
    }

    /// The values of globals, then of class variables, by name: so the walk is the same each time.
    fn enter_bindings(&mut self, names: &Names) {
        let heap = self.heap;
        let known = names.all_bindings().into_iter();
        let mut named: Vec<(Name, Oop)> = known
            .filter_map(|(reference, oop)| Some((name_of_reference(&reference)?, oop)))
            .collect();
        heap.for_each_object(|oop| {
            if !self.seen.contains(&oop) {
                named.extend(name_of_stray(heap, oop).map(|name| (name, oop)));
            }
        });
        self.seen.extend(named.iter().map(|(_, oop)| *oop));
        named.sort_by_key(|(name, oop)| (name.contains(">>"), name.clone(), *oop));
        for (name, binding) in named {
            self.meet(heap.slot(binding, association::VALUE), &name);
        }
    }

    /// The own variables of classes, and the literals of methods.
    fn enter_behaviors(&mut self, names: &Names) {
        let heap = self.heap;
        let known = |(index, oop): (u32, Oop)| Some((names.behavior_at(index)?.clone(), oop));
        let mut behaviors: Vec<(BehaviorName, Oop)> = heap.classes().filter_map(known).collect();
        behaviors.sort();
        for (class, object) in &behaviors {
            if !class.meta {
                self.enter_own_variables(names, class, *object);
            }
        }
        for (class, object) in &behaviors {
            self.enter_methods(class, *object);
        }
    }

    /// The own variables of a class. A slim image knows their names where something asked for them;
    /// else all of them are meant.
    fn enter_own_variables(&mut self, names: &Names, class: &BehaviorName, object: Oop) {
        let known = names.class_side_slots(&class.class);
        let slots = names.family.class_slots_min..self.heap.pointer_slot_count(object);
        for slot in slots {
            let variable = known.iter().find(|(at, _)| *at == slot);
            let variable = variable.map_or("*", |(_, variable)| variable);
            let name = format!("{class} class>>{variable}").into();
            self.meet(self.heap.slot(object, slot), &name);
        }
    }

    fn enter_methods(&mut self, class: &BehaviorName, object: Oop) {
        let heap = self.heap;
        let dictionary = heap.slot(object, behavior::METHOD_DICTIONARY);
        if !dictionary.is_object() || dictionary == heap.nil() {
            return;
        }
        self.seen.insert(dictionary);
        for (selector, method) in MethodDictionary(dictionary).entries(heap) {
            let is_code = method.is_object() && heap.format(method).is_code();
            if let Some(text) = heap.string_text(selector).filter(|_| is_code) {
                self.meet(method, &format!("{class}>>{text}").into());
            }
        }
    }

    /// Names a ghost, or has an object looked through later.
    fn meet(&mut self, value: Oop, name: &Name) {
        if let Some(ghost) = value.as_ghost() {
            self.found
                .names
                .entry(ghost.id)
                .or_insert_with(|| name.clone());
        } else if value.is_object() {
            let object = self.heap.follow(value);
            if self.heap.pointer_slot_count(object) > 0 && self.seen.insert(object) {
                self.waiting.push_back((object, name.clone()));
            }
        }
    }
}
