//! A wire that is slow: it costs time, and changes nothing of what a program sees (design D9).

use std::path::Path;
use std::time::{Duration, Instant};

use imprint_integration_tests::programs::{free_port, slave};

use crate::relay::Relay;
use crate::serving::{full_image, serve};

/// How much later each answer of the master comes.
const DELAY: Duration = Duration::from_millis(20);

/// What an expression prints in a slave with a slow wire, and how long that took.
fn evaluate(folder: &Path, url: &str, expression: &str) -> (String, Duration) {
    let begin = Instant::now();
    let options = [
        "run",
        "--master",
        url,
        "--prefetch",
        "0",
        "--eval",
        expression,
    ];
    let ended = slave(folder, &options);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    (ended.stdout.trim().to_string(), begin.elapsed())
}

#[test]
fn what_a_program_sees_does_not_depend_on_how_slow_the_wire_is() {
    let folder = tempfile::tempdir().unwrap();
    full_image(folder.path());
    let port = free_port().unwrap();
    let (_master, _) = serve(folder.path(), &format!("http://127.0.0.1:{port}"));
    let relay = Relay::before(port);
    relay.delay(DELAY);
    let pulls_much = "100 factorial printString size";
    for (case, expression, expected) in [
        (
            "a limit of time is not reached by waiting for the wire",
            format!("[ {pulls_much} ] valueWithin: 200 milliSeconds onTimeout: [ 'late' ]"),
            "158",
        ),
        (
            "a limit of time is reached by the program itself",
            format!(
                "[ {pulls_much}. [ true ] whileTrue ] valueWithin: 200 milliSeconds onTimeout: [ 'late' ]"
            ),
            "'late'",
        ),
        (
            "a clock that is looked at stands still meanwhile",
            format!(
                "| begin | begin := DateAndTime now. {pulls_much}. DateAndTime now - begin < 200 milliSeconds"
            ),
            "true",
        ),
        (
            "a process of equal priority does not run while a pull is open",
            format!(
                "| log | log := OrderedCollection new. [ log add: 2 ] fork. {pulls_much}. log add: 1. \
                 Processor yield. log asArray"
            ),
            "#(1 2)",
        ),
        (
            "two processes miss the same method at once",
            "| log | log := OrderedCollection new. 2 timesRepeat: [ [ log add: 20 factorial ] fork ]. \
             Processor yield. log asSet size + log size"
                .to_string(),
            "3",
        ),
    ] {
        let (answer, took) = evaluate(folder.path(), relay.url(), &expression);
        assert_eq!(answer, expected, "{case}");
        assert!(took > DELAY * 15, "{case}: the wire was slow for {took:?}");
    }
}
