//! The reserved range: address space taken once, committed and given back in pages.
//!
//! # Safety
//! All mappings made here lie inside a range that one `Reserve` owns alone; it is unmapped when
//! the `Reserve` is dropped, which the heap does last.

#![expect(unsafe_code, reason = "memory is mapped from the operating system")]

use crate::address::Address;
use crate::error::HeapError;
use rustix::mm::{Advice, MapFlags, MprotectFlags, ProtFlags};
use std::ffi::c_void;
use std::fs::File;
use std::ptr;

/// Whether a mapped file may be written to in memory (never in the file).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Access {
    /// Pages are copied when they are written.
    CopyOnWrite,
    /// Writing is a fault.
    ReadOnly,
}

/// A range of addresses that belongs to one heap.
#[derive(Debug)]
pub(crate) struct Reserve {
    start: usize,
    length: usize,
}

fn pointer(address: usize) -> *mut c_void {
    ptr::with_exposed_provenance_mut(address)
}

fn system(action: &'static str, bytes: usize) -> impl FnOnce(rustix::io::Errno) -> HeapError {
    move |errno| HeapError::System {
        action,
        bytes,
        source: errno.into(),
    }
}

/// `bytes` rounded up to whole pages.
pub(crate) fn round_to_pages(bytes: usize) -> usize {
    bytes.next_multiple_of(rustix::param::page_size())
}

impl Reserve {
    /// Takes `length` bytes of address space (whole pages), at `preferred` if that is free, else
    /// anywhere. Nothing is committed.
    pub(crate) fn new(preferred: u64, length: usize) -> Result<Reserve, HeapError> {
        let flags = MapFlags::PRIVATE | MapFlags::NORESERVE;
        let hint = pointer(preferred as usize);
        // SAFETY: a new mapping, not fixed, so nothing that exists is replaced.
        let taken = unsafe { rustix::mm::mmap_anonymous(hint, length, ProtFlags::empty(), flags) }
            .map_err(system("reserve", length))?;
        Ok(Reserve {
            start: taken.expose_provenance(),
            length,
        })
    }

    /// The first address.
    pub(crate) fn start(&self) -> Address {
        Address::new(self.start as u64)
    }

    /// The address after the last.
    pub(crate) fn end(&self) -> Address {
        self.start().plus(self.length)
    }

    fn assert_owned(&self, from: Address, to: Address) {
        assert!(self.start() <= from, "a range begins before its reserve");
        assert!(from <= to, "a range ends before it begins");
        assert!(to <= self.end(), "a range ends after its reserve");
    }

    /// Makes the pages from `from` to `to` readable and writable; new ones are zero.
    pub(crate) fn commit(&self, from: Address, to: Address) -> Result<(), HeapError> {
        self.assert_owned(from, to);
        let bytes = to.since(from);
        if bytes == 0 {
            return Ok(());
        }
        let flags = MprotectFlags::READ | MprotectFlags::WRITE;
        // SAFETY: the range is ours (asserted above); making it accessible harms nobody.
        unsafe { rustix::mm::mprotect(pointer(from.bits() as usize), bytes, flags) }
            .map_err(system("commit", bytes))
    }

    /// Asks the system for the pages from `from` to `to`, which are committed, before they are needed. One
    /// that cannot do that gives each with the first access, as ever.
    pub(crate) fn touch(&self, from: Address, to: Address) {
        self.assert_owned(from, to);
        let at = pointer(from.bits() as usize);
        // SAFETY: the range is ours (asserted above), and what its pages hold stays as it is.
        let _ = unsafe { rustix::mm::madvise(at, to.since(from), Advice::LinuxPopulateWrite) };
    }

    /// Gives the pages from `from` to `to` back; what they held, also of a file, is gone.
    pub(crate) fn give_back(&self, from: Address, to: Address) -> Result<(), HeapError> {
        self.assert_owned(from, to);
        let bytes = to.since(from);
        if bytes == 0 {
            return Ok(());
        }
        let flags = MapFlags::PRIVATE | MapFlags::NORESERVE | MapFlags::FIXED;
        let at = pointer(from.bits() as usize);
        // SAFETY: replaces only pages of our own range (asserted above), which hold no object any
        // more by the caller's bookkeeping.
        unsafe { rustix::mm::mmap_anonymous(at, bytes, ProtFlags::empty(), flags) }
            .map(|_| ())
            .map_err(system("give back", bytes))
    }

    /// Maps `length` bytes of `file`, from its beginning, at the start of the range.
    pub(crate) fn map_file(
        &self,
        file: &File,
        length: usize,
        access: Access,
    ) -> Result<(), HeapError> {
        self.assert_owned(self.start(), self.start().plus(length));
        let protection = match access {
            Access::CopyOnWrite => ProtFlags::READ | ProtFlags::WRITE,
            Access::ReadOnly => ProtFlags::READ,
        };
        let flags = MapFlags::PRIVATE | MapFlags::FIXED;
        // SAFETY: replaces only pages of our own range (asserted above), which hold nothing yet.
        unsafe { rustix::mm::mmap(pointer(self.start), length, protection, flags, file, 0) }
            .map(|_| ())
            .map_err(system("map", length))
    }
}

impl Drop for Reserve {
    fn drop(&mut self) {
        // SAFETY: the range is ours and nobody uses it after us. An error would leave the range
        // mapped, which is harmless.
        let _ = unsafe { rustix::mm::munmap(pointer(self.start), self.length) };
    }
}
