//! A slave that begins with nothing runs code that comes as it is missed.

use std::time::{Duration, Instant};

use imprint_isa::Miss;
use imprint_vm::Outcome;

use crate::world::Slave;

#[test]
fn the_empty_seed_is_below_ten_kilobytes() {
    let slave = Slave::new();
    println!("the empty seed takes {} bytes", slave.seed_bytes);
    assert!(slave.seed_bytes < 10 * 1024, "{}", slave.seed_bytes);
}

#[test]
fn arithmetic_pulls_nothing_but_the_binding_that_its_code_names() {
    let mut slave = Slave::new();
    assert_eq!(slave.evaluate("3 + 4"), "7");
    assert_eq!(
        slave.traffic.borrow().misses,
        [Miss::Global("UndefinedObject".into())]
    );
}

#[test]
fn expressions_pull_what_they_touch() {
    let rows = [
        ("100 factorial printString size", "158"),
        ("'hello' reversed", "olleh"),
        (
            "(1 to: 10) inject: 0 into: [ :sum :each | sum + each ]",
            "55",
        ),
        (
            "(1/2) + (1/3) = (5/6) ifTrue: [ 'yes' ] ifFalse: [ 'no' ]",
            "yes",
        ),
        ("[ 1/0 ] on: ZeroDivide do: [ :e | e messageText ]", ""),
        (
            "[ nil foo ] on: MessageNotUnderstood do: [ :e | e message selector ]",
            "foo",
        ),
        ("(Smalltalk at: #Array) name", "Array"),
        ("(Smalltalk includesKey: #Nonsense) printString", "false"),
        (
            "#(3 1 2) asSortedCollection asArray printString",
            "#(1 2 3)",
        ),
        (
            "| d | d := Dictionary new. d at: #a put: 1; at: #b put: 2. (d at: #a) + (d at: #b)",
            "3",
        ),
        ("(String new: 3 withAll: $x) printString", "'xxx'"),
        ("3 printString , ' ' , 2.5 printString", "3 2.5"),
        ("(3 perform: #+ with: 4)", "7"),
        ("'foo' asSymbol == #foo ifTrue: [ 1 ] ifFalse: [ 2 ]", "1"),
        (
            "Object subclasses size > 20 ifTrue: [ 'many' ] ifFalse: [ 'few' ]",
            "many",
        ),
        ("(3 isKindOf: Number) printString", "true"),
        (
            "(OrderedCollection new add: 3; add: 4; yourself) printString",
            "an OrderedCollection(3 4)",
        ),
        (
            "String streamContents: [ :s | s nextPutAll: 'a'; print: 3 ]",
            "a3",
        ),
        ("[ :x | x * 2 ] value: 21", "42"),
        ("[ ^ 5 ] value", "5"),
        ("[ 3 ] ensure: [ 4 ]", "3"),
        ("(Set withAll: #(1 2 2 3)) size", "3"),
    ];
    for (source, expected) in rows {
        let mut slave = Slave::new();
        let answer = slave.evaluate(source);
        let traffic = slave.traffic.borrow();
        println!(
            "{source}\n    {answer}: {} round trips, {} drafts, {} bytes",
            traffic.misses.len(),
            traffic.drafts,
            traffic.bytes
        );
        if !expected.is_empty() {
            assert_eq!(answer, expected, "{source}");
        }
        slave
            .vm
            .verify()
            .unwrap_or_else(|faults| panic!("{source}: {:?}", faults[0]));
    }
}

#[test]
fn looking_at_the_globals_pulls_those_that_are_looked_at() {
    let rows = [
        ("(Smalltalk at: #Array) name", 36_000),
        ("Object subclasses size", 30_000),
        ("'Array' asClass name", 60_000),
        ("(Smalltalk includesKey: #Nonsense)", 36_000),
    ];
    for (source, bytes_max) in rows {
        let mut slave = Slave::new();
        slave.evaluate(source);
        let bytes = slave.traffic.borrow().bytes;
        println!("{source}: {bytes} bytes");
        assert!(bytes < bytes_max, "{source}: {bytes}");
    }
}

#[test]
fn a_deadline_counts_what_runs_and_not_what_is_waited_for() {
    let limit = Duration::from_millis(400);
    let mut slave = Slave::new();
    slave.limit = Some(limit);
    slave.traffic.borrow_mut().delay = Duration::from_millis(60);
    let begin = Instant::now();
    assert_eq!(slave.evaluate("100 factorial printString size"), "158");
    assert!(begin.elapsed() > limit, "the pulls alone took longer");
    assert!(slave.vm.standstill() > limit);
    let outcome = slave.run("[ true ] whileTrue");
    assert!(matches!(outcome, Outcome::TimedOut), "{outcome:?}");
}
