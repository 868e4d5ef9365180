//! `master push NAME... [--from URL] --to URL`: code into a running image; `master diff METHOD --to URL`: what it has.

use anyhow::anyhow;
use imprint_report::print;
use imprint_slave::ending::code;
use imprint_slave::security::credentials;
use imprint_wire::live::{Inventory, Push as Order, PushReport, Pushed};
use imprint_wire::{Controller, WireError};

use crate::command_line::{Diff, Failure, Push};
use crate::companions::{Companions, Reach, complete};
use crate::library::{ImageLibrary, Library, SourceLibrary};
use crate::method_diff::method_diff;
use crate::pushing::{SourceState, conflict_lines, lines, method_named};

/// Pushes packages, classes or methods of the sources, or of another running image.
///
/// # Errors
/// Sources that cannot be read or do not compile, nobody at an address, a refusal.
pub fn push(push: &Push) -> Result<u8, Failure> {
    let mut target = connect(&push.to)?;
    let state;
    let base;
    let mut library: Box<dyn Library + '_> = match &push.from {
        Some(url) => Box::new(ImageLibrary {
            image: connect(url)?,
            names: push.names.clone(),
        }),
        None => {
            state = SourceState::read(&push.sources)?;
            base = push.base.as_deref().map(SourceState::read).transpose()?;
            Box::new(of_sources(push, &state, base.as_ref())?)
        }
    };
    let (mut order, companions) =
        completed(&mut *library, &mut target, Reach::of(push.alone)).map_err(refused)?;
    order.is_forced = push.force;
    let report = target.push(order.clone()).map_err(failed)?;
    tell(&order, &companions, report, &push.to)
}

/// What is pushed with all that the image has lost of it, which is told.
fn completed(
    library: &mut dyn Library,
    target: &mut Controller,
    reach: Reach,
) -> anyhow::Result<(Order, Companions)> {
    let mut lacks = |inventory: &Inventory| Ok(target.lacks(inventory)?);
    let (order, companions) = complete(library, &mut lacks, reach)?;
    let lines = companions.lines();
    if !lines.is_empty() {
        print(&lines.join("\n"));
    }
    Ok((order, companions))
}

fn connect(url: &str) -> Result<Controller, Failure> {
    Controller::connect(url, &credentials()?).map_err(failed)
}

/// What is chosen of the sources.
fn of_sources<'a>(
    push: &Push,
    state: &'a SourceState,
    base: Option<&'a SourceState>,
) -> anyhow::Result<SourceLibrary<'a>> {
    let names = match push.names.as_slice() {
        [] => state.own_packages(),
        names => names,
    };
    Ok(SourceLibrary {
        state,
        difference: state.chosen(names)?,
        title: names.join(", "),
        base,
    })
}

/// What a daemon said, with the exit code for it; what sources lack is wrong usage.
pub(super) fn refused(error: anyhow::Error) -> Failure {
    match error.downcast::<WireError>() {
        Ok(error) => failed(error),
        Err(error) => Failure::from(error),
    }
}

fn tell(
    order: &Order,
    companions: &Companions,
    report: PushReport,
    to: &str,
) -> Result<u8, Failure> {
    match report {
        PushReport::Pushed(Pushed { number: 0, .. }) => {
            print(&format!("{}   is there already", order.title));
            Ok(code::DONE)
        }
        PushReport::Pushed(done) => {
            print(&lines(order, companions, &done).join("\n"));
            Ok(code::DONE)
        }
        PushReport::Conflicts(conflicts) => {
            for conflict in &conflicts {
                let mut here = order.methods.iter();
                let here = here.find(|method| method.name() == conflict.method);
                let here = here.map(|method| method.source.as_str());
                eprint!("{}", method_diff(Some(&conflict.source), here));
            }
            eprintln!("{}", conflict_lines(&conflicts, to).join("\n"));
            Ok(code::FAILED)
        }
        PushReport::Missing(names) => Err(refusal(anyhow!(
            "the image at {to} has not {}; push what it needs too",
            names.join(", ")
        ))),
    }
}

/// Shows how a method differs between a running image and the sources.
///
/// # Errors
/// Sources that cannot be read, nobody at the address.
pub fn diff(diff: &Diff) -> Result<u8, Failure> {
    let name = method_named(&diff.method)?;
    let sources = SourceState::read(&diff.sources)?;
    let here = sources.source_of(&name);
    let shown = Controller::connect(&diff.to, &credentials()?)
        .and_then(|mut controller| controller.show(name.clone()))
        .map_err(failed)?;
    if !shown.is_there && here.is_none() {
        return Err(refusal(anyhow!(
            "neither the image nor the sources have {name}"
        )));
    }
    if shown.is_there && shown.source.is_none() {
        return Err(refusal(anyhow!(
            "{name} is in the image, which keeps no text of it: nobody pushed it"
        )));
    }
    if shown.number > 0 {
        let when = imprint_host::clock_text::date_and_time(shown.when_micros);
        let (number, origin) = (shown.number, &shown.origin);
        print(&format!("push #{number} of {origin} at {when}"));
    }
    let text = method_diff(shown.source.as_deref(), here);
    print(text.trim_end());
    Ok(if shown.source.as_deref() == here {
        code::DONE
    } else {
        code::FAILED
    })
}

/// Why a daemon did not do it.
pub(super) fn failed(error: WireError) -> Failure {
    let code = match error {
        WireError::Unreachable { .. } | WireError::Strange { .. } => code::NO_MASTER,
        WireError::Refused(_) => code::FAILED,
        _ => code::USAGE,
    };
    let error = anyhow::Error::new(error).context("cannot push");
    Failure { code, error }
}

fn refusal(error: anyhow::Error) -> Failure {
    Failure {
        code: code::FAILED,
        error,
    }
}
