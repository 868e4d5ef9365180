//! Which objects a slim image will hold: those that its roots reach, as the image writer sees it.

use imprint_heap::Heap;
use imprint_model::{ClassIndex, Oop};
use rustc_hash::FxHashSet;

/// The objects that are reached.
pub(crate) struct Live {
    reached: FxHashSet<Oop>,
    waiting: Vec<Oop>,
}

impl Live {
    /// Walks a heap from its special objects and fixed classes.
    pub fn of(heap: &Heap) -> Live {
        let mut live = Live {
            reached: FxHashSet::default(),
            waiting: Vec::new(),
        };
        for root in [
            heap.nil(),
            heap.false_object(),
            heap.true_object(),
            heap.special_objects(),
        ] {
            live.reach(root);
        }
        for (_, class) in heap
            .classes()
            .filter(|(index, _)| *index < ClassIndex::FIRST_FREE)
        {
            live.reach(class);
        }
        let (byte_symbols, wide_symbols) = heap.symbol_classes();
        for class in [byte_symbols, wide_symbols]
            .into_iter()
            .filter_map(|index| heap.class_at(index))
        {
            live.reach(class);
        }
        live.drain(heap);
        live
    }

    /// Whether an object is reached.
    pub fn has(&self, oop: Oop) -> bool {
        self.reached.contains(&oop)
    }

    /// How many objects are.
    pub fn len(&self) -> usize {
        self.reached.len()
    }

    /// What only weak slots of reached objects hold, in the order of the heap.
    pub fn fading(&self, heap: &Heap) -> Vec<Oop> {
        let mut fading: Vec<Oop> = Vec::new();
        let weak = self
            .reached
            .iter()
            .filter(|oop| heap.format(**oop).is_weak());
        for oop in weak {
            let slots = heap.fixed_fields(*oop)..heap.pointer_slot_count(*oop);
            let held = slots.map(|slot| heap.slot(*oop, slot));
            fading.extend(held.filter(|held| held.is_object() && !self.has(*held)));
        }
        fading.sort();
        fading.dedup();
        fading
    }

    fn reach(&mut self, oop: Oop) {
        if oop.is_object() && oop.bits() != 0 && self.reached.insert(oop) {
            self.waiting.push(oop);
        }
    }

    fn drain(&mut self, heap: &Heap) {
        while let Some(oop) = self.waiting.pop() {
            let is_weak = heap.format(oop).is_weak();
            let slots = if is_weak {
                heap.fixed_fields(oop)
            } else {
                heap.pointer_slot_count(oop)
            };
            for slot in 0..slots {
                self.reach(heap.slot(oop, slot));
            }
            if let Some(class) = heap.class_at(heap.class_index_of(oop)) {
                self.reach(class);
            }
        }
    }
}
