//! Running an expression that is a draft already.

use imprint_isa::{Draft, MethodDraft, Placed};
use imprint_model::Oop;

use crate::install::{InstallError, Installer, Unbound};
use crate::machine::Vm;
use crate::outcome::{Outcome, RunLimits};

/// Priority of the processes that run expressions: that of user code.
const PRIORITY: i64 = 40;

impl Vm {
    /// Runs an expression with a receiver to its end, whatever that is. Globals that it names and
    /// nobody has bound are `unbound`.
    ///
    /// # Errors
    /// Where it cannot be installed; then nothing ran.
    pub fn run_expression(
        &mut self,
        draft: &MethodDraft,
        receiver: Oop,
        unbound: Unbound,
    ) -> Result<Outcome, InstallError> {
        let placed = Placed::nowhere(Draft::Method(draft.clone()));
        let mut installer = Installer {
            heap: &mut self.heap,
            names: &mut self.names,
            presence: &mut self.presence,
            unbound,
        };
        let method = installer.make_method(draft, &placed, 0)?;
        let process = self.spawn(method, receiver, PRIORITY)?;
        Ok(self.run_until(process, RunLimits::default()))
    }
}
