//! Each object against its class: format, slots, code, method dictionaries, contexts.

use super::memory::{Memory, Object};

const CONTEXT: u32 = 36;
const FIXED: u8 = 1;
const CODE: u8 = 24;
/// Of a header of compiled code.
const PRIMITIVE_BIT: i64 = 1 << 16;

/// Checks all of them.
pub(super) fn check(memory: &Memory, faults: &mut Vec<String>) {
    for object in memory.objects() {
        let mut say = |what: String| {
            let name = class_name(memory, object.class);
            faults.push(format!("the {name} at {:#x} {what}", object.oop));
        };
        check_shape(memory, object, &mut say);
        check_slots(memory, object, &mut say);
        if object.format >= CODE {
            check_code(memory, object, &mut say);
        }
        if object.class == CONTEXT {
            check_context(memory, object, &mut say);
        }
    }
    let mut classes: Vec<_> = memory.classes.iter().collect();
    classes.sort();
    for (index, oop) in classes {
        if let Some(class) = memory.object(*oop) {
            let name = class_name(memory, *index);
            check_behavior(memory, class, &mut |what| {
                faults.push(format!("class {name} {what}"));
            });
        }
    }
}

/// The name of the class at an index, as far as it has one.
pub(super) fn class_name(memory: &Memory, index: u32) -> String {
    let class = memory
        .classes
        .get(&index)
        .and_then(|oop| memory.object(*oop));
    let name = class.and_then(|class| memory.object_in(class, 6));
    let text = name.filter(|name| (16..24).contains(&name.format));
    text.map_or_else(
        || format!("instance of class {index}"),
        |name| text_of(memory, name),
    )
}

/// The text of a byte object.
pub(super) fn text_of(memory: &Memory, object: &Object) -> String {
    let bytes: Vec<u8> = memory
        .words_of(object)
        .iter()
        .flat_map(|word| word.to_le_bytes())
        .collect();
    let length = bytes.len().saturating_sub(usize::from(object.format & 7));
    bytes[..length].iter().map(|byte| *byte as char).collect()
}

/// The value of a SmallInteger.
pub(super) fn small(word: u64) -> Option<i64> {
    (word & 7 == 1).then_some(word as i64 >> 3)
}

fn check_shape(memory: &Memory, object: &Object, say: &mut dyn FnMut(String)) {
    if matches!(object.format, 6..=8) || object.class == 8 {
        say(format!("has format {}", object.format));
    }
    let class = memory
        .classes
        .get(&object.class)
        .and_then(|oop| memory.object(*oop));
    let Some(class) = class else {
        say("has no class".to_owned());
        return;
    };
    let spec = memory.slot(class, 2).and_then(small).unwrap_or(-1);
    let (kind, fixed) = ((spec >> 16) as u8, (spec & 0xFFFF) as usize);
    let base = match object.format {
        format @ 0..=9 => format,
        10 | 11 => 10,
        12..=15 => 12,
        16..=23 => 16,
        _ => CODE,
    };
    if base != kind {
        say(format!(
            "has format {}, its class says {kind}",
            object.format
        ));
    }
    let fits = if kind == FIXED {
        object.slots == fixed
    } else {
        kind > 5 || object.slots >= fixed
    };
    if !fits {
        say(format!(
            "has {} slots, its class says {fixed}",
            object.slots
        ));
    }
}

/// Slots that hold oops.
fn pointers(memory: &Memory, object: &Object) -> usize {
    match object.format {
        0..=5 => object.slots,
        CODE.. => {
            let header = memory.slot(object, 0).and_then(small).unwrap_or(0);
            1 + (header & 0x7FFF) as usize
        }
        _ => 0,
    }
}

fn check_slots(memory: &Memory, object: &Object, say: &mut dyn FnMut(String)) {
    for index in 0..pointers(memory, object).min(object.slots) {
        let word = memory.slot(object, index).unwrap_or(0);
        match word & 7 {
            1 | 4 => {}
            2 if word >> 3 <= 0x10_FFFF => {}
            0 => match memory.object(word) {
                Some(value) if !matches!(value.class, 16 | 19) => {}
                _ => say(format!("refers to no object in slot {index}: {word:#x}")),
            },
            _ => say(format!("holds {word:#x} in slot {index}")),
        }
    }
}

fn check_code(memory: &Memory, object: &Object, say: &mut dyn FnMut(String)) {
    let Some(header) = memory.slot(object, 0).and_then(small) else {
        return say("has no header".to_owned());
    };
    let literals = (header & 0x7FFF) as usize;
    if header >= 0 || literals + 1 > object.slots || literals == 0 {
        return say(format!("has the header {header:#x}"));
    }
    let first = memory.slot(object, literals + 1).map(|word| word as u8);
    if (first == Some(248)) != (header & PRIMITIVE_BIT != 0) {
        say("calls a primitive, and its header does not say so, or the reverse".to_owned());
    }
    let last = memory.object_in(object, literals);
    let is_home = last.is_some_and(|last| last.format >= CODE);
    let class = last.and_then(|last| memory.object_in(last, 1));
    let names_class =
        class.is_some_and(|class| memory.classes.get(&class.hash) == Some(&class.oop));
    if !is_home && !names_class {
        say(
            "ends with a literal that is neither its outer code nor the binding of a class"
                .to_owned(),
        );
    }
}

fn check_context(memory: &Memory, object: &Object, say: &mut dyn FnMut(String)) {
    let sender = memory.slot(object, 0).unwrap_or(0);
    let is_context = |oop: u64| memory.object(oop).is_some_and(|it| it.class == CONTEXT);
    if sender != memory.nil() && !is_context(sender) {
        say("has a sender that is no context".to_owned());
    }
    let Some(method) = memory.object_in(object, 3).filter(|it| it.format >= CODE) else {
        return say("has no code".to_owned());
    };
    let header = memory.slot(method, 0).and_then(small).unwrap_or(0);
    let first = 8 * (1 + (header & 0x7FFF)) + 1;
    let limit = 8 * method.slots as i64 + 1;
    let pc = memory.slot(object, 1).and_then(small);
    let is_dead = memory.slot(object, 1) == Some(memory.nil());
    if !is_dead && !pc.is_some_and(|pc| (first..limit).contains(&pc)) {
        say(format!("has the pc {pc:?}"));
    }
    let depth = memory.slot(object, 2).and_then(small).unwrap_or(-1);
    let room = if header & 1 << 17 != 0 { 56 } else { 16 };
    if depth < header >> 18 & 63 || depth > room || object.slots != 6 + room as usize {
        say(format!(
            "has the stack pointer {depth} and {} slots",
            object.slots
        ));
    }
}

fn check_behavior(memory: &Memory, class: &Object, say: &mut dyn FnMut(String)) {
    let superclass = memory.slot(class, 0).unwrap_or(0);
    let above = memory.object(superclass);
    let is_class = above.is_some_and(|it| memory.classes.get(&it.hash) == Some(&it.oop));
    if superclass != memory.nil() && !is_class {
        say("has a superclass that is no class".to_owned());
    }
    let spec = memory.slot(class, 2).and_then(small);
    if !spec.is_some_and(|spec| (0..32 << 16).contains(&spec)) {
        say("has no format".to_owned());
    }
    match memory.object_in(class, 1) {
        Some(dictionary) if dictionary.oop != memory.nil() => {
            check_dictionary(memory, dictionary, say);
        }
        _ => say("has no method dictionary".to_owned()),
    }
}

/// Keys are Symbols with hashes, found by probing from there; at least one place is free.
fn check_dictionary(memory: &Memory, dictionary: &Object, say: &mut dyn FnMut(String)) {
    let capacity = dictionary.slots.saturating_sub(2);
    let values = memory.object_in(dictionary, 1);
    let is_sized = values.is_some_and(|values| values.format == 2 && values.slots == capacity);
    if !capacity.is_power_of_two() || !is_sized {
        return say(format!("has a method dictionary of {capacity} places"));
    }
    let key = |place: usize| memory.slot(dictionary, 2 + place).unwrap_or(0);
    let taken: Vec<usize> = (0..capacity)
        .filter(|place| key(*place) != memory.nil())
        .collect();
    if memory.slot(dictionary, 0).and_then(small) != Some(taken.len() as i64) {
        say("has a method dictionary with a wrong tally".to_owned());
    }
    if taken.len() == capacity {
        say("has a method dictionary without a free place".to_owned());
    }
    for place in taken {
        let Some(symbol) = memory.object(key(place)).filter(|it| it.hash != 0) else {
            say(format!("has a key without a hash at place {place}"));
            continue;
        };
        let start = symbol.hash as usize;
        let mut probes = (0..capacity).map(|step| (start + step) & (capacity - 1));
        let found = probes.find(|at| key(*at) == symbol.oop || key(*at) == memory.nil());
        if found != Some(place) {
            say(format!("does not find #{}", text_of(memory, symbol)));
        }
    }
}
