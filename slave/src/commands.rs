//! The verbs of a slave.

use std::path::Path;

use anyhow::{Context, Result};
use imprint_heap::HeapSettings;
use imprint_image::open_image;
use imprint_model::ClassIndex;
use imprint_report::{Audience, Screen};
use imprint_vm::install::Names;
use imprint_vm::{CommandLine as VmCommandLine, Event, Outcome, OutsideError, RunLimits, Vm};
use imprint_wire::WireError;

use crate::command_line::{Command, CommandLine, Run};
use crate::ending::{code, ending, sentence_of};
use crate::machine::local_machine;
use crate::shrinking::{evaluate, shrink, write_report};

/// Does what the command line says and answers the exit code.
pub fn run(command_line: CommandLine) -> u8 {
    let Command::Run(run) = command_line.command;
    let done = match (&run.image, &run.master) {
        (Some(image), _) => run_image(image),
        (None, Some(master)) => run_with_master(&run, master.clone()),
        (None, None) => Ok(code::USAGE),
    };
    done.unwrap_or_else(|error| {
        eprintln!("slave: {}", sentence_of(&error));
        code_of(&error)
    })
}

fn code_of(error: &anyhow::Error) -> u8 {
    let is_image =
        |cause: &(dyn std::error::Error + 'static)| cause.is::<imprint_image::ImageError>();
    if error.chain().any(is_image) {
        return code::BAD_IMAGE;
    }
    if let Some(OutsideError::Lost(_)) = error.downcast_ref::<OutsideError>() {
        return code::NO_MASTER;
    }
    match error.downcast_ref::<WireError>() {
        Some(WireError::Address(_) | WireError::NotLocal(_)) | None => code::USAGE,
        Some(_) => code::NO_MASTER,
    }
}

#[allow(
    clippy::print_stdout,
    reason = "the value of an expression is what was asked for"
)]
fn run_with_master(run: &Run, master: String) -> Result<u8> {
    let orders = run.orders(master);
    if let (Some(expression), None) = (&run.eval, &run.snapshot) {
        let (code, text) = evaluate(&orders, expression)?;
        match (code, text) {
            (code::DONE, Some(text)) => println!("{text}"),
            (_, Some(sentence)) => eprintln!("slave: {sentence}"),
            _ => {}
        }
        return Ok(code);
    }
    let (report, code) = shrink(&orders)?;
    match &orders.report {
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
fn run_image(path: &Path) -> Result<u8> {
    let opened = open_image(path, HeapSettings::default())?;
    let names = Names::scan(&opened.heap);
    let command_line = VmCommandLine {
        image_path: path.display().to_string(),
        ..VmCommandLine::default()
    };
    let (mut vm, waker) =
        local_machine(opened.heap, names, command_line).context("cannot start a machine")?;
    let waker = waker.quiet();
    end_on_signals(move || {
        // A full queue means that the machine is about to look anyway.
        let _ = waker.push(Event::Terminate);
    })?;
    let active = vm.active_process_or_nil();
    let mut outcome = vm.run_until(active, RunLimits::default());
    if let Some(text) = answer_text(&vm, &outcome) {
        print_answer(&text);
    }
    if matches!(outcome, Outcome::Returned(_)) {
        // Servers go on; where nothing can ever happen again, the image is done.
        outcome = match vm.run(RunLimits::default()) {
            Outcome::Deadlock => outcome,
            other => other,
        };
    }
    let (code, sentence) = ending(&outcome);
    if let Some(sentence) = sentence {
        eprintln!("slave: {sentence}");
    }
    Ok(code)
}

/// What an image that was made of one expression answers: a number or a string is shown.
fn answer_text(vm: &Vm, outcome: &Outcome) -> Option<String> {
    let Outcome::Returned(value) = outcome else {
        return None;
    };
    if let Some(number) = value.as_small_integer() {
        return Some(number.to_string());
    }
    match vm.heap.class_index_of(*value) {
        ClassIndex::LARGE_POSITIVE => return Some(decimal(vm.heap.bytes(*value))),
        ClassIndex::LARGE_NEGATIVE => return Some(format!("-{}", decimal(vm.heap.bytes(*value)))),
        _ => {}
    }
    vm.heap.string_text(*value)
}

/// The decimal digits of a large integer, whose bytes come lowest first. Its image may be too slim
/// to print it.
fn decimal(bytes: &[u8]) -> String {
    let mut digits = vec![0_u16];
    for byte in bytes.iter().rev() {
        let mut carry = u16::from(*byte);
        for digit in &mut digits {
            let sum = *digit * 256 + carry;
            *digit = sum % 10;
            carry = sum / 10;
        }
        while carry > 0 {
            digits.push(carry % 10);
            carry /= 10;
        }
    }
    digits.iter().rev().map(u16::to_string).collect()
}

#[allow(
    clippy::print_stdout,
    reason = "the value of an expression is what was asked for"
)]
fn print_answer(text: &str) {
    println!("{text}");
}

/// Calls `end` when the process is asked to end.
fn end_on_signals(end: impl Fn() + Send + 'static) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut signals = {
        let _within = runtime.enter();
        imprint_daemon::Signals::listen().context("cannot listen for signals")?
    };
    std::thread::spawn(move || {
        runtime.block_on(signals.wished());
        end();
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::decimal;

    #[test]
    fn large_integers_are_shown_in_decimal() {
        let rows: [(&[u8], &str); 4] = [
            (&[0], "0"),
            (&[255, 0], "255"),
            (&[0, 0, 0, 0, 1], "4294967296"),
            (&[255; 8], "18446744073709551615"),
        ];
        for (bytes, expected) in rows {
            assert_eq!(decimal(bytes), expected);
        }
    }
}
