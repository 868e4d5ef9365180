//! The machine itself: caches, collections, quitting, saving.

use imprint_model::Oop;
use imprint_model::layout::process;

use super::fail;
use crate::args::Args;
use crate::failure::{Failure, PrimitiveError};
use crate::machine::Vm;
use crate::outcome::Outcome;
use crate::stop::Stop;

/// `Behavior flushCache`.
pub(super) fn flush_cache(vm: &mut Vm, args: Args) -> Result<(), Failure> {
    vm.flush_caches();
    vm.answer_receiver(args);
    Ok(())
}

/// `CompiledMethod flushCache`.
pub(super) fn flush_cache_of_method(vm: &mut Vm, args: Args) -> Result<(), Failure> {
    let method = args.receiver(vm);
    vm.cache.forget(|entry| entry.method == method);
    vm.answer_receiver(args);
    Ok(())
}

/// `Symbol flushCache`.
pub(super) fn flush_cache_of_selector(vm: &mut Vm, args: Args) -> Result<(), Failure> {
    let selector = args.receiver(vm);
    vm.cache.forget(|entry| entry.selector == selector);
    vm.answer_receiver(args);
    Ok(())
}

/// `voidCogVMState` of everything.
pub(super) fn void_vm_state(vm: &mut Vm, args: Args) -> Result<(), Failure> {
    flush_cache(vm, args)
}

/// `voidCogVMState` of a method.
pub(super) fn void_state_of_method(vm: &mut Vm, args: Args) -> Result<(), Failure> {
    flush_cache_of_method(vm, args)
}

/// `garbageCollect`.
pub(super) fn collect_fully(vm: &mut Vm, args: Args) -> Result<(), Failure> {
    collect(vm, args, true)
}

/// `garbageCollectMost`.
pub(super) fn collect_young(vm: &mut Vm, args: Args) -> Result<(), Failure> {
    collect(vm, args, false)
}

fn collect(vm: &mut Vm, args: Args, full: bool) -> Result<(), Failure> {
    let free_bytes = vm.heap.free_bytes();
    vm.answer(args, Oop::index(free_bytes));
    vm.pending_stop = Some(Stop::Collect { full });
    Ok(())
}

/// `primitiveFetchMourner`.
pub(super) fn fetch_mourner(vm: &mut Vm, args: Args) -> Result<(), Failure> {
    let Some(mourner) = vm.heap.next_mourner() else {
        return fail(PrimitiveError::NotFound);
    };
    vm.answer(args, mourner);
    Ok(())
}

/// `exit:`; without an argument, or with one that is no exit code, 0.
pub(super) fn quit(vm: &mut Vm, args: Args) -> Result<(), Failure> {
    let code = args
        .get(vm, 0)
        .as_small_integer()
        .and_then(|code| i32::try_from(code).ok());
    vm.pending_stop = Some(Stop::Done(Outcome::Quit(code.unwrap_or(0))));
    Ok(())
}

/// `snapshotPrimitive`: what is saved goes on with true; whoever goes on here, with what
/// [`Vm::saved`] says.
pub(super) fn snapshot(vm: &mut Vm, args: Args) -> Result<(), Failure> {
    let pages = vm.stack.pages_in_use();
    let answer = vm.heap.true_object();
    let before = vm.operands(args);
    vm.answer(args, answer);
    if let Err(space) = vm.divorce_pages(&pages) {
        vm.replace_operands(args, &before);
        return Err(space.into());
    }
    vm.store_active_context();
    vm.pending_stop = Some(Stop::Done(Outcome::Snapshot));
    Ok(())
}

impl Vm {
    /// Turns all frames into contexts, between two runs, so that the heap alone says what every process is
    /// at, and can be written.
    ///
    /// # Errors
    /// Where the contexts have no space.
    pub fn settle(&mut self) -> Result<(), Outcome> {
        let pages = self.stack.pages_in_use();
        if let Err(space) = self.divorce_pages(&pages) {
            self.make_space(space.bytes)?;
            let settled = self.divorce_pages(&pages);
            settled.map_err(|_| Outcome::OutOfMemory)?;
        }
        self.store_active_context();
        Ok(())
    }

    /// Lets the active process name the context in which it goes on, here or where it is loaded.
    fn store_active_context(&mut self) {
        let active = self.active_process_or_nil();
        let Some((context, _)) = self.divorced.take() else {
            return;
        };
        if self.is_process(active) {
            self.heap.store(active, process::SUSPENDED_CONTEXT, context);
        } else {
            self.lone_process = context;
        }
        self.is_running = false;
    }

    /// After [`Outcome::Snapshot`]: the image goes on, with this as the answer of the primitive.
    pub fn saved(&mut self, answer: Oop) {
        let active = self.active_process_or_nil();
        let is_process = self.is_process(active);
        let top = if is_process {
            self.heap.slot(active, process::SUSPENDED_CONTEXT)
        } else {
            active
        };
        if self.is_context(top) {
            let count = self.context_size(top);
            self.set_value_of(self.place_of(top), count.wrapping_sub(1), answer);
            self.incoming = active;
        }
    }
}
