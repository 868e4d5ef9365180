//! `slave run IMAGE --master URL`: a slim image that has a master pulls what it lost.
//!
//! The image is the seed of its own run: its entry expression begins anew in a machine that is empty, what
//! the image has as the master has it needs no round trip, and what was pruned comes like anything that is
//! missed. So an object is never there twice, once from the file and once from the master. It takes other code
//! as an image alone does (`--listen`): what the code names and has not come is pulled first.

use std::path::Path;

use anyhow::{Result, anyhow};
use imprint_vm::{CommandLine, RunLimits, Vm};

use crate::command_line::Run;
use crate::commands::{see_through, take_orders, terminate_on_signals};
use crate::exercise::Orders;
use crate::remote::Line;
use crate::seed::SeedChoice;
use crate::session::Session;

/// Runs an image until it quits or is asked to end; answers the exit code.
///
/// # Errors
/// Where the image cannot be read or was not saved at its entry expression, or the master is not there.
pub fn run_supplied(image: &Path, run: &Run, orders: &Orders) -> Result<u8> {
    let seed = SeedChoice::Image(image.to_path_buf());
    let entry = seed.open()?.and_then(|seed| seed.entry());
    let entry = entry.ok_or_else(|| {
        anyhow!(
            "{} was saved in the middle of a run, not at an entry expression; run it alone, or say \
             --seed {} and --eval EXPR",
            image.display(),
            image.display()
        )
    })?;
    let terms = crate::handshake::Terms {
        seed,
        ..orders.terms()
    };
    let mut line = Line::connect(&terms)?;
    line.limit_bytes = orders.pull_limit;
    for warning in &line.warnings {
        eprintln!("warning: {warning}");
    }
    let command_line = CommandLine {
        image_path: image.display().to_string(),
        ..CommandLine::default()
    };
    let mut session = Session::open(line, command_line)?;
    let mut live = match &run.listen {
        Some(listen) => Some(take_orders(image, run, listen, session.waker())?),
        None => None,
    };
    if let Some((live, _)) = &live {
        session.line.borrow_mut().pushed = live.texts();
    }
    terminate_on_signals(session.waker())?;
    let outcome = session.run(&entry, RunLimits::default())?;
    let mut machine = session.into_machine();
    let go_on = |vm: &mut Vm, outcome| match &mut live {
        Some((live, _)) => live.go_on(vm, outcome),
        None => outcome,
    };
    Ok(see_through("slave", &mut machine, outcome, go_on))
}
