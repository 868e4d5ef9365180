//! Walking the objects in order of address: old space, the last survivors, eden.
//!
//! Free chunks (class index 0), forwarders and the memory's own objects (class puns below 32)
//! are skipped: Smalltalk never sees them.

use crate::access::slot_count_at;
use crate::address::Address;
use crate::heap::Heap;
use crate::space::{Bump, body_bytes};
use imprint_model::Oop;
use imprint_model::header::OVERFLOW_SLOTS;

/// Class indices below this are the memory's own: free chunks, forwarders, class table pages.
pub(crate) const FIRST_VISIBLE: u32 = 32;

/// The header of the object that begins at `start`. A word with 255 in its top byte is an overflow
/// word there: a header with that byte never begins an object.
#[inline(always)]
pub(crate) fn header_address(start: Address) -> Address {
    if start.load() >> 56 == OVERFLOW_SLOTS {
        start.plus(8)
    } else {
        start
    }
}

/// Where the object after the one at `address` begins.
#[inline(always)]
pub(crate) fn end_of(address: Address) -> Address {
    address.plus(body_bytes(slot_count_at(address)))
}

/// Calls `visit` with the header address of everything in a space, free chunks too.
#[inline(always)]
pub(crate) fn for_each_in(space: &Bump, mut visit: impl FnMut(Address)) {
    let mut at = space.start;
    while at < space.free {
        let address = header_address(at);
        at = end_of(address);
        visit(address);
    }
}

impl Heap {
    fn spaces(&self) -> [Bump; 3] {
        [self.old.space, self.young.past, self.young.eden]
    }

    fn is_visible(&self, oop: Oop) -> bool {
        let class_index = Address::of(oop).header().class_index();
        class_index >= FIRST_VISIBLE
    }

    /// Calls `visit` with every object.
    pub fn for_each_object(&self, mut visit: impl FnMut(Oop)) {
        for space in self.spaces() {
            for_each_in(&space, |address| {
                if self.is_visible(address.oop()) {
                    visit(address.oop());
                }
            });
        }
    }

    /// The first object of the heap.
    pub fn first_object(&self) -> Option<Oop> {
        self.first_from(0, self.old.space.start)
    }

    /// The object after `oop`, in order of address.
    pub fn next_object(&self, oop: Oop) -> Option<Oop> {
        let address = Address::of(oop);
        let spaces = self.spaces();
        let which = spaces.iter().position(|space| space.contains(address))?;
        self.first_from(which, end_of(address))
    }

    fn first_from(&self, which: usize, start: Address) -> Option<Oop> {
        let mut at = start;
        for (index, space) in self.spaces().iter().enumerate().skip(which) {
            if index != which {
                at = space.start;
            }
            while at < space.free {
                let address = header_address(at);
                if self.is_visible(address.oop()) {
                    return Some(address.oop());
                }
                at = end_of(address);
            }
        }
        None
    }

    /// All objects whose header names this class, in order of address.
    pub fn instances_of(&self, class_index: u32) -> Vec<Oop> {
        let mut found = Vec::new();
        self.for_each_object(|oop| {
            if Address::of(oop).header().class_index() == class_index {
                found.push(oop);
            }
        });
        found
    }

    /// All objects, in order of address.
    pub fn all_objects(&self) -> Vec<Oop> {
        let mut found = Vec::new();
        self.for_each_object(|oop| found.push(oop));
        found
    }
}
