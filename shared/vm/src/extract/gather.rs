//! What a value becomes in a draft, and which objects travel along.

use std::collections::VecDeque;

use imprint_isa::bytecode::code_end;
use imprint_isa::{BehaviorName, Body, CodeBody, LocalObject, Name, Ref};
use imprint_model::family::PHARO;
use imprint_model::layout::{association, block_closure, closure, context, linked_list, process};
use imprint_model::{BytecodeSet, ClassIndex, Known, Oop};
use rustc_hash::FxHashMap;

use super::{Extractor, Place};
use crate::install::TRAILER_BYTES;

/// Raw objects up to this many bytes travel with their owner.
pub const TRAVEL_BYTES_MAX: usize = 256;

/// Objects nested deeper than this in literals are left behind as ghosts.
const DEPTH_MAX: usize = 100;

/// Classes whose instances, where literals hold them, are literals themselves.
const LITERAL_CLASSES: [&str; 5] = [
    "Array",
    "AdditionalMethodState",
    "Pragma",
    "ScaledDecimal",
    "Fraction",
];

/// For whom drafts are taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Manner {
    /// For a slave of this image: what has no name is a ghost.
    Pull,
    /// For anybody: no ids; what has no name travels along, classes and methods go by name.
    Portable,
}

/// How far objects travel with the one that holds them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Reach {
    /// From a field: small raw objects.
    Field,
    /// From the backbone of a collection: also associations.
    Backbone,
    /// From the literals of code: also literal objects and blocks, deeply.
    Literal,
}

/// The local objects of one draft, as they are found.
pub(super) struct Gather<'a> {
    extractor: Extractor<'a>,
    /// The method that the draft is, where it is one.
    pub own_method: Option<Oop>,
    /// The local objects.
    pub locals: Vec<LocalObject>,
    /// Their ids, parallel.
    pub ids: Vec<u64>,
    positions: FxHashMap<Oop, u32>,
    depth: usize,
    /// Objects that have a position and no body yet: what travels to anybody is a graph of any depth,
    /// and is walked without nesting.
    waiting: VecDeque<(u32, Oop)>,
}

impl<'a> Gather<'a> {
    pub fn new(extractor: Extractor<'a>) -> Gather<'a> {
        Gather {
            extractor,
            own_method: None,
            locals: Vec::new(),
            ids: Vec::new(),
            positions: FxHashMap::default(),
            depth: 0,
            waiting: VecDeque::new(),
        }
    }

    /// What a value becomes.
    pub fn value(&mut self, oop: Oop, reach: Reach) -> Ref {
        let heap = self.extractor.heap;
        let oop = self.extractor.traveller(heap.follow(oop));
        if !oop.is_object() {
            return immediate(oop);
        }
        if self.own_method == Some(oop) {
            return Ref::OwnMethod;
        }
        if let Some(position) = self.positions.get(&oop) {
            return Ref::Local(*position);
        }
        if let Some(reference) = self.named(oop, reach) {
            return reference;
        }
        if self.travels(oop, reach) {
            return match self.waits(reach) {
                true => self.add_waiting(oop),
                false => self.add(oop, reach),
            };
        }
        Ref::Master(self.extractor.ghost_of(oop))
    }

    /// The reference to an object that has a name, or of which every machine has its own. Bindings go
    /// by name from code alone: a dictionary of them is a view, and pulls those that are looked at.
    fn named(&self, oop: Oop, reach: Reach) -> Option<Ref> {
        let heap = self.extractor.heap;
        if heap.is_symbol(oop) {
            return heap.string_text(oop).map(Ref::symbol);
        }
        let is_portable = self.extractor.manner == Manner::Portable;
        match self.extractor.index.place(oop) {
            Some(Place::Known(known)) => Some(Ref::Known(*known)),
            Some(Place::Scheduler) => Some(Ref::Scheduler),
            Some(Place::Machine) => Some(Ref::NIL),
            Some(Place::Binding(reference)) if is_portable || reach == Reach::Literal => {
                Some(reference.clone())
            }
            Some(Place::Behavior(name)) if is_portable => Some(Ref::Class(name.clone())),
            Some(Place::Method(behavior, selector)) if is_portable => {
                Some(Ref::Method(behavior.clone(), selector.clone()))
            }
            None if heap.class_index_of(oop) == ClassIndex::CONTEXT => Some(Ref::NIL),
            None if reach == Reach::Literal && self.binds_metaclass(oop).is_some() => {
                self.binds_metaclass(oop).map(Ref::MetaBinding)
            }
            None if is_portable && oop == heap.known(Known::Smalltalk) => {
                Some(Ref::Known(Known::Smalltalk))
            }
            _ => None,
        }
    }

    /// The class whose metaclass is bound by a pair without a key: what methods of class sides end
    /// with. Each method may have a pair of its own.
    fn binds_metaclass(&self, oop: Oop) -> Option<Name> {
        let heap = self.extractor.heap;
        let is_pair = heap.format(oop).is_pointers()
            && heap.pointer_slot_count(oop) == association::VALUE + 1
            && heap.slot(oop, association::KEY) == heap.nil();
        let value = is_pair.then(|| heap.slot(oop, association::VALUE))?;
        match self.extractor.index.place(value) {
            Some(Place::Behavior(name)) if name.meta => Some(name.class.clone()),
            _ => None,
        }
    }

    fn travels(&self, oop: Oop, reach: Reach) -> bool {
        let heap = self.extractor.heap;
        if self.extractor.index.place(oop).is_some() {
            return false;
        }
        if self.extractor.manner == Manner::Portable {
            return true;
        }
        if self.depth > DEPTH_MAX {
            return false;
        }
        let format = heap.format(oop);
        if format.is_raw() && (heap.byte_count(oop) <= TRAVEL_BYTES_MAX || reach == Reach::Literal)
        {
            return true;
        }
        match reach {
            Reach::Field => false,
            Reach::Backbone => {
                self.extractor.is_a(oop, "LookupKey") || self.extractor.is_a(oop, "Association")
            }
            Reach::Literal => {
                format.is_code()
                    || self.is_one_of(oop, &LITERAL_CLASSES)
                    || self.is_one_of(oop, &closure::CONSTANT_CLASSES)
            }
        }
    }

    fn is_one_of(&self, oop: Oop, classes: &[&str]) -> bool {
        let name = self.extractor.class_of(oop);
        name.is_some_and(|name| !name.meta && classes.contains(&&*name.class))
    }

    /// Whether an object that travels gets its body later.
    fn waits(&self, reach: Reach) -> bool {
        let is_graph = reach == Reach::Field || self.depth > DEPTH_MAX;
        is_graph && self.extractor.manner == Manner::Portable
    }

    /// Makes an object a local one.
    pub fn add(&mut self, oop: Oop, reach: Reach) -> Ref {
        let position = self.add_empty(oop);
        self.depth += 1;
        let body = self.body(oop, reach);
        self.depth -= 1;
        self.locals[position as usize].body = body;
        Ref::Local(position)
    }

    fn add_waiting(&mut self, oop: Oop) -> Ref {
        let position = self.add_empty(oop);
        self.waiting.push_back((position, oop));
        Ref::Local(position)
    }

    /// Gathers the bodies that wait, until none does.
    pub fn finish(&mut self) {
        while let Some((position, oop)) = self.waiting.pop_front() {
            let body = self.body(oop, Reach::Field);
            self.locals[position as usize].body = body;
        }
    }

    /// The objects of the image that became local ones, in no order.
    pub fn travelling(&self) -> impl Iterator<Item = Oop> + '_ {
        self.positions.keys().copied()
    }

    /// Puts an array that holds one value, and no object of the image, before everything else.
    pub fn add_holder(&mut self, value: Oop) {
        debug_assert!(self.locals.is_empty(), "the holder is the first local");
        self.ids.push(0);
        self.locals.push(LocalObject {
            class: Ref::SmallInteger(i64::from(ClassIndex::ARRAY)),
            format: imprint_model::Format::ARRAY,
            hash: 0,
            read_only: false,
            body: Body::Bytes(Vec::new()),
        });
        let value = self.value(value, Reach::Field);
        self.locals[0].body = Body::Slots(vec![value]);
    }

    /// The class of a local object: by name where it has one, else by index.
    fn class_reference(&self, oop: Oop) -> Ref {
        match self.extractor.class_of(oop) {
            Some(behavior) => Ref::Class(behavior.clone()),
            None => Ref::SmallInteger(i64::from(self.extractor.heap.class_index_of(oop))),
        }
    }

    fn body(&mut self, oop: Oop, reach: Reach) -> Body {
        let heap = self.extractor.heap;
        let format = heap.format(oop);
        if format.is_code() {
            return Body::Code(self.code(oop, 0));
        }
        if format.is_raw() {
            return Body::Bytes(heap.bytes(oop).to_vec());
        }
        let inner = if reach == Reach::Backbone {
            Reach::Field
        } else {
            reach
        };
        let is_constant = self.is_one_of(oop, &closure::CONSTANT_CLASSES);
        let slots = (0..heap.pointer_slot_count(oop)).map(|slot| {
            if self.extractor.is_machine_slot(oop, slot) || self.extractor.stays(oop, slot) {
                return Ref::NIL;
            }
            // Nobody runs the code of a constant.
            if is_constant && slot == closure::COMPILED_BLOCK {
                return self.value(heap.slot(oop, slot), Reach::Field);
            }
            if slot == block_closure::OUTER_CONTEXT
                && heap.class_index_of(oop) == ClassIndex::BLOCK_CLOSURE
                && let Some(outer) = self.extractor.outer_of(oop)
            {
                return self.add_home(outer);
            }
            self.value(heap.slot(oop, slot), inner)
        });
        Body::Slots(slots.collect())
    }

    /// Header, literals and bytecodes of code, without its last `trailer` bytes.
    pub fn code(&mut self, code: Oop, trailer: usize) -> CodeBody {
        let heap = self.extractor.heap;
        let bytes = heap.code_bytes(code);
        let literals = (0..heap.literal_count(code))
            .map(|index| self.value(heap.literal(code, index), Reach::Literal));
        let literals: Vec<Ref> = literals.collect();
        CodeBody {
            header: heap.method_header(code).unwrap_or_default(),
            literals,
            bytecodes: bytes[..bytes.len().saturating_sub(trailer)].to_vec(),
        }
    }

    /// The code of a method as a draft has it.
    pub fn method_code(&mut self, method: Oop) -> CodeBody {
        self.own_method = Some(method);
        let trailer = self.extractor.trailer_bytes(method);
        self.code(method, trailer)
    }

    /// A context as what a closure of the older kind needs of it: receiver and method. What else it
    /// was is over.
    fn add_home(&mut self, outer: Oop) -> Ref {
        if let Some(position) = self.positions.get(&outer) {
            return Ref::Local(*position);
        }
        let position = self.add_empty(outer);
        let heap = self.extractor.heap;
        let mut slots = vec![Ref::NIL; context::FIRST_TEMP];
        slots[context::STACK_POINTER] = Ref::SmallInteger(0);
        for slot in [context::METHOD, context::RECEIVER] {
            slots[slot] = self.value(heap.slot(outer, slot), Reach::Field);
        }
        self.locals[position as usize].body = Body::Slots(slots);
        Ref::Local(position)
    }

    /// Replaces a slot of a local object that was gathered.
    pub fn set_slot(&mut self, position: usize, slot: usize, value: Ref) {
        if let Body::Slots(slots) = &mut self.locals[position].body
            && let Some(place) = slots.get_mut(slot)
        {
            *place = value;
        }
    }

    /// Makes the array of a collection a local one, with the associations in it.
    pub fn add_backbone(&mut self, array: Oop) -> Ref {
        if let Some(position) = self.positions.get(&array) {
            return Ref::Local(*position);
        }
        let heap = self.extractor.heap;
        let position = self.add_empty(array);
        let slots = (0..heap.pointer_slot_count(array))
            .map(|slot| self.value(heap.slot(array, slot), Reach::Backbone));
        let slots: Vec<Ref> = slots.collect();
        self.locals[position as usize].body = Body::Slots(slots);
        Ref::Local(position)
    }

    /// Makes an object a local one that has no body yet; answers its position.
    fn add_empty(&mut self, oop: Oop) -> u32 {
        let heap = self.extractor.heap;
        let position = self.locals.len() as u32;
        self.positions.insert(oop, position);
        let (id, hash) = match self.extractor.manner {
            Manner::Pull => (self.extractor.id_of(oop), heap.header(oop).hash()),
            Manner::Portable => (0, 0),
        };
        self.ids.push(id);
        self.locals.push(LocalObject {
            class: self.class_reference(oop),
            format: heap.format(oop).base(),
            hash,
            read_only: heap.is_read_only(oop),
            body: Body::Slots(Vec::new()),
        });
        position
    }
}

impl<'a> Extractor<'a> {
    /// The behaviour of an object in memory, where it has a name.
    pub(super) fn class_of(&self, oop: Oop) -> Option<&'a BehaviorName> {
        self.index
            .names()
            .behavior_at(self.heap.class_index_of(oop))
    }

    /// Whether an object is an instance of a class or of one that inherits from it.
    pub(super) fn is_a(&self, oop: Oop, ancestor: &str) -> bool {
        self.class_of(oop)
            .is_some_and(|class| !class.meta && self.index.inherits(&class.class, ancestor))
    }

    /// Bytes behind the bytecodes of a method, which say where its text is: of a known number in
    /// Pharo's images of today, else whatever no path of the code reaches.
    fn trailer_bytes(&self, method: Oop) -> usize {
        let bytes = self.heap.code_bytes(method);
        let set = self.heap.method_header(method).unwrap_or_default().set;
        if self.index.names().family == PHARO && set == BytecodeSet::SistaV1 {
            return TRAILER_BYTES;
        }
        bytes.len() - code_end(set, bytes)
    }

    /// What travels in the place of an object.
    fn traveller(&self, oop: Oop) -> Oop {
        let substitutes = self.customs.map(|customs| &customs.substitutes);
        substitutes
            .and_then(|all| all.get(&oop).copied())
            .unwrap_or(oop)
    }

    /// Whether the class of an object says that a slot stays behind.
    fn stays(&self, oop: Oop, slot: usize) -> bool {
        let staying = self.customs.map(|customs| &customs.staying);
        let slots = staying.and_then(|all| all.get(&self.heap.class_index_of(oop)));
        slots.is_some_and(|slots| slots.contains(&slot))
    }

    /// Whether a slot holds what belongs to the virtual machine that runs, and so arrives as nil.
    fn is_machine_slot(&self, oop: Oop, slot: usize) -> bool {
        match self.heap.class_index_of(oop) {
            ClassIndex::FULL_BLOCK_CLOSURE => slot == closure::OUTER_CONTEXT,
            ClassIndex::SEMAPHORE => is_list_end(slot),
            _ if slot > process::MY_LIST => false,
            _ if self.is_a(oop, "Process") => {
                matches!(
                    slot,
                    process::NEXT_LINK | process::SUSPENDED_CONTEXT | process::MY_LIST
                )
            }
            _ => is_list_end(slot) && self.is_a(oop, "Semaphore"),
        }
    }

    /// The value of a binding.
    pub(super) fn binding_value(&self, binding: Oop) -> Oop {
        self.heap.slot(binding, association::VALUE)
    }
}

fn is_list_end(slot: usize) -> bool {
    matches!(slot, linked_list::FIRST | linked_list::LAST)
}

/// The reference to a value that is no object in memory. A ghost of another image's object means
/// nothing here; it was not kept, so it is nil.
fn immediate(oop: Oop) -> Ref {
    if let Some(value) = oop.as_small_integer() {
        return Ref::SmallInteger(value);
    }
    if let Some(code_point) = oop.as_character() {
        return Ref::Character(code_point);
    }
    oop.as_small_float().map_or(Ref::NIL, Ref::SmallFloat)
}
