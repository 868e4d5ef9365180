//! Which objects a file must hold: those that the special objects, the fixed classes, the classes
//! of symbols and the classes of what is held reach, as in a full collection.
//!
//! Weak slots keep nothing: what only they refer to is written as nil. The order in which objects
//! are met depends on the graph alone, not on addresses.

use imprint_heap::Heap;
use imprint_model::{ClassIndex, Oop};
use rustc_hash::FxHashSet;

/// The objects that a file of this heap holds.
pub(crate) struct Reachable {
    /// In the order in which they were met: nil, false, true, the special objects array first.
    pub(crate) order: Vec<Oop>,
    /// The entries of the class table that the file holds.
    pub(crate) classes: Vec<(u32, Oop)>,
}

struct Walk<'heap> {
    heap: &'heap Heap,
    order: Vec<Oop>,
    set: FxHashSet<Oop>,
    waiting: Vec<Oop>,
    seen_classes: FxHashSet<u32>,
}

/// All that is to be written.
pub(crate) fn reachable(heap: &Heap) -> Reachable {
    let mut walk = Walk {
        heap,
        order: Vec::new(),
        set: FxHashSet::default(),
        waiting: Vec::new(),
        seen_classes: FxHashSet::default(),
    };
    walk.reach(heap.nil());
    walk.reach(heap.false_object());
    walk.reach(heap.true_object());
    walk.reach(heap.special_objects());
    walk.drain();
    for (_, class) in heap
        .classes()
        .filter(|(index, _)| *index < ClassIndex::FIRST_FREE)
    {
        walk.reach(class);
        walk.drain();
    }
    let (byte_symbols, wide_symbols) = heap.symbol_classes();
    for index in [byte_symbols, wide_symbols] {
        heap.class_at(index)
            .into_iter()
            .for_each(|class| walk.reach(class));
        walk.drain();
    }
    let classes = heap
        .classes()
        .filter(|(_, class)| walk.set.contains(class))
        .collect();
    Reachable {
        order: walk.order,
        classes,
    }
}

impl Walk<'_> {
    fn reach(&mut self, oop: Oop) {
        if oop.is_object() && oop.bits() != 0 && self.set.insert(oop) {
            self.order.push(oop);
            self.waiting.push(oop);
        }
    }

    fn drain(&mut self) {
        while let Some(oop) = self.waiting.pop() {
            let class_index = self.heap.class_index_of(oop);
            for index in 0..strong_slots(self.heap, oop) {
                self.reach(self.heap.slot(oop, index));
            }
            if self.seen_classes.insert(class_index)
                && let Some(class) = self.heap.class_at(class_index)
            {
                self.reach(class);
            }
        }
    }
}

/// Slots that keep what they hold.
pub(crate) fn strong_slots(heap: &Heap, oop: Oop) -> usize {
    if heap.format(oop).is_weak() {
        heap.fixed_fields(oop)
    } else {
        heap.pointer_slot_count(oop)
    }
}
