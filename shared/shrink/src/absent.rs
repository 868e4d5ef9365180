//! Classes that did not come though objects of theirs did: a slim image tells their names, so that what
//! is asked of such an object can be told by name.

use std::collections::BTreeSet;

use imprint_heap::Heap;
use imprint_image::{AbsentClass, OpenedImage};
use imprint_model::class_index::FIXED_INDICES;
use imprint_vm::install::Names;

/// The absent classes of a heap, but for those whose index is Spur's own; `names` knows what was told of the
/// full image.
pub(crate) fn absent_classes(heap: &Heap, names: &Names) -> Vec<AbsentClass> {
    let mut indices = BTreeSet::new();
    heap.for_each_object(|oop| {
        let index = heap.class_index_of(oop);
        let is_fixed = || FIXED_INDICES.iter().any(|(_, fixed)| *fixed == index);
        if !heap.is_class_index(index) && !is_fixed() {
            indices.insert(index);
        }
    });
    let class = |index: u32| {
        let name = &names.behavior_at(index)?.class;
        let entry = names.class(name)?;
        Some(AbsentClass {
            name: name.to_string(),
            index: entry.index,
            meta_index: entry.meta_index,
        })
    };
    indices.into_iter().filter_map(class).collect()
}

/// The names of an image that was opened, those of classes included that it lacks.
pub fn names_of(opened: &OpenedImage) -> Names {
    let absent = opened.metadata.absent_classes().into_iter();
    let declared: Vec<_> = absent
        .map(|it| (it.name.into(), it.index, it.meta_index))
        .collect();
    Names::scan_declared(&opened.heap, &declared)
}
