//! The shape of a class whose draft never came: read off its instances, or Spur's own.

use imprint_heap::Heap;
use imprint_model::layout::{association, class, closure, context, linked_list, message};
use imprint_model::layout::{metaclass, method_dictionary, process};
use imprint_model::{Format, InstanceSpec};

/// The instance specification of immediate classes.
const IMMEDIATE: u8 = InstanceSpec::IMMEDIATE;
/// That of compiled code.
const CODE: u8 = Format::CODE.bits();

/// Classes whose shape a virtual machine or builder relies on: name, instance specification, fixed
/// fields. Only instances that also have indexed fields, or that the machine itself makes, matter.
const SHAPES: &[(&str, u8, usize)] = &[
    ("SmallInteger", IMMEDIATE, 0),
    ("Character", IMMEDIATE, 0),
    ("SmallFloat64", IMMEDIATE, 0),
    ("Array", 2, 0),
    ("ByteString", 16, 0),
    ("ByteArray", 16, 0),
    ("LargePositiveInteger", 16, 0),
    ("LargeNegativeInteger", 16, 0),
    ("BoxedFloat64", 10, 0),
    ("Bitmap", 10, 0),
    ("ByteSymbol", 16, 0),
    ("WideSymbol", 10, 0),
    ("WideString", 10, 0),
    ("CompiledMethod", CODE, 0),
    ("CompiledBlock", CODE, 0),
    ("Message", 1, message::LOOKUP_CLASS + 1),
    ("Context", 3, context::FIRST_TEMP),
    ("BlockClosure", 3, closure::FIRST_COPIED - 1),
    ("FullBlockClosure", 3, closure::FIRST_COPIED),
    ("CleanBlockClosure", 3, closure::FIRST_COPIED),
    ("ConstantBlockClosure", 3, closure::FIRST_COPIED),
    ("ConstantBlockClosure1Arg", 3, closure::FIRST_COPIED),
    ("ConstantBlockClosure2Arg", 3, closure::FIRST_COPIED),
    ("ConstantBlockClosure3Arg", 3, closure::FIRST_COPIED),
    ("Semaphore", 1, linked_list::EXCESS_SIGNALS + 1),
    ("Process", 1, process::SIZE),
    ("ProcessList", 1, linked_list::LAST + 1),
    ("ProcessorScheduler", 1, 2),
    ("Point", 1, 2),
    ("GlobalVariable", 1, association::VALUE + 1),
    ("MethodDictionary", 3, method_dictionary::FIRST_KEY),
    ("Metaclass", 1, metaclass::SIZE),
];

/// Fixed fields only.
pub(super) fn fixed(fields: u16) -> InstanceSpec {
    let spec = if fields == 0 {
        Format::EMPTY
    } else {
        Format::FIXED
    };
    InstanceSpec {
        spec: spec.bits(),
        fixed_fields: fields,
    }
}

/// The shape of the class at an index, whose name is told too.
pub(super) fn of_instances(heap: &Heap, index: u32, name: &str) -> InstanceSpec {
    if let Some((_, spec, fields)) = SHAPES.iter().find(|(known, ..)| *known == name) {
        return InstanceSpec {
            spec: *spec,
            fixed_fields: *fields as u16,
        };
    }
    let Some(instance) = heap.instances_of(index).first().copied() else {
        let is_meta = name.ends_with(" class");
        return fixed(if is_meta { class::SIZE as u16 } else { 0 });
    };
    let format = heap.format(instance);
    match format.base() {
        Format::EMPTY | Format::FIXED => fixed(heap.slot_count(instance) as u16),
        base => InstanceSpec {
            spec: base.bits(),
            fixed_fields: 0,
        },
    }
}
