//! Appends to a replay log.

use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::{LOG_VERSION, LogError, LogReader, MAGIC, RECORD_BYTES_MAX, Record, Torn, checksum};
use crate::payload;

/// A log being written.
pub struct LogWriter {
    path: PathBuf,
    file: File,
}

impl LogWriter {
    /// Begins a new log; a file that is there already is replaced.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn create(path: &Path) -> Result<LogWriter, LogError> {
        let file = File::create(path).map_err(|error| LogError::file(path, &error))?;
        let mut writer = LogWriter {
            path: path.to_path_buf(),
            file,
        };
        let mut head = MAGIC.to_vec();
        head.push(LOG_VERSION);
        writer.write(&head)?;
        Ok(writer)
    }

    /// Goes on with a log; answers also its records. A torn end is cut off and told.
    ///
    /// # Errors
    /// Where the file cannot be read or written, or is no log of this version.
    pub fn resume(path: &Path) -> Result<(LogWriter, Vec<Record>, Option<Torn>), LogError> {
        let fault = |error| LogError::file(path, &error);
        let mut reader = LogReader::open(path)?;
        let records = reader.rest()?;
        let mut file = OpenOptions::new().write(true).open(path).map_err(fault)?;
        file.set_len(reader.position()).map_err(fault)?;
        file.seek(SeekFrom::End(0)).map_err(fault)?;
        let path = path.to_path_buf();
        Ok((LogWriter { path, file }, records, reader.torn().cloned()))
    }

    /// Appends a record; it is with the operating system when this returns.
    ///
    /// # Errors
    /// Where the file cannot be written or the record is too large.
    pub fn append(&mut self, record: &Record) -> Result<(), LogError> {
        let bytes = payload::to_bytes(record);
        if bytes.len() > RECORD_BYTES_MAX {
            return Err(LogError::TooLarge(bytes.len()));
        }
        let mut frame = (bytes.len() as u32).to_le_bytes().to_vec();
        frame.extend_from_slice(&checksum(&bytes).to_le_bytes());
        frame.extend_from_slice(&bytes);
        self.write(&frame)
    }

    /// Makes what was written outlive a loss of power.
    ///
    /// # Errors
    /// Where the operating system cannot promise it.
    pub fn sync(&mut self) -> Result<(), LogError> {
        let synced = self.file.sync_data();
        synced.map_err(|error| LogError::file(&self.path, &error))
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), LogError> {
        let written = self.file.write_all(bytes);
        written.map_err(|error| LogError::file(&self.path, &error))
    }
}
