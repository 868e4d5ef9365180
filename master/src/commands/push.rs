//! `master push NAME... [--from URL] --to URL`: code into a running image; `master diff METHOD --to URL`: what it has.

use anyhow::anyhow;
use imprint_report::print;
use imprint_slave::ending::code;
use imprint_slave::security::credentials;
use imprint_wire::live::{Push as Order, PushReport, Pushed};
use imprint_wire::{Controller, WireError};

use crate::command_line::{Diff, Failure, Push};
use crate::method_diff::method_diff;
use crate::pushing::{SourceState, conflict_lines, lines, method_named};

/// Pushes packages, classes or methods of the sources, or of another running image.
///
/// # Errors
/// Sources that cannot be read or do not compile, nobody at an address, a refusal.
pub fn push(push: &Push) -> Result<u8, Failure> {
    let mut order = match &push.from {
        Some(url) => connect(url)?.take(push.names.clone()).map_err(failed)?,
        None => of_sources(push)?,
    };
    order.is_forced = push.force;
    let report = connect(&push.to)?.push(order.clone()).map_err(failed)?;
    tell(&order, report, &push.to)
}

fn connect(url: &str) -> Result<Controller, Failure> {
    Controller::connect(url, &credentials()?).map_err(failed)
}

/// What is chosen of the sources.
fn of_sources(push: &Push) -> Result<Order, Failure> {
    let sources = SourceState::read(&push.sources)?;
    let base = push.base.as_deref().map(SourceState::read).transpose()?;
    let names = match push.names.as_slice() {
        [] => sources.own_packages(),
        names => names,
    };
    let difference = sources.chosen(names)?;
    Ok(sources.push(&difference, names.join(", "), base.as_ref())?)
}

fn tell(order: &Order, report: PushReport, to: &str) -> Result<u8, Failure> {
    match report {
        PushReport::Pushed(Pushed { number: 0, .. }) => {
            print(&format!("{}   is there already", order.title));
            Ok(code::DONE)
        }
        PushReport::Pushed(done) => {
            print(&lines(order, &done).join("\n"));
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
