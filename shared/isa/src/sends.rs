//! The messages that a method sends, each with what is plain to see of its receiver.
//!
//! ```text
//!   push Counter, send new       to class Counter, and the answer is an instance of it
//!   push self, send increase     to the receiver of the method
//!   push temp, send foo          to what was stored there, where that is always the same
//! ```
//!
//! The stack is followed over the jumps; where two ways meet that do not agree, nothing is known. Nobody runs
//! the code: what is said here is likely, and not sure.

use std::collections::HashMap;

use crate::bytecode::Instruction;
use crate::draft::{Body, CodeBody, MethodDraft, Name, Ref};
use crate::special_selectors::SPECIAL_SELECTORS;

/// What is known of the receiver of a message.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Receiver {
    /// Nothing.
    Unknown,
    /// It is the receiver of the method.
    Myself,
    /// The same; lookup begins above the method's class.
    Super,
    /// It is the class of the receiver of the method.
    MyClass,
    /// It is what this global holds, a class mostly.
    Class(Name),
    /// It is an instance of this class.
    Instance(Name),
}

/// A message.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Sent {
    /// Its selector.
    pub selector: Name,
    /// To whom it is sent.
    pub receiver: Receiver,
}

/// The selectors that a method and its blocks send.
pub fn sends(method: &MethodDraft) -> Vec<Name> {
    sent(method).into_iter().map(|sent| sent.selector).collect()
}

/// The messages that a method and its blocks send.
pub fn sent(method: &MethodDraft) -> Vec<Sent> {
    let blocks = method.locals.iter().filter_map(|local| match &local.body {
        Body::Code(code) => Some(code),
        _ => None,
    });
    let mut found = Vec::new();
    for code in std::iter::once(&method.code).chain(blocks) {
        let mut reading = Reading {
            method,
            code,
            stack: Vec::new(),
            temps: HashMap::new(),
            joins: HashMap::new(),
            is_reached: true,
            found: &mut found,
        };
        reading.read();
    }
    found
}

/// What lies on a stack.
type Stack = Vec<Receiver>;

struct Reading<'a> {
    method: &'a MethodDraft,
    code: &'a CodeBody,
    stack: Stack,
    temps: HashMap<u8, Receiver>,
    /// The stacks with which jumps come to a place.
    joins: HashMap<usize, Stack>,
    /// Whether the code goes on from one instruction to the next.
    is_reached: bool,
    found: &'a mut Vec<Sent>,
}

impl Reading<'_> {
    fn read(&mut self) {
        let mut at = 0;
        while let Ok(decoded) = self.code.instruction_at(at) {
            if let Some(stack) = self.joins.remove(&at) {
                self.stack = match self.is_reached {
                    true => agreed(&self.stack, &stack),
                    false => stack,
                };
                self.is_reached = true;
            }
            at += decoded.length;
            self.step(decoded.instruction, at);
        }
    }

    /// Follows one instruction; `next` is where the next one begins.
    fn step(&mut self, instruction: Instruction, next: usize) {
        match instruction {
            Instruction::SendSpecial(position) => {
                let (selector, arguments) = SPECIAL_SELECTORS[usize::from(position)];
                self.message(selector.into(), arguments);
            }
            Instruction::Send { literal, arguments } => {
                if let Some(selector) = self.selector(literal) {
                    self.message(selector, arguments);
                }
            }
            Instruction::SendSuper {
                literal,
                arguments,
                directed,
            } => {
                if let Some(selector) = self.selector(literal) {
                    self.drop(usize::from(arguments) + 1 + usize::from(directed));
                    let receiver = Receiver::Super;
                    self.found.push(Sent { selector, receiver });
                    self.push(Receiver::Myself);
                }
            }
            Instruction::Jump(offset) => {
                self.join(next, offset);
                self.is_reached = false;
            }
            Instruction::JumpTrue(offset) | Instruction::JumpFalse(offset) => {
                self.drop(1);
                self.join(next, offset);
            }
            other if other.is_return() => self.is_reached = false,
            other => self.move_values(other),
        }
    }

    fn move_values(&mut self, instruction: Instruction) {
        match instruction {
            Instruction::PopIntoArray(count) => {
                self.drop(usize::from(count));
                self.push_instance("Array");
            }
            Instruction::PushClosure {
                copied,
                receiver_on_stack,
                ..
            } => {
                self.drop(usize::from(copied) + usize::from(receiver_on_stack));
                self.push_instance("FullBlockClosure");
            }
            Instruction::PushBlock { copied, .. } => {
                self.drop(usize::from(copied));
                self.push_instance("BlockClosure");
            }
            Instruction::PopTemp(number) => {
                let value = self.pop();
                self.note_temp(number, value);
            }
            Instruction::StoreTemp(number) => {
                let value = self.stack.last().cloned();
                self.note_temp(number, value.unwrap_or(Receiver::Unknown));
            }
            Instruction::Pop
            | Instruction::PopReceiverVariable { .. }
            | Instruction::PopLiteralVariable(_)
            | Instruction::PopRemoteTemp { .. } => self.drop(1),
            other => {
                if let Some(value) = self.pushed(other) {
                    self.push(value);
                }
            }
        }
    }

    /// What an instruction pushes that does nothing else.
    fn pushed(&self, instruction: Instruction) -> Option<Receiver> {
        let instance = |name: &str| Some(Receiver::Instance(name.into()));
        match instruction {
            Instruction::PushReceiver => Some(Receiver::Myself),
            Instruction::PushLiteralVariable(literal) => Some(self.variable(literal)),
            Instruction::PushLiteral(literal) => Some(self.literal(literal)),
            Instruction::PushTemp(number) => {
                let value = self.temps.get(&number).cloned();
                Some(value.unwrap_or(Receiver::Unknown))
            }
            Instruction::PushInteger(_) => instance("SmallInteger"),
            Instruction::PushCharacter(_) => instance("Character"),
            Instruction::PushNewArray(_) => instance("Array"),
            Instruction::PushTrue => instance("True"),
            Instruction::PushFalse => instance("False"),
            Instruction::PushNil => instance("UndefinedObject"),
            Instruction::PushThisContext => instance("Context"),
            Instruction::PushThisProcess => instance("Process"),
            Instruction::PushReceiverVariable { .. } | Instruction::PushRemoteTemp { .. } => {
                Some(Receiver::Unknown)
            }
            Instruction::Dup => Some(self.stack.last().cloned().unwrap_or(Receiver::Unknown)),
            _ => None,
        }
    }

    fn message(&mut self, selector: Name, arguments: u8) {
        self.drop(usize::from(arguments));
        let receiver = self.pop();
        let answer = self.answer(&selector, &receiver);
        self.found.push(Sent { selector, receiver });
        self.push(answer);
    }

    /// What a message answers. Most messages to a class answer an instance of it.
    fn answer(&self, selector: &str, receiver: &Receiver) -> Receiver {
        match (selector, receiver) {
            ("yourself", _) => receiver.clone(),
            ("class", Receiver::Instance(name)) => Receiver::Class(name.clone()),
            ("class", Receiver::Myself) => Receiver::MyClass,
            ("class", _) => Receiver::Unknown,
            (_, Receiver::Class(name)) => Receiver::Instance(name.clone()),
            (_, Receiver::MyClass) => Receiver::Myself,
            (_, Receiver::Myself) if self.method.behavior.meta => {
                Receiver::Instance(self.method.behavior.class.clone())
            }
            _ => Receiver::Unknown,
        }
    }

    fn selector(&self, literal: u16) -> Option<Name> {
        match self.code.literals.get(usize::from(literal)) {
            Some(Ref::Symbol(selector)) => Some(selector.clone()),
            _ => None,
        }
    }

    fn variable(&self, literal: u16) -> Receiver {
        match self.code.literals.get(usize::from(literal)) {
            Some(Ref::Global(name)) => Receiver::Class(name.clone()),
            _ => Receiver::Unknown,
        }
    }

    fn literal(&self, literal: u16) -> Receiver {
        let instance = |name: &str| Receiver::Instance(name.into());
        match self.code.literals.get(usize::from(literal)) {
            Some(Ref::Symbol(_)) => instance("ByteSymbol"),
            Some(Ref::SmallInteger(_)) => instance("SmallInteger"),
            Some(Ref::Character(_)) => instance("Character"),
            Some(Ref::SmallFloat(_)) => instance("SmallFloat64"),
            Some(Ref::Local(index)) => {
                let local = self.method.locals.get(*index as usize);
                match local.map(|local| &local.class) {
                    Some(Ref::Class(behavior)) => Receiver::Instance(behavior.class.clone()),
                    _ => Receiver::Unknown,
                }
            }
            _ => Receiver::Unknown,
        }
    }

    fn join(&mut self, next: usize, offset: i32) {
        let Some(place) = usize::try_from(offset).ok().map(|offset| next + offset) else {
            // Back to where it was looked at already.
            return;
        };
        let stack = match self.joins.get(&place) {
            Some(other) => agreed(&self.stack, other),
            None => self.stack.clone(),
        };
        self.joins.insert(place, stack);
    }

    fn note_temp(&mut self, number: u8, value: Receiver) {
        let known = self.temps.entry(number).or_insert_with(|| value.clone());
        if *known != value {
            *known = Receiver::Unknown;
        }
    }

    fn push(&mut self, value: Receiver) {
        self.stack.push(value);
    }

    fn push_instance(&mut self, class: &str) {
        self.push(Receiver::Instance(class.into()));
    }

    fn pop(&mut self) -> Receiver {
        self.stack.pop().unwrap_or(Receiver::Unknown)
    }

    fn drop(&mut self, count: usize) {
        let left = self.stack.len().saturating_sub(count);
        self.stack.truncate(left);
    }
}

/// What two stacks say alike.
fn agreed(one: &[Receiver], other: &[Receiver]) -> Stack {
    let both = one.iter().zip(other);
    both.map(|(one, other)| match one == other {
        true => one.clone(),
        false => Receiver::Unknown,
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draft::BehaviorName;
    use crate::encoder;

    fn found(literals: &[Ref], instructions: &[Instruction]) -> Vec<(String, Receiver)> {
        let mut bytecodes = Vec::new();
        for instruction in instructions {
            encoder::encode(*instruction, &mut bytecodes);
        }
        let method = MethodDraft {
            behavior: BehaviorName::class("Foo"),
            selector: "run".into(),
            protocol: "".into(),
            shape: 0,
            code: CodeBody {
                literals: literals.to_vec(),
                bytecodes,
                ..CodeBody::default()
            },
            locals: Vec::new(),
        };
        let sent = sent(&method).into_iter();
        sent.map(|it| (it.selector.to_string(), it.receiver))
            .collect()
    }

    const fn send(literal: u16) -> Instruction {
        Instruction::Send {
            literal,
            arguments: 0,
        }
    }

    #[test]
    fn receivers_are_followed_from_where_they_are_pushed() {
        let bar = Receiver::Instance("Bar".into());
        let literals = [
            Ref::symbol("new"),
            Ref::symbol("size"),
            Ref::Global("Bar".into()),
        ];
        let code = [
            Instruction::PushLiteralVariable(2),
            send(0),
            Instruction::PopTemp(0),
            Instruction::PushTemp(0),
            send(1),
            Instruction::PushReceiver,
            send(1),
            Instruction::ReturnTop,
        ];
        let expected = [
            ("new".to_string(), Receiver::Class("Bar".into())),
            ("size".to_string(), bar),
            ("size".to_string(), Receiver::Myself),
        ];
        assert_eq!(found(&literals, &code), expected);
    }

    #[test]
    fn what_two_ways_bring_is_known_where_they_agree() {
        let cases = [
            (
                Instruction::PushInteger(2),
                Receiver::Instance("SmallInteger".into()),
            ),
            (Instruction::PushTrue, Receiver::Unknown),
        ];
        for (other, expected) in cases {
            // self foo: (x ifTrue: [ 1 ] ifFalse: [ other ]) size
            let code = [
                Instruction::PushReceiver,
                Instruction::PushTemp(0),
                Instruction::JumpFalse(2),
                Instruction::PushInteger(1),
                Instruction::Jump(1),
                other,
                send(0),
                Instruction::Send {
                    literal: 1,
                    arguments: 1,
                },
                Instruction::ReturnTop,
            ];
            let found = found(&[Ref::symbol("size"), Ref::symbol("foo:")], &code);
            assert_eq!(found[0], ("size".to_string(), expected));
            assert_eq!(found[1], ("foo:".to_string(), Receiver::Myself));
        }
    }
}
