//! Varints and texts: writing them, and reading them with every bound checked.

use crate::problem::ImageProblem;

/// Appends a varint: seven bits a byte, low ones first, the top bit says that more follow.
pub(crate) fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends a text with its length.
pub(crate) fn put_text(out: &mut Vec<u8>, text: &str) {
    put(out, text.len() as u64);
    out.extend(text.as_bytes());
}

/// Bytes of a varint.
pub(crate) fn length_of(value: u64) -> usize {
    (64 - (value | 1).leading_zeros() as usize).div_ceil(7)
}

/// Folds the sign into the lowest bit.
pub(crate) fn zigzag(value: i64) -> u64 {
    (value << 1 ^ value >> 63) as u64
}

/// Undoes [`zigzag`].
pub(crate) fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

/// Bytes that are read from the front.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor<'bytes> {
    rest: &'bytes [u8],
}

fn too_short() -> ImageProblem {
    ImageProblem::damaged("its content ends too early")
}

impl<'bytes> Cursor<'bytes> {
    /// At the beginning.
    pub(crate) fn new(bytes: &'bytes [u8]) -> Cursor<'bytes> {
        Cursor { rest: bytes }
    }

    /// What was not read yet.
    pub(crate) fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// One byte.
    pub(crate) fn byte(&mut self) -> Result<u8, ImageProblem> {
        let (first, rest) = self.rest.split_first().ok_or_else(too_short)?;
        self.rest = rest;
        Ok(*first)
    }

    /// This many bytes.
    pub(crate) fn take(&mut self, count: usize) -> Result<&'bytes [u8], ImageProblem> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or_else(too_short)?;
        self.rest = rest;
        Ok(taken)
    }

    /// A varint.
    pub(crate) fn varint(&mut self) -> Result<u64, ImageProblem> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7F);
            if bits << shift >> shift != bits {
                break;
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(ImageProblem::damaged(
            "it holds a number of more than 64 bits",
        ))
    }

    /// A varint that counts things of which each takes at least `bytes_each` of what follows.
    pub(crate) fn count(&mut self, bytes_each: usize) -> Result<usize, ImageProblem> {
        let count = self.varint()?;
        if count > (self.remaining() / bytes_each.max(1)) as u64 {
            return Err(ImageProblem::damaged(format!(
                "it announces {count} things it cannot hold"
            )));
        }
        Ok(count as usize)
    }

    /// A varint of at most 32 bits.
    pub(crate) fn varint_32(&mut self) -> Result<u32, ImageProblem> {
        let value = self.varint()?;
        u32::try_from(value)
            .map_err(|_| ImageProblem::damaged(format!("the number {value} is too large")))
    }

    /// A text with its length.
    pub(crate) fn text(&mut self) -> Result<String, ImageProblem> {
        let length = self.count(1)?;
        let bytes = self.take(length)?.to_vec();
        String::from_utf8(bytes).map_err(|_| ImageProblem::damaged("a text in it is not UTF-8"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints_and_zigzags_read_back() {
        for value in [0, 1, 127, 128, 16383, 16384, u64::from(u32::MAX), u64::MAX] {
            let mut bytes = Vec::new();
            put(&mut bytes, value);
            assert_eq!(bytes.len(), length_of(value));
            let mut cursor = Cursor::new(&bytes);
            assert_eq!(cursor.varint().expect("whole"), value);
            assert_eq!(cursor.remaining(), 0);
            assert!(Cursor::new(&bytes[..bytes.len() - 1]).varint().is_err());
        }
        for value in [0, 1, -1, i64::MAX, i64::MIN] {
            assert_eq!(unzigzag(zigzag(value)), value);
        }
        assert!(Cursor::new(&[0xFF; 10]).varint().is_err());
    }
}
