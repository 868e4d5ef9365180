//! One operation to its instruction, and the height of the stack along the way.

use imprint_isa::Instruction;
use imprint_isa::primitives::QuickReturn;
use imprint_syntax::Span;

use crate::ir::{Constant, Entry, EntryId, Op, Temp};
use crate::layout::{JumpKind, Layout};

impl Layout<'_, '_> {
    pub(crate) fn operation(&mut self, op: Op, span: Span) {
        match op {
            Op::Label(label) => {
                if let Some(depth) = self.label_depths[label.0 as usize] {
                    self.depth = depth;
                }
            }
            Op::Jump(label) => self.jump(JumpKind::Always, label, span),
            Op::JumpBack(label) => self.jump(JumpKind::Back, label, span),
            Op::JumpIf { condition, label } => {
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
            Op::SendDirectedSuper {
                selector,
                binding,
                arguments,
            } => {
                self.directed_super(selector, binding, arguments, span);
            }
            Op::StoreInstance(index) if self.setting.long_instance_variables => {
                // There is no "store" that may meet a context, only a "pop into".
                self.instruction(Instruction::PopReceiverVariable { index, long: true }, span);
                self.instruction(
                    Instruction::PushReceiverVariable { index, long: true },
                    span,
                );
            }
            _ => {
                self.account(op);
                let instruction = self.instruction_of(op);
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
    fn account(&mut self, op: Op) {
        match op {
            Op::PushReceiver
            | Op::PushConstant(_)
            | Op::PushLiteral(_)
            | Op::PushBinding(_)
            | Op::PushInstance(_)
            | Op::PushTemp(_)
            | Op::PushRemote { .. }
            | Op::PushThisContext
            | Op::PushThisProcess
            | Op::Dup
            | Op::NewArray(_) => self.grow(1),
            Op::Pop
            | Op::PopBinding(_)
            | Op::PopInstance(_)
            | Op::PopTemp(_)
            | Op::PopRemote { .. }
            | Op::ReturnTop
            | Op::BlockReturnTop => self.shrink(1),
            Op::SendSpecial { arguments, .. }
            | Op::Send { arguments, .. }
            | Op::SendSuper { arguments, .. } => {
                self.shrink(usize::from(arguments));
            }
            // The array is made before its elements are taken, as in Pharo's count.
            Op::PopIntoArray(count) => {
                self.grow(1);
                self.shrink(usize::from(count));
            }
            Op::PushClosure { copied, .. } => {
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
    fn instruction_of(&mut self, op: Op) -> Instruction {
        let long = self.setting.long_instance_variables;
        match op {
            Op::PushConstant(constant) => push_constant(constant),
            Op::PushLiteral(entry) => Instruction::PushLiteral(self.number(entry)),
            Op::PushBinding(entry) => Instruction::PushLiteralVariable(self.number(entry)),
            Op::PushInstance(index) => Instruction::PushReceiverVariable {
                index,
                long: long || index > 15,
            },
            Op::StoreInstance(index) => Instruction::StoreReceiverVariable { index, long: true },
            Op::PopInstance(index) => Instruction::PopReceiverVariable {
                index,
                long: long || index > 7,
            },
            Op::StoreBinding(entry) => Instruction::StoreLiteralVariable(self.number(entry)),
            Op::PopBinding(entry) => Instruction::PopLiteralVariable(self.number(entry)),
            Op::SendSpecial { position, .. } => Instruction::SendSpecial(position),
            Op::Send {
                selector,
                arguments,
            } => Instruction::Send {
                literal: self.number(selector),
                arguments,
            },
            Op::SendSuper {
                selector,
                arguments,
            } => Instruction::SendSuper {
                literal: self.number(selector),
                arguments,
                directed: false,
            },
            Op::PushClosure { block, copied } => Instruction::PushClosure {
                literal: self.number(block),
                copied,
                receiver_on_stack: false,
                no_outer: false,
            },
            Op::NewArray(size) => Instruction::PushNewArray(size),
            Op::PopIntoArray(size) => Instruction::PopIntoArray(size),
            Op::ReturnConstant(Constant::True) => Instruction::ReturnTrue,
            Op::ReturnConstant(Constant::False) => Instruction::ReturnFalse,
            Op::ReturnConstant(_) => Instruction::ReturnNil,
            other => self.plain_instruction(other),
        }
    }

    fn plain_instruction(&self, op: Op) -> Instruction {
        match op {
            Op::PushReceiver => Instruction::PushReceiver,
            Op::PushThisContext => Instruction::PushThisContext,
            Op::PushThisProcess => Instruction::PushThisProcess,
            Op::Dup => Instruction::Dup,
            Op::Pop => Instruction::Pop,
            Op::ReturnReceiver => Instruction::ReturnReceiver,
            Op::ReturnTop => Instruction::ReturnTop,
            Op::BlockReturnTop => Instruction::BlockReturnTop,
            Op::PushTemp(temp) => Instruction::PushTemp(self.slot(temp)),
            Op::StoreTemp(temp) | Op::StoreError(temp) => Instruction::StoreTemp(self.slot(temp)),
            Op::PopTemp(temp) => Instruction::PopTemp(self.slot(temp)),
            Op::PushRemote { slot, vector } => Instruction::PushRemoteTemp {
                index: slot,
                vector: self.slot(vector),
            },
            Op::StoreRemote { slot, vector } => Instruction::StoreRemoteTemp {
                index: slot,
                vector: self.slot(vector),
            },
            Op::PopRemote { slot, vector } => Instruction::PopRemoteTemp {
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
            .ops
            .iter()
            .zip(&self.reached)
            .filter(|(_, reached)| **reached);
        let mut ops = reached.map(|(op, _)| *op);
        let quick = match (ops.next()?, ops.next()) {
            (Op::ReturnReceiver, None) => QuickReturn::Receiver,
            (Op::ReturnConstant(Constant::True), None) => QuickReturn::True,
            (Op::ReturnConstant(Constant::False), None) => QuickReturn::False,
            (Op::ReturnConstant(Constant::Nil), None) => QuickReturn::Nil,
            (push, Some(Op::ReturnTop)) => self.quick_push(push)?,
            _ => return None,
        };
        ops.next().is_none().then_some(quick)
    }

    fn quick_push(&self, push: Op) -> Option<QuickReturn> {
        match push {
            Op::PushConstant(Constant::Zero) => Some(QuickReturn::Integer(0)),
            Op::PushConstant(Constant::One) => Some(QuickReturn::Integer(1)),
            Op::PushLiteral(entry) => match self.code.entries[entry.0 as usize] {
                Entry::Integer(-1) => Some(QuickReturn::Integer(-1)),
                Entry::Integer(2) => Some(QuickReturn::Integer(2)),
                _ => None,
            },
            Op::PushInstance(index) if !self.setting.long_instance_variables => {
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
