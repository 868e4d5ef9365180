//! The file of a trace: append-only, written as the trace grows ([`crate::framed`]).
//!
//! ```text
//! payload = 0, fingerprint 32 bytes, entry expression          the first record, and only that
//!         | 1, ids u64 with cause u64, kind u8 and title       things, each told once
//!         | 2, name of an epoch, ids u64, rising               what the epoch touched
//!         | 3, name of an epoch                                it was a test, and it passed
//!         | 4, 1 or 0                                          a page was visited; a click counted
//! text    = length u32, UTF-8
//! ```
//!
//! All numbers are little-endian. Several records may name one epoch: its marks are their union. A
//! process that died may leave half a record; what stands before it is sound and all of it is used.

use std::path::Path;

use thiserror::Error;

use crate::framed::{Form, FramedError, FramedReader, FramedWriter, Torn};
use crate::trace::{Fingerprint, Kind, Thing};
use crate::{Marks, Trace};

/// Version of the form.
pub const TRACE_VERSION: u8 = 1;
/// Greatest number of ids in one record; more become several records.
const IDS_MAX: usize = 1 << 16;
/// Greatest number of things in one record.
const THINGS_MAX: usize = 1 << 12;
/// Greatest length of an epoch's name or of a title, in bytes; longer ones are cut.
pub const TEXT_BYTES_MAX: usize = 1 << 12;

static FORM: Form = Form {
    magic: b"IMPRTRC",
    version: TRACE_VERSION,
    kind: "trace",
    record_bytes_max: 64 << 20,
};

/// Why a trace file cannot be used.
#[derive(Debug, Error)]
pub enum TraceError {
    /// The file cannot be used at all.
    #[error(transparent)]
    File(#[from] FramedError),
    /// A process died before it said what runs.
    #[error("the trace {0} ends before it says of which image it is; run it again")]
    Empty(String),
}

/// One thing that a trace file says.
enum Record {
    Run { image: Fingerprint, entry: String },
    Things(Vec<(u64, Thing)>),
    Marks { epoch: String, marks: Marks },
    Passed(String),
    Page { click_counted: bool },
}

/// A trace as it was read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Read {
    /// What the sound records say.
    pub trace: Trace,
    /// What is wrong at the end, where something is.
    pub torn: Option<Torn>,
}

/// A trace being written.
pub struct TraceWriter {
    file: FramedWriter,
}

impl TraceWriter {
    /// Begins a new trace of an image that begins with an entry expression; a file that is there
    /// already is replaced.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn create(path: &Path, image: Fingerprint, entry: &str) -> Result<TraceWriter, TraceError> {
        let mut file = FramedWriter::create(path, &FORM)?;
        let mut payload = vec![0];
        payload.extend_from_slice(&image);
        put_text(&mut payload, entry, FORM.record_bytes_max);
        file.append(&payload)?;
        Ok(TraceWriter { file })
    }

    /// Goes on with a trace; answers also what it holds. A torn end is cut off.
    ///
    /// # Errors
    /// Where the file cannot be read or written, or is no trace of this version.
    pub fn resume(path: &Path) -> Result<(TraceWriter, Read), TraceError> {
        let (reader, read) = read_all(path)?;
        let file = FramedWriter::resume(&reader)?;
        Ok((TraceWriter { file }, read))
    }

    /// Adds marks to an epoch; they outlive this process when this returns.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn append(&mut self, epoch: &str, marks: &Marks) -> Result<(), TraceError> {
        let ids: Vec<u64> = marks.ids().collect();
        // An epoch that touched nothing is told too: that it ran is a fact.
        let parts: Vec<&[u64]> = match ids.as_slice() {
            [] => vec![&[]],
            ids => ids.chunks(IDS_MAX).collect(),
        };
        for part in parts {
            let mut payload = vec![2];
            put_text(&mut payload, epoch, TEXT_BYTES_MAX);
            payload.extend(part.iter().flat_map(|id| id.to_le_bytes()));
            self.file.append(&payload)?;
        }
        Ok(())
    }

    /// Says what things are, and because of what they were touched.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn append_things<'a>(
        &mut self,
        things: impl IntoIterator<Item = (u64, &'a Thing)>,
    ) -> Result<(), TraceError> {
        let all: Vec<(u64, &Thing)> = things.into_iter().collect();
        for part in all.chunks(THINGS_MAX) {
            let mut payload = vec![1];
            for (id, thing) in part {
                payload.extend_from_slice(&id.to_le_bytes());
                payload.extend_from_slice(&thing.cause.unwrap_or(0).to_le_bytes());
                payload.push(byte_of(thing.kind));
                put_text(&mut payload, &thing.title, TEXT_BYTES_MAX);
            }
            self.file.append(&payload)?;
        }
        Ok(())
    }

    /// Says that an epoch was a test that passed.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn append_passed(&mut self, epoch: &str) -> Result<(), TraceError> {
        let mut payload = vec![3];
        put_text(&mut payload, epoch, TEXT_BYTES_MAX);
        Ok(self.file.append(&payload)?)
    }

    /// Says that the page of the entry expression was visited, and whether a click on it counted.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn append_page(&mut self, click_counted: bool) -> Result<(), TraceError> {
        Ok(self.file.append(&[4, u8::from(click_counted)])?)
    }

    /// Adds all that a trace says.
    fn append_all(&mut self, trace: &Trace) -> Result<(), TraceError> {
        self.append_things(trace.things.iter().map(|(id, thing)| (*id, thing)))?;
        for (epoch, marks) in &trace.epochs {
            self.append(epoch, marks)?;
        }
        for epoch in &trace.passed {
            self.append_passed(epoch)?;
        }
        trace
            .page
            .map_or(Ok(()), |click_counted| self.append_page(click_counted))
    }
}

/// Writes a whole trace into a new file.
///
/// # Errors
/// Where the file cannot be written.
pub fn write(trace: &Trace, path: &Path) -> Result<(), TraceError> {
    TraceWriter::create(path, trace.image, &trace.entry)?.append_all(trace)
}

/// Reads a trace, as far as its records are sound.
///
/// # Errors
/// Where the file cannot be read or is no trace of this version.
pub fn read(path: &Path) -> Result<Read, TraceError> {
    Ok(read_all(path)?.1)
}

fn read_all(path: &Path) -> Result<(FramedReader, Read), TraceError> {
    let mut reader = FramedReader::open(path, &FORM)?;
    let Some(Record::Run { image, entry }) = reader.next(parse)? else {
        return Err(TraceError::Empty(path.display().to_string()));
    };
    let mut trace = Trace::new(image);
    trace.entry = entry;
    while let Some(record) = reader.next(parse)? {
        match record {
            // A second beginning says nothing new.
            Record::Run { .. } => {}
            Record::Things(things) => {
                for (id, thing) in things {
                    trace.things.entry(id).or_insert(thing);
                }
            }
            Record::Marks { epoch, marks } => trace.epochs.entry(epoch).or_default().unite(&marks),
            Record::Passed(epoch) => {
                trace.passed.insert(epoch);
            }
            Record::Page { click_counted } => trace.page = Some(click_counted),
        }
    }
    let torn = reader.torn().cloned();
    Ok((reader, Read { trace, torn }))
}

fn parse(payload: &[u8]) -> Result<Record, String> {
    parsed(payload).ok_or_else(|| "a record says nothing that a trace does".to_string())
}

fn parsed(payload: &[u8]) -> Option<Record> {
    let (kind, rest) = payload.split_first()?;
    match kind {
        0 => {
            let (image, rest) = rest.split_first_chunk::<32>()?;
            let (entry, rest) = take_text(rest)?;
            let image = *image;
            rest.is_empty().then_some(Record::Run { image, entry })
        }
        1 => parse_things(rest).map(Record::Things),
        2 => {
            let (epoch, rest) = take_text(rest)?;
            let (ids, left_over) = rest.as_chunks::<8>();
            let marks = ids.iter().map(|id| u64::from_le_bytes(*id)).collect();
            left_over
                .is_empty()
                .then_some(Record::Marks { epoch, marks })
        }
        3 => {
            let (epoch, rest) = take_text(rest)?;
            rest.is_empty().then_some(Record::Passed(epoch))
        }
        4 => match rest {
            [clicks @ (0 | 1)] => Some(Record::Page {
                click_counted: *clicks == 1,
            }),
            _ => None,
        },
        _ => None,
    }
}

fn parse_things(mut rest: &[u8]) -> Option<Vec<(u64, Thing)>> {
    let mut things = Vec::new();
    while !rest.is_empty() {
        let (id, behind) = rest.split_first_chunk::<8>()?;
        let (cause, behind) = behind.split_first_chunk::<8>()?;
        let (kind, behind) = behind.split_first()?;
        let kind = kind_of(*kind)?;
        let (title, behind) = take_text(behind)?;
        let cause = Some(u64::from_le_bytes(*cause)).filter(|cause| *cause != 0);
        things.push((u64::from_le_bytes(*id), Thing { kind, title, cause }));
        rest = behind;
    }
    Some(things)
}

fn byte_of(kind: Kind) -> u8 {
    match kind {
        Kind::Class => 0,
        Kind::Method => 1,
        Kind::Object => 2,
    }
}

fn kind_of(byte: u8) -> Option<Kind> {
    [Kind::Class, Kind::Method, Kind::Object]
        .into_iter()
        .find(|kind| byte_of(*kind) == byte)
}

/// Puts a text of so many bytes at most.
fn put_text(payload: &mut Vec<u8>, text: &str, bytes_max: usize) {
    let text = &text[..text.floor_char_boundary(bytes_max)];
    payload.extend_from_slice(&(text.len() as u32).to_le_bytes());
    payload.extend_from_slice(text.as_bytes());
}

fn take_text(bytes: &[u8]) -> Option<(String, &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (text, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    Some((std::str::from_utf8(text).ok()?.to_string(), rest))
}
