//! What is measured once and is no program: starting, loading, pauses, and what tracing costs.
//!
//! Each has a heap, or a process, of its own: an image is mapped only where its base is free, so
//! these come before the machine of the programs is made.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use imprint_bootstrap::compile_expression;
use imprint_heap::{Collection, HeapSettings, PauseHistogram};
use imprint_host::LocalOutside;
use imprint_image::{Certificates, OpenedImage, open_certified, open_image, write_spur};
use imprint_isa::{Draft, Placed};
use imprint_vm::install::Names;
use imprint_vm::{Outcome, RunLimits, Vm, VmSettings};

use super::machine::{Failed, Machine};
use super::measure::median;
use super::packages::packages;
use super::saves::saves;
use super::wire;

/// Names a folder of images that others made.
const THEIR_IMAGES: &str = "IMPRINT_IMAGES";
/// How often a start or an opening is measured.
const TURNS: usize = 31;
/// How long a file must have been as it is before it gets a certificate, and some more.
const SETTLING: Duration = Duration::from_millis(300);
/// Elements that make an image of 60 MB.
const ELEMENTS_OF_60_MB: u64 = 365_000;
/// Elements that make a heap of 1 GB.
const ELEMENTS_OF_1_GB: u64 = 6_600_000;

/// Something to be measured.
#[derive(Clone, Copy)]
pub struct Fact {
    /// What the user names it.
    pub name: &'static str,
    /// Measures it.
    pub measure: fn() -> Result<Vec<Figure>, Failed>,
}

/// What came out.
#[derive(Clone, PartialEq, Debug)]
pub struct Figure {
    /// What was measured.
    pub name: String,
    /// The middle one of all times.
    pub median: Duration,
    /// The least.
    pub best: Duration,
    /// What it is, and what was aimed at.
    pub words: String,
}

/// All facts, in the order of the table.
pub const FACTS: &[Fact] = &[
    Fact {
        name: "starts",
        measure: starts,
    },
    Fact {
        name: "loads",
        measure: loads,
    },
    Fact {
        name: "theirs",
        measure: theirs,
    },
    Fact {
        name: "pauses",
        measure: pauses,
    },
    Fact {
        name: "tracing",
        measure: tracing,
    },
    Fact {
        name: "marks",
        measure: wire::object_marks,
    },
    Fact {
        name: "misses",
        measure: wire::misses,
    },
    Fact {
        name: "pulled",
        measure: wire::pulled_tests,
    },
    Fact {
        name: "saves",
        measure: saves,
    },
    Fact {
        name: "packages",
        measure: packages,
    },
];

impl Figure {
    pub(super) fn of(name: &str, times: Vec<Duration>, words: impl Into<String>) -> Figure {
        Figure {
            name: name.to_string(),
            best: times.iter().copied().min().unwrap_or_default(),
            median: median(times).unwrap_or_default(),
            words: words.into(),
        }
    }
}

/// From the start of a process to the first line that it prints, with a kept embedded image and with
/// none.
fn starts() -> Result<Vec<Figure>, Failed> {
    let scratch = Scratch::new()?;
    let warm = |_| time_to_first_line(Some(&scratch.0));
    warm(0)?;
    std::thread::sleep(SETTLING);
    warm(0)?;
    let kept = (0..TURNS).map(warm).collect::<Result<_, _>>()?;
    let built = (0..5).map(|_| time_to_first_line(None));
    Ok(vec![
        Figure::of(
            "start",
            kept,
            "`master eval` to its first line, embedded image kept; aim: 3 ms",
        ),
        Figure::of(
            "start, building",
            built.collect::<Result<_, _>>()?,
            "the same, embedded image built",
        ),
    ])
}

fn time_to_first_line(cache: Option<&Path>) -> Result<Duration, Failed> {
    let program = std::env::current_exe()?.with_file_name("master");
    let begin = Instant::now();
    let mut child = Command::new(&program)
        .args(["eval", "3 + 4"])
        .env("IMPRINT_CACHE", cache.unwrap_or(Path::new("off")))
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| {
            format!(
                "{}: {error}; build it with cargo build --release -p imprint-master",
                program.display()
            )
        })?;
    let mut line = String::new();
    if let Some(output) = child.stdout.take() {
        BufReader::new(output).read_line(&mut line)?;
    }
    let elapsed = begin.elapsed();
    let status = child.wait()?;
    if line != "7\n" || !status.success() {
        return Err(format!("{} printed '{line}'", program.display()).into());
    }
    Ok(elapsed)
}

/// From a file of 60 MB that we wrote to the answer of its first expression: names, compiling and
/// running included.
fn loads() -> Result<Vec<Figure>, Failed> {
    let scratch = Scratch::new()?;
    let path = scratch.0.join("large.image");
    let mut machine = Machine::new()?;
    machine.time(&ballast(ELEMENTS_OF_60_MB))?;
    machine.vm.collect(Collection::Full);
    write_spur(&machine.vm.heap, &path)?;
    drop(machine);
    std::thread::sleep(SETTLING);
    let certificates = Certificates::in_folder(scratch.0.join("certificates"));
    let turn = |_| {
        let begin = Instant::now();
        let image = open_certified(&path, HeapSettings::default(), &certificates)?;
        first_answer(image)?;
        Ok(begin.elapsed())
    };
    let first: Duration = turn(0)?;
    let times = (0..TURNS).map(turn).collect::<Result<_, Failed>>()?;
    let megabytes = fs::metadata(&path)?.len() >> 20;
    let words = |what| format!("{megabytes} MB of ours to the first answer, {what}");
    Ok(vec![
        Figure::of("load", times, words("mapped; aim: 10 ms")),
        Figure::of("load, unchecked", vec![first], words("every word checked")),
    ])
}

/// An expression that hangs so many small objects of several kinds on a global.
fn ballast(elements: u64) -> String {
    format!(
        "Smalltalk at: #BenchmarkBallast put: ((1 to: {elements}) collect: [ :each | \
         {{ each printString. each asFloat. OrderedCollection with: each. each -> self }} ]). true"
    )
}

/// Runs `3 + 4` in an image that was just opened.
fn first_answer(image: OpenedImage) -> Result<(), Failed> {
    let names = match &image.bindings {
        Some(bindings) => Names::scan_knowing(&image.heap, bindings),
        None => Names::scan(&image.heap),
    };
    let outside = Box::new(LocalOutside::new()?);
    let mut vm = Vm::new(image.heap, outside, VmSettings::default());
    vm.names = names;
    let draft = compile_expression(&vm.names, "3 + 4")?;
    let method = vm.install(&Placed::nowhere(Draft::Method(draft)))?;
    let process = vm.spawn(method, vm.heap.nil(), 40)?;
    match vm.run_until(process, RunLimits::default()) {
        Outcome::Returned(answer) if answer.as_small_integer() == Some(7) => Ok(()),
        other => Err(format!("a new image answers {other:?}").into()),
    }
}

/// Opening images that others made; none where nobody names a folder.
fn theirs() -> Result<Vec<Figure>, Failed> {
    let Some(folder) = std::env::var_os(THEIR_IMAGES) else {
        return Ok(Vec::new());
    };
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    paths.sort();
    let is_image = |path: &PathBuf| path.extension().is_some_and(|found| found == "image");
    let mut figures = Vec::new();
    for path in paths.into_iter().filter(is_image) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let open = || {
            let begin = Instant::now();
            open_image(&path, HeapSettings::default()).map(|image| (begin.elapsed(), image))
        };
        // What is refused has no time.
        let Ok((_, image)) = open() else {
            continue;
        };
        let words = format!("{} MB of others, opened", image.file_bytes >> 20);
        drop(image);
        let times = (0..5).map(|_| open().map(|(time, _)| time));
        figures.push(Figure::of(&name, times.collect::<Result<_, _>>()?, words));
    }
    Ok(figures)
}

/// Scavenges under the programs that make most objects, and full collections of 1 GB.
fn pauses() -> Result<Vec<Figure>, Failed> {
    let mut machine = Machine::new()?;
    for source in [
        "Microbenchmarks new survivors: 3000000",
        "Microbenchmarks new allocations: 3000000",
        "Storage new loop: 100",
        "Havlak new loop: 1",
        "Json new loop: 10",
        "CD new loop: 10",
    ] {
        machine.time(source)?;
    }
    let heap = &machine.vm.heap;
    let mut figures = vec![
        scavenge_figure("scavenge", heap.pauses(Collection::Scavenge)),
        scavenge_figure(
            "scavenge, on cpu",
            heap.processor_pauses(Collection::Scavenge),
        ),
    ];
    machine.time(&ballast(ELEMENTS_OF_1_GB))?;
    let times = (0..3).map(|_| {
        let begin = Instant::now();
        machine.vm.collect(Collection::Full);
        begin.elapsed()
    });
    let times = times.collect();
    let used = machine.vm.heap.usage().old_bytes >> 20;
    figures.push(Figure::of(
        "full collection",
        times,
        format!("{used} MB of living objects, marked and compacted"),
    ));
    Ok(figures)
}

fn scavenge_figure(name: &str, pauses: &PauseHistogram) -> Figure {
    let words = format!(
        "of {} pauses; p99 {:.2} ms, aim: 2 ms; the longest {:.2} ms",
        pauses.count(),
        pauses.percentile(0.99).as_secs_f64() * 1e3,
        pauses.longest().as_secs_f64() * 1e3
    );
    Figure {
        name: name.to_string(),
        median: pauses.percentile(0.5),
        best: pauses.percentile(0.0),
        words,
    }
}

/// The same programs in turn with the noting of methods on and off.
fn tracing() -> Result<Vec<Figure>, Failed> {
    let mut machine = Machine::new()?;
    let mut figures = Vec::new();
    for source in ["Richards new loop: 10", "DeltaBlue new loop: 1200"] {
        machine.time(source)?;
        let (mut on, mut off) = (Vec::new(), Vec::new());
        for _ in 0..TURNS {
            machine.vm.begin_epoch();
            on.push(machine.time(source)?);
            machine.vm.end_epochs();
            off.push(machine.time(source)?);
        }
        let (on, off) = (Figure::of(source, on, ""), Figure::of(source, off, ""));
        let ratio = on.best.as_secs_f64() / off.best.as_secs_f64();
        let words = format!("with tracing; {ratio:.3} times as long as without");
        figures.push(Figure { words, ..on });
    }
    Ok(figures)
}

/// A folder that is removed in the end.
pub(super) struct Scratch(PathBuf);

impl Scratch {
    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    pub(super) fn new() -> Result<Scratch, Failed> {
        let name = format!("imprint-bench-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path)?;
        Ok(Scratch(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What stays is the system's to remove.
        let _ = fs::remove_dir_all(&self.0);
    }
}
