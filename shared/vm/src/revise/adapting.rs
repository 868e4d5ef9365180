//! Code that stays while the shape of its class changes: where it is, and what becomes of it.
//!
//! All code of a behaviour is adapted, whether a dictionary holds it or only an activation or a closure:
//! the old method that is being finished finds its variables where they went.

use imprint_heap::NeedsSpace;
use imprint_isa::BehaviorName;
use imprint_isa::Name;
use imprint_isa::adaptation::{Adaptation, adapt};
use imprint_model::Oop;
use imprint_model::layout::{association, behavior, context};
use rustc_hash::FxHashMap;

use super::RevisionError;
use super::shapes::ShapeChange;
use crate::install::MethodDictionary;
use crate::machine::Vm;

/// Blocks in blocks, at most.
const NESTING_MAX: usize = 256;

/// Code with what becomes of it.
pub(super) struct Adapted {
    /// The code as it was.
    pub old: Oop,
    /// Bytes and places.
    pub adaptation: Adaptation,
    /// Which of the changes it is for.
    pub change: usize,
}

/// Code objects that changed places: in use, and as it was before.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct CodePair {
    /// What runs.
    pub in_use: Oop,
    /// What ran before, kept for the way back.
    pub original: Oop,
    /// Where each instruction went.
    pub adaptation: Adaptation,
}

impl Vm {
    /// The method in which a block stands; a method itself.
    pub(super) fn home_of_code(&self, code: Oop) -> Oop {
        let mut at = code;
        for _ in 0..NESTING_MAX {
            let Some(last) = self.heap.literal_count(at).checked_sub(1) else {
                break;
            };
            let outer = self.heap.literal(at, last);
            if !outer.is_object() || !self.heap.format(outer).is_code() {
                break;
            }
            at = outer;
        }
        at
    }

    /// The index of the behaviour that code was compiled for, as its binding says.
    pub(super) fn behavior_index_of_code(&self, code: Oop) -> Option<u32> {
        let home = self.home_of_code(code);
        let last = self.heap.literal_count(home).checked_sub(1)?;
        let binding = self.heap.literal(home, last);
        let is_binding = binding.is_object()
            && self.heap.format(binding).is_pointers()
            && self.heap.pointer_slot_count(binding) > association::VALUE;
        let class = is_binding.then(|| self.heap.slot(binding, association::VALUE))?;
        self.heap.index_of_class(class)
    }

    /// The selector under which a behaviour's own dictionary holds a method.
    pub(super) fn selector_in(&self, owner: &BehaviorName, method: Oop) -> Option<Name> {
        let class = self.names.behavior(&self.heap, owner)?;
        let dictionary = MethodDictionary(self.heap.slot(class, behavior::METHOD_DICTIONARY));
        let mut entries = dictionary.entries(&self.heap).into_iter();
        let (selector, _) = entries.find(|(_, value)| *value == method)?;
        self.heap.string_text(selector).map(Name::from)
    }

    /// What becomes of code for the changes.
    ///
    /// # Errors
    /// Where some cannot be adapted.
    pub(super) fn adaptations(
        &self,
        codes: &[(Oop, usize)],
        changes: &[ShapeChange],
    ) -> Result<Vec<Adapted>, RevisionError> {
        let mut adapted = Vec::new();
        for (old, number) in codes.iter().copied() {
            let change = &changes[number];
            let set = self.heap.method_header(old).unwrap_or_default().set;
            let found = adapt(set, self.heap.code_bytes(old), |index| change.place(index));
            let found = found.map_err(|error| RevisionError::Unadaptable {
                method: self.title_of_code(&change.behavior, old),
                error,
            })?;
            adapted.extend(found.map(|adaptation| Adapted {
                old,
                adaptation,
                change: number,
            }));
        }
        Ok(adapted)
    }

    fn title_of_code(&self, owner: &BehaviorName, code: Oop) -> String {
        match self.selector_in(owner, self.home_of_code(code)) {
            Some(selector) => format!("{owner}>>{selector}"),
            None => format!("a method of {owner}"),
        }
    }

    /// A copy of code with other bytes; what it refers to is the same.
    pub(super) fn copy_of_code(&mut self, old: Oop, bytes: &[u8]) -> Result<Oop, NeedsSpace> {
        let header = self.heap.method_header(old).unwrap_or_default();
        let index = self.heap.class_index_of(old);
        let new = self.heap.allocate_code(index, header, bytes)?;
        for slot in 1..=self.heap.literal_count(old) {
            let literal = self.heap.slot(old, slot);
            self.heap.store(new, slot, literal);
        }
        if self.heap.is_read_only(old) {
            self.heap.set_read_only(new, true);
        }
        Ok(new)
    }

    /// Lets pairs of code objects exchange their identities, and takes activations along; `place` says
    /// where an instruction went. No frame may be on the stack.
    pub(super) fn exchange_code(
        &mut self,
        first: &[Oop],
        second: &[Oop],
        contexts: &[Oop],
        place: impl Fn(usize, usize) -> Option<usize>,
    ) {
        let (heap, mut roots) = self.split();
        heap.become_exchange(first, second, &mut roots);
        let numbers: FxHashMap<Oop, usize> = second.iter().copied().zip(0..).collect();
        for oop in contexts {
            let method = self.heap.slot(*oop, context::METHOD);
            if let Some(number) = numbers.get(&method) {
                self.move_pc(*oop, method, |offset| place(*number, offset));
            }
        }
    }

    fn move_pc(&mut self, oop: Oop, method: Oop, place: impl Fn(usize) -> Option<usize>) {
        let before = 8 * (1 + self.heap.literal_count(method)) + 1;
        let pc = self.heap.slot(oop, context::PC).as_small_integer();
        let offset = pc.and_then(|pc| usize::try_from(pc).ok()?.checked_sub(before));
        // A context that is dead has no pc, and one whose pc a program wrote may not have a sane one.
        if let Some(offset) = offset.and_then(place) {
            self.heap
                .store(oop, context::PC, Oop::index(offset + before));
        }
    }
}
