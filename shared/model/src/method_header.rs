//! The header of compiled code: a SmallInteger in its first slot.
//!
//! ```text
//!  sign     29-28   27-24     23-18      17           16             15        14-0
//! +------+--------+---------+----------+-----------+--------------+----------+-------------+
//! | Sista| flags  | numArgs | numTemps | big frame | hasPrimitive | optimised| numLiterals |
//! +------+--------+---------+----------+-----------+--------------+----------+-------------+
//! ```
//!
//! The sign says which bytecode set the code is in; numTemps counts the arguments too.

use crate::oop::{Oop, SMALL_INTEGER_MIN};

/// Greatest number of literals.
pub const LITERALS_MAX: usize = 32767;
/// Greatest number of temporaries, arguments included.
pub const TEMPS_MAX: usize = 63;
/// Greatest number of arguments.
pub const ARGUMENTS_MAX: usize = 15;
/// Slots for temporaries and operands of a small frame.
pub const SMALL_FRAME_SLOTS: usize = 16;
/// Slots for temporaries and operands of a large frame.
pub const LARGE_FRAME_SLOTS: usize = 56;

/// A method or block header, decoded.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Default)]
pub struct MethodHeader {
    /// Literals, counted without the header itself.
    pub literal_count: u16,
    /// Whether the code begins with a call of a primitive.
    pub has_primitive: bool,
    /// Whether the frame needs [`LARGE_FRAME_SLOTS`].
    pub is_large_frame: bool,
    /// Temporaries, arguments included.
    pub temp_count: u8,
    /// Arguments.
    pub argument_count: u8,
}

impl MethodHeader {
    /// The SmallInteger in the first slot, for Sista V1.
    pub const fn to_oop(self) -> Oop {
        let low = self.literal_count as i64
            | (self.has_primitive as i64) << 16
            | (self.is_large_frame as i64) << 17
            | (self.temp_count as i64) << 18
            | (self.argument_count as i64) << 24;
        match Oop::small_integer(SMALL_INTEGER_MIN + low) {
            Some(oop) => oop,
            None => panic!("a method header fits in a SmallInteger"),
        }
    }

    /// Reads the first slot; `None` where it is no SmallInteger or names another bytecode set.
    #[inline(always)]
    pub const fn from_oop(oop: Oop) -> Option<MethodHeader> {
        match oop.as_small_integer() {
            Some(value) if value < 0 => Some(MethodHeader {
                literal_count: (value & 0x7FFF) as u16,
                has_primitive: value & 1 << 16 != 0,
                is_large_frame: value & 1 << 17 != 0,
                temp_count: (value >> 18 & 63) as u8,
                argument_count: (value >> 24 & 15) as u8,
            }),
            _ => None,
        }
    }

    /// Slots of temporaries and operands in a context of this code.
    pub const fn frame_slots(self) -> usize {
        if self.is_large_frame {
            LARGE_FRAME_SLOTS
        } else {
            SMALL_FRAME_SLOTS
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_reads_back() {
        let header = MethodHeader {
            literal_count: 32767,
            has_primitive: true,
            is_large_frame: true,
            temp_count: 63,
            argument_count: 15,
        };
        assert_eq!(MethodHeader::from_oop(header.to_oop()), Some(header));
        assert_eq!(
            MethodHeader::from_oop(MethodHeader::default().to_oop()),
            Some(MethodHeader::default())
        );
        assert_eq!(MethodHeader::from_oop(Oop::small(7)), None);
    }
}
