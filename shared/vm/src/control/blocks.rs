//! Running blocks: `value` and its like.

use imprint_model::{ClassIndex, Oop};

use super::fail;
use crate::args::Args;
use crate::failure::{Failure, PrimitiveError};
use crate::handlers::closure::takes;
use crate::machine::Vm;
use crate::v3::closures::block_of;

/// Whether an oop is a closure that can run, of either kind.
fn is_closure(vm: &Vm, oop: Oop) -> bool {
    match vm.heap.class_index_of(oop) {
        ClassIndex::FULL_BLOCK_CLOSURE => true,
        ClassIndex::BLOCK_CLOSURE => block_of(vm, oop).is_some(),
        _ => false,
    }
}

/// `value`, `value:`, ... with the arguments on the stack.
pub(super) fn closure_value(vm: &mut Vm, args: Args) -> Result<(), Failure> {
    let closure = args.receiver(vm);
    if !is_closure(vm, closure) {
        return fail(PrimitiveError::BadReceiver);
    }
    if !takes(vm, closure, args.count()) {
        return fail(PrimitiveError::BadNumberOfArguments);
    }
    let result = vm.activate_closure(closure, args.count());
    vm.stopped(result)
}

/// `valueNoContextSwitch`: activations never switch processes here by themselves.
pub(super) fn closure_value_no_switch(vm: &mut Vm, args: Args) -> Result<(), Failure> {
    closure_value(vm, args)
}

/// `valueWithArguments:`.
pub(super) fn closure_value_with_arguments(vm: &mut Vm, args: Args) -> Result<(), Failure> {
    let closure = args.receiver(vm);
    let array = args.get(vm, 0);
    if !is_closure(vm, closure) {
        return fail(PrimitiveError::BadReceiver);
    }
    let Some(arguments) = super::perform::argument_array(vm, array)? else {
        return fail(PrimitiveError::BadArgument);
    };
    if !takes(vm, closure, arguments.len()) {
        return fail(PrimitiveError::BadNumberOfArguments);
    }
    let before = vm.operands(args);
    let mut operands = vec![closure];
    operands.extend(&arguments);
    vm.replace_operands(args, &operands);
    let result = vm.activate_closure(closure, arguments.len());
    if result.is_err() {
        vm.replace_operands(args, &before);
    }
    vm.stopped(result)
}
