//! Spur images of 32-bit words and of the other byte order, made here of a heap of ours: what is
//! read back is that heap.

use crate::narrow::{LAYOUTS, written};
use crate::world::{assert_same, push, settings, world};
use imprint_heap::Heap;
use imprint_image::read_image;
use imprint_model::layout::{block_closure, context};
use imprint_model::{BytecodeSet, ClassIndex, Format, MethodHeader, Oop};

/// A method in the older set, a context of it that has begun, and a closure made there.
fn push_activation(heap: &mut Heap) {
    let header = MethodHeader {
        set: BytecodeSet::V3PlusClosures,
        literal_count: 3,
        temp_count: 1,
        ..MethodHeader::default()
    };
    let code = heap
        .allocate_code(crate::world::COMPILED_METHOD, header, &[115, 124, 1, 2, 3])
        .expect("room");
    let slots = context::FIRST_TEMP + header.frame_slots();
    let frame = heap
        .allocate_old(ClassIndex::CONTEXT, Format::FIXED_AND_INDEXED, slots)
        .expect("room");
    heap.store(frame, context::METHOD, code);
    heap.store(frame, context::PC, Oop::small(34));
    heap.store(frame, context::STACK_POINTER, Oop::small(1));
    let closure = heap
        .allocate_old(ClassIndex::BLOCK_CLOSURE, Format::FIXED_AND_INDEXED, 4)
        .expect("room");
    heap.store(closure, block_closure::OUTER_CONTEXT, frame);
    heap.store(closure, block_closure::START_PC, Oop::small(35));
    push(heap, closure);
}

fn full_world() -> Heap {
    let mut heap = world();
    let object = heap.class_at(1024).expect("made");
    for index in [ClassIndex::CONTEXT, ClassIndex::BLOCK_CLOSURE] {
        heap.enter_class_alias(object, index);
    }
    push_activation(&mut heap);
    heap
}

#[test]
fn images_of_other_widths_and_orders_become_the_same_heap() {
    let heap = full_world();
    for (name, layout) in LAYOUTS {
        let file = written(&heap, *layout);
        let opened = read_image(&file, settings());
        let opened = opened.unwrap_or_else(|problem| panic!("{name}: {problem}"));
        assert_same(&heap, &opened.heap);
        let sets = opened.heap.bytecode_sets();
        assert!(sets.v3 && sets.sista, "{name}");
        assert!(opened.info().format.ends_with("converted"), "{name}");
    }
}

#[test]
fn what_was_converted_is_written_as_a_spur_image_of_today() {
    let heap = full_world();
    let file = written(&heap, LAYOUTS[0].1);
    let opened = read_image(&file, settings()).expect("it can be read");
    let written = imprint_image::spur_bytes(&opened.heap).expect("it can be written");
    let again = read_image(&written, settings()).expect("it reads back");
    assert_same(&opened.heap, &again.heap);
}

#[test]
fn a_foreign_image_that_is_cut_or_damaged_is_refused() {
    let heap = full_world();
    for (name, layout) in LAYOUTS {
        let file = written(&heap, *layout);
        for length in (0..file.len()).step_by(997).chain([file.len() - 1]) {
            let result = read_image(&file[..length], settings());
            assert!(result.is_err(), "{name} cut to {length} bytes");
        }
        let mut seed = 12345u64;
        for _ in 0..300 {
            let mut damaged = file.clone();
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let at = (seed >> 33) as usize % damaged.len();
            damaged[at] ^= (seed >> 20) as u8 | 1;
            // Whatever comes of it, it is an answer.
            let _ = read_image(&damaged, settings());
        }
    }
}
