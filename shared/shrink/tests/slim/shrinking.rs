//! Slim images of what was pulled: small, alone, reproducible, and honest about what is gone.

use imprint_heap::HeapSettings;
use imprint_image::read_image;
use imprint_isa::Miss;
use imprint_shrink::{
    KeepPattern, Kept, Margin, ShrinkError, Slim, SlimInput, SlimOptions, expand, judge, resolve,
    slim,
};
use imprint_vm::install::Names;
use imprint_vm::{Arrivals, Outcome, RunLimits, Vm, VmSettings};

use crate::world::{Alone, Slave};

/// Runs the expression on a slave and makes a slim image of what came.
pub(crate) fn shrink(source: &str, keep: &[&str]) -> (Slim, Slave) {
    let mut slave = Slave::new();
    let outcome = slave.run(source);
    assert!(
        matches!(outcome, Outcome::Returned(_)),
        "{source}: {outcome:?}"
    );
    let patterns: Vec<_> = keep
        .iter()
        .map(|text| {
            (
                text.to_string(),
                KeepPattern::parse(text).expect("a pattern"),
            )
        })
        .collect();
    let kept = resolve(&slave.master.extractor(), &patterns).expect("they match");
    let slim = slim_of(&slave, source, &kept);
    (slim, slave)
}

fn slim_of(slave: &Slave, source: &str, kept: &[Kept]) -> Slim {
    let entry = slave.master.compile(source);
    let options = SlimOptions {
        entry: source.to_string(),
        ..SlimOptions::default()
    };
    let arrivals = slave
        .vm
        .extensions
        .get::<Arrivals>()
        .expect("the slave keeps them");
    let input = SlimInput {
        arrivals,
        kept,
        entry: &entry,
        options: &options,
    };
    slim(&input).unwrap_or_else(|error| panic!("{source}: {error}"))
}

/// Runs a slim image from its file, with nobody to ask.
pub(crate) fn run_alone(file: &[u8]) -> (Vm, Outcome) {
    let image = read_image(file, HeapSettings::default()).expect("it opens");
    let names = Names::scan(&image.heap);
    let mut vm = Vm::new(image.heap, Box::new(Alone), VmSettings::default());
    vm.names = names;
    let process = vm.active_process_or_nil();
    let outcome = vm.run_until(process, RunLimits::default());
    (vm, outcome)
}

fn answer_alone(slim: &Slim) -> String {
    let (file, _) = slim.compact().expect("it can be written");
    let (vm, outcome) = run_alone(&file);
    match outcome {
        Outcome::Returned(value) => match value.as_small_integer() {
            Some(number) => number.to_string(),
            None => vm
                .heap
                .string_text(value)
                .unwrap_or_else(|| format!("{value:?}")),
        },
        other => format!("{other:?}"),
    }
}

#[test]
fn slim_images_answer_alone_what_the_slave_answered() {
    let rows = [
        ("3 + 4", "7"),
        ("100 factorial printString size", "158"),
        ("'hello' reversed", "olleh"),
        (
            "(1 to: 10) inject: 0 into: [ :sum :each | sum + each ]",
            "55",
        ),
        (
            "[ nil foo ] on: MessageNotUnderstood do: [ :e | e message selector ]",
            "foo",
        ),
        ("(Smalltalk at: #Array) name", "Array"),
        (
            "#(3 1 2) asSortedCollection asArray printString",
            "#(1 2 3)",
        ),
        (
            "(OrderedCollection new add: 3; add: 4; yourself) printString",
            "an OrderedCollection(3 4)",
        ),
    ];
    for (source, expected) in rows {
        let (slim, _) = shrink(source, &[]);
        let (_, sizes) = slim.compact().expect("it can be written");
        println!(
            "{source}\n    {:?} {:?} tombstones {}",
            sizes, slim.manifest.counts, slim.manifest.tombstones
        );
        assert_eq!(answer_alone(&slim), expected, "{source}");
    }
}

#[test]
fn the_same_run_gives_the_same_bytes() {
    let source = "100 factorial printString size";
    let files: Vec<Vec<u8>> = (0..2)
        .map(|_| shrink(source, &[]).0.compact().expect("written").0)
        .collect();
    assert_eq!(files[0], files[1]);
}

#[test]
fn what_was_dropped_is_missed_by_name() {
    let mut slave = Slave::new();
    slave.run("3 printString");
    let slim = slim_of(&slave, "3 printString. 3 factorial", &[]);
    let (file, _) = slim.compact().expect("it can be written");
    let (vm, outcome) = run_alone(&file);
    match outcome {
        Outcome::NoSource { miss, .. } => {
            let finding = judge(&miss, &vm.names, None);
            assert_eq!(
                finding.keep.as_deref(),
                Some("Integer>>factorial"),
                "{miss:?}"
            );
            assert!(matches!(*miss, Miss::Method { .. }));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_inherited_method_never_answers_for_a_dropped_override() {
    let mut slave = Slave::new();
    slave.run("Object new printString. Object new isNil. 3 isNumber. OrderedCollection new add: 3");
    let slim = slim_of(&slave, "OrderedCollection new printString", &[]);
    let (file, _) = slim.compact().expect("it can be written");
    let (_, outcome) = run_alone(&file);
    match outcome {
        Outcome::NoSource { miss, .. } => match *miss {
            Miss::Method {
                behavior, selector, ..
            } => {
                assert_eq!((&*behavior.class, &*selector), ("Collection", "printOn:"));
            }
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_kept_by_a_pattern_is_there() {
    let (slim, _) = shrink("3 printString. 4", &["Integer>>factorial"]);
    assert_eq!(
        slim.manifest.kept["Integer>>factorial"],
        ["--keep 'Integer>>factorial'"]
    );
}

#[test]
fn a_pattern_that_matches_nothing_is_an_error() {
    let slave = Slave::new();
    let pattern = (
        "Nonsense*".to_string(),
        KeepPattern::parse("Nonsense*").expect("a pattern"),
    );
    let error = resolve(&slave.master.extractor(), &[pattern]).expect_err("it matches nothing");
    assert!(matches!(error, ShrinkError::MatchesNothing(text) if text == "Nonsense*"));
}

#[test]
fn margins_cost_more_from_none_to_class() {
    let mut slave = Slave::new();
    slave.run("3 printString");
    let arrivals = slave
        .vm
        .extensions
        .get::<Arrivals>()
        .expect("the slave keeps them");
    let costs: Vec<usize> = Margin::ALL
        .into_iter()
        .map(|margin| expand(&slave.master.extractor(), |id| arrivals.has(id), margin).len())
        .collect();
    println!("methods that margins add: {costs:?}");
    assert_eq!(costs[0], 0);
    assert!(costs[0] < costs[1]);
    assert!(costs[1] < costs[2]);
}

#[test]
fn what_only_tests_reached_is_said_to_be_so() {
    let mut slave = Slave::new();
    slave.run("3 printString");
    slave
        .vm
        .extensions
        .get_mut::<Arrivals>()
        .expect("kept")
        .begin_phase("FooTest>>testBar");
    slave.run("10 factorial");
    let slim = slim_of(&slave, "3 printString", &[]);
    assert!(
        slim.manifest
            .only_reached_by_tests
            .contains(&"Integer>>factorial".to_string())
    );
    assert_eq!(
        slim.manifest.kept["Integer>>factorial"],
        ["FooTest>>testBar"]
    );
    assert!(
        !slim
            .manifest
            .only_reached_by_tests
            .contains(&"Integer>>printString".to_string())
    );
}
