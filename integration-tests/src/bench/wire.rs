//! What the wire costs: one miss beside a bare echo, the tests of an example beside the same tests at home,
//! and what a trace costs the program that is traced.
//!
//! The processes are real, and all pinned to one processor, so that where they run decides nothing.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use imprint_isa::MethodDraft;
use imprint_slave::handshake::Terms;
use imprint_slave::remote::{Line, Traffic};
use imprint_slave::seed::SeedChoice;
use imprint_slave::session::Session;
use imprint_vm::{CommandLine, Outcome, RunLimits};
use rustix::process::Pid;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use serde_json::Value;

use super::echo::{self, EchoStream};
use super::facts::{Figure, Scratch};
use super::machine::Failed;
use super::measure::median;
use super::processes::{Daemon, START_LIMIT, program, run, text};

/// Methods that are missed, and echoes.
const MISSES: usize = 2000;
/// So many of one kind follow each other, then as many of the other: a machine that slows down slows both.
const ROW: usize = 50;
/// Runs of an example's tests of each kind.
const TURNS: usize = 15;
/// Runs of a program that is traced, and not.
const TRACED_TURNS: usize = 3;
/// A program that sends much and touches much at its beginning, for so long that the start of the process
/// counts for little.
const TRACED: &str = "DeltaBlue new loop: 36000";

/// A miss, from the send to the installed method, beside an echo of the same size.
///
/// # Errors
/// Where a process cannot be started or answers wrong.
pub fn misses() -> Result<Vec<Figure>, Failed> {
    let _pinned = Pinned::to_one()?;
    let scratch = Scratch::new()?;
    let folder = scratch.path();
    fs::write(folder.join("package.st"), "Package { #name : #Missed }\n")?;
    fs::write(folder.join("Missed.class.st"), missed_class())?;
    let image = folder.join("full.image");
    run("master", &["build", &text(folder), "-o", &text(&image)])?;
    let socket = format!("unix:{}", folder.join("master.socket").display());
    let _master = Daemon::start(&["serve", &text(&image), "--listen", &socket], &socket)?;
    let mut missing = Missing::open(&socket)?;
    // Nothing is warm yet; but then it is known what an answer weighs.
    missing.times(ROW)?;
    let answer_bytes = missing.answer_bytes();
    let echo_socket = folder.join("echo.socket");
    let mut echo = EchoStream::start(&echo_socket, echo::QUESTION_BYTES, answer_bytes)?;
    let (mut times, mut echoes) = (Vec::new(), Vec::new());
    while echoes.len() < MISSES {
        times.extend(missing.times(ROW)?);
        for _ in 0..ROW {
            echoes.push(echo.time()?);
        }
    }
    missing.check()?;
    let (miss, bare) = (middle(times.clone()), middle(echoes.clone()));
    let ratio = miss.as_secs_f64() / bare.as_secs_f64();
    Ok(vec![
        Figure::of(
            "echo",
            echoes,
            format!("bare gRPC stream, {answer_bytes} bytes back"),
        ),
        Figure::of(
            "miss",
            times,
            format!("{ratio:.2} times the echo, {answer_bytes} bytes a method; aim: 1.30"),
        ),
    ])
}

/// A class with many small methods.
fn missed_class() -> String {
    let mut class =
        "Class { #name : #Missed, #superclass : #Object, #category : #Missed }\n".to_string();
    for number in 0..=ROW + MISSES {
        class.push_str(&format!(
            "\n{{ #category : #missed }}\nMissed >> m{number} [\n\t^ {{ self class. {number} + 1. #m{number} }} size\n]\n"
        ));
    }
    class
}

/// A slave that misses one method after the other.
struct Missing {
    session: Session,
    /// Expressions that miss a method each, those that were not run yet.
    drafts: std::vec::IntoIter<MethodDraft>,
    /// What had come before the first of them.
    before: Traffic,
    /// How many have been missed.
    count: u64,
}

impl Missing {
    fn open(url: &str) -> Result<Missing, Failed> {
        let terms = Terms {
            master: url.to_string(),
            patience: START_LIMIT,
            silence: Duration::from_secs(60),
            prefetch_bytes: 0,
            seed: SeedChoice::Empty,
        };
        let mut session = Session::open(Line::connect(&terms)?, CommandLine::default())?;
        let drafts = (0..=ROW + MISSES).map(|it| session.compile(&format!("Missed new m{it}")));
        let mut drafts = drafts.collect::<Result<Vec<_>, _>>()?.into_iter();
        // The first brings the class and all that the others need too.
        if let Some(first) = drafts.next() {
            time_of(&mut session, &first)?;
        }
        let before = session.line.borrow().traffic;
        Ok(Missing {
            session,
            drafts,
            before,
            count: 0,
        })
    }

    /// What each of so many misses takes, from the send until the method is installed.
    fn times(&mut self, count: usize) -> Result<Vec<Duration>, Failed> {
        let drafts = self.drafts.by_ref().take(count);
        let times = drafts.map(|draft| time_of(&mut self.session, &draft));
        let times = times.collect::<Result<Vec<_>, _>>()?;
        self.count += times.len() as u64;
        Ok(times)
    }

    /// Bytes of an answer.
    fn answer_bytes(&self) -> usize {
        let bytes = self.session.line.borrow().traffic.bytes - self.before.bytes;
        (bytes / self.count.max(1)) as usize
    }

    /// Each was a round trip, and nothing else was.
    fn check(&self) -> Result<(), Failed> {
        let round_trips = self.session.line.borrow().traffic.round_trips - self.before.round_trips;
        match round_trips == self.count {
            true => Ok(()),
            false => Err(format!("{} methods took {round_trips} round trips", self.count).into()),
        }
    }
}

/// How long an expression that misses a method waited for it to be there.
fn time_of(session: &mut Session, draft: &MethodDraft) -> Result<Duration, Failed> {
    let before = session.vm.fetching();
    match session.run(draft, RunLimits::default())? {
        Outcome::Returned(size) if size.as_small_integer() == Some(3) => {
            Ok(session.vm.fetching() - before)
        }
        other => Err(format!("a method that was missed answers {other:?}").into()),
    }
}

/// The counter's tests at home, pulled with a trace at hand, and pulled cold.
///
/// # Errors
/// Where a process cannot be started, or a test fails.
pub fn pulled_tests() -> Result<Vec<Figure>, Failed> {
    let _pinned = Pinned::to_one()?;
    let scratch = Scratch::new()?;
    let folder = scratch.path();
    let counter = text(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/examples/counter"));
    let [image, trace] = ["full.image", "counter.trace"].map(|name| text(&folder.join(name)));
    run("master", &["build", &counter, "-o", &image])?;
    run("master", &["trace", &image, "-o", &trace])?;
    let sockets = ["cold", "traced"].map(|name| format!("unix:{}", folder.join(name).display()));
    let [cold, traced] = &sockets;
    let _cold = Daemon::start(&["serve", &image, "--listen", cold], cold)?;
    let _traced = Daemon::start(
        &["serve", &image, "--listen", traced, "--trace", &trace],
        traced,
    )?;
    let mut times = [Vec::new(), Vec::new(), Vec::new()];
    let mut pulled = String::new();
    for _ in 0..TURNS {
        times[0].push(seconds_of(
            &run("master", &["test", &counter, "--json"])?,
            "/cases",
        )?);
        for (index, socket) in [(1, traced), (2, cold)] {
            let report = pull_tests(folder, socket)?;
            times[index].push(seconds_of(&report, "/tests/cases")?);
            pulled = bytes_a_method(&report);
        }
    }
    let [home, traced, cold] = times;
    let ratio = |times: &[Duration]| {
        middle(times.to_vec()).as_secs_f64() / middle(home.clone()).as_secs_f64()
    };
    let (with_trace, without) = (ratio(&traced), ratio(&cold));
    Ok(vec![
        Figure::of(
            "tests at home",
            home,
            "the counter's tests in the full image",
        ),
        Figure::of(
            "tests, traced",
            traced,
            format!("{with_trace:.2} times that, pulled with a trace at hand; aim: 1.20"),
        ),
        Figure::of(
            "tests, cold",
            cold,
            format!("{without:.2} times that, pulled cold, {pulled}; aim: 5.00"),
        ),
    ])
}

/// Runs the master's tests in a slave; its report.
fn pull_tests(folder: &Path, url: &str) -> Result<Value, Failed> {
    let report = text(&folder.join("report.json"));
    let tests = ["--tests", "Counter-Tests", "--report", &report];
    let output = program("slave")?
        .args(["run", "--master", url])
        .args(tests)
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    Ok(serde_json::from_slice(&fs::read(&report)?)?)
}

fn bytes_a_method(report: &Value) -> String {
    let number = |path: &str| {
        report
            .pointer(path)
            .and_then(Value::as_u64)
            .unwrap_or_default()
    };
    let (bytes, methods) = (
        number("/pulled/counts/bytes"),
        number("/pulled/counts/methods"),
    );
    format!("{} bytes a pulled method", bytes / methods.max(1))
}

/// What the tests of a report took.
fn seconds_of(report: &Value, cases: &str) -> Result<Duration, Failed> {
    let cases = report.pointer(cases).and_then(Value::as_array);
    let cases = cases.ok_or_else(|| format!("a report without tests: {report}"))?;
    let seconds = cases
        .iter()
        .filter_map(|case| case.get("seconds")?.as_f64());
    Ok(Duration::from_secs_f64(seconds.sum()))
}

/// A program that runs as it is, and traced: all objects and methods that it touches are marked.
///
/// # Errors
/// Where a process cannot be started or fails.
pub fn object_marks() -> Result<Vec<Figure>, Failed> {
    let _pinned = Pinned::to_one()?;
    let scratch = Scratch::new()?;
    let folder = scratch.path();
    let programs = text(&Path::new(env!("CARGO_MANIFEST_DIR")).join("bench/programs"));
    let [image, trace] = ["full.image", "program.trace"].map(|name| text(&folder.join(name)));
    run("master", &["build", &programs, "-o", &image])?;
    let (mut off, mut on) = (Vec::new(), Vec::new());
    for _ in 0..TRACED_TURNS {
        off.push(time_process(&["run", &image, "eval", TRACED])?);
        on.push(time_process(&[
            "trace", &image, "--eval", TRACED, "-o", &trace,
        ])?);
    }
    let best = |times: &[Duration]| {
        times
            .iter()
            .min()
            .copied()
            .unwrap_or_default()
            .as_secs_f64()
    };
    let ratio = best(&on) / best(&off);
    Ok(vec![
        Figure::of(
            "program",
            off,
            format!("{TRACED}, start and end of the process included"),
        ),
        Figure::of(
            "program, traced",
            on,
            format!("{ratio:.3} times that, objects and methods marked; aim: 1.10"),
        ),
    ])
}

fn time_process(arguments: &[&str]) -> Result<Duration, Failed> {
    let begin = Instant::now();
    let output = program("master")?.args(arguments).output()?;
    match output.status.success() {
        true => Ok(begin.elapsed()),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned().into()),
    }
}

fn middle(times: Vec<Duration>) -> Duration {
    median(times).unwrap_or_default()
}

/// This thread, and all processes that it starts, on one processor until it is dropped.
struct Pinned(CpuSet);

impl Pinned {
    fn to_one() -> Result<Pinned, Failed> {
        let all = sched_getaffinity(None::<Pid>)?;
        let mut one = CpuSet::new();
        let first = (0..CpuSet::MAX_CPU).find(|cpu| all.is_set(*cpu));
        one.set(first.unwrap_or_default());
        sched_setaffinity(None::<Pid>, &one)?;
        Ok(Pinned(all))
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        // The set was in force before.
        let _ = sched_setaffinity(None::<Pid>, &self.0);
    }
}
