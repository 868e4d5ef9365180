//! Method dictionaries, as the virtual machine reads them.
//!
//! ```text
//!   MethodDictionary { tally, array, key 0, key 1, ... }      array = Array { value 0, value 1, ... }
//! ```
//!
//! Keys are symbols, nil where free; a key's place is its identity hash modulo the capacity (a
//! power of two), then the next free one. At most three quarters are in use.

use imprint_heap::{Heap, NeedsSpace};
use imprint_model::layout::method_dictionary as slots;
use imprint_model::{ClassIndex, Format, Oop};

/// A method dictionary in a heap.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MethodDictionary(pub Oop);

/// Where a key is or would go.
enum Place {
    Taken(usize),
    Free(usize),
}

impl MethodDictionary {
    /// The least capacity for `count` entries.
    pub fn capacity_for(count: usize) -> usize {
        (count * 4).div_ceil(3).max(1).next_power_of_two()
    }

    /// An empty dictionary with room for `count` entries; `class_index` is that of class
    /// MethodDictionary.
    ///
    /// # Errors
    /// Where space is missing.
    pub fn new(
        heap: &mut Heap,
        class_index: u32,
        count: usize,
    ) -> Result<MethodDictionary, NeedsSpace> {
        let capacity = MethodDictionary::capacity_for(count);
        let array = heap.allocate_old(ClassIndex::ARRAY, Format::ARRAY, capacity)?;
        let keys = slots::FIRST_KEY + capacity;
        let dictionary = heap.allocate_old(class_index, Format::FIXED_AND_INDEXED, keys)?;
        heap.store(dictionary, slots::TALLY, Oop::small(0));
        heap.store(dictionary, slots::ARRAY, array);
        Ok(MethodDictionary(dictionary))
    }

    /// Number of entries.
    pub fn tally(self, heap: &Heap) -> usize {
        heap.slot(self.0, slots::TALLY)
            .as_small_integer()
            .unwrap_or(0) as usize
    }

    /// Number of places.
    pub fn capacity(self, heap: &Heap) -> usize {
        heap.slot_count(self.0).saturating_sub(slots::FIRST_KEY)
    }

    /// The value of a selector: a method, a ghost or a tombstone.
    pub fn at(self, heap: &Heap, selector: Oop) -> Option<Oop> {
        match self.place(heap, selector)? {
            Place::Taken(index) => Some(heap.slot(heap.slot(self.0, slots::ARRAY), index)),
            Place::Free(_) => None,
        }
    }

    /// Selectors and values, by place.
    pub fn entries(self, heap: &Heap) -> Vec<(Oop, Oop)> {
        let array = heap.slot(self.0, slots::ARRAY);
        let key = |index: usize| heap.slot(self.0, slots::FIRST_KEY + index);
        let taken = (0..self.capacity(heap)).filter(|index| key(*index) != heap.nil());
        taken
            .map(|index| (key(index), heap.slot(array, index)))
            .collect()
    }

    /// The dictionary with room for so many more entries: this one, or a greater one with the same.
    ///
    /// # Errors
    /// Where space is missing; nothing was changed.
    pub fn with_room(self, heap: &mut Heap, count: usize) -> Result<MethodDictionary, NeedsSpace> {
        let wanted = self.tally(heap) + count;
        if MethodDictionary::capacity_for(wanted) <= self.capacity(heap) {
            return Ok(self);
        }
        let grown = MethodDictionary::new(heap, heap.class_index_of(self.0), wanted)?;
        for (key, value) in self.entries(heap) {
            grown.put(heap, key, value);
        }
        Ok(grown)
    }

    /// Puts a value under a selector. Answers whether it fit without making the dictionary more
    /// than three quarters full; if not, nothing was changed.
    pub fn put(self, heap: &mut Heap, selector: Oop, value: Oop) -> bool {
        let array = heap.slot(self.0, slots::ARRAY);
        match self.place(heap, selector) {
            Some(Place::Taken(index)) => heap.store(array, index, value),
            Some(Place::Free(index)) if (self.tally(heap) + 1) * 4 <= self.capacity(heap) * 3 => {
                heap.store(self.0, slots::FIRST_KEY + index, selector);
                heap.store(array, index, value);
                heap.store(self.0, slots::TALLY, Oop::index(self.tally(heap) + 1));
            }
            _ => return false,
        }
        true
    }

    /// Puts a value under a selector; answers the dictionary that holds it then, a greater one
    /// where this was full.
    ///
    /// # Errors
    /// Where space is missing; nothing was changed.
    pub fn put_growing(
        self,
        heap: &mut Heap,
        selector: Oop,
        value: Oop,
    ) -> Result<MethodDictionary, NeedsSpace> {
        if self.put(heap, selector, value) {
            return Ok(self);
        }
        let grown = self.with_room(heap, self.tally(heap) + 1)?;
        grown.put(heap, selector, value);
        Ok(grown)
    }

    /// A dictionary of the same entries but for one.
    ///
    /// # Errors
    /// Where space is missing; nothing was changed.
    pub fn without(self, heap: &mut Heap, selector: Oop) -> Result<MethodDictionary, NeedsSpace> {
        let class_index = heap.class_index_of(self.0);
        let shrunk = MethodDictionary::new(heap, class_index, self.tally(heap).max(1))?;
        for (key, value) in self.entries(heap) {
            if key != selector {
                shrunk.put(heap, key, value);
            }
        }
        Ok(shrunk)
    }

    fn place(self, heap: &Heap, selector: Oop) -> Option<Place> {
        let capacity = self.capacity(heap);
        if !capacity.is_power_of_two() {
            return None;
        }
        let start = heap.header(selector).hash() as usize;
        for step in 0..capacity {
            let index = (start + step) & (capacity - 1);
            let key = heap.slot(self.0, slots::FIRST_KEY + index);
            if key == selector {
                return Some(Place::Taken(index));
            }
            if key == heap.nil() {
                return Some(Place::Free(index));
            }
        }
        None
    }
}
