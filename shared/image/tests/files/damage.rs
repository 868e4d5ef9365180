//! Damaged files: refused, or harmless. A file that is taken must give a heap that verifies and
//! survives a collection.

use crate::world::{bare_world, settings, world};
use imprint_heap::{Collection, Heap, NoRoots, Safepoint, Zeal};
use imprint_image::{ImageProblem, PristineImage, read_image, spur_bytes};

struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        self.0 >> 24
    }

    fn below(&mut self, limit: usize) -> usize {
        self.next() as usize % limit
    }
}

/// Whatever was taken can be walked, verified and collected.
fn use_it(mut heap: Heap) {
    heap.verify(&mut NoRoots).expect("what was taken is whole");
    let count = heap.all_objects().len();
    assert!(count > 3);
    for kind in [Collection::Scavenge, Collection::Full] {
        heap.collect(Safepoint::at_interpreter_loop(), kind, &mut NoRoots);
    }
    heap.verify(&mut NoRoots).expect("and stays so");
}

fn try_it(bytes: &[u8]) -> bool {
    let zealous = imprint_heap::HeapSettings {
        zeal: Some(Zeal::every(1)),
        ..settings()
    };
    match read_image(bytes, zealous) {
        Ok(image) => {
            use_it(image.heap);
            true
        }
        Err(problem) => {
            assert!(problem.to_string().len() > 20, "{problem}");
            false
        }
    }
}

#[test]
fn every_cut_of_a_spur_file_is_refused() {
    let bytes = spur_bytes(&bare_world()).unwrap();
    let lengths = (0..200)
        .chain((200..bytes.len()).step_by(97))
        .chain(bytes.len() - 40..bytes.len());
    for length in lengths {
        let problem = read_image(&bytes[..length], settings())
            .map(|_| ())
            .unwrap_err();
        let is_cut = matches!(
            problem,
            ImageProblem::Cut { .. } | ImageProblem::Empty | ImageProblem::NoImage { .. }
        );
        assert!(is_cut, "{length}: {problem}");
    }
}

#[test]
fn a_flipped_bit_of_a_spur_file_is_refused_or_harmless() {
    let bytes = spur_bytes(&world()).unwrap();
    let mut dice = Dice(1);
    let objects = 128 + (73 + 4104 + 2 * 1026) * 8;
    let mut taken = 0;
    for round in 0..1500 {
        let mut damaged = bytes.clone();
        let at = match round % 3 {
            0 => dice.below(128),
            _ => objects + dice.below(bytes.len() - objects),
        };
        damaged[at] ^= 1 << dice.below(8);
        taken += usize::from(try_it(&damaged));
    }
    assert!(taken > 100, "texts and numbers may change: {taken}");
    assert!(taken < 1400, "references and headers may not: {taken}");
}

#[test]
fn random_words_in_a_spur_file_are_refused_or_harmless() {
    let bytes = spur_bytes(&world()).unwrap();
    let mut dice = Dice(2);
    let objects = 16 + 73 + 4104 + 2 * 1026;
    for _ in 0..800 {
        let mut damaged = bytes.clone();
        for _ in 0..=dice.below(3) {
            let word = objects + dice.below(bytes.len() / 8 - objects);
            let other = objects + dice.below(bytes.len() / 8 - objects);
            let value = match dice.below(4) {
                0 => 0,
                1 => dice.next() << 20 | dice.next(),
                2 => u64::from_le_bytes(bytes[other * 8..][..8].try_into().unwrap()),
                _ => 0x2000_0000_0080 + (other as u64 - 16) * 8,
            };
            damaged[word * 8..][..8].copy_from_slice(&value.to_le_bytes());
        }
        try_it(&damaged);
    }
}

#[test]
fn a_ring_of_superclasses_is_refused() {
    let mut heap = world();
    let class = heap.class_at(1034).unwrap();
    let other = heap.class_at(1033).unwrap();
    heap.store(class, 0, other);
    assert!(try_it(&spur_bytes_unchecked(&heap)));
    heap.store(other, 0, class);
    assert!(!try_it(&spur_bytes_unchecked(&heap)));
}

/// Writing checks in debug builds that what it wrote can be read; here it cannot.
fn spur_bytes_unchecked(heap: &Heap) -> Vec<u8> {
    imprint_image::spur::spur_bytes_unread(heap).expect("no ghosts")
}

#[test]
fn flags_of_a_collection_are_cleared() {
    let mut bytes = spur_bytes(&world()).unwrap();
    let special = u64::from_le_bytes(bytes[24..32].try_into().unwrap());
    let at = (special - 0x2000_0000_0080) as usize + 128;
    bytes[at + 3] |= 0b1010_0000;
    bytes[at + 6] |= 0b1000_0000;
    assert!(try_it(&bytes));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flags.image");
    std::fs::write(&path, &bytes).unwrap();
    let image = PristineImage::open(&path).unwrap();
    let header = image.heap().header(image.heap().special_objects());
    assert!(!header.is_marked() && !header.is_remembered() && !header.is_grey());
}

#[test]
fn hostile_compact_bodies_are_refused_or_harmless() {
    let options = imprint_image::CompactOptions {
        level: 1,
        ..Default::default()
    };
    let (file, sizes) = imprint_image::write_compact(&bare_world(), &options).unwrap();
    let body = imprint_image::compact::body_for_tests(&file).unwrap();
    assert_eq!(
        sizes.objects,
        read_image(&file, settings())
            .unwrap()
            .heap
            .all_objects()
            .len()
    );
    let mut dice = Dice(3);
    let mut taken = 0;
    for round in 0..4000 {
        let mut damaged = body.clone();
        if round % 4 == 0 {
            damaged.truncate(dice.below(body.len()));
        }
        for _ in 0..=dice.below(3) {
            if !damaged.is_empty() {
                let at = dice.below(damaged.len());
                damaged[at] = dice.next() as u8;
            }
        }
        taken += usize::from(try_it(&imprint_image::compact::file_for_tests(&damaged)));
    }
    assert!(taken > 0);
}
