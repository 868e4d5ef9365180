//! A small world for the tests of primitives: the classes that Spur fixes, and a way to call a
//! primitive as the interpreter does, which checks that a failure leaves no trace.

use std::time::Instant;

use imprint_heap::{Heap, HeapSettings};
use imprint_isa::{BehaviorName, CompileRequest, MethodDraft, Miss};
use imprint_model::class_index::FIXED_INDICES;
use imprint_model::known::KNOWN_COUNT;
use imprint_model::layout::behavior;
use imprint_model::{ClassIndex, Format, InstanceSpec, Known, Oop};

use super::{objects, subscripts, value_primitive};
use crate::args::Args;
use crate::failure::{Failure, PrimitiveError};
use crate::machine::Vm;
use crate::outside::{Answer, Event, Outside, OutsideError};
use crate::settings::VmSettings;

/// An outside where nothing happens and the clock stands still.
pub struct Nowhere;

/// What the clock of [`Nowhere`] shows.
pub const STOPPED_CLOCK: u64 = 3_900_000_000_123_456;

impl Outside for Nowhere {
    fn request(&mut self, _: &[Miss]) -> Result<Answer, OutsideError> {
        Err(OutsideError::NoMaster)
    }

    fn wait(&mut self, _: Option<Instant>) -> Vec<Event> {
        Vec::new()
    }

    fn poll(&mut self) -> Vec<Event> {
        Vec::new()
    }

    fn compile(
        &mut self,
        _: CompileRequest,
        _: &crate::install::Names,
    ) -> Result<MethodDraft, String> {
        Err("there is no compiler".to_string())
    }

    fn method_source(&mut self, _: &BehaviorName, _: &str, _: u64) -> Option<String> {
        None
    }

    fn pruned(&mut self, _: &BehaviorName, _: &str) {}

    fn now_micros(&self) -> u64 {
        STOPPED_CLOCK
    }
}

/// A machine with a heap that holds little more than classes.
pub struct World {
    pub vm: Vm,
}

impl World {
    pub fn new() -> World {
        let settings = HeapSettings {
            eden_bytes: 1 << 20,
            limit_bytes: 64 << 20,
            ..HeapSettings::default()
        };
        let mut heap = Heap::new(settings).expect("address space is there");
        make_singletons(&mut heap);
        let settings = VmSettings {
            stack_pages: 2,
            page_words: 1024,
            ..VmSettings::default()
        };
        let mut world = World {
            vm: Vm::new(heap, Box::new(Nowhere), settings),
        };
        world.make_classes();
        world
    }

    fn make_classes(&mut self) {
        let heap = &mut self.vm.heap;
        let known = heap
            .allocate_old(ClassIndex::ARRAY, Format::ARRAY, KNOWN_COUNT)
            .expect("it fits");
        heap.set_special_objects(known);
        for (name, index) in FIXED_INDICES {
            let class = self.new_class(spec_of(name), Some(*index));
            let place = Known::ALL.iter().find(|known| known.text() == *name);
            if let Some(place) = place {
                self.vm.heap.set_known(*place, class);
            }
        }
        let point = self.new_class(fixed(2), None);
        self.vm.heap.set_known(Known::Point, point);
        let symbol = self.new_class(raw(Format::BYTES), None);
        let symbol_index = self.vm.heap.header(symbol).hash();
        self.vm
            .heap
            .set_symbol_classes(symbol_index, symbol_index + 1);
    }

    /// A class with the given instances, at an index or the next free one.
    pub fn new_class(&mut self, spec: InstanceSpec, index: Option<u32>) -> Oop {
        let heap = &mut self.vm.heap;
        // The tests' classes are no metaclass's: their own class is any fixed-slot class.
        let class = heap
            .allocate_old(1024, Format::FIXED, imprint_model::layout::class::SIZE)
            .expect("it fits");
        let format = Oop::small(spec.to_small_integer() as i32);
        heap.store(class, behavior::FORMAT, format);
        heap.enter_class(class, index);
        class
    }

    /// A new instance with so many elements.
    pub fn new_instance(&mut self, class: Oop, indexed: usize) -> Oop {
        self.vm
            .heap
            .instantiate(class, indexed)
            .expect("the class has such instances")
    }

    pub fn string(&mut self, text: &str) -> Oop {
        self.bytes(ClassIndex::BYTE_STRING, text.as_bytes())
    }

    pub fn byte_array(&mut self, bytes: &[u8]) -> Oop {
        self.bytes(ClassIndex::BYTE_ARRAY, bytes)
    }

    pub fn bytes(&mut self, class_index: u32, bytes: &[u8]) -> Oop {
        self.vm
            .heap
            .allocate_bytes(class_index, bytes)
            .expect("it fits")
    }

    pub fn array(&mut self, elements: &[Oop]) -> Oop {
        super::arguments::new_array(&mut self.vm, elements).expect("it fits")
    }

    pub fn float(&mut self, value: f64) -> Oop {
        self.vm.heap.new_float(value).expect("it fits")
    }

    pub fn integer(&mut self, value: i128) -> Oop {
        super::large_integers::new_narrow_integer(&mut self.vm, value).expect("it fits")
    }

    pub fn nil(&self) -> Oop {
        self.vm.heap.nil()
    }

    pub fn boolean(&self, value: bool) -> Oop {
        self.vm.heap.boolean(value)
    }

    /// Calls a numbered primitive; operands are the receiver, then the arguments.
    pub fn call(&mut self, number: u16, operands: &[Oop]) -> Result<Oop, Failure> {
        let function = value_primitive(number)
            .or(for_all_but_contexts(number))
            .expect("the number is a value primitive's");
        self.invoke(function, operands)
    }

    /// Calls a primitive of a module.
    pub fn call_named(
        &mut self,
        module: &str,
        name: &str,
        operands: &[Oop],
    ) -> Result<Oop, Failure> {
        let primitive = self
            .vm
            .modules
            .find(module, name)
            .expect("the module offers it");
        self.invoke(primitive.function, operands)
    }

    fn invoke(
        &mut self,
        function: crate::args::Primitive,
        operands: &[Oop],
    ) -> Result<Oop, Failure> {
        for (index, operand) in operands.iter().enumerate() {
            self.vm.stack.set_word(index, *operand);
        }
        let before = self.traces(operands);
        let result = function(&mut self.vm, Args::new(0, operands.len() - 1));
        for (index, operand) in operands.iter().enumerate() {
            assert_eq!(self.vm.stack.word(index), *operand, "the stack was written");
        }
        if result.is_err() {
            assert_eq!(self.traces(operands), before, "a failure had an effect");
        }
        result
    }

    /// Header and body of each operand that is an object.
    fn traces(&self, operands: &[Oop]) -> Vec<(u64, Vec<u64>, Vec<u8>)> {
        let heap = &self.vm.heap;
        let objects = operands.iter().filter(|oop| oop.is_object());
        objects
            .map(|oop| {
                let header = heap.header(*oop).bits();
                (header, heap.slots(*oop).to_vec(), heap.bytes(*oop).to_vec())
            })
            .collect()
    }

    /// Asserts that a numbered primitive fails with a code, and leaves no trace.
    pub fn fails(&mut self, number: u16, operands: &[Oop], error: PrimitiveError) {
        let result = self.call(number, operands);
        assert_eq!(result, Err(Failure::Code(error)), "primitive {number}");
    }

    /// Asserts that a primitive of a module fails with a code, and leaves no trace.
    pub fn fails_named(
        &mut self,
        module: &str,
        name: &str,
        operands: &[Oop],
        error: PrimitiveError,
    ) {
        let result = self.call_named(module, name, operands);
        assert_eq!(result, Err(Failure::Code(error)), "{module} {name}");
    }

    /// Makes the object read-only.
    pub fn lock(&mut self, oop: Oop) {
        self.vm.heap.set_read_only(oop, true);
    }

    /// The value of an integer object.
    pub fn integer_value(&self, oop: Oop) -> i128 {
        let value = super::large_integers::integer_value(&self.vm, oop);
        i128::try_from(value.expect("an integer")).expect("at most 128 bits")
    }

    /// The text of a String.
    pub fn text(&self, oop: Oop) -> String {
        super::arguments::text_of(&self.vm, oop).expect("a String")
    }

    /// Fills new space and the headroom of old space, so that the next allocation fails.
    pub fn exhaust(&mut self) {
        for slots in [4000, 200, 8, 1] {
            while self
                .vm
                .heap
                .allocate(ClassIndex::ARRAY, Format::ARRAY, slots)
                .is_ok()
            {}
        }
    }
}

/// What the control primitives do that are such for the sake of contexts alone.
fn for_all_but_contexts(number: u16) -> Option<crate::args::Primitive> {
    match number {
        73 => Some(subscripts::field_at),
        74 => Some(subscripts::field_at_put),
        148 => Some(objects::clone),
        173 => Some(subscripts::slot_at),
        174 => Some(subscripts::slot_at_put),
        _ => None,
    }
}

fn make_singletons(heap: &mut Heap) {
    let mut make = |class_index| {
        heap.allocate_old(class_index, Format::EMPTY, 0)
            .expect("it fits")
    };
    let (nil, no, yes) = (make(1024), make(1025), make(1026));
    heap.set_singletons(nil, no, yes);
}

/// Instances with named fields only.
pub fn fixed(fields: u16) -> InstanceSpec {
    spec(Format::FIXED, fields)
}

/// Instances of raw elements.
pub fn raw(format: Format) -> InstanceSpec {
    spec(format, 0)
}

pub fn spec(format: Format, fixed_fields: u16) -> InstanceSpec {
    InstanceSpec {
        spec: format.bits(),
        fixed_fields,
    }
}

fn spec_of(name: &str) -> InstanceSpec {
    match name {
        "SmallInteger" | "Character" | "SmallFloat64" => InstanceSpec {
            spec: InstanceSpec::IMMEDIATE,
            fixed_fields: 0,
        },
        "LargeNegativeInteger" | "LargePositiveInteger" | "ByteArray" | "ByteString" => {
            raw(Format::BYTES)
        }
        "BoxedFloat64" => raw(Format::WORDS_64),
        "Bitmap" => raw(Format::WORDS_32),
        "Array" => spec(Format::ARRAY, 0),
        "Context" => spec(Format::FIXED_AND_INDEXED, 6),
        "FullBlockClosure" | "BlockClosure" => spec(Format::FIXED_AND_INDEXED, 4),
        "Semaphore" | "Message" => fixed(3),
        _ => fixed(0),
    }
}
