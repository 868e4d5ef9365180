//! Whether code fits what it is given: whoever chooses a method and its receiver at run time, or replaces a
//! literal, may choose what does not fit, and the machine reads both without asking.

use imprint_heap::Heap;
use imprint_isa::bytecode::{Instruction, code_end, decode_in};
use imprint_isa::primitives::QuickReturn;
use imprint_model::layout::{association, behavior};
use imprint_model::{Format, InstanceSpec, Oop};

use crate::context::first_pc_index;
use crate::lookup::SUPERCLASSES_MAX;
use crate::machine::Vm;

/// Blocks within blocks; the compiler's own limit is lower.
const DEPTH_MAX: usize = 64;

impl Vm {
    /// Whether a class is that of a receiver, or one above it.
    pub(crate) fn is_above(&self, class: Oop, receiver: Oop) -> bool {
        let own = self.heap.follow(self.heap.class_of(receiver));
        let above = |each: &Oop| {
            self.has_slots(*each, behavior::STRICT)
                .then(|| self.superclass_or_nil(*each))
        };
        std::iter::successors(Some(own), above)
            .take(SUPERCLASSES_MAX)
            .any(|each| each == class)
    }

    /// Whether a receiver has the variables that a method reads and writes: where the method is of a class
    /// of the receiver's, and else where its code names none that are not there.
    pub(crate) fn runs_on(&mut self, method: Oop, receiver: Oop) -> bool {
        if self.class_of_method(method) == self.heap.class_of(receiver) {
            return true;
        }
        let is_pointers = receiver.is_object() && self.heap.format(receiver).is_pointers();
        let count = match is_pointers {
            true => self.heap.slot_count(receiver),
            false => 0,
        };
        self.names_within(method, count)
    }

    /// Whether instances of a class have the variables that a method reads and writes: programs may put any
    /// method into the dictionary of any class, and any class above another.
    pub(crate) fn suits(&mut self, method: Oop, class: Oop) -> bool {
        let spec = self.heap.instance_spec(class);
        let has_fields = |spec: &InstanceSpec| spec.format().is_some_and(Format::is_pointers);
        let count = spec.filter(has_fields).map_or(0, |spec| spec.fixed_fields);
        self.names_within(method, usize::from(count))
    }

    /// Whether a method names only the first `count` variables of its receiver.
    fn names_within(&mut self, method: Oop, count: usize) -> bool {
        if let Some(named) = self.cache.named.of(method) {
            return named <= count;
        }
        let quick = self
            .primitive_number(method)
            .and_then(QuickReturn::from_number);
        let of_quick = match quick {
            Some(QuickReturn::Field(index)) => usize::from(index) + 1,
            _ => 0,
        };
        // Where blocks stand in blocks without end no receiver has enough.
        let of_code = variables_named(&self.heap, method, DEPTH_MAX).unwrap_or(usize::MAX);
        let named = of_quick.max(of_code);
        if !self.heap.is_young(method) {
            self.cache.named.note(method, named);
        }
        named <= count
    }

    /// Whether an instruction of a method begins at a pc, which counts from the first literal, from 1, as
    /// programs see it.
    pub(crate) fn is_pc(&self, method: Oop, pc: i64) -> bool {
        let before = first_pc_index(self.heap.method_header(method).unwrap_or_default());
        let wanted = usize::try_from(pc)
            .ok()
            .and_then(|pc| pc.checked_sub(before));
        wanted.is_some_and(|wanted| places(&self.heap, method).any(|(at, _)| at == wanted))
    }

    /// Whether a value can be the literal of this index, from 0, of some code: where that reads a variable
    /// a binding, where it makes a closure code.
    pub(crate) fn fits_literal(&self, code: Oop, literal: usize, value: Oop) -> bool {
        instructions(&self.heap, code).all(|instruction| match instruction {
            Instruction::PushLiteralVariable(index)
            | Instruction::PopLiteralVariable(index)
            | Instruction::StoreLiteralVariable(index) => {
                usize::from(index) != literal || self.has_slots(value, association::VALUE + 1)
            }
            Instruction::PushClosure { literal: index, .. } => {
                usize::from(index) != literal || is_code(&self.heap, value)
            }
            _ => true,
        })
    }
}

/// The instructions of some code, as far as they can be read.
fn instructions(heap: &Heap, code: Oop) -> impl Iterator<Item = Instruction> {
    places(heap, code).map(|(_, instruction)| instruction)
}

/// The instructions of some code, each with the index of its first byte.
fn places(heap: &Heap, code: Oop) -> impl Iterator<Item = (usize, Instruction)> {
    let set = heap.method_header(code).unwrap_or_default().set;
    let bytes = heap.code_bytes(code);
    let bytes = &bytes[..code_end(set, bytes)];
    let mut next = 0;
    std::iter::from_fn(move || {
        let at = next;
        let decoded = decode_in(set, bytes, at).ok()?;
        next += decoded.length;
        Some((at, decoded.instruction))
    })
}

fn is_code(heap: &Heap, oop: Oop) -> bool {
    oop.is_object() && heap.format(oop).is_code()
}

/// How many variables a receiver must have for some code and the blocks in it; nothing, and no look at the rest,
/// where blocks stand in blocks without end.
fn variables_named(heap: &Heap, code: Oop, depth: usize) -> Option<usize> {
    let depth = depth.checked_sub(1)?;
    // Behind what means nothing stands whatever a program wrote there.
    let known = instructions(heap, code).take_while(|it| !matches!(it, Instruction::Unused(_)));
    let own = known.map(|instruction| match instruction {
        Instruction::PushReceiverVariable { index, .. }
        | Instruction::PopReceiverVariable { index, .. }
        | Instruction::StoreReceiverVariable { index, .. } => usize::from(index) + 1,
        _ => 0,
    });
    // The last literal leads to what is around the code.
    let literals = (1..heap.literal_count(code)).map(|slot| heap.slot(code, slot));
    let blocks = literals.filter(|literal| is_code(heap, *literal));
    let of_own = own.max().unwrap_or(0);
    { blocks }.try_fold(of_own, |most, block| {
        Some(most.max(variables_named(heap, block, depth)?))
    })
}
