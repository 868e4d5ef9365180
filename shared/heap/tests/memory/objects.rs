//! Allocation, access, strings and symbols, class table, enumeration.

use crate::world::{
    BYTE_SYMBOL, CLASS, METHOD, PAIR, WEAK_ARRAY, WIDE_SYMBOL, array, pair, world, zealous,
};
use imprint_heap::{AllocationFailure, Collector, Heap, HeapSettings, PREFERRED_BASE};
use imprint_model::hash::symbol_identity_hash;
use imprint_model::layout::behavior;
use imprint_model::{ClassIndex, Format, Ghost, InstanceSpec, MethodHeader, Oop};

#[test]
fn a_new_object_holds_nil_and_has_its_class() {
    let mut heap = world(zealous());
    let oop = heap.allocate(PAIR, Format::FIXED, 2).unwrap();
    assert_eq!(heap.slot(oop, 0), heap.nil());
    assert_eq!(heap.slot(oop, 1), heap.nil());
    assert_eq!(heap.class_index_of(oop), PAIR);
    assert_eq!(Some(heap.class_of(oop)), heap.class_at(PAIR));
    assert!(heap.is_young(oop));
    assert!(!heap.is_young(heap.nil()));
}

#[test]
fn sizes_of_raw_objects_are_exact() {
    let mut heap = world(zealous());
    for length in [0, 1, 7, 8, 9, 2031, 2032, 2033, 2040, 4000] {
        let content: Vec<u8> = (0..length).map(|at| at as u8).collect();
        let oop = heap
            .allocate_bytes(ClassIndex::BYTE_ARRAY, &content)
            .unwrap();
        assert_eq!(heap.bytes(oop), content, "{length} bytes");
        assert_eq!(heap.indexable_size(oop), length);
        assert_eq!(heap.byte_count(oop), length);
    }
}

#[test]
fn objects_above_254_slots_keep_their_count_before_the_header() {
    let mut heap = world(zealous());
    for count in [253, 254, 255, 256, 700] {
        let oop = heap
            .allocate(ClassIndex::ARRAY, Format::ARRAY, count)
            .unwrap();
        assert_eq!(heap.slot_count(oop), count);
        assert_eq!(heap.indexable_size(oop), count);
        heap.store(oop, count - 1, Oop::small(7));
        let next = pair(&mut heap, oop, oop);
        assert_eq!(heap.next_object(oop), Some(next));
    }
}

#[test]
fn instances_take_their_shape_from_the_class() {
    let mut heap = world(zealous());
    let weak = heap.class_at(WEAK_ARRAY).unwrap();
    let oop = heap.instantiate(weak, 3).unwrap();
    assert!(heap.format(oop).is_weak());
    assert_eq!(heap.slot_count(oop), 3);
    let pair = heap.class_at(PAIR).unwrap();
    assert_eq!(
        heap.instantiate(pair, 1),
        Err(AllocationFailure::NotIndexable)
    );
    let bytes = heap.class_at(ClassIndex::BYTE_ARRAY).unwrap();
    assert_eq!(
        heap.instantiate(bytes, usize::MAX),
        Err(AllocationFailure::TooLarge(usize::MAX))
    );
    let code = heap.class_at(METHOD).unwrap();
    assert_eq!(
        heap.instantiate(code, 0),
        Err(AllocationFailure::NotInstantiable)
    );
    assert_eq!(
        heap.instantiate(heap.nil(), 0),
        Err(AllocationFailure::NotInstantiable)
    );
}

#[test]
fn a_class_gets_its_index_with_its_first_instance() {
    let mut heap = world(zealous());
    let class = heap.allocate_old(CLASS, Format::FIXED, 5).unwrap();
    let spec = InstanceSpec {
        spec: 3,
        fixed_fields: 2,
    };
    heap.store(
        class,
        behavior::FORMAT,
        Oop::small_integer(spec.to_small_integer()).unwrap(),
    );
    assert_eq!(heap.index_of_class(class), None);
    let oop = heap.instantiate(class, 4).unwrap();
    let index = heap.index_of_class(class).unwrap();
    assert_eq!(index, 1035);
    assert_eq!(heap.header(class).hash(), index);
    assert_eq!(heap.class_of(oop), class);
    assert_eq!(heap.fixed_fields(oop), 2);
    assert_eq!(heap.indexable_size(oop), 4);
    heap.set_first_free_class_index(ClassIndex::FIRST_OF_SLAVE);
    let other = heap.clone_shallow(class).unwrap();
    assert_eq!(heap.enter_class(other, None), ClassIndex::FIRST_OF_SLAVE);
    assert_eq!(heap.class_at(ClassIndex::FIRST_OF_SLAVE), Some(other));
}

#[test]
fn code_has_literals_and_bytes() {
    let mut heap = world(zealous());
    let header = MethodHeader {
        literal_count: 2,
        ..MethodHeader::default()
    };
    let code = heap.allocate_code(METHOD, header, &[1, 2, 3]).unwrap();
    assert_eq!(heap.method_header(code), Some(header));
    assert_eq!(heap.literal(code, 1), heap.nil());
    assert_eq!(heap.literal_count(code), 2);
    assert_eq!(heap.code_bytes(code), [1, 2, 3]);
    assert_eq!(heap.pointer_slot_count(code), 3);
    assert_eq!(heap.indexable_size(code), 27);
}

#[test]
fn symbols_are_one_object_a_text_with_a_hash_of_their_text() {
    let mut heap = world(zealous());
    for text in ["at:put:", "", "grün", "日本", "\u{10FFFF}"] {
        let symbol = heap.intern(text).unwrap();
        assert_eq!(heap.intern(text), Ok(symbol));
        assert_eq!(heap.symbol(text), Some(symbol));
        assert_eq!(heap.string_text(symbol).as_deref(), Some(text));
        assert_eq!(heap.header(symbol).hash(), symbol_identity_hash(text));
        let narrow = text.chars().all(|character| u32::from(character) < 256);
        let class = if narrow { BYTE_SYMBOL } else { WIDE_SYMBOL };
        assert_eq!(heap.class_index_of(symbol), class);
    }
    assert_eq!(heap.symbol("unknown"), None);
}

#[test]
fn a_text_where_another_one_stood_has_a_symbol_of_its_own() {
    let mut heap = world(zealous());
    let mut buffer = String::from("one");
    let one = heap.intern(&buffer).unwrap();
    buffer.replace_range(.., "two");
    let two = heap.intern(&buffer).unwrap();
    assert_ne!(one, two);
    assert_eq!(heap.string_text(two).as_deref(), Some("two"));
    buffer.replace_range(.., "one");
    assert_eq!(heap.intern(&buffer), Ok(one));
    assert_eq!(heap.intern(&buffer[..2]), heap.intern("on"));
}

#[test]
fn a_thousand_symbols_are_found_again() {
    let mut heap = world(zealous());
    let symbols: Vec<Oop> = (0..1000)
        .map(|n| heap.intern(&format!("s{n}")).unwrap())
        .collect();
    for (n, symbol) in symbols.iter().enumerate() {
        assert_eq!(heap.symbol(&format!("s{n}")), Some(*symbol));
    }
}

#[test]
fn floats_are_immediate_or_boxed() {
    let mut heap = world(zealous());
    for value in [0.0, 1.5, -1e300, 5e-324, f64::INFINITY] {
        let oop = heap.new_float(value).unwrap();
        assert_eq!(heap.float_value(oop), Some(value));
    }
    assert_eq!(heap.float_value(heap.nil()), None);
}

#[test]
fn identity_hashes_stay_and_ghosts_bring_theirs() {
    let mut heap = world(zealous());
    let oop = pair(&mut heap, Oop::small(1), Oop::small(2));
    let hash = heap.identity_hash(oop);
    assert_ne!(hash, 0);
    assert_eq!(heap.identity_hash(oop), hash);
    let ghost = Oop::ghost(Ghost::new(77, 4711).unwrap());
    assert_eq!(heap.identity_hash(ghost), 4711);
    assert_eq!(heap.class_index_of(ghost), ClassIndex::GHOST);
    assert_eq!(heap.class_index_of(Oop::small(-1)), 1);
    assert_eq!(heap.class_index_of(Oop::character(65)), 2);
}

#[test]
fn a_full_eden_asks_for_space_and_changes_nothing() {
    let mut heap = world(zealous());
    let mut made = 0;
    let refused = loop {
        match heap.allocate(PAIR, Format::FIXED, 2) {
            Ok(_) => made += 1,
            Err(needs) => break needs,
        }
    };
    assert_eq!(refused.bytes, 24);
    assert_eq!(heap.instances_of(PAIR).len(), made);
    heap.reserve(10_000).unwrap();
    for _ in 0..10_000 / 24 {
        heap.allocate(PAIR, Format::FIXED, 2).unwrap();
    }
}

#[test]
fn a_null_collector_fills_old_space_up_to_the_limit() {
    let settings = HeapSettings {
        collector: Collector::Null,
        limit_bytes: 4 << 20,
        ..zealous()
    };
    let mut heap = world(settings);
    let mut made = 0;
    while heap.allocate(PAIR, Format::FIXED, 2).is_ok() {
        made += 1;
    }
    assert!(made > (4 << 20) / 24, "{made} pairs");
    assert_eq!(heap.instances_of(PAIR).len(), made);
}

#[test]
fn two_heaps_live_in_one_process_at_different_bases() {
    let first = world(zealous());
    let second = world(zealous());
    assert_ne!(first.base(), second.base());
    let is_preferred = |heap: &Heap| heap.base() == PREFERRED_BASE;
    assert!(!is_preferred(&first) || !is_preferred(&second));
}

#[test]
fn an_enumeration_sees_each_object_once() {
    let mut heap = world(zealous());
    let first = pair(&mut heap, Oop::small(1), Oop::small(2));
    let second = array(&mut heap, &[first]);
    let all = heap.all_objects();
    assert!(all.contains(&first) && all.contains(&second));
    let mut walked = Vec::new();
    let mut at = heap.first_object();
    while let Some(oop) = at {
        walked.push(oop);
        at = heap.next_object(oop);
    }
    assert_eq!(walked, all);
}
