//! Elements and slots.

use imprint_model::{ClassIndex, Format, MethodHeader, Oop};

use crate::failure::PrimitiveError::{
    BadArgument, BadIndex, BadReceiver, Inappropriate, NoModification, Unsupported,
};
use crate::primitives::testing::{World, fixed, raw, spec};

fn i(value: i32) -> Oop {
    Oop::small(value)
}

/// A method with two literals and three bytes of code.
fn method(world: &mut World) -> Oop {
    let header = MethodHeader {
        literal_count: 2,
        ..MethodHeader::default()
    };
    world
        .vm
        .heap
        .allocate_code(1100, header, &[7, 8, 9])
        .expect("it fits")
}

#[test]
fn elements_are_counted_after_the_named_fields() {
    let mut world = World::new();
    let class = world.new_class(spec(Format::FIXED_AND_INDEXED, 2), None);
    let object = world.new_instance(class, 3);
    assert_eq!(world.call(61, &[object, i(1), i(10)]), Ok(i(10)));
    assert_eq!(world.vm.heap.slot(object, 2), i(10));
    assert_eq!(world.call(60, &[object, i(1)]), Ok(i(10)));
    assert_eq!(world.call(62, &[object]), Ok(i(3)));
    world.fails(60, &[object, i(4)], BadIndex);
    world.fails(60, &[object, i(0)], BadIndex);
    world.fails(61, &[object, i(4), i(1)], BadIndex);
}

#[test]
fn raw_elements_are_unsigned_and_must_fit() {
    let mut world = World::new();
    let formats = [
        (Format::BYTES, 8),
        (Format::WORDS_16, 16),
        (Format::WORDS_32, 32),
        (Format::WORDS_64, 64),
    ];
    for (format, bits) in formats {
        let class = world.new_class(raw(format), None);
        let object = world.new_instance(class, 5);
        let greatest = world.integer((1 << bits) - 1);
        let too_great = world.integer(1 << bits);
        assert_eq!(world.call(62, &[object]), Ok(i(5)));
        assert_eq!(world.call(61, &[object, i(5), greatest]), Ok(greatest));
        let read = world.call(60, &[object, i(5)]).unwrap();
        assert_eq!(world.integer_value(read), (1 << bits) - 1);
        assert_eq!(world.call(60, &[object, i(4)]), Ok(i(0)));
        world.fails(61, &[object, i(5), too_great], BadArgument);
        world.fails(61, &[object, i(5), i(-1)], BadArgument);
        world.fails(60, &[object, i(6)], BadIndex);
        assert_eq!(world.call(166, &[object, i(1), i(-1)]), Ok(i(-1)));
        assert_eq!(world.call(165, &[object, i(1)]), Ok(i(-1)));
        world.fails(166, &[object, i(1), greatest], BadArgument);
        world.lock(object);
        world.fails(61, &[object, i(1), i(1)], NoModification);
        world.fails(166, &[object, i(1), i(1)], NoModification);
        world.fails(145, &[object, i(1)], NoModification);
    }
}

#[test]
fn what_has_no_elements_is_refused_by_at_but_has_size_0() {
    let mut world = World::new();
    let class = world.new_class(fixed(2), None);
    let object = world.new_instance(class, 0);
    world.fails(60, &[object, i(1)], BadReceiver);
    world.fails(61, &[object, i(1), i(1)], BadReceiver);
    assert_eq!(world.call(62, &[object]), Ok(i(0)));
    for number in [60, 61] {
        let operands = [i(3), i(1), i(1)];
        world.fails(number, &operands[..usize::from(number) - 58], BadReceiver);
    }
    world.fails(62, &[i(3)], BadReceiver);
    let array = world.array(&[i(1)]);
    let nil = world.nil();
    world.fails(60, &[array, nil], BadArgument);
    world.fails(61, &[array, nil, i(1)], BadArgument);
}

#[test]
fn a_mirror_reads_its_first_argument() {
    let mut world = World::new();
    let array = world.array(&[i(1), i(2)]);
    let nil = world.nil();
    assert_eq!(world.call(60, &[nil, array, i(2)]), Ok(i(2)));
    assert_eq!(world.call(62, &[nil, array]), Ok(i(2)));
}

#[test]
fn strings_give_and_take_characters() {
    let mut world = World::new();
    let string = world.string("abc");
    assert_eq!(world.call(63, &[string, i(2)]), Ok(Oop::character(98)));
    let z = Oop::character(122);
    assert_eq!(world.call(64, &[string, i(2), z]), Ok(z));
    assert_eq!(world.text(string), "azc");
    world.fails(63, &[string, i(4)], BadIndex);
    world.fails(64, &[string, i(1), Oop::character(256)], BadArgument);
    world.fails(64, &[string, i(1), i(65)], BadArgument);
    let class = world.vm.heap.class_at(ClassIndex::BITMAP).unwrap();
    let wide = world.new_instance(class, 1);
    let smile = Oop::character(0x1F600);
    assert_eq!(world.call(64, &[wide, i(1), smile]), Ok(smile));
    assert_eq!(world.call(63, &[wide, i(1)]), Ok(smile));
    let nil = world.nil();
    world.fails(63, &[nil, i(1)], BadReceiver);
    world.lock(string);
    world.fails(64, &[string, i(1), z], NoModification);
}

#[test]
fn code_shows_its_literals_and_its_bytes() {
    let mut world = World::new();
    let code = method(&mut world);
    let header = world.vm.heap.slot(code, 0);
    assert_eq!(world.call(68, &[code, i(1)]), Ok(header));
    assert_eq!(world.call(69, &[code, i(2), i(5)]), Ok(i(5)));
    assert_eq!(world.call(68, &[code, i(2)]), Ok(i(5)));
    world.fails(68, &[code, i(4)], BadIndex);
    assert_eq!(world.call(60, &[code, i(25)]), Ok(i(7)));
    assert_eq!(world.call(62, &[code]), Ok(i(27)));
    world.fails(60, &[code, i(24)], BadIndex);
    world.fails(69, &[code, i(1), i(5)], BadArgument);
    assert_eq!(world.call(69, &[code, i(1), header]), Ok(header));
    let nil = world.nil();
    world.fails(68, &[nil, i(1)], BadReceiver);
    world.fails(173, &[code, i(1)], Unsupported);
    world.lock(code);
    world.fails(69, &[code, i(2), i(6)], NoModification);
}

#[test]
fn slots_are_counted_over_fields_and_elements() {
    let mut world = World::new();
    let class = world.new_class(spec(Format::FIXED_AND_INDEXED, 1), None);
    let object = world.new_instance(class, 1);
    assert_eq!(world.call(174, &[object, i(2), i(20)]), Ok(i(20)));
    assert_eq!(world.call(173, &[object, i(2)]), Ok(i(20)));
    world.fails(173, &[object, i(3)], BadIndex);
    assert_eq!(world.call(74, &[object, i(1), i(10)]), Ok(i(10)));
    assert_eq!(world.call(73, &[object, i(1)]), Ok(i(10)));
    world.fails(73, &[object, i(2)], BadIndex);
    world.fails(74, &[object, i(2), i(1)], BadIndex);
    world.fails(73, &[i(3), i(1)], Inappropriate);
    world.fails(173, &[i(3), i(1)], BadReceiver);
    let string = world.string("abc");
    assert_eq!(world.call(173, &[string, i(1)]), Ok(i(97)));
    assert_eq!(world.call(174, &[string, i(1), i(98)]), Ok(i(98)));
    world.fails(174, &[string, i(1), i(256)], BadArgument);
    world.lock(object);
    world.fails(174, &[object, i(1), i(1)], NoModification);
    world.fails(74, &[object, i(1), i(1)], NoModification);
}

#[test]
fn a_class_keeps_a_number_as_its_format() {
    let mut world = World::new();
    let class = world.new_class(fixed(1), None);
    let nil = world.nil();
    world.fails(174, &[class, i(3), nil], BadArgument);
    assert_eq!(world.call(174, &[class, i(3), i(65537)]), Ok(i(65537)));
}

#[test]
fn shorts_are_signed_halves_of_words() {
    let mut world = World::new();
    let class = world.vm.heap.class_at(ClassIndex::BITMAP).unwrap();
    let bitmap = world.new_instance(class, 2);
    assert_eq!(world.call(144, &[bitmap, i(4), i(-2)]), Ok(i(-2)));
    assert_eq!(world.call(143, &[bitmap, i(4)]), Ok(i(-2)));
    world.fails(143, &[bitmap, i(5)], BadIndex);
    world.fails(144, &[bitmap, i(1), i(40000)], BadArgument);
    let array = world.array(&[]);
    world.fails(143, &[array, i(1)], BadReceiver);
}

#[test]
fn fill_sets_every_element() {
    let mut world = World::new();
    let bytes = world.byte_array(&[1, 2, 3]);
    assert_eq!(world.call(145, &[bytes, i(9)]), Ok(bytes));
    assert_eq!(world.vm.heap.bytes(bytes), [9, 9, 9]);
    world.fails(145, &[bytes, i(256)], BadArgument);
    let array = world.array(&[]);
    world.fails(145, &[array, i(1)], BadReceiver);
}

#[test]
fn replacing_copies_also_where_it_overlaps() {
    let mut world = World::new();
    let bytes = world.byte_array(&[1, 2, 3, 4, 5]);
    assert_eq!(
        world.call(105, &[bytes, i(2), i(5), bytes, i(1)]),
        Ok(bytes)
    );
    assert_eq!(world.vm.heap.bytes(bytes), [1, 1, 2, 3, 4]);
    let array = world.array(&[i(1), i(2), i(3), i(4)]);
    world.call(105, &[array, i(2), i(4), array, i(1)]).unwrap();
    let copied: Vec<Oop> = (0..4)
        .map(|index| world.vm.heap.slot(array, index))
        .collect();
    assert_eq!(copied, [i(1), i(1), i(2), i(3)]);
    world.call(105, &[array, i(1), i(3), array, i(2)]).unwrap();
    let copied: Vec<Oop> = (0..4)
        .map(|index| world.vm.heap.slot(array, index))
        .collect();
    assert_eq!(copied, [i(1), i(2), i(3), i(3)]);
}

#[test]
fn replacing_copies_more_than_the_buffer_holds() {
    let mut world = World::new();
    let pattern: Vec<u8> = (0..2000u32).map(|index| (index % 251) as u8).collect();
    let source = world.byte_array(&pattern);
    let target = world.byte_array(&[0; 2000]);
    world
        .call(105, &[target, i(1), i(1999), source, i(2)])
        .unwrap();
    assert_eq!(world.vm.heap.bytes(target)[..1999], pattern[1..]);
    assert_eq!(world.vm.heap.bytes(target)[1999], 0);
}

#[test]
fn replacing_checks_formats_and_bounds() {
    let mut world = World::new();
    let string = world.string("hello");
    let bytes = world.byte_array(b"abc");
    world.call(105, &[string, i(1), i(3), bytes, i(1)]).unwrap();
    assert_eq!(world.text(string), "abclo");
    let array = world.array(&[i(1)]);
    world.fails(105, &[string, i(1), i(1), array, i(1)], Inappropriate);
    for (start, stop, source) in [
        (0, 1, 1),
        (1, 6, 1),
        (1, 4, 1),
        (1, 1, 0),
        (3, 1, 1),
        (1, 3, 2),
    ] {
        let operands = [string, i(start), i(stop), bytes, i(source)];
        world.fails(105, &operands, BadIndex);
    }
    let huge = Oop::small_integer(imprint_model::oop::SMALL_INTEGER_MIN).unwrap();
    world.fails(105, &[string, i(1), huge, bytes, i(1)], BadIndex);
    world.fails(105, &[string, huge, i(1), bytes, i(1)], BadIndex);
    world.fails(105, &[string, i(1), i(1), i(3), i(1)], BadArgument);
    world.fails(105, &[string, string, i(1), bytes, i(1)], BadArgument);
    world.fails(105, &[i(1), i(1), i(1), bytes, i(1)], BadReceiver);
    world.lock(string);
    world.fails(105, &[string, i(1), i(1), bytes, i(1)], NoModification);
    assert_eq!(
        world.call(105, &[string, i(1), i(0), bytes, i(1)]),
        Ok(string)
    );
}
