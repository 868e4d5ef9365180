//! Writes a heap as a Spur image of another width or byte order: what the tests of conversion read.

use imprint_heap::Heap;
use imprint_model::header::{OVERFLOW_SLOTS, overflow_word};
use imprint_model::layout::{block_closure, context};
use imprint_model::{ClassIndex, Format, Header, Oop};
use rustc_hash::FxHashMap;

const BASE: u64 = 0x10_0000;
const ROOTS: usize = ClassIndex::PAGE_SLOTS + ClassIndex::EXTRA_ROOTS;

/// The layout of a file.
#[derive(Clone, Copy)]
pub struct Layout {
    /// Bytes of a word.
    pub word_bytes: usize,
    /// Whether the highest byte of a number comes first.
    pub is_big_endian: bool,
}

/// What a slot of an object to be written holds.
#[derive(Clone)]
enum Word {
    Reference(Oop),
    Raw(u64),
}

/// An object to be written.
struct Item {
    /// What it is in the heap; `None` for what the memory keeps for itself.
    oop: Option<Oop>,
    header: Header,
    slots: usize,
    pointers: Vec<Word>,
    bytes: Vec<u8>,
    element_bytes: usize,
}

struct Writer<'a> {
    heap: &'a Heap,
    layout: Layout,
    items: Vec<Item>,
    addresses: FxHashMap<Oop, u64>,
    /// Addresses of numbers that need an object in this layout.
    boxed: FxHashMap<Oop, u64>,
}

impl Writer<'_> {
    fn number(&self, value: u64, width: usize) -> Vec<u8> {
        let mut bytes = value.to_le_bytes()[..width].to_vec();
        if self.layout.is_big_endian {
            bytes.reverse();
        }
        bytes
    }

    fn is_narrow(&self) -> bool {
        self.layout.word_bytes == 4
    }

    /// The word of an immediate, where the layout has one.
    fn immediate(&self, oop: Oop) -> Option<u64> {
        if !self.is_narrow() {
            return Some(oop.bits());
        }
        if let Some(value) = oop.as_small_integer() {
            let fits = (-(1 << 30)..1 << 30).contains(&value);
            return fits.then_some((value << 1 | 1) as u32 as u64);
        }
        oop.as_character().map(|value| u64::from(value) << 2 | 2)
    }

    fn box_number(&mut self, oop: Oop) {
        let (class, bytes) = match oop.as_small_integer() {
            Some(value) => {
                let index = if value < 0 {
                    ClassIndex::LARGE_NEGATIVE
                } else {
                    ClassIndex::LARGE_POSITIVE
                };
                (index, self.magnitude(value.unsigned_abs()))
            }
            None => {
                let bits = self.heap.float_value(oop).expect("a float").to_bits();
                (ClassIndex::BOXED_FLOAT, bits.to_le_bytes().to_vec())
            }
        };
        let is_float = class == ClassIndex::BOXED_FLOAT;
        let format = if is_float {
            Format::WORDS_32
        } else {
            Format::BYTES
        };
        self.add_raw(Some(oop), class, format, bytes, 0);
    }

    fn magnitude(&self, value: u64) -> Vec<u8> {
        let length = 8 - value.leading_zeros() as usize / 8;
        value.to_le_bytes()[..length].to_vec()
    }

    fn add_raw(&mut self, oop: Option<Oop>, class: u32, format: Format, bytes: Vec<u8>, hash: u32) {
        let word = self.layout.word_bytes;
        let slots = bytes.len().div_ceil(word);
        let unused = slots * word - bytes.len();
        let odd = if format.base() == Format::WORDS_32 && word == 4 {
            0
        } else {
            unused / format.element_bytes()
        };
        let format = Format::from_bits(format.base().bits() + odd as u8);
        self.items.push(Item {
            oop,
            header: Header::new(slots, format, class).with_hash(hash),
            slots,
            pointers: Vec::new(),
            bytes,
            element_bytes: format.element_bytes(),
        });
    }

    fn add_object(&mut self, oop: Oop) {
        let header = self.heap.header(oop);
        if header.format().is_raw() {
            let bytes = self.heap.bytes(oop).to_vec();
            let (class, format) = (header.class_index(), header.format());
            self.add_raw(Some(oop), class, format, bytes, header.hash());
        } else {
            let count = self.heap.pointer_slot_count(oop);
            let mut pointers: Vec<Word> = (0..count)
                .map(|slot| Word::Reference(self.heap.slot(oop, slot)))
                .collect();
            self.narrow_code(oop, &mut pointers);
            let bytes = self.heap.bytes(oop).to_vec();
            let word = self.layout.word_bytes;
            let bytes_words = if header.format().is_code() {
                bytes.len()
            } else {
                0
            };
            let slots = count + bytes_words.div_ceil(word);
            let mut format = header.format();
            if format.is_code() {
                let unused = bytes_words.div_ceil(word) * word - bytes_words;
                format = Format::from_bits(Format::CODE.bits() + unused as u8);
            }
            self.items.push(Item {
                oop: Some(oop),
                header: Header::new(slots, format, header.class_index())
                    .with_hash(header.hash())
                    .with_read_only(header.is_read_only()),
                slots,
                pointers,
                bytes,
                element_bytes: 1,
            });
        }
        for slot in 0..self.heap.pointer_slot_count(oop) {
            let value = self.heap.slot(oop, slot);
            let is_code_header = slot == 0 && self.heap.format(oop).is_code();
            let needs_object = !value.is_object() && self.immediate(value).is_none();
            if needs_object && !is_code_header && !self.boxed.contains_key(&value) {
                self.boxed.insert(value, 0);
                self.box_number(value);
            }
        }
    }

    /// Method headers and program counters as words of 32 bits have them.
    fn narrow_code(&self, oop: Oop, pointers: &mut [Word]) {
        if !self.is_narrow() {
            return;
        }
        if self.heap.format(oop).is_code() {
            let value = self.heap.slot(oop, 0).as_small_integer().expect("a header");
            let sign = if value < 0 { 1u64 << 31 } else { 0 };
            let low = (value as u64 & 0x3FFF_FFFF) << 1 | 1;
            pointers[0] = Word::Raw(sign | low);
        }
        let (slot, method) = match self.heap.class_index_of(oop) {
            ClassIndex::CONTEXT => (context::PC, self.heap.slot(oop, context::METHOD)),
            ClassIndex::BLOCK_CLOSURE => {
                let outer = self.heap.slot(oop, block_closure::OUTER_CONTEXT);
                (
                    block_closure::START_PC,
                    self.heap.slot(outer, context::METHOD),
                )
            }
            _ => return,
        };
        let literals = 1 + self.heap.literal_count(method) as i64;
        if let Some(pc) = self.heap.slot(oop, slot).as_small_integer() {
            pointers[slot] = Word::Raw(((pc - 4 * literals) << 1 | 1) as u64);
        }
    }

    fn header_bytes(&self, bits: u64) -> Vec<u8> {
        if self.is_narrow() {
            let mut bytes = self.number(bits & 0xFFFF_FFFF, 4);
            bytes.extend(self.number(bits >> 32, 4));
            return bytes;
        }
        self.number(bits, 8)
    }

    fn place(&mut self) -> u64 {
        let mut at = BASE;
        for item in &self.items {
            let leading = if item.slots >= OVERFLOW_SLOTS as usize {
                8
            } else {
                0
            };
            if let Some(oop) = item.oop {
                let table = if oop.is_object() {
                    &mut self.addresses
                } else {
                    &mut self.boxed
                };
                table.insert(oop, at + leading);
            }
            let body = (item.slots.max(1) * self.layout.word_bytes).next_multiple_of(8);
            at += leading + 8 + body as u64;
        }
        at
    }

    fn word(&self, word: &Word) -> u64 {
        match word {
            Word::Raw(value) => *value,
            Word::Reference(oop) if oop.is_object() => self.addresses[oop],
            Word::Reference(oop) => self.immediate(*oop).unwrap_or_else(|| self.boxed[oop]),
        }
    }

    fn item_bytes(&self, item: &Item) -> Vec<u8> {
        let mut bytes = Vec::new();
        if item.slots >= OVERFLOW_SLOTS as usize {
            bytes.extend(self.header_bytes(overflow_word(item.slots)));
        }
        bytes.extend(self.header_bytes(item.header.bits()));
        let start = bytes.len();
        for word in &item.pointers {
            bytes.extend(self.number(self.word(word), self.layout.word_bytes));
        }
        let mut raw = item.bytes.clone();
        let width = item.element_bytes;
        if self.layout.is_big_endian {
            raw.chunks_exact_mut(width).for_each(<[u8]>::reverse);
        }
        if item.header.class_index() == ClassIndex::BOXED_FLOAT && self.layout.is_big_endian {
            raw = item.bytes.iter().rev().copied().collect();
        }
        bytes.extend(raw);
        let body = (item.slots.max(1) * self.layout.word_bytes).next_multiple_of(8);
        bytes.resize(start + body, 0);
        bytes
    }
}

/// The file of a heap in a layout.
pub fn written(heap: &Heap, layout: Layout) -> Vec<u8> {
    let mut writer = Writer {
        heap,
        layout,
        items: Vec::new(),
        addresses: FxHashMap::default(),
        boxed: FxHashMap::default(),
    };
    let firsts = [heap.nil(), heap.false_object(), heap.true_object()];
    firsts.iter().for_each(|oop| writer.add_object(*oop));
    let free = vec![0; 64 * layout.word_bytes];
    writer.add_raw(None, ClassIndex::WORDS_64_PUN, Format::WORDS_64, free, 0);
    let page_slots = ClassIndex::PAGE_SIZE;
    add_own_array(&mut writer, ROOTS, |_| Word::Raw(0));
    for page in 0..2 {
        add_own_array(&mut writer, page_slots, |entry| {
            let class = heap.class_at((page * page_slots + entry) as u32);
            Word::Reference(class.unwrap_or(heap.nil()))
        });
    }
    let all = heap.all_objects();
    let others = all.into_iter().filter(|oop| !firsts.contains(oop));
    others.for_each(|oop| writer.add_object(oop));
    let end = writer.place();
    patch_pages(&mut writer);
    let mut data: Vec<u8> = Vec::new();
    for item in &writer.items {
        data.extend(writer.item_bytes(item));
    }
    assert_eq!(BASE + data.len() as u64, end);
    data.extend(writer.header_bytes(0x0080_0000_4900_0003));
    data.extend([0; 8]);
    let mut file = file_header(&writer, data.len() as u64);
    file.extend(data);
    file
}

fn add_own_array(writer: &mut Writer<'_>, slots: usize, word: impl Fn(usize) -> Word) {
    writer.items.push(Item {
        oop: None,
        header: Header::new(slots, Format::ARRAY, ClassIndex::ARRAY_PUN),
        slots,
        pointers: (0..slots).map(word).collect(),
        bytes: Vec::new(),
        element_bytes: 1,
    });
}

/// Lets the hidden roots name the two pages behind them.
fn patch_pages(writer: &mut Writer<'_>) {
    let bytes = |slots: usize| (16 + slots * writer.layout.word_bytes) as u64;
    let mut at = BASE;
    for item in &writer.items[..4] {
        let body = (item.slots.max(1) * writer.layout.word_bytes).next_multiple_of(8);
        at += 8 + body as u64;
    }
    let first = at + bytes(ROOTS) + 8;
    let second = first + bytes(ClassIndex::PAGE_SIZE);
    let nil = Word::Reference(writer.heap.nil());
    let roots = &mut writer.items[4].pointers;
    roots.fill(nil);
    roots[0] = Word::Raw(first);
    roots[1] = Word::Raw(second);
}

fn file_header(writer: &Writer<'_>, data_bytes: u64) -> Vec<u8> {
    let narrow = writer.is_narrow();
    let word = writer.layout.word_bytes;
    let length = if narrow { 64 } else { 128 };
    let mut header = vec![0; length];
    let mut set = |at: usize, value: u64, width: usize| {
        header[at..at + width].copy_from_slice(&writer.number(value, width));
    };
    set(0, if narrow { 6521 } else { 68021 }, 4);
    set(4, length as u64, 4);
    let special = writer.addresses[&writer.heap.special_objects()];
    let last_hash = u64::from(writer.heap.last_hash());
    for (position, value) in [data_bytes, BASE, special, last_hash]
        .into_iter()
        .enumerate()
    {
        set(8 + position * word, value, word);
    }
    let little = u64::from(!writer.layout.is_big_endian) * 2;
    set(if narrow { 28 } else { 48 }, little, word);
    set(if narrow { 48 } else { 72 }, data_bytes, word);
    header
}

/// Name and layout.
pub const LAYOUTS: &[(&str, Layout)] = &[
    (
        "6521",
        Layout {
            word_bytes: 4,
            is_big_endian: false,
        },
    ),
    (
        "6521 swapped",
        Layout {
            word_bytes: 4,
            is_big_endian: true,
        },
    ),
    (
        "68021 swapped",
        Layout {
            word_bytes: 8,
            is_big_endian: true,
        },
    ),
];
