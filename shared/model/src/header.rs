//! The object header: one 64-bit word in front of each object's slots.
//!
//! ```text
//!  63      56 55  54 53          32 31   30     29         28  24 23        22 21          0
//! +----------+---+--+--------------+----+------+----------+------+---------+--+-------------+
//! | numSlots |mrk|  | identityHash |grey|pinned|remembered|format|read-only|  | class index |
//! +----------+---+--+--------------+----+------+----------+------+---------+--+-------------+
//! ```
//!
//! numSlots 255 means: the real count stands in the low 56 bits of the word before the header,
//! whose own top byte is 255. Every object occupies at least one slot.
//! Source: the Spur memory manager's `headerForSlots:format:classIndex:`.

use crate::format::Format;
use crate::oop::{HASH_BITS, HASH_MASK};

/// numSlots value that says the count stands in the overflow word.
pub const OVERFLOW_SLOTS: u64 = 255;
/// Bytes of a header, and of an overflow word.
pub const HEADER_BYTES: usize = 8;
/// Bytes of a slot.
pub const SLOT_BYTES: usize = 8;

const CLASS_INDEX_MASK: u64 = (1 << 22) - 1;
const READ_ONLY: u64 = 1 << 23;
const FORMAT_SHIFT: u32 = 24;
const FORMAT_MASK: u64 = 31;
const REMEMBERED: u64 = 1 << 29;
const PINNED: u64 = 1 << 30;
const GREY: u64 = 1 << 31;
const HASH_SHIFT: u32 = 32;
const MARKED: u64 = 1 << 55;
const SLOTS_SHIFT: u32 = 56;

/// An object header as a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(transparent)]
pub struct Header(u64);

macro_rules! flag {
    ($is:ident, $with:ident, $mask:ident, $doc:literal) => {
        #[doc = concat!("Whether the object is ", $doc, ".")]
        #[inline(always)]
        pub const fn $is(self) -> bool {
            self.0 & $mask != 0
        }

        #[doc = concat!("This header with the flag \"", $doc, "\" set to `on`.")]
        #[inline(always)]
        #[must_use]
        pub const fn $with(self, on: bool) -> Header {
            if on {
                Header(self.0 | $mask)
            } else {
                Header(self.0 & !$mask)
            }
        }
    };
}

impl Header {
    /// A header with no hash and no flags. `slot_count` above 254 needs an overflow word, which
    /// the writer of the object adds.
    #[inline(always)]
    pub const fn new(slot_count: usize, format: Format, class_index: u32) -> Header {
        let slots = if slot_count >= OVERFLOW_SLOTS as usize {
            OVERFLOW_SLOTS
        } else {
            slot_count as u64
        };
        Header(
            (slots << SLOTS_SHIFT)
                | ((format.bits() as u64) << FORMAT_SHIFT)
                | class_index as u64 & CLASS_INDEX_MASK,
        )
    }

    /// The word as it lies in memory.
    #[inline(always)]
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// Takes a word as a header; any word is one.
    #[inline(always)]
    pub const fn from_bits(bits: u64) -> Header {
        Header(bits)
    }

    /// Index of the object's class in the class table.
    #[inline(always)]
    pub const fn class_index(self) -> u32 {
        (self.0 & CLASS_INDEX_MASK) as u32
    }

    /// This header with another class.
    #[inline(always)]
    #[must_use]
    pub const fn with_class_index(self, class_index: u32) -> Header {
        Header(self.0 & !CLASS_INDEX_MASK | class_index as u64 & CLASS_INDEX_MASK)
    }

    /// How the slots are to be read.
    #[inline(always)]
    pub const fn format(self) -> Format {
        Format::from_bits((self.0 >> FORMAT_SHIFT & FORMAT_MASK) as u8)
    }

    /// This header with another format.
    #[inline(always)]
    #[must_use]
    pub const fn with_format(self, format: Format) -> Header {
        Header(self.0 & !(FORMAT_MASK << FORMAT_SHIFT) | (format.bits() as u64) << FORMAT_SHIFT)
    }

    /// The identity hash, 22 bits; 0 where none was asked for yet.
    #[inline(always)]
    pub const fn hash(self) -> u32 {
        (self.0 >> HASH_SHIFT) as u32 & HASH_MASK
    }

    /// This header with another identity hash.
    #[inline(always)]
    #[must_use]
    pub const fn with_hash(self, hash: u32) -> Header {
        let mask = ((1u64 << HASH_BITS) - 1) << HASH_SHIFT;
        Header(self.0 & !mask | ((hash & HASH_MASK) as u64) << HASH_SHIFT)
    }

    /// The numSlots byte: a count, or [`OVERFLOW_SLOTS`].
    #[inline(always)]
    pub const fn slots_byte(self) -> u64 {
        self.0 >> SLOTS_SHIFT
    }

    /// This header with another numSlots byte.
    #[inline(always)]
    #[must_use]
    pub const fn with_slots_byte(self, slots: u8) -> Header {
        Header(self.0 & !(0xFF << SLOTS_SHIFT) | (slots as u64) << SLOTS_SHIFT)
    }

    /// Whether the slot count stands in the word before.
    #[inline(always)]
    pub const fn has_overflow(self) -> bool {
        self.slots_byte() == OVERFLOW_SLOTS
    }

    flag!(is_read_only, with_read_only, READ_ONLY, "read-only");
    flag!(
        is_remembered,
        with_remembered,
        REMEMBERED,
        "in the remembered set"
    );
    flag!(is_pinned, with_pinned, PINNED, "pinned");
    flag!(is_grey, with_grey, GREY, "grey");
    flag!(is_marked, with_marked, MARKED, "marked");
}

/// The overflow word of an object with `slot_count` slots.
pub const fn overflow_word(slot_count: usize) -> u64 {
    OVERFLOW_SLOTS << SLOTS_SHIFT | slot_count as u64
}

/// The slot count in an overflow word.
pub const fn overflow_count(word: u64) -> usize {
    (word & ((1 << SLOTS_SHIFT) - 1)) as usize
}

const _: () = {
    assert!(Header::new(3, Format::ARRAY, 51).class_index() == 51);
    assert!(Header::new(300, Format::ARRAY, 51).has_overflow());
    assert!(overflow_count(overflow_word(300)) == 300);
};
