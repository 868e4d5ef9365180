//! All primitives, by the table that declares them: each does its work, refuses what is of another kind,
//! and leaves receiver, arguments and stack as they were where it refuses.
//!
//! The tables in `integration-tests/primitives` hold operands for each row: a row without is a fault. From
//! those each operand is replaced in turn by one of each kind of object, and by the bounds of integers;
//! what comes of it stands in `refusals.txt`, a letter for each kind (`BLESS=1` writes it again). Ghosts as
//! operands are tried where they arise, between a slave and its master.

#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use imprint_bootstrap::{PackageSet, compile_elsewhere, embedded_packages};
use imprint_heap::{HeapSettings, Zeal};
use imprint_host::LocalOutside;
use imprint_isa::primitives::{CONTROL_PRIMITIVES, Kind, MODULE_PRIMITIVES, VALUE_PRIMITIVES};
use imprint_isa::{BehaviorName, CompileRequest, MethodDraft, Miss};
use imprint_loader::{SourceFile, read_packages};
use imprint_vm::install::Names;
use imprint_vm::{Answer, Event, Outside, OutsideError, Vm, VmSettings};

use crate::machine::Machine;

/// The numbers that Pharo's kernel, its start, its command line and its tests call: there must be a row
/// for each.
const CALLED_BY_PHARO: &[(u16, u16, &str)] = &[
    (1, 17, "arithmetic of SmallIntegers"),
    (18, 18, "points"),
    (19, 19, "the guard against simulation"),
    (20, 26, "arithmetic and comparison of large integers"),
    (29, 33, "products and quotients of large integers"),
    (38, 39, "words of floats"),
    (40, 59, "boxed floats"),
    (60, 64, "elements, sizes, characters of strings"),
    (68, 71, "literals of methods, new objects"),
    (72, 79, "becoming, slots, hashes, instances, new methods"),
    (83, 89, "perform, semaphores, processes, the cache"),
    (97, 97, "snapshot"),
    (100, 100, "perform in a superclass"),
    (105, 105, "replacing elements"),
    (110, 113, "identity, class, bytes left, quit"),
    (
        115,
        119,
        "change of class, caches, primitives by name and number",
    ),
    (121, 121, "the image's path"),
    (124, 125, "low space"),
    (128, 132, "become, special objects, collections, pointers"),
    (135, 136, "the millisecond clock"),
    (138, 139, "all objects in turn"),
    (142, 142, "the machine's path"),
    (145, 145, "filling"),
    (148, 149, "copies, attributes"),
    (156, 156, "comparison of bytes"),
    (158, 160, "comparison of strings, hashes, adoption"),
    (163, 178, "protection against writing to all objects"),
    (183, 184, "pinning"),
    (188, 188, "running a method"),
    (195, 199, "contexts and their marks"),
    (207, 212, "blocks and contexts"),
    (218, 218, "primitives by module and name"),
    (230, 230, "giving the processor away"),
    (240, 240, "the clock"),
    (242, 242, "timers"),
    (249, 249, "becoming with the hash"),
    (254, 254, "parameters of the machine"),
    (541, 559, "immediate floats"),
    (600, 629, "values in byte arrays"),
];

/// The number that names are called by is a primitive of its own only in that.
const CALLS_OTHERS: u16 = 117;

/// Operands that are not replaced by some kinds of objects, `*` for all, and why.
const NOT_TRIED: &[(&[&str], usize, &str, &str)] = &[
    (&["97", "113"], 1, "*", "it ends the run, whoever is asked"),
    (&["113"], 2, "*", "what is no exit code is taken for 0"),
    (&["230"], 2, "greatest", "the time until the next event"),
    (
        &[
            "FilePlugin primitiveFileSetPosition",
            "FilePlugin primitiveFileTruncate",
        ],
        3,
        "greatest",
        "as far as the file system goes",
    ),
    (OWNERS, 3, "zero beyond", "what only the administrator may"),
    (OWNERS, 4, "zero beyond", "what only the administrator may"),
    (
        &["SocketPlugin primitiveSocketBindToPort"],
        4,
        "beyond",
        "a port that only the administrator may have",
    ),
    (
        &[
            "SocketPlugin primitiveSocketListenOnPort",
            "SocketPlugin primitiveSocketListenOnPortBacklog",
            "SocketPlugin primitiveSocketListenOnPortBacklogInterface",
            "SocketPlugin primitiveSocketListenWithOrWithoutBacklog",
        ],
        3,
        "beyond",
        "a port that only the administrator may have",
    ),
    (
        &["SocketPlugin primitiveResolverHostNameResult"],
        2,
        "large largeMinus symbol string bytes",
        "long enough or not, by the name of the host",
    ),
    (
        &["SocketPlugin primitiveResolverStartAddressLookup"],
        1,
        "*",
        "look-ups have a limit, and go on for a while",
    ),
    (
        &["SocketPlugin primitiveResolverStartAddressLookup"],
        2,
        "locked",
        "look-ups have a limit, and go on for a while",
    ),
    (
        &["SocketPlugin primitiveResolverStartNameLookup"],
        2,
        "symbol string bytes",
        "names, which the system's resolver is asked for",
    ),
];

/// Those that give files to others.
const OWNERS: &[&str] = &[
    "FileAttributesPlugin primitiveChangeOwner",
    "FileAttributesPlugin primitiveSymlinkChangeOwner",
];

/// Operands of which every kind is taken though the object is read, and why.
const TAKES_ALL: &[(&str, usize, &str)] = &[
    ("100", 1, "what its class says is run, whatever it is"),
    ("111", 1, "everything has a class"),
    ("116", 1, "what is no method is in no cache"),
    ("119", 1, "what is no selector is in no cache"),
    ("132", 1, "what has no slots points to nothing"),
    ("148", 1, "immediates are their own copies"),
    ("163", 1, "immediates cannot be written to"),
    ("215", 1, "what is no method is in no cache"),
    ("218", 1, "the context is not asked anything"),
    (
        "ImprintPlugin primitivePruned",
        3,
        "its class alone is told",
    ),
    ("188", 1, "any object can be the receiver of a method"),
    ("195", 2, "what is no context is not met"),
];

/// Safepoints between two collections, where a pass of tests collects all the time.
const ZEAL_EVERY: u32 = 300;

/// The package of the classes that try.
const DECLARATION: &str = "Package { #name : #Trials }\n";

/// Operands for a primitive, and what comes of them.
struct Case {
    place: String,
    primitive: String,
    receiver: String,
    arguments: String,
    looked_at: String,
    printed: String,
}

impl Case {
    /// Whether the printed text is the name of the test that has the success instead.
    fn is_elsewhere(&self) -> bool {
        self.looked_at == "-"
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("primitives")
}

fn cases() -> Vec<Case> {
    let entries = fs::read_dir(folder()).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut tables: Vec<PathBuf> = paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "tsv"))
        .collect();
    tables.sort();
    tables.iter().flat_map(|table| cases_of(table)).collect()
}

fn cases_of(table: &Path) -> Vec<Case> {
    let name = table.file_name().unwrap().to_string_lossy();
    let text = fs::read_to_string(table).unwrap();
    let lines = text.lines().enumerate();
    let lines = lines.filter(|(_, line)| !line.starts_with('#'));
    let case = |(index, line): (usize, &str)| {
        let place = format!("{name}:{}", index + 1);
        let cells: Vec<String> = line.split('\t').map(str::to_string).collect();
        let cells: [String; 5] = cells
            .try_into()
            .unwrap_or_else(|_| panic!("{place}: five cells"));
        let [primitive, receiver, arguments, looked_at, printed] = cells;
        Case {
            place,
            primitive,
            receiver,
            arguments,
            looked_at,
            printed,
        }
    };
    lines.map(case).collect()
}

/// A primitive of the table as a method calls it.
struct Entry {
    pragma: String,
    kind: Kind,
    operands: &'static [u8],
    optional: usize,
}

/// All rows of the table by the names that cases have for them: the number, or module and name.
fn entries() -> BTreeMap<String, Entry> {
    let numbered = VALUE_PRIMITIVES.iter().chain(CONTROL_PRIMITIVES);
    let numbered = numbered.filter(|row| row.number != CALLS_OTHERS);
    let numbered = numbered.map(|row| {
        let entry = Entry {
            pragma: format!("<primitive: {} error: code>", row.number),
            kind: row.kind,
            operands: row.operands,
            optional: usize::from(row.optional),
        };
        (row.number.to_string(), entry)
    });
    let named = MODULE_PRIMITIVES.iter().map(|row| {
        let (module, name) = (row.module, row.name);
        let entry = Entry {
            pragma: format!("<primitive: '{name}' module: '{module}' error: code>"),
            kind: Kind::Value,
            operands: row.operands,
            optional: usize::from(row.optional),
        };
        let module = if module.is_empty() { "-" } else { module };
        (format!("{module} {name}"), entry)
    });
    numbered.chain(named).collect()
}

/// A machine with a method for each primitive and each number of arguments it takes.
struct Trial {
    machine: Machine,
    selectors: BTreeMap<(String, usize), String>,
    entries: BTreeMap<String, Entry>,
    _folder: tempfile::TempDir,
}

impl Trial {
    fn new() -> Trial {
        let folder = tempfile::tempdir().unwrap();
        let mut trial = Trial {
            machine: Machine::of(&packages(), HeapSettings::default(), |heap| {
                let local = LocalOutside::new().unwrap();
                let reactor = local.reactor().clone();
                let outside = Box::new(WithCompiler(local));
                let mut vm = Vm::new(heap, outside, VmSettings::default());
                imprint_host::register(&mut vm, &reactor);
                vm
            }),
            selectors: BTreeMap::new(),
            entries: entries(),
            _folder: folder,
        };
        if trial.machine.vm.heap.settings().zeal.is_some() {
            // The whole heap is looked at so many times elsewhere; here every object shall move.
            let every = ZEAL_EVERY;
            trial.machine.set_zeal(Zeal {
                every,
                poison: true,
                verify: false,
            });
        }
        let path = trial._folder.path().display();
        let told = format!("PrimitiveTrial folder: '{path}'. |> 1");
        assert_eq!(trial.machine.print(&told), "1");
        trial.compile_all();
        trial
    }

    fn compile_all(&mut self) {
        for (index, (primitive, entry)) in self.entries.iter().enumerate() {
            let most = entry.operands.len() - 1;
            for count in most - entry.optional..=most {
                let name = format!("trial{index}of{count}");
                let machine = &mut self.machine;
                machine.compile("ProtoObject", &calling(&name, count, &entry.pragma));
                machine.compile("PrimitiveTrial class", &caller(&name, count));
                let key = (primitive.clone(), count);
                self.selectors.insert(key, format!("{name}caller:"));
            }
        }
    }

    /// What a case comes to; texts as they print.
    fn answer(&mut self, case: &Case) -> String {
        let Case {
            receiver,
            arguments,
            looked_at,
            ..
        } = case;
        let selector = self.selector(case);
        let printed = self.machine.print(&format!(
            "| r a x | r := {receiver}. a := {{ {arguments} }}. \
             x := PrimitiveTrial call: #{selector} with: {{ r }} , a. \
             |> (x isMemberOf: PrimitiveTrial) ifTrue: [ x ] ifFalse: [ {looked_at} ]"
        ));
        assert_eq!(self.machine.print("PrimitiveTrial discard. |> 1"), "1");
        printed
    }

    fn selector(&self, case: &Case) -> String {
        let key = (case.primitive.clone(), count_of(&case.arguments));
        let selector = self.selectors.get(&key);
        let place = &case.place;
        selector
            .unwrap_or_else(|| panic!("{place}: no such primitive, or not with so many arguments"))
            .clone()
    }

    /// The letters of one operand's replacements.
    fn letters(&mut self, case: &Case, position: usize) -> String {
        let Case {
            receiver,
            arguments,
            primitive,
            ..
        } = case;
        let kinds = not_tried(primitive, position);
        if kinds == "*" {
            return kinds.to_string();
        }
        let names: Vec<String> = kinds
            .split_whitespace()
            .map(|kind| format!("#{kind}"))
            .collect();
        let selector = self.selector(case);
        let printed = self.machine.print(&format!(
            "PrimitiveTrial matrixOf: #{selector} position: {position} \
             operands: [ | r | r := {receiver}. {{ r }} , {{ {arguments} }} ] except: #({})",
            names.join(" ")
        ));
        let letters = printed
            .strip_prefix('\'')
            .and_then(|rest| rest.strip_suffix('\''));
        letters.map_or(printed.clone(), str::to_string)
    }
}

fn not_tried(primitive: &str, position: usize) -> &'static str {
    let found = NOT_TRIED
        .iter()
        .find(|(names, at, _, _)| names.contains(&primitive) && *at == position);
    found.map_or("", |(_, _, kinds, _)| *kinds)
}

/// How many expressions a cell holds: they are separated as statements.
fn count_of(arguments: &str) -> usize {
    let (tree, _) = imprint_syntax::parse_doit(arguments);
    tree.body.statements.len()
}

/// `name: o1 with: o2`, `name` for none.
fn pattern(name: &str, arguments: &[String]) -> String {
    let keywords = arguments.iter().enumerate();
    let parts = keywords.map(|(index, argument)| match index {
        0 => format!("{name}: {argument}"),
        _ => format!("with: {argument}"),
    });
    let parts: Vec<String> = parts.collect();
    match parts.is_empty() {
        true => name.to_string(),
        false => parts.join(" "),
    }
}

/// The method that calls the primitive, and tells what it finds in its frame where that refuses.
fn calling(name: &str, count: usize, pragma: &str) -> String {
    let names: Vec<String> = (1..=count).map(|each| format!("o{each}")).collect();
    format!(
        "{} {pragma} ^ PrimitiveTrial refused: code receiver: self arguments: {{ {} }}",
        pattern(name, &names),
        names.join(". ")
    )
}

/// The method that sends it, between two words on the stack.
fn caller(name: &str, count: usize) -> String {
    let operands: Vec<String> = (2..=count + 1)
        .map(|each| format!("(operands at: {each})"))
        .collect();
    let send = pattern(name, &operands);
    format!("{name}caller: operands ^ {{ #below. (operands at: 1) {send}. #above }}")
}

fn packages() -> PackageSet {
    let files = [
        ("Trials/package.st", DECLARATION.to_string()),
        ("Trials/ExternalAddress.class.st", source("ExternalAddress")),
        ("Trials/IdentityTrial.class.st", source("IdentityTrial")),
        ("Trials/PrimitiveTrial.class.st", source("PrimitiveTrial")),
    ];
    let sources = files.iter().map(|(path, text)| SourceFile { path, text });
    let reading = read_packages(sources);
    let texts = files
        .iter()
        .map(|(path, text)| (path.to_string(), text.clone()));
    let own = PackageSet::of_reading(reading, texts).expect("the trials can be read");
    let mut all = embedded_packages(|_| false).expect("the kernel can be read");
    all.extend(own);
    all
}

fn source(class: &str) -> String {
    fs::read_to_string(folder().join(format!("{class}.class.st"))).unwrap()
}

/// The world, with a compiler in it.
struct WithCompiler(LocalOutside);

impl Outside for WithCompiler {
    fn request(&mut self, misses: &[Miss]) -> Result<Answer, OutsideError> {
        self.0.request(misses)
    }

    fn wait(&mut self, deadline: Option<Instant>) -> Vec<Event> {
        self.0.wait(deadline)
    }

    fn poll(&mut self) -> Vec<Event> {
        self.0.poll()
    }

    fn compile(&mut self, request: CompileRequest, names: &Names) -> Result<MethodDraft, String> {
        compile_elsewhere(names, &request)
    }

    fn method_source(&mut self, _: &BehaviorName, _: &str, _: u64) -> Option<String> {
        None
    }

    fn pruned(&mut self, class: &BehaviorName, selector: &str) {
        self.0.pruned(class, selector);
    }

    fn now_micros(&self) -> u64 {
        self.0.now_micros()
    }
}

#[test]
fn every_number_that_pharo_calls_has_a_row() {
    let entries = entries();
    for (first, last, meaning) in CALLED_BY_PHARO {
        for number in *first..=*last {
            let is_there = number == CALLS_OTHERS || entries.contains_key(&number.to_string());
            assert!(is_there, "{number}: {meaning}");
        }
    }
}

#[test]
fn every_row_of_the_table_has_operands_that_it_works_with() {
    let cases = cases();
    let with_operands: BTreeSet<&str> = cases.iter().map(|case| &*case.primitive).collect();
    for (primitive, entry) in entries() {
        let is_there = with_operands.contains(&*primitive);
        let is_wanted = entry.kind != Kind::Mark;
        assert_eq!(is_there, is_wanted, "{primitive}");
    }
    let tests = include_str!("main.rs");
    for case in cases.iter().filter(|case| case.is_elsewhere()) {
        let test = format!("fn {}()", case.printed);
        assert!(tests.contains(&test), "{}: {test}", case.place);
    }
}

#[test]
fn every_primitive_does_its_work() {
    let mut trial = Trial::new();
    let mut wrong = Vec::new();
    for case in cases().iter().filter(|case| !case.is_elsewhere()) {
        let answer = trial.answer(case);
        if answer != case.printed {
            let Case {
                place,
                primitive,
                printed,
                ..
            } = case;
            wrong.push(format!("{place} {primitive}: {answer}, expected {printed}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn marks_refuse_everything_and_change_nothing() {
    let mut trial = Trial::new();
    let marks = trial.entries.iter();
    let marks: Vec<String> = marks
        .filter(|(_, entry)| entry.kind == Kind::Mark)
        .map(|(primitive, _)| primitive.clone())
        .collect();
    assert!(marks.len() >= 3, "{marks:?}");
    for (key, selector) in trial.selectors.clone() {
        if marks.contains(&key.0) {
            let operands = "#( 3 'x' nil ) copy first: ";
            let letter = trial.machine.print(&format!(
                "PrimitiveTrial letterOf: #{selector} with: ({operands} {})",
                key.1 + 1
            ));
            assert_eq!(letter, "$-", "{key:?}");
        }
    }
}

#[test]
fn every_primitive_refuses_what_it_cannot_take_and_leaves_no_trace() {
    let mut trial = Trial::new();
    let kinds = trial.machine.print("PrimitiveTrial kinds");
    let count_of_kinds = kinds.split(' ').count();
    let mut lines = vec![format!("# {}", kinds.trim_matches('\''))];
    let mut seen = BTreeSet::new();
    let mut wrong = Vec::new();
    for case in cases() {
        let count = count_of(&case.arguments);
        if !seen.insert((case.primitive.clone(), count)) {
            continue;
        }
        for position in 1..=count + 1 {
            let letters = trial.letters(&case, position);
            wrong.extend(fault(&trial, &case, position, &letters, count_of_kinds));
            lines.push(format!("{}/{count}\t{position}\t{letters}", case.primitive));
        }
    }
    compare(&lines);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is wrong with the letters of an operand, if something is.
fn fault(
    trial: &Trial,
    case: &Case,
    position: usize,
    letters: &str,
    kinds: usize,
) -> Option<String> {
    let depth = trial.entries[&case.primitive].operands[position - 1];
    let is_known = TAKES_ALL
        .iter()
        .any(|(name, at, _)| *name == case.primitive && *at == position);
    let takes_all = letters.chars().all(|letter| letter == '.');
    let reason = if letters.contains(['!', '#']) {
        "it left a trace"
    } else if letters != "*" && letters.chars().count() != kinds {
        "the trial came to an end"
    } else if depth > 0 && takes_all && !is_known {
        "the table says that it is read, and everything is taken"
    } else {
        return None;
    };
    let Case {
        place, primitive, ..
    } = case;
    Some(format!(
        "{place} {primitive} operand {position}: {letters}: {reason}"
    ))
}

fn compare(lines: &[String]) {
    let path = folder().join("refusals.txt");
    let found = lines.join("\n") + "\n";
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, &found).unwrap();
    }
    let expected = fs::read_to_string(&path).expect("it is there: BLESS=1 writes it");
    let pairs = expected.lines().zip(found.lines());
    let differing: Vec<String> = pairs
        .filter(|(expected, found)| expected != found)
        .map(|(expected, found)| format!("{expected}\n    {found}"))
        .collect();
    assert!(
        differing.is_empty(),
        "BLESS=1 accepts:\n{}",
        differing.join("\n")
    );
    assert_eq!(expected.lines().count(), found.lines().count());
}
