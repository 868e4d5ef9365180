//! Which objects the image's own code changes when it makes packages part of itself, or takes them out: kept
//! with a revision, they are put back with it.
//!
//! ```text
//!   organiser ── packages ── tags ── classes             protocols, class pool: of the classes concerned
//!   InstalledPackage ── registry ── what each brought
//! ```
//!
//! Followed are only objects of the classes that the image keeps its books in, and the collections that these
//! hold: whatever else is reached from there is somebody's data, and goes on as it is.

use imprint_isa::{BehaviorName, Name};
use imprint_model::Oop;
use imprint_model::layout::{association, behavior, class};
use imprint_vm::Vm;
use rustc_hash::FxHashSet;

use crate::uninstall::REGISTRY;

/// The global that holds the organiser of packages.
const ORGANISER: &str = "SystemOrganization";
/// The global that holds the image's facade, which holds the dictionary of globals.
const FACADE: &str = "Smalltalk";

/// What the classes of the image's books are to whoever follows them.
const BOOKS: &[(&str, Page)] = &[
    ("PackageOrganizer", Page::Record),
    ("Package", Page::Record),
    ("PackageTag", Page::Record),
    ("Protocol", Page::Record),
    ("InstalledPackage", Page::Record),
    ("ReplacedMethod", Page::Record),
    ("ReplacedClass", Page::Record),
    ("Dictionary", Page::Collection),
    ("IdentityDictionary", Page::Collection),
    ("SystemEnvironment", Page::Collection),
    ("OrderedCollection", Page::Collection),
    ("Association", Page::Entry),
    ("Array", Page::Row),
];

/// What an object is in the books.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Page {
    /// It holds collections.
    Record,
    /// It holds a row.
    Collection,
    /// Its value may be a record.
    Entry,
    /// It holds entries and records.
    Row,
}

impl Page {
    fn leads_to(self, other: Page) -> bool {
        match self {
            Page::Record => matches!(other, Page::Collection | Page::Row),
            Page::Collection => other == Page::Row,
            Page::Entry => other == Page::Record,
            Page::Row => matches!(other, Page::Record | Page::Entry),
        }
    }
}

/// What was found.
#[derive(Default)]
pub(crate) struct Ledger {
    /// What changes.
    pub objects: Vec<Oop>,
    /// Classes and class sides that are named on the way.
    pub behaviors: Vec<Oop>,
    seen: FxHashSet<Oop>,
    named: FxHashSet<Oop>,
}

impl Ledger {
    /// What changes where these packages come: in general, and of these classes, on both sides.
    pub fn of<'n>(vm: &Vm, packages: &[&Name], classes: impl Iterator<Item = &'n Name>) -> Ledger {
        let mut ledger = Ledger::default();
        if let Some(binding) = vm.names.global(ORGANISER) {
            ledger.follow(vm, vm.heap.slot(binding, association::VALUE));
        }
        if let Some(registry) = vm.names.class_object(&vm.heap, REGISTRY) {
            ledger.add(registry);
            for (slot, _) in vm.names.class_side_slots(REGISTRY) {
                ledger.follow(vm, vm.heap.slot(registry, slot));
            }
        }
        for name in classes {
            for side in [
                BehaviorName::class(name.clone()),
                BehaviorName::meta(name.clone()),
            ] {
                if let Some(object) = vm.names.behavior(&vm.heap, &side) {
                    ledger.note_class(vm, object, side.meta);
                }
            }
        }
        ledger.note_replaced(vm, packages);
        ledger
    }

    /// What older versions of packages put into classes of others may go with the image's own part.
    fn note_replaced(&mut self, vm: &Vm, packages: &[&Name]) {
        let names = vm
            .names
            .all_instance_variables(&BehaviorName::class(REGISTRY));
        let slot = names.and_then(|all| all.iter().position(|name| &**name == "name"));
        let Some(slot) = slot else {
            return;
        };
        let is_older = |object: &&Oop| {
            let is_record = name_of_class(vm, **object) == Some(REGISTRY);
            let name = is_record.then(|| vm.heap.slot(**object, slot));
            let name = name.and_then(|name| vm.heap.string_text(name));
            name.is_some_and(|name| packages.iter().any(|it| ***it == *name))
        };
        let older: Vec<Oop> = self.objects.iter().filter(is_older).copied().collect();
        for record in older {
            let mut own = Ledger::default();
            own.follow(vm, record);
            for behavior in own.behaviors {
                self.note_methods(vm, behavior);
                self.follow(vm, vm.heap.slot(behavior, behavior::PROTOCOLS));
            }
        }
    }

    /// The same, with all that is named on the way and with the dictionary of globals: good for going back
    /// at once only, since others put globals there.
    pub fn with_all_named(vm: &Vm) -> Ledger {
        let mut ledger = Ledger::of(vm, &[], std::iter::empty());
        if let Some(binding) = vm.names.global(FACADE) {
            let facade = vm.heap.slot(binding, association::VALUE);
            ledger.follow_slots(vm, facade, Page::Record);
        }
        let mut at = 0;
        while let Some(behavior) = ledger.behaviors.get(at).copied() {
            at += 1;
            ledger.add(behavior);
            let superclass = vm.heap.slot(behavior, behavior::SUPERCLASS);
            if is_class(vm, superclass) {
                ledger.add(superclass);
            }
            let name = vm.heap.index_of_class(behavior);
            let name = name.and_then(|index| vm.names.behavior_at(index));
            let is_meta = name.is_some_and(|name| name.meta);
            ledger.note_class(vm, behavior, is_meta);
            ledger.note_methods(vm, behavior);
        }
        ledger
    }

    fn add(&mut self, object: Oop) -> bool {
        let is_new = object.is_object() && self.seen.insert(object);
        if is_new {
            self.objects.push(object);
        }
        is_new
    }

    fn note_class(&mut self, vm: &Vm, object: Oop, is_meta: bool) {
        self.follow(vm, vm.heap.slot(object, behavior::PROTOCOLS));
        if !is_meta {
            let pool = vm.heap.slot(object, class::CLASS_POOL);
            if page_of(vm, pool) == Some(Page::Collection) && self.add(pool) {
                // The bindings stay what they are: what they hold is the program's.
                let rows = slots(vm, pool);
                rows.filter(|row| page_of(vm, *row) == Some(Page::Row))
                    .for_each(|row| _ = self.add(row));
            }
        }
    }

    fn note_methods(&mut self, vm: &Vm, behavior: Oop) {
        let dictionary = vm.heap.slot(behavior, behavior::METHOD_DICTIONARY);
        if dictionary.is_object() && dictionary != vm.heap.nil() && self.add(dictionary) {
            let rows = slots(vm, dictionary);
            rows.filter(|row| page_of(vm, *row) == Some(Page::Row))
                .for_each(|row| _ = self.add(row));
        }
    }

    /// Notes an object and what it leads to.
    fn follow(&mut self, vm: &Vm, object: Oop) {
        if let Some(page) = page_of(vm, object)
            && self.add(object)
        {
            self.follow_slots(vm, object, page);
        }
    }

    fn follow_slots(&mut self, vm: &Vm, object: Oop, page: Page) {
        let mut open = vec![(object, page)];
        while let Some((object, page)) = open.pop() {
            for held in slots(vm, object) {
                if is_class(vm, held) {
                    if self.named.insert(held) {
                        self.behaviors.push(held);
                    }
                } else if let Some(next) = page_of(vm, held)
                    && page.leads_to(next)
                    && self.add(held)
                {
                    open.push((held, next));
                }
            }
        }
    }
}

fn is_class(vm: &Vm, object: Oop) -> bool {
    let index = object.is_object().then(|| vm.heap.index_of_class(object));
    let index = index.flatten();
    index.is_some_and(|index| vm.names.behavior_at(index).is_some())
}

fn page_of(vm: &Vm, object: Oop) -> Option<Page> {
    let class = name_of_class(vm, object)?;
    let found = BOOKS.iter().find(|(name, _)| *name == class);
    found.map(|(_, page)| *page)
}

/// The name of the class of an object with variables or elements.
fn name_of_class(vm: &Vm, object: Oop) -> Option<&str> {
    if !object.is_object() || !vm.heap.format(object).is_pointers() {
        return None;
    }
    let class = vm.names.behavior_at(vm.heap.class_index_of(object))?;
    (!class.meta).then_some(&*class.class)
}

fn slots(vm: &Vm, object: Oop) -> impl Iterator<Item = Oop> + '_ {
    (0..vm.heap.pointer_slot_count(object)).map(move |slot| vm.heap.slot(object, slot))
}
