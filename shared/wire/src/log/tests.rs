//! Logs are read back, and torn ones as far as they are sound.

use std::fs;
use std::path::PathBuf;

use imprint_trace::framed::HEAD_BYTES;
use tempfile::TempDir;

use super::*;

fn records() -> Vec<Record> {
    vec![
        Record::Session(SessionStart {
            program_version: "0.1.0".into(),
            image_fingerprint: [7; 32],
            seed_fingerprint: None,
            started_micros: 12,
        }),
        Record::Draft(vec![1, 2, 3]),
        Record::Marks {
            epoch: "FooTest>>testA".into(),
            ids: vec![8, 1 << 40],
        },
        Record::Test {
            class: "FooTest".into(),
            selector: "testA".into(),
            outcome: LoggedOutcome::Failed,
            text: "expected 3".into(),
            micros: 40,
        },
        Record::Snapshot {
            path: "foo.image".into(),
            fingerprint: [9; 32],
            entry: "3 + 4".into(),
            options: vec![("keep".into(), "Foo>>bar".into())],
        },
        Record::Kept {
            because: "--keep Foo>>bar".into(),
            ids: vec![9],
        },
        Record::Classes(vec![("Foo".into(), 40, 41)]),
        Record::Arguments(vec!["run".into(), "--snapshot".into(), "foo.image".into()]),
    ]
}

fn written() -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("run.replay");
    let mut writer = LogWriter::create(&path).unwrap();
    for record in records() {
        writer.append(&record).unwrap();
    }
    writer.sync().unwrap();
    (folder, path)
}

#[test]
fn a_log_reads_back() {
    let (_folder, path) = written();
    let mut reader = LogReader::open(&path).unwrap();
    assert_eq!(reader.rest().unwrap(), records());
    assert_eq!(reader.torn(), None);
}

#[test]
fn a_log_cut_anywhere_keeps_its_sound_records_and_goes_on() {
    let (_folder, path) = written();
    let whole = fs::read(&path).unwrap();
    for length in HEAD_BYTES..whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        let (mut writer, sound, torn) = LogWriter::resume(&path).unwrap();
        assert!(sound.len() < records().len(), "cut at {length}");
        assert_eq!(sound, records()[..sound.len()]);
        if let Some(torn) = torn {
            assert!(torn.at < length as u64, "cut at {length}");
        }
        writer.append(&records()[1]).unwrap();
        let mut reader = LogReader::open(&path).unwrap();
        assert_eq!(reader.rest().unwrap().len(), sound.len() + 1);
        assert_eq!(reader.torn(), None);
    }
}

#[test]
fn a_changed_byte_ends_the_log_before_its_record() {
    let (_folder, path) = written();
    let whole = fs::read(&path).unwrap();
    for at in HEAD_BYTES..whole.len() {
        let mut changed = whole.clone();
        changed[at] ^= 0x41;
        fs::write(&path, &changed).unwrap();
        let mut reader = LogReader::open(&path).unwrap();
        let sound = reader.rest().unwrap();
        assert_eq!(sound, records()[..sound.len()]);
        assert!(reader.torn().is_some(), "byte {at}");
    }
}

#[test]
fn other_files_are_refused() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("other");
    for (bytes, expected) in [
        (&b"IMPR"[..], "is no replay log"),
        (b"something else", "is no replay log"),
        (
            b"IMPRLOG\x09",
            "has version 9, this program reads version 1",
        ),
    ] {
        fs::write(&path, bytes).unwrap();
        let error = LogReader::open(&path).err().unwrap().to_string();
        assert!(error.ends_with(expected), "{error}");
    }
    let missing = LogReader::open(&folder.path().join("missing"));
    assert!(matches!(missing, Err(LogError::File { .. })));
}
