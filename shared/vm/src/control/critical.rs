//! Critical sections: mutual exclusion by process, as Squeak's and Cuis's mutexes have it.
//!
//! A section is a list of the processes that wait for it, with its owner behind the two ends of the
//! list, where a semaphore counts its signals. Entering answers whether the process was inside
//! already, so that only who came in from outside leaves again.

use imprint_model::Oop;
use imprint_model::layout::{critical_section, linked_list};

use super::fail;
use crate::args::Args;
use crate::failure::{Failure, PrimitiveError};
use crate::machine::Vm;

/// The section, and who owns it: nil, or a process.
fn section(vm: &Vm, args: Args) -> Result<(Oop, Oop), Failure> {
    let section = args.receiver(vm);
    if !vm.has_slots(section, critical_section::OWNER + 1) {
        return fail(PrimitiveError::BadReceiver);
    }
    let owner = vm.heap.slot(section, critical_section::OWNER);
    let ends = [linked_list::FIRST, linked_list::LAST].map(|slot| vm.heap.slot(section, slot));
    let is_nobody_or_process = |oop: Oop| oop == vm.heap.nil() || vm.is_process(oop);
    if is_nobody_or_process(owner) && ends.into_iter().all(is_nobody_or_process) {
        Ok((section, owner))
    } else {
        fail(PrimitiveError::BadReceiver)
    }
}

/// The process that enters: the argument, or else the active one.
fn entering(vm: &Vm, args: Args) -> Result<Oop, Failure> {
    let (process, problem) = match args.count() {
        0 => (vm.active_process_or_nil(), PrimitiveError::Unsupported),
        _ => (args.get(vm, 0), PrimitiveError::BadArgument),
    };
    if vm.is_process(process) {
        Ok(process)
    } else {
        fail(problem)
    }
}

/// `primitiveExitCriticalSection`: the first that waits owns it now.
pub(super) fn exit_section(vm: &mut Vm, args: Args) -> Result<(), Failure> {
    let (section, _) = section(vm, args)?;
    let next = vm.remove_first(section);
    let owner = next.unwrap_or(vm.heap.nil());
    vm.heap.store(section, critical_section::OWNER, owner);
    if let Some(process) = next {
        let runs = vm.resume_process(process);
        vm.switch_if_any(runs);
    }
    Ok(())
}

/// `primitiveEnterCriticalSection`, also on behalf of another process: answers whether that owned it
/// before, and waits where somebody else does.
pub(super) fn enter_section(vm: &mut Vm, args: Args) -> Result<(), Failure> {
    let (section, owner) = section(vm, args)?;
    let process = entering(vm, args)?;
    if owner == process {
        vm.answer(args, vm.heap.true_object());
        return Ok(());
    }
    // Who waits is answered this when it owns the section.
    vm.answer(args, vm.heap.false_object());
    if owner == vm.heap.nil() {
        vm.heap.store(section, critical_section::OWNER, process);
    } else {
        vm.add_last(section, process);
        vm.run_another();
    }
    Ok(())
}

/// `primitiveTestAndSetOwnershipOfCriticalSection`: as entering, but answers nil where it would wait.
pub(super) fn try_section(vm: &mut Vm, args: Args) -> Result<(), Failure> {
    let (section, owner) = section(vm, args)?;
    let process = entering(vm, args)?;
    let answer = if owner == process {
        vm.heap.true_object()
    } else if owner == vm.heap.nil() {
        vm.heap.store(section, critical_section::OWNER, process);
        vm.heap.false_object()
    } else {
        vm.heap.nil()
    };
    vm.answer(args, answer);
    Ok(())
}
