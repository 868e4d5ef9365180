//! The proof: a slim image alone, with no source to pull from.
//!
//! The tests come to it in a side package, in a machine of their own. The page is asked of a
//! process of its own, started from the file as a user would.

use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use imprint_image::open_image;
use imprint_isa::draft::MethodEntry;
use imprint_isa::{BehaviorName, Draft};
use imprint_report::{PageCheck, Proof, TestOutcome, TestRun};
use imprint_shrink::{SidePackage, install_side};
use imprint_vm::install::Names;
use imprint_vm::{Arrivals, CommandLine, Outcome};

use crate::ending::ending;
use crate::frames::no_lines;
use crate::machine::local_machine;
use crate::outcome_text::pruned_by_name;
use crate::page::{Visit, visit};
use crate::session::{CompiledTest, limits_of, run_expression, run_test};

/// How the image tells of a message that is not understood; the class and the selector follow.
const NOT_UNDERSTOOD: &str = "Message not understood: ";
/// The server of a slim image may take this long to answer its first request.
const START_LIMIT: Duration = Duration::from_secs(15);
/// It may take this long to end after it was asked to.
const END_LIMIT: Duration = Duration::from_secs(15);

/// Proves an image file: its tests, and its page where the run that made it was `visited`.
///
/// # Errors
/// Where the file cannot be opened or a process cannot be started; a test that fails is no error.
pub fn prove(
    image: &Path,
    side: &SidePackage,
    arrivals: &Arrivals,
    tests: &[CompiledTest],
    timeout: Duration,
    visited: Option<&Visit>,
) -> Result<Proof> {
    let start = Instant::now();
    let mut proof = Proof::default();
    if !tests.is_empty() {
        let mut run = prove_tests(image, side, tests, timeout)?;
        for case in &mut run.cases {
            note_dropped(case, arrivals);
        }
        proof.faults.extend(run.cases.iter().filter_map(fault));
        proof.tests = Some(run);
    }
    match visited {
        Some(before) => prove_page(image, before, &mut proof)?,
        None if tests.is_empty() => prove_run(image, &mut proof)?,
        None => {}
    }
    proof.seconds = start.elapsed().as_secs_f64();
    Ok(proof)
}

fn prove_tests(
    image: &Path,
    side: &SidePackage,
    tests: &[CompiledTest],
    timeout: Duration,
) -> Result<TestRun> {
    let opened = open_image(image, crate::limits::heap_settings())?;
    let names = Names::scan_declared(&opened.heap, &side.class_indices);
    let (mut vm, _, pruned) = local_machine(opened.heap, names, CommandLine::default())?;
    install_side(&mut vm, side)?;
    let entry = vm.active_process_or_nil();
    match vm.run_until(entry, limits_of(START_LIMIT)) {
        Outcome::Returned(_) => {}
        other => {
            let (_, sentence) = ending(&other);
            bail!(
                "the entry expression of the slim image failed: {}",
                sentence.unwrap_or_else(|| format!("{other:?}"))
            )
        }
    }
    let proven = |test: &CompiledTest| {
        let before = pruned.counts();
        let mut case = run_test(&mut vm, test, timeout, &mut no_lines)?;
        vm.end_late_processes();
        if let Some(finish) = &test.finish {
            run_expression(&mut vm, finish, limits_of(timeout))?;
            vm.end_late_processes();
        }
        let reached = pruned.counts().into_iter();
        let reached = reached.filter(|(name, count)| before.get(name) != Some(count));
        note_swallowed(&mut case, reached.map(|(name, _)| name));
        Ok(case)
    };
    let cases = tests.iter().map(proven).collect::<Result<Vec<_>>>()?;
    Ok(TestRun {
        name: "proof".to_string(),
        cases,
    })
}

/// A test that passed though something pruned was reached, since somebody swallowed what was
/// signalled for it, proves nothing.
fn note_swallowed(case: &mut imprint_report::TestCase, mut reached: impl Iterator<Item = String>) {
    if let (TestOutcome::Passed, Some(name)) = (&case.outcome, reached.next()) {
        case.outcome = TestOutcome::Pruned(pruned_by_name(&name));
    }
}

/// A message that nobody understands alone, though the full image has a method for it, reached what
/// was dropped: no tombstone is left where only the tests know the selector.
fn note_dropped(case: &mut imprint_report::TestCase, arrivals: &Arrivals) {
    if let TestOutcome::Errored(trouble) = &case.outcome
        && let Some(name) = dropped_method(&trouble.message, arrivals)
    {
        case.outcome = TestOutcome::Pruned(pruned_by_name(&name));
    }
}

/// The method of the full image that a message not understood would have found.
fn dropped_method(message: &str, arrivals: &Arrivals) -> Option<String> {
    let sent = message.strip_prefix(NOT_UNDERSTOOD)?;
    let (class, selector) = sent.split_once(" >> #")?;
    let mut behavior = match class.strip_suffix(" class") {
        Some(class) => BehaviorName::meta(class),
        None => BehaviorName::class(class),
    };
    for _ in 0..arrivals.drafts.len() {
        let drafts = arrivals.drafts.iter().map(|arrival| &arrival.placed.draft);
        let (methods, superclass) = { drafts }.find_map(|draft| side_of(draft, &behavior))?;
        if methods.iter().any(|entry| *entry.selector == *selector) {
            return Some(format!("{behavior}>>{selector}"));
        }
        behavior = superclass?;
    }
    None
}

/// The methods of a class or of its class side, and where lookup goes on, if the draft is about that.
fn side_of<'a>(
    draft: &'a Draft,
    behavior: &BehaviorName,
) -> Option<(&'a [MethodEntry], Option<BehaviorName>)> {
    let meta = match draft {
        Draft::Class(class) if !behavior.meta && class.name == behavior.class => {
            let superclass = class.superclass.clone().map(BehaviorName::class);
            return Some((&class.methods, superclass));
        }
        Draft::Class(class) => class.meta.as_ref(),
        Draft::Meta(meta) => Some(meta),
        _ => None,
    };
    let meta = meta.filter(|meta| behavior.meta && meta.name == behavior.class)?;
    Some((&meta.methods, Some(meta.superclass.clone())))
}

fn fault(case: &imprint_report::TestCase) -> Option<String> {
    match &case.outcome {
        TestOutcome::Pruned(trouble)
        | TestOutcome::Failed(trouble)
        | TestOutcome::Errored(trouble) => Some(
            format!("{}: {} {}", case.name(), trouble.message, trouble.advice)
                .trim_end()
                .to_string(),
        ),
        TestOutcome::TimedOut(seconds) => {
            Some(format!("{} took longer than {seconds} s", case.name()))
        }
        _ => None,
    }
}

/// Without tests and page: the image runs to its end.
fn prove_run(image: &Path, proof: &mut Proof) -> Result<()> {
    let mut program = slave_command()?
        .args(["run".as_ref(), image.as_os_str()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .context("cannot start the slim image")?;
    match wait_for(&mut program) {
        Some(0) => {}
        Some(code) => proof
            .faults
            .push(format!("alone, the slim image ended with exit code {code}")),
        None => proof
            .faults
            .push("alone, the slim image did not end".to_string()),
    }
    Ok(())
}

/// The page answers as it did when there was a master, and a click counts if it did then.
fn prove_page(image: &Path, before: &Visit, proof: &mut Proof) -> Result<()> {
    let (visited, ended) = visit_alone(image, before.port)?;
    match visited {
        Ok(visit) => note_visit(&visit, before, proof),
        Err(error) => proof
            .faults
            .push(format!("the slim image serves no page: {error}")),
    }
    if ended != Some(0) {
        proof.faults.push(format!(
            "asked to end, the slim image ended with {ended:?} in place of 0"
        ));
    }
    Ok(())
}

/// Visits the image in a process of its own, and asks that to end: what the visitor saw, and the exit code.
fn visit_alone(image: &Path, port: u16) -> Result<(io::Result<Visit>, Option<i32>)> {
    let mut server = slave_command()?
        .args(["run".as_ref(), image.as_os_str()])
        .env("PORT", port.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .context("cannot start the slim image")?;
    let visited = visit(port, START_LIMIT);
    terminate(server.id());
    Ok((visited, wait_for(&mut server)))
}

fn note_visit(visit: &Visit, before: &Visit, proof: &mut Proof) {
    proof.page = Some(PageCheck {
        path: "/".to_string(),
        status: visit.status,
    });
    proof.clicks = before
        .click_counted
        .then_some(u64::from(visit.click_counted));
    if visit.status != 200 {
        proof
            .faults
            .push(format!("GET / answered {}", visit.status));
    }
    if before.click_counted && !visit.click_counted {
        proof
            .faults
            .push("a click on the page changed nothing".to_string());
    }
}

/// A command that is this program as a slave.
///
/// # Errors
/// Where the path of this program cannot be found.
pub fn slave_command() -> Result<Command> {
    let program = std::env::current_exe().context("cannot find this program")?;
    let is_slave = program.file_stem().is_some_and(|stem| stem == "slave");
    let mut command = Command::new(program);
    if !is_slave {
        command.arg("slave");
    }
    Ok(command)
}

/// Asks a process of ours to end.
pub fn terminate(id: u32) {
    // It may have ended by itself; whoever waits for it hears of that.
    let _ = Command::new("kill")
        .args(["-TERM", &id.to_string()])
        .status();
}

/// The exit code, once it ended; `None` where it had to be killed.
fn wait_for(server: &mut std::process::Child) -> Option<i32> {
    let end = Instant::now() + END_LIMIT;
    while Instant::now() < end {
        match server.try_wait() {
            Ok(Some(status)) => return status.code(),
            _ => std::thread::sleep(Duration::from_millis(5)),
        }
    }
    // Nothing more can be done where even this fails.
    let _ = server.kill();
    let _ = server.wait();
    None
}
