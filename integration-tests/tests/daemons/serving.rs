//! A master as a daemon, and slaves that pull from it.

use std::path::Path;

use std::sync::Barrier;
use std::time::{Duration, Instant};

use imprint_integration_tests::programs::{
    Running, assert_eventually, free_port, master, slave, start,
};

use imprint_isa::Miss;
use imprint_wire::message::{Drafts, Hello};
use imprint_wire::{Connection, MasterMessage, SlaveMessage};

use imprint_integration_tests::browser::get;

pub fn full_image(folder: &Path) {
    let ended = master(folder, &["build", "-o", "full.image"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

/// A master that listens, with the port of its admin endpoint.
pub fn serve(folder: &Path, url: &str) -> (Running, u16) {
    serve_with(folder, url, &[])
}

/// The same, with options.
pub fn serve_with(folder: &Path, url: &str, options: &[&str]) -> (Running, u16) {
    let admin = free_port().unwrap();
    let address = format!("127.0.0.1:{admin}");
    let arguments = ["serve", "full.image", "--listen", url, "--admin", &address];
    let arguments = [&arguments[..], options].concat();
    let running = start("master", folder, &arguments, &[]);
    await_health(admin);
    (running, admin)
}

/// Waits until a daemon says that it is well.
pub fn await_health(admin: u16) {
    let health = assert_eventually("health", || get(admin, "/healthz"));
    assert!(health.starts_with("HTTP/1.1 200"), "{health}");
}

fn pulls_and_prints(folder: &Path, url: &str) {
    let arguments = ["run", "--master", url, "--eval", "'hello' reversed"];
    let ended = slave(folder, &arguments);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.stdout, "'olleh'\n");
}

#[test]
fn a_slave_pulls_over_tcp_and_the_master_counts_it_and_ends_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    full_image(folder.path());
    let url = format!("http://127.0.0.1:{}", free_port().unwrap());
    let (running, admin) = serve(folder.path(), &url);
    pulls_and_prints(folder.path(), &url);
    let metrics = get(admin, "/metrics").unwrap();
    assert!(metrics.contains("imprint_answers_total"), "{metrics}");
    assert!(!metrics.contains("imprint_answers_total 0"), "{metrics}");
    running.terminate();
    assert_eq!(running.wait().code, Some(0));
}

#[test]
fn a_slave_pulls_over_a_unix_socket() {
    let folder = tempfile::tempdir().unwrap();
    full_image(folder.path());
    let url = format!("unix:{}", folder.path().join("master.socket").display());
    let (_running, _) = serve(folder.path(), &url);
    pulls_and_prints(folder.path(), &url);
}

#[test]
fn two_slaves_pull_from_one_master_at_once() {
    let folder = tempfile::tempdir().unwrap();
    full_image(folder.path());
    let url = format!("http://127.0.0.1:{}", free_port().unwrap());
    let (_running, _) = serve(folder.path(), &url);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| pulls_and_prints(folder.path(), &url));
        }
    });
}

#[test]
fn the_status_of_a_master_tells_each_slave_that_is_there() {
    let folder = tempfile::tempdir().unwrap();
    full_image(folder.path());
    let url = format!("http://127.0.0.1:{}", free_port().unwrap());
    let (_running, _) = serve(folder.path(), &url);
    let slaves = || {
        let status = master(folder.path(), &["ctl", &url, "status"]);
        assert_eq!(status.code, Some(0), "{status:?}");
        let lines = status.stdout.lines().map(str::to_string);
        lines
            .filter(|line| line.contains("slave 1, drafts"))
            .collect::<Vec<_>>()
    };
    assert!(slaves().is_empty());
    let waits = [
        "run",
        "--master",
        &url,
        "--eval",
        "(Delay forSeconds: 60) wait",
    ];
    let slave = start("slave", folder.path(), &waits, &[]);
    let line = assert_eventually("the slave's drafts", || {
        let line = slaves().pop()?;
        (!line.trim_start().starts_with("0 ")).then_some(line)
    });
    assert!(line.contains("slave 1, drafts"), "{line}");
    slave.terminate();
    slave.wait();
    assert_eventually("an empty table", || slaves().is_empty().then_some(()));
}

/// What a slave gets that misses these classes one after the other: how many drafts each time.
fn view(url: &str, classes: &[&str], all_are_here: &Barrier) -> Vec<usize> {
    let soon = Some(Instant::now() + Duration::from_secs(60));
    let mut connection = Connection::connect(url).unwrap();
    connection.greet(Hello::empty("0.1.0"), soon).unwrap();
    all_are_here.wait();
    let mut ask = |(sequence, class): (u64, &&str)| {
        let misses = vec![Miss::Class((*class).into())];
        let question = SlaveMessage::Misses { sequence, misses };
        connection.send(question).unwrap();
        match connection.receive(soon) {
            Ok(MasterMessage::Drafts(Drafts { bundle, .. })) => bundle.placed.len(),
            other => panic!("{class}: {other:?}"),
        }
    };
    (1..).zip(classes).map(&mut ask).collect()
}

#[test]
fn a_hundred_slaves_pull_at_once_and_each_is_sent_what_it_lacks_itself() {
    const SLAVES: usize = 100;
    let folder = tempfile::tempdir().unwrap();
    full_image(folder.path());
    let url = format!("http://127.0.0.1:{}", free_port().unwrap());
    let (_running, admin) = serve(folder.path(), &url);
    let all_are_here = Barrier::new(SLAVES + 1);
    let downwards = [
        "Object",
        "Collection",
        "SequenceableCollection",
        "OrderedCollection",
    ];
    let upwards = [
        "OrderedCollection",
        "SequenceableCollection",
        "Collection",
        "Object",
    ];
    let views = std::thread::scope(|scope| {
        let begin = |number: usize| {
            let classes = if number.is_multiple_of(2) {
                downwards
            } else {
                upwards
            };
            let (url, all_are_here) = (&url, &all_are_here);
            scope.spawn(move || view(url, &classes, all_are_here))
        };
        let slaves: Vec<_> = (0..SLAVES).map(begin).collect();
        assert_eventually("all of them at once", || {
            get(admin, "/metrics").filter(|text| text.contains("imprint_slaves 100\n"))
        });
        all_are_here.wait();
        let views = slaves.into_iter().map(|slave| slave.join().unwrap());
        views.collect::<Vec<_>>()
    });
    // Superclasses come with the first class that wants them, whatever others were sent before.
    for (number, view) in views.iter().enumerate() {
        assert_eq!(view, &views[number % 2], "slave {number}");
    }
    assert!(views[0].iter().all(|drafts| *drafts > 0), "{views:?}");
    assert!(views[1][0] >= views[0].iter().sum(), "{:?}", &views[..2]);
    assert_eventually("nobody", || {
        get(admin, "/metrics").filter(|text| text.contains("imprint_slaves 0\n"))
    });
    pulls_and_prints(folder.path(), &url);
}

#[test]
fn a_slave_goes_on_when_a_killed_master_is_back() {
    let folder = tempfile::tempdir().unwrap();
    full_image(folder.path());
    let url = format!("http://127.0.0.1:{}", free_port().unwrap());
    let (mut first, admin) = serve(folder.path(), &url);
    // Long enough for the master to be gone before the last message, which is pulled.
    let expression = "(Delay forSeconds: 2) wait. 'hello' reversed";
    let arguments = ["run", "--master", &url, "--eval", expression];
    let running = start("slave", folder.path(), &arguments, &[]);
    assert_eventually("a connection", || {
        get(admin, "/metrics").filter(|text| text.contains("imprint_slaves 1"))
    });
    first.kill();
    let (_second, _) = serve(folder.path(), &url);
    let ended = running.wait();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.stdout, "'olleh'\n");
    assert!(ended.stderr.contains("the master is back"), "{ended:?}");
}

#[test]
fn a_slave_without_a_master_gives_up_after_its_patience() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("http://127.0.0.1:{}", free_port().unwrap());
    let arguments = ["run", "--master", &url, "--patience", "0.2", "--eval", "3"];
    let ended = slave(folder.path(), &arguments);
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.stderr.contains(&url), "{ended:?}");
}
