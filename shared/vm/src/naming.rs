//! Names of classes, methods and activations, for people.

use imprint_isa::BehaviorName;
use imprint_model::Oop;
use imprint_model::layout::{additional_method_state, class, metaclass, process};

use crate::context::Place;
use crate::machine::Vm;
use crate::stand_in::{NAME, PLACEHOLDER_CLASS};

impl Vm {
    /// The name of a class or metaclass, read from the object itself; `?` where it has none.
    pub fn behavior_name(&self, behavior: Oop) -> BehaviorName {
        let name_of = |oop: Oop| {
            let has_name = oop.is_object() && self.heap.pointer_slot_count(oop) > class::NAME;
            has_name
                .then(|| self.heap.string_text(self.heap.slot(oop, class::NAME)))
                .flatten()
        };
        if !behavior.is_object() {
            return BehaviorName::class("?");
        }
        if let Some(name) = name_of(behavior) {
            return BehaviorName::class(name);
        }
        if self.heap.pointer_slot_count(behavior) > metaclass::THIS_CLASS {
            let only = self.heap.slot(behavior, metaclass::THIS_CLASS);
            if let Some(name) = name_of(only) {
                return BehaviorName::meta(name);
            }
        }
        BehaviorName::class("?")
    }

    /// What a stand-in stands for: a placeholder says it itself, an instance by its class.
    pub fn stand_in_name(&self, oop: Oop, class: Oop) -> Option<String> {
        let behavior = self.behavior_name(class);
        if *behavior.class != *PLACEHOLDER_CLASS || !self.has_slots(oop, NAME + 1) {
            return Some(behavior.to_string());
        }
        self.heap.string_text(self.heap.slot(oop, NAME))
    }

    /// The method in which a block stands; of a method itself.
    pub fn home_method(&self, code: Oop) -> Oop {
        let mut code = code;
        loop {
            let count = self.heap.literal_count(code);
            let last = if count == 0 {
                self.heap.nil()
            } else {
                self.heap.literal(code, count - 1)
            };
            if !last.is_object() || !self.heap.format(last).is_code() {
                return code;
            }
            code = last;
        }
    }

    /// The selector of a method, where its literals say it.
    pub fn selector_of(&self, code: Oop) -> Option<Oop> {
        let method = self.home_method(code);
        let index = self.heap.literal_count(method).checked_sub(2)?;
        let literal = self.heap.literal(method, index);
        if !literal.is_object() {
            return None;
        }
        if !self.heap.format(literal).is_pointers() {
            return Some(literal);
        }
        let has_selector = self.heap.slot_count(literal) > additional_method_state::SELECTOR;
        has_selector.then(|| self.heap.slot(literal, additional_method_state::SELECTOR))
    }

    /// `Class>>selector` of a method, or of the method in which a block stands.
    pub fn method_name(&self, code: Oop) -> String {
        let method = self.home_method(code);
        let class = match self.heap.literal_count(method) {
            0 => self.heap.nil(),
            _ => self.class_of_method(method),
        };
        let selector = self
            .selector_of(method)
            .and_then(|oop| self.heap.string_text(oop));
        let selector = selector.unwrap_or_else(|| "?".to_string());
        format!("{}>>{selector}", self.behavior_name(class))
    }

    /// The activations of a process, newest first, at most `limit`: `[] in Foo>>bar`.
    pub fn stack_lines(&self, process_oop: Oop, limit: usize) -> Vec<String> {
        let mut next = self.newest_place_of(process_oop);
        let mut lines = Vec::new();
        while let Some(place) = next.filter(|_| lines.len() < limit) {
            let is_block = self.closure_of(place) != self.heap.nil();
            let prefix = if is_block { "[] in " } else { "" };
            lines.push(format!(
                "{prefix}{}",
                self.method_name(self.method_of(place))
            ));
            next = self.sender(place);
        }
        lines
    }

    fn newest_place_of(&self, process_oop: Oop) -> Option<Place> {
        if self.is_running && self.active_process_or_nil() == process_oop {
            return Some(self.active_place());
        }
        if self.is_context(process_oop) {
            return Some(self.place_of(process_oop));
        }
        let is_process = process_oop.is_object()
            && self.heap.pointer_slot_count(process_oop) > process::PRIORITY;
        let context =
            is_process.then(|| self.heap.slot(process_oop, process::SUSPENDED_CONTEXT))?;
        self.is_context(context).then(|| self.place_of(context))
    }
}
