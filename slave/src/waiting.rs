//! Drafts that came before anybody missed them: they wait here, beside the heap, until one is touched.
//!
//! ```text
//!   bundle ── keep ──> by id ──┐                       ┌── what it needs by name, as far as that waits
//!                              ├── take(miss) ──> Answer ── the draft that was missed
//!   miss ── finds ─────────────┘                       └── the class indices that these mention
//! ```
//!
//! All drafts of a bundle go through here, those that were asked for too: so what reaches the machine
//! is the same, draft for draft, as if nothing had ever come ahead of its time. Each is verified before
//! it waits; where one is refused, nothing of its bundle does.

use imprint_isa::draft_bytes::packed::Bundle;
use imprint_isa::verifier::{Rejection, Verified};
use imprint_isa::{BehaviorName, Draft, Miss, Name, Placed, Ref};
use imprint_vm::Answer;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::keeping::id_of;

/// Drafts and class indices that the machine has not been given.
#[derive(Default)]
pub struct Waiting {
    drafts: FxHashMap<u64, Verified>,
    /// What can be asked for by name -> its id.
    names: FxHashMap<Named, u64>,
    /// Index in the class table -> id of the class or metaclass.
    class_indices: FxHashMap<u32, u64>,
    /// Classes that were not declared to the machine.
    undeclared: FxHashMap<Name, (u32, u32)>,
    /// Ids of the drafts that came of the seed, also of those that went on since.
    of_seed: FxHashSet<u64>,
}

/// Something that drafts refer to by name and that is a draft itself.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Named {
    Behavior(BehaviorName),
    Global(Name),
    ClassVariable(Name, Name),
}

/// What is to be done next while a draft is put behind what it needs.
enum Step {
    Fetch(u64),
    Put(Verified),
}

impl Waiting {
    /// Takes in what slave and master have alike.
    ///
    /// # Errors
    /// Where a draft breaks a rule.
    pub fn keep_seed(
        &mut self,
        drafts: Vec<Placed<Draft>>,
        classes: Vec<(Name, u32, u32)>,
    ) -> Result<(), Rejection> {
        let drafts = all_verified(drafts)?;
        self.note_undeclared(classes);
        for draft in drafts {
            self.of_seed.insert(id_of(draft.placed()));
            self.put_aside(draft);
        }
        Ok(())
    }

    /// Takes in what a seed answered that is the master's very image.
    ///
    /// # Errors
    /// Where a draft breaks a rule.
    pub fn keep_of_twin(&mut self, bundle: Bundle) -> Result<Answer, Rejection> {
        self.of_seed.extend(bundle.placed.iter().map(id_of));
        self.keep(bundle)
    }

    /// Whether a draft came of the seed.
    pub fn is_of_seed(&self, placed: &Placed<Draft>) -> bool {
        self.of_seed.contains(&id_of(placed))
    }

    fn note_undeclared(&mut self, classes: Vec<(Name, u32, u32)>) {
        for (name, index, meta_index) in classes {
            self.undeclared.insert(name, (index, meta_index));
        }
    }

    /// Takes in what came; answers what of it was asked for, behind what that needs.
    ///
    /// # Errors
    /// Where a draft breaks a rule.
    pub fn keep(&mut self, bundle: Bundle) -> Result<Answer, Rejection> {
        let asked: Vec<u64> = bundle.placed.iter().take(bundle.asked).map(id_of).collect();
        let drafts = all_verified(bundle.placed)?;
        self.note_undeclared(bundle.classes);
        drafts.into_iter().for_each(|draft| self.put_aside(draft));
        let mut answer = Answer {
            aliases: bundle.aliases,
            ..Answer::default()
        };
        for id in asked {
            self.take(id, &mut answer);
        }
        Ok(answer)
    }

    /// Takes in what nobody asked for; what was told before is told in vain.
    ///
    /// # Errors
    /// Where a draft breaks a rule.
    pub fn keep_foretold(&mut self, bundle: Bundle) -> Result<(), Rejection> {
        let drafts = all_verified(bundle.placed)?;
        self.note_undeclared(bundle.classes);
        drafts.into_iter().for_each(|draft| self.put_aside(draft));
        Ok(())
    }

    /// Adds what a miss is about to an answer; `false` where it does not wait here.
    pub fn satisfy(&mut self, miss: &Miss, answer: &mut Answer) -> bool {
        let found = self.find(miss).filter(|id| self.drafts.contains_key(id));
        if let Some(id) = found {
            self.take(id, answer);
        }
        found.is_some()
    }

    /// How many drafts came over the wire and were missed by nobody so far.
    pub fn count(&self) -> usize {
        let waiting = self.drafts.keys();
        waiting.filter(|id| !self.of_seed.contains(id)).count()
    }

    fn find(&self, miss: &Miss) -> Option<u64> {
        match miss {
            Miss::Object(ghost) | Miss::Method { ghost, .. } => Some(ghost.id),
            Miss::ClassIndex(index) => self.class_indices.get(index).copied(),
            Miss::Class(name) => {
                let class = BehaviorName::class(name.clone());
                self.names.get(&Named::Behavior(class)).copied()
            }
            Miss::Global(name) => self.names.get(&Named::Global(name.clone())).copied(),
            Miss::Known(_) => None,
        }
    }

    fn put_aside(&mut self, draft: Verified) {
        let placed = draft.placed();
        let id = id_of(placed);
        if let Some(name) = name_of(&placed.draft) {
            self.names.insert(name, id);
        }
        match &placed.draft {
            Draft::Class(_) => self.class_indices.insert(placed.class_indices.0, id),
            Draft::Meta(_) => self.class_indices.insert(placed.class_indices.1, id),
            _ => None,
        };
        self.drafts.insert(id, draft);
    }

    /// Moves a draft into an answer, behind what it needs. What is taken is gone from here, so names
    /// that lead round in a circle come to an end.
    fn take(&mut self, id: u64, answer: &mut Answer) {
        let mut steps = vec![Step::Fetch(id)];
        while let Some(step) = steps.pop() {
            match step {
                Step::Put(draft) => {
                    self.declare(&draft.placed().draft, answer);
                    answer.drafts.push(draft);
                }
                Step::Fetch(id) => {
                    let Some(draft) = self.drafts.remove(&id) else {
                        continue;
                    };
                    let needs = needs(&draft.placed().draft);
                    steps.push(Step::Put(draft));
                    let ids = needs.iter().rev().filter_map(|name| self.names.get(name));
                    steps.extend(ids.copied().map(Step::Fetch));
                }
            }
        }
    }

    fn declare(&mut self, draft: &Draft, answer: &mut Answer) {
        let mut names: Vec<&Name> = Vec::new();
        if let Draft::Class(class) = draft {
            names.push(&class.name);
        }
        for local in draft.locals() {
            if let Ref::Class(behavior) = &local.class {
                names.push(&behavior.class);
            }
        }
        for name in names {
            if let Some((index, meta_index)) = self.undeclared.remove(name) {
                answer.class_indices.push((name.clone(), index, meta_index));
            }
        }
    }
}

fn all_verified(drafts: Vec<Placed<Draft>>) -> Result<Vec<Verified>, Rejection> {
    drafts.into_iter().map(Verified::new).collect()
}

/// The name under which other drafts refer to a draft.
fn name_of(draft: &Draft) -> Option<Named> {
    match draft {
        Draft::Class(class) => Some(Named::Behavior(BehaviorName::class(class.name.clone()))),
        Draft::Meta(meta) => Some(Named::Behavior(BehaviorName::meta(meta.name.clone()))),
        Draft::Object(object) => binding(&object.root),
        Draft::Method(_) => None,
    }
}

fn binding(reference: &Ref) -> Option<Named> {
    match reference {
        Ref::Global(name) => Some(Named::Global(name.clone())),
        Ref::ClassVariable { class, name } => {
            Some(Named::ClassVariable(class.clone(), name.clone()))
        }
        _ => None,
    }
}

/// What must be in the heap before a draft is, as the master orders its answers.
fn needs(draft: &Draft) -> Vec<Named> {
    let mut needs = Vec::new();
    match draft {
        Draft::Class(class) => {
            let superclass = class.superclass.clone().map(BehaviorName::class);
            needs.extend(superclass.map(Named::Behavior));
        }
        Draft::Meta(meta) => {
            let class = BehaviorName::class(meta.name.clone());
            needs.push(Named::Behavior(meta.superclass.clone()));
            needs.push(Named::Behavior(class));
        }
        Draft::Method(method) => needs.push(Named::Behavior(method.behavior.clone())),
        Draft::Object(_) => {}
    }
    needs.extend(draft.references().into_iter().filter_map(binding));
    needs
}

#[cfg(test)]
mod tests {
    use super::*;
    use imprint_isa::{ClassDraft, CodeBody, MethodDraft, ObjectDraft};
    use imprint_model::{Ghost, InstanceSpec, MethodHeader};

    /// All that the methods here do.
    const RETURN_RECEIVER: u8 = 0x58;

    fn class(name: &str, superclass: Option<&str>, id: u64) -> Placed<Draft> {
        let draft = ClassDraft {
            name: name.into(),
            superclass: superclass.map(Name::from),
            instance_spec: InstanceSpec {
                spec: 1,
                fixed_fields: 0,
            },
            instance_variables: vec![],
            class_variables: vec![],
            pools: vec![],
            package: "".into(),
            tag: "".into(),
            methods: vec![],
            slots: vec![],
            meta: None,
        };
        Placed {
            id,
            class_indices: (id as u32 + 1000, id as u32 + 2000),
            ..Placed::nowhere(Draft::Class(draft))
        }
    }

    fn method(class: &str, literal: Ref, id: u64) -> Placed<Draft> {
        let draft = MethodDraft {
            behavior: BehaviorName::class(class),
            selector: "run".into(),
            protocol: "".into(),
            shape: 0,
            code: CodeBody {
                header: MethodHeader {
                    literal_count: 3,
                    ..MethodHeader::default()
                },
                literals: vec![literal, Ref::symbol("run"), Ref::Global(class.into())],
                bytecodes: vec![RETURN_RECEIVER],
            },
            locals: vec![],
        };
        Placed {
            id,
            ..Placed::nowhere(Draft::Method(draft))
        }
    }

    fn global(name: &str, id: u64) -> Placed<Draft> {
        let draft = ObjectDraft {
            root: Ref::Global(name.into()),
            locals: vec![],
        };
        Placed {
            id,
            ..Placed::nowhere(Draft::Object(draft))
        }
    }

    fn ids(answer: &Answer) -> Vec<u64> {
        answer.drafts.iter().map(|it| id_of(it.placed())).collect()
    }

    /// A class that was asked for; behind it all that its method needs.
    fn filled() -> (Waiting, Answer) {
        let mut waiting = Waiting::default();
        let answer = waiting
            .keep(Bundle {
                placed: vec![
                    class("Other", None, 1),
                    class("Top", None, 2),
                    class("Low", Some("Top"), 3),
                    global("Registry", 4),
                    method("Low", Ref::Global("Registry".into()), 5),
                ],
                asked: 1,
                aliases: vec![],
                classes: vec![("Other".into(), 1001, 2001), ("Low".into(), 1003, 2003)],
            })
            .expect("sound drafts");
        (waiting, answer)
    }

    #[test]
    fn only_what_was_asked_for_comes_at_once() {
        let (waiting, answer) = filled();
        assert_eq!(ids(&answer), [1]);
        assert_eq!(answer.class_indices, [("Other".into(), 1001, 2001)]);
        assert_eq!(waiting.count(), 4);
    }

    #[test]
    fn what_is_missed_later_comes_behind_what_it_needs() {
        let (mut waiting, _) = filled();
        let miss = Miss::Method {
            behavior: BehaviorName::class("Low"),
            selector: "run".into(),
            ghost: Ghost { id: 5, hash: 1 },
        };
        let mut answer = Answer::default();
        assert!(waiting.satisfy(&miss, &mut answer));
        assert_eq!(ids(&answer), [2, 3, 4, 5]);
        assert_eq!(answer.class_indices, [("Low".into(), 1003, 2003)]);
        assert_eq!(waiting.count(), 0);
        assert!(!waiting.satisfy(&miss, &mut Answer::default()), "it went");
    }

    #[test]
    fn each_kind_of_miss_finds_what_waits() {
        let object = |id| Miss::Object(Ghost { id, hash: 1 });
        let cases = [
            (Miss::Class("Top".into()), Some(2)),
            (Miss::ClassIndex(1002), Some(2)),
            (Miss::Global("Registry".into()), Some(4)),
            (object(4), Some(4)),
            (object(9), None),
            (Miss::Class("Other".into()), None),
            (Miss::Known(imprint_model::Known::Smalltalk), None),
        ];
        for (miss, expected) in cases {
            let (mut waiting, _) = filled();
            let mut answer = Answer::default();
            assert_eq!(waiting.satisfy(&miss, &mut answer), expected.is_some());
            assert_eq!(ids(&answer).last().copied(), expected, "{miss:?}");
        }
    }

    #[test]
    fn what_waits_of_the_seed_is_taken_like_the_rest_and_told_apart() {
        let mut waiting = Waiting::default();
        waiting
            .keep_seed(
                vec![class("Top", None, 2), class("Low", Some("Top"), 3)],
                vec![("Top".into(), 1002, 2002), ("Low".into(), 1003, 2003)],
            )
            .expect("sound drafts");
        let answer = waiting
            .keep(Bundle {
                placed: vec![method("Low", Ref::NIL, 5), method("Low", Ref::NIL, 6)],
                asked: 1,
                ..Bundle::default()
            })
            .expect("sound drafts");
        assert_eq!(ids(&answer), [2, 3, 5]);
        assert_eq!(answer.class_indices.len(), 2);
        let of_seed = answer
            .drafts
            .iter()
            .map(|it| waiting.is_of_seed(it.placed()));
        assert_eq!(of_seed.collect::<Vec<_>>(), [true, true, false]);
        assert_eq!(waiting.count(), 1, "only what came over the wire counts");
    }

    #[test]
    fn classes_that_inherit_from_each_other_come_to_an_end() {
        let mut waiting = Waiting::default();
        waiting
            .keep(Bundle {
                placed: vec![class("A", Some("B"), 1), class("B", Some("A"), 2)],
                ..Bundle::default()
            })
            .expect("sound drafts");
        let mut answer = Answer::default();
        assert!(waiting.satisfy(&Miss::Class("A".into()), &mut answer));
        assert_eq!(ids(&answer), [2, 1]);
    }
}
