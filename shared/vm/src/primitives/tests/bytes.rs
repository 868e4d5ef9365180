//! Numbers inside objects of bytes.

use imprint_model::{Known, Oop};
use proptest::prelude::*;

use crate::failure::PrimitiveError::{
    BadArgument, BadIndex, BadReceiver, Inappropriate, NoModification, Unsupported,
};
use crate::primitives::testing::{World, raw};

/// Load number, bytes, least and greatest value; the store's number is 15 more.
const INTEGERS: &[(u16, usize, i128, i128)] = &[
    (601, 1, 0, u8::MAX as i128),
    (602, 1, i8::MIN as i128, i8::MAX as i128),
    (603, 2, 0, u16::MAX as i128),
    (604, 2, i16::MIN as i128, i16::MAX as i128),
    (605, 4, 0, u32::MAX as i128),
    (606, 4, i32::MIN as i128, i32::MAX as i128),
    (607, 8, 0, u64::MAX as i128),
    (608, 8, i64::MIN as i128, i64::MAX as i128),
];

fn i(value: i32) -> Oop {
    Oop::small(value)
}

#[test]
fn integers_keep_their_value_at_the_bounds() {
    let mut world = World::new();
    for (load, size, least, greatest) in INTEGERS {
        let bytes = world.byte_array(&[0x55; 16]);
        for value in [*least, *greatest] {
            let oop = world.integer(value);
            assert_eq!(world.call(load + 15, &[bytes, i(3), oop]), Ok(oop));
            let read = world.call(*load, &[bytes, i(3)]).unwrap();
            assert_eq!(world.integer_value(read), value, "primitive {load}");
            assert_eq!(world.vm.heap.bytes(bytes)[1], 0x55);
            assert_eq!(world.vm.heap.bytes(bytes)[2 + size], 0x55);
        }
        for value in [least - 1, greatest + 1] {
            let oop = world.integer(value);
            world.fails(load + 15, &[bytes, i(3), oop], BadArgument);
        }
        let last = i(16 - *size as i32 + 1);
        assert!(world.call(*load, &[bytes, last]).is_ok());
        let beyond = i(16 - *size as i32 + 2);
        for (number, wrong) in [(*load, beyond), (*load, i(0))] {
            world.fails(number, &[bytes, wrong], BadIndex);
            world.fails(number + 15, &[bytes, wrong, i(1)], BadIndex);
        }
        let array = world.array(&[i(1), i(2)]);
        world.fails(*load, &[array, i(1)], BadReceiver);
        world.fails(*load, &[i(1), i(1)], BadReceiver);
        world.fails(*load, &[bytes, array], BadArgument);
        world.lock(bytes);
        world.fails(load + 15, &[bytes, i(1), i(1)], NoModification);
    }
}

#[test]
fn booleans_are_bytes() {
    let mut world = World::new();
    let bytes = world.byte_array(&[0, 7]);
    assert_eq!(world.call(600, &[bytes, i(1)]), Ok(world.boolean(false)));
    assert_eq!(world.call(600, &[bytes, i(2)]), Ok(world.boolean(true)));
    let yes = world.boolean(true);
    assert_eq!(world.call(615, &[bytes, i(1), yes]), Ok(yes));
    assert_eq!(world.vm.heap.bytes(bytes), [1, 7]);
    world.fails(615, &[bytes, i(1), i(1)], BadArgument);
}

#[test]
fn characters_must_fit() {
    let mut world = World::new();
    let bytes = world.byte_array(&[0xFF; 4]);
    for (load, greatest) in [(610, 0xFF), (611, 0xFFFF), (612, 0x3FFF_FFFF)] {
        let character = Oop::character(greatest);
        assert_eq!(
            world.call(load + 15, &[bytes, i(1), character]),
            Ok(character)
        );
        assert_eq!(world.call(load, &[bytes, i(1)]), Ok(character));
        world.fails(load + 15, &[bytes, i(1), i(65)], BadArgument);
    }
    world.fails(625, &[bytes, i(1), Oop::character(256)], BadArgument);
    let bytes = world.byte_array(&[0xFF; 4]);
    world.fails(612, &[bytes, i(1)], Inappropriate);
}

#[test]
fn pointers_are_external_addresses_where_the_image_has_them() {
    let mut world = World::new();
    let bytes = world.byte_array(&[1, 2, 3, 4, 5, 6, 7, 8]);
    world.fails(609, &[bytes, i(1)], Unsupported);
    let class = world.new_class(raw(imprint_model::Format::BYTES), None);
    world.vm.heap.set_known(Known::ExternalAddress, class);
    let pointer = world.call(609, &[bytes, i(1)]).unwrap();
    assert_eq!(world.vm.heap.bytes(pointer), [1, 2, 3, 4, 5, 6, 7, 8]);
    let zero = world.byte_array(&[0; 8]);
    assert_eq!(world.call(624, &[bytes, i(1), zero]), Ok(zero));
    assert_eq!(world.vm.heap.bytes(bytes), [0; 8]);
    let short = world.byte_array(&[0; 7]);
    world.fails(624, &[bytes, i(1), short], BadArgument);
}

proptest! {
    #[test]
    fn floats_keep_their_bits(value in any::<f64>()) {
        let mut world = World::new();
        let bytes = world.byte_array(&[0; 12]);
        let float = world.float(value);
        prop_assert_eq!(world.call(629, &[bytes, i(5), float]), Ok(float));
        let read = world.call(614, &[bytes, i(5)]).unwrap();
        let bits = world.vm.heap.float_value(read).map(f64::to_bits);
        prop_assert_eq!(bits, Some(value.to_bits()));
        world.call(628, &[bytes, i(1), float]).unwrap();
        let read = world.call(613, &[bytes, i(1)]).unwrap();
        let single = world.vm.heap.float_value(read).unwrap();
        prop_assert!(single == f64::from(value as f32) || value.is_nan());
    }
}

#[test]
fn floats_take_small_integers_but_no_other_objects() {
    let mut world = World::new();
    let bytes = world.byte_array(&[0; 8]);
    assert_eq!(world.call(629, &[bytes, i(1), i(2)]), Ok(i(2)));
    let nil = world.nil();
    world.fails(628, &[bytes, i(1), nil], BadArgument);
    world.fails(629, &[bytes, i(2), i(2)], BadIndex);
}
