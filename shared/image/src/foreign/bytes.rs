//! Numbers in the bytes of a file, in either order.

use crate::problem::ImageProblem;

/// The order of the bytes of a number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum ByteOrder {
    /// The lowest byte first.
    Little,
    /// The highest byte first.
    Big,
}

/// The bytes of a file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source<'a> {
    /// All of them.
    pub content: &'a [u8],
    /// How its numbers are written.
    pub order: ByteOrder,
}

impl<'a> Source<'a> {
    /// `length` bytes at `at`.
    pub fn slice(&self, at: usize, length: usize) -> Result<&'a [u8], ImageProblem> {
        let end = at.checked_add(length);
        let found = end.and_then(|end| self.content.get(at..end));
        found.ok_or(ImageProblem::Cut {
            expected: end.unwrap_or(usize::MAX) as u64,
            actual: self.content.len() as u64,
        })
    }

    /// The number in `N` bytes at `at`.
    fn number(&self, at: usize, length: usize) -> Result<u64, ImageProblem> {
        let bytes = self.slice(at, length)?;
        let push = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        Ok(match self.order {
            ByteOrder::Big => bytes.iter().fold(0, push),
            ByteOrder::Little => bytes.iter().rev().fold(0, push),
        })
    }

    /// A number of 32 bits.
    pub fn word_32(&self, at: usize) -> Result<u32, ImageProblem> {
        Ok(self.number(at, 4)? as u32)
    }

    /// A number of 64 bits.
    pub fn word_64(&self, at: usize) -> Result<u64, ImageProblem> {
        self.number(at, 8)
    }

    /// A word of 4 or 8 bytes.
    pub fn word(&self, at: usize, word_bytes: usize) -> Result<u64, ImageProblem> {
        self.number(at, word_bytes)
    }

    /// Elements of `width` bytes, lowest byte first.
    pub fn elements(
        &self,
        at: usize,
        length: usize,
        width: usize,
    ) -> Result<Vec<u8>, ImageProblem> {
        let mut bytes = self.slice(at, length)?.to_vec();
        if self.order == ByteOrder::Big {
            bytes.chunks_exact_mut(width).for_each(<[u8]>::reverse);
        }
        Ok(bytes)
    }
}
