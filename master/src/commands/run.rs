//! `master run IMAGE [script.st | -s script.st | eval EXPR | test PACKAGE...]`.

use std::fs;

use anyhow::{Context, anyhow};
use imprint_slave::ending::code;
use imprint_vm::{CommandLine, RunLimits};

use super::finish;
use crate::command_line::{Failure, Run};
use crate::full_image::LiveImage;

/// Options of other virtual machines that need nothing done here.
const HEADLESS: [&str; 5] = [
    "--headless",
    "-headless",
    "-vm-display-null",
    "-vm-sound-null",
    "--no-quit",
];

/// Runs an image.
///
/// # Errors
/// Where the image or the script cannot be read.
pub fn run(run: &Run) -> Result<u8, Failure> {
    let rest: Vec<&str> = run
        .rest
        .iter()
        .map(String::as_str)
        .filter(|argument| !HEADLESS.contains(argument))
        .collect();
    let command_line = CommandLine {
        vm_path: std::env::current_exe()
            .map(|path| path.display().to_string())
            .unwrap_or_default(),
        image_path: run.image.display().to_string(),
        vm_options: vec!["--headless".to_string()],
        arguments: run.rest.clone(),
    };
    let mut image = LiveImage::open(&run.image, command_line)?;
    match rest.as_slice() {
        [] => Ok(finish(&image.vm.run(RunLimits::default()))),
        ["eval", words @ ..] if !words.is_empty() => {
            super::eval::print_value(&mut image, &words.join(" "))
        }
        ["test", packages @ ..] if !packages.is_empty() => {
            super::test::test_image(&mut image, packages)
        }
        ["-s", script, ..] | [script, ..] if script.ends_with(".st") => {
            run_script(&mut image, script)
        }
        _ => Err(Failure {
            code: code::USAGE,
            error: anyhow!(
                "cannot make sense of '{}'; use SCRIPT.st, -s SCRIPT.st, eval EXPR or test PACKAGE...",
                rest.join(" ")
            ),
        }),
    }
}

fn run_script(image: &mut LiveImage, path: &str) -> Result<u8, Failure> {
    let text =
        fs::read_to_string(path).with_context(|| format!("cannot read the script {path}"))?;
    let chunks = text
        .split('!')
        .map(str::trim)
        .filter(|chunk| !chunk.is_empty());
    for chunk in chunks {
        let outcome = image.evaluate(chunk, RunLimits::default())?;
        let code = finish(&outcome);
        if !matches!(outcome, imprint_vm::Outcome::Returned(_)) {
            return Ok(code);
        }
    }
    Ok(code::DONE)
}
