//! The words of a file as objects: header, walk, class table.

use std::collections::HashMap;

const HEADER_BYTES: usize = 128;
const BRIDGE: u64 = 0x0080_0000_4900_0003;
const PAGE: usize = 1024;
const PAGE_SLOTS: usize = 4096;
const FLOATS_LITTLE_ENDIAN: u64 = 2;
/// Header bits that no saved object has: 22, remembered, grey, 54, marked.
const TRANSIENT: u64 = 1 << 22 | 1 << 29 | 1 << 31 | 1 << 54 | 1 << 55;

/// An object of the file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Object {
    /// Its address, that of its header.
    pub oop: u64,
    /// The word of its first slot.
    pub first: usize,
    pub slots: usize,
    pub format: u8,
    pub class: u32,
    pub hash: u32,
    header: u64,
}

/// All objects of a file.
pub(super) struct Memory {
    words: Vec<u64>,
    objects: Vec<Object>,
    by_oop: HashMap<u64, usize>,
    /// Classes by index.
    pub classes: HashMap<u32, u64>,
    /// The address of the special objects array.
    pub special: u64,
}

impl Memory {
    /// Reads header and objects; `None` where they make no sense at all.
    pub fn read(file: &[u8], faults: &mut Vec<String>) -> Option<Memory> {
        if file.len() < HEADER_BYTES || !file.len().is_multiple_of(8) {
            faults.push("the file has no whole header, or is no multiple of 8 bytes".to_owned());
            return None;
        }
        let all: Vec<u64> = file
            .as_chunks::<8>()
            .0
            .iter()
            .map(|bytes| u64::from_le_bytes(*bytes))
            .collect();
        check_header(&all, faults);
        let (base, special) = (all[2], all[3]);
        let words = all[HEADER_BYTES / 8..].to_vec();
        let objects = walk(&words, base, faults)?;
        let places = objects.iter().enumerate();
        let by_oop = places.map(|(at, object)| (object.oop, at)).collect();
        let mut memory = Memory {
            words,
            objects,
            by_oop,
            classes: HashMap::new(),
            special,
        };
        memory.check_firsts(faults)?;
        Some(memory)
    }

    /// All objects that are not the memory's own.
    pub fn objects(&self) -> impl Iterator<Item = &Object> {
        self.objects
            .iter()
            .filter(|object| !matches!(object.class, 16 | 19))
    }

    /// The object at an address.
    pub fn object(&self, oop: u64) -> Option<&Object> {
        self.by_oop.get(&oop).map(|at| &self.objects[*at])
    }

    /// The word in a slot.
    pub fn slot(&self, object: &Object, index: usize) -> Option<u64> {
        (index < object.slots).then(|| self.words[object.first + index])
    }

    /// The object in a slot.
    pub fn object_in(&self, object: &Object, index: usize) -> Option<&Object> {
        self.slot(object, index).and_then(|oop| self.object(oop))
    }

    /// The words of an object.
    pub fn words_of(&self, object: &Object) -> &[u64] {
        &self.words[object.first..object.first + object.slots]
    }

    /// The address of nil.
    pub fn nil(&self) -> u64 {
        self.objects[0].oop
    }

    /// nil, false and true.
    pub fn singletons(&self) -> [u64; 3] {
        [0, 1, 2].map(|at| self.objects[at].oop)
    }

    fn check_firsts(&mut self, faults: &mut Vec<String>) -> Option<()> {
        let Some([_, _, _, free, roots]) = self.objects.first_chunk().copied() else {
            faults.push("the file holds fewer than five objects".to_owned());
            return None;
        };
        if (free.format, free.class, free.slots) != (9, 19, 64) {
            faults.push("the fourth object is no free-list object".to_owned());
        }
        if self.words_of(&free).iter().any(|word| *word != 0) {
            faults.push("the free lists are not empty".to_owned());
        }
        if (roots.format, roots.class, roots.slots) != (2, 16, PAGE_SLOTS + 8) {
            faults.push("the fifth object is no hidden-roots object".to_owned());
            return None;
        }
        let nil = self.nil();
        let entries = self.words_of(&roots).to_vec();
        let pages = entries.iter().take_while(|oop| **oop != nil).count();
        if pages < 2 || entries[pages..].iter().any(|oop| *oop != nil) {
            faults.push(format!("the class table has {pages} pages, or a gap"));
        }
        for (number, oop) in entries[..pages].iter().enumerate() {
            self.read_page(number, *oop, faults);
        }
        Some(())
    }

    fn read_page(&mut self, number: usize, oop: u64, faults: &mut Vec<String>) {
        let page = self.object(oop).copied();
        let is_page = |page: &Object| (page.format, page.class, page.slots) == (2, 16, PAGE);
        let Some(page) = page.filter(is_page) else {
            faults.push(format!("page {number} of the class table is none"));
            return;
        };
        let entries = self.words_of(&page).to_vec();
        for (at, class) in entries.into_iter().enumerate() {
            if class != self.nil() {
                self.classes.insert((number * PAGE + at) as u32, class);
            }
        }
    }

    /// A class's identity hash is its index; the memory's own puns have no class.
    pub fn check_class_table(&self, faults: &mut Vec<String>) {
        for pun in [0, 6, 8, 16, 17, 18, 19] {
            if self.classes.contains_key(&pun) {
                faults.push(format!("the pun {pun} has a class"));
            }
        }
        for (index, oop) in &self.classes {
            let canonical = if *index == 3 { 1 } else { *index };
            match self.object(*oop) {
                Some(class) if class.hash == canonical => {}
                Some(class) => faults.push(format!(
                    "the class at index {index} has the identity hash {}",
                    class.hash
                )),
                None => faults.push(format!("index {index} of the class table is no object")),
            }
        }
    }
}

fn check_header(all: &[u64], faults: &mut Vec<String>) {
    let data = (all.len() * 8 - HEADER_BYTES) as u64;
    let rows = [
        ("format and header size", all[0], 128 << 32 | 68021),
        ("data size", all[1], data),
        ("screen size", all[5], 0),
        ("flags", all[6] & !(8 | 16), FLOATS_LITTLE_ENDIAN),
        ("first segment size", all[9], data),
        ("free old space", all[10], 0),
    ];
    for (name, found, expected) in rows {
        if found != expected {
            faults.push(format!("the header has the {name} {found}, not {expected}"));
        }
    }
    if all[2] == 0 || !all[2].is_multiple_of(8) {
        faults.push(format!("the base address is {:#x}", all[2]));
    }
    if all[4] == 0 || all[4] >> 22 != 0 {
        faults.push(format!(
            "the last hash {} is 0, or has more than 22 bits",
            all[4]
        ));
    }
    if all[11..16].iter().any(|word| *word != 0) {
        faults.push("the header's padding is not empty".to_owned());
    }
}

fn walk(words: &[u64], base: u64, faults: &mut Vec<String>) -> Option<Vec<Object>> {
    let end = words.len().checked_sub(2)?;
    if words[end] != BRIDGE || words[end + 1] != 0 {
        faults.push("the segment does not end with a bridge and 0".to_owned());
    }
    let mut objects = Vec::new();
    let mut at = 0;
    while at < end {
        let is_large = words[at] >> 56 == 255;
        let header_at = at + usize::from(is_large);
        let header = *words.get(header_at)?;
        let byte = (header >> 56) as usize;
        let slots = if is_large {
            (words[at] & ((1 << 56) - 1)) as usize
        } else {
            byte
        };
        if is_large != (byte == 255) || is_large && slots < 255 {
            faults.push(format!(
                "the size of the object at word {at} makes no sense"
            ));
            return None;
        }
        objects.push(Object {
            oop: base + header_at as u64 * 8,
            first: header_at + 1,
            slots,
            format: (header >> 24 & 31) as u8,
            class: (header & 0x3F_FFFF) as u32,
            hash: (header >> 32 & 0x3F_FFFF) as u32,
            header,
        });
        at = (header_at + 1).checked_add(slots.max(1))?;
    }
    if at != end {
        faults.push("the last object reaches into the bridge".to_owned());
        return None;
    }
    let transient = objects.iter().filter(|it| it.header & TRANSIENT != 0);
    faults.extend(transient.map(|it| format!("{:#x} has a transient header bit", it.oop)));
    Some(objects)
}
