//! Keep lists: patterns matched against the full image, which alone knows what there is.

use imprint_isa::{Body, Draft, MethodDraft, Placed, Ref};
use imprint_model::Oop;
use imprint_vm::extract::{Extractor, Place};

use crate::error::ShrinkError;
use crate::pattern::{Glob, KeepPattern};
use crate::select::EXCLUDED_PACKAGES;

/// A draft that is kept, and why.
#[derive(Clone, PartialEq, Debug)]
pub struct Kept {
    /// The draft.
    pub placed: Placed<Draft>,
    /// Why it is kept, in a user's words.
    pub because: String,
}

/// A class or method of the full image.
pub(crate) struct Candidate<'a> {
    pub oop: Oop,
    pub place: &'a Place,
    pub package: String,
}

/// All classes and methods of an image, by id.
pub(crate) fn candidates<'a>(extractor: &Extractor<'a>) -> Vec<Candidate<'a>> {
    let index = extractor.index();
    let named = |(oop, place): (Oop, &'a Place)| match place {
        Place::Behavior(_) | Place::Method(..) => Some(Candidate {
            oop,
            place,
            package: extractor.package_of_code(place),
        }),
        _ => None,
    };
    let mut all: Vec<_> = index.places().filter_map(named).collect();
    all.sort_by_key(|candidate| candidate.oop);
    all
}

/// The drafts that the patterns take; with each goes the text that the user wrote.
///
/// # Errors
/// [`ShrinkError::MatchesNothing`] where one takes nothing, [`ShrinkError::NeverShips`] where it
/// takes nothing but tests.
pub fn resolve(
    extractor: &Extractor<'_>,
    patterns: &[(String, KeepPattern)],
) -> Result<Vec<Kept>, ShrinkError> {
    let all = candidates(extractor);
    let tests = EXCLUDED_PACKAGES.map(Glob::from);
    let mut kept = Vec::new();
    for (text, pattern) in patterns {
        let before = kept.len();
        let mut ships = false;
        for candidate in &all {
            if takes(pattern, candidate) {
                ships |= !tests.iter().any(|glob| glob.matches(&candidate.package));
                let because = format!("--keep '{text}'");
                kept.push(Kept {
                    placed: extractor.draft(candidate.oop),
                    because,
                });
            }
        }
        if kept.len() == before {
            return Err(ShrinkError::MatchesNothing(text.clone()));
        }
        if !ships {
            return Err(ShrinkError::NeverShips(text.clone()));
        }
    }
    Ok(kept)
}

fn takes(pattern: &KeepPattern, candidate: &Candidate<'_>) -> bool {
    match candidate.place {
        Place::Behavior(name) => pattern.takes_class(&name.class, &candidate.package),
        Place::Method(behavior, selector) => {
            pattern.takes_method(behavior, selector, &candidate.package)
        }
        _ => false,
    }
}

/// The methods that ask for it themselves, with a `<keep>` pragma.
pub fn keep_pragmas(extractor: &Extractor<'_>) -> Vec<Kept> {
    let mut kept = Vec::new();
    for candidate in candidates(extractor) {
        let Place::Method(behavior, selector) = candidate.place else {
            continue;
        };
        let placed = extractor.method(candidate.oop, behavior, selector);
        if has_keep_pragma(&placed.draft) {
            kept.push(Kept {
                placed: placed.map(Draft::Method),
                because: "its <keep> pragma".to_string(),
            });
        }
    }
    kept
}

fn has_keep_pragma(method: &MethodDraft) -> bool {
    let is_pragma = |class: &Ref| matches!(class, Ref::Class(name) if &*name.class == "Pragma");
    method.locals.iter().any(|local| match &local.body {
        Body::Slots(slots) => is_pragma(&local.class) && slots.contains(&Ref::symbol("keep")),
        _ => false,
    })
}
