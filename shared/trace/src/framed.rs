//! Files that grow by records, each with its length and checksum: what stands in them before a crash
//! is read behind it.
//!
//! ```text
//! file   = magic 7 bytes, version u8, then records
//! record = length u32, checksum u64 (first 8 bytes of the payload's BLAKE3), payload
//! ```
//!
//! All numbers are little-endian. A process that died may leave half a record: the reader stops before
//! it and says so, the writer cuts it off and goes on. A damaged record with sound ones behind it is
//! not a torn tail, but is treated alike, since nothing behind it can be trusted to belong to the same
//! run. What the payloads mean is for each kind of file: traces, replay logs.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufReader, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use thiserror::Error;

const MAGIC_BYTES: usize = 7;
/// Bytes before the first record.
pub const HEAD_BYTES: usize = MAGIC_BYTES + 1;
const FRAME_BYTES: usize = 12;

/// A kind of file.
#[derive(Debug)]
pub struct Form {
    /// Its first bytes.
    pub magic: &'static [u8; MAGIC_BYTES],
    /// The version that is written, and the only one that is read.
    pub version: u8,
    /// What it is called.
    pub kind: &'static str,
    /// Greatest size of one record's payload, in bytes.
    pub record_bytes_max: usize,
}

/// Why a file of records cannot be used.
#[derive(Debug, Error)]
pub enum FramedError {
    /// The file cannot be read or written.
    #[error("cannot use the {kind} {path}: {reason}")]
    File {
        /// What it is to be.
        kind: &'static str,
        /// The file.
        path: String,
        /// Why not.
        reason: String,
    },
    /// Another kind of file.
    #[error("{path} is no {kind}")]
    OtherKind {
        /// What it was to be.
        kind: &'static str,
        /// The file.
        path: String,
    },
    /// Written by another version.
    #[error("the {kind} {path} has version {version}, this program reads version {readable}")]
    Version {
        /// What it is.
        kind: &'static str,
        /// The file.
        path: String,
        /// Its version.
        version: u8,
        /// The version that is read.
        readable: u8,
    },
    /// A record that is too large.
    #[error("a record of {bytes} bytes is too large for the {kind}")]
    TooLarge {
        /// What it was to go into.
        kind: &'static str,
        /// Its size.
        bytes: usize,
    },
}

/// A warning: the file ends in something that is no record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Torn {
    /// Where the sound records end, in bytes.
    pub at: u64,
    /// What is wrong there.
    pub reason: String,
}

impl Torn {
    /// The warning, of the file at a path.
    pub fn told_of(&self, path: &Path) -> String {
        format!(
            "warning: {} ends in the middle of a record at byte {} ({}); what stands before is used",
            path.display(),
            self.at,
            self.reason
        )
    }
}

/// A file of records being read.
pub struct FramedReader {
    form: &'static Form,
    path: PathBuf,
    file: BufReader<File>,
    at: u64,
    torn: Option<Torn>,
}

impl FramedReader {
    /// Opens a file of a kind.
    ///
    /// # Errors
    /// Where the file cannot be read or is of another kind or version.
    pub fn open(path: &Path, form: &'static Form) -> Result<FramedReader, FramedError> {
        let file = File::open(path).map_err(|error| form.fault(path, &error))?;
        let mut file = BufReader::new(file);
        let mut head = [0; HEAD_BYTES];
        let other_kind = || FramedError::OtherKind {
            kind: form.kind,
            path: path.display().to_string(),
        };
        match file.read_exact(&mut head) {
            Err(error) if error.kind() != ErrorKind::UnexpectedEof => {
                return Err(form.fault(path, &error));
            }
            Err(_) => return Err(other_kind()),
            Ok(()) => {}
        }
        if head[..MAGIC_BYTES] != *form.magic {
            return Err(other_kind());
        }
        let version = head[MAGIC_BYTES];
        if version != form.version {
            return Err(FramedError::Version {
                kind: form.kind,
                path: path.display().to_string(),
                version,
                readable: form.version,
            });
        }
        Ok(FramedReader {
            form,
            path: path.to_path_buf(),
            file,
            at: HEAD_BYTES as u64,
            torn: None,
        })
    }

    /// The value that `parse` makes of the next payload; its text says why it is none. `None` at the
    /// end, which may be a torn one: see [`FramedReader::torn`].
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub fn next<T>(
        &mut self,
        parse: impl FnOnce(&[u8]) -> Result<T, String>,
    ) -> Result<Option<T>, FramedError> {
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
        if length > self.form.record_bytes_max {
            return Ok(self.tear("a record has an impossible length"));
        }
        let mut payload = Vec::new();
        self.read(length, &mut payload)?;
        if payload.len() < length {
            return Ok(self.tear("the last record is cut off"));
        }
        if checksum(&payload) != sum {
            return Ok(self.tear("a record does not have its checksum"));
        }
        match parse(&payload) {
            Ok(value) => {
                self.at += (FRAME_BYTES + length) as u64;
                Ok(Some(value))
            }
            Err(reason) => Ok(self.tear(&reason)),
        }
    }

    /// What is wrong at the end, once the end was reached and something is.
    pub fn torn(&self) -> Option<&Torn> {
        self.torn.as_ref()
    }

    fn read(&mut self, count: usize, bytes: &mut Vec<u8>) -> Result<(), FramedError> {
        let mut part = (&mut self.file).take(count as u64);
        let read = part.read_to_end(bytes);
        read.map(drop)
            .map_err(|error| self.form.fault(&self.path, &error))
    }

    fn tear<T>(&mut self, reason: &str) -> Option<T> {
        self.torn = Some(Torn {
            at: self.at,
            reason: reason.to_string(),
        });
        None
    }
}

/// A file of records being written.
pub struct FramedWriter {
    form: &'static Form,
    path: PathBuf,
    file: File,
}

/// How often, and after which pauses, a file is tried that another program seems to write: a process that somebody
/// is about to start has all open files for a moment.
const TRIES: usize = 20;
const PAUSE: Duration = Duration::from_millis(5);

/// Nobody else writes a file from now on, as long as it is open here.
fn own(file: &File) -> io::Result<()> {
    for _ in 0..TRIES {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => thread::sleep(PAUSE),
            // There are file systems that know no locks.
            Ok(()) | Err(TryLockError::Error(_)) => return Ok(()),
        }
    }
    Err(io::Error::other("another program writes it"))
}

impl FramedWriter {
    /// Begins a new file; one that is there already is replaced, unless somebody writes it just now.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn create(path: &Path, form: &'static Form) -> Result<FramedWriter, FramedError> {
        let fault = |error| form.fault(path, &error);
        let mut options = OpenOptions::new();
        // It is emptied once it is nobody else's.
        let opened = options.write(true).create(true).truncate(false).open(path);
        let file = opened.map_err(fault)?;
        own(&file).map_err(fault)?;
        file.set_len(0).map_err(fault)?;
        let path = path.to_path_buf();
        let mut writer = FramedWriter { form, path, file };
        let mut head = form.magic.to_vec();
        head.push(form.version);
        writer.write(&head)?;
        Ok(writer)
    }

    /// Goes on with the file that was read to its end; what is torn there is cut off.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn resume(read: &FramedReader) -> Result<FramedWriter, FramedError> {
        let fault = |error| read.form.fault(&read.path, &error);
        let opened = OpenOptions::new().write(true).open(&read.path);
        let mut file = opened.map_err(fault)?;
        own(&file).map_err(fault)?;
        file.set_len(read.at).map_err(fault)?;
        file.seek(SeekFrom::End(0)).map_err(fault)?;
        Ok(FramedWriter {
            form: read.form,
            path: read.path.clone(),
            file,
        })
    }

    /// Appends a record; it is with the operating system when this returns.
    ///
    /// # Errors
    /// Where the file cannot be written or the record is too large.
    pub fn append(&mut self, payload: &[u8]) -> Result<(), FramedError> {
        if payload.len() > self.form.record_bytes_max {
            return Err(FramedError::TooLarge {
                kind: self.form.kind,
                bytes: payload.len(),
            });
        }
        let mut record = (payload.len() as u32).to_le_bytes().to_vec();
        record.extend_from_slice(&checksum(payload).to_le_bytes());
        record.extend_from_slice(payload);
        self.write(&record)
    }

    /// Makes what was written outlive a loss of power.
    ///
    /// # Errors
    /// Where the operating system cannot promise it.
    pub fn sync(&mut self) -> Result<(), FramedError> {
        let synced = self.file.sync_data();
        synced.map_err(|error| self.form.fault(&self.path, &error))
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), FramedError> {
        let written = self.file.write_all(bytes);
        written.map_err(|error| self.form.fault(&self.path, &error))
    }
}

impl Form {
    fn fault(&self, path: &Path, error: &std::io::Error) -> FramedError {
        FramedError::File {
            kind: self.kind,
            path: path.display().to_string(),
            reason: error.to_string(),
        }
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

fn checksum(payload: &[u8]) -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&blake3::hash(payload).as_bytes()[..8]);
    u64::from_le_bytes(bytes)
}
