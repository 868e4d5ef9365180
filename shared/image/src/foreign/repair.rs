//! What the width of a word changes in the objects themselves.

use super::graph::{Body, Graph, Object, Value};
use imprint_model::layout::{block_closure, context};
use imprint_model::{ClassIndex, MethodHeader, Oop};

/// Bytes by which a literal grows.
const GROWTH: i64 = 4;
/// The sign bit and the others of a header in 31 bits.
const NARROW_HEADER_BITS: i64 = 0x3FFF_FFFF;

/// Makes what was written for words of 32 bits right for words of 64.
pub(super) fn widen(graph: &mut Graph) {
    widen_method_headers(graph);
    move_program_counters(graph);
    unbox_numbers(graph);
    name_small_floats(graph);
}

/// A negative header of 31 bits names Sista V1; its other bits stay what they are.
fn widen_method_headers(graph: &mut Graph) {
    for object in &mut graph.objects {
        if let Body::Code(slots, _) = &mut object.body
            && let Some(Value::Immediate(header)) = slots.first_mut()
            && let Some(value) = header.as_small_integer()
            && value < 0
        {
            let low = Oop::small_integer(value & NARROW_HEADER_BITS).unwrap_or(*header);
            if let Some(mut decoded) = MethodHeader::from_oop(low) {
                decoded.set = imprint_model::BytecodeSet::SistaV1;
                *header = decoded.to_oop();
            }
        }
    }
}

/// Program counters are counted from the beginning of a method, so they move by its literals.
fn move_program_counters(graph: &mut Graph) {
    let growths: Vec<(usize, usize, i64)> = (0..graph.objects.len())
        .filter_map(|number| {
            let object = &graph.objects[number];
            let (slot, method) = match object.class_index {
                ClassIndex::CONTEXT => (context::PC, object.object_in(context::METHOD)?),
                ClassIndex::BLOCK_CLOSURE => {
                    let outer = object.object_in(block_closure::OUTER_CONTEXT)?;
                    let method = graph.objects[outer].object_in(context::METHOD)?;
                    (block_closure::START_PC, method)
                }
                _ => return None,
            };
            let Body::Code(slots, _) = &graph.objects[method].body else {
                return None;
            };
            Some((number, slot, slots.len() as i64 * GROWTH))
        })
        .collect();
    for (number, slot, growth) in growths {
        let object = &mut graph.objects[number];
        if let Some(pc) = object.integer_in(slot)
            && let Some(moved) = Oop::small_integer(pc + growth)
        {
            object.slots_mut()[slot] = Value::Immediate(moved);
        }
    }
}

/// Large integers that are small now, and floats that fit an immediate, are immediates: two
/// numbers that are equal must be of the same class.
fn unbox_numbers(graph: &mut Graph) {
    let immediates: Vec<Option<Oop>> = graph.objects.iter().map(immediate_of).collect();
    for object in &mut graph.objects {
        for slot in object.slots_mut() {
            if let Value::Object(number) = *slot
                && let Some(immediate) = immediates[number]
            {
                *slot = Value::Immediate(immediate);
            }
        }
    }
}

fn immediate_of(object: &Object) -> Option<Oop> {
    let Body::Bytes(bytes) = &object.body else {
        return None;
    };
    if bytes.len() > 8 {
        return None;
    }
    let mut word = [0; 8];
    word[..bytes.len()].copy_from_slice(bytes);
    let magnitude = u64::from_le_bytes(word);
    match object.class_index {
        ClassIndex::LARGE_POSITIVE => Oop::small_integer(i64::try_from(magnitude).ok()?),
        ClassIndex::LARGE_NEGATIVE => Oop::small_integer(-i64::try_from(magnitude).ok()?),
        ClassIndex::BOXED_FLOAT if bytes.len() == 8 => Oop::small_float(f64::from_bits(magnitude)),
        _ => None,
    }
}

/// Immediate floats have a class, also where the image made none for them.
fn name_small_floats(graph: &mut Graph) {
    let class_at = |wanted: u32| {
        let mut classes = graph.classes.iter();
        classes
            .find(|(index, _)| *index == wanted)
            .map(|(_, class)| *class)
    };
    if class_at(ClassIndex::SMALL_FLOAT).is_none()
        && let Some(class) = class_at(ClassIndex::BOXED_FLOAT)
    {
        graph.classes.push((ClassIndex::SMALL_FLOAT, class));
    }
}
