//! Runs the benchmark suite and prints a table, with other virtual machines beside it.
//!
//! `cargo run --release -p imprint-integration-tests --bin bench -- Richards sends
//! --peer lua='cd are-we-fast-yet/benchmarks/Lua && lua5.4 harness.lua'`

#![allow(clippy::print_stdout, reason = "its output is what it is for")]

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use imprint_integration_tests::bench::clock::Clock;
use imprint_integration_tests::bench::facts::{FACTS, Fact};
use imprint_integration_tests::bench::machine::{Failed, Machine};
use imprint_integration_tests::bench::measure::{Effort, Measured, measure};
use imprint_integration_tests::bench::peer::Peer;
use imprint_integration_tests::bench::suite::{Row, SUITE};
use imprint_integration_tests::bench::table;
use imprint_integration_tests::bench::{SERVER_VARIABLE, serve_echo};

/// The benchmark suite.
#[derive(Parser, Debug)]
struct CommandLine {
    /// The rows to run, programs and facts; all where none is named
    names: Vec<String>,
    /// Another virtual machine: NAME='command', followed by benchmark, iterations and inner
    /// iterations, or with {benchmark}, {iterations} and {inner} in it
    #[arg(long = "peer")]
    peers: Vec<Peer>,
    /// Turns in which this machine and each peer run
    #[arg(long, default_value_t = 5)]
    rounds: u64,
    /// Iterations of each turn
    #[arg(long, default_value_t = 2)]
    iterations: u64,
    /// What is counted: the time that passes, or (where other work runs on this computer) the time on
    /// a processor
    #[arg(long, value_enum, default_value_t)]
    clock: Clock,
    /// Writes the table into this file as well, as tab-separated values
    #[arg(long)]
    tsv: Option<PathBuf>,
}

fn main() -> ExitCode {
    if let Some(socket) = std::env::var_os(SERVER_VARIABLE) {
        // The other end of an echo that is measured.
        return match serve_echo(Path::new(&socket)) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        };
    }
    match run(&CommandLine::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: &CommandLine) -> Result<(), Failed> {
    let (facts, rows) = named(&command.names)?;
    let effort = Effort {
        rounds: command.rounds.max(1),
        iterations: command.iterations.max(1),
        clock: command.clock,
    };
    let mut lines = vec![table::head(&command.peers)];
    println!("{}", table::line(&lines[0]));
    for fact in facts {
        for figure in (fact.measure)()? {
            let cells = table::fact_cells(&figure, &command.peers);
            println!("{}", table::line(&cells));
            lines.push(cells);
        }
    }
    let mut machine = Machine::new()?;
    let mut all = Vec::new();
    for row in rows {
        let measured = measure(&mut machine, row, &command.peers, effort)?;
        let cells = table::cells(&measured);
        println!("{}", table::line(&cells));
        lines.push(cells);
        all.push(measured);
    }
    sum_up(&all, &command.peers);
    if let Some(path) = &command.tsv {
        let text: String = lines.iter().map(|cells| cells.join("\t") + "\n").collect();
        std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(())
}

fn sum_up(all: &[Measured], peers: &[Peer]) {
    for (index, peer) in peers.iter().enumerate() {
        if let Some(sentence) = table::summary(all, index, peer) {
            println!("{sentence}");
        }
    }
}

/// The facts and rows of these names; all where there are none.
fn named(names: &[String]) -> Result<(Vec<Fact>, Vec<Row>), Failed> {
    if names.is_empty() {
        return Ok((FACTS.to_vec(), SUITE.to_vec()));
    }
    let (mut facts, mut rows) = (Vec::new(), Vec::new());
    for name in names {
        let is_named = |known: &str| known.eq_ignore_ascii_case(name);
        let fact = FACTS.iter().find(|fact| is_named(fact.name));
        let row = SUITE.iter().find(|row| is_named(row.name));
        if fact.is_none() && row.is_none() {
            let known: Vec<&str> = (FACTS.iter().map(|fact| fact.name))
                .chain(SUITE.iter().map(|row| row.name))
                .collect();
            let known = known.join(", ");
            return Err(format!("there is no benchmark {name}; there are {known}").into());
        }
        facts.extend(fact);
        rows.extend(row);
    }
    Ok((facts, rows))
}
