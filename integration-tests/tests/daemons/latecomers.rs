//! Objects that a slave pulls after a push gave their classes new variables: they are initialised as those
//! were that were there when it came.

use imprint_integration_tests::programs::assert_eventually;

use crate::boxes::{Boxes, ended_with};

/// Gives boxes a variable, with this body of the method that initialises it.
fn grow(boxes: &Boxes, initialiser: &str) {
    boxes.edit("Box", "[ 'left', 'right' ]", "[ 'left', 'step', 'right' ]");
    let more = format!(
        "Box >> initializeAdded: names [ {initialiser} ]\n\n\
         Box >> step [ ^ step ]\n\nBox >> left ["
    );
    boxes.edit("Box", "Box >> left [", &more);
    boxes.edit("Boxes", "isPushed [ ^ false", "isPushed [ ^ true");
}

fn push_grown(boxes: &Boxes) -> String {
    boxes.pushed(&["Box", "Boxes class>>isPushed", "--base", "base"])
}

#[test]
fn what_is_pulled_later_has_the_value_that_its_class_offers_for_a_new_variable() {
    let boxes = Boxes::start();
    let reached = boxes.pair.path().join("reached");
    let run = boxes.begin(&format!(
        "| first steps | first := Boxes all first. first left. Boxes await.
        steps := Boxes all collect: [ :each | each step ].
        '{}' asFileReference writeStreamDo: [ :stream | stream nextPutAll: 'here' ].
        [ Boxes isPushed ] whileTrue: [ (Delay forMilliseconds: 2) wait ].
        {{ steps. Boxes all last label. Boxes all last class instSize.
            Boxes all last respondsTo: #step. Boxes all third sum }} printString",
        reached.display()
    ));
    grow(
        &boxes,
        "(names includes: #step) ifTrue: [ step := left * 10 ]",
    );
    let told = push_grown(&boxes);
    assert!(told.contains("1 instance migrated"), "{told}");
    assert_eventually("steps", || reached.exists().then_some(()));
    let back = || boxes.pair.slave(&["rollback", "0"]);
    assert_eq!(back().code, Some(0));
    ended_with(run, "#(#(90 90 90 900) #later 4 false 1000)");
    // A run that begins later has nothing when the push is put into it.
    push_grown(&boxes);
    let ask = "{ Boxes all last step. Boxes all third sum. Boxes all second step } printString";
    assert_eq!(boxes.pair.pulled(ask), "#(900 1000 90)");
    assert_eq!(back().code, Some(0));
    assert_eq!(boxes.pair.pulled("Boxes all last class instSize"), "4");
}

#[test]
fn an_initialiser_reaches_what_has_not_come_and_class_sides_have_one_too() {
    let boxes = Boxes::start();
    let run = boxes.begin(
        "| first | first := Boxes all first. first left. Boxes await.
        { first step. Boxes all last step. LateBox size. LateBox made. first class size } printString",
    );
    // The last box asks the one before it, which asks the one before that.
    grow(
        &boxes,
        "| all at | all := Boxes all. at := all indexOf: self.
        step := at = 1 ifTrue: [ 1 ] ifFalse: [ (all at: at - 1) step + 1 ]",
    );
    boxes.edit("Box", "#category", "#classInstVars : [ 'size' ], #category");
    let side = "Box class >> initializeAdded: names [ size := self name size ]\n\n\
        Box class >> size [ ^ size ]\n\nBox >> left [";
    boxes.edit("Box", "Box >> left [", side);
    push_grown(&boxes);
    ended_with(run, "#(1 4 7 5 3)");
}

#[test]
fn an_initialiser_that_only_the_master_has_is_pulled_and_one_that_fails_is_told_of() {
    let mut boxes = Boxes::start();
    let run = boxes.begin(
        "| first apart | apart := ApartBox new. apart colour. first := Boxes all first. first left.
        Boxes await. { apart hue. first step. Boxes all third step. Boxes all last step.
            Boxes all last sum } printString",
    );
    boxes.edit("ApartBox", "#category", "#instVars : [ 'hue' ], #category");
    boxes.edit(
        "ApartBox",
        "ApartBox >> weight",
        "ApartBox >> hue [ ^ hue ]\n\nApartBox >> weight",
    );
    boxes.pushed(&["ApartBox", "--base", "base"]);
    grow(&boxes, "self error: 'it is any'");
    let refused = boxes.push(&["Box", "Boxes class>>isPushed", "--base", "base"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    let sentence = "initialising the new variables of Box failed";
    assert!(refused.stderr.contains(sentence), "{refused:?}");
    let heavy = "left = 90 ifTrue: [ self error: 'it is heavy' ]. step := left";
    boxes.edit("Box", "self error: 'it is any'", heavy);
    let told = push_grown(&boxes);
    let migrated = "+ instance variable 'step'   1 instance migrated";
    assert!(told.contains(migrated), "{told}");
    ended_with(run, "#(3 9 9 nil 10000)");
    for words in ["'step' of an instance of LateBox", "it is heavy"] {
        boxes.pair.await_slave_words(words);
    }
}

#[test]
fn what_a_variable_held_that_went_comes_back_into_what_came_since() {
    let boxes = Boxes::start();
    let reached = boxes.pair.path().join("reached");
    let run = boxes.begin(&format!(
        "| first | first := Boxes all first. first left. Boxes await. Boxes all last label.
        '{}' asFileReference writeStreamDo: [ :stream | stream nextPutAll: 'here' ].
        [ Boxes isPushed ] whileTrue: [ (Delay forMilliseconds: 2) wait ].
        {{ first difference. Boxes all last difference. Boxes all third sum }} printString",
        reached.display()
    ));
    boxes.edit("Box", "[ 'left', 'right' ]", "[ 'left' ]");
    boxes.edit("Box", "right := other", "other yourself");
    boxes.edit("Box", "left ]. [ right ]", "left ]. [ left ]");
    boxes.edit("Boxes", "isPushed [ ^ false", "isPushed [ ^ true");
    let shrunk = ["Box", "Boxes class>>isPushed", "--base", "base", "--force"];
    let pushed = boxes.push(&shrunk);
    assert_eq!(pushed.code, Some(0), "{pushed:?}");
    assert_eventually("the label", || reached.exists().then_some(()));
    let back = boxes.pair.slave(&["rollback", "0"]);
    assert_eq!(back.code, Some(0), "{back:?}");
    ended_with(run, "#(7 70 1000)");
}
