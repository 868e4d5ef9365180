//! Who pulled so much, once the limit of pulled bytes stopped a run: the tests and phases by bytes.

use std::collections::BTreeMap;

use imprint_isa::draft_bytes::encode_placed;
use imprint_report::{PullReport, PullSite};

use crate::session::Session;

/// The report of a run that its limit stopped; `None` where it did not.
pub fn exploded(session: &Session) -> Option<PullReport> {
    let (bytes, limit) = {
        let line = session.line.borrow();
        (line.traffic.bytes, line.limit_bytes?)
    };
    if bytes <= limit {
        return None;
    }
    let arrivals = session.arrivals();
    let mut sites: BTreeMap<usize, PullSite> = BTreeMap::new();
    for arrival in &arrivals.drafts {
        let site = sites.entry(arrival.phase).or_default();
        site.bytes += encode_placed(&arrival.placed).len() as u64;
        site.pulls += 1;
        site.pulled = arrival.placed.draft.title();
        site.stack = arrivals
            .phases
            .get(arrival.phase)
            .cloned()
            .into_iter()
            .collect();
    }
    Some(PullReport {
        bytes,
        limit_bytes: Some(limit),
        sites: sites.into_values().collect(),
    })
}
