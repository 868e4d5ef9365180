//! `become:`: objects exchange or take over identities, also in frames.

use imprint_model::{ClassIndex, Oop};

use super::fail;
use crate::args::Args;
use crate::failure::{Failure, PrimitiveError};
use crate::machine::Vm;

/// `elementsForwardIdentityTo:`: hashed collections stay in order, so the hash goes along.
pub(super) fn become_forward(vm: &mut Vm, args: Args) -> Result<(), Failure> {
    forward(vm, args, true)
}

/// `elementsForwardIdentityTo:copyHash:`.
pub(super) fn become_forward_copying_hash(vm: &mut Vm, args: Args) -> Result<(), Failure> {
    let flag = args.get(vm, 1);
    if flag != vm.heap.true_object() && flag != vm.heap.false_object() {
        return fail(PrimitiveError::BadArgument);
    }
    forward(vm, args, flag == vm.heap.true_object())
}

fn forward(vm: &mut Vm, args: Args, copies_hash: bool) -> Result<(), Failure> {
    let (from, to) = both(vm, args)?;
    check(vm, &from)?;
    if copies_hash {
        check(vm, &to)?;
    }
    prepare(vm, &from, &to)?;
    vm.answer_receiver(args);
    let (heap, mut roots) = vm.split();
    heap.become_forward(&from, &to, copies_hash, &mut roots);
    finish(vm);
    Ok(())
}

/// `elementsExchangeIdentityWith:`.
pub(super) fn become_exchange(vm: &mut Vm, args: Args) -> Result<(), Failure> {
    let (first, second) = both(vm, args)?;
    check(vm, &first)?;
    check(vm, &second)?;
    prepare(vm, &first, &second)?;
    vm.answer_receiver(args);
    let (heap, mut roots) = vm.split();
    heap.become_exchange(&first, &second, &mut roots);
    finish(vm);
    Ok(())
}

/// As many objects of the receiver, an Array, as of the argument, another.
fn both(vm: &Vm, args: Args) -> Result<(Vec<Oop>, Vec<Oop>), Failure> {
    let from = elements(vm, args.receiver(vm), PrimitiveError::BadReceiver)?;
    let to = elements(vm, args.get(vm, 0), PrimitiveError::BadArgument)?;
    match from.len() == to.len() {
        true => Ok((from, to)),
        false => fail(PrimitiveError::BadArgument),
    }
}

/// The objects that an Array holds, present.
fn elements(vm: &Vm, array: Oop, otherwise: PrimitiveError) -> Result<Vec<Oop>, Failure> {
    if vm.heap.class_index_of(array) != ClassIndex::ARRAY {
        return fail(otherwise);
    }
    let count = vm.heap.slot_count(array);
    let oops = (0..count)
        .map(|index| crate::primitives::arguments::present(vm, vm.heap.slot(array, index)));
    oops.collect()
}

/// Whether objects may become others, or take a hash over. Source: VMMaker's
/// `containsOnlyValidBecomeObjects:and:twoWay:copyHash:`.
fn check(vm: &Vm, oops: &[Oop]) -> Result<(), Failure> {
    for oop in oops {
        if !oop.is_object() {
            return fail(PrimitiveError::Inappropriate);
        }
        if vm.heap.is_pinned(*oop) {
            return fail(PrimitiveError::Pinned);
        }
        if vm.heap.is_read_only(*oop) {
            return fail(PrimitiveError::NoModification);
        }
    }
    Ok(())
}

/// Frames know their method and context by address: those that are about to change are written out.
fn prepare(vm: &mut Vm, from: &[Oop], to: &[Oop]) -> Result<(), Failure> {
    let is_frame_part = |oop: &Oop| {
        let index = vm.heap.class_index_of(*oop);
        index == ClassIndex::CONTEXT || oop.is_object() && vm.heap.format(*oop).is_code()
    };
    if from.iter().chain(to).any(is_frame_part) {
        return fail(PrimitiveError::Inappropriate);
    }
    Ok(())
}

fn finish(vm: &mut Vm) {
    vm.flush_caches();
    vm.refresh_special_selectors();
}
