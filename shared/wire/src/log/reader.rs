//! Reads a replay log record by record.

use std::path::Path;

use imprint_trace::framed::FramedReader;

use super::{FORM, LogError, Record, Torn};
use crate::payload;

/// A log being read.
pub struct LogReader {
    pub(super) file: FramedReader,
}

impl LogReader {
    /// Opens a log.
    ///
    /// # Errors
    /// Where the file cannot be read or is no log of this version.
    pub fn open(path: &Path) -> Result<LogReader, LogError> {
        let file = FramedReader::open(path, &FORM)?;
        Ok(LogReader { file })
    }

    /// The next record; `None` at the end, which may be a torn one: see [`LogReader::torn`].
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub fn next_record(&mut self) -> Result<Option<Record>, LogError> {
        self.file.next(payload::from_bytes)
    }

    /// All records that are left.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub fn rest(&mut self) -> Result<Vec<Record>, LogError> {
        let mut records = Vec::new();
        while let Some(record) = self.next_record()? {
            records.push(record);
        }
        Ok(records)
    }

    /// What is wrong at the end, once the end was reached and something is.
    pub fn torn(&self) -> Option<&Torn> {
        self.file.torn()
    }
}
