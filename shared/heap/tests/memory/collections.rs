//! What stays, what goes, and what is told: scavenges, full collections, weak slots, ephemerons,
//! pinning, `become:`.

use crate::world::{
    BYTE_SYMBOL, CLASS, EPHEMERON, METHOD, PAIR, WEAK_ARRAY, WEAK_WITH_NAME, array, collect, pair,
    world, zealous,
};
use imprint_heap::{Collection, Heap, HeapSettings};
use imprint_model::layout::behavior;
use imprint_model::{ClassIndex, Format, Ghost, InstanceSpec, MethodHeader, Oop};

const BOTH: [Collection; 2] = [Collection::Scavenge, Collection::Full];

fn ephemeron(heap: &mut Heap, key: Oop, value: Oop) -> Oop {
    let oop = heap
        .allocate(EPHEMERON, Format::EPHEMERON, 2)
        .expect("room");
    heap.store(oop, 0, key);
    heap.store(oop, 1, value);
    oop
}

fn weak_array(heap: &mut Heap, elements: &[Oop]) -> Oop {
    let oop = heap
        .allocate(WEAK_ARRAY, Format::WEAK, elements.len())
        .expect("room");
    for (index, element) in elements.iter().enumerate() {
        heap.store(oop, index, *element);
    }
    oop
}

fn int(heap: &Heap, oop: Oop, index: usize) -> i64 {
    heap.slot(oop, index).as_small_integer().expect("a number")
}

#[test]
fn what_a_root_reaches_survives_and_the_rest_goes() {
    for kind in BOTH {
        let mut heap = world(zealous());
        let inner = pair(&mut heap, Oop::small(1), Oop::small(2));
        let outer = array(&mut heap, &[inner, inner]);
        pair(&mut heap, outer, outer);
        let mut roots = vec![outer];
        collect(&mut heap, kind, &mut roots);
        let inner = heap.slot(roots[0], 0);
        assert_eq!(heap.slot(roots[0], 1), inner);
        assert_eq!((int(&heap, inner, 0), int(&heap, inner, 1)), (1, 2));
        assert_eq!(heap.instances_of(PAIR).len(), 1, "{kind:?}");
    }
}

#[test]
fn an_object_is_tenured_by_age() {
    let mut heap = world(zealous());
    let oop = pair(&mut heap, Oop::small(1), Oop::small(2));
    let mut roots = vec![oop];
    for _ in 0..3 {
        collect(&mut heap, Collection::Scavenge, &mut roots);
        assert!(heap.is_young(roots[0]));
    }
    let report = collect(&mut heap, Collection::Scavenge, &mut roots);
    assert!(!heap.is_young(roots[0]));
    assert_eq!(report.tenured_bytes, 24);
    assert_eq!(
        heap.header(roots[0]).bits() & (1 << 22 | 1 << 54),
        0,
        "age bits are clear"
    );
}

#[test]
fn many_survivors_are_tenured_by_pressure() {
    let mut heap = world(zealous());
    let elements: Vec<Oop> = (0..900)
        .map(|n| pair(&mut heap, Oop::small(n), Oop::small(0)))
        .collect();
    let mut roots = elements;
    let report = collect(&mut heap, Collection::Scavenge, &mut roots);
    assert!(report.survived_bytes > 0);
    assert!(
        report.tenured_bytes > 0,
        "the survivor space cannot hold all"
    );
    collect(&mut heap, Collection::Scavenge, &mut roots);
    assert!(
        roots.iter().all(|oop| !heap.is_young(*oop)),
        "a crowded space tenures at age 1"
    );
    assert!((0..900).all(|n| int(&heap, roots[n], 0) == n as i64));
}

#[test]
fn an_old_object_keeps_a_young_one() {
    let mut heap = world(zealous());
    let old = heap.allocate_old(PAIR, Format::FIXED, 2).unwrap();
    let young = pair(&mut heap, Oop::small(5), Oop::small(6));
    heap.store(old, 0, young);
    let mut roots = Vec::new();
    for _ in 0..5 {
        collect(&mut heap, Collection::Scavenge, &mut roots);
        assert_eq!(int(&heap, heap.slot(old, 0), 0), 5);
    }
    assert!(
        !heap.header(old).is_remembered(),
        "what it holds is old now"
    );
}

#[test]
fn a_copy_in_old_space_is_remembered() {
    let settings = HeapSettings {
        collector: imprint_heap::Collector::Generational,
        ..zealous()
    };
    let mut heap = world(settings);
    let young = pair(&mut heap, Oop::small(5), Oop::small(6));
    let large = heap
        .allocate(ClassIndex::ARRAY, Format::ARRAY, 3000)
        .unwrap();
    assert!(!heap.is_young(large));
    heap.store(large, 2999, young);
    let copy = heap.clone_shallow(large).unwrap();
    let mut roots = vec![copy];
    collect(&mut heap, Collection::Scavenge, &mut roots);
    assert_eq!(int(&heap, heap.slot(roots[0], 2999), 0), 5);
}

#[test]
fn code_and_large_objects_slide() {
    let mut heap = world(zealous());
    let header = MethodHeader {
        literal_count: 1,
        ..MethodHeader::default()
    };
    heap.allocate_old(ClassIndex::ARRAY, Format::ARRAY, 1000)
        .unwrap();
    let code = heap.allocate_code(METHOD, header, &[9, 8, 7]).unwrap();
    let large = heap
        .allocate_old(ClassIndex::ARRAY, Format::ARRAY, 300)
        .unwrap();
    heap.store(code, 1, large);
    heap.store(large, 299, code);
    let mut roots = vec![large];
    let report = collect(&mut heap, Collection::Full, &mut roots);
    assert_eq!(report.freed_bytes, 8016);
    assert_ne!(roots[0], large, "it moved");
    let code = heap.slot(roots[0], 299);
    assert_eq!(heap.code_bytes(code), [9, 8, 7]);
    assert_eq!(heap.literal(code, 0), roots[0]);
}

#[test]
fn a_pinned_object_stays_where_it_is() {
    let mut heap = world(zealous());
    heap.allocate_old(ClassIndex::ARRAY, Format::ARRAY, 500)
        .unwrap();
    let before = heap.allocate_old(PAIR, Format::FIXED, 2).unwrap();
    heap.allocate_old(PAIR, Format::FIXED, 1).unwrap();
    let pinned = heap
        .allocate_bytes_old(ClassIndex::BYTE_ARRAY, b"stay")
        .unwrap();
    assert!(heap.pin(pinned));
    heap.allocate_old(PAIR, Format::FIXED, 2).unwrap();
    let after = heap.allocate_old(PAIR, Format::FIXED, 2).unwrap();
    heap.store(after, 0, pinned);
    heap.store(before, 0, after);
    let mut roots = vec![before];
    for _ in 0..3 {
        collect(&mut heap, Collection::Full, &mut roots);
        assert_ne!(roots[0], before);
        let after_now = heap.slot(roots[0], 0);
        assert_eq!(after_now.bits(), pinned.bits() + 16);
        assert_eq!(heap.slot(after_now, 0), pinned);
        assert_eq!(heap.bytes(pinned), b"stay");
    }
    assert_ne!(heap.slot(roots[0], 0), after);
    heap.unpin(pinned);
    collect(&mut heap, Collection::Full, &mut roots);
    assert_ne!(heap.slot(heap.slot(roots[0], 0), 0), pinned);
}

#[test]
fn a_young_object_is_pinned_only_after_it_was_tenured() {
    let mut heap = world(zealous());
    let oop = pair(&mut heap, Oop::small(1), Oop::small(2));
    assert!(!heap.pin(oop));
    let mut roots = vec![oop];
    collect(&mut heap, Collection::Full, &mut roots);
    assert!(heap.pin(roots[0]));
    assert!(heap.is_pinned(roots[0]));
}

#[test]
fn weak_slots_let_go_and_named_ones_hold() {
    for kind in BOTH {
        let mut heap = world(zealous());
        let kept = pair(&mut heap, Oop::small(1), Oop::small(2));
        let lost = pair(&mut heap, Oop::small(3), Oop::small(4));
        let name = pair(&mut heap, Oop::small(5), Oop::small(6));
        let weak = heap.allocate(WEAK_WITH_NAME, Format::WEAK, 4).unwrap();
        for (index, value) in [name, kept, lost, Oop::small(9)].into_iter().enumerate() {
            heap.store(weak, index, value);
        }
        let mut roots = vec![weak, kept];
        let report = collect(&mut heap, kind, &mut roots);
        assert_eq!(report.weak_slots_cleared, 1);
        assert!(report.wants_finalization());
        assert_eq!(int(&heap, heap.slot(roots[0], 0), 0), 5);
        assert_eq!(heap.slot(roots[0], 1), roots[1]);
        assert_eq!(heap.slot(roots[0], 2), heap.nil());
        assert_eq!(heap.slot(roots[0], 3), Oop::small(9));
    }
}

#[test]
fn an_old_weak_array_lets_go_of_a_young_object() {
    let mut heap = world(zealous());
    let mut roots = vec![weak_array(&mut heap, &[Oop::small(0), Oop::small(0)])];
    collect(&mut heap, Collection::Full, &mut roots);
    let lost = pair(&mut heap, Oop::small(1), Oop::small(2));
    let kept = pair(&mut heap, Oop::small(3), Oop::small(4));
    heap.store(roots[0], 0, lost);
    heap.store(roots[0], 1, kept);
    roots.push(kept);
    collect(&mut heap, Collection::Scavenge, &mut roots);
    assert_eq!(heap.slot(roots[0], 0), heap.nil());
    assert_eq!(heap.slot(roots[0], 1), roots[1]);
    assert!(
        heap.header(roots[0]).is_remembered(),
        "it still holds a young object"
    );
}

#[test]
fn a_ghost_in_any_slot_is_a_value() {
    for kind in BOTH {
        let mut heap = world(zealous());
        let ghost = Oop::ghost(Ghost::new(12345, 99).unwrap());
        let weak = weak_array(&mut heap, &[ghost]);
        let held = ephemeron(&mut heap, ghost, ghost);
        let strong = pair(&mut heap, ghost, weak);
        let mut roots = vec![strong, ghost, held];
        collect(&mut heap, kind, &mut roots);
        assert_eq!(heap.slot(roots[0], 0), ghost);
        assert_eq!(heap.slot(heap.slot(roots[0], 1), 0), ghost);
        assert_eq!(heap.slot(roots[2], 0), ghost);
        assert!(heap.next_mourner().is_none());
    }
}

#[test]
fn an_ephemeron_fires_once_when_its_key_died() {
    for kind in BOTH {
        let mut heap = world(zealous());
        let key = pair(&mut heap, Oop::small(1), Oop::small(2));
        let value = pair(&mut heap, key, Oop::small(3));
        let oop = ephemeron(&mut heap, key, value);
        let mut roots = vec![oop, key];
        assert_eq!(collect(&mut heap, kind, &mut roots).mourners, 0);
        assert!(heap.format(roots[0]).is_ephemeron());
        roots.pop();
        let report = collect(&mut heap, kind, &mut roots);
        assert_eq!(report.mourners, 1, "its value alone refers to the key");
        assert_eq!(heap.next_mourner(), Some(roots[0]));
        assert_eq!(heap.next_mourner(), None);
        assert_eq!(
            int(&heap, heap.slot(roots[0], 0), 0),
            1,
            "the key is there to be mourned"
        );
        assert_eq!(heap.slot(heap.slot(roots[0], 1), 0), heap.slot(roots[0], 0));
        assert_eq!(collect(&mut heap, kind, &mut roots).mourners, 0);
    }
}

#[test]
fn a_chain_of_ephemerons_keeps_what_its_first_key_keeps() {
    for kind in BOTH {
        let mut heap = world(zealous());
        let keys: Vec<Oop> = (0..4)
            .map(|n| pair(&mut heap, Oop::small(n), Oop::small(0)))
            .collect();
        let links: Vec<Oop> = (0..3)
            .map(|n| ephemeron(&mut heap, keys[n], keys[n + 1]))
            .collect();
        let mut roots = vec![links[2], links[1], links[0], keys[0]];
        assert_eq!(collect(&mut heap, kind, &mut roots).mourners, 0);
        assert_eq!(int(&heap, heap.slot(roots[0], 1), 0), 3);
        roots.pop();
        assert_eq!(collect(&mut heap, kind, &mut roots).mourners, 3);
    }
}

#[test]
fn an_old_ephemeron_with_a_young_key_fires_in_a_scavenge() {
    let mut heap = world(zealous());
    let mut roots = vec![ephemeron(&mut heap, Oop::small(1), Oop::small(2))];
    collect(&mut heap, Collection::Full, &mut roots);
    let key = pair(&mut heap, Oop::small(7), Oop::small(8));
    heap.store(roots[0], 0, key);
    let report = collect(&mut heap, Collection::Scavenge, &mut roots);
    assert_eq!(report.mourners, 1);
    assert_eq!(int(&heap, heap.slot(roots[0], 0), 0), 7);
}

#[test]
fn mourners_stay_until_they_are_fetched() {
    let mut heap = world(zealous());
    let key = pair(&mut heap, Oop::small(7), Oop::small(8));
    let mut roots = vec![ephemeron(&mut heap, key, Oop::small(0))];
    collect(&mut heap, Collection::Scavenge, &mut roots);
    roots.clear();
    for kind in [Collection::Scavenge, Collection::Full, Collection::Scavenge] {
        collect(&mut heap, kind, &mut roots);
    }
    let mourner = heap.next_mourner().expect("it waits");
    assert_eq!(int(&heap, heap.slot(mourner, 0), 0), 7);
}

#[test]
fn symbols_that_nobody_refers_to_go_in_a_full_collection() {
    let mut heap = world(zealous());
    let kept = heap.intern("kept").unwrap();
    heap.intern("lost").unwrap();
    let mut roots = vec![kept];
    collect(&mut heap, Collection::Scavenge, &mut roots);
    assert!(heap.symbol("lost").is_some());
    collect(&mut heap, Collection::Full, &mut roots);
    assert_eq!(heap.symbol("lost"), None);
    assert_eq!(heap.symbol("kept"), Some(roots[0]));
    let again = heap.intern("lost").unwrap();
    assert_eq!(heap.symbol("lost"), Some(again));
}

#[test]
fn a_young_symbol_is_adopted_and_moves() {
    let mut heap = world(zealous());
    let young = heap.allocate_bytes(BYTE_SYMBOL, b"made by hand").unwrap();
    assert_eq!(heap.adopt_symbol(young), young);
    let mut roots = vec![young];
    collect(&mut heap, Collection::Scavenge, &mut roots);
    assert_eq!(heap.symbol("made by hand"), Some(roots[0]));
}

#[test]
fn a_class_is_kept_by_an_instance_and_goes_with_the_last() {
    let mut heap = world(zealous());
    let class = heap.allocate(CLASS, Format::FIXED, 5).unwrap();
    let spec = InstanceSpec {
        spec: 1,
        fixed_fields: 1,
    }
    .to_small_integer();
    heap.store(class, behavior::FORMAT, Oop::small_integer(spec).unwrap());
    let instance = heap.instantiate(class, 0).unwrap();
    let index = heap.class_index_of(instance);
    let mut roots = vec![instance];
    collect(&mut heap, Collection::Scavenge, &mut roots);
    collect(&mut heap, Collection::Full, &mut roots);
    assert!(heap.looks_like_behavior(heap.class_of(roots[0])));
    roots.clear();
    collect(&mut heap, Collection::Full, &mut roots);
    assert_eq!(heap.class_at(index), None);
    assert_eq!(heap.first_free_class_index(), index);
}

#[test]
fn become_forward_leads_every_reference_to_the_other() {
    for kind in BOTH {
        let mut heap = world(zealous());
        let from = pair(&mut heap, Oop::small(1), Oop::small(0));
        let to = pair(&mut heap, Oop::small(2), Oop::small(0));
        let holder = heap.allocate_old(PAIR, Format::FIXED, 2).unwrap();
        heap.store(holder, 0, from);
        let mut roots = vec![holder, from, to];
        let hash = heap.identity_hash(from);
        heap.become_forward(&[from], &[to], true, &mut roots);
        assert_eq!(heap.slot(holder, 0), to);
        assert_eq!(roots[1], to);
        assert_eq!(heap.follow(from), to);
        assert_eq!(heap.identity_hash(to), hash);
        assert_eq!(
            heap.instances_of(PAIR).len(),
            2,
            "a forwarder is no instance"
        );
        collect(&mut heap, kind, &mut roots);
        assert_eq!(int(&heap, heap.slot(roots[0], 0), 0), 2);
        assert_eq!(heap.slot(roots[0], 0), roots[1]);
    }
}

#[test]
fn become_forward_without_the_hash_leaves_it() {
    let mut heap = world(zealous());
    let from = pair(&mut heap, Oop::small(1), Oop::small(0));
    let to = pair(&mut heap, Oop::small(2), Oop::small(0));
    let hash = (heap.identity_hash(from), heap.identity_hash(to)).1;
    heap.become_forward(&[from], &[to], false, &mut Vec::new());
    assert_eq!(heap.identity_hash(to), hash);
}

#[test]
fn an_old_object_becomes_a_young_one_and_its_holders_are_remembered() {
    let mut heap = world(zealous());
    let from = heap.allocate_old(PAIR, Format::FIXED, 2).unwrap();
    let holder = heap.allocate_old(PAIR, Format::FIXED, 2).unwrap();
    heap.store(holder, 1, from);
    let to = pair(&mut heap, Oop::small(2), Oop::small(0));
    let mut roots = vec![holder];
    heap.become_forward(&[from], &[to], true, &mut roots);
    for kind in [Collection::Scavenge, Collection::Scavenge, Collection::Full] {
        collect(&mut heap, kind, &mut roots);
        assert_eq!(int(&heap, heap.slot(roots[0], 1), 0), 2);
    }
}

#[test]
fn chains_and_rings_of_becoming_end() {
    let mut heap = world(zealous());
    let oops: Vec<Oop> = (0..3)
        .map(|n| pair(&mut heap, Oop::small(n), Oop::small(0)))
        .collect();
    let mut roots = oops.clone();
    heap.become_forward(&oops[..2], &oops[1..], false, &mut roots);
    assert_eq!(roots, [oops[2]; 3]);
    let more: Vec<Oop> = (3..5)
        .map(|n| pair(&mut heap, Oop::small(n), Oop::small(0)))
        .collect();
    let mut roots = more.clone();
    heap.become_forward(&more, &[more[1], more[0]], false, &mut roots);
    collect(&mut heap, Collection::Full, &mut roots);
    assert_eq!(roots.len(), 2);
}

#[test]
fn become_exchange_swaps_references_and_hashes_stay_with_them() {
    let mut heap = world(zealous());
    let first = pair(&mut heap, Oop::small(1), Oop::small(0));
    let second = heap
        .allocate_old(ClassIndex::ARRAY, Format::ARRAY, 1)
        .unwrap();
    let (hash_1, hash_2) = (heap.identity_hash(first), heap.identity_hash(second));
    let holder = pair(&mut heap, first, second);
    let old_holder = heap.allocate_old(PAIR, Format::FIXED, 2).unwrap();
    heap.store(old_holder, 0, second);
    let mut roots = vec![holder, old_holder];
    heap.become_exchange(&[first], &[second], &mut roots);
    assert_eq!(
        (heap.slot(holder, 0), heap.slot(holder, 1)),
        (second, first)
    );
    assert_eq!(heap.slot(old_holder, 0), first);
    assert_eq!(
        (heap.identity_hash(second), heap.identity_hash(first)),
        (hash_1, hash_2)
    );
    collect(&mut heap, Collection::Scavenge, &mut roots);
    assert_eq!(int(&heap, heap.slot(roots[1], 0), 0), 1);
}

#[test]
fn a_class_that_becomes_another_gives_it_its_index() {
    let mut heap = world(zealous());
    let class = heap.class_at(PAIR).unwrap();
    let instance = pair(&mut heap, Oop::small(1), Oop::small(0));
    let changed = heap.clone_shallow(class).unwrap();
    let mut roots = vec![instance];
    heap.become_forward(&[class], &[changed], true, &mut roots);
    assert_eq!(heap.class_of(instance), changed);
    assert_eq!(heap.index_of_class(changed), Some(PAIR));
    collect(&mut heap, Collection::Full, &mut roots);
    assert!(heap.looks_like_behavior(heap.class_of(roots[0])));
}

#[test]
fn ghosts_are_healed_everywhere_at_once() {
    let mut heap = world(zealous());
    let ghost = Oop::ghost(Ghost::new(5, 6).unwrap());
    let other = Oop::ghost(Ghost::new(6, 6).unwrap());
    let present = pair(&mut heap, Oop::small(1), Oop::small(0));
    let old = heap.allocate_old(PAIR, Format::FIXED, 2).unwrap();
    heap.store(old, 0, ghost);
    heap.store(old, 1, other);
    let mut roots = vec![ghost];
    let healed = heap.heal_ghosts(&mut roots, &mut |ghost| (ghost.id == 5).then_some(present));
    assert_eq!(healed, 2);
    assert_eq!(
        (roots[0], heap.slot(old, 0), heap.slot(old, 1)),
        (present, present, other)
    );
    let mut roots = vec![old];
    collect(&mut heap, Collection::Scavenge, &mut roots);
    assert_eq!(int(&heap, heap.slot(old, 0), 0), 1);
}

#[test]
fn old_space_grows_and_is_given_back() {
    let mut heap = world(zealous());
    let large = heap
        .allocate_old(ClassIndex::ARRAY, Format::ARRAY, 1 << 20)
        .unwrap();
    let committed = heap.usage().old_committed_bytes;
    assert!(committed > 8 << 20);
    let mut roots = vec![large];
    collect(&mut heap, Collection::Full, &mut roots);
    assert_eq!(heap.usage().old_committed_bytes, committed);
    roots.clear();
    let report = collect(&mut heap, Collection::Full, &mut roots);
    assert!(report.given_back_bytes >= 7 << 20);
    assert!(heap.usage().old_committed_bytes <= 3 << 20);
    heap.allocate_old(ClassIndex::ARRAY, Format::ARRAY, 1 << 20)
        .unwrap();
}

#[test]
fn a_loop_of_large_garbage_runs_in_bounded_space() {
    let mut heap = world(zealous());
    let mut roots = Vec::new();
    for _ in 0..100 {
        let large = |heap: &mut Heap| heap.allocate(ClassIndex::ARRAY, Format::ARRAY, 100_000);
        if large(&mut heap).is_err() {
            let report = collect(&mut heap, Collection::Scavenge, &mut roots);
            assert_eq!(
                report.kind,
                Collection::Full,
                "a large object asks for a full one"
            );
            large(&mut heap).expect("there is room now");
        }
        assert!(heap.usage().old_bytes < 4 << 20);
    }
}

#[test]
fn a_full_heap_says_so() {
    let settings = HeapSettings {
        limit_bytes: 2 << 20,
        ..zealous()
    };
    let mut heap = world(settings);
    let mut roots = vec![heap.nil()];
    for _ in 0..200_000 {
        match heap.allocate(PAIR, Format::FIXED, 2) {
            Ok(oop) => {
                heap.store(oop, 0, roots[0]);
                roots[0] = oop;
            }
            Err(_) if collect(&mut heap, Collection::Scavenge, &mut roots).is_out_of_memory => {
                assert!(heap.usage().old_bytes > 2 << 20);
                return;
            }
            Err(_) => {}
        }
    }
    panic!("the limit was never felt");
}

#[test]
fn old_space_at_its_limit_is_refused_until_a_collection_makes_room() {
    let settings = HeapSettings {
        limit_bytes: 2 << 20,
        ..zealous()
    };
    let mut heap = world(settings);
    let mut roots = Vec::new();
    let large = |heap: &mut Heap| heap.allocate_old(ClassIndex::ARRAY, Format::ARRAY, 200_000);
    roots.push(large(&mut heap).unwrap());
    let needs = large(&mut heap).unwrap_err();
    assert!(heap.reserve(needs.bytes).is_err());
    let report = collect(&mut heap, Collection::Scavenge, &mut roots);
    assert!(report.is_out_of_memory, "the first one lives");
    assert!(
        heap.reserve(16).is_err(),
        "what was refused still does not fit"
    );
    roots.clear();
    large(&mut heap).unwrap_err();
    collect(&mut heap, Collection::Scavenge, &mut roots);
    heap.reserve(needs.bytes).unwrap();
    large(&mut heap).unwrap();
}

#[test]
fn an_instance_above_the_limit_is_too_large_for_any_collection() {
    let mut heap = world(zealous());
    let class = heap.class_at(ClassIndex::ARRAY).unwrap();
    let failure = heap.instantiate(class, 1 << 30).unwrap_err();
    assert_eq!(failure, imprint_heap::AllocationFailure::TooLarge(1 << 30));
}
