//! Appends to a replay log.

use std::path::Path;

use imprint_trace::framed::FramedWriter;

use super::{FORM, LogError, LogReader, Record, Torn};
use crate::payload;

/// A log being written.
pub struct LogWriter {
    file: FramedWriter,
}

impl LogWriter {
    /// Begins a new log; a file that is there already is replaced.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn create(path: &Path) -> Result<LogWriter, LogError> {
        let file = FramedWriter::create(path, &FORM)?;
        Ok(LogWriter { file })
    }

    /// Goes on with a log; answers also its records. A torn end is cut off and told.
    ///
    /// # Errors
    /// Where the file cannot be read or written, or is no log of this version.
    pub fn resume(path: &Path) -> Result<(LogWriter, Vec<Record>, Option<Torn>), LogError> {
        let mut reader = LogReader::open(path)?;
        let records = reader.rest()?;
        let file = FramedWriter::resume(&reader.file)?;
        Ok((LogWriter { file }, records, reader.torn().cloned()))
    }

    /// Appends a record; it is with the operating system when this returns.
    ///
    /// # Errors
    /// Where the file cannot be written or the record is too large.
    pub fn append(&mut self, record: &Record) -> Result<(), LogError> {
        self.file.append(&payload::to_bytes(record))
    }

    /// Makes what was written outlive a loss of power.
    ///
    /// # Errors
    /// Where the operating system cannot promise it.
    pub fn sync(&mut self) -> Result<(), LogError> {
        self.file.sync()
    }
}
