//! What stands in a method dictionary where a method did not come.
//!
//! A selector that no Symbol of the slim image spells cannot be sent, and has no entry. Where it
//! can, something must stand in the dictionary, so that no inherited method answers for the one
//! that is gone: the image's own Tombstone where that class came, and else the ghost itself, which
//! the virtual machine reports by name.

use imprint_heap::{Heap, NeedsSpace};
use imprint_model::layout::behavior;
use imprint_model::{Format, Oop};
use imprint_vm::install::{MethodDictionary, Names};
use imprint_vm::stand_in::TOMBSTONE_CLASS;

use crate::live::Live;

/// An entry whose method did not come.
struct Absent {
    behavior: Oop,
    selector: Oop,
    ghost: Oop,
}

/// Puts tombstones into the method dictionaries of all classes; answers how many.
pub(crate) fn bury(heap: &mut Heap, names: &Names) -> Result<usize, NeedsSpace> {
    let absent = take_absent(heap)?;
    let stone = tombstone(heap, names)?;
    let live = Live::of(heap);
    let mut count = 0;
    for entry in absent.iter().filter(|entry| live.has(entry.selector)) {
        let dictionary = MethodDictionary(heap.slot(entry.behavior, behavior::METHOD_DICTIONARY));
        let value = stone.unwrap_or(entry.ghost);
        let grown = dictionary.put_growing(heap, entry.selector, value)?;
        if grown != dictionary {
            heap.store(entry.behavior, behavior::METHOD_DICTIONARY, grown.0);
        }
        count += usize::from(live.has(entry.behavior));
    }
    Ok(count)
}

/// Makes each dictionary anew with the methods that came; answers the entries that it lost.
fn take_absent(heap: &mut Heap) -> Result<Vec<Absent>, NeedsSpace> {
    let mut absent = Vec::new();
    let mut behaviors: Vec<Oop> = heap.classes().map(|(_, oop)| oop).collect();
    behaviors.dedup();
    for behavior_oop in behaviors {
        let dictionary = heap.slot(behavior_oop, behavior::METHOD_DICTIONARY);
        if !dictionary.is_object() || dictionary == heap.nil() {
            continue;
        }
        let mut entries = MethodDictionary(dictionary).entries(heap);
        entries.sort_by_key(|(selector, _)| heap.string_text(*selector));
        let (gone, here): (Vec<_>, Vec<_>) =
            entries.into_iter().partition(|(_, value)| value.is_ghost());
        let class_index = heap.class_index_of(dictionary);
        let narrow = MethodDictionary::new(heap, class_index, here.len())?;
        for (selector, method) in here {
            narrow.put(heap, selector, method);
        }
        heap.store(behavior_oop, behavior::METHOD_DICTIONARY, narrow.0);
        let note = |(selector, ghost)| Absent {
            behavior: behavior_oop,
            selector,
            ghost,
        };
        absent.extend(gone.into_iter().map(note));
    }
    Ok(absent)
}

/// The one tombstone of an image that knows how to raise its exception.
fn tombstone(heap: &mut Heap, names: &Names) -> Result<Option<Oop>, NeedsSpace> {
    if names.class_object(heap, TOMBSTONE_CLASS).is_none() {
        return Ok(None);
    }
    let index = names.class_index(TOMBSTONE_CLASS);
    index
        .map(|index| heap.allocate_old(index, Format::EMPTY, 0))
        .transpose()
}
