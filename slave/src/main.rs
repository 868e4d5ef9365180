//! The slave, as a small binary of its own.

use std::process::ExitCode;

use clap::Parser;
use imprint_slave::command_line::CommandLine;

fn main() -> ExitCode {
    ExitCode::from(imprint_slave::crash::exit_code_of(|| {
        imprint_slave::commands::run(CommandLine::parse())
    }))
}
