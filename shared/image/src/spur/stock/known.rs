//! What a machine finds through the special objects array: classes, selectors, the process that
//! goes on.

use imprint_model::known::PRIMITIVE_ERRORS;

use super::memory::{Memory, Object};
use super::objects::{small, text_of};

/// Entries of the array.
const COUNT: usize = 60;
/// Position (1-based), class index: what a machine compares at load.
const CLASSES_AT_LOAD: [(usize, u32); 5] = [(8, 51), (43, 32), (14, 33), (10, 34), (11, 36)];
/// Further classes at their fixed indices.
const CLASSES: [(usize, u32); 6] = [(6, 1), (7, 52), (16, 35), (19, 48), (20, 2), (27, 50)];
/// Position (1-based) and selector.
const SELECTORS: [(usize, &str); 8] = [
    (21, "doesNotUnderstand:"),
    (22, "cannotReturn:"),
    (26, "mustBeBoolean"),
    (35, "cannotInterpret:"),
    (49, "aboutToReturn:through:"),
    (50, "run:with:in:"),
    (51, "attemptToAssign:withIndex:"),
    (58, "unusedBytecode"),
];
/// Position (1-based) of semaphores.
const SEMAPHORES: [usize; 3] = [30, 31, 42];
const PRIORITIES: usize = 80;
/// Fewest entries of the table of primitive errors.
const ERRORS: usize = 20;
/// More ready processes than this are taken for a ring.
const PROCESSES_MAX: usize = 1 << 20;

/// Checks all of them.
pub(super) fn check(memory: &Memory, faults: &mut Vec<String>) {
    let special = memory.object(memory.special);
    let Some(special) = special.filter(|array| array.format == 2 && array.slots >= COUNT) else {
        faults.push("the special objects array is none".to_owned());
        return;
    };
    let at = |position: usize| memory.object_in(special, position - 1);
    if (1..=3)
        .any(|position| at(position).map(|it| it.oop) != Some(memory.singletons()[position - 1]))
    {
        faults.push("the special objects do not begin with nil, false, true".to_owned());
    }
    for (position, index) in CLASSES_AT_LOAD.into_iter().chain(CLASSES) {
        if at(position).map(|class| class.oop).as_ref() != memory.classes.get(&index) {
            faults.push(format!(
                "special object {position} is not the class at index {index}"
            ));
        }
    }
    for (position, selector) in SELECTORS {
        let text = at(position).map(|symbol| text_of(memory, symbol));
        if text.as_deref() != Some(selector) {
            faults.push(format!(
                "special object {position} is {text:?}, not #{selector}"
            ));
        }
    }
    for position in SEMAPHORES {
        if at(position).is_none_or(|it| it.class != 48 && it.oop != memory.nil()) {
            faults.push(format!("special object {position} is no semaphore"));
        }
    }
    check_special_selectors(memory, at(24), faults);
    check_errors(memory, at(52), faults);
    if let Some(what) = scheduler_fault(memory, at(4)) {
        faults.push(what.to_owned());
    }
}

fn check_special_selectors(memory: &Memory, pairs: Option<&Object>, faults: &mut Vec<String>) {
    let Some(pairs) = pairs.filter(|pairs| pairs.slots == 64) else {
        faults.push("special object 24 is no array of 32 pairs".to_owned());
        return;
    };
    let selectors = (0..32).filter(|pair| *pair != 23);
    let is_pair = |pair: &usize| {
        let selector = memory.object_in(pairs, 2 * pair);
        let arguments = memory.slot(pairs, 2 * pair + 1).and_then(small);
        selector.is_some_and(|it| (16..24).contains(&it.format) && it.hash != 0)
            && arguments.is_some_and(|count| (0..=2).contains(&count))
    };
    let bad = selectors.filter(|pair| !is_pair(pair));
    faults.extend(bad.map(|pair| format!("pair {pair} of the special selectors is none")));
}

fn check_errors(memory: &Memory, table: Option<&Object>, faults: &mut Vec<String>) {
    let Some(table) = table.filter(|table| table.format == 2 && table.slots >= ERRORS) else {
        faults.push("special object 52 is no table of primitive errors".to_owned());
        return;
    };
    for (position, name) in PRIMITIVE_ERRORS.iter().enumerate() {
        let entry = memory.object_in(table, position);
        let found = entry.filter(|entry| entry.oop != memory.nil());
        let text = found.map(|symbol| text_of(memory, symbol));
        if text.as_deref() != *name {
            faults.push(format!(
                "primitive error {} is {text:?}, not {name:?}",
                position + 1
            ));
        }
    }
}

/// The process that goes on has a context, and 80 lists hold whole chains of processes.
fn scheduler_fault(memory: &Memory, binding: Option<&Object>) -> Option<&'static str> {
    let Some(scheduler) = binding.and_then(|binding| memory.object_in(binding, 1)) else {
        return Some("special object 4 is no binding of a scheduler");
    };
    let lists = memory.object_in(scheduler, 0);
    let Some(lists) = lists.filter(|lists| lists.slots == PRIORITIES) else {
        return Some("the scheduler has no 80 lists");
    };
    for priority in 0..PRIORITIES {
        let whole = memory
            .object_in(lists, priority)
            .is_some_and(|list| is_whole(memory, list, priority as i64 + 1));
        if !whole {
            return Some("a list of the scheduler is no whole chain of processes");
        }
    }
    let active = memory.object_in(scheduler, 1);
    let context = active.and_then(|process| memory.object_in(process, 1));
    let Some(context) = context.filter(|context| context.class == 36) else {
        return Some("the active process has no context to go on in");
    };
    if memory.slot(context, 1).and_then(small).is_none() {
        return Some("the context of the active process has ended");
    }
    None
}

fn is_whole(memory: &Memory, list: &Object, priority: i64) -> bool {
    let nil = memory.nil();
    let (first, last) = (memory.slot(list, 0), memory.slot(list, 1));
    let (mut next, mut before) = (first, Some(nil));
    for _ in 0..PROCESSES_MAX {
        if next == Some(nil) {
            return before == last;
        }
        let Some(process) = next.and_then(|oop| memory.object(oop)) else {
            return false;
        };
        let has_context = memory
            .object_in(process, 1)
            .is_some_and(|it| it.class == 36);
        let is_here = memory.slot(process, 3) == Some(list.oop);
        let is_due = memory.slot(process, 2).and_then(small) == Some(priority);
        if !has_context || !is_here || !is_due {
            return false;
        }
        before = next;
        next = memory.slot(process, 0);
    }
    false
}
