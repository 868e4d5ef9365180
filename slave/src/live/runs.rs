//! Code for a daemon whose runs have a machine each: what is pushed stands for the run that goes on and for
//! all that come.
//!
//! ```text
//!   a run goes on     push ──> bell ──> the machine stops at a safepoint ──> revise
//!   nothing runs      push ──> a machine that is only made to try it on
//!   a run begins      a fresh machine ──> all that stands is put into it again, in order (D8)
//! ```

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Result, anyhow};
use imprint_host::Waker;
use imprint_vm::{Event, Outcome, RunLimits, Vm};

use super::desk::LOOK;
use super::running::LiveRun;
use crate::ending::sentence_of;
use crate::session::Session;

/// Wakes the machine that runs now; clones wake the same.
#[derive(Clone, Default)]
pub struct Bell(Arc<Mutex<Option<Waker>>>);

impl Bell {
    /// Lets the machine look whether somebody ordered something, where one runs.
    pub fn ring(&self) {
        let waker = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(waker) = waker.as_ref() {
            // A full queue means that the machine is about to look anyway.
            let _ = waker.push(Event::Order(LOOK));
        }
    }

    fn hang(&self, waker: Option<Waker>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = waker;
    }
}

/// What carries out the orders that stop a machine in one of its runs: an extension of the machine.
#[derive(Clone)]
struct Heeded(Rc<RefCell<LiveRun>>);

/// From now on [`heed`] carries out the orders of `live` in this machine.
pub fn take_heed(vm: &mut Vm, live: Rc<RefCell<LiveRun>>) {
    vm.extensions.insert(Heeded(live));
}

/// Carries out the orders that stopped a run, and lets it go on until it ends otherwise; `begun` is how long
/// the clocks had stood still when the run began. In a machine that takes no code this does nothing.
pub fn heed(vm: &mut Vm, outcome: Outcome, limits: &RunLimits, begun: Duration) -> Outcome {
    match vm.extensions.get::<Heeded>().cloned() {
        Some(Heeded(live)) => live.borrow_mut().go_on_within(vm, outcome, limits, begun),
        None => outcome,
    }
}

/// What is pushed into the runs of a daemon.
pub struct RunsPushes {
    live: Rc<RefCell<LiveRun>>,
    bell: Bell,
}

impl RunsPushes {
    /// Orders come to `live`, and ring the bell.
    pub fn new(live: LiveRun, bell: Bell) -> RunsPushes {
        let live = Rc::new(RefCell::new(live));
        RunsPushes { live, bell }
    }

    /// Puts all that stands into the machine of a run that begins, which takes orders from now on.
    ///
    /// # Errors
    /// What does not fit any more.
    pub fn begin(&self, session: &mut Session) -> Result<()> {
        self.bell.hang(Some(session.waker().quiet()));
        self.renew(session)?;
        take_heed(&mut session.vm, self.live.clone());
        self.live.borrow_mut().look(&mut session.vm);
        Ok(())
    }

    /// The machine of the last run takes no orders any more.
    pub fn end(&self) {
        self.bell.hang(None);
    }

    fn renew(&self, session: &mut Session) -> Result<()> {
        let mut live = self.live.borrow_mut();
        session.line.borrow_mut().pushed = live.texts();
        let renewed = live.renew(&mut session.vm);
        renewed.map_err(|why| {
            anyhow!("{why}; take it back with   slave ctl URL rollback, and run again")
        })
    }

    /// Carries out what was ordered while nothing runs, in a machine of its own from `open`.
    pub fn between(&self, open: impl FnOnce() -> Result<Session>) {
        if !self.live.borrow_mut().has_orders() {
            return;
        }
        let opened = open().and_then(|mut session| {
            self.renew(&mut session)?;
            Ok(session)
        });
        let mut live = self.live.borrow_mut();
        match opened {
            Ok(mut session) => live.look(&mut session.vm),
            Err(error) => live.do_without(&sentence_of(&error)),
        }
    }
}
