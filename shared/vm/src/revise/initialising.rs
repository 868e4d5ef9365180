//! New variables of migrated instances: nil, unless the class offers to initialise them.

use imprint_isa::expression::message_to_self;
use imprint_isa::{BehaviorName, Body, LocalObject, MethodDraft, Name, Ref};
use imprint_model::layout::behavior;
use imprint_model::{Format, Oop};

use super::RevisionError;
use crate::install::MethodDictionary;
use crate::machine::Vm;

/// What a migrated instance is sent whose class understands it: the argument is an Array of the names of
/// the variables that it has now and had not.
pub const INITIALISER: &str = "initializeAdded:";
/// Classes above a class, at most.
const SUPERCLASSES_MAX: usize = 1024;

impl Vm {
    /// Sends [`INITIALISER`] to the instances that the last revision gave new variables.
    ///
    /// # Errors
    /// Where one of them did not return: then all is to be reverted.
    pub fn initialise_added(&mut self) -> Result<(), RevisionError> {
        let changes = self.undos.last().map(|undo| undo.changes.clone());
        for (number, change) in changes.unwrap_or_default().iter().enumerate() {
            let added = change.added();
            if added.is_empty() || !self.finds_method(&change.behavior, INITIALISER) {
                continue;
            }
            let message = message(&added);
            while let Some(instance) = self.next_fresh(number) {
                self.run_aside(&message, instance)
                    .map_err(|why| RevisionError::Initialiser {
                        behavior: change.behavior.clone(),
                        why,
                    })?;
            }
        }
        if let Some(undo) = self.undos.last_mut() {
            undo.fresh.clear();
        }
        Ok(())
    }

    /// An instance that waits; it stays among the roots until it runs.
    fn next_fresh(&mut self, number: usize) -> Option<Oop> {
        let fresh = &mut self.undos.last_mut()?.fresh;
        let found = fresh.iter().position(|(change, _)| *change == number)?;
        Some(fresh.swap_remove(found).1)
    }

    /// Whether lookup in a behaviour finds a method, or the ghost of one that a master has; and no tombstone.
    pub(super) fn finds_method(&self, owner: &BehaviorName, selector: &str) -> bool {
        let Some(symbol) = self.heap.symbol(selector) else {
            return false;
        };
        let mut class = self.names.behavior(&self.heap, owner);
        for _ in 0..SUPERCLASSES_MAX {
            let Some(object) = class.filter(|oop| self.heap.looks_like_behavior(*oop)) else {
                return false;
            };
            let dictionary = MethodDictionary(self.heap.slot(object, behavior::METHOD_DICTIONARY));
            if let Some(found) = dictionary.at(&self.heap, symbol) {
                let is_code = found.is_object() && self.heap.format(found).is_code();
                return is_code || found.as_ghost().is_some() && self.can_pull();
            }
            class = Some(self.heap.slot(object, behavior::SUPERCLASS));
        }
        false
    }
}

/// The expression `self initializeAdded: #(...)`.
pub(super) fn message(added: &[Name]) -> MethodDraft {
    let names = added.iter().map(|name| Ref::Symbol(name.clone()));
    let array = LocalObject {
        read_only: true,
        ..LocalObject::mutable("Array", Format::ARRAY, Body::Slots(names.collect()))
    };
    message_to_self(INITIALISER, Some(array))
}
