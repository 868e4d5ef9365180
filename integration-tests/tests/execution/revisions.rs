//! Other code put over that of a running image: shapes change under living instances, activations finish
//! old methods, and everything can be taken back.

use std::time::{Duration, Instant};

use imprint_bootstrap::{Difference, PackageSet, Sketch, compile_expression, embedded_packages};
use imprint_heap::{Collection, HeapSettings};
use imprint_isa::BehaviorName;
use imprint_loader::{PackageDefinition, SourceFile, read_packages};
use imprint_vm::revise::{NewMethod, Revised, Revision, RevisionError};
use imprint_vm::{Outcome, RunLimits, VmSettings};

use crate::few_pages;
use crate::machine::Machine;

/// A class as its file has it.
fn class(name: &str, superclass: &str, more: &str, methods: &[&str]) -> (String, String) {
    let mut text = format!(
        "Class {{ #name : #{name}, #superclass : #{superclass}, {more} #category : #Live }}\n"
    );
    for method in methods {
        let (head, body) = method.split_once(" [ ").expect("a method has a body");
        text.push_str(&format!("\n{{ #category : #live }}\n{head} [\n\t{body}\n"));
    }
    (format!("Live/{name}.class.st"), text)
}

fn variables(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("'{name}'")).collect();
    format!("#instVars : [ {} ],", quoted.join(", "))
}

/// A running image and the sources that it has now.
struct Live {
    machine: Machine,
    kernel: PackageSet,
    now: Vec<PackageDefinition>,
}

impl Live {
    fn new(files: &[(String, String)]) -> Live {
        Live::with(VmSettings::default(), files)
    }

    fn with(settings: VmSettings, files: &[(String, String)]) -> Live {
        let kernel = embedded_packages(|_| false).expect("the kernel reads");
        let mut live = Live {
            machine: Machine::new(HeapSettings::default(), settings),
            now: kernel.packages.clone(),
            kernel,
        };
        live.change(files).expect("the first sources are taken");
        live
    }

    /// What these files differ in from what the image has, compiled.
    fn revision(&self, files: &[(String, String)]) -> (Revision, Vec<PackageDefinition>) {
        let package = ("Live/package.st", "Package { #name : #Live }");
        let files = files
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_str()));
        let files = files.chain([package]);
        let files = files.map(|(path, text)| SourceFile { path, text });
        let (_, packages) = read_packages(files).into_result().expect("the files read");
        let mut all = self.kernel.packages.clone();
        all.extend(packages);
        let sketch = Sketch::of(&all).expect("it is in order");
        let difference = Difference::between(&self.now, &all).expect("it is in order");
        let drafts = difference.method_drafts(&sketch, &PackageSet::default());
        let method = |draft| NewMethod {
            draft,
            source_pointer: 0,
        };
        let revision = Revision {
            classes: difference.class_drafts(&sketch).expect("it is in order"),
            methods: drafts
                .expect("it compiles")
                .into_iter()
                .map(method)
                .collect(),
            removed: difference.removed,
            assumed: Vec::new(),
            ..Revision::default()
        };
        (revision, all)
    }

    fn put(
        &mut self,
        files: &[(String, String)],
        is_forced: bool,
    ) -> Result<Revised, RevisionError> {
        let (revision, all) = self.revision(files);
        let revised = self.machine.vm.revise(&revision, is_forced)?;
        self.now = all;
        self.machine.vm.collect(Collection::Full);
        assert_eq!(self.machine.vm.verify(), Ok(()));
        Ok(revised)
    }

    fn change(&mut self, files: &[(String, String)]) -> Result<Revised, RevisionError> {
        self.put(files, false)
    }

    fn print(&mut self, expression: &str) -> String {
        let sketch = Sketch::of(&self.now).expect("it is in order");
        let (first, last) = expression.rsplit_once("|> ").unwrap_or(("", expression));
        let source = format!("{first} ({last}) printString");
        let draft = imprint_bootstrap::compile_expression(sketch.names(), &source);
        match self.machine.run_draft(draft.expect("it compiles")) {
            Outcome::Returned(oop) => self.machine.vm.heap.string_text(oop).unwrap_or_default(),
            other => format!("{other:?}"),
        }
    }

    fn check(&mut self, table: &[(&str, &str)]) {
        for (expression, expected) in table {
            assert_eq!(self.print(expression), *expected, "{expression}");
        }
    }
}

/// A register holds the instances: the image's own globals do not know new classes.
const TALLY: &[&str] = &[
    "Tally class >> all [ ^ all ifNil: [ all := OrderedCollection new ] ]",
    "Tally class >> make [ ^ self all add: self new start ]",
    "Tally >> start [ count := 3. name := 'first' ]",
    "Tally >> count [ ^ count ]",
    "Tally >> name [ ^ name ]",
    "Tally >> block [ ^ [ :more | count := count + more. { count. name } ] ]",
    "Tally >> slow [ | before | before := count. (Smalltalk globals at: #Gate) wait. ^ { before. count. name } ]",
];

fn tally(names: &[&str], more: &[&str]) -> (String, String) {
    let methods: Vec<&str> = TALLY.iter().chain(more).copied().collect();
    let head = format!("{} #classInstVars : [ 'all' ],", variables(names));
    class("Tally", "Object", &head, &methods)
}

fn grand() -> (String, String) {
    let methods = [
        "Grand >> extra [ ^ extra ifNil: [ extra := #grand ] ]",
        "Grand >> both [ ^ { self extra. count } ]",
    ];
    class("Grand", "Tally", &variables(&["extra"]), &methods)
}

#[test]
fn new_sends_find_the_new_method() {
    let mut live = Live::new(&[tally(&["count", "name"], &[])]);
    live.check(&[("Tally make count", "3"), ("Tally make start; count", "3")]);
    let counted = "Tally >> double [ ^ count * 2 ]";
    let revised = live.change(&[tally(&["count", "name"], &[counted])]);
    assert_eq!(revised.expect("it fits").methods, 1);
    live.check(&[("Tally make double", "6"), ("Tally all first double", "6")]);
    let tripled = "Tally >> double [ ^ count * 3 ]";
    live.change(&[tally(&["count", "name"], &[tripled])])
        .expect("it fits");
    live.check(&[("Tally make double", "9")]);
    let revised = live
        .change(&[tally(&["count", "name"], &[])])
        .expect("it fits");
    assert_eq!(revised.removed, 1);
    live.check(&[("Tally make respondsTo: #double", "false")]);
}

#[test]
fn instances_of_a_class_and_its_subclasses_are_migrated_with_their_identity() {
    let mut live = Live::new(&[tally(&["count", "name"], &[]), grand()]);
    live.check(&[
        ("Tally make hash = Tally all first hash", "true"),
        ("Grand make both", "#(#grand 3)"),
        (
            "Smalltalk globals at: #Kept put: Tally all first -> Grand all first. |> 1",
            "1",
        ),
        (
            "Smalltalk globals at: #Hash put: Tally all first hash. |> 2",
            "2",
        ),
    ]);
    let step = "Tally >> step [ ^ step ]";
    let revised = live.change(&[tally(&["step", "name", "count"], &[step]), grand()]);
    let revised = revised.expect("nothing is lost");
    assert_eq!(revised.instances(), 2, "{revised:?}");
    assert!(revised.adapted() >= 6, "{revised:?}");
    live.check(&[
        ("Tally all first count", "3"),
        ("Tally all first name", "'first'"),
        ("Tally all first step", "nil"),
        ("Grand all first both", "#(#grand 3)"),
        (
            "Tally all first == (Smalltalk globals at: #Kept) key",
            "true",
        ),
        (
            "Tally all first hash = (Smalltalk globals at: #Hash)",
            "true",
        ),
        ("Tally make step", "nil"),
        ("Grand make both", "#(#grand 3)"),
    ]);
}

#[test]
fn activations_and_blocks_finish_the_old_code_with_the_new_shape() {
    for settings in [VmSettings::default(), few_pages()] {
        let mut live = Live::with(settings, &[tally(&["count", "name"], &[])]);
        live.check(&[
            ("Smalltalk globals at: #Kept put: Tally make block. |> 1", "1"),
            ("Smalltalk globals at: #Gate put: Semaphore new. |> 2", "2"),
            (
                "[ Smalltalk globals at: #Answer put: Tally all first slow ] fork. Processor yield. |> 3",
                "3",
            ),
        ]);
        let many: Vec<String> = (0..20).map(|n| format!("v{n}")).collect();
        let mut names: Vec<&str> = many.iter().map(String::as_str).collect();
        names.extend(["count", "name"]);
        live.change(&[tally(&names, &[])]).expect("nothing is lost");
        live.check(&[
            ("(Smalltalk globals at: #Kept) value: 4", "#(7 'first')"),
            ("Tally all first count", "7"),
            (
                "(Smalltalk globals at: #Gate) signal. Processor yield. |> Smalltalk globals at: #Answer",
                "#(3 7 'first')",
            ),
        ]);
    }
}

#[test]
fn what_would_be_lost_is_told_and_lost_only_by_force() {
    let mut live = Live::new(&[tally(&["count", "name"], &[])]);
    live.check(&[("Tally make. |> Tally make name", "'first'")]);
    let without: Vec<&str> = TALLY
        .iter()
        .filter(|it| !it.contains("name"))
        .copied()
        .collect();
    let head = format!("{} #classInstVars : [ 'all' ],", variables(&["count"]));
    let methods = [without.as_slice(), &["Tally >> start [ count := 5 ]"]].concat();
    let smaller = [class("Tally", "Object", &head, &methods)];
    let refused = live.change(&smaller).expect_err("values would be lost");
    assert_eq!(
        refused.to_string(),
        "it would lose the values of 'name' in 2 instances of Tally"
    );
    live.check(&[("Tally all first name", "'first'")]);
    let revised = live.put(&smaller, true).expect("it is forced");
    assert_eq!(revised.losses.len(), 1);
    live.check(&[
        ("Tally all first count", "3"),
        ("Tally make count", "5"),
        ("Tally all size", "3"),
    ]);
    let reverted = live.machine.vm.revert().expect("there is room");
    assert_eq!(reverted.classes, ["Tally".into()]);
    live.check(&[
        ("Tally all first name", "'first'"),
        ("Tally all last name", "nil"),
        ("Tally all last count", "5"),
        ("Tally make name", "'first'"),
    ]);
}

#[test]
fn going_back_takes_everything_back_in_its_order() {
    let first = [tally(&["count", "name"], &[]), grand()];
    let mut live = Live::new(&first);
    live.check(&[
        ("Grand make both", "#(#grand 3)"),
        ("Tally make count", "3"),
    ]);
    let before = live.now.clone();
    let step = ["Tally >> step [ ^ step ifNil: [ step := 9 ] ]"];
    live.change(&[tally(&["step", "count", "name"], &step), grand()])
        .expect("nothing is lost");
    live.check(&[("Grand all first step", "9")]);
    let more = ["Tally >> step [ ^ step + 1 ]", "Tally >> far [ ^ far ]"];
    let other = class(
        "Other",
        "Tally",
        "#classVars : [ 'Held' ],",
        &["Other >> held [ ^ Held ]"],
    );
    live.change(&[
        tally(&["name", "step", "far", "count"], &more),
        grand(),
        other,
    ])
    .expect("nothing is lost");
    live.check(&[
        ("Grand all first step", "10"),
        ("Grand all first both", "#(#grand 3)"),
        ("Other make held", "nil"),
    ]);
    assert_eq!(live.machine.vm.undoable(), 3);
    live.machine.vm.revert().expect("there is room");
    assert!(live.machine.vm.names.class("Other").is_none());
    live.check(&[
        ("Grand all first step", "9"),
        ("Grand make both", "#(#grand 3)"),
    ]);
    live.machine.vm.revert().expect("there is room");
    live.now = before;
    live.check(&[
        ("Grand all first both", "#(#grand 3)"),
        ("Grand all first respondsTo: #step", "false"),
        ("Tally all first count", "3"),
        ("Tally make name", "'first'"),
    ]);
    live.machine.vm.collect(Collection::Full);
    assert_eq!(live.machine.vm.verify(), Ok(()));
}

#[test]
fn a_class_may_initialise_the_new_variables_of_its_instances() {
    let mut live = Live::new(&[tally(&["count", "name"], &[])]);
    live.check(&[("Tally make. |> Tally make count", "3")]);
    let offered = [
        "Tally >> initializeAdded: names [ (names includes: #step) ifTrue: [ step := count * 10 ] ]",
        "Tally >> step [ ^ step ]",
    ];
    let names = ["step", "count", "name"];
    live.change(&[tally(&names, &offered)])
        .expect("nothing is lost");
    live.check(&[(
        "Tally all collect: [ :each | each step ]",
        "an OrderedCollection(30 30)",
    )]);
    let failing = [
        "Tally >> initializeAdded: names [ ^ self error: 'no' ]",
        offered[1],
    ];
    let refused = live.change(&[tally(&["far", "step", "count", "name"], &failing)]);
    let text = refused.expect_err("the initialiser fails").to_string();
    assert!(
        text.contains("initialising the new variables of Tally"),
        "{text}"
    );
    live.check(&[
        ("Tally all first step", "30"),
        ("Tally make start; count", "3"),
        ("Tally all first instVarAt: 1", "30"),
    ]);
}

#[test]
fn a_class_side_gets_variables_and_keeps_its_values() {
    let mut live = Live::new(&[tally(&["count", "name"], &[]), grand()]);
    live.check(&[
        ("Tally make; make. |> Tally all size", "2"),
        ("Grand make. |> Grand all size", "1"),
    ]);
    let head = format!(
        "{} #classInstVars : [ 'limit', 'all' ],",
        variables(&["count", "name"])
    );
    let limit = [
        "Tally class >> limit [ ^ limit ]",
        "Tally class >> limit: n [ limit := n ]",
    ];
    let methods = [TALLY, &limit].concat();
    let revised = live.change(&[class("Tally", "Object", &head, &methods), grand()]);
    let revised = revised.expect("nothing is lost");
    assert!(
        revised.reshaped.iter().all(|it| it.behavior.meta),
        "{revised:?}"
    );
    live.check(&[
        ("Tally all size", "2"),
        ("Tally limit: 7. |> Tally limit", "7"),
        ("Grand limit", "nil"),
        ("Grand all size", "1"),
        ("Tally all first class == Tally", "true"),
        ("Grand superclass == Tally", "true"),
    ]);
}

#[test]
fn what_is_missing_is_named_and_nothing_is_changed() {
    let mut live = Live::new(&[tally(&["count", "name"], &[])]);
    let lost = class("Lost", "Object", "", &[]);
    let uses = "Tally >> uses [ ^ Lost new ]";
    let (mut revision, _) = live.revision(&[tally(&["count", "name"], &[uses]), lost]);
    revision.classes.clear();
    let refused = live
        .machine
        .vm
        .revise(&revision, true)
        .expect_err("Lost is missing");
    assert_eq!(
        refused.to_string(),
        "it needs Lost, which the image has not"
    );
    assert_eq!(live.machine.vm.undoable(), 1);
    live.check(&[("Tally new respondsTo: #uses", "false")]);
}

#[test]
fn what_the_machine_reads_by_number_keeps_its_shape() {
    let live = Live::new(&[]);
    let sketch = Sketch::of(&live.now).expect("it is in order");
    let mut draft = sketch.class("Process").expect("it is there").clone();
    draft.instance_variables.insert(0, "more".into());
    let mut machine = live.machine;
    let revision = Revision {
        classes: vec![draft],
        ..Revision::default()
    };
    let refused = machine.vm.revise(&revision, true).expect_err("it is fixed");
    assert!(refused.to_string().contains("by number"), "{refused}");
    let process = BehaviorName::class("Process");
    assert!(machine.vm.names.all_instance_variables(&process).is_some());
    let limits = RunLimits::default();
    let idle = machine.spawn("(Delay forMilliseconds: 1) wait. 5");
    assert!(matches!(
        machine.vm.run_until(idle, limits),
        Outcome::Returned(_)
    ));
}

#[test]
fn who_is_due_when_an_order_comes_runs_after_what_the_order_does() {
    let mut machine = Machine::with_orders(7);
    let aside = compile_expression(&machine.vm.names, "3 + 4").expect("it compiles");
    let expression = "1 to: 5 do: [ :each | (Delay forMilliseconds: 50) wait ]. 42";
    let process = machine.spawn(expression);
    let limits = RunLimits {
        deadline: Some(Instant::now() + Duration::from_secs(20)),
        ..RunLimits::default()
    };
    let mut outcome = machine.vm.run_until(process, limits.clone());
    let mut orders = 0;
    while let Outcome::Ordered(7) = outcome {
        orders += 1;
        let nil = machine.vm.heap.nil();
        let answer = machine.vm.run_aside(&aside, nil);
        assert_eq!(answer.ok().and_then(|it| it.as_small_integer()), Some(7));
        outcome = machine.vm.go_on(limits.clone());
    }
    let Outcome::Returned(value) = outcome else {
        panic!("{outcome:?} after {orders} orders");
    };
    assert_eq!(value.as_small_integer(), Some(42));
    assert!(orders >= 5, "{orders}");
}
