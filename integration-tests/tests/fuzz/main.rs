//! A bounded run of each fuzz target on stable Rust: its corpus, and seeded mutations of it. The
//! endless run is `cargo fuzz run TARGET` in the folder `fuzz`.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod targets;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use targets::{TARGETS, Target};

/// Mutations of each target; `IMPRINT_FUZZ_ROUNDS` says another number.
const ROUNDS: usize = 400;
/// One of so many mutations is taken at least.
const TAKEN_SHARE: usize = 100;
/// Longest that one input may take, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

fn corpus(name: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let folder = root.join("fuzz/corpus").join(name);
    let entries = fs::read_dir(&folder).unwrap_or_else(|_| panic!("{name} has a corpus"));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let read = |path: PathBuf| (path.clone(), fs::read(&path).unwrap());
    files.into_iter().map(read).collect()
}

/// A generator whose numbers are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1);
        (self.0 >> 33) as usize % limit.max(1)
    }
}

/// A few changes: bits, bytes that parsers care for, cuts, repetitions, and pieces of others.
fn mutate(dice: &mut Dice, input: &[u8], other: &[u8]) -> Vec<u8> {
    const SPECIAL: &[u8] = b"\0\x01\x7f\x80\xff()[]{}#'\"!|:.;,^\\ \r\n\t0e-";
    let mut bytes = input.to_vec();
    for _ in 0..=dice.below(4) {
        let at = dice.below(bytes.len() + 1);
        let end = (at + 1 + dice.below(16)).min(bytes.len());
        match dice.below(6) {
            0 if at < bytes.len() => bytes[at] ^= 1 << dice.below(8),
            1 => bytes.insert(at, SPECIAL[dice.below(SPECIAL.len())]),
            2 if at < end => drop(bytes.drain(at..end)),
            3 if at < end => {
                let piece = bytes[at..end].to_vec();
                let times = 1 + dice.below(40);
                bytes.splice(at..at, piece.repeat(times));
            }
            4 => bytes.truncate(at),
            _ => {
                let from = dice.below(other.len());
                let to = (from + dice.below(64)).min(other.len());
                bytes.splice(at..at, other[from..to].iter().copied());
            }
        }
    }
    bytes
}

/// Runs a target; answers whether it took the input.
fn run(target: &Target, input: &[u8], what: &str) -> bool {
    let (name, function) = target;
    let begun = Instant::now();
    let ended = std::panic::catch_unwind(|| function(input));
    let took = begun.elapsed();
    let shown = String::from_utf8_lossy(&input[..input.len().min(400)]).into_owned();
    assert!(ended.is_ok(), "{name} panicked at {what}: {shown:?}");
    assert!(
        took < PATIENCE,
        "{name} took {took:?} for {what}: {shown:?}"
    );
    ended.expect("it was looked at a moment ago")
}

/// Files of the corpora that are there to be refused begin with this.
const REFUSED: &str = "refused";

fn bounded_run(name: &str) {
    let target = TARGETS.iter().find(|target| target.0 == name).unwrap();
    let files = corpus(name);
    assert!(!files.is_empty(), "the corpus of {name} is empty");
    for (path, bytes) in &files {
        let is_taken = run(target, bytes, &path.display().to_string());
        let file = path.file_name().unwrap().to_string_lossy();
        let is_wanted = !file.starts_with(REFUSED);
        assert_eq!(is_taken, is_wanted, "{}", path.display());
    }
    let rounds = std::env::var("IMPRINT_FUZZ_ROUNDS").ok();
    let rounds = rounds.map_or(ROUNDS, |text| text.parse().expect("it is a number"));
    let mut dice = Dice(17);
    let mut taken = 0;
    for round in 0..rounds {
        let (_, input) = &files[dice.below(files.len())];
        let (_, other) = &files[dice.below(files.len())];
        let bytes = mutate(&mut dice, input, other);
        taken += usize::from(run(target, &bytes, &format!("round {round}")));
    }
    // Where all are refused, or none, the changes reach nothing.
    assert!(taken * TAKEN_SHARE >= rounds, "{name} took {taken}");
    assert!(taken < rounds, "{name} took all");
}

/// Expressions whose drafts are the corpus of the verifier: `BLESS=1` writes them again.
const DRAFTS: &[(&str, &str)] = &[
    ("arithmetic", "3 + 4 * 5 @ 6"),
    (
        "blocks",
        "| t | t := 0. #(1 2) do: [:e | t := t + e. e > 5 ifTrue: [^ t]]. [t] value",
    ),
    (
        "braces",
        "{1. $a. #sym. 2.5. {nil}} at: 1 put: thisContext; yourself",
    ),
    (
        "loops",
        "| i | i := 10. [i > 0] whileTrue: [i := i - 1]. 1 to: 3 do: [:k | i := i + k]. i",
    ),
    (
        "literals",
        "#(1 (2 #three 'four') #[5 6] $7 8.0 1000000000000000000000)",
    ),
];

#[test]
fn the_drafts_of_the_corpus_can_be_decoded() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    for (name, source) in DRAFTS {
        let path = root.join("fuzz/corpus/verifier").join(name);
        if std::env::var_os("BLESS").is_some() {
            fs::write(&path, targets::draft_of(source)).unwrap();
        }
        let bytes =
            fs::read(&path).unwrap_or_else(|_| panic!("{name} is there: BLESS=1 writes it"));
        let draft = imprint_isa::draft_bytes::decode(&bytes);
        let draft = draft.unwrap_or_else(|error| panic!("{name}: {error}; BLESS=1 writes it"));
        imprint_isa::verifier::verify(&draft, None).unwrap();
    }
}

#[test]
fn the_packages_of_the_corpus_can_be_read() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    for (name, body) in targets::package_bodies() {
        let path = root.join("fuzz/corpus/package").join(name);
        if std::env::var_os("BLESS").is_some() {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, &body).unwrap();
        }
        let bytes =
            fs::read(&path).unwrap_or_else(|_| panic!("{name} is there: BLESS=1 writes it"));
        let file = imprint_package::file::FORM.seal_plainly(&bytes);
        let read = imprint_package::read_packages(&file);
        read.unwrap_or_else(|error| panic!("{name}: {error}; BLESS=1 writes it"));
    }
}

#[test]
fn the_records_and_messages_of_the_corpora_are_those_of_today() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let traces = targets::records::traces().map(|(name, bytes)| ("trace", name, bytes));
    let logs = targets::records::replay_logs().map(|(name, bytes)| ("replay_log", name, bytes));
    let bundles = targets::bundles().map(|(name, bytes)| ("bundle", name, bytes));
    let messages = targets::messages().map(|(name, bytes)| ("wire", name, bytes));
    let records = traces.into_iter().chain(logs);
    for (target, name, bytes) in records.chain(bundles).chain(messages) {
        let path = root.join("fuzz/corpus").join(target).join(name);
        if std::env::var_os("BLESS").is_some() {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, &bytes).unwrap();
        }
        let kept = fs::read(&path).unwrap_or_default();
        assert_eq!(kept, bytes, "{target} {name}: BLESS=1 writes it");
    }
}

#[test]
fn every_cut_and_every_changed_byte_of_a_package_file_is_refused() {
    for (name, body) in targets::package_bodies() {
        let file = imprint_package::file::FORM.seal(&body, 1).unwrap();
        for at in 0..file.len() {
            let cut = imprint_package::read_packages(&file[..at]);
            assert!(cut.is_err(), "{name} cut at {at}");
            let mut changed = file.clone();
            changed[at] ^= 0x20;
            let changed = imprint_package::read_packages(&changed);
            let error = changed.expect_err(name).to_string();
            assert!(
                error.starts_with("this is no package file"),
                "{at}: {error}"
            );
        }
    }
}

macro_rules! bounded_runs {
    ($($name:ident),* $(,)?) => {
        $(
            #[test]
            fn $name() {
                bounded_run(stringify!($name));
            }
        )*

        #[test]
        fn every_target_has_a_test_and_a_file_for_cargo_fuzz() {
            let tested = [$(stringify!($name)),*];
            let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
            for (name, _) in TARGETS {
                assert!(tested.contains(name), "{name}");
                let file = root.join(format!("fuzz/fuzz_targets/{name}.rs"));
                assert!(file.is_file(), "{}", file.display());
            }
        }
    };
}

bounded_runs!(
    compact_image,
    spur_image,
    foreign_image,
    verifier,
    compiler,
    tonel,
    filetree,
    file_out,
    ston,
    metacello,
    monticello,
    http_head,
    wire,
    bundle,
    package,
    trace,
    replay_log,
);
