//! New variables of migrated instances: nil, unless the class offers to initialise them.

use std::time::{Duration, Instant};

use imprint_isa::{
    BehaviorName, Body, CodeBody, Instruction, LocalObject, MethodDraft, Name, Ref, encoder,
};
use imprint_model::layout::behavior;
use imprint_model::{Format, MethodHeader, Oop};

use super::RevisionError;
use crate::install::MethodDictionary;
use crate::machine::{NONE, Vm};
use crate::outcome::{Outcome, RunLimits};

/// What a migrated instance is sent whose class understands it: the argument is an Array of the names of
/// the variables that it has now and had not.
pub const INITIALISER: &str = "initializeAdded:";
/// The highest priority but one: nobody sees an instance that was not initialised.
const PRIORITY: i64 = 79;
/// One instance may take so long.
const LIMIT: Duration = Duration::from_secs(5);
/// Classes above a class, at most.
const SUPERCLASSES_MAX: usize = 1024;

impl Vm {
    /// Sends [`INITIALISER`] to the instances that the last revision gave new variables.
    ///
    /// # Errors
    /// Where one of them did not return.
    pub(super) fn initialise_fresh(&mut self) -> Result<(), RevisionError> {
        let changes = self.undos.last().map(|undo| undo.changes.clone());
        for (number, change) in changes.unwrap_or_default().iter().enumerate() {
            let added = change.added();
            if added.is_empty() || !self.finds_method(&change.behavior, INITIALISER) {
                continue;
            }
            let message = message(&change.behavior, &added);
            while let Some(instance) = self.next_fresh(number) {
                self.initialise(instance, &message)
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

    /// Whether lookup in a behaviour finds a method, and no ghost or tombstone.
    fn finds_method(&self, owner: &BehaviorName, selector: &str) -> bool {
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
                return found.is_object() && self.heap.format(found).is_code();
            }
            class = Some(self.heap.slot(object, behavior::SUPERCLASS));
        }
        false
    }

    fn initialise(&mut self, instance: Oop, message: &MethodDraft) -> Result<(), String> {
        self.run_aside(message, instance).map(|_| ())
    }

    /// Runs an expression between two runs, before anybody else, and answers its value; whatever run an
    /// order interrupted can go on afterwards.
    ///
    /// # Errors
    /// Why it did not return within a few seconds.
    pub fn run_aside(&mut self, expression: &MethodDraft, receiver: Oop) -> Result<Oop, String> {
        self.set_aside.extend([self.target, receiver]);
        let outcome = self.run_soon(expression);
        self.target = self.set_aside.pop().unwrap_or(NONE);
        match outcome? {
            Outcome::Returned(value) => Ok(value),
            Outcome::TimedOut => {
                self.end_late_processes();
                Err(format!("it took longer than {} s", LIMIT.as_secs()))
            }
            Outcome::Terminated { error } => {
                Err(error.unwrap_or_else(|| "it ended in an error".to_string()))
            }
            other => Err(format!("{other:?}")),
        }
    }

    /// Runs an expression whose receiver was set aside last.
    fn run_soon(&mut self, expression: &MethodDraft) -> Result<Outcome, String> {
        // Making the expression may collect; the receiver is found again in its new place.
        let method = self.make_expression(expression);
        let receiver = self.set_aside.pop().unwrap_or(self.heap.nil());
        let method = method.map_err(|outcome| format!("{outcome:?}"))?;
        let process = self.spawn(method, receiver, PRIORITY);
        let process = process.map_err(|space| format!("{} bytes are missing", space.bytes))?;
        let limits = RunLimits {
            deadline: Some(Instant::now() + LIMIT),
            ..RunLimits::default()
        };
        Ok(self.run_until(process, limits))
    }
}

/// The expression `self initializeAdded: #(...)`.
fn message(owner: &BehaviorName, added: &[Name]) -> MethodDraft {
    let names = added.iter().map(|name| Ref::Symbol(name.clone()));
    let array = LocalObject {
        read_only: true,
        ..LocalObject::mutable("Array", Format::ARRAY, Body::Slots(names.collect()))
    };
    let code = [
        Instruction::PushReceiver,
        Instruction::PushLiteral(0),
        Instruction::Send {
            literal: 1,
            arguments: 1,
        },
        Instruction::ReturnTop,
    ];
    let mut bytecodes = Vec::new();
    for instruction in code {
        encoder::encode(instruction, &mut bytecodes);
    }
    let binding = match owner.meta {
        true => Ref::MetaBinding(owner.class.clone()),
        false => Ref::Global(owner.class.clone()),
    };
    let literals = vec![
        Ref::Local(0),
        Ref::symbol(INITIALISER),
        Ref::symbol("DoIt"),
        binding,
    ];
    MethodDraft {
        behavior: owner.clone(),
        selector: "DoIt".into(),
        protocol: "".into(),
        shape: 0,
        code: CodeBody {
            header: MethodHeader {
                literal_count: literals.len() as u16,
                ..MethodHeader::default()
            },
            literals,
            bytecodes,
        },
        locals: vec![array],
    }
}
