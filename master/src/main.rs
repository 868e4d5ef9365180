//! The master: builds full images of Smalltalk sources, runs, tests and serves them, and shrinks
//! them by running their tests in a slave.
//!
//! Reading order: [`command_line`], `commands` (one file a verb), [`project`], [`full_image`],
//! [`cache`], [`outside`], [`keeping`], [`keys`], [`withholding`], [`margins`], [`testing`], [`serving`], [`workload`],
//! [`tracing_run`], [`traces`], [`by_trace`], [`pushing`] (code for running images), [`library`] and
//! [`companions`] (what comes along with it), [`method_diff`].

mod by_trace;
mod cache;
mod command_line;
mod commands;
mod companions;
mod full_image;
mod image_sources;
mod keeping;
mod keys;
mod library;
mod margins;
mod method_diff;
mod outside;
mod project;
mod pushing;
mod scratch;
mod serving;
mod story;
mod testing;
mod traces;
mod tracing_run;
mod withholding;
mod workload;

use std::process::ExitCode;

use clap::Parser;

use crate::command_line::{CommandLine, Failure};

fn main() -> ExitCode {
    let command_line = CommandLine::parse();
    ExitCode::from(imprint_slave::crash::exit_code_of(|| {
        match commands::run(command_line) {
            Ok(code) => code,
            Err(Failure { code, error }) => {
                eprintln!("master: {}", imprint_slave::ending::sentence_of(&error));
                code
            }
        }
    }))
}
