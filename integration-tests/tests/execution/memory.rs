//! What happens at the limits of memory and depth: something that can be caught, and the machine
//! lives on.

use imprint_heap::{Collection, HeapSettings};
use imprint_vm::{Outcome, VmSettings};

use crate::machine::Machine;

fn small_machine() -> Machine {
    let heap = HeapSettings {
        eden_bytes: 512 << 10,
        limit_bytes: 24 << 20,
        ..HeapSettings::default()
    };
    let mut machine = Machine::new(heap, VmSettings::default());
    // A heap that is full is verified at the end; all the while it would take minutes.
    machine.vm.heap.set_zeal(None);
    machine
}

/// Programs that want more than there is, each in its own way: by primitives that may fail, and by
/// bytecodes that may not.
const GREEDY: &[(&str, &str)] = &[
    (
        "new",
        "| all | all := OrderedCollection new. [true] whileTrue: [all add: Object new]",
    ),
    (
        "new:",
        "| all | all := OrderedCollection new. [true] whileTrue: [all add: (Array new: 100)]",
    ),
    (
        "large arrays",
        "| all | all := OrderedCollection new. [true] whileTrue: [all add: (Array new: 100000)]",
    ),
    (
        "blocks",
        "| all | all := nil. [true] whileTrue: [| kept | kept := all. all := [kept]]",
    ),
    (
        "brace arrays",
        "| all | all := nil. [true] whileTrue: [all := {all. 1. 2}]",
    ),
    (
        "points",
        "| all | all := 1. [true] whileTrue: [all := 1 @ all]",
    ),
    (
        "copies",
        "| all | all := nil. [true] whileTrue: [all := all -> 'text' copy]",
    ),
    (
        "large integers",
        "| all n | all := nil. n := 1 bitShift: 100000. [true] whileTrue: [n := n + 1. all := all -> n]",
    ),
    (
        "contexts",
        "| all | all := nil. [true] whileTrue: [all := all -> [thisContext] value]",
    ),
];

#[test]
fn running_out_of_memory_is_an_error_that_can_be_caught_again_and_again() {
    let mut machine = small_machine();
    for (name, program) in GREEDY {
        for round in 0..2 {
            let (temporaries, forever) = program[1..].split_once('|').expect("it has temporaries");
            let wrapped =
                format!("|{temporaries}| [{forever}] on: OutOfMemory do: [:e | 'caught']");
            match machine.run(&wrapped) {
                Outcome::Returned(text) => {
                    let text = machine.vm.heap.string_text(text);
                    assert_eq!(text.as_deref(), Some("caught"), "{name}, round {round}");
                }
                other => panic!("{name}, round {round}: {other:?}"),
            }
        }
    }
    machine.vm.collect(Collection::Full);
    assert!(!machine.vm.heap.has_lent(), "the loan was taken back");
    assert_eq!(machine.vm.verify(), Ok(()));
    assert_eq!(machine.print("3 + 4"), "7");
}

#[test]
fn unwind_blocks_run_when_memory_is_out() {
    let mut machine = small_machine();
    let answer = machine.print(
        "| all log | log := OrderedCollection new. \
         [[all := nil. [true] whileTrue: [all := all -> 1]] ensure: [all := nil. log add: 1]] \
         on: OutOfMemory do: [:e | log add: 2]. |> log asArray",
    );
    // The handler runs first; what it leaves is unwound then.
    assert_eq!(answer, "#(2 1)");
}

#[test]
fn an_uncaught_end_of_memory_ends_its_process_alone() {
    let mut machine = small_machine();
    let outcome = machine.run("| all | [true] whileTrue: [all := {all}]");
    assert!(matches!(outcome, Outcome::Terminated { .. }), "{outcome:?}");
    assert_eq!(machine.print("3 + 4"), "7");
}

#[test]
fn who_keeps_everything_though_told_ends_the_run_with_a_reason() {
    let mut machine = small_machine();
    let outcome = machine.run(
        "| all | all := nil. [true] whileTrue: [[[true] whileTrue: [all := all -> 1]] on: OutOfMemory do: [:e | e return: nil]]",
    );
    assert!(matches!(outcome, Outcome::OutOfMemory), "{outcome:?}");
}

#[test]
fn the_low_space_semaphore_is_signalled_once_and_names_the_process() {
    let mut machine = small_machine();
    let answer = machine.print(
        "| low log all process | log := OrderedCollection new. low := Semaphore new. \
         process := Processor activeProcess. \
         Smalltalk primLowSpaceSemaphore: low. \
         Smalltalk primSignalAtBytesLeft: Smalltalk garbageCollect - 4000000. \
         [low wait. log add: #low. all := nil. low wait. log add: #again] forkAt: 60. \
         all := OrderedCollection new. \
         [log isEmpty] whileTrue: [all ifNotNil: [:some | some add: (Array new: 1000)]]. \
         1 to: 20 do: [:i | Array new: 100000]. |> log asArray",
    );
    assert_eq!(answer, "#(#low)");
    let told = machine.vm.heap.known(imprint_model::Known::LowSpaceProcess);
    let class = machine.vm.heap.class_of(told);
    assert_eq!(machine.vm.behavior_name(class).to_string(), "Process");
}

#[test]
fn ephemerons_whose_keys_are_gone_are_mourned_one_after_another() {
    let mut machine = Machine::new(HeapSettings::default(), VmSettings::default());
    machine.compile("Object", "nextMourner <primitive: 172> ^ nil");
    let program = "| dead alive key entries | dead := Semaphore new. key := Object new. \
         Smalltalk specialObjectsArray at: 42 put: dead. \
         alive := WeakKeyAssociation key: key value: 1. \
         entries := (1 to: 3) collect: [:i | WeakKeyAssociation key: Object new value: i]. \
         Smalltalk garbageCollect. dead wait. \
         |> {(entries collect: [:each | entries includes: 3 nextMourner]). 3 nextMourner. alive key == key}";
    assert_eq!(machine.print(program), "#(#(true true true) nil true)");
}

#[test]
fn whoever_waits_for_collections_is_told_of_each_until_it_asks_for_none() {
    let mut machine = Machine::new(HeapSettings::default(), VmSettings::default());
    machine.vm.heap.set_zeal(None);
    machine.compile(
        "Object",
        "tellCollections: index <primitive: 'primitiveSetGCSemaphore' module: ''> ^ #refused",
    );
    let program = "| told | told := Semaphore new. \
         3 tellCollections: (Smalltalk registerExternalObject: told). \
         Smalltalk garbageCollect; garbageCollectMost. \
         3 tellCollections: 0. Smalltalk garbageCollect. \
         |> {told instVarNamed: #excessSignals. 3 tellCollections: -1. 3 tellCollections: nil}";
    assert_eq!(machine.print(program), "#(2 #refused #refused)");
}

#[test]
fn runaway_recursion_is_an_error_that_can_be_caught() {
    let settings = VmSettings {
        depth_max: 20_000,
        ..VmSettings::default()
    };
    let mut machine = Machine::new(HeapSettings::default(), settings);
    machine.compile("Object", "endless: n ^ (self endless: n + 1) + 1");
    // The limit is back in its place after the first time.
    for _ in 0..2 {
        let answer =
            machine.print("[Object new endless: 1] on: RecursionTooDeep do: [:e | #caught]");
        assert_eq!(answer, "#caught");
    }
    let blocks = "| b | b := nil. b := [:n | (b value: n + 1) + 1]. |> \
                  [b value: 1] on: RecursionTooDeep do: [:e | #caught]";
    assert_eq!(machine.print(blocks), "#caught");
    let outcome = machine.run("Object new endless: 1");
    assert!(matches!(outcome, Outcome::Terminated { .. }), "{outcome:?}");
    assert_eq!(machine.print("3 + 4"), "7");
}

#[test]
fn an_object_beyond_the_limit_of_the_heap_is_refused() {
    let mut machine = small_machine();
    for size in ["100000000", "1000000000000000", "(1 bitShift: 59)"] {
        let expression = format!("[Array new: {size}. 1] on: OutOfMemory do: [:e | #refused]");
        assert_eq!(machine.print(&expression), "#refused", "{size}");
    }
}

#[test]
fn memory_goes_back_to_the_system_when_it_is_free() {
    let mut machine = Machine::new(HeapSettings::default(), VmSettings::default());
    let committed = |machine: &Machine| machine.vm.heap.usage().old_committed_bytes;
    machine.print("Smalltalk garbageCollect");
    let before = committed(&machine);
    machine.print("| all | all := (1 to: 20) collect: [:i | Array new: 500000]. Smalltalk garbageCollect. |> all size");
    assert!(committed(&machine) > before + (70 << 20));
    machine.print("Smalltalk garbageCollect");
    assert!(committed(&machine) < before + (4 << 20));
}

#[test]
fn pauses_are_counted_by_kind() {
    let mut machine = small_machine();
    let count = |machine: &Machine, kind| machine.vm.heap.pauses(kind).count();
    let before = count(&machine, Collection::Full);
    machine.run("1 to: 200000 do: [:i | Object new]. Smalltalk garbageCollect");
    assert!(count(&machine, Collection::Scavenge) > 3);
    assert_eq!(count(&machine, Collection::Full), before + 1);
    let pauses = machine.vm.heap.pauses(Collection::Scavenge);
    assert!(pauses.percentile(0.5) <= pauses.percentile(0.99));
    assert!(pauses.percentile(0.99) <= pauses.longest());
    let worked = machine.vm.heap.processor_pauses(Collection::Scavenge);
    assert_eq!(worked.count(), pauses.count());
    assert!(worked.total() > std::time::Duration::ZERO);
}
