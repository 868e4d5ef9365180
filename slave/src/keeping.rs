//! What is kept though nothing reached it: what the plan lists by id, and the margin.
//!
//! The drafts are pulled once the tests have run and go to the slim image alone; the machine that
//! ran the tests never sees them.

use std::collections::BTreeSet;

use anyhow::{Result, anyhow};
use imprint_isa::draft_bytes::packed::Bundle;
use imprint_isa::{Draft, MethodEntry, Miss, Name, Placed};
use imprint_model::Ghost;
use imprint_shrink::{Kept, Margin};
use imprint_vm::Arrivals;
use imprint_wire::message::Plan;

use crate::session::Session;

/// Name of the options that keep something: an id, and the reason.
pub const KEEP_OPTION: &str = "keep";
/// Name of the option that says how much is kept beside what was reached.
pub const MARGIN_OPTION: &str = "margin";

/// Masters find objects by id alone; a ghost has some hash all the same.
const HASH_OF_A_WISH: u32 = 1;

/// Pulls what the plan wants kept.
///
/// # Errors
/// Where the master is gone, or the plan makes no sense.
pub fn pull_kept(session: &mut Session, plan: &Plan) -> Result<Vec<Kept>> {
    let line = session.line.clone();
    let arrivals = session.vm.extensions.get_or_default::<Arrivals>();
    kept_of(arrivals, &plan.options, |misses| {
        Ok(line.borrow_mut().pull(misses)?.into())
    })
}

/// What options want kept beside what came; `answer` brings what did not come. The classes that it
/// declares are noted with what came.
///
/// # Errors
/// Those of `answer`, or where the options make no sense.
pub fn kept_of(
    arrivals: &mut Arrivals,
    options: &[(String, String)],
    mut answer: impl FnMut(&[Miss]) -> Result<Bundle>,
) -> Result<Vec<Kept>> {
    let mut kept = Vec::new();
    for (_, value) in options.iter().filter(|(name, _)| name == KEEP_OPTION) {
        let (ghost, because) = wanted(value)
            .ok_or_else(|| anyhow!("the master wants something unknown kept: {value}"))?;
        let reached = arrivals.drafts.iter();
        let mut reached = reached.map(|arrival| &*arrival.placed);
        match reached.find(|placed| id_of(placed) == ghost.id) {
            Some(placed) => kept.push(Kept {
                placed: placed.clone(),
                because,
            }),
            None => add(arrivals, answer(&misses(&[ghost]))?, &because, &mut kept),
        }
    }
    let margin = options.iter().find(|(name, _)| name == MARGIN_OPTION);
    if let Some((_, margin)) = margin {
        let margin: Margin = margin.parse()?;
        let widening = Widening::around(arrivals, &kept);
        widening.add(margin, &mut kept, |ghosts, kept| {
            add(
                arrivals,
                answer(&misses(ghosts))?,
                &because_of(margin),
                kept,
            );
            Ok(())
        })?;
    }
    Ok(kept)
}

fn wanted(text: &str) -> Option<(Ghost, String)> {
    let (id, because) = text.split_once(' ')?;
    let ghost = Ghost::new(id.parse().ok()?, HASH_OF_A_WISH)?;
    Some((ghost, because.to_string()))
}

/// The id of a draft's root; of a class side that of the metaclass.
pub fn id_of(placed: &Placed<Draft>) -> u64 {
    match placed.draft {
        Draft::Meta(_) => placed.meta_id,
        _ => placed.id,
    }
}

fn add(arrivals: &mut Arrivals, answer: Bundle, because: &str, kept: &mut Vec<Kept>) {
    arrivals.class_indices.extend(answer.classes);
    kept.extend(answer.placed.into_iter().map(|placed| Kept {
        placed,
        because: because.to_string(),
    }));
}

/// The questions that bring some objects.
pub fn misses(ghosts: &[Ghost]) -> Vec<Miss> {
    ghosts.iter().copied().map(Miss::Object).collect()
}

/// Of something kept for the sake of a margin: why.
pub fn because_of(margin: Margin) -> String {
    format!("--margin {}", margin.name())
}

/// What is kept before a margin is added to it, and what may be.
pub struct Widening {
    drafts: Vec<Draft>,
    present: BTreeSet<u64>,
    entries: Vec<MethodEntry>,
}

impl Widening {
    /// A margin around what came and what is kept beside it. Classes that the margin's own methods
    /// bring along do not widen it: else it would have no end.
    pub fn around(arrivals: &Arrivals, kept: &[Kept]) -> Widening {
        let arrived = arrivals.drafts.iter().map(|arrival| &*arrival.placed);
        let all: Vec<&Placed<Draft>> = arrived
            .chain(kept.iter().map(|kept| &kept.placed))
            .collect();
        let drafts: Vec<Draft> = all.iter().map(|placed| placed.draft.clone()).collect();
        Widening {
            present: all.iter().map(|placed| id_of(placed)).collect(),
            entries: drafts.iter().flat_map(entries).collect(),
            drafts,
        }
    }

    /// Adds a margin to what is kept, round by round, until nothing more belongs to it; `pull` adds
    /// the objects that it is asked for.
    ///
    /// # Errors
    /// Those of `pull`.
    pub fn add(
        mut self,
        margin: Margin,
        kept: &mut Vec<Kept>,
        mut pull: impl FnMut(&[Ghost], &mut Vec<Kept>) -> Result<()>,
    ) -> Result<()> {
        loop {
            let wanted = self.next(margin);
            if wanted.is_empty() {
                return Ok(());
            }
            let before = kept.len();
            pull(&wanted, kept)?;
            let added = kept[before..].iter();
            self.drafts = added.map(|kept| kept.placed.draft.clone()).collect();
        }
    }

    /// The methods that belong to a margin because of the drafts that came last.
    fn next(&mut self, margin: Margin) -> Vec<Ghost> {
        let sent: BTreeSet<Name> = self.drafts.iter().flat_map(sends).collect();
        let belongs = |entry: &&MethodEntry| match margin {
            Margin::None => false,
            Margin::Branches => sent.contains(&entry.selector),
            Margin::Class => true,
        };
        let wanted = self.entries.iter().filter(belongs);
        let present = &mut self.present;
        wanted
            .filter_map(|entry| entry.ghost)
            .filter(|ghost| present.insert(ghost.id))
            .collect()
    }
}

fn entries(draft: &Draft) -> Vec<MethodEntry> {
    match draft {
        Draft::Class(class) => class.methods.clone(),
        Draft::Meta(meta) => meta.methods.clone(),
        _ => Vec::new(),
    }
}

fn sends(draft: &Draft) -> Vec<Name> {
    match draft {
        Draft::Method(method) => imprint_isa::sends::sends(method),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_is_an_id_and_a_reason() {
        let (ghost, because) = wanted("12 --keep 'Foo bar'").unwrap();
        assert_eq!(ghost.id, 12);
        assert_eq!(because, "--keep 'Foo bar'");
    }

    #[test]
    fn half_a_wish_is_none() {
        assert!(wanted("12").is_none());
        assert!(wanted("twelve because").is_none());
    }
}
