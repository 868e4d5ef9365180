//! Objects and free chunks in the words of a segment, read with every bound checked.

use crate::problem::ImageProblem;
use imprint_model::header::{OVERFLOW_SLOTS, overflow_count};
use imprint_model::{ClassIndex, Header, Oop};

/// What begins at a place: an object, or a free chunk (class index 0).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chunk {
    /// The word with the header.
    pub(crate) at: usize,
    /// The header.
    pub(crate) header: Header,
    /// Slots, without the one an empty object occupies.
    pub(crate) slots: usize,
    /// The word after it.
    pub(crate) end: usize,
}

impl Chunk {
    /// Reads the chunk that begins at word `start`.
    pub(crate) fn read(words: &[u64], start: usize) -> Result<Chunk, ImageProblem> {
        let outside = || {
            let offset = start * 8;
            ImageProblem::damaged(format!("the object at offset {offset} ends outside of it"))
        };
        let first = *words.get(start).ok_or_else(outside)?;
        if first >> 56 != OVERFLOW_SLOTS {
            let header = Header::from_bits(first);
            let slots = header.slots_byte() as usize;
            return Chunk {
                at: start,
                header,
                slots,
                end: start + 1 + slots.max(1),
            }
            .within(words.len())
            .ok_or_else(outside);
        }
        let slots = overflow_count(first);
        let header = Header::from_bits(*words.get(start + 1).ok_or_else(outside)?);
        let is_odd = !header.has_overflow();
        let is_short = slots < OVERFLOW_SLOTS as usize && header.class_index() != 0;
        if is_odd || is_short {
            let offset = start * 8;
            let what = format!("the size of the object at offset {offset} makes no sense");
            return Err(ImageProblem::damaged(what));
        }
        let end = slots.max(1).checked_add(start + 2).ok_or_else(outside)?;
        Chunk {
            at: start + 1,
            header,
            slots,
            end,
        }
        .within(words.len())
        .ok_or_else(outside)
    }

    fn within(self, length: usize) -> Option<Chunk> {
        (self.end <= length).then_some(self)
    }

    /// Whether it is a free chunk.
    pub(crate) fn is_free(&self) -> bool {
        self.header.class_index() == 0
    }

    /// Slots that hold oops; the format was checked.
    pub(crate) fn pointer_slots(&self, words: &[u64]) -> usize {
        let format = self.header.format();
        if format.is_pointers() {
            return self.slots;
        }
        if !format.is_code() {
            return 0;
        }
        match Oop::from_bits(words[self.at + 1]).as_small_integer() {
            Some(header) => (1 + (header & 0x7FFF) as usize).min(self.slots),
            None => 0,
        }
    }

    /// Checks header bits and, of code, the header slot.
    pub(crate) fn check(&self, words: &[u64]) -> Result<(), ImageProblem> {
        let offset = self.at * 8;
        let damaged = |what: String| {
            Err(ImageProblem::damaged(format!(
                "the object at offset {offset} {what}"
            )))
        };
        let format = self.header.format();
        if format.is_forwarder() || self.header.class_index() == ClassIndex::FORWARDER {
            return damaged("is a forwarder, which no saved image holds".to_owned());
        }
        if !format.is_known() {
            return damaged(format!("has the unknown format {}", format.bits()));
        }
        if format.unused_bytes() > self.slots * 8 {
            return damaged("has fewer bytes than its format leaves unused".to_owned());
        }
        if format.bits() == 0 && self.slots != 0 {
            return damaged("has slots, but a format without any".to_owned());
        }
        if format.is_code() {
            let header = Oop::from_bits(words[self.at + 1]).as_small_integer();
            let literals = header.map(|header| 1 + (header & 0x7FFF) as usize);
            if literals.is_none_or(|literals| literals * 8 + format.unused_bytes() > self.slots * 8)
            {
                return damaged("is code with a header that does not fit it".to_owned());
            }
        }
        Ok(())
    }
}

/// One bit for each word, set where an object's header is.
#[derive(Clone, Debug)]
pub(crate) struct Starts(Vec<u64>);

impl Starts {
    /// No bits, for this many words.
    pub(crate) fn new(words: usize) -> Starts {
        Starts(vec![0; words.div_ceil(64)])
    }

    /// Sets the bit of a word.
    pub(crate) fn set(&mut self, word: usize) {
        self.0[word / 64] |= 1 << (word % 64);
    }

    /// The bit of a word; false outside.
    pub(crate) fn get(&self, word: usize) -> bool {
        self.0
            .get(word / 64)
            .is_some_and(|bits| bits >> (word % 64) & 1 != 0)
    }
}
