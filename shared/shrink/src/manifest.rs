//! The manifest: what a slim image holds and why, what was dropped, and which texts its class
//! variables hold (a user looks there for secrets).

use std::collections::BTreeMap;

use imprint_heap::Heap;
use imprint_isa::{Draft, Ref};
use imprint_model::layout::association;
use imprint_vm::Presence;
use serde::{Deserialize, Serialize};

use crate::live::Live;
use crate::select::{Selection, Taken};

/// Version of the form.
pub const MANIFEST_VERSION: u32 = 1;

/// Texts of class variables are cut after this many characters.
const TEXT_LENGTH_MAX: usize = 120;

/// What a slim image holds, and why.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of this form.
    pub version: u32,
    /// The entry expression.
    pub entry: String,
    /// What is in the image.
    pub counts: Counts,
    /// Kept classes and methods, by name, with the reasons.
    pub kept: BTreeMap<String, Vec<String>>,
    /// Of those, what no production code reached.
    pub only_reached_by_tests: Vec<String>,
    /// Selectors of methods that were dropped, by kept class.
    pub dropped_methods: BTreeMap<String, Vec<String>>,
    /// How many methods these are.
    pub dropped_method_count: usize,
    /// Classes that were left out with their packages.
    pub excluded_classes: Vec<String>,
    /// Entries of method dictionaries that say that their method was dropped.
    pub tombstones: usize,
    /// Texts that class variables hold.
    pub class_variable_texts: BTreeMap<String, String>,
}

/// What is in a slim image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Classes, without metaclasses.
    pub classes: usize,
    /// Methods.
    pub methods: usize,
    /// All other objects.
    pub objects: usize,
}

impl Manifest {
    /// The manifest of a selection that was installed.
    pub(crate) fn of(
        heap: &Heap,
        presence: &Presence,
        selection: &Selection,
        live: &Live,
    ) -> Manifest {
        let mut manifest = Manifest {
            version: MANIFEST_VERSION,
            ..Manifest::default()
        };
        let is_live = |taken: &&Taken| presence.get(id_of(taken)).is_some_and(|oop| live.has(oop));
        for taken in selection.taken.iter().filter(is_live) {
            manifest.note(taken);
            manifest.note_text(heap, presence, taken);
        }
        manifest.forget_kept();
        let named = manifest.counts.classes + manifest.counts.methods;
        manifest.counts.objects = live.len().saturating_sub(named);
        manifest.excluded_classes = selection.excluded.iter().map(ToString::to_string).collect();
        manifest.excluded_classes.sort();
        manifest
    }

    /// The JSON text of it.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("maps have text keys")
    }

    fn note(&mut self, taken: &Taken) {
        let title = taken.placed.draft.to_string();
        match &taken.placed.draft {
            Draft::Class(class) => {
                self.counts.classes += 1;
                let selectors = class.methods.iter().map(|entry| entry.selector.to_string());
                self.dropped_methods
                    .insert(title.clone(), selectors.collect());
            }
            Draft::Meta(meta) => {
                let selectors = meta.methods.iter().map(|entry| entry.selector.to_string());
                self.dropped_methods.insert(title, selectors.collect());
                return;
            }
            Draft::Method(_) => self.counts.methods += 1,
            Draft::Object(_) => return,
        }
        if taken.only_tests {
            self.only_reached_by_tests.push(title.clone());
        }
        self.kept.insert(title, taken.because.clone());
    }

    fn note_text(&mut self, heap: &Heap, presence: &Presence, taken: &Taken) {
        let Draft::Object(object) = &taken.placed.draft else {
            return;
        };
        let Ref::ClassVariable { class, name } = &object.root else {
            return;
        };
        let binding = presence.get(taken.placed.id);
        let value = binding.map(|binding| heap.slot(binding, association::VALUE));
        let text = value
            .filter(|value| !heap.is_symbol(*value))
            .and_then(|value| heap.string_text(value));
        if let Some(text) = text {
            let short: String = text.chars().take(TEXT_LENGTH_MAX).collect();
            self.class_variable_texts
                .insert(format!("{class} {name}"), short);
        }
    }

    /// Takes the kept methods out of the list of dropped ones.
    fn forget_kept(&mut self) {
        for (class, selectors) in &mut self.dropped_methods {
            selectors.retain(|selector| !self.kept.contains_key(&format!("{class}>>{selector}")));
        }
        self.dropped_methods
            .retain(|_, selectors| !selectors.is_empty());
        self.dropped_method_count = self.dropped_methods.values().map(Vec::len).sum();
    }
}

fn id_of(taken: &Taken) -> u64 {
    match &taken.placed.draft {
        Draft::Meta(_) => taken.placed.meta_id,
        _ => taken.placed.id,
    }
}
