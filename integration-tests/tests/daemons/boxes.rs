//! A project whose objects lie in the full image, served, and a slave that pulls them while code is pushed.

use std::fs;
use std::path::Path;

use imprint_integration_tests::programs::{
    Ended, Running, assert_eventually, copy_folder, example, master, start,
};

use crate::pair::Pair;

/// Classes whose instances lie in the full image, some of which nothing has reached when code comes.
const SHELF: &str = r#"
Class { #name : #Box, #superclass : #Object, #instVars : [ 'left', 'right' ], #category : #Boxes }

Box >> left: one right: other [ left := one. right := other ]

Box >> left [ ^ left ]

Box >> difference [ | blocks | blocks := { [ left ]. [ right ] }. ^ blocks first value - blocks last value ]
"#;
const BIG: &str = r#"
Class { #name : #BigBox, #superclass : #Box, #instVars : [ 'lid' ], #category : #Boxes }

BigBox >> lid: anObject [ lid := anObject ]

BigBox >> sum [ ^ self difference + lid ]
"#;
const LATE: &str = r#"
Class { #name : #LateBox, #superclass : #BigBox, #instVars : [ 'label' ],
	#classInstVars : [ 'made' ], #category : #Boxes }

LateBox class >> made [ ^ made ]

LateBox class >> made: anInteger [ made := anInteger ]

LateBox >> label: anObject [ label := anObject ]

LateBox >> label [ ^ label ]

LateBox >> sum [ ^ super sum * 100 ]
"#;
const APART: &str = r#"
Class { #name : #ApartBox, #superclass : #Object, #category : #Boxes }

ApartBox >> colour [ ^ #grey ]

ApartBox >> initializeAdded: names [ names do: [ :each | self instVarNamed: each put: each size ] ]

ApartBox >> weight [ ^ 7 ]
"#;
const BOXES: &str = r#"
Class { #name : #Boxes, #superclass : #Object, #classVars : [ 'All' ], #category : #Boxes }

Boxes class >> initialize [
	LateBox made: 5.
	All := {
		Box new left: 9 right: 2; yourself.
		BigBox new left: 9 right: 2; lid: 3; yourself.
		LateBox new left: 9 right: 2; lid: 3; label: #late; yourself.
		LateBox new left: 90 right: 20; lid: 30; label: #later; yourself } ]

Boxes class >> all [ ^ All ]

Boxes class >> isPushed [ ^ false ]

Boxes class >> await [ [ self isPushed ] whileFalse: [ (Delay forMilliseconds: 2) wait ] ]
"#;

/// The counter with the boxes, as a master serves it.
pub fn project(folder: &Path) {
    copy_folder(&example("counter"), &folder.join("boxes")).unwrap();
    let package = folder.join("boxes/src/Boxes");
    fs::create_dir_all(&package).unwrap();
    fs::write(package.join("package.st"), "Package { #name : #Boxes }\n").unwrap();
    let classes = [
        ("Box", SHELF),
        ("BigBox", BIG),
        ("LateBox", LATE),
        ("ApartBox", APART),
        ("Boxes", BOXES),
    ];
    for (name, text) in classes {
        fs::write(package.join(format!("{name}.class.st")), text).unwrap();
    }
    let baseline = folder.join("boxes/src/BaselineOfCounter/BaselineOfCounter.class.st");
    let text = fs::read_to_string(&baseline).unwrap();
    let text = text.replace("spec group:", "spec package: 'Boxes'. spec group:");
    let text = text.replace("with: #( 'Counter' ", "with: #( 'Boxes' 'Counter' ");
    fs::write(baseline, text).unwrap();
}

/// A master with the boxes, a slave that waits for orders, and the sources.
pub struct Boxes {
    /// The folder of the sources: `boxes`, and `base`, which nobody edits.
    pub sources: tempfile::TempDir,
    /// Both daemons.
    pub pair: Pair,
}

impl Boxes {
    /// Serves the boxes.
    pub fn start() -> Boxes {
        let sources = tempfile::tempdir().unwrap();
        project(sources.path());
        let pair = Pair::start(
            &sources.path().join("boxes"),
            &["--push-log", "pushes"],
            &[],
        );
        copy_folder(&sources.path().join("boxes"), &sources.path().join("base")).unwrap();
        Boxes { sources, pair }
    }

    /// Replaces a text in the file of a class.
    pub fn edit(&self, class: &str, from: &str, to: &str) {
        let file = format!("boxes/src/Boxes/{class}.class.st");
        let file = self.sources.path().join(file);
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.contains(from), "{from}");
        fs::write(file, text.replacen(from, to, 1)).unwrap();
    }

    /// Pushes names into the slave.
    pub fn push(&self, arguments: &[&str]) -> Ended {
        let to = ["push", "--in", "boxes", "--to", self.pair.slave_url()];
        master(self.sources.path(), &[&to[..], arguments].concat())
    }

    /// The same, and it succeeds without a warning: what is said.
    pub fn pushed(&self, arguments: &[&str]) -> String {
        let ended = self.push(arguments);
        assert_eq!(ended.code, Some(0), "{arguments:?}: {ended:?}");
        assert!(!ended.stdout.contains("warning"), "{ended:?}");
        ended.stdout
    }

    /// Begins a run, and waits until it goes on.
    pub fn begin(&self, expression: &str) -> Running {
        let order = ["ctl", self.pair.slave_url(), "run", expression];
        let running = start("slave", self.pair.path(), &order, &[]);
        assert_eventually("the run", || {
            let status = self.pair.slave(&["status"]).stdout;
            status.contains("running an expression").then_some(())
        });
        running
    }
}

/// A run ends well, with this answer.
pub fn ended_with(run: Running, answer: &str) {
    let ended = run.wait();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.stdout.trim(), answer, "{ended:?}");
}
