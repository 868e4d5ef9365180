//! Compact files.

use crate::world::{assert_same, bare_world, ghost, push, pushed, settings, world};
use imprint_heap::{Heap, HeapSettings};
use imprint_image::compact::read_metadata;
use imprint_image::{
    CompactOptions, Fingerprint, ImageProblem, ImageRole, Metadata, open_image, read_compact,
    read_image, spur_bytes, write_beside_and_rename, write_compact,
};
use imprint_model::layout::{behavior, class};
use imprint_model::{ClassIndex, Format, InstanceSpec, Known, Oop};

fn file(heap: &Heap) -> Vec<u8> {
    write_compact(heap, &CompactOptions::default())
        .expect("the heap is whole")
        .0
}

#[test]
fn what_is_written_reads_back() {
    let heap = world();
    let (bytes, sizes) = write_compact(&heap, &CompactOptions::default()).unwrap();
    assert_eq!(sizes.after, bytes.len());
    let (back, metadata) = read_compact(&bytes, settings()).unwrap();
    assert_same(&heap, &back);
    assert_eq!(metadata, Metadata::default());
    assert_eq!(back.all_objects().len(), sizes.objects);
    assert!(back.symbol("doesNotUnderstand:").is_some());
    assert_eq!(back.symbol_classes(), heap.symbol_classes());
    assert_eq!(file(&back), bytes, "a second writing gives the same file");
}

#[test]
fn the_bytes_depend_on_the_graph_alone() {
    let mut heap = world();
    let first = file(&heap);
    heap.collect(
        imprint_heap::Safepoint::at_interpreter_loop(),
        imprint_heap::Collection::Full,
        &mut imprint_heap::NoRoots,
    );
    assert_eq!(file(&heap), first, "the objects moved");
    let spur = read_image(&spur_bytes(&heap).unwrap(), settings()).unwrap();
    assert_eq!(file(&spur.heap), first, "the heap came of another file");
}

#[test]
fn ghosts_keep_id_and_hash() {
    let mut heap = world();
    push(&mut heap, ghost(815));
    push(&mut heap, ghost((1 << 39) - 1));
    let (back, _) = read_compact(&file(&heap), settings()).unwrap();
    assert_eq!(pushed(&back)[..2], pushed(&heap)[..2]);
}

#[test]
fn metadata_is_kept() {
    let metadata = Metadata {
        role: ImageRole::Slim,
        origin: Some(Fingerprint::of(b"full")),
        entry: Some("Counter serveOn: 8080".to_owned()),
        notes: vec![("kernel".to_owned(), "0.1.0".to_owned())],
    };
    let options = CompactOptions {
        metadata: metadata.clone(),
        level: 3,
    };
    let (bytes, _) = write_compact(&world(), &options).unwrap();
    assert_eq!(read_metadata(&bytes).unwrap(), metadata);
    assert_eq!(read_compact(&bytes, settings()).unwrap().1, metadata);
}

#[test]
fn every_cut_is_refused() {
    let bytes = file(&world());
    for length in 0..bytes.len() {
        let problem = read_image(&bytes[..length], settings())
            .map(|_| ())
            .unwrap_err();
        assert!(!problem.to_string().is_empty(), "{length}");
    }
}

#[test]
fn every_changed_byte_is_refused() {
    let bytes = file(&bare_world());
    for at in 0..bytes.len() {
        for change in [1, 0x80] {
            let mut changed = bytes.clone();
            changed[at] ^= change;
            assert!(
                read_image(&changed, settings()).is_err(),
                "byte {at} ^ {change}"
            );
        }
    }
}

#[test]
fn a_refusal_names_the_file_and_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut.image");
    let bytes = file(&world());
    write_beside_and_rename(&path, &bytes[..bytes.len() / 2]).unwrap();
    let sentence = open_image(&path, settings())
        .map(|_| ())
        .unwrap_err()
        .to_string();
    let expected = "its checksum does not fit its content; copy or build it again";
    assert_eq!(
        sentence,
        format!("{}: the file is damaged: {expected}", path.display())
    );
}

#[test]
fn a_newer_version_is_refused_by_its_number() {
    let mut bytes = file(&bare_world());
    bytes[7] = 9;
    let problem = read_compact(&bytes, settings()).map(|_| ()).unwrap_err();
    assert!(matches!(
        problem,
        ImageProblem::NewerVersion {
            version: 9,
            known: 1
        }
    ));
}

#[test]
fn many_equal_objects_are_stored_within_the_bound_of_memory() {
    let mut heap = world();
    let array = heap
        .allocate_old(ClassIndex::ARRAY, Format::ARRAY, 400_000)
        .unwrap();
    push(&mut heap, array);
    let (bytes, sizes) = write_compact(&heap, &CompactOptions::default()).unwrap();
    assert!(sizes.before_compression > 400_000);
    assert!(
        bytes.len() < 10_000 || bytes.len() > 400_000,
        "{}",
        bytes.len()
    );
    let (back, _) = read_compact(&bytes, settings()).unwrap();
    assert_same(&heap, &back);
}

/// What `3 + 4` may need: nil, false, true, nine classes of which each has only the slots that
/// the virtual machine reads, two methods, a process.
fn seven() -> Heap {
    let mut heap = Heap::new(HeapSettings::for_builder()).expect("room");
    let firsts: Vec<Oop> = (1024..1027)
        .map(|index| heap.allocate_old(index, Format::EMPTY, 0).expect("room"))
        .collect();
    heap.set_singletons(firsts[0], firsts[1], firsts[2]);
    heap.set_symbol_classes(1031, 0);
    let array = heap
        .allocate_old(ClassIndex::ARRAY, Format::ARRAY, 60)
        .expect("room");
    heap.set_special_objects(array);
    (0..3).for_each(|at| heap.store(array, at, firsts[at]));
    let classes: &[(&str, u32, u8, u16)] = &[
        ("SmallInteger", 1, 7, 0),
        ("Context", 36, 3, 6),
        ("Array", 51, 2, 0),
        ("UndefinedObject", 1024, 0, 0),
        ("False", 1025, 0, 0),
        ("True", 1026, 0, 0),
        ("Metaclass", 1027, 1, 6),
        ("CompiledMethod", 1028, 24, 0),
        ("MethodDictionary", 1029, 3, 2),
        ("Process", 1030, 1, 10),
        ("ByteSymbol", 1031, 16, 0),
    ];
    for (at, (name, index, spec, fixed_fields)) in classes.iter().enumerate() {
        let meta = heap.allocate_old(1027, Format::FIXED, 6).expect("room");
        let meta_index = heap.enter_class(meta, Some(1040 + at as u32));
        let class = heap
            .allocate_old(meta_index, Format::FIXED, class::SIZE)
            .expect("room");
        heap.enter_class(class, Some(*index));
        for (oop, spec, fixed_fields) in [(class, *spec, *fixed_fields), (meta, 1, 12)] {
            let value = InstanceSpec { spec, fixed_fields }.to_small_integer();
            heap.store(
                oop,
                behavior::FORMAT,
                Oop::small_integer(value).expect("room"),
            );
        }
        let name = heap.intern(name).expect("room");
        heap.store(class, class::NAME, name);
        heap.store(meta, 5, class);
    }
    let process = heap.allocate_old(1030, Format::FIXED, 10).expect("room");
    heap.store(array, Known::Smalltalk.index(), process);
    heap
}

#[test]
fn a_tiny_image_is_tiny() {
    let heap = seven();
    let (bytes, sizes) = write_compact(&heap, &CompactOptions::default()).unwrap();
    println!(
        "{} objects, {} bytes, {} before compression",
        sizes.objects, sizes.after, sizes.before_compression
    );
    assert!(sizes.objects >= 30);
    assert!(bytes.len() < 350, "{} bytes", bytes.len());
    assert!(
        sizes.before_compression < 550,
        "{} bytes",
        sizes.before_compression
    );
}
