//! Files that were checked once are opened without another look at every word, and are the same.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::world::{assert_same, settings, world};
use imprint_heap::NoRoots;
use imprint_image::{
    Certificates, OpenedImage, open_certified, open_image, spur_bytes, write_compact, write_spur,
};

/// Opens a file until there is a certificate of it: it gets none while it has just changed.
fn opened_again(path: &Path, certificates: &Certificates) -> OpenedImage {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        let image = open_certified(path, settings(), certificates).expect("it is whole");
        if image.bindings.is_some() {
            return image;
        }
        assert!(Instant::now() < end, "it never gets a certificate");
        drop(image);
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_certified_file_makes_the_same_heap() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.image");
    write_spur(&world(), &path).unwrap();
    let certificates = Certificates::in_folder(folder.path().join("kept"));
    let image = opened_again(&path, &certificates);
    let checked = open_image(&path, settings()).unwrap();
    assert_same(&checked.heap, &image.heap);
    assert_eq!(image.heap.verify(&mut NoRoots), Ok(()));
    assert_eq!(image.fingerprint, checked.fingerprint);
    assert_eq!(image.file_bytes, checked.file_bytes);
    assert_eq!(image.heap.bytecode_sets(), checked.heap.bytecode_sets());
    assert_eq!(image.heap.symbol_classes(), checked.heap.symbol_classes());
    for text in ["doesNotUnderstand:", "日本:"] {
        let symbol = image.heap.symbol(text).expect("the table was filled");
        assert!(image.heap.has_text(symbol, text));
    }
    assert!(image.heap.symbol("nobody:knows:me:").is_none());
    assert_eq!(
        spur_bytes(&image.heap).unwrap(),
        spur_bytes(&checked.heap).unwrap()
    );
}

#[test]
fn where_the_base_is_taken_a_certified_file_is_read_as_ever() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.image");
    write_spur(&world(), &path).unwrap();
    let certificates = Certificates::in_folder(folder.path().join("kept"));
    let first = opened_again(&path, &certificates);
    let second = open_certified(&path, settings(), &certificates).unwrap();
    assert_ne!(first.heap.base(), second.heap.base());
    assert_same(&first.heap, &second.heap);
}

#[test]
fn damage_that_comes_after_the_check_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.image");
    write_spur(&world(), &path).unwrap();
    let certificates = Certificates::in_folder(folder.path().join("kept"));
    drop(opened_again(&path, &certificates));
    let mut bytes = std::fs::read(&path).unwrap();
    // The first slot of the class table's first page: no object begins there.
    let middle = 128 + (3 * 16 + 65 * 8 + 4105 * 8) + 8;
    bytes[middle] = 0x58;
    bytes[middle + 1] = 0x01;
    std::fs::write(&path, &bytes).unwrap();
    let error = open_certified(&path, settings(), &certificates).unwrap_err();
    assert!(error.to_string().contains("damaged"), "{error}");
    std::fs::write(&path, &bytes[..1000]).unwrap();
    let error = open_certified(&path, settings(), &certificates).unwrap_err();
    assert!(error.to_string().contains("cut"), "{error}");
}

#[test]
fn only_what_is_mapped_gets_a_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.imprint");
    let (bytes, _) = write_compact(&world(), &Default::default()).unwrap();
    std::fs::write(&path, bytes).unwrap();
    std::thread::sleep(Duration::from_millis(150));
    let kept = folder.path().join("kept");
    let certificates = Certificates::in_folder(kept.clone());
    for _ in 0..2 {
        let image = open_certified(&path, settings(), &certificates).unwrap();
        assert!(image.bindings.is_none());
    }
    assert!(!kept.exists());
}
