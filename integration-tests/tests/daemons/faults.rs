//! A wire that breaks: what a program does and what a run pulls is the same, or one sentence says why not.

use std::path::Path;
use std::time::{Duration, Instant};

use imprint_integration_tests::programs::{
    Running, assert_eventually, example, free_port, master, slave, start,
};

use crate::packages::write_package;
use crate::relay::{Mischief, Relay};
use crate::serving::{full_image, serve_with};

const EXPRESSION: &str = "100 factorial printString size + 'hello' reversed size";
const ANSWER: &str = "163\n";

struct Stage {
    folder: tempfile::TempDir,
    relay: Relay,
    _master: Running,
}

impl Stage {
    fn set() -> Stage {
        let folder = tempfile::tempdir().unwrap();
        full_image(folder.path());
        Stage::with(folder, &[])
    }

    /// With a trace of the expression at hand.
    fn with_trace() -> Stage {
        let folder = tempfile::tempdir().unwrap();
        full_image(folder.path());
        let trace = ["trace", "full.image", "--eval", EXPRESSION, "-o", "a.trace"];
        let traced = master(folder.path(), &trace);
        assert_eq!(traced.code, Some(0), "{traced:?}");
        Stage::with(folder, &["--trace", "a.trace"])
    }

    /// With the full image that lies in a folder.
    fn with(folder: tempfile::TempDir, options: &[&str]) -> Stage {
        let port = free_port().unwrap();
        let url = format!("http://127.0.0.1:{port}");
        let (master, _) = serve_with(folder.path(), &url, options);
        Stage {
            relay: Relay::before(port),
            folder,
            _master: master,
        }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn options(&self) -> [&str; 7] {
        let url = self.relay.url();
        [
            "run",
            "--master",
            url,
            "--prefetch",
            "0",
            "--eval",
            EXPRESSION,
        ]
    }
}

#[test]
fn a_stream_that_is_cut_anywhere_goes_on_where_it_was() {
    let stage = Stage::set();
    let ended = slave(stage.path(), &stage.options());
    assert_eq!(ended.stdout, ANSWER, "{ended:?}");
    let whole = stage.relay.answered();
    // In the preface, in headers, in the welcome, between and within drafts; and twice in a row.
    let mut rows: Vec<Vec<u64>> = [1, 9, 40, 200, whole / 3, whole / 2, whole - 100]
        .map(|after| vec![after])
        .to_vec();
    rows.push(vec![whole / 2, whole / 3, 700, 40]);
    for cuts in rows {
        stage.relay.cut(&cuts);
        let ended = slave(stage.path(), &stage.options());
        assert_eq!(
            (ended.stdout.as_str(), ended.code),
            (ANSWER, Some(0)),
            "{cuts:?}: {ended:?}"
        );
        assert_eq!(stage.relay.cuts_left(), 0, "{cuts:?}");
    }
}

fn garbles(stage: &Stage, mischief: Mischief, messages: &[usize]) {
    for message in messages {
        stage.relay.garble(*message, mischief);
        let ended = slave(stage.path(), &stage.options());
        assert_eq!(
            (ended.stdout.as_str(), ended.code),
            (ANSWER, Some(0)),
            "message {message}, {mischief:?}: {ended:?}"
        );
        assert!(!stage.relay.is_garbling(), "{message} was not met");
    }
}

#[test]
fn messages_that_come_twice_change_nothing() {
    garbles(&Stage::with_trace(), Mischief::Twice, &[1, 2, 3]);
    garbles(&Stage::set(), Mischief::Twice, &[1, 2, 3, 5, 8, 11]);
}

#[test]
fn messages_whose_bytes_come_in_another_order_change_nothing() {
    garbles(&Stage::with_trace(), Mischief::Turned, &[0, 1]);
    garbles(&Stage::set(), Mischief::Turned, &[1, 5]);
}

/// Silence that a slave bears in these tests.
const SILENCE: [&str; 2] = ["--silence", "1"];

#[test]
fn an_answer_that_is_lost_on_a_living_stream_is_asked_for_again() {
    let stage = Stage::set();
    for message in [1, 2, 5] {
        stage.relay.garble(message, Mischief::Lost);
        let ended = slave(stage.path(), &[&stage.options()[..], &SILENCE].concat());
        assert_eq!(
            (ended.stdout.as_str(), ended.code),
            (ANSWER, Some(0)),
            "{message}: {ended:?}"
        );
        assert!(!stage.relay.is_garbling(), "{message} was not met");
        let words = "(no answer came in time); waiting for it";
        assert!(ended.stderr.contains(words), "{ended:?}");
    }
    // A wire that is slower than that loses nothing.
    stage.relay.delay(Duration::from_millis(300));
    let options = [
        &stage.options()[..5],
        &["--eval", "3 + 4"],
        &["--silence", "0.5"],
    ]
    .concat();
    let ended = slave(stage.path(), &options);
    assert_eq!(ended.stdout, "7\n", "{ended:?}");
    assert!(!ended.stderr.contains("lost the master"), "{ended:?}");
}

#[test]
fn a_partition_is_noticed_and_the_run_goes_on_when_it_is_mended() {
    let stage = Stage::set();
    let wait = format!("(Delay forMilliseconds: 1500) wait. {EXPRESSION}");
    let mut options = stage.options().to_vec();
    *options.last_mut().unwrap() = &wait;
    let running = start("slave", stage.path(), &options, &[]);
    assert_eventually("pulls", || (stage.relay.answered() > 1000).then_some(()));
    stage.relay.part();
    let begin = Instant::now();
    std::thread::sleep(Duration::from_secs(2));
    stage.relay.mend();
    let ended = running.wait();
    assert_eq!(
        (ended.stdout.as_str(), ended.code),
        (ANSWER, Some(0)),
        "{ended:?}"
    );
    assert!(ended.stderr.contains("the master is back"), "{ended:?}");
    assert!(
        begin.elapsed() < Duration::from_secs(20),
        "{:?}",
        begin.elapsed()
    );
}

#[test]
fn a_partition_that_lasts_ends_the_run_with_a_sentence() {
    let stage = Stage::set();
    let options = [&stage.options()[..], &["--patience", "1"]].concat();
    stage.relay.cut(&[stage.relay.answered() + 1200]);
    stage.relay.part();
    let ended = slave(stage.path(), &options);
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.stderr.contains(stage.relay.url()), "{ended:?}");
}

#[test]
fn a_bad_wire_changes_no_byte_of_a_slim_image() {
    let folder = tempfile::tempdir().unwrap();
    let counter = example("counter").display().to_string();
    let built = master(folder.path(), &["build", &counter, "-o", "full.image"]);
    assert_eq!(built.code, Some(0), "{built:?}");
    let stage = Stage::with(folder, &[]);
    let image = |name: &str| {
        let run = [
            "run",
            "--master",
            stage.relay.url(),
            "--eval",
            EXPRESSION,
            "--snapshot",
            name,
        ];
        let ended = slave(stage.path(), &run);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        std::fs::read(stage.path().join(name)).unwrap()
    };
    let plain = image("plain.image");
    let whole = stage.relay.answered();
    stage.relay.delay(Duration::from_millis(2));
    stage.relay.cut(&[whole / 4, whole / 2, 1000, 17]);
    assert!(image("bad.image") == plain, "the images differ");
    assert_eq!(stage.relay.cuts_left(), 0);
}

/// Much to send, in few bytes: so each of the messages that a trace foretells is one frame.
const STORE: &str = "Class { #name : #Store, #superclass : #Object, #classVars : [ 'Chunks' ], #category : #Store }

Store class >> initialize [ Chunks := (1 to: 8) collect: [ :each | (ByteArray new: 200000) at: each put: each; yourself ] ]

Store class >> sum [ ^ (1 to: 8) inject: 0 into: [ :sum :each | sum + ((Chunks at: each) at: each) ] ]
";

#[test]
fn messages_that_are_lost_or_overtake_each_other_change_no_byte_of_a_slim_image() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    write_package(path, "src", "Store", &[("Store.class", STORE)]);
    let built = master(path, &["build", "src", "-o", "full.image"]);
    assert_eq!(built.code, Some(0), "{built:?}");
    let trace = [
        "trace",
        "full.image",
        "--eval",
        "Store sum",
        "-o",
        "a.trace",
    ];
    let traced = master(path, &trace);
    assert_eq!(traced.code, Some(0), "{traced:?}");
    // All that the trace says comes unasked, message behind message.
    let stage = Stage::with(folder, &["--trace", "a.trace"]);
    let image = |name: &str| {
        let run = ["run", "--master", stage.relay.url(), "--eval", "Store sum"];
        let options = [&run[..], &["--snapshot", name], &SILENCE].concat();
        let ended = slave(stage.path(), &options);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let bytes = std::fs::read(stage.path().join(name)).unwrap();
        (bytes, ended.stderr)
    };
    let (plain, told) = image("plain.image");
    assert!(!told.contains("lost the master"), "{told}");
    for (mischief, message) in [
        (Mischief::Overtaken, 1),
        (Mischief::Overtaken, 2),
        (Mischief::Lost, 1),
        (Mischief::Lost, 2),
    ] {
        stage.relay.garble(message, mischief);
        let (bytes, told) = image("bad.image");
        assert!(!stage.relay.is_garbling(), "{message} was not met");
        assert!(bytes == plain, "{mischief:?} {message}: the images differ");
        let noticed = "of a stream came where part";
        assert!(told.contains(noticed), "{mischief:?} {message}: {told}");
    }
}
