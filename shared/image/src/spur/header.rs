//! The header of a Spur file: 128 bytes, little-endian.

use crate::kind::{SPUR_64, identify};
use crate::problem::ImageProblem;

/// Bytes of the header.
pub const HEADER_BYTES: usize = 128;

/// Flag: floats are little-endian.
const FLOATS_LITTLE_ENDIAN: u64 = 2;

/// The fields of the header that matter to us.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SpurHeader {
    /// Bytes of all segments.
    pub data_bytes: u64,
    /// The address for which the first segment was written.
    pub base: u64,
    /// The special objects array, as an address.
    pub special_objects: u64,
    /// State of the generator of identity hashes.
    pub last_hash: u64,
    /// Bytes of the first segment, with its bridge.
    pub first_segment_bytes: u64,
    /// Bytes of free chunks.
    pub free_bytes: u64,
}

impl SpurHeader {
    /// The bytes of the header.
    pub fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[0..4].copy_from_slice(&SPUR_64.to_le_bytes());
        bytes[4..8].copy_from_slice(&(HEADER_BYTES as u32).to_le_bytes());
        for (offset, value) in [
            (8, self.data_bytes),
            (16, self.base),
            (24, self.special_objects),
            (32, self.last_hash),
            (48, FLOATS_LITTLE_ENDIAN),
            (72, self.first_segment_bytes),
            (80, self.free_bytes),
        ] {
            bytes[offset..offset + 8].copy_from_slice(&value.to_le_bytes());
        }
        bytes
    }

    /// Reads the header of a file with `file_bytes` bytes in all.
    ///
    /// # Errors
    /// [`ImageProblem`] where the file is of another kind, cut, or its fields contradict one
    /// another.
    pub fn decode(bytes: &[u8], file_bytes: u64) -> Result<SpurHeader, ImageProblem> {
        if let Some(problem) = identify(bytes).problem(bytes) {
            return Err(problem);
        }
        let cut = |expected: u64| ImageProblem::Cut {
            expected,
            actual: file_bytes,
        };
        let bytes = bytes
            .first_chunk::<HEADER_BYTES>()
            .ok_or(cut(HEADER_BYTES as u64))?;
        let word = |offset: usize| {
            let mut field = [0; 8];
            field.copy_from_slice(&bytes[offset..offset + 8]);
            u64::from_le_bytes(field)
        };
        let header_bytes = word(0) >> 32;
        let header = SpurHeader {
            data_bytes: word(8),
            base: word(16),
            special_objects: word(24),
            last_hash: word(32),
            first_segment_bytes: word(72),
            free_bytes: word(80),
        };
        if header_bytes != HEADER_BYTES as u64 {
            let what = format!("its header announces {header_bytes} bytes of header, not 128");
            return Err(ImageProblem::damaged(what));
        }
        header.check()?;
        if file_bytes - HEADER_BYTES as u64 >= header.data_bytes {
            return Ok(header);
        }
        Err(cut(header.data_bytes.saturating_add(HEADER_BYTES as u64)))
    }

    fn check(&self) -> Result<(), ImageProblem> {
        let fields = [
            ("data size", self.data_bytes),
            ("base address", self.base),
            ("first segment size", self.first_segment_bytes),
        ];
        for (name, value) in fields {
            if !value.is_multiple_of(8) || value == 0 || value >> 56 != 0 {
                let what = format!("its header has the {name} {value}");
                return Err(ImageProblem::damaged(what));
            }
        }
        if self.first_segment_bytes > self.data_bytes {
            return Err(ImageProblem::damaged(
                "its first segment is larger than its data",
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_reads_back() {
        let header = SpurHeader {
            data_bytes: 800,
            base: 0x1000,
            special_objects: 0x1100,
            last_hash: 77,
            first_segment_bytes: 800,
            free_bytes: 0,
        };
        let bytes = header.encode();
        assert_eq!(SpurHeader::decode(&bytes, 928).expect("valid"), header);
        let cut = SpurHeader::decode(&bytes, 927).expect_err("one byte is missing");
        assert!(
            cut.to_string().contains("927 of at least 928 bytes"),
            "{cut}"
        );
    }
}
