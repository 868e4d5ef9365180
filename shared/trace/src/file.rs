//! The file of a trace: append-only, written as the trace grows.
//!
//! ```text
//! file   = "IMPRTRC" version u8, fingerprint 32 bytes, checksum u64 of it, then records
//! record = length u32, checksum u64 (first 8 bytes of the payload's BLAKE3), payload
//! payload = length of name u32, name of the epoch, ids u64, rising
//! ```
//!
//! All numbers are little-endian. Several records may name one epoch: its marks are their union. A
//! process that died may leave half a record; what stands before it is sound and all of it is used.

use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::trace::Fingerprint;
use crate::{Marks, Trace};

const MAGIC: &[u8; 7] = b"IMPRTRC";
/// Version of the form.
pub const TRACE_VERSION: u8 = 1;
const HEAD_BYTES: usize = MAGIC.len() + 1 + size_of::<Fingerprint>() + 8;
const FRAME_BYTES: usize = 12;
/// Greatest size of a trace file that is read, in bytes.
pub const FILE_BYTES_MAX: u64 = 1 << 30;
/// Greatest number of ids in one record; more become several records.
const IDS_MAX: usize = 1 << 16;
/// Greatest length of an epoch's name, in bytes.
pub const NAME_BYTES_MAX: usize = 1 << 12;

/// Why a trace file cannot be used.
#[derive(Debug, Error)]
pub enum TraceError {
    /// The file cannot be read or written.
    #[error("cannot use the trace {path}: {reason}")]
    File {
        /// The file.
        path: String,
        /// Why not.
        reason: String,
    },
    /// Another kind of file, or one whose head is damaged.
    #[error("{0} is no trace, or its head is damaged")]
    NotATrace(String),
    /// Written by another version.
    #[error("the trace {path} has version {version}, this program reads version {TRACE_VERSION}")]
    Version {
        /// The file.
        path: String,
        /// Its version.
        version: u8,
    },
    /// An epoch whose name is too long.
    #[error("an epoch's name of {0} bytes is too long for a trace, which takes {NAME_BYTES_MAX}")]
    LongName(usize),
}

/// A trace as it was read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Read {
    /// What the sound records say.
    pub trace: Trace,
    /// Where the sound records end, in bytes.
    pub end: u64,
    /// Whether something that is no record follows them.
    pub is_torn: bool,
}

/// A trace being written.
pub struct TraceWriter {
    path: PathBuf,
    file: File,
}

impl TraceWriter {
    /// Begins a new trace; a file that is there already is replaced.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn create(path: &Path, image: Fingerprint) -> Result<TraceWriter, TraceError> {
        let file = File::create(path).map_err(|error| fault(path, &error))?;
        let path = path.to_path_buf();
        let mut writer = TraceWriter { path, file };
        let mut head = MAGIC.to_vec();
        head.push(TRACE_VERSION);
        head.extend_from_slice(&image);
        head.extend_from_slice(&checksum(&head).to_le_bytes());
        writer.write(&head)?;
        Ok(writer)
    }

    /// Goes on with a trace; answers also what it holds. A torn end is cut off.
    ///
    /// # Errors
    /// Where the file cannot be read or written, or is no trace of this version.
    pub fn resume(path: &Path) -> Result<(TraceWriter, Read), TraceError> {
        let read = read(path)?;
        let opened = OpenOptions::new().write(true).open(path);
        let mut file = opened.map_err(|error| fault(path, &error))?;
        let cut = file.set_len(read.end);
        cut.and_then(|()| file.seek(SeekFrom::End(0)))
            .map_err(|error| fault(path, &error))?;
        let path = path.to_path_buf();
        Ok((TraceWriter { path, file }, read))
    }

    /// Adds marks to an epoch; they outlive this process when this returns.
    ///
    /// # Errors
    /// Where the file cannot be written or the name is too long.
    pub fn append(&mut self, epoch: &str, marks: &Marks) -> Result<(), TraceError> {
        if epoch.len() > NAME_BYTES_MAX {
            return Err(TraceError::LongName(epoch.len()));
        }
        let ids: Vec<u64> = marks.ids().collect();
        // An epoch that touched nothing is told too: that it ran is a fact.
        if ids.is_empty() {
            return self.write(&record(epoch, &[]));
        }
        for part in ids.chunks(IDS_MAX) {
            self.write(&record(epoch, part))?;
        }
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), TraceError> {
        let written = self.file.write_all(bytes);
        written.map_err(|error| fault(&self.path, &error))
    }
}

/// Reads a trace, as far as its records are sound.
///
/// # Errors
/// Where the file cannot be read or is no trace of this version.
pub fn read(path: &Path) -> Result<Read, TraceError> {
    let bytes = bytes_of(path)?;
    let mut trace = Trace::new(image_of(path, &bytes)?);
    let mut rest = &bytes[HEAD_BYTES..];
    while let Some((payload, behind)) = next_payload(rest) {
        let Some((epoch, marks)) = parse(payload) else {
            break;
        };
        trace.epochs.entry(epoch).or_default().unite(&marks);
        rest = behind;
    }
    Ok(Read {
        trace,
        end: (bytes.len() - rest.len()) as u64,
        is_torn: !rest.is_empty(),
    })
}

fn bytes_of(path: &Path) -> Result<Vec<u8>, TraceError> {
    let size = std::fs::metadata(path).map(|about| about.len());
    let size = size.map_err(|error| fault(path, &error))?;
    if size > FILE_BYTES_MAX {
        return Err(TraceError::File {
            path: path.display().to_string(),
            reason: format!("it has {size} bytes, and {FILE_BYTES_MAX} are the limit"),
        });
    }
    std::fs::read(path).map_err(|error| fault(path, &error))
}

fn image_of(path: &Path, bytes: &[u8]) -> Result<Fingerprint, TraceError> {
    let no_trace = || TraceError::NotATrace(path.display().to_string());
    let behind = bytes.strip_prefix(MAGIC.as_slice()).ok_or_else(no_trace)?;
    let (&version, _) = behind.split_first().ok_or_else(no_trace)?;
    if version != TRACE_VERSION {
        let path = path.display().to_string();
        return Err(TraceError::Version { path, version });
    }
    let head = bytes.get(..HEAD_BYTES).ok_or_else(no_trace)?;
    let (told, sum) = head.split_at(HEAD_BYTES - 8);
    if checksum(told).to_le_bytes() != *sum {
        return Err(no_trace());
    }
    told.last_chunk().copied().ok_or_else(no_trace)
}

/// The payload of the first record and what follows it; none where no sound record begins.
fn next_payload(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (frame, rest) = bytes.split_first_chunk::<FRAME_BYTES>()?;
    let (length, sum) = frame.split_first_chunk::<4>()?;
    let length = u32::from_le_bytes(*length) as usize;
    let (payload, behind) = rest.split_at_checked(length)?;
    (checksum(payload).to_le_bytes() == *sum).then_some((payload, behind))
}

fn parse(payload: &[u8]) -> Option<(String, Marks)> {
    let (length, rest) = payload.split_first_chunk::<4>()?;
    let (name, ids) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    let (ids, left_over) = ids.as_chunks::<8>();
    let name = std::str::from_utf8(name).ok()?;
    let marks = ids.iter().map(|id| u64::from_le_bytes(*id)).collect();
    left_over.is_empty().then(|| (name.to_string(), marks))
}

fn record(epoch: &str, ids: &[u64]) -> Vec<u8> {
    let mut payload = (epoch.len() as u32).to_le_bytes().to_vec();
    payload.extend_from_slice(epoch.as_bytes());
    payload.extend(ids.iter().flat_map(|id| id.to_le_bytes()));
    let mut bytes = (payload.len() as u32).to_le_bytes().to_vec();
    bytes.extend_from_slice(&checksum(&payload).to_le_bytes());
    bytes.extend_from_slice(&payload);
    bytes
}

fn checksum(payload: &[u8]) -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&blake3::hash(payload).as_bytes()[..8]);
    u64::from_le_bytes(bytes)
}

fn fault(path: &Path, error: &std::io::Error) -> TraceError {
    TraceError::File {
        path: path.display().to_string(),
        reason: error.to_string(),
    }
}
