//! Images of other word sizes, byte orders and object formats, converted whole when they are
//! opened.
//!
//! ```text
//!   file ── bytes (order) ──> spur: 6521, 68021 swapped ──┐
//!                                                         ├─> graph ── repair ──> heap
//!                         ──> v3: 6502, 6504, 6505 ───────┘
//! ```
//!
//! A reader makes a [`graph::Graph`] of the file: the objects with their classes, hashes and
//! elements, numbers in place of addresses, immediates in our form. What depends on the size of a
//! word is repaired there ([`repair`]): integers that are no longer large, floats that became
//! immediate, program counters behind literals that are twice as wide. The heap is made of the
//! graph at last, and checked as any other.

mod bytes;
mod graph;
mod repair;
mod spur;

use crate::problem::ImageProblem;
use bytes::{ByteOrder, Source};
use imprint_heap::{Heap, HeapSettings};

/// What a foreign file is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ForeignKind {
    /// Its format number.
    pub number: u32,
    /// What that is called.
    pub name: &'static str,
    /// Whether its bytes are in the other order.
    pub is_swapped: bool,
}

/// Converts the content of a file of this kind.
///
/// # Errors
/// [`ImageProblem`].
pub(crate) fn read(
    kind: ForeignKind,
    content: &[u8],
    settings: HeapSettings,
) -> Result<Heap, ImageProblem> {
    let order = if kind.is_swapped {
        ByteOrder::Big
    } else {
        ByteOrder::Little
    };
    let source = Source { content, order };
    let word_bytes = if kind.number < crate::kind::SPUR_64 {
        4
    } else {
        8
    };
    let mut graph = spur::read(source, word_bytes)?;
    if word_bytes == 4 {
        repair::widen(&mut graph);
    }
    graph.into_heap(settings)
}
