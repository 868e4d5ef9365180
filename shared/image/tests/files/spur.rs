//! Spur files.

use crate::world::{assert_same, bare_world, ghost, push, pushed, settings, world};
use imprint_heap::{PREFERRED_BASE, PREFERRED_START};
use imprint_image::spur::{SpurHeader, read_spur_bytes};
use imprint_image::{ImageProblem, PristineImage, open_image, read_spur, spur_bytes, write_spur};
use imprint_model::{ClassIndex, Known, Oop};

fn words(bytes: &[u8]) -> Vec<u64> {
    bytes
        .chunks_exact(8)
        .map(|chunk| u64::from_le_bytes(chunk.try_into().expect("eight")))
        .collect()
}

#[test]
fn what_is_written_reads_back() {
    let heap = world();
    let bytes = spur_bytes(&heap).unwrap();
    let mut back = read_spur_bytes(&bytes, settings()).unwrap();
    assert_same(&heap, &back);
    let symbol = back
        .symbol("doesNotUnderstand:")
        .expect("the table was filled");
    assert_eq!(back.known(Known::DoesNotUnderstand), symbol);
    assert_eq!(back.intern("doesNotUnderstand:"), Ok(symbol));
    assert!(back.symbol("日本:").is_some());
    assert_eq!(back.last_hash(), heap.last_hash());
    assert_eq!(
        spur_bytes(&back).unwrap(),
        bytes,
        "a second writing gives the same file"
    );
}

#[test]
fn a_weak_slot_keeps_nothing_in_a_file() {
    let heap = world();
    let back = read_spur_bytes(&spur_bytes(&heap).unwrap(), settings()).unwrap();
    let weak = pushed(&back)[0];
    assert_eq!(
        back.string_text(back.slot(weak, 0)).as_deref(),
        Some("日本:")
    );
    assert_eq!(back.slot(weak, 1), back.nil());
}

#[test]
fn the_file_has_the_form_that_stock_machines_expect() {
    let bytes = spur_bytes(&world()).unwrap();
    let header = SpurHeader::decode(&bytes, bytes.len() as u64).unwrap();
    assert_eq!(header.base, PREFERRED_BASE);
    assert_eq!(header.data_bytes, bytes.len() as u64 - 128);
    assert_eq!(header.first_segment_bytes, header.data_bytes);
    let data = words(&bytes[128..]);
    assert_eq!(
        &data[data.len() - 2..],
        [0x0080_0000_4900_0003, 0],
        "the bridge"
    );
    for (at, class_index) in [(0, 1024), (2, 1025), (4, 1026), (6, 19), (72, 16)] {
        assert_eq!(data[at] & 0x3F_FFFF, class_index, "object at word {at}");
    }
    assert_eq!(data[6] >> 56, 64, "slots of the free list");
    assert!(data[7..71].iter().all(|word| *word == 0));
    assert_eq!(data[71], 255 << 56 | 4104, "slots of the hidden roots");
    let nil = PREFERRED_BASE;
    assert!(
        data[75..73 + 4104].iter().all(|word| *word == nil),
        "two pages only"
    );
    let page = (data[73] - nil) as usize / 8;
    assert_eq!(data[page - 1], 255 << 56 | 1024);
    let array = (data[page + 1 + ClassIndex::ARRAY as usize] - nil) as usize / 8;
    assert_eq!(data[array] >> 32 & 0x3F_FFFF, 51, "its hash is its index");
}

#[test]
fn a_file_is_mapped_at_its_base_and_the_next_is_moved() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.image");
    let heap = world();
    write_spur(&heap, &path).unwrap();
    drop(heap);
    let opened: Vec<_> = (0..3)
        .map(|_| read_spur(&path, settings()).unwrap())
        .collect();
    for heap in &opened[1..] {
        assert_same(&opened[0], heap);
    }
    let bases: std::collections::HashSet<u64> = opened.iter().map(|heap| heap.base()).collect();
    assert_eq!(bases.len(), 3);
    assert_eq!(PREFERRED_BASE - PREFERRED_START, 128);
}

#[test]
fn a_mapped_heap_can_be_changed_and_the_file_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.image");
    write_spur(&world(), &path).unwrap();
    let before = std::fs::read(&path).unwrap();
    let mut heap = read_spur(&path, settings()).unwrap();
    push(&mut heap, Oop::small(42));
    let large = heap
        .allocate_old(ClassIndex::ARRAY, imprint_model::Format::ARRAY, 500_000)
        .unwrap();
    push(&mut heap, large);
    assert_eq!(pushed(&heap)[1], Oop::small(42));
    heap.collect(
        imprint_heap::Safepoint::at_interpreter_loop(),
        imprint_heap::Collection::Full,
        &mut imprint_heap::NoRoots,
    );
    heap.verify(&mut imprint_heap::NoRoots).unwrap();
    assert_eq!(pushed(&heap)[1], Oop::small(42));
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn segments_at_other_addresses_are_put_together() {
    let bytes = spur_bytes(&world()).unwrap();
    let one = read_spur_bytes(&bytes, settings()).unwrap();
    let split = split_in_two(&bytes);
    let back = read_spur_bytes(&split, settings()).unwrap();
    assert_same(&one, &back);
}

/// The same image in two segments: the second, from the first object after the class table on,
/// is written for an address 800 bytes further.
fn split_in_two(bytes: &[u8]) -> Vec<u8> {
    const GAP: u64 = 800;
    let data = words(&bytes[128..]);
    let cut = 73 + 4104 + 2 * 1026;
    let border = PREFERRED_BASE + cut as u64 * 8;
    let moved = |word: &u64| {
        let end = PREFERRED_BASE + data.len() as u64 * 8;
        let is_moved = word.is_multiple_of(8) && (border..end).contains(word);
        if is_moved { word + GAP + 16 } else { *word }
    };
    let mut header = SpurHeader::decode(bytes, bytes.len() as u64).expect("a whole header");
    header.data_bytes += 16;
    header.first_segment_bytes = cut as u64 * 8 + 16;
    header.special_objects = moved(&header.special_objects);
    let mut split: Vec<u64> = data[..cut].iter().map(moved).collect();
    split.extend([(255 << 56) | (GAP / 8), (data.len() - cut) as u64 * 8]);
    split.extend(data[cut..].iter().map(moved));
    let mut file = header.encode().to_vec();
    file.extend(split.iter().flat_map(|word| word.to_le_bytes()));
    file
}

#[test]
fn ghosts_are_refused_by_name() {
    let mut heap = bare_world();
    push(&mut heap, ghost(815));
    let problem = spur_bytes(&heap).unwrap_err();
    assert!(
        matches!(&problem, ImageProblem::Ghost { class, slot: 0, id: 815 } if class == "Array"),
        "{problem}"
    );
}

#[test]
fn class_indices_of_a_slave_are_refused() {
    let mut heap = world();
    let class = heap.class_at(1034).unwrap();
    let copy = heap.clone_shallow(class).unwrap();
    heap.enter_class(copy, Some(ClassIndex::FIRST_OF_SLAVE));
    push(&mut heap, copy);
    let problem = spur_bytes(&heap).unwrap_err();
    assert!(
        matches!(problem, ImageProblem::ClassIndexTooHigh { .. }),
        "{problem}"
    );
}

#[test]
fn a_pristine_image_has_ids_for_objects() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.image");
    write_spur(&world(), &path).unwrap();
    let image = PristineImage::open(&path).unwrap();
    let other = PristineImage::from_bytes(&std::fs::read(&path).unwrap()).unwrap();
    assert_eq!(image.fingerprint(), other.fingerprint());
    let mut count = 0;
    for id in 0..image.id_limit() + 100 {
        let there = image.oop_at(id);
        assert_eq!(there.is_some(), other.oop_at(id).is_some());
        if let (Some(oop), Some(twin)) = (there, other.oop_at(id)) {
            count += 1;
            assert_eq!(image.id_of(oop), id);
            assert_eq!(image.ghost_of(oop), other.ghost_of(twin));
            assert_ne!(image.ghost_of(oop).hash, 0);
        }
    }
    assert_eq!(count, image.heap().all_objects().len());
    assert_eq!(image.oop_at(u64::MAX), None);
    assert_eq!(image.oop_at(0), Some(image.heap().nil()));
}

#[test]
fn an_image_tells_what_it_holds() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.image");
    write_spur(&world(), &path).unwrap();
    let opened = open_image(&path, settings()).unwrap();
    let info = opened.info();
    assert_eq!(info.format, "Spur 68021");
    assert_eq!((info.classes, info.metaclasses, info.methods), (19, 19, 1));
    assert_eq!(info.objects, opened.heap.all_objects().len());
    let arrays = info
        .tally
        .iter()
        .find(|tally| tally.name == "Array")
        .unwrap();
    assert!(arrays.objects > 20);
    assert!(
        info.tally
            .iter()
            .any(|tally| tally.name == "ByteString class")
    );
    assert_eq!(
        info.tally.iter().map(|tally| tally.bytes).sum::<usize>(),
        info.heap_bytes
    );
}
