//! Names of classes, methods and activations, for people.

use std::fmt;

use imprint_isa::{BehaviorName, Name};
use imprint_model::Oop;
use imprint_model::layout::{additional_method_state, class, metaclass, process};

use crate::context::Place;
use crate::machine::Vm;
use crate::stand_in::{NAME, PLACEHOLDER_CLASS};

/// An activation, and how far its code has run: enough to find its line in the source.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Activation {
    /// The class where the method stands.
    pub behavior: BehaviorName,
    /// Its selector.
    pub selector: Name,
    /// The literals, 0-based, that lead from the method to the block that runs; none for the method.
    pub path: Vec<u16>,
    /// Offset of a byte of the instruction that it is at, among the bytecodes of that code.
    pub offset: u32,
}

impl fmt::Display for Activation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prefix = if self.path.is_empty() { "" } else { "[] in " };
        write!(formatter, "{prefix}{}>>{}", self.behavior, self.selector)
    }
}

impl Vm {
    /// The name of a class or metaclass, read from the object itself; `?` where it has none.
    pub fn behavior_name(&self, behavior: Oop) -> BehaviorName {
        let name = self.named_behavior(behavior);
        name.unwrap_or_else(|| BehaviorName::class("?"))
    }

    /// The name of a class or metaclass, where it has one.
    pub(crate) fn named_behavior(&self, behavior: Oop) -> Option<BehaviorName> {
        let name_of = |oop: Oop| {
            let has_name = oop.is_object() && self.heap.pointer_slot_count(oop) > class::NAME;
            has_name
                .then(|| self.heap.string_text(self.heap.slot(oop, class::NAME)))
                .flatten()
        };
        if !behavior.is_object() {
            return None;
        }
        if let Some(name) = name_of(behavior) {
            return Some(BehaviorName::class(name));
        }
        if self.heap.pointer_slot_count(behavior) <= metaclass::THIS_CLASS {
            return None;
        }
        let only = self.heap.slot(behavior, metaclass::THIS_CLASS);
        name_of(only).map(BehaviorName::meta)
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
        let class = self.class_of_method(method);
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

    /// The activations of a process or of a context, newest first, at most `limit`. The newest of the
    /// running process is about to run an instruction; all others wait for one.
    pub fn activations(&self, process_oop: Oop, limit: usize) -> Vec<Activation> {
        let mut next = self.newest_place_of(process_oop);
        let mut is_about_to_run = self.is_running && self.active_process_or_nil() == process_oop;
        let mut activations = Vec::new();
        while let Some(place) = next.filter(|_| activations.len() < limit) {
            activations.push(self.activation(place, is_about_to_run));
            is_about_to_run = false;
            next = self.sender(place);
        }
        activations
    }

    fn activation(&self, place: Place, is_about_to_run: bool) -> Activation {
        let code = self.method_of(place);
        let method = self.home_method(code);
        let class = self.class_of_method(method);
        let selector = self
            .selector_of(method)
            .and_then(|oop| self.heap.string_text(oop));
        let pc = self.pc_of(place).as_small_integer().unwrap_or(0);
        let first = (self.heap.literal_count(code) as i64 + 1) * 8 + 1;
        let offset = pc - first - i64::from(!is_about_to_run);
        Activation {
            behavior: self.behavior_name(class),
            selector: selector.map_or_else(|| "?".into(), Name::from),
            path: self.path_of(code),
            offset: u32::try_from(offset).unwrap_or(0),
        }
    }

    /// The literals that lead from a method to code in it.
    fn path_of(&self, code: Oop) -> Vec<u16> {
        let mut path = Vec::new();
        let mut inner = code;
        let home = self.home_method(code);
        while inner != home {
            let outer = self.heap.literal(inner, self.heap.literal_count(inner) - 1);
            let position = (0..self.heap.literal_count(outer))
                .find(|index| self.heap.literal(outer, *index) == inner);
            path.insert(0, position.unwrap_or(0) as u16);
            inner = outer;
        }
        path
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
