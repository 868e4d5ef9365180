//! What a revision needs that is not here, and what it would lose: looked at before anything changes.

use imprint_isa::adaptation::variables_named;
use imprint_isa::{BehaviorName, Draft, Miss, Name, Placed, Ref};
use imprint_model::Oop;
use imprint_model::layout::association;
use rustc_hash::FxHashSet;

use super::migrating::Population;
use super::pulling::no_source;
use super::shapes::ShapeChange;
use super::{Loss, NewMethod, Revision, RevisionError};
use crate::install::{InstallError, Unbound};
use crate::machine::Vm;
use crate::outcome::Outcome;
use crate::outside::OutsideError;

/// Rounds in which what is missing is pulled, before the machine gives up.
const PULLS_MAX: usize = 1000;

impl Vm {
    /// Gets the classes that a revision is about, and what it names, from the master where there is one.
    ///
    /// # Errors
    /// What is missing and cannot be had.
    pub(super) fn bring_needs(&mut self, revision: &Revision) -> Result<(), RevisionError> {
        if !self.can_pull() {
            return match self.missing(revision) {
                missing if missing.is_empty() => Ok(()),
                missing => Err(RevisionError::Missing(missing)),
            };
        }
        self.pull_namesakes(revision)?;
        for _ in 0..PULLS_MAX {
            let missing = self.missing(revision);
            let Some(first) = missing.first().cloned() else {
                return self.pull_kin(revision);
            };
            match self.fetch(first) {
                None => {}
                Some(Outcome::NoSource {
                    error: OutsideError::Refused(_),
                    miss,
                }) => return Err(RevisionError::Missing(vec![*miss])),
                Some(outcome) => return Err(no_source(&outcome)),
            }
        }
        Err(RevisionError::Missing(self.missing(revision)))
    }

    /// What a revision names and neither the image nor the revision has.
    fn missing(&mut self, revision: &Revision) -> Vec<Miss> {
        let mut missing = self.missing_behaviors(revision);
        for method in &revision.methods {
            for miss in self.missing_of(method) {
                let is_named_only = self.is_nameless_class(&miss);
                if !is_named_only && !brings(revision, &miss) && !missing.contains(&miss) {
                    missing.push(miss);
                }
            }
        }
        missing
    }

    /// Classes that must be here: those that are changed or extended, and superclasses.
    fn missing_behaviors(&self, revision: &Revision) -> Vec<Miss> {
        let new = |name: &Name| revision.classes.iter().any(|draft| draft.name == *name);
        let mut wanted: Vec<BehaviorName> = Vec::new();
        for draft in &revision.classes {
            // Without a master what was pruned of it is made anew.
            let is_known = self.can_pull() && self.names.class(&draft.name).is_some();
            wanted.extend(is_known.then(|| BehaviorName::meta(draft.name.clone())));
            let superclass = draft.superclass.clone().filter(|name| !new(name));
            wanted.extend(superclass.map(BehaviorName::meta));
        }
        let extended = revision.methods.iter().map(|it| it.draft.behavior.clone());
        let removed = revision
            .removed
            .iter()
            .map(|(behavior, _)| behavior.clone());
        wanted.extend(extended.chain(removed).filter(|it| !new(&it.class)));
        let absent = wanted.iter().filter_map(|it| self.missing_behavior(it));
        let mut seen = FxHashSet::default();
        absent.filter(|miss| seen.insert(miss.clone())).collect()
    }

    fn missing_behavior(&self, behavior: &BehaviorName) -> Option<Miss> {
        let class = BehaviorName::class(behavior.class.clone());
        if self.real_behavior(&class).is_none() {
            return Some(Miss::Class(behavior.class.clone()));
        }
        let is_here = self.real_behavior(behavior).is_some();
        let index = (self.names.index_of(behavior)).filter(|_| self.can_pull());
        let by_index = index.map(Miss::ClassIndex);
        (!is_here).then(|| by_index.unwrap_or_else(|| Miss::Class(behavior.class.clone())))
    }

    fn missing_of(&mut self, method: &NewMethod) -> Vec<Miss> {
        let draft = Draft::Method(method.draft.clone());
        let installer = self.installer(Unbound::Refuse);
        let count = draft.locals().len();
        let references = draft.references().into_iter();
        let references = references.map(|it| installer.check_reference(&draft, it, count));
        let classes = draft.locals().iter();
        let classes = classes.map(|it| installer.class_index_of_local(&draft, it).map(|_| ()));
        let faults = references.chain(classes).filter_map(Result::err);
        faults
            .filter_map(|error| match error {
                InstallError::Missing { miss, .. } => Some(*miss),
                _ => None,
            })
            .collect()
    }

    /// Looks at each method as an install would, once the classes of the revision are declared.
    ///
    /// # Errors
    /// The first that would be refused.
    pub(super) fn verify_methods(&mut self, revision: &Revision) -> Result<(), RevisionError> {
        for method in &revision.methods {
            let placed = Placed::nowhere(Draft::Method(method.draft.clone()));
            if placed
                .draft
                .references()
                .iter()
                .any(|it| is_of_elsewhere(it))
            {
                return Err(RevisionError::Install(InstallError::Malformed {
                    title: method.draft.to_string(),
                    what: "it refers to an object by its number in another image",
                }));
            }
            self.verify_draft(&placed.draft)?;
            let shape = self.names.shape_of(&method.draft.behavior);
            let is_other = shape.is_some_and(|shape| shape != method.draft.shape);
            if is_other && method.draft.shape != 0 {
                return Err(RevisionError::Install(InstallError::Shape(
                    method.draft.to_string(),
                )));
            }
        }
        Ok(())
    }

    /// What a revision would lose.
    pub(super) fn losses(
        &self,
        revision: &Revision,
        changes: &[ShapeChange],
        population: &Population,
    ) -> Result<Vec<Loss>, RevisionError> {
        let mut losses = Vec::new();
        for (number, change) in changes.iter().enumerate() {
            self.note_lost_values(change, population.instances(change), &mut losses);
            for (code, _) in population.codes.iter().filter(|(_, it)| *it == number) {
                self.note_lost_uses(revision, change, *code, &mut losses)?;
            }
        }
        self.note_lost_class_variables(revision, &mut losses);
        Ok(losses)
    }

    fn note_lost_values(&self, change: &ShapeChange, instances: &[Oop], losses: &mut Vec<Loss>) {
        let nil = self.heap.nil();
        for (slot, variable) in change.removed() {
            let holds = |oop: &&Oop| self.heap.slot(**oop, slot) != nil;
            let instances = instances.iter().filter(holds).count();
            if instances > 0 {
                losses.push(Loss::Values {
                    behavior: change.behavior.clone(),
                    variable,
                    instances,
                });
            }
        }
        if change.loses_elements() {
            let fixed = change.from.variables.len();
            let has_elements = |oop: &&Oop| self.heap.slot_count(**oop) > fixed;
            let instances = instances.iter().filter(has_elements).count();
            if instances > 0 {
                losses.push(Loss::Elements {
                    behavior: change.behavior.clone(),
                    instances,
                });
            }
        }
    }

    /// A method that stays in its dictionary and names a variable that goes.
    fn note_lost_uses(
        &self,
        revision: &Revision,
        change: &ShapeChange,
        code: Oop,
        losses: &mut Vec<Loss>,
    ) -> Result<(), RevisionError> {
        let removed = change.removed();
        let Some(selector) = self.staying_selector(revision, change, code) else {
            return Ok(());
        };
        if removed.is_empty() {
            return Ok(());
        }
        let method = format!("{}>>{selector}", change.behavior);
        let set = self.heap.method_header(code).unwrap_or_default().set;
        let named = variables_named(set, self.heap.code_bytes(code));
        let named = named.map_err(|error| RevisionError::Unadaptable {
            method: method.clone(),
            error: error.into(),
        })?;
        for (slot, variable) in removed {
            let loss = Loss::Use {
                method: method.clone(),
                variable,
            };
            if named.contains(&(slot as u16)) && !losses.contains(&loss) {
                losses.push(loss);
            }
        }
        Ok(())
    }

    /// The selector of the method that code belongs to, where it stays as it is.
    fn staying_selector(
        &self,
        revision: &Revision,
        change: &ShapeChange,
        code: Oop,
    ) -> Option<Name> {
        let home = self.home_of_code(code);
        let selector = self.selector_in(&change.behavior, home)?;
        let is_it = |behavior: &BehaviorName, known: &Name| {
            *behavior == change.behavior && *known == selector
        };
        let mut entered = revision.methods.iter();
        let mut removed = revision.removed.iter();
        let goes = entered.any(|it| is_it(&it.draft.behavior, &it.draft.selector))
            || removed.any(|(behavior, known)| is_it(behavior, known));
        (!goes).then_some(selector)
    }

    fn note_lost_class_variables(&self, revision: &Revision, losses: &mut Vec<Loss>) {
        for draft in &revision.classes {
            for (variable, binding) in self.names.class_variables_of(&draft.name) {
                let stays = draft.class_variables.contains(&variable);
                if !stays && self.heap.slot(binding, association::VALUE) != self.heap.nil() {
                    losses.push(Loss::ClassVariable {
                        class: draft.name.clone(),
                        variable,
                    });
                }
            }
        }
    }
}

/// Whether the revision itself makes what is missed.
fn brings(revision: &Revision, miss: &Miss) -> bool {
    let has = |name: &Name| revision.classes.iter().any(|draft| draft.name == *name);
    match miss {
        Miss::Class(name) => has(name),
        Miss::Global(name) => has(name) || revision.places.contains(name),
        _ => false,
    }
}

fn is_of_elsewhere(reference: &Ref) -> bool {
    matches!(reference, Ref::Master(_))
}
