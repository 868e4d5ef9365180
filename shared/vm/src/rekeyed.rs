//! Collections by hash whose keys have other hashes than when they were put in.
//!
//! In an image of 32-bit words an integer beyond 31 bits is a large one, and a float has an identity of its
//! own; converted to 64 bits both are immediates, and hash otherwise. A collection that holds such a key
//! would not find it again: it is sent its own `rehash`, by the image's own code, before anything runs.

use imprint_heap::Heap;
use imprint_isa::expression::message_to_self;
use imprint_model::Oop;
use rustc_hash::FxHashMap;

use crate::install::{class_name, lineage};
use crate::machine::Vm;

/// What all collections by hash understand.
const REHASH: &str = "rehash";
/// The roots of the collections by hash, in one family or another.
const HASHED: &[&str] = &["HashedCollection", "Set", "Dictionary"];
/// Keyed by symbols, whose hashes stay; and read by this machine.
const KEYED_BY_SYMBOLS: &str = "MethodDictionary";
/// Integers of an image of 32-bit words have so many bits.
const NARROW_BITS: u32 = 31;
/// A key that has such a number within it may hash by it: an association, a point, an array of them.
const DEPTH_MAX: usize = 4;
/// So many slots of such a key are looked at.
const SLOTS_MAX: usize = 64;

/// What became of the collections of an image.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Rehashed {
    /// How many were rehashed.
    pub collections: usize,
    /// Of those that could not be: class, and why.
    pub failures: Vec<String>,
}

impl Vm {
    /// Rehashes each collection that may hold a number which was no immediate in 32 bits. Nothing has run yet.
    pub fn rehash_rekeyed(&mut self) -> Rehashed {
        let mut rehashed = Rehashed::default();
        let message = message_to_self(REHASH, None);
        let active = self.active_process_or_nil();
        let below = self.set_aside.len();
        self.set_aside.push(active);
        let suspects = suspects(&self.heap);
        self.set_aside.extend(suspects);
        while self.set_aside.len() > below + 1
            && let Some(collection) = self.set_aside.pop()
        {
            let owner = self.behavior_name(self.heap.class_of(collection));
            match self.run_aside(&message, collection) {
                Ok(_) => rehashed.collections += 1,
                Err(why) => rehashed.failures.push(format!("{owner}: {why}")),
            }
        }
        // Whoever was active when the image was saved goes on.
        let active = self.set_aside.pop().unwrap_or(self.heap.nil());
        self.set_active_process(active);
        rehashed
    }
}

/// The collections by hash that hold a number which is an immediate only in 64 bits.
fn suspects(heap: &Heap) -> Vec<Oop> {
    let mut hashed: FxHashMap<u32, bool> = FxHashMap::default();
    let mut found = Vec::new();
    heap.for_each_object(|oop| {
        let index = heap.class_index_of(oop);
        let is_hashed = *hashed.entry(index).or_insert_with(|| {
            heap.class_at(index)
                .is_some_and(|class| is_hashed(heap, class))
        });
        if is_hashed && slots(heap, oop).any(|slot| has_elements_rekeyed(heap, slot)) {
            found.push(oop);
        }
    });
    found
}

fn is_hashed(heap: &Heap, class: Oop) -> bool {
    let lineage = lineage(heap, class);
    // That of a class side is the lineage of its class, which is no collection itself.
    if lineage.first() != Some(&class) {
        return false;
    }
    let names: Vec<_> = (lineage.into_iter())
        .filter_map(|class| class_name(heap, class))
        .collect();
    let is_named = |wanted: &str| names.iter().any(|name| &**name == wanted);
    HASHED.iter().any(|root| is_named(root)) && !is_named(KEYED_BY_SYMBOLS)
}

/// Whether an object has indexed elements, and one of them holds such a number.
fn has_elements_rekeyed(heap: &Heap, array: Oop) -> bool {
    is_pointers(heap, array)
        && slots(heap, array).any(|element| is_rekeyed(heap, element, DEPTH_MAX))
}

fn is_rekeyed(heap: &Heap, oop: Oop, depth: usize) -> bool {
    if let Some(value) = oop.as_small_integer() {
        return value != value << (64 - NARROW_BITS) >> (64 - NARROW_BITS);
    }
    if oop.as_small_float().is_some() {
        return true;
    }
    depth > 0
        && is_pointers(heap, oop)
        && slots(heap, oop)
            .take(SLOTS_MAX)
            .any(|slot| is_rekeyed(heap, slot, depth - 1))
}

fn is_pointers(heap: &Heap, oop: Oop) -> bool {
    oop.is_object() && oop != heap.nil() && heap.format(oop).is_pointers()
}

fn slots(heap: &Heap, oop: Oop) -> impl Iterator<Item = Oop> {
    let count = if is_pointers(heap, oop) {
        heap.pointer_slot_count(oop)
    } else {
        0
    };
    (0..count).map(move |slot| heap.slot(oop, slot))
}
