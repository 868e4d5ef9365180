//! How a run of the machine ends, and what bounds it.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use imprint_isa::Miss;
use imprint_model::Oop;

use crate::outside::OutsideError;
use crate::supply::Wanted;

/// Why `run` or `run_until` came back.
#[derive(Debug)]
pub enum Outcome {
    /// The process returned this value from its bottom context.
    Returned(Oop),
    /// The process was terminated before it returned, by an unhandled error or by somebody.
    Terminated {
        /// What was printed last on its behalf, where the machine knows it.
        error: Option<String>,
    },
    /// The image quit with this exit code.
    Quit(i32),
    /// Something pruned was reached and the image holds no way to say so: the machine printed the
    /// sentence. Exit code 4.
    Pruned {
        /// The sentence.
        sentence: String,
    },
    /// The deadline passed.
    TimedOut,
    /// Something is missing and there is nobody to ask, or who was asked refused.
    NoSource {
        /// What is missing.
        miss: Box<Miss>,
        /// What the outside said.
        error: OutsideError,
    },
    /// Something pruned was reached, and somebody offers supplies. Whoever owns the machine asks for it, and
    /// may run on: [`crate::Vm::go_without_supply`] where it did not come.
    Wanted(Box<Wanted>),
    /// No process can run, and nothing can wake one.
    Deadlock,
    /// The interrupt flag was raised.
    Interrupted,
    /// An order arrived; its owner handles it and may run on.
    Ordered(u64),
    /// The image asks to be saved. Its contexts are in the heap; whoever saves it then calls
    /// [`crate::Vm::saved`] and may run on.
    Snapshot,
    /// The heap is full, and the limit of its size is reached.
    OutOfMemory,
    /// The machine met something that no image may hold.
    Corrupt(String),
}

impl Outcome {
    /// Whether the run is not over: somebody else has something to do before it goes on.
    pub fn is_pause(&self) -> bool {
        matches!(self, Outcome::Ordered(_) | Outcome::Wanted(_))
    }
}

/// What bounds a run.
#[derive(Clone, Default, Debug)]
pub struct RunLimits {
    /// The run ends as [`Outcome::TimedOut`] at the first safepoint after this.
    pub deadline: Option<Instant>,
    /// Raised by another thread: the run ends as [`Outcome::Interrupted`] at the next safepoint.
    pub interrupt: Option<Arc<AtomicBool>>,
}
