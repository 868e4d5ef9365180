//! The verbs of a slave.

use std::path::Path;

use anyhow::{Context, Result};
use imprint_host::{PrunedLog, Waker};
use imprint_image::{Fingerprint, open_image};
use imprint_report::{Audience, Screen, print};
use imprint_shrink::names_of;
use imprint_vm::{CommandLine as VmCommandLine, Event, Outcome, OutsideError, RunLimits, Vm};
use imprint_wire::live::{Outline, Push};
use imprint_wire::{Controller, WireError};

use crate::answer::returned_text;
use crate::command_line::{Command, CommandLine, Install, Place, Run, Uninstall};
use crate::converted::rehash;
use crate::ending::{code, code_without_source, ending, is_of_image, sentence_of};
use crate::exercise::Orders;
use crate::interrupts;
use crate::limits::heap_settings;
use crate::live::{Giver, LiveRun, Pushes, Served, begin_log, serve_beside};
use crate::machine::local_machine;
use crate::resuming::Unfinished;
use crate::security::{Security, trusted_keys};
use crate::shrinking::{evaluate, shrink, write_report};
use crate::soundness::check_code;
use crate::supplied::run_supplied;
use crate::{ctl, daemon, packages, security, shipping};

/// Does what the command line says and answers the exit code.
pub fn run(command_line: CommandLine) -> u8 {
    if !matches!(command_line.command, Command::Resume { .. }) {
        command_line.limits.apply();
        command_line.security.clone().apply();
    }
    let done = match &command_line.command {
        Command::Run(run) => match (&run.image, &run.master) {
            (Some(image), Some(master)) => run_supplied(image, run, &run.orders(master.clone())),
            (Some(image), None) => run_image(image, run),
            (None, Some(master)) => run_with_master(run, master.clone()),
            (None, None) => Ok(code::USAGE),
        },
        Command::Resume {
            log,
            master,
            report,
        } => {
            let said = Some(command_line.security.clone()).filter(|it| *it != Security::default());
            resume(log, master.as_deref(), report.as_deref(), said)
        }
        Command::Snapshot { url, wanted } => snapshot(url, wanted),
        Command::Ctl(order) => ctl::ctl(order),
        Command::Install(order) => install(order),
        Command::Uninstall(order) => uninstall(order),
    };
    done.unwrap_or_else(|error| {
        if interrupts::is_wished() {
            eprintln!("slave: interrupted");
            return code::INTERRUPTED;
        }
        eprintln!("slave: {}", sentence_of(&error));
        code_of(&error)
    })
}

fn install(order: &Install) -> Result<u8> {
    match order.target.place()? {
        Place::File(file) => packages::install_files(order, &file),
        Place::Running(url) => shipping::install_into(&url, order),
    }
}

fn uninstall(order: &Uninstall) -> Result<u8> {
    match order.target.place()? {
        Place::File(file) => packages::uninstall_packages(order, &file),
        Place::Running(url) => shipping::uninstall_from(&url, order),
    }
}

/// The exit code for an error.
pub(crate) fn code_of(error: &anyhow::Error) -> u8 {
    if is_of_image(error) {
        return code::BAD_IMAGE;
    }
    if let Some(error) = error.downcast_ref::<OutsideError>() {
        return code_without_source(error);
    }
    match error.downcast_ref::<WireError>() {
        Some(error) if error.is_of_peer() => code::NO_MASTER,
        _ => code::USAGE,
    }
}

fn run_with_master(run: &Run, master: String) -> Result<u8> {
    run.check_outputs()?;
    let orders = run.orders(master);
    if let Some(daemon) = run.daemon() {
        return daemon::serve(&daemon, orders);
    }
    interrupts::heed(interrupts::GRACE)?;
    if let (Some(expression), None, true) = (&run.eval, &run.snapshot, run.tests.is_empty()) {
        let (code, text) = evaluate(&orders, expression)?;
        match (code, text) {
            (code::DONE, Some(text)) => print(&text),
            (_, Some(sentence)) => eprintln!("slave: {sentence}"),
            _ => {}
        }
        return Ok(code);
    }
    make(run, &orders, None)
}

fn snapshot(url: &str, wanted: &ctl::ImageFile) -> Result<u8> {
    let mut slave = Controller::connect(url, &security::credentials()?)?;
    ctl::snapshot(&mut slave, wanted)
}

/// Goes on with the run of a log, as it was called; with other keys where some are said now.
fn resume(
    log: &Path,
    master: Option<&str>,
    report: Option<&Path>,
    said: Option<Security>,
) -> Result<u8> {
    let unfinished = Unfinished::open(log)?;
    let (limits, logged, mut run) = unfinished.run()?;
    run.report = report.map(Path::to_path_buf);
    limits.apply();
    said.unwrap_or(logged).apply();
    let master = master.or(run.master.as_deref());
    let master =
        master.context("the log does not tell where the master is; say it with --master")?;
    let orders = run.orders(master.to_string());
    make(&run, &orders, Some(unfinished))
}

/// Runs, or goes on, and tells what came of it.
fn make(run: &Run, orders: &Orders, unfinished: Option<Unfinished>) -> Result<u8> {
    let (report, code) = shrink(orders, unfinished, run.wanted().as_ref())?;
    match &run.report {
        Some(path) => write_report(&report, path)?,
        None => {
            let screen = Screen::of_process(Audience::Person);
            screen.row(&report.rows(screen.shows_bars()));
            screen.say(&report.details());
        }
    }
    Ok(code)
}

/// Runs an image where it was saved, until it quits or is asked to end.
fn run_image(path: &Path, run: &Run) -> Result<u8> {
    let opened = open_image(path, heap_settings())?;
    check_code(path, &opened.heap)?;
    let (names, is_rekeyed) = (names_of(&opened), opened.is_rekeyed());
    let command_line = VmCommandLine {
        image_path: path.display().to_string(),
        ..VmCommandLine::default()
    };
    let (mut vm, waker, pruned) =
        local_machine(opened.heap, names, command_line).context("cannot start a machine")?;
    if is_rekeyed {
        rehash("slave", &mut vm);
    }
    match &run.pruned_log {
        Some(log) => pruned.write_to(log),
        None => pruned.write_to(&path.with_extension("pruned.log")),
    }
    // While orders may come the machine waits for them, whatever else can happen.
    let mut live = match &run.listen {
        Some(listen) => Some(take_orders(path, run, listen, waker.clone())?),
        None => None,
    };
    terminate_on_signals(waker)?;
    let active = vm.active_process_or_nil();
    let outcome = vm.run_until(active, RunLimits::default());
    let code = see_through("slave", &mut vm, outcome, |vm, outcome| match &mut live {
        Some((run, _)) => run.go_on(vm, outcome),
        None => outcome,
    });
    Ok(code_where_pruned(code, &pruned))
}

/// The exit code of an image that failed since it reached what was pruned, and nobody handled that; else
/// the code that it has.
pub fn code_where_pruned(code: u8, pruned: &PrunedLog) -> u8 {
    let is_pruned = pruned.has_unhandled() && code == code::FAILED;
    if is_pruned { code::PRUNED } else { code }
}

/// Shows what an image's expression answered, lets what it forked go on, and says how all of it ended:
/// answers the exit code. `go_on` carries out the orders that stop the machine; `program` speaks.
pub fn see_through(
    program: &str,
    vm: &mut Vm,
    outcome: Outcome,
    mut go_on: impl FnMut(&mut Vm, Outcome) -> Outcome,
) -> u8 {
    let mut outcome = go_on(vm, outcome);
    if let Some(text) = returned_text(vm, &outcome) {
        print(&text);
    }
    if matches!(outcome, Outcome::Returned(_)) {
        // Servers go on; where nothing can ever happen again, the image is done.
        let others = vm.run(RunLimits::default());
        outcome = match go_on(vm, others) {
            Outcome::Deadlock => outcome,
            other => other,
        };
    }
    let (code, sentence) = ending(&outcome);
    if let Some(sentence) = sentence {
        eprintln!("{program}: {sentence}");
    }
    code
}

/// Lets a machine terminate what runs in it when the process is asked to end.
///
/// # Errors
/// Where the operating system does not let signals be heard.
pub fn terminate_on_signals(waker: Waker) -> Result<()> {
    let waker = waker.quiet();
    end_on_signals(move || {
        // A full queue means that the machine is about to look anyway.
        let _ = waker.push(Event::Terminate);
    })
}

/// A machine's orders and the daemon that takes them.
pub type Live = (LiveRun, Served);

/// Listens for other code for an image that runs.
///
/// # Errors
/// Where the log cannot be written, or the address is taken or not allowed.
pub fn take_orders(path: &Path, run: &Run, listen: &str, waker: Waker) -> Result<Live> {
    trusted_keys()?;
    let log = run.push_log.clone();
    let log = log.unwrap_or_else(|| path.with_extension("pushes"));
    let bytes = std::fs::read(path).context("cannot read the image")?;
    let log = begin_log(&log, Fingerprint::of(&bytes).0);
    let log = log.context("cannot write the log of pushes")?;
    let pushes = Pushes::new(Box::new(|_| 0)).logged_in(log);
    let image = path.display().to_string();
    let live = serve_beside("slave", &image, listen, waker, pushes, Box::new(NoTexts))?;
    eprintln!("{image} runs, taking code on {}", live.1.address);
    Ok(live)
}

/// A slave has nothing to give away.
pub struct NoTexts;

impl NoTexts {
    fn refusal() -> String {
        "a slave keeps no texts; ask the master whose full image it was made of".to_string()
    }
}

impl Giver for NoTexts {
    fn take(&self, _: &Vm, _: &[String], _: &[String]) -> Result<Push, String> {
        Err(NoTexts::refusal())
    }

    fn outline(&self, _: &Vm) -> Result<Outline, String> {
        Err(NoTexts::refusal())
    }
}

/// Calls `end` whenever the process is asked to end.
///
/// # Errors
/// Where the operating system does not let signals be heard.
pub fn end_on_signals(end: impl Fn() + Send + 'static) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut signals = {
        let _within = runtime.enter();
        imprint_daemon::Signals::listen().context("cannot listen for signals")?
    };
    std::thread::spawn(move || {
        runtime.block_on(async {
            loop {
                signals.next().await;
                end();
            }
        })
    });
    Ok(())
}
