//! Pull streams over TCP and Unix sockets.

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use imprint_isa::draft_bytes::packed::Bundle;
use imprint_isa::{Miss, Ref};
use imprint_model::Ghost;
use imprint_wire::message::{Drafts, Event, Hello, Level, MasterMessage, SlaveMessage};
use imprint_wire::{Connection, Credentials, Services, WireError};
use tempfile::TempDir;

use crate::daemon::{ANY_PORT, Daemon, assert_eventually, socket_in, welcome};

fn soon() -> Option<Instant> {
    Some(Instant::now() + Duration::from_secs(20))
}

fn ask(sequence: u64, miss: Miss) -> SlaveMessage {
    SlaveMessage::Misses {
        sequence,
        misses: vec![miss],
    }
}

fn ghost(id: u64) -> Ghost {
    Ghost::new(id, 3).unwrap()
}

fn assert_pulls(url: &str) {
    let mut connection = Connection::connect(url).unwrap();
    let greeted = connection.greet(Hello::empty("0.1.0"), soon());
    assert_eq!(greeted, Ok(welcome()));
    for sequence in 1..200 {
        let miss = Miss::Object(ghost(sequence));
        connection.send(ask(sequence, miss)).unwrap();
        let expected = Drafts {
            sequence,
            bundle: Bundle {
                aliases: vec![(ghost(sequence), Ref::class("Foo"))],
                ..Bundle::default()
            },
        };
        let answer = connection.receive(soon());
        assert_eq!(answer, Ok(MasterMessage::Drafts(expected)));
    }
}

#[test]
fn a_slave_pulls_over_tcp() {
    let (daemon, _) = Daemon::with_master(ANY_PORT);
    assert_pulls(&daemon.url);
}

#[test]
fn a_slave_pulls_over_a_unix_socket() {
    let folder = TempDir::new().unwrap();
    let (mut daemon, _) = Daemon::with_master(&socket_in(folder.path()));
    assert_pulls(&daemon.url);
    daemon.stop();
    let left = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, 0, "the socket file is gone with its daemon");
}

#[test]
fn a_refused_question_leaves_the_stream_open() {
    let (daemon, _) = Daemon::with_master(ANY_PORT);
    let mut connection = Connection::connect(&daemon.url).unwrap();
    connection.send(ask(5, Miss::ClassIndex(9))).unwrap();
    let refused = MasterMessage::Refused {
        sequence: 5,
        reason: "only objects are served".into(),
    };
    assert_eq!(connection.receive(soon()), Ok(refused));
    connection.send(ask(6, Miss::Object(ghost(1)))).unwrap();
    assert!(matches!(
        connection.receive(soon()),
        Ok(MasterMessage::Drafts(_))
    ));
}

#[test]
fn a_slave_of_another_protocol_is_refused_with_a_sentence() {
    let (daemon, _) = Daemon::with_master(ANY_PORT);
    let mut connection = Connection::connect(&daemon.url).unwrap();
    let hello = Hello {
        protocol: 99,
        ..Hello::empty("9.0.0")
    };
    let error = connection.greet(hello, soon()).unwrap_err();
    assert!(error.to_string().contains("speaks protocol 99"), "{error}");
    assert_eq!(connection.receive(soon()), Err(WireError::Ended));
}

#[test]
fn events_arrive_without_an_answer_being_awaited() {
    let (daemon, master) = Daemon::with_master(ANY_PORT);
    let mut connection = Connection::connect(&daemon.url).unwrap();
    for _ in 0..3 {
        let line = Event::LogLine(Level::Information, "hello".into());
        connection.send(SlaveMessage::Event(line)).unwrap();
    }
    assert_eventually("three events", || {
        connection.flush();
        master.events.load(Ordering::SeqCst) == 3
    });
}

#[test]
fn a_slave_that_goes_away_ends_its_session() {
    let (daemon, master) = Daemon::with_master(ANY_PORT);
    let connection = Connection::connect(&daemon.url).unwrap();
    assert_eventually("a session", || master.sessions.load(Ordering::SeqCst) == 1);
    drop(connection);
    assert_eventually("no session", || master.sessions.load(Ordering::SeqCst) == 0);
}

#[test]
fn an_answer_that_does_not_come_ends_at_the_deadline() {
    let (daemon, _) = Daemon::with_master(ANY_PORT);
    let mut connection = Connection::connect(&daemon.url).unwrap();
    let deadline = Instant::now() + Duration::from_millis(5);
    assert_eq!(connection.receive(Some(deadline)), Err(WireError::TimedOut));
    connection.send(ask(1, Miss::Object(ghost(1)))).unwrap();
    assert!(
        connection.receive(soon()).is_ok(),
        "the stream outlives a deadline"
    );
}

#[test]
fn a_stream_that_is_cut_is_lost() {
    let (daemon, _) = Daemon::with_master(ANY_PORT);
    let behind = daemon.url.trim_start_matches("http://").to_string();
    let relay = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", relay.local_addr().unwrap());
    let (cut, is_cut) = std::sync::mpsc::channel::<()>();
    let relaying = std::thread::spawn(move || {
        let (front, _) = relay.accept().unwrap();
        let back = TcpStream::connect(behind).unwrap();
        for (mut from, mut to) in [
            (front.try_clone().unwrap(), back.try_clone().unwrap()),
            (back.try_clone().unwrap(), front.try_clone().unwrap()),
        ] {
            std::thread::spawn(move || std::io::copy(&mut from, &mut to));
        }
        is_cut.recv().unwrap();
        front.shutdown(std::net::Shutdown::Both).unwrap();
    });
    let mut connection = Connection::connect(&url).unwrap();
    assert!(connection.greet(Hello::empty("0.1.0"), soon()).is_ok());
    cut.send(()).unwrap();
    relaying.join().unwrap();
    let error = connection.receive(soon()).unwrap_err();
    assert!(
        matches!(error, WireError::Lost(_) | WireError::Ended),
        "{error:?}"
    );
}

#[test]
fn what_is_no_grpc_is_not_taken_for_a_master() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let web = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream
            .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            .unwrap();
    });
    assert!(Connection::connect(&url).is_err());
    web.join().unwrap();
}

#[test]
fn other_machines_are_refused_by_name() {
    let error = Connection::connect("http://10.0.0.4:7400").err().unwrap();
    assert!(
        error
            .to_string()
            .starts_with("http://10.0.0.4:7400 is not on this machine"),
        "{error}"
    );
    let error = Daemon::try_start("0.0.0.0:7400", Services::new())
        .err()
        .unwrap();
    assert_eq!(error, WireError::NotLocal("http://0.0.0.0:7400".into()));
}

#[test]
fn an_address_in_use_is_refused_with_one_sentence() {
    let folder = TempDir::new().unwrap();
    for address in [ANY_PORT.to_string(), socket_in(folder.path())] {
        let (daemon, _) = Daemon::with_master(&address);
        let error = Daemon::try_start(&daemon.url, Services::new())
            .err()
            .unwrap();
        assert_eq!(error, WireError::InUse(daemon.url.clone()));
    }
}

#[test]
fn a_socket_file_that_a_dead_daemon_left_is_replaced() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("master.socket");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    let (daemon, _) = Daemon::with_master(&socket_in(folder.path()));
    assert_pulls(&daemon.url);
}

#[test]
fn a_file_that_is_no_socket_is_left_alone() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("master.socket");
    std::fs::write(&path, "precious").unwrap();
    assert!(Daemon::try_start(&socket_in(folder.path()), Services::new()).is_err());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
}

#[test]
fn connecting_is_tried_again_until_somebody_answers() {
    let folder = TempDir::new().unwrap();
    let address = socket_in(folder.path());
    let mut started = None;
    let nothing = Credentials::default();
    let patience = Duration::from_secs(20);
    let connection = Connection::connect_retrying(&address, &nothing, patience, |error, _| {
        assert!(matches!(error, WireError::Unreachable { .. }), "{error:?}");
        started.get_or_insert_with(|| Daemon::with_master(&address));
    });
    assert!(connection.is_ok());
    let patience = Duration::from_millis(30);
    let given_up = Connection::connect_retrying("unix:/none", &nothing, patience, |_, _| {});
    assert!(matches!(given_up, Err(WireError::Unreachable { .. })));
}
