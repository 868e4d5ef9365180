//! `slave resume`: a run that was killed goes on, and ends as if nothing had been.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use imprint_integration_tests::programs::{
    Ended, Running, assert_eventually, example, free_port, master, start,
};
use imprint_wire::log::{LogReader, LoggedOutcome, Record};

use crate::serving::serve;

/// Kills at so many moments of a run.
const KILLS: u64 = 6;
/// Logs cut at so many places.
const CUTS: u64 = 10;

/// A master that serves the counter, and how its run ends that nobody disturbs.
struct Stage {
    folder: tempfile::TempDir,
    url: String,
    port: String,
    image: Vec<u8>,
    log: Vec<u8>,
    _master: Running,
}

impl Stage {
    fn set() -> Stage {
        let folder = tempfile::tempdir().unwrap();
        let counter = example("counter").display().to_string();
        let url = format!("http://127.0.0.1:{}", free_port().unwrap());
        let serve = ["serve", &counter, "--listen", &url];
        let master = start("master", folder.path(), &serve, &[]);
        let mut stage = Stage {
            port: free_port().unwrap().to_string(),
            image: Vec::new(),
            log: Vec::new(),
            _master: master,
            folder,
            url,
        };
        let ended = stage.begin("whole").wait();
        assert_eq!(ended.code, Some(0), "{ended:?}");
        stage.image = stage.read("whole.image");
        stage.log = stage.read("whole.replay");
        stage
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path().join(name)).unwrap()
    }

    /// Starts a run that makes an image of this name.
    fn begin(&self, name: &str) -> Running {
        let image = format!("{name}.image");
        let run = [
            "run",
            "--master",
            &self.url,
            "--snapshot",
            &image,
            "--prove",
        ];
        start("slave", self.path(), &run, &[("PORT", &self.port)])
    }

    fn resume(&self, log: &str) -> Ended {
        let environment = [("PORT", self.port.as_str())];
        start("slave", self.path(), &["resume", log], &environment).wait()
    }

    /// Goes on with a run and sees that it ends as the whole one did, and that no test that had passed
    /// ran again.
    fn finish(&self, name: &str) -> Ended {
        let log = format!("{name}.replay");
        let before = passed(&self.path().join(&log));
        let ended = self.resume(&log);
        assert_eq!(ended.code, Some(0), "{name}: {ended:?}");
        assert!(ended.stdout.contains("24 of 24"), "{name}: {ended:?}");
        assert!(ended.stdout.contains("GET / 200"), "{name}: {ended:?}");
        assert!(
            self.image == self.read(&format!("{name}.image")),
            "{name}: another image"
        );
        let after = passed(&self.path().join(&log));
        assert_eq!(after.len(), 24, "{name}");
        for (test, times) in before {
            assert_eq!(after.get(&test), Some(&times), "{name}: {test} ran again");
        }
        ended
    }
}

/// How often each test passed, as a log tells.
fn passed(log: &Path) -> HashMap<String, usize> {
    let mut passed = HashMap::new();
    for record in LogReader::open(log).unwrap().rest().unwrap() {
        if let Record::Test {
            class,
            selector,
            outcome: LoggedOutcome::Passed,
            ..
        } = record
        {
            *passed.entry(format!("{class}>>{selector}")).or_insert(0) += 1;
        }
    }
    passed
}

/// Numbers that are spread over all below `limit`, the same each time.
fn spread(count: u64, limit: u64) -> impl Iterator<Item = u64> {
    let scramble = |number: u64| (number + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20;
    (0..count).map(move |number| scramble(number) % limit)
}

#[test]
fn a_run_that_is_killed_at_any_moment_goes_on_and_gives_the_same_image() {
    let stage = Stage::set();
    let whole = stage.log.len() as u64;
    for (number, length) in spread(KILLS, whole).enumerate() {
        let name = format!("killed{number}");
        let log = stage.path().join(&name).with_extension("replay");
        let mut running = stage.begin(&name);
        let grown = || fs::metadata(&log).is_ok_and(|data| data.len() > length);
        assert_eventually("the log grows", || grown().then_some(()));
        running.kill();
        // Far enough that the log tells how it was called: nothing shorter can go on.
        if fs::metadata(&log).unwrap().len() > 400 {
            stage.finish(&name);
        }
    }
    let ended = stage.finish("whole");
    assert!(ended.stdout.contains("whole.image"), "{ended:?}");
}

#[test]
fn a_log_that_is_cut_anywhere_goes_on_and_is_replayed_to_the_same_image() {
    let stage = Stage::set();
    let counter = example("counter").display().to_string();
    let built = master(stage.path(), &["build", &counter, "-o", "full.image"]);
    assert_eq!(built.code, Some(0), "{built:?}");
    for length in spread(CUTS, stage.log.len() as u64) {
        let (name, log) = ("whole", "whole.replay");
        let length = usize::try_from(length.max(400)).unwrap();
        fs::write(stage.path().join(log), &stage.log[..length]).unwrap();
        fs::remove_file(stage.path().join("whole.image")).unwrap();
        stage.finish(name);
        let options = ["replay", log, "--image", "full.image", "-o", "again.image"];
        let replayed = master(stage.path(), &options);
        assert_eq!(replayed.code, Some(0), "{length}: {replayed:?}");
        assert!(stage.image == stage.read("again.image"), "cut at {length}");
    }
}

#[test]
fn a_shrink_that_is_interrupted_goes_on_with_the_same_command_and_gives_the_same_image() {
    let stage = Stage::set();
    let folder = tempfile::tempdir().unwrap();
    let counter = example("counter").display().to_string();
    let shrink = ["shrink", &counter, "--resume"];
    let early = master(folder.path(), &shrink);
    assert_eq!(early.code, Some(2), "{early:?}");
    let sentence = "there is no counter.replay to go on with";
    assert!(early.stderr.contains(sentence), "{early:?}");

    let log = folder.path().join("counter.replay");
    let running = start("master", folder.path(), &shrink[..2], &[]);
    let half = stage.log.len() as u64 / 2;
    let grown = || fs::metadata(&log).is_ok_and(|data| data.len() > half);
    assert_eventually("the log grows", || grown().then_some(()));
    running.signal("INT");
    let stopped = running.wait();
    let before = passed(&log);
    if stopped.stderr.contains("the run stopped at test") {
        let advice = "resume it with   the same command and --resume";
        assert!(stopped.stderr.contains(advice), "{stopped:?}");
    }
    let ended = master(folder.path(), &shrink);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("24 of 24"), "{ended:?}");
    let image = fs::read(folder.path().join("counter.image")).unwrap();
    assert!(stage.image == image, "another image");
    let after = passed(&log);
    for (test, times) in before {
        assert_eq!(after.get(&test), Some(&times), "{test} ran again");
    }
}

#[test]
fn what_cannot_go_on_is_refused_with_the_reason() {
    let stage = Stage::set();
    let path = stage.path();
    fs::write(path.join("head.replay"), &stage.log[..8]).unwrap();
    fs::write(path.join("text.replay"), "hello").unwrap();
    for (log, sentence) in [
        ("nowhere.replay", "nowhere.replay"),
        ("text.replay", "text.replay is no replay log"),
        ("head.replay", "does not tell how its run was called"),
    ] {
        let ended = stage.resume(log);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.stderr.contains(sentence), "{ended:?}");
    }
    crate::serving::full_image(path);
    let url = format!("http://127.0.0.1:{}", free_port().unwrap());
    let (_other, _) = serve(path, &url);
    let options = ["resume", "whole.replay", "--master", &url];
    let ended = start("slave", path, &options, &[]).wait();
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(
        ended.stderr.contains("pulled from the full image"),
        "{ended:?}"
    );
    assert!(stage.image == stage.read("whole.image"));
}
