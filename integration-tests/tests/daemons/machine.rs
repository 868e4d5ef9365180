//! The machine in its process: idle it sleeps, its limits are those of the command line, and images
//! run as image users call a virtual machine.

use std::fs;
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use imprint_integration_tests::programs::{CALM, Ended, free_port, master, start};

/// Clock ticks of a process so far, in user and system mode: 100 to the second on Linux.
fn ticks_of(id: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{id}/stat")).unwrap();
    // The name, in brackets, may hold anything.
    let fields: Vec<&str> = text
        .rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

#[cfg(target_os = "linux")]
#[test]
fn an_idle_machine_uses_no_processor() {
    let folder = tempfile::tempdir().unwrap();
    let waiting = "Stdio stdout nextPutAll: 'ready'; lf; flush. (Delay forSeconds: 50) wait";
    let mut running = start("master", folder.path(), &["eval", waiting], &[]);
    running.await_line("ready");
    thread::sleep(Duration::from_millis(200));
    let before = ticks_of(running.id());
    thread::sleep(Duration::from_millis(1500));
    let used = ticks_of(running.id()) - before;
    assert!(used <= 1, "{used} ticks of 10 ms in 1.5 s");
}

fn says(ended: &Ended, code: i32, stdout: &str, stderr: &str) {
    assert_eq!(ended.code, Some(code), "{ended:?}");
    assert_eq!(ended.stdout.trim_end(), stdout, "{ended:?}");
    assert!(ended.stderr.contains(stderr), "{ended:?}");
}

#[test]
fn limits_are_said_on_the_command_line_and_in_the_environment() {
    let folder = tempfile::tempdir().unwrap();
    let eval = |options: &[&str], expression: &str| {
        let arguments: Vec<&str> = [&["eval"], options, &[expression]].concat();
        master(folder.path(), &arguments)
    };
    let greedy = "[ | all | all := nil. [ true ] whileTrue: [ all := all -> 1 ] ] \
        on: OutOfMemory do: [ :e | #caught ]";
    // Where all programs are tried under zeal: a full heap takes too long to verify again and again.
    let calm = ["--zeal", CALM.1];
    let options = [&["--memory-limit", "16M"][..], &calm].concat();
    says(&eval(&options, greedy), 0, "#caught", "");
    let depth = "| b | b := nil. b := [ :n | [ b value: n + 1 ] on: RecursionTooDeep do: [ :e | n ] ]. \
        (b value: 1) < 5000";
    let options = [&["--depth-limit", "2000"][..], &calm].concat();
    says(&eval(&options, depth), 0, "true", "");
    says(
        &eval(&["--zeal", "300"], "100 factorial printString size"),
        0,
        "158",
        "",
    );
    let by_environment = start(
        "master",
        folder.path(),
        &["eval", greedy],
        &[("IMPRINT_MEMORY_LIMIT", "16M"), CALM],
    );
    says(&by_environment.wait(), 0, "#caught", "");
    for (option, value) in [
        ("--memory-limit", "12"),
        ("--zeal", "0"),
        ("--depth-limit", "x"),
    ] {
        let ended = eval(&[option, value], "3");
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.stderr.contains(option), "{ended:?}");
    }
}

#[test]
fn an_image_runs_the_way_image_users_call_a_virtual_machine() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let built = master(path, &["build", "--with-kernel-tests", "-o", "full.image"]);
    assert_eq!(built.code, Some(0), "{built:?}");
    let script = "Stdio stdout nextPutAll: 'one'; lf!\nSmalltalk arguments do: [ :each | Stdio stdout nextPutAll: each; lf ]!\n";
    fs::write(path.join("script.st"), script).unwrap();
    fs::write(
        path.join("quits.st"),
        "Smalltalk exit: 7! Stdio stdout nextPutAll: 'never'!",
    )
    .unwrap();
    fs::write(
        path.join("fails.st"),
        "nil foo! Stdio stdout nextPutAll: 'never'!",
    )
    .unwrap();
    let attribute = "Smalltalk vm getSystemAttribute: -1";
    // Arguments, exit code, standard output, a part of standard error.
    let rows: [(&[&str], i32, &str, &str); 10] = [
        (&["full.image", "eval", "3 + 4"], 0, "7", ""),
        (&["--headless", "full.image", "eval", "3 + 4"], 0, "7", ""),
        (&["full.image", "eval", "3", "+", "4"], 0, "7", ""),
        (
            &["full.image", "--headless", "eval", attribute],
            0,
            "'--headless'",
            "",
        ),
        (&["full.image", "script.st"], 0, "one\nscript.st", ""),
        (
            &["full.image", "-s", "script.st", "x"],
            0,
            "one\n-s\nscript.st\nx",
            "",
        ),
        (&["full.image", "quits.st"], 7, "", ""),
        (&["full.image", "fails.st"], 1, "", "foo"),
        (&["full.image", "nowhere.st"], 2, "", "nowhere.st"),
        (&["full.image", "zork"], 2, "", "zork"),
    ];
    for (arguments, code, stdout, stderr) in rows {
        let all: Vec<&str> = [&["run"], arguments].concat();
        says(&master(path, &all), code, stdout, stderr);
    }
    let tested = master(path, &["run", "full.image", "test", "Processes-Tests"]);
    assert_eq!(tested.code, Some(0), "{tested:?}");
}

#[test]
fn a_visitor_may_come_in_the_moment_in_which_a_server_begins_to_listen() {
    let folder = tempfile::tempdir().unwrap();
    let port = free_port().unwrap();
    let listening = format!(
        "1 to: 500 do: [ :each | | server |
            server := Socket newTCP.
            [ server setOption: 'SO_REUSEADDR' value: 1.
            server listenOn: {port} backlogSize: 8 interface: NetNameResolver loopBackAddress ]
                ensure: [ server destroy ] ]. 42"
    );
    let is_over = AtomicBool::new(false);
    let ended = thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                // Mostly nobody listens.
                let _ = TcpStream::connect(("127.0.0.1", port));
            }
        });
        let ended = master(folder.path(), &["eval", &listening]);
        is_over.store(true, Ordering::Relaxed);
        ended
    });
    says(&ended, 0, "42", "");
}
