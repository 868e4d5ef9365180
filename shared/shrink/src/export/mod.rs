//! A slim image for stock virtual machines: nothing in it is known to Imprint alone.
//!
//! ```text
//!   ghost in a method dictionary     a stone, which raises PrunedBehavior or says nothing
//!   ghost anywhere else              a placeholder with its identity hash
//!   index that no class came for     a stand-in class
//!   what a machine makes itself      the same (Array, Context, Message, ...)
//!   the end of the entry expression  quit, or a process that idles      (`ending`)
//! ```
//!
//! One ghost becomes one placeholder, so identities neither merge nor part.

mod ending;

use imprint_heap::{Heap, NeedsSpace};
use imprint_image::spur_bytes;
use imprint_model::class_index::FIXED_INDICES;
use imprint_model::layout::{behavior, method_dictionary};
use imprint_model::{ClassIndex, Ghost, Oop};
use imprint_vm::install::Names;
use imprint_vm::stand_in::{StandIns, Whereabouts, name_of_index};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::error::ShrinkError;

/// The Spur file of a heap that may hold ghosts and objects without classes; `names` knows the
/// class indices of the full image as far as they were told.
///
/// # Errors
/// Where the heap is not whole.
pub fn spur_file(heap: &mut Heap, names: &Names) -> Result<Vec<u8>, ShrinkError> {
    let mut export = Export {
        stand_ins: StandIns::new(first_unused_index(heap, names)),
        places: FxHashMap::default(),
        whereabouts: Whereabouts::of(heap, &Names::scan(heap)),
        names,
    };
    export.replace_ghosts(heap)?;
    ending::add(heap, names, &mut export.stand_ins)?;
    export.fill_class_table(heap)?;
    Ok(spur_bytes(heap)?)
}

struct Export<'a> {
    stand_ins: StandIns,
    places: FxHashMap<u64, Oop>,
    whereabouts: Whereabouts,
    names: &'a Names,
}

impl Export<'_> {
    fn replace_ghosts(&mut self, heap: &mut Heap) -> Result<(), NeedsSpace> {
        let values = method_arrays(heap);
        for oop in heap.all_objects() {
            let is_values = values.contains(&oop);
            for slot in 0..heap.pointer_slot_count(oop) {
                let Some(ghost) = heap.slot(oop, slot).as_ghost() else {
                    continue;
                };
                let stand_in = if is_values {
                    self.stand_ins.stone(heap, self.names, None)?
                } else {
                    self.place(heap, ghost)?
                };
                heap.store(oop, slot, stand_in);
            }
        }
        Ok(())
    }

    /// What stands for an object: its class, where it is one that has a name here.
    fn place(&mut self, heap: &mut Heap, ghost: Ghost) -> Result<Oop, NeedsSpace> {
        if let Some(place) = self.places.get(&ghost.id) {
            return Ok(*place);
        }
        let name = self.whereabouts.name(ghost);
        let of_class = name_of_index(self.names, ghost.hash);
        let is_class = of_class.is_some_and(|class| name == Some(&*class.class) && !class.meta);
        let place = if is_class {
            self.stand_ins.class_at(heap, self.names, ghost.hash)?
        } else {
            self.stand_ins.place(heap, self.names, ghost, name)?
        };
        self.places.insert(ghost.id, place);
        Ok(place)
    }

    /// Gives every index that is used a class; stand-ins use further ones.
    fn fill_class_table(&mut self, heap: &mut Heap) -> Result<(), NeedsSpace> {
        for (_, index) in FIXED_INDICES {
            self.stand_ins.class_at(heap, self.names, *index)?;
        }
        loop {
            let lacking = lacking_indices(heap);
            if lacking.is_empty() {
                break;
            }
            for index in lacking {
                self.stand_ins.class_at(heap, self.names, index)?;
            }
        }
        let small_integer = heap.class_at(ClassIndex::SMALL_INTEGER);
        if let Some(class) = small_integer.filter(|_| !heap.is_class_index(SMALL_INTEGER_AGAIN)) {
            heap.enter_class_alias(class, SMALL_INTEGER_AGAIN);
        }
        Ok(())
    }
}

/// The second index of SmallInteger, whose tag takes every odd value.
const SMALL_INTEGER_AGAIN: u32 = 3;

/// The arrays in which method dictionaries keep their values.
fn method_arrays(heap: &Heap) -> FxHashSet<Oop> {
    let dictionaries = heap
        .classes()
        .map(|(_, class)| heap.slot(class, behavior::METHOD_DICTIONARY));
    let objects = dictionaries.filter(|oop| oop.is_object() && *oop != heap.nil());
    objects
        .map(|oop| heap.slot(oop, method_dictionary::ARRAY))
        .collect()
}

/// Indices of objects that name no class, in order.
fn lacking_indices(heap: &Heap) -> Vec<u32> {
    let mut lacking = Vec::new();
    heap.for_each_object(|oop| {
        let index = heap.class_index_of(oop);
        if !heap.is_class_index(index) {
            lacking.push(index);
        }
    });
    lacking.sort_unstable();
    lacking.dedup();
    lacking
}

/// An index above all that are in use or told.
fn first_unused_index(heap: &Heap, names: &Names) -> u32 {
    let mut highest = ClassIndex::FIRST_FREE;
    let mut see = |index: u32| {
        if index < ClassIndex::FIRST_OF_SLAVE {
            highest = highest.max(index);
        }
    };
    heap.for_each_object(|oop| see(heap.class_index_of(oop)));
    heap.classes().for_each(|(index, _)| see(index));
    for name in names.class_names() {
        let entry = names.class(name);
        entry.into_iter().for_each(|entry| {
            see(entry.index);
            see(entry.meta_index);
        });
    }
    highest + 1
}
