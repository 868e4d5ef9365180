//! What the bytecodes do, by family. All are inlined into the loop; what is rare in them is not.

pub(crate) mod arithmetic;
pub(crate) mod closure;
pub(crate) mod floats;
pub(crate) mod jump;
pub(crate) mod push;
pub(crate) mod returns;
pub(crate) mod special;
pub(crate) mod store;
