//! A body in a file that shows every change: what compact images and package files have in common.
//!
//! ```text
//! offset  bytes
//!      0      8   seven that tell the kind of file, and the version
//!      8     16   BLAKE3 of all other bytes, truncated
//!     24      1   1 if the body is compressed with zstd, else 0
//!     25    1-9   bytes of the body before compression, a varint
//!              …  the body
//! ```
//!
//! What a body means is for each kind of file. Opening takes memory only as content comes, so a file
//! that announces more than it has costs nothing.

use crate::compact::bytes::{Cursor, length_of, put};
use std::borrow::Cow;
use std::io::{self, Read};
use thiserror::Error;

/// Where the checksum is.
const CHECKSUM: std::ops::Range<usize> = 8..24;
/// Where the flag of compression is.
pub(crate) const COMPRESSION_FLAG: usize = 24;
/// A body may be this many times as long as what is stored of it; what compresses better is
/// stored plain.
const RATIO_MAX: u64 = 1024;
/// And this many bytes beyond.
const RATIO_SLACK: u64 = 64 << 10;

/// A kind of file.
#[derive(Debug)]
pub struct Form {
    /// Its first bytes.
    pub magic: &'static [u8; 7],
    /// The version that is written, and the greatest that is read.
    pub version: u8,
}

/// Why a sealed file could not be opened or made.
#[derive(Debug, Error)]
pub enum SealError {
    /// It does not begin like a file of this kind.
    #[error("it is of another kind")]
    OtherKind,
    /// It was written by a newer program.
    #[error("it has version {version}, and version {known} is the latest known here")]
    NewerVersion {
        /// Its version.
        version: u8,
        /// The version of this program.
        known: u8,
    },
    /// It ends before its body begins.
    #[error("it is cut: it has {actual} of at least {expected} bytes")]
    Cut {
        /// Bytes that every file has.
        expected: u64,
        /// Bytes that are there.
        actual: u64,
    },
    /// It is not what was written.
    #[error("it is damaged: {0}")]
    Damaged(String),
    /// The body cannot be compressed.
    #[error("it cannot be compressed: {0}")]
    Compress(io::Error),
}

impl Form {
    /// The version of a file of this kind, if these bytes begin one.
    pub fn version_of(&self, bytes: &[u8]) -> Option<u8> {
        bytes.strip_prefix(self.magic)?.first().copied()
    }

    /// A file around a body, which is compressed at a level of zstd where that helps.
    ///
    /// # Errors
    /// [`SealError::Compress`].
    pub fn seal(&self, body: &[u8], level: i32) -> Result<Vec<u8>, SealError> {
        let compressed = zstd::bulk::compress(body, level).map_err(SealError::Compress)?;
        let is_bounded = body.len() as u64 <= compressed.len() as u64 * RATIO_MAX + RATIO_SLACK;
        let is_shorter = compressed.len() < body.len() && is_bounded;
        let stored = if is_shorter { &compressed[..] } else { body };
        Ok(self.file(is_shorter, body.len(), stored))
    }

    /// A file around a body as it is.
    pub fn seal_plainly(&self, body: &[u8]) -> Vec<u8> {
        self.file(false, body.len(), body)
    }

    /// Bytes of a file around a plain body of so many bytes.
    pub fn bytes_around(body: usize) -> usize {
        COMPRESSION_FLAG + 1 + length_of(body as u64) + body
    }

    fn file(&self, is_compressed: bool, length: usize, stored: &[u8]) -> Vec<u8> {
        let mut file = Vec::with_capacity(Form::bytes_around(stored.len()));
        file.extend(self.magic);
        file.push(self.version);
        file.extend([0; CHECKSUM.end - CHECKSUM.start]);
        file.push(u8::from(is_compressed));
        put(&mut file, length as u64);
        file.extend(stored);
        let sum = checksum(&file);
        file[CHECKSUM].copy_from_slice(&sum);
        file
    }

    /// The body of a file, at most `limit` bytes.
    ///
    /// # Errors
    /// [`SealError`]; every cut and every changed byte is one.
    pub fn open<'bytes>(
        &self,
        bytes: &'bytes [u8],
        limit: u64,
    ) -> Result<Cow<'bytes, [u8]>, SealError> {
        let version = self.version_of(bytes).ok_or(SealError::OtherKind)?;
        if version > self.version {
            let known = self.version;
            return Err(SealError::NewerVersion { version, known });
        }
        if bytes.len() <= COMPRESSION_FLAG {
            return Err(SealError::Cut {
                expected: COMPRESSION_FLAG as u64 + 2,
                actual: bytes.len() as u64,
            });
        }
        if version != self.version || checksum(bytes) != bytes[CHECKSUM] {
            return damaged("its checksum does not fit its content");
        }
        let mut cursor = Cursor::new(&bytes[COMPRESSION_FLAG..]);
        let (Ok(flag), Ok(length)) = (cursor.byte(), cursor.varint()) else {
            return damaged("its content ends too early");
        };
        let stored = &bytes[bytes.len() - cursor.remaining()..];
        if length > limit || length > stored.len() as u64 * RATIO_MAX + RATIO_SLACK {
            return damaged(format!("it announces a body of {length} bytes"));
        }
        let body = match flag {
            0 => Cow::Borrowed(stored),
            _ => Cow::Owned(decompress(stored, length)?),
        };
        if body.len() as u64 != length {
            return damaged("its body has not the announced length");
        }
        Ok(body)
    }
}

fn damaged<T>(what: impl Into<String>) -> Result<T, SealError> {
    Err(SealError::Damaged(what.into()))
}

/// Over all bytes but its own.
fn checksum(file: &[u8]) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&file[..CHECKSUM.start]);
    hasher.update(&file[CHECKSUM.end..]);
    let mut sum = [0; 16];
    sum.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    sum
}

/// Decompresses at most one byte more than `length`, taking memory only as content comes.
fn decompress(stored: &[u8], length: u64) -> Result<Vec<u8>, SealError> {
    let refused = |_| SealError::Damaged("its body cannot be decompressed".to_owned());
    let decoder = zstd::Decoder::with_buffer(stored).map_err(refused)?;
    let mut body = Vec::new();
    decoder
        .take(length + 1)
        .read_to_end(&mut body)
        .map_err(refused)?;
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: Form = Form {
        magic: b"TESTING",
        version: 3,
    };

    #[test]
    fn a_body_comes_back_and_every_cut_and_changed_byte_is_refused() {
        let text = "the same again and ".repeat(20);
        for body in [text.as_bytes(), b"", b"short"] {
            let file = FORM.seal(body, 3).expect("it can be compressed");
            assert_eq!(FORM.open(&file, u64::MAX).expect("it is whole"), body);
            for length in 0..file.len() {
                assert!(FORM.open(&file[..length], u64::MAX).is_err(), "{length}");
            }
            for at in 0..file.len() {
                let mut changed = file.clone();
                changed[at] ^= 0x11;
                assert!(FORM.open(&changed, u64::MAX).is_err(), "byte {at}");
            }
        }
    }

    #[test]
    fn a_body_above_the_limit_is_refused() {
        let file = FORM.seal_plainly(&[7; 100]);
        assert!(FORM.open(&file, 99).is_err());
        assert!(FORM.open(&file, 100).is_ok());
    }
}
