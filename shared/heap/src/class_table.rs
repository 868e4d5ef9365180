//! The class table: class index -> class.
//!
//! A vector outside the object memory is the authority while a heap lives; the pages that Spur
//! keeps as objects are made only when a file is written. Indices that a slave gives begin far
//! above the master's, so the table has two halves.

use crate::heap::Heap;
use imprint_model::layout::behavior;
use imprint_model::{ClassIndex, Oop};

const NONE: Oop = Oop::from_bits(0);

/// Classes by index, in two halves.
#[derive(Debug)]
pub(crate) struct ClassTable {
    low: Vec<Oop>,
    high: Vec<Oop>,
    /// Where the search for a free index begins.
    next_free: u32,
    /// Whether a young class was entered since the last scavenge that tenured all of them.
    pub(crate) has_young: bool,
}

impl Default for ClassTable {
    fn default() -> ClassTable {
        ClassTable {
            low: Vec::new(),
            high: Vec::new(),
            next_free: ClassIndex::FIRST_FREE,
            has_young: false,
        }
    }
}

impl ClassTable {
    #[inline(always)]
    fn get(&self, index: u32) -> Option<Oop> {
        let class = if index < ClassIndex::FIRST_OF_SLAVE {
            self.low.get(index as usize)
        } else {
            self.high.get((index - ClassIndex::FIRST_OF_SLAVE) as usize)
        };
        class.copied().filter(|class| *class != NONE)
    }

    fn set(&mut self, index: u32, class: Oop) {
        let (half, at) = if index < ClassIndex::FIRST_OF_SLAVE {
            (&mut self.low, index as usize)
        } else {
            (
                &mut self.high,
                (index - ClassIndex::FIRST_OF_SLAVE) as usize,
            )
        };
        if half.len() <= at {
            half.resize(at + 1, NONE);
        }
        half[at] = class;
    }

    fn free_index(&mut self) -> u32 {
        while self.get(self.next_free).is_some() {
            self.next_free += 1;
        }
        self.next_free
    }

    /// All entries that hold a class, by index.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (u32, Oop)> + '_ {
        let low = (0u32..).zip(self.low.iter().copied());
        let high = (ClassIndex::FIRST_OF_SLAVE..).zip(self.high.iter().copied());
        low.chain(high).filter(|(_, class)| *class != NONE)
    }

    /// All entries that hold a class, to be changed; zero bits clear one.
    pub(crate) fn entries_mut(&mut self) -> impl Iterator<Item = (u32, &mut Oop)> {
        let low = (0u32..).zip(self.low.iter_mut());
        let high = (ClassIndex::FIRST_OF_SLAVE..).zip(self.high.iter_mut());
        low.chain(high).filter(|(_, class)| **class != NONE)
    }

    /// Begins the search for free indices at the bottom again, after entries were cleared.
    pub(crate) fn search_from_bottom(&mut self) {
        if self.next_free < ClassIndex::FIRST_OF_SLAVE {
            self.next_free = ClassIndex::FIRST_FREE;
        } else {
            self.next_free = ClassIndex::FIRST_OF_SLAVE;
        }
    }
}

impl Heap {
    /// The class at an index.
    #[inline(always)]
    pub fn class_at(&self, class_index: u32) -> Option<Oop> {
        self.classes.get(class_index)
    }

    /// The class of an oop that is no ghost. Where the class table has no such class (which a
    /// checked image excludes), nil.
    #[inline(always)]
    pub fn class_of(&self, oop: Oop) -> Oop {
        debug_assert!(!oop.is_ghost(), "the class of {oop:?} was asked for");
        self.class_at(self.class_index_of(oop)).unwrap_or(self.nil)
    }

    /// Whether some class has this index.
    pub fn is_class_index(&self, class_index: u32) -> bool {
        self.class_at(class_index).is_some()
    }

    /// One above the greatest index that the lower half of the table ever held.
    pub fn class_table_len(&self) -> usize {
        self.classes.low.len()
    }

    /// All classes with their indices, in order of index. A class may stand at more than one
    /// (SmallInteger at 1 and 3).
    pub fn classes(&self) -> impl Iterator<Item = (u32, Oop)> + '_ {
        self.classes.entries()
    }

    /// Puts a class into the table, at `index` or at the first free one, and makes the index its
    /// identity hash. Answers the index.
    pub fn enter_class(&mut self, class: Oop, index: Option<u32>) -> u32 {
        let index = index.unwrap_or_else(|| self.classes.free_index());
        assert!(index < ClassIndex::LIMIT, "the class table is full");
        self.classes.set(index, class);
        self.classes.has_young |= self.is_young(class);
        self.set_identity_hash(class, index);
        index
    }

    /// Puts a class at a second index without making that its identity hash (SmallInteger at 3).
    pub fn enter_class_alias(&mut self, class: Oop, index: u32) {
        assert!(index < ClassIndex::LIMIT, "the class table is full");
        self.classes.set(index, class);
        self.classes.has_young |= self.is_young(class);
    }

    /// Takes the class at an index out of the table. No instance may be left.
    pub fn remove_class(&mut self, index: u32) {
        if self.classes.get(index).is_some() {
            self.classes.set(index, NONE);
        }
    }

    /// The index of a class that has one.
    #[inline(always)]
    pub fn index_of_class(&self, class: Oop) -> Option<u32> {
        if !class.is_object() {
            return None;
        }
        let hash = self.header(class).hash();
        (self.class_at(hash) == Some(class)).then_some(hash)
    }

    /// The index of a class, given now where it has none.
    #[inline(always)]
    pub fn ensure_class_index(&mut self, class: Oop) -> u32 {
        match self.index_of_class(class) {
            Some(index) => index,
            None => self.enter_class(class, None),
        }
    }

    /// The index that the next class entered without one gets.
    pub fn first_free_class_index(&mut self) -> u32 {
        self.classes.free_index()
    }

    /// Gives indices from `index` on to classes entered without one: a slave says
    /// [`ClassIndex::FIRST_OF_SLAVE`].
    pub fn set_first_free_class_index(&mut self, index: u32) {
        self.classes.next_free = index;
    }

    /// Whether an object looks like a behaviour: pointers, and a sane format slot.
    pub fn looks_like_behavior(&self, oop: Oop) -> bool {
        oop.is_object()
            && self.format(oop).is_pointers()
            && self.slot_count(oop) > behavior::FORMAT
            && self.instance_spec(oop).is_some()
    }
}
