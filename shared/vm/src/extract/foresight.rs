//! What a method will miss next, read off its code: nobody runs it here.
//!
//! ```text
//!   push Counter, send new      -> Counter, Counter class, the method that Counter class finds for new
//!   push self, send increase    -> the method that the class of the method finds for increase
//!   super initialize            -> the method above
//!   anything else, send sel     -> the implementors of sel, where there are few
//! ```
//!
//! The stack is followed in a straight line with, for each value, the behaviour where lookup for it
//! begins, if that is plain to see. What is wrong costs bytes and nothing else: it waits beside the
//! slave's heap until it is touched, and is forgotten when it never is.

use imprint_isa::bytecode::{Instruction, decode};
use imprint_isa::special_selectors::{CLASS_POSITION, SPECIAL_SELECTORS};
use imprint_isa::{Body, CodeBody, MethodDraft, Name, Ref};
use imprint_model::layout::{association, behavior, metaclass};
use imprint_model::{BytecodeSet, ClassIndex, Oop};

use super::{Extractor, Place};

/// A message to a receiver of which nothing is known brings the implementors, if they are no more.
const IMPLEMENTORS_MAX: usize = 2;
/// Superclasses that are looked at, so that no damaged chain is followed for ever.
const SUPERCLASSES_MAX: usize = 1000;

/// What a method will need next, the surest first where two say the same.
pub(super) fn foresee(extractor: &Extractor<'_>, method: &MethodDraft) -> Vec<Oop> {
    let names = extractor.index.names();
    let Some(owner) = names.behavior(extractor.heap, &method.behavior) else {
        return Vec::new();
    };
    let mut reading = Reading {
        extractor,
        owner,
        stack: Vec::new(),
        temps: Vec::new(),
        found: Vec::new(),
    };
    reading.read(&method.code);
    for local in &method.locals {
        if let Body::Code(block) = &local.body {
            reading.read(block);
        }
    }
    reading.found
}

/// Where lookup for a value begins; `None` where that is not plain to see.
type Lookup = Option<Oop>;

struct Reading<'a, 'b> {
    extractor: &'b Extractor<'a>,
    /// The behaviour of the method.
    owner: Oop,
    stack: Vec<Lookup>,
    temps: Vec<Lookup>,
    found: Vec<Oop>,
}

impl Reading<'_, '_> {
    fn read(&mut self, code: &CodeBody) {
        if code.header.set != BytecodeSet::SistaV1 {
            return;
        }
        self.stack.clear();
        self.temps.clear();
        let mut at = 0;
        while let Ok(decoded) = decode(&code.bytecodes, at) {
            at += decoded.length;
            self.step(decoded.instruction, code);
        }
    }

    fn step(&mut self, instruction: Instruction, code: &CodeBody) {
        match instruction {
            Instruction::PushReceiver => self.stack.push(Some(self.owner)),
            Instruction::PushLiteralVariable(literal) => {
                let value = self.variable(code, literal);
                self.stack.push(value);
            }
            Instruction::PushInteger(_) => self.push_instance(ClassIndex::SMALL_INTEGER),
            Instruction::PushCharacter(_) => self.push_instance(ClassIndex::CHARACTER),
            Instruction::PushNewArray(_) => self.push_instance(ClassIndex::ARRAY),
            Instruction::PushLiteral(literal) => {
                let value = self.literal(code, literal);
                self.stack.push(value);
            }
            Instruction::PushTemp(number) => {
                let value = self.temps.get(usize::from(number)).copied().flatten();
                self.stack.push(value);
            }
            Instruction::PushReceiverVariable { .. }
            | Instruction::PushRemoteTemp { .. }
            | Instruction::PushTrue
            | Instruction::PushFalse
            | Instruction::PushNil
            | Instruction::PushThisContext
            | Instruction::PushThisProcess => self.stack.push(None),
            Instruction::Dup => {
                let top = self.stack.last().copied().flatten();
                self.stack.push(top);
            }
            Instruction::PopIntoArray(count) => {
                self.drop(usize::from(count));
                self.push_instance(ClassIndex::ARRAY);
            }
            Instruction::PushClosure { copied, .. } => {
                self.drop(usize::from(copied));
                self.push_instance(ClassIndex::FULL_BLOCK_CLOSURE);
            }
            Instruction::PopTemp(number) => {
                let value = self.pop();
                self.note_temp(number, value);
            }
            Instruction::StoreTemp(number) => {
                let value = self.stack.last().copied().flatten();
                self.note_temp(number, value);
            }
            Instruction::Pop
            | Instruction::JumpTrue(_)
            | Instruction::JumpFalse(_)
            | Instruction::PopReceiverVariable { .. }
            | Instruction::PopLiteralVariable(_)
            | Instruction::PopRemoteTemp { .. } => self.drop(1),
            send => self.send(send, code),
        }
    }

    fn send(&mut self, instruction: Instruction, code: &CodeBody) {
        match instruction {
            Instruction::SendSpecial(position) if usize::from(position) == CLASS_POSITION => {
                self.class_of_top();
            }
            Instruction::SendSpecial(position) => {
                let (selector, arguments) = SPECIAL_SELECTORS[usize::from(position)];
                self.message(&selector.into(), arguments);
            }
            Instruction::Send { literal, arguments } => {
                if let Some(Ref::Symbol(selector)) = code.literals.get(usize::from(literal)) {
                    match &**selector {
                        "class" => self.class_of_top(),
                        _ => self.message(&selector.clone(), arguments),
                    }
                }
            }
            Instruction::SendSuper {
                literal, arguments, ..
            } => {
                if let Some(Ref::Symbol(selector)) = code.literals.get(usize::from(literal)) {
                    self.drop(usize::from(arguments) + 1);
                    let above = self.extractor.heap.slot(self.owner, behavior::SUPERCLASS);
                    self.expect_method(above, &selector.clone());
                    self.stack.push(Some(self.owner));
                }
            }
            _ => {}
        }
    }

    /// A message: what it needs, and what it answers.
    fn message(&mut self, selector: &Name, arguments: u8) {
        self.drop(usize::from(arguments));
        let Some(receiver) = self.pop() else {
            self.expect_implementors(selector);
            return self.stack.push(None);
        };
        let is_known = self.expect_method(receiver, selector);
        if !is_known {
            self.expect_implementors(selector);
        }
        // Most messages to a class answer an instance of it.
        let instance = self.instance_of(receiver);
        self.stack.push(instance);
    }

    /// Of a metaclass the class whose side it is.
    fn instance_of(&self, receiver: Oop) -> Lookup {
        match self.extractor.index.place(receiver) {
            Some(Place::Behavior(name)) if name.meta => {
                Some(self.extractor.heap.slot(receiver, metaclass::THIS_CLASS))
            }
            _ => None,
        }
    }

    fn class_of_top(&mut self) {
        let heap = self.extractor.heap;
        let receiver = self.pop();
        let meta = receiver.and_then(|class| heap.class_at(heap.class_index_of(class)));
        self.stack.push(meta);
    }

    /// What is found for a selector from a behaviour on, and the behaviour itself, which lookup goes
    /// through. Answers whether something is found.
    fn expect_method(&mut self, receiver: Oop, selector: &Name) -> bool {
        let heap = self.extractor.heap;
        let implementors = self.extractor.index.implementors(selector);
        let mut at = receiver;
        for _ in 0..SUPERCLASSES_MAX {
            if !at.is_object() || at == heap.nil() {
                break;
            }
            if let Some((_, method)) = implementors.iter().find(|(class, _)| *class == at) {
                self.found.extend([receiver, *method]);
                return true;
            }
            at = heap.slot(at, behavior::SUPERCLASS);
        }
        false
    }

    fn expect_implementors(&mut self, selector: &Name) {
        let implementors = self.extractor.index.implementors(selector);
        if implementors.len() <= IMPLEMENTORS_MAX {
            self.found
                .extend(implementors.iter().map(|(_, method)| *method));
        }
    }

    /// Where lookup for the value of a literal variable begins; a class comes with its class side.
    fn variable(&mut self, code: &CodeBody, literal: u16) -> Lookup {
        let names = self.extractor.index.names();
        let heap = self.extractor.heap;
        let binding = match code.literals.get(usize::from(literal))? {
            Ref::Global(name) => names.global(name)?,
            Ref::ClassVariable { class, name } => names.class_variable(class, name)?,
            _ => return None,
        };
        let value = heap.follow(heap.slot(binding, association::VALUE));
        if !value.is_object() || value == heap.nil() {
            return None;
        }
        self.found.push(value);
        heap.class_at(heap.class_index_of(value))
    }

    fn literal(&self, code: &CodeBody, literal: u16) -> Lookup {
        let heap = self.extractor.heap;
        match code.literals.get(usize::from(literal))? {
            Ref::Symbol(_) => {
                heap.class_at(self.extractor.index.names().class_index("ByteSymbol")?)
            }
            Ref::SmallInteger(_) => heap.class_at(ClassIndex::SMALL_INTEGER),
            _ => None,
        }
    }

    fn push_instance(&mut self, class_index: u32) {
        self.stack.push(self.extractor.heap.class_at(class_index));
    }

    fn note_temp(&mut self, number: u8, value: Lookup) {
        let number = usize::from(number);
        if self.temps.len() <= number {
            self.temps.resize(number + 1, None);
        }
        self.temps[number] = value;
    }

    fn pop(&mut self) -> Lookup {
        self.stack.pop().flatten()
    }

    fn drop(&mut self, count: usize) {
        self.stack.truncate(self.stack.len().saturating_sub(count));
    }
}
