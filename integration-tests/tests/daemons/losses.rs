//! What a slim image has lost comes along with code that is pushed into it, or while somebody watches.

use std::fs;

use imprint_integration_tests::programs::{
    Running, assert_eventually, copy_folder, example, free_port, master, slave, start,
};

use crate::live_app::{App, run_full};
use imprint_integration_tests::browser::get;

/// The page that no test asks for.
const EXPORT: &str = "/counter?_export=csv";
/// What the browser shows in the title line of the counter's page.
const PLAIN: &str = "<title>Counter</title>";

/// Lets the title be the value of an expression.
fn set_title(app: &App, from: &str, to: &str) {
    app.edit("CounterComponent", from, to);
}

fn push_title(app: &App, more: &[&str]) -> String {
    app.pushed(&[&["CounterComponent>>title"], more].concat())
}

#[test]
fn what_pushed_code_sends_comes_along_and_is_told_before() {
    let app = App::start();
    let sorted =
        "^ (#(3 1 2) asSortedCollection inject: 0 into: [ :a :b | a * 10 + b ]) printString";
    set_title(&app, "^ 'Counter'", sorted);
    let told = push_title(&app, &[]);
    let listed = told.find("with it come ").expect("it is told");
    let done = told.find("push #1").expect("it is done");
    assert!(listed < done, "{told}");
    for words in [
        "    SortedCollection   class",
        "asSortedCollection",
        "that the image has lost:",
    ] {
        assert!(told.contains(words), "{words}: {told}");
    }
    // A tenth of the kernel at most.
    let words: Vec<&str> = told.lines().next().unwrap_or_default().split(' ').collect();
    let methods: u32 = words[6].parse().expect("it is the number of methods");
    assert!(methods < 480, "{told}");
    assert!(app.page("/counter").contains("<title>123</title>"));

    // What is there now is not brought again; what came of another push is used.
    set_title(&app, "#(3 1 2)", "#(6 5 4)");
    let again = push_title(&app, &[]);
    assert!(!again.contains("with it come"), "{again}");
    assert!(app.page("/counter").contains("<title>456</title>"));

    let back = app.ctl(&["rollback", "0"]);
    assert!(back.stdout.contains("back to push #0: "), "{back:?}");
    assert!(app.page("/counter").contains(PLAIN));
    // Nothing of it is left.
    let once_more = push_title(&app, &[]);
    assert!(once_more.contains("with it come "), "{once_more}");
    assert!(app.page("/counter").contains("<title>456</title>"));
}

#[test]
fn a_method_that_was_pruned_comes_along_and_is_a_tombstone_again_after_a_rollback() {
    let app = App::start();
    let pruned = "PrunedBehavior: CounterComponent>>renderCsvOn: was not exercised";
    assert!(app.page(EXPORT).contains(pruned));
    app.edit("CounterComponent", "'counter.csv'", "'numbers.csv'");
    let told = app.pushed(&["CounterComponent>>responseTo:"]);
    assert!(
        told.contains("    CounterComponent   renderCsvOn:"),
        "{told}"
    );
    let export = app.page(EXPORT);
    assert!(export.ends_with("count\n0\n"), "{export}");
    let back = app.ctl(&["rollback", "0"]);
    assert_eq!(back.code, Some(0), "{back:?}");
    assert!(app.page(EXPORT).contains(pruned));
}

#[test]
fn a_class_that_the_machine_knows_by_number_is_lost_again_after_a_rollback() {
    let app = App::start();
    let large = "^ (count := 1180591620717411303424) printString";
    set_title(&app, "^ 'Counter'", large);
    // The number lives on, so the second time something stands in for its class.
    for _ in 0..2 {
        let told = push_title(&app, &[]);
        assert!(told.contains("    LargePositiveInteger   class"), "{told}");
        let page = app.page("/counter");
        assert!(
            page.contains("500 PrunedBehavior: LargeInteger>>"),
            "{page}"
        );
        let back = app.ctl(&["rollback", "0"]);
        assert!(
            back.stdout.contains("back to push #0: 2 classes"),
            "{back:?}"
        );
        let page = app.page("/counter");
        let sentence = "500 PrunedObject: LargePositiveInteger was not exercised";
        assert!(page.contains(sentence), "{page}");
    }
}

#[test]
fn code_that_is_pushed_alone_names_what_it_reaches_and_is_not_there() {
    let app = App::start();
    set_title(&app, "^ 'Counter'", "^ #(3 1) printString");
    let told = push_title(&app, &["--alone"]);
    assert!(!told.contains("with it come"), "{told}");
    let page = app.page("/counter");
    assert!(page.contains("500 PrunedBehavior: "), "{page}");
    set_title(
        &app,
        "^ #(3 1) printString",
        "^ (Set with: 3) size printString",
    );
    push_title(&app, &["--alone"]);
    // No test met a pruned object, so this image has no page for one either.
    get(app.port, "/counter");
    let missed = fs::read_to_string(app.folder.path().join("counter.pruned.log")).unwrap();
    assert!(missed.lines().any(|line| line == "Set"), "{missed}");
    set_title(&app, "size printString", "size printString , ''");
    let told = push_title(&app, &[]);
    assert!(told.contains("    Set   class"), "{told}");
    assert!(app.page("/counter").contains("<title>1</title>"));
}

#[test]
fn a_full_image_gives_away_what_a_slim_one_has_lost() {
    let app = App::start();
    let path = app.folder.path();
    let built = master(path, &["build", "counter", "-o", "full.image"]);
    assert_eq!(built.code, Some(0), "{built:?}");
    let (full, _, full_url) = run_full(path, "full.image");
    let push = [
        "push",
        "CounterComponent>>responseTo:",
        "--from",
        &full_url,
        "--to",
        &app.url,
    ];
    let pushed = master(path, &push);
    assert_eq!(pushed.code, Some(0), "{pushed:?}");
    assert!(
        pushed
            .stdout
            .contains("    CounterComponent   renderCsvOn:"),
        "{pushed:?}"
    );
    assert!(app.page(EXPORT).ends_with("count\n0\n"));
    // The other way round nothing was lost.
    let push = [
        "push",
        "CounterComponent",
        "--in",
        "counter",
        "--to",
        &full_url,
    ];
    let pushed = master(path, &push);
    assert_eq!(pushed.code, Some(0), "{pushed:?}");
    assert!(!pushed.stdout.contains("with it come"), "{pushed:?}");
    full.terminate();
    full.wait();
}

fn watch(app: &App) -> Running {
    let arguments = ["watch", "counter", "--to", &app.url];
    let mut watch = start("master", app.folder.path(), &arguments, &[]);
    watch.await_line("watching counter (2 packages); the slave runs counter.image");
    watch
}

/// Pushes a title alone, of a folder that nobody watches.
fn push_elsewhere(app: &App, title: &str) {
    let elsewhere = app.folder.path().join("elsewhere");
    copy_folder(&app.folder.path().join("counter"), &elsewhere).unwrap();
    let file = elsewhere.join("src/Counter/CounterComponent.class.st");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("^ 'Counter'", title)).unwrap();
    let push = [
        "push",
        "CounterComponent>>title",
        "--alone",
        "--in",
        "elsewhere",
        "--to",
        &app.url,
    ];
    let pushed = master(app.folder.path(), &push);
    assert_eq!(pushed.code, Some(0), "{pushed:?}");
}

#[test]
fn while_somebody_watches_what_is_reached_and_was_lost_is_supplied() {
    let app = App::start();
    assert!(app.page(EXPORT).contains("500 PrunedBehavior"));
    let mut watching = watch(&app);
    assert!(app.page(EXPORT).ends_with("count\n0\n"));
    watching.await_words("CounterComponent>>renderCsvOn:   was reached; ");

    // A class is reached, then one method of it after the other.
    push_elsewhere(&app, "^ (Set with: 3 with: 3) size printString");
    assert!(app.page("/counter").contains("<title>1</title>"));
    watching.await_words("Set   was reached; Set   new class");

    watching.kill();
    assert!(app.page(EXPORT).ends_with("count\n0\n"), "what came stays");
    push_elsewhere(&app, "^ #(3 2) asSortedCollection first printString");
    let page = app.page("/counter");
    assert!(page.contains("500 PrunedBehavior: "), "{page}");

    let mut again = watch(&app);
    assert_eventually("the page", || {
        app.page("/counter")
            .contains("<title>2</title>")
            .then_some(())
    });
    again.await_words("asSortedCollection   was reached; ");
    let log = master(app.folder.path(), &["log", "show", "counter.pushes"]);
    assert!(
        log.stdout.contains("CounterComponent>>renderCsvOn:"),
        "{log:?}"
    );
    let back = slave(app.folder.path(), &["ctl", &app.url, "rollback", "0"]);
    assert_eq!(back.code, Some(0), "{back:?}");
    again.kill();
    assert!(app.page(EXPORT).contains("500 PrunedBehavior"));
    assert!(app.page("/counter").contains(PLAIN));
}

/// The counter with a variable whose object no test looks into, shrunk with these options.
fn labelled(options: &[&str]) -> App {
    let folder = tempfile::tempdir().unwrap();
    copy_folder(&example("counter"), &folder.path().join("counter")).unwrap();
    let file = "counter/src/Counter/CounterComponent.class.st";
    let file = folder.path().join(file);
    let text = fs::read_to_string(&file).unwrap();
    let text = text.replacen("#instVars", "#classVars : [ 'Labels' ],\n\t#instVars", 1);
    let text = text.replacen(
        "^ 'Counter'",
        "Labels == nil ifTrue: [ ^ 'none' ].\n\t^ 'Counter'",
        1,
    );
    let initialize = "\n{ #category : #'class initialization' }\nCounterComponent class >> initialize [\n\t\
        Labels := Array with: 'first' copy with: 'second' copy\n]\n";
    fs::write(&file, text + initialize).unwrap();
    let shrink = [&["shrink", "counter", "-o", "counter.image"], options].concat();
    let shrunk = master(folder.path(), &shrink);
    assert_eq!(shrunk.code, Some(0), "{shrunk:?}");
    App::run(folder)
}

#[test]
fn an_object_that_was_lost_is_told_to_who_watches_with_what_to_do() {
    let app = labelled(&[]);
    let mut watching = watch(&app);
    push_elsewhere(&app, "^ Labels first");
    let page = app.page("/counter");
    assert!(
        page.contains("500 PrunedObject: CounterComponent>>Labels"),
        "{page}"
    );
    watching.await_words(
        "CounterComponent>>Labels   was reached; it is an object, which no code can bring back: \
         shrink again with   --keep 'CounterComponent>>Labels'   or run the image with   --master URL",
    );
    // Who does so has it.
    let keeping = labelled(&["--keep", "CounterComponent>>Labels"]);
    push_elsewhere(&keeping, "^ Labels first");
    let page = keeping.page("/counter");
    assert!(page.contains("<title>first</title>"), "{page}");
}

#[test]
fn what_is_saved_brings_along_what_a_slim_image_has_lost_of_it() {
    let app = App::start();
    let mut watching = watch(&app);
    let sorted = "^ #(3 2) asSortedCollection first printString";
    set_title(&app, "^ 'Counter'", sorted);
    watching.await_words("with it come ");
    watching.await_words("    SortedCollection   class");
    watching.await_words("CounterComponent>>title   pushed   push #1");
    assert!(app.page("/counter").contains("<title>2</title>"));
    // All of it came before anybody reached it, and goes with a rollback.
    watching.terminate();
    let told = watching.wait().stdout;
    assert!(!told.contains("was reached"), "{told}");
    let back = app.ctl(&["rollback", "0"]);
    assert_eq!(back.code, Some(0), "{back:?}");
    assert!(app.page("/counter").contains(PLAIN));
}

#[test]
fn a_watch_ends_with_the_image_that_it_watches() {
    let app = App::start();
    let watching = watch(&app);
    app.slave.terminate();
    let ended = watching.wait();
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(
        ended
            .stderr
            .contains(&format!("the image at {} is gone", app.url)),
        "{ended:?}"
    );
    let nobody = format!("http://127.0.0.1:{}", free_port().unwrap());
    let refused = master(app.folder.path(), &["watch", "counter", "--to", &nobody]);
    assert_eq!(refused.code, Some(3), "{refused:?}");
}
