//! The object memory: one reserved range of addresses that holds objects in the form of a 64-bit
//! Spur image, and the collectors that keep it small.
//!
//! Objects are named by [`Oop`](imprint_model::Oop)s, the address of their header. An allocation
//! never collects: it answers an object or [`NeedsSpace`]. Objects move only inside
//! [`Heap::collect`] and [`Heap::become_forward`] / [`Heap::become_exchange`] heal references in
//! place; so code that calls neither may hold oops for as long as it runs.
//!
//! ```text
//!  reserve start                                                                   reserve end
//!  +-----+--------------------------------+- - - - - - - - -+------+------+------------------+
//!  | 128 | old space, grows upward        | not committed   | past | next | eden             |
//!  +-----+--------------------------------+- - - - - - - - -+------+------+------------------+
//!        ^ base                                             ^ young start
//! ```
//!
//! Reading order: `address` and `reserve` (the only unsafe code), `space`, `heap`,
//! `allocate`, `access`, `class_table`, `symbols`, `iterate`, `collect`, `scavenge`, `mark`,
//! `compact`, `weak`, `becoming`, `pauses`, `verify`, `contents`.

mod access;
mod address;
mod allocate;
mod becoming;
mod class_table;
mod collect;
mod compact;
mod contents;
mod error;
mod heap;
mod iterate;
mod mark;
mod pauses;
mod reserve;
mod scavenge;
mod settings;
mod space;
mod symbols;
mod text;
mod verify;
mod weak;

pub use collect::{Collection, CollectionReport, NoRoots, Roots, Safepoint};
pub use contents::{HeapContents, ImageRoots};
pub use error::{AllocationFailure, HeapError, NeedsSpace};
pub use heap::{CollectionCounts, Heap, Usage};
pub use pauses::PauseHistogram;
pub use settings::{Collector, HeapSettings, Zeal};
pub use verify::Fault;

/// Where the first heap of a process puts its reserved range, if that is free: images written by
/// us name it as their base, so they can be mapped without relocation.
pub const PREFERRED_START: u64 = 0x2000_0000_0000;

/// Bytes between the start of the reserved range and the first object: the header of a Spur file,
/// so that a file mapped at the start has its objects where they belong.
pub const LEADING_BYTES: usize = 128;

/// Address of the first object of a heap at [`PREFERRED_START`]; the base of images we write.
pub const PREFERRED_BASE: u64 = PREFERRED_START + LEADING_BYTES as u64;
