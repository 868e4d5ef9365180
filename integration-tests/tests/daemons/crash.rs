//! What is left when a machine dies: a report with the stacks of its processes, and exit code 70.

use std::fs;
use std::path::Path;

use imprint_integration_tests::programs::{CALM, Ended, Running, start};

/// Says that it runs, and runs for ever; another process waits meanwhile.
const ENDLESS: &str = "| s | s := Semaphore new. [ [ s wait ] ensure: [ s signal ] ] forkAt: 50. \
     Stdio stdout nextPutAll: 'ready'; lf; flush. [ true ] whileTrue: [ 10 factorial ]";

/// Calm, since in the midst of a collection processes are on the move, and not all are found.
fn start_endless(folder: &Path) -> Running {
    start("master", folder, &["eval", ENDLESS], &[CALM])
}

fn report_in(folder: &Path, ended: &Ended) -> String {
    assert_eq!(ended.code, Some(70), "{ended:?}");
    let line = ended
        .stderr
        .lines()
        .find(|line| line.starts_with("crash report"))
        .unwrap_or_else(|| panic!("no report is named: {ended:?}"));
    let name = line.rsplit(' ').next().unwrap();
    fs::read_to_string(folder.join(name)).unwrap()
}

fn assert_tells(report: &str, words: &[&str]) {
    for word in words {
        assert!(report.contains(word), "{word} is missing in:\n{report}");
    }
}

#[test]
fn a_fatal_signal_leaves_a_report_with_all_stacks() {
    for signal in ["SEGV", "ABRT", "BUS"] {
        let folder = tempfile::tempdir().unwrap();
        let mut running = start_endless(folder.path());
        running.await_line("ready");
        running.signal(signal);
        let report = report_in(folder.path(), &running.wait());
        assert_tells(
            &report,
            &[
                &format!("reason            SIG{signal}"),
                "memory limit",
                "scavenges",
                "active process",
                "UndefinedObject>>DoIt",
                "last primitives",
                "other processes",
                "priority 50, waiting or ready",
                "Semaphore>>wait",
                "BlockClosure>>ensure:",
            ],
        );
    }
}

#[test]
fn a_defect_of_ours_leaves_a_report_and_its_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["eval", "--panic-after", "3", "[ true ] whileTrue"];
    let ended = start("master", folder.path(), &arguments, &[]).wait();
    let report = report_in(folder.path(), &ended);
    let reason = "reason            a defect of ours: a panic was asked for";
    assert_tells(
        &report,
        &[reason, "UndefinedObject>>DoIt", "active process"],
    );
}

#[test]
fn the_folder_of_reports_can_be_chosen() {
    let folder = tempfile::tempdir().unwrap();
    let reports = tempfile::tempdir().unwrap();
    let path = reports.path().to_str().unwrap();
    let arguments = ["eval", "--panic-after", "3", "[ true ] whileTrue"];
    let environment = [("IMPRINT_CRASH_FOLDER", path)];
    let ended = start("master", folder.path(), &arguments, &environment).wait();
    report_in(reports.path(), &ended);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
