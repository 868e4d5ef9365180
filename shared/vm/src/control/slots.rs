//! Slots and copies of any object: value primitives, but for contexts, whose slots may be on the
//! stack. They are control primitives for the sake of these, since a frame can only be read, and
//! given up, while the registers are saved.

use imprint_model::layout::context as slots;
use imprint_model::{ClassIndex, Format, Oop};

use crate::args::{Args, Primitive};
use crate::failure::{Failure, PrimitiveError};
use crate::machine::Vm;
use crate::primitives::arguments::{check_writable, index_below, receiver};
use crate::primitives::{objects, subscripts};

/// The receiver where it is a context.
fn context_receiver(vm: &Vm, args: Args) -> Result<Option<Oop>, Failure> {
    let receiver = receiver(vm, args)?;
    Ok(vm.is_context(receiver).then_some(receiver))
}

/// Answers what a value primitive computes.
fn answer_value(vm: &mut Vm, args: Args, primitive: Primitive) -> Result<(), Failure> {
    let value = primitive(vm, args)?;
    vm.answer(args, value);
    Ok(())
}

/// `object:instVarAt:`: a named field, from 1.
pub(super) fn field_at(vm: &mut Vm, args: Args) -> Result<(), Failure> {
    match context_receiver(vm, args)? {
        Some(context) => read(vm, args, context, slots::FIRST_TEMP),
        None => answer_value(vm, args, subscripts::field_at),
    }
}

/// `object:instVarAt:put:`.
pub(super) fn field_at_put(vm: &mut Vm, args: Args) -> Result<(), Failure> {
    match context_receiver(vm, args)? {
        Some(context) => write(vm, args, context, slots::FIRST_TEMP),
        None => answer_value(vm, args, subscripts::field_at_put),
    }
}

/// `instVarAt:`: a slot of any kind, named fields first.
pub(super) fn slot_at(vm: &mut Vm, args: Args) -> Result<(), Failure> {
    match context_receiver(vm, args)? {
        Some(context) => read(vm, args, context, vm.heap.slot_count(context)),
        None => answer_value(vm, args, subscripts::slot_at),
    }
}

/// `instVarAt:put:`.
pub(super) fn slot_at_put(vm: &mut Vm, args: Args) -> Result<(), Failure> {
    match context_receiver(vm, args)? {
        Some(context) => write(vm, args, context, vm.heap.slot_count(context)),
        None => answer_value(vm, args, subscripts::slot_at_put),
    }
}

/// `shallowCopy`: the copy of a context has no frame.
pub(super) fn clone_object(vm: &mut Vm, args: Args) -> Result<(), Failure> {
    match context_receiver(vm, args)? {
        Some(context) => copy(vm, args, context),
        None => answer_value(vm, args, objects::clone),
    }
}

fn read(vm: &mut Vm, args: Args, context: Oop, size: usize) -> Result<(), Failure> {
    let index = index_below(vm, args, 0, size)?;
    let value = vm.context_slot(context, index)?;
    vm.answer(args, value);
    Ok(())
}

/// The value stays on top of the operands while the frame may move: the answer is put there last.
fn write(vm: &mut Vm, args: Args, context: Oop, size: usize) -> Result<(), Failure> {
    let index = index_below(vm, args, 0, size)?;
    check_writable(vm, context)?;
    let value = args.get(vm, 1);
    check_slot(vm, index, value)?;
    if !vm.can_go_on_with(context, index, value) {
        return Err(PrimitiveError::BadArgument.into());
    }
    vm.set_context_slot(context, index, value)?;
    let page = vm.stack.active();
    let operands = args.first() - args.base() + args.count();
    vm.stack.drop_words(page, operands);
    let top = vm.stack.top_index(page);
    vm.stack.set_word(top, value);
    Ok(())
}

/// What the machine reads of a context without asking must stay what it is.
fn check_slot(vm: &Vm, index: usize, value: Oop) -> Result<(), Failure> {
    let nil = vm.heap.nil();
    let is_index = |oop: Oop| oop.as_small_integer().is_some_and(|value| value >= 0);
    let is_fine = match index {
        slots::SENDER => value == nil || vm.is_context(value),
        slots::PC => value == nil || is_index(value),
        slots::STACK_POINTER => is_index(value),
        slots::METHOD => value.is_object() && vm.heap.format(value).is_code(),
        slots::CLOSURE => value == nil || is_closure(vm, value),
        _ => true,
    };
    if is_fine {
        Ok(())
    } else {
        Err(PrimitiveError::BadArgument.into())
    }
}

fn is_closure(vm: &Vm, oop: Oop) -> bool {
    matches!(
        vm.heap.class_index_of(oop),
        ClassIndex::FULL_BLOCK_CLOSURE | ClassIndex::BLOCK_CLOSURE
    )
}

fn copy(vm: &mut Vm, args: Args, context: Oop) -> Result<(), Failure> {
    let size = vm.heap.slot_count(context);
    let sender = vm.context_slot(context, slots::SENDER)?;
    let copy = vm
        .heap
        .allocate(ClassIndex::CONTEXT, Format::FIXED_AND_INDEXED, size)?;
    vm.heap.store(copy, slots::SENDER, sender);
    for index in slots::PC..size {
        let value = vm.context_slot(context, index)?;
        vm.heap.store(copy, index, value);
    }
    vm.answer(args, copy);
    Ok(())
}
