//! Writing Spur files: one segment, objects in order of address, class-table pages made now.

use super::header::{HEADER_BYTES, SpurHeader};
use super::{BRIDGE, FREE_LIST_SLOTS, HIDDEN_ROOTS_SLOTS};
use crate::info::class_name;
use crate::problem::{ImageError, ImageProblem};
use crate::reach::{Reachable, reachable, strong_slots};
use crate::save::write_beside_and_rename;
use imprint_heap::{Heap, NoRoots, PREFERRED_BASE};
use imprint_model::header::{OVERFLOW_SLOTS, overflow_word};
use imprint_model::{ClassIndex, Format, Header, Oop};
use rustc_hash::FxHashMap;
use std::path::Path;

/// Pages of the class table that a file may have: 256 are 2 MB.
const PAGES_MAX: usize = 256;
/// Pages that every file has: stock VMs expect two.
const PAGES_MIN: usize = 2;

/// Writes what a heap reaches as a Spur file.
///
/// # Errors
/// [`ImageError`]: a ghost in the heap, or the file cannot be written.
pub fn write_spur(heap: &Heap, path: &Path) -> Result<(), ImageError> {
    let bytes = spur_bytes(heap).map_err(|problem| problem.of(path))?;
    write_beside_and_rename(path, &bytes)
}

/// The content of the Spur file of a heap: a function of the objects it reaches, in the order of
/// their addresses.
///
/// # Errors
/// [`ImageProblem`]: a ghost in the heap, or a heap that is not whole.
pub fn spur_bytes(heap: &Heap) -> Result<Vec<u8>, ImageProblem> {
    let bytes = spur_bytes_unread(heap)?;
    debug_assert!(
        super::read_spur_bytes(&bytes, imprint_heap::HeapSettings::for_builder()).is_ok(),
        "what was written can be read"
    );
    Ok(bytes)
}

/// As [`spur_bytes`], without reading it back where assertions are on: for tests of damage.
#[doc(hidden)]
pub fn spur_bytes_unread(heap: &Heap) -> Result<Vec<u8>, ImageProblem> {
    let reach = reachable(heap);
    check_before(heap, &reach)?;
    let mut writer = Writer::new(heap, &reach);
    writer.write_fixed_objects();
    writer.write_objects();
    Ok(writer.finish())
}

fn check_before(heap: &Heap, reach: &Reachable) -> Result<(), ImageProblem> {
    if heap.special_objects().bits() == 0 {
        return Err(ImageProblem::unwritable("it has no special objects array"));
    }
    if let Err(faults) = heap.verify(&mut NoRoots) {
        return Err(ImageProblem::unwritable(faults[0].to_string()));
    }
    for oop in &reach.order {
        check_ghosts(heap, *oop)?;
        check_class(heap, *oop)?;
    }
    let limit = PAGES_MAX * ClassIndex::PAGE_SIZE;
    match reach.classes.last() {
        Some((index, class)) if *index as usize >= limit => Err(ImageProblem::ClassIndexTooHigh {
            class: class_name(heap, *class),
            index: *index,
        }),
        _ => Ok(()),
    }
}

/// Stock virtual machines know the class of every object.
fn check_class(heap: &Heap, oop: Oop) -> Result<(), ImageProblem> {
    let index = heap.class_index_of(oop);
    if heap.is_class_index(index) {
        return Ok(());
    }
    let what = format!("it has objects of class index {index}, where there is no class");
    Err(ImageProblem::unwritable(what))
}

fn check_ghosts(heap: &Heap, oop: Oop) -> Result<(), ImageProblem> {
    for slot in 0..heap.pointer_slot_count(oop) {
        if let Some(ghost) = heap.slot(oop, slot).as_ghost() {
            let class = class_name(heap, heap.class_of(oop));
            return Err(ImageProblem::Ghost {
                class,
                slot,
                id: ghost.id,
            });
        }
    }
    Ok(())
}

struct Writer<'heap> {
    heap: &'heap Heap,
    classes: &'heap [(u32, Oop)],
    /// All but nil, false and true.
    objects: Vec<Oop>,
    addresses: FxHashMap<Oop, u64>,
    pages: usize,
    words: Vec<u64>,
}

impl<'heap> Writer<'heap> {
    fn new(heap: &'heap Heap, reach: &'heap Reachable) -> Writer<'heap> {
        let firsts = [heap.nil(), heap.false_object(), heap.true_object()];
        let mut objects: Vec<Oop> = reach.order.clone();
        objects.retain(|oop| !firsts.contains(oop));
        objects.sort_unstable();
        let highest = reach.classes.last().map_or(0, |(index, _)| *index as usize);
        let mut writer = Writer {
            heap,
            classes: &reach.classes,
            objects,
            addresses: FxHashMap::default(),
            pages: (highest / ClassIndex::PAGE_SIZE + 1).max(PAGES_MIN),
            words: Vec::new(),
        };
        writer.place(firsts);
        writer
    }

    /// Gives every object its address in the file.
    fn place(&mut self, firsts: [Oop; 3]) {
        let mut at = PREFERRED_BASE;
        for oop in firsts {
            self.addresses.insert(oop, at);
            at += 16;
        }
        at += words_of(FREE_LIST_SLOTS) * 8 + words_of(HIDDEN_ROOTS_SLOTS) * 8;
        at += self.pages as u64 * words_of(ClassIndex::PAGE_SIZE) * 8;
        for oop in &self.objects {
            let slots = self.heap.slot_count(*oop);
            let leading = if slots >= OVERFLOW_SLOTS as usize {
                8
            } else {
                0
            };
            self.addresses.insert(*oop, at + leading);
            at += words_of(slots) * 8;
        }
        self.words
            .reserve_exact(((at - PREFERRED_BASE) / 8) as usize + 2);
    }

    fn next_address(&self) -> u64 {
        PREFERRED_BASE + self.words.len() as u64 * 8
    }

    fn write_fixed_objects(&mut self) {
        for oop in [
            self.heap.nil(),
            self.heap.false_object(),
            self.heap.true_object(),
        ] {
            self.write_object(oop);
        }
        self.begin(FREE_LIST_SLOTS, Format::WORDS_64, ClassIndex::WORDS_64_PUN);
        self.words.extend([0; FREE_LIST_SLOTS]);
        self.begin(HIDDEN_ROOTS_SLOTS, Format::ARRAY, ClassIndex::ARRAY_PUN);
        let first_page = self.next_address() + HIDDEN_ROOTS_SLOTS as u64 * 8 + 8;
        let nil = self.addresses[&self.heap.nil()];
        for page in 0..HIDDEN_ROOTS_SLOTS as u64 {
            let is_page = page < self.pages as u64;
            let address = first_page + page * words_of(ClassIndex::PAGE_SIZE) * 8;
            self.words.push(if is_page { address } else { nil });
        }
        let mut entries = vec![nil; self.pages * ClassIndex::PAGE_SIZE];
        for (index, class) in self.classes {
            entries[*index as usize] = self.addresses[class];
        }
        for page in entries.chunks(ClassIndex::PAGE_SIZE) {
            self.begin(ClassIndex::PAGE_SIZE, Format::ARRAY, ClassIndex::ARRAY_PUN);
            self.words.extend(page);
        }
    }

    fn begin(&mut self, slots: usize, format: Format, class_index: u32) {
        if slots >= OVERFLOW_SLOTS as usize {
            self.words.push(overflow_word(slots));
        }
        self.words
            .push(Header::new(slots, format, class_index).bits());
    }

    fn write_objects(&mut self) {
        for oop in std::mem::take(&mut self.objects) {
            self.write_object(oop);
        }
    }

    fn write_object(&mut self, oop: Oop) {
        let slots = self.heap.slot_count(oop);
        if slots >= OVERFLOW_SLOTS as usize {
            self.words.push(overflow_word(slots));
        }
        debug_assert_eq!(self.next_address(), self.addresses[&oop]);
        self.words.push(file_header(self.heap.header(oop)).bits());
        let pointers = self.heap.pointer_slot_count(oop);
        let strong = strong_slots(self.heap, oop);
        for index in 0..pointers {
            let value = self.heap.slot(oop, index);
            let kept = if index < strong {
                Some(value)
            } else {
                self.kept_weakly(value)
            };
            let word = kept.map_or(self.addresses[&self.heap.nil()], |kept| self.word_for(kept));
            self.words.push(word);
        }
        for index in pointers..slots {
            self.words.push(self.heap.word(oop, index));
        }
        if slots == 0 {
            self.words.push(0);
        }
    }

    fn kept_weakly(&self, value: Oop) -> Option<Oop> {
        let is_kept = !value.is_object() || self.addresses.contains_key(&value);
        is_kept.then_some(value)
    }

    fn word_for(&self, value: Oop) -> u64 {
        if value.is_object() {
            self.addresses[&value]
        } else {
            value.bits()
        }
    }

    fn finish(mut self) -> Vec<u8> {
        self.words.extend([BRIDGE, 0]);
        let data_bytes = self.words.len() as u64 * 8;
        let header = SpurHeader {
            data_bytes,
            base: PREFERRED_BASE,
            special_objects: self.addresses[&self.heap.special_objects()],
            last_hash: u64::from(self.heap.last_hash()),
            first_segment_bytes: data_bytes,
            free_bytes: 0,
        };
        let mut bytes = Vec::with_capacity(HEADER_BYTES + data_bytes as usize);
        bytes.extend(header.encode());
        bytes.extend(self.words.iter().flat_map(|word| word.to_le_bytes()));
        bytes
    }
}

/// Words that an object with `slots` slots takes in all.
fn words_of(slots: usize) -> u64 {
    let leading = if slots >= OVERFLOW_SLOTS as usize {
        1
    } else {
        0
    };
    (leading + 1 + slots.max(1)) as u64
}

/// The header as a file has it: without the marks of collectors and the bits that Spur leaves
/// unused.
fn file_header(header: Header) -> Header {
    let plain = header
        .with_marked(false)
        .with_remembered(false)
        .with_grey(false)
        .with_pinned(header.is_pinned());
    Header::from_bits(plain.bits() & !(1 << 22 | 1 << 54))
}
