//! Keep lists: patterns matched against the full image, which alone knows what there is.
//!
//! ```text
//!   a class                  its instance side and all its methods
//!   a method                 itself, and the objects that its literals lead to
//!   a variable, a global     its binding or class, and the objects that its value leads to
//! ```
//!
//! What leads to an object stops at whatever has a name of its own: a class that is reached so comes
//! without its methods.

use std::collections::VecDeque;

use imprint_isa::{BehaviorName, Body, Draft, MethodDraft, Placed, Ref};
use imprint_model::Oop;
use imprint_vm::extract::{Extractor, Place};
use rustc_hash::FxHashSet;

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

/// A class, method, global or variable of the full image.
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
            package: extractor.package_of_code(oop, place),
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
    let mut all = candidates(extractor);
    all.extend(bindings(extractor));
    let tests = EXCLUDED_PACKAGES.map(Glob::from);
    let mut kept = Vec::new();
    for (text, pattern) in patterns {
        let before = kept.len();
        let mut ships = false;
        for candidate in &all {
            for root in taken(extractor, pattern, candidate) {
                ships |= !tests.iter().any(|glob| glob.matches(&candidate.package));
                let because = format!("--keep '{text}'");
                let drafts = drafts_from(extractor, root).into_iter();
                kept.extend(drafts.map(|placed| Kept {
                    placed,
                    because: because.clone(),
                }));
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

/// The globals and class variables of an image that hold no class of their own name, by id.
fn bindings<'a>(extractor: &Extractor<'a>) -> Vec<Candidate<'a>> {
    let names = extractor.index().names();
    let variable = |(oop, place): (Oop, &'a Place)| {
        let Place::Binding(reference) = place else {
            return None;
        };
        let package = match reference {
            Ref::Global(name) if names.class(name).is_none() => String::new(),
            Ref::ClassVariable { class, .. } => extractor.package_of_class(class),
            _ => return None,
        };
        Some(Candidate {
            oop,
            place,
            package,
        })
    };
    let mut all: Vec<_> = extractor.index().places().filter_map(variable).collect();
    all.sort_by_key(|candidate| candidate.oop);
    all
}

/// The objects that a pattern takes of a candidate; from each goes what it leads to.
fn taken(extractor: &Extractor<'_>, pattern: &KeepPattern, candidate: &Candidate<'_>) -> Vec<Oop> {
    let package = &candidate.package;
    let is_taken = match candidate.place {
        Place::Behavior(name) if pattern.takes_class(&name.class, package) => true,
        Place::Behavior(name) if !name.meta => {
            return own_values(extractor, pattern, candidate, name);
        }
        Place::Method(behavior, selector) => pattern.takes_method(behavior, selector, package),
        Place::Binding(Ref::Global(name)) => pattern.takes_class(name, package),
        Place::Binding(Ref::ClassVariable { class, name }) => {
            pattern.takes_variable(&BehaviorName::class(class.clone()), name)
        }
        _ => false,
    };
    is_taken.then_some(candidate.oop).into_iter().collect()
}

/// A class and the values of those of its own variables that a pattern takes.
fn own_values(
    extractor: &Extractor<'_>,
    pattern: &KeepPattern,
    candidate: &Candidate<'_>,
    name: &BehaviorName,
) -> Vec<Oop> {
    let heap = extractor.heap();
    let meta = BehaviorName::meta(name.class.clone());
    let slots = extractor.index().names().class_side_slots(&name.class);
    let own = slots.into_iter().filter(|(slot, variable)| {
        *slot < heap.pointer_slot_count(candidate.oop) && pattern.takes_variable(&meta, variable)
    });
    let values: Vec<Oop> = own
        .map(|(slot, _)| heap.follow(heap.slot(candidate.oop, slot)))
        .collect();
    if values.is_empty() {
        return values;
    }
    let objects = values.into_iter().filter(|value| value.is_object());
    std::iter::once(candidate.oop).chain(objects).collect()
}

/// The draft of an object, and of all that it leads to without coming by a name.
fn drafts_from(extractor: &Extractor<'_>, root: Oop) -> Vec<Placed<Draft>> {
    let mut drafts = Vec::new();
    let mut seen = FxHashSet::from_iter([root]);
    let mut waiting = VecDeque::from([root]);
    while let Some(oop) = waiting.pop_front() {
        let place = extractor.index().place(oop);
        let placed = match place {
            None | Some(Place::Behavior(_) | Place::Method(..)) => extractor.draft(oop),
            Some(_) if oop == root => extractor.draft(oop),
            Some(_) => continue,
        };
        let leads_on = match place {
            Some(Place::Behavior(_)) => false,
            Some(_) => oop == root,
            None => true,
        };
        if leads_on {
            let next = next_objects(extractor, &placed.draft);
            waiting.extend(next.into_iter().filter(|next| seen.insert(*next)));
        }
        drafts.push(placed);
    }
    drafts
}

/// The objects that a draft refers to by id, and the classes of the objects that travel in it.
fn next_objects(extractor: &Extractor<'_>, draft: &Draft) -> Vec<Oop> {
    let names = extractor.index().names();
    let by_id = draft
        .references()
        .into_iter()
        .filter_map(|reference| match reference {
            Ref::Master(ghost) => extractor.oop_at(ghost.id),
            _ => None,
        });
    let locals = match draft {
        Draft::Object(object) => object.locals.as_slice(),
        _ => &[],
    };
    let classes = locals.iter().filter_map(|local| match &local.class {
        Ref::Class(name) => names.behavior(extractor.heap(), name),
        _ => None,
    });
    by_id.chain(classes).collect()
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
