//! Traces as data, and as files of processes that die.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use imprint_trace::framed::{FramedError, HEAD_BYTES};
use imprint_trace::{Kind, Marks, Recorder, Thing, Trace, TraceError, TraceWriter, read};

const IMAGE: [u8; 32] = [7; 32];
/// Names the file to write, in the process that is to be killed.
const VICTIM: &str = "IMPRINT_TRACE_VICTIM";

fn marks(ids: &[u64]) -> Marks {
    ids.iter().copied().collect()
}

fn trace(epochs: &[(&str, &[u64])]) -> Trace {
    let mut trace = Trace::new(IMAGE);
    for (name, ids) in epochs {
        trace.epochs.insert((*name).to_string(), marks(ids));
    }
    trace
}

#[test]
fn sets_of_marks_are_put_together_as_sets_are() {
    let left: &[u64] = &[1, 63, 64, 9000];
    let right: &[u64] = &[63, 65, 9000, u64::MAX];
    type Operation = fn(&mut Marks, &Marks);
    let table: [(Operation, &[u64]); 3] = [
        (Marks::unite, &[1, 63, 64, 65, 9000, u64::MAX]),
        (Marks::intersect, &[63, 9000]),
        (Marks::subtract, &[1, 64]),
    ];
    for (operation, expected) in table {
        let mut result = marks(left);
        operation(&mut result, &marks(right));
        assert_eq!(result.ids().collect::<Vec<_>>(), expected);
        assert_eq!(result.count(), expected.len() as u64);
        assert_eq!(result, marks(expected), "equal sets are equal values");
    }
    let mut nothing = marks(left);
    nothing.subtract(&marks(left));
    assert!(nothing.is_empty());
    assert!(marks(left).contains(64));
    assert!(!marks(left).contains(65));
}

#[test]
fn what_an_epoch_alone_reaches_is_what_no_other_does() {
    let run = trace(&[("a", &[1, 2, 3]), ("b", &[2, 4]), ("c", &[3])]);
    assert_eq!(run.total(), marks(&[1, 2, 3, 4]));
    assert_eq!(run.only("a"), Some(marks(&[1])));
    assert_eq!(run.only("c"), Some(marks(&[])));
    assert_eq!(run.only("d"), None);
}

#[test]
fn runs_are_merged_intersected_subtracted_and_compared() {
    let left = trace(&[("a", &[1, 2]), ("b", &[3])]);
    let right = trace(&[("b", &[2, 4])]);
    let mut merged = left.clone();
    merged.merge(&right).unwrap();
    assert_eq!(merged, trace(&[("a", &[1, 2]), ("b", &[2, 3, 4])]));
    let mut common = left.clone();
    common.intersect(&right).unwrap();
    assert_eq!(common, trace(&[("a", &[2]), ("b", &[])]));
    let mut less = left.clone();
    less.subtract(&right).unwrap();
    assert_eq!(less, trace(&[("a", &[1]), ("b", &[3])]));
    let difference = left.diff(&right).unwrap();
    assert_eq!(difference.only_left, marks(&[1, 3]));
    assert_eq!(difference.only_right, marks(&[4]));
}

#[test]
fn traces_of_different_images_are_not_put_together() {
    let mut run = trace(&[("a", &[1])]);
    let before = run.clone();
    let other = Trace::new([9; 32]);
    let refusal = run.merge(&other).unwrap_err();
    let sentence = "the traces are of different images: 07070707 and 09090909";
    assert_eq!(refusal.to_string(), sentence);
    assert!(run.intersect(&other).is_err());
    assert!(run.subtract(&other).is_err());
    assert!(run.diff(&other).is_err());
    assert_eq!(run, before);
}

/// Writes two epochs, the second in more than one record.
fn write(path: &Path) -> Trace {
    let many: Vec<u64> = (0..70_000).map(|n| n * 3).collect();
    let mut writer = TraceWriter::create(path, IMAGE, "").expect("the folder is writable");
    writer
        .append("empty", &Marks::default())
        .expect("the file is writable");
    writer
        .append("many", &marks(&many))
        .expect("the file is writable");
    trace(&[("empty", &[]), ("many", &many)])
}

#[test]
fn a_trace_comes_back_from_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.trace");
    let written = write(&path);
    let back = read(&path).unwrap();
    assert_eq!(back.trace, written);
    assert_eq!(back.torn, None);
}

#[test]
fn a_file_cut_anywhere_gives_what_is_sound_and_is_gone_on_with() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.trace");
    let mut writer = TraceWriter::create(&path, IMAGE, "").unwrap();
    let head = std::fs::metadata(&path).unwrap().len() as usize;
    writer.append("a", &marks(&[1])).unwrap();
    let first = std::fs::metadata(&path).unwrap().len() as usize;
    writer.append("b", &marks(&[2])).unwrap();
    let whole = std::fs::read(&path).unwrap();
    // Nobody else writes it meanwhile, nor empties it.
    assert!(TraceWriter::resume(&path).is_err());
    assert!(TraceWriter::create(&path, IMAGE, "").is_err());
    assert_eq!(std::fs::read(&path).unwrap(), whole);
    drop(writer);
    for length in 0..=whole.len() {
        std::fs::write(&path, &whole[..length]).unwrap();
        if length < head {
            let is_refused = match read(&path) {
                Err(TraceError::Empty(_)) => length >= HEAD_BYTES,
                Err(TraceError::File(FramedError::OtherKind { .. })) => length < HEAD_BYTES,
                _ => false,
            };
            assert!(is_refused, "{length}");
            continue;
        }
        let (mut writer, found) = TraceWriter::resume(&path).unwrap();
        let sound = [head, first, whole.len()];
        assert_eq!(found.torn.is_some(), !sound.contains(&length), "{length}");
        writer.append("c", &marks(&[3])).unwrap();
        let back = read(&path).unwrap();
        assert!(back.torn.is_none(), "{length}");
        assert_eq!(back.trace.epochs.contains_key("a"), length >= first);
        assert_eq!(back.trace.epochs.contains_key("b"), length == whole.len());
        assert_eq!(back.trace.epochs["c"], marks(&[3]));
    }
}

#[test]
fn a_damaged_byte_is_never_taken_for_a_mark() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.trace");
    let mut writer = TraceWriter::create(&path, IMAGE, "").unwrap();
    writer.append("a", &marks(&[1])).unwrap();
    let whole = std::fs::read(&path).unwrap();
    for place in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[place] ^= 0x10;
        std::fs::write(&path, &damaged).unwrap();
        if let Ok(back) = read(&path) {
            assert!(back.torn.is_some(), "byte {place}");
            assert!(back.trace.epochs.is_empty(), "byte {place}");
        }
    }
}

fn thing(title: &str, cause: Option<u64>) -> Thing {
    Thing {
        kind: Kind::Object,
        title: title.to_string(),
        cause,
    }
}

#[test]
fn what_is_recorded_stands_in_the_file_before_the_run_is_over() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.trace");
    let mut recorder = Recorder::begin(&path, IMAGE, "Foo start").unwrap();
    recorder.note("entry", 3, || thing("Foo", None));
    recorder.note("entry", 4, || thing("Foo>>bar", Some(3)));
    recorder.note("FooTest>>testBar", 4, || thing("told once", None));
    let end = Instant::now() + Duration::from_secs(20);
    while read(&path).unwrap().trace.epochs.len() < 2 {
        assert!(Instant::now() < end, "nothing is written");
        std::thread::yield_now();
    }
    recorder.note_epoch("empty");
    recorder.note_passed("FooTest>>testBar");
    recorder.note_page(true);
    let trace = recorder.finish().unwrap();
    assert_eq!(read(&path).unwrap().trace, trace);
    assert_eq!(trace.entry, "Foo start");
    assert_eq!(trace.things[&4], thing("Foo>>bar", Some(3)));
    assert_eq!(trace.epochs["empty"], Marks::default());
    assert!(trace.passed.contains("FooTest>>testBar"));
    assert_eq!(trace.page, Some(true));
}

#[test]
fn the_way_to_a_thing_leads_through_what_touched_it_and_comes_to_an_end() {
    let mut run = trace(&[("a", &[4]), ("b", &[1, 2, 3])]);
    for (id, cause) in [(1, None), (2, Some(1)), (3, Some(2)), (4, Some(3))] {
        run.things.insert(id, thing("a Foo", cause));
    }
    assert_eq!(run.chain(4), [4, 3, 2, 1]);
    run.subtract(&trace(&[("b", &[2, 3])])).unwrap();
    assert_eq!(run.chain(4), [4, 3, 2, 1], "the way stays");
    run.subtract(&trace(&[("b", &[4])])).unwrap();
    assert_eq!(run.things.keys().copied().collect::<Vec<_>>(), [1]);
    run.things.insert(5, thing("a Foo", Some(6)));
    run.things.insert(6, thing("a Foo", Some(5)));
    assert_eq!(run.chain(5), [5, 6]);
}

#[test]
fn a_test_passed_in_merged_runs_where_none_saw_it_fail() {
    let run = |passed: &[&str]| {
        let mut run = trace(&[("a", &[1]), ("b", &[2])]);
        run.passed = passed.iter().map(ToString::to_string).collect();
        run
    };
    let mut merged = run(&["a", "b"]);
    merged.merge(&run(&["a"])).unwrap();
    assert_eq!(merged.passed, run(&["a"]).passed);
    let mut other = trace(&[("c", &[3])]);
    other.passed.insert("c".to_string());
    merged.merge(&other).unwrap();
    assert_eq!(merged.passed, run(&["a", "c"]).passed);
}

#[test]
fn marks_outlive_a_writer_that_is_killed() {
    // The same test, in a process of its own, is the writer.
    if let Some(path) = std::env::var_os(VICTIM) {
        write_for_ever(Path::new(&path));
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.trace");
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "marks_outlive_a_writer_that_is_killed",
            "--nocapture",
        ])
        .env(VICTIM, &path)
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(victim.stderr.take().unwrap()).lines();
    let told = said.any(|line| line.unwrap() == "id 500");
    victim.kill().unwrap();
    victim.wait().unwrap();
    assert!(told, "the writer ended before it was killed");
    let back = read(&path).unwrap();
    let total = back.trace.total();
    assert!((0..=500).all(|id| total.contains(id)));
    assert_eq!(TraceWriter::resume(&path).unwrap().1.trace, back.trace);
}

fn write_for_ever(path: &Path) -> ! {
    let mut writer = TraceWriter::create(path, IMAGE, "").expect("the folder is writable");
    let mut id = 0;
    loop {
        writer
            .append("forever", &marks(&[id]))
            .expect("the file is writable");
        eprintln!("id {id}");
        id += 1;
    }
}
