//! `master trace`: what a workload touches, written as it grows, and what is asked of it.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use imprint_integration_tests::programs::{assert_eventually, example, free_port, master, start};

use serde_json::Value;

use imprint_integration_tests::browser::get;

/// A crash loses at most so much of a trace.
const LOST_MAX: Duration = Duration::from_secs(1);

fn done(folder: &Path, arguments: &[&str]) -> String {
    let ended = master(folder, arguments);
    assert_eq!(ended.code, Some(0), "{arguments:?}: {ended:?}");
    ended.stdout
}

fn trace_expression(folder: &Path, expression: &str, file: &str) {
    done(folder, &["trace", "--eval", expression, "-o", file]);
}

#[test]
fn a_trace_of_the_counter_tells_what_each_test_reaches_and_why() {
    let folder = tempfile::tempdir().unwrap();
    let counter = example("counter").display().to_string();
    done(folder.path(), &["trace", &counter]);
    let shown = done(folder.path(), &["trace", "show", "counter.trace"]);
    let is_passed = |line: &&str| line.contains(">>test") && line.ends_with("passed");
    assert_eq!(shown.lines().filter(is_passed).count(), 24, "{shown}");
    assert!(
        shown.contains("entry         CounterApplication start"),
        "{shown}"
    );

    let only = |test: &str| done(folder.path(), &["trace", "only", test, "counter.trace"]);
    let reached = only("CounterComponentTest>>testHeaderDecoration");
    assert!(
        reached.contains("CounterComponentTest>>testHeaderDecoration\n"),
        "{reached}"
    );
    assert!(
        !reached.contains("CounterComponent>>increase\n"),
        "{reached}"
    );

    let name = "CounterComponent>>increase";
    let why = done(folder.path(), &["trace", "why", name, "counter.trace"]);
    let (first, way) = why.split_once('\n').unwrap();
    assert!(first.starts_with(&format!("{name}   touched by")), "{why}");
    for cause in ["CounterComponent>>renderContentOn:", "the run itself"] {
        let line = format!("    because of {cause}\n");
        assert!(way.contains(&line), "{line}: {why}");
    }
}

#[test]
fn only_the_tests_that_are_asked_for_are_traced() {
    let folder = tempfile::tempdir().unwrap();
    let counter = example("counter").display().to_string();
    let rows: [(&str, usize); 3] = [
        ("CounterComponentTest", 8),
        ("CounterServerTest>>testPairIsServed", 1),
        ("Counter-Tests", 24),
    ];
    for (name, tests) in rows {
        let arguments = ["trace", &counter, "-o", "some.trace", "--tests", name];
        done(folder.path(), &arguments);
        let shown = done(folder.path(), &["trace", "show", "some.trace"]);
        let traced = shown.lines().filter(|line| line.contains(">>test"));
        assert_eq!(traced.count(), tests, "{name}: {shown}");
    }
}

#[test]
fn a_trace_outlives_a_kill_but_for_its_last_second() {
    let folder = tempfile::tempdir().unwrap();
    let endless = "Stdio stdout nextPutAll: 'ready'; lf; flush. OrderedCollection new add: 3. \
        Stdio stdout nextPutAll: 'again'; lf; flush. [ true ] whileTrue: [ 10 factorial ]";
    let arguments = ["trace", "--eval", endless, "-o", "killed.trace"];
    let mut running = start("master", folder.path(), &arguments, &[]);
    running.await_line("again");
    // What was touched before this line is in the file a second later, whatever goes on meanwhile.
    let end = Instant::now() + LOST_MAX;
    while Instant::now() < end {
        std::thread::yield_now();
    }
    running.signal("KILL");
    running.kill();
    let name = "OrderedCollection>>add:";
    let why = done(folder.path(), &["trace", "why", name, "killed.trace"]);
    assert!(
        why.starts_with(&format!("{name}   touched by entry")),
        "{why}"
    );
    let merged = ["trace", "merge", "killed.trace", "-o", "whole.trace"];
    done(folder.path(), &merged);
    let bytes = fs::read(folder.path().join("killed.trace")).unwrap();
    fs::write(
        folder.path().join("killed.trace"),
        &bytes[..bytes.len() - 3],
    )
    .unwrap();
    let torn = master(folder.path(), &["trace", "show", "killed.trace"]);
    assert_eq!(torn.code, Some(0), "{torn:?}");
    assert!(
        torn.stderr.contains("what stands before is used"),
        "{torn:?}"
    );
}

#[test]
fn traces_are_put_together_and_compared() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    trace_expression(folder, "OrderedCollection new add: 3", "add.trace");
    trace_expression(folder, "OrderedCollection new isEmpty", "empty.trace");
    let (add, is_empty) = ("OrderedCollection>>add:", "OrderedCollection>>isEmpty");
    let diff = done(folder, &["trace", "diff", "add.trace", "empty.trace"]);
    assert!(diff.contains(&format!("< {add}\n")), "{diff}");
    let holds = |file: &str, name: &str| {
        let ended = master(folder, &["trace", "why", name, file]);
        match ended.code {
            Some(0) => ended.stdout.contains("touched by"),
            code => {
                assert_eq!(code, Some(1), "{ended:?}");
                false
            }
        }
    };
    let class = "OrderedCollection";
    let rows = [
        ("merge", true, true),
        ("intersect", false, true),
        ("subtract", true, false),
    ];
    for (verb, has_add, has_class) in rows {
        let arguments = [
            "trace",
            verb,
            "add.trace",
            "empty.trace",
            "-o",
            "both.trace",
        ];
        done(folder, &arguments);
        assert_eq!(holds("both.trace", add), has_add, "{verb}");
        let shown = done(folder, &["trace", "only", "entry", "both.trace"]);
        let is_class = shown.lines().any(|line| line == class);
        assert_eq!(is_class, has_class, "{verb}: {shown}");
    }
    done(
        folder,
        &[
            "trace",
            "merge",
            "add.trace",
            "empty.trace",
            "-o",
            "both.trace",
        ],
    );
    assert_eq!(
        holds("both.trace", is_empty),
        holds("empty.trace", is_empty)
    );
}

#[test]
fn a_server_is_traced_until_it_is_asked_to_end() {
    let folder = tempfile::tempdir().unwrap();
    let counter = example("counter").display().to_string();
    let port = free_port().unwrap();
    let text = port.to_string();
    let arguments = ["trace", &counter, "--serve", &text, "-o", "live.trace"];
    let mut server = start("master", folder.path(), &arguments, &[]);
    server.await_line(&format!("tracing on port {port} until asked to end"));
    // A path that neither the entry expression nor the visit behind it takes.
    get(port, "/counter?_export=csv").unwrap();
    server.terminate();
    let ended = server.wait();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let name = "CounterComponent>>renderCsvOn:";
    let why = done(folder.path(), &["trace", "why", name, "live.trace"]);
    assert!(why.starts_with(&format!("{name}   touched by")), "{why}");
    let shown = done(folder.path(), &["trace", "show", "live.trace"]);
    assert!(shown.contains("server drill"), "it was drilled: {shown}");
}

#[test]
fn questions_that_have_no_answer_are_told_so() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::write(folder.join("text"), "hello\n").unwrap();
    trace_expression(folder, "3 + 4", "sum.trace");
    let counter = example("counter").display().to_string();
    done(
        folder,
        &[
            "trace",
            &counter,
            "--tests",
            "CounterComponentTest",
            "-o",
            "counter.trace",
        ],
    );
    let rows: [(&[&str], i32, &str); 7] = [
        (&["trace"], 2, "say what is run"),
        (
            &["trace", &counter, "--tests", "Nowhere"],
            2,
            "no test found in Nowhere",
        ),
        (&["trace", "show", "text"], 2, "text is no trace"),
        (&["trace", "show", "missing"], 2, "missing"),
        (
            &["trace", "only", "Foo>>testBar", "sum.trace"],
            1,
            "nothing named Foo>>testBar ran",
        ),
        (
            &["trace", "why", "Foo", "sum.trace"],
            1,
            "nothing named Foo was touched",
        ),
        (
            &[
                "trace",
                "merge",
                "sum.trace",
                "counter.trace",
                "-o",
                "both.trace",
            ],
            2,
            "counter.trace: the traces are of different images",
        ),
    ];
    for (arguments, code, words) in rows {
        let ended = master(folder, arguments);
        assert_eq!(ended.code, Some(code), "{arguments:?}: {ended:?}");
        assert!(ended.stderr.contains(words), "{words}: {ended:?}");
    }
    assert!(!folder.join("both.trace").exists());
}

/// Shrinks the counter by pulling; answers the bytes of the image.
fn pulled_counter(folder: &Path) -> Vec<u8> {
    let counter = example("counter").display().to_string();
    done(folder, &["shrink", &counter, "-o", "pulled.image"]);
    fs::read(folder.join("pulled.image")).unwrap()
}

#[test]
fn an_image_made_of_marks_alone_has_the_bytes_of_the_pulled_one() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let pulled = pulled_counter(folder);
    let counter = example("counter").display().to_string();
    let by = |trace: &str| {
        let arguments = [
            "shrink",
            &counter,
            "-o",
            "made.image",
            "--json",
            "--trace",
            trace,
        ];
        let report: Value = serde_json::from_str(&done(folder, &arguments)).unwrap();
        let proven = report["proof"]["tests"]["cases"].as_array().unwrap().len();
        assert_eq!(proven, 24, "{report}");
        (report, fs::read(folder.join("made.image")).unwrap())
    };
    let (_, by_log) = by("pulled.replay");
    assert!(by_log == pulled, "the marks of the run itself");
    done(folder, &["trace", &counter]);
    let (report, by_trace) = by("counter.trace");
    assert!(by_trace == pulled, "the marks of a trace");
    assert_eq!(report["proof"]["page"]["status"], 200, "{report}");
    assert_eq!(report["proof"]["clicks"], 1, "{report}");
    done(
        folder,
        &[
            "trace",
            "merge",
            "counter.trace",
            "pulled.replay",
            "-o",
            "both.trace",
        ],
    );
    assert!(by("both.trace").1 == pulled, "the marks of both");
}

#[test]
fn a_trace_of_an_expression_becomes_an_image_and_not_one_of_another_image() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    trace_expression(folder, "'hello' reversed", "hello.trace");
    done(
        folder,
        &[
            "shrink",
            "--eval",
            "'hello' reversed",
            "-o",
            "a.image",
            "--trace",
            "hello.trace",
        ],
    );
    done(
        folder,
        &["shrink", "--eval", "'hello' reversed", "-o", "b.image"],
    );
    let bytes = |name: &str| fs::read(folder.join(name)).unwrap();
    assert!(bytes("a.image") == bytes("b.image"));
    let counter = example("counter").display().to_string();
    let arguments = [
        "shrink",
        &counter,
        "-o",
        "c.image",
        "--trace",
        "hello.trace",
    ];
    let refused = master(folder, &arguments);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(
        refused.stderr.contains("the trace is of the full image"),
        "{refused:?}"
    );
    assert!(!folder.join("c.image").exists());
}

#[test]
fn a_slave_that_is_sent_a_trace_pulls_only_what_it_missed() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let pulled = pulled_counter(folder);
    let counter = example("counter").display().to_string();
    done(folder, &["trace", &counter]);
    let report_of = |trace: &[&str]| {
        let socket = format!("unix:{}/master.socket", folder.display());
        let arguments = [&["serve", &counter, "--listen", &socket][..], trace].concat();
        let server = start("master", folder, &arguments, &[]);
        assert_eventually("a socket", || {
            folder.join("master.socket").exists().then_some(())
        });
        let port = free_port().unwrap().to_string();
        let arguments = [
            "run",
            "--master",
            &socket,
            "--snapshot",
            "sent.image",
            "--report",
            "report.json",
        ];
        let ended = start("slave", folder, &arguments, &[("PORT", &port)]).wait();
        assert_eq!(ended.code, Some(0), "{ended:?}");
        server.terminate();
        assert_eq!(server.wait().code, Some(0));
        let image = fs::read(folder.join("sent.image")).unwrap();
        assert!(image == pulled, "{trace:?}");
        let text = fs::read_to_string(folder.join("report.json")).unwrap();
        let report: Value = serde_json::from_str(&text).unwrap();
        let number = |name: &str| report["pulled"][name].as_u64().unwrap();
        println!(
            "{trace:?}: {} round trips, {} B",
            number("round_trips"),
            report["pulled"]
        );
        (number("round_trips"), report["pulled"]["counts"].clone())
    };
    let (trips, counts) = report_of(&[]);
    let (trips_sent, counts_sent) = report_of(&["--trace", "counter.trace"]);
    let bytes = counts_sent["bytes"].as_u64().unwrap();
    assert!(bytes > 20_000, "what is sent unasked is counted: {bytes}");
    assert!(
        trips_sent * 4 < trips,
        "{trips_sent} of {trips} round trips are left"
    );
    for name in ["classes", "methods", "objects"] {
        assert_eq!(
            counts_sent[name], counts[name],
            "what is touched is the same"
        );
    }
}
