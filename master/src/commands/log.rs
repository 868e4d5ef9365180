//! `master log show|stats|why`: what a replay log tells.

use std::path::Path;
use std::time::Duration;

use anyhow::anyhow;
use imprint_image::Fingerprint;
use imprint_isa::draft_bytes::decode;
use imprint_report::{Align, Columns, byte_size, count, duration, plural, print};
use imprint_slave::ending::code;
use imprint_trace::Kind;
use imprint_wire::log::{LoggedOutcome, PushRecord};

use crate::command_line::{Failure, Log};
use crate::story::{Step, Story, Thing};

/// Phases shown by `stats`, those that pulled most.
const PHASE_ROWS: usize = 10;

/// Tells what a log holds.
///
/// # Errors
/// Where the file is no log, or nothing in it has the name asked for.
pub fn log(log: &Log) -> Result<u8, Failure> {
    let lines = match log {
        Log::Show { log } => show(&read(log)?),
        Log::Stats { log } => stats(&read(log)?),
        Log::Why { log, name } => why(&read(log)?, name, log)?,
    };
    print(&lines.join("\n"));
    Ok(code::DONE)
}

fn read(path: &Path) -> Result<Story, Failure> {
    let story = Story::read(path).map_err(Failure::from)?;
    if let Some(torn) = &story.torn {
        eprintln!("{}", torn.told_of(path));
    }
    Ok(story)
}

/// A line for each thing that happened.
fn show(story: &Story) -> Vec<String> {
    let mut lines = Vec::new();
    for step in &story.steps {
        match step {
            Step::Session(start) => lines.push(format!(
                "run by version {} with the full image {}",
                start.program_version,
                Fingerprint(start.image_fingerprint).short()
            )),
            Step::Came { phase, things } => {
                lines.push(format!("{phase}   {}", summary(things.iter())));
                lines.extend(things.iter().map(|thing| format!("    {}", row(thing))));
            }
            Step::Test {
                name,
                outcome,
                text,
                micros,
            } => lines.push(format!(
                "{} {name}   {}{}",
                words(*outcome),
                duration(Duration::from_micros(*micros)),
                if text.is_empty() {
                    String::new()
                } else {
                    format!("   {text}")
                }
            )),
            Step::Push(push) => lines.extend(pushed(push)),
            Step::Rollback(number) => lines.push(format!("back to push #{number}")),
            Step::Snapshot { path, entry } => {
                lines.push(format!("wrote {path}, which starts with   {entry}"));
            }
        }
    }
    lines
}

/// A push: what it was and who did it, then what it brought and what was lost by force.
fn pushed(push: &PushRecord) -> Vec<String> {
    let force = if push.is_forced { "   by force" } else { "" };
    let head = format!(
        "push #{}   {}   by {}{force}",
        push.number, push.title, push.origin
    );
    let drafts = push.drafts.iter().filter_map(|bytes| decode(bytes).ok());
    let brought = drafts.map(|draft| format!("    {}", draft));
    let removed = push
        .removed
        .iter()
        .map(|name| format!("    took out {name}"));
    let lost = push.losses.iter().map(|loss| format!("    lost {loss}"));
    let rest = brought.chain(removed).chain(lost);
    std::iter::once(head).chain(rest).collect()
}

/// Totals, and the phases that pulled most.
fn stats(story: &Story) -> Vec<String> {
    let mut lines = vec![format!(
        "came          {}",
        summary(story.things().map(|(_, thing)| thing))
    )];
    let mut ended: Vec<(LoggedOutcome, u64)> = Vec::new();
    let mut micros = 0;
    for step in &story.steps {
        if let Step::Test {
            outcome,
            micros: took,
            ..
        } = step
        {
            micros += took;
            match ended.iter_mut().find(|(known, _)| known == outcome) {
                Some((_, tests)) => *tests += 1,
                None => ended.push((*outcome, 1)),
            }
        }
    }
    let ended: Vec<String> = ended
        .iter()
        .map(|(outcome, tests)| format!("{} {}", count(*tests), words(*outcome)))
        .collect();
    if !ended.is_empty() {
        let took = duration(Duration::from_micros(micros));
        lines.push(format!("tests         {}   {took}", ended.join(", ")));
    }
    lines.push(String::new());
    lines.extend(phases(story).render().lines().map(str::to_string));
    lines
}

fn phases(story: &Story) -> Columns {
    let mut phases: Vec<(&str, u64, u64)> = Vec::new();
    for (phase, thing) in story.things() {
        match phases.iter_mut().find(|(name, ..)| *name == phase) {
            Some((_, things, bytes)) => {
                *things += 1;
                *bytes += thing.bytes;
            }
            None => phases.push((phase, 1, thing.bytes)),
        }
    }
    phases.sort_by_key(|(name, _, bytes)| (std::cmp::Reverse(*bytes), *name));
    let mut table = Columns::new(&[Align::Left, Align::Right, Align::Right]);
    for (name, things, bytes) in phases.into_iter().take(PHASE_ROWS) {
        table.row([
            name.to_string(),
            plural(things, "draft", "drafts"),
            byte_size(bytes),
        ]);
    }
    table
}

/// Since when something is there, and because of what.
fn why(story: &Story, name: &str, path: &Path) -> Result<Vec<String>, Failure> {
    let lines: Vec<String> = story
        .named(name)
        .map(|(phase, thing)| format!("{}   came with {phase}", row(thing)))
        .collect();
    if lines.is_empty() {
        return Err(Failure {
            code: code::FAILED,
            error: anyhow!(
                "nothing named {name} came in the run of {}: nothing reached it; keep it with --keep '{name}'",
                path.display()
            ),
        });
    }
    Ok(lines)
}

fn row(thing: &Thing) -> String {
    format!("{}   {}", thing.title, byte_size(thing.bytes))
}

fn summary<'a>(things: impl Iterator<Item = &'a Thing>) -> String {
    let (mut classes, mut methods, mut objects, mut bytes) = (0, 0, 0, 0);
    for thing in things {
        bytes += thing.bytes;
        match thing.kind {
            Kind::Class => classes += 1,
            Kind::Method => methods += 1,
            Kind::Object => objects += 1,
        }
    }
    [
        plural(classes, "class or class side", "classes and class sides"),
        plural(methods, "method", "methods"),
        plural(objects, "object", "objects"),
        byte_size(bytes),
    ]
    .join("   ")
}

fn words(outcome: LoggedOutcome) -> &'static str {
    match outcome {
        LoggedOutcome::Passed => "passed",
        LoggedOutcome::Failed => "failed",
        LoggedOutcome::Errored => "ended in an error",
        LoggedOutcome::Pruned => "reached something pruned",
        LoggedOutcome::TimedOut => "took too long",
        LoggedOutcome::Skipped => "skipped",
        LoggedOutcome::NeedsCompiler => "needs a compiler",
    }
}
