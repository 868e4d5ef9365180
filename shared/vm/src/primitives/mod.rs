//! The value primitives: those that compute an answer from their operands.

use crate::args::Primitive;
use crate::modules::Modules;

/// The function of a value primitive, by its number.
pub fn value_primitive(_number: u16) -> Option<Primitive> {
    None
}

/// Offers the named primitives that the machine itself brings.
pub fn register_modules(_modules: &mut Modules) {}
