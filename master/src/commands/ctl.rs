//! `master ctl URL ...`: orders to a running daemon.

use std::time::Duration;

use imprint_slave::ending::code;
use imprint_wire::control::{RunOrder, Runnable};
use imprint_wire::{Controller, WireError};

use crate::command_line::{Ctl, Failure, Order};

/// A daemon that was told to stop may take this long.
const GRACE: Duration = Duration::from_secs(10);

/// Gives an order and shows the answer.
///
/// # Errors
/// Where nobody answers at the address, or the daemon refuses.
#[allow(clippy::print_stdout, reason = "the answer is what the command is for")]
pub fn ctl(ctl: &Ctl) -> Result<u8, Failure> {
    let mut controller = Controller::connect(&ctl.url).map_err(failure)?;
    match &ctl.order {
        Order::Status => {
            let status = controller.status().map_err(failure)?;
            let seconds = status.uptime.as_secs();
            println!(
                "{} {}   {}   for {seconds} s   {}",
                status.program, status.version, status.state, status.image
            );
            for (name, figure) in status.figures {
                println!("{figure:>12}  {name}");
            }
            Ok(code::DONE)
        }
        Order::Run { expression } => {
            let what = Runnable::Expression(expression.clone());
            let order = RunOrder { what, limit: None };
            let (exit_code, text) = controller.run(order, |_| {}).map_err(failure)?;
            println!("{text}");
            Ok(u8::try_from(exit_code).unwrap_or(code::FAILED))
        }
        Order::Stop => {
            controller.stop(GRACE).map_err(failure)?;
            Ok(code::DONE)
        }
    }
}

fn failure(error: WireError) -> Failure {
    let code = match &error {
        WireError::Unreachable { .. } => code::NO_MASTER,
        _ => code::USAGE,
    };
    Failure {
        code,
        error: error.into(),
    }
}
