//! The spaces of a heap: bounds, bump pointers, and growth of old space.

use crate::address::Address;
use crate::error::HeapError;
use crate::reserve::{Reserve, round_to_pages};
use imprint_model::header::{HEADER_BYTES, OVERFLOW_SLOTS, SLOT_BYTES};

/// Old space is committed and given back in pieces of this size.
pub(crate) const SEGMENT_BYTES: usize = 1 << 20;

/// Slots that an object occupies: an empty one still has room for a forwarding address.
#[inline(always)]
pub(crate) const fn occupied_slots(slot_count: usize) -> usize {
    if slot_count == 0 { 1 } else { slot_count }
}

/// Bytes of an object from its header on, without an overflow word.
#[inline(always)]
pub(crate) const fn body_bytes(slot_count: usize) -> usize {
    HEADER_BYTES + occupied_slots(slot_count) * SLOT_BYTES
}

/// Bytes of an object, with its overflow word if it has one.
#[inline(always)]
pub(crate) const fn object_bytes(slot_count: usize) -> usize {
    leading_bytes(slot_count) + body_bytes(slot_count)
}

/// Bytes before the header.
#[inline(always)]
pub(crate) const fn leading_bytes(slot_count: usize) -> usize {
    if slot_count >= OVERFLOW_SLOTS as usize {
        HEADER_BYTES
    } else {
        0
    }
}

/// A contiguous space that is filled from its start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bump {
    /// The first address.
    pub(crate) start: Address,
    /// Where the next object goes.
    pub(crate) free: Address,
    /// The address after the last.
    pub(crate) limit: Address,
}

impl Bump {
    /// An empty space.
    pub(crate) fn new(start: Address, bytes: usize) -> Bump {
        Bump {
            start,
            free: start,
            limit: start.plus(bytes),
        }
    }

    /// Takes `bytes`, if they fit.
    #[inline(always)]
    pub(crate) fn take(&mut self, bytes: usize) -> Option<Address> {
        let at = self.free;
        if bytes > self.limit.since(at) {
            return None;
        }
        self.free = at.plus(bytes);
        Some(at)
    }

    /// Bytes in use.
    pub(crate) fn used(&self) -> usize {
        self.free.since(self.start)
    }

    /// Bytes that still fit.
    pub(crate) fn remaining(&self) -> usize {
        self.limit.since(self.free)
    }

    /// All bytes.
    pub(crate) fn capacity(&self) -> usize {
        self.limit.since(self.start)
    }

    /// Whether an address lies between start and limit.
    #[inline(always)]
    pub(crate) fn contains(&self, address: Address) -> bool {
        address >= self.start && address < self.limit
    }
}

/// Eden and the two survivor spaces.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Young {
    /// Where objects are made.
    pub(crate) eden: Bump,
    /// Survivors of the last scavenge.
    pub(crate) past: Bump,
    /// Empty between scavenges; the next survivors go here.
    pub(crate) next: Bump,
    /// The size of eden where nothing is to be kept small.
    pub(crate) eden_bytes: usize,
}

/// A scavenge that copied more takes too long: less of eden is used until the next one.
const COPIED_MAX: usize = 512 << 10;
/// After a scavenge that copied less, more of eden may be used again.
const COPIED_FEW: usize = COPIED_MAX / 4;

impl Young {
    /// Sizes the empty eden by the bytes that a scavenge copied: what a pause takes is copying, so
    /// where much lives there is less to copy if it comes sooner. Any object that begins in eden
    /// still fits.
    pub(crate) fn size_eden(&mut self, copied_bytes: usize) {
        debug_assert!(self.eden.free == self.eden.start, "eden is empty");
        let present = self.eden.capacity();
        let wanted = match copied_bytes {
            ..COPIED_FEW => present * 2,
            COPIED_FEW..=COPIED_MAX => present,
            _ => round_to_pages(present / 2),
        };
        let bytes = wanted.clamp(self.next.capacity(), self.eden_bytes);
        self.eden.limit = self.eden.start.plus(bytes);
    }

    /// Bytes that eden of `eden_bytes` and its survivor spaces take together.
    pub(crate) fn total_bytes(eden_bytes: usize) -> usize {
        let eden = round_to_pages(eden_bytes.max(16 << 10));
        eden + 2 * round_to_pages(eden / 4)
    }

    /// Lays the three spaces out from `start`.
    pub(crate) fn at(start: Address, eden_bytes: usize) -> Young {
        let eden = round_to_pages(eden_bytes.max(16 << 10));
        let survivor = round_to_pages(eden / 4);
        Young {
            past: Bump::new(start, survivor),
            next: Bump::new(start.plus(survivor), survivor),
            eden: Bump::new(start.plus(2 * survivor), eden),
            eden_bytes: eden,
        }
    }

    /// Bytes in use.
    pub(crate) fn used(&self) -> usize {
        self.eden.used() + self.past.used()
    }
}

/// Old space: `free` is its bump pointer, `limit` what is committed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Old {
    /// Start, bump pointer and committed end.
    pub(crate) space: Bump,
    /// Where commitment must stop.
    pub(crate) reserve_end: Address,
    /// Bytes above which mutators get no more room; the collector may go further by the size of
    /// young space, so that a scavenge always finds room.
    pub(crate) limit_bytes: usize,
    /// Bytes in use above which a full collection is due.
    pub(crate) threshold: usize,
}

impl Old {
    /// Commits until `bytes` fit behind the bump pointer.
    pub(crate) fn ensure(&mut self, reserve: &Reserve, bytes: usize) -> Result<(), HeapError> {
        if bytes <= self.space.remaining() {
            return Ok(());
        }
        let missing = bytes - self.space.remaining();
        let grown = self.space.limit.plus(missing).bits() as usize;
        let wanted = Address::new(grown.next_multiple_of(SEGMENT_BYTES) as u64);
        let end = wanted.min(self.reserve_end);
        if end.since(self.space.free) < bytes {
            return Err(HeapError::LimitReached {
                limit: self.limit_bytes,
            });
        }
        reserve.commit(self.space.limit, end)?;
        self.space.limit = end;
        Ok(())
    }

    /// Whether a mutator may use `bytes` more.
    pub(crate) fn is_below_limit(&self, bytes: usize) -> bool {
        self.space.used().saturating_add(bytes) <= self.limit_bytes
    }

    /// Gives whole segments behind the bump pointer back, but keeps one in hand.
    pub(crate) fn shrink(&mut self, reserve: &Reserve) -> Result<usize, HeapError> {
        let keep = self.space.free.plus(SEGMENT_BYTES).bits() as usize;
        let end = Address::new(keep.next_multiple_of(SEGMENT_BYTES) as u64);
        if end >= self.space.limit {
            return Ok(0);
        }
        let given = self.space.limit.since(end);
        reserve.give_back(end, self.space.limit)?;
        self.space.limit = end;
        Ok(given)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eden_shrinks_while_much_is_copied_and_grows_back() {
        let mut young = Young::at(Address::new(1 << 20), 4 << 20);
        let megabytes = |young: &Young| young.eden.capacity() as f64 / f64::from(1 << 20);
        let copied = [1 << 20, 1 << 20, 1 << 20, COPIED_MAX, COPIED_FEW, 0, 0, 0];
        let sizes = copied.map(|copied| {
            young.size_eden(copied);
            megabytes(&young)
        });
        assert_eq!(sizes, [2.0, 1.0, 1.0, 1.0, 1.0, 2.0, 4.0, 4.0]);
    }

    #[test]
    fn a_small_eden_keeps_room_for_all_that_begins_in_it() {
        let mut young = Young::at(Address::new(1 << 20), 16 << 10);
        (0..5).for_each(|_| young.size_eden(usize::MAX));
        assert_eq!(young.eden.capacity(), young.next.capacity());
    }
}
