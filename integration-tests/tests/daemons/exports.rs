//! Image files in both forms: written, converted, compared, checked, damaged.

use std::fs;
use std::path::Path;

use imprint_heap::HeapSettings;
use imprint_image::{open_image, write_spur};
use imprint_integration_tests::programs::{
    Ended, assert_eventually, example, free_port, master, slave, start,
};
use imprint_isa::bytecode::Instruction;
use imprint_isa::encoder::encode;
use imprint_vm::extract::{ImageIndex, Place};

use imprint_integration_tests::browser::get;

fn done(ended: &Ended) {
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

fn shrink_expression(folder: &Path, expression: &str, file: &str, format: &str) {
    let arguments = [
        "shrink", "--eval", expression, "-o", file, "--format", format,
    ];
    done(&master(folder, &arguments));
}

fn is_sound(folder: &Path, file: &str) {
    let ended = master(folder, &["image", "info", "--verify", file]);
    done(&ended);
    assert!(ended.stdout.contains("verified"), "{ended:?}");
}

#[test]
fn expressions_run_the_same_in_both_forms_and_after_conversion() {
    let folder = tempfile::tempdir().unwrap();
    let rows = [
        ("2 + 3", "5\n"),
        ("Stdio stdout nextPutAll: 'hello'; lf; flush", "hello\n"),
    ];
    for (expression, prints) in rows {
        shrink_expression(folder.path(), expression, "one.image", "compact");
        shrink_expression(folder.path(), expression, "spur.image", "spur");
        let conversions = [
            ("one.image", "converted.image", "spur"),
            ("spur.image", "back.image", "compact"),
        ];
        for (from, to, format) in conversions {
            let arguments = ["image", "convert", from, "-o", to, "--format", format];
            done(&master(folder.path(), &arguments));
        }
        for file in ["spur.image", "converted.image"] {
            is_sound(folder.path(), file);
        }
        for file in ["one.image", "spur.image", "converted.image", "back.image"] {
            let ran = slave(folder.path(), &["run", file]);
            assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), prints), "{file}");
        }
    }
}

#[test]
fn the_counter_serves_from_a_spur_image_and_names_what_was_pruned() {
    let folder = tempfile::tempdir().unwrap();
    let counter = example("counter").display().to_string();
    done(&master(
        folder.path(),
        &["shrink", &counter, "--format", "spur"],
    ));
    is_sound(folder.path(), "counter.image");
    let port = free_port().unwrap();
    let environment = [("PORT", port.to_string())];
    let environment = environment
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let server = start(
        "slave",
        folder.path(),
        &["run", "counter.image"],
        &environment,
    );
    let page = assert_eventually("a page", || get(port, "/counter"));
    assert!(page.contains("<h1>0</h1>"), "{page}");
    let refused = get(port, "/counter?_export=csv").unwrap();
    assert!(
        refused.contains("--keep 'CounterComponent>>renderCsvOn:'"),
        "{refused}"
    );
    server.terminate();
    assert_eq!(server.wait().code, Some(0));
    let log = fs::read_to_string(folder.path().join("counter.pruned.log")).unwrap();
    assert!(log.contains("CounterComponent>>renderCsvOn:\n"), "{log}");
}

#[test]
fn two_images_are_compared_by_classes_and_methods() {
    let folder = tempfile::tempdir().unwrap();
    shrink_expression(folder.path(), "2 + 3", "one.image", "compact");
    shrink_expression(folder.path(), "10 factorial", "other.image", "compact");
    let same = master(folder.path(), &["image", "diff", "one.image", "one.image"]);
    done(&same);
    let differ = master(
        folder.path(),
        &["image", "diff", "one.image", "other.image"],
    );
    assert_eq!(differ.code, Some(1), "{differ:?}");
    assert!(
        differ.stdout.contains("+ Integer>>factorial\n"),
        "{differ:?}"
    );
    let tally = master(folder.path(), &["image", "tally", "other.image"]);
    assert!(tally.stdout.contains("  Array\n"), "{tally:?}");
}

#[test]
fn an_image_is_not_converted_over_itself() {
    let folder = tempfile::tempdir().unwrap();
    shrink_expression(folder.path(), "2 + 3", "one.image", "compact");
    let before = fs::read(folder.path().join("one.image")).unwrap();
    let arguments = [
        "image",
        "convert",
        "one.image",
        "-o",
        "./one.image",
        "--format",
        "spur",
    ];
    let ended = master(folder.path(), &arguments);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(
        ended
            .stderr
            .contains("./one.image would be written over itself"),
        "{ended:?}"
    );
    assert_eq!(fs::read(folder.path().join("one.image")).unwrap(), before);
}

#[test]
fn an_unsound_spur_file_is_told_by_its_faults() {
    let folder = tempfile::tempdir().unwrap();
    shrink_expression(folder.path(), "2 + 3", "one.image", "spur");
    let path = folder.path().join("one.image");
    let mut bytes = fs::read(&path).unwrap();
    // The padding of the header, which Imprint does not look at.
    bytes[100] = 1;
    fs::write(&path, &bytes).unwrap();
    let ended = master(folder.path(), &["image", "info", "--verify", "one.image"]);
    assert_eq!(ended.code, Some(5), "{ended:?}");
    assert!(ended.stderr.contains("one.image"), "{ended:?}");
    assert!(ended.stderr.contains("padding is not empty"), "{ended:?}");
}

/// Writes an image anew in which a method begins with a pop of an empty stack.
fn spoil(path: &Path, behavior: &str, selector: &str) {
    let mut heap = open_image(path, HeapSettings::default()).unwrap().heap;
    let index = ImageIndex::scan(&heap);
    let title = format!("{behavior}>>{selector}");
    let mut places = index.places();
    let method = places.find(|(_, place)| match place {
        Place::Method(behavior, selector) => format!("{behavior}>>{selector}") == title,
        _ => false,
    });
    let (method, _) = method.expect("the image has it");
    let mut pop = Vec::new();
    encode(Instruction::Pop, &mut pop);
    heap.bytes_mut(method)[..pop.len()].copy_from_slice(&pop);
    write_spur(&heap, path).unwrap();
}

#[test]
fn code_that_breaks_a_rule_is_told_before_any_of_it_runs() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    done(&master(path, &["build", "-o", "full.image"]));
    let eval = ["run", "--verify", "full.image", "eval", "3 + 4"];
    let sound = master(path, &eval);
    assert_eq!(
        (sound.code, sound.stdout.as_str()),
        (Some(0), "7\n"),
        "{sound:?}"
    );
    spoil(&path.join("full.image"), "Object", "isString");
    let rows: [(&str, &[&str]); 3] = [
        (
            "master",
            &["run", "--verify", "full.image", "eval", "3 + 4"],
        ),
        ("master", &["image", "info", "--verify", "full.image"]),
        ("slave", &["run", "full.image", "--verify"]),
    ];
    for (program, arguments) in rows {
        let ended = start(program, path, arguments, &[]).wait();
        assert_eq!(ended.code, Some(5), "{arguments:?}: {ended:?}");
        assert!(ended.stderr.contains("Object>>isString"), "{ended:?}");
        assert!(ended.stderr.contains("full.image"), "{ended:?}");
    }
}

/// Program, arguments, and the file that they would write over.
const OVERWRITING: [(&str, &[&str], &str); 6] = [
    (
        "master",
        &["shrink", "full.image", "--eval", "3"],
        "full.image",
    ),
    (
        "master",
        &["trace", "full.image", "--eval", "3", "-o", "full.image"],
        "full.image",
    ),
    (
        "master",
        &[
            "package",
            "Announcements",
            "--image",
            "full.image",
            "-o",
            "./full.image",
        ],
        "full.image",
    ),
    (
        "master",
        &[
            "replay",
            "three.replay",
            "--image",
            "full.image",
            "-o",
            "full.image",
        ],
        "full.image",
    ),
    (
        "master",
        &[
            "replay",
            "three.replay",
            "--image",
            "full.image",
            "-o",
            "three.replay",
        ],
        "three.replay",
    ),
    (
        "slave",
        &[
            "install",
            "a.package",
            "--image",
            "full.image",
            "-o",
            "a.package",
        ],
        "a.package",
    ),
];

/// What is written would take the place of what it is made of, though somebody else's name for it was said.
#[test]
fn nothing_is_written_over_what_it_is_made_of() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    assert_eq!(master(folder, &["build", "-o", "full.image"]).code, Some(0));
    let made = ["shrink", "full.image", "--eval", "3", "-o", "three.image"];
    assert_eq!(master(folder, &made).code, Some(0));
    let packed = [
        "package",
        "Announcements",
        "--image",
        "full.image",
        "-o",
        "a.package",
    ];
    assert_eq!(master(folder, &packed).code, Some(0));
    for (program, arguments, kept) in OVERWRITING {
        let before = fs::read(folder.join(kept)).unwrap();
        let ended = match program {
            "master" => master(folder, arguments),
            _ => slave(folder, arguments),
        };
        assert_eq!(ended.code, Some(2), "{arguments:?}: {ended:?}");
        let words = format!("{kept} would be written over itself");
        assert!(ended.stderr.contains(&words), "{arguments:?}: {ended:?}");
        assert_eq!(
            fs::read(folder.join(kept)).unwrap(),
            before,
            "{arguments:?}"
        );
    }
}
