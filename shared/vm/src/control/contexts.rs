//! Contexts as receivers: their values, and the searches that exceptions make along the senders.

use imprint_model::layout::context as slots;
use imprint_model::{ClassIndex, Oop};

use super::fail;
use crate::args::Args;
use crate::context::Place;
use crate::failure::{Failure, PrimitiveError};
use crate::machine::Vm;
use crate::unwind::Mark;

fn receiver(vm: &Vm, args: Args) -> Result<Oop, Failure> {
    let context = args.receiver(vm);
    if vm.heap.class_index_of(context) == ClassIndex::CONTEXT {
        Ok(context)
    } else {
        fail(PrimitiveError::BadReceiver)
    }
}

fn position(vm: &Vm, args: Args) -> Result<usize, Failure> {
    let Some(index) = args.get(vm, 0).as_small_integer() else {
        return fail(PrimitiveError::BadArgument);
    };
    match usize::try_from(index - 1) {
        Ok(position) => Ok(position),
        Err(_) => fail(PrimitiveError::BadIndex),
    }
}

/// `tempAt:`, 1-based.
pub(super) fn context_at(vm: &mut Vm, args: Args) -> Result<(), Failure> {
    let context = receiver(vm, args)?;
    let position = position(vm, args)?;
    match vm.value_of(vm.place_of(context), position) {
        Some(value) => {
            vm.answer(args, value);
            Ok(())
        }
        None => fail(PrimitiveError::BadIndex),
    }
}

/// `tempAt:put:`, 1-based.
pub(super) fn context_at_put(vm: &mut Vm, args: Args) -> Result<(), Failure> {
    let context = receiver(vm, args)?;
    let position = position(vm, args)?;
    let value = args.get(vm, 1);
    if !vm.set_value_of(vm.place_of(context), position, value) {
        return fail(PrimitiveError::BadIndex);
    }
    vm.answer(args, value);
    Ok(())
}

/// `size`.
pub(super) fn context_size(vm: &mut Vm, args: Args) -> Result<(), Failure> {
    let context = receiver(vm, args)?;
    let size = vm.context_size(context);
    vm.answer(args, Oop::index(size));
    Ok(())
}

/// `stackp:`: values that come into sight are nil.
pub(super) fn set_stack_pointer(vm: &mut Vm, args: Args) -> Result<(), Failure> {
    let context = receiver(vm, args)?;
    let room = vm.heap.slot_count(context) - slots::FIRST_TEMP;
    let count = args
        .get(vm, 0)
        .as_small_integer()
        .and_then(|count| usize::try_from(count).ok());
    let Some(count) = count.filter(|count| *count <= room) else {
        return fail(PrimitiveError::BadArgument);
    };
    if !vm.can_go_on_with(context, slots::STACK_POINTER, Oop::index(count)) {
        return fail(PrimitiveError::BadArgument);
    }
    // The answer first: afterwards the operands may lie in another frame.
    let old_count = vm.context_size(context);
    if let Place::Frame(position) = vm.place_of(context) {
        vm.divorce_page(position.page)?;
    }
    for index in old_count..count {
        vm.heap
            .store(context, slots::FIRST_TEMP + index, vm.heap.nil());
    }
    vm.heap
        .store(context, slots::STACK_POINTER, Oop::index(count));
    vm.remarry_active();
    vm.answer_on_top(args.count());
    Ok(())
}

/// `findNextUnwindContextUpTo:`: from the sender on, below the argument.
pub(super) fn find_next_unwind_context(vm: &mut Vm, args: Args) -> Result<(), Failure> {
    let context = receiver(vm, args)?;
    let end = args.get(vm, 0);
    let end = vm.is_context(end).then(|| vm.place_of(end));
    let mut next = vm.sender(vm.place_of(context));
    while let Some(place) = next.filter(|place| Some(*place) != end) {
        if vm.has_mark(place, Mark::Unwind) {
            return answer_place(vm, args, Some(place));
        }
        next = vm.sender(place);
    }
    answer_place(vm, args, None)
}

/// `findNextHandlerOrSignalingContext`: from the receiver on.
pub(super) fn find_handler_context(vm: &mut Vm, args: Args) -> Result<(), Failure> {
    let context = receiver(vm, args)?;
    let mut next = Some(vm.place_of(context));
    while let Some(place) = next {
        if vm.has_mark(place, Mark::Handler) {
            return answer_place(vm, args, Some(place));
        }
        next = vm.sender(place);
    }
    answer_place(vm, args, None)
}

fn answer_place(vm: &mut Vm, args: Args, place: Option<Place>) -> Result<(), Failure> {
    let oop = match place {
        Some(place) => vm.context_of(place)?,
        None => vm.heap.nil(),
    };
    vm.answer(args, oop);
    Ok(())
}

/// `terminateTo:`: ends the activations between the receiver and the argument, which becomes its
/// sender.
pub(super) fn terminate_to(vm: &mut Vm, args: Args) -> Result<(), Failure> {
    let context = receiver(vm, args)?;
    let target = args.get(vm, 0);
    if target != vm.heap.nil() && !vm.is_context(target) {
        return fail(PrimitiveError::BadArgument);
    }
    if vm.end_frames_between(context, target) {
        vm.answer_on_top(args.count());
        return Ok(());
    }
    let pages = pages_between(vm, context, target);
    vm.divorce_pages(&pages)?;
    end_between(vm, context, target);
    vm.heap.store(context, slots::SENDER, target);
    vm.remarry_active();
    vm.answer_on_top(args.count());
    Ok(())
}

/// The pages that hold a context, one of its senders, or an activation between them.
fn pages_between(vm: &Vm, context: Oop, target: Oop) -> Vec<usize> {
    let end = vm.is_context(target).then(|| vm.place_of(target));
    let mut pages = Vec::new();
    let mut next = Some(vm.place_of(context));
    while let Some(place) = next {
        if let Place::Frame(position) = place
            && !pages.contains(&position.page)
        {
            pages.push(position.page);
        }
        next = vm.sender(place).filter(|_| Some(place) != end);
    }
    pages
}

/// Makes the contexts between a context and one of its senders dead; all are in the heap alone.
fn end_between(vm: &mut Vm, context: Oop, target: Oop) {
    let mut chain = Vec::new();
    let mut next = vm.heap.slot(context, slots::SENDER);
    while vm.is_context(next) && next != target {
        chain.push(next);
        next = vm.heap.slot(next, slots::SENDER);
    }
    if next == target && vm.is_context(target) {
        chain.into_iter().for_each(|ended| vm.make_dead(ended));
    }
}

impl Vm {
    /// As `terminateTo:`, where the context is that of the active frame and the target that of an
    /// older frame of its page: so it is wherever an exception unwinds. Answers whether it is so.
    fn end_frames_between(&mut self, context: Oop, target: Oop) -> bool {
        let active = self.stack.newest(self.stack.active());
        let (Place::Frame(own), true) = (self.place_of(context), self.is_context(target)) else {
            return false;
        };
        let Place::Frame(target) = self.place_of(target) else {
            return false;
        };
        if own != active || !self.stack.is_older(target, active) {
            return false;
        }
        let mut next = self.stack.older(active);
        while let Some(ended) = next.filter(|position| *position != target) {
            next = self.stack.older(ended);
            if let Some(spouse) = self.stack.frame(ended).spouse() {
                self.make_dead(spouse);
            }
        }
        let moved = self.stack.close_up(target);
        self.heap
            .store(context, slots::SENDER, self.stack.token(moved));
        true
    }

    /// Replaces the top operands by the receiver below them, wherever the active frame lies now.
    fn answer_on_top(&mut self, arguments: usize) {
        self.stack.drop_words(self.stack.active(), arguments);
    }
}
