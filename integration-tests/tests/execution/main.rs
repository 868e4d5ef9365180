//! The machine, by the language it runs: expressions and what they answer, on machines that differ
//! in what must make no difference: caches, the number of stack pages, when collections come.

mod ansi;
mod benchmarks;
mod call_sites;
mod expressions;
mod float_chains;
mod hostile;
mod machine;
mod memory;
mod oracles;
mod packages;
mod primitives;
mod random_programs;
mod revisions;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use expressions::EXPRESSIONS;
use imprint_heap::{HeapSettings, Zeal};
use imprint_model::family::{PHARO, SQUEAK};
use imprint_vm::{Outcome, RunLimits, VmSettings};
use machine::Machine;

/// Pages so few and small that frames are written into contexts all the time.
fn few_pages() -> VmSettings {
    VmSettings {
        stack_pages: 2,
        page_words: 600,
        ..VmSettings::default()
    }
}

fn check(mut machine: Machine) {
    let mut wrong = Vec::new();
    for (expression, expected) in EXPRESSIONS {
        let answer = machine.print(expression);
        if answer != *expected {
            wrong.push(format!("{expression}\n    {answer}, expected {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn expressions_answer_what_smalltalk_says() {
    check(Machine::new(HeapSettings::default(), VmSettings::default()));
}

#[test]
fn caches_make_no_difference() {
    let settings = VmSettings {
        caches: false,
        ..VmSettings::default()
    };
    check(Machine::new(HeapSettings::default(), settings));
}

#[test]
fn frames_that_became_contexts_make_no_difference() {
    check(Machine::new(HeapSettings::default(), few_pages()));
}

#[test]
fn collections_at_every_hundredth_send_make_no_difference() {
    let heap = HeapSettings {
        eden_bytes: 256 << 10,
        ..HeapSettings::default()
    };
    let mut machine = Machine::new(heap, few_pages());
    machine.set_zeal(Zeal {
        every: 100,
        poison: true,
        verify: false,
    });
    check(machine);
}

#[test]
fn deep_recursion_goes_through_many_pages_and_back() {
    let mut machine = Machine::new(HeapSettings::default(), few_pages());
    machine.compile(
        "Integer",
        "downTo: n ^ self = n ifTrue: [0] ifFalse: [(self - 1 downTo: n) + 1]",
    );
    assert_eq!(machine.print("20000 downTo: 0"), "20000");
}

#[test]
fn a_run_ends_at_its_deadline_and_can_go_on() {
    let mut machine = Machine::new(HeapSettings::default(), VmSettings::default());
    let process = machine.spawn("| n | n := 0. [n < 500000] whileTrue: [n := n + 1]. n");
    let limits = RunLimits {
        deadline: Some(Instant::now()),
        interrupt: None,
    };
    assert!(matches!(
        machine.vm.run_until(process, limits),
        Outcome::TimedOut
    ));
    let outcome = machine.vm.run_until(process, RunLimits::default());
    assert!(matches!(outcome, Outcome::Returned(oop) if oop.as_small_integer() == Some(500_000)));
}

#[test]
fn a_raised_flag_interrupts_a_run() {
    let mut machine = Machine::new(HeapSettings::default(), VmSettings::default());
    let process = machine.spawn("[true] whileTrue");
    let limits = RunLimits {
        deadline: Some(Instant::now() + Duration::from_secs(60)),
        interrupt: Some(Arc::new(AtomicBool::new(true))),
    };
    assert!(matches!(
        machine.vm.run_until(process, limits),
        Outcome::Interrupted
    ));
}

#[test]
fn an_unhandled_error_ends_its_process() {
    let mut machine = Machine::new(HeapSettings::default(), VmSettings::default());
    let outcome = machine.run("nil foo. 3");
    assert!(matches!(outcome, Outcome::Terminated { .. }), "{outcome:?}");
    assert_eq!(machine.print("3 + 4"), "7");
}

#[test]
fn waiting_for_what_never_comes_is_a_deadlock() {
    let mut machine = Machine::new(HeapSettings::default(), VmSettings::default());
    let process = machine.spawn("Semaphore new wait");
    let outcome = machine.vm.run_until(process, RunLimits::default());
    assert!(matches!(outcome, Outcome::Deadlock), "{outcome:?}");
}

#[test]
fn quitting_ends_the_run_with_the_code() {
    let mut machine = Machine::new(HeapSettings::default(), VmSettings::default());
    let outcome = machine.run("Smalltalk exit: 3");
    assert!(matches!(outcome, Outcome::Quit(3)), "{outcome:?}");
}

#[test]
fn numbers_that_only_squeak_assigns_work_in_its_images_alone() {
    const CALLS: &str = "{ 8 supports: 32. 8 supports: 3. 8 input: 1. 8 input: nil. 8 show }";
    for (family, answers) in [
        (PHARO, "#(#failed #failed #failed #failed #failed)"),
        (SQUEAK, "#(true false 8 #failed 8)"),
    ] {
        let mut machine = Machine::new(HeapSettings::default(), VmSettings::default());
        machine.vm.names.family.numbering = family.numbering;
        machine.compile("Object", "supports: depth <primitive: 91> ^ #failed");
        machine.compile("Object", "input: index <primitive: 93> ^ #failed");
        machine.compile("Object", "show <primitive: 231> ^ #failed");
        assert_eq!(machine.print(CALLS), answers, "{}", family.name);
    }
}

#[test]
fn what_ran_in_an_epoch_is_known_afterwards() {
    let mut machine = Machine::new(HeapSettings::default(), VmSettings::default());
    machine.vm.begin_epoch();
    assert_eq!(machine.print("5 factorial"), "120");
    let methods = machine.vm.end_epochs();
    let names: Vec<String> = methods
        .into_iter()
        .map(|oop| machine.vm.method_name(oop))
        .collect();
    assert!(
        names.iter().any(|name| name == "Integer>>factorial"),
        "{names:?}"
    );
    assert!(!names.iter().any(|name| name == "Integer>>gcd:"));
}

#[test]
fn the_heap_is_sound_after_a_run() {
    let mut machine = Machine::new(HeapSettings::default(), few_pages());
    machine.print("(1 to: 2000) collect: [:i | i printString -> [i]]");
    machine.vm.collect(imprint_heap::Collection::Full);
    assert_eq!(machine.vm.verify(), Ok(()));
}

#[test]
fn a_saved_image_goes_on_where_it_was() {
    let mut machine = Machine::new(HeapSettings::default(), VmSettings::default());
    let process = machine.spawn("| a | a := 3. Smalltalk snapshot: true andQuit: false. a + 4");
    let outcome = machine.vm.run_until(process, RunLimits::default());
    assert!(matches!(outcome, Outcome::Snapshot), "{outcome:?}");
    let answer = machine.vm.heap.false_object();
    machine.vm.saved(answer);
    let outcome = machine.vm.run_until(process, RunLimits::default());
    assert!(matches!(outcome, Outcome::Returned(oop) if oop.as_small_integer() == Some(7)));
}

#[test]
fn an_object_in_a_method_dictionary_runs_in_place_of_a_method() {
    let mut machine = Machine::new(HeapSettings::default(), VmSettings::default());
    machine.run("SmallInteger methodDict at: #zork put: Tombstone new");
    let answer = machine.print("[3 zork] on: PrunedBehavior do: [:e | e messageText lines first]");
    assert_eq!(
        answer,
        "'SmallInteger>>zork was not exercised, so it is not in this image.'"
    );
    assert_eq!(machine.print("3 respondsTo: #zork"), "true");
}

#[test]
fn timers_wake_processes_in_the_order_of_their_times() {
    let mut machine = Machine::new(HeapSettings::default(), VmSettings::default());
    // Long enough for a machine that verifies its heap all the time.
    let order = machine.print(
        "| log done | log := OrderedCollection new. done := Semaphore new. #(600 200 400) do: [:each | \
         [(Delay forMilliseconds: each) wait. log add: each. done signal] fork]. \
         3 timesRepeat: [done wait]. |> log asArray",
    );
    assert_eq!(order, "#(200 400 600)");
}

#[test]
fn what_was_forked_last_runs_though_nothing_happens() {
    let mut machine = Machine::new(HeapSettings::default(), VmSettings::default());
    let forking = "[ (Delay forSeconds: 1000) wait ] fork. Processor yield. \
        [ Smalltalk exit: 3 ] fork. nil";
    assert!(matches!(machine.run(forking), Outcome::Returned(_)));
    let limits = RunLimits {
        deadline: Some(Instant::now() + Duration::from_millis(300)),
        interrupt: None,
    };
    let outcome = machine.vm.run(limits);
    assert!(matches!(outcome, Outcome::Quit(_)), "{outcome:?}");
}
