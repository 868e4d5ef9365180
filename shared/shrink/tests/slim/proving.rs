//! The proof: a slim image runs the tests again, alone, with the tests in a side package.

use imprint_heap::HeapSettings;
use imprint_image::read_image;
use imprint_isa::{Draft, Placed};
use imprint_shrink::select::EXCLUDED_PACKAGES;
use imprint_shrink::{
    SidePackage, SlimInput, SlimOptions, install_side, judge, side_package, slim,
};
use imprint_vm::install::Names;
use imprint_vm::{Arrivals, Outcome, RunLimits, Vm, VmSettings};

use crate::world::{Alone, Slave};

const SUITE: &str = "IntervalTest suite run passedCount";

/// A machine with the slim image of a run and its side package.
fn proof_machine(file: &[u8], side: &SidePackage) -> Vm {
    let image = read_image(file, HeapSettings::default()).expect("it opens");
    let names = Names::scan_declared(&image.heap, &side.class_indices);
    let mut vm = Vm::new(image.heap, Box::new(Alone), VmSettings::default());
    vm.names = names;
    install_side(&mut vm, side).unwrap_or_else(|error| panic!("{error}"));
    let entry = vm.active_process_or_nil();
    let outcome = vm.run_until(entry, RunLimits::default());
    assert!(matches!(outcome, Outcome::Returned(_)), "{outcome:?}");
    vm
}

fn run(vm: &mut Vm, slave: &Slave, source: &str) -> Outcome {
    let draft = slave.master.compile(source);
    let method = match vm.make_expression(&draft) {
        Ok(method) => method,
        Err(outcome) => return outcome,
    };
    let nil = vm.heap.nil();
    let process = vm.spawn(method, nil, 40).expect("there is room");
    vm.run_until(process, RunLimits::default())
}

/// A slave that ran the suite, and how many tests passed there.
fn tested() -> (Slave, i64) {
    let mut slave = Slave::new();
    slave.run("3 printString");
    slave
        .vm
        .extensions
        .get_mut::<Arrivals>()
        .expect("kept")
        .begin_phase("IntervalTest");
    match slave.run(SUITE) {
        Outcome::Returned(count) => (slave, count.as_small_integer().expect("a count")),
        other => panic!("{other:?}"),
    }
}

fn shrunk(slave: &Slave, arrivals: &Arrivals) -> Vec<u8> {
    let entry = slave.master.compile("3 printString");
    let options = SlimOptions::default();
    let slim = slim(&SlimInput {
        arrivals,
        kept: &[],
        entry: &entry,
        options: &options,
    });
    let slim = slim.unwrap_or_else(|error| panic!("{error}"));
    assert!(
        slim.manifest
            .excluded_classes
            .contains(&"IntervalTest".to_string())
    );
    assert!(!slim.manifest.kept.contains_key("TestCase"));
    slim.compact().expect("it can be written").0
}

fn excluded() -> Vec<String> {
    EXCLUDED_PACKAGES.iter().map(ToString::to_string).collect()
}

#[test]
fn the_tests_pass_in_the_slim_image_alone() {
    let (slave, count) = tested();
    assert!(count > 3, "{count}");
    let arrivals = slave.vm.extensions.get::<Arrivals>().expect("kept");
    let file = shrunk(&slave, arrivals);
    let side = side_package(arrivals, &excluded());
    println!(
        "{count} tests; slim image {} bytes, side package {} drafts",
        file.len(),
        side.drafts.len()
    );
    let mut vm = proof_machine(&file, &side);
    match run(&mut vm, &slave, SUITE) {
        Outcome::Returned(alone) => assert_eq!(alone.as_small_integer(), Some(count)),
        Outcome::NoSource { miss, .. } => {
            panic!(
                "{}",
                judge(&miss, &vm.names, Some(&slave.master.extractor())).sentence()
            )
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_method_that_was_deleted_fails_the_proof_by_name() {
    let (slave, _) = tested();
    let mut arrivals = slave.vm.extensions.get::<Arrivals>().expect("kept").clone();
    let is_size = |placed: &Placed<Draft>| placed.draft.to_string() == "Interval>>size";
    assert!(
        arrivals
            .drafts
            .iter()
            .any(|arrival| is_size(&arrival.placed)),
        "the tests use it"
    );
    arrivals.drafts.retain(|arrival| !is_size(&arrival.placed));
    let file = shrunk(&slave, &arrivals);
    let side = side_package(&arrivals, &excluded());
    let mut vm = proof_machine(&file, &side);
    match run(&mut vm, &slave, SUITE) {
        Outcome::NoSource { miss, .. } => {
            let finding = judge(&miss, &vm.names, None);
            assert_eq!(finding.keep.as_deref(), Some("Interval>>size"));
        }
        other => panic!("{other:?}"),
    }
}
