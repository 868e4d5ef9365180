//! Packages: made of images, installed into others with no compiler, taken out again.

use std::fs;
use std::path::Path;

use imprint_integration_tests::programs::{Ended, SELDOM, master, slave, start};

use crate::bad_input::says;

/// Packages of the kernel that an image can do without.
const DISPENSABLE: [&str; 5] = ["Announcements", "Hashing", "Network", "SUnit", "Web"];

fn done(ended: &Ended) -> &str {
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended.stdout.trim()
}

/// What an image answers to an expression.
fn answer(folder: &Path, image: &str, expression: &str) -> String {
    let ended = master(folder, &["run", image, "eval", expression]);
    done(&ended).to_owned()
}

/// Writes a package of Tonel: its classes are the files, by name.
pub fn write_package(folder: &Path, root: &str, package: &str, files: &[(&str, &str)]) {
    let path = folder.join(root).join(package);
    fs::create_dir_all(&path).unwrap();
    let head = format!("Package {{ #name : #'{package}' }}\n");
    fs::write(path.join("package.st"), head).unwrap();
    for (name, text) in files {
        fs::write(path.join(format!("{name}.st")), text).unwrap();
    }
}

/// Makes a package file of the sources in a folder.
pub fn package(folder: &Path, root: &str, file: &str, options: &[&str]) {
    let words = [&["package", "--load", root, "-o", file], options].concat();
    done(&master(folder, &words));
}

pub fn install(folder: &Path, file: &str, image: &str, output: &str) -> Ended {
    slave(folder, &["install", file, "--image", image, "-o", output])
}

fn kernel(folder: &Path) {
    done(&master(folder, &["build", "-o", "kernel.image"]));
}

#[test]
fn a_small_kernel_and_package_files_give_the_full_image_back() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let kernel = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/kernel");
    let names = fs::read_dir(kernel).unwrap();
    let mut tests: Vec<String> = names
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with("-Tests"))
        .collect();
    tests.sort();
    let tests: Vec<&str> = tests.iter().map(String::as_str).collect();
    let full = ["build", "-o", "full.image", "--with-kernel-tests"];
    done(&master(folder, &full));
    let small = [
        &["build", "-o", "small.image", "--without"][..],
        &DISPENSABLE,
    ]
    .concat();
    done(&master(folder, &small));
    for (file, packages) in [
        ("base.package", &DISPENSABLE[..]),
        ("tests.package", &tests),
    ] {
        let words = ["package", "--image", "full.image", "-o", file];
        done(&master(folder, &[&words[..], packages].concat()));
    }
    // Files come in any order.
    let words = ["install", "tests.package", "base.package", "--image"];
    let words = [&words[..], &["small.image", "-o", "again.image"]].concat();
    done(&slave(folder, &words));
    let words = ["image", "diff", "full.image", "again.image"];
    let difference = master(folder, &words);
    assert_eq!(done(&difference), "the same classes and methods");
    let run = [&["run", "again.image", "test"][..], &tests].concat();
    let passed = start("master", folder, &run, &[SELDOM]).wait();
    assert_eq!(passed.code, Some(0), "{passed:?}");
    let source = answer(
        folder,
        "again.image",
        "(Announcer >> #announce:) sourceCode",
    );
    assert!(source.contains("announce: anAnnouncement"), "{source}");
}

#[test]
fn what_a_package_lacks_is_a_sentence_each_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let words = ["build", "-o", "small.image", "--without"];
    done(&master(folder, &[&words[..], &DISPENSABLE].concat()));
    done(&master(
        folder,
        &["package", "Strings-Tests", "-o", "strings.package"],
    ));
    let refused = install(folder, "strings.package", "small.image", "out.image");
    says(
        &refused,
        2,
        "needs the superclass TestCase of the package SUnit",
    );
    assert_eq!(refused.stdout, "");
    assert!(!folder.join("out.image").exists());
    let unknown = master(folder, &["package", "Nonsense", "-o", "x.package"]);
    says(
        &unknown,
        2,
        "the image has no package Nonsense; it has Announcements",
    );
    assert!(!folder.join("x.package").exists());
    let file = fs::read(folder.join("strings.package")).unwrap();
    for (name, bytes) in [
        ("cut.package", &file[..file.len() / 2]),
        ("other.package", b"hello"),
        ("empty.package", b""),
    ] {
        fs::write(folder.join(name), bytes).unwrap();
        let refused = install(folder, name, "small.image", "out.image");
        says(&refused, 2, name);
        says(&refused, 2, "this is no package file that can be used");
    }
    let slim = ["shrink", "--eval", "3 + 4", "-o", "slim.image"];
    done(&master(folder, &slim));
    let refused = install(folder, "strings.package", "slim.image", "out.image");
    says(&refused, 2, "the image has no class PackageInstaller");
    assert!(!folder.join("out.image").exists());
}

#[test]
fn code_that_named_a_class_before_it_came_finds_it() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let words = ["build", "-o", "small.image", "--without", "Chronology"];
    done(&master(folder, &words));
    let timed = "([ 3 ] timeToRun isKindOf: Duration)";
    let failed = master(folder, &["run", "small.image", "eval", timed]);
    assert_eq!(failed.code, Some(1), "{failed:?}");
    done(&master(
        folder,
        &["package", "Chronology", "-o", "time.package"],
    ));
    done(&install(folder, "time.package", "small.image", "out.image"));
    assert_eq!(answer(folder, "out.image", timed), "true");
}

/// Two classes whose initialisers write into a journal, the first by name naming the second.
const INITIALISED: [(&str, &str); 3] = [
    (
        "Early.class",
        "Class { #name : #Early, #superclass : #Object, #category : #Initialised }

Early class >> initialize [ Late note: 'Early' ]
",
    ),
    (
        "Late.class",
        "Class { #name : #Late, #superclass : #Object, #classVars : [ 'Notes' ], #category : #Initialised }

Late class >> initialize [ Notes := OrderedCollection with: (Smalltalk at: #Journal ifAbsent: 'none'). self note: 'Late' ]

Late class >> note: aString [ Notes ifNotNil: [ Notes add: aString ] ]

Late class >> notes [ ^ Notes ]
",
    ),
    (
        "Object.extension",
        "Extension { #name : #Object }

{ #category : #'*Initialised' }
Object >> noted [ ^ Late notes asArray ]
",
    ),
];

#[test]
fn initialisers_run_in_order_between_what_runs_before_and_after() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    kernel(folder);
    write_package(folder, "src", "Initialised", &INITIALISED);
    let options = [
        "--before",
        "Smalltalk at: #Journal put: 'begun'",
        "--after",
        "Late note: 'after'",
    ];
    package(folder, "src", "one.package", &options);
    let installed = install(folder, "one.package", "kernel.image", "one.image");
    assert!(
        done(&installed).contains("2 classes initialised"),
        "{installed:?}"
    );
    let notes = "#('begun' 'Late' 'Early' 'after')";
    assert_eq!(answer(folder, "one.image", "3 noted"), notes);
    // What fails on the way leaves nothing.
    package(folder, "src", "bad.package", &["--after", "1 / 0"]);
    let failed = install(folder, "bad.package", "one.image", "bad.image");
    says(&failed, 2, "what runs after Initialised failed");
    assert!(!folder.join("bad.image").exists());
}

pub const COUNTING: &str =
    "Class { #name : #Counting, #superclass : #Object, #instVars : [ 'count' ], \
#classVars : [ 'Total' ], #category : #Counting }

Counting class >> initialize [ Total := 7 ]

Counting class >> total [ ^ Total ]

Counting class >> total: aNumber [ Total := aNumber ]

Counting >> count [ ^ count ]

Counting >> old [ ^ #old ]
";

pub const GREETS: &str = "Extension { #name : #Object }

{ #category : #'*Counting' }
Object >> asLink [ ^ #counted ]

{ #category : #'*Counting' }
Object >> counts [ ^ 1 ]
";

/// An image with the first version of the package, as `one.image`.
pub fn with_counting(folder: &Path) {
    kernel(folder);
    let files = [("Counting.class", COUNTING), ("Object.extension", GREETS)];
    write_package(folder, "one", "Counting", &files);
    package(folder, "one", "one.package", &[]);
    done(&install(folder, "one.package", "kernel.image", "one.image"));
}

/// Runs a script in an image, which is saved behind it.
fn change(folder: &Path, image: &str, script: &str) {
    let script = format!("{script}. Smalltalk snapshot: true andQuit: true");
    fs::write(folder.join("change.st"), script).unwrap();
    done(&master(folder, &["run", image, "change.st"]));
}

fn uninstall(folder: &Path, name: &str, image: &str, output: &str) -> Ended {
    let words = ["uninstall", name, "--image", image, "-o", output];
    slave(folder, &words)
}

#[test]
fn a_newer_version_replaces_an_older_one() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    with_counting(folder);
    let asked = "{ 3 asLink. 3 counts. Counting total }";
    assert_eq!(answer(folder, "one.image", asked), "#(#counted 1 7)");
    let script = "Counting total: 100. Smalltalk at: #Kept put: Counting new";
    change(folder, "one.image", script);
    let newer = COUNTING.replace("old [ ^ #old ]", "fresh [ ^ #fresh ]");
    let files = [("Counting.class", newer.as_str())];
    write_package(folder, "two", "Counting", &files);
    package(folder, "two", "two.package", &[]);
    let updated = install(folder, "two.package", "one.image", "two.image");
    assert!(done(&updated).contains("1 there before"), "{updated:?}");
    let asked = "{ (Smalltalk at: #Kept) fresh. (Counting includesSelector: #old). Counting total. \
                 3 asLink class == ValueLink. 3 respondsTo: #counts }";
    let expected = "#(#fresh false 100 true false)";
    assert_eq!(answer(folder, "two.image", asked), expected);
    // An instance would keep its class alive.
    change(folder, "two.image", "Smalltalk at: #Kept put: nil");
    done(&uninstall(folder, "Counting", "two.image", "back.image"));
    is_as_before(folder, "back.image");
}

/// The second version of the package, of another shape: `count` moved, `old` went, a subclass came above.
pub const RESHAPED: [(&str, &str); 2] = [
    (
        "Counted.class",
        "Class { #name : #Counted, #superclass : #Object, #instVars : [ 'step' ], #category : #Counting }

Counted >> initializeAdded: names [ step := names first -> 3 ]

Counted >> step [ ^ step ]
",
    ),
    (
        "Counting.class",
        "Class { #name : #Counting, #superclass : #Counted, #instVars : [ 'label', 'count' ], \
#classVars : [ 'Total' ], #category : #Counting }

Counting class >> initialize [ Total := 7 ]

Counting class >> total [ ^ Total ]

Counting >> count [ ^ count ]

Counting >> label [ ^ label ]
",
    ),
];

/// A class of others below one of the package, whose code names its own variable and an inherited one.
const BELOW: [(&str, &str); 2] = [
    (
        "Below.class",
        "Class { #name : #Below, #superclass : #Counting, #instVars : [ 'own' ], #category : #Below }

Below >> both [ ^ { count. own. [ own ] value } ]

Below >> count: one own: other [ count := one. own := other ]
",
    ),
    (
        "Counting.extension",
        "Extension { #name : #Counting }

{ #category : #'*Below' }
Counting >> doubled [ ^ count * 2 ]
",
    ),
];

#[test]
fn a_newer_version_of_another_shape_migrates_instances_and_code() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    with_counting(folder);
    write_package(folder, "one", "Below", &BELOW);
    package(folder, "one", "below.package", &["Below"]);
    done(&install(folder, "below.package", "one.image", "base.image"));
    let script = "| below | below := Below new count: 5 own: #mine; yourself. \
        Counting compile: 'byHand ^ count + 100' classified: #by. Counting total: 41. \
        Smalltalk at: #Kept put: { below. below. Set with: below. Counting new }";
    change(folder, "base.image", script);
    write_package(folder, "two", "Counting", &RESHAPED);
    package(folder, "two", "two.package", &[]);
    let updated = install(folder, "two.package", "base.image", "two.image");
    assert!(
        done(&updated).contains("migrated      2 instances"),
        "{updated:?}"
    );
    for (asked, expected) in [
        ("kept first both", "#(5 #mine #mine)"),
        ("kept first == kept second", "true"),
        ("(kept third) includes: kept first", "true"),
        ("kept first doubled", "10"),
        ("kept first byHand", "105"),
        ("(Counting >> #byHand) protocol", "#by"),
        ("kept first step", "#step->3"),
        ("kept last step value", "3"),
        ("Counting includesSelector: #old", "false"),
        ("3 respondsTo: #counts", "false"),
        ("Counting total", "41"),
        ("Below allInstVarNames", "#('step' 'label' 'count' 'own')"),
        ("(Below slotNamed: #count) index", "3"),
        ("Counting subclasses", "{Below}"),
        ("Object subclasses includes: Counting", "false"),
        ("(Counting compile: 'again ^ label'; new) again", "nil"),
        ("(Below new count: 1 own: 2; yourself) both", "#(1 2 2)"),
    ] {
        let asked = format!("| kept | kept := Smalltalk at: #Kept. {asked}");
        assert_eq!(answer(folder, "two.image", &asked), expected, "{asked}");
    }
}

#[test]
fn what_a_newer_version_would_lose_is_listed_and_lost_by_force_alone() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    with_counting(folder);
    write_package(folder, "one", "Below", &BELOW);
    package(folder, "one", "below.package", &["Below"]);
    done(&install(folder, "below.package", "one.image", "base.image"));
    let script = "Smalltalk at: #Kept put: (Below new count: 5 own: #mine; yourself)";
    change(folder, "base.image", script);
    let poorer = "Class { #name : #Counting, #superclass : #Object, #category : #Counting }

Counting >> count [ ^ 0 ]
";
    write_package(folder, "two", "Counting", &[("Counting.class", poorer)]);
    package(folder, "two", "two.package", &[]);
    let refused = install(folder, "two.package", "base.image", "two.image");
    for words in [
        "this would lose",
        "the values of 'count' in 1 instance of Below",
        "'count' in Below>>both, which names it",
        "'count' in Counting>>doubled, which names it",
        "the value of the class variable 'Total' of Counting",
        "lose it with --force",
    ] {
        says(&refused, 2, words);
    }
    assert!(!folder.join("two.image").exists());
    let words = ["install", "two.package", "--image", "base.image", "--force"];
    let forced = slave(folder, &[&words[..], &["-o", "two.image"]].concat());
    let lost = "lost by force: the values of 'count' in 1 instance of Below";
    assert!(done(&forced).contains(lost), "{forced:?}");
    let asked = "(Smalltalk at: #Kept) both";
    assert_eq!(answer(folder, "two.image", asked), "#(nil #mine #mine)");
    // A class goes that another inherits from, or that has instances.
    write_package(folder, "three", "Counting", &[("Object.extension", GREETS)]);
    package(folder, "three", "three.package", &[]);
    let refused = install(folder, "three.package", "base.image", "three.image");
    let words = "Below inherits from Counting, which the newer version does not bring";
    says(&refused, 2, words);
    change(folder, "one.image", "Smalltalk at: #Kept put: Counting new");
    let refused = install(folder, "three.package", "one.image", "three.image");
    says(
        &refused,
        2,
        "the class Counting, of which there is 1 instance",
    );
    change(folder, "one.image", "Smalltalk at: #Kept put: nil");
    done(&install(
        folder,
        "three.package",
        "one.image",
        "three.image",
    ));
    let asked = "{ Smalltalk includesKey: #Counting. 3 counts }";
    assert_eq!(answer(folder, "three.image", asked), "#(false 1)");
}

#[test]
fn a_class_that_was_there_before_a_package_has_its_shape_again_without_it() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_package(folder, "one", "Counting", &[("Counting.class", COUNTING)]);
    write_package(folder, "one", "Below", &BELOW);
    done(&master(folder, &["build", "one", "-o", "built.image"]));
    done(&master(folder, &["build", "one", "-o", "base.image"]));
    let script = "Smalltalk at: #Kept put: (Below new count: 5 own: #mine; yourself)";
    change(folder, "base.image", script);
    write_package(folder, "two", "Counting", &RESHAPED);
    package(folder, "two", "two.package", &[]);
    done(&install(folder, "two.package", "base.image", "two.image"));
    let asked = "(Smalltalk at: #Kept) step";
    assert_eq!(answer(folder, "two.image", asked), "#step->3");
    done(&uninstall(folder, "Counting", "two.image", "back.image"));
    let difference = master(folder, &["image", "diff", "built.image", "back.image"]);
    assert_eq!(done(&difference), "the same classes and methods");
    for (asked, expected) in [
        ("(Smalltalk at: #Kept) both", "#(5 #mine #mine)"),
        ("Below allInstVarNames", "#('count' 'own')"),
        ("(Below slotNamed: #own) index", "2"),
        (
            "{ Counting superclass. Counting subclasses. Smalltalk includesKey: #Counted }",
            "{Object. {Below}. false}",
        ),
        ("(Below compile: 'again ^ own'; new) again", "nil"),
    ] {
        assert_eq!(answer(folder, "back.image", asked), expected, "{asked}");
    }
}

#[test]
fn uninstalling_leaves_the_image_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    with_counting(folder);
    done(&uninstall(folder, "Counting", "one.image", "back.image"));
    is_as_before(folder, "back.image");
    // An image keeps the form that it had.
    let compact = ["build", "--format", "compact", "-o", "compact.image"];
    done(&master(folder, &compact));
    done(&install(
        folder,
        "one.package",
        "compact.image",
        "one.image",
    ));
    let bytes = fs::read(folder.join("one.image")).unwrap();
    assert!(bytes.starts_with(b"IMPRINT"), "{:?}", &bytes[..8]);
    done(&uninstall(folder, "Counting", "one.image", "one.image"));
    is_as_before(folder, "one.image");
    let gone = uninstall(folder, "Counting", "back.image", "x.image");
    says(&gone, 2, "Counting was not installed as a package");
    assert!(!folder.join("x.image").exists());
}

fn is_as_before(folder: &Path, image: &str) {
    let difference = master(folder, &["image", "diff", "kernel.image", image]);
    assert_eq!(done(&difference), "the same classes and methods");
    let asked = "3 asLink class == ValueLink";
    assert_eq!(answer(folder, image, asked), "true");
}

#[test]
fn a_package_that_another_needs_stays() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    kernel(folder);
    let below = "Class { #name : #Below, #superclass : #Counting, #category : #Below }\n";
    write_package(folder, "src", "Counting", &[("Counting.class", COUNTING)]);
    write_package(folder, "src", "Below", &[("Below.class", below)]);
    package(folder, "src", "both.package", &[]);
    done(&install(
        folder,
        "both.package",
        "kernel.image",
        "both.image",
    ));
    let words = |names: &[&'static str]| {
        let options = ["--image", "both.image", "-o", "out.image"];
        [&["uninstall"][..], names, &options].concat()
    };
    let refused = slave(folder, &words(&["Counting"]));
    says(&refused, 2, "Below needs Counting; uninstall it first");
    assert!(!folder.join("out.image").exists());
    done(&slave(folder, &words(&["Below", "Counting"])));
}

#[test]
fn objects_arrive_with_what_they_share_and_lead_back_to() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    kernel(folder);
    write_package(folder, "src", "Counting", &[("Counting.class", COUNTING)]);
    // A long chain, a cycle, something shared, many bytes, keys whose hashes are of another image.
    let graph = "Graph=| array chain | array := Array new: 6. chain := nil. \
        1 to: 50000 do: [ :i | chain := i -> chain ]. \
        array at: 1 put: chain; at: 2 put: array; at: 3 put: (ByteArray new: 1000000 withAll: 7). \
        array at: 4 put: (Array with: (array at: 3) with: 1.5e300 with: 2 ** 100); \
        at: 5 put: (IdentitySet with: chain with: Object with: #sym); \
        at: 6 put: (Counting -> [ :x | x + 1 ]). array";
    let options = ["--object", graph, "--object", "Counting>>Total=3/4"];
    package(folder, "src", "graph.package", &options);
    done(&install(
        folder,
        "graph.package",
        "kernel.image",
        "out.image",
    ));
    for (expression, expected) in [
        ("(Graph at: 2) == Graph", "true"),
        ("(Graph at: 4) first == (Graph at: 3)", "true"),
        ("(Graph at: 3) size", "1000000"),
        (
            "(Graph at: 4) allButFirst",
            "#(1.5e300 1267650600228229401496703205376)",
        ),
        ("(Graph at: 5) includes: (Graph at: 1)", "true"),
        ("(Graph at: 5) includes: Object", "true"),
        ("(Graph at: 6) key == Counting", "true"),
        ("(Graph at: 6) value value: 3", "4"),
        (
            "| n each | n := 0. each := Graph first. [ each isNil ] whileFalse: [ n := n + 1. each := each value ]. n",
            "50000",
        ),
    ] {
        let expression = expression.replace("Graph", "(Smalltalk at: #Graph)");
        assert_eq!(
            answer(folder, "out.image", &expression),
            expected,
            "{expression}"
        );
    }
    let refused = [
        "package",
        "System",
        "-o",
        "x.package",
        "--object",
        "Nowhere",
    ];
    says(
        &master(folder, &refused),
        2,
        "the image has no global Nowhere",
    );
}

/// A class with a hook of its own for each end of a journey.
const TRAVELLER: &str =
    "Class { #name : #Luggage, #superclass : #Object, #instVars : [ 'label', 'lock', 'place' ], \
#category : #Luggage }

Luggage class >> variablesThatStay [ ^ #(lock) ]

Luggage class >> label: aString [ ^ self new setLabel: aString ]

Luggage >> arrive [ place := 'here, with ' , label printString ]

Luggage >> asTraveller [ ^ label = 'heavy' ifTrue: [ Luggage label: 'light' ] ifFalse: [ self ] ]

Luggage >> parts [ ^ { label. lock. place } ]

Luggage >> setLabel: aString [ label := aString. lock := 7. place := 'there' ]
";

#[test]
fn objects_say_what_stays_and_mend_themselves_when_they_arrive() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    kernel(folder);
    write_package(folder, "src", "Luggage", &[("Luggage.class", TRAVELLER)]);
    let objects = "Found={ Luggage label: 'bag'. Luggage label: 'heavy'. [ 3 ] newProcess. \
        Socket newTCP. FileHandle handle: 3. Semaphore new signal; yourself. \
        Dictionary new at: Object put: 1; at: Object new put: 2; yourself. Processor activeProcess. \
        Mutex new. Delay forSeconds: 1. thisContext. 3 -> 4 }";
    package(folder, "src", "found.package", &["--object", objects]);
    done(&install(
        folder,
        "found.package",
        "kernel.image",
        "out.image",
    ));
    for (expression, expected) in [
        ("at: 1) parts", "#('bag' nil 'here, with ''bag''')"),
        ("at: 2) parts", "#('light' nil 'here, with ''light''')"),
        ("at: 3)", "nil"),
        ("at: 4)", "nil"),
        ("at: 5)", "nil"),
        ("at: 6) wait; class", "Semaphore"),
        ("at: 7) at: Object", "1"),
        ("at: 8)", "nil"),
        ("at: 9) critical: [ 5 ]", "5"),
        ("last) value", "4"),
    ] {
        let asked = format!("((Smalltalk at: #Found) {expression}");
        assert_eq!(
            answer(folder, "out.image", &asked),
            expected,
            "{expression}"
        );
    }
}

#[test]
fn who_trusts_keys_installs_what_they_signed_alone() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    kernel(folder);
    for name in ["mine", "theirs"] {
        done(&master(folder, &["package-key", name]));
    }
    says(
        &master(folder, &["package-key", "mine"]),
        2,
        "mine is there already",
    );
    write_package(folder, "src", "Counting", &[("Counting.class", COUNTING)]);
    for (file, options) in [
        ("plain.package", &[][..]),
        ("mine.package", &["--sign", "mine"]),
        ("theirs.package", &["--sign", "theirs"]),
    ] {
        package(folder, "src", file, options);
    }
    let trusting = |file: &str| {
        let words = [
            "install",
            file,
            "--image",
            "kernel.image",
            "-o",
            "out.image",
        ];
        slave(
            folder,
            &[&words[..], &["--trusted-key", "mine.pub"]].concat(),
        )
    };
    says(&trusting("plain.package"), 2, "it is not signed");
    says(&trusting("theirs.package"), 2, "none of the trusted ones");
    assert!(!folder.join("out.image").exists());
    done(&trusting("mine.package"));
    done(&install(
        folder,
        "theirs.package",
        "kernel.image",
        "out.image",
    ));
    let bad = ["package", "System", "-o", "x.package", "--sign", "mine.pub"];
    says(&master(folder, &bad), 2, "cannot sign with mine.pub");
}
