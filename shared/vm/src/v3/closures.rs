//! Blocks whose bytes lie inside those of their method.
//!
//! ```text
//!   143 ccccaaaa hi lo   block's bytes ...   what follows
//!   copied, arguments    startpc ^           ^ startpc + 256 * hi + lo
//! ```
//!
//! A BlockClosure names the context it was made in, the pc where it begins and its copied values;
//! method and receiver are those of that context. Temporaries of its own are pushed by its code.

use imprint_heap::Heap;
use imprint_model::layout::{block_closure as slots, context};
use imprint_model::{ClassIndex, Format, Oop};

use crate::handlers::closure::{active_context, takes};
use crate::machine::Vm;
use crate::send;
use crate::stack::Registers;
use crate::stop::{Flow, NEXT};

/// Bytes of the bytecode that makes a closure.
const LENGTH: usize = 4;

/// Pushes a closure on the bytes that follow, and goes on behind them.
#[inline(always)]
pub(super) fn push(vm: &mut Vm, r: &mut Registers) -> Flow {
    let counts = r.byte(1);
    let (copied, arguments) = (usize::from(counts >> 4), i32::from(counts & 15));
    let made = active_context(vm, *r).and_then(|outer| {
        let size = slots::FIRST_COPIED + copied;
        let index = ClassIndex::BLOCK_CLOSURE;
        let oop = vm.heap.allocate(index, Format::FIXED_AND_INDEXED, size)?;
        Ok((outer, oop))
    });
    let (outer, oop) = match made {
        Ok(made) => made,
        Err(space) => return vm.stop(*r, space),
    };
    for index in (0..copied).rev() {
        let value = r.pop();
        vm.heap.store(oop, slots::FIRST_COPIED + index, value);
    }
    let size = usize::from(r.byte(2)) * 256 + usize::from(r.byte(3));
    r.advance(LENGTH);
    let offset = r.pc as usize - r.method().bits() as usize - Heap::HEADER_BYTES;
    vm.heap.store(oop, slots::OUTER_CONTEXT, outer);
    vm.heap.store(oop, slots::START_PC, Oop::index(offset + 1));
    vm.heap
        .store(oop, slots::ARGUMENT_COUNT, Oop::small(arguments));
    r.push(oop);
    r.advance(size);
    NEXT
}

/// What runs when a closure of this kind does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block {
    /// The method around it.
    pub method: Oop,
    /// The receiver of that.
    pub receiver: Oop,
    /// Where it begins.
    pub pc: *const u8,
}

/// The block of a closure; `None` where its outer context or its pc is none.
#[inline(always)]
pub(crate) fn block_of(vm: &Vm, closure: Oop) -> Option<Block> {
    let outer = vm.heap.slot(closure, slots::OUTER_CONTEXT);
    if !vm.is_context(outer) {
        return None;
    }
    let start = vm.heap.slot(closure, slots::START_PC).as_small_integer()?;
    let method = vm.heap.slot(outer, context::METHOD);
    let is_code = method.is_object() && vm.heap.format(method).is_code();
    let first = 8 * (1 + is_code.then(|| vm.heap.literal_count(method))?) as i64;
    let end = (vm.heap.slot_count(method) * 8) as i64;
    if start <= first || start > end {
        return None;
    }
    let address = method.bits() as usize + Heap::HEADER_BYTES + start as usize - 1;
    Some(Block {
        method,
        receiver: vm.heap.slot(outer, context::RECEIVER),
        pc: address as *const u8,
    })
}

/// Makes the frame of a closure that lies with its arguments on the stack. There is room.
#[inline(always)]
pub(crate) fn activate(
    vm: &mut Vm,
    r: &mut Registers,
    closure: Oop,
    block: Block,
    arguments: usize,
) {
    r.push_block_frame(block.method, closure, block.receiver, arguments, block.pc);
    for index in slots::FIRST_COPIED..vm.heap.slot_count(closure) {
        r.push(vm.heap.slot(closure, index));
    }
}

/// `value` and `value:` (201, 202).
#[inline(always)]
pub(super) fn value(vm: &mut Vm, r: &mut Registers, opcode: u8) -> Flow {
    let arguments = usize::from(opcode - 201);
    let closure = r.operand(arguments);
    let is_ready = vm.heap.class_index_of(closure) == ClassIndex::BLOCK_CLOSURE
        && takes(vm, closure, arguments)
        && r.has_room();
    let block = is_ready.then(|| block_of(vm, closure)).flatten();
    let Some(block) = block else {
        return send::special(vm, r, opcode - 176);
    };
    r.advance(1);
    activate(vm, r, closure, block, arguments);
    vm.count_down(r)
}
