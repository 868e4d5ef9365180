//! Our compact format, what is shipped: dense, compressed, checksummed, rebuilt at load.
//!
//! ```text
//! offset  bytes
//!      0      8   "IMPRINT" and the version
//!      8     16   BLAKE3 of all other bytes, truncated
//!     24      1   1 if the body is compressed with zstd, else 0
//!     25    1-9   bytes of the body before compression, a varint
//!              …  the body
//! ```
//!
//! The body: metadata; state of the hash generator; class indices of symbols; number of the
//! special objects array; groups; class table; contents. Objects are grouped by class, format and
//! flags, in the order in which a walk over the graph first meets such an object, so the bytes are
//! a function of the graph alone. Objects are named by their number in that order (nil is 0, false
//! 1, true 2). A reference is a varint: an absolute number, or the distance to the last object
//! named in the same column, whichever is shorter; immediates and ghosts stand for themselves.
//! Each object and each slot takes at least one byte of the body, so a body's length bounds the
//! memory that reading it can take.

mod bytes;
mod group;
mod metadata;
mod read;
mod write;

pub use metadata::{ImageRole, Metadata};
#[doc(hidden)]
pub use read::body_for_tests;
pub use read::{read_compact, read_metadata};
#[doc(hidden)]
pub use write::file_for_tests;
pub use write::{CompactOptions, CompactSizes, write_compact};

/// The first bytes of a compact image, before the version.
pub(crate) const MAGIC: &[u8; 7] = b"IMPRINT";
/// The version that is written.
pub(crate) const VERSION: u8 = 1;
/// Where the checksum is.
pub(crate) const CHECKSUM: std::ops::Range<usize> = 8..24;
/// Where the flag of compression is.
pub(crate) const COMPRESSION_FLAG: usize = 24;
/// A body may be this many times as long as what is stored of it; what compresses better is
/// stored plain.
pub(crate) const RATIO_MAX: u64 = 1024;
/// And this many bytes beyond.
pub(crate) const RATIO_SLACK: u64 = 64 << 10;

/// The version of a compact image, if these bytes begin one.
pub(crate) fn version_of(bytes: &[u8]) -> Option<u8> {
    bytes.strip_prefix(MAGIC)?.first().copied()
}

/// The checksum of a file: over all bytes but its own.
pub(crate) fn checksum(file: &[u8]) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&file[..CHECKSUM.start]);
    hasher.update(&file[CHECKSUM.end..]);
    let mut sum = [0; 16];
    sum.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    sum
}
