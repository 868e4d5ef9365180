//! Spur 68021: the format of stock 64-bit virtual machines.
//!
//! ```text
//! +-------------+-----+-------+------+-----------+--------------+- - - - -+--------+
//! | header, 128 | nil | false | true | free list | hidden roots | objects | bridge |
//! +-------------+-----+-------+------+-----------+--------------+- - - - -+--------+
//! ```
//!
//! Source: SpurImageWriter and SpurMemoryManager of the OpenSmalltalk VM.

mod chunk;
mod header;
mod read;
mod segments;
mod stock;
mod write;

pub use header::SpurHeader;
pub(crate) use read::{Sharing, load, load_certified, note_bytecodes, settle};
pub use read::{read_spur, read_spur_bytes};
pub use stock::stock_faults;
pub use write::{spur_bytes, spur_bytes_unread, write_spur};

use imprint_model::ClassIndex;

/// Slots of the free-list object.
pub(crate) const FREE_LIST_SLOTS: usize = 64;
/// Slots of the hidden-roots object.
pub(crate) const HIDDEN_ROOTS_SLOTS: usize = ClassIndex::PAGE_SLOTS + ClassIndex::EXTRA_ROOTS;
/// The first word of a bridge that is followed by nothing: pinned, marked, format 9, pun 3.
pub(crate) const BRIDGE: u64 = 0x0080_0000_4900_0003;
/// Bytes of a bridge.
pub(crate) const BRIDGE_BYTES: usize = 16;
