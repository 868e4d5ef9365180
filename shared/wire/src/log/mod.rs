//! The replay log: an append-only file of what happened in a run, in the frame of
//! [`imprint_trace::framed`].
//!
//! The payload of a record is one [`Record`]; the first one is a [`Record::Session`], and so is the
//! first of each later run that goes on from the same file.

mod reader;
mod record;
#[cfg(test)]
mod tests;
mod writer;

use imprint_trace::framed::Form;
pub use imprint_trace::framed::{FramedError as LogError, Torn};

pub use reader::LogReader;
pub use record::{LoggedOutcome, PushRecord, Record, SessionStart};
pub use writer::LogWriter;

/// Version of the form.
pub const LOG_VERSION: u8 = 1;
/// Greatest size of one record's payload, in bytes.
pub const RECORD_BYTES_MAX: usize = 64 << 20;

static FORM: Form = Form {
    magic: b"IMPRLOG",
    version: LOG_VERSION,
    kind: "replay log",
    record_bytes_max: RECORD_BYTES_MAX,
};
