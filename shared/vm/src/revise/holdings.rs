//! What a slim image still holds of what others name, and what it lost; and tombstones for what stays
//! behind when code comes.

use imprint_heap::NeedsSpace;
use imprint_isa::{BehaviorName, Name};
use imprint_model::layout::{association, behavior};
use imprint_model::{Format, Known, Oop};

use crate::install::MethodDictionary;
use crate::machine::Vm;
use crate::stand_in::{StandIns, TOMBSTONE_CLASS};

/// How it stands with something that has a name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Holding {
    /// It is here, or no image would be said to have lost it.
    Here,
    /// It was pruned.
    Lost,
    /// It would be in a class that is not here.
    WithoutClass,
}

impl Vm {
    /// Whether something was left out of this image, and there is no master that would give it.
    pub fn is_slim(&self) -> bool {
        !self.can_pull() && (self.heap.is_partial() || self.has_tombstones())
    }

    /// Whether some method dictionary holds what is no method.
    fn has_tombstones(&self) -> bool {
        self.heap.classes().any(|(_, class)| {
            let dictionary = MethodDictionary(self.heap.slot(class, behavior::METHOD_DICTIONARY));
            dictionary.0.is_object()
                && dictionary.0 != self.heap.nil()
                && (dictionary.entries(&self.heap).iter()).any(|(_, value)| !self.is_code(*value))
        })
    }

    fn is_code(&self, value: Oop) -> bool {
        value.is_object() && self.heap.format(value).is_code()
    }

    /// How it stands with a class, or with its class side.
    pub fn holding_of_behavior(&self, behavior: &BehaviorName) -> Holding {
        match self.real_behavior(behavior) {
            Some(_) => Holding::Here,
            None => Holding::Lost,
        }
    }

    /// How it stands with a method of a class's own.
    pub fn holding_of_method(&self, behavior: &BehaviorName, selector: &str) -> Holding {
        if self.real_behavior(behavior).is_none() {
            return Holding::WithoutClass;
        }
        let entry = self.own_entry(behavior, selector);
        match entry.is_some_and(|value| self.is_code(value)) {
            true => Holding::Here,
            false => Holding::Lost,
        }
    }

    /// How it stands with a variable of a class or pool.
    pub fn holding_of_variable(&self, class: &Name, name: &Name) -> Holding {
        match self.names.class_variable(class, name) {
            Some(binding) => self.holding_of_value(binding),
            None => Holding::Lost,
        }
    }

    /// How it stands with what a global holds.
    pub fn holding_of_global(&self, name: &str) -> Holding {
        match self.names.global(name) {
            Some(binding) => self.holding_of_value(binding),
            None => Holding::Lost,
        }
    }

    fn holding_of_value(&self, binding: Oop) -> Holding {
        let value = self.identity(self.heap.slot(binding, association::VALUE));
        match value.is_ghost() {
            true => Holding::Lost,
            false => Holding::Here,
        }
    }

    /// The object of a behaviour, and nothing that stands in for it.
    pub(super) fn real_behavior(&self, behavior: &BehaviorName) -> Option<Oop> {
        let object = self.names.behavior(&self.heap, behavior)?;
        (!self.is_stand_in(object)).then_some(object)
    }

    /// Whether a class only stands for one that was pruned: it inherits nothing, and what it answers to
    /// whatever it does not understand is no method.
    pub fn is_stand_in(&self, class: Oop) -> bool {
        if self.heap.slot(class, behavior::SUPERCLASS) != self.heap.nil() {
            return false;
        }
        let handler = Known::DoesNotUnderstand.text().trim_start_matches('#');
        let dictionary = self.heap.slot(class, behavior::METHOD_DICTIONARY);
        if !dictionary.is_object() || dictionary == self.heap.nil() {
            return false;
        }
        let selector = self.heap.symbol(handler);
        let entry =
            selector.and_then(|selector| MethodDictionary(dictionary).at(&self.heap, selector));
        entry.is_some_and(|value| !self.is_code(value))
    }

    /// What lies in the place of a method that stays behind: the image's own tombstone, or one that says
    /// nothing.
    pub(super) fn tombstone(&mut self) -> Result<Oop, NeedsSpace> {
        let index = self.names.class_index(TOMBSTONE_CLASS);
        if let Some(index) = index.filter(|index| self.heap.is_class_index(*index)) {
            return self.heap.allocate_old(index, Format::EMPTY, 0);
        }
        let first = self.heap.first_free_class_index();
        StandIns::new(first).stone(&mut self.heap, &self.names, None)
    }
}
