//! Proofs that fail: what is said of them, and what mends them.

use std::fs;
use std::path::Path;

use imprint_integration_tests::programs::{Ended, master, slave};
use imprint_isa::draft_bytes::decode_placed;
use imprint_wire::log::{LogReader, LogWriter, Record};

use crate::bad_input::says;

const TRIAL: &str = "Class { #name : #Trial, #superclass : #Object, #category : #Trials }

Trial >> plain [ ^ 3 ]

Trial >> hidden [ ^ self plain + 1 ]
";

/// The test goes another way when it runs for the third time, which is in the proof: first it runs in
/// the full image, then in the slave.
const TESTS: &str =
    "Class { #name : #TrialTest, #superclass : #TestCase, #category : #'Trials-Tests' }

TrialTest >> testPath [
    | turns |
    turns := 'turns' asFileReference.
    turns exists ifFalse: [ turns writeContents: '' ].
    turns size = 2 ifTrue: [ ^ self assert: Trial new hidden equals: 4 ].
    turns appendContents: '.'.
    self assert: Trial new plain equals: 3
]
";

fn write_trial(folder: &Path) {
    for (package, class, text) in [
        ("Trials", "Trial", TRIAL),
        ("Trials-Tests", "TrialTest", TESTS),
    ] {
        let path = folder.join("trial/src").join(package);
        fs::create_dir_all(&path).unwrap();
        let declaration = format!("Package {{ #name : #'{package}' }}\n");
        fs::write(path.join("package.st"), declaration).unwrap();
        fs::write(path.join(format!("{class}.class.st")), text).unwrap();
    }
}

fn shrink(folder: &Path, options: &[&str]) -> Ended {
    let shrink = ["shrink", "trial/src", "-o", "trial.image"];
    master(folder, &[&shrink[..], options].concat())
}

#[test]
fn a_method_that_is_missed_alone_fails_the_proof_by_test_and_name_and_its_keep_mends_it() {
    let folder = tempfile::tempdir().unwrap();
    write_trial(folder.path());
    let failed = shrink(folder.path(), &[]);
    assert_eq!(failed.code, Some(1), "{failed:?}");
    let shown = format!("{}{}", failed.stdout, failed.stderr);
    let keep = "--keep 'Trial>>hidden'";
    for words in [
        "TrialTest>>testPath",
        "Trial>>hidden was not exercised",
        keep,
    ] {
        assert!(shown.contains(words), "{words}: {failed:?}");
    }
    fs::remove_file(folder.path().join("turns")).unwrap();
    let mended = shrink(folder.path(), &["--keep", "Trial>>hidden"]);
    assert_eq!(mended.code, Some(0), "{mended:?}");
}

/// Copies a log without the draft of this title; answers whether it was there.
fn cut(from: &Path, to: &Path, title: &str) -> bool {
    let mut writer = LogWriter::create(to).unwrap();
    let mut is_cut = false;
    for record in LogReader::open(from).unwrap().rest().unwrap() {
        let is_it = matches!(&record, Record::Draft(bytes)
            if decode_placed(bytes).unwrap().draft.to_string() == title);
        if is_it {
            is_cut = true;
        } else {
            writer.append(&record).unwrap();
        }
    }
    writer.sync().unwrap();
    is_cut
}

#[test]
fn an_image_without_one_of_its_methods_says_which_and_what_keeps_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let built = master(path, &["build", "-o", "full.image"]);
    assert_eq!(built.code, Some(0), "{built:?}");
    let expression = "100 factorial printString size printString";
    let shrink = [
        "shrink",
        "full.image",
        "--eval",
        expression,
        "-o",
        "slim.image",
    ];
    let shrunk = master(path, &shrink);
    assert_eq!(shrunk.code, Some(0), "{shrunk:?}");
    let alone = slave(path, &["run", "slim.image"]);
    assert_eq!(
        (alone.code, alone.stdout.as_str()),
        (Some(0), "158\n"),
        "{alone:?}"
    );

    let name = "Integer>>factorial";
    assert!(cut(
        &path.join("slim.replay"),
        &path.join("cut.replay"),
        name
    ));
    let replay = [
        "replay",
        "cut.replay",
        "--image",
        "full.image",
        "-o",
        "cut.image",
    ];
    says(
        &master(path, &replay),
        1,
        "is not the image that the run wrote",
    );
    let fallen = slave(path, &["run", "cut.image"]);
    says(&fallen, 4, &format!("--keep '{name}'"));
    assert_eq!(fallen.stdout, "", "{fallen:?}");
}
