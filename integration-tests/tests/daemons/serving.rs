//! A master as a daemon, and slaves that pull from it.

use std::path::Path;

use imprint_integration_tests::programs::{
    Running, assert_eventually, free_port, master, slave, start,
};

use crate::browser::get;

pub fn full_image(folder: &Path) {
    let ended = master(folder, &["build", "-o", "full.image"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

/// A master that listens, with the port of its admin endpoint.
pub fn serve(folder: &Path, url: &str) -> (Running, u16) {
    let admin = free_port().unwrap();
    let address = format!("127.0.0.1:{admin}");
    let arguments = ["serve", "full.image", "--listen", url, "--admin", &address];
    let running = start("master", folder, &arguments, &[]);
    let health = assert_eventually("health", || get(admin, "/healthz"));
    assert!(health.starts_with("HTTP/1.1 200"), "{health}");
    (running, admin)
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
