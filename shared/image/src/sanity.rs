//! What a virtual machine relies on when it looks methods up, checked once after loading, so that
//! a damaged image can neither crash nor hang it.

use crate::problem::ImageProblem;
use imprint_heap::{Heap, NoRoots};
use imprint_model::layout::{behavior, method_dictionary};
use imprint_model::{ClassIndex, Known, Oop};
use rustc_hash::FxHashMap;

/// Checks a heap that was just made of a file.
pub(crate) fn check(heap: &Heap) -> Result<(), ImageProblem> {
    check_special_objects(heap)?;
    check_classes(heap)?;
    check_slots(heap)
}

fn check_slots(heap: &Heap) -> Result<(), ImageProblem> {
    heap.verify(&mut NoRoots)
        .map_err(|faults| ImageProblem::damaged(faults[0].to_string()))
}

fn check_special_objects(heap: &Heap) -> Result<(), ImageProblem> {
    let array = heap.special_objects();
    if !heap.format(array).is_indexable_pointers() || heap.slot_count(array) < 3 {
        return Err(ImageProblem::damaged(
            "the special objects array is no array",
        ));
    }
    let firsts = [heap.nil(), heap.false_object(), heap.true_object()];
    if (0..3).any(|index| heap.slot(array, index) != firsts[index]) {
        let what = "the special objects array does not begin with nil, false, true";
        return Err(ImageProblem::damaged(what));
    }
    for (known, index) in [
        (Known::Array, ClassIndex::ARRAY),
        (Known::BoxedFloat, ClassIndex::BOXED_FLOAT),
        (Known::Context, ClassIndex::CONTEXT),
        (Known::LargePositive, ClassIndex::LARGE_POSITIVE),
        (Known::LargeNegative, ClassIndex::LARGE_NEGATIVE),
    ] {
        let class = heap.known(known);
        if class.is_object() && class != heap.nil() && heap.class_at(index) != Some(class) {
            let what = format!("class {} is not at index {index}", known.text());
            return Err(ImageProblem::damaged(what));
        }
    }
    Ok(())
}

/// Each class has a sane format, superclasses that end, and a method dictionary of the known
/// shape, if any.
fn check_classes(heap: &Heap) -> Result<(), ImageProblem> {
    let mut depths: FxHashMap<Oop, bool> = FxHashMap::default();
    for (index, class) in heap.classes() {
        check_chain(heap, class, &mut depths)
            .map_err(|what| ImageProblem::damaged(format!("the class at index {index} {what}")))?;
    }
    Ok(())
}

/// `ended` says of each class that was met whether its chain of superclasses was seen to end.
fn check_chain(
    heap: &Heap,
    class: Oop,
    ended: &mut FxHashMap<Oop, bool>,
) -> Result<(), &'static str> {
    let mut met = Vec::new();
    let mut at = class;
    while at != heap.nil() {
        match ended.get(&at) {
            Some(true) => break,
            Some(false) => return Err("is its own superclass"),
            None => {}
        }
        check_behavior(heap, at)?;
        ended.insert(at, false);
        met.push(at);
        at = heap.slot(at, behavior::SUPERCLASS);
    }
    for class in met {
        ended.insert(class, true);
    }
    Ok(())
}

fn check_behavior(heap: &Heap, class: Oop) -> Result<(), &'static str> {
    if class.is_ghost() {
        return Err("has a ghost among its superclasses");
    }
    if !heap.looks_like_behavior(class) {
        return Err("or one of its superclasses is no class");
    }
    let dictionary = heap.slot(class, behavior::METHOD_DICTIONARY);
    if dictionary == heap.nil() {
        return Ok(());
    }
    if !dictionary.is_object() || !heap.format(dictionary).is_pointers() {
        return Err("has a method dictionary that is none");
    }
    let slots = heap.slot_count(dictionary);
    if slots < method_dictionary::FIRST_KEY {
        return Err("has a method dictionary without an array");
    }
    let values = heap.slot(dictionary, method_dictionary::ARRAY);
    if !values.is_object() || !heap.format(values).is_pointers() {
        return Err("has a method dictionary without an array");
    }
    if heap.slot_count(values) < slots - method_dictionary::FIRST_KEY {
        return Err("has a method dictionary with more keys than values");
    }
    Ok(())
}
