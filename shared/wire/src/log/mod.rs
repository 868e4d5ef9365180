//! The replay log: an append-only file of what happened in a run.
//!
//! ```text
//! file   = "IMPRLOG" version u8, then records
//! record = length u32, checksum u64 (first 8 bytes of the payload's BLAKE3), payload
//! ```
//!
//! All numbers are little-endian. The payload is one [`Record`]; the first one is a
//! [`Record::Session`], and so is the first of each later run that goes on from the same file. A
//! process that died may leave half a record: the reader stops before it and says so, the writer
//! cuts it off and goes on. A damaged record with sound ones behind it is not a torn tail, but is
//! treated alike, since nothing behind it can be trusted to belong to the same run.

mod reader;
mod record;
#[cfg(test)]
mod tests;
mod writer;

use thiserror::Error;

pub use reader::{LogReader, Torn};
pub use record::{LoggedOutcome, Record, SessionStart};
pub use writer::LogWriter;

const MAGIC: &[u8; 7] = b"IMPRLOG";
/// Version of the form.
pub const LOG_VERSION: u8 = 1;
const HEAD_BYTES: usize = MAGIC.len() + 1;
const FRAME_BYTES: usize = 12;
/// Greatest size of one record's payload, in bytes.
pub const RECORD_BYTES_MAX: usize = 64 << 20;

/// Why a log cannot be used.
#[derive(Debug, Error)]
pub enum LogError {
    /// The file cannot be read or written.
    #[error("cannot use the log {path}: {reason}")]
    File {
        /// The file.
        path: String,
        /// Why not.
        reason: String,
    },
    /// Another kind of file.
    #[error("{0} is no replay log")]
    NotALog(String),
    /// Written by another version.
    #[error("the log {path} has version {version}, this program reads version {LOG_VERSION}")]
    Version {
        /// The file.
        path: String,
        /// Its version.
        version: u8,
    },
    /// A record that is too large.
    #[error("a record of {0} bytes is too large for the log")]
    TooLarge(usize),
}

impl LogError {
    fn file(path: &std::path::Path, error: &std::io::Error) -> LogError {
        LogError::File {
            path: path.display().to_string(),
            reason: error.to_string(),
        }
    }
}

fn checksum(payload: &[u8]) -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&blake3::hash(payload).as_bytes()[..8]);
    u64::from_le_bytes(bytes)
}
