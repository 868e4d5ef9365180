//! How the image's own code runs while packages come or go.

use imprint_isa::MethodDraft;
use imprint_model::Oop;
use imprint_vm::install::Unbound;
use imprint_vm::{Outcome, Vm};

use crate::error::PackageError;

/// In what kind of machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Manner {
    /// In one that does nothing else: it never collects, and what runs takes as long as it takes.
    Alone,
    /// Between two runs of one that goes on afterwards: it may collect whenever something runs, and what
    /// takes longer than a few seconds has failed.
    Aside,
}

impl Manner {
    /// Runs an expression to its end.
    pub fn run(
        self,
        vm: &mut Vm,
        step: &str,
        expression: &MethodDraft,
    ) -> Result<Oop, PackageError> {
        let nil = vm.heap.nil();
        self.run_on(vm, step, expression, nil)
    }

    /// The same, with a receiver.
    pub fn run_on(
        self,
        vm: &mut Vm,
        step: &str,
        expression: &MethodDraft,
        receiver: Oop,
    ) -> Result<Oop, PackageError> {
        let failed = |why: String| PackageError::Failed {
            step: step.to_owned(),
            why,
        };
        if self == Manner::Aside {
            return vm.run_aside(expression, receiver).map_err(failed);
        }
        match vm.run_expression(expression, receiver, Unbound::Refuse)? {
            Outcome::Returned(value) => Ok(value),
            Outcome::Terminated { error } => Err(failed(
                error.unwrap_or_else(|| "its process was terminated".to_owned()),
            )),
            other => Err(failed(format!("{other:?}"))),
        }
    }
}
