//! Reads a replay log record by record.

use std::fs::File;
use std::io::{BufReader, ErrorKind, Read};
use std::path::{Path, PathBuf};

use super::{
    FRAME_BYTES, HEAD_BYTES, LOG_VERSION, LogError, MAGIC, RECORD_BYTES_MAX, Record, checksum,
};
use crate::payload;

/// A warning: the log ends in something that is no record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Torn {
    /// Where the sound records end, in bytes.
    pub at: u64,
    /// What is wrong there.
    pub reason: String,
}

/// A log being read.
pub struct LogReader {
    path: PathBuf,
    file: BufReader<File>,
    at: u64,
    torn: Option<Torn>,
}

impl LogReader {
    /// Opens a log.
    ///
    /// # Errors
    /// Where the file cannot be read or is no log of this version.
    pub fn open(path: &Path) -> Result<LogReader, LogError> {
        let file = File::open(path).map_err(|error| LogError::file(path, &error))?;
        LogReader::new(path, file)
    }

    pub(super) fn new(path: &Path, file: File) -> Result<LogReader, LogError> {
        let mut file = BufReader::new(file);
        let mut head = [0; HEAD_BYTES];
        match file.read_exact(&mut head) {
            Err(error) if error.kind() != ErrorKind::UnexpectedEof => {
                return Err(LogError::file(path, &error));
            }
            Err(_) => return Err(LogError::NotALog(path.display().to_string())),
            Ok(()) => {}
        }
        if head[..MAGIC.len()] != *MAGIC {
            return Err(LogError::NotALog(path.display().to_string()));
        }
        let version = head[MAGIC.len()];
        if version != LOG_VERSION {
            let path = path.display().to_string();
            return Err(LogError::Version { path, version });
        }
        Ok(LogReader {
            path: path.to_path_buf(),
            file,
            at: HEAD_BYTES as u64,
            torn: None,
        })
    }

    /// The next record; `None` at the end, which may be a torn one: see [`LogReader::torn`].
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub fn next_record(&mut self) -> Result<Option<Record>, LogError> {
        if self.torn.is_some() {
            return Ok(None);
        }
        let mut frame = Vec::new();
        self.read(FRAME_BYTES, &mut frame)?;
        if frame.is_empty() {
            return Ok(None);
        }
        let Some((length, sum)) = frame_of(&frame) else {
            return Ok(self.tear("a record begins and does not go on"));
        };
        if length > RECORD_BYTES_MAX {
            return Ok(self.tear("a record has an impossible length"));
        }
        let mut bytes = Vec::new();
        self.read(length, &mut bytes)?;
        if bytes.len() < length {
            return Ok(self.tear("the last record is cut off"));
        }
        if checksum(&bytes) != sum {
            return Ok(self.tear("a record does not have its checksum"));
        }
        match payload::from_bytes(&bytes) {
            Ok(record) => {
                self.at += (FRAME_BYTES + length) as u64;
                Ok(Some(record))
            }
            Err(reason) => Ok(self.tear(&reason)),
        }
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
        self.torn.as_ref()
    }

    /// Where the records read so far end, in bytes.
    pub(super) fn position(&self) -> u64 {
        self.at
    }

    fn read(&mut self, count: usize, bytes: &mut Vec<u8>) -> Result<(), LogError> {
        let mut part = (&mut self.file).take(count as u64);
        let read = part.read_to_end(bytes);
        read.map(drop)
            .map_err(|error| LogError::file(&self.path, &error))
    }

    fn tear(&mut self, reason: &str) -> Option<Record> {
        self.torn = Some(Torn {
            at: self.at,
            reason: reason.to_string(),
        });
        None
    }
}

/// Length and checksum of a record.
fn frame_of(frame: &[u8]) -> Option<(usize, u64)> {
    let (length, rest) = frame.split_first_chunk::<4>()?;
    let (sum, _) = rest.split_first_chunk::<8>()?;
    Some((
        u32::from_le_bytes(*length) as usize,
        u64::from_le_bytes(*sum),
    ))
}
