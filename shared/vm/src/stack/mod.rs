//! The frame stack: pages of one zone of words, where methods and blocks keep what they work on.
//!
//! ```text
//!  one page:  start                                                              end
//!  +----------+-------+------+----------+------+- - - - - - -+---------+-----------+
//!  | receiver | temps | operands | temps | ... sp >   < fp ..| frame 1 | frame 0   |
//!  +----------+-------+------+----------+------+- - - - - - -+---------+-----------+
//!    ^ base of frame 0          ^ base of frame 1               newest    base frame
//! ```
//!
//! Values grow up: the operands that a sender pushed (receiver, arguments) *are* the first words of
//! what it calls, so arguments and temporaries are one run of words, and a send copies nothing.
//! Records of frames ([`Frame`]) grow down to meet them, so one comparison of two registers tells
//! whether there is room.
//!
//! A page holds frames of one process. Its base frame returns to the newest frame of another page,
//! to a context in the heap, or to nowhere ([`Link`]). When no page is free, the one that waited
//! longest is written into contexts (module `context`). The idea is Miranda's "Under Cover
//! Contexts and the Big Frame-Up"; splitting records from values is Lua's.
//!
//! All unsafe code of this crate is in this module. It rests on one invariant, **S**: while
//! `Registers` are in use, `fp` points at a record of the active page, `base <= sp`, both lie
//! between the page's start and that record, and at least [`ROOM_WORDS`] words were free above
//! `sp` when the frame was made. Verified code (isa's verifier) uses no more than a large frame's
//! 56 words of temporaries and operands, and its pc stays within its bytes.

#![allow(
    unsafe_code,
    reason = "the frame stack is one of the places the design names"
)]

mod frame;
mod page;
mod registers;
#[cfg(test)]
mod tests;

pub(crate) use frame::{FRAME_WORDS, Frame};
pub(crate) use page::{BaseRecord, FramePosition, Link, Stack};
pub(crate) use registers::Registers;

/// Words that must be free above the operands when a frame is made: a large frame's 56, the
/// record, and what a machine pushes on its own behalf (15 arguments, a context).
pub(crate) const ROOM_WORDS: usize = 56 + FRAME_WORDS + 32;
