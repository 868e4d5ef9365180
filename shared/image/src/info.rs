//! What an image holds, for people: counts and a tally by class.

use imprint_heap::Heap;
use imprint_model::Oop;
use imprint_model::class_index::FIXED_INDICES;
use imprint_model::layout::{class, metaclass};
use rustc_hash::FxHashMap;

use crate::compact::AbsentClass;

/// Objects and bytes of one class.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClassTally {
    /// The class.
    pub name: String,
    /// Its instances.
    pub objects: usize,
    /// What they take in the heap, headers included.
    pub bytes: usize,
}

/// What an image holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ImageInfo {
    /// `Spur 68021` or `compact 1`.
    pub format: String,
    /// Bits of a word; always 64.
    pub word_bits: u32,
    /// The bytecode set of its methods.
    pub bytecode_set: &'static str,
    /// Classes, without metaclasses.
    pub classes: usize,
    /// Metaclasses.
    pub metaclasses: usize,
    /// Compiled methods, without blocks.
    pub methods: usize,
    /// Compiled blocks.
    pub blocks: usize,
    /// Objects in all.
    pub objects: usize,
    /// Bytes of them in the heap.
    pub heap_bytes: usize,
    /// References to objects that stayed behind.
    pub ghosts: usize,
    /// By class, most bytes first.
    pub tally: Vec<ClassTally>,
}

impl ImageInfo {
    /// Counts a heap that came of a file of this format; `absent` names classes that it lacks.
    pub fn of(heap: &Heap, format: impl Into<String>, absent: &[AbsentClass]) -> ImageInfo {
        let mut info = ImageInfo {
            format: format.into(),
            word_bits: 64,
            bytecode_set: "Sista V1",
            classes: 0,
            metaclasses: 0,
            methods: 0,
            blocks: 0,
            objects: 0,
            heap_bytes: 0,
            ghosts: 0,
            tally: Vec::new(),
        };
        info.count_objects(heap, absent);
        info.count_classes(heap);
        info
    }

    fn count_objects(&mut self, heap: &Heap, absent: &[AbsentClass]) {
        let mut by_class: FxHashMap<u32, (usize, usize)> = FxHashMap::default();
        heap.for_each_object(|oop| {
            let bytes = Heap::bytes_for(heap.slot_count(oop));
            let entry = by_class.entry(heap.class_index_of(oop)).or_default();
            entry.0 += 1;
            entry.1 += bytes;
            self.objects += 1;
            self.heap_bytes += bytes;
            let slots = heap.slots(oop).iter();
            self.ghosts += slots
                .filter(|word| Oop::from_bits(**word).is_ghost())
                .count();
        });
        for (class_index, (objects, bytes)) in by_class {
            let name = heap
                .class_at(class_index)
                .map(|class| class_name(heap, class));
            let fixed = || {
                FIXED_INDICES
                    .iter()
                    .find(|(_, index)| *index == class_index)
            };
            let name = name.or_else(|| fixed().map(|(name, _)| (*name).to_owned()));
            let noted = || absent.iter().find(|class| class.index == class_index);
            let name = name.or_else(|| noted().map(|class| class.name.clone()));
            let name = name.unwrap_or_else(|| format!("class {class_index}"));
            match name.as_str() {
                "CompiledMethod" => self.methods = objects,
                "CompiledBlock" => self.blocks = objects,
                _ => {}
            }
            self.tally.push(ClassTally {
                name,
                objects,
                bytes,
            });
        }
        self.tally.sort_by(|one, other| {
            other
                .bytes
                .cmp(&one.bytes)
                .then_with(|| one.name.cmp(&other.name))
        });
    }

    fn count_classes(&mut self, heap: &Heap) {
        let mut seen = rustc_hash::FxHashSet::default();
        for (_, class) in heap.classes().filter(|(_, class)| seen.insert(*class)) {
            if is_metaclass(heap, class) {
                self.metaclasses += 1;
            } else {
                self.classes += 1;
            }
        }
    }
}

fn is_metaclass(heap: &Heap, class: Oop) -> bool {
    let names_class = heap.slot_count(class) > metaclass::THIS_CLASS && {
        let this = heap.slot(class, metaclass::THIS_CLASS);
        this.is_object() && heap.looks_like_behavior(this) && heap.class_of(this) == class
    };
    names_class && !has_name(heap, class)
}

fn has_name(heap: &Heap, class: Oop) -> bool {
    heap.slot_count(class) > class::NAME
        && heap.string_text(heap.slot(class, class::NAME)).is_some()
}

/// The name of a class, or of a metaclass by its only instance.
pub fn class_name(heap: &Heap, class: Oop) -> String {
    if !class.is_object() || !heap.format(class).is_pointers() {
        return "unknown class".to_owned();
    }
    if has_name(heap, class) {
        let name = heap.string_text(heap.slot(class, class::NAME));
        return name.unwrap_or_else(|| "unnamed class".to_owned());
    }
    if is_metaclass(heap, class) {
        let this = heap.slot(class, metaclass::THIS_CLASS);
        if has_name(heap, this) {
            return format!("{} class", class_name(heap, this));
        }
    }
    "unnamed class".to_owned()
}
