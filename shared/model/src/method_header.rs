//! The header of compiled code: a SmallInteger in its first slot.
//!
//! ```text
//!  sign     29-28   27-24     23-18      17           16             15        14-0
//! +------+--------+---------+----------+-----------+--------------+----------+-------------+
//! | Sista| flags  | numArgs | numTemps | big frame | hasPrimitive | optimised| numLiterals |
//! +------+--------+---------+----------+-----------+--------------+----------+-------------+
//! ```
//!
//! The sign says which bytecode set the code is in: negative for Sista V1, else V3PlusClosures;
//! numTemps counts the arguments too.

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

/// The meaning of the bytes of code.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Default)]
pub enum BytecodeSet {
    /// Pharo's, and that of full block closures.
    #[default]
    SistaV1,
    /// That of older Squeak, Cuis and Pharo images: blocks lie inside the bytes of their method.
    V3PlusClosures,
}

/// Some of the bytecode sets.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct BytecodeSets {
    /// Whether Sista V1 is among them.
    pub sista: bool,
    /// Whether V3PlusClosures is.
    pub v3: bool,
}

impl BytecodeSets {
    /// Adds one.
    pub const fn add(&mut self, set: BytecodeSet) {
        match set {
            BytecodeSet::SistaV1 => self.sista = true,
            BytecodeSet::V3PlusClosures => self.v3 = true,
        }
    }

    /// Whether a set is among them.
    pub const fn has(self, set: BytecodeSet) -> bool {
        match set {
            BytecodeSet::SistaV1 => self.sista,
            BytecodeSet::V3PlusClosures => self.v3,
        }
    }
}

/// A method or block header, decoded.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Default)]
pub struct MethodHeader {
    /// What its bytes mean.
    pub set: BytecodeSet,
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
    /// The SmallInteger in the first slot.
    pub const fn to_oop(self) -> Oop {
        let low = self.literal_count as i64
            | (self.has_primitive as i64) << 16
            | (self.is_large_frame as i64) << 17
            | (self.temp_count as i64) << 18
            | (self.argument_count as i64) << 24;
        let sign = match self.set {
            BytecodeSet::SistaV1 => SMALL_INTEGER_MIN,
            BytecodeSet::V3PlusClosures => 0,
        };
        match Oop::small_integer(sign + low) {
            Some(oop) => oop,
            None => panic!("a method header fits in a SmallInteger"),
        }
    }

    /// Reads the first slot; `None` where it is no SmallInteger.
    #[inline(always)]
    pub const fn from_oop(oop: Oop) -> Option<MethodHeader> {
        match oop.as_small_integer() {
            Some(value) => Some(MethodHeader {
                set: if value < 0 {
                    BytecodeSet::SistaV1
                } else {
                    BytecodeSet::V3PlusClosures
                },
                literal_count: (value & 0x7FFF) as u16,
                has_primitive: value & 1 << 16 != 0,
                is_large_frame: value & 1 << 17 != 0,
                temp_count: (value >> 18 & 63) as u8,
                argument_count: (value >> 24 & 15) as u8,
            }),
            None => None,
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
            set: BytecodeSet::SistaV1,
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
        let older = MethodHeader {
            set: BytecodeSet::V3PlusClosures,
            ..header
        };
        assert_eq!(MethodHeader::from_oop(older.to_oop()), Some(older));
        assert_eq!(MethodHeader::from_oop(Oop::character(7)), None);
    }
}
