//! What slave and master have alike: the code of the seed, compared class by class in the handshake.
//!
//! ```text
//!   offer: name and digest of each class ──>
//!                 <── the same | another | absent, and the master's numbers of what is the same
//!   offer: identities of the parts of those that are other ──>
//!                 <── which parts are the same, and the master's numbers of these
//! ```
//!
//! A part that is agreed on becomes the draft that the master would have sent. The master is always right:
//! what it has otherwise comes from there, and what it does not have is dropped.

use std::collections::HashSet;

use anyhow::{Result, anyhow, ensure};
use imprint_isa::draft_bytes::encode_reference;
use imprint_isa::draft_bytes::numbers::{Numbers, decode_numbers, join};
use imprint_isa::{Draft, Name, Placed, Ref};
use imprint_vm::extract::{ClassParts, Part};
use imprint_wire::message::{AgreedClass, Agreement, OfferedClass};

/// So many classes that differ are named.
const NAMED_MAX: usize = 3;

/// What came of the handshake.
#[derive(Default)]
pub struct Agreed {
    /// The drafts that are agreed on, as the master has them.
    pub drafts: Vec<Placed<Draft>>,
    /// Where the seed's classes stand in the master's class table.
    pub classes: Vec<(Name, u32, u32)>,
    /// What was offered: a later stream of this run begins with the same.
    pub offers: Vec<Vec<OfferedClass>>,
    /// Classes whose code is another in the master.
    pub differing: Vec<Name>,
    /// Classes that the master does not have.
    pub absent: Vec<Name>,
}

/// Compares the code of a seed with the master's; `ask` passes an offer on and answers what came of it.
///
/// # Errors
/// Those of `ask`, and where an answer does not fit the offer.
pub fn agree(
    mut code: Vec<ClassParts>,
    mut ask: impl FnMut(&[OfferedClass]) -> Result<Agreement>,
) -> Result<Agreed> {
    let mut agreed = Agreed::default();
    let first = |class: &ClassParts| offered(class, Vec::new());
    let offer: Vec<OfferedClass> = code.iter().map(first).collect();
    let others = agreed.take_answer(offer, &mut code, &mut ask)?;
    let mut others: Vec<ClassParts> = others
        .into_iter()
        .map(|place| take(&mut code[place]))
        .collect();
    if !others.is_empty() {
        let second = |class: &ClassParts| {
            offered(
                class,
                class.parts.iter().map(|part| part.identity).collect(),
            )
        };
        let offer: Vec<OfferedClass> = others.iter().map(second).collect();
        agreed.take_answer(offer, &mut others, &mut ask)?;
    }
    agreed.drop_unbound();
    Ok(agreed)
}

fn offered(class: &ClassParts, identities: Vec<u64>) -> OfferedClass {
    OfferedClass {
        name: class.name.clone(),
        shape: class.shape,
        digest: class.digest,
        identities,
    }
}

/// A class with its parts, which are not there afterwards.
fn take(class: &mut ClassParts) -> ClassParts {
    ClassParts {
        name: class.name.clone(),
        parts: std::mem::take(&mut class.parts),
        ..*class
    }
}

impl Agreed {
    /// Makes an offer of classes and takes in what is agreed on; answers the places of those that differ.
    fn take_answer(
        &mut self,
        offer: Vec<OfferedClass>,
        code: &mut [ClassParts],
        ask: &mut impl FnMut(&[OfferedClass]) -> Result<Agreement>,
    ) -> Result<Vec<usize>> {
        let answer = ask(&offer)?;
        ensure!(
            answer.classes.len() == code.len(),
            "the master answered {} classes of {}",
            answer.classes.len(),
            code.len()
        );
        let is_last = offer.iter().any(|class| !class.identities.is_empty());
        self.offers.push(offer);
        let mut parts = Vec::new();
        let mut others = Vec::new();
        for (place, (class, standing)) in code.iter_mut().zip(answer.classes).enumerate() {
            match standing {
                AgreedClass::Absent if class.is_class() => self.absent.push(class.name.clone()),
                AgreedClass::Absent => {}
                AgreedClass::Same => parts.append(&mut class.parts),
                AgreedClass::Other { .. } if !is_last => others.push(place),
                AgreedClass::Other {
                    indices,
                    has_other_shape,
                    parts: places,
                } => {
                    if indices != (0, 0) {
                        let (index, meta_index) = indices;
                        self.classes.push((class.name.clone(), index, meta_index));
                    }
                    self.note_difference(class, has_other_shape, &places);
                    parts.extend(chosen(std::mem::take(&mut class.parts), &places)?);
                }
            }
        }
        self.join_all(parts, &answer.numbers)?;
        Ok(others)
    }

    /// Notes a class whose own code is another: methods that were added elsewhere are no difference.
    fn note_difference(&mut self, class: &ClassParts, has_other_shape: bool, places: &[u32]) {
        let is_agreed = |place: usize| places.binary_search(&(place as u32)).is_ok();
        let mut parts = class.parts.iter().enumerate();
        let has_other_code = parts
            .any(|(place, part)| matches!(part.outline, Draft::Method(_)) && !is_agreed(place));
        if has_other_shape || has_other_code {
            self.differing.push(class.name.clone());
        }
    }

    fn join_all(&mut self, parts: Vec<Part>, numbers: &[u8]) -> Result<()> {
        let own = parts.iter().map(|part| &part.numbers);
        let theirs: Vec<Numbers> = decode_numbers(numbers, own)?;
        for (part, numbers) in parts.into_iter().zip(theirs) {
            let title = part.outline.to_string();
            let placed = join(part.outline, &numbers);
            let placed =
                placed.ok_or_else(|| anyhow!("the master's numbers do not fit {title}"))?;
            if let Draft::Class(class) = &placed.draft {
                let (index, meta_index) = placed.class_indices;
                self.classes.push((class.name.clone(), index, meta_index));
            }
            self.drafts.push(placed);
        }
        Ok(())
    }

    /// Drops the methods that name a binding which is not agreed on: the master sends them behind it, so
    /// that as much comes as if there were no seed.
    fn drop_unbound(&mut self) {
        let root = |placed: &Placed<Draft>| match &placed.draft {
            Draft::Object(object) => encode_reference(&object.root),
            _ => Vec::new(),
        };
        let bound: HashSet<Vec<u8>> = self.drafts.iter().map(root).collect();
        let is_bound = |reference: &Ref| match reference {
            Ref::Global(_) | Ref::ClassVariable { .. } => {
                bound.contains(&encode_reference(reference))
            }
            _ => true,
        };
        self.drafts.retain(|placed| match &placed.draft {
            Draft::Method(_) => placed.draft.references().into_iter().all(is_bound),
            _ => true,
        });
    }

    /// What differs and works all the same, a sentence each; `seed` is the seed's name.
    pub fn warnings(&self, seed: &str) -> Vec<String> {
        let differing = (!self.differing.is_empty()).then(|| {
            let classes = counted(self.differing.len());
            let names = listed(&self.differing);
            format!("the seed {seed} and the master's image differ in {classes} {names}: the master's are used")
        });
        let absent = (!self.absent.is_empty()).then(|| {
            let (classes, names) = (counted(self.absent.len()), listed(&self.absent));
            format!("the master's image lacks {classes} of the seed {seed} {names}: left out")
        });
        differing.into_iter().chain(absent).collect()
    }
}

/// The parts at some places.
fn chosen(parts: Vec<Part>, places: &[u32]) -> Result<Vec<Part>> {
    let count = parts.len();
    let is_chosen = |place: usize| places.binary_search(&(place as u32)).is_ok();
    let chosen: Vec<Part> = (0..)
        .zip(parts)
        .filter(|(place, _)| is_chosen(*place))
        .map(|(_, part)| part)
        .collect();
    ensure!(
        chosen.len() == places.len(),
        "the master agreed on parts of a class that has {count}"
    );
    Ok(chosen)
}

fn counted(number: usize) -> String {
    let noun = if number == 1 { "class" } else { "classes" };
    format!("{number} {noun}")
}

/// `(Array2D, Interval, WebSession, ...)`
fn listed(names: &[Name]) -> String {
    let named: Vec<&str> = names.iter().take(NAMED_MAX).map(AsRef::as_ref).collect();
    let rest = if names.len() > named.len() {
        ", ..."
    } else {
        ""
    };
    format!("({}{rest})", named.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use imprint_isa::draft_bytes::numbers::{encode_numbers, split};
    use imprint_isa::draft_bytes::{digest, short_identity};
    use imprint_isa::{BehaviorName, CodeBody, MethodDraft};

    fn method(selector: &str, literal: Ref) -> Part {
        let draft = Draft::Method(MethodDraft {
            behavior: BehaviorName::class("Foo"),
            selector: selector.into(),
            protocol: "".into(),
            shape: 0,
            code: CodeBody {
                literals: vec![literal],
                ..CodeBody::default()
            },
            locals: vec![],
        });
        let placed = Placed {
            id: 8,
            ..Placed::nowhere(draft)
        };
        let (outline, numbers) = split(placed);
        Part {
            identity: short_identity(&outline),
            outline,
            numbers,
        }
    }

    fn code() -> Vec<ClassParts> {
        let parts = vec![
            method("one", Ref::NIL),
            method("two", Ref::Global("Bar".into())),
        ];
        vec![ClassParts {
            name: "Foo".into(),
            shape: 5,
            digest: digest(parts.iter().map(|part| part.identity)),
            indices: (1024, 1025),
            parts,
        }]
    }

    fn numbers(count: u64) -> Vec<u8> {
        let all: Vec<Numbers> = (1..=count)
            .map(|id| Numbers {
                id: 100 * id,
                ..Numbers::default()
            })
            .collect();
        encode_numbers(&all)
    }

    fn answered(classes: Vec<AgreedClass>, numbers: Vec<u8>) -> Agreement {
        Agreement {
            sequence: 1,
            classes,
            numbers,
        }
    }

    fn other(parts: Vec<u32>) -> AgreedClass {
        AgreedClass::Other {
            indices: (2000, 2001),
            has_other_shape: false,
            parts,
        }
    }

    #[test]
    fn what_is_the_same_becomes_what_the_master_would_have_sent_unless_it_names_what_is_not() {
        let agreed = agree(code(), |_| {
            Ok(answered(vec![AgreedClass::Same], numbers(2)))
        })
        .unwrap();
        let ids: Vec<u64> = agreed.drafts.iter().map(|placed| placed.id).collect();
        assert_eq!(ids, [100], "the other names a global that nobody agreed on");
        assert_eq!(agreed.warnings("old.image"), Vec::<String>::new());
        assert_eq!(agreed.offers.len(), 1);
    }

    #[test]
    fn of_a_class_that_differs_the_parts_are_offered() {
        let mut offers = Vec::new();
        let agreed = agree(code(), |offer| {
            offers.push(offer[0].identities.len());
            Ok(match offers.len() {
                1 => answered(vec![other(vec![])], vec![]),
                _ => answered(vec![other(vec![0])], numbers(1)),
            })
        });
        let agreed = agreed.unwrap();
        assert_eq!(offers, [0, 2]);
        assert_eq!(agreed.drafts.len(), 1);
        assert_eq!(agreed.classes, [("Foo".into(), 2000, 2001)]);
        assert_eq!(
            agreed.warnings("old.image"),
            [
                "the seed old.image and the master's image differ in 1 class (Foo): the master's are used"
            ]
        );
    }

    #[test]
    fn answers_that_do_not_fit_the_offer_are_refused() {
        let refused = |answers: [Agreement; 2]| {
            let mut answers = answers.into_iter();
            let agreed = agree(code(), |_| Ok(answers.next().unwrap()));
            agreed.err().map(|error| error.to_string())
        };
        let first = || answered(vec![other(vec![])], vec![]);
        let none = || answered(vec![], vec![]);
        let rows = [
            ([none(), none()], "the master answered 0 classes of 1"),
            (
                [answered(vec![AgreedClass::Same], numbers(1)), none()],
                "the draft is cut off at byte 2",
            ),
            (
                [first(), answered(vec![other(vec![0, 7])], numbers(2))],
                "the master agreed on parts of a class that has 2",
            ),
            (
                [first(), answered(vec![other(vec![0])], numbers(2))],
                "the draft has 2 bytes too many",
            ),
        ];
        for (answers, expected) in rows {
            assert_eq!(refused(answers).as_deref(), Some(expected));
        }
    }

    #[test]
    fn classes_that_the_master_lacks_are_counted_and_the_first_are_named() {
        let agreed = Agreed {
            absent: ["A", "B", "C", "D"].map(Name::from).to_vec(),
            ..Agreed::default()
        };
        assert_eq!(
            agreed.warnings("old.image"),
            ["the master's image lacks 4 classes of the seed old.image (A, B, C, ...): left out"]
        );
    }
}
