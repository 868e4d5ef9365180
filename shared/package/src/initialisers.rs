//! Class-side initialisers: which of them run once packages are there, and in which order.

use imprint_heap::Heap;
use imprint_isa::{Body, MethodDraft, Name, PackagedMethod, Ref};
use imprint_model::Oop;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::plan::{Plan, PlannedClass};

/// What classes are sent once they are there.
pub(crate) const INITIALIZE: &str = "initialize";

/// Whether a method is what its class is sent once it is there.
pub(crate) fn is_initialiser(method: &MethodDraft) -> bool {
    method.behavior.meta && &*method.selector == INITIALIZE
}

/// The classes with initialisers, in the order in which these run.
pub(crate) fn initialising_order<'p>(plan: &Plan<'p>, chosen: &[&'p Name]) -> Vec<&'p Name> {
    if chosen.is_empty() {
        return Vec::new();
    }
    let wanted: FxHashSet<&Name> = chosen.iter().copied().collect();
    let classes: FxHashMap<&Name, &PlannedClass<'p>> = plan
        .classes
        .iter()
        .map(|it| (&it.class.draft.name, it))
        .collect();
    let named = named_by_initialisers(plan);
    let mut order = Vec::new();
    let mut entered = FxHashSet::default();
    let in_packages = (plan.packages.iter()).flat_map(|package| plan.classes_of(package));
    let extended = chosen
        .iter()
        .copied()
        .filter(|name| !classes.contains_key(name));
    let starts = in_packages.map(|it| &it.class.draft.name).chain(extended);
    for start in starts {
        let mut open = vec![(start, false)];
        while let Some((name, is_second)) = open.pop() {
            if is_second {
                order.push(name);
            } else if entered.insert(name) {
                open.push((name, true));
                let superclass = classes
                    .get(name)
                    .and_then(|it| it.class.draft.superclass.as_ref());
                let others = named.get(name).into_iter().flatten().copied();
                open.extend(others.chain(superclass).map(|name| (name, false)));
            }
        }
    }
    order.retain(|name| wanted.contains(name));
    order
}

/// By class: the classes that its class-side `initialize` names.
fn named_by_initialisers<'p>(plan: &Plan<'p>) -> FxHashMap<&'p Name, Vec<&'p Name>> {
    let methods = plan.packages.iter().flat_map(|package| &package.methods);
    let mut named = FxHashMap::default();
    for PackagedMethod { draft, .. } in methods.filter(|it| is_initialiser(&it.draft)) {
        let locals = draft.locals.iter().filter_map(|local| match &local.body {
            Body::Code(code) => Some(&code.literals),
            _ => None,
        });
        let literals = std::iter::once(&draft.code.literals)
            .chain(locals)
            .flatten();
        let globals = literals.filter_map(|literal| match literal {
            Ref::Global(name) if *name != draft.behavior.class => Some(name),
            _ => None,
        });
        named.insert(&draft.behavior.class, globals.collect());
    }
    named
}

/// Whether two methods do the same: the same bytecodes, and literals that are the same or look so.
pub(crate) fn is_same_code(heap: &Heap, one: Oop, other: Oop) -> bool {
    use imprint_vm::install::TRAILER_BYTES;
    let is_code = |oop: Oop| oop.is_object() && heap.format(oop).is_code();
    if !is_code(one) || !is_code(other) {
        return false;
    }
    let bytes = |oop: Oop| {
        let bytes = heap.code_bytes(oop);
        &bytes[..bytes.len().saturating_sub(TRAILER_BYTES)]
    };
    let count = heap.literal_count(one);
    bytes(one) == bytes(other)
        && count == heap.literal_count(other)
        && (0..count).all(|index| {
            looks_same(
                heap,
                (one, heap.literal(one, index)),
                (other, heap.literal(other, index)),
                0,
            )
        })
}

/// Whether two literals look the same; each comes with the method that it is of.
fn looks_same(
    heap: &Heap,
    (home, one): (Oop, Oop),
    (other_home, other): (Oop, Oop),
    depth: usize,
) -> bool {
    /// Literals nested deeper are taken for different: the class is initialised once more.
    const DEPTH_MAX: usize = 20;
    if one == other || (one, other) == (home, other_home) {
        return true;
    }
    let are_alike = one.is_object()
        && other.is_object()
        && depth < DEPTH_MAX
        && heap.class_index_of(one) == heap.class_index_of(other)
        && heap.format(one) == heap.format(other)
        && !heap.is_symbol(one);
    if !are_alike {
        return false;
    }
    let format = heap.format(one);
    if format.is_raw() && !format.is_code() {
        return heap.bytes(one) == heap.bytes(other);
    }
    if format.is_code() && heap.code_bytes(one) != heap.code_bytes(other) {
        return false;
    }
    let count = heap.pointer_slot_count(one);
    count == heap.pointer_slot_count(other)
        && (0..count).all(|slot| {
            let pair = (heap.slot(one, slot), heap.slot(other, slot));
            looks_same(heap, (home, pair.0), (other_home, pair.1), depth + 1)
        })
}
