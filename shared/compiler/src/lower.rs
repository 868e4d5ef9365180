//! One operation to its instruction, and the height of the stack along the way.

use imprint_isa::Instruction;
use imprint_isa::primitives::QuickReturn;
use imprint_syntax::Span;

use crate::ir::{Constant, Entry, EntryId, Operation, Temp};
use crate::layout::{JumpKind, Layout};

impl Layout<'_, '_> {
    pub(crate) fn operation(&mut self, operation: Operation, span: Span) {
        match operation {
            Operation::Label(label) => {
                if let Some(depth) = self.label_depths[label.0 as usize] {
                    self.depth = depth;
                }
            }
            Operation::Jump(label) => self.jump(JumpKind::Always, label, span),
            Operation::JumpBack(label) => self.jump(JumpKind::Back, label, span),
            Operation::JumpIf { condition, label } => {
                self.shrink(1);
                self.jump(
                    if condition {
                        JumpKind::IfTrue
                    } else {
                        JumpKind::IfFalse
                    },
                    label,
                    span,
                );
            }
            Operation::SendDirectedSuper {
                selector,
                binding,
                arguments,
            } => {
                self.directed_super(selector, binding, arguments, span);
            }
            Operation::StoreInstance(index) if self.setting.long_instance_variables => {
                // There is no "store" that may meet a context, only a "pop into".
                self.instruction(Instruction::PopReceiverVariable { index, long: true }, span);
                self.instruction(
                    Instruction::PushReceiverVariable { index, long: true },
                    span,
                );
            }
            _ => {
                self.account(operation);
                let instruction = self.instruction_of(operation);
                self.instruction(instruction, span);
            }
        }
    }

    fn directed_super(&mut self, selector: EntryId, binding: EntryId, arguments: u8, span: Span) {
        let literal = self.number(selector);
        let binding = self.number(binding);
        self.grow(1);
        self.instruction(Instruction::PushLiteralVariable(binding), span);
        self.shrink(1 + usize::from(arguments));
        self.instruction(
            Instruction::SendSuper {
                literal,
                arguments,
                directed: true,
            },
            span,
        );
    }

    /// Follows the height of the stack.
    fn account(&mut self, operation: Operation) {
        match operation {
            Operation::PushReceiver
            | Operation::PushConstant(_)
            | Operation::PushLiteral(_)
            | Operation::PushBinding(_)
            | Operation::PushInstance(_)
            | Operation::PushTemp(_)
            | Operation::PushRemote { .. }
            | Operation::PushThisContext
            | Operation::PushThisProcess
            | Operation::Dup
            | Operation::NewArray(_) => self.grow(1),
            Operation::Pop
            | Operation::PopBinding(_)
            | Operation::PopInstance(_)
            | Operation::PopTemp(_)
            | Operation::PopRemote { .. }
            | Operation::ReturnTop
            | Operation::BlockReturnTop => self.shrink(1),
            Operation::SendSpecial { arguments, .. }
            | Operation::Send { arguments, .. }
            | Operation::SendSuper { arguments, .. } => {
                self.shrink(usize::from(arguments));
            }
            // The array is made before its elements are taken, as in Pharo's count.
            Operation::PopIntoArray(count) => {
                self.grow(1);
                self.shrink(usize::from(count));
            }
            Operation::PushClosure { copied, .. } => {
                self.shrink(usize::from(copied));
                self.grow(1);
            }
            _ => {}
        }
    }

    fn grow(&mut self, by: usize) {
        self.depth += by;
        self.depth_max = self.depth_max.max(self.depth);
    }

    fn shrink(&mut self, by: usize) {
        debug_assert!(self.depth >= by, "the generator pops only what it pushed");
        self.depth = self.depth.saturating_sub(by);
    }

    /// The instruction for an operation that is neither label, jump nor directed send.
    fn instruction_of(&mut self, operation: Operation) -> Instruction {
        let long = self.setting.long_instance_variables;
        match operation {
            Operation::PushConstant(constant) => push_constant(constant),
            Operation::PushLiteral(entry) => Instruction::PushLiteral(self.number(entry)),
            Operation::PushBinding(entry) => Instruction::PushLiteralVariable(self.number(entry)),
            Operation::PushInstance(index) => Instruction::PushReceiverVariable {
                index,
                long: long || index > 15,
            },
            Operation::StoreInstance(index) => {
                Instruction::StoreReceiverVariable { index, long: true }
            }
            Operation::PopInstance(index) => Instruction::PopReceiverVariable {
                index,
                long: long || index > 7,
            },
            Operation::StoreBinding(entry) => Instruction::StoreLiteralVariable(self.number(entry)),
            Operation::PopBinding(entry) => Instruction::PopLiteralVariable(self.number(entry)),
            Operation::SendSpecial { position, .. } => Instruction::SendSpecial(position),
            Operation::Send {
                selector,
                arguments,
            } => Instruction::Send {
                literal: self.number(selector),
                arguments,
            },
            Operation::SendSuper {
                selector,
                arguments,
            } => Instruction::SendSuper {
                literal: self.number(selector),
                arguments,
                directed: false,
            },
            Operation::PushClosure {
                block,
                copied,
                no_outer,
            } => Instruction::PushClosure {
                literal: self.number(block),
                copied,
                receiver_on_stack: false,
                no_outer,
            },
            Operation::NewArray(size) => Instruction::PushNewArray(size),
            Operation::PopIntoArray(size) => Instruction::PopIntoArray(size),
            Operation::ReturnConstant(Constant::True) => Instruction::ReturnTrue,
            Operation::ReturnConstant(Constant::False) => Instruction::ReturnFalse,
            Operation::ReturnConstant(_) => Instruction::ReturnNil,
            other => self.plain_instruction(other),
        }
    }

    fn plain_instruction(&self, operation: Operation) -> Instruction {
        match operation {
            Operation::PushReceiver => Instruction::PushReceiver,
            Operation::PushThisContext => Instruction::PushThisContext,
            Operation::PushThisProcess => Instruction::PushThisProcess,
            Operation::Dup => Instruction::Dup,
            Operation::Pop => Instruction::Pop,
            Operation::ReturnReceiver => Instruction::ReturnReceiver,
            Operation::ReturnTop => Instruction::ReturnTop,
            Operation::BlockReturnTop => Instruction::BlockReturnTop,
            Operation::PushTemp(temp) => Instruction::PushTemp(self.slot(temp)),
            Operation::StoreTemp(temp) | Operation::StoreError(temp) => {
                Instruction::StoreTemp(self.slot(temp))
            }
            Operation::PopTemp(temp) => Instruction::PopTemp(self.slot(temp)),
            Operation::PushRemote { slot, vector } => Instruction::PushRemoteTemp {
                index: slot,
                vector: self.slot(vector),
            },
            Operation::StoreRemote { slot, vector } => Instruction::StoreRemoteTemp {
                index: slot,
                vector: self.slot(vector),
            },
            Operation::PopRemote { slot, vector } => Instruction::PopRemoteTemp {
                index: slot,
                vector: self.slot(vector),
            },
            _ => Instruction::Nop,
        }
    }

    fn slot(&self, temp: Temp) -> u8 {
        let slot = self.code.slots[temp.0 as usize];
        debug_assert!(
            slot.is_some(),
            "a temporary is declared before its code is laid out"
        );
        slot.unwrap_or(0)
    }

    /// The primitive that does all that the method does, if there is one.
    pub(crate) fn quick_return(&self) -> Option<QuickReturn> {
        if !self.setting.may_be_quick || self.code.argument_count > 0 {
            return None;
        }
        let reached = self
            .code
            .operations
            .iter()
            .zip(&self.reached)
            .filter(|(_, reached)| **reached);
        let mut operations = reached.map(|(operation, _)| *operation);
        let quick = match (operations.next()?, operations.next()) {
            (Operation::ReturnReceiver, None) => QuickReturn::Receiver,
            (Operation::ReturnConstant(Constant::True), None) => QuickReturn::True,
            (Operation::ReturnConstant(Constant::False), None) => QuickReturn::False,
            (Operation::ReturnConstant(Constant::Nil), None) => QuickReturn::Nil,
            (push, Some(Operation::ReturnTop)) => self.quick_push(push)?,
            _ => return None,
        };
        operations.next().is_none().then_some(quick)
    }

    fn quick_push(&self, push: Operation) -> Option<QuickReturn> {
        match push {
            Operation::PushConstant(Constant::Zero) => Some(QuickReturn::Integer(0)),
            Operation::PushConstant(Constant::One) => Some(QuickReturn::Integer(1)),
            Operation::PushLiteral(entry) => match self.code.entries[entry.0 as usize] {
                Entry::Integer(-1) => Some(QuickReturn::Integer(-1)),
                Entry::Integer(2) => Some(QuickReturn::Integer(2)),
                _ => None,
            },
            Operation::PushInstance(index) if !self.setting.long_instance_variables => {
                u8::try_from(index).ok().map(QuickReturn::Field)
            }
            _ => None,
        }
    }
}

fn push_constant(constant: Constant) -> Instruction {
    match constant {
        Constant::Nil => Instruction::PushNil,
        Constant::True => Instruction::PushTrue,
        Constant::False => Instruction::PushFalse,
        Constant::Zero => Instruction::PushInteger(0),
        Constant::One => Instruction::PushInteger(1),
    }
}
