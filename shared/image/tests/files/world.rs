//! A small world in Pharo's shapes: classes with metaclasses and names, symbols, a method with its
//! dictionary, weak objects, numbers of all kinds.

use imprint_heap::{Heap, HeapSettings};
use imprint_model::known::KNOWN_COUNT;
use imprint_model::layout::{association, behavior, class, metaclass, method_dictionary};
use imprint_model::{ClassIndex, Format, Ghost, InstanceSpec, Known, MethodHeader, Oop};

pub const METACLASS: u32 = 1027;
pub const BYTE_SYMBOL: u32 = 1029;
pub const WIDE_SYMBOL: u32 = 1030;
pub const METHOD_DICTIONARY: u32 = 1031;
pub const COMPILED_METHOD: u32 = 1032;
pub const WEAK_ARRAY: u32 = 1033;
pub const ASSOCIATION: u32 = 1034;
pub const WORDS: u32 = 1035;
pub const WIDE_STRING: u32 = 1036;

const CLASSES: &[(&str, u32, u8, u16)] = &[
    ("SmallInteger", ClassIndex::SMALL_INTEGER, 7, 0),
    ("Array", ClassIndex::ARRAY, 2, 0),
    ("ByteArray", ClassIndex::BYTE_ARRAY, 16, 0),
    ("ByteString", ClassIndex::BYTE_STRING, 16, 0),
    ("LargePositiveInteger", ClassIndex::LARGE_POSITIVE, 16, 0),
    ("LargeNegativeInteger", ClassIndex::LARGE_NEGATIVE, 16, 0),
    ("BoxedFloat64", ClassIndex::BOXED_FLOAT, 10, 0),
    ("UndefinedObject", 1024, 0, 0),
    ("False", 1025, 0, 0),
    ("True", 1026, 0, 0),
    ("ByteSymbol", BYTE_SYMBOL, 16, 0),
    ("WideSymbol", WIDE_SYMBOL, 10, 0),
    ("MethodDictionary", METHOD_DICTIONARY, 3, 2),
    ("CompiledMethod", COMPILED_METHOD, 24, 0),
    ("WeakArray", WEAK_ARRAY, 4, 0),
    ("Association", ASSOCIATION, 1, 2),
    ("DoubleByteArray", WORDS, 12, 0),
    ("WideString", WIDE_STRING, 10, 0),
];

/// A heap of default size.
pub fn settings() -> HeapSettings {
    HeapSettings {
        eden_bytes: 64 << 10,
        limit_bytes: 64 << 20,
        ..HeapSettings::default()
    }
}

fn spec(heap: &mut Heap, oop: Oop, spec: u8, fixed_fields: u16) {
    let value = InstanceSpec { spec, fixed_fields }.to_small_integer();
    heap.store(
        oop,
        behavior::FORMAT,
        Oop::small_integer(value).expect("small"),
    );
}

/// nil, false, true and the classes, each with a metaclass of the index after the last class.
pub fn bare_world() -> Heap {
    let mut heap = Heap::new(settings()).expect("address space");
    let firsts: Vec<Oop> = (1024..1027)
        .map(|index| heap.allocate_old(index, Format::EMPTY, 0).expect("room"))
        .collect();
    heap.set_singletons(firsts[0], firsts[1], firsts[2]);
    let array = heap
        .allocate_old(ClassIndex::ARRAY, Format::ARRAY, KNOWN_COUNT)
        .expect("room");
    heap.set_special_objects(array);
    for (known, value) in [(Known::Nil, 0), (Known::False, 1), (Known::True, 2)] {
        heap.set_known(known, firsts[value]);
    }
    let metaclass = heap
        .allocate_old(1028, Format::FIXED, class::SIZE)
        .expect("room");
    spec(&mut heap, metaclass, 1, metaclass::SIZE as u16);
    heap.enter_class(metaclass, Some(METACLASS));
    make_meta(&mut heap, metaclass, 1028);
    heap.set_symbol_classes(BYTE_SYMBOL, WIDE_SYMBOL);
    for (at, (_, index, format, fields)) in CLASSES.iter().enumerate() {
        let meta_index = 1100 + at as u32;
        let class = heap
            .allocate_old(meta_index, Format::FIXED, class::SIZE)
            .expect("room");
        spec(&mut heap, class, *format, *fields);
        heap.enter_class(class, Some(*index));
        make_meta(&mut heap, class, meta_index);
    }
    for (name, index, ..) in CLASSES.iter().chain(&[("Metaclass", METACLASS, 1, 6)]) {
        let name = heap.intern(name).expect("room");
        let class = heap.class_at(*index).expect("made above");
        heap.store(class, class::NAME, name);
    }
    heap.enter_class_alias(heap.class_at(1).expect("made above"), 3);
    for (known, index) in [
        (Known::Array, ClassIndex::ARRAY),
        (Known::BoxedFloat, ClassIndex::BOXED_FLOAT),
        (Known::LargePositive, ClassIndex::LARGE_POSITIVE),
        (Known::LargeNegative, ClassIndex::LARGE_NEGATIVE),
    ] {
        heap.set_known(known, heap.class_at(index).expect("made above"));
    }
    let selector = heap.intern("doesNotUnderstand:").expect("room");
    heap.set_known(Known::DoesNotUnderstand, selector);
    heap
}

fn make_meta(heap: &mut Heap, class: Oop, index: u32) {
    let meta = heap
        .allocate_old(METACLASS, Format::FIXED, metaclass::SIZE)
        .expect("room");
    spec(heap, meta, 1, class::SIZE as u16);
    heap.store(meta, metaclass::THIS_CLASS, class);
    heap.enter_class(meta, Some(index));
}

/// The bare world with everything that an image may hold, but ghosts.
pub fn world() -> Heap {
    let mut heap = bare_world();
    for (name, index, ..) in CLASSES {
        let class = heap.class_at(*index).expect("made");
        let pair = association_of(&mut heap, name, class);
        push(&mut heap, pair);
    }
    add_method(&mut heap);
    add_values(&mut heap);
    heap
}

/// Makes an object reachable: a chain of arrays hangs on a special object.
pub fn push(heap: &mut Heap, value: Oop) {
    let before = heap.known(Known::Smalltalk);
    let link = heap
        .allocate(ClassIndex::ARRAY, Format::ARRAY, 2)
        .expect("room");
    heap.store(link, 0, value);
    heap.store(link, 1, before);
    heap.set_known(Known::Smalltalk, link);
}

/// What was pushed, the last first.
pub fn pushed(heap: &Heap) -> Vec<Oop> {
    let mut found = Vec::new();
    let mut at = heap.known(Known::Smalltalk);
    while at != heap.nil() {
        found.push(heap.slot(at, 0));
        at = heap.slot(at, 1);
    }
    found
}

fn association_of(heap: &mut Heap, key: &str, value: Oop) -> Oop {
    let key = heap.intern(key).expect("room");
    let oop = heap.allocate(ASSOCIATION, Format::FIXED, 2).expect("room");
    heap.store(oop, association::KEY, key);
    heap.store(oop, association::VALUE, value);
    oop
}

fn add_method(heap: &mut Heap) {
    let selector = heap.intern("yourself").expect("room");
    let header = MethodHeader {
        literal_count: 2,
        ..MethodHeader::default()
    };
    let code = heap
        .allocate_code(COMPILED_METHOD, header, &[88, 0, 0, 0, 0, 0])
        .expect("room");
    heap.store(code, 1, selector);
    let dictionary = heap
        .allocate_old(METHOD_DICTIONARY, Format::FIXED_AND_INDEXED, 6)
        .expect("room");
    let values = heap
        .allocate_old(ClassIndex::ARRAY, Format::ARRAY, 4)
        .expect("room");
    heap.store(dictionary, method_dictionary::TALLY, Oop::small(1));
    heap.store(dictionary, method_dictionary::ARRAY, values);
    heap.store(dictionary, method_dictionary::FIRST_KEY, selector);
    heap.store(values, 0, code);
    let class = heap.class_at(1024).expect("made");
    heap.store(class, behavior::METHOD_DICTIONARY, dictionary);
}

fn add_values(heap: &mut Heap) {
    for value in [i64::from(i32::MIN), 0, 1 << 59, -(1 << 60), (1 << 60) - 1] {
        push(heap, Oop::small_integer(value).expect("in range"));
    }
    push(heap, Oop::character(0x1F600));
    for value in [0.0, -0.5, 1e300, f64::INFINITY] {
        let float = heap.new_float(value).expect("room");
        push(heap, float);
    }
    for length in [0, 1, 7, 8, 3000] {
        let content: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
        let bytes = heap
            .allocate_bytes(ClassIndex::BYTE_ARRAY, &content)
            .expect("room");
        push(heap, bytes);
    }
    for length in [0, 254, 255, 300] {
        let array = heap
            .allocate(ClassIndex::ARRAY, Format::ARRAY, length)
            .expect("room");
        heap.set_read_only(array, true);
        push(heap, array);
    }
    let (slots, format) = Format::WORDS_16.sized(6);
    let words = heap.allocate(WORDS, format, slots).expect("room");
    heap.words_16_mut(words).copy_from_slice(&[1, 2, 65535]);
    heap.identity_hash(words);
    push(heap, words);
    let wide = heap
        .new_string(ClassIndex::BYTE_STRING, WIDE_STRING, "日本")
        .expect("room");
    push(heap, wide);
    let symbol = heap.intern("日本:").expect("room");
    push(heap, symbol);
    let weak = heap.allocate(WEAK_ARRAY, Format::WEAK, 2).expect("room");
    heap.store(weak, 0, symbol);
    let lost = heap.allocate(ASSOCIATION, Format::FIXED, 2).expect("room");
    heap.store(weak, 1, lost);
    push(heap, weak);
}

/// A ghost.
pub fn ghost(id: u64) -> Oop {
    Oop::ghost(Ghost::new(id, 4711).expect("in range"))
}

/// Both heaps reach the same graph: same classes, formats, flags, contents, in the same shape.
pub fn assert_same(one: &Heap, other: &Heap) {
    let mut pairs = rustc_hash::FxHashMap::default();
    let mut waiting = vec![(one.special_objects(), other.special_objects())];
    while let Some((left, right)) = waiting.pop() {
        if !left.is_object() {
            assert_eq!(left, right);
            continue;
        }
        if let Some(known) = pairs.insert(left, right) {
            assert_eq!(known, right, "one object became two");
            continue;
        }
        let (head, tail) = (one.header(left), other.header(right));
        assert_eq!(head.class_index(), tail.class_index());
        assert_eq!(head.format(), tail.format());
        assert_eq!(head.hash(), tail.hash());
        assert_eq!(head.is_read_only(), tail.is_read_only());
        assert_eq!(one.slot_count(left), other.slot_count(right));
        assert_eq!(one.bytes(left), other.bytes(right));
        let strong = if head.format().is_weak() {
            0
        } else {
            one.pointer_slot_count(left)
        };
        for slot in 0..strong {
            waiting.push((one.slot(left, slot), other.slot(right, slot)));
        }
        waiting.push((one.class_of(left), other.class_of(right)));
    }
    assert!(pairs.len() > 50, "{} objects are few", pairs.len());
}
