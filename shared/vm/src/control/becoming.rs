//! `become:`: objects exchange or take over identities, also in frames.

use imprint_model::{ClassIndex, Oop};

use super::fail;
use crate::args::Args;
use crate::failure::{Failure, PrimitiveError};
use crate::machine::Vm;

/// `elementsForwardIdentityTo:`.
pub(super) fn become_forward(vm: &mut Vm, args: Args) -> Result<(), Failure> {
    forward(vm, args, false)
}

/// `elementsForwardIdentityTo:copyHash:`.
pub(super) fn become_forward_copying_hash(vm: &mut Vm, args: Args) -> Result<(), Failure> {
    let copies_hash = args.get(vm, 1) == vm.heap.true_object();
    forward(vm, args, copies_hash)
}

fn forward(vm: &mut Vm, args: Args, copies_hash: bool) -> Result<(), Failure> {
    let (from, to) = (
        elements(vm, args.receiver(vm))?,
        elements(vm, args.get(vm, 0))?,
    );
    check(vm, &from, &to)?;
    prepare(vm, &from, &to)?;
    vm.answer_receiver(args);
    let (heap, mut roots) = vm.split();
    heap.become_forward(&from, &to, copies_hash, &mut roots);
    finish(vm);
    Ok(())
}

/// `elementsExchangeIdentityWith:`.
pub(super) fn become_exchange(vm: &mut Vm, args: Args) -> Result<(), Failure> {
    let (first, second) = (
        elements(vm, args.receiver(vm))?,
        elements(vm, args.get(vm, 0))?,
    );
    check(vm, &first, &second)?;
    check(vm, &second, &first)?;
    prepare(vm, &first, &second)?;
    vm.answer_receiver(args);
    let (heap, mut roots) = vm.split();
    heap.become_exchange(&first, &second, &mut roots);
    finish(vm);
    Ok(())
}

/// The objects that an Array holds, present.
fn elements(vm: &Vm, array: Oop) -> Result<Vec<Oop>, Failure> {
    if vm.heap.class_index_of(array) != ClassIndex::ARRAY {
        return fail(PrimitiveError::BadArgument);
    }
    let count = vm.heap.slot_count(array);
    let oops = (0..count)
        .map(|index| crate::primitives::arguments::present(vm, vm.heap.slot(array, index)));
    oops.collect()
}

fn check(vm: &Vm, from: &[Oop], to: &[Oop]) -> Result<(), Failure> {
    if from.len() != to.len() {
        return fail(PrimitiveError::BadArgument);
    }
    for oop in from {
        if !oop.is_object() {
            return fail(PrimitiveError::Inappropriate);
        }
        if vm.heap.is_pinned(*oop) {
            return fail(PrimitiveError::Pinned);
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
