//! What pulling trips over: the same expression in the full image, in a slave that begins empty, and
//! in the slim image of that run, alone.
//!
//! The project in `integration-tests/traps` holds the objects and classes that the cases meet.

use imprint_integration_tests::programs::{example, free_port, slave, start, traps};

use crate::pair::Pair;

/// A case: its name, an expression, and what it answers everywhere.
type Case = (&'static str, &'static str, &'static str);

const METHODS: &[Case] = &[
    (
        "an override whose inherited method is already present",
        "TrapAnimal new name , ' ' , TrapDog new name",
        "animal dog",
    ),
    (
        "an override met where the inherited hit is cached already",
        "(TrapAnimal new call; call) , ({ TrapAnimal new. TrapAnimal new. TrapDog new. TrapPuppy new }
            inject: '' into: [ :all :each | all , ' ' , each name ])",
        "I am animal animal animal dog dog",
    ),
    (
        "an application's extension of classes of the system",
        "Object new trapWord , ', ' , 3 trapWord , ', ' , nil trapWord",
        "a word of Object, an integer's word, a word of UndefinedObject",
    ),
    ("super into a method that has not come", "TrapPuppy new call", "I am dog!"),
    (
        "recursion while its own methods are still to come",
        "(TrapWalker new isEven: 31) printString , (TrapWalker new isOdd: 31) printString",
        "falsetrue",
    ),
    (
        "two processes that miss one method",
        "| done words |
        done := Semaphore new. words := OrderedCollection new.
        2 timesRepeat: [ [ words add: TrapPuppy new call. done signal ] fork ].
        2 timesRepeat: [ done wait ].
        words first , words last",
        "I am dog!I am dog!",
    ),
    (
        "ensure: blocks that come while a return unwinds them",
        "| walker | walker := TrapWalker new. walker leave , ': ' , walker notes",
        "left: I am dog! dog ",
    ),
    (
        "ensure: blocks that come while an exception unwinds them",
        "| walker | walker := TrapWalker new. walker stumble , ': ' , walker notes",
        "stone: I am dog! ",
    ),
    (
        "perform:",
        "(TrapDog new perform: #call) , (3 perform: 'trapWord' asSymbol)",
        "I am dog!an integer's word",
    ),
    (
        "perform: of what was only inlined so far",
        "(3 + 4) printString , (3 perform: #+ with: 4) printString",
        "77",
    ),
    ("an own doesNotUnderstand:", "TrapProxy new anything", "proxied anything"),
    (
        "respondsTo: of what has not come",
        "(TrapDog new respondsTo: #neverCalled) printString , (3 respondsTo: #trapZork) printString",
        "truefalse",
    ),
    (
        "a symbol before and after it came",
        "('foo' asSymbol == #foo) printString , ('trapWord' asSymbol == #trapWord) printString",
        "truetrue",
    ),
];

const OBJECTS: &[Case] = &[
    (
        "a ghost as receiver",
        "(TrapStore boxes at: 2) contents",
        "box 2",
    ),
    (
        "a ghost in ==",
        "(TrapStore boxes first == (TrapStore boxes at: 1)) printString ,
            (TrapStore boxes first == TrapStore boxes last) printString ,
            (TrapStore weak first == TrapStore boxes first) printString",
        "truefalsetrue",
    ),
    (
        "a ghost as key of an identity dictionary",
        "(TrapStore identities at: (TrapStore boxes at: 4)) printString",
        "4",
    ),
    (
        "a literal array",
        "TrapStore literal printString",
        "#(1 $a 'text' #(2 #three) #four #[5 6] 7.5 nil true)",
    ),
    (
        "the class of an instance",
        "TrapStore boxes last class name , TrapStore head class class class name",
        "TrapBoxMetaclass",
    ),
    (
        "a superclass that has not come in isKindOf:",
        "(TrapPuppy new isKindOf: TrapAnimal) printString , (3 isKindOf: TrapAnimal) printString ,
            (TrapPuppy inheritsFrom: TrapAnimal) printString",
        "truefalsetrue",
    ),
    (
        "a ghost in a weak slot",
        "(TrapStore weak at: 1) contents",
        "box 1",
    ),
    (
        "a ghost as argument of become:",
        "| box | box := TrapBox on: 'mine'. box become: (TrapStore boxes at: 2).
        box contents , ' ' , (TrapStore boxes at: 2) contents",
        "box 2 mine",
    ),
    (
        "a ghost as receiver of become:",
        "| box | box := TrapBox on: 'mine'. (TrapStore boxes at: 2) become: box.
        box contents , ' ' , (TrapStore boxes at: 2) contents",
        "box 2 mine",
    ),
    (
        "a ghost on either side of becomeForward:",
        "(TrapStore boxes at: 1) becomeForward: (TrapStore boxes at: 2).
        (TrapBox on: 'mine') becomeForward: (TrapStore boxes at: 3).
        (TrapStore boxes at: 1) contents , ' ' , (TrapStore boxes at: 3) contents",
        "box 2 box 3",
    ),
    (
        "a ghost in copy and instVarAt:",
        "TrapStore boxes first copy contents , ' ' , (TrapStore boxes last instVarAt: 1) , ' ' ,
            TrapStore head copy next contents , ' ' , (TrapStore head next instVarAt: 2) contents",
        "box 1 box 5 middle tail",
    ),
    (
        "the hash of an object before and after it came",
        "| hash | hash := (TrapStore boxes at: 2) identityHash. (TrapStore boxes at: 2) contents.
        (hash = (TrapStore boxes at: 2) identityHash) printString",
        "true",
    ),
    (
        "an object that was changed and is reached through a ghost alone when memory is collected",
        "TrapStore takeTail contents: 'changed'.
        3 timesRepeat: [ Smalltalk garbageCollect ].
        TrapStore head next next contents",
        "changed",
    ),
    (
        "a class variable and a pool variable that were changed",
        "TrapStore count: TrapStore count + 4. TrapPool limit: 7.
        TrapStore count printString , ' ' , TrapPoolUser new limit printString",
        "7 7",
    ),
];

/// Questions about the whole image: the answer, and the bytes it may pull at most.
const QUERIES: &[(&str, &str, u64)] = &[
    ("(Smalltalk at: #TrapDog) name", "TrapDog", 40_000),
    (
        "(Object subclasses includes: TrapAnimal) printString",
        "true",
        90_000,
    ),
    ("'TrapDog' asClass name", "TrapDog", 40_000),
];

fn start_pair() -> Pair {
    Pair::start(&traps(), &[], &[("TRAP", "shut")])
}

/// What is wrong with a case, if something is.
fn fault(pair: &Pair, (name, expression, expected): &Case) -> Option<String> {
    let full = pair.full(expression);
    let quoted = format!("'{}'", expected.replace('\'', "''"));
    let pulled = pair.pulled(expression);
    let slim = pair.slim();
    let alone = slim.stdout.trim_end_matches('\n');
    let is_right = full.trim_end_matches('\n') == quoted.trim_end()
        && pulled == *expected
        && alone == *expected
        && slim.code == Some(0);
    (!is_right).then(|| format!("{name}: full {full}, pulled {pulled}, slim {slim:?}"))
}

fn check(cases: &[Case]) {
    let pair = start_pair();
    let faults: Vec<String> = cases.iter().filter_map(|case| fault(&pair, case)).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn methods_that_have_not_come_make_no_difference() {
    check(METHODS);
}

#[test]
fn objects_that_have_not_come_make_no_difference() {
    check(OBJECTS);
}

#[test]
fn questions_about_the_whole_image_pull_little() {
    let pair = start_pair();
    for (expression, expected, limit) in QUERIES {
        let before = pair.pulled_bytes();
        assert_eq!(pair.pulled(expression), *expected, "{expression}");
        let bytes = pair.pulled_bytes() - before;
        println!("{expression}   {bytes} bytes pulled");
        assert!(bytes <= *limit, "{expression} pulled {bytes} bytes");
    }
}

#[test]
fn a_pruned_method_is_told_though_an_error_handler_stands_around_it() {
    let pair = start_pair();
    let expression = "TrapAnimal new name. [ Error signal: 'known' ] on: Error do: [ :error | error messageText ].
        (OSEnvironment current at: 'TRAP') = 'open'
        ifTrue: [ [ TrapAnimal new neverCalled ] on: Error do: [ 'hidden' ] ]
        ifFalse: [ 'calm' ]";
    assert_eq!(pair.pulled(expression), "calm");
    let written = pair.slave(&["snapshot", "slim.image"]);
    assert_eq!(written.code, Some(0), "{written:?}");
    let shut = start(
        "slave",
        pair.path(),
        &["run", "slim.image"],
        &[("TRAP", "shut")],
    )
    .wait();
    assert_eq!(shut.stdout, "calm\n", "{shut:?}");
    let open = [("TRAP", "open")];
    let fallen = start("slave", pair.path(), &["run", "slim.image"], &open).wait();
    assert_eq!(fallen.code, Some(4), "{fallen:?}");
    let advice = "--keep 'TrapAnimal>>neverCalled'";
    assert!(fallen.stderr.contains(advice), "{fallen:?}");
    assert!(!fallen.stdout.contains("hidden"), "{fallen:?}");
}

#[test]
fn a_class_that_the_program_makes_or_changes_is_compiled_for_as_it_is_there() {
    let rows = [
        (
            "| c | c := Object subclass: #Fresh instanceVariableNames: 'a b' \
             classVariableNames: 'Count' package: 'Trial'. \
             c compile: 'b: x b := x. Count := 3'; compile: 'b ^ b + Count + Fresh name size'. \
             (c new b: 4; yourself) b",
            "12",
        ),
        (
            "CounterComponent addInstVarNamed: 'step'. \
             CounterComponent compile: 'step ^ step ifNil: [ 7 + count ]'. \
             CounterComponent new step + (CounterComponent new increase; count)",
            "8",
        ),
        (
            "| c | c := CounterComponent subclass: #Sub instanceVariableNames: 'x' \
             classVariableNames: '' package: 'Trial'. CounterComponent addInstVarNamed: 'step'. \
             c compile: 'x ^ x ifNil: [ count + (step ifNil: [ 5 ]) ]'. c new x",
            "5",
        ),
        // Methods of its subclasses come after the superclass was changed.
        (
            "WebComponent addInstVarNamed: 'extra'. \
             CounterComponent compile: 'extra ^ extra ifNil: [ count + 5 ]'. \
             CounterComponent new extra + (CounterComponent new increase; increase; count)",
            "7",
        ),
    ];
    let folder = tempfile::tempdir().unwrap();
    let counter = example("counter").display().to_string();
    let url = format!("http://127.0.0.1:{}", free_port().unwrap());
    let serve = ["serve", &counter, "--listen", &url];
    let _master = start("master", folder.path(), &serve, &[]);
    for (expression, expected) in rows {
        let run = ["run", "--master", &url, "--eval", expression];
        let ended = slave(folder.path(), &run);
        assert_eq!(ended.stdout.trim(), expected, "{expression}: {ended:?}");
    }
}
