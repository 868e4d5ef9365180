//! What an image says of objects that are to travel, and who is asked: see its class `Travellers`.
//!
//! ```text
//!   prepare ──> who is reached and has an answer of its own? ──> ask ──> reached through answers? ...
//!                                    └── nobody: done
//! ```

use imprint_heap::{Heap, NeedsSpace};
use imprint_isa::{Name, Ref};
use imprint_model::layout::behavior;
use imprint_model::{ClassIndex, Format, Oop};
use imprint_vm::extract::{Customs, Extractor, ImageIndex};
use imprint_vm::install::{MethodDictionary, Names};
use rustc_hash::{FxHashMap, FxHashSet};

/// The class of the kernel that asks.
pub const TRAVELLERS: &str = "Travellers";
/// What objects are sent before they travel.
const DEPARTING: &str = "asTraveller";
/// What objects are sent once they have arrived.
const ARRIVING: &str = "arrive";
/// Globals that hold the answers: of objects, and of classes.
const ANSWERS: &str = "PackageTravellers";
const STAYING: &str = "PackageStaying";

/// The answers that an image holds; none where nobody was asked.
pub fn customs_of(heap: &Heap, names: &Names) -> Customs {
    let pairs = |global: &str| {
        let binding = names.global(global);
        let array = binding.map(|it| heap.slot(it, imprint_model::layout::association::VALUE));
        let items = array.map_or_else(Vec::new, |array| slots_of(heap, array));
        let pair = |pair: &[Oop]| (heap.follow(pair[0]), heap.follow(pair[1]));
        items.chunks_exact(2).map(pair).collect::<Vec<_>>()
    };
    let staying = pairs(STAYING).into_iter().filter_map(|(class, positions)| {
        let positions = slots_of(heap, positions).into_iter();
        let slots = positions.filter_map(|it| usize::try_from(it.as_small_integer()? - 1).ok());
        Some((heap.index_of_class(class)?, slots.collect()))
    });
    Customs {
        substitutes: pairs(ANSWERS).into_iter().collect(),
        staying: staying.collect(),
    }
}

/// What an array holds; nothing of what is none.
pub(crate) fn slots_of(heap: &Heap, array: Oop) -> Vec<Oop> {
    if !array.is_object() || !heap.format(array).is_pointers() {
        return Vec::new();
    }
    let slots = 0..heap.pointer_slot_count(array);
    slots.map(|slot| heap.slot(array, slot)).collect()
}

/// Objects that travel with the values of these variables, have an answer of their own, and were not
/// asked yet.
pub fn unasked(heap: &Heap, index: &ImageIndex, customs: &Customs, objects: &[Ref]) -> Vec<Oop> {
    let mut answers = Answering::new(heap, DEPARTING);
    let extractor = Extractor::portable(heap, index).with_customs(customs);
    let names = index.names();
    let bindings = objects.iter().filter_map(|reference| match reference {
        Ref::Global(name) => names.global(name),
        Ref::ClassVariable { class, name } => names.class_variable(class, name),
        _ => None,
    });
    let reached: FxHashSet<Oop> = bindings
        .flat_map(|binding| extractor.travelling(binding))
        .collect();
    let answered: FxHashSet<Oop> = customs.substitutes.values().copied().collect();
    let is_asked = |oop: &Oop| customs.substitutes.contains_key(oop) || answered.contains(oop);
    let mut waiting: Vec<Oop> = reached.into_iter().filter(|oop| !is_asked(oop)).collect();
    waiting.retain(|oop| answers.has_own_answer(heap, *oop));
    waiting.sort_by_key(|oop| oop.bits());
    waiting
}

/// Those of some objects that have something to do once they have arrived.
pub(crate) fn arriving(heap: &Heap, objects: &[Oop]) -> Vec<Oop> {
    let mut answers = Answering::new(heap, ARRIVING);
    let objects = objects.iter().copied();
    objects
        .filter(|oop| answers.has_own_answer(heap, *oop))
        .collect()
}

/// An array of some objects.
///
/// # Errors
/// Where space is missing.
pub fn array_of(heap: &mut Heap, objects: &[Oop]) -> Result<Oop, NeedsSpace> {
    let array = heap.allocate_old(ClassIndex::ARRAY, Format::ARRAY, objects.len())?;
    for (slot, object) in objects.iter().enumerate() {
        heap.store(array, slot, *object);
    }
    Ok(array)
}

/// Which classes answer a message otherwise than Object does.
struct Answering {
    selector: Option<Oop>,
    known: FxHashMap<u32, bool>,
}

impl Answering {
    fn new(heap: &Heap, selector: &str) -> Answering {
        Answering {
            selector: heap.symbol(selector),
            known: FxHashMap::default(),
        }
    }

    fn has_own_answer(&mut self, heap: &Heap, oop: Oop) -> bool {
        let Some(selector) = self.selector.filter(|_| oop.is_object()) else {
            return false;
        };
        let index = heap.class_index_of(oop);
        let known = self.known.entry(index);
        *known.or_insert_with(|| overrides(heap, heap.class_of(oop), selector))
    }
}

/// Whether a class or one between it and Object has a method for a selector.
fn overrides(heap: &Heap, class: Oop, selector: Oop) -> bool {
    let mut at = class;
    while at.is_object() && at != heap.nil() {
        let name: Option<Name> = imprint_vm::install::class_name(heap, at);
        if name.as_deref() == Some("Object") {
            return false;
        }
        let dictionary = heap.slot(at, behavior::METHOD_DICTIONARY);
        let is_there = dictionary.is_object() && dictionary != heap.nil();
        if is_there && MethodDictionary(dictionary).at(heap, selector).is_some() {
            return true;
        }
        at = heap.slot(at, behavior::SUPERCLASS);
    }
    false
}
