//! `master shrink PATH`: the main job.
//!
//! ```text
//!   sources ── full image ── tests alone ── serve ──Unix socket──> slave process ── slim image, proof
//!                                 └ what fails here is left out          │
//!                         table <── report ──────────────────────────────┘
//! ```

use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use imprint_host::free_port;
use imprint_image::{ImageInfo, write_beside_and_rename};
use imprint_report::{
    Audience, FullImage, ImageCounts, Proof, Screen, ShrinkReport, TestCase, TestOutcome, TestRun,
    junit_xml,
};
use imprint_slave::command_line::ImageFormat;
use imprint_slave::command_line::refuse_same_file;
use imprint_slave::ending::code;
use imprint_slave::interrupts;
use imprint_slave::proof::{slave_command, terminate};
use imprint_slave::shrinking::Wanted;
use imprint_vm::CommandLine;
use imprint_wire::Address;
use imprint_wire::message::{Plan, TestName};

use super::serve::serve_while;
use crate::by_trace::ByTrace;
use crate::command_line::{Failure, Shrink};
use crate::full_image::LiveImage;
use crate::keeping::plan_options;
use crate::margins::costs;
use crate::project::LoadedSources;
use crate::scratch::Scratch;
use crate::testing;
use crate::traces::merged;

/// Shrinks and proves.
///
/// # Errors
/// Sources that cannot be loaded, files that cannot be written.
pub fn shrink(shrink: &Shrink) -> Result<u8, Failure> {
    if !shrink.trace.is_empty() {
        return shrink_by_trace(shrink);
    }
    let screen = Screen::of_process(if shrink.json {
        Audience::Machine
    } else {
        Audience::Person
    });
    let (sources, mut image) = load(shrink)?;
    shrink.never.withhold(&mut image)?;
    let bytes = image.pristine_bytes()?;
    let texts = image.texts();
    let full = full_image(&image, bytes.len());
    let timeout = testing::timeout(shrink.timeout, &sources);
    let alone = match &shrink.eval {
        Some(_) => TestRun::default(),
        None => run_alone(&mut image, &sources, timeout)?,
    };
    drop(image);
    if interrupts::is_wished() {
        eprintln!("master: stopped while the tests ran in the full image; no slave was started");
        return Ok(code::INTERRUPTED);
    }
    let has_passed = |case: &TestCase| case.outcome == TestOutcome::Passed;
    if !alone.cases.is_empty() && !alone.cases.iter().any(has_passed) {
        screen.say(&alone.details());
        eprintln!("master: no test passes in the full image, so there is nothing to shrink by");
        return Ok(code::FAILED);
    }
    let mut plan = plan(shrink, &sources, &alone);
    plan.options = plan_options(&shrink.keep, &sources.spec, &bytes)?;
    plan.options.extend(shrink.never.options());
    let output = output(shrink)?;
    let (options, pristine) = (plan.options.clone(), bytes.clone());
    let (mut report, code) = run_slave(shrink, &output, bytes, texts, plan, timeout)?;
    if interrupts::is_wished() {
        return Ok(code::INTERRUPTED);
    }
    if report.slim.is_some() {
        match costs(&pristine, &output.with_extension("replay"), &options) {
            Ok(costs) => report.margins = costs,
            Err(error) => {
                let warning = format!("what margins would cost is not known: {error:#}");
                report.warnings.push(warning);
            }
        }
    }
    report.full = Some(full);
    exclude(&mut report, &alone);
    if let (Some(path), Some(run)) = (&shrink.junit, &report.tests) {
        write_beside_and_rename(path, junit_xml(run).as_bytes())
            .context("cannot write the JUnit file")?;
    }
    show(&report, &screen, shrink.json);
    Ok(code)
}

/// Makes the slim image of what traces say, and proves it.
fn shrink_by_trace(shrink: &Shrink) -> Result<u8, Failure> {
    let screen = Screen::of_process(if shrink.json {
        Audience::Machine
    } else {
        Audience::Person
    });
    let trace = merged(&shrink.trace)?;
    let (sources, mut image) = load(shrink)?;
    shrink.never.withhold(&mut image)?;
    let bytes = image.pristine_bytes()?;
    let full = full_image(&image, bytes.len());
    let timeout = testing::timeout(shrink.timeout, &sources);
    drop(image);
    let by_trace = ByTrace {
        trace: &trace,
        bytes: &bytes,
        options: &plan_options(&shrink.keep, &sources.spec, &bytes)?,
        entry: shrink.eval.as_deref().unwrap_or(&trace.entry),
    };
    let wanted = Wanted {
        path: output(shrink)?,
        is_spur: shrink.format == ImageFormat::Spur,
        proof: Some(timeout),
    };
    let mut report = by_trace.shrink(&wanted)?;
    report.full = Some(full);
    let holds = report.proof.as_ref().is_none_or(Proof::holds);
    show(&report, &screen, shrink.json);
    Ok(if holds { code::DONE } else { code::FAILED })
}

/// The full image: of a project, of an image file, or of the embedded kernel alone.
fn load(shrink: &Shrink) -> Result<(LoadedSources, LiveImage), Failure> {
    let sources = match &shrink.path {
        Some(path) if path.is_file() => {
            if shrink.eval.is_none() && shrink.trace.is_empty() {
                let error = anyhow!("say with --eval EXPR what {} is shrunk to", path.display());
                return Err(Failure {
                    code: code::USAGE,
                    error,
                });
            }
            let image = LiveImage::open(path, CommandLine::default())?;
            return Ok((LoadedSources::default(), image));
        }
        Some(folder) => LoadedSources::project(folder)?,
        None => LoadedSources::kernel(|_| false)?,
    };
    let image = LiveImage::build(&sources, CommandLine::default())?;
    Ok((sources, image))
}

fn full_image(image: &LiveImage, bytes: usize) -> FullImage {
    let info = ImageInfo::of(&image.vm.heap, "", &[]);
    FullImage {
        counts: ImageCounts {
            classes: info.classes as u64,
            methods: info.methods as u64,
            objects: info.objects as u64,
            bytes: bytes as u64,
        },
        built_in_seconds: image.built_in.map(|time| time.as_secs_f64()),
    }
}

/// The tests in the full image, with nobody to blame but themselves.
fn run_alone(
    image: &mut LiveImage,
    sources: &LoadedSources,
    timeout: Duration,
) -> Result<TestRun, Failure> {
    let tests = testing::project_tests(image, sources)?;
    if tests.is_empty() {
        let error =
            anyhow!("no test found; name test packages in .smalltalk.ston, or shrink with --eval");
        return Err(Failure {
            code: code::USAGE,
            error,
        });
    }
    Ok(testing::run_tests(image, &tests, timeout, |_| {})?)
}

/// What the slave is to run: the tests that passed alone, and the entry expression.
fn plan(shrink: &Shrink, sources: &LoadedSources, alone: &TestRun) -> Plan {
    let passed = alone
        .cases
        .iter()
        .filter(|case| case.outcome == TestOutcome::Passed);
    let name = |case: &imprint_report::TestCase| TestName {
        class: case.class.as_str().into(),
        selector: case.selector.as_str().into(),
    };
    Plan {
        tests: passed.map(name).collect(),
        entry: shrink
            .eval
            .clone()
            .or(sources.spec.entry.clone())
            .unwrap_or_default(),
        options: Vec::new(),
    }
}

/// Where the slim image goes: what was said, else the name of the folder in the current folder.
fn output(shrink: &Shrink) -> Result<PathBuf, Failure> {
    let name = shrink.path.as_deref().and_then(Path::file_name);
    let named = name.map(|name| PathBuf::from(name).with_extension("image"));
    let output = shrink.output.clone().or(named);
    let output = output.ok_or_else(|| anyhow!("say where the slim image goes with -o FILE"))?;
    for input in shrink.path.iter().chain(&shrink.trace) {
        refuse_same_file(input, &output)?;
    }
    Ok(output)
}

fn run_slave(
    shrink: &Shrink,
    output: &Path,
    bytes: Vec<u8>,
    texts: Vec<u8>,
    plan: Plan,
    timeout: Duration,
) -> Result<(ShrinkReport, u8)> {
    let folder = Scratch::new()?;
    let address = Address::Unix(folder.path().join("master.socket"));
    let report_path = folder.path().join("report.json");
    let mut command = if shrink.resume {
        resumed(output, &address, &report_path)?
    } else {
        begun(shrink, output, &address, &report_path, timeout)?
    };
    command.env_remove("PORT");
    // Standard output belongs to the table or the JSON document; what the program prints while it is
    // exercised goes beside it.
    let beside = std::io::stderr().as_fd().try_clone_to_owned();
    command.stdout(beside.context("cannot pass standard error on")?);
    if shrink.eval.is_none() && !plan.entry.is_empty() {
        command.env(
            "PORT",
            free_port().context("cannot find a free port")?.to_string(),
        );
    }
    let status = serve_while(&address, bytes, texts, plan, move || {
        let mut slave = command.spawn().context("cannot start the slave")?;
        let (id, running) = (slave.id(), Arc::new(()));
        let still = Arc::downgrade(&running);
        interrupts::on_wish(move || {
            if still.upgrade().is_some() {
                terminate(id);
            }
        });
        let status = slave.wait().context("cannot wait for the slave");
        drop(running);
        status
    })?;
    let code = status
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .unwrap_or(code::FAILED);
    let report = match std::fs::read(&report_path) {
        Ok(text) => serde_json::from_slice(&text).context("the slave's report cannot be read")?,
        Err(_) => ShrinkReport::default(),
    };
    Ok((report, code))
}

/// The slave of a new run.
fn begun(
    shrink: &Shrink,
    output: &Path,
    address: &Address,
    report: &Path,
    timeout: Duration,
) -> Result<Command> {
    let mut command = slave_command()?;
    command.args(imprint_slave::limits::limits().arguments());
    command.args(["run", "--master", &address.to_string(), "--prove"]);
    command.arg("--snapshot").arg(output);
    command.arg("--report").arg(report);
    command
        .arg("--timeout")
        .arg(timeout.as_secs_f64().to_string());
    command.args(["--format", shrink.format.name()]);
    command.arg("--prefetch").arg(shrink.prefetch.to_string());
    command.args(["--seed", &shrink.seed.name()]);
    command.args(["--resumed-by", "the same command and --resume"]);
    if let Some(limit) = shrink.pull_limit {
        command.arg("--pull-limit").arg(limit.to_string());
    }
    Ok(command)
}

/// The slave that goes on with a run, by its log.
fn resumed(output: &Path, address: &Address, report: &Path) -> Result<Command> {
    let log = output.with_extension("replay");
    if !log.is_file() {
        bail!(
            "there is no {} to go on with; shrink without --resume",
            log.display()
        );
    }
    let mut command = slave_command()?;
    command.arg("resume").arg(log);
    command.args(["--master", &address.to_string()]);
    command.arg("--report").arg(report);
    Ok(command)
}

/// Tests that failed in the full image are listed as left out.
fn exclude(report: &mut ShrinkReport, alone: &TestRun) {
    for case in alone
        .cases
        .iter()
        .filter(|case| case.outcome != TestOutcome::Passed)
    {
        if let Some(run) = &mut report.tests {
            run.cases.push(TestCase {
                outcome: case.outcome.excluded(),
                ..case.clone()
            });
        }
    }
}

fn show(report: &ShrinkReport, screen: &Screen, json: bool) {
    if json {
        screen.document(&report.to_json().unwrap_or_default());
        return;
    }
    screen.row(&report.rows(screen.shows_bars()));
    screen.say(&report.details());
}
