//! Marking: which objects of old space are reached.
//!
//! Marks lie in a bitmap beside old space, so that marking writes no page of a mapped image.
//! Young space is empty when this runs. Classes at indices that Spur fixes are roots; any other
//! is kept by its instances or by references. Forwarders are removed from the slots that are met.

use crate::access::{pointer_slot_count_at, slot_count_at};
use crate::address::Address;
use crate::collect::{CollectionReport, Roots};
use crate::heap::Heap;
use imprint_model::{ClassIndex, Oop};

/// One bit for each word of old space; set where the header of a reached object is.
#[derive(Debug)]
pub(crate) struct MarkBits {
    start: Address,
    words: Vec<u64>,
}

impl MarkBits {
    /// No marks, for the space from `start` to `end`.
    pub(crate) fn new(start: Address, end: Address) -> MarkBits {
        MarkBits {
            start,
            words: vec![0; end.since(start).div_ceil(512) + 1],
        }
    }

    #[inline(always)]
    fn position(&self, address: Address) -> (usize, u64) {
        let word = address.since(self.start) / 8;
        (word / 64, 1 << (word % 64))
    }

    /// Whether the object at `address` is marked.
    #[inline(always)]
    pub(crate) fn get(&self, address: Address) -> bool {
        let (at, bit) = self.position(address);
        self.words[at] & bit != 0
    }

    /// Marks the object at `address`; answers whether it was not marked before.
    #[inline(always)]
    pub(crate) fn set(&mut self, address: Address) -> bool {
        let (at, bit) = self.position(address);
        let is_new = self.words[at] & bit == 0;
        self.words[at] |= bit;
        is_new
    }

    /// Calls `visit` with the marked addresses in order.
    pub(crate) fn for_each(&self, mut visit: impl FnMut(Address)) {
        for (at, word) in self.words.iter().enumerate() {
            let mut rest = *word;
            while rest != 0 {
                let bit = rest.trailing_zeros() as usize;
                visit(self.start.plus((at * 64 + bit) * 8));
                rest &= rest - 1;
            }
        }
    }
}

/// A marking under way.
pub(crate) struct Marker<'heap> {
    pub(crate) heap: &'heap mut Heap,
    marks: MarkBits,
    stack: Vec<Oop>,
    seen_classes: Vec<u64>,
    /// Weak objects whose indexed slots are to be looked at in the end.
    pub(crate) weaklings: Vec<Oop>,
    /// Ephemerons whose key was not reached yet.
    pub(crate) ephemerons: Vec<Oop>,
}

impl Heap {
    /// Marks all that is reached; settles weak slots, ephemerons, class table and symbols.
    pub(crate) fn mark(
        &mut self,
        roots: &mut dyn Roots,
        report: &mut CollectionReport,
    ) -> MarkBits {
        let marks = MarkBits::new(self.old.space.start, self.old.space.free);
        let mut marker = Marker {
            heap: self,
            marks,
            stack: Vec::new(),
            seen_classes: Vec::new(),
            weaklings: Vec::new(),
            ephemerons: Vec::new(),
        };
        marker.mark_roots(roots);
        marker.drain();
        report.mourners += marker.settle_ephemerons();
        report.weak_slots_cleared += marker.settle_weaklings();
        let marks = marker.marks;
        self.drop_unmarked_from_tables(&marks);
        marks
    }

    /// The end of a chain of forwarders.
    #[inline(always)]
    pub(crate) fn follow_in_collection(&self, oop: Oop) -> Oop {
        if self.is_in_old(oop) {
            self.follow(oop)
        } else {
            oop
        }
    }

    /// Whether an oop is the address of a place in old space.
    #[inline(always)]
    pub(crate) fn is_in_old(&self, oop: Oop) -> bool {
        let address = Address::new(oop.bits());
        oop.is_object() && address >= self.old.space.start && address < self.old.space.free
    }

    fn drop_unmarked_from_tables(&mut self, marks: &MarkBits) {
        let mut classes = std::mem::take(&mut self.classes);
        for (_, class) in classes.entries_mut() {
            if !marks.get(Address::of(*class)) {
                *class = Oop::from_bits(0);
            }
        }
        classes.search_from_bottom();
        self.classes = classes;
        self.symbols
            .retain(|symbol| marks.get(Address::of(symbol)).then_some(symbol));
    }
}

impl Marker<'_> {
    fn mark_roots(&mut self, roots: &mut dyn Roots) {
        let mut own = Vec::new();
        self.heap.visit_own_roots(|oop| own.push(*oop));
        own.into_iter().for_each(|oop| self.reach(oop));
        let fixed: Vec<Oop> = self
            .heap
            .classes()
            .filter(|(index, _)| *index < ClassIndex::FIRST_FREE)
            .map(|(_, class)| class)
            .collect();
        fixed.into_iter().for_each(|class| self.reach(class));
        let (byte_symbols, wide_symbols) = self.heap.symbol_classes();
        self.reach_class(byte_symbols);
        self.reach_class(wide_symbols);
        roots.visit(&mut |oop| {
            *oop = self.heap.follow_in_collection(*oop);
            self.reach(*oop);
        });
    }

    /// Marks what is no forwarder, and puts it on the stack if that is news.
    #[inline(always)]
    fn reach(&mut self, oop: Oop) {
        if self.heap.is_in_old(oop) && self.marks.set(Address::of(oop)) {
            self.stack.push(oop);
        }
    }

    /// Whether a value stays: an immediate, or a marked object.
    pub(crate) fn is_reached(&self, oop: Oop) -> bool {
        let oop = self.heap.follow_in_collection(oop);
        !self.heap.is_in_old(oop) || self.marks.get(Address::of(oop))
    }

    /// Traces until the stack is empty.
    pub(crate) fn drain(&mut self) {
        while let Some(oop) = self.stack.pop() {
            self.trace(Address::of(oop));
        }
    }

    fn trace(&mut self, address: Address) {
        let header = address.header();
        self.reach_class(header.class_index());
        let format = header.format();
        if format.is_raw() {
            return;
        }
        if format.is_weak() {
            self.weaklings.push(address.oop());
            let fixed = self.heap.fixed_fields(address.oop());
            return self.trace_slots(address, fixed);
        }
        if format.is_ephemeron() && self.defers_ephemeron(address) {
            return;
        }
        self.trace_slots(address, pointer_slot_count_at(address));
    }

    fn defers_ephemeron(&mut self, address: Address) -> bool {
        if slot_count_at(address) == 0 || self.is_reached(address.slot(0).load_oop()) {
            return false;
        }
        self.ephemerons.push(address.oop());
        true
    }

    /// Marks what the first `count` slots hold.
    #[inline(always)]
    pub(crate) fn trace_slots(&mut self, address: Address, count: usize) {
        for index in 0..count {
            let slot = address.slot(index);
            let oop = slot.load_oop();
            if !self.heap.is_in_old(oop) {
                continue;
            }
            if Address::of(oop).header().format().is_forwarder() {
                self.heal(slot);
            } else {
                self.reach(oop);
            }
        }
    }

    #[cold]
    fn heal(&mut self, slot: Address) {
        let target = self.heap.follow(slot.load_oop());
        slot.store(target.bits());
        self.reach(target);
    }

    /// Marks the class at an index, once.
    #[inline(always)]
    fn reach_class(&mut self, class_index: u32) {
        let at = class_index as usize / 64;
        let bit = 1 << (class_index % 64);
        if self.seen_classes.len() <= at {
            self.seen_classes.resize(at + 1, 0);
        }
        if self.seen_classes[at] & bit != 0 {
            return;
        }
        self.seen_classes[at] |= bit;
        if let Some(class) = self.heap.class_at(class_index) {
            self.reach(class);
        }
    }
}
