//! `master watch FOLDER --to URL`: what is saved is in the running image a moment later.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use imprint_bootstrap::Difference;
use imprint_host::clock_text::{now_micros, time_of_day};
use imprint_isa::Name;
use imprint_report::{duration, plural, print};
use imprint_slave::ending::code;
use imprint_slave::security::credentials;
use imprint_wire::live::{Inventory, Push, PushReport, Want, Wanted};
use imprint_wire::{Controller, WireError};
use notify::{Event, RecursiveMode, Watcher, recommended_watcher};

use super::push::failed;
use crate::command_line::{Failure, Watch};
use crate::companions::{Companions, Reach, complete, what_to_do_about};
use crate::library::SourceLibrary;
use crate::pushing::{SourceState, conflict_lines, lines};

/// Editors write a file in several steps; so long after the last one it is read.
const QUIET: Duration = Duration::from_millis(4);

/// Watches a project's folder until it is stopped, or the image is gone; and supplies what the image
/// reaches though it lost it.
///
/// # Errors
/// Sources that cannot be read at first, a folder that cannot be watched, nobody at the address.
pub fn watch(watch: &Watch) -> Result<u8, Failure> {
    let state = SourceState::read(&watch.sources)?;
    let (sender, events) = channel();
    let of_files = sender.clone();
    let mut watcher = recommended_watcher(move |event| {
        // Nobody listens any more once the command has ended.
        let _ = of_files.send(Happening::File(event));
    })
    .context("cannot watch files on this system")?;
    watcher
        .watch(&watch.sources, RecursiveMode::Recursive)
        .with_context(|| format!("cannot watch {}", watch.sources.display()))?;
    let mut controller = Controller::connect(&watch.to, &credentials()?).map_err(failed)?;
    let status = controller.status().map_err(failed)?;
    if !watch.alone {
        listen(&watch.to, sender)?;
    }
    let packages = plural(state.own_packages().len() as u64, "package", "packages");
    print(&format!(
        "watching {} ({packages}); the {} runs {}",
        watch.sources.display(),
        status.program,
        status.image
    ));
    let watching = Watching {
        watch,
        controller,
        state,
    };
    watching.go_on(&events)
}

/// What a watch waits for.
enum Happening {
    /// Something about a file.
    File(notify::Result<Event>),
    /// The image reached what it has lost.
    Want(Want),
    /// The image is gone.
    Gone(WireError),
}

/// Hears on a thread of its own what the image wants.
fn listen(url: &str, sender: Sender<Happening>) -> Result<(), Failure> {
    let mut controller = Controller::connect(url, &credentials()?).map_err(failed)?;
    let (opened, is_open) = channel();
    thread::spawn(move || {
        let on_open = || {
            // Whoever began this waits for it.
            let _ = opened.send(());
        };
        let heard = controller.wants(on_open, |want| sender.send(Happening::Want(want)).is_ok());
        if let Err(error) = heard {
            let _ = sender.send(Happening::Gone(error));
        }
    });
    // An error is told as what happens first.
    let _ = is_open.recv();
    Ok(())
}

fn is_change(event: &notify::Result<Event>) -> bool {
    match event {
        Ok(event) => !event.kind.is_access(),
        // What was missed is seen when everything is read anew.
        Err(_) => true,
    }
}

/// Waits until files have been quiet for a moment; answers what else happened meanwhile.
fn settle(events: &Receiver<Happening>) -> Vec<Happening> {
    let mut others = Vec::new();
    while let Ok(happening) = events.recv_timeout(QUIET) {
        if !matches!(happening, Happening::File(_)) {
            others.push(happening);
        }
    }
    others
}

/// A project that is watched, as the image has it.
struct Watching<'a> {
    watch: &'a Watch,
    controller: Controller,
    state: SourceState,
}

impl Watching<'_> {
    fn go_on(mut self, events: &Receiver<Happening>) -> Result<u8, Failure> {
        let mut waiting = VecDeque::new();
        loop {
            let next = waiting.pop_front().map_or_else(|| events.recv(), Ok);
            match next {
                Ok(Happening::File(event)) if is_change(&event) => {
                    let since = Instant::now();
                    waiting.extend(settle(events));
                    self.look(since)?;
                }
                Ok(Happening::File(_)) => {}
                Ok(Happening::Want(want)) => self.supply(want)?,
                Ok(Happening::Gone(why)) => return Err(self.gone(&why)),
                Err(_) => return Ok(code::DONE),
            }
        }
    }

    fn gone(&self, why: &WireError) -> Failure {
        Failure {
            code: code::NO_MASTER,
            error: anyhow!("the image at {} is gone: {why}", self.watch.to),
        }
    }

    /// Pushes what the image stands still for, or says why it cannot.
    fn supply(&mut self, want: Want) -> Result<(), Failure> {
        let object = self.object_in(&want.what);
        let supply = match object {
            Some(_) => Ok(Default::default()),
            None => self.supply_of(&want),
        };
        let (mut push, companions) = match supply {
            Ok(supply) => supply,
            Err(fault) => {
                tell(&[format!("{}   {fault:#}", want.what)]);
                Default::default()
            }
        };
        push.supplies = want.number;
        let report = match self.controller.push(push.clone()) {
            Err(WireError::Refused(reason)) => {
                tell(&[format!("{}   refused: {reason}", want.what)]);
                return Ok(());
            }
            other => other.map_err(failed)?,
        };
        match report {
            PushReport::Pushed(done) if done.number > 0 => {
                let mut told = lines(&push, &companions, &done);
                if let Some(first) = told.first_mut() {
                    *first = format!("{}   was reached; {first}", want.what);
                }
                told.extend(companions.lines());
                tell(&told);
            }
            PushReport::Pushed(_) => {
                let is_nothing = push.classes.is_empty() && push.methods.is_empty();
                let what = match object {
                    Some(name) => format!("; it is an object{}", what_to_do_about(&name)),
                    None if is_nothing => ", and is not here either".to_string(),
                    None => ", and has come meanwhile".to_string(),
                };
                tell(&[format!("{}   was reached{what}", want.what)]);
            }
            other => self.tell_hindrance(&push, other),
        }
        Ok(())
    }

    /// The name of what is wanted where that is an object: a global that the sources define no class for is one.
    fn object_in(&self, wanted: &Wanted) -> Option<Name> {
        match wanted {
            Wanted::Object(name) => Some(name.clone()),
            Wanted::Class(name) => {
                let outline = self.state.outline();
                let mut classes = outline.classes.iter();
                let is_class = classes.any(|class| *class.name == **name);
                (!is_class).then(|| name.clone())
            }
            Wanted::Method(_) => None,
        }
    }

    fn supply_of(&mut self, want: &Want) -> Result<(Push, Companions)> {
        let wanted = Companions::wanted(&want.what);
        let mut library = SourceLibrary {
            state: &self.state,
            difference: self.state.joined(&Difference::default(), &wanted)?,
            title: want.what.to_string(),
            base: None,
        };
        let controller = &mut self.controller;
        let mut lacks = |inventory: &Inventory| Ok(controller.lacks(inventory)?);
        complete(&mut library, &mut lacks, Reach::Names)
    }

    /// What a change needs of what the image has lost is told, and comes along.
    fn completed(&mut self, state: &SourceState, changed: Changed) -> Result<(Push, Companions)> {
        let mut library = SourceLibrary {
            state,
            difference: changed.difference,
            title: changed.title,
            base: Some(&self.state),
        };
        let controller = &mut self.controller;
        let mut lacks = |inventory: &Inventory| Ok(controller.lacks(inventory)?);
        let reach = Reach::of(self.watch.alone);
        let (mut push, companions) = complete(&mut library, &mut lacks, reach)?;
        let told = companions.lines();
        if !told.is_empty() {
            tell(&told);
        }
        push.is_forced = self.watch.force;
        Ok((push, companions))
    }

    /// Pushes what changed since the last time that all was well. Faults of the sources are shown, and
    /// nothing is pushed.
    fn look(&mut self, since: Instant) -> Result<(), Failure> {
        let read = read_with_changes(&self.watch.sources, &self.state);
        let made = read.and_then(|(state, changed)| {
            let push = changed.map(|changed| self.completed(&state, changed));
            Ok((state, push.transpose()?))
        });
        match made {
            Ok((state, None)) => {
                // What was told once is not told again.
                self.state = state;
                Ok(())
            }
            Ok((state, Some(made))) => self.push(state, made, since),
            Err(fault) => match fault.downcast::<WireError>() {
                Ok(error) => Err(failed(error)),
                Err(fault) => {
                    tell(&[format!("{fault:#}")]);
                    Ok(())
                }
            },
        }
    }

    fn push(
        &mut self,
        state: SourceState,
        (push, companions): (Push, Companions),
        since: Instant,
    ) -> Result<(), Failure> {
        let report = match self.controller.push(push.clone()) {
            Ok(report) => report,
            Err(WireError::Refused(reason)) => {
                tell(&[format!("{}   refused: {reason}", push.title)]);
                return Ok(());
            }
            Err(error) => return Err(failed(error)),
        };
        match report {
            PushReport::Pushed(done) => {
                self.state = state;
                if done.number > 0 {
                    let mut told = lines(&push, &companions, &done);
                    let whole = duration(since.elapsed());
                    if let Some(first) = told.first_mut() {
                        first.push_str(&format!("   {whole} after it was saved"));
                    }
                    tell(&told);
                }
            }
            other => self.tell_hindrance(&push, other),
        }
        Ok(())
    }

    /// Why nothing was changed.
    fn tell_hindrance(&self, push: &Push, report: PushReport) {
        match report {
            PushReport::Pushed(_) => {}
            PushReport::Conflicts(found) => tell(&conflict_lines(&found, &self.watch.to)),
            PushReport::Missing(names) => tell(&[format!(
                "{}   refused: the image has not {}",
                push.title,
                names.join(", ")
            )]),
        }
    }
}

/// What is otherwise in the sources than in the image.
struct Changed {
    difference: Difference,
    title: String,
}

/// Reads everything anew; answers also what is to be pushed, where something is.
fn read_with_changes(folder: &Path, known: &SourceState) -> Result<(SourceState, Option<Changed>)> {
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
    Ok((state, Some(Changed { difference, title })))
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
