//! The heap checks itself: every word that should be an oop is one.

use crate::access::{pointer_slot_count_at, slot_count_at};
use crate::address::Address;
use crate::becoming::holds_young;
use crate::collect::Roots;
use crate::heap::Heap;
use crate::iterate::{FIRST_VISIBLE, for_each_in};
use crate::mark::MarkBits;
use imprint_model::{Oop, oop::TAG_GHOST};
use rustc_hash::FxHashSet;
use thiserror::Error;

/// Something in the heap that cannot be.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum Fault {
    /// A slot refers to no object.
    #[error("slot {slot} of {object:?} (class {class_index}) refers to no object: {value:?}")]
    DanglingSlot {
        /// The object.
        object: Oop,
        /// Its class index.
        class_index: u32,
        /// The slot, from 0.
        slot: usize,
        /// What stands there.
        value: Oop,
    },
    /// A root refers to no object.
    #[error("a root refers to no object: {0:?}")]
    DanglingRoot(Oop),
    /// A word has a tag that nothing has.
    #[error("slot {slot} of {object:?} has an unknown tag: {bits:x}")]
    UnknownTag {
        /// The object.
        object: Oop,
        /// The slot, from 0.
        slot: usize,
        /// What stands there.
        bits: u64,
    },
    /// An object whose class index names no class.
    #[error("{object:?} has class index {class_index}, where there is no class")]
    NoClass {
        /// The object.
        object: Oop,
        /// Its class index.
        class_index: u32,
    },
    /// An old object holds a young one and is not remembered, or is flagged but not in the set.
    #[error("{0:?} holds a young object and is not remembered")]
    NotRemembered(Oop),
    /// A slot that the virtual machine reads without asking holds what must not be there.
    #[error("{what} (slot {slot} of {object:?}) must not be {value:?}")]
    StrictSlot {
        /// What the slot is.
        what: &'static str,
        /// The object.
        object: Oop,
        /// The slot, from 0.
        slot: usize,
        /// What stands there.
        value: Oop,
    },
    /// A format that no object has.
    #[error("{object:?} has format {format}")]
    UnknownFormat {
        /// The object.
        object: Oop,
        /// Its format bits.
        format: u8,
    },
}

struct Verification<'heap> {
    heap: &'heap Heap,
    old_starts: MarkBits,
    young_starts: MarkBits,
    remembered: FxHashSet<Oop>,
    faults: Vec<Fault>,
}

impl Heap {
    /// Checks that every reference leads to an object, every object has a class and a known
    /// format, and every old object that holds a young one is remembered.
    ///
    /// # Errors
    /// All faults, in order of address.
    pub fn verify(&self, roots: &mut dyn Roots) -> Result<(), Vec<Fault>> {
        let young_end = self.young.eden.limit;
        let mut verification = Verification {
            heap: self,
            old_starts: MarkBits::new(self.old.space.start, self.old.space.free),
            young_starts: MarkBits::new(Address::new(self.young_start), young_end),
            remembered: self.remembered.iter().copied().collect(),
            faults: Vec::new(),
        };
        verification.collect_starts();
        verification.check_objects();
        verification.check_roots(roots);
        if verification.faults.is_empty() {
            Ok(())
        } else {
            Err(verification.faults)
        }
    }
}

impl Verification<'_> {
    fn collect_starts(&mut self) {
        let heap = self.heap;
        let is_object = |address: Address| {
            let header = address.header();
            header.class_index() != 0 && !header.format().is_forwarder()
        };
        for_each_in(&heap.old.space, |address| {
            if is_object(address) {
                self.old_starts.set(address);
            }
        });
        for space in [heap.young.past, heap.young.eden] {
            for_each_in(&space, |address| {
                if is_object(address) {
                    self.young_starts.set(address);
                }
            });
        }
    }

    fn is_object(&self, oop: Oop) -> bool {
        let address = Address::new(oop.bits());
        if self.heap.is_in_old(oop) {
            return self.old_starts.get(address);
        }
        self.heap.contains(oop) && self.young_starts.get(address)
    }

    fn check_objects(&mut self) {
        let heap = self.heap;
        for space in [heap.old.space, heap.young.past, heap.young.eden] {
            for_each_in(&space, |address| self.check_object(address));
        }
    }

    fn check_object(&mut self, address: Address) {
        let header = address.header();
        let class_index = header.class_index();
        if class_index < FIRST_VISIBLE {
            return;
        }
        let object = address.oop();
        let must_be_there = !self.heap.is_partial() && self.heap.class_table_len() > 0;
        if must_be_there && self.heap.class_at(class_index).is_none() {
            self.faults.push(Fault::NoClass {
                object,
                class_index,
            });
        }
        if !header.format().is_known() {
            let format = header.format().bits();
            return self.faults.push(Fault::UnknownFormat { object, format });
        }
        debug_assert!(pointer_slot_count_at(address) <= slot_count_at(address));
        for slot in 0..pointer_slot_count_at(address) {
            self.check_slot(object, class_index, slot);
        }
        let is_old = !self.heap.is_young(object);
        if is_old
            && holds_young(address, self.heap.young_start)
            && !self.remembered.contains(&object)
        {
            self.faults.push(Fault::NotRemembered(object));
        }
    }

    fn check_slot(&mut self, object: Oop, class_index: u32, slot: usize) {
        let value = Address::of(object).slot(slot).load_oop();
        if value.is_object() {
            let is_blank = value.bits() == 0 && self.heap.nil().bits() == 0;
            if !is_blank && !self.is_object(value) {
                self.faults.push(Fault::DanglingSlot {
                    object,
                    class_index,
                    slot,
                    value,
                });
            }
        } else if matches!(value.tag(), 3 | 5 | 7) || value.tag() > TAG_GHOST {
            let bits = value.bits();
            self.faults.push(Fault::UnknownTag { object, slot, bits });
        }
    }

    fn check_roots(&mut self, roots: &mut dyn Roots) {
        let mut seen = Vec::new();
        roots.visit(&mut |oop| seen.push(*oop));
        seen.extend([self.heap.nil, self.heap.true_object, self.heap.false_object]);
        seen.push(self.heap.special_objects);
        seen.extend(self.heap.classes().map(|(_, class)| class));
        seen.extend(self.heap.symbols());
        seen.extend(self.heap.mourners.iter().copied());
        for oop in seen {
            if oop.is_object() && oop.bits() != 0 && !self.is_object(oop) {
                self.faults.push(Fault::DanglingRoot(oop));
            }
        }
    }
}
