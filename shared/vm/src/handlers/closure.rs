//! Blocks: making closures, running them, and the active frame as an object.

use imprint_heap::Heap;
use imprint_model::layout::closure;
use imprint_model::{ClassIndex, Format, MethodHeader, Oop};

use crate::machine::Vm;
use crate::stack::Registers;
use crate::stop::{Flow, NEXT};

/// thisContext, or (prefix B of 1) the active process.
#[inline(always)]
pub(crate) fn this_context(vm: &mut Vm, r: &mut Registers, b: isize) -> Flow {
    let pushed = if b == 1 {
        Ok(vm.active_process_or_nil())
    } else {
        active_context(vm, *r)
    };
    match pushed {
        Ok(oop) => {
            r.push(oop);
            r.advance(1);
            NEXT
        }
        Err(space) => vm.stop(*r, space),
    }
}

/// The context of the active frame.
#[inline(always)]
pub(crate) fn active_context(vm: &mut Vm, r: Registers) -> Result<Oop, imprint_heap::NeedsSpace> {
    match r.frame().spouse() {
        Some(context) => Ok(context),
        None => {
            vm.stack.save(&r);
            vm.marry(vm.stack.newest(vm.stack.active()))
        }
    }
}

const RECEIVER_ON_STACK: usize = 128;
const NO_OUTER: usize = 64;

/// Pushes a closure on the compiled block in a literal.
#[inline(always)]
pub(crate) fn push(vm: &mut Vm, r: &mut Registers, literal: usize) -> Flow {
    let flags = usize::from(r.byte(2));
    let copied = flags & 63;
    let outer = if flags & NO_OUTER != 0 {
        Ok(vm.heap.nil())
    } else {
        active_context(vm, *r)
    };
    let made = outer.and_then(|outer| Ok((outer, new_closure(vm, copied)?)));
    let (outer, oop) = match made {
        Ok(made) => made,
        Err(space) => return vm.stop(*r, space),
    };
    let block = vm.heap.literal(r.method(), literal);
    fill(vm, r, oop, block, outer, Heap::store);
    NEXT
}

/// As [`push`], where the context of the active frame is at hand or not wanted, and there is space.
#[inline(always)]
pub(crate) fn push_quickly(vm: &mut Vm, r: &mut Registers) -> bool {
    let flags = usize::from(r.byte(2));
    let outer = match r.frame().spouse() {
        _ if flags & NO_OUTER != 0 => vm.heap.nil(),
        Some(context) => context,
        None => return false,
    };
    let slots = closure::FIRST_COPIED + (flags & 63);
    let made = vm.heap.allocate_young(
        ClassIndex::FULL_BLOCK_CLOSURE,
        Format::FIXED_AND_INDEXED,
        slots,
    );
    let Some(oop) = made else {
        return false;
    };
    let block = vm.heap.literal(r.method(), usize::from(r.byte(1)));
    fill(vm, r, oop, block, outer, Heap::store_new);
    true
}

/// Moves what a closure holds from the operands into it, and pushes it.
#[inline(always)]
fn fill(
    vm: &mut Vm,
    r: &mut Registers,
    oop: Oop,
    block: Oop,
    outer: Oop,
    store: fn(&mut Heap, Oop, usize, Oop),
) {
    let flags = usize::from(r.byte(2));
    for index in (0..flags & 63).rev() {
        store(&mut vm.heap, oop, closure::FIRST_COPIED + index, r.pop());
    }
    let receiver = if flags & RECEIVER_ON_STACK != 0 {
        r.pop()
    } else {
        r.receiver()
    };
    let arguments = Oop::small(i32::from(header_of(vm, block).argument_count));
    store(&mut vm.heap, oop, closure::OUTER_CONTEXT, outer);
    store(&mut vm.heap, oop, closure::COMPILED_BLOCK, block);
    store(&mut vm.heap, oop, closure::ARGUMENT_COUNT, arguments);
    store(&mut vm.heap, oop, closure::RECEIVER, receiver);
    r.push(oop);
    r.advance(3);
}

#[inline(always)]
fn new_closure(vm: &mut Vm, copied: usize) -> Result<Oop, imprint_heap::NeedsSpace> {
    let slots = closure::FIRST_COPIED + copied;
    vm.heap.allocate(
        ClassIndex::FULL_BLOCK_CLOSURE,
        Format::FIXED_AND_INDEXED,
        slots,
    )
}

#[inline(always)]
pub(crate) fn header_of(vm: &Vm, code: Oop) -> MethodHeader {
    vm.heap.method_header(code).unwrap_or_default()
}

/// Whether a closure wants this number of arguments.
#[inline(always)]
pub(crate) fn takes(vm: &Vm, closure_oop: Oop, arguments: usize) -> bool {
    vm.heap.slot(closure_oop, closure::ARGUMENT_COUNT) == Oop::index(arguments)
}

/// Runs a closure that lies with its arguments on the stack, if it takes so many, there is room,
/// and no look at the world is due.
#[inline(always)]
pub(crate) fn evaluate_quickly(
    vm: &mut Vm,
    r: &mut Registers,
    arguments: usize,
    length: usize,
) -> bool {
    let oop = r.operand(arguments);
    if !takes(vm, oop, arguments) || !r.has_room() || vm.countdown <= 1 {
        return false;
    }
    vm.countdown -= 1;
    r.advance(length);
    activate(vm, r, oop, arguments);
    true
}

/// Makes the frame of a closure that lies with its arguments on the stack. There is room.
#[inline(always)]
pub(crate) fn activate(vm: &mut Vm, r: &mut Registers, oop: Oop, arguments: usize) {
    let block = vm.heap.slot(oop, closure::COMPILED_BLOCK);
    let receiver = vm.heap.slot(oop, closure::RECEIVER);
    let header = header_of(vm, block);
    let pc = first_pc(block, header);
    r.push_block_frame(block, oop, receiver, arguments, pc);
    let copied = vm.heap.slot_count(oop) - closure::FIRST_COPIED;
    for index in 0..copied {
        r.push(vm.heap.slot(oop, closure::FIRST_COPIED + index));
    }
    let nil = vm.heap.nil();
    for _ in arguments + copied..usize::from(header.temp_count) {
        r.push(nil);
    }
}

/// The address of the first bytecode of a code object.
#[inline(always)]
pub(crate) fn first_pc(code: Oop, header: MethodHeader) -> *const u8 {
    let literals = usize::from(header.literal_count);
    (code.bits() as usize + 8 * (2 + literals)) as *const u8
}
