//! `master watch FOLDER --to URL`: what is saved is in the running image a moment later.

use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use imprint_host::clock_text::{now_micros, time_of_day};
use imprint_report::{duration, plural, print};
use imprint_slave::ending::code;
use imprint_slave::security::credentials;
use imprint_wire::Controller;
use imprint_wire::live::{Push, PushReport};
use notify::{Event, RecursiveMode, Watcher, recommended_watcher};

use super::push::failed;
use crate::command_line::{Failure, Watch};
use crate::pushing::{SourceState, conflict_lines, lines};

/// Editors write a file in several steps; so long after the last one it is read.
const QUIET: Duration = Duration::from_millis(4);

/// Watches a project's folder until it is stopped, or the image is gone.
///
/// # Errors
/// Sources that cannot be read at first, a folder that cannot be watched, nobody at the address.
pub fn watch(watch: &Watch) -> Result<u8, Failure> {
    let state = SourceState::read(&watch.sources)?;
    let (sender, events) = channel();
    let mut watcher = recommended_watcher(move |event| {
        // Nobody listens any more once the command has ended.
        let _ = sender.send(event);
    })
    .context("cannot watch files on this system")?;
    watcher
        .watch(&watch.sources, RecursiveMode::Recursive)
        .with_context(|| format!("cannot watch {}", watch.sources.display()))?;
    let mut controller = Controller::connect(&watch.to, &credentials()?).map_err(failed)?;
    let status = controller.status().map_err(failed)?;
    let packages = plural(state.own_packages().len() as u64, "package", "packages");
    print(&format!(
        "watching {} ({packages}); the {} runs {}",
        watch.sources.display(),
        status.program,
        status.image
    ));
    let mut watching = Watching {
        watch,
        controller,
        state,
    };
    while let Some(since) = next_change(&events) {
        watching.look(since)?;
    }
    Ok(code::DONE)
}

/// Waits until some file has changed and others have had time to; answers when the first did.
fn next_change(events: &Receiver<notify::Result<Event>>) -> Option<Instant> {
    let is_change = |event: &notify::Result<Event>| match event {
        Ok(event) => !event.kind.is_access(),
        // What was missed is seen when everything is read anew.
        Err(_) => true,
    };
    loop {
        let event = events.recv().ok()?;
        if is_change(&event) {
            let since = Instant::now();
            while events.recv_timeout(QUIET).is_ok() {}
            return Some(since);
        }
    }
}

/// A project that is watched, as the image has it.
struct Watching<'a> {
    watch: &'a Watch,
    controller: Controller,
    state: SourceState,
}

impl Watching<'_> {
    /// Pushes what changed since the last time that all was well. Faults of the sources are shown, and
    /// nothing is pushed.
    fn look(&mut self, since: Instant) -> Result<(), Failure> {
        let read = read_with_changes(&self.watch.sources, &self.state, self.watch.force);
        match read {
            Ok((_, None)) => Ok(()),
            Ok((state, Some(push))) => self.push(state, push, since),
            Err(fault) => {
                tell(&[format!("{fault:#}")]);
                Ok(())
            }
        }
    }

    fn push(&mut self, state: SourceState, push: Push, since: Instant) -> Result<(), Failure> {
        let report = match self.controller.push(push.clone()) {
            Ok(report) => report,
            Err(imprint_wire::WireError::Refused(reason)) => {
                tell(&[format!("{}   refused: {reason}", push.title)]);
                return Ok(());
            }
            Err(error) => return Err(failed(error)),
        };
        match report {
            PushReport::Pushed(done) => {
                self.state = state;
                if done.number > 0 {
                    let mut told = lines(&push, &done);
                    let whole = duration(since.elapsed());
                    if let Some(first) = told.first_mut() {
                        first.push_str(&format!("   {whole} after it was saved"));
                    }
                    tell(&told);
                }
            }
            PushReport::Conflicts(found) => tell(&conflict_lines(&found, &self.watch.to)),
            PushReport::Missing(names) => tell(&[format!(
                "{}   refused: the image has not {}",
                push.title,
                names.join(", ")
            )]),
        }
        Ok(())
    }
}

/// Reads everything anew; answers also what is to be pushed, where something is.
fn read_with_changes(
    folder: &Path,
    known: &SourceState,
    is_forced: bool,
) -> Result<(SourceState, Option<Push>)> {
    let state = SourceState::read(folder)?;
    let difference = state.changes_since(known)?;
    for class in &difference.removed_classes {
        tell(&[format!(
            "{class}   is gone from the sources; it stays in the image"
        )]);
    }
    if difference.is_without_code() {
        return Ok((state, None));
    }
    let title = difference.title();
    let mut push = state.push(&difference, title, Some(known))?;
    push.is_forced = is_forced;
    Ok((state, Some(push)))
}

/// Lines with the time of day before the first.
fn tell(lines: &[String]) {
    let time = time_of_day(now_micros());
    let text = lines.join("\n");
    let mut lines = text.lines();
    let first = lines.next().unwrap_or_default();
    print(&format!("{time}  {first}"));
    for line in lines {
        print(&format!("          {line}"));
    }
}
