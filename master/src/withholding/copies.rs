//! Where the text of a withheld variable stands besides.
//!
//! ```text
//!   texts of methods, comments of classes    say nothing to a machine: there it is blanked
//!   literals, other variables, symbols       would take it along: then nothing is served
//! ```
//!
//! A literal is not blanked, since code would run with another value than it was written with.

use imprint_heap::Heap;
use imprint_isa::{BehaviorName, Name, Ref};
use imprint_model::layout::{association, behavior, class};
use imprint_model::{Format, Oop};
use imprint_vm::install::{MethodDictionary, Names};
use std::collections::HashSet;

use crate::full_image::LiveImage;

/// A shorter text may stand elsewhere by chance.
const TEXT_LENGTH_MIN: usize = 4;
/// So many places are named; the rest is counted.
const PLACES_NAMED_MAX: usize = 5;
/// What stands where a secret stood.
const BLANK: u8 = b'*';

/// The text that a withheld variable held.
pub(super) struct Secret {
    /// What the user calls the variable.
    pub variable: String,
    text: String,
}

impl Secret {
    /// The text of a value that may stand elsewhere.
    pub fn of(variable: &str, heap: &Heap, value: Oop) -> Option<Secret> {
        let text = value.is_object().then(|| heap.string_text(value))??;
        (text.len() >= TEXT_LENGTH_MIN).then(|| Secret {
            variable: variable.to_string(),
            text,
        })
    }

    /// Blanks it in what is only read by people. Answers where, as a user calls it.
    pub fn blank(&self, image: &mut LiveImage) -> Vec<String> {
        let mut places = self.methods_by_text(image);
        let mut book = image.book.borrow_mut();
        for written in self.as_written() {
            book.blank(written.as_bytes(), BLANK);
        }
        drop(book);
        let heap = &mut image.vm.heap;
        for name in image.vm.names.class_names() {
            let comment = (image.vm.names.class_object(heap, name))
                .filter(|class| heap.slot_count(*class) > class::COMMENT_SOURCE_POINTER)
                .map(|class| heap.slot(class, class::COMMENT_SOURCE_POINTER));
            if comment.is_some_and(|comment| self.blank_object(heap, comment)) {
                places.push(format!("the comment of {name}"));
            }
        }
        places.sort();
        places
    }

    /// The methods whose texts hold it.
    fn methods_by_text(&self, image: &LiveImage) -> Vec<String> {
        let book = image.book.borrow();
        let written = self.as_written();
        let holds = |text: &str| written.iter().any(|it| text.contains(it.as_str()));
        let mut found = Vec::new();
        each_method(
            &image.vm.heap,
            &image.vm.names,
            |behavior, selector, method| {
                let (heap, names) = (&image.vm.heap, &image.vm.names);
                let pointer = imprint_vm::install::source_pointer_in(heap, names, method);
                if book
                    .text(behavior, selector, pointer)
                    .is_some_and(|text| holds(&text))
                {
                    found.push(format!("{behavior}>>{selector}"));
                }
            },
        );
        found
    }

    /// As it may be written in a text: quotes double inside a literal, and bangs in a changes file.
    fn as_written(&self) -> Vec<String> {
        let quoted = self.text.replace('\'', "''");
        let commented = self.text.replace('"', "\"\"");
        let mut all = vec![self.text.clone(), quoted, commented];
        all.extend(all.clone().iter().map(|it| it.replace('!', "!!")));
        all.sort();
        all.dedup();
        all
    }

    fn blank_object(&self, heap: &mut Heap, oop: Oop) -> bool {
        if !self.is_in(heap, oop) {
            return false;
        }
        if heap.format(oop).is_words_32() {
            blank_all(
                heap.words_32_mut(oop),
                &code_points(&self.text),
                u32::from(BLANK),
            );
        } else {
            let narrow: Vec<u8> = code_points(&self.text).iter().map(|it| *it as u8).collect();
            blank_all(heap.bytes_mut(oop), &narrow, BLANK);
        }
        true
    }

    fn is_in(&self, heap: &Heap, oop: Oop) -> bool {
        let is_text = oop.is_object() && heap.format(oop).is_raw();
        is_text
            && heap
                .string_text(oop)
                .is_some_and(|text| text.contains(&self.text))
    }

    /// The places that would take it along, as a user calls them; those without a name are counted.
    pub fn copies(&self, heap: &Heap, names: &Names) -> Vec<String> {
        let mut copies = HashSet::new();
        heap.for_each_object(|oop| {
            if self.is_in(heap, oop) {
                copies.insert(oop);
            }
        });
        if copies.is_empty() {
            return Vec::new();
        }
        let mut named = HashSet::new();
        let mut places = Vec::new();
        each_method(heap, names, |behavior, selector, method| {
            let literals = literals(heap, method);
            let held: Vec<Oop> = literals.intersection(&copies).copied().collect();
            if !held.is_empty() {
                named.extend(held);
                places.push(format!("a literal of {behavior}>>{selector}"));
            }
        });
        for (reference, binding) in names.all_bindings() {
            let value = heap.slot(binding, association::VALUE);
            if copies.contains(&value) {
                named.insert(value);
                places.extend(variable(&reference));
            }
        }
        let others = copies.len() - named.len();
        let mut shown = listed(&places);
        if others > 0 {
            shown.push(format!("{others} other objects"));
        }
        shown
    }
}

/// A few places by name, and how many more there are.
pub(super) fn listed(places: &[String]) -> Vec<String> {
    let mut shown: Vec<String> = places.iter().take(PLACES_NAMED_MAX).cloned().collect();
    if let Some(more @ 1..) = places.len().checked_sub(PLACES_NAMED_MAX) {
        shown.push(format!("{more} places more"));
    }
    shown
}

fn variable(reference: &Ref) -> Option<String> {
    match reference {
        Ref::Global(name) | Ref::Undeclared(name) => Some(format!("the global {name}")),
        Ref::ClassVariable { class, name } => Some(format!("the variable {class}>>{name}")),
        _ => None,
    }
}

fn code_points(text: &str) -> Vec<u32> {
    text.chars().map(u32::from).collect()
}

fn blank_all<T: Copy + PartialEq>(elements: &mut [T], secret: &[T], blank: T) {
    let mut at = 0;
    while at + secret.len() <= elements.len() {
        if elements[at..].starts_with(secret) {
            elements[at..at + secret.len()].fill(blank);
        }
        at += 1;
    }
}

/// Calls with each method, behaviours by name.
fn each_method(heap: &Heap, names: &Names, mut found: impl FnMut(&BehaviorName, &str, Oop)) {
    let mut classes: Vec<&Name> = names.class_names().collect();
    classes.sort();
    for class in classes {
        for meta in [false, true] {
            let class = class.clone();
            let behavior = BehaviorName { class, meta };
            let Some(oop) = names.behavior(heap, &behavior) else {
                continue;
            };
            let dictionary = MethodDictionary(heap.slot(oop, behavior::METHOD_DICTIONARY));
            for (selector, method) in dictionary.entries(heap) {
                if method.is_object() && heap.format(method).is_code() {
                    let selector = heap.string_text(selector).unwrap_or_default();
                    found(&behavior, &selector, method);
                }
            }
        }
    }
}

/// The literals of code, those of its blocks and inside literal arrays too.
fn literals(heap: &Heap, method: Oop) -> HashSet<Oop> {
    let mut found = HashSet::new();
    let mut open = vec![method];
    while let Some(oop) = open.pop() {
        let parts: Vec<Oop> = match heap.format(oop) {
            format if format.is_code() => (0..heap.literal_count(oop))
                .map(|index| heap.literal(oop, index))
                .collect(),
            Format::ARRAY => (0..heap.slot_count(oop))
                .map(|index| heap.slot(oop, index))
                .collect(),
            _ => continue,
        };
        let fresh = parts.into_iter().filter(|part| part.is_object());
        open.extend(fresh.filter(|part| found.insert(*part)));
    }
    found
}
