//! Finding space, and what happens where there is none.
//!
//! ```text
//!   space is missing ── collect ──────────── it fits: run again
//!                          │      └── one object is too large: run again; the primitive fails with
//!                          │          'insufficient object memory', so the image raises OutOfMemory
//!                          ▼ the limit is reached, or a bytecode wants it, which cannot fail
//!   the context is sent outOfMemory ── and whoever handles that lives on a loan of the heap,
//!                          │            until a full collection finds that all fits without it
//!                          ▼ the loan is used up
//!   Outcome::OutOfMemory
//! ```
//!
//! Before all that the low space semaphore is signalled, where the image asked for it.

use imprint_heap::{Collection, NeedsSpace};
use imprint_model::{ClassIndex, Known, Oop};

use crate::lookup::Lookup;
use crate::machine::Vm;
use crate::outcome::Outcome;
use crate::stop::{NEXT, Stop};

/// A primitive that wants more than this is refused though the loan is out: it is no sign that the
/// program cannot go on.
const SMALL_BYTES: usize = 64 << 10;
/// Most times that telling a context is tried again, after a page was freed or a method fetched.
const TELLING_TRIES_MAX: usize = 100;

impl Vm {
    /// Makes room; answers how the run ends where there is none for good.
    pub(crate) fn find_space(&mut self, space: NeedsSpace) -> Option<Outcome> {
        if std::mem::take(&mut self.is_out_of_space) {
            return self.run_out_of_memory();
        }
        let report = self.collect(Collection::Scavenge);
        if !report.is_out_of_memory && self.heap.reserve(space.bytes).is_ok() {
            return None;
        }
        self.collect(Collection::Full);
        if self.heap.is_over_limit() {
            return self.run_out_of_memory();
        }
        self.is_out_of_space = self.heap.reserve(space.bytes).is_err();
        let is_hopeless = self.is_out_of_space && self.heap.has_lent() && space.bytes < SMALL_BYTES;
        is_hopeless.then_some(Outcome::OutOfMemory)
    }

    /// A primitive is refused for want of space: the image handles that on a loan.
    pub(crate) fn refuse_space(&mut self) {
        self.is_out_of_space = false;
        self.signal_low_space();
        self.heap.lend_reserve();
    }

    /// There is no space, and nobody who could be refused.
    fn run_out_of_memory(&mut self) -> Option<Outcome> {
        self.signal_low_space();
        if !self.heap.lend_reserve() {
            return Some(Outcome::OutOfMemory);
        }
        if !self.is_running {
            return None;
        }
        self.tell_out_of_memory()
    }

    /// Sends `outOfMemory` to the active context, in front of the bytecode that wants space. An
    /// image whose contexts do not understand it has the low space semaphore alone.
    fn tell_out_of_memory(&mut self) -> Option<Outcome> {
        for _ in 0..TELLING_TRIES_MAX {
            let stop = match self.try_to_tell() {
                Ok(()) => return None,
                Err(stop) => stop,
            };
            let outcome = match stop {
                Stop::NeedsPage => self.free_a_page(),
                Stop::Miss(miss) => self.fetch(*miss),
                Stop::NeedsSpace(space) => self.find_space(space),
                _ => return None,
            };
            if outcome.is_some() {
                return outcome;
            }
        }
        Some(Outcome::OutOfMemory)
    }

    fn try_to_tell(&mut self) -> Result<(), Stop> {
        let selector = self.heap.intern("outOfMemory")?;
        let context = self.marry(self.stack.newest(self.stack.active()))?;
        let class_index = self.heap.class_index_of(context);
        if !self.understands(selector, class_index)? {
            return Ok(());
        }
        let before = self.stack.load();
        let mut r = before;
        r.push(context);
        self.stack.save(&r);
        if self.send_slowly(selector, class_index, 0, 0) == NEXT {
            return Ok(());
        }
        match self.pending_stop.take() {
            Some(stop) if stop.restarts() => {
                self.stack.save(&before);
                Err(stop)
            }
            // The frame is made; the look at the world that is due comes with the next send.
            _ => Ok(()),
        }
    }

    fn understands(&mut self, selector: Oop, class_index: u32) -> Result<bool, Stop> {
        let Some(class) = self.heap.class_at(class_index) else {
            return Ok(false);
        };
        let found = self.lookup(selector, class)?;
        Ok(matches!(found, Lookup::Method(_)) && class_index == ClassIndex::CONTEXT)
    }

    /// Signals the low space semaphore once, if less is left than the image asked for.
    pub(crate) fn watch_low_space(&mut self) {
        if self.low_space_bytes > self.heap.free_bytes() {
            self.signal_low_space();
        }
    }

    /// Tells the image which process ran when space became low. It has to ask again.
    fn signal_low_space(&mut self) {
        if std::mem::take(&mut self.low_space_bytes) == 0 {
            return;
        }
        let active = self.active_process_or_nil();
        self.heap.set_known(Known::LowSpaceProcess, active);
        let semaphore = self.heap.known(Known::LowSpaceSemaphore);
        self.signal_from_outside(semaphore);
    }
}
