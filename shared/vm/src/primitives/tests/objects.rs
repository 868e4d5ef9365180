//! Objects as such.

use imprint_isa::Miss;
use imprint_model::{ClassIndex, Format, Ghost, Known, MethodHeader, Oop};

use crate::failure::Failure;
use crate::failure::PrimitiveError::{
    BadArgument, BadReceiver, Inappropriate, MayMove, NoMemory, NoModification, NotFound,
    Unsupported,
};
use crate::primitives::testing::{World, fixed, raw, spec};

fn i(value: i32) -> Oop {
    Oop::small(value)
}

fn ghost(id: u64) -> Oop {
    Oop::ghost(Ghost::new(id, 77).expect("in range"))
}

#[test]
fn points_hold_anything() {
    let mut world = World::new();
    let nil = world.nil();
    let point = world.call(18, &[i(1), nil]).unwrap();
    assert_eq!(
        world.vm.heap.class_of(point),
        world.vm.heap.known(Known::Point)
    );
    assert_eq!(
        (world.vm.heap.slot(point, 0), world.vm.heap.slot(point, 1)),
        (i(1), nil)
    );
    world.vm.heap.set_known(Known::Point, nil);
    world.fails(18, &[i(1), i(2)], Unsupported);
}

#[test]
fn instances_have_the_shape_of_their_class() {
    let mut world = World::new();
    let class = world.new_class(fixed(3), None);
    let object = world.call(70, &[class]).unwrap();
    assert_eq!(world.vm.heap.class_of(object), class);
    assert_eq!(world.vm.heap.slot_count(object), 3);
    assert_eq!(world.vm.heap.slot(object, 2), world.nil());
    world.fails(71, &[class, i(2)], BadReceiver);
    let array = world.vm.heap.class_at(ClassIndex::ARRAY).unwrap();
    let object = world.call(71, &[array, i(2)]).unwrap();
    assert_eq!(world.vm.heap.slot_count(object), 2);
    assert!(world.call(596, &[class]).is_ok());
    let old = world.call(597, &[array, i(2)]).unwrap();
    assert!(!world.vm.heap.is_young(old));
}

#[test]
fn what_cannot_be_made_is_refused() {
    let mut world = World::new();
    let integer = world.vm.heap.class_at(ClassIndex::SMALL_INTEGER).unwrap();
    let array = world.vm.heap.class_at(ClassIndex::ARRAY).unwrap();
    let nil = world.nil();
    for number in [70, 596] {
        world.fails(number, &[integer], BadReceiver);
        world.fails(number, &[nil], BadReceiver);
        world.fails(number, &[i(3)], BadReceiver);
    }
    for number in [71, 597] {
        world.fails(number, &[integer, i(1)], BadReceiver);
        world.fails(number, &[array, i(-1)], BadArgument);
        world.fails(number, &[array, nil], BadArgument);
        world.fails(number, &[array, Oop::index(1 << 50)], NoMemory);
        world.fails(number, &[array, Oop::index(1 << 30)], NoMemory);
    }
}

#[test]
fn without_space_nothing_is_made() {
    let mut world = World::new();
    let array = world.vm.heap.class_at(ClassIndex::ARRAY).unwrap();
    world.exhaust();
    for operands in [[array, i(1)], [array, i(300)]] {
        let answer = world.call(71, &operands);
        assert!(matches!(answer, Err(Failure::NeedsSpace(_))));
    }
}

#[test]
fn methods_are_made_with_room_for_literals_and_bytes() {
    let mut world = World::new();
    let class = world.new_class(raw(Format::CODE), None);
    let header = MethodHeader {
        literal_count: 2,
        ..MethodHeader::default()
    };
    let method = world.call(79, &[class, i(10), header.to_oop()]).unwrap();
    assert_eq!(world.vm.heap.class_of(method), class);
    assert_eq!(world.vm.heap.literal(method, 1), world.nil());
    assert_eq!(world.vm.heap.code_bytes(method).len(), 10);
    world.fails(79, &[class, i(10), Oop::character(5)], BadArgument);
    world.fails(79, &[class, i(-1), header.to_oop()], BadArgument);
    world.fails(79, &[class, Oop::index(1 << 40), header.to_oop()], NoMemory);
    let array = world.vm.heap.class_at(ClassIndex::ARRAY).unwrap();
    world.fails(79, &[array, i(10), header.to_oop()], BadReceiver);
}

#[test]
fn copies_share_their_slots_and_nothing_else() {
    let mut world = World::new();
    let inner = world.string("inner");
    let array = world.array(&[inner, i(2)]);
    world.vm.heap.identity_hash(array);
    world.lock(array);
    let copy = world.call(148, &[array]).unwrap();
    assert_ne!(copy, array);
    assert_eq!(world.vm.heap.slot(copy, 0), inner);
    assert!(!world.vm.heap.is_read_only(copy));
    assert_eq!(world.vm.heap.header(copy).hash(), 0);
    assert_eq!(world.call(148, &[i(3)]), Ok(i(3)));
}

#[test]
fn copying_from_needs_the_same_class_and_size() {
    let mut world = World::new();
    let from = world.array(&[i(1), i(2)]);
    let to = world.array(&[i(3), i(4)]);
    let short = world.array(&[i(3)]);
    assert_eq!(world.call(168, &[to, from]), Ok(to));
    assert_eq!(world.vm.heap.slot(to, 1), i(2));
    world.fails(168, &[to, short], BadArgument);
    world.fails(168, &[to, i(3)], BadArgument);
    world.fails(168, &[i(3), to], BadReceiver);
    let bytes = world.byte_array(b"abc");
    let other = world.byte_array(b"xyz");
    assert_eq!(world.call(168, &[bytes, other]), Ok(bytes));
    assert_eq!(world.vm.heap.bytes(bytes), b"xyz");
    let longer = world.byte_array(b"wxyz");
    world.fails(168, &[bytes, longer], BadArgument);
    world.lock(to);
    world.fails(168, &[to, from], NoModification);
}

#[test]
fn identity_is_of_words_and_of_what_ghosts_stand_for() {
    let mut world = World::new();
    let string = world.string("one");
    let other = world.string("one");
    for (left, right, same) in [
        (string, string, true),
        (string, other, false),
        (i(3), i(3), true),
    ] {
        assert_eq!(world.call(110, &[left, right]), Ok(world.boolean(same)));
        assert_eq!(world.call(169, &[left, right]), Ok(world.boolean(!same)));
    }
    assert_eq!(
        world.call(110, &[ghost(5), string]),
        Ok(world.boolean(false))
    );
    assert_eq!(
        world.call(110, &[ghost(5), ghost(5)]),
        Ok(world.boolean(true))
    );
    world.vm.presence.insert(5, string);
    assert_eq!(
        world.call(110, &[ghost(5), string]),
        Ok(world.boolean(true))
    );
    assert_eq!(
        world.call(110, &[string, ghost(5)]),
        Ok(world.boolean(true))
    );
    let nil = world.nil();
    assert_eq!(
        world.call(110, &[nil, string, ghost(5)]),
        Ok(world.boolean(true))
    );
}

#[test]
fn the_class_of_a_ghost_is_missed() {
    let mut world = World::new();
    let string = world.string("one");
    let class = world.vm.heap.class_at(ClassIndex::BYTE_STRING).unwrap();
    assert_eq!(world.call(111, &[string]), Ok(class));
    let miss = Miss::Object(Ghost::new(9, 77).unwrap());
    assert_eq!(world.call(111, &[ghost(9)]), Err(miss.into()));
    world.vm.presence.insert(9, string);
    assert_eq!(world.call(111, &[ghost(9)]), Ok(class));
}

#[test]
fn identity_hashes_stay_and_ghosts_know_theirs() {
    let mut world = World::new();
    let string = world.string("one");
    let hash = world.call(75, &[string]).unwrap();
    assert_eq!(world.call(75, &[string]), Ok(hash));
    assert_eq!(world.call(75, &[ghost(9)]), Ok(i(77)));
    world.fails(75, &[i(3)], BadReceiver);
    assert_eq!(world.call(176, &[string]), Ok(i(0x3F_FFFF)));
    let class = world.vm.heap.class_at(ClassIndex::ARRAY).unwrap();
    assert_eq!(world.call(175, &[class]), Ok(i(51)));
    world.fails(175, &[string], BadReceiver);
}

#[test]
fn an_object_is_adopted_by_a_class_of_its_shape() {
    let mut world = World::new();
    let (one, two) = (
        world.new_class(fixed(2), None),
        world.new_class(fixed(2), None),
    );
    let three = world.new_class(fixed(3), None);
    let object = world.new_instance(one, 0);
    let other = world.new_instance(two, 0);
    assert_eq!(world.call(115, &[object, other]), Ok(object));
    assert_eq!(world.vm.heap.class_of(object), two);
    assert_eq!(world.call(160, &[one, object]), Ok(one));
    assert_eq!(world.vm.heap.class_of(object), one);
    world.fails(160, &[three, object], BadArgument);
    world.fails(160, &[one, i(3)], BadArgument);
    world.fails(160, &[object, object], BadReceiver);
    let larger = world.new_instance(three, 0);
    world.fails(115, &[object, larger], BadArgument);
    world.lock(object);
    world.fails(115, &[object, other], NoModification);
}

#[test]
fn raw_objects_change_the_width_of_their_elements() {
    let mut world = World::new();
    let words = world.vm.heap.class_at(ClassIndex::BITMAP).unwrap();
    let bytes = world.byte_array(&[1, 0, 0, 0]);
    assert_eq!(world.call(160, &[words, bytes]), Ok(words));
    assert_eq!(world.vm.heap.words_32(bytes), [1]);
    let odd = world.byte_array(&[1, 2, 3]);
    world.fails(160, &[words, odd], BadArgument);
    let array = world.array(&[i(1)]);
    world.fails(160, &[words, array], BadArgument);
}

#[test]
fn slots_and_literals_are_pointed_to() {
    let mut world = World::new();
    let string = world.string("one");
    let array = world.array(&[i(1), string]);
    assert_eq!(world.call(132, &[array, string]), Ok(world.boolean(true)));
    assert_eq!(world.call(132, &[array, i(2)]), Ok(world.boolean(false)));
    assert_eq!(world.call(132, &[string, i(2)]), Ok(world.boolean(false)));
    assert_eq!(world.call(132, &[i(1), i(1)]), Ok(world.boolean(false)));
}

#[test]
fn characters_and_integers_change_into_each_other() {
    let mut world = World::new();
    let nil = world.nil();
    assert_eq!(world.call(170, &[i(65)]), Ok(Oop::character(65)));
    assert_eq!(world.call(170, &[nil, i(65)]), Ok(Oop::character(65)));
    assert_eq!(world.call(171, &[Oop::character(65)]), Ok(i(65)));
    world.fails(170, &[i(-1)], BadReceiver);
    world.fails(170, &[i(1 << 30)], Inappropriate);
    world.fails(170, &[nil], BadReceiver);
    world.fails(171, &[nil], BadReceiver);
}

#[test]
fn instances_are_enumerated() {
    let mut world = World::new();
    let class = world.new_class(fixed(1), None);
    world.fails(77, &[class], NotFound);
    let first = world.new_instance(class, 0);
    let second = world.new_instance(class, 0);
    assert_eq!(world.call(77, &[class]), Ok(first));
    assert_eq!(world.call(78, &[first]), Ok(second));
    world.fails(78, &[second], NotFound);
    let all = world.call(177, &[class]).unwrap();
    assert_eq!(world.vm.heap.slot_count(all), 2);
    assert_eq!(world.vm.heap.slot(all, 0), first);
    world.fails(77, &[first], BadReceiver);
    world.fails(177, &[first], BadReceiver);
    world.fails(78, &[i(3)], BadReceiver);
}

#[test]
fn objects_are_enumerated_to_the_end() {
    let mut world = World::new();
    let count = world.vm.heap.all_objects().len();
    let nil = world.nil();
    let mut at = world.call(138, &[nil]).unwrap();
    let mut seen = 0;
    while at != i(0) {
        seen += 1;
        at = world.call(139, &[at]).unwrap();
    }
    assert_eq!(seen, count);
    let all = world.call(178, &[nil]).unwrap();
    assert_eq!(world.vm.heap.slot_count(all), count);
    world.fails(139, &[i(3)], BadReceiver);
}

#[test]
fn flags_are_answered_as_they_were() {
    let mut world = World::new();
    let (yes, no) = (world.boolean(true), world.boolean(false));
    let string = world.string("one");
    assert_eq!(world.call(164, &[string, yes]), Ok(no));
    assert_eq!(world.call(163, &[string]), Ok(yes));
    assert_eq!(world.call(164, &[string, no]), Ok(yes));
    assert_eq!(world.call(163, &[i(3)]), Ok(yes));
    world.fails(164, &[i(3), yes], BadReceiver);
    world.fails(164, &[string, i(3)], BadArgument);
}

#[test]
fn only_old_objects_are_pinned() {
    let mut world = World::new();
    let (yes, no) = (world.boolean(true), world.boolean(false));
    let array = world.vm.heap.class_at(ClassIndex::ARRAY).unwrap();
    let old = world.call(597, &[array, i(1)]).unwrap();
    assert_eq!(world.call(184, &[old, yes]), Ok(no));
    assert_eq!(world.call(183, &[old]), Ok(yes));
    assert_eq!(world.call(184, &[old, no]), Ok(yes));
    assert_eq!(world.call(183, &[old]), Ok(no));
    let young = world.string("young");
    world.fails(184, &[young, yes], MayMove);
    world.fails(184, &[young, i(1)], BadArgument);
    world.fails(183, &[i(1)], BadReceiver);
}

#[test]
fn sizes_are_those_of_memory() {
    let mut world = World::new();
    let class = world.new_class(spec(Format::FIXED_AND_INDEXED, 2), None);
    assert_eq!(world.call(181, &[class]), Ok(i(24)));
    assert_eq!(world.call(181, &[class, i(3)]), Ok(i(48)));
    world.fails(181, &[class, i(-3)], BadArgument);
    world.fails(181, &[i(3)], BadReceiver);
    let nil = world.nil();
    assert!(world.call(112, &[nil]).is_ok());
    assert_eq!(world.call(129, &[nil]), Ok(world.vm.heap.special_objects()));
}
