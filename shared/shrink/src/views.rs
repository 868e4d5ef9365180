//! Containers that are views of the whole system: in a slim image they hold what is in it.
//!
//! ```text
//!   ghosts that are here now            healed, everywhere
//!   weak slots that stayed ghosts       nil
//!   subclasses of a class               those that came
//!   dictionary of globals               the bindings that came, hashed anew
//! ```

use imprint_heap::{Heap, NeedsSpace};
use imprint_isa::{BehaviorName, Name};
use imprint_model::hash::identity_hash_of_id;
use imprint_model::layout::association;
use imprint_model::{ClassIndex, Format, Oop};
use imprint_vm::Presence;
use imprint_vm::install::{Names, family_of, is_class};
use rustc_hash::FxHashSet;

/// The class of the dictionary of globals.
pub const GLOBALS_CLASS: &str = "SystemEnvironment";
/// Bits that an image puts below an identity hash (`identityHash` of Pharo).
const IDENTITY_HASH_SHIFT: u32 = 8;

/// Makes the containers of a live heap that is to be written hold what is in it.
///
/// # Errors
/// Where there is no memory for them.
pub fn narrow_views(heap: &mut Heap, names: &Names, presence: &Presence) -> Result<(), NeedsSpace> {
    heal(heap, presence);
    narrow_subclasses(heap)?;
    narrow_globals(heap, names, &FxHashSet::default())
}

/// Puts present objects in the place of their ghosts. Other ghosts stay, in weak slots too: what they
/// stand for was alive, and is not equal to nil.
pub(crate) fn heal(heap: &mut Heap, presence: &Presence) {
    for oop in heap.all_objects() {
        for slot in 0..heap.pointer_slot_count(oop) {
            let value = heap.slot(oop, slot);
            if !value.is_ghost() {
                continue;
            }
            let healed = presence.heal(value);
            if healed != value {
                heap.store(oop, slot, healed);
            }
        }
    }
}

/// Takes away the identity hashes that objects got only because they travelled: nobody in the slim
/// image has seen them.
pub(crate) fn forget_hashes(heap: &mut Heap, presence: &Presence) {
    let objects: Vec<(u64, Oop)> = presence.iter().filter(|(_, oop)| oop.is_object()).collect();
    for (id, oop) in objects {
        let is_class = heap.index_of_class(oop).is_some();
        if !is_class && !heap.is_symbol(oop) && heap.header(oop).hash() == identity_hash_of_id(id) {
            heap.set_identity_hash(oop, 0);
        }
    }
}

/// Leaves in the subclasses of each class those that came.
pub(crate) fn narrow_subclasses(heap: &mut Heap) -> Result<(), NeedsSpace> {
    let family = family_of(heap);
    let classes: Vec<Oop> = heap
        .classes()
        .map(|(_, oop)| oop)
        .filter(|oop| is_class(heap, family, *oop))
        .collect();
    for oop in classes {
        let array = heap.slot(oop, family.subclasses);
        if !array.is_object() || array == heap.nil() || !heap.format(array).is_pointers() {
            continue;
        }
        let all: Vec<Oop> = (0..heap.slot_count(array))
            .map(|slot| heap.slot(array, slot))
            .collect();
        let here: Vec<Oop> = all.iter().copied().filter(|oop| !oop.is_ghost()).collect();
        if here.len() < all.len() {
            let narrow = new_array(heap, heap.class_index_of(array), &here)?;
            heap.store(oop, family.subclasses, narrow);
        }
    }
    Ok(())
}

fn new_array(heap: &mut Heap, class_index: u32, elements: &[Oop]) -> Result<Oop, NeedsSpace> {
    let array = heap.allocate_old(class_index, Format::ARRAY, elements.len())?;
    for (slot, element) in elements.iter().enumerate() {
        heap.store(array, slot, *element);
    }
    Ok(array)
}

/// Leaves in the dictionary of globals the bindings that came, without those of `excluded` classes.
pub(crate) fn narrow_globals(
    heap: &mut Heap,
    names: &Names,
    excluded: &FxHashSet<Name>,
) -> Result<(), NeedsSpace> {
    let Some(index) = names.class_index(GLOBALS_CLASS) else {
        return Ok(());
    };
    let variables = names
        .all_instance_variables(&BehaviorName::class(GLOBALS_CLASS))
        .unwrap_or_default();
    let slot_of = |name: &str| variables.iter().position(|variable| &**variable == name);
    let (Some(tally), Some(array)) = (slot_of("tally"), slot_of("array")) else {
        return Ok(());
    };
    for environment in heap.instances_of(index) {
        let old = heap.slot(environment, array);
        if !old.is_object() || old == heap.nil() {
            continue;
        }
        let bindings: Vec<Oop> = (0..heap.slot_count(old))
            .map(|slot| heap.slot(old, slot))
            .filter(|binding| is_kept(heap, *binding, excluded))
            .collect();
        let rehashed = rehash(heap, &bindings)?;
        heap.store(environment, array, rehashed);
        heap.store(environment, tally, Oop::index(bindings.len()));
    }
    Ok(())
}

fn is_kept(heap: &Heap, binding: Oop, excluded: &FxHashSet<Name>) -> bool {
    if !binding.is_object() || heap.pointer_slot_count(binding) <= association::VALUE {
        return false;
    }
    let name = heap.string_text(heap.slot(binding, association::KEY));
    name.is_some_and(|name| !excluded.contains(name.as_str()))
}

/// An array in which each binding lies where an identity dictionary looks for its key.
fn rehash(heap: &mut Heap, bindings: &[Oop]) -> Result<Oop, NeedsSpace> {
    let capacity = if bindings.len() < 4 {
        5
    } else {
        ((bindings.len() + 1) * 4 / 3) | 1
    };
    let array = heap.allocate_old(ClassIndex::ARRAY, Format::ARRAY, capacity)?;
    for binding in bindings {
        let key = heap.slot(*binding, association::KEY);
        let mut slot = ((heap.identity_hash(key) as usize) << IDENTITY_HASH_SHIFT) % capacity;
        while heap.slot(array, slot) != heap.nil() {
            slot = (slot + 1) % capacity;
        }
        heap.store(array, slot, *binding);
    }
    Ok(array)
}
