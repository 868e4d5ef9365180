//! Everything that a full image holds can be taken out of it as drafts.

use imprint_isa::draft_bytes::{decode_placed, encode_placed};
use imprint_isa::{Body, Draft, LocalObject, Placed, Ref};
use imprint_model::Oop;
use imprint_model::layout::closure;
use imprint_vm::extract::{Extractor, Place, PullSession};

use crate::world::Master;

fn all_objects(master: &Master) -> Vec<Oop> {
    master.image.heap().all_objects()
}

#[test]
fn every_draft_of_the_image_reads_back() {
    let master = Master::new();
    let extractor = master.extractor();
    let (mut behaviors, mut methods, mut objects) = (0, 0, 0);
    for oop in all_objects(&master) {
        let placed = extractor.draft(oop);
        match &placed.draft {
            Draft::Class(_) | Draft::Meta(_) => behaviors += 1,
            Draft::Method(_) => methods += 1,
            Draft::Object(_) => objects += 1,
        }
        let bytes = encode_placed(&placed);
        let back =
            decode_placed(&bytes).unwrap_or_else(|error| panic!("{}: {error}", placed.draft));
        assert_eq!(encode_placed(&back), bytes, "{}", placed.draft);
    }
    println!("{behaviors} classes and class sides, {methods} methods, {objects} objects");
    assert!(behaviors > 300, "{behaviors}");
    assert!(methods > 2000, "{methods}");
}

#[test]
fn the_ghost_of_an_object_leads_back_to_it() {
    let master = Master::new();
    let extractor = master.extractor();
    for oop in all_objects(&master) {
        let ghost = extractor.ghost_of(oop);
        assert_eq!(extractor.oop_at(ghost.id), Some(oop));
        assert_ne!(ghost.hash, 0);
        assert_eq!(ghost, master.image.ghost_of(oop));
    }
    assert_eq!(extractor.oop_at(u64::MAX), None);
}

#[test]
fn a_class_names_all_its_selectors() {
    let master = Master::new();
    let placed = master
        .extractor()
        .class(master.behavior("OrderedCollection"));
    assert_eq!(
        placed.draft.superclass.as_deref(),
        Some("SequenceableCollection")
    );
    assert_eq!(&*placed.draft.package, "Collections");
    assert!(
        placed
            .draft
            .methods
            .iter()
            .any(|entry| &*entry.selector == "add:" && entry.ghost.is_some())
    );
    let names: Vec<_> = placed
        .draft
        .instance_variables
        .iter()
        .map(|name| &**name)
        .collect();
    assert!(names.contains(&"array"), "{names:?}");
    assert_eq!(
        placed.draft.slots.len(),
        master
            .image
            .heap()
            .slot_count(master.behavior("OrderedCollection"))
            - 3
    );
}

#[test]
fn no_method_draft_refers_to_what_a_machine_reads_as_a_ghost() {
    let master = Master::new();
    let heap = master.image.heap();
    let is_class = |reference: &Ref| match reference {
        Ref::Master(ghost) => {
            let oop = master
                .extractor()
                .oop_at(ghost.id)
                .expect("a ghost of this image");
            !matches!(master.index.place(oop), Some(Place::Behavior(_)))
                && heap.format(oop).is_code()
        }
        _ => false,
    };
    for oop in all_objects(&master) {
        let Draft::Method(method) = master.extractor().draft(oop).draft else {
            continue;
        };
        let own = method.code.literals.iter();
        // The code of a block that answers a constant is never read: its class answers.
        let constant = |local: &&LocalObject| match &local.class {
            Ref::Class(behavior) => closure::CONSTANT_CLASSES.contains(&&*behavior.class),
            _ => false,
        };
        let read = method.locals.iter().filter(|local| !constant(local));
        let inner = read.flat_map(|local| match &local.body {
            Body::Slots(slots) => slots.iter(),
            Body::Code(code) => code.literals.iter(),
            Body::Bytes(_) => [].iter(),
        });
        for reference in own.chain(inner) {
            assert!(
                !is_class(reference),
                "{}>>{}: {reference:?}",
                method.behavior,
                method.selector
            );
        }
    }
}

/// All references of a draft.
fn references(draft: &Draft) -> Vec<&Ref> {
    let own: Vec<&Ref> = match draft {
        Draft::Class(class) => class.slots.iter().collect(),
        Draft::Meta(meta) => meta.slots.iter().collect(),
        Draft::Method(method) => method.code.literals.iter().collect(),
        Draft::Object(object) => vec![&object.root],
    };
    let locals = draft.locals().iter().flat_map(|local| match &local.body {
        Body::Slots(slots) => slots.iter().collect::<Vec<_>>(),
        Body::Code(code) => code.literals.iter().collect(),
        Body::Bytes(_) => Vec::new(),
    });
    own.into_iter().chain(locals).collect()
}

#[test]
fn portable_code_holds_no_ids() {
    let master = Master::new();
    let extractor = Extractor::portable(master.image.heap(), &master.index);
    for (oop, place) in master.index.places() {
        if !matches!(place, Place::Behavior(_) | Place::Method(..)) {
            continue;
        }
        let placed = extractor.draft(oop);
        let title = placed.draft.to_string();
        assert_eq!((placed.id, placed.meta_id), (0, 0), "{title}");
        assert!(placed.local_ids.iter().all(|id| *id == 0), "{title}");
        let has_id = references(&placed.draft)
            .iter()
            .any(|reference| matches!(reference, Ref::Master(_)));
        assert!(!has_id, "{title}");
    }
}

#[test]
fn a_bundle_holds_a_package_and_what_it_stands_on() {
    let master = Master::new();
    let mut session = PullSession::new(&master.vocabulary());
    let answer = master
        .extractor()
        .bundle(|package| package == "Collections", &mut session);
    let title = |placed: &Placed<Draft>| placed.draft.to_string();
    let titles: Vec<String> = answer.placed.iter().map(title).collect();
    let position = |wanted: &str| titles.iter().position(|title| title == wanted);
    assert!(
        position("Object") < position("OrderedCollection"),
        "superclasses come first"
    );
    assert!(position("OrderedCollection>>add:").is_some());
    assert!(position("TestCase").is_none());
}
