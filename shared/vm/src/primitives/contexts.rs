//! Contexts as seen by the primitives of ordinary objects.
//!
//! A context may be a frame that somebody looked at: its slots are then on the stack. Whoever
//! reads or writes them through a primitive of this crate comes through here.

use imprint_model::{ClassIndex, Oop};

use crate::failure::{Failure, PrimitiveError};
use crate::machine::Vm;

/// Whether `oop`, no immediate, is a Context.
#[inline]
pub fn is_context(vm: &Vm, oop: Oop) -> bool {
    vm.heap.class_index_of(oop) == ClassIndex::CONTEXT
}

/// Elements of the indexed part: temporaries and operands.
pub fn size(_: &mut Vm, _: Oop) -> Result<Oop, Failure> {
    Err(PrimitiveError::Unsupported.into())
}
/// A slot.
pub fn slot(_: &mut Vm, _: Oop, _: usize) -> Result<Oop, Failure> {
    Err(PrimitiveError::Unsupported.into())
}
/// Replaces a slot.
pub fn set_slot(_: &mut Vm, _: Oop, _: usize, _: Oop) -> Result<Oop, Failure> {
    Err(PrimitiveError::Unsupported.into())
}
/// Copies.
pub fn clone(_: &mut Vm, _: Oop) -> Result<Oop, Failure> {
    Err(PrimitiveError::Unsupported.into())
}
/// Writes the frame into the context.
pub fn settle(_: &mut Vm, _: Oop) -> Result<(), Failure> {
    Err(PrimitiveError::Unsupported.into())
}
