//! Messages that are sent between two runs: everybody else stands still meanwhile.
//!
//! No compiler is needed for them: the expressions are made by `imprint_isa::expression`.

use std::time::{Duration, Instant};

use imprint_isa::MethodDraft;
use imprint_model::Oop;

use crate::machine::{NONE, Vm};
use crate::outcome::{Outcome, RunLimits};
use crate::outside::Event;
use crate::supply::Supply;

/// The highest priority but one: nobody sees an object before its message has come to an end.
const PRIORITY: i64 = 79;
/// One message may take so long.
const LIMIT: Duration = Duration::from_secs(5);

impl Vm {
    /// Runs an expression between two runs, before anybody else, and answers its value; whatever run an
    /// order interrupted can go on afterwards.
    ///
    /// # Errors
    /// Why it did not return within a few seconds.
    pub fn run_aside(&mut self, expression: &MethodDraft, receiver: Oop) -> Result<Oop, String> {
        match self.run_beside(expression, receiver)? {
            Outcome::Returned(value) => Ok(value),
            other => Err(failure_of(&other)),
        }
    }

    /// As [`Vm::run_aside`], and answers how it ended; the run that it interrupts may be about to go on.
    ///
    /// # Errors
    /// Why it could not begin.
    pub(crate) fn run_beside(
        &mut self,
        expression: &MethodDraft,
        receiver: Oop,
    ) -> Result<Outcome, String> {
        self.set_aside.extend([self.target, receiver]);
        let standstill_before = self.standstill_before;
        // Nobody is asked for anything meanwhile: it is over soon, or fails.
        let supply = self.extensions.remove::<Supply>();
        let outcome = self.run_soon(expression);
        if let Some(supply) = supply {
            self.extensions.insert(supply);
        }
        self.target = self.set_aside.pop().unwrap_or(NONE);
        self.standstill_before = standstill_before;
        if matches!(outcome, Ok(Outcome::TimedOut | Outcome::Interrupted)) {
            self.end_late_processes();
        }
        outcome
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
        let mut orders = Vec::new();
        let mut outcome = self.run_until(process, limits.clone());
        while let Outcome::Ordered(order) = outcome {
            orders.push(Event::Order(order));
            outcome = self.go_on(limits.clone());
        }
        // Nobody gives orders to what runs aside: they are for the run that goes on afterwards.
        self.postponed.extend(orders);
        Ok(outcome)
    }
}

/// Why a message that was sent aside did not return, in a user's words.
pub(crate) fn failure_of(outcome: &Outcome) -> String {
    match outcome {
        Outcome::TimedOut => format!("it took longer than {} s", LIMIT.as_secs()),
        Outcome::Terminated { error: Some(error) } => error.clone(),
        Outcome::Terminated { error: None } => "it ended in an error".to_string(),
        other => format!("{other:?}"),
    }
}
