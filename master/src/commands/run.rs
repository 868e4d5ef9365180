//! `master run IMAGE [script.st | -s script.st | eval EXPR | test PACKAGE...]`.

use std::cell::RefCell;
use std::fs;
use std::rc::Rc;

use anyhow::{Context, anyhow};
use imprint_image::Fingerprint;
use imprint_slave::commands::end_on_signals;
use imprint_slave::ending::code;
use imprint_slave::live::{Pushes, begin_log, serve_beside, take_heed};
use imprint_slave::security::trusted_keys;
use imprint_vm::{CommandLine, Event, RunLimits};

use super::finish;
use crate::command_line::{Failure, Run};
use crate::full_image::LiveImage;
use crate::image_sources::FullImageGiver;

/// Options of other virtual machines that need nothing done here: there is no display and no sound.
const HEADLESS: [&str; 8] = [
    "--headless",
    "-headless",
    "--nodisplay",
    "-nodisplay",
    "--nosound",
    "-nosound",
    "--no-quit",
    "--interactive",
];
/// Beginnings of such options.
const DRIVERS: [&str; 2] = ["-vm-display-", "-vm-sound-"];

/// Runs an image.
///
/// # Errors
/// Where the image or the script cannot be read.
pub fn run(run: &Run) -> Result<u8, Failure> {
    let rest: Vec<&str> = run
        .rest
        .iter()
        .map(String::as_str)
        .filter(|argument| !is_for_other_machines(argument))
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
    if let Some(listen) = &run.listen {
        return run_live(&mut image, run, listen, &rest);
    }
    match rest.as_slice() {
        [] => Ok(image.see_through(|_, outcome| outcome)),
        ["eval", words @ ..] if !words.is_empty() => {
            super::eval::print_value(&mut image, &words.join(" "))
        }
        ["test", packages @ ..] if !packages.is_empty() => {
            super::test::test_image(&mut image, packages)
        }
        ["-s", script, ..] | [script, ..] if script.ends_with(".st") => {
            run_script(&mut image, script)
        }
        // What else begins like an option is for the image's own command line.
        [option, ..] if option.starts_with("--") => Ok(image.see_through(|_, outcome| outcome)),
        _ => Err(Failure {
            code: code::USAGE,
            error: anyhow!(
                "cannot make sense of '{}'; use SCRIPT.st, -s SCRIPT.st, eval EXPR or test PACKAGE...",
                rest.join(" ")
            ),
        }),
    }
}

/// Runs an image that takes other code, until it quits or is asked to end; an expression is evaluated first.
fn run_live(image: &mut LiveImage, run: &Run, listen: &str, rest: &[&str]) -> Result<u8, Failure> {
    // What was said wrong is told before anything is written.
    trusted_keys()?;
    let path = run.image.display().to_string();
    let book = image.book.clone();
    let bytes = fs::read(&run.image).context("cannot read the image")?;
    let log = run.image.with_extension("pushes");
    let log = begin_log(&log, Fingerprint::of(&bytes).0);
    let log = log.context("cannot write the log of pushes")?;
    let pushes = Pushes::new(Box::new(move |method| {
        let mut book = book.borrow_mut();
        book.add(&method.draft, &method.stamp, &method.source)
    }));
    let pushes = pushes.logged_in(log);
    let give = Box::new(FullImageGiver {
        book: image.book.clone(),
    });
    let waker = image.reactor.waker();
    let ended = waker.clone().quiet();
    let (live, served) = serve_beside("master", &path, listen, waker, pushes, give)?;
    let live = Rc::new(RefCell::new(live));
    take_heed(&mut image.vm, live.clone());
    end_on_signals(move || {
        // A full queue means that the machine is about to look anyway.
        let _ = ended.push(Event::Terminate);
    })?;
    eprintln!("{path} runs, taking code on {}", served.address);
    match rest {
        [] => {}
        ["eval", words @ ..] if !words.is_empty() => {
            // Whoever asks the image to end while the expression runs does not want it to go on behind that.
            match image.print(&words.join(" "))? {
                Ok(text) => imprint_report::print(&text),
                Err(outcome) => return Ok(finish(&outcome)),
            }
        }
        _ => {
            return Err(Failure {
                code: code::USAGE,
                error: anyhow!("with --listen say nothing more, or eval EXPR"),
            });
        }
    }
    Ok(image.see_through(|vm, outcome| live.borrow_mut().go_on(vm, outcome)))
}

fn is_for_other_machines(argument: &str) -> bool {
    HEADLESS.contains(&argument) || DRIVERS.iter().any(|driver| argument.starts_with(driver))
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
