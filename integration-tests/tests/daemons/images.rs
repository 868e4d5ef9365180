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

/// Gives all classes the shapes of Squeak's and Cuis's: names of variables in place of a layout, and no
/// protocols.
const RESHAPED: &str = "
    | behaviors names |
    behaviors := OrderedCollection new.
    Smalltalk allClasses do: [ :each | behaviors add: each; add: each class ].
    names := behaviors collect: [ :each | (each instVarNames collect: [ :name | name asString ]) asArray ].
    behaviors with: names do: [ :each :own |
        each instVarAt: 4 put: (own isEmpty ifTrue: [ nil ] ifFalse: [ own ]); instVarAt: 5 put: nil ].
    Smalltalk snapshot: true andQuit: true";

#[test]
fn our_kernel_runs_and_is_shrunk_with_classes_of_squeaks_shapes() {
    let folder = tempfile::tempdir().unwrap();
    let run = |words: &[&str]| {
        let ended = master(folder.path(), words);
        assert_eq!(ended.code, Some(0), "{words:?}: {ended:?}");
        ended.stdout
    };
    run(&["build", "-o", "their.image"]);
    fs::write(folder.path().join("reshape.st"), RESHAPED).unwrap();
    run(&["run", "their.image", "reshape.st"]);
    for (expression, expected) in EXPRESSIONS {
        let printed = run(&["run", "their.image", "eval", expression]);
        assert_eq!(printed.trim(), *expected, "{expression}");
    }
    // What is compiled for them knows their variables by name; a screen that is not there is no obstacle.
    for (expression, expected) in [
        ("Point compile: 'both ^ x + y'. (3 @ 4) perform: #both", "7"),
        (
            "Object compile: 'supports: depth <primitive: 91> ^ #failed'. 3 perform: #supports: with: 32",
            "true",
        ),
    ] {
        let printed = run(&["run", "their.image", "eval", expression]);
        assert_eq!(printed.trim(), expected, "{expression}");
    }
    let sum = "((1 to: 10) inject: 0 into: [ :sum :each | sum + each ]) + (3 @ 4) x";
    let shrunk = run(&["shrink", "their.image", "--eval", sum, "-o", "slim.image"]);
    assert!(shrunk.contains("runs alone"), "{shrunk}");
    assert_eq!(run(&["run", "slim.image"]).trim(), "58");
}

/// Makes collections whose keys are immediates in 64 bits, and puts these where they would lie by another
/// hash, as they do where the numbers were objects.
const MISPLACED: &str = "
    | table numbers misplace |
    misplace := [ :collection | | array |
        array := collection instVarNamed: #array.
        collection instVarNamed: #array put: (array last: 3) , (array allButLast: 3) ].
    table := Dictionary new.
    numbers := IdentitySet new.
    1 to: 20 do: [ :each |
        table at: each * 1073741823 put: each.
        table at: (each * 1073741823) @ 1 put: each.
        numbers add: each / 3.0 ].
    misplace value: table; value: numbers.
    Smalltalk globals at: #Table put: table; at: #Numbers put: numbers.
    Smalltalk snapshot: true andQuit: true";

/// How many of the keys are found.
const FOUND: &str = "((1 to: 20) count: [ :each | (Smalltalk at: #Table) includesKey: each * 1073741823 ]) \
     + ((1 to: 20) count: [ :each | (Smalltalk at: #Table) includesKey: (each * 1073741823) @ 1 ]) \
     + ((1 to: 20) count: [ :each | (Smalltalk at: #Numbers) includes: each / 3.0 ])";

#[test]
fn collections_find_keys_that_became_immediates() {
    let folder = tempfile::tempdir().unwrap();
    let run = |words: &[&str]| {
        let ended = master(folder.path(), words);
        assert_eq!(ended.code, Some(0), "{words:?}: {ended:?}");
        ended.stdout.trim().to_owned()
    };
    run(&["build", "-o", "full.image"]);
    fs::write(folder.path().join("misplace.st"), MISPLACED).unwrap();
    run(&["run", "full.image", "misplace.st"]);
    let found = run(&["run", "full.image", "eval", FOUND]);
    assert_ne!(found, "60", "a test that cannot fail");
    let heap = open_image(&folder.path().join("full.image"), HeapSettings::default());
    let theirs = written(&heap.unwrap().heap, LAYOUTS[0].1);
    fs::write(folder.path().join("their.image"), theirs).unwrap();
    assert_eq!(run(&["run", "their.image", "eval", FOUND]), "60");
    run(&[
        "image",
        "convert",
        "their.image",
        "-o",
        "wide.image",
        "--format",
        "spur",
    ]);
    assert_eq!(run(&["run", "wide.image", "eval", FOUND]), "60");
    // A slave, too, finds them; and so does the image that is made again of its log.
    run(&["shrink", "their.image", "--eval", FOUND, "-o", "slim.image"]);
    assert_eq!(run(&["run", "slim.image"]), "60");
    run(&[
        "replay",
        "slim.replay",
        "--image",
        "their.image",
        "-o",
        "again.image",
    ]);
    let bytes = |name: &str| fs::read(folder.path().join(name)).unwrap();
    assert_eq!(bytes("slim.image"), bytes("again.image"));
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
