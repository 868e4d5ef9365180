//! Masters and slaves that mean harm: the other end refuses by name, lives on and still works.
//!
//! ```text
//!   master serve ◀── real answers ── Meddler ── one of them spoiled ──▶ slave run --listen ◀── ctl
//! ```
//!
//! The meddler is a master of this process that asks the real one and changes what it says.

mod drafts;
mod meddler;

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;

use imprint_integration_tests::programs::{
    Ended, Running, assert_eventually, free_port, master, slave, start,
};
use imprint_wire::MasterMessage;
use imprint_wire::message::Welcome;

use meddler::{Meddler, Trick};

const EXPRESSION: &str = "'hello' reversed";

/// A real master, a meddler before it, and a slave of the meddler.
struct Stage {
    folder: tempfile::TempDir,
    meddler: Meddler,
    slave_url: String,
    _daemons: [Running; 2],
}

fn url() -> String {
    format!("http://127.0.0.1:{}", free_port().unwrap())
}

impl Stage {
    fn set() -> Stage {
        let folder = tempfile::tempdir().unwrap();
        let (master_url, slave_url) = (url(), url());
        let built = master(folder.path(), &["build", "-o", "full.image"]);
        assert_eq!(built.code, Some(0), "{built:?}");
        let serve = ["serve", "full.image", "--listen", &master_url];
        let serving = start("master", folder.path(), &serve, &[]);
        let meddler = Meddler::before(&master_url);
        let run = [
            "run",
            "--master",
            meddler.url(),
            "--prefetch",
            "0",
            "--listen",
            &slave_url,
        ];
        let pulling = start("slave", folder.path(), &run, &[]);
        let stage = Stage {
            folder,
            meddler,
            slave_url,
            _daemons: [serving, pulling],
        };
        assert_eventually("a slave", || {
            (stage.order(&["status"]).code == Some(0)).then_some(())
        });
        stage
    }

    fn order(&self, order: &[&str]) -> Ended {
        slave(
            self.folder.path(),
            &[&["ctl", &self.slave_url], order].concat(),
        )
    }

    /// What a run says while this trick is played, and its exit code.
    fn run(&self, trick: Trick) -> (String, Option<i32>) {
        self.meddler.play(trick);
        let ended = self.order(&["run", EXPRESSION]);
        (format!("{}{}", ended.stdout, ended.stderr), ended.code)
    }

    fn assert_works(&self, after: &str) {
        let (said, code) = self.run(Trick::None);
        assert_eq!((said.trim_end(), code), ("olleh", Some(0)), "after {after}");
    }
}

#[test]
fn a_draft_that_breaks_a_rule_is_refused_by_name_and_the_slave_lives_on() {
    let stage = Stage::set();
    let rows = drafts::rows();
    let mut faults = Vec::new();
    for (rule, spoiled, words) in &rows {
        let (said, code) = stage.run(Trick::of(spoiled));
        if !said.contains(words) || !said.contains("is not sound") || code != Some(5) {
            faults.push(format!("{rule}: {code:?} {said}"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    stage.assert_works("bad drafts");
    let covered = rows.iter().map(|row| row.0).chain([drafts::UNSPEAKABLE]);
    let covered: BTreeSet<String> = covered.map(str::to_string).collect();
    assert_eq!(covered, rules_of_the_verifier());
}

/// The variants of the enumeration of rules, as its source names them.
fn rules_of_the_verifier() -> BTreeSet<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/isa/src/verifier/rule.rs");
    let text = fs::read_to_string(path).unwrap();
    let (_, rules) = text.split_once("pub enum Rule {").unwrap();
    let lines = rules
        .lines()
        .filter_map(|line| line.strip_prefix("    "))
        .filter(|line| line.starts_with(char::is_uppercase));
    lines
        .map(|line| line.split([' ', '(', ',']).next().unwrap().to_string())
        .collect()
}

/// What is said in place of the answer to the first misses.
type Twist = fn(u64, MasterMessage) -> Vec<MasterMessage>;

fn text(sequence: u64) -> MasterMessage {
    MasterMessage::Text {
        sequence,
        text: None,
        line: 0,
        stamp: None,
    }
}

const SOMETHING_ELSE: &str = "it is something else than what was asked";

/// What the master does, how, what is said of it, and the exit code.
const TWISTS: &[(&str, Twist, &str, i32)] = &[
    ("another number", |_, _| vec![text(4711)], SOMETHING_ELSE, 5),
    ("number 0", |_, _| vec![text(0)], SOMETHING_ELSE, 5),
    (
        "text for drafts",
        |number, _| vec![text(number)],
        SOMETHING_ELSE,
        5,
    ),
    (
        "another welcome",
        |_, _| vec![MasterMessage::Welcome(welcome())],
        SOMETHING_ELSE,
        5,
    ),
    (
        "late answers first",
        |number, answer| [vec![text(number - 1); 3], vec![answer]].concat(),
        "olleh",
        0,
    ),
    (
        "too many late answers",
        |number, _| vec![text(number - 1); 1000],
        SOMETHING_ELSE,
        5,
    ),
    (
        "more than was asked for",
        |number, answer| vec![answer.clone(), answer, text(number)],
        "olleh",
        0,
    ),
    (
        "no",
        |sequence, _| {
            let reason = "not today".to_string();
            vec![MasterMessage::Refused { sequence, reason }]
        },
        "not today",
        2,
    ),
    (
        "a message that is too large",
        |sequence, _| {
            let text = Some("x".repeat(imprint_wire::MESSAGE_BYTES_MAX + 1));
            vec![MasterMessage::Text {
                sequence,
                text,
                line: 0,
                stamp: None,
            }]
        },
        "attempts to get one answer",
        3,
    ),
];

fn welcome() -> Welcome {
    Welcome {
        image_fingerprint: [7; 32],
        protocol: imprint_wire::PROTOCOL,
        master_version: String::new(),
        warnings: vec![],
        classes: vec![],
        plan: imprint_wire::message::Plan::default(),
        kernel_fingerprint: None,
    }
}

#[test]
fn an_answer_that_fits_no_question_is_refused_and_the_slave_lives_on() {
    let stage = Stage::set();
    let mut faults = Vec::new();
    for (name, twist, words, expected) in TWISTS {
        let (said, code) = stage.run(Trick::Answer(*twist));
        if !said.contains(words) || code != Some(*expected) {
            faults.push(format!("{name}: {code:?} {said}"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    stage.assert_works("twisted answers");
}

#[test]
fn an_expression_that_was_not_compiled_soundly_is_refused() {
    let stage = Stage::set();
    let (said, code) = stage.run(Trick::Compiled);
    assert!(said.contains("the code goes on behind its end"), "{said}");
    assert_eq!(code, Some(5), "{said}");
    stage.assert_works("an unsound expression");
}

/// Silence, bytes that are no HTTP/2, and HTTP/2 that goes on with noise.
const NOISE: &[&[u8]] = &[
    b"",
    b"GET / HTTP/1.0\r\n\r\n",
    b"\x00\x00\x00\x04\x00\x00\x00\x00\x00\xff\xff\xff\xff\xff",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
];

/// Says the same to all that connect; who says nothing hangs up at once, or never.
fn make_noise(listener: &TcpListener, noise: &[u8]) {
    let mut open = Vec::new();
    for (index, stream) in listener.incoming().enumerate() {
        let mut stream = stream.unwrap();
        // The slave may be gone already.
        let _ = stream.write_all(noise);
        if index % 2 == 0 {
            open.push(stream);
        }
    }
}

#[test]
fn a_listener_that_speaks_noise_is_no_master() {
    let folder = tempfile::tempdir().unwrap();
    for noise in NOISE {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || make_noise(&listener, noise));
        let run = ["run", "--master", &url, "--patience", "0.3", "--eval", "3"];
        for arguments in [&run[..], &["ctl", &url, "status"]] {
            let ended = slave(folder.path(), arguments);
            assert_eq!(ended.code, Some(3), "{noise:?}: {ended:?}");
            assert!(ended.stderr.contains(&url), "{noise:?}: {ended:?}");
        }
    }
}

#[test]
fn a_master_that_hears_noise_serves_on() {
    let stage = Stage::set();
    let address = stage.meddler.master().trim_start_matches("http://");
    for noise in NOISE {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(noise).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        // It says what it likes, and hangs up.
        let _ = stream.read_to_end(&mut Vec::new());
    }
    stage.assert_works("noise");
}
