//! The code primitives, with an outside that writes down what it is asked.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Instant;

use imprint_isa::{BehaviorName, CompileRequest, MethodDraft, Miss};
use imprint_model::layout::class;
use imprint_model::{MethodHeader, Oop};

use crate::failure::Failure;
use crate::failure::PrimitiveError::{self, BadArgument, BadReceiver};
use crate::install::Names;
use crate::outside::{Answer, Event, Outside, OutsideError};
use crate::primitives::testing::{World, fixed};

const MODULE: &str = "ImprintPlugin";

/// Refuses every source, and knows one method's.
struct Recorder {
    heard: Rc<RefCell<Vec<String>>>,
}

impl Outside for Recorder {
    fn request(&mut self, _: &[Miss]) -> Result<Answer, OutsideError> {
        Err(OutsideError::NoMaster)
    }

    fn wait(&mut self, _: Option<Instant>) -> Vec<Event> {
        Vec::new()
    }

    fn poll(&mut self) -> Vec<Event> {
        Vec::new()
    }

    fn compile(&mut self, request: CompileRequest, _: &Names) -> Result<MethodDraft, String> {
        let heard = format!(
            "{} {} {}",
            request.behavior, request.source, request.protocol
        );
        self.heard.borrow_mut().push(heard);
        Err("expected an expression".to_string())
    }

    fn method_source(&mut self, behavior: &BehaviorName, selector: &str, _: u64) -> Option<String> {
        (selector == "known").then(|| format!("{behavior}>>{selector}: caf\u{e9}"))
    }

    fn method_stamp(&mut self, _: &BehaviorName, selector: &str, _: u64) -> Option<String> {
        (selector == "known").then(|| "ada 2026-01-02".to_string())
    }

    fn pruned(&mut self, behavior: &BehaviorName, selector: &str) {
        self.heard
            .borrow_mut()
            .push(format!("pruned {behavior}>>{selector}"));
    }

    fn pruned_object(&mut self, name: Option<&str>) {
        self.heard.borrow_mut().push(format!("pruned {name:?}"));
    }

    fn now_micros(&self) -> u64 {
        0
    }
}

fn world() -> (World, Oop, Rc<RefCell<Vec<String>>>) {
    let mut world = World::new();
    let heard = Rc::new(RefCell::new(Vec::new()));
    world.vm.outside = Box::new(Recorder {
        heard: Rc::clone(&heard),
    });
    let counter = world.new_class(fixed(0), None);
    let name = world.vm.heap.intern("Counter").expect("it fits");
    world.vm.heap.store(counter, class::NAME, name);
    (world, counter, heard)
}

#[test]
fn what_does_not_compile_fails_with_the_diagnostics() {
    let (mut world, counter, heard) = world();
    let source = world.string("increase ^");
    let protocol = world.string("accessing");
    let answer = world.call_named(MODULE, "primitiveCompile", &[counter, source, protocol]);
    let Err(Failure::Code(PrimitiveError::Object(text))) = answer else {
        panic!("no diagnostics: {answer:?}");
    };
    assert_eq!(world.text(text), "expected an expression");
    assert_eq!(*heard.borrow(), ["Counter increase ^ accessing"]);
}

#[test]
fn compiling_needs_a_class_and_two_texts() {
    let (mut world, counter, heard) = world();
    let source = world.string("increase");
    let name = "primitiveCompile";
    world.fails_named(MODULE, name, &[source, source, source], BadReceiver);
    world.fails_named(MODULE, name, &[Oop::small(1), source, source], BadReceiver);
    world.fails_named(MODULE, name, &[counter, Oop::small(1), source], BadArgument);
    world.fails_named(MODULE, name, &[counter, source, Oop::small(1)], BadArgument);
    assert!(heard.borrow().is_empty());
}

#[test]
fn what_was_pruned_is_noted_by_class_and_selector() {
    let (mut world, counter, heard) = world();
    let nil = world.nil();
    let selector = world.vm.heap.intern("renderOn:").expect("it fits");
    let receiver = world.new_instance(counter, 0);
    let answer = world.call_named(MODULE, "primitivePruned", &[nil, selector, receiver]);
    assert_eq!(answer, Ok(counter), "the class is answered");
    assert_eq!(*heard.borrow(), ["pruned Counter>>renderOn:"]);
    world.fails_named(
        MODULE,
        "primitivePruned",
        &[nil, nil, receiver],
        BadArgument,
    );
}

#[test]
fn what_was_pruned_as_a_whole_is_noted_by_its_name_if_any() {
    let (mut world, counter, heard) = world();
    let nil = world.nil();
    let name = world.vm.heap.intern("Counter class").expect("it fits");
    for name in [name, nil] {
        let answer = world.call_named(MODULE, "primitivePrunedObject", &[counter, name]);
        assert_eq!(answer, Ok(counter));
    }
    assert_eq!(
        *heard.borrow(),
        ["pruned Some(\"Counter class\")", "pruned None"]
    );
    let number = Oop::small(1);
    world.fails_named(MODULE, "primitivePrunedObject", &[nil, number], BadArgument);
}

#[test]
fn a_method_has_its_source_and_its_stamp_where_somebody_knows_them() {
    let (mut world, counter, _) = world();
    let cases = [
        ("primitiveMethodSource", "Counter>>known: caf\u{e9}"),
        ("primitiveMethodStamp", "ada 2026-01-02"),
    ];
    for (primitive, expected) in cases {
        let known = method(&mut world, counter, "known");
        let answer = world.call_named(MODULE, primitive, &[known]);
        assert_eq!(world.text(answer.expect("a method")), expected);
        let string = world.string("no code");
        for receiver in [string, Oop::small(1)] {
            world.fails_named(MODULE, primitive, &[receiver], BadReceiver);
        }
    }
    let other = method(&mut world, counter, "other");
    let source = world.call_named(MODULE, "primitiveMethodSource", &[other]);
    assert_eq!(source, Ok(world.nil()));
    let stamp = world.call_named(MODULE, "primitiveMethodStamp", &[other]);
    assert_eq!(world.text(stamp.expect("a method")), "");
}

#[test]
fn a_stack_is_told_of_contexts_alone() {
    let (mut world, _, _) = world();
    let (nil, string) = (world.nil(), world.string("no context"));
    for other in [nil, string, Oop::small(1)] {
        world.fails_named(MODULE, "primitiveStackText", &[nil, other], BadArgument);
    }
}

/// A method without bytecodes: selector and binding as its literals.
fn method(world: &mut World, class: Oop, selector: &str) -> Oop {
    let header = MethodHeader {
        literal_count: 2,
        ..MethodHeader::default()
    };
    let nil = world.nil();
    let binding = world.array(&[nil, class]);
    let selector = world.vm.heap.intern(selector).expect("it fits");
    let method = world
        .vm
        .heap
        .allocate_code(1100, header, &[])
        .expect("it fits");
    world.vm.heap.store(method, 1, selector);
    world.vm.heap.store(method, 2, binding);
    method
}
