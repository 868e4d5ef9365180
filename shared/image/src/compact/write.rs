//! Writing the compact format.

use super::FORM;
use super::bytes::{length_of, put, zigzag};
use super::group::{Group, Hashes, Key, Size};
use super::metadata::Metadata;
use crate::problem::ImageProblem;
use crate::reach::{Reachable, reachable, strong_slots};
use crate::sealed::Form;
use imprint_heap::{Heap, NoRoots};
use imprint_model::Oop;
use imprint_model::hash::symbol_identity_hash;
use rustc_hash::FxHashMap;

/// How a compact image is written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CompactOptions {
    /// What it says of itself.
    pub metadata: Metadata,
    /// The level of zstd, 1 to 22.
    pub level: i32,
}

impl Default for CompactOptions {
    fn default() -> CompactOptions {
        CompactOptions {
            metadata: Metadata::default(),
            level: 19,
        }
    }
}

/// How large a compact image is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CompactSizes {
    /// Bytes that the file would have without compression.
    pub before_compression: usize,
    /// Bytes of the file.
    pub after: usize,
    /// Objects in it.
    pub objects: usize,
}

/// The content of the compact image of a heap, a function of the graph that it reaches.
///
/// # Errors
/// [`ImageProblem::Unwritable`] where the heap is not whole.
pub fn write_compact(
    heap: &Heap,
    options: &CompactOptions,
) -> Result<(Vec<u8>, CompactSizes), ImageProblem> {
    if heap.special_objects().bits() == 0 {
        return Err(ImageProblem::unwritable("it has no special objects array"));
    }
    if let Err(faults) = heap.verify(&mut NoRoots) {
        return Err(ImageProblem::unwritable(faults[0].to_string()));
    }
    let reach = reachable(heap);
    let body = Body::of(heap, &reach).write(&options.metadata);
    let file = FORM.seal(&body, options.level)?;
    let sizes = CompactSizes {
        before_compression: Form::bytes_around(body.len()),
        after: file.len(),
        objects: reach.order.len(),
    };
    debug_assert_eq!(
        super::read_compact(&file, imprint_heap::HeapSettings::for_builder())
            .err()
            .map(|problem| problem.to_string()),
        None,
        "what was written can be read"
    );
    Ok((file, sizes))
}

/// A file with a right checksum around any body: for tests of hostile ones.
#[doc(hidden)]
pub fn file_for_tests(body: &[u8]) -> Vec<u8> {
    FORM.seal_plainly(body)
}

/// Objects by group, and their numbers.
struct Body<'heap> {
    heap: &'heap Heap,
    reach: &'heap Reachable,
    groups: Vec<(Group, Vec<Oop>)>,
    numbers: FxHashMap<Oop, u64>,
}

impl<'heap> Body<'heap> {
    fn of(heap: &'heap Heap, reach: &'heap Reachable) -> Body<'heap> {
        let mut places: FxHashMap<Key, usize> = FxHashMap::default();
        let mut members: Vec<(Key, Vec<Oop>)> = Vec::new();
        for oop in &reach.order {
            let key = Key::of(heap.header(*oop));
            let place = *places.entry(key).or_insert(members.len());
            if place == members.len() {
                members.push((key, Vec::new()));
            }
            members[place].1.push(*oop);
        }
        let mut body = Body {
            heap,
            reach,
            groups: Vec::new(),
            numbers: FxHashMap::default(),
        };
        for (key, oops) in members {
            for oop in &oops {
                body.numbers.insert(*oop, body.numbers.len() as u64);
            }
            let sizes = oops.iter().map(|oop| body.size_of(*oop)).collect();
            let hashes = body.hashes_of(&oops);
            body.groups.push((Group { key, hashes, sizes }, oops));
        }
        body
    }

    fn size_of(&self, oop: Oop) -> Size {
        let pointers = self.heap.pointer_slot_count(oop);
        let is_code = self.heap.format(oop).is_code();
        Size {
            slots: pointers - usize::from(is_code),
            bytes: self.heap.byte_count(oop),
        }
    }

    fn hashes_of(&self, oops: &[Oop]) -> Hashes {
        let hash = |oop: &Oop| self.heap.header(*oop).hash();
        if oops.iter().all(|oop| hash(oop) == 0) {
            return Hashes::None;
        }
        let of_text = |oop: &Oop| {
            let text = self.heap.string_text(*oop);
            text.is_some_and(|text| symbol_identity_hash(&text) == hash(oop))
        };
        if oops.iter().all(of_text) {
            return Hashes::OfText;
        }
        if oops
            .iter()
            .all(|oop| self.lowest_index(*oop) == Some(hash(oop)))
        {
            return Hashes::OfIndex;
        }
        Hashes::Explicit
    }

    fn lowest_index(&self, class: Oop) -> Option<u32> {
        let hash = self.heap.header(class).hash();
        if self.heap.class_at(hash) != Some(class) {
            return None;
        }
        let mut entries = self.reach.classes.iter();
        entries
            .find(|(_, entry)| *entry == class)
            .map(|(index, _)| *index)
    }

    fn write(&self, metadata: &Metadata) -> Vec<u8> {
        let mut out = Vec::new();
        metadata.write(&mut out);
        put(&mut out, u64::from(self.heap.last_hash()));
        let (byte_symbols, wide_symbols) = self.heap.symbol_classes();
        for index in [byte_symbols, wide_symbols] {
            let is_there = self.heap.is_partial() || self.heap.is_class_index(index);
            put(&mut out, if is_there { u64::from(index) } else { 0 });
        }
        put(&mut out, self.numbers[&self.heap.special_objects()]);
        put(&mut out, self.groups.len() as u64);
        let mut last_class = 0;
        for (group, _) in &self.groups {
            group.write(&mut out, &mut last_class);
        }
        self.write_class_table(&mut out);
        for (group, oops) in &self.groups {
            self.write_contents(&mut out, group, oops);
        }
        out
    }

    fn write_class_table(&self, out: &mut Vec<u8>) {
        put(out, self.reach.classes.len() as u64);
        let (mut last_index, mut last_number) = (0, 0);
        for (index, class) in &self.reach.classes {
            let number = self.numbers[class] as i64;
            put(out, u64::from(index - last_index));
            put(out, zigzag(number - last_number));
            (last_index, last_number) = (*index, number);
        }
    }

    fn write_contents(&self, out: &mut Vec<u8>, group: &Group, oops: &[Oop]) {
        if group.hashes == Hashes::Explicit {
            for oop in oops {
                put(out, u64::from(self.heap.header(*oop).hash()));
            }
        }
        let size = group.sizes[0];
        let format = group.key.format;
        if group.is_uniform() && size.slots + size.bytes == 0 {
            return out.resize(out.len() + oops.len(), 0);
        }
        if group.is_uniform() && format.is_pointers() {
            return self.write_columns(out, oops, size.slots);
        }
        let mut last = 0;
        for oop in oops {
            for slot in 0..self.heap.pointer_slot_count(*oop) {
                self.write_slot(out, *oop, slot, &mut last);
            }
            out.extend(
                self.heap
                    .bytes(*oop)
                    .iter()
                    .take(self.heap.byte_count(*oop)),
            );
        }
    }

    fn write_columns(&self, out: &mut Vec<u8>, oops: &[Oop], slots: usize) {
        for slot in 0..slots {
            let mut last = 0;
            for oop in oops {
                self.write_slot(out, *oop, slot, &mut last);
            }
        }
    }

    fn write_slot(&self, out: &mut Vec<u8>, oop: Oop, slot: usize, last: &mut u64) {
        let value = self.heap.slot(oop, slot);
        if let Some(integer) = value.as_small_integer() {
            put(out, zigzag(integer) << 2 | 1);
        } else if let Some(code_point) = value.as_character() {
            put(out, u64::from(code_point) << 4 | 3);
        } else if let Some(float) = value.as_small_float() {
            put(out, 1 << 2 | 3);
            out.extend(float.to_bits().to_le_bytes());
        } else if let Some(ghost) = value.as_ghost() {
            put(out, ghost.id << 4 | 2 << 2 | 3);
            put(out, u64::from(ghost.hash));
        } else {
            self.write_reference(out, oop, slot, last);
        }
    }

    fn write_reference(&self, out: &mut Vec<u8>, oop: Oop, slot: usize, last: &mut u64) {
        let value = self.heap.slot(oop, slot);
        debug_assert!(
            slot >= strong_slots(self.heap, oop) || self.numbers.contains_key(&value),
            "a strong slot reaches what it holds"
        );
        let number = self.numbers.get(&value).copied().unwrap_or(0);
        let distance = zigzag(number as i64 - *last as i64);
        if length_of(distance << 2) < length_of(number << 2) {
            put(out, distance << 2 | 2);
        } else {
            put(out, number << 2);
        }
        if number > 2 {
            *last = number;
        }
    }
}
