//! Code that is put over that of a machine with a master: what is not here yet comes first.
//!
//! ```text
//!   a class of the same name      is pulled: else there would be two of it
//!   the shape of a class changes  class sides of all that inherit from it come, so does each class of which
//!                                 there are instances, and where a variable goes, the methods that may name it
//!   what comes later              is put into the new form when it does (`install::restating`)
//! ```

use imprint_isa::{BehaviorName, ClassDraft, Miss, Name};
use imprint_model::layout::behavior;

use super::shapes::{kin_reshaped, late_kin};
use super::undo::Undo;
use super::{Revision, RevisionError};
use crate::arrivals::Arrivals;
use crate::install::{ClassShape, MethodDictionary};
use crate::machine::Vm;
use crate::outcome::Outcome;

/// What is said where the master is not there when it is needed.
pub(super) fn no_source(outcome: &Outcome) -> RevisionError {
    let why = match outcome {
        Outcome::NoSource { error, .. } => error.to_string(),
        other => format!("{other:?}"),
    };
    RevisionError::NoSource(format!("what the code needs cannot be pulled: {why}"))
}

/// What says which variables instances of a class have, and the class itself.
fn own_variables(shape: &ClassShape) -> (Option<&Name>, &[Name], Option<&Vec<Name>>) {
    let of_side = shape.class_variables_of_meta.as_ref();
    (
        shape.superclass.as_ref(),
        &shape.instance_variables,
        of_side,
    )
}

impl Vm {
    /// Whether there is a master that would give what is missing.
    pub(super) fn can_pull(&self) -> bool {
        self.extensions.get::<Arrivals>().is_some()
    }

    /// Pulls the classes that a revision defines and that the master has too.
    ///
    /// # Errors
    /// Where the master is not there.
    pub(super) fn pull_namesakes(&mut self, revision: &Revision) -> Result<(), RevisionError> {
        for draft in &revision.classes {
            if self.names.class(&draft.name).is_none() {
                let asked = self.fetch_class(&draft.name);
                asked.map_err(|outcome| no_source(&outcome))?;
            }
        }
        Ok(())
    }

    /// Pulls what must be here before shapes change.
    ///
    /// # Errors
    /// Where the master is not there.
    pub(super) fn pull_kin(&mut self, revision: &Revision) -> Result<(), RevisionError> {
        if kin_reshaped(&self.names, &revision.classes, &[]).is_empty() {
            return Ok(());
        }
        let classes = self.fetch_classes_of_all();
        classes.map_err(|outcome| no_source(&outcome))?;
        let kin = kin_reshaped(&self.names, &revision.classes, &[]);
        for name in &kin {
            self.pull_side(name)?;
        }
        if self.loses_variables(&revision.classes) {
            for name in kin {
                self.pull_methods(&BehaviorName::class(name.clone()))?;
                self.pull_methods(&BehaviorName::meta(name))?;
            }
        }
        Ok(())
    }

    /// Pulls the class sides of what came since the last revision, where going back changes class sides too.
    ///
    /// # Errors
    /// Where the master is not there.
    pub(super) fn pull_sides_of_late_kin(&mut self) -> Result<(), RevisionError> {
        let changes_sides = |undo: &&Undo| undo.changes.iter().any(|it| it.behavior.meta);
        let last = self.undos.last().filter(|_| self.can_pull());
        let last = last.filter(changes_sides);
        let late = last.map_or_else(Vec::new, |undo| late_kin(&self.names, undo));
        late.iter().try_for_each(|name| self.pull_side(name))
    }

    fn pull_side(&mut self, name: &Name) -> Result<(), RevisionError> {
        let side = BehaviorName::meta(name.clone());
        let index = self.names.index_of(&side);
        match index.filter(|index| self.heap.class_at(*index).is_none()) {
            Some(index) => self.pull(Miss::ClassIndex(index)),
            None => Ok(()),
        }
    }

    /// Whether a class of the revision has fewer variables than it had.
    fn loses_variables(&self, classes: &[ClassDraft]) -> bool {
        let loses = |draft: &ClassDraft| {
            let shape = self.names.class(&draft.name)?.shape.as_ref()?;
            let side = draft.meta.as_ref().map(|meta| &meta.instance_variables);
            let had_on_side = shape.class_variables_of_meta.as_ref();
            let is_gone = |had: &[Name], has: &[Name]| had.iter().any(|it| !has.contains(it));
            let of_side = had_on_side
                .zip(side)
                .is_some_and(|(had, has)| is_gone(had, has));
            let is_elsewhere = shape.superclass != draft.superclass;
            let own = is_gone(&shape.instance_variables, &draft.instance_variables);
            Some(is_elsewhere || own || of_side)
        };
        classes.iter().any(|draft| loses(draft).unwrap_or(false))
    }

    /// Pulls the methods of a behaviour that did not come yet.
    fn pull_methods(&mut self, owner: &BehaviorName) -> Result<(), RevisionError> {
        let Some(class) = self.names.behavior(&self.heap, owner) else {
            return Ok(());
        };
        let dictionary = MethodDictionary(self.heap.slot(class, behavior::METHOD_DICTIONARY));
        let ghosts = dictionary.entries(&self.heap).into_iter();
        let ghosts = ghosts.filter_map(|(selector, value)| {
            let selector = self.heap.string_text(selector)?;
            Some((Name::from(selector), value.as_ghost()?))
        });
        let ghosts: Vec<_> = ghosts.collect();
        for (selector, ghost) in ghosts {
            self.pull(Miss::Method {
                behavior: owner.clone(),
                selector,
                ghost,
            })?;
        }
        Ok(())
    }

    fn pull(&mut self, miss: Miss) -> Result<(), RevisionError> {
        match self.fetch(miss) {
            None => Ok(()),
            Some(outcome) => Err(no_source(&outcome)),
        }
    }

    /// Gets a method of a behaviour's own, where the master has one; answers whether it is here then.
    pub fn bring_method(&mut self, owner: &BehaviorName, selector: &Name) -> bool {
        let is_code = |vm: &Vm| {
            let entry = vm.own_entry(owner, selector);
            entry.is_some_and(|it| it.is_object() && vm.heap.format(it).is_code())
        };
        if is_code(self) || !self.can_pull() {
            return is_code(self);
        }
        let is_known = self.names.class_object(&self.heap, &owner.class).is_some();
        if !is_known && !self.fetch_class(&owner.class).unwrap_or(false) {
            return false;
        }
        let ghost = |vm: &Vm| vm.own_entry(owner, selector).and_then(|it| it.as_ghost());
        let has_come = !owner.meta || self.pull_side(&owner.class).is_ok();
        if let Some(ghost) = ghost(self).filter(|_| has_come) {
            let miss = Miss::Method {
                behavior: owner.clone(),
                selector: selector.clone(),
                ghost,
            };
            // What cannot be had is not here.
            let _ = self.pull(miss);
        }
        is_code(self)
    }

    /// Keeps in mind how the master sends what the last revision reshaped.
    pub(super) fn note_as_sent(&mut self) {
        if !self.can_pull() {
            return;
        }
        let shapes = self.undos.last().map(|undo| undo.shapes.clone());
        for (name, before) in shapes.into_iter().flatten() {
            let now = self.names.class(&name).and_then(|it| it.shape.as_ref());
            let is_other = |before: &ClassShape| {
                now.is_some_and(|now| own_variables(now) != own_variables(before))
            };
            if let Some(before) = before.filter(is_other) {
                self.names.note_as_sent(&name, &before);
            }
        }
    }
}
