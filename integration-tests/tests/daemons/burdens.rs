//! What a master bears: peers that are slow, silent, or want too much do not stop it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use imprint_integration_tests::programs::{Running, assert_eventually, free_port, slave, start};
use imprint_isa::Miss;
use imprint_wire::message::{Event, Hello, Level};
use imprint_wire::{Connection, MasterMessage, SlaveMessage};

use crate::serving::{full_image, serve_with};
use imprint_integration_tests::browser::get;

/// A master with these options; its port and that of its admin endpoint.
fn serve(folder: &Path, options: &[&str]) -> (Running, u16, u16) {
    let port = free_port().unwrap();
    let (running, admin) = serve_with(folder, &format!("http://127.0.0.1:{port}"), options);
    (running, port, admin)
}

fn assert_serves(folder: &Path, port: u16, after: &str) {
    let url = format!("http://127.0.0.1:{port}");
    let ended = slave(
        folder,
        &["run", "--master", &url, "--eval", "'hello' reversed"],
    );
    assert_eq!(
        (ended.stdout.as_str(), ended.code),
        ("'olleh'\n", Some(0)),
        "{after}: {ended:?}"
    );
}

fn soon() -> Option<Instant> {
    Some(Instant::now() + Duration::from_secs(20))
}

fn greeted(port: u16) -> Connection {
    let mut connection = Connection::connect(&format!("http://127.0.0.1:{port}")).unwrap();
    connection.greet(Hello::empty("0.1.0"), soon()).unwrap();
    connection
}

fn class_missed(sequence: u64, class: &str) -> SlaveMessage {
    SlaveMessage::Misses {
        sequence,
        misses: vec![Miss::Class(class.into())],
    }
}

#[test]
fn a_master_that_is_full_turns_others_away_until_there_is_a_place() {
    let folder = tempfile::tempdir().unwrap();
    full_image(folder.path());
    let (_master, port, admin) = serve(folder.path(), &["--max-connections", "3"]);
    let silent: Vec<TcpStream> = (0..2)
        .map(|_| TcpStream::connect(("127.0.0.1", port)).unwrap())
        .collect();
    let first = greeted(port);
    let url = format!("http://127.0.0.1:{port}");
    let impatient = ["run", "--master", &url, "--patience", "0.2", "--eval", "3"];
    let ended = slave(folder.path(), &impatient);
    assert_eq!(ended.code, Some(3), "{ended:?}");
    // Who waits gets the place of one that goes.
    let waiting = start(
        "slave",
        folder.path(),
        &["run", "--master", &url, "--eval", "3 + 4"],
        &[],
    );
    drop(first);
    assert_eq!(waiting.wait().stdout, "7\n");
    drop(silent);
    assert_eventually("nobody", || {
        get(admin, "/metrics").filter(|text| text.contains("imprint_slaves 0\n"))
    });
}

#[test]
fn connections_that_only_sit_there_are_cut() {
    let folder = tempfile::tempdir().unwrap();
    full_image(folder.path());
    let (_master, port, _) = serve(folder.path(), &["--max-connections", "4"]);
    // Silence, half a preface, and HTTP/2 with no call; all places are taken.
    let beginnings: [&[u8]; 4] = [
        b"",
        b"PRI * HTTP/2.0",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0",
    ];
    let mut silent = beginnings.map(|beginning| {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.write_all(beginning).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(30)))
            .unwrap();
        stream
    });
    let begin = Instant::now();
    assert_serves(folder.path(), port, "silence");
    assert!(
        begin.elapsed() > Duration::from_secs(5),
        "there was a place"
    );
    for stream in &mut silent {
        // It says what it likes, and hangs up.
        let _ = stream.read_to_end(&mut Vec::new());
    }
    assert!(begin.elapsed() < Duration::from_secs(25));
}

#[test]
fn a_peer_that_reads_nothing_keeps_nobody_waiting() {
    let folder = tempfile::tempdir().unwrap();
    full_image(folder.path());
    let (master, port, _) = serve(folder.path(), &[]);
    let mut deaf: Vec<Connection> = (0..4).map(|_| greeted(port)).collect();
    for connection in &mut deaf {
        for sequence in 1..40 {
            let misses = [
                "Object",
                "Collection",
                "Integer",
                "Stream",
                "Behavior",
                "Process",
            ];
            let misses = misses.map(|class| Miss::Class(class.into())).to_vec();
            connection
                .send(SlaveMessage::Misses { sequence, misses })
                .unwrap();
        }
        connection.flush();
    }
    let begin = Instant::now();
    assert_serves(folder.path(), port, "deaf peers");
    assert!(
        begin.elapsed() < Duration::from_secs(10),
        "{:?}",
        begin.elapsed()
    );
    let megabytes = resident_megabytes(master.id());
    assert!(megabytes < 300, "{megabytes} MB");
}

/// What a process holds of memory.
fn resident_megabytes(id: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = text
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    let kilobytes: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kilobytes / 1024
}

#[test]
fn who_wants_more_drafts_a_second_than_there_are_waits_alone() {
    let folder = tempfile::tempdir().unwrap();
    full_image(folder.path());
    let (_master, port, _) = serve(folder.path(), &["--max-drafts", "100"]);
    let mut greedy = greeted(port);
    let begin = Instant::now();
    let mut took_first = Duration::ZERO;
    for sequence in 1..=200 {
        greedy.send(class_missed(sequence, "Object")).unwrap();
        assert!(matches!(
            greedy.receive(soon()),
            Ok(MasterMessage::Drafts(_))
        ));
        if sequence == 50 {
            took_first = begin.elapsed();
        }
    }
    let took = begin.elapsed();
    assert!(
        took_first < Duration::from_millis(500),
        "a burst is free: {took_first:?}"
    );
    assert!(took > Duration::from_millis(800), "{took:?}");
    let begin = Instant::now();
    let mut other = greeted(port);
    other.send(class_missed(1, "Object")).unwrap();
    assert!(other.receive(soon()).is_ok());
    assert!(
        begin.elapsed() < Duration::from_millis(500),
        "the other one waited"
    );
}

#[test]
fn a_message_that_is_too_large_ends_its_stream_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    full_image(folder.path());
    let (_master, port, _) = serve(folder.path(), &["--max-message", "4096"]);
    let (mut large, mut small) = (greeted(port), greeted(port));
    let text = "x".repeat(10_000);
    large
        .send(SlaveMessage::Event(Event::LogLine(
            Level::Information,
            text,
        )))
        .unwrap();
    assert!(large.receive(soon()).is_err());
    small.send(class_missed(1, "Object")).unwrap();
    assert!(matches!(
        small.receive(soon()),
        Ok(MasterMessage::Drafts(_))
    ));
    assert_serves(folder.path(), port, "a large message");
}

#[test]
fn a_flood_of_connections_and_of_broken_calls_leaves_the_master_serving() {
    let folder = tempfile::tempdir().unwrap();
    full_image(folder.path());
    let (_master, port, _) = serve(folder.path(), &[]);
    // Headers that promise, resets that take back, frames of no kind: each many times.
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    let reset: &[u8] = b"\0\0\x04\x03\0\0\0\0\x01\0\0\0\x08";
    let ping: &[u8] = b"\0\0\x08\x06\0\0\0\0\0........";
    let settings: &[u8] = b"\0\0\0\x04\0\0\0\0\0";
    for frame in [reset, ping, settings] {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream
            .set_write_timeout(Some(Duration::from_secs(2)))
            .unwrap();
        let flood = [&preface[..], &frame.repeat(20_000)].concat();
        // It may hang up, or not read on: both are well.
        let _ = stream.write_all(&flood);
    }
    let flood: Vec<TcpStream> = (0..400)
        .filter_map(|_| TcpStream::connect(("127.0.0.1", port)).ok())
        .collect();
    assert_eq!(flood.len(), 400);
    assert_serves(folder.path(), port, "a flood");
}
