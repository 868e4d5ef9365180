//! A machine for the tests of this crate: a heap with the classes that answers are made of, and
//! the modules registered.

use std::time::{Duration, Instant};

use imprint_heap::{Heap, HeapSettings};
use imprint_model::layout::behavior;
use imprint_model::{ClassIndex, Format, InstanceSpec, Oop};
use imprint_vm::primitives::call_idle;
use imprint_vm::{Event, Failure, PrimitiveError, Vm, VmSettings};

use crate::{LocalOutside, Reactor};

/// A machine, and what it waits in.
pub struct World {
    pub vm: Vm,
    pub reactor: Reactor,
}

impl World {
    pub fn new() -> World {
        let outside = LocalOutside::new().expect("descriptors are there");
        let reactor = outside.reactor().clone();
        let settings = VmSettings {
            stack_pages: 2,
            page_words: 1024,
            ..VmSettings::default()
        };
        let mut vm = Vm::new(new_heap(), Box::new(outside), settings);
        crate::register(&mut vm, &reactor);
        World { vm, reactor }
    }

    /// Calls a primitive with these arguments; the receiver is nil.
    pub fn call(&mut self, module: &str, name: &str, arguments: &[Oop]) -> Result<Oop, Failure> {
        let mut operands = vec![self.vm.heap.nil()];
        operands.extend(arguments);
        self.call_with_receiver(module, name, &operands)
    }

    /// Calls a primitive with a receiver and arguments.
    pub fn call_with_receiver(
        &mut self,
        module: &str,
        name: &str,
        operands: &[Oop],
    ) -> Result<Oop, Failure> {
        let primitive = self.vm.modules.find(module, name).expect("it is offered");
        call_idle(&mut self.vm, primitive.function, operands)
    }

    pub fn fails(&mut self, module: &str, name: &str, arguments: &[Oop], error: PrimitiveError) {
        let answer = self.call(module, name, arguments);
        assert_eq!(answer, Err(Failure::Code(error)), "{name}");
    }

    pub fn bytes(&mut self, bytes: &[u8]) -> Oop {
        self.vm
            .heap
            .allocate_bytes(ClassIndex::BYTE_ARRAY, bytes)
            .expect("it fits")
    }

    pub fn string(&mut self, text: &str) -> Oop {
        let index = ClassIndex::BYTE_STRING;
        self.vm
            .heap
            .allocate_bytes(index, text.as_bytes())
            .expect("it fits")
    }

    pub fn boolean(&self, value: bool) -> Oop {
        self.vm.heap.boolean(value)
    }

    pub fn slot(&self, oop: Oop, index: usize) -> Oop {
        self.vm.heap.slot(oop, index)
    }

    pub fn contents(&self, oop: Oop) -> Vec<u8> {
        self.vm.heap.bytes(oop).to_vec()
    }

    /// Waits, at most ten seconds, until this semaphore is signalled.
    pub fn await_signal(&mut self, semaphore: usize) {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let events = self.vm.outside.wait(Some(deadline));
            assert!(
                !events.is_empty(),
                "semaphore {semaphore} was not signalled"
            );
            if events.contains(&Event::Signal(semaphore)) {
                return;
            }
        }
    }
}

fn new_heap() -> Heap {
    let settings = HeapSettings {
        eden_bytes: 1 << 20,
        limit_bytes: 64 << 20,
        ..HeapSettings::default()
    };
    let mut heap = Heap::new(settings).expect("address space is there");
    let mut make = |index| heap.allocate_old(index, Format::EMPTY, 0).expect("it fits");
    let (nil, no, yes) = (make(1024), make(1025), make(1026));
    heap.set_singletons(nil, no, yes);
    let classes = [
        (ClassIndex::ARRAY, Format::ARRAY),
        (ClassIndex::BYTE_ARRAY, Format::BYTES),
        (ClassIndex::BYTE_STRING, Format::BYTES),
        (ClassIndex::BITMAP, Format::WORDS_32),
        (1024, Format::EMPTY),
        (1025, Format::EMPTY),
        (1026, Format::EMPTY),
    ];
    for (index, format) in classes {
        let class = heap.allocate_old(1024, Format::FIXED, 12).expect("it fits");
        let spec = InstanceSpec {
            spec: format.bits(),
            fixed_fields: 0,
        };
        heap.store(
            class,
            behavior::FORMAT,
            Oop::small(spec.to_small_integer() as i32),
        );
        heap.enter_class(class, Some(index));
    }
    heap
}
