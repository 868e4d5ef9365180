//! The machine that the programs run on: the embedded kernel with their package.

use std::fs;
use std::path::Path;
use std::time::Duration;

use imprint_bootstrap::{PackageSet, build, compile_expression, embedded_packages};
use imprint_heap::{Heap, HeapSettings};
use imprint_host::LocalOutside;
use imprint_isa::{Draft, Placed};
use imprint_loader::{SourceFile, read_packages};
use imprint_vm::{Outcome, RunLimits, Vm, VmSettings};

use super::clock::Clock;

/// Where the programs lie, from the root of this crate.
const PROGRAMS: &str = "bench/programs/Benchmarks";
/// The priority of what is measured: that of user code.
const PRIORITY: i64 = 40;

/// Whatever keeps a benchmark from giving a figure, in words.
pub type Failed = Box<dyn std::error::Error>;

/// A machine with the programs.
pub struct Machine {
    /// The machine.
    pub vm: Vm,
}

impl Machine {
    /// Builds the kernel and the programs.
    ///
    /// # Errors
    /// Where the sources cannot be read or built.
    pub fn new() -> Result<Machine, Failed> {
        let mut packages = embedded_packages(|_| false)?;
        packages.extend(programs()?);
        let outside = LocalOutside::new()?;
        let heap = Heap::new(HeapSettings::default())?;
        let image = build(&packages, heap, |heap, names| {
            let mut vm = Vm::new(heap, Box::new(outside), VmSettings::default());
            vm.names = names;
            vm
        })?;
        Ok(Machine { vm: image.vm })
    }

    /// Evaluates an expression that answers whether all was right; how long it ran.
    ///
    /// # Errors
    /// As [`Machine::time_by`].
    pub fn time(&mut self, source: &str) -> Result<Duration, Failed> {
        self.time_by(Clock::Wall, source)
    }

    /// As [`Machine::time`], by a clock.
    ///
    /// # Errors
    /// Where it does not compile, does not end, or answers anything but true.
    pub fn time_by(&mut self, clock: Clock, source: &str) -> Result<Duration, Failed> {
        let draft = compile_expression(&self.vm.names, source)?;
        let method = self.vm.install(&Placed::nowhere(Draft::Method(draft)))?;
        let nil = self.vm.heap.nil();
        let process = self.vm.spawn(method, nil, PRIORITY)?;
        let run = || self.vm.run_until(process, RunLimits::default());
        let (elapsed, outcome) = clock.of_thread(run)?;
        match outcome {
            Outcome::Returned(answer) if answer == self.vm.heap.true_object() => Ok(elapsed),
            Outcome::Returned(_) => Err(format!("{source}: the result is wrong").into()),
            other => Err(format!("{source}: {other:?}").into()),
        }
    }
}

fn programs() -> Result<PackageSet, Failed> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(PROGRAMS);
    let mut texts = Vec::new();
    for entry in fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        texts.push((format!("Benchmarks/{name}"), fs::read_to_string(&path)?));
    }
    texts.sort();
    let files = texts.iter().map(|(path, text)| SourceFile { path, text });
    Ok(PackageSet::of_reading(read_packages(files), texts.clone())?)
}
