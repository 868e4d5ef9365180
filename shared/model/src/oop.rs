//! Oops: tagged 64-bit words that name an object or *are* one.
//!
//! ```text
//!  63                                                       3 2 0
//! +----------------------------------------------------------+---+
//! | address of an object header, 8-byte aligned              |000|  object
//! | two's complement integer, 61 bits                        |001|  SmallInteger
//! | Unicode code point                                       |010|  Character
//! | rotated double, exponent rebased by 896                  |100|  SmallFloat64
//! | id, 39 bits                    | identity hash, 22 bits  |110|  ghost (ours)
//! +----------------------------------------------------------+---+
//! ```
//!
//! The first four are Spur's. A ghost stands for an object of the master that has not come yet;
//! its tag is free in Spur and leaves the lowest bit clear, so a SmallInteger is still told by its
//! lowest bit alone. Files for stock virtual machines hold no ghosts.

use std::fmt;

/// Number of tag bits at the low end of an oop.
pub const TAG_BITS: u32 = 3;
/// Mask of the tag bits.
pub const TAG_MASK: u64 = 0b111;
/// Tag of a pointer to an object header.
pub const TAG_OBJECT: u64 = 0;
/// Tag of a SmallInteger; also its class index.
pub const TAG_SMALL_INTEGER: u64 = 1;
/// Tag of a Character; also its class index.
pub const TAG_CHARACTER: u64 = 2;
/// Tag of a SmallFloat64; also its class index.
pub const TAG_SMALL_FLOAT: u64 = 4;
/// Tag of a ghost; no class has this index.
pub const TAG_GHOST: u64 = 6;

/// The least SmallInteger, -2^60.
pub const SMALL_INTEGER_MIN: i64 = -(1 << 60);
/// The greatest SmallInteger, 2^60 - 1.
pub const SMALL_INTEGER_MAX: i64 = (1 << 60) - 1;

/// Bits that a double is rotated by to be a SmallFloat64: its sign goes above the tag, and what its
/// exponent begins with becomes the tag.
const SMALL_FLOAT_ROTATION: u32 = 4;
/// What is added to a double first. Spur takes 896 from the exponents 896 to 1151 and puts the tag in
/// front of the 8 bits that are left. With 128 more these exponents, and no others, begin with the
/// three bits of the tag, and go on with the 8.
const SMALL_FLOAT_REBASE: u64 = 128 << 52;
/// The words of both zeros, which have an exponent of their own, are not above this. The same words
/// would be those of the least power of two and its negative, so these are none.
const SMALL_FLOAT_ZEROS: u64 = 1 << TAG_BITS | TAG_SMALL_FLOAT;

/// A tagged word: an immediate value, a ghost, or the address of an object.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Oop(u64);

impl Oop {
    /// The word as it lies in memory.
    #[inline(always)]
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// Takes a word as an oop. Whoever calls this vouches that an address in it is one of an
    /// object of the heap that the oop is used with.
    #[inline(always)]
    pub const fn from_bits(bits: u64) -> Oop {
        Oop(bits)
    }

    /// The three tag bits.
    #[inline(always)]
    pub const fn tag(self) -> u64 {
        self.0 & TAG_MASK
    }

    /// Whether this names an object in memory.
    #[inline(always)]
    pub const fn is_object(self) -> bool {
        self.0 & TAG_MASK == TAG_OBJECT
    }

    /// Whether this is an immediate: a SmallInteger, Character, SmallFloat64 or ghost.
    #[inline(always)]
    pub const fn is_immediate(self) -> bool {
        !self.is_object()
    }

    /// Whether this is a SmallInteger: one look at the lowest bit.
    #[inline(always)]
    pub const fn is_small_integer(self) -> bool {
        self.0 & 1 != 0
    }

    /// Whether this is a Character.
    #[inline(always)]
    pub const fn is_character(self) -> bool {
        self.tag() == TAG_CHARACTER
    }

    /// Whether this is a SmallFloat64.
    #[inline(always)]
    pub const fn is_small_float(self) -> bool {
        self.tag() == TAG_SMALL_FLOAT
    }

    /// Whether this is a ghost.
    #[inline(always)]
    pub const fn is_ghost(self) -> bool {
        self.tag() == TAG_GHOST
    }

    /// The SmallInteger `value`, or `None` where 61 bits do not hold it.
    #[inline(always)]
    pub const fn small_integer(value: i64) -> Option<Oop> {
        if value < SMALL_INTEGER_MIN || value > SMALL_INTEGER_MAX {
            return None;
        }
        Some(Oop(((value as u64) << TAG_BITS) | TAG_SMALL_INTEGER))
    }

    /// The SmallInteger of a number that always fits: a count, an index, a 32-bit value.
    #[inline(always)]
    pub const fn small(value: i32) -> Oop {
        Oop(((value as i64 as u64) << TAG_BITS) | TAG_SMALL_INTEGER)
    }

    /// The SmallInteger of a size or index in memory; these always fit in 61 bits.
    #[inline(always)]
    pub const fn index(value: usize) -> Oop {
        Oop(((value as u64) << TAG_BITS) | TAG_SMALL_INTEGER)
    }

    /// The value of a SmallInteger.
    #[inline(always)]
    pub const fn as_small_integer(self) -> Option<i64> {
        if self.is_small_integer() {
            Some(self.0 as i64 >> TAG_BITS)
        } else {
            None
        }
    }

    /// The Character of a code point.
    #[inline(always)]
    pub const fn character(code_point: u32) -> Oop {
        Oop(((code_point as u64) << TAG_BITS) | TAG_CHARACTER)
    }

    /// The code point of a Character.
    #[inline(always)]
    pub const fn as_character(self) -> Option<u32> {
        if self.is_character() {
            Some((self.0 >> TAG_BITS) as u32)
        } else {
            None
        }
    }

    /// The SmallFloat64 of `value`, or `None` where its exponent is out of the immediate range
    /// (then it is boxed).
    #[inline(always)]
    pub const fn small_float(value: f64) -> Option<Oop> {
        let bits = value.to_bits();
        let oop = Oop(bits
            .wrapping_add(SMALL_FLOAT_REBASE)
            .rotate_left(SMALL_FLOAT_ROTATION));
        if oop.is_small_float() && oop.0 > SMALL_FLOAT_ZEROS {
            return Some(oop);
        }
        std::hint::cold_path();
        let rotated = bits.rotate_left(1);
        if rotated > 1 {
            return None;
        }
        Some(Oop((rotated << TAG_BITS) | TAG_SMALL_FLOAT))
    }

    /// The double of a SmallFloat64.
    #[inline(always)]
    pub const fn as_small_float(self) -> Option<f64> {
        if !self.is_small_float() {
            return None;
        }
        if self.0 > SMALL_FLOAT_ZEROS {
            let rotated = self.0.rotate_right(SMALL_FLOAT_ROTATION);
            return Some(f64::from_bits(rotated.wrapping_sub(SMALL_FLOAT_REBASE)));
        }
        // Zeros are rare: guessing that it is none is quicker than to choose.
        std::hint::cold_path();
        Some(f64::from_bits((self.0 >> TAG_BITS).rotate_right(1)))
    }

    /// The oop of a ghost.
    #[inline(always)]
    pub const fn ghost(ghost: Ghost) -> Oop {
        Oop((ghost.id << (HASH_BITS + TAG_BITS)) | ((ghost.hash as u64) << TAG_BITS) | TAG_GHOST)
    }

    /// What a ghost stands for.
    #[inline(always)]
    pub const fn as_ghost(self) -> Option<Ghost> {
        if !self.is_ghost() {
            return None;
        }
        let hash = (self.0 >> TAG_BITS) as u32 & HASH_MASK;
        Some(Ghost {
            id: self.0 >> (HASH_BITS + TAG_BITS),
            hash,
        })
    }
}

impl fmt::Debug for Oop {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(value) = self.as_small_integer() {
            return write!(formatter, "{value}");
        }
        if let Some(code_point) = self.as_character() {
            return write!(formatter, "$u{code_point:x}");
        }
        if let Some(value) = self.as_small_float() {
            return write!(formatter, "{value:?}");
        }
        if let Some(ghost) = self.as_ghost() {
            return write!(formatter, "ghost({})", ghost.id);
        }
        write!(formatter, "@{:x}", self.0)
    }
}

/// Bits of an identity hash.
pub const HASH_BITS: u32 = 22;
/// Mask of an identity hash.
pub const HASH_MASK: u32 = (1 << HASH_BITS) - 1;
/// Bits of a ghost's id.
pub const GHOST_ID_BITS: u32 = 64 - TAG_BITS - HASH_BITS;

/// An object of the master that has not come: its id in the pristine image (offset / 8) and its
/// identity hash there.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Ghost {
    /// Position in the pristine image: byte offset of the header from the image's base, over 8.
    pub id: u64,
    /// Identity hash, 22 bits, never 0.
    pub hash: u32,
}

impl Ghost {
    /// A ghost of `id` with `hash`, or `None` where either has too many bits.
    pub const fn new(id: u64, hash: u32) -> Option<Ghost> {
        if id >> GHOST_ID_BITS != 0 || hash & !HASH_MASK != 0 {
            return None;
        }
        Some(Ghost { id, hash })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_integers_keep_their_value_at_the_bounds() {
        for value in [0, 1, -1, SMALL_INTEGER_MIN, SMALL_INTEGER_MAX] {
            let oop = Oop::small_integer(value).expect("in range");
            assert_eq!(oop.as_small_integer(), Some(value));
        }
        assert_eq!(Oop::small_integer(SMALL_INTEGER_MAX + 1), None);
        assert_eq!(Oop::small_integer(SMALL_INTEGER_MIN - 1), None);
    }

    #[test]
    fn small_floats_round_trip_or_are_refused() {
        let least = f64::from_bits((896 << 52) + 1);
        let greatest = f64::from_bits((1152 << 52) - 1);
        for value in [
            0.0, -0.0, 1.0, -1.5, 3.25, 1e38, -1e-38, least, greatest, -least,
        ] {
            let oop = Oop::small_float(value).expect("in range");
            assert_eq!(oop.bits(), in_spurs_words(value), "{value}");
            assert_eq!(
                oop.as_small_float().map(f64::to_bits),
                Some(value.to_bits())
            );
        }
        // 2^-127 exactly would collide with zero.
        for value in [f64::NAN, f64::INFINITY, 1e300, 1e-300, 2f64.powi(-127)] {
            assert_eq!(Oop::small_float(value), None, "{value}");
            assert_eq!(Oop::small_float(-value), None, "-{value}");
        }
    }

    #[test]
    fn of_each_exponent_a_float_is_immediate_where_spur_says_so() {
        for exponent in 0..2048u64 {
            for mantissa in [1, 0x8_0000_0000_0001, 0xF_FFFF_FFFF_FFFF] {
                let value = f64::from_bits(exponent << 52 | mantissa);
                let oop = Oop::small_float(value);
                assert_eq!(oop.is_some(), (896..1152).contains(&exponent), "{value}");
                let back = oop.and_then(Oop::as_small_float).map(f64::to_bits);
                assert_eq!(back, oop.map(|_| value.to_bits()));
                assert_eq!(oop.map(Oop::bits), oop.map(|_| in_spurs_words(value)));
            }
        }
    }

    /// The word of an immediate float, as Spur describes it: the sign goes to the low end, then 896 is
    /// taken from the exponent of what is no zero.
    fn in_spurs_words(value: f64) -> u64 {
        let rotated = value.to_bits().rotate_left(1);
        let rebased = if rotated > 1 {
            rotated - (896 << 53)
        } else {
            rotated
        };
        rebased << TAG_BITS | TAG_SMALL_FLOAT
    }

    #[test]
    fn ghosts_keep_id_and_hash() {
        let ghost = Ghost::new((1 << GHOST_ID_BITS) - 1, HASH_MASK).expect("in range");
        let oop = Oop::ghost(ghost);
        assert!(!oop.is_small_integer());
        assert_eq!(oop.as_ghost(), Some(ghost));
        assert_eq!(Ghost::new(1 << GHOST_ID_BITS, 0), None);
    }
}
