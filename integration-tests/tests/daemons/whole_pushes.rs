//! All that belongs to classes arrives with a push, in the midst of what an image was started to run.

use std::path::Path;

use imprint_integration_tests::programs::{free_port, master, slave, start};

/// The project of the classes as they are pushed, and as the image was built of them.
const PUSHES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/pushes");

/// Tells what a thing is whenever that has changed, and twice agreed: a push may come between two answers.
const WATCHER: &str = "| thing subjects tell told next count |
    thing := TrialThing new a: 5; yourself.
    subjects := { #thing -> [ thing ]. #class -> [ TrialThing ]. #method -> [ TrialThing >> #a ] } asDictionary.
    tell := [ (#((a thing) (limit thing) (greeting thing) (trialName thing) (registry class) (comment class)
            (sharedPools class) (instVarNames class) (classVarNames class) (sourceCode method) (author method)
            (timeStamp method)) collect: [ :row |
        [ ((subjects at: row second) value perform: row first) printString collect: [ :each |
            each isSeparator ifTrue: [ Character space ] ifFalse: [ each ] ] ]
            on: Error do: [ :error | '-' ] ]) inject: '' into: [ :all :each | all , each , '; ' ] ].
    told := ''. count := 0.
    [ next := tell value.
    (next = told or: [ next ~= tell value ]) ifFalse: [
        Stdio stdout print: (count := count + 1); nextPutAll: ': ' , next; lf; flush.
        told := next ].
    (Delay forMilliseconds: 5) wait ] repeat";

const BEFORE: &str = "5; -; -; -; -; ''; #(); #('a'); #(); 'a  ^ a'; ''; '';";
/// The stamp goes on with the date.
const AFTER: &str = "5; 42; 'hello from a trait'; 'trial of TrialThing'; 7; 'I am a thing.'; {TrialPool}; \
     #('b' 'a'); #(#Count); 'a  \"What I hold.\"  ^ a'; 'ada'; 'ada 20";
/// Whoever pushes.
const AUTHOR: &str = "ada";

#[test]
fn what_belongs_to_classes_arrives_while_the_first_expression_runs() {
    let folder = tempfile::tempdir().unwrap();
    let before = format!("{PUSHES}/before");
    let built = master(folder.path(), &["build", &before, "-o", "trial.image"]);
    assert_eq!(built.code, Some(0), "{built:?}");
    let url = format!("http://127.0.0.1:{}", free_port().unwrap());
    let run = ["run", "--listen", &url, "trial.image", "eval", WATCHER];
    let mut image = start("master", folder.path(), &run, &[]);
    image.await_words(&format!("1: {BEFORE}"));
    let pushed = push(folder.path(), &url);
    assert!(pushed.contains("7 methods   pushed   push #1"), "{pushed}");
    image.await_words(&format!("2: {AFTER}"));
    let back = slave(folder.path(), &["ctl", &url, "rollback", "#0"]);
    assert_eq!(back.code, Some(0), "{back:?}");
    assert!(
        back.stdout
            .starts_with("back to push #0: 2 classes, 7 methods"),
        "{back:?}"
    );
    image.await_words(&format!("3: {BEFORE}"));
}

fn push(folder: &Path, url: &str) -> String {
    let after = format!("{PUSHES}/after");
    let push = ["push", "--in", &after, "--to", url];
    let pushed = start("master", folder, &push, &[("USER", AUTHOR)]).wait();
    assert_eq!(pushed.code, Some(0), "{pushed:?}");
    pushed.stdout
}
