//! A slave as a daemon: orders, snapshots, an orderly end.

use std::fs;
use std::path::Path;

use imprint_integration_tests::programs::{
    Running, assert_eventually, example, free_port, master, slave, start,
};

use imprint_integration_tests::browser::get;

/// A master that serves the counter, and a slave that takes orders.
struct Pair {
    master: Running,
    master_url: String,
    slave: Running,
    slave_url: String,
    slave_admin: u16,
}

fn url() -> String {
    format!("http://127.0.0.1:{}", free_port().unwrap())
}

fn pair(folder: &Path) -> Pair {
    let (master_url, slave_url) = (url(), url());
    let counter = example("counter").display().to_string();
    let serve = ["serve", &counter, "--listen", &master_url];
    let master = start("master", folder, &serve, &[]);
    let slave_admin = free_port().unwrap();
    let admin = format!("127.0.0.1:{slave_admin}");
    let run = [
        "run",
        "--master",
        &master_url,
        "--listen",
        &slave_url,
        "--admin",
        &admin,
    ];
    let port = free_port().unwrap().to_string();
    let slave = start("slave", folder, &run, &[("PORT", &port)]);
    assert_eventually("health", || get(slave_admin, "/healthz"));
    Pair {
        master,
        master_url,
        slave,
        slave_url,
        slave_admin,
    }
}

/// The order is carried out; what it printed.
fn ordered(folder: &Path, arguments: &[&str]) -> String {
    let ended = slave(folder, arguments);
    assert_eq!(ended.code, Some(0), "{arguments:?}: {ended:?}");
    ended.stdout
}

#[test]
fn runs_one_after_another_on_the_same_daemons_give_the_image_that_a_shrink_gives() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let pair = pair(folder);
    let ctl = |order: &[&str]| ordered(folder, &[&["ctl", &pair.slave_url], order].concat());

    let refused = slave(folder, &["snapshot", &pair.slave_url, "early.image"]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(
        refused.stderr.contains("nothing was run yet"),
        "{refused:?}"
    );

    let tests = ["run", "--tests", "Counter-Tests"];
    let summary = ctl(&tests);
    assert!(summary.contains("24 of 24"), "{summary}");
    ordered(folder, &["snapshot", &pair.slave_url, "first.image"]);
    assert_eq!(
        ctl(&["run", "100 factorial printString size"]).trim(),
        "158"
    );
    ordered(folder, &["snapshot", &pair.slave_url, "other.image"]);
    ctl(&tests);
    ctl(&["snapshot", "second.image"]);
    let [first, second, other] = ["first.image", "second.image", "other.image"]
        .map(|name| fs::read(folder.join(name)).unwrap());
    assert!(first == second);
    assert!(first.len() > 2 * other.len());

    let counter = example("counter").display().to_string();
    assert_eq!(master(folder, &["shrink", &counter]).code, Some(0));
    assert!(first == fs::read(folder.join("counter.image")).unwrap());

    let status = ctl(&["status"]);
    assert!(status.starts_with("slave "), "{status}");
    assert!(status.contains("3  imprint_runs_total"), "{status}");
    let metrics = get(pair.slave_admin, "/metrics").unwrap();
    assert!(metrics.contains("imprint_tests_total 48"), "{metrics}");

    pair.slave.terminate();
    assert_eq!(pair.slave.wait().code, Some(0));
    pair.master.terminate();
    assert_eq!(pair.master.wait().code, Some(0));
}

#[test]
fn a_heap_snapshot_holds_what_the_run_left_behind() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let pair = pair(folder);
    let left = "Smalltalk at: #Left put: (OrderedCollection with: 40). \
                [ (Delay forSeconds: 100) wait ] fork. Processor yield. \
                (Smalltalk at: #Left) add: 2; yourself. \
                ((Smalltalk at: #Left) inject: 0 into: [ :sum :each | sum + each ]) printString";
    let answered = ordered(folder, &["ctl", &pair.slave_url, "run", left]);
    assert_eq!(answered.trim(), "42");
    ordered(
        folder,
        &["snapshot", &pair.slave_url, "left.image", "--heap"],
    );
    ordered(folder, &["snapshot", &pair.slave_url, "slim.image"]);
    pair.master.terminate();
    let ask = "(Smalltalk at: #Left) inject: 0 into: [ :sum :each | sum + each ]";
    let run = |image: &str| master(folder, &["run", image, "eval", ask]);
    let asked = run("left.image");
    assert_eq!(asked.code, Some(0), "{asked:?}");
    assert!(asked.stdout.contains("42"), "{asked:?}");
    assert_ne!(
        run("slim.image").code,
        Some(0),
        "what a run did never ships"
    );
    let both = [
        "ctl",
        &pair.slave_url,
        "snapshot",
        "x.image",
        "--heap",
        "--format",
        "spur",
    ];
    assert_eq!(slave(folder, &both).code, Some(2));
}

#[test]
fn a_slave_that_runs_once_takes_the_tests_of_a_package() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let pair = pair(folder);
    let run = [
        "run",
        "--master",
        &pair.master_url,
        "--snapshot",
        "counter.image",
        "--tests",
    ];
    let ended = slave(folder, &[&run[..], &["Counter-Tests"]].concat());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("24 of 24"), "{ended:?}");
    let absent = slave(folder, &[&run[..], &["Zork-Tests"]].concat());
    assert_eq!(absent.code, Some(2), "{absent:?}");
    assert!(
        absent.stderr.contains("no test found in Zork-Tests"),
        "{absent:?}"
    );
    let stopped = slave(folder, &["ctl", &pair.slave_url, "stop"]);
    assert_eq!(stopped.code, Some(0), "{stopped:?}");
    assert_eq!(pair.slave.wait().code, Some(0));
    let gone = slave(folder, &["ctl", &pair.slave_url, "status"]);
    assert_eq!(gone.code, Some(3), "{gone:?}");
}

#[test]
fn a_slave_listens_for_this_machine_alone() {
    let folder = tempfile::tempdir().unwrap();
    let address = "http://0.0.0.0:7402";
    let run = ["run", "--master", &url(), "--listen", address];
    let refused = slave(folder.path(), &run);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stderr.contains("0.0.0.0"), "{refused:?}");
}
