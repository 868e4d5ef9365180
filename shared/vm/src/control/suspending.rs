//! Suspending a process, and what becomes of its waiting.
//!
//! Pharo's `suspend` takes a process out of the list where it waits, and when it goes on it has what
//! it waited for. Squeak's newer forms *back up*: a process that waited for a semaphore or a critical
//! section stands before the send that made it wait again, so that it waits once more when it goes on.

use imprint_isa::bytecode::{Instruction, decode_in};
use imprint_isa::special_selectors::SPECIAL_SELECTORS;
use imprint_model::layout::{context as slots, process};
use imprint_model::{MethodHeader, Oop};

use super::fail;
use super::processes::process;
use crate::args::Args;
use crate::failure::{Failure, PrimitiveError};
use crate::machine::Vm;
use crate::outcome::Outcome;
use crate::stop::Stop;

/// The selector of the method in which a process ends: the kernel's agreement with this machine.
const END_PROCESS: &str = "endProcess";

/// `suspend`: answers the list in which the process was.
pub(super) fn suspend(vm: &mut Vm, args: Args) -> Result<(), Failure> {
    let process = process(vm, args)?;
    if process == vm.active_process_or_nil() {
        suspend_active(vm, args);
        return Ok(());
    }
    let list = list_of(vm, process)?;
    vm.remove(list, process);
    vm.answer(args, list);
    Ok(())
}

/// `suspend` of Squeak 5.3: backs up, and answers the list in which the process was.
pub(super) fn suspend_backing_up(vm: &mut Vm, args: Args) -> Result<(), Failure> {
    let suspended = suspend_before_wait(vm, args)?;
    if let Some((list, _)) = suspended {
        vm.answer(args, list);
    }
    Ok(())
}

/// `suspend` of Squeak 6: backs up, and answers the list only where the process was ready to run.
pub(super) fn suspend_backing_up_quietly(vm: &mut Vm, args: Args) -> Result<(), Failure> {
    let suspended = suspend_before_wait(vm, args)?;
    if let Some((list, waited)) = suspended {
        vm.answer(args, if waited { vm.heap.nil() } else { list });
    }
    Ok(())
}

/// The list in which a process was, and whether it waited there; `None` where it was the active one.
fn suspend_before_wait(vm: &mut Vm, args: Args) -> Result<Option<(Oop, bool)>, Failure> {
    let process = process(vm, args)?;
    if process == vm.active_process_or_nil() {
        suspend_active(vm, args);
        return Ok(None);
    }
    let list = list_of(vm, process)?;
    let waited = vm.ready_list_of(process) != Some(list);
    let context = vm.heap.slot(process, process::SUSPENDED_CONTEXT);
    if waited && vm.is_context(context) && vm.is_alive(context) {
        // All that can lack space is done first.
        vm.settle_context(context)?;
        vm.back_up(context, process, list);
    }
    vm.remove(list, process);
    Ok(Some((list, waited)))
}

/// The list that holds a process, be it ready or waiting.
fn list_of(vm: &Vm, process: Oop) -> Result<Oop, Failure> {
    let list = vm.heap.slot(process, process::MY_LIST);
    if list != vm.heap.nil() && vm.is_listed(list, process) {
        Ok(list)
    } else {
        fail(PrimitiveError::BadReceiver)
    }
}

/// The active process stops; if it is the one that the run waits for and it ends here, so does the
/// run.
fn suspend_active(vm: &mut Vm, args: Args) {
    let nil = vm.heap.nil();
    vm.answer(args, nil);
    let method = vm.method_of(vm.active_place());
    let selector = vm
        .selector_of(method)
        .and_then(|oop| vm.heap.string_text(oop));
    if vm.is_target_active() && selector.as_deref() == Some(END_PROCESS) {
        vm.end_activations_of_active_process();
        vm.pending_stop = Some(Stop::Done(Outcome::Terminated { error: None }));
        return;
    }
    vm.run_another();
}

impl Vm {
    /// Puts a context, which no frame has, before the send by which its process came to wait in
    /// `list`. Where it does not stand behind such a send it stays as it is.
    fn back_up(&mut self, context: Oop, process: Oop, list: Oop) {
        let Some((pc, arguments)) = self.send_before(context) else {
            return;
        };
        let count = self.context_size(context);
        let room = self.heap.slot_count(context) - slots::FIRST_TEMP;
        if count == 0 || count + arguments > room {
            return;
        }
        // Where the answer lies was the receiver; an argument is who enters the section.
        let top = slots::FIRST_TEMP + count - 1;
        self.heap.store(context, top, list);
        if arguments == 1 {
            self.heap.store(context, top + 1, process);
        }
        let pointer = Oop::index(count + arguments);
        self.heap.store(context, slots::STACK_POINTER, pointer);
        self.heap.store(context, slots::PC, pc);
    }

    /// The pc of the send that ends where a context goes on, and its number of arguments: none, or
    /// one. `None` where something else ends there.
    fn send_before(&self, context: Oop) -> Option<(Oop, usize)> {
        let method = self.heap.slot(context, slots::METHOD);
        let header: MethodHeader = self.heap.method_header(method)?;
        let pc = self.heap.slot(context, slots::PC).as_small_integer()?;
        let first = crate::context::first_pc_index(header);
        let end = usize::try_from(pc).ok()?.checked_sub(first)?;
        let code = self.heap.code_bytes(method);
        let mut at = 0;
        while at < end {
            let decoded = decode_in(header.set, code, at).ok()?;
            let next = at + decoded.length;
            if next == end {
                let arguments = match decoded.instruction {
                    Instruction::Send { arguments, .. } => arguments,
                    Instruction::SendSpecial(which) => SPECIAL_SELECTORS[usize::from(which)].1,
                    _ => return None,
                };
                return (arguments <= 1).then(|| (Oop::index(first + at), usize::from(arguments)));
            }
            at = next;
        }
        None
    }
}
