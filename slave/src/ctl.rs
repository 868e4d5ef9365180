//! `ctl URL ...`: orders to a running daemon, the same for both programs.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use imprint_image::Fingerprint;
use imprint_report::{byte_size, plural, print};
use imprint_wire::Controller;
use imprint_wire::control::{Progress, RunOrder, Runnable, SnapshotOrder};
use imprint_wire::message::{Event, Outcome};

use crate::command_line::ImageFormat;
use crate::daemon::{HEAP_OPTION, SPUR_OPTION};
use crate::ending::code;
use crate::security::credentials;

/// A daemon that was told to stop may take this long.
const GRACE: Duration = Duration::from_secs(10);

/// `ctl URL ...`
#[derive(Args, Debug)]
pub struct Ctl {
    /// Where the daemon is: https://HOST:PORT, http://127.0.0.1:PORT or unix:/path/to/socket.
    pub url: String,
    /// The order.
    #[command(subcommand)]
    pub order: Order,
}

/// Orders to a daemon.
#[derive(Subcommand, Debug)]
pub enum Order {
    /// Say how it is.
    Status,
    /// Evaluate an expression in an image of its own and print the value, or run tests.
    Run {
        /// The expression.
        #[arg(required_unless_present_any = ["tests", "all_tests"])]
        expression: Option<String>,
        /// Run the tests of these packages.
        #[arg(long, value_name = "PACKAGE", num_args = 1.., conflicts_with = "expression")]
        tests: Vec<String>,
        /// Run all tests.
        #[arg(long, conflicts_with_all = ["expression", "tests"])]
        all_tests: bool,
    },
    /// Write the slim image of the last run, or its heap as it is.
    Snapshot(ImageFile),
    /// Go back to an earlier push, instances included.
    Rollback {
        /// The push that shall be in force: 8 or '#8'; 0 for before the first.
        #[arg(value_parser = push_number)]
        number: u32,
        /// Take back what the image changed itself too.
        #[arg(long)]
        force: bool,
    },
    /// End, once what runs has ended.
    Stop,
}

fn push_number(text: &str) -> Result<u32, String> {
    let digits = text.strip_prefix('#').unwrap_or(text);
    let number = digits.parse();
    number.map_err(|_| "say the number of a push, like 8 or '#8'".to_string())
}

/// Where an image is written, and how.
#[derive(Args, Debug)]
pub struct ImageFile {
    /// The file.
    pub output: PathBuf,
    /// The form: Imprint's own, or Spur for stock virtual machines.
    #[arg(long, value_enum, default_value_t)]
    pub format: ImageFormat,
    /// Write the heap as it is, with the state of the run, in place of a slim image.
    #[arg(long, conflicts_with = "format")]
    pub heap: bool,
}

/// Gives an order and shows the answer.
///
/// # Errors
/// Where nobody answers at the address, or the daemon refuses.
pub fn ctl(ctl: &Ctl) -> Result<u8> {
    let mut controller = Controller::connect(&ctl.url, &credentials()?)?;
    match &ctl.order {
        Order::Status => status(&mut controller),
        Order::Run {
            expression: Some(expression),
            ..
        } => run(&mut controller, Runnable::Expression(expression.clone())),
        Order::Run { tests, .. } => {
            let what = Runnable::Tests {
                tests: Vec::new(),
                packages: tests.clone(),
            };
            run(&mut controller, what)
        }
        Order::Snapshot(wanted) => snapshot(&mut controller, wanted),
        Order::Rollback { number, force } => rollback(&mut controller, *number, *force),
        Order::Stop => {
            controller.stop(GRACE)?;
            Ok(code::DONE)
        }
    }
}

fn status(controller: &mut Controller) -> Result<u8> {
    let status = controller.status()?;
    let seconds = status.uptime.as_secs();
    print(&format!(
        "{} {}   {}   for {seconds} s   {}",
        status.program, status.version, status.state, status.image
    ));
    for (name, figure) in status.figures {
        print(&format!("{figure:>12}  {name}"));
    }
    Ok(code::DONE)
}

fn rollback(controller: &mut Controller, number: u32, is_forced: bool) -> Result<u8> {
    let back = controller.rollback(number, is_forced)?;
    let counted = |number: u32, one: &str, many: &str| plural(number.into(), one, many);
    print(&format!(
        "back to push #{}: {}, {}, {}",
        back.number,
        counted(back.classes, "class", "classes"),
        counted(back.methods, "method", "methods"),
        counted(back.instances, "instance", "instances"),
    ));
    Ok(code::DONE)
}

fn run(controller: &mut Controller, what: Runnable) -> Result<u8> {
    let (exit_code, text) = controller.run(RunOrder { what, limit: None }, show)?;
    if exit_code == u32::from(code::DONE) {
        print(&text);
    } else {
        eprintln!("{text}");
    }
    Ok(u8::try_from(exit_code).unwrap_or(code::FAILED))
}

/// A test that did not pass is told at once.
fn show(progress: &Progress) {
    if let Progress::Event(Event::TestFinished(finished)) = progress
        && finished.outcome != Outcome::Passed
    {
        let test = &finished.test;
        eprintln!("{}>>{} did not pass", test.class, test.selector);
    }
}

/// Asks a slave for the image of its last run.
///
/// # Errors
/// Where it has run nothing, or cannot write the file.
pub fn snapshot(controller: &mut Controller, wanted: &ImageFile) -> Result<u8> {
    // The daemon has a current folder of its own.
    let path = std::path::absolute(&wanted.output).context("cannot find the current folder")?;
    let is_spur = wanted.format == ImageFormat::Spur;
    let options = [(SPUR_OPTION, is_spur), (HEAP_OPTION, wanted.heap)];
    let options = options.into_iter().filter(|(_, is_wanted)| *is_wanted);
    let options = options.map(|(name, _)| (name.to_string(), String::new()));
    let report = controller.snapshot(SnapshotOrder {
        path: path.display().to_string(),
        options: options.collect(),
    })?;
    for warning in &report.warnings {
        eprintln!("warning: {warning}");
    }
    print(&format!(
        "{}   {}   {}",
        wanted.output.display(),
        byte_size(report.bytes),
        Fingerprint(report.fingerprint).short()
    ));
    Ok(code::DONE)
}
