//! Keep lists and margins on a small project: each way to ask for more than the tests reach, and
//! what a slim image says where nobody asked.

use std::fs;
use std::path::Path;

use imprint_integration_tests::programs::{Ended, master, start};
use serde_json::Value;

const BASELINE: &str = "Class { #name : #BaselineOfShop, #superclass : #BaselineOf }

BaselineOfShop >> baseline: spec [
    <baseline>
    spec for: #common do: [
        spec package: 'Shop'; package: 'Shop-Extra'.
        spec package: 'Shop-Tests' with: [ spec requires: #('Shop') ] ]
]
";

const SHOP: &str = "Class { #name : #Shop, #superclass : #Object, #category : #Shop }

Shop class >> open: aText [
    ^ aText = 'shut' ifTrue: [ self new close ] ifFalse: [ self new price ]
]

Shop class >> label: aText [
    ^ (aText = 'wide' ifTrue: [ #( 'sold' ) ] ifFalse: [ #( ) ])
        ifEmpty: [ 'nothing' ]
        ifNotEmpty: [ :all | all first ]
]

Shop >> price [ ^ 7 ]

Shop >> close [ ^ self closed ]

Shop >> closed [ ^ 'closed' ]

Shop >> audit [ ^ 'audited' ]

Shop >> forever [ <keep> ^ 'kept by its pragma' ]

Shop >> careless [ ^ [ self close ] on: Error do: [ :error | 'swallowed' ] ]
";

const EXTRA: &str = "Class { #name : #ShopExtra, #superclass : #Object, #category : #'Shop-Extra' }

ShopExtra >> one [ ^ 1 ]

ShopExtra >> two [ ^ 2 ]
";

const TESTS: &str =
    "Class { #name : #ShopTest, #superclass : #TestCase, #category : #'Shop-Tests' }

ShopTest >> testPrice [ self assert: (Shop open: 'wide') equals: 7 ]

ShopTest >> helper [ ^ 3 ]
";

/// Writes the project; `extra` are further fields of `.smalltalk.ston`.
fn write_shop(folder: &Path, entry: &str, extra: &str) {
    let specification = format!(
        "SmalltalkCISpec {{
    #name : 'Shop',
    #loading : [ SCIMetacelloLoadSpec {{ #baseline : 'Shop', #directory : 'src' }} ],
    #testing : {{ #include : {{ #packages : [ 'Shop-Tests' ] }} }},
    #entry : '{entry}'{extra}
}}"
    );
    for (path, text) in [
        (".smalltalk.ston", specification.as_str()),
        ("src/BaselineOfShop/BaselineOfShop.class.st", BASELINE),
        ("src/Shop/Shop.class.st", SHOP),
        ("src/Shop-Extra/ShopExtra.class.st", EXTRA),
        ("src/Shop-Tests/ShopTest.class.st", TESTS),
    ] {
        let path = folder.join("shop").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

fn shrink(folder: &Path, options: &[&str]) -> Ended {
    master(folder, &[&["shrink", "shop", "--json"], options].concat())
}

fn kept(folder: &Path) -> Value {
    let text = fs::read(folder.join("shop.manifest.json")).unwrap();
    let manifest: Value = serde_json::from_slice(&text).unwrap();
    manifest["kept"].clone()
}

#[test]
fn each_way_to_keep_something_keeps_it_and_says_why() {
    let folder = tempfile::tempdir().unwrap();
    write_shop(
        folder.path(),
        "Shop open: #wide",
        ", #keep : [ 'Shop>>closed' ]",
    );
    fs::write(
        folder.path().join("pruned.log"),
        "# an object without a name\nShop>>audit\n",
    )
    .unwrap();
    // Options, and what is kept for which reason.
    let rows: [(&[&str], &str, &str); 8] = [
        (&[], "Shop>>forever", "its <keep> pragma"),
        (&[], "Shop>>closed", "--keep 'Shop>>closed'"),
        (
            &["--keep", "Shop>>close"],
            "Shop>>close",
            "--keep 'Shop>>close'",
        ),
        (
            &["--keep", "ShopExtra"],
            "ShopExtra>>one",
            "--keep 'ShopExtra'",
        ),
        (&["--keep", "ShopEx*"], "ShopExtra>>two", "--keep 'ShopEx*'"),
        (
            &["--keep-package", "Shop-Extra"],
            "ShopExtra>>two",
            "--keep 'Shop-Extra'",
        ),
        (
            &["--keep-from", "pruned.log"],
            "Shop>>audit",
            "--keep 'Shop>>audit'",
        ),
        (&["--margin", "class"], "Shop>>careless", "--margin class"),
    ];
    for (options, name, because) in rows {
        let ended = shrink(folder.path(), options);
        assert_eq!(ended.code, Some(0), "{options:?}: {ended:?}");
        let reasons = kept(folder.path())[name].clone();
        let reasons = reasons
            .as_array()
            .unwrap_or_else(|| panic!("{options:?}: {name}"));
        assert!(
            reasons.contains(&because.into()),
            "{options:?}: {reasons:?}"
        );
    }
}

#[test]
fn margins_keep_more_and_more() {
    let folder = tempfile::tempdir().unwrap();
    write_shop(folder.path(), "Shop open: #wide", "");
    // Margin, and which of these it keeps: what a kept method sends, what that sends, what nobody does.
    let rows = [
        ("none", [false, false, false]),
        ("branches", [true, true, false]),
        ("class", [true, true, true]),
    ];
    for (margin, expected) in rows {
        let ended = shrink(folder.path(), &["--margin", margin]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let kept = kept(folder.path());
        let found =
            ["Shop>>close", "Shop>>closed", "Shop>>audit"].map(|name| !kept[name].is_null());
        assert_eq!(found, expected, "{margin}");
    }
}

#[test]
fn a_keep_that_would_have_no_effect_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    write_shop(folder.path(), "Shop open: #wide", "");
    fs::write(folder.path().join("wrong.log"), "Nowhere>>nothing\n").unwrap();
    let rows: [(&[&str], &str); 7] = [
        (&["--keep", "Nowhere"], "'Nowhere'"),
        (&["--keep", "Shop>>nothing"], "'Shop>>nothing'"),
        (&["--keep", "Nope*"], "'Nope*'"),
        (&["--keep-package", "Nope"], "'Nope'"),
        (&["--keep-from", "wrong.log"], "Nowhere>>nothing"),
        (&["--keep-from", "none.log"], "none.log"),
        (&["--margin", "wide"], "'wide'"),
    ];
    for (options, words) in rows {
        let ended = shrink(folder.path(), options);
        assert_eq!(ended.code, Some(2), "{options:?}: {ended:?}");
        assert!(ended.stderr.contains(words), "{options:?}: {ended:?}");
        assert!(!folder.path().join("shop.image").exists(), "{options:?}");
    }
}

#[test]
fn a_keep_that_names_only_tests_is_refused_since_they_never_ship() {
    let folder = tempfile::tempdir().unwrap();
    write_shop(folder.path(), "Shop open: #wide", "");
    let ended = shrink(folder.path(), &["--keep", "ShopTest>>helper"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("ShopTest>>helper"), "{ended:?}");
    assert!(ended.stderr.contains("never ship"), "{ended:?}");
}

/// Runs a program where the shop is `state`.
fn in_shop(program: &str, folder: &Path, arguments: &[&str], state: &str) -> Ended {
    start(program, folder, arguments, &[("SHOP", state)]).wait()
}

#[test]
fn something_pruned_that_nobody_handles_ends_with_its_own_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    // What the environment says decides which path is taken.
    let entry = "Shop open: (OSEnvironment current at: #SHOP ifAbsent: [ #none ])";
    write_shop(folder, entry, "");
    for format in ["compact", "spur"] {
        let shrink = ["shrink", "shop", "--json", "--format", format];
        let ended = in_shop("master", folder, &shrink, "wide");
        assert_eq!(ended.code, Some(0), "{ended:?}");
        for program in ["slave", "master"] {
            let fine = in_shop(program, folder, &["run", "shop.image"], "wide");
            let told = (fine.code, fine.stdout.as_str());
            assert_eq!(told, (Some(0), "7\n"), "{program} {format}: {fine:?}");
        }
        let log = folder.join(format!("{format}.log"));
        let log_text = log.display().to_string();
        let run = ["run", "shop.image", "--pruned-log", &log_text];
        let ended = in_shop("slave", folder, &run, "shut");
        assert_eq!(ended.code, Some(4), "{format}: {ended:?}");
        assert!(ended.stderr.contains("--keep 'Shop>>close'"), "{ended:?}");
        assert_eq!(fs::read_to_string(&log).unwrap(), "Shop>>close\n");
        // The log is a keep list: with it the same run goes one step further.
        let keep = ["--keep-from", &log_text, "--keep", "Shop>>closed"];
        let ended = in_shop("master", folder, &[&shrink[..], &keep].concat(), "wide");
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let ended = in_shop("slave", folder, &["run", "shop.image"], "shut");
        assert_eq!(
            (ended.code, ended.stdout.as_str()),
            (Some(0), "closed\n"),
            "{ended:?}"
        );
    }
}

#[test]
fn a_block_that_answers_a_constant_is_there_though_nobody_asked_it() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let entry = "Shop label: (OSEnvironment current at: #SHOP ifAbsent: [ #none ])";
    write_shop(folder, entry, "");
    let ended = in_shop("master", folder, &["shrink", "shop", "--json"], "wide");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for (state, label) in [("wide", "sold\n"), ("shut", "nothing\n")] {
        let ended = in_shop("slave", folder, &["run", "shop.image"], state);
        let told = (ended.code, ended.stdout.as_str());
        assert_eq!(told, (Some(0), label), "{ended:?}");
    }
}

/// A shop whose variables hold what the tests never look at, and a handler for what they never meet.
const STORE: &str = "Class { #name : #Shop, #superclass : #Object, #classVars : [ 'Stock' ],
    #classInstVars : [ 'catalog' ], #category : #Shop }

Shop class >> initialize [
    Stock := { { ShopExtra new }. { 'pears' } }.
    catalog := { 'a page'. { ShopExtra new } }
]

Shop class >> open: aText [
    aText = 'shut' ifTrue: [ ^ ((Stock at: 1) at: 1) one printString ].
    aText = 'read' ifTrue: [ ^ ((catalog at: 2) at: 1) one printString ].
    aText = 'lost' ifTrue: [ ^ self guarded: [ Object new zork ] ].
    ^ self guarded: [ Stock size + catalog size ]
]

Shop class >> guarded: aBlock [
    ^ [ aBlock on: ShopFire do: [ :fire | 'fire' ] ] on: Error do: [ :error | 'an error' ]
]
";

const FIRE: &str = "Class { #name : #ShopFire, #superclass : #Error, #category : #Shop }";

const STORE_TESTS: &str =
    "Class { #name : #ShopTest, #superclass : #TestCase, #category : #'Shop-Tests' }

ShopTest >> testOpen [ self assert: (Shop open: 'wide') equals: 4 ]
";

/// Writes the shop that has a store.
fn write_store(folder: &Path) {
    let entry = "Shop open: (OSEnvironment current at: #SHOP ifAbsent: [ #none ])";
    write_shop(folder, entry, "");
    for (path, text) in [
        ("Shop/Shop.class.st", STORE),
        ("Shop/ShopFire.class.st", FIRE),
        ("Shop-Tests/ShopTest.class.st", STORE_TESTS),
    ] {
        fs::write(folder.join("shop/src").join(path), text).unwrap();
    }
}

/// Shrinks the shop, open wide, into an image of a form.
fn shrink_wide(folder: &Path, format: &str) {
    let shrink = ["shrink", "shop", "--json", "--format", format];
    let ended = in_shop("master", folder, &shrink, "wide");
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[test]
fn an_object_that_was_pruned_is_called_by_the_variable_that_leads_to_it() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_store(folder);
    for format in ["compact", "spur"] {
        shrink_wide(folder, format);
        for (state, variable) in [("shut", "Shop>>Stock"), ("read", "Shop class>>*")] {
            let log = folder.join(format!("{format}-{state}.log"));
            let log_text = log.display().to_string();
            let run = ["run", "shop.image", "--pruned-log", &log_text];
            let ended = in_shop("slave", folder, &run, state);
            assert_eq!(ended.code, Some(4), "{format} {state}: {ended:?}");
            let hint = format!("--keep '{variable}'");
            assert!(ended.stderr.contains(&hint), "{format}: {ended:?}");
            let logged = fs::read_to_string(&log).unwrap();
            assert_eq!(logged, format!("{variable}\n"), "{format}");
        }
    }
    // What the log lists brings the objects back; of their class it keeps no method.
    let keep = [
        "--keep-from",
        "compact-shut.log",
        "--keep-from",
        "compact-read.log",
    ];
    let more = ["--keep", "ShopExtra>>one"];
    let shrink = [&["shrink", "shop", "--json"], &keep[..], &more].concat();
    let ended = in_shop("master", folder, &shrink, "wide");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for state in ["shut", "read"] {
        let ended = in_shop("slave", folder, &["run", "shop.image"], state);
        let told = (ended.code, ended.stdout.as_str());
        assert_eq!(told, (Some(0), "1\n"), "{state}: {ended:?}");
    }
}

#[test]
fn a_handler_that_names_a_pruned_class_of_exceptions_handles_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_store(folder);
    for format in ["compact", "spur"] {
        shrink_wide(folder, format);
        assert!(kept(folder)["ShopFire"].is_null(), "nothing reached it");
        let ended = in_shop("slave", folder, &["run", "shop.image"], "lost");
        let told = (ended.code, ended.stdout.as_str());
        assert_eq!(told, (Some(0), "an error\n"), "{format}: {ended:?}");
    }
}
