//! One file a verb.

mod build;
mod ctl;
mod eval;
mod image;
mod keys;
mod log;
mod package;
mod push;
mod replay;
mod run;
mod serve;
pub(crate) mod shrink;
mod test;
mod trace;
mod watch;

use std::time::Duration;

use clap::Parser;
use imprint_slave::ending::{code, ending};
use imprint_slave::interrupts;
use imprint_vm::Outcome;

use crate::command_line::{Command, CommandLine, Failure};

/// Does what the command line says; answers the exit code.
///
/// # Errors
/// Where it could not be done, with the exit code for that.
pub fn run(command_line: CommandLine) -> Result<u8, Failure> {
    command_line.limits.apply();
    command_line.security.apply();
    if comes_to_an_end(&command_line.command) {
        interrupts::heed(GRACE)?;
    }
    let done = obey(command_line.command);
    if done.is_err() && interrupts::is_wished() {
        // What could not be done then is no fault of anybody's.
        eprintln!("master: interrupted");
        return Ok(code::INTERRUPTED);
    }
    done
}

fn obey(command: Command) -> Result<u8, Failure> {
    match command {
        Command::Build(build) => build::build(&build),
        Command::Run(run) => run::run(&run),
        Command::Eval(eval) => eval::eval(&eval),
        Command::Test(test) => test::test(&test),
        Command::Serve(serve) => serve::serve(&serve),
        Command::Shrink(shrink) => shrink::shrink(&shrink),
        Command::Keys(keys) => keys::keys(&keys),
        Command::Ctl(ctl) => ctl::ctl(&ctl),
        Command::Image(image) => image::image(&image),
        Command::Replay(replay) => replay::replay(&replay),
        Command::Trace(trace) => trace::trace(&trace),
        Command::Log(log) => log::log(&log),
        Command::Package(package) => package::package(&package),
        Command::PackageKey(key) => package::package_key(&key),
        Command::Push(push) => push::push(&push),
        Command::Diff(diff) => push::diff(&diff),
        Command::Watch(watch) => watch::watch(&watch),
        Command::Slave { rest } => Ok(be_slave(rest)),
    }
}

/// A slave that was started gets its own time to end, and then the table is still to be printed.
const GRACE: Duration = Duration::from_secs(5);

/// Whether a command runs images, and comes to an end by itself.
fn comes_to_an_end(command: &Command) -> bool {
    match command {
        Command::Build(_) | Command::Eval(_) | Command::Test(_) | Command::Shrink(_) => true,
        Command::Package(_) => true,
        Command::Trace(trace) => trace.question.is_none() && trace.run.serve.is_none(),
        _ => false,
    }
}

/// Does what the binary `slave` would.
fn be_slave(rest: Vec<String>) -> u8 {
    let arguments = std::iter::once("slave".to_string()).chain(rest);
    imprint_slave::commands::run(imprint_slave::command_line::CommandLine::parse_from(
        arguments,
    ))
}

/// Says how a run ended, where the image has not said it, and answers the exit code.
fn finish(outcome: &Outcome) -> u8 {
    let (code, sentence) = ending(outcome);
    if let Some(sentence) = sentence {
        eprintln!("master: {sentence}");
    }
    code
}
