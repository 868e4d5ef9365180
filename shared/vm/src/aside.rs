//! Messages that are sent between two runs: everybody else stands still meanwhile.
//!
//! No compiler is needed for them: the expression is a draft that is made here.

use std::time::{Duration, Instant};

use imprint_isa::{BehaviorName, CodeBody, Instruction, LocalObject, MethodDraft, Ref, encoder};
use imprint_model::{MethodHeader, Oop};

use crate::machine::{NONE, Vm};
use crate::outcome::{Outcome, RunLimits};

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
        self.set_aside.extend([self.target, receiver]);
        let outcome = self.run_soon(expression);
        self.target = self.set_aside.pop().unwrap_or(NONE);
        match outcome? {
            Outcome::Returned(value) => Ok(value),
            Outcome::TimedOut => {
                self.end_late_processes();
                Err(format!("it took longer than {} s", LIMIT.as_secs()))
            }
            Outcome::Terminated { error } => {
                Err(error.unwrap_or_else(|| "it ended in an error".to_string()))
            }
            other => Err(format!("{other:?}")),
        }
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
        Ok(self.run_until(process, limits))
    }
}

/// The expression that sends `self` a message, in the scope of a behaviour that its receiver is an instance
/// of; the argument, where there is one, is a literal.
pub(crate) fn message_to_self(
    owner: &BehaviorName,
    selector: &str,
    argument: Option<LocalObject>,
) -> MethodDraft {
    let locals: Vec<LocalObject> = argument.into_iter().collect();
    let count = locals.len() as u8;
    let push_argument = (count > 0).then_some(Instruction::PushLiteral(0));
    let send = Instruction::Send {
        literal: u16::from(count),
        arguments: count,
    };
    let code = [Some(Instruction::PushReceiver), push_argument];
    let mut bytecodes = Vec::new();
    for instruction in code
        .into_iter()
        .flatten()
        .chain([send, Instruction::ReturnTop])
    {
        encoder::encode(instruction, &mut bytecodes);
    }
    let binding = match owner.meta {
        true => Ref::MetaBinding(owner.class.clone()),
        false => Ref::Global(owner.class.clone()),
    };
    let mut literals: Vec<Ref> = locals.iter().map(|_| Ref::Local(0)).collect();
    literals.extend([Ref::symbol(selector), Ref::symbol("DoIt"), binding]);
    MethodDraft {
        behavior: owner.clone(),
        selector: "DoIt".into(),
        protocol: "".into(),
        shape: 0,
        code: CodeBody {
            header: MethodHeader {
                literal_count: literals.len() as u16,
                ..MethodHeader::default()
            },
            literals,
            bytecodes,
        },
        locals,
    }
}
