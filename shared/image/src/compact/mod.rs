//! Our compact format, what is shipped: dense, compressed, checksummed, rebuilt at load. The file around
//! the body is a sealed one ([`crate::sealed`]).
//!
//! The body: metadata; state of the hash generator; class indices of symbols; number of the
//! special objects array; groups; class table; contents. Objects are grouped by class, format and
//! flags, in the order in which a walk over the graph first meets such an object, so the bytes are
//! a function of the graph alone. Objects are named by their number in that order (nil is 0, false
//! 1, true 2). A reference is a varint: an absolute number, or the distance to the last object
//! named in the same column, whichever is shorter; immediates and ghosts stand for themselves.
//! Each object and each slot takes at least one byte of the body, so a body's length bounds the
//! memory that reading it can take.

pub(crate) mod bytes;
mod group;
mod metadata;
mod read;
mod write;

pub use metadata::{AbsentClass, ImageRole, Metadata};
#[doc(hidden)]
pub use read::body_for_tests;
pub use read::{read_compact, read_metadata};
#[doc(hidden)]
pub use write::file_for_tests;
pub use write::{CompactOptions, CompactSizes, write_compact};

use crate::sealed::Form;

/// The kind of file: its first bytes, and the version that is written.
pub(crate) const FORM: Form = Form {
    magic: b"IMPRINT",
    version: 1,
};

/// The version of a compact image, if these bytes begin one.
pub(crate) fn version_of(bytes: &[u8]) -> Option<u8> {
    FORM.version_of(bytes)
}
