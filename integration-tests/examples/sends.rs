//! How fast the machine sends, loops and runs blocks: a program to profile.
//!
//! `cargo run --release -p imprint-integration-tests --example sends`

#![allow(clippy::print_stdout, reason = "its output is what it is for")]

use std::time::Instant;

use imprint_bootstrap::{build, compile_expression, compile_for, embedded_packages};
use imprint_heap::{Heap, HeapSettings};
use imprint_host::LocalOutside;
use imprint_isa::{BehaviorName, Draft, MethodDraft, Placed};
use imprint_model::Oop;
use imprint_vm::{Outcome, RunLimits, Vm, VmSettings};

const FIBONACCI: &str = "sendsBenchmark ^ self < 2 ifTrue: [1] ifFalse: [(self - 1) sendsBenchmark + (self - 2) sendsBenchmark + 1]";

/// What is measured, the expression, and how many of it one evaluation does (0: it answers that).
const PROGRAMS: &[(&str, &str, u64)] = &[
    ("sends", "36 sendsBenchmark", 0),
    (
        "loop turns",
        "| x | x := 0. 1 to: 50000000 do: [:i | x := x + i]. x",
        50_000_000,
    ),
    (
        "block values",
        "| s | s := 0. 1 to: 2000000 do: [:i | #(1 2 3 4 5) do: [:e | s := s + e]]. s",
        10_000_000,
    ),
    (
        "new objects",
        "| a | 1 to: 5000000 do: [:i | a := Array new: 3]. a",
        5_000_000,
    ),
    (
        "caught errors",
        "1 to: 100000 do: [:i | [Error signal] on: Error do: [:e | e return: 1]]",
        100_000,
    ),
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let packages = embedded_packages(|_| false)?;
    let outside = LocalOutside::new()?;
    let image = build(
        &packages,
        Heap::new(HeapSettings::default())?,
        |heap, names| {
            let mut vm = Vm::new(heap, Box::new(outside), VmSettings::default());
            vm.names = names;
            vm
        },
    )?;
    let mut vm = image.vm;
    let integer = BehaviorName::class("Integer");
    let fibonacci = compile_for(&vm.names, &integer, "benchmarks", FIBONACCI)?;
    install(&mut vm, fibonacci)?;
    for (what, expression, count) in PROGRAMS {
        measure(&mut vm, what, expression, *count)?;
    }
    Ok(())
}

fn install(vm: &mut Vm, draft: MethodDraft) -> Result<Oop, imprint_vm::install::InstallError> {
    vm.install(&Placed::nowhere(Draft::Method(draft)))
}

fn measure(
    vm: &mut Vm,
    what: &str,
    expression: &str,
    count: u64,
) -> Result<(), Box<dyn std::error::Error>> {
    let draft = compile_expression(&vm.names, expression)?;
    let method = install(vm, draft)?;
    let nil = vm.heap.nil();
    let process = vm.spawn(method, nil, 40)?;
    let start = Instant::now();
    let outcome = vm.run_until(process, RunLimits::default());
    let seconds = start.elapsed().as_secs_f64();
    let Outcome::Returned(answer) = outcome else {
        return Err(format!("{what}: {outcome:?}").into());
    };
    let count = match count {
        0 => answer.as_small_integer().unwrap_or(0) as f64,
        count => count as f64,
    };
    println!("{what:>14}: {:8.1} million a second", count / seconds / 1e6);
    Ok(())
}
