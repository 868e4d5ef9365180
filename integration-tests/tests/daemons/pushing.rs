//! Code pushed into an image that runs as a process of its own, over a real socket.

use std::fs;
use std::path::Path;

use imprint_integration_tests::programs::{
    assert_eventually, copy_folder, example, free_port, master, slave, start,
};

use crate::live_app::{App, run_full};
use imprint_integration_tests::browser::{get, link};

#[test]
fn a_running_application_shows_what_was_pushed_and_goes_back() {
    let app = App::start();
    assert!(app.page("/counter").contains("<h1>0</h1>"));
    app.edit(
        "CounterComponent",
        "html heading: count.",
        "html heading: count + 40.",
    );
    let told = app.pushed(&["CounterComponent>>renderContentOn:"]);
    assert!(
        told.contains("CounterComponent>>renderContentOn:   pushed   push #1"),
        "{told}"
    );
    assert!(app.page("/counter").contains("<h1>40</h1>"));
    let again = app.pushed(&["CounterComponent>>renderContentOn:"]);
    assert!(again.contains("is there already"), "{again}");

    app.edit("CounterComponent", "count + 40", "count + 50");
    app.pushed(&["CounterComponent>>renderContentOn:"]);
    assert!(app.page("/counter").contains("<h1>50</h1>"));
    let back = app.ctl(&["rollback", "#1"]);
    assert_eq!(back.code, Some(0), "{back:?}");
    assert!(
        back.stdout
            .contains("back to push #1: 0 classes, 1 method, 0 instances"),
        "{back:?}"
    );
    assert!(app.page("/counter").contains("<h1>40</h1>"));
    app.ctl(&["rollback", "0"]);
    assert!(app.page("/counter").contains("<h1>0</h1>"));
    let far = app.ctl(&["rollback", "7"]);
    assert_eq!(far.code, Some(2), "{far:?}");

    let log = master(app.folder.path(), &["log", "show", "counter.pushes"]);
    assert_eq!(log.code, Some(0), "{log:?}");
    for line in [
        "push #1   CounterComponent>>renderContentOn:",
        "back to push #0",
    ] {
        assert!(log.stdout.contains(line), "{line}: {log:?}");
    }
    app.slave.terminate();
    assert_eq!(app.slave.wait().code, Some(0));
}

#[test]
fn living_sessions_keep_what_they_hold_when_their_class_gets_a_variable() {
    let app = App::start();
    copy_folder(
        &app.folder.path().join("counter"),
        &app.folder.path().join("before"),
    )
    .unwrap();
    let first = app.page("/counter");
    let raised = app.page(&link(&first, "++").unwrap());
    assert!(raised.contains("<h1>1</h1>"), "{raised}");
    app.edit(
        "CounterComponent",
        "\t\t'count'\n",
        "\t\t'step',\n\t\t'count'\n",
    );
    app.edit(
        "CounterComponent",
        "count := count + 1",
        "count := count + (step ifNil: [ step := 5 ])",
    );

    let refused = app.push(&["CounterComponent"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    let told = app.pushed(&["CounterComponent", "--base", "before"]);
    assert!(
        told.contains("CounterComponent  + instance variable 'step'"),
        "{told}"
    );
    assert!(!told.contains("   0 instances migrated"), "{told}");
    let stepped = app.page(&link(&raised, "++").unwrap());
    assert!(stepped.contains("<h1>6</h1>"), "{stepped}");
    let lowered = app.page(&link(&stepped, "--").unwrap());
    assert!(lowered.contains("<h1>5</h1>"), "{lowered}");

    let back = app.ctl(&["rollback", "0"]);
    assert_eq!(back.code, Some(0), "{back:?}");
    let after = app.page(&link(&lowered, "++").unwrap());
    assert!(after.contains("<h1>6</h1>"), "{after}");
}

#[test]
fn what_somebody_else_pushed_is_shown_and_kept_unless_it_is_forced() {
    let app = App::start();
    let other = tempfile::tempdir().unwrap();
    copy_folder(
        &app.folder.path().join("counter"),
        &other.path().join("counter"),
    )
    .unwrap();
    app.edit("CounterComponent", "^ 'Counter'", "^ 'Mine'");
    app.pushed(&["CounterComponent>>title"]);
    let file = other
        .path()
        .join("counter/src/Counter/CounterComponent.class.st");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("^ 'Counter'", "^ 'Theirs'")).unwrap();
    let push = [
        "push",
        "CounterComponent>>title",
        "--in",
        "counter",
        "--to",
        &app.url,
    ];
    let theirs = other.path().join("counter").display().to_string();
    let from_here = ["push", push[1], "--in", &theirs, "--to", &app.url];
    // Whose code it is the folder of the sources says, and not that of the shell.
    for (shell, push) in [(other.path(), &push), (app.folder.path(), &from_here)] {
        let refused = master(shell, push);
        assert_eq!(refused.code, Some(1), "{refused:?}");
        for words in ["-\t^ 'Mine'", "+\t^ 'Theirs'", "by push #1", "--force"] {
            assert!(refused.stderr.contains(words), "{words}: {refused:?}");
        }
    }
    assert!(app.page("/counter").contains("<title>Mine</title>"));
    app.edit("CounterComponent", "^ 'Mine'", "^ 'Mine too'");
    let within = app.folder.path().join("counter");
    let mine = master(&within, &["push", push[1], "--to", &app.url]);
    assert_eq!(mine.code, Some(0), "{mine:?}");
    let diff = [
        "diff",
        "CounterComponent>>title",
        "--in",
        "counter",
        "--to",
        &app.url,
    ];
    let differs = master(other.path(), &diff);
    assert_eq!(differs.code, Some(1), "{differs:?}");
    assert!(differs.stdout.contains("+\t^ 'Theirs'"), "{differs:?}");
    let forced = master(other.path(), &[&push[..], &["--force"]].concat());
    assert_eq!(forced.code, Some(0), "{forced:?}");
    assert!(app.page("/counter").contains("<title>Theirs</title>"));
}

#[test]
fn what_a_push_made_an_image_believe_of_its_classes_goes_with_a_rollback() {
    let app = App::start();
    let file = app.file("CounterComponent");
    let before = fs::read_to_string(&file).unwrap();
    // A slim image has forgotten what its variables are called, so it takes this for the same variable.
    let renamed = before.replace("'count'\n", "'number'\n");
    let renamed = renamed.replace("count := ", "number := ");
    let renamed = renamed.replace("^ count\n", "^ number\n");
    let renamed = renamed.replace("count + 1", "number + 1");
    let renamed = renamed.replace("count - 1", "number - 1");
    let renamed = renamed.replace("heading: count", "heading: number");
    let renamed = renamed.replace("print: count", "print: number");
    fs::write(&file, renamed).unwrap();
    app.pushed(&["CounterComponent", "--alone"]);
    assert_eq!(app.ctl(&["rollback", "0"]).code, Some(0));
    fs::write(&file, before).unwrap();
    app.edit(
        "CounterComponent",
        "^ 'Counter'",
        "^ count == 0 ifTrue: [ 'zero' ] ifFalse: [ 'more' ]",
    );
    let told = app.pushed(&["CounterComponent>>title", "--alone"]);
    assert!(told.contains("pushed   push #2"), "{told}");
    assert!(app.page("/counter").contains("<title>zero</title>"));
}

#[test]
fn what_cannot_be_pushed_is_refused_with_a_sentence() {
    let app = App::start();
    let nobody = format!("http://127.0.0.1:{}", free_port().unwrap());
    app.edit(
        "CounterPair",
        "^ left\n",
        "^ left unheardOf: NoSuchClass new\n",
    );
    let cases: [(&[&str], i32, &str); 4] = [
        (
            &["Nowhere", "--to", &app.url],
            2,
            "no package, class or method Nowhere",
        ),
        (&["CounterComponent", "--to", &nobody], 3, "nobody answers"),
        (
            &["Counter-Tests", "--to", &app.url, "--alone"],
            1,
            "TestCase",
        ),
        (
            &["CounterPair", "--to", &app.url],
            2,
            "CounterPair>>left names NoSuchClass, which nothing defines",
        ),
    ];
    for (arguments, code, words) in cases {
        let push = [&["push", "--in", "counter"], arguments].concat();
        let ended = master(app.folder.path(), &push);
        assert_eq!(ended.code, Some(code), "{arguments:?}: {ended:?}");
        assert!(ended.stderr.contains(words), "{words}: {ended:?}");
    }
    assert!(app.page("/pair").contains("200"));
}

/// The log of pushes is that of the image, however often it is started, and whoever is refused leaves it alone.
#[test]
fn a_log_of_pushes_outlives_starts_that_are_refused_and_those_that_are_not() {
    let app = App::start();
    let folder = app.folder.path();
    app.edit("CounterComponent", "^ 'Counter'", "^ 'First'");
    app.pushed(&["CounterComponent>>title"]);
    for url in [
        app.url.clone(),
        format!("http://127.0.0.1:{}", free_port().unwrap()),
    ] {
        let again = slave(folder, &["run", "counter.image", "--listen", &url]);
        assert_eq!(again.code, Some(2), "{again:?}");
        let words = "counter.pushes: another program writes it";
        assert!(again.stderr.contains(words), "{again:?}");
    }
    app.edit("CounterComponent", "^ 'First'", "^ 'Second'");
    app.pushed(&["CounterComponent>>title"]);
    app.slave.terminate();
    let App { folder, slave, .. } = app;
    assert_eq!(slave.wait().code, Some(0));
    let log = folder.path().join("counter.pushes");
    let whole = fs::read(&log).unwrap();
    fs::write(&log, [&whole[..], &[7, 0, 0]].concat()).unwrap();
    let mut app = App::run(folder);
    app.slave
        .await_words("counter.pushes ends in the middle of a record");
    app.edit("CounterComponent", "^ 'Second'", "^ 'Third'");
    app.pushed(&["CounterComponent>>title"]);
    let log = master(app.folder.path(), &["log", "show", "counter.pushes"]);
    assert_eq!(log.code, Some(0), "{log:?}");
    let pushes = log.stdout.matches("CounterComponent>>title").count();
    assert!(pushes >= 3, "{log:?}");
}

/// A class that comes and goes again.
const PASSING: &str = "Class { #name : #Passing, #superclass : #Object, #category : #Counter }\n";

#[test]
fn what_is_saved_in_a_watched_folder_is_in_the_running_image() {
    let app = App::start();
    let arguments = ["watch", "counter", "--to", &app.url];
    let mut watch = start("master", app.folder.path(), &arguments, &[]);
    watch.await_line("watching counter (2 packages); the slave runs counter.image");
    app.edit("CounterComponent", "^ 'Counter'", "^ 'Saved'");
    assert_eventually("the new title", || {
        app.page("/counter")
            .contains("<title>Saved</title>")
            .then_some(())
    });
    app.edit("CounterComponent", "^ 'Saved'", "^ 'Broken");
    app.edit("CounterComponent", "^ 'Broken", "^ 'Mended'");
    assert_eventually("the mended title", || {
        app.page("/counter")
            .contains("<title>Mended</title>")
            .then_some(())
    });
    app.edit("CounterComponent", "\t^ 'Mended'", "\t^ 'Mended' ]]");
    watch.await_words("CounterComponent.class.st");
    app.edit("CounterComponent", "\t^ 'Mended' ]]", "\t^ 'Mended'");
    fs::write(app.file("Passing"), PASSING).unwrap();
    watch.await_words("Passing");
    fs::remove_file(app.file("Passing")).unwrap();
    watch.await_words("Passing   is gone from the sources");
    app.edit("CounterComponent", "^ 'Mended'", "^ 'Last'");
    assert_eventually("the last title", || {
        app.page("/counter")
            .contains("<title>Last</title>")
            .then_some(())
    });
    assert!(app.page("/counter").contains("<title>Last</title>"));
    watch.terminate();
    let told = watch.wait().stdout;
    let words = "CounterComponent>>title   pushed   push #1";
    assert!(told.contains(words), "{told}");
    assert!(told.contains("after it was saved"), "{told}");
    assert_eq!(
        told.matches("is gone from the sources").count(),
        1,
        "{told}"
    );
}

/// Another image that was built before takes the code out of the running one at `url`, whose page has
/// this title; then the first has nothing to take of it.
fn give_to_another(path: &Path, url: &str, title: &str) {
    fs::copy(path.join("full.image"), path.join("other.image")).unwrap();
    fs::copy(path.join("full.changes"), path.join("other.changes")).unwrap();
    let (other, port, other_url) = run_full(path, "other.image");
    let push = ["push", "Counter", "--from", url, "--to", &other_url];
    let taken = master(path, &push);
    assert_eq!(taken.code, Some(0), "{taken:?}");
    assert!(
        taken.stdout.contains("CounterStep   new class"),
        "{taken:?}"
    );
    assert!(
        taken.stdout.contains("+ instance variable 'step'"),
        "{taken:?}"
    );
    let page = get(port, "/counter").unwrap();
    assert!(page.contains(title), "{page}");

    let method = "CounterComponent>>title";
    let back = master(path, &["push", method, "--from", &other_url, "--to", url]);
    assert_eq!(back.code, Some(0), "{back:?}");
    let rows: [(&[&str], &str); 2] = [
        (&["Nowhere"], "there is no package, class or method Nowhere"),
        (
            &["Object", "CounterComponent>>zork"],
            "CounterComponent>>zork",
        ),
    ];
    for (names, words) in rows {
        let push = [&["push", "--from", &other_url, "--to", url], names].concat();
        let refused = master(path, &push);
        assert_ne!(refused.code, Some(0), "{refused:?}");
        assert!(refused.stderr.contains(words), "{refused:?}");
    }
    other.terminate();
    other.wait();
}

#[test]
fn a_full_image_keeps_of_pushed_code_all_that_images_keep() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    copy_folder(&example("counter"), &path.join("counter")).unwrap();
    let built = master(path, &["build", "counter", "-o", "full.image"]);
    assert_eq!(built.code, Some(0), "{built:?}");
    let (running, port, url) = run_full(path, "full.image");

    let file = path.join("counter/src/Counter/CounterComponent.class.st");
    let text = fs::read_to_string(&file).unwrap();
    let text = text.replace("\t\t'count'\n", "\t\t'step',\n\t\t'count'\n");
    let kept = "^ String streamContents: [ :stream |
        stream << (self class >> #title) sourceCode lines first; space.
        stream << (self class protocolNameOfSelector: #title); space.
        stream print: self class instVarNames size; space.
        stream << (Smalltalk globals at: #CounterStep) package name; space.
        stream << (Smalltalk globals at: #CounterStep) comment; space.
        stream print: (Object subclasses includes: CounterStep); space.
        stream print: CounterStep all size; space.
        stream << (Object protocolNameOfSelector: #isCounterStep) ]";
    fs::write(&file, text.replace("^ 'Counter'", kept)).unwrap();
    let step = "\"\nI am a step.\n\"\nClass { #name : #CounterStep, #superclass : #Object, \
        #classVars : [ 'All' ], #category : #Counter }\n\n\
        CounterStep class >> initialize [ All := OrderedCollection with: 3 ]\n\n\
        CounterStep class >> all [ ^ All ]\n";
    let folder_of = |name: &str| path.join("counter/src/Counter").join(name);
    fs::write(folder_of("CounterStep.class.st"), step).unwrap();
    let extension = "Extension { #name : #Object }\n\nObject >> isCounterStep [ ^ false ]\n";
    fs::write(folder_of("Object.extension.st"), extension).unwrap();
    let push = ["push", "Counter", "--in", "counter", "--to", &url];
    let pushed = master(path, &push);
    assert_eq!(pushed.code, Some(0), "{pushed:?}");
    assert!(!pushed.stdout.contains("warning"), "{pushed:?}");
    assert!(
        pushed.stdout.contains("CounterStep   new class"),
        "{pushed:?}"
    );
    let page = get(port, "/counter").unwrap();
    let title = "<title>title accessing 2 Counter I am a step. true 1 *Counter</title>";
    assert!(page.contains(title), "{page}");

    give_to_another(path, &url, title);

    let back = slave(path, &["ctl", &url, "rollback", "0"]);
    assert_eq!(back.code, Some(0), "{back:?}");
    assert!(
        get(port, "/counter")
            .unwrap()
            .contains("<title>Counter</title>")
    );
    running.terminate();
    running.wait();
}
