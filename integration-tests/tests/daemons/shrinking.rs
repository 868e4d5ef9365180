//! The main job, and what comes of it.

use std::fs;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::path::Path;

use imprint_integration_tests::programs::{
    Ended, assert_eventually, example, free_port, master, slave, start,
};
use serde_json::Value;

use imprint_integration_tests::browser::{Visitor, get, link};

/// Bytes of a KB, as the published sizes are given.
const KB: u64 = 1024;

const FACTORIAL_OF_100: &str = "9332621544394415268169923885626670049071596826438162146859296389521759999322991\
    5608941463976156518286253697920827223758251185210916864000000000000000000000000\n";

fn shrink_counter(folder: &Path) -> Value {
    let counter = example("counter").display().to_string();
    let ended = master(folder, &["shrink", &counter, "--json"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    serde_json::from_str(&ended.stdout).unwrap()
}

#[test]
fn shrinking_the_counter_shows_a_table_and_leaves_an_image_that_serves() {
    let folder = tempfile::tempdir().unwrap();
    let counter = example("counter").display().to_string();
    let ended = master(folder.path(), &["shrink", &counter]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let shown = format!("{}{}", ended.stdout, ended.stderr);
    for row in ["full image", "tests", "pulled", "slim image", "proof"] {
        assert!(
            shown.lines().any(|line| line.starts_with(row)),
            "{row}: {shown}"
        );
    }
    assert!(folder.path().join("counter.manifest.json").is_file());

    let port = free_port().unwrap();
    let server = start(
        "slave",
        folder.path(),
        &["run", "counter.image"],
        &[("PORT", &port.to_string())],
    );
    let page = assert_eventually("a page", || get(port, "/counter"));
    assert!(page.contains("<h1>0</h1>"), "{page}");
    server.terminate();
    assert_eq!(server.wait().code, Some(0));
}

/// Copies a folder; in each file 8080 becomes another port.
fn copy_at_port(from: &Path, to: &Path, port: u16) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_at_port(&entry.path(), &target, port);
        } else {
            let text = fs::read_to_string(entry.path()).unwrap();
            fs::write(target, text.replace("8080", &port.to_string())).unwrap();
        }
    }
}

#[test]
fn a_slim_image_serves_on_its_own_port_where_the_environment_names_none() {
    let folder = tempfile::tempdir().unwrap();
    let port = free_port().unwrap();
    copy_at_port(&example("counter"), &folder.path().join("counter"), port);
    let ended = master(folder.path(), &["shrink", "counter"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let server = start("slave", folder.path(), &["run", "counter.image"], &[]);
    let page = assert_eventually("a page", || get(port, "/counter"));
    assert!(page.contains("<h1>0</h1>"), "{page}");
    server.terminate();
    assert_eq!(server.wait().code, Some(0));
}

#[test]
fn a_request_that_reaches_a_pruned_method_is_told_its_name_and_what_keeps_it() {
    let folder = tempfile::tempdir().unwrap();
    shrink_counter(folder.path());
    let port = free_port().unwrap();
    let server = start(
        "slave",
        folder.path(),
        &["run", "counter.image"],
        &[("PORT", &port.to_string())],
    );
    assert_eventually("a page", || get(port, "/counter"));
    let refused = get(port, "/counter?_export=csv").unwrap();
    assert!(refused.starts_with("HTTP/1.1 500"), "{refused}");
    let name = "CounterComponent>>renderCsvOn:";
    for words in [
        format!("PrunedBehavior: {name} was not exercised"),
        format!("--keep '{name}'"),
    ] {
        assert!(refused.contains(&words), "{words}: {refused}");
    }
    let page = get(port, "/counter").unwrap();
    assert!(page.contains("<h1>0</h1>"), "it goes on: {page}");
    server.terminate();
    assert_eq!(server.wait().code, Some(0));
}

#[test]
fn a_slim_image_serves_more_visitors_than_its_tests_had() {
    let folder = tempfile::tempdir().unwrap();
    shrink_counter(folder.path());
    let port = free_port().unwrap();
    let environment = [("PORT", &*port.to_string())];
    let server = start(
        "slave",
        folder.path(),
        &["run", "counter.image"],
        &environment,
    );
    assert_eventually("a page", || get(port, "/counter"));
    for said in ["", "GET /cou", "\u{0}\r\n\r\n", "GET / HTTP/9.9\r\n\r\n"] {
        let mut rude = TcpStream::connect(("127.0.0.1", port)).unwrap();
        rude.write_all(said.as_bytes()).unwrap();
    }
    for visitor in 0..40 {
        let page = get(port, "/counter").unwrap();
        assert!(page.contains("<h1>0</h1>"), "visitor {visitor}: {page}");
    }
    server.terminate();
    assert_eq!(server.wait().code, Some(0));
}

/// What time brings and no test did: more pages than the back button reaches, and a visitor whose session
/// was an earlier server's.
#[test]
fn a_slim_image_serves_visitors_who_stay_long_or_come_back_late() {
    let folder = tempfile::tempdir().unwrap();
    shrink_counter(folder.path());
    let port = free_port().unwrap();
    let environment = [("PORT", &*port.to_string())];
    let run = ["run", "counter.image"];
    let server = start("slave", folder.path(), &run, &environment);
    let arrive = || Visitor::arrive(port, "/counter");
    let (visitor, mut page) = assert_eventually("a page", arrive);
    for click in 1..=50 {
        let raise = link(&page, "++").expect("the link is there");
        page = visitor.page(&raise).unwrap();
        assert!(page.contains(&format!("<h1>{click}</h1>")), "{page}");
    }
    let stale = format!("{}=0123456789abcdef0123456789abcdef", visitor.cookie_name());
    let late = Visitor::with_cookie(port, &stale);
    assert!(late.ask("/counter").unwrap().starts_with("HTTP/1.1 200"));
    let gone = late.ask("/counter?_k=0123456789abcdef&1").unwrap();
    assert!(gone.starts_with("HTTP/1.1 410"), "{gone}");
    server.terminate();
    assert_eq!(server.wait().code, Some(0));
}

#[test]
fn a_slim_image_whose_port_is_taken_says_so() {
    let folder = tempfile::tempdir().unwrap();
    shrink_counter(folder.path());
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let run = ["run", "counter.image"];
    let server = start("slave", folder.path(), &run, &[("PORT", &port)]);
    let ended = server.wait();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    for words in [
        format!("SocketError: port {port} is not to be had"),
        "CounterApplication class>>startOn:".to_string(),
    ] {
        assert!(ended.stderr.contains(&words), "{words}: {ended:?}");
    }
    assert!(!ended.stderr.contains("Pruned"), "{ended:?}");
}

#[test]
fn a_slim_image_that_has_a_master_pulls_what_was_pruned() {
    let folder = tempfile::tempdir().unwrap();
    shrink_counter(folder.path());
    let url = format!("http://127.0.0.1:{}", free_port().unwrap());
    let counter = example("counter").display().to_string();
    let serve = ["serve", &counter, "--listen", &url];
    let _master = start("master", folder.path(), &serve, &[]);
    let port = free_port().unwrap();
    let run = ["run", "counter.image", "--master", &url];
    let environment = [("PORT", &*port.to_string())];
    let server = start("slave", folder.path(), &run, &environment);
    assert_eventually("a page", || get(port, "/counter"));
    let table = get(port, "/counter?_export=csv").unwrap();
    assert!(table.starts_with("HTTP/1.1 200"), "{table}");
    server.terminate();
    let ended = server.wait();
    assert_eq!(ended.code, Some(0), "{ended:?}");

    let alone = ["shrink", "--eval", "3 + 4", "-o", "seven.image"];
    assert_eq!(master(folder.path(), &alone).code, Some(0));
    let seven = slave(
        folder.path(),
        &["run", "seven.image", "--master", &url, "--patience", "1"],
    );
    assert_eq!(seven.code, Some(0), "{seven:?}");
    assert_eq!(seven.stdout, "7\n");
    let gone = format!("http://127.0.0.1:{}", free_port().unwrap());
    let seven = slave(
        folder.path(),
        &["run", "seven.image", "--master", &gone, "--patience", "0"],
    );
    assert_eq!(seven.code, Some(3), "{seven:?}");
}

#[test]
fn shrinking_twice_writes_the_same_image_and_nothing_besides() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let images = folders.each_ref().map(|folder| {
        shrink_counter(folder.path());
        let known = ["counter.image", "counter.manifest.json", "counter.replay"];
        for entry in fs::read_dir(folder.path()).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            assert!(known.contains(&name.as_str()), "{name}");
        }
        fs::read(folder.path().join("counter.image")).unwrap()
    });
    assert!(images[0] == images[1], "the two images differ");
}

#[test]
fn slim_images_are_smaller_than_the_best_published() {
    let folder = tempfile::tempdir().unwrap();
    // Expression, what running it prints, bytes before compression it stays below.
    let rows = [
        ("2 + 3", "5\n", 11 * KB),
        ("100 factorial", FACTORIAL_OF_100, 18 * KB),
        (
            "Stdio stdout nextPutAll: 'hello'; lf; flush",
            "hello\n",
            80 * KB,
        ),
    ];
    for (expression, prints, below) in rows {
        let arguments = ["shrink", "--eval", expression, "-o", "one.image", "--json"];
        let report = report(&master(folder.path(), &arguments));
        let spur = [&arguments[..], &["--format", "spur"]].concat();
        let spur = self::report(&master(folder.path(), &spur));
        let bytes = show_size(expression, &report, &spur);
        let ran = slave(folder.path(), &["run", "one.image"]);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), prints), "Spur");
        master(folder.path(), &arguments);
        assert!(bytes < below, "{expression}: {bytes} bytes");
        let ran = slave(folder.path(), &["run", "one.image"]);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), prints));
    }
    let counter = shrink_counter(folder.path());
    let path = example("counter").display().to_string();
    let arguments = ["shrink", &path, "--json", "--format", "spur"];
    let spur = report(&master(folder.path(), &arguments));
    assert!(show_size("counter", &counter, &spur) < 573 * KB);
    let counts = &counter["slim"]["counts"];
    assert!(counts["classes"].as_u64().unwrap() < 251, "{counts}");
    assert!(counts["methods"].as_u64().unwrap() < 2008, "{counts}");
}

fn report(ended: &Ended) -> Value {
    assert_eq!(ended.code, Some(0), "{ended:?}");
    serde_json::from_str(&ended.stdout).unwrap()
}

/// Prints a row of the table of sizes; answers the bytes before compression.
fn show_size(name: &str, report: &Value, spur: &Value) -> u64 {
    let slim = &report["slim"];
    let bytes = slim["bytes_uncompressed"].as_u64().unwrap();
    println!(
        "{name:<45} {:>7} bytes in the file {bytes:>7} before compression {:>7} as Spur",
        slim["counts"]["bytes"], spur["slim"]["counts"]["bytes"]
    );
    bytes
}

#[test]
fn cut_and_changed_images_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("one.image");
    let shrunk = master(
        folder.path(),
        &["shrink", "--eval", "2 + 3", "-o", "one.image"],
    );
    assert_eq!(shrunk.code, Some(0), "{shrunk:?}");
    let whole = fs::read(&path).unwrap();
    let cuts = [0, 1, 8, whole.len() / 2, whole.len() - 1];
    let changed = [0, 5, 20, whole.len() / 2, whole.len() - 1];
    let damaged = cuts
        .map(|length| whole[..length].to_vec())
        .into_iter()
        .chain(changed.map(|at| {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x41;
            bytes
        }));
    for bytes in damaged {
        fs::write(&path, &bytes).unwrap();
        let ended = slave(folder.path(), &["run", "one.image"]);
        assert_eq!(ended.code, Some(5), "{ended:?}");
        assert!(ended.stderr.contains("one.image"), "{ended:?}");
    }
}

#[test]
fn a_log_gives_back_the_slim_image_byte_for_byte_from_the_full_image_alone() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| master(folder.path(), arguments);
    let counter = example("counter").display().to_string();
    let margin = ["shrink", &counter, "--margin", "branches", "--json"];
    assert_eq!(run(&margin).code, Some(0));
    for (source, full) in [
        (Some(counter.as_str()), "full.image"),
        (None, "kernel.image"),
    ] {
        let build: Vec<&str> = ["build"]
            .into_iter()
            .chain(source)
            .chain(["-o", full])
            .collect();
        assert_eq!(run(&build).code, Some(0));
    }
    let order = [
        "replay",
        "counter.replay",
        "--image",
        "full.image",
        "-o",
        "again.image",
    ];
    for _ in 0..2 {
        let ended = run(&order);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(ended.stdout.contains("the same image"), "{ended:?}");
        let [first, again] = ["counter.image", "again.image"]
            .map(|name| fs::read(folder.path().join(name)).unwrap());
        assert!(first == again);
    }
    let other = run(&[
        "replay",
        "counter.replay",
        "--image",
        "kernel.image",
        "-o",
        "x.image",
    ]);
    assert_eq!(other.code, Some(2), "{other:?}");
    assert!(
        other.stderr.contains("counter.replay is of the full image"),
        "{other:?}"
    );
    assert!(!folder.path().join("x.image").exists());

    let log = folder.path().join("counter.replay");
    let bytes = fs::read(&log).unwrap();
    fs::write(&log, &bytes[..bytes.len() / 2]).unwrap();
    let torn = run(&order);
    assert_eq!(torn.code, Some(2), "{torn:?}");
    assert!(torn.stderr.contains("nothing to replay"), "{torn:?}");
}

#[test]
fn the_log_of_a_run_tells_what_came_and_during_what() {
    let folder = tempfile::tempdir().unwrap();
    shrink_counter(folder.path());
    let told = |order: &[&str]| {
        let ended = master(folder.path(), &[&["log"], order].concat());
        assert_eq!(ended.code, Some(0), "{ended:?}");
        ended
    };
    let shown = told(&["show", "counter.replay"]).stdout;
    assert!(shown.starts_with("run by version "), "{shown}");
    assert!(shown.contains("passed CounterComponentTest>>testDecrease"));
    assert!(shown.trim_end().ends_with("CounterApplication start"));
    let stats = told(&["stats", "counter.replay"]).stdout;
    assert!(stats.contains("24 passed"), "{stats}");
    let why = told(&["why", "counter.replay", "CounterComponent>>decrease"]).stdout;
    assert_eq!(why.lines().count(), 1, "{why}");
    assert!(
        why.contains("came with CounterComponentTest>>testDecrease"),
        "{why}"
    );

    let unreached = master(
        folder.path(),
        &[
            "log",
            "why",
            "counter.replay",
            "CounterComponent>>renderCsvOn:",
        ],
    );
    assert_eq!(unreached.code, Some(1));
    assert!(
        unreached.stderr.contains("nothing reached it"),
        "{unreached:?}"
    );

    let log = folder.path().join("counter.replay");
    let bytes = fs::read(&log).unwrap();
    fs::write(&log, &bytes[..bytes.len() - 3]).unwrap();
    let torn = told(&["stats", "counter.replay"]);
    assert!(
        torn.stderr
            .contains("counter.replay ends in the middle of a record"),
        "{torn:?}"
    );
    let image = master(folder.path(), &["log", "show", "counter.image"]);
    assert_eq!(image.code, Some(2), "{image:?}");
    assert!(
        image.stderr.contains("counter.image is no replay log"),
        "{image:?}"
    );
}

#[test]
fn a_global_that_is_not_there_is_looked_for_in_the_slim_image_too() {
    let folder = tempfile::tempdir().unwrap();
    let rows = [
        (
            "(Smalltalk includesKey: #Dodo) ifTrue: [ 1 ] ifFalse: [ 2 ]",
            "2\n",
        ),
        (
            "(Smalltalk includesKey: #GreatAuk) ifTrue: [ 1 ] ifFalse: [ 2 ]",
            "2\n",
        ),
        ("Smalltalk at: #Quagga ifAbsent: [ 3 ]", "3\n"),
    ];
    for (expression, prints) in rows {
        let arguments = ["shrink", "--eval", expression, "-o", "extinct.image"];
        let ended = master(folder.path(), &arguments);
        assert_eq!(ended.code, Some(0), "{expression}: {ended:?}");
        let ran = slave(folder.path(), &["run", "extinct.image"]);
        let told = (ran.code, ran.stdout.as_str());
        assert_eq!(told, (Some(0), prints), "{expression}");
    }
}
