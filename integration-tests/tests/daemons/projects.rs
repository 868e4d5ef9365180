//! Projects that are no web application, with tests of every kind.

use std::fs;
use std::path::Path;

use imprint_integration_tests::programs::master;
use serde_json::Value;

const SPECIFICATION: &str = "SmalltalkCISpec {
    #name : 'Greeter',
    #loading : [ SCIMetacelloLoadSpec { #baseline : 'Greeter', #directory : 'src' } ],
    #testing : { #include : { #packages : [ 'Greeter-Tests' ] } },
    #entry : 'Greeter new greet: \\'world\\''
}";

const BASELINE: &str = "Class { #name : #BaselineOfGreeter, #superclass : #BaselineOf }

BaselineOfGreeter >> baseline: spec [
    <baseline>
    spec for: #common do: [
        spec package: 'Greeter'.
        spec package: 'Greeter-Tests' with: [ spec requires: #('Greeter') ] ]
]
";

const GREETER: &str = "Class { #name : #Greeter, #superclass : #Object, #category : #Greeter }

Greeter >> greet: aName [ ^ 'hello, ' , aName ]

Greeter >> learn [ self class compile: 'learned ^ 7'. ^ self perform: #learned ]
";

/// A test class with these tests, each a selector and a body.
fn tests(bodies: &[(&str, &str)]) -> String {
    let head =
        "Class { #name : #GreeterTest, #superclass : #TestCase, #category : #'Greeter-Tests' }\n";
    let methods = bodies
        .iter()
        .map(|(selector, body)| format!("\nGreeterTest >> {selector} [ {body} ]\n"));
    std::iter::once(head.to_string()).chain(methods).collect()
}

/// Writes the project, and shrinks it with these options.
fn shrink(folder: &Path, bodies: &[(&str, &str)], options: &[&str]) -> (Option<i32>, Value) {
    for (path, text) in [
        (".smalltalk.ston", SPECIFICATION),
        ("src/BaselineOfGreeter/BaselineOfGreeter.class.st", BASELINE),
        ("src/Greeter/Greeter.class.st", GREETER),
        ("src/Greeter-Tests/GreeterTest.class.st", &tests(bodies)),
    ] {
        let path = folder.join("greeter").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let ended = master(
        folder,
        &[&["shrink", "greeter", "--json"], options].concat(),
    );
    let report = serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{ended:?}"));
    (ended.code, report)
}

fn outcome<'a>(report: &'a Value, selector: &str) -> &'a str {
    let cases = report["tests"]["cases"].as_array().unwrap();
    let case = cases.iter().find(|case| case["selector"] == selector);
    case.and_then(|case| case["outcome"]["ended"].as_str())
        .unwrap()
}

#[test]
fn a_program_that_serves_nothing_is_shrunk_and_each_test_is_told_by_how_it_ended() {
    let folder = tempfile::tempdir().unwrap();
    let bodies = [
        (
            "testGreets",
            "self assert: (Greeter new greet: 'you') equals: 'hello, you'",
        ),
        ("testLearns", "self assert: Greeter new learn equals: 7"),
        ("testWrong", "self assert: 3 + 4 equals: 8"),
        ("testAbsent", "nil foo"),
        ("testEndless", "[ true ] whileTrue"),
        ("testLater", "self skip: 'not today'"),
    ];
    let (code, report) = shrink(folder.path(), &bodies, &["--timeout", "0.5"]);
    assert_eq!(code, Some(0), "{report:#}");
    for (selector, ended) in [
        ("testGreets", "passed"),
        ("testLearns", "needs_compiler"),
        ("testWrong", "excluded"),
        ("testAbsent", "excluded"),
        ("testEndless", "excluded"),
        ("testLater", "skipped"),
    ] {
        assert_eq!(outcome(&report, selector), ended, "{selector}");
    }
    assert_eq!(report["proof"]["page"], Value::Null);
    assert_eq!(
        report["proof"]["tests"]["cases"].as_array().unwrap().len(),
        1
    );
}

#[test]
fn a_test_that_asks_for_the_whole_image_fails_the_proof_with_its_own_words() {
    let folder = tempfile::tempdir().unwrap();
    let bodies = [(
        "testWorld",
        "self assert: Object subclasses size > 50 description: 'the world is small'",
    )];
    let (code, report) = shrink(folder.path(), &bodies, &[]);
    assert_eq!(code, Some(1), "{report:#}");
    let faults = report["proof"]["faults"].to_string();
    assert!(faults.contains("GreeterTest>>testWorld: "), "{faults}");
    assert!(faults.contains("the world is small"), "{faults}");
}

#[test]
fn a_test_that_fails_in_the_slave_alone_shows_its_stack_with_the_lines_of_the_source() {
    let folder = tempfile::tempdir().unwrap();
    // A slave has few strings at first: what an enumeration finds there is what has come.
    let body = "| count |\n\tcount := ByteString allInstances size.\n\tself assert: count > 1000 \
                description: 'few strings'";
    let (code, report) = shrink(folder.path(), &[("testStrings", body)], &[]);
    assert_eq!(code, Some(1), "{report:#}");
    assert_eq!(outcome(&report, "testStrings"), "failed", "{report:#}");
    let stack = report["tests"]["cases"][0]["outcome"].to_string();
    assert!(stack.contains("GreeterTest>>testStrings"), "{stack}");
    assert!(stack.contains("self assert: count > 1000"), "{stack}");
    assert!(!stack.contains("performTest"), "{stack}");
}

#[test]
fn an_entry_expression_that_fails_says_how() {
    let folder = tempfile::tempdir().unwrap();
    let ended = master(
        folder.path(),
        &["shrink", "--eval", "nil foo", "-o", "x.image"],
    );
    assert_eq!(ended.code, Some(1), "{ended:?}");
    for words in [
        "#foo was sent to nil",
        "UndefinedObject>>DoIt",
        "the entry expression failed: it ended in the error",
    ] {
        assert!(ended.stderr.contains(words), "{words}: {ended:?}");
    }
}
