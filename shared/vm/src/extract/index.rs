//! What an object is to everybody: a class, a method, a binding, a known object. Built once for an
//! image that nobody changes.

use imprint_heap::Heap;
use imprint_isa::{BehaviorName, Name, Ref};
use imprint_model::layout::{association, behavior, scheduler};
use imprint_model::{Known, Oop};
use rustc_hash::FxHashMap;

use crate::install::{MethodDictionary, Names};

/// What an object is, where it has a name.
#[derive(Clone, PartialEq, Debug)]
pub enum Place {
    /// A class or metaclass.
    Behavior(BehaviorName),
    /// A method under its selector.
    Method(BehaviorName, Name),
    /// A binding: [`Ref::Global`], [`Ref::ClassVariable`], [`Ref::Undeclared`] or
    /// [`Ref::MetaBinding`].
    Binding(Ref),
    /// A known object that every virtual machine has its own of.
    Known(Known),
    /// The scheduler.
    Scheduler,
    /// Part of a virtual machine's own state, which no draft may hold.
    Machine,
}

/// The index of an image.
pub struct ImageIndex {
    names: Names,
    places: FxHashMap<Oop, Place>,
    /// (behaviour, selector) -> name of the protocol.
    protocols: FxHashMap<Oop, Name>,
    /// selector -> behaviours with their methods for it.
    implementors: FxHashMap<Name, Vec<(Oop, Oop)>>,
    /// Hashes of shapes, where all of them is known.
    shapes: FxHashMap<BehaviorName, u64>,
    /// One bit for each 8 bytes of old space, set where an object begins.
    starts: Vec<u64>,
}

impl ImageIndex {
    /// Looks at everything in a heap; `names` are its names, as a scan or a build found them. Only
    /// old objects have ids; after an image was read all are.
    pub fn new(heap: &Heap, names: Names) -> ImageIndex {
        let words = (heap.old_end() - heap.base()) as usize / 8;
        let mut index = ImageIndex {
            names,
            places: FxHashMap::default(),
            protocols: FxHashMap::default(),
            implementors: FxHashMap::default(),
            shapes: FxHashMap::default(),
            starts: vec![0; words.div_ceil(64)],
        };
        heap.for_each_object(|oop| index.note_start(heap, oop));
        index.note_known(heap);
        index.note_bindings();
        index.note_behaviors(heap);
        index
    }

    /// The index of an image that was read from a file.
    pub fn scan(heap: &Heap) -> ImageIndex {
        ImageIndex::new(heap, Names::scan(heap))
    }

    /// The names of everything.
    pub fn names(&self) -> &Names {
        &self.names
    }

    /// What an object is, where it has a name.
    pub fn place(&self, oop: Oop) -> Option<&Place> {
        self.places.get(&oop)
    }

    /// All objects that have a name, in no order.
    pub fn places(&self) -> impl Iterator<Item = (Oop, &Place)> {
        self.places.iter().map(|(oop, place)| (*oop, place))
    }

    /// Whether an object begins at this id.
    pub fn is_start(&self, id: u64) -> bool {
        let Ok(word) = usize::try_from(id) else {
            return false;
        };
        self.starts
            .get(word / 64)
            .is_some_and(|bits| bits >> (word % 64) & 1 != 0)
    }

    /// The protocol of a method; empty where none is known.
    pub fn protocol(&self, method: Oop) -> Name {
        let known = self.protocols.get(&method).cloned();
        known.unwrap_or_else(|| Name::from(""))
    }

    /// The hash of a behaviour's shape; 0 where not all of it is known.
    pub fn shape_of(&self, behavior: &BehaviorName) -> u64 {
        self.shapes.get(behavior).copied().unwrap_or(0)
    }

    /// The behaviours that implement a selector, each with its method.
    pub fn implementors(&self, selector: &str) -> &[(Oop, Oop)] {
        self.implementors.get(selector).map_or(&[], Vec::as_slice)
    }

    /// Whether instances of a class inherit from the class `ancestor`, or are its own.
    pub fn inherits(&self, class: &str, ancestor: &str) -> bool {
        let mut at = Some(Name::from(class));
        while let Some(name) = at {
            if &*name == ancestor {
                return true;
            }
            let shape = self
                .names
                .class(&name)
                .and_then(|entry| entry.shape.as_ref());
            at = shape.and_then(|shape| shape.superclass.clone());
        }
        false
    }

    /// The object in an instance variable of an object of a class that has it.
    pub fn variable(&self, heap: &Heap, oop: Oop, variable: &str) -> Option<Oop> {
        self.names.variable(heap, oop, variable)
    }

    /// The 0-based slot of an instance variable.
    pub fn variable_slot(&self, class: &str, variable: &str) -> Option<usize> {
        self.names.variable_slot(class, variable)
    }

    /// The package and tag that a class says it belongs to; empty where it says none.
    pub fn package_of(&self, heap: &Heap, class_object: Oop) -> (Name, Name) {
        self.names.package_of(heap, class_object)
    }

    fn note_start(&mut self, heap: &Heap, oop: Oop) {
        // Young objects have no ids, and may lie before the old ones.
        let Some(offset) = oop.bits().checked_sub(heap.base()) else {
            return;
        };
        let word = offset as usize / 8;
        if let Some(bits) = self.starts.get_mut(word / 64) {
            *bits |= 1 << (word % 64);
        }
    }

    fn note_known(&mut self, heap: &Heap) {
        let owns = |known: &Known| {
            matches!(
                known,
                Known::LowSpaceSemaphore
                    | Known::SpecialSelectors
                    | Known::TimerSemaphore
                    | Known::InterruptSemaphore
                    | Known::ExternalObjects
                    | Known::FinalizationSemaphore
                    | Known::PrimitiveErrors
            )
        };
        for known in Known::ALL.iter().copied().filter(owns) {
            self.places.insert(heap.known(known), Place::Known(known));
        }
        for known in [Known::Nil, Known::True, Known::False] {
            let oop = match known {
                Known::True => heap.true_object(),
                Known::False => heap.false_object(),
                _ => heap.nil(),
            };
            self.places.insert(oop, Place::Known(known));
        }
        if heap.special_objects().bits() != 0 {
            self.places.insert(heap.special_objects(), Place::Machine);
        }
        self.note_scheduler(heap);
    }

    fn note_scheduler(&mut self, heap: &Heap) {
        let binding = heap.known(Known::SchedulerBinding);
        if heap.pointer_slot_count(binding) <= association::VALUE {
            return;
        }
        let scheduler = heap.slot(binding, association::VALUE);
        if !scheduler.is_object() || heap.pointer_slot_count(scheduler) <= scheduler::ACTIVE_PROCESS
        {
            return;
        }
        self.places.insert(scheduler, Place::Scheduler);
        let lists = heap.slot(scheduler, scheduler::LISTS);
        if lists.is_object() && lists != heap.nil() {
            self.places.insert(lists, Place::Machine);
            for slot in 0..heap.pointer_slot_count(lists) {
                let list = heap.slot(lists, slot);
                self.places.entry(list).or_insert(Place::Machine);
            }
        }
    }

    fn note_bindings(&mut self) {
        for (reference, oop) in self.names.all_bindings() {
            self.places.insert(oop, Place::Binding(reference));
        }
    }

    fn note_behaviors(&mut self, heap: &Heap) {
        let known = |(index, oop): (u32, Oop)| Some((oop, self.names.behavior_at(index)?.clone()));
        let behaviors: Vec<(Oop, BehaviorName)> = heap.classes().filter_map(known).collect();
        for (oop, name) in behaviors {
            let protocols = self.protocols_of(heap, oop);
            self.note_methods(heap, oop, &name, &protocols);
            if let Some(shape) = self.names.shape_of(&name) {
                self.shapes.insert(name.clone(), shape);
            }
            self.places.insert(oop, Place::Behavior(name));
        }
    }

    fn note_methods(
        &mut self,
        heap: &Heap,
        oop: Oop,
        name: &BehaviorName,
        protocols: &FxHashMap<Oop, Name>,
    ) {
        let dictionary = heap.slot(oop, behavior::METHOD_DICTIONARY);
        if !dictionary.is_object() || dictionary == heap.nil() {
            return;
        }
        self.places.insert(dictionary, Place::Machine);
        for (selector, value) in MethodDictionary(dictionary).entries(heap) {
            let is_method = value.is_object() && heap.format(value).is_code();
            if let Some(text) = heap.string_text(selector).filter(|_| is_method) {
                let text = Name::from(text);
                let found = self.implementors.entry(text.clone()).or_default();
                found.push((oop, value));
                self.places.insert(value, Place::Method(name.clone(), text));
                if let Some(protocol) = protocols.get(&selector) {
                    self.protocols.insert(value, protocol.clone());
                }
            }
        }
    }

    /// The protocols of a behaviour's selectors.
    fn protocols_of(&self, heap: &Heap, oop: Oop) -> FxHashMap<Oop, Name> {
        let mut all = FxHashMap::default();
        let protocols = heap.slot(oop, behavior::PROTOCOLS);
        for protocol in elements(heap, protocols) {
            let name = self
                .variable(heap, protocol, "name")
                .and_then(|name| heap.string_text(name));
            let selectors = self.variable(heap, protocol, "methodSelectors");
            let (Some(name), Some(selectors)) = (name, selectors) else {
                continue;
            };
            let name = Name::from(name);
            for selector in elements(heap, selectors) {
                all.insert(selector, name.clone());
            }
        }
        all
    }
}

/// The slots of an array; none of anything else.
fn elements(heap: &Heap, oop: Oop) -> Vec<Oop> {
    if !oop.is_object() || oop == heap.nil() || !heap.format(oop).is_pointers() {
        return Vec::new();
    }
    (0..heap.pointer_slot_count(oop))
        .map(|slot| heap.slot(oop, slot))
        .collect()
}
