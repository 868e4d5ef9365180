//! Takes drafts out of a heap, which it only reads.
//!
//! ```text
//!   heap ── ImageIndex (once): oop ─> class, method, binding, known object
//!    │                                     │
//!    └── Extractor ── class, meta, method, object ──> Placed<Draft>
//!                            │
//!   misses ── answer ── in install order, less what this session has been sent ──> Bundle
//! ```
//!
//! What a reference becomes is decided in one place ([`gather`]). A value is named where it has a
//! name; small objects of raw elements travel with their owner; everything else is a ghost: the id
//! of the object and its identity hash. State of the virtual machine itself does not travel:
//! processes arrive terminated, semaphores with nobody waiting, contexts as nil (design D6).
//!
//! A heap from which drafts are taken is one that no program runs in: a pristine image.
//!
//! Reading order: [`index`], [`gather`], [`take`], [`answer`], [`foresight`], [`inventory`],
//! [`vocabulary`], [`soundness`].

mod answer;
mod foresight;
mod gather;
mod index;
mod inventory;
mod soundness;
mod take;
mod vocabulary;

pub use answer::{ExtractError, PullSession};
pub use gather::{Manner, TRAVEL_BYTES_MAX};
pub use index::{ImageIndex, Place};
pub use inventory::{ClassParts, Part};
pub use vocabulary::{VOCABULARY, vocabulary};

use imprint_heap::Heap;
use imprint_isa::Name;
use imprint_model::hash::identity_hash_of_id;
use imprint_model::{Ghost, Oop};
use rustc_hash::FxHashMap;

/// A heap with its index: where drafts come from.
#[derive(Clone, Copy)]
pub struct Extractor<'a> {
    heap: &'a Heap,
    index: &'a ImageIndex,
    manner: Manner,
    customs: Option<&'a Customs>,
}

/// What an image itself says of objects that are to travel to anybody.
#[derive(Clone, Default, Debug)]
pub struct Customs {
    /// Objects that travel in the place of others.
    pub substitutes: FxHashMap<Oop, Oop>,
    /// By class index: the slots that arrive as nil.
    pub staying: FxHashMap<u32, Vec<usize>>,
}

/// A class as a session declares it to the other side: name, index, index of its metaclass.
pub type ClassIndices = (Name, u32, u32);

impl<'a> Extractor<'a> {
    /// Takes drafts for a slave that knows the ids of this image.
    pub fn new(heap: &'a Heap, index: &'a ImageIndex) -> Extractor<'a> {
        Extractor {
            heap,
            index,
            manner: Manner::Pull,
            customs: None,
        }
    }

    /// Takes drafts that hold no ids: for packages and pushes.
    pub fn portable(heap: &'a Heap, index: &'a ImageIndex) -> Extractor<'a> {
        Extractor {
            heap,
            index,
            manner: Manner::Portable,
            customs: None,
        }
    }

    /// The same with what the image says of objects that travel.
    pub fn with_customs(self, customs: &'a Customs) -> Extractor<'a> {
        let customs = Some(customs);
        Extractor { customs, ..self }
    }

    /// The heap.
    pub fn heap(&self) -> &'a Heap {
        self.heap
    }

    /// Its index.
    pub fn index(&self) -> &'a ImageIndex {
        self.index
    }

    /// The id of an object.
    pub fn id_of(&self, oop: Oop) -> u64 {
        (oop.bits() - self.heap.base()) / 8
    }

    /// The object with an id; `None` where none begins there.
    pub fn oop_at(&self, id: u64) -> Option<Oop> {
        self.index
            .is_start(id)
            .then(|| Oop::from_bits(self.heap.base() + id * 8))
    }

    /// The ghost that stands for an object.
    pub fn ghost_of(&self, oop: Oop) -> Ghost {
        let id = self.id_of(oop);
        let hash = match self.heap.header(oop).hash() {
            0 => identity_hash_of_id(id),
            hash => hash,
        };
        Ghost { id, hash }
    }
}
