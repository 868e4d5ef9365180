//! Code pushed into slaves that pull: in the middle of a run, between runs, and into an image that has a master.

use std::fs;
use std::path::Path;

use imprint_integration_tests::programs::{
    Ended, Running, assert_eventually, copy_folder, free_port, master, slave, start,
};

use crate::boxes::{Boxes, ended_with, project};
use crate::live_app::App;
use crate::relay::Relay;
use imprint_integration_tests::browser::get;

#[test]
fn a_run_that_pulls_takes_methods_of_what_has_come_and_of_what_has_not() {
    let boxes = Boxes::start();
    let run = boxes.begin(
        "| box | box := Boxes all first. box left. Boxes await.
        { box left. box difference. ApartBox new colour. ApartBox new weight.
            (Smalltalk at: #ApartBox) == ApartBox new class. FreshBox new lid.
            (ApartBox >> #colour) sourceCode. (Boxes class >> #all) timeStamp.
            (ApartBox >> #colour) timeStamp = ((ApartBox >> #colour) author , ' ' ,
                ((ApartBox >> #colour) timeStamp last: 19)) } printString",
    );
    boxes.edit("ApartBox", "^ #grey", "^ #red");
    boxes.edit("Box", "left [ ^ left ]", "left [ ^ left negated ]");
    boxes.edit("Box", "^ blocks first", "^ 1000 + blocks first");
    boxes.edit("Boxes", "isPushed [ ^ false", "isPushed [ ^ true");
    let fresh = "Class { #name : #FreshBox, #superclass : #BigBox, #category : #Boxes }\n\n\
        FreshBox >> lid [ ^ lid ifNil: [ #none ] ]\n";
    let file = boxes
        .sources
        .path()
        .join("boxes/src/Boxes/FreshBox.class.st");
    fs::write(file, fresh).unwrap();
    let told = boxes.pushed(&["ApartBox", "FreshBox", "Box", "Boxes class>>isPushed"]);
    assert!(told.contains("FreshBox   new class"), "{told}");
    assert!(!told.contains("ApartBox   new class"), "{told}");
    ended_with(run, "#(-9 1007 #red 7 true #none 'colour ^ #red' '' true)");
}

#[test]
fn what_comes_after_its_class_was_reshaped_is_as_the_class_is_now() {
    let boxes = Boxes::start();
    let ask = "{ first left. first difference. big sum. Boxes all third sum. Boxes all last label.
        first step. Boxes all last step. LateBox made. LateBox size } printString";
    let run = boxes.begin(&format!(
        "| first big | first := Boxes all first. big := Boxes all second. first left. big lid: 4.
        Boxes await. {ask}"
    ));
    boxes.edit("Box", "[ 'left', 'right' ]", "[ 'step', 'right', 'left' ]");
    boxes.edit("Box", "#category", "#classInstVars : [ 'size' ], #category");
    let more = "Box class >> size [ ^ size ]\n\nBox >> step [ ^ step ]\n\nBox >> left [";
    boxes.edit("Box", "Box >> left [", more);
    boxes.edit("Boxes", "isPushed [ ^ false", "isPushed [ ^ true");
    let told = boxes.pushed(&["Box", "Boxes class>>isPushed", "--base", "base"]);
    assert!(told.contains("Box  + instance variable 'step'"), "{told}");
    ended_with(run, "#(9 7 11 1000 #later nil nil 5 nil)");
    // The next run begins with what was pushed, and then goes back.
    let ask = "| first big | first := Boxes all first. big := Boxes all second.
        { first step. big sum. Boxes all last sum. LateBox made. Box instVarNames size } printString";
    assert_eq!(boxes.pair.pulled(ask), "#(nil 10 10000 5 3)");
    let back = boxes.pair.slave(&["rollback", "0"]);
    assert_eq!(back.code, Some(0), "{back:?}");
    let ask = ask.replace("first step", "first left");
    assert_eq!(boxes.pair.pulled(&ask), "#(9 10 10000 5 2)");
}

#[test]
fn what_is_pushed_stands_for_all_runs_until_it_is_taken_back() {
    let boxes = Boxes::start();
    let ask = "{ (Smalltalk at: #ApartBox) new colour. ApartBox new weight } printString";
    assert_eq!(boxes.pair.pulled(ask), "#(#grey 7)");
    assert_eq!(
        boxes.pair.slave(&["snapshot", "before.image"]).code,
        Some(0)
    );
    boxes.edit("ApartBox", "^ #grey", "^ #red");
    assert!(boxes.pushed(&["ApartBox>>colour"]).contains("push #1"));
    boxes.edit("ApartBox", "^ 7", "^ 8");
    assert!(boxes.pushed(&["ApartBox>>weight"]).contains("push #2"));
    let again = boxes.pushed(&["ApartBox>>colour", "ApartBox>>weight"]);
    assert!(again.contains("is there already"), "{again}");
    assert_eq!(boxes.pair.pulled(ask), "#(#red 8)");

    let slim = boxes.pair.slave(&["snapshot", "slim.image"]);
    assert_eq!(slim.code, Some(2), "{slim:?}");
    for words in ["push #1 (ApartBox>>colour)", "--heap"] {
        assert!(slim.stderr.contains(words), "{words}: {slim:?}");
    }
    assert!(!boxes.pair.path().join("slim.image").exists());
    let heap = boxes.pair.slave(&["snapshot", "heap.image", "--heap"]);
    assert_eq!(heap.code, Some(0), "{heap:?}");
    let asked = master(
        boxes.pair.path(),
        &[
            "run",
            "heap.image",
            "eval",
            "(Smalltalk at: #ApartBox) new colour",
        ],
    );
    assert_eq!(asked.stdout.trim(), "#red", "{asked:?}");

    let back = boxes.pair.slave(&["rollback", "#1"]);
    assert!(
        back.stdout.contains("back to push #1: 0 classes, 1 method"),
        "{back:?}"
    );
    assert_eq!(boxes.pair.pulled(ask), "#(#red 7)");
    assert_eq!(boxes.pair.slave(&["rollback", "0"]).code, Some(0));
    assert_eq!(boxes.pair.pulled(ask), "#(#grey 7)");
    assert_eq!(boxes.pair.slave(&["snapshot", "after.image"]).code, Some(0));
    let file = |name: &str| fs::read(boxes.pair.path().join(name)).unwrap();
    assert!(file("before.image") == file("after.image"));
    let log = master(boxes.pair.path(), &["log", "show", "pushes"]);
    for line in [
        "push #2   ApartBox>>weight",
        "back to push #1",
        "back to push #0",
    ] {
        assert!(log.stdout.contains(line), "{line}: {log:?}");
    }
}

#[test]
fn what_does_not_fit_a_run_that_pulls_is_refused_and_changes_nothing() {
    let boxes = Boxes::start();
    let ask = "{ Boxes all first left. Boxes all second sum } printString";
    boxes.edit("Boxes", "^ false", "^ NewBox new");
    let newer = "Class { #name : #NewBox, #superclass : #Object, #category : #Boxes }\n";
    let file = boxes.sources.path().join("boxes/src/Boxes/NewBox.class.st");
    fs::write(file, newer).unwrap();
    boxes.edit("Box", "[ 'left', 'right' ]", "[ 'left' ]");
    boxes.edit("Box", "right := other", "other yourself");
    boxes.edit("Box", "left ]. [ right ]", "left ]. [ left ]");
    let run = boxes.begin(&format!(
        "Boxes all first left. [ (Smalltalk includesKey: #Ended) ] whileFalse: [
            (Delay forMilliseconds: 2) wait. Boxes isPushed ifNotNil: [ :it |
                it = 0 ifTrue: [ Smalltalk at: #Ended put: 1 ] ] ]. {ask}"
    ));
    let rows: [(&[&str], &str); 2] = [
        (&["Boxes class>>isPushed"], "has not NewBox"),
        (
            &["Box", "--base", "base"],
            "it would lose the values of 'right'",
        ),
    ];
    for (names, words) in rows {
        let refused = boxes.push(names);
        assert_eq!(refused.code, Some(1), "{refused:?}");
        assert!(refused.stderr.contains(words), "{words}: {refused:?}");
    }
    boxes.edit("Boxes", "^ NewBox new", "^ 0");
    boxes.pushed(&["Boxes class>>isPushed"]);
    ended_with(run, "#(9 10)");
    let nothing = boxes.pair.slave(&["rollback", "#7"]);
    assert_eq!(nothing.code, Some(2), "{nothing:?}");
    assert!(nothing.stderr.contains("no push #7"), "{nothing:?}");
}

#[test]
fn a_slim_image_that_has_a_master_takes_code_and_pulls_what_that_names() {
    let app = App::start();
    app.slave.terminate();
    let folder = app.folder.path();
    let url = || format!("http://127.0.0.1:{}", free_port().unwrap());
    let (master_url, slave_url) = (url(), url());
    let serve = ["serve", "counter", "--listen", &master_url];
    let _serving = start("master", folder, &serve, &[]);
    let port = free_port().unwrap();
    let run = [
        "run",
        "counter.image",
        "--master",
        &master_url,
        "--listen",
        &slave_url,
    ];
    let running = start("slave", folder, &run, &[("PORT", &port.to_string())]);
    let page = || get(port, "/counter");
    assert!(assert_eventually("the page", page).contains("<title>Counter</title>"));
    let text = fs::read_to_string(app.file("CounterComponent")).unwrap();
    let title = "^ (#(3 2) asSortedCollection first * 100) printString";
    fs::write(
        app.file("CounterComponent"),
        text.replace("^ 'Counter'", title),
    )
    .unwrap();
    let push = [
        "push",
        "CounterComponent>>title",
        "--in",
        "counter",
        "--to",
        &slave_url,
    ];
    let pushed = master(folder, &push);
    assert_eq!(pushed.code, Some(0), "{pushed:?}");
    assert!(page().unwrap().contains("<title>200</title>"));
    let back = slave(folder, &["ctl", &slave_url, "rollback", "0"]);
    assert_eq!(back.code, Some(0), "{back:?}");
    assert!(page().unwrap().contains("<title>Counter</title>"));
    running.terminate();
    let ended = running.wait();
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

/// A master that serves the boxes, and what a slave of it answers.
struct Served {
    sources: tempfile::TempDir,
    port: u16,
    serving: Running,
}

impl Served {
    fn start() -> Served {
        let sources = tempfile::tempdir().unwrap();
        project(sources.path());
        let port = free_port().unwrap();
        let url = format!("http://127.0.0.1:{port}");
        let serve = ["serve", "boxes", "--push-log", "pushes", "--listen", &url];
        let serving = start("master", sources.path(), &serve, &[]);
        assert_eventually("a master", || {
            let status = master(sources.path(), &["ctl", &url, "status"]);
            (status.code == Some(0)).then_some(())
        });
        Served {
            sources,
            port,
            serving,
        }
    }

    fn path(&self) -> &Path {
        self.sources.path()
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Pushes sources from their own folder: who works in another one is somebody else.
    fn push(&self, sources: &str, arguments: &[&str]) -> Ended {
        let url = self.url();
        let to = ["push", "--in", ".", "--to", &url];
        master(&self.path().join(sources), &[&to[..], arguments].concat())
    }

    fn ctl(&self, order: &[&str]) -> Ended {
        master(self.path(), &[&["ctl", &self.url()], order].concat())
    }

    fn colour(&self) -> String {
        let url = self.url();
        let run = ["run", "--master", &url, "--eval", "ApartBox new colour"];
        slave(self.path(), &run).stdout.trim().to_string()
    }

    /// Who wrote the method, as a slave is told.
    fn author(&self) -> String {
        let url = self.url();
        let ask = "(ApartBox >> #colour) author";
        let told = slave(self.path(), &["run", "--master", &url, "--eval", ask]).stdout;
        told.trim().to_string()
    }

    fn paint(&self, sources: &str, from: &str, to: &str) {
        let file = format!("{sources}/src/Boxes/ApartBox.class.st");
        let file = self.path().join(file);
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.contains(from), "{from}");
        fs::write(file, text.replace(from, to)).unwrap();
    }
}

#[test]
fn a_master_serves_what_was_pushed_to_who_comes_then_and_the_rest_keep_their_view() {
    let served = Served::start();
    copy_folder(&served.path().join("boxes"), &served.path().join("other")).unwrap();
    assert_eq!(served.colour(), "#grey");
    let relay = Relay::before(served.port);
    let go = served.path().join("go");
    let wait = format!(
        "Boxes all first left. [ '{}' asFileReference exists ] whileFalse: [
            (Delay forMilliseconds: 5) wait ]. {{ ApartBox new colour. ApartBox new weight }}",
        go.display()
    );
    let run = [
        "run",
        "--master",
        relay.url(),
        "--prefetch",
        "0",
        "--eval",
        &wait,
    ];
    let early = start("slave", served.path(), &run, &[]);
    assert_eventually("pulls", || (relay.answered() > 1000).then_some(()));

    served.paint("boxes", "^ #grey", "^ #red");
    assert_eq!(served.author(), "''");
    let pushed = served.push("boxes", &["ApartBox>>colour"]);
    assert_eq!(pushed.code, Some(0), "{pushed:?}");
    assert!(pushed.stdout.contains("push #1"), "{pushed:?}");
    assert_eq!(served.colour(), "#red");
    let user = std::env::var("USER").unwrap_or_else(|_| "somebody".to_string());
    assert_eq!(served.author(), format!("'{user}'"));
    // Whoever began before comes back to what it began with, though the way broke.
    relay.part();
    relay.mend();
    fs::write(&go, "").unwrap();
    let ended = early.wait();
    assert_eq!(ended.stdout.trim(), "#(#grey 7)", "{ended:?}");
    assert!(ended.stderr.contains("the master is back"), "{ended:?}");

    served.paint("other", "^ #grey", "^ #blue");
    let refused = served.push("other", &["ApartBox>>colour"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("by push #1"), "{refused:?}");
    let forced = served.push("other", &["ApartBox>>colour", "--force"]);
    assert_eq!(forced.code, Some(0), "{forced:?}");
    assert_eq!(served.colour(), "#blue");
    for (number, colour) in [("#1", "#red"), ("0", "#grey")] {
        let back = served.ctl(&["rollback", number]);
        assert_eq!(back.code, Some(0), "{back:?}");
        assert_eq!(served.colour(), colour);
    }
    let far = served.ctl(&["rollback", "#2"]);
    assert_eq!(far.code, Some(2), "{far:?}");
    let log = master(served.path(), &["log", "show", "pushes"]);
    for line in ["push #2   ApartBox>>colour", "back to push #0"] {
        assert!(log.stdout.contains(line), "{line}: {log:?}");
    }
    served.serving.terminate();
    assert_eq!(served.serving.wait().code, Some(0));
}

#[test]
fn a_slim_image_of_a_master_that_was_pushed_into_is_replayed_from_the_image_that_it_served() {
    let served = Served::start();
    let make = |image: &str| {
        let url = served.url();
        let run = [
            "run",
            "--master",
            &url,
            "--tests",
            "Counter-Tests",
            "--snapshot",
            image,
        ];
        let made = slave(served.path(), &run);
        assert_eq!(made.code, Some(0), "{made:?}");
        fs::read(served.path().join(image)).unwrap()
    };
    let before = make("before.image");
    let file = served
        .path()
        .join("boxes/src/Counter/CounterComponent.class.st");
    let text = fs::read_to_string(&file).unwrap();
    let text = text.replace("\t\t'count'\n", "\t\t'step',\n\t\t'count'\n");
    fs::write(file, text).unwrap();
    let pushed = served.push("boxes", &["CounterComponent"]);
    assert_eq!(pushed.code, Some(0), "{pushed:?}");
    let after = make("after.image");
    assert!(before != after);
    let kept = served.ctl(&["snapshot", "full.image"]);
    assert_eq!(kept.code, Some(0), "{kept:?}");
    let replay = [
        "replay",
        "after.replay",
        "--image",
        "full.image",
        "-o",
        "again.image",
    ];
    let replayed = master(served.path(), &replay);
    assert_eq!(replayed.code, Some(0), "{replayed:?}");
    assert!(after == fs::read(served.path().join("again.image")).unwrap());
    let back = served.ctl(&["rollback", "0"]);
    assert_eq!(back.code, Some(0), "{back:?}");
    assert!(before == make("back.image"), "it is the very image again");
    let unknown = served.ctl(&["snapshot", "x.image", "--heap"]);
    assert_eq!(unknown.code, Some(2), "{unknown:?}");
}
