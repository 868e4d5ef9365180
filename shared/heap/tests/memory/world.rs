//! A world small enough to see through: nil, false, true, and a class for each kind of shape.

use imprint_heap::{Collection, CollectionReport, Heap, HeapSettings, Safepoint, Zeal};
use imprint_model::layout::behavior;
use imprint_model::{ClassIndex, Format, InstanceSpec, Oop};

/// Class indices of the world.
pub const CLASS: u32 = 1027;
pub const PAIR: u32 = 1028;
pub const WEAK_ARRAY: u32 = 1029;
pub const EPHEMERON: u32 = 1030;
pub const METHOD: u32 = 1031;
pub const BYTE_SYMBOL: u32 = 1032;
pub const WIDE_SYMBOL: u32 = 1033;
pub const WEAK_WITH_NAME: u32 = 1034;

const SHAPES: &[(u32, u8, u16)] = &[
    (ClassIndex::ARRAY, 2, 0),
    (ClassIndex::BYTE_ARRAY, 16, 0),
    (ClassIndex::BOXED_FLOAT, 10, 0),
    (1024, 0, 0),
    (1025, 0, 0),
    (1026, 0, 0),
    (CLASS, 1, 5),
    (PAIR, 1, 2),
    (WEAK_ARRAY, 4, 0),
    (EPHEMERON, 5, 2),
    (METHOD, 24, 0),
    (BYTE_SYMBOL, 16, 0),
    (WIDE_SYMBOL, 10, 0),
    (WEAK_WITH_NAME, 4, 1),
];

/// Small spaces, every collection verified, freed memory poisoned.
pub fn zealous() -> HeapSettings {
    HeapSettings {
        eden_bytes: 64 << 10,
        limit_bytes: 64 << 20,
        headroom_bytes: 1 << 20,
        zeal: Some(Zeal::every(1)),
        ..HeapSettings::default()
    }
}

/// A heap with the world in it; the special objects array holds the classes.
pub fn world(settings: HeapSettings) -> Heap {
    let mut heap = Heap::new(settings).expect("address space");
    let nil = heap.allocate_old(1024, Format::EMPTY, 0).expect("room");
    let no = heap.allocate_old(1025, Format::EMPTY, 0).expect("room");
    let yes = heap.allocate_old(1026, Format::EMPTY, 0).expect("room");
    heap.set_singletons(nil, no, yes);
    let globals = heap
        .allocate_old(ClassIndex::ARRAY, Format::ARRAY, 80)
        .expect("room");
    heap.set_special_objects(globals);
    for (at, (index, spec, fixed_fields)) in SHAPES.iter().enumerate() {
        let class = heap.allocate_old(CLASS, Format::FIXED, 5).expect("room");
        let spec = InstanceSpec {
            spec: *spec,
            fixed_fields: *fixed_fields,
        };
        let value = Oop::small_integer(spec.to_small_integer()).expect("small");
        heap.store(class, behavior::FORMAT, value);
        heap.enter_class(class, Some(*index));
        heap.store(globals, 60 + at, class);
    }
    heap.set_symbol_classes(BYTE_SYMBOL, WIDE_SYMBOL);
    heap
}

/// Collects with these oops as the roots.
pub fn collect(heap: &mut Heap, kind: Collection, roots: &mut Vec<Oop>) -> CollectionReport {
    heap.collect(Safepoint::at_interpreter_loop(), kind, roots)
}

/// An Array of these elements.
pub fn array(heap: &mut Heap, elements: &[Oop]) -> Oop {
    let oop = heap
        .allocate(ClassIndex::ARRAY, Format::ARRAY, elements.len())
        .expect("room");
    for (index, element) in elements.iter().enumerate() {
        heap.store(oop, index, *element);
    }
    oop
}

/// A pair.
pub fn pair(heap: &mut Heap, first: Oop, second: Oop) -> Oop {
    let oop = heap.allocate(PAIR, Format::FIXED, 2).expect("room");
    heap.store(oop, 0, first);
    heap.store(oop, 1, second);
    oop
}
