//! Tonel in its three versions, and its faults: a text, and what is read from it.

use crate::definition::{ClassKind, PackageDefinition};
use crate::repository::{Reading, SourceFile, read_packages};

fn read(files: &[(&str, &str)]) -> Reading {
    read_packages(files.iter().map(|&(path, text)| SourceFile { path, text }))
}

fn package(files: &[(&str, &str)]) -> PackageDefinition {
    let reading = read(files);
    assert_eq!(reading.problems, []);
    reading.packages.into_iter().next().expect("a package")
}

#[track_caller]
fn check_problems(text: &str, expected: &[&str]) {
    let reading = read(&[("P/A.class.st", text)]);
    let found: Vec<String> = reading.problems.iter().map(ToString::to_string).collect();
    assert_eq!(found, expected);
}

const COUNTER: &str = r#""
I count. Say ""increase"".

"
Class {
	#name : #Counter,
	#superclass : #Object,
	#type : #variable,
	#instVars : [
		'count',
		'step'
	],
	#classVars : [ 'Default' ],
	#pools : [ 'Limits' ],
	#classInstVars : [ 'instances' ],
	#category : #'Counter-Model'
}

{ #category : #'instance creation' }
Counter class >> startingAt: aNumber step: anotherNumber [

	^ self new count: aNumber; step: anotherNumber
]

{ #category : #accessing }
Counter >> count [
	^ count ifNil: [ $] asInteger ]
]

{ #category : #arithmetic }
Counter >> + other [ ^ count + other "]" ]
"#;

#[test]
fn a_class_of_version_1_gives_all_its_fields() {
    let package = package(&[
        ("src/Counter/package.st", "Package { #name : #Counter }\n"),
        ("src/Counter/Counter.class.st", COUNTER),
    ]);
    assert_eq!(package.name, "Counter");
    let class = &package.classes[0];
    assert_eq!(class.name, "Counter");
    assert_eq!(class.superclass.as_deref(), Some("Object"));
    assert_eq!(class.kind, ClassKind::Variable);
    assert_eq!(class.instance_variables, ["count", "step"]);
    assert_eq!(class.class_variables, ["Default"]);
    assert_eq!(class.pools, ["Limits"]);
    assert_eq!(class.class_instance_variables, ["instances"]);
    assert_eq!(
        (class.package.as_str(), class.tag.as_str()),
        ("Counter", "Model")
    );
    assert_eq!(class.category(), "Counter-Model");
    assert_eq!(class.comment, "I count. Say \"increase\".");
    assert_eq!(class.origin.line, 5);
}

#[test]
fn methods_give_side_selector_protocol_and_source() {
    let package = package(&[("Counter/Counter.class.st", COUNTER)]);
    let methods = &package.classes[0].methods;
    let facts: Vec<_> = methods
        .iter()
        .map(|method| (method.full_name(), method.protocol.as_str()))
        .collect();
    assert_eq!(
        facts,
        [
            (
                "Counter class>>startingAt:step:".to_owned(),
                "instance creation"
            ),
            ("Counter>>count".to_owned(), "accessing"),
            ("Counter>>+".to_owned(), "arithmetic"),
        ]
    );
    assert_eq!(
        methods[1].source,
        "count\n\t^ count ifNil: [ $] asInteger ]"
    );
    assert_eq!(methods[2].source, "+ other ^ count + other \"]\"");
}

#[test]
fn an_offset_in_the_source_leads_back_to_the_file() {
    let package = package(&[("Counter/Counter.class.st", COUNTER)]);
    for method in &package.classes[0].methods {
        for word in ["other", "count", "asInteger", "step:"] {
            let Some(offset) = method.source.rfind(word) else {
                continue;
            };
            let place = method
                .origin
                .file_offset(u32::try_from(offset).expect("small"))
                as usize;
            assert!(
                COUNTER[place..].starts_with(word),
                "{word} in {}",
                method.full_name()
            );
        }
        let line = COUNTER
            .lines()
            .nth(method.origin.line as usize - 1)
            .expect("a line");
        assert!(line.contains(">>"), "{line}");
    }
}

#[test]
fn version_2_writes_strings_and_version_3_package_and_tag() {
    let package = package(&[
        ("A/package.st", "Package { #name : 'A' }"),
        (
            "A/B.class.st",
            "Class { #name : 'B', #superclass : 'nil', #category : 'A', #unknown : [ 1 ] }\n\
             { #category : 'running', #vocabulary : #V }\nB >> run [ ]",
        ),
        (
            "A/C.class.st",
            "Class {\n#name : 'C',\n#superclass : 'B',\n#type : 'DoubleWordLayout',\n#package : 'A',\n\
             #tag : 'Core'\n}\n",
        ),
    ]);
    let [b, c] = package.classes.as_slice() else {
        panic!("two classes")
    };
    assert_eq!(
        (b.superclass.as_deref(), b.package.as_str(), b.tag.as_str()),
        (None, "A", "")
    );
    assert_eq!(
        (b.methods[0].source.as_str(), b.methods[0].protocol.as_str()),
        ("run", "running")
    );
    assert_eq!((c.kind, c.tag.as_str()), (ClassKind::DoubleWords, "Core"));
}

#[test]
fn traits_and_extensions_go_to_their_lists() {
    let package = package(&[
        (
            "T/TFoo.trait.st",
            "\"A trait.\"\nTrait { #name : #TFoo, #traits : 'TBar + TBaz', #instVars : [ 'x' ] }\n\
             TFoo classSide >> make [ ^ 1 ]\nTFoo classTrait >> other [ ^ 2 ]",
        ),
        (
            "T/Object.extension.st",
            "Extension { #name : #Object }\n\n{ #category : #'*T' }\nObject >> foo: x bar: y [ ^ x ]\n\n\
             { #category : #'*T' }\nObject class >> baz [ ^ 3 ]\n",
        ),
        (
            "T/User.class.st",
            "Class { #name : #User, #superclass : #Object, #traits : 'TFoo', #classTraits : 'TFoo classTrait' }",
        ),
    ]);
    assert_eq!(package.traits[0].traits, "TBar + TBaz");
    assert!(
        package.traits[0]
            .methods
            .iter()
            .all(|method| method.is_meta)
    );
    let names: Vec<_> = package
        .extensions
        .iter()
        .map(|method| method.full_name())
        .collect();
    assert_eq!(names, ["Object>>foo:bar:", "Object class>>baz"]);
    assert_eq!(package.extensions[0].protocol, "*T");
    assert_eq!(package.classes[0].class_traits, "TFoo classTrait");
}

#[test]
fn every_fault_of_a_file_is_reported_with_its_line() {
    check_problems(
        "Class { #name : #A, #type : #odd, #instVars : [ 'x', '#y => WeakSlot' ] }\n\n\
         A >> at: [ ^ 1 ]\n\
         A >> good [ ^ 2 ]\n\
         B >> foreign [ ^ 3 ]\n\
         A >> good [ ^ 4 ]\n\
         what is this\n\
         A >> open [ ^ [ 5 ]\n",
        &[
            "P/A.class.st:1: unknown class type 'odd'; use normal, variable, bytes, doubleBytes, words, \
             doubleWords, weak, ephemeron, immediate or compiledMethod",
            "P/A.class.st:1: slot '#y => WeakSlot' is not a plain variable; declare it by its name alone",
            "P/A.class.st:3: 'A >> at:' is no method pattern; write 'selector', '+ argument' or \
             'key: argument'",
            "P/A.class.st:5: B>>foreign stands in the file of A; move it to an extension file",
            "P/A.class.st:7: expected 'Class >> selector [', found 'what is this'; see the Tonel format for \
             what may stand here",
            "P/A.class.st:8: the body of A >> open has no closing bracket; end it with ']'",
            "P/A.class.st:6: A>>good is defined twice, first at line 4; remove one",
        ],
    );
}

#[test]
fn what_is_no_definition_at_all_is_refused_with_its_first_words() {
    check_problems(
        "Foo bar",
        &[
            "P/A.class.st:1: expected Package, Class, Trait or Extension, found 'Foo bar'; see the Tonel \
           format for what may stand here",
        ],
    );
    check_problems(
        "Class { }",
        &["P/A.class.st:1: the definition has no #name; add it"],
    );
    check_problems(
        "\n\"open",
        &["P/A.class.st:2: the comment that begins here does not end; close it with \""],
    );
    check_problems(
        "Class {\n#name #x }",
        &["P/A.class.st:2: expected a colon after the key"],
    );
    check_problems(
        "Class { #name : #A }\n\"open",
        &["P/A.class.st:2: the comment that begins here does not end; close it with \""],
    );
}

#[test]
fn one_class_in_two_files_is_a_fault() {
    let text = "Class { #name : #A, #superclass : #Object }";
    let reading = read(&[("P/A.class.st", text), ("Q/A.class.st", text)]);
    assert_eq!(
        reading.problems[0].to_string(),
        "Q/A.class.st:1: A is defined twice, first in P/A.class.st; remove one"
    );
}

#[test]
fn line_ends_of_other_systems_are_counted() {
    let reading = read(&[(
        "P/A.class.st",
        "Class { #name : #A }\r\n\r\nA >> x [\r\n\t^ 1 ]\r\n",
    )]);
    assert_eq!(reading.packages[0].classes[0].methods[0].origin.line, 3);
    let reading = read(&[(
        "P/A.class.st",
        "Class { #name : #A }\r\rA >> x [\r\t^ 1 ]\r",
    )]);
    assert_eq!(reading.packages[0].classes[0].methods[0].origin.line, 3);
}
