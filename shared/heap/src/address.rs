//! Addresses inside a reserved range, and the only loads and stores through them.
//!
//! # Safety
//! Every function here reads or writes memory at an [`Address`]. What makes that sound is who can
//! make one. The obligations of whoever holds an `Address` and uses it:
//!
//! 1. It lies in a committed part of a [`Reserve`](crate::reserve::Reserve) that is still mapped.
//! 2. It is a multiple of 8.
//! 3. What is accessed from it (a word, or `count` words) lies in the same committed part.
//!
//! Addresses arise in three ways: from the bounds of a space (1 and 2 hold by the construction of
//! the spaces); from an [`Oop`] with object tag, which by the contract of `Oop::from_bits` is an
//! object of the heap it is used with (checked where assertions are on); and by stepping within an
//! object or from an object to the next, which stays within the space because object sizes are
//! kept true by the allocator and checked before an image is adopted. All memory is plain words
//! with no invalid values, and the functions are crate-private: other crates only hold oops.

#![expect(unsafe_code, reason = "object memory is read and written by address")]

use imprint_model::{Header, Oop};
use std::ptr;

/// An 8-byte aligned position in a reserved range.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(transparent)]
pub(crate) struct Address(u64);

impl Address {
    /// Takes a number as an address; see the module for what its user vouches for.
    #[inline(always)]
    pub(crate) const fn new(bits: u64) -> Address {
        Address(bits)
    }

    /// The header of an object.
    #[inline(always)]
    pub(crate) fn of(oop: Oop) -> Address {
        debug_assert!(oop.is_object(), "{oop:?} has no address");
        Address(oop.bits())
    }

    /// The number.
    #[inline(always)]
    pub(crate) const fn bits(self) -> u64 {
        self.0
    }

    /// The object whose header is here.
    #[inline(always)]
    pub(crate) const fn oop(self) -> Oop {
        Oop::from_bits(self.0)
    }

    /// `bytes` further.
    #[inline(always)]
    pub(crate) const fn plus(self, bytes: usize) -> Address {
        Address(self.0 + bytes as u64)
    }

    /// `bytes` before.
    #[inline(always)]
    pub(crate) const fn minus(self, bytes: usize) -> Address {
        Address(self.0 - bytes as u64)
    }

    /// Slot `index` of the object whose header is here.
    #[inline(always)]
    pub(crate) const fn slot(self, index: usize) -> Address {
        Address(self.0 + 8 + index as u64 * 8)
    }

    /// Bytes from `start` to here.
    #[inline(always)]
    pub(crate) const fn since(self, start: Address) -> usize {
        (self.0 - start.0) as usize
    }

    #[inline(always)]
    fn pointer(self) -> *mut u64 {
        debug_assert!(self.0.is_multiple_of(8), "{:x} is not aligned", self.0);
        debug_assert!(self.0 != 0, "the null address was used");
        ptr::with_exposed_provenance_mut(self.0 as usize)
    }

    /// The word here.
    #[inline(always)]
    pub(crate) fn load(self) -> u64 {
        // SAFETY: obligations 1 to 3 of the module, for one word.
        unsafe { self.pointer().read() }
    }

    /// Puts a word here.
    #[inline(always)]
    pub(crate) fn store(self, word: u64) {
        // SAFETY: obligations 1 to 3 of the module, for one word.
        unsafe { self.pointer().write(word) }
    }

    /// The word here as an oop.
    #[inline(always)]
    pub(crate) fn load_oop(self) -> Oop {
        Oop::from_bits(self.load())
    }

    /// The header here.
    #[inline(always)]
    pub(crate) fn header(self) -> Header {
        Header::from_bits(self.load())
    }

    /// Puts a header here.
    #[inline(always)]
    pub(crate) fn set_header(self, header: Header) {
        self.store(header.bits());
    }

    /// Fills `count` words from here.
    #[inline(always)]
    pub(crate) fn fill(self, count: usize, word: u64) {
        let mut at = self;
        for _ in 0..count {
            at.store(word);
            at = at.plus(8);
        }
    }

    /// Copies `count` words to `to`, which does not overlap.
    #[inline(always)]
    pub(crate) fn copy_to(self, to: Address, count: usize) {
        // SAFETY: obligations 1 to 3 of the module, for `count` words at both ends; the callers
        // copy between different objects.
        unsafe { ptr::copy_nonoverlapping(self.pointer(), to.pointer(), count) }
    }

    /// Moves `count` words to `to`, which may overlap.
    pub(crate) fn move_to(self, to: Address, count: usize) {
        // SAFETY: obligations 1 to 3 of the module, for `count` words at both ends.
        unsafe { ptr::copy(self.pointer(), to.pointer(), count) }
    }

    /// `count` elements from here. The caller's signature must bind the lifetime to a borrow of
    /// the heap, so that nothing writes meanwhile.
    #[inline(always)]
    pub(crate) fn elements<'heap, Element: Plain>(self, count: usize) -> &'heap [Element] {
        // SAFETY: obligations 1 to 3 of the module; every bit pattern is a value of a plain
        // element, whose alignment is at most 8; the caller binds the lifetime.
        unsafe { std::slice::from_raw_parts(self.pointer().cast::<Element>(), count) }
    }

    /// `count` elements from here, to be written. The caller's signature must bind the lifetime
    /// to a mutable borrow of the heap.
    #[inline(always)]
    pub(crate) fn elements_mut<'heap, Element: Plain>(self, count: usize) -> &'heap mut [Element] {
        // SAFETY: obligations 1 to 3 of the module; every bit pattern is a value of a plain
        // element, whose alignment is at most 8; the caller holds the heap alone.
        unsafe { std::slice::from_raw_parts_mut(self.pointer().cast::<Element>(), count) }
    }
}

/// Elements of raw objects: unsigned numbers, for which every bit pattern is a value.
pub(crate) trait Plain: Copy {}
impl Plain for u8 {}
impl Plain for u16 {}
impl Plain for u32 {}
impl Plain for u64 {}
