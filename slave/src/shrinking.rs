//! A whole run of a slave: pull while running, make the slim image, prove it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use imprint_image::{Fingerprint, write_beside_and_rename};
use imprint_isa::MethodDraft;
use imprint_report::{
    Audience, ImageCounts, Proof, Pulled, Screen, ShrinkReport, SlimImage, TestCase, TestOutcome,
    TestRun,
};
use imprint_shrink::{Kept, Slim, SlimInput, SlimOptions, side_package, slim};
use imprint_vm::{CommandLine, Outcome, RunLimits};
use imprint_wire::message::{Event, TestFinished, TestName};

use crate::ending::code;
use crate::exploded::exploded;
use crate::keeping::pull_kept;
use crate::page::Visit;
use crate::proof::prove;
use crate::remote::Line;
use crate::replay::Replay;
use crate::session::{CompiledTest, Session};

/// What a run of a slave is to do.
#[derive(Clone, Debug)]
pub struct Orders {
    /// Where the master is.
    pub master: String,
    /// How long a lost master is waited for.
    pub patience: Duration,
    /// An expression in place of the project's entry expression.
    pub expression: Option<String>,
    /// Where the slim image is written.
    pub snapshot: Option<PathBuf>,
    /// Where the report is written, as JSON.
    pub report: Option<PathBuf>,
    /// Whether the slim image is proven.
    pub proves: bool,
    /// Whether a Spur image is written in place of a compact one.
    pub is_spur: bool,
    /// Whether the entry expression may be that of a server, whose page is then visited.
    pub may_serve: bool,
    /// How long a test may take.
    pub timeout: Duration,
    /// The run stops when more bytes than this were pulled.
    pub pull_limit: Option<u64>,
}

/// Does it all; answers the report and the exit code.
///
/// # Errors
/// Where the master is not there, or files cannot be written.
pub fn shrink(orders: &Orders) -> Result<(ShrinkReport, u8)> {
    let mut line = Line::connect(&orders.master, orders.patience)?;
    line.limit_bytes = orders.pull_limit;
    let mut session = Session::open(line, CommandLine::default())?;
    let mut report = ShrinkReport::default();
    let plan = session.plan();
    let mut replay = match (&orders.snapshot, origin(&session)) {
        (Some(image), Some(pristine)) => Some(Replay::beside(image, pristine)?),
        _ => None,
    };
    let entry_text = orders.expression.as_ref().unwrap_or(&plan.entry).clone();
    let entry = session.compile(if entry_text.is_empty() {
        "nil"
    } else {
        &entry_text
    })?;
    if !plan.tests.is_empty() {
        session.drill_waiting()?;
    }
    let (ended, visited) = run_entry(&mut session, &entry, orders)?;
    if let Some(ended) = ended {
        report.pulls = exploded(&session);
        let is_limited = report.pulls.is_some();
        return Ok((report, if is_limited { code::FAILED } else { ended }));
    }
    let tests = session.compile_tests(&plan.tests)?;
    let run = run_tests(&mut session, &tests, orders.timeout, &mut replay)?;
    if let Some(pulls) = exploded(&session) {
        report.pulls = Some(pulls);
        return Ok((report, code::FAILED));
    }
    if !plan.tests.is_empty() {
        session.drill_survival()?;
    }
    let kept = match &orders.snapshot {
        Some(_) => pull_kept(&mut session, &plan)?,
        None => Vec::new(),
    };
    report.pulled = Some(pulled(&session));
    let has_failed = run.counts().failed > 0;
    let passed = passed(&tests, &run);
    report.tests = (!tests.is_empty()).then_some(run);
    if let Some(path) = &orders.snapshot {
        let options = SlimOptions {
            entry: entry_text,
            origin: origin(&session),
            ..SlimOptions::default()
        };
        let slim = make_slim(&session, &kept, &entry, &options)?;
        report.slim = Some(write_slim(&slim, path, orders.is_spur)?);
        let manifest = write_manifest(&slim, path)?;
        report.files.push(manifest.display().to_string());
        if let Some(replay) = &mut replay {
            replay.note_arrivals(session.arrivals())?;
            replay.note_kept(&kept)?;
            replay.note_snapshot(path, &options.entry, &plan.options)?;
            report.files.push(replay.path().display().to_string());
        }
        if orders.proves && !has_failed {
            let side = side_package(session.arrivals(), &options.excluded_packages);
            drop(session);
            let visited = visited.as_ref();
            report.proof = Some(prove(path, &side, &passed, orders.timeout, visited)?);
        }
    }
    let is_proven = !has_failed && report.proof.as_ref().is_none_or(Proof::holds);
    Ok((report, if is_proven { code::DONE } else { code::FAILED }))
}

/// Writes the report where somebody wants it.
///
/// # Errors
/// Where the file cannot be written.
pub fn write_report(report: &ShrinkReport, path: &Path) -> Result<()> {
    fs::write(path, report.to_json()?).with_context(|| format!("cannot write {}", path.display()))
}

/// Runs the entry expression; answers an exit code where the run ends with that, and what came of
/// the visit where there was one.
fn run_entry(
    session: &mut Session,
    entry: &MethodDraft,
    orders: &Orders,
) -> Result<(Option<u8>, Option<Visit>)> {
    let (outcome, visit) = session.enter(entry, orders.may_serve)?;
    if let Some(visit) = visit.as_ref().filter(|visit| visit.status != 200) {
        eprintln!("slave: GET / answered {}", visit.status);
        return Ok((Some(code::FAILED), None));
    }
    match outcome {
        Outcome::Returned(_) | Outcome::Ordered(_) | Outcome::Quit(0) => Ok((None, visit)),
        other => {
            let (code, sentence) = crate::ending::ending(&other);
            eprintln!(
                "slave: the entry expression failed: {}",
                sentence.unwrap_or_default()
            );
            Ok((Some(code), None))
        }
    }
}

fn run_tests(
    session: &mut Session,
    tests: &[CompiledTest],
    timeout: Duration,
    replay: &mut Option<Replay>,
) -> Result<TestRun> {
    let screen = Screen::of_process(Audience::Person);
    let phase = (!tests.is_empty()).then(|| screen.phase("tests", tests.len() as u64));
    let mut run = TestRun {
        name: "tests".to_string(),
        cases: Vec::new(),
    };
    for test in tests {
        let one = session.run_tests(std::slice::from_ref(test), timeout, |_| {})?;
        for case in one.cases {
            if let Some(phase) = &phase {
                phase.advance(1);
            }
            let finished = finished(&case);
            if let Some(replay) = replay {
                replay.note_arrivals(session.arrivals())?;
                replay.note_test(&finished)?;
            }
            session
                .line
                .borrow_mut()
                .tell(Event::TestFinished(finished));
            run.cases.push(case);
        }
    }
    Ok(run)
}

fn finished(case: &TestCase) -> TestFinished {
    use imprint_wire::message::Outcome as Wire;
    let (outcome, text) = match &case.outcome {
        TestOutcome::Passed | TestOutcome::Excluded(_) => (Wire::Passed, String::new()),
        TestOutcome::Failed(trouble) => (Wire::Failed, trouble.message.clone()),
        TestOutcome::Errored(trouble) => (Wire::Errored, trouble.message.clone()),
        TestOutcome::Pruned(trouble) => (Wire::Pruned, trouble.message.clone()),
        TestOutcome::TimedOut(_) => (Wire::TimedOut, String::new()),
        TestOutcome::Skipped(why) => (Wire::Skipped, why.clone()),
        TestOutcome::NeedsCompiler => (Wire::NeedsCompiler, String::new()),
    };
    let test = TestName {
        class: case.class.as_str().into(),
        selector: case.selector.as_str().into(),
    };
    TestFinished {
        test,
        outcome,
        text,
        micros: (case.seconds * 1e6) as u64,
    }
}

/// The tests that passed: what the proof must show.
fn passed(tests: &[CompiledTest], run: &TestRun) -> Vec<CompiledTest> {
    let pairs = tests.iter().zip(&run.cases);
    pairs
        .filter(|(_, case)| case.outcome == TestOutcome::Passed)
        .map(|(test, _)| test.clone())
        .collect()
}

fn pulled(session: &Session) -> Pulled {
    let traffic = session.line.borrow().traffic;
    Pulled {
        counts: ImageCounts {
            classes: traffic.classes,
            methods: traffic.methods,
            objects: traffic.objects,
            bytes: traffic.bytes,
        },
        round_trips: traffic.round_trips,
    }
}

fn origin(session: &Session) -> Option<Fingerprint> {
    Some(Fingerprint(
        session.line.borrow().welcome().image_fingerprint,
    ))
}

fn make_slim(
    session: &Session,
    kept: &[Kept],
    entry: &MethodDraft,
    options: &SlimOptions,
) -> Result<Slim> {
    let input = SlimInput {
        arrivals: session.arrivals(),
        kept,
        entry,
        options,
    };
    slim(&input).context("cannot make the slim image")
}

fn write_slim(slim: &Slim, path: &Path, is_spur: bool) -> Result<SlimImage> {
    let (bytes, uncompressed) = if is_spur {
        let bytes = slim.spur()?;
        let length = bytes.len();
        (bytes, length)
    } else {
        let (bytes, sizes) = slim.compact()?;
        (bytes, sizes.before_compression)
    };
    write_beside_and_rename(path, &bytes)?;
    let counts = slim.manifest.counts;
    Ok(SlimImage {
        counts: ImageCounts {
            classes: counts.classes as u64,
            methods: counts.methods as u64,
            objects: counts.objects as u64,
            bytes: bytes.len() as u64,
        },
        bytes_uncompressed: uncompressed as u64,
        file: path.display().to_string(),
    })
}

fn write_manifest(slim: &Slim, image: &Path) -> Result<PathBuf> {
    let path = image.with_extension("manifest.json");
    write_beside_and_rename(&path, slim.manifest.to_json().as_bytes())?;
    Ok(path)
}

/// Runs an expression with a master behind, and nothing else: `slave run --eval`.
///
/// # Errors
/// Where the master is not there.
pub fn evaluate(orders: &Orders, expression: &str) -> Result<(u8, Option<String>)> {
    let line = Line::connect(&orders.master, orders.patience)?;
    let mut session = Session::open(line, CommandLine::default())?;
    eprintln!(
        "slave: {} bytes of heap before the first pull",
        session.seed_bytes
    );
    let draft = session.compile(&format!("[ {expression} ] value printString"))?;
    let outcome = session.run(&draft, RunLimits::default())?;
    if let Outcome::Returned(text) = outcome {
        return Ok((code::DONE, session.vm.heap.string_text(text)));
    }
    let (code, sentence) = crate::ending::ending(&outcome);
    Ok((code, sentence))
}
