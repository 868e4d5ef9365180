//! Weak slots and ephemerons, for both collectors.
//!
//! A weak object's indexed slots do not keep what they hold; those whose object died become nil.
//! An ephemeron keeps its other slots only while its key is reached from elsewhere. When nothing
//! more can be reached, the ephemerons whose key was not are fired: they join the queue of
//! mourners, turn into ordinary objects (so each fires once) and are traced whole; what that
//! reaches may hold further ephemerons, hence the loop.

use crate::access::slot_count_at;
use crate::address::Address;
use crate::mark::Marker;
use crate::scavenge::Scavenger;
use imprint_model::{Format, Oop};

/// The slot of an ephemeron that holds its key.
pub(crate) const KEY: usize = 0;

/// Makes an ephemeron an ordinary object.
fn fire(oop: Oop) {
    let address = Address::of(oop);
    address.set_header(address.header().with_format(Format::FIXED));
}

impl Scavenger<'_> {
    /// Traces or fires the ephemerons that were put aside. Answers how many were fired.
    pub(crate) fn settle_ephemerons(&mut self) -> usize {
        let mut fired = 0;
        while !self.ephemerons.is_empty() {
            let waiting = std::mem::take(&mut self.ephemerons);
            let is_alive = |oop: &Oop| {
                let key = Address::of(*oop).slot(KEY).load_oop();
                self.survivor(key).is_some()
            };
            let (alive, dead): (Vec<Oop>, Vec<Oop>) = waiting.into_iter().partition(is_alive);
            if alive.is_empty() {
                fired += dead.len();
                dead.iter().for_each(|oop| fire(*oop));
                self.heap.mourners.extend(dead.iter().copied());
                self.trace_settled(&dead);
            } else {
                self.ephemerons = dead;
                self.trace_settled(&alive);
            }
        }
        fired
    }

    fn trace_settled(&mut self, settled: &[Oop]) {
        for oop in settled {
            let address = Address::of(*oop);
            self.scan_slots(address, slot_count_at(address));
            self.remember_if_needed(*oop);
        }
        self.scan_to_the_end();
    }

    /// Sets the slots of weak objects right. Answers how many became nil.
    pub(crate) fn settle_weaklings(&mut self) -> usize {
        let mut cleared = 0;
        for oop in std::mem::take(&mut self.weaklings) {
            let address = Address::of(oop);
            for index in self.heap.fixed_fields(oop)..slot_count_at(address) {
                let slot = address.slot(index);
                let survivor = self.survivor(slot.load_oop());
                cleared += usize::from(survivor.is_none());
                slot.store(survivor.unwrap_or(self.heap.nil()).bits());
            }
            self.remember_if_needed(oop);
        }
        cleared
    }
}

impl Marker<'_> {
    /// Traces or fires the ephemerons that were put aside. Answers how many were fired.
    pub(crate) fn settle_ephemerons(&mut self) -> usize {
        let mut fired = 0;
        while !self.ephemerons.is_empty() {
            let waiting = std::mem::take(&mut self.ephemerons);
            let is_alive = |oop: &Oop| self.is_reached(Address::of(*oop).slot(KEY).load_oop());
            let (alive, dead): (Vec<Oop>, Vec<Oop>) = waiting.into_iter().partition(is_alive);
            if alive.is_empty() {
                fired += dead.len();
                dead.iter().for_each(|oop| fire(*oop));
                self.heap.mourners.extend(dead.iter().copied());
                self.trace_settled(&dead);
            } else {
                self.ephemerons = dead;
                self.trace_settled(&alive);
            }
        }
        fired
    }

    fn trace_settled(&mut self, settled: &[Oop]) {
        for oop in settled {
            let address = Address::of(*oop);
            self.trace_slots(address, slot_count_at(address));
        }
        self.drain();
    }

    /// Makes the slots nil whose object was not reached. Answers how many.
    pub(crate) fn settle_weaklings(&mut self) -> usize {
        let mut cleared = 0;
        for oop in std::mem::take(&mut self.weaklings) {
            let address = Address::of(oop);
            for index in self.heap.fixed_fields(oop)..slot_count_at(address) {
                let slot = address.slot(index);
                let held = self.heap.follow_in_collection(slot.load_oop());
                let is_reached = self.is_reached(held);
                cleared += usize::from(!is_reached);
                let kept = if is_reached { held } else { self.heap.nil() };
                slot.store(kept.bits());
            }
        }
        cleared
    }
}
