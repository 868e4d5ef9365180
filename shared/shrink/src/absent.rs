//! Classes that did not come though objects of theirs did: a slim image tells their names in a note
//! of its metadata, a line each, so that what is asked of such an object can be told by name.
//!
//! ```text
//! Foo 1035 1036      name, index in the class table, index of the metaclass
//! ```

use std::collections::BTreeSet;

use imprint_heap::Heap;
use imprint_image::{Metadata, OpenedImage};
use imprint_vm::extract::ClassIndices;
use imprint_vm::install::Names;

/// Name of the note.
const NOTE: &str = "absent classes";

/// The note of an image; `names` knows what was told of the full image. `None` where each object's
/// class is there.
pub(crate) fn note(heap: &Heap, names: &Names) -> Option<(String, String)> {
    let mut indices = BTreeSet::new();
    heap.for_each_object(|oop| {
        let index = heap.class_index_of(oop);
        if !heap.is_class_index(index) {
            indices.insert(index);
        }
    });
    let line = |index: u32| {
        let name = &names.behavior_at(index)?.class;
        let entry = names.class(name)?;
        Some(format!("{name} {} {}", entry.index, entry.meta_index))
    };
    let lines: Vec<String> = indices.into_iter().filter_map(line).collect();
    (!lines.is_empty()).then(|| (NOTE.to_string(), lines.join("\n")))
}

/// The classes that a note tells; lines that make no sense tell none.
fn told(metadata: &Metadata) -> Vec<ClassIndices> {
    let note = metadata.notes.iter().find(|(name, _)| name == NOTE);
    let lines = note.into_iter().flat_map(|(_, text)| text.lines());
    let class = |line: &str| {
        let mut words = line.rsplitn(3, ' ');
        let meta_index = words.next()?.parse().ok()?;
        let index = words.next()?.parse().ok()?;
        Some((words.next()?.into(), index, meta_index))
    };
    lines.filter_map(class).collect()
}

/// The names of an image that was opened, those of classes included that did not come.
pub fn names_of(opened: &OpenedImage) -> Names {
    Names::scan_declared(&opened.heap, &told(&opened.metadata))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_make_no_sense_tell_no_class() {
        let text = "Foo 1035 1036\n\nBar\nBar 1 x\nB a r 7 8\n1 2";
        let metadata = Metadata {
            notes: vec![(NOTE.to_string(), text.to_string())],
            ..Metadata::default()
        };
        let expected = [("Foo".into(), 1035, 1036), ("B a r".into(), 7, 8)];
        assert_eq!(told(&metadata), expected);
        assert!(told(&Metadata::default()).is_empty());
    }
}
