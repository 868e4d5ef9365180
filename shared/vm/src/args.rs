//! What a primitive gets, and the two kinds of primitives.
//!
//! A *value* primitive computes: it reads its operands through [`Args`], answers an oop or a
//! [`Failure`], and never touches the stack. The wrapper in `send` pops the operands, pushes the
//! answer, records the failure code, and restores everything where it failed.
//! A *control* primitive changes what runs next (it activates a block, switches the process); it
//! finds the machine's registers saved in the stack and leaves them as it wants them.

use imprint_model::Oop;

use crate::failure::Failure;
use crate::machine::Vm;

/// Computes a value from its operands, or fails with no effect.
pub type Primitive = fn(&mut Vm, Args) -> Result<Oop, Failure>;

/// Changes what runs next, or fails with no effect. On success it has replaced its operands on the
/// stack by itself.
pub type ControlPrimitive = fn(&mut Vm, Args) -> Result<(), Failure>;

/// Where the operands of a primitive lie: a receiver and its arguments on the stack.
///
/// It is valid while the primitive runs and nothing else does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Args {
    /// Position of the receiver in the stack's words.
    first: u32,
    /// Number of arguments.
    count: u16,
    /// 1 where the receiver is stood in for by the first argument of the method.
    skip: u16,
}

impl Args {
    /// Operands whose receiver is the stack word `first`, followed by `count` arguments.
    #[inline(always)]
    pub(crate) const fn new(first: usize, count: usize) -> Args {
        Args {
            first: first as u32,
            count: count as u16,
            skip: 0,
        }
    }

    /// The same, where the method's own receiver lies `skip` words below.
    #[inline(always)]
    pub(crate) const fn with_skip(first: usize, count: usize, skip: u8) -> Args {
        Args {
            first: first as u32,
            count: count as u16,
            skip: skip as u16,
        }
    }

    /// Position of the method's own receiver, which the answer replaces.
    #[inline(always)]
    pub(crate) const fn base(self) -> usize {
        self.first as usize - self.skip as usize
    }

    /// The receiver. It is never a ghost or forwarder.
    #[inline(always)]
    pub fn receiver(self, vm: &Vm) -> Oop {
        vm.stack.word(self.first as usize)
    }

    /// The argument at a 0-based `index`; nil beyond the last, so that a method which declares a
    /// primitive with too few arguments makes it fail on a bad argument.
    #[inline(always)]
    pub fn get(self, vm: &Vm, index: usize) -> Oop {
        if index >= self.count as usize {
            return vm.heap.nil();
        }
        vm.stack.word(self.first as usize + 1 + index)
    }

    /// Number of arguments.
    #[inline(always)]
    pub const fn count(self) -> usize {
        self.count as usize
    }

    /// Position of the receiver in the stack's words.
    #[inline(always)]
    pub(crate) const fn first(self) -> usize {
        self.first as usize
    }
}
