//! Processes and semaphores.

use imprint_model::layout::{linked_list, process};
use imprint_model::{Known, Oop};

use super::fail;
use crate::args::Args;
use crate::failure::{Failure, PrimitiveError};
use crate::machine::Vm;
use crate::stop::Stop;

/// The millisecond clock wraps at 29 bits.
const MILLISECONDS_MASK: u64 = 0x1FFF_FFFF;

fn semaphore(vm: &Vm, args: Args) -> Result<Oop, Failure> {
    let oop = args.receiver(vm);
    if vm.is_semaphore(oop) {
        Ok(oop)
    } else {
        fail(PrimitiveError::BadReceiver)
    }
}

pub(super) fn process(vm: &Vm, args: Args) -> Result<Oop, Failure> {
    let oop = args.receiver(vm);
    if vm.is_process(oop) {
        Ok(oop)
    } else {
        fail(PrimitiveError::BadReceiver)
    }
}

/// `signal`.
pub(super) fn signal(vm: &mut Vm, args: Args) -> Result<(), Failure> {
    let semaphore = semaphore(vm, args)?;
    let next = vm.signal_semaphore(semaphore);
    vm.switch_if_any(next);
    Ok(())
}

/// `wait`.
pub(super) fn wait(vm: &mut Vm, args: Args) -> Result<(), Failure> {
    let semaphore = semaphore(vm, args)?;
    let excess = vm
        .heap
        .slot(semaphore, linked_list::EXCESS_SIGNALS)
        .as_small_integer()
        .unwrap_or(0);
    if let Some(fewer) = Oop::small_integer(excess - 1).filter(|_| excess > 0) {
        vm.heap.store(semaphore, linked_list::EXCESS_SIGNALS, fewer);
        return Ok(());
    }
    let active = vm.active_process_or_nil();
    if !vm.is_process(active) {
        return fail(PrimitiveError::Unsupported);
    }
    vm.add_last(semaphore, active);
    vm.run_another();
    Ok(())
}

/// `primitiveResume`.
pub(super) fn resume(vm: &mut Vm, args: Args) -> Result<(), Failure> {
    let process = process(vm, args)?;
    let context = vm.heap.slot(process, process::SUSPENDED_CONTEXT);
    let is_listed = vm.heap.slot(process, process::MY_LIST) != vm.heap.nil();
    if !vm.is_context(context) || is_listed || vm.scheduler().is_none() {
        return fail(PrimitiveError::BadReceiver);
    }
    let next = vm.resume_process(process);
    vm.switch_if_any(next);
    Ok(())
}

/// `yield`: the others of this priority run first.
pub(super) fn yield_processor(vm: &mut Vm, _: Args) -> Result<(), Failure> {
    let active = vm.active_process_or_nil();
    if !vm.is_process(active) {
        return Ok(());
    }
    let below = vm.priority_of(active) - 1;
    if let Some(next) = vm.take_highest(below) {
        vm.make_ready(active, false);
        vm.pending_stop = Some(Stop::Switch(next));
    }
    Ok(())
}

/// `relinquishProcessorForMicroseconds:`.
pub(super) fn relinquish_processor(vm: &mut Vm, args: Args) -> Result<(), Failure> {
    let micros = args
        .get(vm, 0)
        .as_small_integer()
        .and_then(|micros| u64::try_from(micros).ok());
    let Some(micros) = micros else {
        return fail(PrimitiveError::BadArgument);
    };
    vm.answer_receiver(args);
    vm.pending_stop = Some(Stop::Relinquish { micros });
    Ok(())
}

/// `signal: aSemaphore atUTCMicroseconds:`.
pub(super) fn signal_at_microseconds(vm: &mut Vm, args: Args) -> Result<(), Failure> {
    let due = args
        .get(vm, 1)
        .as_small_integer()
        .and_then(|due| u64::try_from(due).ok());
    set_timer(vm, args, due)
}

/// `signal: aSemaphore atMilliseconds:`, on the clock that wraps.
pub(super) fn signal_at_milliseconds(vm: &mut Vm, args: Args) -> Result<(), Failure> {
    let now = vm.now_micros();
    let due = args.get(vm, 1).as_small_integer().map(|due| {
        let distance = (due as u64).wrapping_sub(now / 1000) & MILLISECONDS_MASK;
        // What lies more than half the clock ahead lies behind.
        let distance = if distance > MILLISECONDS_MASK / 2 {
            0
        } else {
            distance
        };
        now + distance * 1000
    });
    set_timer(vm, args, due)
}

fn set_timer(vm: &mut Vm, args: Args, due: Option<u64>) -> Result<(), Failure> {
    let semaphore = args.get(vm, 0);
    if semaphore == vm.heap.nil() {
        vm.timer = None;
    } else if vm.is_semaphore(semaphore) {
        let Some(due) = due else {
            return fail(PrimitiveError::BadArgument);
        };
        vm.heap.set_known(Known::TimerSemaphore, semaphore);
        vm.timer = Some(due);
        // A time that has passed is noticed soon, not after the whole interval.
        vm.countdown = 1;
    } else {
        return fail(PrimitiveError::BadArgument);
    }
    vm.answer_receiver(args);
    Ok(())
}

impl Vm {
    /// Answers the method's own receiver.
    pub(super) fn answer_receiver(&mut self, args: Args) {
        let receiver = self.stack.word(args.base());
        self.answer(args, receiver);
    }
}
