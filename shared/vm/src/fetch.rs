//! Misses: asking the outside for what has not come, and installing it.
//!
//! A fetch blocks the whole machine, so no process runs while a pull is open: neither one of equal
//! priority, which must not, nor one that misses the same (design D9). The clocks of the machine stand
//! still meanwhile: what a delay or a limit of time measures is the program, and not the wire.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use imprint_heap::{Collection, NeedsSpace};
use imprint_isa::verifier::{Verified, verify};
use imprint_isa::{Draft, MethodDraft, Miss, Name, ObjectDraft, Placed};
use imprint_model::Oop;
use imprint_model::layout::association;

use crate::install::{InstallError, Installer, Restated, Unbound};
use crate::machine::Vm;
use crate::outcome::Outcome;
use crate::outside::OutsideError;

/// Drafts that one miss may need one after the other before the machine gives up.
const NESTED_MISSES_MAX: usize = 1000;

impl Vm {
    /// How long this machine has waited for pulls: for so long its clocks stood still.
    pub fn standstill(&self) -> Duration {
        self.standstill
    }

    /// How long this machine was at misses: from each one until what it missed was installed, waiting included.
    pub fn fetching(&self) -> Duration {
        self.fetching
    }

    /// UTC microseconds since the beginning of 1901, as the image sees them.
    pub(crate) fn now_micros(&self) -> u64 {
        let still = self.standstill.as_micros() as u64;
        self.outside.now_micros().saturating_sub(still)
    }

    /// Installs a draft and forgets what sends meant. Answers its class, method or root object.
    ///
    /// # Errors
    /// Where it is refused; then nothing changed.
    pub fn install(&mut self, placed: &Placed<Draft>) -> Result<Oop, InstallError> {
        let installed = self.install_unseen(placed);
        self.flush_caches();
        installed
    }

    /// Installs a draft that nobody has looked at.
    fn install_unseen(&mut self, placed: &Placed<Draft>) -> Result<Oop, InstallError> {
        match self.names.restated(&self.heap, placed)? {
            Some(restated) => self.install_restated(restated, Unbound::Create),
            None => {
                self.verify_draft(&placed.draft)?;
                self.installer(Unbound::Create).install(placed)
            }
        }
    }

    /// Installs a draft that was verified where it came in.
    fn install_verified(
        &mut self,
        draft: &Verified,
        unbound: Unbound,
    ) -> Result<Oop, InstallError> {
        let placed = draft.placed();
        if let Some(restated) = self.names.restated(&self.heap, placed)? {
            return self.install_restated(restated, unbound);
        }
        if let Some(fields) = self.fields_of(&placed.draft) {
            draft.check_fields(fields)?;
        }
        self.installer(unbound).install(placed)
    }

    /// Installs a draft in another form than it was sent in.
    fn install_restated(
        &mut self,
        restated: Restated,
        unbound: Unbound,
    ) -> Result<Oop, InstallError> {
        let Restated {
            placed,
            mut changed,
        } = restated;
        changed.retain(|it| self.presence.get(it.id).is_none());
        self.verify_draft(&placed.draft)?;
        let installed = self.installer(unbound).install(&placed)?;
        self.note_latecomers(changed, &placed.local_ids);
        Ok(installed)
    }

    /// What puts drafts into the heap of this machine.
    pub(crate) fn installer(&mut self, unbound: Unbound) -> Installer<'_> {
        Installer {
            heap: &mut self.heap,
            names: &mut self.names,
            presence: &mut self.presence,
            unbound,
        }
    }

    /// The frame stack trusts code to keep to its bounds: so none comes in unseen.
    pub(crate) fn verify_draft(&mut self, draft: &Draft) -> Result<(), InstallError> {
        Ok(verify(draft, self.fields_of(draft))?)
    }

    /// The number of instance variables that the code of a draft may name, where that is known.
    fn fields_of(&mut self, draft: &Draft) -> Option<usize> {
        match draft {
            Draft::Method(method) => Some(self.names.fields_of(&method.behavior)?.names.len()),
            _ => None,
        }
    }

    /// The same miss by name, where the object missed is the value of a global: a class, mostly. The
    /// run is over, so looking through the whole heap costs nothing.
    fn named(&self, miss: Miss) -> Miss {
        let Miss::Object(ghost) = miss else {
            return miss;
        };
        let holds = |oop: &Oop| {
            self.heap.pointer_slot_count(*oop) == association::VALUE + 1
                && self.heap.slot(*oop, association::VALUE).as_ghost() == Some(ghost)
                && self.heap.is_symbol(self.heap.slot(*oop, association::KEY))
        };
        let binding = self.heap.all_objects().into_iter().find(holds);
        let name = binding.and_then(|it| {
            let key = self.heap.slot(it, association::KEY);
            self.heap.string_text(key)
        });
        name.map_or(Miss::Object(ghost), |name| Miss::Global(name.into()))
    }

    /// Gets what is missing. Answers how the run ends where that is not possible.
    pub(crate) fn fetch(&mut self, miss: Miss) -> Option<Outcome> {
        let before = self.fetching;
        let begin = Instant::now();
        let ended = self.request_and_install(miss, begin);
        // What the drafts missed in turn lies within.
        self.fetching = before + begin.elapsed();
        ended
    }

    fn request_and_install(&mut self, miss: Miss, begin: Instant) -> Option<Outcome> {
        let answer = self.outside.request(std::slice::from_ref(&miss));
        self.standstill += begin.elapsed();
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => return self.go_without(miss, error),
        };
        let last = answer.drafts.last().map(|it| &it.placed().draft);
        self.note_pull(answer.bytes, || {
            last.map_or_else(|| "a name".to_string(), Draft::to_string)
        });
        self.declare_classes(&answer);
        for draft in answer.drafts {
            if let Err(outcome) = self.install_fetched(&draft, 0) {
                return Some(outcome);
            }
            self.note_arrival(draft.into_placed());
        }
        for (ghost, reference) in answer.aliases {
            let root = ObjectDraft {
                root: reference,
                locals: Vec::new(),
            };
            let alias = Placed {
                id: ghost.id,
                ..Placed::nowhere(Draft::Object(root))
            };
            let installed =
                Verified::new(alias).map_err(|error| Outcome::Corrupt(error.to_string()));
            if let Err(outcome) = installed.and_then(|alias| self.install_fetched(&alias, 0)) {
                return Some(outcome);
            }
        }
        None
    }

    /// Gets the class of a name, where the master has one; answers whether it has.
    ///
    /// # Errors
    /// How a run ends where that cannot be told.
    pub(crate) fn fetch_class(&mut self, name: &Name) -> Result<bool, Outcome> {
        match self.fetch(Miss::Class(name.clone())) {
            None => Ok(true),
            Some(Outcome::NoSource {
                error: OutsideError::Refused(_),
                ..
            }) => Ok(false),
            Some(outcome) => Err(outcome),
        }
    }

    /// What becomes of the run where nobody has what is missing. With no master at all it was
    /// pruned, and something may stand in for it.
    fn go_without(&mut self, miss: Miss, error: OutsideError) -> Option<Outcome> {
        let is_pruned = matches!(error, OutsideError::NoMaster);
        if is_pruned && let Some(wanted) = self.want_missed(&miss) {
            return Some(wanted);
        }
        let stood_in = match is_pruned.then(|| self.stand_in_for(&miss)).transpose() {
            Ok(stood_in) => stood_in.unwrap_or(false),
            // The same is missed again once there is room.
            Err(space) => return self.make_space(space.bytes).err(),
        };
        (!stood_in).then(|| Outcome::NoSource {
            miss: Box::new(self.named(miss)),
            error,
        })
    }

    fn install_fetched(&mut self, draft: &Verified, depth: usize) -> Result<(), Outcome> {
        for _ in 0..NESTED_MISSES_MAX {
            match self.install_verified(draft, Unbound::Refuse) {
                Ok(_) => return Ok(()),
                Err(InstallError::NeedsSpace(bytes)) => self.make_space(bytes)?,
                Err(InstallError::Missing { miss, .. }) if depth < NESTED_MISSES_MAX => {
                    self.fetch(*miss).map_or(Ok(()), Err)?;
                }
                Err(error) => return Err(Outcome::Corrupt(error.to_string())),
            }
        }
        Err(Outcome::Corrupt(format!(
            "{} needs too much",
            draft.placed().draft
        )))
    }

    /// Makes the method of an expression that was compiled elsewhere, and gets what it names.
    ///
    /// # Errors
    /// How the run ends where that is not possible.
    pub fn make_expression(&mut self, draft: &MethodDraft) -> Result<Oop, Outcome> {
        let placed = Placed::nowhere(Draft::Method(draft.clone()));
        self.verify_draft(&placed.draft)
            .map_err(|error| Outcome::Corrupt(error.to_string()))?;
        for _ in 0..NESTED_MISSES_MAX {
            let made = self
                .installer(Unbound::Refuse)
                .make_method(draft, &placed, 0);
            match made {
                Ok(method) => return Ok(method),
                Err(InstallError::NeedsSpace(bytes)) => self.make_space(bytes)?,
                Err(InstallError::Missing { miss, .. }) => self.fetch(*miss).map_or(Ok(()), Err)?,
                Err(error) => return Err(Outcome::Corrupt(error.to_string())),
            }
        }
        Err(Outcome::Corrupt(format!("{} needs too much", placed.draft)))
    }

    /// Gets the classes of which there are instances and nothing more: of a class object that came, the
    /// class is its metaclass, which comes with the first message to it.
    ///
    /// # Errors
    /// How a run ends where that is not possible.
    pub fn fetch_classes_of_all(&mut self) -> Result<(), Outcome> {
        let mut asked = BTreeSet::new();
        loop {
            let mut lacking = BTreeSet::new();
            self.heap.for_each_object(|oop| {
                let index = self.heap.class_index_of(oop);
                if self.heap.class_at(index).is_none() {
                    lacking.insert(index);
                }
            });
            if lacking.is_empty() {
                return Ok(());
            }
            for index in lacking {
                if !asked.insert(index) {
                    let fault = format!("class {index} is not in what was sent for it");
                    return Err(Outcome::Corrupt(fault));
                }
                self.fetch(Miss::ClassIndex(index)).map_or(Ok(()), Err)?;
            }
        }
    }

    pub(crate) fn make_space(&mut self, bytes: usize) -> Result<(), Outcome> {
        self.collect(Collection::Full);
        let reserved: Result<(), NeedsSpace> = self.heap.reserve(bytes);
        reserved.map_err(|_| Outcome::OutOfMemory)
    }
}
