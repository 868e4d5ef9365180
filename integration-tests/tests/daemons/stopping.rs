//! The ends of a run that nobody planned: ^C, SIGTERM, a test whose time is up, somebody who gives an
//! order and stops listening.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use imprint_integration_tests::programs::{
    Ended, Running, assert_eventually, example, free_port, master, slave, start,
};

use crate::bad_input::project;
use crate::pair::Pair;
use crate::serving::{full_image, serve};
use imprint_integration_tests::browser::get;

/// Starts a run that never ends, and comes back when it runs.
fn start_endless(folder: &Path, url: &str) -> Running {
    let expression = "Stdio stdout nextPutAll: 'ready'; lf; flush. [ true ] whileTrue";
    let arguments = ["run", "--master", url, "--eval", expression];
    let mut running = start("slave", folder, &arguments, &[]);
    running.await_line("ready");
    running
}

#[test]
fn who_presses_control_c_gets_the_prompt_back_with_exit_code_130() {
    let folder = tempfile::tempdir().unwrap();
    full_image(folder.path());
    let url = format!("http://127.0.0.1:{}", free_port().unwrap());
    let (_master, _) = serve(folder.path(), &url);
    for signal in ["INT", "TERM"] {
        let running = start_endless(folder.path(), &url);
        running.signal(signal);
        let ended = running.wait();
        assert_eq!(ended.code, Some(130), "{signal}: {ended:?}");
        assert!(ended.stderr.contains("interrupted"), "{signal}: {ended:?}");
    }
}

/// A project of which one test never ends, and says when it has begun.
fn endless_project(folder: &Path) -> String {
    let methods = [
        ("testA", "self assert: true"),
        (
            "testB",
            "Stdio stdout nextPutAll: 'ready'; lf; flush. [ true ] whileTrue",
        ),
    ];
    project(folder, &methods)
}

#[test]
fn a_run_that_is_interrupted_says_at_which_test_it_stopped_and_writes_no_image() {
    let folder = tempfile::tempdir().unwrap();
    let path = endless_project(folder.path());
    let url = format!("http://127.0.0.1:{}", free_port().unwrap());
    let serve = ["serve", &path, "--listen", &url];
    let _master = start("master", folder.path(), &serve, &[]);
    let run = ["run", "--master", &url, "--snapshot", "slim.image"];
    let mut running = start("slave", folder.path(), &run, &[]);
    running.await_line("ready");
    running.signal("INT");
    let ended = running.wait();
    assert_eq!(ended.code, Some(130), "{ended:?}");
    let words = "the run stopped at test 2 of 2, TrialTest>>testB";
    assert!(ended.stderr.contains(words), "{ended:?}");
    let advice = "resume it with   slave resume slim.replay";
    assert!(ended.stderr.contains(advice), "{ended:?}");
    assert!(!folder.path().join("slim.image").exists());
    let log = master(folder.path(), &["log", "show", "slim.replay"]);
    assert_eq!(log.code, Some(0), "{log:?}");
    assert!(log.stdout.contains("TrialTest>>testA"), "{log:?}");
}

#[test]
fn a_shrink_that_is_interrupted_takes_its_slave_along() {
    let folder = tempfile::tempdir().unwrap();
    let path = endless_project(folder.path());
    // The first time that it runs is in the full image, with a time limit that it passes.
    let shrink = ["shrink", &path, "--timeout", "60"];
    let mut running = start("master", folder.path(), &shrink, &[]);
    running.await_line("ready");
    running.signal("INT");
    let ended = running.wait();
    assert_eq!(ended.code, Some(130), "{ended:?}");
    assert!(ended.stderr.contains("no slave was started"), "{ended:?}");
}

/// What lies in a folder after a run was stopped at some moment is whole.
fn assert_whole(folder: &Path, moment: Duration) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_string();
        let look: Option<Vec<&str>> = match path.extension().and_then(|it| it.to_str()) {
            Some("image") => Some(vec!["image", "info", &name]),
            Some("replay") => Some(vec!["log", "stats", &name]),
            Some("json") => {
                let text = fs::read_to_string(&path).unwrap();
                serde_json::from_str::<serde_json::Value>(&text).unwrap();
                None
            }
            other => panic!("after {moment:?} there is {name} ({other:?})"),
        };
        if let Some(arguments) = look {
            let ended = master(folder, &arguments);
            assert_eq!(ended.code, Some(0), "after {moment:?}: {ended:?}");
        }
    }
}

#[test]
fn sigterm_at_any_moment_of_a_shrink_leaves_no_file_half_written_and_no_process_behind() {
    let counter = example("counter").display().to_string();
    let whole = tempfile::tempdir().unwrap();
    let begin = Instant::now();
    let ended = master(whole.path(), &["shrink", &counter]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let all = begin.elapsed();
    const MOMENTS: u32 = 12;
    let mut stopped = 0;
    for moment in (1..=MOMENTS).map(|part| all * part / MOMENTS) {
        let mut at = moment;
        let mut code = stop_at(at, &counter);
        // A run that was quicker than the first one is tried again, and stopped earlier.
        while code == Some(0) {
            at = at * 2 / 3;
            code = stop_at(at, &counter);
        }
        stopped += u32::from(code == Some(130));
    }
    assert!(stopped > 6, "{stopped} of {MOMENTS} were stopped");
}

/// Ends a shrink after so long, and looks at what it leaves; answers its exit code.
fn stop_at(moment: Duration, counter: &str) -> Option<i32> {
    let folder = tempfile::tempdir().unwrap();
    let running = start("master", folder.path(), &["shrink", counter], &[]);
    std::thread::sleep(moment);
    running.terminate();
    let Ended { code, stderr, .. } = running.wait();
    assert!(
        matches!(code, Some(0 | 130) | None),
        "{moment:?}: {code:?} {stderr}"
    );
    assert_whole(folder.path(), moment);
    code
}

#[test]
fn a_test_whose_time_is_up_is_ended_with_its_unwind_blocks() {
    let folder = tempfile::tempdir().unwrap();
    let methods = [
        (
            "testA",
            "Smalltalk at: #TrialLog put: 0. [ [ true ] whileTrue: [ Smalltalk at: #TrialLog put: (Smalltalk at: #TrialLog) + 1 ] ]
                ensure: [ Smalltalk at: #TrialEnded put: true ]",
        ),
        (
            "testB",
            "| before | self assert: (Smalltalk at: #TrialEnded).
             before := Smalltalk at: #TrialLog. (Delay forMilliseconds: 50) wait.
             self assert: (Smalltalk at: #TrialLog) equals: before",
        ),
        ("testC", "[ [ true ] whileTrue ] ensure: [ [ true ] whileTrue ]"),
        ("testD", "self assert: (20 factorial) > 3"),
    ];
    let path = project(folder.path(), &methods);
    let ended = master(folder.path(), &["test", &path, "--timeout", "0.2"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stdout.contains("2 of 4"), "{ended:?}");
    let pair = Pair::start(Path::new(&path), &["--timeout", "0.2"], &[]);
    let ordered = pair.slave(&["run", "--all-tests"]);
    assert_eq!(ordered.code, Some(1), "{ordered:?}");
    assert!(ordered.stderr.contains("2 of 4"), "{ordered:?}");
    for test in ["testA", "testC"] {
        let words = format!("TrialTest>>{test} did not pass");
        assert!(ordered.stderr.contains(&words), "{ordered:?}");
    }
}

#[test]
fn whoever_gives_an_order_and_does_not_listen_holds_nobody_up() {
    let folder = tempfile::tempdir().unwrap();
    let words = "x".repeat(2000);
    let body = format!("self assert: false description: '{words}'");
    let names: Vec<String> = (0..400).map(|index| format!("test{index}")).collect();
    let methods: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), &*body)).collect();
    let path = project(folder.path(), &methods);
    let pair = Pair::start(Path::new(&path), &[], &[]);
    let order = ["ctl", pair.slave_url(), "run", "--all-tests"];
    let deaf = start("slave", folder.path(), &order, &[]);
    assert_eventually("tests", || {
        let status = pair.slave(&["status"]).stdout;
        status.contains("running tests").then_some(())
    });
    deaf.signal("STOP");
    assert_eq!(pair.pulled("3 + 4"), "7");
    deaf.signal("CONT");
    let ended = deaf.wait();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("0 of 400"), "{ended:?}");
}

#[test]
fn a_master_forgets_a_slave_that_was_killed() {
    let folder = tempfile::tempdir().unwrap();
    full_image(folder.path());
    let url = format!("http://127.0.0.1:{}", free_port().unwrap());
    let (_master, admin) = serve(folder.path(), &url);
    let mut running = start_endless(folder.path(), &url);
    let slaves = |count: u32| {
        let line = format!("imprint_slaves {count}");
        get(admin, "/metrics").filter(|text| text.contains(&line))
    };
    assert_eventually("a slave", || slaves(1));
    running.kill();
    assert_eventually("nobody", || slaves(0));
    let status = slave(folder.path(), &["ctl", &url, "status"]);
    assert!(status.stdout.contains("0  imprint_slaves"), "{status:?}");
}

/// An image that takes code while its entry expression still runs ends like any other, by a signal and by an order.
#[test]
fn an_image_whose_entry_expression_still_runs_ends_when_it_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    full_image(folder.path());
    for order in ["signal", "stop"] {
        let url = format!("http://127.0.0.1:{}", free_port().unwrap());
        let run = ["run", "--listen", &url, "full.image", "eval"];
        let waits = "Stdio stdout nextPutAll: 'ready'; lf; flush. (Delay forSeconds: 600) wait";
        let mut running = start("master", folder.path(), &[&run[..], &[waits]].concat(), &[]);
        running.await_line("ready");
        match order {
            "signal" => running.terminate(),
            _ => {
                let stopped = master(folder.path(), &["ctl", &url, "stop"]);
                assert_eq!(stopped.code, Some(0), "{stopped:?}");
            }
        }
        let ended = running.wait();
        assert_eq!(ended.code, Some(0), "{order}: {ended:?}");
        assert_eq!(ended.stdout, "ready\n", "{order}: {ended:?}");
    }
}
