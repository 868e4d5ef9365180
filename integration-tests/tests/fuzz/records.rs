//! The targets for files of records, traces and replay logs. Their corpora hold the records with their
//! lengths and without the checksums, which are put there again: else no change would reach the parsers.

use std::fs;
use std::path::Path;

use imprint_trace::framed::{Form, FramedWriter, HEAD_BYTES};
use imprint_trace::{Kind, Thing, Trace, TraceWriter};
use imprint_wire::log::{LOG_VERSION, LogReader, LogWriter, LoggedOutcome, Record, SessionStart};

/// Bytes of the length before a payload, and of the checksum behind that in a file.
const LENGTH_BYTES: usize = 4;
const CHECKSUM_BYTES: usize = 8;

static TRACE: Form = Form {
    magic: b"IMPRTRC",
    version: imprint_trace::file::TRACE_VERSION,
    kind: "trace",
    record_bytes_max: 1 << 20,
};

static LOG: Form = Form {
    magic: b"IMPRLOG",
    version: LOG_VERSION,
    kind: "replay log",
    record_bytes_max: 1 << 20,
};

/// A trace: what can be read is written, and read as the same again.
pub fn trace(bytes: &[u8]) -> bool {
    let folder = tempfile::tempdir().expect("there is room");
    let path = folder.path().join("a.trace");
    frame(bytes, &path, &TRACE);
    let Ok(read) = imprint_trace::read(&path) else {
        return false;
    };
    imprint_trace::write(&read.trace, &path).expect("what was read can be written");
    let again = imprint_trace::read(&path).expect("what we write we can read");
    assert_eq!(again.trace, read.trace);
    read.torn.is_none()
}

/// A replay log: its records, written again, are the same.
pub fn replay_log(bytes: &[u8]) -> bool {
    let folder = tempfile::tempdir().expect("there is room");
    let path = folder.path().join("a.replay");
    frame(bytes, &path, &LOG);
    let mut reader = LogReader::open(&path).expect("it has the head of a log");
    let records = reader.rest().expect("the file can be read");
    let is_whole = reader.torn().is_none() && !records.is_empty();
    write_log(&records, &path);
    let mut reader = LogReader::open(&path).expect("we wrote it");
    assert_eq!(reader.rest().expect("the file can be read"), records);
    assert_eq!(reader.torn(), None);
    is_whole
}

/// Writes the file whose records the bytes say; what is left over is no record.
fn frame(mut bytes: &[u8], path: &Path, form: &'static Form) {
    let mut file = FramedWriter::create(path, form).expect("there is room");
    while let Some((length, rest)) = bytes.split_first_chunk::<LENGTH_BYTES>() {
        let length = (u32::from_le_bytes(*length) as usize).min(rest.len());
        let (payload, rest) = rest.split_at(length);
        file.append(payload).expect("it is small");
        bytes = rest;
    }
}

/// The records of a file without their checksums.
fn unframed(path: &Path) -> Vec<u8> {
    let file = fs::read(path).expect("it was written a moment ago");
    let mut rest = &file[HEAD_BYTES..];
    let mut bytes = Vec::new();
    while let Some((length, behind)) = rest.split_first_chunk::<LENGTH_BYTES>() {
        let end = CHECKSUM_BYTES + u32::from_le_bytes(*length) as usize;
        bytes.extend_from_slice(length);
        bytes.extend_from_slice(&behind[CHECKSUM_BYTES..end]);
        rest = &behind[end..];
    }
    bytes
}

fn write_log(records: &[Record], path: &Path) {
    let mut writer = LogWriter::create(path).expect("there is room");
    for record in records {
        writer.append(record).expect("there is room");
    }
}

/// The corpus of traces: one with everything that a trace says, and one that only began.
#[allow(dead_code, reason = "only the tests make corpora")]
pub fn traces() -> [(&'static str, Vec<u8>); 2] {
    let folder = tempfile::tempdir().expect("there is room");
    let path = folder.path().join("a.trace");
    TraceWriter::create(&path, [7; 32], "3 + 4").expect("there is room");
    let begun = unframed(&path);
    let mut trace = Trace::new([7; 32]);
    trace.entry = "3 + 4".to_string();
    for (id, kind, title, cause) in [
        (8, Kind::Class, "Counter", None),
        (1 << 40, Kind::Method, "Counter>>increase", Some(8)),
    ] {
        let title = title.to_string();
        trace.things.insert(id, Thing { kind, title, cause });
    }
    let marks = [8, 9, 1 << 40].into_iter().collect();
    trace
        .epochs
        .insert("CounterTest>>testIncrease".into(), marks);
    trace.passed.insert("CounterTest>>testIncrease".into());
    trace.page = Some(true);
    imprint_trace::write(&trace, &path).expect("there is room");
    [("begun", begun), ("whole", unframed(&path))]
}

/// The corpus of logs: what a run writes, and the beginning of one.
#[allow(dead_code, reason = "only the tests make corpora")]
pub fn replay_logs() -> [(&'static str, Vec<u8>); 2] {
    let session = Record::Session(SessionStart {
        program_version: "0.1.0".into(),
        image_fingerprint: [7; 32],
        seed_fingerprint: Some([8; 32]),
        started_micros: 12,
    });
    let marks = Record::Marks {
        epoch: "CounterTest>>testIncrease".into(),
        ids: vec![8, 1 << 40],
    };
    let test = Record::Test {
        class: "CounterTest".into(),
        selector: "testIncrease".into(),
        outcome: LoggedOutcome::Failed,
        text: "expected 3".into(),
        micros: 40,
    };
    let all = [
        session.clone(),
        Record::Arguments(vec!["run".into(), "--tests".into()]),
        Record::Classes(vec![("Counter".into(), 1100, 1101)]),
        Record::Draft(vec![1, 2, 3]),
        marks,
        test,
    ];
    let folder = tempfile::tempdir().expect("there is room");
    let path = folder.path().join("a.replay");
    let bytes = |records: &[Record]| {
        write_log(records, &path);
        unframed(&path)
    };
    [("begun", bytes(&[session])), ("run", bytes(&all))]
}
