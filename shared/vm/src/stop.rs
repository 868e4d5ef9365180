//! Why the loop was left, and the token that says it was.
//!
//! Handlers have no hidden exits: each answers a [`Flow`], and the only way to make its `Break` is
//! to say why. Before a stop that *restarts* the machine has had no effect since the bytecode
//! began; after it, the same bytecode runs again.

use std::ops::ControlFlow;

use imprint_heap::NeedsSpace;
use imprint_isa::Miss;
use imprint_model::{BytecodeSet, Oop};

use crate::machine::Vm;
use crate::outcome::Outcome;
use crate::stack::Registers;
use crate::supply::Wanted;

/// Proof that the machine holds a [`Stop`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Stopped;

/// Whether the loop goes on.
pub(crate) type Flow = ControlFlow<Stopped>;

/// The loop goes on.
pub(crate) const NEXT: Flow = ControlFlow::Continue(());

/// Why the loop was left.
#[derive(Debug)]
pub(crate) enum Stop {
    /// Space is missing. Restarts.
    NeedsSpace(NeedsSpace),
    /// Something has not come. Restarts.
    Miss(Box<Miss>),
    /// Something pruned was reached, and somebody may supply it. Restarts.
    Wanted(Box<Wanted>),
    /// No page is free for a frame. Restarts.
    NeedsPage,
    /// The first code of a bytecode set is to run: another loop shall run it. Restarts.
    OtherBytecodes(BytecodeSet),
    /// It is time to look at the clock, the limits and the outside.
    Poll,
    /// This process shall run.
    Switch(Oop),
    /// Nothing can run.
    Idle,
    /// The idle process lets the machine wait so many microseconds.
    Relinquish {
        /// Longest wait.
        micros: u64,
    },
    /// The image asks for a collection.
    Collect {
        /// Of the whole heap, not of the young objects only.
        full: bool,
    },
    /// The run is over.
    Done(Outcome),
}

impl Stop {
    /// Whether the bytecode that stopped will run again.
    pub fn restarts(&self) -> bool {
        matches!(
            self,
            Stop::NeedsSpace(_)
                | Stop::Miss(_)
                | Stop::Wanted(_)
                | Stop::NeedsPage
                | Stop::OtherBytecodes(_)
        )
    }
}

impl From<NeedsSpace> for Stop {
    fn from(space: NeedsSpace) -> Stop {
        Stop::NeedsSpace(space)
    }
}

impl From<Box<Miss>> for Stop {
    fn from(miss: Box<Miss>) -> Stop {
        Stop::Miss(miss)
    }
}

impl From<Miss> for Stop {
    fn from(miss: Miss) -> Stop {
        Stop::Miss(Box::new(miss))
    }
}

/// Does what is rare or long out of line: it gets a copy of the registers, so that the loop's own
/// need no address and stay in those of the processor. Where it goes on, it has saved them.
#[inline(always)]
pub(crate) fn out_of_line(
    vm: &mut Vm,
    r: &mut Registers,
    what: impl FnOnce(&mut Vm, Registers) -> Flow,
) -> Flow {
    let flow = what(vm, *r);
    if flow == NEXT {
        *r = vm.stack.load();
    }
    flow
}

impl Vm {
    /// Leaves the loop, whose registers stand as given.
    #[cold]
    #[inline(never)]
    pub(crate) fn stop(&mut self, registers: Registers, stop: impl Into<Stop>) -> Flow {
        self.stack.save(&registers);
        self.stop_saved(stop.into())
    }

    /// Leaves the loop, whose registers are saved already.
    #[cold]
    pub(crate) fn stop_saved(&mut self, stop: Stop) -> Flow {
        debug_assert!(self.pending_stop.is_none(), "one stop at a time");
        self.pending_stop = Some(stop);
        ControlFlow::Break(Stopped)
    }
}
