//! Formats: how an object's slots are to be read, and what a class says its instances are.
//!
//! Spur keeps two codes. The *object format* (5 bits in each header) also counts the unused
//! elements in the last slot of objects with small elements. The *instance specification* in a
//! class's `format` slot is its base form: `(spec << 16) + number of named fields`.

/// The 5-bit format of an object.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[repr(transparent)]
pub struct Format(u8);

impl Format {
    /// No slots at all.
    pub const EMPTY: Format = Format(0);
    /// Named fields only.
    pub const FIXED: Format = Format(1);
    /// Indexed oops only.
    pub const ARRAY: Format = Format(2);
    /// Named fields, then indexed oops.
    pub const FIXED_AND_INDEXED: Format = Format(3);
    /// As the last, and the indexed part holds weakly.
    pub const WEAK: Format = Format(4);
    /// Key and value, held as an ephemeron.
    pub const EPHEMERON: Format = Format(5);
    /// A forwarder: slot 0 says where the object went.
    pub const FORWARDER: Format = Format(7);
    /// 64-bit words.
    pub const WORDS_64: Format = Format(9);
    /// 32-bit words; bit 0 counts the unused half.
    pub const WORDS_32: Format = Format(10);
    /// 16-bit words; bits 0-1 count the unused quarters.
    pub const WORDS_16: Format = Format(12);
    /// Bytes; bits 0-2 count the unused ones.
    pub const BYTES: Format = Format(16);
    /// Compiled code: oops first (header and literals), then bytes counted as in bytes.
    pub const CODE: Format = Format(24);

    /// The five bits.
    #[inline(always)]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Takes the low five bits as a format.
    #[inline(always)]
    pub const fn from_bits(bits: u8) -> Format {
        Format(bits & 31)
    }

    /// Whether every slot is an oop.
    #[inline(always)]
    pub const fn is_pointers(self) -> bool {
        self.0 <= 5 || self.0 == 7
    }

    /// Whether the object has indexed oops (array-like, also weak ones).
    #[inline(always)]
    pub const fn is_indexable_pointers(self) -> bool {
        self.0 >= 2 && self.0 <= 4
    }

    /// Whether no slot is an oop.
    #[inline(always)]
    pub const fn is_raw(self) -> bool {
        self.0 >= 9 && self.0 < 24
    }

    /// Whether elements are bytes (not code).
    #[inline(always)]
    pub const fn is_bytes(self) -> bool {
        self.0 >= 16 && self.0 < 24
    }

    /// Whether elements are 16-bit words.
    #[inline(always)]
    pub const fn is_words_16(self) -> bool {
        self.0 >= 12 && self.0 < 16
    }

    /// Whether elements are 32-bit words.
    #[inline(always)]
    pub const fn is_words_32(self) -> bool {
        self.0 == 10 || self.0 == 11
    }

    /// Whether elements are 64-bit words.
    #[inline(always)]
    pub const fn is_words_64(self) -> bool {
        self.0 == 9
    }

    /// Whether this is compiled code.
    #[inline(always)]
    pub const fn is_code(self) -> bool {
        self.0 >= 24
    }

    /// Whether this is a forwarder.
    #[inline(always)]
    pub const fn is_forwarder(self) -> bool {
        self.0 == 7
    }

    /// Whether this is weak.
    #[inline(always)]
    pub const fn is_weak(self) -> bool {
        self.0 == 4
    }

    /// Whether this is an ephemeron.
    #[inline(always)]
    pub const fn is_ephemeron(self) -> bool {
        self.0 == 5
    }

    /// Whether some class may give its instances this format.
    pub const fn is_known(self) -> bool {
        !matches!(self.0, 6..=8)
    }

    /// Bytes of one element of a raw object or of code's byte part; 8 for pointers.
    pub const fn element_bytes(self) -> usize {
        match self.0 {
            10 | 11 => 4,
            12..=15 => 2,
            16..=31 => 1,
            _ => 8,
        }
    }

    /// Unused bytes in the last slot.
    #[inline(always)]
    pub const fn unused_bytes(self) -> usize {
        match self.0 {
            10 | 11 => (self.0 as usize & 1) * 4,
            12..=15 => (self.0 as usize & 3) * 2,
            16..=31 => self.0 as usize & 7,
            _ => 0,
        }
    }

    /// The format without its count of unused elements.
    pub const fn base(self) -> Format {
        match self.0 {
            10 | 11 => Format::WORDS_32,
            12..=15 => Format::WORDS_16,
            16..=23 => Format::BYTES,
            24..=31 => Format::CODE,
            other => Format(other),
        }
    }

    /// Slots for, and format of, a raw object (or code) with `byte_count` bytes of elements.
    pub const fn sized(self, byte_count: usize) -> (usize, Format) {
        let slots = byte_count.div_ceil(8);
        let unused = slots * 8 - byte_count;
        (
            slots,
            Format(
                self.base().0
                    + (unused / self.element_bytes()) as u8 * (self.element_bytes() < 8) as u8,
            ),
        )
    }
}

/// What a class says of its instances: the `format` slot, `(spec << 16) + fixed fields`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct InstanceSpec {
    /// Base format of the instances; 7 for immediate classes.
    pub spec: u8,
    /// Number of named fields, inherited ones included.
    pub fixed_fields: u16,
}

impl InstanceSpec {
    /// The spec number of immediate classes.
    pub const IMMEDIATE: u8 = 7;

    /// The value of a class's `format` slot.
    pub const fn to_small_integer(self) -> i64 {
        (self.spec as i64) << 16 | self.fixed_fields as i64
    }

    /// Reads a class's `format` slot; `None` where it is no such value.
    pub const fn from_small_integer(value: i64) -> Option<InstanceSpec> {
        if value < 0 || value >> 16 > 31 {
            return None;
        }
        Some(InstanceSpec {
            spec: (value >> 16) as u8,
            fixed_fields: value as u16,
        })
    }

    /// Instances of the same kind with so many named fields.
    #[must_use]
    pub const fn with_fields(self, fixed_fields: u16) -> InstanceSpec {
        let spec = match (self.spec, fixed_fields) {
            (0 | 1, 0) => Format::EMPTY.0,
            (0 | 1, _) => Format::FIXED.0,
            (2 | 3, 0) => Format::ARRAY.0,
            (2 | 3, _) => Format::FIXED_AND_INDEXED.0,
            (other, _) => other,
        };
        InstanceSpec { spec, fixed_fields }
    }

    /// The class of Pharo's layout objects that describes such instances.
    pub const fn layout_class(self) -> &'static str {
        match self.spec {
            2 | 3 => "VariableLayout",
            4 => "WeakLayout",
            5 => "EphemeronLayout",
            Self::IMMEDIATE => "ImmediateLayout",
            9 => "DoubleWordLayout",
            10 => "WordLayout",
            12 => "DoubleByteLayout",
            16 => "ByteLayout",
            24 => "CompiledMethodLayout",
            _ => "FixedLayout",
        }
    }

    /// The object format of instances with no unused elements; immediates have none.
    pub const fn format(self) -> Option<Format> {
        if self.spec == Self::IMMEDIATE {
            None
        } else {
            Some(Format(self.spec))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sized_counts_unused_elements() {
        assert_eq!(Format::BYTES.sized(3), (1, Format::from_bits(21)));
        assert_eq!(Format::WORDS_32.sized(4), (1, Format::from_bits(11)));
        assert_eq!(Format::WORDS_16.sized(2), (1, Format::from_bits(15)));
        assert_eq!(Format::WORDS_64.sized(8), (1, Format::from_bits(9)));
        assert_eq!(Format::BYTES.sized(0), (0, Format::BYTES));
        for count in 0..40 {
            let (slots, format) = Format::BYTES.sized(count);
            assert_eq!(slots * 8 - format.unused_bytes(), count);
        }
    }
}
