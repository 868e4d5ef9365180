//! Objects that are pulled after a push gave their class new variables: they are sent what those were sent
//! that were there when it came, before the program goes on.
//!
//! ```text
//!   a draft comes ── restated ──> waits here ── the loop is about to go on ──> run aside ──> the program
//! ```
//!
//! An initialiser may reach objects that have not come. They get their values before it goes on, unless
//! one leads to the next too often: then as soon as those end that wait for it.
//!
//! What they were sent with in a variable that is gone waits for a rollback.
//!
//! An initialiser that fails leaves its object as it is, with a warning. That the program stops where it
//! meets such an object would be worse, since the push stands already and the object is as good as any
//! whose class offers nothing.

use imprint_isa::{BehaviorName, Miss, Name, Ref};
use imprint_model::Oop;

use super::initialising::{INITIALISER, message};
use super::undo::LateValue;
use crate::aside::failure_of;
use crate::install::{Changed, Unbound};
use crate::machine::{NONE, Vm};
use crate::outcome::Outcome;
use crate::stop::Stop;

/// Initialisers that wait for each other, at most.
const NESTED_MAX: usize = 16;

/// Who waits for an initialiser.
#[derive(Default, Debug)]
pub(crate) struct Latecomers {
    waiting: Vec<Latecomer>,
    /// How many initialisers wait for one that they led to.
    depth: usize,
}

/// An object that came with fewer variables than it has.
#[derive(Debug)]
struct Latecomer {
    object: Oop,
    behavior: BehaviorName,
    added: Vec<Name>,
}

impl Latecomers {
    /// Shows every oop to a visitor that may move it.
    pub(crate) fn visit(&mut self, visitor: &mut dyn FnMut(&mut Oop)) {
        let objects = self.waiting.iter_mut().map(|it| &mut it.object);
        objects.for_each(visitor);
    }
}

impl Vm {
    /// Keeps in mind what came in another form than it was sent in.
    /// `ids` are those of the objects that came with it.
    pub(crate) fn note_latecomers(&mut self, changed: Vec<Changed>, ids: &[u64]) {
        for it in changed {
            let Some(object) = self.presence.get(it.id) else {
                continue;
            };
            for (variable, reference) in &it.dropped {
                self.note_dropped(object, &it.behavior, variable, reference, ids);
            }
            if !it.added.is_empty() {
                self.latecomers.waiting.push(Latecomer {
                    object,
                    behavior: it.behavior,
                    added: it.added,
                });
            }
        }
    }

    /// Keeps what an object was sent with in a variable that is gone, for the way back from the revision that
    /// took the variable away.
    fn note_dropped(
        &mut self,
        object: Oop,
        behavior: &BehaviorName,
        variable: &Name,
        reference: &Ref,
        ids: &[u64],
    ) {
        let mut undos = self.undos.iter();
        let Some(place) = undos.position(|undo| undo.took_away(&self.names, behavior, variable))
        else {
            return;
        };
        // Without room for a symbol or a number the variable is nil then, as it would be for the program.
        if let Ok(value) = self.installer(Unbound::Create).meaning(reference, ids) {
            self.undos[place].late.push(LateValue {
                object,
                behavior: behavior.clone(),
                variable: variable.clone(),
                value,
            });
        }
    }

    /// Initialises what came since the last time, while the process that runs stands still. Answers what
    /// ends the run or holds it up.
    #[inline]
    pub(crate) fn initialise_latecomers(&mut self) -> Option<Stop> {
        let is_deep = self.latecomers.depth >= NESTED_MAX;
        match self.latecomers.waiting.is_empty() || is_deep {
            true => None,
            false => Some(self.stand_still_for_latecomers()),
        }
    }

    /// Nobody else runs meanwhile, and then the same process goes on.
    #[cold]
    fn stand_still_for_latecomers(&mut self) -> Stop {
        if self.scheduler().is_none() {
            return self.go_on_without_processes();
        }
        if let Err(space) = self.suspend_active() {
            return space.into();
        }
        self.set_aside.push(self.active_process_or_nil());
        self.latecomers.depth += 1;
        let done = self.initialise_all_latecomers();
        self.latecomers.depth -= 1;
        self.put_off_incoming();
        let running = self.set_aside.pop().unwrap_or(NONE);
        self.incoming = running;
        match done {
            Ok(()) => Stop::Switch(running),
            Err(outcome) => Stop::Done(outcome),
        }
    }

    /// An image without processes runs one thing, and nothing beside it.
    fn go_on_without_processes(&mut self) -> Stop {
        for it in std::mem::take(&mut self.latecomers.waiting) {
            self.warn_uninitialised(&it.behavior, &it.added, "the image has no processes");
        }
        Stop::Poll
    }

    fn initialise_all_latecomers(&mut self) -> Result<(), Outcome> {
        while !self.latecomers.waiting.is_empty() {
            // What waits is not for the run that is begun for one of them.
            let batch = std::mem::take(&mut self.latecomers.waiting);
            let below = self.set_aside.len();
            self.set_aside.extend(batch.iter().map(|it| it.object));
            let mut done = Ok(());
            for (latecomer, place) in batch.into_iter().zip(below..) {
                if done.is_ok() {
                    done = self.initialise_latecomer(&latecomer, place);
                }
                if done.is_err() {
                    // Whoever goes on with this machine meets it again.
                    let object = self.set_aside[place];
                    let again = Latecomer {
                        object,
                        ..latecomer
                    };
                    self.latecomers.waiting.push(again);
                }
            }
            self.set_aside.truncate(below);
            done?;
        }
        Ok(())
    }

    /// Sends [`INITIALISER`] to the object at a place of what is set aside, with those of its new variables
    /// that are still there, where its class offers it.
    fn initialise_latecomer(&mut self, latecomer: &Latecomer, place: usize) -> Result<(), Outcome> {
        let behavior = &latecomer.behavior;
        self.fetch_behavior(behavior)?;
        let variables = self.names.all_instance_variables(behavior);
        let variables = variables.unwrap_or_default();
        let added = latecomer.added.iter().filter(|it| variables.contains(it));
        let added: Vec<Name> = added.cloned().collect();
        if added.is_empty() {
            return Ok(());
        }
        if !self.finds_method(behavior, INITIALISER) {
            return Ok(());
        }
        match self.run_beside(&message(&added), self.set_aside[place]) {
            Ok(Outcome::Returned(_)) => Ok(()),
            Ok(failed @ (Outcome::Terminated { .. } | Outcome::TimedOut | Outcome::Deadlock)) => {
                self.warn_uninitialised(behavior, &added, &failure_of(&failed));
                Ok(())
            }
            Ok(other) => Err(other),
            Err(why) => {
                self.warn_uninitialised(behavior, &added, &why);
                Ok(())
            }
        }
    }

    /// Gets a behaviour of which there is an instance and nothing more: a class object comes without its side.
    fn fetch_behavior(&mut self, behavior: &BehaviorName) -> Result<(), Outcome> {
        let index = self.names.index_of(behavior);
        match index.filter(|index| self.heap.class_at(*index).is_none()) {
            Some(index) => self.fetch(Miss::ClassIndex(index)).map_or(Ok(()), Err),
            None => Ok(()),
        }
    }

    fn warn_uninitialised(&mut self, behavior: &BehaviorName, added: &[Name], why: &str) {
        let names: Vec<String> = added.iter().map(|name| format!("'{name}'")).collect();
        self.outside.warn(&format!(
            "{} of an instance of {behavior} that came after its class was pushed may be nil, since its \
             {INITIALISER} failed: {why}; push a {INITIALISER} that works, and run again",
            names.join(", ")
        ));
    }
}
