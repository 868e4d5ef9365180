//! Images of other widths and byte orders, and images that others made.
//!
//! The first are made here of our own kernel. For the others `IMPRINT_IMAGES=folder` names a folder;
//! each image in it is opened and asked for `3 + 4`, or refused with a sentence.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use imprint_heap::HeapSettings;
use imprint_image::open_image;
use imprint_integration_tests::programs::master;
use serde_json::Value;

use crate::narrow::{LAYOUTS, written};

/// Names the folder.
const FOLDER: &str = "IMPRINT_IMAGES";

/// Expressions in which numbers change their class with the width of a word, and what they print.
const EXPRESSIONS: &[(&str, &str)] = &[
    ("3 + 4", "7"),
    ("1000 factorial printString size", "2568"),
    ("(1 to: 10) inject: 0 into: [:sum :each | sum + each]", "55"),
    ("1073741823 + 1", "1073741824"),
    ("(1 bitShift: 59) class = SmallInteger", "true"),
    ("3.25 * 2", "6.5"),
    ("#(3 1 2) asSortedCollection asArray", "#(1 2 3)"),
    ("[1 / 0] on: ZeroDivide do: [:error | #caught]", "#caught"),
];

#[test]
fn our_kernel_runs_in_images_of_other_widths_and_orders() {
    let folder = tempfile::tempdir().unwrap();
    let built = master(folder.path(), &["build", "-o", "full.image"]);
    assert_eq!(built.code, Some(0), "{built:?}");
    let path = folder.path().join("full.image");
    let heap = open_image(&path, HeapSettings::default()).unwrap().heap;
    for (name, layout) in LAYOUTS {
        fs::write(folder.path().join("their.image"), written(&heap, *layout)).unwrap();
        for (expression, expected) in EXPRESSIONS {
            let words = ["run", "their.image", "-headless", "eval", expression];
            let ended = master(folder.path(), &words);
            assert_eq!(ended.code, Some(0), "{name}: {ended:?}");
            assert_eq!(ended.stdout.trim(), *expected, "{name}: {expression}");
        }
    }
}

#[test]
fn an_image_of_words_of_32_bits_is_shrunk_to_an_expression() {
    let folder = tempfile::tempdir().unwrap();
    let built = master(folder.path(), &["build", "-o", "full.image"]);
    assert_eq!(built.code, Some(0), "{built:?}");
    let path = folder.path().join("full.image");
    let heap = open_image(&path, HeapSettings::default()).unwrap().heap;
    let theirs = written(&heap, LAYOUTS[0].1);
    fs::write(folder.path().join("their.image"), theirs).unwrap();
    let words = [
        "shrink",
        "their.image",
        "--eval",
        "(1 to: 10) inject: 0 into: [:sum :each | sum + each]",
        "-o",
        "slim.image",
    ];
    let shrunk = master(folder.path(), &words);
    assert_eq!(shrunk.code, Some(0), "{shrunk:?}");
    assert!(shrunk.stdout.contains("runs alone"), "{shrunk:?}");
}

#[test]
fn images_that_others_made_open_and_answer() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else {
        println!("skipped: {FOLDER} names no folder with images");
        return;
    };
    let mut images: Vec<PathBuf> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{FOLDER}={}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "image")
        })
        .collect();
    images.sort();
    assert!(!images.is_empty(), "{} holds no image", folder.display());
    for image in images {
        look_at(&image);
    }
}

fn look_at(image: &Path) {
    let work = tempfile::tempdir().unwrap();
    let copy = work.path().join("their.image");
    fs::copy(image, &copy).unwrap();
    let started = Instant::now();
    let info = master(work.path(), &["image", "info", "their.image", "--json"]);
    let opened_in = started.elapsed();
    if info.code == Some(5) {
        // Refused, and the sentence says what could read it.
        assert!(info.stderr.contains("(format "), "{info:?}");
        println!("{}   refused: {}", image.display(), info.stderr.trim());
        return;
    }
    assert_eq!(info.code, Some(0), "{}: {info:?}", image.display());
    let facts: Value = serde_json::from_str(&info.stdout).unwrap();
    let sum = master(
        work.path(),
        &["run", "their.image", "-vm-display-null", "eval", "3 + 4"],
    );
    let answer = if sum.code == Some(0) {
        assert_eq!(sum.stdout.trim(), "7", "{}: {sum:?}", image.display());
        "3 + 4 = 7".to_owned()
    } else {
        // No names, no compiling: the sentence says which it lacks.
        assert!(!sum.stderr.trim().is_empty(), "{sum:?}");
        sum.stderr.trim().to_owned()
    };
    println!(
        "{}   {}   opened in {opened_in:?}   {answer}",
        image.display(),
        facts["format"]
    );
}
