//! Who pulled so much, once the limit of pulled bytes stopped a run: the call sites by bytes, each with
//! its stack.

use imprint_report::{PullReport, PullSite};
use imprint_vm::{Activation, PullSites};

use crate::session::Session;

/// Call sites whose lines are asked for: the report shows no more.
const SITES_MAX: usize = 10;
/// What asked where no code ran: what an expression names, or what is kept beside what was reached.
const NO_CODE: &str = "the run itself, before code ran";

/// The report of a run that its limit stopped; `None` where it did not.
pub fn exploded(session: &Session) -> Option<PullReport> {
    let (bytes, limit) = {
        let line = session.line.borrow();
        (line.traffic.bytes, line.limit_bytes?)
    };
    if bytes <= limit {
        return None;
    }
    let found = session.vm.extensions.get::<PullSites>();
    let mut found: Vec<_> = found.into_iter().flat_map(PullSites::sites).collect();
    found.sort_by(|one, other| {
        let order = other.bytes.cmp(&one.bytes);
        order.then_with(|| one.title.cmp(&other.title))
    });
    let sites = found.iter().enumerate().map(|(rank, site)| PullSite {
        bytes: site.bytes,
        pulls: site.pulls,
        pulled: site.title.clone(),
        stack: stack(session, &site.stack, rank < SITES_MAX),
    });
    Some(PullReport {
        bytes,
        limit_bytes: Some(limit),
        sites: sites.collect(),
    })
}

fn stack(session: &Session, activations: &[Activation], has_lines: bool) -> Vec<String> {
    if activations.is_empty() {
        return vec![NO_CODE.to_string()];
    }
    let mut line = session.line.borrow_mut();
    let told = activations.iter().map(|activation| {
        let found = has_lines.then(|| line.source_line(activation)).flatten();
        match found {
            Some((number, _)) => format!("{activation}   line {number}"),
            None => activation.to_string(),
        }
    });
    told.collect()
}
