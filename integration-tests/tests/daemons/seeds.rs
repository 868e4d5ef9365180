//! What a slave starts from changes what it pulls, and no byte of what comes out.

use std::fs;
use std::path::{Path, PathBuf};

use imprint_integration_tests::programs::{Ended, example, free_port, master, start};
use serde_json::Value;

use crate::serving::serve;

/// Runs a program with a cache folder of its own, so that what it keeps is seen.
fn run(name: &str, folder: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Ended {
    let cache = folder.join("cache").display().to_string();
    let all = [&[("IMPRINT_CACHE", cache.as_str())], environment].concat();
    start(name, folder, arguments, &all).wait()
}

/// Shrinks with a seed; answers the report and the slim image.
fn shrink(folder: &Path, what: &[&str], seed: &str) -> (Value, Vec<u8>) {
    let options = ["--json", "--seed", seed, "-o", "slim.image"];
    let ended = run(
        "master",
        folder,
        &[&["shrink"], what, &options].concat(),
        &[],
    );
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let report = serde_json::from_str(&ended.stdout).unwrap();
    (report, fs::read(folder.join("slim.image")).unwrap())
}

fn number(report: &Value, path: &str) -> u64 {
    let found = report.pointer(path).and_then(Value::as_u64);
    found.unwrap_or_else(|| panic!("{path} in {report}"))
}

/// Round trips and bytes of a run, those of the handshake too.
fn cost(report: &Value) -> (u64, u64) {
    let sum = |field: &str| {
        number(report, &format!("/pulled/{field}")) + number(report, &format!("/seed/{field}"))
    };
    (sum("round_trips"), sum("counts/bytes"))
}

fn cached_kernels(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder.join("cache")).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let is_seed = |path: &PathBuf| path.display().to_string().contains("/seed-");
    paths.filter(is_seed).collect()
}

#[test]
fn every_seed_gives_the_same_image_of_the_counter_and_the_same_tests() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let counter = example("counter").display().to_string();
    let built = master(path, &["build", &counter, "-o", "full.image"]);
    assert_eq!(built.code, Some(0), "{built:?}");
    let (bare, image) = shrink(path, &[&counter], "empty");
    let heap_bytes = number(&bare, "/seed/heap_bytes");
    assert!(
        heap_bytes < 10_000,
        "{heap_bytes} bytes of heap before the first pull"
    );
    let (bare_trips, bare_bytes) = cost(&bare);
    println!("empty: {bare_bytes} bytes in {bare_trips} round trips");
    for seed in ["kernel", "kernel", "full.image"] {
        let (report, other) = shrink(path, &[&counter], seed);
        assert!(image == other, "--seed {seed} makes another image");
        assert_eq!(report["tests"]["cases"].as_array().unwrap().len(), 24);
        assert_eq!(report["proof"]["faults"], Value::Array(vec![]));
        let (trips, bytes) = cost(&report);
        println!("{seed}: {bytes} bytes in {trips} round trips");
        assert!(trips * 3 < bare_trips, "{seed}: {trips} of {bare_trips}");
        assert!(bytes * 2 < bare_bytes, "{seed}: {bytes} of {bare_bytes}");
        assert_eq!(report["seed"]["warnings"], Value::Array(vec![]), "{seed}");
        assert_eq!(number(&report, "/seed/heap_bytes"), heap_bytes);
    }
    assert_eq!(cached_kernels(path).len(), 1);
    let (twin, _) = shrink(path, &[&counter], "full.image");
    assert_eq!(cost(&twin), (0, 0), "it has all answers itself");
}

#[test]
fn an_expression_is_shrunk_from_each_seed_to_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let expression = [
        "--eval",
        "(1 to: 20) inject: 0 into: [ :sum :each | sum + each squared ]",
    ];
    let (bare, image) = shrink(path, &expression, "empty");
    let (report, other) = shrink(path, &expression, "kernel");
    assert!(image == other);
    let (bare_cost, with_kernel) = (cost(&bare), cost(&report));
    println!("round trips and bytes: empty {bare_cost:?}, kernel {with_kernel:?}");
    assert!(
        with_kernel.0 * 3 < bare_cost.0,
        "{with_kernel:?} of {bare_cost:?}"
    );
    let ended = run("slave", path, &["run", "slim.image"], &[]);
    assert_eq!(ended.stdout.trim(), "2870");
}

#[test]
fn a_slim_image_is_a_seed_as_any_other_though_it_lacks_most() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let expression = ["--eval", "(1 to: 5) asBag size"];
    let (_, image) = shrink(path, &expression, "empty");
    fs::rename(path.join("slim.image"), path.join("seed.image")).unwrap();
    let (_, other) = shrink(path, &expression, "seed.image");
    assert!(image == other);
    let ended = run("slave", path, &["run", "slim.image"], &[]);
    assert_eq!(ended.stdout.trim(), "5");
}

#[test]
fn a_log_of_a_run_with_a_seed_is_replayed_to_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let built = master(path, &["build", "-o", "full.image"]);
    assert_eq!(built.code, Some(0), "{built:?}");
    let expression = [
        "full.image",
        "--eval",
        "#(3 1 2) asSortedCollection asArray",
    ];
    let (_, image) = shrink(path, &expression, "kernel");
    let options = [
        "replay",
        "slim.replay",
        "--image",
        "full.image",
        "-o",
        "again.image",
    ];
    let ended = master(path, &options);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(image == fs::read(path.join("again.image")).unwrap());
}

#[test]
fn every_kind_of_run_tells_how_little_it_begins_with() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let counter = example("counter").display().to_string();
    let built = master(path, &["build", &counter, "-o", "full.image"]);
    assert_eq!(built.code, Some(0), "{built:?}");
    let url = format!("http://127.0.0.1:{}", free_port().unwrap());
    let (_master, _) = serve(path, &url);
    let told = |arguments: &[&str]| {
        let ended = run(
            "slave",
            path,
            &[&["run", "--master", &url], arguments].concat(),
            &[],
        );
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let all = format!("{}{}", ended.stdout, ended.stderr);
        let line = all
            .lines()
            .find(|line| line.contains("of heap before the first pull"));
        line.unwrap_or_else(|| panic!("{all}")).to_string()
    };
    let evaluated = told(&["--eval", "3 + 4"]);
    let bytes: Vec<u64> = evaluated
        .split(' ')
        .filter_map(|word| word.parse().ok())
        .collect();
    assert!(
        matches!(bytes[..], [bytes] if bytes < 10_000),
        "{evaluated}"
    );
    let tested = told(&["--tests", "Counter-Tests"]);
    assert!(tested.contains(" KB of heap"), "{tested}");
    let shrunk = told(&["--snapshot", "a.image"]);
    assert_eq!(shrunk, tested);
}

/// A package as it was when the seed was built, and as the master has it: path and text of each file.
const OLD: [(&str, &str); 4] = [
    (
        "Zoo/Animal.class.st",
        "Class { #name : #Animal, #superclass : #Object, #category : #Zoo }\n
Animal >> legs [ ^ 4 ]\n
Animal >> name [ ^ 'animal' ]\n
Animal >> noise [ ^ 'noise' ]\n",
    ),
    (
        "Zoo/Dodo.class.st",
        "Class { #name : #Dodo, #superclass : #Animal, #category : #Zoo }\n
Dodo >> name [ ^ 'dodo' ]\n",
    ),
    (
        "Zoo/Fish.class.st",
        "Class { #name : #Fish, #superclass : #Object, #instVars : [ 'fins' ], #category : #Zoo }\n
Fish >> fins [ ^ fins ifNil: [ fins := 2 ] ]\n",
    ),
    (
        "Zoo/Integer.extension.st",
        "Extension { #name : #Integer }\n
{ #category : #'*Zoo' }
Integer >> doubled [ ^ self * 2 ]\n",
    ),
];
const NEW: [(&str, &str); 4] = [
    (
        "Zoo/Animal.class.st",
        "Class { #name : #Animal, #superclass : #Object, #category : #Zoo }\n
Animal >> legs [ ^ 4 ]\n
Animal >> name [ ^ 'beast' ]\n
Animal >> speak [ ^ 'roar' ]\n",
    ),
    (
        "Zoo/Cat.class.st",
        "Class { #name : #Cat, #superclass : #Animal, #category : #Zoo }\n
Cat >> name [ ^ 'cat' ]\n",
    ),
    (
        "Zoo/Fish.class.st",
        "Class { #name : #Fish, #superclass : #Object, #instVars : [ 'tail', 'fins' ], #category : #Zoo }\n
Fish >> fins [ ^ fins ifNil: [ fins := 2 ] ]\n
Fish >> tail [ ^ tail ifNil: [ tail := 1 ] ]\n",
    ),
    (
        "Zoo/Integer.extension.st",
        "Extension { #name : #Integer }\n
{ #category : #'*Zoo' }
Integer >> doubled [ ^ self * 2 ]\n
{ #category : #'*Zoo' }
Integer >> tripled [ ^ self * 3 ]\n",
    ),
];

/// Builds an image of the package; answers its file name.
fn zoo(folder: &Path, name: &str, files: &[(&str, &str)]) -> String {
    for (path, text) in files {
        let path = folder.join(name).join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let image = format!("{name}.image");
    let built = master(folder, &["build", name, "-o", &image]);
    assert_eq!(built.code, Some(0), "{built:?}");
    image
}

/// Everything that differs, in one text: what was changed, added, removed, and of another shape.
const VISIT: &str = "String streamContents: [ :stream |
    stream << Animal new name; space; << Animal new legs printString; space; << Animal new speak; space.
    stream << ([ Animal new noise ] on: MessageNotUnderstood do: [ :e | 'silent' ]); space.
    stream << Cat new name; space; << Cat new legs printString; space.
    stream << Fish new fins printString; << Fish new tail printString; space.
    stream << 3 doubled printString; << 3 tripled printString ]";

#[test]
fn a_seed_of_another_version_is_reconciled_class_by_class_and_the_master_is_right() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let (old, new) = (zoo(path, "old", &OLD), zoo(path, "new", &NEW));
    let what = [new.as_str(), "--eval", VISIT];
    let (_, image) = shrink(path, &what, "empty");
    let (report, other) = shrink(path, &what, &old);
    assert!(image == other);
    let ended = run("slave", path, &["run", "slim.image"], &[]);
    assert_eq!(ended.stdout.trim(), "beast 4 roar silent cat 4 21 69");
    let warnings = report["seed"]["warnings"].as_array().unwrap();
    let warnings: Vec<&str> = warnings.iter().filter_map(Value::as_str).collect();
    assert_eq!(
        warnings,
        [
            "the seed old.image and the master's image differ in 2 classes (Animal, Fish): \
             the master's are used",
            "the master's image lacks 1 class of the seed old.image (Dodo): left out",
        ]
    );
    assert!(number(&report, "/seed/counts/methods") > number(&report, "/pulled/counts/methods"));
}

#[test]
fn an_extension_of_a_class_that_the_seed_has_arrives() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let new = zoo(path, "new", &NEW);
    let what = [new.as_str(), "--eval", "3 doubled + 3 tripled"];
    let (_, image) = shrink(path, &what, "empty");
    let (report, other) = shrink(path, &what, "kernel");
    assert!(image == other);
    assert_eq!(report["seed"]["warnings"], Value::Array(vec![]));
    assert_eq!(
        number(&report, "/pulled/counts/methods"),
        2,
        "the two extensions"
    );
    let ended = run("slave", path, &["run", "slim.image"], &[]);
    assert_eq!(ended.stdout.trim(), "15");
}

#[test]
fn a_time_zone_or_locale_that_differs_is_told_with_both_sides() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    crate::serving::full_image(path);
    let url = format!("http://127.0.0.1:{}", free_port().unwrap());
    let here = [("TZ", "Europe/Berlin"), ("LC_ALL", "de_DE.UTF-8")];
    let arguments = ["serve", "full.image", "--listen", &url];
    let _master = start("master", path, &arguments, &here);
    let evaluate = |environment: &[(&str, &str)]| {
        let ended = run(
            "slave",
            path,
            &["run", "--master", &url, "--eval", "3 + 4"],
            environment,
        );
        assert_eq!(
            (ended.code, ended.stdout.trim()),
            (Some(0), "7"),
            "{ended:?}"
        );
        ended.stderr
    };
    let same = evaluate(&here);
    assert!(!same.contains("warning"), "{same}");
    let other = evaluate(&[("TZ", "Asia/Tokyo"), ("LC_ALL", "ja_JP.UTF-8")]);
    let expected = [
        "warning: the master's time zone is Europe/Berlin, this slave's is Asia/Tokyo",
        "warning: the master's locale is de_DE.UTF-8, this slave's is ja_JP.UTF-8",
    ];
    for sentence in expected {
        assert_eq!(other.matches(sentence).count(), 1, "{other}");
    }
}

#[test]
fn what_is_no_seed_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    fs::write(path.join("text.image"), "hello").unwrap();
    for (seed, code) in [("nowhere.image", 2), ("text.image", 5)] {
        let options = [
            "run",
            "--master",
            "unix:nobody",
            "--eval",
            "3",
            "--seed",
            seed,
        ];
        let ended = run("slave", path, &options, &[]);
        assert_eq!(ended.code, Some(code), "{ended:?}");
        assert!(ended.stderr.contains(seed), "{ended:?}");
    }
    let alone = run(
        "slave",
        path,
        &["run", "text.image", "--seed", "kernel"],
        &[],
    );
    assert_eq!(alone.code, Some(2), "{alone:?}");
    assert!(alone.stderr.contains("--seed"), "{alone:?}");
}

#[test]
fn a_kernel_in_the_cache_that_was_damaged_is_fetched_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let expression = ["--eval", "3 factorial"];
    let (_, image) = shrink(path, &expression, "kernel");
    let kernel = cached_kernels(path).remove(0);
    let sound = fs::read(&kernel).unwrap();
    fs::write(&kernel, &sound[..sound.len() / 2]).unwrap();
    let (_, again) = shrink(path, &expression, "kernel");
    assert!(image == again);
    assert!(fs::read(&kernel).unwrap() == sound);
}
