//! What is said to input that is wrong: a sentence with the name of the thing, and an exit code.

use std::ffi::OsString;
use std::fmt::Write;
use std::fs;
use std::net::TcpListener;
use std::path::Path;

use imprint_integration_tests::programs::{Ended, PATIENT, free_port, master, slave};

pub fn says(ended: &Ended, code: i32, words: &str) {
    assert_eq!(ended.code, Some(code), "{ended:?}");
    assert!(ended.stderr.contains(words), "{words}: {ended:?}");
}

/// Program, arguments, exit code, what the sentence names.
type Wrong = (&'static str, &'static [&'static str], i32, &'static str);

const WRONG: [Wrong; 26] = [
    ("master", &["--nope"], 2, "--nope"),
    ("slave", &["run", "--nope"], 2, "--nope"),
    ("master", &["shrink", "nowhere"], 2, "nowhere"),
    ("master", &["shrink", "empty"], 2, "nothing to load"),
    ("master", &["test", "Nowhere-Tests"], 2, "Nowhere-Tests"),
    ("master", &["image", "info", "text.image"], 5, "text.image"),
    ("master", &["serve", "text.image"], 5, "text.image"),
    ("slave", &["run", "text.image"], 5, "text.image"),
    ("slave", &["run", "old.image"], 5, "old.image"),
    ("master", &["image", "info", "old.image"], 5, "V3 image"),
    ("master", &["test", "empty", "--timeout", "soon"], 2, "soon"),
    ("master", &["test", "empty", "--timeout", "-1"], 2, "-1"),
    ("master", &["shrink", "empty", "--timeout", "NaN"], 2, "NaN"),
    (
        "master",
        &["shrink", "empty", "--timeout", "1e300"],
        2,
        "1e300",
    ),
    ("master", &["eval", "3 +"], 2, "3 +"),
    (
        "master",
        &["ctl", "http://127.0.0.1:1", "status"],
        3,
        "127.0.0.1:1",
    ),
    (
        "slave",
        &["ctl", "unix:gone.socket", "status"],
        3,
        "gone.socket",
    ),
    ("slave", &["run", "nowhere.image"], 2, "nowhere.image"),
    ("master", &["image", "info", "empty"], 2, "empty"),
    ("master", &["eval", "3", "-o", "x"], 2, "-o"),
    (
        "master",
        &["shrink", "--eval", "3", "-o", "gone/three.image"],
        2,
        "three.image",
    ),
    (
        "master",
        &["shrink", "--eval", "3", "-o", "empty"],
        2,
        "empty",
    ),
    (
        "master",
        &["build", "-o", "gone/full.image"],
        2,
        "full.image",
    ),
    (
        "slave",
        &[
            "install",
            "a.package",
            "--image",
            "a.image",
            "-o",
            "b.image",
            "--to",
            "unix:/socket",
        ],
        2,
        "--to",
    ),
    (
        "slave",
        &["run", "--master", "nonsense", "--eval", "3"],
        2,
        "nonsense",
    ),
    (
        "slave",
        &["run", "--master", "http://10.0.0.4:7400", "--eval", "3"],
        2,
        "10.0.0.4",
    ),
];

#[test]
fn wrong_arguments_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("text.image"), "hello\n").unwrap();
    fs::create_dir(folder.path().join("empty")).unwrap();
    let old = [&6505_u32.to_le_bytes()[..], &[0; 200]].concat();
    fs::write(folder.path().join("old.image"), old).unwrap();
    let before = listing(folder.path());
    for (program, arguments, code, words) in WRONG {
        let run = if program == "master" { master } else { slave };
        let ended = run(folder.path(), arguments);
        says(&ended, code, words);
        assert_eq!(ended.stdout, "", "{arguments:?}");
        assert_eq!(listing(folder.path()), before, "{arguments:?}");
    }
}

/// The names of all that lies in a folder.
fn listing(folder: &Path) -> Vec<OsString> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    names
}

#[test]
fn a_master_refuses_other_machines_and_ports_in_use() {
    let folder = tempfile::tempdir().unwrap();
    let built = master(folder.path(), &["build", "-o", "full.image"]);
    assert_eq!(built.code, Some(0), "{built:?}");
    let serve = |url: &str| master(folder.path(), &["serve", "full.image", "--listen", url]);
    says(&serve("http://10.0.0.4:7400"), 2, "10.0.0.4");
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}", taken.local_addr().unwrap());
    says(&serve(&url), 2, "in use");
    let master_url = format!("http://127.0.0.1:{}", free_port().unwrap());
    let (_master, _) = crate::serving::serve(folder.path(), &master_url);
    let run = ["run", "--master", &master_url, "--listen", &url];
    says(&slave(folder.path(), &run), 2, "in use");
}

/// A project with one test class that has these methods.
pub fn project(folder: &Path, methods: &[(&str, &str)]) -> String {
    let package = folder.join("project/src/Trial-Tests");
    fs::create_dir_all(&package).unwrap();
    fs::write(
        package.join("package.st"),
        "Package { #name : #'Trial-Tests' }\n",
    )
    .unwrap();
    let mut text = "Class {\n\t#name : #TrialTest,\n\t#superclass : #TestCase,\n\t#category : #'Trial-Tests'\n}\n".to_string();
    for (selector, body) in methods {
        write!(
            text,
            "\n{{ #category : #tests }}\nTrialTest >> {selector} [\n\t{body}\n]\n"
        )
        .unwrap();
    }
    fs::write(package.join("TrialTest.class.st"), text).unwrap();
    folder.join("project/src").display().to_string()
}

#[test]
fn ten_syntax_errors_are_ten_sentences_with_place_and_caret() {
    let folder = tempfile::tempdir().unwrap();
    let names: Vec<String> = (0..10).map(|index| format!("test{index}")).collect();
    let methods: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "^ 3 +")).collect();
    let path = project(folder.path(), &methods);
    let ended = master(folder.path(), &["test", &path]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    let places = ended.stderr.matches("TrialTest.class.st:").count();
    let carets = ended
        .stderr
        .lines()
        .filter(|line| line.trim() == "^")
        .count();
    assert_eq!((places, carets), (10, 10), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("TrialTest.class.st:9:7:"),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_project_without_tests_is_told_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = project(folder.path(), &[("helps", "^ 3")]);
    let ended = master(folder.path(), &["test", &path]);
    says(&ended, 2, "no test found");
}

#[test]
fn a_test_that_never_ends_is_named_when_its_time_is_up() {
    let folder = tempfile::tempdir().unwrap();
    let methods = [
        ("testEndless", "[ true ] whileTrue: [ ]"),
        ("testFine", "self assert: true"),
    ];
    let path = project(folder.path(), &methods);
    let ended = master(folder.path(), &["test", &path, "--timeout", "0.2"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let shown = format!("{}{}", ended.stdout, ended.stderr);
    assert!(shown.contains("testEndless"), "{shown}");
    assert!(shown.contains("1 of 2"), "{shown}");
}

#[test]
fn a_test_has_thirty_seconds_where_nobody_says_otherwise() {
    let folder = tempfile::tempdir().unwrap();
    let path = project(folder.path(), &[("testWaits", "Semaphore new wait")]);
    let ended = master(folder.path(), &["test", &path]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let shown = format!("{}{}", ended.stdout, ended.stderr);
    assert!(shown.contains("did not end within 30 s"), "{shown}");
}

#[test]
fn the_time_of_a_test_is_that_of_the_command_line_else_that_of_the_project() {
    let folder = tempfile::tempdir().unwrap();
    project(folder.path(), &[("testEndless", "[ true ] whileTrue")]);
    let root = folder.path().join("project");
    let specification = "SmalltalkCISpec {
        #loading : [ SCIMetacelloLoadSpec { #baseline : 'Trial', #directory : 'src' } ],
        #testing : { #include : { #packages : [ 'Trial-Tests' ] }, #defaultTimeout : 0.2 } }";
    fs::write(root.join(".smalltalk.ston"), specification).unwrap();
    let package = root.join("src/BaselineOfTrial");
    fs::create_dir_all(&package).unwrap();
    fs::write(
        package.join("package.st"),
        "Package { #name : #BaselineOfTrial }\n",
    )
    .unwrap();
    fs::write(package.join("BaselineOfTrial.class.st"), BASELINE).unwrap();
    let path = root.display().to_string();
    for (options, words) in [
        (&[][..], "within 0.2 s"),
        (&["--timeout", "0.1"], "within 0.1 s"),
    ] {
        for verb in ["test", "shrink"] {
            let ended = master(folder.path(), &[&[verb, &path], options].concat());
            let shown = format!("{}{}", ended.stdout, ended.stderr);
            assert!(shown.contains(words), "{verb} {options:?}: {ended:?}");
        }
    }
}

const BASELINE: &str = "Class { #name : #BaselineOfTrial, #superclass : #BaselineOf }

BaselineOfTrial >> baseline: spec [
    <baseline>
    spec for: #common do: [ spec package: 'Trial-Tests' ]
]
";

#[test]
fn a_baseline_that_names_a_package_which_is_not_there_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    project(folder.path(), &[("testFine", "self assert: true")]);
    let package = folder.path().join("project/src/BaselineOfTrial");
    fs::create_dir_all(&package).unwrap();
    fs::write(
        package.join("package.st"),
        "Package { #name : #BaselineOfTrial }\n",
    )
    .unwrap();
    let text = BASELINE.replace("'Trial-Tests'", "'Trial-Gone'");
    fs::write(package.join("BaselineOfTrial.class.st"), text).unwrap();
    let specification = "SmalltalkCISpec {
        #loading : [ SCIMetacelloLoadSpec { #baseline : 'Trial', #directory : 'src' } ] }";
    let root = folder.path().join("project");
    fs::write(root.join(".smalltalk.ston"), specification).unwrap();
    let ended = master(folder.path(), &["test", &root.display().to_string()]);
    says(&ended, 2, "Trial-Gone");
}

#[test]
fn the_kernel_passes_its_own_tests() {
    let folder = tempfile::tempdir().unwrap();
    let kernel = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/kernel");
    let mut packages: Vec<String> = fs::read_dir(kernel)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with("-Tests"))
        .collect();
    packages.sort();
    assert!(packages.len() > 10, "{packages:?}");
    let words = std::iter::once("test").chain(PATIENT).map(str::to_string);
    packages.splice(0..0, words);
    let ended = master(folder.path(), &packages);
    assert_eq!(ended.code, Some(0), "{ended:?}");
}
